//! Events of something that runs for a while, such as the broker: one line each, as an object or
//! as a sentence.

use std::io::{self, Write};

use jiff::Timestamp;

use super::json;

/// The value of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Value<'a> {
    /// A string.
    Text(&'a str),
    /// A number.
    Number(u64),
    /// True or false.
    Flag(bool),
    /// An array of objects.
    Objects(&'a [Vec<Field<'a>>]),
}

/// A name and its value; `event` comes first.
pub type Field<'a> = (&'static str, Value<'a>);

/// Writes an object with these fields in their order.
///
/// # Errors
/// Those of `out`.
pub fn write_json(out: &mut impl Write, fields: &[Field<'_>]) -> io::Result<()> {
    json::write_object(out, |object| fill(object, fields))
}

fn fill(object: &mut json::Object<'_>, fields: &[Field<'_>]) {
    for &(name, value) in fields {
        match value {
            Value::Text(text) => object.entry(name, text),
            Value::Number(number) => object.entry(name, number),
            Value::Flag(flag) => object.entry(name, flag),
            Value::Objects(objects) => {
                let objects = objects.iter().map(|fields| {
                    json::Nested(|object: &mut json::Object<'_>| fill(object, fields))
                });
                object.entry(name, json::List(objects));
            }
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_keep_their_order_and_strings_are_escaped() {
        let mut out = Vec::new();
        let inner = [vec![("n", Value::Number(1))], vec![]];
        let fields = [
            ("event", Value::Text("a\"\u{1b}")),
            ("port", Value::Number(1883)),
            ("flag", Value::Flag(false)),
            ("list", Value::Objects(&inner)),
        ];
        write_json(&mut out, &fields).unwrap();
        let expected = "{\"event\":\"a\\\"\\u001b\",\"port\":1883,\"flag\":false,\
                        \"list\":[{\"n\":1},{}]}\n";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }
}
