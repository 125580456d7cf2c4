//! From figures to the report that is shown.

use hdrhistogram::Histogram;

use super::Ended;
use super::stage::Stage;
use super::stats::{Stats, Totals};
use crate::cmd::Exit;
use crate::mqtt::{PacketType, QoS, ReasonCode};
use crate::output::bench::{Latency, Refusals, Report, SCHEMA};

/// Everything that a run has found.
pub(super) fn report(stage: &Stage, ended: &Ended, totals: &Totals) -> Report {
    let plan = &stage.plan;
    let stats = stage.stats.borrow();
    let (sending, receiving) = spans(stage, &stats, ended, totals);
    let acknowledges = plan.qos > QoS::AtMostOnce && plan.publishers > 0;
    let size = plan.size as u64;
    Report {
        schema: SCHEMA,
        midge: env!("CARGO_PKG_VERSION"),
        run: plan.run_name(),
        broker: plan.connect.options.target.to_string(),
        version: plan.connect.version().to_string(),
        qos: plan.qos.as_u8(),
        granted_qos: stats.subscribers.iter().map(|s| s.granted.as_u8()).min(),
        topic: plan.topic.clone(),
        publishers: plan.publishers,
        subscribers: plan.subscribers,
        idle: plan.idle,
        size_bytes: plan.size,
        target_rate_per_s: plan.rate,
        inflight: acknowledges.then_some(plan.inflight),
        warmup_s: plan.warmup.as_secs_f64(),
        duration_s: sending,
        ended_by: match ended {
            Ended::Time => "time",
            Ended::Count => "count",
            Ended::Signal(Exit::Terminated) => "terminate",
            Ended::Signal(_) => "interrupt",
            Ended::Failed(_) => "error",
        },
        error: match ended {
            Ended::Failed(failure) => Some(failure.message.clone()),
            Ended::Time | Ended::Count | Ended::Signal(_) => None,
        },
        sent: totals.sent,
        not_sent: totals.not_sent,
        sent_per_s: per_second(totals.sent, sending),
        sent_bytes: totals.sent * size,
        acknowledged: acknowledges.then_some(totals.acknowledged),
        refused: acknowledges.then_some(totals.refused),
        unacknowledged: acknowledges.then_some(totals.unacknowledged()),
        refusals: refusals(stage, &stats),
        expected: totals.expected,
        received: totals.received,
        received_per_s: per_second(totals.received, receiving),
        received_bytes: totals.received * size,
        lost: totals.lost,
        duplicated: totals.duplicated,
        reordered: totals.reordered,
        foreign: totals.foreign,
        retained: totals.retained,
        connections: stats.connect.len(),
        connect_us: latency(&stats.connect),
        send_lateness_us: latency(&stats.lateness),
        publish_to_ack_us: latency(&stats.acknowledged),
        publish_to_delivery_us: latency(&stats.delivered),
    }
}

/// Seconds in which messages were sent, and in which they came.
fn spans(stage: &Stage, stats: &Stats, ended: &Ended, totals: &Totals) -> (f64, f64) {
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
    let seconds = |end: u64| end.saturating_sub(start) as f64 / 1e9;
    (seconds(end), seconds(end.max(stats.last_received)))
}

fn per_second(count: u64, seconds: f64) -> f64 {
    match seconds > 0.0 {
        true => round(count as f64 / seconds),
        false => 0.0,
    }
}

fn refusals(stage: &Stage, stats: &Stats) -> Vec<Refusals> {
    let packet = match stage.plan.qos {
        QoS::ExactlyOnce => PacketType::PUBREC,
        QoS::AtMostOnce | QoS::AtLeastOnce => PacketType::PUBACK,
    };
    let refusals = stats.refusals.iter().map(|(&code, &count)| Refusals {
        reason_code: code,
        reason: ReasonCode(code)
            .name(packet, stage.plan.connect.version())
            .unwrap_or("(unknown)")
            .to_owned(),
        count,
    });
    refusals.collect()
}

/// A histogram of ns as percentiles in µs; `None` if it is empty.
fn latency(histogram: &Histogram<u64>) -> Option<Latency> {
    if histogram.is_empty() {
        return None;
    }
    let at = |quantile| us(histogram.value_at_quantile(quantile) as f64);
    Some(Latency {
        count: histogram.len(),
        min: us(histogram.min() as f64),
        mean: us(histogram.mean()),
        p50: at(0.5),
        p90: at(0.9),
        p95: at(0.95),
        p99: at(0.99),
        p99_9: at(0.999),
        max: us(histogram.max() as f64),
    })
}

/// ns as µs.
pub(super) fn us(ns: f64) -> f64 {
    round(ns / 1e3)
}

/// To three places.
fn round(number: f64) -> f64 {
    (number * 1e3).round() / 1e3
}
