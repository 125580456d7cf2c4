//! `--lint`: what is wrong between records, and a verdict.
//!
//! Records come in the order in which they went over the wire, see [`order`](super::order).
//!
//! What is wrong and why is said in [`session`](crate::mqtt::session); here it gets its places in
//! the capture. What is wrong in a packet alone stands in its own record.

mod sift;
mod verdict;

use std::collections::{BTreeMap, VecDeque};
use std::hash::{Hash, Hasher};
use std::net::SocketAddr;

use rustc_hash::{FxHashMap, FxHasher};

use super::captured::place;
use super::order::Item;
use crate::capture::{CapturedPacket, Location, Record, TurnKind, VersionFrom};
use crate::mqtt::decode::{Context, Strict, decode};
use crate::mqtt::session::{At, Finding, Input, Tracker};
use crate::mqtt::{PacketType, Side, Version};
use crate::output::Place;
use crate::output::time::Time;
pub(super) use sift::Sifted;
pub(super) use verdict::{Counts, Verdict};

/// Finds what is wrong between packets.
#[derive(Debug)]
pub(super) struct Lint {
    tracker: Tracker,
    ready: VecDeque<Judged>,
    streams: FxHashMap<u64, Stream>,
    /// Where packets were that want an answer, or their end, by their frames.
    asking: BTreeMap<u64, Location>,
    /// Digits of a second that times have.
    digits: u8,
    /// Packets of a text so far.
    packets: u64,
}

/// What was judged.
#[derive(Debug)]
pub(super) enum Judged {
    /// A record of the capture, and what it makes wrong.
    Record(Record, Vec<Finding>),
    /// Something that no packet makes wrong by coming, such as an answer that is missing.
    Finding(Finding, Place),
}

/// The ends of a connection.
#[derive(Debug, Clone, Copy)]
struct Stream {
    client: SocketAddr,
    server: SocketAddr,
    transport: &'static str,
}

impl Lint {
    /// Nothing has been judged yet.
    pub(super) fn new() -> Lint {
        Lint {
            tracker: Tracker::new(),
            ready: VecDeque::new(),
            streams: FxHashMap::default(),
            asking: BTreeMap::new(),
            digits: 9,
            packets: 0,
        }
    }

    /// Takes a record of a capture; what was judged comes from [`next`](Self::next). `is_late`: one
    /// that belongs behind it came before it.
    pub(super) fn push(&mut self, item: Item, is_late: bool) {
        let mut findings = Vec::new();
        if !matches!(item, Item::Record(Record::Message(_))) {
            let at = self.track(&item, is_late);
            let is_packet = matches!(item, Item::Record(Record::Packet(_)));
            findings = self.found(is_packet.then_some(at));
        }
        match item {
            Item::Lost(_) | Item::Record(Record::Turn(_)) => {}
            Item::Record(record) => self.ready.push_back(Judged::Record(record, findings)),
        }
    }

    /// Takes a packet of a text. Returns what it makes wrong; anything else comes from [`next`](Self::next).
    pub(super) fn packet(&mut self, bytes: &[u8], context: Context) -> Vec<Finding> {
        self.packets += 1;
        let at = At {
            frame: self.packets,
            ..At::default()
        };
        self.tracker.packet(&Input {
            at,
            bytes,
            announced_len: bytes.len(),
            context,
        });
        self.found(Some(at))
    }

    /// Nothing more comes.
    pub(super) fn finish(&mut self) {
        self.tracker.finish();
        self.found(None);
    }

    /// What was judged next.
    pub(super) fn next(&mut self) -> Option<Judged> {
        self.ready.pop_front()
    }

    /// Lets the tracker have something; returns where it was.
    fn track(&mut self, item: &Item, is_late: bool) -> At {
        let at = self.at(item.at());
        let from = item.at().from;
        if is_late {
            // What it belongs to was judged without it.
            self.tracker.lost(at, None);
        }
        match item {
            Item::Record(Record::Packet(packet)) => {
                if wants_answer(&packet.bytes) || packet.is_cut() {
                    self.asking.insert(packet.at.frame, packet.at);
                    if self.asking.len() > MAX_ASKING {
                        self.asking.pop_first();
                    }
                }
                self.tracker.packet(&input(at, packet));
            }
            Item::Record(Record::Turn(turn)) => match turn.kind {
                TurnKind::Opened => self.tracker.opened(at, from),
                TurnKind::Finished => self.tracker.ended(at, from),
                TurnKind::Reset => self.tracker.broken_off(at, from),
                TurnKind::Over => self.tracker.over(at),
                // What was sent has never come.
                TurnKind::Acknowledged | TurnKind::Lost => self.tracker.lost(at, from),
                TurnKind::WebSocket(fault) => {
                    if let Some(from) = from {
                        self.tracker.websocket(at, from, fault);
                    }
                }
                TurnKind::Late => {}
            },
            Item::Record(Record::Skipped(skipped)) if skipped.reason.is_harmless() => {}
            Item::Lost(_) | Item::Record(_) => self.tracker.lost(at, from),
        }
        at
    }

