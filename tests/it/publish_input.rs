//! What `midge pub` takes: lines with topics and JSON lines, many topics, rates, forms of payloads;
//! and what becomes of input that is broken.

use std::io::Write;
use std::process::Stdio;
use std::time::{Duration, Instant};

use midge::broker::Config;

use crate::client_scripted::Peer;
use crate::program::{Ended, Running, midge, run, run_with_input};
use crate::test_broker::TestBroker;

const CONNACK_5: &[u8] = b"\x20\x03\x00\x00\x00";

/// The broker's address, behind the subcommand.
fn args<'a>(port: &'a str, command: &'a str, rest: &[&'a str]) -> Vec<&'a str> {
    let mut args = vec![command, "-h", "127.0.0.1", "-p", port];
    args.extend_from_slice(rest);
    args
}

fn port(broker: &TestBroker) -> String {
    broker.address.port().to_string()
}

/// What a subscriber to everything prints while `pub` runs with this.
fn through_broker(publish: &[&str], input: &[u8], count: &str) -> (Ended, Ended) {
    let broker = TestBroker::start();
    let port = port(&broker);
    let subscribe = ["-t", "#", "-q", "2", "-v", "-C", count, "-W", "30"];
    let subscriber = Running::start(midge(&args(&port, "sub", &subscribe)));
    broker.wait_for("subscribed");
    let published = run_with_input(&args(&port, "pub", publish), input);
    (published, subscriber.wait_for_end())
}

#[test]
fn every_message_goes_to_every_topic() {
    let (published, received) =
        through_broker(&["-t", "a", "-t", "b/c", "-q", "1", "-l"], b"1\n2", "4");
    published.expect(0, "");
    assert_eq!(received.text(), "a 1\nb/c 1\na 2\nb/c 2\n");
}

#[test]
fn lines_bring_their_topics() {
    let input = b"a/b\tone\ttab\n\nc d\t\na/b\ttwo\n";
    let (published, received) = through_broker(&["--lines-with-topic"], input, "3");
    published.expect(0, "");
    assert_eq!(received.text(), "a/b one\ttab\nc d (null)\na/b two\n");
}

#[test]
fn flags_fill_in_what_a_json_line_does_not_say() {
    let peer = Peer::after(CONNACK_5, |connection| {
        // QoS 1 and RETAIN of the flags, its own topic.
        connection.expect(b"\x33\x07\x00\x01a\x00\x01\x00x");
        // QoS 0 and no RETAIN of its own, the topic of the flags.
        connection.expect(b"\x30\x05\x00\x01t\x00y");
        // A property of its own.
        connection.expect(b"\x33\x09\x00\x01t\x00\x02\x02\x01\x01z");
        connection.send(b"\x40\x02\x00\x01\x40\x02\x00\x02");
        connection.expect(b"\xe0\x00");
    });
    let args = peer.args("pub", &["--json-lines", "-t", "t", "-q", "1", "-r"]);
    let input = b"{\"topic\":\"a\",\"payload\":\"x\"}\n\
        {\"payload_hex\":\"79\",\"qos\":0,\"retain\":false}\n\n\
        {\"payload\":\"z\",\"properties\":{\"payload_format_indicator\":1}}";
    run_with_input(&args, input).expect(0, "");
    peer.finish();
}

#[test]
fn what_sub_prints_pub_sends_unchanged() {
    // Every property of PUBLISH, a payload that is no text, QoS 2 and RETAIN.
    let publish =
        b"\x35\x45\x00\x01t\x00\x07\x3d\x01\x00\x02\x00\x00\x00\x3c\x03\x00\x01c\x08\x00\x01r\
        \x09\x00\x02\x00\xff\x0b\x05\x23\x00\x01\x26\x00\x01a\x00\x011\x26\x00\x01a\x00\x012\
        \x26\x00\x03\xc3\xa4\x22\x00\x0e\\ \xe2\x82\xac\xf0\x9f\xa6\x9f\t\n\"\xc3\x9f\xff\x00";
    // The same without subscription identifier and alias, as the first of another connection.
    let forwarded =
        b"\x35\x40\x00\x01t\x00\x01\x38\x01\x00\x02\x00\x00\x00\x3c\x03\x00\x01c\x08\x00\x01r\
        \x09\x00\x02\x00\xff\x26\x00\x01a\x00\x011\x26\x00\x01a\x00\x012\
        \x26\x00\x03\xc3\xa4\x22\x00\x0e\\ \xe2\x82\xac\xf0\x9f\xa6\x9f\t\n\"\xc3\x9f\xff\x00";
    assert_eq!(publish.len(), 2 + 0x45);
    assert_eq!(forwarded.len(), 2 + 0x40);
    let source = Peer::after(CONNACK_5, move |connection| {
        connection.packet();
        connection.send(b"\x90\x04\x00\x01\x00\x02");
        connection.send(publish);
        // PUBREC, and whatever the end brings.
        connection.packet();
    });
    let received = run(&source.args(
        "sub",
        &[
            "-t",
            "#",
            "-q",
            "2",
            "--json",
            "-C",
            "1",
            "-D",
            "connect",
            "topic-alias-maximum",
            "9",
        ],
    ));
    source.finish();
    let target = Peer::after(CONNACK_5, move |connection| {
        assert_eq!(connection.packet(), forwarded);
        connection.send(b"\x50\x02\x00\x01");
        connection.expect(b"\x62\x02\x00\x01");
        connection.send(b"\x70\x02\x00\x01");
        connection.expect(b"\xe0\x00");
    });
    run_with_input(&target.args("pub", &["--json-lines"]), &received.stdout).expect(0, "");
    target.finish();
}

