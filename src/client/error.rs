//! Why something did not work. Sentences have no full stop and do not name the broker: whoever
//! shows them knows its address.

use std::fmt;
use std::io;
use std::time::Duration;

use super::message::Publication;
use crate::mqtt::encode::EncodeError;
use crate::mqtt::frame::{FrameError, MAX_PACKET_SIZE};
use crate::mqtt::packet::FilterTooLong;
use crate::mqtt::property::PropertyError;
use crate::mqtt::rule::Violation;
use crate::mqtt::{PacketType, QoS, ReasonCode, Version};
use crate::net::DialError;

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// No transport: name resolution, refused, no answer, proxy, TLS or WebSocket.
    #[error(transparent)]
    Dial(#[from] DialError),
    /// The transport is open, and no CONNACK came in time.
    #[error("the connection is open, but no CONNACK came within {} s", .0.as_secs_f64())]
    Timeout(Duration),
    /// The server said no.
    #[error("the broker refused the connection: {0}")]
    Refused(Box<Refusal>),
    /// What came is not MQTT, or breaks its rules.
    #[error("{0}")]
    Protocol(#[from] ProtocolError),
    /// The connection ended before CONNACK.
    #[error("before CONNACK, {0}")]
    Lost(Lost),
    /// A property of CONNECT cannot be written.
    #[error("CONNECT cannot be sent: {0}")]
    Property(#[from] PropertyError),
    /// CONNECT cannot be written.
    #[error("CONNECT cannot be sent: {0}")]
    Encode(#[from] EncodeError),
    /// The engine cannot do what was asked for.
    #[error("the engine {engine} cannot do {what}")]
    Unsupported {
        /// Which engine.
        engine: &'static str,
        /// What it cannot do.
        what: String,
    },
}

/// What a server said when it refused or ended a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// CONNACK or DISCONNECT.
    pub packet: PacketType,
    /// The version it was said in.
    pub version: Version,
    /// The code as sent: a return code 1 to 5 in a CONNACK before 5.0.
    pub code: u8,
    /// Its 5.0 equal.
    pub reason: ReasonCode,
    /// Reason String.
    pub reason_string: Option<String>,
    /// Server Reference: another server to use.
    pub server_reference: Option<String>,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = ReasonCode(self.code).name(self.packet, self.version);
        match self.version {
            Version::V5 => write!(f, "0x{:02x}", self.code)?,
            Version::V31 | Version::V311 => write!(f, "code {}", self.code)?,
        }
        write!(f, " {}", name.unwrap_or("(unknown)"))?;
        write!(f, "{}", Says(self.reason_string.as_deref()))?;
        if let Some(server) = &self.server_reference {
            write!(f, ", it names the server '{}'", server.escape_debug())?;
        }
        Ok(())
    }
}

/// A Reason String, as the end of a sentence about a refusal; nothing if there is none.
#[derive(Debug, Clone, Copy)]
pub struct Says<'a>(pub Option<&'a str>);

impl fmt::Display for Says<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(text) => write!(f, ", it says '{}'", text.escape_debug()),
            None => Ok(()),
        }
    }
}

