//! What the server sends: one packet in, at most one event out.

use bytes::Bytes;

use super::super::error::{Lost, ProtocolError, Refusal};
use super::super::event::{Connected, Event, ServerLimits, Token};
use super::super::message::{Message, TopicName};
use super::aliases::Aliases;
use super::{Phase, Protocol};
use crate::mqtt::decode::{Context, Strict, decode, old_refusal};
use crate::mqtt::flow::{PubRec, Received};
use crate::mqtt::packet::{Ack, AckKind, ConnAck, Packet, Publish, Reason};
use crate::mqtt::rule::{Detail, Rule, Violation};
use crate::mqtt::{
    PacketType, Properties, PropertiesBuf, PropertyId, QoS, ReasonCode, Side, Version,
};

pub(super) type Handled = Result<Option<Event>, ProtocolError>;

impl Protocol {
    /// Handles one whole packet.
    pub(super) fn handle_packet(&mut self, bytes: &Bytes) -> Handled {
        let context = Context {
            version: self.version(),
            from: Some(Side::Server),
        };
        if let Some(return_code) = self.old_refusal(bytes) {
            let mut refusal = self.refusal(
                PacketType::CONNACK,
                Reason::new(ReasonCode::from_return_code(return_code)),
            );
            (refusal.version, refusal.code) = (Version::V311, return_code);
            self.phase = Phase::Closed;
            return Ok(Some(Event::Closed(Lost::Refused(Box::new(refusal)))));
        }
        let packet = decode(bytes, context, &mut Strict).map_err(|violation| {
            let byte1 = bytes.first().copied().unwrap_or_default();
            ProtocolError::Violation {
                packet: PacketType::from_byte1(byte1),
                violation,
            }
        })?;
        if let Some(trace) = &self.trace {
            trace.received(&packet);
        }
        if let Phase::Connecting { clean_start, .. } = self.phase {
            return match packet {
                Packet::ConnAck(connack) => Ok(Some(self.handle_connack(&connack, clean_start))),
                Packet::Auth(reason) => self.handle_auth(reason),
                other => Err(ProtocolError::Unexpected {
                    packet: other.packet_type(),
                    before_connack: true,
                }),
            };
        }
        match packet {
            Packet::Publish(publish) => self.handle_publish(bytes, &publish),
            Packet::Ack(ack) => {
                self.check_ack(&ack)?;
                Ok(self.handle_ack(&ack))
            }
            Packet::SubAck(codes) => self.handle_codes(PacketType::SUBACK, &codes),
            Packet::UnsubAck(codes) => self.handle_codes(PacketType::UNSUBACK, &codes),
            Packet::PingResp => {
                if !self.keep_alive.handle_pingresp() {
                    return Ok(None);
                }
                self.handle_answer();
                Ok(Some(Event::Pong))
            }
            Packet::Disconnect(reason) if self.version() == Version::V5 => {
                let refusal = self.refusal(PacketType::DISCONNECT, reason);
                self.close(Lost::Disconnected(Box::new(refusal)));
                Ok(None)
            }
            Packet::Auth(reason) => self.handle_auth(reason),
            other => Err(ProtocolError::Unexpected {
                packet: other.packet_type(),
                before_connack: false,
            }),
        }
    }

    /// The return code of a server that does not know 5.0.
    fn old_refusal(&self, bytes: &Bytes) -> Option<u8> {
        let waits = matches!(self.phase, Phase::Connecting { .. });
        old_refusal(bytes).filter(|_| waits && self.version() == Version::V5)
    }

