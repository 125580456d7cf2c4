//! Latencies over time: the denser a cell, the more messages took as long.

use super::Page;
use crate::output::bench::picture::Picture;
use crate::output::bench::scale::{Scale, Tick};

/// Lines.
pub(super) const ROWS: usize = 12;

pub(super) fn lines(page: Page, picture: &Picture) -> Vec<String> {
    let Some(heat) = &picture.heat else {
        return Vec::new();
    };
    let shades = match page.unicode {
        true => ['░', '▒', '▓', '█'],
        false => ['.', ':', '*', '#'],
    };
    let (least, most) = heat.range;
    let scale = Scale::times(least, most);
    // How much there is in each cell, by row from below and piece of the run.
    let mut cells = vec![vec![0.0f64; picture.bins.len()]; ROWS];
    for (piece, bin) in picture.bins.iter().enumerate() {
        for (low, high, count) in heat.cells(bin) {
            // Where it reaches over several rows, each gets its part.
            let (from, to) = (scale.place(low as f64), scale.place(high as f64));
            let (from, to) = (from * ROWS as f64, to * ROWS as f64);
            for (number, row) in cells.iter_mut().enumerate() {
                let (below, above) = (number as f64, (number + 1) as f64);
                let shared = to.min(above) - from.max(below);
                if let Some(cell) = row.get_mut(piece).filter(|_| shared > 0.0) {
                    *cell += count * shared / (to - from);
                }
            }
        }
    }
    let fullest = cells.iter().flatten().copied().fold(0.0, f64::max);
    let columns = page.columns(picture);
    let mut lines = page.heading(&format!(
        "latency over time, to {}; {} more messages",
        heat.kind,
        String::from_iter(shades)
    ));
    let labels = labels(&scale.time_ticks(ROWS / 2));
    for (row, label) in (0..ROWS).zip(labels) {
        let counts = cells.get(ROWS - 1 - row);
        let plot = columns.iter().map(|piece| {
            let count = counts.and_then(|row| row.get(*piece)).copied();
            match count.unwrap_or(0.0) {
                count if count > 0.0 => {
                    let shade = (count / fullest).sqrt() * shades.len() as f64;
                    let shade = shades.get(shade as usize).or(shades.last());
                    shade.copied().unwrap_or(' ')
                }
                _ => ' ',
            }
        });
        lines.push(page.line("", &label, &String::from_iter(plot)));
    }
    lines.push(page.moments(picture));
    lines
}

/// The label of each line, from above: a tick stands at the line that it is the lower edge of.
fn labels(ticks: &[Tick]) -> Vec<String> {
    let mut labels = vec![String::new(); ROWS];
    for tick in ticks {
        let above = ((1.0 - tick.place) * ROWS as f64).round() as usize;
        if let Some(label) = labels.get_mut(above.saturating_sub(1)) {
            label.clone_from(&tick.label);
        }
    }
    labels
}
