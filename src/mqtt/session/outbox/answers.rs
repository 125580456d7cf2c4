//! PUBACK, PUBREC, PUBREL and PUBCOMP.

use super::{Outbox, Stage, Use, What};
use crate::mqtt::packet::{Ack, AckKind};
use crate::mqtt::qos::QoS;
use crate::mqtt::reason::ReasonCode;
use crate::mqtt::rule::Rule;
use crate::mqtt::session::finding::Report;
use crate::mqtt::version::Side;

impl Outbox {
    fn acknowledged(&mut self) {
        self.unacknowledged = self.unacknowledged.saturating_sub(1);
        // Told of again only after the sender has slowed down.
        self.is_over_maximum &= self.unacknowledged > 0;
    }

    /// PUBACK, PUBREC or PUBCOMP of the other side.
    pub(in crate::mqtt::session) fn answer(&mut self, ack: &Ack<'_>, report: &mut Report<'_>) {
        let id = ack.packet_id;
        let Some(u) = self.uses.get(&id).copied() else {
            if self.is_whole && id != 0 {
                self.unknown(ack.kind, id, report);
            }
            return;
        };
        let is_sure = u.ticket >= self.sure_since;
        let refused = ack.reason.is_error();
        let mut rel_ticket = u.rel_ticket;
        let what = match (ack.kind, u.what) {
            (AckKind::PubAck, What::Message(QoS::AtLeastOnce, Stage::Published)) => {
                self.acknowledged();
                self.check_order(id, u, ack.kind, report);
                What::Message(QoS::AtLeastOnce, Stage::Done { refused })
            }
            (AckKind::PubRec, What::Message(QoS::ExactlyOnce, Stage::Published)) => {
                self.check_order(id, u, ack.kind, report);
                if refused {
                    self.acknowledged();
                    What::Message(QoS::ExactlyOnce, Stage::Done { refused })
                } else {
                    rel_ticket = self.next_rel_ticket;
                    self.next_rel_ticket += 1;
                    self.pubrels.sent(id, report.at.frame, rel_ticket);
                    What::Message(QoS::ExactlyOnce, Stage::Received)
                }
            }
            (AckKind::PubComp, What::Message(QoS::ExactlyOnce, Stage::Released)) => {
                self.acknowledged();
                What::Message(QoS::ExactlyOnce, Stage::Done { refused: false })
            }
            // A second copy has a second answer.
            (AckKind::PubAck, What::Message(QoS::AtLeastOnce, Stage::Done { .. }))
            | (AckKind::PubRec, What::Message(QoS::ExactlyOnce, _))
                if u.owed > 0 =>
            {
                u.what
            }
            (AckKind::PubComp, What::Message(QoS::ExactlyOnce, Stage::Done { .. }))
                if u.rel_owed > 0 =>
            {
                u.what
            }
            _ if !is_sure => return,
            // It may be for the other one.
            _ if self.contested.contains(&id) => {
                if matches!(ack.kind, AckKind::PubAck | AckKind::PubComp) {
                    self.acknowledged();
                }
                return;
            }
            (
                AckKind::PubComp,
                What::Message(QoS::ExactlyOnce, Stage::Published | Stage::Received),
            ) => {
                report.add(
                    Rule::PubCompEarly,
                    &[u.frame],
                    format!("PUBCOMP with packet identifier {id} before the PUBREL"),
                );
                self.acknowledged();
                What::Message(QoS::ExactlyOnce, Stage::Done { refused: false })
            }
            (kind, What::Message(qos, stage)) if is_wrong_kind(kind, qos) => {
                let done = matches!(stage, Stage::Done { .. });
                if done {
                    self.unknown(kind, id, report);
                } else {
                    report.add(
                        Rule::AckWrongKind,
                        &[u.frame],
                        format!(
                            "{} with packet identifier {id}, which is a PUBLISH with QoS {qos}: \
                             that wants {}",
                            kind.packet_type(),
                            match qos {
                                QoS::ExactlyOnce => "PUBREC",
                                _ => "PUBACK",
                            }
                        ),
                    );
                }
                return;
            }
            _ => {
                self.unknown(ack.kind, id, report);
                return;
            }
        };
        if let Some(u) = self.uses.get_mut(&id) {
            u.what = what;
            u.rel_ticket = rel_ticket;
            match ack.kind {
                AckKind::PubComp => u.rel_owed = u.rel_owed.saturating_sub(1),
                _ => u.owed = u.owed.saturating_sub(1),
            }
            if u.what == What::Message(QoS::ExactlyOnce, Stage::Received) {
                u.time = report.at.time;
            }
        }
    }

    fn unknown(&self, kind: AckKind, id: u16, report: &mut Report<'_>) {
        let (rule, wanted) = match kind {
            AckKind::PubAck => (Rule::AckUnknown, "QoS 1 PUBLISH"),
            AckKind::PubRec => (Rule::FlowUnknown, "QoS 2 PUBLISH"),
            AckKind::PubRel => (Rule::FlowUnknown, "PUBREC"),
            AckKind::PubComp => (Rule::FlowUnknown, "PUBREL"),
        };
        let whose = match kind {
            AckKind::PubRel => self.side,
            _ => self.side.other(),
        };
        report.add(
            rule,
            &[],
            format!(
                "{} with packet identifier {id}, which no {wanted} of the {} has open",
                kind.packet_type(),
                whose.other()
            ),
        );
    }

