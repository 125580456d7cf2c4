//! IP packets that were sent in pieces, put together (RFC 791 section 3.2, RFC 8200 section 4.5).
//!
//! What belongs here: which pieces are of one packet, and when it is whole. What does not: what is
//! in it. Packets that are no pieces never come here.
//!
//! The bytes that came first stay: what overlaps them is ignored. A packet is given up, and
//! counted, when it is not whole after [`MAX_SECONDS`] or [`MAX_FRAMES`], when newer ones need its
//! place, or when its pieces contradict each other.

use std::{
    collections::{HashMap, VecDeque, hash_map::Entry},
    net::IpAddr,
};

use super::{
    ip::{Fragment, IpPacket},
    record::Place,
};

/// The largest payload of a packet; its length has 16 bits.
pub const MAX_PAYLOAD: usize = 65_535;

/// Bytes of packets that are not whole, with what keeping them costs.
pub const MAX_HELD: usize = 4 << 20;

/// How long a packet may take, in seconds of the capture: what Linux waits.
pub const MAX_SECONDS: i64 = 30;

/// How long a packet may take, in frames of the capture.
pub const MAX_FRAMES: u64 = 65_536;

/// Frames for which a packet that was whole is remembered: a piece of it that comes again is none
/// of another packet. Identifications return much later.
const REMEMBERED: u64 = 1_024;

/// What a packet costs beside its bytes.
const OVERHEAD: usize = 256;

/// Offsets of pieces count in units of this many bytes.
const UNIT: usize = 8;

/// Packets that wait for their missing pieces.
#[derive(Debug, Default)]
pub struct Defragmenter {
    // The standard hash: keys come from the network.
    packets: HashMap<Key, Pieces>,
    /// When which packet began, or became whole. The front is the oldest; what is not there any
    /// more, or has another number, was done with before.
    order: VecDeque<(u64, Key)>,
    numbers: u64,
    held: usize,
    given_up: u64,
}

/// A packet of which all pieces came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Whole {
    src: IpAddr,
    dst: IpAddr,
    protocol: u8,
    payload: Vec<u8>,
}

impl Whole {
    /// The packet, as if it had come in one piece.
    pub fn packet(&self) -> IpPacket<'_> {
        IpPacket {
            src: self.src,
            dst: self.dst,
            protocol: self.protocol,
            payload: &self.payload,
            missing: 0,
            fragment: None,
        }
    }
}

/// What the pieces of a packet have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Key {
    src: IpAddr,
    dst: IpAddr,
    id: u32,
    /// IPv6 pieces need not agree on it, and it is 0 here.
    protocol: u8,
}

#[derive(Debug)]
struct Pieces {
    number: u64,
    began: Place,
    /// `None` once it was whole.
    open: Option<Open>,
}

#[derive(Debug, Default)]
struct Open {
    /// What the first piece says; the others need not.
    protocol: u8,
    bytes: Vec<u8>,
    /// A bit per unit: whether its bytes have come.
    units: Vec<u64>,
    filled: usize,
    /// Length of the payload, once the last piece came.
    len: Option<usize>,
}

impl Defragmenter {
    /// Nothing waits yet.
    pub fn new() -> Defragmenter {
        Defragmenter::default()
    }

    /// How many packets were given up, with pieces missing.
    pub fn given_up(&self) -> u64 {
        self.given_up
    }

    /// The capture is over: gives up what waits.
    pub fn finish(&mut self) {
        let open = self.packets.values().filter(|p| p.open.is_some()).count();
        self.given_up += open as u64;
        self.packets.clear();
        self.order.clear();
        self.held = 0;
    }

