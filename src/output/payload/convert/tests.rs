//! Expected texts are of RFC 8949, appendix A, and of the tables of MessagePack.

use super::*;

fn text(conversion: Conversion, payload: &[u8], pretty: bool) -> Result<String, String> {
    let mut out = b">".to_vec();
    let result = conversion.push(&mut out, payload, pretty);
    let text = String::from_utf8(out).unwrap();
    match result {
        Ok(()) => Ok(text[1..].to_owned()),
        Err(error) => {
            assert_eq!(text, ">");
            Err(error.to_string())
        }
    }
}

#[test]
fn any_bytes() {
    assert_eq!(
        text(Conversion::Hex, b"\x00\xffa", false).unwrap(),
        "00ff61"
    );
    // RFC 4648, section 10.
    for (bytes, base64) in [
        ("", ""),
        ("f", "Zg=="),
        ("fo", "Zm8="),
        ("foobar", "Zm9vYmFy"),
    ] {
        let shown = text(Conversion::Base64, bytes.as_bytes(), false);
        assert_eq!(shown.unwrap(), base64);
    }
}

#[test]
fn json_keeps_its_numbers_and_strings() {
    let json = br#" { "b" : 1.50, "a\" {": [ 1 , {} , [ ] ],"n":12345678901234567890123 } "#;
    assert_eq!(
        text(Conversion::Json, json, false).unwrap(),
        r#"{"b":1.50,"a\" {":[1,{},[]],"n":12345678901234567890123}"#
    );
    assert_eq!(
        text(Conversion::Json, br#"{"a":[1,{}],"b":[]}"#, true).unwrap(),
        "{\n  \"a\": [\n    1,\n    {}\n  ],\n  \"b\": []\n}"
    );
    assert_eq!(
        text(Conversion::Json, b"{\"a\":1", false).unwrap_err(),
        "no JSON: EOF while parsing an object (byte 5)"
    );
    assert!(text(Conversion::Json, b"", false).is_err());
    assert!(text(Conversion::Json, b"\"\xff\"", false).is_err());
}

/// Examples of RFC 8949, appendix A.
#[test]
fn cbor_as_json() {
    for (hex, json) in [
        ("00", "0"),
        ("1bffffffffffffffff", "18446744073709551615"),
        ("3bffffffffffffffff", "-18446744073709551616"),
        ("f93e00", "1.5"),
        ("f97e00", "null"),
        ("fb3ff199999999999a", "1.1"),
        ("f4", "false"),
        ("f7", "null"),
        ("c11a514b67b0", "1363896240"),
        ("4401020304", "\"AQIDBA==\""),
        ("62225c", r#""\"\\""#),
        ("8301820203820405", "[1,[2,3],[4,5]]"),
        ("a201020304", r#"{"1":2,"3":4}"#),
        ("a26161016162820203", r#"{"a":1,"b":[2,3]}"#),
        ("5f42010243030405ff", "\"AQIDBAU=\""),
        ("7f657374726561646d696e67ff", "\"streaming\""),
        ("9f018202039f0405ffff", "[1,[2,3],[4,5]]"),
        ("bf61610161629f0203ffff", r#"{"a":1,"b":[2,3]}"#),
        ("80", "[]"),
        ("a0", "{}"),
    ] {
        let bytes = hex::decode(hex).unwrap();
        assert_eq!(
            text(Conversion::Cbor, &bytes, false).as_deref(),
            Ok(json),
            "{hex}"
        );
    }
    for hex in [
        "",
        "ff",
        "82 01",
        "1c",
        "62ff61",
        "0000",
        "5f61 61ff",
        "bf6161ff",
    ] {
        let bytes = hex::decode(hex.replace(' ', "")).unwrap();
        assert!(text(Conversion::Cbor, &bytes, false).is_err(), "{hex}");
    }
    assert!(text(Conversion::Cbor, &[0x81; 100_000], false).is_err());
    assert!(text(Conversion::Cbor, &[0xc1; 100_000], false).is_err());
}

/// By the tables of the specification.
#[test]
fn msgpack_as_json() {
    for (hex, json) in [
        ("7f", "127"),
        ("e0", "-32"),
        ("c0", "null"),
        ("c3", "true"),
        ("ccff", "255"),
        ("cfffffffffffffffff", "18446744073709551615"),
        ("d1ff00", "-256"),
        ("ca3fc00000", "1.5"),
        ("a161", "\"a\""),
        ("d90161", "\"a\""),
        ("c40201ff", "\"Af8=\""),
        ("d40161", "\"YQ==\""),
        ("9301a16180", "[1,\"a\",{}]"),
        ("81a16101", r#"{"a":1}"#),
        ("dc000101", "[1]"),
        ("de0001a16101", r#"{"a":1}"#),
    ] {
        let bytes = hex::decode(hex).unwrap();
        let shown = text(Conversion::Msgpack, &bytes, false);
        assert_eq!(shown.as_deref(), Ok(json), "{hex}");
    }
    for hex in ["", "c1", "92", "0000", "dd ffffffff"] {
        let bytes = hex::decode(hex.replace(' ', "")).unwrap();
        assert!(text(Conversion::Msgpack, &bytes, false).is_err(), "{hex}");
    }
}
