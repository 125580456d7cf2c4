//! A growing and sliding window over a `Read`.

use std::io::{ErrorKind, Read};

use crate::capture::error::CaptureError;

/// How much is asked from the reader at once.
const CHUNK: usize = 128 * 1024;

#[derive(Debug)]
pub(super) struct Input<R> {
    reader: R,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    /// Offset in the file of `buffer[start]`.
    offset: u64,
}

impl<R: Read> Input<R> {
    pub(super) fn new(reader: R) -> Input<R> {
        Input {
            reader,
            buffer: Vec::new(),
            start: 0,
            end: 0,
            offset: 0,
        }
    }

    /// Offset in the file of the first byte of [`data`](Self::data).
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// The bytes that are read and not taken.
    pub(super) fn data(&self) -> &[u8] {
        self.buffer.get(self.start..self.end).unwrap_or_default()
    }

    /// Reads until there are `wanted` bytes or the input ends; returns how many there are, at most
    /// `wanted`. Reads no more than it must wait for, so a growing pipe is followed.
    pub(super) fn fill(&mut self, wanted: usize) -> Result<usize, CaptureError> {
        while self.end - self.start < wanted {
            if self.start + wanted > self.buffer.len() {
                self.buffer.copy_within(self.start..self.end, 0);
                self.end -= self.start;
                self.start = 0;
                if self.buffer.len() < wanted.max(CHUNK) {
                    self.buffer.resize(wanted.max(CHUNK), 0);
                }
            }
            let space = self.buffer.get_mut(self.end..).unwrap_or_default();
            match self.reader.read(space) {
                Ok(0) => break,
                Ok(n) => self.end += n,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(source) => {
                    let offset = self.offset + (self.end - self.start) as u64;
                    return Err(CaptureError::Io { offset, source });
                }
            }
        }
        Ok(wanted.min(self.end - self.start))
    }

    /// Takes the first `len` bytes, of which at most as many are there as were filled.
    pub(super) fn take(&mut self, len: usize) -> &[u8] {
        let from = self.start;
        self.start = (self.start + len).min(self.end);
        self.offset += (self.start - from) as u64;
        self.buffer.get(from..self.start).unwrap_or_default()
    }

    /// Drops `len` bytes without holding them; returns how many there were.
    pub(super) fn skip(&mut self, len: u64) -> Result<u64, CaptureError> {
        let mut left = len;
        while left > 0 {
            let step = usize::try_from(left).map_or(CHUNK, |left| left.min(CHUNK));
            let have = self.fill(step)?;
            self.take(have);
            left -= have as u64;
            if have < step {
                break;
            }
        }
        Ok(len - left)
    }
}
