//! The tree of one packet: every field with its place, its bytes and its meaning; the fixed
//! header bit by bit, Remaining Length with its arithmetic, then variable header, properties and
//! payload, and at the end what is wrong.

pub(super) mod bits;
pub(super) mod fields;
mod node;

use std::io::{self, Write};

use super::annotated::{self, Span};
use super::finding::Finding;
use super::line::Style;
use super::payload::Rules;
use super::text::{Safe, wrap};
use super::{Decoded, Place, colour};
use crate::mqtt::decode::{Field, FieldRecord, Section};
use crate::mqtt::rule::Severity;
use crate::mqtt::{PacketType, ReasonCode, Version};

pub(super) use node::{Node, room, write_all};

/// Optional parts of the tree.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options<'a> {
    /// Show passwords instead of their length.
    pub show_secrets: bool,
    /// How to read payloads.
    pub payloads: Option<&'a Rules>,
    /// Columns of the terminal; `None` if lines may be of any length.
    pub width: Option<usize>,
}

/// Writes a packet as a tree, with a headline above it.
///
/// # Errors
/// Those of `out`.
pub fn write(out: &mut impl Write, decoded: &Decoded<'_>, options: Options<'_>) -> io::Result<()> {
    write_headline(out, &headline(decoded), options.width)?;
    write_all(out, &build(decoded, options), options.width)
}

/// Writes a packet as annotated hex, with a headline above it: each byte beside the field that it
/// belongs to.
///
/// # Errors
/// Those of `out`.
pub fn write_hex(
    out: &mut impl Write,
    decoded: &Decoded<'_>,
    options: Options<'_>,
    style: Style,
) -> io::Result<()> {
    write_headline(out, &headline(decoded), style.width)?;
    let packet_type = PacketType::from_byte1(decoded.bytes.first().copied().unwrap_or_default());
    let annotate = |record: &FieldRecord<'_>| {
        (
            node(record, decoded, packet_type, options),
            fields::secret_from(record, packet_type, options),
        )
    };
    let spans = spans(&decoded.record.fields, annotate);
    annotated::write_rows(out, decoded.bytes, &spans, style)?;
    write_all(out, &violations(decoded), style.width)
}

/// The fields of a packet or message for annotated hex; `annotate` says what one is, and from where
/// on it is secret.
pub(super) fn spans<'a, F>(
    records: &[FieldRecord<'a, F>],
    annotate: impl Fn(&FieldRecord<'a, F>) -> (Node, Option<usize>),
) -> Vec<Span> {
    let span = |record: &FieldRecord<'a, F>| {
        let (node, secret_from) = annotate(record);
        Span {
            start: record.start,
            end: record.end,
            label: node.one_line(),
            secret_from,
        }
    };
    records.iter().map(span).collect()
}

/// Writes a headline, in as many lines as it takes on a terminal of so many columns.
pub(super) fn write_headline(
    out: &mut impl Write,
    headline: &str,
    terminal: Option<usize>,
) -> io::Result<()> {
    for line in wrap(headline, terminal) {
        writeln!(out, "{line}")?;
    }
    Ok(())
}

fn headline(decoded: &Decoded<'_>) -> String {
    let origin = &decoded.origin;
    let byte1 = decoded.bytes.first().copied().unwrap_or_default();
    let packet_type = PacketType::from_byte1(byte1);
    let name = packet_type.name(origin.version);
    let name = colour::packet_type(name, packet_type);
    let version = version_note(origin.version, origin.version_from);
    headline_of(name, version, decoded.bytes.len(), &origin.place)
}

/// Name, version, and where it came from.
pub(super) fn headline_of(name: String, version: String, len: usize, place: &Place) -> String {
    let mut parts = vec![name, version];
    if let Some(side) = place.from {
        parts.push(format!("from {side}"));
    }
    parts.push(count(len, "byte"));
    if let Some(frame) = place.frame {
        parts.push(format!("frame {frame}"));
    }
    if let Some((src, dst)) = place.endpoints {
        parts.push(format!("{src} → {dst}"));
    }
    if let Some(time) = place.time {
        parts.push(time.to_string());
    }
    parts.join(&colour::dim(" · "))
}

