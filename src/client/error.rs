//! Why something did not work. Sentences have no full stop and do not name the broker: whoever
//! shows them knows its address.

use std::fmt;
use std::io;
use std::time::Duration;

use super::message::Publication;
use crate::mqtt::encode::EncodeError;
use crate::mqtt::frame::FrameError;
use crate::mqtt::packet::FilterTooLong;
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
        if let Some(text) = &self.reason_string {
            write!(f, ", it says '{}'", text.escape_debug())?;
        }
        if let Some(server) = &self.server_reference {
            write!(f, ", it names the server '{}'", server.escape_debug())?;
        }
        Ok(())
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
    /// CONNACK with an error.
    #[error("the broker refused the connection: {0}")]
    Refused(Box<Refusal>),
    /// The server sent DISCONNECT (5.0).
    #[error("the broker ended the connection: {0}")]
    Disconnected(Box<Refusal>),
    /// The server broke the protocol.
    #[error("{0}")]
    Protocol(#[from] ProtocolError),
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

impl ProtocolError {
    /// What a 5.0 DISCONNECT says about it.
    pub fn reason(&self) -> ReasonCode {
        match self {
            ProtocolError::Frame(FrameError::RemainingLengthTooLong) => {
                ReasonCode::MALFORMED_PACKET
            }
            ProtocolError::Frame(FrameError::PacketTooLarge { .. }) => ReasonCode::PACKET_TOO_LARGE,
            ProtocolError::Violation { violation, .. } => violation.reason(),
            ProtocolError::Unexpected { .. } | ProtocolError::CodeCount { .. } => {
                ReasonCode::PROTOCOL_ERROR
            }
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
    #[error("the message makes a packet of {len} bytes, and the broker takes {limit}")]
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
