//! `midge decode --lint` as a program.

use serde_json::Value;

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

#[test]
fn as_json() {
    let (code, stdout, _) = lint(&["--lint", "--json", "--from=client"], TEXT);
    assert_eq!(code, 5);
    let findings: Vec<Value> = stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(findings.len(), 2);
    assert_eq!(findings[0]["record"], "finding");
    assert_eq!(findings[0]["version"], "3.1.1");
    assert_eq!(findings[0]["from"], "client");
    assert_eq!(findings[0]["frames"], serde_json::json!([2, 3]));
    assert_eq!(findings[1]["ids"], serde_json::json!(["MQTT-3.3.1-4"]));
    assert_eq!(findings[1]["severity"], "error");
    assert_eq!(findings[1]["offset"], 0);
    assert_eq!(findings[1]["len"], 1);
}

#[test]
fn findings_between_packets() {
    let (code, stdout, _) = lint(&["--lint", "--lines", "--from=client"], TEXT);
    assert_eq!(code, 5);
    let firsts: Vec<_> = stdout
        .lines()
        .map(|line| line.split_whitespace().next().unwrap())
        .collect();
    assert_eq!(
        firsts,
        ["CONNECT", "PUBLISH", "error", "PUBLISH", "error", "PUBLISH"]
    );
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
}

/// What cannot be read is worse than what is wrong.
#[test]
fn damage_comes_first() {
    let (code, stdout, _) = lint(&["--lint"], "360600016100 0278 zz");
    assert_eq!(code, 1);
    assert!(stdout.contains("MQTT-3.3.1-4"), "{stdout}");
}

#[test]
fn not_with_a_summary() {
    let ended = run(&["decode", "--lint", "--summary", "c000"]);
    assert_eq!(ended.code(), 2);
}
