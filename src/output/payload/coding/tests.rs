use super::*;

fn hex_of(form: Coding, payload: &str) -> String {
    hex::encode(form.encode(payload.as_bytes()).unwrap())
}

/// RFC 8949, appendix A.
#[test]
fn cbor_as_the_standard_has_it() {
    for (json, cbor) in [
        ("0", "00"),
        ("23", "17"),
        ("24", "1818"),
        ("100", "1864"),
        ("1000", "1903e8"),
        ("1000000", "1a000f4240"),
        ("1000000000000", "1b000000e8d4a51000"),
        ("18446744073709551615", "1bffffffffffffffff"),
        ("-1", "20"),
        ("-10", "29"),
        ("-100", "3863"),
        ("-1000", "3903e7"),
        ("0.0", "f90000"),
        ("-0.0", "f98000"),
        ("1.0", "f93c00"),
        ("1.1", "fb3ff199999999999a"),
        ("1.5", "f93e00"),
        ("65504.0", "f97bff"),
        ("100000.0", "fa47c35000"),
        ("3.4028234663852886e+38", "fa7f7fffff"),
        ("1.0e+300", "fb7e37e43c8800759c"),
        ("5.960464477539063e-8", "f90001"),
        ("0.00006103515625", "f90400"),
        ("-4.0", "f9c400"),
        ("-4.1", "fbc010666666666666"),
        ("false", "f4"),
        ("true", "f5"),
        ("null", "f6"),
        ("\"\"", "60"),
        ("\"IETF\"", "6449455446"),
        ("\"\\\"\\\\\"", "62225c"),
        ("\"\u{fc}\"", "62c3bc"),
        ("[]", "80"),
        ("[1, 2, 3]", "83010203"),
        ("[1, [2, 3], [4, 5]]", "8301820203820405"),
        (
            "[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25]",
            "98190102030405060708090a0b0c0d0e0f101112131415161718181819",
        ),
        ("{}", "a0"),
        ("{\"a\": 1, \"b\": [2, 3]}", "a26161016162820203"),
        ("[\"a\", {\"b\": \"c\"}]", "826161a161626163"),
    ] {
        assert_eq!(hex_of(Coding::Cbor, json), cbor, "{json}");
    }
}

/// The first bytes and ranges of the specification's table.
#[test]
fn messagepack_as_its_specification_has_it() {
    for (json, packed) in [
        ("127", "7f"),
        ("128", "cc80"),
        ("256", "cd0100"),
        ("65536", "ce00010000"),
        ("4294967296", "cf0000000100000000"),
        ("-32", "e0"),
        ("-33", "d0df"),
        ("-129", "d1ff7f"),
        ("-32769", "d2ffff7fff"),
        ("-2147483649", "d3ffffffff7fffffff"),
        ("1.5", "cb3ff8000000000000"),
        ("null", "c0"),
        ("[true,false]", "92c3c2"),
        (
            "{\"compact\":true,\"schema\":0}",
            "82a7636f6d70616374c3a6736368656d6100",
        ),
    ] {
        assert_eq!(hex_of(Coding::Msgpack, json), packed, "{json}");
    }
    let text = |len: usize| format!("\"{}\"", "x".repeat(len));
    for (len, head) in [
        (31, "bf"),
        (32, "d920"),
        (256, "da0100"),
        (65536, "db00010000"),
    ] {
        assert!(
            hex_of(Coding::Msgpack, &text(len)).starts_with(head),
            "{len}"
        );
    }
    let array = |len: usize| format!("[{}]", vec!["1"; len].join(","));
    for (len, head) in [(15, "9f"), (16, "dc0010"), (65536, "dd00010000")] {
        assert!(
            hex_of(Coding::Msgpack, &array(len)).starts_with(head),
            "{len}"
        );
    }
}

#[test]
fn there_and_back() {
    let json = r#"{"z":[1,-2,2.5,null,true,"\"ü\n"],"a":{"":{}},"n":-9223372036854775808}"#;
    for (_, form) in Coding::ALL {
        let packed = form.encode(json.as_bytes()).unwrap();
        let back = form.decode(&packed).unwrap();
        assert_eq!(String::from_utf8(back).unwrap(), json, "{form:?}");
    }
}

