//! `midge decode --lint` as a program.

use serde_json::{Value, json};

use crate::program::{run, run_with_input};

/// CONNECT, then PUBLISH with the same packet identifier twice, then QoS 3.
const TEXT: &str =
    "100d00044d515454040200000001 61 3206 000161 0001 78 3206 000161 0001 79 3606 000161 0002 78";

fn lint(flags: &[&str], text: &str) -> (i32, String, String) {
    let mut args = vec!["decode"];
    args.extend(flags);
    let ended = run_with_input(&args, text.as_bytes());
    let stdout = String::from_utf8(ended.stdout.clone()).unwrap();
    (ended.code(), stdout, ended.stderr)
}

#[test]
fn findings_alone_and_a_verdict() {
    let (code, stdout, stderr) = lint(&["--lint", "--from=client"], TEXT);
    assert_eq!(code, 5);
    assert_eq!(
        stdout,
        "error    packet identifier 1, which belongs to a QoS 1 PUBLISH that is not acknowledged  \
         [3.1.1: MQTT-2.3.1-2, MQTT-2.3.1-3, MQTT-4.3.2-1; packets 2, 3]\n\
         error    both QoS bits are set (byte 0)  [3.1.1: MQTT-3.3.1-4; packet 4]\n"
    );
    assert_eq!(stderr, "midge: stdin: 2 errors, 0 warnings, 0 infos\n");
}