#[test]
fn broken_lines_end_it_when_everything_before_is_acknowledged() {
    let good = "{\"topic\":\"t\",\"payload\":\"x\"}\n".repeat(2);
    for (flags, input, code, sentence) in [
        (
            &["--json-lines"][..],
            format!("{good}\n{{\"topic\":\"t\",\"payload\":x}}\n{good}"),
            1,
            "midge: line 4 of stdin: expected value (column 24) (2 messages before it were sent)\n",
        ),
        (
            &["--json-lines", "-q", "1"],
            format!("{good}{{\"topic\":\"t\"}}\n{good}"),
            1,
            "midge: line 3 of stdin: it has neither payload nor payload_hex (column 13) (2 of 2 messages before it were acknowledged)\n",
        ),
        (
            &["--json-lines", "-q", "2"],
            format!("{good}{{\"topic\":\"#\",\"payload\":\"\"}}\n"),
            1,
            "midge: line 3 of stdin: '#' is not a topic to publish to: a topic name may not hold the wildcard '#' (byte 0) (2 of 2 messages before it were acknowledged)\n",
        ),
        (
            &["--json-lines"],
            "{\"payload\":\"x\"}".to_owned(),
            1,
            "midge: line 1 of stdin: it has no topic, and there is no -t\n",
        ),
        (
            &["--lines-with-topic"],
            "t\tx\nt x\n".to_owned(),
            1,
            "midge: line 2 of stdin: there is no tab between topic and payload (1 message before it was sent)\n",
        ),
        (
            &["-l", "-t", "t", "--decode", "hex"],
            "00\n0x\n".to_owned(),
            1,
            "midge: line 2 of stdin: the payload is no hex: something that is no hex digit (byte 1) (1 message before it was sent)\n",
        ),
    ] {
        let broker = TestBroker::start();
        let port = port(&broker);
        let ended = run_with_input(&args(&port, "pub", flags), input.as_bytes());
        ended.expect(code, sentence);
    }
}

#[test]
fn a_message_that_is_too_large_stops_after_what_was_before_it() {
    let broker = TestBroker::with(Config {
        max_packet_size: 100,
        ..Config::default()
    });
    let port = port(&broker);
    let input = format!("a\nb\n{}\nc\n", "x".repeat(200));
    run_with_input(&args(&port, "pub", &["-t", "t", "-q", "1", "-l"]), input.as_bytes()).expect(
        149,
        "midge: cannot publish to 't': the message makes a packet of 209 bytes, and the broker takes 100 (2 of 2 messages before it were acknowledged)\n",
    );
}

#[test]
fn a_refused_message_among_many_topics_is_named() {
    let peer = Peer::after(CONNACK_5, |connection| {
        connection.packet();
        connection.packet();
        connection.send(b"\x40\x02\x00\x01\x40\x03\x00\x02\x87");
        connection.expect(b"\xe0\x00");
    });
    run(&peer.args("pub", &["-t", "a", "-t", "b", "-q", "1", "-m", "x"])).expect(
        135,
        "midge: the broker refused 1 of 2 messages, the one to 'b': 0x87 Not authorized\n",
    );
    peer.finish();
}

