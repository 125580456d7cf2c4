//! The frame of a plot: its size, its axes, and what all plots share.
//!
//! Each plot is drawn twice, for wide and for narrow screens, and the style sheet shows one: text
//! keeps its size that way, and a phone gets fewer ticks instead of small ones.

use std::fmt::Write as _;

use super::markup::{Markup, Px};
use crate::output::bench::scale::Tick;

/// Where things are drawn, in px.
#[derive(Debug, Clone, Copy)]
pub(super) struct Canvas {
    /// `wide` or `narrow`.
    pub(super) name: &'static str,
    pub(super) width: f64,
    pub(super) height: f64,
    pub(super) left: f64,
    pub(super) right: f64,
    pub(super) top: f64,
    pub(super) bottom: f64,
    /// Ticks that fit below, and beside.
    pub(super) across: usize,
    pub(super) upright: usize,
}

/// On a screen of 1280 px two stand side by side.
pub(super) const WIDE: Canvas = Canvas {
    name: "wide",
    width: 544.0,
    height: 264.0,
    left: 56.0,
    right: 106.0,
    top: 12.0,
    bottom: 26.0,
    across: 7,
    upright: 7,
};

/// On a phone.
pub(super) const NARROW: Canvas = Canvas {
    name: "narrow",
    width: 358.0,
    height: 232.0,
    left: 54.0,
    right: 74.0,
    top: 12.0,
    bottom: 26.0,
    across: 4,
    upright: 6,
};

/// The room that a letter of a label takes, in px.
const LETTER: f64 = 6.5;

impl Canvas {
    pub(super) fn is_narrow(self) -> bool {
        self.name == NARROW.name
    }

    /// Without the room for labels at the right.
    pub(super) fn unlabelled(self) -> Canvas {
        Canvas {
            right: 24.0,
            ..self
        }
    }

    /// From a place on the axis below.
    pub(super) fn x(self, place: f64) -> f64 {
        self.left + place * (self.width - self.left - self.right)
    }

    /// From a place on the axis at the left, which begins below.
    pub(super) fn y(self, place: f64) -> f64 {
        self.height - self.bottom - place * (self.height - self.top - self.bottom)
    }

    /// Begins the picture. `title` and `description` are for those who do not see it.
    pub(super) fn open(self, out: &mut Markup, id: &str, title: &str, description: &str) {
        let name = self.name;
        let labels = format!("{id}-{name}-title {id}-{name}-desc");
        let view = format!("0 0 {} {}", Px(self.width), Px(self.height));
        out.open(
            "svg",
            &[
                ("class", &name),
                ("viewBox", &view),
                ("role", &"img"),
                ("aria-labelledby", &labels),
            ],
        );
        out.element("title", &[("id", &format!("{id}-{name}-title"))], title);
        out.element("desc", &[("id", &format!("{id}-{name}-desc"))], description);
    }

    /// Lines across at each tick, and their labels at the left.
    pub(super) fn left_axis(self, out: &mut Markup, ticks: &[Tick]) {
        out.open("g", &[("class", &"axis")]);
        for tick in ticks {
            let y = self.y(tick.place);
            out.leaf(
                "line",
                &[
                    ("class", &"grid"),
                    ("x1", &Px(self.left)),
                    ("x2", &Px(self.width - self.right)),
                    ("y1", &Px(y)),
                    ("y2", &Px(y)),
                ],
            );
            let (x, y) = (Px(self.left - 7.0), Px(y + 4.0));
            let place: [_; 3] = [("x", &x as _), ("y", &y as _), ("text-anchor", &"end" as _)];
            out.element("text", &place, &tick.label);
        }
        out.close();
    }

