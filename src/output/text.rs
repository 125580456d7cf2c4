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
pub(super) fn needs_escape(c: char) -> bool {
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

/// Shows as many bytes as hex pairs as fit in `width` characters, and marks what is left out with an
/// ellipsis.
pub fn hex_within(bytes: &[u8], width: usize) -> String {
    if bytes.len() <= width.saturating_add(1) / 3 {
        return Hex(bytes).to_string();
    }
    let room = width.saturating_sub(1) / 3;
    format!("{} …", Hex(bytes.get(..room).unwrap_or_default()))
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
    let room = width.saturating_sub(1);
    let end = text
        .char_indices()
        .nth(room)
        .map_or(text.len(), |(at, _)| at);
    let end = before_escape(&text, end);
    let mut short = text.get(..end).unwrap_or_default().to_owned();
    short.push('…');
    short
}

/// Where to cut `text` so that no escape of [`Safe`] and no pair of hex digits is cut in two: at
/// `end` or a little before it.
fn before_escape(text: &str, end: usize) -> usize {
    /// Bytes of the longest escape, `\u{10ffff}`.
    const LONGEST: usize = 10;
    let (Some(before), Some(behind)) = (text.get(..end), text.get(end..)) else {
        return end;
    };
    let from = end.saturating_sub(LONGEST);
    // Of several backslashes in a row every second one is escaped.
    if let Some(last) = before.rfind('\\').filter(|at| *at >= from) {
        let front = before.get(..=last).unwrap_or_default();
        let run = front.len() - front.trim_end_matches('\\').len();
        let escape = text.get(last..).unwrap_or_default();
        let len = match escape.strip_prefix("\\u{") {
            Some(rest) => 3 + rest.find('}').map_or(0, |at| at + 1),
            None => 2,
        };
        if run % 2 == 1 && last + len > end {
            return last;
        }
    }
    // `61 62 6|3`
    let word = |text: &str| text.len() == 2 && text.bytes().all(|b| b.is_ascii_hexdigit());
    let at = before.rfind(' ').map_or(0, |at| at + 1);
    let pair = text.get(at..at + 2).unwrap_or_default();
    let last = before
        .get(..at)
        .and_then(|text| text.split_whitespace().next_back());
    let is_half = end == at + 1 && word(pair) && last.is_some_and(word);
    let is_word = behind
        .get(1..)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with(' '));
    if is_half && is_word { at } else { end }
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
                    line.truncate(before_escape(line, cut));
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

/// `1 byte`, `2 bytes`.
pub fn count(n: u64, noun: &str) -> String {
    let plural = if n == 1 { "" } else { "s" };
    format!("{n} {noun}{plural}")
}

/// Breaks a line at blanks, so that each part has at most `width` columns if its words allow.
pub fn wrap(line: &str, width: Option<usize>) -> Vec<String> {
    let Some(width) = width.filter(|width| columns(line) > *width) else {
        return vec![line.to_owned()];
    };
    let mut parts = vec![String::new()];
    let mut used = 0;
    for word in line.split(' ') {
        let len = columns(word);
        if used > 0 && used + 1 + len > width {
            if let Some(part) = parts.last_mut() {
                part.truncate(part.trim_end().len());
            }
            parts.push(String::new());
            used = 0;
            // Blanks have done their work.
            if word.is_empty() {
                continue;
            }
        }
        if let Some(part) = parts.last_mut() {
            if used > 0 {
                part.push(' ');
                used += 1;
            }
            part.push_str(word);
            used += len;
        }
    }
    parts
}

/// Breaks a line as [`wrap`] does, and inside of words that are too long, though never inside of an
/// escape of [`Safe`]. What the line begins with in blanks, all parts begin with, if there is room.
pub fn fold(line: &str, width: Option<usize>) -> Vec<String> {
    /// Columns that are left for the text at least.
    const LEAST: usize = 8;
    let Some(width) = width.filter(|width| columns(line) > *width) else {
        return vec![line.to_owned()];
    };
    let text = line.trim_start_matches(' ');
    let blanks = (line.len() - text.len()).min(width.saturating_sub(LEAST));
    let room = (width - blanks).max(LEAST);
    let mut parts = Vec::new();
    for part in wrap(text, Some(room)) {
        let mut rest = part.as_str();
        // Nothing knows here where colours end.
        while columns(rest) > room && !rest.contains('\u{1b}') {
            let (mut used, mut end) = (0, rest.len());
            for (at, c) in rest.char_indices() {
                used += columns_of(c);
                if used > room {
                    end = before_escape(rest, at);
                    break;
                }
            }
            let Some((front, behind)) = rest.split_at_checked(end).filter(|_| end > 0) else {
                break;
            };
            parts.push(front.to_owned());
            rest = behind;
        }
        parts.push(rest.to_owned());
    }
    for part in &mut parts {
        part.insert_str(0, &" ".repeat(blanks));
    }
    parts
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
    fn lines_break_at_blanks() {
        assert_eq!(wrap("one two three", None), ["one two three"]);
        assert_eq!(wrap("one two three", Some(13)), ["one two three"]);
        assert_eq!(wrap("one two three", Some(9)), ["one two", "three"]);
        assert_eq!(wrap("one  two", Some(5)), ["one", "two"]);
        assert_eq!(wrap("overlong", Some(3)), ["overlong"]);
        assert_eq!(
            wrap("\u{1b}[90mab\u{1b}[0m cd", Some(4)),
            ["\u{1b}[90mab\u{1b}[0m", "cd"]
        );
    }

    #[test]
    fn what_is_too_long_is_folded() {
        assert_eq!(fold("abcdefghij", None), ["abcdefghij"]);
        assert_eq!(fold("x: abcdefghij", Some(8)), ["x:", "abcdefgh", "ij"]);
        assert_eq!(fold("  ab cdefghij", Some(10)), ["  ab", "  cdefghij"]);
        // An escape stays whole.
        assert_eq!(fold(r"abcdef\u{1b}gh", Some(8)), ["abcdef", r"\u{1b}gh"]);
        assert_eq!(fold("日本語日本語", Some(8)), ["日本語日", "本語"]);
    }

    #[test]
    fn shorten_counts_characters() {
        assert_eq!(shorten("äöü".into(), 3), "äöü");
        assert_eq!(shorten("äöüx".into(), 3), "äö…");
    }

    #[test]
    fn nothing_is_cut_in_two() {
        for (text, width, expected) in [
            ("ab\\u{1b}cdefgh", 6, "ab…"),
            ("ab\\u{1b}cdefgh", 9, "ab\\u{1b}…"),
            ("ab\\ncd", 4, "ab…"),
            ("ab\\\\ncd", 6, "ab\\\\n…"),
            ("ab\\\\ncd", 4, "ab…"),
            ("61 62 63", 8, "61 62 63"),
            ("61 62 63", 6, "61 62…"),
            ("61 62 63", 5, "61 …"),
            // A word, not a byte.
            ("ab cdefg", 5, "ab c…"),
        ] {
            assert_eq!(shorten(text.into(), width), expected, "{text} {width}");
            let mut line = text.to_owned();
            cut_line(&mut line, width);
            assert_eq!(line, expected, "{text} {width}");
        }
        assert_eq!(hex_within(&[1, 2, 3], 8), "01 02 03");
        assert_eq!(hex_within(&[1, 2, 3], 7), "01 02 …");
        assert_eq!(hex_within(&[], 0), "");
    }
}
