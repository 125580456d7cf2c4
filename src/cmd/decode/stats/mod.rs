//! `--stats`: counts and delays while packets pass by. Memory is bounded: what is not kept of many
//! connections, topics and open requests is counted as more of them.

mod delays;
mod talk;

use std::collections::HashMap;

use rustc_hash::FxHashMap;

use crate::capture::{Turn, TurnKind};
use crate::mqtt::decode::Field;
use crate::mqtt::property::Value;
use crate::mqtt::{PacketType, PropertyId, Side};
use crate::mqttsn::{self, MessageType};
use crate::output::exchange::Step;
use crate::output::stats::{Connection, Report, Topic};
use crate::output::time::Time;
use crate::output::{Decoded, sn};
use delays::{Delays, Messages, Open, Stream};
use talk::{Talk, end, end_message, rate, seconds};

/// Connections that have a row.
const MAX_CONNECTIONS: usize = 10_000;
/// Topics that have a row.
const MAX_TOPICS: usize = 10_000;
/// Bytes of their names.
const MAX_TOPIC_BYTES: usize = 8 << 20;

/// Everything that is counted.
#[derive(Debug, Default)]
pub(super) struct Stats {
    connections: FxHashMap<Key, Talk>,
    more_connections: u64,
    /// The connection that was counted among them last.
    last_unknown: Option<Key>,
    topics: HashMap<String, Topic>,
    topic_bytes: usize,
    more_messages: u64,
    delays: Delays,
    open: Open,
    messages: Messages,
    first: Option<Time>,
    last: Option<Time>,
    dup: u64,
    repeated: u64,
}

/// A connection; of MQTT-SN one client of several may be a node behind a forwarder.
type Key = (Stream, Vec<u8>);

/// What of a packet counts.
#[derive(Debug, Default)]
struct Seen<'a> {
    code: Option<u8>,
    topic: Option<&'a str>,
    payload: &'a [u8],
    keep_alive: Option<u32>,
}

impl<'a> Seen<'a> {
    fn of(decoded: &Decoded<'a>) -> Seen<'a> {
        let mut seen = Seen::default();
        for record in &decoded.record.fields {
            match (record.field, record.value) {
                (Field::ReasonCode, Value::Byte(code)) => seen.code = Some(code),
                (Field::Topic, Value::Str(topic)) => {
                    let own = std::str::from_utf8(topic).ok();
                    seen.topic = decoded.topic_resolved.or(own);
                }
                (Field::Payload, Value::Binary(payload)) => seen.payload = payload,
                (Field::KeepAlive, Value::U16(seconds)) => {
                    seen.keep_alive = Some(u32::from(seconds));
                }
                (Field::Property(PropertyId::SERVER_KEEP_ALIVE), value) => {
                    seen.keep_alive = value.number();
                }
                _ => {}
            }
        }
        seen
    }
}

/// The node behind a forwarder that a message is of; empty if there is none.
fn node_of(decoded: &sn::Decoded<'_>) -> Vec<u8> {
    let mut fields = decoded.record.fields.iter();
    let node = fields.find(|record| record.field == mqttsn::decode::Field::WirelessNodeId);
    node.and_then(|record| record.value.bytes())
        .map_or(Vec::new(), <[u8]>::to_vec)
}

impl Stats {
    /// Counts a packet. Of one that was not asked for, only that it answers one that was, and that
    /// it ends the connection.
    pub(super) fn packet(&mut self, decoded: &Decoded<'_>, is_wanted: bool) {
        let byte1 = decoded.bytes.first().copied().unwrap_or_default();
        let packet_type = PacketType::from_byte1(byte1);
        let place = &decoded.origin.place;
        let version = decoded.origin.version;
        let number = place.stream.unwrap_or_default();
        let from = place.from.or_else(|| packet_type.only_sender(version));
        let step = Step::of_packet(decoded);
        self.answer((false, number), step, from, place.time);
        let seen = Seen::of(decoded);
        if !is_wanted {
            if let Some(talk) = self.connections.get_mut(&((false, number), Vec::new())) {
                end(&mut talk.row, packet_type, version, step.from, seen.code);
            }
            return;
        }
        self.moment(place.time);
        self.count_packet(decoded, number, from, packet_type, &seen);
        if packet_type == PacketType::PUBLISH {
            // At QoS 0 nothing is sent again, whatever the bit says.
            self.dup += u64::from(byte1 & 8 != 0 && matches!(step.qos, 1 | 2));
            self.message_of(seen.topic, seen.payload, from, byte1 & 1 != 0, place.time);
        }
        self.repeated += u64::from(self.open.request((false, number), step, place.time));
    }

