//! What a payload holds, as rows of text.
//!
//! Nothing is guessed that could be wrong: by itself a payload is JSON or text if all of it is, a
//! hex dump otherwise. What its sender says (Content Type) and what the user says (a decoder for a
//! topic filter) decide more; if the bytes are something else then, that is said, and they are
//! shown as they are.

mod cbor;
mod coding;
mod gzip;
mod json;
mod msgpack;
mod notation;
mod reader;
mod sparkplug;

pub use coding::{Coding, CodingError};

use super::base64;
use super::text::{Hex, Safe, shorten};
use super::tree::count;
use crate::mqtt::topic::{self, TopicError};

/// Rows that are shown of one payload.
const MAX_ROWS: usize = 400;
/// Characters of a row.
const MAX_COLUMNS: usize = 200;
/// Bytes that a hex dump shows.
const MAX_DUMP: usize = 256;

/// How to read a payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decoder {
    /// JSON (RFC 8259), indented.
    Json,
    /// UTF-8 text.
    Text,
    /// A hex dump.
    Hex,
    /// Base64 of something, which is shown by its content.
    Base64,
    /// CBOR (RFC 8949).
    Cbor,
    /// MessagePack.
    Msgpack,
    /// Gzip of something, which is shown by its content.
    Gzip,
    /// The protobuf payload of Sparkplug B.
    Sparkplug,
}

impl Decoder {
    /// Every decoder with its name.
    pub const ALL: &[(&str, Decoder)] = &[
        ("json", Decoder::Json),
        ("text", Decoder::Text),
        ("hex", Decoder::Hex),
        ("base64", Decoder::Base64),
        ("cbor", Decoder::Cbor),
        ("msgpack", Decoder::Msgpack),
        ("gzip", Decoder::Gzip),
        ("sparkplug", Decoder::Sparkplug),
    ];

    /// The decoder of that name.
    pub fn named(name: &str) -> Option<Decoder> {
        let found = Decoder::ALL.iter().find(|(of, _)| *of == name);
        found.map(|(_, decoder)| *decoder)
    }

    fn name(self) -> &'static str {
        match self {
            Decoder::Json => "JSON",
            Decoder::Text => "UTF-8 text",
            Decoder::Hex => "hex",
            Decoder::Base64 => "base64",
            Decoder::Cbor => "CBOR",
            Decoder::Msgpack => "MessagePack",
            Decoder::Gzip => "gzip",
            Decoder::Sparkplug => "Sparkplug B",
        }
    }

    /// What a Content Type stands for.
    fn of_content_type(content_type: &str) -> Option<Decoder> {
        let media_type = content_type.split(';').next().unwrap_or_default().trim();
        let media_type = media_type.to_ascii_lowercase();
        match media_type.as_str() {
            "application/json" => Some(Decoder::Json),
            "application/cbor" => Some(Decoder::Cbor),
            "application/msgpack" | "application/x-msgpack" | "application/vnd.msgpack" => {
                Some(Decoder::Msgpack)
            }
            "application/gzip" | "application/x-gzip" => Some(Decoder::Gzip),
            other if other.ends_with("+json") => Some(Decoder::Json),
            other if other.ends_with("+cbor") => Some(Decoder::Cbor),
            other if other.starts_with("text/") => Some(Decoder::Text),
            _ => None,
        }
    }
}

/// The decoders that the user wants, by topic.
#[derive(Debug, Clone, Default)]
pub struct Rules {
    rules: Vec<(String, Decoder)>,
}

impl Rules {
    /// Adds a rule; where several match, the first counts.
    ///
    /// # Errors
    /// If the filter is none.
    pub fn add(&mut self, filter: &str, decoder: Decoder) -> Result<(), TopicError> {
        topic::check_filter(filter)?;
        self.rules.push((filter.to_owned(), decoder));
        Ok(())
    }

