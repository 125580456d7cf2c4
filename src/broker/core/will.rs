//! A Will Message, from CONNECT until it is published or thrown away.

use std::rc::Rc;
use std::time::Duration;

use super::message::Message;
use super::{Core, EventKind, SessionId, Time};
use crate::mqtt::packet::{self, Publish};
use crate::mqtt::{PropertiesBuf, PropertyId, QoS};

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
            properties: will.properties.to_buf(),
            delay: Duration::from_secs(delay.unwrap_or(0).into()),
        }
    }
}

impl Core {
    /// Publishes a will like any other message: retained if it says so (`[MQTT-3.1.2-15]`), its
    /// Message Expiry Interval counted from now.
    pub(super) fn publish_will(&mut self, now: Time, session: SessionId, will: &Will) {
        if self
            .check_publish(session, &will.topic, will.payload.len())
            .is_err()
        {
            return;
        }
        let publish = Publish {
            dup: false,
            qos: will.qos,
            retain: will.retain,
            topic: &will.topic,
            packet_id: 0,
            properties: will.properties.as_properties(),
            payload: &will.payload,
        };
        let source = self.source(session, will.retain);
        let message = Message::new(now, will.topic.clone(), &publish).from(source);
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
