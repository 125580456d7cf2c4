//! Latency by percentile: the axis below has the same room for each nine, so that the rare and long
//! ones are not in a corner. Corrected times are solid, uncorrected ones dashed.

use super::canvas::{Canvas, Path};
use super::markup::Markup;
use crate::output::bench::picture::{Curve, Picture};
use crate::output::bench::scale::Scale;
use crate::output::bench::time_text;

/// Points of a curve.
const POINTS: u32 = 160;

/// Draws the plot.
pub(super) fn draw(out: &mut Markup, canvas: Canvas, picture: &Picture) {
    let curves = &picture.curves;
    let count = curves.iter().map(|curve| curve.times.count()).max();
    let across = Scale::nines(count.unwrap_or(0));
    let (least, most) = Curve::range(curves);
    let upright = Scale::times(least, most);
    let names: Vec<String> = curves
        .iter()
        .map(|curve| {
            format!(
                "{} {} at p99",
                curve.name(),
                time_text(curve.at(0.99) / 1e3)
            )
        })
        .collect();
    canvas.open(
        out,
        "quantiles",
        "Latency by percentile",
        &format!("{}.", names.join(", ")),
    );
    canvas.left_axis(out, &upright.time_ticks(canvas.upright));
    canvas.bottom_axis(out, &across.quantile_ticks());
    let mut ends = Vec::new();
    // Corrected ones lie above.
    let order = |is_corrected: bool| {
        curves
            .iter()
            .filter(move |c| c.is_corrected == is_corrected)
    };
    for curve in order(false).chain(order(true)) {
        let mut path = Path::default();
        for point in 0..=POINTS {
            let place = f64::from(point) / f64::from(POINTS);
            let time = curve.at(across.value(place));
            let command = if point == 0 { 'M' } else { 'L' };
            path.to(command, canvas.x(place), canvas.y(upright.place(time)));
        }
        let dashes = if curve.is_corrected { "" } else { " dashed" };
        path.draw(out, &format!("line {}{dashes}", class(curve)));
        if curve.is_corrected {
            let last = curve.at(across.value(1.0));
            ends.push((upright.place(last), curve.kind, class(curve)));
        }
    }
    canvas.names(out, &ends, 0.0);
    canvas.columns(out, &columns(curves, across));
    out.close();
}

/// Says the times at p50, p90, p99 and so on, each around its tick.
fn columns(curves: &[Curve], across: Scale) -> Vec<(f64, f64, String)> {
    let ticks = across.quantile_ticks();
    let places: Vec<f64> = ticks.iter().map(|tick| tick.place).collect();
    let mut from = 0.0;
    let mut columns = Vec::new();
    for (i, tick) in ticks.iter().enumerate() {
        let next = places.get(i + 1);
        let to = next.map_or(1.0, |next| (tick.place + next) / 2.0);
        let times = curves.iter().map(|curve| {
            let share = across.value(tick.place);
            format!("{} {}", curve.name(), time_text(curve.at(share) / 1e3))
        });
        let times: Vec<String> = times.collect();
        columns.push((from, to, format!("{}: {}", tick.label, times.join(", "))));
        from = to;
    }
    columns
}

fn class(curve: &Curve) -> &'static str {
    match curve.kind {
        "ack" => "acked",
        _ => "received",
    }
}
