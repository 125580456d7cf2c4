//! TCP: from segments to the byte streams of connections.
//!
//! What belongs here: which connection a segment is part of, the order of its bytes, and what is
//! missing. What does not: what the bytes mean. A [`Follower`] per connection takes them.
//!
//! A hole in the sequence numbers is waited on while it may still be filled. It is given up, and
//! reported as a gap, once
//! - more than [`MAX_PENDING`] bytes wait behind it (or [`MAX_PENDING_TOTAL`] over all streams),
//! - the other side has acknowledged bytes behind it and [`GRACE`] more frames have not filled it
//!   (an acknowledgment may be captured before the data it speaks of),
//! - the frame that has the bytes says that the snapshot length cut them off,
//! - the connection ends: both FIN or an RST and [`GRACE`] frames, another connection with the
//!   same addresses, the end of the file.

use std::{
    collections::{VecDeque, hash_map::Entry},
    net::SocketAddr,
};

use rustc_hash::FxHashMap;

use super::{
    follower::{Claim, End, Follower, Lost, Pair},
    ip::Segment,
    record::Place,
};

mod half;

use half::{Half, Piece};

/// Bytes of one direction that may wait behind a hole, with what keeping them costs.
pub const MAX_PENDING: usize = 1 << 20;

/// Bytes that may wait behind holes in all streams together.
pub const MAX_PENDING_TOTAL: usize = 8 << 20;

/// Frames of the capture after which what has not come will not come.
pub const GRACE: u64 = 64;

/// Connections that are followed at once, ended ones (kept small, to know late retransmissions)
/// included. Beyond it the ones that were silent the longest are ended.
pub const MAX_STREAMS: usize = 16_384;

/// Pieces of one side that wait while it is open where the other one begins.
const MAX_READY: usize = 32;

/// The same as [`GRACE`] of a connection on which little happens, in a capture with much else: it
/// has so many segments to fill the hole, but no more than so many frames of the capture.
const PATIENCE: u64 = 16;
/// See [`GRACE`]: the longest that it becomes.
pub const MAX_GRACE: u64 = 4096;

/// A jump in the sequence numbers by more than this is no reordering: the addresses are in use by
/// another connection, whose SYN was not captured. Less is enough if it is back, or if the numbers
/// of both sides jump.
const MAX_JUMP: u32 = 64 << 20;
const MAX_JUMP_BACK: i32 = 16 << 20;
const MAX_JUMP_OF_BOTH: u32 = 1 << 20;

/// All connections of a capture.
#[derive(Debug)]
pub struct Streams<F> {
    /// In boxes, for a table has room that it does not use.
    connections: FxHashMap<(SocketAddr, SocketAddr), Box<Connection<F>>>,
    opened: u64,
    pending: usize,
    /// Of that, what is in connections that something may come out of.
    awaited: usize,
    /// Connections to look at again. Frames only grow, so the front is the first.
    alarms: VecDeque<Alarm>,
}

/// A connection to look at again.
#[derive(Debug, Clone, Copy)]
struct Alarm {
    /// In this frame.
    at: u64,
    key: (SocketAddr, SocketAddr),
    number: u64,
    /// When it was set: the frame, and how many segments the connection had.
    since: u64,
    segments: u64,
}

#[derive(Debug)]
struct Connection<F> {
    number: u64,
    first: SocketAddr,
    halves: Pair<Half>,
    segments: u64,
    last: Place,
    /// `None` once it has ended.
    follower: Option<F>,
    /// It ends, and only late frames may still come.
    is_closing: bool,
    /// Whether the follower knows that an end has ended the connection.
    told: Pair<bool>,
    /// What it adds to [`Streams::awaited`].
    awaited: usize,
}

impl<F: Follower> Default for Streams<F> {
    fn default() -> Self {
        Streams {
            connections: FxHashMap::default(),
            opened: 0,
            pending: 0,
            awaited: 0,
            alarms: VecDeque::new(),
        }
    }
}

