//! Random clients; after every step the store must tell the whole state, whoever reads it.

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;

use super::Key;
use crate::broker::core::message::Message;
use crate::broker::core::session::Outbound;
use crate::broker::core::{Action, Config, ConnectionId, Core, Input, Peer, SessionId, Time};
use crate::mqtt::decode::{Context, Strict, decode};
use crate::mqtt::encode::encode;
use crate::mqtt::flow::Resend;
use crate::mqtt::frame::packet_len;
use crate::mqtt::packet::{
    Ack, AckKind, Connect, FiltersBuf, Publish, Reason, Subscribe, SubscriptionOptions, Will,
};
use crate::mqtt::property::Value;
use crate::mqtt::{Packet, Properties, PropertiesBuf, PropertyId, QoS, ReasonCode, Side, Version};

const CLIENTS: usize = 3;
const WALL: Duration = Duration::from_millis(1_700_000_000_123);

#[derive(Debug, Clone)]
enum Step {
    Connect {
        client: usize,
        clean: bool,
        expiry: u32,
        will: Option<(bool, u32)>,
        small: bool,
    },
    Disconnect(usize),
    Break(usize),
    Subscribe(usize, usize, u8, u32),
    Unsubscribe(usize, usize),
    Publish {
        client: usize,
        topic: usize,
        qos: u8,
        retain: bool,
        expiry: Option<u32>,
        empty: bool,
    },
    /// Sends the acknowledgement that has waited longest, or the same packet once more.
    Answer(usize),
    Pass(u64),
    /// The broker is killed and started anew some time later.
    Kill(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let client = 0..CLIENTS;
    let will = prop::option::of((any::<bool>(), 0..4u32));
    let expiry = prop_oneof![2 => Just(0), 3 => 1..6u32, 5 => Just(u32::MAX)];
    prop_oneof![
        6 => (client.clone(), prop::bool::weighted(0.2), expiry, will, prop::bool::weighted(0.1))
            .prop_map(|(client, clean, expiry, will, small)| Step::Connect {
                client, clean, expiry, will, small
            }),
        1 => client.clone().prop_map(Step::Disconnect),
        2 => client.clone().prop_map(Step::Break),
        4 => (client.clone(), 0..FILTERS.len(), 0..16u8, 0..3u32)
            .prop_map(|(c, f, o, i)| Step::Subscribe(c, f, o, i)),
        1 => (client.clone(), 0..FILTERS.len()).prop_map(|(c, f)| Step::Unsubscribe(c, f)),
        12 => (
            client.clone(),
            0..TOPICS.len(),
            0..3u8,
            prop::bool::weighted(0.3),
            prop::option::weighted(0.2, 1..5u32),
            prop::bool::weighted(0.1),
        ).prop_map(|(client, topic, qos, retain, expiry, empty)| Step::Publish {
            client, topic, qos, retain, expiry, empty
        }),
        14 => client.prop_map(Step::Answer),
        2 => (0..3_000u64).prop_map(Step::Pass),
        1 => (0..3_000u64).prop_map(Step::Kill),
    ]
}

const TOPICS: [&str; 3] = ["a", "a/b", "c"];
const FILTERS: [&str; 6] = ["a", "a/#", "+/b", "#", "$share/g/a/#", "c"];

struct Client {
    connection: Option<ConnectionId>,
    /// What to send, oldest first.
    answers: Vec<(AckKind, u16)>,
    next_id: u16,
    received: bytes::BytesMut,
}

struct World {
    core: Core,
    now: Time,
    wall_at_zero: Duration,
    store: BTreeMap<Vec<u8>, Vec<u8>>,
    clients: Vec<Client>,
    next_connection: u64,
    messages: u32,
}

impl World {
    fn new() -> World {
        let client = |_| Client {
            connection: None,
            answers: Vec::new(),
            next_id: 0,
            received: bytes::BytesMut::new(),
        };
        let none: [(&[u8], &[u8]); 0] = [];
        World {
            core: Core::restore(config(), Time::ZERO, WALL, none).unwrap(),
            now: Time::ZERO,
            wall_at_zero: WALL,
            store: BTreeMap::new(),
            clients: (0..CLIENTS).map(client).collect(),
            next_connection: 0,
            messages: 0,
        }
    }

