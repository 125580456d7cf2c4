//! When to try a lost connection anew: exponential pauses with jitter. Pure: the time and the
//! random numbers come from the caller.

use std::time::{Duration, Instant};

/// The first pause, before jitter.
const FIRST_PAUSE: Duration = Duration::from_millis(250);

/// The longest pause, before jitter.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// A connection that has lasted this long begins anew with short pauses.
const STABLE: Duration = Duration::from_secs(10);

/// Pauses of half a second to a second follow on a connection that was of use and did not last: as if
/// so many tries had failed.
const USEFUL: u32 = 2;

/// How long to try.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Retry {
    /// Not at all.
    #[default]
    Never,
    /// For this long after the loss, or after the last sign of life of a connection that did not
    /// last; the last try is at the end of it.
    For(Duration),
    /// Until it works.
    Forever,
}

/// The pauses of one client.
#[derive(Debug, Clone)]
pub struct Backoff {
    retry: Retry,
    /// When the tries began, and how many there were; `None`: there is nothing to try.
    trying: Option<(Instant, u32)>,
    connected: Option<Instant>,
}

impl Backoff {
    /// Nothing is lost yet.
    pub const fn new(retry: Retry) -> Backoff {
        Backoff {
            retry,
            trying: None,
            connected: None,
        }
    }

    /// There is a connection.
    pub fn handle_connected(&mut self, now: Instant) {
        self.connected = Some(now);
    }

    /// The connection is of use: a message or an answer came. The time of [`Retry::For`] counts from
    /// here, and pauses that have grown long are short again. Not the shortest until a connection
    /// lasts: it may be what comes over it that breaks it.
    pub fn handle_progress(&mut self, now: impl FnOnce() -> Instant) {
        if let Some((start, tries)) = &mut self.trying {
            *start = now();
            *tries = (*tries).min(USEFUL);
        }
    }

    /// The connection is lost, or a try has failed: the pause before the next try, `None` if there
    /// is to be none. `random` is any number, for the jitter.
    ///
    /// The pause is from half of its full length to all of it. A connection that does not last
    /// counts as a failed try, so that a server that accepts and hangs up is not hammered.
    pub fn next_pause(&mut self, now: Instant, random: u64) -> Option<Duration> {
        if let Some(connected) = self.connected.take()
            && now.saturating_duration_since(connected) >= STABLE
        {
            self.trying = None;
        }
        let (start, tries) = self.trying.unwrap_or((now, 0));
        let full = FIRST_PAUSE
            .saturating_mul(1_u32.checked_shl(tries).unwrap_or(u32::MAX))
            .min(LONGEST_PAUSE);
        let half = full / 2;
        let jitter = half.as_micros().min(u128::from(u64::MAX)) as u64;
        let pause = half + Duration::from_micros(random % jitter.max(1));
        let pause = match self.retry {
            Retry::Never => return None,
            Retry::Forever => pause,
            Retry::For(limit) => {
                let left = limit.saturating_sub(now.saturating_duration_since(start));
                if left.is_zero() {
                    return None;
                }
                pause.min(left)
            }
        };
        self.trying = Some((start, tries.saturating_add(1)));
        Some(pause)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pauses without jitter's upper half: `random` 0.
    fn pauses(backoff: &mut Backoff, now: &mut Instant, count: usize) -> Vec<u128> {
        let mut pauses = Vec::new();
        for _ in 0..count {
            let Some(pause) = backoff.next_pause(*now, 0) else {
                break;
            };
            pauses.push(pause.as_millis());
            *now += pause;
        }
        pauses
    }

    #[test]
    fn pauses_double_up_to_their_longest() {
        let mut backoff = Backoff::new(Retry::Forever);
        let mut now = Instant::now();
        assert_eq!(
            pauses(&mut backoff, &mut now, 10),
            [125, 250, 500, 1000, 2000, 4000, 8000, 15000, 15000, 15000]
        );
        // No overflow after years.
        for _ in 0..100 {
            assert_eq!(pauses(&mut backoff, &mut now, 1), [15000]);
        }
    }

    #[test]
    fn jitter_stays_within_the_upper_half() {
        for random in [0, 1, 77_777, u64::MAX, u64::MAX / 3] {
            let mut backoff = Backoff::new(Retry::Forever);
            let pause = backoff.next_pause(Instant::now(), random);
            let pause = pause.expect("for ever").as_micros();
            assert!((125_000..250_000).contains(&pause), "{pause}");
        }
    }

    #[test]
    fn the_last_try_is_at_the_end_of_the_time() {
        let mut backoff = Backoff::new(Retry::For(Duration::from_secs(1)));
        let mut now = Instant::now();
        assert_eq!(pauses(&mut backoff, &mut now, 10), [125, 250, 500, 125]);
    }

    #[test]
    fn never_is_never() {
        for retry in [Retry::Never, Retry::For(Duration::ZERO)] {
            let mut backoff = Backoff::new(retry);
            assert_eq!(backoff.next_pause(Instant::now(), 0), None);
        }
    }

    #[test]
    fn a_connection_of_use_begins_the_time_anew() {
        let mut backoff = Backoff::new(Retry::For(Duration::from_secs(1)));
        let mut now = Instant::now();
        assert_eq!(pauses(&mut backoff, &mut now, 3), [125, 250, 500]);
        backoff.handle_connected(now);
        backoff.handle_progress(|| now);
        assert_eq!(pauses(&mut backoff, &mut now, 10), [500, 500]);
    }

    #[test]
    fn connections_of_use_that_are_cut_keep_the_pauses_under_a_second() {
        let mut backoff = Backoff::new(Retry::Forever);
        let mut now = Instant::now();
        assert_eq!(pauses(&mut backoff, &mut now, 6).last(), Some(&4000));
        for _ in 0..10 {
            backoff.handle_connected(now);
            backoff.handle_progress(|| now);
            assert_eq!(pauses(&mut backoff, &mut now, 1), [500]);
        }
    }

    #[test]
    fn only_a_connection_that_lasts_begins_anew() {
        let mut backoff = Backoff::new(Retry::For(Duration::from_secs(60)));
        let mut now = Instant::now();
        assert_eq!(pauses(&mut backoff, &mut now, 2), [125, 250]);
        backoff.handle_connected(now);
        now += STABLE / 2;
        assert_eq!(pauses(&mut backoff, &mut now, 1), [500]);
        backoff.handle_connected(now);
        now += STABLE;
        assert_eq!(pauses(&mut backoff, &mut now, 1), [125]);
    }
}
