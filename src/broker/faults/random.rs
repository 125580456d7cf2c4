//! Numbers that look random and are the same for the same seed.

/// SplitMix64 (Steele, Lea, Flood 2014): every seed is as good as any other.
#[derive(Debug, Clone)]
pub(super) struct Random(u64);

impl Random {
    /// The stream of this number among those of a seed.
    pub(super) fn new(seed: u64, stream: u64) -> Random {
        let mut streams = Random(seed);
        let first = streams.next();
        Random(first ^ stream.wrapping_mul(0xd134_2543_de82_ef95))
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// From 0 to 1, without 1.
    pub(super) fn fraction(&mut self) -> f64 {
        // As many bits as the number has.
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// From 0 to `end`, without `end`; 0 if that is 0.
    pub(super) fn below(&mut self, end: usize) -> usize {
        let end = end as u64;
        self.next().checked_rem(end).map_or(0, |rest| rest as usize)
    }
}
