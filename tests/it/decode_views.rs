//! What a person sees: each view of a few packets, written down from what the packets say.

use crate::files;
use crate::program::{run, run_with_input};

fn shown(args: &[&str]) -> String {
    let ended = run(&[&["decode"], args].concat());
    assert_eq!((ended.code(), ended.stderr.as_str()), (0, ""), "{args:?}");
    String::from_utf8(ended.stdout).unwrap()
}

fn capture(name: &str) -> String {
    format!("{}/tests/captures/{name}", env!("CARGO_MANIFEST_DIR"))
}

/// The same text without blanks at the ends of lines, which differ only in what is not seen.
fn trimmed(text: &str) -> String {
    text.lines()
        .map(str::trim_end)
        .collect::<Vec<_>>()
        .join("\n")
}

/// CONNECT 5.0 with client id "id", user "u" and password "pw"; CONNACK; PUBLISH QoS 2 to "a" with
/// packet identifier 7 and "hi"; PUBREC; PUBREL; PUBCOMP; PUBLISH QoS 1 to "b", number 8.
const TALK: &str = "1016 00044d515454 05 c2 003c 00 00026964 000175 00027077
    2003 00 00 00
    3408 0001 61 0007 00 6869
    5002 0007
    6202 0007
    7002 0007
    3206 0001 62 0008 00
    e000";

#[test]
fn annotated_hex_says_of_each_byte_what_it_is() {
    let expected = "\
CONNECT · MQTT 5.0 · from client · 24 bytes
0000  10                                               .                 Packet type and flags: CONNECT
0001  16                                               .                 Remaining Length: 22
0002  00 04 4d 51 54 54                                ..MQTT            Protocol Name: \"MQTT\"
0008  05                                               .                 Protocol Level: 5 (MQTT 5.0)
0009  c2                                               .                 Connect Flags (User Name: yes, Password: yes, Will Retain: no, Will QoS: 0, Will: no, Clean Start: yes)
000a  00 3c                                            .<                Keep Alive: 60 s
000c  00                                               .                 Property Length: 0
000d  00 02 69 64                                      ..id              Client Identifier: \"id\"
0011  00 01 75                                         ..u               User Name: \"u\"
0014  00 02 ** **                                      ..**              Password: 2 bytes (--show-secrets shows it)
";
    let hex: String = TALK.split_whitespace().take(9).collect();
    let text = shown(&["--hex", &hex]);
    assert!(text.starts_with(expected), "{text}\n{expected}");
    // What is long goes on in rows of its own; what is wrong stands below.
    let text = shown(&[
        "--hex",
        "3615 0001 61 0001 6162636465666768696a6b6c6d6e6f70",
    ]);
    let expected = "\
0005  00 01                                            ..                Packet Identifier: 1
0007  61 62 63 64 65 66 67 68 69 6a 6b 6c 6d 6e 6f 70  abcdefghijklmnop  Application Message: 16 bytes
└─ error: both QoS bits are set";
    assert!(text.contains(expected), "{text}");
}

/// Codes are those of the wire, with the names of their version (3.1.1, table 3.1 and 3.9.3); only in
/// 5.0 is there a reason code to close a connection with.
#[test]
fn codes_are_those_of_the_version() {
    for (version, hex, has, has_not) in [
        (
            "311",
            "20020005",
            "Return code: 0x05 not authorized",
            "0x87",
        ),
        ("31", "20020004", "Return code: 0x04 bad user name", "0x86"),
        (
            "311",
            "9003000180",
            "Return code: 0x80 Failure",
            "Unspecified",
        ),
        (
            "311",
            "9003000187",
            "SUBACK may not carry this code: 0x87 ",
            "authorized",
        ),
        (
            "311",
            "20020007",
            "CONNACK may not carry this code: 7",
            "0x80",
        ),
        ("311", "3606000161000278", "MQTT-3.3.1-4", "reason code"),
        (
            "5",
            "360700016100020078",
            "; reason code 0x81 Malformed Packet",
            "?",
        ),
        // A warning: what is cited, and no code.
        (
            "5",
            "300a0003612f62020101fffe",
            "section 3.3.2.3.2",
            "reason code",
        ),
    ] {
        for lint in [&[][..], &["--lint", "--tree"]] {
            let ended = run(&[&["decode", "--mqtt-version", version, hex], lint].concat());
            let text = String::from_utf8(ended.stdout).unwrap();
            assert!(text.contains(has.trim_end()), "{hex}:\n{text}");
            assert!(!text.contains(has_not), "{hex}:\n{text}");
        }
    }
}

