//! The one rule table: what can be wrong, which statements say so in each version, how bad it is,
//! and the 5.0 reason code for it. The decoder, the broker's refusals and the inspector share it.
//!
//! Numbered statements are cited as `MQTT-3.3.1-4`; rules without a number by their section, as
//! `MQTT 5.0 section 2.2.2.2`. 3.1 has no numbered statements at all. A rule that cites nothing
//! for a version does not exist in that version.

use std::fmt;

use super::packet_type::PacketType;
use super::property::PropertyId;
use super::reason::ReasonCode;
use super::version::Version;

/// How bad a violation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Worth knowing; nothing is broken.
    Info,
    /// Unwise, or unclear in the standard; a receiver takes it.
    Warning,
    /// Breaks the standard; a receiver closes the connection.
    Error,
}

impl Severity {
    /// `error`, `warning` or `info`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Severity::Info => "info",
            Severity::Warning => "warning",
            Severity::Error => "error",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One row of the table.
#[derive(Debug)]
pub struct Row {
    /// What was found, as the beginning of a sentence.
    pub text: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// What a 5.0 receiver answers.
    pub reason: ReasonCode,
    v5: &'static [&'static str],
    v311: &'static [&'static str],
    v31: &'static [&'static str],
}

macro_rules! rules {
    ($($name:ident $severity:ident $reason:ident
        [$($v5:literal)*] [$($v311:literal)*] [$($v31:literal)*] $text:literal;)*) => {
        /// Something that can be wrong; see [`row`](Rule::row) for what the table says of it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum Rule {
            $(#[doc = $text] $name),*
        }

        impl Rule {
            /// Every rule, in the order of the table.
            pub const ALL: &[Rule] = &[$(Rule::$name),*];
        }

        static TABLE: &[Row] = &[$(Row {
            text: $text,
            severity: Severity::$severity,
            reason: ReasonCode::$reason,
            v5: &[$($v5),*],
            v311: &[$($v311),*],
            v31: &[$($v31),*],
        }),*];
    };
}

