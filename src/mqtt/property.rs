//! Properties (5.0, 2.2.2): the one table, and encoded property lists.

use std::fmt;

use bytes::BufMut;

use super::packet_type::PacketType;
use super::varint;

/// A property identifier. An open number: all of today's fit one byte, the wire form is a
/// Variable Byte Integer.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PropertyId(pub u32);

/// How a property's value is written (5.0, chapter 1.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// One byte.
    Byte,
    /// Two Byte Integer.
    U16,
    /// Four Byte Integer.
    U32,
    /// Variable Byte Integer.
    VarInt,
    /// UTF-8 Encoded String.
    Str,
    /// Binary Data.
    Binary,
    /// UTF-8 String Pair.
    Pair,
}

/// Which values of its kind a property may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Range {
    /// Every value.
    Any,
    /// 0 or 1.
    Flag,
    /// Everything but 0.
    NonZero,
    /// A Topic Name: not empty, no wildcard (`[MQTT-3.3.2-14]`).
    TopicName,
}

/// What carries a property list: a packet, or the will inside CONNECT.
///
/// The will takes the number 0, which no packet with properties has.
pub const WILL: PacketType = PacketType::RESERVED;

/// One row of the table.
#[derive(Debug)]
pub struct Row {
    /// The identifier.
    pub id: PropertyId,
    /// The standard's name in snake_case: the JSON key.
    pub name: &'static str,
    /// The standard's name.
    pub title: &'static str,
    /// How the value is written.
    pub kind: Kind,
    /// Which values are allowed.
    pub range: Range,
    packets: u16,
    sections: &'static [(PacketType, &'static str)],
}

