//! SIGHUP, and the log under the name mosquitto: what is read again, and what is said of it.

use std::fs;
use std::io::Write;
use std::process::{Child, Command, Stdio};

use rustix::process::Signal;
use serde_json::Value;

use crate::broker_access::{Broker, Folder, free_port, mosquitto, outcome, signal};

/// Ends with its test.
struct Running(Child);

impl Running {
    fn start(command: &mut Command) -> Running {
        Running(
            command
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap(),
        )
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn hangup_reads_certificates_again() {
    let folder = Folder::new(&[]);
    let write = |name: &str| {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        folder.write("cert.pem", &made.cert.pem());
        folder.write("key.pem", &made.signing_key.serialize_pem());
        folder.write(name, &made.cert.pem());
    };
    write("first.pem");
    let port = free_port();
    let arguments =
        format!("broker --listen mqtts://localhost:{port} --cert cert.pem --key key.pem");
    let mut broker = Broker::start(folder.midge(&arguments).stdout(Stdio::piped()));
    broker.wait_until_ready();
    let publish = |ca: &str| {
        let arguments = format!("pub -h localhost -p {port} --cafile {ca} -t t -m x");
        folder.run(&arguments).2
    };
    assert_eq!(publish("first.pem"), Some(0));
    write("second.pem");
    signal(&broker.child, Signal::HUP);
    broker.wait_for("is read again");
    assert_eq!(publish("first.pem"), Some(3));
    assert_eq!(publish("second.pem"), Some(0));
    folder.write("key.pem", "nothing");
    signal(&broker.child, Signal::HUP);
    let line = broker.wait_for("what was read before stays");
    assert!(line.starts_with("midge: TLS: "), "{line}");
    assert_eq!(publish("second.pem"), Some(0));
    broker.end();
}

#[test]
fn hangup_reads_the_files_again() {
    let folder = Folder::new(&[("acl", "topic read #\n")]);
    let port = free_port();
    let mut command = folder.midge(&format!("broker -p {port} --acl-file acl --log text"));
    let mut broker = Broker::start(command.stdout(Stdio::piped()));
    broker.wait_until_ready();
    let publish = || folder.run(&format!("pub -p {port} -t t -m x -q 1")).2;
    assert_eq!(publish(), Some(135));

    folder.write("acl", "topic read #\nbad\n");
    signal(&broker.child, Signal::HUP);
    let line = broker.wait_for("what was read before stays");
    assert!(
        line.contains("Z access rules acl:2: 'bad' is not known"),
        "{line}"
    );
    assert_eq!(publish(), Some(135));

    folder.write("acl", "topic #\n");
    signal(&broker.child, Signal::HUP);
    let line = broker.wait_for("is read again");
    assert!(
        line.ends_with("Z what SIGHUP reads is read again"),
        "{line}"
    );
    assert_eq!(publish(), Some(0));
    broker.end();
}

#[test]
fn hangup_is_not_for_the_command() {
    let folder = Folder::new(&[("acl", "topic read #\n")]);
    // The rules are read again when publishing works, and the signal has been dealt with.
    let script = "trap 'exit 9' HUP; echo 'topic #' > acl; kill -HUP $PPID
        until midge pub --quiet -q 1 -t t -m x 2> /dev/null; do :; done";
    let mut command = folder.midge("broker --acl-file acl --");
    let output = command.args(["sh", "-c", script]).output().unwrap();
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn hangup_disconnects_who_may_connect_no_more() {
    let folder = Folder::new(&[]);
    folder.passwd("-c -b users ann secret");
    folder.passwd("-b users bob secret");
    let port = free_port();
    let arguments = format!("broker -p {port} --password-file users --log text");
    let mut broker = Broker::start(folder.midge(&arguments).stdout(Stdio::piped()));
    broker.wait_until_ready();
    let subscribe = |user: &str| {
        let arguments = format!("sub -p {port} -i of-{user} -u {user} -P secret -t t -V 5");
        Running::start(&mut folder.midge(&arguments))
    };
    let _ann = subscribe("ann");
    let line = broker.wait_for("'of-ann' (user 'ann') connected with MQTT 5.0");
    assert!(line.contains(", new session, keep alive 60 s"), "{line}");
    broker.wait_for("'of-ann' subscribed to 't'");
    let _bob = subscribe("bob");
    broker.wait_for("'of-bob' subscribed to 't'");
    folder.passwd("-D users ann");
    signal(&broker.child, Signal::HUP);
    let lines = broker.lines_to("is read again");
    broker.wait_for(
        "'of-ann' closed: its user may no longer connect, or has another password (0x98 \
         Administrative action)",
    );
    assert!(
        !lines.iter().any(|line| line.contains("of-bob")),
        "{lines:?}"
    );
    // Another password is another user.
    folder.passwd("-b users bob other");
    signal(&broker.child, Signal::HUP);
    broker.wait_for("'of-bob' closed: its user may no longer connect");
    broker.end();
}

#[test]
fn a_log_in_json_is_json() {
    let folder = Folder::new(&[("acl", "topic #\n")]);
    let port = free_port();
    let arguments = format!("broker --bind * -p {port} --acl-file acl --log json");
    let mut broker = Broker::start(folder.midge(&arguments).stdout(Stdio::piped()));
    broker.wait_until_ready();
    signal(&broker.child, Signal::HUP);
    let mut lines = broker.lines_to("reloaded");
    folder.write("acl", "bad\n");
    signal(&broker.child, Signal::HUP);
    lines.extend(broker.lines_to("what was read before stays"));
    let events: Vec<Value> = lines
        .iter()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let names: Vec<_> = events
        .iter()
        .map(|event| event["event"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["warning", "reloaded", "reload_failed"]);
    let why = events[2]["why"].as_str().unwrap();
    assert!(
        why.starts_with("access rules acl:1: 'bad' is not known"),
        "{why}"
    );
    broker.end();
}

#[test]
fn hangup_reads_the_configuration_again() {
    let port = free_port();
    let conf = |more: &str| format!("listener {port} 127.0.0.1\nlog_dest file log\n{more}");
    let folder = Folder::new(&[("m.conf", &conf("allow_anonymous true\nlog_type all\n"))]);
    let mut command = mosquitto(&folder, "-c m.conf");
    let broker = Broker::start(command.stdout(Stdio::null()));
    let log_has = |name: &str, what: &str| {
        for _ in 0..1000 {
            let log = fs::read_to_string(folder.path(name)).unwrap_or_default();
            if log.contains(what) {
                return log;
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        panic!("{what} is not in {name}: {}", folder.read(name));
    };
    log_has("log", " running");
    let publish = |arguments: &str| {
        folder
            .run(&format!("pub -p {port} -t t -m x -q 1 {arguments}"))
            .2
    };
    assert_eq!(publish(""), Some(0));

    // Another file in the place of the one that was moved, and another answer.
    fs::rename(folder.path("log"), folder.path("log.1")).unwrap();
    let more = "allow_anonymous false\nlog_type all\nlog_timestamp false\nmax_keepalive 7\n\
                connection_messages false\n";
    folder.write("m.conf", &conf(more));
    signal(&broker.child, Signal::HUP);
    log_has("log", ": Reloading config.\n");
    for _ in 0..100 {
        // The next line is without a time.
        if publish("") == Some(135) {
            break;
        }
    }
    assert_eq!(publish(""), Some(135));
    let log = log_has("log", "\nSending CONNACK to ");
    let (_, later) = log.split_once("Reloading config.\n").unwrap();
    assert!(!later.contains("New connection"), "{log}");

    // What cannot be is said, and the rest stays.
    folder.write("m.conf", &conf("allow_anonymous maybe\nmax_qos 7\n"));
    signal(&broker.child, Signal::HUP);
    let log = log_has("log", "what was read before stays");
    assert!(
        log.contains("Error: m.conf:3: allow_anonymous is 'maybe', and is true or false"),
        "{log}"
    );
    assert_eq!(publish(""), Some(135));
    folder.write("m.conf", &format!("listener {}\n", free_port()));
    signal(&broker.child, Signal::HUP);
    // Its log goes elsewhere now, and so does this.
    drop(broker);
}

#[test]
fn packets_in_the_log() {
    let folder = Folder::new(&[("acl", "topic t/#\ntopic read $SYS/#\n")]);
    let port = free_port();
    let conf = format!(
        "listener {port} 127.0.0.1\nallow_anonymous true\nacl_file acl\nlog_dest stderr\n\
         log_dest topic\nlog_type all\nlog_timestamp_format %Y:\n"
    );
    folder.write("m.conf", &conf);
    let mut broker = Broker::start(&mut mosquitto(&folder, "-c m.conf"));
    broker.wait_for(" running");
    let arguments = format!("sub -p {port} -i lg -t $SYS/broker/log/# -F %t_%p -C 3");
    let reader = folder
        .midge(&arguments)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = broker.lines_to("Sending SUBACK to lg");
    let words: Vec<_> = lines
        .iter()
        .map(|line| line.split_once(": ").unwrap().1)
        .collect();
    assert_eq!(words[1..3], [words[1], "No will message specified."]);
    assert_eq!(
        words[3..7],
        [
            "Sending CONNACK to lg (0, 0)",
            "Received SUBSCRIBE from lg",
            "\t$SYS/broker/log/# (QoS 0)",
            "lg 0 $SYS/broker/log/#",
        ]
    );
    let arguments =
        format!("pub -p {port} -i p1 -t t/x -m hello -q 2 --will-topic no --will-payload bye -V 5");
    assert_eq!(folder.run(&arguments).2, Some(0));
    let log = broker.lines_to("Client p1 disconnected.").join("\n");
    for words in [
        ":: Will message specified (3 bytes) (r0, q0).",
        ":: \tno\n",
        "Received PUBLISH from p1 (d0, q2, r0, m1, 't/x', ... (5 bytes))",
        "Sending PUBREC to p1 (m1, rc16)",
        "Received PUBREL from p1 (Mid: 1)",
        "Sending PUBCOMP to p1 (m1)",
        "Received DISCONNECT from p1",
    ] {
        assert!(log.contains(words), "{words}: {log}");
    }
    let arguments = format!("pub -p {port} -i p2 -t no/x -m hello -q 1");
    assert_eq!(folder.run(&arguments).2, Some(135));
    broker.wait_for("Denied PUBLISH from p2 (d0, q1, r0, m1, 'no/x', ... (5 bytes))");
    let output = reader.wait_with_output().unwrap();
    let topics = String::from_utf8(output.stdout).unwrap();
    let line = topics
        .lines()
        .find(|line| line.contains(" as p1 (p5, "))
        .unwrap_or_default();
    assert!(line.starts_with("$SYS/broker/log/N_2"), "{topics}");
    broker.end();
}

#[test]
fn what_is_refused_is_in_the_log() {
    let folder = Folder::new(&[("acl", "topic read x\n")]);
    let port = free_port();
    let arguments = format!("broker -p {port} --acl-file acl --log text");
    let mut broker = Broker::start(folder.midge(&arguments).stdout(Stdio::piped()));
    broker.wait_until_ready();
    // CONNECT 3.1.1 with a will of QoS 0, "bye" to "w"; SUBSCRIBE to "c"; no DISCONNECT.
    let connect = b"\x10\x15\x00\x04MQTT\x04\x06\x00\x00\x00\x01a\x00\x01w\x00\x03bye";
    let mut client = std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
    client.write_all(connect).unwrap();
    client.write_all(b"\x82\x06\x00\x01\x00\x01c\x00").unwrap();
    // 3.1.1 has one code for all refusals.
    broker.wait_for("Z 'a' may not subscribe to 'c': 0x80 ");
    drop(client);
    broker.wait_for("Z 'a' will not published to 'w': 0x87 Not authorized");
    broker.end();
}

#[test]
fn refused_handshakes_in_the_log() {
    let folder = Folder::new(&[]);
    let (_, stderr, code) = outcome(
        folder
            .midge("broker -p 0 --tls-auto made")
            .args(["--", "true"]),
    );
    assert_eq!((stderr.as_str(), code), ("", Some(0)));
    let port = free_port();
    let conf = format!(
        "listener {port} 127.0.0.1\ncafile made/ca.pem\ncertfile made/server.pem\n\
         keyfile made/server.key\nrequire_certificate true\nallow_anonymous true\n"
    );
    folder.write("m.conf", &conf);
    let mut broker = Broker::start(&mut mosquitto(&folder, "-c m.conf"));
    broker.wait_for(" running");
    let arguments = format!("pub -h localhost -p {port} --cafile made/ca.pem -t t -m x");
    assert_ne!(folder.run(&arguments).2, Some(0));
    broker.wait_for(&format!(" on port {port}."));
    broker.wait_for(": Client connection from 127.0.0.1 failed: the client has no certificate.");
    broker.end();
}
