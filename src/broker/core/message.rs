//! A message on its way from a publisher to subscribers.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::rc::Rc;
use std::time::Duration;

use super::Time;
use super::journal::Mark;
use super::memory::{Charge, MESSAGE, Memory};
use super::permission::Source;
use crate::mqtt::packet::Publish;
use crate::mqtt::property::Value;
use crate::mqtt::{Properties, PropertiesBuf, PropertyId, QoS};

/// A message as it was published. Shared among all that wait for it.
#[derive(Debug)]
pub(super) struct Message {
    pub(super) topic: Rc<str>,
    pub(super) payload: Box<[u8]>,
    pub(super) qos: QoS,
    pub(super) retain: bool,
    /// What subscribers get unchanged and in order: everything but Topic Alias, Message Expiry
    /// Interval and Subscription Identifiers.
    properties: PropertiesBuf,
    /// Who published it, if that is asked again before it is sent.
    pub(super) source: Option<Box<Source>>,
    /// When the Message Expiry Interval is over.
    expires_at: Option<Time>,
    pub(super) mark: Mark,
    /// Once it is kept by somebody.
    charge: OnceCell<Charge>,
}

impl Message {
    /// Takes over a message from its packet; `topic` is the one that an alias may stand for.
    pub(super) fn new(now: Time, topic: Rc<str>, publish: &Publish<'_>) -> Message {
        Message {
            topic,
            payload: publish.payload.into(),
            qos: publish.qos,
            retain: publish.retain,
            properties: forwarded(publish.properties),
            source: None,
            expires_at: publish
                .properties
                .number(PropertyId::MESSAGE_EXPIRY_INTERVAL)
                .map(|seconds| now + Duration::from_secs(seconds.into())),
            mark: Mark::default(),
            charge: OnceCell::new(),
        }
    }

    /// The message that [`as_publish`](Self::as_publish) has described.
    pub(super) fn restored(publish: &Publish<'_>, expires_at: Option<Time>) -> Message {
        Message {
            expires_at,
            ..Message::new(Time::ZERO, publish.topic.into(), publish)
        }
    }

    /// All but when it expires, and who published it.
    pub(super) fn as_publish(&self) -> Publish<'_> {
        Publish {
            dup: false,
            qos: self.qos,
            retain: self.retain,
            topic: &self.topic,
            packet_id: 0,
            properties: self.properties.as_properties(),
            payload: &self.payload,
        }
    }

    pub(super) fn expires_at(&self) -> Option<Time> {
        self.expires_at
    }

    /// The same with who published it.
    pub(super) fn from(self, source: Option<Box<Source>>) -> Message {
        Message { source, ..self }
    }

    /// Somebody keeps it: from now on it counts, until the last one drops it.
    #[inline]
    pub(super) fn keep(&self, memory: &Rc<Memory>) {
        self.charge.get_or_init(|| {
            let properties = self.properties.as_properties().as_bytes().len();
            Charge::new(
                memory,
                MESSAGE + 2 * self.topic.len() + self.payload.len() + properties,
            )
        });
    }

    /// Whether delivery may no longer begin (`[MQTT-3.3.2-5]`).
    pub(super) fn is_expired(&self, now: Time) -> bool {
        self.expires_at.is_some_and(|at| at <= now)
    }

    /// Bytes of topic and payload.
    pub(super) fn len(&self) -> usize {
        self.topic.len() + self.payload.len()
    }

    /// The properties that a subscriber gets now (`[MQTT-3.3.2-6]`, `[MQTT-3.3.4-3]`).
    pub(super) fn properties(&self, now: Time, subscription_ids: &[u32]) -> Cow<'_, PropertiesBuf> {
        if self.expires_at.is_none() && subscription_ids.is_empty() {
            return Cow::Borrowed(&self.properties);
        }
        let mut list = self.properties.clone();
        if let Some(at) = self.expires_at {
            // Rounded up: what waited for less than a second has lost none.
            let left = at.saturating_sub(now).as_millis().div_ceil(1000);
            let left = u32::try_from(left).unwrap_or(u32::MAX);
            push(
                &mut list,
                PropertyId::MESSAGE_EXPIRY_INTERVAL,
                Value::U32(left),
            );
        }
        for &id in subscription_ids {
            push(
                &mut list,
                PropertyId::SUBSCRIPTION_IDENTIFIER,
                Value::VarInt(id),
            );
        }
        Cow::Owned(list)
    }
}

fn forwarded(properties: Properties<'_>) -> PropertiesBuf {
    let mut list = PropertiesBuf::new();
    for property in properties {
        match property.id {
            PropertyId::TOPIC_ALIAS
            | PropertyId::MESSAGE_EXPIRY_INTERVAL
            | PropertyId::SUBSCRIPTION_IDENTIFIER
            | PropertyId::WILL_DELAY_INTERVAL => {}
            id => push(&mut list, id, property.value),
        }
    }
    list
}

/// Adds a property that is known to be of its kind: it was decoded, or is written here.
pub(super) fn push(list: &mut PropertiesBuf, id: PropertyId, value: Value<'_>) {
    let pushed = list.push(id, value);
    debug_assert!(pushed.is_ok(), "{pushed:?}");
}
