//! Payloads as text for programs: complete, on one line or indented, never shortened.

mod cbor;
mod msgpack;
#[cfg(test)]
mod tests;

use std::fmt::Write as _;

use serde::de::IgnoredAny;

use super::Wrong;
use super::notation::MAX_DEPTH;
use super::reader::Reader;
use crate::output::base64;
use crate::output::json::push_string;

/// How a payload becomes text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Conversion {
    /// Two hex digits a byte.
    Hex,
    /// Base64 (RFC 4648, section 4), with padding.
    Base64,
    /// JSON without the space in it, numbers and strings as they were sent.
    Json,
    /// CBOR as JSON (RFC 8949, section 6.1, but for byte strings: those are base64 with padding).
    /// Tags are left out.
    Cbor,
    /// MessagePack as JSON; bytes and extensions as base64.
    Msgpack,
}

/// A payload is not what it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no {name}: {why}")]
pub struct NotConvertible {
    name: &'static str,
    why: String,
}

impl Conversion {
    const ALL: [(&'static str, Conversion); 5] = [
        ("hex", Conversion::Hex),
        ("base64", Conversion::Base64),
        ("json", Conversion::Json),
        ("cbor", Conversion::Cbor),
        ("msgpack", Conversion::Msgpack),
    ];

    /// The one of that name.
    pub fn named(name: &str) -> Option<Conversion> {
        let found = Conversion::ALL.iter().find(|(of, _)| *of == name);
        found.map(|(_, conversion)| *conversion)
    }

    /// Appends the text to `out`; `pretty`: JSON takes a line for each value.
    ///
    /// # Errors
    /// If the payload is something else; nothing is appended then.
    pub fn push(
        self,
        out: &mut Vec<u8>,
        payload: &[u8],
        pretty: bool,
    ) -> Result<(), NotConvertible> {
        let start = out.len();
        let (name, result) = match self {
            Conversion::Hex => {
                out.extend_from_slice(hex::encode(payload).as_bytes());
                return Ok(());
            }
            Conversion::Base64 => {
                base64::push(out, payload);
                return Ok(());
            }
            Conversion::Json => ("JSON", reprint(out, payload, pretty)),
            Conversion::Cbor => ("CBOR", whole(out, payload, pretty, cbor::cbor)),
            Conversion::Msgpack => ("MessagePack", whole(out, payload, pretty, msgpack::msgpack)),
        };
        result.map_err(|wrong| {
            out.truncate(start);
            let why = wrong.to_string();
            NotConvertible { name, why }
        })
    }
}

type Converter = fn(&mut Vec<u8>, &mut Reader<'_>, usize) -> Result<(), Wrong>;

fn whole(out: &mut Vec<u8>, payload: &[u8], pretty: bool, convert: Converter) -> Result<(), Wrong> {
    let mut reader = Reader::new(payload);
    let start = out.len();
    convert(out, &mut reader, 0)?;
    if !reader.is_empty() {
        return Err(Wrong::new(reader.at(), "bytes are left over"));
    }
    if pretty {
        let line = out.split_off(start);
        push_tokens(out, &line, true);
    }
    Ok(())
}

/// JSON with other space in it.
fn reprint(out: &mut Vec<u8>, payload: &[u8], pretty: bool) -> Result<(), Wrong> {
    serde_json::from_slice::<IgnoredAny>(payload).map_err(|error| {
        let lines = payload.split(|byte| *byte == b'\n');
        let before = lines.take(error.line().saturating_sub(1));
        let at = before.map(|line| line.len() + 1).sum::<usize>() + error.column();
        let what = error.to_string();
        let what = what.split(" at line ").next().unwrap_or_default();
        Wrong::new(at.saturating_sub(1), what)
    })?;
    if let Err(error) = std::str::from_utf8(payload) {
        return Err(Wrong::new(error.valid_up_to(), "a byte that is no UTF-8"));
    }
    push_tokens(out, payload, pretty);
    Ok(())
}

/// Appends the tokens of a text that is JSON.
fn push_tokens(out: &mut Vec<u8>, text: &[u8], pretty: bool) {
    let (mut depth, mut in_string, mut is_escaped) = (0usize, false, false);
    // An open bracket with nothing behind it yet.
    let mut is_fresh = false;
    let line = |out: &mut Vec<u8>, depth: usize| {
        if pretty {
            out.push(b'\n');
            out.resize(out.len() + 2 * depth, b' ');
        }
    };
    for &byte in text {
        if in_string {
            out.push(byte);
            in_string = is_escaped || byte != b'"';
            is_escaped = !is_escaped && byte == b'\\';
            continue;
        }
        match byte {
            b' ' | b'\n' | b'\r' | b'\t' => {}
            b'}' | b']' => {
                depth = depth.saturating_sub(1);
                if !std::mem::take(&mut is_fresh) {
                    line(out, depth);
                }
                out.push(byte);
            }
            b',' => {
                out.push(byte);
                line(out, depth);
            }
            b':' if pretty => out.extend_from_slice(b": "),
            _ => {
                if std::mem::take(&mut is_fresh) {
                    line(out, depth);
                }
                out.push(byte);
                in_string = byte == b'"';
                if matches!(byte, b'{' | b'[') {
                    depth += 1;
                    is_fresh = true;
                }
            }
        }
    }
}

fn push(out: &mut Vec<u8>, value: impl std::fmt::Display) {
    let mut text = String::new();
    // Writing to a String does not fail.
    let _ = write!(text, "{value}");
    out.extend_from_slice(text.as_bytes());
}

/// JSON has no word for what is not finite (RFC 8259, section 6).
fn push_float(out: &mut Vec<u8>, value: f64) {
    match value.is_finite() {
        true => push(out, format_args!("{value:?}")),
        false => out.extend_from_slice(b"null"),
    }
}

fn push_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    out.push(b'"');
    base64::push(out, bytes);
    out.push(b'"');
}

fn push_text(out: &mut Vec<u8>, bytes: &[u8], at: usize) -> Result<(), Wrong> {
    match std::str::from_utf8(bytes) {
        Ok(_) => push_string(out, bytes),
        Err(_) => return Err(Wrong::new(at, "a text that is no UTF-8")),
    }
    Ok(())
}

/// The values of an array or a map; `next` says whether there is another, and `one` writes it.
fn container(
    out: &mut Vec<u8>,
    reader: &mut Reader<'_>,
    depth: usize,
    is_map: bool,
    mut next: impl FnMut(&mut Reader<'_>) -> bool,
    one: Converter,
) -> Result<(), Wrong> {
    out.push(if is_map { b'{' } else { b'[' });
    let mut is_first = true;
    while next(reader) {
        if !std::mem::take(&mut is_first) {
            out.push(b',');
        }
        if is_map {
            let start = out.len();
            one(out, reader, depth + 1)?;
            // The name of an entry is a string; anything else becomes the text of its JSON.
            if out.get(start) != Some(&b'"') {
                let name = out.split_off(start);
                push_string(out, &name);
            }
            out.push(b':');
        }
        one(out, reader, depth + 1)?;
    }
    out.push(if is_map { b'}' } else { b']' });
    Ok(())
}

fn counted(mut left: u64) -> impl FnMut(&mut Reader<'_>) -> bool {
    move |_| {
        let is_more = left > 0;
        left = left.saturating_sub(1);
        is_more
    }
}

fn check_depth(at: usize, depth: usize) -> Result<(), Wrong> {
    match depth > MAX_DEPTH {
        true => Err(Wrong::new(at, "values too deep inside of each other")),
        false => Ok(()),
    }
}

fn length(len: u64) -> usize {
    usize::try_from(len).unwrap_or(usize::MAX)
}
