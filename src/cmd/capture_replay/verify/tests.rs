use super::*;
use crate::mqtt::packet::Publish;
use crate::mqtt::{Properties, QoS, ReasonCode};

fn delivery(topic: &str, payload: &str) -> Delivery {
    let publish = Publish {
        dup: false,
        qos: QoS::AtLeastOnce,
        retain: false,
        topic,
        packet_id: 1,
        properties: Properties::EMPTY,
        payload: payload.as_bytes(),
    };
    Delivery::new(topic, publish.qos, &publish, Version::V5, At::default())
}

/// What differs: of what, as captured, and as replayed.
fn found(verify: Verify) -> Vec<(&'static str, Option<String>, Option<String>)> {
    let verified = verify.finish(None);
    assert_eq!(verified.found, verified.differences.len() as u64);
    assert!(verified.compared >= verified.found);
    let found = verified.differences.into_iter();
    let shown = |seen: Option<Seen>| seen.map(|seen| seen.to_string());
    found
        .map(|d| (d.packet.unwrap_or("end"), shown(d.captured), shown(d.now)))
        .collect()
}

fn open(verify: &mut Verify, session: u64) {
    verify.open(session, "a", Version::V5, Version::V5);
}

#[test]
fn answers_are_compared_whichever_comes_first() {
    let mut verify = Verify::default();
    open(&mut verify, 0);
    for number in 0..4 {
        verify.sent(0, number, "PUBACK", Of::Connection);
    }
    let ok = Seen::Acknowledged(ReasonCode::SUCCESS);
    verify.captured(0, ok.clone(), At::default());
    verify.replayed(0, ok.clone());
    verify.replayed(1, Seen::Acknowledged(ReasonCode::NOT_AUTHORIZED));
    verify.captured(1, ok.clone(), At::default());
    verify.captured(2, ok.clone(), At::default());
    // The capture does not have it.
    verify.replayed(3, ok);
    let success = Some("0x00 Success".to_owned());
    assert_eq!(
        found(verify),
        [
            (
                "PUBACK",
                success.clone(),
                Some("0x87 Not authorized".to_owned())
            ),
            ("PUBACK", success, None),
        ]
    );
}

#[test]
fn members_of_a_group_are_one() {
    let mut verify = Verify::default();
    for session in [0, 1] {
        open(&mut verify, session);
        verify.subscribed(session, ["$share/g/t/#"].into_iter());
    }
    verify.captured_delivery(0, delivery("t/1", "x"));
    verify.captured_delivery(1, delivery("t/2", "y"));
    verify.captured_delivery(1, delivery("t/2", "z"));
    verify.replayed_delivery(0, delivery("t/2", "y"));
    verify.replayed_delivery(1, delivery("t/1", "x"));
    let shown = Some("QoS 1, 1 byte: 'z'".to_owned());
    assert_eq!(found(verify), [("PUBLISH", shown, None)]);
}

/// Who has sent a retained message, and when, is not the order of those that follow
/// (`[MQTT-4.6.0-5]`): the broker had it before.
#[test]
fn retained_messages_are_in_no_order_with_the_others() {
    let retained = || {
        let publish = Publish {
            dup: false,
            qos: QoS::ExactlyOnce,
            retain: true,
            topic: "t",
            packet_id: 1,
            properties: Properties::EMPTY,
            payload: b"x",
        };
        Delivery::new("t", publish.qos, &publish, Version::V5, At::default())
    };
    let mut verify = Verify::default();
    open(&mut verify, 0);
    // The capture is taken in before somebody publishes, the replay comes after.
    verify.captured_delivery(0, retained());
    verify.published(1, "t", b"x");
    verify.captured_delivery(0, delivery("t", "y"));
    verify.replayed_delivery(0, delivery("t", "y"));
    verify.replayed_delivery(0, retained());
    assert_eq!(found(verify), []);
}

/// What two have published is of the second one only once that has.
#[test]
fn who_of_two_has_sent_the_same_is_no_order() {
    let mut verify = Verify::default();
    open(&mut verify, 0);
    verify.published(1, "t", b"x");
    verify.captured_delivery(0, delivery("t", "x"));
    verify.published(2, "t", b"x");
    verify.replayed_delivery(0, delivery("t", "x"));
    assert_eq!(found(verify), []);
}
