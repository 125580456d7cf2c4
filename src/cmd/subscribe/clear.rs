//! `--remove-retained`: clears retained messages, by an empty one each ([MQTT-3.3.1-6]).

use std::collections::VecDeque;

use bytes::Bytes;

use crate::client::{Engine, Message, Publication, PublishError, Says, TopicName};
use crate::cmd::{Exit, Failure};
use crate::mqtt::{QoS, ReasonCode};

/// Topics that wait until the broker takes more QoS 1; what is over that is cleared at QoS 0.
const MAX_WAITING: usize = 10_000;

/// What is to be cleared.
#[derive(Debug, Default)]
pub(super) struct Clearing {
    waiting: VecDeque<TopicName>,
}

impl Clearing {
    /// Clears the retained message that this one is.
    ///
    /// # Errors
    /// If the broker would not take that.
    pub(super) fn push(&mut self, client: &mut Engine, message: &Message) -> Result<(), Failure> {
        // With --retain-as-published our own come back.
        if message.payload.is_empty() {
            return Ok(());
        }
        // A copy: what waits must not keep a whole read buffer alive.
        let Ok(topic) = TopicName::new(message.topic.as_str()) else {
            return Ok(());
        };
        if self.waiting.len() >= MAX_WAITING {
            return publish(client, topic, QoS::AtMostOnce).map(|_| ());
        }
        self.waiting.push_back(topic);
        self.proceed(client)
    }

    /// The broker takes more.
    ///
    /// # Errors
    /// As [`push`](Self::push).
    pub(super) fn proceed(&mut self, client: &mut Engine) -> Result<(), Failure> {
        while let Some(topic) = self.waiting.pop_front() {
            if let Some(topic) = publish(client, topic, QoS::AtLeastOnce)? {
                self.waiting.push_front(topic);
                break;
            }
        }
        Ok(())
    }

    /// Whether everything is sent; not whether it is acknowledged.
    pub(super) fn is_done(&self) -> bool {
        self.waiting.is_empty()
    }
}

/// Gives the topic back if it has to wait.
fn publish(client: &mut Engine, topic: TopicName, qos: QoS) -> Result<Option<TopicName>, Failure> {
    let qos = qos.min(client.connected().limits.maximum_qos);
    let mut publication = Publication::new(topic, Bytes::new(), qos);
    publication.retain = true;
    match client.publish(publication) {
        Ok(_) => Ok(None),
        Err(PublishError::QuotaFull(back) | PublishError::NotConnected(back)) => {
            Ok(Some(back.topic))
        }
        Err(error) => Err(Failure::new(
            Exit::Usage,
            format!("cannot clear a retained message: {error}"),
        )),
    }
}

/// The broker does not let a retained message be cleared.
pub(super) fn check(reason: ReasonCode, reason_string: Option<&str>) -> Result<(), Failure> {
    if !reason.is_error() {
        return Ok(());
    }
    let says = Says(reason_string);
    let code = reason.0;
    Err(Failure::new(
        Exit::Refused(reason),
        format!("the broker refused to clear a retained message: 0x{code:02x}{says}"),
    ))
}
