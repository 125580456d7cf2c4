//! `--verify` against brokers that do something wrong.

use std::path::Path;

use midge::mqtt::{ReasonCode, Version};
use serde_json::{Value, json};

use super::stage::{Actor, Broker, Role, in_runtime};
use super::{recorded, replay};
use crate::program::run;

/// The differences that a replay to such a broker finds.
fn differences(first: &Path, broker: &[&str]) -> Vec<Value> {
    let again = first.with_file_name("again.pcapng");
    let ended = replay(
        first,
        &again,
        broker,
        &["--verify", "--json", "--speed", "max"],
    );
    assert_eq!(ended.code(), 5, "{broker:?}: {ended:?}");
    let lines = ended.text().lines();
    let values = lines.map(|line| serde_json::from_str::<Value>(line).unwrap());
    let (differences, rest): (Vec<_>, Vec<_>) =
        values.partition(|value| value["record"] == "difference");
    assert_eq!(rest.len(), 1);
    assert_eq!(rest[0]["verify"]["differences"], differences.len());
    differences
}

#[test]
fn what_a_broker_does_wrong_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let first = recorded(folder.path(), Version::V5);
    let code =
        |code: u8| json!({"reason_code": code, "reason": ReasonCode(code).row().unwrap().name});
    let connected = |number| {
        let mut connected = code(number);
        connected["session_present"] = false.into();
        connected
    };
    let message = json!({
        "qos": 0, "retain": false, "properties": {"content_type": "text/plain"},
        "payload": "AtMostOnce-2", "payload_len": 12
    });
    let none = Value::Null;
    for (fault, kind, packet, client, captured, now) in [
        // A dropped acknowledgement.
        (
            "on=puback dir=out client=pub1 nth=2 do=drop",
            "answer",
            "PUBACK",
            "pub1",
            code(0),
            none.clone(),
        ),
        (
            "on=puback dir=out client=pub1 nth=2 do=refuse 0x87",
            "answer",
            "PUBACK",
            "pub1",
            code(0),
            code(0x87),
        ),
        (
            "on=pubcomp dir=out client=pub1 nth=1 do=drop",
            "answer",
            "PUBCOMP",
            "pub1",
            code(0),
            none.clone(),
        ),
        // A granted QoS that is not the one that was.
        (
            "on=suback client=keeper nth=1 do=refuse 0x80",
            "answer",
            "SUBACK",
            "keeper",
            json!({"reason_codes": [2, 1]}),
            json!({"reason_codes": [0x80, 0x80]}),
        ),
        // A message that is lost, or comes twice.
        (
            "on=publish dir=out client=keeper nth=3 do=drop",
            "missing",
            "PUBLISH",
            "keeper",
            message.clone(),
            none.clone(),
        ),
        (
            "on=publish dir=out client=keeper nth=3 do=duplicate",
            "extra",
            "PUBLISH",
            "keeper",
            none.clone(),
            message.clone(),
        ),
        (
            "on=connack client=late nth=1 do=refuse 0x87",
            "answer",
            "CONNACK",
            "late",
            connected(0),
            connected(0x87),
        ),
        // The end of a QoS 2 exchange.
        (
            "on=pubrel dir=out client=keeper nth=2 do=drop",
            "release",
            "PUBREL",
            "keeper",
            json!({"type": "PUBREL"}),
            none.clone(),
        ),
    ] {
        let found = differences(&first, &["--fault", fault]);
        let wanted = found.iter().any(|difference| {
            difference["kind"] == kind
                && difference["type"] == packet
                && difference["client"] == client
                && difference["captured"] == captured
                && difference["now"] == now
        });
        assert!(wanted, "{fault}: {found:#?}");
    }
}

