//! Records of a capture in the order of their frames, for every view.
//!
//! Packets behind a hole come out when the hole is filled or given up, and by then the answers to
//! them, which go the other way, are out already; and what is not known to be MQTT comes out when
//! it is. While something is waited for, what comes out waits here for what may come before it.
//! Nothing waits otherwise, except that who judges must know, too, what was sent before a frame
//! though it was captured behind it: lint waits always.

use std::collections::BTreeMap;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::capture::{Location, Record, TurnKind, Waiting, tcp};
use crate::mqtt::PacketType;

/// Frames for which a record waits at most: a hole is given up by then.
const FRAMES: u64 = tcp::MAX_GRACE + 4 * tcp::GRACE;

/// Frames for which it waits where it is to be judged, though nothing is known to be missing.
const FRAMES_TO_JUDGE: u64 = 4 * tcp::GRACE;

/// Connections whose order is remembered at least.
const MIN_LANES: usize = 1 << 16;

/// Nanoseconds that somebody who watches a growing capture waits at most. A frame that the capture
/// dropped may take longer to be missed.
const TIME: i64 = 10_000_000_000;

/// Bytes of packets, with what keeping them costs, that wait at most.
const MAX_BYTES: usize = 8 << 20;

/// What a record costs beside its packet, about.
const COST: usize = 256;

/// What waits.
#[derive(Debug)]
pub(super) enum Item {
    Record(Record),
    /// Something that was sent here was not seen; the record of it has a place of its own.
    Lost(Location),
}

impl Item {
    pub(super) fn at(&self) -> &Location {
        match self {
            Item::Record(record) => record.at(),
            Item::Lost(at) => at,
        }
    }

    fn cost(&self) -> usize {
        match self {
            Item::Record(Record::Packet(packet)) => packet.bytes.len() + COST,
            Item::Record(Record::Message(message)) => message.bytes.len() + COST,
            _ => COST,
        }
    }
}

/// Nothing of the connection goes before it, whatever its frame: a capture may have the answer to a
/// CONNECT first.
fn is_first(record: &Record) -> bool {
    match record {
        Record::Packet(packet) => {
            let byte1 = packet.bytes.first().copied().unwrap_or_default();
            PacketType::from_byte1(byte1) == PacketType::CONNECT
        }
        Record::Turn(turn) => turn.kind == TurnKind::Opened,
        _ => false,
    }
}

/// Records that wait for earlier ones.
#[derive(Debug, Default)]
pub(super) struct Order {
    waiting: BTreeMap<Key, Item>,
    /// The capture is growing, and somebody watches.
    is_live: bool,
    /// The records are to be judged.
    is_judging: bool,
    cost: usize,
    next: u64,
    /// The latest frame of any record, and the latest moment.
    latest: u64,
    now: Option<i64>,
    lanes: FxHashMap<u64, [Lane; 2]>,
    /// So many of them, and those of connections that nothing waits of are forgotten.
    max_lanes: usize,
}

/// Frame; 0 for what was sent before what the frame has; order of coming.
type Key = (u64, u8, u64);

/// What one end of a connection sends.
#[derive(Debug, Clone, Copy, Default)]
struct Lane {
    /// The frame before which the next record cannot go.
    floor: u64,
    /// The latest place of anything so far.
    latest: u64,
    /// Bytes that have not come were acknowledged in this frame.
    acknowledged: Option<Key>,
    /// What this frame has, the second, goes before the first.
    moved: Option<(u64, u64)>,
    /// Of both ends, in the first: the latest frame that was given out.
    given: u64,
}

impl Order {
    /// Nothing waits. `is_live`: the capture is growing, and somebody watches; `is_judging`: the
    /// records are to be judged.
    pub(super) fn new(is_live: bool, is_judging: bool) -> Order {
        Order {
            is_live,
            is_judging,
            max_lanes: MIN_LANES,
            ..Order::default()
        }
    }

    /// Whether a record does not have to come here: nothing that is waited for can come before it.
    /// `waited`: what was waited for when the frame was read of which it comes.
    #[inline]
    pub(super) fn is_idle(&self, waited: Waiting) -> bool {
        !self.is_judging && self.waiting.is_empty() && !self.waits_for(waited)
    }

    /// Who watches waits for holes only, which do not last.
    fn waits_for(&self, waiting: Waiting) -> bool {
        match waiting {
            Waiting::Nothing => false,
            Waiting::Meaning => !self.is_live,
            Waiting::Bytes => true,
        }
    }

    /// Frames for which the next record waits, while so much is waited for.
    pub(super) fn frames(&self, waiting: Waiting) -> u64 {
        match (self.waits_for(waiting), self.is_judging) {
            (true, _) => FRAMES,
            (false, true) => FRAMES_TO_JUDGE,
            (false, false) => 0,
        }
    }