// name, severity, reason code, citations for 5.0, 3.1.1 and 3.1, text
rules! {
    // The input, not the sender
    Incomplete Error MALFORMED_PACKET ["MQTT 5.0 section 1.2"] ["MQTT 3.1.1 section 2.2.3"] ["MQTT 3.1 section 2.1"] "the bytes end before the packet does";

    // Fixed header
    RemainingLengthTooLong Error MALFORMED_PACKET ["MQTT 5.0 section 1.5.5"] ["MQTT 3.1.1 section 2.2.3"] ["MQTT 3.1 section 2.1"] "the remaining length has more than four bytes";
    VarIntTooLong Error MALFORMED_PACKET ["MQTT 5.0 section 1.5.5"] [] [] "a variable byte integer has more than four bytes";
    VarIntOverlong Error MALFORMED_PACKET ["MQTT-1.5.5-1"] [] [] "a variable byte integer is not encoded in the fewest bytes";
    RemainingLengthOverlong Warning MALFORMED_PACKET [] ["MQTT 3.1.1 section 2.2.3"] ["MQTT 3.1 section 2.1"] "the remaining length is not encoded in the fewest bytes";
    ReservedType Error MALFORMED_PACKET ["MQTT 5.0 section 2.1.2"] ["MQTT 3.1.1 section 2.2.1"] ["MQTT 3.1 section 2.1"] "the packet type is reserved";
    WrongDirection Error PROTOCOL_ERROR ["MQTT 5.0 section 2.1.2"] ["MQTT 3.1.1 section 2.2.1"] ["MQTT 3.1 section 2.1"] "this side may not send this packet type";
    Flags Error MALFORMED_PACKET ["MQTT-2.1.3-1"] ["MQTT-2.2.2-1" "MQTT-2.2.2-2"] [] "the reserved flags in the first byte are wrong";
    PubRelFlags Error MALFORMED_PACKET ["MQTT-3.6.1-1" "MQTT-2.1.3-1"] ["MQTT-3.6.1-1" "MQTT-2.2.2-1" "MQTT-2.2.2-2"] [] "the reserved flags in the first byte of PUBREL are wrong";
    SubscribeFlags Error MALFORMED_PACKET ["MQTT-3.8.1-1" "MQTT-2.1.3-1"] ["MQTT-3.8.1-1" "MQTT-2.2.2-1" "MQTT-2.2.2-2"] [] "the reserved flags in the first byte of SUBSCRIBE are wrong";
    UnsubscribeFlags Error MALFORMED_PACKET ["MQTT-3.10.1-1" "MQTT-2.1.3-1"] ["MQTT-3.10.1-1" "MQTT-2.2.2-1" "MQTT-2.2.2-2"] [] "the reserved flags in the first byte of UNSUBSCRIBE are wrong";
    DisconnectFlags Error MALFORMED_PACKET ["MQTT-3.14.1-1" "MQTT-2.1.3-1"] ["MQTT-3.14.1-1" "MQTT-2.2.2-1" "MQTT-2.2.2-2"] [] "the reserved flags in the first byte of DISCONNECT are wrong";
    AuthFlags Error MALFORMED_PACKET ["MQTT-3.15.1-1" "MQTT-2.1.3-1"] [] [] "the reserved flags in the first byte of AUTH are wrong";
    QosThree Error MALFORMED_PACKET ["MQTT-3.3.1-4"] ["MQTT-3.3.1-4"] ["MQTT 3.1 section 2.1"] "both QoS bits are set";
    DupAtQosZero Error PROTOCOL_ERROR ["MQTT-3.3.1-2" "MQTT-4.3.1-1"] ["MQTT-3.3.1-2" "MQTT-4.3.1-1"] [] "DUP is set on a QoS 0 message";

    // Fields of any packet
    Overrun Error MALFORMED_PACKET ["MQTT 5.0 section 1.2"] ["MQTT-4.8.0-1" "MQTT 3.1.1 section 4.8"] ["MQTT 3.1 section 2"] "a field runs past the end of the packet";
    LeftOver Error MALFORMED_PACKET ["MQTT 5.0 section 1.2"] ["MQTT-4.8.0-1" "MQTT 3.1.1 section 4.8"] ["MQTT 3.1 section 2"] "bytes are left over behind the last field";
    PacketIdZero Error PROTOCOL_ERROR ["MQTT-2.2.1-3" "MQTT-2.2.1-4"] ["MQTT-2.3.1-1"] ["MQTT 3.1 section 2.4"] "the packet identifier is 0";
    AckIdZero Error PROTOCOL_ERROR ["MQTT-2.2.1-5"] ["MQTT-2.3.1-6"] ["MQTT 3.1 section 2.4"] "the packet identifier is 0, which no message has";
    CodesIdZero Error PROTOCOL_ERROR ["MQTT-2.2.1-6"] ["MQTT-2.3.1-7"] ["MQTT 3.1 section 2.4"] "the packet identifier is 0, which no request has";
    Utf8 Error MALFORMED_PACKET ["MQTT-1.5.4-1"] ["MQTT-1.5.3-1"] ["MQTT 3.1 section 2.5"] "a string is not UTF-8";
    Utf8Pair Error MALFORMED_PACKET ["MQTT-1.5.7-1" "MQTT-1.5.4-1"] [] [] "a string of a user property is not UTF-8";
    Utf8ClientId Error MALFORMED_PACKET ["MQTT-3.1.3-4" "MQTT-1.5.4-1"] ["MQTT-3.1.3-4" "MQTT-1.5.3-1"] ["MQTT 3.1 section 2.5"] "the client identifier is not UTF-8";
    Utf8WillTopic Error MALFORMED_PACKET ["MQTT-3.1.3-11" "MQTT-1.5.4-1"] ["MQTT-3.1.3-10" "MQTT-1.5.3-1"] ["MQTT 3.1 section 2.5"] "the will topic is not UTF-8";
    Utf8UserName Error MALFORMED_PACKET ["MQTT-3.1.3-12" "MQTT-1.5.4-1"] ["MQTT-3.1.3-11" "MQTT-1.5.3-1"] ["MQTT 3.1 section 2.5"] "the user name is not UTF-8";
    Utf8Topic Error MALFORMED_PACKET ["MQTT-3.3.2-1" "MQTT-1.5.4-1"] ["MQTT-3.3.2-1" "MQTT-1.5.3-1"] ["MQTT 3.1 section 2.5"] "the topic name is not UTF-8";
    Utf8ResponseTopic Error MALFORMED_PACKET ["MQTT-3.3.2-13" "MQTT-1.5.4-1"] [] [] "the response topic is not UTF-8";
    Utf8ContentType Error MALFORMED_PACKET ["MQTT-3.3.2-19" "MQTT-1.5.4-1"] [] [] "the content type is not UTF-8";
    Utf8Filter Error MALFORMED_PACKET ["MQTT-3.8.3-1" "MQTT-1.5.4-1"] ["MQTT-3.8.3-1" "MQTT-1.5.3-1"] ["MQTT 3.1 section 2.5"] "a topic filter is not UTF-8";
    Utf8UnsubscribeFilter Error MALFORMED_PACKET ["MQTT-3.10.3-1" "MQTT-1.5.4-1"] ["MQTT-3.10.3-1" "MQTT-1.5.3-1"] ["MQTT 3.1 section 2.5"] "a topic filter is not UTF-8";
    NullCharacter Error MALFORMED_PACKET ["MQTT-1.5.4-2"] ["MQTT-1.5.3-2"] [] "a string holds the null character";
    NullInTopic Error MALFORMED_PACKET ["MQTT-4.7.3-2" "MQTT-1.5.4-2"] ["MQTT-4.7.3-2" "MQTT-1.5.3-2"] [] "a topic holds the null character";
    NullInPair Error MALFORMED_PACKET ["MQTT-1.5.7-1" "MQTT-1.5.4-2"] [] [] "a string of a user property holds the null character";
    ControlCharacter Warning MALFORMED_PACKET ["MQTT 5.0 section 1.5.4"] ["MQTT 3.1.1 section 1.5.3"] [] "a string holds a control character or a non-character";

    // Properties; where the section depends on the packet, the property table has it
    PropertyLengthMissing Error MALFORMED_PACKET ["MQTT-2.2.2-1" "MQTT 5.0 section 1.2"] [] [] "the property length is missing";
    PropertyLength Error MALFORMED_PACKET ["MQTT 5.0 section 2.2.2.1"] [] [] "the property length does not fit the packet";
    PropertyCut Error MALFORMED_PACKET ["MQTT 5.0 section 2.2.2.1"] [] [] "a property runs past the property length";
    PropertyUnknown Error MALFORMED_PACKET ["MQTT 5.0 section 2.2.2.2"] [] [] "a property identifier is not defined";
    PropertyNotAllowed Error MALFORMED_PACKET ["MQTT 5.0 section 2.2.2.2"] [] [] "a property is not allowed in this packet";
    PropertyRepeated Error PROTOCOL_ERROR ["MQTT 5.0 section 2.2.2.2"] [] [] "a property may not be repeated";
    PropertyRepeatedUnclear Warning PROTOCOL_ERROR ["MQTT 5.0 section 2.2.2.2"] [] [] "a property is repeated, which the standard forbids only for wills";
    PropertyValue Error PROTOCOL_ERROR ["MQTT 5.0 section 2.2.2.2"] [] [] "a property has a value that it may not have";
    PropertyValueUnclear Warning PROTOCOL_ERROR ["MQTT 5.0 section 2.2.2.2"] [] [] "a property has a value that the standard does not describe";
    TopicAliasZero Error TOPIC_ALIAS_INVALID ["MQTT-3.3.2-8" "MQTT 5.0 section 3.3.4"] [] [] "the topic alias is 0";
    ResponseTopicWildcard Error PROTOCOL_ERROR ["MQTT-3.3.2-14"] [] [] "the response topic holds a wildcard";
    ResponseTopicEmpty Error PROTOCOL_ERROR ["MQTT-4.7.3-1"] [] [] "the response topic is empty";
    SubscriptionIdFromClient Error PROTOCOL_ERROR ["MQTT-3.3.4-6"] [] [] "a client's PUBLISH carries a subscription identifier";
    SessionExpiryFromServer Error PROTOCOL_ERROR ["MQTT-3.14.2-2"] [] [] "a server's DISCONNECT carries a session expiry interval";
    AuthenticationDataAlone Error PROTOCOL_ERROR ["MQTT 5.0 section 3.1.2.11.10"] [] [] "authentication data comes without an authentication method";
    AuthenticationMethodMissing Error PROTOCOL_ERROR ["MQTT 5.0 section 3.15.2.2.2"] [] [] "AUTH comes without an authentication method";

    // CONNECT
    ProtocolName Error UNSUPPORTED_PROTOCOL_VERSION ["MQTT-3.1.2-1"] ["MQTT-3.1.2-1"] ["MQTT 3.1 section 3.1"] "the protocol name is not the one of the level";
    ProtocolLevel Error UNSUPPORTED_PROTOCOL_VERSION ["MQTT-3.1.2-2"] ["MQTT-3.1.2-2"] ["MQTT 3.1 section 3.1"] "the protocol level is not 3, 4 or 5";
    BridgeBit Info UNSUPPORTED_PROTOCOL_VERSION ["MQTT-3.1.2-2"] ["MQTT-3.1.2-2"] ["MQTT 3.1 section 3.1"] "the protocol level carries the bridge bit of mosquitto and RSMB, which no specification has";
    ConnectReservedFlag Error MALFORMED_PACKET ["MQTT-3.1.2-3"] ["MQTT-3.1.2-3"] [] "the reserved bit of the connect flags is set";
    WillQosWithoutWill Error MALFORMED_PACKET ["MQTT-3.1.2-11"] ["MQTT-3.1.2-11" "MQTT-3.1.2-13"] [] "will QoS is set without a will";
    WillRetainWithoutWill Error MALFORMED_PACKET ["MQTT-3.1.2-13"] ["MQTT-3.1.2-11" "MQTT-3.1.2-15"] [] "will retain is set without a will";
    WillQosThree Error MALFORMED_PACKET ["MQTT-3.1.2-12"] ["MQTT-3.1.2-14"] ["MQTT 3.1 section 3.1"] "both will QoS bits are set";
    WillMissing Error MALFORMED_PACKET ["MQTT-3.1.2-9"] ["MQTT-3.1.2-9"] ["MQTT 3.1 section 3.1"] "the will flag is set and the will is missing";
    UserNameMissing Error MALFORMED_PACKET ["MQTT-3.1.2-17"] ["MQTT-3.1.2-19"] [] "the user name flag is set and the user name is missing";
    PasswordMissing Error MALFORMED_PACKET ["MQTT-3.1.2-19"] ["MQTT-3.1.2-21"] [] "the password flag is set and the password is missing";
    PasswordWithoutUserName Error MALFORMED_PACKET [] ["MQTT-3.1.2-22"] ["MQTT 3.1 section 3.1"] "the password flag is set without the user name flag";
    ConnectLeftOver Error MALFORMED_PACKET ["MQTT-3.1.2-9" "MQTT-3.1.2-16" "MQTT-3.1.2-18" "MQTT 5.0 section 1.2"] ["MQTT-3.1.2-11" "MQTT-3.1.2-18" "MQTT-3.1.2-20" "MQTT-4.8.0-1" "MQTT 3.1.1 section 4.8"] ["MQTT 3.1 section 3.1"] "bytes are left over behind the fields that the connect flags announce";
    ClientIdMissing Error MALFORMED_PACKET ["MQTT-3.1.3-3"] ["MQTT-3.1.3-3"] ["MQTT 3.1 section 3.1"] "the client identifier is missing";
    ClientIdEmpty Error CLIENT_IDENTIFIER_NOT_VALID [] ["MQTT-3.1.3-7" "MQTT-3.1.3-8"] [] "the client identifier is empty and clean session is 0";
    ClientIdLength31 Warning CLIENT_IDENTIFIER_NOT_VALID [] [] ["MQTT 3.1 section 3.1"] "the client identifier has not 1 to 23 characters";

    // CONNACK
    ConnAckFlags Error MALFORMED_PACKET ["MQTT-3.2.2-1"] ["MQTT 3.1.1 section 3.2.2.1"] [] "reserved bits of the acknowledge flags are set";
    ConnAckCode Error PROTOCOL_ERROR ["MQTT-3.2.2-8"] ["MQTT 3.1.1 section 3.2.2.3"] ["MQTT 3.1 section 3.2"] "CONNACK may not carry this code";
    SessionPresentRefused Error PROTOCOL_ERROR ["MQTT-3.2.2-6"] ["MQTT-3.2.2-4"] [] "session present is set in a refusal";

    // PUBLISH and topics
    TopicWildcard Error MALFORMED_PACKET ["MQTT-3.3.2-2" "MQTT-4.7.0-1"] ["MQTT-3.3.2-2" "MQTT-4.7.1-1"] ["MQTT 3.1 section 3.3"] "the topic name holds a wildcard";
    TopicEmpty Error MALFORMED_PACKET ["MQTT-4.7.3-1"] ["MQTT-4.7.3-1"] ["MQTT 3.1 appendix A"] "the topic name is empty";
    TopicEmptyWithoutAlias Error PROTOCOL_ERROR ["MQTT 5.0 section 3.3.2.1" "MQTT-4.7.3-1"] [] [] "the topic name is empty and no topic alias stands for it";

    WillTopicWildcard Error MALFORMED_PACKET ["MQTT-4.7.0-1"] ["MQTT-4.7.1-1"] ["MQTT 3.1 section 3.1"] "the will topic holds a wildcard";

    // Codes of the other packets
    PubAckCode Error PROTOCOL_ERROR ["MQTT-3.4.2-1"] [] [] "PUBACK may not carry this code";
    PubRecCode Error PROTOCOL_ERROR ["MQTT-3.5.2-1"] [] [] "PUBREC may not carry this code";
    PubRelCode Error PROTOCOL_ERROR ["MQTT-3.6.2-1"] [] [] "PUBREL may not carry this code";
    PubCompCode Error PROTOCOL_ERROR ["MQTT-3.7.2-1"] [] [] "PUBCOMP may not carry this code";
    SubAckCode Error PROTOCOL_ERROR ["MQTT-3.9.3-2"] ["MQTT-3.9.3-2"] ["MQTT 3.1 section 3.9"] "SUBACK may not carry this code";
    UnsubAckCode Error PROTOCOL_ERROR ["MQTT-3.11.3-2"] [] [] "UNSUBACK may not carry this code";
    DisconnectCode Error PROTOCOL_ERROR ["MQTT-3.14.2-1"] [] [] "DISCONNECT may not carry this code";
    AuthCode Error PROTOCOL_ERROR ["MQTT-3.15.2-1"] [] [] "AUTH may not carry this code";
    SubAckEmpty Error PROTOCOL_ERROR ["MQTT-3.8.4-6"] ["MQTT-3.8.4-5"] ["MQTT 3.1 section 3.9"] "SUBACK has no code, and each filter wants one";
    UnsubAckEmpty Error PROTOCOL_ERROR ["MQTT-3.11.3-2"] [] [] "UNSUBACK has no code, and each filter wants one";

    // SUBSCRIBE and UNSUBSCRIBE
    SubscribeEmpty Error PROTOCOL_ERROR ["MQTT-3.8.3-2" "MQTT 5.0 section 3.8.3"] ["MQTT-3.8.3-3" "MQTT 3.1.1 section 3.8.3"] ["MQTT 3.1 section 3.8"] "SUBSCRIBE has no topic filter";
    UnsubscribeEmpty Error PROTOCOL_ERROR ["MQTT-3.10.3-2" "MQTT 5.0 section 3.10.3"] ["MQTT-3.10.3-2" "MQTT 3.1.1 section 3.10.3"] ["MQTT 3.1 section 3.10"] "UNSUBSCRIBE has no topic filter";
    OptionsReserved Error MALFORMED_PACKET ["MQTT-3.8.3-5"] ["MQTT-3.8.3-4"] [] "reserved bits of the subscription options are set";
    OptionsQosThree Error PROTOCOL_ERROR ["MQTT 5.0 section 3.8.3.1"] ["MQTT-3.8.3-4"] ["MQTT 3.1 section 3.8"] "a subscription asks for QoS 3";
    RetainHandlingThree Error PROTOCOL_ERROR ["MQTT 5.0 section 3.8.3.1"] [] [] "a subscription asks for retain handling 3";
    NoLocalOnShared Error PROTOCOL_ERROR ["MQTT-3.8.3-4"] [] [] "a shared subscription asks for no local";
    FilterEmpty Error MALFORMED_PACKET ["MQTT-4.7.3-1"] ["MQTT-4.7.3-1"] ["MQTT 3.1 appendix A"] "a topic filter is empty";
    FilterHash Error MALFORMED_PACKET ["MQTT-4.7.1-1"] ["MQTT-4.7.1-2"] ["MQTT 3.1 appendix A"] "'#' in a topic filter is not its last level";
    FilterPlus Error MALFORMED_PACKET ["MQTT-4.7.1-2"] ["MQTT-4.7.1-3"] ["MQTT 3.1 appendix A"] "'+' in a topic filter does not fill a level";
    ShareIncomplete Error MALFORMED_PACKET ["MQTT-4.8.2-1" "MQTT-4.8.2-2"] [] [] "a shared subscription is $share/NAME/FILTER, and a part is missing";
    ShareName Error MALFORMED_PACKET ["MQTT-4.8.2-2"] [] [] "the name of a shared subscription holds a wildcard";

    // What needs the state of the connection
    NotConnect Error PROTOCOL_ERROR ["MQTT-3.1.0-1"] ["MQTT-3.1.0-1"] ["MQTT 3.1 section 3.1"] "the first packet is not CONNECT";
    SecondConnect Error PROTOCOL_ERROR ["MQTT-3.1.0-2"] ["MQTT-3.1.0-2"] ["MQTT 3.1 section 3.1"] "a second CONNECT comes on the same connection";
    PacketTooLarge Error PACKET_TOO_LARGE ["MQTT 5.0 section 3.2.2.3.6" "MQTT-3.2.2-15" "MQTT-3.1.2-24"] [] [] "the packet is larger than the receiver's maximum packet size";
    QosNotSupported Error QOS_NOT_SUPPORTED ["MQTT 5.0 section 3.2.2.3.4" "MQTT-3.2.2-11"] [] [] "the QoS is above the server's maximum QoS";
    RetainNotSupported Error RETAIN_NOT_SUPPORTED ["MQTT 5.0 section 3.2.2.3.5" "MQTT-3.2.2-14"] [] [] "RETAIN is set and the server keeps no retained messages";
    TopicAliasTooHigh Error TOPIC_ALIAS_INVALID ["MQTT 5.0 section 3.3.4" "MQTT-3.3.2-9" "MQTT-3.2.2-17"] [] [] "the topic alias is above the receiver's maximum";
    TopicAliasUnknown Error PROTOCOL_ERROR ["MQTT 5.0 section 3.3.4"] [] [] "the topic alias has not been given a topic on this connection";
    ReceiveMaximumExceeded Error RECEIVE_MAXIMUM_EXCEEDED ["MQTT 5.0 section 3.3.4" "MQTT-3.3.4-7" "MQTT-3.3.4-9"] [] [] "more messages are unacknowledged than the receive maximum allows";
    SessionExpiryRaised Error PROTOCOL_ERROR ["MQTT 5.0 section 3.14.2.2.2"] [] [] "DISCONNECT sets a session expiry interval although CONNECT had none";
    AuthUnexpected Error PROTOCOL_ERROR ["MQTT 5.0 section 3.15" "MQTT-4.12.0-7"] [] [] "AUTH comes although CONNECT had no authentication method";
    KeepAliveTimeout Error KEEP_ALIVE_TIMEOUT ["MQTT-3.1.2-22"] ["MQTT-3.1.2-24"] ["MQTT 3.1 section 3.1"] "nothing came for 1.5 times the keep alive";
}

