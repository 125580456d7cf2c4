//! What each field of the variable header and the payload means, in words.

use super::super::payload::{self, About, Rules};
use super::super::text::{Bytes, Safe, shorten};
use super::super::{Decoded, colour};
use super::bits::{bits, yes_no};
use super::{Node, Options, count};
use crate::mqtt::decode::{Field, FieldRecord};
use crate::mqtt::property::{PropertyId, Value};
use crate::mqtt::{PacketType, QoS, ReasonCode, Version};

/// Characters of a text that the tree shows.
const SHOWN_TEXT: usize = 200;

pub(super) fn node(
    record: &FieldRecord<'_>,
    bytes: &[u8],
    decoded: &Decoded<'_>,
    packet_type: PacketType,
    options: Options<'_>,
) -> Node {
    let version = decoded.origin.version;
    let mut node = Node::field(record.start, bytes, String::new());
    let value = shown(record.value);
    match record.field {
        Field::ProtocolLevel => {
            let level = record.value.number().unwrap_or_default() as u8;
            node.label = match Version::from_level(level & 0x7f) {
                Some(version) if level & 0x80 != 0 => {
                    format!(
                        "Protocol Level: {} (MQTT {version}) with the bridge bit",
                        level & 0x7f
                    )
                }
                Some(version) => format!("Protocol Level: {level} (MQTT {version})"),
                None => format!("Protocol Level: {level}, not known"),
            };
        }
        Field::ConnectFlags => connect_flags(&mut node, record, version),
        Field::AckFlags => ack_flags(&mut node, record, version),
        Field::SubscriptionOptions => subscription_options(&mut node, record, version),
        Field::KeepAlive => {
            let seconds = record.value.number().unwrap_or_default();
            node.label = match seconds {
                0 => "Keep Alive: 0 (off)".into(),
                _ => format!("Keep Alive: {seconds} s"),
            };
        }
        Field::ReasonCode | Field::Code => {
            node.label = reason(record.value, packet_type, version);
        }
        Field::Topic => {
            node.label = format!("Topic Name: {value}");
            if let Some(topic) = decoded.topic_resolved {
                node.notes
                    .push(format!("the topic alias stands for \"{}\"", Safe(topic)));
            }
        }
        Field::Password if !options.show_secrets => {
            let len = record.value.bytes().map_or(0, <[u8]>::len);
            node.label = format!("Password: {} (--show-secrets shows it)", count(len, "byte"));
            // Its length is known without it.
            node.conceal_from(2);
        }
        // A password may be among them, where the flags do not announce it or a length is wrong.
        Field::Extra if packet_type == PacketType::CONNECT && !options.show_secrets => {
            let len = count(bytes.len(), "byte");
            node.label = format!("Bytes of no field: {len} (--show-secrets shows them)");
            node.conceal_from(0);
        }
        Field::Payload => {
            let mut about = about(decoded);
            about.columns = super::room(options.width);
            payload(
                &mut node,
                "Application Message",
                bytes,
                about,
                options.payloads,
            );
        }
        Field::Property(id) | Field::WillProperty(id) => {
            node.label = format!("{id}: {}{}", shown(record.value), unit(id, record.value));
        }
        field => node.label = format!("{}: {value}", name(field)),
    }
    node
}

/// From where on the bytes of a field are not shown: a password behind its length, and what may be
/// one.
pub(super) fn secret_from(
    record: &FieldRecord<'_>,
    packet_type: PacketType,
    options: Options<'_>,
) -> Option<usize> {
    match record.field {
        _ if options.show_secrets => None,
        Field::Password => Some(record.start + 2),
        Field::Extra if packet_type == PacketType::CONNECT => Some(record.start),
        _ => None,
    }
}

const fn name(field: Field) -> &'static str {
    match field {
        Field::ProtocolName => "Protocol Name",
        Field::PacketId => "Packet Identifier",
        Field::PropertyLength => "Property Length",
        Field::ClientId => "Client Identifier",
        Field::WillPropertyLength => "Will Property Length",
        Field::WillTopic => "Will Topic",
        Field::WillPayload => "Will Payload",
        Field::UserName => "User Name",
        Field::Password => "Password",
        Field::Filter => "Topic Filter",
        Field::Extra => "Bytes of no field",
        // The others have their own words.
        _ => "Field",
    }
}

pub(in super::super) fn shown(value: Value<'_>) -> String {
    match value {
        Value::Byte(n) => n.to_string(),
        Value::U16(n) => n.to_string(),
        Value::U32(n) | Value::VarInt(n) => n.to_string(),
        Value::Str(bytes) => shorten(Bytes(bytes).to_string(), SHOWN_TEXT),
        Value::Binary(bytes) => format!(
            "{} ({})",
            shorten(Bytes(bytes).to_string(), SHOWN_TEXT),
            count(bytes.len(), "byte")
        ),
        Value::Pair(name, value) => {
            shorten(format!("{} = {}", Bytes(name), Bytes(value)), SHOWN_TEXT)
        }
    }
}

