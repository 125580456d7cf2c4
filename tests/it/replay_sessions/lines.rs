//! JSON lines as input: what they lack, and what is made of it.

use std::io::Write;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::Value;

use super::stage::Broker;
use super::summary;
use crate::program::{Ended, run, run_with_input};

/// Lines of packets of 5.0: second, connection, sender and the other keys.
fn lines(packets: &[(u32, u32, &str, &str)]) -> String {
    let line = |(second, stream, from, keys): &(u32, u32, &str, &str)| {
        format!(
            r#"{{"time":"2026-01-01T00:{:02}:{:02}Z","stream":{stream},"from":"{from}","version":"5.0",{keys}}}"#,
            second / 60,
            second % 60
        ) + "\n"
    };
    packets.iter().map(line).collect()
}

const CONNECT: &str = r#""type":"CONNECT","client_id":"c","clean_start":true"#;
const CONNACK: &str = r#""type":"CONNACK","reason_code":0"#;
const PUBLISH: &str = r#""type":"PUBLISH","topic":"t","payload":"x""#;

fn file(folder: &Path, packets: &[(u32, u32, &str, &str)]) -> String {
    let path = folder.join("x.jsonl");
    std::fs::write(&path, lines(packets)).unwrap();
    path.to_str().unwrap().to_owned()
}

fn embedded(flags: &[&str]) -> Ended {
    let common = ["capture-replay", "--embedded", "--speed", "max"];
    run(&[&common, flags].concat())
}

