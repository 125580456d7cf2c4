//! One line per message.

use std::io::{self, Write};

use super::super::finding;
use super::super::line::{Lines, Words};
use super::super::payload::{About, Rules};
use super::super::text::{Hex, Safe};
use super::{Decoded, family};
use crate::mqtt::property::Value;
use crate::mqttsn::decode::Field;
use crate::mqttsn::{Flags, MessageType, ReturnCode, TopicIdType};

/// Writes a message as one line: frame, time, who, type, and what matters in it.
///
/// # Errors
/// Those of `out`.
pub fn write(out: &mut impl Write, lines: &mut Lines, decoded: &Decoded<'_>) -> io::Result<()> {
    let payloads = lines.payloads();
    let text = lines.columns(&decoded.place, decoded.client);
    describe_in(text, decoded, false, Some(&payloads));
    lines.end(out)?;
    for found in decoded.findings {
        finding::write_line(out, lines, found, decoded.client)?;
    }
    Ok(())
}

/// Appends the type, and what matters in a message.
pub(in super::super) fn describe(text: &mut String, decoded: &Decoded<'_>) {
    describe_in(text, decoded, true, None);
}

fn describe_in(text: &mut String, decoded: &Decoded<'_>, is_close: bool, payloads: Option<&Rules>) {
    let message_type = decoded.message_type().unwrap_or(MessageType(0xff));
    let mut words = Words::behind(text, decoded.name(), family(message_type));
    words.payloads = payloads;
    if is_close {
        words.close_up();
    }
    summary(&mut words, decoded, message_type);
    let violations = decoded.record.violations.iter();
    if let Some(worst) = violations.max_by_key(|violation| violation.severity()) {
        words.mark(worst.severity(), worst);
    }
}

fn summary(words: &mut Words<'_>, decoded: &Decoded<'_>, message_type: MessageType) {
    for record in &decoded.record.fields {
        match (record.field, record.value) {
            (Field::WirelessNodeId, Value::Binary(node)) => {
                words.shown(format_args!("via-forwarder={}", Hex(node)));
            }
            (Field::Flags, Value::Byte(flags)) => flag_words(words, Flags(flags), message_type),
            (Field::ProtocolId, _) => words.word("MQTT-SN 1.2"),
            (Field::ClientId, Value::Str(id)) => words.text("id=", id),
            (Field::KeepAlive, Value::U16(seconds)) => {
                words.shown(format_args!("keep-alive={seconds}s"));
            }
            (Field::MsgId, Value::U16(0)) => {}
            (Field::MsgId, Value::U16(id)) => words.shown(format_args!("#{id}")),
            (Field::TopicId, Value::U16(id)) => topic_id(words, decoded, id),
            (Field::ReturnCode, Value::Byte(code)) => match ReturnCode(code).name() {
                Some(name) => words.shown(format_args!("0x{code:02x} {name}")),
                None => words.shown(format_args!("0x{code:02x}")),
            },
            (Field::ShortTopic, Value::Str(name)) => {
                words.text("", name);
                words.word("(short)");
            }
            (Field::TopicName | Field::Filter, Value::Str(name)) => words.text("", name),
            (Field::WillTopic, Value::Str(topic)) => words.text("will=", topic),
            (Field::Data | Field::WillMsg, Value::Binary(data)) => {
                let topic = decoded.topic_resolved;
                words.payload(
                    data,
                    About {
                        topic,
                        ..About::default()
                    },
                );
            }
            (Field::GwId, Value::Byte(id)) => words.shown(format_args!("gateway={id}")),
            (Field::GwAdd, Value::Binary(address)) => {
                words.shown(format_args!("at={}", Hex(address)));
            }
            (Field::Duration, Value::U16(seconds)) => {
                words.shown(format_args!("duration={seconds}s"));
            }
            (Field::Radius, Value::Byte(radius)) => words.shown(format_args!("radius={radius}")),
            _ => {}
        }
    }
}

fn flag_words(words: &mut Words<'_>, flags: Flags, message_type: MessageType) {
    let used = Flags::used_by(message_type);
    if used & Flags::QOS != 0 {
        words.shown(format_args!("q{}", flags.qos_number()));
    }
    for (mask, word) in [
        (Flags::DUP, "DUP"),
        (Flags::RETAIN, "RETAIN"),
        (Flags::WILL, "will"),
        (Flags::CLEAN_SESSION, "clean"),
    ] {
        if used & flags.0 & mask != 0 {
            words.word(word);
        }
    }
}

fn topic_id(words: &mut Words<'_>, decoded: &Decoded<'_>, id: u16) {
    let flags = decoded.flags_used(Flags::TOPIC_ID_TYPE);
    match (decoded.topic_resolved, flags.map(Flags::topic_id_type)) {
        (Some(name), _) => words.shown(format_args!("{} (id {id})", Safe(name))),
        (None, Some(TopicIdType::Predefined)) => words.shown(format_args!("predefined-id={id}")),
        (None, _) => words.shown(format_args!("topic-id={id}")),
    }
}
