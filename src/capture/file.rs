//! Capture files: pcap and pcapng, plain or compressed, read frame by frame.
//!
//! What is here is the flow of bytes: a buffer that never grows beyond one record, offsets for
//! error messages, blocks skipped without being held, and interfaces and their clocks. Packet
//! records have a fixed layout and are read in place; the blocks of pcapng that have options are
//! read by `pcap_parser`.

use std::io::Read;

use super::{
    error::CaptureError,
    link::LinkType,
    record::{Place, Timestamp},
};

mod compressed;
mod input;
mod magic;
mod pcap;
mod pcapng;

use input::Input;
use magic::Kind;
pub(super) use pcapng::{DECRYPTION_SECRETS, TLS_KEY_LOG};

/// The largest frame that is believed. Far over any snapshot length in use (262,144 bytes), far
/// under what a damaged length field would make us allocate.
pub const MAX_FRAME: usize = 1 << 20;

/// Whether a file that begins with `bytes` (at least 4) is a capture, or compressed and perhaps
/// one, by its magic.
pub fn is_capture(bytes: &[u8]) -> bool {
    bytes
        .first_chunk()
        .is_some_and(|magic| magic::kind(*magic).is_some())
}

/// What a file that begins with `bytes` (the first 12 suffice) is, and what to do with it, if it is
/// no capture that midge reads but a format that people take for one. A phrase like `xz data;
/// decompress it first: xz -dc`.
pub fn other_format(bytes: &[u8]) -> Option<&'static str> {
    magic::other(bytes)
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
    Pcap(pcap::File),
    Pcapng(pcapng::Section),
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

    /// Whether the format of the file has a place for secrets.
    pub(super) fn may_have_secrets(&self) -> bool {
        matches!(self.format, Some(Format::Pcapng(_)))
    }

    /// The TLS key logs (`SSLKEYLOGFILE` text) that the file has in decryption secrets blocks and
    /// that have not been taken yet, each block once. They stand before the frames that need them,
    /// so ask after each frame; it costs nothing if there are none. Bounded: a block over
    /// [`MAX_FRAME`] bytes, and what nobody takes beyond 8 MiB, is dropped.
    pub fn take_secrets(&mut self) -> Vec<Vec<u8>> {
        match &mut self.format {
            Some(Format::Pcapng(section)) => section.take_secrets(),
            _ => Vec::new(),
        }
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
    loop {
        let have = input.fill(4)?;
        let outer = input.compression().map(|compression| compression.as_str());
        let found = match input
            .data()
            .first_chunk()
            .and_then(|magic| magic::kind(*magic))
        {
            Some(Kind::Pcapng) => return Ok(Format::Pcapng(pcapng::Section::new())),
            Some(Kind::Pcap(variant)) => {
                return pcap::File::open(input, variant).map(Format::Pcap);
            }
            Some(Kind::Compressed(compression)) => {
                if let Some(format) = outer {
                    return Err(CaptureError::Nested {
                        format,
                        inside: compression.as_str(),
                    });
                }
                input.decompress(compression)?;
                continue;
            }
            None if have == 0 => None,
            None => {
                input.fill(magic::DESCRIBED)?;
                Some(magic::describe(input.data()))
            }
        };
        return Err(match (outer, found) {
            (None, None) => CaptureError::Empty,
            (None, Some(found)) => CaptureError::NotACapture { found },
            (Some(format), found) => CaptureError::NotACaptureInside {
                format,
                found: found.unwrap_or_else(|| "nothing: it is empty".into()),
            },
        });
    }
}

#[cfg(test)]
mod tests;
