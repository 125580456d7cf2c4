//! The keys of a bench's result, as documented: in what `--json` prints, and in the file of
//! `--out`. A `*` stands for names or numbers that a run brings along, `[]` for the elements of a
//! list.

use std::collections::BTreeSet;

use midge::output::bench::{
    self, Asked, Asserted, Coarse, Coarsened, Comparison, Counts, Ended, Group, Latencies, Limit,
    Measured, Outcome, Pair, Part, Report, Row, Series, Shard, Subscriber, Times,
};
use serde_json::{Value, json};

/// Keys of `--json`, schema 2.
const REPORT: &str = "
    schema midge run began broker version engine qos granted_qos topic publishers subscribers idle
    size_bytes target_rate_per_s inflight warmup_s
    groups[].name groups[].publishers groups[].subscribers groups[].idle groups[].qos groups[].topic
    groups[].size_bytes groups[].rate_per_s groups[].inflight groups[].more.*
    parameters.*
    parts[].run parts[].shard.index parts[].shard.of parts[].midge parts[].began
    parts[].duration_s parts[].ended_by parts[].error
    duration_s ended_by error interrupted
    sent not_sent due offered sent_per_s sent_bytes acknowledged acknowledged_per_s refused unacknowledged
    refusals[].reason_code refusals[].reason refusals[].packet refusals[].count
    errors.*
    only_listens expected received received_per_s received_bytes refused_received lost duplicated reordered
    foreign foreign_per_s foreign_bytes retained
    per_qos[].qos per_qos[].COUNTS
    per_subscriber[].group per_subscriber[].number per_subscriber[].granted_qos
    per_subscriber[].shared per_subscriber[].expected per_subscriber[].received
    per_subscriber[].refused_received per_subscriber[].lost
    per_subscriber[].duplicated per_subscriber[].reordered per_subscriber[].foreign
    per_subscriber[].retained
    connections
    connect_us.TIMES connect_uncorrected_us.TIMES send_lateness_us.TIMES
    publish_to_ack_us.TIMES publish_to_ack_uncorrected_us.TIMES
    publish_to_ack_qos1_us.TIMES publish_to_ack_qos1_uncorrected_us.TIMES
    publish_to_ack_qos2_us.TIMES publish_to_ack_qos2_uncorrected_us.TIMES
    publish_to_delivery_us.TIMES publish_to_delivery_uncorrected_us.TIMES
    cpu_s peak_memory_bytes
    limited_by[].what limited_by[].sentence
    series[].offset_s series[].sent series[].received series[].acknowledged series[].errors
    series[].connected series[].p50_us series[].p99_us series[].max_us
    asserted[].assert asserted[].value asserted[].holds
    compared.began compared.tolerance_percent
    compared.differences[].parameter compared.differences[].then compared.differences[].now
    compared.figures[].figure compared.figures[].then compared.figures[].now
    compared.figures[].change_percent compared.figures[].verdict
";

/// Keys of the file of `--out` beside those.
const RESULT: &str = "
    result.parts[].run result.parts[].shard.index result.parts[].shard.of result.parts[].midge
    result.parts[].began_ns result.parts[].sending_ns result.parts[].receiving_ns
    result.parts[].ended_by result.parts[].error result.parts[].still_ns
    result.parts[].asked.broker result.parts[].asked.version result.parts[].asked.engine
    result.parts[].asked.warmup_ns result.parts[].asked.duration_ns result.parts[].asked.count
    result.parts[].asked.groups[].name result.parts[].asked.groups[].publishers
    result.parts[].asked.groups[].subscribers result.parts[].asked.groups[].idle
    result.parts[].asked.groups[].qos result.parts[].asked.groups[].topic
    result.parts[].asked.groups[].size_bytes result.parts[].asked.groups[].rate_per_s
    result.parts[].asked.groups[].inflight result.parts[].asked.groups[].more.*
    result.parts[].asked.unheard result.parts[].asked.more.*
    result.measured.qos[].COUNTS
    result.measured.subscribers[].group result.measured.subscribers[].number
    result.measured.subscribers[].granted_qos result.measured.subscribers[].shared
    result.measured.subscribers[].expected result.measured.subscribers[].received
    result.measured.subscribers[].refused_received result.measured.subscribers[].lost
    result.measured.subscribers[].duplicated result.measured.subscribers[].reordered
    result.measured.subscribers[].foreign result.measured.subscribers[].retained
    result.measured.connections
    result.measured.refusals[].reason_code result.measured.refusals[].reason
    result.measured.refusals[].packet result.measured.refusals[].count
    result.measured.errors.*
    result.measured.latencies.connect.PAIR result.measured.latencies.ack_qos1.PAIR
    result.measured.latencies.ack_qos2.PAIR result.measured.latencies.e2e.PAIR
    result.measured.latencies.lateness result.measured.latencies.lateness_lower_bounds
    result.measured.series.*.sent result.measured.series.*.received
    result.measured.series.*.acknowledged result.measured.series.*.errors
    result.measured.series.*.connected
    result.measured.series.*.ack.max_ns result.measured.series.*.ack.counts
    result.measured.series.*.e2e.max_ns result.measured.series.*.e2e.counts
    result.measured.cpu_ns result.measured.peak_memory_bytes
    result.measured.limits[].what result.measured.limits[].sentence
