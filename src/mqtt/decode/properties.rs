//! Property lists, 5.0 2.2.2.

use super::super::packet_type::PacketType;
use super::super::property::{
    Properties, PropertyId, Range, Row, Value, ValueError, WILL, read_value,
};
use super::super::rule::{Detail, Rule, Violation};
use super::super::topic;
use super::super::varint;
use super::super::version::{Side, Version};
use super::cursor::{Decoder, StringRules};
use super::{Field, Sink};

/// Which properties a list holds.
#[derive(Clone, Copy, Default)]
pub(super) struct Seen {
    /// One bit per identifier.
    ids: u64,
    /// The list was not read to its end, so it may hold others.
    is_partial: bool,
}

impl Seen {
    #[inline]
    pub(super) fn has(self, id: PropertyId) -> bool {
        self.ids >> id.0 & 1 != 0
    }

    /// What is known of a list before which the packet ends.
    #[inline]
    pub(super) fn nothing(is_cut: bool) -> Seen {
        Seen {
            ids: 0,
            is_partial: is_cut,
        }
    }

    /// Whether the list certainly does not hold `id`.
    #[inline]
    pub(super) fn lacks(self, id: PropertyId) -> bool {
        !self.has(id) && !self.is_partial
    }

    #[inline]
    fn add(&mut self, id: PropertyId) {
        self.ids |= 1 << id.0;
    }
}

impl<'a, S: Sink<'a>> Decoder<'a, '_, S> {
    /// The property list of `packet`, or of the will; before 5.0 there is none.
    #[inline]
    pub(super) fn properties(
        &mut self,
        packet: PacketType,
    ) -> Result<(Properties<'a>, Seen), Violation> {
        if self.version != Version::V5 {
            return Ok((Properties::EMPTY, Seen::default()));
        }
        let announced_end = self.property_length(packet)?;
        let list_end = announced_end.min(self.end);
        let start = self.pos;
        let mut seen = Seen {
            ids: 0,
            is_partial: announced_end > list_end,
        };
        while self.pos < list_end {
            self.property(packet, list_end, &mut seen)?;
        }
        let bytes = self.bytes.get(start..list_end).unwrap_or_default();
        Ok((Properties::from_checked(bytes), seen))
    }

    /// Reads Property Length: where the list ends, which is behind the bytes only if they are cut.
    #[inline]
    fn property_length(&mut self, packet: PacketType) -> Result<usize, Violation> {
        let start = self.pos;
        if self.ends_here() {
            return Err(self.fatal(Rule::PropertyLengthMissing, start, 0, Detail::None));
        }
        let field = if packet == WILL {
            Field::WillPropertyLength
        } else {
            Field::PropertyLength
        };
        let read = match varint::decode(self.rest()) {
            Ok(read) => read,
            Err(error) => {
                let end = self.end.min(start + 4);
                self.record_raw(field, start, end);
                return Err(match error {
                    varint::Error::Incomplete => self.overrun(self.end - start + 1),
                    varint::Error::TooLong => {
                        self.fatal(Rule::VarIntTooLong, start, 4, Detail::None)
                    }
                });
            }
        };
        self.pos += read.len;
        self.sink
            .field(field, start, self.pos, Value::VarInt(read.value));
        if read.is_overlong() {
            self.violate(
                Rule::VarIntOverlong,
                start,
                read.len,
                Detail::Found(read.value),
            )?;
        }
        let list_end = self.pos + read.value as usize;
        if list_end <= self.end || self.is_cut {
            return Ok(list_end);
        }
        // Nobody knows where the list really ends, so nothing behind this can be trusted.
        let has = (self.end - self.pos) as u32;
        let detail = Detail::Length {
            says: read.value,
            has,
        };
        self.record_raw(Field::Extra, self.pos, self.end);
        Err(self.fatal(Rule::PropertyLength, start, read.len, detail))
    }

