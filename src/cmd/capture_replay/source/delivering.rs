//! What servers send: messages, which tell what clients have subscribed to.

use super::opening::client_of;
use super::stream::Stream;
use super::{Before, MAX_INFERRED, Source, context};
use crate::capture::CapturedPacket;
use crate::cmd::capture_replay::delivery::Delivery;
use crate::cmd::capture_replay::step::Answer;
use crate::mqtt::decode::{Strict, decode};
use crate::mqtt::{Packet, PropertyId, QoS, topic};

impl Source {
    /// A message that a server sent.
    pub(super) fn delivery(&mut self, packet: &CapturedPacket) {
        self.found.others += 1;
        let is_part = self.settings.select.is_some();
        let is_comparing = self.settings.is_verifying || self.settings.infers || is_part;
        // DUP: it was sent before, and counted.
        let is_first = packet.bytes.first().is_some_and(|byte| byte & 8 == 0);
        if !is_comparing {
            if is_first {
                self.delivered(packet.at.stream, None);
            }
            return;
        }
        let stream = self.streams.entry(packet.at.stream).or_default();
        let decoded = decode(&packet.bytes, context(packet), &mut Strict);
        let Ok(Packet::Publish(publish)) = decoded else {
            stream.forget(false);
            return;
        };
        let topic = match publish.properties.number(PropertyId::TOPIC_ALIAS) {
            Some(alias) => {
                let alias = u16::try_from(alias).unwrap_or_default();
                stream.server_aliases.resolve(publish.topic, alias)
            }
            None => Some(publish.topic),
        };
        let Some(topic) = topic.filter(|topic| !topic.is_empty() && is_first) else {
            return;
        };
        let topic = topic.to_owned();
        if publish.qos == QoS::ExactlyOnce {
            stream.unreleased.insert(publish.packet_id);
        }
        if self.settings.infers {
            self.infer(packet, &topic, publish.qos);
        }
        let rewrite = &self.settings.rewrite;
        let delivery = (self.settings.is_verifying || is_part).then(|| {
            let (topic, qos) = (rewrite.topic(&topic), rewrite.qos(publish.qos));
            let (version, at) = (packet.version, self.at);
            Box::new(Delivery::new(&topic, qos, &publish, version, at))
        });
        self.delivered(packet.at.stream, delivery);
    }

    pub(super) fn delivered(&mut self, stream: u64, delivery: Option<Box<Delivery>>) {
        if let (Some(waiting), Some(delivery)) = (self.streams.get_mut(&stream), &delivery)
            && waiting.live.is_none()
            && waiting.held.is_some()
        {
            self.early(stream, (**delivery).clone());
            return;
        }
        let Some(Stream {
            live: Some(live),
            filters,
            ..
        }) = self.streams.get(&stream)
        else {
            return;
        };
        // Nobody knows why a client of which nothing is known gets what.
        if !live.is_made_up || !filters.is_empty() || self.settings.infers {
            self.found.deliveries += 1;
            self.answered(stream, Answer::Delivered(delivery));
        }
    }

    /// A client whose CONNECT was not captured, and which gets a message, has subscribed.
    pub(super) fn infer(&mut self, packet: &CapturedPacket, topic: &str, qos: QoS) {
        let Some(stream) = self.streams.get(&packet.at.stream) else {
            return;
        };
        let is_made_up = match &stream.live {
            Some(live) => live.is_made_up,
            None => stream.held.is_none() && stream.captured_id.is_none(),
        };
        if !is_made_up || stream.is_over {
            return;
        }
        let is_known = stream
            .filters
            .iter()
            .any(|filter| topic::matches(filter, topic));
        if is_known {
            return;
        }
        let before = self.inferred.entry(packet.at.stream);
        let before = before.or_insert_with(|| Before {
            client: client_of(packet),
            version: packet.version,
            topics: Vec::new(),
        });
        let is_full = before.topics.len() >= MAX_INFERRED;
        match before.topics.iter_mut().find(|(known, _)| known == topic) {
            Some((_, known)) => *known = qos.max(*known),
            None if is_full => {}
            None => before.topics.push((topic.to_owned(), qos)),
        }
    }
}
