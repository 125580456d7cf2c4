//! The broker under clients that want too much, over real sockets: they are held to its limits, and
//! the rest are served.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use bytes::BytesMut;
use midge::broker::Config;
use midge::mqtt::decode::{Context, Strict, decode};
use midge::mqtt::encode::encode;
use midge::mqtt::frame::packet_len;
use midge::mqtt::packet::{
    Ack, AckKind, Connect, FiltersBuf, Publish, Subscribe, SubscriptionOptions,
};
use midge::mqtt::property::Value;
use midge::mqtt::{Packet, Properties, PropertiesBuf, PropertyId, QoS, ReasonCode, Side, Version};

use crate::packets::connect;
use crate::test_broker::TestBroker;

/// A client that does nothing on its own.
struct Peer {
    stream: TcpStream,
    received: BytesMut,
}

impl Peer {
    fn open(address: SocketAddr) -> Peer {
        let stream = TcpStream::connect(address).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(20)))
            .unwrap();
        stream.set_nodelay(true).unwrap();
        Peer {
            stream,
            received: BytesMut::new(),
        }
    }

    fn connect(address: SocketAddr, id: &str) -> Peer {
        let mut peer = Peer::open(address);
        peer.send(&connect(id));
        assert_eq!(peer.code(), ReasonCode::SUCCESS);
        peer
    }

    fn send(&mut self, packet: &Packet<'_>) {
        let mut bytes = Vec::new();
        encode(packet, Version::V5, &mut bytes).unwrap();
        // Who is cut off finds out when reading.
        let _ = self.stream.write_all(&bytes);
    }

    /// The bytes of the next packet; none at the end of the connection.
    fn receive(&mut self) -> Option<BytesMut> {
        loop {
            if let Ok(Some(len)) = packet_len(&self.received, usize::MAX) {
                return Some(self.received.split_to(len));
            }
            let mut buffer = [0; 65_536];
            match self.stream.read(&mut buffer) {
                Ok(len @ 1..) => self.received.extend_from_slice(&buffer[..len]),
                Ok(0) => return None,
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                    panic!("nothing comes")
                }
                _ => return None,
            }
        }
    }

    /// The code of the next packet that is an answer.
    fn code(&mut self) -> ReasonCode {
        let packet = self.receive().expect("an answer");
        match read(&packet) {
            Packet::ConnAck(connack) => connack.reason(Version::V5),
            Packet::Ack(ack) => ack.reason,
            Packet::SubAck(codes) => codes.reasons().next().unwrap(),
            Packet::Disconnect(reason) => reason.reason,
            other => panic!("{other:?}"),
        }
    }

    fn subscribe(&mut self, filter: &str, qos: QoS) -> ReasonCode {
        let filters = FiltersBuf::subscribe([(filter, SubscriptionOptions::at(qos))], Version::V5);
        let filters = filters.unwrap();
        self.send(&Packet::Subscribe(Subscribe {
            packet_id: 1,
            properties: Properties::EMPTY,
            filters: filters.with_options(),
        }));
        self.code()
    }

    fn publish(&mut self, topic: &str, payload: &[u8], qos: QoS, retain: bool, packet_id: u16) {
        self.send(&Packet::Publish(Publish {
            dup: false,
            qos,
            retain,
            topic,
            packet_id,
            properties: Properties::EMPTY,
            payload,
        }));
    }

    /// Publishes at QoS 1; the code of PUBACK.
    fn publish_1(&mut self, topic: &str, payload: &[u8], retain: bool) -> ReasonCode {
        self.publish(topic, payload, QoS::AtLeastOnce, retain, 7);
        self.code()
    }
}

fn read(packet: &[u8]) -> Packet<'_> {
    let context = Context {
        version: Version::V5,
        from: Some(Side::Server),
    };
    decode(packet, context, &mut Strict).unwrap()
}

