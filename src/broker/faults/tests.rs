//! Every deed on packets of two clients, in virtual time.

use std::num::NonZeroU64;
use std::time::Duration;

use bytes::Bytes;

use super::*;
use crate::broker::core::Time;
use crate::mqtt::ReasonCode;

const A: ConnectionId = ConnectionId(1);
const B: ConnectionId = ConnectionId(2);

const fn ms(ms: u64) -> Time {
    Duration::from_millis(ms)
}

/// CONNECT 5.0 with a client identifier of one character.
fn connect(client_id: u8) -> Vec<u8> {
    let mut bytes = b"\x10\x0e\x00\x04MQTT\x05\x02\x00\x00\x00\x00\x01".to_vec();
    bytes.push(client_id);
    bytes
}

/// PUBLISH 5.0, QoS 1, to a topic of one character, with an empty payload.
fn publish(topic: u8, id: u8) -> Vec<u8> {
    vec![0x32, 6, 0, 1, topic, 0, id, 0]
}

/// PUBACK 5.0 with success.
fn puback(id: u8) -> Vec<u8> {
    vec![0x40, 2, 0, id]
}

fn any(deed: Deed) -> Rule {
    Rule {
        on: None,
        from: None,
        client: None,
        topic: None,
        when: When::default(),
        deed,
    }
}

fn on(packet_type: PacketType, deed: Deed) -> Rule {
    Rule {
        on: Some(packet_type),
        ..any(deed)
    }
}

struct Run(Faults);

impl Run {
    fn new(rules: Vec<Rule>) -> Run {
        Run::with(FaultPlan {
            rules,
            ..FaultPlan::default()
        })
    }

    /// Two clients called a and b are there.
    fn with(plan: FaultPlan) -> Run {
        let mut run = Run(Faults::new(plan, 1_000, false));
        for (id, name) in [(A, b'a'), (B, b'b')] {
            run.0.opened(id);
            run.0.received(ms(0), id, &connect(name));
        }
        run
    }

    fn receive(&mut self, now: Time, id: ConnectionId, bytes: &[u8]) -> Vec<String> {
        self.0.received(now, id, bytes);
        self.acts()
    }

    fn send(&mut self, now: Time, id: ConnectionId, bytes: Vec<u8>) -> Vec<String> {
        self.0.sent(now, id, bytes.into());
        self.acts()
    }

    fn at(&mut self, now: Time) -> Vec<String> {
        self.0.handle_timeout(now);
        self.acts()
    }

    fn acts(&mut self) -> Vec<String> {
        std::iter::from_fn(|| self.0.poll_act())
            .map(|act| match act {
                Act::Input(id, bytes) => format!("{} > {}", id.0, hex::encode(bytes)),
                Act::Send(id, bytes) => format!("{} < {}", id.0, hex::encode(bytes)),
                Act::Unsent(id, len) => format!("{} unsent {len}", id.0),
                Act::Close(id) => format!("{} close", id.0),
                Act::Break(id) => format!("{} break", id.0),
                Act::Resume(id) => format!("{} resume", id.0),
                Act::Tell(fault) => format!("tell {}", fault.deed.name()),
            })
            .collect()
    }
}

fn gets(bytes: &[u8]) -> String {
    format!("1 > {}", hex::encode(bytes))
}

fn sends(bytes: &[u8]) -> String {
    format!("1 < {}", hex::encode(bytes))
}

/// A run with these rules in which CONNECT has passed.
fn connected(rules: Vec<Rule>) -> Run {
    let mut run = Run::new(rules);
    let connects = [
        gets(&connect(b'a')),
        format!("2 > {}", hex::encode(connect(b'b'))),
    ];
    assert_eq!(run.acts(), connects);
    run
}

#[test]
fn packets_pass_whole_whatever_the_pieces() {
    let mut run = connected(vec![on(PacketType::PINGREQ, Deed::Drop)]);
    let packet = publish(b't', 1);
    for byte in &packet[..7] {
        assert_eq!(run.receive(ms(0), A, &[*byte]), [""; 0]);
    }
    let rest = [&packet[7..], b"\xc0\x00", &packet].concat();
    assert_eq!(run.receive(ms(0), A, &rest), [gets(&packet), gets(&packet)]);
    let two = [puback(1), puback(2)].concat();
    assert_eq!(
        run.send(ms(0), A, two),
        [sends(&puback(1)), sends(&puback(2))]
    );
}

