//! JSON lines of messages.
//!
//! The keys are those of MQTT where the field is the same thing: `packet_id` is the message id,
//! `keep_alive` the Duration of CONNECT, `clean_start` CleanSession, `reason_code` the return code,
//! `payload` the data. `qos` and `dup` stand in every message whose type uses those flags, and QoS
//! -1 is `-1`. The others have the standard's names: `length` (of the message, without an
//! encapsulation) with `length_hex`, `msg_type`, `topic_id`, `topic_id_type` (`normal`,
//! `predefined`, `short`), `gw_id`, `duration`, .... A short topic name is `topic` too.

use std::io::{self, Write};

use serde::ser::{Serialize, SerializeMap, Serializer};

use super::super::json::{Broken, Options, entry, place, text, write_line};
use super::Decoded;
use crate::mqtt::property::Value;
use crate::mqttsn::decode::Field;
use crate::mqttsn::rule::Violation;
use crate::mqttsn::{Flags, MessageType, ReturnCode, TopicIdType, VERSION};

/// Writes a message as one line.
///
/// # Errors
/// Those of `out`.
pub fn write(out: &mut impl Write, decoded: &Decoded<'_>, options: Options) -> io::Result<()> {
    write_line(out, &Message { decoded, options })
}

struct Message<'d, 'a> {
    decoded: &'d Decoded<'a>,
    options: Options,
}

impl<'a> Message<'_, 'a> {
    fn value(&self, field: Field) -> Option<Value<'a>> {
        let mut fields = self.decoded.record.fields.iter();
        fields.find(|r| r.field == field).map(|r| r.value)
    }

    fn bytes(&self, field: Field) -> Option<&'a [u8]> {
        self.value(field).and_then(Value::bytes)
    }

    fn number(&self, field: Field) -> Option<u32> {
        self.value(field).and_then(Value::number)
    }

    fn topic_id(&self) -> Option<u32> {
        let short = || match self.bytes(Field::ShortTopic) {
            Some(&[high, low]) => Some(u32::from(u16::from_be_bytes([high, low]))),
            _ => None,
        };
        self.number(Field::TopicId).or_else(short)
    }

    fn is_cut(&self) -> bool {
        self.decoded
            .header()
            .is_some_and(|(at, header)| at + header.len > self.decoded.bytes.len())
    }

    fn payload<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
        let Some(payload) = self.bytes(Field::Data) else {
            return Ok(());
        };
        text(map, "payload", "payload_hex", Some(payload))?;
        entry(map, "payload_len", Some(payload.len()))?;
        entry(map, "payload_truncated", self.is_cut().then_some(true))
    }
}

