use super::*;
use crate::output::bench::{Measured, Part};

fn outcome(group: Group) -> Outcome {
    let mut measured = Measured::default();
    let counts = &mut measured.qos[usize::from(group.qos)];
    counts.sent = 1000;
    counts.sent_bytes = 64_000;
    counts.not_sent = 250;
    (counts.due, counts.offered) = (1250, 1000);
    counts.expected = 1000;
    counts.received = 990;
    counts.lost = 10;
    measured.cpu_ns = 1_990_000;
    measured.errors.insert("connection lost".to_owned(), 3);
    measured.refuse("PUBACK", 0x97, "Quota exceeded", 4);
    for ms in 1..=1000 {
        measured.latencies.e2e.corrected.record(ms * 1_000_000);
    }
    Outcome {
        parts: vec![Part {
            sending_ns: 2_000_000_000,
            receiving_ns: 3_000_000_000,
            asked: Asked {
                groups: vec![group],
                ..Asked::default()
            },
            ..Part::default()
        }],
        measured,
    }
}

fn both() -> Group {
    Group {
        publishers: 1,
        subscribers: 1,
        qos: 1,
        rate_per_s: Some(625.0),
        ..Group::default()
    }
}

fn value(outcome: &Outcome, name: &str) -> Option<f64> {
    Figure::parse(name).unwrap().value(outcome)
}

#[test]
fn figures_are_what_their_names_say() {
    let outcome = outcome(both());
    for (name, expected) in [
        ("rate", 500.0),
        ("received_rate", 330.0),
        ("sent_bytes_rate", 32_000.0),
        ("offered", 80.0),
        ("not_sent.share", 20.0),
        ("lost", 10.0),
        ("lost.share", 1.0),
        ("received.share", 99.0),
        ("errors", 7.0),
        ("duration", 2e9),
        ("cpu_per_message", 1000.0),
        ("e2e.count", 1000.0),
    ] {
        assert_eq!(value(&outcome, name), Some(expected), "{name}");
    }
    for (name, ms) in [
        ("e2e.min", 1.0),
        ("e2e.p50", 500.0),
        ("e2e.p99.9", 999.0),
        ("e2e.p75", 750.0),
        ("e2e.max", 1000.0),
    ] {
        let read = value(&outcome, name).unwrap() / 1e6;
        assert!((read / ms - 1.0).abs() < 0.001, "{name}: {read}");
    }
    for absent in ["memory", "ack.p99", "lateness.max", "e2e_uncorrected.p50"] {
        assert_eq!(value(&outcome, absent), None, "{absent}");
    }
}

#[test]
fn what_no_run_of_that_kind_has_is_known_before() {
    let lacks = |name: &str, group: &Group| {
        let asked = Asked {
            groups: vec![group.clone()],
            ..Asked::default()
        };
        Figure::parse(name).unwrap().lacks(&[&asked])
    };
    let alone = Group {
        subscribers: 0,
        qos: 0,
        rate_per_s: None,
        ..both()
    };
    for (name, why) in [
        ("e2e.p99", "nobody subscribes"),
        ("lost", "nobody subscribes"),
        ("ack.p99", "messages of QoS 0 are not acknowledged"),
        ("ack_qos2.p99", "nobody publishes with QoS 2"),
        ("lateness.p99", "there is no --rate"),
        (
            "connect_uncorrected.p99",
            "without --connect-rate or --ramp-up there is nothing to correct",
        ),
    ] {
        assert_eq!(lacks(name, &alone), Some(why), "{name}");
    }
    for name in [
        "e2e.p99",
        "e2e_uncorrected.p99",
        "ack.p99",
        "ack_qos1.max",
        "lateness.max",
    ] {
        assert_eq!(lacks(name, &both()), None, "{name}");
    }
    let ears = Group {
        publishers: 0,
        ..both()
    };
    let why = "nobody here publishes what the subscribers hear";
    for name in [
        "e2e.p99",
        "lost",
        "received_rate",
        "reordered.share",
        "e2e_uncorrected.max",
    ] {
        assert_eq!(lacks(name, &ears), Some(why), "{name}");
    }
    assert_eq!(lacks("foreign_rate", &ears), None);
    let elsewhere = Asked {
        groups: vec![both()],
        unheard: true,
        ..Asked::default()
    };
    let lost = Figure::parse("lost").unwrap();
    assert_eq!(lost.lacks(&[&elsewhere]), Some(why));
    let ramped = Asked {
        groups: vec![both()],
        more: [("connect-rate".to_owned(), "5".to_owned())].into(),
        ..Asked::default()
    };
    let connect = Figure::parse("connect_uncorrected.p99").unwrap();
    assert_eq!(connect.lacks(&[&ramped]), None);
    let unpaced = Group {
        rate_per_s: None,
        ..both()
    };
    let why = "without --rate there is nothing to correct";
    assert_eq!(lacks("e2e_uncorrected.p99", &unpaced), Some(why));
}

#[test]
fn every_name_is_read_as_it_is_written() {
    let compared = Figure::compared();
    let mut names: Vec<String> = compared.iter().map(Figure::name).collect();
    names.extend(SIMPLE.iter().map(|simple| simple.name.to_owned()));
    for name in names {
        assert_eq!(Figure::parse(&name).unwrap().name(), name);
    }
}

#[test]
fn what_is_unknown_has_a_neighbour() {
    for (name, neighbour) in [
        ("losst", "did you mean lost?"),
        ("e2.p99", "did you mean e2e.p99?"),
        ("e2e", "did you mean e2e.p99?"),
        ("akc.max", "did you mean ack.max?"),
        ("lost.sahre", "did you mean lost?"),
        ("temperature", "there are rate, received_rate, "),
        ("", "there are "),
    ] {
        let sentence = Figure::parse(name).unwrap_err();
        assert!(sentence.contains(neighbour), "{name}: {sentence}");
    }
    for bad in [
        "e2e.p101",
        "e2e.p",
        "e2e.pinf",
        "e2e.p9_9",
        "e2e.p1e1",
        "e2e.median",
    ] {
        let sentence = Figure::parse(bad).unwrap_err();
        assert!(
            sentence.contains("it has min, mean, p50"),
            "{bad}: {sentence}"
        );
    }
}

#[test]
fn a_percentile_wants_enough_above_it() {
    let outcome = outcome(both());
    for (name, is_meaningful) in [
        ("e2e.p50", true),
        ("e2e.p90", true),
        ("e2e.p99", false),
        ("e2e.max", false),
        ("e2e.mean", true),
        ("lost.share", true),
    ] {
        let figure = Figure::parse(name).unwrap();
        assert_eq!(figure.is_meaningful(&outcome), is_meaningful, "{name}");
    }
}

#[test]
fn values_have_their_units() {
    for (name, value, text) in [
        ("lost", 1234.0, "1,234"),
        ("rate", 51234.5, "51,234/s"),
        ("rate", 0.5, "0.5/s"),
        ("e2e.p99", 12_345_678.0, "12.35 ms"),
        ("cpu_per_message", 93.25, "93.2 ns"),
        ("lost.share", 0.004, "4.0e-3 %"),
        ("offered", 99.987, "99.99 %"),
        ("memory", 12_300_000.0, "12.3 MB"),
    ] {
        assert_eq!(Figure::parse(name).unwrap().show(value), text);
    }
}
