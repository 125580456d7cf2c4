//! Where the bytes come from: the command line, a file or stdin; hex text or a capture.

use std::fs::File;
use std::io::{self, Cursor, Read};
use std::path::Path;

use super::super::{Exit, Failure};
use super::hex_text;
use crate::capture;

/// Bytes of hex text that are read; it is kept in memory, and the input may have no end.
const MAX_TEXT: u64 = 64 << 20;

/// How much text is read before it is looked at.
const CHUNK: u64 = 64 << 10;

/// The input, opened, and what kind it is.
pub(super) enum Input {
    /// Hex text.
    Hex {
        /// How to call it in messages.
        name: String,
        /// The text.
        text: String,
    },
    /// A pcap or pcapng file, or one of them compressed.
    Capture {
        /// How to call it in messages.
        name: String,
        /// Its bytes from the start.
        reader: Box<dyn Read>,
        /// It may still be growing: show each packet at once.
        live: bool,
    },
}

impl Input {
    /// Opens what was named on the command line; nothing or `-` is stdin.
    pub(super) fn open(words: &[String]) -> Result<Input, Failure> {
        match words {
            [] => Input::read("stdin".into(), Box::new(io::stdin()), true),
            [dash] if dash == "-" => Input::read("stdin".into(), Box::new(io::stdin()), true),
            [name] if Path::new(name).exists() => {
                let file = File::open(name)
                    .and_then(|file| match file.metadata()?.is_dir() {
                        true => Err(io::Error::other("it is a directory")),
                        false => Ok(file),
                    })
                    .map_err(|error| {
                        Failure::new(Exit::Io, format!("cannot read {name}: {error}"))
                    })?;
                Input::read(name.clone(), Box::new(file), false)
            }
            [name] if !hex_text::looks_like_hex(name) => Err(Failure::new(
                Exit::Io,
                match name.contains(['.', '/']) {
                    true => format!("cannot read {name}: there is no such file"),
                    false => format!("'{name}' is neither a file that exists nor hex text"),
                },
            )),
            words if words.iter().any(|word| Path::new(word).exists()) => Err(Failure::usage(
                "decode takes one file at a time, or hex text in any number of words",
            )),
            words => Ok(Input::Hex {
                name: "the command line".into(),
                text: words.join(" "),
            }),
        }
    }

    fn read(name: String, mut reader: Box<dyn Read>, live: bool) -> Result<Input, Failure> {
        let failed = |what: String| Failure::new(Exit::Io, what);
        let unreadable = |error| failed(format!("cannot read {name}: {error}"));
        // No byte more: of a capture that grows, the next one may be long in coming.
        let mut magic = Vec::new();
        reader
            .by_ref()
            .take(4)
            .read_to_end(&mut magic)
            .map_err(unreadable)?;
        if capture::is_capture(&magic) {
            return Ok(Input::Capture {
                name,
                reader: Box::new(Cursor::new(magic).chain(reader)),
                live,
            });
        }
        match read_text(magic, reader).map_err(unreadable)? {
            Text::Whole(text) if text.trim().is_empty() => Err(failed(format!("{name} is empty"))),
            Text::Whole(text) => Ok(Input::Hex { name, text }),
            Text::TooLong => Err(failed(format!(
                "{name} is no pcap or pcapng file, and too large to be hex text (over {} MiB)",
                MAX_TEXT >> 20
            ))),
            Text::Not { at, first } => Err(failed(match capture::other_format(&first) {
                Some(format) => {
                    format!("{name} is neither a pcap or pcapng file nor hex text, but {format}")
                }
                None => format!(
                    "{name} is neither a pcap or pcapng file nor hex text (byte {at} is not text)"
                ),
            })),
        }
    }
}

/// What was tried to be read as text.
enum Text {
    Whole(String),
    TooLong,
    /// The byte `at` is not text; `first` is what the input begins with.
    Not {
        at: usize,
        first: Vec<u8>,
    },
}

/// Reads to the end, or to the first byte that is no text: what is no text may be very long.
fn read_text(mut bytes: Vec<u8>, mut reader: Box<dyn Read>) -> io::Result<Text> {
    let mut checked = 0;
    loop {
        let read = reader.by_ref().take(CHUNK).read_to_end(&mut bytes)?;
        let unchecked = bytes.get(checked..).unwrap_or_default();
        let (valid, is_bad) = match std::str::from_utf8(unchecked) {
            Ok(text) => (text.len(), false),
            // A character may be cut by the end of what was read so far.
            Err(error) => (error.valid_up_to(), error.error_len().is_some()),
        };
        let zero = unchecked.iter().take(valid).position(|byte| *byte == 0);
        if is_bad || zero.is_some() {
            let at = checked + zero.unwrap_or(valid);
            return Ok(Text::Not { at, first: bytes });
        }
        checked += valid;
        if bytes.len() as u64 > MAX_TEXT {
            return Ok(Text::TooLong);
        }
        if read == 0 {
            break;
        }
    }
    Ok(match String::from_utf8(bytes) {
        Ok(text) => Text::Whole(text),
        Err(error) => Text::Not {
            at: error.utf8_error().valid_up_to(),
            first: error.into_bytes(),
        },
    })
}
