//! How the latencies are spread: two humps are two kinds of messages, which no percentile shows.

use super::canvas::{Canvas, Path};
use super::markup::Markup;
use crate::output::bench::bins::quarter;
use crate::output::bench::picture::Curve;
use crate::output::bench::scale::Scale;
use crate::output::bench::time_text;

/// Draws the plot of what the heat map shows over time.
pub(super) fn draw(out: &mut Markup, canvas: Canvas, curve: &Curve) {
    let shares = shares(curve);
    let (least, most) = Curve::range(std::slice::from_ref(curve));
    let across = Scale::times(least, most);
    let highest = shares.iter().map(|share| share.2).fold(0.0, f64::max);
    let upright = Scale::counts(highest);
    let fullest = shares.iter().find(|share| share.2 >= highest);
    let description = match fullest {
        Some((low, high, share)) => format!(
            "Most often, {share:.1} % of the times to {}, from {} to {}.",
            curve.kind,
            time_text(*low as f64 / 1e3),
            time_text(*high as f64 / 1e3)
        ),
        None => String::new(),
    };
    canvas.open(out, "distribution", "Latency distribution", &description);
    let mut ticks = upright.count_ticks(canvas.upright.min(5));
    for tick in &mut ticks {
        tick.label.push_str(" %");
    }
    canvas.left_axis(out, &ticks);
    let mut bars = Path::default();
    let mut columns = Vec::new();
    for (low, high, share) in &shares {
        let (from, to) = (across.place(*low as f64), across.place(*high as f64));
        let (x, end) = (canvas.x(from), canvas.x(to));
        let top = canvas.y(upright.place(*share));
        // A hair between neighbours.
        bars.rectangle(x, top, (end - x - 0.5).max(0.5), canvas.y(0.0) - top);
        let text = format!(
            "{} to {}: {share:.2} %",
            time_text(*low as f64 / 1e3),
            time_text(*high as f64 / 1e3)
        );
        columns.push((from, to, text));
    }
    let class = if curve.kind == "ack" {
        "spread acked"
    } else {
        "spread received"
    };
    bars.draw(out, class);
    canvas.bottom_axis(out, &across.time_ticks(canvas.across));
    canvas.columns(out, &columns);
    out.close();
}

/// Quarters of doublings that are not empty: from where to where (ns), and parts of 100.
fn shares(curve: &Curve) -> Vec<(u64, u64, f64)> {
    let all = curve.times.count().max(1) as f64;
    let mut shares: Vec<(u64, u64, f64)> = Vec::new();
    for class in curve.times.buckets() {
        let (low, high) = quarter(class.from);
        let share = class.count as f64 / all * 100.0;
        match shares.last_mut() {
            Some(last) if last.0 == low => last.2 += share,
            _ => shares.push((low, high, share)),
        }
    }
    shares
}
