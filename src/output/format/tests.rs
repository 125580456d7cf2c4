//! Expected texts are what mosquitto_sub 2.0.11 prints for the same message, by its tests in
//! `tests/it/interop_format.rs`, and what its manual of 2.1 says.

use super::*;
use crate::mqtt::property::Value;
use crate::mqtt::{Properties, PropertiesBuf, PropertyId, Version};
use crate::output::json::Message;
use crate::output::time::Time;

fn message<'a>(payload: &'a [u8], properties: Properties<'a>) -> Message<'a> {
    Message {
        version: Version::V5,
        dup: false,
        qos: 1,
        retain: true,
        packet_id: Some(7),
        topic: "x/y",
        properties,
        payload,
        // 2016-08-10T08:47:38Z
        time: Some(Time {
            nanoseconds: 1_470_818_858_012_345_678,
            digits: 9,
        }),
    }
}

fn printed(format: &str, message: &Message<'_>) -> String {
    let mut out = Vec::new();
    let result = Format::parse(format).unwrap().push(&mut out, message);
    assert_eq!(result, Ok(()), "{format}");
    String::from_utf8(out).unwrap()
}

fn properties() -> PropertiesBuf {
    let mut list = PropertiesBuf::new();
    for (id, value) in [
        (PropertyId::CONTENT_TYPE, Value::Str(b"text/plain")),
        (PropertyId::USER_PROPERTY, Value::Pair(b"k", b"v")),
        (PropertyId::USER_PROPERTY, Value::Pair(b"k", b"w")),
        (PropertyId::RESPONSE_TOPIC, Value::Str(b"re/sp")),
        (PropertyId::CORRELATION_DATA, Value::Binary(b"corr")),
        (PropertyId::PAYLOAD_FORMAT_INDICATOR, Value::Byte(1)),
        (PropertyId::MESSAGE_EXPIRY_INTERVAL, Value::U32(998)),
    ] {
        list.push(id, value).unwrap();
    }
    list
}

#[test]
fn every_field() {
    let list = properties();
    let message = message(b"hello world", list.as_properties());
    for (format, expected) in [
        ("%t|%p|%l|%q|%r|%m", "x/y|hello world|11|1|1|7"),
        ("%x|%X", "68656c6c6f20776f726c64|68656C6C6F20776F726C64"),
        ("%C|%R|%D|%P", "text/plain|re/sp|corr|k:v k:w"),
        ("%E|%F|[%A]|[%S]", "998|1|[]|[]"),
        (
            "%U|@s.@N|@@|%%",
            "1470818858.012345678|1470818858.012345678|@|%",
        ),
        ("\\\\\\0\\a\\e\\n\\r\\t\\v", "\\\0\x07\x1b\n\r\t\x0b"),
        ("@Q@E@1", "%Q%E%1"),
        // Of 2.1.
        (
            "%:x|%-x|% X",
            "68:65:6c:6c:6f:20:77:6f:72:6c:64|68656c6c6f20776f726c64           |68 65 6C 6C 6F 20 77 6F 72 6C 64",
        ),
    ] {
        assert_eq!(
            printed(format, &message).to_lowercase(),
            expected.to_lowercase(),
            "{format}"
        );
    }
}

#[test]
fn flags_width_and_precision() {
    let list = properties();
    let message = message(b"hello world", list.as_properties());
    for (format, expected) in [
        ("[%20p]", "[         hello world]"),
        ("[%-20p]", "[hello world         ]"),
        ("[%020p]", "[000000000hello world]"),
        ("[%-020p]", "[hello world         ]"),
        ("[%5p]", "[hello]"),
        ("[%.3p]", "[hello world]"),
        ("[%-p]", "[hello world           ]"),
        ("[%30x]", "[                    68656c6c6f]"),
        ("[%030x]", "[0000000000000000000068656c6c6f]"),
        ("[%7x]", "[ 68656c]"),
        ("[%1x]", "[ ]"),
        ("[%10t]", "[       x/y]"),
        ("[%-10t]", "[x/y       ]"),
        ("[%10.2t]", "[        x/]"),
        ("[%.t]", "[]"),
        ("[%010t]", "[       x/y]"),
        ("[%5l]", "[   11]"),
        ("[%05l]", "[00011]"),
        ("[%-05l]", "[11   ]"),
        ("[%5q]", "[1]"),
        ("[%05m]", "[00007]"),
        ("[%5A]", "[     ]"),
        ("[%05A]", "[00000]"),
        ("[%-05A]", "[00000]"),
        ("[%-5A]", "[     ]"),
        ("[%10.3R]", "[       re/]"),
        ("[%5D]", "[corr]"),
        ("[%10P]", "[k:v k:w]"),
        ("[%.4I]", "[2016]"),
        ("[%-6.4I]", "[2016  ]"),
        ("[%-10%]", "[%]"),
    ] {
        assert_eq!(printed(format, &message), expected, "{format}");
    }
}

