//! pub and sub against a broker that does exactly what a test says.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Stdio;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::program::{Running, midge, run, run_with_input};

const CONNACK_5: &[u8] = b"\x20\x03\x00\x00\x00";
const CONNACK_311: &[u8] = b"\x20\x02\x00\x00";

/// What a broker does on one connection.
pub(crate) type Script = Box<dyn FnOnce(&mut Connection) + Send>;

/// A broker that follows a script.
pub(crate) struct Peer {
    pub(crate) port: String,
    script: JoinHandle<()>,
}

impl Peer {
    fn new(script: impl FnOnce(&mut Connection) + Send + 'static) -> Peer {
        Peer::each([Box::new(script) as Script])
    }

    /// A broker for one connection after the other. Whoever comes after the last is refused by the
    /// system.
    pub(crate) fn each(scripts: impl IntoIterator<Item = Script>) -> Peer {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("bound").port().to_string();
        let mut scripts: VecDeque<_> = scripts.into_iter().collect();
        let script = thread::spawn(move || {
            let mut listener = Some(listener);
            while let Some(script) = scripts.pop_front() {
                let accepted = listener.as_ref().map(TcpListener::accept);
                let (stream, _) = accepted.expect("open").expect("the client comes");
                if scripts.is_empty() {
                    listener = None;
                }
                stream
                    .set_read_timeout(Some(Duration::from_secs(30)))
                    .expect("a time-out");
                script(&mut Connection { stream });
            }
        });
        Peer { port, script }
    }

    /// A broker that answers CONNECT with this and then does what the script says.
    pub(crate) fn after(
        connack: &'static [u8],
        script: impl FnOnce(&mut Connection) + Send + 'static,
    ) -> Peer {
        Peer::new(move |connection| {
            assert_eq!(connection.packet()[0], 0x10, "CONNECT first");
            connection.send(connack);
            script(connection);
        })
    }

    /// The port, in front of other arguments.
    pub(crate) fn args<'a>(&'a self, command: &'a str, rest: &[&'a str]) -> Vec<&'a str> {
        let mut args = vec![command, "-h", "127.0.0.1", "-p", &self.port];
        args.extend_from_slice(rest);
        args
    }

    /// Everything the script asserts has held.
    pub(crate) fn finish(self) {
        if let Err(panic) = self.script.join() {
            std::panic::resume_unwind(panic);
        }
    }
}

pub(crate) struct Connection {
    stream: TcpStream,
}

impl Connection {
    pub(crate) fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).expect("the client takes it");
    }

    /// The next packet of the client; lengths under 128 only.
    pub(crate) fn packet(&mut self) -> Vec<u8> {
        let mut packet = vec![0; 2];
        self.stream.read_exact(&mut packet).expect("a packet");
        packet.resize(2 + usize::from(packet[1]), 0);
        self.stream.read_exact(&mut packet[2..]).expect("its body");
        packet
    }

    #[track_caller]
    pub(crate) fn expect(&mut self, packet: &[u8]) {
        assert_eq!(self.packet(), packet);
    }

    #[track_caller]
    pub(crate) fn expect_end(&mut self) {
        let mut rest = Vec::new();
        // A reset is an end too: the client may close before it has read everything.
        let _ = self.stream.read_to_end(&mut rest);
        assert_eq!(rest, b"");
    }
}

#[test]
fn a_refused_connection_ends_with_the_reason_code() {
    for (version, connack, code, reason) in [
        (
            "5",
            &b"\x20\x03\x00\x87\x00"[..],
            135,
            "0x87 Not authorized",
        ),
        (
            "5",
            b"\x20\x08\x00\x97\x05\x1f\x00\x02no",
            151,
            "0x97 Quota exceeded, it says 'no'",
        ),
        (
            "311",
            b"\x20\x02\x00\x01",
            132,
            "code 1 unacceptable protocol version",
        ),
        (
            "311",
            b"\x20\x02\x00\x02",
            133,
            "code 2 identifier rejected",
        ),
        ("311", b"\x20\x02\x00\x03", 136, "code 3 server unavailable"),
        (
            "311",
            b"\x20\x02\x00\x04",
            134,
            "code 4 bad user name or password",
        ),
        ("31", b"\x20\x02\x00\x05", 135, "code 5 not authorized"),
    ] {
        for command in ["pub", "sub"] {
            let peer = Peer::after(connack, Connection::expect_end);
            let mut args = peer.args(command, &["-V", version, "-t", "t"]);
            if command == "pub" {
                args.extend(["-m", "x"]);
            }
            let ended = run(&args);
            let port = &peer.port;
            ended.expect(
                code,
                &format!(
                    "midge: could not connect to 127.0.0.1:{port}: the broker refused the connection: {reason}\n"
                ),
            );
            peer.finish();
        }
    }
}

