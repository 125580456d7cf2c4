//! Hex dumps: lines of an offset, bytes, and often the same bytes as text, as `xxd`, `hexdump`,
//! `od`, `tcpdump -X` and Wireshark write them. What stands behind an offset is read in
//! [`cells`](super::cells).
//!
//! A text is a dump only if its offsets add up: each line has as many bytes as the next offset
//! says. Without this check an offset would be read as bytes, and packets that never were be shown.

use super::cells::{Form, Row};
use super::{Parsed, Piece, Problem};

/// Bytes that a `*` may stand for, all of them together.
const MAX_BYTES: usize = 64 << 20;

/// One line that says something.
struct Line<'t> {
    /// Where it begins in the text.
    at: usize,
    /// Nothing is between it and the line before.
    is_close: bool,
    kind: Kind<'t>,
}

enum Kind<'t> {
    Row(Row<'t>),
    /// As the line before, up to the next offset.
    Star,
    /// Between dumps: what `tcpdump` says of a packet, a title.
    Other(&'t str),
}

/// Reads a dump; `None` if the text is none.
pub(super) fn parse(text: &str) -> Option<Parsed> {
    let rows = |radix| {
        lines(text, radix).filter_map(|line| match line.kind {
            Kind::Row(row) => Some(row),
            Kind::Star | Kind::Other(_) => None,
        })
    };
    // Read with the wrong radix, the offsets of the first lines do not add up, or those of later ones.
    let mut broken = None;
    let mut count = 0;
    let mut has_characters = false;
    let forms = [false, true].into_iter();
    for (is_trimmed, radix) in forms.flat_map(|is| [(is, 16), (is, 8), (is, 10)]) {
        if is_trimmed && !has_characters {
            break;
        }
        let rows: Vec<Row<'_>> = rows(radix).collect();
        // No line stops being one of the dump.
        count = count.max(rows.len());
        if broken.is_some() && rows.len() < count {
            continue;
        }
        let form = match Form::of(&rows) {
            Some(Form::Characters { .. }) => {
                has_characters = true;
                Some(Form::Characters { is_trimmed })
            }
            form => form.filter(|_| !is_trimmed),
        };
        match form.and_then(|form| parse_as(text, radix, form)) {
            Some(parsed) if parsed.problem.is_none() => return Some(parsed),
            parsed => broken = broken.or(parsed),
        }
    }
    broken
}

fn parse_as(text: &str, radix: u32, form: Form) -> Option<Parsed> {
    let mut parsed = Parsed::default();
    // Rows whose number of bytes the offset behind them confirms: then it is a dump, if a broken one.
    let mut confirmed = 0;
    let mut expected = None;
    let mut title = None;
    // The last row's bytes, and whether a star asks for more of them.
    let (mut last, mut repeat): (Vec<u8>, bool) = (Vec::new(), false);
    let mut lines = lines(text, radix).peekable();
    while let Some(Line { at, is_close, kind }) = lines.next() {
        let row = match kind {
            Kind::Row(row) => row,
            Kind::Star => {
                repeat = !last.is_empty();
                continue;
            }
            Kind::Other(line) => {
                end_piece(&mut parsed, &mut title);
                (expected, repeat) = (None, false);
                title = heading(line);
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
            _ if row.offset == 0 => {
                // A title stands right above.
                let mut own = title.take_if(|_| expected.is_none() && is_close);
                end_piece(&mut parsed, &mut title);
                title = own.take();
            }
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
        if let Some((what, remedy)) = form.refusal() {
            parsed.problem = Some(Problem {
                remedy: Some(remedy),
                ..Problem::new(at, what)
            });
            return Some(parsed);
        }
        let next = lines.peek().and_then(|line| match &line.kind {
            Kind::Row(next) => next.offset.checked_sub(row.offset).filter(|len| *len > 0),
            Kind::Star | Kind::Other(_) => None,
        });
        last = match next {
            Some(len) => match form.exactly(&row, len) {
                Some(bytes) => {
                    confirmed += 1;
                    bytes
                }
                None => {
                    let s = if len == 1 { "" } else { "s" };
                    let what =
                        format!("this line should have {len} byte{s} in {form}, which it has not,");
                    return fail(parsed, what);
                }
            },
            None => form.without_text(&row),
        };
        parsed.bytes.extend_from_slice(&last);
        expected = Some(row.offset + last.len());
    }
    end_piece(&mut parsed, &mut title);
    // `hexdump -C` ends with an offset and no bytes; one such line alone is no dump.
    (!parsed.bytes.is_empty()).then_some(parsed)
}

fn end_piece(parsed: &mut Parsed, title: &mut Option<String>) {
    let start = parsed.pieces.last().map_or(0, |piece| piece.end);
    if parsed.bytes.len() > start {
        parsed.pieces.push(Piece {
            end: parsed.bytes.len(),
            title: title.take(),
        });
    }
}

/// What Wireshark writes above each of several sources of bytes: `Frame (91 bytes):`.
pub(super) fn heading(line: &str) -> Option<String> {
    let line = line.strip_suffix(':').unwrap_or(line);
    let line = line
        .strip_suffix(" bytes)")
        .or(line.strip_suffix(" byte)"))?;
    let (name, len) = line.rsplit_once(" (")?;
    len.parse::<u64>().ok()?;
    Some(name.to_owned())
}

fn lines(text: &str, radix: u32) -> impl Iterator<Item = Line<'_>> {
    let mut at = 0;
    let mut is_close = true;
    let mut is_row = false;
    text.split('\n').filter_map(move |line| {
        let start = at + line.len() - line.trim_start().len();
        at += line.len() + 1;
        let kind = match line.trim() {
            "" => {
                is_close = false;
                return None;
            }
            "*" => Kind::Star,
            // `od -t x1c` has the same bytes again below, where no offset is.
            _ if is_row && is_close && line.starts_with("       ") => return None,
            other => row(line.trim_start().trim_end_matches('\r'), radix)
                .map_or(Kind::Other(other), Kind::Row),
        };
        is_row = matches!(kind, Kind::Row(_));
        Some(Line {
            at: start,
            is_close: std::mem::replace(&mut is_close, true),
            kind,
        })
    })
}

/// A line that begins with an offset of at least four digits, alone or with a colon.
fn row(line: &str, radix: u32) -> Option<Row<'_>> {
    let end = line.find(char::is_whitespace).unwrap_or(line.len());
    let (word, rest) = line.split_at(end);
    let digits = word.strip_suffix(':').unwrap_or(word);
    let digits = digits.strip_prefix("0x").unwrap_or(digits);
    if digits.len() < 4 {
        return None;
    }
    Some(Row {
        offset: usize::from_str_radix(digits, radix).ok()?,
        is_plain: matches!(word.len(), 6 | 7) && word == digits,
        rest,
    })
}
