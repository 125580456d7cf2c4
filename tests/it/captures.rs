//! Real captures: what midge finds, packet by packet, against what tshark 4.0 found.
//!
//! The references are a peer's view, not the truth. Where midge differs, the bytes decide, and the
//! reason stands here. For these files there is no such difference: midge finds every packet that
//! tshark finds, in the same frame, and no other. What midge reports beside them is checked below.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    net::SocketAddr,
    path::PathBuf,
};

use midge::{
    capture::{CapturedPacket, Options, Packets, Record, VersionFrom},
    mqtt::{Side, Version, frame::FixedHeader},
};

use crate::files;

/// What is compared of a packet.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Seen {
    frame: u64,
    nanos: i64,
    stream: u64,
    src: SocketAddr,
    dst: SocketAddr,
    byte1: u8,
    remaining_length: u64,
}

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/captures")
        .join(name)
}

fn records(name: &str) -> Vec<Record> {
    let file = fs::File::open(path(name)).unwrap();
    let mut packets = Packets::new(file, Options::default());
    if let Ok(log) = fs::File::open(path(name).with_extension("keys")) {
        packets.follow_key_log(Box::new(log)).unwrap();
    }
    let mut records = Vec::new();
    while let Some(record) = packets
        .next()
        .unwrap_or_else(|error| panic!("{name}: {error}"))
    {
        records.push(record);
    }
    records
}

fn packets(name: &str) -> Vec<CapturedPacket> {
    let only = |record| match record {
        Record::Packet(packet) => Some(packet),
        _ => None,
    };
    records(name).into_iter().filter_map(only).collect()
}

fn seen(packet: &CapturedPacket) -> Seen {
    let header = FixedHeader::parse(&packet.bytes).unwrap().unwrap();
    assert_eq!(header.packet_len(), packet.announced_len);
    assert!(!packet.is_cut());
    Seen {
        frame: packet.at.frame,
        nanos: packet.at.time.unwrap().nanos,
        stream: packet.at.stream,
        src: packet.at.src,
        dst: packet.at.dst,
        byte1: header.byte1,
        remaining_length: header.remaining_length.into(),
    }
}

fn reference(name: &str) -> Vec<Seen> {
    let text = fs::read_to_string(path(&format!("ref/{name}.jsonl"))).unwrap();
    text.lines()
        .map(|line| {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            let number = |key: &str| line[key].as_u64().unwrap();
            let addr = |addr: &str, port: &str| {
                let addr = line[addr].as_str().unwrap().parse().unwrap();
                SocketAddr::new(addr, number(port) as u16)
            };
            let time = line["ts"].as_str().unwrap().replace('.', "");
            Seen {
                frame: number("frame"),
                nanos: time.parse().unwrap(), // seconds with nine digits behind the dot
                stream: number("stream"),
                src: addr("src", "sport"),
                dst: addr("dst", "dport"),
                byte1: number("b0") as u8,
                remaining_length: number("len"),
            }
        })
        .collect()
}

/// The captures of MQTT over TCP, plain or in TLS.
fn names() -> Vec<String> {
    let other = ["ws", "mqttsn"];
    let mut names = files::capture_names();
    names.retain(|name| !other.iter().any(|other| name.contains(other)));
    assert_eq!(names.len(), 26);
    names
}

#[test]
fn packet_by_packet_like_the_references() {
    for name in names() {
        let mut found: Vec<Seen> = packets(&name).iter().map(seen).collect();
        let mut expected = reference(&name);
        found.sort();
        expected.sort();
        for (found, expected) in found.iter().zip(&expected) {
            assert_eq!(found, expected, "{name}");
        }
        assert_eq!(found.len(), expected.len(), "{name}");
    }
}

/// tshark does not name sides; the ports and the packets do.
#[test]
fn directions() {
    for name in names() {
        for packet in packets(&name) {
            let server_port = match name.as_str() {
                "alivcor_mqtt_start.pcap" => 1337,
                name if name.contains("_tls") => 8883,
                _ => 1883,
            };
            let from = match (packet.at.src.port(), packet.at.dst.port()) {
                (port, _) if port == server_port => Side::Server,
                (_, port) if port == server_port => Side::Client,
                ports => panic!("{name}: {ports:?}"),
            };
            assert_eq!(packet.at.from, Some(from), "{name}: {packet:?}");
            let transport = if name.contains("_tls") { "tls" } else { "tcp" };
            assert_eq!(packet.at.transport, transport, "{name}");
        }
    }
}

