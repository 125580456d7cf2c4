//! Which messages came: once, again, late, or never. Pure counting.

use super::ranges::{Ranges, common};

/// What one arrival was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Arrival {
    /// The first of its number, and none behind it had come before.
    InOrder,
    /// The first of its number, behind one with a higher number.
    Reordered,
    /// Its number had come before.
    Duplicate,
}

/// What has come of one publisher's messages.
///
/// The memory is that of the gaps, not of the messages, and there are only so many gaps: of those
/// of long ago it is only known how many messages they were, and one that came after all would
/// count as a duplicate.
#[derive(Debug, Clone, Default)]
pub(super) struct Sequence {
    /// One more than the highest number that came.
    next: u64,
    /// Numbers below `next` that have not come.
    gaps: Ranges,
}

impl Sequence {
    /// A message with this number came.
    pub(super) fn handle(&mut self, number: u64) -> Arrival {
        if number >= self.next {
            self.gaps.insert_range(self.next, number);
            self.next = number.saturating_add(1);
            return Arrival::InOrder;
        }
        match self.gaps.remove(number) {
            true => Arrival::Reordered,
            false => Arrival::Duplicate,
        }
    }

    /// Numbers below `sent` that have not come, as far as they are known: rising.
    pub(super) fn missing(&self, sent: u64) -> impl Iterator<Item = (u64, u64)> + '_ {
        let rest = (self.next < sent).then_some((self.next, sent));
        let gaps = self
            .gaps
            .iter()
            .map(move |(first, end)| (first, end.min(sent)));
        gaps.filter(|(first, end)| first < end).chain(rest)
    }

    /// The number behind the highest that has come.
    pub(super) fn next(&self) -> u64 {
        self.next
    }

    /// How many have come that are not below `sent`, so that nobody can have sent them.
    pub(super) fn beyond(&self, sent: u64) -> u64 {
        let all = self.next.saturating_sub(sent);
        all - common(self.gaps.iter(), [(sent, u64::MAX)].into_iter())
    }

    /// How many of these numbers, all of them below `sent`, have come. Those of long ago count as
    /// if they had not.
    pub(super) fn came_of(&self, numbers: &Ranges, sent: u64) -> u64 {
        let floor = self.gaps.floor();
        let known = || numbers.iter().map(|(first, end)| (first.max(floor), end));
        let known = || known().filter(|(first, end)| first < end);
        let all: u64 = known().map(|(first, end)| end - first).sum();
        all - common(known(), self.missing(sent))
    }
}

/// What of each publisher has come to one subscriber, or to all of a shared subscription together.
#[derive(Debug, Default)]
pub(super) struct Delivery {
    /// As far as something came.
    by_publisher: Vec<Sequence>,
}

impl Delivery {
    /// A message came.
    #[inline]
    pub(super) fn handle(&mut self, publisher: u32, number: u64) -> Arrival {
        match place(&mut self.by_publisher, publisher) {
            Some(sequence) => sequence.handle(number),
            None => Arrival::Duplicate,
        }
    }

    /// What has come of this publisher; `None`: nothing.
    pub(super) fn of(&self, publisher: u32) -> Option<&Sequence> {
        self.by_publisher.get(publisher as usize)
    }
}

/// In which order messages came to one of several who share a subscription: which of them it gets
/// is up to the broker, their order is not.
#[derive(Debug, Default)]
pub(super) struct Order {
    /// One more than the highest number of each publisher that came.
    next: Vec<u64>,
}

impl Order {
    /// A message came that had not come before: whether it is behind a later one.
    #[inline]
    pub(super) fn handle(&mut self, publisher: u32, number: u64) -> Arrival {
        match place(&mut self.next, publisher) {
            Some(next) if number >= *next => {
                *next = number.saturating_add(1);
                Arrival::InOrder
            }
            _ => Arrival::Reordered,
        }
    }
}

fn place<T: Default + Clone>(all: &mut Vec<T>, publisher: u32) -> Option<&mut T> {
    let at = publisher as usize;
    if all.len() <= at {
        all.resize(at + 1, T::default());
    }
    all.get_mut(at)
}

/// What came.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Arrivals {
    /// Different messages.
    pub(super) unique: u64,
    /// Payload bytes of those.
    pub(super) bytes: u64,
    /// Messages that came again.
    pub(super) duplicated: u64,
    /// Different messages that came behind a later one of the same publisher.
    pub(super) reordered: u64,
}

