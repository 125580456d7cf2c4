//! A small histogram: bars of the times.

use std::fmt::{self, Write as _};

use crate::output::bench::numbers::time_text;
use crate::output::bench::outcome::Outcome;
use crate::output::bench::report::us;
use crate::output::bench::times::Times;
use crate::output::colour;

/// Rows of the histogram, at most.
const ROWS: usize = 12;

/// Columns of its longest bar.
const BAR: usize = 40;

/// Bars of the times to delivery, or else to the acknowledgement.
pub(super) fn push(out: &mut String, outcome: &Outcome) -> fmt::Result {
    let latencies = &outcome.measured.latencies;
    let ack = latencies.ack();
    let (name, times) = match latencies.e2e.corrected.is_empty() {
        false => ("to delivery", &latencies.e2e.corrected),
        true => ("to ack", &ack.corrected),
    };
    let bars = bars(times);
    // A few times make no distribution.
    if times.count() < 10 || bars.len() < 2 {
        return Ok(());
    }
    writeln!(out, "\n{}", colour::bold(name))?;
    let most = bars.iter().map(|bar| bar.count).max().unwrap_or(1).max(1);
    let all = times.count().max(1);
    for bar in bars {
        let eighths = (bar.count as f64 / most as f64 * (BAR * 8) as f64).ceil() as usize;
        let time = |ns: u64| time_text(us(ns as f64));
        let range = match (bar.from, bar.to) {
            (Some(from), Some(to)) => format!("{:>9} to{:>9}", time(from), time(to)),
            (None, Some(to)) => format!("{:>9}   {:>9}", "under", time(to)),
            (Some(from), None) => format!("{:>9}   {:>9}", "over", time(from)),
            (None, None) => String::new(),
        };
        writeln!(
            out,
            "{range}  {:<BAR$}{:>9.3} %",
            blocks(eighths),
            bar.count as f64 * 100.0 / all as f64
        )?;
    }
    Ok(())
}

/// From 0 to 8 times [`BAR`] eighths of a column.
fn blocks(eighths: usize) -> String {
    const PARTS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let part = PARTS.get(eighths % 8).copied().unwrap_or_default();
    format!("{}{part}", "█".repeat(eighths / 8))
}

/// A row of the histogram; times in ns.
struct Bar {
    /// Without: everything below `to`.
    from: Option<u64>,
    /// Without: everything from `from` on.
    to: Option<u64>,
    count: u64,
}

/// Where bars may begin, in each power of ten, in hundredths: fine and coarse steps.
const STEPS: [&[u64]; 5] = [
    &[
        100, 110, 120, 130, 140, 150, 160, 180, 200, 220, 240, 260, 280, 300, 330, 360, 400, 450,
        500, 550, 600, 650, 700, 800, 900,
    ],
    &[100, 120, 150, 200, 250, 300, 400, 500, 600, 800],
    &[100, 150, 200, 300, 500, 700],
    &[100, 200, 500],
    &[100],
];

/// The share of the times at either end that does not make the steps coarser.
const END: f64 = 0.001;

/// The times in the finest steps that fit, and what is beyond those.
fn bars(times: &Times) -> Vec<Bar> {
    let (Some(low), Some(high)) = (times.quantile(END), times.quantile(1.0 - END)) else {
        return Vec::new();
    };
    let edges = |steps: &[u64]| {
        // From 100 ns.
        let powers = (0..14).map(|power| 10u64.pow(power));
        let edges = powers.flat_map(|power| steps.iter().map(move |step| step * power));
        let edges: Vec<u64> = edges.collect();
        let first = edges.partition_point(|edge| *edge <= low).saturating_sub(1);
        let end = edges.partition_point(|edge| *edge <= high) + 1;
        edges.get(first..end).unwrap_or_default().to_vec()
    };
    let mut all = STEPS.iter().map(|steps| edges(steps));
    let edges = all
        .find(|edges| edges.len() <= ROWS + 1)
        .unwrap_or_default();
    let from = std::iter::once(None).chain(edges.iter().copied().map(Some));
    let to = edges.iter().copied().map(Some).chain([None]);
    let mut bars: Vec<Bar> = from
        .zip(to)
        .map(|(from, to)| Bar { from, to, count: 0 })
        .collect();
    for bucket in times.buckets() {
        let at = edges.partition_point(|edge| *edge <= bucket.from);
        if let Some(bar) = bars.get_mut(at) {
            bar.count += bucket.count;
        }
    }
    bars.retain(|bar| bar.count > 0 || (bar.from.is_some() && bar.to.is_some()));
    bars
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_time_has_its_bar() {
        let mut times = Times::new();
        for (ns, count) in [
            (50, 1),
            (1_000, 100),
            (19_999, 10_000),
            (20_000, 700),
            (5_000_000, 2),
        ] {
            times.record_n(ns, count);
        }
        let bars = bars(&times);
        assert_eq!(bars.iter().map(|bar| bar.count).sum::<u64>(), times.count());
        let edges: Vec<_> = bars
            .iter()
            .map(|bar| (bar.from, bar.to, bar.count))
            .collect();
        let us = |us: u64| Some(us * 1000);
        let tenths = |tenths: u64| Some(tenths * 100);
        assert_eq!(
            edges,
            [
                (None, us(1), 1),
                (us(1), tenths(15), 100),
                (tenths(15), us(2), 0),
                (us(2), us(3), 0),
                (us(3), us(5), 0),
                (us(5), us(7), 0),
                (us(7), us(10), 0),
                (us(10), us(15), 0),
                // To three digits, 19,999 ns is less than 20 µs.
                (us(15), us(20), 10_000),
                (us(20), us(30), 700),
                (us(30), None, 2),
            ]
        );
        for (length, blocks_of_it) in [(0, ""), (1, "▏"), (8, "█"), (12, "█▌")] {
            assert_eq!(blocks(length), blocks_of_it);
        }
    }
}
