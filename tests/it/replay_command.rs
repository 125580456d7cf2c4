//! capture-replay of messages alone, through the built program. What has to be played comes from the
//! reference decodes of the captures, which tshark made.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::client_scripted::Peer;
use crate::interop_client::Mosquitto;
use crate::program::{Ended, Running, midge, run, run_with_input};
use crate::test_broker::TestBroker;

/// Captures that hold MQTT over WebSocket, or MQTT-SN, or in TLS without its keys.
const NOT_TCP: [&str; 4] = [
    "mosq20_tls12.pcap",
    "mosq20_ws_v311.pcap",
    "mosq20_wss_v5_dsb.pcapng",
    "rsmb_mqttsn_1884.pcap",
];

/// The ports of the brokers in the captures.
const SERVERS: [u64; 3] = [1883, 1337, 8883];

/// Topic, QoS and digest of the payload.
type Message = (String, u64, String);

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/captures")
        .join(name)
}

fn file(name: &str) -> String {
    path(name).to_str().unwrap().to_owned()
}

/// Every capture over TCP, plain or in TLS with its keys in the file.
fn captures() -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(path("ref"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .map(|name| name.strip_suffix(".jsonl").unwrap().to_owned())
        .filter(|name| !NOT_TCP.contains(&name.as_str()))
        .collect();
    names.sort();
    assert!(names.len() > 20);
    names
}

/// What is said of a capture.
fn word_of(name: &str) -> &'static str {
    match name {
        "sv_events-missing-connect.pcap" => {
            "midge: stream 0, 127.0.0.1:42514 -> 127.0.0.1:64001, is TLS and the hellos that tell \
             its keys are not in the capture\n"
        }
        _ => "",
    }
}

/// What clients published, as tshark read it. A QoS of 3 is malformed.
fn published(name: &str) -> Vec<Value> {
    let text = fs::read_to_string(path(&format!("ref/{name}.jsonl"))).unwrap();
    text.lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .filter(|packet| {
            packet["name"] == "PUBLISH"
                && SERVERS.contains(&packet["dport"].as_u64().unwrap())
                && packet["qos"].as_u64().unwrap() < 3
        })
        .collect()
}

