//! The broker over real sockets, with rumqttc as the client that shares no code with it.

mod raw;
mod rumqttc_client;

use std::time::Duration;

use rumqttc_client::{v4, v5};

use crate::test_broker::TestBroker;

/// How long anything may take that must happen.
const PATIENCE: Duration = Duration::from_secs(10);

/// What a subscriber got.
#[derive(Debug, PartialEq, Eq)]
struct Message {
    topic: String,
    payload: String,
    qos: u8,
    retain: bool,
    dup: bool,
}

fn message(topic: &str, payload: &str, qos: u8) -> Message {
    Message {
        topic: topic.into(),
        payload: payload.into(),
        qos,
        retain: false,
        dup: false,
    }
}

/// The same tests for both versions of the client.
macro_rules! with_each_version {
    ($($(#[$doc:meta])* async fn $name:ident<$client:ident>() $body:block)*) => {
        mod with_rumqttc_v4 {
            use super::*;
            $($(#[$doc])* #[tokio::test] async fn $name() { use v4 as $client; $body })*
        }
        mod with_rumqttc_v5 {
            use super::*;
            $($(#[$doc])* #[tokio::test] async fn $name() { use v5 as $client; $body })*
        }
    };
}

with_each_version! {
    async fn every_qos_arrives<client>() {
        let broker = TestBroker::start();
        let mut subscriber = client::connect(&broker, "s").await;
        subscriber.subscribe("t/#", 2).await;
        let mut publisher = client::connect(&broker, "p").await;
        for qos in 0..=2 {
            publisher.publish("t/x", "hello", qos, false).await;
            assert_eq!(subscriber.message().await, message("t/x", "hello", qos));
        }
    }

    async fn a_thousand_messages_keep_their_order<client>() {
        let broker = TestBroker::start();
        let mut subscriber = client::connect(&broker, "s").await;
        subscriber.subscribe("t", 1).await;
        let mut publisher = client::connect(&broker, "p").await;
        let publish = async {
            for i in 0..1000 {
                publisher.publish("t", &i.to_string(), 1, false).await;
            }
        };
        let receive = async {
            for i in 0..1000 {
                assert_eq!(subscriber.message().await, message("t", &i.to_string(), 1));
            }
        };
        tokio::join!(publish, receive);
    }

    async fn a_retained_message_waits_for_subscribers<client>() {
        let broker = TestBroker::start();
        let mut publisher = client::connect(&broker, "p").await;
        publisher.publish("t", "kept", 1, true).await;
        let mut subscriber = client::connect(&broker, "s").await;
        subscriber.subscribe("t", 1).await;
        let expected = Message { retain: true, ..message("t", "kept", 1) };
        assert_eq!(subscriber.message().await, expected);
    }

    async fn the_will_goes_out_when_the_connection_breaks<client>() {
        let broker = TestBroker::start();
        let mut subscriber = client::connect(&broker, "s").await;
        subscriber.subscribe("w", 1).await;
        let doomed = client::Options::new(&broker, "d").with_will("w", "gone", 1).connect().await;
        // Dropping closes the socket without DISCONNECT.
        drop(doomed);
        assert_eq!(subscriber.message().await, message("w", "gone", 1));
    }

    async fn a_second_client_with_the_id_takes_over<client>() {
        let broker = TestBroker::start();
        let mut first = client::connect(&broker, "same").await;
        let mut second = client::connect(&broker, "same").await;
        first.ends().await;
        second.subscribe("t", 0).await;
        second.publish("t", "still here", 0, false).await;
        assert_eq!(second.message().await, message("t", "still here", 0));
    }

    async fn a_session_is_resumed_with_what_came_meanwhile<client>() {
        let broker = TestBroker::start();
        let mut subscriber = client::Options::new(&broker, "s").keep_session().connect().await;
        assert!(!subscriber.session_present);
        subscriber.subscribe("t", 2).await;
        drop(subscriber);
        let mut publisher = client::connect(&broker, "p").await;
        for (payload, qos) in [("one", 1), ("two", 2)] {
            publisher.publish("t", payload, qos, false).await;
        }
        let mut subscriber = client::Options::new(&broker, "s").keep_session().connect().await;
        assert!(subscriber.session_present);
        // The broker may not have seen the end of the first connection when "one" came: then it
        // was sent there, and this is a repeat.
        for (payload, qos) in [("one", 1), ("two", 2)] {
            let got = subscriber.message().await;
            assert_eq!(Message { dup: false, ..got }, message("t", payload, qos));
        }
    }

    async fn a_large_message_passes_and_a_larger_one_does_not<client>() {
        let broker = TestBroker::start();
        let mut subscriber = client::connect(&broker, "s").await;
        subscriber.subscribe("t", 1).await;
        let mut publisher = client::connect(&broker, "p").await;
        let payload = "x".repeat(1_900_000);
        publisher.publish("t", &payload, 1, false).await;
        let got = subscriber.message().await;
        assert!(got == message("t", &payload, 1), "{} bytes came", got.payload.len());
        publisher.hand_over("t", &"x".repeat(2_000_000), 0, false).await;
        publisher.ends().await;
    }
}
