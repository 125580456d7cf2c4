//! What happened in a capture, in numbers: by connection, by topic, and how long answers took.

use std::io::{self, Write};

use serde::Serialize;

use super::bench::grouped;
use super::colour;
use super::table::{self, Column};
use super::text::{Safe, shorten, wrap};
use super::time::span;

/// Rows of a table for people; the JSON has all.
const SHOWN: usize = 20;
/// Characters of a name in a table.
const NAME: usize = 40;
/// Characters of a client in a table.
const CLIENT: usize = 22;

/// The numbers of a capture.
#[derive(Debug, Default, Serialize)]
pub struct Report {
    /// `stats`.
    pub record: &'static str,
    /// From the first packet to the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seconds: Option<f64>,
    /// By connection, in the order of their numbers.
    pub connections: Vec<Connection>,
    /// Connections that are not among them, for there were too many.
    pub more_connections: u64,
    /// By topic, those with the most messages first.
    pub topics: Vec<Topic>,
    /// Messages on topics that are not among them, for there were too many.
    pub more_messages: u64,
    /// How long answers took, and messages from publisher to subscriber.
    pub delays: Vec<Delay>,
    /// PUBLISH packets with DUP.
    pub dup: u64,
    /// PUBLISH packets with a packet identifier whose exchange was still open.
    pub repeated: u64,
    /// Exchanges of messages at QoS 1 and 2 that did not end.
    pub unacked: u64,
    /// Other requests without an answer.
    pub unanswered: u64,
}

/// One connection.
#[derive(Debug, Default, Clone, Serialize)]
pub struct Connection {
    /// `mqtt` or `mqtt-sn`.
    pub protocol: &'static str,
    /// Its number; those of MQTT-SN have numbers of their own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stream: Option<u64>,
    /// Client Identifier.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// Address of the client.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client: Option<String>,
    /// Address of the server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server: Option<String>,
    /// Version of the protocol.
    pub version: String,
    /// Seconds, as CONNECT has them, or the server's Server Keep Alive.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keep_alive: Option<u32>,
    /// Packets from the client.
    pub packets_from_client: u64,
    /// Packets from the server.
    pub packets_from_server: u64,
    /// Packets of which nobody says who sent them.
    #[serde(skip_serializing_if = "is_none")]
    pub packets_from_unknown: u64,
    /// Bytes of the packets from the client.
    pub bytes_from_client: u64,
    /// Bytes of the packets from the server.
    pub bytes_from_server: u64,
    /// Bytes of the others.
    #[serde(skip_serializing_if = "is_none")]
    pub bytes_from_unknown: u64,
    /// From its first packet to its last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seconds: Option<f64>,
    /// Packets a second in that time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub packets_per_second: Option<f64>,
    /// How it ended: as packets say, or else the transport.
    pub end: String,
    /// Exchanges of messages that did not end.
    pub unacked: u64,
}

/// One topic.
#[derive(Debug, Default, Clone, Serialize)]
pub struct Topic {
    /// Its name.
    pub topic: String,
    /// Messages to the server.
    pub published: u64,
    /// Messages to clients.
    pub delivered: u64,
    /// Messages of which nobody says where to.
    #[serde(skip_serializing_if = "is_none")]
    pub unknown: u64,
    /// Bytes of all their payloads.
    pub payload_bytes: u64,
    /// Messages to the server a second, over the whole capture.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub published_per_second: Option<f64>,
}

fn is_none(count: &u64) -> bool {
    *count == 0
}

/// Percentiles of one kind of delay, in nanoseconds.
#[derive(Debug, Default, Clone, Serialize)]
pub struct Delay {
    /// From what to what.
    pub delay: &'static str,
    /// How many.
    pub count: u64,
    /// The shortest.
    pub min_ns: u64,
    /// Half took no longer.
    pub p50_ns: u64,
    /// 90 of 100 took no longer.
    pub p90_ns: u64,
    /// 99 of 100 took no longer.
    pub p99_ns: u64,
    /// The longest.
    pub max_ns: u64,
}

/// Writes tables for people; `width`: columns of the terminal.
///
/// # Errors
/// Those of `out`.
pub fn write_table(out: &mut impl Write, report: &Report, width: Option<usize>) -> io::Result<()> {
    connections(out, report, width)?;
    topics(out, report, width)?;
    delays(out, report, width)?;
    writeln!(out, "\n{}", colour::bold("QoS 1 and 2"))?;
    let sentence = format!(
        "{} sent again with DUP, {} repeated while open, {} not acknowledged; {} without an answer",
        number(report.dup),
        number(report.repeated),
        number(report.unacked),
        match report.unanswered {
            1 => "1 other request".to_owned(),
            unanswered => format!("{} other requests", number(unanswered)),
        },
    );
    for line in wrap(&sentence, width) {
        writeln!(out, "{line}")?;
    }
    Ok(())
}

fn number(number: u64) -> String {
    grouped(number as f64, 0)
}

