//! The packet identifiers that one side uses: its QoS 1 and 2 messages on their way (4.3, 4.4), and
//! its requests.

use rustc_hash::FxHashMap;

use super::super::packet::{Ack, AckKind, Publish};
use super::super::qos::QoS;
use super::super::reason::ReasonCode;
use super::super::rule::{Rule, Severity};
use super::super::version::{Side, Version};
use super::finding::Report;
use super::keep_alive::Seconds;
use super::limits::Limits;
use super::order::Order;
use super::{At, PATIENCE};

/// What one side has sent with a packet identifier.
#[derive(Debug, Clone)]
pub(super) struct Outbox {
    side: Side,
    uses: FxHashMap<u16, Use>,
    /// Every use of an identifier since the session began was seen.
    is_whole: bool,
    /// Uses with a smaller ticket may have been answered without being seen.
    sure_since: u64,
    next_ticket: u64,
    next_rel_ticket: u64,
    /// Messages of this connection that are not acknowledged, at least.
    unacknowledged: u32,
    is_over_maximum: bool,
    /// QoS 1 messages that wait for PUBACK, QoS 2 ones that wait for PUBREC, PUBRECs for PUBREL.
    pubacks: Order,
    pubrecs: Order,
    pubrels: Order,
    /// The last message of an earlier connection that was sent again.
    last_resent: Option<(u64, u64)>,
}

/// An identifier in use, or used before.
#[derive(Debug, Clone, Copy)]
struct Use {
    what: What,
    /// Where it was sent last.
    frame: u64,
    time: Option<i64>,
    /// Counts uses.
    ticket: u64,
    /// Counts PUBRECs.
    rel_ticket: u64,
    /// Of topic and payload.
    digest: u64,
    /// Copies of PUBLISH less PUBACKs and PUBRECs; copies of PUBREL less PUBCOMPs.
    owed: u16,
    rel_owed: u16,
    /// It is of an earlier connection and was not sent on this one.
    is_old: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    Message(QoS, Stage),
    Subscribe,
    Unsubscribe,
    /// A request that was answered.
    Answered,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Published,
    /// PUBREC came.
    Received,
    /// PUBREL was sent.
    Released,
    Done {
        refused: bool,
    },
}

impl What {
    const fn is_open(self) -> bool {
        match self {
            What::Message(_, Stage::Done { .. }) | What::Answered => false,
            What::Message(..) | What::Subscribe | What::Unsubscribe => true,
        }
    }

    fn name(self) -> String {
        match self {
            What::Message(qos, Stage::Published) => {
                format!("a QoS {qos} PUBLISH that is not acknowledged")
            }
            What::Message(_, Stage::Received) => "a QoS 2 PUBLISH that is not released".into(),
            What::Message(_, Stage::Released) => "a QoS 2 PUBLISH that is not complete".into(),
            What::Message(qos, Stage::Done { .. }) => {
                format!("a QoS {qos} PUBLISH that is done")
            }
            What::Subscribe => "a SUBSCRIBE that is not answered".into(),
            What::Unsubscribe => "an UNSUBSCRIBE that is not answered".into(),
            What::Answered => "a request that is answered".into(),
        }
    }
}

/// The two requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Request {
    Subscribe,
    Unsubscribe,
}

impl Outbox {
    pub(super) fn new(side: Side) -> Outbox {
        Outbox {
            side,
            uses: FxHashMap::default(),
            is_whole: false,
            sure_since: 0,
            next_ticket: 0,
            next_rel_ticket: 0,
            unacknowledged: 0,
            is_over_maximum: false,
            pubacks: Order::default(),
            pubrecs: Order::default(),
            pubrels: Order::default(),
            last_resent: None,
        }
    }

    /// The session is new: what was not seen does not exist.
    pub(super) fn is_new(&mut self) {
        self.is_whole = true;
    }

    /// Something that this side sent was not seen.
    pub(super) fn forget_sent(&mut self) {
        self.is_whole = false;
        self.forget_answers();
    }

    /// Something that the other side sent was not seen: any of these may be answered.
    pub(super) fn forget_answers(&mut self) {
        self.sure_since = self.next_ticket;
        self.unacknowledged = 0;
        self.pubacks.forget();
        self.pubrecs.forget();
        self.pubrels.forget();
    }

    /// Forgets everything.
    pub(super) fn drop_memory(&mut self) {
        *self = Outbox::new(self.side);
    }

    /// Bytes that it takes, about.
    pub(super) fn weight(&self) -> usize {
        self.uses.len() * (size_of::<Use>() + 4)
            + self.pubacks.weight()
            + self.pubrecs.weight()
            + self.pubrels.weight()
    }