    fn find(&self, name: &str) -> Option<Decoder> {
        let rule = self
            .rules
            .iter()
            .find(|(filter, _)| topic::matches(filter, name));
        rule.map(|(_, decoder)| *decoder)
    }
}

/// What is known of a payload beside its bytes.
#[derive(Debug, Clone, Copy, Default)]
pub struct About<'a> {
    /// The topic, an alias already resolved.
    pub topic: Option<&'a str>,
    /// Payload Format Indicator of MQTT 5.0.
    pub format: Option<u32>,
    /// Content Type of MQTT 5.0.
    pub content_type: Option<&'a str>,
    /// Columns that there are for it; `None` for as many as it takes.
    pub columns: Option<usize>,
}

/// A payload to be shown.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Shown {
    /// What it is, if that says more than the rows.
    pub kind: Option<String>,
    /// What does not fit to what was said of it.
    pub problem: Option<String>,
    /// The rows, safe for a terminal.
    pub rows: Vec<String>,
}

impl Shown {
    /// The rows in one line, without what indents them.
    pub fn line(&self) -> String {
        let rows: Vec<&str> = self.rows.iter().map(|row| row.trim()).collect();
        rows.join(" ")
    }

    fn rows(decoder: Decoder, rows: Vec<String>) -> Shown {
        Shown {
            kind: Some(decoder.name().into()),
            problem: None,
            rows,
        }
    }
}

/// Why bytes are not what they should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} (byte {at})")]
struct Wrong {
    at: usize,
    what: String,
}

impl Wrong {
    fn new(at: usize, what: impl Into<String>) -> Wrong {
        Wrong {
            at,
            what: what.into(),
        }
    }
}

/// Shows a payload.
pub fn show(payload: &[u8], about: About<'_>, rules: Option<&Rules>) -> Shown {
    if payload.is_empty() {
        return Shown::default();
    }
    let asked_for = rules
        .zip(about.topic)
        .and_then(|(rules, topic)| rules.find(topic));
    let said = asked_for.or_else(|| about.content_type.and_then(Decoder::of_content_type));
    let mut shown = match said.map(|decoder| decode_as(payload, decoder, about.columns)) {
        Some(Ok(shown)) => shown,
        Some(Err(problem)) => Shown {
            problem: Some(problem),
            ..by_content(payload, about.columns)
        },
        None => by_content(payload, about.columns),
    };
    if about.format == Some(1)
        && shown.problem.is_none()
        && let Err(error) = std::str::from_utf8(payload)
    {
        let at = error.valid_up_to();
        shown.problem = Some(format!(
            "no UTF-8 text, as the Payload Format Indicator says (byte {at})"
        ));
    }
    shown
}

/// What the user asked for alone: a payload on a topic with a rule, as it says, or why it is
/// something else. `None` if there is no such rule, or nothing to show.
pub fn as_asked(
    payload: &[u8],
    topic: Option<&str>,
    rules: &Rules,
) -> Option<Result<Shown, String>> {
    if rules.rules.is_empty() || payload.is_empty() {
        return None;
    }
    Some(decode_as(payload, rules.find(topic?)?, None))
}

/// The same, or what the sender says of what is neither text nor JSON, which show themselves.
pub(super) fn as_said(
    payload: &[u8],
    about: About<'_>,
    rules: Option<&Rules>,
) -> Option<Result<Shown, String>> {
    let asked = rules.and_then(|rules| as_asked(payload, about.topic, rules));
    if asked.is_some() || payload.is_empty() {
        return asked;
    }
    match Decoder::of_content_type(about.content_type?)? {
        Decoder::Json | Decoder::Text => None,
        decoder => Some(decode_as(payload, decoder, None)),
    }
}

fn decode_as(payload: &[u8], decoder: Decoder, columns: Option<usize>) -> Result<Shown, String> {
    decode(payload, decoder, columns).map_err(|wrong| format!("no {}: {wrong}", decoder.name()))
}

