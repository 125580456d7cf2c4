//! Decoding for a [`Visitor`]: what is frequent, without an event and without a share of the read
//! buffer for each packet. What is not is left to [`poll_event`](Protocol::poll_event).

use bytes::Buf;

use super::super::event::Event;
use super::super::visit::Visitor;
use super::Protocol;
use crate::mqtt::decode::{Context, Strict, decode};
use crate::mqtt::frame::packet_len;
use crate::mqtt::packet::{AckKind, Packet};
use crate::mqtt::{PacketType, PropertyId, QoS, Side};

/// What was shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Visited {
    /// Packets that were handled, shown or not.
    pub packets: usize,
    /// Whether messages of QoS 1 or 2 were among them.
    pub has_acknowledged: bool,
}

impl Protocol {
    /// Shows messages and ends of exchanges as long as nothing else comes; then
    /// [`poll_event`](Self::poll_event) has it. Violations are its affair, too.
    pub fn visit(&mut self, visitor: &mut dyn Visitor) -> Visited {
        let mut visited = Visited::default();
        let limit = self.options.maximum_packet_size();
        if !self.is_connected() || self.trace.is_some() {
            return visited;
        }
        // Taken out while packets of it change the session.
        let mut bytes = std::mem::take(self.framer.buffer_mut());
        let mut at = 0;
        while self.events.is_empty()
            && let Some(rest) = bytes.get(at..)
            && let Ok(Some(len)) = packet_len(rest, limit)
            && let Some(packet) = rest.get(..len)
            && self.visit_packet(packet, visitor, &mut visited)
        {
            at += len;
            visited.packets += 1;
        }
        bytes.advance(at);
        *self.framer.buffer_mut() = bytes;
        visited
    }

