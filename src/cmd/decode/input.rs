//! Where the bytes come from: the command line, a file or stdin; text, packets or a capture.

use std::fs::File;
use std::io::{self, Cursor, Read};
use std::path::Path;

use super::super::{Exit, Failure};
use super::text;
use super::unpack::{self, Unpacked};
use crate::capture;
use crate::cli::InputFormat;
use crate::mqtt::frame::FixedHeader;

/// Bytes of text or of packets that are read; they are kept in memory, and the input may have no
/// end.
const MAX_TEXT: u64 = 64 << 20;

/// How much text is read before it is looked at.
const CHUNK: u64 = 64 << 10;

/// The input, opened, and what kind it is.
pub(super) enum Input {
    /// Text with packets in one of the formats that people paste.
    Text {
        /// How to call it in messages.
        name: String,
        /// The text.
        text: String,
    },
    /// Packets as they are.
    Packets {
        /// How to call it in messages.
        name: String,
        /// Their bytes.
        bytes: Vec<u8>,
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
    pub(super) fn open(words: &[String], format: Option<InputFormat>) -> Result<Input, Failure> {
        let stdin = || Input::read("stdin".into(), Box::new(io::stdin()), true, format);
        match words {
            [] => stdin(),
            [dash] if dash == "-" => stdin(),
            [name] if Path::new(name).exists() => {
                let file = File::open(name)
                    .and_then(|file| match file.metadata()?.is_dir() {
                        true => Err(io::Error::other("it is a directory")),
                        false => Ok(file),
                    })
                    .map_err(|error| {
                        Failure::new(Exit::Io, format!("cannot read {name}: {error}"))
                    })?;
                Input::read(name.clone(), Box::new(file), false, format)
            }
            [name] if format.is_none() && text::recognise(name).is_none() => {
                let shown = name.escape_debug();
                Err(Failure::new(
                    Exit::Io,
                    match name.contains(['.', '/']) && !name.contains(char::is_whitespace) {
                        true => format!("cannot read {shown}: there is no such file"),
                        false => {
                            let error = text::read(name, Some(InputFormat::Hex)).error;
                            format!(
                                "'{shown}' is neither a file that exists nor hex text: {}",
                                error.unwrap_or_else(|| "there is nothing in it".into())
                            )
                        }
                    },
                ))
            }
            words if words.iter().any(|word| Path::new(word).exists()) => Err(Failure::usage(
                "decode takes one file at a time, or hex text in any number of words",
            )),
            words => Ok(Input::Text {
                name: "the command line".into(),
                text: words.join(" "),
            }),
        }
    }

    fn read(
        name: String,
        reader: Box<dyn Read>,
        live: bool,
        format: Option<InputFormat>,
    ) -> Result<Input, Failure> {
        let unpacked = unpack::unless_capture(reader)
            .map_err(|error| Failure::new(Exit::Io, format!("cannot read {name}: {error}")))?;
        match unpacked {
            Unpacked::Plain(reader) => Input::read_plain(name, reader, live, format),
            Unpacked::Capture(reader) => Ok(Input::Capture { name, reader, live }),
        }
    }

    fn read_plain(
        name: String,
        mut reader: Box<dyn Read>,
        live: bool,
        format: Option<InputFormat>,
    ) -> Result<Input, Failure> {
        let failed = |what: String| Failure::new(Exit::Io, what);
        let unreadable = |error| failed(format!("cannot read {name}: {error}"));
        // No byte more: of a capture that grows, the next one may be long in coming.
        let mut magic = Vec::new();
        reader
            .by_ref()
            .take(4)
            .read_to_end(&mut magic)
            .map_err(unreadable)?;
        if format.is_none() && capture::is_capture(&magic) {
            return Ok(Input::Capture {
                name,
                reader: Box::new(Cursor::new(magic).chain(reader)),
                live,
            });
        }
        match read_text(magic, reader, format).map_err(unreadable)? {
            Text::Whole(text) if text.trim().is_empty() => Err(failed(format!("{name} is empty"))),
            Text::Whole(text) => Ok(Input::Text { name, text }),
            Text::Packets(bytes) => Ok(Input::Packets { name, bytes }),
            Text::TooLong => Err(failed(format!(
                "{name} is no pcap or pcapng file, and too large to be hex text (over {} MiB)",
                MAX_TEXT >> 20
            ))),
            Text::Not { at, first } => Err(failed(match capture::other_format(&first) {
                Some(format) => {
                    format!("{name} is neither a pcap or pcapng file nor hex text, but {format}")
                }
                None if format.is_some() => {
                    format!("{name} is not text (byte {at} is none)")
                }
                None => format!(
                    "{name} is neither a pcap or pcapng file nor hex text (byte {at} is not text), \
                     and does not begin with a packet of MQTT (--input binary takes it anyway)"
                ),
            })),
        }
    }
}

/// What was tried to be read as text.
enum Text {
    Whole(String),
    /// No text, but packets, or what the user calls so.
    Packets(Vec<u8>),
    TooLong,
    /// The byte `at` is not text; `first` is what the input begins with.
    Not {
        at: usize,
        first: Vec<u8>,
    },
}

/// Reads to the end, or to the first byte that is neither text nor in a packet: what is neither may
/// be very long.
fn read_text(
    mut bytes: Vec<u8>,
    mut reader: Box<dyn Read>,
    format: Option<InputFormat>,
) -> io::Result<Text> {
    let is_binary = format == Some(InputFormat::Binary);
    let mut checked = 0;
    loop {
        let read = reader.by_ref().take(CHUNK).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > MAX_TEXT {
            return Ok(Text::TooLong);
        }
        let unchecked = bytes.get(checked..).unwrap_or_default();
        if is_binary || is_utf16(&bytes) {
            if read == 0 {
                break;
            }
            continue;
        }
        let (valid, is_bad) = match std::str::from_utf8(unchecked) {
            Ok(text) => (text.len(), false),
            // A character may be cut by the end of what was read so far.
            Err(error) => (error.valid_up_to(), error.error_len().is_some()),
        };
        let zero = unchecked.iter().take(valid).position(|byte| *byte == 0);
        if is_bad || zero.is_some() {
            let at = checked + zero.unwrap_or(valid);
            // Only the whole of a packet tells.
            if let Ok(Some(header)) = FixedHeader::parse(&bytes)
                && format.is_none()
            {
                let len = (header.packet_len() as u64).min(MAX_TEXT);
                let rest = len.saturating_sub(bytes.len() as u64);
                reader.by_ref().take(rest).read_to_end(&mut bytes)?;
            }
            if format.is_some() || !text::begin_with_packet(&bytes) {
                return Ok(Text::Not { at, first: bytes });
            }
            let room = MAX_TEXT.saturating_sub(bytes.len() as u64) + 1;
            reader.take(room).read_to_end(&mut bytes)?;
            return Ok(match bytes.len() as u64 > MAX_TEXT {
                true => Text::TooLong,
                false => Text::Packets(bytes),
            });
        }
        checked += valid;
        if read == 0 {
            break;
        }
    }
    if is_binary {
        return Ok(Text::Packets(bytes));
    }
    if is_utf16(&bytes) {
        return Ok(Text::Whole(from_utf16(&bytes)));
    }
    Ok(match String::from_utf8(bytes) {
        Ok(text) => Text::Whole(match text.strip_prefix('\u{feff}') {
            Some(text) => text.to_owned(),
            None => text,
        }),
        Err(error) => Text::Not {
            at: error.utf8_error().valid_up_to(),
            first: error.into_bytes(),
        },
    })
}

/// Whether bytes begin with the byte order mark of UTF-16, little endian: what PowerShell's `>`
/// writes. No packet begins like that: 0xff is AUTH with all reserved flags set.
fn is_utf16(bytes: &[u8]) -> bool {
    bytes.starts_with(&[0xff, 0xfe])
}

/// The text behind the byte order mark; what is no character becomes one that no format takes.
fn from_utf16(bytes: &[u8]) -> String {
    let units = bytes.get(2..).unwrap_or_default().chunks_exact(2);
    let units = units.filter_map(|unit| Some(u16::from_le_bytes(unit.try_into().ok()?)));
    char::decode_utf16(units)
        .map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER))
        .collect()
}