    /// Takes what the tracker has found: returns what the packet at `at` makes wrong, and leaves
    /// what is wrong in a packet alone to its own record.
    fn found(&mut self, at: Option<At>) -> Vec<Finding> {
        let mut of_packet = Vec::new();
        while let Some(finding) = self.tracker.next_finding() {
            let is_here = at == Some(finding.at) && finding.frames.contains(&finding.at.frame);
            match (finding.place, is_here) {
                (Some(_), _) => {}
                (None, true) => of_packet.push(finding),
                (None, false) => {
                    let place = self.place(&finding);
                    self.ready.push_back(Judged::Finding(finding, place));
                }
            }
        }
        of_packet
    }

    fn at(&mut self, location: &Location) -> At {
        if let Some(time) = location.time {
            self.digits = time.digits;
        }
        let (client, server) = match location.from {
            Some(Side::Server) => (location.dst, location.src),
            Some(Side::Client) | None => (location.src, location.dst),
        };
        // Findings on a connection may come when it is over; numbers are never used again.
        if self.streams.len() >= MAX_STREAMS {
            self.streams.clear();
        }
        let is_new = self.streams.insert(
            location.stream,
            Stream {
                client,
                server,
                transport: location.transport,
            },
        );
        let mut hasher = FxHasher::default();
        server.hash(&mut hasher);
        let at = At {
            stream: location.stream,
            frame: location.frame,
            time: location.time.map(|time| time.nanos),
            server: match location.from {
                Some(_) => hasher.finish(),
                None => 0,
            },
        };
        if is_new.is_none() {
            self.tracker.captured(at);
        }
        at
    }

    fn place(&self, finding: &Finding) -> Place {
        let at = finding.at;
        let Some(stream) = self.streams.get(&at.stream) else {
            // A text has neither frames nor connections.
            return Place {
                from: finding.from,
                ..Place::default()
            };
        };
        let is_here = finding.frames.contains(&at.frame);
        let earlier = finding.frames.last().filter(|_| !is_here);
        // What an earlier packet lacks is shown there.
        if let Some(asking) = earlier.and_then(|frame| self.asking.get(frame)) {
            return place(asking);
        }
        Place {
            frame: Some(earlier.copied().unwrap_or(at.frame)),
            time: at.time.filter(|_| is_here).map(|nanos| Time {
                nanoseconds: i128::from(nanos),
                digits: self.digits,
            }),
            stream: Some(at.stream),
            endpoints: Some(match finding.from {
                Some(Side::Server) => (stream.server, stream.client),
                Some(Side::Client) | None => (stream.client, stream.server),
            }),
            from: finding.from,
            transport: Some(stream.transport),
        }
    }
}

/// Whether a packet wants an answer.
fn wants_answer(bytes: &[u8]) -> bool {
    let byte1 = bytes.first().copied().unwrap_or_default();
    match PacketType::from_byte1(byte1) {
        PacketType::PUBLISH => byte1 & 0b0110 != 0,
        PacketType::CONNECT
        | PacketType::PUBREC
        | PacketType::PUBREL
        | PacketType::SUBSCRIBE
        | PacketType::UNSUBSCRIBE
        | PacketType::PINGREQ => true,
        _ => false,
    }
}

/// Packets that want an answer of which the places are remembered; a finding about an older one has
/// no time.
const MAX_ASKING: usize = 1 << 16;

/// Connections whose ends are remembered.
const MAX_STREAMS: usize = 1 << 15;

/// A packet as the tracker takes it.
fn input(at: At, packet: &CapturedPacket) -> Input<'_> {
    Input {
        at,
        bytes: &packet.bytes,
        announced_len: packet.announced_len,
        context: Context {
            version: version_of(packet),
            from: packet.at.from,
        },
    }
}

/// The version to judge a packet by: where nothing says which one it is, one that it is right in.
pub(super) fn version_of(packet: &CapturedPacket) -> Version {
    if packet.version_from != VersionFrom::Default {
        return packet.version;
    }
    let fits = |version: &Version| {
        let context = Context {
            version: *version,
            from: packet.at.from,
        };
        decode(&packet.bytes, context, &mut Strict).is_ok()
    };
    [packet.version, Version::V5, Version::V31]
        .into_iter()
        .find(fits)
        .unwrap_or(packet.version)
}

#[cfg(test)]
mod tests;
