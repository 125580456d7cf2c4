//! Reading a packet's line back: what `decode --json`, `sub --json` and `broker --record` write.
//!
//! With `raw_hex` the packet is the one that was captured; without, it is made anew from the keys,
//! and has the same meaning. A password is there only if it was shown.

use std::net::SocketAddr;

use bytes::{Bytes, BytesMut};
use serde::Deserialize;
use serde::de::DeserializeSeed;

use super::properties::read::AnyPropertyObject;
use crate::mqtt::encode::encode;
use crate::mqtt::packet::{
    Ack, AckKind, Codes, ConnAck, Connect, FiltersBuf, Packet, Publish, Reason, Subscribe,
    SubscriptionOptions, Will,
};
use crate::mqtt::property::WILL;
use crate::mqtt::{PacketType, PropertiesBuf, QoS, ReasonCode, Side, Version};
use crate::output::time::Time;

/// A packet as its line has it.
#[derive(Debug, Clone)]
pub struct PacketLine {
    /// `frame`.
    pub frame: Option<u64>,
    /// `time`.
    pub time: Option<Time>,
    /// `stream`; none in lines of `sub`.
    pub stream: Option<u64>,
    /// `src`.
    pub src: Option<SocketAddr>,
    /// `dst`.
    pub dst: Option<SocketAddr>,
    /// `from`.
    pub from: Option<Side>,
    /// `version`.
    pub version: Version,
    /// The packet, as captured or made anew.
    pub bytes: Bytes,
    /// Its length on the wire.
    pub announced_len: usize,
}

impl PacketLine {
    /// Whether it is a PUBLISH.
    pub fn is_message(&self) -> bool {
        let byte1 = self.bytes.first().copied();
        byte1.is_some_and(|byte1| PacketType::from_byte1(byte1) == PacketType::PUBLISH)
    }
}

/// Reads one line; `None` if it is a record other than a packet of MQTT.
///
/// # Errors
/// What is wrong with it.
pub fn read_packet(line: &[u8]) -> Result<Option<PacketLine>, String> {
    let line: Line = serde_json::from_slice(line).map_err(|error| error.to_string())?;
    if line.record.is_some() || line.protocol.as_deref() == Some("mqtt-sn") {
        return Ok(None);
    }
    let version = match line.version.as_deref() {
        None => Version::V5,
        Some(name) => [Version::V31, Version::V311, Version::V5]
            .into_iter()
            .find(|version| version.as_str() == name)
            .ok_or_else(|| format!("'{}' is no version of MQTT", name.escape_debug()))?,
    };
    let bytes = match &line.raw_hex {
        Some(hex) => Bytes::from(unhex(hex)?),
        None => match line.encoded(version)? {
            Some(bytes) => bytes,
            None => return Ok(None),
        },
    };
    let missing = match line.payload_truncated {
        true => line.payload_len.unwrap_or_default().max(1),
        false => 0,
    };
    Ok(Some(PacketLine {
        frame: line.frame,
        time: line.time.as_deref().and_then(Time::parse),
        stream: line.stream,
        src: line.src,
        dst: line.dst,
        from: match line.from.as_deref() {
            Some("client") => Some(Side::Client),
            Some("server") => Some(Side::Server),
            _ => None,
        },
        version,
        announced_len: bytes.len() + missing,
        bytes,
    }))
}