macro_rules! properties {
    ($($(#[$doc:meta])* $id:literal $const:ident $name:literal $title:literal $kind:ident $range:ident
        [$($packet:path => $section:literal),*];)*) => {
        impl PropertyId {
            $($(#[$doc])* pub const $const: PropertyId = PropertyId($id);)*
        }

        /// Every property of 5.0, ascending, with the packets that may carry it and the section
        /// of the standard that describes it there.
        pub const TABLE: &[Row] = &[$(Row {
            id: PropertyId($id),
            name: $name,
            title: $title,
            kind: Kind::$kind,
            range: Range::$range,
            packets: 0 $(| 1 << $packet.0)*,
            sections: &[$(($packet, concat!("MQTT 5.0 section ", $section))),*],
        }),*];
    };
}

use PacketType as P;

properties! {
    /// Whether the payload is UTF-8: 0 or 1.
    0x01 PAYLOAD_FORMAT_INDICATOR "payload_format_indicator" "Payload Format Indicator" Byte Flag [P::PUBLISH => "3.3.2.3.2", WILL => "3.1.3.2.3"];
    /// Lifetime of the message in seconds.
    0x02 MESSAGE_EXPIRY_INTERVAL "message_expiry_interval" "Message Expiry Interval" U32 Any [P::PUBLISH => "3.3.2.3.3", WILL => "3.1.3.2.4"];
    /// What the payload is, e.g. a MIME type.
    0x03 CONTENT_TYPE "content_type" "Content Type" Str Any [P::PUBLISH => "3.3.2.3.9", WILL => "3.1.3.2.5"];
    /// Topic Name for the response.
    0x08 RESPONSE_TOPIC "response_topic" "Response Topic" Str TopicName [P::PUBLISH => "3.3.2.3.5", WILL => "3.1.3.2.6"];
    /// Ties a response to its request.
    0x09 CORRELATION_DATA "correlation_data" "Correlation Data" Binary Any [P::PUBLISH => "3.3.2.3.6", WILL => "3.1.3.2.7"];
    /// Number of the subscription, 1 to 268,435,455.
    0x0B SUBSCRIPTION_IDENTIFIER "subscription_identifier" "Subscription Identifier" VarInt NonZero [P::PUBLISH => "3.3.2.3.8", P::SUBSCRIBE => "3.8.2.1"];
    /// Seconds that the session outlives its connection; 0xFFFFFFFF: for ever.
    0x11 SESSION_EXPIRY_INTERVAL "session_expiry_interval" "Session Expiry Interval" U32 Any [P::CONNECT => "3.1.2.11.2", P::CONNACK => "3.2.2.3.2", P::DISCONNECT => "3.14.2.2"];
    /// The Client Identifier that the server made up.
    0x12 ASSIGNED_CLIENT_IDENTIFIER "assigned_client_identifier" "Assigned Client Identifier" Str Any [P::CONNACK => "3.2.2.3.7"];
    /// Keep Alive in seconds that the server wants.
    0x13 SERVER_KEEP_ALIVE "server_keep_alive" "Server Keep Alive" U16 Any [P::CONNACK => "3.2.2.3.14"];
    /// Name of the authentication method.
    0x15 AUTHENTICATION_METHOD "authentication_method" "Authentication Method" Str Any [P::CONNECT => "3.1.2.11.9", P::CONNACK => "3.2.2.3.17", P::AUTH => "3.15.2.2.2"];
    /// Data of the authentication method.
    0x16 AUTHENTICATION_DATA "authentication_data" "Authentication Data" Binary Any [P::CONNECT => "3.1.2.11.10", P::CONNACK => "3.2.2.3.18", P::AUTH => "3.15.2.2.3"];
    /// Whether the client wants Reason Strings and User Properties everywhere: 0 or 1.
    0x17 REQUEST_PROBLEM_INFORMATION "request_problem_information" "Request Problem Information" Byte Flag [P::CONNECT => "3.1.2.11.7"];
    /// Seconds between the end of the connection and the will.
    0x18 WILL_DELAY_INTERVAL "will_delay_interval" "Will Delay Interval" U32 Any [WILL => "3.1.3.2.2"];
    /// Whether the client wants Response Information: 0 or 1.
    0x19 REQUEST_RESPONSE_INFORMATION "request_response_information" "Request Response Information" Byte Flag [P::CONNECT => "3.1.2.11.6"];
    /// Basis for the client's response topics.
    0x1A RESPONSE_INFORMATION "response_information" "Response Information" Str Any [P::CONNACK => "3.2.2.3.15"];
    /// Another server to use.
    0x1C SERVER_REFERENCE "server_reference" "Server Reference" Str Any [P::CONNACK => "3.2.2.3.16", P::DISCONNECT => "3.14.2.2"];
    /// The reason in words, for people.
    0x1F REASON_STRING "reason_string" "Reason String" Str Any [
        P::CONNACK => "3.2.2.3.9", P::PUBACK => "3.4.2.2", P::PUBREC => "3.5.2.2", P::PUBREL => "3.6.2.2",
        P::PUBCOMP => "3.7.2.2", P::SUBACK => "3.9.2.1", P::UNSUBACK => "3.11.2.1", P::DISCONNECT => "3.14.2.2",
        P::AUTH => "3.15.2.2.4"];
    /// Unacknowledged QoS 1 and 2 messages that the sender of this takes, 1 to 65535.
    0x21 RECEIVE_MAXIMUM "receive_maximum" "Receive Maximum" U16 NonZero [P::CONNECT => "3.1.2.11.3", P::CONNACK => "3.2.2.3.3"];
    /// The highest Topic Alias that the sender of this takes.
    0x22 TOPIC_ALIAS_MAXIMUM "topic_alias_maximum" "Topic Alias Maximum" U16 Any [P::CONNECT => "3.1.2.11.5", P::CONNACK => "3.2.2.3.8"];
    /// A number that stands for the Topic Name on this connection.
    0x23 TOPIC_ALIAS "topic_alias" "Topic Alias" U16 NonZero [P::PUBLISH => "3.3.2.3.4"];
    /// The highest QoS that the server takes: 0 or 1.
    0x24 MAXIMUM_QOS "maximum_qos" "Maximum QoS" Byte Flag [P::CONNACK => "3.2.2.3.4"];
    /// Whether the server keeps retained messages: 0 or 1.
    0x25 RETAIN_AVAILABLE "retain_available" "Retain Available" Byte Flag [P::CONNACK => "3.2.2.3.5"];
    /// A name and a value of the user's; may be repeated, and order counts.
    0x26 USER_PROPERTY "user_property" "User Property" Pair Any [
        P::CONNECT => "3.1.2.11.8", P::CONNACK => "3.2.2.3.10", P::PUBLISH => "3.3.2.3.7", WILL => "3.1.3.2.8",
        P::PUBACK => "3.4.2.2", P::PUBREC => "3.5.2.2", P::PUBREL => "3.6.2.2", P::PUBCOMP => "3.7.2.2",
        P::SUBSCRIBE => "3.8.2.1", P::SUBACK => "3.9.2.1", P::UNSUBSCRIBE => "3.10.2.1", P::UNSUBACK => "3.11.2.1",
        P::DISCONNECT => "3.14.2.2", P::AUTH => "3.15.2.2"];
    /// The largest packet in bytes that the sender of this takes, fixed header included.
    0x27 MAXIMUM_PACKET_SIZE "maximum_packet_size" "Maximum Packet Size" U32 NonZero [P::CONNECT => "3.1.2.11.4", P::CONNACK => "3.2.2.3.6"];
    /// Whether the server takes wildcards: 0 or 1.
    0x28 WILDCARD_SUBSCRIPTION_AVAILABLE "wildcard_subscription_available" "Wildcard Subscription Available" Byte Flag [P::CONNACK => "3.2.2.3.11"];
    /// Whether the server takes Subscription Identifiers: 0 or 1.
    0x29 SUBSCRIPTION_IDENTIFIER_AVAILABLE "subscription_identifier_available" "Subscription Identifier Available" Byte Flag [P::CONNACK => "3.2.2.3.12"];
    /// Whether the server takes shared subscriptions: 0 or 1.
    0x2A SHARED_SUBSCRIPTION_AVAILABLE "shared_subscription_available" "Shared Subscription Available" Byte Flag [P::CONNACK => "3.2.2.3.13"];
}

/// Row of the table for each identifier, plus one; 0 for identifiers that the table has not.
const INDEX: [u8; 64] = {
    let mut index = [0; 64];
    let mut i = 0;
    while i < TABLE.len() {
        index[TABLE[i].id.0 as usize] = i as u8 + 1;
        i += 1;
    }
    index
};

impl PropertyId {
    /// The row of the table, if the property is one of 5.0's.
    #[inline]
    pub fn row(self) -> Option<&'static Row> {
        let index = *INDEX.get(self.0 as usize)?;
        TABLE.get(usize::from(index).checked_sub(1)?)
    }
}

impl Row {
    /// Whether `packet` (or [`WILL`]) may carry this property.
    #[inline]
    pub fn is_allowed_in(&self, packet: PacketType) -> bool {
        self.packets >> (packet.0 & 0x0f) & 1 != 0
    }

    /// Whether a list in `packet` may hold it more than once: User Property everywhere,
    /// Subscription Identifier in PUBLISH.
    #[inline]
    pub fn may_repeat_in(&self, packet: PacketType) -> bool {
        self.id == PropertyId::USER_PROPERTY
            || (self.id == PropertyId::SUBSCRIPTION_IDENTIFIER && packet == PacketType::PUBLISH)
    }

    /// The section of the standard that describes this property in `packet`.
    pub fn section(&self, packet: PacketType) -> Option<&'static str> {
        self.sections
            .iter()
            .find(|(p, _)| *p == packet)
            .map(|(_, section)| *section)
    }
}

/// The standard's name; the number if 5.0 has no such property.
impl fmt::Display for PropertyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.row() {
            Some(row) => f.write_str(row.title),
            None => write!(f, "0x{:02x}", self.0),
        }
    }
}

