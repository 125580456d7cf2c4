//! From a published message to the copies for its subscribers.

use std::rc::Rc;

use bytes::Bytes;
use rustc_hash::FxHashMap;

use super::connection::Connection;
use super::message::Message;
use super::output::Output;
use super::permission::Source;
use super::send::{may_send, send_new};
use super::session::{Outbound, Session};
use super::subscriptions::{Found, Subscriber};
use super::{Config, ConnectionId, Core, EventKind, SessionId, Time};
use crate::mqtt::packet::Publish;
use crate::mqtt::{Packet, QoS, Version};

/// One copy of a message, for one session.
#[derive(Debug)]
pub(super) struct Delivery {
    session: SessionId,
    qos: QoS,
    retain: bool,
    subscription_ids: Vec<u32>,
}

/// The QoS 0 encodings of one message, by version and RETAIN: each is made once and shared.
#[derive(Debug, Default)]
struct Shapes {
    shared: [Option<Bytes>; 4],
    /// What the client that is served shares with no other.
    own: Option<Bytes>,
    /// Whether there is one delivery only, and nothing to share.
    is_single: bool,
}

impl Core {
    /// Keeps a message if it is retained and sends it to every subscriber; how many there are.
    pub(super) fn publish(
        &mut self,
        now: Time,
        message: Rc<Message>,
        publisher: SessionId,
    ) -> usize {
        if message.retain {
            message.keep(&self.memory);
            let old = self.retained.store(&message);
            self.journal.retained(&message, old);
        }
        self.route(now, &message, publisher)
    }

    /// Sends a message to every subscriber; how many there are.
    pub(super) fn route(
        &mut self,
        now: Time,
        message: &Rc<Message>,
        publisher: SessionId,
    ) -> usize {
        self.collect_deliveries(message, publisher);
        let mut deliveries = std::mem::take(&mut self.deliveries);
        let count = deliveries.len();
        let mut shapes = Shapes {
            is_single: count == 1,
            ..Shapes::default()
        };
        for delivery in deliveries.drain(..) {
            self.deliver(now, message, delivery, &mut shapes);
        }
        self.deliveries = deliveries;
        count
    }

    /// Sends the retained messages that match a new subscription, RETAIN set.
    pub(super) fn deliver_retained(&mut self, now: Time, filter: &str, subscriber: &Subscriber) {
        let messages = match filter.starts_with("$SYS") {
            true => self.matching_sys(now, filter),
            false => self.retained.matching(now, &mut self.journal, filter),
        };
        for message in messages {
            if self.has_rules && !self.may_get_retained(subscriber, &message) {
                continue;
            }
            let delivery = Delivery {
                retain: true,
                ..Delivery::new(&self.config, &message, subscriber)
            };
            let mut shapes = Shapes {
                is_single: true,
                ..Shapes::default()
            };
            self.deliver(now, &message, delivery, &mut shapes);
        }
    }

    /// Whether the subscriber may read it, and the publisher may write it still.
    fn may_get_retained(&self, subscriber: &Subscriber, message: &Message) -> bool {
        let may_receive = |session| self.config.may_receive(session, &message.topic);
        let may_publish = |source: &Source| self.config.may_source_publish(source, &message.topic);
        self.sessions
            .get(&subscriber.session)
            .is_some_and(may_receive)
            && message.source.as_deref().is_none_or(may_publish)
    }

    /// Finds the sessions that get a message. With overlapping subscriptions a session gets one
    /// copy, at the highest QoS (`[MQTT-3.3.4-2]`) and with every Subscription Identifier
    /// (`[MQTT-3.3.4-4]`); a shared subscription makes a copy of its own.
    fn collect_deliveries(&mut self, message: &Message, publisher: SessionId) {
        self.routes += 1;
        let Core {
            subscriptions,
            sessions,
            deliveries,
            routes,
            config,
            has_rules,
            ..
        } = self;
        let may_receive =
            |session: &Session| !*has_rules || config.may_receive(session, &message.topic);
        subscriptions.find(&message.topic, &mut |found| match found {
            Found::Plain(subscriber) => {
                let options = &subscriber.options;
                // [MQTT-3.8.3-3]
                if options.no_local && subscriber.session == publisher {
                    return;
                }
                let Some(session) = sessions.get_mut(&subscriber.session) else {
                    return;
                };
                let (mark, at) = session.route_mark;
                match deliveries.get_mut(at).filter(|_| mark == *routes) {
                    Some(delivery) if !config.allow_duplicates => {
                        delivery.merge(config, message, subscriber);
                    }
                    // Not again for each of its filters.
                    None if !may_receive(session) => {}
                    Some(_) | None => {
                        session.route_mark = (*routes, deliveries.len());
                        deliveries.push(Delivery::new(config, message, subscriber));
                    }
                }
            }
            Found::Shared(group) => {
                let is_online = |id| {
                    sessions
                        .get(&id)
                        .is_some_and(|s: &Session| s.connection.is_some() && may_receive(s))
                };
                // Somebody who is away has been chosen if nobody else is there.
                if let Some(subscriber) = group.choose(is_online)
                    && sessions.get(&subscriber.session).is_some_and(may_receive)
                {
                    deliveries.push(Delivery::new(config, message, subscriber));
                }
            }
        });
    }

