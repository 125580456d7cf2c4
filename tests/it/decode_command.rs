//! `midge decode` as a program: what it takes, what it says, how it ends.

use crate::program::{midge, run, run_with_input};

/// The text of a run that must succeed without a word on stderr.
fn shown(input: &str, flags: &[&str]) -> String {
    let mut args = vec!["decode"];
    args.extend(flags);
    let ended = run_with_input(&args, input.as_bytes());
    assert_eq!((ended.code(), ended.stderr.as_str()), (0, ""));
    String::from_utf8(ended.stdout).unwrap()
}

#[test]
fn hex_in_many_forms_and_dumps_are_the_same_packets() {
    let expected = "PINGREQ\nPINGRESP\n";
    for input in [
        "c000d000",
        "c0 00 d0 00",
        "0xc0, 0x00, 0xd0, 0x00",
        "c0:00\nd0:00",
        "00000000: c000 d000                                ....",
        "00000000  c0 00 d0 00                                       |....|\n00000004\n",
    ] {
        assert_eq!(shown(input, &["--lines"]), expected, "{input}");
    }
}

#[test]
fn damaged_hex_shows_what_can_be_read_and_says_where_it_breaks() {
    let ended = run_with_input(&["decode", "--lines"], b"c000\nd0 0g");
    assert_eq!(ended.code(), 1);
    let text = String::from_utf8(ended.stdout).unwrap();
    assert!(text.starts_with("PINGREQ\nPINGRESP"), "{text}");
    assert_eq!(
        ended.stderr,
        "midge: stdin: 'g' is not a hex digit at line 2, column 5 (byte 3 of the packets). Leave it out, \
         or say with --input what the text is\n"
    );
}

#[test]
fn wrong_input_is_one_sentence() {
    for (args, code, message) in [
        (
            &["decode", "nothing.pcap"][..],
            1,
            "midge: cannot read nothing.pcap: there is no such file\n",
        ),
        (
            &["decode", "zz"],
            1,
            "midge: 'zz' is neither a file that exists nor hex text: 'z' is not a hex digit at line 1, \
             column 1 (byte 0 of the packets). Leave it out, or say with --input what the text is\n",
        ),
        (
            &["decode", "src"],
            1,
            "midge: cannot read src: it is a directory\n",
        ),
        (
            &["decode", "README.md", "Cargo.toml"],
            2,
            "midge: decode takes one file at a time, or hex text in any number of words\n",
        ),
    ] {
        run(args).expect(code, message);
    }
}

/// Left over behind the user name stands what the flags do not announce as a password.
#[test]
fn a_password_shows_only_its_length_wherever_it_stands() {
    for packet in [
        // flags: user name and password
        "101e00044d51545404c2003c00026964000475736572000868756e7465723221",
        // flags: user name alone
        "101e00044d5154540482003c00026964000475736572000868756e7465723221",
    ] {
        for view in ["--tree", "--hex", "--lines", "--flow", "--json", "--stats"] {
            let text = shown(packet, &[view]);
            assert!(
                !text.contains("hunter2!") && !text.contains("68 75 6e 74"),
                "{text}"
            );
        }
        assert!(shown(packet, &["--tree", "--show-secrets"]).contains("hunter2!"));
        assert!(shown(packet, &["--hex", "--show-secrets"]).contains("hunter2!"));
    }
}

#[test]
fn a_stderr_that_nobody_reads_changes_no_exit_code() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let status = midge(&["decode", "zz"]).stderr(writer).status().unwrap();
    assert_eq!(status.code(), Some(1));
}

