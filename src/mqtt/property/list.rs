//! Encoded property lists: reading and writing the values that the table describes.

use std::fmt;

use bytes::BufMut;

use super::super::varint;
use super::{Kind, PropertyId};

/// The value of a property or of another field, as it stands in the packet.
///
/// Strings are raw bytes here, since a packet may hold bytes that are not UTF-8; what the decoder
/// returns in a [`Packet`](super::super::packet::Packet) has been checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Value<'a> {
    /// One byte.
    Byte(u8),
    /// Two Byte Integer.
    U16(u16),
    /// Four Byte Integer.
    U32(u32),
    /// Variable Byte Integer.
    VarInt(u32),
    /// UTF-8 Encoded String, without its length prefix.
    Str(&'a [u8]),
    /// Binary Data, without its length prefix; or raw bytes that have none.
    Binary(&'a [u8]),
    /// UTF-8 String Pair, without the length prefixes.
    Pair(&'a [u8], &'a [u8]),
}

impl<'a> Value<'a> {
    /// The number, if it is one.
    pub fn number(self) -> Option<u32> {
        match self {
            Value::Byte(n) => Some(u32::from(n)),
            Value::U16(n) => Some(u32::from(n)),
            Value::U32(n) | Value::VarInt(n) => Some(n),
            _ => None,
        }
    }

    /// The bytes of a string or of binary data.
    pub fn bytes(self) -> Option<&'a [u8]> {
        match self {
            Value::Str(bytes) | Value::Binary(bytes) => Some(bytes),
            _ => None,
        }
    }

    fn kind(self) -> Kind {
        match self {
            Value::Byte(_) => Kind::Byte,
            Value::U16(_) => Kind::U16,
            Value::U32(_) => Kind::U32,
            Value::VarInt(_) => Kind::VarInt,
            Value::Str(_) => Kind::Str,
            Value::Binary(_) => Kind::Binary,
            Value::Pair(..) => Kind::Pair,
        }
    }
}

/// One property of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Property<'a> {
    /// Which property.
    pub id: PropertyId,
    /// Its value.
    pub value: Value<'a>,
}

/// A property list as it stands in a packet, without its Property Length.
///
/// Nothing is copied or allocated: properties are read from the bytes when asked for.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Properties<'a>(&'a [u8]);

impl<'a> Properties<'a> {
    /// No properties.
    pub const EMPTY: Properties<'static> = Properties(&[]);

    /// Takes bytes that the decoder has checked.
    pub(in crate::mqtt) fn from_checked(bytes: &'a [u8]) -> Properties<'a> {
        Properties(bytes)
    }

    /// The encoded list, without its Property Length.
    pub fn as_bytes(self) -> &'a [u8] {
        self.0
    }

    /// Whether there are none.
    pub fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    /// The properties in their order.
    pub fn iter(self) -> Iter<'a> {
        Iter(self.0)
    }

    /// The value of the first property `id`.
    pub fn get(self, id: PropertyId) -> Option<Value<'a>> {
        self.iter().find(|p| p.id == id).map(|p| p.value)
    }

    /// Where the first property `id` begins in [`as_bytes`](Self::as_bytes).
    pub(in crate::mqtt) fn position(self, id: PropertyId) -> Option<usize> {
        let mut rest = self.iter();
        loop {
            let at = self.0.len() - rest.0.len();
            if rest.next()?.id == id {
                return Some(at);
            }
        }
    }

    /// The number that the first property `id` holds.
    pub fn number(self, id: PropertyId) -> Option<u32> {
        self.get(id).and_then(Value::number)
    }

    /// The text that the first property `id` holds.
    pub fn text(self, id: PropertyId) -> Option<&'a str> {
        self.get(id)
            .and_then(Value::bytes)
            .and_then(|bytes| std::str::from_utf8(bytes).ok())
    }

    /// A copy that owns its bytes.
    pub fn to_buf(self) -> PropertiesBuf {
        PropertiesBuf(self.0.to_vec())
    }
}

impl fmt::Debug for Properties<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map()
            .entries(self.iter().map(|p| (p.id, p.value)))
            .finish()
    }
}

impl<'a> IntoIterator for Properties<'a> {
    type Item = Property<'a>;
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

/// Iterator over the properties of a list.
#[derive(Debug, Clone)]
pub struct Iter<'a>(&'a [u8]);

impl<'a> Iterator for Iter<'a> {
    type Item = Property<'a>;

    fn next(&mut self) -> Option<Property<'a>> {
        let id = varint::decode(self.0).ok()?;
        let row = PropertyId(id.value).row()?;
        let (value, len) = read_value(row.kind, self.0.get(id.len..)?).ok()?;
        self.0 = self.0.get(id.len + len..)?;
        Some(Property { id: row.id, value })
    }
}

