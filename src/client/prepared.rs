//! Messages that are published again and again, and differ in a few bytes: their PUBLISH is encoded
//! once, and each sending copies it and writes over what differs.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};

use super::event::ServerLimits;
use super::message::Publication;
use crate::mqtt::encode::{self, EncodeError};
use crate::mqtt::packet::Packet;
use crate::mqtt::{QoS, Version};

/// Bytes at the front of the payload that may differ.
pub const MAX_PATCH: usize = 24;

/// A message whose packet is ready. Cheap to clone; connections may share it.
#[derive(Debug, Clone)]
pub struct Prepared(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    publication: Publication,
    version: Version,
    frame: Box<[u8]>,
    /// Where its payload begins.
    payload_at: usize,
    /// Where its Packet Identifier stands; 0 with QoS 0.
    packet_id_at: usize,
}

/// What differs from the prepared message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Patch {
    bytes: [u8; MAX_PATCH],
    len: u8,
}

impl Prepared {
    /// Encodes the packet.
    ///
    /// # Errors
    /// If it is too long.
    pub fn new(publication: Publication, version: Version) -> Result<Prepared, EncodeError> {
        let mut frame = Vec::new();
        let packet = Packet::Publish(publication.as_packet(0, false));
        encode::encode(&packet, version, &mut frame)?;
        let payload_at = frame.len().saturating_sub(publication.payload.len());
        let properties = encode::publish_properties_len(&publication.as_packet(0, false), version);
        let packet_id_at = match publication.qos {
            QoS::AtMostOnce => 0,
            QoS::AtLeastOnce | QoS::ExactlyOnce => payload_at.saturating_sub(properties + 2),
        };
        Ok(Prepared(Arc::new(Inner {
            publication,
            version,
            frame: frame.into_boxed_slice(),
            payload_at,
            packet_id_at,
        })))
    }

    /// The message, as it was given.
    pub fn publication(&self) -> &Publication {
        &self.0.publication
    }

    /// Whether both are the same, not only alike.
    #[inline]
    pub(super) fn is(&self, other: &Prepared) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Bytes of its packet, fixed header included.
    pub fn packet_len(&self) -> usize {
        self.0.frame.len()
    }

    /// Whether the packet is right for such a connection, without a look at every limit.
    pub(super) fn fits(&self, version: Version, limits: &ServerLimits) -> bool {
        let publication = &self.0.publication;
        self.0.version == version
            && self.packet_len() <= limits.packet_limit()
            && publication.qos <= limits.maximum_qos
            && (limits.retain_available || !publication.retain)
            // Only a message with properties can have a Topic Alias.
            && publication.properties.as_properties().is_empty()
    }

    /// Appends the packet.
    pub(super) fn append(&self, patch: &Patch, packet_id: u16, out: &mut BytesMut) {
        let inner = &*self.0;
        let start = out.len();
        out.extend_from_slice(&inner.frame);
        let Some(frame) = out.get_mut(start..) else {
            return;
        };
        if inner.packet_id_at > 0
            && let Some(place) = frame.get_mut(inner.packet_id_at..inner.packet_id_at + 2)
        {
            place.copy_from_slice(&packet_id.to_be_bytes());
        }
        let patch = patch.as_bytes();
        if let Some(place) = frame.get_mut(inner.payload_at..inner.payload_at + patch.len()) {
            place.copy_from_slice(patch);
        }
    }

    /// The message with what differs.
    pub(super) fn patched(&self, patch: &Patch) -> Publication {
        let mut publication = self.0.publication.clone();
        let mut payload = publication.payload.to_vec();
        let patch = patch.as_bytes();
        if let Some(place) = payload.get_mut(..patch.len()) {
            place.copy_from_slice(patch);
        }
        publication.payload = Bytes::from(payload);
        publication
    }
}

impl Patch {
    /// At most [`MAX_PATCH`] bytes, and no more than the payload has; what is beyond is left out.
    pub(super) fn new(bytes: &[u8], prepared: &Prepared) -> Patch {
        let most = MAX_PATCH.min(prepared.0.publication.payload.len());
        let bytes = bytes.get(..most).unwrap_or(bytes);
        let mut patch = Patch {
            bytes: [0; MAX_PATCH],
            len: bytes.len() as u8,
        };
        if let Some(place) = patch.bytes.get_mut(..bytes.len()) {
            place.copy_from_slice(bytes);
        }
        patch
    }

    fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::TopicName;
    use crate::mqtt::property::Value;
    use crate::mqtt::{PropertyId, decode};

    /// For every version, QoS and kind of payload: what is appended is what encoding gives.
    #[test]
    fn a_prepared_packet_is_the_encoded_one() {
        for version in [Version::V31, Version::V311, Version::V5] {
            for qos in [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce] {
                for len in [0, 3, 24, 25, 200, 20_000] {
                    let topic = TopicName::new("a/b").unwrap();
                    let mut publication = Publication::new(topic, vec![7; len], qos);
                    publication.retain = len == 3;
                    if len == 25 {
                        let format = PropertyId::CONTENT_TYPE;
                        let value = Value::Str(b"text/plain");
                        publication.properties.push(format, value).unwrap();
                    }
                    let prepared = Prepared::new(publication, version).unwrap();
                    let patch = Patch::new(&[9; 10], &prepared);
                    let mut out = BytesMut::from(&b"before"[..]);
                    prepared.append(&patch, 0x0102, &mut out);
                    let expected = prepared.patched(&patch);
                    let changed = len.min(10);
                    assert_eq!(expected.payload[..changed], vec![9; changed][..]);
                    assert!(expected.payload[changed..].iter().all(|&byte| byte == 7));
                    let mut encoded = b"before".to_vec();
                    let packet = Packet::Publish(expected.as_packet(0x0102, false));
                    encode::encode(&packet, version, &mut encoded).unwrap();
                    assert_eq!(out, encoded, "{version} {qos} {len}");
                    assert_eq!(out.len() - 6, prepared.packet_len());
                    let context = decode::Context {
                        version,
                        from: None,
                    };
                    decode::decode(&out[6..], context, &mut decode::Strict).unwrap();
                }
            }
        }
    }
}
