//! The lines of a tree: bytes on the left, their meaning on the right, branches between them.

use std::io::{self, Write};

use super::super::colour;
use super::super::text::{Hex, fold};
use super::bits;

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

/// Deepest nesting of a field: section, length or filter, property or options.
const MAX_DEPTH: usize = 2;
/// Characters of one level of branches.
const INDENT: usize = 3;

/// One line of the tree and what hangs below it.
#[derive(Debug, Default)]
pub(in crate::output) struct Node {
    /// The bytes of a field; headings have none.
    pub(in crate::output) bytes: Option<Bytes>,
    pub(in crate::output) label: String,
    /// Further lines about the same bytes.
    pub(in crate::output) notes: Vec<String>,
    pub(in crate::output) children: Vec<Node>,
}

/// Bytes that stand in front of their meaning.
#[derive(Debug)]
pub(in crate::output) struct Bytes {
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
    pub(in crate::output) fn heading(label: &str) -> Node {
        Node {
            label: colour::bold(label),
            ..Node::default()
        }
    }

    pub(in crate::output) fn field(offset: usize, bytes: &[u8], label: String) -> Node {
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
    pub(in crate::output) fn conceal_from(&mut self, len: usize) {
        if let Some(bytes) = &mut self.bytes {
            bytes.limit(len);
            bytes.is_secret = true;
        }
    }

    /// Shows as many bytes as make sense of a payload.
    pub(in crate::output) fn limit_payload(&mut self) {
        if let Some(bytes) = &mut self.bytes {
            bytes.limit(SHOWN_PAYLOAD);
        }
    }

    /// The label, and what the bits of a flag byte say.
    pub(in crate::output) fn one_line(&self) -> String {
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

/// Writes the nodes below a headline, on a terminal of so many columns.
pub(in crate::output) fn write_all(
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
pub(in crate::output) fn room(terminal: Option<usize>) -> Option<usize> {
    let front = 2 * INDENT + 4 + 2 + 3 * per_row(terminal) + 1 + INDENT;
    terminal.map(|columns| columns.saturating_sub(front))
}

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