impl Rule {
    /// What the table says.
    pub fn row(self) -> &'static Row {
        // The enum and the table come from the same list, so every rule has its row.
        &TABLE[self as usize]
    }

    /// Whether the rule exists in `version`.
    pub fn exists_in(self, version: Version) -> bool {
        !self.citations(version).is_empty()
    }

    /// The statements that the rule stands on, most direct first.
    pub fn citations(self, version: Version) -> &'static [&'static str] {
        let row = self.row();
        match version {
            Version::V5 => row.v5,
            Version::V311 => row.v311,
            Version::V31 => row.v31,
        }
    }
}

/// The figures that make a violation's message concrete.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detail {
    /// The rule's text says it all.
    None,
    /// The value that was found.
    Found(u32),
    /// Four bits that are not what they must be.
    Bits {
        /// As sent.
        found: u8,
        /// As the standard wants them.
        expected: u8,
    },
    /// A length that does not fit.
    Length {
        /// What the length says.
        says: u32,
        /// What there is room for, or what is there.
        has: u32,
    },
    /// A code that this packet may not carry.
    Code(ReasonCode),
    /// A property, where it stands, and the number it holds.
    Property {
        /// Which one.
        id: PropertyId,
        /// The packet that carries it, or [`WILL`](super::property::WILL).
        packet: PacketType,
        /// Its value, if it is a number.
        value: Option<u32>,
    },
}

