//! `--stats`: counts and delays while packets pass by. Memory is bounded: what is not kept of many
//! connections, topics and open requests is counted as more of them.

mod delays;

use std::collections::HashMap;

use rustc_hash::FxHashMap;

use crate::mqtt::decode::Field;
use crate::mqtt::property::Value;
use crate::mqtt::{PacketType, PropertyId, ReasonCode, Side, Version};
use crate::output::exchange::Step;
use crate::output::stats::{Connection, Report, Topic};
use crate::output::time::Time;
use crate::output::{Decoded, sn};
use delays::{Delays, Messages, Open, Stream};

/// Connections that have a row.
const MAX_CONNECTIONS: usize = 10_000;
/// Topics that have a row.
const MAX_TOPICS: usize = 10_000;
/// Bytes of their names.
const MAX_TOPIC_BYTES: usize = 8 << 20;

/// Everything that is counted.
#[derive(Debug, Default)]
pub(super) struct Stats {
    connections: FxHashMap<u64, Talk>,
    more_connections: u64,
    /// The connection that was counted among them last.
    last_unknown: Option<u64>,
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

#[derive(Debug, Default)]
struct Talk {
    row: Connection,
    first: Option<Time>,
    last: Option<Time>,
}

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
            if let Some(talk) = self.connections.get_mut(&number) {
                end(&mut talk.row, packet_type, version, step.from, seen.code);
            }
            return;
        }
        self.moment(place.time);
        self.count(decoded, number, from, packet_type, &seen);
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
        if !is_wanted {
            return;
        }
        self.moment(place.time);
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

    fn count(
        &mut self,
        decoded: &Decoded<'_>,
        stream: u64,
        from: Option<Side>,
        packet_type: PacketType,
        seen: &Seen<'_>,
    ) {
        if !self.connections.contains_key(&stream) && self.connections.len() >= MAX_CONNECTIONS {
            if self.last_unknown.replace(stream) != Some(stream) {
                self.more_connections += 1;
            }
            return;
        }
        let place = &decoded.origin.place;
        let talk = self.connections.entry(stream).or_default();
        let row = &mut talk.row;
        row.stream = place.stream;
        let version = decoded.origin.version;
        if row.version != version.as_str() {
            row.version = version.as_str().to_owned();
        }
        if row.client_id.as_deref() != decoded.client {
            row.client_id = decoded.client.map(str::to_owned);
        }
        if let (None, Some((src, dst))) = (&row.client, place.endpoints) {
            let (client, server) = match from {
                Some(Side::Client) | None => (src, dst),
                Some(Side::Server) => (dst, src),
            };
            row.client = Some(client.to_string());
            row.server = Some(server.to_string());
        }
        row.keep_alive = seen.keep_alive.or(row.keep_alive);
        let bytes = decoded.bytes.len() as u64;
        let (packets, sum) = match from {
            Some(Side::Client) => (&mut row.packets_from_client, &mut row.bytes_from_client),
            Some(Side::Server) => (&mut row.packets_from_server, &mut row.bytes_from_server),
            None => (&mut row.packets_from_unknown, &mut row.bytes_from_unknown),
        };
        *packets += 1;
        *sum += bytes;
        if let Some(now) = place.time {
            talk.first.get_or_insert(now);
            talk.last = Some(now);
        }
        end(
            row,
            packet_type,
            version,
            from.unwrap_or(Side::Client),
            seen.code,
        );
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
        let seconds = |first: Option<Time>, last: Option<Time>| {
            let (first, last) = (first?, last?);
            Some(last.since(first) as f64 / 1e9)
        };
        let all = seconds(self.first, self.last);
        let mut connections: Vec<Connection> = self
            .connections
            .into_values()
            .map(|talk| Connection {
                seconds: seconds(talk.first, talk.last),
                ..talk.row
            })
            .collect();
        connections.sort_by_key(|row| row.stream);
        let (mut unacked, mut unanswered) = (0, 0);
        for ((is_udp, stream), exchange) in self.open.left() {
            if exchange.request != "PUBLISH" {
                unanswered += 1;
                continue;
            }
            unacked += 1;
            let is_it = |row: &Connection| row.stream.unwrap_or_default();
            if !is_udp
                && let Ok(at) = connections.binary_search_by_key(stream, is_it)
                && let Some(row) = connections.get_mut(at)
            {
                row.unacked += 1;
            }
        }
        for row in &mut connections {
            if row.end.is_empty() {
                row.end = "no DISCONNECT".into();
            }
        }
        let mut topics: Vec<Topic> = self.topics.into_values().collect();
        topics.sort_by(|a, b| {
            let messages = |of: &Topic| of.published + of.delivered + of.unknown;
            messages(b)
                .cmp(&messages(a))
                .then_with(|| a.topic.cmp(&b.topic))
        });
        for topic in &mut topics {
            let rate = all.filter(|seconds| *seconds > 0.0);
            topic.published_per_second = rate.map(|seconds| topic.published as f64 / seconds);
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

/// Takes note of what ends a connection, or begins another one.
fn end(
    row: &mut Connection,
    packet_type: PacketType,
    version: Version,
    from: Side,
    code: Option<u8>,
) {
    match packet_type {
        PacketType::DISCONNECT => {
            let code = ReasonCode(code.unwrap_or_default());
            row.end = format!("DISCONNECT from the {from}");
            if code != ReasonCode::SUCCESS {
                let name = code.name(packet_type, version).unwrap_or("not defined");
                row.end.push_str(&format!(", 0x{:02x} {name}", code.0));
            }
        }
        PacketType::CONNACK if code.is_some_and(|code| code > 0) => {
            let code = ReasonCode(code.unwrap_or_default());
            let name = code.name(packet_type, version).unwrap_or("not defined");
            row.end = format!("refused, 0x{:02x} {name}", code.0);
        }
        PacketType::CONNECT => row.end.clear(),
        _ => {}
    }
}
