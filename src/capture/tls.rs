//! A connection read as TLS 1.2 or 1.3: finds its records, opens them with the secrets of a key
//! log, and gives the application data to another reading (RFC 8446, RFC 5246).
//!
//! What belongs here: the order of things, and what to do when something is missing: secrets, the
//! hellos, bytes. What does not: how a record is cut, a hello read or a record opened; these have
//! rooms of their own.
//!
//! Only what has authenticated is passed on. What cannot be opened yet is held, within
//! [`MAX_HELD`]: the key log of a live capture may lag behind it, and the hello of the other
//! direction may be captured late.

use std::collections::VecDeque;

use bytes::Bytes;

use super::{
    contest::{self, Contest},
    dialogue::Connection,
    follower::{Claim, End, Follower, Lost, Pair},
    packets::Out,
    record::{Location, Place, Record as Found, SealReason, Sealed},
};
use crate::mqtt::Side;

mod cipher;
mod handshake;
mod hello;
mod lane;
mod record;
mod records;
mod schedule;
mod secrets;
mod session;
mod suite;

pub(super) use secrets::Secrets;
pub use suite::{CipherSuite, TlsVersion};

use handshake::Message;
use hello::Opening;
use lane::{Lane, Outcome};
use record::{ALERT, APPLICATION_DATA, CHANGE_CIPHER_SPEC, HANDSHAKE, Header};
use records::{Piece, Record, Records};
use session::{EarlyData, Session, Step};

/// What the packets inside are said to be carried by.
const TRANSPORT: &str = "tls";

/// Bytes of one connection that are held until they can be opened.
const MAX_HELD: usize = 256 * 1024;

/// The same in all connections together.
const MAX_HELD_TOTAL: usize = 8 << 20;

/// Ended connections that wait for secrets.
const MAX_PARKED: usize = 256;

/// What holding a record costs beside its bytes, about.
const HELD_COST: usize = 96;

/// Records that do not authenticate, from the first one on, after which the keys are believed to be
/// wrong.
const MAX_FAILED: u64 = 16;

/// Connections that have ended and wait for secrets that may still come, in the order in which they
/// ended.
#[derive(Debug, Default)]
pub(super) struct Parked {
    waiting: VecDeque<Tls>,
    /// The version of the secrets with which they were tried last.
    secrets_seen: u64,
}

/// Reads on in the ended connections whose secrets have come. To be called for every frame.
pub(super) fn resume(place: Place, out: &mut Out) {
    if out.parked.waiting.is_empty() {
        return;
    }
    // It is a call to the system each time.
    if place.frame.is_multiple_of(16) {
        out.secrets.look_again(place.frame);
    }
    if out.secrets.version() == out.parked.secrets_seen {
        return;
    }
    out.parked.secrets_seen = out.secrets.version();
    for mut tls in std::mem::take(&mut out.parked.waiting) {
        tls.finish(out);
    }
}

/// No more secrets will come: ends what waits for them.
pub(super) fn end_parked(out: &mut Out) {
    while give_up_parked(out) {}
}

/// Ends the connection that has waited the longest; false if there is none.
fn give_up_parked(out: &mut Out) -> bool {
    let first = out.parked.waiting.pop_front();
    if let Some(mut tls) = first {
        tls.is_final = true;
        tls.finish(out);
        return true;
    }
    false
}

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

