//! One line per message.

use std::io::{self, Write};

use super::super::text::{Hex, Safe};
use super::super::{colour, line};
use super::{Decoded, family};
use crate::mqtt::property::Value;
use crate::mqttsn::decode::Field;
use crate::mqttsn::{Flags, MessageType, ReturnCode, TopicIdType};

/// Writes a message as one line: frame, time, who, type, and what matters in it.
///
/// # Errors
/// Those of `out`.
pub fn write(out: &mut impl Write, decoded: &Decoded<'_>) -> io::Result<()> {
    let name = decoded.name();
    let message_type = decoded.message_type().unwrap_or(MessageType(0xff));
    let mut rest = summary(decoded, message_type);
    let violations = decoded.record.violations.iter();
    if let Some(worst) = violations.max_by_key(|violation| violation.severity()) {
        let severity = colour::severity(worst.severity());
        rest.push_str(&format!("  [{severity}: {worst}]"));
    }
    let name = (name, colour::packet_type(name, family(message_type)));
    line::write_columns(out, &decoded.place, name, &rest)
}

fn summary(decoded: &Decoded<'_>, message_type: MessageType) -> String {
    let mut words: Vec<String> = Vec::new();
    for record in &decoded.record.fields {
        match (record.field, record.value) {
            (Field::WirelessNodeId, Value::Binary(node)) => {
                words.push(format!("via-forwarder={}", Hex(node)));
            }
            (Field::Flags, Value::Byte(flags)) => {
                flag_words(&mut words, Flags(flags), message_type)
            }
            (Field::ProtocolId, _) => words.push("MQTT-SN 1.2".into()),
            (Field::ClientId, Value::Str(id)) => words.push(format!("id={}", line::text(id))),
            (Field::KeepAlive, Value::U16(seconds)) => words.push(format!("keep-alive={seconds}s")),
            (Field::MsgId, Value::U16(0)) => {}
            (Field::MsgId, Value::U16(id)) => words.push(format!("#{id}")),
            (Field::TopicId, Value::U16(id)) => words.push(topic_id(decoded, id)),
            (Field::ReturnCode, Value::Byte(code)) => words.push(match ReturnCode(code).name() {
                Some(name) => format!("0x{code:02x} {name}"),
                None => format!("0x{code:02x}"),
            }),
            (Field::ShortTopic, Value::Str(name)) => {
                words.push(format!("{} (short)", line::text(name)));
            }
            (Field::TopicName | Field::Filter, Value::Str(name)) => words.push(line::text(name)),
            (Field::WillTopic, Value::Str(topic)) => {
                words.push(format!("will={}", line::text(topic)));
            }
            (Field::Data | Field::WillMsg, Value::Binary(data)) => {
                words.extend(line::payload(data));
            }
            (Field::GwId, Value::Byte(id)) => words.push(format!("gateway={id}")),
            (Field::GwAdd, Value::Binary(address)) => words.push(format!("at={}", Hex(address))),
            (Field::Duration, Value::U16(seconds)) => words.push(format!("duration={seconds}s")),
            (Field::Radius, Value::Byte(radius)) => words.push(format!("radius={radius}")),
            _ => {}
        }
    }
    words.join(" ")
}

fn flag_words(words: &mut Vec<String>, flags: Flags, message_type: MessageType) {
    let used = Flags::used_by(message_type);
    let has = |mask: u8| used & flags.0 & mask != 0;
    if used & Flags::QOS != 0 {
        words.push(format!("q{}", flags.qos_number()));
    }
    for (mask, word) in [
        (Flags::DUP, "DUP"),
        (Flags::RETAIN, "RETAIN"),
        (Flags::WILL, "will"),
        (Flags::CLEAN_SESSION, "clean"),
    ] {
        if has(mask) {
            words.push(word.into());
        }
    }
}

fn topic_id(decoded: &Decoded<'_>, id: u16) -> String {
    let flags = decoded.flags_used(Flags::TOPIC_ID_TYPE);
    match (decoded.topic_resolved, flags.map(Flags::topic_id_type)) {
        (Some(name), _) => format!("{} (id {id})", Safe(name)),
        (None, Some(TopicIdType::Predefined)) => format!("predefined-id={id}"),
        (None, _) => format!("topic-id={id}"),
    }
}
