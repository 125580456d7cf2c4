//! What QoS promises, held over random cuts, losses and splits.
//!
//! Two pure ends: this client, and a small server made of the flow machine. In every run a part of
//! the bytes that are on their way is lost whenever the connection is cut.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use proptest::prelude::*;

use super::super::event::{Event, Token};
use super::super::message::{Publication, TopicName};
use super::super::options::ConnectOptions;
use super::Protocol;
use crate::mqtt::decode::{Context, Strict, decode};
use crate::mqtt::encode::encode;
use crate::mqtt::flow::{Incoming, Outgoing, PubRec, Received, Resend};
use crate::mqtt::frame::{Framer, MAX_PACKET_SIZE};
use crate::mqtt::packet::{Ack, AckKind, ConnAck, Packet, Publish};
use crate::mqtt::property::Value;
use crate::mqtt::{PropertiesBuf, PropertyId, QoS, ReasonCode, Side, Version};

/// A server with one session, which it keeps over cuts.
struct Server {
    outgoing: Outgoing<(u32, QoS)>,
    incoming: Incoming,
    to_send: VecDeque<(u32, QoS)>,
    framer: Framer,
    output: Vec<u8>,
    version: Version,
    receive_maximum: u16,
    known: bool,
    connected: bool,
    /// How often each of the client's messages was delivered.
    delivered: BTreeMap<u32, u32>,
    /// The largest number of client messages that were open at once.
    most_open: usize,
    open: std::collections::BTreeSet<u16>,
}

impl Server {
    fn new(version: Version, receive_maximum: u16) -> Server {
        Server {
            outgoing: Outgoing::new(20),
            incoming: Incoming::new(u16::MAX),
            to_send: VecDeque::new(),
            framer: Framer::new(MAX_PACKET_SIZE),
            output: Vec::new(),
            version,
            receive_maximum,
            known: false,
            connected: false,
            delivered: BTreeMap::new(),
            most_open: 0,
            open: std::collections::BTreeSet::new(),
        }
    }

    fn send(&mut self, packet: &Packet<'_>) {
        encode(packet, self.version, &mut self.output).unwrap();
    }

    fn ack(&mut self, kind: AckKind, id: u16) {
        self.send(&Packet::Ack(Ack::new(kind, id, ReasonCode::SUCCESS)));
    }

    fn publish(&mut self, id: u16, (number, qos): (u32, QoS), dup: bool) {
        self.send(&Packet::Publish(Publish {
            dup,
            qos,
            retain: false,
            topic: "down",
            packet_id: id,
            properties: PropertiesBuf::new().as_properties(),
            payload: &number.to_be_bytes(),
        }));
    }

    fn cut(&mut self) {
        self.framer = Framer::new(MAX_PACKET_SIZE);
        self.output.clear();
        self.open.clear();
        self.connected = false;
    }

    fn send_queued(&mut self) {
        while let Some(&message) = self.to_send.front() {
            let Ok(id) = self.outgoing.publish(message.1, message) else {
                return;
            };
            self.to_send.pop_front();
            self.publish(id, message, false);
        }
    }

    fn receive(&mut self, bytes: &[u8]) {
        self.framer.feed(bytes);
        while let Some(bytes) = self.framer.next_packet().unwrap() {
            let context = Context {
                version: self.version,
                from: Some(Side::Client),
            };
            let packet = decode(&bytes, context, &mut Strict).expect("the client keeps the rules");
            self.handle(&packet);
        }
    }

