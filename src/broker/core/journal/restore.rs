//! From the records of an earlier process to a core that goes on where it stood.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use rustc_hash::FxHashMap;

use super::record::{self, CopyRecord, OutboundRecord};
use super::{Journal, Key};
use crate::broker::core::memory::{LEVEL, filter_cost};
use crate::broker::core::message::Message;
use crate::broker::core::session::{Outbound, Session, SessionId};
use crate::broker::core::subscriptions::split_shared;
use crate::broker::core::{Config, Core, Time};
use crate::mqtt::flow::Kept;

/// A record that this version has not written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a record cannot be read: {key}{}", .found.map_or(String::new(), |len| format!(" with {len} bytes")))]
pub struct RestoreError {
    /// Its key.
    pub key: String,
    /// Bytes in it; `None` if the key itself is unknown.
    pub found: Option<usize>,
}

/// The records by kind, those of messages and sessions read.
#[derive(Debug, Default)]
struct Records {
    messages: FxHashMap<u64, Rc<Message>>,
    retained: Vec<u64>,
    sessions: BTreeMap<SessionId, record::SessionRecord>,
    subscriptions: Vec<(Box<str>, crate::broker::core::subscriptions::Subscriber)>,
    queued: BTreeMap<(SessionId, u64), CopyRecord>,
    /// In the order of the first sending.
    in_flight: BTreeMap<(SessionId, u64), (u16, Option<CopyRecord>)>,
    received: Vec<(SessionId, u16)>,
}

impl Core {
    /// A broker that says what changes ([`take_changes`](Self::take_changes)) and begins with what
    /// an earlier one has said: `records` are the keys and values that its changes have left.
    ///
    /// `wall_at_zero` is the time since 1970 at [`Time`] zero. Clients that were connected count
    /// as gone since now: their wills and the end of their sessions are due accordingly.
    ///
    /// # Errors
    /// If a record is not one of ours.
    pub fn restore<K: AsRef<[u8]>, V: AsRef<[u8]>>(
        config: Config,
        now: Time,
        wall_at_zero: Duration,
        records: impl IntoIterator<Item = (K, V)>,
    ) -> Result<Core, RestoreError> {
        let mut found = Records::default();
        for (key, value) in records {
            found.add(wall_at_zero, key.as_ref(), value.as_ref())?;
        }
        let mut core = Core::new(config);
        core.journal = Journal::new(wall_at_zero);
        core.put_back(now, found);
        Ok(core)
    }

    /// What has to be in the store before the actions that are ready may be done, ordered by
    /// key. Empty without [`restore`](Self::restore).
    pub fn take_changes(&mut self) -> Vec<super::Change> {
        self.journal.take()
    }

    /// Whether [`take_changes`](Self::take_changes) would give nothing.
    #[inline]
    pub fn is_stored(&self) -> bool {
        self.journal.is_empty()
    }

    fn put_back(&mut self, now: Time, mut found: Records) {
        for message in found.messages.values() {
            self.journal.know(message);
        }
        for message in found.retained.iter().filter_map(|n| found.messages.get(n)) {
            self.journal.name(message);
            message.keep(&self.memory);
            self.retained.store(message);
        }
        for (id, kept) in std::mem::take(&mut found.sessions) {
            let mut session = Session::new(id, kept.client_id.clone(), &self.config, &self.memory);
            session.is_kept = true;
            session.who = kept.who;
            session.expiry_interval = kept.expiry_interval;
            session.ends_at = kept.ends_at.or_else(|| session.end_after(now));
            session.delayed_will = kept
                .will
                .map(|(at, will)| (at.unwrap_or(now + will.delay), will));
            self.next_session = self.next_session.max(id.0);
            self.client_ids.insert(kept.client_id, id);
            self.sessions.insert(id, session);
        }
        for (text, subscriber) in std::mem::take(&mut found.subscriptions) {
            if let Some(session) = self.sessions.get_mut(&subscriber.session) {
                let (share_name, filter) = split_shared(&text);
                self.subscriptions.insert(filter, share_name, subscriber);
                session.filter_bytes += filter_cost(&text);
                session.filters.insert(text);
            }
        }
        for ((id, number), (packet_id, copy)) in std::mem::take(&mut found.in_flight) {
            self.journal.know_number(number);
            let Some(session) = self.sessions.get_mut(&id) else {
                continue;
            };
            match copy.map(|copy| found.outbound(number, copy)) {
                None => session.outgoing.restore(packet_id, Kept::Released),
                Some(Some(outbound)) => {
                    self.journal.name(&outbound.message);
                    outbound.message.keep(&self.memory);
                    let kept = Kept::Sent(outbound.qos, outbound);
                    session.outgoing.restore(packet_id, kept);
                }
                Some(None) => {}
            }
        }
        for ((id, number), copy) in std::mem::take(&mut found.queued) {
            self.journal.know_number(number);
            if let Some(session) = self.sessions.get_mut(&id)
                && let Some(outbound) = found.outbound(number, copy)
            {
                self.journal.name(&outbound.message);
                outbound.message.keep(&self.memory);
                session.put_back(outbound);
            }
        }
        for (id, packet_id) in found.received {
            if let Some(session) = self.sessions.get_mut(&id) {
                session.incoming.restore(packet_id);
            }
        }
        self.tree.set(LEVEL * self.subscriptions.levels());
        let sessions: Vec<SessionId> = self.sessions.keys().copied().collect();
        for id in sessions {
            // So that being killed again and again does not make a session live for ever.
            self.note_session(id);
            if let Some(session) = self.sessions.get_mut(&id) {
                session.recharge();
            }
            self.set_session_timer(id);
        }
        for message in found.messages.values() {
            self.journal.drop_if_unused(message);
        }
    }
}

