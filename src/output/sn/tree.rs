//! The tree of one message: the encapsulation, the header, every field, and what is wrong.

use std::io::{self, Write};

use super::super::annotated;
use super::super::colour;
use super::super::line::Style;
use super::super::payload::{About, Rules};
use super::super::text::{Hex, Safe};
use super::super::tree::bits::{bits, yes_no};
use super::super::tree::fields::{payload, shown};
use super::super::tree::{Node, count, found, headline_of, room, spans, write_all, write_headline};
use super::{Decoded, family};
use crate::mqtt::property::Value;
use crate::mqttsn::decode::{Field, FieldRecord, Section};
use crate::mqttsn::{Flags, MessageType, ReturnCode, VERSION};

/// Writes a message as a tree, with a headline above it.
///
/// # Errors
/// Those of `out`.
pub fn write(
    out: &mut impl Write,
    decoded: &Decoded<'_>,
    rules: Option<&Rules>,
    style: Style,
) -> io::Result<()> {
    let message_type = decoded.message_type().unwrap_or(MessageType(0xff));
    write_headline(out, &headline(decoded, message_type), style.width)?;
    write_all(
        out,
        &build(decoded, message_type, rules, style),
        style.width,
    )
}

/// Writes a message as annotated hex, with a headline above it.
///
/// # Errors
/// Those of `out`.
pub fn write_hex(
    out: &mut impl Write,
    decoded: &Decoded<'_>,
    rules: Option<&Rules>,
    style: Style,
) -> io::Result<()> {
    let message_type = decoded.message_type().unwrap_or(MessageType(0xff));
    write_headline(out, &headline(decoded, message_type), style.width)?;
    let annotate =
        |record: &FieldRecord<'_>| (node(record, decoded, message_type, rules, style), None);
    let spans = spans(&decoded.record.fields, annotate);
    annotated::write_rows(out, decoded.bytes, &spans, style)?;
    write_all(out, &violations(decoded), style.width)
}

fn headline(decoded: &Decoded<'_>, message_type: MessageType) -> String {
    let name = colour::packet_type(decoded.name(), family(message_type));
    let version = format!("MQTT-SN {VERSION}");
    headline_of(name, version, decoded.bytes.len(), &decoded.place)
}

fn build(
    decoded: &Decoded<'_>,
    message_type: MessageType,
    rules: Option<&Rules>,
    style: Style,
) -> Vec<Node> {
    let mut forwarder = Node::heading("Forwarder encapsulation");
    let mut header = Node::heading("Message header");
    let mut variable = Node::heading("Message variable part");
    for record in &decoded.record.fields {
        let section = match record.field.section() {
            Section::Forwarder => &mut forwarder,
            Section::Header => &mut header,
            Section::Variable => &mut variable,
        };
        section
            .children
            .push(node(record, decoded, message_type, rules, style));
    }
    let mut nodes: Vec<_> = [forwarder, header, variable]
        .into_iter()
        .filter(|node| !node.children.is_empty())
        .collect();
    nodes.extend(violations(decoded));
    nodes
}

fn violations(decoded: &Decoded<'_>) -> Vec<Node> {
    let violations = decoded.record.violations.iter().map(|violation| {
        let severity = colour::severity(violation.severity());
        Node {
            label: format!("{severity}: {violation} (byte {})", violation.offset),
            notes: vec![colour::dim(&violation.citations().join(", "))],
            ..Node::default()
        }
    });
    let findings = decoded.findings.iter().map(found);
    violations.chain(findings).collect()
}

fn data(
    node: &mut Node,
    name: &str,
    bytes: &[u8],
    decoded: &Decoded<'_>,
    rules: Option<&Rules>,
    style: Style,
) {
    let about = About {
        topic: decoded.topic_resolved,
        columns: room(style.width),
        ..About::default()
    };
    payload(node, name, bytes, about, rules);
}

