//! MQTT-SN: a real conversation with RSMB, message by message against what tshark 4.0 read, and
//! generated datagrams of other protocols, in which nothing may be found.

use std::fs;
use std::path::{Path, PathBuf};

use midge::capture::{Options, Packets, Record};
use midge::mqttsn::decode::{Recorder, decode};
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use crate::program::midge;

const NAME: &str = "rsmb_mqttsn_1884.pcap";

fn captures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/captures")
}

fn lines(text: &str) -> Vec<Value> {
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn decoded() -> Vec<Value> {
    let output = midge(&["decode", "--json", "--raw"])
        .arg(captures().join(NAME))
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    lines(&String::from_utf8(output.stdout).unwrap())
}

/// What midge says, in the keys of the reference.
fn ours(message: &Value) -> Map<String, Value> {
    let mut view = Map::new();
    let mut set = |key: &str, value: Value| {
        if !value.is_null() {
            view.insert(key.into(), value);
        }
    };
    for (theirs, ours) in [
        ("frame", "frame"),
        ("time", "time"),
        ("stream", "stream"),
        ("src", "src"),
        ("dst", "dst"),
        ("name", "type"),
        ("msg_type", "msg_type"),
        ("msg_len", "length"),
        ("will", "will_flag"),
        ("clean_session", "clean_start"),
        ("protocol_id", "protocol_id"),
        ("keep_alive", "keep_alive"),
        ("client_id", "client_id"),
        ("topic_id", "topic_id"),
        ("topic_id_type", "topic_id_type"),
        ("msg_id", "packet_id"),
        ("return_code", "reason_code"),
    ] {
        set(theirs, message[ours].clone());
    }
    if message["type"] == "PUBLISH" {
        for key in ["dup", "qos", "retain"] {
            set(key, message[key].clone());
        }
    }
    if message["type"] == "REGISTER" {
        set("topic", message["topic"].clone());
    }
    set("topic_name_or_id", message["filters"][0]["filter"].clone());
    if let Some(payload) = message["payload"].as_str() {
        set("payload_len", message["payload_len"].clone());
        let sha256 = hex::encode(Sha256::digest(payload.as_bytes()));
        set("payload_sha256", json!(sha256));
    }
    let forwarder = &message["forwarder"];
    set("control_info", forwarder["ctrl"].clone());
    set(
        "wireless_node_id",
        forwarder["wireless_node_id_hex"].clone(),
    );
    set("transport", message["transport"].clone());
    set("protocol", message["protocol"].clone());
    set("version", message["version"].clone());
    view
}

/// What tshark says, in the same keys.
fn theirs(message: &Value) -> Map<String, Value> {
    let mut view = message.as_object().unwrap().clone();
    let code = view["msg_type"].as_u64().unwrap();
    // The names of the standard (5.2.2), by hand.
    let name = match code {
        0x04 => "CONNECT",
        0x05 => "CONNACK",
        0x0a => "REGISTER",
        0x0b => "REGACK",
        0x0c => "PUBLISH",
        0x0d => "PUBACK",
        0x12 => "SUBSCRIBE",
        0x13 => "SUBACK",
        0x18 => "DISCONNECT",
        _ => panic!("{message}"),
    };
    view.insert("name".into(), json!(name));
    for (addr, port) in [("src", "sport"), ("dst", "dport")] {
        let port = view.remove(port).unwrap();
        let addr = view.get_mut(addr).unwrap();
        *addr = json!(format!("{}:{port}", addr.as_str().unwrap()));
    }
    // Two zeros more than the microseconds of the file have; 2026-11-21 00:00 UTC in seconds.
    let ts = view.remove("ts").unwrap();
    let (seconds, nanos) = ts.as_str().unwrap().split_once('.').unwrap();
    let clock = seconds.parse::<u64>().unwrap() - 1_795_219_200;
    let (h, m, s) = (clock / 3600, clock / 60 % 60, clock % 60);
    let micros = nanos.strip_suffix("000").unwrap();
    view.insert(
        "time".into(),
        json!(format!("2026-11-21T{h:02}:{m:02}:{s:02}.{micros}Z")),
    );
    for key in ["will", "clean_session", "dup", "retain"] {
        if let Some(value) = view.get_mut(key) {
            *value = json!(value == "1");
        }
    }
    if view.get("qos") == Some(&json!(3)) {
        view.insert("qos".into(), json!(-1)); // the bits 11 (5.3.4)
    }
    // tshark shows these bits of the flags in CONNECT and SUBACK too, which do not use them.
    let id_type = view.remove("topic_id_type").and_then(|v| v.as_u64());
    if let Some(id_type) = id_type.filter(|_| !matches!(name, "CONNECT" | "SUBACK")) {
        let names = ["normal", "predefined", "short"];
        view.insert("topic_id_type".into(), json!(names[id_type as usize]));
    }
    if view.contains_key("control_info") {
        view.insert("control_info".into(), json!(0)); // "0x00" in both
        // Bytes 36 46 34, which the reference has as a decimal number.
        let id: u32 = view["wireless_node_id"].as_str().unwrap().parse().unwrap();
        view.insert("wireless_node_id".into(), json!(format!("{id:x}")));
    }
    view.remove("idx");
    view.remove("proto");
    view.insert("transport".into(), json!("udp"));
    view.insert("protocol".into(), json!("mqtt-sn"));
    view.insert("version".into(), json!("1.2"));
    view
}

#[test]
fn every_field_of_every_message_is_what_tshark_read() {
    let reference = fs::read_to_string(captures().join(format!("ref/{NAME}.jsonl"))).unwrap();
    let expected = lines(&reference);
    let found = decoded();
    assert_eq!((found.len(), expected.len()), (106, 106));
    for (found, expected) in found.iter().zip(&expected) {
        assert_eq!(ours(found), theirs(expected));
    }
}

/// What the reference does not have, from the bytes by hand.
#[test]
fn what_else_the_messages_say() {
    let found = decoded();
    let at = |frame: usize| &found[frame - 1];
    // 09 12 20 00 01 "sn/#": flags 0x20 are QoS 1.
    assert_eq!(at(8)["raw_hex"], "0912200001736e2f23");
    assert_eq!(at(8)["filters"], json!([{"filter": "sn/#", "qos": 1}]));
    // 08 13 20 ...: QoS 1 is granted.
    assert_eq!(at(9)["qos"], 1);
    assert_eq!(at(9)["reason"], "Accepted");
    // 0c 0c 61 00 01 00 00 "qosm1".
    assert_eq!(at(87)["payload"], "qosm1");
    assert_eq!(at(88)["topic"], "ab");
    assert_eq!(at(2)["forwarder"]["wireless_node_id_hex"], "364634");
    for message in &found {
        let gateway = message["src"] == "127.0.0.1:1884";
        assert_eq!(message["from"], if gateway { "server" } else { "client" });
    }
}

/// RSMB breaks two rules here: it answers a PUBLISH with topic id 0, and gives a QoS 0 message the
/// message id of the QoS 1 message that it came from.
#[test]
fn violations() {
    let mut found: Vec<_> = decoded()
        .iter()
        .filter(|message| message.get("violations").is_some())
        .map(|message| {
            let violations = message["violations"].as_array().unwrap();
            assert_eq!(violations.len(), 1, "{message}");
            assert_eq!(message["from"], "server");
            format!(
                "{} {} {}",
                message["type"].as_str().unwrap(),
                violations[0]["message"].as_str().unwrap(),
                message["raw_hex"].as_str().unwrap()
            )
        })
        .collect();
    found.sort();
    found.dedup();
    assert_eq!(
        found,
        [
            "PUBACK the topic id is reserved 070d0000000100",
            "PUBACK the topic id is reserved 070d0000000200",
            "PUBLISH the message id is not 0 at QoS 0 or -1 110c026162000173686f7274746f706963",
        ]
    );
}

/// Who said which name for an id, followed by hand through the capture: each client has its own.
#[test]
fn topic_ids_stand_for_names() {
    let resolved: Vec<_> = decoded()
        .iter()
        .filter(|message| message["type"] == "PUBLISH")
        .map(|message| {
            let name = &message["topic_resolved"];
            let short = &message["topic"];
            let name = name.as_str().or(short.as_str()).unwrap_or("-");
            (message["stream"].as_u64().unwrap(), name.to_owned())
        })
        .collect();
    let expected = [
        (3, "sn/temp"),
        (2, "sn/temp"),
        (4, "sn/temp"),
        (2, "sn/temp"),
        (5, "sn/temp"),
        (2, "sn/temp"),
        (6, "sn/temp"),
        (2, "sn/temp"),
        (7, "sn/temp"),
        (2, "sn/temp"),
        (8, "sn/temp"),
        (2, "sn/temp"),
        (9, "wild/a/x"), // its id 1 is another topic than that of the others
        (2, "wild/a/x"), // id 2 here
        (10, "ab"),
        (0, "ab"),
        (11, "-"), // predefined: nobody says what it is
        (12, "ab"),
        (0, "ab"),
        (13, "sn/big"),
        (2, "sn/big"), // id 3 here
    ]
    .map(|(stream, name)| (stream, name.to_owned()));
    assert_eq!(resolved, expected);
}

/// The one PUBLISH with a predefined id has the name that a file gives it.
#[test]
fn predefined_ids_have_the_names_of_a_file() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let before = decoded();
    let predefined =
        |message: &&Value| message["type"] == "PUBLISH" && message["topic_id_type"] == "predefined";
    let id = before.iter().find(predefined).unwrap()["topic_id"].clone();
    fs::write(file.path(), format!("# plant\n{id} plant/known\n")).unwrap();
    let output = midge(&["decode", "--json", "--sn-topics"])
        .arg(file.path())
        .arg(captures().join(NAME))
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    for message in lines(&String::from_utf8(output.stdout).unwrap()) {
        if predefined(&&message) {
            assert_eq!(message["topic_resolved"], "plant/known");
        } else if message["type"] == "PUBLISH" {
            assert_ne!(message["topic_resolved"], "plant/known");
        }
    }
}