impl Arrivals {
    /// One more, with so many bytes.
    #[inline]
    pub(super) fn add(&mut self, arrival: Arrival, bytes: usize) {
        match arrival {
            Arrival::InOrder => {}
            Arrival::Reordered => self.reordered += 1,
            Arrival::Duplicate => {
                self.duplicated += 1;
                return;
            }
        }
        self.unique += 1;
        self.bytes += bytes as u64;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Arrival::{Duplicate, InOrder, Reordered};
    use super::*;

    /// Arrivals as scripts: number, and what it has to count as.
    fn check(script: &[(u64, Arrival)]) {
        let mut sequence = Sequence::default();
        for (i, &(number, arrival)) in script.iter().enumerate() {
            assert_eq!(
                sequence.handle(number),
                arrival,
                "arrival {i}, number {number}"
            );
        }
    }

    #[test]
    fn in_order() {
        check(&[(0, InOrder), (1, InOrder), (2, InOrder)]);
    }

    #[test]
    fn a_late_one_fills_its_gap_once() {
        check(&[
            (0, InOrder),
            (4, InOrder),
            (2, Reordered),
            (2, Duplicate),
            (1, Reordered),
            (3, Reordered),
            (1, Duplicate),
            (3, Duplicate),
            (4, Duplicate),
            (0, Duplicate),
            (5, InOrder),
        ]);
    }

    #[test]
    fn the_first_may_be_missing() {
        check(&[(1, InOrder), (0, Reordered), (0, Duplicate), (1, Duplicate)]);
    }

    #[test]
    fn numbers_at_the_end_of_the_range() {
        check(&[(u64::MAX, InOrder), (u64::MAX - 1, Reordered)]);
    }

    #[test]
    fn publishers_are_counted_apart() {
        let mut delivery = Delivery::default();
        let mut arrivals = Arrivals::default();
        for (publisher, number) in [(0, 0), (1, 1), (0, 1), (1, 0), (1, 0), (0, 3)] {
            arrivals.add(delivery.handle(publisher, number), 10);
        }
        let expected = Arrivals {
            unique: 5,
            bytes: 50,
            duplicated: 1,
            reordered: 1,
        };
        assert_eq!(arrivals, expected);
        let missing: Vec<_> = delivery.of(0).unwrap().missing(6).collect();
        assert_eq!(missing, [(2, 3), (4, 6)]);
        assert!(delivery.of(9).is_none());
    }

    #[test]
    fn what_came_although_it_was_refused() {
        let mut sequence = Sequence::default();
        for number in [0, 1, 3, 6] {
            sequence.handle(number);
        }
        let mut refused = Ranges::default();
        for number in [1, 2, 3, 5, 7, 8] {
            refused.insert(number);
        }
        assert_eq!(sequence.came_of(&refused, 9), 2);
    }

    #[test]
    fn gaps_of_long_ago_are_only_counted() {
        let mut sequence = Sequence::default();
        let sent = 10_000;
        for number in (1..sent).step_by(2) {
            assert_eq!(sequence.handle(number), InOrder);
        }
        let known: u64 = sequence.missing(sent).map(|(first, end)| end - first).sum();
        assert!(0 < known && known < sent / 2, "{known}");
        assert_eq!(sequence.handle(sent - 2), Reordered);
    }

    #[test]
    fn each_of_those_who_share_has_an_order_of_its_own() {
        let mut order = Order::default();
        for (number, arrival) in [(3, InOrder), (9, InOrder), (4, Reordered), (10, InOrder)] {
            assert_eq!(order.handle(2, number), arrival);
        }
    }

    proptest! {
        /// Against the plain way of counting: a set of all numbers.
        #[test]
        fn any_arrivals_are_counted_exactly(numbers in prop::collection::vec(0u64..40, 0..120)) {
            let mut sequence = Sequence::default();
            let mut seen = std::collections::BTreeSet::new();
            for number in numbers {
                let expected = match (seen.contains(&number), seen.last()) {
                    (true, _) => Duplicate,
                    (false, Some(&highest)) if number < highest => Reordered,
                    (false, _) => InOrder,
                };
                seen.insert(number);
                prop_assert_eq!(sequence.handle(number), expected);
            }
            let missing: u64 = sequence.gaps.iter().map(|(first, end)| end - first).sum();
            prop_assert_eq!(sequence.next - missing, seen.len() as u64);
        }
    }
}