impl<F: Follower> Streams<F> {
    /// No connection yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many connections there have been.
    pub fn opened(&self) -> u64 {
        self.opened
    }

    /// Whether something is waited for in a connection that something may come out of.
    pub fn is_waiting(&self) -> bool {
        self.awaited > 0
    }

    /// Takes a segment. `open` makes the follower of a new connection from its number, the sender
    /// and the receiver of its first frame.
    pub fn segment(
        &mut self,
        segment: &Segment<'_>,
        place: Place,
        open: impl FnOnce(u64, SocketAddr, SocketAddr) -> F,
        out: &mut F::Out,
    ) {
        let key = if segment.src <= segment.dst {
            (segment.src, segment.dst)
        } else {
            (segment.dst, segment.src)
        };
        let connection = match self.connections.entry(key) {
            Entry::Occupied(entry) => {
                let connection = entry.into_mut();
                if connection.is_succeeded_by(segment) {
                    self.pending -= connection.pending();
                    connection.finish(out);
                    connection.count_awaited(&mut self.awaited);
                    **connection = Connection::new(self.opened, segment, place, open);
                    self.opened += 1;
                }
                connection
            }
            Entry::Vacant(entry) => {
                let connection = Connection::new(self.opened, segment, place, open);
                self.opened += 1;
                entry.insert(Box::new(connection))
            }
        };
        let before = connection.pending();
        let alarm = connection.take(segment, place, out);
        let mut after = connection.pending();
        if self.pending + after - before > MAX_PENDING_TOTAL {
            connection.give_up_holes(out);
            after = connection.pending();
        }
        self.pending = self.pending + after - before;
        connection.count_awaited(&mut self.awaited);
        if alarm {
            self.alarms.push_back(Alarm {
                at: place.frame + GRACE,
                key,
                number: connection.number,
                since: place.frame,
                segments: connection.segments,
            });
        }
        if self.connections.len() > MAX_STREAMS {
            self.evict(out);
        }
    }

    /// Looks after what waits. To be called for every frame of the capture, before its segment.
    pub fn frame(&mut self, place: Place, out: &mut F::Out) {
        while let Some(&(mut alarm)) = self.alarms.front()
            && alarm.at <= place.frame
        {
            self.alarms.pop_front();
            let Some(connection) = self.connections.get_mut(&alarm.key) else {
                continue;
            };
            if connection.number != alarm.number {
                continue;
            }
            alarm.at = place.frame + GRACE;
            if connection.segments < alarm.segments + PATIENCE
                && place.frame < alarm.since + MAX_GRACE
            {
                self.alarms.push_back(alarm);
                continue;
            }
            let before = connection.pending();
            let again = connection.alarm(out);
            self.pending = self.pending + connection.pending() - before;
            connection.count_awaited(&mut self.awaited);
            if again {
                alarm.since = place.frame;
                alarm.segments = connection.segments;
                self.alarms.push_back(alarm);
            }
        }
    }

    /// The capture is over: ends every connection, in the order of their numbers.
    pub fn finish(&mut self, out: &mut F::Out) {
        let mut connections: Vec<_> = self.connections.drain().map(|(_, c)| c).collect();
        connections.sort_unstable_by_key(|connection| connection.number);
        for mut connection in connections {
            connection.finish(out);
        }
        self.pending = 0;
        self.awaited = 0;
        self.alarms.clear();
    }

    /// Ends the eighth part of the connections that was silent the longest.
    fn evict(&mut self, out: &mut F::Out) {
        let mut frames: Vec<u64> = self.connections.values().map(|c| c.last.frame).collect();
        let eighth = frames.len() / 8;
        let (_, &mut limit, _) = frames.select_nth_unstable(eighth);
        let mut silent: Vec<_> = self
            .connections
            .extract_if(|_, connection| connection.last.frame <= limit)
            .map(|(_, connection)| connection)
            .collect();
        silent.sort_unstable_by_key(|connection| connection.number);
        for mut connection in silent {
            self.pending -= connection.pending();
            connection.finish(out);
            connection.count_awaited(&mut self.awaited);
        }
    }
}

