//! What cannot be read yet: it is held, within limits, until what it waits for has come.

use std::collections::VecDeque;

use bytes::Bytes;

use super::{Stage, TRANSPORT, Tls, Way, records::Piece};
use crate::{
    capture::{
        follower::{End, Follower},
        packets::Out,
        record::{Location, Place, Record, SealReason, Sealed},
    },
    mqtt::Side,
};

/// Bytes of one connection that are held until they can be opened.
const MAX_HELD: usize = 256 * 1024;

/// The same in all connections together.
pub(super) const MAX_HELD_TOTAL: usize = 8 << 20;

/// Ended connections that wait for secrets.
const MAX_PARKED: usize = 256;

/// What holding a record costs beside its bytes, about.
const HELD_COST: usize = 96;

/// What a direction waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wait {
    /// The hello of the other side, or of this one.
    Hello,
    /// The secrets.
    Secrets,
    /// Whether the server takes early data.
    EarlyData,
    /// Nothing: it can never be read.
    Never(SealReason),
}

/// Connections that have ended and wait for secrets that may still come, in the order in which they
/// ended.
#[derive(Debug, Default)]
pub(in crate::capture) struct Parked {
    waiting: VecDeque<Tls>,
    /// The version of the secrets with which they were tried last.
    secrets_seen: u64,
}

/// Reads on in the ended connections whose secrets have come. To be called for every frame.
pub(in crate::capture) fn resume(place: Place, out: &mut Out) {
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
pub(in crate::capture) fn end_parked(out: &mut Out) {
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

impl Tls {
    pub(super) fn take(&mut self, end: End, piece: Piece, out: &mut Out) {
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
    pub(super) fn park(&mut self, out: &mut Out) {
        let mut rest = Tls::new(self.connection.clone());
        rest.stage = Stage::Over;
        out.parked.waiting.push_back(std::mem::replace(self, rest));
        if out.parked.waiting.len() > MAX_PARKED {
            give_up_parked(out);
        }
    }

    /// What `end` waits for is not waited for any longer.
    pub(super) fn give_up_waiting(&mut self, end: End, out: &mut Out) {
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
    pub(super) fn tell(&mut self, reason: SealReason, place: Place, out: &mut Out) {
        if std::mem::replace(&mut self.is_told, true) {
            return;
        }
        let (src, dst) = self.connection.ends(self.client.unwrap_or(End::First));
        let client = self.session.client.as_ref();
        out.records.push_back(Record::Sealed(Sealed {
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
    pub(super) fn look_for_secrets(&mut self, out: &mut Out) {
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
    pub(super) fn drain(&mut self, out: &mut Out) {
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
