//! The schema of the JSON lines: which keys there are, in which order, of which type, and which of
//! them go together. Every line that the program writes, whatever it read, must keep to it.

use std::fmt;
use std::net::SocketAddr;
use std::path::Path;

use midge::mqtt::property::PropertyId;
use midge::output::hole::{self, Hole, Kind};
use midge::output::{Place, json};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;

use crate::corpus;
use crate::files;
use crate::json_shape;
use crate::program::{midge, run};
use crate::test_broker::TestBroker;

/// Whether a value is of the type of its key.
type Check = fn(&Value) -> bool;

/// The keys of a line, in their order.
const KEYS: &[(&str, Check)] = &[
    ("frame", positive),
    ("time", time),
    ("stream", number),
    ("src", address),
    ("dst", address),
    ("from", |v| one_of(v, &["client", "server"])),
    ("transport", |v| one_of(v, &["tcp", "tls", "ws", "wss"])),
    ("protocol", |v| one_of(v, &["mqtt"])),
    ("version", |v| one_of(v, &["3.1", "3.1.1", "5.0"])),
    ("version_from", |v| {
        one_of(v, &["connect", "inferred", "given", "default"])
    }),
    ("type", |v| one_of(v, TYPES)),
    ("byte1", byte),
    ("dup", Value::is_boolean),
    ("qos", |v| v.as_u64().is_some_and(|qos| qos <= 3)),
    ("retain", Value::is_boolean),
    ("remaining_length", |v| {
        v.as_u64().is_some_and(|len| len <= 268_435_455)
    }),
    ("remaining_length_hex", hex),
    ("packet_id", |v| v.as_u64().is_some_and(|id| id <= 0xffff)),
    ("topic", Value::is_string),
    ("topic_hex", hex),
    ("topic_resolved", text),
    ("filters", |v| all(v, filter)),
    ("reason_code", byte),
    ("reason", text),
    ("reason_codes", |v| all(v, byte)),
    ("session_present", Value::is_boolean),
    ("client_id", Value::is_string),
    ("client_id_hex", hex),
    ("clean_start", Value::is_boolean),
    ("keep_alive", |v| v.as_u64().is_some_and(|s| s <= 0xffff)),
    ("protocol_name", Value::is_string),
    ("protocol_name_hex", hex),
    ("protocol_level", byte),
    ("username", Value::is_string),
    ("username_hex", hex),
    ("password", Value::is_string),
    ("password_hex", hex),
    ("password_len", number),
    ("will", will),
    ("properties", properties),
    ("payload", Value::is_string),
    ("payload_hex", hex),
    ("payload_len", number),
    ("payload_truncated", |v| *v == true),
    ("payload_decoded", Value::is_string),
    ("payload_problem", Value::is_string),
    ("violations", |v| all(v, violation)),
    ("raw_hex", hex),
];

/// The keys of an MQTT-SN message behind those of its place, as README has them.
const SN_KEYS: &[(&str, Check)] = &[
    ("protocol", |v| one_of(v, &["mqtt-sn"])),
    ("version", |v| one_of(v, &["1.2"])),
    ("type", text),
    ("msg_type", byte),
    ("forwarder", |v| {
        keys_are(v, &[("ctrl", byte), ("wireless_node_id_hex", hex)])
    }),
    ("dup", Value::is_boolean),
    ("qos", sn_qos),
    ("retain", Value::is_boolean),
    ("length", |v| v.as_u64().is_some_and(|len| len <= 0xffff)),
    ("length_hex", hex),
    ("packet_id", |v| v.as_u64().is_some_and(|id| id <= 0xffff)),
    ("topic", Value::is_string),
    ("topic_hex", hex),
    ("topic_resolved", text),
    ("topic_id", |v| v.as_u64().is_some_and(|id| id <= 0xffff)),
    ("topic_id_type", |v| {
        one_of(v, &["normal", "predefined", "short", "reserved"])
    }),
    ("filters", |v| {
        all(v, |v| {
            let keys: &[(&str, Check)] = &[
                ("filter", Value::is_string),
                ("filter_hex", hex),
                ("qos", sn_qos),
            ];
            keys_are(v, keys)
        })
    }),
    ("reason_code", byte),
    ("reason", text),
    ("client_id", Value::is_string),
    ("client_id_hex", hex),
    ("clean_start", Value::is_boolean),
    ("keep_alive", |v| v.as_u64().is_some_and(|s| s <= 0xffff)),
    ("protocol_id", byte),
    ("will_flag", Value::is_boolean),
    ("will", |v| {
        let keys: &[(&str, Check)] = &[
            ("topic", Value::is_string),
            ("topic_hex", hex),
            ("payload", Value::is_string),
            ("payload_hex", hex),
            ("qos", sn_qos),
            ("retain", Value::is_boolean),
        ];
        keys_are(v, keys)
    }),
    ("gw_id", byte),
    ("gw_add_hex", hex),
    ("duration", |v| v.as_u64().is_some_and(|s| s <= 0xffff)),
    ("radius", byte),
    ("payload", Value::is_string),
    ("payload_hex", hex),
    ("payload_len", number),
    ("payload_truncated", |v| *v == true),
    ("violations", |v| all(v, violation)),
    ("raw_hex", hex),
];

