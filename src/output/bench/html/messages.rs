//! The tables of what became of the messages, and of what went wrong.

use super::markup::Markup;
use super::table::{body, heads};
use crate::output::bench::numbers::bytes_text;
use crate::output::bench::{Report, grouped};

/// Counts, rates and bytes.
pub(super) fn tables(out: &mut Markup, report: &Report) {
    let bytes = |per_s: f64, bytes: u64, count: u64| match count {
        0 => String::new(),
        count => format!("{}/s", bytes_text(bytes as f64 / count as f64 * per_s)),
    };
    let rate = |per_s: f64| grouped(per_s, if per_s < 100.0 { 1 } else { 0 });
    let count = |count: u64| grouped(count as f64, 0);
    let mut rows: Vec<[String; 4]> = Vec::new();
    if report.publishers > 0 {
        rows.push([
            "sent".to_owned(),
            count(report.sent),
            rate(report.sent_per_s),
            bytes(report.sent_per_s, report.sent_bytes, report.sent),
        ]);
    }
    if let Some(acknowledged) = report.acknowledged {
        let per_s = report.acknowledged_per_s.map(rate).unwrap_or_default();
        rows.push([
            "acknowledged".to_owned(),
            count(acknowledged),
            per_s,
            String::new(),
        ]);
    }
    if report.only_listens {
        rows.push([
            "foreign".to_owned(),
            count(report.foreign),
            rate(report.foreign_per_s),
            bytes(report.foreign_per_s, report.foreign_bytes, report.foreign),
        ]);
    } else if report.subscribers > 0 {
        rows.push([
            "received".to_owned(),
            count(report.received),
            rate(report.received_per_s),
            bytes(
                report.received_per_s,
                report.received_bytes,
                report.received,
            ),
        ]);
    }
    let always = report.subscribers > 0 && !report.only_listens;
    for (name, of, is_shown) in [
        (
            "lost",
            report.lost.unwrap_or(0),
            always && report.lost.is_some(),
        ),
        ("refused and came", report.refused_received, false),
        ("duplicated", report.duplicated, always),
        ("reordered", report.reordered, always),
        ("refused", report.refused.unwrap_or(0), false),
        ("unacknowledged", report.unacknowledged.unwrap_or(0), false),
        ("not sent", report.not_sent, false),
        (
            "foreign",
            if report.only_listens {
                0
            } else {
                report.foreign
            },
            false,
        ),
        ("retained", report.retained, false),
    ] {
        if is_shown || of > 0 {
            rows.push([name.to_owned(), count(of), String::new(), String::new()]);
        }
    }
    if rows.is_empty() {
        return;
    }
    out.open("section", &[]);
    out.element("h2", &[], "Messages");
    out.open("table", &[("class", &"counts")]);
    heads(out, &["", "messages", "per second", "payload"]);
    body(out, &["", "", "", ""], rows.iter().map(|row| &row[..]));
    out.close();
    out.close();
}

/// Refusals and errors by name.
pub(super) fn troubles(out: &mut Markup, report: &Report) {
    let refusals = report.refusals.iter().map(|of| {
        let name = format!("{} 0x{:02x} {}", of.packet, of.reason_code, of.reason);
        (name, of.count)
    });
    let errors = report
        .errors
        .iter()
        .map(|(what, count)| (what.clone(), *count));
    let mut rows: Vec<(String, u64)> = refusals.chain(errors).collect();
    if rows.is_empty() {
        return;
    }
    rows.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    let rows = rows
        .into_iter()
        .map(|(name, count)| [name, grouped(count as f64, 0)]);
    let rows: Vec<[String; 2]> = rows.collect();
    out.open("section", &[]);
    out.element("h2", &[], "Refusals and errors");
    out.open("table", &[]);
    heads(out, &["", "times"]);
    body(out, &["", ""], rows.iter().map(|row| &row[..]));
    out.close();
    out.close();
}
