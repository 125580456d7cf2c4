//! `--write`: what is written is read like the capture that it comes from.

use std::fs;

use midge::capture::{CaptureWriter, Timestamp};
use midge::mqtt::Side;
use serde_json::Value;
use tempfile::TempDir;

use crate::files;
use crate::program::{Ended, midge, run, run_with_input};

fn captures() -> Vec<String> {
    files::captures()
        .iter()
        .map(|path| path.display().to_string())
        .collect()
}

fn capture(name: &str) -> String {
    format!("{}/tests/captures/{name}", env!("CARGO_MANIFEST_DIR"))
}

fn decode(flags: &[&str], capture: &str) -> Ended {
    run(&[&["decode"], flags, &[capture]].concat())
}

fn objects(json: &[u8]) -> Vec<Value> {
    let json = std::str::from_utf8(json).unwrap();
    json.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// The packets, without what counts frames and connections.
fn packets(flags: &[&str], capture: &str) -> Vec<Value> {
    let mut all = objects(&decode(&[&["--json"], flags].concat(), capture).stdout);
    all.retain(|object| object.get("type").is_some());
    for object in &mut all {
        let object = object.as_object_mut().unwrap();
        object.retain(|key, _| !["frame", "stream", "time"].contains(&key.as_str()));
    }
    all
}

/// Version and how it is known, topics that aliases and ids stand for, all of it.
#[test]
fn what_is_selected_reads_the_same() {
    let folder = TempDir::new().unwrap();
    let target = folder.path().join("part.pcapng").display().to_string();
    let keys = capture("mosq20_tls12.keys");
    for source in captures() {
        let log = match source.contains("tls12") {
            true => &["--keylog", keys.as_str()][..],
            false => &[],
        };
        for types in ["PUBLISH", "SUBACK", "DISCONNECT", "PUBACK,PUBREC"] {
            let flags = [log, &["--type", types]].concat();
            let before = packets(&flags, &source);
            if before.is_empty() {
                continue;
            }
            let written = decode(
                &[&["--write", target.as_str()], &flags[..]].concat(),
                &source,
            );
            assert_eq!(written.code(), 0, "{}", written.stderr);
            let after = packets(&flags, &target);
            for packet in before {
                assert!(
                    after.contains(&packet),
                    "{source} {types}: {packet} of {after:#?}"
                );
            }
        }
    }
}

/// The secrets stand in the file, and no key log is given.
#[test]
fn secrets_come_along_where_they_are_needed() {
    let folder = TempDir::new().unwrap();
    let target = folder.path().join("part.pcapng").display().to_string();
    let has_secrets = || {
        let bytes = fs::read(&target).unwrap();
        bytes
            .windows(14)
            .any(|text| text == b"CLIENT_RANDOM " || text == b"CLIENT_TRAFFIC")
    };
    for source in ["mosq20_wss_v5_dsb.pcapng", "mosq21_tls13_v5_dsb.pcapng"] {
        decode(
            &["--type", "SUBSCRIBE", "--write", &target],
            &capture(source),
        );
        assert!(has_secrets(), "{source}");
        assert!(!packets(&["--type", "SUBSCRIBE"], &target).is_empty());
        // Nothing of TLS is wanted.
        decode(
            &["--type", "RESERVED", "--write", &target],
            &capture(source),
        );
        assert!(!has_secrets(), "{source}");
    }
}

const CONNECT: &[u8] = b"\x10\x0d\0\x04MQTT\x04\x02\0\0\0\x01c";
const CONNACK: &[u8] = b"\x20\x02\0\0";
const PINGREQ: &[u8] = b"\xc0\0";
const PINGRESP: &[u8] = b"\xd0\0";
/// QoS 1, topic "t", packet identifier 7; nobody answers.
const PUBLISH: &[u8] = b"\x32\x06\0\x01t\0\x07x";
const DISCONNECT: &[u8] = b"\xe0\0";

/// One connection: each packet is in a frame of its own, a second after the one before.
fn talk() -> Vec<u8> {
    let mut file = Vec::new();
    let mut writer = CaptureWriter::new(&mut file).unwrap();
    let at = |second: i64| Timestamp {
        nanos: second * 1_000_000_000,
        digits: 9,
    };
    let (client, server) = ("10.0.0.1:40000", "10.0.0.2:1883");
    let mut stream = writer
        .open(at(0), client.parse().unwrap(), server.parse().unwrap())
        .unwrap();
    // Frames 1 to 3 open the connection.
    for (frame, (side, bytes)) in [
        (Side::Client, CONNECT),
        (Side::Server, CONNACK),
        (Side::Client, PUBLISH),
        (Side::Client, PINGREQ),
        (Side::Server, PINGRESP),
    ]
    .into_iter()
    .enumerate()
    {
        writer
            .data(at(frame as i64 + 1), &mut stream, side, bytes)
            .unwrap();
    }
    writer
        .data(at(20), &mut stream, Side::Client, DISCONNECT)
        .unwrap();
    writer.close(at(20), stream, Side::Client).unwrap();
    file
}

/// Behind a header of the PROXY protocol, in one frame with it or not.
#[test]
fn what_a_proxy_put_in_front_comes_along() {
    let folder = TempDir::new().unwrap();
    let source = folder.path().join("talk.pcapng").display().to_string();
    let target = folder.path().join("part.pcapng").display().to_string();
    let header = b"PROXY TCP4 10.0.0.9 10.0.0.2 5000 1883\r\n";
    for first in [
        vec![&header[..], CONNECT],
        vec![&[header, CONNECT].concat()],
    ] {
        let mut file = Vec::new();
        let mut writer = CaptureWriter::new(&mut file).unwrap();
        let at = Timestamp {
            nanos: 1,
            digits: 9,
        };
        // A port that says nothing.
        let (client, server) = ("10.0.0.1:40000", "10.0.0.2:9999");
        let mut stream = writer
            .open(at, client.parse().unwrap(), server.parse().unwrap())
            .unwrap();
        for bytes in first {
            writer.data(at, &mut stream, Side::Client, bytes).unwrap();
        }
        writer.data(at, &mut stream, Side::Server, CONNACK).unwrap();
        for _ in 0..40 {
            writer.data(at, &mut stream, Side::Client, PINGREQ).unwrap();
            writer
                .data(at, &mut stream, Side::Server, PINGRESP)
                .unwrap();
        }
        writer.data(at, &mut stream, Side::Client, PUBLISH).unwrap();
        fs::write(&source, file).unwrap();
        decode(&["--type", "PUBLISH", "--write", &target], &source);
        let flags = ["--type", "PUBLISH"];
        assert_eq!(packets(&flags, &target), packets(&flags, &source));
        let types: Vec<_> = packets(&[], &target)
            .iter()
            .map(|p| p["type"].clone())
            .collect();
        assert_eq!(types, ["CONNECT", "CONNACK", "PUBLISH"]);
    }
}

/// That nobody answers shows when the connection is over, and the PUBLISH is written then.
#[test]
fn what_is_found_later_is_written() {
    let folder = TempDir::new().unwrap();
    let source = folder.path().join("talk.pcapng").display().to_string();
    let target = folder.path().join("part.pcapng").display().to_string();
    fs::write(&source, talk()).unwrap();
    let ended = decode(
        &["--lint=info", "--violations-only", "--write", &target],
        &source,
    );
    assert!(ended.text().contains("got no PUBACK"), "{ended:?}");
    let types: Vec<_> = packets(&[], &target)
        .iter()
        .map(|p| p["type"].clone())
        .collect();
    assert_eq!(types, ["CONNECT", "CONNACK", "PUBLISH"]);
}

/// What got no answer is where the finding is: its frame, its moment, its sender.
#[test]
fn a_missing_answer_is_found_where_it_was_asked_for() {
    let folder = TempDir::new().unwrap();
    let source = folder.path().join("talk.pcapng").display().to_string();
    fs::write(&source, talk()).unwrap();
    let lines = decode(&["--lint=info", "--lines"], &source);
    let line = lines
        .text()
        .lines()
        .find(|line| line.contains("got no PUBACK"))
        .unwrap();
    assert!(
        line.starts_with("     6     2.000000000  [0]  c                     →  "),
        "{line}"
    );
    let json = decode(&["--lint=info", "--json"], &source);
    let all = objects(&json.stdout);
    let finding = all
        .iter()
        .find(|object| object["record"] == "finding")
        .unwrap();
    for (key, value) in [
        ("frame", Value::from(6)),
        ("time", "1970-01-01T00:00:03.000000000Z".into()),
        ("stream", 0.into()),
        ("src", "10.0.0.1:40000".into()),
        ("dst", "10.0.0.2:1883".into()),
        ("from", "client".into()),
        ("protocol", "mqtt".into()),
    ] {
        assert_eq!(finding[key], value, "{key} of {finding}");
    }
}

#[test]
fn from_and_to_a_pipe() {
    let source = capture("mosq20_v5_ip6.pcap");
    let folder = TempDir::new().unwrap();
    let target = folder.path().join("part.pcapng").display().to_string();
    let select = ["--type", "SUBSCRIBE"];
    decode(
        &[&["--write", target.as_str()], &select[..]].concat(),
        &source,
    );
    let wanted = fs::read(&target).unwrap();
    let to_stdout = decode(&[&["--write", "-"], &select[..]].concat(), &source);
    assert_eq!((to_stdout.code(), &to_stdout.stdout), (0, &wanted));
    assert_eq!(to_stdout.stderr, "midge: stdout: 5 of 229 frames\n");
    let both = run_with_input(
        &[&["decode", "--write", "-"], &select[..]].concat(),
        &fs::read(&source).unwrap(),
    );
    assert_eq!((both.code(), &both.stdout), (0, &wanted));
    // Nowhere to keep a copy.
    let mut command = midge(&["decode", "--write", &target]);
    command
        .env("TMPDIR", "/nowhere")
        .stdin(fs::File::open(&source).unwrap());
    let ended = command.output().unwrap();
    assert_eq!(ended.status.code(), Some(1));
    assert_eq!(
        String::from_utf8(ended.stderr).unwrap(),
        "midge: --write reads the capture twice, and no copy of stdin can be kept in /nowhere: No \
         such file or directory (os error 2)\n"
    );
}