/// The level in each stream's CONNECT, as tshark read it.
fn levels(name: &str) -> BTreeMap<u64, Version> {
    let text = fs::read_to_string(path(&format!("ref/{name}.jsonl"))).unwrap();
    text.lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
        .filter(|line| line["name"] == "CONNECT")
        .map(|line| {
            let level = line["ver"].as_u64().unwrap() as u8;
            (
                line["stream"].as_u64().unwrap(),
                Version::from_level(level).unwrap(),
            )
        })
        .collect()
}

/// The version of each stream: from its CONNECT, or what its packets allow.
#[test]
fn versions() {
    let mut inferred = BTreeSet::new();
    for name in names() {
        let levels = levels(&name);
        for packet in packets(&name) {
            match levels.get(&packet.at.stream) {
                Some(level) => {
                    assert_eq!(packet.version, *level, "{name}: {packet:?}");
                    assert_eq!(packet.version_from, VersionFrom::Connect, "{name}");
                }
                None => {
                    assert_eq!(
                        packet.version_from,
                        VersionFrom::Inferred,
                        "{name}: {packet:?}"
                    );
                    inferred.insert((name.clone(), packet.version));
                }
            }
        }
    }
    let expected = [
        ("riskyduha_mqtt.pcap", Version::V311), // payloads of text without a property length
        ("sv_events-missing-connect.pcap", Version::V311), // CONNACK of two bytes
        ("sv_midstream-split.pcap", Version::V5), // CONNACK of 50 bytes: it has properties
    ];
    assert_eq!(
        inferred,
        expected
            .map(|(name, version)| (name.to_owned(), version))
            .into()
    );
}

/// What is no packet: holes in the sequence numbers, checked by hand in the files.
#[test]
fn gaps_and_skipped_bytes() {
    let mut others = Vec::new();
    for name in names() {
        for record in records(&name) {
            match record {
                Record::Packet(_) => {}
                Record::Gap(gap) => {
                    others.push(format!(
                        "{name}: stream {} {:?} lost {}, on at {:?}",
                        gap.at.stream, gap.at.from, gap.lost, gap.resynced_at_frame
                    ));
                }
                Record::Skipped(skipped) => others.push(format!("{name}: {skipped:?}")),
                Record::Message(message) => others.push(format!("{name}: {message:?}")),
                Record::Turn(turn) => others.push(format!("{name}: {turn:?}")),
                Record::Sealed(sealed) => others.push(format!(
                    "{name}: stream {} frame {} {:?}",
                    sealed.at.stream, sealed.at.frame, sealed.reason
                )),
            }
        }
    }
    assert_eq!(
        others,
        [
            // Server: sequence 5 is expected, its FIN comes with 9; a PUBREC was taken out.
            "sv_events-invalid-qos.pcap: stream 0 Some(Server) lost 4, on at None",
            // Three records of application data, 170303, in a row, and no handshake.
            "sv_events-missing-connect.pcap: stream 0 frame 3 NoHandshake",
            // Client: the first data comes with sequence 17; the CONNECT was taken out.
            "sv_events-missing-connect.pcap: stream 2 Some(Client) lost 16, on at Some(22)",
        ]
    );
}

/// MQTT over WebSocket. What the packets are, `captures_json` compares.
#[test]
fn websocket() {
    for (name, transport) in [
        ("mosq20_ws_v311.pcap", "ws"),
        ("mosq20_wss_v5_dsb.pcapng", "wss"),
    ] {
        let packets = packets(name);
        assert_eq!(packets.len(), records(name).len(), "{name}");
        assert!(
            packets
                .iter()
                .all(|packet| packet.at.transport == transport)
        );
        for packet in packets {
            let from = match packet.at.src.port() > packet.at.dst.port() {
                true => Side::Client,
                false => Side::Server,
            };
            assert_eq!(packet.at.from, Some(from), "{name}");
        }
    }
}