    /// Takes a piece; gives the packet that it completes.
    pub fn take(&mut self, packet: &IpPacket<'_>, place: Place) -> Option<Whole> {
        let fragment = packet.fragment?;
        self.expire(place);
        let key = Key {
            src: packet.src,
            dst: packet.dst,
            id: fragment.id,
            protocol: match packet.src {
                IpAddr::V4(_) => packet.protocol,
                IpAddr::V6(_) => 0,
            },
        };
        let pieces = match self.packets.entry(key) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => {
                self.numbers += 1;
                self.order.push_back((self.numbers, key));
                self.held += OVERHEAD;
                entry.insert(Pieces {
                    number: self.numbers,
                    began: place,
                    open: Some(Open::default()),
                })
            }
        };
        let open = pieces.open.as_mut()?;
        let before = open.cost();
        let added = open.add(packet, fragment);
        self.held = self.held + open.cost() - before;
        let whole = match added {
            Ok(false) => None,
            // Nothing tells which of the pieces are right.
            Err(Contradiction) => {
                self.remove(key);
                None
            }
            Ok(true) => {
                self.held -= open.cost();
                self.numbers += 1;
                let whole = pieces.open.take().map(|open| Whole {
                    src: packet.src,
                    dst: packet.dst,
                    protocol: open.protocol,
                    payload: open.bytes,
                });
                pieces.number = self.numbers;
                pieces.began = place;
                self.order.push_back((self.numbers, key));
                whole
            }
        };
        while self.held > MAX_HELD {
            let Some((number, key)) = self.order.pop_front() else {
                break;
            };
            if self.packets.get(&key).is_some_and(|p| p.number == number) {
                self.remove(key);
            }
        }
        whole
    }

    fn expire(&mut self, now: Place) {
        while let Some(&(number, key)) = self.order.front() {
            if let Some(pieces) = self.packets.get(&key)
                && pieces.number == number
            {
                let max_frames = match pieces.open {
                    Some(_) => MAX_FRAMES,
                    None => REMEMBERED,
                };
                let seconds = match (pieces.began.time, now.time) {
                    (Some(then), Some(now)) => now.nanos.saturating_sub(then.nanos) / 1_000_000_000,
                    _ => 0,
                };
                if now.frame - pieces.began.frame <= max_frames && seconds <= MAX_SECONDS {
                    return;
                }
                self.remove(key);
            }
            self.order.pop_front();
        }
    }

    fn remove(&mut self, key: Key) {
        if let Some(pieces) = self.packets.remove(&key) {
            self.held -= OVERHEAD;
            if let Some(open) = pieces.open {
                self.held -= open.cost();
                self.given_up += 1;
            }
        }
    }
}

/// The pieces cannot be of one packet.
struct Contradiction;

impl Open {
    fn cost(&self) -> usize {
        self.bytes.capacity() + self.units.capacity() * 8
    }

    /// Adds a piece; whether the packet is whole now.
    fn add(&mut self, packet: &IpPacket<'_>, fragment: Fragment) -> Result<bool, Contradiction> {
        let Fragment { offset, more, .. } = fragment;
        let mut piece = packet.payload;
        let end = offset + piece.len() + packet.missing;
        if end > MAX_PAYLOAD {
            return Err(Contradiction);
        }
        if !more {
            match self.len {
                // All that is behind the end has to be wrong, or the end.
                None if self.bytes.len() > end => return Err(Contradiction),
                None => self.len = Some(end),
                Some(_) => {}
            }
        }
        // What the snapshot length cut, or what is no whole unit before the end, cannot be used.
        let is_end = self.len == Some(end) && packet.missing == 0;
        if !is_end {
            piece = piece.get(..piece.len() / UNIT * UNIT).unwrap_or_default();
        }
        if let Some(len) = self.len {
            piece = piece
                .get(..piece.len().min(len.saturating_sub(offset)))
                .unwrap_or_default();
        }
        if offset == 0 && !piece.is_empty() {
            self.protocol = packet.protocol;
        }
        let end = offset + piece.len();
        if self.bytes.len() < end {
            self.bytes.resize(end, 0);
            self.units.resize(end.div_ceil(UNIT).div_ceil(64), 0);
        }
        for (i, bytes) in piece.chunks(UNIT).enumerate() {
            let unit = offset / UNIT + i;
            let Some(word) = self.units.get_mut(unit / 64) else {
                break;
            };
            let bit = 1 << (unit % 64);
            if *word & bit == 0
                && let Some(place) = self.bytes.get_mut(unit * UNIT..unit * UNIT + bytes.len())
            {
                place.copy_from_slice(bytes);
                *word |= bit;
                self.filled += 1;
            }
        }
        Ok(self
            .len
            .is_some_and(|len| len > 0 && self.filled == len.div_ceil(UNIT)))
    }
}

#[cfg(test)]
mod tests;
