//! What servers answer.

use super::{Source, context};
use crate::capture::CapturedPacket;
use crate::cmd::capture_replay::step::{Action, Answer};
use crate::mqtt::decode::{Strict, decode};
use crate::mqtt::packet::{Ack, AckKind};
use crate::mqtt::{Packet, PacketType, PropertyId, ReasonCode, Version};

impl Source {
    pub(super) fn of_server(&mut self, packet: &CapturedPacket, packet_type: PacketType) {
        if packet_type == PacketType::PUBLISH {
            self.delivery(packet);
            return;
        }
        let is_answer = matches!(
            packet_type,
            PacketType::CONNACK
                | PacketType::SUBACK
                | PacketType::UNSUBACK
                | PacketType::DISCONNECT
        );
        if !is_answer {
            self.acknowledged(packet);
            return;
        }
        let Ok(decoded) = decode(&packet.bytes, context(packet), &mut Strict) else {
            return;
        };
        let Some(stream) = self.streams.get_mut(&packet.at.stream) else {
            return;
        };
        let reasons = |codes: &crate::mqtt::packet::Codes<'_>| codes.reasons().collect::<Vec<_>>();
        let answer = match &decoded {
            Packet::ConnAck(connack) => {
                let own = connack.properties.number(PropertyId::SERVER_KEEP_ALIVE);
                if let Some(seconds) = own {
                    stream.keep_alive = u16::try_from(seconds).unwrap_or(u16::MAX);
                }
                // What it has from a connection that is not played, nobody has now.
                let id = stream.captured_id.as_deref();
                let is_whole = !id.is_some_and(|id| self.known.is_played_in_part(id));
                let has_session = is_whole && packet.version > Version::V31;
                stream.connect.take().map(|number| Answer::Connected {
                    number,
                    reason: connack.reason(packet.version),
                    session_present: has_session.then_some(connack.session_present),
                })
            }
            Packet::SubAck(codes) => stream.outstanding.remove(&codes.packet_id).map(|number| {
                let mut reasons = reasons(codes);
                // Of what is asked for, no more is granted.
                for granted in reasons.iter_mut().filter(|code| !code.is_error()) {
                    granted.0 = granted.0.min(self.settings.rewrite.max_qos.as_u8());
                }
                Answer::Subscribed { number, reasons }
            }),
            Packet::UnsubAck(codes) => stream.outstanding.remove(&codes.packet_id).map(|number| {
                let reasons = reasons(codes);
                Answer::Unsubscribed { number, reasons }
            }),
            Packet::Disconnect(reason) => {
                stream.farewell = Some(reason.reason);
                None
            }
            _ => None,
        };
        if let Some(answer) = answer {
            self.answered(packet.at.stream, answer);
        }
    }

    /// The end of an exchange frees its identifier: a later PUBLISH with it is a new message.
    pub(super) fn acknowledged(&mut self, packet: &CapturedPacket) {
        let Ok(Packet::Ack(ack)) = decode(&packet.bytes, context(packet), &mut Strict) else {
            return;
        };
        let Some(stream) = self.streams.get_mut(&packet.at.stream) else {
            return;
        };
        if ack.kind == AckKind::PubRel {
            stream.unreleased.remove(&ack.packet_id);
        }
        if !ends_exchange(&ack) {
            // It says what the end of the exchange does not say again.
            if ack.kind == AckKind::PubRec && ack.reason != ReasonCode::SUCCESS {
                stream.accepted.insert(ack.packet_id, ack.reason);
            }
            return;
        }
        let accepted = stream.accepted.remove(&ack.packet_id);
        if let Some(number) = stream.outstanding.remove(&ack.packet_id) {
            let reason = match ack.kind {
                AckKind::PubComp => accepted.unwrap_or(ReasonCode::SUCCESS),
                _ => ack.reason,
            };
            self.answered(packet.at.stream, Answer::Published { number, reason });
        }
    }

    pub(super) fn answered(&mut self, stream: u64, answer: Answer) {
        if self.settings.mode != super::Mode::Sessions {
            return;
        }
        let Some(stream) = self.streams.get(&stream) else {
            return;
        };
        if let Some(live) = &stream.live {
            let (session, time) = (live.session, stream.last_time);
            self.push(session, time, Action::Answered(answer));
        }
    }

    /// A PUBREC of a client with an error ends the exchange.
    pub(super) fn refused_by_client(&mut self, packet: &CapturedPacket) {
        if let Ok(Packet::Ack(ack)) = decode(&packet.bytes, context(packet), &mut Strict)
            && ack.reason.is_error()
            && let Some(stream) = self.streams.get_mut(&packet.at.stream)
        {
            stream.unreleased.remove(&ack.packet_id);
        }
    }
}

fn ends_exchange(ack: &Ack<'_>) -> bool {
    match ack.kind {
        AckKind::PubAck | AckKind::PubComp => true,
        AckKind::PubRec => ack.reason.is_error(),
        AckKind::PubRel => false,
    }
}
