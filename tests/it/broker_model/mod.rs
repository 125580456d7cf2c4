//! Clients that do anything a client may do, in any order, and a small model that says what the
//! broker's core owes them for it: QoS 2 exactly once, QoS 1 at least once, the order per topic,
//! retained messages, wills and the life of sessions. A property test runs it, and the fuzzer.

pub(crate) mod challenge;
mod client;
mod model;
mod noise;
mod op;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::time::Duration;

use midge::broker::Config;
use midge::broker::core::{Action, ConnectionId, Core, Input, Peer};
use midge::mqtt::frame::Framer;
use midge::mqtt::packet::{AckKind, SubscriptionOptions};
use midge::mqtt::{QoS, ReasonCode, Version};

use client::{Came, Client};
use model::{Answer, Expected, Model, Subscription, Will};
use op::{CLIENTS, Dice, FILTERS, Op, TOPICS};

pub(crate) use noise::run as run_noise;

/// Steps of a run; each takes a millisecond, so that no two deadlines fall together.
const MAX_STEPS: usize = 900;
/// Small, so that it is reached.
const MAX_INFLIGHT: u16 = 3;

/// Does what `bytes` say.
///
/// # Errors
/// If the core does not what the model says, with everything that happened.
pub(crate) fn run(bytes: &[u8]) -> Result<(), String> {
    let mut world = World::new();
    let mut dice = Dice(bytes);
    let mut result = Ok(());
    for _ in 0..MAX_STEPS {
        if dice.is_empty() || result.is_err() {
            break;
        }
        let op = dice.op();
        result = world.step(&op);
    }
    result
        .and_then(|()| world.finish())
        .map_err(|problem| format!("{problem}\n{}", world.log))
}

struct World {
    core: Core,
    config: Config,
    model: Model,
    clients: [Client; CLIENTS],
    next_connection: u64,
    messages: usize,
    /// Topics that have had an empty message.
    emptied: BTreeSet<usize>,
    /// How often each copy reached its application.
    delivered: BTreeMap<usize, usize>,
    log: String,
}

impl World {
    fn new() -> World {
        let config = Config {
            max_inflight: MAX_INFLIGHT,
            ..Config::default()
        };
        World {
            core: Core::new(config.clone()),
            model: Model::new(Duration::from_secs(1_000), MAX_INFLIGHT.into()),
            config,
            clients: Default::default(),
            next_connection: 0,
            messages: 0,
            emptied: BTreeSet::new(),
            delivered: BTreeMap::new(),
            log: String::new(),
        }
    }

    fn step(&mut self, op: &Op) -> Result<(), String> {
        if self.does_something(op) {
            writeln!(self.log, "{op:?}").unwrap();
        }
        self.pass_time(Duration::from_millis(1))?;
        match *op {
            Op::Wait { seconds } => self.pass_time(Duration::from_secs(seconds))?,
            Op::Connect {
                client,
                version,
                clean_start,
                expiry,
                receive_maximum,
                aliases,
                ref will,
            } => {
                let will = will.as_ref().map(|will| Will {
                    topic: TOPICS[will.topic],
                    payload: self.payload(),
                    qos: will.qos,
                    retain: will.retain,
                    delay: if version == Version::V5 {
                        will.delay
                    } else {
                        0
                    },
                });
                let connect = client::Connect {
                    version,
                    clean_start,
                    expiry,
                    receive_maximum,
                    aliases,
                    will,
                };
                self.connect(client, connect)?;
            }
            Op::Cut { client } => self.cut(client)?,
            _ => self.step_connected(op)?,
        }
        self.check()
    }

    fn does_something(&self, op: &Op) -> bool {
        match *op {
            Op::Connect { .. } | Op::Wait { .. } => true,
            Op::Read { client, .. } => self.clients[client].has_unread(),
            Op::Answer { client, .. } => self.clients[client].owes(),
            Op::Subscribe { client, .. }
            | Op::Unsubscribe { client, .. }
            | Op::Publish { client, .. }
            | Op::Cut { client }
            | Op::Leave { client, .. } => self.clients[client].connection().is_some(),
        }
    }

