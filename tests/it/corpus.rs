//! Reads the packet corpus in `tests/corpus`; its README.md describes the format.

use std::fs;

use midge::mqtt::{Side, Version};
use serde_json::Value;

use crate::files;

/// What a decoder must think of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Ok,
    Warning,
    Error,
}

/// A rule that a packet breaks, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Violates {
    /// Any of these; empty in 3.1, which numbers nothing.
    pub(crate) ids: Vec<String>,
    pub(crate) offset: Option<u32>,
    pub(crate) len: Option<u32>,
    pub(crate) code: Option<u8>,
}

/// One packet of the corpus.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) name: String,
    pub(crate) version: Version,
    pub(crate) from: Side,
    pub(crate) bytes: Vec<u8>,
    pub(crate) verdict: Verdict,
    pub(crate) violates: Vec<Violates>,
    pub(crate) reencodes: bool,
    pub(crate) json: Option<Value>,
}

/// Every entry of every file.
pub(crate) fn entries() -> Vec<Entry> {
    let mut entries = Vec::new();
    for path in files::of("corpus", &["txt"]) {
        let text = fs::read_to_string(&path).unwrap();
        entries.extend(text.split("\n\n").filter_map(parse_entry));
    }
    entries.sort_by(|a: &Entry, b: &Entry| a.name.cmp(&b.name));
    entries
}

fn parse_entry(block: &str) -> Option<Entry> {
    let lines: Vec<(&str, &str)> = block
        .lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty())
        .map(|line| line.split_once(' ').unwrap_or((line, "")))
        .collect();
    let all = |key: &'static str| lines.iter().filter(move |l| l.0 == key).map(|l| l.1);
    let name = all("name").next()?.to_owned();
    let one = |key: &'static str| {
        all(key)
            .next()
            .unwrap_or_else(|| panic!("{name} has no line '{key}'"))
    };
    let version = match one("version") {
        "3.1" => Version::V31,
        "3.1.1" => Version::V311,
        "5.0" => Version::V5,
        other => panic!("{name}: version {other}"),
    };
    let from = match one("from") {
        "client" => Side::Client,
        "server" => Side::Server,
        other => panic!("{name}: from {other}"),
    };
    let verdict = match one("verdict") {
        "ok" => Verdict::Ok,
        "warning" => Verdict::Warning,
        "error" => Verdict::Error,
        other => panic!("{name}: verdict {other}"),
    };
    Some(Entry {
        version,
        from,
        bytes: all("hex")
            .flat_map(str::split_whitespace)
            .flat_map(repeated)
            .collect(),
        verdict,
        violates: all("violates")
            .map(|line| parse_violates(line, version))
            .collect(),
        reencodes: verdict == Verdict::Ok && all("reencode").next() != Some("no"),
        json: all("json")
            .next()
            .map(|json| serde_json::from_str(json).unwrap()),
        name,
    })
}

/// `78*3` is `78 78 78`.
fn repeated(word: &str) -> impl Iterator<Item = u8> + use<> {
    let (byte, times) = word.split_once('*').unwrap_or((word, "1"));
    let byte = u8::from_str_radix(byte, 16).unwrap();
    std::iter::repeat_n(byte, times.parse().unwrap())
}

fn parse_violates(line: &str, version: Version) -> Violates {
    let (what, place) = line.split_once(" @").unwrap();
    let ids = match what.strip_prefix("section ") {
        _ if version == Version::V31 => Vec::new(),
        Some(section) => {
            let (version, number) = section.split_once(' ').unwrap();
            vec![format!("MQTT {version} section {number}")]
        }
        None => what.split(',').map(|id| id.trim().to_owned()).collect(),
    };
    let mut words = place.split_whitespace();
    let place = words.next().unwrap();
    let (offset, len) = place
        .split_once('+')
        .map_or((place, None), |(o, l)| (o, Some(l)));
    Violates {
        ids,
        offset: (offset != "?").then(|| offset.parse().unwrap()),
        len: len.map(|len| len.parse().unwrap()),
        code: words
            .next()
            .map(|code| u8::from_str_radix(code.trim_start_matches("0x"), 16).unwrap()),
    }
}
