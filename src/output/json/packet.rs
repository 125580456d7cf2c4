//! The object of an MQTT packet, and of a message that `sub` received.

use std::io::{self, Write};

use super::super::finding::Finding;
use super::super::payload::Rules;
use super::super::time::Time;
use super::super::{Decoded, Origin};
use super::properties::PropertyList;
use super::{
    Hex, List, Nested, Object, Shown, Value as JsonValue, Word, payload_as_asked, place, violations,
};
use crate::mqtt::decode::{Field, FieldRecord, Recorder};
use crate::mqtt::frame::FixedHeader;
use crate::mqtt::packet::SubscriptionOptions;
use crate::mqtt::property::{Property, Value};
use crate::mqtt::{PacketType, Properties, ReasonCode, Version};

/// Optional keys of a packet's object.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// Show passwords instead of their length.
    pub show_secrets: bool,
    /// Add `raw_hex`, the whole packet.
    pub raw: bool,
}

/// Writes a decoded packet as one line.
///
/// # Errors
/// Those of `out`.
pub fn write_packet(
    out: &mut impl Write,
    decoded: &Decoded<'_>,
    options: Options,
) -> io::Result<()> {
    PacketLines::new(options).write(out, decoded)
}

/// Writes decoded packets, each as one line.
#[derive(Debug)]
pub struct PacketLines {
    options: Options,
    /// The last line.
    line: Vec<u8>,
    /// What the line begins with, and how long that is: packets of one segment share it.
    front: Option<(Origin, usize)>,
    /// How to read payloads.
    payloads: Rules,
}

impl PacketLines {
    /// Nothing is written yet.
    pub fn new(options: Options) -> PacketLines {
        PacketLines {
            options,
            line: Vec::new(),
            front: None,
            payloads: Rules::default(),
        }
    }

    /// Reads payloads as the user asked for.
    pub fn with_payloads(self, payloads: Rules) -> PacketLines {
        PacketLines { payloads, ..self }
    }

    /// Writes a packet.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write(&mut self, out: &mut impl Write, decoded: &Decoded<'_>) -> io::Result<()> {
        match self.front {
            Some((origin, len)) if origin == decoded.origin => self.line.truncate(len),
            _ => {
                self.line.clear();
                Object::write(&mut self.line, |object| origin(object, &decoded.origin));
                self.line.pop();
                self.front = Some((decoded.origin, self.line.len()));
            }
        }
        let mut packet = Packet::from_decoded(decoded, self.options);
        packet.payloads = Some(&self.payloads);
        Object::resume(&mut self.line, |object| packet.entries(object));
        self.line.push(b'\n');
        out.write_all(&self.line)
    }
}

/// A message as `sub --json` writes it: the keys of a PUBLISH that exist there.
#[derive(Debug, Clone, Copy)]
pub struct Message<'a> {
    /// Version of the connection.
    pub version: Version,
    /// DUP.
    pub dup: bool,
    /// Quality of Service, 0 to 2.
    pub qos: u8,
    /// RETAIN.
    pub retain: bool,
    /// Packet Identifier; `None` at QoS 0.
    pub packet_id: Option<u16>,
    /// Topic Name, a Topic Alias already resolved.
    pub topic: &'a str,
    /// 5.0 only.
    pub properties: Properties<'a>,
    /// Application Message.
    pub payload: &'a [u8],
    /// When it was received.
    pub time: Option<Time>,
}

/// Appends a message as one line.
pub fn push_message(out: &mut Vec<u8>, message: &Message<'_>) {
    Object::write(out, |object| {
        object.maybe("time", message.time.map(Shown));
        protocol(object, message.version);
        let packet = Packet {
            type_name: "PUBLISH",
            publish_flags: Some((message.dup, message.qos, message.retain)),
            packet_id: message.packet_id,
            topic: Some(message.topic.as_bytes()),
            properties: message.properties.iter().collect(),
            payload: Some(message.payload),
            ..Packet::default()
        };
        packet.entries(object);
    });
    out.push(b'\n');
}

/// The keys that packets of one segment share.
fn origin(object: &mut Object<'_>, origin: &Origin) {
    place(object, &origin.place);
    protocol(object, origin.version);
    object.entry("version_from", origin.version_from);
}

fn protocol(object: &mut Object<'_>, version: Version) {
    object.entry("protocol", "mqtt");
    object.entry("version", version.as_str());
}

