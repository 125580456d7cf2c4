//! pcap: one header, then records. <https://www.tcpdump.org/manpages/pcap-savefile.5.html>

use std::io::Read;

use super::{Found, MAX_FRAME, input::Input, magic};
use crate::capture::{error::CaptureError, link::LinkType, record::Timestamp};

/// Length of the file header.
const HEADER: usize = 24;

/// What the file header says.
#[derive(Debug)]
pub(super) struct File {
    variant: magic::Pcap,
    link: LinkType,
    lengths: Lengths,
}

/// Which of the two lengths in a record comes first.
#[derive(Debug, Clone, Copy)]
enum Lengths {
    CapturedFirst,
    OriginalFirst,
    /// Version 2.3 was written both ways; the captured one is not the larger.
    CapturedIsSmaller,
}

impl File {
    /// Reads the file header.
    pub(super) fn open<R: Read>(
        input: &mut Input<R>,
        variant: magic::Pcap,
    ) -> Result<File, CaptureError> {
        let have = input.fill(HEADER)?;
        let header: [u8; HEADER] = match input.take(HEADER).first_chunk() {
            Some(header) => *header,
            None => {
                return Err(CaptureError::Cut {
                    what: "the file header".into(),
                    offset: 0,
                    needed: HEADER as u64,
                    found: have as u64,
                });
            }
        };
        let [_, _, _, _, v0, v1, v2, v3, .., n0, n1, n2, n3] = header;
        let u16_of = |bytes| match variant.big_endian {
            true => u16::from_be_bytes(bytes),
            false => u16::from_le_bytes(bytes),
        };
        let (major, minor) = (u16_of([v0, v1]), u16_of([v2, v3]));
        let lengths = match (major, minor) {
            (2, 4) => Lengths::CapturedFirst,
            (2, 3) => Lengths::CapturedIsSmaller,
            // 543.0 is what the tcpdump of DG/UX writes.
            (2, 0..=2) | (543, 0) => Lengths::OriginalFirst,
            _ => {
                return Err(CaptureError::Damaged {
                    offset: 4,
                    what: format!("pcap version {major}.{minor}; versions 2.0 to 2.4 are known"),
                });
            }
        };
        Ok(File {
            variant,
            // The upper bits tell of a frame check sequence, which the IP length cuts off anyway.
            link: LinkType(u32_of(variant, [n0, n1, n2, n3]) as u16),
            lengths,
        })
    }

    /// Goes to the next record; `None` at the end of the file.
    pub(super) fn next<R: Read>(
        &self,
        input: &mut Input<R>,
        number: u64,
    ) -> Result<Option<Found>, CaptureError> {
        // Interface, protocol, packet type and padding follow in the modified format.
        let head = if self.variant.modified { 24 } else { 16 };
        let have = input.fill(head)?;
        let Some(
            &[
                s0,
                s1,
                s2,
                s3,
                f0,
                f1,
                f2,
                f3,
                a0,
                a1,
                a2,
                a3,
                b0,
                b1,
                b2,
                b3,
            ],
        ) = input.data().first_chunk().filter(|_| have == head)
        else {
            return match have {
                0 => Ok(None),
                _ => Err(cut(input.offset(), number, head, have)),
            };
        };
        let u32_of = |bytes| u32_of(self.variant, bytes);
        let (seconds, fraction) = (u32_of([s0, s1, s2, s3]), u32_of([f0, f1, f2, f3]));
        let (first, second) = (u32_of([a0, a1, a2, a3]), u32_of([b0, b1, b2, b3]));
        let (captured, original_len) = match self.lengths {
            Lengths::CapturedFirst => (first, second),
            Lengths::OriginalFirst => (second, first),
            Lengths::CapturedIsSmaller => (first.min(second), first.max(second)),
        };
        if (seconds, fraction, captured, original_len) == (0, 0, 0, 0) {
            // What a crash leaves of a preallocated file, and what a bomb is made of.
            return Err(CaptureError::Damaged {
                offset: input.offset(),
                what: format!("the record of frame {number} is all zeros"),
            });
        }
        let record_len = (captured as usize).saturating_add(head);
        if record_len > MAX_FRAME {
            return Err(CaptureError::Damaged {
                offset: input.offset(),
                what: format!(
                    "the record of frame {number} is {record_len} bytes long, over the limit of {MAX_FRAME}"
                ),
            });
        }
        let have = input.fill(record_len)?;
        if have < record_len {
            return Err(cut(input.offset(), number, record_len, have));
        }
        let (nanos, digits) = match self.variant.nanoseconds {
            true => (i64::from(fraction), 9),
            false => (i64::from(fraction) * 1_000, 6),
        };
        Ok(Some(Found {
            time: Some(Timestamp {
                nanos: i64::from(seconds) * 1_000_000_000 + nanos,
                digits,
            }),
            link: self.link,
            original_len,
            start: head,
            len: captured as usize,
            record_len,
        }))
    }
}

fn u32_of(variant: magic::Pcap, bytes: [u8; 4]) -> u32 {
    match variant.big_endian {
        true => u32::from_be_bytes(bytes),
        false => u32::from_le_bytes(bytes),
    }
}

fn cut(offset: u64, number: u64, needed: usize, found: usize) -> CaptureError {
    CaptureError::Cut {
        what: format!("the record of frame {number}"),
        offset,
        needed: needed as u64,
        found: found as u64,
    }
}
