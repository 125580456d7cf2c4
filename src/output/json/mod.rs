//! JSON lines: one object per packet, in the shape that every subcommand shares.
//!
//! Keys come in a fixed order, are absent where they do not apply, and never change their name.
//! What a packet's object holds is in `packet`; here is what all objects share.

mod packet;
mod properties;

use std::io::{self, Write};

use serde::ser::{Serialize, SerializeMap, Serializer};

use super::Place;
use crate::mqtt::rule::Violation;

pub use packet::{Message, Options, write_packet};

/// Writes any object as one line.
///
/// # Errors
/// Those of `out`.
pub fn write_line(out: &mut impl Write, value: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *out, value)?;
    out.write_all(b"\n")
}

/// The keys that say where something came from.
pub(super) fn place<M: SerializeMap>(map: &mut M, place: &Place) -> Result<(), M::Error> {
    entry(map, "frame", place.frame)?;
    entry(map, "time", place.time.map(Shown))?;
    entry(map, "stream", place.stream)?;
    entry(map, "src", place.endpoints.map(|(src, _)| Shown(src)))?;
    entry(map, "dst", place.endpoints.map(|(_, dst)| Shown(dst)))?;
    entry(map, "from", place.from.map(|side| side.as_str()))?;
    entry(map, "transport", place.transport)
}

pub(super) fn entry<M: SerializeMap>(
    map: &mut M,
    key: &str,
    value: Option<impl Serialize>,
) -> Result<(), M::Error> {
    match value {
        Some(value) => map.serialize_entry(key, &value),
        None => Ok(()),
    }
}

/// Bytes under `key` if they are UTF-8, as hex under `hex_key` otherwise.
pub(super) fn text<M: SerializeMap>(
    map: &mut M,
    key: &str,
    hex_key: &str,
    bytes: Option<&[u8]>,
) -> Result<(), M::Error> {
    let Some(bytes) = bytes else { return Ok(()) };
    match std::str::from_utf8(bytes) {
        Ok(text) => map.serialize_entry(key, text),
        Err(_) => map.serialize_entry(hex_key, &hex::encode(bytes)),
    }
}

/// Serialises a value as the string it displays as.
pub(super) struct Shown<T>(pub(super) T);

impl<T: std::fmt::Display> Serialize for Shown<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

/// A violation of any protocol.
#[derive(Debug, serde::Serialize)]
pub(super) struct Broken {
    pub(super) ids: Vec<&'static str>,
    pub(super) severity: &'static str,
    pub(super) message: String,
    pub(super) offset: u32,
    pub(super) len: u32,
}

impl From<&Violation> for Broken {
    fn from(violation: &Violation) -> Broken {
        Broken {
            ids: violation.citations().collect(),
            severity: violation.severity().as_str(),
            message: violation.to_string(),
            offset: violation.offset,
            len: violation.len,
        }
    }
}
