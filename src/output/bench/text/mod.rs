//! The summary for people: within 80 columns.

mod histogram;
#[cfg(test)]
mod tests;

use std::fmt::{self, Write as _};
use std::io::{self, Write};

use super::comparison::Comparison;
use super::counts::{Counts, Subscriber};
use super::figure::Figure;
use super::latencies::{Latencies, Pair};
use super::latency::Latency;
use super::numbers::{bytes_text, grouped, percent_text, rate_text, several, time_text};
use super::outcome::Outcome;
use super::report::Report;
use crate::output::colour;
use crate::output::terminal::spell;
use crate::output::text::{Safe, wrap};

/// Columns of a terminal that every user has.
const WIDTH: usize = 80;

/// Why there is no loss in such a result.
pub(super) const ONLY_LISTENS: &str = "nobody here publishes what the subscribers hear: all that \
    comes is foreign, and whether any of it was lost, or how long it took, cannot be known";

/// Writes the summary; beside an earlier result, if there is one. `unicode`: whether other
/// characters than ASCII can be shown.
///
/// # Errors
/// Those of `out`.
pub fn write_text(
    out: &mut impl Write,
    outcome: &Outcome,
    comparison: Option<&Comparison>,
    unicode: bool,
) -> io::Result<()> {
    let mut text = String::new();
    // Writing to a string does not fail.
    let _ = push(&mut text, outcome, comparison);
    out.write_all(spell(&text, unicode).as_bytes())
}

fn push(out: &mut String, outcome: &Outcome, comparison: Option<&Comparison>) -> fmt::Result {
    let report = &Report::new(outcome);
    head(out, report)?;
    messages(out, outcome, report)?;
    latencies(out, outcome)?;
    histogram::push(out, outcome)?;
    costs(out, outcome, report)?;
    limits(out, report)?;
    match comparison {
        Some(comparison) => comparison.push(out),
        None => Ok(()),
    }
}

fn head(out: &mut String, report: &Report) -> fmt::Result {
    let load = match report.target_rate_per_s {
        Some(rate) => format!("{} messages/s", rate_text(rate)),
        None => "as fast as possible".to_owned(),
    };
    let warmup = match report.warmup_s {
        Some(warmup) if warmup > 0.0 => format!(" after {warmup:.1} s of warm-up"),
        _ => String::new(),
    };
    let broker = report.broker.as_deref().unwrap_or("several brokers");
    let version = match &report.version {
        Some(version) => format!("MQTT {}", Safe(version)),
        None => "several versions of MQTT".to_owned(),
    };
    let qos = match report.qos {
        Some(qos) => format!("QoS {qos}"),
        None => "several QoS".to_owned(),
    };
    let size = match report.size_bytes {
        Some(size) => several(size, "byte"),
        None => "several sizes".to_owned(),
    };
    let broker = Safe(broker).to_string();
    let line = match report.publishers {
        0 => format!("{broker} {version}, {qos}"),
        _ => format!("{broker} {version}, {qos}, {size}, {load}"),
    };
    for (i, line) in wrap(&line, Some(WIDTH - 2)).iter().enumerate() {
        match line.strip_prefix(&broker) {
            Some(rest) if i == 0 => writeln!(out, "{}{rest}", colour::bold(&broker))?,
            _ => writeln!(out, "  {line}")?,
        }
    }
    if report.groups.len() > 1 {
        for group in &report.groups {
            let name = group.name.as_deref().unwrap_or("(no name)");
            let line = format!(
                "{}: {}, {}, {} idle, QoS {}",
                Safe(name),
                several(u64::from(group.publishers), "publisher"),
                several(u64::from(group.subscribers), "subscriber"),
                grouped(f64::from(group.idle), 0),
                group.qos
            );
            paragraph(out, "  ", &line)?;
        }
    }
    let line = format!(
        "{}, {}, {} idle; measured for {:.2} s{warmup}",
        several(report.publishers, "publisher"),
        several(report.subscribers, "subscriber"),
        grouped(report.idle as f64, 0),
        report.duration_s
    );
    paragraph(out, "", &line)?;
    if report.parts.len() > 1 {
        let run = match &report.run {
            Some(run) => format!("shards of run {}", Safe(run)),
            None => "runs and shards of runs".to_owned(),
        };
        writeln!(out, "the sum of {} {run}", report.parts.len())?;
    }
    if let Some(error) = &report.error {
        let line = format!("the run ended early: {}", Safe(error));
        paragraph(out, "", &line)?;
    }
    if let Some(interrupted) = &report.interrupted {
        paragraph(out, "", &format!("the run was {interrupted}"))?;
    }
    if let Some((granted, qos)) = report.granted_qos.zip(report.qos)
        && granted < qos
    {
        writeln!(out, "the broker granted the subscribers only QoS {granted}")?;
    }
    writeln!(out)
}

/// Lines within the width; those behind the first stand two columns further in.
fn paragraph(out: &mut String, indent: &str, text: &str) -> fmt::Result {
    let lines = wrap(text, Some(WIDTH - indent.len() - 2));
    for (i, line) in lines.iter().enumerate() {
        let more = if i > 0 { "  " } else { "" };
        writeln!(out, "{indent}{more}{line}")?;
    }
    Ok(())
}