#[test]
fn nobody_there_is_exit_3_with_the_address() {
    let port = TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .expect("a free port")
        .port()
        .to_string();
    let ended = run(&["pub", "-h", "127.0.0.1", "-p", &port, "-t", "t", "-m", "x"]);
    ended.expect(
        3,
        &format!(
            "midge: could not connect to 127.0.0.1:{port}: Connection refused (tried 127.0.0.1:{port})\n"
        ),
    );
}

#[test]
fn a_server_that_speaks_something_else_is_exit_3() {
    let peer = Peer::after(b"HTTP/1.1 400 Bad Request\r\n\r\n", |_| {});
    let ended = run(&peer.args("sub", &["-t", "t"]));
    assert_eq!(ended.code(), 3);
    assert!(
        ended
            .stderr
            .starts_with("midge: could not connect to 127.0.0.1:"),
        "{}",
        ended.stderr
    );
    peer.finish();
}

#[test]
fn a_server_that_stalls_before_connack_is_given_up() {
    for half in [&b""[..], b"\x20", b"\x20\x03\x00"] {
        let peer = Peer::after(half, |connection| {
            let mut rest = Vec::new();
            let _ = connection.stream.read_to_end(&mut rest);
        });
        let ended = run(&peer.args("sub", &["-t", "t", "--connect-timeout", "200ms"]));
        let port = &peer.port;
        ended.expect(
            3,
            &format!(
                "midge: could not connect to 127.0.0.1:{port}: the connection is open, but no CONNACK came within 0.2 s\n"
            ),
        );
        peer.finish();
    }
}

#[test]
fn an_end_before_connack_is_exit_3() {
    let peer = Peer::after(b"\x20\x03", |_| {});
    let ended = run(&peer.args("pub", &["-t", "t", "-m", "x"]));
    let port = &peer.port;
    ended.expect(
        3,
        &format!(
            "midge: could not connect to 127.0.0.1:{port}: before CONNACK, the broker closed the connection in the middle of a packet (2 bytes of it had come)\n"
        ),
    );
    peer.finish();
}

#[test]
fn pub_sends_connect_publish_disconnect_and_nothing_else() {
    let peer = Peer::new(|connection| {
        connection.expect(b"\x10\x15\x00\x04MQTT\x04\xc2\x00\x3c\x00\x03abc\x00\x01u\x00\x01p");
        connection.send(CONNACK_311);
        connection.expect(b"\x31\x06\x00\x03a/bx");
        connection.expect(b"\xe0\x00");
        connection.expect_end();
    });
    let args = ["-V", "311", "-i", "abc", "-u", "u", "-P", "p"];
    let mut args = peer.args("pub", &args);
    args.extend(["-t", "a/b", "-m", "x", "-r"]);
    run(&args).expect(0, "");
    peer.finish();
}

#[test]
fn a_connection_lost_before_the_puback_is_exit_4() {
    let peer = Peer::after(CONNACK_5, |connection| {
        connection.expect(b"\x32\x07\x00\x01t\x00\x01\x00a");
        connection.expect(b"\x32\x07\x00\x01t\x00\x02\x00b");
        connection.send(b"\x40\x02\x00\x01");
    });
    let ended = run_with_input(&peer.args("pub", &["-t", "t", "-q", "1", "-l"]), b"a\nb\n");
    let port = &peer.port;
    ended.expect(
        4,
        &format!(
            "midge: lost the connection to 127.0.0.1:{port}: the broker closed the connection (1 of 2 messages were acknowledged)\n"
        ),
    );
    peer.finish();
}

