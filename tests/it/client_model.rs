//! The client's protocol and the broker's core, joined by a wire that loses, delays and cuts, in
//! virtual time: what QoS promises holds in every run.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use midge::broker::core::{Action, Config, ConnectionId, Core, Input, Peer};
use midge::client::protocol::Protocol;
use midge::client::{ConnectOptions, Event, Lost, Publication, PublishError, Token, TopicName};
use midge::mqtt::packet::SubscriptionOptions;
use midge::mqtt::property::Value;
use midge::mqtt::{Properties, PropertyId, QoS, ReasonCode, Version};
use proptest::prelude::*;

/// Long enough for an alias.
const TOPICS: [&str; 2] = ["to/the/first", "to/the/second"];

/// What is between a client and the broker.
struct Wire {
    id: ConnectionId,
    /// On its way to the client.
    down: Vec<u8>,
    /// The broker closes behind that.
    closing: bool,
}

struct End {
    client: Protocol,
    wire: Option<Wire>,
    waiting: VecDeque<Publication>,
    subscribed: bool,
    received: BTreeMap<u32, u32>,
    answered: BTreeMap<Token, u32>,
}

struct World {
    core: Core,
    config: Config,
    base: Instant,
    now: Duration,
    next_connection: u64,
    ends: Vec<End>,
    /// Connections whose end the broker has not noticed.
    ghosts: Vec<ConnectionId>,
    /// Every message: who gets it, at which QoS.
    sent: BTreeMap<u32, (usize, QoS)>,
    tokens: Vec<(usize, Token)>,
    next_number: u32,
}

/// How the ends differ from run to run.
#[derive(Debug, Clone)]
struct Setting {
    version: Version,
    client_receive_maximum: u16,
    broker_receive_maximum: u16,
    max_inflight: u16,
    aliases: bool,
}

#[derive(Debug, Clone)]
enum Step {
    /// This end publishes to the other.
    Publish(usize, QoS),
    ToBroker(usize, usize),
    ToClient(usize, usize),
    /// The connection breaks, and the broker notices it or not.
    Cut(usize, bool),
    /// Time passes; keep alives and time-outs run.
    Wait(u64),
    /// The broker forgets everything.
    Restart,
}

impl World {
    fn new(setting: &Setting) -> World {
        let config = Config {
            receive_maximum: setting.broker_receive_maximum,
            max_inflight: setting.max_inflight,
            ..Config::default()
        };
        let end = |name: &str| {
            let mut options = ConnectOptions::new(setting.version, name);
            options.clean_start = false;
            options.keep_alive = 5;
            options.answer_timeout = Some(Duration::from_secs(20));
            options.topic_aliases = setting.aliases;
            for (id, value) in [
                (PropertyId::SESSION_EXPIRY_INTERVAL, Value::U32(100_000)),
                (
                    PropertyId::RECEIVE_MAXIMUM,
                    Value::U16(setting.client_receive_maximum),
                ),
                (PropertyId::TOPIC_ALIAS_MAXIMUM, Value::U16(3)),
            ] {
                options.properties.push(id, value).unwrap();
            }
            End {
                client: Protocol::new(Arc::new(options)),
                wire: None,
                waiting: VecDeque::new(),
                subscribed: false,
                received: BTreeMap::new(),
                answered: BTreeMap::new(),
            }
        };
        World {
            core: Core::new(config.clone()),
            config,
            base: Instant::now(),
            now: Duration::ZERO,
            next_connection: 0,
            ends: vec![end("a"), end("b")],
            ghosts: Vec::new(),
            sent: BTreeMap::new(),
            tokens: Vec::new(),
            next_number: 0,
        }
    }

    fn clock(&self) -> Instant {
        self.base + self.now
    }

    fn step(&mut self, step: &Step) {
        for i in 0..self.ends.len() {
            self.connect(i);
        }
        match *step {
            Step::Publish(i, qos) => {
                self.next_number += 1;
                let to = 1 - i;
                self.sent.insert(self.next_number, (to, qos));
                let topic = TopicName::new(TOPICS[to]).unwrap();
                let payload = self.next_number.to_be_bytes().to_vec();
                let publication = Publication::new(topic, payload, qos);
                self.ends[i].waiting.push_back(publication);
            }
            Step::ToBroker(i, len) => self.carry_up(i, len),
            Step::ToClient(i, len) => self.carry_down(i, len),
            Step::Cut(i, noticed) => {
                if let Some(wire) = self.ends[i].wire.take() {
                    self.ends[i].client.handle_eof();
                    match noticed {
                        true => self.core.handle(self.now, wire.id, Input::Closed),
                        false => self.ghosts.push(wire.id),
                    }
                    self.take_events(i);
                    self.take_actions();
                }
            }
            Step::Wait(milliseconds) => self.wait(Duration::from_millis(milliseconds)),
            Step::Restart => {
                self.core = Core::new(self.config.clone());
                self.ghosts.clear();
                for i in 0..self.ends.len() {
                    if self.ends[i].wire.take().is_some() {
                        self.ends[i].client.handle_eof();
                        self.take_events(i);
                    }
                }
            }
        }
        for i in 0..self.ends.len() {
            self.publish(i);
        }
    }

