//! Selection: what each flag keeps, held against all packets of the capture; and `--write`.

use std::collections::HashMap;
use std::fs;

use midge::capture::FrameReader;
use serde_json::Value;

use crate::program::run;

fn path(capture: &str) -> String {
    format!("{}/tests/captures/{capture}", env!("CARGO_MANIFEST_DIR"))
}

fn objects(path: &str, flags: &[&str]) -> Vec<Value> {
    let ended = run(&[&["decode", "--json", path], flags].concat());
    assert_eq!(ended.code(), 0, "{flags:?}: {}", ended.stderr);
    let text = String::from_utf8(ended.stdout).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// The packets of a capture that `keep` takes must be those that the flags select.
fn check(capture: &str, flags: &[&str], keep: impl Fn(&Value) -> bool) {
    let all = objects(&path(capture), &[]);
    let expected: Vec<&Value> = all.iter().filter(|object| keep(object)).collect();
    let selected = objects(&path(capture), flags);
    assert!(
        !expected.is_empty() && expected.len() < all.len(),
        "{capture} {flags:?} proves nothing"
    );
    assert_eq!(
        selected.iter().collect::<Vec<_>>(),
        expected,
        "{capture} {flags:?}"
    );
}

const V5: &str = "mosq20_v5_ip6.pcap";

#[test]
fn each_flag_keeps_what_it_says() {
    check(V5, &["--type", "publish,puback"], |o| {
        o["type"] == "PUBLISH" || o["type"] == "PUBACK"
    });
    check(V5, &["--stream", "2"], |o| o["stream"] == 2);
    check(V5, &["--frame", "20-30,40"], |o| {
        let frame = o["frame"].as_u64().unwrap();
        (20..=30).contains(&frame) || frame == 40
    });
    check(V5, &["--from", "server"], |o| o["from"] == "server");
    check("sv_events-invalid-qos.pcap", &["--violations-only"], |o| {
        o.get("violations").is_some()
    });
    let topic = |o: &Value| {
        let will = o["will"]["topic"].as_str();
        let own = o["topic"].as_str().filter(|topic| !topic.is_empty());
        o["topic_resolved"]
            .as_str()
            .or(own)
            .or(will)
            .map(str::to_owned)
    };
    check(
        V5,
        &["--topic", "sensor/+/temp", "--type", "PUBLISH"],
        |o| {
            let levels = topic(o).map(|t| t.split('/').map(str::to_owned).collect::<Vec<_>>());
            o["type"] == "PUBLISH"
                && levels.is_some_and(|l| l.len() == 3 && l[0] == "sensor" && l[2] == "temp")
        },
    );
    // Aliases are resolved.
    check("mosq21_v5_alias.pcap", &["--topic", "al/one"], |o| {
        topic(o).is_some_and(|topic| topic == "al/one")
    });
    let filters = |o: &Value, wanted: &str| {
        let all = o["filters"].as_array();
        all.is_some_and(|all| all.iter().any(|f| f["filter"] == wanted))
    };
    check(V5, &["--topic", "sensor/#"], |o| {
        topic(o).is_some_and(|topic| topic.starts_with("sensor/")) || filters(o, "sensor/#")
    });
    // Two flags, two conditions; two values, either.
    check(
        V5,
        &[
            "--type", "PUBLISH", "--from", "client", "--stream", "0", "--stream", "2",
        ],
        |o| {
            o["type"] == "PUBLISH"
                && o["from"] == "client"
                && (o["stream"] == 0 || o["stream"] == 2)
        },
    );
}

#[test]
fn clients_by_their_names() {
    let all = objects(&path(V5), &[]);
    let mut names: HashMap<u64, String> = HashMap::new();
    let mut of_sub = Vec::new();
    for object in &all {
        let stream = object["stream"].as_u64().unwrap();
        if let Some(id) = object["client_id"].as_str() {
            names.insert(stream, id.to_owned());
        }
        if names.get(&stream).is_some_and(|name| name == "sub-1") {
            of_sub.push(object.clone());
        }
    }
    assert!(of_sub.len() > 10 && of_sub.len() < all.len());
    assert_eq!(objects(&path(V5), &["--client", "sub-1"]), of_sub);
}

#[test]
fn times_are_absolute_or_from_the_first_packet_on() {
    let all = objects(&path(V5), &[]);
    let time = |o: &Value| o["time"].as_str().unwrap().to_owned();
    let middle = time(&all[all.len() / 2]);
    check(V5, &["--since", &middle], |o| time(o) >= middle);
    check(V5, &["--until", &middle], |o| time(o) <= middle);
    // The first is at .000000 (see the lines): 0.2 s later is the first PUBLISH.
    let later = objects(&path(V5), &["--since", "100ms"]);
    assert_eq!(later[0]["type"], "PUBLISH");
    let sooner = objects(&path(V5), &["--until", "100ms"]);
    assert_eq!(sooner.len() + later.len(), all.len());
    // The times in the lines still count from the first packet of all.
    let ended = run(&["decode", "--since", "100ms", &path(V5)]);
    let text = String::from_utf8(ended.stdout).unwrap();
    assert!(
        text.lines().next().unwrap().contains("    0.202738  "),
        "{text}"
    );
}

/// CONNACK 3.1.1 with return code 5, PUBACK 5.0 with 0x10 and without a code, SUBACK with 0x87.
#[test]
fn reasons_are_those_of_the_packets() {
    let count = |hex: &str, reason: &str, version: &str| {
        let flags = [
            "decode",
            "--json",
            "--mqtt-version",
            version,
            "--reason",
            reason,
            hex,
        ];
        let ended = run(&flags);
        assert_eq!(ended.code(), 0, "{}", ended.stderr);
        ended.stdout.iter().filter(|byte| **byte == b'\n').count()
    };
    let v311 = "20020005 40020001 9003000180";
    assert_eq!(count(v311, "not-authorized", "311"), 1);
    assert_eq!(count(v311, "error", "311"), 2);
    assert_eq!(count(v311, "0", "311"), 0);
    let v5 = "2003000000 400300 0110 40020002 9005000300 0087 e000 e00104";
    assert_eq!(count(v5, "0", "5"), 4);
    assert_eq!(count(v5, "0x10", "5"), 1);
    assert_eq!(count(v5, "0x87,disconnect-with-will-message", "5"), 2);
}

#[test]
fn every_view_shows_the_same_selection() {
    let flags = ["--type", "SUBSCRIBE,SUBACK"];
    let expected = objects(&path(V5), &flags).len();
    assert!(expected > 1);
    for (view, mark) in [
        ("--lines", "SUB"),
        ("--tree", "· MQTT 5.0 ·"),
        ("--hex", "· MQTT 5.0 ·"),
        ("--flow", "─│"),
    ] {
        let ended = run(&[&["decode", view, &path(V5)], &flags[..]].concat());
        let text = String::from_utf8(ended.stdout).unwrap();
        let shown = text
            .lines()
            .filter(|line| line.contains(mark) || line.contains("▶│"))
            .count();
        assert_eq!(shown, expected, "{view}: {text}");
    }
    let summary = objects(&path(V5), &["--summary", "--type", "SUBSCRIBE,SUBACK"]);
    assert_eq!(summary[0]["packets"], expected);
}

/// A PUBLISH that was asked for brings its handshake along.
#[test]
fn a_diagram_has_the_answers_to_what_is_selected() {
    let talk = "3206 0001 61 0001 00 3206 0001 62 0002 00 4002 0001 4002 0002";
    let ended = run(&[
        "decode",
        "--flow",
        "--mqtt-version",
        "5",
        "--topic",
        "b",
        talk,
    ]);
    let text = String::from_utf8(ended.stdout).unwrap();
    assert!(
        text.contains("PUBLISH q1 b #2") && text.contains("PUBACK #2"),
        "{text}"
    );
    assert!(!text.contains("#1"), "{text}");
}

/// The frames of a file: link type, time, length and bytes.
fn frames(path: &str) -> Vec<(u16, Option<i64>, u32, Vec<u8>)> {
    let file = fs::read(path).unwrap();
    let mut reader = FrameReader::new(file.as_slice());
    let mut frames = Vec::new();
    while let Some(frame) = reader.next_frame().unwrap() {
        frames.push((
            frame.link.0,
            frame.place.time.map(|time| time.nanos),
            frame.original_len,
            frame.data.to_vec(),
        ));
    }
    frames
}

#[test]
fn written_frames_are_those_of_the_capture_and_have_what_was_selected() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("part.pcapng");
    let target = target.to_str().unwrap();
    for (capture, flags) in [
        (V5, &["--type", "PUBLISH", "--from", "client"][..]),
        (V5, &["--topic", "sensor/bin"]),
        (V5, &[]),
        ("mosq20_v311_lo.pcap", &["--client", "sub-1"]),
        ("mosq20_v31_any_sll2.pcap", &["--frame", "1-60"]),
        ("mosq21_v5_alias.pcap", &["--type", "CONNECT,SUBSCRIBE"]),
        ("rsmb_mqttsn_1884.pcap", &["--type", "REGISTER,REGACK"]),
        ("sv_midstream-split.pcap", &["--type", "PUBLISH"]),
        ("arkime_mqtt_big.pcap", &["--since", "0"]),
    ] {
        let before = objects(&path(capture), flags);
        assert!(!before.is_empty(), "{capture}");
        let ended = run(&[&["decode", "--write", target, &path(capture)], flags].concat());
        assert_eq!(
            (ended.code(), ended.stdout.len()),
            (0, 0),
            "{}",
            ended.stderr
        );
        let (all, kept) = (frames(&path(capture)), frames(target));
        assert!(
            ended
                .stderr
                .contains(&format!("{} of {} frames", kept.len(), all.len()))
        );
        // In their order, each as it was.
        let mut rest = all.iter();
        for frame in &kept {
            assert!(rest.any(|of| of == frame), "{capture} {flags:?}");
        }
        // Payloads and identities, which do not depend on what is around them.
        let essence = |objects: &[Value]| -> Vec<Value> {
            let keys = [
                "time",
                "src",
                "dst",
                "type",
                "packet_id",
                "topic",
                "payload",
                "payload_hex",
                "topic_id",
            ];
            let pick = |object: &Value| keys.iter().map(|key| object[*key].clone()).collect();
            objects
                .iter()
                .filter(|o| o.get("type").is_some())
                .map(pick)
                .collect()
        };
        let after = essence(&objects(target, &[]));
        for packet in essence(&before) {
            assert!(
                after.contains(&packet),
                "{capture} {flags:?}: {packet} of {after:?}"
            );
        }
    }
}

