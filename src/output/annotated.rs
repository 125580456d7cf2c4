//! Annotated hex: the bytes of a packet as a dump that starts a new row with every field, so that
//! each byte stands beside what it is, with colours and without.

use std::fmt::Write as _;
use std::io::{self, Write};

use super::colour;
use super::line::{Style, cut};
use super::text::wrap;

/// Bytes of a row.
const ROW: usize = 16;
/// The same on a terminal with fewer than so many columns, where labels would have no room.
const NARROW_ROW: usize = 8;
const NARROW: usize = 110;
/// And where even those have none: then the bytes are not shown as text.
const TINY_ROW: usize = 4;
const TINY: usize = 60;

/// Some bytes that belong together.
#[derive(Debug)]
pub(super) struct Span {
    /// First byte.
    pub(super) start: usize,
    /// Behind the last byte.
    pub(super) end: usize,
    /// What they are.
    pub(super) label: String,
    /// Bytes from here on are not shown.
    pub(super) secret_from: Option<usize>,
}

/// Writes `bytes` as rows of offset, hex, text and label. Spans come in the order of the bytes; what
/// belongs to none has no label.
///
/// # Errors
/// Those of `out`.
pub(super) fn write_rows(
    out: &mut impl Write,
    bytes: &[u8],
    spans: &[Span],
    style: Style,
) -> io::Result<()> {
    let mut at = 0;
    for (number, span) in spans.iter().enumerate() {
        let (start, end) = (span.start.max(at), span.end.min(bytes.len()));
        if start > at {
            rows(out, bytes, at..start, "", None, None, style)?;
        }
        // A field may be empty: what is said of it still counts.
        rows(
            out,
            bytes,
            start..end.max(start),
            &span.label,
            span.secret_from,
            Some(number),
            style,
        )?;
        at = end.max(at);
    }
    match at < bytes.len() {
        true => rows(out, bytes, at..bytes.len(), "", None, None, style),
        false => Ok(()),
    }
}

fn rows(
    out: &mut impl Write,
    bytes: &[u8],
    range: std::ops::Range<usize>,
    label: &str,
    secret_from: Option<usize>,
    number: Option<usize>,
    style: Style,
) -> io::Result<()> {
    let width = match style.width {
        Some(columns) if columns < TINY => TINY_ROW,
        Some(columns) if columns < NARROW => NARROW_ROW,
        _ => ROW,
    };
    let has_text = width != TINY_ROW;
    let start = range.start;
    let shown: Vec<&[u8]> = bytes.get(range).unwrap_or_default().chunks(width).collect();
    let text_columns = if has_text { width + 1 } else { 0 };
    // Offset, and blanks in front of the label.
    let front = 6 + 3 * width + text_columns + 2;
    let room = style.width.map(|columns| columns.saturating_sub(front));
    let label = wrap(label, room);
    let mut line = String::new();
    // An empty field has one row as well.
    for i in 0..shown.len().max(label.len()).max(1) {
        let row = shown.get(i).copied();
        let offset = start + i * width;
        let is_secret = |at: usize| secret_from.is_some_and(|from| offset + at >= from);
        let (mut digits, mut text) = (String::new(), String::new());
        for (at, byte) in row.unwrap_or_default().iter().enumerate() {
            let _ = match is_secret(at) {
                true => write!(digits, "** "),
                false => write!(digits, "{byte:02x} "),
            };
            text.push(match byte {
                _ if is_secret(at) => '*',
                b' '..=b'~' => char::from(*byte),
                _ => '.',
            });
        }
        line.clear();
        line.push_str(&match row.is_some() || i == 0 {
            true => colour::dim(&format!("{offset:04x}  ")),
            // The label goes on.
            false => " ".repeat(6),
        });
        let columns = match has_text {
            true => format!("{digits:<0$} {text:<width$}", 3 * width),
            false => format!("{digits:<0$}", 3 * width),
        };
        match number {
            Some(number) => {
                line.push_str(&colour::field(&columns, number));
                line.push_str("  ");
                let label = label.get(i).map_or("", String::as_str);
                line.push_str(&colour::field(label, number));
            }
            None => line.push_str(&columns),
        }
        cut(&mut line, style);
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is said of a byte goes on beside the next ones, and below them.
    #[test]
    fn labels_have_their_room() {
        let spans = [Span {
            start: 0,
            end: 5,
            label: "Topic Name: \"abc\", which is long".into(),
            secret_from: None,
        }];
        let shown = |columns| {
            let mut out = Vec::new();
            let style = Style {
                width: columns,
                ..Style::default()
            };
            write_rows(&mut out, b"\0\x03abc", &spans, style).unwrap();
            String::from_utf8(out).unwrap()
        };
        assert_eq!(
            shown(Some(40)),
            "0000  00 03 61 62   Topic Name: \"abc\",\n\
             0004  63            which is long\n"
        );
        assert_eq!(
            shown(Some(61)),
            "0000  00 03 61 62 63           ..abc     Topic Name: \"abc\",\n\
             \u{20}                                        which is long\n"
        );
        assert!(shown(None).ends_with("  Topic Name: \"abc\", which is long\n"));
    }
}
