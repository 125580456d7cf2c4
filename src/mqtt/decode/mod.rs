//! The one decoder, for 3.1, 3.1.1 and 5.0, one packet at a time.
//!
//! It is generic over a small [`Sink`]: [`Strict`] ignores fields and stops at the first error
//! (the broker, the client, bench); [`Recorder`] keeps every field with its place and every
//! violation, and goes on as far as the bytes allow (decode). The code is the same, so what the
//! inspector says is what the broker does.

mod acks;
mod connect;
mod cursor;
mod properties;
mod publish;
mod sink;
mod subscribe;

pub use sink::{Field, FieldRecord, Recorder, Section, Sink, Strict};

use super::frame::{FixedHeader, FrameError};
use super::packet::{AckKind, Packet};
use super::packet_type::PacketType;
use super::property::Value;
use super::rule::{Detail, Rule, Violation};
use super::version::{Side, Version};
use cursor::Decoder;

/// What the decoder must know about a packet beside its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Context {
    /// How to read it. CONNECT brings its own version and ignores this one.
    pub version: Version,
    /// Who sent it, if that is known.
    pub from: Option<Side>,
}

/// Decodes one whole packet, fixed header included. Bytes behind it are ignored.
///
/// # Errors
/// The first violation that the sink does not let pass, or the one that makes it impossible to
/// represent the packet.
#[inline]
pub fn decode<'a, S: Sink<'a>>(
    bytes: &'a [u8],
    context: Context,
    sink: &mut S,
) -> Result<Packet<'a>, Violation> {
    let mut decoder = Decoder::new(bytes, context, sink);
    let header = decoder.fixed_header()?;
    decoder.packet(header)
}

/// The version that [`decode`] reads `packet` as if it is a CONNECT, whose Protocol Level decides;
/// an unknown level is read as the version nearest to it. `None` if it is no CONNECT, or ends
/// before the level.
pub fn connect_version(packet: &[u8]) -> Option<Version> {
    let header = FixedHeader::parse(packet).ok().flatten()?;
    if header.packet_type() != PacketType::CONNECT {
        return None;
    }
    connect::version_to_read_as(packet.get(header.len..)?)
}

/// The return code of a CONNACK as 3.1.1 writes it, if it refuses a client: how a server that has
/// never heard of 5.0 answers a CONNECT of it (3.1.1, `[MQTT-3.1.2-2]`). In 5.0 a CONNACK is a byte
/// longer, so that it means nothing else there.
pub fn old_refusal(packet: &[u8]) -> Option<u8> {
    match *packet {
        [0x20, 2, 0, code @ 1..=5] => Some(code),
        _ => None,
    }
}

impl<'a, S: Sink<'a>> Decoder<'a, '_, S> {
    #[inline]
    fn fixed_header(&mut self) -> Result<FixedHeader, Violation> {
        let bytes = self.bytes;
        if let Some(&byte1) = bytes.first() {
            self.sink.field(Field::Byte1, 0, 1, Value::Byte(byte1));
        }
        let header = match FixedHeader::parse(bytes) {
            Ok(Some(header)) => header,
            Ok(None) => {
                self.record_raw(Field::RemainingLength, 1, bytes.len());
                return Err(self.fatal(Rule::Incomplete, bytes.len(), 0, Detail::None));
            }
            Err(FrameError::RemainingLengthTooLong | FrameError::PacketTooLarge { .. }) => {
                self.record_raw(Field::RemainingLength, 1, 5);
                return Err(self.fatal(Rule::RemainingLengthTooLong, 1, 4, Detail::None));
            }
        };
        let remaining_length = header.remaining_length;
        let value = Value::VarInt(remaining_length);
        self.sink
            .field(Field::RemainingLength, 1, header.len, value);
        self.pos = header.len;
        self.end = header.packet_len().min(bytes.len());
        if header.packet_type() == PacketType::CONNECT {
            self.version = connect::version_to_read_as(self.rest()).unwrap_or(self.version);
        }
        if header.len > 2 && header.len - 1 != super::varint::encoded_len(remaining_length) {
            // Only one of the two rules exists in each version.
            let detail = Detail::Found(remaining_length);
            self.violate(Rule::VarIntOverlong, 1, header.len - 1, detail)?;
            self.violate(Rule::RemainingLengthOverlong, 1, header.len - 1, detail)?;
        }
        if bytes.len() < header.packet_len() {
            self.is_cut = true;
            let has = (bytes.len() - header.len) as u32;
            let detail = Detail::Length {
                says: remaining_length,
                has,
            };
            self.broken = Some(self.fatal(Rule::Incomplete, bytes.len(), 0, detail));
            if !S::RECORDS {
                return self.broken.map_or(Ok(header), Err);
            }
        }
        Ok(header)
    }

