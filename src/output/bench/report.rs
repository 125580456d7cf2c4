//! The result as the JSON object of `--json`: what a script wants of it, ready computed.
//!
//! Keys are never renamed within one `schema`; units stand in the names.

use std::collections::BTreeMap;

use serde::Serialize;

use super::comparison::Comparison;
use super::counts::{Counts, Subscriber};
use super::latency::Latency;
use super::outcome::{Ended, Group, Limit, Outcome, Refusals, Shard};
use super::series::{Coarsened, Series};
use crate::output::time::Time;

/// The version of the JSON object and of the file with the whole result.
pub const SCHEMA: u32 = 2;

/// A load test: what was asked for and what came out. The fields are the JSON keys.
///
/// Where several groups of clients or several runs were asked for different things, the keys of
/// what was asked for are null or sums, and `groups` has each.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// [`SCHEMA`].
    pub schema: u32,
    /// Version of midge.
    pub midge: Option<String>,
    /// Random name of the run.
    pub run: Option<String>,
    /// When the measurement began: RFC 3339, UTC.
    pub began: String,
    /// `host:port`.
    pub broker: Option<String>,
    /// `3.1`, `3.1.1`, `5.0`.
    pub version: Option<String>,
    /// `native` or `rumqttc`.
    pub engine: Option<String>,
    /// Of messages and subscriptions.
    pub qos: Option<u8>,
    /// The lowest that the broker granted a subscriber; none without subscribers.
    pub granted_qos: Option<u8>,
    /// Topic, with `{client}` in place of the publisher's number.
    pub topic: Option<String>,
    /// Connections that publish.
    pub publishers: u64,
    /// Connections that subscribe.
    pub subscribers: u64,
    /// Connections that only stay open.
    pub idle: u64,
    /// Bytes of a payload.
    pub size_bytes: Option<u64>,
    /// What was asked for, all publishers together; none: as fast as possible.
    pub target_rate_per_s: Option<f64>,
    /// Unacknowledged messages allowed per publisher; none with QoS 0.
    pub inflight: Option<u16>,
    /// Left out of all figures but `connect_us`.
    pub warmup_s: Option<f64>,
    /// Everything that was asked for, by group of clients.
    pub groups: Vec<Group>,
    /// Everything else that was asked for.
    pub parameters: BTreeMap<String, String>,
    /// The runs and shards that this is the sum of.
    pub parts: Vec<ReportPart>,
    /// What was measured, without the wait for the last messages.
    pub duration_s: f64,
    /// `time`, `count`, `interrupt`, `terminate` or `error`.
    pub ended_by: Ended,
    /// Why the run ended early.
    pub error: Option<String>,
    /// How far it had come when it was interrupted: a sentence.
    pub interrupted: Option<String>,
    /// Messages sent.
    pub sent: u64,
    /// Messages that were due and not sent, because the broker took nothing.
    pub not_sent: u64,
    /// Messages that were due at a rate, sent or not; none without a rate.
    pub due: Option<u64>,
    /// Of those, messages sent within the time in which messages were due.
    pub offered: Option<u64>,
    /// Sent per second.
    pub sent_per_s: f64,
    /// Payload bytes sent.
    pub sent_bytes: u64,
    /// Messages whose exchange has ended well; none with QoS 0.
    pub acknowledged: Option<u64>,
    /// Acknowledged per second; none with QoS 0.
    pub acknowledged_per_s: Option<f64>,
    /// Messages that the broker refused; none with QoS 0.
    pub refused: Option<u64>,
    /// Messages without an answer at the end; none with QoS 0.
    pub unacknowledged: Option<u64>,
    /// Refusals of any packet, by reason.
    pub refusals: Vec<Refusals>,
    /// What went wrong without a reason code, and how often.
    pub errors: BTreeMap<String, u64>,
    /// Arrivals that there should be, all subscribers together; none while shards are missing,
    /// because nobody knows what those sent, and if nobody publishes here.
    pub expected: Option<u64>,
    /// Whether nobody here publishes what the subscribers hear: then all that comes is foreign.
    pub only_listens: bool,
    /// Different messages that came.
    pub received: u64,
    /// Received per second.
    pub received_per_s: f64,
    /// Payload bytes of those.
    pub received_bytes: u64,
    /// Arrivals of messages that the broker had refused: received, and not expected.
    pub refused_received: u64,
    /// Expected and not received; likewise.
    pub lost: Option<u64>,
    /// Arrivals of what had come before.
    pub duplicated: u64,
    /// Arrivals behind a later message of the same publisher.
    pub reordered: u64,
    /// Arrivals of what this run did not send, or of what does not look like it any more.
    pub foreign: u64,
    /// Those per second.
    pub foreign_per_s: f64,
    /// Payload bytes of those.
    pub foreign_bytes: u64,
    /// Arrivals of retained messages.
    pub retained: u64,
    /// The counts of each QoS that had messages.
    pub per_qos: Vec<QosCounts>,
    /// What each subscriber got.
    pub per_subscriber: Vec<Subscriber>,
    /// Connections made.
    pub connections: u64,
    /// From opening the transport, or from when that should have been, to CONNACK.
    pub connect_us: Option<Latency>,
    /// From opening the transport, if there was a time for that.
    pub connect_uncorrected_us: Option<Latency>,
    /// How late messages were sent; none without a rate.
    pub send_lateness_us: Option<Latency>,
    /// From when a message should have been sent to its PUBACK or PUBCOMP.
    pub publish_to_ack_us: Option<Latency>,
    /// From when it was sent; none without a rate, as all that is uncorrected.
    pub publish_to_ack_uncorrected_us: Option<Latency>,
    /// Those of QoS 1 alone.
    pub publish_to_ack_qos1_us: Option<Latency>,
    /// Those of QoS 1 alone, from when it was sent.
    pub publish_to_ack_qos1_uncorrected_us: Option<Latency>,
    /// Those of QoS 2 alone.
    pub publish_to_ack_qos2_us: Option<Latency>,
    /// Those of QoS 2 alone, from when it was sent.
    pub publish_to_ack_qos2_uncorrected_us: Option<Latency>,
    /// From when a message should have been sent to its arrival.
    pub publish_to_delivery_us: Option<Latency>,
    /// From when it was sent.
    pub publish_to_delivery_uncorrected_us: Option<Latency>,
    /// CPU time of midge, all parts together.
    pub cpu_s: f64,
    /// The most memory that midge had.
    pub peak_memory_bytes: Option<u64>,
    /// What kept the load from being what was asked for.
    pub limited_by: Vec<Limit>,
    /// Second by second.
    pub series: Vec<Second>,
    /// What was asserted.
    pub asserted: Vec<Asserted>,
    /// Beside an earlier result.
    pub compared: Option<Comparison>,
}

