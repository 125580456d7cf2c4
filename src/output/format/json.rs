//! `%j` and `%J`: a message as mosquitto's JSON. Not the shape that midge's subcommands share.

use std::io::Write as _;

use serde::de::IgnoredAny;

use super::clock::Clock;
use crate::mqtt::property::{TABLE, Value};
use crate::mqtt::{Properties, PropertyId};
use crate::output::json::{Message, string_len};

/// The payload is no JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the payload is no JSON")]
pub struct NotJson;

/// Appends a message; nothing if its payload is to be `parsed` and is no JSON.
pub(super) fn push(
    out: &mut Vec<u8>,
    message: &Message<'_>,
    clock: &mut Clock,
    parsed: bool,
    pretty: bool,
) -> Result<(), NotJson> {
    let payload = match std::str::from_utf8(message.payload) {
        _ if !parsed || message.payload.is_empty() => None,
        // Only asks whether it is one; limits the depth, too, to 128.
        Ok(text) if serde_json::from_str::<IgnoredAny>(text).is_ok() => Some(text),
        _ => return Err(NotJson),
    };
    let mut json = Json::new(out, pretty);
    json.open(b'{');
    json.key(b"tst");
    json.out.push(b'"');
    clock.push_iso_8601_micros(json.out);
    json.out.push(b'"');
    json.string_entry(b"topic", message.topic.as_bytes());
    json.number_entry(b"qos", u32::from(message.qos));
    json.number_entry(b"retain", u32::from(message.retain));
    json.key(b"payloadlen");
    let _ = write!(json.out, "{}", message.payload.len());
    if message.qos > 0 {
        json.number_entry(b"mid", u32::from(message.packet_id.unwrap_or(0)));
    }
    if !message.properties.is_empty() {
        json.key(b"properties");
        json.open(b'{');
        push_properties(&mut json, message.properties);
        json.close(b'}');
    }
    json.key(b"payload");
    match payload {
        Some(text) => push_value(&mut json, text),
        None if message.payload.is_empty() => json.out.extend_from_slice(b"null"),
        None => push_string(json.out, message.payload),
    }
    json.close(b'}');
    Ok(())
}

fn push_properties(json: &mut Json<'_>, properties: Properties<'_>) {
    let mut has_pairs = false;
    for property in properties {
        let name = TABLE.iter().find(|row| row.id == property.id);
        let name = name.map_or(String::new(), |row| row.name.replace('_', "-"));
        match property.value {
            Value::Pair(..) if has_pairs => {}
            Value::Pair(..) => {
                has_pairs = true;
                json.key(b"user-properties");
                json.open(b'{');
                for other in properties {
                    if let (PropertyId::USER_PROPERTY, Value::Pair(name, value)) =
                        (other.id, other.value)
                    {
                        json.string_entry(name, value);
                    }
                }
                json.close(b'}');
            }
            Value::Str(bytes) | Value::Binary(bytes) => json.string_entry(name.as_bytes(), bytes),
            Value::Byte(number) => json.number_entry(name.as_bytes(), u32::from(number)),
            Value::U16(number) => json.number_entry(name.as_bytes(), u32::from(number)),
            Value::U32(number) | Value::VarInt(number) => {
                json.number_entry(name.as_bytes(), number);
            }
        }
    }
}

/// Writes JSON as cJSON does: with `pretty`, an object takes a line for each entry, an array none.
struct Json<'o> {
    out: &'o mut Vec<u8>,
    pretty: bool,
    /// Containers that are open.
    depth: usize,
    /// Nothing stands yet in the one that was opened last.
    is_empty: bool,
}

impl Json<'_> {
    fn new(out: &mut Vec<u8>, pretty: bool) -> Json<'_> {
        Json {
            out,
            pretty,
            depth: 0,
            is_empty: true,
        }
    }

    fn open(&mut self, bracket: u8) {
        self.out.push(bracket);
        self.depth += 1;
        self.is_empty = true;
        if self.pretty && bracket == b'{' {
            self.out.push(b'\n');
        }
    }

    fn close(&mut self, bracket: u8) {
        self.depth = self.depth.saturating_sub(1);
        if self.pretty && bracket == b'}' {
            if !self.is_empty {
                self.out.push(b'\n');
            }
            self.indent();
        }
        self.out.push(bracket);
        self.is_empty = false;
    }

    fn indent(&mut self) {
        self.out.resize(self.out.len() + self.depth, b'\t');
    }

    /// Goes on to the next element of an array.
    fn element(&mut self) {
        if !std::mem::take(&mut self.is_empty) {
            let comma: &[u8] = if self.pretty { b", " } else { b"," };
            self.out.extend_from_slice(comma);
        }
    }

    /// Goes on to the next entry of an object.
    fn key(&mut self, name: &[u8]) {
        if !std::mem::take(&mut self.is_empty) {
            let comma: &[u8] = if self.pretty { b",\n" } else { b"," };
            self.out.extend_from_slice(comma);
        }
        if self.pretty {
            self.indent();
        }
        push_string(self.out, name);
        let colon: &[u8] = if self.pretty { b":\t" } else { b":" };
        self.out.extend_from_slice(colon);
    }

    fn string_entry(&mut self, name: &[u8], value: &[u8]) {
        self.key(name);
        push_string(self.out, value);
    }

    fn number_entry(&mut self, name: &[u8], value: u32) {
        self.key(name);
        // Writing to a Vec does not fail.
        let _ = write!(self.out, "{value}");
    }
}

