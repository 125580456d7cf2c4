//! Property lists of 5.0.

pub(super) mod read;

use super::object::{Hex, List, Object, Text, Value as JsonValue};
use crate::mqtt::property::{Kind, Property, PropertyId, Value};

/// Properties by name, each in the place of its first appearance.
pub(in crate::output) struct PropertyList<'p, 'a>(pub(in crate::output) &'p [Property<'a>]);

impl JsonValue for PropertyList<'_, '_> {
    fn write(self, out: &mut Vec<u8>) {
        Object::write(out, |object| {
            // A list may hold millions of properties, but only a few identifiers, all below 64.
            let mut seen = 0u64;
            for property in self.0 {
                let bit = 1u64.checked_shl(property.id.0).unwrap_or(0);
                if seen & bit == 0 {
                    seen |= bit;
                    self.entry(object, property.id);
                }
            }
        });
    }
}

impl PropertyList<'_, '_> {
    /// All values of one property.
    fn entry(&self, object: &mut Object<'_>, id: PropertyId) {
        let Some(row) = id.row() else { return };
        let values = || self.0.iter().filter(|p| p.id == id).map(|p| p.value);
        let is_hex = row.kind == Kind::Binary
            || values().any(|v| matches!(v, Value::Str(s) if Text::new(s).is_none()));
        let hex_name;
        let key = if is_hex {
            hex_name = format!("{}_hex", row.name);
            &hex_name
        } else {
            row.name
        };
        let mut shown = values().map(|value| PropertyValue { value, is_hex });
        let is_single = id != PropertyId::USER_PROPERTY && values().nth(1).is_none();
        match shown.next() {
            Some(single) if is_single => object.entry(key, single),
            first => object.entry(key, List(first.into_iter().chain(shown))),
        }
    }
}

struct PropertyValue<'a> {
    value: Value<'a>,
    /// The key says that it is hex.
    is_hex: bool,
}

impl JsonValue for PropertyValue<'_> {
    fn write(self, out: &mut Vec<u8>) {
        match self.value {
            Value::Byte(n) => n.write(out),
            Value::U16(n) => n.write(out),
            Value::U32(n) | Value::VarInt(n) => n.write(out),
            Value::Str(bytes) | Value::Binary(bytes) => match Text::new(bytes) {
                Some(text) if !self.is_hex => text.write(out),
                _ => Hex(bytes).write(out),
            },
            // A pair that is not UTF-8 is a violation, which `raw_hex` shows in full.
            Value::Pair(name, value) => match (Text::new(name), Text::new(value)) {
                (Some(name), Some(value)) => List([name, value]).write(out),
                _ => {
                    let pair = [name, value].map(String::from_utf8_lossy);
                    List(pair.iter().map(AsRef::as_ref)).write(out);
                }
            },
        }
    }
}
