//! Who to be at the broker, and where it is.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::authentication::Authentication;
use super::message::TopicName;
use super::retry::Retry;
use super::trace::Trace;
use crate::mqtt::frame::MAX_PACKET_SIZE;
use crate::mqtt::packet::{self, Connect};
use crate::mqtt::{PropertiesBuf, PropertyId, QoS, Version};
use crate::net::Target;

/// Everything that [`Engine::connect`](super::Engine::connect) needs. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where the broker is.
    pub target: Target,
    /// What CONNECT says.
    pub connect: Arc<ConnectOptions>,
    /// From the first packet of the transport until CONNACK.
    pub timeout: Duration,
    /// Whether to go on with 3.1.1 where the server refuses 5.0. The native engine only.
    pub fall_back: bool,
    /// How long a connection that is lost is tried anew. The native engine only.
    pub retry: Retry,
    /// Enhanced authentication, beside user name and password (5.0, 4.12). The native engine only.
    pub authentication: Option<Arc<dyn Authentication>>,
    /// Only what was asked for: no second connection to find out why a server has hung up, and a
    /// connection that is made anew has the clean start of the first. The native engine only.
    pub plain: bool,
    /// Who sees every packet. The native engine only.
    pub trace: Option<Arc<dyn Trace>>,
}

impl Options {
    /// Without fall-back and without another try.
    pub fn new(target: Target, connect: ConnectOptions, timeout: Duration) -> Options {
        Options {
            target,
            connect: Arc::new(connect),
            timeout,
            fall_back: false,
            retry: Retry::Never,
            authentication: None,
            plain: false,
            trace: None,
        }
    }
}

/// What CONNECT says, and what the client does with the connection it gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectOptions {
    /// Protocol version.
    pub version: Version,
    /// Client Identifier; empty: the server makes one up (not in 3.1).
    pub client_id: String,
    /// Clean Start; Clean Session before 5.0.
    pub clean_start: bool,
    /// Keep Alive in seconds; 0 turns it off.
    pub keep_alive: u16,
    /// User Name.
    pub username: Option<String>,
    /// Password.
    pub password: Option<Bytes>,
    /// Will Message.
    pub will: Option<Will>,
    /// 5.0 only. Receive Maximum, Maximum Packet Size and Topic Alias Maximum bind the server, and
    /// the client holds it to them.
    pub properties: PropertiesBuf,
    /// How long the server may owe an acknowledgement without giving any, stand still in the middle
    /// of a packet, or take no byte; `None`: for ever. Beside the Keep Alive, which a server that
    /// answers pings keeps.
    pub answer_timeout: Option<Duration>,
    /// Messages of QoS 1 and 2 that may be on their way at once, beside the server's Receive
    /// Maximum; `None`: as many as that allows.
    pub max_inflight: Option<u16>,
    /// The same before 5.0, where no server announces what it takes; `None`: as `max_inflight`.
    pub max_inflight_unannounced: Option<u16>,
    /// Whether a topic that is published to again and again is shortened to a Topic Alias, where
    /// the server takes aliases (5.0, 3.3.2.3.4).
    pub topic_aliases: bool,
}

/// A Will Message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Will {
    /// Where to.
    pub topic: TopicName,
    /// At most 65,535 bytes.
    pub payload: Bytes,
    /// Will QoS.
    pub qos: QoS,
    /// Will Retain.
    pub retain: bool,
    /// 5.0 only.
    pub properties: PropertiesBuf,
}

impl ConnectOptions {
    /// A clean session under this name, with a Keep Alive of 60 s.
    pub fn new(version: Version, client_id: impl Into<String>) -> ConnectOptions {
        ConnectOptions {
            version,
            client_id: client_id.into(),
            clean_start: true,
            keep_alive: 60,
            username: None,
            password: None,
            will: None,
            properties: PropertiesBuf::new(),
            answer_timeout: None,
            max_inflight: None,
            max_inflight_unannounced: None,
            topic_aliases: false,
        }
    }

    /// The packet.
    pub(super) fn as_packet(&self, clean_start: bool) -> Connect<'_> {
        Connect {
            version: self.version,
            bridge: false,
            clean_start,
            keep_alive: self.keep_alive,
            properties: self.properties.as_properties(),
            client_id: &self.client_id,
            will: self.will.as_ref().map(|will| packet::Will {
                qos: will.qos,
                retain: will.retain,
                properties: will.properties.as_properties(),
                topic: will.topic.as_str(),
                payload: &will.payload,
            }),
            username: self.username.as_deref(),
            password: self.password.as_deref(),
        }
    }

    /// The largest packet the server may send, in bytes (5.0, 3.1.2.11.4).
    pub(super) fn maximum_packet_size(&self) -> usize {
        self.number(PropertyId::MAXIMUM_PACKET_SIZE)
            .and_then(|size| usize::try_from(size).ok())
            .map_or(MAX_PACKET_SIZE, |size| size.min(MAX_PACKET_SIZE))
    }

    /// A number that binds the server; before 5.0 nothing does.
    pub(super) fn number(&self, id: PropertyId) -> Option<u32> {
        match self.version {
            Version::V5 => self.properties.as_properties().number(id),
            Version::V31 | Version::V311 => None,
        }
    }
}
