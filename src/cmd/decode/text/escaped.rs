//! Strings with escapes, as programs print bytes and as Wireshark copies them: `"\x10\x0f"`,
//! `b'\x10\x0f\x00\x04MQTT'`, `\020\017`.

use super::{Parsed, Problem};

/// Whether a text has an escape with a number.
pub(super) fn looks_like_it(text: &str) -> bool {
    text.match_indices('\\').any(|(at, _)| {
        let mut after = text.get(at + 1..).unwrap_or_default().chars();
        match after.next() {
            Some('x' | 'u') => after
                .next()
                .is_some_and(|c| c.is_ascii_hexdigit() || c == '{'),
            Some(c) => c.is_digit(8),
            None => false,
        }
    })
}

/// If the first escape is in quotes, only what is in quotes counts: `printf '\x10' | nc` and
/// Wireshark's lines of strings mean what is inside.
pub(super) fn parse(text: &str) -> Parsed {
    let mut parsed = Parsed::default();
    let is_quoted = match (text.find(['"', '\'']), text.find('\\')) {
        (Some(quote), Some(escape)) => quote < escape,
        (quote, _) => quote.is_some(),
    };
    let mut quote = None;
    let lead = text.len() - text.trim_start().len();
    let mut chars = text.trim().char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        let at = lead + at;
        match (quote, c) {
            (None, '"' | '\'') if is_quoted => quote = Some(c),
            (Some(open), c) if c == open => quote = None,
            (None, _) if is_quoted => {}
            // Without quotes, line ends are not part of it.
            (None, '\r' | '\n') => {}
            (_, '\\') => {
                let rest = text.get(at + 1..).unwrap_or_default();
                match escape(rest) {
                    Ok((byte, len)) => {
                        parsed.bytes.extend(byte);
                        while chars
                            .next_if(|(next, _)| lead + next < at + 1 + len)
                            .is_some()
                        {}
                    }
                    Err(what) => {
                        parsed.problem = Some(Problem::new(at, what));
                        return parsed;
                    }
                }
            }
            (_, c) => {
                let mut buffer = [0; 4];
                parsed
                    .bytes
                    .extend_from_slice(c.encode_utf8(&mut buffer).as_bytes());
            }
        }
    }
    parsed
}

/// The byte of an escape, without its backslash, and how long the escape is. A backslash at the
/// end of a line is none.
pub(super) fn escape(rest: &str) -> Result<(Option<u8>, usize), String> {
    let Some(first) = rest.chars().next() else {
        return Ok((None, 0));
    };
    let numbered = |from: usize, max: usize, radix: u32| {
        let digits = rest.get(from..).unwrap_or_default();
        let len = digits
            .chars()
            .take(max)
            .take_while(|c| c.is_digit(radix))
            .count();
        let value = u32::from_str_radix(digits.get(..len).unwrap_or_default(), radix);
        match value.ok().and_then(|value| u8::try_from(value).ok()) {
            Some(byte) => Ok((Some(byte), from + len)),
            None => {
                let shown: String = rest.chars().take(from + max).collect();
                Err(format!("'\\{}' is no byte", shown.escape_debug()))
            }
        }
    };
    let simple = |byte: u8| Ok((Some(byte), 1));
    match first {
        'x' if rest.starts_with("x{") => {
            let (byte, len) = numbered(2, 2, 16)?;
            Ok((
                byte,
                len + usize::from(rest.get(len..).is_some_and(|r| r.starts_with('}'))),
            ))
        }
        'x' => numbered(1, 2, 16),
        // JSON has no other way to write controls; above 127 it would be a character, no byte.
        'u' => match numbered(1, 4, 16)? {
            (Some(byte), len) if byte < 0x80 && len == 5 => Ok((Some(byte), len)),
            _ => Err("a \\u escape above 7f is a character and no byte,".into()),
        },
        '0'..='7' => numbered(0, 3, 8),
        'n' => simple(b'\n'),
        'r' => simple(b'\r'),
        't' => simple(b'\t'),
        'a' => simple(7),
        'b' => simple(8),
        'v' => simple(11),
        'f' => simple(12),
        'e' => simple(27),
        '\\' | '\'' | '"' | '?' | '/' => simple(first as u8),
        '\r' | '\n' => Ok((None, 1)),
        other => Err(format!("'\\{}' is no escape", other.escape_debug())),
    }
}