fn messages(out: &mut String, outcome: &Outcome, report: &Report) -> fmt::Result {
    let totals = outcome.measured.totals();
    if report.publishers > 0 {
        let speed = (report.sent_per_s, Some(totals.sent_bytes));
        line(out, "sent", totals.sent, Some(speed), None)?;
    }
    if let Some(rate) = report.acknowledged_per_s {
        line(
            out,
            "acknowledged",
            totals.acknowledged,
            Some((rate, None)),
            None,
        )?;
    }
    let due = totals.sent.saturating_add(totals.not_sent);
    // What was sent when nothing was due any more did not load the broker as was asked for.
    let in_vain = totals.offered.saturating_add(totals.not_sent);
    let sent_late = totals.due.saturating_sub(in_vain);
    for (name, count, whole) in [
        ("unacknowledged", totals.unacknowledged, totals.sent),
        ("refused", totals.refused, totals.sent),
        ("not sent", totals.not_sent, due),
        ("sent too late", sent_late, totals.due),
    ] {
        if count > 0 {
            line(out, name, count, None, Some(whole))?;
        }
    }
    if report.only_listens {
        let speed = (report.foreign_per_s, Some(totals.foreign_bytes));
        line(out, "foreign", totals.foreign, Some(speed), None)?;
    } else if report.subscribers > 0 {
        let speed = (report.received_per_s, Some(totals.received_bytes));
        line(out, "received", totals.received, Some(speed), None)?;
        match report.expected {
            Some(expected) => line(out, "lost", totals.lost, None, Some(expected))?,
            None => writeln!(out, "{:<15}  known when all shards are merged", "lost")?,
        }
        if totals.refused_received > 0 {
            let count = totals.refused_received;
            line(out, "refused, came", count, None, None)?;
        }
        for (name, count) in [
            ("duplicated", totals.duplicated),
            ("reordered", totals.reordered),
        ] {
            line(out, name, count, None, Some(totals.received))?;
        }
    }
    let foreign = if report.only_listens {
        0
    } else {
        totals.foreign
    };
    for (name, count) in [("foreign", foreign), ("retained", totals.retained)] {
        if count > 0 {
            line(out, name, count, None, None)?;
        }
    }
    line(out, "connections", report.connections, None, None)?;
    if report.only_listens {
        paragraph(out, "", ONLY_LISTENS)?;
    }
    for refusals in &report.refusals {
        let text = format!(
            "refused: {} 0x{:02x} {} ({})",
            several(refusals.count, "time"),
            refusals.reason_code,
            Safe(&refusals.reason),
            Safe(&refusals.packet)
        );
        paragraph(out, "", &text)?;
    }
    for (what, count) in &report.errors {
        let text = format!("failed: {} {}", several(*count, "time"), Safe(what));
        paragraph(out, "", &text)?;
    }
    per_qos(out, report)?;
    per_subscriber(out, outcome)?;
    writeln!(out)
}

