//! Steps at their time: handed to the players, or, as what the capture has, to the comparison.

use tokio::time::Instant;

use super::{Conductor, Planned};
use crate::cmd::capture_replay::delivery::{Delivery, content};
use crate::cmd::capture_replay::player::Job;
use crate::cmd::capture_replay::rewrite;
use crate::cmd::capture_replay::step::{Action, Answer, Number, Request};
use crate::cmd::clock::now;
use crate::mqtt::{QoS, topic};
use crate::output::replay::{At, Of, Seen};

impl Conductor<'_> {
    pub(super) fn perform(&mut self, planned: Planned, due: Option<Instant>) {
        let Planned {
            session,
            time,
            at,
            action,
            room,
        } = planned;
        match action {
            Action::Open(opening) => self.open(session, *opening),
            Action::Answered(answer) => self.answered(session, answer, at),
            Action::Leave(leave, unreleased) => self.leave(session, leave, unreleased, at),
            Action::Rest(rest) => {
                if let Some(part) = &self.shared.part {
                    part.borrow_mut().rest(session, rest);
                }
            }
            Action::Publish(mut message) => {
                if !self.is_there(session, at) {
                    return;
                }
                if let Some(number) = message.number {
                    let what = match message.publication.qos {
                        QoS::ExactlyOnce => "PUBREC",
                        _ => "PUBACK",
                    };
                    self.sent(session, number, false, what, || {
                        Of::Topic(message.publication.topic.as_str().to_owned())
                    });
                } else if self.plan.is_causal
                    && let Some(actor) = self.actors.get_mut(&session)
                    && !actor.is_unsettled
                {
                    actor.is_unsettled = true;
                    self.unsettled.push(session);
                }
                let publication = &message.publication;
                let topic = publication.topic.as_str();
                if let Some(verify) = &self.shared.verify {
                    let mut verify = verify.borrow_mut();
                    verify.published(session, topic, &publication.payload);
                }
                if let Some(part) = &self.shared.part {
                    let content = content(topic, &publication.payload);
                    part.borrow_mut().published(content);
                }
                if self.plan.shifts_times
                    && let Some(captured) = time
                {
                    let payload = &mut message.publication.payload;
                    *payload = rewrite::shift(payload, captured, now().nanos);
                }
                self.hand(session, Job::Publish { message, due, room });
            }
            Action::Subscribe(request) => {
                if self.is_there(session, at) {
                    self.request(session, &request, "SUBACK");
                    self.hand(session, Job::Subscribe(request));
                }
            }
            Action::Unsubscribe(request) => {
                if self.is_there(session, at) {
                    self.request(session, &request, "UNSUBACK");
                    self.hand(session, Job::Unsubscribe(request));
                }
            }
        }
    }

    fn request(&mut self, session: u64, request: &Request, what: &'static str) {
        let filters = || request.filters.iter().map(|(filter, _)| filter.as_str());
        self.sent(session, request.number, true, what, || {
            Of::Filters(filters().map(str::to_owned).collect())
        });
        if what != "SUBACK" {
            return;
        }
        if filters().any(|filter| matches!(topic::parse_shared(filter), Ok(Some(_)))) {
            self.waiting.shares(session);
        }
        if let Some(verify) = &self.shared.verify {
            verify.borrow_mut().subscribed(session, filters());
        }
        if let Some(part) = &self.shared.part {
            part.borrow_mut().subscribed(session, filters());
        }
    }

    pub(super) fn sent(
        &self,
        session: u64,
        number: Number,
        is_control: bool,
        what: &'static str,
        of: impl FnOnce() -> Of,
    ) {
        if self.plan.is_causal {
            self.shared
                .ledger
                .borrow_mut()
                .sent(number, session, is_control);
        }
        if let Some(verify) = &self.shared.verify {
            verify.borrow_mut().sent(session, number, what, of());
        }
    }

    fn hand(&self, session: u64, job: Job) {
        if let Some(actor) = self.actors.get(&session) {
            // One that has failed takes nothing: a message counts as not sent.
            let _ = actor.jobs.send(job);
        }
    }

    /// The capture has an answer.
    fn answered(&mut self, session: u64, answer: Answer, at: At) {
        let verify = self.shared.verify.as_ref();
        let (number, seen) = match answer {
            Answer::Delivered(delivery) => {
                self.delivered(session, delivery);
                return;
            }
            Answer::Owed(number) => {
                if self.plan.is_causal {
                    self.shared.ledger.borrow_mut().must(number);
                }
                return;
            }
            Answer::Connected {
                number,
                reason,
                session_present,
            } => {
                if reason.is_error() {
                    self.refused.entry(session).or_default().as_captured = true;
                }
                (number, Seen::Connected(reason, session_present))
            }
            Answer::Subscribed { number, reasons } | Answer::Unsubscribed { number, reasons } => {
                (number, Seen::Codes(reasons))
            }
            Answer::Published { number, reason } => (number, Seen::Acknowledged(reason)),
        };
        if self.plan.is_causal {
            self.shared.ledger.borrow_mut().must(number);
        }
        if let Some(verify) = verify {
            verify.borrow_mut().captured(number, seen, at);
        }
    }

    /// The capture has a message to a client.
    fn delivered(&mut self, session: u64, delivery: Option<Box<Delivery>>) {
        if let (Some(part), Some(delivery)) = (&self.shared.part, &delivery) {
            // What times in it become is not known before.
            if self.plan.shifts_times || !part.borrow().has(session, delivery) {
                return;
            }
        }
        if let Some(actor) = self.actors.get_mut(&session) {
            actor.expected += 1;
            if actor.received.get() < actor.expected {
                self.waiting.expects(session);
            }
        }
        if let (Some(verify), Some(delivery)) = (&self.shared.verify, delivery) {
            verify.borrow_mut().captured_delivery(session, *delivery);
        }
    }
}
