//! pcapng: sections, interfaces and their clocks, the packet blocks, and the secrets. Cited are the
//! sections of <https://www.ietf.org/archive/id/draft-ietf-opsawg-pcapng-03.html>.

use std::{io::Read, mem};

use pcap_parser::{
    OptionCode, parse_interfacedescriptionblock_be, parse_interfacedescriptionblock_le,
};

use super::{Found, MAX_FRAME, input::Input};
use crate::capture::{error::CaptureError, link::LinkType};

mod clock;

use clock::Clock;

const SECTION_HEADER: u32 = 0x0a0d_0d0a;
const INTERFACE_DESCRIPTION: u32 = 1;
/// Obsolete, yet written by old tools.
const PACKET: u32 = 2;
const SIMPLE_PACKET: u32 = 3;
const ENHANCED_PACKET: u32 = 6;
pub(in crate::capture) const DECRYPTION_SECRETS: u32 = 10;

/// Secrets of this type are an `SSLKEYLOGFILE` (4.7).
pub(in crate::capture) const TLS_KEY_LOG: u32 = 0x544c_534b;

/// Headers of a packet block, and options that nobody needs megabytes for.
const MAX_BLOCK: u64 = MAX_FRAME as u64 + 64 * 1024;

/// Interfaces of one section. Far over any real number, for each one takes memory.
const MAX_INTERFACES: usize = 65_536;

/// Bytes of secrets that wait for somebody to take them, with what keeping them costs.
const MAX_SECRETS: usize = 8 << 20;

/// The state of the section being read.
#[derive(Debug)]
pub(super) struct Section {
    /// `None` until the first section header.
    big_endian: Option<bool>,
    interfaces: Vec<Interface>,
    secrets: Vec<Vec<u8>>,
    secrets_len: usize,
}

#[derive(Debug)]
struct Interface {
    link: LinkType,
    snaplen: u32,
    clock: Clock,
}

/// Type and length of a block.
#[derive(Debug, Clone, Copy)]
struct Head {
    block_type: u32,
    /// As it was written.
    said: u32,
    /// With the padding that some writers do not count in.
    len: u64,
}

/// A whole block, and the byte order of its section.
#[derive(Debug, Clone, Copy)]
struct Block<'a> {
    bytes: &'a [u8],
    big_endian: bool,
}

impl Section {
    pub(super) fn new() -> Section {
        Section {
            big_endian: None,
            interfaces: Vec::new(),
            secrets: Vec::new(),
            secrets_len: 0,
        }
    }

    /// The key logs that came and were not taken yet.
    pub(super) fn take_secrets(&mut self) -> Vec<Vec<u8>> {
        self.secrets_len = 0;
        mem::take(&mut self.secrets)
    }

    /// Goes to the next packet block; `None` at the end of the file.
    pub(super) fn next<R: Read>(
        &mut self,
        input: &mut Input<R>,
        number: u64,
    ) -> Result<Option<Found>, CaptureError> {
        let since = input.offset();
        loop {
            let Some(head) = self.block_head(input)? else {
                return Ok(None);
            };
            let Head {
                block_type, len, ..
            } = head;
            let offset = input.offset();
            input.check_barren(since, len)?;
            let is_wanted = match block_type {
                SECTION_HEADER
                | INTERFACE_DESCRIPTION
                | PACKET
                | SIMPLE_PACKET
                | ENHANCED_PACKET => {
                    if len > MAX_BLOCK {
                        return Err(CaptureError::Damaged {
                            offset,
                            what: format!(
                                "a block of type {block_type} is {len} bytes long, over the limit of {MAX_BLOCK}"
                            ),
                        });
                    }
                    true
                }
                DECRYPTION_SECRETS => len <= MAX_BLOCK,
                _ => false,
            };
            // Others are dropped up to the length at their end.
            let dropped = if is_wanted { 0 } else { len - 4 };
            let mut found = input.skip(dropped)?;
            let here = (len - dropped) as usize;
            if found == dropped {
                found += input.fill(here)? as u64;
            }
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
            let block = Block {
                bytes: input.data().get(..here).unwrap_or_default(),
                big_endian: self.big_endian.unwrap_or_default(),
            };
            let damaged = |what| CaptureError::Damaged { offset, what };
            let at_end = block.u32_at(here - 4).map_err(damaged)?;
            if at_end != head.said && u64::from(at_end) != len {
                return Err(damaged(format!(
                    "a block of type {block_type:#010x} says it is {} bytes long, and {at_end} at its end",
                    head.said
                )));
            }
            if is_wanted && let Some(frame) = self.block(block_type, block).map_err(damaged)? {
                return Ok(Some(frame));
            }
            input.take(here);
        }
    }

    /// Type and length of the next block. A section header is looked into, for it sets the byte
    /// order in which its own length is written.
    fn block_head<R: Read>(&mut self, input: &mut Input<R>) -> Result<Option<Head>, CaptureError> {
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
        let u32_of = |bytes| match self.big_endian {
            Some(true) => u32::from_be_bytes(bytes),
            _ => u32::from_le_bytes(bytes),
        };
        let block_type = u32_of([t0, t1, t2, t3]);
        let said = u32_of([l0, l1, l2, l3]);
        if said < 12 {
            return Err(damaged(format!(
                "a block of type {block_type:#010x} says it is {said} bytes long"
            )));
        }
        Ok(Some(Head {
            block_type,
            said,
            len: u64::from(said).next_multiple_of(4),
        }))
    }

