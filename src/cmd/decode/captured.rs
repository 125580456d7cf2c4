//! From a capture to the view.

use std::collections::HashMap;
use std::io::Read;
use std::net::SocketAddr;

use super::super::{Exit, Failure, note};
use super::messages::Messages;
use super::show::Show;
use super::{Plan, Stop};
use crate::capture::{CapturedPacket, Gap, Options, Packets, Record, Skipped, Timestamp};
use crate::mqtt::alias::Aliases;
use crate::mqtt::decode::{Context, Recorder, decode as decode_packet};
use crate::mqtt::{Packet, PropertyId};
use crate::output::hole::{Hole, Kind};
use crate::output::{Origin, Place, time::Time};

/// Topic Aliases per stream and sender.
type AliasesOf = HashMap<(u64, SocketAddr), Aliases>;

/// Decodes and shows the packets of a capture.
pub(super) fn decode(
    name: &str,
    reader: Box<dyn Read>,
    plan: &Plan,
    show: &mut Show<'_>,
) -> Result<(), Stop> {
    let options = Options {
        ports: plan.ports.clone(),
        not_ports: plan.not_ports.clone(),
        version: plan.version,
        ..Options::default()
    };
    let mut packets = Packets::new(reader, options);
    let mut aliases = AliasesOf::new();
    let mut messages = Messages::default();
    let mut is_empty = true;
    loop {
        match packets.next() {
            Ok(Some(Record::Packet(packet))) => show_packet(&packet, &mut aliases, show)?,
            Ok(Some(Record::Message(message))) => messages.show(&message, show)?,
            Ok(Some(Record::Gap(gap))) => show.hole(&gap_hole(&gap))?,
            Ok(Some(Record::Skipped(skipped))) => show.hole(&skipped_hole(&skipped))?,
            Ok(None) => break,
            Err(error) => {
                return Err(Failure::new(Exit::Io, format!("{name}: {error}")).into());
            }
        }
        is_empty = false;
    }
    if is_empty {
        let stats = packets.stats();
        note(format_args!(
            "{name}: no MQTT found in {} frames with {} TCP connections (what is in TLS and \
             WebSocket is not read yet)",
            stats.frames, stats.streams
        ));
    }
    Ok(())
}

fn show_packet(
    packet: &CapturedPacket,
    aliases: &mut AliasesOf,
    show: &mut Show<'_>,
) -> Result<(), Stop> {
    let mut record = Recorder::default();
    let context = Context {
        version: packet.version,
        from: packet.from,
    };
    // What is wrong stands in the record.
    let decoded = decode_packet(&packet.bytes, context, &mut record);
    let resolved = match &decoded {
        Ok(Packet::Publish(publish)) => publish
            .properties
            .number(PropertyId::TOPIC_ALIAS)
            .and_then(|alias| u16::try_from(alias).ok())
            .and_then(|alias| {
                let aliases = aliases.entry((packet.stream, packet.src)).or_default();
                let topic = aliases.resolve(publish.topic, alias);
                topic.filter(|_| publish.topic.is_empty())
            }),
        // Aliases never outlive their connection (`[MQTT-3.3.2-7]`).
        Ok(Packet::Connect(_) | Packet::Disconnect(_)) => {
            aliases.remove(&(packet.stream, packet.src));
            aliases.remove(&(packet.stream, packet.dst));
            None
        }
        _ => None,
    };
    let origin = Origin {
        place: Place {
            frame: Some(packet.frame),
            time: packet.time.map(time),
            stream: Some(packet.stream),
            endpoints: Some((packet.src, packet.dst)),
            from: packet.from,
            transport: Some(packet.transport),
        },
        version: packet.version,
        version_from: packet.version_from.as_str(),
    };
    show.packet(origin, &packet.bytes, &record, resolved)
}

pub(super) fn time(timestamp: Timestamp) -> Time {
    Time {
        nanoseconds: i128::from(timestamp.nanos),
        digits: timestamp.digits,
    }
}

fn gap_hole(gap: &Gap) -> Hole {
    Hole {
        place: Place {
            frame: Some(gap.frame),
            time: gap.time.map(time),
            stream: Some(gap.stream),
            endpoints: Some((gap.src, gap.dst)),
            from: gap.from,
            transport: None,
        },
        kind: Kind::Gap {
            lost: gap.lost,
            resynced_at_frame: gap.resynced_at_frame,
        },
    }
}

fn skipped_hole(skipped: &Skipped) -> Hole {
    Hole {
        place: Place {
            frame: Some(skipped.frame),
            time: skipped.time.map(time),
            stream: Some(skipped.stream),
            endpoints: Some((skipped.src, skipped.dst)),
            from: skipped.from,
            transport: None,
        },
        kind: Kind::Skipped {
            len: skipped.len,
            reason: skipped.reason.as_str(),
        },
    }
}
