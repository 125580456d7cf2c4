//! The sentences that come first: whether it is good, and how far to believe it.

use super::Check;
use super::markup::Markup;
use super::table::moment;
use crate::output::bench::text::ONLY_LISTENS;
use crate::output::bench::{Comparison, Ended, Outcome, Report, grouped};
use crate::output::text::count;

/// How good what a sentence says is. Said by a sign and a colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tone {
    Good,
    Warn,
    Bad,
}

/// Writes the list.
pub(super) fn list(
    out: &mut Markup,
    outcome: &Outcome,
    report: &Report,
    checks: &[Check],
    comparison: Option<&Comparison>,
) {
    out.open("ul", &[("class", &"verdict")]);
    for (tone, sentence) in sentences(outcome, report, checks, comparison) {
        let (class, sign, said) = match tone {
            Tone::Good => ("good", "✓", "good"),
            Tone::Warn => ("warn", "!", "take care"),
            Tone::Bad => ("bad", "✗", "bad"),
        };
        out.open("li", &[("class", &class)]);
        out.element("b", &[("role", &"img"), ("aria-label", &said)], sign);
        out.element("span", &[], sentence);
        out.close();
    }
    out.close();
}

fn sentences(
    outcome: &Outcome,
    report: &Report,
    checks: &[Check],
    comparison: Option<&Comparison>,
) -> Vec<(Tone, String)> {
    let mut said = Vec::new();
    for check in checks {
        said.push(match check.holds {
            true => (Tone::Good, format!("{}.", check.sentence)),
            false => (Tone::Bad, format!("Missed: {}.", check.sentence)),
        });
    }
    if let Some(comparison) = comparison {
        said.extend(compared(comparison));
    }
    match report.ended_by {
        Ended::Time | Ended::Count => {}
        Ended::Interrupt | Ended::Terminate => {
            let how = report.interrupted.as_deref().unwrap_or("interrupted");
            said.push((Tone::Warn, format!("The run is not whole: {how}.")));
        }
        Ended::Error => {
            let why = report.error.as_deref().unwrap_or("it failed");
            said.push((Tone::Bad, format!("The run is not whole: {why}.")));
        }
    }
    for (run, missing, of) in outcome.missing_shards() {
        let numbers: Vec<String> = missing.iter().map(u32::to_string).collect();
        let sentence = format!(
            "Of the {of} shards of run {run} there is no {}: what was lost is not known.",
            numbers.join(", ")
        );
        said.push((Tone::Warn, sentence));
    }
    if report.only_listens {
        let mut sentence = ONLY_LISTENS.to_owned();
        sentence.replace_range(..1, "N");
        said.push((Tone::Warn, format!("{sentence}.")));
    }
    said.extend(messages(report));
    let troubles = outcome.measured.troubles();
    if troubles > 0 {
        let times = counted(troubles, "time");
        said.push((
            Tone::Bad,
            format!("Something was refused or failed {times}: see below."),
        ));
    } else {
        said.push((Tone::Good, "No refusals and no errors.".to_owned()));
    }
    let limits = report.limited_by.iter();
    said.extend(limits.map(|limit| {
        (
            Tone::Warn,
            format!("Limited by {}: {}.", limit.what, limit.sentence),
        )
    }));
    if let (Some(rate), true) = (report.target_rate_per_s, report.limited_by.is_empty()) {
        let rate = grouped(rate, 0);
        let due = report.due.unwrap_or(0);
        said.push(match due.saturating_sub(report.offered.unwrap_or(0)) {
            0 => (
                Tone::Good,
                format!("The load was offered as asked for: {rate} messages per second."),
            ),
            not_sent => (
                Tone::Warn,
                format!(
                    "{} of the {rate} per second that were asked for could not be sent in time.",
                    counted(not_sent, "message")
                ),
            ),
        });
    }
    said
}

/// What the earlier result says of this one.
fn compared(comparison: &Comparison) -> Vec<(Tone, String)> {
    let mut said = Vec::new();
    let than = format!(
        "than on {}, beyond the tolerance of {} %",
        moment(&comparison.began),
        comparison.tolerance_percent
    );
    let worse: Vec<String> = comparison.worse().map(|of| of.figure.name()).collect();
    said.push(match worse.is_empty() {
        true => (Tone::Good, format!("No figure is worse {than}.")),
        false => (Tone::Bad, format!("Worse {than}: {}.", worse.join(", "))),
    });
    for difference in &comparison.differences {
        let sentence = format!("The earlier run had other parameters: {difference}.");
        said.push((Tone::Warn, sentence));
    }
    said
}

/// What became of the messages.
fn messages(report: &Report) -> Vec<(Tone, String)> {
    let mut said = Vec::new();
    let expected = report.expected.unwrap_or(0);
    if let Some(lost) = report.lost.filter(|_| expected > 0) {
        said.push(match lost {
            0 => (
                Tone::Good,
                format!(
                    "Nothing was lost: {} arrived.",
                    counted(report.received, "message")
                ),
            ),
            lost => (
                Tone::Bad,
                format!(
                    "{} of {} lost.",
                    grouped(lost as f64, 0),
                    counted(expected, "message")
                ),
            ),
        });
    }
    for (what, of) in [
        ("came twice", report.duplicated),
        ("came out of order", report.reordered),
    ] {
        if of > 0 {
            said.push((Tone::Warn, format!("{} {what}.", counted(of, "message"))));
        }
    }
    let unacknowledged = report.unacknowledged.unwrap_or(0);
    if unacknowledged > 0 {
        let sentence = format!(
            "{} got no acknowledgement.",
            counted(unacknowledged, "message")
        );
        said.push((Tone::Bad, sentence));
    }
    if let Some((granted, asked)) = report.granted_qos.zip(report.qos)
        && granted < asked
    {
        let sentence = format!("The broker granted the subscribers only QoS {granted}.");
        said.push((Tone::Warn, sentence));
    }
    said
}

/// `1 message`, `12,345 messages`.
fn counted(n: u64, noun: &str) -> String {
    let text = count(n, noun);
    match text.split_once(' ') {
        Some((_, noun)) => format!("{} {noun}", grouped(n as f64, 0)),
        None => text,
    }
}
