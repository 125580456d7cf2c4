//! Hex dumps: lines of an offset, bytes in hex, and often the same bytes as text, as `xxd`,
//! `hexdump`, `od`, `tcpdump -X` and Wireshark write them.
//!
//! A text is a dump only if its offsets add up: each line has as many bytes as the next offset
//! says. Without this check an offset would be read as bytes, and packets that never were be shown.

use super::{Parsed, Problem};

/// Bytes that a `*` may stand for, all of them together.
const MAX_BYTES: usize = 64 << 20;

/// One line that says something.
struct Line<'t> {
    /// Where it begins in the text.
    at: usize,
    kind: Kind<'t>,
}

enum Kind<'t> {
    Row(Row<'t>),
    /// As the line before, up to the next offset.
    Star,
    /// Between dumps: what `tcpdump` says of a packet, a title.
    Other,
}

/// An offset and what follows it.
struct Row<'t> {
    offset: usize,
    /// `hexdump` and `od` write seven digits and no colon, and words in the order of the machine.
    is_plain_seven: bool,
    rest: &'t str,
}

/// Reads a dump; `None` if the text is none.
pub(super) fn parse(text: &str) -> Option<Parsed> {
    // Read with the wrong radix, the offsets of the first lines do not add up.
    [16, 8, 10]
        .into_iter()
        .find_map(|radix| parse_with(text, radix))
}

fn parse_with(text: &str, radix: u32) -> Option<Parsed> {
    let mut parsed = Parsed::default();
    // Rows whose number of bytes the offset behind them confirms: then it is a dump, if a broken one.
    let mut confirmed = 0;
    let mut expected = None;
    // The last row's bytes, and whether a star asks for more of them.
    let (mut last, mut repeat): (Vec<u8>, bool) = (Vec::new(), false);
    let mut lines = lines(text, radix).peekable();
    while let Some(Line { at, kind }) = lines.next() {
        let row = match kind {
            Kind::Row(row) => row,
            Kind::Star => {
                repeat = !last.is_empty();
                continue;
            }
            Kind::Other => {
                end_piece(&mut parsed);
                (expected, repeat) = (None, false);
                continue;
            }
        };
        let fail = |mut parsed: Parsed, what: String| {
            parsed.problem = Some(Problem::new(at, what));
            (confirmed > 0).then_some(parsed)
        };
        match expected {
            Some(expected) if row.offset == expected => {}
            Some(expected) if repeat && row.offset > expected => {
                let missing = row.offset - expected;
                if parsed.bytes.len() + missing > MAX_BYTES || missing % last.len() != 0 {
                    return fail(
                        parsed,
                        format!("the * stands for {missing} bytes, which cannot be,"),
                    );
                }
                for _ in 0..missing / last.len() {
                    parsed.bytes.extend_from_slice(&last);
                }
            }
            _ if row.offset == 0 => end_piece(&mut parsed),
            Some(expected) => {
                let (is, wants) = (row.offset, expected);
                return fail(
                    parsed,
                    format!("the offset is {is:04x}, where {wants:04x} comes next,"),
                );
            }
            None => {
                return fail(
                    parsed,
                    format!("the dump begins at offset {:04x}", row.offset),
                );
            }
        }
        repeat = false;
        let next = lines.peek().and_then(|line| match &line.kind {
            Kind::Row(next) => next.offset.checked_sub(row.offset).filter(|len| *len > 0),
            _ => None,
        });
        let groups = Groups::of(row.rest);
        if groups.are_octal_words(&row) {
            parsed.problem = Some(Problem {
                remedy: Some("od -t x1 shows bytes"),
                ..Problem::new(at, "these are words of od and not bytes")
            });
            return Some(parsed);
        }
        last = match next {
            Some(len) => match groups.exactly(len, &row) {
                Some(bytes) => {
                    confirmed += 1;
                    bytes
                }
                None => {
                    let what =
                        format!("this line should have {len} bytes in hex, which it has not,");
                    return fail(parsed, what);
                }
            },
            None => groups.without_text(&row),
        };
        parsed.bytes.extend_from_slice(&last);
        expected = Some(row.offset + last.len());
    }
    end_piece(&mut parsed);
    // `hexdump -C` ends with an offset and no bytes; one such line alone is no dump.
    (!parsed.bytes.is_empty()).then_some(parsed)
}

fn end_piece(parsed: &mut Parsed) {
    if parsed.bytes.len() > parsed.ends.last().copied().unwrap_or_default() {
        parsed.ends.push(parsed.bytes.len());
    }
}

