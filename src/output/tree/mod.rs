//! The tree of one packet: every field with its place, its bytes and its meaning; the fixed
//! header bit by bit, Remaining Length with its arithmetic, then variable header, properties and
//! payload, and at the end what is wrong.

pub(super) mod bits;
pub(super) mod fields;

use std::io::{self, Write};

use super::annotated::{self, Span};
use super::finding::Finding;
use super::line::Style;
use super::payload::Rules;
use super::text::{Hex, Safe, fold, wrap};
use super::{Decoded, Place, colour};
use crate::mqtt::decode::{Field, FieldRecord, Section};
use crate::mqtt::rule::Severity;
use crate::mqtt::{PacketType, ReasonCode, Version};

/// Bytes of a row.
const ROW: usize = 8;
/// The same on a terminal with fewer than so many columns, where labels would have no room.
const NARROW_ROW: usize = 4;
const NARROW: usize = 80;
/// Bytes of a field that are shown; what is left out is counted.
const SHOWN_BYTES: usize = 128;
/// The same of a payload, which is shown by what it holds.
const SHOWN_PAYLOAD: usize = 32;
/// Columns of labels at least.
const ROOM: usize = 10;

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

/// One line of the tree and what hangs below it.
#[derive(Debug, Default)]
pub(super) struct Node {
    /// The bytes of a field; headings have none.
    pub(super) bytes: Option<Bytes>,
    pub(super) label: String,
    /// Further lines about the same bytes.
    pub(super) notes: Vec<String>,
    pub(super) children: Vec<Node>,
}

/// Bytes that stand in front of their meaning.
#[derive(Debug)]
pub(super) struct Bytes {
    offset: usize,
    shown: Vec<u8>,
    /// How many more there are.
    more: usize,
    /// What is more is secret, and so is how much it is.
    is_secret: bool,
}

impl Bytes {
    /// Shows only so many.
    fn limit(&mut self, len: usize) {
        self.more += self.shown.len().saturating_sub(len);
        self.shown.truncate(len);
    }

    fn rows(&self, per_row: usize) -> Vec<String> {
        let mut rows: Vec<String> = self
            .shown
            .chunks(per_row)
            .map(|row| Hex(row).to_string())
            .collect();
        match (self.is_secret, rows.last_mut()) {
            (true, Some(last)) => last.push_str(" …"),
            (true, None) => rows.push("…".into()),
            (false, _) if self.more > 0 => {
                let s = if self.more == 1 { "" } else { "s" };
                rows.push(format!("… {} more byte{s}", self.more));
            }
            (false, _) => {}
        }
        rows
    }
}

impl Node {
    pub(super) fn heading(label: &str) -> Node {
        Node {
            label: colour::bold(label),
            ..Node::default()
        }
    }

    pub(super) fn field(offset: usize, bytes: &[u8], label: String) -> Node {
        let bytes = Bytes {
            offset,
            shown: bytes.get(..SHOWN_BYTES).unwrap_or(bytes).to_vec(),
            more: bytes.len().saturating_sub(SHOWN_BYTES),
            is_secret: false,
        };
        Node {
            bytes: Some(bytes),
            label,
            ..Node::default()
        }
    }

    /// Shows only so many bytes, and that there are others.
    pub(super) fn conceal_from(&mut self, len: usize) {
        if let Some(bytes) = &mut self.bytes {
            bytes.limit(len);
            bytes.is_secret = true;
        }
    }

    /// Shows as many bytes as make sense of a payload.
    pub(super) fn limit_payload(&mut self) {
        if let Some(bytes) = &mut self.bytes {
            bytes.limit(SHOWN_PAYLOAD);
        }
    }
}

