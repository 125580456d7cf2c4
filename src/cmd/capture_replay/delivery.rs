//! A message that a client was sent, as far as two of them have to be told apart.

use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};

use crate::mqtt::packet::Publish;
use crate::mqtt::property::Property;
use crate::mqtt::{PropertyId, QoS};

/// Bytes of a payload that are shown.
const SHOWN: usize = 24;

/// What is compared of a message, and enough of it to recognise it. Packet identifier, DUP and Topic
/// Alias are the broker's affair; of a Message Expiry Interval only whether there is one counts,
/// since it runs.
#[derive(Debug, Clone)]
pub(super) struct Delivery {
    /// Topic Name, an alias resolved.
    pub(super) topic: String,
    pub(super) qos: QoS,
    retain: bool,
    /// Of topic and payload: by this it is known who has published it.
    pub(super) content: u64,
    /// Of payload and properties.
    digest: u64,
    len: usize,
    /// How the payload begins.
    head: Box<[u8]>,
}

impl Delivery {
    /// What came, on `topic`, if it had come with `qos`.
    pub(super) fn new(topic: &str, qos: QoS, publish: &Publish<'_>) -> Delivery {
        let mut hasher = DefaultHasher::new();
        publish.payload.hash(&mut hasher);
        // Those of one kind in their order, and the kinds in any (`[MQTT-3.3.2-18]`).
        let mut properties: Vec<Property<'_>> = publish.properties.iter().collect();
        properties.sort_by_key(|property| property.id.0);
        for property in properties {
            match property.id {
                PropertyId::TOPIC_ALIAS => {}
                PropertyId::MESSAGE_EXPIRY_INTERVAL => property.id.hash(&mut hasher),
                id => (id, property.value).hash(&mut hasher),
            }
        }
        Delivery {
            topic: topic.to_owned(),
            qos,
            retain: publish.retain,
            content: content(topic, publish.payload),
            digest: hasher.finish(),
            len: publish.payload.len(),
            head: publish
                .payload
                .get(..SHOWN)
                .unwrap_or(publish.payload)
                .into(),
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
        (self.qos, self.retain, self.digest, self.len)
            == (other.qos, other.retain, other.digest, other.len)
    }
}

impl Eq for Delivery {}

impl fmt::Display for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let retain = if self.retain { ", retained" } else { "" };
        let more = if self.len > self.head.len() {
            "…"
        } else {
            ""
        };
        write!(
            f,
            "QoS {}{retain}, {} bytes: '{}{more}'",
            self.qos.as_u8(),
            self.len,
            String::from_utf8_lossy(&self.head)
        )
    }
}
