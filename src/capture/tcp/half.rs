//! One direction of a connection: puts its bytes in order.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;

use crate::capture::record::Place;

/// Sequence numbers unwrapped to 64 bits start here, so that what lies a little before the first
/// one seen has a number too.
const BASE: u64 = 1 << 32;

/// What a waiting piece costs beside its bytes, about: bytes that come one by one must not take
/// more memory than is allowed.
const PIECE_COST: usize = 128;

/// An acknowledgment of more than this beyond what was seen is not believed.
const MAX_AHEAD: i32 = 64 << 20;

/// Without a SYN, what lies so far before the first segment seen may still come: frames that are
/// captured out of order, or all of them backwards.
const MAX_BEFORE: u32 = 1 << 20;

/// So many signs of life without anything from before the first segment, and it is the beginning.
const SIGNS: u8 = 4;

/// The next thing in the stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece {
    Data(Bytes),
    /// So many bytes are not in the capture.
    Lost(u64),
}

impl Piece {
    fn len(&self) -> u64 {
        match self {
            Piece::Data(bytes) => bytes.len() as u64,
            Piece::Lost(lost) => *lost,
        }
    }

    fn cost(&self) -> usize {
        match self {
            Piece::Data(bytes) => bytes.len() + PIECE_COST,
            Piece::Lost(_) => PIECE_COST,
        }
    }
}

/// The first segment seen, if it has one byte.
#[derive(Debug, Clone, Copy)]
struct Probe {
    seq: u32,
    byte: u8,
    place: Place,
    /// It came again.
    repeated: bool,
}

#[derive(Debug, Default)]
pub(super) struct Half {
    /// Sequence number of the SYN.
    isn: Option<u32>,
    /// The next byte to deliver; `None` before anything is known.
    next: Option<u64>,
    /// `next` is a guess: what lies between it and the first data seen may have been sent before
    /// the capture began, and is not lost then.
    guessed: bool,
    /// Segments and acknowledgments since then.
    signs: u8,
    /// The FIN came before anything else: the frames may be in the opposite order.
    backwards: bool,
    /// A single byte that came before anything else: a keep-alive probe, most likely.
    probe: Option<Probe>,
    /// An acknowledgment from before `next` was known.
    early_ack: Option<u32>,
    /// The highest byte that the other side said it has all before.
    acknowledged: Option<u64>,
    /// What of it was told to the follower.
    told: u64,
    /// Where the FIN is.
    fin: Option<u64>,
    /// What waits behind a hole, without overlaps.
    waiting: BTreeMap<u64, (Piece, Place)>,
    waiting_cost: usize,
    /// What can be delivered.
    ready: VecDeque<(Piece, Place)>,
    /// Whether somebody will ask again about the first hole.
    alarmed: bool,
}

impl Half {
    /// Memory that what waits behind a hole takes, about.
    pub(super) fn pending_bytes(&self) -> usize {
        self.waiting_cost
    }

    /// Whether anything, be it knowledge of lost bytes, waits behind a hole.
    pub(super) fn is_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Where `seq` lies from the next byte that is expected.
    pub(super) fn distance(&self, seq: u32) -> Option<i32> {
        self.next.map(|next| seq.wrapping_sub(next as u32) as i32)
    }

    /// Whether a SYN with `seq` cannot be part of this direction.
    pub(super) fn contradicts_syn(&self, seq: u32) -> bool {
        match (self.isn, self.next) {
            (Some(isn), _) => isn != seq,
            // The first data may be captured before the SYN that it follows.
            (None, Some(next)) => {
                let ahead = self.distance(seq.wrapping_add(1)).unwrap_or(1);
                let latest = match (self.guessed, self.waiting.first_key_value()) {
                    (false, _) => 0,
                    (true, Some((&first, _))) => (first - next) as i32,
                    (true, None) => MAX_BEFORE as i32,
                };
                !(-(MAX_BEFORE as i32)..=latest).contains(&ahead)
            }
            (None, None) => self.early_ack.is_some_and(|ack| ack != seq.wrapping_add(1)),
        }
    }

