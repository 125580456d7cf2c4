//! `--shard I/N --start-at TIME`: which part of a run this process is, and when it begins.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::cmd::{Failure, duration};
use crate::output::time::Time;

/// One of so many processes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::cmd::bench) struct Shard {
    /// From 0.
    pub(in crate::cmd::bench) index: u32,
    /// At least 1.
    pub(in crate::cmd::bench) of: u32,
}

impl Shard {
    /// All of it.
    pub(in crate::cmd::bench) const WHOLE: Shard = Shard { index: 0, of: 1 };

    /// Reads `I/N`.
    ///
    /// # Errors
    /// Wrong usage.
    pub(in crate::cmd::bench) fn parse(text: &str) -> Result<Shard, Failure> {
        let numbers = text
            .split_once('/')
            .and_then(|(index, of)| Some((index.parse().ok()?, of.parse().ok()?)));
        match numbers {
            Some((index, of)) if index < of => Ok(Shard { index, of }),
            _ => Err(Failure::usage(format!(
                "--shard takes I/N, with I from 0 and below N, as in 0/4, not '{}'",
                text.escape_debug()
            ))),
        }
    }

    /// Whether the client with this number, of those of one kind in the whole run, is here.
    pub(in crate::cmd::bench) fn has(self, number: u32) -> bool {
        number % self.of == self.index
    }

    /// How many of the numbers from `first` on, `count` of them, are here.
    pub(in crate::cmd::bench) fn count(self, first: u32, count: u32) -> u32 {
        // Below this bound, those that leave this remainder.
        let below = |bound: u64| {
            let (index, of) = (u64::from(self.index), u64::from(self.of));
            (bound + of - 1 - index) / of
        };
        let (first, count) = (u64::from(first), u64::from(count));
        // At most `count`.
        (below(first + count) - below(first)) as u32
    }
}

/// When the run begins, by the time of day.
///
/// # Errors
/// Wrong usage: no time, or one that is over.
pub(in crate::cmd::bench) fn parse_start(
    text: &str,
    now: SystemTime,
) -> Result<SystemTime, Failure> {
    let wrong = || {
        Failure::usage(format!(
            "--start-at takes a time as in 2026-01-31T12:00:00Z, seconds since 1970, or +5s, not '{}'",
            text.escape_debug()
        ))
    };
    let at = match text.strip_prefix('+') {
        Some(pause) => now.checked_add(duration::parse("--start-at", pause)?),
        None if text.bytes().all(|c| c.is_ascii_digit() || c == b'.') => {
            let since = text.parse().map_err(|_| wrong())?;
            let since = Duration::try_from_secs_f64(since).map_err(|_| wrong())?;
            UNIX_EPOCH.checked_add(since)
        }
        None => {
            let time = Time::parse(text).ok_or_else(wrong)?;
            let since = u64::try_from(time.nanoseconds).map_err(|_| wrong())?;
            UNIX_EPOCH.checked_add(Duration::from_nanos(since))
        }
    };
    let at = at.ok_or_else(wrong)?;
    match now.duration_since(at) {
        Ok(late) if late > Duration::ZERO => Err(Failure::usage(format!(
            "--start-at {text} is over for {:.1} s: every part of a run has to begin then",
            late.as_secs_f64()
        ))),
        _ => Ok(at),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_client_is_in_one_shard() {
        for (first, count) in [(0, 0), (0, 1), (0, 10), (3, 7), (u32::MAX - 5, 5)] {
            for of in [1, 2, 3, 4, 11] {
                let shards = (0..of).map(|index| Shard { index, of });
                let mut all = 0;
                for shard in shards {
                    let here = (first..first + count).filter(|n| shard.has(*n)).count();
                    assert_eq!(shard.count(first, count) as usize, here, "{shard:?}");
                    all += here;
                }
                assert_eq!(all, count as usize);
            }
        }
    }

    #[test]
    fn shards_as_people_type_them() {
        assert_eq!(Shard::parse("3/4"), Ok(Shard { index: 3, of: 4 }));
        for bad in ["", "4/4", "1", "1/", "/4", "-1/4", "0/0", "a/b"] {
            assert!(Shard::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn times_to_begin() {
        let now = UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        for (text, seconds) in [
            ("+5s", 1_700_000_005.0),
            ("+0", 1_700_000_000.0),
            ("1700000007.5", 1_700_000_007.5),
            ("2023-11-14T22:13:30Z", 1_700_000_010.0),
        ] {
            let at = UNIX_EPOCH + Duration::from_secs_f64(seconds);
            assert_eq!(parse_start(text, now), Ok(at), "{text}");
        }
        for bad in ["", "soon", "+x", "1699999999", "2023-11-14", "1.2.3"] {
            assert!(parse_start(bad, now).is_err(), "{bad}");
        }
    }
}
