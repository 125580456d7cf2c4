//! What every message carries in its first bytes: enough to know it again, and when it should have
//! been sent.

/// Bytes of a stamp.
pub(super) const LEN: usize = 18;

/// More publishers than this cannot be told apart.
pub(super) const MAX_PUBLISHERS: u32 = 1 << 24;

/// More messages of one publisher than this cannot be told apart.
pub(super) const MAX_MESSAGES: u64 = 1 << 40;

/// One message of one run. Big endian on the wire: run 4 bytes, publisher 3, sequence 5, time 6.
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
}

impl Stamp {
    pub(super) fn to_bytes(self) -> [u8; LEN] {
        let [r0, r1, r2, r3] = self.run.to_be_bytes();
        let [_, p1, p2, p3] = self.publisher.to_be_bytes();
        let [_, _, _, s3, s4, s5, s6, s7] = self.sequence.to_be_bytes();
        let [_, _, t2, t3, t4, t5, t6, t7] = self.time.to_be_bytes();
        [
            r0, r1, r2, r3, p1, p2, p3, s3, s4, s5, s6, s7, t2, t3, t4, t5, t6, t7,
        ]
    }

    /// `None` if the payload is too short to have one.
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
        ] = payload.first_chunk::<LEN>()?;
        Some(Stamp {
            run: u32::from_be_bytes([r0, r1, r2, r3]),
            publisher: u32::from_be_bytes([0, p1, p2, p3]),
            sequence: u64::from_be_bytes([0, 0, 0, s3, s4, s5, s6, s7]),
            time: u64::from_be_bytes([0, 0, t2, t3, t4, t5, t6, t7]),
        })
    }
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
        };
        let bytes = stamp.to_bytes();
        assert!(bytes.iter().copied().eq(1..=18));
        let mut payload = bytes.to_vec();
        payload.push(0xff);
        assert_eq!(Stamp::read(&payload), Some(stamp));
        assert_eq!(Stamp::read(bytes.get(..17).unwrap()), None);
    }
}
