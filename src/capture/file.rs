//! Capture files: pcap and pcapng, read frame by frame.
//!
//! `pcap_parser` reads the headers, records and blocks; what is here is the flow of bytes around
//! it: a buffer that never grows beyond one record, offsets for error messages, blocks skipped
//! without being held, and interfaces and their clocks.

use std::io::Read;

use pcap_parser::nom;

use super::{
    error::CaptureError,
    link::LinkType,
    record::{Place, Timestamp},
};

mod input;
mod pcapng;

use input::Input;

/// The largest frame that is believed. Far over any snapshot length in use (262,144 bytes), far
/// under what a damaged length field would make us allocate.
pub const MAX_FRAME: usize = 1 << 20;

/// Whether a file that begins with `bytes` (at least 4) is a capture, by its magic.
pub fn is_capture(bytes: &[u8]) -> bool {
    bytes
        .first_chunk()
        .is_some_and(|magic| kind(*magic).is_some())
}

/// A captured frame.
#[derive(Debug)]
pub struct Frame<'a> {
    /// Number (from 1) and time.
    pub place: Place,
    /// What the data begins with.
    pub link: LinkType,
    /// Bytes that the frame had on the wire.
    pub original_len: u32,
    /// The bytes that were captured.
    pub data: &'a [u8],
}

/// Reads frames from a pcap or pcapng file or pipe.
#[derive(Debug)]
pub struct FrameReader<R> {
    input: Input<R>,
    format: Option<Format>,
    frames: u64,
}

#[derive(Debug)]
enum Format {
    Pcap(Pcap),
    Pcapng(pcapng::Section),
}

/// What the 24 bytes at the start of a pcap file say.
#[derive(Debug)]
struct Pcap {
    link: LinkType,
    nanoseconds: bool,
    parse: PcapRecordParser,
}

type PcapRecordParser =
    fn(
        &[u8],
    ) -> nom::IResult<&[u8], pcap_parser::LegacyPcapBlock<'_>, pcap_parser::PcapError<&[u8]>>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Pcap,
    Pcapng,
}

fn kind(magic: [u8; 4]) -> Option<Kind> {
    match magic {
        [0x0a, 0x0d, 0x0d, 0x0a] => Some(Kind::Pcapng),
        // Microseconds and nanoseconds in both byte orders, and Kuznetzov's modified format.
        [0xd4, 0xc3, 0xb2, 0xa1]
        | [0xa1, 0xb2, 0xc3, 0xd4]
        | [0x4d, 0x3c, 0xb2, 0xa1]
        | [0xa1, 0xb2, 0x3c, 0x4d]
        | [0x34, 0xcd, 0xb2, 0xa1] => Some(Kind::Pcap),
        _ => None,
    }
}

/// Where in the input buffer a frame lies. Copied out of the parsers, so that the buffer can be
/// borrowed once, at the end.
#[derive(Debug, Clone, Copy)]
struct Found {
    time: Option<Timestamp>,
    link: LinkType,
    original_len: u32,
    /// Offset of the frame's data in the record or block.
    start: usize,
    /// Captured length.
    len: usize,
    /// Length of the whole record or block.
    record_len: usize,
}

impl<R: Read> FrameReader<R> {
    /// A reader over `reader`, which needs no buffer of its own. Nothing is read yet.
    pub fn new(reader: R) -> FrameReader<R> {
        FrameReader {
            input: Input::new(reader),
            format: None,
            frames: 0,
        }
    }

    /// How many frames have been read.
    pub fn frames(&self) -> u64 {
        self.frames
    }

    /// How many bytes of the file have been used.
    pub fn offset(&self) -> u64 {
        self.input.offset()
    }

    /// The key logs of TLS sessions that were read since they were taken last.
    pub fn take_secrets(&mut self) -> Vec<Vec<u8>> {
        match &mut self.format {
            Some(Format::Pcapng(section)) => section.take_secrets(),
            _ => Vec::new(),
        }
    }

