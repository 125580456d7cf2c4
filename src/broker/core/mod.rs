//! The broker without sockets, clocks or locks: inputs and the time go in, actions come out.
//!
//! `handle_*` takes what happened, [`Core::poll_action`] gives what to do about it, and
//! [`Core::poll_timeout`] says when [`Core::handle_timeout`] wants to be called. Time is a
//! [`Time`] since any fixed moment, so a test can step a broker and its clients through hours.

mod alias;
mod auth;
mod config;
mod connect;
mod connection;
mod deliver;
mod ending;
mod event;
mod journal;
mod listener;
mod memory;
mod message;
mod output;
mod peer;
mod permission;
mod publish;
mod retained;
mod send;
mod session;
mod subscribe;
pub mod subscriptions;
mod sys;
mod timers;
mod will;

use std::collections::HashMap;
use std::rc::Rc;
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use rustc_hash::FxHashMap;

use crate::mqtt::decode::{Context, Strict, decode};
use crate::mqtt::frame::{FrameError, packet_len};
use crate::mqtt::packet_type::PacketType;
use crate::mqtt::rule::Rule;
use crate::mqtt::{Packet, PropertyId, ReasonCode, Side};

pub use auth::{Authenticator, Exchange, Step};
pub use config::Config;
pub use event::{Event, EventKind, Payload};
pub use journal::{Change, Key, RestoreError};
pub use listener::{ListenerConfig, Versions};
pub use peer::Peer;
pub use session::SessionId;

use connection::{Connection, State};
use deliver::Delivery;
use ending::{Cause, Ending};
use journal::Journal;
use memory::{Charge, Level, Memory, UNWRITTEN};
use output::{Item, Output};
use retained::Retained;
use session::Session;
use subscriptions::Subscriptions;
use sys::Sys;
use timers::{Timer, Timers};

/// Time since a moment that is the same for all calls, e.g. the start of the broker.
pub type Time = Duration;

/// A network connection, numbered by the shell; a number is never used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(pub u64);

