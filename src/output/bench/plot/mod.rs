//! The result drawn in a terminal: `bench --plot`.
//!
//! | file | what it is |
//! |---|---|
//! | here | what all drawings share: room, characters, the axis of time |
//! | `rate` | messages per second over time |
//! | `quantiles` | latencies by percentile |
//! | `heat` | latencies over time |

mod heat;
mod quantiles;
mod rate;

use std::io::{self, Write};

use super::Outcome;
use super::picture::Picture;
use super::scale::{Scale, Tick};
use crate::output::colour;
use crate::output::terminal::spell;
use crate::output::text::wrap;

/// Columns where nobody says how many there are.
const WIDTH: usize = 80;
/// With fewer there is no room for a plot beside its labels.
const NARROWEST: usize = 40;
/// With more, one second would be wider than it is worth.
const WIDEST: usize = 160;

/// What a terminal can show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plain {
    /// Columns; none: as many as is usual.
    pub width: Option<usize>,
    /// Whether other characters than ASCII can be shown.
    pub unicode: bool,
}

/// Draws the result.
///
/// # Errors
/// Those of `out`.
pub fn write_plot(out: &mut impl Write, outcome: &Outcome, plain: Plain) -> io::Result<()> {
    let width = plain.width.unwrap_or(WIDTH);
    let page = Page {
        width: width.clamp(NARROWEST, WIDEST),
        unicode: plain.unicode,
    };
    let picture = Picture::new(outcome, page.room(), heat::ROWS as u32);
    let mut lines = rate::lines(page, &picture);
    lines.extend(quantiles::lines(page, &picture));
    lines.extend(heat::lines(page, &picture));
    for line in lines {
        writeln!(out, "{}", spell(line.trim_end(), page.unicode))?;
    }
    Ok(())
}

/// Columns left of every plot: names and labels.
const LEFT: usize = 20;

/// What is drawn on.
#[derive(Debug, Clone, Copy)]
struct Page {
    width: usize,
    unicode: bool,
}

impl Page {
    /// Columns of a plot.
    fn room(self) -> usize {
        self.width.saturating_sub(LEFT)
    }

    /// A line of a plot with what stands before it: a name at the left, a label beside the axis.
    fn line(self, name: &str, label: &str, plot: &str) -> String {
        // One column stays free before the plot.
        let labels = LEFT - 1 - name.chars().count().min(LEFT - 1);
        format!("{name}{label:>labels$} {plot}")
    }

    /// What a drawing shows.
    fn heading(self, text: &str) -> Vec<String> {
        let lines = wrap(text, Some(self.width)).into_iter();
        lines.map(|line| colour::bold(&line)).collect()
    }

    /// The labels of an axis below a plot, each under its place, and none over another.
    fn axis(self, ticks: &[Tick]) -> String {
        let mut text: Vec<char> = vec![' '; self.room()];
        let mut free = 0;
        for tick in ticks {
            let len = tick.label.chars().count();
            let middle = self.column(tick.place);
            let at = middle
                .saturating_sub(len / 2)
                .min(self.room().saturating_sub(len));
            if at < free {
                continue;
            }
            for (place, c) in text.iter_mut().skip(at).zip(tick.label.chars()) {
                *place = c;
            }
            free = at + len + 2;
        }
        self.line("", "", &String::from_iter(text))
    }

    /// The axis of time.
    fn moments(self, picture: &Picture) -> String {
        let scale = Scale::seconds(picture.seconds());
        self.axis(&scale.second_ticks(self.room() / 10))
    }

    /// The column of a place.
    fn column(self, place: f64) -> usize {
        let last = self.room().saturating_sub(1);
        ((place * last as f64).round() as usize).min(last)
    }

    /// The pieces of the run as columns: for each column, which piece it shows.
    fn columns(self, picture: &Picture) -> Vec<usize> {
        let seconds = picture.seconds();
        let room = self.room();
        let columns = (0..room).map(|column| {
            let moment = (column as f64 + 0.5) / room as f64 * seconds;
            let piece = picture.bins.partition_point(|bin| bin.to <= moment);
            piece.min(picture.bins.len().saturating_sub(1))
        });
        columns.collect()
    }

    /// What stands for a part of a column that is filled, in eighths from below.
    fn eighths(self, eighths: usize) -> char {
        let all = match self.unicode {
            true => [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'],
            false => [' ', '.', '.', '.', ':', ':', '|', '|', '#'],
        };
        all.get(eighths.min(8)).copied().unwrap_or(' ')
    }
}

#[cfg(test)]
mod tests;
