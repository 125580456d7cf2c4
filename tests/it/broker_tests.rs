//! What makes a run of the broker a test: when it ends, what it expects, what it writes down.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Command;

use rustix::process::Signal;
use serde_json::Value;

use crate::program::{Ended, Running, midge, run};

/// `midge broker --port 0 ARGUMENTS -- sh -c SCRIPT` to its end.
fn around(arguments: &[&str], script: &str) -> Ended {
    let mut command = midge(&["broker", "--port", "0"]);
    command.args(arguments).args(["--", "sh", "-c", script]);
    Running::start(command).wait()
}

/// A broker without a command, and the port that it says.
fn alone(arguments: &[&str], ready: &Path) -> (std::process::Child, String) {
    let out = fs::File::create(ready).unwrap();
    let child = midge(&["broker", "--port", "0"])
        .args(arguments)
        .stdout(out)
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let port = loop {
        let line = fs::read_to_string(ready).unwrap();
        if let Ok(line) = serde_json::from_str::<Value>(&line) {
            break line["port"].to_string();
        }
        std::thread::yield_now();
    };
    (child, port)
}

fn publish(port: &str, more: &[&str]) {
    let arguments = ["pub", "-h", "127.0.0.1", "-p", port, "-t", "t", "-m", "x"];
    run(&[&arguments, more].concat()).expect(0, "");
}

#[test]
fn the_broker_ends_by_itself() {
    let folder = tempfile::tempdir().unwrap();
    for (arguments, clients) in [
        (vec!["--exit-after", "0.3s"], 0),
        (vec!["--exit-after", "idle 0.3s"], 1),
        (vec!["--exit-after", "2 messages"], 2),
        (vec!["--exit-after", "2 disconnects"], 2),
        (vec!["--exit-after", "1h", "--exit-after", "1 message"], 1),
    ] {
        let (child, port) = alone(&arguments, &folder.path().join("ready"));
        for _ in 0..clients {
            publish(&port, &["-q", "1"]);
        }
        let output = child.wait_with_output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        let ended = (output.status.code(), stderr.as_str());
        assert_eq!(ended, (Some(0), ""), "{arguments:?}");
    }
}

#[test]
fn the_broker_ends_with_whoever_started_it() {
    let wait = ["broker", "--port", "0", "--exit-after", "end of stdin"];
    let mut running = Running::start(midge(&wait));
    running.stdin().write_all(b"anything").unwrap();
    let ended = running.wait();
    ended.expect(0, "");
    assert!(ended.text().starts_with(r#"{"event":"ready""#), "{ended:?}");
}

#[test]
fn a_command_that_goes_on_is_ended() {
    let ended = around(
        &["--exit-after", "1 message"],
        "midge pub -t t -m x; exec sleep 1000",
    );
    ended.expect(128 + 15, "");
    // One that does not heed SIGTERM.
    let script = "trap '' TERM; midge pub -t t -m x; while :; do sleep 0.1; done";
    let ended = around(&["--exit-after", "1 message"], script);
    assert_eq!(ended.code(), 128 + 9);
    // Its own end comes first.
    around(&["--exit-after", "1h"], "exit 3").expect(3, "");
}

#[test]
fn expectations_are_checked_at_the_end() {
    let met = [
        "--expect",
        "s/# >= 3",
        "--expect",
        "alarm == 0",
        "--expect",
        "s/+ < 4",
        "--expect-payload",
        "s/1=a=b",
    ];
    let script = "midge pub -t s/1 -m a=b -q 2 && midge pub -t s/2 -m x -r && midge pub -t s -m ''";
    around(&met, script).expect(0, "");
    let not_met = [
        "--expect",
        "s/# == 2",
        "--expect",
        "s == 1",
        "--expect",
        "alarm != 0",
        "--expect-payload",
        "s/2=y",
    ];
    let sentences = "midge: expected 's/# == 2', and clients published 3 messages\n\
                     midge: expected 'alarm != 0', and clients published no message\n\
                     midge: expected 'y' on 's/2', and of 1 message the last is 'x'\n";
    around(&not_met, script).expect(5, sentences);
    // What the command says comes first.
    around(&not_met, &format!("{script}; exit 3")).expect(3, sentences);
}

#[test]
fn wills_count_and_repeated_qos_2_does_not() {
    let script = "midge sub -t none -W 30 --will-topic w --will-payload gone & \
                  midge pub -t q -m x -q 2; kill -9 $!; wait $! 2>/dev/null; \
                  midge pub -t q -m y -q 2";
    let arguments = ["--expect", "q == 2", "--expect", "# >= 2"];
    around(&arguments, script).expect(0, "");
}

#[test]
fn expectations_are_checked_without_a_command_too() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = ["--expect", "t == 2"];
    let (child, port) = alone(&arguments, &folder.path().join("ready"));
    publish(&port, &[]);
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, Signal::TERM).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(5));
    assert_eq!(
        String::from_utf8(output.stderr).unwrap(),
        "midge: expected 't == 2', and clients published 1 message\n"
    );
}

#[test]
fn broken_expressions_are_wrong_usage() {
    for (flag, value) in [
        ("--expect", "t = 2"),
        ("--expect", "t >="),
        ("--expect-payload", "online"),
        ("--exit-after", "3 apples"),
        ("--fault", "on=puback"),
        ("--latency", "fast"),
        ("--slow", "50"),
    ] {
        let ended = run(&["broker", "--port", "0", flag, value, "--", "true"]);
        if flag == "--slow" {
            // A bare number is bytes.
            ended.expect(0, "");
            continue;
        }
        let stderr = ended.stderr.as_str();
        assert!(stderr.starts_with(&format!("midge: {flag} ")), "{stderr}");
        assert_eq!((ended.code(), stderr.lines().count()), (2, 1), "{stderr}");
    }
}

