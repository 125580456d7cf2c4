//! Records of a capture in the order of their frames.
//!
//! Packets behind a hole come out when the hole is filled or given up, and by then the answers to
//! them, which go the other way, are out already. To judge who answered what, both directions are
//! put in the order in which they went over the wire.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use crate::capture::{CapturedPacket, Gap, Location, Record, Skipped, Turn, TurnKind, tcp};
use crate::mqtt::PacketType;

/// Frames after which nothing earlier comes any more: a hole is given up by then, and some time
/// after it the connection.
const FRAMES: u64 = 2 * tcp::GRACE + 2;

/// Bytes of packets, with what keeping them costs, that wait at most.
const MAX_BYTES: usize = 8 << 20;

/// What a record costs beside its packet, about.
const COST: usize = 256;

/// What tells about connections.
#[derive(Debug)]
pub(super) enum Item {
    Packet(CapturedPacket),
    /// Something that was sent was not seen.
    Lost(Location),
    Turn(Turn),
}

impl Item {
    /// `None` for records that are no part of an MQTT connection.
    pub(super) fn of(record: &Record) -> Option<Item> {
        match record {
            Record::Packet(packet) => Some(Item::Packet(packet.clone())),
            Record::Gap(Gap { at, .. }) | Record::Skipped(Skipped { at, .. }) => {
                Some(Item::Lost(*at))
            }
            Record::Turn(turn) => Some(Item::Turn(*turn)),
            Record::Message(_) | Record::Sealed(_) => None,
        }
    }

    pub(super) fn at(&self) -> &Location {
        match self {
            Item::Packet(packet) => &packet.at,
            Item::Lost(at) => at,
            Item::Turn(turn) => &turn.at,
        }
    }

    fn cost(&self) -> usize {
        match self {
            Item::Packet(packet) => packet.bytes.len() + COST,
            Item::Lost(_) | Item::Turn(_) => COST,
        }
    }

    /// Nothing of the connection goes before it, whatever its frame: a capture may have the answer
    /// to a CONNECT first.
    fn is_first(&self) -> bool {
        match self {
            Item::Packet(packet) => {
                let byte1 = packet.bytes.first().copied().unwrap_or_default();
                PacketType::from_byte1(byte1) == PacketType::CONNECT
            }
            Item::Lost(_) => false,
            Item::Turn(turn) => turn.kind == TurnKind::Opened,
        }
    }
}

/// Records that wait for earlier ones.
#[derive(Debug, Default)]
pub(super) struct Order {
    waiting: BTreeMap<(u64, u64), Item>,
    cost: usize,
    next: u64,
    /// The latest frame of any record.
    latest: u64,
    /// Per stream and sender, the frame below which the next record cannot go.
    floors: FxHashMap<u64, [u64; 2]>,
}

impl Order {
    /// Takes a record; what can be judged now comes from [`next`](Self::next).
    pub(super) fn push(&mut self, item: Item) {
        let at = *item.at();
        let direction = usize::from(at.src < at.dst);
        let floors = self.floors.entry(at.stream).or_default();
        let floor = floors.get(direction).copied().unwrap_or_default();
        let mut frame = at.frame.max(floor);
        if matches!(&item, Item::Turn(turn) if turn.kind == TurnKind::Over) {
            frame = floors.iter().copied().fold(frame, u64::max);
            self.floors.remove(&at.stream);
        } else if item.is_first() {
            *floors = floors.map(|floor| floor.max(frame));
        } else if let Some(floor) = floors.get_mut(direction) {
            *floor = frame;
        }
        self.latest = self.latest.max(frame);
        self.cost += item.cost();
        self.waiting.insert((frame, self.next), item);
        self.next += 1;
    }

    /// The earliest record, if nothing earlier can come any more; `last`: in any case.
    pub(super) fn next(&mut self, last: bool) -> Option<Item> {
        let entry = self.waiting.first_entry()?;
        let (frame, _) = *entry.key();
        if !last && frame + FRAMES > self.latest && self.cost <= MAX_BYTES {
            return None;
        }
        let item = entry.remove();
        self.cost -= item.cost();
        Some(item)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lost(frame: u64, from_client: bool) -> Item {
        let (a, b) = ("1.1.1.1:1".parse().unwrap(), "2.2.2.2:2".parse().unwrap());
        let (src, dst) = if from_client { (a, b) } else { (b, a) };
        Item::Lost(Location {
            frame,
            time: None,
            stream: 0,
            src,
            dst,
            from: None,
            transport: "tcp",
        })
    }

    fn frames(order: &mut Order, last: bool) -> Vec<u64> {
        std::iter::from_fn(|| order.next(last))
            .map(|item| item.at().frame)
            .collect()
    }

    #[test]
    fn what_was_waited_for_goes_where_it_belongs() {
        let mut order = Order::default();
        for (frame, from_client) in [(10, false), (12, false), (9, true), (11, true)] {
            order.push(lost(frame, from_client));
        }
        assert_eq!(frames(&mut order, false), []);
        assert_eq!(frames(&mut order, true), [9, 10, 11, 12]);
    }

    /// The bytes of one direction have an order, whatever the frames say.
    #[test]
    fn one_direction_stays_as_it_is() {
        let mut order = Order::default();
        for frame in [10, 12, 11] {
            order.push(lost(frame, true));
        }
        order.push(lost(11, false));
        assert_eq!(frames(&mut order, true), [10, 11, 12, 11]);
    }

    #[test]
    fn nothing_waits_for_ever() {
        let mut order = Order::default();
        order.push(lost(1, true));
        order.push(lost(1 + FRAMES, true));
        assert_eq!(frames(&mut order, false), [1]);
    }
}
