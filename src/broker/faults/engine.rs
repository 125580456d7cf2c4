//! The packets of all connections on their way.

use std::collections::{BTreeSet, VecDeque};
use std::num::NonZeroU64;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use rustc_hash::FxHashMap;

use super::lane::{Item, Lane};
use super::random::Random;
use super::rule::{Deed, Subject, Working};
use super::seen::Seen;
use super::{Act, Fault, FaultPlan, Latency, answer};
use crate::broker::core::{ConnectionId, Time};
use crate::mqtt::frame::{Framer, packet_len};
use crate::mqtt::{PacketType, Side};

/// Bytes of a client that may wait; beyond it its network is not read.
const MAX_INPUT: usize = 1 << 20;

/// Everything between the core and the network.
#[derive(Debug)]
pub(in crate::broker) struct Faults {
    rules: Vec<Working>,
    latency: Option<Latency>,
    rate: Option<NonZeroU64>,
    /// What jitter is drawn from.
    random: Random,
    /// Whether a rule looks at topics.
    wants_topics: bool,
    tells: bool,
    max_packet_size: usize,
    connections: FxHashMap<ConnectionId, Connection>,
    /// When something is due.
    timers: BTreeSet<(Time, ConnectionId, bool)>,
    acts: VecDeque<Act>,
}

#[derive(Debug)]
struct Connection {
    seen: Seen,
    framer: Framer,
    /// What comes cannot be cut into packets.
    is_raw: bool,
    /// From the client.
    input: Lane,
    /// To the client.
    output: Lane,
    /// Bytes on their way to the client that the core has not sent.
    extra: usize,
    /// The network waits until it may be read again.
    is_paused: bool,
    /// The client sends no more.
    is_ended: bool,
}

impl Connection {
    fn lane(&mut self, from: Side) -> &mut Lane {
        match from {
            Side::Client => &mut self.input,
            Side::Server => &mut self.output,
        }
    }
}

impl Faults {
    /// `max_packet_size` is the largest packet that the core takes; `tells`: whether
    /// [`Act::Tell`] is wanted.
    pub(in crate::broker) fn new(plan: FaultPlan, max_packet_size: usize, tells: bool) -> Faults {
        let random = |stream| Random::new(plan.seed, stream);
        Faults {
            wants_topics: plan.rules.iter().any(|rule| rule.topic.is_some()),
            random: random(0),
            rules: (1..)
                .zip(plan.rules)
                .map(|(stream, rule)| Working::new(rule, Random::new(plan.seed, stream)))
                .collect(),
            latency: plan.latency,
            rate: plan.rate,
            tells,
            max_packet_size,
            connections: FxHashMap::default(),
            timers: BTreeSet::new(),
            acts: VecDeque::new(),
        }
    }

    pub(in crate::broker) fn opened(&mut self, id: ConnectionId) {
        let connection = Connection {
            seen: Seen::default(),
            framer: Framer::new(self.max_packet_size),
            is_raw: false,
            input: Lane::default(),
            output: Lane::default(),
            extra: 0,
            is_paused: false,
            is_ended: false,
        };
        self.connections.insert(id, connection);
    }

    /// The network has given these bytes.
    pub(in crate::broker) fn received(&mut self, now: Time, id: ConnectionId, bytes: &[u8]) {
        let Some(connection) = self.connections.get_mut(&id) else {
            return;
        };
        if !connection.is_raw {
            connection.framer.feed(bytes);
        }
        loop {
            let Some(connection) = self.connections.get_mut(&id) else {
                return;
            };
            if connection.is_raw {
                let takes = Duration::ZERO;
                if !connection.input.is_dead {
                    let bytes = Item::Bytes(Bytes::copy_from_slice(bytes));
                    connection.input.push(now, takes, bytes);
                }
                break;
            }
            match connection.framer.next_packet() {
                Ok(Some(packet)) => self.judge(now, id, Side::Client, packet),
                Ok(None) => break,
                Err(_) => {
                    // The core says what is wrong with it.
                    connection.is_raw = true;
                    let rest = std::mem::take(connection.framer.buffer_mut()).freeze();
                    if !connection.input.is_dead {
                        connection
                            .input
                            .push(now, Duration::ZERO, Item::Bytes(rest));
                    }
                    break;
                }
            }
        }
        self.run(now, id);
    }

    /// The core sends these bytes: one or several whole packets.
    pub(in crate::broker) fn sent(&mut self, now: Time, id: ConnectionId, mut bytes: Bytes) {
        while !bytes.is_empty() {
            let len = match packet_len(&bytes, usize::MAX) {
                Ok(Some(len)) => len,
                // The core sends whole packets.
                Ok(None) | Err(_) => bytes.len(),
            };
            let packet = bytes.split_to(len);
            self.judge(now, id, Side::Server, packet);
        }
        self.run(now, id);
    }

