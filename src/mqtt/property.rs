//! Properties (5.0, 2.2.2): the one table, and encoded property lists.

mod list;

use std::fmt;

use super::packet_type::PacketType;

pub use list::{Iter, Properties, PropertiesBuf, Property, PropertyError, Value};
pub(super) use list::{ValueError, read_prefixed, read_value};

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
