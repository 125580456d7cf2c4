//! JSON text: without white space, and made of what a reader finds.

use super::super::super::base64;
use super::super::Wrong;
use super::super::notation::Sink;

/// Checks JSON, and gives it other white space between its parts: none, or with `pretty` a line for
/// each value. Nothing else changes: no number is rounded, no key moved, no escape changed.
pub(super) fn respace(payload: &[u8], pretty: bool) -> Result<Vec<u8>, Wrong> {
    let text = std::str::from_utf8(payload)
        .map_err(|error| Wrong::new(error.valid_up_to(), "a byte that is no UTF-8"))?;
    super::super::json::check(text)?;
    let mut out = Vec::with_capacity(payload.len());
    let (mut depth, mut in_string, mut is_escaped) = (0_usize, false, false);
    // An open bracket with nothing behind it yet.
    let mut is_fresh = false;
    let line = |out: &mut Vec<u8>, depth: usize| {
        if pretty {
            out.push(b'\n');
            out.resize(out.len() + 2 * depth, b' ');
        }
    };
    for &byte in payload {
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
                    line(&mut out, depth);
                }
                out.push(byte);
            }
            b',' => {
                out.push(byte);
                line(&mut out, depth);
            }
            b':' if pretty => out.extend_from_slice(b": "),
            _ => {
                if std::mem::take(&mut is_fresh) {
                    line(&mut out, depth);
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
    Ok(out)
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