    /// Reads one property of a list that ends at `list_end`.
    #[inline]
    fn property(
        &mut self,
        packet: PacketType,
        list_end: usize,
        seen: &mut Seen,
    ) -> Result<(), Violation> {
        let start = self.pos;
        let list = self.bytes.get(start..list_end).unwrap_or_default();
        let id = match varint::decode(list) {
            Ok(id) => id,
            Err(varint::Error::Incomplete) => {
                return self.skip_list(Rule::PropertyCut, list_end, Detail::None);
            }
            Err(varint::Error::TooLong) => {
                return self.skip_list(Rule::VarIntTooLong, list_end, Detail::None);
            }
        };
        if id.is_overlong() {
            self.violate(Rule::VarIntOverlong, start, id.len, Detail::Found(id.value))?;
        }
        let Some(row) = PropertyId(id.value).row() else {
            let detail = Detail::Found(id.value);
            return self.skip_list(Rule::PropertyUnknown, list_end, detail);
        };
        let detail = Detail::Property {
            id: row.id,
            packet,
            value: None,
        };
        let (value, len) = match read_value(row.kind, list.get(id.len..).unwrap_or_default()) {
            Ok(read) => read,
            Err(ValueError::Cut) => return self.skip_list(Rule::PropertyCut, list_end, detail),
            Err(ValueError::VarIntTooLong) => {
                self.record_raw(Field::Extra, start, start + id.len);
                self.pos += id.len;
                return self.skip_list(Rule::VarIntTooLong, list_end, detail);
            }
        };
        self.pos += id.len + len;
        let field = if packet == WILL {
            Field::WillProperty(row.id)
        } else {
            Field::Property(row.id)
        };
        self.sink.field(field, start, self.pos, value);

        let span = self.pos - start;
        if !row.is_allowed_in(packet) {
            self.violate(Rule::PropertyNotAllowed, start, span, detail)?;
        } else if seen.has(row.id) && !row.may_repeat_in(packet) {
            let rule = match (packet, row.id) {
                (
                    PacketType::PUBLISH,
                    PropertyId::PAYLOAD_FORMAT_INDICATOR | PropertyId::MESSAGE_EXPIRY_INTERVAL,
                ) => Rule::PropertyRepeatedUnclear,
                _ => Rule::PropertyRepeated,
            };
            self.violate(rule, start, span, detail)?;
        }
        seen.add(row.id);
        self.check_value(row, packet, value, start + id.len)?;
        self.check_direction(row.id, packet, start, span)
    }

    /// The rest of the list cannot be read: its bytes are kept, and reading goes on behind it.
    #[cold]
    fn skip_list(&mut self, rule: Rule, list_end: usize, detail: Detail) -> Result<(), Violation> {
        let (start, len) = (self.pos, list_end - self.pos);
        self.record_raw(Field::Extra, start, list_end);
        self.pos = list_end;
        match self.broken {
            Some(_) if self.is_cut && list_end == self.end => Ok(()),
            _ => self.break_packet(rule, start, len, detail),
        }
    }

    /// Checks the value that ends at `pos`.
    #[inline]
    fn check_value(
        &mut self,
        row: &Row,
        packet: PacketType,
        value: Value<'a>,
        start: usize,
    ) -> Result<(), Violation> {
        let len = self.pos - start;
        match value {
            Value::Str(text) => {
                self.check_string(text, start, len, string_rules(row.id))?;
                if row.range == Range::TopicName {
                    let rule = match topic::check_name(&String::from_utf8_lossy(text)) {
                        Err(topic::TopicError::WildcardInName(..)) => Rule::ResponseTopicWildcard,
                        Err(topic::TopicError::Empty) => Rule::ResponseTopicEmpty,
                        _ => return Ok(()),
                    };
                    self.violate(rule, start, len, Detail::None)?;
                }
                return Ok(());
            }
            Value::Pair(name, text) => {
                let name_len = 2 + name.len();
                self.check_string(name, start, name_len, StringRules::PAIR)?;
                let text_start = start + name_len;
                self.check_string(text, text_start, 2 + text.len(), StringRules::PAIR)?;
                return Ok(());
            }
            Value::VarInt(number) if varint::encoded_len(number) != len => {
                self.violate(Rule::VarIntOverlong, start, len, Detail::Found(number))?;
            }
            _ => {}
        }
        let Some(number) = value.number() else {
            return Ok(());
        };
        let rule = match (row.range, row.id) {
            (Range::Flag, PropertyId::PAYLOAD_FORMAT_INDICATOR) if number > 1 => {
                Rule::PropertyValueUnclear
            }
            (Range::Flag, _) if number > 1 => Rule::PropertyValue,
            (Range::NonZero, PropertyId::TOPIC_ALIAS) if number == 0 => Rule::TopicAliasZero,
            (Range::NonZero, _) if number == 0 => Rule::PropertyValue,
            _ => return Ok(()),
        };
        let detail = Detail::Property {
            id: row.id,
            packet,
            value: Some(number),
        };
        self.violate(rule, start, len, detail)
    }

    #[inline]
    fn check_direction(
        &mut self,
        id: PropertyId,
        packet: PacketType,
        start: usize,
        span: usize,
    ) -> Result<(), Violation> {
        let rule = match (packet, id, self.from) {
            (PacketType::PUBLISH, PropertyId::SUBSCRIPTION_IDENTIFIER, Some(Side::Client)) => {
                Rule::SubscriptionIdFromClient
            }
            (PacketType::DISCONNECT, PropertyId::SESSION_EXPIRY_INTERVAL, Some(Side::Server)) => {
                Rule::SessionExpiryFromServer
            }
            _ => return Ok(()),
        };
        self.violate(rule, start, span, Detail::None)
    }
}

const fn string_rules(id: PropertyId) -> StringRules {
    match id {
        PropertyId::RESPONSE_TOPIC => StringRules::new(Rule::Utf8ResponseTopic, Rule::NullInTopic),
        PropertyId::CONTENT_TYPE => StringRules::new(Rule::Utf8ContentType, Rule::NullCharacter),
        _ => StringRules::PLAIN,
    }
}
