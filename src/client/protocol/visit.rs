//! Decoding for a [`Visitor`]: what is frequent, without an event and without a share of the read
//! buffer for each packet. What is not is left to [`poll_event`](Protocol::poll_event).

use bytes::Buf;

use super::super::event::Event;
use super::super::visit::Visitor;
use super::Protocol;
use crate::mqtt::decode::{Context, Strict, decode};
use crate::mqtt::frame::packet_len;
use crate::mqtt::packet::Packet;
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
