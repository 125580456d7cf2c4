//! pub and sub and a broker that goes away, refuses the version, or says nothing.

use std::time::{Duration, Instant};

use crate::client_scripted::{Connection, Peer, Script};
use crate::program::{run, run_with_input};

const CONNACK_5: &[u8] = b"\x20\x03\x00\x00\x00";
const SESSION_PRESENT_5: &[u8] = b"\x20\x03\x01\x00\x00";
const CONNACK_311: &[u8] = b"\x20\x02\x00\x00";
const SUBACK_5: &[u8] = b"\x90\x04\x00\x01\x00\x01";

fn script(script: impl FnOnce(&mut Connection) + Send + 'static) -> Script {
    Box::new(script)
}

/// Takes CONNECT and answers it; gives the protocol level and the flags.
fn answer_connect(connection: &mut Connection, connack: &[u8]) -> (u8, u8) {
    let connect = connection.packet();
    assert_eq!(connect[0], 0x10, "CONNECT first");
    connection.send(connack);
    (connect[8], connect[9])
}

/// stderr with the port and the pauses, which are random, taken out.
fn notes(stderr: &str, peer: &Peer) -> Vec<String> {
    let stderr = stderr.replace(&format!("127.0.0.1:{}", peer.port), "BROKER");
    let notes = stderr
        .lines()
        .map(|line| match line.split_once("again in 0.") {
            Some((before, _)) => format!("{before}again"),
            None => line.to_owned(),
        });
    notes.collect()
}

#[test]
fn qos_2_goes_on_where_it_was() {
    let peer = Peer::each([
        script(|connection| {
            // Clean Start, and a Session Expiry Interval of 31 s: the session outlives the loss.
            connection
                .expect(b"\x10\x13\x00\x04MQTT\x05\x02\x00\x3c\x05\x11\x00\x00\x00\x1f\x00\x01c");
            connection.send(CONNACK_5);
            connection.expect(b"\x34\x07\x00\x01t\x00\x01\x00x");
        }),
        script(|connection| {
            assert_eq!(answer_connect(connection, SESSION_PRESENT_5), (5, 0));
            // DUP, the same id.
            connection.expect(b"\x3c\x07\x00\x01t\x00\x01\x00x");
            connection.send(b"\x50\x02\x00\x01");
            connection.expect(b"\x62\x02\x00\x01");
        }),
        script(|connection| {
            assert_eq!(answer_connect(connection, SESSION_PRESENT_5), (5, 0));
            connection.expect(b"\x62\x02\x00\x01");
            connection.send(b"\x70\x02\x00\x01");
            // DISCONNECT that ends the session.
            connection.expect(b"\xe0\x07\x00\x05\x11\x00\x00\x00\x00");
            connection.expect_end();
        }),
    ]);
    let flags = ["-t", "t", "-m", "x", "-q", "2", "-i", "c", "--retry", "30s"];
    let ended = run(&peer.args("pub", &flags));
    assert_eq!(
        notes(&ended.stderr, &peer),
        [
            "midge: lost the connection to BROKER: the broker closed the connection; trying again",
            "midge: connected to BROKER again, the session goes on",
            "midge: lost the connection to BROKER: the broker closed the connection; trying again",
            "midge: connected to BROKER again, the session goes on",
        ]
    );
    assert_eq!(ended.code(), 0);
    peer.finish();
}

#[test]
fn a_session_that_is_gone_is_subscribed_anew() {
    let peer = Peer::each([
        script(|connection| {
            answer_connect(connection, CONNACK_5);
            connection.expect(b"\x82\x07\x00\x01\x00\x00\x01t\x01");
            connection.send(SUBACK_5);
            connection.send(b"\x32\x07\x00\x01t\x00\x01\x00a");
            connection.expect(b"\x40\x02\x00\x01");
        }),
        script(|connection| {
            answer_connect(connection, SESSION_PRESENT_5);
            // Nothing to ask for.
            connection.send(b"\x32\x07\x00\x01t\x00\x01\x00b");
            connection.expect(b"\x40\x02\x00\x01");
        }),
        script(|connection| {
            answer_connect(connection, CONNACK_5);
            // A new session, and its ids begin anew.
            connection.expect(b"\x82\x07\x00\x01\x00\x00\x01t\x01");
            connection.send(b"\x90\x04\x00\x01\x00\x01\x32\x07\x00\x01t\x00\x01\x00c");
            connection.expect(b"\x40\x02\x00\x01");
            connection.expect(b"\xe0\x07\x00\x05\x11\x00\x00\x00\x00");
        }),
    ]);
    let flags = ["-t", "t", "-q", "1", "-C", "3", "--retry", "forever"];
    let ended = run(&peer.args("sub", &flags));
    assert_eq!(ended.text(), "a\nb\nc\n");
    assert_eq!(ended.code(), 0, "{}", ended.stderr);
    assert_eq!(
        notes(&ended.stderr, &peer)[3],
        "midge: connected to BROKER again, with a new session"
    );
    peer.finish();
}

