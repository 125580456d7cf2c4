//! Connections that must end, and whether they do.

use std::collections::VecDeque;

use super::Connection;
use crate::mqtt::packet_type::PacketType;
use crate::mqtt::rule::{Rule, Severity};
use crate::mqtt::session::finding::{Finding, Report};
use crate::mqtt::session::keep_alive::Seconds;
use crate::mqtt::session::{At, TIME_TO_CLOSE};
use crate::mqtt::version::{Side, Version};

/// Nanoseconds of silence after which a connection may have broken without being seen to.
const LIVELY: i64 = 10_000_000_000;

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

    /// Nothing more comes of the connection.
    pub(in crate::mqtt::session) fn over(&mut self, report: &mut Report<'_>) {
        self.ended_inside(report);
        let by_server = self.ending.is_some_and(|e| e.by == Some(Side::Server));
        let is_disconnected = self.client.disconnect.is_some() || self.server.disconnect.is_some();
        if self.take_over.since.is_some()
            && self.server.is_whole
            && self.server.disconnect.is_none()
            && by_server
        {
            report.add(
                Rule::TakenOverSilently,
                &[],
                "the server closed a connection that was taken over without DISCONNECT 0x8e",
            );
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

    /// A side that ends the connection in the middle of a packet.
    fn ended_inside(&self, report: &mut Report<'_>) {
        for (side, half) in [(Side::Client, &self.client), (Side::Server, &self.server)] {
            if let Some(cut) = half.cut
                && half.is_finished
            {
                let rule = Rule::EndedInside;
                let message = format!(
                    "{} of {} bytes, and the {side} ended the connection before the last of them",
                    cut.packet_type, cut.len
                );
                report.add_past(rule, rule.row().severity, side, cut.frame, message);
            }
        }
    }

    /// What is to be said if another connection has, or gets, the client identifier of one that
    /// nothing ended; `None` if its end may have been missed.
    pub(in crate::mqtt::session) fn left_open(&self) -> Option<LeftOpen> {
        let is_ended = self.ending.is_some()
            || self.client.disconnect.is_some()
            || self.server.disconnect.is_some();
        if is_ended || !self.server.is_whole || !self.handshake.is_accepted() {
            return None;
        }
        Some(LeftOpen {
            at: self.last,
            version: self.version,
            began: self.handshake.began()?,
            since: self.take_over.since,
            told: self.take_over.told,
        })
    }
}

/// A connection of which nothing more was seen, and no end either.
#[derive(Debug, Clone, Copy)]
pub(in crate::mqtt::session) struct LeftOpen {
    /// Its last packet.
    at: At,
    version: Version,
    /// The frame of its CONNECT.
    began: u64,
    /// Since when another connection has its client identifier.
    since: Option<At>,
    told: Option<Severity>,
}

impl LeftOpen {
    /// Another connection has the client identifier.
    pub(in crate::mqtt::session) fn taken_over(self, at: At) -> LeftOpen {
        LeftOpen {
            since: self.since.or(Some(at)),
            ..self
        }
    }

    pub(in crate::mqtt::session) fn is_taken_over(&self) -> bool {
        self.since.is_some()
    }

    /// Everything was seen; `now` is the latest moment of it.
    pub(in crate::mqtt::session) fn report(&self, now: Option<i64>, out: &mut VecDeque<Finding>) {
        let Some(since) = self.since else { return };
        let (Some(now), Some(then), Some(last)) = (now, since.time, self.at.time) else {
            return;
        };
        // One that was silent for long may have broken where the capture does not show it.
        let waited = now.saturating_sub(then);
        if waited <= TIME_TO_CLOSE || then.saturating_sub(last) > LIVELY {
            return;
        }
        // Even so nobody saw it live on.
        let severity = Severity::Warning;
        if self.told >= Some(severity) {
            return;
        }
        let mut frames = vec![self.began, since.frame];
        frames.sort_unstable();
        let mut report = Report::new(self.at, self.version, Some(Side::Server), out);
        report.add_between(
            Rule::NotTakenOver,
            severity,
            Side::Server,
            frames,
            format!(
                "another connection with the same client identifier was accepted in frame {}, and \
                 the server did not close this one in the {} that followed",
                since.frame,
                Seconds(waited)
            ),
        );
    }
}
