//! From the records of a capture to the steps of a replay, with a count of what cannot be played.
//!
//! A step belongs to a session: for now a captured connection from its first PUBLISH to its
//! DISCONNECT, or to the end of the capture. Steps of a session come in its order and never go
//! back in time.

use std::io::Read;
use std::net::SocketAddr;
use std::ops::ControlFlow;
use std::time::Duration;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::capture::{CaptureError, CapturedPacket, Options, Packets, Record, Stats};
use crate::client::{Publication, TopicName};
use crate::cmd::{note, sealed};
use crate::mqtt::alias::Aliases;
use crate::mqtt::decode::{Context, Strict, decode};
use crate::mqtt::packet::{Ack, AckKind, Publish};
use crate::mqtt::{Packet, PacketType, PropertiesBuf, PropertyId, QoS, Side, Version};
use crate::output::replay::Skips;

/// Something to do at a captured time.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Step {
    /// Who does it, numbered from 0 in the order of first messages.
    pub(super) session: u64,
    /// When it was captured, in nanoseconds since 1970, if anything so far had a time.
    pub(super) time: Option<i64>,
    /// What.
    pub(super) action: Action,
}

/// What to do.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// Connect; always the first step of a session.
    Open(Captured),
    /// Publish.
    Publish(Publication),
    /// Leave with DISCONNECT; always the last step of a session. Those without one stay.
    Leave,
}

/// The captured client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Captured {
    /// Its address.
    pub(super) client: SocketAddr,
    /// The version it spoke.
    pub(super) version: Version,
}

/// Pulls steps out of a capture.
#[derive(Debug)]
pub(super) struct Source<R> {
    packets: Packets<R>,
    /// Whose PUBLISH packets are played.
    from: Side,
    streams: FxHashMap<u64, Stream>,
    sessions: u64,
    messages: u64,
    /// PUBLISH packets of the other side.
    others: u64,
    /// The captured times of the first and of the last message.
    span: Option<(i64, i64)>,
    skips: Skips,
    /// The captured time that the last record with a time had.
    last_time: Option<i64>,
    /// Steps that come with the next one: a packet makes two at most.
    after: Option<Step>,
}

/// What a captured connection has said so far.
#[derive(Debug, Default)]
struct Stream {
    /// The session that plays it, if it has published.
    session: Option<u64>,
    aliases: Aliases,
    /// Packet identifiers of QoS 1 and 2 messages that the server has not acknowledged.
    unacknowledged: FxHashSet<u16>,
    last_time: Option<i64>,
}

impl Stream {
    /// Packets of the client are lost: what it said about aliases and identifiers is not known
    /// any more, and a wrong topic is worse than none.
    fn forget(&mut self) {
        self.aliases = Aliases::default();
        self.unacknowledged.clear();
    }
}

impl<R: Read> Source<R> {
    /// Plays what `from` published: clients, or servers to their subscribers.
    pub(super) fn new(reader: R, from: Side) -> Source<R> {
        Source {
            packets: Packets::new(reader, Options::default()),
            from,
            streams: FxHashMap::default(),
            sessions: 0,
            messages: 0,
            others: 0,
            span: None,
            skips: Skips::default(),
            last_time: None,
            after: None,
        }
    }

    /// The next step; `None` at the end.
    ///
    /// # Errors
    /// What is wrong with the file, once, after everything that came before it.
    pub(super) fn next_step(&mut self) -> Result<Option<Step>, CaptureError> {
        if let Some(step) = self.after.take() {
            return Ok(Some(step));
        }
        while let Some(record) = self.packets.next()? {
            if let ControlFlow::Break(step) = self.record(&record) {
                return Ok(Some(step));
            }
        }
        Ok(None)
    }

    /// Sessions so far.
    pub(super) fn sessions(&self) -> u64 {
        self.sessions
    }

    /// Messages so far, skipped ones not counted.
    pub(super) fn messages(&self) -> u64 {
        self.messages
    }

    /// PUBLISH packets of the side that is not played so far.
    pub(super) fn others(&self) -> u64 {
        self.others
    }

    /// The time from the first message to the last so far.
    pub(super) fn captured(&self) -> Duration {
        let (first, last) = self.span.unwrap_or_default();
        Duration::from_nanos(last.abs_diff(first))
    }

    /// What was skipped so far.
    pub(super) fn skips(&self) -> Skips {
        self.skips
    }

    /// What the capture has held so far.
    pub(super) fn stats(&self) -> Stats {
        self.packets.stats()
    }

    fn record(&mut self, record: &Record) -> ControlFlow<Step> {
        match record {
            Record::Packet(packet) => self.packet(packet),
            // There is no client for MQTT-SN.
            Record::Message(_) => ControlFlow::Continue(()),
            Record::Sealed(found) => {
                note(sealed::sentence(found, "its keys are not in the capture"));
                ControlFlow::Continue(())
            }
            Record::Gap(gap) => {
                if self.may_publish(gap.at.from) {
                    self.skips.gaps += 1;
                    self.skips.lost_bytes += gap.lost;
                    if let Some(stream) = self.streams.get_mut(&gap.at.stream) {
                        stream.forget();
                    }
                }
                ControlFlow::Continue(())
            }
            Record::Skipped(skipped) => {
                if self.may_publish(skipped.at.from) {
                    self.skips.skipped_bytes += skipped.len;
                }
                ControlFlow::Continue(())
            }
            // Connections are replayed by their packets.
            Record::Turn(_) => ControlFlow::Continue(()),
        }
    }