#[derive(Debug, Deserialize)]
struct Line {
    record: Option<String>,
    frame: Option<u64>,
    time: Option<String>,
    stream: Option<u64>,
    src: Option<SocketAddr>,
    dst: Option<SocketAddr>,
    from: Option<String>,
    protocol: Option<String>,
    version: Option<String>,
    r#type: Option<String>,
    #[serde(default)]
    dup: bool,
    #[serde(default)]
    qos: u8,
    #[serde(default)]
    retain: bool,
    #[serde(default)]
    packet_id: u16,
    topic: Option<String>,
    #[serde(default)]
    filters: Vec<Filter>,
    #[serde(default)]
    reason_code: u8,
    #[serde(default)]
    reason_codes: Vec<u8>,
    #[serde(default)]
    session_present: bool,
    client_id: Option<String>,
    #[serde(default)]
    clean_start: bool,
    #[serde(default)]
    keep_alive: u16,
    username: Option<String>,
    password: Option<String>,
    password_hex: Option<String>,
    will: Option<WillLine>,
    properties: Option<serde_json::Value>,
    payload: Option<String>,
    payload_hex: Option<String>,
    payload_len: Option<usize>,
    #[serde(default)]
    payload_truncated: bool,
    raw_hex: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Filter {
    filter: Option<String>,
    #[serde(default)]
    qos: u8,
    #[serde(default)]
    no_local: bool,
    #[serde(default)]
    retain_as_published: bool,
    #[serde(default)]
    retain_handling: u8,
}

#[derive(Debug, Deserialize)]
struct WillLine {
    topic: Option<String>,
    payload: Option<String>,
    payload_hex: Option<String>,
    #[serde(default)]
    qos: u8,
    #[serde(default)]
    retain: bool,
    properties: Option<serde_json::Value>,
}

impl Line {
    /// The packet anew; `None` if it cannot be one.
    fn encoded(&self, version: Version) -> Result<Option<Bytes>, String> {
        let name = self.r#type.as_deref().unwrap_or("PUBLISH");
        let all = (1..=15).map(|number| PacketType::from_byte1(number << 4));
        let Some(packet_type) = all.into_iter().find(|kind| kind.name(Version::V5) == name) else {
            return Ok(None);
        };
        let list = properties(self.properties.as_ref(), packet_type)?;
        let properties = list.as_properties();
        let payload = bytes(self.payload.as_deref(), self.payload_hex.as_deref())?;
        let reason = ReasonCode(self.reason_code);
        let filters;
        let (will, will_payload, will_properties);
        let password;
        let packet = match packet_type {
            PacketType::CONNECT => {
                password = match (&self.password, &self.password_hex) {
                    (None, None) => None,
                    (text, hex) => Some(bytes(text.as_deref(), hex.as_deref())?),
                };
                will = match &self.will {
                    Some(line) => {
                        will_payload = bytes(line.payload.as_deref(), line.payload_hex.as_deref())?;
                        will_properties = self::properties(line.properties.as_ref(), WILL)?;
                        Some(Will {
                            qos: qos(line.qos)?,
                            retain: line.retain,
                            properties: will_properties.as_properties(),
                            topic: line.topic.as_deref().ok_or("a will without a topic")?,
                            payload: &will_payload,
                        })
                    }
                    None => None,
                };
                Packet::Connect(Connect {
                    version,
                    bridge: false,
                    clean_start: self.clean_start,
                    keep_alive: self.keep_alive,
                    properties,
                    client_id: self.client_id.as_deref().unwrap_or_default(),
                    will,
                    username: self.username.as_deref(),
                    password: password.as_deref(),
                })
            }
            PacketType::CONNACK => Packet::ConnAck(ConnAck {
                session_present: self.session_present,
                code: self.reason_code,
                properties,
            }),
            PacketType::PUBLISH => Packet::Publish(Publish {
                dup: self.dup,
                qos: qos(self.qos)?,
                retain: self.retain,
                topic: self.topic.as_deref().ok_or("a PUBLISH without a topic")?,
                packet_id: self.packet_id,
                properties,
                payload: &payload,
            }),
            PacketType::PUBACK | PacketType::PUBREC | PacketType::PUBREL | PacketType::PUBCOMP => {
                Packet::Ack(Ack {
                    kind: match packet_type {
                        PacketType::PUBACK => AckKind::PubAck,
                        PacketType::PUBREC => AckKind::PubRec,
                        PacketType::PUBREL => AckKind::PubRel,
                        _ => AckKind::PubComp,
                    },
                    packet_id: self.packet_id,
                    reason,
                    properties,
                })
            }
            PacketType::SUBSCRIBE | PacketType::UNSUBSCRIBE => {
                let is_subscribe = packet_type == PacketType::SUBSCRIBE;
                filters = self.filters(is_subscribe, version)?;
                let request = Subscribe {
                    packet_id: self.packet_id,
                    properties,
                    filters: match is_subscribe {
                        true => filters.with_options(),
                        false => filters.without_options(),
                    },
                };
                match is_subscribe {
                    true => Packet::Subscribe(request),
                    false => Packet::Unsubscribe(request),
                }
            }
            PacketType::SUBACK | PacketType::UNSUBACK => {
                let codes = Codes {
                    packet_id: self.packet_id,
                    properties,
                    codes: &self.reason_codes,
                };
                match packet_type {
                    PacketType::SUBACK => Packet::SubAck(codes),
                    _ => Packet::UnsubAck(codes),
                }
            }
            PacketType::PINGREQ => Packet::PingReq,
            PacketType::PINGRESP => Packet::PingResp,
            PacketType::DISCONNECT => Packet::Disconnect(Reason { reason, properties }),
            PacketType::AUTH => Packet::Auth(Reason { reason, properties }),
            _ => return Ok(None),
        };
        let mut out = BytesMut::new();
        encode(&packet, version, &mut out).map_err(|error| error.to_string())?;
        Ok(Some(out.freeze()))
    }