    /// Takes in what a whole block says; gives the frame in it, if it has one.
    fn block(&mut self, block_type: u32, block: Block<'_>) -> Result<Option<Found>, String> {
        match block_type {
            ENHANCED_PACKET => self.enhanced_packet(block).map(Some),
            SIMPLE_PACKET => self.simple_packet(block).map(Some),
            PACKET => self.obsolete_packet(block).map(Some),
            INTERFACE_DESCRIPTION => self.interface_description(block).map(|()| None),
            DECRYPTION_SECRETS => self.decryption_secrets(block).map(|()| None),
            SECTION_HEADER => match block.u16_at(12)? {
                1 => Ok(None),
                major => Err(format!("pcapng version {major}; version 1 is known")),
            },
            _ => Ok(None),
        }
    }

    /// Type, length, interface, time, captured and original length, data (4.3).
    fn enhanced_packet(&self, block: Block<'_>) -> Result<Found, String> {
        let interface = self.interface(block.u32_at(8)?)?;
        Ok(Found {
            time: Some(interface.clock.time(block.u32_at(12)?, block.u32_at(16)?)),
            link: interface.link,
            original_len: block.u32_at(24)?,
            start: 28,
            len: block.captured(20)?,
            record_len: block.bytes.len(),
        })
    }

    /// Type, length, interface (2), drops (2), time, captured and original length, data (A.).
    fn obsolete_packet(&self, block: Block<'_>) -> Result<Found, String> {
        let interface = self.interface(u32::from(block.u16_at(8)?))?;
        Ok(Found {
            time: Some(interface.clock.time(block.u32_at(12)?, block.u32_at(16)?)),
            link: interface.link,
            original_len: block.u32_at(24)?,
            start: 28,
            len: block.captured(20)?,
            record_len: block.bytes.len(),
        })
    }

    /// Type, length, original length, data up to the snapshot length of the first interface (4.4).
    fn simple_packet(&self, block: Block<'_>) -> Result<Found, String> {
        let interface = self.interface(0)?;
        let original_len = block.u32_at(8)?;
        let Some(space) = block.bytes.len().checked_sub(16) else {
            return Err(format!(
                "a simple packet block of only {} bytes",
                block.bytes.len()
            ));
        };
        let snaplen = match interface.snaplen {
            0 => u32::MAX,
            snaplen => snaplen,
        };
        Ok(Found {
            time: None,
            link: interface.link,
            original_len,
            start: 12,
            len: (original_len.min(snaplen) as usize).min(space),
            record_len: block.bytes.len(),
        })
    }

    fn interface_description(&mut self, block: Block<'_>) -> Result<(), String> {
        if self.interfaces.len() >= MAX_INTERFACES {
            return Err(format!(
                "a section describes more than {MAX_INTERFACES} interfaces"
            ));
        }
        let parse = match block.big_endian {
            true => parse_interfacedescriptionblock_be,
            false => parse_interfacedescriptionblock_le,
        };
        let (_, description) = parse(block.bytes)
            .map_err(|_| "an interface description that cannot be read".to_owned())?;
        let value_of = |code| {
            let mut options = description.options.iter();
            options
                .find(|option| option.code == code)
                .map(|option| option.value())
        };
        let resolution = value_of(OptionCode::IfTsresol).and_then(<[u8]>::first);
        let offset = value_of(OptionCode::IfTsoffset)
            .and_then(|value| value.first_chunk().copied())
            .map_or(0, |bytes| match block.big_endian {
                true => i64::from_be_bytes(bytes),
                false => i64::from_le_bytes(bytes),
            });
        self.interfaces.push(Interface {
            link: LinkType((description.linktype.0 & 0xffff) as u16),
            snaplen: description.snaplen,
            // Without the option, microseconds.
            clock: Clock::new(resolution.copied().unwrap_or(6), offset),
        });
        Ok(())
    }

    /// Type, length, type of the secrets, their length, the secrets (4.7).
    fn decryption_secrets(&mut self, block: Block<'_>) -> Result<(), String> {
        let len = block.u32_at(12)? as usize;
        let secrets = block
            .bytes
            .get(16..block.bytes.len().saturating_sub(4))
            .and_then(|rest| rest.get(..len))
            .ok_or_else(|| {
                format!(
                    "a decryption secrets block of {} bytes says it holds {len}",
                    block.bytes.len()
                )
            })?;
        let cost = len + mem::size_of::<Vec<u8>>();
        if block.u32_at(8)? == TLS_KEY_LOG && self.secrets_len + cost <= MAX_SECRETS {
            self.secrets_len += cost;
            self.secrets.push(secrets.to_vec());
        }
        Ok(())
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

impl Block<'_> {
    fn field<const N: usize>(&self, at: usize) -> Result<[u8; N], String> {
        self.bytes
            .get(at..)
            .and_then(<[u8]>::first_chunk)
            .copied()
            .ok_or_else(|| format!("a block of only {} bytes", self.bytes.len()))
    }

    fn u32_at(&self, at: usize) -> Result<u32, String> {
        self.field(at).map(|bytes| match self.big_endian {
            true => u32::from_be_bytes(bytes),
            false => u32::from_le_bytes(bytes),
        })
    }

    fn u16_at(&self, at: usize) -> Result<u16, String> {
        self.field(at).map(|bytes| match self.big_endian {
            true => u16::from_be_bytes(bytes),
            false => u16::from_le_bytes(bytes),
        })
    }

    /// The captured length, of a frame that begins behind 28 bytes.
    fn captured(&self, at: usize) -> Result<usize, String> {
        let captured = self.u32_at(at)? as usize;
        match self.bytes.len().checked_sub(32) {
            Some(space) if captured <= space => Ok(captured),
            _ => Err(format!(
                "a packet block of {} bytes says it holds a frame of {captured}",
                self.bytes.len()
            )),
        }
    }
}

#[cfg(test)]
mod tests;
