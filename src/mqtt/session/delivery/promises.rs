//! What a server promises with a subscription, beside to deliver: what it keeps back, and what it
//! hands on as it came.

use super::{Message, Recipient, known};
use crate::mqtt::rule::{Rule, Severity};
use crate::mqtt::session::finding::Report;
use crate::mqtt::session::keep_alive::Seconds;
use crate::mqtt::session::subscriptions::{State, Subscription};
use crate::mqtt::session::traffic::{Carried, Traffic};
use crate::mqtt::session::{PATIENCE, TIME_TO_CLOSE};
use crate::mqtt::topic::Quoted;

/// Checks a PUBLISH of the server that is no repeat; `matching` are all subscriptions that may
/// have brought it. Returns whether RETAIN in it was told of.
pub(super) fn check(
    message: &Message<'_>,
    matching: &[&mut Subscription],
    traffic: &Traffic,
    to: Recipient,
    report: &mut Report<'_>,
) -> bool {
    // A message that another member of a shared subscription gave back may be on its way for long.
    if !matching.iter().any(|s| s.is_shared()) {
        check_unsubscribed(message, matching, traffic, to, report);
    }
    if !report.is_v5() {
        return false;
    }
    check_no_local(message, matching, traffic, report);
    check_retain_as_published(message, matching, traffic, report);
    check_carried(message, traffic, report);
    check_retained(message, matching, report)
}

/// Nothing new comes for a subscription that has ended; what was buffered may.
fn check_unsubscribed(
    message: &Message<'_>,
    matching: &[&mut Subscription],
    traffic: &Traffic,
    to: Recipient,
    report: &mut Report<'_>,
) {
    let ends: Option<Vec<_>> = matching
        .iter()
        .map(|s| s.unsubscribed.filter(|_| s.state == State::Ended))
        .collect();
    let Some(end) = ends.and_then(|ends| ends.into_iter().max_by_key(|at| at.frame)) else {
        return;
    };
    let topic = Quoted(message.topic);
    let first = traffic.of(message.topic_hash, message.digest).next();
    if let Some(first) = first.filter(|first| first.frame < report.at.frame) {
        if first.frame > end.frame {
            report.add(
                Rule::AfterUnsubscribe,
                &[end.frame, first.frame],
                format!(
                    "PUBLISH to {topic}, and the message was published after UNSUBACK had ended \
                     the subscription"
                ),
            );
        }
        return;
    }
    if let Some(waited) = report.at.since(end.time)
        && waited > PATIENCE
        && !to.has_backlog
    {
        // It was not seen when the message came to the server.
        report.add_as(
            Rule::AfterUnsubscribe,
            Severity::Warning,
            &[],
            &[end.frame],
            format!(
                "PUBLISH to {topic} {} after UNSUBACK had ended the subscription",
                Seconds(waited)
            ),
        );
    }
}

/// Neither with Retain Handling 2 nor for shared subscriptions (4.8.2) do retained messages come.
fn check_retained(
    message: &Message<'_>,
    matching: &[&mut Subscription],
    report: &mut Report<'_>,
) -> bool {
    // With Retain As Published it may be a new one.
    let wants_none = |s: &&mut Subscription| {
        (s.options.retain_handling == 2 || s.is_shared()) && !s.options.retain_as_published
    };
    if !message.publish.retain || !matching.iter().all(wants_none) {
        return false;
    }
    let asked: Vec<u64> = matching.iter().filter_map(|s| s.asked).collect();
    let (rule, why) = match matching.iter().all(|s| s.is_shared()) {
        true => (
            Rule::RetainedShared,
            "the subscription is shared: it gets no retained messages",
        ),
        false => (
            Rule::RetainedUnwanted,
            "the subscription wants no retained messages (retain handling 2)",
        ),
    };
    report.add(
        rule,
        &known(&asked),
        format!(
            "PUBLISH to {} with RETAIN, and {why}",
            Quoted(message.topic)
        ),
    );
    true
}

/// No Local: what a client published does not come back to it.
fn check_no_local(
    message: &Message<'_>,
    matching: &[&mut Subscription],
    traffic: &Traffic,
    report: &mut Report<'_>,
) {
    if message.publish.retain || !matching.iter().all(|s| s.options.no_local) {
        return;
    }
    let sources = || traffic.of(message.topic_hash, message.digest);
    if sources().any(|source| source.stream != report.at.stream) {
        return;
    }
    let Some(last) = sources().last().filter(|s| s.frame < report.at.frame) else {
        return;
    };
    // Later it is more likely that somebody who was not seen published the same.
    if report
        .at
        .since(last.time)
        .is_some_and(|t| t > TIME_TO_CLOSE)
    {
        return;
    }
    report.add(
        Rule::NoLocalEcho,
        &[last.frame],
        format!(
            "PUBLISH to {}, which the client itself has published, and its subscription has no \
             local",
            Quoted(message.topic)
        ),
    );
}

/// Retain As Published: RETAIN stays.
fn check_retain_as_published(
    message: &Message<'_>,
    matching: &[&mut Subscription],
    traffic: &Traffic,
    report: &mut Report<'_>,
) {
    if message.publish.retain || !matching.iter().all(|s| s.options.retain_as_published) {
        return;
    }
    let mut sources = traffic.of(message.topic_hash, message.digest).peekable();
    if let Some(first) = sources.peek().copied()
        && first.frame < report.at.frame
        && sources.all(|source| source.retain)
    {
        report.add(
            Rule::RetainCleared,
            &[first.frame],
            format!(
                "PUBLISH to {} without RETAIN, which it was published with, and its subscription \
                 wants it as it was (retain as published)",
                Quoted(message.topic)
            ),
        );
    }
}

/// Properties of the message that the server hands on unchanged.
fn check_carried(message: &Message<'_>, traffic: &Traffic, report: &mut Report<'_>) {
    let mut sources = traffic.of(message.topic_hash, message.digest);
    let (Some(source), None) = (sources.next(), sources.next()) else {
        return;
    };
    if source.frame > report.at.frame || !report.is_v5() {
        return;
    }
    if let Some(published) = source.carried
        && let Some((id, what)) = Carried::of(message.publish).differs(published)
    {
        report.add_citing(
            Rule::MessageChanged,
            &[id],
            &[source.frame],
            format!(
                "PUBLISH to {} with {what} than the message was published with",
                Quoted(message.topic)
            ),
        );
    }
}
