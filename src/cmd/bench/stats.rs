//! What was counted and timed by one worker: one value, in the hands of one thread, without a lock.
//!
//! Times are ns. Only what belongs to the measurement comes here; the warm-up is left out by those
//! who call.

use super::delivery::{Arrival, Arrivals, Delivery, Order};
use super::dues::Dues;
use super::ranges::Ranges;
use super::stamp::Stamp;
use super::unanswered::Times;
use crate::mqtt::{PacketType, QoS, ReasonCode, Version};
use crate::output::bench::{Coarse, Coarsened, Counts, Latencies, Measured, Pair, Row};

/// A second, in ns.
const SECOND: u64 = 1_000_000_000;

/// Everything that a worker counts.
#[derive(Debug, Default)]
pub(super) struct Stats {
    /// Those of this worker.
    pub(super) publishers: Vec<Publisher>,
    /// Those of this worker.
    pub(super) subscribers: Vec<Subscriber>,
    /// The shared subscriptions of this worker: all who share one are with the same worker.
    pub(super) shares: Vec<Share>,
    /// Latencies, refusals and errors.
    pub(super) measured: Measured,
    /// The second that goes on.
    second: Second,
    /// The last sending and the last arrival, since the start of the run.
    pub(super) last_sent: u64,
    pub(super) last_received: u64,
    /// CPU time of the thread while messages were sent, and how long that was.
    pub(super) busy: (u64, u64),
}

/// What a publisher did.
#[derive(Debug, Clone, Default)]
pub(super) struct Publisher {
    pub(super) group: usize,
    pub(super) number: u32,
    pub(super) sent: u64,
    pub(super) sent_bytes: u64,
    pub(super) acknowledged: u64,
    pub(super) refused: u64,
    /// Which those were.
    pub(super) refused_numbers: Ranges,
    /// Messages that should have been sent within the time, and were not.
    pub(super) not_sent: u64,
    /// Messages sent at a rate when no message was due any more.
    pub(super) sent_late: u64,
    /// When its messages were due; none without a rate.
    pub(super) dues: Option<Dues>,
    /// When it sent its last one.
    pub(super) last_sent: u64,
    /// QoS 1 and 2: messages that it may have in flight, by its own measure and the broker's.
    pub(super) window: u16,
    pub(super) waits: Waits,
}

/// How long, in ns, messages waited that were due, and for what.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Waits {
    /// For an acknowledgement, because of `--inflight`; and how many may be in flight.
    pub(super) window: (u64, u16),
    /// For an acknowledgement, because of the broker's Receive Maximum; likewise.
    pub(super) maximum: (u64, u16),
    /// For the socket to take more.
    pub(super) socket: u64,
}

impl Waits {
    /// Adds another publisher's.
    pub(super) fn add(&mut self, other: &Waits) {
        let add = |own: &mut (u64, u16), other: (u64, u16)| {
            own.0 = own.0.saturating_add(other.0);
            own.1 = own.1.max(other.1);
        };
        add(&mut self.window, other.window);
        add(&mut self.maximum, other.maximum);
        self.socket = self.socket.saturating_add(other.socket);
    }
}

/// What a subscriber got.
#[derive(Debug)]
pub(super) struct Subscriber {
    pub(super) group: usize,
    pub(super) number: u32,
    pub(super) reception: Reception,
    /// By the QoS of the delivery.
    pub(super) arrivals: [Arrivals; 3],
    /// Messages of no publisher of this run.
    pub(super) foreign: u64,
    /// Payload bytes of those.
    pub(super) foreign_bytes: u64,
    /// Messages that were there before the subscription.
    pub(super) retained: u64,
    /// The QoS that the broker granted.
    pub(super) granted: QoS,
}

/// How what comes to a subscriber is told apart.
#[derive(Debug)]
pub(super) enum Reception {
    /// It should get everything.
    Own(Delivery),
    /// It shares the subscription with this index.
    Shared(usize, Order),
}

/// A shared subscription: all of a group have one.
#[derive(Debug)]
pub(super) struct Share {
    pub(super) group: usize,
    /// What came to any of them.
    pub(super) delivery: Delivery,
    /// The lowest QoS that the broker granted one of them.
    pub(super) granted: QoS,
}

