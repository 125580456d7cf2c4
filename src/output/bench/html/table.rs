//! The page's text: title, figures and their tables.

use super::markup::Markup;
use crate::output::bench::numbers::{bytes_text, rate_text, several};
use crate::output::bench::picture::Picture;
use crate::output::bench::scale::short;
use crate::output::bench::{
    Compared, Comparison, Figure, Latency, Outcome, Report, Verdict, grouped, time_text,
};

/// The broker, in a word.
pub(super) fn brokers(report: &Report) -> &str {
    report.broker.as_deref().unwrap_or("several brokers")
}

/// What was loaded, and with what, in a sentence.
pub(super) fn title(out: &mut Markup, report: &Report) {
    out.element(
        "p",
        &[("class", &"over")],
        format_args!("midge bench, {}", moment(&report.began)),
    );
    out.element("h1", &[], brokers(report));
    let mut parts = Vec::new();
    if let Some(version) = &report.version {
        parts.push(format!("MQTT {version}"));
    }
    if let Some(qos) = report.qos {
        parts.push(format!("QoS {qos}"));
    }
    if let Some(size) = report.size_bytes.filter(|_| report.publishers > 0) {
        parts.push(several(size, "byte"));
    }
    if report.publishers > 0 {
        parts.push(match report.target_rate_per_s {
            Some(rate) => format!("{} messages/s", rate_text(rate)),
            None => "as fast as possible".to_owned(),
        });
    }
    for (count, noun) in [
        (report.publishers, "publisher"),
        (report.subscribers, "subscriber"),
    ] {
        let plural = if count == 1 { "" } else { "s" };
        parts.push(format!("{} {noun}{plural}", grouped(count as f64, 0)));
    }
    if report.idle > 0 {
        parts.push(format!("{} idle", grouped(report.idle as f64, 0)));
    }
    parts.push(format!("measured for {}", seconds(report.duration_s)));
    out.element("p", &[("class", &"lead")], parts.join(", "));
}

/// A rate, in full as long as it is short.
fn rate(per_s: f64) -> String {
    match per_s {
        rate if (10.0..100_000.0).contains(&rate) => format!("{} /s", grouped(rate, 0)),
        rate => format!("{} /s", short(rate)),
    }
}

/// The figures that most people look for.
pub(super) fn key_figures(out: &mut Markup, report: &Report) {
    let mut figures: Vec<(&str, String)> = Vec::new();
    if report.publishers > 0 {
        figures.push(("sent", rate(report.sent_per_s)));
    }
    if report.only_listens {
        figures.push(("foreign", rate(report.foreign_per_s)));
    } else if report.subscribers > 0 {
        figures.push(("received", rate(report.received_per_s)));
    }
    let delivery = report
        .publish_to_delivery_us
        .as_ref()
        .map(|l| ("delivery", l));
    let ack = report.publish_to_ack_us.as_ref().map(|l| ("ack", l));
    let connect = report.connect_us.as_ref().map(|l| ("connect", l));
    if let Some((name, latency)) = delivery.or(ack).or(connect) {
        let (half, most) = match name {
            "delivery" => ("p50 to delivery", "p99 to delivery"),
            "ack" => ("p50 to ack", "p99 to ack"),
            _ => ("p50 to connect", "p99 to connect"),
        };
        figures.push((half, time_text(latency.p50)));
        figures.push((most, time_text(latency.p99)));
    }
    if figures.len() < 4 {
        figures.push(("connections", grouped(report.connections as f64, 0)));
    }
    out.open("dl", &[("class", &"figures")]);
    for (name, figure) in figures {
        out.open("div", &[]);
        out.element("dt", &[], name);
        out.open("dd", &[]);
        let (number, unit) = figure.split_once(' ').unwrap_or((&figure, ""));
        out.push(number);
        if !unit.is_empty() {
            out.element("span", &[], format_args!(" {unit}"));
        }
        out.close();
        out.close();
    }
    out.close();
}

