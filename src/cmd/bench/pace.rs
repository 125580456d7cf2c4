//! When each message should be sent. Pure arithmetic; times are ns since the start of the run.

/// The times of one publisher's messages.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Pace {
    /// As fast as the broker takes them: the next one is always due.
    Closed,
    /// At fixed times, whatever the broker does.
    Open(Schedule),
}

/// Messages of all publishers, one after the other at equal distances: publisher 0, 1, 2, ...,
/// and 0 again.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Schedule {
    /// ns between two messages of the run.
    interval: f64,
    /// Position of the publisher's next message among all messages.
    position: u64,
    publishers: u64,
}

impl Schedule {
    /// For the publisher with this number, from 0. `rate` is of all publishers, per second, and
    /// more than 0.
    pub(super) fn new(rate: f64, publisher: u32, publishers: u32) -> Schedule {
        Schedule {
            interval: 1e9 / rate,
            position: u64::from(publisher),
            publishers: u64::from(publishers.max(1)),
        }
    }

    /// When the next message should be sent.
    pub(super) fn next_at(&self) -> u64 {
        (self.position as f64 * self.interval) as u64
    }

    /// On to the one behind it.
    pub(super) fn advance(&mut self) {
        self.position += self.publishers;
    }

    /// Messages, from the next one on, that should be sent before `end`.
    pub(super) fn due_before(&self, end: u64) -> u64 {
        let positions = (end as f64 / self.interval).ceil() as u64;
        positions
            .saturating_sub(self.position)
            .div_ceil(self.publishers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn publishers_take_turns() {
        // 4 messages per second, 2 publishers: one every 250 ms, so each has one every 500 ms.
        let times = |publisher| {
            let mut schedule = Schedule::new(4.0, publisher, 2);
            std::array::from_fn::<_, 3, _>(|_| {
                let at = schedule.next_at() / 1_000_000;
                schedule.advance();
                at
            })
        };
        assert_eq!(times(0), [0, 500, 1000]);
        assert_eq!(times(1), [250, 750, 1250]);
    }

    #[test]
    fn the_rest_is_counted() {
        let second = 1_000_000_000;
        let mut schedule = Schedule::new(4.0, 1, 2);
        // Due at 250, 750, 1250, 1750 ms.
        assert_eq!(schedule.due_before(2 * second), 4);
        assert_eq!(schedule.due_before(1_250_000_000), 2);
        assert_eq!(schedule.due_before(1_250_000_001), 3);
        schedule.advance();
        assert_eq!(schedule.due_before(2 * second), 3);
        assert_eq!(schedule.due_before(0), 0);
    }

    #[test]
    fn times_do_not_drift() {
        // A third of a second is no whole number of ns; after a day the times must still fit.
        let mut schedule = Schedule::new(3.0, 0, 1);
        for _ in 0..3 * 86_400 {
            schedule.advance();
        }
        assert_eq!(schedule.next_at() / 1000, 86_400_000_000);
    }
}
