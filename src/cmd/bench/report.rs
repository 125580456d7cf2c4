//! From the figures of a run to its result.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use super::Ended;
use super::plan::{Group, Payload, Plan, Shard};
use super::shared::{Shared, nanos};
use super::stats::{Publisher, Stats};
use crate::cmd::Exit;
use crate::mqtt::QoS;
use crate::output::bench::{self, Asked, Counts, Measured, Outcome, Part, Row, Series, Subscriber};

/// Everything that a run has found: what its workers have counted, and its seconds.
pub(super) fn outcome(
    shared: &Shared,
    ended: &Ended,
    all: &[Stats],
    seconds: BTreeMap<u64, Row>,
) -> Outcome {
    let plan = &shared.plan;
    let (sending_ns, receiving_ns) = spans(shared, all, ended);
    let began_ns = began_ns(shared);
    let shard = (plan.shard != Shard::WHOLE).then_some(bench::Shard {
        index: plan.shard.index,
        of: plan.shard.of,
    });
    let part = Part {
        run: plan.run_name(),
        shard,
        midge: env!("CARGO_PKG_VERSION").to_owned(),
        began_ns,
        sending_ns,
        receiving_ns,
        ended_by: match ended {
            Ended::Time => bench::Ended::Time,
            Ended::Count => bench::Ended::Count,
            Ended::Signal(Exit::Terminated) => bench::Ended::Terminate,
            Ended::Signal(_) => bench::Ended::Interrupt,
            Ended::Failed(_) => bench::Ended::Error,
        },
        error: match ended {
            Ended::Failed(failure) => Some(failure.message.clone()),
            Ended::Time | Ended::Count | Ended::Signal(_) => None,
        },
        asked: asked(plan),
    };
    let mut measured = measured(plan, all);
    let first = Series::first_second(began_ns);
    for (number, row) in seconds {
        let second = first.saturating_add(i64::try_from(number).unwrap_or(i64::MAX));
        measured.series.rows.insert(second, row);
    }
    Outcome {
        parts: vec![part],
        measured,
    }
}

/// What a run is to do.
pub(super) fn asked(plan: &Plan) -> Asked {
    let groups = &plan.groups;
    let same = |text: fn(&Group) -> String| {
        let all: std::collections::BTreeSet<String> = groups.iter().map(text).collect();
        Vec::from_iter(all).join(", ")
    };
    let more = [
        (
            "connect-rate",
            plan.connect_rate.map(|rate| rate.to_string()),
        ),
        ("embedded", plan.embedded.then(|| "true".to_owned())),
    ];
    Asked {
        broker: match plan.embedded {
            true => "midge broker (--embedded)".to_owned(),
            false => same(|group| group.connect.options.target.to_string()),
        },
        version: same(|group| group.connect.version().to_string()),
        engine: same(|group| group.connect.engine.name().to_owned()),
        warmup_ns: nanos(plan.warmup),
        duration_ns: plan.duration.map(nanos),
        count: groups.iter().map(|group| group.count).sum(),
        groups: groups.iter().map(asked_of_group).collect(),
        more: more
            .into_iter()
            .filter_map(|(flag, value)| Some((flag.to_owned(), value?)))
            .collect(),
    }
}

fn asked_of_group(group: &Group) -> bench::Group {
    let acknowledges = group.qos > QoS::AtMostOnce && group.publishers.count > 0;
    bench::Group {
        name: group.name.clone(),
        publishers: group.publishers.count,
        subscribers: group.subscribers.count,
        idle: group.idle.count,
        qos: group.qos.as_u8(),
        topic: match &group.topics {
            Some(topics) => topics.to_string(),
            None => group.filter.clone(),
        },
        size_bytes: match &group.payload {
            Payload::Sizes(sizes) if sizes.min() == sizes.max() => Some(u64::from(sizes.min())),
            Payload::Bytes(bytes) => Some(bytes.len() as u64),
            Payload::Sizes(_) | Payload::Template(_) => None,
        },
        rate_per_s: group.rate,
        inflight: acknowledges.then_some(group.inflight),
        more: group
            .more
            .iter()
            .map(|(flag, value)| ((*flag).to_owned(), value.clone()))
            .collect(),
    }
}

