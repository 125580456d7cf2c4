//! The plan and the summary: what is played, and how that went.

use std::io::{self, Write};
use std::time::Duration;

use serde::ser::{Serialize, SerializeMap, Serializer};

use super::super::json::write_line;
use super::super::text::count;
use super::{Count, Counted, Found, Skips, listed};
use crate::mqtt::ReasonCode;

/// What was played, or would be.
#[derive(Debug, Clone, Default)]
pub struct Summary {
    /// The capture.
    pub file: String,
    /// The broker; none was connected to in a dry run.
    pub target: Option<String>,
    /// How many times as fast as captured, as it is typed.
    pub speed: Option<String>,
    /// Messages at this rate instead, as it is typed.
    pub rate: Option<String>,
    /// What is in the capture.
    pub found: Found,
    /// Clients whose CONNECT was not captured, the first of them.
    pub made_up: Vec<String>,
    /// What cannot be played.
    pub skips: Skips,
    /// How often it is played; none: until somebody ends it.
    pub rounds: Option<u64>,
    /// How long it would take once, in a dry run.
    pub planned: Option<Duration>,
    /// What the replay does with them; `None` in a dry run.
    pub played: Option<Played>,
}

/// What was played.
#[derive(Debug, Clone, Default)]
pub struct Played {
    /// Messages handed to a connection.
    pub sent: u64,
    /// Messages that the broker has acknowledged (QoS 1 and 2).
    pub acknowledged: u64,
    /// Messages that wait for that.
    pub unacknowledged: u64,
    /// Messages that the broker refused, or that are over its stated limits; by reason.
    pub refused: Vec<(ReasonCode, u64)>,
    /// Messages that were read and not sent, because a connection failed or the replay was ended.
    pub not_sent: u64,
    /// Connections that failed.
    pub failed: u64,
    /// Connections that the broker refused, as it did in the capture.
    pub refused_as_captured: u64,
    /// Messages that clients were sent.
    pub received: u64,
    /// Properties that the version of the target does not have.
    pub properties_dropped: u64,
    /// What was done otherwise than captured, since the target cannot do it: how often.
    pub adaptations: Vec<(&'static str, u64)>,
    /// From the start to the last acknowledgement.
    pub duration: Duration,
    /// From the start until the last message was handed to its connection.
    pub sending: Duration,
    /// How much later than planned messages were sent; none with `--speed max`.
    pub lateness: Option<Lateness>,
    /// What the comparison with the capture has found.
    pub verdict: Option<Verdict>,
}

/// What a comparison with the capture has found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Verdict {
    /// Answers and messages that were compared.
    pub compared: u64,
    /// Those of them that differ.
    pub differences: u64,
}

/// Percentiles of lateness.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Lateness {
    /// Half of the messages were not later than this.
    pub p50: Duration,
    /// 90 % of them.
    pub p90: Duration,
    /// 99 % of them.
    pub p99: Duration,
    /// 99.9 % of them.
    pub p999: Duration,
    /// All of them.
    pub max: Duration,
}

impl Lateness {
    fn iter(&self) -> impl Iterator<Item = (&'static str, Duration)> {
        [
            ("p50", self.p50),
            ("p90", self.p90),
            ("p99", self.p99),
            ("p999", self.p999),
            ("max", self.max),
        ]
        .into_iter()
    }
}

impl Summary {
    /// What is done otherwise than captured: how often.
    fn adaptations(&self) -> impl Iterator<Item = Count> {
        let of_target = self.played.iter().flat_map(|played| &played.adaptations);
        self.found.adaptations().chain(of_target.copied())
    }
}

