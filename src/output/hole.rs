//! What stands in the place of packets: bytes that a capture lacks, and bytes that are not MQTT.

use std::io::{self, Write};

use super::line::Lines;
use super::text::count;
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
            format!("{}; packets go on in frame {frame}", missing(lost))
        }
        Kind::Gap {
            lost,
            resynced_at_frame: None,
        } => {
            format!("{}, and no packet was found behind them", missing(lost))
        }
        Kind::Skipped { len, reason } => format!("{} skipped: {reason}", count(len, "byte")),
    }
}

fn missing(lost: u64) -> String {
    match lost {
        1 => "1 byte is missing".into(),
        lost => format!("{lost} bytes are missing"),
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
    lines.columns(&hole.place, client);
    lines.end_with(out, &format!("{mark}     {what}"))
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
