//! From the figures of a run to its result.

use std::time::{SystemTime, UNIX_EPOCH};

use super::Ended;
use super::plan::Plan;
use super::stage::{Stage, nanos};
use super::stats::{Stats, Totals};
use crate::cmd::Exit;
use crate::mqtt::{PacketType, QoS, ReasonCode};
use crate::output::bench::{self, Asked, Counts, Group, Measured, Outcome, Pair, Part, Subscriber};

/// Everything that a run has found.
pub(super) fn outcome(stage: &Stage, ended: &Ended, totals: &Totals) -> Outcome {
    let stats = stage.stats.borrow();
    let (sending_ns, receiving_ns) = spans(stage, &stats, ended, totals);
    let part = Part {
        run: stage.plan.run_name(),
        shard: None,
        midge: env!("CARGO_PKG_VERSION").to_owned(),
        began_ns: began_ns(stage),
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
        asked: asked(&stage.plan),
    };
    Outcome {
        parts: vec![part],
        measured: measured(stage, &stats, totals),
    }
}

/// What a run is to do.
pub(super) fn asked(plan: &Plan) -> Asked {
    let acknowledges = plan.qos > QoS::AtMostOnce && plan.publishers > 0;
    Asked {
        broker: plan.connect.options.target.to_string(),
        version: plan.connect.version().to_string(),
        engine: plan.connect.engine.name().to_owned(),
        warmup_ns: nanos(plan.warmup),
        duration_ns: plan.duration.map(nanos),
        count: plan.count,
        groups: vec![Group {
            publishers: plan.publishers,
            subscribers: plan.subscribers,
            idle: plan.idle,
            qos: plan.qos.as_u8(),
            topic: plan.topic.clone(),
            size_bytes: Some(plan.size as u64),
            rate_per_s: plan.rate,
            inflight: acknowledges.then_some(plan.inflight),
            ..Group::default()
        }],
        ..Asked::default()
    }
}

fn measured(stage: &Stage, stats: &Stats, totals: &Totals) -> Measured {
    let plan = &stage.plan;
    let size = plan.size as u64;
    let mut measured = Measured {
        connections: stats.connect.count(),
        ..Measured::default()
    };
    // Without subscribers, nobody knows anything of deliveries.
    let counts = Counts {
        sent: totals.sent,
        sent_bytes: totals.sent * size,
        not_sent: totals.not_sent,
        acknowledged: totals.acknowledged,
        refused: totals.refused,
        unacknowledged: match plan.qos {
            QoS::AtMostOnce => 0,
            QoS::AtLeastOnce | QoS::ExactlyOnce => totals.unacknowledged(),
        },
        ..Counts::default()
    };
    if let Some(own) = measured.qos.get_mut(usize::from(plan.qos.as_u8())) {
        own.add(&counts);
    }
    let taken = totals.sent.saturating_sub(totals.refused);
    for (number, subscriber) in (0..).zip(&stats.subscribers) {
        let delivery = &subscriber.delivery;
        let subscriber = Subscriber {
            group: 0,
            number,
            granted_qos: subscriber.granted.as_u8(),
            expected: taken,
            received: delivery.unique,
            lost: taken.saturating_sub(delivery.unique),
            duplicated: delivery.duplicated,
            reordered: delivery.reordered,
            foreign: subscriber.foreign,
            retained: subscriber.retained,
        };
        let qos = subscriber.granted_qos.min(plan.qos.as_u8());
        if let Some(own) = measured.qos.get_mut(usize::from(qos)) {
            own.add(&Counts {
                received_bytes: delivery.unique * size,
                ..subscriber.counts()
            });
        }
        measured.subscribers.push(subscriber);
    }
    let packet = match plan.qos {
        QoS::ExactlyOnce => PacketType::PUBREC,
        QoS::AtMostOnce | QoS::AtLeastOnce => PacketType::PUBACK,
    };
    for (&code, &count) in &stats.refusals {
        let name = ReasonCode(code).name(packet, plan.connect.version());
        let packet = packet.to_string();
        measured.refuse(&packet, code, name.unwrap_or("(unknown)"), count);
    }
    let latencies = &mut measured.latencies;
    let corrected = |times: &bench::Times| Pair {
        corrected: times.clone(),
        ..Pair::default()
    };
    latencies.connect = corrected(&stats.connect);
    latencies.e2e = corrected(&stats.delivered);
    match plan.qos {
        QoS::ExactlyOnce => latencies.ack_qos2 = corrected(&stats.acknowledged),
        QoS::AtMostOnce | QoS::AtLeastOnce => latencies.ack_qos1 = corrected(&stats.acknowledged),
    }
    latencies.lateness = stats.lateness.clone();
    measured
}

/// When the measurement began, by the time of day.
fn began_ns(stage: &Stage) -> i64 {
    let ago = stage.now().saturating_sub(stage.warmup());
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, nanos);
    i64::try_from(now.saturating_sub(ago)).unwrap_or(i64::MAX)
}

/// ns in which messages were sent, and in which they came.
fn spans(stage: &Stage, stats: &Stats, ended: &Ended, totals: &Totals) -> (u64, u64) {
    let start = stage.warmup();
    let mut end = stage.end();
    if matches!(ended, Ended::Count) {
        // The last message stands for the time until the next one would have been due.
        let planned = match stage.plan.rate {
            Some(rate) => start.saturating_add((totals.sent as f64 / rate * 1e9) as u64),
            None => 0,
        };
        end = stats.last_sent.max(planned);
    }
    let span = |end: u64| end.saturating_sub(start);
    (span(end), span(end.max(stats.last_received)))
}