/// A rule that was broken, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Violation {
    /// Which rule.
    pub rule: Rule,
    /// The version that the packet was read as.
    pub version: Version,
    /// First offending byte, counted from the start of the packet.
    pub offset: u32,
    /// Offending bytes.
    pub len: u32,
    /// What was found.
    pub detail: Detail,
}

impl Violation {
    /// How bad it is.
    pub fn severity(&self) -> Severity {
        self.rule.row().severity
    }

    /// What a 5.0 receiver answers.
    pub fn reason(&self) -> ReasonCode {
        self.rule.row().reason
    }

    /// The statements that are broken, most direct first: [`Rule::citations`], and before them
    /// the section on the property concerned.
    pub fn citations(&self) -> impl Iterator<Item = &'static str> + use<> {
        let section = match self.detail {
            Detail::Property { id, packet, .. } => id.row().and_then(|row| row.section(packet)),
            _ => None,
        };
        let general = self.rule.citations(self.version);
        section.into_iter().chain(general.iter().copied())
    }
}

/// One sentence without a full stop: what was found, and how much.
impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.rule.row().text)?;
        match self.detail {
            Detail::None => Ok(()),
            Detail::Found(value) => write!(f, ": {value}"),
            Detail::Bits { found, expected } => {
                write!(f, ": {found:04b}, and {expected:04b} is required")
            }
            Detail::Length { says, has } => write!(f, ": {says} announced, {has} there"),
            Detail::Code(code) => write!(f, ": {code}"),
            Detail::Property {
                id,
                value: Some(value),
                ..
            } => write!(f, ": {id} is {value}"),
            Detail::Property {
                id, value: None, ..
            } => write!(f, ": {id}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_exists_in_some_version() {
        for &rule in Rule::ALL {
            assert!(Version::ALL.iter().any(|&v| rule.exists_in(v)), "{rule:?}");
        }
    }
}
