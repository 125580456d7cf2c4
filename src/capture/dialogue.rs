//! The bytes of one connection: are they MQTT, who is the client, which version, and which packets.

use std::{collections::VecDeque, net::SocketAddr, sync::Arc};

use bytes::Bytes;

use super::{
    detect::{self, Opening},
    follower::{Claim, End, Follower, Lost, Pair},
    packets::{Options, Out},
    record::{CapturedPacket, Gap, Location, Place, Record, SkipReason, Skipped, Turn, TurnKind},
};
use crate::mqtt::{PacketType, Side, decode::connect_version};

mod flow;
mod hold;
mod proxy;

pub(super) use flow::next_scan;
use flow::{Event, Flow};
use hold::Hold;
use proxy::Header;

/// The port of MQTT over TCP: a hint, never a proof.
const MQTT_PORT: u16 = 1883;

/// What is kept of one direction while it is not known whether it is MQTT.
const WINDOW: usize = 64 * 1024;

/// The same in all streams together; beyond it only the expected ports are still looked at, and
/// [`SMALL_WINDOW`] is kept.
pub(super) const MAX_UNDECIDED: usize = 8 << 20;
const SMALL_WINDOW: usize = 2 * 1024;

/// Bytes of one direction after which MQTT is only looked for at the beginning of segments, which
/// costs next to nothing.
const LOOK_LESS: u64 = 256 * 1024;

