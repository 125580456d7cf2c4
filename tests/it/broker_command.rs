//! `midge broker` as a program: what it prints, how it ends, what it leaves behind.
#![cfg(unix)]

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::process::{Child, ChildStdout, Command, Output, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

fn broker(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_midge"));
    command.arg("broker").args(arguments).stdin(Stdio::null());
    command
}

/// `midge broker --port 0 -- sh -c SCRIPT` to its end: stdout, stderr, exit code.
fn around(script: &str) -> (String, String, Option<i32>) {
    text(
        broker(&["--port", "0", "--", "sh", "-c", script])
            .output()
            .unwrap(),
    )
}

fn text(output: Output) -> (String, String, Option<i32>) {
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (
        text(output.stdout),
        text(output.stderr),
        output.status.code(),
    )
}

fn start(command: &mut Command) -> (Child, BufReader<ChildStdout>) {
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let stdout = BufReader::new(child.stdout.take().unwrap());
    (child, stdout)
}

fn signal(child: &Child, signal: Signal) {
    let pid = Pid::from_raw(child.id().try_into().unwrap()).unwrap();
    kill_process(pid, signal).unwrap();
}

fn line(from: &mut impl BufRead) -> String {
    let mut line = String::new();
    from.read_line(&mut line).unwrap();
    line
}

#[test]
fn it_says_where_it_listens_and_a_signal_ends_it() {
    for end in [Signal::INT, Signal::TERM] {
        let (mut child, mut stdout) = start(&mut broker(&["--port", "0"]));
        let ready = line(&mut stdout);
        let json: Value = serde_json::from_str(&ready).unwrap();
        let port = json["port"].as_u64().unwrap();
        assert_eq!(
            ready,
            format!(
                "{{\"event\":\"ready\",\"host\":\"127.0.0.1\",\"port\":{port},\"url\":\"mqtt://127.0.0.1:{port}\",\
                 \"listeners\":[{{\"host\":\"127.0.0.1\",\"port\":{port},\"url\":\"mqtt://127.0.0.1:{port}\"}}]}}\n"
            )
        );
        std::net::TcpStream::connect(("127.0.0.1", port.try_into().unwrap())).unwrap();
        signal(&child, end);
        assert_eq!(child.wait().unwrap().code(), Some(0), "{end:?}");
        assert_eq!(line(&mut stdout), "");
    }
}

#[test]
fn a_command_finds_the_broker_and_midge() {
    let (stdout, stderr, code) = around(
        r#"[ "$MQTT_URL" = "mqtt://$MQTT_HOST:$MQTT_PORT" ] && echo "$MQTT_HOST"; command -v midge"#,
    );
    let midge = env!("CARGO_BIN_EXE_midge");
    assert_eq!(stdout, format!("127.0.0.1\n{midge}\n"));
    assert_eq!(stderr, "");
    assert_eq!(code, Some(0));
}

#[test]
fn a_message_goes_from_pub_to_sub() {
    let (stdout, stderr, code) =
        around("midge pub -r -t hello -m world && midge sub -t hello -C 1");
    assert_eq!(
        (stdout.as_str(), stderr.as_str(), code),
        ("world\n", "", Some(0))
    );
}

#[test]
fn the_commands_exit_code_is_midges() {
    assert_eq!(around("exit 7").2, Some(7));
    assert_eq!(around("kill -KILL $$").2, Some(128 + 9));
}

#[test]
fn what_the_command_leaves_running_is_ended() {
    // Both hold stdout, so this returns only when they are gone: the one that heeds TERM, and
    // the one that does not.
    let (stdout, _, code) = around("sleep 1000 & trap '' TERM; sleep 1000 & echo done");
    assert_eq!((stdout.as_str(), code), ("done\n", Some(0)));
}

/// What a test needs to know stands in each place where one looks for it.
#[test]
fn the_help_tells_of_the_ready_line_and_the_environment() {
    let man = concat!(env!("CARGO_MANIFEST_DIR"), "/man/midge-broker.1");
    let texts = [
        text(broker(&["-h"]).output().unwrap()).0,
        text(broker(&["--help"]).output().unwrap()).0,
        std::fs::read_to_string(man).unwrap().replace("\\-", "-"),
    ];
    for (text, is_long) in texts.iter().zip([false, true, true]) {
        for what in [
            "{\"event\":\"ready\"",
            "MQTT_URL",
            "MQTT_UNIX_URL",
            "MQTT_CLIENT_KEY",
            "[default: 100000]",
            "200 levels",
        ] {
            assert!(text.contains(what), "{what}: {text}");
        }
        for what in ["retained_persistence", "autosave_interval", "psk_hint"] {
            assert_eq!(text.contains(what), is_long, "{what}: {text}");
        }
    }
}

#[test]
fn signals_are_passed_on() {
    let script = "trap 'exit 9' TERM; echo up; sleep 1000 & wait";
    let (mut child, mut stdout) = start(&mut broker(&["--port", "0", "--", "sh", "-c", script]));
    assert_eq!(line(&mut stdout), "up\n");
    signal(&child, Signal::TERM);
    assert_eq!(child.wait().unwrap().code(), Some(9));
    assert_eq!(line(&mut stdout), "", "sleep has ended too");
}

#[test]
fn a_command_that_does_not_end_is_killed_when_it_is_asked_again() {
    let script = "trap 'echo no' TERM; echo up; while :; do sleep 1000 & wait; done";
    let (mut child, mut stdout) = start(&mut broker(&["--port", "0", "--", "sh", "-c", script]));
    assert_eq!(line(&mut stdout), "up\n");
    signal(&child, Signal::TERM);
    assert_eq!(line(&mut stdout), "no\n");
    signal(&child, Signal::TERM);
    assert_eq!(child.wait().unwrap().code(), Some(128 + 9));
}

#[test]
fn a_hangup_does_not_end_a_broker() {
    let (mut child, mut stdout) = start(broker(&["--port", "0"]).stderr(Stdio::piped()));
    let ready: Value = serde_json::from_str(&line(&mut stdout)).unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    signal(&child, Signal::HUP);
    assert_eq!(
        line(&mut stderr),
        "midge: there are no users, access rules and certificates to read again\n"
    );
    let port = ready["port"].as_u64().unwrap().try_into().unwrap();
    std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
    signal(&child, Signal::TERM);
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn a_hangup_is_for_the_command_where_the_broker_has_no_files() {
    assert_eq!(
        around("trap 'exit 9' HUP; kill -HUP $PPID; sleep 1000 & wait").2,
        Some(9)
    );
}

#[test]
fn that_no_more_files_can_be_open_is_said_once() {
    let script = format!(
        "ulimit -n 24; exec {} broker --port 0",
        env!("CARGO_BIN_EXE_midge")
    );
    let mut command = Command::new("sh");
    let (mut child, mut stdout) = start(command.args(["-c", &script]).stderr(Stdio::piped()));
    let ready: Value = serde_json::from_str(&line(&mut stdout)).unwrap();
    let port = ready["port"].as_u64().unwrap().try_into().unwrap();
    let connect = || std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
    let many: Vec<_> = (0..30).map(|_| connect()).collect();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let said = line(&mut stderr);
    let start = format!("midge: cannot take connections at mqtt://127.0.0.1:{port}: ");
    assert!(said.starts_with(&start), "{said}");
    assert!(said.ends_with("raise `ulimit -n`\n"), "{said}");
    drop(many);
    signal(&child, Signal::TERM);
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert_eq!(line(&mut stderr), "");
}

#[test]
fn a_command_alone_decides_no_port() {
    let script = "echo $MQTT_PORT";
    let (stdout, _, code) = text(broker(&["--", "sh", "-c", script]).output().unwrap());
    assert_eq!(code, Some(0));
    assert_ne!(stdout.trim(), "1883");
}

#[test]
fn a_command_does_not_reach_another_broker() {
    let elsewhere = [
        ("MIDGE_HOST", "elsewhere.invalid"),
        ("MIDGE_PORT", "1"),
        ("MIDGE_URL", "mqtt://elsewhere.invalid"),
        ("MIDGE_PROFILE", "elsewhere"),
        ("MIDGE_WS", "true"),
        ("MIDGE_CAFILE", "/elsewhere"),
    ];
    for (name, value) in elsewhere {
        let mut command = broker(&["--", "midge", "pub", "-t", "a", "-m", "b"]);
        let (stdout, stderr, code) = text(command.env(name, value).output().unwrap());
        assert_eq!((&*stdout, &*stderr, code), ("", "", Some(0)), "{name}");
    }
}

#[test]
fn a_command_that_is_not_there() {
    let (stdout, stderr, code) = text(
        broker(&["--port", "0", "--", "no-such-command"])
            .output()
            .unwrap(),
    );
    assert_eq!(stdout, "");
    assert_eq!(
        stderr,
        "midge: cannot run 'no-such-command': there is no such command, neither at this path nor on PATH\n"
    );
    assert_eq!(code, Some(1));
}

#[test]
fn a_broker_that_cannot_listen_leaves_an_earlier_recording_alone() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("earlier.pcapng");
    std::fs::write(&file, "earlier").unwrap();
    let output = broker(&["--port", &port, "--record", file.to_str().unwrap()])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(std::fs::read(&file).unwrap(), b"earlier");
}

#[test]
fn a_port_in_use() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let (stdout, stderr, code) = text(broker(&["--port", &port.to_string()]).output().unwrap());
    assert_eq!(stdout, "");
    assert!(
        stderr.contains(&format!("cannot listen on 127.0.0.1:{port}: ")),
        "{stderr}"
    );
    assert!(stderr.contains("try port 0"), "{stderr}");
    assert_eq!(code, Some(1));
}

