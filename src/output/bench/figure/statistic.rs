//! What a distribution of times has.

use crate::output::bench::times::Times;

/// One figure of a distribution.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Statistic {
    Count,
    Min,
    Mean,
    /// Parts of 100.
    Percentile(f64),
    Max,
}

/// What a distribution of times has, for sentences.
pub(super) const STATISTICS: &str =
    "it has min, mean, p50, p90, p95, p99, p99.9, p99.99 or any other percentile, max and count";

impl Statistic {
    /// The one of this name.
    pub(super) fn parse(name: &str) -> Option<Statistic> {
        Some(match name {
            "count" => Statistic::Count,
            "min" => Statistic::Min,
            "mean" => Statistic::Mean,
            "max" => Statistic::Max,
            _ => {
                let digits = name.strip_prefix('p')?;
                let is_number = digits.starts_with(|c: char| c.is_ascii_digit())
                    && digits.bytes().all(|c| c.is_ascii_digit() || c == b'.');
                let parts: f64 = digits.parse().ok().filter(|_| is_number)?;
                Statistic::Percentile(Some(parts).filter(|parts| *parts <= 100.0)?)
            }
        })
    }

    /// As it is typed.
    pub(super) fn name(self) -> String {
        match self {
            Statistic::Count => "count".to_owned(),
            Statistic::Min => "min".to_owned(),
            Statistic::Mean => "mean".to_owned(),
            Statistic::Percentile(parts) => format!("p{parts}"),
            Statistic::Max => "max".to_owned(),
        }
    }

    /// Its value in ns, or a count; `None` if there are no times.
    pub(super) fn of(self, times: &Times) -> Option<f64> {
        Some(match self {
            Statistic::Count => times.count() as f64,
            Statistic::Min => times.min()? as f64,
            Statistic::Mean => times.mean()?,
            // 99.9 / 100 is a little more than 0.999, and could be the next time.
            Statistic::Percentile(parts) => times.quantile((parts * 1e6).round() / 1e8)? as f64,
            Statistic::Max => times.max()? as f64,
        })
    }
}
