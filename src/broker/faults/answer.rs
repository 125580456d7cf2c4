//! Answers that the core has not given.

use bytes::{Bytes, BytesMut};

use crate::mqtt::encode::encode;
use crate::mqtt::packet::{Ack, AckKind, Codes, ConnAck, Reason};
use crate::mqtt::{Packet, PacketType, Properties, QoS, ReasonCode, Side, Version};

/// What stands for a packet that is refused.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    /// For the client.
    pub(super) answer: Option<Bytes>,
    /// The connection is over.
    pub(super) breaks: bool,
}

/// Who sends packets of this type that can be refused: a client its requests, the broker its
/// answers. `None`: nobody; there is no answer with a code, or in PUBREC's case the broker would
/// wait for what comes after it.
pub const fn can_refuse(packet_type: PacketType) -> Option<Side> {
    match packet_type {
        PacketType::CONNECT
        | PacketType::PUBLISH
        | PacketType::PUBREL
        | PacketType::SUBSCRIBE
        | PacketType::UNSUBSCRIBE => Some(Side::Client),
        PacketType::CONNACK
        | PacketType::PUBACK
        | PacketType::PUBCOMP
        | PacketType::SUBACK
        | PacketType::UNSUBACK => Some(Side::Server),
        _ => None,
    }
}

/// What stands for `packet`; `None`: there is nothing to refuse.
pub(super) fn refuse(packet: &Packet<'_>, version: Version, code: ReasonCode) -> Option<Refusal> {
    let is_v5 = version == Version::V5;
    let breaks = |breaks| Refusal {
        answer: None,
        breaks,
    };
    let ack = |kind, packet_id| match is_v5 {
        true => answer(&Packet::Ack(Ack::new(kind, packet_id, code)), version),
        false => breaks(true),
    };
    let codes = |packet_id, codes| Codes {
        packet_id,
        properties: Properties::EMPTY,
        codes,
    };
    Some(match packet {
        Packet::Connect(connect) => Refusal {
            breaks: true,
            ..connack(connect.version, code)
        },
        Packet::ConnAck(_) => Refusal {
            breaks: true,
            ..connack(version, code)
        },
        Packet::Publish(publish) => match publish.qos {
            // There is no answer to lose.
            QoS::AtMostOnce => breaks(false),
            QoS::AtLeastOnce => ack(AckKind::PubAck, publish.packet_id),
            QoS::ExactlyOnce => ack(AckKind::PubRec, publish.packet_id),
        },
        Packet::Ack(sent) => match sent.kind {
            AckKind::PubRel => ack(AckKind::PubComp, sent.packet_id),
            kind => ack(kind, sent.packet_id),
        },
        Packet::Subscribe(subscribe) => {
            let count = subscribe.filters.iter().count();
            suback(version, subscribe.packet_id, count, code)?
        }
        Packet::SubAck(sent) => suback(version, sent.packet_id, sent.codes.len(), code)?,
        Packet::Unsubscribe(unsubscribe) if is_v5 => {
            let all = vec![code.0; unsubscribe.filters.iter().count()];
            answer(
                &Packet::UnsubAck(codes(unsubscribe.packet_id, &all)),
                version,
            )
        }
        Packet::UnsubAck(sent) if is_v5 => {
            let all = vec![code.0; sent.codes.len()];
            answer(&Packet::UnsubAck(codes(sent.packet_id, &all)), version)
        }
        Packet::Unsubscribe(_) | Packet::UnsubAck(_) => breaks(true),
        _ => return None,
    })
}

fn connack(version: Version, code: ReasonCode) -> Refusal {
    let connack = ConnAck {
        session_present: false,
        code: match version {
            Version::V5 => code.0,
            Version::V31 | Version::V311 => code.to_return_code(),
        },
        properties: Properties::EMPTY,
    };
    answer(&Packet::ConnAck(connack), version)
}

fn suback(version: Version, packet_id: u16, count: usize, code: ReasonCode) -> Option<Refusal> {
    let code = match version {
        Version::V5 => code.0,
        // The only one that there is.
        Version::V311 => 0x80,
        Version::V31 => {
            return Some(Refusal {
                answer: None,
                breaks: true,
            });
        }
    };
    let codes = vec![code; count];
    let suback = Codes {
        packet_id,
        properties: Properties::EMPTY,
        codes: &codes,
    };
    Some(answer(&Packet::SubAck(suback), version))
}

fn answer(packet: &Packet<'_>, version: Version) -> Refusal {
    Refusal {
        answer: bytes(packet, version),
        breaks: false,
    }
}

/// DISCONNECT from the server; before 5.0 there is none.
pub(super) fn disconnect(version: Version, code: ReasonCode) -> Option<Bytes> {
    match version {
        Version::V5 => bytes(&Packet::Disconnect(Reason::new(code)), version),
        Version::V31 | Version::V311 => None,
    }
}

fn bytes(packet: &Packet<'_>, version: Version) -> Option<Bytes> {
    let mut bytes = BytesMut::new();
    encode(packet, version, &mut bytes).ok()?;
    Some(bytes.freeze())
}
