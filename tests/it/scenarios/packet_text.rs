//! Packets as words: what a client or a server of a scenario sends, and what a client got.

use midge::mqtt::encode::encode;
use midge::mqtt::packet::{
    Ack, AckKind, Codes, ConnAck, Connect, FiltersBuf, Publish, Reason, Subscribe,
    SubscriptionOptions, Will,
};
use midge::mqtt::property::{self, Kind, Value};
use midge::mqtt::{Packet, Properties, PropertiesBuf, QoS, ReasonCode, Version};

/// Encodes a packet; CONNECT sets the version for those that follow.
pub(crate) fn parse(text: &str, client: &str, version: &mut Version) -> Result<Vec<u8>, String> {
    let mut words = Words(text.split_whitespace().collect());
    let mut bytes = Vec::new();
    let kind = words.next()?;
    if kind == "CONNECT" {
        *version = match words.next()? {
            "v5" => Version::V5,
            "v311" => Version::V311,
            "v31" => Version::V31,
            other => return Err(format!("no version {other}")),
        };
    }
    let v = *version;
    let mut put = |packet: Packet<'_>| words_encode(&packet, v, &mut bytes);
    match kind {
        "CONNECT" => {
            let will_text = words.value("will");
            let will_qos = words.value("will.qos").map_or(Ok(QoS::AtMostOnce), qos)?;
            let will_retain = words.flag("will.retain");
            let will_properties = words.properties("will.")?;
            let keep_alive = words.number("keep_alive")?.unwrap_or(0);
            let client_id = words.value("id").unwrap_or(client);
            let clean_start = words.value("clean") != Some("0");
            let bridge = words.flag("bridge");
            let username = words.value("user");
            let password = words.value("password");
            let properties = words.properties("")?;
            words.end()?;
            let will = will_text.map(|text| {
                let (topic, payload) = text.split_once(':').unwrap_or((text, ""));
                Will {
                    qos: will_qos,
                    retain: will_retain,
                    properties: will_properties.as_properties(),
                    topic,
                    payload: payload.as_bytes(),
                }
            });
            put(Packet::Connect(Connect {
                version: v,
                bridge,
                clean_start,
                keep_alive,
                properties: properties.as_properties(),
                client_id,
                will,
                username,
                password: password.map(str::as_bytes),
            }))?;
        }
        "PUBLISH" => {
            let (topic, payload) = (unquote(words.next()?), unquote(words.next()?));
            let qos = match (words.flag("q1"), words.flag("q2")) {
                (false, false) => QoS::AtMostOnce,
                (true, _) => QoS::AtLeastOnce,
                (false, true) => QoS::ExactlyOnce,
            };
            let (dup, retain) = (words.flag("dup"), words.flag("retain"));
            let packet_id = words.number("id")?.unwrap_or(0);
            let properties = words.properties("")?;
            words.end()?;
            put(Packet::Publish(Publish {
                dup,
                qos,
                retain,
                topic,
                packet_id,
                properties: properties.as_properties(),
                payload: payload.as_bytes(),
            }))?;
        }
        "PUBACK" | "PUBREC" | "PUBREL" | "PUBCOMP" => {
            let kind = match kind {
                "PUBACK" => AckKind::PubAck,
                "PUBREC" => AckKind::PubRec,
                "PUBREL" => AckKind::PubRel,
                _ => AckKind::PubComp,
            };
            let packet_id = words.next()?.parse().map_err(|_| "no packet id")?;
            let reason = words.reason()?;
            let properties = words.properties("")?;
            words.end()?;
            put(Packet::Ack(Ack {
                properties: properties.as_properties(),
                ..Ack::new(kind, packet_id, reason)
            }))?;
        }
        "SUBSCRIBE" | "UNSUBSCRIBE" => {
            let packet_id = words.next()?.parse().map_err(|_| "no packet id")?;
            let properties = words.properties("")?;
            let properties = properties.as_properties();
            let filters = std::mem::take(&mut words.0);
            if kind == "SUBSCRIBE" {
                let filters: Vec<_> = filters
                    .into_iter()
                    .map(subscription)
                    .collect::<Result<_, _>>()?;
                let filters = FiltersBuf::subscribe(filters, v).map_err(|e| e.to_string())?;
                put(Packet::Subscribe(Subscribe {
                    packet_id,
                    properties,
                    filters: filters.with_options(),
                }))?;
            } else {
                let filters = FiltersBuf::unsubscribe(filters).map_err(|e| e.to_string())?;
                put(Packet::Unsubscribe(Subscribe {
                    packet_id,
                    properties,
                    filters: filters.without_options(),
                }))?;
            }
        }
        "PINGREQ" => put(Packet::PingReq)?,
        "PINGRESP" => put(Packet::PingResp)?,
        "CONNACK" => {
            let code = parse_code(words.next()?)?;
            let session_present = words.flag("resumed");
            words.flag("new");
            let properties = words.properties("")?;
            words.end()?;
            put(Packet::ConnAck(ConnAck {
                session_present,
                code,
                properties: properties.as_properties(),
            }))?;
        }
        "SUBACK" | "UNSUBACK" => {
            let packet_id = words.next()?.parse().map_err(|_| "no packet id")?;
            let properties = words.properties("")?;
            let codes: Vec<u8> = std::mem::take(&mut words.0)
                .into_iter()
                .map(parse_code)
                .collect::<Result<_, _>>()?;
            let body = Codes {
                packet_id,
                properties: properties.as_properties(),
                codes: &codes,
            };
            put(match kind {
                "SUBACK" => Packet::SubAck(body),
                _ => Packet::UnsubAck(body),
            })?;
        }
        "DISCONNECT" | "AUTH" => {
            let reason = words.reason()?;
            let properties = words.properties("")?;
            words.end()?;
            let body = Reason {
                reason,
                properties: properties.as_properties(),
            };
            put(match kind {
                "AUTH" => Packet::Auth(body),
                _ => Packet::Disconnect(body),
            })?;
        }
        other => return Err(format!("no packet {other}")),
    }
    Ok(bytes)
}