";

const COUNTS: &str = "sent sent_bytes not_sent due offered acknowledged refused unacknowledged \
    expected received received_bytes refused_received lost duplicated reordered foreign \
    foreign_bytes retained";
const TIMES: &str = "count lower_bounds min mean p50 p90 p95 p99 p99_9 p99_99 max";
const PAIR: &str = "corrected uncorrected lower_bounds uncorrected_lower_bounds";

/// Keys whose own keys are not fixed.
const OPEN: [&str; 6] = [
    "groups[].more",
    "parameters",
    "errors",
    "result.parts[].asked.groups[].more",
    "result.parts[].asked.more",
    "result.measured.errors",
];

/// Every key that is documented, in full.
fn documented(text: &str) -> BTreeSet<String> {
    let mut keys = BTreeSet::new();
    for word in text.split_whitespace() {
        let lists = [("COUNTS", COUNTS), ("TIMES", TIMES), ("PAIR", PAIR)];
        match lists.iter().find(|(name, _)| word.ends_with(name)) {
            Some((name, list)) => {
                let begin = word.trim_end_matches(name);
                keys.extend(list.split_whitespace().map(|key| format!("{begin}{key}")));
            }
            None => _ = keys.insert(word.to_owned()),
        }
    }
    keys
}

/// Every key of a value, in full, and whether something stands there.
fn keys(value: &Value, path: &str, found: &mut BTreeSet<(String, bool)>) {
    match value {
        Value::Object(object) => {
            let is_open = OPEN.contains(&path) || path == "result.measured.series";
            for (key, value) in object {
                let key = if is_open { "*" } else { key };
                let dot = if path.is_empty() { "" } else { "." };
                keys(value, &format!("{path}{dot}{key}"), found);
            }
        }
        // [time, count] pairs are what they are.
        Value::Array(_) if path.ends_with(".counts") => _ = found.insert((path.to_owned(), true)),
        Value::Array(list) => {
            for value in list {
                keys(value, &format!("{path}[]"), found);
            }
        }
        Value::Null => _ = found.insert((path.to_owned(), false)),
        _ => _ = found.insert((path.to_owned(), true)),
    }
}

/// A result with something everywhere.
fn full() -> Outcome {
    let mut times = Times::new();
    times.record(1000);
    let mut coarse = Coarse::new();
    coarse.record(1000);
    let more = || [("reconnect-every".to_owned(), "5s".to_owned())].into();
    let pair = || Pair {
        corrected: times.clone(),
        uncorrected: times.clone(),
        lower_bounds: 1,
        uncorrected_lower_bounds: 1,
    };
    let counts = Counts {
        sent: 1,
        expected: 1,
        received: 1,
        ..Counts::default()
    };
    let row = Row {
        e2e: Coarsened::new(&coarse, 1000),
        ack: Coarsened::new(&coarse, 1000),
        ..Row::default()
    };
    let mut measured = Measured {
        qos: [counts; 3],
        subscribers: vec![Subscriber::default()],
        connections: 1,
        refusals: Vec::new(),
        errors: [("connection lost".to_owned(), 1)].into(),
        latencies: Latencies {
            connect: pair(),
            ack_qos1: pair(),
            ack_qos2: pair(),
            e2e: pair(),
            lateness: times.clone(),
            lateness_lower_bounds: 1,
        },
        series: Series {
            rows: [(1, row)].into(),
        },
        cpu_ns: 1,
        peak_memory_bytes: 1,
        limits: [Limit {
            what: "cpu".to_owned(),
            sentence: "s".to_owned(),
        }]
        .into(),
    };
    measured.refuse("PUBACK", 0x97, "Quota exceeded", 1);
    let part = Part {
        run: "r".to_owned(),
        shard: Some(Shard { index: 0, of: 1 }),
        midge: "1".to_owned(),
        began_ns: 1_000_000_000,
        sending_ns: 1,
        receiving_ns: 1,
        ended_by: Ended::Interrupt,
        error: Some("e".to_owned()),
        still_ns: 1,
        asked: Asked {
            duration_ns: Some(1),
            count: Some(1),
            groups: vec![Group {
                name: Some("g".to_owned()),
                publishers: 1,
                subscribers: 1,
                qos: 1,
                size_bytes: Some(1),
                rate_per_s: Some(1.0),
                inflight: Some(1),
                more: more(),
                ..Group::default()
            }],
            more: more(),
            ..Asked::default()
        },
    };
    Outcome {
        parts: vec![part],
        measured,
    }
}