#[test]
fn lines_and_trees_name_what_matters() {
    let view = |view: &str| {
        let output = midge(&["decode", view])
            .arg(captures().join(NAME))
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let lines = view("--lines");
    assert_eq!(lines.lines().count(), 106);
    let forwarded = lines.lines().nth(1).unwrap();
    assert!(
        forwarded.contains("CONNECT") && forwarded.ends_with("id=subfe"),
        "{forwarded}"
    );
    let tree = view("--tree");
    assert!(tree.contains("Forwarder encapsulation"), "{tree}");
    assert!(tree.contains("QoS -1"), "{tree}");
}

// ---- generated datagrams ----

/// Last octet of the address, and port.
type End = (u8, u16);

/// Sender, receiver, payload.
type Datagram<'a> = (End, End, &'a [u8]);

/// Frame, stream and sender.
type Found = (u64, u64, Option<&'static str>);

const CLIENT: End = (1, 40_000);

/// A pcap of raw IP packets with these datagrams.
fn pcap(datagrams: &[Datagram<'_>]) -> Vec<u8> {
    let mut file = Vec::new();
    for word in [0xa1b2_c3d4_u32, 0x0004_0002, 0, 0, 65_535, 101] {
        file.extend(word.to_le_bytes());
    }
    for (i, (src, dst, payload)) in datagrams.iter().enumerate() {
        let len = 28 + payload.len() as u16;
        let mut packet = vec![0x45, 0];
        packet.extend(len.to_be_bytes());
        packet.extend([0, 0, 0x40, 0, 64, 17, 0, 0]);
        packet.extend([10, 0, 0, src.0, 10, 0, 0, dst.0]);
        for field in [src.1, dst.1, len - 20, 0] {
            packet.extend(field.to_be_bytes());
        }
        packet.extend_from_slice(payload);
        for word in [i as u32 + 1, 0, len.into(), len.into()] {
            file.extend(word.to_le_bytes());
        }
        file.extend(packet);
    }
    file
}

/// The messages that are found.
fn found_with(datagrams: &[Datagram<'_>], options: Options) -> Vec<Found> {
    let file = pcap(datagrams);
    let mut packets = Packets::new(&file[..], options);
    let mut found = Vec::new();
    while let Some(record) = packets.next().unwrap() {
        let Record::Message(message) = record else {
            panic!("{record:?}");
        };
        let from = message.at.from.map(|side| side.as_str());
        found.push((message.at.frame, message.at.stream, from));
    }
    found
}

fn found(datagrams: &[Datagram<'_>]) -> Vec<Found> {
    found_with(datagrams, Options::default())
}

const DNS_QUERY: &[u8] = b"\x0a\x04\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x03www\x07example\x03com\x00\x00\x01\x00\x01";
const DNS_ANSWER: &[u8] = b"\x0a\x04\x81\x80\x00\x01\x00\x01\x00\x00\x00\x00\x03www\x07example\x03com\x00\x00\x01\x00\x01\xc0\x0c\x00\x01\x00\x01\x00\x00\x0e\x10\x00\x04\x5d\xb8\xd8\x22";

#[test]
fn nothing_is_invented_for_other_protocols() {
    let mut quic = vec![0xc3, 0, 0, 0, 1, 8];
    quic.extend((0..1194).map(|i| (i * 37 % 251) as u8));
    let mut ntp = vec![0x23, 2, 6, 0xec];
    ntp.extend([7; 44]);
    let ssdp = b"M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\n\r\n";
    let syslog = b"<34>Oct 11 22:14:15 mymachine su: 'su root' failed on /dev/pts/8";
    let rtp: Vec<u8> = [&[0x80, 0, 0, 1, 0, 0, 0, 160][..], &[0xd5; 164]].concat();
    // 48 bytes with 0x30 in front, and as an SNMP message begins.
    let snmp = b"\x30\x26\x02\x01\x01\x04\x06public\xa0\x19\x02\x04\x71\xb4\xb5\x68\x02\x01\x00\x02\x01\x00\x30\x0b\x30\x09\x06\x05+\x06\x01\x02\x01\x05\x00";
    let mdns = [&[0, 0][..], &DNS_QUERY[2..]].concat();
    let stun = b"\x00\x01\x00\x00\x21\x12\xa4\x42abcdefghijkl";
    let dhcp = [&[1, 1, 6, 0, 0x39, 3, 0xf3, 0x26][..], &[0; 232]].concat();
    let radius = b"\x01\x16\x00\x16abcdefghijklmnopqr";
    for port in [53, 443, 1883, 1884, 10_000, 20_000] {
        for payload in [
            DNS_QUERY, DNS_ANSWER, &quic, &ntp, ssdp, syslog, &rtp, snmp, &mdns, stun, &dhcp,
            radius, b"", b"\x00", b"\x01", b"\n", b"hello\n",
        ] {
            let gateway = (2, port);
            // Again and again, and after something that could have been MQTT-SN.
            let datagrams = [
                (CLIENT, gateway, payload),
                (gateway, CLIENT, payload),
                (CLIENT, gateway, payload),
            ];
            assert_eq!(found(&datagrams), [], "{port}: {payload:02x?}");
            let after = [
                (CLIENT, (2, 5000), &b"\x02\x16"[..]),
                (CLIENT, (2, 5000), payload),
                (CLIENT, (2, 5000), &b"\x0a\x04\x04\x01\x00\x14sub2"[..]),
            ];
            assert_eq!(found(&after), [], "{payload:02x?}");
        }
    }
}

/// Each id of a DNS query that looks like the header of a message of the right length.
#[test]
fn dns_with_any_id_is_dns() {
    for kind in 0..=0xff {
        let mut query = DNS_QUERY.to_vec();
        query[0] = query.len() as u8;
        query[1] = kind;
        let mut answer = DNS_ANSWER.to_vec();
        answer[0] = query[0];
        answer[1] = kind;
        let dns = (2, 53);
        let datagrams = [(CLIENT, dns, &query[..]), (dns, CLIENT, &answer[..])];
        assert_eq!(found(&datagrams), [], "{kind:#x}");
    }
}

#[test]
fn one_connect_is_enough_on_any_port() {
    let connect = &b"\x0a\x04\x04\x01\x00\x14sub2"[..];
    let gateway = (2, 5000);
    let datagrams = [
        ((9, 9), (8, 53), DNS_QUERY),
        (CLIENT, gateway, connect),
        (gateway, CLIENT, &b"\x03\x05\x00"[..]),
        // Damaged, and still a part of the conversation.
        (CLIENT, gateway, &b"\x09\x0c\x00"[..]),
    ];
    // Stream 0 is the DNS pair.
    let expected = [
        (2, 1, Some("client")),
        (3, 1, Some("server")),
        (4, 1, Some("client")),
    ];
    assert_eq!(found(&datagrams), expected);
}

proptest! {
    /// Protocols of which every datagram begins with its length, with anything behind it.
    #[test]
    fn a_length_in_front_is_not_enough(
        datagrams in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 1..60), 1..12),
    ) {
        let datagrams: Vec<Vec<u8>> = datagrams
            .into_iter()
            .map(|rest| [&[rest.len() as u8 + 1], &rest[..]].concat())
            .collect();
        let datagrams: Vec<_> = datagrams
            .iter()
            .map(|datagram| (CLIENT, (2, 5000), &datagram[..]))
            .collect();
        prop_assert_eq!(found(&datagrams), []);
    }

    #[test]
    fn any_datagrams_are_read_without_panic(
        datagrams in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..20), 0..12),
    ) {
        let mut all = vec![(CLIENT, (2, 1883), &b"\x0a\x04\x04\x01\x00\x14sub2"[..])];
        all.extend(datagrams.iter().map(|d| ((2, 1883), CLIENT, &d[..])));
        prop_assert_eq!(found(&all).len(), all.len());
    }
}

