//! A connection read as TLS 1.2 or 1.3: finds its records, opens them with the secrets of a key
//! log, and gives the application data to another reading (RFC 8446, RFC 5246).
//!
//! What belongs here: the order of things, and what to do when something is missing: secrets, the
//! hellos, bytes. What does not: how a record is cut, a hello read or a record opened; these have
//! rooms of their own.
//!
//! Only what has authenticated is passed on. What cannot be opened yet is held, within limits: the
//! key log of a live capture may lag behind it, and the hello of the other direction may be captured
//! late.

use std::collections::VecDeque;

use super::{
    contest::{self, Contest},
    dialogue::Connection,
    follower::{Claim, End, Follower, Lost, Pair},
    packets::Out,
    record::{Place, SealReason},
};
use crate::mqtt::Side;

mod cipher;
mod handshake;
mod hello;
mod lane;
mod reading;
mod record;
mod records;
mod schedule;
mod secrets;
mod session;
mod suite;
mod waiting;

pub(super) use lane::Budget;
pub(super) use secrets::Secrets;
pub use suite::{CipherSuite, TlsVersion};
pub(super) use waiting::{Parked, end_parked, resume};

use hello::Opening;
use lane::Lane;
use records::{Piece, Records};
use session::Session;
use waiting::{MAX_HELD_TOTAL, Wait};

/// What the packets inside are said to be carried by.
const TRANSPORT: &str = "tls";

/// A connection read as TLS.
#[derive(Debug)]
pub(super) struct Tls {
    connection: Connection,
    stage: Stage,
    client: Option<End>,
    session: Session,
    ways: Pair<Way>,
    /// Counts what is held, so that the two directions keep their order.
    ticket: u64,
    /// Memory that what is held takes.
    held: usize,
    /// What this connection adds to [`Out::held`].
    counted: usize,
    /// The version of the secrets with which opening was tried last.
    secrets_seen: u64,
    /// What is held may go on now.
    has_news: bool,
    is_draining: bool,
    /// Nothing more comes.
    is_last: bool,
    /// And no secrets either.
    is_final: bool,
    /// It has been said that something cannot be read.
    is_told: bool,
    last: Place,
    /// Reads what is inside.
    inner: Option<Contest>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Is it TLS?
    Open,
    /// It is.
    Tls,
    /// It is, and there is nothing more to be done.
    Over,
    NotTls,
}

/// One direction.
#[derive(Debug)]
struct Way {
    records: Records,
    lane: Lane,
    /// With the numbers in the order of which they came.
    held: VecDeque<(u64, Piece)>,
    /// Why the first that is held cannot go on.
    wait: Option<Wait>,
    /// It is not read any longer.
    is_dead: bool,
}

impl Tls {
    pub(super) fn new(connection: Connection) -> Tls {
        Tls {
            stage: match connection.has_port_of(&connection.options.not_ports) {
                true => Stage::NotTls,
                false => Stage::Open,
            },
            connection,
            client: None,
            session: Session::default(),
            ways: Pair::default(),
            ticket: 0,
            held: 0,
            counted: 0,
            secrets_seen: 0,
            has_news: false,
            is_draining: false,
            is_last: false,
            is_final: false,
            is_told: false,
            last: Place::default(),
            inner: None,
        }
    }

    /// Looks for a hello, or in a capture that begins later, for records.
    fn decide(&mut self, out: &mut Out) {
        for end in End::BOTH {
            let records = &mut self.ways.get_mut(end).records;
            match hello::opening(records.bytes()) {
                Opening::Hello => return self.accept(end, out),
                Opening::Unclear => {}
                Opening::Other if records.from_start => return self.reject(out),
                Opening::Other => match records.is_chain() {
                    Some(true) => {
                        self.tell(SealReason::NoHandshake, self.last, out);
                        return self.end(out);
                    }
                    Some(false) => return self.reject(out),
                    None => {}
                },
            }
        }
        self.count_held(out);
        if out.held > MAX_HELD_TOTAL {
            self.reject(out);
        }
    }

    /// `end` has begun with a hello.
    fn accept(&mut self, end: End, out: &mut Out) {
        self.stage = Stage::Tls;
        let client = match hello::is_server(self.ways.get(end).records.bytes()) {
            true => end.other(),
            false => end,
        };
        self.client = Some(client);
        self.ways.get_mut(client).lane = Lane::new(Side::Client);
        for end in [client, client.other()] {
            let records = &mut self.ways.get_mut(end).records;
            if hello::opening(records.bytes()) == Opening::Other {
                records.search();
            }
            self.pump(end, false, out);
        }
    }

    fn reject(&mut self, out: &mut Out) {
        self.end(out);
        self.stage = Stage::NotTls;
    }

    /// There is nothing more to be done: frees everything.
    fn end(&mut self, out: &mut Out) {
        self.stage = Stage::Over;
        self.ways = Pair::default();
        self.inner = None;
        self.count_held(out);
    }

    fn count_held(&mut self, out: &mut Out) {
        let now = match self.stage {
            Stage::Open => End::BOTH
                .map(|end| self.ways.get(end).records.bytes().len())
                .iter()
                .sum(),
            Stage::Tls => self.held,
            Stage::Over | Stage::NotTls => 0,
        };
        out.held = out.held + now - self.counted;
        self.counted = now;
    }

