//! Writing an object key by key.
//!
//! Packets come by the million, and `serde_json` spends most of the time of a line on looking for
//! something to escape in keys that never have it, and on output a few bytes at a time. Here keys
//! are written as they are, into a buffer. Reports, of which there is one per run, are derived.

use std::fmt::{Display, Write as _};

/// An object that is being written.
#[derive(Debug)]
pub(in crate::output) struct Object<'b> {
    out: &'b mut Vec<u8>,
    is_empty: bool,
}

impl<'b> Object<'b> {
    /// Appends an object to `out`.
    pub(in crate::output) fn write(out: &'b mut Vec<u8>, fill: impl FnOnce(&mut Object<'_>)) {
        out.push(b'{');
        let mut object = Object {
            out,
            is_empty: true,
        };
        fill(&mut object);
        object.out.push(b'}');
    }

    /// Goes on with an object of which `out` ends with some entries, and ends it.
    pub(in crate::output) fn resume(out: &'b mut Vec<u8>, fill: impl FnOnce(&mut Object<'_>)) {
        let mut object = Object {
            out,
            is_empty: false,
        };
        fill(&mut object);
        object.out.push(b'}');
    }

    /// Adds an entry. `key` is one of our own, without anything to escape.
    #[inline(always)]
    pub(in crate::output) fn entry(&mut self, key: &str, value: impl Value) {
        if !self.is_empty {
            self.out.push(b',');
        }
        self.is_empty = false;
        self.out.push(b'"');
        self.out.extend_from_slice(key.as_bytes());
        self.out.extend_from_slice(b"\":");
        value.write(self.out);
    }

    /// Adds an entry if there is something to add.
    #[inline]
    pub(in crate::output) fn maybe(&mut self, key: &str, value: Option<impl Value>) {
        if let Some(value) = value {
            self.entry(key, value);
        }
    }

    /// Adds bytes, if there are some, under `key` if they are UTF-8, as hex under `hex_key`
    /// otherwise.
    #[inline]
    pub(in crate::output) fn text(&mut self, key: &str, hex_key: &str, bytes: Option<&[u8]>) {
        let Some(bytes) = bytes else { return };
        match std::str::from_utf8(bytes) {
            Ok(text) => self.entry(key, text),
            Err(_) => self.entry(hex_key, Hex(bytes)),
        }
    }
}

/// What an entry or an element of an array can be.
pub(in crate::output) trait Value {
    /// Appends it to `out`.
    fn write(self, out: &mut Vec<u8>);
}

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

impl Value for bool {
    #[inline]
    fn write(self, out: &mut Vec<u8>) {
        let text: &[u8] = if self { b"true" } else { b"false" };
        out.extend_from_slice(text);
    }
}

impl Value for &str {
    fn write(self, out: &mut Vec<u8>) {
        out.push(b'"');
        escape(self, out);
        out.push(b'"');
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

/// Whether a byte of UTF-8 cannot stand in a string as it is (RFC 8259, 7).
const fn needs_escape(byte: u8) -> bool {
    byte < 0x20 || byte == b'"' || byte == b'\\'
}

/// Appends `text` with what must be escaped in a string.
fn escape(text: &str, out: &mut Vec<u8>) {
    let mut rest = text.as_bytes();
    while !rest.is_empty() {
        let (plain, behind) = rest.split_at(plain_len(rest));
        out.extend_from_slice(plain);
        let Some((&byte, behind)) = behind.split_first() else {
            return;
        };
        rest = behind;
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            0x08 => out.extend_from_slice(b"\\b"),
            0x0c => out.extend_from_slice(b"\\f"),
            control => {
                let mut digits = [0; 2];
                // One byte is two digits.
                let _ = hex::encode_to_slice([control], &mut digits);
                out.extend_from_slice(b"\\u00");
                out.extend_from_slice(&digits);
            }
        }
    }
}

/// How many bytes at the front need no escape.
#[inline]
fn plain_len(bytes: &[u8]) -> usize {
    let mut len = 0;
    // The compiler looks at the sixteen at once.
    for chunk in bytes.chunks_exact(16) {
        if chunk
            .iter()
            .fold(false, |any, &byte| any | needs_escape(byte))
        {
            break;
        }
        len += 16;
    }
    let rest = bytes.get(len..).unwrap_or_default();
    len + rest
        .iter()
        .position(|&byte| needs_escape(byte))
        .unwrap_or(rest.len())
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

    proptest! {
        /// Strings as another implementation writes them.
        #[test]
        fn strings_are_those_of_serde_json(text in "(?s).{0,60}", plain in "[ -~\u{0}-\u{20}]{0,60}") {
            prop_assert_eq!(written(text.as_str()), serde_json::to_string(&text).unwrap());
            prop_assert_eq!(written(plain.as_str()), serde_json::to_string(&plain).unwrap());
        }
    }
}
