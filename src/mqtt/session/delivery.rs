//! Messages from the server against what the client is subscribed to.

mod promises;

use std::collections::VecDeque;

use rustc_hash::FxHashMap;

use super::super::packet::Publish;
use super::super::property::{PropertyId, Value};
use super::super::qos::QoS;
use super::super::rule::{Rule, Severity};
use super::super::topic::Quoted;
use super::finding::Report;
use super::limits::is_above;
use super::subscriptions::{State, Subscription, Subscriptions};
use super::traffic::{MAX_MESSAGES, Traffic};

/// Topics of one connection whose last message is remembered.
const MAX_TOPICS: usize = 1024;

/// What is known of the client that a message goes to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Recipient {
    /// It asked to have RETAIN as it was published.
    pub(super) is_bridge: bool,
    /// Messages for it may wait until it acknowledges others.
    pub(super) has_backlog: bool,
}

/// What was delivered on one connection.
#[derive(Debug, Default)]
pub(super) struct Deliveries {
    /// Per topic, publisher and QoS.
    last: FxHashMap<(u64, u64, u8), Last>,
}

/// The last messages that were delivered.
#[derive(Debug, Default)]
struct Last {
    /// The one that was published last: its number, and the frame it was delivered in.
    newest: Option<(u64, u64)>,
    /// The numbers of those delivered last. The same content again is perhaps another message.
    numbers: VecDeque<u64>,
}

/// A message, its topic resolved.
#[derive(Debug, Clone, Copy)]
pub(super) struct Message<'a> {
    pub(super) publish: &'a Publish<'a>,
    pub(super) topic: &'a str,
    pub(super) topic_hash: u64,
    pub(super) digest: u64,
}

impl Deliveries {
    /// A PUBLISH of the server.
    pub(super) fn check(
        &mut self,
        message: &Message<'_>,
        subscriptions: &mut Subscriptions,
        traffic: &Traffic,
        to: Recipient,
        report: &mut Report<'_>,
    ) {
        let is_whole = subscriptions.is_whole();
        let would_match = subscriptions.would_match(message.topic);
        let mut matching = subscriptions.matching(message.topic);
        if matching.is_empty() {
            if is_whole {
                report.add_citing(
                    Rule::NoSubscription,
                    match would_match {
                        true => &["MQTT-4.7.2-1"],
                        false => &[],
                    },
                    &[],
                    format!(
                        "PUBLISH to {}, which no subscription of the client matches",
                        Quoted(message.topic)
                    ),
                );
            }
            return;
        }
        if is_whole {
            check_qos(message, &matching, report);
            check_ids(message, &matching, report);
        }
        if !message.publish.dup {
            let is_told = is_whole && promises::check(message, &matching, traffic, to, report);
            if !is_told {
                let is_bridge = to.is_bridge;
                check_retain(message, &mut matching, traffic, is_whole, is_bridge, report);
            }
            if let [only] = matching.as_slice()
                && !only.is_shared()
            {
                self.check_order(message, traffic, report);
            }
        }
    }

    /// Forgets what was delivered.
    pub(super) fn forget(&mut self) {
        self.last.clear();
    }

    /// Bytes that it takes, about.
    pub(super) fn weight(&self) -> usize {
        self.last.len() * (size_of::<Last>() + 24 + 8 * MAX_MESSAGES)
    }

    fn check_order(&mut self, message: &Message<'_>, traffic: &Traffic, report: &mut Report<'_>) {
        if message.publish.retain {
            return;
        }
        let mut sources = traffic.of(message.topic_hash, message.digest);
        let (Some(source), None) = (sources.next(), sources.next()) else {
            return;
        };
        let key = (message.topic_hash, source.stream, source.qos.as_u8());
        if self.last.len() >= MAX_TOPICS && !self.last.contains_key(&key) {
            self.last.clear();
        }
        let last = self.last.entry(key).or_default();
        if last.numbers.contains(&source.number) {
            return;
        }
        last.numbers.push_back(source.number);
        if last.numbers.len() > MAX_MESSAGES {
            last.numbers.pop_front();
        }
        if let Some((number, frame)) = last.newest
            && source.number < number
        {
            report.add(
                Rule::ForwardOrder,
                &[source.frame, frame],
                format!(
                    "PUBLISH to {} behind a message that its publisher sent later",
                    Quoted(message.topic)
                ),
            );
        } else {
            last.newest = Some((source.number, report.at.frame));
        }
    }
}

fn check_qos(message: &Message<'_>, matching: &[&mut Subscription], report: &mut Report<'_>) {
    let granted = matching
        .iter()
        .map(|s| s.qos)
        .max_by_key(|qos| qos.as_u8())
        .unwrap_or(QoS::ExactlyOnce);
    if is_above(message.publish.qos, granted) {
        let frames: Vec<u64> = matching.iter().filter_map(|s| s.granted).collect();
        report.add(
            Rule::QosAboveGranted,
            &known(&frames),
            format!(
                "PUBLISH to {} with QoS {}, and its subscriptions have QoS {granted} at most",
                Quoted(message.topic),
                message.publish.qos
            ),
        );
    }
}

