//! Columns of bytes without offsets, as `od -An` prints them: decimal, octal, or as characters. Those
//! in hex are hex text like any other.

use super::cells::{Form, Row};
use super::{Parsed, Problem};

/// Reads such columns; `None` if the text has none. Each cell has its place, so that no hex text is
/// taken for them.
pub(super) fn parse(text: &str) -> Option<Parsed> {
    let lines = || text.lines().filter(|line| !line.trim().is_empty());
    if !lines().all(|line| line.starts_with(' ')) {
        return None;
    }
    let rows: Vec<Row<'_>> = lines()
        .map(|rest| Row {
            offset: 0,
            is_plain: true,
            rest,
        })
        .collect();
    let form = Form::of(&rows)?;
    let refuse = |what: &str| {
        Some(Parsed {
            problem: Some(Problem {
                remedy: Some("od -An -t x1 shows bytes"),
                ..Problem::new(0, what)
            }),
            ..Parsed::default()
        })
    };
    let is_set = |width: usize| lines().all(|line| ends(line).all(|end| end % width == 0));
    match form {
        Form::Octal if is_set(4) => {
            // Decimal numbers have no zeros in front.
            let mut words = lines().flat_map(str::split_whitespace);
            if !words.any(|word| word.starts_with('0')) {
                return refuse("these bytes may be octal or decimal,");
            }
        }
        // One blank is between bytes in hex: here are two, or words of one digit or three.
        Form::Decimal if is_set(4) || is_set(5) => {}
        Form::Characters { .. } if is_set(4) => {}
        Form::OctalWords | Form::DecimalWords if is_set(7) || is_set(6) || is_set(8) => {
            let words = || lines().flat_map(str::split_whitespace);
            // Three bytes of hex in each word would begin with anything.
            let is_word = |word: &str| u16::from_str_radix(word, 8).is_ok();
            if form == Form::OctalWords && (words().count() < 2 || !words().all(is_word)) {
                return None;
            }
            return refuse("these are words, of which nobody knows the order of the bytes,");
        }
        _ => return None,
    }
    // A blank is no character at the end of a line: all but the last have as many.
    let full = rows.iter().map(|row| row.rest.len() / 4).max()?;
    let bytes = rows.iter().enumerate().flat_map(|(i, row)| match form {
        Form::Characters { .. } if i + 1 < rows.len() => {
            let form = Form::Characters { is_trimmed: true };
            form.exactly(row, full).unwrap_or_default()
        }
        _ => form.without_text(row),
    });
    Some(Parsed {
        bytes: bytes.collect(),
        ..Parsed::default()
    })
}

/// Where the words of a line end, in columns.
fn ends(line: &str) -> impl Iterator<Item = usize> {
    let bytes = line.as_bytes();
    let is_end = |at: &usize| {
        let is_blank = |at: usize| bytes.get(at).is_none_or(|byte| *byte == b' ');
        !is_blank(at - 1) && is_blank(*at)
    };
    (1..=bytes.len()).filter(is_end)
}
