use super::super::dues::Dues;
use super::super::stamp::Stamp;
use super::super::stats::Reception;
use super::*;
use crate::cli;
use crate::mqtt::{PacketType, ReasonCode, Version};

const SECOND: u64 = 1_000_000_000;

/// One publisher that has sent so many messages, one each second from 0 on, and one subscriber that
/// got these.
fn stats(sent: u64, came: &[u64]) -> Stats {
    let mut stats = Stats::default();
    stats.publishers.push(Publisher {
        dues: Some(Dues {
            first: 0,
            interval: SECOND as f64,
        }),
        ..Publisher::default()
    });
    stats.handle_sent(0, sent, 30 * sent, (sent - 1) * SECOND);
    let own = Reception::Own(Delivery::default());
    let qos = QoS::AtLeastOnce;
    stats
        .subscribers
        .push(stats::Subscriber::new(0, 0, own, qos));
    for &sequence in came {
        let stamp = Stamp {
            run: 0,
            publisher: 0,
            sequence,
            time: sequence * SECOND,
            lateness: 0,
        };
        stats.handle_arrival(0, &stamp, qos, 30, sequence * SECOND + 1000, true);
    }
    stats
}

fn account(stats: Stats, closed: u64) -> Measured {
    let args = cli::Bench::from_words("-q 1 --rate 1");
    measured(&Plan::new(&args, None).unwrap(), &[stats], closed)
}

fn refuse(stats: &mut Stats, number: u64) {
    let reason = ReasonCode::QUOTA_EXCEEDED;
    stats.handle_refusal(0, number, PacketType::PUBACK, Version::V5, reason);
}

#[test]
fn what_was_refused_and_came_makes_up_for_nothing() {
    let mut stats = stats(6, &[0, 1, 3, 5]);
    refuse(&mut stats, 1);
    refuse(&mut stats, 4);
    let measured = account(stats, 10 * SECOND);
    let counts = measured.qos[1];
    // 0, 2, 3 and 5 were taken; 1 came although it was not.
    assert_eq!((counts.expected, counts.received), (4, 4));
    assert_eq!((counts.refused_received, counts.lost), (1, 1));
    let own = measured.subscribers[0];
    assert_eq!((own.expected, own.refused_received, own.lost), (4, 1, 1));
    // The one that is lost was overtaken, and waits no more.
    let e2e = measured.latencies.e2e;
    assert_eq!((e2e.lower_bounds, e2e.corrected.count()), (0, 4));
}

#[test]
fn what_never_comes_has_waited_until_the_end() {
    let measured = account(stats(10, &[0, 1, 2, 3]), 12 * SECOND);
    assert_eq!(measured.qos[1].lost, 6);
    let e2e = measured.latencies.e2e;
    assert_eq!((e2e.lower_bounds, e2e.uncorrected_lower_bounds), (6, 6));
    // Number 4 was due after 4 of 12 seconds, and sent after 9 at the latest.
    let near = |found: Option<u64>, expected: u64| {
        let found = found.unwrap();
        assert!(found.abs_diff(expected) < expected / 100, "{found}");
    };
    near(e2e.corrected.max(), 8 * SECOND);
    near(e2e.corrected.quantile(0.5), 3 * SECOND);
    near(e2e.uncorrected.max(), 3 * SECOND);
}

#[test]
fn what_was_never_sent_has_waited_since_it_was_due() {
    let mut stats = stats(2, &[0, 1]);
    let dues = Dues {
        first: 2 * SECOND,
        interval: SECOND as f64,
    };
    stats.handle_unsent(0, QoS::AtLeastOnce, 1, (dues, 3), 5 * SECOND);
    let measured = account(stats, 6 * SECOND);
    let counts = measured.qos[1];
    assert_eq!((counts.sent, counts.not_sent), (2, 3));
    assert_eq!((counts.due, counts.offered, counts.lost), (5, 2, 0));
    let latencies = measured.latencies;
    assert_eq!(latencies.lateness_lower_bounds, 3);
    for pair in [&latencies.ack_qos1, &latencies.e2e] {
        assert_eq!(pair.lower_bounds, 3);
        let longest = pair.corrected.max().unwrap();
        assert!(longest.abs_diff(3 * SECOND) < SECOND / 100, "{longest}");
        assert_eq!(pair.uncorrected_lower_bounds, 0);
    }
}

/// Another run of the same name has stamps as ours, and numbers that ours never came to.
#[test]
fn what_nobody_has_sent_is_foreign() {
    let measured = account(stats(3, &[0, 1, 7, 9]), 10 * SECOND);
    let counts = measured.qos[1];
    assert_eq!((counts.expected, counts.received), (3, 2));
    assert_eq!((counts.foreign, counts.lost), (2, 1));
    let own = measured.subscribers[0];
    assert_eq!((own.received, own.foreign, own.lost), (2, 2, 1));
}
