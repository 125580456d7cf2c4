//! Deadlines: at most one per connection, one per session, and one for `$SYS`.

use std::collections::BTreeSet;

use super::{ConnectionId, SessionId, Time};

/// Whose deadline it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Timer {
    Connection(ConnectionId),
    Session(SessionId),
    /// The values below `$SYS`.
    Sys,
}

/// Every deadline, earliest first.
#[derive(Debug, Default)]
pub(super) struct Timers(BTreeSet<(Time, Timer)>);

impl Timers {
    /// Sets, moves or (`None`) removes a deadline. `current` is where its owner keeps it.
    pub(super) fn set(&mut self, timer: Timer, current: &mut Option<Time>, at: Option<Time>) {
        if *current == at {
            return;
        }
        if let Some(old) = current.take() {
            self.0.remove(&(old, timer));
        }
        if let Some(at) = at {
            self.0.insert((at, timer));
            *current = Some(at);
        }
    }

    pub(super) fn next(&self) -> Option<Time> {
        self.0.first().map(|&(at, _)| at)
    }

    /// Takes out the earliest deadline that `now` has reached; its owner still has to clear it.
    pub(super) fn pop_due(&mut self, now: Time) -> Option<Timer> {
        if self.next()? > now {
            return None;
        }
        self.0.pop_first().map(|(_, timer)| timer)
    }
}