#[test]
fn wrong_formats() {
    for (format, error) in [
        ("%", FormatError::Incomplete),
        ("%-05.3", FormatError::Incomplete),
        ("@", FormatError::Incomplete),
        ("%Z", FormatError::Invalid('Z')),
        ("%0-5t", FormatError::Invalid('-')),
        ("%ax", FormatError::Invalid('a')),
        ("\\", FormatError::IncompleteEscape),
        ("\\q", FormatError::InvalidEscape('q')),
    ] {
        assert_eq!(Format::parse(format), Err(error), "{format}");
    }
}

#[test]
fn widths_are_bounded() {
    let shown = printed("%99999999999999999999t", &message(b"", Properties::EMPTY));
    assert_eq!(shown.len(), MAX_WIDTH);
}

#[test]
fn floats() {
    for (format, payload, expected) in [
        ("%f", &1.5f32.to_ne_bytes()[..], "1.500000"),
        ("[%8.2f]", &(-1.25f32).to_ne_bytes(), "[   -1.25]"),
        ("[%08.2f]", &(-1.25f32).to_ne_bytes(), "[-0001.25]"),
        ("[%-8.1d]", &2.25f64.to_ne_bytes(), "[2.2     ]"),
        ("%d", &f64::INFINITY.to_ne_bytes(), "inf"),
        ("[%d]", b"abc", "[]"),
    ] {
        assert_eq!(
            printed(format, &message(payload, Properties::EMPTY)),
            expected,
            "{format}"
        );
    }
}

/// The time has no place in it: where the tests run, it is another one.
fn json(format: &str, message: &Message<'_>, pretty: bool) -> String {
    let mut out = Vec::new();
    let format = Format::parse(format).unwrap().pretty(pretty);
    format.push(&mut out, message).unwrap();
    let text = String::from_utf8(out).unwrap();
    let tst = text.find("2016-08-10T").unwrap();
    let fraction = tst + "2016-08-10T08:47:38".len();
    assert_eq!(&text[fraction..fraction + 7], ".012345", "{text}");
    let len = "2016-08-10T08:47:38.012345+0000".len();
    format!("{}TIME{}", &text[..tst], &text[tst + len..])
}

#[test]
fn mosquittos_json() {
    let list = properties();
    assert_eq!(
        json(
            "%j",
            &message(b"a\"\\/\x01\n\xc3\xa9", list.as_properties()),
            false
        ),
        "{\"tst\":\"TIME\",\"topic\":\"x/y\",\"qos\":1,\"retain\":1,\"payloadlen\":8,\"mid\":7,\
         \"properties\":{\"content-type\":\"text/plain\",\"user-properties\":{\"k\":\"v\",\"k\":\"w\"},\
         \"response-topic\":\"re/sp\",\"correlation-data\":\"corr\",\"payload-format-indicator\":1,\
         \"message-expiry-interval\":998},\"payload\":\"a\\\"\\\\/\\u0001\\n\u{e9}\"}"
    );
    let value = br#" [1, 2.0, 0.1, 1e300, 12345678901234567890, -0, 1E2, 0.30000000000000004, {"a":{}, "s":"\u00e9\/"}, [],true] "#;
    let start = "{\"tst\":\"TIME\",\"topic\":\"x/y\",\"qos\":1,\"retain\":1,\"payloadlen\":109,\"mid\":7,\"payload\":";
    assert_eq!(
        json("%J", &message(value, Properties::EMPTY), false),
        format!(
            "{start}[1,2,0.1,1e+300,1.2345678901234567e+19,-0,100,0.3,{{\"a\":{{}},\"s\":\"\u{e9}/\"}},[],true]}}"
        )
    );
    assert_eq!(
        json(
            "%J",
            &message(b"[{\"a\":[]},{\"b\":{}}]", Properties::EMPTY),
            true
        ),
        "{\n\t\"tst\":\t\"TIME\",\n\t\"topic\":\t\"x/y\",\n\t\"qos\":\t1,\n\t\"retain\":\t1,\n\
         \t\"payloadlen\":\t19,\n\t\"mid\":\t7,\n\t\"payload\":\t[{\n\t\t\t\"a\":\t[]\n\t\t}, {\n\
         \t\t\t\"b\":\t{\n\t\t\t}\n\t\t}]\n}"
    );
    let empty = message(b"", Properties::EMPTY);
    assert!(json("%J", &empty, false).ends_with("\"payload\":null}"));
}

#[test]
fn what_is_no_json_is_said() {
    let format = Format::parse("[%J|%t]").unwrap();
    for payload in [&b"tru"[..], b"{\"a\":1}x", b"\xff", &b"[".repeat(100_000)] {
        let mut out = Vec::new();
        let result = format.push(&mut out, &message(payload, Properties::EMPTY));
        assert_eq!(result, Err(NotJson));
        assert_eq!(out, b"[|x/y]");
    }
}

#[test]
fn only_the_network_is_escaped() {
    let format = Format::parse("\\e[1m%p\\e[0m %t").unwrap().escape(true);
    let mut out = Vec::new();
    let message = message(b"a\x1b[2J\n", Properties::EMPTY);
    format.push(&mut out, &message).unwrap();
    assert_eq!(out, b"\x1b[1ma\\u{1b}[2J\n\x1b[0m x/y");
}
