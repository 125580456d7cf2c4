//! Each decoder with bytes from its specification, and with bytes that are something else.

use std::io::Write;

use flate2::{Compression, write::GzEncoder};
use proptest::prelude::*;

use super::*;

fn rules(filter: &str, decoder: Decoder) -> Rules {
    let mut rules = Rules::default();
    rules.add(filter, decoder).unwrap();
    rules
}

fn on(topic: &str) -> About<'_> {
    About {
        topic: Some(topic),
        ..About::default()
    }
}

/// The rows of a payload that is decoded as asked for.
fn decoded(payload: &[u8], decoder: Decoder) -> Vec<String> {
    let shown = show(payload, on("t"), Some(&rules("#", decoder)));
    assert_eq!(shown.problem, None, "{shown:?}");
    shown.rows
}

fn one_line(rows: &[String]) -> String {
    let rows: Vec<&str> = rows.iter().map(|row| row.trim()).collect();
    rows.join(" ")
}

#[test]
fn json_is_indented_and_stays_as_it_is() {
    let text = br#" {"b":1.0,"a":[1e400,{},[ ]],"b":"x\u001b\"{,}" , "n":null}"#;
    let shown = show(text, About::default(), None);
    assert_eq!(shown.kind.as_deref(), Some("JSON"));
    assert_eq!(
        shown.rows,
        [
            "{",
            "  \"b\": 1.0,",
            "  \"a\": [",
            "    1e400,",
            "    {},",
            "    []",
            "  ],",
            "  \"b\": \"x\\u001b\\\"{,}\",",
            "  \"n\": null",
            "}",
        ]
    );
}

#[test]
fn text_is_text_and_bytes_are_a_dump() {
    let shown = show(b"21.5", About::default(), None);
    assert_eq!((shown.kind, shown.rows), (None, vec!["21.5".into()]));
    // Almost JSON.
    let shown = show(b"{\"a\":1,}\n\x1b[2J", About::default(), None);
    assert_eq!(shown.kind, None);
    let hex = "7b 22 61 22 3a 31 2c 7d 0a 1b 5b 32 4a";
    assert_eq!(shown.rows, [format!("0000  {hex:<47}  {{\"a\":1,}}..[2J")]);
    let shown = show(b"\xff\x00ab", About::default(), None);
    assert_eq!(shown.rows, [format!("0000  {:<47}  ..ab", "ff 00 61 62")]);
}

/// Examples of RFC 8949, appendix A.
#[test]
fn cbor_in_diagnostic_notation() {
    for (bytes, expected) in [
        ("00", "0"),
        ("1903e8", "1000"),
        ("1bffffffffffffffff", "18446744073709551615"),
        ("3bffffffffffffffff", "-18446744073709551616"),
        ("3903e7", "-1000"),
        ("f93c00", "1.0"),
        ("f93e00", "1.5"),
        ("f97bff", "65504.0"),
        ("f90001", "5.9604645e-8"),
        ("f9c400", "-4.0"),
        ("f97c00", "inf"),
        ("fa47c35000", "100000.0"),
        ("fb3ff199999999999a", "1.1"),
        ("f4", "false"),
        ("f5", "true"),
        ("f6", "null"),
        ("f7", "undefined"),
        ("f0", "simple(16)"),
        ("f8ff", "simple(255)"),
        ("c11a514b67b0", "1(1363896240)"),
        ("4401020304", "h'01 02 03 04'"),
        ("6449455446", "\"IETF\""),
        ("62c3bc", "\"ü\""),
        ("80", "[]"),
        ("8301820203820405", "[ 1, [ 2, 3 ], [ 4, 5 ] ]"),
        ("a201020304", "{ 1: 2, 3: 4 }"),
        ("a26161016162820203", "{ \"a\": 1, \"b\": [ 2, 3 ] }"),
        ("5f42010243030405ff", "h'01 02 03 04 05'"),
        ("7f657374726561646d696e67ff", "\"streaming\""),
        ("9fff", "[]"),
        ("9f018202039f0405ffff", "[ 1, [ 2, 3 ], [ 4, 5 ] ]"),
        ("bf61610161629f0203ffff", "{ \"a\": 1, \"b\": [ 2, 3 ] }"),
    ] {
        let bytes = hex::decode(bytes).unwrap();
        assert_eq!(
            one_line(&decoded(&bytes, Decoder::Cbor)),
            expected,
            "{bytes:02x?}"
        );
    }
    // Cut, left over, reserved, a break alone, an odd map, too deep.
    for bytes in [
        "1903", "0000", "1c", "ff", "bf61ffff", "82ff01", "5f00ff", "61ff", "ff00",
    ] {
        let bytes = hex::decode(bytes).unwrap();
        assert!(cbor::rows(&bytes).is_err(), "{bytes:02x?}");
    }
    assert!(cbor::rows(&[0x81; 100_000]).is_err());
}