    /// Counts a message of MQTT-SN in the same way: its topic, and how long answers took.
    pub(super) fn message(&mut self, decoded: &sn::Decoded<'_>, is_wanted: bool) {
        let place = &decoded.place;
        let stream = (true, place.stream.unwrap_or_default());
        let step = Step::of_message(decoded);
        self.answer(stream, step, place.from, place.time);
        let key = (stream, node_of(decoded));
        if !is_wanted {
            if let Some(talk) = self.connections.get_mut(&key) {
                end_message(&mut talk.row, decoded);
            }
            return;
        }
        self.moment(place.time);
        self.count_message(decoded, key);
        if let Some(publish) = decoded.publish() {
            self.dup += u64::from(publish.dup && matches!(step.qos, 1 | 2));
            let sn::Publish { topic, data, .. } = publish;
            self.message_of(topic, data, place.from, publish.retain, place.time);
        }
        self.repeated += u64::from(self.open.request(stream, step, place.time));
    }

    /// Takes what may answer a request. Where nobody says who sent it, either side may have.
    fn answer(&mut self, stream: Stream, step: Step, from: Option<Side>, now: Option<Time>) {
        let other = from.is_none().then_some(step.from_other());
        for step in [Some(step), other].into_iter().flatten() {
            self.open.answer(stream, step, now, &mut self.delays);
        }
    }

    fn moment(&mut self, now: Option<Time>) {
        if let Some(now) = now {
            self.first.get_or_insert(now);
            self.last = Some(now);
        }
    }

    /// Takes note of how a connection ends; what its packets say of that counts more.
    pub(super) fn turn(&mut self, turn: &Turn) {
        let is_reset = match turn.kind {
            TurnKind::Finished => false,
            TurnKind::Reset => true,
            _ => return,
        };
        let key = ((false, turn.at.stream), Vec::new());
        if let Some(talk) = self.connections.get_mut(&key) {
            talk.closed.get_or_insert((turn.at.from, is_reset));
        }
    }

    /// The row of a connection; `None` if there are too many.
    fn talk(&mut self, key: Key) -> Option<&mut Talk> {
        if !self.connections.contains_key(&key) && self.connections.len() >= MAX_CONNECTIONS {
            if self.last_unknown.as_ref() != Some(&key) {
                self.last_unknown = Some(key);
                self.more_connections += 1;
            }
            return None;
        }
        Some(self.connections.entry(key).or_default())
    }

    fn count_packet(
        &mut self,
        decoded: &Decoded<'_>,
        stream: u64,
        from: Option<Side>,
        packet_type: PacketType,
        seen: &Seen<'_>,
    ) {
        let Some(talk) = self.talk(((false, stream), Vec::new())) else {
            return;
        };
        let version = decoded.origin.version;
        talk.count(
            &decoded.origin.place,
            from,
            decoded.bytes.len(),
            version.as_str(),
            decoded.client,
        );
        let row = &mut talk.row;
        row.protocol = "mqtt";
        row.keep_alive = seen.keep_alive.or(row.keep_alive);
        end(
            row,
            packet_type,
            version,
            from.unwrap_or(Side::Client),
            seen.code,
        );
    }