    /// Handles one packet; `false` if it is none of those that this is for, and nothing was done.
    fn visit_packet(
        &mut self,
        bytes: &[u8],
        visitor: &mut dyn Visitor,
        visited: &mut Visited,
    ) -> bool {
        let byte1 = bytes.first().copied().unwrap_or_default();
        match PacketType::from_byte1(byte1) {
            PacketType::PUBLISH
            | PacketType::PUBACK
            | PacketType::PUBREC
            | PacketType::PUBREL
            | PacketType::PUBCOMP => {}
            _ => return false,
        }
        let context = Context {
            version: self.version(),
            from: Some(Side::Server),
        };
        match decode(bytes, context, &mut Strict) {
            Ok(Packet::Publish(publish)) => {
                let properties = publish.properties;
                if !properties.is_empty() && properties.number(PropertyId::TOPIC_ALIAS).is_some() {
                    return false;
                }
                match self.take_publish(&publish) {
                    Ok(true) => visitor.message(&publish),
                    Ok(false) => {}
                    Err(_) => return false,
                }
                visited.has_acknowledged |= publish.qos > QoS::AtMostOnce;
                true
            }
            Ok(Packet::Ack(ack)) if ack.kind == AckKind::PubAck => {
                match self.take_puback(ack.packet_id) {
                    Some(token) => {
                        visitor.published(token, ack.reason);
                        true
                    }
                    // It ends nothing and changes nothing, and is looked at more closely.
                    None => self.check_ack(&ack).is_ok(),
                }
            }
            Ok(Packet::Ack(ack)) => {
                if self.check_ack(&ack).is_err() {
                    return false;
                }
                if let Some(Event::Published { token, reason, .. }) = self.handle_ack(&ack) {
                    visitor.published(token, reason);
                }
                true
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::Bench;
    use super::*;
    use crate::client::{Prepared, Publication, PublishError, Token, TopicName};
    use crate::mqtt::packet::Publish;
    use crate::mqtt::{ReasonCode, Version};

    /// What was shown, one line each.
    #[derive(Default)]
    struct Shown(Vec<String>);

    impl Visitor for Shown {
        fn message(&mut self, publish: &Publish<'_>) {
            let payload = String::from_utf8_lossy(publish.payload);
            self.0
                .push(format!("{} {} {payload}", publish.topic, publish.qos));
        }

        fn published(&mut self, token: Token, reason: ReasonCode) {
            self.0.push(format!("{} 0x{:02x}", token.0, reason.0));
        }
    }

    const CONNACK: &[u8] = &[0, 0, 0];

    /// The same packets, shown and as events, with the same answers, whatever the split of the reads.
    #[test]
    fn what_is_shown_is_what_events_say() {
        let stream: &[u8] = b"\x30\x05\x00\x01a\x00x\
            \x32\x07\x00\x01b\x00\x07\x00y\
            \x34\x07\x00\x01c\x00\x08\x00z\
            \x34\x07\x00\x01c\x00\x08\x00z\
            \xd0\x00\
            \x62\x02\x00\x08\
            \x30\x05\x00\x01d\x00w";
        for split in 1..stream.len() {
            let (mut shown, mut told) = (Bench::connected(CONNACK), Bench::connected(CONNACK));
            let (mut by_visitor, mut by_event) = (Shown::default(), Shown::default());
            for part in stream.chunks(split) {
                shown.receive(part);
                loop {
                    let visited = shown.protocol.visit(&mut by_visitor);
                    let event = shown.protocol.poll_event();
                    let is_none = event.is_none();
                    if let Some(event) = event {
                        crate::client::visit::visit(event, &mut by_visitor);
                    }
                    if is_none && visited.packets == 0 {
                        break;
                    }
                }
                told.receive(part);
                while let Some(event) = told.protocol.poll_event() {
                    crate::client::visit::visit(event, &mut by_event);
                }
            }
            assert_eq!(by_visitor.0, by_event.0, "{split}");
            assert_eq!(by_visitor.0, ["a 0 x", "b 1 y", "c 2 z", "d 0 w"]);
            assert_eq!(shown.sent(), told.sent(), "{split}");
        }
    }

    #[test]
    fn violations_are_left_to_the_events() {
        let mut bench = Bench::connected(CONNACK);
        // QoS 3.
        bench.receive(b"\x36\x07\x00\x01b\x00\x07\x00y");
        let mut shown = Shown::default();
        assert_eq!(bench.protocol.visit(&mut shown), Visited::default());
        assert!(matches!(
            bench.protocol.poll_event(),
            Some(Event::Closed(_))
        ));
    }

    #[test]
    fn a_topic_alias_is_an_event() {
        let mut options = crate::client::ConnectOptions::new(Version::V5, "c");
        let maximum = crate::mqtt::property::Value::U16(5);
        let id = PropertyId::TOPIC_ALIAS_MAXIMUM;
        options.properties.push(id, maximum).unwrap();
        let mut bench = Bench::connected_with(options, CONNACK);
        bench.receive(b"\x30\x07\x00\x01a\x03\x23\x00\x01\x30\x06\x00\x00\x03\x23\x00\x01");
        let mut shown = Shown::default();
        assert_eq!(bench.protocol.visit(&mut shown).packets, 0);
        assert_eq!(bench.message().topic.as_str(), "a");
        assert_eq!(bench.message().topic.as_str(), "a");
    }

    /// Prepared messages and others share ids, quota and resending.
    #[test]
    fn prepared_messages_are_messages() {
        // Receive Maximum 2.
        let connack = &[0, 0, 3, 0x21, 0, 2];
        let mut bench = Bench::connected(connack);
        let topic = TopicName::new("t").unwrap();
        let message =
            |payload: &str| Publication::new(topic.clone(), payload.to_owned(), QoS::AtLeastOnce);
        let prepared = Prepared::new(message("0123"), Version::V5).unwrap();
        let token = bench.protocol.publish_prepared(&prepared, b"ab").unwrap();
        assert_eq!(bench.sent(), b"\x32\x0a\x00\x01t\x00\x01\x00ab23");
        let other = bench.protocol.publish(message("x")).unwrap();
        bench.sent();
        match bench.protocol.publish_prepared(&prepared, b"cd") {
            Err(PublishError::QuotaFull(full)) => assert_eq!(full.payload, "cd23"),
            other => panic!("{other:?}"),
        }
        bench.cut();
        bench.reconnect(&[1, 0, 3, 0x21, 0, 2]);
        let again = b"\x3a\x0a\x00\x01t\x00\x01\x00ab23\x3a\x07\x00\x01t\x00\x02\x00x";
        assert_eq!(bench.sent(), again);
        bench.receive(b"\x40\x02\x00\x01\x40\x03\x00\x02\x97");
        let mut shown = Shown::default();
        assert_eq!(bench.protocol.visit(&mut shown).packets, 2);
        let expected = [format!("{} 0x00", token.0), format!("{} 0x97", other.0)];
        assert_eq!(shown.0, expected);
        // Another packet than the first one, beside it.
        let second = Prepared::new(message("4567"), Version::V5).unwrap();
        for (prepared, patch) in [(&second, b"ef"), (&prepared, b"gh")] {
            bench.protocol.publish_prepared(prepared, patch).unwrap();
        }
        bench.cut();
        bench.reconnect(&[1, 0, 3, 0x21, 0, 2]);
        let again = b"\x3a\x0a\x00\x01t\x00\x03\x00ef67\x3a\x0a\x00\x01t\x00\x04\x00gh23";
        assert_eq!(bench.sent(), again);
    }
}
