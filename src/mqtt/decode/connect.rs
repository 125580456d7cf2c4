//! CONNECT, 3.1, and CONNACK, 3.2.

use super::super::packet::{ConnAck, Connect, Packet, Will};
use super::super::packet_type::PacketType;
use super::super::property::{PropertyId, WILL, read_prefixed};
use super::super::qos::QoS;
use super::super::reason::ReasonCode;
use super::super::rule::{Detail, Rule, Violation};
use super::super::topic;
use super::super::version::Version;
use super::cursor::{Decoder, StringRules};
use super::{Field, Sink};

const CLIENT_ID: StringRules = StringRules::new(Rule::Utf8ClientId, Rule::NullCharacter);
const WILL_TOPIC: StringRules = StringRules::new(Rule::Utf8WillTopic, Rule::NullInTopic);
const USER_NAME: StringRules = StringRules::new(Rule::Utf8UserName, Rule::NullCharacter);

/// Bit 7 of the level, see [`Connect::bridge`].
const BRIDGE_BIT: u8 = 0x80;

/// The version whose layout to read a CONNECT with: that of its level, the bridge bit aside. An
/// unknown level is read like its neighbours, for later ones are more likely to look like 5.0.
/// `None` if the level is not there.
pub(super) fn version_to_read_as(variable_header: &[u8]) -> Option<Version> {
    let name = read_prefixed(variable_header)?;
    let level = variable_header.get(2 + name.len())? & !BRIDGE_BIT;
    let nearest = match (name, level) {
        // RSMB has a level 2 with a name of its own.
        (b"MQIsdp" | b"MQIpdp", _) => Version::V31,
        (_, 6..) => Version::V5,
        _ => Version::V311,
    };
    Some(Version::from_level(level).unwrap_or(nearest))
}

/// The Connect Flags byte.
#[derive(Clone, Copy)]
struct Flags(u8);

impl Flags {
    const fn reserved(self) -> bool {
        self.0 & 0x01 != 0
    }
    const fn clean_start(self) -> bool {
        self.0 & 0x02 != 0
    }
    const fn will(self) -> bool {
        self.0 & 0x04 != 0
    }
    const fn will_qos(self) -> u8 {
        self.0 >> 3 & 0b11
    }
    const fn will_retain(self) -> bool {
        self.0 & 0x20 != 0
    }
    const fn password(self) -> bool {
        self.0 & 0x40 != 0
    }
    const fn username(self) -> bool {
        self.0 & 0x80 != 0
    }
}