fn words_encode(packet: &Packet<'_>, version: Version, out: &mut Vec<u8>) -> Result<(), String> {
    encode(packet, version, out).map_err(|error| error.to_string())
}

/// `a/b@1,nl,rap,rh=2`; without `@` QoS 0.
fn subscription(text: &str) -> Result<(&str, SubscriptionOptions), String> {
    let (filter, words) = text.split_once('@').unwrap_or((text, "0"));
    let mut options = SubscriptionOptions::default();
    for word in words.split(',') {
        match word {
            "nl" => options.no_local = true,
            "rap" => options.retain_as_published = true,
            "rh=1" => options.retain_handling = 1,
            "rh=2" => options.retain_handling = 2,
            level => options.qos = qos(level)?,
        }
    }
    Ok((filter, options))
}

fn qos(text: &str) -> Result<QoS, String> {
    text.parse()
        .ok()
        .and_then(QoS::from_u8)
        .ok_or(format!("no QoS {text}"))
}

fn unquote(text: &str) -> &str {
    if text == "''" { "" } else { text }
}

/// The words of a line that are not yet understood.
struct Words<'t>(Vec<&'t str>);

impl<'t> Words<'t> {
    fn next(&mut self) -> Result<&'t str, String> {
        match self.0.is_empty() {
            true => Err("the line is too short".into()),
            false => Ok(self.0.remove(0)),
        }
    }

    fn flag(&mut self, name: &str) -> bool {
        let at = self.0.iter().position(|word| *word == name);
        at.map(|at| self.0.remove(at)).is_some()
    }

    fn value(&mut self, name: &str) -> Option<&'t str> {
        let of = |word: &&'t str| word.strip_prefix(name)?.strip_prefix('=');
        let at = self.0.iter().position(|word| of(word).is_some())?;
        of(&self.0.remove(at))
    }

    fn number(&mut self, name: &str) -> Result<Option<u16>, String> {
        self.value(name)
            .map(|value| value.parse().map_err(|_| format!("{name} is no number")))
            .transpose()
    }

    fn reason(&mut self) -> Result<ReasonCode, String> {
        let Some(at) = self.0.iter().position(|word| word.starts_with("0x")) else {
            return Ok(ReasonCode::SUCCESS);
        };
        u8::from_str_radix(&self.0.remove(at)[2..], 16)
            .map(ReasonCode)
            .map_err(|error| error.to_string())
    }

    /// Takes every word that names a property.
    fn properties(&mut self, prefix: &str) -> Result<PropertiesBuf, String> {
        let mut list = PropertiesBuf::new();
        let mut rest = Vec::new();
        for word in std::mem::take(&mut self.0) {
            let row = word
                .strip_prefix(prefix)
                .and_then(|word| word.split_once('='))
                .and_then(|(name, value)| {
                    let row = property::TABLE.iter().find(|row| row.name == name)?;
                    Some((row, value))
                });
            let Some((row, text)) = row else {
                rest.push(word);
                continue;
            };
            let number = || {
                text.parse::<u32>()
                    .map_err(|_| format!("{text}: no number"))
            };
            let value = match row.kind {
                Kind::Byte => Value::Byte(number()? as u8),
                Kind::U16 => Value::U16(number()? as u16),
                Kind::U32 => Value::U32(number()?),
                Kind::VarInt => Value::VarInt(number()?),
                Kind::Str => Value::Str(text.as_bytes()),
                Kind::Binary => Value::Binary(text.as_bytes()),
                Kind::Pair => {
                    let (name, value) = text.split_once(':').ok_or("a pair wants a ':'")?;
                    Value::Pair(name.as_bytes(), value.as_bytes())
                }
            };
            list.push(row.id, value)
                .map_err(|error| error.to_string())?;
        }
        self.0 = rest;
        Ok(list)
    }

    fn end(&self) -> Result<(), String> {
        match self.0.first() {
            Some(word) => Err(format!("what is {word}?")),
            None => Ok(()),
        }
    }
}

