//! pcapng: sections, interfaces and their clocks, the packet blocks.

use std::io::Read;

use pcap_parser::{
    Block, OptionCode, nom, parse_block_be, parse_block_le, parse_sectionheaderblock,
    traits::PcapNGPacketBlock,
};

use super::{Found, MAX_FRAME, input::Input};
use crate::capture::{error::CaptureError, link::LinkType, record::Timestamp};

const SECTION_HEADER: u32 = 0x0a0d_0d0a;
const INTERFACE_DESCRIPTION: u32 = 1;
/// Obsolete, yet written by old tools.
const PACKET: u32 = 2;
const SIMPLE_PACKET: u32 = 3;
const ENHANCED_PACKET: u32 = 6;
const DECRYPTION_SECRETS: u32 = 10;

/// Secrets of this type are a key log of TLS.
const TLS_KEY_LOG: u32 = 0x544c_534b;

/// Blocks of secrets that wait for somebody to take them.
const MAX_SECRETS: usize = 8;

/// Headers of a packet block, and options that nobody needs megabytes for.
const MAX_BLOCK: u64 = MAX_FRAME as u64 + 64 * 1024;

/// The state of the section being read.
#[derive(Debug)]
pub(super) struct Section {
    /// `None` until the first section header.
    big_endian: Option<bool>,
    interfaces: Vec<Interface>,
    /// Key logs that nobody has taken yet.
    secrets: Vec<Vec<u8>>,
}

#[derive(Debug)]
struct Interface {
    link: LinkType,
    snaplen: u32,
    clock: Clock,
}

/// Options if_tsresol and if_tsoffset.
#[derive(Debug, Clone, Copy)]
struct Clock {
    units_per_second: u128,
    digits: u8,
    offset_seconds: i64,
}

impl Section {
    pub(super) fn new() -> Section {
        Section {
            big_endian: None,
            interfaces: Vec::new(),
            secrets: Vec::new(),
        }
    }

    pub(super) fn take_secrets(&mut self) -> Vec<Vec<u8>> {
        std::mem::take(&mut self.secrets)
    }

    /// Goes to the next packet block; `None` at the end of the file.
    pub(super) fn next<R: Read>(
        &mut self,
        input: &mut Input<R>,
        number: u64,
    ) -> Result<Option<Found>, CaptureError> {
        loop {
            let Some((block_type, len)) = self.block_head(input)? else {
                return Ok(None);
            };
            let offset = input.offset();
            let wanted = match block_type {
                SECTION_HEADER
                | INTERFACE_DESCRIPTION
                | PACKET
                | SIMPLE_PACKET
                | ENHANCED_PACKET => true,
                // Larger ones are skipped, and so are those that nobody takes.
                DECRYPTION_SECRETS => len <= MAX_BLOCK && self.secrets.len() < MAX_SECRETS,
                _ => false,
            };
            if wanted && len > MAX_BLOCK {
                return Err(CaptureError::Damaged {
                    offset,
                    what: format!(
                        "a block of type {block_type} is {len} bytes long, over the limit of {MAX_BLOCK}"
                    ),
                });
            }
            let found = if wanted {
                input.fill(len as usize)? as u64
            } else {
                input.skip(len)?
            };
            if found < len {
                return Err(CaptureError::Cut {
                    what: match block_type {
                        PACKET | SIMPLE_PACKET | ENHANCED_PACKET => {
                            format!("the block of frame {number}")
                        }
                        _ => format!("a block of type {block_type:#010x}"),
                    },
                    offset,
                    needed: len,
                    found,
                });
            }
            if !wanted {
                continue;
            }
            let len = len as usize;
            let block = input.data().get(..len).unwrap_or_default();
            let frame = self
                .block(block_type, block)
                .map_err(|what| CaptureError::Damaged { offset, what })?;
            match frame {
                Some(frame) => return Ok(Some(frame)),
                None => drop(input.take(len)),
            }
        }
    }

