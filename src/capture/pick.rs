//! Which frames of a capture carried given packets.
//!
//! The first way through a capture says where the packets stand in the bytes of their direction,
//! the second which frames have those bytes, by their sequence numbers. Where the beginning of a
//! connection is not in the capture, these say nothing; then it is all frames of the direction
//! from the one that completed the packet before.
//!
//! What is needed to read them comes along: the frames that open a connection, what came up to
//! CONNACK, all of a connection that is wrapped in TLS or WebSocket, what is between a Topic Alias
//! and the PUBLISH that set it, and of MQTT-SN what names topic ids.

mod ranges;
mod way;

use std::collections::BTreeMap;
use std::net::SocketAddr;

use rustc_hash::FxHashMap;

use super::file::Frame;
use super::ip::{self, Transport};
use super::link::{self, Skip};
use super::record::Location;
use ranges::Ranges;
use way::{Direction, Piece, Talk};

/// Connections and ranges that are remembered, together: a few 100 MB.
const MAX_RANGES: usize = 1 << 22;

/// Connections between the same two addresses that may still go on.
const RECENT: usize = 8;

/// Topic Aliases that are remembered; of more, all are forgotten.
const MAX_ALIASES: usize = 1 << 18;

/// Frames with messages that may be needed to read others, of each side of a pair.
const MAX_TOLD: usize = 4096;

/// Packets that may be asked for by their frames later.
const MAX_LATER: usize = 1 << 16;

/// Sender and receiver.
type Way = (SocketAddr, SocketAddr);

/// What a packet says of others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Role {
    /// Nothing.
    #[default]
    Plain,
    /// What the connection is: CONNECT and what answers it.
    Opens,
    /// What a topic id of MQTT-SN stands for.
    Names,
    /// What a Topic Alias stands for.
    SetsAlias(u16),
    /// Nothing, but it needs one that says what this Topic Alias stands for.
    UsesAlias(u16),
}

/// Collects packets, then finds their frames.
#[derive(Debug, Default)]
pub struct Pick {
    ways: FxHashMap<Way, Direction>,
    ranges: usize,
    /// The frames of all.
    all: Ranges,
    /// Where aliases were set: by connection and sender.
    aliases: FxHashMap<(u64, SocketAddr, u16), Piece>,
    /// What may be asked for by its frame, if that may happen.
    later: Option<BTreeMap<(u64, u64), Seen>>,
    is_sorted: bool,
    needs_secrets: bool,
}

/// What was not wanted so far.
#[derive(Debug, Clone, Copy)]
struct Seen {
    way: Way,
    stream: u64,
    piece: Piece,
}

/// There are more separate pieces than can be remembered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("what was selected lies in over {MAX_RANGES} separate pieces of the capture")]
pub struct TooManyPieces;

impl Pick {
    /// Nothing is wanted yet. `by_frame`: [`want_frame`](Self::want_frame) may be called.
    pub fn new(by_frame: bool) -> Pick {
        Pick {
            later: by_frame.then(BTreeMap::new),
            ..Pick::default()
        }
    }

    /// Takes note of a packet of `len` bytes, or of bytes that are no packet, in the order of the
    /// capture.
    ///
    /// # Errors
    /// If too many separate ones are wanted.
    pub fn see(
        &mut self,
        at: &Location,
        len: u64,
        role: Role,
        is_wanted: bool,
    ) -> Result<(), TooManyPieces> {
        if len == 0 {
            return Ok(());
        }
        let is_datagram = at.transport == "udp";
        let way = (at.src, at.dst);
        let talk = self.talk(way, at.stream);
        let first_frame = match is_datagram {
            true => at.frame,
            false => talk.last_frame.min(at.frame),
        };
        let piece = Piece {
            bytes: (talk.bytes, talk.bytes + len - 1),
            frames: (first_frame, at.frame),
        };
        talk.bytes += len;
        talk.last_frame = at.frame;
        let opens = talk.opening.see(piece, role);
        if is_datagram {
            if (opens || role == Role::Names) && talk.told.len() < MAX_TOLD {
                talk.told.push(at.frame);
            }
        } else if opens && talk.opening.is_wanted {
            self.want(way, at.stream, piece);
        }
        if let Role::SetsAlias(alias) = role {
            if self.aliases.len() >= MAX_ALIASES {
                self.aliases.clear();
            }
            self.aliases.insert((at.stream, at.src, alias), piece);
        }
        if is_wanted {
            self.want_packet(at, role, piece);
        } else if let Some(later) = &mut self.later {
            let stream = at.stream;
            let seen = Seen { way, stream, piece };
            later.insert((at.frame, piece.bytes.0), seen);
            if later.len() > MAX_LATER {
                later.pop_first();
            }
        }
        match self.ranges > MAX_RANGES {
            true => Err(TooManyPieces),
            false => Ok(()),
        }
    }

