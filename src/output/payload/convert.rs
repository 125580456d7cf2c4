//! Payloads as text for programs: complete, on one line or indented, never shortened.

use std::fmt::Write as _;

use serde::de::IgnoredAny;

use super::Wrong;
use super::cbor::half;
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
            Conversion::Cbor => ("CBOR", whole(out, payload, pretty, cbor)),
            Conversion::Msgpack => ("MessagePack", whole(out, payload, pretty, msgpack)),
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

/// The break that ends a container of indefinite length is taken if it comes next.
fn takes_break(reader: &mut Reader<'_>) -> bool {
    let mut ahead = *reader;
    let is_break = ahead.byte() == Ok(0xff);
    if is_break {
        *reader = ahead;
    }
    is_break
}

fn cbor(out: &mut Vec<u8>, reader: &mut Reader<'_>, depth: usize) -> Result<(), Wrong> {
    let at = reader.at();
    check_depth(at, depth)?;
    let head = reader.byte()?;
    let (major, info) = (head >> 5, head & 0x1f);
    if major == 7 {
        match info {
            20 => out.extend_from_slice(b"false"),
            21 => out.extend_from_slice(b"true"),
            25 => push_float(out, f64::from(half(reader.number(2)? as u16))),
            26 => push_float(out, f64::from(f32::from_bits(reader.number(4)? as u32))),
            27 => push_float(out, f64::from_bits(reader.number(8)?)),
            24 => {
                reader.byte()?;
                out.extend_from_slice(b"null");
            }
            0..24 => out.extend_from_slice(b"null"),
            31 => return Err(Wrong::new(at, "a break with nothing to end")),
            _ => return Err(Wrong::new(at, "a value that is reserved")),
        }
        return Ok(());
    }
    let argument = match info {
        0..24 => Some(u64::from(info)),
        24..28 => Some(reader.number(1 << (info - 24))?),
        31 if matches!(major, 2..=5) => None,
        _ => return Err(Wrong::new(at, "a length that is reserved")),
    };
    match (major, argument) {
        (0, Some(number)) => push(out, number),
        (1, Some(number)) => push(out, -1 - i128::from(number)),
        (2, Some(len)) => push_bytes(out, reader.take(length(len))?),
        (3, Some(len)) => push_text(out, reader.take(length(len))?, at)?,
        (2 | 3, None) => {
            let mut bytes = Vec::new();
            while !takes_break(reader) {
                let at = reader.at();
                let head = reader.byte()?;
                let len = match head & 0x1f {
                    info @ 0..24 => u64::from(info),
                    info @ 24..28 => reader.number(1 << (info - 24))?,
                    _ => return Err(Wrong::new(at, "a length that is reserved")),
                };
                if head >> 5 != major {
                    return Err(Wrong::new(at, "a chunk of another kind"));
                }
                bytes.extend_from_slice(reader.take(length(len))?);
            }
            match major {
                2 => push_bytes(out, &bytes),
                _ => push_text(out, &bytes, at)?,
            }
        }
        (4 | 5, Some(count)) => {
            container(out, reader, depth, major == 5, counted(count), cbor)?;
        }
        (4 | 5, None) => {
            let next = |reader: &mut Reader<'_>| !takes_break(reader);
            container(out, reader, depth, major == 5, next, cbor)?;
        }
        // A tag: what it is about.
        _ => cbor(out, reader, depth + 1)?,
    }
    Ok(())
}

