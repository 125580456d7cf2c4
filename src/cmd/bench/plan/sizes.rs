//! Sizes of payloads: `64`, `16..1024`, `64:90,4096:10`.

use std::ops::RangeInclusive;

use super::random::Random;
use crate::cmd::{Failure, size};

/// Which sizes messages have, and how often.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::cmd::bench) struct Sizes {
    /// Each with the sum of the weights up to it.
    choices: Vec<(RangeInclusive<u32>, u64)>,
}

impl Sizes {
    /// One size for all.
    pub(in crate::cmd::bench) fn one(size: u32) -> Sizes {
        Sizes {
            choices: vec![(size..=size, 1)],
        }
    }

    /// Reads what was typed.
    ///
    /// # Errors
    /// Wrong usage.
    pub(in crate::cmd::bench) fn parse(text: &str) -> Result<Sizes, Failure> {
        let wrong = || {
            Failure::usage(format!(
                "--size takes bytes as in 64, 4KiB, 16..1024 or 64:90,4096:10, not '{}'",
                text.escape_debug()
            ))
        };
        let mut sum: u64 = 0;
        let mut choices = Vec::new();
        let is_one = !text.contains(',');
        for choice in text.split(',') {
            let (sizes, weight) = match choice.rsplit_once(':') {
                Some((sizes, weight)) => (sizes, weight.parse::<u32>().map_err(|_| wrong())?),
                None if is_one => (choice, 1),
                // What the others would weigh nobody can know.
                None => return Err(wrong()),
            };
            if weight == 0 {
                return Err(wrong());
            }
            let (first, last) = match sizes.split_once("..") {
                Some((first, last)) => (bytes(first), bytes(last)),
                None => (bytes(sizes), bytes(sizes)),
            };
            match (first, last) {
                (Some(first), Some(last)) if first <= last => {
                    sum += u64::from(weight);
                    choices.push((first..=last, sum));
                }
                _ => return Err(wrong()),
            }
        }
        Ok(Sizes { choices })
    }

    /// The smallest.
    pub(in crate::cmd::bench) fn min(&self) -> u32 {
        let starts = self.choices.iter().map(|(range, _)| *range.start());
        starts.min().unwrap_or(0)
    }

    /// The largest.
    pub(in crate::cmd::bench) fn max(&self) -> u32 {
        let ends = self.choices.iter().map(|(range, _)| *range.end());
        ends.max().unwrap_or(0)
    }

    /// Every size that there is, if there are at most `limit`; in the order of [`pick`](Self::pick).
    pub(in crate::cmd::bench) fn each(&self, limit: usize) -> Option<Vec<u32>> {
        let all = self.choices.iter().map(|(range, _)| range.clone());
        let is_fixed = self
            .choices
            .iter()
            .all(|(range, _)| range.start() == range.end());
        (is_fixed && self.choices.len() <= limit).then(|| all.map(|range| *range.start()).collect())
    }

    /// Which of [`each`](Self::each), or of the ranges, the next message has.
    pub(in crate::cmd::bench) fn pick(&self, random: &mut Random) -> usize {
        if self.choices.len() < 2 {
            return 0;
        }
        let sum = self.choices.last().map_or(0, |(_, sum)| *sum);
        let at = random.below(sum);
        self.choices.partition_point(|(_, up_to)| *up_to <= at)
    }

    /// The size of the next message.
    pub(in crate::cmd::bench) fn next(&self, random: &mut Random) -> u32 {
        let choice = self.choices.get(self.pick(random));
        choice.map_or(0, |(range, _)| {
            let span = u64::from(range.end() - range.start()) + 1;
            range.start() + random.below(span) as u32
        })
    }
}

/// Bytes; unlike elsewhere 0 is a size.
fn bytes(text: &str) -> Option<u32> {
    match text {
        "0" => Some(0),
        text => size::parse("--size", text)
            .ok()
            .and_then(|bytes| u32::try_from(bytes).ok()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_as_people_type_them() {
        for (text, min, max, each) in [
            ("64", 64, 64, Some(vec![64])),
            ("0", 0, 0, Some(vec![0])),
            ("4KiB", 4096, 4096, Some(vec![4096])),
            ("16..1024", 16, 1024, None),
            ("64:90,4096:10", 64, 4096, Some(vec![64, 4096])),
            ("1MB:1,16..64:9", 16, 1_000_000, None),
        ] {
            let sizes = Sizes::parse(text).unwrap();
            assert_eq!((sizes.min(), sizes.max()), (min, max), "{text}");
            assert_eq!(sizes.each(8), each, "{text}");
        }
        for bad in [
            "",
            "x",
            "-1",
            "1.5",
            "64,4096",
            "64:0",
            "64:1,",
            "9..1",
            "1..",
            "64:90,4096",
            "99999999999",
        ] {
            assert!(Sizes::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn weights_and_ranges_are_kept() {
        let sizes = Sizes::parse("10:90,100..109:10").unwrap();
        let mut random = Random::new(1, 1);
        let all: Vec<_> = (0..10_000).map(|_| sizes.next(&mut random)).collect();
        let small = all.iter().filter(|size| **size == 10).count();
        // 9000, and 10 times the standard deviation, 30.
        assert!((8700..9300).contains(&small), "{small}");
        for size in 100..110 {
            assert!(all.contains(&size), "{size}");
        }
        assert!(
            all.iter()
                .all(|size| *size == 10 || (100..110).contains(size))
        );
    }
}
