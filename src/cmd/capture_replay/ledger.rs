//! What the broker still has to answer before the replay goes on: what it had answered by then in
//! the capture.

use std::cell::Cell;

use rustc_hash::{FxHashMap, FxHashSet};
use tokio::sync::Notify;

use super::step::Number;

/// Requests without an answer. Pure, but for the bell.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    awaited: FxHashMap<Number, Awaited>,
    /// Requests other than messages that the capture has an answer to by now.
    must_control: usize,
    /// Messages of which it has.
    must_publish: usize,
    /// Sessions that are asked for a sign that everything so far has arrived.
    settling: FxHashSet<u64>,
}

#[derive(Debug)]
struct Awaited {
    session: u64,
    is_control: bool,
    /// Whether the capture has the answer by now.
    must: bool,
}

/// Rings when an answer has come, if somebody listens.
#[derive(Debug, Default)]
pub(super) struct Bell {
    is_wanted: Cell<bool>,
    notify: Notify,
}

impl Bell {
    /// Something has changed.
    pub(super) fn ring(&self) {
        if self.is_wanted.replace(false) {
            self.notify.notify_one();
        }
    }

    /// From now on somebody listens.
    pub(super) fn want(&self) {
        self.is_wanted.set(true);
    }

    /// Waits for the ring.
    pub(super) async fn rung(&self) {
        self.notify.notified().await;
    }
}

impl Ledger {
    /// A request goes out; `is_control`: other than a message.
    pub(super) fn sent(&mut self, number: Number, session: u64, is_control: bool) {
        let must = false;
        self.awaited.insert(
            number,
            Awaited {
                session,
                is_control,
                must,
            },
        );
    }

    /// The capture has the answer by now.
    pub(super) fn must(&mut self, number: Number) {
        if let Some(awaited) = self.awaited.get_mut(&number)
            && !awaited.must
        {
            awaited.must = true;
            match awaited.is_control {
                true => self.must_control += 1,
                false => self.must_publish += 1,
            }
        }
    }

    /// The broker has answered.
    pub(super) fn answered(&mut self, number: Number) {
        if let Some(awaited) = self.awaited.remove(&number) {
            self.forget(&awaited);
        }
    }

    fn forget(&mut self, awaited: &Awaited) {
        match awaited {
            Awaited { must: false, .. } => {}
            Awaited {
                is_control: true, ..
            } => self.must_control -= 1,
            Awaited {
                is_control: false, ..
            } => self.must_publish -= 1,
        }
    }

    /// A session is asked for a sign.
    pub(super) fn settle(&mut self, session: u64) {
        self.settling.insert(session);
    }

    /// It has given it.
    pub(super) fn settled(&mut self, session: u64) {
        self.settling.remove(&session);
    }

    /// Nothing of this session will be answered any more.
    pub(super) fn session_over(&mut self, session: u64) {
        let over: Vec<Number> = self
            .awaited
            .iter()
            .filter(|(_, awaited)| awaited.session == session)
            .map(|(&number, _)| number)
            .collect();
        for number in over {
            self.answered(number);
        }
        self.settling.remove(&session);
    }

    /// Waits no longer for anything: how much that was.
    pub(super) fn give_up(&mut self) -> u64 {
        let given_up = self.must_control + self.must_publish + self.settling.len();
        self.awaited.retain(|_, awaited| !awaited.must);
        (self.must_control, self.must_publish) = (0, 0);
        self.settling.clear();
        given_up as u64
    }

    /// Whether a message may go out: who had subscribed by then has.
    pub(super) fn may_publish(&self) -> bool {
        self.must_control == 0
    }

    /// Whether anything else may.
    pub(super) fn may_control(&self) -> bool {
        self.must_control + self.must_publish == 0 && self.settling.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_wait_for_requests_and_requests_for_all() {
        let mut ledger = Ledger::default();
        let may = |ledger: &Ledger| (ledger.may_publish(), ledger.may_control());
        ledger.sent(1, 0, true);
        ledger.sent(2, 0, false);
        // Not answered in the capture either.
        assert_eq!(may(&ledger), (true, true));
        ledger.must(2);
        assert_eq!(may(&ledger), (true, false));
        ledger.must(1);
        ledger.must(1);
        assert_eq!(may(&ledger), (false, false));
        ledger.answered(1);
        ledger.answered(1);
        assert_eq!(may(&ledger), (true, false));
        ledger.answered(2);
        assert_eq!(may(&ledger), (true, true));
        // Answered before the capture has it.
        ledger.sent(3, 0, true);
        ledger.answered(3);
        ledger.must(3);
        assert_eq!(may(&ledger), (true, true));
    }

    #[test]
    fn who_is_gone_answers_nothing() {
        let mut ledger = Ledger::default();
        ledger.sent(1, 7, true);
        ledger.sent(2, 8, true);
        ledger.must(1);
        ledger.must(2);
        ledger.settle(7);
        ledger.session_over(7);
        assert!(!ledger.may_publish());
        assert_eq!(ledger.give_up(), 1);
        assert!(ledger.may_control());
    }
}
