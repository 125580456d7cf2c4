//! The summary for people: within 80 columns.

use std::fmt::{self, Write as _};
use std::io::{self, Write};

use super::comparison::Comparison;
use super::figure::Figure;
use super::numbers::{bytes_text, grouped, percent_text, time_text};
use super::outcome::{Counts, Outcome, Pair, Subscriber};
use super::report::{Latency, Report, us};
use super::times::Times;
use crate::output::colour;
use crate::output::text::{Safe, wrap};

/// Columns of a terminal that every user has.
const WIDTH: usize = 80;

/// Rows of the histogram, at most.
const ROWS: usize = 12;

/// Columns of its longest bar.
const BAR: usize = 40;

/// Writes the summary; beside an earlier result, if there is one.
///
/// # Errors
/// Those of `out`.
pub fn write_text(
    out: &mut impl Write,
    outcome: &Outcome,
    comparison: Option<&Comparison>,
) -> io::Result<()> {
    let mut text = String::new();
    // Writing to a string does not fail.
    let _ = push(&mut text, outcome, comparison);
    out.write_all(text.as_bytes())
}

fn push(out: &mut String, outcome: &Outcome, comparison: Option<&Comparison>) -> fmt::Result {
    let report = &Report::new(outcome);
    head(out, report)?;
    messages(out, outcome, report)?;
    latencies(out, outcome)?;
    histogram(out, outcome)?;
    costs(out, outcome, report)?;
    limits(out, report)?;
    match comparison {
        Some(comparison) => comparison.push(out),
        None => Ok(()),
    }
}

fn head(out: &mut String, report: &Report) -> fmt::Result {
    let load = match report.target_rate_per_s {
        Some(rate) if rate < 10.0 => format!("{rate} messages/s"),
        Some(rate) => format!("{} messages/s", grouped(rate, 0)),
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
        Some(size) => format!("{size} bytes"),
        None => "several sizes".to_owned(),
    };
    let broker = Safe(broker).to_string();
    let line = format!("{broker} {version}, {qos}, {size}, {load}");
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
    if let Some((granted, qos)) = report.granted_qos.zip(report.qos)
        && granted < qos
    {
        writeln!(out, "the broker granted the subscribers only QoS {granted}")?;
    }
    writeln!(out)
}

fn several(count: u64, what: &str) -> String {
    let s = if count == 1 { "" } else { "s" };
    format!("{} {what}{s}", grouped(count as f64, 0))
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
    for (name, count, whole) in [
        ("unacknowledged", totals.unacknowledged, totals.sent),
        ("refused", totals.refused, totals.sent),
        ("not sent", totals.not_sent, due),
    ] {
        if count > 0 {
            line(out, name, count, None, Some(whole))?;
        }
    }
    if report.subscribers > 0 {
        let speed = (report.received_per_s, Some(totals.received_bytes));
        line(out, "received", totals.received, Some(speed), None)?;
        for (name, count) in deliveries(&totals) {
            line(out, name, count, None, Some(totals.expected))?;
        }
    }
    for (name, count) in [("foreign", totals.foreign), ("retained", totals.retained)] {
        if count > 0 {
            line(out, name, count, None, None)?;
        }
    }
    line(out, "connections", report.connections, None, None)?;
    for refusals in &report.refusals {
        let text = format!(
            "refused: {} times 0x{:02x} {} ({})",
            grouped(refusals.count as f64, 0),
            refusals.reason_code,
            Safe(&refusals.reason),
            Safe(&refusals.packet)
        );
        paragraph(out, "", &text)?;
    }
    for (what, count) in &report.errors {
        let text = format!("failed: {} times {}", grouped(*count as f64, 0), Safe(what));
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
        rows.extend(Latency::new(&pair.corrected).map(|l| (name, l)));
        rows.extend(Latency::new(&pair.uncorrected).map(|l| (" uncorrected", l)));
    };
    pair(&mut rows, "connect", &latencies.connect);
    rows.extend(Latency::new(&latencies.lateness).map(|l| ("send lateness", l)));
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
    Ok(())
}

/// Bars of the times to delivery, or else to the acknowledgement.
fn histogram(out: &mut String, outcome: &Outcome) -> fmt::Result {
    let latencies = &outcome.measured.latencies;
    let ack = latencies.ack();
    let (name, times) = match latencies.e2e.corrected.is_empty() {
        false => ("to delivery", &latencies.e2e.corrected),
        true => ("to ack", &ack.corrected),
    };
    let bars = bars(times);
    // A few times make no distribution.
    if times.count() < 10 || bars.len() < 2 {
        return Ok(());
    }
    writeln!(out, "\n{}", colour::bold(name))?;
    let most = bars.iter().map(|bar| bar.count).max().unwrap_or(1).max(1);
    let all = times.count().max(1);
    for bar in bars {
        let eighths = (bar.count as f64 / most as f64 * (BAR * 8) as f64).ceil() as usize;
        let time = |ns: u64| time_text(us(ns as f64));
        let range = match (bar.from, bar.to) {
            (Some(from), Some(to)) => format!("{:>9} to{:>9}", time(from), time(to)),
            (None, Some(to)) => format!("{:>9}   {:>9}", "under", time(to)),
            (Some(from), None) => format!("{:>9}   {:>9}", "over", time(from)),
            (None, None) => String::new(),
        };
        writeln!(
            out,
            "{range}  {:<BAR$}{:>9.3} %",
            blocks(eighths),
            bar.count as f64 * 100.0 / all as f64
        )?;
    }
    Ok(())
}

