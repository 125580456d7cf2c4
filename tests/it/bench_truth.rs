//! Whether the figures of bench can be believed where the broker does what a load test exists for:
//! it stalls, refuses, loses and changes messages.

use std::time::Duration;

use crate::bench_faults::{Act, bench, broker, check, result};

/// A message's number is all that tells it from others: one that was changed on its way is none of
/// ours, and makes nothing look reordered.
#[test]
fn a_changed_stamp_is_foreign() {
    for qos in [0, 1] {
        let fault = move |number, packet: &[u8]| {
            let mut packet = packet.to_vec();
            if number == 4 {
                // Behind header, topic, packet id and properties: run, publisher, number.
                let payload = if qos == 0 { 6 } else { 8 };
                packet[payload + 8] ^= 1;
            }
            vec![Act::Forward(packet)]
        };
        let port = broker(qos, Box::new(fault));
        let ended = bench(&port, &format!("-q {qos} --count 20 --drain 200ms"));
        let expected = [
            ("received", 19),
            ("lost", 1),
            ("foreign", 1),
            ("foreign_bytes", 64),
            ("reordered", 0),
            ("duplicated", 0),
        ];
        check(&result(&ended), &expected);
    }
}

/// One message is lost, and another is refused and comes all the same: the one does not make up
/// for the other.
#[test]
fn a_loss_is_not_hidden_by_what_was_refused_and_came() {
    let fault = |number, packet: &[u8]| match number {
        3 => vec![],
        5 => vec![Act::Forward(packet.to_vec()), Act::Refuse(0x97)],
        _ => vec![Act::Forward(packet.to_vec())],
    };
    let port = broker(1, Box::new(fault));
    let ended = bench(&port, "-q 1 --count 10 --drain 200ms");
    let expected = [
        ("sent", 10),
        ("refused", 1),
        ("expected", 9),
        ("received", 9),
        ("refused_received", 1),
        ("lost", 1),
    ];
    let result = result(&ended);
    check(&result, &expected);
    assert_eq!(result["per_subscriber"][0]["lost"], 1);
    assert_eq!(ended.code(), 0x97);
}

/// 30 messages at 100 a second are due within 300 ms, and a broker that takes nothing for most of
/// them was not offered that load, however long the run goes on.
#[test]
fn what_is_offered_counts_while_messages_are_due() {
    let fault = |number, packet: &[u8]| {
        let forward = Act::Forward(packet.to_vec());
        match number {
            10 => vec![Act::Stall(Duration::from_millis(400)), forward],
            _ => vec![forward],
        }
    };
    let port = broker(1, Box::new(fault));
    let args = "-q 1 --rate 100 --count 30 --inflight 1 --assert offered>90%";
    let ended = bench(&port, args);
    let result = result(&ended);
    check(&result, &[("sent", 30), ("not_sent", 0), ("due", 30)]);
    // Number 10 left after 100 ms at the earliest, and nothing behind it before 500 ms.
    let offered = result["offered"].as_u64().unwrap();
    assert!((1..=11).contains(&offered), "{result}");
    assert_eq!(ended.code(), 5);
    assert!(
        ended
            .stderr
            .starts_with("midge: missed: offered>90%: it is "),
        "{}",
        ended.stderr
    );
}

/// A broker that stops for good: no message behind the tenth is acknowledged or delivered, five are
/// sent in vain and the others never.
#[test]
fn a_stall_to_the_end_is_in_the_percentiles() {
    let fault = |number, packet: &[u8]| match number {
        0..10 => vec![Act::Forward(packet.to_vec())],
        _ => vec![Act::LeaveUnanswered],
    };
    let port = broker(1, Box::new(fault));
    let args = "-q 1 --rate 100 --duration 1s --inflight 5 --drain 100ms \
                --assert ack.p90<200ms --assert e2e.p90<200ms --assert lateness.p90<200ms";
    let ended = bench(&port, args);
    let result = result(&ended);
    check(
        &result,
        &[
            ("sent", 15),
            ("not_sent", 85),
            ("unacknowledged", 5),
            ("lost", 5),
        ],
    );
    for latency in ["publish_to_ack_us", "publish_to_delivery_us"] {
        let at = |key: &str| result[latency][key].as_f64().unwrap();
        assert_eq!(
            (at("count"), at("lower_bounds")),
            (100.0, 90.0),
            "{latency}"
        );
        // Number 10 was due after 100 ms, and number 55, which half of them were due before, after
        // 550 ms, of 1000.
        assert!(at("max") >= 1_000_000.0, "{latency}: {result}");
        assert!(at("p50") >= 400_000.0, "{latency}: {result}");
    }
    let lateness = &result["send_lateness_us"];
    assert_eq!(
        (&lateness["count"], &lateness["lower_bounds"]),
        (&100.into(), &85.into())
    );
    assert_eq!(ended.code(), 5);
    for figure in ["ack", "e2e", "lateness"] {
        let missed = format!("midge: missed: {figure}.p90<200ms: it is ");
        assert!(ended.stderr.contains(&missed), "{}", ended.stderr);
    }
}
