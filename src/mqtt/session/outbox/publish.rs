//! PUBLISH with QoS 1 and 2: first copies, repeats, and identifiers that are taken.

use super::{Outbox, Stage, Use, What};
use crate::mqtt::packet::Publish;
use crate::mqtt::qos::QoS;
use crate::mqtt::rule::Rule;
use crate::mqtt::session::finding::Report;
use crate::mqtt::session::limits::Limits;
use crate::mqtt::version::Side;

impl Outbox {
    /// A PUBLISH with QoS 1 or 2. `receiver`: what the other side takes, if known.
    pub(in crate::mqtt::session) fn publish(
        &mut self,
        publish: &Publish<'_>,
        digest: u64,
        receiver: Option<&Limits>,
        report: &mut Report<'_>,
    ) {
        let id = publish.packet_id;
        // 0 is reported with the packet.
        if id == 0 {
            return;
        }
        let ticket = self.next_ticket;
        let frame = report.at.frame;
        let mut known = self.uses.get(&id).copied();
        if known.is_some_and(|u| u.ticket < self.sure_since) {
            known = None;
        } else if known.is_none() && publish.dup && self.is_whole {
            self.dup_on_first(publish, report);
        }
        if let Some(u) = known {
            let same = u.digest == digest;
            match u.what {
                What::Message(qos, Stage::Published | Stage::Received)
                    if qos == publish.qos && u.is_old =>
                {
                    self.resent(id, u, publish, same, report);
                    self.count(receiver, report);
                    return;
                }
                What::Message(qos, Stage::Published | Stage::Received)
                    if qos == publish.qos && same =>
                {
                    self.repeated(id, u, publish, report);
                    return;
                }
                What::Message(QoS::ExactlyOnce, Stage::Released)
                    if publish.qos == QoS::ExactlyOnce && same && publish.dup =>
                {
                    report.add(
                        Rule::RepublishAfterPubRel,
                        &[u.frame],
                        format!(
                            "PUBLISH with packet identifier {id} again, although its PUBREL was \
                             sent: from then on only PUBREL may be repeated"
                        ),
                    );
                    return;
                }
                What::Message(qos, Stage::Done { refused }) if publish.dup && !u.is_old => {
                    self.repeated_when_done(
                        id,
                        u,
                        publish,
                        same && qos == publish.qos,
                        refused,
                        report,
                    );
                }
                What::Message(_, Stage::Done { .. }) | What::Answered => {
                    self.contested.remove(&id);
                }
                what => self.in_use(id, what, u.frame, Some(publish.qos), report),
            }
        }
        self.next_ticket += 1;
        self.uses.insert(
            id,
            Use {
                what: What::Message(publish.qos, Stage::Published),
                frame,
                time: report.at.time,
                ticket,
                rel_ticket: 0,
                digest,
                owed: 1,
                rel_owed: 0,
                is_old: false,
            },
        );
        match publish.qos {
            QoS::ExactlyOnce => self.pubrecs.sent(id, frame, ticket),
            _ => self.pubacks.sent(id, frame, ticket),
        }
        self.count(receiver, report);
    }

    /// A message of an earlier connection, sent again on this one.
    fn resent(
        &mut self,
        id: u16,
        u: Use,
        publish: &Publish<'_>,
        same: bool,
        report: &mut Report<'_>,
    ) {
        if !publish.dup {
            if same {
                report.add(
                    Rule::RedeliveryWithoutDup,
                    &[u.frame],
                    format!(
                        "PUBLISH with packet identifier {id} of an earlier connection again, and \
                         DUP is not set"
                    ),
                );
            } else {
                self.in_use(id, u.what, u.frame, Some(publish.qos), report);
            }
        }
        if self.side == Side::Client {
            if let Some((ticket, frame)) = self.last_resent
                && ticket > u.ticket
            {
                report.add(
                    Rule::ResendOrder,
                    &[u.frame, frame],
                    format!(
                        "PUBLISH with packet identifier {id} is sent again behind a message that \
                         was first sent after it"
                    ),
                );
            } else {
                self.last_resent = Some((u.ticket, report.at.frame));
            }
        }
        if let Some(u) = self.uses.get_mut(&id) {
            u.is_old = false;
            u.what = What::Message(publish.qos, Stage::Published);
            u.frame = report.at.frame;
            u.time = report.at.time;
            u.owed = 1;
        }
    }

