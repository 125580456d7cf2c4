//! Messages and acknowledgements for those who only look at them: handed over as they are decoded,
//! from the read buffer, without an [`Event`] for each.

use super::event::{Event, Token};
use crate::mqtt::ReasonCode;
use crate::mqtt::packet::Publish;

/// Who looks.
pub trait Visitor {
    /// A message came; see [`Event::Message`]. Its topic stands in the packet: one that came as a
    /// Topic Alias only is an event all the same.
    fn message(&mut self, publish: &Publish<'_>);

    /// A QoS 1 or 2 message reached the end of its exchange; see [`Event::Published`].
    fn published(&mut self, token: Token, reason: ReasonCode);
}

/// Shows an event, if it is one of those that are shown; gives any other back.
pub fn visit(event: Event, visitor: &mut dyn Visitor) -> Option<Event> {
    match event {
        Event::Message(message) => visitor.message(&message.as_packet()),
        Event::Published { token, reason, .. } => visitor.published(token, reason),
        event => return Some(event),
    }
    None
}
