//! What a conversation must keep to, beyond what each packet must: the session tracker.
//!
//! It takes decoded packets with their sender, time and frame, what a capture says of lost bytes and
//! of the begin and end of connections, and gives [`Finding`]s. No I/O, no clock: time is a
//! parameter.
//!
//! Nobody is blamed for what was not seen. Everything that is known is known since some moment: the
//! begin of the connection or session, or the last gap. A check that needs more stays silent.
//!
//! | file | what it holds |
//! |---|---|
//! | `finding` | a finding, and how it is made |
//! | `connection` | one connection: which check sees which packet |
//! | `handshake` | CONNECT, CONNACK, AUTH, DISCONNECT and what they promise |
//! | `limits` | sizes, topic aliases, and what CONNACK rules out |
//! | `outbox` | packet identifiers that one side uses, and the QoS 1 and 2 exchanges |
//! | `order` | acknowledgments in their order |
//! | `requests` | SUBSCRIBE, UNSUBSCRIBE, PINGREQ and their answers |
//! | `subscriptions` | what a client is subscribed to |
//! | `delivery` | messages from the server against the subscriptions |
//! | `keep_alive` | silence |
//! | `sessions` | what outlives a connection, by client identifier |
//! | `traffic` | messages that went to a server, to judge what comes out |
//! | `websocket` | what the layer below saw |

mod connection;
mod delivery;
mod finding;
mod handshake;
mod keep_alive;
mod limits;
mod order;
mod outbox;
mod requests;
mod sessions;
mod subscriptions;
mod traffic;
mod websocket;

use std::collections::VecDeque;

use rustc_hash::FxHashMap;

use super::decode::{Context, Field, Sink, decode};
use super::packet_type::PacketType;
use super::property::Value;
use super::rule::{Rule, Severity, Violation};
use super::version::{Side, Version};
use connection::{Connection, Ending, LeftOpen};
pub use finding::Finding;
use finding::Report;
use sessions::Sessions;
use traffic::Traffic;
pub use websocket::WebSocketFault;

/// Connections that are tracked at once; of more nothing is found but what single packets show.
const MAX_CONNECTIONS: usize = 1 << 15;

/// Servers that are told apart.
const MAX_SERVERS: usize = 1 << 10;

/// Bytes, about, of what is remembered of all connections. When it is reached, the connection that
/// needs more forgets what it knows.
const MAX_WEIGHT: usize = 8 << 20;

/// The same for what connections share: sessions and messages. The server that needs more is
/// forgotten.
const MAX_SHARED: usize = 8 << 20;

/// Connections of which it is said at the end that they were left open; no more are.
const MAX_LEFT_OPEN: usize = 1 << 12;

/// Nanoseconds after which an answer that has not come is missed.
const PATIENCE: i64 = 5_000_000_000;

/// Nanoseconds that a server has to end a connection that another one has taken over, that it has
/// refused, or in which something went wrong.
const TIME_TO_CLOSE: i64 = 2_000_000_000;

/// Where and when something was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct At {
    /// The connection.
    pub stream: u64,
    /// The frame; any number that tells the reader where to look.
    pub frame: u64,
    /// Nanoseconds since any moment, the same for all connections; `None` if not known.
    pub time: Option<i64>,
    /// A number for the server's address: connections to the same server share sessions. 0 if it
    /// is not known.
    pub server: u64,
}

impl At {
    /// Nanoseconds since `earlier`, if both moments are known.
    fn since(&self, earlier: Option<i64>) -> Option<i64> {
        Some(self.time?.saturating_sub(earlier?))
    }
}

/// A packet, and what is known of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Input<'a> {
    /// Where it was seen.
    pub at: At,
    /// The packet, fixed header included, or the first part of it.
    pub bytes: &'a [u8],
    /// Its whole length in bytes.
    pub announced_len: usize,
    /// Its version and its sender.
    pub context: Context,
}

/// Finds what is wrong with the packets of many connections, each alone and all together.
#[derive(Debug, Default)]
pub struct Tracker {
    connections: FxHashMap<u64, Box<Connection>>,
    servers: FxHashMap<u64, Server>,
    findings: VecDeque<Finding>,
    /// Of the connections.
    weight: usize,
    /// Of what they share.
    shared: usize,
    /// The latest moment of all.
    now: Option<i64>,
    /// Connections that were taken over, and that nothing ended.
    left_open: Vec<LeftOpen>,
}

/// What connections to the same server share.
#[derive(Debug, Default)]
struct Server {
    sessions: Sessions,
    traffic: Traffic,
}

