//! Connections that must end, and whether they do.

use super::Connection;
use crate::mqtt::packet_type::PacketType;
use crate::mqtt::rule::{Rule, Severity};
use crate::mqtt::session::finding::Report;
use crate::mqtt::session::keep_alive::Seconds;
use crate::mqtt::session::{At, TIME_TO_CLOSE};
use crate::mqtt::version::Side;

/// Another connection has the client identifier.
#[derive(Debug, Default)]
pub(super) struct TakeOver {
    /// Since when.
    since: Option<At>,
    /// The client has sent something since.
    is_used: bool,
    /// How bad it was that this connection goes on.
    told: Option<Severity>,
}

impl Connection {
    /// Another connection has the session now.
    pub(in crate::mqtt::session) fn taken_over(&mut self, at: At) {
        self.take_over.since = Some(at);
    }

    /// Since when another connection has the session.
    pub(super) fn taken_over_since(&self) -> Option<At> {
        self.take_over.since
    }

    pub(super) fn after_refusal(
        &mut self,
        from: Option<Side>,
        packet_type: PacketType,
        report: &mut Report<'_>,
    ) {
        if self.ending.is_none() {
            self.handshake.after_refusal(from, packet_type, report);
        }
    }

    pub(super) fn after_take_over(
        &mut self,
        from: Side,
        packet_type: PacketType,
        report: &mut Report<'_>,
    ) {
        let Some(since) = self.take_over.since else {
            return;
        };
        if from == Side::Client {
            self.take_over.is_used = true;
            return;
        }
        let waited = report.at.since(since.time);
        let is_answer = !matches!(packet_type, PacketType::PUBLISH | PacketType::PUBREL);
        let severity = match waited {
            _ if packet_type == PacketType::DISCONNECT => return,
            Some(waited) if waited > TIME_TO_CLOSE => Severity::Error,
            // Perhaps to what the client sent before.
            _ if is_answer && self.take_over.is_used => Severity::Warning,
            _ => return,
        };
        if self.take_over.told >= Some(severity) {
            return;
        }
        self.take_over.told = Some(severity);
        let after = waited.map_or(String::new(), |waited| format!("{} ", Seconds(waited)));
        let message = format!(
            "{packet_type} from the server {after}after another connection with the same client \
             identifier was accepted: this one must be closed"
        );
        report.add_as(Rule::NotTakenOver, severity, &[], &[since.frame], message);
    }

    /// The server goes on after a packet that must end the connection.
    pub(super) fn after_fault(
        &mut self,
        from: Side,
        packet_type: PacketType,
        report: &mut Report<'_>,
    ) {
        if from == Side::Server
            && packet_type != PacketType::DISCONNECT
            && let Some(since) = self.fault
            && !self.told_not_closed
            && let Some(time) = report.at.since(since.time)
            && time > TIME_TO_CLOSE
        {
            self.told_not_closed = true;
            report.add(
                Rule::NotClosed,
                &[since.frame],
                format!(
                    "{packet_type} from the server {} after a packet of the client that must end \
                     the connection",
                    Seconds(time)
                ),
            );
        }
    }

    pub(super) fn after_disconnect(
        &mut self,
        from: Side,
        packet_type: PacketType,
        report: &mut Report<'_>,
    ) {
        let half = match from {
            Side::Client => &mut self.client,
            Side::Server => &mut self.server,
        };
        if let Some(frame) = half.disconnect
            && !half.told_after
        {
            half.told_after = true;
            report.add(
                Rule::AfterDisconnect,
                &[frame],
                format!("{packet_type} from the {from} after its DISCONNECT"),
            );
        }
        if packet_type == PacketType::DISCONNECT {
            half.disconnect = Some(report.at.frame);
        }
    }

    /// Nothing more comes of the connection. `now`: the latest moment of all connections.
    pub(in crate::mqtt::session) fn over(&mut self, now: Option<i64>, report: &mut Report<'_>) {
        let by_server = self.ending.is_some_and(|e| e.by == Some(Side::Server));
        let is_disconnected = self.client.disconnect.is_some() || self.server.disconnect.is_some();
        if let Some(since) = self.take_over.since {
            if self.server.is_whole && self.server.disconnect.is_none() && by_server {
                report.add(
                    Rule::TakenOverSilently,
                    &[],
                    "the server closed a connection that was taken over without DISCONNECT 0x8e",
                );
            }
            if self.ending.is_none() && !is_disconnected {
                self.left_open(since, now, report);
            }
        }
        // A side that gives up answers nothing more.
        let is_closed = (self.ending.is_some() || is_disconnected) && !self.has_failed;
        if self.server.is_whole {
            self.handshake.unanswered(by_server, report);
        }
        // A server that refused the client takes nothing from it.
        if self.take_over.since.is_some() || self.handshake.is_refused() {
            return;
        }
        let (client, server) = (&self.client, &self.server);
        if server.is_heard {
            client.outbox.unanswered(is_closed, self.resumed, report);
            self.pings.unanswered(report);
        }
        if client.is_heard {
            server.outbox.unanswered(is_closed, self.resumed, report);
        }
    }

    /// The connection was taken over, and nothing ended it.
    fn left_open(&mut self, since: At, now: Option<i64>, report: &mut Report<'_>) {
        // Its end may have been lost as well.
        let (Some(began), true) = (self.handshake.began(), self.server.is_whole) else {
            return;
        };
        let waited = now
            .zip(since.time)
            .map(|(now, then)| now.saturating_sub(then));
        let severity = match waited {
            Some(waited) if waited > TIME_TO_CLOSE => Severity::Error,
            _ => Severity::Info,
        };
        if self.take_over.told >= Some(severity) {
            return;
        }
        let within = waited.map_or(String::new(), |waited| {
            format!(" in the {} that followed", Seconds(waited))
        });
        let mut frames = vec![began, since.frame];
        frames.sort_unstable();
        report.add_between(
            Rule::NotTakenOver,
            severity,
            Side::Server,
            frames,
            format!(
                "another connection with the same client identifier was accepted in frame {}, and \
                 the server did not close this one{within}",
                since.frame
            ),
        );
    }
}