    fn count_message(&mut self, decoded: &sn::Decoded<'_>, key: Key) {
        // Gateways say to all, and clients ask all, who is there.
        if let Some(MessageType::ADVERTISE | MessageType::SEARCHGW | MessageType::GWINFO) =
            decoded.message_type()
        {
            return;
        }
        let Some(talk) = self.talk(key) else { return };
        let (place, len) = (&decoded.place, decoded.bytes.len());
        talk.count(place, place.from, len, mqttsn::VERSION, decoded.client);
        talk.row.protocol = "mqtt-sn";
        for record in &decoded.record.fields {
            if let (mqttsn::decode::Field::KeepAlive, Value::U16(seconds)) =
                (record.field, record.value)
            {
                talk.row.keep_alive = Some(u32::from(seconds));
            }
        }
        end_message(&mut talk.row, decoded);
    }

    fn message_of(
        &mut self,
        topic: Option<&str>,
        payload: &[u8],
        from: Option<Side>,
        retain: bool,
        now: Option<Time>,
    ) {
        let Some(topic) = topic.filter(|topic| !topic.is_empty()) else {
            self.more_messages += 1;
            return;
        };
        if !self.topics.contains_key(topic) {
            self.topic_bytes += topic.len();
            if self.topics.len() < MAX_TOPICS && self.topic_bytes < MAX_TOPIC_BYTES {
                let row = Topic {
                    topic: topic.to_owned(),
                    ..Topic::default()
                };
                self.topics.insert(topic.to_owned(), row);
            }
        }
        let Some(row) = self.topics.get_mut(topic) else {
            self.more_messages += 1;
            return;
        };
        row.payload_bytes += payload.len() as u64;
        match from {
            Some(Side::Client) => row.published += 1,
            Some(Side::Server) => row.delivered += 1,
            None => row.unknown += 1,
        }
        let Some(now) = now else { return };
        match from {
            Some(Side::Client) => self.messages.published(topic, payload, now),
            // One that was kept for the subscriber says nothing about the way.
            Some(Side::Server) if retain => {}
            None => {}
            Some(Side::Server) => {
                let sent = self.messages.sent(topic, payload, now);
                if let Some(sent) = sent {
                    self.delays.delivered(now.since(sent));
                }
            }
        }
    }

    /// The numbers at the end.
    pub(super) fn report(self) -> Report {
        let all = seconds(self.first, self.last);
        let mut rows: Vec<(Key, Connection)> = self
            .connections
            .into_iter()
            .map(|(key, talk)| (key, talk.finish()))
            .collect();
        rows.sort_by(|(a, _), (b, _)| a.cmp(b));
        let (mut unacked, mut unanswered) = (0, 0);
        for (stream, exchange) in self.open.left() {
            if exchange.request != "PUBLISH" {
                unanswered += 1;
                continue;
            }
            unacked += 1;
            // Of several nodes behind a forwarder nobody knows here which one it is.
            let from = rows.partition_point(|((of, _), _)| of < stream);
            let to = rows.partition_point(|((of, _), _)| of <= stream);
            if let Some([(_, row)]) = rows.get_mut(from..to) {
                row.unacked += 1;
            }
        }
        let connections = rows.into_iter().map(|(_, row)| row).collect();
        let mut topics: Vec<Topic> = self.topics.into_values().collect();
        topics.sort_by(|a, b| {
            let messages = |of: &Topic| of.published + of.delivered + of.unknown;
            messages(b)
                .cmp(&messages(a))
                .then_with(|| a.topic.cmp(&b.topic))
        });
        for topic in &mut topics {
            topic.published_per_second = rate(topic.published, all);
        }
        Report {
            record: "stats",
            seconds: all,
            connections,
            more_connections: self.more_connections,
            topics,
            more_messages: self.more_messages,
            delays: self.delays.report(),
            dup: self.dup,
            repeated: self.repeated,
            unacked,
            unanswered,
        }
    }
}
