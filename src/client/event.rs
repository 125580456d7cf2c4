//! What a connection reports.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::error::{Lost, PublishError, Refusal};
use super::message::{Message, Publication};
use crate::mqtt::encode;
use crate::mqtt::frame::MAX_PACKET_SIZE;
use crate::mqtt::packet::ConnAck;
use crate::mqtt::{PropertiesBuf, PropertyId, QoS, ReasonCode, Version};

/// Ties a request to its answer. Unique for the life of a client, reconnects included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Token(pub u64);

/// Something that happened on a connection.
#[derive(Debug)]
pub enum Event {
    /// CONNACK accepted the connection.
    Connected(Connected),
    /// A message came. Its acknowledgement leaves with the next writing.
    Message(Message),
    /// A QoS 1 or 2 message reached the end of its exchange: the server has it, or refused it
    /// (0x80 and above). QoS 0 messages have no such event.
    Published {
        /// What `publish` returned.
        token: Token,
        /// From PUBACK, or from PUBREC.
        reason: ReasonCode,
        /// Reason String of the same packet.
        reason_string: Option<String>,
    },
    /// SUBACK: one code for each filter, in the order of the request.
    Subscribed {
        /// What `subscribe` returned.
        token: Token,
        /// The codes; before 5.0 the granted QoS, or 0x80.
        reasons: Vec<ReasonCode>,
        /// Reason String of the packet.
        reason_string: Option<String>,
    },
    /// UNSUBACK: one code for each filter; before 5.0 it has none, and this is empty.
    Unsubscribed {
        /// What `unsubscribe` returned.
        token: Token,
        /// The codes.
        reasons: Vec<ReasonCode>,
    },
    /// The server had lost the session, and every subscription was asked for again: its answer.
    Resubscribed {
        /// The filters, in the order of the request.
        filters: Vec<String>,
        /// One code for each.
        reasons: Vec<ReasonCode>,
        /// Reason String of the packet.
        reason_string: Option<String>,
    },
    /// The PINGRESP to a [`ping`](super::Engine::ping): whatever the server had to send before, it
    /// has sent.
    Pong,
    /// AUTH (5.0, 4.12): the server asks
    /// ([`CONTINUE_AUTHENTICATION`](ReasonCode::CONTINUE_AUTHENTICATION)), or a re-authentication
    /// is through.
    Auth {
        /// What the server wants.
        reason: ReasonCode,
        /// Authentication Data.
        data: Option<Bytes>,
    },
    /// The connection is lost, or could not be made anew, and is tried again after a pause. What is
    /// not acknowledged is kept; [`Connected`](Event::Connected) comes when there is one.
    Retrying {
        /// Why there is no connection.
        why: Lost,
        /// The pause before the next try.
        pause: Duration,
    },
    /// The connection is over. Nothing comes after this.
    Closed(Lost),
}

/// What an accepting CONNACK says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connected {
    /// The version in use.
    pub version: Version,
    /// Why it is not the newer version that was asked for, where the client fell back from it.
    pub fallen_back: Option<FallenBack>,
    /// Whether the server continues a session.
    pub session_present: bool,
    /// The Client Identifier in use: Assigned Client Identifier, or what CONNECT said.
    pub client_id: Arc<str>,
    /// The Keep Alive in use, in seconds: Server Keep Alive, or what CONNECT said.
    pub keep_alive: u16,
    /// What the server takes.
    pub limits: ServerLimits,
    /// All properties.
    pub properties: PropertiesBuf,
}

/// How a server did not take a version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FallenBack {
    /// With a CONNACK.
    Refused(Box<Refusal>),
    /// It closed the connection without an answer.
    HungUp,
}

impl fmt::Display for FallenBack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FallenBack::Refused(refusal) => write!(f, "it says {refusal}"),
            FallenBack::HungUp => f.write_str("it closes the connection without an answer"),
        }
    }
}

/// What the server takes (5.0, 3.2.2.3); before 5.0 everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServerLimits {
    /// QoS 1 and 2 messages that may be unacknowledged, 1 to 65535.
    pub receive_maximum: u16,
    /// Bytes of a packet, if there is a limit.
    pub maximum_packet_size: Option<u32>,
    /// The highest QoS.
    pub maximum_qos: QoS,
    /// Whether it keeps retained messages.
    pub retain_available: bool,
    /// The highest Topic Alias.
    pub topic_alias_maximum: u16,
}

impl ServerLimits {
    /// No limits: what holds before 5.0.
    pub const NONE: ServerLimits = ServerLimits {
        receive_maximum: u16::MAX,
        maximum_packet_size: None,
        maximum_qos: QoS::ExactlyOnce,
        retain_available: true,
        topic_alias_maximum: 0,
    };

    /// What the properties of a CONNACK say.
    pub(super) fn from_connack(connack: &ConnAck<'_>) -> ServerLimits {
        let number = |id| connack.properties.number(id);
        let short = |id| number(id).and_then(|n| u16::try_from(n).ok());
        ServerLimits {
            receive_maximum: short(PropertyId::RECEIVE_MAXIMUM).unwrap_or(u16::MAX),
            maximum_packet_size: number(PropertyId::MAXIMUM_PACKET_SIZE),
            maximum_qos: short(PropertyId::MAXIMUM_QOS)
                .and_then(|qos| QoS::from_u8(qos as u8))
                .unwrap_or(QoS::ExactlyOnce),
            retain_available: number(PropertyId::RETAIN_AVAILABLE) != Some(0),
            topic_alias_maximum: short(PropertyId::TOPIC_ALIAS_MAXIMUM).unwrap_or(0),
        }
    }

    /// The largest packet that may be sent, in bytes: the server's limit (`[MQTT-3.2.2-15]`), or
    /// that of the standard.
    pub fn packet_limit(&self) -> usize {
        self.maximum_packet_size
            .and_then(|size| usize::try_from(size).ok())
            .map_or(MAX_PACKET_SIZE, |size| size.min(MAX_PACKET_SIZE))
    }

    /// Whether the server takes a message.
    ///
    /// # Errors
    /// [`PublishError`] with the limit that it is over.
    pub(super) fn check(
        &self,
        publication: &Publication,
        version: Version,
    ) -> Result<(), PublishError> {
        if publication.qos > self.maximum_qos {
            return Err(PublishError::QosNotSupported {
                qos: publication.qos,
                maximum: self.maximum_qos,
            });
        }
        if publication.retain && !self.retain_available {
            return Err(PublishError::RetainNotSupported);
        }
        let properties = publication.properties.as_properties();
        let alias = match version {
            Version::V5 => properties.number(PropertyId::TOPIC_ALIAS),
            Version::V31 | Version::V311 => None,
        };
        if let Some(alias) = alias
            && !(1..=u32::from(self.topic_alias_maximum)).contains(&alias)
        {
            return Err(PublishError::TopicAlias {
                alias,
                maximum: self.topic_alias_maximum,
            });
        }
        let len = encode::publish_len(&publication.as_packet(0, false), version);
        let limit = self.packet_limit();
        if len > limit {
            return Err(PublishError::TooLarge { len, limit });
        }
        Ok(())
    }
}