/// Something that was asserted.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Asserted {
    /// As it was typed.
    #[serde(rename = "assert")]
    pub assertion: String,
    /// The figure: per second, ns, bytes, parts of 100, or a count; none if the run has none.
    pub value: Option<f64>,
    /// Whether it is as it must be.
    pub holds: bool,
}

/// A run or a shard.
#[derive(Debug, Clone, Serialize)]
pub struct ReportPart {
    /// Name of the run.
    pub run: String,
    /// Which part of it; none: all.
    pub shard: Option<Shard>,
    /// Version of midge.
    pub midge: String,
    /// RFC 3339, UTC.
    pub began: String,
    /// As of the whole.
    pub duration_s: f64,
    /// As of the whole.
    pub ended_by: Ended,
    /// As of the whole.
    pub error: Option<String>,
}

/// The counts of one QoS.
#[derive(Debug, Clone, Serialize)]
pub struct QosCounts {
    /// 0, 1, 2.
    pub qos: usize,
    /// The counts.
    #[serde(flatten)]
    pub counts: Counts,
}

/// What happened within a second.
#[derive(Debug, Clone, Serialize)]
pub struct Second {
    /// Since the begin.
    pub offset_s: i64,
    /// Messages sent.
    pub sent: u64,
    /// First arrivals.
    pub received: u64,
    /// Messages whose exchange ended well.
    pub acknowledged: u64,
    /// Refusals and other errors.
    pub errors: u64,
    /// Connections open at its end.
    pub connected: u64,
    /// Of the times to delivery, or to the acknowledgement if nothing was delivered.
    pub p50_us: Option<f64>,
    /// Likewise.
    pub p99_us: Option<f64>,
    /// Likewise.
    pub max_us: Option<f64>,
}

