//! What `decode --json` says of each packet of the real captures, field by field, against what
//! tshark 4.0 read. tshark is a peer, not the truth: where the two differ, the bytes decide, and
//! [`DIFFERENCES`] says why.

use std::fs;
use std::path::{Path, PathBuf};

use midge::mqtt::property::{Kind, PropertyId};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use crate::files;
use crate::program::midge;

/// MQTT-SN has tests of its own.
const OTHER: &str = "rsmb_mqttsn_1884.pcap";

/// Captures whose packets tshark does not read as they are. Their references were made from a copy
/// in which the wrapping was taken off: it has other frame and stream numbers, port 1883, a frame for
/// every packet, and times that are 50 µs later, and 100 µs more for each packet that was before it
/// in the same frame. So they tell the frame all the same.
const UNWRAPPED: [&str; 2] = ["mosq20_ws_v311.pcap", "mosq20_wss_v5_dsb.pcapng"];

/// Packets on which tshark is wrong: file, frame, why.
const DIFFERENCES: &[(&str, u64, &str)] = &[
    (
        "sv_midstream-split.pcap",
        4,
        "without CONNECT tshark reads CONNACK as 3.1.1 and leaves out its 47 bytes of properties",
    ),
    (
        "sv_midstream-split.pcap",
        10,
        "without CONNECT tshark reads PUBLISH as 3.1.1 and counts the property length, 00, as \
         the first byte of the payload; what follows it, ff d8 ff e0, begins a JPEG",
    ),
];

fn captures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/captures")
}

