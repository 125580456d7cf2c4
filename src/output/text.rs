//! Text from the network, made safe for a terminal.

use std::fmt;

/// Shows text with every control character escaped, so that no byte from the wire can move the
/// cursor, change colours or forge a line. Printable characters of all scripts stay.
#[derive(Debug, Clone, Copy)]
pub struct Safe<'a>(pub &'a str);

impl fmt::Display for Safe<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            match c {
                '\\' => f.write_str("\\\\")?,
                c if needs_escape(c) => write!(f, "{}", c.escape_default())?,
                c => fmt::Write::write_char(f, c)?,
            }
        }
        Ok(())
    }
}

/// Controls, and the invisible characters that change the direction or the place of others.
fn needs_escape(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// Shows bytes as quoted text if they are UTF-8, as hex otherwise.
#[derive(Debug, Clone, Copy)]
pub struct Bytes<'a>(pub &'a [u8]);

impl fmt::Display for Bytes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match std::str::from_utf8(self.0) {
            Ok(text) => {
                f.write_str("\"")?;
                for (i, part) in text.split('"').enumerate() {
                    let quote = if i == 0 { "" } else { "\\\"" };
                    write!(f, "{quote}{}", Safe(part))?;
                }
                f.write_str("\"")
            }
            Err(_) => write!(f, "{}", Hex(self.0)),
        }
    }
}

/// Shows bytes as hex pairs with spaces between.
#[derive(Debug, Clone, Copy)]
pub struct Hex<'a>(pub &'a [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, byte) in self.0.iter().enumerate() {
            let space = if i == 0 { "" } else { " " };
            write!(f, "{space}{byte:02x}")?;
        }
        Ok(())
    }
}

/// Appends what [`Safe`] shows of `text`, cut to `width` characters.
pub fn push_safe(out: &mut String, text: &str, width: usize) {
    let is_plain = |byte: &u8| matches!(byte, b' '..=b'~') && *byte != b'\\';
    if text.len() <= width && text.as_bytes().iter().all(is_plain) {
        out.push_str(text);
        return;
    }
    // No character becomes less than one.
    let seen = match text.char_indices().nth(width + 1) {
        Some((end, _)) => text.get(..end).unwrap_or(text),
        None => text,
    };
    out.push_str(&shorten(Safe(seen).to_string(), width));
}

/// Cuts `text` to `width` characters and marks the cut with an ellipsis.
pub fn shorten(text: String, width: usize) -> String {
    if text.chars().count() <= width {
        return text;
    }
    let mut short: String = text.chars().take(width.saturating_sub(1)).collect();
    short.push('…');
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn controls_never_come_through() {
        let shown = Safe("a\x1b[31m\r\n\u{202e}\u{61c}ü\\").to_string();
        assert_eq!(shown, "a\\u{1b}[31m\\r\\n\\u{202e}\\u{61c}ü\\\\");
    }

    #[test]
    fn shorten_counts_characters() {
        assert_eq!(shorten("äöü".into(), 3), "äöü");
        assert_eq!(shorten("äöüx".into(), 3), "äö…");
    }
}