    #[inline]
    fn packet(&mut self, header: FixedHeader) -> Result<Packet<'a>, Violation> {
        let packet_type = header.packet_type();
        if !packet_type.is_defined(self.version) {
            self.record_raw(Field::Extra, self.pos, self.end);
            let found = Detail::Found(u32::from(packet_type.0));
            return Err(self.fatal(Rule::ReservedType, 0, 1, found));
        }
        if let Some(from) = self.from
            && !packet_type.may_be_sent_by(from, self.version)
        {
            self.violate(Rule::WrongDirection, 0, 1, Detail::None)?;
        }
        if let Some(expected) = packet_type.fixed_flags() {
            let found = header.byte1 & 0x0f;
            if found != expected {
                let detail = Detail::Bits { found, expected };
                self.violate(flags_rule(packet_type), 0, 1, detail)?;
            }
        }
        // Each arm returns the result as it was made, since a packet is large to move around.
        match packet_type {
            PacketType::PUBLISH => self.publish(header.byte1),
            PacketType::PUBACK => self.ack(AckKind::PubAck),
            PacketType::PUBREC => self.ack(AckKind::PubRec),
            PacketType::PUBREL => self.ack(AckKind::PubRel),
            PacketType::PUBCOMP => self.ack(AckKind::PubComp),
            PacketType::CONNECT => self.connect(),
            PacketType::CONNACK => self.connack(),
            PacketType::SUBSCRIBE => self.subscribe(),
            PacketType::UNSUBSCRIBE => self.unsubscribe(),
            PacketType::SUBACK => self.suback(),
            PacketType::UNSUBACK => self.unsuback(),
            PacketType::PINGREQ => self.finish(Rule::LeftOver).map(|()| Packet::PingReq),
            PacketType::PINGRESP => self.finish(Rule::LeftOver).map(|()| Packet::PingResp),
            PacketType::DISCONNECT => self.disconnect(),
            // Every type that `is_defined` lets through has its arm; 15 is the last.
            _ => self.auth(),
        }
    }
}

/// The rule on the reserved flags of this type: some types have statements of their own.
const fn flags_rule(packet_type: PacketType) -> Rule {
    match packet_type {
        PacketType::PUBREL => Rule::PubRelFlags,
        PacketType::SUBSCRIBE => Rule::SubscribeFlags,
        PacketType::UNSUBSCRIBE => Rule::UnsubscribeFlags,
        PacketType::DISCONNECT => Rule::DisconnectFlags,
        PacketType::AUTH => Rule::AuthFlags,
        _ => Rule::Flags,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_of_connect() {
        let with = |name: &[u8], level| {
            let head = [0x10, 10 + name.len() as u8, 0, name.len() as u8];
            [&head[..], name, &[level], b"\x02\x00\x3c\x00\x01a"].concat()
        };
        for (name, level, version) in [
            (&b"MQIsdp"[..], 3, Version::V31),
            (b"MQTT", 4, Version::V311),
            (b"MQTT", 5, Version::V5),
            (b"MQTT", 0x84, Version::V311), // a bridge
            (b"MQIsdp", 0x83, Version::V31),
            (b"MQTT", 6, Version::V5), // not yet known: likely like the newest
            (b"MQIpdp", 2, Version::V31),
        ] {
            let packet = with(name, level);
            assert_eq!(connect_version(&packet), Some(version), "{packet:02x?}");
            // What is wrong in it is said of that version.
            let mut record = Recorder::default();
            let context = Context {
                version: Version::V311,
                from: None,
            };
            let _ = decode(&packet, context, &mut record);
            for violation in record.violations {
                assert_eq!(violation.version, version, "{violation}");
            }
        }
        assert_eq!(connect_version(b"\x10\x0d\x00\x04MQTT"), None);
        assert_eq!(connect_version(b"\xc0\x00"), None);
    }
}