/// Without the CONNECT, several small messages convince together, and the first come with them.
#[test]
fn a_conversation_that_began_before_the_capture() {
    let gateway = (2, 5000);
    let datagrams = [
        (gateway, CLIENT, &b"\x08\x0c\x20\x00\x01\x00\x05x"[..]), // PUBLISH QoS 1
        (CLIENT, gateway, &b"\x07\x0d\x00\x01\x00\x05\x00"[..]),  // PUBACK
        (CLIENT, gateway, &b"\x02\x16"[..]),                      // PINGREQ
        (gateway, CLIENT, &b"\x02\x17"[..]),                      // PINGRESP
        (CLIENT, gateway, &b"\x06\x12\x00\x00\x09a"[..]),         // SUBSCRIBE
    ];
    let frames: Vec<_> = found(&datagrams).iter().map(|found| found.0).collect();
    assert_eq!(frames, [1, 2, 3, 4, 5]);
    // The same small message over and over is no proof.
    let pings = [(CLIENT, gateway, &b"\x02\x16"[..]); 4];
    assert_eq!(found(&pings), []);
}

#[test]
fn ports_are_hints() {
    let gateway = (2, 1883);
    let ping = [(CLIENT, gateway, &b"\x02\x16"[..])];
    assert_eq!(found(&ping), [(1, 0, None)], "1883 is the port of MQTT");
    let elsewhere = [(CLIENT, (2, 5000), &b"\x02\x16"[..])];
    assert_eq!(found(&elsewhere), []);
    let options = Options {
        ports: vec![5000],
        ..Options::default()
    };
    assert_eq!(found_with(&elsewhere, options), [(1, 0, None)]);
    let options = Options {
        not_ports: vec![1883],
        ..Options::default()
    };
    assert_eq!(found_with(&ping, options), []);
}