    fn connect(&mut self, i: usize) {
        if self.ends[i].wire.is_some() {
            return;
        }
        self.next_connection += 1;
        let id = ConnectionId(self.next_connection);
        self.core
            .handle(self.now, id, Input::Opened(&Peer::default()));
        let (clock, end) = (self.clock(), &mut self.ends[i]);
        let timeout = Duration::from_secs(30);
        end.client.connect(clock, timeout, false).unwrap();
        end.wire = Some(Wire {
            id,
            down: Vec::new(),
            closing: false,
        });
        self.take_actions();
    }

    fn publish(&mut self, i: usize) {
        let end = &mut self.ends[i];
        while let Some(publication) = end.waiting.pop_front() {
            let qos = publication.qos;
            match end.client.publish(publication) {
                Ok(token) if qos > QoS::AtMostOnce => self.tokens.push((i, token)),
                Ok(_) => {}
                Err(PublishError::QuotaFull(back) | PublishError::NotConnected(back)) => {
                    end.waiting.push_front(*back);
                    return;
                }
                Err(error) => panic!("{error}"),
            }
        }
    }

    fn carry_up(&mut self, i: usize, len: usize) {
        let (clock, end) = (self.clock(), &mut self.ends[i]);
        let Some(wire) = &end.wire else { return };
        let len = len.min(end.client.output().len());
        if len == 0 {
            return;
        }
        let bytes = end.client.output()[..len].to_vec();
        end.client.consume_output(clock, len);
        self.core.handle(self.now, wire.id, Input::Bytes(&bytes));
        self.take_actions();
    }

    fn carry_down(&mut self, i: usize, len: usize) {
        let (clock, end) = (self.clock(), &mut self.ends[i]);
        let Some(wire) = &mut end.wire else { return };
        let len = len.min(wire.down.len());
        if len > 0 {
            let bytes: Vec<u8> = wire.down.drain(..len).collect();
            self.core.handle(self.now, wire.id, Input::Written(len));
            end.client.handle_bytes(clock, BytesMut::from(&bytes[..]));
            self.take_events(i);
        }
        let end = &mut self.ends[i];
        if end
            .wire
            .as_ref()
            .is_some_and(|w| w.closing && w.down.is_empty())
        {
            end.client.handle_eof();
            self.take_events(i);
        }
        self.take_actions();
    }

    fn wait(&mut self, time: Duration) {
        let until = self.now + time;
        loop {
            let clients = self.ends.iter().filter_map(|end| end.client.poll_timeout());
            let next = clients
                .map(|at| at.saturating_duration_since(self.base))
                .chain(self.core.poll_timeout())
                .min()
                .unwrap_or(until);
            let is_last = next > until;
            self.now = next.clamp(self.now, until);
            self.core.handle_timeout(self.now);
            self.take_actions();
            let clock = self.clock();
            for i in 0..self.ends.len() {
                self.ends[i].client.handle_timeout(clock);
                self.take_events(i);
            }
            if is_last {
                break;
            }
            // A timer that is due once more is no endless loop, but one that stays due would be.
            self.now += Duration::from_micros(1);
            if self.now > until {
                break;
            }
        }
        for ghost in std::mem::take(&mut self.ghosts) {
            self.core.handle(self.now, ghost, Input::Closed);
        }
        self.take_actions();
    }

    fn take_actions(&mut self) {
        while let Some(action) = self.core.poll_action() {
            let wire = |ends: &mut Vec<End>, id| -> Option<usize> {
                ends.iter()
                    .position(|end| end.wire.as_ref().is_some_and(|wire| wire.id == id))
            };
            match action {
                Action::Send { connection, bytes } => {
                    if let Some(i) = wire(&mut self.ends, connection)
                        && let Some(wire) = &mut self.ends[i].wire
                    {
                        wire.down.extend_from_slice(&bytes);
                    }
                }
                Action::Close { connection } => {
                    if let Some(i) = wire(&mut self.ends, connection)
                        && let Some(wire) = &mut self.ends[i].wire
                    {
                        wire.closing = true;
                    }
                }
                Action::Log(_) => {}
            }
        }
    }

    fn take_events(&mut self, i: usize) {
        let end = &mut self.ends[i];
        while let Some(event) = end.client.poll_event() {
            match event {
                Event::Message(message) => {
                    assert_eq!(message.topic.as_str(), TOPICS[i]);
                    let number = u32::from_be_bytes(message.payload[..].try_into().unwrap());
                    *end.received.entry(number).or_default() += 1;
                }
                Event::Published { token, reason, .. } => {
                    assert!(!reason.is_error(), "{reason}");
                    *end.answered.entry(token).or_default() += 1;
                }
                Event::Connected(connected) => assert_eq!(connected.keep_alive, 5),
                Event::Subscribed { reasons, .. } => {
                    assert_eq!(reasons, [ReasonCode(2)]);
                    end.subscribed = true;
                }
                Event::Resubscribed {
                    filters, reasons, ..
                } => {
                    assert_eq!(filters, [TOPICS[i]]);
                    assert_eq!(reasons, [ReasonCode(2)]);
                }
                Event::Closed(lost) => {
                    match &lost {
                        Lost::Disconnected(refusal) => {
                            assert_eq!(refusal.reason, ReasonCode::KEEP_ALIVE_TIMEOUT);
                        }
                        Lost::Closed { .. }
                        | Lost::KeepAlive(_)
                        | Lost::NoConnAck(_)
                        | Lost::NoAnswer(_)
                        | Lost::Stalled { .. } => {}
                        other => panic!("{other}"),
                    }
                    if let Some(wire) = end.wire.take() {
                        self.core.handle(self.now, wire.id, Input::Closed);
                    }
                }
                other => panic!("unexpected: {other:?}"),
            }
        }
    }