    /// A line below, and labels with small marks.
    pub(super) fn bottom_axis(self, out: &mut Markup, ticks: &[Tick]) {
        let base = self.y(0.0);
        out.open("g", &[("class", &"axis")]);
        out.leaf(
            "line",
            &[
                ("class", &"base"),
                ("x1", &Px(self.left)),
                ("x2", &Px(self.width - self.right)),
                ("y1", &Px(base)),
                ("y2", &Px(base)),
            ],
        );
        let mut free = f64::NEG_INFINITY;
        for tick in ticks {
            let x = self.x(tick.place);
            let half = tick.label.chars().count() as f64 * LETTER / 2.0;
            // Two labels in one place say nothing.
            if x - half < free {
                continue;
            }
            free = x + half + LETTER;
            out.leaf(
                "line",
                &[
                    ("class", &"base"),
                    ("x1", &Px(x)),
                    ("x2", &Px(x)),
                    ("y1", &Px(base)),
                    ("y2", &Px(base + 4.0)),
                ],
            );
            out.element(
                "text",
                &[
                    ("x", &Px(x)),
                    ("y", &Px(base + 18.0)),
                    ("text-anchor", &"middle"),
                ],
                &tick.label,
            );
        }
        out.close();
    }

    /// Names at the right ends of lines, moved apart where they would overlap; `ends` are places on
    /// the left axis, and the class that gives the colour. `above` px stay free above them.
    pub(super) fn names(self, out: &mut Markup, ends: &[(f64, &str, &'static str)], above: f64) {
        const LINE: f64 = 15.0;
        let mut labels: Vec<(f64, &str, &str)> = ends
            .iter()
            .map(|(place, name, class)| (self.y(*place) + 4.0, *name, *class))
            .collect();
        // From above to below; what is equal keeps its order.
        labels.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut least = self.top + 4.0 + above;
        for label in &mut labels {
            label.0 = label.0.max(least);
            least = label.0 + LINE;
        }
        let mut most = self.y(0.0) + 4.0;
        for label in labels.iter_mut().rev() {
            label.0 = label.0.min(most);
            most = label.0 - LINE;
        }
        let x = self.width - self.right + 7.0;
        for (y, name, class) in labels {
            let class = format!("name {class}");
            out.element(
                "text",
                &[("class", &class), ("x", &Px(x)), ("y", &Px(y))],
                name,
            );
        }
    }

    /// Columns over the whole height that say what stands there: as a tool tip, and where there are
    /// scripts below the plot. Each with where it begins and ends on the axis below.
    pub(super) fn columns(self, out: &mut Markup, columns: &[(f64, f64, String)]) {
        out.open("g", &[("class", &"hits")]);
        for (from, to, text) in columns {
            let (x, end) = (self.x(*from), self.x(*to));
            out.open(
                "rect",
                &[
                    ("x", &Px(x)),
                    ("y", &Px(self.top)),
                    ("width", &Px(end - x)),
                    ("height", &Px(self.y(0.0) - self.top)),
                ],
            );
            out.element("title", &[], text);
            out.close();
        }
        out.close();
    }
}

/// The `d` of a path.
#[derive(Debug, Default)]
pub(super) struct Path(String);

impl Path {
    pub(super) fn to(&mut self, command: char, x: f64, y: f64) {
        // Writing to a String does not fail.
        let _ = write!(self.0, "{command}{} {}", Px(x), Px(y));
    }

    /// A closed rectangle.
    pub(super) fn rectangle(&mut self, x: f64, y: f64, width: f64, height: f64) {
        let (width, height, back) = (Px(width), Px(height), Px(-width));
        let _ = write!(self.0, "M{} {}h{width}v{height}h{back}z", Px(x), Px(y));
    }

    pub(super) fn draw(&self, out: &mut Markup, class: &str) {
        if !self.0.is_empty() {
            out.leaf("path", &[("class", &class), ("d", &self.0)]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::bench::scale::Scale;

    /// On a phone there is no room for the percentiles of ten million times.
    #[test]
    fn labels_below_keep_apart() {
        let ticks = Scale::nines(10_000_000).quantile_ticks();
        for (canvas, labels) in [
            (NARROW, &["p50", "p90", "p99", "p99.9", "p99.999"][..]),
            (
                WIDE,
                &[
                    "p50", "p90", "p99", "p99.9", "p99.99", "p99.999", "p99.9999",
                ],
            ),
        ] {
            let mut out = Markup::default();
            canvas.bottom_axis(&mut out, &ticks);
            let page = out.finish();
            let drawn: Vec<&str> = page
                .split("</text>")
                .filter_map(|text| Some(text.rsplit_once('>')?.1))
                .filter(|label| label.starts_with('p'))
                .collect();
            assert_eq!(drawn, labels, "{}", canvas.name);
        }
    }
}