#[test]
fn a_refused_message_ends_with_the_reason_code() {
    for (qos, answer, code, sentence) in [
        (
            "1",
            &b"\x40\x03\x00\x01\x97"[..],
            151,
            "midge: the broker refused the message to 't': 0x97 Quota exceeded\n",
        ),
        (
            "2",
            b"\x50\x09\x00\x01\x87\x05\x1f\x00\x02no",
            135,
            "midge: the broker refused the message to 't': 0x87 Not authorized, it says 'no'\n",
        ),
    ] {
        let peer = Peer::after(CONNACK_5, |connection| {
            connection.packet();
            connection.send(answer);
            connection.expect(b"\xe0\x00");
            connection.expect_end();
        });
        run(&peer.args("pub", &["-t", "t", "-q", qos, "-m", "x"])).expect(code, sentence);
        peer.finish();
    }
}

#[test]
fn one_refused_line_does_not_stop_the_others() {
    let peer = Peer::after(CONNACK_5, |connection| {
        for _ in 0..3 {
            connection.packet();
        }
        connection.send(b"\x40\x02\x00\x01\x40\x03\x00\x02\x87\x40\x02\x00\x03");
        connection.expect(b"\xe0\x00");
    });
    run_with_input(&peer.args("pub", &["-t", "t", "-q", "1", "-l"]), b"a\nb\nc").expect(
        135,
        "midge: the broker refused 1 of 3 messages to 't': 0x87 Not authorized\n",
    );
    peer.finish();
}

#[test]
fn a_line_is_sent_when_it_is_there() {
    let (go_on, wait) = std::sync::mpsc::channel();
    let peer = Peer::after(CONNACK_5, move |connection| {
        connection.expect(b"\x30\x05\x00\x01t\x00a");
        go_on.send(()).expect("the test waits");
        connection.expect(b"\x30\x05\x00\x01t\x00b");
        connection.expect(b"\xe0\x00");
    });
    let args = peer.args("pub", &["-t", "t", "-l"]);
    let mut running = Running::start(midge(&args));
    running.stdin().write_all(b"a\n").expect("it reads");
    wait.recv_timeout(Duration::from_secs(30))
        .expect("the line comes before stdin ends");
    running.stdin().write_all(b"b").expect("it reads");
    running.wait().expect(0, "");
    peer.finish();
}

#[test]
fn the_receive_maximum_of_the_broker_is_kept() {
    let peer = Peer::after(b"\x20\x06\x00\x00\x03\x21\x00\x01", |connection| {
        for payload in *b"abc" {
            let packet = connection.packet();
            assert_eq!(packet.last(), Some(&payload));
            // Nothing more may come before the acknowledgement.
            let short = Some(Duration::from_millis(50));
            connection
                .stream
                .set_read_timeout(short)
                .expect("a time-out");
            assert!(connection.stream.read(&mut [0]).is_err());
            let long = Some(Duration::from_secs(30));
            connection
                .stream
                .set_read_timeout(long)
                .expect("a time-out");
            connection.send(&[0x40, 2, packet[5], packet[6]]);
        }
        connection.expect(b"\xe0\x00");
    });
    run_with_input(
        &peer.args("pub", &["-t", "t", "-q", "1", "-l"]),
        b"a\nb\nc\n",
    )
    .expect(0, "");
    peer.finish();
}

#[test]
fn what_the_broker_would_not_take_is_not_sent() {
    for (connack, args, code, sentence) in [
        (
            &b"\x20\x08\x00\x00\x05\x27\x00\x00\x00\x07"[..],
            ["-t", "t", "-m", "xyz"].as_slice(),
            149,
            "midge: cannot publish to 't': the message makes a packet of 9 bytes, and the broker takes 7\n",
        ),
        (
            b"\x20\x05\x00\x00\x02\x24\x01",
            &["-t", "t", "-m", "x", "-q", "2"],
            155,
            "midge: cannot publish to 't': the broker takes messages up to QoS 1, not 2\n",
        ),
        (
            b"\x20\x05\x00\x00\x02\x25\x00",
            &["-t", "t", "-m", "x", "-r"],
            154,
            "midge: cannot publish to 't': the broker keeps no retained messages\n",
        ),
    ] {
        let peer = Peer::after(connack, |connection| {
            connection.expect(b"\xe0\x00");
            connection.expect_end();
        });
        run(&peer.args("pub", args)).expect(code, sentence);
        peer.finish();
    }
}

