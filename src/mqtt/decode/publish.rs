//! PUBLISH, 3.3.

use super::super::packet::{Packet, Publish};
use super::super::packet_type::PacketType;
use super::super::property::{Properties, PropertyId, Value};
use super::super::qos::QoS;
use super::super::rule::{Detail, Rule, Violation};
use super::super::topic;
use super::super::version::{Side, Version};
use super::cursor::{Decoder, StringRules};
use super::{Field, Sink};

const TOPIC: StringRules = StringRules::new(Rule::Utf8Topic, Rule::NullInTopic);

impl<'a, S: Sink<'a>> Decoder<'a, '_, S> {
    #[inline]
    pub(super) fn publish(&mut self, byte1: u8) -> Result<Packet<'a>, Violation> {
        let dup = byte1 & 0x08 != 0;
        let qos_bits = byte1 >> 1 & 0b11;
        let qos = match QoS::from_u8(qos_bits) {
            Some(qos) => qos,
            None => {
                self.break_packet(Rule::QosThree, 0, 1, Detail::None)?;
                // For the recording sink: a packet identifier is more likely there than not.
                QoS::ExactlyOnce
            }
        };
        if dup && qos_bits == 0 {
            self.violate(Rule::DupAtQosZero, 0, 1, Detail::None)?;
        }
        let topic_start = self.pos;
        let topic = self.string(Field::Topic, TOPIC)?;
        let topic_len = self.pos - topic_start;
        if topic::has_wildcard(topic) {
            self.violate(Rule::TopicWildcard, topic_start, topic_len, Detail::None)?;
        }
        let packet_id = if qos == QoS::AtMostOnce {
            0
        } else {
            self.packet_id(match self.from {
                Some(Side::Client) => Rule::PacketIdZero,
                Some(Side::Server) => Rule::ServerPacketIdZero,
                None => Rule::PublishIdZero,
            })?
        };
        let (properties, seen) = self.properties(PacketType::PUBLISH)?;
        // A topic that is not UTF-8 is empty here too, and has been reported.
        if topic_len == 2 && seen.lacks(PropertyId::TOPIC_ALIAS) {
            let rule = match self.version {
                Version::V5 => Rule::TopicEmptyWithoutAlias,
                Version::V31 | Version::V311 => Rule::TopicEmpty,
            };
            self.violate(rule, topic_start, topic_len, Detail::None)?;
        }
        let payload = self.rest();
        self.payload_format(Rule::PayloadFormat, properties, payload, self.pos)?;
        self.sink
            .field(Field::Payload, self.pos, self.end, Value::Binary(payload));
        self.pos = self.end;
        self.finish(Rule::LeftOver)?;
        Ok(Packet::Publish(Publish {
            dup,
            qos,
            retain: byte1 & 0x01 != 0,
            topic,
            packet_id,
            properties,
            payload,
        }))
    }

    /// A payload that begins at `start`, against the Payload Format Indicator beside it. The standard
    /// leaves it to the receiver to look, so only the recording sink does.
    #[inline]
    pub(super) fn payload_format(
        &mut self,
        rule: Rule,
        properties: Properties<'a>,
        payload: &[u8],
        start: usize,
    ) -> Result<(), Violation> {
        if !S::RECORDS || properties.number(PropertyId::PAYLOAD_FORMAT_INDICATOR) != Some(1) {
            return Ok(());
        }
        // A will's payload has its length in front, and is read already.
        let len = payload.len().max(self.pos - start);
        match std::str::from_utf8(payload) {
            // The rest of the last character may be what is missing.
            Err(error) if error.error_len().is_some() || !self.is_cut => {
                self.violate(rule, start, len, Detail::None)
            }
            _ => Ok(()),
        }
    }
}