impl Report {
    /// All of it.
    pub fn new(outcome: &Outcome) -> Report {
        let measured = &outcome.measured;
        let totals = measured.totals();
        let latencies = &measured.latencies;
        let ack = latencies.ack();
        let acknowledges = outcome.acknowledges();
        let has_rate = outcome.has_rate();
        let only_listens = outcome.only_listens();
        let knows_loss = outcome.missing_shards().is_empty() && !only_listens;
        let (sending, receiving) = (outcome.sending_ns(), outcome.receiving_ns());
        Report {
            schema: SCHEMA,
            midge: same(outcome.parts.iter().map(|part| part.midge.clone())),
            run: same(outcome.parts.iter().map(|part| part.run.clone())),
            began: moment(outcome.began_ns()),
            broker: same(outcome.asked().map(|asked| asked.broker.clone())),
            version: same(outcome.asked().map(|asked| asked.version.clone())),
            engine: same(outcome.asked().map(|asked| asked.engine.clone())),
            qos: same(outcome.groups().map(|group| group.qos)),
            granted_qos: outcome.granted_qos(),
            topic: same(outcome.groups().map(|group| group.topic.clone())),
            publishers: sum(outcome, |group| group.publishers),
            subscribers: sum(outcome, |group| group.subscribers),
            idle: sum(outcome, |group| group.idle),
            size_bytes: same(outcome.groups().map(|group| group.size_bytes)).flatten(),
            target_rate_per_s: outcome.target_rate_per_s(),
            inflight: same(outcome.groups().map(|group| group.inflight)).flatten(),
            warmup_s: same(outcome.asked().map(|asked| asked.warmup_ns)).map(seconds),
            groups: outcome.groups().cloned().collect(),
            parameters: same(outcome.asked().map(|asked| asked.more.clone())).unwrap_or_default(),
            parts: outcome.parts.iter().map(ReportPart::new).collect(),
            duration_s: seconds(sending),
            ended_by: outcome.ended_by(),
            error: outcome.error(),
            interrupted: outcome.interrupted(),
            sent: totals.sent,
            not_sent: totals.not_sent,
            due: has_rate.then_some(totals.due),
            offered: has_rate.then_some(totals.offered),
            sent_per_s: per_second(totals.sent, sending),
            sent_bytes: totals.sent_bytes,
            acknowledged: acknowledges.then_some(totals.acknowledged),
            acknowledged_per_s: acknowledges.then(|| per_second(totals.acknowledged, receiving)),
            refused: acknowledges.then_some(totals.refused),
            unacknowledged: acknowledges.then_some(totals.unacknowledged),
            refusals: measured.refusals.clone(),
            errors: measured.errors.clone(),
            expected: knows_loss.then_some(totals.expected),
            only_listens,
            received: totals.received,
            received_per_s: per_second(totals.received, receiving),
            received_bytes: totals.received_bytes,
            refused_received: totals.refused_received,
            lost: knows_loss.then_some(totals.lost),
            duplicated: totals.duplicated,
            reordered: totals.reordered,
            foreign: totals.foreign,
            foreign_per_s: per_second(totals.foreign, receiving),
            foreign_bytes: totals.foreign_bytes,
            retained: totals.retained,
            per_qos: QosCounts::all(&measured.qos),
            per_subscriber: measured.subscribers.clone(),
            connections: measured.connections,
            connect_us: Latency::corrected(&latencies.connect),
            connect_uncorrected_us: Latency::uncorrected(&latencies.connect),
            send_lateness_us: Latency::new(&latencies.lateness, latencies.lateness_lower_bounds),
            publish_to_ack_us: Latency::corrected(&ack),
            publish_to_ack_uncorrected_us: Latency::uncorrected(&ack),
            publish_to_ack_qos1_us: Latency::corrected(&latencies.ack_qos1),
            publish_to_ack_qos1_uncorrected_us: Latency::uncorrected(&latencies.ack_qos1),
            publish_to_ack_qos2_us: Latency::corrected(&latencies.ack_qos2),
            publish_to_ack_qos2_uncorrected_us: Latency::uncorrected(&latencies.ack_qos2),
            publish_to_delivery_us: Latency::corrected(&latencies.e2e),
            publish_to_delivery_uncorrected_us: Latency::uncorrected(&latencies.e2e),
            cpu_s: round(measured.cpu_ns as f64 / 1e9),
            peak_memory_bytes: Some(measured.peak_memory_bytes).filter(|&bytes| bytes > 0),
            limited_by: measured.limits.iter().cloned().collect(),
            series: Second::all(outcome.began_ns(), &measured.series),
            asserted: Vec::new(),
            compared: None,
        }
    }
}