/// Why a value could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::mqtt) enum ValueError {
    /// The bytes end before the value does.
    Cut,
    /// A Variable Byte Integer of more than four bytes.
    VarIntTooLong,
}

/// Reads a value of `kind` from the front of `bytes`: the value, and the bytes it took.
// Always inline: the decoder's speed stands and falls with it, and then no value goes through
// memory.
#[inline(always)]
pub(in crate::mqtt) fn read_value(
    kind: Kind,
    bytes: &[u8],
) -> Result<(Value<'_>, usize), ValueError> {
    let cut = ValueError::Cut;
    Ok(match kind {
        Kind::Byte => (Value::Byte(*bytes.first().ok_or(cut)?), 1),
        Kind::U16 => (
            Value::U16(u16::from_be_bytes(*bytes.first_chunk().ok_or(cut)?)),
            2,
        ),
        Kind::U32 => (
            Value::U32(u32::from_be_bytes(*bytes.first_chunk().ok_or(cut)?)),
            4,
        ),
        Kind::VarInt => match varint::decode(bytes) {
            Ok(read) => (Value::VarInt(read.value), read.len),
            Err(varint::Error::Incomplete) => return Err(cut),
            Err(varint::Error::TooLong) => return Err(ValueError::VarIntTooLong),
        },
        Kind::Str => {
            let text = read_prefixed(bytes).ok_or(cut)?;
            (Value::Str(text), 2 + text.len())
        }
        Kind::Binary => {
            let data = read_prefixed(bytes).ok_or(cut)?;
            (Value::Binary(data), 2 + data.len())
        }
        Kind::Pair => {
            let name = read_prefixed(bytes).ok_or(cut)?;
            let value = bytes
                .get(2 + name.len()..)
                .and_then(read_prefixed)
                .ok_or(cut)?;
            (Value::Pair(name, value), 4 + name.len() + value.len())
        }
    })
}

/// The bytes behind a two-byte length.
#[inline]
pub(in crate::mqtt) fn read_prefixed(bytes: &[u8]) -> Option<&[u8]> {
    let len = usize::from(u16::from_be_bytes(*bytes.first_chunk()?));
    bytes.get(2..2 + len)
}

/// Why a property cannot be added to a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PropertyError {
    /// Not one of 5.0's.
    #[error("{0} is not a property of MQTT 5.0")]
    Unknown(PropertyId),
    /// The value is of another kind than the property.
    #[error("{0} takes a value of another type")]
    WrongKind(PropertyId),
    /// A string or binary data of more than 65,535 bytes.
    #[error("the value of {id} has {len} bytes, and 65535 is the limit")]
    TooLong {
        /// Which property.
        id: PropertyId,
        /// Its bytes.
        len: usize,
    },
}

/// A property list to build and to keep.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PropertiesBuf(Vec<u8>);

impl PropertiesBuf {
    /// An empty list; allocates nothing.
    pub const fn new() -> PropertiesBuf {
        PropertiesBuf(Vec::new())
    }

    /// The list, to read or to send.
    pub fn as_properties(&self) -> Properties<'_> {
        Properties(&self.0)
    }

    /// Adds a property at the end.
    ///
    /// # Errors
    /// If the property is unknown, or the value is not of its kind or too long. Values are not
    /// checked against the property's range.
    pub fn push(&mut self, id: PropertyId, value: Value<'_>) -> Result<(), PropertyError> {
        let row = id.row().ok_or(PropertyError::Unknown(id))?;
        if value.kind() != row.kind {
            return Err(PropertyError::WrongKind(id));
        }
        let longest = match value {
            Value::Str(bytes) | Value::Binary(bytes) => bytes.len(),
            Value::Pair(name, value) => name.len().max(value.len()),
            _ => 0,
        };
        if longest > usize::from(u16::MAX) {
            return Err(PropertyError::TooLong { id, len: longest });
        }
        let out = &mut self.0;
        varint::encode(id.0, out);
        match value {
            Value::Byte(n) => out.put_u8(n),
            Value::U16(n) => out.put_u16(n),
            Value::U32(n) => out.put_u32(n),
            Value::VarInt(n) => varint::encode(n, out),
            Value::Str(bytes) | Value::Binary(bytes) => put_prefixed(bytes, out),
            Value::Pair(name, value) => {
                put_prefixed(name, out);
                put_prefixed(value, out);
            }
        }
        Ok(())
    }
}

fn put_prefixed(bytes: &[u8], out: &mut Vec<u8>) {
    out.put_u16(bytes.len() as u16);
    out.put_slice(bytes);
}
