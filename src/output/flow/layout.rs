//! Where things stand in a diagram: time, line of the client, arrow, line of the server, lanes, and
//! a note.

use super::super::line::Style;
use super::super::text::{columns, cut_line};
use super::super::time::Times;
use super::brackets::LANES;

/// Columns of the diagram where nothing limits them.
const WIDE: usize = 110;
/// The same where the terminal is wider than that: an arrow that is longer is hard to follow.
const WIDEST: usize = 160;
/// A terminal with fewer columns has no room for blanks.
const NARROW: usize = 70;
/// Columns of an arrow at least: what a short name needs.
const MIN_ARROW: usize = 14;
/// Lanes on a narrow terminal.
const NARROW_LANES: usize = 2;
/// Columns of relative times there.
const NARROW_TIME: usize = 10;
/// Columns behind the lanes: a blank, and how long something took or what is missing.
const NOTE: usize = 16;
const NARROW_NOTE: usize = 10;

/// The columns of a diagram.
#[derive(Debug, Clone, Copy)]
pub(super) struct Layout {
    times: Times,
    /// Columns of the terminal.
    pub(super) width: Option<usize>,
    is_narrow: bool,
}

impl Layout {
    pub(super) fn new(style: Style) -> Layout {
        Layout {
            times: style.times,
            width: style.width,
            is_narrow: style.width.is_some_and(|width| width < NARROW),
        }
    }

    /// Columns of the time and the blanks behind it.
    pub(super) fn time(&self) -> usize {
        self.time_width() + self.time_gap()
    }

    fn time_gap(&self) -> usize {
        if self.is_narrow { 1 } else { 2 }
    }

    fn time_width(&self) -> usize {
        match self.times {
            Times::Relative | Times::Delta if self.is_narrow => NARROW_TIME,
            Times::Relative | Times::Delta => 12,
            Times::Clock => 15,
            Times::Utc => 27,
        }
    }

    /// A time as it stands in front of a row.
    pub(super) fn place_time(&self, time: &str) -> String {
        let time = if self.is_narrow {
            time.trim_start()
        } else {
            time
        };
        let (width, gap) = (self.time_width(), self.time_gap());
        format!("{time:>width$}{:gap$}", "")
    }

    /// How many lanes there are.
    pub(super) fn lanes(&self) -> usize {
        if self.is_narrow { NARROW_LANES } else { LANES }
    }

    /// Columns of an arrow, beside a time or without one.
    pub(super) fn arrow(&self, has_time: bool) -> usize {
        let all = self.width.map_or(WIDE, |width| width.min(WIDEST));
        let time = if has_time { self.time() } else { 0 };
        let note = if self.is_narrow { NARROW_NOTE } else { NOTE };
        // Both lines, and a blank between lanes and note.
        let beside = 2 + self.lanes() + note;
        all.saturating_sub(time + beside).max(MIN_ARROW)
    }

    /// A row of text without an arrow, between the lines.
    pub(super) fn centred(&self, text: &str, has_time: bool) -> String {
        let width = self.arrow(has_time);
        let mut text = text.to_owned();
        cut_line(&mut text, width);
        let free = width.saturating_sub(columns(&text));
        let (before, after) = (free / 2, free - free / 2);
        format!("{:before$}{text}{:after$}", "", "")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Everything has its room: time, both lines, lanes, and what is missing or how long it took.
    #[test]
    fn a_row_fits_the_terminal() {
        for width in [40, 60, 69, 70, 80, 120, 160, 200] {
            let layout = Layout::new(Style {
                times: Times::Relative,
                width: Some(width),
            });
            let row = layout.time() + 2 + layout.arrow(true) + layout.lanes();
            let note = "  no UNSUBACK"
                .len()
                .min(if width < NARROW { 10 } else { 13 });
            assert!(row + note <= width, "{width}: {row}");
            assert!(width > WIDEST || row + 20 > width, "{width}: {row}");
        }
    }
}