/// The packets in a file, as `decode --json` shows them.
fn decode(file: &str) -> String {
    let ended = run(&["decode", "--json", file]);
    ended.expect(0, "");
    ended.text().to_owned()
}

#[test]
fn a_transcript_has_the_same_lines_as_the_capture() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name).display().to_string();
    let (capture, lines) = (file("a.pcapng"), file("b.jsonl"));
    let mut command = midge(&["broker"]);
    for url in ["mqtt", "mqtts", "ws", "wss"] {
        command.args(["--listen", &format!("{url}://127.0.0.1:0")]);
    }
    command
        .args(["--listen", &format!("unix:{}", file("s"))])
        .args(["--tls-auto", &file("tls")])
        .args(["--record", &capture, "--record", &lines]);
    let script = "for url in \"$MQTT_URL\" \"$MQTT_WS_URL\" \"$MQTT_UNIX_URL\"; do \
                    midge pub -q 2 -t t -m \"$url\" -L \"$url\" -u me -P secret || exit 1; done; \
                  for url in \"$MQTT_TLS_URL\" \"$MQTT_WSS_URL\"; do \
                    midge pub -q 2 -t t -m \"$url\" -L \"$url\" --cafile $MQTT_CAFILE || exit 1; \
                  done";
    command.args(["--", "sh", "-c", script]);
    Running::start(command).wait().expect(0, "");
    let transcript = fs::read_to_string(&lines).unwrap();
    assert!(transcript == decode(&capture), "{transcript}");
    assert!(!transcript.contains("secret"));
    let packets: Vec<Value> = transcript
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let payloads: Vec<&str> = packets
        .iter()
        .filter_map(|packet| packet["payload"].as_str())
        .map(|url| url.split(':').next().unwrap())
        .collect();
    assert_eq!(payloads, ["mqtt", "ws", "unix", "mqtts", "wss"]);
    // CONNECT to DISCONNECT, each in a stream of its own.
    assert_eq!(packets.len(), 5 * 7);
    assert_eq!(packets.last().unwrap()["stream"], 4);
    // The capture can be replayed.
    let replay = format!("midge capture-replay --speed max -L $MQTT_URL {capture}");
    let ended = around(&["--expect", "t == 5"], &replay);
    assert_eq!(ended.code(), 0, "{}", ended.stderr);
}

#[test]
fn a_transcript_that_cannot_be_written() {
    #[cfg(target_os = "linux")]
    {
        let folder = tempfile::tempdir().unwrap();
        let link = folder.path().join("full.jsonl");
        // Every write to this device fails as on a full disk.
        std::os::unix::fs::symlink("/dev/full", &link).unwrap();
        let name = link.display().to_string();
        let ended = around(&["--record", &name], "midge pub -t t -m x");
        let sentence =
            format!("midge: cannot write to {name}: No space left on device (os error 28)\n");
        ended.expect(1, &sentence);
    }
}

#[test]
fn the_log_says_who_and_why() {
    let script = "midge pub -i dev-1 -t t -m x";
    let ended = around(&["--log", "json"], script);
    let events: Vec<Value> = ended
        .stderr
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect();
    let opened = events.iter().find(|event| event["event"] == "opened");
    let opened = opened.unwrap();
    assert!(opened["from"].as_str().unwrap().starts_with("127.0.0.1:"));
    let ready = &events[0];
    assert_eq!(opened["listener"], ready["url"]);
    let closed = events.iter().find(|event| event["event"] == "closed");
    let closed = closed.unwrap();
    assert_eq!(closed["client_id"], "dev-1");
    assert_eq!(closed["why"], "the client disconnected");
    let refused = around(
        &["--log", "json", "--allow-anonymous", "false"],
        "midge pub -i dev-2 -t t -m x; echo $?",
    );
    assert_eq!(refused.text(), format!("{}\n", 0x87));
    let closed = refused.stderr.lines().find_map(|line| {
        let event: Value = serde_json::from_str(line).ok()?;
        (event["event"] == "closed").then_some(event)
    });
    let closed = closed.unwrap();
    assert_eq!(closed["client_id"], "dev-2");
    assert_eq!(closed["reason_code"], 0x87);
    assert!(closed["why"].as_str().is_some_and(|why| !why.is_empty()));
    let text = around(&["--log", "text"], "midge pub -i dev-1 -t t -m x").stderr;
    let opened = text
        .lines()
        .find(|line| line.contains(" opened from "))
        .unwrap();
    assert!(opened.contains(" at mqtt://127.0.0.1:"), "{opened}");
}

#[test]
fn nothing_of_an_outer_broker_reaches_the_command() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_midge"));
    command
        .args(["broker", "--port", "0", "--", "sh", "-c"])
        .arg("echo \"[$MQTT_TLS_URL$MQTT_CAFILE]\"; test -n \"$MQTT_URL\"")
        .env("MQTT_TLS_URL", "mqtts://elsewhere")
        .env("MQTT_CAFILE", "/elsewhere");
    let ended = Running::start(command).wait();
    ended.expect(0, "");
    assert_eq!(ended.text(), "[]\n");
}