    /// PUBACK and PUBREC of the client must follow the order of the messages.
    fn check_order(&mut self, id: u16, u: Use, kind: AckKind, report: &mut Report<'_>) {
        let stage = Stage::Published;
        let (queue, rule) = match kind {
            AckKind::PubAck => (&mut self.pubacks, Rule::PubAckOrder),
            _ => (&mut self.pubrecs, Rule::PubRecOrder),
        };
        let uses = &self.uses;
        let older = queue.answered(u.ticket, |id, ticket| {
            uses.get(&id).is_some_and(|u| {
                u.ticket == ticket
                    && u.owed == 1
                    && matches!(u.what, What::Message(_, open) if open == stage)
            })
        });
        if let Some((other, frame)) = older
            && self.side == Side::Server
            && u.owed == 1
        {
            report.add(
                rule,
                &[frame, u.frame],
                format!(
                    "{} with packet identifier {id} before the one of {other}, whose PUBLISH came \
                     first",
                    kind.packet_type()
                ),
            );
        }
    }

    /// PUBREL of this side.
    pub(in crate::mqtt::session) fn release(&mut self, ack: &Ack<'_>, report: &mut Report<'_>) {
        let id = ack.packet_id;
        if id == 0 {
            return;
        }
        let frame = report.at.frame;
        let ticket = self.next_ticket;
        let Some(u) = self.uses.get(&id).copied() else {
            // A receiver answers 0x92 then, and that is no further fault.
            let recovers = ack.reason == ReasonCode::PACKET_IDENTIFIER_NOT_FOUND;
            if self.is_whole && !recovers {
                self.unknown(AckKind::PubRel, id, report);
            }
            self.next_ticket += 1;
            let released = Use {
                what: What::Message(QoS::ExactlyOnce, Stage::Released),
                frame,
                time: None,
                ticket,
                rel_ticket: 0,
                digest: 0,
                owed: 0,
                rel_owed: 1,
                is_old: false,
            };
            self.uses.insert(id, released);
            return;
        };
        let is_sure = u.ticket >= self.sure_since;
        match u.what {
            What::Message(QoS::ExactlyOnce, stage) => match stage {
                Stage::Received => self.check_release_order(id, u, report),
                Stage::Published if is_sure && !u.is_old => report.add(
                    Rule::PubRelEarly,
                    &[u.frame],
                    format!("PUBREL with packet identifier {id} before the PUBREC"),
                ),
                Stage::Released | Stage::Done { refused: false }
                    if is_sure && !u.is_old && report.is_v5() =>
                {
                    report.add(
                        Rule::Resent,
                        &[u.frame],
                        format!("PUBREL with packet identifier {id} again on the same connection"),
                    );
                }
                Stage::Done { refused: true } if is_sure && !u.is_old => report.add_citing(
                    Rule::FlowUnknown,
                    &["MQTT-4.3.3-4"],
                    &[u.frame],
                    format!("PUBREL with packet identifier {id}, whose PUBREC refused the message"),
                ),
                _ => {}
            },
            what if is_sure && what.is_open() => report.add(
                Rule::FlowUnknown,
                &[u.frame],
                format!(
                    "PUBREL with packet identifier {id}, which belongs to {}",
                    what.name()
                ),
            ),
            _ if self.contested.contains(&id) => {}
            _ if is_sure && !u.is_old => self.unknown(AckKind::PubRel, id, report),
            _ => {}
        }
        if let Some(u) = self.uses.get_mut(&id) {
            u.is_old = false;
            u.rel_owed = u.rel_owed.saturating_add(1);
            u.time = report.at.time;
            if let What::Message(QoS::ExactlyOnce, stage) = &mut u.what
                && !matches!(stage, Stage::Done { .. })
            {
                *stage = Stage::Released;
                u.frame = frame;
            }
        }
    }

    fn check_release_order(&mut self, id: u16, u: Use, report: &mut Report<'_>) {
        let uses = &self.uses;
        let older = self.pubrels.answered(u.rel_ticket, |id, ticket| {
            uses.get(&id).is_some_and(|u| {
                u.rel_ticket == ticket && u.what == What::Message(QoS::ExactlyOnce, Stage::Received)
            })
        });
        if let Some((other, frame)) = older
            && self.side == Side::Client
        {
            report.add(
                Rule::PubRelOrder,
                &[frame],
                format!(
                    "PUBREL with packet identifier {id} before the one of {other}, whose PUBREC \
                     came first"
                ),
            );
        }
    }
}

fn is_wrong_kind(kind: AckKind, qos: QoS) -> bool {
    match qos {
        QoS::ExactlyOnce => kind == AckKind::PubAck,
        _ => kind != AckKind::PubAck,
    }
}