    /// Whether the format of the file has a place for secrets.
    pub(super) fn may_have_secrets(&self) -> bool {
        matches!(self.format, Some(Format::Pcapng(_)))
    }

    /// The next frame; `Ok(None)` at the end of the file.
    ///
    /// # Errors
    /// [`CaptureError::Cut`] if the file ends inside of a record; every other one if it cannot be
    /// read any further. After an error there is nothing more to come.
    pub fn next_frame(&mut self) -> Result<Option<Frame<'_>>, CaptureError> {
        let format = match &mut self.format {
            Some(format) => format,
            none => none.insert(open(&mut self.input)?),
        };
        let number = self.frames + 1;
        let found = match format {
            Format::Pcap(pcap) => pcap.next(&mut self.input, number)?,
            Format::Pcapng(section) => section.next(&mut self.input, number)?,
        };
        let Some(found) = found else {
            return Ok(None);
        };
        self.frames = number;
        let record = self.input.take(found.record_len);
        Ok(Some(Frame {
            place: Place {
                frame: number,
                time: found.time,
            },
            link: found.link,
            original_len: found.original_len,
            data: record
                .get(found.start..found.start + found.len)
                .unwrap_or_default(),
        }))
    }
}

fn open<R: Read>(input: &mut Input<R>) -> Result<Format, CaptureError> {
    let have = input.fill(4)?;
    if have == 0 {
        return Err(CaptureError::Empty);
    }
    match input.data().first_chunk().and_then(|magic| kind(*magic)) {
        Some(Kind::Pcapng) => Ok(Format::Pcapng(pcapng::Section::new())),
        Some(Kind::Pcap) => open_pcap(input).map(Format::Pcap),
        None => Err(CaptureError::NotACapture {
            found: hex::encode(input.data().get(..8).unwrap_or(input.data())),
        }),
    }
}

fn open_pcap<R: Read>(input: &mut Input<R>) -> Result<Pcap, CaptureError> {
    const LEN: usize = 24;
    let have = input.fill(LEN)?;
    if have < LEN {
        return Err(CaptureError::Cut {
            what: "the file header".into(),
            offset: 0,
            needed: LEN as u64,
            found: have as u64,
        });
    }
    let (_, header) =
        pcap_parser::parse_pcap_header(input.data()).map_err(|_| CaptureError::Damaged {
            offset: 0,
            what: "a file header that cannot be read".into(),
        })?;
    let parse = if header.is_modified_format() {
        pcap_parser::parse_pcap_frame_modified
    } else if header.is_bigendian() {
        pcap_parser::parse_pcap_frame_be
    } else {
        pcap_parser::parse_pcap_frame
    };
    input.take(LEN);
    Ok(Pcap {
        // The upper bits tell of a frame check sequence, which the IP length cuts off anyway.
        link: LinkType((header.network.0 & 0xffff) as u16),
        nanoseconds: header.is_nanosecond_precision(),
        parse,
    })
}

