//! Every capture of `tests/captures` played as whole sessions: what a broker answers otherwise than
//! the one in the capture is listed here, with the reason.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::interop_client::Mosquitto;
use crate::program::{Ended, run};
use crate::replay_sessions::stage::Broker;

const RETAINED: &str = "the broker had a retained message before the capture begins";
const GENERATED: &str = "made by a program: no broker delivers, or what nobody has published";
const AUTH: &str = "enhanced authentication cannot be played: the client comes without";
const NOBODY: &str = "a broker may say that nobody has subscribed [MQTT-3.5.2.1], and midge does";

/// Capture, packet, and why it differs.
const EXPLAINED: &[(&str, &str, &str)] = &[
    ("arkime_mqtt_big.pcap", "PUBLISH", GENERATED),
    ("mosq20_tls12.pcap", "PUBLISH", RETAINED),
    ("mosq20_v31_any_sll2.pcap", "PUBLISH", RETAINED),
    ("mosq20_v5_ip6.pcap", "PUBLISH", RETAINED),
    ("mosq20_ws_v311.pcap", "PUBLISH", RETAINED),
    ("mosq20_wss_v5_dsb.pcapng", "PUBLISH", RETAINED),
    ("sv_mqtt5-sub-customauth.pcap", "CONNACK", AUTH),
    ("zeek_mqtt.pcap", "PUBLISH", RETAINED),
];

/// With midge's own broker these, too.
const EXPLAINED_OF_MIDGE: &[(&str, &str, &str)] = &[
    ("mosq21_tls13_v5_dsb.pcapng", "PUBREC", NOBODY),
    ("mosq21_v5_alias.pcap", "PUBREC", NOBODY),
    ("sv_mqtt5-pub-qos2.pcap", "PUBREC", NOBODY),
];

/// Captures with no answer to what is played: packets of clients alone, MQTT-SN, and QoS 0 without
/// CONNECT or behind a malformed one.
const NOTHING: &[&str] = &[
    "arkime_mqtt_synthetic.pcap",
    "rsmb_mqttsn_1884.pcap",
    "sv_midstream-split.pcap",
    "sv_mqtt5-excessiveproplen.pcap",
];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/captures")
}

fn captures() -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".pcap") || name.ends_with(".pcapng"))
        .collect();
    names.sort();
    assert!(names.len() > 25);
    names
}

fn replay(name: &str, port: u16) -> Ended {
    let path = |name: &str| folder().join(name).to_str().unwrap().to_owned();
    let (capture, port) = (path(name), port.to_string());
    let keys = path(&name.replace(".pcap", ".keys"));
    let mut args = vec![
        "capture-replay",
        &capture,
        "--verify",
        "--json",
        "--speed",
        "max",
    ];
    args.extend(["-h", "127.0.0.1", "-p", &port]);
    if name == "mosq20_tls12.pcap" {
        args.extend(["--keylog", &keys]);
    }
    run(&args)
}

/// Plays all of them, each to a new broker, and holds what differs against the list.
fn check<B>(explained: &[&[(&str, &str, &str)]], start: impl Fn() -> (B, u16)) {
    let expected: BTreeSet<(String, String)> = explained
        .concat()
        .into_iter()
        .map(|(name, what, _)| (name.to_owned(), what.to_owned()))
        .collect();
    let mut found = BTreeSet::new();
    for name in captures() {
        let (broker, port) = start();
        let ended = replay(&name, port);
        drop(broker);
        let differences: Vec<Value> = ended
            .text()
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap())
            .filter(|line| line["record"] == "difference")
            .collect();
        let code = match NOTHING.contains(&&*name) {
            true => {
                assert!(
                    ended.stderr.contains("midge: nothing could be verified: "),
                    "{name}: {ended:?}"
                );
                5
            }
            false if differences.is_empty() => 0,
            false => 5,
        };
        assert_eq!(ended.code(), code, "{name}: {ended:?}");
        for difference in differences {
            let kind = difference["kind"].as_str().unwrap();
            let what = difference["type"].as_str().unwrap_or(kind).to_owned();
            let key = (name.clone(), what);
            assert!(expected.contains(&key), "{name}: {difference}");
            let (captured, now) = (&difference["captured"], &difference["now"]);
            let (_, _, why) = *explained
                .concat()
                .iter()
                .find(|(of, what, _)| (*of, *what) == (&key.0, &key.1))
                .unwrap();
            match why {
                RETAINED => {
                    assert_eq!(captured["retain"], true, "{name}: {difference}");
                    assert!(now.is_null(), "{name}: {difference}");
                }
                NOBODY => assert_eq!(
                    (&captured["reason_code"], &now["reason_code"]),
                    (&0.into(), &0x10.into())
                ),
                _ => {}
            }
            found.insert(key);
        }
    }
    assert_eq!(found, expected, "what is explained differs");
}

#[test]
fn every_capture_is_answered_by_midge_as_it_was() {
    check(&[EXPLAINED, EXPLAINED_OF_MIDGE], || {
        let broker = Broker::start(&[]);
        let port = broker.port;
        (broker, port)
    });
}

#[test]
#[ignore = "needs mosquitto"]
fn every_capture_is_answered_by_mosquitto_as_it_was() {
    check(&[EXPLAINED], || {
        let broker = Mosquitto::start();
        let port = broker.port.parse().unwrap();
        (broker, port)
    });
}