    /// The same message again on the same connection, before it is acknowledged.
    fn repeated(&mut self, id: u16, u: Use, publish: &Publish<'_>, report: &mut Report<'_>) {
        if !publish.dup {
            report.add(
                Rule::RedeliveryWithoutDup,
                &[u.frame],
                format!(
                    "the same PUBLISH with packet identifier {id} again before it is acknowledged, \
                     and DUP is not set"
                ),
            );
        } else if report.is_v5() {
            report.add(
                Rule::Resent,
                &[u.frame],
                format!(
                    "PUBLISH with packet identifier {id} again on the same connection; messages are \
                     sent again only when a session is resumed"
                ),
            );
        }
        if let Some(u) = self.uses.get_mut(&id) {
            u.owed = u.owed.saturating_add(1);
            u.frame = report.at.frame;
        }
    }

    /// DUP with the identifier of a message that is over.
    fn repeated_when_done(
        &self,
        id: u16,
        u: Use,
        publish: &Publish<'_>,
        same: bool,
        refused: bool,
        report: &mut Report<'_>,
    ) {
        if !same {
            if self.is_whole {
                self.dup_on_first(publish, report);
            }
        } else if refused && report.is_v5() {
            report.add(
                Rule::ResentAfterFailure,
                &[u.frame],
                format!(
                    "PUBLISH with packet identifier {id} again, although the receiver refused it"
                ),
            );
        } else if publish.qos == QoS::ExactlyOnce {
            report.add(
                Rule::RepublishAfterPubRel,
                &[u.frame],
                format!(
                    "PUBLISH with packet identifier {id} again, although its exchange is complete: \
                     the receiver takes it as a new message"
                ),
            );
        } else if report.is_v5() {
            report.add(
                Rule::Resent,
                &[u.frame],
                format!(
                    "PUBLISH with packet identifier {id} again on the same connection, although it \
                     is acknowledged"
                ),
            );
        }
    }

    fn dup_on_first(&self, publish: &Publish<'_>, report: &mut Report<'_>) {
        let message = format!(
            "PUBLISH with DUP and packet identifier {}, and the {} has sent no such message before",
            publish.packet_id, self.side
        );
        // One of the two exists in each version.
        report.add(Rule::DupOnFirst, &[], message.as_str());
        report.add(
            match publish.qos {
                QoS::ExactlyOnce => Rule::DupOnFirstQos2,
                _ => Rule::DupOnFirstQos1,
            },
            &[],
            message,
        );
    }

    /// An identifier that is taken. `qos`: of the PUBLISH that takes it again.
    pub(super) fn in_use(
        &mut self,
        id: u16,
        what: What,
        frame: u64,
        qos: Option<QoS>,
        report: &mut Report<'_>,
    ) {
        self.contested.insert(id);
        let rule = match self.side {
            Side::Client => Rule::PacketIdInUse,
            Side::Server => Rule::ServerPacketIdInUse,
        };
        let mut ids = Vec::new();
        match qos {
            Some(QoS::AtLeastOnce) => ids.push("MQTT-4.3.2-1"),
            Some(QoS::ExactlyOnce) => ids.push("MQTT-4.3.3-1"),
            _ => {}
        }
        // What was there is open until it is answered.
        if report.is_v5() {
            match what {
                What::Message(QoS::AtLeastOnce, _) => ids.push("MQTT-4.3.2-3"),
                What::Message(_, Stage::Published) => ids.push("MQTT-4.3.3-3"),
                What::Message(_, Stage::Released) => ids.push("MQTT-4.3.3-5"),
                _ => {}
            }
        }
        let mut all = rule.citations(report.version).to_vec();
        if !all.is_empty() {
            all.extend(ids);
        }
        report.add_citing(
            rule,
            &all,
            &[frame],
            format!("packet identifier {id}, which belongs to {}", what.name()),
        );
    }

    /// One more message of this connection is on its way.
    fn count(&mut self, receiver: Option<&Limits>, report: &mut Report<'_>) {
        self.unacknowledged += 1;
        let Some(limits) = receiver else { return };
        let maximum = u32::from(limits.receive_maximum);
        if self.unacknowledged > maximum && !self.is_over_maximum {
            self.is_over_maximum = true;
            let rule = match self.side {
                Side::Client => Rule::ReceiveMaximumExceeded,
                Side::Server => Rule::ServerReceiveMaximumExceeded,
            };
            report.add(
                rule,
                &[],
                format!(
                    "{} messages of QoS 1 and 2 are not acknowledged, and the {} takes {maximum} \
                     at once",
                    self.unacknowledged,
                    self.side.other()
                ),
            );
        }
    }
}