#[test]
fn the_log_goes_to_stderr_line_by_line() {
    let script = "midge pub -i me -t t -m x && echo out";
    let run = |format| {
        let arguments = ["--port", "0", "--log", format, "--", "sh", "-c", script];
        let (stdout, stderr, code) = text(broker(&arguments).output().unwrap());
        assert_eq!((stdout.as_str(), code), ("out\n", Some(0)), "{stderr}");
        stderr
    };
    let log = run("json");
    let events: Vec<Value> = log
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let names: Vec<_> = events
        .iter()
        .map(|e| e["event"].as_str().unwrap())
        .collect();
    assert_eq!(
        names,
        ["ready", "opened", "connected", "closed", "session_ended"]
    );
    assert_eq!(events[0]["host"], "127.0.0.1");
    assert_eq!(events[2]["client_id"], "me");
    assert_eq!(events[2]["version"], "5.0");
    assert_eq!(events[3]["reason_code"], 0);

    let log = run("text");
    let lines: Vec<_> = log
        .lines()
        .map(|line| line.split_once(' ').unwrap().1)
        .collect();
    assert!(lines[0].starts_with("ready at mqtt://127.0.0.1:"), "{log}");
    assert_eq!(
        lines[3],
        "'me' closed: the client disconnected (0x00 Normal disconnection)"
    );
}

