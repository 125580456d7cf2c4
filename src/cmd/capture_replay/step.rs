//! What a replay does, and what the capture says came of it.

use std::net::SocketAddr;

use super::delivery::Delivery;
use super::part::Rest;
use crate::client::{ConnectOptions, Publication};
use crate::mqtt::packet::SubscriptionOptions;
use crate::mqtt::{PropertiesBuf, ReasonCode, Side};
use crate::output::replay::{At, End};

/// Something at a captured time.
#[derive(Debug)]
pub(super) struct Step {
    /// Whose it is: a connection of the replay, numbered from 0 in the order in which they open.
    pub(super) session: u64,
    /// When it was captured, in nanoseconds since 1970, if anything so far had a time.
    pub(super) time: Option<i64>,
    /// The packet that says so.
    pub(super) at: At,
    /// What.
    pub(super) action: Action,
}

/// The number of something that the broker answers, unique in a replay.
pub(super) type Number = u64;

/// What.
#[derive(Debug)]
pub(super) enum Action {
    /// Connect; always the first step of a session.
    Open(Box<Opening>),
    /// Subscribe.
    Subscribe(Box<Request>),
    /// Unsubscribe; the options of the filters mean nothing.
    Unsubscribe(Box<Request>),
    /// Publish.
    Publish(Message),
    /// End the connection; always the last step of a session. So many QoS 2 messages to the client
    /// the server had not released by then.
    Leave(Leave, usize),
    /// Nothing to do: what is not played.
    Rest(Rest),
    /// Nothing to do: so the broker answered in the capture.
    Answered(Answer),
}

/// A connection to make.
#[derive(Debug)]
pub(super) struct Opening {
    /// Of the CONNECT.
    pub(super) number: Number,
    /// The captured client's address.
    pub(super) client: SocketAddr,
    /// What CONNECT says, changes made.
    pub(super) connect: ConnectOptions,
    /// Whether the capture has no CONNECT.
    pub(super) is_made_up: bool,
    /// Whether to connect a moment before its time, so that what follows is in time.
    pub(super) is_ahead: bool,
}

/// A SUBSCRIBE or UNSUBSCRIBE.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) number: Number,
    pub(super) filters: Vec<(String, SubscriptionOptions)>,
    pub(super) properties: PropertiesBuf,
}

/// A PUBLISH.
#[derive(Debug)]
pub(super) struct Message {
    /// Of QoS 1 and 2.
    pub(super) number: Option<Number>,
    pub(super) publication: Publication,
    /// Whether it had a Topic Alias.
    pub(super) is_aliased: bool,
}

/// How a connection ended.
#[derive(Debug)]
pub(super) enum Leave {
    /// With DISCONNECT.
    Disconnect(ReasonCode, PropertiesBuf),
    /// The client was gone without one.
    Cut,
    /// The server ended it; with the code of its DISCONNECT, if there was one.
    ByServer(Option<ReasonCode>),
    /// Not in the capture.
    Unseen,
}

impl Leave {
    /// What the capture shows of it.
    pub(super) fn end(&self) -> Option<End> {
        match self {
            Leave::Disconnect(reason, _) => Some(End::Disconnect(Side::Client, *reason)),
            Leave::Cut => Some(End::Closed(Side::Client)),
            Leave::ByServer(said) => Some(by_server(*said)),
            Leave::Unseen => None,
        }
    }
}

/// The server ended it; with the code of its DISCONNECT, if there was one.
pub(super) fn by_server(said: Option<ReasonCode>) -> End {
    match said {
        Some(reason) => End::Disconnect(Side::Server, reason),
        None => End::Closed(Side::Server),
    }
}

/// What the broker answered.
#[derive(Debug)]
pub(super) enum Answer {
    /// CONNACK.
    Connected {
        number: Number,
        reason: ReasonCode,
        /// `None` where it depends on what is not played.
        session_present: Option<bool>,
    },
    /// SUBACK.
    Subscribed {
        number: Number,
        reasons: Vec<ReasonCode>,
    },
    /// UNSUBACK.
    Unsubscribed {
        number: Number,
        reasons: Vec<ReasonCode>,
    },
    /// The end of a QoS 1 or 2 exchange.
    Published { number: Number, reason: ReasonCode },
    /// Something that it had answered before the capture began.
    Owed(Number),
    /// A message, the first time it was sent; what is in it if that is to be compared.
    Delivered(Option<Box<Delivery>>),
}
