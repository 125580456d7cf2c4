//! One direction of an MQTT connection: cuts its bytes into packets.

use std::collections::VecDeque;

use bytes::Bytes;

use crate::{
    capture::{
        detect::Search,
        follower::Lost,
        record::{Place, SkipReason},
        tape::Tape,
    },
    mqtt::frame::FixedHeader,
};

mod framing;
mod undecided;

use undecided::Island;
pub(in crate::capture) use undecided::next_scan;

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
    /// A whole packet was found, and the last was not DISCONNECT.
    goes_on: bool,
    /// Bytes were lost.
    is_after_gap: bool,
    /// What stands in the place of packets and is not reported yet, in order.
    holes: VecDeque<Hole>,
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
    /// for; [`TRUST`](framing::TRUST) if it is beyond doubt.
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

    /// Why what is skipped has no boundary.
    fn lost_because(&self) -> SkipReason {
        match self.is_after_gap {
            true => SkipReason::AfterGap,
            false => SkipReason::MidStream,
        }
    }

    /// Bytes that cannot be had, in front of what comes. What came before them is used.
    pub(super) fn skipped(&mut self, len: u64, place: Place, reason: SkipReason) {
        let holes = match self.islands.back_mut() {
            Some(island) => &mut island.behind,
            None => &mut self.holes,
        };
        push_skipped(holes, len, place, reason);
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
    pub(super) fn skip(&mut self, len: usize, reason: SkipReason) {
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

/// What cannot be had for the same reason is one hole.
fn push_skipped(holes: &mut VecDeque<Hole>, len: u64, place: Place, reason: SkipReason) {
    match holes.back_mut() {
        Some(Hole::Skipped {
            len: before,
            reason: same,
            ..
        }) if *same == reason => *before += len,
        _ => holes.push_back(Hole::Skipped { len, place, reason }),
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
