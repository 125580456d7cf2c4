//! From the records of a capture to the steps of a replay, with a count of what cannot be played.
//!
//! Steps of a session come in its order and never go back in time.

mod answering;
mod delivering;
mod doing;
mod ending;
mod mqttsn;
mod opening;
mod selecting;
mod stream;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use self::mqttsn::SnClients;
use self::selecting::Known;
use self::stream::{Outstanding, Stream};
use super::input::Records;
use super::rewrite::Rewrite;
use super::step::{Action, Leave, Number, Step};
use crate::capture::{CapturedPacket, Location, Record, Stats};
use crate::cmd::decode::{Selection, Selector};
use crate::cmd::{Failure, note, sealed};
use crate::mqtt::decode::{Context, Strict, decode};
use crate::mqtt::{Packet, PacketType, PropertiesBuf, QoS, ReasonCode, Side, Version};
use crate::mqttsn::Predefined;
use crate::output::replay::{At, Found, Skips};
use crate::output::time::Time;

/// What to make of a capture.
#[derive(Debug)]
pub(super) struct Settings {
    pub(super) mode: Mode,
    pub(super) rewrite: Rewrite,
    /// `None`: everything.
    pub(super) select: Option<Selection>,
    pub(super) sn_topics: Arc<Predefined>,
    /// Of a CONNECT that is made up.
    pub(super) keep_alive: u16,
    /// Whether what servers delivered is to be compared.
    pub(super) is_verifying: bool,
    /// Whether subscriptions that were not captured are inferred.
    pub(super) infers: bool,
}

/// Whose doing is played.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// All that clients did.
    Sessions,
    /// Only the messages of one side: of clients, or of servers to their subscribers.
    Messages(Side),
}

/// Subscriptions that clients must have had, by the connection whose CONNECT was not captured.
pub(super) type Inferred = FxHashMap<u64, Before>;

/// A client before the capture began.
#[derive(Debug, Clone)]
pub(super) struct Before {
    client: SocketAddr,
    version: Version,
    /// On these it was sent messages, at this QoS at most.
    topics: Vec<(String, QoS)>,
}

/// The number of a message that is not played: nobody waits for its answer.
const NOBODY: Number = Number::MAX;

/// Topics that are remembered of a session whose subscriptions are inferred.
const MAX_INFERRED: usize = 1000;

/// Clients whose unacknowledged messages are remembered over their connections.
const MAX_KEPT: usize = 1 << 16;

/// Pulls steps out of a capture.
pub(super) struct Source {
    records: Records,
    settings: Arc<Settings>,
    selector: Option<Selector>,
    /// How often it is played, from 1.
    round: u64,
    streams: FxHashMap<u64, Stream>,
    sn: SnClients,
    /// What clients that keep their session had not got an answer to, by name.
    kept: FxHashMap<String, Outstanding>,
    /// What is known of clients by name where only a part is played.
    known: Known,
    /// Found in this pass, for the next one.
    inferred: Inferred,
    next_session: u64,
    next_number: Number,
    found: Found,
    /// The captured times of the first and of the last thing that is played.
    span: Option<(i64, i64)>,
    skips: Skips,
    /// The captured time that the last record with a time had.
    last_time: Option<i64>,
    /// Where the record stands that is taken in.
    at: At,
    out: VecDeque<Step>,
    is_over: bool,
    damage: Option<Failure>,
}

impl Source {
    /// For the round `round` from 1. `inferred` is what an earlier pass has found.
    pub(super) fn new(
        records: Records,
        settings: Arc<Settings>,
        inferred: Inferred,
        round: u64,
    ) -> Source {
        let mut source = Source {
            records,
            selector: settings.select.clone().map(Selector::new),
            sn: SnClients::new(Arc::clone(&settings.sn_topics)),
            settings,
            round,
            streams: FxHashMap::default(),
            kept: FxHashMap::default(),
            known: Known::default(),
            inferred: Inferred::default(),
            next_session: 0,
            next_number: 0,
            found: Found::default(),
            span: None,
            skips: Skips::default(),
            last_time: None,
            at: At::default(),
            out: VecDeque::new(),
            is_over: false,
            damage: None,
        };
        source.open_inferred(inferred);
        source
    }

    /// The next step; `None` at the end.
    ///
    /// # Errors
    /// What is wrong with the file, once, after everything that came before it.
    pub(super) fn next_step(&mut self) -> Result<Option<Step>, Failure> {
        loop {
            if let Some(step) = self.out.pop_front() {
                return Ok(Some(step));
            }
            if self.is_over {
                return self.damage.take().map_or(Ok(None), Err);
            }
            match self.records.next_record() {
                Ok(Some(record)) => self.record(&record),
                end => {
                    self.is_over = true;
                    self.damage = end.err();
                    self.finish();
                }
            }
        }
    }

    /// What was found so far.
    pub(super) fn found(&self) -> Found {
        let (first, last) = self.span.unwrap_or_default();
        Found {
            captured: std::time::Duration::from_nanos(last.abs_diff(first)),
            ..self.found
        }
    }

    /// What was skipped so far.
    pub(super) fn skips(&self) -> Skips {
        self.skips
    }

    /// What the capture has held so far.
    pub(super) fn stats(&self) -> Stats {
        self.records.stats()
    }