/// Messages of every type, from the standard's layouts (5.4) by hand: type, bytes, JSON keys.
#[test]
fn every_message_type() {
    for (name, bytes, keys) in [
        (
            "ADVERTISE",
            &b"\x05\x00\x07\x03\x84"[..],
            json!({"gw_id": 7, "duration": 900}),
        ),
        ("SEARCHGW", b"\x03\x01\x02", json!({"radius": 2})),
        (
            "GWINFO",
            b"\x05\x02\x07\x12\x34",
            json!({"gw_id": 7, "gw_add_hex": "1234"}),
        ),
        (
            "CONNECT",
            b"\x09\x04\x0c\x01\x00\x3cdev",
            json!({"client_id": "dev", "keep_alive": 60, "clean_start": true, "will_flag": true, "protocol_id": 1}),
        ),
        (
            "CONNACK",
            b"\x03\x05\x01",
            json!({"reason_code": 1, "reason": "Rejected: congestion"}),
        ),
        ("WILLTOPICREQ", b"\x02\x06", json!({})),
        (
            "WILLTOPIC",
            b"\x06\x07\x30a/b",
            json!({"will": {"topic": "a/b", "qos": 1, "retain": true}}),
        ),
        ("WILLTOPIC", b"\x02\x07", json!({})),
        ("WILLMSGREQ", b"\x02\x08", json!({})),
        (
            "WILLMSG",
            b"\x06\x09gone",
            json!({"will": {"payload": "gone"}}),
        ),
        (
            "REGISTER",
            b"\x09\x0a\x00\x00\x00\x05a/b",
            json!({"topic_id": 0, "packet_id": 5, "topic": "a/b"}),
        ),
        (
            "REGACK",
            b"\x07\x0b\x00\x09\x00\x05\x02",
            json!({"topic_id": 9, "packet_id": 5, "reason_code": 2, "reason": "Rejected: invalid topic ID"}),
        ),
        (
            "PUBLISH",
            b"\x09\x0c\xd0\x00\x09\x00\x06hi",
            json!({"dup": true, "qos": 2, "retain": true, "topic_id": 9, "topic_id_type": "normal", "packet_id": 6, "payload": "hi", "payload_len": 2}),
        ),
        (
            "PUBLISH",
            b"\x01\x00\x0a\x0c\x62ab\x00\x00x",
            json!({"qos": -1, "topic": "ab", "topic_id_type": "short", "payload": "x", "length": 10, "length_hex": "01000a"}),
        ),
        (
            "PUBACK",
            b"\x07\x0d\x00\x09\x00\x05\x03",
            json!({"reason": "Rejected: not supported"}),
        ),
        ("PUBCOMP", b"\x04\x0e\x00\x06", json!({"packet_id": 6})),
        ("PUBREC", b"\x04\x0f\x00\x06", json!({"packet_id": 6})),
        ("PUBREL", b"\x04\x10\x00\x06", json!({"packet_id": 6})),
        (
            "SUBSCRIBE",
            b"\x08\x12\xa0\x00\x07a/#",
            json!({"dup": true, "qos": 1, "packet_id": 7, "filters": [{"filter": "a/#", "qos": 1}]}),
        ),
        (
            "SUBSCRIBE",
            b"\x07\x12\x41\x00\x07\x00\x09",
            json!({"qos": 2, "topic_id": 9, "topic_id_type": "predefined", "packet_id": 7}),
        ),
        (
            "SUBACK",
            b"\x08\x13\x40\x00\x09\x00\x07\x00",
            json!({"qos": 2, "topic_id": 9, "packet_id": 7, "reason_code": 0}),
        ),
        (
            "UNSUBSCRIBE",
            b"\x07\x14\x02\x00\x08ab",
            json!({"packet_id": 8, "topic_id_type": "short", "filters": [{"filter": "ab"}]}),
        ),
        ("UNSUBACK", b"\x04\x15\x00\x08", json!({"packet_id": 8})),
        ("PINGREQ", b"\x05\x16dev", json!({"client_id": "dev"})),
        ("PINGREQ", b"\x02\x16", json!({})),
        ("PINGRESP", b"\x02\x17", json!({})),
        ("DISCONNECT", b"\x04\x18\x01\x2c", json!({"duration": 300})),
        ("DISCONNECT", b"\x02\x18", json!({})),
        (
            "WILLTOPICUPD",
            b"\x04\x1a\x00t",
            json!({"will": {"topic": "t", "qos": 0, "retain": false}}),
        ),
        (
            "WILLTOPICRESP",
            b"\x03\x1b\x00",
            json!({"reason": "Accepted"}),
        ),
        (
            "WILLMSGUPD",
            b"\x03\x1c\xff",
            json!({"will": {"payload_hex": "ff"}}),
        ),
        (
            "WILLMSGRESP",
            b"\x03\x1d\x00",
            json!({"reason": "Accepted"}),
        ),
        (
            "PINGREQ",
            b"\x05\xfe\x02\xab\xcd\x02\x16",
            json!({"forwarder": {"ctrl": 2, "wireless_node_id_hex": "abcd"}, "length": 2}),
        ),
    ] {
        let mut record = Recorder::default();
        let envelope = decode(bytes, None, &mut record).unwrap();
        assert_eq!(envelope.message.message_type().name(), name, "{bytes:02x?}");
        let errors: Vec<_> = record.violations.iter().map(ToString::to_string).collect();
        let is_long = bytes[0] == 1;
        assert_eq!(errors.len(), usize::from(is_long), "{name}: {errors:?}");
        let json = crate::sn_properties::json(bytes, &record);
        assert_eq!(json["type"], name);
        for (key, value) in keys.as_object().unwrap() {
            assert_eq!(&json[key], value, "{name}: {key} in {json}");
        }
        // Every byte belongs to a field.
        let covered: usize = record.fields.iter().map(|f| f.end - f.start).sum();
        assert_eq!(covered, bytes.len(), "{name}: {:?}", record.fields);
    }
}

