//! `--summary`: what a whole input holds, counted, and written at its end.

use std::io::{self, Write};

use super::stats::Stats;
use crate::mqtt::Packet;
use crate::mqtt::decode::{Context, Field, Recorder, Strict, decode};
use crate::output::hole::{Hole, Kind};
use crate::output::summary::{self, Summary};
use crate::output::{Origin, Place, json, stats};

/// Counts a packet.
pub(super) fn add(summary: &mut Summary, origin: &Origin, bytes: &[u8]) {
    let Place { from, time, .. } = origin.place;
    let version = origin.version;
    let byte1 = bytes.first().copied().unwrap_or_default();
    summary.packet(byte1, version, from, bytes.len());
    if let Some(time) = time {
        summary.moment(time);
    }
    let context = Context { version, from };
    match decode(bytes, context, &mut Strict) {
        Ok(Packet::Publish(publish)) => summary.payload_bytes += publish.payload.len() as u64,
        Ok(_) => {}
        Err(_) => {
            summary.broken += 1;
            summary.payload_bytes += payload_of_broken(bytes, context);
        }
    }
}

/// Bytes of the payload of a packet that breaks a rule, as far as it can be read.
#[cold]
fn payload_of_broken(bytes: &[u8], context: Context) -> u64 {
    let mut record = Recorder::default();
    // What is wrong does not matter here.
    let _ = decode(bytes, context, &mut record);
    let payloads = record.fields.iter().filter(|r| r.field == Field::Payload);
    payloads.map(|r| (r.end - r.start) as u64).sum()
}

/// Counts what is not there.
pub(super) fn miss(summary: &mut Summary, hole: &Hole) {
    match hole.kind {
        Kind::Gap { lost, .. } => {
            summary.gaps += 1;
            summary.lost += lost;
        }
        Kind::Skipped { len, .. } => summary.skipped += len,
    }
}

/// Writes all counts; `width`: columns of the terminal.
pub(super) fn write(
    mut out: &mut dyn Write,
    summary: &Summary,
    stats: Option<Stats>,
    as_json: bool,
    width: Option<usize>,
) -> io::Result<()> {
    match as_json {
        true => summary::write_json(&mut out, summary)?,
        false => summary::write_table(&mut out, summary, width)?,
    }
    let Some(report) = stats.map(Stats::report) else {
        return Ok(());
    };
    match as_json {
        true => json::write_line(&mut out, &report),
        false => stats::write_table(&mut out, &report, width),
    }
}
