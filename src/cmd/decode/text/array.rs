//! Arrays of numbers as in the source of a program: C, Go, Java, Python, JSON. What Wireshark
//! copies as a C array, and `xxd -i` prints.

use super::dump::heading;
use super::{Parsed, Piece, Problem, escaped};

/// Whether a text has numbers in braces or brackets, or begins with one with `0x`.
pub(super) fn looks_like_it(text: &str) -> bool {
    let clean = plain(text);
    let (open, close) = brackets(&clean);
    let is_list = |list: &str| {
        let mut words = list.split([',', ' ', '\n', '\t', close]);
        let first = words.find(|word| !word.is_empty()).unwrap_or_default();
        first.starts_with("(byte)")
            || first.starts_with(|c: char| c == '-' || c.is_ascii_hexdigit())
    };
    match clean.split_once(open) {
        Some((_, list)) => list.contains(close) && is_list(list),
        None => clean.trim_start().starts_with("0x"),
    }
}

/// Whether the characters of a text with escapes are those of an array, as nothing is in quotes
/// before it.
pub(super) fn has_characters(text: &str) -> bool {
    let clean = plain(text);
    let (open, _) = brackets(&clean);
    let before = clean.split(open).next().unwrap_or_default();
    before.len() < clean.len() && !before.contains(['\\', '"', '\'']) && looks_like_it(text)
}

pub(super) fn parse(text: &str) -> Parsed {
    let clean = plain(text);
    let (open, close) = brackets(&clean);
    let mut parsed = Parsed::default();
    if !clean.contains(open) {
        list(&clean, 0, &mut parsed);
        return parsed;
    }
    let mut from = 0;
    while let Some(start) = clean.get(from..).and_then(|rest| rest.find(open)) {
        let start = from + start + 1;
        let rest = clean.get(start..).unwrap_or_default();
        let len = rest.find(close).unwrap_or(rest.len());
        list(rest.get(..len).unwrap_or_default(), start, &mut parsed);
        if parsed.problem.is_some() {
            break;
        }
        parsed.pieces.push(Piece {
            end: parsed.bytes.len(),
            title: title(text.get(from..start).unwrap_or_default()),
        });
        from = start + len;
    }
    parsed
}

/// What Wireshark writes in a comment before each array: `/* Frame (91 bytes) */`.
fn title(before: &str) -> Option<String> {
    let (_, comment) = before.rsplit_once("/*")?;
    let (comment, _) = comment.split_once("*/")?;
    heading(comment.trim())
}

/// Braces, as in C; brackets where there are none.
fn brackets(text: &str) -> (char, char) {
    match text.contains('{') {
        true => ('{', '}'),
        false => ('[', ']'),
    }
}

/// The numbers of a list, which begins `at` in the text.
fn list(list: &str, at: usize, parsed: &mut Parsed) {
    let is_separator = |c: char| c == ',' || c.is_whitespace();
    let mut rest = list;
    loop {
        rest = rest.trim_start_matches(is_separator);
        // Java's bytes are signed, and large ones are written with a cast.
        let number = rest.strip_prefix("(byte)").unwrap_or(rest);
        rest = number.trim_start_matches(is_separator);
        if rest.is_empty() {
            return;
        }
        let end = rest.find(is_separator).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        match byte(word) {
            Ok(byte) => parsed.bytes.push(byte),
            Err(what) => {
                let mut problem = Problem::new(at + list.len() - rest.len(), what);
                let is_hex = word.len() == 2 && word.bytes().all(|b| b.is_ascii_hexdigit());
                problem.remedy = is_hex.then_some(
                    "Numbers in an array are decimal without 0x; leave the brackets out, and \
                     they are hex",
                );
                parsed.problem = Some(problem);
                return;
            }
        }
        rest = after;
    }
}

fn byte(word: &str) -> Result<u8, String> {
    let hex = word.strip_prefix("0x").or(word.strip_prefix("0X"));
    let bits = word.strip_prefix("0b").or(word.strip_prefix("0B"));
    let (digits, radix) = match (hex, bits) {
        (Some(digits), _) => (digits, 16),
        (_, Some(digits)) => (digits, 2),
        _ => (word, 10),
    };
    let shown = || word.escape_debug();
    let number = i64::from_str_radix(without_type(digits), radix);
    let number = number.map_err(|_| format!("'{}' is not a number", shown()))?;
    u8::try_from(number)
        .or(i8::try_from(number).map(i8::cast_unsigned))
        .map_err(|_| format!("{} does not fit into a byte", shown()))
}

/// A number without what says its type: `u8` in Rust, `u`, `ul` in C, `uy` in F#.
fn without_type(digits: &str) -> &str {
    let types = ["_u8", "u8", "i8", "uy", "ul", "UL", "u", "U", "l", "L"];
    let found = types.iter().find_map(|of| digits.strip_suffix(of));
    found.unwrap_or(digits)
}

/// The byte of a character in single quotes that a text begins with, as in C, Java and Rust, and
/// how long it is.
fn character(text: &str) -> Option<(u8, usize)> {
    let prefix = usize::from(text.starts_with("b'"));
    let inside = text.get(prefix..)?.strip_prefix('\'')?;
    let (byte, len) = match inside.strip_prefix('\\') {
        Some(escaped) => {
            let (byte, len) = escaped::escape(escaped).ok()?;
            (byte?, len + 1)
        }
        None => (u8::try_from(inside.chars().next()?).ok()?, 1),
    };
    let is_ascii = byte.is_ascii() || inside.starts_with('\\');
    let is_closed = inside.get(len..).is_some_and(|rest| rest.starts_with('\''));
    (is_ascii && is_closed).then_some((byte, prefix + len + 2))
}

/// The text with blanks for its comments and numbers for its characters, so that places stay and
/// brackets are brackets.
fn plain(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        if let Some((byte, len)) = character(rest) {
            clean.push_str(&format!("{byte:<len$}"));
            rest = rest.get(len..).unwrap_or_default();
            continue;
        }
        let end = match (rest.get(..2), rest.starts_with('#')) {
            (Some("/*"), _) => rest.find("*/").map_or(rest.len(), |end| end + 2),
            (Some("//"), _) | (_, true) => rest.find('\n').unwrap_or(rest.len()),
            _ => {
                let len = rest.chars().next().map_or(1, char::len_utf8);
                clean.push_str(rest.get(..len).unwrap_or_default());
                rest = rest.get(len..).unwrap_or_default();
                continue;
            }
        };
        let (comment, after) = rest.split_at(end);
        clean.extend(comment.chars().flat_map(|c| {
            let blank = if c == '\n' { '\n' } else { ' ' };
            std::iter::repeat_n(blank, c.len_utf8())
        }));
        rest = after;
    }
    clean
}
