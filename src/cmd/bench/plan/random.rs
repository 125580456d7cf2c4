//! Random numbers that are the same for the same run: enough for sizes and topics, and for nothing
//! that has to stay secret.

/// SplitMix64.
#[derive(Debug, Clone)]
pub(in crate::cmd::bench) struct Random(u64);

impl Random {
    /// The numbers of one publisher of one run.
    pub(in crate::cmd::bench) fn new(run: u32, publisher: u32) -> Random {
        Random(u64::from(run) << 32 | u64::from(publisher))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    /// A number below `bound`; 0 if that is 0.
    pub(in crate::cmd::bench) fn below(&mut self, bound: u64) -> u64 {
        // The upper half of the product; of bounds far below 2^64 every number is as likely.
        ((u128::from(self.next()) * u128::from(bound)) >> 64) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_comes_about_as_often() {
        let mut random = Random::new(7, 3);
        let mut counts = [0u32; 10];
        for _ in 0..10_000 {
            counts[random.below(10) as usize] += 1;
        }
        // 1000 each, and 10 times the standard deviation, 30, to either side.
        assert!(counts.iter().all(|count| (700..1300).contains(count)));
        assert_eq!(random.below(1), 0);
        assert_eq!(random.below(0), 0);
    }

    #[test]
    fn publishers_differ_and_runs_repeat() {
        let numbers = |run, publisher| {
            let mut random = Random::new(run, publisher);
            std::array::from_fn::<_, 4, _>(|_| random.below(u64::MAX))
        };
        assert_eq!(numbers(1, 2), numbers(1, 2));
        assert_ne!(numbers(1, 2), numbers(1, 3));
        assert_ne!(numbers(1, 2), numbers(2, 2));
    }
}