    fn filters(&self, is_subscribe: bool, version: Version) -> Result<FiltersBuf, String> {
        let mut filters = Vec::new();
        for line in &self.filters {
            let options = SubscriptionOptions {
                qos: qos(line.qos)?,
                no_local: line.no_local,
                retain_as_published: line.retain_as_published,
                retain_handling: line.retain_handling,
            };
            let filter = line.filter.as_deref().ok_or("a filter that is not UTF-8")?;
            filters.push((filter, options));
        }
        let filters = match is_subscribe {
            true => FiltersBuf::subscribe(filters, version),
            false => FiltersBuf::unsubscribe(filters.into_iter().map(|(filter, _)| filter)),
        };
        filters.map_err(|error| error.to_string())
    }
}

fn properties(
    object: Option<&serde_json::Value>,
    packet: PacketType,
) -> Result<PropertiesBuf, String> {
    match object {
        None => Ok(PropertiesBuf::new()),
        Some(object) => AnyPropertyObject(packet)
            .deserialize(object)
            .map_err(|error| error.to_string()),
    }
}

fn qos(level: u8) -> Result<QoS, String> {
    QoS::from_u8(level).ok_or_else(|| format!("qos is 0, 1 or 2, not {level}"))
}

fn bytes(text: Option<&str>, hex: Option<&str>) -> Result<Vec<u8>, String> {
    match (text, hex) {
        (_, Some(hex)) => unhex(hex),
        (text, None) => Ok(text.unwrap_or_default().as_bytes().to_vec()),
    }
}

fn unhex(digits: &str) -> Result<Vec<u8>, String> {
    hex::decode(digits).map_err(|error| format!("no hex: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packet_is_made_anew_from_its_keys() {
        for (line, hex) in [
            (
                r#"{"stream":3,"from":"client","version":"5.0","type":"PUBLISH","qos":1,"retain":true,
                    "packet_id":10,"topic":"t","properties":{"topic_alias":3},"payload":"hi"}"#,
                "330b00017 4000a0323000368 69",
            ),
            (
                r#"{"version":"3.1.1","type":"CONNECT","client_id":"a","clean_start":true,
                    "keep_alive":60,"username":"u","password_len":3,
                    "will":{"topic":"w","payload_hex":"ff","qos":1,"retain":true}}"#,
                "1016 00044d515454 04 ae 003c 000161 000177 0001ff 000175",
            ),
            (
                r#"{"version":"3.1.1","type":"SUBSCRIBE","packet_id":1,
                    "filters":[{"filter":"a/#","qos":2}]}"#,
                "8208 0001 0003612f23 02",
            ),
            (
                r#"{"version":"5.0","type":"SUBACK","packet_id":1,"reason_codes":[1,135]}"#,
                "9005 0001 00 01 87",
            ),
            (
                r#"{"version":"5.0","type":"PINGREQ","raw_hex":"c000"}"#,
                "c000",
            ),
        ] {
            let packet = read_packet(line.as_bytes()).unwrap().unwrap();
            let hex = hex.replace(' ', "");
            assert_eq!(hex::encode(&packet.bytes), hex, "{line}");
            assert_eq!(packet.announced_len, packet.bytes.len());
        }
    }

    #[test]
    fn what_is_no_packet_is_passed_over_or_said() {
        for line in [
            r#"{"record":"gap"}"#,
            r#"{"protocol":"mqtt-sn","type":"PUBLISH"}"#,
        ] {
            assert!(read_packet(line.as_bytes()).unwrap().is_none());
        }
        for line in [
            "[]",
            r#"{"type":"PUBLISH"}"#,
            r#"{"type":"PUBLISH","topic":"t","qos":3}"#,
            r#"{"type":"PUBLISH","topic":"t","version":"6"}"#,
            r#"{"type":"PUBLISH","topic":"t","properties":{"x":1}}"#,
        ] {
            assert!(read_packet(line.as_bytes()).is_err(), "{line}");
        }
    }
}