    fn send(&mut self, client: usize, packet: &Packet<'_>) {
        if let Some(connection) = self.clients[client].connection {
            let mut bytes = Vec::new();
            encode(packet, Version::V5, &mut bytes).unwrap();
            self.core.handle(self.now, connection, Input::Bytes(&bytes));
            self.settle();
        }
    }

    /// Stores what changed, then does the actions; what these change is stored last.
    fn settle(&mut self) {
        self.commit();
        while let Some(action) = self.core.poll_action() {
            match action {
                Action::Send { connection, bytes } => {
                    let written = Input::Written(bytes.len());
                    if let Some(client) = self.client_of(connection) {
                        client.receive(&bytes);
                        self.core.handle(self.now, connection, written);
                    }
                }
                Action::Close { connection } => {
                    if let Some(client) = self.client_of(connection) {
                        client.leave();
                    }
                }
                Action::Log(_) => {}
            }
        }
        self.commit();
    }

    fn commit(&mut self) {
        for change in self.core.take_changes() {
            match change.value {
                Some(value) => drop(self.store.insert(change.key, value)),
                None => drop(self.store.remove(&change.key)),
            }
        }
        assert!(self.core.is_stored());
    }

    fn client_of(&mut self, connection: ConnectionId) -> Option<&mut Client> {
        let is_it = |client: &&mut Client| client.connection == Some(connection);
        self.clients.iter_mut().find(is_it)
    }

    fn run(&mut self, step: &Step) {
        match *step {
            Step::Connect {
                client,
                clean,
                expiry,
                will,
                small,
            } => self.connect(client, clean, expiry, will, small),
            Step::Disconnect(client) => {
                self.send(
                    client,
                    &Packet::Disconnect(Reason::new(ReasonCode::SUCCESS)),
                );
                self.clients[client].leave();
            }
            Step::Break(client) => {
                if let Some(connection) = self.clients[client].connection {
                    self.clients[client].leave();
                    self.core.handle(self.now, connection, Input::Closed);
                }
            }
            Step::Subscribe(client, filter, options, identifier) => {
                let shared = FILTERS[filter].starts_with('$');
                let options = SubscriptionOptions {
                    qos: QoS::from_u8(options % 4).unwrap_or(QoS::ExactlyOnce),
                    no_local: options & 4 != 0 && !shared,
                    retain_as_published: options & 8 != 0,
                    retain_handling: 0,
                };
                let mut properties = PropertiesBuf::new();
                if identifier > 0 {
                    let value = Value::VarInt(identifier);
                    properties
                        .push(PropertyId::SUBSCRIPTION_IDENTIFIER, value)
                        .unwrap();
                }
                let filters = FiltersBuf::subscribe([(FILTERS[filter], options)], Version::V5);
                let filters = filters.unwrap();
                let subscribe = Subscribe {
                    packet_id: 1,
                    properties: properties.as_properties(),
                    filters: filters.with_options(),
                };
                self.send(client, &Packet::Subscribe(subscribe));
            }
            Step::Unsubscribe(client, filter) => {
                let filters = FiltersBuf::unsubscribe([FILTERS[filter]]).unwrap();
                let unsubscribe = Subscribe {
                    packet_id: 1,
                    properties: Properties::EMPTY,
                    filters: filters.without_options(),
                };
                self.send(client, &Packet::Unsubscribe(unsubscribe));
            }
            Step::Publish {
                client,
                topic,
                qos,
                retain,
                expiry,
                empty,
            } => {
                let qos = QoS::from_u8(qos).unwrap();
                self.messages += 1;
                let payload = self.messages.to_string();
                let mut properties = PropertiesBuf::new();
                properties
                    .push(PropertyId::USER_PROPERTY, Value::Pair(b"a", b"b"))
                    .unwrap();
                if let Some(expiry) = expiry {
                    let value = Value::U32(expiry);
                    properties
                        .push(PropertyId::MESSAGE_EXPIRY_INTERVAL, value)
                        .unwrap();
                }
                let publish = Publish {
                    dup: false,
                    qos,
                    retain,
                    topic: TOPICS[topic],
                    packet_id: match qos {
                        QoS::AtMostOnce => 0,
                        _ => self.clients[client].next_id(),
                    },
                    properties: properties.as_properties(),
                    payload: if empty { b"" } else { payload.as_bytes() },
                };
                self.send(client, &Packet::Publish(publish));
            }
            Step::Answer(client) => {
                if !self.clients[client].answers.is_empty() {
                    let (kind, id) = self.clients[client].answers.remove(0);
                    self.send(
                        client,
                        &Packet::Ack(Ack::new(kind, id, ReasonCode::SUCCESS)),
                    );
                }
            }
            Step::Pass(millis) => {
                self.now += Duration::from_millis(millis);
                self.core.handle_timeout(self.now);
            }
            Step::Kill(millis) => {
                for client in &mut self.clients {
                    client.leave();
                }
                let wall = self.wall_at_zero + self.now + Duration::from_millis(millis);
                // The time of the new process begins somewhere else.
                self.now = Duration::from_millis(millis / 2);
                self.wall_at_zero = wall - self.now;
                self.core =
                    Core::restore(config(), self.now, self.wall_at_zero, &self.store).unwrap();
                self.core.handle_timeout(self.now);
            }
        }
        self.settle();
    }