#[test]
fn a_refused_subscription_names_its_filter() {
    for (version, connack, suback, code, reason) in [
        (
            "5",
            CONNACK_5,
            &b"\x90\x05\x00\x01\x00\x00\x87"[..],
            135,
            "0x87 Not authorized",
        ),
        (
            "311",
            CONNACK_311,
            b"\x90\x04\x00\x01\x00\x80",
            128,
            "0x80 Failure",
        ),
    ] {
        let peer = Peer::after(connack, |connection| {
            assert_eq!(connection.packet()[0], 0x82);
            connection.send(suback);
            assert_eq!(connection.packet(), b"\xe0\x00");
        });
        run(&peer.args("sub", &["-V", version, "-t", "a", "-t", "b/#"])).expect(
            code,
            &format!("midge: the broker refused the subscription to 'b/#': {reason}\n"),
        );
        peer.finish();
    }
}

#[test]
fn a_broker_that_leaves_says_why() {
    let peer = Peer::after(CONNACK_5, |connection| {
        connection.packet();
        connection.send(b"\x90\x04\x00\x01\x00\x00\x30\x05\x00\x01t\x00x\xe0\x01\x8e");
    });
    let ended = run(&peer.args("sub", &["-t", "t"]));
    assert_eq!(ended.text(), "x\n", "what came before is printed");
    let port = &peer.port;
    ended.expect(
        142,
        &format!(
            "midge: lost the connection to 127.0.0.1:{port}: the broker ended the connection: 0x8e Session taken over\n"
        ),
    );
    peer.finish();
}

#[test]
fn a_broker_that_breaks_the_protocol_is_exit_4() {
    let peer = Peer::after(CONNACK_5, |connection| {
        connection.packet();
        // QoS 3.
        connection.send(b"\x90\x04\x00\x01\x00\x00\x36\x07\x00\x01t\x00\x01\x00x");
        connection.expect(b"\xe0\x01\x81");
        connection.expect_end();
    });
    let ended = run(&peer.args("sub", &["-t", "t"]));
    assert_eq!(ended.code(), 4);
    assert!(ended.stderr.contains("MQTT-3.3.1-4"), "{}", ended.stderr);
    peer.finish();
}

#[test]
fn sub_ends_at_its_count_and_acknowledges_no_more() {
    let peer = Peer::after(CONNACK_5, |connection| {
        connection.packet();
        connection.send(b"\x90\x04\x00\x01\x00\x01");
        connection.send(
            b"\x32\x07\x00\x01t\x00\x01\x00a\x32\x07\x00\x01t\x00\x02\x00b\x32\x07\x00\x01t\x00\x03\x00c",
        );
        connection.expect(b"\x40\x02\x00\x01");
        connection.expect(b"\x40\x02\x00\x02");
        connection.expect(b"\xe0\x00");
        connection.expect_end();
    });
    let ended = run(&peer.args("sub", &["-t", "t", "-q", "1", "-C", "2"]));
    assert_eq!(ended.text(), "a\nb\n");
    ended.expect(0, "");
    peer.finish();
}

#[test]
fn the_time_of_w_ends_with_27() {
    let peer = Peer::after(CONNACK_5, |connection| {
        connection.packet();
        connection.send(b"\x90\x04\x00\x01\x00\x00\x30\x05\x00\x01t\x00x");
        connection.expect(b"\xe0\x00");
        connection.expect_end();
    });
    let ended = run(&peer.args("sub", &["-t", "t", "-C", "2", "-W", "0.3"]));
    assert_eq!(ended.text(), "x\n");
    ended.expect(27, "");
    peer.finish();
}

/// With keep alive 0 nothing else would end it.
#[test]
fn pub_w_ends_the_wait_for_a_broker_that_never_acknowledges() {
    let peer = Peer::after(CONNACK_5, |connection| {
        connection.expect(b"\x32\x07\x00\x01t\x00\x01\x00x");
        connection.expect(b"\xe0\x00");
        connection.expect_end();
    });
    let flags = ["-t", "t", "-m", "x", "-q", "1", "-k", "0", "-W", "0.3"];
    run(&peer.args("pub", &flags))
        .expect(27, "midge: 1 of 1 messages were not acknowledged in time\n");
    peer.finish();
}

