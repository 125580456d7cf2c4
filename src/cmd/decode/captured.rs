//! From a capture to the view.

use std::io::Read;
use std::sync::Arc;

use super::super::{Exit, Failure, note, sealed};
use super::aliases::AliasesOf;
use super::connections::Connections;
use super::lint::{self, Judged, Lint, Sifted};
use super::messages::Messages;
use super::order::{Item, Order};
use super::show::Show;
use super::{Plan, Stop, reading};
use crate::capture::{CapturedPacket, Gap, Location, Options, Record, Skipped, Stats};
use crate::mqtt::decode::{Context, Recorder, decode as decode_packet};
use crate::mqtt::session::Finding;
use crate::output::hole::{Hole, Kind};
use crate::output::{Decoded, Origin, Place, time::Time};

/// What earlier packets say about those to come.
#[derive(Debug)]
struct Known {
    aliases: AliasesOf,
    connections: Connections,
    messages: Messages,
}

/// What was found in a capture, beside what was shown.
pub(super) struct Found {
    stats: Stats,
    is_empty: bool,
    is_sealed: bool,
}

/// Decodes and shows the packets of a capture, and says what of it is not shown.
pub(super) fn decode(
    name: &str,
    reader: Box<dyn Read>,
    plan: &Plan,
    show: &mut Show<'_>,
) -> Result<(), Stop> {
    read(name, reader, plan, show).map(|found| found.tell(name))
}

/// Decodes and shows the packets of a capture.
pub(super) fn read(
    name: &str,
    reader: Box<dyn Read>,
    plan: &Plan,
    show: &mut Show<'_>,
) -> Result<Found, Stop> {
    let options = Options {
        ports: plan.ports.clone(),
        not_ports: plan.not_ports.clone(),
        version: plan.version,
        turns: plan.lint.is_some() || plan.stats,
        ..Options::default()
    };
    let (mut packets, no_keys) = reading::open(reader, options, plan.key_log.as_deref())?;
    let mut known = Known {
        aliases: AliasesOf::default(),
        connections: Connections::default(),
        messages: Messages::new(Arc::clone(&plan.sn_topics)),
    };
    let mut lint = plan.lint.map(|_| Lint::new());
    let mut order = Order::new(show.flush_each, lint.is_some());
    let mut is_empty = true;
    let mut is_sealed = false;
    let error = loop {
        match packets.read_frame() {
            Ok(true) => {}
            Ok(false) => break None,
            Err(error) => break Some(error),
        }
        let is_idle = order.is_idle(packets.waited());
        while let Some(record) = packets.pop() {
            // Nearly all there is, shown where it lies.
            if is_idle && let Record::Packet(packet) = &record {
                is_empty = false;
                known.show_packet(packet, None, show)?;
                continue;
            }
            match record {
                Record::Sealed(found) => {
                    note(sealed::sentence(&found, &no_keys));
                    is_sealed = true;
                }
                record => {
                    is_empty &= matches!(record, Record::Turn(_));
                    match is_idle {
                        true => known.show(&record, None, show)?,
                        false => order.push(record),
                    }
                }
            }
        }
        if !is_idle {
            let frames = order.frames(packets.waiting());
            known.show_ordered(&mut order, frames, lint.as_mut(), show)?;
        }
    };
    known.show_ordered(&mut order, 0, lint.as_mut(), show)?;
    if let Some(lint) = &mut lint {
        lint.finish();
        known.show_judged(lint, show)?;
    }
    let stats = packets.stats();
    if let Some(summary) = show.summary() {
        summary.frames = Some(stats.frames);
        summary.tcp_streams = stats.streams;
        summary.mqtt_streams = stats.mqtt_streams;
        summary.mqttsn_pairs = stats.mqttsn_pairs;
    }
    if let Some(error) = error {
        return Err(Failure::new(Exit::Io, format!("{name}: {error}")).into());
    }
    Ok(Found {
        stats,
        is_empty,
        is_sealed,
    })
}

impl Found {
    fn tell(&self, name: &str) {
        let stats = &self.stats;
        if let Some(link) = stats.unknown_link_type {
            note(format_args!(
                "{name}: {} of {} frames have a link type that is not read (the first is {}, see \
                 https://www.tcpdump.org/linktypes.html)",
                stats.unknown_link, stats.frames, link.0
            ));
        }
        if stats.incomplete > 0 {
            note(format_args!(
                "{name}: {} IP packets were sent in pieces, of which some are not in the capture",
                stats.incomplete
            ));
        }
        if stats.damaged_key_lines > 0 {
            note(match stats.damaged_key_lines {
                1 => "1 line of the key log cannot be read".to_owned(),
                lines => format!("{lines} lines of the key log cannot be read"),
            });
        }
        if self.is_empty && !self.is_sealed {
            note(format_args!(
                "{name}: no MQTT found; frames: {}, TCP connections: {}",
                stats.frames, stats.streams
            ));
        }
    }
}

