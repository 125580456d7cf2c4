//! Latency over time: how many times of each piece of the run were how long. Darker is more.

use super::canvas::{Canvas, Path};
use super::markup::{Markup, Px};
use crate::output::bench::picture::Picture;
use crate::output::bench::scale::{Scale, moment, short};
use crate::output::bench::time_text;

/// Shades; the style sheet has as many.
pub(super) const SHADES: usize = 7;

/// Draws the plot.
pub(super) fn draw(out: &mut Markup, canvas: Canvas, picture: &Picture) {
    let Some(heat) = &picture.heat else { return };
    let (least, most) = heat.range;
    let upright = Scale::times(least, most);
    let across = Scale::seconds(picture.seconds());
    let description = format!(
        "How long messages took from when they were due to their {}, over {}: from {} to {}.",
        heat.kind,
        moment(picture.seconds(), 0.0),
        time_text(least as f64 / 1e3),
        time_text(most as f64 / 1e3)
    );
    canvas.open(out, "heat", "Latency over time", &description);
    let mut shades: Vec<Path> = (0..SHADES).map(|_| Path::default()).collect();
    for bin in &picture.bins {
        let (x, end) = (
            canvas.x(across.place(bin.from)),
            canvas.x(across.place(bin.to)),
        );
        for (low, high, count) in heat.cells(bin) {
            let below = canvas.y(upright.place(low as f64));
            let above = canvas.y(upright.place(high as f64));
            if let Some(path) = shades.get_mut(heat.shade(count, SHADES)) {
                path.rectangle(x, above, end - x, below - above);
            }
        }
    }
    canvas.left_axis(out, &upright.time_ticks(canvas.upright));
    canvas.bottom_axis(out, &across.second_ticks(canvas.across));
    out.open("g", &[("class", &"heat")]);
    for (shade, path) in shades.iter().enumerate() {
        path.draw(out, &format!("h{shade}"));
    }
    out.close();
    let mut ends = Vec::new();
    for (class, share) in [("p99", 0.99)] {
        let mut path = Path::default();
        let mut last = None;
        let mut command = 'M';
        for bin in &picture.bins {
            let Some(time) = bin.latency.quantile(share) else {
                command = 'M';
                continue;
            };
            let place = upright.place(time as f64);
            let middle = (across.place(bin.from) + across.place(bin.to)) / 2.0;
            path.to(command, canvas.x(middle), canvas.y(place));
            command = 'L';
            last = Some(place);
        }
        path.draw(out, &format!("line {class}"));
        if let Some(place) = last {
            ends.push((place, class, class));
        }
    }
    canvas.names(out, &ends, LEGEND);
    legend(out, canvas, heat.most);
    let columns: Vec<(f64, f64, String)> = picture
        .bins
        .iter()
        .map(|bin| {
            let at = |share| bin.latency.quantile(share);
            let times = [("p50", at(0.5)), ("p99", at(0.99)), ("max", at(1.0))];
            let times: Vec<String> = times
                .into_iter()
                .filter_map(|(name, ns)| Some(format!("{name} {}", time_text(ns? as f64 / 1e3))))
                .collect();
            let times = match times.is_empty() {
                true => "nothing came".to_owned(),
                false => times.join(", "),
            };
            let text = format!("{}: {times}", picture.moment(bin));
            (across.place(bin.from), across.place(bin.to), text)
        })
        .collect();
    canvas.columns(out, &columns);
    out.close();
}

/// Room of the legend, px.
const LEGEND: f64 = 36.0;

/// What the shades say, at the right above.
fn legend(out: &mut Markup, canvas: Canvas, most: f64) {
    let x = canvas.width - canvas.right + 7.0;
    const SIDE: f64 = 9.0;
    out.open("g", &[("class", &"heat legend")]);
    for shade in 0..SHADES {
        let class = format!("h{shade}");
        out.leaf(
            "rect",
            &[
                ("class", &class),
                ("x", &Px(x + SIDE * shade as f64)),
                ("y", &Px(canvas.top)),
                ("width", &Px(SIDE)),
                ("height", &Px(SIDE)),
            ],
        );
    }
    let label = format!("to {}/s", short(most));
    out.element(
        "text",
        &[("x", &Px(x)), ("y", &Px(canvas.top + 22.0))],
        label,
    );
    out.close();
}