fn node(
    record: &FieldRecord<'_>,
    decoded: &Decoded<'_>,
    message_type: MessageType,
    rules: Option<&Rules>,
    style: Style,
) -> Node {
    let bytes = decoded
        .bytes
        .get(record.start..record.end)
        .unwrap_or_default();
    let mut node = Node::field(record.start, bytes, String::new());
    let value = shown(record.value);
    match (record.field, record.value) {
        (Field::MsgType | Field::ForwarderType, Value::Byte(code)) => {
            let name = MessageType(code).name();
            node.label = format!("MsgType: 0x{code:02x} {name}");
        }
        (Field::Length | Field::ForwarderLength, _) => {
            node.label = format!("Length: {value}");
            if bytes.len() == 3 {
                node.notes = vec!["01: the next two octets are the length".into()];
            }
        }
        (Field::Ctrl, Value::Byte(ctrl)) => {
            node.label = "Ctrl".into();
            node.notes = vec![
                bits(ctrl, 7, 2, "reserved"),
                bits(ctrl, 1, 0, &format!("broadcast radius {}", ctrl & 0b11)),
            ];
        }
        (Field::Flags, Value::Byte(byte)) => flags(&mut node, Flags(byte), message_type),
        (Field::ReturnCode, Value::Byte(code)) => {
            let name = ReturnCode(code).name().unwrap_or("reserved");
            node.label = format!("Return Code: 0x{code:02x} {name}");
        }
        (Field::Data, _) => data(&mut node, "Data", bytes, decoded, rules, style),
        (Field::WillMsg, _) => data(&mut node, "Will Message", bytes, decoded, rules, style),
        (Field::WirelessNodeId | Field::GwAdd, _) => {
            node.label = format!("{}: {}", name(record.field), count(bytes.len(), "byte"));
        }
        (Field::KeepAlive | Field::Duration, Value::U16(seconds)) => {
            node.label = format!("{}: {seconds} s", name(record.field));
        }
        (Field::Radius, Value::Byte(0)) => node.label = "Radius: 0 (the whole network)".into(),
        (Field::TopicId, _) => {
            node.label = format!("Topic Id: {value}");
            if let Some(topic) = decoded.topic_resolved {
                node.notes = vec![format!("the id stands for \"{}\"", Safe(topic))];
            }
        }
        (Field::Extra, _) => node.label = format!("Bytes of no field: {}", Hex(bytes)),
        (field, _) => node.label = format!("{}: {value}", name(field)),
    }
    node
}

const fn name(field: Field) -> &'static str {
    match field {
        Field::WirelessNodeId => "Wireless Node Id",
        Field::GwId => "Gateway Id",
        Field::GwAdd => "Gateway Address",
        Field::Radius => "Radius",
        Field::Duration => "Duration",
        Field::KeepAlive => "Duration (keep alive)",
        Field::ProtocolId => "Protocol Id",
        Field::ClientId => "Client Identifier",
        Field::ShortTopic => "Topic Id: short topic name",
        Field::MsgId => "Message Id",
        Field::TopicName => "Topic Name",
        Field::Filter => "Topic Name (filter)",
        Field::WillTopic => "Will Topic",
        Field::Flags => "Flags",
        Field::ReturnCode => "Return Code",
        Field::Ctrl => "Ctrl",
        // The others have their own words.
        _ => "Field",
    }
}

fn flags(node: &mut Node, flags: Flags, message_type: MessageType) {
    let used = Flags::used_by(message_type);
    let qos = match flags.qos() {
        Some(qos) => format!("QoS {qos}: {}", qos.meaning()),
        None if message_type == MessageType::PUBLISH => "QoS -1: no connection needed".into(),
        None => "QoS -1: not allowed here".into(),
    };
    let qos = match message_type {
        MessageType::SUBACK => qos.replace("QoS", "granted QoS"),
        _ => qos,
    };
    let id_type = flags.topic_id_type().as_str();
    let set = |mask: u8| yes_no(flags.0 & mask != 0);
    node.label = "Flags".into();
    for (mask, high, low, meaning) in [
        (Flags::DUP, 7, 7, format!("DUP: {}", set(Flags::DUP))),
        (Flags::QOS, 6, 5, qos),
        (
            Flags::RETAIN,
            4,
            4,
            format!("Retain: {}", set(Flags::RETAIN)),
        ),
        (Flags::WILL, 3, 3, format!("Will: {}", set(Flags::WILL))),
        (
            Flags::CLEAN_SESSION,
            2,
            2,
            format!("CleanSession: {}", set(Flags::CLEAN_SESSION)),
        ),
        (
            Flags::TOPIC_ID_TYPE,
            1,
            0,
            format!("TopicIdType: {id_type}"),
        ),
    ] {
        if used & mask != 0 {
            node.notes.push(bits(flags.0, high, low, &meaning));
        } else if flags.0 & mask != 0 {
            node.notes.push(bits(flags.0, high, low, "not used here"));
        }
    }
}
