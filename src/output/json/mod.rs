//! JSON lines: one object per packet, in the shape that every subcommand shares.
//!
//! Keys come in a fixed order, are absent where they do not apply, and never change their name.
//! What a packet's object holds is in `packet`; here is what all objects share.

mod object;
mod packet;
pub mod packet_line;
mod properties;
mod read;

use std::io::{self, Write};

use super::Place;
use super::finding::Finding;
use super::payload::{Rules, as_asked};
use crate::mqtt::rule::Violation;

pub(super) use object::{Hex, List, Nested, Null, Object, Shown, Value, Word};
pub use packet::{Message, Options, PacketLines, push_message, write_packet};
pub(super) use properties::PropertyList;
pub use read::{LineError, MessageLine, read_message};

/// Writes a report as one line.
///
/// # Errors
/// Those of `out`.
pub fn write_line(out: &mut impl Write, value: &impl serde::Serialize) -> io::Result<()> {
    value.serialize(&mut serde_json::Serializer::with_formatter(
        &mut *out, Harmless,
    ))?;
    out.write_all(b"\n")
}

/// Strings of derived reports as [`object`] writes them.
#[derive(Debug)]
struct Harmless;

impl serde_json::ser::Formatter for Harmless {
    fn write_string_fragment<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        let mut escaped = Vec::new();
        object::escape(fragment.as_bytes(), &mut escaped);
        writer.write_all(&escaped)
    }
}

/// Writes an object as one line.
///
/// # Errors
/// Those of `out`.
pub(super) fn write_object(
    out: &mut impl Write,
    fill: impl FnOnce(&mut Object<'_>),
) -> io::Result<()> {
    let mut line = Vec::new();
    Object::write(&mut line, fill);
    line.push(b'\n');
    out.write_all(&line)
}

/// The keys that say where something came from.
pub(super) fn place(object: &mut Object<'_>, place: &Place) {
    object.maybe("frame", place.frame);
    object.maybe("time", place.time.map(Shown));
    object.maybe("stream", place.stream);
    if let Some((src, dst)) = place.endpoints {
        object.entry("src", Shown(src));
        object.entry("dst", Shown(dst));
    }
    object.maybe("from", place.from.map(|side| side.as_str()));
    object.maybe("transport", place.transport);
}

/// The keys of a payload that the user wants to be read in some way: what it holds, or why it is
/// something else.
pub(super) fn payload_as_asked(
    object: &mut Object<'_>,
    payload: &[u8],
    topic: Option<&str>,
    rules: &Rules,
) {
    match as_asked(payload, topic, rules) {
        Some(Ok(shown)) => object.entry("payload_decoded", shown.rows.join("\n").as_str()),
        Some(Err(problem)) => object.entry("payload_problem", problem.as_str()),
        None => {}
    }
}

/// A violation of any protocol.
#[derive(Debug)]
pub(super) struct Broken {
    pub(super) ids: Vec<&'static str>,
    pub(super) severity: &'static str,
    pub(super) message: String,
    /// Offset and length of what is wrong, if one packet shows it.
    pub(super) bytes: Option<(u32, u32)>,
    /// The frames concerned, if it takes several packets to see it.
    pub(super) frames: Vec<u64>,
}

impl From<&Violation> for Broken {
    fn from(violation: &Violation) -> Broken {
        Broken {
            ids: violation.citations().collect(),
            severity: violation.severity().as_str(),
            message: violation.to_string(),
            bytes: Some((violation.offset, violation.len)),
            frames: Vec::new(),
        }
    }
}

impl From<&Finding> for Broken {
    fn from(finding: &Finding) -> Broken {
        Broken {
            ids: finding.ids.clone(),
            severity: finding.severity.as_str(),
            message: finding.message.clone(),
            bytes: finding.bytes,
            frames: match finding.bytes {
                Some(_) => Vec::new(),
                None => finding.frames.clone(),
            },
        }
    }
}

impl Value for Broken {
    fn write(self, out: &mut Vec<u8>) {
        Object::write(out, |object| {
            object.entry("ids", List(self.ids));
            object.entry("severity", self.severity);
            object.entry("message", self.message.as_str());
            if let Some((offset, len)) = self.bytes {
                object.entry("offset", offset);
                object.entry("len", len);
            }
            if !self.frames.is_empty() {
                object.entry("frames", List(self.frames));
            }
        });
    }
}

/// The key of what is wrong, if something is: in a packet, and what lint found.
pub(super) fn violations<'v, V>(object: &mut Object<'_>, violations: &'v [V], found: &'v [Finding])
where
    Broken: From<&'v V>,
{
    if !violations.is_empty() || !found.is_empty() {
        let violations = violations.iter().map(Broken::from);
        let found = found.iter().map(<Broken as From<&Finding>>::from);
        object.entry("violations", List(violations.chain(found)));
    }
}
/// The length of the JSON string at the begin of a text, with its quotes.
pub(super) fn string_len(text: &str) -> usize {
    let mut is_escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = true,
            b'"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}