/// From 0 to 8 times [`BAR`] eighths of a column.
fn blocks(eighths: usize) -> String {
    const PARTS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let part = PARTS.get(eighths % 8).copied().unwrap_or_default();
    format!("{}{part}", "█".repeat(eighths / 8))
}

/// A row of the histogram; times in ns.
struct Bar {
    /// Without: everything below `to`.
    from: Option<u64>,
    /// Without: everything from `from` on.
    to: Option<u64>,
    count: u64,
}

/// Where bars may begin, in each power of ten, in hundredths: fine and coarse steps.
const STEPS: [&[u64]; 5] = [
    &[
        100, 110, 120, 130, 140, 150, 160, 180, 200, 220, 240, 260, 280, 300, 330, 360, 400, 450,
        500, 550, 600, 650, 700, 800, 900,
    ],
    &[100, 120, 150, 200, 250, 300, 400, 500, 600, 800],
    &[100, 150, 200, 300, 500, 700],
    &[100, 200, 500],
    &[100],
];

/// The share of the times at either end that does not make the steps coarser.
const END: f64 = 0.001;

/// The times in the finest steps that fit, and what is beyond those.
fn bars(times: &Times) -> Vec<Bar> {
    let (Some(low), Some(high)) = (times.quantile(END), times.quantile(1.0 - END)) else {
        return Vec::new();
    };
    let edges = |steps: &[u64]| {
        // From 100 ns.
        let powers = (0..14).map(|power| 10u64.pow(power));
        let edges = powers.flat_map(|power| steps.iter().map(move |step| step * power));
        let edges: Vec<u64> = edges.collect();
        let first = edges.partition_point(|edge| *edge <= low).saturating_sub(1);
        let end = edges.partition_point(|edge| *edge <= high) + 1;
        edges.get(first..end).unwrap_or_default().to_vec()
    };
    let mut all = STEPS.iter().map(|steps| edges(steps));
    let edges = all
        .find(|edges| edges.len() <= ROWS + 1)
        .unwrap_or_default();
    let from = std::iter::once(None).chain(edges.iter().copied().map(Some));
    let to = edges.iter().copied().map(Some).chain([None]);
    let mut bars: Vec<Bar> = from
        .zip(to)
        .map(|(from, to)| Bar { from, to, count: 0 })
        .collect();
    for bucket in times.buckets() {
        let at = edges.partition_point(|edge| *edge <= bucket.from);
        if let Some(bar) = bars.get_mut(at) {
            bar.count += bucket.count;
        }
    }
    bars.retain(|bar| bar.count > 0 || (bar.from.is_some() && bar.to.is_some()));
    bars
}

