//! Messages: to publish, and received. Payloads and topics are shared, not copied.

use std::fmt;

use bytes::Bytes;

use crate::mqtt::packet::Publish;
use crate::mqtt::topic::{self, TopicError};
use crate::mqtt::{PropertiesBuf, QoS};

/// A checked Topic Name: 1 to 65,535 bytes of UTF-8 without wildcard and U+0000. Cheap to clone.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TopicName(Bytes);

impl TopicName {
    /// Checks and takes a name.
    ///
    /// # Errors
    /// [`TopicError`] if it is not a Topic Name (4.7).
    pub fn new(name: impl Into<String>) -> Result<TopicName, TopicError> {
        let name = name.into();
        topic::check_name(&name)?;
        Ok(TopicName(Bytes::from(name)))
    }

    /// Takes a part of a packet that the decoder has checked.
    pub(super) fn from_checked(name: Bytes) -> TopicName {
        TopicName(name)
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        // Checked when it was made, so the empty string never comes out.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// Its bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for TopicName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for TopicName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

/// A message to publish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Publication {
    /// Where to.
    pub topic: TopicName,
    /// The Application Message.
    pub payload: Bytes,
    /// Quality of Service.
    pub qos: QoS,
    /// RETAIN.
    pub retain: bool,
    /// 5.0 only; left out before.
    pub properties: PropertiesBuf,
}

impl Publication {
    /// A message without properties.
    pub fn new(topic: TopicName, payload: impl Into<Bytes>, qos: QoS) -> Publication {
        Publication {
            topic,
            payload: payload.into(),
            qos,
            retain: false,
            properties: PropertiesBuf::new(),
        }
    }

    /// The packet for it.
    pub(super) fn as_packet(&self, packet_id: u16, dup: bool) -> Publish<'_> {
        Publish {
            dup,
            qos: self.qos,
            retain: self.retain,
            topic: self.topic.as_str(),
            packet_id,
            properties: self.properties.as_properties(),
            payload: &self.payload,
        }
    }
}

/// A message that came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Its topic; where a Topic Alias stood for it, the topic it stands for.
    pub topic: TopicName,
    /// The Application Message, a part of the read buffer.
    pub payload: Bytes,
    /// Quality of Service it came with.
    pub qos: QoS,
    /// RETAIN.
    pub retain: bool,
    /// DUP.
    pub dup: bool,
    /// Packet Identifier; 0 with QoS 0.
    pub packet_id: u16,
    /// 5.0 only.
    pub properties: PropertiesBuf,
}

impl Message {
    /// The packet that brought it, with the topic in place of an alias.
    pub fn as_packet(&self) -> Publish<'_> {
        Publish {
            dup: self.dup,
            qos: self.qos,
            retain: self.retain,
            topic: self.topic.as_str(),
            packet_id: self.packet_id,
            properties: self.properties.as_properties(),
            payload: &self.payload,
        }
    }
}
