//! `-D PACKET PROPERTY VALUE` in their words.

use std::collections::VecDeque;
use std::ffi::OsString;

use super::typed::Typed;
use super::{Stop, number};
use crate::mqtt::property::{Kind, TABLE, WILL};
use crate::mqtt::varint;
use crate::mqtt::{PacketType, PropertyId, Version};

/// The packets they know, and whether they send properties in them.
const PACKETS: [(&str, PacketType, bool); 14] = [
    ("connect", PacketType::CONNECT, true),
    ("connack", PacketType::CONNACK, false),
    ("publish", PacketType::PUBLISH, true),
    ("puback", PacketType::PUBACK, false),
    ("pubrec", PacketType::PUBREC, false),
    ("pubrel", PacketType::PUBREL, false),
    ("pubcomp", PacketType::PUBCOMP, false),
    ("subscribe", PacketType::SUBSCRIBE, true),
    ("suback", PacketType::SUBACK, false),
    ("unsubscribe", PacketType::UNSUBSCRIBE, true),
    ("unsuback", PacketType::UNSUBACK, false),
    ("disconnect", PacketType::DISCONNECT, true),
    ("auth", PacketType::AUTH, false),
    ("will", WILL, true),
];

/// Takes the words behind -D. Properties are 5.0's, so that is the version from here on.
pub(super) fn read(typed: &mut Typed, words: &mut VecDeque<OsString>) -> Result<(), Stop> {
    const TOO_FEW: &str = "Error: --property argument given but not enough arguments specified.";
    let shown: Vec<_> = words
        .iter()
        .take(4)
        .map(|word| word.to_string_lossy())
        .collect();
    let [packet, name, value, ..] = shown.as_slice() else {
        return wrong(TOO_FEW);
    };
    let Some((_, packet_type, sent)) = PACKETS.iter().find(|(known, ..)| known == packet) else {
        return wrong("Error: Invalid command given in --property argument.");
    };
    let snake = name.replace('-', "_");
    let Some(row) = TABLE.iter().find(|row| row.name == snake) else {
        return wrong("Error: Invalid property name given in --property argument.");
    };
    if !row.is_allowed_in(*packet_type) {
        return wrong(format!(
            "Error: {name} property not allowed for {packet} in --property argument."
        ));
    }
    let from_server =
        *packet_type == PacketType::PUBLISH && row.id == PropertyId::SUBSCRIPTION_IDENTIFIER;
    if !sent || from_server {
        return wrong(format!(
            "Error: {name} property not supported for {packet} in --property argument."
        ));
    }
    let count = if row.kind == Kind::Pair { 4 } else { 3 };
    if words.len() < count {
        return wrong(TOO_FEW);
    }
    let largest = match row.kind {
        Kind::Byte => Some(i64::from(u8::MAX)),
        Kind::U16 => Some(i64::from(u16::MAX)),
        Kind::U32 => Some(i64::from(u32::MAX)),
        Kind::VarInt => Some(i64::MAX),
        Kind::Str | Kind::Binary | Kind::Pair => None,
    };
    let mut canonical = None;
    if let Some(largest) = largest {
        let value = number::integer(value);
        if row.kind == Kind::VarInt && !(0..=i64::from(varint::MAX)).contains(&value) {
            return Err(Stop::Wrong(format!("Error adding property {name} 4")));
        }
        if !(0..=largest).contains(&value) {
            return wrong(format!(
                "Error: Property value ({value}) out of range for property {name}."
            ));
        }
        canonical = Some(value.to_string());
    } else if words
        .iter()
        .take(4)
        .skip(2)
        .any(|word| word.len() > usize::from(u16::MAX))
    {
        return wrong(format!(
            "Error: Property value too long for property {name}."
        ));
    }
    if row.kind == Kind::Str && words.get(2).is_some_and(|word| word.to_str().is_none()) {
        return Err(Stop::Wrong(format!("Error adding property {name} 6")));
    }
    let mut taken: Vec<OsString> = words.drain(..count).collect();
    if let (Some(number), Some(value)) = (canonical, taken.get_mut(2)) {
        *value = number.into();
    }
    if row.kind == Kind::Pair {
        // They send it as it is, which no server has to take (1.5.4).
        for word in &mut taken {
            *word = word.to_string_lossy().into_owned().into();
        }
    }
    typed.session.property.extend(taken);
    typed.version = Version::V5;
    Ok(())
}

fn wrong(text: impl Into<String>) -> Result<(), Stop> {
    Err(Stop::Wrong(text.into() + "\n"))
}
