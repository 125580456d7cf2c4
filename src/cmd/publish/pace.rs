//! --rate: when each message is due. Pure; times come from outside.

use std::time::{Duration, Instant};

/// Equal distances from one start, so that a message that left late makes no other one late.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    interval: Duration,
    start: Option<Instant>,
    /// Messages since the start.
    count: u64,
}

impl Pace {
    pub(super) fn new(interval: Duration) -> Pace {
        Pace {
            interval,
            start: None,
            count: 0,
        }
    }

    /// When the next message is due; the first one is at once.
    pub(super) fn next_due(&mut self, now: Instant) -> Instant {
        let start = *self.start.get_or_insert(now);
        let due = self.due(start).unwrap_or(now);
        self.count += 1;
        due
    }

    /// There was nothing to send until `now`: what is missed is not made up for in a burst.
    pub(super) fn skip_to(&mut self, now: Instant) {
        let due = self.start.and_then(|start| self.due(start));
        if due.is_some_and(|due| due < now) {
            *self = Pace::new(self.interval);
        }
    }

    fn due(&self, start: Instant) -> Option<Instant> {
        let since_start = self.interval.as_nanos().checked_mul(self.count.into())?;
        let since_start = u64::try_from(since_start).ok()?;
        start.checked_add(Duration::from_nanos(since_start))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn late_messages_make_no_other_late() {
        let start = Instant::now();
        let mut pace = Pace::new(Duration::from_millis(10));
        let late = [0, 3, 35, 35, 35].map(|ms| start + Duration::from_millis(ms));
        let due = late.map(|now| pace.next_due(now) - start);
        assert_eq!(due, [0, 10, 20, 30, 40].map(Duration::from_millis));
    }

    #[test]
    fn a_pause_of_the_input_is_not_made_up_for() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut pace = Pace::new(Duration::from_millis(10));
        assert_eq!(pace.next_due(start), start);
        pace.skip_to(at(5));
        assert_eq!(pace.next_due(at(5)), at(10), "not due yet");
        pace.skip_to(at(500));
        assert_eq!(pace.next_due(at(500)), at(500));
        assert_eq!(pace.next_due(at(500)), at(510));
    }
}