impl Serialize for Message<'_, '_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let decoded = self.decoded;
        let mut map = serializer.serialize_map(None)?;
        let map_ref = &mut map;
        place(map_ref, &decoded.place)?;
        entry(map_ref, "protocol", Some("mqtt-sn"))?;
        entry(map_ref, "version", Some(VERSION))?;
        entry(map_ref, "type", Some(decoded.name()))?;
        entry(map_ref, "msg_type", decoded.message_type().map(|t| t.0))?;
        if let Some(ctrl) = self.number(Field::Ctrl) {
            let node = self.bytes(Field::WirelessNodeId).unwrap_or_default();
            entry(map_ref, "forwarder", Some(Forwarder { ctrl, node }))?;
        }
        let flag = |mask| decoded.flags_used(mask);
        let is_will = self.value(Field::WillTopic).is_some();
        entry(map_ref, "dup", flag(Flags::DUP).map(Flags::dup))?;
        if !is_will {
            let qos = flag(Flags::QOS).map(Flags::qos_number);
            entry(map_ref, "qos", qos)?;
            entry(map_ref, "retain", flag(Flags::RETAIN).map(Flags::retain))?;
        }
        if let Some((at, header)) = decoded.header() {
            let bytes = decoded.bytes.get(at..at + header.header_len - 1);
            entry(map_ref, "length", Some(header.len))?;
            entry(map_ref, "length_hex", bytes.map(hex::encode))?;
        }
        entry(map_ref, "packet_id", self.number(Field::MsgId))?;
        text(map_ref, "topic", "topic_hex", self.topic())?;
        entry(map_ref, "topic_resolved", decoded.topic_resolved)?;
        let id_type = flag(Flags::TOPIC_ID_TYPE).map(Flags::topic_id_type);
        entry(map_ref, "topic_id", self.topic_id())?;
        entry(map_ref, "topic_id_type", id_type.map(TopicIdType::as_str))?;
        if let Some(filter) = self.bytes(Field::Filter) {
            let qos = flag(Flags::QOS).map(Flags::qos_number);
            entry(map_ref, "filters", Some([Filter { filter, qos }]))?;
        }
        if let Some(Value::Byte(code)) = self.value(Field::ReturnCode) {
            entry(map_ref, "reason_code", Some(code))?;
            entry(map_ref, "reason", ReturnCode(code).name())?;
        }
        text(
            map_ref,
            "client_id",
            "client_id_hex",
            self.bytes(Field::ClientId),
        )?;
        let clean = flag(Flags::CLEAN_SESSION).map(Flags::clean_session);
        entry(map_ref, "clean_start", clean)?;
        entry(map_ref, "keep_alive", self.number(Field::KeepAlive))?;
        entry(map_ref, "protocol_id", self.number(Field::ProtocolId))?;
        entry(map_ref, "will_flag", flag(Flags::WILL).map(Flags::will))?;
        let will = Will {
            flags: flag(Flags::RETAIN).filter(|_| is_will),
            topic: self.bytes(Field::WillTopic),
            payload: self.bytes(Field::WillMsg),
        };
        if is_will || will.payload.is_some() {
            entry(map_ref, "will", Some(will))?;
        }
        entry(map_ref, "gw_id", self.number(Field::GwId))?;
        let gw_add = self.bytes(Field::GwAdd).map(hex::encode);
        entry(map_ref, "gw_add_hex", gw_add)?;
        entry(map_ref, "duration", self.number(Field::Duration))?;
        entry(map_ref, "radius", self.number(Field::Radius))?;
        self.payload(map_ref)?;
        if !decoded.record.violations.is_empty() {
            let violations = decoded.record.violations.iter();
            let violations: Vec<_> = violations.map(Broken::from).collect();
            entry(map_ref, "violations", Some(violations))?;
        }
        let raw = self.options.raw.then(|| hex::encode(decoded.bytes));
        entry(map_ref, "raw_hex", raw)?;
        map.end()
    }
}

impl<'a> Message<'_, 'a> {
    /// The topic name as sent. That of a will is in `will`.
    fn topic(&self) -> Option<&'a [u8]> {
        let is_short = self.decoded.message_type() == Some(MessageType::PUBLISH);
        match is_short {
            true => self.bytes(Field::ShortTopic),
            false => self.bytes(Field::TopicName),
        }
    }
}

struct Forwarder<'a> {
    ctrl: u32,
    node: &'a [u8],
}

impl Serialize for Forwarder<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("ctrl", &self.ctrl)?;
        map.serialize_entry("wireless_node_id_hex", &hex::encode(self.node))?;
        map.end()
    }
}

struct Filter<'a> {
    filter: &'a [u8],
    /// `None` in UNSUBSCRIBE.
    qos: Option<i8>,
}

impl Serialize for Filter<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        text(&mut map, "filter", "filter_hex", Some(self.filter))?;
        entry(&mut map, "qos", self.qos)?;
        map.end()
    }
}

/// What WILLTOPIC, WILLMSG and their updates say of the will.
struct Will<'a> {
    flags: Option<Flags>,
    topic: Option<&'a [u8]>,
    payload: Option<&'a [u8]>,
}

impl Serialize for Will<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        text(&mut map, "topic", "topic_hex", self.topic)?;
        text(&mut map, "payload", "payload_hex", self.payload)?;
        entry(&mut map, "qos", self.flags.map(Flags::qos_number))?;
        entry(&mut map, "retain", self.flags.map(Flags::retain))?;
        map.end()
    }
}

impl From<&Violation> for Broken {
    fn from(violation: &Violation) -> Broken {
        Broken {
            ids: violation.citations().to_vec(),
            severity: violation.severity().as_str(),
            message: violation.to_string(),
            offset: violation.offset,
            len: violation.len,
        }
    }
}