/// The keys of a packet's object that depend on the packet alone.
#[derive(Debug, Default)]
struct Packet<'a> {
    type_name: &'static str,
    byte1: Option<u8>,
    publish_flags: Option<(bool, u8, bool)>,
    remaining_length: Option<(u32, &'a [u8])>,
    packet_id: Option<u16>,
    topic: Option<&'a [u8]>,
    topic_resolved: Option<&'a str>,
    filters: Vec<Filter<'a>>,
    reason: Option<(u8, Option<&'static str>)>,
    codes: Option<Vec<u8>>,
    session_present: Option<bool>,
    /// As large as all the rest, and rare.
    connect: Option<Box<Connect<'a>>>,
    properties: Vec<Property<'a>>,
    payload: Option<&'a [u8]>,
    /// How to read it.
    payloads: Option<&'a Rules>,
    /// Bytes of the payload that the packet announces and that are not there.
    payload_missing: u32,
    record: Option<&'a Recorder<'a>>,
    findings: &'a [Finding],
    raw: Option<&'a [u8]>,
}

#[derive(Debug)]
struct Filter<'a> {
    filter: &'a [u8],
    /// None in UNSUBSCRIBE.
    options: Option<u8>,
    version: Version,
}

#[derive(Debug, Default)]
struct Connect<'a> {
    client_id: Option<&'a [u8]>,
    flags: Option<u8>,
    keep_alive: Option<u16>,
    protocol_name: Option<&'a [u8]>,
    protocol_level: Option<u8>,
    username: Option<&'a [u8]>,
    password: Option<&'a [u8]>,
    show_password: bool,
    will_topic: Option<&'a [u8]>,
    will_payload: Option<&'a [u8]>,
    will_properties: Vec<Property<'a>>,
}

impl<'a> Packet<'a> {
    fn from_decoded(decoded: &Decoded<'a>, options: Options) -> Packet<'a> {
        let bytes = decoded.bytes;
        let version = decoded.origin.version;
        let byte1 = bytes.first().copied();
        let packet_type = PacketType::from_byte1(byte1.unwrap_or_default());
        let header = FixedHeader::parse(bytes).ok().flatten();
        let mut packet = Packet {
            type_name: packet_type.name(version),
            byte1,
            remaining_length: header.and_then(|h| Some((h.remaining_length, bytes.get(1..h.len)?))),
            topic_resolved: decoded.topic_resolved,
            payload_missing: header.map_or(0, |header| {
                let missing = header.packet_len().saturating_sub(bytes.len());
                u32::try_from(missing).unwrap_or(u32::MAX)
            }),
            record: Some(decoded.record),
            findings: decoded.findings,
            raw: options.raw.then_some(bytes),
            ..Packet::default()
        };
        if let (PacketType::PUBLISH, Some(byte1)) = (packet_type, byte1) {
            packet.publish_flags = Some((byte1 & 8 != 0, byte1 >> 1 & 3, byte1 & 1 != 0));
        }
        for record in &decoded.record.fields {
            packet.take(record, packet_type, version);
        }
        if let Some(connect) = &mut packet.connect {
            connect.show_password = options.show_secrets;
        }
        // 5.0 leaves the code out where it is 0 (3.4.2.1, 3.14.2.1, 3.15.2.1).
        let remaining_length = packet.remaining_length.map(|(value, _)| value);
        if version == Version::V5
            && remaining_length.is_some()
            && remaining_length == short_form(packet_type)
        {
            let code = ReasonCode::SUCCESS;
            packet.reason = Some((code.0, code.name(packet_type, version)));
        }
        packet
    }

    fn take(&mut self, record: &FieldRecord<'a>, packet_type: PacketType, version: Version) {
        match (record.field, record.value) {
            (Field::Property(id), value) => self.properties.push(Property { id, value }),
            (Field::PacketId, Value::U16(id)) => self.packet_id = Some(id),
            (Field::Topic, Value::Str(topic)) => self.topic = Some(topic),
            (Field::Payload, Value::Binary(payload)) => self.payload = Some(payload),
            (Field::ReasonCode, Value::Byte(code)) => {
                self.reason = Some((code, ReasonCode(code).name(packet_type, version)));
            }
            (Field::Code, Value::Byte(code)) => {
                self.codes.get_or_insert_default().push(code);
            }
            (Field::AckFlags, Value::Byte(flags)) if version != Version::V31 => {
                self.session_present = Some(flags & 1 != 0);
            }
            (Field::Filter, Value::Str(filter)) => self.filters.push(Filter {
                filter,
                options: None,
                version,
            }),
            (Field::SubscriptionOptions, Value::Byte(options)) => {
                if let Some(filter) = self.filters.last_mut() {
                    filter.options = Some(options);
                }
            }
            (field, value) if packet_type == PacketType::CONNECT => {
                self.connect.get_or_insert_default().take(field, value);
            }
            _ => {}
        }
    }
}

/// The Remaining Length with which a packet of 5.0 leaves its code out.
const fn short_form(packet_type: PacketType) -> Option<u32> {
    match packet_type {
        PacketType::PUBACK | PacketType::PUBREC | PacketType::PUBREL | PacketType::PUBCOMP => {
            Some(2)
        }
        PacketType::DISCONNECT | PacketType::AUTH => Some(0),
        _ => None,
    }
}

impl<'a> Connect<'a> {
    fn take(&mut self, field: Field, value: Value<'a>) {
        match (field, value) {
            (Field::ProtocolName, Value::Str(name)) => self.protocol_name = Some(name),
            (Field::ProtocolLevel, Value::Byte(level)) => self.protocol_level = Some(level),
            (Field::ConnectFlags, Value::Byte(flags)) => self.flags = Some(flags),
            (Field::KeepAlive, Value::U16(seconds)) => self.keep_alive = Some(seconds),
            (Field::ClientId, Value::Str(id)) => self.client_id = Some(id),
            (Field::WillTopic, Value::Str(topic)) => self.will_topic = Some(topic),
            (Field::WillPayload, Value::Binary(payload)) => self.will_payload = Some(payload),
            (Field::WillProperty(id), value) => self.will_properties.push(Property { id, value }),
            (Field::UserName, Value::Str(name)) => self.username = Some(name),
            (Field::Password, Value::Binary(password)) => self.password = Some(password),
            _ => {}
        }
    }

