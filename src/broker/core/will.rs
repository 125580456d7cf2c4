//! A Will Message, from CONNECT until it is published or thrown away.

use std::rc::Rc;
use std::time::Duration;

use super::message::{Message, push};
use super::{Core, EventKind, SessionId, Time};
use crate::mqtt::packet::{self, Publish};
use crate::mqtt::{Properties, PropertiesBuf, PropertyId, QoS};

/// What CONNECT asked to publish if the connection breaks (`[MQTT-3.1.2-7]`).
#[derive(Debug)]
pub(super) struct Will {
    topic: Rc<str>,
    payload: Box<[u8]>,
    qos: QoS,
    retain: bool,
    properties: PropertiesBuf,
    /// Will Delay Interval.
    pub(super) delay: Duration,
}

impl Will {
    /// `topic` is the will's, with the mount point.
    pub(super) fn new(topic: Rc<str>, will: &packet::Will<'_>) -> Will {
        let delay = will.properties.number(PropertyId::WILL_DELAY_INTERVAL);
        Will {
            topic,
            payload: will.payload.into(),
            qos: will.qos,
            retain: will.retain,
            properties: without_delay(will.properties),
            delay: Duration::from_secs(delay.unwrap_or(0).into()),
        }
    }

    /// The will that [`as_publish`](Self::as_publish) has described.
    pub(super) fn restored(publish: &Publish<'_>, delay: Duration) -> Will {
        Will {
            topic: publish.topic.into(),
            payload: publish.payload.into(),
            qos: publish.qos,
            retain: publish.retain,
            properties: publish.properties.to_buf(),
            delay,
        }
    }

    /// Bytes of what it holds.
    pub(super) fn len(&self) -> usize {
        self.topic.len() + self.payload.len() + self.properties.as_properties().as_bytes().len()
    }

    /// All but its delay.
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
}

impl Core {
    /// Publishes a will like any other message: retained if it says so (`[MQTT-3.1.2-15]`), its
    /// Message Expiry Interval counted from now.
    pub(super) fn publish_will(&mut self, now: Time, session: SessionId, will: &Will) {
        let checked = self.check_publish(session, &will.topic, will.payload.len());
        if let Err(code) = checked {
            let client_id = self.sessions.get(&session).map(|s| &s.client_id);
            let topic = will.topic.clone();
            let kind = EventKind::WillRefused { topic, code };
            return self.output.log(None, client_id, kind);
        }
        let source = self.source(session, will.retain);
        let message = Message::new(now, will.topic.clone(), &will.as_publish()).from(source);
        let message = Rc::new(message);
        let client_id = self.sessions.get(&session).map(|s| &s.client_id);
        let topic = will.topic.clone();
        self.output
            .log(None, client_id, EventKind::WillPublished { topic });
        if self.config.messages {
            self.output.published(None, client_id, &message);
        }
        self.publish(now, message, session);
    }
}

/// The delay is the broker's affair, and no property of a PUBLISH.
fn without_delay(properties: Properties<'_>) -> PropertiesBuf {
    let mut list = PropertiesBuf::new();
    for property in properties {
        if property.id != PropertyId::WILL_DELAY_INTERVAL {
            push(&mut list, property.id, property.value);
        }
    }
    list
}
