//! The packet model: one for all versions, borrowed from the bytes it was read from.
//!
//! 3.1 and 3.1.1 are 5.0 without properties and without most reason codes, so their packets have
//! empty [`Properties`] and [`ReasonCode::SUCCESS`] where the wire has nothing.

use super::packet_type::PacketType;
use super::property::Properties;
use super::qos::QoS;
use super::reason::ReasonCode;
use super::version::Version;

/// A control packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packet<'a> {
    /// CONNECT, 3.1.
    Connect(Connect<'a>),
    /// CONNACK, 3.2.
    ConnAck(ConnAck<'a>),
    /// PUBLISH, 3.3.
    Publish(Publish<'a>),
    /// PUBACK, PUBREC, PUBREL and PUBCOMP, 3.4 to 3.7.
    Ack(Ack<'a>),
    /// SUBSCRIBE, 3.8.
    Subscribe(Subscribe<'a>),
    /// SUBACK, 3.9.
    SubAck(Codes<'a>),
    /// UNSUBSCRIBE, 3.10.
    Unsubscribe(Subscribe<'a>),
    /// UNSUBACK, 3.11. No codes before 5.0.
    UnsubAck(Codes<'a>),
    /// PINGREQ, 3.12.
    PingReq,
    /// PINGRESP, 3.13.
    PingResp,
    /// DISCONNECT, 3.14.
    Disconnect(Reason<'a>),
    /// AUTH, 3.15. 5.0 only.
    Auth(Reason<'a>),
}

impl Packet<'_> {
    /// The type in the fixed header.
    pub fn packet_type(&self) -> PacketType {
        match self {
            Packet::Connect(_) => PacketType::CONNECT,
            Packet::ConnAck(_) => PacketType::CONNACK,
            Packet::Publish(_) => PacketType::PUBLISH,
            Packet::Ack(ack) => ack.kind.packet_type(),
            Packet::Subscribe(_) => PacketType::SUBSCRIBE,
            Packet::SubAck(_) => PacketType::SUBACK,
            Packet::Unsubscribe(_) => PacketType::UNSUBSCRIBE,
            Packet::UnsubAck(_) => PacketType::UNSUBACK,
            Packet::PingReq => PacketType::PINGREQ,
            Packet::PingResp => PacketType::PINGRESP,
            Packet::Disconnect(_) => PacketType::DISCONNECT,
            Packet::Auth(_) => PacketType::AUTH,
        }
    }
}

/// A client's request to connect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Connect<'a> {
    /// From Protocol Name and Protocol Level.
    pub version: Version,
    /// Bit 7 of the level, which no specification has: mosquitto and RSMB set it on bridges
    /// (0x83, 0x84).
    pub bridge: bool,
    /// Clean Start; Clean Session before 5.0.
    pub clean_start: bool,
    /// Seconds; 0 turns it off.
    pub keep_alive: u16,
    /// 5.0 only.
    pub properties: Properties<'a>,
    /// May be empty, see `[MQTT-3.1.3-6]`.
    pub client_id: &'a str,
    /// What to publish if the connection breaks.
    pub will: Option<Will<'a>>,
    /// User Name.
    pub username: Option<&'a str>,
    /// Password: any bytes.
    pub password: Option<&'a [u8]>,
}

/// A Will Message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Will<'a> {
    /// Will QoS.
    pub qos: QoS,
    /// Will Retain.
    pub retain: bool,
    /// Will Properties, 5.0 only.
    pub properties: Properties<'a>,
    /// Will Topic.
    pub topic: &'a str,
    /// Will Payload.
    pub payload: &'a [u8],
}

/// A server's answer to CONNECT.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConnAck<'a> {
    /// Whether the server kept a session. Always false in 3.1.
    pub session_present: bool,
    /// The code as sent: a Reason Code in 5.0, a return code 0 to 5 before.
    pub code: u8,
    /// 5.0 only.
    pub properties: Properties<'a>,
}

impl ConnAck<'_> {
    /// The code as a 5.0 Reason Code.
    pub fn reason(&self, version: Version) -> ReasonCode {
        match version {
            Version::V5 => ReasonCode(self.code),
            Version::V31 | Version::V311 => ReasonCode::from_return_code(self.code),
        }
    }
}

/// A message on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Publish<'a> {
    /// Whether this is a repeat; only with QoS 1 and 2.
    pub dup: bool,
    /// Quality of Service.
    pub qos: QoS,
    /// RETAIN.
    pub retain: bool,
    /// Topic Name; in 5.0 empty if the Topic Alias stands for it.
    pub topic: &'a str,
    /// Packet Identifier; 0 with QoS 0, which has none on the wire.
    pub packet_id: u16,
    /// 5.0 only.
    pub properties: Properties<'a>,
    /// Application Message.
    pub payload: &'a [u8],
}

/// Which of the four acknowledgements of a PUBLISH.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AckKind {
    /// Answers a QoS 1 PUBLISH.
    PubAck,
    /// Answers a QoS 2 PUBLISH.
    PubRec,
    /// Answers PUBREC.
    PubRel,
    /// Answers PUBREL.
    PubComp,
}

impl AckKind {
    /// The type in the fixed header.
    pub const fn packet_type(self) -> PacketType {
        match self {
            AckKind::PubAck => PacketType::PUBACK,
            AckKind::PubRec => PacketType::PUBREC,
            AckKind::PubRel => PacketType::PUBREL,
            AckKind::PubComp => PacketType::PUBCOMP,
        }
    }
}

/// PUBACK, PUBREC, PUBREL or PUBCOMP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ack<'a> {
    /// Which one.
    pub kind: AckKind,
    /// That of the PUBLISH (5.0 `[MQTT-2.2.1-5]`, 3.1.1 `[MQTT-2.3.1-6]`).
    pub packet_id: u16,
    /// 5.0 only; success before.
    pub reason: ReasonCode,
    /// 5.0 only.
    pub properties: Properties<'a>,
}

impl Ack<'static> {
    /// An acknowledgement without properties.
    pub const fn new(kind: AckKind, packet_id: u16, reason: ReasonCode) -> Ack<'static> {
        Ack {
            kind,
            packet_id,
            reason,
            properties: Properties::EMPTY,
        }
    }
}