/// Why a connection ended.
#[derive(Debug, thiserror::Error)]
pub enum Lost {
    /// The server closed it without a word.
    #[error("the broker closed the connection{}", mid_packet(*.pending))]
    Closed {
        /// Bytes of a packet that was not whole.
        pending: usize,
    },
    /// Reading or writing failed.
    #[error("the connection broke: {0}")]
    Io(#[from] io::Error),
    /// No PINGRESP, nor anything else.
    #[error("the broker has not answered for {} s", .0.as_secs())]
    KeepAlive(Duration),
    /// No CONNACK in time.
    #[error("no CONNACK came within {} s", .0.as_secs_f64())]
    NoConnAck(Duration),
    /// An acknowledgement that does not come, although the server lives.
    #[error("the broker has acknowledged nothing for {} s", .0.as_secs_f64())]
    NoAnswer(Duration),
    /// The rest of a packet that does not come.
    #[error("the broker stopped in the middle of a packet: nothing came behind its first {pending} bytes for {} s", .after.as_secs_f64())]
    Stalled {
        /// Bytes of the packet that have come.
        pending: usize,
        /// How long was waited.
        after: Duration,
    },
    /// The server reads nothing.
    #[error("the broker has taken nothing for {} s", .0.as_secs_f64())]
    Blocked(Duration),
    /// CONNACK with an error.
    #[error("the broker refused the connection: {0}")]
    Refused(Box<Refusal>),
    /// A connection that was lost could not be made anew.
    #[error("{0}")]
    Reconnect(Box<ConnectError>),
    /// The server sent DISCONNECT (5.0).
    #[error("the broker ended the connection: {0}")]
    Disconnected(Box<Refusal>),
    /// The server broke the protocol.
    #[error("{0}")]
    Protocol(#[from] ProtocolError),
    /// The method of enhanced authentication has no answer, or does not trust the server.
    #[error("the authentication failed: {0}")]
    Authentication(String),
    /// This client has sent DISCONNECT, or never connected.
    #[error("there is no connection")]
    NotConnected,
    /// The rumqttc engine ended, in its own words.
    #[error("{0}")]
    Engine(String),
}

fn mid_packet(pending: usize) -> String {
    match pending {
        0 => String::new(),
        n => format!(" in the middle of a packet ({n} bytes of it had come)"),
    }
}

/// What a server may not send.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProtocolError {
    /// The byte stream has no packets in it.
    #[error("the broker sent what is not MQTT: {0}")]
    Frame(#[from] FrameError),
    /// A packet that breaks a rule.
    #[error("the broker sent a bad {packet}: {violation} [{}]", .violation.citations().next().unwrap_or("-"))]
    Violation {
        /// Which packet.
        packet: PacketType,
        /// Which rule.
        violation: Violation,
    },
    /// A packet that has no place here.
    #[error("the broker sent {packet} {}", if *.before_connack { "before CONNACK" } else { "where it has no place" })]
    Unexpected {
        /// Which packet.
        packet: PacketType,
        /// Whether CONNACK had not come.
        before_connack: bool,
    },
    /// The answer to another QoS than the message has (`[MQTT-4.3.2-4]`, `[MQTT-4.3.3-8]`).
    #[error(
        "the broker answers a message of QoS {qos} with {packet}: it seems to have no QoS {qos}"
    )]
    WrongAck {
        /// Of the message.
        qos: QoS,
        /// The answer.
        packet: PacketType,
    },
    /// Before CONNACK, the beginning of something else.
    #[error("the broker sent what is not MQTT, it begins with '{}'", .0.escape_ascii())]
    NotMqtt(Vec<u8>),
    /// AUTH with another method than CONNECT (`[MQTT-4.12.0-5]`).
    #[error("the broker answers the authentication method '{}' with '{}'", .ours.escape_debug(), .theirs.escape_debug())]
    AuthMethod {
        /// That of CONNECT.
        ours: String,
        /// That of AUTH.
        theirs: String,
    },
    /// SUBACK or UNSUBACK with more or fewer codes than the request had filters (`[MQTT-3.8.4-6]`).
    #[error("the broker sent {packet} with {codes} codes for {filters} filters")]
    CodeCount {
        /// Which packet.
        packet: PacketType,
        /// Codes in it.
        codes: usize,
        /// Filters of the request.
        filters: usize,
    },
}

impl ConnectError {
    /// Whether another try would meet the same: a refusal that will not go away, a server that
    /// speaks something else, options that cannot be.
    pub fn is_lasting(&self) -> bool {
        match self {
            ConnectError::Dial(error) => error.is_lasting(),
            ConnectError::Timeout(_) => false,
            ConnectError::Refused(refusal) => refusal.is_lasting(),
            ConnectError::Lost(lost) => lost.is_lasting(),
            ConnectError::Protocol(_)
            | ConnectError::Property(_)
            | ConnectError::Encode(_)
            | ConnectError::Unsupported { .. } => true,
        }
    }
}

impl Lost {
    /// Whether a new connection would end in the same way.
    pub fn is_lasting(&self) -> bool {
        match self {
            Lost::Closed { .. }
            | Lost::Io(_)
            | Lost::KeepAlive(_)
            | Lost::NoConnAck(_)
            | Lost::NoAnswer(_)
            | Lost::Stalled { .. }
            | Lost::Blocked(_) => false,
            Lost::Refused(refusal) | Lost::Disconnected(refusal) => refusal.is_lasting(),
            Lost::Reconnect(error) => error.is_lasting(),
            Lost::Protocol(_) | Lost::Authentication(_) | Lost::NotConnected | Lost::Engine(_) => {
                true
            }
        }
    }
}

impl Refusal {
    /// Whether the server would say the same to another try. What passes by itself is listed;
    /// everything else needs somebody to change something: a password, a right, a client id, the
    /// other client of the same name (0x8E), whoever ended the connection by hand (0x98).
    pub fn is_lasting(&self) -> bool {
        !matches!(
            self.reason,
            // The farewell of a server that shuts down, from those that send no 0x8B.
            ReasonCode::SUCCESS
                | ReasonCode::UNSPECIFIED_ERROR
                | ReasonCode::IMPLEMENTATION_SPECIFIC_ERROR
                | ReasonCode::SERVER_UNAVAILABLE
                | ReasonCode::SERVER_BUSY
                | ReasonCode::SERVER_SHUTTING_DOWN
                | ReasonCode::KEEP_ALIVE_TIMEOUT
                | ReasonCode::MESSAGE_RATE_TOO_HIGH
                | ReasonCode::QUOTA_EXCEEDED
                | ReasonCode::CONNECTION_RATE_EXCEEDED
                | ReasonCode::MAXIMUM_CONNECT_TIME
        )
    }
}

