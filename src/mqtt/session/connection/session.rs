//! The session that a connection begins, resumes and leaves.

use super::{Connection, Half};
use crate::mqtt::rule::Rule;
use crate::mqtt::session::finding::Report;
use crate::mqtt::session::outbox::Outbox;
use crate::mqtt::session::sessions::{Left, Past, Session};
use crate::mqtt::version::{Side, Version};

impl Connection {
    /// The session begins with this connection.
    pub(super) fn is_new(&mut self) {
        if self.client.is_whole {
            self.client.outbox.is_new();
            self.subscriptions.is_new();
        }
        if self.server.is_whole {
            self.server.outbox.is_new();
        }
    }

    /// The client is accepted; `past` is what is known of its session.
    pub(in crate::mqtt::session) fn resume(&mut self, past: Past, report: &mut Report<'_>) {
        let Some(is_clean) = self.handshake.is_clean() else {
            return;
        };
        let goes_on = match report.version {
            // 3.1 does not say; then it is as far as is known.
            Version::V31 => !is_clean && !matches!(past, Past::Gone(_)),
            Version::V311 | Version::V5 => self.handshake.session_present(),
        };
        match past {
            Past::Kept(session) if goes_on && !is_clean => {
                let Session {
                    client,
                    server,
                    subscriptions,
                    ..
                } = *session;
                self.client.outbox.resume(client);
                self.server.outbox.resume(server);
                self.subscriptions.resume(subscriptions);
                if !self.client.is_whole {
                    self.forget(Side::Client);
                }
                if !self.server.is_whole {
                    self.forget(Side::Server);
                }
                self.resumed = Some(report.at);
                return;
            }
            Past::Kept(session) if !goes_on && !is_clean && report.version != Version::V31 => {
                report.add(
                    Rule::SessionForgotten,
                    &[session.frame],
                    format!(
                        "CONNACK without session present, and the connection before, up to frame \
                         {}, left a session",
                        session.frame
                    ),
                );
            }
            Past::Gone(frame) if goes_on && !is_clean => report.add(
                Rule::SessionPresentWithoutSession,
                &[frame],
                format!(
                    "CONNACK with session present, and the session of the connection before ended \
                     with it in frame {frame}"
                ),
            ),
            _ => {}
        }
        if !goes_on || is_clean {
            self.is_new();
        }
    }

    /// What the connection leaves of its session, and whose it is.
    pub(in crate::mqtt::session) fn into_session(
        mut self,
        now: Option<i64>,
    ) -> Option<(String, Left)> {
        let client_id = self.client_id().to_owned();
        if client_id.is_empty() || !self.handshake.is_accepted() {
            return None;
        }
        Some((client_id, self.take_session(now)))
    }

    /// The same while the connection lives on without it.
    pub(in crate::mqtt::session) fn take_session(&mut self, now: Option<i64>) -> Left {
        let expiry = match self.handshake.expiry() {
            Some(expiry) if self.client.is_whole => expiry,
            _ => return Left::Unknown,
        };
        let frame = self.last.frame;
        if expiry == 0 {
            return Left::Nothing(frame);
        }
        let take = |half: &mut Half, side| {
            std::mem::replace(&mut half.outbox, Outbox::new(side)).into_past()
        };
        Left::Session(Box::new(Session {
            client: take(&mut self.client, Side::Client),
            server: take(&mut self.server, Side::Server),
            subscriptions: std::mem::take(&mut self.subscriptions).into_past(),
            frame,
            expiry: (expiry != u32::MAX).then_some(expiry),
            ended: now,
        }))
    }
}