/// SUBSCRIBE; UNSUBSCRIBE too, whose filters have no options.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Subscribe<'a> {
    /// 1 to 65535.
    pub packet_id: u16,
    /// 5.0 only.
    pub properties: Properties<'a>,
    /// At least one (`[MQTT-3.8.3-2]`).
    pub filters: Filters<'a>,
}

/// SUBACK or UNSUBACK: one code for each filter, in the order of the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Codes<'a> {
    /// That of the request (5.0 `[MQTT-2.2.1-6]`, 3.1.1 `[MQTT-2.3.1-7]`).
    pub packet_id: u16,
    /// 5.0 only.
    pub properties: Properties<'a>,
    /// The codes as sent; see [`reasons`](Self::reasons).
    pub codes: &'a [u8],
}

impl<'a> Codes<'a> {
    /// The codes as Reason Codes. The failure code 0x80 of 3.1.1 is the same number in 5.0.
    pub fn reasons(&self) -> impl Iterator<Item = ReasonCode> + use<'a> {
        self.codes.iter().map(|&code| ReasonCode(code))
    }
}

/// The body of DISCONNECT and AUTH.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reason<'a> {
    /// 5.0 only; success before.
    pub reason: ReasonCode,
    /// 5.0 only.
    pub properties: Properties<'a>,
}

impl Reason<'static> {
    /// A reason without properties.
    pub const fn new(reason: ReasonCode) -> Reason<'static> {
        Reason {
            reason,
            properties: Properties::EMPTY,
        }
    }
}

/// What a subscriber asks for, per filter (5.0, 3.8.3.1). Before 5.0 only the QoS exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct SubscriptionOptions {
    /// The highest QoS at which messages may come.
    pub qos: QoS,
    /// Do not send back what this client published itself.
    pub no_local: bool,
    /// Keep the RETAIN bit that a message was published with.
    pub retain_as_published: bool,
    /// 0: send retained messages, 1: only if the subscription is new, 2: do not.
    pub retain_handling: u8,
}

impl SubscriptionOptions {
    /// Only a QoS, as in 3.1.1.
    pub const fn at(qos: QoS) -> SubscriptionOptions {
        SubscriptionOptions {
            qos,
            no_local: false,
            retain_as_published: false,
            retain_handling: 0,
        }
    }