#[test]
fn rules_look_at_type_side_client_topic_and_count() {
    let rule = Rule {
        from: Some(Side::Client),
        client: Some("a*".into()),
        topic: Some("t/#".into()),
        when: When {
            every: Some(2),
            count: Some(2),
            ..When::default()
        },
        ..on(PacketType::PUBLISH, Deed::Drop)
    };
    let mut run = connected(vec![rule]);
    // The other client, the other topic and the other side neither are struck nor count.
    assert_eq!(run.receive(ms(0), B, &publish(b't', 1)).len(), 1);
    assert_eq!(run.receive(ms(0), A, &publish(b'u', 1)).len(), 1);
    assert_eq!(run.send(ms(0), A, publish(b't', 1)).len(), 1);
    let passed: Vec<usize> = (1..=8)
        .map(|id| run.receive(ms(0), A, &publish(b't', id)).len())
        .collect();
    assert_eq!(passed, [1, 0, 1, 0, 1, 1, 1, 1]);
}

#[test]
fn an_alias_stands_for_its_topic() {
    let rule = Rule {
        topic: Some("t".into()),
        ..any(Deed::Drop)
    };
    let mut run = connected(vec![rule]);
    // QoS 0 with Topic Alias 1: with the topic, then without.
    let named = b"\x30\x07\x00\x01t\x03\x23\x00\x01";
    let alone = b"\x30\x06\x00\x00\x03\x23\x00\x01";
    assert_eq!(run.receive(ms(0), A, named), [""; 0]);
    assert_eq!(run.receive(ms(0), A, alone), [""; 0]);
    // The other direction has its own aliases.
    assert_eq!(run.send(ms(0), A, alone.to_vec()).len(), 1);
}

#[test]
fn what_is_lost_counts_as_written() {
    let mut run = connected(vec![on(PacketType::PUBACK, Deed::Drop)]);
    assert_eq!(run.send(ms(0), A, puback(1)), ["1 unsent 4"]);
}

#[test]
fn what_comes_twice_is_written_twice_and_counts_once() {
    let mut run = connected(vec![on(PacketType::PUBACK, Deed::Duplicate)]);
    let packet = sends(&puback(1));
    assert_eq!(run.send(ms(0), A, puback(1)), [packet.clone(), packet]);
    assert_eq!(run.0.written(A, 3), 0);
    assert_eq!(run.0.written(A, 3), 2);
    assert_eq!(run.0.written(A, 2), 2);
    let mut run = connected(vec![on(PacketType::PUBLISH, Deed::Duplicate)]);
    let packet = gets(&publish(b't', 1));
    assert_eq!(
        run.receive(ms(0), A, &publish(b't', 1)),
        [packet.clone(), packet]
    );
}

#[test]
fn delay_holds_up_what_is_behind_in_its_direction() {
    let delay = Deed::Delay(ms(100));
    let rule = Rule {
        when: When {
            nth: Some(1),
            ..When::default()
        },
        ..on(PacketType::PUBLISH, delay)
    };
    let mut run = connected(vec![rule]);
    assert_eq!(run.receive(ms(0), A, &publish(b't', 1)), [""; 0]);
    assert_eq!(run.receive(ms(50), A, &publish(b't', 2)), [""; 0]);
    assert_eq!(run.receive(ms(50), B, &publish(b't', 3)).len(), 1);
    assert_eq!(run.send(ms(50), A, puback(9)), [sends(&puback(9))]);
    assert_eq!(run.0.poll_timeout(), Some(ms(100)));
    assert!(run.0.has_input(A) && !run.0.has_input(B));
    assert_eq!(run.at(ms(99)), [""; 0]);
    let both = [gets(&publish(b't', 1)), gets(&publish(b't', 2))];
    assert_eq!(run.at(ms(100)), both);
    assert_eq!(run.0.poll_timeout(), None);
}

#[test]
fn one_bit_is_turned_behind_the_fixed_header() {
    let mut run = connected(vec![on(PacketType::PUBLISH, Deed::Corrupt)]);
    let original = publish(b't', 1);
    for _ in 0..100 {
        let acts = run.receive(ms(0), A, &original);
        let got = hex::decode(acts[0].strip_prefix("1 > ").unwrap()).unwrap();
        assert_eq!(got[..2], original[..2]);
        let bits = got.iter().zip(&original).map(|(a, b)| (a ^ b).count_ones());
        assert_eq!(bits.sum::<u32>(), 1);
    }
}

#[test]
fn a_cut_packet_ends_the_connection() {
    let mut run = connected(vec![on(PacketType::PUBACK, Deed::Cut(3))]);
    assert_eq!(
        run.send(ms(0), A, puback(1)),
        ["1 unsent 1", "1 < 400200", "1 break"]
    );
    assert_eq!(run.send(ms(0), A, puback(2)), [""; 0]);
    assert_eq!(run.receive(ms(0), A, &publish(b't', 1)), [""; 0]);
    let mut run = connected(vec![on(PacketType::PUBLISH, Deed::Close)]);
    assert_eq!(run.receive(ms(0), A, &publish(b't', 1)), ["1 break"]);
}