/// A subscriber and a publisher that want little: still served.
fn assert_served(listener: &mut Peer, speaker: &mut Peer, word: &str) {
    speaker.publish("small", word.as_bytes(), QoS::AtMostOnce, false, 0);
    let packet = listener.receive().expect("a message");
    let Packet::Publish(publish) = read(&packet) else {
        panic!("{packet:?}");
    };
    assert_eq!(publish.payload, word.as_bytes());
}

/// Two that came in time.
fn pair(address: SocketAddr) -> (Peer, Peer) {
    let mut listener = Peer::connect(address, "listener");
    assert_eq!(
        listener.subscribe("small", QoS::AtMostOnce),
        ReasonCode::SUCCESS
    );
    (listener, Peer::connect(address, "speaker"))
}

fn broker(max_memory: usize) -> TestBroker {
    TestBroker::with(Config {
        max_memory,
        ..Config::default()
    })
}

#[test]
fn who_reads_slowly_misses_messages_and_nobody_else_does() {
    let broker = TestBroker::with(Config {
        max_output: 256 << 10,
        ..Config::default()
    });
    let (mut listener, mut speaker) = pair(broker.address);
    let mut slow = Peer::connect(broker.address, "slow");
    slow.subscribe("#", QoS::AtMostOnce);
    let payload = vec![0; 10_000];
    // More than the limit and what the system holds for both ends.
    for round in 0..20 {
        for _ in 0..100 {
            speaker.publish("much", &payload, QoS::AtMostOnce, false, 0);
        }
        assert_served(&mut listener, &mut speaker, &round.to_string());
    }
    broker.wait_for("dropped");
}

#[test]
fn many_slow_readers_take_nobodys_memory() {
    let broker = broker(64 << 20);
    let (mut listener, mut speaker) = pair(broker.address);
    let slow: Vec<Peer> = (0..12)
        .map(|i| {
            let mut peer = Peer::connect(broker.address, &format!("slow-{i}"));
            peer.subscribe("much", QoS::AtMostOnce);
            peer
        })
        .collect();
    let payload = vec![0; 100_000];
    // 15 MB for each of them, which is three times what there is.
    for round in 0..150 {
        speaker.publish("much", &payload, QoS::AtMostOnce, false, 0);
        assert_served(&mut listener, &mut speaker, &round.to_string());
    }
    broker.wait_for("dropped");
    let mut new = Peer::connect(broker.address, "new");
    assert_eq!(new.subscribe("new", QoS::AtMostOnce), ReasonCode::SUCCESS);
    let kept = new.publish_1("kept", b"x", true);
    assert_eq!(kept, ReasonCode::NO_MATCHING_SUBSCRIBERS);
    drop(slow);
}

#[test]
fn a_packet_that_comes_byte_by_byte_and_those_that_never_come() {
    let broker = TestBroker::with(Config {
        max_packet_size: 268_435_460,
        ..Config::default()
    });
    let (mut listener, mut speaker) = pair(broker.address);
    let silent: Vec<Peer> = (0..50).map(|_| Peer::open(broker.address)).collect();
    let announcing: Vec<Peer> = (0..50)
        .map(|i| {
            let mut peer = Peer::connect(broker.address, &format!("announcing-{i}"));
            // PUBLISH with 256 MB to come.
            peer.stream
                .write_all(b"\x30\xff\xff\xff\x7f\x00\x01a")
                .unwrap();
            peer
        })
        .collect();
    let mut slow = Peer::open(broker.address);
    let mut bytes = Vec::new();
    encode(&connect("slow"), Version::V5, &mut bytes).unwrap();
    for (i, byte) in bytes.iter().enumerate() {
        slow.stream.write_all(&[*byte]).unwrap();
        assert_served(&mut listener, &mut speaker, &i.to_string());
    }
    assert_eq!(slow.code(), ReasonCode::SUCCESS);
    drop((silent, announcing));
}