/// What a direction waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wait {
    /// The hello of the other side, or of this one.
    Hello,
    /// The secrets.
    Secrets,
    /// Whether the server takes early data.
    EarlyData,
    /// Nothing: it can never be read.
    Never(SealReason),
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

    fn take(&mut self, end: End, piece: Piece, out: &mut Out) {
        if self.ways.get(end).wait.is_some() {
            return self.hold(end, piece, out);
        }
        match self.read(end, &piece, out) {
            Ok(()) => self.drain(out),
            Err(Wait::Never(reason)) => self.give_up(end, reason, place_of(&piece), out),
            Err(wait) => {
                self.ways.get_mut(end).wait = Some(wait);
                self.hold(end, piece, out);
                self.look_for_secrets(out);
            }
        }
    }

    /// Keeps what cannot be read yet.
    fn hold(&mut self, end: End, mut piece: Piece, out: &mut Out) {
        if let Piece::Record(record) = &mut piece {
            // Copied: a slice of the buffer would keep all of it in memory, uncounted.
            record.body = Bytes::copy_from_slice(&record.body);
        }
        self.held += cost(&piece);
        self.ticket += 1;
        let way = self.ways.get_mut(end);
        way.held.push_back((self.ticket, piece));
        let wait = way.wait;
        self.count_held(out);
        while out.held > MAX_HELD_TOTAL && give_up_parked(out) {}
        let is_hopeless = wait == Some(Wait::Secrets) && !out.secrets.may_grow();
        if is_hopeless || self.held > MAX_HELD || out.held > MAX_HELD_TOTAL {
            self.give_up_waiting(end, out);
        }
    }

    /// Waits for the secrets although the connection has ended.
    fn park(&mut self, out: &mut Out) {
        let mut rest = Tls::new(self.connection.clone());
        rest.stage = Stage::Over;
        out.parked.waiting.push_back(std::mem::replace(self, rest));
        if out.parked.waiting.len() > MAX_PARKED {
            give_up_parked(out);
        }
    }

    /// What `end` waits for is not waited for any longer.
    fn give_up_waiting(&mut self, end: End, out: &mut Out) {
        let way = self.ways.get(end);
        let reason = match way.wait {
            Some(Wait::Hello) => SealReason::NoHandshake,
            Some(Wait::Never(reason)) => reason,
            Some(Wait::Secrets | Wait::EarlyData) => SealReason::NoKeys,
            None => return,
        };
        let place = way
            .held
            .front()
            .map_or(self.last, |(_, first)| place_of(first));
        self.give_up(end, reason, place, out);
    }

    /// Nothing more of `end` can be read.
    fn give_up(&mut self, end: End, reason: SealReason, place: Place, out: &mut Out) {
        self.tell(reason, place, out);
        let way = self.ways.get_mut(end);
        let freed: usize = way.held.drain(..).map(|(_, piece)| cost(&piece)).sum();
        self.held -= freed;
        *way = Way {
            is_dead: true,
            ..Way::default()
        };
        self.count_held(out);
        if self.inner.is_none() && End::BOTH.iter().all(|end| self.ways.get(*end).is_dead) {
            self.end(out);
        }
    }

    /// Says once that something of the connection cannot be read.
    fn tell(&mut self, reason: SealReason, place: Place, out: &mut Out) {
        if std::mem::replace(&mut self.is_told, true) {
            return;
        }
        let (src, dst) = self.connection.ends(self.client.unwrap_or(End::First));
        let client = self.session.client.as_ref();
        out.records.push_back(Found::Sealed(Sealed {
            at: Location {
                frame: place.frame,
                time: place.time,
                stream: self.connection.stream,
                src,
                dst,
                from: self.client.map(|_| Side::Client),
                transport: TRANSPORT,
            },
            version: self.session.version(),
            suite: self.session.suite(),
            server_name: client.and_then(|hello| hello.server_name.clone()),
            reason,
        }));
    }

    /// Secrets that are missing may have come since.
    fn look_for_secrets(&mut self, out: &mut Out) {
        let waits = |end| self.ways.get(end).wait == Some(Wait::Secrets);
        if !End::BOTH.into_iter().any(waits) {
            return;
        }
        out.secrets.look_again(self.last.frame);
        if out.secrets.version() != self.secrets_seen {
            self.secrets_seen = out.secrets.version();
            self.has_news = true;
            self.drain(out);
        }
    }

    /// Reads what is held, as far as something has been learned since.
    fn drain(&mut self, out: &mut Out) {
        if !self.has_news || self.is_draining {
            return;
        }
        self.is_draining = true;
        while self.stage == Stage::Tls {
            if std::mem::take(&mut self.has_news) {
                self.ways.first.wait = None;
                self.ways.second.wait = None;
            }
            let first = |end: &End| {
                let way = self.ways.get(*end);
                let (ticket, _) = way.held.front().filter(|_| way.wait.is_none())?;
                Some(*ticket)
            };
            let next = End::BOTH
                .into_iter()
                .filter_map(|end| Some((first(&end)?, end)))
                .min_by_key(|(ticket, _)| *ticket);
            let Some((ticket, end)) = next else { break };
            let Some((_, piece)) = self.ways.get_mut(end).held.pop_front() else {
                break;
            };
            self.held -= cost(&piece);
            match self.read(end, &piece, out) {
                Ok(()) => {}
                Err(Wait::Never(reason)) => self.give_up(end, reason, place_of(&piece), out),
                Err(wait) => {
                    self.held += cost(&piece);
                    let way = self.ways.get_mut(end);
                    way.wait = Some(wait);
                    way.held.push_front((ticket, piece));
                    if wait == Wait::Secrets && !out.secrets.may_grow() {
                        self.give_up_waiting(end, out);
                    }
                }
            }
        }
        self.is_draining = false;
        self.count_held(out);
    }

    /// Reads the next piece of `end`, or says what it must wait for.
    fn read(&mut self, end: End, piece: &Piece, out: &mut Out) -> Result<(), Wait> {
        match piece {
            Piece::Lost { bytes, place } => {
                self.lose(end, *bytes, *place);
                Ok(())
            }
            Piece::Record(record) => match self.session.version() {
                None => self.read_hello(end, record),
                Some(TlsVersion::TLS13) => self.read_tls13(end, record, out),
                Some(TlsVersion::TLS12) => self.read_tls12(end, record, out),
                Some(_) => Err(Wait::Never(SealReason::UnsupportedVersion)),
            },
        }
    }

    /// A loss cuts the record that is coming: if it is a plain one, the messages in its front are
    /// worth something.
    fn read_front(&mut self, end: End) {
        let way = self.ways.get(end);
        let bytes = way.records.bytes();
        if let Ok(Some(header)) = Header::parse(bytes)
            && header.content_type == HANDSHAKE
            && way.held.is_empty()
            && way.lane.step.is_none()
            && !way.lane.is_lossy()
        {
            let front = bytes.get(Header::LEN..).unwrap_or_default().to_vec();
            self.messages(end, &front);
        }
    }

    fn lose(&mut self, end: End, bytes: u64, place: Place) {
        let lane = &mut self.ways.get_mut(end).lane;
        lane.lose(bytes, place);
        // The front of a ClientHello has the random, by which secrets are found.
        if let Some(hello) = lane.messages.lose()
            && self.session.client.is_none()
        {
            self.message(end, Message::ClientHello(Box::new(hello)));
        }
    }

    /// Reads a record while the ServerHello is not known.
    fn read_hello(&mut self, end: End, record: &Record) -> Result<(), Wait> {
        let is_client = self.side(end) == Side::Client;
        let is_retried = self.session.is_retried;
        let hellos = self.session.client_hellos;
        match record.header.content_type {
            ALERT if record.body.len() == 2 => Ok(()),
            _ if is_client && hellos > u32::from(is_retried) => Err(Wait::Hello),
            HANDSHAKE => {
                self.messages(end, &record.body);
                Ok(())
            }
            CHANGE_CIPHER_SPEC if is_retried => Ok(()),
            // Early data, which a retry rejects.
            APPLICATION_DATA if is_retried && is_client => Ok(()),
            _ => Err(Wait::Hello),
        }
    }

    fn read_tls13(&mut self, end: End, record: &Record, out: &mut Out) -> Result<(), Wait> {
        let side = self.side(end);
        let is_second_hello_due = self.session.is_retried && self.session.client_hellos < 2;
        let lane = &mut self.ways.get_mut(end).lane;
        match record.header.content_type {
            CHANGE_CIPHER_SPEC => Ok(()), // RFC 8446, D.4
            ALERT if lane.opened == 0 => Ok(()),
            HANDSHAKE if lane.opened == 0 => {
                self.messages(end, &record.body);
                Ok(())
            }
            APPLICATION_DATA if side == Side::Client && is_second_hello_due => Ok(()),
            APPLICATION_DATA => {
                if lane.step.is_none() {
                    let is_early = side == Side::Client && self.session.offers_early_data();
                    lane.step = Some(if is_early {
                        Step::Early
                    } else {
                        Step::Handshake
                    });
                }
                self.open(end, record, out)
            }
            _ => {
                self.lose(end, record.header.record_len() as u64, record.place);
                Ok(())
            }
        }
    }

    fn read_tls12(&mut self, end: End, record: &Record, out: &mut Out) -> Result<(), Wait> {
        let lane = &mut self.ways.get_mut(end).lane;
        if lane.step.is_some() {
            return self.open(end, record, out);
        }
        match record.header.content_type {
            CHANGE_CIPHER_SPEC if record.body.len() == 1 => {
                lane.enter(Step::Tls12, &self.session);
                Ok(())
            }
            // The ChangeCipherSpec before it may be lost.
            _ if lane.is_lossy() && record.body.len() > 16 => {
                lane.step = Some(Step::Tls12);
                let result = self.open(end, record, out);
                let way = self.ways.get_mut(end);
                if way.lane.opened == 0 {
                    way.lane.step = None;
                    if record.header.content_type == HANDSHAKE {
                        self.messages(end, &record.body);
                        return Ok(());
                    }
                }
                result
            }
            HANDSHAKE => {
                self.messages(end, &record.body);
                Ok(())
            }
            ALERT => Ok(()),
            _ => {
                self.lose(end, record.header.record_len() as u64, record.place);
                Ok(())
            }
        }
    }

    /// Opens a sealed record and does what its content says.
    fn open(&mut self, end: End, record: &Record, out: &mut Out) -> Result<(), Wait> {
        if self.session.method().is_none() {
            return Err(Wait::Never(SealReason::UnsupportedSuite));
        }
        if self.session.client.is_none() {
            return Err(Wait::Hello);
        }
        let lane = &self.ways.get(end).lane;
        if lane.step == Some(Step::Early) && self.is_answer_due(&out.secrets) {
            return Err(Wait::EarlyData);
        }
        let mut scratch = std::mem::take(&mut out.scratch);
        let lane = &mut self.ways.get_mut(end).lane;
        let had_lost = lane.is_lossy();
        let result = match lane.open(record, &self.session, &out.secrets, &mut scratch) {
            Outcome::Opened(opened) => {
                let content = scratch.get(..opened.len).unwrap_or_default();
                self.content(end, opened.content_type, content, record.place, out);
                Ok(())
            }
            Outcome::NoKeys => Err(Wait::Secrets),
            Outcome::Passed => Ok(()),
            Outcome::Failed => {
                let is_wrong = lane.opened == 0 && lane.failed >= MAX_FAILED;
                let is_odd = lane.opened > 0 && !had_lost;
                self.lose(end, record.header.record_len() as u64, record.place);
                if is_odd {
                    self.tell(SealReason::KeysDoNotFit, record.place, out);
                }
                match is_wrong {
                    true => Err(Wait::Never(SealReason::KeysDoNotFit)),
                    false => Ok(()),
                }
            }
        };
        out.scratch = scratch;
        result
    }

    /// Whether the server will say if it takes early data, and it can be read.
    fn is_answer_due(&self, secrets: &Secrets) -> bool {
        self.session.early_data == EarlyData::Unknown
            && !self.is_last
            && self
                .session
                .has_secret(Step::Handshake, Side::Server, secrets)
    }

    fn content(&mut self, end: End, kind: u8, content: &[u8], place: Place, out: &mut Out) {
        let step = self.ways.get(end).lane.step;
        if self.side(end) == Side::Server
            && matches!(step, Some(Step::Application))
            && self.session.early_data == EarlyData::Unknown
        {
            // The answer was lost. What is known is that the client has sent it.
            self.session.early_data = EarlyData::Accepted;
            self.has_news = true;
        }
        match kind {
            APPLICATION_DATA => {
                let is_rejected = self.session.early_data == EarlyData::Rejected;
                if step != Some(Step::Early) || !is_rejected {
                    self.deliver(end, content, place, out);
                }
            }
            HANDSHAKE => self.messages(end, content),
            // A renegotiation.
            CHANGE_CIPHER_SPEC if step == Some(Step::Tls12) => {
                let lane = &mut self.ways.get_mut(end).lane;
                lane.enter(Step::Tls12, &self.session);
            }
            _ => {}
        }
    }

    fn messages(&mut self, end: End, content: &[u8]) {
        let mut found = Vec::new();
        let lane = &mut self.ways.get_mut(end).lane;
        lane.messages.push(content, |message| found.push(message));
        for message in found {
            self.message(end, message);
        }
    }

    fn message(&mut self, end: End, message: Message) {
        let side = self.side(end);
        let is_tls13 = self.session.version() == Some(TlsVersion::TLS13);
        let lane = &mut self.ways.get_mut(end).lane;
        match (message, side) {
            (Message::ClientHello(hello), Side::Client) => {
                self.session.client = Some(hello);
                self.session.client_hellos += 1;
            }
            (Message::ServerHello(hello), Side::Server) if hello.is_retry() => {
                self.session.is_retried = true;
                self.session.early_data = EarlyData::Rejected;
            }
            // There is but one in TLS 1.3.
            (Message::ServerHello(hello), Side::Server) if !is_tls13 => {
                self.session.chose_mqtt = hello.chose_mqtt;
                self.session.server = Some(hello);
            }
            (Message::EncryptedExtensions(extensions), Side::Server) => {
                self.session.chose_mqtt = extensions.chose_mqtt;
                if self.session.early_data == EarlyData::Unknown {
                    self.session.early_data = match extensions.accepts_early_data {
                        true => EarlyData::Accepted,
                        false => EarlyData::Rejected,
                    };
                }
            }
            (Message::EndOfEarlyData, Side::Client) if lane.step == Some(Step::Early) => {
                lane.enter(Step::Handshake, &self.session);
            }
            (Message::Finished, _) if lane.step == Some(Step::Handshake) => {
                lane.enter(Step::Application, &self.session);
            }
            (Message::KeyUpdate, _)
                if matches!(lane.step, Some(Step::Application | Step::Updated)) =>
            {
                lane.enter(Step::Updated, &self.session);
            }
            _ => return,
        }
        self.has_news = true;
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

fn place_of(piece: &Piece) -> Place {
    match piece {
        Piece::Record(record) => record.place,
        Piece::Lost { place, .. } => *place,
    }
}

/// Memory that holding takes, about.
fn cost(piece: &Piece) -> usize {
    HELD_COST
        + match piece {
            Piece::Record(record) => record.body.len(),
            Piece::Lost { .. } => 0,
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
                self.ways.get_mut(end).records.push(bytes, place);
                self.pump(end, false, out);
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