#[test]
fn disconnect_says_why_in_5_0() {
    let quota = Deed::Disconnect(ReasonCode::QUOTA_EXCEEDED);
    let mut run = connected(vec![on(PacketType::PUBLISH, quota)]);
    let acts = run.receive(ms(0), A, &publish(b't', 1));
    // With the shortest form that has the code (3.14.2.1).
    assert_eq!(acts, ["1 < e00197", "1 break"]);
    // 3.1.1 has no such packet.
    let mut run = Run::new(vec![on(PacketType::PINGREQ, quota)]);
    let id = ConnectionId(3);
    run.0.opened(id);
    run.receive(ms(0), id, b"\x10\x0d\x00\x04MQTT\x04\x02\x00\x00\x00\x01c");
    assert_eq!(run.receive(ms(0), id, b"\xc0\x00"), ["3 break"]);
}

#[test]
fn requests_are_refused_with_a_code() {
    let code = ReasonCode::NOT_AUTHORIZED;
    let run = |packet_type| connected(vec![on(packet_type, Deed::Refuse(code))]);
    let mut publishes = run(PacketType::PUBLISH);
    let acts = publishes.receive(ms(0), A, &publish(b't', 7));
    assert_eq!(acts, ["1 < 4003000787"]);
    // What the core has not sent is none of its business.
    assert_eq!(publishes.0.written(A, 5), 0);
    let qos2 = [0x34, 6, 0, 1, b't', 0, 7, 0];
    assert_eq!(publishes.receive(ms(0), A, &qos2), ["1 < 5003000787"]);
    let qos0 = [0x30, 4, 0, 1, b't', 0];
    assert_eq!(publishes.receive(ms(0), A, &qos0), [""; 0]);
    // SUBSCRIBE 9 to a and b: a code for each.
    let subscribe = b"\x82\x0b\x00\x09\x00\x00\x01a\x00\x00\x01b\x00";
    let acts = run(PacketType::SUBSCRIBE).receive(ms(0), A, subscribe);
    assert_eq!(acts, ["1 < 90050009008787"]);
    let acts = run(PacketType::PUBREL).receive(ms(0), A, b"\x62\x02\x00\x07");
    assert_eq!(acts, ["1 < 7003000787"]);
    // An answer of the core gets another code.
    let mut answers = run(PacketType::PUBACK);
    let acts = answers.send(ms(0), A, puback(7));
    assert_eq!(acts, ["1 unsent 4", "1 < 4003000787"]);
    assert_eq!(answers.0.written(A, 5), 0);
    // CONNECT, after which it is over.
    let mut connects = Run::new(vec![on(PacketType::CONNECT, Deed::Refuse(code))]);
    assert_eq!(
        connects.acts(),
        ["1 < 2003008700", "1 break", "2 < 2003008700", "2 break"]
    );
}

#[test]
fn before_5_0_a_code_without_place_ends_the_connection() {
    let code = ReasonCode::NOT_AUTHORIZED;
    let mut run = Run::new(vec![
        on(PacketType::PUBLISH, Deed::Refuse(code)),
        on(PacketType::SUBSCRIBE, Deed::Refuse(code)),
    ]);
    run.0.closed(A);
    run.0.opened(A);
    run.receive(ms(0), A, b"\x10\x0d\x00\x04MQTT\x04\x02\x00\x00\x00\x01a");
    let acts = run.receive(ms(0), A, b"\x82\x06\x00\x09\x00\x01a\x00");
    assert_eq!(acts, ["1 < 9003000980"]);
    let acts = run.receive(ms(0), A, b"\x32\x05\x00\x01t\x00\x07");
    assert_eq!(acts, ["1 break"]);
}

#[test]
fn a_stalled_direction_is_silent_and_the_other_is_not() {
    let mut run = connected(vec![on(PacketType::PUBACK, Deed::Stall)]);
    assert_eq!(
        run.send(ms(0), A, puback(1)),
        [""; 0],
        "not even as written"
    );
    assert_eq!(run.send(ms(1), A, publish(b't', 1)), [""; 0]);
    assert_eq!(run.receive(ms(1), A, &publish(b't', 1)).len(), 1);
    run.0.core_closed(ms(2), A);
    assert_eq!(run.acts(), ["1 close"]);
}

