//! Reading a message's line back: what [`push_message`](super::push_message) writes, and what people
//! write by hand in the same shape. Keys that are not for sending are passed over.

use std::fmt;

use serde::Deserializer as _;
use serde::de::{Error, IgnoredAny, MapAccess, Visitor};

use super::properties::read::PropertyObject;
use crate::mqtt::PropertiesBuf;

/// A message as its line has it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MessageLine {
    /// `topic`; unchecked.
    pub topic: Option<String>,
    /// `payload`, or `payload_hex`.
    pub payload: Vec<u8>,
    /// `qos`: 0, 1 or 2.
    pub qos: Option<u8>,
    /// `retain`.
    pub retain: Option<bool>,
    /// `properties`, without those that are not for another connection.
    pub properties: Option<PropertiesBuf>,
}

/// Why a line is no message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} (column {column})")]
pub struct LineError {
    /// Where it was seen, in bytes from 1.
    pub column: usize,
    /// What is wrong.
    pub what: String,
}

/// Reads one line: a JSON object and nothing else.
///
/// # Errors
/// [`LineError`].
pub fn read_message(line: &[u8]) -> Result<MessageLine, LineError> {
    let mut reader = serde_json::Deserializer::from_slice(line);
    reader
        .deserialize_any(MessageObject)
        .and_then(|message| reader.end().map(|()| message))
        .map_err(|error| {
            let what = error.to_string();
            LineError {
                column: error.column().max(1),
                what: match what.rsplit_once(" at line ") {
                    Some((what, _)) => what.to_owned(),
                    None => what,
                },
            }
        })
}

struct MessageObject;

impl<'de> Visitor<'de> for MessageObject {
    type Value = MessageLine;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with a message")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<MessageLine, A::Error> {
        let mut message = MessageLine::default();
        let mut payload = None;
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "topic" => put(&mut message.topic, &key, map.next_value()?)?,
                "topic_hex" => {
                    return Err(A::Error::custom("a topic that is not UTF-8 cannot be sent"));
                }
                "payload_truncated" => {
                    if map.next_value()? {
                        let what = "the line has only the beginning of the payload";
                        return Err(A::Error::custom(what));
                    }
                }
                "payload" => put(&mut payload, &key, map.next_value::<String>()?.into_bytes())?,
                "payload_hex" => put(&mut payload, &key, unhex(&map.next_value::<String>()?)?)?,
                "qos" => put(&mut message.qos, &key, map.next_value()?)?,
                "retain" => put(&mut message.retain, &key, map.next_value()?)?,
                "properties" => {
                    let list = map.next_value_seed(PropertyObject)?;
                    put(&mut message.properties, &key, list)?;
                }
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
            if let Some(level @ 3..) = message.qos {
                let what = format!("qos is 0, 1 or 2, not {level}");
                return Err(A::Error::custom(what));
            }
        }
        message.payload =
            payload.ok_or_else(|| A::Error::custom("it has neither payload nor payload_hex"))?;
        Ok(message)
    }
}

/// Takes the value of a key that may be there once; `payload` and `payload_hex` are one.
fn put<T, E: Error>(place: &mut Option<T>, key: &str, value: T) -> Result<(), E> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) if key.starts_with("payload") => Err(E::custom("it has more than one payload")),
        Some(_) => Err(E::custom(format!("it has more than one {key}"))),
    }
}