fn objects(text: &str) -> Vec<Value> {
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// One list for what a packet alone shows and for what it shows with others.
#[test]
fn as_json() {
    let (code, stdout, _) = lint(&["--lint", "--json", "--from=client"], TEXT);
    assert_eq!(code, 5);
    let packets = objects(&stdout);
    assert_eq!(packets.len(), 4);
    assert_eq!(packets[0].get("violations"), None);
    assert_eq!(packets[1].get("violations"), None);
    let between = &packets[2]["violations"][0];
    assert_eq!(between["ids"][0], "MQTT-2.3.1-2");
    assert_eq!(between["severity"], "error");
    assert_eq!(between["frames"], json!([2, 3]));
    assert_eq!(between.get("offset"), None);
    assert_eq!(
        packets[3]["violations"],
        json!([{"ids": ["MQTT-3.3.1-4"], "severity": "error", "message": "both QoS bits are set",
            "offset": 0, "len": 1}])
    );
    let (_, stdout, _) = lint(
        &[
            "--lint",
            "--json",
            "--violations-only",
            "--raw",
            "--from=client",
        ],
        TEXT,
    );
    let wrong = objects(&stdout);
    assert_eq!(wrong.len(), 2);
    assert_eq!(wrong[0]["raw_hex"], "3206000161000179");
    assert_eq!(wrong[0]["violations"], packets[2]["violations"]);
    assert_eq!(wrong[1]["violations"], packets[3]["violations"]);
}

/// SUBSCRIBE 1 to a, PINGREQ twice, one PINGRESP, DISCONNECT: nothing that comes is wrong.
#[test]
fn what_does_not_come_is_a_record_of_its_own() {
    let text = "100c00044d5154540402000000 00 20020000 820600010001 61 00 c000 d000 e000";
    let (code, stdout, _) = lint(&["--lint=info", "--json"], text);
    let objects = objects(&stdout);
    let findings: Vec<_> = objects
        .iter()
        .filter(|object| object["record"] == "finding")
        .collect();
    assert_eq!((code, findings.len()), (5, 1), "{stdout}");
    assert_eq!(findings[0]["ids"][0], "MQTT-3.8.4-1");
    // Nobody knows whether the server had the time to answer.
    assert_eq!(findings[0]["severity"], "info");
    assert_eq!(findings[0]["version"], "3.1.1");
    assert_eq!(findings[0]["from"], "server");
    assert_eq!(findings[0]["frames"], json!([3]));
}

/// The findings come with the packets in every view, and at the top of counts.
#[test]
fn every_view_has_them() {
    let kinds = |stdout: &str, keep: &[&str]| -> Vec<String> {
        let first = |line: &str| line.split_whitespace().next().map(str::to_owned);
        stdout
            .lines()
            .filter_map(first)
            .filter(|word| keep.contains(&word.as_str()))
            .collect()
    };
    let of_lines = ["CONNECT", "PUBLISH", "error"];
    for (flags, expected) in [
        (
            &["--lines"][..],
            &["CONNECT", "PUBLISH", "PUBLISH", "error", "PUBLISH", "error"][..],
        ),
        (
            &["--lines", "--violations-only"],
            &["PUBLISH", "error", "PUBLISH", "error"],
        ),
        (&["--violations-only"], &["error", "error"]),
        (&["--type=PUBLISH"], &["error", "error"]),
        (&["--type=CONNECT"], &[]),
        (&["--summary"], &["error", "error", "CONNECT", "PUBLISH"]),
        (&["--stats"], &["error", "error", "CONNECT", "PUBLISH"]),
    ] {
        let all = [&["--lint", "--from=client"], flags].concat();
        let (code, stdout, _) = lint(&all, TEXT);
        assert_eq!(kinds(&stdout, &of_lines), expected, "{flags:?}:\n{stdout}");
        assert_eq!(code, if expected.is_empty() { 0 } else { 5 }, "{flags:?}");
    }
    for (view, marks) in [
        (
            "--tree",
            ["└─ error: packet identifier 1", "└─ error: both QoS"],
        ),
        (
            "--hex",
            ["└─ error: packet identifier 1", "└─ error: both QoS"],
        ),
        (
            "--flow",
            ["error    packet identifier 1", "error    both QoS"],
        ),
    ] {
        let (code, stdout, _) = lint(&["--lint", "--from=client", view], TEXT);
        assert_eq!(code, 5);
        for mark in marks {
            assert_eq!(stdout.matches(mark).count(), 1, "{view} {mark}:\n{stdout}");
        }
    }
    let (_, stdout, _) = lint(&["--lint", "--stats", "--json", "--from=client"], TEXT);
    let records: Vec<_> = objects(&stdout)
        .iter()
        .map(|object| object["record"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(records, ["finding", "finding", "summary", "stats"]);
}

/// What is less bad than asked for is in no view.
#[test]
fn views_keep_to_the_severity() {
    let control = "300500026107 78";
    for (flag, count) in [
        ("--lint=error", 0),
        ("--lint=warning", 1),
        ("--lint=info", 1),
    ] {
        for view in ["--json", "--tree", "--hex", "--lines", "--flow"] {
            let (code, stdout, _) = lint(&[flag, view, "--mqtt-version=311"], control);
            let found = stdout.matches("control character").count();
            assert_eq!(found, count, "{flag} {view}: {stdout}");
            assert_eq!(code, if count == 0 { 0 } else { 5 });
        }
        let flags = [flag, "--lines", "--violations-only", "--mqtt-version=311"];
        let (_, stdout, _) = lint(&flags, control);
        assert_eq!(stdout.lines().count(), 2 * count, "{flag}: {stdout}");
    }
}

/// Frames of what is wrong: the packet with QoS 3, SYN, and SYN-ACK.
#[test]
fn what_is_wrong_can_be_written() {
    let capture = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/captures/sv_events-invalid-qos.pcap"
    );
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("wrong.pcapng");
    let file = file.to_str().unwrap();
    let ended = run(&[
        "decode",
        "--lint",
        "--violations-only",
        "--write",
        file,
        capture,
    ]);
    assert_eq!(ended.code(), 5, "{}", ended.stderr);
    let stdout = String::from_utf8(ended.stdout).unwrap();
    assert_eq!(stdout.lines().count(), 1, "{stdout}");
    assert!(stdout.contains("MQTT-3.3.1-4"), "{stdout}");
    // Two SYN, CONNECT, CONNACK and the PUBLISH.
    assert!(ended.stderr.contains("5 of 12 frames"), "{}", ended.stderr);
}

/// A bridge bit is worth knowing; a control character is unwise.
#[test]
fn the_severity_that_is_asked_for() {
    let bridge = "100d00044d515454840200000001 61";
    let control = "300500026107 78";
    for (flag, text, code, lines) in [
        ("--lint=error", bridge, 0, 0),
        ("--lint", bridge, 0, 0),
        ("--lint=info", bridge, 5, 1),
        ("--lint=error", control, 0, 0),
        ("--lint=warning", control, 5, 1),
        ("--lint", control, 5, 1),
        ("--lint", "c000", 0, 0),
    ] {
        let (found, stdout, stderr) = lint(&[flag, "--mqtt-version=311"], text);
        assert_eq!(
            (found, stdout.lines().count()),
            (code, lines),
            "{flag} {text}: {stdout}{stderr}"
        );
    }
    let (_, _, stderr) = lint(&["--lint"], bridge);
    assert_eq!(
        stderr,
        "midge: stdin: 0 errors, 0 warnings, 1 info (--lint=info shows all)\n"
    );
    let (_, _, stderr) = lint(&["--lint"], "c000");
    assert_eq!(stderr, "midge: stdin: nothing is wrong\n");
    let (_, _, stderr) = lint(&["--lint", "--type=PINGREQ"], "c000");
    assert_eq!(
        stderr,
        "midge: stdin, only what is selected: nothing is wrong\n"
    );
}

/// What cannot be read is worse than what is wrong.
#[test]
fn damage_comes_first() {
    let (code, stdout, _) = lint(&["--lint"], "360600016100 0278 zz");
    assert_eq!(code, 1);
    assert!(stdout.contains("MQTT-3.3.1-4"), "{stdout}");
}

/// CONNECT that is whole, then one whose remaining length has five bytes (2.2.3: at most four).
#[test]
fn a_malformed_remaining_length_is_a_finding() {
    let text = "100d00044d515454040200000001 61 30ffffffff7f0001";
    let (code, stdout, stderr) = lint(&["--lint"], text);
    assert_eq!((code, stdout.lines().count()), (5, 1), "{stdout}{stderr}");
    assert!(
        stdout.contains("the remaining length has more than four bytes"),
        "{stdout}"
    );
    assert_eq!(stderr, "midge: stdin: 1 error, 0 warnings, 0 infos\n");
    // Left out of the selection, it is still where reading ends.
    let (code, _, stderr) = lint(&["--lint", "--type", "CONNECT"], text);
    assert_eq!(code, 1, "{stderr}");
    assert!(!stderr.contains("nothing is wrong"), "{stderr}");
    // Without lint there is no verdict.
    let (code, ..) = lint(&["--lines"], text);
    assert_eq!(code, 1);
}

#[test]
fn of_what_is_cut_nobody_says_that_nothing_is_wrong() {
    for (text, sentence) in [
        (
            "c000 3005000161",
            "midge: stdin: the packet is cut: remaining length says 5, 3 bytes are there (packet at byte 2)\n",
        ),
        (
            "c000 30",
            "midge: stdin: the packet is cut inside of its fixed header (packet at byte 2)\n",
        ),
    ] {
        for flags in [&["--lint"][..], &["--lint=info", "--json"]] {
            let (code, _, stderr) = lint(flags, text);
            assert_eq!((code, stderr.as_str()), (1, sentence), "{flags:?}");
        }
    }
}

#[test]
fn a_severity_needs_its_equals_sign() {
    for input in [&["error"][..], &["warning", "c000"]] {
        let ended = run(&[&["decode", "--lint"], input].concat());
        ended.expect(
            2,
            &format!(
                "midge: --lint takes its severity with an equals sign: --lint={}\n",
                input[0]
            ),
        );
    }
}