#[test]
fn a_subscription_that_is_not_given_again_ends_it() {
    let peer = Peer::each([
        script(|connection| {
            answer_connect(connection, CONNACK_5);
            connection.packet();
            connection.send(SUBACK_5);
        }),
        script(|connection| {
            answer_connect(connection, CONNACK_5);
            connection.packet();
            connection.send(b"\x90\x04\x00\x01\x00\x87");
            assert_eq!(connection.packet()[0], 0xe0);
        }),
    ]);
    let ended = run(&peer.args("sub", &["-t", "t", "--retry", "forever"]));
    assert_eq!(ended.code(), 135, "{}", ended.stderr);
    assert!(
        (ended.stderr)
            .ends_with("midge: the broker refused the subscription to 't': 0x87 Not authorized\n"),
        "{}",
        ended.stderr
    );
    peer.finish();
}

/// A request whose answer was lost is made again, and answered once.
#[test]
fn a_suback_that_was_lost_is_asked_for_again() {
    let peer = Peer::each([
        script(|connection| {
            answer_connect(connection, CONNACK_5);
            connection.expect(b"\x82\x07\x00\x01\x00\x00\x01t\x01");
        }),
        script(|connection| {
            answer_connect(connection, SESSION_PRESENT_5);
            connection.expect(b"\x82\x07\x00\x02\x00\x00\x01t\x01");
            connection.send(b"\x90\x04\x00\x02\x00\x01\x30\x05\x00\x01t\x00x");
            assert_eq!(connection.packet()[0], 0xe0);
        }),
    ]);
    let flags = ["-t", "t", "-q", "1", "-C", "1", "--retry", "10s"];
    let ended = run(&peer.args("sub", &flags));
    assert_eq!(ended.text(), "x\n");
    assert_eq!(ended.code(), 0, "{}", ended.stderr);
    peer.finish();
}

#[test]
fn what_will_not_go_away_is_not_tried_again() {
    for (version, connack, code) in [
        ("5", &b"\x20\x03\x00\x85\x00"[..], 133),
        ("5", b"\x20\x03\x00\x86\x00", 134),
        ("5", b"\x20\x03\x00\x87\x00", 135),
        ("5", b"\x20\x03\x00\x8a\x00", 138),
        ("311", b"\x20\x02\x00\x02", 133),
        ("311", b"\x20\x02\x00\x04", 134),
        ("311", b"\x20\x02\x00\x05", 135),
        ("5", b"HTTP/1.1 400 Bad Request\r\n\r\n", 3),
    ] {
        let peer = Peer::after(connack, |_| {});
        let ended = run(&peer.args("sub", &["-V", version, "-t", "t", "--retry", "forever"]));
        assert_eq!(ended.code(), code, "{}", ended.stderr);
        assert!(!ended.stderr.contains("again"), "{}", ended.stderr);
        peer.finish();
    }
    // After the connection stood: by DISCONNECT, by what comes in place of a packet, and by the
    // next CONNACK.
    for (bytes, code) in [
        (&b"\xe0\x01\x8e"[..], 142),
        (b"\xe0\x01\x98", 152),
        (b"\xe0\x01\x87", 135),
        (b"\x36\x07\x00\x01t\x00\x01\x00x", 4),
    ] {
        let peer = Peer::after(CONNACK_5, move |connection| {
            connection.packet();
            connection.send(bytes);
        });
        let ended = run(&peer.args("sub", &["-t", "t", "--retry", "forever"]));
        assert_eq!(ended.code(), code, "{}", ended.stderr);
        assert!(!ended.stderr.contains("again"), "{}", ended.stderr);
        peer.finish();
    }
    let peer = Peer::each([
        script(|connection| {
            answer_connect(connection, CONNACK_5);
        }),
        script(|connection| {
            answer_connect(connection, b"\x20\x03\x00\x87\x00");
        }),
    ]);
    let ended = run(&peer.args("sub", &["-t", "t", "--retry", "forever"]));
    assert_eq!(ended.code(), 135);
    assert_eq!(
        notes(&ended.stderr, &peer)[1],
        "midge: could not connect to BROKER again: the broker refused the connection: 0x87 Not authorized"
    );
    peer.finish();
}

