//! Silence of the client, against Keep Alive (3.1.2.10).

use super::super::rule::{Rule, Severity};
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
    /// Its silence since was told of.
    is_told: bool,
}

/// Timers of clients have ticks, and packets take their time on the way.
fn tolerance(limit: i64) -> i64 {
    SECOND.min(limit / 10)
}

/// When the latest server has ended the connection: those that look now and then are late by a
/// part of what they look for.
fn latest_end(limit: i64) -> i64 {
    limit / 2 * 3 + (limit / 2).max(5 * SECOND)
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
        let is_told = std::mem::take(&mut self.is_told);
        let Some((silence, limit, before)) = self.silence(before, report) else {
            return;
        };
        // What a live server shows meanwhile was told of then.
        if silence <= limit.saturating_add(tolerance(limit)) || is_told {
            return;
        }
        if silence > limit / 2 * 3 + tolerance(limit) {
            self.too_late(Severity::Error, silence, before, report);
        } else {
            self.overrun(silence, before, report);
        }
    }

    /// The server sends something: the connection is still open.
    pub(super) fn is_open(&mut self, report: &mut Report<'_>) {
        let Some((silence, limit, before)) = self.silence(self.last, report) else {
            return;
        };
        if silence > latest_end(limit) && !self.is_told {
            self.is_told = true;
            self.overrun(silence, before, report);
            // Something of the client may be on its way.
            self.too_late(Severity::Warning, silence, before, report);
        }
    }

    /// The connection ends.
    pub(super) fn ended(&mut self, ending: Ending, report: &mut Report<'_>) {
        let last = self.last.take();
        let is_told = std::mem::take(&mut self.is_told);
        let Some((silence, limit, before)) = self.silence(last, report) else {
            return;
        };
        if is_told || silence <= limit.saturating_add(tolerance(limit)) {
            return;
        }
        self.overrun(silence, before, report);
        if silence < limit / 2 * 3 {
            return;
        }
        if silence > latest_end(limit) {
            let mut of_server = report.of(Side::Server);
            self.too_late(Severity::Warning, silence, before, &mut of_server);
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

    /// The client, which is silent since `before`, breaks its promise.
    fn overrun(&self, silence: i64, before: At, report: &mut Report<'_>) {
        let (rule, whose) = match self.by_server {
            true => (Rule::ServerKeepAliveOverrun, "server's keep alive"),
            false => (Rule::KeepAliveOverrun, "keep alive"),
        };
        let message = format!(
            "the client was silent for {} with a {whose} of {}; it must send PINGREQ in time",
            Seconds(silence),
            Seconds(self.limit().unwrap_or_default())
        );
        report.of(Side::Client).add(rule, &[before.frame], message);
    }

    /// The server should have ended the connection.
    fn too_late(&self, severity: Severity, silence: i64, before: At, report: &mut Report<'_>) {
        let whose = match self.by_server {
            true => "server's keep alive",
            false => "keep alive",
        };
        let message = format!(
            "the client was silent for {} with a {whose} of {}, and the server did not close the \
             connection after 1.5 times as long",
            Seconds(silence),
            Seconds(self.limit().unwrap_or_default())
        );
        let frames = [before.frame];
        report.add_as(Rule::KeepAliveTimeout, severity, &[], &frames, message);
    }

    /// How long the client has been silent since `before`, and how long it may be.
    fn silence(&self, before: Option<At>, report: &Report<'_>) -> Option<(i64, i64, At)> {
        let (limit, before) = (self.limit()?, before?);
        Some((report.at.since(before.time)?, limit, before))
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
