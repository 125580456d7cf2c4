//! JSON text: without white space, and made of what a reader finds.

use serde::de::IgnoredAny;

use super::super::super::base64;
use super::super::Wrong;
use super::super::notation::Sink;

/// Checks JSON, and leaves out the white space between its parts. Nothing else changes: no number
/// is rounded, no key moved, no escape changed.
pub(super) fn minify(payload: &[u8]) -> Result<Vec<u8>, Wrong> {
    check(payload)?;
    let mut text = Vec::with_capacity(payload.len());
    let (mut in_string, mut is_escaped) = (false, false);
    for &byte in payload {
        if in_string {
            in_string = is_escaped || byte != b'"';
            is_escaped = !is_escaped && byte == b'\\';
        } else if byte.is_ascii_whitespace() {
            continue;
        } else {
            in_string = byte == b'"';
        }
        text.push(byte);
    }
    Ok(text)
}

fn check(payload: &[u8]) -> Result<(), Wrong> {
    let text = std::str::from_utf8(payload)
        .map_err(|error| Wrong::new(error.valid_up_to(), "a byte that is no UTF-8"))?;
    // Also limits the depth, to 128.
    serde_json::from_str::<IgnoredAny>(text)
        .map(drop)
        .map_err(|error| wrong(payload, &error))
}

/// What serde_json says, with the byte in place of line and column.
pub(super) fn wrong(payload: &[u8], error: &serde_json::Error) -> Wrong {
    let lines = payload.split(|&byte| byte == b'\n');
    let before = lines.take(error.line().saturating_sub(1));
    let at = before.map(|line| line.len() + 1).sum::<usize>() + error.column();
    let what = error.to_string();
    let what = what.split(" at line ").next().unwrap_or_default();
    Wrong::new(at.saturating_sub(1), what)
}

/// The JSON of what `read` finds.
pub(super) fn collect(
    read: impl FnOnce(&mut JsonText) -> Result<(), Wrong>,
) -> Result<Vec<u8>, Wrong> {
    let mut sink = JsonText::default();
    read(&mut sink)?;
    match sink.problem {
        None => Ok(sink.text),
        Some(what) => Err(Wrong::new(0, what)),
    }
}

/// Collects JSON.
#[derive(Debug, Default)]
pub(super) struct JsonText {
    text: Vec<u8>,
    /// Whether each open container is a map.
    containers: Vec<bool>,
    /// The next value is the key of a map.
    is_key: bool,
    problem: Option<&'static str>,
}

impl JsonText {
    /// A value that stands as it is, unless it is a key.
    fn bare(&mut self, value: &str) {
        let quote: &[u8] = if self.is_key { b"\"" } else { b"" };
        self.text.extend_from_slice(quote);
        self.text.extend_from_slice(value.as_bytes());
        self.text.extend_from_slice(quote);
    }
}

impl Sink for JsonText {
    fn number(&mut self, digits: &str) {
        self.bare(digits);
    }

    fn word(&mut self, word: &str) {
        match word {
            "false" | "true" => self.bare(word),
            // What JSON has no word for.
            _ => self.bare("null"),
        }
    }

    fn text(&mut self, bytes: &[u8]) {
        let text = String::from_utf8_lossy(bytes);
        // Writing a string to a Vec does not fail.
        let _ = serde_json::to_writer(&mut self.text, &text);
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.text.push(b'"');
        self.text
            .extend_from_slice(base64::encode_url(bytes).as_bytes());
        self.text.push(b'"');
    }

    fn label(&mut self, _: &str) {}

    fn tag(&mut self, _: u64) {}

    fn end_tag(&mut self) {}

    fn open(&mut self, bracket: char) {
        if self.is_key {
            self.problem = Some("a key is an array or a map, which JSON cannot have");
        }
        self.containers.push(bracket == '{');
        self.is_key = false;
        self.text.push(bracket as u8);
    }

    fn next(&mut self) {
        if !matches!(self.text.last(), Some(b'[' | b'{')) {
            self.text.push(b',');
        }
        self.is_key = self.containers.last() == Some(&true);
    }

    fn colon(&mut self) {
        self.is_key = false;
        self.text.push(b':');
    }

    fn close(&mut self, bracket: char) {
        self.containers.pop();
        self.is_key = false;
        self.text.push(bracket as u8);
    }
}
