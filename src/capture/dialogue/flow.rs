//! One direction of an MQTT connection: cuts its bytes into packets.

use std::collections::VecDeque;

use bytes::Bytes;

use crate::{
    capture::{
        detect::{self, Chain, Search},
        follower::Lost,
        record::{Place, SkipReason},
        tape::Tape,
    },
    mqtt::frame::FixedHeader,
};

/// Packets of good form after which a boundary that was searched for is believed.
const TRUST: u8 = 8;

/// What is searched for a boundary at most, unless a large packet may have begun in it.
const SEARCH_WINDOW: usize = 256 * 1024;

/// Of a packet that may have begun, while it is not known whether this is MQTT.
const MAX_HOPE: usize = 2 << 20;

/// Evidence of a single packet, which is worth remembering when bytes behind it are missing.
const WORTH_KEEPING: u32 = 16;

/// What lies between holes, while it is not known whether this is MQTT.
const MAX_ISLANDS: usize = 32;
const MAX_ISLAND_BYTES: usize = 64 * 1024;

/// What waits to be reported until the next boundary is found.
const MAX_HOLES: usize = 64;

/// Something found.
#[derive(Debug)]
pub(super) enum Event {
    Packet {
        bytes: Bytes,
        announced_len: usize,
        place: Place,
    },
    Gap {
        lost: u64,
        place: Place,
        resynced_at_frame: Option<u64>,
    },
    Skipped {
        len: u64,
        place: Place,
        reason: SkipReason,
    },
}

#[derive(Debug, Default)]
pub(super) struct Flow {
    tape: Tape,
    /// The first byte that comes is the first one of the stream.
    pub(super) from_start: bool,
    /// It cannot be MQTT.
    pub(super) refuted: bool,
    /// Bytes that came.
    pub(super) seen: u64,
    /// Buffer length at which looking for a boundary is worth it again.
    next_scan: usize,
    search: Search,
    /// Where packets begin, if the scan found out.
    candidate: Option<usize>,
    /// What came before holes while it was not known whether this is MQTT.
    islands: VecDeque<Island>,
    /// The evidence in them.
    banked: u32,
    state: State,
    /// Bytes, after a gap or a limit, that still belong to a packet already reported.
    rest_of_packet: u64,
    rest_reason: Option<SkipReason>,
    /// Bytes were lost.
    is_after_gap: bool,
    /// What stands in the place of packets and is not reported yet, in order.
    holes: VecDeque<Hole>,
}

/// Bytes, and the hole behind them.
#[derive(Debug)]
struct Island {
    tape: Tape,
    from_start: bool,
    lost: Lost,
    place: Place,
    /// What could not be had behind the hole.
    skipped: Vec<(u64, Place, SkipReason)>,
}

/// What stands in the place of packets.
#[derive(Debug)]
enum Hole {
    Lost {
        bytes: u64,
        place: Place,
    },
    Skipped {
        len: u64,
        place: Place,
        reason: SkipReason,
    },
}

