//! The protocol against packets written by hand, in virtual time.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};

use super::super::error::{Lost, ProtocolError, PublishError, RequestError};
use super::super::event::{Event, Token};
use super::super::message::{Publication, TopicName};
use super::super::options::ConnectOptions;
use super::Protocol;
use crate::mqtt::packet::SubscriptionOptions;
use crate::mqtt::property::Value;
use crate::mqtt::rule::Rule;
use crate::mqtt::{Properties, PropertyId, QoS, ReasonCode, Version};

pub(super) const SECOND: Duration = Duration::from_secs(1);

/// A client and its clock. The server is the test.
pub(super) struct Bench {
    pub(super) protocol: Protocol,
    pub(super) now: Instant,
}

impl Bench {
    pub(super) fn new(options: ConnectOptions) -> Bench {
        Bench {
            protocol: Protocol::new(Arc::new(options)),
            now: Instant::now(),
        }
    }

    /// A 5.0 client that has got this CONNACK (without fixed header).
    pub(super) fn connected(connack: &[u8]) -> Bench {
        Bench::connected_with(ConnectOptions::new(Version::V5, "c"), connack)
    }

    pub(super) fn connected_with(options: ConnectOptions, connack: &[u8]) -> Bench {
        let mut bench = Bench::new(options);
        bench.open(connack, true);
        bench
    }

    pub(super) fn reconnect(&mut self, connack: &[u8]) {
        self.open(connack, false);
    }

    pub(super) fn open(&mut self, connack: &[u8], clean_start: bool) {
        self.protocol
            .connect(self.now, 30 * SECOND, clean_start)
            .unwrap();
        self.sent();
        let mut packet = vec![0x20, connack.len() as u8];
        packet.extend_from_slice(connack);
        self.receive(&packet);
        assert!(matches!(
            self.protocol.poll_event(),
            Some(Event::Connected(_))
        ));
    }

    /// The connection breaks.
    pub(super) fn cut(&mut self) {
        self.protocol.handle_eof();
        assert!(matches!(
            self.protocol.poll_event(),
            Some(Event::Closed(Lost::Closed { .. }))
        ));
    }

    pub(super) fn receive(&mut self, bytes: &[u8]) {
        self.protocol.handle_bytes(self.now, BytesMut::from(bytes));
    }

    /// Hands the bytes over, and expects that they make nothing happen.
    pub(super) fn receive_quietly(&mut self, bytes: &[u8]) {
        self.receive(bytes);
        assert!(self.protocol.poll_event().is_none());
    }

    pub(super) fn message(&mut self) -> super::super::message::Message {
        match self.protocol.poll_event() {
            Some(Event::Message(message)) => message,
            other => panic!("no message: {other:?}"),
        }
    }

    pub(super) fn lost(&mut self) -> Lost {
        match self.protocol.poll_event() {
            Some(Event::Closed(lost)) => lost,
            other => panic!("still there: {other:?}"),
        }
    }

    pub(super) fn broken_rule(&mut self) -> Rule {
        match self.lost() {
            Lost::Protocol(ProtocolError::Violation { violation, .. }) => violation.rule,
            other => panic!("no violation: {other:?}"),
        }
    }

    pub(super) fn published(&mut self) -> (Token, ReasonCode) {
        match self.protocol.poll_event() {
            Some(Event::Published { token, reason, .. }) => (token, reason),
            other => panic!("nothing published: {other:?}"),
        }
    }

    /// Takes what is to be sent, and counts it as sent now.
    pub(super) fn sent(&mut self) -> Vec<u8> {
        let bytes = self.protocol.output().to_vec();
        if !bytes.is_empty() {
            self.protocol.consume_output(self.now, bytes.len());
        }
        bytes
    }

    pub(super) fn pass(&mut self, time: Duration) {
        self.now += time;
        self.protocol.handle_timeout(self.now);
    }

    pub(super) fn publish(&mut self, qos: QoS) -> Result<Token, PublishError> {
        self.protocol.publish(publication("x", qos))
    }
}

/// To topic `t`.
pub(super) fn publication(payload: &'static str, qos: QoS) -> Publication {
    Publication::new(TopicName::new("t").unwrap(), payload, qos)
}