    /// Lets everything through until nothing moves any more.
    fn settle(&mut self) {
        for _ in 0..10_000 {
            for i in 0..self.ends.len() {
                self.step(&Step::ToBroker(i, usize::MAX));
                self.step(&Step::ToClient(i, usize::MAX));
            }
            let is_idle = |end: &End| {
                end.client.is_connected()
                    && end.client.output().is_empty()
                    && end.client.in_flight() == 0
                    && end.waiting.is_empty()
                    && end.wire.as_ref().is_some_and(|wire| wire.down.is_empty())
            };
            if self.ends.iter().all(is_idle) {
                return;
            }
        }
        panic!("never settles");
    }

    /// Both subscribe, whatever it takes.
    fn subscribe(&mut self) {
        self.settle();
        for (end, topic) in self.ends.iter_mut().zip(TOPICS) {
            let filter = (topic, SubscriptionOptions::at(QoS::ExactlyOnce));
            end.client.subscribe([filter], Properties::EMPTY).unwrap();
        }
        self.settle();
        assert!(self.ends.iter().all(|end| end.subscribed));
    }

    fn check_answers(&self) {
        for &(i, token) in &self.tokens {
            let answers = self.ends[i].answered.get(&token);
            assert_eq!(answers, Some(&1), "one answer each");
        }
    }

    fn check_deliveries(&self, from: u32) {
        for (number, &(to, qos)) in self.sent.range(from..) {
            let count = self.ends[to].received.get(number).copied().unwrap_or(0);
            match (qos, count) {
                (QoS::AtMostOnce, 0 | 1) | (QoS::AtLeastOnce, 1..) | (QoS::ExactlyOnce, 1) => {}
                (qos, count) => panic!("message {number} of QoS {qos} came {count} times"),
            }
        }
    }
}

fn setting() -> impl Strategy<Value = Setting> {
    let version = prop_oneof![Just(Version::V311), Just(Version::V5)];
    (version, 1u16..6, 1u16..6, 1u16..6, any::<bool>()).prop_map(
        |(version, client_receive_maximum, broker_receive_maximum, max_inflight, aliases)| {
            Setting {
                version,
                client_receive_maximum,
                broker_receive_maximum,
                max_inflight,
                aliases,
            }
        },
    )
}

fn step() -> impl Strategy<Value = Step> {
    let qos = prop_oneof![
        1 => Just(QoS::AtMostOnce),
        2 => Just(QoS::AtLeastOnce),
        2 => Just(QoS::ExactlyOnce)
    ];
    prop_oneof![
        5 => (0usize..2, qos).prop_map(|(i, qos)| Step::Publish(i, qos)),
        6 => (0usize..2, 1usize..80).prop_map(|(i, len)| Step::ToBroker(i, len)),
        6 => (0usize..2, 1usize..80).prop_map(|(i, len)| Step::ToClient(i, len)),
        1 => (0usize..2, any::<bool>()).prop_map(|(i, noticed)| Step::Cut(i, noticed)),
        1 => (0u64..9000).prop_map(Step::Wait),
    ]
}

proptest! {
    #[test]
    fn what_qos_promises_holds_against_our_broker(
        setting in setting(),
        steps in prop::collection::vec(step(), 1..300),
    ) {
        let mut world = World::new(&setting);
        world.subscribe();
        for step in &steps {
            world.step(step);
        }
        world.settle();
        world.check_answers();
        world.check_deliveries(0);
    }

    /// A broker that forgets everything may lose what it had taken over, and nothing else: every
    /// message is answered, and what comes later arrives by the subscriptions made anew.
    #[test]
    fn a_broker_that_forgets_costs_no_answer_and_no_subscription(
        setting in setting(),
        steps in prop::collection::vec(
            prop_oneof![20 => step(), 1 => Just(Step::Restart)],
            1..200,
        ),
    ) {
        let mut world = World::new(&setting);
        world.subscribe();
        for step in &steps {
            world.step(step);
        }
        world.step(&Step::Restart);
        world.settle();
        world.check_answers();
        let from = world.next_number + 1;
        for i in 0..2 {
            world.step(&Step::Publish(i, QoS::ExactlyOnce));
            world.step(&Step::Publish(i, QoS::AtLeastOnce));
        }
        world.settle();
        world.check_answers();
        world.check_deliveries(from);
    }
}