/// A packet from the broker, in the words that a scenario expects.
pub(super) fn show(packet: &Packet<'_>) -> String {
    let mut words = vec![match packet {
        Packet::SubAck(_) => "SUBACK".to_owned(),
        _ => packet.packet_type().to_string(),
    }];
    match packet {
        Packet::ConnAck(connack) => {
            words.push(code(connack.code));
            if connack.code == 0 {
                let session = if connack.session_present {
                    "resumed"
                } else {
                    "new"
                };
                words.push(session.into());
            }
            show_properties(connack.properties, &mut words);
        }
        Packet::Publish(publish) => {
            words.push(quote(publish.topic.as_bytes()));
            words.push(quote(publish.payload));
            if publish.qos != QoS::AtMostOnce {
                words.push(format!("q{}", publish.qos));
                words.push(format!("id={}", publish.packet_id));
            }
            if publish.dup {
                words.push("dup".into());
            }
            if publish.retain {
                words.push("retain".into());
            }
            show_properties(publish.properties, &mut words);
        }
        Packet::Ack(ack) => {
            words.push(ack.packet_id.to_string());
            if ack.reason != ReasonCode::SUCCESS {
                words.push(format!("0x{:02x}", ack.reason.0));
            }
            show_properties(ack.properties, &mut words);
        }
        Packet::SubAck(codes) | Packet::UnsubAck(codes) => {
            words.push(codes.packet_id.to_string());
            words.extend(codes.codes.iter().map(|&c| code(c)));
            show_properties(codes.properties, &mut words);
        }
        Packet::Disconnect(body) | Packet::Auth(body) => {
            words.push(format!("0x{:02x}", body.reason.0));
            show_properties(body.properties, &mut words);
        }
        _ => {}
    }
    words.join(" ")
}

/// `0` to `9`, or hex as in `0x87`.
fn parse_code(text: &str) -> Result<u8, String> {
    let code = match text.strip_prefix("0x") {
        Some(digits) => u8::from_str_radix(digits, 16),
        None => text.parse(),
    };
    code.map_err(|error| format!("{text}: {error}"))
}

fn code(code: u8) -> String {
    match code {
        0..=9 => code.to_string(),
        _ => format!("0x{code:02x}"),
    }
}

fn quote(bytes: &[u8]) -> String {
    match bytes {
        [] => "''".into(),
        _ => String::from_utf8_lossy(bytes).replace(' ', "_"),
    }
}

fn show_properties(properties: Properties<'_>, words: &mut Vec<String>) {
    for property in properties {
        let value = match property.value {
            Value::Str(bytes) | Value::Binary(bytes) => quote(bytes),
            Value::Pair(name, value) => format!("{}:{}", quote(name), quote(value)),
            number => number.number().map_or_else(String::new, |n| n.to_string()),
        };
        let name = property.id.row().map_or("?", |row| row.name);
        words.push(format!("{name}={value}"));
    }
}
