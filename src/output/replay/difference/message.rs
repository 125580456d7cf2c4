//! A message that a client was sent, as far as it is compared and shown.

use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};

use super::super::super::json::{Object, PropertyList};
use super::super::super::text::count;
use crate::mqtt::packet::Publish;
use crate::mqtt::property::{Property, Value};
use crate::mqtt::{Properties, PropertiesBuf, PropertyId, QoS};

/// Bytes of a payload that a line shows.
const SHOWN: usize = 24;

/// Bytes of it that are kept.
const KEPT: usize = 64;

/// Bytes of properties that are kept, if they are not more.
const KEPT_PROPERTIES: usize = 1024;

/// What is compared of a message, and enough of it to recognise it. Packet identifier, DUP and Topic
/// Alias are the broker's affair; of a Message Expiry Interval only whether there is one counts,
/// since it runs.
#[derive(Debug, Clone)]
pub struct SentMessage {
    qos: QoS,
    retain: bool,
    /// By kind, those of one kind in their order: that of the kinds is free (`[MQTT-3.3.2-18]`), as
    /// is that of Subscription Identifiers (`[MQTT-3.3.4-4]`).
    properties: PropertiesBuf,
    /// Of all of them.
    properties_digest: u64,
    /// Of the payload.
    digest: u64,
    len: usize,
    /// How the payload begins.
    head: Box<[u8]>,
}

impl SentMessage {
    /// What came, if it had come with `qos`; of versions before 5.0, or to be compared with one,
    /// without properties.
    pub fn new(qos: QoS, publish: &Publish<'_>, with_properties: bool) -> SentMessage {
        let mut hasher = DefaultHasher::new();
        publish.payload.hash(&mut hasher);
        let (properties, properties_digest) = match with_properties {
            true if !publish.properties.is_empty() => sorted(publish.properties),
            _ => (PropertiesBuf::new(), 0),
        };
        SentMessage {
            qos,
            retain: publish.retain,
            properties,
            properties_digest,
            digest: hasher.finish(),
            len: publish.payload.len(),
            head: begin(publish.payload, KEPT).into(),
        }
    }

    /// Equal messages have equal keys.
    pub fn key(&self) -> u64 {
        self.digest ^ self.properties_digest.rotate_left(1)
    }

    /// Its QoS.
    pub fn qos(&self) -> QoS {
        self.qos
    }

    /// Whether it came as a retained one.
    pub fn is_retained(&self) -> bool {
        self.retain
    }

    /// As one that came in a version without properties.
    pub fn drop_properties(&mut self) {
        (self.properties, self.properties_digest) = (PropertiesBuf::new(), 0);
    }

    /// In words, with what it has otherwise than `other`.
    pub(super) fn beside(&self, other: &SentMessage) -> String {
        let mut text = self.to_string();
        if self.digest != other.digest && self.len == other.len && self.head == other.head {
            text.push_str(" with other bytes behind these");
        }
        if self.is_long_list_differing(other) {
            text.push_str(" with other properties, too long to be shown");
        }
        for id in self.differing_properties(other) {
            let Some(row) = id.row() else { continue };
            let name = row.name.replace('_', " ");
            let values: Vec<String> = self.values(id).map(in_words).collect();
            match values.is_empty() {
                true => text.push_str(&format!(", no {name}")),
                false => text.push_str(&format!(", {name} {}", values.join(" and "))),
            }
        }
        text
    }

