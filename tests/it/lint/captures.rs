//! What `decode --lint` says of the real captures.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

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

/// Frame and first statement of every finding above info.
fn found(name: &str) -> Vec<(u64, String)> {
    let output = midge(&["decode", "--lint", "--json"])
        .arg("--keylog")
        .arg(captures().join("mosq20_tls12.keys"))
        .arg(captures().join(name))
        .output()
        .unwrap();
    let found: Vec<_> = String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(|line| {
            let finding: Value = serde_json::from_str(line).unwrap();
            assert_eq!(finding["record"], "finding", "{line}");
            (
                finding["frame"].as_u64().unwrap(),
                finding["ids"][0].as_str().unwrap().to_owned(),
            )
        })
        .collect();
    let code = if found.is_empty() { 0 } else { 5 };
    assert_eq!(output.status.code(), Some(code), "{name}");
    found
}

#[test]
fn captures_are_as_wrong_as_their_bytes() {
    let mut names: Vec<_> = fs::read_dir(captures())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.contains(".pcap"))
        .collect();
    names.sort();
    assert!(names.len() > 25);
    for name in names {
        let expected: Vec<_> = WRONG
            .iter()
            .filter(|wrong| wrong.0 == name)
            .map(|&(_, frame, id, _)| (frame, id.to_owned()))
            .collect();
        assert_eq!(found(&name), expected, "{name}");
    }
}
