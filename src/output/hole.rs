//! What stands in the place of packets: bytes that a capture lacks, and bytes that are not MQTT.

use std::io::{self, Write};

use serde::ser::{Serialize, SerializeMap, Serializer};

use super::{Place, colour, json};
use crate::mqtt::rule::Severity;

/// Bytes of a stream that belong to no packet.
#[derive(Debug, Clone, Copy)]
pub struct Hole {
    /// Where it is.
    pub place: Place,
    /// What it is.
    pub kind: Kind,
}

/// The two sorts of holes.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    /// Bytes that were sent and not captured.
    Gap {
        /// How many.
        lost: u64,
        /// The frame with the next packet boundary, if one was found.
        resynced_at_frame: Option<u64>,
    },
    /// Bytes that were captured and make no packet.
    Skipped {
        /// How many.
        len: u64,
        /// Why.
        reason: &'static str,
    },
}

/// Writes the hole as a line for people.
///
/// # Errors
/// Those of `out`.
pub fn write_line(out: &mut impl Write, hole: &Hole) -> io::Result<()> {
    let columns = super::line::columns(&hole.place);
    let what = match hole.kind {
        Kind::Gap {
            lost,
            resynced_at_frame: Some(frame),
        } => {
            format!("{lost} bytes are missing; packets go on in frame {frame}")
        }
        Kind::Gap {
            lost,
            resynced_at_frame: None,
        } => {
            format!("{lost} bytes are missing, and no packet was found behind them")
        }
        Kind::Skipped { len, reason } => format!("{len} bytes skipped: {reason}"),
    };
    let mark = colour::severity(Severity::Warning);
    writeln!(out, "{}{mark}     {what}", colour::dim(&columns))
}

/// Writes the hole as a JSON line: the object has `record` instead of `type`.
///
/// # Errors
/// Those of `out`.
pub fn write_json(out: &mut impl Write, hole: &Hole) -> io::Result<()> {
    json::write_line(out, hole)
}

impl Serialize for Hole {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        json::place(&mut map, &self.place)?;
        match self.kind {
            Kind::Gap {
                lost,
                resynced_at_frame,
            } => {
                map.serialize_entry("record", "gap")?;
                map.serialize_entry("lost", &lost)?;
                if let Some(frame) = resynced_at_frame {
                    map.serialize_entry("resynced_at_frame", &frame)?;
                }
            }
            Kind::Skipped { len, reason } => {
                map.serialize_entry("record", "skipped")?;
                map.serialize_entry("len", &len)?;
                map.serialize_entry("reason", reason)?;
            }
        }
        map.end()
    }
}
