//! The broker's faults over real sockets, with midge's own clients and exact counts.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::program::{Ended, Running, midge};

/// `midge broker --port 0 --log json --fault FAULT... ARGUMENTS -- sh -c SCRIPT` to its end.
fn around(faults: &[&str], arguments: &[&str], script: &str) -> Ended {
    let mut command = midge(&["broker", "--port", "0", "--log", "json"]);
    for fault in faults {
        command.args(["--fault", fault]);
    }
    command.args(arguments).args(["--", "sh", "-c", script]);
    Running::start(command).wait()
}

/// What the log says of faults: rule and deed.
fn struck(ended: &Ended) -> Vec<(u64, String)> {
    ended
        .stderr
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        // midge asks a broker that says nothing whether it speaks TLS, without a client id.
        .filter(|event| event["event"] == "fault" && event["client_id"] != "")
        .map(|event| {
            let rule = event["rule"].as_u64().unwrap();
            (rule, event["do"].as_str().unwrap().to_owned())
        })
        .collect()
}

/// A script in which a subscriber gets what a publisher sends, the numbers 1 to `count`, QoS 0.
fn numbers(count: u64, subscribe: &str) -> String {
    format!(
        "mkfifo r; midge sub -i s -t t --ready-fd 3 {subscribe} > out 3> r & read _ < r; \
         seq {count} | midge pub -i p -t t -l; wait; tr '\\n' ' ' < out"
    )
}

/// Runs the script in a folder of its own.
fn in_folder(faults: &[&str], arguments: &[&str], script: &str) -> Ended {
    let folder = tempfile::tempdir().unwrap();
    let script = format!("cd {}; {script}", folder.path().display());
    around(faults, arguments, &script)
}

#[test]
fn messages_are_lost_doubled_and_out_of_order() {
    let faults = [
        "on=publish dir=out client=s nth=3 do=drop",
        "on=publish dir=out client=s nth=4 do=duplicate",
        "on=publish dir=out client=s nth=6 do=reorder 2",
    ];
    // Each rule counts all of them.
    let ended = in_folder(&faults, &[], &numbers(10, "-C 10"));
    assert_eq!(ended.text(), "1 2 4 4 5 7 8 6 9 10 ", "{}", ended.stderr);
    let expected = [(1, "drop"), (2, "duplicate"), (3, "reorder")];
    assert_eq!(struck(&ended), expected.map(|(n, deed)| (n, deed.into())));
}

#[test]
fn every_third_message_is_lost_at_most_twice() {
    let fault = "on=publish dir=in topic=t every=3 count=2 do=drop";
    let ended = in_folder(&[fault], &[], &numbers(10, "-C 8"));
    assert_eq!(ended.text(), "1 2 4 5 7 8 9 10 ", "{}", ended.stderr);
}

#[test]
fn the_same_seed_loses_the_same_messages() {
    let run = |seed: &str| {
        let fault = "on=publish dir=in p=0.3 do=drop";
        let script = "seq 100 | midge pub -t t -l";
        let arguments = ["--seed", seed, "--expect", "t == 100"];
        let ended = in_folder(&[fault], &arguments, script);
        assert_eq!(ended.code(), 5);
        let last = ended.stderr.lines().last().unwrap().to_owned();
        (last, struck(&ended).len())
    };
    let (sentence, lost) = run("7");
    assert_eq!(run("7"), (sentence.clone(), lost));
    let got = 100 - lost;
    assert!(
        sentence.ends_with(&format!("clients published {got} messages")),
        "{sentence}"
    );
    // Six standard deviations of 4.6.
    assert!((3..=58).contains(&lost), "{lost}");
}

#[test]
fn a_lost_puback_is_made_up_for_after_a_reconnect() {
    let faults = [
        "on=puback client=p nth=1 do=drop",
        "on=pingreq client=p nth=1 do=close",
    ];
    // The broker takes the message twice: QoS 1 is at least once.
    let script = "midge pub -i p -V 311 -c -k 1 -q 1 -t t -m x --retry 30s";
    let ended = around(&faults, &["--expect", "t == 2"], script);
    assert_eq!(ended.code(), 0, "{}", ended.stderr);
    let expected = [(1, "drop".to_owned()), (2, "close".to_owned())];
    assert_eq!(struck(&ended), expected);
}

#[test]
fn codes_reach_the_client() {
    for (fault, script, code) in [
        (
            "on=connect do=refuse 0x88",
            "midge pub -V 5 -t t -m x",
            0x88,
        ),
        // 3.1.1: server unavailable is 3.
        (
            "on=connect do=refuse 0x88",
            "midge pub -V 311 -t t -m x",
            0x88,
        ),
        (
            "on=publish do=refuse 0x97",
            "midge pub -V 5 -q 1 -t t -m x",
            0x97,
        ),
        (
            "on=publish do=refuse 0x97",
            "midge pub -V 5 -q 2 -t t -m x",
            0x97,
        ),
        (
            "on=puback do=refuse 0x99",
            "midge pub -V 5 -q 1 -t t -m x",
            0x99,
        ),
        (
            "on=subscribe do=refuse 0x87",
            "midge sub -V 5 -t t -C 1",
            0x87,
        ),
        ("on=suback do=refuse 0x9e", "midge sub -V 5 -t t -C 1", 0x9e),
        (
            "on=subscribe do=disconnect 0x8b",
            "midge sub -V 5 -t t -C 1",
            0x8b,
        ),
    ] {
        let ended = around(&[fault], &[], script);
        assert_eq!(ended.code(), code, "{fault}: {}", ended.stderr);
    }
}

