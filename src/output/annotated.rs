//! Annotated hex: the bytes of a packet as a dump that starts a new row with every field, so that
//! each byte stands beside what it is, with colours and without.

use std::fmt::Write as _;
use std::io::{self, Write};

use super::colour;
use super::line::{Style, cut};

/// Bytes of a row.
const ROW: usize = 16;
/// The same on a terminal with fewer than so many columns, where labels would have no room.
const NARROW_ROW: usize = 8;
const NARROW: usize = 110;

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
        Some(columns) if columns < NARROW => NARROW_ROW,
        _ => ROW,
    };
    let start = range.start;
    let mut shown = bytes.get(range).unwrap_or_default().chunks(width);
    // An empty field has one row as well.
    let first = shown.next().unwrap_or_default();
    let mut line = String::new();
    for (i, row) in std::iter::once(first).chain(shown).enumerate() {
        let offset = start + i * width;
        let is_secret = |at: usize| secret_from.is_some_and(|from| offset + at >= from);
        let (mut digits, mut text) = (String::new(), String::new());
        for (at, byte) in row.iter().enumerate() {
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
        line.push_str(&colour::dim(&format!("{offset:04x}  ")));
        let columns = format!("{digits:<0$} {text:<width$}", 3 * width);
        let label = if i == 0 { label } else { "" };
        match number {
            Some(number) => {
                line.push_str(&colour::field(&columns, number));
                line.push_str("  ");
                line.push_str(&colour::field(label, number));
            }
            None => line.push_str(&columns),
        }
        cut(&mut line, style);
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}
