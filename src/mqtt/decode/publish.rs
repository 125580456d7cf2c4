//! PUBLISH, 3.3.

use super::super::packet::{Packet, Publish};
use super::super::packet_type::PacketType;
use super::super::property::{PropertyId, Value};
use super::super::qos::QoS;
use super::super::rule::{Detail, Rule, Violation};
use super::super::topic;
use super::super::version::Version;
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
            self.packet_id(Rule::PacketIdZero)?
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
}
