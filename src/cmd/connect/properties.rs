//! `-D PACKET PROPERTY VALUE`: properties of 5.0 for the packets that a client sends.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::ops::RangeInclusive;

use super::super::Failure;
use super::super::typed_bytes;
use crate::mqtt::property::{Kind, Range, Row, TABLE, Value, WILL};
use crate::mqtt::topic::{self, Quoted};
use crate::mqtt::{PacketType, PropertiesBuf, PropertyId};

/// What each packet carries.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PacketProperties([PropertiesBuf; PACKETS.len()]);

/// Characters of a `-D` that a sentence shows.
const JOINED: usize = 100;

/// The packets that `-D` names.
const PACKETS: [(&str, PacketType); 7] = [
    ("connect", PacketType::CONNECT),
    ("publish", PacketType::PUBLISH),
    ("subscribe", PacketType::SUBSCRIBE),
    ("unsubscribe", PacketType::UNSUBSCRIBE),
    ("disconnect", PacketType::DISCONNECT),
    ("auth", PacketType::AUTH),
    ("will", WILL),
];

/// Why a `-D` is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PropertyArgError {
    /// Fewer words than a property has.
    #[error("it takes a packet, a property and its value; user-property a name and a value")]
    TooFewWords,
    /// Nothing that a client sends with properties.
    #[error("{} is no packet that takes properties here: {}", Quoted(.0), Names)]
    Packet(String),
    /// Not one of 5.0's.
    #[error("{} is not a property of MQTT 5.0", Quoted(.0))]
    Property(String),
    /// It has no place in this packet.
    #[error("{property} is not a property of {packet}")]
    NotAllowed {
        /// The property's name.
        property: String,
        /// The packet's name.
        packet: String,
    },
    /// It is there already, and may be there once.
    #[error("{property} is given twice for {packet}, which may have it once")]
    Repeated {
        /// The property's name.
        property: String,
        /// The packet's name.
        packet: String,
    },
    /// It has to be a number.
    #[error("{property} is a number from {} to {}, not {}", .range.start(), .range.end(), Quoted(.value))]
    Number {
        /// The property's name.
        property: String,
        /// What was given.
        value: String,
        /// What is allowed.
        range: RangeInclusive<u32>,
    },
    /// It has to be text.
    #[error("the value of {property} is text in UTF-8, which {} is not", Quoted(.value))]
    NotText {
        /// The property's name.
        property: String,
        /// What was given, with U+FFFD for what is wrong in it.
        value: String,
    },
    /// More than 65,535 bytes.
    #[error("the value of {property} has {len} bytes, and 65535 is the limit")]
    TooLong {
        /// The property's name.
        property: String,
        /// Bytes given.
        len: usize,
    },
    /// A Response Topic that nobody could publish to.
    #[error("{property}: {error}")]
    Topic {
        /// The property's name.
        property: String,
        /// What is wrong.
        error: topic::TopicError,
    },
}

/// The packets, for a sentence.
struct Names;

impl fmt::Display for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, (name, _)) in PACKETS.iter().enumerate() {
            let comma = if i == 0 { "" } else { ", " };
            write!(f, "{comma}{name}")?;
        }
        Ok(())
    }
}

impl PacketProperties {
    /// Reads the words behind every -D, one after the other.
    ///
    /// # Errors
    /// Wrong usage.
    pub fn parse(words: &[OsString]) -> Result<PacketProperties, Failure> {
        let mut all = PacketProperties::default();
        for one in each_property(words) {
            all.add(one)
                .map_err(|error| Failure::usage(format!("-D {}: {error}", joined(one))))?;
        }
        Ok(all)
    }

    /// Adds one property: packet, property and value; name and value for a user property.
    ///
    /// # Errors
    /// [`PropertyArgError`].
    pub fn add(&mut self, words: &[OsString]) -> Result<(), PropertyArgError> {
        let (packet, name, first, second) = match words {
            [packet, name, value] if !is_pair(words) => (packet, name, value, None),
            [packet, name, first, second] => (packet, name, first, Some(second)),
            _ => return Err(PropertyArgError::TooFewWords),
        };
        let [packet, name] = [packet, name].map(|word| word.to_string_lossy().into_owned());
        let index = PACKETS.iter().position(|(known, _)| *known == packet);
        let (Some(list), Some((_, packet_type))) = (
            index.and_then(|index| self.0.get_mut(index)),
            index.and_then(|index| PACKETS.get(index)),
        ) else {
            return Err(PropertyArgError::Packet(packet));
        };
        let snake = name.replace('-', "_");
        let row = TABLE
            .iter()
            .find(|row| row.name == snake)
            .ok_or_else(|| PropertyArgError::Property(name.clone()))?;
        if !row.is_allowed_in(*packet_type) {
            return Err(PropertyArgError::NotAllowed {
                property: name.clone(),
                packet: packet.clone(),
            });
        }
        if !row.may_repeat_in(*packet_type) && list.as_properties().get(row.id).is_some() {
            return Err(PropertyArgError::Repeated {
                property: name.clone(),
                packet: packet.clone(),
            });
        }
        let value = value(row, &name, first, second.map(OsString::as_os_str))?;
        list.push(row.id, value)
            .map_err(|_| PropertyArgError::TooLong {
                len: first.len().max(second.map_or(0, |second| second.len())),
                property: name,
            })
    }

    /// What this packet, or [`WILL`], carries.
    pub fn of(&self, packet: PacketType) -> &PropertiesBuf {
        const NONE: &PropertiesBuf = &PropertiesBuf::new();
        let index = PACKETS.iter().position(|(_, known)| *known == packet);
        index.and_then(|index| self.0.get(index)).unwrap_or(NONE)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(|list| list.as_properties().is_empty())
    }
}