    /// Type and length of the next block. A section header is looked into, for it sets the byte
    /// order in which its own length is written.
    fn block_head<R: Read>(
        &mut self,
        input: &mut Input<R>,
    ) -> Result<Option<(u32, u64)>, CaptureError> {
        let offset = input.offset();
        let cut = |needed: u64, found: usize| CaptureError::Cut {
            what: "the head of a block".into(),
            offset,
            needed,
            found: found as u64,
        };
        let damaged = |what: String| CaptureError::Damaged { offset, what };
        let have = input.fill(12)?;
        if have == 0 {
            return Ok(None);
        }
        let &[t0, t1, t2, t3, l0, l1, l2, l3, m0, m1, m2, m3] =
            input.data().first_chunk().ok_or_else(|| cut(12, have))?;
        if [t0, t1, t2, t3] == SECTION_HEADER.to_be_bytes() {
            self.interfaces.clear();
            self.big_endian = Some(match [m0, m1, m2, m3] {
                [0x1a, 0x2b, 0x3c, 0x4d] => true,
                [0x4d, 0x3c, 0x2b, 0x1a] => false,
                other => {
                    return Err(damaged(format!(
                        "a section's byte order mark is {}",
                        hex::encode(other)
                    )));
                }
            });
        }
        let big_endian = self.big_endian.unwrap_or_default();
        let u32_of = |bytes| match big_endian {
            true => u32::from_be_bytes(bytes),
            false => u32::from_le_bytes(bytes),
        };
        let block_type = u32_of([t0, t1, t2, t3]);
        let len = u32_of([l0, l1, l2, l3]);
        // Some writers do not count the padding of the last option in.
        let padded = u64::from(len).next_multiple_of(4);
        if len < 12 {
            return Err(damaged(format!(
                "a block of type {block_type:#010x} says it is {len} bytes long"
            )));
        }
        Ok(Some((block_type, padded)))
    }

    /// Takes in what a whole block says; gives the frame in it, if it has one.
    fn block(&mut self, block_type: u32, bytes: &[u8]) -> Result<Option<Found>, String> {
        let big_endian = self.big_endian.unwrap_or_default();
        if block_type == PACKET {
            return self.obsolete_packet(bytes, big_endian).map(Some);
        }
        let unreadable = |_: nom::Err<_>| format!("a block of type {block_type} cannot be read");
        if block_type == SECTION_HEADER {
            parse_sectionheaderblock(bytes).map_err(unreadable)?;
            return Ok(None);
        }
        let parse = if big_endian {
            parse_block_be
        } else {
            parse_block_le
        };
        let (_, block) = parse(bytes).map_err(unreadable)?;
        match block {
            Block::InterfaceDescription(block) => {
                let offset = block
                    .options
                    .iter()
                    .find(|option| option.code == OptionCode::IfTsoffset)
                    .and_then(|option| option.value().first_chunk().copied())
                    .map_or(0, |bytes| match big_endian {
                        true => i64::from_be_bytes(bytes),
                        false => i64::from_le_bytes(bytes),
                    });
                self.interfaces.push(Interface {
                    link: LinkType((block.linktype.0 & 0xffff) as u16),
                    snaplen: block.snaplen,
                    clock: Clock::new(block.if_tsresol, offset),
                });
                Ok(None)
            }
            Block::EnhancedPacket(block) => {
                let interface = self.interface(block.if_id)?;
                Ok(Some(Found {
                    time: Some(interface.clock.time(block.ts_high, block.ts_low)),
                    link: interface.link,
                    original_len: block.origlen,
                    start: 28,
                    len: block.packet_data().len(),
                    record_len: bytes.len(),
                }))
            }
            Block::SimplePacket(block) => {
                let interface = self.interface(0)?;
                let snaplen = match interface.snaplen {
                    0 => usize::MAX,
                    snaplen => snaplen as usize,
                };
                Ok(Some(Found {
                    time: None,
                    link: interface.link,
                    original_len: block.origlen,
                    start: 12,
                    len: block.packet_data().len().min(snaplen),
                    record_len: bytes.len(),
                }))
            }
            Block::DecryptionSecrets(block) if block.secrets_type.0 == TLS_KEY_LOG => {
                let secrets = block.data.get(..block.secrets_len as usize);
                self.secrets.push(secrets.unwrap_or(block.data).to_vec());
                Ok(None)
            }
            _ => Ok(None),
        }
    }