    fn deliver(
        &mut self,
        now: Time,
        message: &Rc<Message>,
        delivery: Delivery,
        shapes: &mut Shapes,
    ) {
        let Some(session) = self.sessions.get_mut(&delivery.session) else {
            return;
        };
        let connection = session
            .connection
            .and_then(|id| self.connections.get_mut(&id));
        let taken = match (delivery.qos, connection) {
            // QoS 0 is not kept for those who are away.
            (QoS::AtMostOnce, None) if !self.config.queue_qos0 => true,
            (QoS::AtMostOnce, Some(connection)) => {
                !connection.is_congested(&self.config) && {
                    if shapes.is_single || connection.outgoing_aliases.is_some() {
                        return send_alone(&mut self.output, now, message, &delivery, connection);
                    }
                    let bytes = shapes.get(now, message, &delivery, connection, &mut self.output);
                    if let Some(bytes) = bytes {
                        // Too large for this client: as if it had been delivered
                        // ([MQTT-3.1.2-25]).
                        if self.output.send_bytes(connection, bytes) {
                            let len = message.payload.len();
                            self.output.counters.publish_sent.add(len);
                        }
                    }
                    true
                }
            }
            (_, connection) => {
                let outbound = Outbound {
                    message: message.clone(),
                    qos: delivery.qos,
                    retain: delivery.retain,
                    subscription_ids: delivery.subscription_ids.into(),
                    number: self.journal.next_number(),
                };
                message.keep(&self.memory);
                let taken = match connection {
                    Some(connection)
                        if !session.has_queued() && may_send(&self.config, session, connection) =>
                    {
                        let way = (&mut self.output, &mut self.journal);
                        send_new(way, now, session, connection, outbound);
                        true
                    }
                    _ => session.enqueue(&self.config, &mut self.journal, outbound),
                };
                session.recharge();
                taken
            }
        };
        if !taken {
            self.output.counters.dropped += 1;
            let topic = message.topic.clone();
            let client_id = session.client_id.clone();
            self.output.log(
                session.connection,
                Some(&client_id),
                EventKind::Dropped { topic },
            );
        }
    }
}

/// A session that has a connection, with it.
pub(super) fn session_and_connection<'c>(
    sessions: &'c mut FxHashMap<SessionId, Session>,
    connections: &'c mut FxHashMap<ConnectionId, Connection>,
    id: SessionId,
) -> Option<(&'c mut Session, &'c mut Connection)> {
    let session = sessions.get_mut(&id)?;
    let connection = connections.get_mut(&session.connection?)?;
    Some((session, connection))
}

impl Delivery {
    fn new(config: &Config, message: &Message, subscriber: &Subscriber) -> Delivery {
        let most = subscriber.options.qos;
        Delivery {
            session: subscriber.session,
            // [MQTT-3.8.4-8]
            qos: match config.upgrade_qos {
                true => most,
                false => message.qos.min(most),
            },
            // [MQTT-3.3.1-12], [MQTT-3.3.1-13]
            retain: message.retain && subscriber.options.retain_as_published,
            subscription_ids: identifiers(subscriber).collect(),
        }
    }

    /// The packet at QoS 0.
    fn packet<'a>(
        &self,
        connection: &Connection,
        message: &'a Message,
        properties: crate::mqtt::Properties<'a>,
    ) -> Publish<'a> {
        Publish {
            dup: false,
            qos: QoS::AtMostOnce,
            retain: self.retain,
            topic: connection.unmounted(&message.topic),
            packet_id: 0,
            properties,
            payload: &message.payload,
        }
    }

    fn merge(&mut self, config: &Config, message: &Message, subscriber: &Subscriber) {
        let other = Delivery::new(config, message, subscriber);
        self.qos = self.qos.max(other.qos);
        self.retain |= other.retain;
        self.subscription_ids.extend(other.subscription_ids);
    }
}

fn identifiers(subscriber: &Subscriber) -> impl Iterator<Item = u32> + use<> {
    Some(subscriber.identifier)
        .filter(|&id| id != 0)
        .into_iter()
}

impl Shapes {
    /// The packet for a QoS 0 delivery; `None` if the message has expired or cannot be encoded.
    fn get(
        &mut self,
        now: Time,
        message: &Message,
        delivery: &Delivery,
        connection: &Connection,
        output: &mut Output,
    ) -> Option<&Bytes> {
        let version = connection.version;
        let ids: &[u32] = match version {
            Version::V5 => &delivery.subscription_ids,
            Version::V31 | Version::V311 => &[],
        };
        let at = usize::from(version == Version::V5) * 2 + usize::from(delivery.retain);
        let is_shared = ids.is_empty() && connection.mount_point.is_none();
        let slot = match is_shared {
            true => &mut self.shared[at],
            false => &mut self.own,
        };
        if !is_shared || slot.is_none() {
            if message.is_expired(now) {
                return None;
            }
            let properties = message.properties(now, ids);
            let publish = delivery.packet(connection, message, properties.as_properties());
            *slot = Some(output.encode(&Packet::Publish(publish), version)?);
        }
        slot.as_ref()
    }
}

/// A QoS 0 delivery that no other client can share.
fn send_alone(
    output: &mut Output,
    now: Time,
    message: &Message,
    delivery: &Delivery,
    connection: &mut Connection,
) {
    if !message.is_expired(now) {
        let properties = message.properties(now, &delivery.subscription_ids);
        let publish = delivery.packet(connection, message, properties.as_properties());
        output.send_publish(connection, publish);
    }
}