    fn handle_connack(&mut self, connack: &ConnAck<'_>, clean_start: bool) -> Event {
        let reason = connack.reason(self.version());
        if connack.code != 0 {
            let mut refusal = self.refusal(
                PacketType::CONNACK,
                Reason {
                    reason,
                    properties: connack.properties,
                },
            );
            refusal.code = connack.code;
            self.phase = Phase::Closed;
            return Event::Closed(Lost::Refused(Box::new(refusal)));
        }
        self.phase = Phase::Connected;
        self.limits = ServerLimits::from_connack(connack);
        let keep_alive = connack
            .properties
            .number(PropertyId::SERVER_KEEP_ALIVE)
            .and_then(|seconds| u16::try_from(seconds).ok())
            .unwrap_or(self.options.keep_alive);
        self.keep_alive.set_interval(keep_alive);
        let assigned = (connack.properties).text(PropertyId::ASSIGNED_CLIENT_IDENTIFIER);
        if let Some(id) = assigned {
            self.client_id = Some(id.into());
        }
        let client_id = match &self.client_id {
            Some(id) => id.clone(),
            None => self.options.client_id.as_str().into(),
        };
        let maximum = self.limits.topic_alias_maximum;
        self.own_aliases =
            (self.options.topic_aliases && maximum > 0).then(|| Box::new(Aliases::new(maximum)));
        // `[MQTT-3.2.2-4]` asks a client without session of its own to hang up here. A tool whose
        // every run is a new process is such a client each time, and wants its messages.
        //
        // 3.1 has no such flag: there a session that was not to be cleaned counts as kept. A server
        // that sets it although the session was to be cleaned (against `[MQTT-3.2.2-2]`) has
        // nothing of ours.
        let kept = connack.session_present || self.version() == Version::V31;
        let inflight = match self.version() {
            Version::V5 => None,
            Version::V31 | Version::V311 => self.options.max_inflight_unannounced,
        };
        let inflight = inflight.or(self.options.max_inflight).unwrap_or(u16::MAX);
        let receive_maximum = self.limits.receive_maximum.min(inflight);
        self.start_session(kept && !clean_start, receive_maximum);
        Event::Connected(Connected {
            version: self.version(),
            fallen_back: None,
            session_present: connack.session_present,
            client_id,
            keep_alive,
            limits: self.limits,
            properties: connack.properties.to_buf(),
        })
    }

    fn handle_publish(&mut self, bytes: &Bytes, publish: &Publish<'_>) -> Handled {
        let topic = self.resolve_topic(bytes, publish)?;
        if !self.take_publish(publish)? {
            return Ok(None);
        }
        Ok(Some(Event::Message(Message {
            topic,
            payload: bytes.slice_ref(publish.payload),
            qos: publish.qos,
            retain: publish.retain,
            dup: publish.dup,
            packet_id: publish.packet_id,
            properties: match publish.properties.is_empty() {
                true => PropertiesBuf::new(),
                false => publish.properties.to_buf(),
            },
        })))
    }

    /// Acknowledges a message; `false` if it has been delivered before.
    pub(super) fn take_publish(&mut self, publish: &Publish<'_>) -> Result<bool, ProtocolError> {
        match self
            .session
            .incoming
            .handle_publish(publish.qos, publish.packet_id)
        {
            Received::Deliver => {}
            Received::Duplicate => {
                self.send_ack(AckKind::PubRec, publish.packet_id, ReasonCode::SUCCESS);
                return Ok(false);
            }
            Received::QuotaExceeded => {
                return Err(self.violation(Rule::ServerReceiveMaximumExceeded, Detail::None));
            }
        }
        match publish.qos {
            QoS::AtMostOnce => {}
            QoS::AtLeastOnce => {
                self.send_ack(AckKind::PubAck, publish.packet_id, ReasonCode::SUCCESS);
                self.session.incoming.acknowledge();
            }
            QoS::ExactlyOnce => {
                self.send_ack(AckKind::PubRec, publish.packet_id, ReasonCode::SUCCESS);
            }
        }
        Ok(true)
    }

    /// The topic, through the Topic Alias if there is one (5.0, 3.3.2.3.4).
    fn resolve_topic(
        &mut self,
        bytes: &Bytes,
        publish: &Publish<'_>,
    ) -> Result<TopicName, ProtocolError> {
        let sent = || TopicName::from_checked(bytes.slice_ref(publish.topic.as_bytes()));
        let alias = match publish.properties.is_empty() {
            true => None,
            false => publish.properties.number(PropertyId::TOPIC_ALIAS),
        };
        let Some(alias) = alias else {
            return Ok(sent());
        };
        // `[MQTT-3.1.2-26]`, `[MQTT-3.1.2-27]`: without a maximum there are no aliases.
        let maximum = self
            .options
            .number(PropertyId::TOPIC_ALIAS_MAXIMUM)
            .unwrap_or(0);
        if alias > maximum {
            return Err(self.violation(Rule::ServerTopicAliasTooHigh, Detail::Found(alias)));
        }
        // The decoder lets no alias 0 through.
        let index = alias.saturating_sub(1) as usize;
        if publish.topic.is_empty() {
            return match self.aliases.get(index) {
                Some(Some(topic)) => Ok(topic.clone()),
                Some(None) | None => {
                    Err(self.violation(Rule::TopicAliasUnknown, Detail::Found(alias)))
                }
            };
        }
        if self.aliases.len() <= index {
            self.aliases.resize(index + 1, None);
        }
        if let Some(slot) = self.aliases.get_mut(index) {
            // A copy: the alias must not keep the whole read buffer alive.
            let copy = Bytes::copy_from_slice(publish.topic.as_bytes());
            *slot = Some(TopicName::from_checked(copy));
        }
        Ok(sent())
    }

