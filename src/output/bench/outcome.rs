//! What a load test found: the one value behind the summary, the JSON, the files, the pages, the
//! assertions and the comparison.
//!
//! Everything is whole numbers (times in ns), so that the results of several processes or machines
//! add exactly: [`Measured`] adds, and an [`Outcome`] is what was measured and the [`Part`]s that
//! it is the sum of.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::series::Series;
use super::times::Times;

/// The result of one run, or of several that were merged.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Outcome {
    /// The runs, or shards of runs, that it is the sum of; sorted by run and shard.
    pub parts: Vec<Part>,
    /// What they measured together.
    pub measured: Measured,
}

/// One process's run.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Part {
    /// Name of the run: the same for all its shards.
    pub run: String,
    /// Which part of the run this is; none: all of it.
    pub shard: Option<Shard>,
    /// Version of midge.
    pub midge: String,
    /// When the measurement began, behind the warm-up: ns since 1970-01-01 UTC.
    pub began_ns: i64,
    /// How long messages were sent, from there.
    pub sending_ns: u64,
    /// How long messages came, from there.
    pub receiving_ns: u64,
    /// How it ended.
    pub ended_by: Ended,
    /// Why it ended early: one sentence.
    pub error: Option<String>,
    /// What was asked for: by the whole run, not by the shard alone.
    pub asked: Asked,
}

/// One of so many parts of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Shard {
    /// Which one, from 0 and below `of`.
    pub index: u32,
    /// How many there are.
    pub of: u32,
}

/// How a run ended; the later ones say more about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Ended {
    /// Everything was sent.
    Count,
    /// The time was over.
    #[default]
    Time,
    /// SIGINT.
    Interrupt,
    /// SIGTERM.
    Terminate,
    /// A connection was lost, or something failed.
    Error,
}

/// What was asked for.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Asked {
    /// `host:port`, or what the address is.
    pub broker: String,
    /// `3.1`, `3.1.1`, `5.0`.
    pub version: String,
    /// `native` or `rumqttc`.
    pub engine: String,
    /// Left out of all figures but the connections.
    pub warmup_ns: u64,
    /// How long to publish behind the warm-up; none: until the count is reached.
    pub duration_ns: Option<u64>,
    /// Messages to send, all publishers together.
    pub count: Option<u64>,
    /// The groups of clients; one if no scenario has more.
    pub groups: Vec<Group>,
    /// Everything else that was not left as it is by default: flag without its dashes, and value.
    pub more: BTreeMap<String, String>,
}

/// Clients that do the same.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Group {
    /// As in the scenario; none if there is no scenario.
    pub name: Option<String>,
    /// Connections that publish.
    pub publishers: u32,
    /// Connections that subscribe.
    pub subscribers: u32,
    /// Connections that only stay open.
    pub idle: u32,
    /// Of messages and subscriptions: 0, 1, 2.
    pub qos: u8,
    /// Where to publish, as it was given, with the run's name filled in.
    pub topic: String,
    /// Bytes of a payload; none if they differ (`more` says how).
    pub size_bytes: Option<u64>,
    /// Messages per second, all publishers of the group together; none: as fast as possible.
    pub rate_per_s: Option<f64>,
    /// Unacknowledged messages allowed per publisher; none with QoS 0.
    pub inflight: Option<u16>,
    /// Everything else: flag without its dashes, and value.
    pub more: BTreeMap<String, String>,
}

/// What was counted and timed. The warm-up is no part of it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Measured {
    /// Messages, by QoS: what was sent by that of the PUBLISH to the broker; what came or should
    /// have come by that of its delivery.
    pub qos: [Counts; 3],
    /// Each subscriber's part of that; sorted.
    pub subscribers: Vec<Subscriber>,
    /// Connections opened, those opened again included.
    pub connections: u64,
    /// What the broker refused; sorted. See [`Measured::refuse`].
    pub refusals: Vec<Refusals>,
    /// What went wrong without a reason code, in a few words each (`connection refused`,
    /// `connection lost`), and how often.
    pub errors: BTreeMap<String, u64>,
    /// Distributions of times.
    pub latencies: Latencies,
    /// Second by second.
    pub series: Series,
    /// CPU time of midge, user and system, while it measured; of all parts together.
    pub cpu_ns: u64,
    /// The most memory that midge had (resident), of the part that had most; 0 if not known.
    pub peak_memory_bytes: u64,
    /// What kept the load from being what was asked for, if something did.
    pub limits: BTreeSet<Limit>,
}

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
    /// Expected and not received; 0 as long as shards are missing.
    pub lost: u64,
    /// Arrivals of what had come before.
    pub duplicated: u64,
    /// First arrivals behind a later message of the same publisher.
    pub reordered: u64,
    /// Arrivals of what this run did not send.
    pub foreign: u64,
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
    /// As in [`Counts`].
    pub expected: u64,
    /// As in [`Counts`].
    pub received: u64,
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