#[test]
fn payloads_in_another_form() {
    for (flags, input, payload) in [
        (
            &["--decode", "hex", "-m", "00 ff"][..],
            &b""[..],
            &b"\x00\xff"[..],
        ),
        (&["--decode", "base64", "-s"], b"aGk=\n", b"hi"),
        (&["--encode", "hex", "-m", "hi"], b"", b"6869"),
        (&["--encode", "base64", "-m", "hi"], b"", b"aGk="),
        (&["--encode", "json", "-m", " [ 1 ] "], b"", b"[1]"),
        (
            &["--encode", "cbor", "-m", "{\"a\":1}"],
            b"",
            b"\xa1\x61a\x01",
        ),
        (&["--encode", "msgpack", "-m", "[true]"], b"", b"\x91\xc3"),
        (
            &["--decode", "hex", "--encode", "base64", "-m", "6869"],
            b"",
            b"aGk=",
        ),
        (&["--decode", "cbor", "-s"], b"\x82\x01\xf6", b"[1,null]"),
        (&["--encode", "json", "-n"], b"", b""),
    ] {
        let mut expected = vec![0x30, 4 + payload.len() as u8, 0, 1, b't', 0];
        expected.extend_from_slice(payload);
        let peer = Peer::after(CONNACK_5, move |connection| {
            connection.expect(&expected);
            connection.expect(b"\xe0\x00");
        });
        let args = peer.args("pub", &[&["-t", "t"], flags].concat());
        run_with_input(&args, input).expect(0, "");
        peer.finish();
    }
}

#[test]
fn wrong_usage_and_wrong_payloads_are_one_sentence() {
    for (flags, code, sentence) in [
        (
            &["-t", "t", "--encode", "cbor", "-m", "{"][..],
            2,
            "midge: the payload is no JSON: EOF while parsing an object (byte 0)\n",
        ),
        (
            &["-t", "t", "--encode", "xml", "-m", "x"],
            2,
            "midge: --encode takes hex, base64, json, cbor or msgpack, not 'xml'\n",
        ),
        (
            &["-t", "t", "--rate", "fast", "-m", "x"],
            2,
            "midge: --rate takes a rate as in 100/s, 10/m, 1k/s or 5/h, not 'fast'\n",
        ),
        (
            &["--json-lines", "-m", "x"],
            2,
            "midge: --json-lines reads messages from stdin or from -f: give none of -m, -s and -n\n",
        ),
        (
            &["--lines-with-topic", "-t", "t"],
            2,
            "midge: with --lines-with-topic every line has its topic: leave -t out\n",
        ),
        (
            &["-t", "a", "-t", "b/#", "-m", "x"],
            2,
            "midge: 'b/#' is not a topic to publish to: a topic name may not hold the wildcard '#' (byte 2)\n",
        ),
        (
            &["--json-lines", "-f", "/nowhere/at/all"],
            1,
            "midge: cannot read /nowhere/at/all: No such file or directory (os error 2)\n",
        ),
    ] {
        // Nothing of this needs a broker.
        run(&[&["pub", "-p", "1"], flags].concat()).expect(code, sentence);
    }
}

#[test]
fn a_rate_is_kept() {
    let broker = TestBroker::start();
    let port = port(&broker);
    let start = Instant::now();
    run_with_input(
        &args(&port, "pub", &["-t", "t", "-l", "--rate", "50/s"]),
        "x\n".repeat(26).as_bytes(),
    )
    .expect(0, "");
    // 25 distances of 20 ms.
    let elapsed = start.elapsed();
    assert!(elapsed >= Duration::from_millis(500), "{elapsed:?}");
    assert!(elapsed < Duration::from_secs(20), "{elapsed:?}");
}

#[test]
fn messages_leave_while_the_rate_makes_others_wait() {
    let peer = Peer::after(CONNACK_5, |connection| {
        connection.expect(b"\x30\x05\x00\x01t\x00a");
        connection.expect(b"\x30\x05\x00\x01t\x00b");
    });
    let args = peer.args("pub", &["-t", "t", "-l", "--rate", "2/s", "-W", "10"]);
    run_with_input(&args, b"a\nb\nc\n");
    peer.finish();
}

/// The broker goes away in the middle: what it acknowledged is counted.
#[test]
fn what_was_acknowledged_stays_counted() {
    let peer = Peer::after(CONNACK_5, |connection| {
        for _ in 0..3 {
            connection.packet();
        }
        connection.send(b"\x40\x02\x00\x01\x40\x02\x00\x02");
    });
    let input = "{\"topic\":\"t\",\"payload\":\"x\"}\n".repeat(3);
    let ended = run_with_input(
        &peer.args("pub", &["--json-lines", "-q", "1"]),
        input.as_bytes(),
    );
    assert_eq!(ended.code(), 4, "{ended:?}");
    let counted = "(2 of 3 messages were acknowledged)\n";
    assert!(ended.stderr.ends_with(counted), "{}", ended.stderr);
    peer.finish();
}