    /// Whether what this side sent may be what is played.
    fn may_publish(&self, side: Option<Side>) -> bool {
        side.is_none_or(|side| side == self.from)
    }

    fn packet(&mut self, packet: &CapturedPacket) -> ControlFlow<Step> {
        let byte1 = packet.bytes.first().copied().unwrap_or_default();
        if let Some(time) = packet.at.time {
            self.last_time = Some(time.nanos);
        }
        match (PacketType::from_byte1(byte1), packet.at.from) {
            (PacketType::PUBLISH, Some(side)) if side == self.from => self.publish(packet),
            (PacketType::PUBLISH, side) => {
                match side {
                    Some(_) => self.others += 1,
                    None => self.skips.unknown_sender += 1,
                }
                ControlFlow::Continue(())
            }
            // A second CONNECT ends what was before it, too.
            (PacketType::CONNECT, _) | (PacketType::DISCONNECT, Some(Side::Client)) => {
                self.end_session(packet)
            }
            (PacketType::PUBACK | PacketType::PUBREC | PacketType::PUBCOMP, side)
                if side != Some(self.from) =>
            {
                self.acknowledge(packet);
                ControlFlow::Continue(())
            }
            _ => ControlFlow::Continue(()),
        }
    }

    fn publish(&mut self, packet: &CapturedPacket) -> ControlFlow<Step> {
        let now = self.last_time;
        let stream = self.streams.entry(packet.at.stream).or_default();
        if packet.is_cut() {
            stream.forget();
            self.skips.cut += 1;
            return ControlFlow::Continue(());
        }
        let Ok(Packet::Publish(publish)) = decode(&packet.bytes, context(packet), &mut Strict)
        else {
            stream.forget();
            self.skips.malformed += 1;
            return ControlFlow::Continue(());
        };
        // An alias is set by a repeat as well.
        let topic = match publish.properties.number(PropertyId::TOPIC_ALIAS) {
            Some(alias) => {
                let alias = u16::try_from(alias).unwrap_or_default();
                stream.aliases.resolve(publish.topic, alias)
            }
            None => Some(publish.topic),
        };
        if publish.qos > QoS::AtMostOnce
            && !stream.unacknowledged.insert(publish.packet_id)
            && publish.dup
        {
            self.skips.duplicates += 1;
            return ControlFlow::Continue(());
        }
        let Some(topic) = topic.filter(|topic| !topic.is_empty()) else {
            self.skips.no_topic += 1;
            return ControlFlow::Continue(());
        };
        let Ok(topic) = TopicName::new(topic) else {
            self.skips.malformed += 1;
            return ControlFlow::Continue(());
        };
        let mut publication =
            Publication::new(topic, packet.bytes.slice_ref(publish.payload), publish.qos);
        publication.retain = publish.retain;
        publication.properties = to_publish(&publish);

        stream.last_time = stream.last_time.max(now);
        self.messages += 1;
        let time = stream.last_time;
        if let Some(time) = time {
            let (first, last) = self.span.unwrap_or((time, time));
            self.span = Some((first.min(time), last.max(time)));
        }
        let step = |session, action| Step {
            session,
            time,
            action,
        };
        let play = Action::Publish(publication);
        ControlFlow::Break(match stream.session {
            Some(session) => step(session, play),
            None => {
                let session = self.sessions;
                self.sessions += 1;
                stream.session = Some(session);
                self.after = Some(step(session, play));
                let captured = Captured {
                    client: match self.from {
                        Side::Client => packet.at.src,
                        Side::Server => packet.at.dst,
                    },
                    version: packet.version,
                };
                step(session, Action::Open(captured))
            }
        })
    }

    /// The client leaves; whoever comes behind it on this connection is somebody new.
    fn end_session(&mut self, packet: &CapturedPacket) -> ControlFlow<Step> {
        let stream = self.streams.remove(&packet.at.stream);
        match stream.and_then(|stream| stream.session.map(|session| (session, stream.last_time))) {
            Some((session, time)) => ControlFlow::Break(Step {
                session,
                time: time.max(self.last_time),
                action: Action::Leave,
            }),
            None => ControlFlow::Continue(()),
        }
    }

    /// An acknowledgement frees its identifier: a later PUBLISH with it is a new message.
    fn acknowledge(&mut self, packet: &CapturedPacket) {
        if let Ok(Packet::Ack(ack)) = decode(&packet.bytes, context(packet), &mut Strict)
            && ends_exchange(&ack)
            && let Some(stream) = self.streams.get_mut(&packet.at.stream)
        {
            stream.unacknowledged.remove(&ack.packet_id);
        }
    }
}

fn context(packet: &CapturedPacket) -> Context {
    Context {
        version: packet.version,
        from: packet.at.from,
    }
}

fn ends_exchange(ack: &Ack<'_>) -> bool {
    match ack.kind {
        AckKind::PubAck | AckKind::PubComp => true,
        AckKind::PubRec => ack.reason.is_error(),
        AckKind::PubRel => false,
    }
}

/// The properties as captured, but for an alias, which would mean something else to the target, or
/// nothing, and for what only servers may send (`[MQTT-3.3.4-6]`).
fn to_publish(publish: &Publish<'_>) -> PropertiesBuf {
    let mut properties = PropertiesBuf::new();
    for property in publish.properties {
        let is_of_connection =
            [PropertyId::TOPIC_ALIAS, PropertyId::SUBSCRIPTION_IDENTIFIER].contains(&property.id);
        if !is_of_connection {
            // It was in a list before, so it fits into one.
            let _ = properties.push(property.id, property.value);
        }
    }
    properties
}

#[cfg(test)]
mod tests;
