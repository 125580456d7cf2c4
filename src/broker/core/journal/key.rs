//! The names of records.

use std::rc::Rc;

use crate::broker::core::SessionId;

/// The name of a record. The encoded form sorts as the numbers in it do.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Key {
    /// A message, by its number.
    Message(u64),
    /// The retained message of a topic.
    Retained(Rc<str>),
    /// A session.
    Session(SessionId),
    /// A subscription, by its filter as sent.
    Subscription(SessionId, Box<str>),
    /// A message that waits, by its place in the order of the session.
    Queued(SessionId, u64),
    /// A message that is out, by its Packet Identifier.
    InFlight(SessionId, u16),
    /// A QoS 2 message that came and is not released, by its Packet Identifier.
    Received(SessionId, u16),
}

const MESSAGE: u8 = b'm';
const RETAINED: u8 = b'r';
const SESSION: u8 = b's';
const SUBSCRIPTION: u8 = b'f';
const QUEUED: u8 = b'q';
const IN_FLIGHT: u8 = b'o';
const RECEIVED: u8 = b'i';

impl Key {
    /// One letter for the kind, then numbers with the highest byte first, then text.
    pub fn to_bytes(&self) -> Vec<u8> {
        let parts: (u8, Option<SessionId>, &[u8]) = match self {
            Key::Message(number) => (MESSAGE, None, &number.to_be_bytes()),
            Key::Retained(topic) => (RETAINED, None, topic.as_bytes()),
            Key::Session(session) => (SESSION, Some(*session), &[]),
            Key::Subscription(session, filter) => (SUBSCRIPTION, Some(*session), filter.as_bytes()),
            Key::Queued(session, number) => (QUEUED, Some(*session), &number.to_be_bytes()),
            Key::InFlight(session, id) => (IN_FLIGHT, Some(*session), &id.to_be_bytes()),
            Key::Received(session, id) => (RECEIVED, Some(*session), &id.to_be_bytes()),
        };
        let (kind, session, rest) = parts;
        let mut bytes = Vec::with_capacity(9 + rest.len());
        bytes.push(kind);
        if let Some(session) = session {
            bytes.extend_from_slice(&session.0.to_be_bytes());
        }
        bytes.extend_from_slice(rest);
        bytes
    }

    /// What [`to_bytes`](Self::to_bytes) has written; `None` for anything else.
    pub fn from_bytes(bytes: &[u8]) -> Option<Key> {
        let (kind, rest) = bytes.split_first()?;
        let text = |bytes| std::str::from_utf8(bytes).ok();
        match *kind {
            MESSAGE => return Some(Key::Message(number(rest)?)),
            RETAINED => return Some(Key::Retained(text(rest)?.into())),
            _ => {}
        }
        let (session, rest) = rest.split_first_chunk()?;
        let session = SessionId(u64::from_be_bytes(*session));
        let id = || Some(u16::from_be_bytes(rest.try_into().ok()?));
        Some(match *kind {
            SESSION if rest.is_empty() => Key::Session(session),
            SUBSCRIPTION => Key::Subscription(session, text(rest)?.into()),
            QUEUED => Key::Queued(session, number(rest)?),
            IN_FLIGHT => Key::InFlight(session, id()?),
            RECEIVED => Key::Received(session, id()?),
            _ => return None,
        })
    }
}

fn number(bytes: &[u8]) -> Option<u64> {
    Some(u64::from_be_bytes(bytes.try_into().ok()?))
}
