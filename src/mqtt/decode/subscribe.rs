//! SUBSCRIBE, SUBACK, UNSUBSCRIBE and UNSUBACK, 3.8 to 3.11.

use super::super::packet::{Codes, Filters, Packet, Subscribe};
use super::super::packet_type::PacketType;
use super::super::property::Value;
use super::super::reason::ReasonCode;
use super::super::rule::{Detail, Rule, Violation};
use super::super::topic::{self, TopicError};
use super::super::version::Version;
use super::cursor::{Decoder, StringRules};
use super::{Field, Sink};

impl<'a, S: Sink<'a>> Decoder<'a, '_, S> {
    pub(super) fn subscribe(&mut self) -> Result<Packet<'a>, Violation> {
        let packet_id = self.packet_id(Rule::PacketIdZero)?;
        let (properties, _) = self.properties(PacketType::SUBSCRIBE)?;
        let start = self.pos;
        if self.ends_here() {
            self.violate(Rule::SubscribeEmpty, start, 0, Detail::None)?;
        }
        while !self.is_at_end() {
            let filter_start = self.pos;
            let rules = StringRules::new(Rule::Utf8Filter, Rule::NullInTopic);
            let filter = self.string(Field::Filter, rules)?;
            self.check_filter(filter, filter_start)?;
            self.options(filter)?;
        }
        self.finish(Rule::LeftOver)?;
        Ok(Packet::Subscribe(Subscribe {
            packet_id,
            properties,
            filters: self.filters(start, true),
        }))
    }

    pub(super) fn unsubscribe(&mut self) -> Result<Packet<'a>, Violation> {
        let packet_id = self.packet_id(Rule::PacketIdZero)?;
        let (properties, _) = self.properties(PacketType::UNSUBSCRIBE)?;
        let start = self.pos;
        if self.ends_here() {
            self.violate(Rule::UnsubscribeEmpty, start, 0, Detail::None)?;
        }
        while !self.is_at_end() {
            let filter_start = self.pos;
            let rules = StringRules::new(Rule::Utf8UnsubscribeFilter, Rule::NullInTopic);
            let filter = self.string(Field::Filter, rules)?;
            self.check_filter(filter, filter_start)?;
        }
        self.finish(Rule::LeftOver)?;
        Ok(Packet::Unsubscribe(Subscribe {
            packet_id,
            properties,
            filters: self.filters(start, false),
        }))
    }

    fn filters(&self, start: usize, with_options: bool) -> Filters<'a> {
        let bytes = self.bytes.get(start..self.pos).unwrap_or_default();
        Filters::from_checked(bytes, with_options)
    }

    fn check_filter(&mut self, filter: &str, start: usize) -> Result<(), Violation> {
        let len = self.pos - start;
        let checked = match self.version {
            Version::V5 => topic::parse_shared(filter).map(|_| ()),
            Version::V31 | Version::V311 => topic::check_filter(filter),
        };
        let rule = match checked {
            Err(TopicError::Empty) if len == 2 => Rule::FilterEmpty,
            Err(TopicError::HashPosition(_)) => Rule::FilterHash,
            Err(TopicError::PlusPosition(_)) => Rule::FilterPlus,
            Err(TopicError::ShareIncomplete) => Rule::ShareIncomplete,
            Err(TopicError::ShareName(_)) => Rule::ShareName,
            // Not a fault of a filter, impossible by the length prefix, or reported with the
            // string.
            Err(
                TopicError::Empty
                | TopicError::NullCharacter(_)
                | TopicError::TooLong(_)
                | TopicError::WildcardInName(..),
            )
            | Ok(()) => return Ok(()),
        };
        self.violate(rule, start, len, Detail::None)
    }

    fn options(&mut self, filter: &str) -> Result<(), Violation> {
        let byte = self.byte(Field::SubscriptionOptions)?;
        let at = self.pos - 1;
        let reserved = match self.version {
            Version::V5 => 0b1100_0000,
            Version::V31 | Version::V311 => 0b1111_1100,
        };
        if byte & reserved != 0 {
            let found = Detail::Found(u32::from(byte));
            self.violate(Rule::OptionsReserved, at, 1, found)?;
        }
        if byte & 0b11 == 0b11 {
            self.break_packet(Rule::OptionsQosThree, at, 1, Detail::None)?;
        }
        if self.version == Version::V5 {
            if byte >> 4 & 0b11 == 0b11 {
                self.violate(Rule::RetainHandlingThree, at, 1, Detail::None)?;
            }
            if byte & 0b100 != 0 && topic::is_shared(filter) {
                self.violate(Rule::NoLocalOnShared, at, 1, Detail::None)?;
            }
        }
        Ok(())
    }

    pub(super) fn suback(&mut self) -> Result<Packet<'a>, Violation> {
        let packet_id = self.packet_id(Rule::CodesIdZero)?;
        let (properties, _) = self.properties(PacketType::SUBACK)?;
        let codes = self.codes(PacketType::SUBACK, Rule::SubAckCode, Rule::SubAckEmpty)?;
        self.finish(Rule::LeftOver)?;
        Ok(Packet::SubAck(Codes {
            packet_id,
            properties,
            codes,
        }))
    }

    pub(super) fn unsuback(&mut self) -> Result<Packet<'a>, Violation> {
        let packet_id = self.packet_id(Rule::CodesIdZero)?;
        let (properties, _) = self.properties(PacketType::UNSUBACK)?;
        let codes = match self.version {
            Version::V5 => self.codes(
                PacketType::UNSUBACK,
                Rule::UnsubAckCode,
                Rule::UnsubAckEmpty,
            )?,
            // No payload before 5.0 (3.1.1, 3.11.3); the caller reports bytes left over.
            Version::V31 | Version::V311 => &[],
        };
        self.finish(Rule::LeftOver)?;
        Ok(Packet::UnsubAck(Codes {
            packet_id,
            properties,
            codes,
        }))
    }

    /// The codes up to the end of the packet.
    fn codes(
        &mut self,
        packet: PacketType,
        not_allowed: Rule,
        empty: Rule,
    ) -> Result<&'a [u8], Violation> {
        let codes = self.rest();
        if self.ends_here() {
            self.violate(empty, self.pos, 0, Detail::None)?;
        }
        for (at, &code) in (self.pos..).zip(codes) {
            self.sink.field(Field::Code, at, at + 1, Value::Byte(code));
            let allowed = match self.version {
                Version::V5 => ReasonCode(code).is_allowed_in(packet, None),
                Version::V311 => matches!(code, 0..=2 | 0x80),
                // 3.1 has no failure code.
                Version::V31 => code <= 2,
            };
            if !allowed {
                self.violate(not_allowed, at, 1, Detail::Code(ReasonCode(code)))?;
            }
        }
        self.pos = self.end;
        Ok(codes)
    }
}