/// One packet of a stream whose beginning is in the capture: its frame, the two SYN, CONNECT and
/// CONNACK.
#[test]
fn no_frame_too_many_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("part.pcapng");
    let target = target.to_str().unwrap();
    let of_frame_28 = run(&[
        "decode",
        "--frame",
        "28",
        "--write",
        target,
        &path("mosq20_v311_lo.pcap"),
    ]);
    assert_eq!(of_frame_28.code(), 0, "{}", of_frame_28.stderr);
    let all = frames(&path("mosq20_v311_lo.pcap"));
    let kept = frames(target);
    assert_eq!(kept.len(), 5);
    assert_eq!(kept[4], all[27]);
}

#[test]
fn what_cannot_be_written_is_one_sentence() {
    let own = path(V5);
    run(&["decode", "--write", "-", "--lines", &own]).expect(
        2,
        "midge: --write - puts the frames on stdout, and so nothing else can be shown there: write \
         to a file, or leave the view out\n",
    );
    run(&["decode", "--write", "x.pcapng", "c000"]).expect(
        2,
        "midge: --write needs a capture, and the command line holds packets alone: leave it out, or \
         give a pcap or pcapng file\n",
    );
    run(&["decode", "--write", &own, &own]).expect(
        2,
        "midge: --write cannot write to the capture that it reads\n",
    );
    run(&["decode", "--frame", "x", "c000"]).expect(
        2,
        "midge: --frame takes numbers and ranges as in 4, 4-10, 4- or -10, not 'x'\n",
    );
    run(&["decode", "--topic", "a#", "c000"]).expect(
        2,
        "midge: --topic 'a#': '#' must be the last character and fill a level of its own (byte 1)\n",
    );
}