const TYPES: &[&str] = &[
    "RESERVED",
    "CONNECT",
    "CONNACK",
    "PUBLISH",
    "PUBACK",
    "PUBREC",
    "PUBREL",
    "PUBCOMP",
    "SUBSCRIBE",
    "SUBACK",
    "UNSUBSCRIBE",
    "UNSUBACK",
    "PINGREQ",
    "PINGRESP",
    "DISCONNECT",
    "AUTH",
];

/// The keys of a line that is no packet, behind those of its place.
const RECORDS: &[(&str, &[(&str, Check)])] = &[
    (
        "gap",
        &[("lost", positive), ("resynced_at_frame", positive)],
    ),
    ("skipped", &[("len", positive), ("reason", text)]),
    (
        "finding",
        &[
            ("ids", |v| all(v, text)),
            ("severity", |v| one_of(v, &["error", "warning", "info"])),
            ("message", text),
            ("frames", |v| all(v, positive)),
            ("offset", number),
            ("len", number),
        ],
    ),
];

/// How many of [`KEYS`] say where something came from.
const PLACE: usize = 7;

fn number(value: &Value) -> bool {
    value.is_u64()
}

fn positive(value: &Value) -> bool {
    value.as_u64().is_some_and(|n| n > 0)
}

fn byte(value: &Value) -> bool {
    value.as_u64().is_some_and(|n| n <= 0xff)
}

fn sn_qos(value: &Value) -> bool {
    value.as_i64().is_some_and(|qos| (-1..=2).contains(&qos))
}

fn text(value: &Value) -> bool {
    value.as_str().is_some_and(|text| !text.is_empty())
}

fn hex(value: &Value) -> bool {
    value.as_str().is_some_and(|text| hex::decode(text).is_ok())
}

fn one_of(value: &Value, words: &[&str]) -> bool {
    value.as_str().is_some_and(|word| words.contains(&word))
}

fn all(value: &Value, check: Check) -> bool {
    value
        .as_array()
        .is_some_and(|list| !list.is_empty() && list.iter().all(check))
}

/// RFC 3339, in UTC, with the digits of the capture: up to nanoseconds.
fn time(value: &Value) -> bool {
    value.as_str().is_some_and(|time| {
        time.ends_with('Z') && time.len() <= 30 && time.parse::<jiff::Timestamp>().is_ok()
    })
}

fn address(value: &Value) -> bool {
    value.as_str().is_some_and(|text| {
        text.parse::<SocketAddr>()
            .is_ok_and(|a| a.to_string() == text)
    })
}

fn filter(value: &Value) -> bool {
    keys_are(
        value,
        &[
            ("filter", Value::is_string),
            ("filter_hex", hex),
            ("qos", |v| v.as_u64().is_some_and(|qos| qos <= 3)),
            ("no_local", Value::is_boolean),
            ("retain_as_published", Value::is_boolean),
            ("retain_handling", |v| v.as_u64().is_some_and(|n| n <= 3)),
        ],
    ) && (value.get("filter").is_some() != value.get("filter_hex").is_some())
}

fn will(value: &Value) -> bool {
    keys_are(
        value,
        &[
            ("topic", Value::is_string),
            ("topic_hex", hex),
            ("payload", Value::is_string),
            ("payload_hex", hex),
            ("qos", |v| v.as_u64().is_some_and(|qos| qos <= 3)),
            ("retain", Value::is_boolean),
            ("properties", properties),
        ],
    )
}

