//! Writing an object key by key.
//!
//! Packets come by the million, and `serde_json` spends most of the time of a line on looking for
//! something to escape in keys that never have it, and on output a few bytes at a time. Here keys
//! are written as they are, into a buffer. Reports, of which there is one per run, are derived.

use std::fmt::{Display, Write as _};

use super::super::text;

/// An object that is being written.
#[derive(Debug)]
pub(in crate::output) struct Object<'b> {
    /// Ends with the entries so far, each with a comma in front.
    out: &'b mut Vec<u8>,
}

impl<'b> Object<'b> {
    /// Appends an object to `out`.
    pub(in crate::output) fn write(out: &'b mut Vec<u8>, fill: impl FnOnce(&mut Object<'_>)) {
        let start = out.len();
        fill(&mut Object { out });
        match out.get_mut(start) {
            Some(first_comma) => *first_comma = b'{',
            None => out.push(b'{'),
        }
        out.push(b'}');
    }

    /// Goes on with an object of which `out` ends with some entries, and ends it.
    pub(in crate::output) fn resume(out: &'b mut Vec<u8>, fill: impl FnOnce(&mut Object<'_>)) {
        fill(&mut Object { out });
        out.push(b'}');
    }

    /// Adds an entry. `key` is one of our own, without anything to escape.
    #[inline(always)]
    pub(in crate::output) fn entry(&mut self, key: &str, value: impl Value) {
        // Of a constant key the compiler makes one constant, which is written at once.
        let mut front = [0; 32];
        let len = key.len() + 4;
        match front.get_mut(..len) {
            Some([comma, quote, name @ .., end_quote, colon]) => {
                [*comma, *quote, *end_quote, *colon] = *b",\"\":";
                name.copy_from_slice(key.as_bytes());
                self.out
                    .extend_from_slice(front.get(..len).unwrap_or_default());
            }
            _ => {
                self.out.extend_from_slice(b",\"");
                self.out.extend_from_slice(key.as_bytes());
                self.out.extend_from_slice(b"\":");
            }
        }
        value.write(self.out);
    }

    /// Adds an entry if there is something to add.
    #[inline(always)]
    pub(in crate::output) fn maybe(&mut self, key: &str, value: Option<impl Value>) {
        if let Some(value) = value {
            self.entry(key, value);
        }
    }

    /// Adds bytes, if there are some, under `key` if they are UTF-8, as hex under `hex_key`
    /// otherwise.
    #[inline(always)]
    pub(in crate::output) fn text(&mut self, key: &str, hex_key: &str, bytes: Option<&[u8]>) {
        let Some(bytes) = bytes else { return };
        match Text::new(bytes) {
            Some(text) => self.entry(key, text),
            None => self.entry(hex_key, Hex(bytes)),
        }
    }
}

/// What an entry or an element of an array can be.
pub(in crate::output) trait Value {
    /// Appends it to `out`.
    fn write(self, out: &mut Vec<u8>);
}

/// Bytes that are UTF-8, as a string.
#[derive(Debug, Clone, Copy)]
pub(in crate::output) struct Text<'a>(&'a [u8]);

impl<'a> Text<'a> {
    /// `None` if they are not UTF-8.
    #[inline]
    pub(in crate::output) fn new(bytes: &'a [u8]) -> Option<Text<'a>> {
        // Nearly all is ASCII, which is the faster question.
        let is_utf8 = bytes.is_ascii() || std::str::from_utf8(bytes).is_ok();
        is_utf8.then_some(Text(bytes))
    }
}

/// One of our own words, without anything to escape.
#[derive(Debug, Clone, Copy)]
pub(in crate::output) struct Word(pub(in crate::output) &'static str);

/// Nothing, said.
#[derive(Debug, Clone, Copy)]
pub(in crate::output) struct Null;

/// Bytes, as a string of hex digits.
#[derive(Debug, Clone, Copy)]
pub(in crate::output) struct Hex<'a>(pub(in crate::output) &'a [u8]);

/// Something, as the string it displays as.
#[derive(Debug, Clone, Copy)]
pub(in crate::output) struct Shown<T>(pub(in crate::output) T);

/// An object in an object.
#[derive(Debug, Clone, Copy)]
pub(in crate::output) struct Nested<F>(pub(in crate::output) F);

/// An array.
#[derive(Debug, Clone, Copy)]
pub(in crate::output) struct List<I>(pub(in crate::output) I);

macro_rules! numbers {
    ($($number:ty)*) => {$(
        impl Value for $number {
            #[inline]
            fn write(self, out: &mut Vec<u8>) {
                out.extend_from_slice(itoa::Buffer::new().format(self).as_bytes());
            }
        }
    )*};
}

numbers!(u8 i8 u16 u32 u64 usize);

impl Value for f64 {
    /// As `serde_json` has it.
    fn write(self, out: &mut Vec<u8>) {
        // Writing to a Vec does not fail.
        let _ = serde_json::to_writer(out, &self);
    }
}

impl Value for bool {
    #[inline]
    fn write(self, out: &mut Vec<u8>) {
        match self {
            true => out.extend_from_slice(b"true"),
            false => out.extend_from_slice(b"false"),
        }
    }
}

impl Value for &str {
    fn write(self, out: &mut Vec<u8>) {
        Text(self.as_bytes()).write(out);
    }
}

impl Value for Text<'_> {
    fn write(self, out: &mut Vec<u8>) {
        out.push(b'"');
        escape(self.0, out);
        out.push(b'"');
    }
}

