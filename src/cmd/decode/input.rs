//! Where the bytes come from: the command line, a file or stdin; hex text or a capture.

use std::fs::File;
use std::io::{self, Cursor, Read};
use std::path::Path;

use super::super::{Exit, Failure};
use super::hex_text;
use crate::capture;

/// Bytes of hex text that are read; it is kept in memory, and the input may have no end.
const MAX_TEXT: u64 = 64 << 20;

/// The input, opened, and what kind it is.
pub(super) enum Input {
    /// Hex text.
    Hex {
        /// How to call it in messages.
        name: String,
        /// The text.
        text: String,
    },
    /// A pcap or pcapng file.
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
        let failed = |error| Failure::new(Exit::Io, format!("cannot read {name}: {error}"));
        let mut magic = Vec::new();
        reader
            .by_ref()
            .take(4)
            .read_to_end(&mut magic)
            .map_err(failed)?;
        let is_capture = capture::is_capture(&magic);
        let reader = Cursor::new(magic).chain(reader);
        if is_capture {
            return Ok(Input::Capture {
                name,
                reader: Box::new(reader),
                live,
            });
        }
        let mut bytes = Vec::new();
        reader
            .take(MAX_TEXT + 1)
            .read_to_end(&mut bytes)
            .map_err(failed)?;
        if bytes.len() as u64 > MAX_TEXT {
            return Err(Failure::new(
                Exit::Io,
                format!(
                    "{name} is no pcap or pcapng file, and too large to be hex text (over {} MiB)",
                    MAX_TEXT >> 20
                ),
            ));
        }
        match String::from_utf8(bytes) {
            Ok(text) if text.trim().is_empty() => {
                Err(Failure::new(Exit::Io, format!("{name} is empty")))
            }
            Ok(text) => Ok(Input::Hex { name, text }),
            Err(error) => Err(Failure::new(
                Exit::Io,
                format!(
                    "{name} is neither a pcap or pcapng file nor hex text (byte {} is not text)",
                    error.utf8_error().valid_up_to()
                ),
            )),
        }
    }
}
