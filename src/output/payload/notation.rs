//! Nested values as rows: brackets, indentation, one value a row.

use std::fmt;

use super::super::text::{Bytes, Hex, shorten};
use super::{Wrong, push};

/// Containers inside of each other, at most.
pub(super) const MAX_DEPTH: usize = 64;

/// Characters of a value.
const MAX_VALUE: usize = 160;

/// What a reader of nested values tells of them, in their order.
pub(super) trait Sink {
    /// A number in decimal digits.
    fn number(&mut self, digits: &str);
    /// A value with a name: false, true, null and what is no JSON.
    fn word(&mut self, word: &str);
    /// A string from the wire, UTF-8.
    fn text(&mut self, bytes: &[u8]);
    /// Bytes from the wire.
    fn bytes(&mut self, bytes: &[u8]);
    /// Something about the bytes that follow.
    fn label(&mut self, label: &str);
    /// Begins a tagged value.
    fn tag(&mut self, number: u64);
    /// Ends a tagged value.
    fn end_tag(&mut self);
    /// Begins a container: `[` or `{`.
    fn open(&mut self, bracket: char);
    /// Comes before each value of an array, and before each key of a map.
    fn next(&mut self);
    /// Comes between a key and its value.
    fn colon(&mut self);
    /// Ends a container.
    fn close(&mut self, bracket: char);
}

/// A float: a number if it is one.
pub(super) fn float(
    sink: &mut impl Sink,
    value: impl Into<f64> + fmt::Debug + Copy,
) -> Result<(), Wrong> {
    let text = format!("{value:?}");
    match value.into().is_finite() {
        true => sink.number(&text),
        false => sink.word(&text),
    }
    Ok(())
}

/// Collects rows.
#[derive(Debug, Default)]
pub(super) struct Notation {
    rows: Vec<String>,
    line: String,
    depth: usize,
    /// The container that was opened last has nothing in it yet.
    is_empty: bool,
}

impl Notation {
    /// A value that is ready to be shown.
    pub(super) fn scalar(&mut self, text: &str) {
        self.line.push_str(&shorten(text.to_owned(), MAX_VALUE));
    }

    /// A string from the wire.
    pub(super) fn text(&mut self, bytes: &[u8]) {
        // No character is shown shorter than it is, and quotes take two.
        let seen = match std::str::from_utf8(bytes) {
            Ok(text) => match text.char_indices().nth(MAX_VALUE) {
                Some((end, _)) => bytes.get(..end).unwrap_or(bytes),
                None => bytes,
            },
            Err(_) => bytes.get(..MAX_VALUE).unwrap_or(bytes),
        };
        self.scalar(&Bytes(seen).to_string());
        if seen.len() < bytes.len() {
            self.line.push('…');
        }
    }

    /// Bytes from the wire.
    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        let seen = bytes.get(..MAX_VALUE / 3).unwrap_or(bytes);
        self.line.push_str(&format!("h'{}'", Hex(seen)));
        if seen.len() < bytes.len() {
            self.line.push_str(&format!("… ({} bytes)", bytes.len()));
        }
    }

    /// Begins a container.
    pub(super) fn open(&mut self, bracket: char) {
        self.line.push(bracket);
        self.depth += 1;
        self.is_empty = true;
    }

    /// Comes before each value of a container.
    pub(super) fn next(&mut self) {
        if !std::mem::take(&mut self.is_empty) {
            self.line.push(',');
        }
        self.end_row();
    }

    /// The same, where the value may be the outermost.
    pub(super) fn next_unless_top(&mut self) {
        if self.depth > 0 {
            self.next();
        }
    }

    /// Ends a container.
    pub(super) fn close(&mut self, bracket: char) {
        self.depth = self.depth.saturating_sub(1);
        if !std::mem::take(&mut self.is_empty) {
            self.end_row();
        }
        self.line.push(bracket);
    }

    fn end_row(&mut self) {
        push(&mut self.rows, &self.line);
        self.line.clear();
        self.line.extend(std::iter::repeat_n("  ", self.depth));
    }

    /// All rows.
    pub(super) fn finish(mut self) -> Vec<String> {
        push(&mut self.rows, &self.line);
        self.rows
    }
}

impl Sink for Notation {
    fn number(&mut self, digits: &str) {
        self.scalar(digits);
    }

    fn word(&mut self, word: &str) {
        self.scalar(word);
    }

    fn text(&mut self, bytes: &[u8]) {
        Notation::text(self, bytes);
    }

    fn bytes(&mut self, bytes: &[u8]) {
        Notation::bytes(self, bytes);
    }

    fn label(&mut self, label: &str) {
        self.scalar(label);
    }

    fn tag(&mut self, number: u64) {
        self.scalar(&format!("{number}("));
    }

    fn end_tag(&mut self) {
        self.scalar(")");
    }

    fn open(&mut self, bracket: char) {
        Notation::open(self, bracket);
    }

    fn next(&mut self) {
        Notation::next(self);
    }

    fn colon(&mut self) {
        self.scalar(": ");
    }

    fn close(&mut self, bracket: char) {
        Notation::close(self, bracket);
    }
}