    /// What answers another QoS than the message has would never end the exchange.
    pub(super) fn check_ack(&self, ack: &Ack<'_>) -> Result<(), ProtocolError> {
        let wrong = match ack.kind {
            AckKind::PubAck => QoS::ExactlyOnce,
            AckKind::PubRec => QoS::AtLeastOnce,
            AckKind::PubRel | AckKind::PubComp => return Ok(()),
        };
        match self.session.outgoing.unanswered(ack.packet_id) {
            Some(qos) if qos == wrong => Err(ProtocolError::WrongAck {
                qos,
                packet: ack.kind.packet_type(),
            }),
            _ => Ok(()),
        }
    }

    pub(super) fn handle_ack(&mut self, ack: &Ack<'_>) -> Option<Event> {
        let id = ack.packet_id;
        match ack.kind {
            AckKind::PubAck => {
                let token = self.take_puback(id)?;
                Some(Event::Published {
                    token,
                    reason: ack.reason,
                    reason_string: reason_string(ack.properties),
                })
            }
            AckKind::PubRec => match self.session.outgoing.handle_pubrec(id, ack.reason) {
                PubRec::Release(stored) => {
                    let done = (stored.token, ack.reason);
                    self.session.rest().released.insert(id, done);
                    self.handle_answer();
                    self.send_ack(AckKind::PubRel, id, ReasonCode::SUCCESS);
                    None
                }
                PubRec::ReleaseAgain => {
                    self.send_ack(AckKind::PubRel, id, ReasonCode::SUCCESS);
                    None
                }
                PubRec::Refused(stored) => {
                    self.handle_answer();
                    self.send_waiting();
                    Some(Event::Published {
                        token: stored.token,
                        reason: ack.reason,
                        reason_string: reason_string(ack.properties),
                    })
                }
                // A refusal needs no PUBREL; anything else is released, so that the server can
                // forget it.
                PubRec::Unknown => {
                    if !ack.reason.is_error() {
                        let reason = ReasonCode::PACKET_IDENTIFIER_NOT_FOUND;
                        self.send_ack(AckKind::PubRel, id, reason);
                    }
                    None
                }
            },
            AckKind::PubRel => {
                let reason = match self.session.incoming.handle_pubrel(id) {
                    true => ReasonCode::SUCCESS,
                    false => ReasonCode::PACKET_IDENTIFIER_NOT_FOUND,
                };
                self.send_ack(AckKind::PubComp, id, reason);
                None
            }
            AckKind::PubComp => {
                if !self.session.outgoing.handle_pubcomp(id) {
                    return None;
                }
                self.handle_answer();
                self.send_waiting();
                // PUBCOMP has no code that takes the PUBREC's acceptance back: 0x92 only says that
                // a repeated PUBREL found nothing any more.
                let (token, reason) = self.session.rest().released.remove(&id)?;
                Some(Event::Published {
                    token,
                    reason,
                    reason_string: reason_string(ack.properties),
                })
            }
        }
    }

    /// A PUBACK came: the message that it ends.
    #[inline]
    pub(super) fn take_puback(&mut self, id: u16) -> Option<Token> {
        let token = (self.session.outgoing).handle_puback_of(id, |stored| stored.token)?;
        self.handle_answer();
        self.send_waiting();
        Some(token)
    }

    fn refusal(&self, packet: PacketType, reason: Reason<'_>) -> Refusal {
        let text = |id| reason.properties.text(id).map(str::to_owned);
        Refusal {
            packet,
            version: self.version(),
            code: reason.reason.0,
            reason: reason.reason,
            reason_string: text(PropertyId::REASON_STRING),
            server_reference: text(PropertyId::SERVER_REFERENCE),
        }
    }

    fn violation(&self, rule: Rule, detail: Detail) -> ProtocolError {
        ProtocolError::Violation {
            packet: PacketType::PUBLISH,
            violation: Violation {
                rule,
                version: self.version(),
                offset: 0,
                len: 0,
                detail,
            },
        }
    }
}

pub(super) fn reason_string(properties: Properties<'_>) -> Option<String> {
    properties
        .text(PropertyId::REASON_STRING)
        .map(str::to_owned)
}