    /// Steps of clients that have a connection; others do nothing.
    fn step_connected(&mut self, op: &Op) -> Result<(), String> {
        let (Op::Subscribe { client, .. }
        | Op::Unsubscribe { client, .. }
        | Op::Publish { client, .. }
        | Op::Read { client, .. }
        | Op::Answer { client, .. }
        | Op::Leave { client, .. }) = *op
        else {
            return Ok(());
        };
        let Some(version) = self.clients[client].version() else {
            return Ok(());
        };
        let is_v5 = version == Version::V5;
        match *op {
            Op::Subscribe {
                filter,
                qos,
                no_local,
                retain_as_published,
                retain_handling,
                with_identifier,
                ..
            } => {
                // [MQTT-3.8.3-4]
                let no_local = no_local && is_v5 && !FILTERS[filter].starts_with("$share/");
                let subscription = Subscription {
                    qos,
                    no_local,
                    retain_as_published: retain_as_published && is_v5,
                    retain_handling: if is_v5 { retain_handling } else { 0 },
                    identifier: (with_identifier && is_v5).then_some(filter as u32 + 1),
                };
                let options = SubscriptionOptions {
                    qos,
                    no_local,
                    retain_as_published: subscription.retain_as_published,
                    retain_handling: subscription.retain_handling,
                };
                let identifier = subscription.identifier;
                self.model.expect(client, Expected::SubAck(7, qos.as_u8()));
                self.model.subscribe(client, filter, subscription);
                let bytes = client::subscribe(version, FILTERS[filter], options, identifier);
                self.send(client, &bytes)
            }
            Op::Unsubscribe { filter, .. } => {
                if let Some(session) = &mut self.model.sessions[client] {
                    session.subscriptions.remove(&filter);
                }
                self.model.expect(client, Expected::UnsubAck(8));
                self.send(client, &client::unsubscribe(version, FILTERS[filter]))
            }
            Op::Publish {
                topic,
                qos,
                retain,
                is_empty,
                expiry,
                alias,
                ..
            } => {
                // [MQTT-3.3.4-7]
                let open = self.clients[client].open();
                if qos > QoS::AtMostOnce && open >= usize::from(self.config.receive_maximum) {
                    return Ok(());
                }
                let mark = self.payload();
                // Of two that are empty nobody could tell which came.
                let is_empty = is_empty && self.emptied.insert(topic);
                let message = client::Message {
                    topic: TOPICS[topic],
                    payload: if is_empty {
                        String::new()
                    } else {
                        mark.clone()
                    },
                    mark,
                    qos,
                    retain,
                    expiry: expiry.filter(|_| is_v5),
                };
                let alias = alias.filter(|_| is_v5);
                let (packet_id, bytes) = self.clients[client].publish(&message, alias);
                self.accept(client, &message, packet_id);
                self.send(client, &bytes)
            }
            Op::Read { count, .. } => {
                for _ in 0..count {
                    self.read(client)?;
                }
                Ok(())
            }
            Op::Answer { which, refuses, .. } => self.answer(client, which, refuses && is_v5),
            Op::Leave {
                with_will, expiry, ..
            } => {
                let link = self.model.sessions[client]
                    .as_ref()
                    .and_then(|session| session.link.as_ref());
                let was_zero = link.is_none_or(|link| link.expiry_was_zero);
                let expiry = expiry.filter(|&e| is_v5 && (e == 0 || !was_zero));
                if let Some(expiry) = expiry {
                    self.model.set_expiry(client, expiry);
                }
                let with_will = with_will && is_v5;
                self.model.end_link(client, with_will);
                let bytes = client::disconnect(version, with_will, expiry);
                self.send(client, &bytes)?;
                self.clients[client].lose_connection();
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Every message has a payload of its own.
    fn payload(&mut self) -> String {
        self.messages += 1;
        self.messages.to_string()
    }

    /// What the broker does with a PUBLISH, if it is no repeat, and what it says.
    fn accept(&mut self, client: usize, message: &client::Message, packet_id: u16) {
        let is_new = match &mut self.model.sessions[client] {
            Some(session) if message.qos == QoS::ExactlyOnce => {
                session.unreleased.insert(packet_id)
            }
            _ => true,
        };
        let version = self.clients[client].version();
        let count = match is_new {
            true => self.model.publish(
                client,
                message.topic,
                &message.payload,
                message.qos,
                message.retain,
                // A repeat may go out in a version that has no expiry.
                message.expiry.filter(|_| version == Some(Version::V5)),
            ),
            false => 0,
        };
        let reason = match (count, version) {
            (0, Some(Version::V5)) => ReasonCode::NO_MATCHING_SUBSCRIBERS,
            _ => ReasonCode::SUCCESS,
        };
        let answer = match (message.qos, is_new) {
            (QoS::AtMostOnce, _) => return,
            (QoS::AtLeastOnce, _) => Expected::PubAck(packet_id, reason),
            (QoS::ExactlyOnce, true) => Expected::PubRec(packet_id, reason),
            (QoS::ExactlyOnce, false) => Expected::PubRecAgain(packet_id),
        };
        self.model.expect(client, answer);
    }

    fn connect(&mut self, client: usize, connect: client::Connect) -> Result<(), String> {
        let resumed = self.model.connect(
            client,
            connect.version,
            connect.clean_start,
            connect.expiry,
            connect.receive_maximum,
            connect.will.clone(),
        );
        let old = self.clients[client].connection();
        let id = ConnectionId(self.next_connection);
        self.next_connection += 1;
        let bytes = self.clients[client].connect(client, id, &connect);
        // The old one may still be told why it ends.
        self.core
            .handle(self.model.now, id, Input::Opened(&Peer::default()));
        self.core.handle(self.model.now, id, Input::Bytes(&bytes));
        self.drain_with(old.map(|old| (client, old)))?;
        match self.clients[client].take() {
            Some(Came::ConnAck) => {}
            other => return Err(format!("before CONNACK came {other:?}")),
        }
        let messages = self.clients[client].resume(resumed);
        for (message, packet_id, bytes) in messages {
            self.accept(client, &message, packet_id);
            self.send(client, &bytes)?;
        }
        Ok(())
    }

    fn cut(&mut self, client: usize) -> Result<(), String> {
        let Some(id) = self.clients[client].connection() else {
            return Ok(());
        };
        self.clients[client].lose_connection();
        self.model.end_link(client, true);
        self.core.handle(self.model.now, id, Input::Closed);
        self.drain()
    }

    /// The application gets what the client reads.
    fn read(&mut self, client: usize) -> Result<(), String> {
        let Some(instance) = self.clients[client].read() else {
            return Ok(());
        };
        let (instance, qos) = instance;
        let times = self.delivered.entry(instance).or_default();
        *times += 1;
        match qos == QoS::ExactlyOnce && *times > 1 {
            true => Err(format!("copy {instance} was delivered twice")),
            false => Ok(()),
        }
    }

    fn answer(&mut self, client: usize, which: usize, refuses: bool) -> Result<(), String> {
        let Some((reply, packet_id, reason)) = self.clients[client].answer(which, refuses) else {
            return Ok(());
        };
        let refused = reason.is_error();
        let answer = match reply {
            AckKind::PubRel => {
                if let Some(session) = &mut self.model.sessions[client] {
                    session.unreleased.remove(&packet_id);
                }
                self.model.expect(client, Expected::PubComp(packet_id));
                None
            }
            AckKind::PubAck => Some(Answer::PubAck),
            AckKind::PubRec if refused => Some(Answer::Refused),
            AckKind::PubRec => Some(Answer::PubRec),
            AckKind::PubComp => Some(Answer::PubComp),
        };
        let finished = answer.and_then(|a| self.model.answered(client, packet_id, a));
        if let Some(instance) = finished
            && !self.delivered.contains_key(&instance)
        {
            return Err(format!(
                "copy {instance} is finished and was never delivered"
            ));
        }
        let version = self.clients[client].version().unwrap_or(Version::V311);
        self.send(client, &client::ack(version, reply, packet_id, reason))
    }

    /// The client's bytes, and what comes of them.
    fn send(&mut self, client: usize, bytes: &[u8]) -> Result<(), String> {
        if let Some(id) = self.clients[client].connection() {
            self.core.handle(self.model.now, id, Input::Bytes(bytes));
        }
        self.drain()
    }

    fn pass_time(&mut self, by: Duration) -> Result<(), String> {
        let target = self.model.now + by;
        loop {
            let next = [self.model.next_event(), self.core.poll_timeout()];
            let Some(at) = next.into_iter().flatten().min().filter(|&at| at <= target) else {
                break;
            };
            let at = at.max(self.model.now);
            self.model.pass_time(at);
            self.core.handle_timeout(at);
            self.drain()?;
            self.check()?;
        }
        self.model.now = target;
        Ok(())
    }

    fn drain(&mut self) -> Result<(), String> {
        self.drain_with(None)
    }

    /// `old` is a connection whose client has opened another.
    fn drain_with(&mut self, old: Option<(usize, ConnectionId)>) -> Result<(), String> {
        let mut old_is_open = old.is_some();
        while let Some(action) = self.core.poll_action() {
            match action {
                Action::Send { connection, bytes } => {
                    let is_old = old.is_some_and(|(_, id)| id == connection);
                    if is_old && old_is_open {
                        // DISCONNECT 0x8E.
                        if bytes.first() != Some(&0xe0) || bytes.get(2) != Some(&0x8e) {
                            return Err(format!("the old connection gets {bytes:x}"));
                        }
                        let (client, _) = old.ok_or("gone")?;
                        self.model.came(client, &Expected::TakenOver)?;
                        continue;
                    }
                    let client = self
                        .clients
                        .iter()
                        .position(|c| c.connection() == Some(connection))
                        .ok_or_else(|| format!("sent to {connection:?}, which is not open"))?;
                    let model = &mut self.model;
                    self.clients[client]
                        .feed(client, &bytes, model)
                        .map_err(|e| format!("to {client} came {bytes:x}: {e}"))?;
                    let written = Input::Written(bytes.len());
                    self.core.handle(self.model.now, connection, written);
                }
                Action::Close { connection } => {
                    if old.is_some_and(|(_, id)| id == connection) {
                        old_is_open = false;
                        continue;
                    }
                    let client = self
                        .clients
                        .iter()
                        .position(|c| c.connection() == Some(connection));
                    // After DISCONNECT.
                    let has_left = client.is_some_and(|client| {
                        let session = self.model.sessions[client].as_ref();
                        session.is_none_or(|session| session.link.is_none())
                    });
                    if !has_left {
                        return Err(format!("closed {connection:?} of {client:?}"));
                    }
                }
                Action::Log(_) => {}
            }
        }
        match old_is_open {
            true => Err("the old connection is not closed".into()),
            false => Ok(()),
        }
    }

    fn check(&mut self) -> Result<(), String> {
        self.model.check()
    }

    /// Everybody comes back, reads all and answers all: then nothing is owed.
    fn finish(&mut self) -> Result<(), String> {
        writeln!(self.log, "finish").unwrap();
        for client in 0..CLIENTS {
            let is_away = self.model.sessions[client]
                .as_ref()
                .is_some_and(|session| session.link.is_none());
            if is_away {
                let connect = client::Connect {
                    version: Version::V5,
                    clean_start: false,
                    expiry: u32::MAX,
                    receive_maximum: None,
                    aliases: 0,
                    will: None,
                };
                self.connect(client, connect)?;
                self.check()?;
            }
        }
        for _ in 0..10_000 {
            let mut is_busy = false;
            for client in 0..CLIENTS {
                while self.clients[client].has_unread() {
                    is_busy = true;
                    self.read(client)?;
                }
                if self.clients[client].owes() {
                    is_busy = true;
                    self.answer(client, 0, false)?;
                    self.check()?;
                }
            }
            if !is_busy {
                break;
            }
        }
        self.model.check_end()
    }
}

impl Default for Client {
    fn default() -> Client {
        Client::new(Framer::new(usize::MAX))
    }
}
