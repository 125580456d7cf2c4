//! PUBLISH from a client, and the acknowledgements of both directions.

use std::rc::Rc;

use super::ending::{Cause, Ending};
use super::memory::Level;
use super::message::Message;
use super::{ConnectionId, Core, EventKind, SessionId, Time};
use crate::mqtt::flow::{PubRec, Received};
use crate::mqtt::packet::{Ack, AckKind, Publish};
use crate::mqtt::rule::Rule;
use crate::mqtt::topic::{self, TopicError};
use crate::mqtt::{Packet, PropertyId, QoS, ReasonCode, Version};

impl Core {
    pub(super) fn handle_publish(
        &mut self,
        now: Time,
        id: ConnectionId,
        session_id: SessionId,
        publish: &Publish<'_>,
    ) {
        let topic = match self.resolve_topic(id, publish) {
            Ok(topic) => topic,
            Err(rule) => return self.end_connection(now, id, Ending::Refused(rule.into())),
        };
        let payload = publish.payload.len();
        self.output.counters.publish_received.add(payload);
        let Some(session) = self.sessions.get_mut(&session_id) else {
            return;
        };
        let limits = self.config.listener(session.who.listener);
        let refusal = if publish.qos > limits.max_qos {
            // [MQTT-3.2.2-11]
            Some((ReasonCode::QOS_NOT_SUPPORTED, "a higher QoS than is taken"))
        } else if publish.retain && !self.config.retain_available {
            // [MQTT-3.2.2-14]
            let why = "retained messages are not available";
            Some((ReasonCode::RETAIN_NOT_SUPPORTED, why))
        } else {
            None
        };
        if let Some((reason, why)) = refusal {
            let cause = Cause::Other(reason, why);
            return self.end_connection(now, id, Ending::Refused(cause));
        }
        let received = session
            .incoming
            .handle_publish(publish.qos, publish.packet_id);
        let reason = match received {
            Received::Deliver => {
                let allowed = self
                    .check_publish(session_id, &topic, publish.payload.len())
                    .and_then(|()| self.check_retained(&topic, publish));
                match allowed {
                    Ok(()) => {
                        let source = self.source(session_id, publish.retain);
                        let message = Message::new(now, topic, publish).from(source);
                        let message = Rc::new(message);
                        if self.config.messages {
                            let client_id = self.sessions.get(&session_id).map(|s| &s.client_id);
                            self.output.published(Some(id), client_id, &message);
                        }
                        match self.publish(now, message, session_id) {
                            0 => ReasonCode::NO_MATCHING_SUBSCRIBERS,
                            _ => ReasonCode::SUCCESS,
                        }
                    }
                    Err(code) => self.refuse_publish(id, session_id, topic, publish, code),
                }
            }
            Received::Duplicate => ReasonCode::SUCCESS,
            Received::QuotaExceeded => {
                let rule = Rule::ReceiveMaximumExceeded;
                return self.end_connection(now, id, Ending::Refused(rule.into()));
            }
        };
        // [MQTT-3.3.4-1]
        let kind = match publish.qos {
            QoS::AtMostOnce => return,
            QoS::AtLeastOnce => {
                if let Some(session) = self.sessions.get_mut(&session_id) {
                    session.incoming.acknowledge();
                }
                AckKind::PubAck
            }
            QoS::ExactlyOnce => {
                if let Some(session) = self.sessions.get(&session_id)
                    && session.incoming.is_unreleased(publish.packet_id)
                {
                    self.journal.received(session, publish.packet_id);
                }
                AckKind::PubRec
            }
        };
        self.send(id, &Packet::Ack(Ack::new(kind, publish.packet_id, reason)));
    }

    /// Whether there is room for a message that is to be retained.
    fn check_retained(&self, topic: &str, publish: &Publish<'_>) -> Result<(), ReasonCode> {
        let adds = publish.retain && !publish.payload.is_empty();
        match adds
            && self.memory.is(Level::Half)
            && !self.retained.has(topic, publish.payload.len())
        {
            true => Err(ReasonCode::QUOTA_EXCEEDED),
            false => Ok(()),
        }
    }

