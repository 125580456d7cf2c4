//! Silence of the client, against Keep Alive (3.1.2.10).

use super::super::rule::Rule;
use super::super::version::Side;
use super::At;
use super::connection::Ending;
use super::finding::Report;

const SECOND: i64 = 1_000_000_000;

/// When the client last sent something, and how long it may be silent.
#[derive(Debug, Default)]
pub(super) struct KeepAlive {
    /// Seconds; 0 is off, `None` not known.
    seconds: Option<u16>,
    /// CONNACK said it.
    by_server: bool,
    /// Of the last packet of the client, unless something of it was lost since.
    last: Option<At>,
}

impl KeepAlive {
    /// CONNECT says how long.
    pub(super) fn set(&mut self, seconds: u16) {
        self.seconds = Some(seconds);
    }

    /// CONNACK says something else.
    pub(super) fn set_by_server(&mut self, seconds: u16) {
        self.seconds = Some(seconds);
        self.by_server = true;
    }

    /// Something that the client sent was not seen.
    pub(super) fn forget(&mut self) {
        self.last = None;
    }

    /// The client sends something.
    pub(super) fn sent(&mut self, report: &mut Report<'_>) {
        let before = self.last.replace(report.at);
        let (Some(limit), Some(before)) = (self.limit(), before) else {
            return;
        };
        let Some(silence) = report.at.since(before.time) else {
            return;
        };
        // Timers of clients have ticks, and packets take their time on the way.
        let tolerance = SECOND.min(limit / 10);
        if silence <= limit.saturating_add(tolerance) {
            return;
        }
        let (kind, whose) = if self.by_server {
            (Rule::ServerKeepAliveOverrun, "server's keep alive")
        } else {
            (Rule::KeepAliveOverrun, "keep alive")
        };
        let (silent, limit_text) = (Seconds(silence), Seconds(limit));
        if silence > limit / 2 * 3 + tolerance {
            report.add(
                Rule::KeepAliveTimeout,
                &[before.frame],
                format!(
                    "the client was silent for {silent} with a {whose} of {limit_text}, and the \
                     server did not close the connection after 1.5 times as long"
                ),
            );
        } else {
            report.add(
                kind,
                &[before.frame],
                format!(
                    "the client was silent for {silent} with a {whose} of {limit_text}; it must \
                     send PINGREQ in time"
                ),
            );
        }
    }

    /// The connection ends.
    pub(super) fn ended(&mut self, ending: Ending, report: &mut Report<'_>) {
        let (Some(limit), Some(before)) = (self.limit(), self.last.take()) else {
            return;
        };
        let Some(silence) = report.at.since(before.time) else {
            return;
        };
        if silence < limit / 2 * 3 {
            return;
        }
        let who = match ending.by {
            Some(Side::Client) => "then the client",
            Some(Side::Server) => "then the server",
            None => "then one side",
        };
        report.add(
            Rule::KeepAliveClosed,
            &[before.frame],
            format!(
                "the client was silent for {} with a keep alive of {}, {who} closed the connection",
                Seconds(silence),
                Seconds(limit)
            ),
        );
    }

    /// Nanoseconds.
    fn limit(&self) -> Option<i64> {
        self.seconds
            .filter(|&seconds| seconds > 0)
            .map(|seconds| i64::from(seconds) * SECOND)
    }
}

/// Nanoseconds, shown as seconds with as many digits as are worth it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seconds(pub(super) i64);

impl std::fmt::Display for Seconds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let milliseconds = self.0 / 1_000_000;
        match (milliseconds / 1000, milliseconds % 1000) {
            (whole, 0) => write!(f, "{whole} s"),
            (whole, part) if whole < 100 => write!(f, "{whole}.{part:03} s"),
            (whole, _) => write!(f, "{whole} s"),
        }
    }
}
