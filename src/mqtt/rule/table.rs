//! The table itself: a row per rule, by area.

use super::super::reason::ReasonCode;
use super::{Row, Severity};

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

        pub(super) static TABLE: &[Row] = &[$(Row {
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
    PacketIdZero Error PROTOCOL_ERROR ["MQTT-2.2.1-3"] ["MQTT-2.3.1-1"] ["MQTT 3.1 section 2.4"] "the packet identifier is 0";
    ServerPacketIdZero Error PROTOCOL_ERROR ["MQTT-2.2.1-4"] ["MQTT-2.3.1-1"] ["MQTT 3.1 section 2.4"] "the packet identifier is 0";
    PublishIdZero Error PROTOCOL_ERROR ["MQTT-2.2.1-3" "MQTT-2.2.1-4"] ["MQTT-2.3.1-1"] ["MQTT 3.1 section 2.4"] "the packet identifier is 0";
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
    PayloadFormat Warning PAYLOAD_FORMAT_INVALID ["MQTT 5.0 section 3.3.2.3.2"] [] [] "the payload format indicator is 1, and the payload is not UTF-8";
    WillPayloadFormat Warning PAYLOAD_FORMAT_INVALID ["MQTT 5.0 section 3.1.3.2.3"] [] [] "the payload format indicator of the will is 1, and its payload is not UTF-8";
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
    PacketTooLarge Error PACKET_TOO_LARGE ["MQTT 5.0 section 3.2.2.3.6" "MQTT-3.2.2-15"] [] [] "the packet is larger than the server's maximum packet size";
    QosNotSupported Error QOS_NOT_SUPPORTED ["MQTT 5.0 section 3.2.2.3.4" "MQTT-3.2.2-11"] [] [] "the QoS is above the server's maximum QoS";
    RetainNotSupported Error RETAIN_NOT_SUPPORTED ["MQTT 5.0 section 3.2.2.3.5" "MQTT-3.2.2-14"] [] [] "RETAIN is set and the server keeps no retained messages";
    TopicAliasTooHigh Error TOPIC_ALIAS_INVALID ["MQTT 5.0 section 3.3.4" "MQTT-3.3.2-9" "MQTT-3.2.2-17"] [] [] "the topic alias is above the server's maximum";
    TopicAliasUnknown Error PROTOCOL_ERROR ["MQTT 5.0 section 3.3.4"] [] [] "the topic alias has not been given a topic on this connection";
    ReceiveMaximumExceeded Error RECEIVE_MAXIMUM_EXCEEDED ["MQTT 5.0 section 3.3.4" "MQTT-3.3.4-7" "MQTT-4.9.0-2" "MQTT-4.9.0-1"] [] [] "more messages of the client are unacknowledged than the server's receive maximum allows";
    SessionExpiryRaised Error PROTOCOL_ERROR ["MQTT 5.0 section 3.14.2.2.2"] [] [] "DISCONNECT sets a session expiry interval although CONNECT had none";
    AuthUnexpected Error PROTOCOL_ERROR ["MQTT 5.0 section 3.15" "MQTT-4.12.0-7"] [] [] "AUTH comes although CONNECT had no authentication method";
    KeepAliveTimeout Error KEEP_ALIVE_TIMEOUT ["MQTT-3.1.2-22" "MQTT-3.1.2-20"] ["MQTT-3.1.2-24" "MQTT-3.1.2-23"] ["MQTT 3.1 section 3.1"] "nothing came for 1.5 times the keep alive";

    // The opening
    ServerBeforeConnAck Error PROTOCOL_ERROR ["MQTT-3.2.0-1"] ["MQTT-3.2.0-1"] ["MQTT 3.1 section 3.2"] "the server sends something before it has accepted the CONNECT";
    SecondConnAck Error PROTOCOL_ERROR ["MQTT-3.2.0-2"] ["MQTT-3.2.0-1"] ["MQTT 3.1 section 3.2"] "a second CONNACK comes on the same connection";
    DisconnectBeforeConnAck Error PROTOCOL_ERROR ["MQTT-3.14.0-1" "MQTT-3.2.0-1"] [] [] "the server sends DISCONNECT before it has accepted the CONNECT";
    ClientBeforeConnAck Error PROTOCOL_ERROR ["MQTT-3.1.2-30"] [] [] "the client goes on before CONNACK although it authenticates with AUTH";
    ConnAckMissing Warning UNSPECIFIED_ERROR ["MQTT-3.1.4-5"] ["MQTT-3.1.4-4"] ["MQTT 3.1 section 3.2"] "CONNECT gets no CONNACK";
    SessionPresentClean Error PROTOCOL_ERROR ["MQTT-3.2.2-2"] ["MQTT-3.2.2-1"] [] "session present is set although the client wants a clean session";
    SessionPresentWithoutSession Error PROTOCOL_ERROR ["MQTT-3.2.2-3"] ["MQTT-3.2.2-3"] [] "session present is set although there is no session";
    SessionForgotten Warning PROTOCOL_ERROR ["MQTT-3.2.2-3"] ["MQTT-3.2.2-2"] [] "session present is not set although there is a session";
    NotTakenOver Error SESSION_TAKEN_OVER ["MQTT-3.1.4-3"] ["MQTT-3.1.4-2"] ["MQTT 3.1 section 3.1"] "two connections of one client identifier live side by side";
    TakenOverSilently Warning SESSION_TAKEN_OVER ["MQTT-3.1.4-3"] [] [] "a connection is taken over and its client is not told so";
    NotClosed Error PROTOCOL_ERROR ["MQTT-4.13.1-1"] ["MQTT-4.8.0-1"] [] "the server goes on after an error that must end the connection";
    RefusedNotClosed Error PROTOCOL_ERROR ["MQTT-3.2.2-7" "MQTT-3.1.4-6"] ["MQTT-3.2.2-5" "MQTT-3.1.4-5"] ["MQTT 3.1 section 3.2"] "the connection goes on after a CONNACK that refuses the client";
    EndedInside Error MALFORMED_PACKET ["MQTT 5.0 section 1.2" "MQTT 5.0 section 2.1.4"] ["MQTT 3.1.1 section 2.2.3" "MQTT 3.1.1 section 4.8"] ["MQTT 3.1 section 2.1"] "the connection ends before the packet does";
    AfterDisconnect Error PROTOCOL_ERROR ["MQTT-3.14.4-1"] ["MQTT-3.14.4-2"] ["MQTT 3.1 section 3.14"] "something follows DISCONNECT";

    // What CONNECT and CONNACK say of each other
    AssignedClientIdMissing Error PROTOCOL_ERROR ["MQTT-3.2.2-16" "MQTT-3.1.3-7"] [] [] "an empty client identifier is accepted and none assigned";
    AssignedClientIdUnasked Warning PROTOCOL_ERROR ["MQTT 5.0 section 3.2.2.3.7"] [] [] "a client identifier is assigned although the client has one";
    ResponseInformationUnasked Error PROTOCOL_ERROR ["MQTT-3.1.2-28"] [] [] "CONNACK has response information that the client did not ask for";
    ProblemInformationUnasked Error PROTOCOL_ERROR ["MQTT-3.1.2-29"] [] [] "a reason string or user property comes although the client wants none";
    WillQosNotSupported Error QOS_NOT_SUPPORTED ["MQTT-3.2.2-12"] [] [] "a will is accepted with a QoS above the server's maximum QoS";
    WillRetainNotSupported Error RETAIN_NOT_SUPPORTED ["MQTT-3.2.2-13"] [] [] "a will to be retained is accepted and the server keeps no retained messages";
    MaximumQosUnannounced Error PROTOCOL_ERROR ["MQTT-3.2.2-9"] [] [] "the server does not support a QoS and did not say so";
    ServerAuthUnexpected Error PROTOCOL_ERROR ["MQTT-4.12.0-6" "MQTT 5.0 section 3.15"] [] [] "the server authenticates although CONNECT had no authentication method";
    AuthMethodOther Error BAD_AUTHENTICATION_METHOD ["MQTT-4.12.0-5" "MQTT 5.0 section 3.15"] [] [] "the authentication method is not that of CONNECT";
    ReauthMethodOther Error BAD_AUTHENTICATION_METHOD ["MQTT-4.12.1-1" "MQTT-4.12.0-5" "MQTT 5.0 section 3.15"] [] [] "re-authentication has another method than CONNECT";
    ServerAuthCode Error PROTOCOL_ERROR ["MQTT-4.12.0-2"] [] [] "the server's AUTH does not ask to continue";
    ClientAuthCode Error PROTOCOL_ERROR ["MQTT-4.12.0-3"] [] [] "the client's AUTH does not continue what the server asked";

    // Limits of the other side
    ServerPacketTooLarge Error PACKET_TOO_LARGE ["MQTT 5.0 section 3.2.2.3.6" "MQTT-3.1.2-24"] [] [] "the packet is larger than the client's maximum packet size";
    ServerReceiveMaximumExceeded Error RECEIVE_MAXIMUM_EXCEEDED ["MQTT 5.0 section 3.3.4" "MQTT-3.3.4-9" "MQTT-4.9.0-2" "MQTT-4.9.0-1"] [] [] "more messages of the server are unacknowledged than the client's receive maximum allows";
    ServerTopicAliasTooHigh Error TOPIC_ALIAS_INVALID ["MQTT 5.0 section 3.3.4" "MQTT-3.3.2-11" "MQTT-3.1.2-26"] [] [] "the topic alias is above the client's maximum";
    TopicAliasUnwanted Error TOPIC_ALIAS_INVALID ["MQTT-3.2.2-18" "MQTT-3.3.2-9" "MQTT 5.0 section 3.3.4"] [] [] "the client uses a topic alias and the server takes none";
    ServerTopicAliasUnwanted Error TOPIC_ALIAS_INVALID ["MQTT-3.1.2-27" "MQTT-3.3.2-11" "MQTT 5.0 section 3.3.4"] [] [] "the server uses a topic alias and the client takes none";
    WildcardNotSupported Error WILDCARD_SUBSCRIPTIONS_NOT_SUPPORTED ["MQTT 5.0 section 3.2.2.3.11"] [] [] "a topic filter holds a wildcard and the server takes none";
    SubscriptionIdNotSupported Error SUBSCRIPTION_IDENTIFIERS_NOT_SUPPORTED ["MQTT 5.0 section 3.2.2.3.12"] [] [] "a subscription has an identifier and the server takes none";
    SharedNotSupported Error SHARED_SUBSCRIPTIONS_NOT_SUPPORTED ["MQTT 5.0 section 3.2.2.3.13"] [] [] "a subscription is shared and the server takes none";

    // Keep alive
    KeepAliveOverrun Warning KEEP_ALIVE_TIMEOUT ["MQTT-3.1.2-20"] ["MQTT-3.1.2-23"] ["MQTT 3.1 section 3.1"] "the client is silent for longer than its keep alive";
    ServerKeepAliveOverrun Warning KEEP_ALIVE_TIMEOUT ["MQTT-3.1.2-21" "MQTT-3.2.2-21"] [] [] "the client is silent for longer than the server's keep alive";
    KeepAliveClosed Info KEEP_ALIVE_TIMEOUT ["MQTT-3.1.2-22"] ["MQTT-3.1.2-24"] ["MQTT 3.1 section 3.1"] "the connection ends after 1.5 times the keep alive without a packet of the client";

    // Packet identifiers and the messages of QoS 1 and 2
    PacketIdInUse Error PACKET_IDENTIFIER_IN_USE ["MQTT-2.2.1-3" "MQTT 5.0 section 2.2.1"] ["MQTT-2.3.1-2" "MQTT-2.3.1-3"] ["MQTT 3.1 section 2.4"] "the client uses a packet identifier that is in use";
    ServerPacketIdInUse Error PACKET_IDENTIFIER_IN_USE ["MQTT-2.2.1-4" "MQTT 5.0 section 2.2.1"] ["MQTT-2.3.1-4"] ["MQTT 3.1 section 2.4"] "the server uses a packet identifier that is in use";
    DupOnFirst Error PROTOCOL_ERROR [] [] ["MQTT 3.1 section 2.1"] "DUP is set on a message that was never sent before";
    DupOnFirstQos1 Error PROTOCOL_ERROR ["MQTT-4.3.2-2"] ["MQTT-4.3.2-1"] [] "DUP is set on a QoS 1 message that was never sent before";
    DupOnFirstQos2 Error PROTOCOL_ERROR ["MQTT-4.3.3-2"] ["MQTT-4.3.3-1"] [] "DUP is set on a QoS 2 message that was never sent before";
    RedeliveryWithoutDup Error PROTOCOL_ERROR ["MQTT-3.3.1-1"] ["MQTT-3.3.1-1"] ["MQTT 3.1 section 2.1"] "a message is sent again without DUP";
    Resent Error PROTOCOL_ERROR ["MQTT-4.4.0-1"] [] [] "a message is sent again on the same connection";
    ResentAfterFailure Error PROTOCOL_ERROR ["MQTT-4.4.0-2"] [] [] "a message is sent again although the receiver refused it";
    NotResent Warning PROTOCOL_ERROR ["MQTT-4.4.0-1"] ["MQTT-4.4.0-1"] [] "a message that was open when the connection broke is not sent again";
    RepublishAfterPubRel Error PROTOCOL_ERROR ["MQTT-4.3.3-6"] ["MQTT-4.3.3-1"] ["MQTT 3.1 section 4.1"] "a QoS 2 message is sent again after its PUBREL";
    AckUnknown Error PACKET_IDENTIFIER_NOT_FOUND ["MQTT-2.2.1-5"] ["MQTT-2.3.1-6"] ["MQTT 3.1 section 2.4"] "an acknowledgment has a packet identifier that no open message has";
    FlowUnknown Error PACKET_IDENTIFIER_NOT_FOUND ["MQTT-2.2.1-5" "MQTT 5.0 section 3.4-3.7"] ["MQTT-2.3.1-6"] ["MQTT 3.1 section 2.4"] "a packet of a QoS 2 exchange has a packet identifier that no open message has";
    AckWrongKind Error PROTOCOL_ERROR ["MQTT-3.3.4-1"] ["MQTT-3.3.4-1"] ["MQTT 3.1 section 4.1"] "an acknowledgment is not of the kind that the QoS of the message wants";
    PubRelEarly Error PROTOCOL_ERROR ["MQTT-4.3.3-4"] ["MQTT-4.3.3-1"] ["MQTT 3.1 section 4.1"] "PUBREL comes before PUBREC";
    PubCompEarly Error PROTOCOL_ERROR ["MQTT-4.3.3-11"] ["MQTT-4.3.3-2"] ["MQTT 3.1 section 4.1"] "PUBCOMP comes before PUBREL";
    PubAckMissing Warning UNSPECIFIED_ERROR ["MQTT-4.3.2-4" "MQTT-3.3.4-1"] ["MQTT-4.3.2-2" "MQTT-3.3.4-1"] ["MQTT 3.1 section 4.1"] "a QoS 1 message gets no PUBACK";
    PubRecMissing Warning UNSPECIFIED_ERROR ["MQTT-4.3.3-8" "MQTT-3.3.4-1"] ["MQTT-4.3.3-2" "MQTT-3.3.4-1"] ["MQTT 3.1 section 4.1"] "a QoS 2 message gets no PUBREC";
    PubRelMissing Warning UNSPECIFIED_ERROR ["MQTT-4.3.3-4"] ["MQTT-4.3.3-1"] ["MQTT 3.1 section 4.1"] "PUBREC gets no PUBREL";
    PubCompMissing Warning UNSPECIFIED_ERROR ["MQTT-4.3.3-11"] ["MQTT-4.3.3-2"] ["MQTT 3.1 section 4.1"] "PUBREL gets no PUBCOMP";
    ResendOrder Error PROTOCOL_ERROR ["MQTT-4.6.0-1"] ["MQTT-4.6.0-1"] [] "messages are sent again in another order";
    PubAckOrder Error PROTOCOL_ERROR ["MQTT-4.6.0-2"] ["MQTT-4.6.0-2"] [] "the client's PUBACKs do not follow the order of the messages";
    PubRecOrder Error PROTOCOL_ERROR ["MQTT-4.6.0-3"] ["MQTT-4.6.0-3"] [] "the client's PUBRECs do not follow the order of the messages";
    PubRelOrder Error PROTOCOL_ERROR ["MQTT-4.6.0-4"] ["MQTT-4.6.0-4"] [] "the client's PUBRELs do not follow the order of the PUBRECs";

    // Requests
    SubAckUnknown Error PROTOCOL_ERROR ["MQTT-2.2.1-6" "MQTT-3.8.4-2"] ["MQTT-2.3.1-7" "MQTT-3.8.4-2"] ["MQTT 3.1 section 3.9"] "SUBACK has a packet identifier that no open SUBSCRIBE has";
    UnsubAckUnknown Error PROTOCOL_ERROR ["MQTT-2.2.1-6" "MQTT-3.10.4-5"] ["MQTT-2.3.1-7" "MQTT-3.10.4-4"] ["MQTT 3.1 section 3.11"] "UNSUBACK has a packet identifier that no open UNSUBSCRIBE has";
    SubAckMissing Error UNSPECIFIED_ERROR ["MQTT-3.8.4-1"] ["MQTT-3.8.4-1"] ["MQTT 3.1 section 3.8"] "SUBSCRIBE gets no SUBACK";
    UnsubAckMissing Error UNSPECIFIED_ERROR ["MQTT-3.10.4-4" "MQTT-3.10.4-5"] ["MQTT-3.10.4-4" "MQTT-3.10.4-5"] ["MQTT 3.1 section 3.10"] "UNSUBSCRIBE gets no UNSUBACK";
    PingRespMissing Error UNSPECIFIED_ERROR ["MQTT-3.12.4-1"] ["MQTT-3.12.4-1"] ["MQTT 3.1 section 3.12"] "PINGREQ gets no PINGRESP";
    PingRespUnasked Warning PROTOCOL_ERROR ["MQTT 5.0 section 3.13"] ["MQTT 3.1.1 section 3.13"] ["MQTT 3.1 section 3.13"] "PINGRESP comes without a PINGREQ";
    SubAckCount Error PROTOCOL_ERROR ["MQTT-3.8.4-6" "MQTT-3.9.3-2"] ["MQTT-3.8.4-5"] ["MQTT 3.1 section 3.9"] "SUBACK has not one code for each topic filter";
    UnsubAckCount Error PROTOCOL_ERROR ["MQTT-3.11.3-2"] [] [] "UNSUBACK has not one code for each topic filter";
    GrantedAboveRequested Warning PROTOCOL_ERROR ["MQTT-3.8.4-7" "MQTT-3.9.3-1"] ["MQTT-3.8.4-5" "MQTT-3.9.3-1"] ["MQTT 3.1 section 3.9"] "SUBACK grants a higher QoS than the topic filter in its place asks for";
    UnsubAckOrder Warning PROTOCOL_ERROR ["MQTT-3.11.3-1"] [] [] "a code of UNSUBACK does not fit the topic filter in its place";

    // Delivery to subscribers
    NoSubscription Error PROTOCOL_ERROR ["MQTT-3.3.2-3"] ["MQTT-3.3.2-3"] ["MQTT 3.1 section 3.3"] "a message comes that no subscription of the client matches";
    QosAboveGranted Error PROTOCOL_ERROR ["MQTT-3.8.4-8"] ["MQTT-3.8.4-6"] ["MQTT 3.1 section 3.8"] "a message comes with a higher QoS than was granted";
    RetainOnLive Error PROTOCOL_ERROR ["MQTT-3.3.1-12"] ["MQTT-3.3.1-9"] ["MQTT 3.1 section 2.1"] "RETAIN is set on a message for an existing subscription";
    RetainMissing Error PROTOCOL_ERROR ["MQTT 5.0 section 3.3.1.3"] ["MQTT-3.3.1-8"] ["MQTT 3.1 section 2.1"] "RETAIN is not set on a retained message for a new subscription";
    AfterUnsubscribe Error PROTOCOL_ERROR ["MQTT-3.10.4-2"] ["MQTT-3.10.4-2"] ["MQTT 3.1 section 3.10"] "a message comes for a subscription that has ended";
    RetainedUnwanted Error PROTOCOL_ERROR ["MQTT-3.3.1-11"] [] [] "a retained message comes for a subscription that wants none";
    RetainedShared Error PROTOCOL_ERROR ["MQTT 5.0 section 4.8.2"] [] [] "a retained message comes for a shared subscription";
    NoLocalEcho Warning PROTOCOL_ERROR ["MQTT-3.8.3-3"] [] [] "a message comes back to the client that published it";
    RetainCleared Warning PROTOCOL_ERROR ["MQTT-3.3.1-13"] [] [] "RETAIN is cleared on a message for a subscription that wants it as it was published";
    MessageChanged Warning PROTOCOL_ERROR ["MQTT 5.0 section 3.3.2.3"] [] [] "a message is not handed on as it was published";
    SubscriptionIdForeign Error PROTOCOL_ERROR ["MQTT 5.0 section 3.3.4"] [] [] "a message carries a subscription identifier that no matching subscription has";
    SubscriptionIdMissing Error PROTOCOL_ERROR ["MQTT-3.3.4-3" "MQTT-3.3.4-5"] [] [] "a message lacks the identifier of its subscription";
    SubscriptionIdIncomplete Error PROTOCOL_ERROR ["MQTT-3.3.4-4"] [] [] "a message lacks the identifier of one of its subscriptions";
    ForwardOrder Warning PROTOCOL_ERROR ["MQTT-4.6.0-5"] ["MQTT-4.6.0-6"] [] "messages of one publisher are forwarded in another order";

    // MQTT over WebSocket
    WebSocketText Error PROTOCOL_ERROR ["MQTT-6.0.0-1"] ["MQTT-6.0.0-1"] [] "MQTT comes in a frame that is not binary";
    WebSocketNotOffered Error PROTOCOL_ERROR ["MQTT-6.0.0-3"] ["MQTT-6.0.0-3"] [] "the client does not offer the subprotocol mqtt";
    WebSocketMask Error PROTOCOL_ERROR ["RFC 6455 section 5.1"] ["RFC 6455 section 5.1"] ["RFC 6455 section 5.1"] "a frame of the client is not masked, or one of the server is";
    WebSocketFrame Error PROTOCOL_ERROR ["RFC 6455 section 5.2"] ["RFC 6455 section 5.2"] ["RFC 6455 section 5.2"] "a frame has reserved bits, a reserved opcode or an overlong length";
    WebSocketFragment Error PROTOCOL_ERROR ["RFC 6455 section 5.4"] ["RFC 6455 section 5.4"] ["RFC 6455 section 5.4"] "a frame does not fit the message that it is part of";
    WebSocketControl Error PROTOCOL_ERROR ["RFC 6455 section 5.5"] ["RFC 6455 section 5.5"] ["RFC 6455 section 5.5"] "a control frame is in fragments or too long";
    WebSocketNotAnswered Error PROTOCOL_ERROR ["MQTT-6.0.0-4"] ["MQTT-6.0.0-4"] [] "the server does not answer with the subprotocol mqtt";
}