fn check_ids(message: &Message<'_>, matching: &[&mut Subscription], report: &mut Report<'_>) {
    if !report.is_v5() {
        return;
    }
    let carried: Vec<u32> = message
        .publish
        .properties
        .iter()
        .filter(|p| p.id == PropertyId::SUBSCRIPTION_IDENTIFIER)
        .filter_map(|p| match p.value {
            Value::VarInt(id) => Some(id),
            _ => None,
        })
        .collect();
    let topic = Quoted(message.topic);
    for id in &carried {
        if !matching.iter().any(|s| s.id == Some(*id)) {
            report.add(
                Rule::SubscriptionIdForeign,
                &[],
                format!(
                    "PUBLISH to {topic} with subscription identifier {id}, which no matching \
                     subscription of the client has"
                ),
            );
        }
    }
    if carried.is_empty() && matching.iter().all(|s| s.id.is_some()) {
        let ids: Vec<String> = matching
            .iter()
            .filter_map(|s| Some(s.id?.to_string()))
            .collect();
        report.add(
            Rule::SubscriptionIdMissing,
            &[],
            format!(
                "PUBLISH to {topic} without the identifier {} of its subscription",
                ids.join(" or ")
            ),
        );
    }
    // Of a single copy for several subscriptions.
    if carried.len() > 1 {
        let mut missing = matching
            .iter()
            .filter(|s| s.state == State::Granted && !s.is_shared())
            .filter_map(|s| s.id)
            .filter(|id| !carried.contains(id));
        if let Some(id) = missing.next() {
            report.add(
                Rule::SubscriptionIdIncomplete,
                &[],
                format!(
                    "PUBLISH to {topic} with several subscription identifiers and without {id}, \
                     whose subscription matches too"
                ),
            );
        }
    }
}

fn check_retain(
    message: &Message<'_>,
    matching: &mut [&mut Subscription],
    traffic: &Traffic,
    is_whole: bool,
    is_bridge: bool,
    report: &mut Report<'_>,
) {
    let topic = Quoted(message.topic);
    if !message.publish.retain {
        if is_whole && let Some(frame) = published_before(message, matching, traffic) {
            // Somebody who was not seen may have published the same.
            report.add_as(
                Rule::RetainMissing,
                Severity::Warning,
                &[],
                &[frame],
                format!(
                    "PUBLISH to {topic} without RETAIN, and the message was published before the \
                     client subscribed: a retained one has RETAIN"
                ),
            );
        }
        return;
    }
    if matching.iter().any(|s| s.options.retain_as_published) {
        return;
    }
    let severity = |usual| if is_bridge { Severity::Info } else { usual };
    let live = published_since(message, matching, traffic, report.at.frame);
    // Each may have brought a copy.
    let is_again = matching
        .iter_mut()
        .all(|subscription| subscription.retained_again(message.topic_hash));
    if is_again {
        report.add_as(
            Rule::RetainOnLive,
            severity(Severity::Error),
            &[],
            &[],
            format!(
                "PUBLISH to {topic} with RETAIN again: only the first message for a new \
                 subscription has it"
            ),
        );
    } else if let Some(frame) = live {
        report.add_as(
            Rule::RetainOnLive,
            // A retained message with the same content may have been there.
            severity(Severity::Warning),
            &[],
            &[frame],
            format!(
                "PUBLISH to {topic} with RETAIN, and the message was published after the client \
                 had subscribed"
            ),
        );
    }
}

/// The frame of the PUBLISH, if the message, delivered in `frame`, can only have come to the
/// server after all subscriptions were granted.
fn published_since(
    message: &Message<'_>,
    matching: &[&mut Subscription],
    traffic: &Traffic,
    frame: u64,
) -> Option<u64> {
    let first = traffic.of(message.topic_hash, message.digest).next()?;
    let is_before = |s: &&mut Subscription| s.granted.is_some_and(|at| at < first.frame);
    (first.frame < frame && matching.iter().all(is_before)).then_some(first.frame)
}

/// The frame of the PUBLISH, if the message can only be one that was retained before all
/// subscriptions were asked for.
fn published_before(
    message: &Message<'_>,
    matching: &[&mut Subscription],
    traffic: &Traffic,
) -> Option<u64> {
    let last = traffic.of(message.topic_hash, message.digest).last()?;
    let is_before = |s: &&mut Subscription| s.asked.is_some_and(|asked| last.frame < asked);
    (last.retain && matching.iter().all(is_before)).then_some(last.frame)
}

/// Without the frames of earlier connections, which are not known.
fn known(frames: &[u64]) -> Vec<u64> {
    frames.iter().copied().filter(|&frame| frame > 0).collect()
}