    fn entries(&self, object: &mut Object<'_>) {
        object.text("client_id", "client_id_hex", self.client_id);
        object.maybe("clean_start", self.flags.map(|flags| flags & 2 != 0));
        object.maybe("keep_alive", self.keep_alive);
        object.text("protocol_name", "protocol_name_hex", self.protocol_name);
        object.maybe("protocol_level", self.protocol_level);
        object.text("username", "username_hex", self.username);
        match self.password {
            Some(_) if self.show_password => {
                object.text("password", "password_hex", self.password);
            }
            Some(password) => object.entry("password_len", password.len()),
            None => {}
        }
        if self.will_topic.is_some() {
            object.entry("will", Nested(|will: &mut Object<'_>| self.will(will)));
        }
    }

    fn will(&self, object: &mut Object<'_>) {
        let flags = self.flags.unwrap_or_default();
        object.text("topic", "topic_hex", self.will_topic);
        object.text("payload", "payload_hex", self.will_payload);
        object.entry("qos", flags >> 3 & 3);
        object.entry("retain", flags & 0x20 != 0);
        if !self.will_properties.is_empty() {
            object.entry("properties", PropertyList(&self.will_properties));
        }
    }
}

impl Packet<'_> {
    fn entries(&self, object: &mut Object<'_>) {
        object.entry("type", Word(self.type_name));
        object.maybe("byte1", self.byte1);
        if let Some((dup, qos, retain)) = self.publish_flags {
            object.entry("dup", dup);
            object.entry("qos", qos);
            object.entry("retain", retain);
        }
        if let Some((value, bytes)) = self.remaining_length {
            object.entry("remaining_length", value);
            object.entry("remaining_length_hex", Hex(bytes));
        }
        object.maybe("packet_id", self.packet_id);
        object.text("topic", "topic_hex", self.topic);
        object.maybe("topic_resolved", self.topic_resolved);
        if !self.filters.is_empty() {
            object.entry("filters", List(&self.filters));
        }
        if let Some((code, name)) = self.reason {
            object.entry("reason_code", code);
            object.maybe("reason", name.map(Word));
        }
        if let Some(codes) = &self.codes {
            object.entry("reason_codes", List(codes.iter().copied()));
        }
        object.maybe("session_present", self.session_present);
        if let Some(connect) = &self.connect {
            connect.entries(object);
        }
        if !self.properties.is_empty() {
            object.entry("properties", PropertyList(&self.properties));
        }
        if let Some(payload) = self.payload {
            object.text("payload", "payload_hex", Some(payload));
            object.entry(
                "payload_len",
                payload.len() as u64 + u64::from(self.payload_missing),
            );
            if self.payload_missing > 0 {
                object.entry("payload_truncated", true);
            }
            if let Some(rules) = self.payloads {
                let own = self.topic.and_then(|topic| std::str::from_utf8(topic).ok());
                payload_as_asked(object, payload, self.topic_resolved.or(own), rules);
            }
        }
        if let Some(record) = self.record {
            violations(object, &record.violations, self.findings);
        }
        object.maybe("raw_hex", self.raw.map(Hex));
    }
}

impl JsonValue for &Filter<'_> {
    fn write(self, out: &mut Vec<u8>) {
        Object::write(out, |object| {
            object.text("filter", "filter_hex", Some(self.filter));
            let Some(byte) = self.options else { return };
            // As sent, even where the QoS is 3.
            object.entry("qos", byte & 0b11);
            if self.version == Version::V5 {
                let options = SubscriptionOptions::from_byte(byte & !0b11).unwrap_or_default();
                object.entry("no_local", options.no_local);
                object.entry("retain_as_published", options.retain_as_published);
                object.entry("retain_handling", options.retain_handling);
            }
        });
    }
}
