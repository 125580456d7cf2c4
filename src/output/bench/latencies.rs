//! The distributions of times of a run. They add.

use serde::{Deserialize, Serialize};

use super::counts::add;
use super::numbers::grouped;
use super::times::Times;

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
    /// How many of those are lower bounds: messages that were never sent.
    pub lateness_lower_bounds: u64,
}

/// The same times twice.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Pair {
    /// From when it should have begun: what a user of the broker would have waited.
    pub corrected: Times,
    /// From when it began. Empty where nothing said when it should have: then both are the same.
    pub uncorrected: Times,
    /// How many of `corrected` are lower bounds: what had not come to its end when the run ended
    /// counts as long as it had waited until then.
    pub lower_bounds: u64,
    /// How many of `uncorrected` are: what never began has no place there.
    pub uncorrected_lower_bounds: u64,
}

impl Pair {
    /// So many had waited for at least `ns`, from when they should have begun, when the run ended.
    pub fn record_bound(&mut self, ns: u64, count: u64) {
        self.corrected.record_n(ns, count);
        self.lower_bounds = self.lower_bounds.saturating_add(count);
    }

    /// The same, from when they began.
    pub fn record_uncorrected_bound(&mut self, ns: u64, count: u64) {
        self.uncorrected.record_n(ns, count);
        self.uncorrected_lower_bounds = self.uncorrected_lower_bounds.saturating_add(count);
    }
}

impl Latencies {
    /// QoS 1 and 2 together, from when messages should have been sent, or from when they were.
    pub fn ack(&self) -> Pair {
        let mut sum = self.ack_qos1.clone();
        sum.add(&self.ack_qos2);
        sum
    }

    /// How many of the times would be longer if the run had gone on, if there are any: a sentence.
    pub(super) fn lower_bounds(&self) -> Option<String> {
        let all = [
            ("of lateness", self.lateness_lower_bounds),
            ("to ack", self.ack().lower_bounds),
            ("to delivery", self.e2e.lower_bounds),
        ];
        let some = all.iter().filter(|(_, count)| *count > 0);
        let some: Vec<String> = some
            .map(|(name, count)| format!("{} {name}", grouped(*count as f64, 0)))
            .collect();
        (!some.is_empty()).then(|| {
            let all = match some.split_last() {
                Some((last, [])) => last.clone(),
                Some((last, others)) => format!("{} and {last}", others.join(", ")),
                None => String::new(),
            };
            format!(
                "of these times, {all} are lower bounds: what had not come to its end when the run \
                 ended counts as long as it had waited"
            )
        })
    }

    /// Adds another's.
    pub fn add(&mut self, other: &Latencies) {
        self.connect.add(&other.connect);
        self.ack_qos1.add(&other.ack_qos1);
        self.ack_qos2.add(&other.ack_qos2);
        self.e2e.add(&other.e2e);
        self.lateness.add(&other.lateness);
        add(&mut self.lateness_lower_bounds, other.lateness_lower_bounds);
    }
}

impl Pair {
    /// Adds another's.
    pub fn add(&mut self, other: &Pair) {
        self.corrected.add(&other.corrected);
        self.uncorrected.add(&other.uncorrected);
        add(&mut self.lower_bounds, other.lower_bounds);
        add(
            &mut self.uncorrected_lower_bounds,
            other.uncorrected_lower_bounds,
        );
    }
}