fn violation(value: &Value) -> bool {
    keys_are(
        value,
        &[
            ("ids", |v| {
                v.as_array().is_some_and(|ids| ids.iter().all(text))
            }),
            ("severity", |v| one_of(v, &["error", "warning", "info"])),
            ("message", text),
            ("offset", number),
            ("len", number),
            ("frames", |v| all(v, positive)),
        ],
    ) && value.as_object().is_some_and(|keys| {
        // Either one packet shows it, or it takes several.
        let is_alone = keys.contains_key("offset") && keys.contains_key("len");
        is_alone != keys.contains_key("frames") && keys.len() == 4 + usize::from(is_alone)
    })
}

/// Only the names of the standard, each with values of its type; lists where something came twice.
fn properties(value: &Value) -> bool {
    value.as_object().is_some_and(|object| {
        !object.is_empty()
            && object.iter().all(|(name, value)| {
                let bare = name.strip_suffix("_hex").unwrap_or(name);
                let known = (0..64)
                    .filter_map(|id| PropertyId(id).row())
                    .any(|row| row.name == bare || row.name == name);
                let single = |v: &Value| match bare {
                    "user_property" => v
                        .as_array()
                        .is_some_and(|pair| pair.len() == 2 && pair.iter().all(Value::is_string)),
                    _ if bare != name => hex(v),
                    _ => v.is_u64() || v.is_string(),
                };
                let is_right = match value.as_array() {
                    Some(list) if name == "user_property" => list.iter().all(single),
                    Some(list) => list.len() > 1 && list.iter().all(single),
                    None => single(value),
                };
                known && is_right
            })
    })
}

/// Whether an object has only these keys, each of its type. Their order is [`Line`]'s to tell.
fn keys_are(value: &Value, keys: &[(&str, Check)]) -> bool {
    value.as_object().is_some_and(|object| {
        object
            .iter()
            .all(|(name, value)| keys.iter().any(|(key, check)| key == name && check(value)))
    })
}

/// An object with its keys in the order of the text.
struct Line(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Line {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Line, D::Error> {
        struct Entries;
        impl<'de> Visitor<'de> for Entries {
            type Value = Line;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Line, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Line(entries))
            }
        }
        deserializer.deserialize_map(Entries)
    }
}

impl Line {
    fn get(&self, key: &str) -> Option<&Value> {
        let entry = self.0.iter().find(|(name, _)| name == key);
        entry.map(|(_, value)| value)
    }

