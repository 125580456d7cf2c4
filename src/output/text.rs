//! Text from the network, made safe for a terminal.

use std::fmt;
use std::io::Write as _;

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

/// Appends text for a terminal; line ends, tabs and backslashes stay.
pub fn push_for_terminal(out: &mut Vec<u8>, bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    for part in text.split_inclusive(['\n', '\t', '\\']) {
        let plain = part.trim_end_matches(['\n', '\t', '\\']);
        // Writing to a Vec does not fail.
        let _ = write!(out, "{}", Safe(plain));
        let kept = part.get(plain.len()..).unwrap_or_default();
        out.extend_from_slice(kept.as_bytes());
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
    let seen = match text.char_indices().nth(width.saturating_add(1)) {
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

/// Cuts a line to `width` columns of a terminal and marks the cut with an ellipsis. What sets
/// colours takes no columns.
pub fn cut_line(line: &mut String, width: usize) {
    // A character has at least one byte for each of its columns.
    if line.len() <= width {
        return;
    }
    let (mut columns, mut cut, mut is_colour) = (0, 0, false);
    for (at, c) in line.char_indices() {
        match (is_colour, c) {
            (true, c) => is_colour = c != 'm',
            (false, '\u{1b}') => is_colour = true,
            (false, c) => {
                if columns < width {
                    cut = at;
                }
                columns += columns_of(c);
                if columns > width {
                    let has_colours = line.contains('\u{1b}');
                    line.truncate(cut);
                    line.push('…');
                    if has_colours {
                        line.push_str("\u{1b}[0m");
                    }
                    return;
                }
            }
        }
    }
}

/// Columns that a line takes on a terminal.
pub fn columns(line: &str) -> usize {
    let (mut columns, mut is_colour) = (0, false);
    for c in line.chars() {
        match (is_colour, c) {
            (true, c) => is_colour = c != 'm',
            (false, '\u{1b}') => is_colour = true,
            (false, c) => columns += columns_of(c),
        }
    }
    columns
}

/// Columns that a terminal gives a character: none for those that combine, two for those of East
/// Asia and for pictures. Not exact, since no two terminals agree, but close.
fn columns_of(c: char) -> usize {
    match c {
        '\u{300}'..='\u{36f}' | '\u{fe00}'..='\u{fe0f}' => 0,
        '\u{1100}'..='\u{115f}'
        | '\u{2e80}'..='\u{a4cf}'
        | '\u{ac00}'..='\u{d7a3}'
        | '\u{f900}'..='\u{faff}'
        | '\u{fe30}'..='\u{fe6f}'
        | '\u{ff00}'..='\u{ff60}'
        | '\u{ffe0}'..='\u{ffe6}'
        | '\u{1f300}'..='\u{1faff}'
        | '\u{20000}'..='\u{3fffd}' => 2,
        _ => 1,
    }
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
    fn lines_are_cut_by_what_is_seen() {
        for (line, expected) in [
            ("abcd", "abcd"),
            ("abcde", "abc…"),
            ("\u{1b}[90mab\u{1b}[0mcd", "\u{1b}[90mab\u{1b}[0mcd"),
            (
                "\u{1b}[90mab\u{1b}[0mcde",
                "\u{1b}[90mab\u{1b}[0mc…\u{1b}[0m",
            ),
            ("日本", "日本"),
            ("日本語", "日…"),
            ("äöüß", "äöüß"),
        ] {
            let mut cut = line.to_owned();
            cut_line(&mut cut, 4);
            assert_eq!(cut, expected, "{line}");
        }
    }

    #[test]
    fn shorten_counts_characters() {
        assert_eq!(shorten("äöü".into(), 3), "äöü");
        assert_eq!(shorten("äöüx".into(), 3), "äö…");
    }
}
