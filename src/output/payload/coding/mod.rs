//! Payloads turned from one form into another: hex, base64, JSON, CBOR, MessagePack.
//!
//! To encode is to turn what is meant into the form; to decode is the way back. What is meant is
//! bytes with hex and base64, and JSON with the others.

mod json;
mod pack;

use super::super::base64;
use super::{Wrong, cbor, msgpack};

/// A form of payloads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coding {
    /// Hex digits, two a byte.
    Hex,
    /// Base64 (RFC 4648, section 4).
    Base64,
    /// JSON (RFC 8259) without white space between its parts.
    Json,
    /// CBOR (RFC 8949).
    Cbor,
    /// MessagePack.
    Msgpack,
}

/// Why a payload has no such form.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the payload is no {form}: {wrong}")]
pub struct CodingError {
    form: &'static str,
    wrong: Wrong,
}

impl Coding {
    /// Every form with its name.
    pub const ALL: &[(&str, Coding)] = &[
        ("hex", Coding::Hex),
        ("base64", Coding::Base64),
        ("json", Coding::Json),
        ("cbor", Coding::Cbor),
        ("msgpack", Coding::Msgpack),
    ];

    /// The form of that name.
    pub fn named(name: &str) -> Option<Coding> {
        let found = Coding::ALL.iter().find(|(of, _)| *of == name);
        found.map(|(_, coding)| *coding)
    }

    /// Turns a payload into this form: any bytes into hex or base64, JSON text into the others.
    ///
    /// # Errors
    /// If it should be JSON and is not.
    pub fn encode(self, payload: &[u8]) -> Result<Vec<u8>, CodingError> {
        let packed = match self {
            Coding::Hex => return Ok(hex::encode(payload).into_bytes()),
            Coding::Base64 => return Ok(base64::encode(payload).into_bytes()),
            Coding::Json => json::minify(payload),
            Coding::Cbor => pack::pack::<pack::Cbor>(payload),
            Coding::Msgpack => pack::pack::<pack::Msgpack>(payload),
        };
        packed.map_err(|wrong| CodingError {
            form: "JSON",
            wrong,
        })
    }

    /// Turns a payload in this form into bytes, or into JSON text: what JSON has not becomes what
    /// RFC 8949 (6.1) advises, e.g. bytes become base64url. Hex and base64 may hold white space.
    ///
    /// # Errors
    /// If it is not in this form.
    pub fn decode(self, payload: &[u8]) -> Result<Vec<u8>, CodingError> {
        let (form, decoded) = match self {
            Coding::Hex => ("hex", unhex(payload)),
            Coding::Base64 => ("base64", unbase64(payload)),
            Coding::Json => ("JSON", json::minify(payload)),
            Coding::Cbor => ("CBOR", json::collect(|sink| cbor::read(payload, sink))),
            Coding::Msgpack => (
                "MessagePack",
                json::collect(|sink| msgpack::read(payload, sink)),
            ),
        };
        decoded.map_err(|wrong| CodingError { form, wrong })
    }
}

fn unhex(payload: &[u8]) -> Result<Vec<u8>, Wrong> {
    let mut bytes = Vec::with_capacity(payload.len() / 2);
    let mut high = None;
    for (at, &c) in payload.iter().enumerate() {
        if c.is_ascii_whitespace() {
            continue;
        }
        let digit = char::from(c)
            .to_digit(16)
            .and_then(|d| u8::try_from(d).ok());
        let digit = digit.ok_or_else(|| Wrong::new(at, "something that is no hex digit"))?;
        match high.take() {
            None => high = Some(digit),
            Some(high) => bytes.push(high << 4 | digit),
        }
    }
    match high {
        None => Ok(bytes),
        Some(_) => Err(Wrong::new(payload.len(), "a digit is missing")),
    }
}

fn unbase64(payload: &[u8]) -> Result<Vec<u8>, Wrong> {
    let text = std::str::from_utf8(payload)
        .map_err(|error| Wrong::new(error.valid_up_to(), "a byte that is no base64 digit"))?;
    let decoded = base64::decode(text);
    match decoded.problem {
        None => Ok(decoded.bytes),
        Some((at, what)) => Err(Wrong::new(at, what)),
    }
}

#[cfg(test)]
mod tests;