    /// The subscriptions that were inferred so far, for another pass.
    pub(super) fn take_inferred(&mut self) -> Inferred {
        std::mem::take(&mut self.inferred)
    }

    fn record(&mut self, record: &Record) {
        match record {
            Record::Packet(packet) => self.packet(packet),
            Record::Message(message) => self.sn_message(message),
            // An earlier round, or the one that is played, says it.
            Record::Sealed(_) if self.round != 1 => {}
            Record::Sealed(found) => note(sealed::sentence(found, self.records.no_keys())),
            Record::Gap(gap) => {
                let is_played = self.plays(gap.at.from);
                if is_played {
                    self.skips.gaps += 1;
                    self.skips.lost_bytes += gap.lost;
                }
                if let Some(stream) = self.streams.get_mut(&gap.at.stream) {
                    stream.forget(is_played);
                    stream.is_incomplete |= is_played;
                }
            }
            Record::Skipped(skipped) => {
                if self.plays(skipped.at.from) {
                    self.skips.skipped_bytes += skipped.len;
                    if let Some(stream) = self.streams.get_mut(&skipped.at.stream) {
                        stream.is_incomplete = true;
                    }
                }
            }
            Record::Turn(turn) => self.turn(turn),
        }
    }

    /// Whether what this side sent may be what is played.
    fn plays(&self, side: Option<Side>) -> bool {
        let played = match self.settings.mode {
            Mode::Sessions => Side::Client,
            Mode::Messages(side) => side,
        };
        side.is_none_or(|side| side == played)
    }

    /// Takes in where a record stands.
    fn stands_at(&mut self, at: &Location) {
        if let Some(time) = at.time {
            self.last_time = Some(time.nanos);
        }
        self.at = At {
            frame: Some(at.frame),
            time: at.time.map(|time| Time {
                nanoseconds: i128::from(time.nanos),
                digits: time.digits,
            }),
        };
    }

    fn packet(&mut self, packet: &CapturedPacket) {
        self.stands_at(&packet.at);
        let is_wanted = match &mut self.selector {
            Some(selector) => selector.asks_for(packet),
            None => true,
        };
        let byte1 = packet.bytes.first().copied().unwrap_or_default();
        let packet_type = PacketType::from_byte1(byte1);
        let Some(from) = packet.at.from else {
            if packet_type == PacketType::PUBLISH {
                self.skips.unknown_sender += 1;
            }
            return;
        };
        let stream = self.streams.entry(packet.at.stream).or_default();
        stream.last_time = stream.last_time.max(self.last_time);
        if from == Side::Client {
            stream.last_of_client = stream.last_time;
        }
        match (self.settings.mode, packet_type, from) {
            (Mode::Messages(side), PacketType::PUBLISH, from) if side == from => {
                self.publish(packet, is_wanted);
            }
            (Mode::Messages(_), PacketType::PUBLISH, _) => self.found.others += 1,
            (Mode::Messages(_), PacketType::CONNECT, _)
            | (Mode::Messages(_), PacketType::DISCONNECT, Side::Client) => {
                self.leave(packet.at.stream, Leave::Unseen);
            }
            (Mode::Messages(side), PacketType::PUBACK, from)
            | (Mode::Messages(side), PacketType::PUBREC, from)
            | (Mode::Messages(side), PacketType::PUBCOMP, from)
                if side != from =>
            {
                self.acknowledged(packet);
            }
            (Mode::Messages(_), ..) => {}
            (Mode::Sessions, packet_type, Side::Client) => {
                self.of_client(packet, packet_type, is_wanted);
            }
            (Mode::Sessions, packet_type, Side::Server) => self.of_server(packet, packet_type),
        }
    }

    fn of_client(&mut self, packet: &CapturedPacket, packet_type: PacketType, is_wanted: bool) {
        match packet_type {
            PacketType::CONNECT => self.connect(packet, is_wanted),
            PacketType::PUBLISH => self.publish(packet, is_wanted),
            PacketType::SUBSCRIBE | PacketType::UNSUBSCRIBE => self.request(packet, is_wanted),
            PacketType::DISCONNECT => {
                let leave = match decode(&packet.bytes, context(packet), &mut Strict) {
                    Ok(Packet::Disconnect(reason)) => {
                        Leave::Disconnect(reason.reason, reason.properties.to_buf())
                    }
                    _ => Leave::Disconnect(ReasonCode::SUCCESS, PropertiesBuf::new()),
                };
                self.leave(packet.at.stream, leave);
            }
            PacketType::AUTH => {
                self.found.auth += 1;
                if let Some(stream) = self.streams.get_mut(&packet.at.stream) {
                    stream.is_incomplete = true;
                }
            }
            PacketType::PUBREC => self.refused_by_client(packet),
            _ => {}
        }
    }

    fn push(&mut self, session: u64, time: Option<i64>, action: Action) {
        let is_played =
            self.settings.mode == Mode::Sessions || matches!(action, Action::Publish(_));
        if let Some(time) = time.filter(|_| is_played) {
            let (first, last) = self.span.unwrap_or((time, time));
            self.span = Some((first.min(time), last.max(time)));
        }
        self.out.push_back(Step {
            session,
            time,
            at: self.at,
            action,
        });
    }
}

fn context(packet: &CapturedPacket) -> Context {
    Context {
        version: packet.version,
        from: packet.at.from,
    }
}

#[cfg(test)]
mod tests;
