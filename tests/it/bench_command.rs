//! bench as a program, against midge's own broker on a real socket.

use serde_json::Value;

use crate::program::{Ended, run};
use crate::test_broker::TestBroker;

fn bench(broker: &TestBroker, args: &[&str]) -> Ended {
    let port = broker.address.port().to_string();
    let mut all = vec!["bench", "-h", "127.0.0.1", "-p", &port];
    all.extend_from_slice(args);
    run(&all)
}

/// The result of a run that ends well and says nothing on stderr.
#[track_caller]
fn result(broker: &TestBroker, args: &[&str]) -> Value {
    let mut all = vec!["--json", "--no-progress"];
    all.extend_from_slice(args);
    let ended = bench(broker, &all);
    ended.expect(0, "");
    assert_eq!(ended.text().lines().count(), 1);
    serde_json::from_str(ended.text()).unwrap()
}

#[test]
fn every_subscriber_gets_every_message() {
    let broker = TestBroker::start();
    for version in ["31", "311", "5"] {
        for qos in ["0", "1", "2"] {
            let args = "--publishers 3 --subscribers 2 --idle 2 --count 200 --size 21";
            let mut args: Vec<_> = args.split(' ').collect();
            args.extend(["-V", version, "-q", qos]);
            let result = result(&broker, &args);
            for (key, expected) in [
                ("schema", 2),
                ("sent", 200),
                ("sent_bytes", 4200),
                ("not_sent", 0),
                ("expected", 400),
                ("received", 400),
                ("received_bytes", 8400),
                ("lost", 0),
                ("duplicated", 0),
                ("reordered", 0),
                ("foreign", 0),
                ("retained", 0),
                ("connections", 7),
            ] {
                assert_eq!(result[key], expected, "{key}, {version}, QoS {qos}");
            }
            assert_eq!(result["ended_by"], "count");
            assert_eq!(result["publish_to_delivery_us"]["count"], 400);
            assert_eq!(result["connect_us"]["count"], 7);
            if qos == "0" {
                assert_eq!(result["acknowledged"], Value::Null);
                assert_eq!(result["publish_to_ack_us"], Value::Null);
            } else {
                assert_eq!(result["acknowledged"], 200);
                assert_eq!(result["unacknowledged"], 0);
                assert_eq!(result["publish_to_ack_us"]["count"], 200);
            }
        }
    }
}

#[test]
fn a_rate_is_kept_and_the_warm_up_left_out() {
    let broker = TestBroker::start();
    let args = "-q 1 --publishers 2 --rate 200 --warmup 300ms --duration 500ms";
    let result = result(&broker, &args.split(' ').collect::<Vec<_>>());
    // One message every 5 ms: numbers 60 to 159 of them are due from 300 ms on and before 800 ms.
    let number = |key: &str| result[key].as_u64().unwrap();
    assert_eq!(number("sent") + number("not_sent"), 100);
    assert_eq!(number("received"), number("sent"));
    assert_eq!(number("acknowledged"), number("sent"));
    // What was never sent is late all the same.
    assert_eq!(result["send_lateness_us"]["count"], 100);
    assert_eq!(number("due"), 100);
    assert_eq!(result["duration_s"], 0.5);
    assert_eq!(result["target_rate_per_s"], 200.0);
    assert_eq!(result["ended_by"], "time");
}

#[test]
fn percentiles_rise() {
    let broker = TestBroker::start();
    let result = result(&broker, &["-q", "2", "--duration", "300ms"]);
    for latency in ["publish_to_ack_us", "publish_to_delivery_us", "connect_us"] {
        let keys = ["min", "p50", "p90", "p95", "p99", "p99_9", "max"];
        let values = keys.map(|key| result[latency][key].as_f64().unwrap());
        assert!(values.is_sorted(), "{latency}: {values:?}");
        assert!(values[0] > 0.0);
    }
    assert!(result["sent_per_s"].as_f64().unwrap() > 0.0);
}

#[test]
fn the_summary_is_for_people() {
    let broker = TestBroker::start();
    let ended = bench(
        &broker,
        &["--count", "1000", "-q", "1", "--topic", "a/{client}"],
    );
    assert_eq!(ended.code(), 0, "{}", ended.stderr);
    for part in [
        "1,000 ",
        "sent ",
        "acknowledged ",
        "received ",
        "lost ",
        "p99.9",
        "to delivery ",
    ] {
        assert!(ended.text().contains(part), "{part}: {}", ended.text());
    }
}

#[test]
fn idle_connections_alone() {
    let broker = TestBroker::start();
    let args = "--publishers 0 --subscribers 0 --idle 50 --duration 100ms";
    let result = result(&broker, &args.split(' ').collect::<Vec<_>>());
    assert_eq!(result["connections"], 50);
    assert_eq!(result["sent"], 0);
}

#[test]
fn wrong_usage_needs_no_broker() {
    // Nothing listens there; a run that tried to connect would end with 3.
    let ended = run(&["bench", "-h", "127.0.0.1", "-p", "1", "--size", "17"]);
    ended.expect(
        2,
        "midge: --size 17 is too small: run, publisher, number and time of a message take 21 bytes \
         of its payload (without subscribers any size will do)\n",
    );
}

#[test]
fn no_broker_is_exit_3() {
    let ended = run(&["bench", "-h", "127.0.0.1", "-p", "1", "--no-progress"]);
    ended.expect(
        3,
        "midge: could not connect to 127.0.0.1:1: Connection refused (tried 127.0.0.1:1)\n",
    );
    assert_eq!(ended.text(), "");
}

/// Its queue holds 100 messages, and with QoS 0 nothing comes back that would say it has room.
#[test]
fn the_rumqttc_engine_goes_on_after_a_full_queue() {
    let broker = TestBroker::start();
    for version in ["311", "5"] {
        let args = ["--engine", "rumqttc", "-V", version, "--count", "500"];
        assert_eq!(result(&broker, &args)["received"], 500, "{version}");
    }
}
