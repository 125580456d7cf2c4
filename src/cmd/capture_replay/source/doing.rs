//! What clients do: subscribe, unsubscribe and publish.

use super::{NOBODY, Source, context};
use crate::capture::CapturedPacket;
use crate::client::{Publication, TopicName};
use crate::cmd::capture_replay::step::{Action, Message, Number, Request};
use crate::mqtt::decode::{Strict, decode};
use crate::mqtt::packet::SubscriptionOptions;
use crate::mqtt::{Packet, Properties, PropertiesBuf, PropertyId, QoS, topic};

impl Source {
    pub(super) fn request(&mut self, packet: &CapturedPacket, is_wanted: bool) {
        let request = match decode(&packet.bytes, context(packet), &mut Strict) {
            Ok(Packet::Subscribe(request) | Packet::Unsubscribe(request)) => request,
            _ => {
                match packet.is_cut() {
                    true => self.skips.cut += 1,
                    false => self.skips.malformed += 1,
                }
                self.is_incomplete(packet);
                return;
            }
        };
        if !is_wanted {
            let rewrite = &self.settings.rewrite;
            let filters = request.filters.iter();
            let filters = filters.map(|(filter, _)| rewrite.filter(filter)).collect();
            self.not_requested(packet.at.stream, filters);
            return;
        }
        let session = self.live(packet);
        let rewrite = &self.settings.rewrite;
        let mut filters = Vec::new();
        for (filter, options) in request.filters.iter() {
            let changed = rewrite.filter(filter);
            if topic::check_filter(&changed).is_err() {
                self.skips.bad_topic += 1;
                continue;
            }
            filters.push((
                changed,
                SubscriptionOptions {
                    qos: rewrite.qos(options.qos),
                    ..options
                },
            ));
        }
        if filters.is_empty() {
            return;
        }
        let number = self.next_number;
        self.next_number += 1;
        let Some(stream) = self.streams.get_mut(&packet.at.stream) else {
            return;
        };
        stream.outstanding.insert(request.packet_id, number);
        let is_subscribe = packet.bytes.first().is_some_and(|byte| byte >> 4 == 8);
        match is_subscribe {
            true => {
                self.found.subscribes += 1;
                let names = filters.iter().map(|(filter, _)| filter.clone());
                stream.filters.extend(names);
            }
            false => self.found.unsubscribes += 1,
        }
        let request = Box::new(Request {
            number,
            filters,
            properties: request.properties.to_buf(),
        });
        let time = stream.last_time;
        let action = match is_subscribe {
            true => Action::Subscribe(request),
            false => Action::Unsubscribe(request),
        };
        self.push(session, time, action);
    }

    /// The client has sent something that is not played, and the server may have its reasons for
    /// what it does.
    fn is_incomplete(&mut self, packet: &CapturedPacket) {
        if let Some(stream) = self.streams.get_mut(&packet.at.stream) {
            stream.is_incomplete = true;
        }
    }

    pub(super) fn publish(&mut self, packet: &CapturedPacket, is_wanted: bool) {
        let stream = self.streams.entry(packet.at.stream).or_default();
        if packet.is_cut() {
            stream.forget(true);
            stream.is_incomplete = true;
            self.skips.cut += 1;
            return;
        }
        let Ok(Packet::Publish(publish)) = decode(&packet.bytes, context(packet), &mut Strict)
        else {
            stream.forget(true);
            stream.is_incomplete = true;
            self.skips.malformed += 1;
            return;
        };
        let alias = match publish.properties.is_empty() {
            true => None,
            false => publish.properties.number(PropertyId::TOPIC_ALIAS),
        };
        // An alias is set by a repeat as well.
        let topic = match alias {
            Some(alias) => {
                let alias = u16::try_from(alias).unwrap_or_default();
                stream.aliases.resolve(publish.topic, alias)
            }
            None => Some(publish.topic),
        };
        let is_repeat = publish.qos > QoS::AtMostOnce && {
            let is_known = stream.outstanding.contains_key(&publish.packet_id)
                || stream.resent.contains(&publish.packet_id);
            if !is_known || !publish.dup {
                stream.resent.remove(&publish.packet_id);
                stream.outstanding.insert(publish.packet_id, NOBODY);
            }
            is_known && publish.dup
        };
        if is_repeat {
            self.skips.duplicates += 1;
            return;
        }
        let Some(topic) = topic.filter(|topic| !topic.is_empty()) else {
            stream.is_incomplete = true;
            self.skips.no_topic += 1;
            return;
        };
        if !is_wanted {
            let topic = topic.to_owned();
            self.not_published(&topic, publish.payload);
            return;
        }
        let rewrite = &self.settings.rewrite;
        let topic = match rewrite.changes_topics() {
            true => TopicName::new(rewrite.topic(topic)),
            false => TopicName::new(topic),
        };
        let Ok(topic) = topic else {
            self.skips.bad_topic += 1;
            return;
        };
        let payload = packet.bytes.slice_ref(publish.payload);
        let mut publication = Publication::new(topic, payload, rewrite.qos(publish.qos));
        publication.retain = publish.retain && !rewrite.strip_retain;
        publication.properties = to_publish(publish.properties);
        let session = self.live(packet);
        let Some(stream) = self.streams.get_mut(&packet.at.stream) else {
            return;
        };
        let mut number = None;
        if publish.qos > QoS::AtMostOnce {
            stream
                .outstanding
                .insert(publish.packet_id, self.next_number);
            number = Some(self.next_number).filter(|_| publication.qos > QoS::AtMostOnce);
            self.next_number += 1;
        }
        let time = stream.last_time;
        self.message(session, time, number, publication, alias.is_some());
    }

    pub(super) fn message(
        &mut self,
        session: u64,
        time: Option<i64>,
        number: Option<Number>,
        publication: Publication,
        is_aliased: bool,
    ) {
        self.found.messages += 1;
        self.found.aliased += u64::from(is_aliased);
        let message = Message {
            number,
            publication,
            is_aliased,
        };
        self.push(session, time, Action::Publish(message));
    }
}

/// The properties as captured, but for an alias, which would mean something else to the target, or
/// nothing, and for what only servers may send (`[MQTT-3.3.4-6]`).
fn to_publish(captured: Properties<'_>) -> PropertiesBuf {
    let mut properties = PropertiesBuf::new();
    for property in captured {
        let is_of_connection =
            [PropertyId::TOPIC_ALIAS, PropertyId::SUBSCRIPTION_IDENTIFIER].contains(&property.id);
        if !is_of_connection {
            // It was in a list before, so it fits into one.
            let _ = properties.push(property.id, property.value);
        }
    }
    properties
}