impl Event {
    /// The frame it belongs to.
    pub(super) fn frame(&self) -> u64 {
        match self {
            Event::Packet { place, .. }
            | Event::Gap { place, .. }
            | Event::Skipped { place, .. } => place.frame,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum State {
    /// A boundary must be searched for.
    #[default]
    Searching,
    /// The stream begins; its first byte must be one of a packet.
    Opening,
    /// At a boundary. `trust`: how many packets of good form came since a boundary was searched
    /// for; [`TRUST`] if it is beyond doubt.
    Framing { trust: u8 },
    /// There is no way on.
    Ended,
}

impl Flow {
    /// What came since the last hole and is not used yet.
    pub(super) fn bytes(&self) -> &[u8] {
        self.tape.bytes()
    }

    /// Bytes that are kept.
    pub(super) fn kept(&self) -> usize {
        let islands = self.islands.iter().map(|island| island.tape.len());
        self.tape.len() + islands.sum::<usize>()
    }

    pub(super) fn push(&mut self, bytes: &[u8], place: Place) {
        self.tape.push(bytes, place);
        self.seen += bytes.len() as u64;
    }

    /// The frame with the first byte that is not used yet.
    pub(super) fn first_place(&self) -> Place {
        self.tape.place_at(0)
    }

    /// Whether enough new bytes came since the last scan.
    pub(super) fn is_scan_due(&self) -> bool {
        !self.tape.is_empty() && self.tape.len() >= self.next_scan
    }

    /// Looks for a boundary while it is not known whether this is MQTT; returns the evidence.
    pub(super) fn scan(&mut self, needed: u32, last: bool) -> u32 {
        self.next_scan = self.after_scan();
        if self.tape.is_empty() {
            return self.banked;
        }
        let segments = self.tape.segments();
        let evidence = if self.from_start {
            match detect::chain(self.tape.bytes(), 0, &segments) {
                Chain::Refuted => {
                    self.refuted = true;
                    0
                }
                Chain::Possible { packets: 0, .. } => 0,
                Chain::Possible { evidence, .. } => {
                    self.candidate = Some(0);
                    evidence
                }
            }
        } else {
            let found = self.search.run(self.tape.bytes(), &segments, needed, last);
            self.candidate = found.boundary;
            found.evidence
        };
        self.banked.saturating_add(evidence)
    }

    /// Searching again pays after an eighth more bytes; little is looked at each time.
    fn after_scan(&self) -> usize {
        next_scan(self.tape.len())
    }

    /// Whether a boundary was found, be there ever so little behind it.
    pub(super) fn has_boundary(&self) -> bool {
        self.candidate.is_some() && !self.from_start
    }

    /// From now on only packets at the beginning of a segment are looked for.
    pub(super) fn look_less(&mut self) {
        if !self.from_start && !self.search.is_sparse {
            self.search.is_sparse = true;
            self.next_scan = 0;
            self.skip_to_hope(0);
        }
    }

    /// Forgets all but the last `window` bytes, once there are twice as many; and what a packet
    /// that may have begun has of them.
    pub(super) fn keep_last(&mut self, window: usize) {
        if self.search.is_sparse {
            self.skip_to_hope(0);
        } else if self.tape.len() > 2 * window {
            self.skip_to_hope(window);
        }
    }

    fn skip_to_hope(&mut self, window: usize) {
        let surplus = self.tape.len().saturating_sub(window);
        let len = match self.search.first_alive() {
            Some(alive) if self.tape.len() - alive <= MAX_HOPE => alive.min(surplus),
            _ => surplus,
        };
        self.skip(len, self.lost_because());
    }

    /// Why what is skipped has no boundary.
    fn lost_because(&self) -> SkipReason {
        match self.is_after_gap {
            true => SkipReason::AfterGap,
            false => SkipReason::MidStream,
        }
    }

    /// Drops what came of something that stands in front of the MQTT.
    pub(super) fn skip_header(&mut self, len: usize, reason: SkipReason) {
        self.skip(len, reason);
    }

    /// Bytes are missing while it is not known whether this is MQTT.
    pub(super) fn gap_while_undecided(&mut self, lost: Lost, place: Place) {
        if !self.tape.is_empty() || self.from_start {
            let before = self.banked;
            let evidence = self.scan(detect::EXPECTED, true);
            if evidence < before + WORTH_KEEPING {
                self.banked = before;
            } else {
                self.banked = evidence;
            }
        }
        self.islands.push_back(Island {
            tape: std::mem::take(&mut self.tape),
            from_start: std::mem::take(&mut self.from_start),
            lost,
            place,
            skipped: Vec::new(),
        });
        self.refuted = false;
        self.candidate = None;
        self.search.reset();
        self.next_scan = 0;
        while self.islands.len() > MAX_ISLANDS || self.kept() > MAX_ISLAND_BYTES {
            let Some(island) = self.islands.pop_front() else {
                break;
            };
            let current = std::mem::replace(&mut self.tape, island.tape);
            self.skip(self.tape.len(), self.lost_because());
            self.tape = current;
            self.lose(island.lost, island.place);
            for (len, place, reason) in island.skipped {
                self.push_skipped(len, place, reason);
            }
        }
    }

    /// The connection is MQTT: takes packets off what came so far. `connect`: what came since the
    /// last hole begins with CONNECT.
    pub(super) fn accept(&mut self, connect: bool, limit: usize, events: &mut Vec<Event>) {
        self.next_scan = 0;
        let islands = std::mem::take(&mut self.islands);
        let candidate = self.candidate.take();
        let current = std::mem::take(&mut self.tape);
        for island in islands {
            self.begin(island.from_start, false);
            self.tape = island.tape;
            self.search.reset();
            self.pump(limit, false, events);
            self.gap(island.lost, island.place, limit, events);
            for (len, place, reason) in island.skipped {
                self.push_skipped(len, place, reason);
            }
        }
        if self.from_start || !self.is_after_gap {
            self.begin(self.from_start, connect);
        }
        self.tape = current;
        self.search.reset();
        if self.state == State::Searching
            && self.rest_of_packet == 0
            && let Some(at) = candidate
        {
            self.skip(at, self.lost_because());
            self.state = State::Framing { trust: 0 };
        }
        self.pump(limit, false, events);
    }

    fn begin(&mut self, from_start: bool, connect: bool) {
        if connect {
            self.state = State::Framing { trust: TRUST };
        } else if from_start {
            self.state = State::Opening;
        }
    }

    /// Bytes that cannot be had, in front of what comes. What came before them is used.
    pub(super) fn skipped(&mut self, len: u64, place: Place, reason: SkipReason) {
        let Some(island) = self.islands.back_mut() else {
            self.push_skipped(len, place, reason);
            return;
        };
        match island.skipped.last_mut() {
            Some((before, _, same)) if *same == reason => *before += len,
            _ => island.skipped.push((len, place, reason)),
        }
    }

    fn push_skipped(&mut self, len: u64, place: Place, reason: SkipReason) {
        match self.holes.back_mut() {
            Some(Hole::Skipped {
                len: before,
                reason: same,
                ..
            }) if *same == reason => *before += len,
            _ => self.holes.push_back(Hole::Skipped { len, place, reason }),
        }
    }

    /// So many of the last bytes are what the scan found.
    pub(super) fn found(&self) -> Option<usize> {
        self.candidate.map(|at| self.tape.len().saturating_sub(at))
    }

    /// Bytes are missing behind what is in the buffer.
    pub(super) fn gap(&mut self, lost: Lost, place: Place, limit: usize, events: &mut Vec<Event>) {
        // Nothing follows that what is in the buffer could wait for.
        while self.state == State::Searching && !self.tape.is_empty() && self.search(true) {
            while matches!(self.state, State::Framing { .. })
                && !self.tape.is_empty()
                && self.advance(limit, false, events)
            {}
        }
        self.next_scan = 0;
        self.search.reset();
        // What of a packet lies behind the hole is told by its length.
        let behind = |rest: u64| rest.checked_sub(lost.bytes).filter(|_| lost.exact);
        if self.rest_of_packet > 0 {
            self.rest_of_packet = match behind(self.rest_of_packet) {
                Some(rest) => rest,
                None => {
                    self.state = State::Searching;
                    0
                }
            };
        } else if matches!(self.state, State::Framing { .. }) {
            let have = self.tape.len();
            match FixedHeader::parse(self.tape.bytes()) {
                Ok(Some(header)) => {
                    let announced = header.packet_len();
                    self.cut_packet(announced, events);
                    match behind(announced.saturating_sub(have) as u64) {
                        Some(rest) => {
                            self.rest_of_packet = rest;
                            self.rest_reason = Some(SkipReason::RestOfCutPacket);
                        }
                        None => self.state = State::Searching,
                    }
                }
                _ => {
                    self.skip(have, SkipReason::CutHeader);
                    self.state = State::Searching;
                }
            }
        } else if self.state != State::Ended {
            self.skip(self.tape.len(), self.lost_because());
            self.state = State::Searching;
        }
        self.lose(lost, place);
        self.bound_holes(events);
    }

    fn lose(&mut self, lost: Lost, place: Place) {
        self.is_after_gap = true;
        self.holes.push_back(Hole::Lost {
            bytes: lost.bytes,
            place,
        });
    }

    /// Takes packets off the buffer. `last`: nothing more will come.
    pub(super) fn pump(&mut self, limit: usize, last: bool, events: &mut Vec<Event>) {
        while !self.tape.is_empty() && self.advance(limit, last, events) {}
        if last {
            if !self.tape.is_empty() {
                self.left_over(events);
            }
            self.report_holes(None, events);
        }
    }

    /// One step; false if more bytes are needed.
    fn advance(&mut self, limit: usize, last: bool, events: &mut Vec<Event>) -> bool {
        if self.rest_of_packet > 0 {
            let len = self.rest_of_packet.min(self.tape.len() as u64);
            self.rest_of_packet -= len;
            self.skip(
                len as usize,
                self.rest_reason.unwrap_or(SkipReason::OverLimit),
            );
            return true;
        }
        match self.state {
            State::Ended => {
                self.skip(self.tape.len(), SkipReason::NotMqtt);
                true
            }
            State::Opening => {
                self.state = match self.tape.bytes().first() {
                    Some(byte1) if detect::legal_byte1(*byte1) => State::Framing { trust: TRUST },
                    _ => State::Ended,
                };
                true
            }
            State::Searching => self.search(last),
            State::Framing { trust } => self.frame(trust, limit, events),
        }
    }

    fn search(&mut self, last: bool) -> bool {
        if !last && !self.is_scan_due() {
            return false;
        }
        self.next_scan = self.after_scan();
        let segments = self.tape.segments();
        let found = self
            .search
            .run(self.tape.bytes(), &segments, detect::KNOWN, last);
        if let Some(at) = found.boundary {
            self.skip(at, self.lost_because());
            self.state = State::Framing { trust: 0 };
            return true;
        }
        if self.tape.len() > SEARCH_WINDOW {
            // A large packet is waited for, as it would be if the boundary were sure.
            let half = self.tape.len() / 2;
            let len = found.hope.map_or(half, |hope| hope.min(half));
            self.skip(len, self.lost_because());
        }
        false
    }

    fn frame(&mut self, trust: u8, limit: usize, events: &mut Vec<Event>) -> bool {
        let header = match FixedHeader::parse(self.tape.bytes()) {
            Ok(Some(header)) => header,
            Ok(None) => return false,
            Err(_) if trust < TRUST => return self.search_again(),
            Err(_) => {
                self.state = State::Ended;
                return true;
            }
        };
        let announced = header.packet_len();
        let whole = announced <= self.tape.len();
        if trust < TRUST {
            let good = match self.tape.bytes().get(..announced) {
                Some(packet) => detect::fits_any(packet),
                None => detect::prefix_fits(self.tape.bytes()),
            };
            if good {
                let trust = trust + u8::from(whole);
                self.state = State::Framing { trust };
            } else if !whole || !self.boundary_at(announced) {
                return self.search_again();
            }
        }
        if whole && announced <= limit {
            self.found_boundary(events);
            let place = self.tape.place_at(announced - 1);
            let bytes = self.take(announced);
            events.push(Event::Packet {
                bytes,
                announced_len: announced,
                place,
            });
            true
        } else if announced > limit && self.tape.len() >= limit {
            self.buffer_to_limit(announced, limit, events);
            true
        } else {
            false
        }
    }

    /// Reports the first `limit` bytes of a packet that is larger.
    fn buffer_to_limit(&mut self, announced: usize, limit: usize, events: &mut Vec<Event>) {
        self.found_boundary(events);
        let limit = limit.max(1);
        let place = self.tape.place_at(limit - 1);
        let bytes = self.take(limit);
        let len = bytes.len();
        events.push(Event::Packet {
            bytes,
            announced_len: announced,
            place,
        });
        self.rest_of_packet = announced.saturating_sub(len) as u64;
        self.rest_reason = Some(SkipReason::OverLimit);
    }

    /// Whether a packet of bad form may end at `at`: something must speak for a boundary there.
    fn boundary_at(&self, at: usize) -> bool {
        at == self.tape.len()
            || matches!(
                detect::chain(self.tape.bytes(), at, &self.tape.segments()),
                Chain::Possible { packets: 1.., .. }
            )
    }

    /// The boundary was none.
    fn search_again(&mut self) -> bool {
        self.skip(1, self.lost_because());
        self.state = State::Searching;
        self.next_scan = 0;
        self.search.reset();
        true
    }

    /// What remains when the stream ends.
    fn left_over(&mut self, events: &mut Vec<Event>) {
        let reason = match self.state {
            State::Framing { .. } => match FixedHeader::parse(self.tape.bytes()) {
                Ok(Some(header)) => {
                    self.cut_packet(header.packet_len(), events);
                    return;
                }
                _ => SkipReason::CutHeader,
            },
            State::Searching => self.lost_because(),
            State::Opening | State::Ended => SkipReason::NotMqtt,
        };
        self.skip(self.tape.len(), reason);
    }

    /// Reports all that is in the buffer as the front of a packet.
    fn cut_packet(&mut self, announced_len: usize, events: &mut Vec<Event>) {
        self.found_boundary(events);
        let place = self.tape.place_at(self.tape.len().saturating_sub(1));
        let bytes = self.take(self.tape.len());
        events.push(Event::Packet {
            bytes,
            announced_len,
            place,
        });
    }

    /// A packet begins at the front of the buffer.
    fn found_boundary(&mut self, events: &mut Vec<Event>) {
        if !self.holes.is_empty() {
            let frame = self.tape.place_at(0).frame;
            self.report_holes(Some(frame), events);
        }
    }

    fn report_holes(&mut self, resynced_at_frame: Option<u64>, events: &mut Vec<Event>) {
        for hole in self.holes.drain(..) {
            events.push(hole.into_event(resynced_at_frame));
        }
    }

    fn bound_holes(&mut self, events: &mut Vec<Event>) {
        while self.holes.len() > MAX_HOLES {
            let Some(hole) = self.holes.pop_front() else {
                return;
            };
            events.push(hole.into_event(None));
        }
    }

    /// Drops bytes that belong to no packet.
    fn skip(&mut self, len: usize, reason: SkipReason) {
        if len == 0 {
            return;
        }
        let place = self.tape.place_at(0);
        self.skipped(len as u64, place, reason);
        self.take(len);
    }

    fn take(&mut self, len: usize) -> Bytes {
        self.next_scan = self.next_scan.saturating_sub(len);
        self.search.forget(len);
        self.tape.take(len)
    }
}

impl Hole {
    fn into_event(self, resynced_at_frame: Option<u64>) -> Event {
        match self {
            Hole::Lost { bytes, place } => Event::Gap {
                lost: bytes,
                place,
                resynced_at_frame,
            },
            Hole::Skipped { len, place, reason } => Event::Skipped { len, place, reason },
        }
    }
}

/// Searching again pays after an eighth more bytes; little is looked at each time.
pub(in crate::capture) fn next_scan(len: usize) -> usize {
    if len < 256 { len + 1 } else { len + len / 8 }
}