    fn side(&self, end: End) -> Side {
        match self.client == Some(end) {
            true => Side::Client,
            false => Side::Server,
        }
    }

    /// Cuts what has come from `end` into records and reads them.
    fn pump(&mut self, end: End, last: bool, out: &mut Out) {
        while self.stage == Stage::Tls
            && !self.ways.get(end).is_dead
            && let Some(piece) = self.ways.get_mut(end).records.next(last)
        {
            self.take(end, piece, out);
        }
    }

    /// Passes application data on.
    fn deliver(&mut self, end: End, bytes: &[u8], place: Place, out: &mut Out) {
        if bytes.is_empty() {
            return;
        }
        let client = self.client.unwrap_or(End::First);
        let inner = self.inner.get_or_insert_with(|| {
            let mut inner = contest::of_tls(Connection {
                transport: TRANSPORT,
                is_announced: self.connection.is_announced || self.session.is_announced(),
                ..self.connection.clone()
            });
            inner.syn(client, true, out);
            inner.syn(client.other(), false, out);
            inner
        });
        if let Some((lost, place)) = self.ways.get_mut(end).lane.take_untold() {
            inner.gap(end, Lost::wrapped(lost), place, out);
        }
        inner.data(end, bytes, place, out);
        if inner.claim() == Claim::Not {
            self.end(out);
        }
    }
}

impl Default for Way {
    fn default() -> Way {
        Way {
            records: Records::default(),
            lane: Lane::new(Side::Server),
            held: VecDeque::new(),
            wait: None,
            is_dead: false,
        }
    }
}

impl Follower for Tls {
    type Out = Out;

    fn syn(&mut self, end: End, _opens: bool, _out: &mut Out) {
        let records = &mut self.ways.get_mut(end).records;
        records.from_start = records.bytes().is_empty() || records.from_start;
    }

    fn data(&mut self, end: End, bytes: &[u8], place: Place, out: &mut Out) {
        self.last = place;
        match self.stage {
            Stage::Open => {
                self.ways.get_mut(end).records.push(bytes, place);
                self.decide(out);
            }
            Stage::Tls if self.ways.get(end).is_dead => {}
            Stage::Tls => {
                self.look_for_secrets(out);
                if self.stage == Stage::Tls {
                    self.ways.get_mut(end).records.push(bytes, place);
                    self.pump(end, false, out);
                }
            }
            Stage::Over | Stage::NotTls => {}
        }
    }

    fn gap(&mut self, end: End, lost: Lost, place: Place, out: &mut Out) {
        self.last = place;
        let way = self.ways.get_mut(end);
        match self.stage {
            Stage::Open => {
                way.records.gap(lost);
                self.count_held(out);
            }
            Stage::Tls if way.is_dead => {}
            Stage::Tls => {
                self.read_front(end);
                let way = self.ways.get_mut(end);
                let bytes = way.records.gap(lost);
                self.take(end, Piece::Lost { bytes, place }, out);
            }
            Stage::Over | Stage::NotTls => {}
        }
    }

    fn ended(&mut self, end: End, is_reset: bool, place: Place, out: &mut Out) {
        if let Some(inner) = &mut self.inner {
            inner.ended(end, is_reset, place, out);
        }
    }

    fn acknowledged(&mut self, end: End, place: Place, out: &mut Out) {
        if let Some(inner) = &mut self.inner {
            inner.acknowledged(end, place, out);
        }
    }

    fn late(&mut self, end: End, place: Place, out: &mut Out) {
        if let Some(inner) = &mut self.inner {
            inner.late(end, place, out);
        }
    }

    fn finish(&mut self, out: &mut Out) {
        let client = self.client.unwrap_or(End::First);
        let both = [client, client.other()];
        self.is_last = true;
        for end in both {
            self.pump(end, true, out);
        }
        self.look_for_secrets(out);
        self.has_news = true;
        self.drain(out);
        let waits = |end: &End| self.ways.get(*end).wait == Some(Wait::Secrets);
        if both.iter().any(waits) && !self.is_final && out.secrets.may_grow() {
            return self.park(out);
        }
        if self.stage == Stage::Tls {
            for end in both {
                self.give_up_waiting(end, out);
            }
        }
        if self.stage == Stage::Tls {
            let is_wrong = |end: &End| {
                let lane = &self.ways.get(*end).lane;
                lane.opened == 0 && lane.failed > 0
            };
            if both.iter().any(is_wrong) {
                self.tell(SealReason::KeysDoNotFit, self.last, out);
            }
            if let Some(mut inner) = self.inner.take() {
                for end in both {
                    let lost = self.ways.get_mut(end).lane.take_all_untold();
                    if let Some((lost, place)) = lost {
                        inner.gap(end, Lost::wrapped(lost), place, out);
                    }
                }
                inner.finish(out);
            }
        }
        let is_tls = self.claim() == Claim::Mine;
        self.end(out);
        if !is_tls {
            self.stage = Stage::NotTls;
        }
    }

    fn abandon(&mut self, out: &mut Out) {
        if let Some(inner) = &mut self.inner {
            inner.abandon(out);
        }
        self.end(out);
    }

    fn claim(&self) -> Claim {
        match self.stage {
            Stage::Open => Claim::Open,
            Stage::Tls | Stage::Over => Claim::Mine,
            Stage::NotTls => Claim::Not,
        }
    }
}