fn unit(id: PropertyId, value: Value<'_>) -> &'static str {
    match (id, value.number()) {
        (PropertyId::SESSION_EXPIRY_INTERVAL, Some(u32::MAX)) => " (never)",
        (
            PropertyId::SESSION_EXPIRY_INTERVAL
            | PropertyId::MESSAGE_EXPIRY_INTERVAL
            | PropertyId::WILL_DELAY_INTERVAL
            | PropertyId::SERVER_KEEP_ALIVE,
            _,
        ) => " s",
        (PropertyId::MAXIMUM_PACKET_SIZE, _) => " bytes",
        (PropertyId::PAYLOAD_FORMAT_INDICATOR, Some(1)) => " (UTF-8)",
        (PropertyId::PAYLOAD_FORMAT_INDICATOR, Some(0)) => " (unspecified bytes)",
        _ => "",
    }
}

fn reason(value: Value<'_>, packet_type: PacketType, version: Version) -> String {
    let code = ReasonCode(value.number().unwrap_or_default() as u8);
    let name = code.name(packet_type, version).unwrap_or("not defined");
    let kind = match version {
        Version::V5 => "Reason Code",
        Version::V31 | Version::V311 => "Return code",
    };
    format!("{kind}: 0x{:02x} {name}", code.0)
}

fn connect_flags(node: &mut Node, record: &FieldRecord<'_>, version: Version) {
    let flags = record.value.number().unwrap_or_default() as u8;
    let set = |mask: u8| yes_no(flags & mask != 0);
    let clean = match version {
        Version::V5 => "Clean Start",
        Version::V31 | Version::V311 => "Clean Session",
    };
    let qos = flags >> 3 & 0b11;
    node.label = "Connect Flags".into();
    node.notes = vec![
        bits(flags, 7, 7, &format!("User Name: {}", set(0x80))),
        bits(flags, 6, 6, &format!("Password: {}", set(0x40))),
        bits(flags, 5, 5, &format!("Will Retain: {}", set(0x20))),
        bits(flags, 4, 3, &format!("Will QoS: {qos}")),
        bits(flags, 2, 2, &format!("Will: {}", set(0x04))),
        bits(flags, 1, 1, &format!("{clean}: {}", set(0x02))),
        bits(
            flags,
            0,
            0,
            match flags & 1 {
                0 => "reserved, must be 0: right",
                _ => "reserved, must be 0: WRONG",
            },
        ),
    ];
}

fn ack_flags(node: &mut Node, record: &FieldRecord<'_>, version: Version) {
    let flags = record.value.number().unwrap_or_default() as u8;
    if version == Version::V31 {
        node.label = "not used in 3.1".into();
        return;
    }
    node.label = "Connect Acknowledge Flags".into();
    let reserved = if flags & !1 == 0 { "right" } else { "WRONG" };
    let present = yes_no(flags & 1 != 0);
    node.notes = vec![
        bits(flags, 7, 1, &format!("reserved, must be 0: {reserved}")),
        bits(flags, 0, 0, &format!("Session Present: {present}")),
    ];
}

fn subscription_options(node: &mut Node, record: &FieldRecord<'_>, version: Version) {
    let options = record.value.number().unwrap_or_default() as u8;
    let qos = options & 0b11;
    let promise = QoS::from_u8(qos).map_or("not allowed", QoS::meaning);
    let qos_note = bits(options, 1, 0, &format!("Maximum QoS {qos}: {promise}"));
    if version < Version::V5 {
        node.label = format!("Requested QoS: {qos}");
        node.notes = vec![qos_note];
        return;
    }
    let handling = match options >> 4 & 0b11 {
        0 => "0: send retained messages",
        1 => "1: send retained messages if the subscription is new",
        2 => "2: do not send retained messages",
        _ => "3: not allowed",
    };
    let reserved = if options >> 6 == 0 { "right" } else { "WRONG" };
    node.label = "Subscription Options".into();
    node.notes = vec![
        bits(options, 7, 6, &format!("reserved, must be 0: {reserved}")),
        bits(options, 5, 4, &format!("Retain Handling {handling}")),
        bits(
            options,
            3,
            3,
            &format!("Retain As Published: {}", yes_no(options & 8 != 0)),
        ),
        bits(
            options,
            2,
            2,
            &format!("No Local: {}", yes_no(options & 4 != 0)),
        ),
        qos_note,
    ];
}

/// What is said about the payload of a PUBLISH.
fn about<'a>(decoded: &Decoded<'a>) -> About<'a> {
    let mut about = About::default();
    for record in &decoded.record.fields {
        match (record.field, record.value) {
            (Field::Topic, Value::Str(topic)) => {
                let own = std::str::from_utf8(topic).ok();
                about.topic = decoded.topic_resolved.or(own);
            }
            (Field::Property(PropertyId::PAYLOAD_FORMAT_INDICATOR), value) => {
                about.format = value.number();
            }
            (Field::Property(PropertyId::CONTENT_TYPE), Value::Str(content_type)) => {
                about.content_type = std::str::from_utf8(content_type).ok();
            }
            _ => {}
        }
    }
    about
}

/// A payload by what it holds.
pub(in super::super) fn payload(
    node: &mut Node,
    name: &str,
    bytes: &[u8],
    about: About<'_>,
    rules: Option<&Rules>,
) {
    let shown = payload::show(bytes, about, rules);
    node.limit_payload();
    node.label = format!("{name}: {}", count(bytes.len(), "byte"));
    if let Some(kind) = shown.kind {
        node.label.push_str(&format!(", {kind}"));
    }
    let problem = shown.problem.map(|problem| colour::alert(&problem));
    node.notes = problem.into_iter().chain(shown.rows).collect();
}
