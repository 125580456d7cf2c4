//! Connections that end: as captured, or otherwise, which is a failure.

use std::ops::ControlFlow;
use std::time::Duration;

use super::{Conductor, FAILURES_SHOWN, LEAVES, Lost, Outcome, Refused};
use crate::cmd::capture_replay::player::{Job, News, What};
use crate::cmd::capture_replay::step::Leave;
use crate::cmd::{Exit, Failure};
use crate::mqtt::ReasonCode;

impl Conductor<'_> {
    /// Whether the session can do what it did. One whose connection the broker has ended cannot,
    /// and that is a failure.
    pub(super) fn is_there(&mut self, session: u64) -> bool {
        if let Some(lost) = self.lost.remove(&session) {
            self.ended_otherwise(session, None, lost.said);
            self.fail(lost.failure);
        }
        self.actors.contains_key(&session)
    }

    pub(super) fn leave(&mut self, session: u64, leave: Leave) {
        let captured = match &leave {
            Leave::ByServer(said) => Some(*said),
            _ => None,
        };
        if let Some(lost) = self.lost.remove(&session) {
            self.ended_otherwise(session, captured.flatten(), lost.said);
            if captured.is_none() {
                self.fail(lost.failure);
            }
            return;
        }
        let Some(actor) = self.actors.remove(&session) else {
            return;
        };
        if let Some(said) = captured {
            self.server_ends.insert(session, said);
        }
        if self.plan.is_causal {
            let number = LEAVES | session;
            let mut ledger = self.shared.ledger.borrow_mut();
            ledger.sent(number, session, true);
            ledger.must(number);
        }
        let _ = actor.jobs.send(Job::Leave(leave));
    }

    pub(super) fn ended_otherwise(
        &self,
        session: u64,
        captured: Option<ReasonCode>,
        said: Option<ReasonCode>,
    ) {
        if let Some(verify) = &self.shared.verify {
            verify.borrow_mut().ended(session, captured, said);
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
            What::Left { was_connected } => {
                if let Some(captured) = self.server_ends.remove(&session) {
                    self.ended_otherwise(session, captured, None);
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
                false if self.taken_over.remove(&session) => {}
                false => {
                    self.lost.insert(session, Lost { failure, said });
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

    /// A connection has failed while it was about to end.
    pub(super) fn ended_in_time(
        &mut self,
        session: u64,
        failure: Failure,
        said: Option<ReasonCode>,
    ) {
        match self.server_ends.remove(&session) {
            Some(captured) => self.ended_otherwise(session, captured, said),
            None => self.fail(failure),
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
        self.actors.remove(&session);
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
            self.ended_otherwise(session, None, lost.said);
            self.fail(lost.failure);
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