#[test]
fn where_nothing_can_be_compared_the_verdict_is_no() {
    let folder = tempfile::tempdir().unwrap();
    let file = file(folder.path(), &[(0, 0, "client", PUBLISH)]);
    let ended = embedded(&["--verify", &file]);
    ended.expect(
        5,
        "midge: nothing could be verified: the capture has no answer to what is played\n",
    );
    assert!(ended.text().ends_with("verdict: nothing was compared\n"));
    // A broker that is not there comes first.
    let args = [
        "capture-replay",
        "--verify",
        "--host",
        "127.0.0.1",
        "-p",
        "1",
        &file,
    ];
    assert_eq!(run(&args).code(), 3);
    // A difference is one of the things that were compared.
    let packets = [
        (0, 0, "client", CONNECT),
        (0, 0, "server", r#""type":"CONNACK","reason_code":135"#),
    ];
    let file = self::file(folder.path(), &packets);
    let ended = embedded(&["--verify", &file]);
    assert_eq!(ended.code(), 5);
    let text = ended.text();
    assert!(
        text.ends_with("verdict: 1 difference of 1 answer compared\n"),
        "{text}"
    );
}

#[test]
fn a_plan_is_not_verified() {
    let ended = run(&["capture-replay", "--dry-run", "--verify", "x"]);
    assert_eq!(ended.code(), 2);
    assert!(
        ended.stderr.contains("cannot be used with") && ended.stderr.contains("--verify"),
        "{}",
        ended.stderr
    );
}

/// The lines have no passwords.
#[test]
fn a_password_is_for_the_captured_user_names() {
    let folder = tempfile::tempdir().unwrap();
    let users = folder.path().join("users");
    let users = users.to_str().unwrap();
    run(&["broker", "passwd", "-c", "-b", users, "alice", "secret"]).expect(0, "");
    let broker = Broker::start(&["--password-file", users]);
    let port = broker.port.to_string();
    for version in ["3.1.1", "5.0"] {
        let connect = format!(r#"{CONNECT},"username":"alice""#);
        let packets = [(0, 0, "client", &*connect), (0, 0, "server", CONNACK)];
        let file = file(folder.path(), &packets);
        let text = std::fs::read_to_string(&file).unwrap();
        std::fs::write(&file, text.replace("5.0", version)).unwrap();
        let args = [
            "capture-replay",
            &file,
            "--verify",
            "-h",
            "127.0.0.1",
            "-p",
            &port,
        ];
        assert_eq!(run(&args).code(), 5, "{version}");
        run(&[&args[..], &["-P", "secret"]].concat()).expect(0, "");
        assert_eq!(run(&[&args[..], &["-P", "wrong"]].concat()).code(), 5);
    }
    // Where nobody has a name, it is said that nobody gets it.
    let file = file(folder.path(), &[(0, 0, "client", CONNECT)]);
    embedded(&["-P", "secret", &file]).expect(
        0,
        "midge: the password is given to nobody: no client has a user name (-u gives one)\n",
    );
}

#[test]
fn what_a_subscriber_writes_into_a_pipe_is_played() {
    let line = r#"{"time":"2026-01-01T00:00:00Z","version":"5.0","type":"PUBLISH","topic":"t","qos":1,"packet_id":1,"payload":"x"}"#;
    let input = format!("{line}\n{line}\n");
    let args = ["capture-replay", "--embedded", "--json", "-"];
    let ended = run_with_input(&args, input.as_bytes());
    ended.expect(
        0,
        "midge: stdin: no client publishes in it: what servers delivered is played\n",
    );
    assert_eq!(summary(ended.text())["acknowledged"], 2);
    // Nobody would publish what is to be compared.
    let ended = run_with_input(&[&args[..], &["--verify"]].concat(), input.as_bytes());
    assert_eq!(ended.code(), 1);
    assert!(
        ended.stderr.contains("without --verify it is played"),
        "{}",
        ended.stderr
    );
}

#[test]
fn lines_may_be_compressed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.jsonl.gz");
    let mut file = GzEncoder::new(std::fs::File::create(&path).unwrap(), Compression::fast());
    let text = lines(&[(0, 0, "client", PUBLISH), (1, 0, "client", PUBLISH)]);
    file.write_all(text.as_bytes()).unwrap();
    file.finish().unwrap();
    let file = path.to_str().unwrap();
    let ended = embedded(&["--json", file]);
    ended.expect(0, "");
    assert_eq!(summary(ended.text())["sent"], 2);
    let bytes = std::fs::read(&path).unwrap();
    let args = [
        "capture-replay",
        "--embedded",
        "--json",
        "--speed",
        "max",
        "-",
    ];
    let ended = run_with_input(&args, &bytes);
    assert_eq!(summary(ended.text())["sent"], 2, "{ended:?}");
}

#[test]
fn a_second_connect_is_an_adaptation() {
    let folder = tempfile::tempdir().unwrap();
    let packets = [(0, 0, "client", CONNECT), (1, 0, "client", CONNECT)];
    let file = file(folder.path(), &packets);
    let plan = run(&["capture-replay", "--dry-run", &file]);
    let adapted = "adapted: second connects over connections of their own 1\n";
    let text = plan.text();
    assert!(text.ends_with(&format!("to be {adapted}")), "{text}");
    let report = embedded(&[&file]);
    let text = report.text();
    assert!(text.ends_with(adapted), "{text}");
    let plan = run(&["capture-replay", "--dry-run", "--json", &file]);
    let key = "second_connects_over_connections_of_their_own";
    assert_eq!(summary(plan.text())["adaptations"][key], 1);
}

/// Lines do not tell how a connection has ended: it is over when its client comes back, or with the
/// file, and the plan says so.
#[test]
fn a_connection_ends_before_its_client_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let packets = [
        (0, 0, "client", CONNECT),
        (0, 0, "server", CONNACK),
        (1, 0, "client", PUBLISH),
        (5, 1, "client", CONNECT),
        (5, 1, "server", CONNACK),
        (6, 1, "client", PUBLISH),
        (
            9,
            2,
            "client",
            r#""type":"CONNECT","client_id":"d","clean_start":true"#,
        ),
        (9, 2, "client", r#""type":"DISCONNECT""#),
    ];
    let file = file(folder.path(), &packets);
    let plan = run(&["capture-replay", "--dry-run", "--json", &file]);
    let plan = summary(plan.text());
    assert_eq!(plan["sessions"]["broken_off"], 1, "{plan}");
    assert_eq!(plan["sessions"]["ends_not_captured"], 1, "{plan}");
    // All of it, not only its messages.
    assert_eq!(plan["captured_duration"], 9.0);
    let out = folder.path().join("out.jsonl");
    let out = out.to_str().unwrap();
    let ended = embedded(&["--verify", "--json", "--out", out, &file]);
    ended.expect(0, "");
    let recorded = std::fs::read_to_string(out).unwrap();
    let packets = recorded
        .lines()
        .map(|line| serde_json::from_str(line).unwrap());
    let told: Vec<Value> = packets
        .filter(|packet: &Value| packet["type"] == "DISCONNECT" && packet["from"] == "server")
        .collect();
    assert_eq!(told, Vec::<Value>::new(), "nobody is taken over");
}

#[test]
fn a_rate_is_no_speed() {
    let folder = tempfile::tempdir().unwrap();
    let file = file(folder.path(), &[(0, 0, "client", PUBLISH)]);
    let args = ["capture-replay", "--embedded", "--rate", "100/s", &file];
    let ended = run(&args);
    let text = ended.text();
    assert!(text.contains(" s at 100/s\n"), "{text}");
    let ended = run(&[&args[..], &["--json"]].concat());
    let summary = summary(ended.text());
    assert_eq!(
        (&summary["rate"], summary.get("speed")),
        (&"100/s".into(), None)
    );
}

#[test]
fn a_topic_that_is_changed_to_none_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let file = file(folder.path(), &[(0, 0, "client", PUBLISH)]);
    let ended = embedded(&["--topic", "s#^t$##", &file]);
    assert_eq!(ended.code(), 1);
    assert!(
        ended
            .stderr
            .ends_with(" (skipped: topic changed to none 1)\n"),
        "{}",
        ended.stderr
    );
    assert!(ended.stderr.contains(" in 1 frame with 1 TCP connection, "));
}

