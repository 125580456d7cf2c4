//! A growing and sliding window over a `Read`, decompressed if it has to be.

use std::io::{ErrorKind, Read};

use super::{compressed::Compressed, magic::Compression};
use crate::capture::error::CaptureError;

/// How much is asked from the reader at once.
const CHUNK: usize = 128 * 1024;

/// Bytes that compressed data may become without giving a frame. Plain files need no such limit:
/// they cost whoever wrote them what they cost us.
const MAX_BARREN: u64 = 256 << 20;

#[derive(Debug)]
pub(super) struct Input<R> {
    source: Source<R>,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    /// Offset in the file of `buffer[start]`.
    offset: u64,
}

#[derive(Debug)]
enum Source<R> {
    Plain(R),
    Compressed(Box<Compressed<R>>),
    /// While one becomes the other.
    Gone,
}

impl<R: Read> Input<R> {
    pub(super) fn new(reader: R) -> Input<R> {
        Input {
            source: Source::Plain(reader),
            buffer: Vec::new(),
            start: 0,
            end: 0,
            offset: 0,
        }
    }

    /// Decompresses from here on. What has been read is taken for compressed, and nothing of it may
    /// have been taken before.
    pub(super) fn decompress(&mut self, compression: Compression) -> Result<(), CaptureError> {
        let Source::Plain(reader) = std::mem::replace(&mut self.source, Source::Gone) else {
            return Ok(());
        };
        let compressed = Compressed::new(compression, self.data(), reader)?;
        (self.start, self.end) = (0, 0);
        self.source = Source::Compressed(Box::new(compressed));
        Ok(())
    }

    /// How the file is compressed, if it is.
    pub(super) fn compression(&self) -> Option<Compression> {
        match &self.source {
            Source::Compressed(compressed) => Some(compressed.compression()),
            Source::Plain(_) | Source::Gone => None,
        }
    }

    /// To be called before `len` bytes are taken that are no frame; `since` is where the last frame
    /// ended. Refuses compressed data that becomes a lot of nothing.
    pub(super) fn check_barren(&self, since: u64, len: u64) -> Result<(), CaptureError> {
        match self.compression() {
            Some(compression) if self.offset.saturating_add(len) - since > MAX_BARREN => {
                Err(CaptureError::Bomb {
                    format: compression.as_str(),
                    limit: MAX_BARREN,
                })
            }
            _ => Ok(()),
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
            let read = match &mut self.source {
                Source::Plain(reader) => match reader.read(space) {
                    Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                    Err(source) => {
                        let offset = self.offset + (self.end - self.start) as u64;
                        return Err(CaptureError::Io { offset, source });
                    }
                    Ok(n) => n,
                },
                Source::Compressed(compressed) => compressed.read(space)?,
                Source::Gone => 0,
            };
            if read == 0 {
                break;
            }
            self.end += read;
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