fn deliveries(counts: &Counts) -> [(&'static str, u64); 3] {
    [
        ("lost", counts.lost),
        ("duplicated", counts.duplicated),
        ("reordered", counts.reordered),
    ]
}

/// Only where there are several that lost something.
fn per_qos(out: &mut String, report: &Report) -> fmt::Result {
    let delivered = report.per_qos.iter().filter(|qos| qos.counts.expected > 0);
    let delivered: Vec<_> = delivered.collect();
    let is_clean = delivered.iter().all(|qos| {
        let [(_, lost), (_, duplicated), (_, reordered)] = deliveries(&qos.counts);
        lost == 0 && duplicated == 0 && reordered == 0
    });
    if delivered.len() < 2 || is_clean {
        return Ok(());
    }
    for qos in delivered {
        let [lost, duplicated, reordered] = deliveries(&qos.counts)
            .map(|(name, count)| format!("{} {name}", grouped(count as f64, 0)));
        let text = format!(
            "QoS {}: {} received, {lost}, {duplicated}, {reordered}",
            qos.qos,
            grouped(qos.counts.received as f64, 0)
        );
        paragraph(out, "  ", &text)?;
    }
    Ok(())
}

/// Only where there are several, and not all alike.
fn per_subscriber(out: &mut String, outcome: &Outcome) -> fmt::Result {
    let all = &outcome.measured.subscribers;
    let several_groups = all.iter().any(|subscriber| subscriber.group > 0);
    type Count = fn(&Subscriber) -> u64;
    let counts: [(&str, Count); 3] = [
        ("lost", |subscriber| subscriber.lost),
        ("duplicated", |subscriber| subscriber.duplicated),
        ("reordered", |subscriber| subscriber.reordered),
    ];
    for (name, count) in counts {
        let concerned = all
            .iter()
            .filter(|subscriber| count(subscriber) > 0)
            .count();
        // The first of those that have most.
        let most = all.iter().rev().max_by_key(|subscriber| count(subscriber));
        let Some(most) = most.filter(|_| concerned > 0 && all.len() > 1) else {
            continue;
        };
        let group = match (several_groups, outcome.groups().nth(most.group as usize)) {
            (true, Some(group)) => {
                let name = group.name.as_deref().unwrap_or("(no name)");
                format!(" of {}", Safe(name))
            }
            _ => String::new(),
        };
        let text = format!(
            "{name} at {} of {}; most at number {}{group}: {}",
            grouped(concerned as f64, 0),
            several(all.len() as u64, "subscriber"),
            most.number,
            grouped(count(most) as f64, 0)
        );
        paragraph(out, "  ", &text)?;
    }
    Ok(())
}

/// A count; per second, with bytes; and as a share.
fn line(
    out: &mut String,
    name: &str,
    count: u64,
    speed: Option<(f64, Option<u64>)>,
    whole: Option<u64>,
) -> fmt::Result {
    write!(out, "{name:<15}{:>15}", grouped(count as f64, 0))?;
    if let Some((per_second, bytes)) = speed {
        let decimals = if per_second < 100.0 { 1 } else { 0 };
        write!(out, "{:>17}/s", grouped(per_second, decimals))?;
        if let Some(bytes) = bytes {
            let each = bytes as f64 / count.max(1) as f64;
            write!(out, "{:>15}/s", bytes_text(each * per_second))?;
        }
    }
    if let Some(whole) = whole.filter(|&whole| whole > 0 && count > 0) {
        let percent = count as f64 * 100.0 / whole as f64;
        write!(out, "{:>19}", percent_text(percent))?;
    }
    writeln!(out)
}

fn latencies(out: &mut String, outcome: &Outcome) -> fmt::Result {
    let latencies = &outcome.measured.latencies;
    let columns = ["min", "mean", "p50", "p90", "p99", "p99.9", "max"];
    let mut heading = format!("{:<14}", "latency");
    for column in columns {
        write!(heading, "{column:>9}")?;
    }
    let has_two =
        !latencies.ack_qos1.corrected.is_empty() && !latencies.ack_qos2.corrected.is_empty();
    let acks = match has_two {
        true => vec![
            ("QoS 1 to ack", &latencies.ack_qos1),
            ("QoS 2 to ack", &latencies.ack_qos2),
        ],
        // One of them has nothing to show.
        false => vec![
            ("to ack", &latencies.ack_qos1),
            ("to ack", &latencies.ack_qos2),
        ],
    };
    let mut rows = Vec::new();
    let pair = |rows: &mut Vec<(&'static str, Latency)>, name, pair: &Pair| {
        rows.extend(Latency::corrected(pair).map(|l| (name, l)));
        rows.extend(Latency::uncorrected(pair).map(|l| (" uncorrected", l)));
    };
    pair(&mut rows, "connect", &latencies.connect);
    let lateness = Latency::new(&latencies.lateness, latencies.lateness_lower_bounds);
    rows.extend(lateness.map(|l| ("send lateness", l)));
    for (name, ack) in acks {
        pair(&mut rows, name, ack);
    }
    pair(&mut rows, "to delivery", &latencies.e2e);
    if rows.is_empty() {
        return Ok(());
    }
    writeln!(out, "{}", colour::bold(&heading))?;
    for (name, l) in rows {
        write!(out, "{name:<14}")?;
        for time in [l.min, l.mean, l.p50, l.p90, l.p99, l.p99_9, l.max] {
            write!(out, "{:>9}", time_text(time))?;
        }
        writeln!(out)?;
    }
    lower_bounds(out, latencies)
}

/// How many of the times would be longer if the run had gone on.
fn lower_bounds(out: &mut String, latencies: &Latencies) -> fmt::Result {
    match latencies.lower_bounds() {
        Some(sentence) => paragraph(out, "", &sentence),
        None => Ok(()),
    }
}

/// What it took.
fn costs(out: &mut String, outcome: &Outcome, report: &Report) -> fmt::Result {
    let mut costs = Vec::new();
    if outcome.measured.cpu_ns > 0 {
        let mut cpu = format!("{:.2} s CPU", report.cpu_s);
        for (name, what) in [("cpu_use", "of a core"), ("cpu_per_message", "a message")] {
            let figure = Figure::parse(name).ok();
            let value = figure.and_then(|figure| Some(figure.show(figure.value(outcome)?)));
            if let Some(value) = value {
                let _ = write!(cpu, ", {value} {what}");
            }
        }
        costs.push(cpu);
    }
    if let Some(bytes) = report.peak_memory_bytes {
        costs.push(format!("{} memory", bytes_text(bytes as f64)));
    }
    match costs.is_empty() {
        true => Ok(()),
        false => {
            writeln!(out)?;
            paragraph(out, "", &format!("midge itself: {}", costs.join(", ")))
        }
    }
}

/// What kept the load from being what was asked for.
fn limits(out: &mut String, report: &Report) -> fmt::Result {
    if report.limited_by.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n{}", colour::bold("what limited this run"))?;
    for limit in &report.limited_by {
        let text = format!("{}: {}", Safe(&limit.what), Safe(&limit.sentence));
        paragraph(out, "  ", &text)?;
    }
    Ok(())
}