#[test]
fn messagepack() {
    for (bytes, expected) in [
        ("7f", "127"),
        ("e0", "-32"),
        ("ccff", "255"),
        ("cf0000000100000000", "4294967296"),
        ("d080", "-128"),
        ("d1ff00", "-256"),
        ("d3ffffffffffffffff", "-1"),
        ("c0", "null"),
        ("c2", "false"),
        ("c3", "true"),
        ("ca3fc00000", "1.5"),
        ("cb3ff199999999999a", "1.1"),
        ("a3616263", "\"abc\""),
        ("d903616263", "\"abc\""),
        ("c4020102", "h'01 02'"),
        // The example of the front page of msgpack.org.
        (
            "82a7636f6d70616374c3a6736368656d6100",
            "{ \"compact\": true, \"schema\": 0 }",
        ),
        ("93010203", "[ 1, 2, 3 ]"),
        ("dc00020102", "[ 1, 2 ]"),
        ("de0001a16101", "{ \"a\": 1 }"),
        ("d6ff00000000", "ext -1 h'00 00 00 00'"),
        ("c70105ab", "ext 5 h'ab'"),
    ] {
        let bytes = hex::decode(bytes).unwrap();
        assert_eq!(
            one_line(&decoded(&bytes, Decoder::Msgpack)),
            expected,
            "{bytes:02x?}"
        );
    }
    for bytes in ["c1", "a3", "0000", "ddffffffff", "81a161"] {
        let bytes = hex::decode(bytes).unwrap();
        assert!(msgpack::rows(&bytes).is_err(), "{bytes:02x?}");
    }
    assert!(msgpack::rows(&[0x91; 100_000]).is_err());
}

/// A birth certificate with two metrics, an unknown field and a template, put together by hand from
/// the definition: key = number << 3 | wire type.
#[test]
fn sparkplug() {
    let payload = [
        // timestamp 1486144502122
        &b"\x08\xea\xf2\xf5\xa8\xa0\x2b"[..],
        // metric { name "t", alias 1, datatype 1 (Int8), int_value -1 as 32 bits }
        b"\x12\x0d\x0a\x01t\x10\x01\x50\xff\xff\xff\xff\x0f\x20\x01",
        // metric { name "f", datatype 9, float_value 1.5, properties { key "q", value { type 3, int 7 } } }
        b"\x12\x17\x0a\x01f\x20\x09\x65\x00\x00\xc0\x3f\x4a\x0b\x0a\x01q\x12\x06\x08\x03\x18\x07\x20\x08",
        // seq 2, body, field 99
        b"\x18\x02\x2a\x02\xab\xcd\x98\x06\x05",
    ]
    .concat();
    assert_eq!(
        decoded(&payload, Decoder::Sparkplug),
        [
            "timestamp: 1486144502122 (2017-02-03T17:55:02.122Z)",
            "metric",
            "  name: \"t\"",
            "  alias: 1",
            "  int_value: -1",
            "  datatype: 1 (Int8)",
            "metric",
            "  name: \"f\"",
            "  datatype: 9 (Float)",
            "  float_value: 1.5",
            "  properties",
            "    key: \"q\"",
            "    value",
            "      type: 3 (Int32)",
            "      int_value: 7",
            "      long_value: 8",
            "seq: 2",
            "body: ab cd",
            "field 99: 5",
        ]
    );
    let shown = show(
        b"{\"a\":1}",
        on("spBv1.0/g/NDATA/n"),
        Some(&rules("spBv1.0/#", Decoder::Sparkplug)),
    );
    assert_eq!(shown.kind.as_deref(), Some("JSON"));
    let problem = shown.problem.unwrap();
    assert!(problem.starts_with("no Sparkplug B: "), "{problem}");
}

#[test]
fn what_is_wrapped_is_shown_by_its_content() {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
    gzip.write_all(b"{\"a\":1}").unwrap();
    let gzip = gzip.finish().unwrap();
    let shown = show(&gzip, on("t"), Some(&rules("t", Decoder::Gzip)));
    assert_eq!(shown.kind.as_deref(), Some("gzip, 7 bytes inside of JSON"));
    assert_eq!(one_line(&shown.rows), "{ \"a\": 1 }");
    // Members may follow one another; something else may not.
    let two = [&gzip[..], &gzip].concat();
    let shown = show(&two, on("t"), Some(&rules("t", Decoder::Gzip)));
    assert_eq!(shown.kind.as_deref(), Some("gzip, 14 bytes inside"));
    let longer = [&gzip[..], b"tail\n"].concat();
    let shown = show(&longer, on("t"), Some(&rules("t", Decoder::Gzip)));
    assert_eq!(
        shown.problem,
        Some(format!(
            "no gzip: 5 bytes left over behind it (byte {})",
            gzip.len()
        ))
    );
    let shown = show(b"aGVsbG8=", on("t"), Some(&rules("t", Decoder::Base64)));
    assert_eq!(shown.kind.as_deref(), Some("base64, 5 bytes inside"));
    assert_eq!(shown.rows, ["hello"]);
    // Without a word, neither is unpacked.
    assert_eq!(show(b"aGVsbG8=", on("t"), None).rows, ["aGVsbG8="]);
    assert_eq!(show(&gzip, on("t"), None).kind, None);
    // A bomb.
    let mut bomb = GzEncoder::new(Vec::new(), Compression::best());
    bomb.write_all(&vec![0; 20 << 20]).unwrap();
    let shown = show(
        &bomb.finish().unwrap(),
        on("t"),
        Some(&rules("t", Decoder::Gzip)),
    );
    assert_eq!(
        shown.problem.as_deref(),
        Some("no gzip: it is over 4 MiB inside (byte 0)")
    );
}