    /// Ends every session and removes every retained message.
    fn forget_everything(&mut self) {
        for client in 0..CLIENTS {
            self.connect(client, true, 0, None, false);
        }
        for topic in 0..TOPICS.len() {
            self.run(&Step::Publish {
                client: 0,
                topic,
                qos: 0,
                retain: true,
                expiry: None,
                empty: true,
            });
        }
        for client in 0..CLIENTS {
            self.run(&Step::Break(client));
        }
    }

    fn connect(
        &mut self,
        client: usize,
        clean: bool,
        expiry: u32,
        will: Option<(bool, u32)>,
        small: bool,
    ) {
        if let Some(connection) = self.clients[client].connection {
            self.clients[client].leave();
            self.core.handle(self.now, connection, Input::Closed);
        }
        self.next_connection += 1;
        let connection = ConnectionId(self.next_connection);
        self.clients[client].connection = Some(connection);
        self.core
            .handle(self.now, connection, Input::Opened(&Peer::default()));
        let mut properties = PropertiesBuf::new();
        let mut set = |id, value| properties.push(id, Value::U32(value)).unwrap();
        set(PropertyId::SESSION_EXPIRY_INTERVAL, expiry);
        if small {
            set(PropertyId::MAXIMUM_PACKET_SIZE, 40);
        }
        let receive_maximum = Value::U16(3);
        properties
            .push(PropertyId::RECEIVE_MAXIMUM, receive_maximum)
            .unwrap();
        let mut will_properties = PropertiesBuf::new();
        if let Some((_, delay)) = will {
            let delay = Value::U32(delay);
            will_properties
                .push(PropertyId::WILL_DELAY_INTERVAL, delay)
                .unwrap();
        }
        let id = ["x", "y", "z"][client];
        let connect = Connect {
            version: Version::V5,
            bridge: false,
            client_id: id,
            clean_start: clean,
            keep_alive: 0,
            properties: properties.as_properties(),
            will: will.map(|(retain, _)| Will {
                topic: "a/b",
                payload: b"gone",
                qos: QoS::AtLeastOnce,
                retain,
                properties: will_properties.as_properties(),
            }),
            username: None,
            password: None,
        };
        self.send(client, &Packet::Connect(connect));
    }
}

impl Client {
    fn leave(&mut self) {
        self.connection = None;
        self.answers.clear();
        self.received.clear();
    }

    fn next_id(&mut self) -> u16 {
        self.next_id += 1;
        self.next_id
    }

