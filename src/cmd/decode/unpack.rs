//! Text and packets that are compressed. A compressed capture is unpacked by `capture`, which knows
//! how to follow one that is still growing.

use std::io::{self, Cursor, Read};

use flate2::read::MultiGzDecoder;
use zstd::stream::read::Decoder;

use crate::capture;

/// Compressed bytes that are looked at to find out what is inside.
const MAX_LOOK: usize = 64 << 10;

/// Bytes inside that tell what it is.
const TOLD_BY: u64 = 12;

/// The largest zstd window, as a power of two: 8 MiB, which RFC 8878 (section 3.1.1.1.2) recommends.
const MAX_WINDOW_LOG: u32 = 23;

/// The input, from its start.
pub(in crate::cmd) enum Unpacked {
    /// As it is, or what was in it.
    Plain(Box<dyn Read>),
    /// As it is: a compressed capture, or what only `capture` has a sentence for.
    Capture(Box<dyn Read>),
}

/// Unpacks what is compressed, unless it is a capture.
pub(in crate::cmd) fn unless_capture(mut reader: Box<dyn Read>) -> io::Result<Unpacked> {
    let mut first = Vec::new();
    reader.by_ref().take(4).read_to_end(&mut first)?;
    let compression = match *first {
        [0x1f, 0x8b, 8, _] => Compression::Gzip,
        [0x28, 0xb5, 0x2f, 0xfd] => Compression::Zstd,
        _ => return Ok(Unpacked::Plain(Box::new(Cursor::new(first).chain(reader)))),
    };
    // For what is damaged, and for other known formats, `capture` has a sentence.
    let is_capture = loop {
        // No more than there is: the rest of a growing capture may be long in coming.
        let mut chunk = [0; 4096];
        let read = reader.read(&mut chunk)?;
        first.extend_from_slice(chunk.get(..read).unwrap_or_default());
        let mut inside = Vec::new();
        let looked = unpack(compression, first.as_slice())
            .and_then(|unpacked| unpacked.take(TOLD_BY).read_to_end(&mut inside));
        let is_told = inside.len() as u64 == TOLD_BY;
        // All of it may be less than that.
        if is_told || read == 0 || first.len() >= MAX_LOOK {
            let is_damaged = looked.is_err() && inside.is_empty();
            break is_damaged
                || capture::is_capture(&inside)
                || capture::other_format(&inside).is_some();
        }
    };
    let all = Cursor::new(first).chain(reader);
    match is_capture {
        true => Ok(Unpacked::Capture(Box::new(all))),
        false => Ok(Unpacked::Plain(Box::new(Inside(unpack(compression, all)?)))),
    }
}

#[derive(Debug, Clone, Copy)]
enum Compression {
    Gzip,
    Zstd,
}

fn unpack<'r>(compression: Compression, reader: impl Read + 'r) -> io::Result<Box<dyn Read + 'r>> {
    Ok(match compression {
        Compression::Gzip => Box::new(MultiGzDecoder::new(reader)),
        Compression::Zstd => {
            let mut decoder = Decoder::new(reader)?;
            decoder.window_log_max(MAX_WINDOW_LOG)?;
            Box::new(decoder)
        }
    })
}

/// Says of an error that it is one of the compressed data.
struct Inside<R>(R);

impl<R: Read> Read for Inside<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer).map_err(|error| {
            let what = "the compressed data is damaged or cut, or something else is behind it";
            io::Error::new(error.kind(), format!("{what} ({error})"))
        })
    }
}
