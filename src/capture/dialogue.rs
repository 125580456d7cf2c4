//! The bytes of one connection: are they MQTT, who is the client, which version, and which packets.

use std::{net::SocketAddr, sync::Arc};

use bytes::Bytes;

use super::{
    detect::{self, Opening},
    follower::{Claim, End, Follower, Lost, Pair},
    packets::{Options, Out},
    record::{CapturedPacket, Gap, Location, Place, Record, Skipped},
};
use crate::mqtt::{PacketType, Side, decode::connect_version};

mod flow;
mod hold;

use flow::{Event, Flow};
use hold::Hold;

/// The port of MQTT over TCP: a hint, never a proof.
const MQTT_PORT: u16 = 1883;

/// What is kept of one direction while it is not known whether it is MQTT.
const WINDOW: usize = 64 * 1024;

/// The same in all streams together; beyond it only the expected ports are still looked at, and
/// [`SMALL_WINDOW`] is kept.
const MAX_UNDECIDED: usize = 8 << 20;
const SMALL_WINDOW: usize = 2 * 1024;

/// Bytes of one direction on any port after which MQTT is not looked for any longer.
const GIVE_UP: u64 = 256 * 1024;

/// A connection, as far as all that follow it must know.
#[derive(Debug, Clone)]
pub(super) struct Connection {
    /// Numbered from 0 in the order of first frames.
    pub(super) stream: u64,
    /// The sender and the receiver of its first frame.
    pub(super) addrs: Pair<SocketAddr>,
    /// What carries the bytes: `tcp`, `tls`, `ws` or `wss`.
    pub(super) transport: &'static str,
    /// Something says that it is MQTT: a sub-protocol that was agreed on.
    pub(super) is_announced: bool,
    pub(super) options: Arc<Options>,
}

impl Connection {
    /// Whether one of its ports is among `ports`.
    pub(super) fn has_port_of(&self, ports: &[u16]) -> bool {
        ports.contains(&self.addrs.first.port()) || ports.contains(&self.addrs.second.port())
    }

    /// The sender and the receiver of what `end` sends.
    pub(super) fn ends(&self, end: End) -> (SocketAddr, SocketAddr) {
        (*self.addrs.get(end), *self.addrs.get(end.other()))
    }
}

/// A connection read as MQTT.
#[derive(Debug)]
pub(super) struct Dialogue {
    connection: Connection,
    verdict: Verdict,
    /// The end that opened the TCP connection.
    opener: Option<End>,
    client: Option<End>,
    hold: Hold,
    flows: Pair<Flow>,
    /// What this stream adds to [`Out::undecided`].
    undecided: usize,
    events: Vec<Event>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Undecided,
    Mqtt,
    NotMqtt,
}

impl Dialogue {
    pub(super) fn new(connection: Connection) -> Dialogue {
        Dialogue {
            verdict: match connection.has_port_of(&connection.options.not_ports) {
                true => Verdict::NotMqtt,
                false => Verdict::Undecided,
            },
            opener: None,
            client: None,
            hold: Hold::new(connection.options.version),
            flows: Pair::default(),
            undecided: 0,
            events: Vec::new(),
            connection,
        }
    }

    fn forced(&self) -> bool {
        self.connection.has_port_of(&self.connection.options.ports)
    }

    fn expected(&self) -> bool {
        self.forced() || self.connection.is_announced || self.connection.has_port_of(&[MQTT_PORT])
    }

    /// Looks for MQTT in what has come so far. `last`: nothing more will come.
    fn decide(&mut self, last: bool, out: &mut Out) {
        let expected = self.expected();
        for end in [End::First, End::Second] {
            let flow = self.flows.get(end);
            if detect::opening(flow.bytes(), expected && flow.from_start) == Opening::Connect {
                self.hold.connecting = true;
                self.accept(Some(end), out);
                return;
            }
        }
        if self.forced() && self.opener.is_some() {
            // The port says that it is MQTT; the first byte only has to be there.
            self.accept(self.opener, out);
            return;
        }
        if !last && self.awaits_connect() {
            return;
        }
        if !last && !self.flows.first.is_scan_due() && !self.flows.second.is_scan_due() {
            return;
        }
        let needed = if expected {
            detect::EXPECTED
        } else {
            detect::ANYWHERE
        };
        let mut evidence = 0;
        for end in [End::First, End::Second] {
            let flow = self.flows.get_mut(end);
            let found = flow.scan(needed, last);
            if flow.refuted && self.opener.is_none_or(|opener| opener == end) {
                self.reject();
                return;
            }
            evidence += found;
        }
        if evidence >= needed || (self.forced() && last) {
            self.accept(None, out);
        } else if last || (!expected && self.flows.first.seen.max(self.flows.second.seen) > GIVE_UP)
        {
            self.reject();
        } else {
            for end in [End::First, End::Second] {
                self.flows.get_mut(end).keep_last(WINDOW);
            }
        }
    }

