//! Framing: from a byte stream to whole packets, whatever the split of the reads.

use bytes::{Bytes, BytesMut};

use super::{packet_type::PacketType, varint};

/// The largest packet that the standard allows, fixed header included: 268,435,460 bytes.
pub const MAX_PACKET_SIZE: usize = varint::MAX as usize + 5;

/// A fixed header (3.1.1: 2.2, 5.0: 2.1.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FixedHeader {
    /// Packet type and flags as sent.
    pub byte1: u8,
    /// Bytes after the fixed header, 0 to 268,435,455.
    pub remaining_length: u32,
    /// Bytes of the fixed header itself, 2 to 5.
    pub len: usize,
}

impl FixedHeader {
    /// Reads the header at the front of `bytes`; `Ok(None)` if more bytes are needed.
    #[inline]
    pub fn parse(bytes: &[u8]) -> Result<Option<FixedHeader>, FrameError> {
        let Some((&byte1, rest)) = bytes.split_first() else {
            return Ok(None);
        };
        match varint::decode(rest) {
            Ok(read) => Ok(Some(FixedHeader {
                byte1,
                remaining_length: read.value,
                len: 1 + read.len,
            })),
            Err(varint::Error::Incomplete) => Ok(None),
            Err(varint::Error::TooLong) => Err(FrameError::RemainingLengthTooLong),
        }
    }

    /// The type in the upper four bits of [`byte1`](Self::byte1).
    pub const fn packet_type(self) -> PacketType {
        PacketType::from_byte1(self.byte1)
    }

    /// Size of the whole packet, fixed header included: what Maximum Packet Size counts (5.0, 2.1.4).
    pub const fn packet_len(self) -> usize {
        self.len + self.remaining_length as usize
    }
}

/// Why a byte stream cannot be cut into packets any further.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// Remaining Length of more than four bytes.
    #[error(
        "the fourth byte of the remaining length still has its continuation bit set (byte 4 of the packet)"
    )]
    RemainingLengthTooLong,
    /// A packet larger than the receiver takes.
    #[error("packet of {len} bytes is over the limit of {limit}")]
    PacketTooLarge {
        /// Bytes announced, fixed header included.
        len: usize,
        /// Bytes allowed.
        limit: usize,
    },
}

/// The length of the packet at the front of `bytes`, fixed header included, if it is all there.
///
/// # Errors
/// [`FrameError::PacketTooLarge`] as soon as the header says so, before its body has come.
#[inline]
pub fn packet_len(bytes: &[u8], limit: usize) -> Result<Option<usize>, FrameError> {
    let Some(header) = FixedHeader::parse(bytes)? else {
        return Ok(None);
    };
    let len = header.packet_len();
    if len > limit {
        return Err(FrameError::PacketTooLarge { len, limit });
    }
    Ok((len <= bytes.len()).then_some(len))
}

/// Collects bytes as they come and gives them back as whole packets.
#[derive(Debug)]
pub struct Framer {
    buffer: BytesMut,
    limit: usize,
}

impl Framer {
    /// A framer that refuses packets of more than `limit` bytes, fixed header included.
    pub fn new(limit: usize) -> Framer {
        Framer {
            buffer: BytesMut::new(),
            limit,
        }
    }

    /// Appends what was read.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// Where a socket can read into directly.
    pub fn buffer_mut(&mut self) -> &mut BytesMut {
        &mut self.buffer
    }

    /// The bytes that have not yet made a whole packet.
    pub fn pending(&self) -> &[u8] {
        &self.buffer
    }

    /// The next whole packet, fixed header included; `Ok(None)` if more bytes are needed.
    ///
    /// # Errors
    /// After an error the stream has no boundary any more: the connection must be closed.
    #[inline]
    pub fn next_packet(&mut self) -> Result<Option<Bytes>, FrameError> {
        Ok(packet_len(&self.buffer, self.limit)?.map(|len| self.buffer.split_to(len).freeze()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_split_gives_the_same_packets() {
        let stream = [0xc0, 0x00, 0x30, 0x03, 0x00, 0x01, b'a', 0xd0, 0x00];
        for chunk in 1..=stream.len() {
            let mut framer = Framer::new(MAX_PACKET_SIZE);
            let mut packets = Vec::new();
            for part in stream.chunks(chunk) {
                framer.feed(part);
                while let Some(packet) = framer.next_packet().unwrap() {
                    packets.push(packet.to_vec());
                }
            }
            assert_eq!(
                packets,
                [vec![0xc0, 0], vec![0x30, 3, 0, 1, b'a'], vec![0xd0, 0]],
                "chunks of {chunk}"
            );
        }
    }

    #[test]
    fn a_limit_holds_before_the_body_comes() {
        let mut framer = Framer::new(16);
        framer.feed(&[0x30, 0x80, 0x01]);
        assert_eq!(
            framer.next_packet(),
            Err(FrameError::PacketTooLarge {
                len: 131,
                limit: 16
            })
        );
    }

    #[test]
    fn an_endless_length_is_an_error() {
        let mut framer = Framer::new(MAX_PACKET_SIZE);
        framer.feed(&[0x30, 0xff, 0xff, 0xff]);
        assert_eq!(framer.next_packet(), Ok(None));
        framer.feed(&[0xff]);
        assert_eq!(
            framer.next_packet(),
            Err(FrameError::RemainingLengthTooLong)
        );
    }
}
