//! Retained messages, one per topic.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::rc::Rc;

use super::Time;
use super::journal::Journal;
use super::message::Message;
use crate::mqtt::topic;

/// Ordered by topic, so that the part of a filter before its first wildcard narrows the search.
#[derive(Debug, Default)]
pub(super) struct Retained(BTreeMap<Rc<str>, Rc<Message>>);

impl Retained {
    /// Keeps a message in place of the one before (`[MQTT-3.3.1-5]`); an empty payload only
    /// removes that (`[MQTT-3.3.1-6]`, `[MQTT-3.3.1-7]`).
    /// The one before comes back.
    pub(super) fn store(&mut self, message: &Rc<Message>) -> Option<Rc<Message>> {
        if message.payload.is_empty() {
            self.0.remove(&message.topic)
        } else {
            self.0.insert(message.topic.clone(), message.clone())
        }
    }

    /// How many there are, some of them expired perhaps.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Bytes of their topics and payloads.
    pub(super) fn bytes(&self) -> usize {
        self.0.values().map(|message| message.len()).sum()
    }

    /// The payload that is kept for a topic.
    pub(super) fn get(&self, topic: &str) -> Option<&[u8]> {
        self.0.get(topic).map(|message| &*message.payload)
    }

    /// Whether this topic has a message with so large a payload that another of this length takes
    /// no more room.
    pub(super) fn has(&self, topic: &str, payload: usize) -> bool {
        self.0
            .get(topic)
            .is_some_and(|old| payload <= old.payload.len())
    }

    #[cfg(test)]
    pub(super) fn all(&self) -> impl Iterator<Item = &Rc<Message>> {
        self.0.values()
    }

    /// The messages whose topic matches, those that have expired left out and forgotten.
    pub(super) fn matching(
        &mut self,
        now: Time,
        journal: &mut Journal,
        filter: &str,
    ) -> Vec<Rc<Message>> {
        let (prefix, end) = match filter.find(['+', '#']) {
            // "a/#" matches "a" too.
            Some(at) => (filter[..at].trim_end_matches('/'), Bound::Unbounded),
            None => (filter, Bound::Included(filter)),
        };
        let range = (Bound::Included(prefix), end);
        let mut expired = Vec::new();
        let mut found = Vec::new();
        for (topic, message) in self
            .0
            .range::<str, _>(range)
            .take_while(|(topic, _)| topic.starts_with(prefix))
        {
            if message.is_expired(now) {
                expired.push(topic.clone());
            } else if topic::matches(filter, topic) {
                found.push(message.clone());
            }
        }
        for topic in expired {
            if let Some(message) = self.0.remove(&topic) {
                journal.retained_expired(&message);
            }
        }
        found
    }
}
