//! Tables that fit a terminal: where one is too wide, its columns stand closer, and then each row
//! goes on in the next line.

use std::io::{self, Write};

use super::colour;
use super::text::{columns as columns_of, cut_line};

/// Columns in front of what goes on in the next line.
const INDENT: usize = 8;

/// One column.
#[derive(Debug, Clone, Copy)]
pub(super) struct Column {
    pub(super) head: &'static str,
    /// Columns of the terminal, if there is room.
    pub(super) width: usize,
    /// Numbers are set to the right.
    pub(super) is_right: bool,
}

impl Column {
    /// Names and words.
    pub(super) const fn left(head: &'static str, width: usize) -> Column {
        Column {
            head,
            width,
            is_right: false,
        }
    }

    /// Numbers.
    pub(super) const fn right(head: &'static str, width: usize) -> Column {
        Column {
            head,
            width,
            is_right: true,
        }
    }
}

/// Writes a heading and rows; `width`: columns of the terminal.
///
/// # Errors
/// Those of `out`.
pub(super) fn write(
    out: &mut impl Write,
    width: Option<usize>,
    columns: &[Column],
    rows: &[Vec<String>],
) -> io::Result<()> {
    let needed = |at: usize, column: &Column| {
        let cells = rows.iter().filter_map(|row| row.get(at));
        let widest = cells.map(|cell| columns_of(cell)).max();
        widest.unwrap_or_default().max(columns_of(column.head))
    };
    let needed: Vec<usize> = columns
        .iter()
        .enumerate()
        .map(|(at, c)| needed(at, c))
        .collect();
    let roomy: Vec<usize> = columns
        .iter()
        .zip(&needed)
        .map(|(column, needed)| column.width.max(*needed))
        .collect();
    // The last one needs no room behind it.
    let total: usize = roomy.iter().map(|width| width + 2).sum();
    let widths = match width {
        Some(width) if total > width + 2 => needed,
        _ => roomy,
    };
    let head: Vec<String> = columns
        .iter()
        .map(|column| column.head.to_owned())
        .collect();
    for line in lines(&head, columns, &widths, width) {
        writeln!(out, "{}", colour::bold(&line))?;
    }
    for row in rows {
        for line in lines(row, columns, &widths, width) {
            writeln!(out, "{line}")?;
        }
    }
    Ok(())
}

/// One row, in as many lines as it takes.
fn lines(
    row: &[String],
    columns: &[Column],
    widths: &[usize],
    width: Option<usize>,
) -> Vec<String> {
    let room = width.unwrap_or(usize::MAX);
    let mut lines = vec![String::new()];
    let mut used = 0;
    for (at, ((cell, column), width)) in row.iter().zip(columns).zip(widths).enumerate() {
        let blanks = if at == 0 { 0 } else { 2 };
        if at > 0 && used + blanks + width > room {
            lines.push(" ".repeat(INDENT));
            used = INDENT;
        } else {
            if let Some(line) = lines.last_mut() {
                line.push_str(&" ".repeat(blanks));
            }
            used += blanks;
        }
        let padding = " ".repeat(width.saturating_sub(columns_of(cell)));
        if let Some(line) = lines.last_mut() {
            let (front, behind) = match column.is_right {
                true => (padding.as_str(), ""),
                false => ("", padding.as_str()),
            };
            line.push_str(front);
            line.push_str(cell);
            line.push_str(behind);
        }
        used += width;
    }
    for line in &mut lines {
        line.truncate(line.trim_end().len());
        cut_line(line, room);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_wide_goes_on() {
        let columns = [
            Column::left("name", 8),
            Column::right("number", 8),
            Column::left("end", 3),
        ];
        let rows = [
            vec!["日本".to_owned(), "1".to_owned(), "reset".to_owned()],
            vec!["b".to_owned(), "20".to_owned(), "open".to_owned()],
        ];
        let shown = |width| {
            let mut out = Vec::new();
            write(&mut out, width, &columns, &rows).unwrap();
            String::from_utf8(out).unwrap()
        };
        let wide = "name        number  end\n日本             1  reset\nb               20  open\n";
        assert_eq!(shown(None), wide);
        assert_eq!(shown(Some(25)), wide);
        assert_eq!(
            shown(Some(24)),
            "name  number  end\n日本       1  reset\nb         20  open\n"
        );
        assert_eq!(
            shown(Some(16)),
            "name  number\n        end\n日本       1\n        reset\nb         20\n        open\n"
        );
        assert!(shown(Some(5)).lines().all(|line| columns_of(line) <= 5));
    }
}
