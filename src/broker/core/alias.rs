//! Topic Aliases towards clients (5.0, 3.3.2.3.4): the first topics that a client gets are named
//! once and then by number.

use std::collections::HashMap;
use std::rc::Rc;

use super::connection::Connection;
use super::memory::ALIAS;
use super::message::push;
use super::output::Output;
use crate::mqtt::packet::Publish;
use crate::mqtt::property::Value;
use crate::mqtt::{Packet, PropertyId};

/// An alias takes three bytes, so that shorter topics are better sent as they are.
const MIN_TOPIC: usize = 4;

/// What a connection's aliases stand for.
#[derive(Debug)]
pub(super) struct OutgoingAliases {
    /// Not above the client's Topic Alias Maximum (`[MQTT-3.1.2-26]`).
    maximum: u16,
    /// Topics come from the network, so the hash is the keyed one.
    known: HashMap<Rc<str>, u16>,
}

impl OutgoingAliases {
    /// None where the maximum is 0 (`[MQTT-3.1.2-27]`).
    pub(super) fn new(maximum: u16) -> Option<Box<OutgoingAliases>> {
        (maximum > 0).then(|| {
            Box::new(OutgoingAliases {
                maximum,
                known: HashMap::new(),
            })
        })
    }

    /// The alias for a topic, and whether the client knows it. None if all are taken, or it would
    /// save nothing.
    fn find(&self, topic: &str) -> Option<(u16, bool)> {
        if topic.len() < MIN_TOPIC {
            return None;
        }
        if let Some(&alias) = self.known.get(topic) {
            return Some((alias, true));
        }
        let next = u16::try_from(self.known.len()).ok()?.checked_add(1)?;
        (next <= self.maximum).then_some((next, false))
    }
}

impl Output {
    /// Sends a PUBLISH, with an alias where the connection has them; whether the client takes a
    /// packet of that size.
    pub(super) fn send_publish(
        &mut self,
        connection: &mut Connection,
        publish: Publish<'_>,
    ) -> bool {
        let is_sent = self.send_publish_uncounted(connection, publish);
        if is_sent {
            self.counters.publish_sent.add(publish.payload.len());
        }
        is_sent
    }

    fn send_publish_uncounted(
        &mut self,
        connection: &mut Connection,
        publish: Publish<'_>,
    ) -> bool {
        let aliases = connection.outgoing_aliases.as_deref();
        let Some((alias, is_known)) = aliases.and_then(|aliases| aliases.find(publish.topic))
        else {
            return self.send_packet(connection, &Packet::Publish(publish));
        };
        let mut properties = publish.properties.to_buf();
        push(&mut properties, PropertyId::TOPIC_ALIAS, Value::U16(alias));
        let aliased = Publish {
            topic: if is_known { "" } else { publish.topic },
            properties: properties.as_properties(),
            ..publish
        };
        if self.send_packet(connection, &Packet::Publish(aliased)) {
            if !is_known && let Some(aliases) = &mut connection.outgoing_aliases {
                aliases.known.insert(publish.topic.into(), alias);
                connection.alias_bytes += publish.topic.len() + ALIAS;
                connection.recharge();
            }
            return true;
        }
        // Only where naming the alias for the first time makes the packet too large.
        self.send_packet(connection, &Packet::Publish(publish))
    }
}