    /// Takes a record; what has not to wait comes from [`next`](Self::next).
    pub(super) fn push(&mut self, record: Record) {
        let at = *record.at();
        if let Record::Message(_) = record {
            // Datagrams have no order but that of their frames.
            self.wait((at.frame, 1), Item::Record(record));
            return;
        }
        if self.lanes.len() >= self.max_lanes {
            self.forget_lanes();
        }
        let lanes = self.lanes.entry(at.stream).or_default();
        let [first, second] = lanes;
        let (lane, other) = match at.src < at.dst {
            true => (first, second),
            false => (second, first),
        };
        let mut frame = at.frame.max(lane.floor);
        let mut rank = 1;
        let latest = lane.latest.max(other.latest);
        lane.latest = lane.latest.max(frame);
        match &record {
            Record::Turn(turn) if turn.kind == TurnKind::Over => {
                frame = frame.max(latest);
                self.lanes.remove(&at.stream);
            }
            Record::Turn(turn) if turn.kind == TurnKind::Acknowledged => {
                rank = 0;
                lane.acknowledged = Some((frame, rank, self.next));
            }
            Record::Turn(turn) if turn.kind == TurnKind::Lost => rank = 0,
            // It was sent before it was acknowledged.
            Record::Turn(turn) if turn.kind == TurnKind::Late => {
                if let Some(key) = lane.acknowledged
                    && let Some(turn) = self.waiting.remove(&key)
                {
                    self.cost -= turn.cost();
                    lane.moved = Some((key.0, at.frame));
                }
                lane.acknowledged = None;
                return;
            }
            _ if is_first(&record) => {
                lane.floor = lane.floor.max(frame);
                other.floor = other.floor.max(frame);
            }
            // What was sent before it may still come, where a hole is waited for.
            Record::Turn(_) => {}
            _ => {
                match lane.moved {
                    Some((before, late)) if late == at.frame => {
                        (frame, rank) = (before.max(lane.floor), 0);
                    }
                    _ => lane.moved = None,
                }
                let floor = std::mem::replace(&mut lane.floor, frame);
                let is_loss = match &record {
                    Record::Gap(_) => true,
                    Record::Skipped(skipped) => !skipped.reason.is_harmless(),
                    _ => false,
                };
                if is_loss {
                    // Nobody knows when it was sent: perhaps just behind what was seen before.
                    self.wait((floor, rank), Item::Lost(at));
                }
            }
        }
        self.wait((frame, rank), Item::Record(record));
    }

    fn wait(&mut self, (frame, rank): (u64, u8), item: Item) {
        let at = item.at();
        self.latest = self.latest.max(at.frame);
        self.now = self.now.max(at.time.map(|time| time.nanos));
        self.cost += item.cost();
        self.waiting.insert((frame, rank, self.next), item);
        self.next += 1;
    }

    /// Only what waits has an order.
    fn forget_lanes(&mut self) {
        let streams: FxHashSet<u64> = self.waiting.values().map(|item| item.at().stream).collect();
        self.lanes.retain(|stream, _| streams.contains(stream));
        self.max_lanes = MIN_LANES.max(2 * self.lanes.len());
    }