/// Refusals with one reason.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Refusals {
    /// 0x80 and above; codes of 3.1.1 as their equals of 5.0.
    pub reason_code: u8,
    /// Its name.
    pub reason: String,
    /// The packet that said it: `CONNACK`, `SUBACK`, `PUBACK`, `PUBREC`, `PUBCOMP`, `DISCONNECT`.
    pub packet: String,
    /// How many.
    pub count: u64,
}

/// Distributions of times.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Latencies {
    /// To CONNACK: from when the connection should have been opened; uncorrected from when it was.
    pub connect: Pair,
    /// QoS 1: to PUBACK; from when a message should have been sent, uncorrected from when it was.
    pub ack_qos1: Pair,
    /// QoS 2: to PUBCOMP, likewise.
    pub ack_qos2: Pair,
    /// To the first arrival at each subscriber, likewise.
    pub e2e: Pair,
    /// How late messages were sent; empty without a rate.
    pub lateness: Times,
}

/// The same times twice.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Pair {
    /// From when it should have begun: what a user of the broker would have waited.
    pub corrected: Times,
    /// From when it began. Empty where nothing said when it should have: then both are the same.
    pub uncorrected: Times,
}

/// Something that limited the run.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Limit {
    /// One word or two: `cpu`, `open files`, `ports`, `pace`, `window`, `broker`.
    pub what: String,
    /// One sentence that says how it shows and what to do, without a full stop.
    pub sentence: String,
}

impl Measured {
    /// All QoS together.
    pub fn totals(&self) -> Counts {
        let mut totals = Counts::default();
        for counts in &self.qos {
            totals.add(counts);
        }
        totals
    }

    /// Counts a refusal.
    pub fn refuse(&mut self, packet: &str, reason_code: u8, reason: &str, count: u64) {
        let key = (reason_code, reason, packet);
        let found = self.refusals.binary_search_by(|r| r.key().cmp(&key));
        match found {
            Ok(at) => {
                if let Some(refusals) = self.refusals.get_mut(at) {
                    add(&mut refusals.count, count);
                }
            }
            Err(at) => self.refusals.insert(
                at,
                Refusals {
                    reason_code,
                    reason: reason.to_owned(),
                    packet: packet.to_owned(),
                    count,
                },
            ),
        }
    }

    /// Refusals and errors of every kind.
    pub fn troubles(&self) -> u64 {
        let refused = self.refusals.iter().map(|refusals| &refusals.count);
        let all = refused.chain(self.errors.values());
        all.fold(0, |sum, count| sum.saturating_add(*count))
    }

    /// Each shard knows what every subscriber should get from its publishers, and what its own
    /// subscribers got.
    fn add_subscribers(&mut self, others: &[Subscriber]) {
        let key = |subscriber: &Subscriber| (subscriber.group, subscriber.number);
        let mut all: BTreeMap<_, Subscriber> = self
            .subscribers
            .iter()
            .map(|own| (key(own), *own))
            .collect();
        for other in others {
            match all.entry(key(other)) {
                Entry::Occupied(mut own) => own.get_mut().add(other),
                Entry::Vacant(place) => {
                    place.insert(*other);
                }
            }
        }
        self.subscribers = all.into_values().collect();
        self.subscribers.sort_unstable();
    }

    /// Counts what was lost, now that everything is known of who sent and who got what.
    pub fn settle(&mut self) {
        for counts in &mut self.qos {
            counts.lost = counts.expected.saturating_sub(counts.received);
        }
        for own in &mut self.subscribers {
            own.lost = own.expected.saturating_sub(own.received);
        }
    }

    /// Adds what another worker, shard or run measured.
    pub fn add(&mut self, other: &Measured) {
        for (own, counts) in self.qos.iter_mut().zip(&other.qos) {
            own.add(counts);
        }
        self.add_subscribers(&other.subscribers);
        add(&mut self.connections, other.connections);
        for r in &other.refusals {
            self.refuse(&r.packet, r.reason_code, &r.reason, r.count);
        }
        for (what, count) in &other.errors {
            add(self.errors.entry(what.clone()).or_default(), *count);
        }
        self.latencies.add(&other.latencies);
        self.series.add(&other.series);
        add(&mut self.cpu_ns, other.cpu_ns);
        self.peak_memory_bytes = self.peak_memory_bytes.max(other.peak_memory_bytes);
        self.limits.extend(other.limits.iter().cloned());
    }
}

impl Counts {
    /// Adds another's.
    pub fn add(&mut self, other: &Counts) {
        add(&mut self.sent, other.sent);
        add(&mut self.sent_bytes, other.sent_bytes);
        add(&mut self.not_sent, other.not_sent);
        add(&mut self.acknowledged, other.acknowledged);
        add(&mut self.refused, other.refused);
        add(&mut self.unacknowledged, other.unacknowledged);
        add(&mut self.expected, other.expected);
        add(&mut self.received, other.received);
        add(&mut self.received_bytes, other.received_bytes);
        add(&mut self.lost, other.lost);
        add(&mut self.duplicated, other.duplicated);
        add(&mut self.reordered, other.reordered);
        add(&mut self.foreign, other.foreign);
        add(&mut self.retained, other.retained);
    }
}