fn version_note(version: Version, from: &str) -> String {
    match from {
        "connect" | "given" => format!("MQTT {version}"),
        other => format!("MQTT {version} ({other})"),
    }
}

/// `1 byte`, `2 bytes`.
pub(super) fn count(n: usize, noun: &str) -> String {
    super::text::count(n as u64, noun)
}

fn build(decoded: &Decoded<'_>, options: Options<'_>) -> Vec<Node> {
    let mut fixed = Node::heading("Fixed header");
    let mut variable = Node::heading("Variable header");
    let mut payload = Node::heading("Payload");
    let packet_type = PacketType::from_byte1(decoded.bytes.first().copied().unwrap_or_default());
    for record in &decoded.record.fields {
        let node = node(record, decoded, packet_type, options);
        let section = match record.field.section() {
            Section::FixedHeader => &mut fixed,
            Section::VariableHeader => &mut variable,
            Section::Payload => &mut payload,
        };
        // Properties hang below their length, options below their filter.
        let below = matches!(
            record.field,
            Field::Property(_) | Field::WillProperty(_) | Field::SubscriptionOptions
        );
        match section.children.last_mut() {
            Some(parent) if below => parent.children.push(node),
            _ => section.children.push(node),
        }
    }
    let mut nodes = vec![fixed];
    nodes.extend(
        [variable, payload]
            .into_iter()
            .filter(|n| !n.children.is_empty()),
    );
    nodes.extend(violations(decoded));
    nodes
}

/// One field.
fn node(
    record: &FieldRecord<'_>,
    decoded: &Decoded<'_>,
    packet_type: PacketType,
    options: Options<'_>,
) -> Node {
    let bytes = decoded
        .bytes
        .get(record.start..record.end)
        .unwrap_or_default();
    match record.field {
        Field::Byte1 => bits::byte1(record, bytes, decoded.origin.version),
        Field::RemainingLength => bits::remaining_length(record, bytes),
        _ => fields::node(record, bytes, decoded, packet_type, options),
    }
}

/// What is wrong.
fn violations(decoded: &Decoded<'_>) -> Vec<Node> {
    let violations = decoded.record.violations.iter().map(|violation| {
        let ids: Vec<_> = violation.citations().collect();
        Node {
            label: format!(
                "{}: {} (byte {})",
                colour::severity(violation.severity()),
                violation,
                violation.offset
            ),
            notes: vec![colour::dim(&with_reason(
                ids.join(", "),
                violation.version.as_str(),
                violation.severity(),
                violation.reason(),
            ))],
            ..Node::default()
        }
    });
    let findings = decoded.findings.iter().map(found);
    violations.chain(findings).collect()
}

/// What is cited, and the code with which a receiver closes the connection: before 5.0 there is
/// none, and what is only unwise closes nothing.
fn with_reason(source: String, version: &str, severity: Severity, reason: ReasonCode) -> String {
    match (version == Version::V5.as_str(), severity) {
        (true, Severity::Error) => format!("{source}; reason code {reason}"),
        _ => source,
    }
}

/// What lint found.
pub(super) fn found(finding: &Finding) -> Node {
    let byte = finding.bytes.map(|(offset, _)| format!(" (byte {offset})"));
    let mut source = finding.source();
    if let Some(reason) = finding.reason {
        source = with_reason(source, finding.version, finding.severity, reason);
    }
    Node {
        label: format!(
            "{}: {}{}",
            colour::severity(finding.severity),
            Safe(&finding.message),
            byte.unwrap_or_default()
        ),
        notes: vec![colour::dim(&source)],
        ..Node::default()
    }
}