    /// A message that is dropped though nothing is wrong with its packet: what to answer. Before
    /// 5.0 there is no word for it, and it is acknowledged like any other.
    fn refuse_publish(
        &mut self,
        id: ConnectionId,
        session_id: SessionId,
        topic: Rc<str>,
        publish: &Publish<'_>,
        code: ReasonCode,
    ) -> ReasonCode {
        let answer = match self.connections.get(&id) {
            Some(connection) => connection.publish_code(code),
            None => code,
        };
        if let Some(session) = self.sessions.get_mut(&session_id) {
            if answer.is_error() && publish.qos == QoS::ExactlyOnce {
                session.incoming.refuse(publish.packet_id);
            }
            self.output.log(
                id,
                Some(&session.client_id),
                EventKind::PublishRefused { topic, code },
            );
        }
        answer
    }

    /// The topic that a PUBLISH is for, by name or by alias.
    fn resolve_topic(&mut self, id: ConnectionId, publish: &Publish<'_>) -> Result<Rc<str>, Rule> {
        let Some(connection) = self.connections.get_mut(&id) else {
            return Err(Rule::TopicAliasUnknown);
        };
        let Some(alias) = publish.properties.number(PropertyId::TOPIC_ALIAS) else {
            check_topic(publish.topic, connection.version)?;
            return Ok(connection.mounted(publish.topic));
        };
        let listener = self.config.listener(connection.peer.listener);
        let alias = u16::try_from(alias)
            .ok()
            .filter(|&alias| alias <= self.config.alias_maximum(listener))
            .ok_or(Rule::TopicAliasTooHigh)?;
        if publish.topic.is_empty() {
            let topic = connection.aliases.get(&alias);
            return topic.cloned().ok_or(Rule::TopicAliasUnknown);
        }
        let topic = connection.mounted(publish.topic);
        connection.set_alias(alias, topic.clone());
        Ok(topic)
    }

    pub(super) fn handle_ack(
        &mut self,
        now: Time,
        id: ConnectionId,
        session_id: SessionId,
        ack: &Ack<'_>,
    ) {
        let packet_id = ack.packet_id;
        let Some(session) = self.sessions.get_mut(&session_id) else {
            return;
        };
        let not_found = ReasonCode::PACKET_IDENTIFIER_NOT_FOUND;
        let answer = match ack.kind {
            AckKind::PubAck => {
                if let Some(outbound) = session.outgoing.handle_puback(packet_id) {
                    self.journal.acknowledged(session, packet_id, &outbound);
                }
                None
            }
            AckKind::PubRec => match session.outgoing.handle_pubrec(packet_id, ack.reason) {
                // [MQTT-4.3.3-4]
                PubRec::Release(outbound) => {
                    self.journal.released(session, packet_id, &outbound);
                    Some((AckKind::PubRel, ReasonCode::SUCCESS))
                }
                PubRec::ReleaseAgain => Some((AckKind::PubRel, ReasonCode::SUCCESS)),
                // [MQTT-4.4.0-2]
                PubRec::Refused(outbound) => {
                    self.journal.acknowledged(session, packet_id, &outbound);
                    None
                }
                PubRec::Unknown if ack.reason.is_error() => None,
                PubRec::Unknown => Some((AckKind::PubRel, not_found)),
            },
            // [MQTT-4.3.3-11]
            AckKind::PubRel => match session.incoming.handle_pubrel(packet_id) {
                true => {
                    self.journal.released_by_peer(session, packet_id);
                    Some((AckKind::PubComp, ReasonCode::SUCCESS))
                }
                false => Some((AckKind::PubComp, not_found)),
            },
            AckKind::PubComp => {
                if session.outgoing.handle_pubcomp(packet_id) {
                    self.journal.completed(session, packet_id);
                }
                None
            }
        };
        if let Some((kind, reason)) = answer {
            self.send(id, &Packet::Ack(Ack::new(kind, packet_id, reason)));
        }
        self.pump(now, session_id);
    }
}

/// Topics to which only the broker publishes, as with mosquitto. The standard leaves what else
/// begins with `$` to clients (4.7.2).
pub(super) fn is_reserved(topic: &str) -> bool {
    topic.starts_with("$SYS") || topic.starts_with("$share")
}

/// 3.1 does not say that a topic is not empty and holds no U+0000, so its decoder takes such a
/// name; in a packet to clients of the other versions it would be an error of the broker.
pub(super) fn check_topic(name: &str, version: Version) -> Result<(), Rule> {
    match version {
        Version::V31 => topic::check_name(name).map_err(|error| match error {
            TopicError::Empty => Rule::TopicEmpty,
            _ => Rule::NullInTopic,
        }),
        Version::V311 | Version::V5 => Ok(()),
    }
}