/// Writes the summary as a few lines.
///
/// # Errors
/// Those of `out`.
pub fn write_text(out: &mut impl Write, summary: &Summary) -> io::Result<()> {
    let verb = match summary.played {
        Some(_) => "read",
        None => "would be played",
    };
    writeln!(
        out,
        "{}: {} of {} {verb}, captured within {}",
        summary.file,
        count(summary.found.messages, "message"),
        count(summary.found.clients, "client"),
        seconds(summary.found.captured),
    )?;
    let sessions = listed(summary.found.sessions());
    if !sessions.is_empty() {
        writeln!(out, "sessions: {sessions}")?;
    }
    if !summary.made_up.is_empty() {
        writeln!(out, "CONNECT made up for: {}", summary.made_up.join(", "))?;
    }
    if let Some(planned) = summary.planned {
        let planned = seconds(planned);
        match summary.rounds {
            Some(1) => writeln!(out, "would take: {planned}")?,
            Some(rounds) => writeln!(out, "would take: {planned}, {rounds} times")?,
            None => writeln!(out, "would take: {planned}, again and again")?,
        }
    }
    let skipped = listed(summary.skips.iter());
    if !skipped.is_empty() {
        writeln!(out, "skipped: {skipped}")?;
    }
    let adapted = listed(summary.adaptations());
    let Some(played) = &summary.played else {
        if !adapted.is_empty() {
            writeln!(out, "to be adapted: {adapted}")?;
        }
        return Ok(());
    };
    write!(out, "sent: {}", played.sent)?;
    if let Some(target) = &summary.target {
        write!(out, " to {target}")?;
    }
    write!(out, " in {}", seconds(played.duration))?;
    match (&summary.rate, &summary.speed) {
        (Some(rate), _) => writeln!(out, " at {rate}")?,
        (None, Some(speed)) => writeln!(out, " at speed {speed}")?,
        (None, None) => writeln!(out)?,
    }
    write!(out, "acknowledged: {}", played.acknowledged)?;
    match played.unacknowledged {
        0 => writeln!(out)?,
        n => writeln!(out, ", not acknowledged: {n}")?,
    }
    for &(reason, count) in &played.refused {
        writeln!(out, "refused: {count} with {reason}")?;
    }
    if played.not_sent > 0 {
        writeln!(out, "not sent: {}", played.not_sent)?;
    }
    if played.failed > 0 {
        writeln!(out, "failed connections: {}", played.failed)?;
    }
    if played.properties_dropped > 0 {
        writeln!(
            out,
            "properties dropped: {} that only MQTT 5.0 has",
            played.properties_dropped
        )?;
    }
    if played.refused_as_captured > 0 {
        writeln!(
            out,
            "refused connections, as captured: {}",
            played.refused_as_captured
        )?;
    }
    if played.received > 0 {
        writeln!(out, "received: {}", played.received)?;
    }
    if !adapted.is_empty() {
        writeln!(out, "adapted: {adapted}")?;
    }
    if let Some(lateness) = &played.lateness {
        let percentiles: Vec<_> = lateness
            .iter()
            .map(|(name, late)| format!("{name} {:.3} ms", milliseconds(late)))
            .collect();
        writeln!(out, "lateness: {}", percentiles.join(", "))?;
    }
    if played.verdict.is_some_and(|verdict| verdict.compared == 0) {
        writeln!(out, "verdict: nothing was compared")?;
    } else if let Some(verdict) = &played.verdict {
        writeln!(
            out,
            "verdict: {} of {} compared",
            count(verdict.differences, "difference"),
            count(verdict.compared, "answer")
        )?;
    }
    Ok(())
}

/// Writes the summary as one line of JSON. Times are seconds, those of lateness milliseconds.
///
/// # Errors
/// Those of `out`.
pub fn write_json(out: &mut impl Write, summary: &Summary) -> io::Result<()> {
    write_line(out, summary)
}

impl Serialize for Summary {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("record", "summary")?;
        map.serialize_entry("file", &self.file)?;
        map.serialize_entry("dry_run", &self.played.is_none())?;
        if let Some(target) = &self.target {
            map.serialize_entry("target", target)?;
        }
        if let Some(speed) = &self.speed {
            map.serialize_entry("speed", speed)?;
        }
        if let Some(rate) = &self.rate {
            map.serialize_entry("rate", rate)?;
        }
        map.serialize_entry("clients", &self.found.clients)?;
        map.serialize_entry("messages", &self.found.messages)?;
        map.serialize_entry("captured_duration", &self.found.captured.as_secs_f64())?;
        let sessions = Counted(self.found.sessions().collect());
        map.serialize_entry("sessions", &sessions)?;
        if !self.made_up.is_empty() {
            map.serialize_entry("made_up", &self.made_up)?;
        }
        if let Some(planned) = self.planned {
            map.serialize_entry("planned_duration", &planned.as_secs_f64())?;
            map.serialize_entry("planned_rounds", &self.rounds)?;
        }
        let skips = Counted(self.skips.iter().collect());
        map.serialize_entry("skipped", &skips)?;
        let adaptations = Counted(self.adaptations().collect());
        match &self.played {
            Some(played) => played.serialize_into(&mut map, &adaptations)?,
            None => map.serialize_entry("adaptations", &adaptations)?,
        }
        map.end()
    }
}

