//! PUBLISH from a client, and the acknowledgements of both directions.

use std::rc::Rc;

use super::ending::Ending;
use super::message::Message;
use super::{ConnectionId, Core, SessionId, Time};
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
        let received = session
            .incoming
            .handle_publish(publish.qos, publish.packet_id);
        let reason = match received {
            // [MQTT-3.3.5-2] of 3.1.1: there it is acknowledged as if it had been delivered.
            Received::Deliver if is_reserved(&topic) => {
                self.refuse_publish(id, session_id, publish)
            }
            Received::Deliver => {
                let message = Rc::new(Message::new(now, topic, publish));
                match self.publish(now, message, session_id) {
                    0 => ReasonCode::NO_MATCHING_SUBSCRIBERS,
                    _ => ReasonCode::SUCCESS,
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
            QoS::ExactlyOnce => AckKind::PubRec,
        };
        self.send(id, &Packet::Ack(Ack::new(kind, publish.packet_id, reason)));
    }

    /// A message that is not taken, though its packet is right: what to answer.
    fn refuse_publish(
        &mut self,
        id: ConnectionId,
        session_id: SessionId,
        publish: &Publish<'_>,
    ) -> ReasonCode {
        let version = self.connections.get(&id).map(|c| c.version);
        if version != Some(Version::V5) {
            return ReasonCode::SUCCESS;
        }
        // [MQTT-4.3.3-9]
        if let Some(session) = self.sessions.get_mut(&session_id)
            && publish.qos == QoS::ExactlyOnce
        {
            session.incoming.refuse(publish.packet_id);
        }
        ReasonCode::NOT_AUTHORIZED
    }

    /// The topic that a PUBLISH is for, by name or by alias.
    fn resolve_topic(&mut self, id: ConnectionId, publish: &Publish<'_>) -> Result<Rc<str>, Rule> {
        let Some(connection) = self.connections.get_mut(&id) else {
            return Err(Rule::TopicAliasUnknown);
        };
        let Some(alias) = publish.properties.number(PropertyId::TOPIC_ALIAS) else {
            check_topic(publish.topic, connection.version)?;
            return Ok(publish.topic.into());
        };
        let alias = u16::try_from(alias)
            .ok()
            .filter(|&alias| alias <= self.config.topic_alias_maximum)
            .ok_or(Rule::TopicAliasTooHigh)?;
        if publish.topic.is_empty() {
            let topic = connection.aliases.get(&alias);
            return topic.cloned().ok_or(Rule::TopicAliasUnknown);
        }
        let topic: Rc<str> = publish.topic.into();
        connection.aliases.insert(alias, topic.clone());
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
                session.outgoing.handle_puback(packet_id);
                None
            }
            AckKind::PubRec => match session.outgoing.handle_pubrec(packet_id, ack.reason) {
                // [MQTT-4.3.3-4]
                PubRec::Release(_) | PubRec::ReleaseAgain => {
                    Some((AckKind::PubRel, ReasonCode::SUCCESS))
                }
                // [MQTT-4.4.0-2]
                PubRec::Refused(_) => None,
                PubRec::Unknown if ack.reason.is_error() => None,
                PubRec::Unknown => Some((AckKind::PubRel, not_found)),
            },
            // [MQTT-4.3.3-11]
            AckKind::PubRel => match session.incoming.handle_pubrel(packet_id) {
                true => Some((AckKind::PubComp, ReasonCode::SUCCESS)),
                false => Some((AckKind::PubComp, not_found)),
            },
            AckKind::PubComp => {
                session.outgoing.handle_pubcomp(packet_id);
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