fn lines(text: &str) -> Vec<Value> {
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn decoded(name: &str) -> Vec<Value> {
    let file = captures().join(name);
    let mut command = midge(&["decode", "--json", "--show-secrets"]);
    let keys = file.with_extension("keys");
    if keys.exists() {
        command.arg("--keylog").arg(keys);
    }
    let output = command.arg(file).output().unwrap();
    assert!(output.status.success(), "{name}: {output:?}");
    lines(&String::from_utf8(output.stdout).unwrap())
}

/// The bytes under `key`, or under its hex twin.
fn bytes(object: &Value, key: &str) -> Option<Vec<u8>> {
    let text = object[key].as_str().map(|text| text.as_bytes().to_vec());
    text.or_else(|| Some(hex::decode(object[format!("{key}_hex")].as_str()?).unwrap()))
}

fn sha256(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

/// What midge says, in the keys of the reference.
fn ours(packet: &Value) -> Map<String, Value> {
    let mut view = Map::new();
    let mut set = |key: &str, value: Value| {
        if !value.is_null() {
            view.insert(key.into(), value);
        }
    };
    for (theirs, ours) in [
        ("frame", "frame"),
        ("stream", "stream"),
        ("b0", "byte1"),
        ("name", "type"),
        ("len", "remaining_length"),
        ("id", "packet_id"),
        ("keepalive", "keep_alive"),
        ("protoname", "protocol_name"),
        ("ver", "protocol_level"),
        ("username", "username"),
        ("clientid", "client_id"),
        ("dup", "dup"),
        ("qos", "qos"),
        ("retain", "retain"),
        ("topic_resolved", "topic_resolved"),
    ] {
        set(theirs, packet[ours].clone());
    }
    if let Some(topic) = bytes(packet, "topic") {
        set("topic_hex", json!(hex::encode(topic)));
    }
    if let Some(payload) = bytes(packet, "payload") {
        set("payload_len", json!(payload.len()));
        set("payload_sha256", json!(sha256(&payload)));
    }
    if let Some(password) = bytes(packet, "password") {
        set("password_hex", json!(hex::encode(password)));
    }
    let will = &packet["will"];
    if will.is_object() {
        set("will_topic", will["topic"].clone());
        let payload = bytes(will, "payload").unwrap();
        set("will_len", json!(payload.len()));
        set("will_sha256", json!(sha256(&payload)));
        set("will_props", will["properties"].clone());
    }
    set("clean", packet["clean_start"].clone());
    set("session_present", packet["session_present"].clone());
    match packet["type"].as_str().unwrap() {
        "CONNACK" => set("codes", json!([packet["reason_code"]])),
        "SUBACK" | "UNSUBACK" => set("codes", packet["reason_codes"].clone()),
        _ => {}
    }
    if let Some(filters) = packet["filters"].as_array() {
        let of = |key: &str| filters.iter().map(|f| f[key].clone()).collect::<Vec<_>>();
        set("filters", json!(of("filter")));
        if packet["type"] == "SUBSCRIBE" {
            set("qos_asked", json!(of("qos")));
        }
    }
    set("props", packet["properties"].clone());
    view
}

/// Properties of the reference in the shape of the JSON lines.
fn properties(list: &Value) -> Value {
    let mut object = Map::new();
    for property in list.as_array().into_iter().flatten() {
        let id = PropertyId(u32::try_from(property["id"].as_u64().unwrap()).unwrap());
        let Some(row) = id.row() else { continue };
        let text = |key: &str| {
            let bytes = hex::decode(property[key].as_str().unwrap_or_default()).unwrap();
            String::from_utf8(bytes).unwrap()
        };
        let (name, value) = match row.kind {
            Kind::Binary => (format!("{}_hex", row.name), property["hex"].clone()),
            Kind::Str => (row.name.to_owned(), json!(text("hex"))),
            Kind::Pair => (row.name.to_owned(), json!([text("k_hex"), text("v_hex")])),
            _ => (row.name.to_owned(), property["v"].clone()),
        };
        match object.get_mut(&name) {
            Some(Value::Array(several)) if row.kind == Kind::Pair => several.push(value),
            Some(Value::Array(several)) => several.push(value),
            Some(first) => *first = json!([first.clone(), value]),
            None if row.kind == Kind::Pair => {
                object.insert(name, json!([value]));
            }
            None => {
                object.insert(name, value);
            }
        }
    }
    match object.is_empty() {
        true => Value::Null,
        false => Value::Object(object),
    }
}

/// What tshark says, in the same keys.
fn theirs(packet: &Value) -> Map<String, Value> {
    let mut view = packet.as_object().unwrap().clone();
    for key in [
        "idx",
        "ts",
        "proto",
        "src",
        "dst",
        "sport",
        "dport",
        "type",
        "topic",
        "expert",
        "malformed",
        "conflags",
        "ack_flags",
        "options",
    ] {
        view.remove(key);
    }
    if packet["name"] != "PUBLISH" {
        // 3.1 has these bits in every packet, and tshark names them there.
        view.remove("dup");
        view.remove("qos");
    }
    if let Some(flags) = packet["conflags"].as_u64() {
        view.insert("clean".into(), json!(flags & 2 != 0));
    }
    if let Some(flags) = packet["ack_flags"].as_u64() {
        view.insert("session_present".into(), json!(flags & 1 != 0));
    }
    if let Some(options) = packet["options"].as_array() {
        let qos: Vec<_> = options.iter().map(|o| o.as_u64().unwrap() & 3).collect();
        view.insert("qos_asked".into(), json!(qos));
    }
    for key in ["props", "will_props"] {
        let list = properties(&packet[key]);
        view.remove(key);
        if !list.is_null() {
            view.insert(key.into(), list);
        }
    }
    if packet["name"] == "PUBLISH" && !view.contains_key("topic_hex") {
        // tshark leaves an empty topic out.
        view.insert("topic_hex".into(), json!(""));
    }
    // So does it with codes that a packet need not carry.
    if !matches!(
        packet["name"].as_str(),
        Some("CONNACK" | "SUBACK" | "UNSUBACK")
    ) {
        view.remove("codes");
    }
    view
}

/// Whether a packet is in the place from which its copy was made. `before`: packets before it in the
/// same frame.
fn is_copied_from(copy: &Value, packet: &Value, before: usize) -> bool {
    let port = |key: &str| -> u64 {
        let (_, port) = packet[key].as_str().unwrap().rsplit_once(':').unwrap();
        port.parse().unwrap()
    };
    let (src, dst) = (port("src"), port("dst"));
    // 2026-11-21T00:21:39.467449Z, both within the hour.
    let time = packet["time"].as_str().unwrap();
    let minutes: u64 = time[14..16].parse().unwrap();
    let micros: u64 = time[17..26].replace('.', "").parse().unwrap();
    let expected = minutes * 60_000_000 + micros + 50 + 100 * before as u64;
    let nanos: u64 = copy["ts"]
        .as_str()
        .unwrap()
        .replace('.', "")
        .parse()
        .unwrap();
    let rounding = 5;
    (nanos / 1000 % 3_600_000_000).abs_diff(expected) < rounding
        && (copy["sport"] == src || copy["dport"] == dst)
        && (copy["sport"] == 1883) == (dst > src)
}

#[test]
fn every_field_of_every_packet_is_what_tshark_read() {
    let mut names = files::capture_names();
    names.retain(|name| name != OTHER);
    assert_eq!(names.len(), 28);
    let mut failures = Vec::new();
    let mut compared = 0;
    for name in names {
        let mut found: Vec<_> = decoded(&name)
            .into_iter()
            .filter(|p| p.get("record").is_none())
            .collect();
        // midge lists a packet when it is sure of it; the order within a stream is the same.
        found.sort_by_key(|packet| packet["frame"].as_u64());
        let reference = fs::read_to_string(captures().join(format!("ref/{name}.jsonl"))).unwrap();
        let expected = lines(&reference);
        assert_eq!(found.len(), expected.len(), "{name}");
        let mut last = (Value::Null, Value::Null);
        let mut in_frame = 0;
        for (found, expected) in found.iter().zip(&expected) {
            let frame = expected["frame"].as_u64().unwrap();
            let is_unwrapped = UNWRAPPED.contains(&name.as_str());
            if is_unwrapped {
                let at = (found["frame"].clone(), found["src"].clone());
                in_frame = if last == at { in_frame + 1 } else { 0 };
                last = at;
                assert!(is_copied_from(expected, found, in_frame), "{name} {found}");
            }
            let is_known = DIFFERENCES
                .iter()
                .any(|(file, at, _)| *file == name && *at == frame);
            let (mut found, mut expected) = (ours(found), theirs(expected));
            if is_unwrapped {
                for key in ["frame", "stream"] {
                    found.remove(key);
                    expected.remove(key);
                }
            }
            compared += 1;
            if (found != expected) != is_known {
                failures.push(format!(
                    "{name} frame {frame}\n  midge  {}\n  tshark {}",
                    json!(found),
                    json!(expected)
                ));
            }
        }
    }
    assert!(
        failures.is_empty(),
        "{} packets:\n{}",
        failures.len(),
        failures.join("\n")
    );
    assert!(compared > 1000, "only {compared} packets");
}
