//! What no well-behaved client does, with bytes over a socket.

use midge::broker::Config;
use midge::mqtt::encode::encode;
use midge::mqtt::packet::{FiltersBuf, Publish, Subscribe, SubscriptionOptions};
use midge::mqtt::{Packet, Properties, QoS, Version};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::{PATIENCE, message, v4};
use crate::packets;
use crate::test_broker::TestBroker;

async fn connect(broker: &TestBroker, id: &str) -> TcpStream {
    let mut stream = TcpStream::connect(broker.address).await.unwrap();
    send(&mut stream, &packets::connect(id)).await;
    let mut connack = [0; 16];
    read(&mut stream, &mut connack).await;
    assert_eq!(connack[..4], [0x20, 14, 0, 0]);
    stream
}

async fn send(stream: &mut TcpStream, packet: &Packet<'_>) {
    let mut bytes = Vec::new();
    encode(packet, Version::V5, &mut bytes).unwrap();
    stream.write_all(&bytes).await.unwrap();
}

async fn read(stream: &mut TcpStream, bytes: &mut [u8]) {
    let read = timeout(PATIENCE, stream.read_exact(bytes)).await;
    read.expect("the broker answers").unwrap();
}

#[tokio::test]
async fn disconnect_reaches_a_peer_that_keeps_sending() {
    let broker = TestBroker::start();
    let mut stream = connect(&broker, "a").await;
    // A PUBLISH at QoS 3, and much that the broker will not read as packets any more.
    let mut bytes = vec![0x36, 0x05, 0, 1, b't', 0, 1];
    bytes.resize(100_000, 0xff);
    stream.write_all(&bytes).await.unwrap();
    let mut disconnect = [0; 3];
    read(&mut stream, &mut disconnect).await;
    assert_eq!(disconnect[0], 0xe0);
    assert_eq!(disconnect[2], 0x81);
}

#[tokio::test]
async fn a_subscriber_that_never_reads_does_not_slow_the_others() {
    let broker = TestBroker::with(Config {
        max_output: 1 << 20,
        ..Config::default()
    });
    let mut deaf = connect(&broker, "deaf").await;
    let t = [("t", SubscriptionOptions::default())];
    let filters = FiltersBuf::subscribe(t, Version::V5).unwrap();
    let subscribe = Subscribe {
        packet_id: 1,
        properties: Properties::EMPTY,
        filters: filters.with_options(),
    };
    send(&mut deaf, &Packet::Subscribe(subscribe)).await;
    read(&mut deaf, &mut [0; 6]).await;
    let mut listener = v4::connect(&broker, "listener").await;
    listener.subscribe("t", 0).await;
    let mut publisher = v4::connect(&broker, "p").await;
    // 30 MB: far more than the sockets' buffers and the broker's bound can hold.
    let payload = "x".repeat(100_000);
    for _ in 0..300 {
        publisher.publish("t", &payload, 0, false).await;
        assert!(listener.message().await == message("t", &payload, 0));
    }
}

#[tokio::test]
async fn shutting_down_says_so() {
    let broker = TestBroker::start();
    let mut stream = connect(&broker, "a").await;
    // Dropping waits for the end of the broker, and must not keep this thread from reading.
    let ended = tokio::task::spawn_blocking(move || drop(broker));
    let mut bytes = Vec::new();
    let read = timeout(PATIENCE, stream.read_to_end(&mut bytes)).await;
    read.expect("the broker closes").unwrap();
    assert_eq!((bytes[0], bytes[2]), (0xe0, 0x8b));
    drop(stream);
    timeout(PATIENCE, ended).await.expect("it ends").unwrap();
}

#[tokio::test]
async fn packets_in_one_write_are_all_answered() {
    let broker = TestBroker::start();
    let mut stream = connect(&broker, "a").await;
    let mut bytes = Vec::new();
    for packet_id in 1..=1000 {
        let publish = Publish {
            dup: false,
            qos: QoS::AtLeastOnce,
            retain: false,
            topic: "t",
            packet_id,
            properties: Properties::EMPTY,
            payload: b"x",
        };
        encode(&Packet::Publish(publish), Version::V5, &mut bytes).unwrap();
    }
    stream.write_all(&bytes).await.unwrap();
    for packet_id in 1..=1000_u16 {
        let mut puback = [0; 5];
        read(&mut stream, &mut puback).await;
        let [high, low] = packet_id.to_be_bytes();
        // 0x10: nobody is subscribed.
        assert_eq!(puback, [0x40, 3, high, low, 0x10]);
    }
}
