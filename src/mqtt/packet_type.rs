//! Control packet types: the upper four bits of the first byte.

use std::fmt;

use super::version::{Side, Version};

/// A control packet type, 0 to 15. An open number: 0 (and 15 before 5.0) are reserved, yet they
/// can be read and shown.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PacketType(pub u8);

impl PacketType {
    /// 0: forbidden in every version.
    pub const RESERVED: PacketType = PacketType(0);
    /// Client requests a connection.
    pub const CONNECT: PacketType = PacketType(1);
    /// Server answers CONNECT.
    pub const CONNACK: PacketType = PacketType(2);
    /// A message, in either direction.
    pub const PUBLISH: PacketType = PacketType(3);
    /// QoS 1 acknowledgement.
    pub const PUBACK: PacketType = PacketType(4);
    /// QoS 2, second packet.
    pub const PUBREC: PacketType = PacketType(5);
    /// QoS 2, third packet.
    pub const PUBREL: PacketType = PacketType(6);
    /// QoS 2, fourth and last packet.
    pub const PUBCOMP: PacketType = PacketType(7);
    /// Client asks for subscriptions.
    pub const SUBSCRIBE: PacketType = PacketType(8);
    /// Server answers SUBSCRIBE.
    pub const SUBACK: PacketType = PacketType(9);
    /// Client ends subscriptions.
    pub const UNSUBSCRIBE: PacketType = PacketType(10);
    /// Server answers UNSUBSCRIBE.
    pub const UNSUBACK: PacketType = PacketType(11);
    /// Client asks whether the server is there.
    pub const PINGREQ: PacketType = PacketType(12);
    /// Server answers PINGREQ.
    pub const PINGRESP: PacketType = PacketType(13);
    /// End of the connection; from the client only before 5.0.
    pub const DISCONNECT: PacketType = PacketType(14);
    /// Enhanced authentication, 5.0 only.
    pub const AUTH: PacketType = PacketType(15);

    /// The type in the first byte of a packet.
    pub const fn from_byte1(byte1: u8) -> PacketType {
        PacketType(byte1 >> 4)
    }

    /// The standard's name in capitals; `RESERVED` for 0, and for 15 before 5.0.
    pub const fn name(self, version: Version) -> &'static str {
        match self.0 {
            1 => "CONNECT",
            2 => "CONNACK",
            3 => "PUBLISH",
            4 => "PUBACK",
            5 => "PUBREC",
            6 => "PUBREL",
            7 => "PUBCOMP",
            8 => "SUBSCRIBE",
            9 => "SUBACK",
            10 => "UNSUBSCRIBE",
            11 => "UNSUBACK",
            12 => "PINGREQ",
            13 => "PINGRESP",
            14 => "DISCONNECT",
            15 if matches!(version, Version::V5) => "AUTH",
            _ => "RESERVED",
        }
    }

    /// Whether the standard defines this type in `version`.
    pub const fn is_defined(self, version: Version) -> bool {
        matches!(self.0, 1..=14) || (self.0 == 15 && matches!(version, Version::V5))
    }

    /// The fixed lower four bits of the first byte (`[MQTT-2.2.2-1]`, 5.0 `[MQTT-2.1.3-1]`).
    /// `None` for PUBLISH, whose bits are DUP, QoS and RETAIN, and for undefined types.
    pub const fn fixed_flags(self) -> Option<u8> {
        match self.0 {
            6 | 8 | 10 => Some(0b0010),
            1 | 2 | 4 | 5 | 7 | 9 | 11..=15 => Some(0b0000),
            _ => None,
        }
    }

    /// Whether `side` may send this type in `version`.
    pub const fn may_be_sent_by(self, side: Side, version: Version) -> bool {
        match self.0 {
            1 | 8 | 10 | 12 => matches!(side, Side::Client),
            2 | 9 | 11 | 13 => matches!(side, Side::Server),
            14 => matches!(side, Side::Client) || matches!(version, Version::V5),
            _ => true,
        }
    }

    /// The side that alone may send this type in `version`; `None` if both may.
    pub const fn only_sender(self, version: Version) -> Option<Side> {
        let by_client = self.may_be_sent_by(Side::Client, version);
        let by_server = self.may_be_sent_by(Side::Server, version);
        match (by_client, by_server) {
            (true, false) => Some(Side::Client),
            (false, true) => Some(Side::Server),
            _ => None,
        }
    }
}

impl fmt::Debug for PacketType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name(Version::V5))
    }
}

impl fmt::Display for PacketType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name(Version::V5))
    }
}
