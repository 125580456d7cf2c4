//! The packet identifiers that one side uses: its QoS 1 and 2 messages on their way (4.3, 4.4), and
//! its requests.

mod answers;
mod publish;
mod unanswered;

use rustc_hash::{FxHashMap, FxHashSet};

use super::super::qos::QoS;
use super::super::rule::Rule;
use super::super::version::{Side, Version};
use super::finding::Report;
use super::order::Order;

/// Identifiers that a session keeps; looking through them must not take longer than a client needs
/// to connect again.
const MAX_KEPT: usize = 2048;

/// What one side has sent with a packet identifier.
#[derive(Debug, Clone)]
pub(super) struct Outbox {
    side: Side,
    uses: FxHashMap<u16, Use>,
    /// Identifiers that were taken twice: whose an answer is cannot be told.
    contested: FxHashSet<u16>,
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
            contested: FxHashSet::default(),
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

    /// Whether messages may wait until others are acknowledged, as far as is known.
    pub(super) fn has_backlog(&self) -> bool {
        self.unacknowledged > 0
    }

    /// Forgets everything.
    pub(super) fn drop_memory(&mut self) {
        *self = Outbox::new(self.side);
    }

    /// Bytes that it takes, about.
    pub(super) fn weight(&self) -> usize {
        self.uses.len() * (size_of::<Use>() + 4)
            + self.contested.len() * 4
            + self.pubacks.weight()
            + self.pubrecs.weight()
            + self.pubrels.weight()
    }

    /// The connection is over, the session is not: what is left of it. Requests die with the
    /// connection.
    pub(super) fn into_past(mut self) -> Outbox {
        if self.uses.len() > MAX_KEPT {
            self.uses.clear();
            self.is_whole = false;
        }
        self.contested.clear();
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
        let was_contested = self.contested.remove(&id);
        if let Some(u) = self.uses.get(&id).copied()
            && u.ticket >= self.sure_since
            && u.what.is_open()
        {
            // 3.1 repeats a request under its identifier.
            let is_repeat = report.version == Version::V31 && u.what == what;
            if is_repeat {
                if was_contested {
                    self.contested.insert(id);
                }
            } else {
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
            _ if self.contested.contains(&id) => {}
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
}