impl Known {
    /// Shows a record. `between`: what it makes wrong with others, if lint is asked.
    fn show(
        &mut self,
        record: &Record,
        between: Option<Vec<Finding>>,
        show: &mut Show<'_>,
    ) -> Result<(), Stop> {
        match record {
            Record::Packet(packet) => self.show_packet(packet, between, show),
            Record::Message(message) => self.messages.show(message, show),
            Record::Gap(gap) => self.show_hole(&gap_hole(gap), &gap.at, show),
            Record::Skipped(skipped) => self.show_hole(&skipped_hole(skipped), &skipped.at, show),
            Record::Turn(turn) => {
                show.turn(turn);
                Ok(())
            }
            Record::Sealed(_) => Ok(()),
        }
    }

    /// Shows what has waited for so many frames.
    fn show_ordered(
        &mut self,
        order: &mut Order,
        frames: u64,
        mut lint: Option<&mut Lint>,
        show: &mut Show<'_>,
    ) -> Result<(), Stop> {
        while let Some((item, is_late)) = order.next(frames) {
            match (&mut lint, item) {
                (Some(lint), item) => {
                    if let Item::Record(Record::Turn(turn)) = &item {
                        show.turn(turn);
                    }
                    lint.push(item, is_late);
                    self.show_judged(lint, show)?;
                }
                (None, Item::Record(record)) => self.show(&record, None, show)?,
                (None, Item::Lost(_)) => {}
            }
        }
        Ok(())
    }

    /// Shows what lint has judged.
    fn show_judged(&mut self, lint: &mut Lint, show: &mut Show<'_>) -> Result<(), Stop> {
        while let Some(judged) = lint.next() {
            match judged {
                Judged::Record(record, between) => self.show(&record, Some(between), show)?,
                Judged::Finding(finding, place) => {
                    let client = place.stream.and_then(|at| self.connections.client(at));
                    show.found(finding, place, client)?;
                }
            }
        }
        Ok(())
    }

    // Every packet goes through here; apart, its place is copied once more.
    #[inline(always)]
    fn show_packet(
        &mut self,
        packet: &CapturedPacket,
        between: Option<Vec<Finding>>,
        show: &mut Show<'_>,
    ) -> Result<(), Stop> {
        let origin = Origin {
            place: place(&packet.at),
            version: match between {
                Some(_) => lint::version_of(packet),
                None => packet.version,
            },
            version_from: packet.version_from.as_str(),
        };
        show.begin(origin.place.time);
        if show.count(&origin, &packet.bytes) {
            return Ok(());
        }
        let mut record = Recorder::default();
        let context = Context {
            version: origin.version,
            from: packet.at.from,
        };
        // What is wrong stands in the record.
        let decoded = decode_packet(&packet.bytes, context, &mut record);
        let found = between.map(|between| sift(&mut record, between, packet, show));
        let topic_resolved = self.aliases.resolve(packet, &decoded);
        let client = self
            .connections
            .see(packet.at.stream, decoded.as_ref().ok());
        show.packet(
            &Decoded {
                origin,
                bytes: &packet.bytes,
                record: &record,
                topic_resolved,
                client,
                findings: found.as_ref().map_or(&[], |found| &found.findings),
            },
            Some(&packet.at),
            found.as_ref().map(|found| found.counts),
        )
    }

    fn show_hole(&mut self, hole: &Hole, at: &Location, show: &mut Show<'_>) -> Result<(), Stop> {
        self.aliases.forget(at);
        show.begin(hole.place.time);
        show.hole(hole, self.connections.client(at.stream), at)
    }
}

/// What is wrong with a packet, alone and with others.
#[cold]
fn sift(
    record: &mut Recorder<'_>,
    between: Vec<Finding>,
    packet: &CapturedPacket,
    show: &Show<'_>,
) -> Sifted {
    let place = place(&packet.at);
    let mut found = show.sifted();
    found.packet(record, place, packet.at.frame);
    for finding in between {
        found.between(finding, place);
    }
    found
}

/// A place in the capture, as the views want it.
pub(super) fn place(at: &Location) -> Place {
    Place {
        frame: Some(at.frame),
        time: at.time.map(|time| Time {
            nanoseconds: i128::from(time.nanos),
            digits: time.digits,
        }),
        stream: Some(at.stream),
        endpoints: Some((at.src, at.dst)),
        from: at.from,
        transport: Some(at.transport),
    }
}

fn gap_hole(gap: &Gap) -> Hole {
    Hole {
        place: place(&gap.at),
        kind: Kind::Gap {
            lost: gap.lost,
            resynced_at_frame: gap.resynced_at_frame,
        },
    }
}

fn skipped_hole(skipped: &Skipped) -> Hole {
    Hole {
        place: place(&skipped.at),
        kind: Kind::Skipped {
            len: skipped.len,
            reason: skipped.reason.as_str(),
        },
    }
}