fn check(value: &Value, documented: &BTreeSet<String>) {
    let mut found = BTreeSet::new();
    keys(value, "", &mut found);
    let has_value: BTreeSet<String> = found
        .iter()
        .filter(|(_, has_value)| *has_value)
        .map(|(key, _)| key.clone())
        .collect();
    let begins = |key: &str| {
        let below = [format!("{key}."), format!("{key}[")];
        documented
            .iter()
            .any(|known| below.iter().any(|b| known.starts_with(b)))
    };
    for (key, has_value) in found {
        // A null stands for a whole object.
        let is_known = documented.contains(&key) || (!has_value && begins(&key));
        assert!(is_known, "{key} is not documented");
    }
    let missing: Vec<&String> = documented.difference(&has_value).collect();
    assert!(missing.is_empty(), "documented, and not there: {missing:?}");
}

fn written(write: impl FnOnce(&mut Vec<u8>) -> std::io::Result<()>) -> Value {
    let mut out = Vec::new();
    write(&mut out).unwrap();
    assert_eq!(out.iter().filter(|&&byte| byte == b'\n').count(), 1);
    serde_json::from_slice(&out).unwrap()
}

#[test]
fn every_key_is_documented_and_every_documented_key_is_there() {
    let outcome = full();
    let mut then = outcome.clone();
    let group = &mut then.parts[0].asked.groups[0];
    (group.publishers, group.inflight) = (2, Some(2));
    let mut report = Report::new(&outcome);
    report.asserted = vec![Asserted {
        assertion: "lost == 0".to_owned(),
        value: Some(0.0),
        holds: true,
    }];
    report.compared = Some(Comparison::new(&then, &outcome, 10.0));
    let printed = written(|out| bench::write_json(out, &report));
    let report = documented(REPORT);
    check(&printed, &report);

    let file = written(|out| bench::write_file(out, &outcome));
    let mut all = documented(RESULT);
    let kept = report.iter();
    // What was asserted and compared is no part of what was measured.
    all.extend(
        kept.filter(|key| !key.starts_with("asserted") && !key.starts_with("compared"))
            .cloned(),
    );
    all.insert("compared".to_owned());
    let mut file = file;
    file["compared"] = Value::from("never there");
    check(&file, &all);
}

#[test]
fn everything_comes_back_from_a_file() {
    let outcome = full();
    let mut bytes = Vec::new();
    bench::write_file(&mut bytes, &outcome).unwrap();
    assert_eq!(bench::read_file(&bytes).unwrap(), outcome);
}

/// The places of all numbers in a value, as JSON pointers.
fn numbers(value: &Value, path: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(object) => {
            for (key, value) in object {
                numbers(value, &format!("{path}/{key}"), found);
            }
        }
        Value::Array(list) => {
            for (i, value) in list.iter().enumerate() {
                numbers(value, &format!("{path}/{i}"), found);
            }
        }
        Value::Number(_) => found.push(path.to_owned()),
        _ => {}
    }
}

/// Whatever numbers a file has: it is refused, or shown, compared and added.
#[test]
fn any_number_in_a_file_does_no_harm() {
    let outcome = full();
    let file = written(|out| bench::write_file(out, &outcome));
    let mut places = Vec::new();
    numbers(&file["result"], "", &mut places);
    assert!(places.len() > 80, "{}", places.len());
    let mut taken = 0;
    for number in [json!(u64::MAX), json!(i64::MIN)] {
        for place in &places {
            let mut file = file.clone();
            *file["result"].pointer_mut(place).unwrap() = number.clone();
            let Ok(mut read) = bench::read_file(file.to_string().as_bytes()) else {
                continue;
            };
            taken += 1;
            let comparison = Comparison::new(&outcome, &read, 10.0);
            bench::write_text(&mut Vec::new(), &read, Some(&comparison), true).unwrap();
            bench::write_html(&mut Vec::new(), &read, &[], Some(&comparison)).unwrap();
            let plain = bench::Plain {
                width: None,
                unicode: true,
            };
            bench::write_plot(&mut Vec::new(), &read, plain).unwrap();
            let mut other = read.clone();
            other.parts[0].run.push('x');
            read.merge(&other).unwrap();
            bench::write_json(&mut Vec::new(), &Report::new(&read)).unwrap();
        }
    }
    assert!(taken > 50, "{taken}");
}
