//! Which messages came: once, again, late, or never. Pure counting.

use std::collections::BTreeMap;

use crate::mqtt::QoS;

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

/// What one subscriber has received of one publisher.
///
/// The memory is that of the gaps, not of the messages.
#[derive(Debug, Clone, Default)]
pub(super) struct Sequence {
    /// One more than the highest number that came.
    next: u64,
    /// Numbers below `next` that have not come: first of a gap, and the one behind its last.
    gaps: BTreeMap<u64, u64>,
}

impl Sequence {
    /// A message with this number came.
    pub(super) fn handle(&mut self, number: u64) -> Arrival {
        if number >= self.next {
            if number > self.next {
                self.gaps.insert(self.next, number);
            }
            self.next = number.saturating_add(1);
            return Arrival::InOrder;
        }
        let gap = self.gaps.range(..=number).next_back();
        match gap.map(|(&first, &end)| (first, end)) {
            Some((first, end)) if number < end => {
                if first == number {
                    self.gaps.remove(&first);
                } else {
                    self.gaps.insert(first, number);
                }
                if number + 1 < end {
                    self.gaps.insert(number + 1, end);
                }
                Arrival::Reordered
            }
            _ => Arrival::Duplicate,
        }
    }
}

/// What one subscriber, or all of a shared subscription, have received.
#[derive(Debug, Default)]
pub(super) struct Delivery {
    /// As far as something came.
    by_publisher: Vec<Sequence>,
    /// By the QoS of the delivery.
    pub(super) counts: [Arrivals; 3],
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

impl Delivery {
    /// A message came.
    #[inline]
    pub(super) fn handle(
        &mut self,
        publisher: u32,
        number: u64,
        qos: QoS,
        bytes: usize,
    ) -> Arrival {
        let at = publisher as usize;
        if self.by_publisher.len() <= at {
            self.by_publisher.resize(at + 1, Sequence::default());
        }
        let arrival = match self.by_publisher.get_mut(at) {
            Some(sequence) => sequence.handle(number),
            None => Arrival::Duplicate,
        };
        if let Some(counts) = self.counts.get_mut(usize::from(qos.as_u8())) {
            match arrival {
                Arrival::InOrder => {}
                Arrival::Reordered => counts.reordered += 1,
                Arrival::Duplicate => {
                    counts.duplicated += 1;
                    return arrival;
                }
            }
            counts.unique += 1;
            counts.bytes += bytes as u64;
        }
        arrival
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
    fn publishers_and_qos_are_counted_apart() {
        let mut delivery = Delivery::default();
        for (publisher, number) in [(0, 0), (1, 1), (0, 1), (1, 0), (1, 0), (0, 3)] {
            delivery.handle(publisher, number, QoS::AtLeastOnce, 10);
        }
        delivery.handle(9, 0, QoS::AtMostOnce, 7);
        let expected = |unique, bytes, duplicated, reordered| Arrivals {
            unique,
            bytes,
            duplicated,
            reordered,
        };
        assert_eq!(
            delivery.counts,
            [
                expected(1, 7, 0, 0),
                expected(5, 50, 1, 1),
                Arrivals::default()
            ]
        );
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