fn msgpack(out: &mut Vec<u8>, reader: &mut Reader<'_>, depth: usize) -> Result<(), Wrong> {
    let at = reader.at();
    check_depth(at, depth)?;
    let head = reader.byte()?;
    let mut string = |reader: &mut Reader<'_>, len: u64| {
        let bytes = reader.take(length(len))?;
        // Old writers put bytes into strings.
        match std::str::from_utf8(bytes) {
            Ok(_) => push_string(out, bytes),
            Err(_) => push_bytes(out, bytes),
        }
        Ok(())
    };
    match head {
        0xa0..=0xbf => return string(reader, u64::from(head & 0x1f)),
        0xd9..=0xdb => {
            let len = reader.number(1 << (head - 0xd9))?;
            return string(reader, len);
        }
        _ => {}
    }
    match head {
        0x00..=0x7f => push(out, head),
        0x80..=0x8f => {
            let count = counted(u64::from(head & 0x0f));
            container(out, reader, depth, true, count, msgpack)?;
        }
        0x90..=0x9f => {
            let count = counted(u64::from(head & 0x0f));
            container(out, reader, depth, false, count, msgpack)?;
        }
        0xc0 => out.extend_from_slice(b"null"),
        0xc1 => return Err(Wrong::new(at, "c1, which is never used")),
        0xc2 => out.extend_from_slice(b"false"),
        0xc3 => out.extend_from_slice(b"true"),
        0xc4..=0xc6 => {
            let len = reader.number(1 << (head - 0xc4))?;
            push_bytes(out, reader.take(length(len))?);
        }
        0xc7..=0xc9 | 0xd4..=0xd8 => {
            let len = match head {
                0xc7..=0xc9 => reader.number(1 << (head - 0xc7))?,
                _ => 1 << (head - 0xd4),
            };
            reader.byte()?;
            push_bytes(out, reader.take(length(len))?);
        }
        0xca => push_float(out, f64::from(f32::from_bits(reader.number(4)? as u32))),
        0xcb => push_float(out, f64::from_bits(reader.number(8)?)),
        0xcc..=0xcf => push(out, reader.number(1 << (head - 0xcc))?),
        0xd0 => push(out, reader.number(1)? as i8),
        0xd1 => push(out, reader.number(2)? as i16),
        0xd2 => push(out, reader.number(4)? as i32),
        0xd3 => push(out, reader.number(8)? as i64),
        0xdc | 0xdd => {
            let count = counted(reader.number(2 << (head - 0xdc))?);
            container(out, reader, depth, false, count, msgpack)?;
        }
        0xde | 0xdf => {
            let count = counted(reader.number(2 << (head - 0xde))?);
            container(out, reader, depth, true, count, msgpack)?;
        }
        _ => push(out, head as i8),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(conversion: Conversion, payload: &[u8], pretty: bool) -> Result<String, String> {
        let mut out = b">".to_vec();
        let result = conversion.push(&mut out, payload, pretty);
        let text = String::from_utf8(out).unwrap();
        match result {
            Ok(()) => Ok(text[1..].to_owned()),
            Err(error) => {
                assert_eq!(text, ">");
                Err(error.to_string())
            }
        }
    }

    #[test]
    fn any_bytes() {
        assert_eq!(
            text(Conversion::Hex, b"\x00\xffa", false).unwrap(),
            "00ff61"
        );
        // RFC 4648, section 10.
        for (bytes, base64) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foobar", "Zm9vYmFy"),
        ] {
            let shown = text(Conversion::Base64, bytes.as_bytes(), false);
            assert_eq!(shown.unwrap(), base64);
        }
    }

    #[test]
    fn json_keeps_its_numbers_and_strings() {
        let json = br#" { "b" : 1.50, "a\" {": [ 1 , {} , [ ] ],"n":12345678901234567890123 } "#;
        assert_eq!(
            text(Conversion::Json, json, false).unwrap(),
            r#"{"b":1.50,"a\" {":[1,{},[]],"n":12345678901234567890123}"#
        );
        assert_eq!(
            text(Conversion::Json, br#"{"a":[1,{}],"b":[]}"#, true).unwrap(),
            "{\n  \"a\": [\n    1,\n    {}\n  ],\n  \"b\": []\n}"
        );
        assert_eq!(
            text(Conversion::Json, b"{\"a\":1", false).unwrap_err(),
            "no JSON: EOF while parsing an object (byte 5)"
        );
        assert!(text(Conversion::Json, b"", false).is_err());
        assert!(text(Conversion::Json, b"\"\xff\"", false).is_err());
    }

    /// Examples of RFC 8949, appendix A.
    #[test]
    fn cbor_as_json() {
        for (hex, json) in [
            ("00", "0"),
            ("1bffffffffffffffff", "18446744073709551615"),
            ("3bffffffffffffffff", "-18446744073709551616"),
            ("f93e00", "1.5"),
            ("f97e00", "null"),
            ("fb3ff199999999999a", "1.1"),
            ("f4", "false"),
            ("f7", "null"),
            ("c11a514b67b0", "1363896240"),
            ("4401020304", "\"AQIDBA==\""),
            ("62225c", r#""\"\\""#),
            ("8301820203820405", "[1,[2,3],[4,5]]"),
            ("a201020304", r#"{"1":2,"3":4}"#),
            ("a26161016162820203", r#"{"a":1,"b":[2,3]}"#),
            ("5f42010243030405ff", "\"AQIDBAU=\""),
            ("7f657374726561646d696e67ff", "\"streaming\""),
            ("9f018202039f0405ffff", "[1,[2,3],[4,5]]"),
            ("bf61610161629f0203ffff", r#"{"a":1,"b":[2,3]}"#),
            ("80", "[]"),
            ("a0", "{}"),
        ] {
            let bytes = hex::decode(hex).unwrap();
            assert_eq!(
                text(Conversion::Cbor, &bytes, false).as_deref(),
                Ok(json),
                "{hex}"
            );
        }
        for hex in [
            "",
            "ff",
            "82 01",
            "1c",
            "62ff61",
            "0000",
            "5f61 61ff",
            "bf6161ff",
        ] {
            let bytes = hex::decode(hex.replace(' ', "")).unwrap();
            assert!(text(Conversion::Cbor, &bytes, false).is_err(), "{hex}");
        }
        assert!(text(Conversion::Cbor, &[0x81; 100_000], false).is_err());
        assert!(text(Conversion::Cbor, &[0xc1; 100_000], false).is_err());
    }

    /// By the tables of the specification.
    #[test]
    fn msgpack_as_json() {
        for (hex, json) in [
            ("7f", "127"),
            ("e0", "-32"),
            ("c0", "null"),
            ("c3", "true"),
            ("ccff", "255"),
            ("cfffffffffffffffff", "18446744073709551615"),
            ("d1ff00", "-256"),
            ("ca3fc00000", "1.5"),
            ("a161", "\"a\""),
            ("d90161", "\"a\""),
            ("c40201ff", "\"Af8=\""),
            ("d40161", "\"YQ==\""),
            ("9301a16180", "[1,\"a\",{}]"),
            ("81a16101", r#"{"a":1}"#),
            ("dc000101", "[1]"),
            ("de0001a16101", r#"{"a":1}"#),
        ] {
            let bytes = hex::decode(hex).unwrap();
            let shown = text(Conversion::Msgpack, &bytes, false);
            assert_eq!(shown.as_deref(), Ok(json), "{hex}");
        }
        for hex in ["", "c1", "92", "0000", "dd ffffffff"] {
            let bytes = hex::decode(hex.replace(' ', "")).unwrap();
            assert!(text(Conversion::Msgpack, &bytes, false).is_err(), "{hex}");
        }
    }
}
