//! Sets of numbers that mostly stand beside each other. Pure; the memory is that of the ranges, and
//! there are no more than so many of them.

use std::collections::BTreeMap;
use std::ops::Range;

/// At most so many ranges are kept; then the first, which are the oldest, are forgotten.
pub(super) const MAX_RANGES: usize = 1024;

/// See the [module](self).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Ranges {
    /// First number of each, and the one behind its last.
    ends: BTreeMap<u64, u64>,
    /// No number below it is known any more.
    floor: u64,
}

impl Ranges {
    /// One more number.
    pub(super) fn insert(&mut self, number: u64) {
        self.insert_range(number, number.saturating_add(1));
    }

    /// The numbers from `first` to below `end`, none of which is in it.
    pub(super) fn insert_range(&mut self, mut first: u64, mut end: u64) {
        if first >= end {
            return;
        }
        let before = self.ends.range(..first).next_back();
        if let Some((&start, _)) = before.filter(|(_, behind)| **behind == first) {
            first = start;
        }
        if let Some(behind) = self.ends.remove(&end) {
            end = behind;
        }
        self.ends.insert(first, end);
        while self.ends.len() > MAX_RANGES
            && let Some((_, end)) = self.ends.pop_first()
        {
            self.floor = end;
        }
    }

    /// Takes a number out; whether it was in it.
    pub(super) fn remove(&mut self, number: u64) -> bool {
        let range = self.ends.range(..=number).next_back();
        let Some((first, end)) = range.map(|(&first, &end)| (first, end)) else {
            return false;
        };
        if number >= end {
            return false;
        }
        match first == number {
            true => _ = self.ends.remove(&first),
            false => _ = self.ends.insert(first, number),
        }
        if number + 1 < end {
            self.ends.insert(number + 1, end);
        }
        true
    }

    /// The first number of each range, and the one behind its last; rising.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        self.ends.iter().map(|(&first, &end)| (first, end))
    }

    /// Of numbers below it nothing is known: they may have been in it.
    pub(super) fn floor(&self) -> u64 {
        self.floor
    }
}

/// How many numbers two lists of rising ranges have in common.
pub(super) fn common(
    a: impl Iterator<Item = (u64, u64)>,
    b: impl Iterator<Item = (u64, u64)>,
) -> u64 {
    let (mut a, mut b) = (a.peekable(), b.peekable());
    let mut sum = 0;
    while let (Some(&(first, end)), Some(&(other_first, other_end))) = (a.peek(), b.peek()) {
        let both = first.max(other_first)..end.min(other_end);
        sum += both.end.saturating_sub(both.start);
        match end < other_end {
            true => a.next(),
            false => b.next(),
        };
    }
    sum
}

/// Which of these numbers are not in it: rising ranges.
pub(super) fn without(numbers: Range<u64>, all: &Ranges) -> impl Iterator<Item = (u64, u64)> {
    let Range { start: first, end } = numbers;
    // The one that reaches into them from below comes first.
    let below = all.ends.range(..=first).next_back();
    let from = below.map_or(first, |(&at, _)| at);
    let holes = all.ends.range(from..end.max(from));
    let mut next = first;
    let pieces = holes
        .map(|(&at, &behind)| (at, behind))
        .chain([(end, end)])
        .map(move |(at, behind)| {
            let piece = (next, at.min(end));
            next = next.max(behind);
            piece
        });
    pieces.filter(|(first, end)| first < end)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Against a set of all numbers.
        #[test]
        fn numbers_go_in_and_out(steps in prop::collection::vec((any::<bool>(), 0u64..60), 0..200)) {
            let (mut ranges, mut set) = (Ranges::default(), BTreeSet::new());
            for (is_in, number) in steps {
                match is_in {
                    true if set.insert(number) => ranges.insert(number),
                    true => {}
                    false => prop_assert_eq!(ranges.remove(number), set.remove(&number)),
                }
                let all: Vec<u64> = ranges.iter().flat_map(|(first, end)| first..end).collect();
                prop_assert_eq!(&all, &Vec::from_iter(set.iter().copied()));
                // Those that touch are one.
                let mut pairs = ranges.iter().zip(ranges.iter().skip(1));
                prop_assert!(pairs.all(|((_, end), (first, _))| end < first));
            }
        }

        #[test]
        fn what_two_have_in_common(
            a in prop::collection::btree_set(0u64..60, 0..40),
            b in prop::collection::btree_set(0u64..60, 0..40),
            start in 0u64..40,
        ) {
            let ranges = |numbers: &BTreeSet<u64>| {
                let mut ranges = Ranges::default();
                numbers.iter().for_each(|number| ranges.insert(*number));
                ranges
            };
            let found = common(ranges(&a).iter(), ranges(&b).iter());
            prop_assert_eq!(found, a.intersection(&b).count() as u64);
            let numbers = start..start + 30;
            let b_ranges = ranges(&b);
            let rest = without(numbers.clone(), &b_ranges).flat_map(|(first, end)| first..end);
            prop_assert!(rest.eq(numbers.filter(|number| !b.contains(number))));
        }
    }

    #[test]
    fn the_memory_has_an_end() {
        let mut ranges = Ranges::default();
        for number in 0..3 * MAX_RANGES as u64 {
            ranges.insert(2 * number);
        }
        assert_eq!(ranges.iter().count(), MAX_RANGES);
        assert_eq!(ranges.floor(), 4 * MAX_RANGES as u64 - 1);
        assert!(!ranges.remove(0));
    }
}
