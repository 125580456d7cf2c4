//! The fixed header, and flag bytes, bit by bit.

use super::super::colour;
use super::Node;
use crate::mqtt::decode::FieldRecord;
use crate::mqtt::property::Value;
use crate::mqtt::{PacketType, QoS, Version};

/// Draws the bits `high..=low` (7 is the first) of `byte`, dots elsewhere: `.... .01.`.
pub(super) fn pattern(byte: u8, high: u8, low: u8) -> String {
    let mut drawn = String::with_capacity(9);
    for bit in (0..8).rev() {
        if bit == 3 {
            drawn.push(' ');
        }
        drawn.push(match (low..=high).contains(&bit) {
            true if byte >> bit & 1 == 1 => '1',
            true => '0',
            false => '.',
        });
    }
    drawn
}

/// A note on some bits of a byte.
pub(in super::super) fn bits(byte: u8, high: u8, low: u8, meaning: &str) -> String {
    format!("{}  {meaning}", colour::dim(&pattern(byte, high, low)))
}

/// The meaning in a [note](bits) on some bits; `None` if it is another note.
pub(super) fn meaning(note: &str) -> Option<&str> {
    let (drawn, meaning) = note.split_once("  ")?;
    let drawn = drawn.trim_start_matches("\u{1b}[90m");
    let drawn = drawn.trim_end_matches("\u{1b}[0m");
    let is_pattern = drawn.len() == 9 && drawn.contains('.');
    (is_pattern && drawn.chars().all(|c| matches!(c, '0' | '1' | '.' | ' '))).then_some(meaning)
}

pub(in super::super) const fn yes_no(set: bool) -> &'static str {
    if set { "yes" } else { "no" }
}

/// Packet type and flags.
pub(super) fn byte1(record: &FieldRecord<'_>, bytes: &[u8], version: Version) -> Node {
    let Value::Byte(byte) = record.value else {
        return Node::field(record.start, bytes, "Packet type and flags".into());
    };
    let packet_type = PacketType::from_byte1(byte);
    let name = packet_type.name(version);
    let mut node = Node::field(
        record.start,
        bytes,
        format!("Packet type and flags: {name}"),
    );
    let mut note = |high, low, meaning: &str| node.notes.push(bits(byte, high, low, meaning));
    note(7, 4, &format!("packet type {}: {name}", packet_type.0));
    if packet_type == PacketType::PUBLISH {
        let dup = byte & 0x08 != 0;
        let delivery = if dup { "sent before" } else { "first delivery" };
        note(3, 3, &format!("DUP {}: {delivery}", u8::from(dup)));
        let qos = byte >> 1 & 0b11;
        let promise = QoS::from_u8(qos).map_or("not allowed", QoS::meaning);
        note(2, 1, &format!("QoS {qos}: {promise}"));
        note(0, 0, &format!("RETAIN {}", byte & 1));
        return node;
    }
    let flags = byte & 0x0f;
    note(
        3,
        0,
        &match packet_type.fixed_flags() {
            // 3.1 gives these bits no fixed value.
            _ if version == Version::V31 => format!("flags {flags:04b}, not used here in 3.1"),
            Some(expected) if expected == flags => {
                format!("reserved, must be {expected:04b}: right")
            }
            Some(expected) => format!("reserved, must be {expected:04b}: WRONG"),
            None => "reserved".into(),
        },
    );
    node
}

/// Remaining Length: each byte with its continuation bit and its share of the sum.
pub(super) fn remaining_length(record: &FieldRecord<'_>, bytes: &[u8]) -> Node {
    let label = match record.value {
        Value::VarInt(value) => format!("Remaining Length: {value}"),
        _ => "Remaining Length: not readable".into(),
    };
    let mut node = Node::field(record.start, bytes, label);
    let mut terms = Vec::new();
    for (i, &byte) in bytes.iter().enumerate() {
        let more = byte & 0x80 != 0;
        let group = u32::from(byte & 0x7f);
        let factor = 128u32.pow(u32::try_from(i.min(3)).unwrap_or(3));
        let share = group * factor;
        let follows = match (more, i) {
            (true, 3) => "another byte would follow, and four is the limit",
            (true, _) => "another byte follows",
            (false, _) => "last byte",
        };
        node.notes.push(format!(
            "{}  {byte:02x}: {follows}; {group} × {factor} = {share}",
            colour::dim(&format!(
                "{} {:03b} {:04b}",
                byte >> 7,
                byte >> 4 & 7,
                byte & 15
            )),
        ));
        terms.push(share.to_string());
    }
    if let Value::VarInt(value) = record.value
        && terms.len() > 1
    {
        node.notes.push(format!(
            "{}  {} = {value}",
            " ".repeat(10),
            terms.join(" + ")
        ));
    }
    node
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_show_only_their_bits() {
        assert_eq!(pattern(0x32, 7, 4), "0011 ....");
        assert_eq!(pattern(0x32, 2, 1), ".... .01.");
        assert_eq!(pattern(0xff, 0, 0), ".... ...1");
        assert_eq!(meaning(&bits(0x32, 2, 1, "QoS 1")), Some("QoS 1"));
        assert_eq!(meaning("0000  61 62  ab"), None);
    }
}
