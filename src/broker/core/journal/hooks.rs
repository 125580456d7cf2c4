//! What the core tells its journal, in its own words.

use std::rc::Rc;

use super::record;
use super::{Journal, Key};
use crate::broker::core::Core;
use crate::broker::core::Time;
use crate::broker::core::message::Message;
use crate::broker::core::session::{Outbound, Session, SessionId};
use crate::broker::core::subscriptions::Subscriber;
use crate::broker::core::will::Will;
use crate::mqtt::flow::Resend;

impl Core {
    /// A session was opened or resumed, left, or has published its will.
    pub(in crate::broker::core) fn note_session(&mut self, id: SessionId) {
        if self.journal.0.is_none() {
            return;
        }
        let Some(session) = self.sessions.get_mut(&id) else {
            return;
        };
        if session.expiry_interval == 0 {
            // Ends with its connection, and must not be found again.
            self.journal.ended(session);
            session.is_kept = false;
            return;
        }
        session.is_kept = true;
        let connection = session.connection.and_then(|id| self.connections.get(&id));
        let will = match connection {
            Some(connection) => connection.will.as_ref().map(|will| (None, will)),
            None => session
                .delayed_will
                .as_ref()
                .map(|(at, will)| (Some(*at), will)),
        };
        self.journal.session(session, will);
    }
}

/// What a note is about is kept only if its session is.
impl Journal {
    fn session(&mut self, session: &Session, will: Option<(Option<Time>, &Will)>) {
        if let Some(pending) = self.of(session) {
            let value = record::session(pending.wall_at_zero, session, will);
            pending.put(Key::Session(session.id), value);
        }
    }

    /// The session ended, with all that belongs to it.
    pub(in crate::broker::core) fn ended(&mut self, session: &Session) {
        let Some(pending) = self.of(session) else {
            return;
        };
        let id = session.id;
        pending.remove(Key::Session(id));
        for filter in &session.filters {
            pending.remove(Key::Subscription(id, filter.clone()));
        }
        for outbound in session.queued() {
            pending.remove_unique(Key::Queued(id, outbound.number));
            pending.release(&outbound.message);
        }
        for open in session.outgoing.resend() {
            match open {
                Resend::Publish(packet_id, _, outbound) => {
                    pending.remove(Key::InFlight(id, packet_id));
                    pending.release(&outbound.message);
                }
                Resend::PubRel(packet_id) => pending.remove(Key::InFlight(id, packet_id)),
            }
        }
        for packet_id in session.incoming.unreleased_ids() {
            pending.remove(Key::Received(id, packet_id));
        }
    }

    pub(in crate::broker::core) fn subscribed(
        &mut self,
        session: &Session,
        filter: &str,
        subscriber: &Subscriber,
    ) {
        if let Some(pending) = self.of(session) {
            let key = Key::Subscription(session.id, filter.into());
            pending.put(key, record::subscription(subscriber));
        }
    }

    pub(in crate::broker::core) fn unsubscribed(&mut self, session: &Session, filter: &str) {
        if let Some(pending) = self.of(session) {
            pending.remove(Key::Subscription(session.id, filter.into()));
        }
    }

    /// A retained message was set, or removed by one without payload, in place of `old`.
    pub(in crate::broker::core) fn retained(
        &mut self,
        message: &Rc<Message>,
        old: Option<Rc<Message>>,
    ) {
        let Some(pending) = &mut self.0 else {
            return;
        };
        let key = Key::Retained(message.topic.clone());
        if !message.payload.is_empty() {
            let number = pending.hold(message);
            pending.put(key, record::retained(number));
        } else if old.is_some() {
            pending.remove(key);
        }
        if let Some(old) = old {
            pending.release(&old);
        }
    }

    /// A retained message was forgotten, since it has expired.
    pub(in crate::broker::core) fn retained_expired(&mut self, message: &Rc<Message>) {
        if let Some(pending) = &mut self.0 {
            pending.remove(Key::Retained(message.topic.clone()));
            pending.release(message);
        }
    }

    /// A message waits.
    pub(in crate::broker::core) fn queued(&mut self, session: &Session, outbound: &Outbound) {
        if let Some(pending) = self.of(session) {
            let message = pending.hold(&outbound.message);
            let value = record::outbound(outbound, message);
            pending.put(Key::Queued(session.id, outbound.number), value);
        }
    }

    /// A message waits no more: it is sent next, or never.
    pub(in crate::broker::core) fn dequeued(&mut self, session: &Session, outbound: &Outbound) {
        if let Some(pending) = self.of(session) {
            pending.remove_unique(Key::Queued(session.id, outbound.number));
            pending.release(&outbound.message);
        }
    }

    /// A message is out.
    pub(in crate::broker::core) fn sent(
        &mut self,
        session: &Session,
        packet_id: u16,
        outbound: &Outbound,
    ) {
        if let Some(pending) = self.of(session) {
            let message = pending.hold(&outbound.message);
            let value = record::outbound(outbound, message);
            pending.put(Key::InFlight(session.id, packet_id), value);
        }
    }

    /// A message that was out is acknowledged, or was refused.
    pub(in crate::broker::core) fn acknowledged(
        &mut self,
        session: &Session,
        packet_id: u16,
        outbound: &Outbound,
    ) {
        if let Some(pending) = self.of(session) {
            pending.remove(Key::InFlight(session.id, packet_id));
            pending.release(&outbound.message);
        }
    }

    /// PUBREC came for a message.
    pub(in crate::broker::core) fn released(
        &mut self,
        session: &Session,
        packet_id: u16,
        outbound: &Outbound,
    ) {
        if let Some(pending) = self.of(session) {
            let value = record::released(outbound.number);
            pending.put(Key::InFlight(session.id, packet_id), value);
            pending.release(&outbound.message);
        }
    }

    /// PUBCOMP came.
    pub(in crate::broker::core) fn completed(&mut self, session: &Session, packet_id: u16) {
        if let Some(pending) = self.of(session) {
            pending.remove(Key::InFlight(session.id, packet_id));
        }
    }

    /// A QoS 2 message came from the client.
    pub(in crate::broker::core) fn received(&mut self, session: &Session, packet_id: u16) {
        if let Some(pending) = self.of(session) {
            pending.put(Key::Received(session.id, packet_id), Vec::new());
        }
    }

    /// PUBREL came from the client.
    pub(in crate::broker::core) fn released_by_peer(&mut self, session: &Session, packet_id: u16) {
        if let Some(pending) = self.of(session) {
            pending.remove(Key::Received(session.id, packet_id));
        }
    }
}