impl Subscriber {
    fn add(&mut self, other: &Subscriber) {
        self.granted_qos = self.granted_qos.min(other.granted_qos);
        add(&mut self.expected, other.expected);
        add(&mut self.received, other.received);
        add(&mut self.lost, other.lost);
        add(&mut self.duplicated, other.duplicated);
        add(&mut self.reordered, other.reordered);
        add(&mut self.foreign, other.foreign);
        add(&mut self.retained, other.retained);
    }

    /// Its part of the counts; how many bytes it got is not known.
    pub fn counts(&self) -> Counts {
        Counts {
            expected: self.expected,
            received: self.received,
            lost: self.lost,
            duplicated: self.duplicated,
            reordered: self.reordered,
            foreign: self.foreign,
            retained: self.retained,
            ..Counts::default()
        }
    }
}

impl Refusals {
    fn key(&self) -> (u8, &str, &str) {
        (self.reason_code, &self.reason, &self.packet)
    }
}

impl Latencies {
    /// QoS 1 and 2 together, from when messages should have been sent, or from when they were.
    pub fn ack(&self) -> Pair {
        let mut sum = self.ack_qos1.clone();
        sum.add(&self.ack_qos2);
        sum
    }

    /// Adds another's.
    pub fn add(&mut self, other: &Latencies) {
        self.connect.add(&other.connect);
        self.ack_qos1.add(&other.ack_qos1);
        self.ack_qos2.add(&other.ack_qos2);
        self.e2e.add(&other.e2e);
        self.lateness.add(&other.lateness);
    }
}

impl Pair {
    /// Adds another's.
    pub fn add(&mut self, other: &Pair) {
        self.corrected.add(&other.corrected);
        self.uncorrected.add(&other.uncorrected);
    }
}

/// Sums stop at the largest number: a file can hold any.
pub(super) fn add(own: &mut u64, other: u64) {
    *own = own.saturating_add(other);
}

impl Outcome {
    /// When the first part began, ns since 1970-01-01 UTC.
    pub fn began_ns(&self) -> i64 {
        self.parts.iter().map(|p| p.began_ns).min().unwrap_or(0)
    }

    /// From the first begin to the last message sent, ns.
    pub fn sending_ns(&self) -> u64 {
        self.span(|part| part.sending_ns)
    }

    /// From the first begin to the last message that came, ns.
    pub fn receiving_ns(&self) -> u64 {
        self.span(|part| part.receiving_ns)
    }

    fn span(&self, time: impl Fn(&Part) -> u64) -> u64 {
        let began = self.began_ns();
        let end = |part: &Part| {
            let behind = part.began_ns.saturating_sub(began);
            time(part).saturating_add(u64::try_from(behind).unwrap_or(0))
        };
        self.parts.iter().map(end).max().unwrap_or(0)
    }

    /// How it ended: what says most, of all parts.
    pub fn ended_by(&self) -> Ended {
        let ends = self.parts.iter().map(|part| part.ended_by);
        ends.max().unwrap_or_default()
    }

    /// Why parts ended early: each sentence once.
    pub fn error(&self) -> Option<String> {
        let sentences: BTreeSet<&str> = self
            .parts
            .iter()
            .filter_map(|part| part.error.as_deref())
            .collect();
        (!sentences.is_empty()).then(|| Vec::from_iter(sentences).join("; "))
    }

    /// What the different runs asked for: one entry per run, not per shard.
    pub fn asked(&self) -> impl Iterator<Item = &Asked> {
        let runs = self.parts.chunk_by(|a, b| a.run == b.run);
        runs.filter_map(|parts| Some(&parts.first()?.asked))
    }

    /// All groups of all runs.
    pub fn groups(&self) -> impl Iterator<Item = &Group> {
        self.asked().flat_map(|asked| &asked.groups)
    }

    /// Whether anybody publishes what the broker acknowledges.
    pub fn acknowledges(&self) -> bool {
        self.groups()
            .any(|group| group.qos > 0 && group.publishers > 0)
    }

    /// Messages per second that were asked for, all publishers together; none if any of them
    /// publishes as fast as possible.
    pub fn target_rate_per_s(&self) -> Option<f64> {
        let publishing = self.groups().filter(|group| group.publishers > 0);
        let rates: Option<Vec<f64>> = publishing.map(|group| group.rate_per_s).collect();
        rates
            .filter(|rates| !rates.is_empty())
            .map(|rates| rates.iter().sum())
    }

    /// The lowest QoS that the broker granted a subscriber.
    pub fn granted_qos(&self) -> Option<u8> {
        let granted = self.measured.subscribers.iter().map(|s| s.granted_qos);
        granted.min()
    }
}