/// A payload as text, if it is that: control characters but for those that lay out text make it
/// something else.
pub(super) fn text_of(payload: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(payload).ok()?;
    let is_text = |c: char| !c.is_control() || matches!(c, '\t' | '\n' | '\r');
    text.chars().all(is_text).then_some(text)
}

/// What needs no word of anybody.
fn by_content(payload: &[u8], columns: Option<usize>) -> Shown {
    let Some(text) = text_of(payload) else {
        return Shown {
            rows: dump(payload, columns),
            ..Shown::default()
        };
    };
    if let Some(b'{' | b'[') = payload.trim_ascii_start().first()
        && let Ok(rows) = json::rows(text)
    {
        return Shown::rows(Decoder::Json, rows);
    }
    Shown {
        rows: lines(text),
        ..Shown::default()
    }
}

fn decode(payload: &[u8], decoder: Decoder, columns: Option<usize>) -> Result<Shown, Wrong> {
    let text = || {
        std::str::from_utf8(payload)
            .map_err(|error| Wrong::new(error.valid_up_to(), "a byte that is no UTF-8"))
    };
    let rows = match decoder {
        Decoder::Json => json::rows(text()?)?,
        Decoder::Text => lines(text()?),
        Decoder::Hex => dump(payload, columns),
        Decoder::Cbor => cbor::rows(payload)?,
        Decoder::Msgpack => msgpack::rows(payload)?,
        Decoder::Sparkplug => sparkplug::rows(payload)?,
        Decoder::Gzip => return Ok(inside(decoder, &gzip::unpack(payload)?, columns)),
        Decoder::Base64 => {
            let decoded = base64::decode(text()?);
            if let Some((at, what)) = decoded.problem {
                return Err(Wrong::new(at, what));
            }
            return Ok(inside(decoder, &decoded.bytes, columns));
        }
    };
    Ok(Shown::rows(decoder, rows))
}

/// What was wrapped in something, by its content.
fn inside(decoder: Decoder, bytes: &[u8], columns: Option<usize>) -> Shown {
    let mut shown = by_content(bytes, columns);
    let kind = shown
        .kind
        .map_or(String::new(), |kind| format!(" of {kind}"));
    let len = count(bytes.len(), "byte");
    shown.kind = Some(format!("{}, {len} inside{kind}", decoder.name()));
    shown
}

/// The lines of a text.
fn lines(text: &str) -> Vec<String> {
    let mut rows = Vec::new();
    for line in text.lines() {
        if !push(&mut rows, &Safe(line).to_string()) {
            break;
        }
    }
    rows
}

/// Adds a row, unless there are enough; says whether there is room for more.
fn push(rows: &mut Vec<String>, row: &str) -> bool {
    match rows.len() {
        0..MAX_ROWS => rows.push(shorten(row.to_owned(), MAX_COLUMNS)),
        MAX_ROWS => rows.push("…".into()),
        _ => return false,
    }
    true
}

/// Offset, bytes in hex, and as text, in as many columns.
fn dump(bytes: &[u8], columns: Option<usize>) -> Vec<String> {
    // Four digits, three columns of hex and one of text for each byte, and blanks.
    let per_row = match columns {
        Some(0..40) => 4,
        Some(40..72) => 8,
        _ => 16,
    };
    let digits = 3 * per_row - 1;
    let mut rows = Vec::new();
    for (i, row) in bytes.chunks(per_row).take(MAX_DUMP / per_row).enumerate() {
        let visible = |&byte: &u8| match byte {
            b' '..=b'~' => char::from(byte),
            _ => '.',
        };
        let text: String = row.iter().map(visible).collect();
        let hex = Hex(row).to_string();
        rows.push(format!("{:04x}  {hex:<digits$}  {text}", i * per_row));
    }
    if bytes.len() > MAX_DUMP {
        rows.push(format!("… {} more", count(bytes.len() - MAX_DUMP, "byte")));
    }
    rows
}

#[cfg(test)]
mod tests;
