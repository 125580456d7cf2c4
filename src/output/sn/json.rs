//! JSON lines of messages.
//!
//! The keys are those of MQTT where the field is the same thing: `packet_id` is the message id,
//! `keep_alive` the Duration of CONNECT, `clean_start` CleanSession, `reason_code` the return code,
//! `payload` the data. `qos` and `dup` stand in every message whose type uses those flags, and QoS
//! -1 is `-1`. The others have the standard's names: `length` (of the message, without an
//! encapsulation) with `length_hex`, `msg_type`, `topic_id`, `topic_id_type` (`normal`,
//! `predefined`, `short`), `gw_id`, `duration`, .... A short topic name is `topic` too.

use std::io::{self, Write};

use super::super::json::{
    Broken, Hex, List, Nested, Object, Options, payload_as_asked, place, violations, write_object,
};
use super::super::payload::Rules;
use super::Decoded;
use crate::mqtt::property::Value;
use crate::mqttsn::decode::Field;
use crate::mqttsn::rule::Violation;
use crate::mqttsn::{Flags, MessageType, ReturnCode, TopicIdType, VERSION};

/// Writes a message as one line.
///
/// # Errors
/// Those of `out`.
pub fn write(
    out: &mut impl Write,
    decoded: &Decoded<'_>,
    options: Options,
    payloads: &Rules,
) -> io::Result<()> {
    let message = Message {
        decoded,
        options,
        payloads,
    };
    write_object(out, |object| message.entries(object))
}

struct Message<'d, 'a> {
    decoded: &'d Decoded<'a>,
    options: Options,
    payloads: &'d Rules,
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

    fn entries(&self, object: &mut Object<'_>) {
        let decoded = self.decoded;
        place(object, &decoded.place);
        object.entry("protocol", "mqtt-sn");
        object.entry("version", VERSION);
        object.entry("type", decoded.name());
        object.maybe("msg_type", decoded.message_type().map(|t| t.0));
        if let Some(ctrl) = self.number(Field::Ctrl) {
            let node = self.bytes(Field::WirelessNodeId).unwrap_or_default();
            let forwarder = |object: &mut Object<'_>| {
                object.entry("ctrl", ctrl);
                object.entry("wireless_node_id_hex", Hex(node));
            };
            object.entry("forwarder", Nested(forwarder));
        }
        let flag = |mask| decoded.flags_used(mask);
        let is_will = self.value(Field::WillTopic).is_some();
        let qos = flag(Flags::QOS).map(Flags::qos_number);
        object.maybe("dup", flag(Flags::DUP).map(Flags::dup));
        if !is_will {
            object.maybe("qos", qos);
            object.maybe("retain", flag(Flags::RETAIN).map(Flags::retain));
        }
        if let Some((at, header)) = decoded.header() {
            let bytes = decoded.bytes.get(at..at + header.header_len - 1);
            object.entry("length", header.len);
            object.maybe("length_hex", bytes.map(Hex));
        }
        object.maybe("packet_id", self.number(Field::MsgId));
        object.text("topic", "topic_hex", self.topic());
        object.maybe("topic_resolved", decoded.topic_resolved);
        let id_type = flag(Flags::TOPIC_ID_TYPE).map(Flags::topic_id_type);
        object.maybe("topic_id", self.topic_id());
        object.maybe("topic_id_type", id_type.map(TopicIdType::as_str));
        if let Some(filter) = self.bytes(Field::Filter) {
            let only = |object: &mut Object<'_>| {
                object.text("filter", "filter_hex", Some(filter));
                object.maybe("qos", qos);
            };
            object.entry("filters", List([Nested(only)]));
        }
        if let Some(Value::Byte(code)) = self.value(Field::ReturnCode) {
            object.entry("reason_code", code);
            object.maybe("reason", ReturnCode(code).name());
        }
        object.text("client_id", "client_id_hex", self.bytes(Field::ClientId));
        let clean = flag(Flags::CLEAN_SESSION).map(Flags::clean_session);
        object.maybe("clean_start", clean);
        object.maybe("keep_alive", self.number(Field::KeepAlive));
        object.maybe("protocol_id", self.number(Field::ProtocolId));
        object.maybe("will_flag", flag(Flags::WILL).map(Flags::will));
        self.will(object);
        object.maybe("gw_id", self.number(Field::GwId));
        object.maybe("gw_add_hex", self.bytes(Field::GwAdd).map(Hex));
        object.maybe("duration", self.number(Field::Duration));
        object.maybe("radius", self.number(Field::Radius));
        if let Some(payload) = self.bytes(Field::Data) {
            object.text("payload", "payload_hex", Some(payload));
            object.entry("payload_len", payload.len());
            object.maybe("payload_truncated", self.is_cut().then_some(true));
            payload_as_asked(object, payload, decoded.topic_resolved, self.payloads);
        }
        violations(object, &decoded.record.violations, decoded.findings);
        object.maybe("raw_hex", self.options.raw.then_some(Hex(decoded.bytes)));
    }

    /// What WILLTOPIC, WILLMSG and their updates say of the will.
    fn will(&self, object: &mut Object<'_>) {
        let topic = self.bytes(Field::WillTopic);
        let payload = self.bytes(Field::WillMsg);
        if topic.is_none() && payload.is_none() {
            return;
        }
        let flags = self.decoded.flags_used(Flags::RETAIN);
        let flags = flags.filter(|_| topic.is_some());
        let will = |object: &mut Object<'_>| {
            object.text("topic", "topic_hex", topic);
            object.text("payload", "payload_hex", payload);
            object.maybe("qos", flags.map(Flags::qos_number));
            object.maybe("retain", flags.map(Flags::retain));
        };
        object.entry("will", Nested(will));
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

impl From<&Violation> for Broken {
    fn from(violation: &Violation) -> Broken {
        Broken {
            ids: violation.citations().to_vec(),
            severity: violation.severity().as_str(),
            message: violation.to_string(),
            bytes: Some((violation.offset, violation.len)),
            frames: Vec::new(),
        }
    }
}
