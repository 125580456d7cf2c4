use super::*;
use crate::mqtt::packet::Publish;
use crate::mqtt::property::Value;
use crate::mqtt::{PropertiesBuf, PropertyId, QoS};

fn message(payload: &[u8], properties: &[(PropertyId, Value<'_>)]) -> SentMessage {
    let mut list = PropertiesBuf::new();
    for (id, value) in properties {
        list.push(*id, *value).unwrap();
    }
    let publish = Publish {
        dup: false,
        qos: QoS::AtLeastOnce,
        retain: false,
        topic: "t",
        packet_id: 7,
        properties: list.as_properties(),
        payload,
    };
    SentMessage::new(publish.qos, &publish, true)
}

fn difference(kind: Kind, captured: Option<Seen>, now: Option<Seen>) -> Difference {
    Difference {
        kind,
        packet: Some("PUBLISH"),
        session: Some(3),
        client: "c".into(),
        of: Of::Topic("t".into()),
        captured,
        now,
        at: At {
            frame: Some(9),
            time: Time::parse("2026-01-01T00:00:01Z"),
        },
    }
}

fn text(difference: &Difference) -> String {
    let mut out = Vec::new();
    write_difference_text(&mut out, difference).unwrap();
    String::from_utf8(out).unwrap()
}

fn json(difference: &Difference) -> serde_json::Value {
    let mut out = Vec::new();
    write_difference_json(&mut out, difference).unwrap();
    serde_json::from_slice(&out).unwrap()
}

fn seen(message: SentMessage) -> Option<Seen> {
    Some(Seen::Message(Box::new(message)))
}

#[test]
fn what_differs_in_a_message_is_shown() {
    let id = PropertyId::SUBSCRIPTION_IDENTIFIER;
    let (was, is) = (
        message(b"x", &[(id, Value::VarInt(1)), (id, Value::VarInt(2))]),
        message(b"x", &[(id, Value::VarInt(5))]),
    );
    let found = difference(Kind::Changed, seen(was), seen(is));
    assert_eq!(
        text(&found),
        "'c': PUBLISH of 't' (frame 9): captured QoS 1, 1 byte: 'x', subscription identifier 1 \
         and 2, now QoS 1, 1 byte: 'x', subscription identifier 5\n"
    );
    assert_eq!(
        json(&found),
        serde_json::json!({
            "record": "difference", "kind": "changed", "type": "PUBLISH", "session": 3,
            "client": "c", "frame": 9, "time": "2026-01-01T00:00:01.000000000Z", "topic": "t",
            "differs": ["subscription_identifier"],
            "captured": {"qos": 1, "retain": false, "properties": {"subscription_identifier": [1, 2]},
                "payload": "x", "payload_len": 1},
            "now": {"qos": 1, "retain": false, "properties": {"subscription_identifier": 5},
                "payload": "x", "payload_len": 1},
        })
    );
}

#[test]
fn long_and_binary_payloads_are_cut_as_packets_are() {
    let long = "ä".repeat(100);
    let found = json(&difference(
        Kind::Missing,
        seen(message(long.as_bytes(), &[])),
        None,
    ));
    assert_eq!(found["captured"]["payload"], "ä".repeat(32));
    assert_eq!(found["captured"]["payload_len"], 200);
    assert_eq!(found["captured"]["payload_truncated"], true);
    assert!(found["now"].is_null());
    let found = json(&difference(
        Kind::Extra,
        None,
        seen(message(b"\xff\0", &[])),
    ));
    assert_eq!(found["now"]["payload_hex"], "ff00");
}

#[test]
fn the_order_of_kinds_and_the_time_left_do_not_matter() {
    let user = (PropertyId::USER_PROPERTY, Value::Pair(b"a", b"b"));
    let expiry = |left| (PropertyId::MESSAGE_EXPIRY_INTERVAL, Value::U32(left));
    let alias = (PropertyId::TOPIC_ALIAS, Value::U16(1));
    assert_eq!(
        message(b"x", &[user, expiry(3), alias]),
        message(b"x", &[expiry(2), user])
    );
    assert_ne!(message(b"x", &[user]), message(b"x", &[expiry(2), user]));
    assert_ne!(message(b"x", &[user]), message(b"x", &[]));
    assert_ne!(message(b"x", &[]), message(b"y", &[]));
}

#[test]
fn ends_and_answers() {
    let end = Difference {
        kind: Kind::End,
        packet: None,
        of: Of::Connection,
        at: At::default(),
        ..difference(
            Kind::End,
            Some(Seen::Ended(End::Disconnect(
                Side::Server,
                ReasonCode::NOT_AUTHORIZED,
            ))),
            None,
        )
    };
    assert_eq!(
        text(&end),
        "'c': connection: captured DISCONNECT of the server with 0x87 Not authorized, now an open connection\n"
    );
    assert_eq!(
        json(&end)["captured"],
        serde_json::json!({
            "from": "server", "type": "DISCONNECT", "reason_code": 135, "reason": "Not authorized"
        })
    );
    let answer = Difference {
        kind: Kind::Answer,
        packet: Some("SUBACK"),
        of: Of::Filters(vec!["a".into(), "b".into()]),
        ..difference(
            Kind::Answer,
            Some(Seen::Codes(vec![ReasonCode(2), ReasonCode(1)])),
            Some(Seen::Codes(vec![ReasonCode(0x80)])),
        )
    };
    assert_eq!(
        text(&answer),
        "'c': SUBACK of 'a', 'b' (frame 9): captured 0x02, 0x01, now 0x80\n"
    );
    assert_eq!(json(&answer)["filters"], serde_json::json!(["a", "b"]));
    assert_eq!(
        json(&answer)["now"]["reason_codes"],
        serde_json::json!([128])
    );
}
