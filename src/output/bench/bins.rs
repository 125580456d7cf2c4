//! A run over time in as many pieces as a plot has room for.

use super::Outcome;
use super::counts::add;
use super::series::{Coarsened, Row, Series};

/// A tail that is shorter goes with the piece before it: a rate over a few ms says nothing.
const SHORTEST: f64 = 0.25;

/// A piece of the run.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Bin {
    /// Seconds since the measurement began.
    pub(super) from: f64,
    /// Where it ends.
    pub(super) to: f64,
    /// Sent per second of the time in it in which messages were sent.
    pub(super) sent: f64,
    /// Acknowledged per second.
    pub(super) acknowledged: f64,
    /// Received per second.
    pub(super) received: f64,
    /// Refusals and other errors within it.
    pub(super) errors: u64,
    /// Connections at its end.
    pub(super) connected: u64,
    /// How long messages took that came within it.
    pub(super) latency: Coarsened,
}

/// The run in at most `room` pieces of the same length: of 1, 2, 5, 10, 15, 20 or 30 s, or of whole
/// minutes. The last one may be shorter.
pub(super) fn bins(outcome: &Outcome, room: usize) -> Vec<Bin> {
    let sending = outcome.sending_ns() as f64 / 1e9;
    let end = sending.max(outcome.receiving_ns() as f64 / 1e9);
    let rows = &outcome.measured.series.rows;
    let first = Series::first_second(outcome.began_ns());
    // Rows that a file puts before the begin are shown with it, those behind the end with that.
    let last = (end.ceil() as i64 - 1).max(0);
    let each = length(last.unsigned_abs() + 1, room.max(1) as u64);
    let count = last.unsigned_abs() / each + 1;
    let mut sums = vec![Row::default(); count as usize];
    for (second, row) in rows {
        let second = second.saturating_sub(first).clamp(0, last).unsigned_abs();
        if let Some(sum) = sums.get_mut((second / each) as usize) {
            // What is open at the end, not the sum.
            sum.connected = 0;
            sum.add(row);
        }
    }
    let mut spans: Vec<(f64, f64)> = (0..count)
        .map(|i| ((i * each) as f64, ((i + 1) * each) as f64))
        .collect();
    if let Some(last) = spans.last_mut() {
        last.1 = end.max(last.0);
    }
    join_tail(&mut sums, &mut spans);
    let bins = sums.into_iter().zip(spans);
    bins.map(|(sum, (from, to))| bin(&sum, from, to, sending))
        .collect()
}

fn bin(sum: &Row, from: f64, to: f64, sending: f64) -> Bin {
    let rate = |count: u64, end: f64| {
        let seconds = end.min(to) - from;
        match seconds > 1e-3 {
            true => count as f64 / seconds,
            false => 0.0,
        }
    };
    Bin {
        from,
        to,
        sent: rate(sum.sent, sending),
        acknowledged: rate(sum.acknowledged, to),
        received: rate(sum.received, to),
        errors: sum.errors,
        connected: sum.connected,
        latency: sum.latency().clone(),
    }
}

fn join_tail(sums: &mut Vec<Row>, spans: &mut Vec<(f64, f64)>) {
    let Some(&(from, to)) = spans.last() else {
        return;
    };
    if spans.len() < 2 || to - from >= SHORTEST {
        return;
    }
    spans.pop();
    let tail = sums.pop();
    if let (Some(tail), Some(sum), Some(span)) = (tail, sums.last_mut(), spans.last_mut()) {
        let connected = sum.connected;
        sum.add(&tail);
        // At the very end everybody leaves.
        sum.connected = connected;
        span.1 = to;
    }
}

/// Seconds of a piece.
fn length(seconds: u64, room: u64) -> u64 {
    let least = seconds.div_ceil(room);
    let round = [1, 2, 5, 10, 15, 20, 30].into_iter();
    let round = round.filter(|round| *round >= least).min();
    round.unwrap_or(least.div_ceil(60) * 60)
}

