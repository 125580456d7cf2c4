//! bench against midge's own broker with faults by rule: what comes out is exactly what was put in.

use serde_json::Value;

use crate::program::{Ended, Running, midge};

/// A bench around which a broker with these faults runs.
fn bench(faults: &[&str], args: &str) -> (Ended, Value) {
    let mut command = midge(&["broker", "--port", "0"]);
    for fault in faults {
        command.args(["--fault", fault]);
    }
    let script =
        format!("midge bench --json --no-progress -t t -i b {args} > out; echo $?; cat out");
    let folder = tempfile::tempdir().unwrap();
    let script = format!("cd {}; {script}", folder.path().display());
    command.args(["--", "sh", "-c", &script]);
    let ended = Running::start(command).wait();
    let (code, result) = ended.text().split_once('\n').unwrap();
    let result = serde_json::from_str(result).unwrap_or_else(|_| panic!("no result: {ended:?}"));
    let code: i32 = code.parse().unwrap();
    assert_eq!(code == 0, ended.stderr.is_empty(), "{ended:?}");
    (ended, result)
}

#[track_caller]
fn check(result: &Value, expected: &[(&str, u64)]) {
    for (key, value) in expected {
        assert_eq!(result[*key], *value, "{key} in {result}");
    }
}

#[test]
fn lost_doubled_and_reordered_messages_are_counted() {
    let faults = [
        "on=publish dir=out client=b-s0 nth=3 do=drop",
        "on=publish dir=out client=b-s0 nth=10 do=drop",
        "on=publish dir=out client=b-s0 nth=5 do=duplicate",
        "on=publish dir=out client=b-s0 nth=20 do=reorder 4",
        "on=publish dir=out client=b-s1 nth=7 do=duplicate",
    ];
    for workers in ["1", "3"] {
        let args =
            format!("-q 0 --subscribers 2 --count 60 --rate 600 --drain 300ms --workers {workers}");
        let (_, result) = bench(&faults, &args);
        check(
            &result,
            &[
                ("sent", 60),
                ("expected", 120),
                ("received", 118),
                ("lost", 2),
                ("duplicated", 2),
                ("reordered", 1),
            ],
        );
        let own = |number: usize, key: &str| result["per_subscriber"][number][key].clone();
        assert_eq!((own(0, "lost"), own(1, "lost")), (2.into(), 0.into()));
        assert_eq!(
            (own(0, "duplicated"), own(1, "duplicated")),
            (1.into(), 1.into())
        );
        assert_eq!(
            (own(0, "reordered"), own(1, "reordered")),
            (1.into(), 0.into())
        );
    }
}

#[test]
fn a_lost_message_of_qos_1_is_exit_5() {
    // What the broker has not acknowledged, nobody has promised; what it has, it must deliver.
    let fault = "on=publish dir=out client=b-s0 nth=4 do=drop";
    let (ended, result) = bench(&[fault], "-q 1 --count 20 --drain 300ms");
    check(&result, &[("sent", 20), ("received", 19), ("lost", 1)]);
    let sentence = "midge: 1 of 20 messages of QoS 1 were lost\n";
    assert_eq!(ended.stderr, sentence);
}

#[test]
fn messages_on_their_way_in_are_lost_before_they_are_taken() {
    let fault = "on=publish dir=in client=b-p0 every=5 do=drop";
    let (_, result) = bench(&[fault], "-q 0 --count 50 --drain 300ms");
    check(&result, &[("sent", 50), ("received", 40), ("lost", 10)]);
}

#[test]
fn delays_come_out_as_latencies() {
    let fault = "on=publish dir=out client=b-s0 every=10 do=delay 400ms";
    let (_, result) = bench(&[fault], "-q 0 --count 100 --rate 100 --drain 1s");
    check(&result, &[("received", 100), ("lost", 0)]);
    let at = |key: &str| result["publish_to_delivery_us"][key].as_f64().unwrap();
    // One in ten takes 400 ms; another delivery does not wait for it, or only for its order.
    assert!(at("max") >= 400_000.0, "{result}");
    assert!(at("p95") >= 400_000.0, "{result}");
    assert!(at("p50") < 400_000.0, "{result}");
}

#[test]
fn refusals_are_counted_by_name() {
    let fault = "on=publish dir=in client=b-p0 every=4 do=refuse 0x97";
    let (_, result) = bench(&[fault], "-q 1 --count 20 --subscribers 0");
    check(&result, &[("acknowledged", 15), ("refused", 5)]);
    assert_eq!(
        result["refusals"],
        serde_json::json!([
            {"packet": "PUBACK", "reason_code": 0x97, "reason": "Quota exceeded", "count": 5},
        ])
    );
}

/// Coordinated omission: a publisher with a window of one cannot send while the broker stalls, and
/// what it would have sent has waited all the same.
#[test]
fn a_stall_of_a_second_shows_in_what_was_intended() {
    let fault = "on=puback dir=out client=b-p0 nth=50 do=delay 1s";
    let args = "-q 1 --inflight 1 --rate 200 --count 600 --subscribers 1";
    let (_, result) = bench(&[fault], args);
    check(&result, &[("sent", 600), ("lost", 0)]);
    let at = |which: &str, key: &str| result[which][key].as_f64().unwrap();
    for latency in ["publish_to_ack", "publish_to_delivery"] {
        let corrected = format!("{latency}_us");
        assert!(at(&corrected, "p99") >= 900_000.0, "{latency}: {result}");
        let uncorrected = format!("{latency}_uncorrected_us");
        // One message of 600 waited; the others never knew.
        assert!(at(&uncorrected, "p99") < 900_000.0, "{latency}: {result}");
    }
    assert!(at("publish_to_ack_uncorrected_us", "max") >= 1_000_000.0);
    assert!(at("send_lateness_us", "max") >= 900_000.0);
    let limits = result["limited_by"].as_array().unwrap();
    let has = |what: &str| limits.iter().any(|limit| limit["what"] == what);
    assert!(has("window") || has("cpu"), "{result}");
}

/// The session is kept, so whoever comes back gets what was sent meanwhile.
#[test]
fn connections_refused_for_a_while_are_counted() {
    let fault = "on=connect client=b-i0 nth=2 do=refuse 0x97";
    let args = "--publishers 0 --subscribers 0 --idle 1 --duration 1 --reconnect-every 300ms";
    let (_, result) = bench(&[fault], args);
    assert_eq!(
        result["refusals"],
        serde_json::json!([
            {"packet": "CONNACK", "reason_code": 0x97, "reason": "Quota exceeded", "count": 1},
        ])
    );
}

#[test]
fn a_broker_that_hangs_up_ends_the_run_with_its_results() {
    let fault = "on=publish dir=in client=b-p0 nth=30 do=close";
    let (ended, result) = bench(&[fault], "-q 1 --count 100 --rate 300");
    assert_eq!(result["ended_by"], "error");
    // Of what it had acknowledged, the last may be lost with the connection.
    let number = |key: &str| result[key].as_u64().unwrap();
    assert!(
        number("sent") >= 30 && number("acknowledged") <= 29,
        "{result}"
    );
    assert_eq!(result["errors"]["connection lost"], 1);
    assert!(ended.text().starts_with("4\n"), "{ended:?}");
}