impl Node {
    /// The label, and what the bits of a flag byte say.
    pub(super) fn one_line(&self) -> String {
        let bits: Vec<&str> = self
            .notes
            .iter()
            .filter_map(|note| bits::meaning(note))
            .filter(|meaning| !meaning.starts_with("packet type") && !meaning.ends_with("right"))
            .collect();
        match bits.is_empty() {
            true => self.label.clone(),
            false => format!("{} ({})", self.label, bits.join(", ")),
        }
    }
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

/// Writes the nodes below a headline, on a terminal of so many columns.
pub(super) fn write_all(
    out: &mut impl Write,
    nodes: &[Node],
    terminal: Option<usize>,
) -> io::Result<()> {
    write_nodes(
        out,
        nodes,
        "",
        Width::of(nodes, per_row(terminal)),
        terminal,
    )
}

fn per_row(terminal: Option<usize>) -> usize {
    match terminal {
        Some(columns) if columns < NARROW => NARROW_ROW,
        _ => ROW,
    }
}

/// Columns that the label of a field has at least on a terminal: its offset may be long, and bytes
/// are rarely fewer than a row.
pub(super) fn room(terminal: Option<usize>) -> Option<usize> {
    let front = 2 * INDENT + 4 + 2 + 3 * per_row(terminal) + 1 + INDENT;
    terminal.map(|columns| columns.saturating_sub(front))
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

/// Deepest nesting of a field: section, length or filter, property or options.
const MAX_DEPTH: usize = 2;
/// Characters of one level of branches.
const INDENT: usize = 3;

/// Widths of the offset and the byte column, so that labels line up.
#[derive(Clone, Copy)]
struct Width {
    offset: usize,
    bytes: usize,
}

impl Width {
    fn of(nodes: &[Node], per_row: usize) -> Width {
        let mut width = Width {
            offset: 1,
            bytes: 2,
        };
        for node in nodes {
            if let Some(bytes) = &node.bytes {
                width.offset = width.offset.max(bytes.offset.to_string().len());
                let rows = bytes.rows(per_row);
                let longest = rows.iter().map(|row| row.chars().count()).max();
                width.bytes = width.bytes.max(longest.unwrap_or_default());
            }
            let below = Width::of(&node.children, per_row);
            width.offset = width.offset.max(below.offset);
            width.bytes = width.bytes.max(below.bytes);
        }
        width
    }

    /// Offset and a row of bytes of a field `depth` levels deep, padded up to its label.
    fn column(self, offset: &str, bytes: &str, depth: usize) -> String {
        let padding = self.bytes + MAX_DEPTH.saturating_sub(depth) * INDENT;
        let width = self.offset;
        format!("{offset:>width$}  {bytes:<padding$}  ")
    }
}

fn write_nodes(
    out: &mut impl Write,
    nodes: &[Node],
    prefix: &str,
    width: Width,
    terminal: Option<usize>,
) -> io::Result<()> {
    let depth = prefix.chars().count() / INDENT;
    for (i, node) in nodes.iter().enumerate() {
        let is_last = i + 1 == nodes.len();
        let (branch, stem) = if is_last {
            ("└─ ", "   ")
        } else {
            ("├─ ", "│  ")
        };
        let below = format!("{prefix}{stem}");
        let has_column = node.bytes.is_some();
        let rows = match &node.bytes {
            Some(bytes) => bytes.rows(per_row(terminal)),
            None => Vec::new(),
        };
        let column = |i: usize, row: &str| match (&node.bytes, i) {
            (Some(bytes), 0) => width.column(&bytes.offset.to_string(), row, depth),
            (Some(_), _) => width.column("", row, depth),
            (None, _) => String::new(),
        };
        let columns = below.chars().count() + column(0, "").chars().count();
        let room = terminal.map(|terminal| terminal.saturating_sub(columns).max(ROOM));
        // A label goes on beside the next bytes, and so do the notes.
        let texts = std::iter::once(&node.label).chain(&node.notes);
        let texts: Vec<String> = texts.flat_map(|text| fold(text, room)).collect();
        for i in 0..texts.len().max(rows.len()) {
            let text = texts.get(i).map_or("", String::as_str);
            let row = rows.get(i).map_or("", String::as_str);
            let front = match (i, has_column && (i == 0 || !row.is_empty())) {
                (0, _) => format!("{prefix}{branch}{}", column(i, row)),
                (_, true) if node.children.is_empty() => format!("{below}{}", column(i, row)),
                // What hangs below goes on.
                (_, true) => {
                    let column = column(i, row);
                    let behind = column.strip_prefix(' ').unwrap_or(&column);
                    format!("{below}│{behind}")
                }
                (_, false) => {
                    let stem = if node.children.is_empty() { "" } else { "│" };
                    let column = column(0, "").chars().count();
                    format!("{below}{stem:<column$}")
                }
            };
            let line = match text {
                "" => colour::dim(front.trim_end()),
                text => format!("{}{text}", colour::dim(&front)),
            };
            writeln!(out, "{line}")?;
        }
        write_nodes(out, &node.children, &below, width, terminal)?;
    }
    Ok(())
}