/// What was counted in one second.
#[derive(Debug, Default)]
struct Second {
    /// Of the measurement, from 0.
    number: u64,
    row: Row,
    ack: (Coarse, u64),
    e2e: (Coarse, u64),
}

impl Stats {
    /// Ends the second that goes on if `now`, in ns since the begin of the measurement, is behind it,
    /// and gives it with its number.
    pub(super) fn turn(&mut self, now: u64, connected: u64) -> Option<(u64, Row)> {
        let number = now / SECOND;
        if number <= self.second.number {
            return None;
        }
        let next = Second {
            number,
            ..Second::default()
        };
        Some(std::mem::replace(&mut self.second, next).finish(connected))
    }

    /// All that was counted so far, whatever its QoS, and without times.
    pub(super) fn counts(&self) -> Measured {
        let mut sum = Counts::default();
        for publisher in &self.publishers {
            sum.add(&Counts {
                sent: publisher.sent,
                sent_bytes: publisher.sent_bytes,
                not_sent: publisher.not_sent,
                acknowledged: publisher.acknowledged,
                refused: publisher.refused,
                ..Counts::default()
            });
        }
        for subscriber in &self.subscribers {
            sum.foreign += subscriber.foreign;
            sum.foreign_bytes += subscriber.foreign_bytes;
            for arrivals in &subscriber.arrivals {
                sum.received += arrivals.unique;
                sum.received_bytes += arrivals.bytes;
                sum.duplicated += arrivals.duplicated;
                sum.reordered += arrivals.reordered;
            }
        }
        Measured {
            qos: [sum, Counts::default(), Counts::default()],
            refusals: self.measured.refusals.clone(),
            errors: self.measured.errors.clone(),
            ..Measured::default()
        }
    }

    /// Ends the second that goes on, and with it the run.
    pub(super) fn end(&mut self, connected: u64) -> (u64, Row) {
        std::mem::take(&mut self.second).finish(connected)
    }

    /// Messages were sent; the last at `now`.
    #[inline]
    pub(super) fn handle_sent(&mut self, publisher: usize, count: u64, bytes: u64, now: u64) {
        if let Some(publisher) = self.publishers.get_mut(publisher) {
            publisher.sent += count;
            publisher.sent_bytes += bytes;
            publisher.last_sent = now;
        }
        self.second.row.sent += count;
        self.last_sent = self.last_sent.max(now);
    }

    /// A message of this publisher was acknowledged, so long behind when it should have been sent,
    /// and if that was not the same, so long behind when it was.
    #[inline]
    pub(super) fn handle_ack(
        &mut self,
        publisher: usize,
        qos: QoS,
        latency: u64,
        uncorrected: Option<u64>,
    ) {
        if let Some(publisher) = self.publishers.get_mut(publisher) {
            publisher.acknowledged += 1;
        }
        self.second.row.acknowledged += 1;
        if let Some(pair) = ack_of(&mut self.measured.latencies, qos) {
            pair.corrected.record(latency);
            if let Some(uncorrected) = uncorrected {
                pair.uncorrected.record(uncorrected);
            }
        }
        let (times, max) = &mut self.second.ack;
        times.record(latency);
        *max = latency.max(*max);
    }

    /// The broker refused the message of this publisher with this number.
    pub(super) fn handle_refusal(
        &mut self,
        publisher: usize,
        number: u64,
        packet: PacketType,
        version: Version,
        reason: ReasonCode,
    ) {
        if let Some(publisher) = self.publishers.get_mut(publisher) {
            publisher.refused += 1;
            publisher.refused_numbers.insert(number);
        }
        self.refuse(packet, version, reason);
    }

    /// Messages of this publisher were due from then on and never sent: they have waited until the
    /// end at least. Each should have arrived so often.
    pub(super) fn handle_unsent(
        &mut self,
        publisher: usize,
        qos: QoS,
        fan_out: u64,
        (dues, count): (Dues, u64),
        end: u64,
    ) {
        if let Some(publisher) = self.publishers.get_mut(publisher) {
            publisher.not_sent = count;
        }
        let latencies = &mut self.measured.latencies;
        for (ns, count) in dues.waits(0..count, end) {
            latencies.lateness.record_n(ns, count);
            latencies.lateness_lower_bounds += count;
            if let Some(ack) = ack_of(latencies, qos) {
                ack.record_bound(ns, count);
            }
            let arrivals = count.saturating_mul(fan_out);
            latencies.e2e.record_bound(ns, arrivals);
        }
    }