/// The words of each -D: a packet, a property and its value; a user property has two.
pub fn each_property(mut words: &[OsString]) -> impl Iterator<Item = &[OsString]> {
    std::iter::from_fn(move || {
        let count = if is_pair(words) { 4 } else { 3 };
        let (one, rest) = words.split_at(count.min(words.len()));
        words = rest;
        (!one.is_empty()).then_some(one)
    })
}

fn is_pair(words: &[OsString]) -> bool {
    words.get(1).is_some_and(|name| name == "user-property")
}

/// The words as they were typed, as many as fit in a sentence.
fn joined(words: &[OsString]) -> String {
    let all = words.join(OsStr::new(" "));
    let text = all.to_string_lossy();
    match text.char_indices().nth(JOINED) {
        Some((at, _)) => format!("{}…", text.get(..at).unwrap_or_default()),
        None => text.into_owned(),
    }
}

fn value<'a>(
    row: &Row,
    name: &str,
    word: &'a OsStr,
    second: Option<&'a OsStr>,
) -> Result<Value<'a>, PropertyArgError> {
    let not_text = |word: &OsStr| PropertyArgError::NotText {
        property: name.to_owned(),
        value: word.to_string_lossy().into_owned(),
    };
    if row.kind == Kind::Binary {
        let bytes = typed_bytes::bytes(word).ok_or_else(|| not_text(word))?;
        return Ok(Value::Binary(bytes));
    }
    let to_text = |word: &'a OsStr| word.to_str().ok_or_else(|| not_text(word));
    let text = to_text(word)?;
    let number = |largest: u32| {
        let range = match row.range {
            Range::Flag => 0..=1,
            Range::NonZero => 1..=largest,
            Range::Any | Range::TopicName => 0..=largest,
        };
        text.parse()
            .ok()
            .filter(|number| range.contains(number))
            .ok_or_else(|| PropertyArgError::Number {
                property: name.to_owned(),
                value: text.to_owned(),
                range,
            })
    };
    Ok(match row.kind {
        Kind::Byte => Value::Byte(number(u32::from(u8::MAX))? as u8),
        Kind::U16 => Value::U16(number(u32::from(u16::MAX))? as u16),
        Kind::U32 => Value::U32(number(u32::MAX)?),
        Kind::VarInt => Value::VarInt(number(crate::mqtt::varint::MAX)?),
        Kind::Str => {
            if row.range == Range::TopicName {
                topic::check_name(text).map_err(|error| PropertyArgError::Topic {
                    property: name.to_owned(),
                    error,
                })?;
            }
            Value::Str(text.as_bytes())
        }
        Kind::Binary => Value::Binary(text.as_bytes()),
        Kind::Pair => {
            let second = second.map(to_text).transpose()?;
            Value::Pair(text.as_bytes(), second.unwrap_or_default().as_bytes())
        }
    })
}

/// The property list of a CONNECT with one property set in place of what may be there.
pub(super) fn set(list: &mut PropertiesBuf, id: PropertyId, value: Value<'_>) {
    let mut others = PropertiesBuf::new();
    for property in list.as_properties() {
        if property.id != id {
            // It stood in a list before.
            let _ = others.push(property.id, property.value);
        }
    }
    // Numbers always fit.
    let _ = others.push(id, value);
    *list = others;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(words: &str) -> Result<PacketProperties, Failure> {
        let words: Vec<OsString> = words.split(' ').map(OsString::from).collect();
        PacketProperties::parse(&words)
    }

    #[test]
    fn several_in_their_order() {
        let all = parse(
            "publish user-property a 1 publish content-type text/plain \
             publish user-property a 2 connect receive-maximum 7",
        )
        .unwrap();
        let publish: Vec<_> = all.of(PacketType::PUBLISH).as_properties().iter().collect();
        let values: Vec<_> = publish.iter().map(|property| property.value).collect();
        assert_eq!(
            values,
            [
                Value::Pair(b"a", b"1"),
                Value::Str(b"text/plain"),
                Value::Pair(b"a", b"2")
            ]
        );
        let connect = all.of(PacketType::CONNECT).as_properties();
        assert_eq!(connect.number(PropertyId::RECEIVE_MAXIMUM), Some(7));
        assert!(all.of(WILL).as_properties().is_empty());
    }

    #[test]
    fn wrong_ones_are_one_sentence() {
        for (words, sentence) in [
            (
                "publish content-type",
                "it takes a packet, a property and its value; user-property a name and a value",
            ),
            (
                "publish user-property a",
                "it takes a packet, a property and its value; user-property a name and a value",
            ),
            (
                "puback reason-string x",
                "'puback' is no packet that takes properties here: connect, publish, subscribe, \
                 unsubscribe, disconnect, auth, will",
            ),
            (
                "publish colour red",
                "'colour' is not a property of MQTT 5.0",
            ),
            (
                "connect content-type x",
                "content-type is not a property of connect",
            ),
            (
                "connect receive-maximum 0",
                "receive-maximum is a number from 1 to 65535, not '0'",
            ),
            (
                "connect receive-maximum 65536",
                "receive-maximum is a number from 1 to 65535, not '65536'",
            ),
            (
                "publish payload-format-indicator 2",
                "payload-format-indicator is a number from 0 to 1, not '2'",
            ),
            (
                "publish content-type a publish content-type b",
                "content-type is given twice for publish, which may have it once",
            ),
            (
                "publish response-topic a/#",
                "response-topic: a topic name may not hold the wildcard '#' (byte 2)",
            ),
        ] {
            let message = parse(words).unwrap_err().message;
            assert!(message.ends_with(sentence), "{words}: {message}");
        }
    }
}