/// What happened on a connection.
#[derive(Debug, Clone, Copy)]
pub enum Input<'a> {
    /// This peer connected.
    Opened(&'a Peer),
    /// Bytes came: any part of a packet, or any number of packets.
    Bytes(&'a [u8]),
    /// So many bytes of those sent have left for the network. The core holds back or drops
    /// messages for a connection on which too much waits ([`Config::max_output`]).
    Written(usize),
    /// The peer closed, or the network failed.
    Closed,
}

/// What the shell has to do.
#[derive(Debug, Clone)]
pub enum Action {
    /// Send these bytes, after those before.
    Send {
        /// Where to.
        connection: ConnectionId,
        /// One or several whole packets.
        bytes: Bytes,
    },
    /// Close, once everything before is sent. No input of this connection counts any more.
    Close {
        /// Which one.
        connection: ConnectionId,
    },
    /// Tell whoever watches. Only with [`Config::events`].
    Log(Event),
}

/// The whole state of a broker.
#[derive(Debug)]
pub struct Core {
    config: Config,
    connections: FxHashMap<ConnectionId, Connection>,
    sessions: FxHashMap<SessionId, Session>,
    /// Keys come from the network, so the hash is the keyed one.
    client_ids: HashMap<Rc<str>, SessionId>,
    subscriptions: Subscriptions,
    retained: Retained,
    sys: Sys,
    timers: Timers,
    output: Output,
    journal: Journal,
    memory: Rc<Memory>,
    /// Of the subscription tree.
    tree: Charge,
    next_session: u64,
    next_assigned: u64,
    /// Number of the message that is being routed, see [`Session::route_mark`].
    routes: u64,
    /// Whether any listener has rules to ask about messages.
    has_rules: bool,
    /// Connections of each of [`Config::listeners`].
    open: Vec<usize>,
    /// Scratch space of [`publish`](Self::publish).
    deliveries: Vec<Delivery>,
}

impl Core {
    /// A broker without connections, sessions and messages.
    pub fn new(config: Config) -> Core {
        let memory = Memory::new(config.max_memory);
        Core {
            tree: Charge::new(&memory, 0),
            output: Output::new(&config),
            has_rules: config.has_rules(),
            open: vec![0; config.listeners.len()],
            config,
            connections: FxHashMap::default(),
            sessions: FxHashMap::default(),
            client_ids: HashMap::new(),
            subscriptions: Subscriptions::default(),
            retained: Retained::default(),
            sys: Sys::default(),
            timers: Timers::default(),
            journal: Journal::default(),
            memory,
            next_session: 0,
            next_assigned: 0,
            routes: 0,
            deliveries: Vec::new(),
        }
    }

    /// Takes an input. `now` never goes back from call to call.
    pub fn handle(&mut self, now: Time, connection: ConnectionId, input: Input<'_>) {
        match input {
            Input::Opened(peer) => self.handle_opened(now, connection, peer),
            Input::Bytes(bytes) => self.handle_bytes(now, connection, bytes),
            Input::Written(len) => self.handle_written(now, connection, len),
            Input::Closed => self.end_connection(now, connection, Ending::PeerClosed),
        }
        if let Some(kind) = self.tell_of_memory() {
            self.output.log(None, None, kind);
        }
    }

    /// The next thing to do, in order; `None` if there is nothing.
    #[inline]
    pub fn poll_action(&mut self) -> Option<Action> {
        loop {
            match self.output.pop()? {
                Item::Act(action) => return Some(action),
                Item::Flush(id, number) => {
                    let connection = self.connections.get_mut(&id);
                    let action = connection.and_then(|c| c.pending.take(id, number));
                    if action.is_some() {
                        return action;
                    }
                }
            }
        }
    }

    /// When to call [`handle_timeout`](Self::handle_timeout) if nothing else happens before.
    pub fn poll_timeout(&self) -> Option<Time> {
        self.timers.next()
    }

    /// Does everything that is due: keep alive, CONNECT time-out, will delay, session expiry.
    /// Too early a call does nothing.
    pub fn handle_timeout(&mut self, now: Time) {
        while let Some(timer) = self.timers.pop_due(now) {
            match timer {
                Timer::Connection(id) => self.handle_connection_timeout(now, id),
                Timer::Session(id) => self.handle_session_timeout(now, id),
                Timer::Sys => self.handle_sys_timeout(now),
            }
        }
    }

    /// The broker ends: takes leave of every client (5.0: DISCONNECT 0x8B) without its will.
    pub fn shut_down(&mut self, now: Time) {
        let mut open: Vec<ConnectionId> = self.connections.keys().copied().collect();
        open.sort_unstable();
        for connection in open {
            self.end_connection(now, connection, Ending::ShuttingDown);
        }
    }

    fn handle_opened(&mut self, now: Time, id: ConnectionId, peer: &Peer) {
        let mut connection = Connection::new(id, peer.clone(), now, &self.memory);
        let deadline = connection.deadline(&self.config);
        self.timers
            .set(Timer::Connection(id), &mut connection.timer, deadline);
        connection.mount_point = self.config.listener(peer.listener).mount_point.clone();
        self.connections.insert(id, connection);
        self.output.counters.sockets += 1;
        self.watch_sys(now);
        self.output.log(id, None, EventKind::Opened);
        let most = self.config.listener(peer.listener).max_connections;
        if let Some(open) = self.open.get_mut(peer.listener) {
            *open += 1;
            if most.is_some_and(|most| *open > most) {
                let why = "the listener has as many connections as it takes";
                let cause = Cause::Other(ReasonCode::QUOTA_EXCEEDED, why);
                return self.end_connection(now, id, Ending::Refused(cause));
            }
        }
        if self.memory.is(Level::Short) {
            self.end_connection(now, id, Ending::OutOfMemory);
        }
    }

    fn handle_bytes(&mut self, now: Time, id: ConnectionId, bytes: &[u8]) {
        let Some(connection) = self.connections.get_mut(&id) else {
            return;
        };
        let mut partial = std::mem::take(&mut connection.partial);
        // Mostly a read brings whole packets and nothing is left from before: no copy then.
        let (used, all) = if partial.is_empty() {
            (self.handle_packets(now, id, bytes), bytes)
        } else {
            partial.extend_from_slice(bytes);
            (self.handle_packets(now, id, &partial), &[][..])
        };
        let Some(connection) = self.connections.get_mut(&id) else {
            return;
        };
        if all.is_empty() {
            partial.advance(used);
        } else if let Some(rest) = all.get(used..) {
            partial.extend_from_slice(rest);
        }
        // An idle connection keeps no buffer.
        let is_cut = match partial.is_empty() {
            true => {
                connection.partial = BytesMut::new();
                false
            }
            false => {
                connection.partial = partial;
                connection.recharge();
                connection.wants_too_much()
            }
        };
        if is_cut {
            self.end_connection(now, id, Ending::OutOfMemory);
        }
    }

    /// Handles the whole packets at the front of `bytes`; returns how many bytes they took.
    fn handle_packets(&mut self, now: Time, id: ConnectionId, bytes: &[u8]) -> usize {
        let mut used = 0;
        while let Some(rest) = bytes.get(used..).filter(|rest| !rest.is_empty()) {
            let Some(connection) = self.connections.get_mut(&id) else {
                break;
            };
            if connection.reads_nothing(&self.config) {
                self.end_connection(now, id, Ending::ReadsNothing);
                break;
            }
            // [MQTT-3.1.0-1], seen before the announced rest of a stray packet has come.
            if matches!(connection.state, State::AwaitingConnect)
                && !connection.is_authenticating()
                && PacketType::from_byte1(rest[0]) != PacketType::CONNECT
            {
                self.end_connection(now, id, Ending::Refused(Rule::NotConnect.into()));
                break;
            }
            match packet_len(rest, self.config.max_packet_size) {
                Ok(Some(len)) => {
                    connection.last_packet = now;
                    self.output.counters.received.add(len);
                    self.handle_packet(now, id, &rest[..len]);
                    used += len;
                }
                Ok(None) => break,
                Err(error) => {
                    let rule = match error {
                        FrameError::RemainingLengthTooLong => Rule::RemainingLengthTooLong,
                        FrameError::PacketTooLarge { .. } => Rule::PacketTooLarge,
                    };
                    self.end_connection(now, id, Ending::Refused(rule.into()));
                    break;
                }
            }
        }
        used
    }

    fn handle_packet(&mut self, now: Time, id: ConnectionId, bytes: &[u8]) {
        let Some(connection) = self.connections.get(&id) else {
            return;
        };
        // [MQTT-3.1.0-2], before it is looked at: what may be wrong with it has codes that
        // DISCONNECT has not.
        if let (State::Connected(_), Some(&byte1)) = (connection.state, bytes.first())
            && PacketType::from_byte1(byte1) == PacketType::CONNECT
        {
            return self.end_connection(now, id, Ending::Refused(Rule::SecondConnect.into()));
        }
        let context = Context {
            version: connection.version,
            from: Some(Side::Client),
        };
        let packet = match decode(bytes, context, &mut Strict) {
            Ok(packet) => packet,
            Err(violation) => {
                return match connection.state {
                    State::AwaitingConnect => self.refuse_connect(now, id, violation),
                    State::Connected(_) => {
                        self.end_connection(now, id, Ending::Refused(violation.into()));
                    }
                };
            }
        };
        self.output.received(connection, bytes);
        let session = match (connection.state, &packet) {
            // [MQTT-3.1.2-30]: nothing but AUTH and DISCONNECT until the exchange is over.
            (State::AwaitingConnect, Packet::Auth(auth)) if connection.is_authenticating() => {
                return self.handle_auth(now, id, auth);
            }
            (State::AwaitingConnect, Packet::Disconnect(disconnect))
                if connection.is_authenticating() =>
            {
                return self.end_connection(now, id, Ending::Disconnected(disconnect.reason));
            }
            (State::AwaitingConnect, Packet::Connect(connect))
                if !connection.is_authenticating() =>
            {
                let method = PropertyId::AUTHENTICATION_METHOD;
                return match connect.properties.get(method) {
                    None => self.handle_connect(now, id, connect),
                    Some(_) => self.begin_authentication(now, id, connect, bytes),
                };
            }
            (State::AwaitingConnect, _) => {
                return self.end_connection(now, id, Ending::Refused(Rule::NotConnect.into()));
            }
            (State::Connected(session), _) => session,
        };
        match packet {
            Packet::Publish(publish) => self.handle_publish(now, id, session, &publish),
            Packet::Ack(ack) => self.handle_ack(now, id, session, &ack),
            Packet::Subscribe(subscribe) => self.handle_subscribe(now, id, session, &subscribe),
            Packet::Unsubscribe(unsubscribe) => self.handle_unsubscribe(id, session, &unsubscribe),
            // [MQTT-3.12.4-1]
            Packet::PingReq => self.send(id, &Packet::PingResp),
            Packet::Disconnect(disconnect) => self.handle_disconnect(now, id, session, &disconnect),
            Packet::Auth(auth) => self.handle_auth(now, id, &auth),
            // Looked at above; and the decoder knows who sends, so the others do not come through.
            Packet::Connect(_)
            | Packet::ConnAck(_)
            | Packet::SubAck(_)
            | Packet::UnsubAck(_)
            | Packet::PingResp => {
                self.end_connection(now, id, Ending::Refused(Rule::WrongDirection.into()));
            }
        }
    }

    fn handle_written(&mut self, now: Time, id: ConnectionId, len: usize) {
        let Some(connection) = self.connections.get_mut(&id) else {
            return;
        };
        connection.unwritten = connection.unwritten.saturating_sub(len);
        connection.charge.give_back(UNWRITTEN * len);
        if let State::Connected(session) = connection.state {
            self.pump(now, session);
        }
    }

    /// Encodes and sends, if the connection is still there.
    fn send(&mut self, id: ConnectionId, packet: &Packet<'_>) {
        if let Some(connection) = self.connections.get_mut(&id) {
            self.output.send_packet(connection, packet);
        }
    }
}
