//! Whether anything moves, and since when nothing has. Pure: time is a parameter.

use std::time::Duration;

use tokio::time::Instant;

/// See the [module](self). `T` is what is looked at: whatever changes has moved.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stillness<T> {
    last: T,
    since: Instant,
    longest: Duration,
}

impl<T: PartialEq> Stillness<T> {
    /// From now on.
    pub(super) fn new(looked: T, now: Instant) -> Stillness<T> {
        Stillness {
            last: looked,
            since: now,
            longest: Duration::ZERO,
        }
    }

    /// How long it has lasted, now that this was seen.
    pub(super) fn look(&mut self, looked: T, now: Instant) -> Duration {
        let lasts = now.saturating_duration_since(self.since);
        self.longest = self.longest.max(lasts);
        if looked == self.last {
            return lasts;
        }
        self.last = looked;
        self.since = now;
        Duration::ZERO
    }

    /// The longest that was seen.
    pub(super) fn longest(&self) -> Duration {
        self.longest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_lasts_until_something_moves() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut stillness = Stillness::new(0, start);
        for (ms, looked, lasts, longest) in [
            (100, 0, 100, 100),
            (400, 0, 400, 400),
            // Nobody looked meanwhile: it may have been still until now.
            (1000, 1, 0, 1000),
            (1200, 1, 200, 1000),
            (1300, 2, 0, 1000),
        ] {
            let found = stillness.look(looked, at(ms));
            assert_eq!(found, Duration::from_millis(lasts), "{ms}");
            assert_eq!(stillness.longest(), Duration::from_millis(longest), "{ms}");
        }
    }
}