    /// A SYN; returns whether it is the first one.
    pub(super) fn syn(&mut self, seq: u32) -> bool {
        if self.isn.is_some() {
            return false;
        }
        self.isn = Some(seq);
        let first = seq.wrapping_add(1);
        if self.guessed {
            self.next = Some(self.unwrap(first));
            self.guessed = false;
            self.advance();
        } else if self.next.is_none() {
            self.next = Some(BASE + u64::from(first));
        }
        true
    }

    /// `seq` unwrapped: the number nearest to what is expected.
    fn unwrap(&self, seq: u32) -> u64 {
        let next = self.next.unwrap_or(BASE + u64::from(seq));
        next.saturating_add_signed(i64::from(seq.wrapping_sub(next as u32) as i32))
    }

    /// Takes a segment's bytes. Returns those that come next in the stream; what follows them (or
    /// everything, if they are none) is ready then.
    pub(super) fn take<'a>(
        &mut self,
        seq: u32,
        payload: &'a [u8],
        missing: usize,
        fin: bool,
        place: Place,
    ) -> &'a [u8] {
        let sent = payload.len() + missing;
        if sent == 0 && !fin {
            return &[];
        }
        if self.next.is_none() {
            if let ([byte], 0, false) = (payload, missing, fin)
                && self.may_be_probe(seq, *byte, place)
            {
                return &[];
            }
            self.begin(seq, sent, fin);
        }
        let mut start = self.unwrap(seq);
        if self.fin.is_some_and(|fin| start > fin) {
            start -= 1; // The FIN has a number of its own.
        }
        let end = start + sent as u64;
        if fin && self.fin.is_none() {
            self.fin = Some(end);
        }
        let Some(next) = self.next else { return &[] };
        if end <= next {
            return &[]; // A retransmission, or a keep-alive probe.
        }
        let captured_end = start + payload.len() as u64;
        let mut in_order: &[u8] = &[];
        if start <= next
            && captured_end > next
            && self.ready.is_empty()
            && self.ends_before_waiting(captured_end)
        {
            // The usual case: in order, and not copied.
            in_order = payload.get((next - start) as usize..).unwrap_or_default();
            self.next = Some(captured_end);
            self.guessed = false;
        } else if !payload.is_empty() {
            self.wait(start, Piece::Data(Bytes::copy_from_slice(payload)), place);
        }
        if missing > 0 {
            self.wait(captured_end, Piece::Lost(missing as u64), place);
        }
        self.advance();
        self.sign_of_life();
        in_order
    }

    /// The first segment seen has one byte, without a SYN. Idle connections are probed with a byte
    /// of garbage from before what comes next; hardly anybody sends bytes one by one.
    fn may_be_probe(&mut self, seq: u32, byte: u8, place: Place) -> bool {
        if self.early_ack == Some(seq) {
            return false;
        }
        match &mut self.probe {
            None => {
                self.probe = Some(Probe {
                    seq,
                    byte,
                    place,
                    repeated: false,
                });
                true
            }
            Some(probe) if probe.seq == seq => {
                probe.repeated = true;
                true
            }
            Some(_) => false,
        }
    }

    fn ends_before_waiting(&self, end: u64) -> bool {
        self.waiting
            .first_key_value()
            .is_none_or(|(&first, _)| end <= first)
    }

    /// The first data seen, without a SYN: where does the stream begin?
    fn begin(&mut self, seq: u32, sent: usize, fin: bool) {
        let start = BASE + u64::from(seq);
        if let Some(probe) = self.probe.take()
            && probe.seq.wrapping_add(1) == seq
        {
            self.next = Some(start);
            if !probe.repeated {
                // Once: a byte like any other.
                self.ready.push_back((
                    Piece::Data(Bytes::copy_from_slice(&[probe.byte])),
                    probe.place,
                ));
            }
            return;
        }
        let distance = self.early_ack.map(|ack| seq.wrapping_sub(ack) as i32);
        self.next = Some(match distance.filter(|_| !fin) {
            Some(0) => start,
            // Sent again, since the acknowledgment was captured before it.
            Some(-1) if sent <= 1 => start + 1,
            // What is not acknowledged may come.
            Some(distance) if (1..=MAX_BEFORE as i32).contains(&distance) => {
                self.guessed = true;
                start.saturating_add_signed(-i64::from(distance))
            }
            _ => {
                self.guessed = true;
                start - u64::from(MAX_BEFORE)
            }
        });
        self.backwards = fin;
    }

    /// Ends the wait for what may have been sent before the first segment seen.
    fn sign_of_life(&mut self) {
        if !self.guessed || self.backwards {
            return;
        }
        self.signs += 1;
        if self.signs > SIGNS && self.is_waiting() {
            self.give_up_first_hole();
        }
    }

    /// Keeps the parts of a piece that are not known yet.
    fn wait(&mut self, start: u64, piece: Piece, place: Place) {
        let end = start + piece.len();
        let mut from = start.max(self.next.unwrap_or(start));
        // A piece that begins before and reaches into this one.
        if let Some((&at, (before, _))) = self.waiting.range(..=from).next_back() {
            from = from.max(at + before.len());
        }
        while from < end {
            let until = match self.waiting.range(from..end).next() {
                Some((&at, _)) => at,
                None => end,
            };
            if from < until {
                let part = match &piece {
                    Piece::Data(bytes) if (from, until) == (start, end) => {
                        Piece::Data(bytes.clone())
                    }
                    // Copied: a slice of it would keep all of it in memory, uncounted.
                    Piece::Data(bytes) => Piece::Data(Bytes::copy_from_slice(
                        bytes
                            .get((from - start) as usize..(until - start) as usize)
                            .unwrap_or_default(),
                    )),
                    Piece::Lost(_) => Piece::Lost(until - from),
                };
                self.waiting_cost += part.cost();
                self.waiting.insert(from, (part, place));
            }
            from = match self.waiting.get(&until) {
                Some((known, _)) => until + known.len(),
                None => until,
            };
        }
    }

    /// Makes ready what no hole is before.
    fn advance(&mut self) {
        let Some(mut next) = self.next else { return };
        while let Some(entry) = self.waiting.first_entry() {
            if *entry.key() > next {
                break;
            }
            let (piece, place) = entry.remove();
            self.waiting_cost -= piece.cost();
            next += piece.len();
            self.ready.push_back((piece, place));
        }
        self.next = Some(next);
        if self.guessed && !self.ready.is_empty() {
            self.guessed = false;
        }
    }

    /// Says that the first hole stays one.
    pub(super) fn give_up_first_hole(&mut self) {
        let (Some(next), Some((&first, (_, own)))) = (self.next, self.waiting.first_key_value())
        else {
            return;
        };
        if first > next && !self.guessed {
            self.ready.push_back((Piece::Lost(first - next), *own));
        }
        self.next = Some(first);
        self.advance();
        self.guessed = false;
    }

    /// The first hole stays one if the other side has said that it has what lies behind it.
    pub(super) fn give_up_acknowledged_hole(&mut self) {
        self.alarmed = false;
        if self.has_acknowledged_hole() {
            self.give_up_first_hole();
        }
    }

    /// The other side has everything before `ack`.
    pub(super) fn acknowledged(&mut self, ack: u32) {
        if self.next.is_none() {
            self.early_ack = Some(ack);
            return;
        }
        self.sign_of_life();
        let has = |ack| {
            self.waiting
                .first_key_value()
                .is_some_and(|(&first, (piece, _))| self.unwrap(ack) >= first + piece.len())
        };
        if self.guessed && !self.backwards && has(ack) {
            // What was before the first segment came before the capture.
            self.give_up_first_hole();
        }
        if self
            .distance(ack)
            .is_none_or(|ahead| !(0..=MAX_AHEAD).contains(&ahead))
        {
            return; // Old news, or nonsense.
        }
        let ack = self.unwrap(ack);
        self.acknowledged = Some(self.acknowledged.map_or(ack, |before| before.max(ack)));
    }

    /// Whether more was acknowledged than has come, once for each acknowledgment. A single byte
    /// may be a FIN.
    pub(super) fn lacks_acknowledged(&mut self) -> bool {
        let (Some(next), Some(acknowledged)) = (self.next, self.acknowledged) else {
            return false;
        };
        let lacks = acknowledged > next.saturating_add(1).max(self.told);
        if lacks {
            self.told = acknowledged;
        }
        lacks
    }

    /// Whether a segment has what the follower was told is acknowledged.
    pub(super) fn is_late(&self, seq: u32, len: usize) -> bool {
        self.next.is_some_and(|next| next < self.told) && len > 0 && self.unwrap(seq) < self.told
    }

    fn has_acknowledged_hole(&self) -> bool {
        match (self.waiting.first_key_value(), self.acknowledged) {
            (Some(_), _) if self.guessed => !self.backwards,
            (Some((&first, _)), Some(acknowledged)) => acknowledged >= first,
            (Some(_), None) => false,
            (None, _) => false,
        }
    }

    /// Whether a hole should be looked at again after the grace; true once per alarm.
    pub(super) fn wants_alarm(&mut self) -> bool {
        let wants = !self.alarmed && self.has_acknowledged_hole();
        self.alarmed |= wants;
        wants
    }

    pub(super) fn has_fin(&self) -> bool {
        self.fin.is_some()
    }

    /// Whether `seq` lies behind the FIN.
    pub(super) fn is_over_before(&self, seq: u32) -> bool {
        self.fin.is_some_and(|fin| self.unwrap(seq) > fin + 1)
    }

    /// Whether a receiver takes an RST with `seq` seriously.
    pub(super) fn allows_reset(&self, seq: u32) -> bool {
        self.guessed
            || self
                .distance(seq)
                .is_none_or(|distance| (-1..=MAX_BEFORE as i32).contains(&distance))
    }

    /// Whether every byte up to the FIN has been delivered.
    pub(super) fn is_complete(&self) -> bool {
        !self.guessed
            && self
                .fin
                .is_some_and(|fin| self.next.is_some_and(|next| next >= fin))
    }

    /// Bytes that were sent after the last one delivered, as far as the FIN or acknowledgments
    /// tell. A single acknowledged byte may be a FIN that was not captured, and is not counted.
    pub(super) fn lost_at_end(&self) -> u64 {
        let Some(next) = self.next.filter(|_| !self.guessed) else {
            return 0;
        };
        match (self.fin, self.acknowledged) {
            (Some(fin), _) => fin.saturating_sub(next),
            (None, Some(acknowledged)) => match acknowledged.saturating_sub(next) {
                0 | 1 => 0,
                lost => lost,
            },
            (None, None) => 0,
        }
    }

    /// Whether it is open what came before the first segment seen.
    pub(super) fn is_open_before(&self) -> bool {
        self.guessed && !self.backwards && self.is_waiting()
    }

    /// Keeps bytes that could be delivered.
    pub(super) fn put_back(&mut self, bytes: &[u8], place: Place) {
        let piece = Piece::Data(Bytes::copy_from_slice(bytes));
        self.ready.push_front((piece, place));
    }

    /// Pieces that are ready.
    pub(super) fn ready(&self) -> usize {
        self.ready.len()
    }

    /// The frame of the next piece.
    pub(super) fn next_frame(&self) -> Option<u64> {
        self.ready.front().map(|(_, place)| place.frame)
    }

    /// The next piece in the order of the stream.
    pub(super) fn next_piece(&mut self) -> Option<(Piece, Place)> {
        self.ready.pop_front()
    }
}
