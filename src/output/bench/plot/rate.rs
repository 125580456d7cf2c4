//! Messages per second over time: a band of columns each for what was sent, acknowledged and
//! received, each to its own scale.

use super::Page;
use crate::output::bench::bins::Bin;
use crate::output::bench::picture::Picture;
use crate::output::bench::scale::{Scale, short};

/// Lines of a band.
const HEIGHT: usize = 4;

/// What of a piece of the run is drawn.
type Rate = fn(&Bin) -> f64;

pub(super) fn lines(page: Page, picture: &Picture) -> Vec<String> {
    let bands: [(&str, bool, Rate); 3] = [
        ("sent", picture.has_sent, |bin| bin.sent),
        ("acknowledged", picture.has_acks, |bin| bin.acknowledged),
        ("received", picture.has_received, |bin| bin.received),
    ];
    let bands = bands.into_iter().filter(|(_, is_there, _)| *is_there);
    let bands: Vec<_> = bands.map(|(name, _, rate)| (name, rate)).collect();
    if bands.is_empty() {
        return Vec::new();
    }
    let asked = match picture.target {
        Some(target) => format!(", {} asked for", short(target)),
        None => String::new(),
    };
    let mut lines = page.heading(&format!("messages per second{asked}"));
    for (name, rate) in bands {
        let rates = picture.bins.iter().map(rate);
        let scale = Scale::counts(rates.fold(0.0, f64::max));
        let heights = page.columns(picture).into_iter().map(|piece| {
            let rate = picture.bins.get(piece).map_or(0.0, rate);
            (scale.place(rate) * (HEIGHT * 8) as f64).round() as usize
        });
        let heights: Vec<usize> = heights.collect();
        for row in 0..HEIGHT {
            let below = (HEIGHT - 1 - row) * 8;
            let plot = heights
                .iter()
                .map(|height| page.eighths(height.saturating_sub(below)));
            let plot = String::from_iter(plot);
            lines.push(match row {
                0 => page.line(name, &short(scale.value(1.0)), &plot),
                row if row == HEIGHT - 1 => page.line("", "0", &plot),
                _ => page.line("", "", &plot),
            });
        }
    }
    lines.push(page.moments(picture));
    lines.push(String::new());
    lines
}
