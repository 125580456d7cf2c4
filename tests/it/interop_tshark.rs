//! Real tshark reads what midge writes, and finds in it what midge finds. Ignored unless asked for:
//! `cargo test -- --ignored`.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::BufWriter;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use midge::capture::{CaptureWriter, Timestamp};
use midge::mqtt::encode::encode;
use midge::mqtt::packet::{ConnAck, Connect, Packet};
use midge::mqtt::{PacketType, Properties, Side};
use serde_json::Value;

use crate::corpus::{Entry, Verdict, entries};
use crate::program::midge;

/// One row per MQTT packet: stream, type, Remaining Length, topic name or filters.
type Row = (u64, u64, u64, Vec<String>);

/// What tshark finds in a capture whose servers have these ports; several packets of a frame come as
/// lists, which are taken apart. Empty topics and packets without one look the same.
fn tshark(file: &Path, ports: &[u16]) -> Vec<Row> {
    let mut command = Command::new("tshark");
    for port in ports {
        command.args(["-d", &format!("tcp.port=={port},mqtt")]);
    }
    let output = command
        .args(["-T", "json", "-Y", "mqtt", "--no-duplicate-keys"])
        .args(["-J", "tcp mqtt", "-r"])
        .arg(file)
        .output()
        .unwrap();
    let frames: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
    let mut rows = Vec::new();
    for frame in frames.as_array().unwrap() {
        let layers = &frame["_source"]["layers"];
        let stream = layers["tcp"]["tcp.stream"]
            .as_str()
            .unwrap()
            .parse()
            .unwrap();
        let packets = match &layers["mqtt"] {
            Value::Array(several) => several.clone(),
            one => vec![one.clone()],
        };
        for packet in packets {
            let number = |text: &Value| text.as_str().unwrap().parse::<u64>().unwrap();
            rows.push((
                stream,
                number(&packet["mqtt.hdrflags_tree"]["mqtt.msgtype"]),
                number(&packet["mqtt.len"]),
                topics(&packet["mqtt.topic"]),
            ));
        }
    }
    rows
}

/// One topic or several, without those that are empty.
fn topics(value: &Value) -> Vec<String> {
    let several = value
        .as_array()
        .map_or(std::slice::from_ref(value), Vec::as_slice);
    several
        .iter()
        .filter_map(Value::as_str)
        .filter(|topic| !topic.is_empty())
        .map(str::to_owned)
        .collect()
}

/// What midge finds.
fn ours(file: &Path) -> Vec<Row> {
    let output = midge(&["decode", "--json"]).arg(file).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .map(|packet| {
            (
                packet["stream"].as_u64().unwrap(),
                packet["byte1"].as_u64().unwrap() >> 4,
                packet["remaining_length"].as_u64().unwrap(),
                match packet["filters"].as_array() {
                    Some(filters) => filters.iter().flat_map(|f| topics(&f["filter"])).collect(),
                    None => topics(&packet["topic"]),
                },
            )
        })
        .collect()
}

#[test]
#[ignore = "needs tshark"]
fn a_recording_of_the_broker_reads_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("wire.pcapng");
    let script = "for v in 31 311 5; do for q in 0 1 2; do \
                  midge pub -V $v -q $q -t t/$v/$q -m hello -r && \
                  midge sub -V $v -q $q -t t/$v/$q -C 1; done; done; echo $MQTT_PORT";
    let output = midge(&["broker", "--port", "0", "--record"])
        .arg(&file)
        .args(["--", "sh", "-c", script])
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let stdout = String::from_utf8(output.stdout).unwrap();
    let port = stdout.lines().last().unwrap().parse().unwrap();
    let rows = ours(&file);
    // Six connections a version with at least CONNECT, CONNACK, PUBLISH and DISCONNECT each.
    assert!(rows.len() > 3 * 6 * 4, "{}", rows.len());
    assert_eq!(rows, tshark(&file, &[port]));
}

