//! What became of the messages: who should have got what, what was lost, and how long what never
//! came has waited.

use std::collections::BTreeMap;

use super::delivery::{Delivery, Sequence};
use super::plan::{Group, Plan, Shard};
use super::ranges::without;
use super::stats::{self, Publisher, Share, Stats};
use crate::mqtt::QoS;
use crate::output::bench::{Counts, Latencies, Measured, Subscriber};

/// Everything that the workers have counted, put together. `closed` is when nothing was awaited any
/// more, in ns since the start of the run.
pub(super) fn measured(plan: &Plan, all: &[Stats], closed: u64) -> Measured {
    let mut measured = Measured::default();
    for stats in all {
        measured.add(&stats.measured);
    }
    for publisher in all.iter().flat_map(|stats| &stats.publishers) {
        let qos = plan.group(publisher.group).qos;
        if let Some(own) = measured.qos.get_mut(usize::from(qos.as_u8())) {
            own.add(&sent(publisher, qos));
        }
    }
    let mut account = Account {
        plan,
        all,
        closed,
        measured,
    };
    for (index, group) in plan.groups.iter().enumerate() {
        match group.is_shared {
            true => account.share(index, group),
            false => account.each(index, group),
        }
    }
    let mut measured = account.measured;
    measured.subscribers.sort_unstable();
    if plan.shard == Shard::WHOLE {
        measured.settle();
    }
    measured
}

fn sent(publisher: &Publisher, qos: QoS) -> Counts {
    let unanswered = publisher
        .sent
        .saturating_sub(publisher.acknowledged)
        .saturating_sub(publisher.refused);
    let (due, offered) = match publisher.dues.is_some() {
        true => (
            publisher.sent.saturating_add(publisher.not_sent),
            publisher.sent.saturating_sub(publisher.sent_late),
        ),
        false => (0, 0),
    };
    Counts {
        sent: publisher.sent,
        sent_bytes: publisher.sent_bytes,
        not_sent: publisher.not_sent,
        due,
        offered,
        acknowledged: publisher.acknowledged,
        refused: publisher.refused,
        unacknowledged: match qos {
            QoS::AtMostOnce => 0,
            QoS::AtLeastOnce | QoS::ExactlyOnce => unanswered,
        },
        ..Counts::default()
    }
}

/// What should have come to a subscriber of what these publishers have sent.
#[derive(Debug, Default)]
struct Due {
    expected: u64,
    /// What came and was refused.
    refused_received: u64,
    /// What came and nobody has sent.
    beyond: u64,
}

struct Account<'r> {
    plan: &'r Plan,
    all: &'r [Stats],
    closed: u64,
    measured: Measured,
}