impl Played {
    fn serialize_into<M: SerializeMap>(
        &self,
        map: &mut M,
        adaptations: &Counted<u64>,
    ) -> Result<(), M::Error> {
        map.serialize_entry("sent", &self.sent)?;
        map.serialize_entry("acknowledged", &self.acknowledged)?;
        map.serialize_entry("unacknowledged", &self.unacknowledged)?;
        let refused: Vec<_> = self.refused.iter().map(|&(r, n)| Refused(r, n)).collect();
        map.serialize_entry("refused", &refused)?;
        map.serialize_entry("not_sent", &self.not_sent)?;
        map.serialize_entry("failed_connections", &self.failed)?;
        map.serialize_entry("refused_as_captured", &self.refused_as_captured)?;
        map.serialize_entry("received", &self.received)?;
        map.serialize_entry("properties_dropped", &self.properties_dropped)?;
        map.serialize_entry("adaptations", adaptations)?;
        map.serialize_entry("duration", &self.duration.as_secs_f64())?;
        map.serialize_entry("sending_duration", &self.sending.as_secs_f64())?;
        if let Some(lateness) = &self.lateness {
            let lateness = lateness.iter();
            let lateness = Counted(lateness.map(|(k, v)| (k, milliseconds(v))).collect());
            map.serialize_entry("lateness_ms", &lateness)?;
        }
        if let Some(verdict) = self.verdict {
            let counts = [
                ("compared", verdict.compared),
                ("differences", verdict.differences),
            ];
            map.serialize_entry("verify", &Counted(counts.into()))?;
        }
        Ok(())
    }
}

struct Refused(ReasonCode, u64);

impl Serialize for Refused {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Refused(reason, count) = self;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("reason_code", &reason.0)?;
        if let Some(row) = reason.row() {
            map.serialize_entry("reason", row.name)?;
        }
        map.serialize_entry("count", count)?;
        map.end()
    }
}

fn seconds(time: Duration) -> String {
    format!("{:.3} s", time.as_secs_f64())
}

fn milliseconds(time: Duration) -> f64 {
    time.as_nanos() as f64 / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summary() -> Summary {
        Summary {
            file: "a.pcap".into(),
            target: Some("localhost:1883".into()),
            speed: Some("10".into()),
            rate: None,
            found: Found {
                clients: 1,
                messages: 7,
                captured: Duration::from_millis(1500),
                ..Found::default()
            },
            made_up: Vec::new(),
            rounds: Some(1),
            planned: None,
            skips: Skips {
                duplicates: 2,
                no_topic: 1,
                ..Skips::default()
            },
            played: Some(Played {
                sent: 5,
                acknowledged: 3,
                unacknowledged: 1,
                refused: vec![(ReasonCode::NOT_AUTHORIZED, 1)],
                not_sent: 2,
                failed: 1,
                refused_as_captured: 0,
                received: 0,
                properties_dropped: 4,
                adaptations: Vec::new(),
                duration: Duration::from_millis(150),
                sending: Duration::from_millis(125),
                lateness: Some(Lateness {
                    p50: Duration::from_micros(100),
                    max: Duration::from_micros(2500),
                    ..Lateness::default()
                }),
                verdict: None,
            }),
        }
    }

    fn text(summary: &Summary) -> String {
        let mut out = Vec::new();
        write_text(&mut out, summary).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn as_text() {
        assert_eq!(
            text(&summary()),
            "a.pcap: 7 messages of 1 client read, captured within 1.500 s\n\
             skipped: duplicates 2, no topic 1\n\
             sent: 5 to localhost:1883 in 0.150 s at speed 10\n\
             acknowledged: 3, not acknowledged: 1\n\
             refused: 1 with 0x87 Not authorized\n\
             not sent: 2\n\
             failed connections: 1\n\
             properties dropped: 4 that only MQTT 5.0 has\n\
             lateness: p50 0.100 ms, p90 0.000 ms, p99 0.000 ms, p999 0.000 ms, max 2.500 ms\n"
        );
        let plan = Summary {
            skips: Skips::default(),
            played: None,
            ..summary()
        };
        assert_eq!(
            text(&plan),
            "a.pcap: 7 messages of 1 client would be played, captured within 1.500 s\n"
        );
    }

    #[test]
    fn as_json() {
        let mut out = Vec::new();
        write_json(&mut out, &summary()).unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            concat!(
                r#"{"record":"summary","file":"a.pcap","dry_run":false,"target":"localhost:1883","#,
                r#""speed":"10","clients":1,"messages":7,"captured_duration":1.5,"sessions":{},"#,
                r#""skipped":{"duplicates":2,"no_topic":1},"#,
                r#""sent":5,"acknowledged":3,"unacknowledged":1,"#,
                r#""refused":[{"reason_code":135,"reason":"Not authorized","count":1}],"#,
                r#""not_sent":2,"failed_connections":1,"refused_as_captured":0,"received":0,"#,
                r#""properties_dropped":4,"adaptations":{},"duration":0.15,"sending_duration":0.125,"#,
                r#""lateness_ms":{"p50":0.1,"p90":0.0,"p99":0.0,"p999":0.0,"max":2.5}}"#,
                "\n"
            )
        );
    }
}
