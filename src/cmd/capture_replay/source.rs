//! From the records of a capture to the steps of a replay, with a count of what cannot be played.
//!
//! Steps of a session come in its order and never go back in time.

mod mqttsn;
mod stream;

use std::collections::VecDeque;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use self::mqttsn::SnClients;
use self::stream::{Live, Outstanding, Stream};
use super::delivery::Delivery;
use super::input::Records;
use super::rewrite::Rewrite;
use super::step::{Action, Answer, Leave, Message, Number, Opening, Request, Step};
use crate::capture::{CapturedPacket, Record, Stats, Turn, TurnKind};
use crate::client::{ConnectOptions, Publication, TopicName, Will};
use crate::cmd::decode::{Selection, Selector};
use crate::cmd::{Failure, note, sealed};
use crate::mqtt::decode::{Context, Strict, decode};
use crate::mqtt::packet::{Ack, AckKind, Connect, SubscriptionOptions};
use crate::mqtt::{
    Packet, PacketType, Properties, PropertiesBuf, PropertyId, QoS, ReasonCode, Side, Version,
    topic,
};
use crate::mqttsn::Predefined;
use crate::output::replay::{Found, Skips};

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

/// Subscriptions that clients must have had, by the session whose CONNECT was not captured.
pub(super) type Inferred = FxHashMap<u64, Vec<(String, QoS)>>;

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
    /// Known from an earlier pass.
    inferred: Inferred,
    next_session: u64,
    next_number: Number,
    found: Found,
    /// The captured times of the first and of the last message.
    span: Option<(i64, i64)>,
    skips: Skips,
    /// The captured time that the last record with a time had.
    last_time: Option<i64>,
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
        Source {
            records,
            selector: settings.select.clone().map(Selector::new),
            sn: SnClients::new(Arc::clone(&settings.sn_topics)),
            settings,
            round,
            streams: FxHashMap::default(),
            kept: FxHashMap::default(),
            inferred,
            next_session: 0,
            next_number: 0,
            found: Found::default(),
            span: None,
            skips: Skips::default(),
            last_time: None,
            out: VecDeque::new(),
            is_over: false,
            damage: None,
        }
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
                if self.plays(gap.at.from) {
                    self.skips.gaps += 1;
                    self.skips.lost_bytes += gap.lost;
                }
                if let Some(stream) = self.streams.get_mut(&gap.at.stream) {
                    stream.forget(gap.at.from);
                }
            }
            Record::Skipped(skipped) => {
                if self.plays(skipped.at.from) {
                    self.skips.skipped_bytes += skipped.len;
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

    fn packet(&mut self, packet: &CapturedPacket) {
        if let Some(time) = packet.at.time {
            self.last_time = Some(time.nanos);
        }
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
            PacketType::AUTH => self.found.auth += 1,
            _ => {}
        }
    }

    fn of_server(&mut self, packet: &CapturedPacket, packet_type: PacketType) {
        if packet_type == PacketType::PUBLISH {
            self.delivery(packet);
            return;
        }
        let is_answer = matches!(
            packet_type,
            PacketType::CONNACK
                | PacketType::SUBACK
                | PacketType::UNSUBACK
                | PacketType::DISCONNECT
        );
        if !is_answer {
            self.acknowledged(packet);
            return;
        }
        let Ok(decoded) = decode(&packet.bytes, context(packet), &mut Strict) else {
            return;
        };
        let Some(stream) = self.streams.get_mut(&packet.at.stream) else {
            return;
        };
        let reasons = |codes: &crate::mqtt::packet::Codes<'_>| codes.reasons().collect::<Vec<_>>();
        let answer = match &decoded {
            Packet::ConnAck(connack) => stream.connect.take().map(|number| Answer::Connected {
                number,
                reason: connack.reason(packet.version),
                session_present: connack.session_present,
            }),
            Packet::SubAck(codes) => stream.outstanding.remove(&codes.packet_id).map(|number| {
                let reasons = reasons(codes);
                Answer::Subscribed { number, reasons }
            }),
            Packet::UnsubAck(codes) => stream.outstanding.remove(&codes.packet_id).map(|number| {
                let reasons = reasons(codes);
                Answer::Unsubscribed { number, reasons }
            }),
            Packet::Disconnect(reason) => {
                stream.farewell = Some(reason.reason);
                None
            }
            _ => None,
        };
        if let Some(answer) = answer {
            self.answered(packet.at.stream, answer);
        }
    }

    /// The end of an exchange frees its identifier: a later PUBLISH with it is a new message.
    fn acknowledged(&mut self, packet: &CapturedPacket) {
        let Ok(Packet::Ack(ack)) = decode(&packet.bytes, context(packet), &mut Strict) else {
            return;
        };
        let Some(stream) = self.streams.get_mut(&packet.at.stream) else {
            return;
        };
        if !ends_exchange(&ack) {
            // It says what the end of the exchange does not say again.
            if ack.kind == AckKind::PubRec && ack.reason != ReasonCode::SUCCESS {
                stream.accepted.insert(ack.packet_id, ack.reason);
            }
            return;
        }
        let accepted = stream.accepted.remove(&ack.packet_id);
        if let Some(number) = stream.outstanding.remove(&ack.packet_id) {
            let reason = match ack.kind {
                AckKind::PubComp => accepted.unwrap_or(ReasonCode::SUCCESS),
                _ => ack.reason,
            };
            self.answered(packet.at.stream, Answer::Published { number, reason });
        }
    }

    fn answered(&mut self, stream: u64, answer: Answer) {
        if self.settings.mode != Mode::Sessions {
            return;
        }
        let Some(stream) = self.streams.get(&stream) else {
            return;
        };
        if let Some(live) = &stream.live {
            self.out.push_back(Step {
                session: live.session,
                time: stream.last_time,
                action: Action::Answered(answer),
            });
        }
    }

    fn connect(&mut self, packet: &CapturedPacket, is_wanted: bool) {
        // A second CONNECT ends what was before it.
        self.leave(packet.at.stream, Leave::Cut);
        let last_time = self.last_time;
        let stream = self.streams.entry(packet.at.stream).or_default();
        *stream = Stream {
            last_time,
            ..Stream::default()
        };
        if packet.is_cut() {
            self.skips.cut += 1;
            return;
        }
        let Ok(Packet::Connect(connect)) = decode(&packet.bytes, context(packet), &mut Strict)
        else {
            self.skips.malformed += 1;
            return;
        };
        let options = self.connect_options(&connect);
        let stream = self.streams.entry(packet.at.stream).or_default();
        if connect.clean_start {
            self.kept.remove(connect.client_id);
        } else if let Some(outstanding) = self.kept.remove(connect.client_id) {
            // Its numbers are of the earlier session, which is over: nothing waits for them.
            stream.resent = outstanding.keys().copied().collect();
        }
        stream.captured_id = Some(connect.client_id.to_owned());
        stream.persists = persists(&connect);
        stream.held = Some(Box::new(Opening {
            number: 0,
            client: packet.at.src,
            connect: options,
            is_made_up: false,
            is_ahead: false,
        }));
        if is_wanted {
            self.live(packet);
        }
    }

    fn connect_options(&mut self, connect: &Connect<'_>) -> ConnectOptions {
        let rewrite = &self.settings.rewrite;
        let mut options = ConnectOptions::new(connect.version, connect.client_id);
        options.clean_start = connect.clean_start;
        options.keep_alive = connect.keep_alive;
        options.username = connect.username.map(str::to_owned);
        options.password = connect.password.map(bytes::Bytes::copy_from_slice);
        options.will = connect.will.and_then(|will| {
            self.found.wills += 1;
            // A topic that its changes made none is not published to.
            let topic = TopicName::new(rewrite.topic(will.topic)).ok()?;
            Some(Will {
                topic,
                payload: bytes::Bytes::copy_from_slice(will.payload),
                qos: rewrite.qos(will.qos),
                retain: will.retain && !rewrite.strip_retain,
                properties: will.properties.to_buf(),
            })
        });
        for property in connect.properties {
            let is_authentication = [
                PropertyId::AUTHENTICATION_METHOD,
                PropertyId::AUTHENTICATION_DATA,
            ]
            .contains(&property.id);
            if is_authentication {
                // Its answers cannot be given again.
                self.found.auth += 1;
                continue;
            }
            // It was in a list before, so it fits into one.
            let _ = options.properties.push(property.id, property.value);
        }
        options
    }

    /// The session that plays this packet's connection: opened now, if it is not.
    fn live(&mut self, packet: &CapturedPacket) -> u64 {
        let (session, number) = (self.next_session, self.next_number);
        let stream = self.streams.entry(packet.at.stream).or_default();
        if let Some(live) = &stream.live {
            return live.session;
        }
        self.next_session += 1;
        self.next_number += 1;
        self.found.clients += 1;
        let rewrite = &self.settings.rewrite;
        let is_messages = self.settings.mode != Mode::Sessions;
        let held = stream.held.take().filter(|_| !is_messages);
        let mut opening = match held {
            Some(opening) => *opening,
            None => {
                self.found.made_up += u64::from(!is_messages);
                let mut connect = ConnectOptions::new(packet.version, "");
                connect.keep_alive = self.settings.keep_alive;
                Opening {
                    number: 0,
                    client: match packet.at.from {
                        Some(Side::Client) => packet.at.src,
                        _ => packet.at.dst,
                    },
                    connect,
                    is_made_up: true,
                    is_ahead: is_messages,
                }
            }
        };
        opening.number = number;
        let captured = stream.captured_id.as_deref().filter(|_| !is_messages);
        opening.connect.client_id = rewrite.client_id(captured, session, self.round);
        stream.connect = (!opening.is_made_up).then_some(number);
        stream.live = Some(Live {
            session,
            is_made_up: opening.is_made_up,
        });
        let is_made_up = opening.is_made_up;
        self.out.push_back(Step {
            session,
            time: stream.last_time,
            action: Action::Open(Box::new(opening)),
        });
        if is_made_up
            && self.settings.infers
            && let Some(filters) = self.inferred.get(&session).filter(|list| !list.is_empty())
        {
            let filters: Vec<_> = filters
                .iter()
                .map(|(topic, qos)| {
                    let options = SubscriptionOptions::at(rewrite.qos(*qos));
                    (rewrite.filter(topic), options)
                })
                .collect();
            self.found.inferred += filters.len() as u64;
            let number = self.next_number;
            self.next_number += 1;
            self.out.push_back(Step {
                session,
                time: stream.last_time,
                action: Action::Subscribe(Box::new(Request {
                    number,
                    filters,
                    properties: PropertiesBuf::new(),
                })),
            });
        }
        session
    }

    fn request(&mut self, packet: &CapturedPacket, is_wanted: bool) {
        let request = match decode(&packet.bytes, context(packet), &mut Strict) {
            Ok(Packet::Subscribe(request) | Packet::Unsubscribe(request)) => request,
            _ => {
                match packet.is_cut() {
                    true => self.skips.cut += 1,
                    false => self.skips.malformed += 1,
                }
                return;
            }
        };
        if !is_wanted {
            return;
        }
        let session = self.live(packet);
        let rewrite = &self.settings.rewrite;
        let mut filters = Vec::new();
        for (filter, options) in request.filters.iter() {
            let changed = rewrite.filter(filter);
            if topic::check_filter(&changed).is_err() {
                self.skips.no_topic += 1;
                continue;
            }
            filters.push((
                changed,
                SubscriptionOptions {
                    qos: rewrite.qos(options.qos),
                    ..options
                },
            ));
        }
        if filters.is_empty() {
            return;
        }
        let number = self.next_number;
        self.next_number += 1;
        let Some(stream) = self.streams.get_mut(&packet.at.stream) else {
            return;
        };
        stream.outstanding.insert(request.packet_id, number);
        let is_subscribe = packet.bytes.first().is_some_and(|byte| byte >> 4 == 8);
        match is_subscribe {
            true => {
                self.found.subscribes += 1;
                let names = filters.iter().map(|(filter, _)| filter.clone());
                stream.filters.extend(names);
            }
            false => self.found.unsubscribes += 1,
        }
        let request = Box::new(Request {
            number,
            filters,
            properties: request.properties.to_buf(),
        });
        self.out.push_back(Step {
            session,
            time: stream.last_time,
            action: match is_subscribe {
                true => Action::Subscribe(request),
                false => Action::Unsubscribe(request),
            },
        });
    }

    fn publish(&mut self, packet: &CapturedPacket, is_wanted: bool) {
        let stream = self.streams.entry(packet.at.stream).or_default();
        if packet.is_cut() {
            stream.forget(packet.at.from);
            self.skips.cut += 1;
            return;
        }
        let Ok(Packet::Publish(publish)) = decode(&packet.bytes, context(packet), &mut Strict)
        else {
            stream.forget(packet.at.from);
            self.skips.malformed += 1;
            return;
        };
        let alias = match publish.properties.is_empty() {
            true => None,
            false => publish.properties.number(PropertyId::TOPIC_ALIAS),
        };
        // An alias is set by a repeat as well.
        let topic = match alias {
            Some(alias) => {
                let alias = u16::try_from(alias).unwrap_or_default();
                stream.aliases.resolve(publish.topic, alias)
            }
            None => Some(publish.topic),
        };
        let is_repeat = publish.qos > QoS::AtMostOnce && {
            let is_known = stream.outstanding.contains_key(&publish.packet_id)
                || stream.resent.contains(&publish.packet_id);
            if !is_known || !publish.dup {
                stream.resent.remove(&publish.packet_id);
                stream.outstanding.insert(publish.packet_id, NOBODY);
            }
            is_known && publish.dup
        };
        if is_repeat {
            self.skips.duplicates += 1;
            return;
        }
        let Some(topic) = topic.filter(|topic| !topic.is_empty()) else {
            self.skips.no_topic += 1;
            return;
        };
        if !is_wanted {
            return;
        }
        let rewrite = &self.settings.rewrite;
        let topic = match rewrite.changes_topics() {
            true => TopicName::new(rewrite.topic(topic)),
            false => TopicName::new(topic),
        };
        let Ok(topic) = topic else {
            self.skips.malformed += 1;
            return;
        };
        let payload = packet.bytes.slice_ref(publish.payload);
        let mut publication = Publication::new(topic, payload, rewrite.qos(publish.qos));
        publication.retain = publish.retain && !rewrite.strip_retain;
        publication.properties = to_publish(publish.properties);
        let session = self.live(packet);
        let Some(stream) = self.streams.get_mut(&packet.at.stream) else {
            return;
        };
        let mut number = None;
        if publish.qos > QoS::AtMostOnce {
            stream
                .outstanding
                .insert(publish.packet_id, self.next_number);
            number = Some(self.next_number).filter(|_| publication.qos > QoS::AtMostOnce);
            self.next_number += 1;
        }
        let time = stream.last_time;
        self.message(session, time, number, publication, alias.is_some());
    }

    fn message(
        &mut self,
        session: u64,
        time: Option<i64>,
        number: Option<Number>,
        publication: Publication,
        is_aliased: bool,
    ) {
        self.found.messages += 1;
        self.found.aliased += u64::from(is_aliased);
        if let Some(time) = time {
            let (first, last) = self.span.unwrap_or((time, time));
            self.span = Some((first.min(time), last.max(time)));
        }
        self.out.push_back(Step {
            session,
            time,
            action: Action::Publish(Message {
                number,
                publication,
                is_aliased,
            }),
        });
    }

    /// A message that a server sent.
    fn delivery(&mut self, packet: &CapturedPacket) {
        self.found.others += 1;
        let is_comparing = self.settings.is_verifying || self.settings.infers;
        // DUP: it was sent before, and counted.
        let is_first = packet.bytes.first().is_some_and(|byte| byte & 8 == 0);
        if !is_comparing {
            if is_first {
                self.delivered(packet.at.stream, None);
            }
            return;
        }
        let stream = self.streams.entry(packet.at.stream).or_default();
        let decoded = decode(&packet.bytes, context(packet), &mut Strict);
        let Ok(Packet::Publish(publish)) = decoded else {
            stream.forget(packet.at.from);
            return;
        };
        let topic = match publish.properties.number(PropertyId::TOPIC_ALIAS) {
            Some(alias) => {
                let alias = u16::try_from(alias).unwrap_or_default();
                stream.server_aliases.resolve(publish.topic, alias)
            }
            None => Some(publish.topic),
        };
        let Some(topic) = topic.filter(|topic| !topic.is_empty() && is_first) else {
            return;
        };
        let topic = topic.to_owned();
        if self.settings.infers {
            self.infer(packet, &topic, publish.qos);
        }
        let rewrite = &self.settings.rewrite;
        let delivery = self.settings.is_verifying.then(|| {
            let qos = rewrite.qos(publish.qos);
            Box::new(Delivery::new(&rewrite.topic(&topic), qos, &publish))
        });
        self.delivered(packet.at.stream, delivery);
    }

    fn delivered(&mut self, stream: u64, delivery: Option<Box<Delivery>>) {
        let Some(Stream {
            live: Some(live),
            filters,
            ..
        }) = self.streams.get(&stream)
        else {
            return;
        };
        // Nobody knows why a client of which nothing is known gets what.
        if !live.is_made_up || !filters.is_empty() || self.settings.infers {
            self.found.deliveries += 1;
            self.answered(stream, Answer::Delivered(delivery));
        }
    }

    /// A client whose CONNECT was not captured, and which gets a message, has subscribed.
    fn infer(&mut self, packet: &CapturedPacket, topic: &str, qos: QoS) {
        let Some(stream) = self.streams.get(&packet.at.stream) else {
            return;
        };
        let is_made_up = match &stream.live {
            Some(live) => live.is_made_up,
            None => stream.held.is_none() && stream.captured_id.is_none(),
        };
        if !is_made_up || stream.is_over {
            return;
        }
        let is_known = stream
            .filters
            .iter()
            .any(|filter| topic::matches(filter, topic));
        if is_known {
            return;
        }
        let session = self.live(packet);
        let list = self.inferred.entry(session).or_default();
        let is_full = list.len() >= MAX_INFERRED;
        match list.iter_mut().find(|(known, _)| known == topic) {
            Some((_, known)) => *known = qos.max(*known),
            None if is_full => {}
            None => list.push((topic.to_owned(), qos)),
        }
    }

    fn turn(&mut self, turn: &Turn) {
        if self.settings.mode != Mode::Sessions {
            return;
        }
        let Some(stream) = self.streams.get_mut(&turn.at.stream) else {
            return;
        };
        if let Some(time) = turn.at.time {
            self.last_time = Some(time.nanos);
            stream.last_time = stream.last_time.max(self.last_time);
        }
        match turn.kind {
            TurnKind::Finished | TurnKind::Reset => {
                let leave = match turn.at.from {
                    Some(Side::Server) => Leave::ByServer(stream.farewell),
                    _ => Leave::Cut,
                };
                self.leave(turn.at.stream, leave);
            }
            TurnKind::Over => {
                self.leave(turn.at.stream, Leave::Unseen);
                self.streams.remove(&turn.at.stream);
            }
            _ => {}
        }
    }

    /// The connection ends.
    fn leave(&mut self, stream: u64, leave: Leave) {
        let Some(stream) = self.streams.get_mut(&stream) else {
            return;
        };
        stream.held = None;
        stream.is_over = true;
        if let Some(id) = stream.captured_id.take()
            && stream.persists
            && !stream.outstanding.is_empty()
            && self.kept.len() < MAX_KEPT
        {
            self.kept
                .insert(id, std::mem::take(&mut stream.outstanding));
        }
        stream.outstanding.clear();
        let Some(live) = stream.live.take() else {
            return;
        };
        match leave {
            Leave::Disconnect(..) => self.found.disconnects += 1,
            Leave::Cut => self.found.cuts += 1,
            Leave::ByServer(_) => self.found.server_ends += 1,
            Leave::Unseen => {}
        }
        self.out.push_back(Step {
            session: live.session,
            time: stream.last_time.max(self.last_time),
            action: Action::Leave(leave),
        });
    }

    /// Whoever is still there leaves.
    fn finish(&mut self) {
        let mut open: Vec<u64> = self.streams.keys().copied().collect();
        open.sort_unstable();
        for stream in open {
            self.leave(stream, Leave::Unseen);
        }
        self.sn_finish();
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

/// Whether the server may keep the session over the connection.
fn persists(connect: &Connect<'_>) -> bool {
    match connect.version {
        Version::V5 => connect
            .properties
            .number(PropertyId::SESSION_EXPIRY_INTERVAL)
            .is_some_and(|seconds| seconds > 0),
        Version::V31 | Version::V311 => !connect.clean_start,
    }
}

/// The properties as captured, but for an alias, which would mean something else to the target, or
/// nothing, and for what only servers may send (`[MQTT-3.3.4-6]`).
fn to_publish(captured: Properties<'_>) -> PropertiesBuf {
    let mut properties = PropertiesBuf::new();
    for property in captured {
        let is_of_connection =
            [PropertyId::TOPIC_ALIAS, PropertyId::SUBSCRIPTION_IDENTIFIER].contains(&property.id);
        if !is_of_connection {
            // It was in a list before, so it fits into one.
            let _ = properties.push(property.id, property.value);
        }
    }
    properties
}
