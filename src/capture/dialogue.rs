//! The bytes of one connection: are they MQTT, who is the client, which version, and which packets.

use std::collections::VecDeque;

use super::{
    follower::{Claim, End, Follower, Lost, Pair},
    packets::Out,
    record::{Place, SkipReason, TurnKind},
};

mod connection;
mod deciding;
mod flow;
mod hold;
mod proxy;
mod records;

pub(super) use connection::Connection;
pub(super) use deciding::MAX_UNDECIDED;
pub(super) use flow::next_scan;
use flow::{Event, Flow};
use hold::Hold;

/// The port of MQTT over TCP: a hint, never a proof.
const MQTT_PORT: u16 = 1883;

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
    /// The server has sent a packet.
    is_answered: bool,
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
            is_answered: false,
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