impl<F: Follower> Connection<F> {
    fn new(
        number: u64,
        segment: &Segment<'_>,
        place: Place,
        open: impl FnOnce(u64, SocketAddr, SocketAddr) -> F,
    ) -> Self {
        Connection {
            number,
            first: segment.src,
            halves: Pair::default(),
            segments: 0,
            last: place,
            follower: Some(open(number, segment.src, segment.dst)),
            is_closing: false,
            told: Pair::default(),
            awaited: 0,
        }
    }

    fn end_of(&self, segment: &Segment<'_>) -> End {
        // Both ends may have the same address and port only in a capture that is not real.
        if segment.src == self.first {
            End::First
        } else {
            End::Second
        }
    }

    fn pending(&self) -> usize {
        self.halves.first.pending_bytes() + self.halves.second.pending_bytes()
    }

    /// Keeps the count of what is waited for, in all streams, up to date. Nobody waits for what is
    /// known to be something else.
    fn count_awaited(&mut self, all: &mut usize) {
        let now = match (self.pending(), &self.follower) {
            (0, _) | (_, None) => 0,
            (_, Some(follower)) if follower.claim() == Claim::Not => 0,
            (pending, Some(_)) => pending,
        };
        *all = *all + now - self.awaited;
        self.awaited = now;
    }

    /// Whether `segment` belongs to another connection between the same addresses and ports.
    fn is_succeeded_by(&self, segment: &Segment<'_>) -> bool {
        let end = self.end_of(segment);
        let half = self.halves.get(end);
        if segment.syn {
            return half.contradicts_syn(segment.seq);
        }
        if segment.payload.is_empty() {
            return false;
        }
        let Some(distance) = half.distance(segment.seq) else {
            return false;
        };
        let other = self.halves.get(end.other());
        let other_jumps = segment
            .ack
            .and_then(|ack| other.distance(ack))
            .is_some_and(|distance| distance.unsigned_abs() > MAX_JUMP_OF_BOTH);
        distance.unsigned_abs() > MAX_JUMP
            || distance < -MAX_JUMP_BACK
            || (distance.unsigned_abs() > MAX_JUMP_OF_BOTH && other_jumps)
            || (other.has_fin() && half.is_over_before(segment.seq))
            // New data after the end.
            || (self.follower.is_none() && distance + segment.payload.len() as i32 > 0)
    }

    /// Takes a segment in; returns whether there is something to look at again later.
    fn take(&mut self, segment: &Segment<'_>, place: Place, out: &mut F::Out) -> bool {
        self.last = place;
        self.segments += 1;
        let end = self.end_of(segment);
        let Some(follower) = &mut self.follower else {
            return false;
        };
        let half = self.halves.get_mut(end);
        if segment.syn && half.syn(segment.seq) {
            follower.syn(end, segment.ack.is_none(), out);
        }
        // What is acknowledged was sent before this segment.
        if let Some(ack) = segment.ack
            && !segment.rst
        {
            let other = self.halves.get_mut(end.other());
            other.acknowledged(ack);
            if other.lacks_acknowledged() {
                follower.acknowledged(end.other(), place, out);
            }
        }
        let seq = segment.seq.wrapping_add(u32::from(segment.syn));
        // An RST may carry a diagnostic text, which is no part of the stream.
        let payload = if segment.rst { &[] } else { segment.payload };
        let half = self.halves.get_mut(end);
        if half.is_late(seq, payload.len()) {
            follower.late(end, place, out);
        }
        let in_order = half.take(seq, payload, segment.missing, segment.fin, place);
        while half.pending_bytes() > MAX_PENDING {
            half.give_up_first_hole();
        }
        if is_usual(&self.halves) {
            if !in_order.is_empty() {
                follower.data(end, in_order, place, out);
            }
        } else {
            if !in_order.is_empty() {
                self.halves.get_mut(end).put_back(in_order, place);
            }
            settle_beginnings(&mut self.halves);
        }
        deliver(&mut self.halves, follower, out);
        let is_reset = segment.rst && self.halves.get(end).allows_reset(segment.seq);
        if (is_reset || self.halves.get(end).is_complete()) && !*self.told.get(end) {
            *self.told.get_mut(end) = true;
            follower.ended(end, segment.rst, place, out);
        }
        let mut alarm = self.halves.first.wants_alarm() | self.halves.second.wants_alarm();
        if self.halves.first.is_complete() && self.halves.second.is_complete() {
            self.finish(out);
            return false;
        }
        let is_said = self.halves.first.has_fin() && self.halves.second.has_fin();
        if !self.is_closing && (is_reset || is_said) {
            self.is_closing = true;
            alarm = true;
        }
        alarm
    }