    /// The keys that are not the same.
    pub(super) fn differing(&self, other: &SentMessage) -> Vec<&'static str> {
        let mut keys = Vec::new();
        if self.qos != other.qos {
            keys.push("qos");
        }
        if self.retain != other.retain {
            keys.push("retain");
        }
        let properties = self.differing_properties(other).into_iter();
        keys.extend(properties.filter_map(|id| Some(id.row()?.name)));
        if self.is_long_list_differing(other) {
            keys.push("properties");
        }
        if (self.digest, self.len) != (other.digest, other.len) {
            keys.push("payload");
        }
        keys
    }

    fn values(&self, id: PropertyId) -> impl Iterator<Item = Value<'_>> {
        let properties = self.properties.as_properties().iter();
        let own = properties.filter(move |property| property.id == id);
        own.map(|property| property.value)
    }

    fn is_long_list_differing(&self, other: &SentMessage) -> bool {
        self.properties_digest != other.properties_digest
            && self.differing_properties(other).is_empty()
    }

    fn differing_properties(&self, other: &SentMessage) -> Vec<PropertyId> {
        let of = |message: &SentMessage| -> Vec<PropertyId> {
            let properties = message.properties.as_properties().iter();
            properties.map(|property| property.id).collect()
        };
        let mut ids = [of(self), of(other)].concat();
        ids.sort_unstable_by_key(|id| id.0);
        ids.dedup();
        ids.retain(|&id| match id {
            PropertyId::MESSAGE_EXPIRY_INTERVAL => {
                self.values(id).count() != other.values(id).count()
            }
            id => !self.values(id).eq(other.values(id)),
        });
        ids
    }

    pub(super) fn keys(&self, object: &mut Object<'_>) {
        object.entry("qos", self.qos.as_u8());
        object.entry("retain", self.retain);
        let properties: Vec<_> = self.properties.as_properties().iter().collect();
        if !properties.is_empty() {
            object.entry("properties", PropertyList(&properties));
        }
        object.text("payload", "payload_hex", Some(&self.head));
        object.entry("payload_len", self.len);
        if self.len > self.head.len() {
            object.entry("payload_truncated", true);
        }
    }
}

impl PartialEq for SentMessage {
    fn eq(&self, other: &SentMessage) -> bool {
        (self.qos, self.retain, self.len) == (other.qos, other.retain, other.len)
            && (self.digest, self.properties_digest) == (other.digest, other.properties_digest)
    }
}

impl Eq for SentMessage {}

impl fmt::Display for SentMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let retain = if self.retain { ", retained" } else { "" };
        let shown = begin(&self.head, SHOWN);
        let more = if self.len > shown.len() { "…" } else { "" };
        write!(
            f,
            "QoS {}{retain}, {}: '{}{more}'",
            self.qos.as_u8(),
            count(self.len as u64, "byte"),
            String::from_utf8_lossy(shown)
        )
    }
}

/// At most so many bytes of it, and no half character if it is text.
fn begin(payload: &[u8], most: usize) -> &[u8] {
    let head = payload.get(..most).unwrap_or(payload);
    match std::str::from_utf8(head) {
        Err(error) if error.error_len().is_none() && head.len() < payload.len() => {
            head.get(..error.valid_up_to()).unwrap_or(head)
        }
        _ => head,
    }
}

/// As they are kept, with their digest.
fn sorted(properties: Properties<'_>) -> (PropertiesBuf, u64) {
    let mut list: Vec<Property<'_>> = properties.iter().collect();
    list.retain(|property| property.id != PropertyId::TOPIC_ALIAS);
    list.sort_by_key(|property| match property.id {
        id @ PropertyId::SUBSCRIPTION_IDENTIFIER => (id.0, property.value.number()),
        id => (id.0, None),
    });
    if list.is_empty() {
        return (PropertiesBuf::new(), 0);
    }
    let mut hasher = DefaultHasher::new();
    for property in &list {
        property.id.hash(&mut hasher);
        if property.id != PropertyId::MESSAGE_EXPIRY_INTERVAL {
            property.value.hash(&mut hasher);
        }
    }
    let mut kept = PropertiesBuf::new();
    if properties.as_bytes().len() <= KEPT_PROPERTIES {
        for property in list {
            // It was in a list before, so it fits into one.
            let _ = kept.push(property.id, property.value);
        }
    }
    (kept, hasher.finish())
}

fn in_words(value: Value<'_>) -> String {
    match value {
        Value::Pair(name, value) => format!(
            "'{}' = '{}'",
            String::from_utf8_lossy(name),
            String::from_utf8_lossy(value)
        ),
        value => match (value.number(), value.bytes()) {
            (Some(number), _) => number.to_string(),
            (None, bytes) => {
                let text = String::from_utf8_lossy(bytes.unwrap_or_default());
                format!("'{text}'")
            }
        },
    }
}
