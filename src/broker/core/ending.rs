//! The end of a connection, and of the session behind it.

use std::fmt;

use super::connection::{Connection, State};
use super::memory::LEVEL;
use super::timers::Timer;
use super::{ConnectionId, Core, EventKind, SessionId, Time};
use crate::mqtt::packet::Reason;
use crate::mqtt::rule::{Rule, Violation};
use crate::mqtt::{Packet, Properties, PropertyId, ReasonCode, Version};

/// Why a connection ends.
#[derive(Debug, Clone, Copy)]
pub(super) enum Ending {
    /// The peer closed without a word, or the network failed.
    PeerClosed,
    /// The client sent DISCONNECT with this code.
    Disconnected(ReasonCode),
    /// The client broke a rule, or is not taken on.
    Refused(Cause),
    /// No CONNECT came in time.
    NoConnect,
    /// Another connection uses the client identifier.
    TakenOver,
    /// A 3.1 client asks for a filter that is not taken, and 3.1 has no word for that.
    FilterNotTaken,
    /// Too much waits for a peer that does not read.
    ReadsNothing,
    /// There is no memory for what the peer wants.
    OutOfMemory,
    /// Not even CONNACK is small enough for the client's Maximum Packet Size.
    TakesNothing,
    /// The broker ends.
    ShuttingDown,
}

/// What is wrong.
#[derive(Debug, Clone, Copy)]
pub(super) enum Cause {
    /// The decoder found it.
    Violation(Violation),
    /// The state of the connection shows it.
    Rule(Rule),
    /// No rule is broken.
    Other(ReasonCode, &'static str),
}

impl From<Violation> for Cause {
    fn from(violation: Violation) -> Cause {
        Cause::Violation(violation)
    }
}

impl From<Rule> for Cause {
    fn from(rule: Rule) -> Cause {
        Cause::Rule(rule)
    }
}

impl Ending {
    fn reason(&self) -> ReasonCode {
        match self {
            Ending::Disconnected(reason) | Ending::Refused(Cause::Other(reason, _)) => *reason,
            Ending::Refused(Cause::Violation(violation)) => violation.reason(),
            Ending::Refused(Cause::Rule(rule)) => rule.row().reason,
            Ending::TakenOver => ReasonCode::SESSION_TAKEN_OVER,
            Ending::FilterNotTaken => ReasonCode::TOPIC_FILTER_INVALID,
            Ending::ReadsNothing | Ending::OutOfMemory => ReasonCode::QUOTA_EXCEEDED,
            Ending::TakesNothing => ReasonCode::PACKET_TOO_LARGE,
            Ending::ShuttingDown => ReasonCode::SERVER_SHUTTING_DOWN,
            Ending::PeerClosed | Ending::NoConnect => ReasonCode::UNSPECIFIED_ERROR,
        }
    }

    /// Whether a 5.0 client gets a DISCONNECT first (`[MQTT-4.13.1-1]`).
    fn is_told(&self) -> bool {
        match self {
            Ending::Refused(_)
            | Ending::TakenOver
            | Ending::FilterNotTaken
            | Ending::ReadsNothing
            | Ending::OutOfMemory
            | Ending::ShuttingDown => true,
            Ending::PeerClosed
            | Ending::Disconnected(_)
            | Ending::NoConnect
            | Ending::TakesNothing => false,
        }
    }

    /// Whether the will is thrown away. Of a client's own words only DISCONNECT 0x00 does that
    /// (`[MQTT-3.14.4-3]`).
    fn drops_will(&self) -> bool {
        matches!(
            self,
            Ending::Disconnected(ReasonCode::SUCCESS) | Ending::ShuttingDown
        )
    }
}

/// Why, in words without a full stop: the Reason String, and what the log says.
impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Ending::Refused(Cause::Violation(violation)) => write!(f, "{violation}"),
            Ending::Refused(Cause::Rule(rule)) => f.write_str(rule.row().text),
            Ending::Refused(Cause::Other(_, why)) => f.write_str(why),
            Ending::PeerClosed => f.write_str("the peer closed without DISCONNECT"),
            Ending::Disconnected(_) => f.write_str("the client disconnected"),
            Ending::NoConnect => f.write_str("no CONNECT came in time"),
            Ending::TakenOver => f.write_str("another connection uses the client identifier"),
            Ending::FilterNotTaken => f.write_str("a topic filter is not taken"),
            Ending::ReadsNothing => f.write_str("too much waits for a peer that does not read"),
            Ending::OutOfMemory => f.write_str("the broker has no memory left for this connection"),
            Ending::TakesNothing => f.write_str("the client takes not even a CONNACK"),
            Ending::ShuttingDown => f.write_str("the broker ends"),
        }
    }
}

