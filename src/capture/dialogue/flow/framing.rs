//! From bytes to packets, once it is known that they are MQTT.

use super::{Event, Flow, State};
use crate::{
    capture::{
        detect::{self, Chain},
        record::SkipReason,
    },
    mqtt::{PacketType, frame::FixedHeader},
};

/// Packets of good form after which a boundary that was searched for is believed.
pub(super) const TRUST: u8 = 8;

/// Bytes of the longest fixed header.
const MAX_HEADER: usize = 5;

/// What is searched for a boundary at most, unless a large packet may have begun in it.
const SEARCH_WINDOW: usize = 256 * 1024;

impl Flow {
    /// Takes packets off the buffer. `last`: nothing more will come.
    pub(in crate::capture::dialogue) fn pump(
        &mut self,
        limit: usize,
        last: bool,
        events: &mut Vec<Event>,
    ) {
        while !self.tape.is_empty() && self.advance(limit, last, events) {}
        if last {
            if !self.tape.is_empty() {
                self.left_over(events);
            }
            self.report_holes(None, events);
        }
    }

    /// One step; false if more bytes are needed.
    pub(super) fn advance(&mut self, limit: usize, last: bool, events: &mut Vec<Event>) -> bool {
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

    pub(super) fn search(&mut self, last: bool) -> bool {
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
                self.endless(events);
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
            self.goes_on = header.packet_type() != PacketType::DISCONNECT;
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

    /// A Remaining Length of more than four bytes, behind which nobody knows where packets begin.
    fn endless(&mut self, events: &mut Vec<Event>) {
        self.state = State::Ended;
        // Without a packet before it, or behind DISCONNECT, it is not certain that it is meant for one.
        if !self.goes_on || self.tape.len() < MAX_HEADER {
            return;
        }
        self.found_boundary(events);
        let place = self.tape.place_at(MAX_HEADER - 1);
        let bytes = self.take(MAX_HEADER);
        events.push(Event::Packet {
            announced_len: bytes.len(),
            bytes,
            place,
        });
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
    pub(super) fn cut_packet(&mut self, announced_len: usize, events: &mut Vec<Event>) {
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
}
