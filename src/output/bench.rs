//! The result of a load test: a text summary and a JSON object.
//!
//! The values come ready; what is here decides only how they look. The JSON keys are never renamed
//! within one `schema`; units stand in the names.

use std::fmt::Write as _;
use std::io::{self, Write};

use serde::Serialize;

use super::{colour, json};

/// The version of the JSON object.
pub const SCHEMA: u32 = 1;

/// A load test: what was asked for and what came out. The fields are the JSON keys.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// [`SCHEMA`].
    pub schema: u32,
    /// Version of midge.
    pub midge: &'static str,
    /// Random name of the run.
    pub run: String,
    /// `host:port`.
    pub broker: String,
    /// `3.1`, `3.1.1`, `5.0`.
    pub version: String,
    /// Of messages and subscriptions.
    pub qos: u8,
    /// The lowest that the broker granted a subscriber; none without subscribers.
    pub granted_qos: Option<u8>,
    /// Topic, with `{client}` in place of the publisher's number.
    pub topic: String,
    /// Connections that publish.
    pub publishers: u32,
    /// Connections that subscribe.
    pub subscribers: u32,
    /// Connections that only stay open.
    pub idle: u32,
    /// Bytes of a payload.
    pub size_bytes: usize,
    /// What was asked for, all publishers together; none: as fast as possible.
    pub target_rate_per_s: Option<f64>,
    /// Unacknowledged messages allowed per publisher; none with QoS 0.
    pub inflight: Option<u16>,
    /// Left out of all figures but `connect_us`.
    pub warmup_s: f64,
    /// What was measured, without the wait for the last messages.
    pub duration_s: f64,
    /// `time`, `count`, `interrupt`, `terminate` or `error`.
    pub ended_by: &'static str,
    /// Why the run ended early.
    pub error: Option<String>,
    /// Messages sent.
    pub sent: u64,
    /// Messages that were due and not sent, because the broker took nothing.
    pub not_sent: u64,
    /// Sent per second.
    pub sent_per_s: f64,
    /// Payload bytes sent.
    pub sent_bytes: u64,
    /// Messages whose exchange has ended well; none with QoS 0.
    pub acknowledged: Option<u64>,
    /// Messages that the broker refused; none with QoS 0.
    pub refused: Option<u64>,
    /// Messages without an answer at the end; none with QoS 0.
    pub unacknowledged: Option<u64>,
    /// Refused messages by reason.
    pub refusals: Vec<Refusals>,
    /// Arrivals that there should be, all subscribers together.
    pub expected: u64,
    /// Different messages that came.
    pub received: u64,
    /// Received per second.
    pub received_per_s: f64,
    /// Payload bytes of those.
    pub received_bytes: u64,
    /// Expected and not received.
    pub lost: u64,
    /// Arrivals of what had come before.
    pub duplicated: u64,
    /// Arrivals behind a later message of the same publisher.
    pub reordered: u64,
    /// Arrivals of what this run did not send.
    pub foreign: u64,
    /// Arrivals of retained messages.
    pub retained: u64,
    /// Connections made.
    pub connections: u64,
    /// From opening the transport to CONNACK.
    pub connect_us: Option<Latency>,
    /// How late messages were sent; none without a rate.
    pub send_lateness_us: Option<Latency>,
    /// From when a message should have been sent to its PUBACK or PUBCOMP.
    pub publish_to_ack_us: Option<Latency>,
    /// From when a message should have been sent to its arrival.
    pub publish_to_delivery_us: Option<Latency>,
}

/// Refused messages with one reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Refusals {
    /// 0x80 and above.
    pub reason_code: u8,
    /// Its name.
    pub reason: String,
    /// How many.
    pub count: u64,
}

/// A distribution of times in µs.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Latency {
    /// How many times.
    pub count: u64,
    /// The shortest.
    pub min: f64,
    /// The average.
    pub mean: f64,
    /// Half of them are at most this.
    pub p50: f64,
    /// 90 of 100.
    pub p90: f64,
    /// 95 of 100.
    pub p95: f64,
    /// 99 of 100.
    pub p99: f64,
    /// 999 of 1000.
    pub p99_9: f64,
    /// The longest.
    pub max: f64,
}

/// Writes the object on one line.
///
/// # Errors
/// Those of `out`.
pub fn write_json(out: &mut impl Write, report: &Report) -> io::Result<()> {
    json::write_line(out, report)
}

/// Writes the summary for people.
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
    let warmup = match report.warmup_s > 0.0 {
        true => format!(" after {:.1} s of warm-up", report.warmup_s),
        false => String::new(),
    };
    writeln!(
        out,
        "{} MQTT {}, QoS {}, {} bytes, {load}",
        colour::bold(&report.broker),
        report.version,
        report.qos,
        report.size_bytes
    )?;
    writeln!(
        out,
        "{}, {}, {} idle; measured for {:.2} s{warmup}",
        several(report.publishers, "publisher"),
        several(report.subscribers, "subscriber"),
        report.idle,
        report.duration_s
    )?;
    if let Some(granted) = report.granted_qos.filter(|&granted| granted < report.qos) {
        writeln!(out, "the broker granted the subscribers only QoS {granted}")?;
    }
    writeln!(out)
}

fn several(count: u32, what: &str) -> String {
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

/// A time in µs with the unit that leaves one to three digits before the point.
pub(super) fn time_text(us: f64) -> String {
    match us {
        us if us < 999.95 => format!("{us:.1} µs"),
        us if us < 99_995.0 => format!("{:.2} ms", us / 1e3),
        us if us < 999_950.0 => format!("{:.1} ms", us / 1e3),
        us => format!("{:.2} s", us / 1e6),
    }
}

/// With a comma between groups of three digits.
pub(super) fn grouped(number: f64, decimals: usize) -> String {
    let text = format!("{number:.decimals$}");
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let mut grouped = String::new();
    for (i, digit) in whole.chars().enumerate() {
        if i > 0 && (whole.len() - i).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    if !fraction.is_empty() {
        grouped.push('.');
        grouped.push_str(fraction);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped() {
        for (number, decimals, text) in [
            (0.0, 0, "0"),
            (999.0, 0, "999"),
            (1000.0, 0, "1,000"),
            (1_234_567.0, 0, "1,234,567"),
            (99.96, 1, "100.0"),
            (12345.67, 1, "12,345.7"),
        ] {
            assert_eq!(grouped(number, decimals), text);
        }
    }

    #[test]
    fn times_have_a_fitting_unit() {
        for (us, text) in [
            (0.25, "0.2 µs"),
            (999.9, "999.9 µs"),
            (999.99, "1.00 ms"),
            (12_345.0, "12.35 ms"),
            (999_999.0, "1.00 s"),
            (61_000_000.0, "61.00 s"),
        ] {
            assert_eq!(time_text(us), text);
        }
    }
}