    /// A message was not acknowledged until now, and never will be.
    pub(super) fn handle_unanswered(&mut self, qos: QoS, times: Times, now: u64, is_paced: bool) {
        let Some(ack) = ack_of(&mut self.measured.latencies, qos) else {
            return;
        };
        ack.record_bound(now.saturating_sub(times.due), 1);
        if is_paced {
            ack.record_uncorrected_bound(now.saturating_sub(times.sent), 1);
        }
    }

    /// The broker refused something.
    pub(super) fn refuse(&mut self, packet: PacketType, version: Version, reason: ReasonCode) {
        let name = reason.name(packet, version).unwrap_or("(unknown)");
        self.measured.refuse(&packet.to_string(), reason.0, name, 1);
        self.second.row.errors += 1;
    }

    /// Something went wrong that no packet told of.
    pub(super) fn fail(&mut self, what: &str) {
        let count = self.measured.errors.entry(what.to_owned()).or_default();
        *count += 1;
        self.second.row.errors += 1;
    }

    /// The broker granted this subscriber this QoS.
    pub(super) fn handle_grant(&mut self, subscriber: usize, granted: QoS) {
        let Some(subscriber) = self.subscribers.get_mut(subscriber) else {
            return;
        };
        subscriber.granted = subscriber.granted.min(granted);
        if let Reception::Shared(share, _) = subscriber.reception
            && let Some(share) = self.shares.get_mut(share)
        {
            share.granted = share.granted.min(granted);
        }
    }

    /// A message of this run came; whether it was the first of its number.
    #[inline]
    pub(super) fn handle_arrival(
        &mut self,
        subscriber: usize,
        stamp: &Stamp,
        qos: QoS,
        bytes: usize,
        now: u64,
        is_paced: bool,
    ) -> bool {
        let Some(subscriber) = self.subscribers.get_mut(subscriber) else {
            return false;
        };
        let (publisher, number) = (stamp.publisher, stamp.sequence);
        let (arrival, granted) = match &mut subscriber.reception {
            Reception::Own(delivery) => (delivery.handle(publisher, number), subscriber.granted),
            Reception::Shared(share, order) => {
                let Some(share) = self.shares.get_mut(*share) else {
                    return false;
                };
                let arrival = match share.delivery.handle(publisher, number) {
                    Arrival::Duplicate => Arrival::Duplicate,
                    _ => order.handle(publisher, number),
                };
                (arrival, share.granted)
            }
        };
        // A broker that gives more than it has granted is not counted on.
        let qos = qos.min(granted);
        if let Some(arrivals) = subscriber.arrivals.get_mut(usize::from(qos.as_u8())) {
            arrivals.add(arrival, bytes);
        }
        if arrival == Arrival::Duplicate {
            return false;
        }
        let latency = now.saturating_sub(stamp.time);
        let e2e = &mut self.measured.latencies.e2e;
        e2e.corrected.record(latency);
        if is_paced {
            e2e.uncorrected
                .record(latency.saturating_sub(stamp.lateness));
        }
        let (times, max) = &mut self.second.e2e;
        times.record(latency);
        *max = latency.max(*max);
        self.second.row.received += 1;
        self.last_received = now;
        true
    }
}

/// Where times to the acknowledgement stand.
#[inline]
fn ack_of(latencies: &mut Latencies, qos: QoS) -> Option<&mut Pair> {
    match qos {
        QoS::AtMostOnce => None,
        QoS::AtLeastOnce => Some(&mut latencies.ack_qos1),
        QoS::ExactlyOnce => Some(&mut latencies.ack_qos2),
    }
}

impl Subscriber {
    /// Nothing has come to it yet.
    pub(super) fn new(group: usize, number: u32, reception: Reception, granted: QoS) -> Subscriber {
        Subscriber {
            group,
            number,
            reception,
            arrivals: Default::default(),
            foreign: 0,
            foreign_bytes: 0,
            retained: 0,
            granted,
        }
    }
}

