//! Events of something that runs for a while, such as the broker: one line each, as an object or
//! as a sentence.

use std::io::{self, Write};

use jiff::Timestamp;
use serde::ser::{Serialize, SerializeMap, Serializer};

/// The value of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Value<'a> {
    /// A string.
    Text(&'a str),
    /// A number.
    Number(u64),
    /// True or false.
    Flag(bool),
}

/// A name and its value; `event` comes first.
pub type Field<'a> = (&'static str, Value<'a>);

/// Writes an object with these fields in their order.
///
/// # Errors
/// Those of `out`.
pub fn write_json(out: &mut impl Write, fields: &[Field<'_>]) -> io::Result<()> {
    super::json::write_line(out, &Object(fields))
}

/// Writes an object with the time of now and these fields.
///
/// # Errors
/// Those of `out`.
pub fn write_json_now(out: &mut impl Write, fields: &[Field<'_>]) -> io::Result<()> {
    let now = now();
    let mut all = vec![("time", Value::Text(&now))];
    all.extend_from_slice(fields);
    write_json(out, &all)
}

/// Writes the time of now and a sentence, whose parts from the network are already escaped.
///
/// # Errors
/// Those of `out`.
pub fn write_text_now(out: &mut impl Write, sentence: &str) -> io::Result<()> {
    writeln!(out, "{} {sentence}", now())
}

/// UTC with milliseconds, as RFC 3339 has it.
fn now() -> String {
    format!("{:.3}", Timestamp::now())
}

struct Object<'a>(&'a [Field<'a>]);

impl Serialize for Object<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in self.0 {
            match value {
                Value::Text(text) => map.serialize_entry(name, text)?,
                Value::Number(number) => map.serialize_entry(name, number)?,
                Value::Flag(flag) => map.serialize_entry(name, flag)?,
            }
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_keep_their_order_and_strings_are_escaped() {
        let mut out = Vec::new();
        let fields = [
            ("event", Value::Text("a\"\u{1b}")),
            ("port", Value::Number(1883)),
            ("flag", Value::Flag(false)),
        ];
        write_json(&mut out, &fields).unwrap();
        let expected = "{\"event\":\"a\\\"\\u001b\",\"port\":1883,\"flag\":false}\n";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }
}
