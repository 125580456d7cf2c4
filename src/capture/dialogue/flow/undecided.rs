//! While it is not known whether the bytes are MQTT: what speaks for it, and what is kept.

use std::collections::VecDeque;

use super::{Event, Flow, Hole, State, framing::TRUST, push_skipped};
use crate::capture::{
    detect::{self, Chain},
    follower::Lost,
    record::Place,
    tape::Tape,
};

/// Of a packet that may have begun, while it is not known whether this is MQTT.
const MAX_HOPE: usize = 2 << 20;

/// Evidence of a single packet, which is worth remembering when bytes behind it are missing.
const WORTH_KEEPING: u32 = 16;

/// What lies between holes, while it is not known whether this is MQTT.
const MAX_ISLANDS: usize = 32;
const MAX_ISLAND_BYTES: usize = 64 * 1024;

/// Bytes, and the hole behind them.
#[derive(Debug)]
pub(super) struct Island {
    pub(super) tape: Tape,
    pub(super) from_start: bool,
    pub(super) lost: Lost,
    pub(super) place: Place,
    /// What could not be had behind the hole.
    pub(super) behind: VecDeque<Hole>,
}

impl Flow {
    /// Whether enough new bytes came since the last scan.
    pub(in crate::capture::dialogue) fn is_scan_due(&self) -> bool {
        !self.tape.is_empty() && self.tape.len() >= self.next_scan
    }

    /// Looks for a boundary while it is not known whether this is MQTT; returns the evidence.
    pub(in crate::capture::dialogue) fn scan(&mut self, needed: u32, last: bool) -> u32 {
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
    pub(super) fn after_scan(&self) -> usize {
        next_scan(self.tape.len())
    }

    /// Whether a boundary was found, be there ever so little behind it.
    pub(in crate::capture::dialogue) fn has_boundary(&self) -> bool {
        self.candidate.is_some() && !self.from_start
    }

    /// From now on only packets at the beginning of a segment are looked for.
    pub(in crate::capture::dialogue) fn look_less(&mut self) {
        if !self.from_start && !self.search.is_sparse {
            self.search.is_sparse = true;
            self.next_scan = 0;
            self.skip_to_hope(0);
        }
    }

    /// Forgets all but the last `window` bytes, once there are twice as many; and what a packet
    /// that may have begun has of them.
    pub(in crate::capture::dialogue) fn keep_last(&mut self, window: usize) {
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

    /// Bytes are missing while it is not known whether this is MQTT.
    pub(in crate::capture::dialogue) fn gap_while_undecided(&mut self, lost: Lost, place: Place) {
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
            behind: VecDeque::new(),
        });
        self.refuted = false;
        self.candidate = None;
        self.search.reset();
        self.next_scan = 0;
        while self.islands.len() > MAX_ISLANDS || self.kept() > MAX_ISLAND_BYTES {
            let Some(island) = self.islands.pop_front() else {
                break;
            };
            if !island.tape.is_empty() {
                let len = island.tape.len() as u64;
                let place = island.tape.place_at(0);
                let reason = self.lost_because();
                push_skipped(&mut self.holes, len, place, reason);
            }
            self.lose(island.lost, island.place);
            self.holes.extend(island.behind);
        }
    }

    /// The connection is MQTT: takes packets off what came so far. `connect`: what came since the
    /// last hole begins with CONNECT.
    pub(in crate::capture::dialogue) fn accept(
        &mut self,
        connect: bool,
        limit: usize,
        events: &mut Vec<Event>,
    ) {
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
            self.holes.extend(island.behind);
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

    /// So many of the last bytes are what the scan found.
    pub(in crate::capture::dialogue) fn found(&self) -> Option<usize> {
        self.candidate.map(|at| self.tape.len().saturating_sub(at))
    }
}

/// Searching again pays after an eighth more bytes; little is looked at each time.
pub(in crate::capture) fn next_scan(len: usize) -> usize {
    if len < 256 { len + 1 } else { len + len / 8 }
}