#[test]
fn what_packets_alone_do_not_have_is_refused() {
    for (flags, named) in [
        (&["--frame", "1"][..], "--frame needs"),
        (&["--stream", "0"], "--stream needs"),
        (&["--since", "1"], "--since needs"),
        (&["--until", "2s"], "--until needs"),
        (&["--time", "utc"], "--time needs"),
        (&["--port", "1883"], "--port needs"),
        (&["--not-port", "1883"], "--not-port needs"),
        (&["--keylog", "README.md"], "--keylog needs"),
    ] {
        run(&[&["decode", "c000"], flags].concat()).expect(
            2,
            &format!(
                "midge: {named} a capture, and the command line holds packets alone: leave it out, \
                 or give a pcap or pcapng file\n"
            ),
        );
    }
    let ended = run(&["decode", "--frame", "1", "--until", "2", "c000"]);
    ended.expect(
        2,
        "midge: --frame and --until need a capture, and the command line holds packets alone: leave \
         them out, or give a pcap or pcapng file\n",
    );
    // A client is known from its CONNECT.
    let talk = "100d00044d515454040200000001 61 c000";
    let ended = run(&["decode", "--lines", "--client", "a", talk]);
    ended.expect(0, "");
    assert_eq!(ended.text().lines().count(), 2);
    run(&["decode", "--client", "b", talk])
        .expect(0, "midge: the command line: nothing matches --client\n");
}

