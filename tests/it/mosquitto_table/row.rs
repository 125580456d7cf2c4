//! The table: rows of an invocation, what is around it, and what comes of it.
//!
//! ```text
//! ## what the row is about
//! $ pub -p {port} -t a -m b        pub, sub or rr, words as for a shell; {port} is the peer's
//! peer CONNECT: 20020005           what the peer answers instead (see `peer`)
//! stdin: a\nb                      otherwise empty
//! file NAME: text                  in the directory where it runs, which is its HOME
//! env NAME=VALUE                   {home} is that directory
//! without: DISCONNECT              a packet that need not come: its line is left out on both sides
//! order: any                       packets are compared without their order
//! differs: why midge does not do the same
//! waiting: for what, if midge cannot do it yet
//! = exit 0                         what the real program does
//! = stdout text                    with escapes as in Rust
//! = stderr text
//! = sends CONNECT 10 ..            a packet, in the order they come; or `connects` once more
//! ~ stderr text                    the same of midge, in place of all `=` of that word
//! ```

use std::fmt;
use std::path::Path;

/// What came of an invocation: lines as they stand in the table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Outcome(pub(super) Vec<String>);

impl Outcome {
    /// In words, nothing if there is none.
    pub(super) fn difference(&self, other: &Outcome) -> String {
        let missing = self.0.iter().filter(|line| !other.0.contains(line));
        let more = other.0.iter().filter(|line| !self.0.contains(line));
        let text: String = missing
            .map(|line| format!("  - {line}\n"))
            .chain(more.map(|line| format!("  + {line}\n")))
            .collect();
        match text.is_empty() && self != other {
            true => format!("  order or number: {:?}\n  {:?}\n", self.0, other.0),
            false => text,
        }
    }
}

/// One invocation.
#[derive(Debug, Clone, Default)]
pub(super) struct Row {
    pub(super) title: String,
    /// The line behind `$`.
    pub(super) command: String,
    pub(super) peer: Vec<(String, String)>,
    pub(super) stdin: Vec<u8>,
    pub(super) files: Vec<(String, Vec<u8>)>,
    pub(super) env: Vec<(String, String)>,
    pub(super) without: Option<String>,
    pub(super) any_order: bool,
    pub(super) differs: Option<String>,
    pub(super) waiting: Option<String>,
    theirs: Vec<String>,
    ours: Vec<String>,
}

impl Row {
    /// pub, sub or rr; and its arguments.
    pub(super) fn words(&self) -> Vec<String> {
        words(&self.command)
    }

    pub(super) fn of_mosquitto(&self) -> Outcome {
        Outcome(self.theirs.clone())
    }

    pub(super) fn of_midge(&self) -> Outcome {
        let word = |line: &String| match line.split(' ').next().unwrap_or_default() {
            // Part of the order of the packets.
            "connects" => "sends".to_owned(),
            word => word.to_owned(),
        };
        let ours: Vec<_> = self.ours.iter().map(word).collect();
        let mut lines: Vec<_> = self
            .theirs
            .iter()
            .filter(|line| !ours.contains(&word(line)))
            .chain(&self.ours)
            // `~ stdout` alone: midge prints nothing there.
            .filter(|line| line.contains(' ') || *line == "connects")
            .cloned()
            .collect();
        lines.sort_by_key(|line| {
            let at = ORDER.iter().position(|first| *first == word(line));
            at.unwrap_or(ORDER.len())
        });
        Outcome(lines)
    }
}

const ORDER: [&str; 3] = ["exit", "stdout", "stderr"];