impl Second {
    fn finish(self, connected: u64) -> (u64, Row) {
        let coarsened = |(times, max): &(Coarse, u64)| Coarsened::new(times, *max);
        let row = Row {
            connected,
            ack: coarsened(&self.ack),
            e2e: coarsened(&self.e2e),
            ..self.row
        };
        (self.number, row)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stats() -> Stats {
        let mut stats = Stats::default();
        stats.publishers.push(Publisher::default());
        let own = Reception::Own(Delivery::default());
        let qos = QoS::AtLeastOnce;
        stats.subscribers.push(Subscriber::new(0, 0, own, qos));
        stats
    }

    fn stamp(sequence: u64, time: u64, lateness: u64) -> Stamp {
        Stamp {
            run: 0,
            publisher: 0,
            sequence,
            time,
            lateness,
        }
    }

    #[test]
    fn a_duplicate_has_no_latency() {
        let mut stats = stats();
        let qos = QoS::AtLeastOnce;
        for (sequence, is_first) in [(0, true), (0, false), (2, true), (1, true)] {
            let stamp = stamp(sequence, 100, 20);
            assert_eq!(
                stats.handle_arrival(0, &stamp, qos, 30, 150, true),
                is_first
            );
        }
        let arrivals = stats.subscribers[0].arrivals[1];
        assert_eq!(
            (arrivals.unique, arrivals.duplicated, arrivals.reordered),
            (3, 1, 1)
        );
        assert_eq!(arrivals.bytes, 90);
        let e2e = &stats.measured.latencies.e2e;
        assert_eq!((e2e.corrected.count(), e2e.corrected.max()), (3, Some(50)));
        assert_eq!(e2e.uncorrected.max(), Some(30));
    }

    #[test]
    fn those_who_share_are_counted_apart_and_their_messages_together() {
        let mut stats = Stats::default();
        stats.shares.push(Share {
            group: 0,
            delivery: Delivery::default(),
            granted: QoS::AtLeastOnce,
        });
        for number in 0..2 {
            let shared = Reception::Shared(0, Order::default());
            let granted = QoS::AtLeastOnce;
            stats
                .subscribers
                .push(Subscriber::new(0, number, shared, granted));
        }
        // Each of them gets its messages in order; what one has had is nothing new for the other.
        for (at, number, is_first) in [
            (0, 0, true),
            (0, 2, true),
            (1, 1, true),
            (1, 3, true),
            (0, 1, false),
            (1, 4, true),
            (0, 6, true),
            (0, 5, true),
        ] {
            let stamp = stamp(number, 100, 0);
            let qos = QoS::AtLeastOnce;
            let found = stats.handle_arrival(at, &stamp, qos, 1, 150, false);
            assert_eq!(found, is_first, "{number} at {at}");
        }
        let counts = |at: usize| {
            let arrivals = stats.subscribers[at].arrivals[1];
            (arrivals.unique, arrivals.duplicated, arrivals.reordered)
        };
        assert_eq!((counts(0), counts(1)), ((4, 1, 1), (3, 0, 0)));
        let sequence = stats.shares[0].delivery.of(0).unwrap();
        assert_eq!(sequence.missing(8).collect::<Vec<_>>(), [(7, 8)]);
    }

    #[test]
    fn seconds_end_when_the_next_begins() {
        let mut stats = stats();
        stats.handle_sent(0, 3, 90, 10);
        assert_eq!(stats.turn(SECOND - 1, 5), None);
        let (number, row) = stats.turn(3 * SECOND, 5).unwrap();
        assert_eq!((number, row.sent, row.connected), (0, 3, 5));
        stats.handle_ack(0, QoS::ExactlyOnce, 7, Some(5));
        let (number, row) = stats.end(4);
        assert_eq!((number, row.sent, row.acknowledged), (3, 0, 1));
        assert_eq!(row.ack.max_ns, 7);
        let latencies = &stats.measured.latencies;
        assert_eq!(latencies.ack_qos2.corrected.max(), Some(7));
        assert_eq!(latencies.ack_qos2.uncorrected.max(), Some(5));
    }
}
