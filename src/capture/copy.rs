//! Frames of a capture as they are, into a pcapng file: bytes, lengths, times and link types.

use std::io::{self, Write};

use super::file::{DECRYPTION_SECRETS, Frame, TLS_KEY_LOG};
use super::link::LinkType;
use super::write::write_block;

/// Digits of a second where a frame has no time of its own.
const NO_TIME: u8 = 6;

/// Writes frames to a pcapng file.
#[derive(Debug)]
pub struct FrameWriter<W> {
    out: W,
    /// What the frames of an interface begin with, and the digits of its clock.
    interfaces: Vec<(LinkType, u8)>,
    frames: u64,
}

impl<W: Write> FrameWriter<W> {
    /// Begins the file.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn new(mut out: W) -> io::Result<FrameWriter<W>> {
        let mut section = 0x1a2b_3c4d_u32.to_le_bytes().to_vec();
        section.extend([1, 0, 0, 0]);
        section.extend([0xff; 8]);
        write_block(&mut out, 0x0a0d_0d0a, &section)?;
        Ok(FrameWriter {
            out,
            interfaces: Vec::new(),
            frames: 0,
        })
    }

    /// Adds a TLS key log (`SSLKEYLOGFILE` text) for the frames to come, as a decryption secrets
    /// block (draft-ietf-opsawg-pcapng, 4.7).
    ///
    /// # Errors
    /// Those of `out`.
    pub fn secrets(&mut self, log: &[u8]) -> io::Result<()> {
        // A block that was read is much smaller than 4 GiB.
        let len = log.len() as u32;
        let mut block = Vec::with_capacity(log.len() + 12);
        block.extend(TLS_KEY_LOG.to_le_bytes());
        block.extend(len.to_le_bytes());
        block.extend_from_slice(log);
        block.resize(block.len().next_multiple_of(4), 0);
        write_block(&mut self.out, DECRYPTION_SECRETS, &block)
    }

    /// Adds a frame. One without a time gets the first moment of 1970.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn frame(&mut self, frame: &Frame<'_>) -> io::Result<()> {
        let digits = frame.place.time.map_or(NO_TIME, |time| time.digits.min(9));
        let interface = self.interface(frame.link, digits)?;
        let nanos = frame.place.time.map_or(0, |time| time.nanos);
        let ticks = u64::try_from(nanos).unwrap_or(0) / 10u64.pow(9 - u32::from(digits));
        // A frame is much smaller than 4 GiB.
        let captured = frame.data.len() as u32;
        let mut block = Vec::with_capacity(frame.data.len() + 24);
        block.extend(interface.to_le_bytes());
        block.extend(((ticks >> 32) as u32).to_le_bytes());
        block.extend((ticks as u32).to_le_bytes());
        block.extend(captured.to_le_bytes());
        block.extend(frame.original_len.to_le_bytes());
        block.extend_from_slice(frame.data);
        block.resize(block.len().next_multiple_of(4), 0);
        self.frames += 1;
        write_block(&mut self.out, 6, &block)
    }

    /// The number of an interface, which is described before its first frame.
    fn interface(&mut self, link: LinkType, digits: u8) -> io::Result<u32> {
        let wanted = (link, digits);
        let found = self.interfaces.iter().position(|known| *known == wanted);
        if let Some(number) = found {
            return Ok(number as u32);
        }
        let [low, high] = link.0.to_le_bytes();
        let mut description = vec![low, high, 0, 0, 0, 0, 0, 0];
        // Option 9, if_tsresol: a power of ten; then the end of the options.
        description.extend([9, 0, 1, 0, digits, 0, 0, 0, 0, 0, 0, 0]);
        write_block(&mut self.out, 1, &description)?;
        self.interfaces.push(wanted);
        Ok((self.interfaces.len() - 1) as u32)
    }

    /// Frames so far.
    pub fn frames(&self) -> u64 {
        self.frames
    }

    /// Passes on what is buffered.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
