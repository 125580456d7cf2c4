//! From the figures of a run to its result.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use super::plan::{Group, Payload, Plan, Shard};
use super::shared::{Shared, nanos};
use super::stats::Stats;
use super::{Ended, account};
use crate::cmd::Exit;
use crate::mqtt::QoS;
use crate::output::bench::{self, Asked, Outcome, Part, Row, Series};

/// Everything that a run has found: what its workers have counted, and its seconds. `closed` is
/// when nothing was awaited any more, in ns since its start.
pub(super) fn outcome(
    shared: &Shared,
    ended: &Ended,
    closed: u64,
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
        still_ns: 0,
        asked: Asked {
            groups: groups(plan, all),
            ..asked(plan)
        },
    };
    let mut measured = account::measured(plan, all, closed);
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

/// The groups, with the windows that they really had.
fn groups(plan: &Plan, all: &[Stats]) -> Vec<bench::Group> {
    let groups = plan.groups.iter().map(asked_of_group).enumerate();
    let windowed = groups.map(|(index, group)| {
        let publishers = all.iter().flat_map(|stats| &stats.publishers);
        let of_group = publishers.filter(|publisher| publisher.group == index);
        let window = of_group.map(|publisher| publisher.window).min();
        bench::Group {
            inflight: group.inflight.map(|asked| window.unwrap_or(asked)),
            ..group
        }
    });
    windowed.collect()
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
        unheard: plan.is_unheard(),
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
            Payload::Bytes(bytes) => Some(bytes.len() as u64 + group.stamp_len() as u64),
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