#[test]
fn pub_w_ends_the_wait_for_connack() {
    let peer = Peer::new(|connection| {
        assert_eq!(connection.packet()[0], 0x10);
        connection.expect_end();
    });
    run(&peer.args("pub", &["-t", "t", "-m", "x", "-W", "0.3"])).expect(27, "");
    peer.finish();
}

#[test]
fn output_selection() {
    let messages = b"\x90\x04\x00\x01\x00\x00\
        \x31\x07\x00\x03a/b\x00x\
        \x30\x07\x00\x03a/c\x00y\
        \x31\x06\x00\x03a/d\x00\
        \x30\x07\x00\x03a/e\x00z";
    for (args, printed) in [
        (["-C", "4"].as_slice(), "x\ny\nz\n"),
        (&["-C", "4", "-v"], "a/b x\na/c y\na/d (null)\na/e z\n"),
        (&["-C", "4", "-N"], "xyz"),
        (&["-C", "2", "-R"], "y\nz\n"),
        (&["-C", "3", "-T", "+/c"], "x\nz\n"),
        (&["--retained-only"], "x\n"),
    ] {
        let peer = Peer::after(CONNACK_5, move |connection| {
            connection.packet();
            connection.send(messages);
            connection.expect(b"\xe0\x00");
        });
        let mut all = peer.args("sub", &["-t", "#"]);
        all.extend_from_slice(args);
        let ended = run(&all);
        assert_eq!(ended.text(), printed, "{args:?}");
        ended.expect(0, "");
        peer.finish();
    }
}

#[test]
fn json_lines_carry_properties_and_binary_payloads() {
    let peer = Peer::after(CONNACK_5, |connection| {
        connection.packet();
        connection.send(b"\x90\x04\x00\x01\x00\x01\x32\x0c\x00\x01t\x00\x07\x05\x03\x00\x02ab\xff");
        connection.packet();
    });
    let ended = run(&peer.args("sub", &["-t", "t", "-q", "1", "-C", "1", "--json"]));
    let object: serde_json::Value = serde_json::from_slice(&ended.stdout).expect("JSON");
    assert_eq!(object["type"], "PUBLISH");
    assert_eq!(object["version"], "5.0");
    assert_eq!(object["qos"], 1);
    assert_eq!(object["packet_id"], 7);
    assert_eq!(object["topic"], "t");
    assert_eq!(object["properties"]["content_type"], "ab");
    assert_eq!(object["payload_hex"], "ff");
    assert_eq!(object.get("payload"), None);
    peer.finish();
}

#[test]
fn a_closed_pipe_is_no_error() {
    let peer = Peer::after(CONNACK_5, |connection| {
        connection.packet();
        connection.send(b"\x90\x04\x00\x01\x00\x00\x30\x05\x00\x01t\x00x");
        connection.expect(b"\xe0\x00");
    });
    let mut command = midge(&peer.args("sub", &["-t", "t"]));
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    let ended = command
        .stdout(Stdio::from(writer))
        .stderr(Stdio::piped())
        .output()
        .expect("it runs");
    assert_eq!(ended.status.code(), Some(0));
    assert_eq!(ended.stderr, b"");
    peer.finish();
}

#[cfg(unix)]
#[test]
fn a_signal_ends_with_a_farewell() {
    use rustix::process::Signal;
    for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143)] {
        for command in ["sub", "pub"] {
            let (subscribed, wait) = std::sync::mpsc::channel();
            let peer = Peer::after(CONNACK_5, move |connection| {
                connection.packet();
                subscribed.send(()).expect("the test waits");
                connection.expect(b"\xe0\x00");
                connection.expect_end();
            });
            let mut args = peer.args(command, &["-t", "t"]);
            if command == "pub" {
                args.push("-l");
            }
            let mut running = Running::start(midge(&args));
            if command == "pub" {
                running.stdin().write_all(b"x\n").expect("it reads");
            }
            wait.recv_timeout(Duration::from_secs(30))
                .expect("it connects");
            running.signal(signal);
            running.wait_for_end().expect(code, "");
            peer.finish();
        }
    }
}