/// The JSON objects of a run of `decode` over a capture.
fn objects(capture: &str, flags: &[&str]) -> Vec<serde_json::Value> {
    let mut args = vec!["decode", "--json"];
    args.extend(flags);
    let path = format!("{}/tests/captures/{capture}", env!("CARGO_MANIFEST_DIR"));
    args.push(&path);
    let ended = run(&args);
    String::from_utf8(ended.stdout)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// A summary is the sum of what the other views show.
#[test]
fn a_summary_counts_what_the_lines_show() {
    for capture in [
        "mosq20_v5_ip6.pcap",
        "riskyduha_mqtt.pcap",
        "sv_events-invalid-qos.pcap",
        "sv_midstream-split.pcap",
        "rsmb_mqttsn_1884.pcap",
    ] {
        let all = objects(capture, &[]);
        let summary = match objects(capture, &["--summary"]).as_slice() {
            [one] => one.clone(),
            several => panic!("{capture}: {several:?}"),
        };
        assert_eq!(summary["record"], "summary");
        let count = |keep: &dyn Fn(&serde_json::Value) -> bool| {
            all.iter().filter(|object| keep(object)).count() as u64
        };
        let sum = |key: &str| -> u64 { all.iter().filter_map(|object| object[key].as_u64()).sum() };
        let is_mqtt = |object: &serde_json::Value| object["protocol"] == "mqtt";
        assert_eq!(summary["packets"], count(&is_mqtt), "{capture}");
        assert_eq!(
            summary["sn_messages"],
            count(&|o| o["protocol"] == "mqtt-sn"),
            "{capture}"
        );
        assert_eq!(
            summary["gaps"],
            count(&|o| o["record"] == "gap"),
            "{capture}"
        );
        assert_eq!(summary["lost"], sum("lost"), "{capture}");
        let publishes = |from: &str| count(&|o| o["type"] == "PUBLISH" && o["from"] == from);
        for from in ["client", "server"] {
            let counted = summary["types"]["PUBLISH"][format!("from_{from}")].as_u64();
            if let (Some(counted), true) = (counted, is_mqtt(&all[0])) {
                assert_eq!(counted, publishes(from), "{capture} {from}");
            }
        }
        if let Some(versions) = summary["versions"].as_object() {
            for (version, counted) in versions {
                let seen = count(&|o| is_mqtt(o) && o["version"] == version.as_str());
                assert_eq!(counted, seen, "{capture} {version}");
            }
        }
        let broken = count(&|o| {
            let errors = |v: &serde_json::Value| v["severity"] == "error";
            is_mqtt(o)
                && o["violations"]
                    .as_array()
                    .is_some_and(|all| all.iter().any(errors))
        });
        assert_eq!(summary["broken"], broken, "{capture}");
    }
}

#[test]
fn a_summary_of_hex_is_a_table() {
    let table = shown("c000 d000 3003 000161", &["--summary"]);
    let rows: Vec<Vec<&str>> = table
        .lines()
        .map(|l| l.split_whitespace().collect())
        .collect();
    assert_eq!(rows[0], ["packets", "3:", "3", "of", "MQTT", "3.1.1"]);
    assert!(
        rows.contains(&vec!["PUBLISH", "0", "0", "1", "5"]),
        "{table}"
    );
    assert!(rows.contains(&vec!["their", "payloads", "0"]), "{table}");
}

#[test]
fn a_bad_file_of_predefined_topic_ids_is_one_sentence() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let path = file.path().to_str().unwrap();
    std::fs::write(path, "1 plant/state\n1x plant\n").unwrap();
    let ended = run(&["decode", "--sn-topics", path, "c000"]);
    ended.expect(
        1,
        &format!(
            "midge: cannot read the topics {path}: line 2: \"1x\" is no topic id: a number from 1 \
             to 65534\n"
        ),
    );
    let ended = run(&["decode", "--sn-topics", "/no/such/file", "c000"]);
    assert_eq!(ended.code(), 1);
    assert!(
        ended
            .stderr
            .starts_with("midge: cannot read the topics /no/such/file: ")
    );
}

/// JSON is safe on a terminal as well: nothing in it is more than text.
#[test]
fn json_has_no_raw_control_characters() {
    // PUBLISH on the topic `a`, C1 CSI, `31m`, with DEL, NEL and U+202E in its payload.
    let bytes = "30 10 00 06 61 c2 9b 33 31 6d 62 7f c2 85 e2 80 ae 63";
    let json = shown(bytes, &["--json"]);
    assert!(json.contains(r#""topic":"a\u009b31m""#), "{json}");
    assert!(json.contains(r#""b\u007f\u0085\u202ec""#), "{json}");
    let stats = shown(bytes, &["--stats", "--json"]);
    assert!(stats.contains(r#""topic":"a\u009b31m""#), "{stats}");
}
