//! Nested values as rows: brackets, indentation, one value a row.

use super::super::text::{Bytes, Hex, shorten};
use super::push;

/// Containers inside of each other, at most.
pub(super) const MAX_DEPTH: usize = 64;

/// Characters of a value.
const MAX_VALUE: usize = 160;

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