impl ReportPart {
    fn new(part: &super::Part) -> ReportPart {
        ReportPart {
            run: part.run.clone(),
            shard: part.shard,
            midge: part.midge.clone(),
            began: moment(part.began_ns),
            duration_s: seconds(part.sending_ns),
            ended_by: part.ended_by,
            error: part.error.clone(),
        }
    }
}

impl QosCounts {
    fn all(all: &[Counts]) -> Vec<QosCounts> {
        all.iter()
            .enumerate()
            .map(|(qos, &counts)| QosCounts { qos, counts })
            .filter(|of| of.counts != Counts::default())
            .collect()
    }
}

impl Second {
    fn all(began_ns: i64, series: &Series) -> Vec<Second> {
        let first = Series::first_second(began_ns);
        let rows = series.rows.iter().map(|(&second, row)| {
            let latency = row.latency();
            let at = |quantile| latency.quantile(quantile).map(|ns| us(ns as f64));
            Second {
                offset_s: second.saturating_sub(first),
                sent: row.sent,
                received: row.received,
                acknowledged: row.acknowledged,
                errors: row.errors,
                connected: row.connected,
                p50_us: at(0.5),
                p99_us: at(0.99),
                max_us: longest(latency).map(|ns| us(ns as f64)),
            }
        });
        rows.collect()
    }
}

fn longest(latency: &Coarsened) -> Option<u64> {
    (!latency.is_empty()).then_some(latency.max_ns)
}

/// What all have in common, if they have.
fn same<T: PartialEq>(mut all: impl Iterator<Item = T>) -> Option<T> {
    let first = all.next()?;
    all.all(|other| other == first).then_some(first)
}

fn sum(outcome: &Outcome, count: impl Fn(&Group) -> u32) -> u64 {
    outcome.groups().map(|group| u64::from(count(group))).sum()
}

/// RFC 3339, to the ms.
pub(super) fn moment(ns: i64) -> String {
    let time = Time {
        nanoseconds: i128::from(ns),
        digits: 3,
    };
    time.to_string()
}

fn seconds(ns: u64) -> f64 {
    ns as f64 / 1e9
}

/// To three places.
pub(super) fn per_second(count: u64, ns: u64) -> f64 {
    match ns {
        0 => 0.0,
        ns => round(count as f64 / seconds(ns)),
    }
}

/// ns as µs.
pub fn us(ns: f64) -> f64 {
    round(ns / 1e3)
}

/// To three places.
pub(super) fn round(number: f64) -> f64 {
    (number * 1e3).round() / 1e3
}