#[test]
fn wrong_usage_is_exit_2_and_one_sentence() {
    for (args, sentence) in [
        (
            ["pub", "-m", "x"].as_slice(),
            "no topic to publish to: give -t",
        ),
        (
            &["pub", "-t", "t"],
            "no message to publish: give one of -m, -f, -s, -l and -n",
        ),
        (
            &["pub", "-t", "t", "-m", "x", "-n"],
            "more than one message source: give only one of -m, -f, -s, -l and -n",
        ),
        (
            &["pub", "-t", "t", "-m", "x", "-q", "3"],
            "-q takes a QoS of 0, 1 or 2, not 3",
        ),
        (
            &["pub", "-t", "a/+", "-m", "x"],
            "'a/+' is not a topic to publish to: a topic name may not hold the wildcard '+' (byte 2)",
        ),
        (&["sub"], "nothing to subscribe to: give -t"),
        (
            &["sub", "-t", "a#"],
            "'a#' is not a topic filter: '#' must be the last character and fill a level of its own (byte 1)",
        ),
        (
            &["sub", "-t", "$share/g"],
            "'$share/g' is not a topic filter: a shared subscription is $share/NAME/FILTER, and the name or the filter is missing",
        ),
        (&["sub", "-t", "t", "-C", "0"], "-C takes 1 or more"),
        (
            &["sub", "-t", "t", "-W", "soon"],
            "-W takes a time as in 5, 0.5, 500ms, 10s, 2m or 1h, not 'soon'",
        ),
        (
            &["sub", "-t", "t", "-c"],
            "a session that is kept wants a client id to be found by: give -i",
        ),
        (
            &["sub", "-t", "t", "-V", "311", "-i", "c", "-x", "5"],
            "the session expiry interval (-x) does not exist in MQTT 3.1.1: use -c, or -V 5",
        ),
        (
            &["sub", "-L", "http://h", "-t", "t"],
            "-L takes mqtt://[USER[:PASSWORD]@]HOST[:PORT][/TOPIC]: the scheme 'http' is not supported",
        ),
    ] {
        run(args).expect(2, &format!("midge: {sentence}\n"));
    }
}

#[test]
fn what_the_rumqttc_engine_cannot_do_is_wrong_usage() {
    for (args, what) in [
        (["-V", "31"], "MQTT 3.1"),
        (["-k", "4"], "a keep alive under 5 s in MQTT 5.0"),
    ] {
        let mut all = vec!["sub", "-h", "127.0.0.1", "-p", "9", "-t", "t"];
        all.extend(["--engine", "rumqttc"]);
        all.extend(args);
        run(&all).expect(2, &format!("midge: the engine rumqttc cannot do {what}\n"));
    }
}

/// Its queue holds 100 messages, and with QoS 0 nothing comes back that would say it has room.
#[test]
fn the_rumqttc_engine_takes_more_messages_than_its_queue_holds() {
    const COUNT: usize = 250;
    for (version, connack, publish) in [
        ("311", CONNACK_311, &b"\x30\x04\x00\x01tx"[..]),
        ("5", CONNACK_5, b"\x30\x05\x00\x01t\x00x"),
    ] {
        let peer = Peer::after(connack, |connection| {
            for _ in 0..COUNT {
                connection.expect(publish);
            }
            assert_eq!(connection.packet()[0], 0xe0);
            connection.expect_end();
        });
        let flags = ["-V", version, "--engine", "rumqttc", "-t", "t", "-l"];
        run_with_input(&peer.args("pub", &flags), &b"x\n".repeat(COUNT)).expect(0, "");
        peer.finish();
    }
}

#[test]
fn a_file_that_cannot_be_read_is_exit_1() {
    let ended = run(&["pub", "-t", "t", "-f", "/no/such/file"]);
    ended.expect(
        1,
        "midge: cannot read /no/such/file: No such file or directory (os error 2)\n",
    );
}

#[test]
fn the_environment_says_where_the_broker_is() {
    for names in [["MQTT_URL", "MQTT_PORT"], ["MQTT_PORT", "MQTT_HOST"]] {
        let peer = Peer::after(CONNACK_5, |connection| {
            connection.expect(b"\x30\x05\x00\x01t\x00x");
        });
        let mut command = midge(&["pub", "-t", "t", "-m", "x"]);
        for name in names {
            command.env(
                name,
                match name {
                    "MQTT_URL" => format!("mqtt://127.0.0.1:{}", peer.port),
                    "MQTT_HOST" => "127.0.0.1".to_owned(),
                    _ => peer.port.clone(),
                },
            );
        }
        Running::start(command).wait().expect(0, "");
        peer.finish();
    }
}