#[test]
fn what_cannot_match_is_refused_and_what_does_not_is_said() {
    let capture = path(V5);
    for (flags, sentence) in [
        (
            &["--frame", "0"][..],
            "--frame 0: the first frame is 1, as in Wireshark",
        ),
        (
            &["--since", "5s", "--until", "4s"],
            "--since is later than --until: nothing is in between",
        ),
        (
            &["--since", "-5s"],
            "--since counts from the first packet, and nothing is before it: '-5s'",
        ),
        (
            &["--port", "1883", "--not-port", "1,1883"],
            "--port 1883 and --not-port 1883 exclude each other",
        ),
        (
            &["--port", "abc"],
            "--port takes ports, numbers from 1 to 65535, not 'abc'",
        ),
        (
            &["--time", "utc", "--json"],
            "--time is for lines and diagrams: JSON has all times in UTC",
        ),
    ] {
        let ended = run(&[&["decode", &capture], flags].concat());
        ended.expect(2, &format!("midge: {sentence}\n"));
    }
    for flags in [
        &["--type", "AUTH"][..],
        &["--type", "AUTH", "--lint"],
        &["--type", "AUTH", "--json"],
        &["--type", "AUTH", "--summary"],
    ] {
        let ended = run(&[&["decode", &capture], flags].concat());
        ended.expect(0, &format!("midge: {capture}: nothing matches --type\n"));
    }
    let ended = run(&[
        "decode",
        &capture,
        "--client",
        "nobody",
        "--until",
        "2020-01-01",
    ]);
    ended.expect(
        0,
        &format!("midge: {capture}: nothing matches --client and --until\n"),
    );
}

/// The zone is that of `--time clock`.
#[test]
fn times_without_a_zone_are_local() {
    // The capture is shorter than an hour.
    let first = objects(&path(V5), &[])[0]["time"]
        .as_str()
        .unwrap()
        .to_owned();
    let (date, clock) = first.trim_end_matches('Z').split_once('T').unwrap();
    for (zone, count) in [("UTC0", true), ("XXX-1", true), ("XXX1", false)] {
        let time = format!("{date} {clock}");
        let mut command = crate::program::midge(&["decode", "--since", &time, &path(V5)]);
        let ended = command.env("TZ", zone).output().unwrap();
        assert!(ended.status.success());
        // West of Greenwich the same time of day is later.
        assert_eq!(!ended.stdout.is_empty(), count, "{zone}");
    }
}

#[test]
fn a_key_log_without_a_secret_is_none() {
    let capture = path("mosq20_tls12.pcap");
    run(&["decode", "--keylog", "README.md", &capture]).expect(
        1,
        "midge: README.md is no key log: no line of it is a secret, as in CLIENT_RANDOM and two \
         numbers in hex (SSLKEYLOGFILE format)\n",
    );
    // It may still get some.
    let empty = tempfile::NamedTempFile::new().unwrap();
    fs::write(empty.path(), "# nothing yet\n").unwrap();
    let ended = run(&[
        "decode",
        "--keylog",
        empty.path().to_str().unwrap(),
        &capture,
    ]);
    assert_eq!(ended.code(), 0, "{}", ended.stderr);
}
