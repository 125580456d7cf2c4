//! How much memory the broker's state takes, by estimate, and what there is no more room for.
//!
//! Whatever a peer can make grow has a [`Charge`], given back when it is dropped; the constants
//! are above what was measured, so that the process stays below the limit. As it fills up, first
//! those who read slowly miss messages ([`Level::Busy`]), then nothing lasting is added
//! ([`Level::Half`]), then nobody new comes in ([`Level::Short`]), and at last those who want more
//! are cut off ([`Level::Full`]): who needs little is served to the end.

use std::cell::Cell;
use std::rc::Rc;

use super::session::Session;
use super::{Core, EventKind};

/// A connection with the task and the socket behind it.
pub(super) const CONNECTION: usize = 4 << 10;
/// A session without what is in it.
pub(super) const SESSION: usize = 1 << 10;
/// A message that waits or is out, beside the message itself.
pub(super) const COPY: usize = 256;
/// A message that is kept, beside its text; the place in the table of retained messages, too.
pub(super) const MESSAGE: usize = 384;
/// A level in the tree of subscriptions: most of it is the smallest table for those below.
pub(super) const LEVEL: usize = 768;
/// A subscription beside its filter and its place in the tree.
const SUBSCRIPTION: usize = 128;
/// A Topic Alias beside its topic.
pub(super) const ALIAS: usize = 64;
/// Bytes for the network are copied while they wait, into buffers that double.
pub(super) const UNWRITTEN: usize = 2;

/// What a client may always have: so much waiting in its session,
pub(super) const MODEST_QUEUE: usize = 64 << 10;
/// so many messages on their way,
pub(super) const MODEST_WINDOW: usize = 20;
/// and so much waiting for its network.
pub(super) const MODEST_OUTPUT: usize = 64 << 10;

/// How full it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Level {
    /// Below a quarter of the limit.
    Fine,
    /// Only little for a network that is slow.
    Busy,
    /// No new retained messages and subscriptions, and no long queues.
    Half,
    /// From three quarters: no new clients, and none with much before its network.
    Short,
    /// What grows is cut off.
    Full,
}

/// The sum of all charges.
#[derive(Debug)]
pub(super) struct Memory {
    used: Cell<usize>,
    /// The most that was ever used.
    most: Cell<usize>,
    limit: usize,
    /// Whether the last event said that it is short.
    told: Cell<bool>,
}

impl Memory {
    pub(super) fn new(limit: usize) -> Rc<Memory> {
        Rc::new(Memory {
            used: Cell::new(0),
            most: Cell::new(0),
            limit,
            told: Cell::new(false),
        })
    }

    #[inline]
    pub(super) fn level(&self) -> Level {
        let used = self.used.get();
        if used < self.limit / 4 {
            Level::Fine
        } else if used < self.limit / 2 {
            Level::Busy
        } else if used < self.limit / 4 * 3 {
            Level::Half
        } else if used < self.limit {
            Level::Short
        } else {
            Level::Full
        }
    }

    #[inline]
    pub(super) fn is(&self, level: Level) -> bool {
        self.level() >= level
    }

    /// Bytes that are used now.
    pub(super) fn used(&self) -> usize {
        self.used.get()
    }

    /// Bytes that were used at most.
    pub(super) fn most(&self) -> usize {
        self.most.get()
    }

    #[inline]
    fn set(&self, used: usize) {
        self.used.set(used);
        if used > self.most.get() {
            self.most.set(used);
        }
    }
}

/// So many bytes of the memory, until it is dropped.
#[derive(Debug)]
pub(super) struct Charge {
    memory: Rc<Memory>,
    bytes: usize,
}

impl Charge {
    pub(super) fn new(memory: &Rc<Memory>, bytes: usize) -> Charge {
        let mut charge = Charge {
            memory: memory.clone(),
            bytes: 0,
        };
        charge.set(bytes);
        charge
    }

    #[inline]
    pub(super) fn set(&mut self, bytes: usize) {
        let used = self.memory.used.get() - self.bytes;
        self.memory.set(used.saturating_add(bytes));
        self.bytes = bytes;
    }

    #[inline]
    pub(super) fn add(&mut self, bytes: usize) {
        self.set(self.bytes.saturating_add(bytes));
    }

    #[inline]
    pub(super) fn give_back(&mut self, bytes: usize) {
        self.set(self.bytes.saturating_sub(bytes));
    }

    #[inline]
    pub(super) fn is(&self, level: Level) -> bool {
        self.memory.is(level)
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.set(0);
    }
}

/// What a subscription takes in its session.
pub(super) fn filter_cost(filter: &str) -> usize {
    SUBSCRIPTION + 2 * filter.len()
}

impl Session {
    /// To be called when something was added to it or taken away. Messages have a charge of their
    /// own, once for all who hold them.
    pub(super) fn recharge(&mut self) {
        let copies = self.queued_len() + self.outgoing.in_flight() + self.incoming.unreleased();
        let will = self.delayed_will.as_ref().map_or(0, |(_, will)| will.len());
        self.charge
            .set(SESSION + self.client_id.len() + self.filter_bytes + COPY * copies + will);
    }
}

impl Core {
    /// Says once when it gets short, and once when there is room again.
    pub(super) fn tell_of_memory(&self) -> Option<EventKind> {
        let memory = &self.memory;
        let is_short = memory.is(Level::Half);
        if memory.told.replace(is_short) == is_short {
            return None;
        }
        Some(match is_short {
            true => EventKind::MemoryShort {
                used: memory.used.get(),
                limit: memory.limit,
            },
            false => EventKind::MemoryEnough,
        })
    }
}