/// Appends a text that is known to be JSON.
fn push_value(json: &mut Json<'_>, text: &str) {
    // Brackets that are open.
    let mut open: Vec<u8> = Vec::new();
    // The next string is the name of an entry.
    let mut is_name = false;
    let mut rest = text;
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_ascii_whitespace());
        let Some(&first) = rest.as_bytes().first() else {
            return;
        };
        let len = match first {
            b'"' => string_len(rest),
            b'{' | b'}' | b'[' | b']' | b',' | b':' => 1,
            _ => rest
                .find(|c: char| c.is_ascii_whitespace() || matches!(c, '}' | ']' | ','))
                .unwrap_or(rest.len()),
        };
        let (token, after) = rest.split_at_checked(len).unwrap_or((rest, ""));
        rest = after;
        match first {
            b'}' | b']' => {
                open.pop();
                json.close(first);
                is_name = false;
                continue;
            }
            b',' => {
                is_name = open.last() == Some(&b'{');
                continue;
            }
            b':' => {
                is_name = false;
                continue;
            }
            _ => {}
        }
        if is_name {
            json.key(unquoted(token).as_bytes());
            continue;
        }
        if open.last() == Some(&b'[') {
            json.element();
        }
        match first {
            b'{' | b'[' => {
                open.push(first);
                json.open(first);
                is_name = first == b'{';
            }
            b'"' => push_string(json.out, unquoted(token).as_bytes()),
            b't' | b'f' | b'n' => json.out.extend_from_slice(token.as_bytes()),
            _ => push_number(json.out, token),
        }
    }
}

/// A string as cJSON writes it, and not as our own lines have it: only control characters of ASCII
/// have escapes, and bytes that are not UTF-8 stay as they are.
fn push_string(out: &mut Vec<u8>, bytes: &[u8]) {
    out.push(b'"');
    for &byte in bytes {
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            0x08 => out.extend_from_slice(b"\\b"),
            0x0c => out.extend_from_slice(b"\\f"),
            // Writing to a Vec does not fail.
            0..0x20 => drop(write!(out, "\\u{byte:04x}")),
            _ => out.push(byte),
        }
    }
    out.push(b'"');
}

/// What a string token stands for.
fn unquoted(token: &str) -> String {
    // Surrogates that stand alone are what serde_json refuses and JSON allows.
    serde_json::from_str(token).unwrap_or_else(|_| token.trim_matches('"').to_owned())
}

/// A number as cJSON writes a double: 15 digits if they are enough to get it back, else 17, as
/// `%g` of printf.
fn push_number(out: &mut Vec<u8>, token: &str) {
    let Ok(value) = token.parse::<f64>() else {
        out.extend_from_slice(token.as_bytes());
        return;
    };
    if !value.is_finite() {
        out.extend_from_slice(b"null");
        return;
    }
    let short = general(value, 15);
    let back: f64 = short.parse().unwrap_or(f64::NAN);
    let is_close = (back - value).abs() <= back.abs().max(value.abs()) * f64::EPSILON;
    let text = if is_close { short } else { general(value, 17) };
    out.extend_from_slice(text.as_bytes());
}

/// `%.*g` of printf.
fn general(value: f64, digits: usize) -> String {
    let scientific = format!("{value:.*e}", digits.saturating_sub(1));
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let trimmed = |text: &str| match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text.to_owned(),
    };
    if exponent < -4 || exponent >= i32::try_from(digits).unwrap_or(i32::MAX) {
        let sign = if exponent < 0 { '-' } else { '+' };
        return format!("{}e{sign}{:02}", trimmed(mantissa), exponent.abs());
    }
    let decimals = i32::try_from(digits).unwrap_or(17) - 1 - exponent;
    let decimals = usize::try_from(decimals).unwrap_or(0);
    trimmed(&format!("{value:.decimals$}"))
}
