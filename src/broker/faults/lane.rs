//! One direction of one connection: what waits there, and until when.

use std::collections::VecDeque;
use std::num::NonZeroU64;
use std::time::Duration;

use bytes::Bytes;

use crate::broker::core::Time;

/// Pieces a second in which a slow network passes bytes on, so that they come evenly.
const PIECES: u64 = 50;
const LARGEST_PIECE: u64 = 16 << 10;

/// What stands in a lane.
#[derive(Debug, Clone)]
pub(super) enum Item {
    /// On its way.
    Bytes(Bytes),
    /// An answer to the client in the place of what it has sent.
    Answer(Bytes),
    /// The connection breaks.
    Break,
    /// The core has closed the connection.
    Close,
}

/// In the order of the wire: nothing overtakes.
#[derive(Debug, Default)]
pub(super) struct Lane {
    queue: VecDeque<(Time, Item)>,
    /// Packets that come behind others: how many, and what.
    late: Vec<(usize, Bytes)>,
    /// When the last one in the queue is due.
    last: Time,
    /// When a slow network is free again.
    free_at: Time,
    /// Bytes that wait.
    held: usize,
    /// The time under which it stands among those that wait.
    pub(super) timer: Option<Time>,
    /// Nothing passes any more.
    pub(super) is_dead: bool,
}

impl Lane {
    /// Adds at the end what is on its way for so long.
    pub(super) fn push(&mut self, now: Time, takes: Duration, item: Item) {
        self.last = self.last.max(now.saturating_add(takes));
        if let Item::Bytes(bytes) | Item::Answer(bytes) = &item {
            self.held += bytes.len();
        }
        self.queue.push_back((self.last, item));
    }

    /// Adds a packet, and behind it those that have waited for it.
    pub(super) fn push_packet(&mut self, now: Time, takes: Duration, bytes: Bytes) {
        self.push(now, takes, Item::Bytes(bytes));
        for (left, _) in &mut self.late {
            *left = left.saturating_sub(1);
        }
        while let Some(at) = self.late.iter().position(|(left, _)| *left == 0) {
            let (_, late) = self.late.remove(at);
            self.held = self.held.saturating_sub(late.len());
            self.push(now, takes, Item::Bytes(late));
        }
    }

    /// Keeps a packet until so many others have come.
    pub(super) fn keep(&mut self, behind: usize, bytes: Bytes) {
        self.held += bytes.len();
        self.late.push((behind.max(1), bytes));
    }

    /// Those that others should come before, which will not.
    pub(super) fn push_late(&mut self, now: Time) {
        for (_, late) in std::mem::take(&mut self.late) {
            self.held = self.held.saturating_sub(late.len());
            self.push(now, Duration::ZERO, Item::Bytes(late));
        }
    }

    /// When something is due.
    pub(super) fn next_at(&self) -> Option<Time> {
        let (at, item) = self.queue.front()?;
        Some(match item {
            Item::Bytes(_) | Item::Answer(_) => (*at).max(self.free_at),
            Item::Break | Item::Close => *at,
        })
    }

    /// What is due, at most so many bytes a second.
    pub(super) fn pop_due(&mut self, now: Time, rate: Option<NonZeroU64>) -> Option<Item> {
        let at = self.next_at().filter(|at| *at <= now)?;
        let (due, item) = self.queue.pop_front()?;
        let item = match (rate, item) {
            (Some(rate), Item::Bytes(mut bytes)) => {
                let most = (rate.get() / PIECES).clamp(1, LARGEST_PIECE) as usize;
                let piece = bytes.split_to(bytes.len().min(most));
                if !bytes.is_empty() {
                    self.queue.push_front((due, Item::Bytes(bytes)));
                }
                let takes = piece.len() as u64 * 1_000_000_000 / rate;
                self.free_at = at.saturating_add(Duration::from_nanos(takes));
                Item::Bytes(piece)
            }
            (_, item) => item,
        };
        if let Item::Bytes(bytes) | Item::Answer(bytes) = &item {
            self.held = self.held.saturating_sub(bytes.len());
        }
        Some(item)
    }

    /// Bytes that wait.
    pub(super) fn held(&self) -> usize {
        self.held
    }

    /// Whether nothing waits but what waits for packets that may never come.
    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Forgets what waits; how many bytes that are.
    pub(super) fn clear(&mut self) -> usize {
        self.queue.clear();
        self.late.clear();
        std::mem::take(&mut self.held)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn a_slow_network_passes_bytes_evenly() {
        let mut lane = Lane::default();
        let rate = NonZeroU64::new(1_000);
        lane.push(ms(0), ms(0), Item::Bytes(vec![1; 50].into()));
        lane.push(ms(0), ms(0), Item::Bytes(vec![2; 10].into()));
        let mut passed = Vec::new();
        let mut now = ms(0);
        while let Some(at) = lane.next_at() {
            now = now.max(at);
            if let Some(Item::Bytes(bytes)) = lane.pop_due(now, rate) {
                passed.push((now.as_millis(), bytes.len()));
            }
        }
        // 20 bytes at once are a fiftieth of the thousand.
        assert_eq!(passed, [(0, 20), (20, 20), (40, 10), (50, 10)]);
        assert_eq!(lane.held(), 0);
    }

    #[test]
    fn nothing_overtakes_but_what_was_asked_to_wait() {
        let mut lane = Lane::default();
        lane.push_packet(ms(0), ms(30), b"a".as_slice().into());
        lane.keep(2, b"b".as_slice().into());
        for packet in [b"c".as_slice(), b"d", b"e"] {
            lane.push_packet(ms(1), ms(10), packet.into());
        }
        let mut passed = Vec::new();
        while let Some(Item::Bytes(bytes)) = lane.pop_due(ms(30), None) {
            passed.extend(bytes);
        }
        assert_eq!(passed, b"acdbe");
        assert_eq!((lane.held(), lane.is_empty()), (0, true));
    }
}
