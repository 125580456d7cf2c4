//! What is due when, on one time line for all connections. Pure: the time that has passed since
//! the start is a parameter.
//!
//! Every time is computed from the captured one and the start, never from the step before, so
//! nothing adds up to a drift.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::time::Duration;

use super::speed::Speed;

/// How fast it goes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Pace {
    /// By the captured times.
    Captured {
        speed: Speed,
        /// The longest pause in which nothing was captured.
        max_gap: Option<Duration>,
    },
    /// So long from one message to the next.
    Even(Duration),
}

impl Pace {
    /// Whether nobody asks when something is done.
    pub(super) fn is_max(self) -> bool {
        matches!(
            self,
            Pace::Captured {
                speed: Speed::Max,
                ..
            }
        )
    }
}

/// From captured time to time since the start of the replay.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clock {
    pace: Pace,
    /// The captured time that is the start, in nanoseconds since 1970.
    base: Option<i64>,
    /// The latest captured time so far.
    latest: Option<i64>,
    /// Nanoseconds of pauses that are left out.
    cut: i64,
    /// Messages so far.
    messages: u32,
}

impl Clock {
    /// Without a start yet.
    pub(super) fn new(pace: Pace) -> Clock {
        Clock {
            pace,
            base: None,
            latest: None,
            cut: 0,
            messages: 0,
        }
    }

    /// The earliest of `times` is the start, unless there is one already.
    pub(super) fn start_at(&mut self, times: impl Iterator<Item = i64>) {
        if self.base.is_none() {
            self.base = times.min();
        }
    }

    /// When to play what was captured at `time`; something without a time at the start. To be called
    /// once for each step, in their order.
    pub(super) fn due(&mut self, time: Option<i64>, is_message: bool) -> Duration {
        let (speed, max_gap) = match self.pace {
            Pace::Captured { speed, max_gap } => (speed, max_gap),
            Pace::Even(interval) => {
                // What else is done comes with the message before it.
                let before = self.messages.saturating_sub(u32::from(!is_message));
                self.messages = self.messages.saturating_add(u32::from(is_message));
                return interval.saturating_mul(before);
            }
        };
        let (Some(time), Some(base)) = (time, self.base) else {
            return Duration::ZERO;
        };
        if let (Some(max_gap), Some(latest)) = (max_gap, self.latest) {
            let max_gap = i64::try_from(max_gap.as_nanos()).unwrap_or(i64::MAX);
            let gap = time.saturating_sub(latest);
            self.cut = self.cut.saturating_add(gap.saturating_sub(max_gap).max(0));
        }
        self.latest = self.latest.max(Some(time));
        speed.due(i128::from(time) - i128::from(base) - i128::from(self.cut))
    }
}

/// Things by the time at which they are due; those of the same time in the order they came.
#[derive(Debug)]
pub(super) struct Queue<T> {
    heap: BinaryHeap<Entry<T>>,
    pushed: u64,
}

impl<T> Queue<T> {
    pub(super) fn new() -> Queue<T> {
        Queue {
            heap: BinaryHeap::new(),
            pushed: 0,
        }
    }

    pub(super) fn push(&mut self, due: Duration, item: T) {
        let number = self.pushed;
        self.pushed += 1;
        self.heap.push(Entry { due, number, item });
    }

    /// The next thing, with its time, if that has come.
    pub(super) fn peek_due(&self, elapsed: Duration) -> Option<&T> {
        let next = self.heap.peek()?;
        (next.due <= elapsed).then_some(&next.item)
    }

    /// When the next thing is due.
    pub(super) fn next_due(&self) -> Option<Duration> {
        self.heap.peek().map(|entry| entry.due)
    }

