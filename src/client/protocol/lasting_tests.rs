//! What outlives a connection, what gives one up, and authentication, against packets written by
//! hand, in virtual time.

use std::time::Duration;

use proptest::prelude::*;

use super::super::error::{Lost, ProtocolError, PublishError, RequestError};
use super::super::event::Event;
use super::super::message::{Publication, TopicName};
use super::super::options::ConnectOptions;
use super::tests::{Bench, OK, SECOND, SESSION_PRESENT, options_with, publication};
use crate::mqtt::packet::SubscriptionOptions;
use crate::mqtt::property::Value;
use crate::mqtt::{Properties, PropertyId, QoS, ReasonCode, Version};

fn patient(limit: Duration) -> ConnectOptions {
    let mut options = ConnectOptions::new(Version::V5, "c");
    options.keep_alive = 0;
    options.answer_timeout = Some(limit);
    options
}

fn subscribe(bench: &mut Bench, filters: &[&str]) {
    let options = SubscriptionOptions::at(QoS::AtLeastOnce);
    let filters = filters.iter().map(|&filter| (filter, options));
    let properties = Properties::EMPTY;
    bench.protocol.subscribe(filters, properties).unwrap();
}

#[test]
fn only_what_was_granted_is_asked_for_again() {
    let mut bench = Bench::connected(OK);
    subscribe(&mut bench, &["a", "b", "c"]);
    bench.sent();
    bench.receive(b"\x90\x06\x00\x01\x00\x01\x87\x01");
    assert!(matches!(
        bench.protocol.poll_event(),
        Some(Event::Subscribed { .. })
    ));
    let gone = bench.protocol.unsubscribe(["c"], Properties::EMPTY);
    gone.unwrap();
    bench.sent();
    bench.receive(b"\xb0\x04\x00\x02\x00\x00");
    assert!(matches!(
        bench.protocol.poll_event(),
        Some(Event::Unsubscribed { .. })
    ));
    bench.cut();
    bench.reconnect(SESSION_PRESENT);
    assert_eq!(bench.sent(), b"", "the server has them");
    bench.cut();
    bench.reconnect(OK);
    assert_eq!(bench.sent(), b"\x82\x07\x00\x01\x00\x00\x01a\x01");
    // Lost before it is answered: again.
    bench.cut();
    bench.reconnect(OK);
    assert_eq!(bench.sent(), b"\x82\x07\x00\x01\x00\x00\x01a\x01");
    bench.receive(b"\x90\x04\x00\x01\x00\x01");
    match bench.protocol.poll_event() {
        Some(Event::Resubscribed {
            filters, reasons, ..
        }) => {
            assert_eq!(filters, ["a"]);
            assert_eq!(reasons, [ReasonCode(1)]);
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_answer_to_another_question_is_none() {
    let mut bench = Bench::connected(OK);
    subscribe(&mut bench, &["a"]);
    bench.receive(b"\xb0\x04\x00\x01\x00\x00");
    assert!(matches!(
        bench.lost(),
        Lost::Protocol(ProtocolError::Unexpected { .. })
    ));
}

#[test]
fn a_server_with_smaller_limits_than_before_gets_no_more_than_it_takes() {
    let mut bench = Bench::connected(OK);
    let small = bench.publish(QoS::AtLeastOnce).unwrap();
    let large = publication("a payload of more bytes", QoS::AtLeastOnce);
    let large = bench.protocol.publish(large).unwrap();
    let exact = bench.publish(QoS::ExactlyOnce).unwrap();
    bench.cut();
    // Maximum Packet Size 20, Maximum QoS 1.
    bench.reconnect(b"\x01\x00\x07\x27\x00\x00\x00\x14\x24\x01");
    assert_eq!(bench.sent(), b"\x3a\x07\x00\x01t\x00\x01\x00x");
    assert_eq!(bench.published(), (large, ReasonCode::PACKET_TOO_LARGE));
    assert_eq!(bench.published(), (exact, ReasonCode::QOS_NOT_SUPPORTED));
    bench.receive(b"\x40\x02\x00\x01");
    assert_eq!(bench.published(), (small, ReasonCode::SUCCESS));
    assert_eq!(bench.protocol.in_flight(), 0);
}

#[test]
fn an_acknowledgement_that_does_not_come_ends_the_wait() {
    let mut bench = Bench::connected_with(patient(10 * SECOND), OK);
    assert_eq!(bench.protocol.poll_timeout(), None, "nothing is owed");
    bench.pass(100 * SECOND);
    for _ in 0..2 {
        bench.publish(QoS::AtLeastOnce).unwrap();
    }
    bench.sent();
    bench.pass(9 * SECOND);
    // Each one counts anew; pings and messages do not.
    bench.receive(b"\x40\x02\x00\x01");
    bench.published();
    bench.pass(5 * SECOND);
    bench.receive(b"\xd0\x00\x30\x04\x00\x01t\x00");
    bench.message();
    assert!(bench.protocol.poll_event().is_none());
    bench.pass(4 * SECOND);
    assert!(bench.protocol.is_connected());
    bench.pass(SECOND);
    assert!(matches!(bench.lost(), Lost::NoAnswer(limit) if limit == 10 * SECOND));
}

#[test]
fn an_acknowledgement_that_nobody_has_looked_at_is_no_debt() {
    let mut bench = Bench::connected_with(patient(10 * SECOND), OK);
    bench.publish(QoS::AtLeastOnce).unwrap();
    bench.sent();
    bench.receive(b"\x40\x02\x00\x01");
    bench.pass(100 * SECOND);
    bench.published();
    assert_eq!(bench.protocol.poll_timeout(), None);
}

#[test]
fn a_packet_that_stands_still_ends_the_wait() {
    let mut bench = Bench::connected_with(patient(10 * SECOND), OK);
    bench.receive_quietly(b"\x30\x05\x00");
    bench.pass(9 * SECOND);
    bench.receive_quietly(b"\x01");
    bench.pass(9 * SECOND);
    assert!(bench.protocol.is_connected(), "slow, but it comes");
    bench.pass(SECOND);
    assert!(matches!(bench.lost(), Lost::Stalled { pending: 4, .. }));
}

#[test]
fn a_server_that_takes_nothing_is_given_up() {
    let mut bench = Bench::connected_with(patient(10 * SECOND), OK);
    bench.publish(QoS::AtMostOnce).unwrap();
    bench.protocol.handle_blocked(bench.now);
    bench.pass(9 * SECOND);
    bench.protocol.handle_blocked(bench.now);
    assert!(bench.protocol.is_connected());
    bench.pass(SECOND);
    assert!(matches!(bench.lost(), Lost::Blocked(_)));
}

#[test]
fn a_server_of_3_1_1_refuses_5_0_in_its_own_words() {
    let mut bench = Bench::new(ConnectOptions::new(Version::V5, "c"));
    bench.protocol.connect(bench.now, SECOND, true).unwrap();
    bench.receive(b"\x20\x02\x00\x01");
    match bench.lost() {
        Lost::Refused(refusal) => {
            assert_eq!(refusal.reason, ReasonCode::UNSUPPORTED_PROTOCOL_VERSION);
            assert_eq!((refusal.version, refusal.code), (Version::V311, 1));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn text_is_no_announcement_of_a_packet() {
    let mut bench = Bench::new(ConnectOptions::new(Version::V5, "c"));
    bench.protocol.connect(bench.now, SECOND, true).unwrap();
    bench.receive(b"HTTP/1.1 400");
    let lost = bench.lost();
    assert_eq!(
        lost.to_string(),
        "the broker sent what is not MQTT, it begins with 'HTTP/1.1'"
    );
    assert!(lost.is_lasting());
}

#[test]
fn aliases_are_given_anew_on_every_connection() {
    let mut options = ConnectOptions::new(Version::V5, "c");
    options.topic_aliases = true;
    // Topic Alias Maximum 1.
    let connack = b"\x01\x00\x03\x22\x00\x01";
    let mut bench = Bench::connected_with(options, connack);
    let publish = |bench: &mut Bench| {
        let topic = TopicName::new("topic").unwrap();
        let publication = Publication::new(topic, "", QoS::AtLeastOnce);
        bench.protocol.publish(publication).unwrap();
        bench.sent()
    };
    assert_eq!(publish(&mut bench), b"\x32\x0a\x00\x05topic\x00\x01\x00");
    assert_eq!(
        publish(&mut bench),
        b"\x32\x0d\x00\x05topic\x00\x02\x03\x23\x00\x01"
    );
    assert_eq!(
        publish(&mut bench),
        b"\x32\x08\x00\x00\x00\x03\x03\x23\x00\x01"
    );
    bench.cut();
    bench.reconnect(connack);
    assert_eq!(
        bench.sent(),
        b"\x3a\x0a\x00\x05topic\x00\x01\x00\
          \x3a\x0d\x00\x05topic\x00\x02\x03\x23\x00\x01\
          \x3a\x08\x00\x00\x00\x03\x03\x23\x00\x01"
    );
    bench.cut();
    bench.reconnect(SESSION_PRESENT);
    assert_eq!(
        bench.sent(),
        b"\x3a\x0a\x00\x05topic\x00\x01\x00\
          \x3a\x0a\x00\x05topic\x00\x02\x00\
          \x3a\x0a\x00\x05topic\x00\x03\x00",
        "a server without aliases"
    );
}

#[test]
fn aliases_of_the_caller_are_the_callers_affair() {
    let mut options = ConnectOptions::new(Version::V5, "c");
    options.topic_aliases = true;
    let mut bench = Bench::connected_with(options, b"\x00\x00\x03\x22\x00\x01");
    let mut publish = |name: &str, alias: Option<u16>| {
        let mut publication = Publication::new(TopicName::new(name).unwrap(), "", QoS::AtMostOnce);
        if let Some(alias) = alias {
            let properties = &mut publication.properties;
            properties
                .push(PropertyId::TOPIC_ALIAS, Value::U16(alias))
                .unwrap();
        }
        let published = bench.protocol.publish(publication);
        published.map(|_| bench.sent())
    };
    for _ in 0..2 {
        publish("topic", None).unwrap();
    }
    assert_eq!(
        publish("other", Some(1)).unwrap(),
        b"\x30\x0b\x00\x05other\x03\x23\x00\x01"
    );
    // Ours was the same number: it does not mean this topic any more.
    assert_eq!(
        publish("topic", None).unwrap(),
        b"\x30\x08\x00\x05topic\x00"
    );
    for alias in [0, 2] {
        assert!(matches!(
            publish("topic", Some(alias)),
            Err(PublishError::TopicAlias { maximum: 1, .. })
        ));
    }
}

#[test]
fn before_5_0_a_session_without_a_name_is_never_asked_for() {
    let mut bench = Bench::new(ConnectOptions::new(Version::V311, ""));
    bench.protocol.connect(bench.now, SECOND, false).unwrap();
    assert_eq!(
        bench.sent(),
        b"\x10\x0c\x00\x04MQTT\x04\x02\x00\x3c\x00\x00"
    );
}

#[test]
fn authentication_goes_to_and_fro() {
    let mut bench = Bench::new(ConnectOptions::new(Version::V5, "c"));
    bench.protocol.set_authentication("M", Some(b"1".to_vec()));
    bench.protocol.connect(bench.now, SECOND, true).unwrap();
    assert_eq!(
        bench.sent(),
        b"\x10\x16\x00\x04MQTT\x05\x02\x00\x3c\x08\x15\x00\x01M\x16\x00\x011\x00\x01c"
    );
    bench.receive(b"\xf0\x0a\x18\x08\x15\x00\x01M\x16\x00\x012");
    match bench.protocol.poll_event() {
        Some(Event::Auth { reason, data }) => {
            assert_eq!(reason, ReasonCode::CONTINUE_AUTHENTICATION);
            assert_eq!(data.as_deref(), Some(&b"2"[..]));
        }
        other => panic!("{other:?}"),
    }
    let answer = ReasonCode::CONTINUE_AUTHENTICATION;
    bench.protocol.authenticate(answer, Some(b"3")).unwrap();
    assert_eq!(bench.sent(), b"\xf0\x0a\x18\x08\x15\x00\x01M\x16\x00\x013");
    bench.receive(b"\x20\x03\x00\x00\x00");
    assert!(matches!(
        bench.protocol.poll_event(),
        Some(Event::Connected(_))
    ));
    // An answer that nobody asked for.
    assert!(matches!(
        bench.protocol.authenticate(answer, None),
        Err(RequestError::NotConnected)
    ));
    // Once more, by our own wish.
    let again = ReasonCode::RE_AUTHENTICATE;
    bench.protocol.authenticate(again, None).unwrap();
    assert_eq!(bench.sent(), b"\xf0\x06\x19\x04\x15\x00\x01M");
    bench.receive(b"\xf0\x06\x00\x04\x15\x00\x01M");
    assert!(matches!(
        bench.protocol.poll_event(),
        Some(Event::Auth {
            reason: ReasonCode::SUCCESS,
            data: None
        })
    ));
    // Nobody asked for this one.
    bench.receive(b"\xf0\x06\x18\x04\x15\x00\x01M");
    assert!(matches!(
        bench.lost(),
        Lost::Protocol(ProtocolError::Unexpected { .. })
    ));
}

#[test]
fn auth_without_a_method_or_with_another_breaks_the_protocol() {
    let auth = b"\xf0\x06\x18\x04\x15\x00\x01N";
    let mut bench = Bench::new(ConnectOptions::new(Version::V5, "c"));
    bench.protocol.connect(bench.now, SECOND, true).unwrap();
    bench.receive(auth);
    assert!(matches!(
        bench.lost(),
        Lost::Protocol(ProtocolError::Unexpected { .. })
    ));
    let method = (PropertyId::AUTHENTICATION_METHOD, Value::Str(b"M"));
    let mut bench = Bench::new(options_with(&[method]));
    bench.protocol.connect(bench.now, SECOND, true).unwrap();
    bench.receive(auth);
    assert!(matches!(
        bench.lost(),
        Lost::Protocol(ProtocolError::AuthMethod { .. })
    ));
}

/// A packet, or what looks like one: the first byte is of any type, and the length is mostly right.
fn noise() -> impl Strategy<Value = Vec<u8>> {
    let body = prop::collection::vec(any::<u8>(), 0..12);
    let packet = (
        any::<u8>(),
        body,
        prop_oneof![9 => Just(0u8), 1 => 0u8..200],
    );
    let packets = packet.prop_map(|(byte1, body, more)| {
        let mut packet = vec![byte1, body.len() as u8 + more.min(100)];
        packet.extend(body);
        packet
    });
    prop::collection::vec(packets, 1..30).prop_map(|packets| packets.concat())
}

proptest! {
    /// Whatever comes, it makes events or ends the connection; and a server that then says nothing
    /// is given up within its time.
    #[test]
    fn garbage_ends_or_is_waited_out(
        is_connected in any::<bool>(),
        noise in noise(),
        parts in prop::collection::vec(1usize..40, 1..40),
    ) {
        let mut options = patient(10 * SECOND);
        options.keep_alive = 10;
        let mut bench = Bench::new(options);
        bench.protocol.connect(bench.now, 10 * SECOND, true).unwrap();
        if is_connected {
            bench.receive(b"\x20\x03\x00\x00\x00");
            bench.protocol.poll_event();
            subscribe(&mut bench, &["a"]);
            bench.publish(QoS::AtLeastOnce).unwrap();
            bench.publish(QoS::ExactlyOnce).unwrap();
        }
        let mut rest = &noise[..];
        for len in parts {
            let (part, behind) = rest.split_at(len.min(rest.len()));
            bench.receive(part);
            while bench.protocol.poll_event().is_some() {}
            rest = behind;
        }
        for _ in 0..4 {
            bench.sent();
            bench.pass(10 * SECOND);
            while bench.protocol.poll_event().is_some() {}
        }
        prop_assert!(bench.protocol.poll_timeout().is_none(), "it waits for ever");
    }
}