impl Value for Word {
    #[inline]
    fn write(self, out: &mut Vec<u8>) {
        out.push(b'"');
        out.extend_from_slice(self.0.as_bytes());
        out.push(b'"');
    }
}

impl Value for Null {
    fn write(self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"null");
    }
}

impl Value for Hex<'_> {
    fn write(self, out: &mut Vec<u8>) {
        let Hex(bytes) = self;
        out.push(b'"');
        let start = out.len();
        out.resize(start + 2 * bytes.len(), 0);
        // The room is exactly what it takes.
        let _ = hex::encode_to_slice(bytes, out.get_mut(start..).unwrap_or_default());
        out.push(b'"');
    }
}

impl<T: Display> Value for Shown<T> {
    fn write(self, out: &mut Vec<u8>) {
        let mut text = String::new();
        // Writing to a String does not fail.
        let _ = write!(text, "{}", self.0);
        text.as_str().write(out);
    }
}

impl<F: FnOnce(&mut Object<'_>)> Value for Nested<F> {
    fn write(self, out: &mut Vec<u8>) {
        Object::write(out, self.0);
    }
}

impl<I: IntoIterator<Item: Value>> Value for List<I> {
    fn write(self, out: &mut Vec<u8>) {
        out.push(b'[');
        for (i, element) in self.0.into_iter().enumerate() {
            if i > 0 {
                out.push(b',');
            }
            element.write(out);
        }
        out.push(b']');
    }
}

/// Appends the bytes of UTF-8 with what must be escaped in a string (RFC 8259, 7), and with what a
/// terminal would obey: nothing in a line of JSON is ever more than text, wherever it is shown.
///
/// Strings are short, so pieces of one fixed length are written, and what was too much taken back:
/// that costs less than to measure and copy each piece.
pub(super) fn escape(mut rest: &[u8], out: &mut Vec<u8>) {
    while let Some(piece) = rest.first_chunk::<8>() {
        out.extend_from_slice(piece);
        let plain = plain_len(*piece);
        if plain < piece.len() {
            let excess = piece.len() - plain;
            out.truncate(out.len() - excess);
            rest = push_special(rest.get(plain..).unwrap_or_default(), out);
        } else {
            rest = rest.get(plain..).unwrap_or_default();
        }
    }
    while let Some((&byte, behind)) = rest.split_first() {
        rest = match byte {
            b'"' | b'\\' | ..0x20 | 0x7f.. => push_special(rest, out),
            _ => {
                out.push(byte);
                behind
            }
        };
    }
}

/// The bytes that characters above ASCII begin with if they are such that [`text::needs_escape`]
/// says so, and many others.
const LEADS: [u8; 5] = [0xc2, 0xd8, 0xe1, 0xe2, 0xef];

/// How many bytes at the front need no second look: all eight are looked at at once.
#[inline]
fn plain_len(piece: [u8; 8]) -> usize {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    const HIGHS: u64 = ONES << 7;
    let word = u64::from_le_bytes(piece);
    // The highest bit of each byte that is less than `limit`, and perhaps of some above it.
    let below = |word: u64, limit: u64| word.wrapping_sub(ONES * limit) & !word & HIGHS;
    let equal = |byte: u8| below(word ^ (ONES * u64::from(byte)), 1);
    let mut found = below(word, 0x20) | equal(b'"') | equal(b'\\') | equal(0x7f);
    // Nearly all is ASCII.
    if word & HIGHS != 0 {
        for lead in LEADS {
            found |= equal(lead);
        }
    }
    found.trailing_zeros() as usize / 8
}

