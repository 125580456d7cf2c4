//! Connections that end: as captured, or otherwise, which is a failure.

use std::ops::ControlFlow;
use std::time::Duration;

use super::{Actor, CapturedEnd, Conductor, FAILURES_SHOWN, LEAVES, Lost, Outcome, Refused};
use crate::cmd::capture_replay::player::{Job, News, What};
use crate::cmd::capture_replay::step::{Leave, by_server};
use crate::cmd::{Exit, Failure};
use crate::mqtt::ReasonCode;
use crate::output::replay::{At, End};

impl Conductor<'_> {
    /// Whether the session can do what stands at `at`. One whose connection the broker has ended
    /// cannot, and that is a failure.
    pub(super) fn is_there(&mut self, session: u64, at: At) -> bool {
        if let Some(lost) = self.lost.remove(&session)
            && !lost.is_taken_over
        {
            self.ended(session, None, Some(by_server(lost.said)), at);
            self.fail(lost.failure);
        }
        self.actors.contains_key(&session)
    }

    pub(super) fn leave(&mut self, session: u64, leave: Leave, unreleased: usize, at: At) {
        let end = leave.end();
        if let Some(lost) = self.lost.remove(&session) {
            let is_by_server = matches!(leave, Leave::ByServer(_));
            if is_by_server || !lost.is_taken_over {
                self.ended(session, end, Some(by_server(lost.said)), at);
            }
            if !is_by_server && !lost.is_taken_over {
                self.fail(lost.failure);
            }
            return;
        }
        let Some(actor) = self.actors.remove(&session) else {
            return;
        };
        self.forget(session, &actor);
        self.await_will(actor.will_delay, &leave);
        let captured = CapturedEnd {
            end,
            at,
            unreleased,
        };
        self.ends.insert(session, captured);
        if self.plan.is_causal {
            let number = LEAVES | session;
            let mut ledger = self.shared.ledger.borrow_mut();
            ledger.sent(number, session, true);
            ledger.must(number);
        }
        let _ = actor.jobs.send(Job::Leave(leave, unreleased));
    }

    fn forget(&mut self, session: u64, actor: &Actor) {
        let received = actor.received.get();
        self.waiting.is_over(session, actor.expected, received);
    }

    fn ended(&self, session: u64, captured: Option<End>, now: Option<End>, at: At) {
        if let Some(verify) = &self.shared.verify {
            verify.borrow_mut().ended(session, captured, now, at);
        }
    }

    /// `Break` if there is no use in going on.
    pub(super) fn handle_news(&mut self, news: News) -> ControlFlow<()> {
        let News { session, what } = news;
        let (failure, was_connected, said) = match what {
            What::Connected => {
                self.connecting -= 1;
                self.connected += 1;
                return ControlFlow::Continue(());
            }
            What::Left {
                was_connected,
                unreleased,
            } => {
                if let Some(captured) = self.ends.remove(&session) {
                    self.left(session, captured, unreleased);
                }
                self.over(session, was_connected);
                return ControlFlow::Continue(());
            }
            What::Failed {
                failure,
                was_connected,
                said,
            } => (failure, was_connected, said),
        };
        let has_left = !self.actors.contains_key(&session);
        self.over(session, was_connected);
        if !was_connected && matches!(failure.exit, Exit::Refused(_)) {
            self.refused.entry(session).or_default().now = Some(failure);
            let is_over = self.is_alone() && self.ended && self.openings == 0;
            return match is_over && !self.plan.is_sessions {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            };
        }
        if was_connected && self.plan.is_sessions {
            // Its turn to end may have come already: then the server was to end it.
            match has_left {
                true => self.ended_in_time(session, failure, said),
                false => {
                    let is_taken_over = self.taken_over.remove(&session);
                    let lost = Lost {
                        failure,
                        said,
                        is_taken_over,
                    };
                    self.lost.insert(session, lost);
                }
            }
            return ControlFlow::Continue(());
        }
        // No broker for one is no broker for the others.
        let is_over = failure.exit == Exit::NoConnection || self.is_alone();
        self.fail(failure);
        match is_over {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    }

    /// A client has left by itself.
    fn left(&mut self, session: u64, captured: CapturedEnd, unreleased: Vec<String>) {
        let CapturedEnd {
            end,
            at,
            unreleased: captured_unreleased,
        } = captured;
        if end.is_some_and(End::is_by_server) {
            // It was to be ended by the server.
            self.ended(session, end, None, at);
        }
        if let Some(verify) = &self.shared.verify {
            let mut verify = verify.borrow_mut();
            verify.unreleased(session, captured_unreleased, unreleased);
        }
    }

    /// A connection has failed while it was about to end.
    fn ended_in_time(&mut self, session: u64, failure: Failure, said: Option<ReasonCode>) {
        let captured = self.ends.remove(&session);
        let end = captured.and_then(|captured| captured.end);
        let at = captured.map_or_else(At::default, |captured| captured.at);
        self.ended(session, end, Some(by_server(said)), at);
        if !end.is_some_and(End::is_by_server) {
            self.fail(failure);
        }
    }

    pub(super) fn is_alone(&self) -> bool {
        self.connecting + self.connected == 0
    }

    pub(super) fn fail(&mut self, failure: Failure) {
        self.outcome.failed += 1;
        if self.outcome.failures.len() < FAILURES_SHOWN {
            self.outcome.failures.push(failure);
        }
    }

    pub(super) fn over(&mut self, session: u64, was_connected: bool) {
        match was_connected {
            true => self.connected -= 1,
            false => self.connecting -= 1,
        }
        if let Some(actor) = self.actors.remove(&session) {
            self.forget(session, &actor);
        }
        if let Some(taps) = self.taps {
            taps.close(session);
        }
        self.shared.ledger.borrow_mut().session_over(session);
        self.shared.bell.ring();
    }

    pub(super) fn finish(mut self) -> Outcome {
        if let Some(start) = self.start {
            self.outcome.duration = start.elapsed();
            let last = self.shared.tally.borrow_mut().last_sent.take();
            self.outcome.sending =
                last.map_or(Duration::ZERO, |last| last.saturating_duration_since(start));
        }
        for (session, lost) in std::mem::take(&mut self.lost) {
            if !lost.is_taken_over {
                self.ended(session, None, Some(by_server(lost.said)), At::default());
                self.fail(lost.failure);
            }
        }
        let mut refused: Vec<_> = self.refused.drain().collect();
        refused.sort_unstable_by_key(|(session, _)| *session);
        for (_, refused) in refused {
            match refused {
                Refused {
                    now: Some(_),
                    as_captured: true,
                } => self.outcome.refused_as_captured += 1,
                Refused {
                    now: Some(failure), ..
                } => self.fail(failure),
                _ => {}
            }
        }
        self.outcome
    }
}