#[test]
fn packets_that_do_not_end_are_cut_off_when_memory_is_short() {
    let broker = TestBroker::with(Config {
        max_packet_size: 268_435_460,
        max_memory: 8 << 20,
        ..Config::default()
    });
    let (mut listener, mut speaker) = pair(broker.address);
    let mut greedy = Peer::connect(broker.address, "greedy");
    greedy
        .stream
        .write_all(b"\x30\xff\xff\xff\x7f\x00\x01a")
        .unwrap();
    let more = vec![0; 64 << 10];
    for _ in 0..16 << 20 >> 16 {
        // What comes after the end is read and thrown away for a while.
        if greedy.stream.write_all(&more).is_err() {
            break;
        }
    }
    broker.wait_for("memory_short");
    broker.wait_for("closed");
    assert_eq!(greedy.code(), ReasonCode::QUOTA_EXCEEDED);
    assert_served(&mut listener, &mut speaker, "still here");
    broker.wait_for("memory_enough");
}

#[test]
fn a_flood_of_retained_messages_is_refused() {
    let broker = broker(4 << 20);
    let (mut listener, mut speaker) = pair(broker.address);
    let mut flood = Peer::connect(broker.address, "flood");
    let payload = [0; 1_000];
    let kept = (0..10_000)
        .find(|i| {
            let code = flood.publish_1(&format!("kept/{i}"), &payload, true);
            code == ReasonCode::QUOTA_EXCEEDED
        })
        .expect("refused before 10 MB");
    assert!(kept > 500, "{kept}");
    assert_served(&mut listener, &mut speaker, "still here");
    // In place of another, or without being retained, it takes no room.
    let none = ReasonCode::NO_MATCHING_SUBSCRIBERS;
    assert_eq!(flood.publish_1("kept/0", &payload, true), none);
    assert_eq!(flood.publish_1("other", &payload, false), none);
    // There is room again once enough is gone.
    for i in 0..kept {
        assert_eq!(flood.publish_1(&format!("kept/{i}"), b"", true), none);
    }
    assert_eq!(flood.publish_1("new", &payload, true), none);
}

#[test]
fn a_flood_of_subscriptions_is_refused() {
    let broker = broker(4 << 20);
    let (mut listener, mut speaker) = pair(broker.address);
    let mut flood = Peer::connect(broker.address, "flood");
    // As deep as a filter may be.
    let refused = (0..1_000).find(|i| {
        let filter = format!("{i}{}", "/".repeat(199));
        flood.subscribe(&filter, QoS::AtMostOnce) == ReasonCode::QUOTA_EXCEEDED
    });
    assert!(refused.expect("refused before 100 MB") > 5);
    assert_served(&mut listener, &mut speaker, "still here");
    // What was there can be made anew.
    let first = format!("0{}", "/".repeat(199));
    assert_eq!(
        flood.subscribe(&first, QoS::AtMostOnce),
        ReasonCode::SUCCESS
    );
    drop(flood);
    broker.wait_for("memory_enough");
}

#[test]
fn a_flood_of_connections_is_refused_and_those_before_are_served() {
    let broker = broker(1 << 20);
    let (mut listener, mut speaker) = pair(broker.address);
    let mut flood = Vec::new();
    let refused = (0..1_000).any(|i| {
        let mut peer = Peer::open(broker.address);
        peer.send(&connect(&format!("flood-{i}")));
        let is_refused = match peer.receive() {
            None => true,
            Some(packet) => match read(&packet) {
                Packet::ConnAck(connack) => connack.code != 0,
                _ => true,
            },
        };
        flood.push(peer);
        is_refused
    });
    assert!(refused);
    assert!(flood.len() > 50, "{}", flood.len());
    assert_served(&mut listener, &mut speaker, "still here");
    drop(flood);
    broker.wait_for("memory_enough");
    Peer::connect(broker.address, "late");
}