impl<'r> Account<'r> {
    /// The publishers of this process that a group hears.
    fn heard(&self, index: usize) -> Vec<&'r Publisher> {
        let publishers = self.all.iter().flat_map(|stats| &stats.publishers);
        publishers
            .filter(|of| self.plan.hears(index, of.number))
            .collect()
    }

    fn subscribers(&self, index: usize) -> impl Iterator<Item = &'r stats::Subscriber> + use<'r> {
        let all = self.all.iter().flat_map(|stats| &stats.subscribers);
        all.filter(move |subscriber| subscriber.group == index)
    }

    /// A group in which every subscriber should get everything.
    fn each(&mut self, index: usize, group: &Group) {
        let heard = self.heard(index);
        let own: BTreeMap<u32, _> = self
            .subscribers(index)
            .map(|figures| (figures.number, figures))
            .collect();
        for number in (0..group.subscribers.count).map(|n| group.subscribers.first + n) {
            let figures = own.get(&number).copied();
            // Of a subscriber in another process it is known what it should get from here.
            if figures.is_none() && self.plan.shard == Shard::WHOLE {
                continue;
            }
            let granted = figures.map_or(group.qos, |figures| figures.granted);
            let delivery = figures.and_then(|figures| match &figures.reception {
                stats::Reception::Own(delivery) => Some(delivery),
                stats::Reception::Shared(..) => None,
            });
            let mut own = Subscriber {
                group: u32::try_from(index).unwrap_or(u32::MAX),
                number,
                granted_qos: granted.as_u8(),
                ..Subscriber::default()
            };
            if let Some(figures) = figures {
                self.receive(figures, granted, &mut own);
            }
            let due = self.expect(&heard, granted, delivery, true);
            own.expected = due.expected;
            own.refused_received = due.refused_received;
            own.received = own.received.saturating_sub(due.beyond);
            own.foreign += due.beyond;
            self.measured.subscribers.push(own);
        }
    }

    /// A group in which every message should come to one subscriber.
    fn share(&mut self, index: usize, group: &Group) {
        if group.subscribers.count == 0 {
            return;
        }
        let of_group = |share: &&Share| share.group == index;
        let mut shares = self.all.iter().flat_map(|stats| &stats.shares);
        let share = shares.find(of_group);
        let granted = share.map_or(group.qos, |share| share.granted);
        let heard = self.heard(index);
        let delivery = share.map(|share| &share.delivery);
        for figures in self.subscribers(index) {
            let mut own = Subscriber {
                group: u32::try_from(index).unwrap_or(u32::MAX),
                number: figures.number,
                granted_qos: figures.granted.as_u8(),
                shared: true,
                ..Subscriber::default()
            };
            self.receive(figures, granted, &mut own);
            self.measured.subscribers.push(own);
        }
        // Of what came to members in other processes nobody here knows.
        let is_all = self.plan.shard == Shard::WHOLE;
        self.expect(&heard, granted, delivery, is_all);
    }

    /// Counts what should have come of what these have sent, and how long that has waited which did
    /// not, if `is_all` that came. To be called when it is counted what came: numbers that nobody has
    /// sent are foreign.
    fn expect(
        &mut self,
        heard: &[&Publisher],
        granted: QoS,
        delivery: Option<&Delivery>,
        is_all: bool,
    ) -> Due {
        let mut due = Due::default();
        for publisher in heard {
            let qos = self.plan.group(publisher.group).qos.min(granted);
            let taken = publisher.sent.saturating_sub(publisher.refused);
            let (mut came, mut beyond) = (0, 0);
            if let Some(delivery) = delivery {
                let sequence = delivery.of(publisher.number);
                if let Some(sequence) = sequence {
                    came = sequence.came_of(&publisher.refused_numbers, publisher.sent);
                    beyond = sequence.beyond(publisher.sent);
                }
                if is_all {
                    let latencies = &mut self.measured.latencies;
                    wait(latencies, publisher, sequence, self.closed);
                }
            }
            if let Some(counts) = self.measured.qos.get_mut(usize::from(qos.as_u8())) {
                counts.expected += taken;
                counts.refused_received += came;
                counts.received = counts.received.saturating_sub(beyond);
                counts.foreign += beyond;
            }
            due.expected += taken;
            due.refused_received += came;
            due.beyond += beyond;
        }
        due
    }

    /// Counts what came to one subscriber.
    fn receive(&mut self, figures: &stats::Subscriber, granted: QoS, own: &mut Subscriber) {
        for (counts, arrivals) in self.measured.qos.iter_mut().zip(&figures.arrivals) {
            counts.received += arrivals.unique;
            counts.received_bytes += arrivals.bytes;
            counts.duplicated += arrivals.duplicated;
            counts.reordered += arrivals.reordered;
            own.received += arrivals.unique;
            own.duplicated += arrivals.duplicated;
            own.reordered += arrivals.reordered;
        }
        own.foreign = figures.foreign;
        own.retained = figures.retained;
        if let Some(counts) = self.measured.qos.get_mut(usize::from(granted.as_u8())) {
            counts.foreign += figures.foreign;
            counts.foreign_bytes += figures.foreign_bytes;
            counts.retained += figures.retained;
        }
    }
}

/// What was sent behind the last message that came, and was not refused, has waited until the end at
/// least. What a later message has overtaken does not wait any more: that is lost, and has no time.
fn wait(
    latencies: &mut Latencies,
    publisher: &Publisher,
    sequence: Option<&Sequence>,
    closed: u64,
) {
    let sent = publisher.sent;
    let next = sequence.map_or(0, Sequence::next).min(sent);
    // Nobody knows when a message was sent, but none was sent behind the last one.
    let since_sent = closed.saturating_sub(publisher.last_sent);
    let mut record = |ns: u64, count: u64| {
        latencies.e2e.record_bound(ns, count);
        if publisher.dues.is_some() {
            latencies.e2e.record_uncorrected_bound(since_sent, count);
        }
    };
    for (first, end) in without(next..sent, &publisher.refused_numbers) {
        match publisher.dues {
            Some(dues) => dues
                .waits(first..end, closed)
                .for_each(|(ns, count)| record(ns, count)),
            None => record(since_sent, end - first),
        }
    }
}

#[cfg(test)]
mod tests;
