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

#[derive(Debug, Default)]
pub(super) struct Half {
    /// Sequence number of the SYN.
    isn: Option<u32>,
    /// The next byte to deliver; `None` before anything is known.
    next: Option<u64>,
    /// `next` is a guess from an acknowledgment: what lies between it and the first data seen may
    /// have been sent before the capture began, and is not lost then.
    guessed: bool,
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
            (None, Some(_)) => {
                let ahead = self.distance(seq.wrapping_add(1)).unwrap_or(1);
                self.guessed || !(-0x10_0000..=0).contains(&ahead)
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
        if self.next.is_none() {
            self.next = Some(BASE + u64::from(seq) + 1);
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
            self.begin(seq, sent);
        }
        let start = self.unwrap(seq);
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
        if start <= next && captured_end > next && self.ends_before_waiting(captured_end) {
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
        self.advance(Some(place));
        in_order
    }

    fn ends_before_waiting(&self, end: u64) -> bool {
        self.waiting
            .first_key_value()
            .is_none_or(|(&first, _)| end <= first)
    }

    /// The first data seen, without a SYN: where does the stream begin?
    fn begin(&mut self, seq: u32, sent: usize) {
        let start = BASE + u64::from(seq);
        let distance = self.early_ack.map(|ack| seq.wrapping_sub(ack) as i32);
        self.next = Some(match distance {
            // Reordered, or sent before the capture began: the hole may be filled.
            Some(distance @ 1..=0x10_0000) => {
                self.guessed = true;
                start.saturating_add_signed(-i64::from(distance))
            }
            // A keep-alive probe: one byte before what was acknowledged.
            Some(-1) if sent <= 1 => start + 1,
            _ => start,
        });
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

    /// Makes ready what no hole is before. `filled_by`: the frame that filled the hole, if one did.
    fn advance(&mut self, filled_by: Option<Place>) {
        let Some(mut next) = self.next else { return };
        let mut latest = filled_by;
        while let Some(entry) = self.waiting.first_entry() {
            if *entry.key() > next {
                break;
            }
            let (piece, own) = entry.remove();
            self.waiting_cost -= piece.cost();
            next += piece.len();
            let place = match latest {
                Some(latest) if latest.frame > own.frame => latest,
                _ => own,
            };
            latest = Some(place);
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
        // Here the bytes keep the frame they came in: the one that made us give up has nothing to
        // do with them.
        self.advance(None);
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
            (Some((&first, _)), Some(acknowledged)) => self.guessed || acknowledged >= first,
            (Some(_), None) => self.guessed,
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

    /// Whether every byte up to the FIN has been delivered.
    pub(super) fn is_complete(&self) -> bool {
        self.fin
            .is_some_and(|fin| self.next.is_some_and(|next| next >= fin))
    }

    /// Bytes that were sent after the last one delivered, as far as the FIN or acknowledgments
    /// tell. A single acknowledged byte may be a FIN that was not captured, and is not counted.
    pub(super) fn lost_at_end(&self) -> u64 {
        let Some(next) = self.next else { return 0 };
        match (self.fin, self.acknowledged) {
            (Some(fin), _) => fin.saturating_sub(next),
            (None, Some(acknowledged)) => match acknowledged.saturating_sub(next) {
                0 | 1 => 0,
                lost => lost,
            },
            (None, None) => 0,
        }
    }

    /// The next piece in the order of the stream.
    pub(super) fn next_piece(&mut self) -> Option<(Piece, Place)> {
        self.ready.pop_front()
    }
}