#[test]
fn a_packet_comes_behind_others() {
    let rule = Rule {
        when: When {
            nth: Some(1),
            ..When::default()
        },
        ..on(PacketType::PUBLISH, Deed::Reorder(2))
    };
    let mut run = connected(vec![rule.clone()]);
    assert_eq!(run.receive(ms(0), A, &publish(b't', 1)), [""; 0]);
    assert_eq!(run.receive(ms(0), A, &publish(b't', 2)).len(), 1);
    let acts = run.receive(ms(0), A, &publish(b't', 3));
    assert_eq!(acts, [gets(&publish(b't', 3)), gets(&publish(b't', 1))]);
    // Where nothing comes behind it, it comes at the end.
    let mut run = connected(vec![rule]);
    run.receive(ms(0), A, &publish(b't', 1));
    run.0.ended(ms(0), A);
    assert_eq!(run.acts(), [gets(&publish(b't', 1)), "1 resume".into()]);
}

#[test]
fn latency_keeps_order_and_comes_both_ways() {
    let mut run = Run::with(FaultPlan {
        latency: Some(Latency {
            mean: ms(80),
            jitter: ms(20),
        }),
        seed: 7,
        ..FaultPlan::default()
    });
    assert_eq!(run.acts(), [""; 0]);
    let mut sent = Vec::new();
    for id in 1..=100 {
        assert_eq!(run.send(ms(0), B, puback(id)), [""; 0]);
        sent.push(format!("2 < {}", hex::encode(puback(id))));
    }
    let mut got = Vec::new();
    let mut times = Vec::new();
    while let Some(at) = run.0.poll_timeout() {
        let acts = run.at(at);
        times.push(at);
        got.extend(acts.into_iter().filter(|act| act.starts_with("2 <")));
    }
    assert_eq!(got, sent);
    assert!(
        times.iter().all(|at| (ms(60)..=ms(100)).contains(at)),
        "{times:?}"
    );
}

#[test]
fn a_slow_network_is_slow_for_each() {
    let mut run = Run::with(FaultPlan {
        rate: NonZeroU64::new(100),
        ..FaultPlan::default()
    });
    // 100 bytes a second: two at a time.
    let mut now = ms(0);
    while let Some(at) = run.0.poll_timeout() {
        now = at;
        run.at(at);
    }
    // CONNECT has 16 bytes: seven waits of 20 ms.
    assert_eq!(now, ms(140));
}

#[test]
fn who_sends_too_much_is_not_read_for_a_while() {
    let mut run = Run::with(FaultPlan {
        latency: Some(Latency {
            mean: ms(10),
            jitter: ms(0),
        }),
        ..FaultPlan::default()
    });
    assert!(run.0.takes_input(A));
    let packet = publish(b't', 1);
    for _ in 0..=(1 << 20) / packet.len() {
        run.0.received(ms(0), A, &packet);
    }
    assert!(!run.0.takes_input(A) && run.0.takes_input(B));
    let acts = run.at(ms(10));
    assert_eq!(acts.iter().filter(|act| *act == "1 resume").count(), 1);
    assert!(run.0.takes_input(A));
}

#[test]
fn bytes_that_are_no_packets_get_to_the_core_too() {
    let mut run = connected(vec![on(PacketType::PINGREQ, Deed::Drop)]);
    // A remaining length of five bytes.
    let wrong = b"\x30\xff\xff\xff\xff\x01";
    assert_eq!(run.receive(ms(0), A, wrong), [gets(wrong)]);
    assert_eq!(run.receive(ms(0), A, b"more"), [gets(b"more")]);
}

/// What becomes of 1,000 packets that are lost with a probability.
fn lost(seed: u64) -> Vec<bool> {
    let rule = Rule {
        when: When {
            probability: Some(0.1),
            ..When::default()
        },
        ..on(PacketType::PUBLISH, Deed::Drop)
    };
    let mut run = Run::with(FaultPlan {
        rules: vec![rule],
        seed,
        ..FaultPlan::default()
    });
    run.acts();
    (0..1_000)
        .map(|id| run.receive(ms(0), A, &publish(b't', id as u8)).is_empty())
        .collect()
}

#[test]
fn the_same_seed_gives_the_same_run() {
    let first = lost(1);
    assert_eq!(lost(1), first);
    assert_ne!(lost(2), first);
    let count = first.iter().filter(|lost| **lost).count();
    // Five standard deviations of 9.5 around 100.
    assert!((52..=148).contains(&count), "{count}");
}

#[test]
fn nothing_is_left_of_a_connection_that_is_gone() {
    let mut run = Run::with(FaultPlan {
        latency: Some(Latency {
            mean: ms(10),
            jitter: ms(0),
        }),
        ..FaultPlan::default()
    });
    run.0.sent(ms(0), A, Bytes::from(puback(1)));
    run.0.closed(A);
    run.0.closed(B);
    assert_eq!(run.0.poll_timeout(), None);
    assert!(!run.0.has_any_input());
}