impl Server {
    /// Bytes that it takes, about.
    fn weight(&self) -> usize {
        self.sessions.weight() + self.traffic.weight()
    }

    fn drop_memory(&mut self) {
        self.sessions.drop_memory();
        self.traffic = Traffic::default();
    }
}

impl Tracker {
    /// Nothing has been seen yet.
    pub fn new() -> Tracker {
        Tracker::default()
    }

    /// What was found and not taken yet, in the order in which it was found.
    pub fn next_finding(&mut self) -> Option<Finding> {
        self.findings.pop_front()
    }

    /// A connection of a capture: what was sent before the first packets is not known, unless
    /// [`opened`](Self::opened) says so. Without either call, a connection that begins with CONNECT
    /// is taken to be all there.
    pub fn captured(&mut self, at: At) {
        self.with(at, |connection, _, _| connection.captured());
    }

    /// What `from` sends is known from the first byte on; `None`: what both send.
    pub fn opened(&mut self, at: At, from: Option<Side>) {
        self.with(at, |connection, _, _| connection.opened(from));
    }

    /// A packet.
    pub fn packet(&mut self, input: &Input<'_>) {
        let Input {
            at,
            bytes,
            announced_len,
            context,
        } = *input;
        let mut faults = Faults::default();
        let packet = decode(bytes, context, &mut faults);
        let version = match (&packet, faults.0.first()) {
            // CONNECT is read as the version that it brings.
            (Ok(super::Packet::Connect(connect)), _) => connect.version,
            (_, Some(fault)) => fault.version,
            _ => context.version,
        };
        let is_error = |fault: &Violation| {
            fault.severity() == Severity::Error && fault.rule != Rule::Incomplete
        };
        let has_faults = faults.0.iter().any(is_error);
        for fault in faults.0 {
            // What a capture cut off is no fault of the sender.
            if fault.rule != Rule::Incomplete {
                self.findings
                    .push_back(Finding::of_packet(&fault, at, context.from));
            }
        }
        let byte1 = bytes.first().copied().unwrap_or_default();
        let Some(from) = context.from else {
            self.with(at, |connection, server, out| {
                let mut report = Report::new(at, version, None, out);
                connection.of_nobody(PacketType::from_byte1(byte1), &mut report);
                server.sessions.seen_in_part();
            });
            return;
        };
        let is_accepted = self.with(at, |connection, server, out| {
            connection.has_version(version, out);
            let mut report = Report::new(at, version, Some(from), out);
            connection.packet(
                connection::Seen {
                    from,
                    byte1,
                    len: announced_len,
                    is_cut: bytes.len() < announced_len,
                    has_faults,
                    packet: packet.as_ref().ok(),
                },
                server,
                &mut report,
            )
        });
        if is_accepted == Some(true) {
            self.accepted(at, version);
        }
    }

    /// Bytes that `from` sent were not seen; `None`: of either side.
    pub fn lost(&mut self, at: At, from: Option<Side>) {
        self.with(at, |connection, server, _| {
            connection.missed();
            for side in [Side::Client, Side::Server] {
                if from.is_none_or(|from| from == side) {
                    connection.forget(side);
                }
            }
            server.sessions.seen_in_part();
        });
    }

    /// `by` ended the connection, having sent everything (FIN). What it sent before may still follow.
    pub fn ended(&mut self, at: At, by: Option<Side>) {
        self.end(at, by, true);
    }

    /// `by` broke the connection off (RST): what it had to send may never have left it.
    pub fn broken_off(&mut self, at: At, by: Option<Side>) {
        self.end(at, by, false);
    }

    fn end(&mut self, at: At, by: Option<Side>, is_orderly: bool) {
        self.with(at, |connection, _, out| {
            let mut report = Report::new(at, connection.version(), by, out);
            connection.ended(Ending { by, is_orderly }, &mut report);
        });
    }

    /// Nothing more comes of the connection, whether it ended or the capture did.
    pub fn over(&mut self, at: At) {
        let Some(mut connection) = self.connections.remove(&at.stream) else {
            return;
        };
        self.weight = self.weight.saturating_sub(connection.weight());
        let version = connection.version();
        let from = Some(Side::Server);
        let mut report = Report::new(at, version, from, &mut self.findings);
        connection.over(&mut report);
        let left_open = connection.left_open();
        let server = self.servers.entry(at.server).or_default();
        let shared = server.weight();
        // Another connection has the session already, or may still get it.
        match left_open {
            Some(open) if open.is_taken_over() => self.left_open.push(open),
            Some(open) => server
                .sessions
                .leave_open(connection.client_id(), at.stream, open),
            None => {}
        }
        if let Some((client_id, session)) = connection.into_session(at.time) {
            server.sessions.leave(&client_id, at.stream, session);
        }
        self.left_open.truncate(MAX_LEFT_OPEN);
        self.shared = (self.shared + server.weight()).saturating_sub(shared);
    }

