//! Every view has what was captured in the order of its frames, also where bytes are missing and
//! one direction has to wait for them.

use serde_json::Value;

use crate::files;
use crate::program::{Ended, run};

fn captures() -> Vec<String> {
    files::captures()
        .iter()
        .map(|path| path.display().to_string())
        .collect()
}

fn decode(flags: &[&str], capture: &str) -> Ended {
    run(&[&["decode"], flags, &[capture]].concat())
}

fn with_a_hole() -> String {
    let folder = env!("CARGO_MANIFEST_DIR");
    format!("{folder}/tests/captures/sv_events-missing-connect.pcap")
}

/// The first numbers of lines that have one.
fn frames_of_lines(text: &str) -> Vec<u64> {
    text.lines()
        .filter_map(|line| line.split_whitespace().next()?.parse().ok())
        .collect()
}

/// The frames with MQTT, as tshark lists them. The client's first 16 bytes are missing.
const FRAMES: [u64; 22] = [
    16, 22, 22, 23, 26, 27, 30, 31, 32, 33, 38, 39, 40, 41, 44, 45, 61, 81, 83, 87, 88, 109,
];

#[test]
fn what_waits_for_a_hole_does_not_come_behind_its_answers() {
    let wanted = FRAMES;
    let lines = decode(&["--lines"], &with_a_hole());
    assert_eq!(frames_of_lines(lines.text()), wanted);
    let json = decode(&["--json"], &with_a_hole());
    let frames: Vec<u64> = json
        .text()
        .lines()
        .map(|line| {
            serde_json::from_str::<Value>(line).unwrap()["frame"]
                .as_u64()
                .unwrap()
        })
        .collect();
    assert_eq!(frames, wanted);
    let linted = decode(&["--lines", "--lint"], &with_a_hole());
    assert_eq!(frames_of_lines(linted.text()), wanted);
    // The CONNACK is the earliest, and times are counted from it on.
    assert!(
        lines.text().starts_with("    16     0.000000  "),
        "{}",
        lines.text()
    );
}

#[test]
fn what_waits_for_a_hole_is_paired_and_not_missed() {
    let flow = decode(&["--flow"], &with_a_hole());
    let text = flow.text();
    assert!(
        !text.contains("no SUBACK") && !text.contains("no PUBCOMP"),
        "{text}"
    );
    // Frames 22 and 23, 52 µs apart; the first exchange of stream 2.
    let suback = text
        .lines()
        .find(|line| line.contains("SUBACK #1"))
        .unwrap();
    assert!(suback.ends_with("┘      52 µs"), "{suback}");
    let lint = decode(&["--lint=info"], &with_a_hole());
    assert_eq!((lint.code(), lint.text()), (0, ""), "{lint:?}");
    // So many exchanges are timed in the statistics: SUBSCRIBE three times, PUBLISH three times.
    let stats = decode(&["--stats", "--json"], &with_a_hole());
    assert!(
        !stats.text().contains("\"unanswered\":1"),
        "{}",
        stats.text()
    );
}

/// Of all real captures; where segments came out of order, the bytes have an order of their own.
#[test]
fn frames_only_grow() {
    for capture in captures() {
        let json = decode(&["--json"], &capture);
        let mut latest = 0;
        for line in json.text().lines() {
            let record: Value = serde_json::from_str(line).unwrap();
            let frame = record["frame"].as_u64().unwrap();
            assert!(frame >= latest, "{capture}: frame {frame} behind {latest}");
            latest = frame;
        }
    }
}