    /// Type, length, interface (2), drops (2), time, captured and original length, data.
    fn obsolete_packet(&self, bytes: &[u8], big_endian: bool) -> Result<Found, String> {
        let len = bytes.len();
        let u32_at = |at: usize| {
            let field = bytes.get(at..).and_then(<[u8]>::first_chunk).copied();
            field
                .map(|bytes| match big_endian {
                    true => u32::from_be_bytes(bytes),
                    false => u32::from_le_bytes(bytes),
                })
                .ok_or_else(|| format!("a packet block of only {len} bytes"))
        };
        let id = u32_at(8)?;
        let interface = self.interface(if big_endian { id >> 16 } else { id & 0xffff })?;
        let captured = u32_at(20)? as usize;
        if captured > len.saturating_sub(32) {
            return Err(format!(
                "a packet block of {len} bytes says it holds a frame of {captured}"
            ));
        }
        Ok(Found {
            time: Some(interface.clock.time(u32_at(12)?, u32_at(16)?)),
            link: interface.link,
            original_len: u32_at(24)?,
            start: 28,
            len: captured,
            record_len: len,
        })
    }

    fn interface(&self, id: u32) -> Result<&Interface, String> {
        self.interfaces.get(id as usize).ok_or_else(|| {
            format!(
                "a packet of interface {id}, but the section has described {}",
                self.interfaces.len()
            )
        })
    }
}

impl Clock {
    /// `tsresol`: a negative power of 10, or with the upper bit set, of 2.
    fn new(tsresol: u8, offset_seconds: i64) -> Clock {
        let exponent = u32::from(tsresol & 0x7f);
        let (units_per_second, digits) = if tsresol & 0x80 == 0 {
            (10u128.checked_pow(exponent), exponent)
        } else {
            // A unit of 1/2^n second needs n * log10(2) digits, rounded up.
            (
                1u128.checked_shl(exponent),
                (exponent * 30_103).div_ceil(100_000),
            )
        };
        Clock {
            // Beyond u128 every 64-bit time stamp is less than a nanosecond.
            units_per_second: units_per_second.unwrap_or(u128::MAX),
            digits: digits.min(9) as u8,
            offset_seconds,
        }
    }