    /// Whether the first bytes of the end that opened the connection are still to come, in order:
    /// an answer to a CONNECT may be captured before it.
    fn awaits_connect(&self) -> bool {
        let Some(opener) = self.opener else {
            return false;
        };
        let flow = self.flows.get(opener);
        flow.from_start
            && detect::opening(flow.bytes(), self.expected()) == Opening::Unclear
            && self.flows.get(opener.other()).bytes().len() < WINDOW
    }

    /// Keeps the memory of all undecided streams within its bound.
    fn bound(&mut self, out: &mut Out) {
        self.count_undecided(out);
        if out.undecided > MAX_UNDECIDED && self.verdict == Verdict::Undecided {
            if self.expected() {
                self.flows.first.keep_last(SMALL_WINDOW);
                self.flows.second.keep_last(SMALL_WINDOW);
            } else {
                self.reject();
            }
            self.count_undecided(out);
        }
    }

    fn count_undecided(&mut self, out: &mut Out) {
        let now = match self.verdict {
            Verdict::Undecided => self.flows.first.bytes().len() + self.flows.second.bytes().len(),
            Verdict::Mqtt | Verdict::NotMqtt => 0,
        };
        out.undecided = out.undecided + now - self.undecided;
        self.undecided = now;
    }

    fn accept(&mut self, connect_from: Option<End>, out: &mut Out) {
        self.verdict = Verdict::Mqtt;
        out.mqtt_streams += 1;
        self.client = connect_from.or(self.opener);
        for end in [End::First, End::Second] {
            self.flows.get_mut(end).accept(connect_from == Some(end));
        }
        // The client speaks first.
        let first = self.client.unwrap_or(End::First);
        for end in [first, first.other()] {
            self.pump(end, false, out);
        }
    }

    fn reject(&mut self) {
        self.verdict = Verdict::NotMqtt;
        self.flows = Pair::default();
    }

    /// Cuts what has come from `end` into packets.
    fn pump(&mut self, end: End, last: bool, out: &mut Out) {
        let mut events = std::mem::take(&mut self.events);
        let flow = self.flows.get_mut(end);
        flow.pump(self.connection.options.max_packet, last, &mut events);
        for event in events.drain(..) {
            match event {
                Event::Packet {
                    bytes,
                    announced_len,
                    place,
                } => {
                    self.packet(end, bytes, announced_len, place, out);
                }
                Event::Gap {
                    lost,
                    place,
                    resynced_at_frame,
                } => {
                    let gap = Record::Gap(Gap {
                        at: self.at(end, place),
                        lost,
                        resynced_at_frame,
                    });
                    self.record(gap, out);
                }
                Event::Skipped { len, place, reason } => {
                    let skipped = Record::Skipped(Skipped {
                        at: self.at(end, place),
                        len,
                        reason,
                    });
                    self.record(skipped, out);
                }
            }
        }
        self.events = events;
    }

    fn packet(&mut self, end: End, bytes: Bytes, announced: usize, place: Place, out: &mut Out) {
        let kind = PacketType::from_byte1(bytes.first().copied().unwrap_or_default());
        if kind == PacketType::CONNECT {
            self.hold.connecting = false;
            if let Some(version) = connect_version(&bytes) {
                self.client = Some(end);
                self.hold.connect(version);
                self.release(out);
            }
        } else if self.client.is_none() {
            self.client = detect::sender(kind).map(|side| match side {
                Side::Client => end,
                Side::Server => end.other(),
            });
        }
        let (version, version_from) = self.hold.version();
        let packet = Record::Packet(CapturedPacket {
            at: self.at(end, place),
            version,
            version_from,
            bytes,
            announced_len: announced,
        });
        self.record(packet, out);
    }