#[test]
#[ignore = "needs tshark"]
fn a_recording_of_every_listener_has_nothing_malformed() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let file = path("wire.pcapng");
    let mut command = midge(&["broker", "--record", &file, "--tls-auto", &path("tls")]);
    for url in ["mqtts", "ws", "wss"] {
        command.args(["--listen", &format!("{url}://127.0.0.1:0")]);
    }
    command.args(["--listen", &format!("unix:{}", path("s"))]);
    let script = "for v in 31 311 5; do for q in 0 1 2; do \
                  for url in $MQTT_TLS_URL $MQTT_WSS_URL; do \
                  midge pub -V $v -q $q -t t -m hello -L $url --cafile $MQTT_CAFILE; done; \
                  for url in $MQTT_WS_URL $MQTT_UNIX_URL; do \
                  midge pub -V $v -q $q -t t -m hello -L $url; done; done; done";
    let output = command.args(["--", "sh", "-c", script]).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let path = Path::new(&file);
    let ports = servers(path);
    assert_eq!(ports.len(), 4, "{ports:?}");
    let ours = ours(path);
    // Nine of each listener, with CONNECT, CONNACK, PUBLISH and DISCONNECT at least.
    assert!(ours.len() > 4 * 9 * 4);
    assert_eq!(ours, tshark(path, &ports));
    let mut malformed = Command::new("tshark");
    for port in ports {
        malformed.args(["-d", &format!("tcp.port=={port},mqtt")]);
    }
    let output = malformed
        .args(["-Y", "_ws.malformed || tcp.analysis.flags", "-r", &file])
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "");
}

/// The ports that servers in a recording have.
fn servers(file: &Path) -> Vec<u16> {
    let output = midge(&["decode", "--json", "--type", "connack"])
        .arg(file)
        .output()
        .unwrap();
    let ports: BTreeSet<u16> = String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .map(|packet| {
            packet["src"]
                .as_str()
                .unwrap()
                .parse::<SocketAddr>()
                .unwrap()
        })
        .map(|address| address.port())
        .collect();
    ports.into_iter().collect()
}

/// A connection of the entry's version up to CONNACK, then the entry's packet; a CONNECT stands
/// alone.
fn write_stream(out: &mut CaptureWriter<impl std::io::Write>, entry: &Entry, number: u32) {
    let at = |step: i64| Timestamp {
        nanos: 1_000_000_000 * i64::from(number) + step,
        digits: 9,
    };
    // Streams are told apart by the client's address.
    let client = SocketAddr::from(([10, 0, (number >> 8) as u8, number as u8], 40_000));
    let server = SocketAddr::from(([10, 1, 0, 1], 1883));
    let mut stream = out.open(at(0), client, server).unwrap();
    if PacketType::from_byte1(entry.bytes[0]) != PacketType::CONNECT {
        let connect = Packet::Connect(Connect {
            version: entry.version,
            bridge: false,
            clean_start: true,
            keep_alive: 0,
            properties: Properties::EMPTY,
            client_id: "a",
            will: None,
            username: None,
            password: None,
        });
        let connack = Packet::ConnAck(ConnAck {
            session_present: false,
            code: 0,
            properties: Properties::EMPTY,
        });
        for (from, packet) in [(Side::Client, connect), (Side::Server, connack)] {
            let mut bytes = Vec::new();
            encode(&packet, entry.version, &mut bytes).unwrap();
            out.data(at(1), &mut stream, from, &bytes).unwrap();
        }
    }
    out.data(at(2), &mut stream, entry.from, &entry.bytes)
        .unwrap();
    out.close(at(3), stream, Side::Client).unwrap();
}

#[test]
#[ignore = "needs tshark"]
fn the_right_packets_of_the_corpus_read_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("corpus.pcapng");
    let mut out = CaptureWriter::new(BufWriter::new(File::create(&file).unwrap())).unwrap();
    let entries: Vec<_> = entries()
        .into_iter()
        .filter(|entry| entry.verdict == Verdict::Ok && entry.bytes.len() < 20_000)
        // tshark shows the topic of an alias in place of an empty one.
        .filter(|entry| !entry.name.contains("alias"))
        .collect();
    assert!(entries.len() > 500);
    for (number, entry) in (0..).zip(&entries) {
        write_stream(&mut out, entry, number);
    }
    out.flush().unwrap();
    let (mut ours, mut theirs) = (ours(&file), tshark(&file, &[1883]));
    // The two list streams that end in the same second in another order.
    ours.sort();
    theirs.sort();
    let of = |rows: &[Row], stream: u64| -> Vec<Row> {
        rows.iter().filter(|row| row.0 == stream).cloned().collect()
    };
    let mut failures = Vec::new();
    for (stream, entry) in (0..).zip(&entries) {
        let (ours, theirs) = (of(&ours, stream), of(&theirs, stream));
        if ours != theirs {
            failures.push(format!(
                "{}\n  midge  {ours:?}\n  tshark {theirs:?}",
                entry.name
            ));
        }
    }
    assert!(
        failures.is_empty(),
        "{} packets:\n{}",
        failures.len(),
        failures.join("\n")
    );
}