impl ProtocolError {
    /// What a 5.0 DISCONNECT says about it.
    pub fn reason(&self) -> ReasonCode {
        match self {
            ProtocolError::Frame(FrameError::RemainingLengthTooLong) => {
                ReasonCode::MALFORMED_PACKET
            }
            ProtocolError::Frame(FrameError::PacketTooLarge { .. }) => ReasonCode::PACKET_TOO_LARGE,
            ProtocolError::Violation { violation, .. } => violation.reason(),
            ProtocolError::Unexpected { .. }
            | ProtocolError::WrongAck { .. }
            | ProtocolError::NotMqtt(_)
            | ProtocolError::AuthMethod { .. }
            | ProtocolError::CodeCount { .. } => ReasonCode::PROTOCOL_ERROR,
        }
    }
}

/// Why a message was not sent.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// The server's Receive Maximum is used up: wait for an event, then try again.
    #[error("the broker takes no more unacknowledged messages now")]
    QuotaFull(Box<Publication>),
    /// There is no connection now.
    #[error("there is no connection")]
    NotConnected(Box<Publication>),
    /// Over the server's Maximum Packet Size (`[MQTT-3.2.2-15]`), or the standard's.
    #[error(
        "the message makes a packet of {len} bytes, and {} takes {limit}",
        if *limit < MAX_PACKET_SIZE { "the broker" } else { "MQTT" }
    )]
    TooLarge {
        /// Bytes of the packet.
        len: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// Over the server's Maximum QoS (`[MQTT-3.2.2-11]`).
    #[error("the broker takes messages up to QoS {maximum}, not {qos}")]
    QosNotSupported {
        /// Asked for.
        qos: QoS,
        /// Allowed.
        maximum: QoS,
    },
    /// The server keeps no retained messages (`[MQTT-3.2.2-14]`).
    #[error("the broker keeps no retained messages")]
    RetainNotSupported,
    /// A Topic Alias of the caller's that is 0 or over the server's maximum (`[MQTT-3.3.2-9]`).
    #[error("the broker takes topic aliases up to {maximum}, not {alias}")]
    TopicAlias {
        /// The alias.
        alias: u32,
        /// Topic Alias Maximum of the server; 0: it takes none.
        maximum: u16,
    },
    /// The packet cannot be written.
    #[error("{0}")]
    Encode(#[from] EncodeError),
    /// The engine cannot do what was asked for.
    #[error("the engine {engine} cannot do {what}")]
    Unsupported {
        /// Which engine.
        engine: &'static str,
        /// What it cannot do.
        what: String,
    },
}

impl PublishError {
    /// The reason code with which the server would have refused the message.
    pub fn reason(&self) -> Option<ReasonCode> {
        match self {
            // No server was asked for that.
            PublishError::TooLarge { limit, .. } if *limit >= MAX_PACKET_SIZE => None,
            PublishError::TooLarge { .. } => Some(ReasonCode::PACKET_TOO_LARGE),
            PublishError::QosNotSupported { .. } => Some(ReasonCode::QOS_NOT_SUPPORTED),
            PublishError::RetainNotSupported => Some(ReasonCode::RETAIN_NOT_SUPPORTED),
            PublishError::TopicAlias { .. } => Some(ReasonCode::TOPIC_ALIAS_INVALID),
            PublishError::QuotaFull(_)
            | PublishError::NotConnected(_)
            | PublishError::Encode(_)
            | PublishError::Unsupported { .. } => None,
        }
    }
}

/// Why a SUBSCRIBE or UNSUBSCRIBE was not sent.
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    /// There is no connection now.
    #[error("there is no connection")]
    NotConnected,
    /// A request without filter (`[MQTT-3.8.3-2]`, `[MQTT-3.10.3-2]`).
    #[error("there is no topic filter to ask for")]
    NoFilter,
    /// All 65,535 Packet Identifiers are in use.
    #[error("every packet identifier is in use")]
    NoPacketId,
    /// Over the server's Maximum Packet Size, or the standard's.
    #[error("the request makes a packet of {len} bytes, and the broker takes {limit}")]
    TooLarge {
        /// Bytes of the packet.
        len: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// A property cannot be written.
    #[error("{0}")]
    Property(#[from] PropertyError),
    /// A filter is too long.
    #[error("{0}")]
    Filter(#[from] FilterTooLong),
    /// The packet cannot be written.
    #[error("{0}")]
    Encode(#[from] EncodeError),
    /// The engine cannot do what was asked for.
    #[error("the engine {engine} cannot do {what}")]
    Unsupported {
        /// Which engine.
        engine: &'static str,
        /// What it cannot do.
        what: String,
    },
}
