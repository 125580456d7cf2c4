//! Counts of messages: of a run, of a QoS, of a subscriber. They add.

use serde::{Deserialize, Serialize};

/// Counts of messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Counts {
    /// Messages sent.
    pub sent: u64,
    /// Payload bytes of those.
    pub sent_bytes: u64,
    /// Messages that were due and not sent, because the broker took nothing.
    pub not_sent: u64,
    /// Messages that were due at a rate, sent or not.
    pub due: u64,
    /// Of those, messages sent within the time in which messages were due.
    pub offered: u64,
    /// Messages whose exchange has ended well: QoS 1 and 2.
    pub acknowledged: u64,
    /// Messages that the broker refused: QoS 1 and 2.
    pub refused: u64,
    /// Messages without an answer at the end: QoS 1 and 2.
    pub unacknowledged: u64,
    /// Arrivals that there should be, all subscribers together; in a shard alone, of what its own
    /// publishers sent.
    pub expected: u64,
    /// Different messages that came.
    pub received: u64,
    /// Payload bytes of those.
    pub received_bytes: u64,
    /// Arrivals of messages that the broker had refused: received, and not expected.
    pub refused_received: u64,
    /// Expected and not received; 0 as long as shards are missing.
    pub lost: u64,
    /// Arrivals of what had come before.
    pub duplicated: u64,
    /// First arrivals behind a later message of the same publisher at the same subscriber.
    pub reordered: u64,
    /// Arrivals of what this run did not send, or of what does not look like it any more.
    pub foreign: u64,
    /// Payload bytes of those.
    pub foreign_bytes: u64,
    /// Arrivals of retained messages.
    pub retained: u64,
}

/// What one subscriber got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Subscriber {
    /// Which group it is of, from 0.
    pub group: u32,
    /// Its number in the whole run, from 0.
    pub number: u32,
    /// The QoS that the broker granted.
    pub granted_qos: u8,
    /// Whether it shares its subscription with others of its group: what each of them should get
    /// is up to the broker, so nothing is `expected` of it or `lost` to it alone.
    pub shared: bool,
    /// As in [`Counts`].
    pub expected: u64,
    /// As in [`Counts`].
    pub received: u64,
    /// As in [`Counts`].
    pub refused_received: u64,
    /// As in [`Counts`].
    pub lost: u64,
    /// As in [`Counts`].
    pub duplicated: u64,
    /// As in [`Counts`].
    pub reordered: u64,
    /// As in [`Counts`].
    pub foreign: u64,
    /// As in [`Counts`].
    pub retained: u64,
}

impl Counts {
    /// Adds another's.
    pub fn add(&mut self, other: &Counts) {
        add(&mut self.sent, other.sent);
        add(&mut self.sent_bytes, other.sent_bytes);
        add(&mut self.not_sent, other.not_sent);
        add(&mut self.due, other.due);
        add(&mut self.offered, other.offered);
        add(&mut self.acknowledged, other.acknowledged);
        add(&mut self.refused, other.refused);
        add(&mut self.unacknowledged, other.unacknowledged);
        add(&mut self.expected, other.expected);
        add(&mut self.received, other.received);
        add(&mut self.received_bytes, other.received_bytes);
        add(&mut self.refused_received, other.refused_received);
        add(&mut self.lost, other.lost);
        add(&mut self.duplicated, other.duplicated);
        add(&mut self.reordered, other.reordered);
        add(&mut self.foreign, other.foreign);
        add(&mut self.foreign_bytes, other.foreign_bytes);
        add(&mut self.retained, other.retained);
    }

    /// Counts what was lost, now that everything is known of who sent and who got what.
    pub(super) fn settle(&mut self) {
        self.lost = lost(self.expected, self.received, self.refused_received);
    }
}

impl Subscriber {
    pub(super) fn add(&mut self, other: &Subscriber) {
        self.granted_qos = self.granted_qos.min(other.granted_qos);
        self.shared |= other.shared;
        add(&mut self.expected, other.expected);
        add(&mut self.received, other.received);
        add(&mut self.refused_received, other.refused_received);
        add(&mut self.lost, other.lost);
        add(&mut self.duplicated, other.duplicated);
        add(&mut self.reordered, other.reordered);
        add(&mut self.foreign, other.foreign);
        add(&mut self.retained, other.retained);
    }

    /// Counts what was lost, likewise.
    pub(super) fn settle(&mut self) {
        self.lost = match self.shared {
            true => 0,
            false => lost(self.expected, self.received, self.refused_received),
        };
    }

    /// Its part of the counts; how many bytes it got is not known.
    pub fn counts(&self) -> Counts {
        Counts {
            expected: self.expected,
            received: self.received,
            refused_received: self.refused_received,
            lost: self.lost,
            duplicated: self.duplicated,
            reordered: self.reordered,
            foreign: self.foreign,
            retained: self.retained,
            ..Counts::default()
        }
    }
}

/// A message that was refused and came all the same makes up for none that did not.
fn lost(expected: u64, received: u64, refused_received: u64) -> u64 {
    expected.saturating_sub(received.saturating_sub(refused_received))
}

/// Sums stop at the largest number: a file can hold any.
pub(super) fn add(own: &mut u64, other: u64) {
    *own = own.saturating_add(other);
}
