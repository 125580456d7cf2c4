//! How fast the capture is played.

use std::fmt;
use std::time::Duration;

use crate::cmd::Failure;

/// Nothing is planned later than this, so that every clock can count to it: a hundred years.
const FOREVER: Duration = Duration::from_secs(100 * 365 * 86_400);

/// `--speed`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Speed {
    /// So many times as fast as captured; finite and above 0.
    Factor(f64),
    /// Without waiting.
    Max,
}

impl Speed {
    /// Reads `10`, `0.5`, `max`.
    ///
    /// # Errors
    /// Wrong usage.
    pub(super) fn parse(text: &str) -> Result<Speed, Failure> {
        if text == "max" {
            return Ok(Speed::Max);
        }
        // Digits only: the standard library would take `inf` and `1e3` as well.
        let is_plain = text.bytes().all(|b| b.is_ascii_digit() || b == b'.');
        match text.parse::<f64>() {
            Ok(factor) if is_plain && factor.is_finite() && factor > 0.0 => {
                Ok(Speed::Factor(factor))
            }
            _ => Err(Failure::usage(format!(
                "--speed takes a number above 0 as in 10 or 0.5, or max, not '{}'",
                text.escape_debug()
            ))),
        }
    }

    /// When something is played that was captured `nanos` nanoseconds after the start; what was
    /// captured before it is played at the start. At most a hundred years.
    pub(super) fn due(self, nanos: i128) -> Duration {
        match self {
            Speed::Max => Duration::ZERO,
            // Exact to the nanosecond for the first hundred days.
            Speed::Factor(factor) => {
                let seconds = nanos.max(0) as f64 / factor / 1e9;
                Duration::try_from_secs_f64(seconds).map_or(FOREVER, |due| due.min(FOREVER))
            }
        }
    }
}

impl fmt::Display for Speed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Speed::Factor(factor) => write!(f, "{factor}"),
            Speed::Max => f.write_str("max"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn speeds() {
        assert_eq!(Speed::parse("1"), Ok(Speed::Factor(1.0)));
        assert_eq!(Speed::parse("10"), Ok(Speed::Factor(10.0)));
        assert_eq!(Speed::parse("0.5"), Ok(Speed::Factor(0.5)));
        assert_eq!(Speed::parse("max"), Ok(Speed::Max));
        for bad in [
            "", "0", "0.0", "-1", "+1", "1x", "inf", "nan", "1e3", "Max", "1.2.3", ".",
        ] {
            assert!(Speed::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn due_times() {
        let second = 1_000_000_000;
        for (speed, nanos, due) in [
            (Speed::Factor(1.0), 0, Duration::ZERO),
            (Speed::Factor(1.0), -second, Duration::ZERO),
            (Speed::Factor(1.0), 1, Duration::from_nanos(1)),
            (Speed::Factor(10.0), second, Duration::from_millis(100)),
            (Speed::Factor(0.5), second, Duration::from_secs(2)),
            (Speed::Max, second, Duration::ZERO),
            (Speed::Factor(1e-300), second, FOREVER),
            (Speed::Factor(1.0), i128::from(i64::MAX) * 2, FOREVER),
        ] {
            assert_eq!(speed.due(nanos), due, "{speed} {nanos}");
        }
        // A day at 3 times: no error adds up.
        let day = 86_400 * second;
        assert_eq!(
            Speed::Factor(3.0).due(day + 3),
            Duration::new(28_800, 0) + Duration::from_nanos(1)
        );
    }
}