    fn handle(&mut self, packet: &Packet<'_>) {
        match packet {
            Packet::Connect(_) => {
                let mut properties = PropertiesBuf::new();
                if self.version == Version::V5 {
                    let value = Value::U16(self.receive_maximum);
                    properties.push(PropertyId::RECEIVE_MAXIMUM, value).unwrap();
                }
                self.send(&Packet::ConnAck(ConnAck {
                    session_present: self.known && self.version > Version::V31,
                    code: 0,
                    properties: properties.as_properties(),
                }));
                self.known = true;
                self.connected = true;
                self.incoming.resume(u16::MAX);
                self.outgoing.resume(20);
                let resend: Vec<_> = self
                    .outgoing
                    .resend()
                    .map(|resend| match resend {
                        Resend::Publish(id, _, &message) => (id, Some(message)),
                        Resend::PubRel(id) => (id, None),
                    })
                    .collect();
                for (id, message) in resend {
                    match message {
                        Some(message) => self.publish(id, message, true),
                        None => self.ack(AckKind::PubRel, id),
                    }
                }
            }
            Packet::Publish(publish) => {
                if publish.qos > QoS::AtMostOnce {
                    self.open.insert(publish.packet_id);
                    self.most_open = self.most_open.max(self.open.len());
                }
                let number = u32::from_be_bytes(publish.payload.try_into().unwrap());
                match self.incoming.handle_publish(publish.qos, publish.packet_id) {
                    Received::Deliver => *self.delivered.entry(number).or_default() += 1,
                    Received::Duplicate => {}
                    Received::QuotaExceeded => panic!("65535 messages open"),
                }
                match publish.qos {
                    QoS::AtMostOnce => {}
                    QoS::AtLeastOnce => {
                        self.ack(AckKind::PubAck, publish.packet_id);
                        self.incoming.acknowledge();
                        self.open.remove(&publish.packet_id);
                    }
                    QoS::ExactlyOnce => self.ack(AckKind::PubRec, publish.packet_id),
                }
            }
            Packet::Ack(ack) => match ack.kind {
                AckKind::PubAck => {
                    self.outgoing.handle_puback(ack.packet_id);
                }
                AckKind::PubRec => match self.outgoing.handle_pubrec(ack.packet_id, ack.reason) {
                    PubRec::Release(_) | PubRec::ReleaseAgain => {
                        self.ack(AckKind::PubRel, ack.packet_id);
                    }
                    PubRec::Refused(_) | PubRec::Unknown => {}
                },
                AckKind::PubRel => {
                    self.incoming.handle_pubrel(ack.packet_id);
                    self.open.remove(&ack.packet_id);
                    self.ack(AckKind::PubComp, ack.packet_id);
                }
                AckKind::PubComp => {
                    self.outgoing.handle_pubcomp(ack.packet_id);
                }
            },
            Packet::PingReq => self.send(&Packet::PingResp),
            other => panic!("unexpected: {other:?}"),
        }
    }
}

#[derive(Debug, Clone)]
enum Step {
    /// The client publishes at this QoS.
    Up(QoS),
    /// The server does.
    Down(QoS),
    /// At most so many bytes reach the server.
    ToServer(usize),
    /// At most so many bytes reach the client, in two parts.
    ToClient(usize, usize),
    /// The connection breaks; what was on its way is lost.
    Cut,
}

fn qos() -> impl Strategy<Value = QoS> {
    prop_oneof![Just(QoS::AtLeastOnce), Just(QoS::ExactlyOnce)]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => qos().prop_map(Step::Up),
        3 => qos().prop_map(Step::Down),
        4 => (1usize..60).prop_map(Step::ToServer),
        4 => (1usize..60, 0usize..60).prop_map(|(len, at)| Step::ToClient(len, at)),
        1 => Just(Step::Cut),
    ]
}

/// The two ends and what is written down about them.
struct Run {
    client: Protocol,
    server: Server,
    now: Instant,
    connected: bool,
    sent_up: BTreeMap<u32, (Token, QoS)>,
    waiting_up: VecDeque<Publication>,
    acknowledged: BTreeMap<Token, u32>,
    sent_down: BTreeMap<u32, QoS>,
    received: BTreeMap<u32, u32>,
    next_number: u32,
}

impl Run {
    fn new(version: Version, receive_maximum: u16) -> Run {
        let mut options = ConnectOptions::new(version, "c");
        options.clean_start = false;
        Run {
            client: Protocol::new(Arc::new(options)),
            server: Server::new(version, receive_maximum),
            now: Instant::now(),
            connected: false,
            sent_up: BTreeMap::new(),
            waiting_up: VecDeque::new(),
            acknowledged: BTreeMap::new(),
            sent_down: BTreeMap::new(),
            received: BTreeMap::new(),
            next_number: 0,
        }
    }

    fn number(&mut self) -> u32 {
        self.next_number += 1;
        self.next_number
    }