#[test]
fn order_is_not_kept_where_nobody_waits_for_it() {
    let folder = tempfile::tempdir().unwrap();
    let packets = [
        (0, 0, "client", CONNECT),
        (0, 0, "server", r#""type":"CONNACK","reason_code":135"#),
    ];
    let file = file(folder.path(), &packets);
    let ended = embedded(&["--verify", "--no-causal", &file]);
    ended.expect(
        5,
        "midge: with --no-causal and --speed max clients do not wait for what was before in the \
         capture: differences may come from that\n",
    );
}

/// In the capture one of two had all of it; now they share it otherwise, and nobody waits in vain.
#[test]
fn members_of_a_shared_subscription_get_their_messages_together() {
    let folder = tempfile::tempdir().unwrap();
    let connect = |id: &str| format!(r#""type":"CONNECT","client_id":"{id}","clean_start":true"#);
    let (one, two, sender) = (connect("one"), connect("two"), connect("sender"));
    let subscribe =
        r#""type":"SUBSCRIBE","packet_id":1,"filters":[{"filter":"$share/g/t","qos":1}]"#;
    let suback = r#""type":"SUBACK","packet_id":1,"reason_codes":[1]"#;
    let mut packets = vec![
        (0, 0, "client", &*one),
        (0, 0, "server", CONNACK),
        (0, 1, "client", &*two),
        (0, 1, "server", CONNACK),
        (0, 2, "client", &*sender),
        (0, 2, "server", CONNACK),
        (1, 0, "client", subscribe),
        (1, 0, "server", suback),
        (1, 1, "client", subscribe),
        (1, 1, "server", suback),
    ];
    let messages: Vec<[String; 4]> = (1..=6)
        .map(|id| {
            let keys = format!(r#""packet_id":{id}"#);
            let publish = format!(r#"{PUBLISH},"qos":1,{keys}"#);
            let ack = format!(r#""type":"PUBACK",{keys}"#);
            [publish.clone(), ack.clone(), publish, ack]
        })
        .collect();
    for [publish, ack, delivery, taken] in &messages {
        packets.push((2, 2, "client", publish));
        packets.push((2, 2, "server", ack));
        packets.push((2, 0, "server", delivery));
        packets.push((2, 0, "client", taken));
    }
    for stream in 0..3 {
        packets.push((3, stream, "client", r#""type":"DISCONNECT""#));
    }
    let file = file(folder.path(), &packets);
    let ended = embedded(&["--verify", "--json", &file]);
    ended.expect(0, "");
    let lines: Vec<Value> = ended
        .text()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let got = |id: &str| lines.iter().filter(|line| line["client"] == id).count();
    assert_eq!((got("one"), got("two")), (3, 3));
    let summary = lines.last().unwrap();
    assert_eq!(
        summary["adaptations"].get("answers_given_up"),
        None,
        "{summary}"
    );
}
