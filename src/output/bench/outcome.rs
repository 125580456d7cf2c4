//! What a load test found: the one value behind the summary, the JSON, the files, the pages, the
//! assertions and the comparison.
//!
//! Everything is whole numbers (times in ns), so that the results of several processes or machines
//! add exactly: [`Measured`] adds, and an [`Outcome`] is what was measured and the [`Part`]s that
//! it is the sum of.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::counts::{Counts, Subscriber, add};
use super::latencies::Latencies;
use super::numbers::grouped;
use super::series::Series;

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
    /// How long nothing had moved when it ended, if that was longer than it should be; else 0.
    #[serde(default)]
    pub still_ns: u64,
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
    /// Whether nobody here publishes what the subscribers hear.
    pub unheard: bool,
    /// Everything else that was not left as it is by default: flag without its dashes, and value.
    pub more: BTreeMap<String, String>,
}

impl Asked {
    /// Whether anybody hears what anybody publishes: only then can it be known what was lost.
    pub fn delivers(&self) -> bool {
        let has = |is: fn(&Group) -> bool| self.groups.iter().any(is);
        has(|group| group.publishers > 0) && has(|group| group.subscribers > 0) && !self.unheard
    }

    /// Whether connections had a time to be opened at.
    pub fn has_connect_rate(&self) -> bool {
        self.more.contains_key("connect-rate")
    }
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
    /// Unacknowledged messages allowed per publisher, in a run that has begun by the broker, too;
    /// none with QoS 0.
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
            counts.settle();
        }
        for own in &mut self.subscribers {
            own.settle();
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

impl Refusals {
    fn key(&self) -> (u8, &str, &str) {
        (self.reason_code, &self.reason, &self.packet)
    }
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

    /// That it was interrupted and how far it had come, if it was: without a full stop.
    pub fn interrupted(&self) -> Option<String> {
        let how = match self.ended_by() {
            Ended::Interrupt => "interrupted",
            Ended::Terminate => "terminated",
            Ended::Count | Ended::Time | Ended::Error => return None,
        };
        let mut asked = self.asked();
        let (Some(run), None) = (asked.next(), asked.next()) else {
            return Some(format!("{how}, at least one of several runs"));
        };
        let seconds = |ns: u64| ns as f64 / 1e9;
        let time = seconds(self.sending_ns());
        Some(match (run.count, run.duration_ns) {
            (Some(count), _) => {
                let sent = self.measured.totals().sent;
                let [sent, count] = [sent, count].map(|number| grouped(number as f64, 0));
                format!("{how} after {sent} of {count} messages")
            }
            (None, Some(duration)) => {
                format!("{how} after {time:.1} s of {:.1} s", seconds(duration))
            }
            (None, None) => format!("{how} after {time:.1} s"),
        })
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

    /// Whether there are subscribers, and nobody publishes what they hear.
    pub fn only_listens(&self) -> bool {
        let listens = self.groups().any(|group| group.subscribers > 0);
        listens && !self.asked().any(Asked::delivers)
    }

    /// Whether anybody publishes at a rate.
    pub fn has_rate(&self) -> bool {
        self.groups()
            .any(|group| group.publishers > 0 && group.rate_per_s.is_some())
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
