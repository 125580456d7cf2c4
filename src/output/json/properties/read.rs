//! Property lists of 5.0 read back, for a message to send.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::super::read::unhex;
use crate::mqtt::property::{Kind, Range, Row, TABLE, Value};
use crate::mqtt::topic;
use crate::mqtt::{PacketType, PropertiesBuf, PropertyId, Version, varint};

/// Properties of a message that came which mean nothing on another connection: the alias was for
/// that one, and the identifiers are of its subscriptions (`[MQTT-3.3.4-6]`).
const NOT_FOR_SENDING: [PropertyId; 2] =
    [PropertyId::TOPIC_ALIAS, PropertyId::SUBSCRIPTION_IDENTIFIER];

/// Reads the object of a PUBLISH that is to be sent.
pub(in crate::output::json) struct PropertyObject;

/// Reads the object of any packet, all of it.
pub(in crate::output::json) struct AnyPropertyObject(pub(in crate::output::json) PacketType);

impl<'de> DeserializeSeed<'de> for AnyPropertyObject {
    type Value = PropertiesBuf;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<PropertiesBuf, D::Error> {
        reader.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for AnyPropertyObject {
    type Value = PropertiesBuf;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with properties")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<PropertiesBuf, A::Error> {
        read_object(map, self.0, &[])
    }
}

impl<'de> DeserializeSeed<'de> for PropertyObject {
    type Value = PropertiesBuf;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<PropertiesBuf, D::Error> {
        reader.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for PropertyObject {
    type Value = PropertiesBuf;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with properties")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<PropertiesBuf, A::Error> {
        read_object(map, PacketType::PUBLISH, &NOT_FOR_SENDING)
    }
}

/// Reads the properties of a packet, but for some.
fn read_object<'de, A: MapAccess<'de>>(
    mut map: A,
    packet: PacketType,
    left_out: &[PropertyId],
) -> Result<PropertiesBuf, A::Error> {
    let mut list = PropertiesBuf::new();
    while let Some(key) = map.next_key::<String>()? {
        let (row, is_hex) = find(&key).ok_or_else(|| {
            let key = key.escape_debug();
            A::Error::custom(format!("'{key}' is not a property of MQTT 5.0"))
        })?;
        if left_out.contains(&row.id) {
            map.next_value::<IgnoredAny>()?;
            continue;
        }
        if !row.is_allowed_in(packet) {
            let packet = packet.name(Version::V5);
            let what = format!("{} is not a property of {packet}", row.name);
            return Err(A::Error::custom(what));
        }
        map.next_value_seed(Values {
            row,
            packet,
            is_hex,
            list: &mut list,
        })?;
    }
    Ok(list)
}

/// The property behind a key, and whether its value is in hex.
fn find(key: &str) -> Option<(&'static Row, bool)> {
    let row = |name: &str| TABLE.iter().find(|row| row.name == name);
    match row(key) {
        Some(row) => Some((row, false)),
        None => {
            let row = row(key.strip_suffix("_hex")?)?;
            matches!(row.kind, Kind::Str | Kind::Binary).then_some((row, true))
        }
    }
}

/// One value, or an array of all.
struct Values<'l> {
    row: &'static Row,
    packet: PacketType,
    is_hex: bool,
    list: &'l mut PropertiesBuf,
}

impl Values<'_> {
    fn number<E: Error>(&mut self, number: u64) -> Result<(), E> {
        let largest = match self.row.kind {
            Kind::Byte => u32::from(u8::MAX),
            Kind::U16 => u32::from(u16::MAX),
            Kind::U32 => u32::MAX,
            Kind::VarInt => varint::MAX,
            // Not asked for.
            Kind::Str | Kind::Binary | Kind::Pair => 0,
        };
        let (from, to) = match self.row.range {
            Range::Flag => (0, 1),
            Range::NonZero => (1, largest),
            Range::Any | Range::TopicName => (0, largest),
        };
        let name = self.row.name;
        let fitting = u32::try_from(number).ok();
        let Some(number) = fitting.filter(|number| (from..=to).contains(number)) else {
            let what = format!("{name} is a number from {from} to {to}, not {number}");
            return Err(E::custom(what));
        };
        self.push(match self.row.kind {
            Kind::Byte => Value::Byte(number as u8),
            Kind::U16 => Value::U16(number as u16),
            Kind::VarInt => Value::VarInt(number),
            _ => Value::U32(number),
        })
    }

