//! When a publisher's messages were due, and how long those have waited that nobody has taken. Pure
//! arithmetic; times are ns since the start of the run.

use std::ops::Range;

/// So many messages in a row have their times alone; of more, several have that of their last.
const ALONE: u64 = 1000;

/// The messages of a publisher, by number from 0: at equal distances.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Dues {
    /// The first.
    pub(super) first: u64,
    /// From one to the next.
    pub(super) interval: f64,
}

impl Dues {
    /// When the one with this number was due.
    pub(super) fn at(&self, number: u64) -> u64 {
        let behind = (number as f64 * self.interval) as u64;
        self.first.saturating_add(behind)
    }

    /// How long each of these has waited then at least: so long, and how many.
    pub(super) fn waits(
        &self,
        numbers: Range<u64>,
        until: u64,
    ) -> impl Iterator<Item = (u64, u64)> {
        let dues = *self;
        let step = (numbers.end.saturating_sub(numbers.start) / ALONE).max(1);
        let mut next = numbers.start;
        std::iter::from_fn(move || {
            let first = next;
            next = first.saturating_add(step).min(numbers.end);
            let last = next.checked_sub(1).filter(|_| first < next)?;
            Some((until.saturating_sub(dues.at(last)), next - first))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_waits_since_it_was_due() {
        let dues = Dues {
            first: 1000,
            interval: 2.5,
        };
        let waits: Vec<_> = dues.waits(2..5, 1100).collect();
        assert_eq!(waits, [(95, 1), (93, 1), (90, 1)]);
        assert_eq!(dues.waits(3..3, 1100).count(), 0);
        // Nobody waits before it is due.
        assert_eq!(dues.waits(100..101, 1100).next(), Some((0, 1)));
    }

    #[test]
    fn many_take_no_more_time_than_some() {
        let dues = Dues {
            first: 0,
            interval: 1.0,
        };
        let many = 1_000_000_007;
        let waits: Vec<_> = dues.waits(0..many, many).collect();
        assert!(waits.len() <= ALONE as usize + 1);
        assert_eq!(waits.iter().map(|(_, count)| count).sum::<u64>(), many);
        // Never more than they have waited, and never a thousandth less.
        let (longest, count) = waits[0];
        assert!(longest <= many && longest >= many - count);
        assert_eq!(waits.last().map(|(ns, _)| *ns), Some(1));
    }
}