pub(super) fn options_with(properties: &[(PropertyId, Value<'_>)]) -> ConnectOptions {
    let mut options = ConnectOptions::new(Version::V5, "c");
    for &(id, value) in properties {
        options.properties.push(id, value).unwrap();
    }
    options
}

pub(super) const OK: &[u8] = &[0, 0, 0];
pub(super) const SESSION_PRESENT: &[u8] = &[1, 0, 0];
/// Receive Maximum 2.
const TWO_AT_ONCE: &[u8] = &[0, 0, 3, 0x21, 0, 2];

#[test]
fn connect_says_what_the_options_say() {
    let mut options = ConnectOptions::new(Version::V311, "id");
    options.keep_alive = 10;
    options.username = Some("u".to_owned());
    options.password = Some(Bytes::from_static(b"p"));
    let mut bench = Bench::new(options);
    bench.protocol.connect(bench.now, SECOND, true).unwrap();
    assert_eq!(
        bench.sent(),
        b"\x10\x14\x00\x04MQTT\x04\xc2\x00\x0a\x00\x02id\x00\x01u\x00\x01p"
    );
}

#[test]
fn nothing_is_published_or_asked_before_connack() {
    let mut bench = Bench::new(ConnectOptions::new(Version::V5, "c"));
    bench.protocol.connect(bench.now, SECOND, true).unwrap();
    assert!(matches!(
        bench.publish(QoS::AtMostOnce),
        Err(PublishError::NotConnected(_))
    ));
    let filters = [("t", SubscriptionOptions::default())];
    assert!(matches!(
        bench.protocol.subscribe(filters, Properties::EMPTY),
        Err(RequestError::NotConnected)
    ));
}

#[test]
fn a_refusal_carries_its_reason_in_every_version() {
    for (version, connack, code, reason) in [
        (Version::V5, &b"\x20\x03\x00\x87\x00"[..], 0x87, 0x87),
        (Version::V311, b"\x20\x02\x00\x04", 4, 0x86),
        (Version::V31, b"\x20\x02\x00\x05", 5, 0x87),
    ] {
        let mut bench = Bench::new(ConnectOptions::new(version, "c"));
        bench.protocol.connect(bench.now, SECOND, true).unwrap();
        bench.receive(connack);
        match bench.lost() {
            Lost::Refused(refusal) => {
                assert_eq!(
                    (refusal.code, refusal.reason.0),
                    (code, reason),
                    "{version}"
                );
            }
            other => panic!("{version}: {other:?}"),
        }
    }
}

#[test]
fn a_silent_server_is_given_up() {
    let mut bench = Bench::new(ConnectOptions::new(Version::V5, "c"));
    bench.protocol.connect(bench.now, 3 * SECOND, true).unwrap();
    assert_eq!(bench.protocol.poll_timeout(), Some(bench.now + 3 * SECOND));
    bench.pass(2 * SECOND);
    assert!(bench.protocol.poll_event().is_none());
    bench.pass(SECOND);
    assert!(matches!(bench.lost(), Lost::NoConnAck(after) if after == 3 * SECOND));
}

#[test]
fn anything_but_connack_comes_too_early() {
    let mut bench = Bench::new(ConnectOptions::new(Version::V5, "c"));
    bench.protocol.connect(bench.now, SECOND, true).unwrap();
    bench.sent();
    bench.receive(b"\xd0\x00");
    assert!(matches!(
        bench.lost(),
        Lost::Protocol(ProtocolError::Unexpected {
            before_connack: true,
            ..
        })
    ));
    assert_eq!(bench.sent(), b"", "no DISCONNECT before CONNACK");
}

#[test]
fn keep_alive_counts_from_the_last_sending() {
    let mut options = ConnectOptions::new(Version::V5, "c");
    options.keep_alive = 10;
    let mut bench = Bench::connected_with(options, OK);
    bench.pass(6 * SECOND);
    assert_eq!(bench.sent(), b"");
    bench.publish(QoS::AtMostOnce).unwrap();
    bench.sent();
    // What comes in does not count.
    bench.pass(9 * SECOND);
    bench.receive(b"\x30\x05\x00\x01t\x00x");
    bench.message();
    assert_eq!(bench.sent(), b"");
    bench.pass(SECOND);
    assert_eq!(bench.sent(), b"\xc0\x00");
    bench.receive_quietly(b"\xd0\x00");
    assert_eq!(bench.protocol.poll_timeout(), Some(bench.now + 10 * SECOND));
}

#[test]
fn a_server_that_answers_no_ping_is_dead() {
    let mut options = ConnectOptions::new(Version::V5, "c");
    options.keep_alive = 10;
    let mut bench = Bench::connected_with(options, OK);
    bench.pass(10 * SECOND);
    assert_eq!(bench.sent(), b"\xc0\x00");
    bench.pass(9 * SECOND);
    assert!(bench.protocol.poll_event().is_none());
    // Half a packet shows life and stalls: it buys one more interval, not eternity.
    bench.receive_quietly(b"\x30\x05\x00");
    bench.pass(9 * SECOND);
    assert!(bench.protocol.poll_event().is_none());
    bench.pass(SECOND);
    assert!(matches!(bench.lost(), Lost::KeepAlive(after) if after == 10 * SECOND));
}

/// PINGRESPs come in the order of the requests.
#[test]
fn a_ping_that_is_asked_for_is_told() {
    let mut options = ConnectOptions::new(Version::V5, "c");
    options.keep_alive = 10;
    let mut bench = Bench::connected_with(options, OK);
    bench.protocol.ping(bench.now).unwrap();
    assert_eq!(bench.sent(), b"\xc0\x00");
    bench.receive(b"\x30\x05\x00\x01t\x00x\xd0\x00");
    bench.message();
    assert!(matches!(bench.protocol.poll_event(), Some(Event::Pong)));
    bench.receive_quietly(b"\xd0\x00");
    // One of the Keep Alive is under way: the second answer is the one.
    bench.pass(10 * SECOND);
    bench.protocol.ping(bench.now).unwrap();
    assert_eq!(bench.sent(), b"\xc0\x00\xc0\x00");
    bench.receive_quietly(b"\xd0\x00");
    bench.receive(b"\xd0\x00");
    assert!(matches!(bench.protocol.poll_event(), Some(Event::Pong)));
    // What was asked on a connection that is lost is not answered on the next.
    bench.protocol.ping(bench.now).unwrap();
    bench.cut();
    assert!(matches!(
        bench.protocol.ping(bench.now),
        Err(RequestError::NotConnected)
    ));
    bench.reconnect(OK);
    bench.receive_quietly(b"\xd0\x00");
}

#[test]
fn a_ping_that_is_asked_for_is_owed_without_keep_alive() {
    let mut options = ConnectOptions::new(Version::V5, "c");
    options.keep_alive = 0;
    options.answer_timeout = Some(7 * SECOND);
    let mut bench = Bench::connected_with(options, OK);
    bench.protocol.ping(bench.now).unwrap();
    bench.sent();
    assert!(bench.protocol.poll_event().is_none());
    bench.pass(7 * SECOND);
    assert!(matches!(bench.lost(), Lost::NoAnswer(after) if after == 7 * SECOND));
}

#[test]
fn keep_alive_can_be_off() {
    let mut options = ConnectOptions::new(Version::V5, "c");
    options.keep_alive = 0;
    let bench = Bench::connected_with(options, OK);
    assert_eq!(bench.protocol.poll_timeout(), None);
}

#[test]
fn the_servers_keep_alive_and_client_id_win() {
    let mut bench = Bench::new(ConnectOptions::new(Version::V5, ""));
    bench.protocol.connect(bench.now, SECOND, true).unwrap();
    bench.sent();
    bench.receive(b"\x20\x0a\x00\x00\x07\x13\x00\x05\x12\x00\x01z");
    match bench.protocol.poll_event() {
        Some(Event::Connected(connected)) => {
            assert_eq!(&*connected.client_id, "z");
            assert_eq!(connected.keep_alive, 5);
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(bench.protocol.poll_timeout(), Some(bench.now + 5 * SECOND));
}

#[test]
fn qos_1_ends_with_puback() {
    let mut bench = Bench::connected(OK);
    let token = bench.publish(QoS::AtLeastOnce).unwrap();
    assert_eq!(bench.sent(), b"\x32\x07\x00\x01t\x00\x01\x00x");
    assert_eq!(bench.protocol.in_flight(), 1);
    bench.receive(b"\x40\x02\x00\x01");
    assert_eq!(bench.published(), (token, ReasonCode::SUCCESS));
    assert_eq!(bench.protocol.in_flight(), 0);
    // Nobody knows what this one is about.
    bench.receive_quietly(b"\x40\x02\x00\x01");
}

#[test]
fn a_refused_message_says_why() {
    let mut bench = Bench::connected(OK);
    let token = bench.publish(QoS::AtLeastOnce).unwrap();
    bench.receive(b"\x40\x09\x00\x01\x97\x05\x1f\x00\x02no");
    match bench.protocol.poll_event() {
        Some(Event::Published {
            token: answered,
            reason,
            reason_string,
        }) => {
            assert_eq!(answered, token);
            assert_eq!(reason, ReasonCode::QUOTA_EXCEEDED);
            assert_eq!(reason_string.as_deref(), Some("no"));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn qos_2_goes_through_its_four_packets() {
    let mut bench = Bench::connected(OK);
    let token = bench.publish(QoS::ExactlyOnce).unwrap();
    assert_eq!(bench.sent(), b"\x34\x07\x00\x01t\x00\x01\x00x");
    // PUBREC: no matching subscribers.
    bench.receive_quietly(b"\x50\x03\x00\x01\x10");
    assert_eq!(bench.sent(), b"\x62\x02\x00\x01");
    bench.receive_quietly(b"\x50\x02\x00\x01");
    assert_eq!(bench.sent(), b"\x62\x02\x00\x01", "PUBREL again");
    bench.receive(b"\x70\x02\x00\x01");
    assert_eq!(
        bench.published(),
        (token, ReasonCode::NO_MATCHING_SUBSCRIBERS)
    );
}

#[test]
fn a_refused_qos_2_message_is_over() {
    let mut bench = Bench::connected(OK);
    let token = bench.publish(QoS::ExactlyOnce).unwrap();
    bench.sent();
    bench.receive(b"\x50\x03\x00\x01\x87");
    assert_eq!(bench.published(), (token, ReasonCode::NOT_AUTHORIZED));
    assert_eq!(bench.sent(), b"", "no PUBREL");
}

#[test]
fn pubrec_for_nothing_is_released() {
    let mut bench = Bench::connected(OK);
    bench.receive_quietly(b"\x50\x02\x00\x09");
    assert_eq!(bench.sent(), b"\x62\x03\x00\x09\x92");
}

#[test]
fn the_receive_maximum_of_the_server_is_kept() {
    let mut bench = Bench::connected(TWO_AT_ONCE);
    let first = bench.publish(QoS::AtLeastOnce).unwrap();
    bench.publish(QoS::ExactlyOnce).unwrap();
    match bench.publish(QoS::AtLeastOnce) {
        Err(PublishError::QuotaFull(back)) => {
            assert_eq!(*back, publication("x", QoS::AtLeastOnce));
        }
        other => panic!("{other:?}"),
    }
    bench.publish(QoS::AtMostOnce).unwrap();
    bench.receive(b"\x40\x02\x00\x01");
    assert_eq!(bench.published().0, first);
    assert_eq!(bench.protocol.quota(), 1);
    bench.publish(QoS::AtLeastOnce).unwrap();
    assert_eq!(bench.protocol.quota(), 0);
}

#[test]
fn the_limits_of_the_server_are_kept() {
    // Maximum Packet Size 9, Maximum QoS 1, Retain Available 0.
    let mut bench = Bench::connected(&[0, 0, 9, 0x27, 0, 0, 0, 9, 0x24, 1, 0x25, 0]);
    // 2 + 2 + 1 + 2 + 1 + 1 bytes.
    bench.publish(QoS::AtLeastOnce).unwrap();
    assert!(matches!(
        bench.protocol.publish(publication("xx", QoS::AtLeastOnce)),
        Err(PublishError::TooLarge { len: 10, limit: 9 })
    ));
    assert!(matches!(
        bench.publish(QoS::ExactlyOnce),
        Err(PublishError::QosNotSupported {
            maximum: QoS::AtLeastOnce,
            ..
        })
    ));
    let mut retained = publication("x", QoS::AtMostOnce);
    retained.retain = true;
    assert!(matches!(
        bench.protocol.publish(retained),
        Err(PublishError::RetainNotSupported)
    ));
    let filters = [("a/b/c", SubscriptionOptions::default())];
    assert!(matches!(
        bench.protocol.subscribe(filters, Properties::EMPTY),
        Err(RequestError::TooLarge { len: 13, limit: 9 })
    ));
    assert_eq!(bench.sent(), b"\x32\x07\x00\x01t\x00\x01\x00x");
}

#[test]
fn subscribing_gives_one_code_per_filter() {
    let mut bench = Bench::connected(OK);
    let filters = [
        ("a", SubscriptionOptions::at(QoS::AtMostOnce)),
        ("b", SubscriptionOptions::at(QoS::ExactlyOnce)),
    ];
    let token = bench
        .protocol
        .subscribe(filters, Properties::EMPTY)
        .unwrap();
    assert_eq!(
        bench.sent(),
        b"\x82\x0b\x00\x01\x00\x00\x01a\x00\x00\x01b\x02"
    );
    bench.receive(b"\x90\x05\x00\x01\x00\x00\x87");
    match bench.protocol.poll_event() {
        Some(Event::Subscribed {
            token: answered,
            reasons,
            ..
        }) => {
            assert_eq!(answered, token);
            assert_eq!(reasons, [ReasonCode::SUCCESS, ReasonCode::NOT_AUTHORIZED]);
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_suback_with_too_few_codes_is_no_answer() {
    let mut bench = Bench::connected(OK);
    let filters = ["a", "b"].map(|filter| (filter, SubscriptionOptions::default()));
    bench
        .protocol
        .subscribe(filters, Properties::EMPTY)
        .unwrap();
    bench.sent();
    bench.receive(b"\x90\x04\x00\x01\x00\x00");
    assert!(matches!(
        bench.lost(),
        Lost::Protocol(ProtocolError::CodeCount {
            codes: 1,
            filters: 2,
            ..
        })
    ));
    assert_eq!(bench.sent(), b"\xe0\x01\x82", "DISCONNECT: protocol error");
}

#[test]
fn unsubscribing_before_5_0_is_answered_without_codes() {
    let options = ConnectOptions::new(Version::V311, "c");
    let mut bench = Bench::connected_with(options, &[0, 0]);
    let token = bench
        .protocol
        .unsubscribe(["a", "b"], Properties::EMPTY)
        .unwrap();
    assert_eq!(bench.sent(), b"\xa2\x08\x00\x01\x00\x01a\x00\x01b");
    bench.receive(b"\xb0\x02\x00\x01");
    assert!(matches!(
        bench.protocol.poll_event(),
        Some(Event::Unsubscribed { token: t, reasons }) if t == token && reasons.is_empty()
    ));
}

#[test]
fn messages_are_acknowledged_by_their_qos() {
    let mut bench = Bench::connected(OK);
    bench.receive(b"\x30\x05\x00\x01t\x00x\x33\x07\x00\x01t\x00\x01\x00x");
    let message = bench.message();
    assert_eq!(message.topic.as_str(), "t");
    assert_eq!(message.payload, b"x"[..]);
    assert_eq!((message.qos, message.retain), (QoS::AtMostOnce, false));
    assert_eq!(bench.sent(), b"", "the second is not asked for yet");
    let message = bench.message();
    assert_eq!((message.qos, message.retain), (QoS::AtLeastOnce, true));
    assert_eq!(bench.sent(), b"\x40\x02\x00\x01");
}

#[test]
fn a_qos_2_repeat_is_not_delivered_twice() {
    let mut bench = Bench::connected(OK);
    bench.receive(b"\x34\x07\x00\x01t\x00\x05\x00x");
    bench.message();
    assert_eq!(bench.sent(), b"\x50\x02\x00\x05");
    bench.receive_quietly(b"\x3c\x07\x00\x01t\x00\x05\x00x");
    assert_eq!(bench.sent(), b"\x50\x02\x00\x05");
    // Over a reconnect the id stays known.
    bench.cut();
    bench.reconnect(SESSION_PRESENT);
    bench.receive_quietly(b"\x3c\x07\x00\x01t\x00\x05\x00x");
    assert_eq!(bench.sent(), b"\x50\x02\x00\x05");
    bench.receive_quietly(b"\x62\x02\x00\x05");
    assert_eq!(bench.sent(), b"\x70\x02\x00\x05");
    bench.receive_quietly(b"\x62\x02\x00\x05");
    assert_eq!(bench.sent(), b"\x70\x03\x00\x05\x92");
    bench.receive(b"\x34\x07\x00\x01t\x00\x05\x00y");
    assert_eq!(bench.message().payload, b"y"[..]);
}

#[test]
fn a_server_that_ignores_our_receive_maximum_is_told() {
    let options = options_with(&[(PropertyId::RECEIVE_MAXIMUM, Value::U16(1))]);
    let mut bench = Bench::connected_with(options, OK);
    bench.receive(b"\x34\x07\x00\x01t\x00\x05\x00x\x34\x07\x00\x01t\x00\x06\x00x");
    bench.message();
    assert_eq!(bench.broken_rule(), Rule::ServerReceiveMaximumExceeded);
    assert_eq!(bench.sent(), b"\x50\x02\x00\x05\xe0\x01\x93");
}

#[test]
fn topic_aliases_are_resolved() {
    let options = options_with(&[(PropertyId::TOPIC_ALIAS_MAXIMUM, Value::U16(2))]);
    let mut bench = Bench::connected_with(options, OK);
    bench.receive(b"\x30\x08\x00\x01t\x03\x23\x00\x02x");
    assert_eq!(bench.message().topic.as_str(), "t");
    bench.receive(b"\x30\x07\x00\x00\x03\x23\x00\x02y");
    let message = bench.message();
    assert_eq!(message.topic.as_str(), "t");
    assert_eq!(message.payload, b"y"[..]);
    bench.receive(b"\x30\x08\x00\x01u\x03\x23\x00\x02x\x30\x07\x00\x00\x03\x23\x00\x02y");
    assert_eq!(bench.message().topic.as_str(), "u");
    assert_eq!(bench.message().topic.as_str(), "u");
    bench.receive(b"\x30\x07\x00\x00\x03\x23\x00\x01y");
    assert_eq!(bench.broken_rule(), Rule::TopicAliasUnknown);
}

#[test]
fn aliases_end_with_the_connection_and_at_the_maximum() {
    let options = options_with(&[(PropertyId::TOPIC_ALIAS_MAXIMUM, Value::U16(2))]);
    let mut bench = Bench::connected_with(options, OK);
    bench.receive(b"\x30\x08\x00\x01t\x03\x23\x00\x02x");
    bench.message();
    bench.cut();
    bench.reconnect(OK);
    bench.receive(b"\x30\x07\x00\x00\x03\x23\x00\x02y");
    assert_eq!(bench.broken_rule(), Rule::TopicAliasUnknown);
    bench.reconnect(OK);
    bench.receive(b"\x30\x08\x00\x01t\x03\x23\x00\x03x");
    assert_eq!(bench.broken_rule(), Rule::ServerTopicAliasTooHigh);
    assert_eq!(bench.sent(), b"\xe0\x01\x94");
}

#[test]
fn a_packet_over_our_maximum_is_not_waited_for() {
    let options = options_with(&[(PropertyId::MAXIMUM_PACKET_SIZE, Value::U32(100))]);
    let mut bench = Bench::connected_with(options, OK);
    bench.receive(b"\x30\xff\x7f");
    assert!(matches!(
        bench.lost(),
        Lost::Protocol(ProtocolError::Frame(_))
    ));
    assert_eq!(bench.sent(), b"\xe0\x01\x95");
}

#[test]
fn the_server_says_why_it_leaves() {
    let mut bench = Bench::connected(OK);
    bench.receive(b"\xe0\x01\x8e");
    match bench.lost() {
        Lost::Disconnected(refusal) => {
            assert_eq!(refusal.reason, ReasonCode::SESSION_TAKEN_OVER);
        }
        other => panic!("{other:?}"),
    }
    assert!(bench.protocol.poll_event().is_none());
    assert_eq!(bench.protocol.poll_timeout(), None);
}

#[test]
fn an_end_in_a_packet_is_told_from_one_between_packets() {
    let mut bench = Bench::connected(OK);
    bench.receive_quietly(b"\x30\x05\x00\x01");
    bench.protocol.handle_eof();
    assert!(matches!(bench.lost(), Lost::Closed { pending: 4 }));
}

#[test]
fn after_a_reconnect_everything_open_goes_out_again() {
    let mut bench = Bench::connected(OK);
    let a = bench
        .protocol
        .publish(publication("a", QoS::AtLeastOnce))
        .unwrap();
    let b = bench
        .protocol
        .publish(publication("b", QoS::ExactlyOnce))
        .unwrap();
    let c = bench
        .protocol
        .publish(publication("c", QoS::ExactlyOnce))
        .unwrap();
    bench.receive_quietly(b"\x50\x02\x00\x02");
    bench.sent();
    bench.cut();
    bench.reconnect(SESSION_PRESENT);
    assert_eq!(
        bench.sent(),
        [
            &b"\x62\x02\x00\x02"[..],
            b"\x3a\x07\x00\x01t\x00\x01\x00a",
            b"\x3c\x07\x00\x01t\x00\x03\x00c",
        ]
        .concat()
    );
    bench.receive(b"\x40\x02\x00\x01\x70\x02\x00\x02");
    assert_eq!(bench.published().0, a);
    assert_eq!(bench.published().0, b);
    bench.receive_quietly(b"\x50\x02\x00\x03");
    bench.receive(b"\x70\x02\x00\x03");
    assert_eq!(bench.published().0, c);
    assert_eq!(bench.protocol.in_flight(), 0);
}

#[test]
fn a_forgotten_session_costs_no_message() {
    let mut bench = Bench::connected(OK);
    let a = bench
        .protocol
        .publish(publication("a", QoS::AtLeastOnce))
        .unwrap();
    let b = bench
        .protocol
        .publish(publication("b", QoS::ExactlyOnce))
        .unwrap();
    bench.receive_quietly(b"\x50\x02\x00\x02");
    bench.cut();
    bench.reconnect(OK);
    // The server had taken over b; a goes out as a new message.
    assert_eq!(bench.published().0, b);
    assert_eq!(bench.sent(), b"\x32\x07\x00\x01t\x00\x01\x00a");
    bench.receive(b"\x40\x02\x00\x01");
    assert_eq!(bench.published().0, a);
}

#[test]
fn a_smaller_receive_maximum_binds_the_repeats_too() {
    for (connack, first_byte) in [
        (&[1, 0, 3, 0x21, 0, 2][..], 0x3a),
        (&[0, 0, 3, 0x21, 0, 2], 0x32),
    ] {
        let mut bench = Bench::connected(OK);
        let tokens: Vec<_> = ["a", "b", "c"]
            .map(|payload| publication(payload, QoS::AtLeastOnce))
            .map(|publication| bench.protocol.publish(publication).unwrap())
            .into();
        bench.sent();
        bench.cut();
        bench.reconnect(connack);
        let publish = |id: u8, payload: u8| [first_byte, 7, 0, 1, b't', 0, id, 0, payload].to_vec();
        assert_eq!(bench.sent(), [publish(1, b'a'), publish(2, b'b')].concat());
        assert!(matches!(
            bench.publish(QoS::AtLeastOnce),
            Err(PublishError::QuotaFull(_))
        ));
        assert_eq!(bench.protocol.in_flight(), 3);
        bench.receive(b"\x40\x02\x00\x02");
        assert_eq!(bench.published().0, tokens[1]);
        assert_eq!(bench.sent(), publish(3, b'c'));
        assert_eq!(bench.protocol.in_flight(), 2);
    }
}

#[test]
fn disconnect_says_its_reason_in_5_0_only() {
    let mut bench = Bench::connected(OK);
    let reason = ReasonCode::DISCONNECT_WITH_WILL;
    bench
        .protocol
        .disconnect(reason, Properties::EMPTY)
        .unwrap();
    assert_eq!(bench.sent(), b"\xe0\x01\x04");
    assert!(bench.protocol.poll_event().is_none());

    let options = ConnectOptions::new(Version::V311, "c");
    let mut bench = Bench::connected_with(options, &[0, 0]);
    bench
        .protocol
        .disconnect(reason, Properties::EMPTY)
        .unwrap();
    assert_eq!(bench.sent(), b"\xe0\x00");
}

#[test]
fn any_split_of_the_bytes_gives_the_same_messages() {
    let stream =
        b"\x30\x05\x00\x01t\x00x\xd0\x00\x32\x07\x00\x01t\x00\x01\x00y\x30\x05\x00\x01t\x00z";
    for size in 1..=stream.len() {
        let mut bench = Bench::connected(OK);
        let mut payloads = Vec::new();
        for part in stream.chunks(size) {
            bench.receive(part);
            while let Some(event) = bench.protocol.poll_event() {
                match event {
                    Event::Message(message) => payloads.push(message.payload),
                    other => panic!("{other:?}"),
                }
            }
        }
        assert_eq!(payloads, ["x", "y", "z"], "parts of {size}");
    }
}