/// What it took.
fn costs(out: &mut String, outcome: &Outcome, report: &Report) -> fmt::Result {
    let mut costs = Vec::new();
    if outcome.measured.cpu_ns > 0 {
        let mut cpu = format!("{:.2} s of CPU", report.cpu_s);
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
        costs.push(format!("{} of memory", bytes_text(bytes as f64)));
    }
    match costs.is_empty() {
        true => Ok(()),
        false => {
            writeln!(out)?;
            paragraph(out, "", &format!("midge itself took {}", costs.join("; ")))
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

#[cfg(test)]
mod tests {
    use super::super::{Asked, Ended, Group, Limit, Measured, Part, Shard};
    use super::*;

    /// Much of everything.
    fn outcome() -> Outcome {
        let mut measured = Measured {
            connections: 1_000_004,
            cpu_ns: 93_250_000_000,
            peak_memory_bytes: 2_147_483_648,
            ..Measured::default()
        };
        for (i, counts) in measured.qos.iter_mut().enumerate() {
            let i = i as u64;
            *counts = Counts {
                sent: 123_456_789_012,
                sent_bytes: 123_456_789_012 * 64,
                not_sent: 12_345 * i,
                acknowledged: 123_456_789_000 * i,
                refused: 7 * i,
                unacknowledged: 12 * i,
                expected: 123_456_789_012,
                received: 123_456_789_012 - 3 * i,
                received_bytes: 123_456_789_012 * 64,
                lost: 3 * i,
                duplicated: 5 * i,
                reordered: 8 * i,
                foreign: 1,
                retained: 1,
            };
        }
        for number in 0..3u32 {
            measured.subscribers.push(Subscriber {
                group: number / 2,
                number: number % 2,
                lost: u64::from(number) * 3,
                ..Subscriber::default()
            });
        }
        measured.refuse("PUBACK", 0x97, "Quota exceeded", 12_345);
        measured.refuse("CONNACK", 0x86, "Bad User Name or Password", 3);
        measured.errors.insert(
            "connection refused by the machine or by what stands in front of it".to_owned(),
            99,
        );
        measured.limits.insert(Limit {
            what: "open files".to_owned(),
            sentence: "this process may have 1,024 open files, and 20,000 connections want more: raise it with ulimit -n 20100".to_owned(),
        });
        let latencies = &mut measured.latencies;
        for ns in 1..20_000u64 {
            for pair in [
                &mut latencies.connect,
                &mut latencies.ack_qos1,
                &mut latencies.ack_qos2,
                &mut latencies.e2e,
            ] {
                pair.corrected.record(ns * ns * 9);
                pair.uncorrected.record(ns * ns);
            }
            latencies.lateness.record(ns * 50);
        }
        let group = |name: &str, qos| Group {
            name: Some(name.to_owned()),
            publishers: 2,
            subscribers: 20_000,
            idle: 1_000_000,
            qos,
            size_bytes: Some(64 + u64::from(qos)),
            rate_per_s: Some(1e6),
            ..Group::default()
        };
        let part = |number| {
            Part {
            run: "0a1b2c3d".to_owned(),
            shard: Some(Shard { number, of: 2 }),
            sending_ns: 3_600_000_000_000,
            receiving_ns: 3_600_000_000_000,
            ended_by: Ended::Error,
            error: Some("lost the connection to broker.somewhere.example:8883: the peer closed it without a word".to_owned()),
            asked: Asked {
                broker: "broker.somewhere.example:8883".to_owned(),
                version: "5.0".to_owned(),
                warmup_ns: 5_000_000_000,
                groups: vec![group("sensors", 1), group("dashboards", 2)],
                ..Asked::default()
            },
            ..Part::default()
        }
        };
        Outcome {
            parts: vec![part(1), part(2)],
            measured,
        }
    }

    #[test]
    fn everything_fits_80_columns() {
        let outcome = outcome();
        let comparison = Comparison::new(&Outcome::default(), &outcome, 10.0);
        let mut text = String::new();
        push(&mut text, &outcome, Some(&comparison)).unwrap();
        for line in text.lines() {
            let columns = crate::output::text::columns(line);
            assert!(columns <= WIDTH, "{columns}: {line}\n{text}");
        }
        for part in [
            "  sensors: 2 publishers, 20,000 subscribers, 1,000,000 idle, QoS 1\n",
            "the sum of 2 shards of run 0a1b2c3d\n",
            "refused: 12,345 times 0x97 Quota exceeded (PUBACK)\n",
            "refused: 3 times 0x86 Bad User Name or Password (CONNACK)\n",
            "  QoS 2: 123,456,789,006 received, 6 lost, 10 duplicated, 16 reordered\n",
            "  lost at 2 of 3 subscribers; most at number 0 of dashboards: 6\n",
            "QoS 1 to ack  ",
            "\n uncorrected  ",
            "  open files: this process may have 1,024 open files, and 20,000 connections\n",
            "midge itself took 93.25 s of CPU, 2.59 % of a core",
        ] {
            assert!(text.contains(part), "{part}\n{text}");
        }
    }

    #[test]
    fn every_time_has_its_bar() {
        let mut times = Times::new();
        for (ns, count) in [
            (50, 1),
            (1_000, 100),
            (19_999, 10_000),
            (20_000, 700),
            (5_000_000, 2),
        ] {
            times.record_n(ns, count);
        }
        let bars = bars(&times);
        assert_eq!(bars.iter().map(|bar| bar.count).sum::<u64>(), times.count());
        let edges: Vec<_> = bars
            .iter()
            .map(|bar| (bar.from, bar.to, bar.count))
            .collect();
        let us = |us: u64| Some(us * 1000);
        let tenths = |tenths: u64| Some(tenths * 100);
        assert_eq!(
            edges,
            [
                (None, us(1), 1),
                (us(1), tenths(15), 100),
                (tenths(15), us(2), 0),
                (us(2), us(3), 0),
                (us(3), us(5), 0),
                (us(5), us(7), 0),
                (us(7), us(10), 0),
                (us(10), us(15), 0),
                // To three digits, 19,999 ns is less than 20 µs.
                (us(15), us(20), 10_000),
                (us(20), us(30), 700),
                (us(30), None, 2),
            ]
        );
        for (length, blocks_of_it) in [(0, ""), (1, "▏"), (8, "█"), (12, "█▌")] {
            assert_eq!(blocks(length), blocks_of_it);
        }
    }
}
