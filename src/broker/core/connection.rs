//! A network connection: what ends with it. What outlives it is in the session.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use rustc_hash::FxHashMap;

use super::alias::OutgoingAliases;
use super::auth::Auth;
use super::memory::{ALIAS, CONNECTION, Charge, Level, MODEST_OUTPUT, Memory, UNWRITTEN};
use super::message::push;
use super::output::Pending;
use super::will::Will;
use super::{Config, ConnectionId, Peer, SessionId, Time};
use crate::mqtt::packet::Connect;
use crate::mqtt::property::Value;
use crate::mqtt::{PropertiesBuf, PropertyId, Version};

/// How far a connection is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// No CONNECT yet.
    AwaitingConnect,
    /// CONNECT was accepted.
    Connected(SessionId),
}

#[derive(Debug)]
pub(super) struct Connection {
    pub(super) id: ConnectionId,
    pub(super) peer: Peer,
    pub(super) state: State,
    pub(super) version: Version,
    /// The start of a packet whose rest has not come.
    pub(super) partial: BytesMut,
    /// When it was opened, or the last packet came.
    pub(super) last_packet: Time,
    /// One and a half times the Keep Alive; `None`: off.
    pub(super) keep_alive: Option<Duration>,
    /// The deadline that is set, see [`Timers`](super::timers::Timers).
    pub(super) timer: Option<Time>,
    /// The client's Maximum Packet Size.
    pub(super) max_packet_size: usize,
    /// Request Problem Information.
    pub(super) problem_information: bool,
    /// Topics that the client has given an alias; they end with the connection
    /// (`[MQTT-3.3.2-7]`).
    pub(super) aliases: FxHashMap<u16, Rc<str>>,
    /// None if the client takes no aliases.
    pub(super) outgoing_aliases: Option<Box<OutgoingAliases>>,
    /// Only if CONNECT names an authentication method.
    pub(super) auth: Option<Box<Auth>>,
    /// What the aliases of both directions take.
    pub(super) alias_bytes: usize,
    /// Subscriptions get No Local and Retain As Published (the bridge bit of mosquitto).
    pub(super) bridge: bool,
    /// The Session Expiry Interval in CONNECT was 0, so DISCONNECT may not raise it.
    pub(super) expiry_was_zero: bool,
    /// As CONNECT has it, and then as the broker does, for events; only where they are wanted.
    pub(super) asked_client_id: Option<Rc<str>>,
    pub(super) will: Option<Will>,
    /// What stands before every topic of this client.
    pub(super) mount_point: Option<Arc<str>>,
    /// What the core has to say, until its step is over.
    pub(super) pending: Pending,
    /// Bytes sent that the shell has not yet written.
    pub(super) unwritten: usize,
    /// For all of the above.
    pub(super) charge: Charge,
}

impl Connection {
    pub(super) fn new(id: ConnectionId, peer: Peer, now: Time, memory: &Rc<Memory>) -> Connection {
        Connection {
            id,
            peer,
            state: State::AwaitingConnect,
            version: Version::V311,
            partial: BytesMut::new(),
            last_packet: now,
            keep_alive: None,
            timer: None,
            max_packet_size: usize::MAX,
            problem_information: true,
            aliases: FxHashMap::default(),
            outgoing_aliases: None,
            auth: None,
            alias_bytes: 0,
            bridge: false,
            expiry_was_zero: true,
            asked_client_id: None,
            will: None,
            mount_point: None,
            pending: Pending::default(),
            unwritten: 0,
            charge: Charge::new(memory, CONNECTION),
        }
    }

    /// What CONNECT says of the packets that the client wants.
    pub(super) fn take_wishes(&mut self, connect: &Connect<'_>) {
        let number = |id| connect.properties.number(id);
        self.version = connect.version;
        self.bridge = connect.bridge;
        self.max_packet_size = number(PropertyId::MAXIMUM_PACKET_SIZE)
            .and_then(|max| usize::try_from(max).ok())
            .unwrap_or(usize::MAX);
        self.problem_information = number(PropertyId::REQUEST_PROBLEM_INFORMATION) != Some(0);
    }

    /// When the peer will have been silent for too long.
    pub(super) fn deadline(&self, config: &Config) -> Option<Time> {
        let patience = match self.state {
            State::AwaitingConnect => Some(config.connect_timeout),
            State::Connected(_) => self.keep_alive,
        };
        patience.map(|patience| self.last_packet + patience)
    }

    /// A Reason String, unless the client wants none.
    pub(super) fn explain(&self, why: &str) -> PropertiesBuf {
        let mut list = PropertiesBuf::new();
        if self.problem_information {
            push(
                &mut list,
                PropertyId::REASON_STRING,
                Value::Str(why.as_bytes()),
            );
        }
        list
    }

    /// Whether so much waits for the network that messages should not be added.
    pub(super) fn is_congested(&self, config: &Config) -> bool {
        self.unwritten > self.max_output(config, Level::Busy)
    }

    /// Whether more waits than should ever have been added: the client wants answers and reads
    /// none.
    pub(super) fn reads_nothing(&self, config: &Config) -> bool {
        self.unwritten > 2 * self.max_output(config, Level::Short)
    }

    /// Bytes that may wait for the network, where `modest` is the level from which it is little.
    fn max_output(&self, config: &Config, modest: Level) -> usize {
        match self.charge.is(modest) {
            true => config.max_output.min(MODEST_OUTPUT),
            false => config.max_output,
        }
    }

    /// To be called when something was added to it; what waits for the network is added and given
    /// back where it comes and goes.
    pub(super) fn recharge(&mut self) {
        let will = self.will.as_ref().map_or(0, Will::len);
        let auth = self.auth.as_ref().map_or(0, |auth| auth.len());
        let unwritten = UNWRITTEN * self.unwritten;
        let waiting = self.partial.capacity() + unwritten;
        self.charge
            .set(CONNECTION + waiting + self.alias_bytes + will + auth);
    }

    /// Remembers the topic that an alias stands for from now on.
    pub(super) fn set_alias(&mut self, alias: u16, topic: Rc<str>) {
        let cost = |topic: &str| topic.len() + ALIAS;
        self.alias_bytes += cost(&topic);
        if let Some(old) = self.aliases.insert(alias, topic) {
            self.alias_bytes -= cost(&old);
        }
        self.recharge();
    }

    /// Whether there is no room for the packet whose start has come: it is cut off.
    pub(super) fn wants_too_much(&self) -> bool {
        self.charge.is(Level::Full)
            || self.charge.is(Level::Short) && self.partial.capacity() > MODEST_OUTPUT
    }
}