/// Content Type and what the bytes look like count for the tree alone.
#[test]
fn only_what_was_asked_for_is_as_asked() {
    let wanted = rules("s/+", Decoder::Cbor);
    let shown = as_asked(b"\xa1at\x81\x01", Some("s/a"), &wanted);
    assert_eq!(shown.unwrap().unwrap().line(), "{ \"t\": [ 1 ] }");
    let wrong = as_asked(b"\xff", Some("s/a"), &wanted)
        .unwrap()
        .unwrap_err();
    assert!(wrong.starts_with("no CBOR: "), "{wrong}");
    for (payload, topic) in [
        (&b"\x01"[..], Some("a")),
        (b"\x01", None),
        (b"", Some("s/a")),
    ] {
        assert_eq!(as_asked(payload, topic, &wanted), None);
    }
}

#[test]
fn the_word_of_the_sender_counts() {
    let said = |content_type| About {
        content_type: Some(content_type),
        ..About::default()
    };
    let shown = show(b"\x83\x01\x02\x03", said("application/cbor"), None);
    assert_eq!(shown.kind.as_deref(), Some("CBOR"));
    let shown = show(b"21.5", said("application/vnd.x+json; v=1"), None);
    assert_eq!(shown.kind.as_deref(), Some("JSON"));
    let shown = show(b"{}", said("text/plain"), None);
    assert_eq!(shown.kind.as_deref(), Some("UTF-8 text"));
    let shown = show(b"\xff", said("application/json"), None);
    assert_eq!(
        shown.problem.as_deref(),
        Some("no JSON: a byte that is no UTF-8 (byte 0)")
    );
    let as_utf8 = About {
        format: Some(1),
        ..About::default()
    };
    let problem = show(b"a\xff", as_utf8, None).problem.unwrap();
    assert_eq!(
        problem,
        "no UTF-8 text, as the Payload Format Indicator says (byte 1)"
    );
    // The user's word counts more than the sender's.
    let about = About {
        topic: Some("a/b"),
        ..said("application/cbor")
    };
    let shown = show(b"hi", about, Some(&rules("a/+", Decoder::Hex)));
    assert_eq!(shown.kind.as_deref(), Some("hex"));
}

#[test]
fn what_is_long_has_an_end() {
    let text = "x\n".repeat(1_000_000);
    assert_eq!(
        show(text.as_bytes(), About::default(), None).rows.len(),
        MAX_ROWS + 1
    );
    let json = format!("[{}1]", "1,".repeat(1_000_000));
    let shown = show(json.as_bytes(), About::default(), None);
    assert_eq!(shown.rows.len(), MAX_ROWS + 1);
    let long = format!("[\"{}\"]", "ü".repeat(100_000));
    let shown = show(long.as_bytes(), About::default(), None);
    assert!(
        shown
            .rows
            .iter()
            .all(|row| row.chars().count() <= MAX_COLUMNS)
    );
}

proptest! {
    /// Whatever the bytes, no decoder panics, and nothing reaches the terminal raw.
    #[test]
    fn any_bytes(payload in proptest::collection::vec(any::<u8>(), 0..200), text in "\\PC*[\\x00-\\x7f]*") {
        for (_, decoder) in Decoder::ALL {
            for payload in [&payload[..], text.as_bytes()] {
                let shown = show(payload, on("t"), Some(&rules("#", *decoder)));
                for row in shown.rows.iter().chain(&shown.kind).chain(&shown.problem) {
                    prop_assert!(!row.contains(|c: char| c.is_control()), "{row:?}");
                }
            }
        }
    }
}

#[test]
fn what_is_damaged_is_where_it_is() {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::none());
    gzip.write_all(&[b'x'; 100]).unwrap();
    let gzip = gzip.finish().unwrap();
    let shown = show(&gzip[..31], on("t"), Some(&rules("t", Decoder::Gzip)));
    let problem = shown.problem.unwrap();
    assert!(problem.ends_with("(byte 31)"), "{problem}");
    let shown = show(b"\x61", on("t"), Some(&rules("t", Decoder::Cbor)));
    let problem = shown.problem.unwrap();
    assert!(
        problem.contains("1 byte should follow, and 0 do"),
        "{problem}"
    );
}

#[test]
fn control_characters_are_no_text() {
    let shown = |payload| show(payload, About::default(), None).rows;
    assert_eq!(shown(b"\x01\x02").len(), 1);
    assert!(shown(b"\x01\x02")[0].starts_with("0000  01 02 "));
    assert!(shown("\u{85}".as_bytes())[0].starts_with("0000  c2 85 "));
    assert_eq!(shown(b"a\tb\r\nc"), ["a\\tb", "c"]);
}
