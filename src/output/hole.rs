//! What stands in the place of packets: bytes that a capture lacks, and bytes that are not MQTT.

use std::fmt::Write as _;
use std::io::{self, Write};

use super::line::Lines;
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

/// What is not there, in words.
pub(super) fn describe(hole: &Hole) -> String {
    match hole.kind {
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
    }
}

/// Writes the hole as a line for people.
///
/// # Errors
/// Those of `out`.
pub fn write_line(
    out: &mut impl Write,
    lines: &mut Lines,
    hole: &Hole,
    client: Option<&str>,
) -> io::Result<()> {
    let mark = colour::severity(Severity::Warning);
    let what = describe(hole);
    // Writing to a String does not fail.
    let _ = write!(lines.columns(&hole.place, client), "{mark}     {what}");
    lines.end(out)
}

/// Writes the hole as a JSON line: the object has `record` instead of `type`.
///
/// # Errors
/// Those of `out`.
pub fn write_json(out: &mut impl Write, hole: &Hole) -> io::Result<()> {
    json::write_object(out, |object| {
        json::place(object, &hole.place);
        match hole.kind {
            Kind::Gap {
                lost,
                resynced_at_frame,
            } => {
                object.entry("record", "gap");
                object.entry("lost", lost);
                object.maybe("resynced_at_frame", resynced_at_frame);
            }
            Kind::Skipped { len, reason } => {
                object.entry("record", "skipped");
                object.entry("len", len);
                object.entry("reason", reason);
            }
        }
    })
}