    /// `from` did something wrong below MQTT, of which the WebSocket layer tells. It is found when
    /// the version of the connection is known.
    pub fn websocket(&mut self, at: At, from: Side, fault: WebSocketFault) {
        self.with(at, |connection, _, out| {
            connection.websocket(at, from, fault, out)
        });
    }

    /// Everything is over: all connections that are left, in the order of their numbers. The
    /// moment and the frame of each are those of its last packet.
    pub fn finish(&mut self) {
        let mut left: Vec<At> = self.connections.values().map(|c| c.last()).collect();
        left.sort_unstable_by_key(|at| at.stream);
        for at in left {
            self.over(at);
        }
        for open in std::mem::take(&mut self.left_open) {
            open.report(self.now, &mut self.findings);
        }
    }

    /// Lets something happen to a connection, and keeps memory within its bounds.
    fn with<T>(
        &mut self,
        at: At,
        happen: impl FnOnce(&mut Connection, &mut Server, &mut VecDeque<Finding>) -> T,
    ) -> Option<T> {
        if self.connections.len() >= MAX_CONNECTIONS && !self.connections.contains_key(&at.stream) {
            return None;
        }
        if self.servers.len() >= MAX_SERVERS && !self.servers.contains_key(&at.server) {
            self.servers.clear();
            self.shared = 0;
        }
        let connection = self.connections.entry(at.stream).or_default();
        let server = self.servers.entry(at.server).or_default();
        let before = connection.weight();
        let shared = server.weight();
        self.now = self.now.max(at.time);
        connection.saw(at);
        let result = happen(connection, server, &mut self.findings);
        self.shared = (self.shared + server.weight()).saturating_sub(shared);
        if self.shared > MAX_SHARED {
            let before = server.weight();
            server.drop_memory();
            self.shared = (self.shared + server.weight()).saturating_sub(before);
        }
        self.weight = (self.weight + connection.weight()).saturating_sub(before);
        if self.weight > MAX_WEIGHT {
            let before = connection.weight();
            connection.drop_memory();
            self.weight = (self.weight + connection.weight()).saturating_sub(before);
        }
        Some(result)
    }

    /// A CONNACK has accepted a client: what is left of its session, and of its other connection?
    fn accepted(&mut self, at: At, version: Version) {
        let Some(mut connection) = self.connections.remove(&at.stream) else {
            return;
        };
        let before = connection.weight();
        let server = self.servers.entry(at.server).or_default();
        let shared = server.weight();
        let client_id = connection.client_id().to_owned();
        let has_name = !client_id.is_empty();
        if let Some(other) = server.sessions.live(&client_id)
            && has_name
            && other != at.stream
            && let Some(old) = self.connections.get_mut(&other)
        {
            let weight = old.weight();
            old.taken_over(at);
            server
                .sessions
                .leave(&client_id, other, old.take_session(at.time));
            self.weight = (self.weight + old.weight()).saturating_sub(weight);
        }
        if has_name && let Some(open) = server.sessions.was_left_open(&client_id) {
            self.left_open.push(open.taken_over(at));
            self.left_open.truncate(MAX_LEFT_OPEN);
        }
        let past = match has_name {
            true => server.sessions.enter(&client_id, at.stream, at.time),
            false => sessions::Past::Unknown,
        };
        self.shared = (self.shared + server.weight()).saturating_sub(shared);
        let from = Some(Side::Server);
        let mut report = Report::new(at, version, from, &mut self.findings);
        connection.resume(past, &mut report);
        self.weight = (self.weight + connection.weight()).saturating_sub(before);
        self.connections.insert(at.stream, connection);
    }
}

/// A sink that keeps what is wrong, and no fields.
#[derive(Debug, Default)]
struct Faults(Vec<Violation>);

impl<'a> Sink<'a> for Faults {
    // Where a packet is cut, what there is of it is read all the same.
    const RECORDS: bool = true;

    fn field(&mut self, _: Field, _: usize, _: usize, _: Value<'a>) {}

    fn violation(&mut self, violation: Violation) -> Result<(), Violation> {
        self.0.push(violation);
        Ok(())
    }
}