    /// The packets that a frame made whole are wanted, too, if it is not too long ago.
    pub fn want_frame(&mut self, frame: u64) {
        let Some(later) = &mut self.later else { return };
        let keys: Vec<_> = later
            .range((frame, 0)..=(frame, u64::MAX))
            .map(|(&key, _)| key)
            .collect();
        for key in keys {
            let found = self.later.as_mut().and_then(|later| later.remove(&key));
            if let Some(Seen { way, stream, piece }) = found {
                self.want(way, stream, piece);
                self.want_opening(way, stream);
            }
        }
    }

    fn want_packet(&mut self, at: &Location, role: Role, mut piece: Piece) {
        let way = (at.src, at.dst);
        if let Role::UsesAlias(alias) = role
            && let Some(set) = self.aliases.get(&(at.stream, at.src, alias))
        {
            // What is missing in between might have set it anew.
            piece.bytes.0 = piece.bytes.0.min(set.bytes.0);
            piece.frames.0 = piece.frames.0.min(set.frames.0);
        }
        self.want(way, at.stream, piece);
        self.want_opening(way, at.stream);
        self.needs_secrets |= matches!(at.transport, "tls" | "wss");
        let talk = self.talk(way, at.stream);
        talk.is_wrapped |= at.transport != "udp" && at.transport != "tcp";
        if talk.is_wrapped {
            // What opened it came from both sides.
            let back = self.talk((at.dst, at.src), at.stream);
            back.is_wrapped = true;
            back.frames.add(at.frame, at.frame);
        }
    }

    fn want(&mut self, way: Way, stream: u64, piece: Piece) {
        let talk = self.talk(way, stream);
        let new = usize::from(talk.wanted.add(piece.bytes.0, piece.bytes.1))
            + usize::from(talk.frames.add(piece.frames.0, piece.frames.1));
        self.ranges += new;
        self.all.add(piece.frames.0, piece.frames.1);
    }

    /// What tells what a connection is, of both sides.
    fn want_opening(&mut self, way: Way, stream: u64) {
        for way in [way, (way.1, way.0)] {
            let talk = self.talk(way, stream);
            let told = std::mem::take(&mut talk.told);
            let new = told.iter().filter(|&&frame| talk.frames.add(frame, frame));
            let new = new.count();
            if !talk.opening.is_wanted {
                talk.opening.is_wanted = true;
                if let Some(piece) = talk.opening.piece {
                    self.want(way, stream, piece);
                }
            }
            self.ranges += new;
            for frame in told {
                self.all.add(frame, frame);
            }
        }
    }

    fn talk(&mut self, way: Way, stream: u64) -> &mut Talk {
        let talks = &mut self.ways.entry(way).or_default().talks;
        // Connections between the same addresses come one after the other.
        let recent = talks.len().saturating_sub(RECENT);
        let known = talks
            .iter()
            .skip(recent)
            .position(|talk| talk.stream == stream);
        let at = match known {
            Some(at) => recent + at,
            None => {
                self.ranges += 1;
                talks.push(Talk {
                    stream,
                    ..Talk::default()
                });
                talks.len() - 1
            }
        };
        &mut talks[at]
    }

    /// Nothing more is wanted: makes it fast to find.
    fn sort(&mut self) {
        if std::mem::replace(&mut self.is_sorted, true) {
            return;
        }
        self.aliases.clear();
        self.later = None;
        self.all.sort();
        for way in self.ways.values_mut() {
            for talk in &mut way.talks {
                talk.wanted.sort();
                talk.frames.sort();
            }
        }
    }

    /// Whether something that is wanted was in TLS.
    pub fn needs_secrets(&self) -> bool {
        self.needs_secrets
    }

    /// Whether a frame carried something of what is wanted. Frames come in their order, from the
    /// first one on.
    pub fn wants(&mut self, frame: &Frame<'_>) -> bool {
        self.sort();
        let number = frame.place.frame;
        let cut = (frame.original_len as usize).saturating_sub(frame.data.len());
        let packet = link::ip_packet(frame.link, frame.data)
            .and_then(|bytes| ip::packet(bytes, cut))
            .ok();
        match packet.as_ref().map(ip::transport) {
            Some(Ok(Transport::Tcp(segment))) => {
                let back = (segment.dst, segment.src);
                let opens = segment.syn
                    && self
                        .ways
                        .get(&back)
                        .is_some_and(|back| back.is_wanted_from(number));
                let way = self.ways.get_mut(&(segment.src, segment.dst));
                way.is_some_and(|way| way.wants(&segment, number)) || opens
            }
            Some(Ok(Transport::Udp(datagram))) => {
                let way = self.ways.get(&(datagram.src, datagram.dst));
                way.is_some_and(|way| way.talks.iter().any(|talk| talk.frames.contains(number)))
            }
            // A piece of an IP packet, or a tunnel.
            Some(Err(Skip::Fragment | Skip::NotTcpOrUdp)) => self.all.spans(number),
            _ => false,
        }
    }
}
