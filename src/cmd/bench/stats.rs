//! What was measured. One value for the whole run, in the hands of one thread: no lock.
//!
//! Times are ns. Only what belongs to the measurement comes here; the warm-up is left out by those
//! who call.

use std::collections::BTreeMap;

use super::delivery::{Arrival, Delivery};
use crate::mqtt::{QoS, ReasonCode};
use crate::output::bench::Times;

/// Everything that is counted.
#[derive(Debug)]
pub(super) struct Stats {
    /// By publisher.
    pub(super) publishers: Vec<Publisher>,
    /// By subscriber.
    pub(super) subscribers: Vec<Subscriber>,
    /// From the first packet of the transport to CONNACK.
    pub(super) connect: Times,
    /// From when a message should have been sent to the end of its exchange.
    pub(super) acknowledged: Times,
    /// From when a message should have been sent to its first arrival.
    pub(super) delivered: Times,
    /// How late messages were sent.
    pub(super) lateness: Times,
    /// Refused messages, by reason.
    pub(super) refusals: BTreeMap<u8, u64>,
    /// The last sending and the last arrival, since the start of the run.
    pub(super) last_sent: u64,
    pub(super) last_received: u64,
}

/// What a publisher did.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Publisher {
    pub(super) sent: u64,
    pub(super) acknowledged: u64,
    pub(super) refused: u64,
    /// Messages that should have been sent within the time, and were not.
    pub(super) not_sent: u64,
}

/// What a subscriber got.
#[derive(Debug)]
pub(super) struct Subscriber {
    pub(super) delivery: Delivery,
    /// Messages of no publisher of this run.
    pub(super) foreign: u64,
    /// Messages that were there before the subscription.
    pub(super) retained: u64,
    /// The QoS that the broker granted.
    pub(super) granted: QoS,
}

impl Stats {
    /// Nothing yet.
    pub(super) fn new(publishers: u32, subscribers: u32, qos: QoS) -> Stats {
        Stats {
            publishers: vec![Publisher::default(); publishers as usize],
            subscribers: (0..subscribers)
                .map(|_| Subscriber {
                    delivery: Delivery::new(publishers),
                    foreign: 0,
                    retained: 0,
                    granted: qos,
                })
                .collect(),
            connect: Times::new(),
            acknowledged: Times::new(),
            delivered: Times::new(),
            lateness: Times::new(),
            refusals: BTreeMap::new(),
            last_sent: 0,
            last_received: 0,
        }
    }

    /// A message of this publisher came back from the broker: taken, or refused.
    pub(super) fn handle_ack(&mut self, publisher: u32, reason: ReasonCode, latency: u64) {
        let Some(publisher) = self.publishers.get_mut(publisher as usize) else {
            return;
        };
        if reason.is_error() {
            publisher.refused += 1;
            *self.refusals.entry(reason.0).or_default() += 1;
        } else {
            publisher.acknowledged += 1;
            self.acknowledged.record(latency);
        }
    }

    /// A message of this run came.
    pub(super) fn handle_arrival(
        &mut self,
        subscriber: u32,
        publisher: u32,
        number: u64,
        now: u64,
        latency: u64,
    ) {
        let Some(subscriber) = self.subscribers.get_mut(subscriber as usize) else {
            return;
        };
        match subscriber.delivery.handle(publisher, number) {
            Some(Arrival::InOrder | Arrival::Reordered) => {
                self.delivered.record(latency);
                self.last_received = now;
            }
            Some(Arrival::Duplicate) => {}
            None => subscriber.foreign += 1,
        }
    }

    /// The sums.
    pub(super) fn totals(&self) -> Totals {
        let mut totals = Totals::default();
        for publisher in &self.publishers {
            totals.sent += publisher.sent;
            totals.acknowledged += publisher.acknowledged;
            totals.refused += publisher.refused;
            totals.not_sent += publisher.not_sent;
        }
        let taken = totals.sent.saturating_sub(totals.refused);
        for subscriber in &self.subscribers {
            let unique = subscriber.delivery.unique;
            totals.received += unique;
            totals.duplicated += subscriber.delivery.duplicated;
            totals.reordered += subscriber.delivery.reordered;
            totals.foreign += subscriber.foreign;
            totals.retained += subscriber.retained;
            totals.expected += taken;
            totals.lost += taken.saturating_sub(unique);
        }
        totals
    }
}

/// Sums over all connections.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Totals {
    /// Messages handed to the client.
    pub(super) sent: u64,
    /// QoS 1 and 2: the broker has them.
    pub(super) acknowledged: u64,
    /// QoS 1 and 2: the broker said no.
    pub(super) refused: u64,
    /// Messages that should have been sent within the time, and were not.
    pub(super) not_sent: u64,
    /// Arrivals that there should be: what was sent and not refused, for each subscriber.
    pub(super) expected: u64,
    /// First arrivals.
    pub(super) received: u64,
    /// `expected` without `received`.
    pub(super) lost: u64,
    /// Arrivals of what had come before.
    pub(super) duplicated: u64,
    /// First arrivals behind a later message of the same publisher.
    pub(super) reordered: u64,
    /// Arrivals of what no publisher of this run sent.
    pub(super) foreign: u64,
    /// Arrivals of retained messages.
    pub(super) retained: u64,
}

impl Totals {
    /// QoS 1 and 2: messages without an answer.
    pub(super) fn unacknowledged(&self) -> u64 {
        self.sent
            .saturating_sub(self.acknowledged)
            .saturating_sub(self.refused)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lost_is_what_was_taken_and_never_came() {
        let mut stats = Stats::new(2, 2, QoS::AtLeastOnce);
        stats.publishers[0].sent = 4;
        stats.publishers[1].sent = 2;
        for _ in 0..3 {
            stats.handle_ack(0, ReasonCode::SUCCESS, 1000);
        }
        stats.handle_ack(0, ReasonCode::QUOTA_EXCEEDED, 1000);
        // Number 3 of publisher 0 was refused, and one message of publisher 1 has no answer.
        stats.handle_ack(1, ReasonCode::SUCCESS, 1000);
        // Subscriber 0 gets everything: publisher 0 out of order and one twice.
        for (publisher, number) in [(0, 0), (0, 2), (0, 1), (0, 2), (1, 0), (1, 1)] {
            stats.handle_arrival(0, publisher, number, 7, 2000);
        }
        // Subscriber 1 gets one, and one that nobody sent.
        stats.handle_arrival(1, 1, 0, 9, 2000);
        stats.handle_arrival(1, 5, 0, 11, 2000);
        assert_eq!(
            stats.totals(),
            Totals {
                sent: 6,
                acknowledged: 4,
                refused: 1,
                not_sent: 0,
                expected: 10,
                received: 6,
                lost: 4,
                duplicated: 1,
                reordered: 1,
                foreign: 1,
                retained: 0,
            }
        );
        assert_eq!(stats.acknowledged.count(), 4);
        assert_eq!(stats.delivered.count(), 6);
        assert_eq!(stats.last_received, 9);
    }
}