#[test]
fn a_diagram_shows_handshakes_and_what_is_missing() {
    let text = trimmed(&shown(&["--flow", TALK]));
    let expected = "\
id · MQTT 5.0
│── CONNECT MQTT 5.0 clean keep-alive=60s id=id user=u ────────────────▶│┐
│◀─ CONNACK 0x00 Success ───────────────────────────────────────────────│┘
│── PUBLISH q2 a #7 (2) hi ────────────────────────────────────────────▶│┐
│◀─ PUBREC #7 ──────────────────────────────────────────────────────────│┤
│── PUBREL #7 ─────────────────────────────────────────────────────────▶│┤
│◀─ PUBCOMP #7 ─────────────────────────────────────────────────────────│┘
│── PUBLISH q1 b #8 (0) ───────────────────────────────────────────────▶│┐        no PUBACK
│── DISCONNECT ────────────────────────────────────────────────────────▶││";
    let shape = |text: &str| text.replace(['─', ' '], "");
    assert_eq!(shape(&text), shape(expected), "{text}");
    let widths: Vec<usize> = text
        .lines()
        .skip(1)
        .map(|line| line.chars().position(|c| c == '▶').map_or(0, |at| at + 1))
        .filter(|at| *at > 0)
        .collect();
    assert!(widths.windows(2).all(|pair| pair[0] == pair[1]), "{text}");
}

/// A QoS 2 message is not done with PUBACK, nobody answers QoS 3, and what is found behind the end of
/// a connection stands under its name.
#[test]
fn a_diagram_closes_nothing_that_is_open() {
    let talk = "100d00044d51545404020000000161 20020000 3406000161000100 40020001 3606000161000278 e000 c000";
    let ended = run(&["decode", "--flow", "--lint", talk]);
    let text = String::from_utf8(ended.stdout).unwrap();
    let line = |what: &str| {
        text.lines()
            .find(|line| line.contains(what))
            .unwrap_or(&text)
    };
    assert!(line("PUBLISH q2").ends_with("no PUBREC"), "{text}");
    assert!(line("PUBACK").contains('◀'), "{text}");
    assert!(line("PUBACK").trim_end().ends_with("││"), "{text}");
    assert!(line("PUBLISH q3").trim_end().ends_with("││"), "{text}");
    assert!(text.contains("\n\na · MQTT 3.1.1 · part 2\n"), "{text}");
}

#[test]
fn a_diagram_of_mqtt_sn_has_its_handshakes() {
    let text = shown(&["--flow", &capture("rsmb_mqttsn_1884.pcap")]);
    let line = |what: &str| {
        text.lines()
            .find(|line| line.contains(what))
            .unwrap_or(&text)
    };
    for (request, answer) in [
        ("REGISTER topic-id=1", "REGACK sn/temp (id 1)"),
        ("SUBSCRIBE q0 #1", "SUBACK q0"),
        ("PUBLISH q1 sn/temp", "PUBACK sn/temp"),
    ] {
        assert!(line(request).trim_end().ends_with('┐'), "{request}\n{text}");
        assert!(
            line(answer).contains('┘') && line(answer).ends_with("s"),
            "{answer}"
        );
    }
    // The gateway does not answer through a forwarder there.
    assert!(line("via-forwarder").ends_with("no CONNACK"), "{text}");
}

