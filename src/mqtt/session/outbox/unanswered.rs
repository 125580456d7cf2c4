//! What is still open when a connection is over.

use super::{Outbox, Stage, Use, What};
use crate::mqtt::qos::QoS;
use crate::mqtt::rule::{Rule, Severity};
use crate::mqtt::session::finding::Report;
use crate::mqtt::session::keep_alive::Seconds;
use crate::mqtt::session::{At, PATIENCE};
use crate::mqtt::version::Side;

impl Outbox {
    /// The connection is over: what is still open on it? `is_closed`: it has ended, not only the
    /// capture of it. `resumed`: when the session was resumed, if it was.
    pub(in crate::mqtt::session) fn unanswered(
        &self,
        is_closed: bool,
        resumed: Option<At>,
        report: &mut Report<'_>,
    ) {
        let mut open: Vec<(u16, Use)> = self
            .uses
            .iter()
            .filter(|(_, u)| u.what.is_open() && u.ticket >= self.sure_since)
            .map(|(&id, &u)| (id, u))
            .collect();
        open.sort_unstable_by_key(|(_, u)| u.ticket);
        for (id, u) in open {
            let since = if u.is_old {
                let Some(at) = resumed else { continue };
                at.time
            } else {
                u.time
            };
            let waited = report.at.since(since);
            let (rule, from, what) = self.missing(id, u);
            let severity = match waited {
                Some(waited) if waited >= PATIENCE => rule.row().severity,
                // It broke off in the middle, and can go on when the session is resumed.
                _ if is_closed && !u.is_old => Severity::Info,
                _ => continue,
            };
            let waited = waited.map_or(String::new(), |waited| {
                format!(" in the {} to the end of the connection", Seconds(waited))
            });
            report.add_past(rule, severity, from, u.frame, format!("{what}{waited}"));
        }
    }

    /// What is missing for an open use, and who should have sent it.
    fn missing(&self, id: u16, u: Use) -> (Rule, Side, String) {
        let (own, other) = (self.side, self.side.other());
        let text = |what: &str, wanted: &str| {
            format!("{what} with packet identifier {id} got no {wanted}")
        };
        match u.what {
            What::Message(..) if u.is_old => (
                Rule::NotResent,
                own,
                format!(
                    "the message with packet identifier {id} was open when the connection before \
                     this one broke, and was not sent again"
                ),
            ),
            What::Message(QoS::ExactlyOnce, Stage::Published) => {
                (Rule::PubRecMissing, other, text("PUBLISH", "PUBREC"))
            }
            What::Message(_, Stage::Received) => {
                (Rule::PubRelMissing, own, text("PUBREC", "PUBREL"))
            }
            What::Message(_, Stage::Released) => {
                (Rule::PubCompMissing, other, text("PUBREL", "PUBCOMP"))
            }
            What::Message(..) => (Rule::PubAckMissing, other, text("PUBLISH", "PUBACK")),
            What::Unsubscribe => (
                Rule::UnsubAckMissing,
                other,
                text("UNSUBSCRIBE", "UNSUBACK"),
            ),
            What::Subscribe | What::Answered => {
                (Rule::SubAckMissing, other, text("SUBSCRIBE", "SUBACK"))
            }
        }
    }
}