/// The distributions; on a phone each row is a card.
pub(super) fn latencies(out: &mut Markup, outcome: &Outcome, report: &Report) {
    let rows: [(&str, &Option<Latency>); 7] = [
        ("connect", &report.connect_us),
        ("connect, uncorrected", &report.connect_uncorrected_us),
        ("send lateness", &report.send_lateness_us),
        ("to ack", &report.publish_to_ack_us),
        ("to ack, uncorrected", &report.publish_to_ack_uncorrected_us),
        ("to delivery", &report.publish_to_delivery_us),
        (
            "to delivery, uncorrected",
            &report.publish_to_delivery_uncorrected_us,
        ),
    ];
    let columns = [
        "times", "min", "mean", "p50", "p90", "p95", "p99", "p99.9", "p99.99", "max",
    ];
    let cells = rows.into_iter().filter_map(|(name, latency)| {
        let l = latency.as_ref()?;
        let times = [
            l.min, l.mean, l.p50, l.p90, l.p95, l.p99, l.p99_9, l.p99_99, l.max,
        ];
        let mut row = vec![name.to_owned(), grouped(l.count as f64, 0)];
        row.extend(times.map(time_text));
        Some(row)
    });
    let cells: Vec<Vec<String>> = cells.collect();
    if !cells.is_empty() {
        out.element("h2", &[], "Latencies");
        cards(out, &columns, &cells);
    }
    if let Some(sentence) = outcome.measured.latencies.lower_bounds() {
        out.element("p", &[], format_args!("{sentence}."));
    }
}

/// Figures beside those of the earlier result; what is nothing new can be unfolded.
pub(super) fn comparison(out: &mut Markup, comparison: &Comparison) {
    let with = |verdicts: &[Verdict]| -> Vec<&Compared> {
        let figures = comparison.figures.iter();
        figures
            .filter(|of| verdicts.contains(&of.verdict))
            .collect()
    };
    let changed = with(&[Verdict::Worse, Verdict::Better]);
    let same = with(&[Verdict::Same]);
    let unjudged = with(&[Verdict::NotJudged]);
    let heading = format!("Compared with {}", moment(&comparison.began));
    out.element("h2", &[], heading);
    if changed.is_empty() {
        let sentence = match same.is_empty() {
            true => "There is no figure to judge this result by.",
            false => "All figures are within the tolerance.",
        };
        out.element("p", &[], sentence);
    } else {
        compared(out, &changed);
    }
    for (name, figures) in [
        ("figures within the tolerance", same),
        (
            "figures that are not judged: too few times behind them, or neither more nor less is better",
            unjudged,
        ),
    ] {
        if !figures.is_empty() {
            out.open("details", &[("class", &"more")]);
            out.element("summary", &[], format_args!("{} {name}", figures.len()));
            compared(out, &figures);
            out.close();
        }
    }
}

fn compared(out: &mut Markup, figures: &[&Compared]) {
    let shown = |figure: Figure, value: Option<f64>| {
        value.map_or("–".to_owned(), |value| figure.show(value))
    };
    let rows = figures.iter().map(|of| {
        let verdict = match of.verdict {
            Verdict::Better => "better",
            Verdict::Same => "same",
            Verdict::Worse => "worse",
            Verdict::NotJudged => "",
        };
        vec![
            of.figure.name(),
            shown(of.figure, of.then),
            shown(of.figure, of.now),
            of.change(),
            verdict.to_owned(),
        ]
    });
    let rows: Vec<Vec<String>> = rows.collect();
    out.open("table", &[("class", &"compared")]);
    let columns = ["figure", "then", "now", "change", "verdict"];
    heads(out, &columns);
    body(out, &columns, rows.iter().map(|row| &row[..]));
    out.close();
}

