//! `--verify` against brokers that do something wrong.

use std::path::Path;

use midge::mqtt::Version;
use serde_json::Value;

use super::{recorded, replay};

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
    for (fault, what, client, captured, replayed) in [
        // A dropped acknowledgement.
        (
            "on=puback dir=out client=pub1 nth=2 do=drop",
            "PUBACK",
            "pub1",
            Some("0x00 Success"),
            None,
        ),
        (
            "on=puback dir=out client=pub1 nth=2 do=refuse 0x87",
            "PUBACK",
            "pub1",
            Some("0x00 Success"),
            Some("0x87 Not authorized"),
        ),
        // A granted QoS that is not the one that was.
        (
            "on=suback client=keeper nth=1 do=refuse 0x80",
            "SUBACK",
            "keeper",
            Some("0x02, 0x01"),
            Some("0x80, 0x80"),
        ),
        // A message that is lost, or comes twice.
        (
            "on=publish dir=out client=keeper nth=3 do=drop",
            "PUBLISH",
            "keeper",
            Some("QoS 0, 12 bytes: 'AtMostOnce-2'"),
            None,
        ),
        (
            "on=publish dir=out client=keeper nth=3 do=duplicate",
            "PUBLISH",
            "keeper",
            None,
            Some("QoS 0, 12 bytes: 'AtMostOnce-2'"),
        ),
        (
            "on=connack client=late nth=1 do=refuse 0x87",
            "CONNACK",
            "late",
            Some("0x00 Success"),
            Some("0x87 Not authorized"),
        ),
    ] {
        let found = differences(&first, &["--fault", fault]);
        let wanted = found.iter().any(|difference| {
            difference["what"] == what
                && difference["client"] == client
                && difference["captured"].as_str() == captured
                && difference["replayed"].as_str() == replayed
        });
        assert!(wanted, "{fault}: {found:#?}");
    }
}

/// Settings that make a broker another one.
#[test]
fn another_configuration_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let first = recorded(folder.path(), Version::V5);
    let found = differences(&first, &["--max-qos", "1"]);
    let granted = found.iter().find(|found| found["what"] == "SUBACK");
    let granted = granted.expect("another QoS is granted");
    assert_eq!(
        (granted["captured"].as_str(), granted["replayed"].as_str()),
        (Some("0x02, 0x01"), Some("0x01, 0x01"))
    );
}