    /// The core closes the connection, after what it has sent.
    pub(in crate::broker) fn core_closed(&mut self, now: Time, id: ConnectionId) {
        let Some(connection) = self.connections.get_mut(&id) else {
            return;
        };
        connection.input.clear();
        connection.input.is_dead = true;
        if connection.output.is_dead {
            connection.output.clear();
        }
        connection.output.push_late(now);
        connection.output.push(now, Duration::ZERO, Item::Close);
        self.run(now, id);
    }

    /// The client sends no more. As long as [`has_input`](Self::has_input) says so, what it has
    /// sent is still on its way; [`Act::Resume`] says when that is over.
    pub(in crate::broker) fn ended(&mut self, now: Time, id: ConnectionId) {
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.is_ended = true;
            connection.input.push_late(now);
            self.run(now, id);
        }
    }

    /// The connection is gone.
    pub(in crate::broker) fn closed(&mut self, id: ConnectionId) {
        if let Some(connection) = self.connections.remove(&id) {
            for (lane, from_client) in [(connection.input, true), (connection.output, false)] {
                if let Some(at) = lane.timer {
                    self.timers.remove(&(at, id, from_client));
                }
            }
        }
    }

    /// So many bytes have left for the network: of how many the core has to know.
    pub(in crate::broker) fn written(&mut self, id: ConnectionId, len: usize) -> usize {
        let Some(connection) = self.connections.get_mut(&id) else {
            return len;
        };
        let absorbed = connection.extra.min(len);
        connection.extra -= absorbed;
        len - absorbed
    }

    /// Whether the network may be read; if not, [`Act::Resume`] says when.
    pub(in crate::broker) fn takes_input(&mut self, id: ConnectionId) -> bool {
        let Some(connection) = self.connections.get_mut(&id) else {
            return true;
        };
        connection.is_paused = connection.input.held() > MAX_INPUT;
        !connection.is_paused
    }

    /// Whether something of this client is on its way to the core.
    pub(in crate::broker) fn has_input(&self, id: ConnectionId) -> bool {
        let connection = self.connections.get(&id);
        connection.is_some_and(|connection| !connection.input.is_empty())
    }

    /// Whether something of any client is on its way to the core.
    pub(in crate::broker) fn has_any_input(&self) -> bool {
        let mut connections = self.connections.values();
        connections.any(|connection| !connection.input.is_empty())
    }

    /// When to call [`handle_timeout`](Self::handle_timeout).
    pub(in crate::broker) fn poll_timeout(&self) -> Option<Time> {
        self.timers.first().map(|(at, ..)| *at)
    }

    /// Passes on what is due.
    pub(in crate::broker) fn handle_timeout(&mut self, now: Time) {
        while let Some(&(at, id, _)) = self.timers.first().filter(|(at, ..)| *at <= now) {
            debug_assert!(self.connections.contains_key(&id), "{at:?}");
            self.run(now, id);
        }
    }

    pub(in crate::broker) fn poll_act(&mut self) -> Option<Act> {
        self.acts.pop_front()
    }

    /// Decides about a packet and puts it on its way.
    fn judge(&mut self, now: Time, id: ConnectionId, from: Side, packet: Bytes) {
        let Some(connection) = self.connections.get_mut(&id) else {
            return;
        };
        if connection.lane(from).is_dead {
            // What is stalled stays unwritten, as with a peer that does not read.
            return;
        }
        let takes = match self.latency {
            None => Duration::ZERO,
            Some(latency) => {
                let spread = latency.jitter.mul_f64(2.0 * self.random.fraction());
                (latency.mean + spread).saturating_sub(latency.jitter)
            }
        };
        connection.seen.see(&packet, from);
        let Some(&byte1) = packet.first() else {
            return;
        };
        let packet_type = PacketType::from_byte1(byte1);
        let topics = match self.wants_topics {
            true => connection.seen.topics(&packet, from),
            false => Vec::new(),
        };
        let client_id = connection.seen.client_id.clone();
        let subject = Subject {
            packet_type,
            from,
            client_id: &client_id,
            topics: &topics,
        };
        let mut struck = None;
        // All of them count it.
        for (i, working) in self.rules.iter_mut().enumerate() {
            if working.strikes(subject, struck.is_none()) {
                struck = Some((i, working));
            }
        }
        let Some((rule, working)) = struck else {
            return connection.lane(from).push_packet(now, takes, packet);
        };
        let deed = working.rule.deed;
        if self.tells {
            self.acts.push_back(Act::Tell(Fault {
                connection: id,
                client_id,
                rule,
                packet_type,
                from,
                deed,
            }));
        }
        let len = packet.len();
        // What the core has sent and will not leave.
        let mut unsent = 0;
        match deed {
            Deed::Drop => unsent = len,
            Deed::Delay(delay) => {
                let takes = takes.saturating_add(delay);
                connection.lane(from).push_packet(now, takes, packet);
            }
            Deed::Duplicate => {
                let lane = connection.lane(from);
                lane.push_packet(now, takes, packet.clone());
                lane.push_packet(now, takes, packet);
                if from == Side::Server {
                    connection.extra += len;
                }
            }
            Deed::Corrupt => {
                let packet = corrupt(&packet, &mut working.random);
                connection.lane(from).push_packet(now, takes, packet);
            }
            Deed::Cut(_) | Deed::Close => {
                let kept = match deed {
                    Deed::Cut(kept) => kept.min(len),
                    _ => 0,
                };
                let lane = connection.lane(from);
                if kept > 0 {
                    lane.push(now, takes, Item::Bytes(packet.slice(..kept)));
                }
                lane.push(now, takes, Item::Break);
                lane.is_dead = true;
                unsent = len - kept;
            }
            Deed::Disconnect(code) => {
                if let Some(bytes) = answer::disconnect(connection.seen.version, code) {
                    connection.reply(now, takes, from, bytes);
                }
                let lane = connection.lane(from);
                lane.push(now, takes, Item::Break);
                lane.is_dead = true;
                unsent = len;
            }
            Deed::Refuse(code) => {
                let version = connection.seen.version;
                let decoded = connection.seen.decode(&packet, from);
                match decoded.and_then(|packet| answer::refuse(&packet, version, code)) {
                    Some(refusal) => {
                        if let Some(bytes) = refusal.answer {
                            connection.reply(now, takes, from, bytes);
                        }
                        if refusal.breaks {
                            let lane = connection.lane(from);
                            lane.push(now, takes, Item::Break);
                            lane.is_dead = true;
                        }
                        unsent = len;
                    }
                    None => connection.lane(from).push_packet(now, takes, packet),
                }
            }
            Deed::Stall => connection.lane(from).is_dead = true,
            Deed::Reorder(behind) => connection.lane(from).keep(behind, packet),
        }
        if from == Side::Server && unsent > 0 {
            self.acts.push_back(Act::Unsent(id, unsent));
        }
    }

    /// Passes on what is due of a connection.
    fn run(&mut self, now: Time, id: ConnectionId) {
        let Some(connection) = self.connections.get_mut(&id) else {
            return;
        };
        let mut breaks = false;
        while let Some(item) = connection.input.pop_due(now, self.rate) {
            match item {
                Item::Bytes(bytes) => self.acts.push_back(Act::Input(id, bytes)),
                Item::Answer(bytes) => {
                    let takes = Duration::ZERO;
                    connection.extra += bytes.len();
                    connection.output.push(now, takes, Item::Bytes(bytes));
                }
                Item::Break => breaks = true,
                Item::Close => {}
            }
        }
        if breaks {
            connection.output.push(now, Duration::ZERO, Item::Break);
            connection.output.is_dead = true;
        }
        while let Some(item) = connection.output.pop_due(now, self.rate) {
            self.acts.push_back(match item {
                Item::Bytes(bytes) | Item::Answer(bytes) => Act::Send(id, bytes),
                Item::Break => {
                    connection.input.clear();
                    connection.input.is_dead = true;
                    Act::Break(id)
                }
                Item::Close => Act::Close(id),
            });
        }
        let resumes = match connection.is_ended {
            true => connection.input.is_empty(),
            false => connection.is_paused && connection.input.held() <= MAX_INPUT / 2,
        };
        if resumes {
            connection.is_paused = false;
            self.acts.push_back(Act::Resume(id));
        }
        for (lane, from_client) in [
            (&mut connection.input, true),
            (&mut connection.output, false),
        ] {
            let next = lane.next_at();
            if lane.timer != next {
                if let Some(at) = lane.timer {
                    self.timers.remove(&(at, id, from_client));
                }
                lane.timer = next;
                self.timers.extend(next.map(|at| (at, id, from_client)));
            }
        }
    }
}

impl Connection {
    /// Puts an answer to the client on its way, in the place of a packet that `from` has sent.
    fn reply(&mut self, now: Time, takes: Duration, from: Side, bytes: Bytes) {
        match from {
            // It becomes extra when it gets to the other lane.
            Side::Client => self.input.push(now, takes, Item::Answer(bytes)),
            Side::Server => {
                self.extra += bytes.len();
                self.output.push(now, takes, Item::Bytes(bytes));
            }
        }
    }
}

/// Turns one bit: behind the fixed header, so that the packet keeps its type and length, unless
/// there is nothing else.
fn corrupt(packet: &[u8], random: &mut Random) -> Bytes {
    let mut bytes = BytesMut::from(packet);
    let header = crate::mqtt::frame::FixedHeader::parse(packet);
    let header = header.ok().flatten().map_or(0, |header| header.len);
    let start = if header < bytes.len() { header } else { 0 };
    let at = start + random.below(bytes.len() - start);
    let bit = random.below(8);
    if let Some(byte) = bytes.get_mut(at) {
        *byte ^= 1 << bit;
    }
    bytes.freeze()
}
