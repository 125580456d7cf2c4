//! gzip and zstd, taken apart while they are still being written.
//!
//! What belongs here: from compressed to plain bytes, with one buffer of input and the
//! decompressor's window, whatever the size of the file. What does not: what the bytes mean.
//!
//! All that can be decompressed comes out before more is read: a pipe may be slow.

use std::io::{ErrorKind, Read};

use flate2::{Decompress, FlushDecompress, Status};
use zstd::stream::raw::{InBuffer, Operation, OutBuffer};

use super::magic::Compression;
use crate::capture::error::CaptureError;

/// How much is asked from the reader at once.
const CHUNK: usize = 64 * 1024;

/// The largest zstd window, as a power of two: 8 MiB, as RFC 8878 (section 3.1.1.1.2) recommends
/// for every decoder, and as every level of zstd up to 19 keeps to.
const MAX_WINDOW_LOG: u32 = 23;

/// A decompressing reader.
pub(super) struct Compressed<R> {
    reader: R,
    buffer: Box<[u8]>,
    start: usize,
    end: usize,
    /// Compressed bytes that were used.
    used: u64,
    codec: Codec,
    /// Between the first and the last byte of a gzip member or a zstd frame.
    inside: bool,
    /// The output was filled to the brim, so there may be more without more input.
    pending: bool,
}

/// The state of a decompressor.
enum Codec {
    Gzip(Decompress),
    Zstd(zstd::stream::raw::Decoder<'static>),
}

/// What a decompressor did in one step.
struct Step {
    consumed: usize,
    produced: usize,
    /// A member or frame has ended.
    ended: bool,
}

impl<R: Read> Compressed<R> {
    /// Over `reader`, from which `first` has been read already.
    pub(super) fn new(
        compression: Compression,
        first: &[u8],
        reader: R,
    ) -> Result<Compressed<R>, CaptureError> {
        let codec = match compression {
            Compression::Gzip => Codec::gzip(),
            Compression::Zstd => Codec::zstd().map_err(|error| damaged(compression, 0, &error))?,
        };
        let mut buffer = first.to_vec();
        buffer.resize(first.len().max(CHUNK), 0);
        Ok(Compressed {
            reader,
            buffer: buffer.into_boxed_slice(),
            start: 0,
            end: first.len(),
            used: 0,
            codec,
            inside: false,
            pending: false,
        })
    }

    /// How the data is compressed.
    pub(super) fn compression(&self) -> Compression {
        match self.codec {
            Codec::Gzip(_) => Compression::Gzip,
            Codec::Zstd(_) => Compression::Zstd,
        }
    }

    /// Decompresses something into `out`, which is not empty; 0 at the end.
    pub(super) fn read(&mut self, out: &mut [u8]) -> Result<usize, CaptureError> {
        loop {
            if self.start == self.end && !self.pending && !self.refill()? {
                return match self.inside {
                    false => Ok(0),
                    true => Err(CaptureError::CompressedCut {
                        format: self.compression().as_str(),
                        read: self.used,
                    }),
                };
            }
            let input = self.buffer.get(self.start..self.end).unwrap_or_default();
            if !self.inside
                && let Codec::Gzip(inflate) = &mut self.codec
            {
                // gzip(1) too passes over zeros behind a member: tapes and disks have blocks.
                let zeros = input.iter().take_while(|byte| **byte == 0).count();
                if zeros > 0 {
                    self.start += zeros;
                    self.used += zeros as u64;
                    continue;
                }
                if !input.is_empty() {
                    *inflate = Decompress::new_gzip(15);
                }
            }
            let step = match self.codec.step(input, out) {
                Ok(step) => step,
                Err(what) => return Err(damaged(self.compression(), self.used, &what)),
            };
            self.start += step.consumed;
            self.used += step.consumed as u64;
            self.pending = step.produced == out.len();
            if step.consumed > 0 || step.produced > 0 {
                self.inside = true;
            } else if !step.ended && self.start < self.end {
                // No decompressor does that; a loop without end would be worse than this.
                return Err(damaged(self.compression(), self.used, "no way on"));
            }
            if step.ended {
                self.inside = false;
                self.pending = false;
            }
            if step.produced > 0 {
                return Ok(step.produced);
            }
        }
    }

    /// Reads compressed bytes; whether there were any.
    fn refill(&mut self) -> Result<bool, CaptureError> {
        loop {
            match self.reader.read(&mut self.buffer) {
                Ok(n) => {
                    (self.start, self.end) = (0, n);
                    return Ok(n > 0);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(source) => {
                    return Err(CaptureError::Io {
                        offset: self.used,
                        source,
                    });
                }
            }
        }
    }
}

impl Codec {
    fn gzip() -> Codec {
        Codec::Gzip(Decompress::new_gzip(15))
    }

    fn zstd() -> Result<Codec, String> {
        let mut decoder = zstd::stream::raw::Decoder::new().map_err(|error| error.to_string())?;
        decoder
            .set_parameter(zstd::stream::raw::DParameter::WindowLogMax(MAX_WINDOW_LOG))
            .map_err(|error| error.to_string())?;
        Ok(Codec::Zstd(decoder))
    }

    fn step(&mut self, input: &[u8], out: &mut [u8]) -> Result<Step, String> {
        match self {
            Codec::Gzip(inflate) => {
                let (in_before, out_before) = (inflate.total_in(), inflate.total_out());
                let status = inflate
                    .decompress(input, out, FlushDecompress::None)
                    .map_err(|error| match error.message() {
                        Some(message) => message.to_owned(),
                        None => "no deflate data".to_owned(),
                    })?;
                Ok(Step {
                    // No more than the lengths of the two slices.
                    consumed: (inflate.total_in() - in_before) as usize,
                    produced: (inflate.total_out() - out_before) as usize,
                    ended: status == Status::StreamEnd,
                })
            }
            Codec::Zstd(decoder) => {
                let mut input = InBuffer::around(input);
                let mut out = OutBuffer::around(out);
                let hint = decoder
                    .run(&mut input, &mut out)
                    .map_err(|error| match error.to_string() {
                        text if text.contains("too much memory") => format!(
                            "it needs a window of over {} MiB; decompress it first: zstd -dc --long=31",
                            (1_u32 << MAX_WINDOW_LOG) >> 20
                        ),
                        text => text,
                    })?;
                Ok(Step {
                    consumed: input.pos(),
                    produced: out.pos(),
                    ended: hint == 0,
                })
            }
        }
    }
}

fn damaged(compression: Compression, at: u64, what: &str) -> CaptureError {
    CaptureError::CompressedDamaged {
        format: compression.as_str(),
        at,
        what: what.to_owned(),
    }
}

impl<R> std::fmt::Debug for Compressed<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Compressed")
            .field("used", &self.used)
            .field("inside", &self.inside)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
