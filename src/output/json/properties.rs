//! Property lists of 5.0.

use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::mqtt::property::{Kind, Property, PropertyId, Value};

/// Properties by name, each in the place of its first appearance.
pub(super) struct PropertyList<'p, 'a>(pub(super) &'p [Property<'a>]);

impl Serialize for PropertyList<'_, '_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        // A list may hold millions of properties, but only a few identifiers.
        let mut ids: Vec<PropertyId> = Vec::new();
        for property in self.0 {
            if !ids.contains(&property.id) {
                ids.push(property.id);
            }
        }
        for id in ids {
            let Some(row) = id.row() else {
                continue;
            };
            let values = || self.0.iter().filter(|p| p.id == id).map(|p| p.value);
            let is_hex = row.kind == Kind::Binary
                || values().any(|v| matches!(v, Value::Str(s) if std::str::from_utf8(s).is_err()));
            let values: Vec<_> = values()
                .map(|value| PropertyValue { value, is_hex })
                .collect();
            let key = if is_hex {
                format!("{}_hex", row.name)
            } else {
                row.name.to_owned()
            };
            match values.as_slice() {
                [single] if id != PropertyId::USER_PROPERTY => {
                    map.serialize_entry(&key, single)?;
                }
                several => map.serialize_entry(&key, several)?,
            }
        }
        map.end()
    }
}

struct PropertyValue<'a> {
    value: Value<'a>,
    /// The key says that it is hex.
    is_hex: bool,
}

impl Serialize for PropertyValue<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.value {
            Value::Byte(n) => serializer.serialize_u8(n),
            Value::U16(n) => serializer.serialize_u16(n),
            Value::U32(n) | Value::VarInt(n) => serializer.serialize_u32(n),
            Value::Str(bytes) | Value::Binary(bytes) => match std::str::from_utf8(bytes) {
                Ok(text) if !self.is_hex => serializer.serialize_str(text),
                _ => serializer.serialize_str(&hex::encode(bytes)),
            },
            // A pair that is not UTF-8 is a violation, which `raw_hex` shows in full.
            Value::Pair(name, value) => [
                String::from_utf8_lossy(name),
                String::from_utf8_lossy(value),
            ]
            .serialize(serializer),
        }
    }
}