    /// The connection is over, the session is not: what is left of it. Requests die with the
    /// connection.
    pub(super) fn into_past(mut self) -> Outbox {
        self.uses.retain(|_, u| matches!(u.what, What::Message(..)));
        for u in self.uses.values_mut() {
            u.is_old = true;
        }
        self.forget_order();
        self
    }

    fn forget_order(&mut self) {
        self.unacknowledged = 0;
        self.is_over_maximum = false;
        self.pubacks.forget();
        self.pubrecs.forget();
        self.pubrels.forget();
        self.last_resent = None;
    }

    /// The session goes on: `past` is what an earlier connection left of it. What was sent on this
    /// one before that was known stays as it is.
    pub(super) fn resume(&mut self, past: Outbox) {
        let now = std::mem::replace(self, past);
        self.unacknowledged = now.unacknowledged;
        let shift = self.next_ticket;
        for (id, mut u) in now.uses {
            u.ticket += shift;
            self.uses.insert(id, u);
        }
        self.next_ticket = shift + now.next_ticket;
        if now.sure_since > 0 {
            self.forget_sent();
        }
    }

    /// A PUBLISH with QoS 1 or 2. `receiver`: what the other side takes, if known.
    pub(super) fn publish(
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
                What::Message(_, Stage::Done { .. }) | What::Answered => {}
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
    fn in_use(&self, id: u16, what: What, frame: u64, qos: Option<QoS>, report: &mut Report<'_>) {
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

    fn acknowledged(&mut self) {
        self.unacknowledged = self.unacknowledged.saturating_sub(1);
        // Told of again only after the sender has slowed down.
        self.is_over_maximum &= self.unacknowledged > 0;
    }

    /// PUBACK, PUBREC or PUBCOMP of the other side.
    pub(super) fn answer(&mut self, ack: &Ack<'_>, report: &mut Report<'_>) {
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
    pub(super) fn release(&mut self, ack: &Ack<'_>, report: &mut Report<'_>) {
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

    /// SUBSCRIBE or UNSUBSCRIBE.
    pub(super) fn request(&mut self, request: Request, id: u16, report: &mut Report<'_>) {
        if id == 0 {
            return;
        }
        let what = match request {
            Request::Subscribe => What::Subscribe,
            Request::Unsubscribe => What::Unsubscribe,
        };
        let ticket = self.next_ticket;
        if let Some(u) = self.uses.get(&id)
            && u.ticket >= self.sure_since
            && u.what.is_open()
        {
            // 3.1 repeats a request under its identifier.
            let is_repeat = report.version == Version::V31 && u.what == what;
            if !is_repeat {
                self.in_use(id, u.what, u.frame, None, report);
            }
        }
        self.next_ticket += 1;
        self.uses.insert(
            id,
            Use {
                what,
                frame: report.at.frame,
                time: report.at.time,
                ticket,
                rel_ticket: 0,
                digest: 0,
                owed: 1,
                rel_owed: 0,
                is_old: false,
            },
        );
    }

    /// SUBACK or UNSUBACK of the other side. Returns whether it answers such a request.
    pub(super) fn answer_request(
        &mut self,
        request: Request,
        id: u16,
        report: &mut Report<'_>,
    ) -> bool {
        let (what, rule, name, wanted) = match request {
            Request::Subscribe => (What::Subscribe, Rule::SubAckUnknown, "SUBACK", "SUBSCRIBE"),
            Request::Unsubscribe => (
                What::Unsubscribe,
                Rule::UnsubAckUnknown,
                "UNSUBACK",
                "UNSUBSCRIBE",
            ),
        };
        match self.uses.get_mut(&id) {
            Some(u) if u.what == what => {
                u.what = What::Answered;
                return true;
            }
            Some(u) if u.ticket < self.sure_since => {}
            None if !self.is_whole || id == 0 => {}
            other => {
                let (frames, whose) = match other {
                    Some(u) => (vec![u.frame], format!(": it belongs to {}", u.what.name())),
                    None => (Vec::new(), String::new()),
                };
                report.add(
                    rule,
                    &frames,
                    format!(
                        "{name} with packet identifier {id}, which no open {wanted} has{whose}"
                    ),
                );
            }
        }
        false
    }

    /// The connection is over: what is still open on it? `is_closed`: it has ended, not only the
    /// capture of it. `resumed`: when the session was resumed, if it was.
    pub(super) fn unanswered(&self, is_closed: bool, resumed: Option<At>, report: &mut Report<'_>) {
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

fn is_wrong_kind(kind: AckKind, qos: QoS) -> bool {
    match qos {
        QoS::ExactlyOnce => kind == AckKind::PubAck,
        _ => kind != AckKind::PubAck,
    }
}
