//! A message that a client was sent, as far as two of them have to be told apart.

use std::hash::{DefaultHasher, Hash, Hasher};

use crate::mqtt::packet::Publish;
use crate::mqtt::{QoS, Version};
use crate::output::replay::{At, SentMessage};

/// What is compared of a message, and where it comes from.
#[derive(Debug, Clone)]
pub(super) struct Delivery {
    /// Topic Name, an alias resolved.
    pub(super) topic: String,
    /// Of topic and payload: by this it is known who has published it.
    pub(super) content: u64,
    /// The captured packet.
    pub(super) at: At,
    pub(super) message: SentMessage,
}

impl Delivery {
    /// What came at `at` to a client of this version, on `topic`, if it had come with `qos`.
    pub(super) fn new(
        topic: &str,
        qos: QoS,
        publish: &Publish<'_>,
        version: Version,
        at: At,
    ) -> Delivery {
        Delivery {
            topic: topic.to_owned(),
            content: content(topic, publish.payload),
            at,
            message: SentMessage::new(qos, publish, version == Version::V5),
        }
    }
}

/// What tells messages of several publishers apart.
pub(super) fn content(topic: &str, payload: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    (topic, payload).hash(&mut hasher);
    hasher.finish()
}

/// All but the topic, within which they are compared.
impl PartialEq for Delivery {
    fn eq(&self, other: &Delivery) -> bool {
        self.message == other.message
    }
}

impl Eq for Delivery {}
