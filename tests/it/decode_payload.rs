//! Payloads in the views of `midge decode`: by their content, by what their sender says, by
//! `--payload`.

use crate::program::run;

fn shown(args: &[&str]) -> String {
    let ended = run(&[&["decode"], args].concat());
    assert_eq!((ended.code(), ended.stderr.as_str()), (0, ""), "{args:?}");
    String::from_utf8(ended.stdout).unwrap()
}

/// The rows of the tree below the payload, without what is drawn before them.
fn payload(args: &[&str]) -> Vec<String> {
    let text = shown(args);
    let is_first = |line: &&str| line.contains("Application Message");
    let rows = text.lines().skip_while(|line| !is_first(line));
    let front = text.lines().find(is_first).map_or(0, |line| {
        let (front, _) = line.split_once("Application Message").unwrap();
        front.chars().count()
    });
    rows.map(|row| {
        let rest: String = row.chars().skip(front).collect();
        match row.trim_start().starts_with(['├', '└']) && !is_first(&row) {
            true => row.trim_start_matches(['├', '└', '─', ' ']).to_owned(),
            false => rest.trim().to_owned(),
        }
    })
    .collect()
}

/// PUBLISH of MQTT 5.0 to "s/a" with {"t":[1]}, and with the CBOR of it: a1 61 74 81 01.
const JSON: &str = "300f 0003 732f61 00 7b2274223a5b315d7d";
const CBOR: &str = "300b 0003 732f61 00 a161748101";

#[test]
fn json_is_seen_and_cbor_is_not_guessed() {
    assert_eq!(
        payload(&["--mqtt-version", "5", JSON]),
        [
            "Application Message: 9 bytes, JSON",
            "{",
            "\"t\": [",
            "1",
            "]",
            "}"
        ]
    );
    assert_eq!(
        payload(&["--mqtt-version", "5", CBOR])[0],
        "Application Message: 5 bytes"
    );
    let rows = payload(&["--mqtt-version", "5", "--payload", "s/+=cbor", CBOR]);
    assert_eq!(
        rows,
        [
            "Application Message: 5 bytes, CBOR",
            "{",
            "\"t\": [",
            "1",
            "]",
            "}"
        ]
    );
    // Another topic, and the first of two rules.
    for (rule, kind) in [("s/b=cbor", ""), ("s/#=hex", ", hex")] {
        let args = [
            "--mqtt-version",
            "5",
            "--payload",
            rule,
            "--payload",
            "s/#=text",
            CBOR,
        ];
        let rows = payload(&args);
        if kind.is_empty() {
            assert_eq!(rows[1], "no UTF-8 text: a byte that is no UTF-8 (byte 0)");
        } else {
            assert_eq!(rows[0], "Application Message: 5 bytes, hex");
        }
    }
}

#[test]
fn content_type_and_payload_format_are_respected() {
    // Content Type "application/cbor" in a PUBLISH to "a".
    let said = "301c 0001 61 13 03 0010 6170706c69636174696f6e2f63626f72 a161748101";
    let rows = payload(&["--mqtt-version", "5", said]);
    assert_eq!(rows[0], "Application Message: 5 bytes, CBOR");
    // Payload Format Indicator 1, and a byte that is no UTF-8.
    let rows = payload(&["--mqtt-version", "5", "3008 0001 61 02 0101 61ff"]);
    assert_eq!(
        rows[1],
        "no UTF-8 text, as the Payload Format Indicator says (byte 1)"
    );
}

#[test]
fn lines_and_json_show_what_was_asked_for() {
    let both = format!("{CBOR} 3007 0003 732f61 00 ff 3007 0003 732f62 00 ff");
    let flags = ["--mqtt-version", "5", "--payload", "s/a=cbor", &both];
    let text = shown(&[&["--lines"], &flags[..]].concat());
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "PUBLISH     q0 s/a (5) { \"t\": [ 1 ] }");
    assert!(
        lines[1].starts_with("PUBLISH     q0 s/a (1) ff  [no CBOR: "),
        "{text}"
    );
    assert_eq!(lines[2], "PUBLISH     q0 s/b (1) ff");
    let text = shown(&[&["--json"], &flags[..]].concat());
    let objects: Vec<serde_json::Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(objects[0]["payload_hex"], "a161748101");
    let decoded = objects[0]["payload_decoded"].as_str().unwrap();
    assert_eq!(
        serde_json::from_str::<serde_json::Value>(decoded).unwrap(),
        serde_json::json!({"t": [1]})
    );
    assert!(objects[0].get("payload_problem").is_none());
    let problem = objects[1]["payload_problem"].as_str().unwrap();
    assert!(problem.starts_with("no CBOR: "), "{problem}");
    assert!(objects[1].get("payload_decoded").is_none());
    assert!(objects[2].get("payload_decoded").is_none());
    assert!(objects[2].get("payload_problem").is_none());
    for view in ["--hex", "--flow", "--summary", "--stats"] {
        run(&["decode", view, "--payload", "#=hex", CBOR]).expect(
            2,
            &format!(
                "midge: --payload is for --tree, --lines and --json, and {view} does not show what \
                 is in a payload\n"
            ),
        );
    }
}

#[test]
fn wrong_rules_are_one_sentence() {
    for (rule, message) in [
        ("a", "--payload 'a': it takes FILTER=DECODER"),
        (
            "=hex",
            "--payload '=hex': a topic filter comes before the '='; '#' is for all topics",
        ),
        (
            "a=xml",
            "--payload 'a=xml': the decoders are json, text, hex, base64, cbor, msgpack, gzip, sparkplug",
        ),
        (
            "a/#/b=json",
            "--payload 'a/#/b=json': of the filter, '#' must be the last character and fill a level of its own (byte 2)",
        ),
    ] {
        run(&["decode", "--payload", rule, "c000"]).expect(2, &format!("midge: {message}\n"));
    }
}

/// The Content Type says it of a line, too.
#[test]
fn lines_believe_the_content_type() {
    let publish = |payload: &str, remaining: u8| {
        let content_type = hex::encode("application/cbor");
        format!("30{remaining:02x} 0003 732f61 13 03 0010 {content_type} {payload}")
    };
    let line = shown(&["--lines", "--mqtt-version", "5", &publish("a161748101", 30)]);
    assert_eq!(line, "PUBLISH     q0 s/a (5) { \"t\": [ 1 ] }\n");
    // Something else is shown as it is, and that it is.
    let line = shown(&["--lines", "--mqtt-version", "5", &publish("61", 26)]);
    assert!(
        line.starts_with("PUBLISH     q0 s/a (1) a  [no CBOR: "),
        "{line}"
    );
    let line = shown(&["--lines", "30050001610102"]);
    assert_eq!(line, "PUBLISH     q0 a (2) 01 02\n");
}
