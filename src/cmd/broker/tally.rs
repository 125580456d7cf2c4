//! What is counted while the broker runs, and when that is the end.

use std::cell::RefCell;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use super::exit_after::{ExitAfter, Progress, end_of_stdin};
use super::expect::Expectations;
use crate::broker::{Event, EventKind};

/// Shared by who looks on and who waits.
pub(super) struct Tally {
    expectations: RefCell<Expectations>,
    progress: RefCell<Progress>,
    reached: Notify,
}

impl Tally {
    /// Time begins now.
    pub(super) fn new(expectations: Expectations, exit_after: ExitAfter) -> Tally {
        Tally {
            expectations: RefCell::new(expectations),
            progress: RefCell::new(Progress::new(exit_after)),
            reached: Notify::new(),
        }
    }

    pub(super) fn event(&self, event: &Event) {
        if let EventKind::Published { topic, payload } = &event.kind {
            let mut expectations = self.expectations.borrow_mut();
            expectations.published(topic, payload.bytes());
        }
        if self.progress.borrow_mut().event(event) {
            self.reached.notify_one();
        }
    }

    /// Waits for what `--exit-after` asks for; for ever if that is nothing.
    pub(super) async fn is_over(&self) {
        let deadline = || self.progress.borrow().deadline();
        let time_over = async {
            // What happens meanwhile moves it.
            while let Some(at) = deadline().filter(|at| *at > Instant::now()) {
                sleep_until(at).await;
            }
            if deadline().is_none() {
                std::future::pending().await
            }
        };
        let waits_for_stdin = self.progress.borrow().waits_for_stdin();
        let stdin_over = async {
            match waits_for_stdin {
                true => end_of_stdin().await,
                false => std::future::pending().await,
            }
        };
        tokio::select! {
            () = time_over => {}
            () = stdin_over => {}
            () = self.reached.notified() => {}
        }
    }

    /// Says which expectations are not met; whether all are.
    pub(super) fn check(&self) -> bool {
        self.expectations.borrow().check()
    }
}