    /// The earliest record, if it has waited for so many frames. And whether one behind it was
    /// given out before it.
    pub(super) fn next(&mut self, frames: u64) -> Option<(Item, bool)> {
        let entry = self.waiting.first_entry()?;
        let (frame, ..) = *entry.key();
        let then = entry.get().at().time.map(|time| time.nanos);
        let is_long_ago = |(then, now): (i64, i64)| now.saturating_sub(then) >= TIME;
        let is_old = frame + frames <= self.latest
            || (self.is_live && then.zip(self.now).is_some_and(is_long_ago));
        if !is_old && self.cost <= MAX_BYTES {
            return None;
        }
        let item = entry.remove();
        self.cost -= item.cost();
        let mut is_late = false;
        let is_message = matches!(item, Item::Record(Record::Message(_)));
        if let Some([lane, _]) = self.lanes.get_mut(&item.at().stream)
            && !is_message
        {
            is_late = frame < lane.given;
            lane.given = lane.given.max(frame);
        }
        Some((item, is_late))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::{CapturedPacket, Timestamp, Turn, VersionFrom};
    use crate::mqtt::Version;

    fn at(frame: u64, from_client: bool) -> Location {
        let (a, b) = ("1.1.1.1:1".parse().unwrap(), "2.2.2.2:2".parse().unwrap());
        let (src, dst) = if from_client { (a, b) } else { (b, a) };
        Location {
            frame,
            time: None,
            stream: 0,
            src,
            dst,
            from: None,
            transport: "tcp",
        }
    }

    fn packet(frame: u64, from_client: bool) -> Record {
        Record::Packet(CapturedPacket {
            at: at(frame, from_client),
            version: Version::V311,
            version_from: VersionFrom::Default,
            bytes: (&[0xc0, 0][..]).into(),
            announced_len: 2,
        })
    }

    fn acknowledged(frame: u64, from_client: bool) -> Record {
        Record::Turn(Turn {
            at: at(frame, from_client),
            kind: TurnKind::Acknowledged,
        })
    }

    fn late(frame: u64, from_client: bool) -> Record {
        Record::Turn(Turn {
            at: at(frame, from_client),
            kind: TurnKind::Late,
        })
    }

    fn frames(order: &mut Order, waiting: Waiting) -> Vec<u64> {
        let frames = order.frames(waiting);
        std::iter::from_fn(|| order.next(frames))
            .map(|(item, _)| item.at().frame)
            .collect()
    }

    #[test]
    fn what_was_waited_for_goes_where_it_belongs() {
        let mut order = Order::new(false, false);
        for (frame, from_client) in [(10, false), (12, false), (9, true), (11, true)] {
            order.push(packet(frame, from_client));
        }
        assert!(frames(&mut order, Waiting::Bytes).is_empty());
        assert_eq!(frames(&mut order, Waiting::Nothing), [9, 10, 11, 12]);
    }

    /// The bytes of one direction have an order, whatever the frames say.
    #[test]
    fn one_direction_stays_as_it_is() {
        let mut order = Order::new(false, false);
        for frame in [10, 12, 11] {
            order.push(packet(frame, true));
        }
        order.push(packet(11, false));
        assert_eq!(frames(&mut order, Waiting::Nothing), [10, 11, 12, 11]);
    }

    /// Frame 5 acknowledges what frame 6 has: it was sent before.
    #[test]
    fn what_was_acknowledged_was_sent_before() {
        let mut order = Order::new(false, false);
        order.push(acknowledged(5, true));
        order.push(packet(5, false));
        order.push(late(6, true));
        order.push(packet(6, true));
        order.push(packet(6, true));
        order.push(packet(7, true));
        order.push(packet(7, false));
        assert_eq!(frames(&mut order, Waiting::Nothing), [6, 6, 5, 7, 7]);
    }

    /// A connection that was not known to be MQTT tells of its end before its packets.
    #[test]
    fn the_end_does_not_hold_up_what_came_before() {
        let mut order = Order::new(false, false);
        let turn = |frame, from_client, kind| {
            let at = at(frame, from_client);
            Record::Turn(Turn { at, kind })
        };
        order.push(turn(20, false, TurnKind::Finished));
        order.push(packet(10, false));
        order.push(packet(9, true));
        order.push(turn(9, true, TurnKind::Over));
        assert_eq!(frames(&mut order, Waiting::Nothing), [9, 10, 20, 9]);
    }

    /// Nothing is kept where nothing is waited for; who watches waits for holes only.
    #[test]
    fn only_what_must_waits() {
        let idle = |is_live, is_judging| {
            let order = Order::new(is_live, is_judging);
            [Waiting::Nothing, Waiting::Meaning, Waiting::Bytes].map(|now| order.is_idle(now))
        };
        assert_eq!(idle(false, false), [true, false, false]);
        assert_eq!(idle(true, false), [true, true, false]);
        assert_eq!(idle(false, true), [false; 3]);
        let mut order = Order::new(false, false);
        order.push(packet(10, true));
        assert!(!order.is_idle(Waiting::Nothing));
        assert!(frames(&mut order, Waiting::Meaning).is_empty());
        assert_eq!(frames(&mut order, Waiting::Nothing), [10]);
        assert!(order.is_idle(Waiting::Nothing));
    }

    #[test]
    fn what_never_comes_is_lost_where_it_was_acknowledged() {
        let mut order = Order::new(false, false);
        order.push(packet(5, true));
        order.push(acknowledged(8, true));
        order.push(packet(8, false));
        let (first, _) = order.next(0).unwrap();
        let (second, _) = order.next(0).unwrap();
        assert_eq!((first.at().frame, second.at().frame), (5, 8));
        assert!(matches!(second, Item::Record(Record::Turn(_))));
    }

    #[test]
    fn who_watches_does_not_wait_long() {
        for (is_live, at_once) in [(true, &[1][..]), (false, &[])] {
            let mut order = Order::new(is_live, false);
            for (frame, seconds) in [(1, 0), (2, 9), (3, 10)] {
                let Record::Packet(mut record) = packet(frame, true) else {
                    unreachable!("it is a packet");
                };
                record.at.time = Some(Timestamp {
                    nanos: seconds * 1_000_000_000,
                    digits: 6,
                });
                order.push(Record::Packet(record));
            }
            assert_eq!(frames(&mut order, Waiting::Bytes), at_once);
            let rest = frames(&mut order, Waiting::Nothing);
            assert_eq!(rest, [1, 2, 3][at_once.len()..]);
        }
    }

    #[test]
    fn nothing_waits_for_ever() {
        let mut order = Order::new(false, false);
        order.push(packet(1, true));
        order.push(packet(1 + FRAMES, true));
        assert_eq!(frames(&mut order, Waiting::Bytes), [1]);
    }
}
