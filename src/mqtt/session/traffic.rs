//! Messages that clients sent to one server: to judge what comes out at the other end.

use std::hash::{Hash, Hasher};

use rustc_hash::{FxHashMap, FxHasher};

use super::super::packet::Publish;
use super::super::property::PropertyId;
use super::super::qos::QoS;

/// Topics that are remembered; beyond it all are forgotten.
const MAX_TOPICS: usize = 8192;

/// Messages per topic.
pub(super) const MAX_MESSAGES: usize = 8;

/// The last messages of each topic.
#[derive(Debug, Default)]
pub(super) struct Traffic {
    topics: FxHashMap<u64, Vec<Published>>,
    next: u64,
}

/// A message on its way to the server.
#[derive(Debug, Clone, Copy)]
pub(super) struct Published {
    /// Of topic and payload.
    pub(super) digest: u64,
    pub(super) frame: u64,
    pub(super) time: Option<i64>,
    pub(super) retain: bool,
    pub(super) qos: QoS,
    /// The publisher's connection.
    pub(super) stream: u64,
    /// What of its properties every subscriber must get; `None` before 5.0.
    pub(super) carried: Option<Carried>,
    /// Counts messages of the server.
    pub(super) number: u64,
}

/// Hashes of the properties that a server hands on as they are (5.0, 3.3.2.3): halves, since many
/// are kept, and two that are the same by chance only hide a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Carried {
    format: u32,
    content_type: u32,
    response_topic: u32,
    correlation_data: u32,
    /// In their order, and whatever that is.
    user: u32,
    user_in_any_order: u32,
}

impl Carried {
    pub(super) fn of(publish: &Publish<'_>) -> Carried {
        let one = |id| {
            let mut hasher = FxHasher::default();
            for property in publish.properties.iter().filter(|p| p.id == id) {
                property.value.hash(&mut hasher);
            }
            half(&hasher)
        };
        let mut any_order = 0u32;
        let mut user = FxHasher::default();
        for property in publish.properties.iter() {
            if property.id == PropertyId::USER_PROPERTY {
                let mut hasher = FxHasher::default();
                property.value.hash(&mut hasher);
                let hash = half(&hasher);
                hash.hash(&mut user);
                any_order = any_order.wrapping_add(hash);
            }
        }
        Carried {
            format: one(PropertyId::PAYLOAD_FORMAT_INDICATOR),
            content_type: one(PropertyId::CONTENT_TYPE),
            response_topic: one(PropertyId::RESPONSE_TOPIC),
            correlation_data: one(PropertyId::CORRELATION_DATA),
            user: half(&user),
            user_in_any_order: any_order,
        }
    }

    /// What is not as in `published`: its statement, and in words.
    pub(super) fn differs(self, published: Carried) -> Option<(&'static str, &'static str)> {
        let found = [
            (
                self.format != published.format,
                "MQTT-3.3.2-4",
                "another payload format indicator",
            ),
            (
                self.content_type != published.content_type,
                "MQTT-3.3.2-20",
                "another content type",
            ),
            (
                self.response_topic != published.response_topic,
                "MQTT-3.3.2-15",
                "another response topic",
            ),
            (
                self.correlation_data != published.correlation_data,
                "MQTT-3.3.2-16",
                "other correlation data",
            ),
            (
                self.user_in_any_order != published.user_in_any_order,
                "MQTT-3.3.2-17",
                "other user properties",
            ),
            (
                self.user != published.user,
                "MQTT-3.3.2-18",
                "user properties in another order",
            ),
        ];
        found
            .into_iter()
            .find_map(|(differs, id, what)| differs.then_some((id, what)))
    }
}

impl Traffic {
    /// A PUBLISH of a client; repeats do not count. Its number is given here.
    pub(super) fn published(&mut self, topic_hash: u64, message: Published) {
        if self.topics.len() >= MAX_TOPICS && !self.topics.contains_key(&topic_hash) {
            self.topics.clear();
        }
        let last = self.topics.entry(topic_hash).or_default();
        let number = self.next;
        self.next += 1;
        if last.len() >= MAX_MESSAGES {
            last.remove(0);
        }
        last.push(Published { number, ..message });
    }

    /// Bytes that it takes, about.
    pub(super) fn weight(&self) -> usize {
        self.topics.len() * (MAX_MESSAGES * size_of::<Published>() + 48)
    }

    /// The messages with this content, oldest first.
    pub(super) fn of(&self, topic_hash: u64, digest: u64) -> impl Iterator<Item = &Published> {
        let messages = self.topics.get(&topic_hash).map_or(&[][..], Vec::as_slice);
        messages.iter().filter(move |m| m.digest == digest)
    }
}

/// Half of a hash, with something of all its bits.
fn half(hasher: &FxHasher) -> u32 {
    let hash = hasher.finish();
    (hash ^ hash >> 32) as u32
}
