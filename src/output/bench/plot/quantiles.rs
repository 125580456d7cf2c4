//! Latencies by percentile: a dot for each on an axis of times, and one for the uncorrected time
//! where that is another.

use super::Page;
use crate::output::bench::picture::{Curve, Picture};
use crate::output::bench::scale::Scale;
use crate::output::bench::time_text;

/// The percentiles that are shown, as far as there are enough times.
const SHARES: [(&str, f64); 7] = [
    ("p50", 0.5),
    ("p90", 0.9),
    ("p99", 0.99),
    ("p99.9", 0.999),
    ("p99.99", 0.9999),
    ("p99.999", 0.99999),
    ("max", 1.0),
];

pub(super) fn lines(page: Page, picture: &Picture) -> Vec<String> {
    let curves = &picture.curves;
    if curves.is_empty() {
        return Vec::new();
    }
    let (least, most) = Curve::range(curves);
    let scale = Scale::times(least, most);
    let (solid, hollow) = marks(page);
    let is_twice = curves.iter().any(|curve| !curve.is_corrected);
    let heading = match is_twice {
        true => format!("latency by percentile; {solid} from when due, {hollow} from when sent"),
        false => "latency by percentile".to_owned(),
    };
    let mut lines = page.heading(&heading);
    for curve in curves.iter().filter(|curve| curve.is_corrected) {
        let mut others = curves.iter();
        let other = others.find(|other| !other.is_corrected && other.kind == curve.kind);
        lines.push(format!("to {}", curve.kind));
        for (name, share) in SHARES {
            // One of ten times decides nothing about p99.
            let is_known = share >= 1.0 || (1.0 - share) * curve.times.count() as f64 >= 0.999;
            if is_known {
                let time_at = time_text(curve.at(share) / 1e3);
                let name = format!("  {name}");
                lines.push(page.line(&name, &time_at, &row(page, scale, curve, other, share)));
            }
        }
    }
    lines.push(page.axis(&scale.time_ticks(page.room() / 9)));
    lines.push(String::new());
    lines
}

fn marks(page: Page) -> (char, char) {
    match page.unicode {
        true => ('●', '○'),
        false => ('*', 'o'),
    }
}

fn row(page: Page, scale: Scale, curve: &Curve, other: Option<&Curve>, share: f64) -> String {
    let (solid, hollow) = marks(page);
    let (dot, between) = match page.unicode {
        true => ('·', '─'),
        false => ('.', '-'),
    };
    let at = page.column(scale.place(curve.at(share)));
    let other = other.map(|other| page.column(scale.place(other.at(share))));
    let from = other.unwrap_or(at).min(at);
    let to = other.unwrap_or(at).max(at);
    let cells = (0..page.room()).map(|column| match column {
        column if column == at => solid,
        column if Some(column) == other => hollow,
        column if column > from && column < to => between,
        column if column < from && column.is_multiple_of(2) => dot,
        _ => ' ',
    });
    String::from_iter(cells)
}