impl Records {
    fn add(
        &mut self,
        wall_at_zero: Duration,
        key: &[u8],
        value: &[u8],
    ) -> Result<(), RestoreError> {
        let unknown = || RestoreError {
            key: String::from_utf8_lossy(key).escape_debug().to_string(),
            found: None,
        };
        let key = Key::from_bytes(key).ok_or_else(unknown)?;
        let bad = || RestoreError {
            key: format!("{key:?}"),
            found: Some(value.len()),
        };
        match &key {
            Key::Message(number) => {
                let message = record::read_message(wall_at_zero, value).ok_or_else(bad)?;
                message.mark.number.set(*number);
                message.mark.is_stored.set(true);
                self.messages.insert(*number, Rc::new(message));
            }
            Key::Retained(_) => {
                let message = record::read_retained(value).ok_or_else(bad)?;
                self.retained.push(message);
            }
            Key::Session(id) => {
                let session = record::read_session(wall_at_zero, value).ok_or_else(bad)?;
                self.sessions.insert(*id, session);
            }
            Key::Subscription(id, filter) => {
                let subscriber = record::read_subscription(*id, value).ok_or_else(bad)?;
                self.subscriptions.push((filter.clone(), subscriber));
            }
            Key::Queued(id, number) => {
                let OutboundRecord { copy, .. } = record::read_outbound(value).ok_or_else(bad)?;
                let copy = copy.ok_or_else(bad)?;
                self.queued.insert((*id, *number), copy);
            }
            Key::InFlight(id, packet_id) => {
                let OutboundRecord { number, copy } =
                    record::read_outbound(value).ok_or_else(bad)?;
                self.in_flight.insert((*id, number), (*packet_id, copy));
            }
            Key::Received(id, packet_id) => self.received.push((*id, *packet_id)),
        }
        Ok(())
    }

    fn outbound(&self, number: u64, copy: CopyRecord) -> Option<Outbound> {
        Some(Outbound {
            message: self.messages.get(&copy.message)?.clone(),
            qos: copy.qos,
            retain: copy.retain,
            subscription_ids: copy.subscription_ids,
            number,
        })
    }
}

impl Journal {
    /// A message came from the store.
    fn know(&mut self, message: &Message) {
        if let Some(pending) = &mut self.0 {
            pending.next_message = pending.next_message.max(message.mark.number.get() + 1);
        }
    }

    fn know_number(&mut self, number: u64) {
        if let Some(pending) = &mut self.0 {
            pending.next_number = pending.next_number.max(number);
        }
    }

    /// A record of the store names this message.
    fn name(&mut self, message: &Rc<Message>) {
        if let Some(pending) = &mut self.0 {
            pending.hold(message);
        }
    }

    fn drop_if_unused(&mut self, message: &Rc<Message>) {
        if let Some(pending) = &mut self.0 {
            pending.drop_if_unused(message);
        }
    }
}
