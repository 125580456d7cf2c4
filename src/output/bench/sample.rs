//! A result for the tests of what shows results: half a minute of QoS 1, with a second in which the
//! broker stood still, and refusals behind it.

use super::outcome::Limit;
use super::{
    Asked, Coarse, Coarsened, Group, Measured, Outcome, Part, Row, Series, Shard, Subscriber,
};

/// Messages a second, each to two subscribers.
const RATE: u64 = 2_000;
const SECONDS: u64 = 30;
/// The second in which nothing came.
const STALL: u64 = 12;

/// The result.
pub(super) fn outcome() -> Outcome {
    Outcome {
        parts: vec![part()],
        measured: measured(),
    }
}

fn part() -> Part {
    let group = Group {
        publishers: 10,
        subscribers: 2,
        idle: 100,
        qos: 1,
        topic: "midge/bench/4f1a/{client}".to_owned(),
        size_bytes: Some(64),
        rate_per_s: Some(RATE as f64),
        inflight: Some(20),
        ..Group::default()
    };
    Part {
        run: "4f1a".to_owned(),
        shard: None::<Shard>,
        midge: "0.1.0".to_owned(),
        began_ns: 1_790_000_000_000_000_000,
        sending_ns: SECONDS * 1_000_000_000,
        receiving_ns: SECONDS * 1_000_000_000 + 3_000_000,
        asked: Asked {
            broker: "broker.example:1883".to_owned(),
            version: "5.0".to_owned(),
            engine: "native".to_owned(),
            warmup_ns: 5_000_000_000,
            duration_ns: Some(SECONDS * 1_000_000_000),
            groups: vec![group],
            ..Asked::default()
        },
        ..Part::default()
    }
}

/// The same numbers for everybody, for ever: 0 to 1.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005);
        self.0 = self.0.wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1u64 << 53) as f64
    }
}

fn measured() -> Measured {
    let mut measured = Measured {
        connections: 112,
        cpu_ns: 1_234_000_000,
        peak_memory_bytes: 9_500_000,
        ..Measured::default()
    };
    let mut numbers = Numbers(7);
    let first = Series::first_second(part().began_ns);
    let (mut ack, mut e2e) = (Coarse::new(), Coarse::new());
    let mut longest = (0, 0);
    for second in 0..SECONDS {
        let stands = second == STALL;
        let refused = if (20..23).contains(&second) {
            40 + 30 * (second - 20)
        } else {
            0
        };
        // What is late stands in the second in which it came.
        if second != STALL + 1 {
            (ack, e2e, longest) = (Coarse::new(), Coarse::new(), (0, 0));
        }
        for message in 0..RATE {
            // Most take little, some ten times that, and in the stall up to the whole second.
            let own =
                150_000.0 * (1.0 + 9.0 * numbers.next().powi(12)) * (0.7 + 0.6 * numbers.next());
            let waited = match stands {
                true => (RATE - message) as f64 / RATE as f64 * 1e9,
                false => 0.0,
            };
            for (times, coarse, longest, factor) in [
                (
                    &mut measured.latencies.ack_qos1,
                    &mut ack,
                    &mut longest.0,
                    1.0,
                ),
                (&mut measured.latencies.e2e, &mut e2e, &mut longest.1, 1.6),
            ] {
                let ns = (own * factor + waited) as u64;
                times.corrected.record(ns);
                times.uncorrected.record((own * factor) as u64);
                coarse.record(ns);
                *longest = ns.max(*longest);
            }
            measured
                .latencies
                .lateness
                .record((20_000.0 * numbers.next()) as u64);
        }
        let share = if stands {
            0
        } else {
            1 + u64::from(second == STALL + 1)
        };
        let row = Row {
            sent: RATE,
            acknowledged: (RATE - refused) * share,
            received: (RATE - refused) * share * 2,
            errors: refused,
            connected: 112,
            ..Row::default()
        };
        let row = match stands {
            true => row,
            false => Row {
                ack: Coarsened::new(&ack, longest.0),
                e2e: Coarsened::new(&e2e, longest.1),
                ..row
            },
        };
        let counts = &mut measured.qos[1];
        counts.sent += row.sent;
        counts.sent_bytes += row.sent * 64;
        counts.acknowledged += row.acknowledged;
        counts.refused += refused;
        counts.received += row.received;
        counts.received_bytes += row.received * 64;
        counts.expected += (RATE - refused) * 2;
        measured.refuse("PUBACK", 0x97, "Quota exceeded", refused);
        measured.series.rows.insert(first + second as i64, row);
    }
    measured.refuse("PUBACK", 0x87, "Not authorized", 12);
    for _ in 0..112 {
        measured
            .latencies
            .connect
            .corrected
            .record((800_000.0 * (1.0 + numbers.next())) as u64);
    }
    let counts = measured.qos[1];
    measured.subscribers = (0..2)
        .map(|number| Subscriber {
            number,
            granted_qos: 1,
            expected: counts.expected / 2,
            received: counts.received / 2,
            ..Subscriber::default()
        })
        .collect();
    measured.limits.insert(Limit {
        what: "window".to_owned(),
        sentence:
            "the publishers waited for acknowledgements, --inflight 40 would let them send on"
                .to_owned(),
    });
    measured
}