#[test]
fn connections_break() {
    for (fault, code) in [
        // Before CONNACK there is no connection; after it, clients published one.
        ("on=connect do=close", 3),
        ("on=connack do=cut 2", 3),
        ("on=puback do=close", 4),
        ("on=puback do=cut after 1 bytes", 4),
        ("on=publish dir=in do=close", 4),
    ] {
        let ended = around(&[fault], &[], "midge pub -i p -V 5 -q 1 -t t -m x");
        assert_eq!(ended.code(), code, "{fault}: {}", ended.stderr);
        assert_eq!(struck(&ended).len(), 1, "{fault}");
    }
}

#[test]
fn a_stalled_connection_runs_into_the_clients_time_out() {
    let fault = "on=puback do=stall";
    let ended = around(&[fault], &[], "midge pub -V 5 -q 1 -t t -m x -W 1");
    assert_eq!(ended.code(), 27, "{}", ended.stderr);
}

#[test]
fn a_corrupt_packet_has_one_bit_turned() {
    let arguments = ["--fault", "on=publish dir=out nth=1 do=corrupt"];
    let (running, port, _folder) = alone(&arguments);
    let mut stream = connect(port);
    // SUBSCRIBE 1 to "t", QoS 0; PUBLISH 16 bytes to oneself, twice.
    stream.write_all(b"\x82\x06\x00\x01\x00\x01t\x00").unwrap();
    stream.read_exact(&mut [0; 5]).unwrap();
    let publish = b"\x30\x13\x00\x01t0123456789abcdef";
    for turned in [1, 0] {
        stream.write_all(publish).unwrap();
        let mut back = [0; 21];
        stream.read_exact(&mut back).unwrap();
        let bits = back.iter().zip(publish).map(|(a, b)| (a ^ b).count_ones());
        assert_eq!(bits.sum::<u32>(), turned);
        assert_eq!(back[..2], publish[..2]);
    }
    drop(stream);
    running.wait().expect(0, "");
}

/// A broker around nothing, its port, and what ends it.
fn alone(arguments: &[&str]) -> (Running, u16, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let ready = folder.path().join("port");
    let script = format!(
        "echo $MQTT_PORT > {0}.tmp; mv {0}.tmp {0}; cat",
        ready.display()
    );
    let mut command = midge(&["broker", "--port", "0"]);
    command.args(arguments).args(["--", "sh", "-c", &script]);
    let running = Running::start(command);
    let port = loop {
        if let Ok(port) = std::fs::read_to_string(&ready) {
            break port.trim().parse().unwrap();
        }
        std::thread::yield_now();
    };
    (running, port, folder)
}

/// CONNECT 3.1.1, client "a".
const CONNECT: &[u8] = b"\x10\x0d\x00\x04MQTT\x04\x02\x00\x00\x00\x01a";

fn connect(port: u16) -> TcpStream {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(30)))
        .unwrap();
    stream.write_all(CONNECT).unwrap();
    let mut connack = [0; 4];
    stream.read_exact(&mut connack).unwrap();
    assert_eq!(connack, *b"\x20\x02\x00\x00");
    stream
}

#[test]
fn latency_is_felt_both_ways_and_loses_nothing() {
    let arguments = ["--latency", "50ms+-10ms", "--expect", "t == 100"];
    let (running, port, _folder) = alone(&arguments);
    let started = Instant::now();
    let mut stream = connect(port);
    // There and back.
    assert!(started.elapsed() >= Duration::from_millis(80));
    let started = Instant::now();
    stream.write_all(b"\xc0\x00").unwrap();
    stream.read_exact(&mut [0; 2]).unwrap();
    assert!(started.elapsed() >= Duration::from_millis(80));
    // Gone before the broker has them.
    let publishes = b"\x30\x04\x00\x01tx".repeat(100);
    stream.write_all(&publishes).unwrap();
    stream.write_all(b"\xe0\x00").unwrap();
    drop(stream);
    running.wait().expect(0, "");
}

#[test]
fn a_slow_network_takes_its_time() {
    let (running, port, _folder) = alone(&["--slow", "100KB/s"]);
    let mut stream = connect(port);
    // SUBSCRIBE 1 to "t", QoS 0.
    stream.write_all(b"\x82\x06\x00\x01\x00\x01t\x00").unwrap();
    stream.read_exact(&mut [0; 5]).unwrap();
    // 20,000 bytes to oneself: 0.2 s there, and most of it at the same time back.
    let mut publish = b"\x30\xa0\x9c\x01\x00\x01t".to_vec();
    publish.resize(20_004, b'x');
    let started = Instant::now();
    stream.write_all(&publish).unwrap();
    let mut back = vec![0; publish.len()];
    stream.read_exact(&mut back).unwrap();
    assert!(back == publish);
    let took = started.elapsed();
    assert!(took >= Duration::from_millis(350), "{took:?}");
    drop(stream);
    running.wait().expect(0, "");
}

#[test]
fn a_will_goes_out_when_a_rule_breaks_the_connection() {
    let script = "midge sub -i w -t x -W 10 --will-topic w --will-payload gone; true";
    let fault = "on=subscribe client=w do=close";
    let ended = around(&[fault], &["--expect-payload", "w=gone"], script);
    assert_eq!(ended.code(), 0, "{}", ended.stderr);
}

#[test]
fn a_wrong_rule_is_shown_as_it_was_typed() {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_midge"))
        .args(["broker", "--fault", r#"on=publish topic="a/b" dp='x'"#])
        .output()
        .unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    let start = r#"midge: --fault 'on=publish topic="a/b" dp='x'': "#;
    assert!(stderr.starts_with(start), "{stderr}");
}