    fn has(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    /// The keys are some of `keys`, in their order, and each value is of its type.
    fn follows(&self, keys: &[(&str, Check)]) -> Result<(), String> {
        let mut rest = keys.iter();
        for (name, value) in &self.0 {
            let Some((_, check)) = rest.find(|(key, _)| key == name) else {
                return Err(format!("{name:?} is unknown, twice, or not in its place"));
            };
            if !check(value) {
                return Err(format!("{name:?} is {value}"));
            }
        }
        Ok(())
    }

    /// Keys that are there together, or not at all.
    fn together(&self, keys: &[&str]) -> Result<(), String> {
        match keys.iter().all(|key| self.has(key) == self.has(keys[0])) {
            true => Ok(()),
            false => Err(format!("only some of {keys:?}")),
        }
    }

    fn at_most_one(&self, keys: [&str; 2]) -> Result<(), String> {
        match keys.iter().all(|key| self.has(key)) {
            true => Err(format!("both of {keys:?}")),
            false => Ok(()),
        }
    }

    /// Keys that only packets of some types have.
    fn only(&self, keys: &[&str], types: &[&str]) -> Result<(), String> {
        let packet_type = self.get("type").and_then(Value::as_str).unwrap_or_default();
        match keys.iter().find(|key| self.has(key)) {
            Some(key) if !types.contains(&packet_type) => Err(format!("{key:?} in {packet_type}")),
            _ => Ok(()),
        }
    }
}

/// A packet that `decode` wrote.
fn check_packet(line: &Line) -> Result<(), String> {
    line.follows(KEYS)?;
    for key in ["protocol", "version", "version_from", "type"] {
        if !line.has(key) {
            return Err(format!("no {key:?}"));
        }
    }
    line.together(&["dup", "qos", "retain"])?;
    line.together(&["src", "dst", "stream"])?;
    line.together(&["remaining_length", "remaining_length_hex"])?;
    line.only(
        &["dup", "topic", "topic_hex", "topic_resolved"],
        &["PUBLISH"],
    )?;
    line.only(
        &[
            "payload",
            "payload_hex",
            "payload_len",
            "payload_decoded",
            "payload_problem",
        ],
        &["PUBLISH"],
    )?;
    if line.has("payload_decoded") && line.has("payload_problem") {
        return Err("a payload is what was asked for, or it is not".into());
    }
    line.only(&["filters"], &["SUBSCRIBE", "UNSUBSCRIBE"])?;
    line.only(&["reason_codes"], &["SUBACK", "UNSUBACK"])?;
    line.only(&["session_present"], &["CONNACK"])?;
    line.only(
        &["client_id", "clean_start", "keep_alive", "username", "will"],
        &["CONNECT"],
    )?;
    line.only(
        &["reason_code"],
        &[
            "CONNACK",
            "PUBACK",
            "PUBREC",
            "PUBREL",
            "PUBCOMP",
            "DISCONNECT",
            "AUTH",
        ],
    )?;
    for key in ["topic", "client_id", "protocol_name", "username", "payload"] {
        line.at_most_one([key, &format!("{key}_hex")])?;
    }
    let has_payload = line.has("payload") || line.has("payload_hex");
    if has_payload != line.has("payload_len") {
        return Err("a payload and its length come together".into());
    }
    for secret in ["password", "password_hex"] {
        if line.has(secret) {
            return Err("a password is shown".into());
        }
    }
    if let Some(raw) = line.get("raw_hex").and_then(Value::as_str) {
        let raw = hex::decode(raw).unwrap();
        let byte1 = line.get("byte1").and_then(Value::as_u64);
        if byte1 != raw.first().copied().map(u64::from) {
            return Err(format!("byte1 {byte1:?} of {raw:02x?}"));
        }
        let lengths = (
            line.get("remaining_length"),
            line.get("remaining_length_hex"),
        );
        if let (Some(value), Some(bytes)) = lengths {
            let bytes = hex::decode(bytes.as_str().unwrap()).unwrap();
            let meant = bytes
                .iter()
                .rev()
                .fold(0, |sum, byte| sum << 7 | u64::from(byte & 0x7f));
            if *value != meant || raw.get(1..1 + bytes.len()) != Some(&bytes[..]) {
                return Err(format!("remaining length {value} of {bytes:02x?}"));
            }
        }
    }
    Ok(())
}

/// A message of MQTT-SN.
fn check_message(line: &Line) -> Result<(), String> {
    // All but the transport is as for packets.
    let is_udp: Check = |v| one_of(v, &["udp"]);
    let place = [&KEYS[..PLACE - 1], &[("transport", is_udp)]].concat();
    line.follows(&[&place[..], SN_KEYS].concat())?;
    for key in ["stream", "src", "dst", "protocol", "version", "type"] {
        if !line.has(key) {
            return Err(format!("no {key:?}"));
        }
    }
    line.together(&["length", "length_hex", "msg_type"])?;
    line.only(&["dup", "retain"], &["PUBLISH", "SUBSCRIBE"])?;
    line.only(&["payload", "payload_hex", "payload_len"], &["PUBLISH"])?;
    for key in ["topic", "client_id", "payload"] {
        line.at_most_one([key, &format!("{key}_hex")])?;
    }
    let has_payload = line.has("payload") || line.has("payload_hex");
    match has_payload == line.has("payload_len") {
        true => Ok(()),
        false => Err("a payload and its length come together".into()),
    }
}

/// Every key of MQTT-SN is one that README explains.
#[test]
fn readme_has_the_keys_of_mqtt_sn() {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let readme = std::fs::read_to_string(readme).unwrap();
    let (_, section) = readme.split_once("### As JSON").unwrap();
    let (section, _) = section.split_once("\n### ").unwrap();
    for (key, _) in KEYS.iter().chain(SN_KEYS) {
        let bare = key.strip_suffix("_hex").unwrap_or(key);
        let names = [format!("`{key}`"), format!("`{bare}`")];
        assert!(names.iter().any(|name| section.contains(name)), "{key}");
    }
}

/// What stands in the place of packets.
fn check_record(line: &Line, record: &str) -> Result<(), String> {
    let Some((_, own)) = RECORDS.iter().find(|(name, _)| *name == record) else {
        return Err(format!("a record {record:?}"));
    };
    let is_record: Check = Value::is_string;
    // Statements are numbered in each version of each protocol.
    let version = KEYS
        .iter()
        .filter(|(key, _)| ["protocol", "version"].contains(key));
    let version: Vec<_> = version.filter(|_| record == "finding").copied().collect();
    let keys = [&KEYS[..PLACE], &version, &[("record", is_record)], own].concat();
    line.follows(&keys)?;
    match line.has(own[0].0) && line.has("stream") && line.has("frame") {
        true => Ok(()),
        false => Err("something is missing".into()),
    }
}

/// Checks lines that `decode --json` wrote; returns how many packets there were.
#[track_caller]
fn check(what: &str, text: &str) -> usize {
    let mut packets = 0;
    for text in text.lines() {
        let line: Line =
            serde_json::from_str(text).unwrap_or_else(|e| panic!("{what}: {e}: {text}"));
        let is_sn = line.get("protocol").is_some_and(|v| v == "mqtt-sn");
        let result = match line.get("record") {
            Some(record) => check_record(&line, record.as_str().unwrap()),
            None if is_sn => check_message(&line),
            None => {
                packets += 1;
                check_packet(&line)
            }
        };
        if let Err(error) = result {
            panic!("{what}: {error}: {text}");
        }
    }
    packets
}

#[track_caller]
fn run_decode(args: &[&str]) -> String {
    let output = midge(&[&["decode", "--json"], args].concat())
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn every_capture() {
    for path in files::captures() {
        let name = path.to_str().unwrap();
        let keys = path.with_extension("keys");
        let keys = match keys.exists() {
            true => vec!["--keylog", keys.to_str().unwrap()],
            false => Vec::new(),
        };
        for more in [
            &[][..],
            &["--raw"],
            &["--mqtt-version", "5"],
            &["--mqtt-version", "31"],
            &["--lint=info"],
        ] {
            check(name, &run_decode(&[&keys[..], more, &[name]].concat()));
        }
    }
}

#[test]
fn every_packet_of_the_corpus() {
    for entry in corpus::entries() {
        // Whole, and cut.
        for bytes in [&entry.bytes[..], &entry.bytes[..entry.bytes.len() / 2]] {
            if bytes.is_empty() {
                continue;
            }
            let options = json::Options {
                raw: true,
                ..json::Options::default()
            };
            let line = json_shape::line_of(bytes, entry.version, entry.from, options);
            assert_eq!(check(&entry.name, &line), 1);
        }
    }
}

#[test]
fn what_stands_in_the_place_of_packets() {
    let lost =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/captures/sv_events-invalid-qos.pcap");
    let text = run_decode(&[lost.to_str().unwrap()]);
    assert!(text.contains("\"record\":\"gap\""), "{text}");
    check("lost", &text);
    let mut out = Vec::new();
    let hole = Hole {
        place: Place {
            frame: Some(7),
            stream: Some(0),
            ..Place::default()
        },
        kind: Kind::Skipped {
            len: 3,
            reason: "no MQTT",
        },
    };
    hole::write_json(&mut out, &hole).unwrap();
    check("skipped", &String::from_utf8(out).unwrap());
}

/// A message that `sub` received has the keys of a PUBLISH that exist there.
#[test]
fn every_message_that_sub_receives() {
    let broker = TestBroker::start();
    let port = broker.address.port().to_string();
    for (topic, message) in [
        ("text", "20.5"),
        ("quotes", "\"\\\u{7f}\u{1}\n"),
        ("long", &"long ".repeat(1000)),
    ] {
        let args = [
            "pub", "-p", &port, "-t", topic, "-m", message, "-r", "-q", "1",
        ];
        assert!(midge(&args).status().unwrap().success());
    }
    let args = [
        "sub", "-p", &port, "-t", "#", "--json", "-C", "3", "-q", "1",
    ];
    let ended = run(&args);
    let text = ended.text();
    assert_eq!(text.lines().count(), 3);
    for text in text.lines() {
        let line: Line = serde_json::from_str(text).unwrap();
        line.follows(KEYS)
            .unwrap_or_else(|error| panic!("{error}: {text}"));
        for key in [
            "time",
            "protocol",
            "version",
            "type",
            "dup",
            "qos",
            "retain",
            "packet_id",
            "topic",
            "payload",
            "payload_len",
        ] {
            assert!(line.has(key), "{key} in {text}");
        }
    }
}
