//! The JSON lines where equality of values does not show it: order of the keys, odd packets.

use midge::mqtt::decode::{Context, Recorder, decode};
use midge::mqtt::{Side, Version};
use midge::output::{Decoded, Origin, Place, json};

/// The line for a packet of which nothing but its sender is known.
pub(crate) fn line_of(
    bytes: &[u8],
    version: Version,
    from: Side,
    options: json::Options,
) -> String {
    let from = Some(from);
    let mut record = Recorder::default();
    let _ = decode(bytes, Context { version, from }, &mut record);
    let decoded = Decoded {
        origin: Origin {
            place: Place {
                from,
                ..Place::default()
            },
            version,
            version_from: "given",
        },
        bytes,
        record: &record,
        topic_resolved: None,
        client: None,
        findings: &[],
    };
    let mut out = Vec::new();
    json::write_packet(&mut out, &decoded, options).unwrap();
    String::from_utf8(out).unwrap()
}

/// The line for a packet of 5.0 from a client.
fn line(hex: &str) -> String {
    let bytes = hex::decode(hex.replace(' ', "")).unwrap();
    line_of(&bytes, Version::V5, Side::Client, json::Options::default())
}

fn value(hex: &str) -> serde_json::Value {
    serde_json::from_str(&line(hex)).unwrap()
}

#[test]
fn keys_come_in_their_order() {
    assert_eq!(
        line("3d 0d 0001 61 0007 03 23 0001 ff fe 00 00"),
        concat!(
            r#"{"from":"client","protocol":"mqtt","version":"5.0","version_from":"given","#,
            r#""type":"PUBLISH","byte1":61,"dup":true,"qos":2,"retain":true,"remaining_length":13,"#,
            r#""remaining_length_hex":"0d","packet_id":7,"topic":"a","properties":{"topic_alias":1},"#,
            r#""payload_hex":"fffe0000","payload_len":4}"#,
            "\n"
        )
    );
    // User name "u", password "pw", will "w" = "x" at QoS 1 with a delay of 5 s.
    assert_eq!(
        line(
            "10 26 0004 4d515454 05 ce 003c 05 11 00000009 0001 63 \
             05 18 00000005 0001 77 0001 78 0001 75 0002 7077"
        ),
        concat!(
            r#"{"from":"client","protocol":"mqtt","version":"5.0","version_from":"given","#,
            r#""type":"CONNECT","byte1":16,"remaining_length":38,"remaining_length_hex":"26","#,
            r#""client_id":"c","clean_start":true,"keep_alive":60,"protocol_name":"MQTT","#,
            r#""protocol_level":5,"username":"u","password_len":2,"will":{"topic":"w","#,
            r#""payload":"x","qos":1,"retain":false,"properties":{"will_delay_interval":5}},"#,
            r#""properties":{"session_expiry_interval":9}}"#,
            "\n"
        )
    );
}

#[test]
fn a_cut_payload_has_the_length_it_had_on_the_wire() {
    let packet = value("30 0a 0001 61 00 31 32 33");
    assert_eq!(packet["payload"], "123");
    assert_eq!(packet["payload_len"], 6);
    assert_eq!(packet["payload_truncated"], true);
}

#[test]
fn under_a_hex_key_every_value_is_hex() {
    // Content Type twice: "ab", and a byte that is not UTF-8.
    let packet = value("30 0d 0001 61 09 03 0002 6162 03 0001 ff");
    let expected = serde_json::json!({"content_type_hex": ["6162", "ff"]});
    assert_eq!(packet["properties"], expected);
}

#[test]
fn a_code_that_is_left_out_is_success_and_one_that_is_damaged_is_none() {
    assert_eq!(value("40 02 0001")["reason_code"], 0);
    assert_eq!(value("e0 00")["reason_code"], 0);
    for damaged in ["40 01 00", "40 00", "40 ff ff ff ff", "40 04 0001"] {
        assert_eq!(value(damaged).get("reason_code"), None, "{damaged}");
    }
}

/// Two halves of one property each: what is found once must not be searched for again and again.
#[test]
fn many_repeated_properties_take_linear_time() {
    let half = 100_000;
    let list = [vec![[0x01, 0]; half], vec![[0x17, 0]; half]]
        .concat()
        .concat();
    // Remaining Length 4 + 3 + 400,000, Property Length 400,000.
    let packet = format!("30 87b518 0002 6161 80b518 {}", hex::encode(list));
    let properties = &value(&packet)["properties"];
    for name in ["payload_format_indicator", "request_problem_information"] {
        assert_eq!(properties[name].as_array().unwrap().len(), half, "{name}");
    }
}