/// What is remembered of what happened to a connection while it is not known whether it is MQTT.
const MAX_TURNS: usize = 256;

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
    /// A header of the PROXY protocol was in front.
    is_behind_proxy: bool,
    hold: Hold,
    flows: Pair<Flow>,
    /// What this stream adds to [`Out::undecided`].
    undecided: usize,
    /// What each end adds to [`Out::unfinished`].
    unfinished: Pair<usize>,
    events: Vec<Event>,
    /// What happened to the connection before it was known to be MQTT.
    turns: VecDeque<(End, TurnKind, Place)>,
    /// The last frame with something of this connection.
    last: Place,
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
            is_behind_proxy: false,
            hold: Hold::new(connection.options.version),
            flows: Pair::default(),
            undecided: 0,
            unfinished: Pair::default(),
            events: Vec::new(),
            turns: VecDeque::new(),
            last: Place::default(),
            connection,
        }
    }

    /// The bytes turned out to be announced as MQTT, see [`Connection::is_announced`].
    pub(super) fn announce(&mut self) {
        self.connection.is_announced = true;
    }

    /// `end` opened the connection. Unlike [`syn`](Follower::syn), this says nothing of where its
    /// bytes begin.
    pub(super) fn opened_by(&mut self, end: End) {
        self.opener = self.opener.or(Some(end));
    }

    /// `len` bytes that `end` sent, and that are in the capture, cannot be had. To be called where
    /// a stream begins, or behind a gap.
    pub(super) fn skipped(&mut self, end: End, len: u64, place: Place, reason: SkipReason) {
        if self.verdict != Verdict::NotMqtt {
            self.flows.get_mut(end).skipped(len, place, reason);
        }
    }

    /// See [`announce`](Self::announce).
    pub(super) fn is_announced(&self) -> bool {
        self.connection.is_announced
    }

    /// Whether there is anything to decide on or to put out.
    pub(super) fn has_begun(&self) -> bool {
        self.verdict == Verdict::Mqtt || self.flows.first.seen > 0 || self.flows.second.seen > 0
    }

    fn forced(&self) -> bool {
        self.connection.is_announced || self.connection.has_port_of(&self.connection.options.ports)
    }

    fn expected(&self) -> bool {
        self.forced() || self.connection.has_port_of(&[MQTT_PORT])
    }

    /// Looks for MQTT in what has come so far. `last`: nothing more will come.
    fn decide(&mut self, last: bool, out: &mut Out) {
        if let Some(opener) = self.opener
            && !self.is_behind_proxy
        {
            let flow = self.flows.get_mut(opener);
            match proxy::header(flow.bytes()) {
                Header::Len(len) if flow.from_start => {
                    self.is_behind_proxy = true;
                    flow.skip_header(len, SkipReason::ProxyHeader);
                }
                Header::Unclear if flow.from_start && !flow.bytes().is_empty() && !last => return,
                _ => {}
            }
        }
        let expected = self.expected();
        for end in [End::First, End::Second] {
            let flow = self.flows.get(end);
            if detect::opening(flow.bytes(), expected && flow.from_start) == Opening::Connect {
                self.hold.connecting = true;
                self.accept(Some(end), out);
                return;
            }
        }
        if !last && self.awaits_connect() {
            return;
        }
        if self.forced() && self.opener.is_some() {
            // It is MQTT for sure; the first byte only has to be there.
            let first = self.opener.filter(|end| self.flows.get(*end).from_start);
            self.accept(first, out);
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
        for end in End::BOTH {
            let flow = self.flows.get_mut(end);
            let found = flow.scan(needed, last);
            if flow.refuted && self.opener.is_none_or(|opener| opener == end) {
                self.reject();
                return;
            }
            evidence += found;
        }
        let flows = [&self.flows.first, &self.flows.second];
        let is_found = last && expected && flows.iter().any(|flow| flow.has_boundary());
        if evidence >= needed && !last && self.is_suspected(out) {
            // What it is wrapped in, if it is, will show.
            self.keep_last(WINDOW);
        } else if evidence >= needed || is_found || (self.forced() && last) {
            self.accept(None, out);
        } else if last {
            self.reject();
        } else {
            self.keep_last(WINDOW);
            for end in End::BOTH {
                let flow = self.flows.get_mut(end);
                if flow.seen > LOOK_LESS {
                    flow.look_less();
                }
            }
        }
    }

    fn keep_last(&mut self, window: usize) {
        for end in End::BOTH {
            self.flows.get_mut(end).keep_last(window);
        }
    }

    /// Whether what was found begins where it may be wrapped in something.
    fn is_suspected(&self, out: &Out) -> bool {
        End::BOTH.into_iter().any(|end| {
            let found = self.flows.get(end).found();
            found.is_some_and(|found| found <= *out.suspected.get(end))
        })
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

    /// Whether `end` begins with what can only be a CONNECT here, of which the capture has but the
    /// first bytes.
    fn is_cut_connect(&self, end: End) -> bool {
        let flow = self.flows.get(end);
        self.expected()
            && flow.from_start
            && self.opener.is_none_or(|opener| opener == end)
            && flow.bytes().len() > 1
            && detect::opening(flow.bytes(), true) == Opening::Unclear
    }

    /// Keeps the memory of all undecided streams within its bound.
    fn bound(&mut self, out: &mut Out) {
        self.count_undecided(out);
        if out.undecided > MAX_UNDECIDED && self.verdict == Verdict::Undecided {
            if self.expected() {
                self.keep_last(SMALL_WINDOW);
            } else {
                self.reject();
            }
            self.count_undecided(out);
        }
    }

    fn count_undecided(&mut self, out: &mut Out) {
        let now = match self.verdict {
            Verdict::Undecided => self.flows.first.kept() + self.flows.second.kept(),
            Verdict::Mqtt | Verdict::NotMqtt => 0,
        };
        out.undecided = out.undecided + now - self.undecided;
        self.undecided = now;
    }

    fn accept(&mut self, connect_from: Option<End>, out: &mut Out) {
        self.verdict = Verdict::Mqtt;
        out.mqtt_streams += 1;
        self.client = connect_from.or(self.opener);
        let opened = Pair {
            first: self.flows.first.first_place(),
            second: self.flows.second.first_place(),
        };
        let limit = self.connection.options.max_packet;
        let mut found = Pair::<Vec<Event>>::default();
        for end in End::BOTH {
            let connect = connect_from == Some(end);
            let events = found.get_mut(end);
            self.flows.get_mut(end).accept(connect, limit, events);
        }
        let first = self.client.unwrap_or(End::First);
        for end in [first, first.other()] {
            let flow = self.flows.get(end);
            if flow.from_start {
                self.turn(end, TurnKind::Opened, opened.get(end).to_owned(), out);
            }
        }
        for (end, kind, place) in std::mem::take(&mut self.turns) {
            self.turn(end, kind, place, out);
        }
        self.merge(found, out);
    }

    /// Takes in what both ends sent, in the order of the frames.
    fn merge(&mut self, found: Pair<Vec<Event>>, out: &mut Out) {
        let mut first = found.first.into_iter().peekable();
        let mut second = found.second.into_iter().peekable();
        loop {
            let end = match (first.peek(), second.peek()) {
                (None, None) => return,
                (Some(a), Some(b)) if b.frame() < a.frame() => End::Second,
                (Some(_), _) => End::First,
                (None, Some(_)) => End::Second,
            };
            let next = match end {
                End::First => first.next(),
                End::Second => second.next(),
            };
            if let Some(event) = next {
                self.event(end, event, out);
            }
        }
    }

    fn reject(&mut self) {
        self.verdict = Verdict::NotMqtt;
        self.flows = Pair::default();
        self.turns = VecDeque::new();
    }

    /// Cuts what has come from `end` into packets.
    fn pump(&mut self, end: End, last: bool, out: &mut Out) {
        let mut events = std::mem::take(&mut self.events);
        let flow = self.flows.get_mut(end);
        let options = &self.connection.options;
        flow.pump(options.max_packet, last, &mut events);
        let unfinished = self.unfinished.get_mut(end);
        out.unfinished -= *unfinished;
        if out.unfinished + flow.kept() > options.max_unfinished {
            flow.pump(flow.kept(), last, &mut events);
        }
        *unfinished = flow.kept();
        out.unfinished += *unfinished;
        for event in events.drain(..) {
            self.event(end, event, out);
        }
        self.events = events;
    }

    fn event(&mut self, end: End, event: Event, out: &mut Out) {
        match event {
            Event::Packet {
                bytes,
                announced_len,
                place,
            } => self.packet(end, bytes, announced_len, place, out),
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
        if bytes.len() == announced {
            self.hold.watch(&bytes, self.side(end));
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

    /// Something happens to the connection.
    pub(super) fn turn(&mut self, end: End, kind: TurnKind, place: Place, out: &mut Out) {
        if !self.connection.options.turns {
            return;
        }
        match self.verdict {
            Verdict::Mqtt => {
                let at = self.at(end, place);
                self.record(Record::Turn(Turn { at, kind }), out);
            }
            Verdict::Undecided => {
                if self.turns.len() >= MAX_TURNS {
                    self.turns.pop_front();
                }
                self.turns.push_back((end, kind, place));
            }
            Verdict::NotMqtt => {}
        }
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

    #[inline]
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
                Record::Turn(turn) => &mut turn.at,
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

    fn syn(&mut self, end: End, opens: bool, out: &mut Out) {
        self.opener = Some(if opens { end } else { end.other() });
        let flow = self.flows.get_mut(end);
        flow.from_start = flow.seen == 0 || flow.from_start;
        if flow.from_start && self.verdict == Verdict::Mqtt {
            self.turn(end, TurnKind::Opened, self.last, out);
        }
    }

    fn data(&mut self, end: End, bytes: &[u8], place: Place, out: &mut Out) {
        if self.verdict == Verdict::NotMqtt {
            return;
        }
        self.last = place;
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
                if self.is_cut_connect(end) {
                    self.accept(Some(end), out);
                    self.gap(end, lost, place, out);
                    return;
                }
                self.flows.get_mut(end).gap_while_undecided(lost, place);
                for (of, kind, _) in &mut self.turns {
                    if *of == end && *kind == TurnKind::Acknowledged {
                        *kind = TurnKind::Lost;
                    }
                }
                self.decide(false, out);
                self.bound(out);
            }
            Verdict::Mqtt => {
                let mut events = std::mem::take(&mut self.events);
                let limit = self.connection.options.max_packet;
                self.flows.get_mut(end).gap(lost, place, limit, &mut events);
                self.events = events;
                self.pump(end, false, out);
            }
        }
    }

    fn ended(&mut self, end: End, is_reset: bool, place: Place, out: &mut Out) {
        self.last = place;
        let kind = match is_reset {
            true => TurnKind::Reset,
            false => TurnKind::Finished,
        };
        self.turn(end, kind, place, out);
    }

    fn acknowledged(&mut self, end: End, place: Place, out: &mut Out) {
        self.turn(end, TurnKind::Acknowledged, place, out);
    }

    fn late(&mut self, end: End, place: Place, out: &mut Out) {
        self.turn(end, TurnKind::Late, place, out);
    }

    fn finish(&mut self, out: &mut Out) {
        if self.verdict == Verdict::Undecided {
            self.decide(true, out);
        }
        out.undecided -= self.undecided;
        self.undecided = 0;
        for end in End::BOTH {
            out.unfinished -= std::mem::take(self.unfinished.get_mut(end));
        }
        if self.verdict != Verdict::Mqtt {
            return;
        }
        let limit = self.connection.options.max_packet;
        let mut found = Pair::<Vec<Event>>::default();
        for end in End::BOTH {
            let events = found.get_mut(end);
            self.flows.get_mut(end).pump(limit, true, events);
        }
        self.merge(found, out);
        let first = self.client.unwrap_or(End::First);
        self.turn(first, TurnKind::Over, self.last, out);
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