/// Frames and times are those that tshark shows for the same file; the delay of SUBACK is the
/// difference of two of them.
#[test]
fn a_diagram_of_a_capture_has_times() {
    let text = shown(&["--flow", &capture("mosq20_v311_lo.pcap")]);
    let of_sub: Vec<&str> = text
        .lines()
        .skip_while(|line| {
            !line.starts_with("[0] sub-1 · 127.0.0.1:60791 ↔ 127.0.0.1:1883 · MQTT 3.1.1")
        })
        .skip(1)
        .take_while(|line| !line.is_empty())
        .collect();
    assert!(
        of_sub[0].starts_with("    0.000000  │── CONNECT MQTT 3.1.1 clean"),
        "{text}"
    );
    assert!(
        of_sub[2].contains("│── SUBSCRIBE #1 sensor/# q2 cmd/+/set q1 ─"),
        "{text}"
    );
    assert!(
        of_sub[3].starts_with("    0.002322  │◀─ SUBACK #1 granted q2 granted q1 ─"),
        "{text}"
    );
    assert!(of_sub[3].ends_with(" 58 µs"), "{text}");
}

#[test]
fn lines_say_when_who_and_where_to() {
    let path = capture("mosq20_v311_lo.pcap");
    let begins = |flags: &[&str]| -> Vec<String> {
        let text = shown(&[flags, &["--lines", &path]].concat());
        text.lines().take(3).map(str::to_owned).collect()
    };
    assert_eq!(
        begins(&[]),
        [
            "     4     0.000000  [0]  sub-1                 →  CONNECT     MQTT 3.1.1 clean keep-alive=30s id=sub-1",
            "     9     0.000577  [0]  sub-1                 ←  CONNACK     0x00 Connection accepted",
            "    14     0.001451  [2]  pub-1                 →  CONNECT     MQTT 3.1.1 clean keep-alive=30s id=pub-1 will=will/pub-1 user=alice",
        ]
    );
    let times = |how: &str| -> Vec<String> {
        let lines = begins(&["--time", how]);
        lines
            .iter()
            .map(|line| line.split_whitespace().nth(1).unwrap().to_owned())
            .collect()
    };
    assert_eq!(times("delta"), ["0.000000", "0.000577", "0.000874"]);
    assert_eq!(
        times("utc"),
        [
            "2026-11-21T00:21:27.399975Z",
            "2026-11-21T00:21:27.400552Z",
            "2026-11-21T00:21:27.401426Z"
        ]
    );
    let clock = crate::program::midge(&["decode", "--time", "clock", &path])
        .env("TZ", "UTC")
        .output()
        .unwrap();
    let clock = String::from_utf8(clock.stdout).unwrap();
    assert!(clock.starts_with("     4 00:21:27.399975  [0]"), "{clock}");
}

/// The capture has only what comes after CONNECT: the server said which name it gave.
#[test]
fn a_client_without_a_name_has_the_one_that_it_was_given() {
    let text = shown(&["--lines", &capture("sv_midstream-split.pcap")]);
    for line in text.lines() {
        assert!(
            line.contains(" auto-1B43E800-08E3-3BA1-2E97-E9A0B4064BF5 "),
            "{text}"
        );
    }
}

/// A QoS 2 handshake of 5.0 with a password, in each view, as it was checked by eye against tshark
/// and the specification. `MIDGE_BLESS=1` writes the files anew: look at what changes.
#[test]
fn a_handshake_in_every_view() {
    let folder = format!("{}/tests/golden", env!("CARGO_MANIFEST_DIR"));
    for view in ["lines", "tree", "hex", "flow"] {
        let text = shown(&[&format!("--{view}"), &capture("sv_mqtt5-pub-qos2.pcap")]);
        let path = format!("{folder}/{view}.txt");
        if std::env::var_os("MIDGE_BLESS").is_some() {
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(&path, &text).unwrap();
        }
        let expected = std::fs::read_to_string(&path).unwrap();
        assert_eq!(
            text, expected,
            "{view}; MIDGE_BLESS=1 writes tests/golden anew"
        );
    }
}