/// Classes of times joined until a quarter of a doubling, a half or all of it is a row of the heat
/// map.
///
/// The rows in which there is something: from where to where (ns), and how many.
pub(super) fn rows(times: &Coarsened, per_doubling: u32) -> Vec<(u64, u64, u64)> {
    let mut rows: Vec<(u64, u64, u64)> = Vec::new();
    for &(from, count) in &times.counts {
        let (low, high) = part(from, per_doubling);
        match rows.last_mut() {
            Some(last) if last.0 == low => add(&mut last.2, count),
            _ => rows.push((low, high, count)),
        }
    }
    rows
}

/// The quarter of a doubling that a time in ns is in: from where to where.
pub(super) fn quarter(ns: u64) -> (u64, u64) {
    part(ns, 4)
}

fn part(ns: u64, per_doubling: u32) -> (u64, u64) {
    let doubling = ns.max(1).ilog2();
    let width = 1u64 << doubling.saturating_sub(per_doubling.max(1).ilog2());
    let low = ns / width * width;
    (low, low.saturating_add(width))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::bench::{Measured, Part};

    /// A row of ten messages a second, and one more in the tail.
    fn outcome(seconds: u32, tail_ns: u64) -> Outcome {
        let sending_ns = u64::from(seconds) * 1_000_000_000;
        let row = |second: u32| Row {
            sent: 10,
            received: 20,
            connected: u64::from(second),
            ..Row::default()
        };
        let mut rows = Series::default();
        for second in 0..seconds {
            rows.rows.insert(1_000 + i64::from(second), row(second));
        }
        if tail_ns > 0 {
            let tail = Row {
                received: 1,
                ..Row::default()
            };
            rows.rows.insert(1_000 + i64::from(seconds), tail);
        }
        Outcome {
            parts: vec![Part {
                began_ns: 1_000_000_000_000,
                sending_ns,
                receiving_ns: sending_ns + tail_ns,
                ..Part::default()
            }],
            measured: Measured {
                series: rows,
                ..Measured::default()
            },
        }
    }

    #[test]
    fn seconds_are_joined() {
        let bins = bins(&outcome(7, 0), 4);
        let spans: Vec<(f64, f64)> = bins.iter().map(|bin| (bin.from, bin.to)).collect();
        assert_eq!(spans, [(0.0, 2.0), (2.0, 4.0), (4.0, 6.0), (6.0, 7.0)]);
        assert!(
            bins.iter()
                .all(|bin| (bin.sent, bin.received) == (10.0, 20.0))
        );
        assert_eq!(bins[1].connected, 3);
    }

    #[test]
    fn a_short_tail_is_no_peak() {
        let short = bins(&outcome(3, 2_000_000), 100);
        assert_eq!(short.len(), 3);
        assert_eq!(short[2].sent, 10.0);
        assert!((short[2].received - 21.0 / 1.002).abs() < 1e-9);
        assert_eq!(short[2].connected, 2);
        let long = bins(&outcome(3, 500_000_000), 100);
        assert_eq!(long.len(), 4);
        assert_eq!((long[3].sent, long[3].received), (0.0, 2.0));
    }

    #[test]
    fn there_is_room_for_all() {
        for seconds in [0, 1, 120, 121, 3600, 86_400] {
            let count = bins(&outcome(seconds, 0), 120).len();
            assert!((1..=120).contains(&count), "{seconds}: {count}");
        }
        assert_eq!(bins(&outcome(86_400, 0), 120).len(), 120);
    }

    #[test]
    fn a_file_can_hold_any_second() {
        let mut outcome = outcome(2, 0);
        for second in [i64::MIN, i64::MAX] {
            let row = Row {
                errors: 1,
                ..Row::default()
            };
            outcome.measured.series.rows.insert(second, row);
        }
        let errors: Vec<u64> = bins(&outcome, 10).iter().map(|bin| bin.errors).collect();
        assert_eq!(errors, [1, 1]);
    }

    #[test]
    fn classes_become_rows() {
        let times = Coarsened {
            max_ns: 0,
            counts: vec![(0, 1), (1, 2), (32, 3), (34, 4), (40, 5), (64, 6)],
        };
        let quarters = [(0, 1, 1), (1, 2, 2), (32, 40, 7), (40, 48, 5), (64, 80, 6)];
        assert_eq!(rows(&times, 4), quarters);
        assert_eq!(
            rows(&times, 1),
            [(0, 1, 1), (1, 2, 2), (32, 64, 12), (64, 128, 6)]
        );
    }
}