/// What is wrong, by hand: bytes, the rule's words, and where.
#[test]
fn what_is_wrong_is_said() {
    for (bytes, words, at) in [
        (&b""[..], "the bytes end before", (0, 0)),
        (b"\x02", "the bytes end before", (1, 0)),
        (b"\x01\x00", "the bytes end before", (2, 0)),
        (
            b"\x00\x16",
            "the length is smaller than the header: 0",
            (0, 1),
        ),
        (
            b"\x01\x00\x03\x16",
            "the length is smaller than the header: 3",
            (0, 3),
        ),
        (
            b"\x05\x16ab",
            "the bytes end before the message does: 5 announced, 4 there",
            (4, 0),
        ),
        (
            b"\x02\x16!",
            "bytes are left over behind the message: 1",
            (2, 1),
        ),
        (b"\x02\x11", "the message type is reserved: 17", (1, 1)),
        (
            b"\x03\x17!",
            "bytes are left over behind the last field: 1",
            (2, 1),
        ),
        (
            b"\x03\x0e\x00",
            "a field runs past the end of the message: 2 announced, 1 there",
            (2, 1),
        ),
        (
            b"\x07\x04\x00\x02\x00\x01a",
            "the protocol id is not 1: 2",
            (3, 1),
        ),
        (
            b"\x06\x04\x00\x01\x00\x01",
            "the client identifier is empty",
            (6, 0),
        ),
        (b"\x07\x0c\x60\x00\x01\x00\x00", "QoS -1 needs", (2, 1)),
        (
            b"\x07\x0c\x03\x00\x01\x00\x00",
            "the topic id type is reserved",
            (2, 1),
        ),
        (
            b"\x07\x0c\x20\x00\x01\x00\x00",
            "the message id is 0",
            (5, 2),
        ),
        (
            b"\x07\x0c\x00\x00\x00\x00\x00",
            "the topic id is reserved",
            (3, 2),
        ),
        (b"\x03\x05\x04", "the return code is reserved", (2, 1)),
        (
            b"\x06\x12\x60\x00\x01a",
            "QoS -1 is for PUBLISH only",
            (2, 1),
        ),
        (b"\x06\x12\x00\x00\x01\xff", "a string is not UTF-8", (5, 1)),
        (
            b"\x03\xfe\x00\x03\xfe\x00\x02\x16",
            "an encapsulated message is encapsulated again",
            (4, 1),
        ),
    ] {
        let mut record = Recorder::default();
        let _ = decode(bytes, None, &mut record);
        let [violation] = record.violations[..] else {
            panic!("{bytes:02x?}: {:?}", record.violations);
        };
        let message = violation.to_string();
        assert!(message.starts_with(words), "{bytes:02x?}: {message}");
        assert_eq!((violation.offset, violation.len), at, "{message}");
        for id in violation.citations() {
            assert!(id.starts_with("MQTT-SN 1.2 section "));
        }
    }
}
