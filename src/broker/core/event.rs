//! What the broker tells whoever watches it.

use std::fmt;
use std::rc::Rc;

use bytes::Bytes;

use super::ConnectionId;
use super::message::Message;
use crate::mqtt::topic::Quoted;
use crate::mqtt::{PacketType, ReasonCode, Side, Version};

/// Something that happened.
#[derive(Debug, Clone)]
pub struct Event {
    /// On which connection; none for what a session does without one.
    pub connection: Option<ConnectionId>,
    /// Whose, if that is known already.
    pub client_id: Option<Rc<str>>,
    /// What.
    pub kind: EventKind,
}

/// What happened.
#[derive(Debug, Clone)]
pub enum EventKind {
    /// A peer connected.
    Opened,
    /// A CONNECT was accepted.
    Connected {
        /// Of the protocol.
        version: Version,
        /// Whether a session was resumed.
        session_present: bool,
        /// In seconds; 0: off.
        keep_alive: u16,
        /// Clean Start, or Clean Session before 5.0.
        clean_start: bool,
        /// By which access rules know the client.
        username: Option<Rc<str>>,
    },
    /// The connection ended.
    Closed {
        /// The 5.0 reason code, also where the version has none.
        reason: ReasonCode,
        /// Why, in words.
        why: String,
    },
    /// A subscription was made or replaced.
    Subscribed {
        /// As sent, `$share/NAME/` included.
        filter: String,
        /// What was granted, or why not.
        code: ReasonCode,
    },
    /// A subscription was removed, or none was there (0x11).
    Unsubscribed {
        /// As sent.
        filter: String,
        /// The UNSUBACK code.
        code: ReasonCode,
    },
    /// A client published a message, or its will was. Only with
    /// [`Config::messages`](super::Config::messages).
    Published {
        /// The message's topic.
        topic: Rc<str>,
        /// What is in it.
        payload: Payload,
    },
    /// A message of this client was dropped.
    PublishRefused {
        /// The message's topic.
        topic: Rc<str>,
        /// The 5.0 code for the reason, also where the version has none.
        code: ReasonCode,
    },
    /// The will was published.
    WillPublished {
        /// Will Topic.
        topic: Rc<str>,
    },
    /// The will was to be published, and dropped.
    WillRefused {
        /// Will Topic.
        topic: Rc<str>,
        /// The 5.0 code for the reason.
        code: ReasonCode,
    },
    /// A packet came, or is sent. Only with [`Config::packets`](super::Config::packets).
    Packet {
        /// Who sends it.
        from: Side,
        /// Of the protocol, as far as that is known.
        version: Version,
        /// All of it.
        bytes: Bytes,
    },
    /// A message for this client was dropped: too much waits for it already. The event has a
    /// connection if the client has one.
    Dropped {
        /// The message's topic.
        topic: Rc<str>,
    },
    /// More memory is used than new retained messages, subscriptions and long queues may take:
    /// they are refused.
    MemoryShort {
        /// Bytes, by estimate.
        used: usize,
        /// [`Config::max_memory`](super::Config::max_memory).
        limit: usize,
    },
    /// There is room again.
    MemoryEnough,
    /// The session ended, and with it its subscriptions and messages.
    SessionEnded,
}

/// The payload of a message, shared with all that wait for it.
#[derive(Debug, Clone)]
pub struct Payload(pub(super) Rc<Message>);

impl Payload {
    /// Its bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.0.payload
    }
}

/// One line without a time.
impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.client_id, self.connection) {
            (Some(client_id), _) => write!(f, "{}", Quoted(client_id))?,
            (None, Some(connection)) => write!(f, "connection {}", connection.0)?,
            (None, None) => f.write_str("broker")?,
        }
        match &self.kind {
            EventKind::Opened => f.write_str(" opened"),
            EventKind::Connected {
                version,
                session_present,
                keep_alive,
                username,
                ..
            } => {
                if let Some(username) = username {
                    write!(f, " (user {})", Quoted(username))?;
                }
                let session = if *session_present { "resumed" } else { "new" };
                write!(
                    f,
                    " connected with MQTT {version}, {session} session, keep alive {keep_alive} s"
                )
            }
            EventKind::Closed { reason, why } => {
                let reason = Named(*reason, PacketType::DISCONNECT);
                write!(f, " closed: {why} ({reason})")
            }
            EventKind::Subscribed { filter, code } => {
                let verb = match code.is_error() {
                    true => "may not subscribe",
                    false => "subscribed",
                };
                let code = Named(*code, PacketType::SUBACK);
                write!(f, " {verb} to {}: {code}", Quoted(filter))
            }
            EventKind::Unsubscribed { filter, code } => {
                let code = Named(*code, PacketType::UNSUBACK);
                write!(f, " unsubscribed from {}: {code}", Quoted(filter))
            }
            EventKind::Published { topic, payload } => {
                let len = payload.bytes().len();
                write!(f, " published {len} bytes to {}", Quoted(topic))
            }
            EventKind::PublishRefused { topic, code } => {
                let code = Named(*code, PacketType::PUBACK);
                write!(f, " may not publish to {}: {code}", Quoted(topic))
            }
            EventKind::WillPublished { topic } => write!(f, " will published to {}", Quoted(topic)),
            EventKind::WillRefused { topic, code } => {
                let code = Named(*code, PacketType::PUBACK);
                write!(f, " will not published to {}: {code}", Quoted(topic))
            }
            EventKind::Packet {
                from,
                version,
                bytes,
            } => {
                let packet_type = bytes.first().copied().map(PacketType::from_byte1);
                let name = packet_type.map_or("nothing", |packet| packet.name(*version));
                let len = bytes.len();
                match from {
                    Side::Client => write!(f, " sent {name}, {len} bytes"),
                    Side::Server => write!(f, " is sent {name}, {len} bytes"),
                }
            }
            EventKind::Dropped { topic } => {
                let why = match self.connection {
                    Some(_) => "too slow",
                    None => "away, and too much waits already",
                };
                write!(f, " {why}: message dropped on {}", Quoted(topic))
            }
            EventKind::MemoryShort { used, limit } => write!(
                f,
                " memory is short: {used} bytes are used of at most {limit}; new retained messages and subscriptions are refused"
            ),
            EventKind::MemoryEnough => f.write_str(" memory is enough again"),
            EventKind::SessionEnded => f.write_str(" session ended"),
        }
    }
}

/// A code with the name that it has in this packet.
struct Named(ReasonCode, PacketType);

impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.0.name(self.1, Version::V5).unwrap_or("unknown");
        write!(f, "0x{:02x} {name}", self.0.0)
    }
}

impl EventKind {
    /// The name by which programs know it.
    pub const fn name(&self) -> &'static str {
        match self {
            EventKind::Opened => "opened",
            EventKind::Connected { .. } => "connected",
            EventKind::Closed { .. } => "closed",
            EventKind::Subscribed { .. } => "subscribed",
            EventKind::Unsubscribed { .. } => "unsubscribed",
            EventKind::Published { .. } => "published",
            EventKind::PublishRefused { .. } => "publish_refused",
            EventKind::WillPublished { .. } => "will_published",
            EventKind::WillRefused { .. } => "will_refused",
            EventKind::Packet { .. } => "packet",
            EventKind::Dropped { .. } => "dropped",
            EventKind::MemoryShort { .. } => "memory_short",
            EventKind::MemoryEnough => "memory_enough",
            EventKind::SessionEnded => "session_ended",
        }
    }
}