fn measured(plan: &Plan, all: &[Stats]) -> Measured {
    let mut measured = Measured::default();
    for stats in all {
        measured.add(&stats.measured);
    }
    let publishers = || all.iter().flat_map(|stats| &stats.publishers);
    for publisher in publishers() {
        let qos = plan.group(publisher.group).qos;
        if let Some(own) = measured.qos.get_mut(usize::from(qos.as_u8())) {
            own.add(&sent(publisher, qos));
        }
    }
    let here = || all.iter().flat_map(|stats| &stats.subscribers);
    for (index, group) in plan.groups.iter().enumerate() {
        // What came of this process's publishers, by their QoS.
        let mut taken = [0; 3];
        for publisher in publishers().filter(|of| plan.hears(index, of.number)) {
            let qos = plan.group(publisher.group).qos;
            if let Some(taken) = taken.get_mut(usize::from(qos.as_u8())) {
                *taken += publisher.sent.saturating_sub(publisher.refused);
            }
        }
        let numbers = match group.is_shared {
            true => 0..group.subscribers.count.min(1),
            false => 0..group.subscribers.count,
        };
        let own: BTreeMap<u32, _> = here()
            .filter(|figures| figures.group == index)
            .map(|figures| (figures.number, figures))
            .collect();
        for number in numbers.map(|n| group.subscribers.first + n) {
            let figures = own.get(&number).copied();
            // Of a subscriber in another process it is known what it should get from here.
            if figures.is_some() || plan.shard != Shard::WHOLE {
                let qos = &mut measured.qos;
                let subscriber = subscriber(group, index, number, figures, &taken, qos);
                measured.subscribers.push(subscriber);
            }
        }
    }
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
    Counts {
        sent: publisher.sent,
        sent_bytes: publisher.sent_bytes,
        not_sent: publisher.not_sent,
        acknowledged: publisher.acknowledged,
        refused: publisher.refused,
        unacknowledged: match qos {
            QoS::AtMostOnce => 0,
            QoS::AtLeastOnce | QoS::ExactlyOnce => unanswered,
        },
        ..Counts::default()
    }
}

/// What one subscriber got, and should have got of what was `taken`, which is also counted by QoS.
fn subscriber(
    group: &Group,
    index: usize,
    number: u32,
    figures: Option<&super::stats::Subscriber>,
    taken: &[u64; 3],
    by_qos: &mut [Counts; 3],
) -> Subscriber {
    let granted = figures.map_or(group.qos, |figures| figures.granted);
    let mut own = Subscriber {
        group: u32::try_from(index).unwrap_or(u32::MAX),
        number,
        granted_qos: granted.as_u8(),
        ..Subscriber::default()
    };
    for (qos, &count) in taken.iter().enumerate() {
        let delivered = qos.min(usize::from(granted.as_u8()));
        own.expected += count;
        if let Some(counts) = by_qos.get_mut(delivered) {
            counts.expected += count;
        }
    }
    let Some(figures) = figures else {
        return own;
    };
    for (counts, arrivals) in by_qos.iter_mut().zip(figures.arrivals()) {
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
    if let Some(counts) = by_qos.get_mut(usize::from(granted.as_u8())) {
        counts.foreign += figures.foreign;
        counts.retained += figures.retained;
    }
    own
}

/// When the measurement began, by the time of day.
fn began_ns(shared: &Shared) -> i64 {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, nanos);
    let start = now.saturating_sub(shared.now());
    i64::try_from(start.saturating_add(shared.warmup())).unwrap_or(i64::MAX)
}

/// ns in which messages were sent, and in which they came.
fn spans(shared: &Shared, all: &[Stats], ended: &Ended) -> (u64, u64) {
    let start = shared.warmup();
    let mut end = shared.end();
    if matches!(ended, Ended::Count) {
        end = all.iter().map(|stats| stats.last_sent).max().unwrap_or(0);
        for (index, group) in shared.plan.groups.iter().enumerate() {
            let Some(rate) = group.rate else { continue };
            let publishers = all.iter().flat_map(|stats| &stats.publishers);
            let of_group = publishers.filter(|publisher| publisher.group == index);
            // The rate is that of all shards.
            let (count, sent) = of_group.fold((0u32, 0u64), |(count, sent), publisher| {
                (count + 1, sent + publisher.sent)
            });
            let here = rate * f64::from(count) / f64::from(group.publishers.count.max(1));
            if count > 0 {
                // The last message stands for the time until the next one would have been due.
                let planned = (sent as f64 / here * 1e9) as u64;
                end = end.max(start.saturating_add(planned));
            }
        }
    }
    let received = all.iter().map(|stats| stats.last_received).max();
    let span = |end: u64| end.saturating_sub(start);
    (span(end), span(end.max(received.unwrap_or(0))))
}