#[test]
fn properties_are_left_out_before_5_0_and_that_is_said() {
    let peer = Peer::after(b"\x20\x02\x00\x00", |connection| {
        connection.expect(b"\x30\x04\x00\x01tx");
        connection.expect(b"\x30\x04\x00\x01tx");
        connection.expect(b"\xe0\x00");
    });
    let line = "{\"topic\":\"t\",\"payload\":\"x\",\"properties\":{\"content_type\":\"c\"}}\n";
    run_with_input(
        &peer.args("pub", &["--json-lines", "-V", "311"]),
        line.repeat(2).as_bytes(),
    )
    .expect(
        0,
        "midge: MQTT 3.1.1 has no properties: those of the messages are left out\n",
    );
    peer.finish();
}

/// A terminal for stderr, and a second and more to wait: there is a bar, and it goes away.
#[cfg(unix)]
#[test]
fn progress_is_for_terminals() {
    let broker = TestBroker::start();
    let port = port(&broker);
    let publish = args(
        &port,
        "pub",
        &["-t", "t", "-m", "x", "--repeat", "6", "--rate", "3/s"],
    );
    let quiet = run(&publish);
    quiet.expect(0, "");
    let words = publish.iter().map(|word| format!("'{word}'"));
    let program = env!("CARGO_BIN_EXE_midge");
    let words: Vec<_> = std::iter::once(program.to_owned()).chain(words).collect();
    for (flag, is_shown) in [("", true), (" --no-progress", false)] {
        let mut command = std::process::Command::new("script");
        let line = format!("{}{flag}", words.join(" "));
        command.args(["-qec", &line, "/dev/null"]);
        command.stdin(Stdio::null());
        let Ok(output) = command.output() else {
            // Not every machine has it.
            return;
        };
        let shown = String::from_utf8_lossy(&output.stdout);
        assert_eq!(shown.contains("messages in 1 s"), is_shown, "{shown:?}");
    }
}

/// Input of a pipe that stays open: what is there is sent.
#[test]
fn json_lines_leave_as_they_come() {
    let (go_on, wait) = std::sync::mpsc::channel();
    let peer = Peer::after(CONNACK_5, move |connection| {
        connection.expect(b"\x30\x05\x00\x01t\x00a");
        go_on.send(()).expect("the test waits");
        connection.expect(b"\xe0\x00");
    });
    let mut running = Running::start(midge(&peer.args("pub", &["--json-lines"])));
    running
        .stdin()
        .write_all(b"{\"topic\":\"t\",\"payload\":\"a\"}\n")
        .expect("it reads");
    wait.recv_timeout(Duration::from_secs(30))
        .expect("the line comes before stdin ends");
    running.wait().expect(0, "");
    peer.finish();
}

/// `midge pub` with one word that no string can hold.
#[cfg(unix)]
fn with_bytes(front: &[&str], word: &[u8]) -> Ended {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let mut command = midge(front);
    command.arg(OsStr::from_bytes(word));
    Running::start(command).wait()
}

#[cfg(unix)]
#[test]
fn payloads_and_binary_properties_are_any_bytes() {
    let peer = Peer::after(CONNACK_5, |connection| {
        connection.expect(b"\x30\x06\x00\x01t\x00\xff\xfe");
        connection.expect(b"\xe0\x00");
    });
    let front = args(&peer.port, "pub", &["-t", "t", "-m"]);
    with_bytes(&front, b"\xff\xfe").expect(0, "");
    peer.finish();
    let peer = Peer::after(CONNACK_5, |connection| {
        // Correlation Data.
        connection.expect(b"\x30\x09\x00\x01t\x05\x09\x00\x02\xff\xfe");
        connection.expect(b"\xe0\x00");
    });
    let flags = ["-t", "t", "-n", "-D", "publish", "correlation-data"];
    with_bytes(&args(&peer.port, "pub", &flags), b"\xff\xfe").expect(0, "");
    peer.finish();
}

#[cfg(unix)]
#[test]
fn a_word_that_has_to_be_text_is_named() {
    for (front, word, sentence) in [
        (
            &["-t"][..],
            &b"a\xff"[..],
            "-t takes text in UTF-8, which 'a\u{fffd}' is not",
        ),
        (
            &[],
            b"-ta\xff",
            "-t takes text in UTF-8, which 'a\u{fffd}' is not",
        ),
        (
            &[],
            b"--topic=\xff",
            "--topic takes text in UTF-8, which '\u{fffd}' is not",
        ),
        (
            &["--username"],
            b"\xff",
            "--username takes text in UTF-8, which '\u{fffd}' is not",
        ),
        (
            &["-D", "publish", "content-type"],
            b"\xff",
            "-D publish content-type \u{fffd}: the value of content-type is text in UTF-8, which \
             '\u{fffd}' is not",
        ),
    ] {
        let front = [&["pub", "-m", "x"], front].concat();
        with_bytes(&front, word).expect(2, &format!("midge: {sentence}\n"));
    }
}