/// Appends the first character of `rest`, escaped if it must be, and returns what is behind it. Of
/// one that is harmless that may be its first byte alone.
#[inline]
fn push_special<'a>(rest: &'a [u8], out: &mut Vec<u8>) -> &'a [u8] {
    match rest.split_first() {
        Some((&byte @ 0x80.., behind)) => {
            if LEADS.contains(&byte)
                && let Some((c, len)) = unsafe_character(rest)
            {
                out.extend_from_slice(format!("\\u{:04x}", u32::from(c)).as_bytes());
                return rest.get(len..).unwrap_or_default();
            }
            out.push(byte);
            behind
        }
        Some((&byte, behind)) => {
            push_escaped(byte, out);
            behind
        }
        None => rest,
    }
}

/// The character at the front and its bytes, if it is one that a terminal would obey. All of them
/// have two or three bytes.
fn unsafe_character(rest: &[u8]) -> Option<(char, usize)> {
    let low = |byte: u8| u32::from(byte & 0x3f);
    let (code, len) = match *rest {
        [lead @ 0xc2..=0xdf, a, ..] => (u32::from(lead & 0x1f) << 6 | low(a), 2),
        [lead @ 0xe0..=0xef, a, b, ..] => (u32::from(lead & 0xf) << 12 | low(a) << 6 | low(b), 3),
        _ => return None,
    };
    let c = char::from_u32(code)?;
    text::needs_escape(c).then_some((c, len))
}

#[inline]
fn push_escaped(byte: u8, out: &mut Vec<u8>) {
    match byte {
        b'"' => out.extend_from_slice(b"\\\""),
        b'\\' => out.extend_from_slice(b"\\\\"),
        control => push_control(control, out),
    }
}

#[cold]
fn push_control(byte: u8, out: &mut Vec<u8>) {
    let short = match byte {
        b'\n' => b'n',
        b'\r' => b'r',
        b'\t' => b't',
        0x08 => b'b',
        0x0c => b'f',
        _ => {
            let mut digits = [0; 2];
            // One byte is two digits.
            let _ = hex::encode_to_slice([byte], &mut digits);
            out.extend_from_slice(b"\\u00");
            out.extend_from_slice(&digits);
            return;
        }
    };
    out.extend_from_slice(&[b'\\', short]);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(value: impl Value) -> String {
        let mut out = Vec::new();
        value.write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn an_object_of_everything() {
        let mut out = Vec::new();
        Object::write(&mut out, |object| {
            object.entry("n", 7u8);
            object.maybe("absent", None::<u8>);
            object.entry("minus", -1i8);
            object.entry("flag", true);
            object.entry("hex", Hex(b"\x00\xff"));
            object.text("t", "t_hex", Some("ü".as_bytes()));
            object.text("u", "u_hex", Some(b"\xfc"));
            object.entry("list", List([1u16, 2]));
            object.entry("none", List([""; 0]));
            object.entry(
                "in",
                Nested(|inner: &mut Object<'_>| inner.entry("a", Shown(1.5))),
            );
            object.entry("empty", Nested(|_: &mut Object<'_>| {}));
        });
        assert_eq!(
            String::from_utf8(out).unwrap(),
            r#"{"n":7,"minus":-1,"flag":true,"hex":"00ff","t":"ü","u_hex":"fc","list":[1,2],"none":[],"in":{"a":"1.5"},"empty":{}}"#
        );
    }

    /// What [`text::Safe`] escapes on a terminal.
    #[test]
    fn nothing_that_a_terminal_obeys_comes_through() {
        let many = ('\0'..'\u{3000}').chain('\u{f000}'..='\u{ffff}');
        assert!(('\u{10000}'..=char::MAX).all(|c| !text::needs_escape(c)));
        for c in many {
            // At every place of a piece of eight bytes, and behind the last one.
            for front in ["", "abc", "abcdefg", "äöüß"] {
                let json = written(format!("{front}{c}.").as_str());
                let is_escaped = json.contains('\\');
                let is_due = text::needs_escape(c) || matches!(c, '"' | '\\');
                assert_eq!(is_escaped, is_due, "{c:?}");
                let read: String = serde_json::from_str(&json).unwrap();
                assert_eq!(read, format!("{front}{c}."));
                assert!(json.chars().all(|c| !text::needs_escape(c)), "{c:?}");
            }
        }
        assert_eq!(
            written("\u{9b}31\u{7f}\u{202e}"),
            r#""\u009b31\u007f\u202e""#
        );
    }

    proptest! {
        /// Strings as another implementation reads them.
        #[test]
        fn strings_are_those_that_serde_json_reads(
            text in "(?s).{0,60}",
            plain in "[ -~\u{0}-\u{20}]{0,60}",
            edges in "[\u{1f}-#\\[-\\]\u{7f}-\u{a3}\u{2000}-\u{2070}]{0,60}",
        ) {
            for text in [text, plain, edges] {
                let json = written(text.as_str());
                prop_assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
                prop_assert!(json.chars().all(|c| !text::needs_escape(c)));
            }
        }
    }
}