/// A message that is never acknowledged keeps its session waiting, and the recording is whole all the
/// same.
#[test]
fn a_replay_that_waits_in_vain_is_recorded() {
    let folder = tempfile::tempdir().unwrap();
    let first = recorded(folder.path(), Version::V5);
    let own = folder.path().join("own.pcapng");
    for packet in ["puback", "pubcomp"] {
        let fault = format!("on={packet} dir=out client=pub1 nth=1 do=drop");
        let broker = Broker::start(&["--fault", &fault]);
        let words = [
            "capture-replay",
            first.to_str().unwrap(),
            "--url",
            &broker.urls[0],
            "--verify",
            "--speed",
            "max",
            "--out",
            own.to_str().unwrap(),
        ];
        let ended = run(&words);
        assert_eq!(ended.code(), 5, "{fault}: {ended:?}");
        let count = |file: &Path| {
            run(&["decode", "--lines", file.to_str().unwrap()])
                .text()
                .lines()
                .count()
        };
        assert!(count(&own) > count(&first) / 2, "{fault}");
    }
}

/// How a connection ends is the broker's answer, too.
#[test]
fn a_broker_that_ends_connections_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let first = recorded(folder.path(), Version::V5);
    for (fault, now) in [
        (
            "on=publish dir=in client=pub1 nth=4 do=close",
            json!({"from": "server"}),
        ),
        (
            "on=publish dir=in client=pub1 nth=4 do=disconnect 0x97",
            json!({
                "from": "server", "type": "DISCONNECT", "reason_code": 0x97,
                "reason": "Quota exceeded"
            }),
        ),
    ] {
        let found = differences(&first, &["--fault", fault]);
        let end = found.iter().find(|difference| difference["kind"] == "end");
        let end = end.unwrap_or_else(|| panic!("{fault}: {found:#?}"));
        assert_eq!((&end["client"], &end["now"]), (&"pub1".into(), &now));
        assert!(end["captured"].is_null() && end["frame"].is_u64(), "{end}");
    }
}

/// A DISCONNECT of the server that was captured has to come again, whoever closed the connection
/// behind it; and one that was not is found.
#[test]
fn a_disconnect_of_the_server_is_compared_whoever_closes_behind_it() {
    let folder = tempfile::tempdir().unwrap();
    let first = folder.path().join("first.pcapng");
    let fault = ["--fault", "on=publish dir=in topic=a/2 do=disconnect 0x97"];
    let broker = Broker::start(&[&["--record", first.to_str().unwrap()][..], &fault].concat());
    in_runtime(async {
        let client = Actor::enter(broker.port, Role::new("told", Version::V5)).await;
        client.publish_and_be_thrown_out("a/2").await;
    });
    broker.end();
    // The same again.
    let again = folder.path().join("again.pcapng");
    let flags = ["--verify", "--speed", "max"];
    let ended = replay(&first, &again, &fault, &flags);
    assert_eq!(ended.code(), 0, "{ended:?}");
    // A broker that does not.
    let found = differences(&first, &[]);
    let said = json!({
        "from": "server", "type": "DISCONNECT", "reason_code": 0x97, "reason": "Quota exceeded"
    });
    let ends: Vec<_> = found
        .iter()
        .filter(|found| found["kind"] == "end")
        .collect();
    assert_eq!(ends.len(), 1, "{found:#?}");
    assert_eq!(
        (&ends[0]["captured"], &ends[0]["now"]),
        (&said, &Value::Null)
    );
    // And one that gives another reason, or none.
    for (deed, now) in [("disconnect 0x98", json!(0x98)), ("close", Value::Null)] {
        let fault = format!("on=publish dir=in topic=a/2 do={deed}");
        let found = differences(&first, &["--fault", &fault]);
        let end = found.iter().find(|found| found["kind"] == "end").unwrap();
        assert_eq!(end["captured"], said);
        assert_eq!(
            (&end["now"]["from"], &end["now"]["reason_code"]),
            (&"server".into(), &now)
        );
    }
}

/// Settings that make a broker another one.
#[test]
fn another_configuration_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let first = recorded(folder.path(), Version::V5);
    let found = differences(&first, &["--max-qos", "1"]);
    let granted = found.iter().find(|found| found["type"] == "SUBACK");
    let granted = granted.expect("another QoS is granted");
    assert_eq!(
        (&granted["captured"], &granted["now"]),
        (
            &json!({"reason_codes": [2, 1]}),
            &json!({"reason_codes": [1, 1]})
        )
    );
}
