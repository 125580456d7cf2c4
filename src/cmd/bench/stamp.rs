//! What every message carries in its first bytes: enough to know it again, when it should have been
//! sent, and how late it was.

/// Bytes of a stamp.
pub(super) const LEN: usize = 21;

/// More publishers than this cannot be told apart.
pub(super) const MAX_PUBLISHERS: u32 = 1 << 24;

/// More messages of one publisher than this cannot be told apart.
pub(super) const MAX_MESSAGES: u64 = 1 << 40;

/// One message of one run. Big endian on the wire: run 4 bytes, publisher 3, sequence 5, time 6,
/// lateness 3. The run is mixed with a sum over the rest: what was changed on its way, or is somebody
/// else's, is of another run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    /// Which run: messages of another one are foreign.
    pub(super) run: u32,
    /// Number of the publisher, from 0, below [`MAX_PUBLISHERS`].
    pub(super) publisher: u32,
    /// Number of its message, from 0, below [`MAX_MESSAGES`]; warm-up and measurement have each
    /// their own.
    pub(super) sequence: u64,
    /// When it should have been sent, in ns since the start of the run; below 2^48, three days.
    pub(super) time: u64,
    /// How much later it was sent, in ns: to 16 ns and to a millionth of it, up to nine minutes.
    pub(super) lateness: u64,
}

impl Stamp {
    #[inline]
    pub(super) fn to_bytes(self) -> [u8; LEN] {
        let lateness = pack(self.lateness);
        let [r0, r1, r2, r3] = (self.run ^ self.sum(lateness)).to_be_bytes();
        let [_, p1, p2, p3] = self.publisher.to_be_bytes();
        let [_, _, _, s3, s4, s5, s6, s7] = self.sequence.to_be_bytes();
        let [_, _, t2, t3, t4, t5, t6, t7] = self.time.to_be_bytes();
        let [_, l1, l2, l3] = lateness.to_be_bytes();
        [
            r0, r1, r2, r3, p1, p2, p3, s3, s4, s5, s6, s7, t2, t3, t4, t5, t6, t7, l1, l2, l3,
        ]
    }

    /// `None` if the payload is too short to have one.
    #[inline]
    pub(super) fn read(payload: &[u8]) -> Option<Stamp> {
        let &[
            r0,
            r1,
            r2,
            r3,
            p1,
            p2,
            p3,
            s3,
            s4,
            s5,
            s6,
            s7,
            t2,
            t3,
            t4,
            t5,
            t6,
            t7,
            l1,
            l2,
            l3,
        ] = payload.first_chunk::<LEN>()?;
        let lateness = u32::from_be_bytes([0, l1, l2, l3]);
        let mut stamp = Stamp {
            run: u32::from_be_bytes([r0, r1, r2, r3]),
            publisher: u32::from_be_bytes([0, p1, p2, p3]),
            sequence: u64::from_be_bytes([0, 0, 0, s3, s4, s5, s6, s7]),
            time: u64::from_be_bytes([0, 0, t2, t3, t4, t5, t6, t7]),
            lateness: unpack(lateness),
        };
        stamp.run ^= stamp.sum(lateness);
        Some(stamp)
    }

    /// A sum over everything but the run, of which a change in any bit changes half.
    #[inline]
    fn sum(&self, lateness: u32) -> u32 {
        let first = u64::from(self.publisher) << 40 ^ self.sequence;
        let second = self.time ^ u64::from(lateness).rotate_left(48);
        let sum = fold(fold(first ^ MIX[0], MIX[1]) ^ second, MIX[2]);
        (sum ^ sum >> 32) as u32
    }
}

/// Odd numbers with about as many ones as zeros: digits of pi.
const MIX: [u64; 3] = [
    0x243f_6a88_85a3_08d3,
    0x1319_8a2e_0370_7345,
    0xa409_3822_299f_31d1,
];

/// Both halves of the product.
#[inline]
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    product as u64 ^ (product >> 64) as u64
}

/// ns of one step at the smallest exponent, as a power of two.
const STEP: u32 = 4;

/// Bits of the factor; four bits of exponent stand in front of it.
const FACTOR: u32 = 20;

/// A number of 24 bits for a time: a factor, and how often it is doubled.
fn pack(ns: u64) -> u32 {
    let steps = ns >> STEP;
    let doubled = (u64::BITS - steps.leading_zeros()).saturating_sub(FACTOR);
    match doubled {
        0..=15 => doubled << FACTOR | (steps >> doubled) as u32,
        _ => (1 << (FACTOR + 4)) - 1,
    }
}

fn unpack(packed: u32) -> u64 {
    let factor = packed & ((1 << FACTOR) - 1);
    u64::from(factor) << (packed >> FACTOR) << STEP
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_has_its_place() {
        let stamp = Stamp {
            run: 0x0102_0304,
            publisher: 0x0005_0607,
            sequence: 0x08_090a_0b0c,
            time: 0x0d0e_0f10_1112,
            // Exponent 1, factor 0x31415.
            lateness: 0x3_1415 << 1 << 4,
        };
        let bytes = stamp.to_bytes();
        assert!(bytes.iter().copied().skip(4).take(14).eq(5..=18));
        // The factor has 20 bits only if it is at least half of 2^20: here it is kept undoubled.
        assert_eq!(Stamp::read(&bytes), Some(stamp));
        let mut payload = bytes.to_vec();
        payload.push(0xff);
        assert_eq!(Stamp::read(&payload), Some(stamp));
        assert_eq!(Stamp::read(bytes.get(..20).unwrap()), None);
    }

    #[test]
    fn what_was_changed_is_of_another_run() {
        let stamp = Stamp {
            run: 7,
            publisher: 3,
            sequence: 1_000_000,
            time: 12_345_678_901,
            lateness: 160,
        };
        let bytes = stamp.to_bytes();
        for bit in 0..8 * LEN {
            let mut changed = bytes;
            changed[bit / 8] ^= 1 << (bit % 8);
            assert_ne!(Stamp::read(&changed).unwrap().run, 7, "bit {bit}");
        }
        assert_ne!(Stamp::read(&[0; LEN]).unwrap().run, 0);
    }

    #[test]
    fn lateness_is_kept_well_enough() {
        for ns in [0, 15, 16, 1_000, 12_345_678, 1_000_000_000, 300_000_000_000] {
            let read = unpack(pack(ns));
            assert!(read <= ns && ns - read <= 16 + ns / 500_000, "{ns}: {read}");
        }
        let most = 549_755_289_600;
        assert_eq!(unpack(pack(u64::MAX)), most);
        assert!(unpack(pack(most)) == most);
    }
}