impl fmt::Debug for PropertyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The value of a property or of another field, as it stands in the packet.
///
/// Strings are raw bytes here, since a packet may hold bytes that are not UTF-8; what the decoder
/// returns in a [`Packet`](super::packet::Packet) has been checked.
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
    pub(super) fn from_checked(bytes: &'a [u8]) -> Properties<'a> {
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
    pub(super) fn position(self, id: PropertyId) -> Option<usize> {
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
pub(super) enum ValueError {
    /// The bytes end before the value does.
    Cut,
    /// A Variable Byte Integer of more than four bytes.
    VarIntTooLong,
}

/// Reads a value of `kind` from the front of `bytes`: the value, and the bytes it took.
// Always inline: the decoder's speed stands and falls with it, and then no value goes through
// memory.
#[inline(always)]
pub(super) fn read_value(kind: Kind, bytes: &[u8]) -> Result<(Value<'_>, usize), ValueError> {
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
pub(super) fn read_prefixed(bytes: &[u8]) -> Option<&[u8]> {
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Table 2-4 of the standard: 27 properties, and how many each packet allows.
    #[test]
    fn the_table_has_every_property_in_its_packets() {
        assert_eq!(TABLE.len(), 27);
        for (packet, expected) in [
            (P::CONNECT, 9),
            (WILL, 7),
            (P::CONNACK, 17),
            (P::PUBLISH, 8),
            (P::PUBACK, 2),
            (P::PUBREC, 2),
            (P::PUBREL, 2),
            (P::PUBCOMP, 2),
            (P::SUBSCRIBE, 2),
            (P::SUBACK, 2),
            (P::UNSUBSCRIBE, 1),
            (P::UNSUBACK, 2),
            (P::PINGREQ, 0),
            (P::DISCONNECT, 4),
            (P::AUTH, 4),
        ] {
            let count = TABLE.iter().filter(|row| row.is_allowed_in(packet)).count();
            assert_eq!(count, expected, "packet type {}", packet.0);
        }
    }

    #[test]
    fn a_list_reads_back_in_order() {
        let mut list = PropertiesBuf::new();
        list.push(PropertyId::USER_PROPERTY, Value::Pair(b"a", b"1"))
            .unwrap();
        list.push(PropertyId::TOPIC_ALIAS, Value::U16(7)).unwrap();
        list.push(PropertyId::USER_PROPERTY, Value::Pair(b"a", b"2"))
            .unwrap();
        let read: Vec<_> = list.as_properties().iter().collect();
        assert_eq!(read[0].value, Value::Pair(b"a", b"1"));
        assert_eq!(read[2].value, Value::Pair(b"a", b"2"));
        assert_eq!(
            list.as_properties().number(PropertyId::TOPIC_ALIAS),
            Some(7)
        );
    }

    #[test]
    fn a_value_of_another_kind_is_refused() {
        let mut list = PropertiesBuf::new();
        assert_eq!(
            list.push(PropertyId::TOPIC_ALIAS, Value::U32(7)),
            Err(PropertyError::WrongKind(PropertyId::TOPIC_ALIAS))
        );
        assert_eq!(
            list.push(PropertyId::CONTENT_TYPE, Value::Str(&[b'x'; 65_536])),
            Err(PropertyError::TooLong {
                id: PropertyId::CONTENT_TYPE,
                len: 65_536
            })
        );
    }
}
