//! What a broker that is killed has to find again: the changes of the state that outlives
//! connections, as records for a store.
//!
//! The core only says what changed. Whoever runs it puts each batch into its store before it does
//! any [`Action`](super::Action) of that batch, so that nothing is acknowledged that is not kept;
//! files are no business of this room. Without a store nothing is noted and nothing is paid for.
//!
//! | record | key | value |
//! |---|---|---|
//! | message | number | the message, once for all that wait for it |
//! | retained | topic | number of the message |
//! | session | session | client identifier, expiry, will |
//! | subscription | session, filter | options, Subscription Identifier |
//! | queued | session, number | message, and what its copy needs |
//! | in flight | session, Packet Identifier | the same and how far it is, or that PUBREL is out |
//! | received | session, Packet Identifier | nothing: PUBREC is out |
//!
//! Only sessions that outlive their connection are kept. Times are kept as wall clock, in
//! milliseconds since 1970.

mod hooks;
mod key;
mod record;
mod restore;
#[cfg(test)]
mod tests;

use std::cell::Cell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

pub use key::Key;
pub use restore::RestoreError;

use super::message::Message;
use super::session::Session;

/// One record set (`Some`) or removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Which record, see [`Key::from_bytes`].
    pub key: Vec<u8>,
    /// What it holds now.
    pub value: Option<Vec<u8>>,
}

/// The changes since the last [`take`](Journal::take); `None`: there is no store.
#[derive(Debug, Default)]
pub(super) struct Journal(Option<Box<Pending>>);

#[derive(Debug)]
struct Pending {
    /// The wall clock at [`Time`] zero.
    wall_at_zero: Duration,
    next_message: u64,
    next_number: u64,
    /// The last change of each record.
    records: BTreeMap<Key, Option<Value>>,
    /// Messages that nothing needed any more at some moment since the last `take`.
    unused: Vec<Rc<Message>>,
}

/// What the journal knows of a message.
#[derive(Debug, Default)]
pub(in crate::broker::core) struct Mark {
    /// 0: no record names it yet.
    number: Cell<u64>,
    /// How many records name it.
    named_by: Cell<u32>,
    /// Whether the store has it, or will have with the batch that was taken last.
    is_stored: Cell<bool>,
}

#[derive(Debug)]
enum Value {
    /// Encoded late: most messages are acknowledged by all before their batch is taken.
    Message(Rc<Message>),
    Bytes(Vec<u8>),
}

impl Journal {
    fn new(wall_at_zero: Duration) -> Journal {
        Journal(Some(Box::new(Pending {
            wall_at_zero,
            next_message: 1,
            next_number: 1,
            records: BTreeMap::new(),
            unused: Vec::new(),
        })))
    }

    pub(super) fn is_empty(&self) -> bool {
        let pending = self.0.as_deref();
        pending.is_none_or(|p| p.records.is_empty() && p.unused.is_empty())
    }

    /// The changes since the last call, ordered by key.
    pub(super) fn take(&mut self) -> Vec<Change> {
        let Some(pending) = &mut self.0 else {
            return Vec::new();
        };
        for message in std::mem::take(&mut pending.unused) {
            pending.drop_if_unused(&message);
        }
        let wall_at_zero = pending.wall_at_zero;
        std::mem::take(&mut pending.records)
            .into_iter()
            .map(|(key, value)| Change {
                key: key.to_bytes(),
                value: value.map(|value| match value {
                    Value::Message(message) => {
                        message.mark.is_stored.set(true);
                        record::message(wall_at_zero, &message)
                    }
                    Value::Bytes(bytes) => bytes,
                }),
            })
            .collect()
    }

    /// What orders the copies of a session; 0 without a store.
    #[inline]
    pub(super) fn next_number(&mut self) -> u64 {
        let Some(pending) = &mut self.0 else {
            return 0;
        };
        pending.next_number += 1;
        pending.next_number
    }

    /// Where to note what happens to a session, if it is one to keep.
    #[inline]
    fn of(&mut self, session: &Session) -> Option<&mut Pending> {
        self.0.as_deref_mut().filter(|_| session.is_kept)
    }
}

impl Pending {
    fn put(&mut self, key: Key, value: Vec<u8>) {
        self.records.insert(key, Some(Value::Bytes(value)));
    }

    fn remove(&mut self, key: Key) {
        self.records.insert(key, None);
    }

    /// Removes a record whose key is used once: if it was put since the last `take`, the store
    /// has never seen it.
    fn remove_unique(&mut self, key: Key) {
        if let Some(Some(_)) = self.records.remove(&key) {
            return;
        }
        self.records.insert(key, None);
    }

    /// A record now names this message; its number.
    fn hold(&mut self, message: &Rc<Message>) -> u64 {
        let mark = &message.mark;
        if mark.number.get() == 0 {
            mark.number.set(self.next_message);
            self.next_message += 1;
        }
        let number = mark.number.get();
        mark.named_by.set(mark.named_by.get() + 1);
        if mark.named_by.get() == 1 && !mark.is_stored.get() {
            let value = Value::Message(message.clone());
            self.records.insert(Key::Message(number), Some(value));
        }
        number
    }

    /// A record names this message no more.
    fn release(&mut self, message: &Rc<Message>) {
        let mark = &message.mark;
        mark.named_by.set(mark.named_by.get().saturating_sub(1));
        if mark.named_by.get() == 0 {
            self.unused.push(message.clone());
        }
    }

    fn drop_if_unused(&mut self, message: &Rc<Message>) {
        let mark = &message.mark;
        let key = Key::Message(mark.number.get());
        if mark.named_by.get() > 0 {
            return;
        }
        if mark.is_stored.replace(false) {
            self.remove(key);
        } else if let Some(Some(_)) = self.records.get(&key) {
            self.records.remove(&key);
        }
    }
}
