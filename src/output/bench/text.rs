//! The summary for people.

use std::fmt::Write as _;
use std::io::{self, Write};

use super::numbers::{grouped, time_text};
use super::report::Report;
use crate::output::colour;

/// Writes the summary.
///
/// # Errors
/// Those of `out`.
pub fn write_text(out: &mut impl Write, report: &Report) -> io::Result<()> {
    out.write_all(text(report).as_bytes())
}

fn text(report: &Report) -> String {
    let mut text = String::new();
    // Writing to a string does not fail.
    let _ = head(&mut text, report);
    let _ = messages(&mut text, report);
    let _ = latencies(&mut text, report);
    text
}

fn head(out: &mut String, report: &Report) -> std::fmt::Result {
    let load = match report.target_rate_per_s {
        Some(rate) if rate < 10.0 => format!("{rate} messages/s"),
        Some(rate) => format!("{} messages/s", grouped(rate, 0)),
        None => "as fast as possible".to_owned(),
    };
    let warmup = match report.warmup_s {
        Some(warmup) if warmup > 0.0 => format!(" after {warmup:.1} s of warm-up"),
        _ => String::new(),
    };
    writeln!(
        out,
        "{} MQTT {}, QoS {}, {} bytes, {load}",
        colour::bold(report.broker.as_deref().unwrap_or("several brokers,")),
        report.version.as_deref().unwrap_or("(several)"),
        several_or(report.qos),
        several_or(report.size_bytes)
    )?;
    writeln!(
        out,
        "{}, {}, {} idle; measured for {:.2} s{warmup}",
        several(report.publishers, "publisher"),
        several(report.subscribers, "subscriber"),
        report.idle,
        report.duration_s
    )?;
    if let Some((granted, qos)) = report.granted_qos.zip(report.qos)
        && granted < qos
    {
        writeln!(out, "the broker granted the subscribers only QoS {granted}")?;
    }
    writeln!(out)
}

fn several_or(number: Option<impl ToString>) -> String {
    number.map_or_else(|| "several".to_owned(), |number| number.to_string())
}

fn several(count: u64, what: &str) -> String {
    let s = if count == 1 { "" } else { "s" };
    format!("{count} {what}{s}")
}

fn messages(out: &mut String, report: &Report) -> std::fmt::Result {
    if report.publishers > 0 {
        line(out, "sent", report.sent)?;
        speed(out, report.sent_per_s, report.sent_bytes, report.sent)?;
    }
    if let Some(acknowledged) = report.acknowledged {
        line(out, "acknowledged", acknowledged)?;
        writeln!(out)?;
    }
    let troubles = [
        ("unacknowledged", report.unacknowledged),
        ("refused", report.refused),
        ("not sent", Some(report.not_sent)),
    ];
    for (name, count) in troubles {
        if let Some(count) = count.filter(|&count| count > 0) {
            line(out, name, count)?;
            writeln!(out)?;
        }
    }
    for refusals in &report.refusals {
        writeln!(
            out,
            "    {} times 0x{:02x} {}",
            refusals.count, refusals.reason_code, refusals.reason
        )?;
    }
    if report.subscribers > 0 {
        line(out, "received", report.received)?;
        speed(
            out,
            report.received_per_s,
            report.received_bytes,
            report.received,
        )?;
        let counts = [
            ("lost", report.lost),
            ("duplicated", report.duplicated),
            ("reordered", report.reordered),
        ];
        for (name, count) in counts {
            line(out, name, count)?;
            writeln!(out)?;
        }
    }
    for (name, count) in [("foreign", report.foreign), ("retained", report.retained)] {
        if count > 0 {
            line(out, name, count)?;
            writeln!(out)?;
        }
    }
    writeln!(out)
}

fn line(out: &mut String, name: &str, count: u64) -> std::fmt::Result {
    write!(out, "{name:<15}{:>15}", grouped(count as f64, 0))
}

fn speed(out: &mut String, per_second: f64, bytes: u64, count: u64) -> std::fmt::Result {
    let bytes_per_second = match count {
        0 => 0.0,
        count => bytes as f64 / count as f64 * per_second,
    };
    let decimals = if per_second < 100.0 { 1 } else { 0 };
    writeln!(
        out,
        "{:>15}/s{:>11.2} MB/s",
        grouped(per_second, decimals),
        bytes_per_second / 1e6
    )
}

fn latencies(out: &mut String, report: &Report) -> std::fmt::Result {
    let rows = [
        ("connect", &report.connect_us),
        ("send lateness", &report.send_lateness_us),
        ("to ack", &report.publish_to_ack_us),
        ("to delivery", &report.publish_to_delivery_us),
    ];
    // As many as fit 80 columns; the JSON has more.
    let columns = ["min", "mean", "p50", "p90", "p99", "p99.9", "max"];
    let mut heading = format!("{:<14}", "latency");
    for column in columns {
        write!(heading, "{column:>9}")?;
    }
    writeln!(out, "{}", colour::bold(&heading))?;
    for (name, latency) in rows {
        let Some(l) = latency else { continue };
        write!(out, "{name:<14}")?;
        for time in [l.min, l.mean, l.p50, l.p90, l.p99, l.p99_9, l.max] {
            write!(out, "{:>9}", time_text(time))?;
        }
        writeln!(out)?;
    }
    Ok(())
}