fn lines(text: &str, radix: u32) -> impl Iterator<Item = Line<'_>> {
    let mut at = 0;
    text.split('\n').filter_map(move |line| {
        let start = at + line.len() - line.trim_start().len();
        at += line.len() + 1;
        let kind = match line.trim() {
            "" => return None,
            "*" => Kind::Star,
            line => row(line, radix).map_or(Kind::Other, Kind::Row),
        };
        Some(Line { at: start, kind })
    })
}

/// A line that begins with an offset of at least four digits, alone or with a colon.
fn row(line: &str, radix: u32) -> Option<Row<'_>> {
    let (word, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    let digits = word.strip_suffix(':').unwrap_or(word);
    let digits = digits.strip_prefix("0x").unwrap_or(digits);
    if digits.len() < 4 {
        return None;
    }
    Some(Row {
        offset: usize::from_str_radix(digits, radix).ok()?,
        is_plain_seven: word.len() == 7 && word == digits,
        rest,
    })
}

/// The words behind an offset that are pairs of hex digits, and what follows each.
struct Groups<'t> {
    words: Vec<(&'t str, &'t str)>,
}

impl<'t> Groups<'t> {
    fn of(rest: &'t str) -> Groups<'t> {
        let mut words = Vec::new();
        let mut rest = rest.trim_start();
        loop {
            let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
            let (word, after) = rest.split_at(end);
            let is_hex = word.bytes().all(|byte| byte.is_ascii_hexdigit());
            if word.is_empty() || !is_hex || word.len() % 2 == 1 {
                return Groups { words };
            }
            words.push((word, after));
            rest = after.trim_start();
        }
    }

    fn are_octal_words(&self, row: &Row<'_>) -> bool {
        let is_octal =
            |word: &str| word.len() == 6 && word.bytes().all(|b| matches!(b, b'0'..=b'7'));
        row.is_plain_seven
            && !self.words.is_empty()
            && self.words.iter().all(|(word, _)| is_octal(word))
    }

    /// The bytes of the first `count` words.
    fn bytes(&self, count: usize, row: &Row<'_>) -> Vec<u8> {
        let words = self.words.get(..count).unwrap_or_default();
        let swapped = row.is_plain_seven && words.iter().all(|(word, _)| word.len() == 4);
        let mut bytes = Vec::new();
        for (word, _) in words {
            let start = bytes.len();
            bytes.extend(hex::decode(word).unwrap_or_default());
            if swapped {
                bytes.get_mut(start..).unwrap_or_default().reverse();
            }
        }
        bytes
    }

    /// `len` bytes, if words end there and a column of text, or nothing, follows.
    fn exactly(&self, len: usize, row: &Row<'_>) -> Option<Vec<u8>> {
        let mut sum = 0;
        for (i, (word, after)) in self.words.iter().enumerate() {
            sum += word.len() / 2;
            // The second byte of the last word is there though the file has no more bytes.
            let is_padded = sum == len + 1 && row.is_plain_seven && word.len() == 4;
            if sum == len || is_padded {
                if !is_gap(after) {
                    return None;
                }
                let mut bytes = self.bytes(i + 1, row);
                bytes.truncate(len);
                return Some(bytes);
            }
        }
        None
    }

    /// The bytes of the last line, where no offset says how many there are, and the column of text
    /// may look like hex: as many as make the text.
    fn without_text(&self, row: &Row<'_>) -> Vec<u8> {
        for count in (1..=self.words.len()).rev() {
            let after = self.words.get(count - 1).map_or("", |(_, after)| after);
            let bytes = self.bytes(count, row);
            if is_gap(after) && !after.trim().is_empty() && says(after, &bytes) {
                return bytes;
            }
        }
        // No text, or one that does not fit: up to a bar, or all.
        self.bytes(self.words.len(), row)
    }
}

/// Whether what follows the bytes of a line is nothing, or set apart from them.
fn is_gap(after: &str) -> bool {
    let gap = after.len() - after.trim_start().len();
    after.trim().is_empty() || gap >= 2 || after.trim_start().starts_with(['|', '>'])
}

/// Whether a column of text shows these bytes; dots stand for what cannot be shown.
fn says(column: &str, bytes: &[u8]) -> bool {
    let column = column.trim();
    let inner = column
        .strip_prefix('|')
        .and_then(|column| column.strip_suffix('|'))
        .or(column.strip_prefix('>').and_then(|c| c.strip_suffix('<')))
        .unwrap_or(column);
    let shown: String = bytes
        .iter()
        .map(|byte| match byte {
            b'!'..=b'~' => char::from(*byte),
            _ => '.',
        })
        .collect();
    // Blanks are shown as they are by some, and those at the ends are lost when trimmed.
    let dotted = inner.replace(|c: char| !c.is_ascii_graphic(), ".");
    shown == dotted || shown.trim_matches('.') == dotted.trim_matches('.')
}