/// Every packet of the corpus, right or wrong, as text and in every view.
#[test]
fn every_view_works_on_the_corpus() {
    let packets = crate::corpus::entries();
    let mut text = String::new();
    for entry in &packets {
        // A packet that is cut would end the text.
        let header = midge::mqtt::frame::FixedHeader::parse(&entry.bytes);
        if matches!(header, Ok(Some(header)) if header.packet_len() == entry.bytes.len()) {
            text += &hex::encode(&entry.bytes);
            text.push('\n');
        }
    }
    let count = text.lines().count();
    assert!(count > 500, "{count}");
    for (view, mark) in [
        ("--lines", None),
        ("--tree", Some("· MQTT ")),
        ("--hex", Some("· MQTT ")),
        ("--flow", None),
    ] {
        let ended = run_with_input(&["decode", view], text.as_bytes());
        assert_eq!(ended.code(), 0, "{view}: {}", ended.stderr);
        let shown = String::from_utf8(ended.stdout).unwrap();
        assert!(
            !shown.contains(|c: char| c.is_control() && c != '\n'),
            "{view}"
        );
        let heads = match mark {
            Some(mark) => shown.lines().filter(|line| line.contains(mark)).count(),
            None if view == "--lines" => shown.lines().count(),
            None => continue,
        };
        assert_eq!(heads, count, "{view}");
    }
}

/// Every view of every capture, as far as it can be read: no panic, no control characters.
#[test]
fn every_view_works_on_every_capture() {
    for path in files::captures() {
        let path = path.to_str().unwrap();
        for view in ["--lines", "--tree", "--hex", "--flow", "--json"] {
            let ended = run(&["decode", view, path]);
            assert!(
                [0, 1].contains(&ended.code()),
                "{path} {view}: {}",
                ended.stderr
            );
            let text = String::from_utf8(ended.stdout).unwrap();
            assert!(
                !text.contains(|c: char| c.is_control() && c != '\n'),
                "{path} {view}"
            );
        }
    }
}

#[test]
fn colours_come_when_they_are_asked_for() {
    for view in ["--lines", "--tree", "--hex", "--flow"] {
        let plain = shown(&[view, TALK]);
        assert!(!plain.contains('\u{1b}'));
        let coloured = shown(&[view, "--color", "always", TALK]);
        assert!(coloured.contains("\u{1b}["));
        let mut bare = String::new();
        let mut rest = coloured.as_str();
        while let Some((before, after)) = rest.split_once('\u{1b}') {
            bare += before;
            rest = after.split_once('m').unwrap().1;
        }
        bare += rest;
        assert_eq!(trimmed(&bare), trimmed(&plain), "{view}");
    }
}

#[test]
fn a_long_connection_is_drawn_in_parts() {
    let pings = "c000 d000 ".repeat(1500);
    let ended = run_with_input(&["decode", "--flow"], pings.as_bytes());
    let text = String::from_utf8(ended.stdout).unwrap();
    assert_eq!(text.matches("PINGREQ").count(), 1500);
    assert!(text.contains("part 1\n") && text.contains("part 2\n"));
}

/// PUBLISH with a topic of 12 bytes and a payload of 40 bytes that are no text.
#[test]
fn the_tree_has_all_bytes_of_a_field() {
    let topic = hex::encode("abcdefghijkl");
    let payload = "ff".repeat(40);
    let text = shown(&["--tree", &format!("3036 000c {topic} {payload}")]);
    let expected = "\
├─ Variable header
│  └─  2  00 0c 61 62 63 64 65 66     Topic Name: \"abcdefghijkl\"
│         67 68 69 6a 6b 6c
└─ Payload
   └─ 16  ff ff ff ff ff ff ff ff     Application Message: 40 bytes
          ff ff ff ff ff ff ff ff     0000  ff ff ff ff ff ff ff ff ff ff ff ff ff ff ff ff  ................
          ff ff ff ff ff ff ff ff     0010  ff ff ff ff ff ff ff ff ff ff ff ff ff ff ff ff  ................
          ff ff ff ff ff ff ff ff     0020  ff ff ff ff ff ff ff ff                          ........
          … 8 more bytes
";
    assert!(text.ends_with(expected), "{text}");
    // A password is not there, however many rows it would take.
    let connect = "1020 0004 4d515454 04 82 003c 0000 0001 75 000f 707070707070707070707070707070";
    let text = shown(&["--tree", &connect.replace(" 82 ", " c2 ")]);
    assert!(!text.contains("70 70"), "{text}");
}