impl Core {
    /// Ends a connection, if it is still there: tells a 5.0 client why, closes, and does to will
    /// and session what the ending asks for.
    pub(super) fn end_connection(&mut self, now: Time, id: ConnectionId, ending: Ending) {
        let Some(mut connection) = self.connections.remove(&id) else {
            return;
        };
        self.timers
            .set(Timer::Connection(id), &mut connection.timer, None);
        if let Some(open) = self.open.get_mut(connection.peer.listener) {
            *open -= 1;
        }
        // [MQTT-3.14.0-1]: no DISCONNECT before a CONNACK.
        if let State::Connected(_) = connection.state
            && connection.version == Version::V5
            && ending.is_told()
        {
            self.send_disconnect(&mut connection, &ending);
        }
        self.output.flush(&mut connection);
        if !matches!(ending, Ending::PeerClosed) {
            self.output.close(id);
        }
        let session = match connection.state {
            State::Connected(session) => Some(session),
            State::AwaitingConnect => None,
        };
        if self.output.logs() {
            let client_id = session.and_then(|s| self.sessions.get(&s).map(|s| &s.client_id));
            let client_id = client_id.or(connection.asked_client_id.as_ref());
            let kind = EventKind::Closed {
                reason: ending.reason(),
                why: ending.to_string(),
            };
            self.output.log(id, client_id, kind);
        }
        if let Some(session) = session {
            self.leave_session(now, session, connection, ending.drops_will());
        }
    }

    fn send_disconnect(&mut self, connection: &mut Connection, ending: &Ending) {
        let reason = ending.reason();
        let properties = connection.explain(&ending.to_string());
        // [MQTT-3.14.2-3]: without the Reason String where it makes the packet too large.
        for properties in [properties.as_properties(), Properties::EMPTY] {
            let disconnect = Packet::Disconnect(Reason { reason, properties });
            if self.output.send_packet(connection, &disconnect) {
                break;
            }
        }
    }

    /// The session goes on without its connection, or ends with it. The will goes out at once,
    /// or after its delay unless the session ends before (`[MQTT-3.1.2-8]`).
    fn leave_session(
        &mut self,
        now: Time,
        id: SessionId,
        connection: Connection,
        drops_will: bool,
    ) {
        let Some(session) = self.sessions.get_mut(&id) else {
            return;
        };
        session.connection = None;
        session.ends_at = session.end_after(now);
        let ends_now = session.expiry_interval == 0;
        match connection.will.filter(|_| !drops_will) {
            Some(will) if will.delay.is_zero() || ends_now => self.publish_will(now, id, &will),
            Some(will) => session.delayed_will = Some((now + will.delay, will)),
            None => {}
        }
        if ends_now {
            self.end_session(now, id);
        } else {
            self.note_session(id);
            self.set_session_timer(id);
        }
    }

    /// Forgets a session (`[MQTT-4.1.0-2]`). It has no connection any more.
    pub(super) fn end_session(&mut self, now: Time, id: SessionId) {
        let will = self
            .sessions
            .get_mut(&id)
            .and_then(|session| session.delayed_will.take());
        if let Some((_, will)) = will {
            self.publish_will(now, id, &will);
        }
        let Some(mut session) = self.sessions.remove(&id) else {
            return;
        };
        self.journal.ended(&session);
        self.timers
            .set(Timer::Session(id), &mut session.timer, None);
        for text in &session.filters {
            let (share_name, filter) = super::subscriptions::split_shared(text);
            self.subscriptions.remove(filter, share_name, id);
        }
        self.tree.set(LEVEL * self.subscriptions.levels());
        self.client_ids.remove(&session.client_id);
        self.output
            .log(None, Some(&session.client_id), EventKind::SessionEnded);
    }

    pub(super) fn handle_disconnect(
        &mut self,
        now: Time,
        id: ConnectionId,
        session: SessionId,
        disconnect: &Reason<'_>,
    ) {
        let expiry = disconnect
            .properties
            .number(PropertyId::SESSION_EXPIRY_INTERVAL);
        if let Some(expiry) = expiry {
            let was_zero = self.connections.get(&id).is_some_and(|c| c.expiry_was_zero);
            if was_zero && expiry != 0 {
                let rule = Rule::SessionExpiryRaised;
                return self.end_connection(now, id, Ending::Refused(rule.into()));
            }
            if let Some(session) = self.sessions.get_mut(&session) {
                session.expiry_interval = self.config.limited_expiry(expiry);
            }
        }
        self.end_connection(now, id, Ending::Disconnected(disconnect.reason));
    }

    pub(super) fn handle_connection_timeout(&mut self, now: Time, id: ConnectionId) {
        let Some(connection) = self.connections.get_mut(&id) else {
            return;
        };
        connection.timer = None;
        let deadline = connection.deadline(&self.config);
        if deadline.is_some_and(|deadline| deadline <= now) {
            let ending = match connection.state {
                State::AwaitingConnect => Ending::NoConnect,
                State::Connected(_) => Ending::Refused(Rule::KeepAliveTimeout.into()),
            };
            return self.end_connection(now, id, ending);
        }
        // Packets have come since the timer was set.
        self.timers
            .set(Timer::Connection(id), &mut connection.timer, deadline);
    }

    pub(super) fn handle_session_timeout(&mut self, now: Time, id: SessionId) {
        let Some(session) = self.sessions.get_mut(&id) else {
            return;
        };
        session.timer = None;
        if session.ends_at.is_some_and(|at| at <= now) {
            self.output.counters.expired += 1;
            return self.end_session(now, id);
        }
        if let Some((_, will)) = session.delayed_will.take_if(|(at, _)| *at <= now) {
            self.publish_will(now, id, &will);
            self.note_session(id);
        }
        self.set_session_timer(id);
    }

    pub(super) fn set_session_timer(&mut self, id: SessionId) {
        if let Some(session) = self.sessions.get_mut(&id) {
            let deadline = session.deadline();
            self.timers
                .set(Timer::Session(id), &mut session.timer, deadline);
        }
    }
}
