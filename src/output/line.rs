//! One line per packet.

use std::fmt::Write as _;
use std::io::{self, Write};

use super::text::{Bytes, Hex, Safe, shorten};
use super::{Decoded, Place, colour};
use crate::mqtt::decode::Field;
use crate::mqtt::property::Value;
use crate::mqtt::{PacketType, QoS, ReasonCode, Version};

/// Characters of a topic or a payload that a line shows.
const SHOWN_TEXT: usize = 60;

/// Writes a packet as one line: frame, time, who, type, and what matters in it.
///
/// # Errors
/// Those of `out`.
pub fn write(out: &mut impl Write, decoded: &Decoded<'_>) -> io::Result<()> {
    let origin = &decoded.origin;
    let packet_type = PacketType::from_byte1(decoded.bytes.first().copied().unwrap_or_default());
    let name = packet_type.name(origin.version);
    let summary = summary(decoded, packet_type);
    let mark = decoded
        .record
        .violations
        .iter()
        .max_by_key(|violation| violation.severity())
        .map(|worst| format!("  [{}: {worst}]", colour::severity(worst.severity())))
        .unwrap_or_default();
    let name = (name, colour::packet_type(name, packet_type));
    write_columns(out, &origin.place, name, &format!("{summary}{mark}"))
}

/// Where it came from, its name plain and in colour, and the rest of the line.
pub(super) fn write_columns(
    out: &mut impl Write,
    place: &Place,
    (name, coloured): (&str, String),
    rest: &str,
) -> io::Result<()> {
    let padding = match rest.is_empty() {
        true => 0,
        false => 12usize.saturating_sub(name.len()),
    };
    let columns = colour::dim(&columns(place));
    writeln!(out, "{columns}{coloured}{:padding$}{rest}", "")
}

/// The words for a payload: its length, and what it says.
pub(super) fn payload(payload: &[u8]) -> Vec<String> {
    let mut words = vec![format!("({})", payload.len())];
    if !payload.is_empty() {
        words.push(match std::str::from_utf8(payload) {
            Ok(text) => shorten(Safe(text).to_string(), SHOWN_TEXT),
            Err(_) => shorten(Hex(payload).to_string(), SHOWN_TEXT),
        });
    }
    words
}

/// The columns in front of every line: frame, time of day, sender and receiver.
pub(super) fn columns(place: &Place) -> String {
    let mut columns = String::new();
    if let Some(frame) = place.frame {
        let _ = write!(columns, "{frame:>6}  ");
    }
    if let Some(time) = place.time {
        // The date is in the other views.
        let time = time.to_string();
        let clock = time
            .split_once('T')
            .map_or(time.as_str(), |(_, clock)| clock);
        let _ = write!(columns, "{}  ", clock.trim_end_matches('Z'));
    }
    if let Some((src, dst)) = place.endpoints {
        let _ = write!(columns, "{src} → {dst}  ");
    }
    columns
}

fn summary(decoded: &Decoded<'_>, packet_type: PacketType) -> String {
    let version = decoded.origin.version;
    let mut words: Vec<String> = Vec::new();
    if packet_type == PacketType::PUBLISH {
        let byte1 = decoded.bytes.first().copied().unwrap_or_default();
        let qos = byte1 >> 1 & 0b11;
        words.push(format!("q{qos}"));
        if byte1 & 8 != 0 {
            words.push("DUP".into());
        }
        if byte1 & 1 != 0 {
            words.push("RETAIN".into());
        }
    }
    for record in &decoded.record.fields {
        match (record.field, record.value) {
            (Field::ProtocolLevel, _) => words.push(format!("MQTT {version}")),
            (Field::ClientId, Value::Str(id)) => words.push(format!("id={}", text(id))),
            (Field::ConnectFlags, Value::Byte(flags)) if flags & 2 != 0 => {
                words.push("clean".into());
            }
            (Field::KeepAlive, Value::U16(seconds)) => words.push(format!("keep-alive={seconds}s")),
            (Field::WillTopic, Value::Str(topic)) => words.push(format!("will={}", text(topic))),
            (Field::UserName, Value::Str(name)) => words.push(format!("user={}", text(name))),
            (Field::AckFlags, Value::Byte(flags)) if flags & 1 != 0 && version != Version::V31 => {
                words.push("session-present".into());
            }
            (Field::PacketId, Value::U16(id)) => words.push(format!("#{id}")),
            (Field::ReasonCode, Value::Byte(code)) => {
                words.push(reason(code, packet_type, version))
            }
            (Field::Code, Value::Byte(code)) => words.push(match QoS::from_u8(code) {
                Some(qos) if packet_type == PacketType::SUBACK => format!("granted q{qos}"),
                _ => reason(code, packet_type, version),
            }),
            (Field::Topic, Value::Str(topic)) => words.push(match decoded.topic_resolved {
                Some(resolved) => format!("{} (alias)", Safe(resolved)),
                None => text(topic),
            }),
            (Field::Filter, Value::Str(filter)) => words.push(text(filter)),
            (Field::SubscriptionOptions, Value::Byte(options)) => {
                words.push(format!("q{}", options & 0b11));
            }
            (Field::Payload, Value::Binary(bytes)) => words.extend(payload(bytes)),
            _ => {}
        }
    }
    words.join(" ")
}

pub(super) fn text(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok("") => "\"\"".into(),
        Ok(text) if !text.contains(' ') => shorten(Safe(text).to_string(), SHOWN_TEXT),
        _ => shorten(Bytes(bytes).to_string(), SHOWN_TEXT),
    }
}

fn reason(code: u8, packet_type: PacketType, version: Version) -> String {
    match ReasonCode(code).name(packet_type, version) {
        Some(name) => format!("0x{code:02x} {name}"),
        None => format!("0x{code:02x}"),
    }
}
