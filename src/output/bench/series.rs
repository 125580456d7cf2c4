//! A run second by second.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::counts::add;
use super::times::{Bucket, Coarse};

/// A row per second in which something was counted, by the second of the time of day: since
/// 1970-01-01 UTC, that of [`Part::began_ns`](super::Part::began_ns) rounded to the nearest one
/// being the first.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Series {
    /// The rows; the last one may be cut short by the end of the run.
    pub rows: BTreeMap<i64, Row>,
}

/// What happened within one second.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Row {
    /// Messages sent.
    pub sent: u64,
    /// First arrivals.
    pub received: u64,
    /// Messages whose exchange ended well.
    pub acknowledged: u64,
    /// Refusals and other errors.
    pub errors: u64,
    /// Connections open at its end.
    pub connected: u64,
    /// From when a message should have been sent to its PUBACK or PUBCOMP, by when that came.
    pub ack: Coarsened,
    /// From when a message should have been sent to its arrival, by when that was.
    pub e2e: Coarsened,
}

/// A coarse distribution of times, small to keep: to 1 in 16, which is enough for a heat map and
/// for percentiles over time. Two add exactly.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Coarsened {
    /// The longest time, ns.
    pub max_ns: u64,
    /// The shortest time of each class that is not empty, ns, and how many are in it, rising.
    pub counts: Vec<(u64, u64)>,
}

impl Series {
    /// The second that a run begins with which begins then (ns since 1970-01-01 UTC).
    pub const fn first_second(began_ns: i64) -> i64 {
        began_ns
            .saturating_add(500_000_000)
            .div_euclid(1_000_000_000)
    }

    /// Adds what another counted in the same seconds.
    pub fn add(&mut self, other: &Series) {
        for (&second, row) in &other.rows {
            self.rows.entry(second).or_default().add(row);
        }
    }
}

impl Row {
    /// Adds what another counted in the same second.
    pub fn add(&mut self, other: &Row) {
        add(&mut self.sent, other.sent);
        add(&mut self.received, other.received);
        add(&mut self.acknowledged, other.acknowledged);
        add(&mut self.errors, other.errors);
        add(&mut self.connected, other.connected);
        self.ack.add(&other.ack);
        self.e2e.add(&other.e2e);
    }

    /// What the latencies of this second are: end to end if anything arrived, else to the
    /// acknowledgement.
    pub fn latency(&self) -> &Coarsened {
        match self.e2e.is_empty() {
            true => &self.ack,
            false => &self.e2e,
        }
    }
}

impl Coarsened {
    /// Of these times, of which the longest is known better than they have it.
    pub fn new(times: &Coarse, max_ns: u64) -> Coarsened {
        let count = |Bucket { from, count, .. }| (from, count);
        Coarsened {
            max_ns,
            counts: times.buckets().map(count).collect(),
        }
    }

    /// All of another's, too.
    pub fn add(&mut self, other: &Coarsened) {
        self.max_ns = self.max_ns.max(other.max_ns);
        if self.counts.is_empty() {
            self.counts.clone_from(&other.counts);
            return;
        }
        for &(from, count) in &other.counts {
            match self.counts.binary_search_by_key(&from, |&(from, _)| from) {
                Ok(at) => {
                    if let Some((_, own)) = self.counts.get_mut(at) {
                        add(own, count);
                    }
                }
                Err(at) => self.counts.insert(at, (from, count)),
            }
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }

    /// The time, in ns, that this share of them (0 to 1) does not exceed: the end of its class, at
    /// most the longest.
    pub fn quantile(&self, quantile: f64) -> Option<u64> {
        let all = self
            .counts
            .iter()
            .fold(0u64, |sum, (_, count)| sum.saturating_add(*count));
        let wanted = ((quantile.clamp(0.0, 1.0) * all as f64).ceil() as u64).max(1);
        let mut seen = 0;
        for &(from, count) in &self.counts {
            add(&mut seen, count);
            if seen >= wanted {
                return Some(class_end(from).min(self.max_ns));
            }
        }
        None
    }
}

/// The longest time in the class that begins here: classes are 1 ns wide below 32 ns, and then 16
/// in each doubling.
pub(super) const fn class_end(from: u64) -> u64 {
    match from.checked_ilog2() {
        Some(doubling @ 5..) => from.saturating_add((1 << (doubling - 4)) - 1),
        _ => from,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn coarsened(times: &[u64]) -> Coarsened {
        let mut coarse = Coarse::new();
        for &ns in times {
            coarse.record(ns);
        }
        Coarsened::new(&coarse, times.iter().copied().max().unwrap_or(0))
    }

    #[test]
    fn classes_end_where_the_histogram_says() {
        let mut coarse = Coarse::new();
        for power in 0..41 {
            for add in [0, 1, 7] {
                coarse.record((1u64 << power) + add * (1u64 << power) / 9);
            }
        }
        for bucket in coarse.buckets() {
            assert_eq!(class_end(bucket.from), bucket.to, "{}", bucket.from);
        }
    }

    #[test]
    fn percentiles_are_near() {
        let times: Vec<u64> = (1..=1000).map(|n| n * 1000).collect();
        let coarsened = coarsened(&times);
        for (quantile, exact) in [(0.5, 500_000), (0.99, 990_000), (1.0, 1_000_000)] {
            let read = coarsened.quantile(quantile).unwrap();
            assert!(
                (exact..=exact + exact / 16).contains(&read),
                "{quantile}: {read}"
            );
        }
        assert_eq!(coarsened.quantile(1.0), Some(1_000_000));
        assert_eq!(Coarsened::default().quantile(0.5), None);
    }

    #[test]
    fn seconds_are_added_where_they_were() {
        let series = |first: i64, sent: &[u64]| {
            let row = |(i, &sent): (usize, &u64)| {
                let row = Row {
                    sent,
                    ..Row::default()
                };
                (first + i as i64, row)
            };
            Series {
                rows: sent.iter().enumerate().map(row).collect(),
            }
        };
        let (a, b, c) = (
            series(100, &[1, 2]),
            series(98, &[10, 20, 30]),
            series(103, &[5]),
        );
        let mut expected = series(98, &[10, 20, 31, 2]);
        expected.add(&c);
        for order in [[&a, &b, &c], [&c, &b, &a], [&b, &c, &a]] {
            let mut sum = Series::default();
            for series in order {
                sum.add(series);
            }
            assert_eq!(sum, expected);
        }
    }

    #[test]
    fn a_run_begins_with_the_nearest_second() {
        for (began_ns, second) in [
            (1_499_999_999, 1),
            (1_500_000_000, 2),
            (-1, 0),
            (i64::MAX, 9_223_372_036),
        ] {
            assert_eq!(Series::first_second(began_ns), second);
        }
    }
}