    /// Reads the options byte; `None` if the QoS is 3. Reserved bits are ignored.
    pub const fn from_byte(byte: u8) -> Option<SubscriptionOptions> {
        match QoS::from_u8(byte & 0b11) {
            Some(qos) => Some(SubscriptionOptions {
                qos,
                no_local: byte & 0b100 != 0,
                retain_as_published: byte & 0b1000 != 0,
                retain_handling: byte >> 4 & 0b11,
            }),
            None => None,
        }
    }

    /// The options byte of 5.0; only the QoS before.
    pub const fn to_byte(self, version: Version) -> u8 {
        match version {
            Version::V31 | Version::V311 => self.qos.as_u8(),
            Version::V5 => {
                self.qos.as_u8()
                    | (self.no_local as u8) << 2
                    | (self.retain_as_published as u8) << 3
                    | (self.retain_handling & 0b11) << 4
            }
        }
    }
}

/// The filters of a SUBSCRIBE or UNSUBSCRIBE, as they stand in the packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Filters<'a> {
    bytes: &'a [u8],
    with_options: bool,
}

impl<'a> Filters<'a> {
    /// Takes bytes that the decoder has checked.
    pub(super) fn from_checked(bytes: &'a [u8], with_options: bool) -> Filters<'a> {
        Filters {
            bytes,
            with_options,
        }
    }

    /// The encoded list.
    pub fn as_bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Each filter with its options, in the order of the packet; for UNSUBSCRIBE the options are
    /// the default.
    pub fn iter(&self) -> impl Iterator<Item = (&'a str, SubscriptionOptions)> + use<'a> {
        let Filters {
            mut bytes,
            with_options,
        } = *self;
        std::iter::from_fn(move || {
            let filter = super::property::read_prefixed(bytes)?;
            bytes = bytes.get(2 + filter.len()..)?;
            let options = if with_options {
                let (&byte, rest) = bytes.split_first()?;
                bytes = rest;
                SubscriptionOptions::from_byte(byte)?
            } else {
                SubscriptionOptions::default()
            };
            Some((std::str::from_utf8(filter).ok()?, options))
        })
    }
}

/// A filter list to build and to send.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FiltersBuf {
    bytes: Vec<u8>,
}

/// A filter of more than 65,535 bytes (`[MQTT-4.7.3-3]`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a topic filter has {0} bytes, and 65535 is the limit")]
pub struct FilterTooLong(pub usize);

impl FiltersBuf {
    /// The filters of a SUBSCRIBE for `version`.
    ///
    /// # Errors
    /// If a filter is longer than the standard allows.
    pub fn subscribe<'f>(
        filters: impl IntoIterator<Item = (&'f str, SubscriptionOptions)>,
        version: Version,
    ) -> Result<FiltersBuf, FilterTooLong> {
        let mut list = FiltersBuf::default();
        for (filter, options) in filters {
            list.push(filter)?;
            list.bytes.push(options.to_byte(version));
        }
        Ok(list)
    }

    /// The filters of an UNSUBSCRIBE.
    ///
    /// # Errors
    /// If a filter is longer than the standard allows.
    pub fn unsubscribe<'f>(
        filters: impl IntoIterator<Item = &'f str>,
    ) -> Result<FiltersBuf, FilterTooLong> {
        let mut list = FiltersBuf::default();
        for filter in filters {
            list.push(filter)?;
        }
        Ok(list)
    }

    fn push(&mut self, filter: &str) -> Result<(), FilterTooLong> {
        let len = u16::try_from(filter.len()).map_err(|_| FilterTooLong(filter.len()))?;
        self.bytes.extend_from_slice(&len.to_be_bytes());
        self.bytes.extend_from_slice(filter.as_bytes());
        Ok(())
    }

    /// The list with the options it was built with ([`subscribe`](Self::subscribe)).
    pub fn with_options(&self) -> Filters<'_> {
        Filters::from_checked(&self.bytes, true)
    }

    /// The list without options ([`unsubscribe`](Self::unsubscribe)).
    pub fn without_options(&self) -> Filters<'_> {
        Filters::from_checked(&self.bytes, false)
    }
}