#[test]
fn what_passes_is_tried_again() {
    let peer = Peer::each([
        script(|connection| {
            answer_connect(connection, b"\x20\x03\x00\x89\x00");
        }),
        script(|connection| {
            answer_connect(connection, b"\x20\x03");
        }),
        script(|connection| {
            answer_connect(connection, CONNACK_5);
            connection.expect(b"\x32\x07\x00\x01t\x00\x01\x00x");
            connection.send(b"\xe0\x01\x8b");
        }),
        script(|connection| {
            answer_connect(connection, CONNACK_5);
            connection.expect(b"\x32\x07\x00\x01t\x00\x01\x00x");
            connection.send(b"\x40\x02\x00\x01");
        }),
    ]);
    let flags = ["-t", "t", "-m", "x", "-q", "1", "--retry", "30s"];
    let ended = run(&peer.args("pub", &flags));
    assert_eq!(
        notes(&ended.stderr, &peer),
        [
            "midge: could not connect to BROKER: the broker refused the connection: 0x89 Server busy; trying again",
            "midge: could not connect to BROKER: before CONNACK, the broker closed the connection in the middle of a packet (2 bytes of it had come); trying again",
            "midge: lost the connection to BROKER: the broker ended the connection: 0x8b Server shutting down; trying again",
            "midge: connected to BROKER again, with a new session",
        ]
    );
    assert_eq!(ended.code(), 0);
    peer.finish();
}

#[test]
fn the_time_of_retry_ends_it() {
    // Nobody comes back.
    let peer = Peer::after(CONNACK_5, |connection| {
        connection.packet();
    });
    let start = Instant::now();
    let flags = ["-t", "t", "-m", "x", "-q", "1", "--retry", "500ms"];
    let ended = run(&peer.args("pub", &flags));
    assert!(start.elapsed() >= Duration::from_millis(500));
    assert_eq!(ended.code(), 4, "{}", ended.stderr);
    let notes = notes(&ended.stderr, &peer);
    assert_eq!(
        notes.last().map(String::as_str),
        Some(
            "midge: could not connect to BROKER again: Connection refused (tried BROKER) (0 of 1 messages were acknowledged)"
        )
    );
    let port = peer.port.clone();
    peer.finish();
    // Nobody ever came.
    let flags = ["-h", "127.0.0.1", "-p", &port, "-t", "t", "-m", "x"];
    let mut args = vec!["pub"];
    args.extend(flags);
    args.extend(["--retry", "0.3"]);
    let ended = run(&args);
    assert_eq!(ended.code(), 3, "{}", ended.stderr);
}

#[test]
fn every_line_arrives_over_a_lost_connection() {
    let peer = Peer::each([
        script(|connection| {
            // Receive Maximum 2.
            answer_connect(connection, b"\x20\x06\x00\x00\x03\x21\x00\x02");
            connection.expect(b"\x32\x07\x00\x01t\x00\x01\x00a");
            connection.expect(b"\x32\x07\x00\x01t\x00\x02\x00b");
            connection.send(b"\x40\x02\x00\x01");
            connection.expect(b"\x32\x07\x00\x01t\x00\x03\x00c");
        }),
        script(|connection| {
            answer_connect(connection, b"\x20\x06\x01\x00\x03\x21\x00\x02");
            connection.expect(b"\x3a\x07\x00\x01t\x00\x02\x00b");
            connection.expect(b"\x3a\x07\x00\x01t\x00\x03\x00c");
            connection.send(b"\x40\x02\x00\x02\x40\x02\x00\x03");
            connection.expect(b"\x32\x07\x00\x01t\x00\x04\x00d");
            connection.send(b"\x40\x02\x00\x04");
            assert_eq!(connection.packet()[0], 0xe0);
        }),
    ]);
    let flags = ["-t", "t", "-l", "-q", "1", "--retry", "30s"];
    let ended = run_with_input(&peer.args("pub", &flags), b"a\nb\nc\nd\n");
    assert_eq!(ended.code(), 0, "{}", ended.stderr);
    peer.finish();
}