#[test]
fn as_many_in_flight_as_there_are_ids() {
    let broker = TestBroker::with(Config {
        max_inflight: u16::MAX,
        ..Config::default()
    });
    let (mut listener, mut speaker) = pair(broker.address);
    let mut hoarder = Peer::connect(broker.address, "hoarder");
    hoarder.subscribe("much", QoS::AtLeastOnce);
    let mut flood = Peer::connect(broker.address, "flood");
    let count = u32::from(u16::MAX) + 10;
    for i in 0..count {
        let code = flood.publish_1("much", &i.to_be_bytes(), false);
        assert_eq!(code, ReasonCode::SUCCESS);
    }
    let mut ids = std::collections::BTreeSet::new();
    for _ in 0..u16::MAX {
        let packet = hoarder.receive().unwrap();
        let Packet::Publish(publish) = read(&packet) else {
            panic!("{packet:?}");
        };
        ids.insert(publish.packet_id);
    }
    assert_eq!(
        ids.len(),
        usize::from(u16::MAX),
        "each id once, and no more"
    );
    assert_served(&mut listener, &mut speaker, "still here");
    // The rest comes as ids get free.
    for id in 1..=10 {
        hoarder.send(&Packet::Ack(Ack::new(
            AckKind::PubAck,
            id,
            ReasonCode::SUCCESS,
        )));
    }
    for _ in 0..10 {
        assert!(hoarder.receive().is_some());
    }
}

/// The estimate holds what it promises: the resident memory of the process stays below the limit
/// and the few MB that the process itself takes.
#[cfg(target_os = "linux")]
#[test]
fn the_process_stays_below_its_limit() {
    use crate::program::{self, midge};

    const LIMIT: usize = 32 << 20;
    // Debug builds are larger than others.
    const OWN: usize = 40 << 20;
    let mut child = midge(&["broker", "--port", "0", "--max-memory", "32MiB"])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let port = program::port(&program::ready(&mut child));
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    let resident = || {
        let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
        let line = status
            .lines()
            .find(|line| line.starts_with("VmRSS:"))
            .unwrap();
        let kib: usize = line.split_whitespace().nth(1).unwrap().parse().unwrap();
        kib << 10
    };
    let (mut listener, mut speaker) = pair(address);
    let before = resident();
    assert!(before < OWN, "{before}");
    // Sessions that are away, and all that can be sent to them or kept.
    for i in 0..20 {
        let mut away = Peer::open(address);
        let mut properties = PropertiesBuf::new();
        let expiry = Value::U32(u32::MAX);
        properties
            .push(PropertyId::SESSION_EXPIRY_INTERVAL, expiry)
            .unwrap();
        let id = format!("away-{i}");
        let Packet::Connect(connect) = connect(&id) else {
            unreachable!()
        };
        away.send(&Packet::Connect(Connect {
            properties: properties.as_properties(),
            ..connect
        }));
        assert_eq!(away.code(), ReasonCode::SUCCESS);
        away.subscribe(&format!("away/{i}"), QoS::AtLeastOnce);
    }
    let mut flood = Peer::connect(address, "flood");
    for round in 0..1_500 {
        for payload in [&[1; 60][..], &[2; 2_000], &[3; 20_000]] {
            flood.publish_1(&format!("away/{}", round % 20), payload, false);
            flood.publish_1(&format!("kept/{round}/{}", payload.len()), payload, true);
        }
        flood.subscribe(&format!("{round}/a/b/c"), QoS::AtMostOnce);
    }
    let slow: Vec<Peer> = (0..20)
        .map(|i| {
            let mut slow = Peer::connect(address, &format!("slow-{i}"));
            slow.subscribe("fast", QoS::AtMostOnce);
            slow
        })
        .collect();
    for _ in 0..3_000 {
        flood.publish("fast", &[4; 4_000], QoS::AtMostOnce, false, 0);
    }
    assert_served(&mut listener, &mut speaker, "still here");
    let grown = resident() - before;
    drop(slow);
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(grown < LIMIT, "{grown} bytes grown");
    assert!(grown > LIMIT / 4, "the limit was not tried: {grown}");
}