/// Words as a shell makes them: `'...'` and `"..."` are taken as they are, `\xff` escapes in both.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    for c in line.chars() {
        match (quote, c) {
            (None, '\'' | '"') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (Some(end), c) if c == end => quote = None,
            (None, ' ') => words.extend(word.take()),
            (_, c) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

/// A table with everything in it, comments included.
#[derive(Debug)]
pub(super) struct Table(Vec<Part>);

#[derive(Debug)]
enum Part {
    Comment(String),
    Row(Box<Row>, Vec<String>),
}

impl Table {
    pub(super) fn read(path: &Path) -> Table {
        let text = std::fs::read_to_string(path).expect("the table");
        let mut parts = Vec::new();
        for line in text.lines() {
            if let Some(title) = line.strip_prefix("## ") {
                let row = Row {
                    title: title.to_owned(),
                    ..Row::default()
                };
                parts.push(Part::Row(Box::new(row), vec![line.to_owned()]));
                continue;
            }
            match parts.last_mut() {
                Some(Part::Row(row, lines)) if !line.is_empty() && !line.starts_with("# ") => {
                    add(row, lines, line);
                }
                _ => parts.push(Part::Comment(line.to_owned())),
            }
        }
        Table(parts)
    }

    pub(super) fn rows(&self) -> impl Iterator<Item = &Row> {
        self.0.iter().filter_map(|part| match part {
            Part::Row(row, _) => Some(&**row),
            Part::Comment(_) => None,
        })
    }

    /// Takes what the real programs do.
    pub(super) fn bless(&mut self, outcomes: &[Outcome]) {
        let rows = self.0.iter_mut().filter_map(|part| match part {
            Part::Row(row, _) => Some(row),
            Part::Comment(_) => None,
        });
        for (row, outcome) in rows.zip(outcomes) {
            row.theirs.clone_from(&outcome.0);
        }
    }
}

fn add(row: &mut Row, lines: &mut Vec<String>, line: &str) {
    let pair = |rest: &str, at: &str| {
        let (name, value) = rest.split_once(at).unwrap_or((rest, ""));
        (name.to_owned(), value.to_owned())
    };
    if let Some(rest) = line.strip_prefix("= ") {
        return row.theirs.push(rest.to_owned());
    }
    if let Some(rest) = line.strip_prefix("~ ") {
        return row.ours.push(rest.to_owned());
    }
    lines.push(line.to_owned());
    if let Some(rest) = line.strip_prefix("$ ") {
        row.command = rest.to_owned();
    } else if let Some(rest) = line.strip_prefix("peer ") {
        row.peer.push(pair(rest, ": "));
    } else if let Some(rest) = line.strip_prefix("stdin: ") {
        row.stdin = unescape(rest);
    } else if let Some(rest) = line.strip_prefix("file ") {
        let (name, text) = pair(rest, ": ");
        row.files.push((name, unescape(&text)));
    } else if let Some(rest) = line.strip_prefix("env ") {
        row.env.push(pair(rest, "="));
    } else if let Some(rest) = line.strip_prefix("without: ") {
        row.without = Some(rest.to_owned());
    } else if line == "order: any" {
        row.any_order = true;
    } else if let Some(rest) = line.strip_prefix("differs: ") {
        row.differs = Some(rest.to_owned());
    } else if let Some(rest) = line.strip_prefix("waiting: ") {
        row.waiting = Some(rest.to_owned());
    } else {
        panic!("not a line of a row: {line}");
    }
}

/// `\n`, `\t`, `\\` and `\x00`.
pub(super) fn unescape(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        if c != '\\' {
            bytes.extend(c.to_string().bytes());
            continue;
        }
        match rest.next() {
            Some('n') => bytes.push(b'\n'),
            Some('t') => bytes.push(b'\t'),
            Some('s') => bytes.push(b' '),
            Some('x') => {
                let digits: String = rest.by_ref().take(2).collect();
                bytes.push(u8::from_str_radix(&digits, 16).expect("two hex digits"));
            }
            Some(other) => bytes.extend(other.to_string().bytes()),
            None => {}
        }
    }
    bytes
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for part in &self.0 {
            match part {
                Part::Comment(line) => writeln!(f, "{line}")?,
                Part::Row(row, lines) => {
                    for line in lines {
                        writeln!(f, "{line}")?;
                    }
                    for line in &row.theirs {
                        writeln!(f, "= {line}")?;
                    }
                    for line in &row.ours {
                        writeln!(f, "~ {line}")?;
                    }
                }
            }
        }
        Ok(())
    }
}