impl Pcap {
    fn next<R: Read>(
        &self,
        input: &mut Input<R>,
        number: u64,
    ) -> Result<Option<Found>, CaptureError> {
        let mut needed = 16;
        loop {
            let have = input.fill(needed)?;
            if have == 0 {
                return Ok(None);
            }
            if have < needed {
                return Err(CaptureError::Cut {
                    what: format!("the record of frame {number}"),
                    offset: input.offset(),
                    needed: needed as u64,
                    found: have as u64,
                });
            }
            match (self.parse)(input.data()) {
                Ok((rest, record)) => {
                    let record_len = input.data().len() - rest.len();
                    let per_unit = if self.nanoseconds { 1 } else { 1_000 };
                    return Ok(Some(Found {
                        time: Some(Timestamp {
                            nanos: i64::from(record.ts_sec) * 1_000_000_000
                                + i64::from(record.ts_usec) * per_unit,
                            digits: if self.nanoseconds { 9 } else { 6 },
                        }),
                        link: self.link,
                        original_len: record.origlen,
                        start: record_len - record.data.len(),
                        len: record.data.len(),
                        record_len,
                    }));
                }
                Err(nom::Err::Incomplete(nom::Needed::Size(more))) => {
                    // Only as much as the parser has said is looked at, so the sum is exact.
                    needed = input.data().len().saturating_add(more.get());
                    if needed > MAX_FRAME {
                        return Err(CaptureError::Damaged {
                            offset: input.offset(),
                            what: format!(
                                "the record of frame {number} is {needed} bytes long, over the limit of {MAX_FRAME}"
                            ),
                        });
                    }
                }
                Err(_) => {
                    return Err(CaptureError::Damaged {
                        offset: input.offset(),
                        what: format!("the record of frame {number} cannot be read"),
                    });
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One frame of 4 bytes at 1 s + 7 units, in each variant of pcap.
    fn pcap(big_endian: bool, nanoseconds: bool) -> Vec<u8> {
        let magic: u32 = if nanoseconds {
            0xa1b2_3c4d
        } else {
            0xa1b2_c3d4
        };
        let u32s = |values: &[u32]| -> Vec<u8> {
            values
                .iter()
                .flat_map(|v| {
                    if big_endian {
                        v.to_be_bytes()
                    } else {
                        v.to_le_bytes()
                    }
                })
                .collect()
        };
        let version = if big_endian {
            [0, 2, 0, 4]
        } else {
            [2, 0, 4, 0]
        };
        let mut file = u32s(&[magic]);
        file.extend_from_slice(&version);
        file.extend_from_slice(&u32s(&[0, 0, 65_535, 101]));
        file.extend_from_slice(&u32s(&[1, 7, 4, 60]));
        file.extend_from_slice(b"abcd");
        file
    }

    #[test]
    fn every_pcap_variant() {
        for big_endian in [false, true] {
            for nanoseconds in [false, true] {
                let file = pcap(big_endian, nanoseconds);
                assert!(is_capture(&file));
                let mut reader = FrameReader::new(&file[..]);
                let frame = reader.next_frame().unwrap().unwrap();
                assert_eq!(frame.place.frame, 1);
                assert_eq!(
                    frame.place.time,
                    Some(Timestamp {
                        nanos: 1_000_000_000 + if nanoseconds { 7 } else { 7_000 },
                        digits: if nanoseconds { 9 } else { 6 },
                    })
                );
                assert_eq!((frame.link, frame.original_len), (LinkType::RAW, 60));
                assert_eq!(frame.data, b"abcd");
                assert!(reader.next_frame().unwrap().is_none());
            }
        }
    }

    #[test]
    fn a_cut_record_is_told_with_its_place() {
        let mut file = pcap(false, false);
        let whole = file.len();
        file.extend_from_within(24..);
        for cut in whole + 1..file.len() {
            let mut reader = FrameReader::new(&file[..cut]);
            assert_eq!(reader.next_frame().unwrap().unwrap().data, b"abcd");
            match reader.next_frame() {
                Err(CaptureError::Cut {
                    offset,
                    needed,
                    found,
                    ..
                }) => {
                    assert_eq!(offset, whole as u64);
                    assert_eq!(found, (cut - whole) as u64);
                    assert_eq!(needed, if cut - whole < 16 { 16 } else { 20 });
                }
                other => panic!("cut at {cut}: {other:?}"),
            }
        }
    }

    #[test]
    fn what_is_no_capture_is_said() {
        assert!(matches!(
            FrameReader::new(&b""[..]).next_frame(),
            Err(CaptureError::Empty)
        ));
        match FrameReader::new(&b"\x89PNG\r\n\x1a\n...."[..]).next_frame() {
            Err(CaptureError::NotACapture { found }) => assert_eq!(found, "89504e470d0a1a0a"),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_damaged_length_allocates_nothing() {
        let mut file = pcap(false, false);
        file[24 + 8..24 + 12].copy_from_slice(&u32::MAX.to_le_bytes());
        match FrameReader::new(&file[..]).next_frame() {
            Err(CaptureError::Damaged { offset: 24, what }) => assert!(what.contains("4294967311")),
            other => panic!("{other:?}"),
        }
    }
}
