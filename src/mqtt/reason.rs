//! Reason codes (5.0, 2.4) and the return codes of 3.1 and 3.1.1: the one table.

use std::fmt;

use super::packet_type::PacketType;
use super::version::{Side, Version};

/// A Reason Code. An open number: a code outside the table can be read and shown.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct ReasonCode(pub u8);

/// One row of the table.
#[derive(Debug)]
pub struct Row {
    /// The code.
    pub code: ReasonCode,
    /// The standard's name.
    pub name: &'static str,
    packets: u16,
    server_only: u16,
    client_only: u16,
}

/// One bit per packet type.
const fn mask(types: &[PacketType]) -> u16 {
    let mut mask = 0;
    let mut i = 0;
    while i < types.len() {
        mask |= 1 << types[i].0;
        i += 1;
    }
    mask
}

macro_rules! reasons {
    ($($(#[$doc:meta])* $code:literal $const:ident $name:literal
        in [$($packet:ident)*] server [$($server:ident)*] client [$($client:ident)*];)*) => {
        impl ReasonCode {
            $($(#[$doc])* pub const $const: ReasonCode = ReasonCode($code);)*
        }

        /// Every code of 5.0, ascending, with the packets that may carry it.
        pub const TABLE: &[Row] = &[$(Row {
            code: ReasonCode($code),
            name: $name,
            packets: mask(&[$(PacketType::$packet),*]),
            server_only: mask(&[$(PacketType::$server),*]),
            client_only: mask(&[$(PacketType::$client),*]),
        }),*];
    };
}

// Which packets carry a code: 5.0 table 2-6 and the tables of chapter 3. `server` and `client`
// list the packets in which only that side may send it.
reasons! {
    /// Success; also Normal disconnection and Granted QoS 0.
    0x00 SUCCESS "Success" in [CONNACK PUBACK PUBREC PUBREL PUBCOMP SUBACK UNSUBACK DISCONNECT AUTH] server [AUTH] client [];
    /// The subscription is accepted, at most at QoS 1.
    0x01 GRANTED_QOS_1 "Granted QoS 1" in [SUBACK] server [] client [];
    /// The subscription is accepted, at most at QoS 2.
    0x02 GRANTED_QOS_2 "Granted QoS 2" in [SUBACK] server [] client [];
    /// The client leaves and wants its will published.
    0x04 DISCONNECT_WITH_WILL "Disconnect with Will Message" in [DISCONNECT] server [] client [DISCONNECT];
    /// The message was accepted and nobody is subscribed to it.
    0x10 NO_MATCHING_SUBSCRIBERS "No matching subscribers" in [PUBACK PUBREC] server [PUBACK PUBREC] client [];
    /// Nothing to unsubscribe from.
    0x11 NO_SUBSCRIPTION_EXISTED "No subscription existed" in [UNSUBACK] server [] client [];
    /// One more step of the authentication exchange.
    0x18 CONTINUE_AUTHENTICATION "Continue authentication" in [AUTH] server [] client [];
    /// The client starts a new authentication.
    0x19 RE_AUTHENTICATE "Re-authenticate" in [AUTH] server [] client [AUTH];
    /// No better code, or none that may be revealed.
    0x80 UNSPECIFIED_ERROR "Unspecified error" in [CONNACK PUBACK PUBREC SUBACK UNSUBACK DISCONNECT] server [] client [];
    /// The packet does not parse.
    0x81 MALFORMED_PACKET "Malformed Packet" in [CONNACK DISCONNECT] server [] client [];
    /// The packet parses and breaks the protocol.
    0x82 PROTOCOL_ERROR "Protocol Error" in [CONNACK DISCONNECT] server [] client [];
    /// Valid, yet this implementation does not take it.
    0x83 IMPLEMENTATION_SPECIFIC_ERROR "Implementation specific error" in [CONNACK PUBACK PUBREC SUBACK UNSUBACK DISCONNECT] server [] client [];
    /// The server does not speak the version of the CONNECT.
    0x84 UNSUPPORTED_PROTOCOL_VERSION "Unsupported Protocol Version" in [CONNACK] server [] client [];
    /// The Client Identifier is valid but not allowed here.
    0x85 CLIENT_IDENTIFIER_NOT_VALID "Client Identifier not valid" in [CONNACK] server [] client [];
    /// Wrong user name or password.
    0x86 BAD_USER_NAME_OR_PASSWORD "Bad User Name or Password" in [CONNACK] server [] client [];
    /// The client may not do this.
    0x87 NOT_AUTHORIZED "Not authorized" in [CONNACK PUBACK PUBREC SUBACK UNSUBACK DISCONNECT] server [DISCONNECT] client [];
    /// The server is not available.
    0x88 SERVER_UNAVAILABLE "Server unavailable" in [CONNACK] server [] client [];
    /// The server is busy: try later.
    0x89 SERVER_BUSY "Server busy" in [CONNACK DISCONNECT] server [DISCONNECT] client [];
    /// Banned by an administrator.
    0x8A BANNED "Banned" in [CONNACK] server [] client [];
    /// The server goes down.
    0x8B SERVER_SHUTTING_DOWN "Server shutting down" in [DISCONNECT] server [DISCONNECT] client [];
    /// The authentication method is unknown or not the one in use. Table 3-10 of the standard
    /// forgets it for DISCONNECT, table 2-6 lists it.
    0x8C BAD_AUTHENTICATION_METHOD "Bad authentication method" in [CONNACK DISCONNECT] server [DISCONNECT] client [];
    /// Nothing came for 1.5 times the Keep Alive.
    0x8D KEEP_ALIVE_TIMEOUT "Keep Alive timeout" in [DISCONNECT] server [DISCONNECT] client [];
    /// Another connection uses the same Client Identifier.
    0x8E SESSION_TAKEN_OVER "Session taken over" in [DISCONNECT] server [DISCONNECT] client [];
    /// The Topic Filter is well formed but not taken here.
    0x8F TOPIC_FILTER_INVALID "Topic Filter invalid" in [SUBACK UNSUBACK DISCONNECT] server [DISCONNECT] client [];
    /// The Topic Name is well formed but not taken here.
    0x90 TOPIC_NAME_INVALID "Topic Name invalid" in [CONNACK PUBACK PUBREC DISCONNECT] server [] client [];
    /// The Packet Identifier is already in use.
    0x91 PACKET_IDENTIFIER_IN_USE "Packet Identifier in use" in [PUBACK PUBREC SUBACK UNSUBACK] server [] client [];
    /// The Packet Identifier is not known: not an error during recovery.
    0x92 PACKET_IDENTIFIER_NOT_FOUND "Packet Identifier not found" in [PUBREL PUBCOMP] server [] client [];
    /// More unacknowledged messages than the receiver announced.
    0x93 RECEIVE_MAXIMUM_EXCEEDED "Receive Maximum exceeded" in [DISCONNECT] server [] client [];
    /// A Topic Alias of 0 or above the announced maximum.
    0x94 TOPIC_ALIAS_INVALID "Topic Alias invalid" in [DISCONNECT] server [] client [];
    /// The packet is larger than the receiver takes.
    0x95 PACKET_TOO_LARGE "Packet too large" in [CONNACK DISCONNECT] server [] client [];
    /// Messages come too fast.
    0x96 MESSAGE_RATE_TOO_HIGH "Message rate too high" in [DISCONNECT] server [] client [];
    /// A limit of the implementation or the administrator is reached.
    0x97 QUOTA_EXCEEDED "Quota exceeded" in [CONNACK PUBACK PUBREC SUBACK DISCONNECT] server [] client [];
    /// Closed by an administrator.
    0x98 ADMINISTRATIVE_ACTION "Administrative action" in [DISCONNECT] server [] client [];
    /// The payload is not what the Payload Format Indicator says.
    0x99 PAYLOAD_FORMAT_INVALID "Payload format invalid" in [CONNACK PUBACK PUBREC DISCONNECT] server [] client [];
    /// The server keeps no retained messages.
    0x9A RETAIN_NOT_SUPPORTED "Retain not supported" in [CONNACK DISCONNECT] server [DISCONNECT] client [];
    /// The QoS is above the server's Maximum QoS.
    0x9B QOS_NOT_SUPPORTED "QoS not supported" in [CONNACK DISCONNECT] server [DISCONNECT] client [];
    /// Use another server for now.
    0x9C USE_ANOTHER_SERVER "Use another server" in [CONNACK DISCONNECT] server [DISCONNECT] client [];
    /// Use another server from now on.
    0x9D SERVER_MOVED "Server moved" in [CONNACK DISCONNECT] server [DISCONNECT] client [];
    /// The server has no shared subscriptions.
    0x9E SHARED_SUBSCRIPTIONS_NOT_SUPPORTED "Shared Subscriptions not supported" in [SUBACK DISCONNECT] server [DISCONNECT] client [];
    /// Connections come too fast.
    0x9F CONNECTION_RATE_EXCEEDED "Connection rate exceeded" in [CONNACK DISCONNECT] server [DISCONNECT] client [];
    /// The connection has lasted as long as it may.
    0xA0 MAXIMUM_CONNECT_TIME "Maximum connect time" in [DISCONNECT] server [DISCONNECT] client [];
    /// The server has no Subscription Identifiers.
    0xA1 SUBSCRIPTION_IDENTIFIERS_NOT_SUPPORTED "Subscription Identifiers not supported" in [SUBACK DISCONNECT] server [DISCONNECT] client [];
    /// The server takes no wildcards.
    0xA2 WILDCARD_SUBSCRIPTIONS_NOT_SUPPORTED "Wildcard Subscriptions not supported" in [SUBACK DISCONNECT] server [DISCONNECT] client [];
}

/// CONNACK return codes of 3.1 and 3.1.1 (table 3.1): name, and the 5.0 code that means the same.
const RETURN_CODES: [(&str, ReasonCode); 6] = [
    ("Connection accepted", ReasonCode::SUCCESS),
    (
        "unacceptable protocol version",
        ReasonCode::UNSUPPORTED_PROTOCOL_VERSION,
    ),
    (
        "identifier rejected",
        ReasonCode::CLIENT_IDENTIFIER_NOT_VALID,
    ),
    ("server unavailable", ReasonCode::SERVER_UNAVAILABLE),
    (
        "bad user name or password",
        ReasonCode::BAD_USER_NAME_OR_PASSWORD,
    ),
    ("not authorized", ReasonCode::NOT_AUTHORIZED),
];

/// Row of the table for each code, plus one; 0 for codes that the table has not.
const INDEX: [u8; 256] = {
    let mut index = [0; 256];
    let mut i = 0;
    while i < TABLE.len() {
        index[TABLE[i].code.0 as usize] = i as u8 + 1;
        i += 1;
    }
    index
};

impl ReasonCode {
    /// The row of the table, if the code is one of 5.0's.
    pub fn row(self) -> Option<&'static Row> {
        usize::from(INDEX[usize::from(self.0)])
            .checked_sub(1)
            .and_then(|row| TABLE.get(row))
    }

    /// 0x80 and above: what was asked did not happen.
    pub const fn is_error(self) -> bool {
        self.0 >= 0x80
    }

    /// Whether `packet` may carry this code in 5.0, sent by `from` if that is known.
    pub fn is_allowed_in(self, packet: PacketType, from: Option<Side>) -> bool {
        let bit = 1u16 << (packet.0 & 0x0f);
        self.row().is_some_and(|row| {
            row.packets & bit != 0
                && match from {
                    Some(Side::Client) => row.server_only & bit == 0,
                    Some(Side::Server) => row.client_only & bit == 0,
                    None => true,
                }
        })
    }

    /// The standard's name for the code in this packet and version; `None` if it has none.
    pub fn name(self, packet: PacketType, version: Version) -> Option<&'static str> {
        match (packet, self.0) {
            (PacketType::CONNACK, code) if version < Version::V5 => {
                RETURN_CODES.get(usize::from(code)).map(|row| row.0)
            }
            (PacketType::SUBACK, 0x80) if version < Version::V5 => Some("Failure"),
            (PacketType::SUBACK, 0x00) => Some("Granted QoS 0"),
            // No other packet has a code, and no other code a name.
            (_, code) if version < Version::V5 && code > 2 => None,
            (PacketType::DISCONNECT, 0x00) => Some("Normal disconnection"),
            _ => self.row().map(|row| row.name),
        }
    }

    /// The 5.0 equal of a CONNACK return code of 3.1 or 3.1.1; reserved codes become
    /// [`UNSPECIFIED_ERROR`](Self::UNSPECIFIED_ERROR).
    pub fn from_return_code(code: u8) -> ReasonCode {
        RETURN_CODES
            .get(usize::from(code))
            .map_or(ReasonCode::UNSPECIFIED_ERROR, |row| row.1)
    }

    /// The CONNACK return code of 3.1 and 3.1.1 that comes closest, 0 to 5.
    pub fn to_return_code(self) -> u8 {
        match RETURN_CODES.iter().position(|row| row.1 == self) {
            Some(code) => code as u8,
            None if self == ReasonCode::BANNED => 5,
            None => 3,
        }
    }
}

impl fmt::Debug for ReasonCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// `0x87 Not authorized`; only the number if 5.0 has no name for it.
impl fmt::Display for ReasonCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.row() {
            Some(row) => write!(f, "0x{:02x} {}", self.0, row.name),
            None => write!(f, "0x{:02x}", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Codes per packet as section 2.4 and chapter 3 count them.
    #[test]
    fn every_packet_has_as_many_codes_as_its_table() {
        for (packet, expected) in [
            (PacketType::CONNACK, 22),
            (PacketType::PUBACK, 9),
            (PacketType::PUBREC, 9),
            (PacketType::PUBREL, 2),
            (PacketType::PUBCOMP, 2),
            (PacketType::SUBACK, 12),
            (PacketType::UNSUBACK, 7),
            (PacketType::DISCONNECT, 30),
            (PacketType::AUTH, 3),
        ] {
            let count = TABLE
                .iter()
                .filter(|row| row.code.is_allowed_in(packet, None))
                .count();
            assert_eq!(count, expected, "{packet}");
        }
        assert_eq!(TABLE.len(), 43);
        assert!(TABLE.is_sorted_by_key(|row| row.code));
    }

    #[test]
    fn return_codes_map_as_the_exit_codes_promise() {
        for (old, new) in [(1, 132), (2, 133), (3, 136), (4, 134), (5, 135)] {
            assert_eq!(ReasonCode::from_return_code(old).0, new);
            assert_eq!(ReasonCode(new).to_return_code(), old);
        }
        assert_eq!(
            ReasonCode::from_return_code(77),
            ReasonCode::UNSPECIFIED_ERROR
        );
    }

    /// 3.1.1, table 3.1 and 3.9.3.
    #[test]
    fn before_5_codes_have_their_own_names() {
        let v311 = Version::V311;
        for (code, packet, name) in [
            (0x05, PacketType::CONNACK, Some("not authorized")),
            (0x87, PacketType::CONNACK, None),
            (0x02, PacketType::SUBACK, Some("Granted QoS 2")),
            (0x80, PacketType::SUBACK, Some("Failure")),
            (0x87, PacketType::SUBACK, None),
        ] {
            assert_eq!(ReasonCode(code).name(packet, v311), name, "{packet} {code}");
        }
    }

    #[test]
    fn sender_columns() {
        let disconnect = PacketType::DISCONNECT;
        assert!(!ReasonCode::DISCONNECT_WITH_WILL.is_allowed_in(disconnect, Some(Side::Server)));
        assert!(!ReasonCode::SESSION_TAKEN_OVER.is_allowed_in(disconnect, Some(Side::Client)));
        assert!(
            !ReasonCode::NO_MATCHING_SUBSCRIBERS
                .is_allowed_in(PacketType::PUBACK, Some(Side::Client))
        );
    }
}