fn digest(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

/// What has to arrive, sorted.
fn expected(name: &str) -> Vec<Message> {
    let message = |packet: &Value| {
        let topic = match &packet["topic_resolved"] {
            Value::String(topic) => topic,
            _ => packet["topic"].as_str().unwrap(),
        };
        let payload = match &packet["payload_sha256"] {
            Value::String(digest) => digest.clone(),
            _ => digest(b""),
        };
        (topic.to_owned(), packet["qos"].as_u64().unwrap(), payload)
    };
    let mut messages: Vec<_> = published(name).iter().map(message).collect();
    if name == "sv_midstream-split.pcap" {
        // Without CONNECT tshark reads it as 3.1.1 and counts the property length, 00, as the first
        // byte of the payload.
        for message in &mut messages {
            message.2.clear();
        }
    }
    messages.sort();
    messages
}

/// What `midge sub --json` printed, sorted.
fn arrived(name: &str, ended: &Ended) -> Vec<Message> {
    let message = |line: &str| {
        let message: Value = serde_json::from_str(line).unwrap();
        let payload = match &message["payload_hex"] {
            Value::String(text) => hex::decode(text).unwrap(),
            _ => message["payload"].as_str().unwrap().as_bytes().to_vec(),
        };
        let digest = match name {
            "sv_midstream-split.pcap" => String::new(),
            _ => digest(&payload),
        };
        let topic = message["topic"].as_str().unwrap().to_owned();
        (topic, message["qos"].as_u64().unwrap(), digest)
    };
    let mut messages: Vec<_> = ended.text().lines().map(message).collect();
    messages.sort();
    messages
}

/// The one JSON object of the summary.
fn summary(ended: &Ended) -> Value {
    serde_json::from_str(ended.text()).unwrap_or_else(|error| panic!("{error}: {ended:?}"))
}

fn replay_to(port: &str, rest: &[&str]) -> Ended {
    let mut args = vec!["replay", "--json", "-h", "127.0.0.1", "-p", port];
    if !rest.contains(&"--deliveries") {
        args.push("--publishers-only");
    }
    args.extend_from_slice(rest);
    run(&args)
}

/// A subscriber to everything, which ends when `count` messages are there.
fn subscriber(broker: &TestBroker, count: usize) -> Running {
    let (port, count) = (broker.address.port().to_string(), count.to_string());
    let args = [
        "sub",
        "-h",
        "127.0.0.1",
        "-p",
        &port,
        "-t",
        "#",
        "-q",
        "2",
        "--json",
        "-C",
        &count,
    ];
    let running = Running::start(midge(&args));
    broker.wait_for("subscribed");
    running
}

#[test]
fn a_dry_run_counts_what_the_references_have() {
    for name in captures() {
        let expected = published(&name);
        let ended = run(&[
            "capture-replay",
            "--publishers-only",
            "--dry-run",
            "--json",
            &file(&name),
        ]);
        if expected.is_empty() {
            assert_eq!(ended.code(), 1, "{name}");
            assert!(
                ended.stderr.contains("there is no PUBLISH of a client"),
                "{name}: {}",
                ended.stderr
            );
            continue;
        }
        ended.expect(0, word_of(&name));
        let summary = summary(&ended);
        assert_eq!(summary["dry_run"], true);
        assert_eq!(summary["messages"], expected.len(), "{name}");
        let mut clients: Vec<_> = expected.iter().map(|p| p["stream"].as_u64()).collect();
        clients.sort();
        clients.dedup();
        assert_eq!(summary["clients"], clients.len(), "{name}");
        // Seconds with nine digits behind the dot.
        let times = expected.iter().map(|packet| {
            let text = packet["ts"].as_str().unwrap().replace('.', "");
            text.parse::<i64>().unwrap()
        });
        let span = times.clone().max().unwrap() - times.min().unwrap();
        assert_eq!(
            summary["captured_duration"].as_f64().unwrap(),
            span as f64 / 1e9,
            "{name}"
        );
    }
}

#[test]
fn every_captured_message_arrives_once() {
    for name in captures() {
        let expected = expected(&name);
        if expected.is_empty() {
            continue;
        }
        let broker = TestBroker::start();
        let subscriber = subscriber(&broker, expected.len());
        let port = broker.address.port().to_string();
        let ended = replay_to(&port, &["--speed", "max", &file(&name)]);
        ended.expect(0, word_of(&name));
        let summary = summary(&ended);
        assert_eq!(summary["sent"], expected.len(), "{name}");
        let awaited = expected.iter().filter(|message| message.1 > 0).count();
        assert_eq!(summary["acknowledged"], awaited, "{name}");
        assert_eq!(summary["not_sent"], 0);
        assert_eq!(arrived(&name, &subscriber.wait()), expected, "{name}");
    }
}

#[test]
#[ignore = "needs mosquitto"]
fn every_captured_message_arrives_once_by_mosquitto() {
    for name in captures() {
        let expected = expected(&name);
        if expected.is_empty() {
            continue;
        }
        let broker = Mosquitto::start();
        let count = expected.len().to_string();
        let args = ["-t", "#", "-q", "2", "--json", "-C", &count];
        let subscriber = broker.subscribe("everything", &args);
        replay_to(&broker.port, &["--speed", "max", &file(&name)]).expect(0, word_of(&name));
        assert_eq!(arrived(&name, &subscriber.wait()), expected, "{name}");
    }
}

#[test]
fn a_capture_is_played_no_faster_than_asked() {
    let broker = TestBroker::start();
    let port = broker.address.port().to_string();
    for (speed, factor) in [("1", 1.0), ("0.5", 0.5), ("7", 7.0)] {
        let name = "mosq20_v311_lo.pcap";
        let ended = replay_to(&port, &["--speed", speed, &file(name)]);
        ended.expect(0, "");
        let summary = summary(&ended);
        let seconds = |key: &str| summary[key].as_f64().unwrap();
        assert!(
            seconds("duration") >= seconds("captured_duration") / factor,
            "{summary}"
        );
        let lateness = &summary["lateness_ms"];
        assert!(lateness["max"].as_f64() >= lateness["p50"].as_f64());
    }
}

#[test]
fn the_target_has_the_last_word_on_the_version() {
    let broker = TestBroker::start();
    let subscriber = subscriber(&broker, 2);
    let port = broker.address.port().to_string();
    let name = file("sv_mqtt5-pub-mosquittoprops.pcap");
    let dropped = |ended: &Ended| {
        ended.expect(0, "");
        summary(ended)["properties_dropped"].as_u64()
    };
    // The topic alias (35) is no loss.
    let published = published("sv_mqtt5-pub-mosquittoprops.pcap");
    let properties = published[0]["props"].as_array().unwrap().iter();
    let properties = properties.filter(|property| property["id"] != 35).count();
    assert!(properties > 3);
    assert_eq!(dropped(&replay_to(&port, &[&name])), Some(0));
    assert_eq!(
        dropped(&replay_to(&port, &["-V", "311", &name])),
        Some(properties as u64)
    );
    let ended = subscriber.wait();
    let user_properties: Vec<bool> = ended
        .text()
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .map(|message| message["properties"]["user_property"].is_array())
        .collect();
    assert_eq!(user_properties, [true, false]);
}

#[test]
fn a_capture_comes_from_a_pipe_as_well() {
    let broker = TestBroker::start();
    let expected = expected("mosq21_v5_alias.pcap");
    let subscriber = subscriber(&broker, expected.len());
    let port = broker.address.port().to_string();
    let bytes = fs::read(path("mosq21_v5_alias.pcap")).unwrap();
    let args = [
        "replay",
        "--publishers-only",
        "-h",
        "127.0.0.1",
        "-p",
        &port,
        "--speed",
        "max",
        "-",
    ];
    run_with_input(&args, &bytes).expect(0, "");
    assert_eq!(arrived("", &subscriber.wait()), expected);
}

#[test]
fn a_pipe_that_stays_open_is_played_as_it_grows() {
    let broker = TestBroker::start();
    let expected = expected("mosq20_v311_lo.pcap");
    let subscriber = subscriber(&broker, expected.len());
    let port = broker.address.port().to_string();
    let args = [
        "replay",
        "--publishers-only",
        "-h",
        "127.0.0.1",
        "-p",
        &port,
        "-",
    ];
    let mut replay = Running::start(midge(&args));
    let bytes = fs::read(path("mosq20_v311_lo.pcap")).unwrap();
    replay.stdin().write_all(&bytes).unwrap();
    // Everything is there although stdin has not ended.
    assert_eq!(arrived("", &subscriber.wait()), expected);
    replay.wait().expect(0, "");
}

#[test]
fn a_cut_capture_is_played_up_to_the_cut() {
    let broker = TestBroker::start();
    let dir = tempfile::tempdir().unwrap();
    let cut = dir.path().join("cut.pcap");
    let bytes = fs::read(path("zeek_mqtt.pcap")).unwrap();
    fs::write(&cut, &bytes[..bytes.len() - 10]).unwrap();
    let cut = cut.to_str().unwrap();
    let ended = replay_to(&broker.address.port().to_string(), &[cut]);
    assert_eq!(ended.code(), 1);
    assert_eq!(summary(&ended)["sent"], 1);
    assert!(
        ended
            .stderr
            .starts_with(&format!("midge: {cut}: the capture is cut: "))
            && ended.stderr.ends_with("; what came before it was played\n"),
        "{}",
        ended.stderr
    );
}

#[test]
fn what_is_no_capture_is_said() {
    let not = file("README.md");
    run(&["replay", &not]).expect(
        1,
        &format!(
            "midge: {not}: not a pcap or pcapng capture: it begins with 2320436170747572; \
             nothing was played\n"
        ),
    );
    let ended = run(&["replay", "no/such/file.pcap"]);
    assert_eq!(ended.code(), 1);
    assert!(
        ended
            .stderr
            .starts_with("midge: cannot read no/such/file.pcap: ")
    );
    let tls = file("mosq20_tls12.pcap");
    run(&["replay", &tls]).expect(
        1,
        &format!(
            "midge: stream 0, 127.0.0.1:42403 -> 127.0.0.1:8883, is TLS 1.2 \
             (TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384) and its keys are not known: give --keylog FILE\n\
             midge: stream 2, 127.0.0.1:55969 -> 127.0.0.1:8883, is TLS 1.2 \
             (TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384) and its keys are not known: give --keylog FILE\n\
             midge: {tls}: there is no client of MQTT to play in 239 frames with 4 TCP \
             connections, 0 of them with MQTT\n"
        ),
    );
}

#[test]
fn another_machine_is_played_to_only_if_asked() {
    let capture = file("zeek_mqtt.pcap");
    // Addresses for documentation: nobody is there.
    run(&["replay", "-h", "192.0.2.1", &capture]).expect(
        2,
        "midge: 192.0.2.1:1883 is not on this machine (192.0.2.1): give --yes to play the capture \
         there, or --dry-run to see what would be played\n",
    );
    assert_eq!(run(&["replay", "-h", "2001:db8::1", &capture]).code(), 2);
    assert_eq!(
        run(&["replay", "-h", "192.0.2.1", "--dry-run", &capture]).code(),
        0
    );
    // As far as trying, which nobody answers.
    let args = ["-h", "192.0.2.1", "--yes", "--connect-timeout", "100ms"];
    let ended = run(&[&["replay"], &args[..], &[&capture]].concat());
    assert_eq!(ended.code(), 3, "{ended:?}");
}

#[test]
fn wrong_usage_is_one_sentence() {
    for (args, sentence) in [
        (
            &["--speed", "0"][..],
            "--speed takes a number above 0 as in 10 or 0.5, or max, not '0'",
        ),
        (&["-V", "6"], "'6' is not an MQTT version; use 5, 311 or 31"),
        (
            &["-L", "mqtt://localhost/topic"],
            "the topics come from the capture: give -L without one",
        ),
    ] {
        run(&[&["replay", "x.pcap"], args].concat()).expect(2, &format!("midge: {sentence}\n"));
    }
}

#[test]
fn a_broker_that_is_not_there_ends_it() {
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .unwrap()
        .port()
        .to_string();
    let ended = replay_to(&port, &[&file("mosq20_v311_lo.pcap")]);
    assert_eq!(ended.code(), 3);
    let summary = summary(&ended);
    assert_eq!(
        (&summary["sent"], &summary["not_sent"]),
        (&0.into(), &47.into())
    );
    assert!(ended.stderr.starts_with(&format!(
        "midge: could not connect to 127.0.0.1:{port}: Connection refused"
    )));
}

#[test]
fn a_refused_connection_is_the_reason_code() {
    let peer = Peer::after(b"\x20\x03\x00\x87\x00", |connection| {
        connection.expect_end()
    });
    let ended = replay_to(&peer.port, &[&file("sv_mqtt5-pub-qos2.pcap")]);
    assert_eq!(ended.code(), 135, "{ended:?}");
    assert!(ended.stderr.contains("0x87 Not authorized"));
    peer.finish();
}

#[test]
fn a_refused_message_is_counted_and_is_the_reason_code() {
    let peer = Peer::after(b"\x20\x03\x00\x00\x00", |connection| {
        let publish = connection.packet();
        assert_eq!(publish[0], 0x34);
        // PUBREC, packet identifier 1 as the first of its connection, 0x97.
        connection.send(b"\x50\x03\x00\x01\x97");
        connection.expect(b"\xe0\x00");
        connection.expect_end();
    });
    let ended = replay_to(&peer.port, &[&file("sv_mqtt5-pub-qos2.pcap")]);
    ended.expect(
        151,
        "midge: the broker refused a message: 0x97 Quota exceeded\n",
    );
    let summary = summary(&ended);
    assert_eq!(
        summary["refused"],
        serde_json::json!([{"reason_code": 151, "reason": "Quota exceeded", "count": 1}])
    );
    assert_eq!(summary["unacknowledged"], 0);
    peer.finish();
}

#[test]
fn a_connection_lost_in_the_middle_ends_it() {
    let peer = Peer::after(b"\x20\x02\x00\x00", |connection| {
        connection.packet();
    });
    let ended = replay_to(&peer.port, &["--speed", "10", &file("riskyduha_mqtt.pcap")]);
    assert_eq!(ended.code(), 4, "{ended:?}");
    let summary = summary(&ended);
    assert_eq!(summary["failed_connections"], 1);
    let number = |key: &str| summary[key].as_u64().unwrap();
    assert_eq!(number("sent") + number("not_sent"), number("messages"));
    assert!(number("sent") >= 1 && number("not_sent") >= 1, "{summary}");
    peer.finish();
}

#[cfg(unix)]
#[test]
fn an_interrupted_replay_says_how_far_it_came() {
    let broker = TestBroker::start();
    let subscriber = subscriber(&broker, 1);
    let port = broker.address.port().to_string();
    let capture = file("riskyduha_mqtt.pcap");
    let args = [
        "replay",
        "--publishers-only",
        "--json",
        "-h",
        "127.0.0.1",
        "-p",
        &port,
        &capture,
    ];
    let replay = Running::start(midge(&args));
    assert_eq!(subscriber.wait().code(), 0);
    replay.signal(rustix::process::Signal::INT);
    let ended = replay.wait();
    ended.expect(130, "");
    let summary = summary(&ended);
    let sent = summary["sent"].as_u64().unwrap();
    assert!((1..165).contains(&sent), "{summary}");
}

#[test]
fn sessions_do_not_take_each_other_over() {
    let broker = TestBroker::start();
    let port = broker.address.port().to_string();
    for id in [&[][..], &["-i", "again"]] {
        // Five clients, none of which leaves before the end.
        let capture = file("arkime_mqtt_synthetic.pcap");
        let ended = replay_to(&port, &[id, &["--speed", "max", &capture]].concat());
        ended.expect(0, "");
        let summary = summary(&ended);
        let number = |key: &str| summary[key].as_u64().unwrap();
        assert_eq!((number("clients"), number("sent")), (5, 8));
        assert_eq!(number("failed_connections"), 0);
    }
}

/// What `midge sub --record` has written is played as messages of a client, without the subscription
/// identifier that only servers may send.
#[test]
fn what_a_subscriber_recorded_is_played() {
    let folder = tempfile::tempdir().unwrap();
    let recording = folder.path().join("received.pcapng");
    let recording = recording.to_str().unwrap();
    let messages = [
        ("a/0", "0", "none"),
        ("a/1", "1", "one"),
        ("a/2", "2", "two"),
    ];
    {
        let broker = TestBroker::start();
        let port = broker.address.port().to_string();
        let subscriber = Running::start(midge(&[
            "sub",
            "-h",
            "127.0.0.1",
            "-p",
            &port,
            "-t",
            "a/#",
            "-q",
            "2",
            "-C",
            "3",
            "-D",
            "subscribe",
            "subscription-identifier",
            "7",
            "--record",
            recording,
        ]));
        broker.wait_for("subscribed");
        for (topic, qos, payload) in messages {
            let args = [
                "pub",
                "-h",
                "127.0.0.1",
                "-p",
                &port,
                "-t",
                topic,
                "-q",
                qos,
                "-m",
                payload,
            ];
            run(&args).expect(0, "");
        }
        subscriber.wait().expect(0, "");
    }
    for extra in [&[][..], &["--deliveries"]] {
        let broker = TestBroker::start();
        let port = broker.address.port().to_string();
        let all = subscriber(&broker, messages.len());
        let args = [
            "replay",
            "--json",
            "-h",
            "127.0.0.1",
            "-p",
            &port,
            recording,
        ];
        let replay = run(&[&args, extra].concat());
        let note = format!(
            "midge: {recording}: no client publishes in it: what servers delivered is played\n"
        );
        replay.expect(0, if extra.is_empty() { &note } else { "" });
        assert_eq!(summary(&replay)["acknowledged"], 2);
        let mut expected = messages.map(|(topic, qos, payload)| {
            (
                topic.to_owned(),
                qos.parse().unwrap(),
                digest(payload.as_bytes()),
            )
        });
        expected.sort();
        assert_eq!(arrived("", &all.wait()), expected);
    }
    // Nothing to go back to on a pipe: it says what would play it.
    let piped = run_with_input(
        &["capture-replay", "--publishers-only", "--dry-run", "-"],
        &fs::read(recording).unwrap(),
    );
    assert_eq!(piped.code(), 1);
    assert!(
        piped
            .stderr
            .ends_with("; --deliveries plays what servers delivered\n")
    );
}

/// What gateways delivered is played as what clients published is: names of topics and all.
#[test]
fn what_gateways_of_mqtt_sn_delivered_is_played() {
    let broker = TestBroker::start();
    let name = "rsmb_mqttsn_1884.pcap";
    let lines = run(&[
        "decode",
        "--json",
        "--type",
        "PUBLISH",
        "--from",
        "server",
        &file(name),
    ]);
    let delivered = lines
        .text()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap());
    let delivered: Vec<Value> = delivered
        .filter(|packet: &Value| packet["dup"] != true)
        .collect();
    assert!(delivered.len() > 5);
    let subscriber = subscriber(&broker, delivered.len());
    let port = broker.address.port().to_string();
    let ended = replay_to(&port, &["--deliveries", "--speed", "max", &file(name)]);
    ended.expect(0, "");
    assert_eq!(summary(&ended)["sent"], delivered.len());
    let mut expected: Vec<String> = delivered
        .iter()
        .map(|packet| match packet["payload"].as_str() {
            Some(text) => digest(text.as_bytes()),
            None => digest(&hex::decode(packet["payload_hex"].as_str().unwrap()).unwrap()),
        })
        .collect();
    expected.sort();
    let mut got: Vec<_> = arrived("", &subscriber.wait())
        .into_iter()
        .map(|m| m.2)
        .collect();
    got.sort();
    assert_eq!(got, expected);
}