impl<'a, S: Sink<'a>> Decoder<'a, '_, S> {
    pub(super) fn connect(&mut self) -> Result<Packet<'a>, Violation> {
        let bridge = self.protocol()?;
        let flags = self.connect_flags()?;
        let keep_alive = self.u16(Field::KeepAlive)?;
        let (properties, seen) = self.properties(PacketType::CONNECT)?;
        if seen.has(PropertyId::AUTHENTICATION_DATA)
            && seen.lacks(PropertyId::AUTHENTICATION_METHOD)
        {
            let list = self.pos - properties.as_bytes().len();
            let at = properties
                .position(PropertyId::AUTHENTICATION_DATA)
                .unwrap_or(0);
            self.violate(Rule::AuthenticationDataAlone, list + at, 1, Detail::None)?;
        }
        let client_id = self.client_id(flags)?;
        let will = if flags.will() {
            Some(self.will(flags)?)
        } else {
            None
        };
        let username = if flags.username() && !self.may_be_missing(Rule::UserNameMissing)? {
            Some(self.string(Field::UserName, USER_NAME)?)
        } else {
            None
        };
        let password = if flags.password() && !self.may_be_missing(Rule::PasswordMissing)? {
            Some(self.binary(Field::Password)?)
        } else {
            None
        };
        let all_announced = flags.will() && flags.username() && flags.password();
        self.finish(if all_announced {
            Rule::LeftOver
        } else {
            Rule::ConnectLeftOver
        })?;
        Ok(Packet::Connect(Connect {
            version: self.version,
            bridge,
            clean_start: flags.clean_start(),
            keep_alive,
            properties,
            client_id,
            will,
            username,
            password,
        }))
    }

    /// Protocol Name and Protocol Level; gives the bridge bit back.
    fn protocol(&mut self) -> Result<bool, Violation> {
        let name_start = self.pos;
        let name = self.string(Field::ProtocolName, StringRules::PLAIN)?;
        let name_len = self.pos - name_start;
        let level = self.byte(Field::ProtocolLevel)?;
        let level_at = self.pos - 1;
        let bridge = level & BRIDGE_BIT != 0;
        let known = Version::from_level(level & !BRIDGE_BIT);
        if name != known.unwrap_or(self.version).protocol_name() {
            self.violate(Rule::ProtocolName, name_start, name_len, Detail::None)?;
        }
        match known {
            // 5.0 brought options for what the bit is for, so nobody sets it there.
            Some(Version::V31 | Version::V311) if bridge => {
                let found = Detail::Found(u32::from(level));
                self.violate(Rule::BridgeBit, level_at, 1, found)?;
            }
            Some(_) if !bridge => {}
            _ => {
                // The layout of what follows is not known.
                self.record_raw(Field::Extra, self.pos, self.end);
                let found = Detail::Found(u32::from(level));
                return Err(self.fatal(Rule::ProtocolLevel, level_at, 1, found));
            }
        }
        Ok(bridge)
    }

    fn connect_flags(&mut self) -> Result<Flags, Violation> {
        let flags = Flags(self.byte(Field::ConnectFlags)?);
        let at = self.pos - 1;
        if flags.reserved() {
            self.violate(Rule::ConnectReservedFlag, at, 1, Detail::None)?;
        }
        if flags.will() {
            if flags.will_qos() == 3 {
                self.break_packet(Rule::WillQosThree, at, 1, Detail::None)?;
            }
        } else {
            if flags.will_qos() != 0 {
                let qos = Detail::Found(u32::from(flags.will_qos()));
                self.violate(Rule::WillQosWithoutWill, at, 1, qos)?;
            }
            if flags.will_retain() {
                self.violate(Rule::WillRetainWithoutWill, at, 1, Detail::None)?;
            }
        }
        if flags.password() && !flags.username() {
            self.violate(Rule::PasswordWithoutUserName, at, 1, Detail::None)?;
        }
        Ok(flags)
    }

    fn client_id(&mut self, flags: Flags) -> Result<&'a str, Violation> {
        let start = self.pos;
        self.must_be_there(Rule::ClientIdMissing)?;
        let client_id = self.string(Field::ClientId, CLIENT_ID)?;
        let len = self.pos - start;
        if client_id.is_empty() && len == 2 && !flags.clean_start() {
            self.violate(Rule::ClientIdEmpty, start, len, Detail::None)?;
        }
        if self.version == Version::V31 {
            let count = client_id.chars().count();
            if !(1..=23).contains(&count) {
                let found = Detail::Found(count as u32);
                self.violate(Rule::ClientIdLength31, start, len, found)?;
            }
        }
        Ok(client_id)
    }

    fn will(&mut self, flags: Flags) -> Result<Will<'a>, Violation> {
        self.must_be_there(Rule::WillMissing)?;
        let (properties, _) = self.properties(WILL)?;
        self.must_be_there(Rule::WillMissing)?;
        let start = self.pos;
        let topic = self.string(Field::WillTopic, WILL_TOPIC)?;
        let len = self.pos - start;
        match topic::check_name(topic) {
            Err(topic::TopicError::WildcardInName(..)) => {
                self.violate(Rule::WillTopicWildcard, start, len, Detail::None)?;
            }
            Err(topic::TopicError::Empty) if len == 2 => {
                self.violate(Rule::TopicEmpty, start, len, Detail::None)?;
            }
            _ => {}
        }
        self.must_be_there(Rule::WillMissing)?;
        let start = self.pos;
        let payload = self.binary(Field::WillPayload)?;
        self.payload_format(Rule::WillPayloadFormat, properties, payload, start)?;
        Ok(Will {
            qos: QoS::from_u8(flags.will_qos()).unwrap_or_default(),
            retain: flags.will_retain(),
            properties,
            topic,
            payload,
        })
    }

    /// The packet must go on here.
    fn must_be_there(&mut self, rule: Rule) -> Result<(), Violation> {
        if self.ends_here() {
            return Err(self.fatal(rule, self.pos, 0, Detail::None));
        }
        Ok(())
    }

    /// Whether a field that a flag announces is not there, which is legal in 3.1 only: there the
    /// Remaining Length wins over the flag.
    fn may_be_missing(&mut self, rule: Rule) -> Result<bool, Violation> {
        if self.version == Version::V31 {
            return Ok(self.ends_here());
        }
        self.must_be_there(rule)?;
        Ok(false)
    }

    pub(super) fn connack(&mut self) -> Result<Packet<'a>, Violation> {
        let flags = self.byte(Field::AckFlags)?;
        let flags_at = self.pos - 1;
        if flags & !1 != 0 {
            let found = Detail::Found(u32::from(flags));
            self.violate(Rule::ConnAckFlags, flags_at, 1, found)?;
        }
        // Byte 1 means nothing in 3.1.
        let session_present = flags & 1 != 0 && self.version != Version::V31;
        let code = self.byte(Field::ReasonCode)?;
        let reason = ReasonCode(code);
        let known = match self.version {
            Version::V5 => reason.is_allowed_in(PacketType::CONNACK, None),
            Version::V31 | Version::V311 => code <= 5,
        };
        if !known {
            let detail = match self.version {
                Version::V5 => Detail::Code(reason),
                Version::V31 | Version::V311 => Detail::Found(u32::from(code)),
            };
            self.violate(Rule::ConnAckCode, self.pos - 1, 1, detail)?;
        }
        if session_present && code != 0 {
            self.violate(Rule::SessionPresentRefused, flags_at, 1, Detail::None)?;
        }
        let (properties, _) = self.properties(PacketType::CONNACK)?;
        self.finish(Rule::LeftOver)?;
        Ok(Packet::ConnAck(ConnAck {
            session_present,
            code,
            properties,
        }))
    }
}