    fn at(&self, end: End, place: Place) -> Location {
        let (src, dst) = self.connection.ends(end);
        Location {
            frame: place.frame,
            time: place.time,
            stream: self.connection.stream,
            src,
            dst,
            from: self.side(end),
            transport: self.connection.transport,
        }
    }

    fn record(&mut self, record: Record, out: &mut Out) {
        if self.hold.is_settled() {
            out.records.push_back(record);
            return;
        }
        self.hold.push(record);
        if self.hold.is_settled() {
            self.release(out);
        }
    }

    /// Gives out what waited for the version; the client may have become known since.
    fn release(&mut self, out: &mut Out) {
        for mut record in self.hold.release() {
            let at = match &mut record {
                Record::Packet(packet) => &mut packet.at,
                Record::Gap(gap) => &mut gap.at,
                Record::Skipped(skipped) => &mut skipped.at,
                // Only datagrams carry the one, and only TLS the other.
                Record::Message(_) | Record::Sealed(_) => continue,
            };
            at.from = self.side(self.end_of(at.src));
            out.records.push_back(record);
        }
    }

    fn end_of(&self, src: SocketAddr) -> End {
        if src == self.connection.addrs.first {
            End::First
        } else {
            End::Second
        }
    }

    fn side(&self, end: End) -> Option<Side> {
        let by_port = || {
            let is_server = |end| {
                let port = self.connection.addrs.get(end).port();
                port == MQTT_PORT || self.connection.options.ports.contains(&port)
            };
            match (is_server(End::First), is_server(End::Second)) {
                (true, false) => Some(End::Second),
                (false, true) => Some(End::First),
                _ => None,
            }
        };
        self.client
            .or_else(by_port)
            .map(|client| side_of(end, client))
    }
}

fn side_of(end: End, client: End) -> Side {
    if end == client {
        Side::Client
    } else {
        Side::Server
    }
}

impl Follower for Dialogue {
    type Out = Out;

    fn syn(&mut self, end: End, opens: bool, _out: &mut Out) {
        self.opener = Some(if opens { end } else { end.other() });
        let flow = self.flows.get_mut(end);
        flow.from_start = flow.seen == 0 || flow.from_start;
    }

    fn data(&mut self, end: End, bytes: &[u8], place: Place, out: &mut Out) {
        if self.verdict == Verdict::NotMqtt {
            return;
        }
        self.flows.get_mut(end).push(bytes, place);
        match self.verdict {
            Verdict::Undecided => {
                self.decide(false, out);
                self.bound(out);
            }
            Verdict::Mqtt => self.pump(end, false, out),
            Verdict::NotMqtt => {}
        }
    }

    fn gap(&mut self, end: End, lost: Lost, place: Place, out: &mut Out) {
        match self.verdict {
            Verdict::NotMqtt => {}
            Verdict::Undecided => {
                self.flows.get_mut(end).gap_before_anything(lost, place);
                self.decide(false, out);
                self.bound(out);
            }
            Verdict::Mqtt => {
                let mut events = std::mem::take(&mut self.events);
                self.flows.get_mut(end).gap(lost, place, &mut events);
                self.events = events;
                self.pump(end, false, out);
            }
        }
    }

    fn finish(&mut self, out: &mut Out) {
        if self.verdict == Verdict::Undecided {
            self.decide(true, out);
        }
        out.undecided -= self.undecided;
        self.undecided = 0;
        if self.verdict != Verdict::Mqtt {
            return;
        }
        let first = self.client.unwrap_or(End::First);
        for end in [first, first.other()] {
            self.pump(end, true, out);
        }
        self.hold.guess();
        self.release(out);
    }

    fn abandon(&mut self, out: &mut Out) {
        self.reject();
        self.count_undecided(out);
    }

    fn claim(&self) -> Claim {
        match self.verdict {
            Verdict::Undecided => Claim::Open,
            Verdict::Mqtt => Claim::Mine,
            Verdict::NotMqtt => Claim::Not,
        }
    }
}
