//! The object of an MQTT packet, and of a message that `sub` received.

use std::io::{self, Write};

use serde::ser::{Serialize, SerializeMap, Serializer};

use super::super::time::Time;
use super::super::{Decoded, Origin};
use super::properties::PropertyList;
use super::{Broken, Shown, entry, place, text, write_line};
use crate::mqtt::decode::{Field, FieldRecord};
use crate::mqtt::frame::FixedHeader;
use crate::mqtt::packet::SubscriptionOptions;
use crate::mqtt::property::{Property, Value};
use crate::mqtt::rule::Violation;
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
    write_line(out, &Packet::from_decoded(decoded, options))
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

impl Serialize for Message<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let packet = Packet {
            time: self.time,
            version: Some(self.version),
            type_name: "PUBLISH",
            publish_flags: Some((self.dup, self.qos, self.retain)),
            packet_id: self.packet_id,
            topic: Some(self.topic.as_bytes()),
            properties: self.properties.iter().collect(),
            payload: Some(self.payload),
            ..Packet::default()
        };
        packet.serialize(serializer)
    }
}

/// All keys of a packet's object that depend on the packet.
#[derive(Debug, Default)]
struct Packet<'a> {
    origin: Option<Origin>,
    time: Option<Time>,
    version: Option<Version>,
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
    connect: Option<Connect<'a>>,
    properties: Vec<Property<'a>>,
    payload: Option<&'a [u8]>,
    /// Bytes of the payload that the packet announces and that are not there.
    payload_missing: usize,
    violations: &'a [Violation],
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
            origin: Some(decoded.origin),
            version: Some(version),
            type_name: packet_type.name(version),
            byte1,
            remaining_length: header.and_then(|h| Some((h.remaining_length, bytes.get(1..h.len)?))),
            topic_resolved: decoded.topic_resolved,
            payload_missing: header.map_or(0, |h| h.packet_len().saturating_sub(bytes.len())),
            violations: &decoded.record.violations,
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

    fn entries<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
        text(map, "client_id", "client_id_hex", self.client_id)?;
        entry(map, "clean_start", self.flags.map(|flags| flags & 2 != 0))?;
        entry(map, "keep_alive", self.keep_alive)?;
        text(
            map,
            "protocol_name",
            "protocol_name_hex",
            self.protocol_name,
        )?;
        entry(map, "protocol_level", self.protocol_level)?;
        text(map, "username", "username_hex", self.username)?;
        match self.password {
            Some(password) if self.show_password => {
                text(map, "password", "password_hex", Some(password))?;
            }
            Some(password) => map.serialize_entry("password_len", &password.len())?,
            None => {}
        }
        if self.will_topic.is_some() {
            map.serialize_entry("will", &Will(self))?;
        }
        Ok(())
    }
}

impl Serialize for Packet<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        let map_ref = &mut map;
        match &self.origin {
            Some(origin) => place(map_ref, &origin.place)?,
            None => entry(map_ref, "time", self.time.map(Shown))?,
        }
        entry(map_ref, "protocol", Some("mqtt"))?;
        entry(map_ref, "version", self.version.map(Version::as_str))?;
        entry(map_ref, "version_from", self.origin.map(|o| o.version_from))?;
        entry(map_ref, "type", Some(self.type_name))?;
        entry(map_ref, "byte1", self.byte1)?;
        if let Some((dup, qos, retain)) = self.publish_flags {
            entry(map_ref, "dup", Some(dup))?;
            entry(map_ref, "qos", Some(qos))?;
            entry(map_ref, "retain", Some(retain))?;
        }
        if let Some((value, bytes)) = self.remaining_length {
            entry(map_ref, "remaining_length", Some(value))?;
            entry(map_ref, "remaining_length_hex", Some(hex::encode(bytes)))?;
        }
        entry(map_ref, "packet_id", self.packet_id)?;
        text(map_ref, "topic", "topic_hex", self.topic)?;
        entry(map_ref, "topic_resolved", self.topic_resolved)?;
        if !self.filters.is_empty() {
            entry(map_ref, "filters", Some(&self.filters))?;
        }
        if let Some((code, name)) = self.reason {
            entry(map_ref, "reason_code", Some(code))?;
            entry(map_ref, "reason", name)?;
        }
        entry(map_ref, "reason_codes", self.codes.as_ref())?;
        entry(map_ref, "session_present", self.session_present)?;
        if let Some(connect) = &self.connect {
            connect.entries(map_ref)?;
        }
        if !self.properties.is_empty() {
            entry(map_ref, "properties", Some(PropertyList(&self.properties)))?;
        }
        if let Some(payload) = self.payload {
            text(map_ref, "payload", "payload_hex", Some(payload))?;
            let len = payload.len() + self.payload_missing;
            entry(map_ref, "payload_len", Some(len))?;
            if self.payload_missing > 0 {
                entry(map_ref, "payload_truncated", Some(true))?;
            }
        }
        if !self.violations.is_empty() {
            let violations: Vec<_> = self.violations.iter().map(Broken::from).collect();
            entry(map_ref, "violations", Some(violations))?;
        }
        entry(map_ref, "raw_hex", self.raw.map(hex::encode))?;
        map.end()
    }
}

impl Serialize for Filter<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        text(&mut map, "filter", "filter_hex", Some(self.filter))?;
        if let Some(byte) = self.options {
            // As sent, even where the QoS is 3.
            map.serialize_entry("qos", &(byte & 0b11))?;
            if self.version == Version::V5 {
                let options = SubscriptionOptions::from_byte(byte & !0b11).unwrap_or_default();
                map.serialize_entry("no_local", &options.no_local)?;
                map.serialize_entry("retain_as_published", &options.retain_as_published)?;
                map.serialize_entry("retain_handling", &options.retain_handling)?;
            }
        }
        map.end()
    }
}

struct Will<'c, 'a>(&'c Connect<'a>);

impl Serialize for Will<'_, '_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let connect = self.0;
        let flags = connect.flags.unwrap_or_default();
        let mut map = serializer.serialize_map(None)?;
        text(&mut map, "topic", "topic_hex", connect.will_topic)?;
        text(&mut map, "payload", "payload_hex", connect.will_payload)?;
        map.serialize_entry("qos", &(flags >> 3 & 3))?;
        map.serialize_entry("retain", &(flags & 0x20 != 0))?;
        if !connect.will_properties.is_empty() {
            map.serialize_entry("properties", &PropertyList(&connect.will_properties))?;
        }
        map.end()
    }
}
