use super::*;
use crate::output::bench::{Asked, Ended, Group, Limit, Measured, Part, Shard};

/// Much of everything.
fn outcome() -> Outcome {
    let mut measured = Measured {
        connections: 1_000_004,
        cpu_ns: 93_250_000_000,
        peak_memory_bytes: 2_147_483_648,
        ..Measured::default()
    };
    for (i, counts) in measured.qos.iter_mut().enumerate() {
        let i = i as u64;
        *counts = Counts {
            sent: 123_456_789_012,
            sent_bytes: 123_456_789_012 * 64,
            not_sent: 12_345 * i,
            due: 123_456_789_012 + 12_345 * i,
            offered: 123_456_789_000,
            refused_received: i,
            foreign_bytes: 64,
            acknowledged: 123_456_789_000 * i,
            refused: 7 * i,
            unacknowledged: 12 * i,
            expected: 123_456_789_012,
            received: 123_456_789_012 - 3 * i,
            received_bytes: 123_456_789_012 * 64,
            lost: 3 * i,
            duplicated: 5 * i,
            reordered: 8 * i,
            foreign: 1,
            retained: 1,
        };
    }
    for number in 0..3u32 {
        measured.subscribers.push(Subscriber {
            group: number / 2,
            number: number % 2,
            lost: u64::from(number) * 3,
            ..Subscriber::default()
        });
    }
    measured.refuse("PUBACK", 0x97, "Quota exceeded", 12_345);
    measured.refuse("CONNACK", 0x86, "Bad User Name or Password", 3);
    measured.errors.insert(
        "connection refused by the machine or by what stands in front of it".to_owned(),
        99,
    );
    measured.limits.insert(Limit {
        what: "open files".to_owned(),
        sentence: "this process may have 1,024 open files, and 20,000 connections want more: raise it with ulimit -n 20100".to_owned(),
    });
    let latencies = &mut measured.latencies;
    for ns in 1..20_000u64 {
        for pair in [
            &mut latencies.connect,
            &mut latencies.ack_qos1,
            &mut latencies.ack_qos2,
            &mut latencies.e2e,
        ] {
            pair.corrected.record(ns * ns * 9);
            pair.uncorrected.record(ns * ns);
        }
        latencies.lateness.record(ns * 50);
    }
    let group = |name: &str, qos| Group {
        name: Some(name.to_owned()),
        publishers: 2,
        subscribers: 20_000,
        idle: 1_000_000,
        qos,
        size_bytes: Some(64 + u64::from(qos)),
        rate_per_s: Some(1e6),
        ..Group::default()
    };
    let part = |index| {
        Part {
        run: "0a1b2c3d".to_owned(),
        shard: Some(Shard { index, of: 2 }),
        sending_ns: 3_600_000_000_000,
        receiving_ns: 3_600_000_000_000,
        ended_by: Ended::Error,
        error: Some("lost the connection to broker.somewhere.example:8883: the peer closed it without a word".to_owned()),
        asked: Asked {
            broker: "broker.somewhere.example:8883".to_owned(),
            version: "5.0".to_owned(),
            warmup_ns: 5_000_000_000,
            groups: vec![group("sensors", 1), group("dashboards", 2)],
            ..Asked::default()
        },
        ..Part::default()
    }
    };
    Outcome {
        parts: vec![part(0), part(1)],
        measured,
    }
}

#[test]
fn everything_fits_80_columns() {
    let outcome = outcome();
    let comparison = Comparison::new(&Outcome::default(), &outcome, 10.0);
    let mut text = String::new();
    push(&mut text, &outcome, Some(&comparison)).unwrap();
    for line in text.lines() {
        let columns = crate::output::text::columns(line);
        assert!(columns <= WIDTH, "{columns}: {line}\n{text}");
    }
    for part in [
        "  sensors: 2 publishers, 20,000 subscribers, 1,000,000 idle, QoS 1\n",
        "the sum of 2 shards of run 0a1b2c3d\n",
        "refused: 12,345 times 0x97 Quota exceeded (PUBACK)\n",
        "refused: 3 times 0x86 Bad User Name or Password (CONNACK)\n",
        "  QoS 2: 123,456,789,006 received, 6 lost, 10 duplicated, 16 reordered\n",
        "  lost at 2 of 3 subscribers; most at number 0 of dashboards: 6\n",
        "QoS 1 to ack  ",
        "\n uncorrected  ",
        "  open files: this process may have 1,024 open files, and 20,000 connections\n",
        "midge itself: 93.25 s CPU, 2.59 % of a core",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
}