    fn text<E: Error>(&mut self, text: &str) -> Result<(), E> {
        let name = self.row.name;
        let decoded;
        let bytes = match self.is_hex {
            true => {
                decoded = unhex(text)?;
                decoded.as_slice()
            }
            false => text.as_bytes(),
        };
        if self.row.kind == Kind::Binary {
            return self.push(Value::Binary(bytes));
        }
        let text =
            std::str::from_utf8(bytes).map_err(|_| E::custom(format!("{name} is not UTF-8")))?;
        if self.row.range == Range::TopicName {
            topic::check_name(text).map_err(|error| E::custom(format!("{name}: {error}")))?;
        }
        no_null(name, text)?;
        self.push(Value::Str(bytes))
    }

    fn pair<E: Error>(&mut self, name: &str, value: &str) -> Result<(), E> {
        no_null(self.row.name, name)?;
        no_null(self.row.name, value)?;
        self.push(Value::Pair(name.as_bytes(), value.as_bytes()))
    }

    fn push<E: Error>(&mut self, value: Value<'_>) -> Result<(), E> {
        let (row, list) = (self.row, &mut *self.list);
        let is_there = list.as_properties().get(row.id).is_some();
        if is_there && !row.may_repeat_in(self.packet) {
            return Err(E::custom(format!("{} may be there once", row.name)));
        }
        list.push(row.id, value).map_err(E::custom)
    }
}

/// A string of MQTT has no null character (`[MQTT-1.5.4-2]`).
fn no_null<E: Error>(name: &str, text: &str) -> Result<(), E> {
    match text.contains('\0') {
        true => Err(E::custom(format!("{name} may not hold a null character"))),
        false => Ok(()),
    }
}

impl<'de> DeserializeSeed<'de> for Values<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<(), D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Values<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.row.kind {
            Kind::Byte | Kind::U16 | Kind::U32 | Kind::VarInt => "a number",
            Kind::Str | Kind::Binary if self.is_hex => "hex in quotes",
            Kind::Str | Kind::Binary => "a string",
            Kind::Pair => "an array of [name, value]",
        };
        write!(f, "{what} for {}", self.row.name)
    }

    fn visit_u64<E: Error>(mut self, number: u64) -> Result<(), E> {
        match self.row.kind {
            Kind::Byte | Kind::U16 | Kind::U32 | Kind::VarInt => self.number(number),
            _ => Err(E::invalid_type(
                serde::de::Unexpected::Unsigned(number),
                &self,
            )),
        }
    }

    fn visit_str<E: Error>(mut self, text: &str) -> Result<(), E> {
        match self.row.kind {
            Kind::Str | Kind::Binary => self.text(text),
            _ => Err(E::invalid_type(serde::de::Unexpected::Str(text), &self)),
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut values: A) -> Result<(), A::Error> {
        if self.row.kind == Kind::Pair {
            while let Some(pair) = values.next_element::<Vec<String>>()? {
                let [name, value] = pair.as_slice() else {
                    let what = format!("a user property is [name, value], not {pair:?}");
                    return Err(A::Error::custom(what));
                };
                self.pair(name, value)?;
            }
            return Ok(());
        }
        while let Some(()) = values.next_element_seed(Values {
            row: self.row,
            packet: self.packet,
            is_hex: self.is_hex,
            list: self.list,
        })? {}
        Ok(())
    }
}
