//! One direction of an MQTT connection: cuts its bytes into packets.

use bytes::Bytes;

use crate::{
    capture::{
        detect::{self, Chain},
        follower::Lost,
        record::{Place, SkipReason},
        tape::Tape,
    },
    mqtt::frame::FixedHeader,
};

/// Packets of good form after which a boundary that was searched for is believed.
const TRUST: u8 = 8;

/// What is searched for a boundary at most.
const SEARCH_WINDOW: usize = 256 * 1024;

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
    /// The first byte of the stream was seen.
    pub(super) from_start: bool,
    /// It cannot be MQTT.
    pub(super) refuted: bool,
    /// Bytes that came.
    pub(super) seen: u64,
    /// Buffer length at which looking for a boundary is worth it again.
    next_scan: usize,
    /// Where packets begin, if the scan found out.
    candidate: Option<usize>,
    state: State,
    /// Bytes, after a gap or a limit, that still belong to a packet already reported.
    rest_of_packet: u64,
    rest_reason: Option<SkipReason>,
    gap: Option<(u64, Place)>,
    skipping: Option<(u64, Place, SkipReason)>,
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
    /// What came and is not used yet.
    pub(super) fn bytes(&self) -> &[u8] {
        self.tape.bytes()
    }

    pub(super) fn push(&mut self, bytes: &[u8], place: Place) {
        self.tape.push(bytes, place);
        self.seen += bytes.len() as u64;
    }

    /// Whether enough new bytes came since the last scan.
    pub(super) fn is_scan_due(&self) -> bool {
        !self.tape.is_empty() && self.tape.len() >= self.next_scan
    }

    /// Looks for a boundary while it is not known whether this is MQTT; returns the evidence.
    pub(super) fn scan(&mut self, needed: u32, last: bool) -> u32 {
        self.next_scan = next_scan(self.tape.len());
        if self.tape.is_empty() {
            return 0;
        }
        let segments = self.tape.segments();
        if self.from_start {
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
            let found = detect::search(self.tape.bytes(), &segments, needed, last);
            self.candidate = found.filter(|found| found.convincing).map(|found| found.at);
            found.map_or(0, |found| found.evidence)
        }
    }

    /// Forgets all but the last `window` bytes, once there are twice as many.
    pub(super) fn keep_last(&mut self, window: usize) {
        if self.tape.len() > 2 * window {
            self.skip(self.tape.len() - window, SkipReason::MidStream);
            self.next_scan = 0;
        }
    }

    /// The connection is MQTT. `connect`: this direction begins with CONNECT.
    pub(super) fn accept(&mut self, connect: bool) {
        self.next_scan = 0;
        self.state = if connect {
            State::Framing { trust: TRUST }
        } else if self.from_start {
            State::Opening
        } else if let Some(at) = self.candidate.take() {
            let reason = match self.gap {
                Some(_) => SkipReason::AfterGap,
                None => SkipReason::MidStream,
            };
            self.skip(at, reason);
            State::Framing { trust: 0 }
        } else {
            State::Searching
        };
    }

    /// Bytes are missing before anything was known.
    pub(super) fn gap_before_anything(&mut self, lost: Lost, place: Place) {
        self.skip(self.tape.len(), SkipReason::MidStream);
        self.from_start = false;
        self.refuted = false;
        self.next_scan = 0;
        let before = self.gap.map_or(0, |(lost, _)| lost);
        self.gap = Some((before + lost.bytes, place));
    }

    /// Bytes are missing behind what is in the buffer.
    pub(super) fn gap(&mut self, lost: Lost, place: Place, events: &mut Vec<Event>) {
        self.next_scan = 0;
        // What of a packet lies behind the hole is told by its length.
        let behind = |rest: u64| rest.checked_sub(lost.bytes).filter(|_| lost.exact);
        if self.rest_of_packet > 0 {
            self.report_gap(None, events);
            self.rest_of_packet = match behind(self.rest_of_packet) {
                Some(rest) => rest,
                None => {
                    self.state = State::Searching;
                    0
                }
            };
        } else if matches!(self.state, State::Framing { .. }) {
            let have = self.tape.len();
            let announced = match FixedHeader::parse(self.tape.bytes()) {
                Ok(Some(header)) => Some(header.packet_len()),
                _ => None,
            };
            self.report_gap(None, events);
            match announced {
                Some(announced) => {
                    self.cut_packet(announced, events);
                    match behind(announced.saturating_sub(have) as u64) {
                        Some(rest) => {
                            self.rest_of_packet = rest;
                            self.rest_reason = Some(SkipReason::RestOfCutPacket);
                        }
                        None => self.state = State::Searching,
                    }
                }
                None => {
                    self.skip(have, SkipReason::CutHeader);
                    self.report_skipped(events);
                    self.state = State::Searching;
                }
            }
        } else if self.state != State::Ended {
            self.skip(self.tape.len(), SkipReason::AfterGap);
            self.report_gap(None, events);
            self.state = State::Searching;
        }
        self.gap = Some((lost.bytes, place));
    }

    /// Takes packets off the buffer. `last`: nothing more will come.
    pub(super) fn pump(&mut self, limit: usize, last: bool, events: &mut Vec<Event>) {
        while !self.tape.is_empty() && self.advance(limit, last, events) {}
        if last {
            if !self.tape.is_empty() {
                self.left_over(events);
            }
            self.report_gap(None, events);
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
        self.next_scan = next_scan(self.tape.len());
        let reason = match self.gap {
            Some(_) => SkipReason::AfterGap,
            None => SkipReason::MidStream,
        };
        let segments = self.tape.segments();
        match detect::search(self.tape.bytes(), &segments, detect::EXPECTED, last) {
            Some(found) if found.convincing => {
                self.skip(found.at, reason);
                self.state = State::Framing { trust: 0 };
                true
            }
            _ => {
                if self.tape.len() > SEARCH_WINDOW {
                    self.skip(self.tape.len() / 2, reason);
                    self.next_scan = 0;
                }
                false
            }
        }
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
            let frame = self.tape.place_at(0).frame;
            self.report_gap(Some(frame), events);
            self.report_skipped(events);
            let place = self.tape.place_at(announced - 1);
            let bytes = self.take(announced);
            events.push(Event::Packet {
                bytes,
                announced_len: announced,
                place,
            });
            true
        } else if announced > limit && self.tape.len() >= limit {
            let frame = self.tape.place_at(0).frame;
            self.report_gap(Some(frame), events);
            self.buffer_to_limit(announced, limit, events);
            true
        } else {
            false
        }
    }

    /// Reports the first `limit` bytes of a packet that is larger.
    fn buffer_to_limit(&mut self, announced: usize, limit: usize, events: &mut Vec<Event>) {
        self.report_skipped(events);
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
        let reason = match self.gap {
            Some(_) => SkipReason::AfterGap,
            None => SkipReason::MidStream,
        };
        self.skip(1, reason);
        self.state = State::Searching;
        self.next_scan = 0;
        true
    }

    /// What remains when the stream ends.
    fn left_over(&mut self, events: &mut Vec<Event>) {
        let reason = match self.state {
            State::Framing { .. } => match FixedHeader::parse(self.tape.bytes()) {
                Ok(Some(header)) => {
                    let frame = self.tape.place_at(0).frame;
                    self.report_gap(Some(frame), events);
                    self.cut_packet(header.packet_len(), events);
                    return;
                }
                _ => SkipReason::CutHeader,
            },
            State::Searching if self.gap.is_some() => SkipReason::AfterGap,
            State::Searching => SkipReason::MidStream,
            State::Opening | State::Ended => SkipReason::NotMqtt,
        };
        self.skip(self.tape.len(), reason);
    }

    /// Reports all that is in the buffer as the front of a packet.
    fn cut_packet(&mut self, announced_len: usize, events: &mut Vec<Event>) {
        self.report_skipped(events);
        let place = self.tape.place_at(self.tape.len().saturating_sub(1));
        let bytes = self.take(self.tape.len());
        events.push(Event::Packet {
            bytes,
            announced_len,
            place,
        });
    }

    fn report_gap(&mut self, resynced_at_frame: Option<u64>, events: &mut Vec<Event>) {
        if let Some((lost, place)) = self.gap.take() {
            events.push(Event::Gap {
                lost,
                place,
                resynced_at_frame,
            });
        }
        self.report_skipped(events);
    }

    fn report_skipped(&mut self, events: &mut Vec<Event>) {
        if let Some((len, place, reason)) = self.skipping.take() {
            events.push(Event::Skipped { len, place, reason });
        }
    }

    /// Drops bytes that belong to no packet.
    fn skip(&mut self, len: usize, reason: SkipReason) {
        if len == 0 {
            return;
        }
        let place = self.tape.place_at(0);
        let (before, first, reason) = match self.skipping {
            Some((before, first, reason)) => (before, first, reason),
            None => (0, place, reason),
        };
        self.skipping = Some((before + len as u64, first, reason));
        self.take(len);
    }

    fn take(&mut self, len: usize) -> Bytes {
        self.next_scan = self.next_scan.saturating_sub(len);
        self.tape.take(len)
    }
}

/// Searching again pays after an eighth more bytes; little is looked at each time.
fn next_scan(len: usize) -> usize {
    if len < 256 { len + 1 } else { len + len / 8 }
}