#[test]
fn an_assigned_client_id_is_the_name_of_the_session() {
    let peer = Peer::each([
        script(|connection| {
            connection.packet();
            connection.send(b"\x20\x09\x00\x00\x06\x12\x00\x03one");
            connection.packet();
            connection.send(SUBACK_5);
        }),
        script(|connection| {
            let connect = connection.packet();
            assert!(connect.ends_with(b"\x00\x03one"), "{connect:?}");
            connection.send(SESSION_PRESENT_5);
            connection.send(b"\x30\x05\x00\x01t\x00x");
            assert_eq!(connection.packet()[0], 0xe0);
        }),
    ]);
    let flags = ["-t", "t", "-i", "", "-C", "1", "--retry", "10s"];
    let ended = run(&peer.args("sub", &flags));
    assert_eq!((ended.code(), ended.text()), (0, "x\n"), "{}", ended.stderr);
    peer.finish();
}

#[test]
fn a_broker_that_does_not_know_5_0_gets_3_1_1() {
    for (connack, says) in [
        (
            &b"\x20\x03\x00\x84\x00"[..],
            "0x84 Unsupported Protocol Version",
        ),
        (b"\x20\x02\x00\x01", "code 1 unacceptable protocol version"),
    ] {
        let peer = Peer::each([
            script(move |connection| {
                assert_eq!(answer_connect(connection, connack), (5, 2));
            }),
            script(|connection| {
                assert_eq!(answer_connect(connection, CONNACK_311), (4, 2));
                connection.expect(b"\x82\x06\x00\x01\x00\x01t\x00");
                connection.send(b"\x90\x03\x00\x01\x00\x30\x04\x00\x01tx");
                connection.expect(b"\xe0\x00");
            }),
        ]);
        let ended = run(&peer.args("sub", &["-t", "t", "-C", "1", "--json"]));
        assert!(ended.text().contains("\"3.1.1\""), "{}", ended.text());
        let port = &peer.port;
        ended.expect(
            0,
            &format!(
                "midge: 127.0.0.1:{port} does not take MQTT 5.0, it says {says}: going on with MQTT 3.1.1\n"
            ),
        );
        peer.finish();
        // A version that was asked for is meant, and so is what only 5.0 can do.
        for pin in [["-V", "5"].as_slice(), &["-i", "c", "-x", "60"]] {
            let peer = Peer::after(connack, Connection::expect_end);
            let mut args = peer.args("sub", &["-t", "t", "--retry", "forever"]);
            args.extend(pin);
            let port = &peer.port;
            run(&args).expect(
                132,
                &format!(
                    "midge: could not connect to 127.0.0.1:{port}: the broker refused the connection: {says}\n"
                ),
            );
            peer.finish();
        }
    }
}

fn hang_up() -> Script {
    script(|connection| {
        assert_eq!(connection.packet()[0], 0x10, "CONNECT");
    })
}

/// Whether the port speaks TLS.
fn probe() -> Script {
    script(|_| {})
}

/// RabbitMQ 3.10 does so.
#[test]
fn a_broker_that_hangs_up_on_5_0_gets_3_1_1() {
    let peer = Peer::each([
        hang_up(),
        probe(),
        script(|connection| {
            assert_eq!(answer_connect(connection, CONNACK_311), (4, 2));
            connection.expect(b"\x30\x04\x00\x01tx");
            connection.expect(b"\xe0\x00");
        }),
    ]);
    let port = &peer.port;
    run(&peer.args("pub", &["-t", "t", "-m", "x"])).expect(
        0,
        &format!(
            "midge: 127.0.0.1:{port} does not take MQTT 5.0, it closes the connection without an \
             answer: going on with MQTT 3.1.1\n"
        ),
    );
    peer.finish();
    // It was not about the version.
    let peer = Peer::each([hang_up(), probe(), hang_up(), probe()]);
    let port = &peer.port;
    run(&peer.args("pub", &["-t", "t", "-m", "x"])).expect(
        3,
        &format!(
            "midge: could not connect to 127.0.0.1:{port}: before CONNACK, the broker closed the \
             connection\n"
        ),
    );
    peer.finish();
}

/// Nobody who asks for 5.0, or opens many connections, is given another version unasked.
#[test]
fn a_broker_that_may_not_take_the_version_is_met_with_a_hint() {
    for (command, flags, scripts) in [
        (
            "pub",
            &["-t", "t", "-m", "x", "-V", "5"][..],
            vec![hang_up(), probe()],
        ),
        (
            "bench",
            &["--no-progress", "--subscribers", "0"],
            vec![hang_up()],
        ),
    ] {
        let peer = Peer::each(scripts);
        let port = &peer.port;
        run(&peer.args(command, flags)).expect(
            3,
            &format!(
                "midge: could not connect to 127.0.0.1:{port}: before CONNACK, the broker closed \
                 the connection; some that do not take MQTT 5.0 do that: try -V 311\n"
            ),
        );
        peer.finish();
    }
}