/// The data of the plots over time.
pub(super) fn over_time(out: &mut Markup, picture: &Picture) {
    out.open("details", &[]);
    out.element("summary", &[], "Data over time");
    let scroll = [
        ("class", &"scroll" as _),
        ("tabindex", &"0" as _),
        ("role", &"region" as _),
        ("aria-label", &"Data over time" as _),
    ];
    out.open("div", &scroll);
    out.open("table", &[]);
    let mut columns = vec!["time"];
    let kinds = [
        ("sent/s", picture.has_sent),
        ("acknowledged/s", picture.has_acks),
        ("received/s", picture.has_received),
    ];
    columns.extend(kinds.iter().filter(|kind| kind.1).map(|kind| kind.0));
    columns.extend(["errors", "connected", "p50", "p99", "max"]);
    heads(out, &columns);
    let rows: Vec<Vec<String>> = picture
        .bins
        .iter()
        .map(|bin| {
            let rates = [bin.sent, bin.acknowledged, bin.received].into_iter();
            let rates = rates.zip(kinds).filter(|(_, kind)| kind.1);
            let mut row = vec![picture.moment(bin)];
            row.extend(rates.map(|(rate, _)| grouped(rate, 0)));
            row.push(grouped(bin.errors as f64, 0));
            row.push(grouped(bin.connected as f64, 0));
            let at = |share| {
                bin.latency
                    .quantile(share)
                    .map_or("–".to_owned(), |ns| time_text(ns as f64 / 1e3))
            };
            row.extend([at(0.5), at(0.99), at(1.0)]);
            row
        })
        .collect();
    body(out, &columns, rows.iter().map(|row| &row[..]));
    out.close();
    out.close();
    out.close();
}

/// What it took, and what made the page.
pub(super) fn foot(out: &mut Markup, report: &Report) {
    let mut said = vec![match &report.midge {
        Some(version) => format!("midge {version}"),
        None => "several versions of midge".to_owned(),
    }];
    if report.cpu_s > 0.0 {
        said.push(format!("{} of CPU time", seconds(report.cpu_s)));
    }
    if let Some(bytes) = report.peak_memory_bytes {
        said.push(format!("{} of memory at most", bytes_text(bytes as f64)));
    }
    out.open("footer", &[]);
    out.push(said.join(", "));
    out.close();
}

fn cards(out: &mut Markup, columns: &[&str], rows: &[Vec<String>]) {
    let columns: Vec<&str> = std::iter::once("").chain(columns.iter().copied()).collect();
    out.open("table", &[("class", &"cards")]);
    heads(out, &columns);
    body(out, &columns, rows.iter().map(|row| &row[..]));
    out.close();
}

pub(super) fn heads(out: &mut Markup, columns: &[&str]) {
    out.open("thead", &[]);
    out.open("tr", &[]);
    for (i, column) in columns.iter().enumerate() {
        match i == 0 && column.is_empty() {
            true => out.element("td", &[], ""),
            false => out.element("th", &[("scope", &"col")], column),
        }
    }
    out.close();
    out.close();
}

pub(super) fn body<'r>(
    out: &mut Markup,
    columns: &[&str],
    rows: impl Iterator<Item = &'r [String]>,
) {
    out.open("tbody", &[]);
    for row in rows {
        out.open("tr", &[]);
        for (i, (cell, column)) in row.iter().zip(columns).enumerate() {
            match (i, column.is_empty()) {
                (0, _) => out.element("th", &[("scope", &"row")], cell),
                (_, true) => out.element("td", &[], cell),
                (_, false) if cell == "worse" => {
                    out.element("td", &[("data-name", column), ("class", &"bad")], cell);
                }
                (_, false) if cell == "better" => {
                    out.element("td", &[("data-name", column), ("class", &"good")], cell);
                }
                (_, false) => out.element("td", &[("data-name", column)], cell),
            }
        }
        out.close();
    }
    out.close();
}

/// RFC 3339 as people read it, to the second.
pub(super) fn moment(began: &str) -> String {
    let whole = began.split('.').next().unwrap_or(began);
    format!("{} UTC", whole.trim_end_matches('Z').replace('T', " "))
}

/// Seconds of a run, as people say them.
pub(super) fn seconds(seconds: f64) -> String {
    match seconds {
        s if s >= 600.0 => format!("{} min", grouped(s / 60.0, 1)),
        s => format!("{} s", short(s)),
    }
}