#[test]
fn a_recording_holds_what_crossed_the_wire() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("wire.pcapng");
    let file = file.to_str().unwrap();
    let script = "midge pub -V 5 -t a -m x -q 1 && midge pub -V 311 -t b -m y";
    let arguments = ["--port", "0", "--record", file, "--", "sh", "-c", script];
    assert_eq!(
        text(broker(&arguments).output().unwrap()),
        (String::new(), String::new(), Some(0))
    );
    let decoded = Command::new(env!("CARGO_BIN_EXE_midge"))
        .args(["decode", "--json", file])
        .output()
        .unwrap();
    let (stdout, stderr, code) = text(decoded);
    assert_eq!((stderr.as_str(), code), ("", Some(0)));
    let packets: Vec<Value> = stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let seen: Vec<_> = packets
        .iter()
        .map(|packet| {
            let of = |key: &str| packet[key].as_str().unwrap_or("").to_owned();
            (
                packet["stream"].as_u64().unwrap(),
                of("version"),
                of("from"),
                of("type"),
                of("topic"),
            )
        })
        .collect();
    let expected = [
        (0, "5.0", "client", "CONNECT", ""),
        (0, "5.0", "server", "CONNACK", ""),
        (0, "5.0", "client", "PUBLISH", "a"),
        (0, "5.0", "server", "PUBACK", ""),
        (0, "5.0", "client", "DISCONNECT", ""),
        (1, "3.1.1", "client", "CONNECT", ""),
        (1, "3.1.1", "server", "CONNACK", ""),
        (1, "3.1.1", "client", "PUBLISH", "b"),
        (1, "3.1.1", "client", "DISCONNECT", ""),
    ]
    .map(|(stream, version, from, name, topic)| {
        (
            stream,
            version.to_owned(),
            from.to_owned(),
            name.to_owned(),
            topic.to_owned(),
        )
    });
    assert_eq!(seen, expected);
}

#[test]
fn a_recording_says_who_ended_a_connection() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("wire.pcapng");
    let file = file.to_str().unwrap();
    for (fault, end) in [
        ("close", "closed by the server"),
        ("delay 1ms", "DISCONNECT"),
    ] {
        let fault = format!("on=publish do={fault}");
        let mut command = broker(&["--record", file, "--fault", &fault, "--", "midge"]);
        let publish = ["pub", "--quiet", "-q", "1", "-t", "a", "-m", "b"];
        command.args(publish).output().unwrap();
        let mut decode = Command::new(env!("CARGO_BIN_EXE_midge"));
        let (stats, _, _) = text(decode.args(["decode", "--stats", file]).output().unwrap());
        assert!(stats.contains(end), "{stats}");
    }
}

#[test]
fn a_recording_that_cannot_be_written() {
    let file = "/nonexistent/wire.pcapng";
    assert_eq!(
        text(
            broker(&["--port", "0", "--record", file, "--", "true"])
                .output()
                .unwrap()
        ),
        (
            String::new(),
            format!("midge: cannot write {file}: No such file or directory (os error 2)\n"),
            Some(1)
        )
    );
    // Every write to this device fails as on a full disk.
    #[cfg(target_os = "linux")]
    assert_eq!(
        text(
            broker(&["--port", "0", "--record", "/dev/full", "--", "true"])
                .output()
                .unwrap()
        ),
        (
            String::new(),
            "midge: cannot write /dev/full: No space left on device (os error 28)\n".into(),
            Some(1)
        )
    );
}