/// RFC 8949, 6.1.
#[test]
fn what_json_has_not() {
    for (form, packed, json) in [
        (Coding::Cbor, "4401020304", "\"AQIDBA\""),
        (Coding::Cbor, "f7", "null"),
        (Coding::Cbor, "f97e00", "null"),
        (Coding::Cbor, "a2010203f5", "{\"1\":2,\"3\":true}"),
        (Coding::Cbor, "c11a514b67b0", "1363896240"),
        (Coding::Cbor, "9f0102ff", "[1,2]"),
        (Coding::Msgpack, "c4020102", "\"AQI\""),
        (Coding::Msgpack, "d4057f", "\"fw\""),
        (Coding::Msgpack, "81c3c0", "{\"true\":null}"),
    ] {
        let decoded = form.decode(&hex::decode(packed).unwrap()).unwrap();
        assert_eq!(String::from_utf8(decoded).unwrap(), json, "{packed}");
    }
}

#[test]
fn bytes_as_text_and_back() {
    assert_eq!(Coding::Hex.encode(b"\x00\xff").unwrap(), b"00ff");
    assert_eq!(Coding::Hex.decode(b"00 FF\n").unwrap(), b"\x00\xff");
    // RFC 4648, section 10.
    for (bytes, text) in [
        ("", ""),
        ("f", "Zg=="),
        ("fo", "Zm8="),
        ("foo", "Zm9v"),
        ("foob", "Zm9vYg=="),
    ] {
        assert_eq!(
            Coding::Base64.encode(bytes.as_bytes()).unwrap(),
            text.as_bytes()
        );
        assert_eq!(
            Coding::Base64.decode(text.as_bytes()).unwrap(),
            bytes.as_bytes()
        );
    }
}

#[test]
fn json_loses_white_space_only() {
    let text = b" { \"a b\" : [ 1.0e5 , \"\\\" \\\\\" ] }\n";
    let minified = Coding::Json.encode(text).unwrap();
    assert_eq!(minified, b"{\"a b\":[1.0e5,\"\\\" \\\\\"]}");
}

#[test]
fn as_text_for_people() {
    let shown = |form: Coding, payload: &[u8], pretty| {
        String::from_utf8(form.show(payload, pretty).unwrap()).unwrap()
    };
    assert_eq!(shown(Coding::Hex, b"\x00\xffa", true), "00ff61");
    assert_eq!(shown(Coding::Base64, b"foobar", true), "Zm9vYmFy");
    // RFC 8949, appendix A.
    let cbor = hex::decode("a26161016162820203").unwrap();
    assert_eq!(shown(Coding::Cbor, &cbor, false), r#"{"a":1,"b":[2,3]}"#);
    assert_eq!(
        shown(Coding::Json, br#" {"a\" {":[1,{}],"b":[ ]}"#, true),
        "{\n  \"a\\\" {\": [\n    1,\n    {}\n  ],\n  \"b\": []\n}"
    );
}

#[test]
fn what_is_not_in_the_form_is_one_sentence() {
    for (form, payload, sentence) in [
        (
            Coding::Hex,
            &b"0g"[..],
            "the payload is no hex: something that is no hex digit (byte 1)",
        ),
        (
            Coding::Hex,
            b"012",
            "the payload is no hex: a digit is missing (byte 3)",
        ),
        (
            Coding::Base64,
            b"a\xff",
            "the payload is no base64: a byte that is no base64 digit (byte 1)",
        ),
        (
            Coding::Cbor,
            b"\x82\x01",
            "the payload is no CBOR: 1 byte should follow, and 0 do (byte 2)",
        ),
        (
            Coding::Cbor,
            b"\xa1\x80\x01",
            "the payload is no CBOR: a key is an array or a map, which JSON cannot have (byte 0)",
        ),
    ] {
        assert_eq!(form.decode(payload).unwrap_err().to_string(), sentence);
    }
    let error = Coding::Cbor.encode(b"{\"a\":}").unwrap_err().to_string();
    assert_eq!(error, "the payload is no JSON: expected value (byte 5)");
}

#[test]
fn depth_is_limited() {
    for depth in [127, 10_000] {
        let json = "[".repeat(depth) + &"]".repeat(depth);
        assert_eq!(Coding::Cbor.encode(json.as_bytes()).is_ok(), depth == 127);
        let cbor = [vec![0x81; depth], vec![0]].concat();
        assert!(Coding::Cbor.decode(&cbor).is_err());
    }
}
