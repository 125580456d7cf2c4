//! What `decode --lint` says of the real captures.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::files;
use crate::program::midge;

/// What the bytes really break: file, frame, a statement, why.
const WRONG: &[(&str, u64, &str, &str)] = &[
    (
        "arkime_mqtt_big.pcap",
        36,
        "MQTT-3.3.2-3",
        "server/bigdata, and the client subscribed to test/topic1, test/topic2 and test/#",
    ),
    (
        "arkime_mqtt_big.pcap",
        39,
        "MQTT-3.3.2-3",
        "server/interrupt, with the same subscriptions",
    ),
    (
        "rsmb_mqttsn_1884.pcap",
        43,
        "MQTT-SN 1.2 section 5.3.11",
        "RSMB answers with topic id 0 (so do the frames below)",
    ),
    (
        "rsmb_mqttsn_1884.pcap",
        53,
        "MQTT-SN 1.2 section 5.3.11",
        "",
    ),
    (
        "rsmb_mqttsn_1884.pcap",
        63,
        "MQTT-SN 1.2 section 5.3.11",
        "",
    ),
    (
        "rsmb_mqttsn_1884.pcap",
        73,
        "MQTT-SN 1.2 section 5.3.11",
        "",
    ),
    (
        "rsmb_mqttsn_1884.pcap",
        83,
        "MQTT-SN 1.2 section 5.3.11",
        "",
    ),
    (
        "rsmb_mqttsn_1884.pcap",
        84,
        "MQTT-SN 1.2 section 5.4.12",
        "QoS -1 with message id 1",
    ),
    (
        "rsmb_mqttsn_1884.pcap",
        95,
        "MQTT-SN 1.2 section 5.3.11",
        "",
    ),
    (
        "sv_events-invalid-qos.pcap",
        8,
        "MQTT-3.3.1-4",
        "made for this: QoS 3",
    ),
    (
        "sv_events-unassigned-msgtype.pcap",
        8,
        "MQTT 3.1.1 section 2.2.1",
        "made for this: type 0",
    ),
    (
        "sv_mqtt5-excessiveproplen.pcap",
        4,
        "MQTT 5.0 section 2.2.2.1",
        "made for this: Property Length 4351 in a packet of 47 bytes",
    ),
    (
        "sv_mqtt5-pub-mosquittoprops.pcap",
        4,
        "MQTT 5.0 section 3.1.3.2.3",
        "Payload Format Indicator 144 in the will",
    ),
    (
        "sv_mqtt5-pub-mosquittoprops.pcap",
        8,
        "MQTT 5.0 section 3.3.2.3.2",
        "Payload Format Indicator 88",
    ),
    (
        "zeek_mqtt.pcap",
        12,
        "MQTT 3.1 section 3.1",
        "keep alive 5 s, and 5.67 s after the PINGREQ in frame 6",
    ),
];

fn captures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/captures")
}

/// The JSON lines, with what else can be asked for.
fn objects(name: &str, flags: &[&str]) -> (Vec<Value>, i32) {
    let output = midge(&["decode", "--json"])
        .args(flags)
        .arg("--keylog")
        .arg(captures().join("mosq20_tls12.keys"))
        .arg(captures().join(name))
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let objects = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    (objects, output.status.code().unwrap())
}

/// Frame and first statement of every finding above info, be it in a packet or by itself.
fn found(name: &str) -> Vec<(u64, String)> {
    let (objects, code) = objects(name, &["--lint", "--violations-only"]);
    let mut found = Vec::new();
    for object in objects {
        let frame = object["frame"].as_u64().unwrap();
        let id = |finding: &Value| finding["ids"][0].as_str().unwrap().to_owned();
        match object["record"].as_str() {
            Some(record) => {
                assert_eq!(record, "finding", "{object}");
                found.push((frame, id(&object)));
            }
            None => {
                let violations = object["violations"].as_array().unwrap();
                found.extend(violations.iter().map(|violation| (frame, id(violation))));
            }
        }
    }
    let expected = if found.is_empty() { 0 } else { 5 };
    assert_eq!(code, expected, "{name}");
    found
}

#[test]
fn captures_are_as_wrong_as_their_bytes() {
    for name in files::capture_names() {
        let expected: Vec<_> = WRONG
            .iter()
            .filter(|wrong| wrong.0 == name)
            .map(|&(_, frame, id, _)| (frame, id.to_owned()))
            .collect();
        assert_eq!(found(&name), expected, "{name}");
    }
}

/// Lint puts packets in the order in which they were sent, and leaves none out.
#[test]
fn all_packets_are_there_with_lint() {
    for name in files::capture_names() {
        let key = |object: &Value| {
            let mut object = object.clone();
            object.as_object_mut().unwrap().remove("violations");
            (object["frame"].as_u64().unwrap(), object.to_string())
        };
        let (plain, _) = objects(&name, &[]);
        let (lint, _) = objects(&name, &["--lint"]);
        let mut plain: Vec<_> = plain.iter().map(key).collect();
        let mut lint: Vec<_> = lint
            .iter()
            .filter(|object| object["record"] != "finding")
            .map(key)
            .collect();
        plain.sort();
        lint.sort();
        assert_eq!(plain, lint, "{name}");
    }
}
