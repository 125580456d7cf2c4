//! A distribution of times as an object of `--json`.

use serde::Serialize;

use super::latencies::Pair;
use super::report::us;
use super::times::Times;

/// A distribution of times in µs.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Latency {
    /// How many times.
    pub count: u64,
    /// How many of them are lower bounds: what had not come to its end when the run ended.
    pub lower_bounds: u64,
    /// The shortest.
    pub min: f64,
    /// The average.
    pub mean: f64,
    /// Half of them are at most this.
    pub p50: f64,
    /// 90 of 100.
    pub p90: f64,
    /// 95 of 100.
    pub p95: f64,
    /// 99 of 100.
    pub p99: f64,
    /// 999 of 1000.
    pub p99_9: f64,
    /// 9999 of 10,000.
    pub p99_99: f64,
    /// The longest.
    pub max: f64,
}

impl Latency {
    /// Of a distribution of ns, of which so many are lower bounds; `None` if it is empty.
    pub fn new(times: &Times, lower_bounds: u64) -> Option<Latency> {
        let at = |quantile| times.quantile(quantile).map(|ns| us(ns as f64));
        Some(Latency {
            count: times.count(),
            lower_bounds,
            min: us(times.min()? as f64),
            mean: us(times.mean()?),
            p50: at(0.5)?,
            p90: at(0.9)?,
            p95: at(0.95)?,
            p99: at(0.99)?,
            p99_9: at(0.999)?,
            p99_99: at(0.9999)?,
            max: us(times.max()? as f64),
        })
    }

    /// Of times from when things should have begun.
    pub(super) fn corrected(pair: &Pair) -> Option<Latency> {
        Latency::new(&pair.corrected, pair.lower_bounds)
    }

    /// Of times from when they began.
    pub(super) fn uncorrected(pair: &Pair) -> Option<Latency> {
        Latency::new(&pair.uncorrected, pair.uncorrected_lower_bounds)
    }
}