    /// What was waited for: has it come?
    fn alarm(&mut self, out: &mut F::Out) -> bool {
        if self.is_closing {
            self.finish(out);
            return false;
        }
        let Some(follower) = &mut self.follower else {
            return false;
        };
        self.halves.first.give_up_acknowledged_hole();
        self.halves.second.give_up_acknowledged_hole();
        deliver(&mut self.halves, follower, out);
        self.halves.first.wants_alarm() | self.halves.second.wants_alarm()
    }

    fn give_up_holes(&mut self, out: &mut F::Out) {
        let Some(follower) = &mut self.follower else {
            return;
        };
        for end in [End::First, End::Second] {
            let half = self.halves.get_mut(end);
            while half.is_waiting() {
                half.give_up_first_hole();
            }
        }
        deliver(&mut self.halves, follower, out);
    }

    fn finish(&mut self, out: &mut F::Out) {
        self.give_up_holes(out);
        if let Some(mut follower) = self.follower.take() {
            for end in [End::First, End::Second] {
                let lost = self.halves.get(end).lost_at_end();
                if lost > 0 {
                    follower.gap(end, Lost::exactly(lost), self.last, out);
                }
            }
            follower.finish(out);
        }
    }
}

/// Whether nothing is ready but what has come just now.
fn is_usual(halves: &Pair<Half>) -> bool {
    let has_nothing = |half: &Half| half.ready() == 0 && !half.is_open_before();
    has_nothing(&halves.first) && has_nothing(&halves.second)
}

/// While it is open where one side begins, what the other one sent waits too: nothing is to come
/// before what it answers.
fn settle_beginnings(halves: &mut Pair<Half>) {
    if halves.first.ready().max(halves.second.ready()) > MAX_READY {
        for end in End::BOTH {
            let half = halves.get_mut(end);
            if half.is_open_before() {
                half.give_up_first_hole();
            }
        }
    }
}

/// Hands on what is ready, across both directions in the order of the frames, unless it is open
/// where one of them begins.
fn deliver<F: Follower>(halves: &mut Pair<Half>, follower: &mut F, out: &mut F::Out) {
    if halves.first.is_open_before() || halves.second.is_open_before() {
        return;
    }
    loop {
        let end = match (halves.first.next_frame(), halves.second.next_frame()) {
            (None, None) => return,
            (Some(first), Some(second)) if second < first => End::Second,
            (Some(_), _) => End::First,
            (None, Some(_)) => End::Second,
        };
        match halves.get_mut(end).next_piece() {
            Some((Piece::Data(bytes), place)) => follower.data(end, &bytes, place, out),
            Some((Piece::Lost(lost), place)) => follower.gap(end, Lost::exactly(lost), place, out),
            None => return,
        }
    }
}