/// The bytes behind hex digits.
pub(super) fn unhex<E: Error>(digits: &str) -> Result<Vec<u8>, E> {
    hex::decode(digits).map_err(|error| E::custom(format!("no hex: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mqtt::PropertyId;
    use crate::mqtt::property::Value;

    #[test]
    fn every_key_for_sending_is_read() {
        let line =
            br#"{"time":"x","type":"PUBLISH","qos":1,"retain":true,"packet_id":7,"topic":"a/b",
            "properties":{"payload_format_indicator":1,"message_expiry_interval":60,
            "content_type":"text/plain","response_topic":"r","correlation_data_hex":"00ff",
            "subscription_identifier":[1,2],"user_property":[["a","1"],["a","2"]],"topic_alias":4},
            "payload_hex":"FF00","payload_len":2}"#;
        let message = read_message(line).unwrap();
        assert_eq!(message.topic.as_deref(), Some("a/b"));
        assert_eq!(message.payload, [0xff, 0]);
        assert_eq!((message.qos, message.retain), (Some(1), Some(true)));
        let list = message.properties.unwrap();
        let read: Vec<_> = list
            .as_properties()
            .iter()
            .map(|p| (p.id, p.value))
            .collect();
        assert_eq!(
            read,
            [
                (PropertyId::PAYLOAD_FORMAT_INDICATOR, Value::Byte(1)),
                (PropertyId::MESSAGE_EXPIRY_INTERVAL, Value::U32(60)),
                (PropertyId::CONTENT_TYPE, Value::Str(b"text/plain")),
                (PropertyId::RESPONSE_TOPIC, Value::Str(b"r")),
                (PropertyId::CORRELATION_DATA, Value::Binary(b"\x00\xff")),
                (PropertyId::USER_PROPERTY, Value::Pair(b"a", b"1")),
                (PropertyId::USER_PROPERTY, Value::Pair(b"a", b"2")),
            ]
        );
    }

    #[test]
    fn the_least_a_line_has_is_a_payload() {
        let message = read_message(br#"{"payload":"x"}"#).unwrap();
        assert_eq!(
            message,
            MessageLine {
                payload: b"x".to_vec(),
                ..MessageLine::default()
            }
        );
    }

    #[test]
    fn what_is_wrong_is_said_with_its_column() {
        for (line, column, what) in [
            ("{\"payload\":\"x\"", 14, "EOF while parsing an object"),
            ("{\"payload\":\"x\"} y", 17, "trailing characters"),
            (
                "{\"topic\":\"t\"}",
                13,
                "it has neither payload nor payload_hex",
            ),
            (
                "{\"payload\":\"\",\"payload_hex\":\"\"}",
                30,
                "it has more than one payload",
            ),
            (
                "{\"payload_hex\":\"0\"}",
                18,
                "no hex: Odd number of digits",
            ),
            (
                "{\"payload\":\"a\",\"payload_truncated\":true}",
                39,
                "the line has only the beginning of the payload",
            ),
            (
                "{\"payload\":\"\",\"properties\":{\"user_property\":[[\"a\"]]}}",
                51,
                "a user property is [name, value], not [\"a\"]",
            ),
            ("{\"qos\":3,\"payload\":\"\"}", 8, "qos is 0, 1 or 2, not 3"),
            (
                "{\"properties\":{\"colour\":1},\"payload\":\"\"}",
                23,
                "'colour' is not a property of MQTT 5.0",
            ),
            (
                "{\"properties\":{\"receive_maximum\":1},\"payload\":\"\"}",
                32,
                "receive_maximum is not a property of PUBLISH",
            ),
            (
                "{\"properties\":{\"payload_format_indicator\":2},\"payload\":\"\"}",
                42,
                "payload_format_indicator is a number from 0 to 1, not 2",
            ),
            (
                "{\"properties\":{\"response_topic\":\"a/#\"},\"payload\":\"\"}",
                37,
                "response_topic: a topic name may not hold the wildcard '#' (byte 2)",
            ),
            (
                "{\"properties\":{\"content_type\":[\"a\",\"b\"]},\"payload\":\"\"}",
                38,
                "content_type may be there once",
            ),
        ] {
            let error = read_message(line.as_bytes()).unwrap_err();
            assert_eq!(error.what, what, "{line}");
            // A mark too many is read before what is wrong is known.
            let near = column..=column + 1;
            assert!(near.contains(&error.column), "{line}: {}", error.column);
        }
    }

    #[test]
    fn what_is_no_object_is_no_message() {
        for line in ["", "1", "\"x\"", "[]", "null"] {
            assert!(read_message(line.as_bytes()).is_err(), "{line}");
        }
    }
}