/// RabbitMQ 3.10 answers QoS 2 with PUBACK: that exchange would never end.
#[test]
fn a_broker_without_qos_2_is_found_out() {
    let peer = Peer::after(CONNACK_5, |connection| {
        assert_eq!(connection.packet()[0], 0x34, "PUBLISH at QoS 2");
        connection.send(b"\x40\x02\x00\x01");
        connection.packet();
    });
    let port = &peer.port;
    run(&peer.args("pub", &["-t", "t", "-m", "x", "-q", "2"])).expect(
        4,
        &format!(
            "midge: lost the connection to 127.0.0.1:{port}: the broker answers a message of QoS 2 \
             with PUBACK: it seems to have no QoS 2 (0 of 1 messages were acknowledged)\n"
        ),
    );
    peer.finish();
}

/// With keep alive 0 nothing else would end these.
#[test]
fn a_broker_that_says_nothing_more_is_given_up() {
    let hang = |bytes: &'static [u8]| {
        Peer::after(CONNACK_5, move |connection| {
            connection.packet();
            connection.send(bytes);
            connection.expect_end();
        })
    };
    for (bytes, sentence) in [
        (&b""[..], "the broker has acknowledged nothing for 0.3 s"),
        (
            b"\x90\x04\x00\x01\x00\x01\x30\x7f\x00\x01t",
            "the broker stopped in the middle of a packet: nothing came behind its first 5 bytes for 0.3 s",
        ),
    ] {
        let peer = hang(bytes);
        let flags = ["-t", "t", "-k", "0", "--answer-timeout", "300ms"];
        let ended = run(&peer.args("sub", &flags));
        let port = &peer.port;
        ended.expect(
            4,
            &format!("midge: lost the connection to 127.0.0.1:{port}: {sentence}\n"),
        );
        peer.finish();
    }
    let peer = hang(b"");
    let flags = ["-t", "t", "-k", "0", "-m", "x", "-q", "1"];
    let mut args = peer.args("pub", &flags);
    args.extend(["--answer-timeout", "0.3"]);
    let port = &peer.port;
    run(&args).expect(
        4,
        &format!(
            "midge: lost the connection to 127.0.0.1:{port}: the broker has acknowledged nothing for 0.3 s (0 of 1 messages were acknowledged)\n"
        ),
    );
    peer.finish();
}

/// Its buffers fill, and with keep alive 0 nothing else would end it.
#[test]
fn a_broker_that_reads_nothing_is_given_up() {
    let (go_on, wait) = std::sync::mpsc::channel();
    let peer = Peer::after(CONNACK_5, move |_| {
        let _ = wait.recv_timeout(Duration::from_secs(60));
    });
    let flags = ["-t", "t", "-k", "0", "-s", "--answer-timeout", "0.3"];
    let ended = run_with_input(&peer.args("pub", &flags), &vec![b'x'; 32 << 20]);
    go_on.send(()).expect("the broker waits");
    let port = &peer.port;
    ended.expect(
        4,
        &format!(
            "midge: lost the connection to 127.0.0.1:{port}: the broker has taken nothing for 0.3 s\n"
        ),
    );
    peer.finish();
}

/// The first two carry the topic, the others its alias.
#[test]
fn a_topic_that_comes_again_is_shortened_where_the_broker_takes_aliases() {
    // Topic Alias Maximum 1.
    let peer = Peer::after(b"\x20\x06\x00\x00\x03\x22\x00\x01", |connection| {
        connection.expect(b"\x30\x0b\x00\x07a/topic\x00a");
        connection.expect(b"\x30\x0e\x00\x07a/topic\x03\x23\x00\x01b");
        connection.expect(b"\x30\x07\x00\x00\x03\x23\x00\x01c");
        connection.expect(b"\x30\x07\x00\x00\x03\x23\x00\x01d");
        connection.expect(b"\xe0\x00");
    });
    run_with_input(&peer.args("pub", &["-t", "a/topic", "-l"]), b"a\nb\nc\nd\n").expect(0, "");
    peer.finish();
}

#[test]
fn wrong_times_are_wrong_usage() {
    run(&["sub", "-t", "t", "--retry", "soon"]).expect(
        2,
        "midge: --retry takes a time as in 30s or 2m, forever, or none, not 'soon'\n",
    );
    run(&["sub", "-t", "t", "--answer-timeout", "x"]).expect(
        2,
        "midge: --answer-timeout takes a time as in 5, 0.5, 500ms, 10s, 2m or 1h, not 'x'\n",
    );
}