    fn receive(&mut self, bytes: &[u8]) {
        self.received.extend_from_slice(bytes);
        while let Ok(Some(len)) = packet_len(&self.received, usize::MAX) {
            let packet = self.received.split_to(len);
            let context = Context {
                version: Version::V5,
                from: Some(Side::Server),
            };
            match decode(&packet, context, &mut Strict).unwrap() {
                Packet::Publish(publish) => match publish.qos {
                    QoS::AtMostOnce => {}
                    QoS::AtLeastOnce => self.answers.push((AckKind::PubAck, publish.packet_id)),
                    QoS::ExactlyOnce => self.answers.push((AckKind::PubRec, publish.packet_id)),
                },
                Packet::Ack(ack) => match ack.kind {
                    AckKind::PubRec => self.answers.push((AckKind::PubRel, ack.packet_id)),
                    AckKind::PubRel => self.answers.push((AckKind::PubComp, ack.packet_id)),
                    AckKind::PubAck | AckKind::PubComp => {}
                },
                _ => {}
            }
        }
    }
}

fn config() -> Config {
    Config {
        max_queued_messages: 5,
        receive_maximum: 1000,
        ..Config::default()
    }
}

/// The lasting state in words, as it would be if every connection broke now.
fn describe(core: &Core, now: Time) -> Vec<String> {
    let mut lines = Vec::new();
    let mut clients: Vec<_> = core.client_ids.values().copied().collect();
    clients.sort_unstable();
    for id in clients {
        let session = &core.sessions[&id];
        if session.expiry_interval == 0 {
            continue;
        }
        let connection = session.connection.map(|id| &core.connections[&id]);
        let (ends_at, will) = match connection {
            Some(connection) => (
                session.end_after(now),
                connection.will.as_ref().map(|w| (now + w.delay, w)),
            ),
            None => (
                session.ends_at,
                session.delayed_will.as_ref().map(|(at, will)| (*at, will)),
            ),
        };
        // The store keeps milliseconds.
        let millis = |at: Time| at.as_millis();
        lines.push(format!(
            "{id:?} {} {:?} expiry {} ends {:?} will {:?}",
            session.client_id,
            session.who,
            session.expiry_interval,
            ends_at.map(millis),
            will.map(|(at, will)| (millis(at), format!("{:?}", will.as_publish()))),
        ));
        let mut filters: Vec<_> = session.filters.iter().collect();
        filters.sort_unstable();
        for filter in filters {
            let options = options_of(core, id, filter);
            lines.push(format!("  filter {filter} {options:?}"));
        }
        for open in session.outgoing.resend() {
            lines.push(match open {
                Resend::Publish(packet_id, qos, outbound) => {
                    format!("  out {packet_id} {qos:?} {}", copy(outbound))
                }
                Resend::PubRel(packet_id) => format!("  released {packet_id}"),
            });
        }
        for outbound in session.queued() {
            lines.push(format!("  waits {}", copy(outbound)));
        }
        let mut received: Vec<_> = session.incoming.unreleased_ids().collect();
        received.sort_unstable();
        lines.push(format!("  received {received:?}"));
    }
    for message in core.retained.all() {
        lines.push(format!("retained {}", describe_message(message)));
    }
    lines
}

fn copy(outbound: &Outbound) -> String {
    format!(
        "{:?} retain {} ids {:?} number {}: {}",
        outbound.qos,
        outbound.retain,
        outbound.subscription_ids,
        outbound.number,
        describe_message(&outbound.message)
    )
}

fn describe_message(message: &Message) -> String {
    let expires = message.expires_at().map(|at| at.as_millis());
    format!("{:?} expires {expires:?}", message.as_publish())
}

/// What the tree says of the filters of this session that match this one, read as a topic.
fn options_of(core: &Core, id: SessionId, filter: &str) -> Vec<String> {
    let (_, filter) = crate::broker::core::subscriptions::split_shared(filter);
    let mut found = Vec::new();
    core.subscriptions.find(filter, &mut |match_| {
        found.push(format!("{match_:?}"));
    });
    // Whose turn it is in a group is not kept.
    found.retain(|text| text.contains(&format!("{id:?}")) && !text.starts_with("Shared"));
    found.sort_unstable();
    found
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn the_store_tells_the_whole_state(steps in prop::collection::vec(step(), 1..120)) {
        let mut world = World::new();
        for step in &steps {
            world.run(step);
            let wall = world.wall_at_zero;
            let mut restored = Core::restore(config(), world.now, wall, &world.store).unwrap();
            prop_assert_eq!(
                describe(&restored, world.now),
                describe(&world.core, world.now),
                "after {:?}", step
            );
            // Nothing that nobody needs is left behind.
            for change in restored.take_changes() {
                let key = Key::from_bytes(&change.key).unwrap();
                prop_assert!(matches!(key, Key::Session(_)), "{:?} after {:?}", key, step);
            }
        }
        world.forget_everything();
        prop_assert_eq!(&world.store, &BTreeMap::new());
        prop_assert_eq!(world.core.memory.used(), 0);
    }

    #[test]
    fn records_of_anything_are_refused_or_taken(
        records in prop::collection::vec(
            (prop::sample::select(b"mrsfqoix".to_vec()), prop::collection::vec(any::<u8>(), 0..20),
             prop::collection::vec(any::<u8>(), 0..60)),
            0..5,
        ),
    ) {
        let records = records.into_iter().map(|(kind, mut key, value)| {
            key.insert(0, kind);
            (key, value)
        });
        let _ = Core::restore(config(), Time::ZERO, WALL, records);
    }
}