    /// The next thing, with its time, if that has come.
    pub(super) fn pop_due(&mut self, elapsed: Duration) -> Option<(Duration, T)> {
        match self.next_due() {
            Some(due) if due <= elapsed => self.heap.pop().map(|entry| (entry.due, entry.item)),
            _ => None,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.heap.is_empty()
    }
}

#[derive(Debug)]
struct Entry<T> {
    due: Duration,
    number: u64,
    item: T,
}

/// The heap gives the greatest first: the earliest is the greatest.
impl<T> Ord for Entry<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        (other.due, other.number).cmp(&(self.due, self.number))
    }
}

impl<T> PartialOrd for Entry<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> PartialEq for Entry<T> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl<T> Eq for Entry<T> {}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: i64 = 1_000_000;

    fn at_speed(factor: f64) -> Pace {
        Pace::Captured {
            speed: Speed::Factor(factor),
            max_gap: None,
        }
    }

    #[test]
    fn long_pauses_are_cut() {
        let mut clock = Clock::new(Pace::Captured {
            speed: Speed::Factor(2.0),
            max_gap: Some(ms(100)),
        });
        clock.start_at([0].into_iter());
        let times = [0, 100, 1000, 1100, 1050, 5000, 5001];
        let due = times.map(|time| clock.due(Some(time * MS), true).as_micros());
        assert_eq!(
            due,
            [0, 50_000, 100_000, 150_000, 125_000, 200_000, 200_500]
        );
    }

    #[test]
    fn messages_at_a_rate() {
        let mut clock = Clock::new(Pace::Even(ms(10)));
        let due = [false, true, true, false, true].map(|is| clock.due(Some(7), is));
        assert_eq!(due, [0, 0, 10, 10, 20].map(ms));
    }

    fn ms(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    #[test]
    fn the_earliest_captured_time_is_the_start_whatever_came_first() {
        let mut clock = Clock::new(at_speed(2.0));
        clock.start_at([].into_iter());
        clock.start_at([50 * MS, 30 * MS, 40 * MS].into_iter());
        clock.start_at([0].into_iter());
        assert_eq!(clock.due(Some(30 * MS), true), Duration::ZERO);
        assert_eq!(clock.due(Some(50 * MS), true), ms(10));
        assert_eq!(clock.due(Some(10 * MS), true), Duration::ZERO);
        assert_eq!(clock.due(None, true), Duration::ZERO);
    }

    #[test]
    fn things_come_at_their_time_and_in_their_order() {
        let mut queue = Queue::new();
        for (due, name) in [(30, "d"), (10, "a"), (20, "b"), (20, "c")] {
            queue.push(ms(due), name);
        }
        assert_eq!(queue.next_due(), Some(ms(10)));
        assert_eq!(queue.pop_due(ms(9)), None);
        assert_eq!(queue.pop_due(ms(10)), Some((ms(10), "a")));
        // Late: everything up to now, still in its order and with its own time.
        assert_eq!(queue.pop_due(ms(25)), Some((ms(20), "b")));
        queue.push(ms(20), "e");
        assert_eq!(queue.pop_due(ms(25)), Some((ms(20), "c")));
        assert_eq!(queue.pop_due(ms(25)), Some((ms(20), "e")));
        assert_eq!(queue.pop_due(ms(25)), None);
        assert!(!queue.is_empty());
        assert_eq!(queue.pop_due(ms(1000)), Some((ms(30), "d")));
        assert!(queue.is_empty());
        assert_eq!(queue.next_due(), None);
    }

    #[test]
    fn a_million_steps_do_not_drift() {
        // 1,000 messages a second for 1,000 s at 7 times: each due time is its own seventh.
        let mut clock = Clock::new(at_speed(7.0));
        let start = 1_700_000_000_000_000_000;
        clock.start_at([start].into_iter());
        for i in 0..1_000_000_i64 {
            let exact = (i * MS) as u128 / 7;
            let due = clock.due(Some(start + i * MS), true).as_nanos();
            assert!(due.abs_diff(exact) <= 1, "{i}: {due} {exact}");
        }
    }
}
