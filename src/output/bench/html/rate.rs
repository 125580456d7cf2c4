//! Messages per second over time: steps, for each piece of the run has one rate.

use super::canvas::{Canvas, Path};
use super::markup::{Markup, Px};
use crate::output::bench::bins::Bin;
use crate::output::bench::picture::Picture;
use crate::output::bench::scale::{Scale, moment, short};

/// One of the lines.
struct Line {
    name: &'static str,
    /// Where there is little room.
    short: &'static str,
    class: &'static str,
    rate: fn(&Bin) -> f64,
}

const SENT: Line = Line {
    name: "sent",
    short: "sent",
    class: "sent",
    rate: |bin| bin.sent,
};
const ACKNOWLEDGED: Line = Line {
    name: "acknowledged",
    short: "acked",
    class: "acked",
    rate: |bin| bin.acknowledged,
};
const RECEIVED: Line = Line {
    name: "received",
    short: "received",
    class: "received",
    rate: |bin| bin.received,
};

/// Draws the plot.
pub(super) fn draw(out: &mut Markup, canvas: Canvas, picture: &Picture) {
    let mut lines = Vec::new();
    for (line, is_there) in [
        (SENT, picture.has_sent),
        (ACKNOWLEDGED, picture.has_acks),
        (RECEIVED, picture.has_received),
    ] {
        if is_there {
            lines.push(line);
        }
    }
    let rates = picture.bins.iter();
    let rates = rates.flat_map(|bin| lines.iter().map(|line| (line.rate)(bin)));
    let most = rates.fold(picture.target.unwrap_or(0.0), f64::max);
    let upright = Scale::counts(most);
    let across = Scale::seconds(picture.seconds());
    let names: Vec<&str> = lines.iter().map(|line| line.name).collect();
    let description = format!(
        "Messages per second, {}, over {}; at most {} per second.",
        names.join(", "),
        moment(picture.seconds(), 0.0),
        short(most)
    );
    canvas.open(out, "rate", "Rate over time", &description);
    canvas.left_axis(out, &upright.count_ticks(canvas.upright.min(5)));
    canvas.bottom_axis(out, &across.second_ticks(canvas.across));
    if let Some(target) = picture.target {
        let y = canvas.y(upright.place(target));
        out.leaf(
            "line",
            &[
                ("class", &"asked"),
                ("x1", &Px(canvas.left)),
                ("x2", &Px(canvas.x(across.place(picture.sending)))),
                ("y1", &Px(y)),
                ("y2", &Px(y)),
            ],
        );
    }
    let mut ends = Vec::new();
    if let Some(target) = picture.target {
        ends.push((upright.place(target), "asked for", "asked"));
    }
    for line in &lines {
        let mut path = Path::default();
        // Behind the end, nobody was to send.
        let end = match line.class {
            "sent" => picture.sending,
            _ => picture.seconds(),
        };
        let bins = picture.bins.iter().take_while(|bin| bin.from < end);
        let mut last = None;
        for (i, bin) in bins.enumerate() {
            let y = canvas.y(upright.place((line.rate)(bin)));
            let command = if i == 0 { 'M' } else { 'L' };
            path.to(command, canvas.x(across.place(bin.from)), y);
            path.to('L', canvas.x(across.place(bin.to.min(end))), y);
            last = Some(bin);
        }
        path.draw(out, &format!("line {}", line.class));
        if let Some(last) = last {
            let name = match canvas.is_narrow() {
                true => line.short,
                false => line.name,
            };
            ends.push((upright.place((line.rate)(last)), name, line.class));
        }
    }
    canvas.names(out, &ends, 0.0);
    let columns: Vec<(f64, f64, String)> = picture
        .bins
        .iter()
        .map(|bin| {
            let rates = lines
                .iter()
                .map(|line| format!("{} {}/s", line.name, short((line.rate)(bin))));
            let rates: Vec<String> = rates.collect();
            let text = format!("{}: {}", picture.moment(bin), rates.join(", "));
            (across.place(bin.from), across.place(bin.to), text)
        })
        .collect();
    canvas.columns(out, &columns);
    out.close();
}
