//! Which frames of a capture carried given packets.
//!
//! The first way through a capture says where the packets stand in the bytes of their direction,
//! the second which frames have those bytes, by their sequence numbers. Where the beginning of a
//! connection is not in the capture, these say nothing; then it is all frames of the direction
//! from the one that completed the packet before. Frames that open a connection come along.

use std::net::SocketAddr;

use rustc_hash::FxHashMap;

use super::file::Frame;
use super::ip::{self, Segment, Transport};
use super::link::{self, Skip};
use super::record::Location;

/// Connections and ranges that are remembered, together: a few 100 MB.
const MAX_RANGES: usize = 1 << 22;

/// Connections between the same two addresses that may still go on.
const RECENT: usize = 8;

/// Sender and receiver.
type Way = (SocketAddr, SocketAddr);

/// Collects packets, then finds their frames.
#[derive(Debug, Default)]
pub struct Pick {
    ways: FxHashMap<Way, Direction>,
    ranges: usize,
    /// The frames of all.
    all: Ranges,
}

/// What was sent one way between two addresses.
#[derive(Debug, Default)]
struct Direction {
    /// The connections, one after the other.
    talks: Vec<Talk>,
    /// The connection that the second way through the file has come to.
    at: usize,
    /// A sequence number of it, and how many bytes come before.
    known: Option<(u32, i64)>,
}

/// One direction of a connection.
#[derive(Debug, Default)]
struct Talk {
    stream: u64,
    /// Bytes so far.
    bytes: u64,
    /// The frame of the last packet, wanted or not.
    last_frame: u64,
    /// The bytes that are wanted.
    wanted: Ranges,
    /// The frames that may have them.
    frames: Ranges,
    /// What is wanted was wrapped in something that has to be whole.
    is_wrapped: bool,
}

/// Ranges, ascending, `first..=last`, none next to another.
#[derive(Debug, Default)]
struct Ranges(Vec<(u64, u64)>);

/// There are more separate pieces than can be remembered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("what was selected lies in over {MAX_RANGES} separate pieces of the capture")]
pub struct TooManyPieces;

impl Pick {
    /// Takes note of a packet of `len` bytes, or of bytes that are no packet, in the order of the
    /// capture.
    ///
    /// # Errors
    /// If too many separate ones are wanted.
    pub fn see(&mut self, at: &Location, len: u64, is_wanted: bool) -> Result<(), TooManyPieces> {
        let is_datagram = at.transport == "udp";
        let talk = self.talk((at.src, at.dst), at.stream);
        let first_frame = match is_datagram {
            true => at.frame,
            false => talk.last_frame.min(at.frame),
        };
        let begin = talk.bytes;
        talk.bytes += len;
        talk.last_frame = at.frame;
        if !is_wanted || len == 0 {
            return Ok(());
        }
        talk.is_wrapped |= !is_datagram && at.transport != "tcp";
        let new = usize::from(talk.wanted.add(begin, begin + len - 1))
            + usize::from(talk.frames.add(first_frame, at.frame));
        if talk.is_wrapped {
            // What opened it came from both sides.
            let back = self.talk((at.dst, at.src), at.stream);
            back.is_wrapped = true;
            back.frames.add(at.frame, at.frame);
        }
        self.ranges += new;
        self.all.add(first_frame, at.frame);
        match self.ranges > MAX_RANGES {
            true => Err(TooManyPieces),
            false => Ok(()),
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

    /// Whether a frame carried something of what is wanted. Frames come in their order, from the
    /// first one on.
    pub fn wants(&mut self, frame: &Frame<'_>) -> bool {
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

impl Direction {
    /// Whether something is wanted of a connection that goes on behind a frame.
    fn is_wanted_from(&self, frame: u64) -> bool {
        self.talks
            .iter()
            .any(|talk| talk.last_frame >= frame && talk.frames.last() >= frame)
    }

    fn wants(&mut self, segment: &Segment<'_>, frame: u64) -> bool {
        if segment.syn {
            // The connection that a SYN opens is the first that has something behind it.
            self.at = self.talks.partition_point(|talk| talk.last_frame < frame);
            self.known = Some((segment.seq.wrapping_add(1), 0));
        }
        let Some(talk) = self.talks.get(self.at) else {
            return false;
        };
        if segment.syn || talk.is_wrapped {
            return frame <= talk.frames.last();
        }
        let len = (segment.payload.len() + segment.missing) as u64;
        if len == 0 {
            return false;
        }
        match &mut self.known {
            Some((seq, bytes)) => {
                // Numbers begin again after 4 GiB: near the last one they are clear.
                *bytes += i64::from(segment.seq.wrapping_sub(*seq) as i32);
                *seq = segment.seq;
                let first = u64::try_from(*bytes).unwrap_or(0);
                talk.wanted.touches(first, first + len - 1)
            }
            None => talk.frames.contains(frame),
        }
    }
}

impl Ranges {
    /// Adds a range that begins behind, or within, the last one; says whether it stands alone.
    fn add(&mut self, first: u64, last: u64) -> bool {
        match self.0.last_mut() {
            Some(range) if first <= range.1.saturating_add(1) => {
                range.1 = range.1.max(last);
                false
            }
            _ => {
                self.0.push((first, last));
                true
            }
        }
    }

    fn contains(&self, number: u64) -> bool {
        self.touches(number, number)
    }

    fn touches(&self, first: u64, last: u64) -> bool {
        let at = self.0.partition_point(|range| range.1 < first);
        self.0.get(at).is_some_and(|range| range.0 <= last)
    }

    /// Whether a number lies between the first and the last.
    fn spans(&self, number: u64) -> bool {
        let first = self.0.first().is_some_and(|range| range.0 <= number);
        first && number <= self.last()
    }

    fn last(&self) -> u64 {
        self.0.last().map_or(0, |range| range.1)
    }
}
