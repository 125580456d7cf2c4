//! From what people paste to bytes: which format a text is in, and a reader for each format.
//!
//! A reader keeps what came before the first place that it cannot read, and says where that is.
//! What the bytes mean is not decided here, but for two questions that need it: whether a text is
//! base64, and whether the bytes are whole frames with IP headers.

mod array;
mod bare;
mod base64;
mod cells;
mod digits;
mod dump;
mod escaped;
mod frames;
mod sections;

use crate::cli::InputFormat;
use crate::mqtt::Version;
use crate::mqtt::frame;
use crate::mqtt::infer::fits;

/// The bytes of a text, up to the first place that cannot be read.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Parsed {
    /// The bytes.
    pub(super) bytes: Vec<u8>,
    /// The pieces that stood on their own, if the format has any: the frames of a dump.
    pieces: Vec<Piece>,
    /// What could not be read.
    problem: Option<Problem>,
}

/// What stood on its own in a text.
#[derive(Debug, PartialEq, Eq)]
struct Piece {
    /// Where its bytes end.
    end: usize,
    /// What stood right above it, if that was a heading of Wireshark.
    title: Option<String>,
}

/// A place that cannot be read.
#[derive(Debug, PartialEq, Eq)]
struct Problem {
    /// Bytes of the text before it.
    at: usize,
    what: String,
    /// What to do about it, as a sentence.
    remedy: Option<&'static str>,
}

impl Problem {
    fn new(at: usize, what: impl Into<String>) -> Problem {
        Problem {
            at,
            what: what.into(),
            remedy: None,
        }
    }
}

/// What a text holds.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Content {
    /// The bytes.
    pub(super) bytes: Vec<u8>,
    /// The same as a capture file, if they are frames with IP headers; and how many there are.
    pub(super) capture: Option<(Vec<u8>, usize)>,
    /// What could not be read, with its place.
    pub(super) error: Option<String>,
    /// What was left out.
    pub(super) note: Option<String>,
}

/// Reads a text; `format` as the user said, or as it looks.
pub(super) fn read(text: &str, format: Option<InputFormat>) -> Content {
    let parsed = match format.or_else(|| recognise(text)) {
        Some(InputFormat::Array) => array::parse(text),
        Some(InputFormat::Escaped) => escaped::parse(text),
        Some(InputFormat::Base64) => base64::parse(text),
        Some(InputFormat::Dump) => dump::parse(text).unwrap_or_else(|| Parsed {
            problem: Some(Problem {
                remedy: Some(
                    "Each line of a dump begins with the offset of its first byte, from 0",
                ),
                ..Problem::new(0, "this is no hex dump,")
            }),
            ..Parsed::default()
        }),
        Some(InputFormat::Binary) => Parsed {
            bytes: text.as_bytes().to_vec(),
            ..Parsed::default()
        },
        // Of what looks like hex nearly all is; who says that it is hex means it.
        Some(InputFormat::Hex) | None => match format {
            None => bare::parse(text).unwrap_or_else(|| digits::parse(text)),
            Some(_) => digits::parse(text),
        },
    };
    let error = parsed.problem.as_ref().map(|problem| {
        let before = text.get(..problem.at).unwrap_or(text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
        let remedy = problem.remedy.map_or(String::new(), |r| format!(". {r}"));
        format!(
            "{} at line {line}, column {column} (byte {} of the packets){remedy}",
            problem.what,
            parsed.bytes.len()
        )
    });
    let picked = sections::pick(parsed.bytes, &parsed.pieces);
    Content {
        capture: frames::capture(&picked.bytes, &picked.ends),
        bytes: picked.bytes,
        error,
        note: picked.note,
    }
}

/// The format that a text is in; `None` if it looks like none.
pub(super) fn recognise(text: &str) -> Option<InputFormat> {
    // Strictest first: the offsets of a dump leave no doubt, hex digits alone nearly none.
    if dump::parse(text).is_some() {
        Some(InputFormat::Dump)
    } else if bare::parse(text).is_some() || digits::looks_like_it(text) {
        Some(InputFormat::Hex)
    } else if escaped::looks_like_it(text) && !array::has_characters(text) {
        Some(InputFormat::Escaped)
    } else if array::looks_like_it(text) {
        Some(InputFormat::Array)
    } else if base64::looks_like_it(text) {
        Some(InputFormat::Base64)
    } else {
        None
    }
}

/// Whether bytes begin with a packet that is right in some version.
pub(super) fn begin_with_packet(bytes: &[u8]) -> bool {
    let Ok(Some(len)) = frame::packet_len(bytes, frame::MAX_PACKET_SIZE) else {
        return false;
    };
    let packet = bytes.get(..len).unwrap_or_default();
    [Version::V311, Version::V5]
        .into_iter()
        .any(|version| fits(packet, version, None))
}

#[cfg(test)]
mod tests;