    fn time(self, high: u32, low: u32) -> Timestamp {
        const NANOS: u128 = 1_000_000_000;
        let units = u128::from(high) << 32 | u128::from(low);
        let seconds = units / self.units_per_second;
        let rest = units % self.units_per_second;
        // A rest that the multiplication would overflow belongs to a resolution far below 1 ns.
        let nanos = rest
            .checked_mul(NANOS)
            .map_or(0, |scaled| scaled / self.units_per_second);
        let total = i128::try_from(seconds * NANOS + nanos).unwrap_or(i128::MAX);
        let total = total.saturating_add(i128::from(self.offset_seconds) * NANOS as i128);
        Timestamp {
            nanos: total.clamp(i64::MIN.into(), i64::MAX.into()) as i64,
            digits: self.digits,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::file::{FrameReader, is_capture};

    struct Writer {
        big_endian: bool,
        file: Vec<u8>,
    }

    impl Writer {
        fn u32(&self, value: u32) -> [u8; 4] {
            match self.big_endian {
                true => value.to_be_bytes(),
                false => value.to_le_bytes(),
            }
        }

        fn u16(&self, value: u16) -> [u8; 2] {
            match self.big_endian {
                true => value.to_be_bytes(),
                false => value.to_le_bytes(),
            }
        }

        fn block(&mut self, block_type: u32, body: &[u8]) {
            let len = self.u32(12 + body.len().next_multiple_of(4) as u32);
            let mut body = body.to_vec();
            body.resize(body.len().next_multiple_of(4), 0);
            let block = [&self.u32(block_type)[..], &len, &body, &len].concat();
            self.file.extend_from_slice(&block);
        }

        fn section(&mut self) {
            let body = [
                &self.u32(0x1a2b_3c4d)[..],
                &self.u16(1),
                &self.u16(0),
                &[0xff; 8],
            ];
            self.block(SECTION_HEADER, &body.concat());
        }

        fn interface(&mut self, link: u16, tsresol: Option<u8>, tsoffset: Option<i64>) {
            let mut body = [&self.u16(link)[..], &[0, 0], &self.u32(3)].concat();
            if let Some(value) = tsresol {
                let option = [&self.u16(9)[..], &self.u16(1), &[value, 0, 0, 0]].concat();
                body.extend_from_slice(&option);
            }
            if let Some(value) = tsoffset {
                body.extend_from_slice(&[self.u16(14), self.u16(8)].concat());
                body.extend_from_slice(&match self.big_endian {
                    true => value.to_be_bytes(),
                    false => value.to_le_bytes(),
                });
            }
            self.block(INTERFACE_DESCRIPTION, &body);
        }

        fn enhanced(&mut self, interface: u32, time: u64, data: &[u8]) {
            let head = [
                interface,
                (time >> 32) as u32,
                time as u32,
                data.len() as u32,
                99,
            ];
            let mut body: Vec<u8> = head.iter().flat_map(|v| self.u32(*v)).collect();
            body.extend_from_slice(data);
            self.block(ENHANCED_PACKET, &body);
        }
    }

    #[test]
    fn sections_interfaces_clocks_and_unknown_blocks() {
        let mut writer = Writer {
            big_endian: false,
            file: Vec::new(),
        };
        let mut expected = Vec::new();
        for big_endian in [false, true] {
            writer.big_endian = big_endian;
            writer.section();
            writer.interface(1, None, None);
            writer.interface(101, Some(9), Some(-2));
            writer.interface(113, Some(0x80 | 10), None);
            writer.block(0x0bad_0bad, &[7; 200]);
            writer.enhanced(0, 1_000_001, b"a");
            writer.enhanced(1, 5_000_000_007, b"bcd");
            writer.enhanced(2, 1536, b"efghi");
            let simple = [&writer.u32(9)[..], b"jklmnopqr"].concat();
            writer.block(SIMPLE_PACKET, &simple);
            expected.extend([
                (1, Some((1_000_001_000, 6)), b"a".to_vec()),
                (101, Some((3_000_000_007, 9)), b"bcd".to_vec()),
                (113, Some((1_500_000_000, 4)), b"efghi".to_vec()),
                (1, None, b"jkl".to_vec()), // the snapshot length of interface 0 is 3
            ]);
        }
        assert!(is_capture(&writer.file));
        let mut reader = FrameReader::new(&writer.file[..]);
        let mut found = Vec::new();
        while let Some(frame) = reader.next_frame().unwrap() {
            let time = frame.place.time.map(|time| (time.nanos, time.digits));
            found.push((frame.link.0, time, frame.data.to_vec()));
        }
        assert_eq!(found, expected);
    }

    #[test]
    fn any_cut_gives_what_was_before_and_says_so() {
        let mut writer = Writer {
            big_endian: false,
            file: Vec::new(),
        };
        writer.section();
        writer.interface(1, None, None);
        writer.enhanced(0, 0, b"abcd");
        let first = writer.file.len();
        writer.enhanced(0, 0, b"efgh");
        for cut in first + 1..writer.file.len() {
            let mut reader = FrameReader::new(&writer.file[..cut]);
            assert_eq!(reader.next_frame().unwrap().unwrap().data, b"abcd");
            match reader.next_frame() {
                Err(CaptureError::Cut { offset, found, .. }) => {
                    assert_eq!((offset, found), (first as u64, (cut - first) as u64));
                }
                other => panic!("cut at {cut}: {other:?}"),
            }
        }
    }

    #[test]
    fn an_interface_that_is_not_described() {
        let mut writer = Writer {
            big_endian: true,
            file: Vec::new(),
        };
        writer.section();
        writer.enhanced(3, 0, b"abcd");
        match FrameReader::new(&writer.file[..]).next_frame() {
            Err(CaptureError::Damaged { offset: 28, what }) => {
                assert_eq!(
                    what,
                    "a packet of interface 3, but the section has described 0"
                );
            }
            other => panic!("{other:?}"),
        }
    }
}