fn or_dash<T>(value: Option<T>, show: impl Fn(T) -> String) -> String {
    value.map_or("-".into(), show)
}

fn connections(out: &mut impl Write, report: &Report, width: Option<usize>) -> io::Result<()> {
    if report.connections.is_empty() {
        return Ok(());
    }
    // Nearly always everybody is known.
    let has_unknown = report
        .connections
        .iter()
        .any(|of| of.packets_from_unknown > 0);
    let mut columns = vec![
        Column::right("stream", 6),
        Column::left("client", CLIENT),
        Column::left("version", 7),
        Column::right("keep alive", 10),
        Column::right("time", 8),
        Column::right("packets →", 10),
        Column::right("packets ←", 10),
    ];
    if has_unknown {
        columns.push(Column::right("packets ?", 10));
    }
    columns.extend([
        Column::right("packets/s", 10),
        Column::right("bytes", 12),
        Column::right("unacked", 7),
        Column::left("end", 3),
    ]);
    let rows: Vec<Vec<String>> = report
        .connections
        .iter()
        .take(SHOWN)
        .map(|of| {
            let is_sn = of.protocol == "mqtt-sn";
            let client = of.client_id.as_deref().or(of.client.as_deref());
            let mut row = vec![
                or_dash(of.stream, |stream| match is_sn {
                    true => format!("u{stream}"),
                    false => stream.to_string(),
                }),
                or_dash(client, |client| shorten(Safe(client).to_string(), CLIENT)),
                match is_sn {
                    true => format!("SN {}", of.version),
                    false => of.version.clone(),
                },
                or_dash(of.keep_alive, |seconds| format!("{seconds} s")),
                or_dash(of.seconds, |seconds| format!("{seconds:.3}")),
                number(of.packets_from_client),
                number(of.packets_from_server),
            ];
            if has_unknown {
                row.push(number(of.packets_from_unknown));
            }
            let bytes = of.bytes_from_client + of.bytes_from_server + of.bytes_from_unknown;
            row.extend([
                or_dash(of.packets_per_second, |rate| grouped(rate, 1)),
                number(bytes),
                number(of.unacked),
                of.end.clone(),
            ]);
            row
        })
        .collect();
    writeln!(out)?;
    table::write(out, width, &columns, &rows)?;
    let more = report.connections.len().saturating_sub(SHOWN) as u64 + report.more_connections;
    match more {
        0 => Ok(()),
        1 => writeln!(out, "… 1 more connection"),
        more => writeln!(out, "… {} more connections", number(more)),
    }
}

fn topics(out: &mut impl Write, report: &Report, width: Option<usize>) -> io::Result<()> {
    if report.topics.is_empty() {
        return Ok(());
    }
    let has_unknown = report.topics.iter().any(|topic| topic.unknown > 0);
    let mut columns = vec![
        Column::left("topic", NAME),
        Column::right("published", 12),
        Column::right("delivered", 12),
    ];
    if has_unknown {
        columns.push(Column::right("unknown", 12));
    }
    columns.extend([
        Column::right("payload bytes", 14),
        Column::right("published/s", 12),
    ]);
    let rows: Vec<Vec<String>> = report
        .topics
        .iter()
        .take(SHOWN)
        .map(|topic| {
            let mut row = vec![
                shorten(Safe(&topic.topic).to_string(), NAME),
                number(topic.published),
                number(topic.delivered),
            ];
            if has_unknown {
                row.push(number(topic.unknown));
            }
            row.extend([
                number(topic.payload_bytes),
                or_dash(topic.published_per_second, |rate| grouped(rate, 1)),
            ]);
            row
        })
        .collect();
    writeln!(out)?;
    table::write(out, width, &columns, &rows)?;
    let hidden: u64 = report
        .topics
        .iter()
        .skip(SHOWN)
        .map(|topic| topic.published + topic.delivered + topic.unknown)
        .sum();
    match hidden + report.more_messages {
        0 => Ok(()),
        1 => writeln!(out, "… 1 message on another topic"),
        more => writeln!(out, "… {} messages on other topics", number(more)),
    }
}

fn delays(out: &mut impl Write, report: &Report, width: Option<usize>) -> io::Result<()> {
    if report.delays.is_empty() {
        return Ok(());
    }
    let columns = [
        Column::left("delay", 28),
        Column::right("count", 10),
        Column::right("shortest", 12),
        Column::right("50 %", 12),
        Column::right("90 %", 12),
        Column::right("99 %", 12),
        Column::right("longest", 12),
    ];
    let rows: Vec<Vec<String>> = report
        .delays
        .iter()
        .map(|delay| {
            let shown = |nanoseconds: u64| span(i128::from(nanoseconds));
            vec![
                delay.delay.to_owned(),
                number(delay.count),
                shown(delay.min_ns),
                shown(delay.p50_ns),
                shown(delay.p90_ns),
                shown(delay.p99_ns),
                shown(delay.max_ns),
            ]
        })
        .collect();
    writeln!(out)?;
    table::write(out, width, &columns, &rows)
}