    fn step(&mut self, step: &Step) {
        if !self.connected {
            let timeout = Duration::from_secs(1);
            self.client.connect(self.now, timeout, false).unwrap();
            self.connected = true;
        }
        match *step {
            Step::Up(qos) => {
                let number = self.number();
                let topic = TopicName::new("up").unwrap();
                let payload = number.to_be_bytes().to_vec();
                self.waiting_up
                    .push_back(Publication::new(topic, payload, qos));
            }
            Step::Down(qos) => {
                let number = self.number();
                self.sent_down.insert(number, qos);
                self.server.to_send.push_back((number, qos));
            }
            Step::ToServer(len) => {
                let bytes = self.client.output();
                let bytes = bytes[..len.min(bytes.len())].to_vec();
                self.client.consume_output(self.now, bytes.len());
                self.server.receive(&bytes);
                if self.server.connected {
                    self.server.send_queued();
                }
            }
            Step::ToClient(len, at) => {
                let len = len.min(self.server.output.len());
                let bytes: Vec<u8> = self.server.output.drain(..len).collect();
                let (first, second) = bytes.split_at(at.min(len));
                for part in [first, second] {
                    self.client.handle_bytes(self.now, BytesMut::from(part));
                    self.events();
                }
            }
            Step::Cut => {
                self.client.handle_eof();
                self.events();
                self.server.cut();
                self.connected = false;
            }
        }
        while let Some(publication) = self.waiting_up.pop_front() {
            let number = u32::from_be_bytes(publication.payload[..].try_into().unwrap());
            let qos = publication.qos;
            match self.client.publish(publication) {
                Ok(token) => {
                    self.sent_up.insert(number, (token, qos));
                }
                Err(super::super::PublishError::QuotaFull(back))
                | Err(super::super::PublishError::NotConnected(back)) => {
                    self.waiting_up.push_front(*back);
                    break;
                }
                Err(other) => panic!("{other}"),
            }
        }
    }

    fn events(&mut self) {
        while let Some(event) = self.client.poll_event() {
            match event {
                Event::Message(message) => {
                    let number = u32::from_be_bytes(message.payload[..].try_into().unwrap());
                    *self.received.entry(number).or_default() += 1;
                }
                Event::Published { token, reason, .. } => {
                    assert!(!reason.is_error());
                    *self.acknowledged.entry(token).or_default() += 1;
                }
                Event::Closed(super::super::Lost::Closed { .. }) | Event::Connected(_) => {}
                other => panic!("unexpected: {other:?}"),
            }
        }
    }

    /// Lets everything through until nothing moves any more.
    fn settle(&mut self) {
        for _ in 0..100_000 {
            self.step(&Step::ToServer(usize::MAX));
            self.step(&Step::ToClient(usize::MAX, 0));
            let idle = self.client.output().is_empty()
                && self.server.output.is_empty()
                && self.waiting_up.is_empty()
                && self.client.in_flight() == 0
                && self.server.to_send.is_empty()
                && self.server.outgoing.in_flight() == 0;
            if idle {
                return;
            }
        }
        panic!("never settles");
    }

    fn check(&self) {
        let counts = self.sent_up.iter().map(|(number, &(token, qos))| {
            assert_eq!(self.acknowledged.get(&token), Some(&1), "one answer each");
            (qos, self.server.delivered.get(number))
        });
        let counts_down = self
            .sent_down
            .iter()
            .map(|(number, &qos)| (qos, self.received.get(number)));
        for (qos, count) in counts.chain(counts_down) {
            match (qos, count) {
                (QoS::ExactlyOnce, Some(1)) | (QoS::AtLeastOnce, Some(1..)) => {}
                other => panic!("promise broken: {other:?}"),
            }
        }
        if self.server.version == Version::V5 {
            assert!(self.server.most_open <= usize::from(self.server.receive_maximum));
        }
    }
}

proptest! {
    #[test]
    fn what_qos_promises_holds(
        version in prop_oneof![Just(Version::V31), Just(Version::V311), Just(Version::V5)],
        receive_maximum in 1u16..8,
        steps in prop::collection::vec(step(), 1..400),
    ) {
        let mut run = Run::new(version, receive_maximum);
        for step in &steps {
            run.step(step);
        }
        run.settle();
        run.check();
    }
}
