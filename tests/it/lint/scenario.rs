//! Runs the scenarios of `tests/lint` on the session tracker.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt::Write;

use midge::mqtt::decode::{Context, connect_version};
use midge::mqtt::frame::FixedHeader;
use midge::mqtt::session::{At, Finding, Input, Tracker, WebSocketFault};
use midge::mqtt::{Side, Version};

use crate::files;
use crate::scenarios::packet_text;

/// What all scenarios gave.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    pub(super) scenarios: usize,
    pub(super) failures: String,
    /// Names of rules.
    pub(super) broken: BTreeSet<String>,
    pub(super) kept: BTreeSet<String>,
    /// Versions and statements.
    pub(super) cited: BTreeSet<(Version, String)>,
}

pub(super) fn run_all() -> Outcome {
    let mut outcome = Outcome::default();
    for file in files::of("lint", &["txt"]) {
        let text = std::fs::read_to_string(&file).unwrap();
        let mut run = Run::default();
        let mut has_failed = false;
        for (number, line) in (1..).zip(text.lines().chain(["== end"])) {
            let is_heading = line.starts_with("== ");
            if has_failed && !is_heading {
                continue;
            }
            let result = match has_failed {
                true => Ok(()),
                false => run.line(line.trim(), &mut outcome),
            };
            has_failed = result.is_err() && !is_heading;
            if is_heading {
                outcome.scenarios += 1;
                run = Run::default();
            }
            if let Err(problem) = result {
                let name = files::name(&file);
                writeln!(outcome.failures, "{name}:{number}: {line}\n    {problem}").unwrap();
            }
        }
    }
    outcome
}

/// One scenario.
#[derive(Default)]
struct Run {
    tracker: Tracker,
    frame: u64,
    milliseconds: i64,
    connections: BTreeMap<String, (u64, Version)>,
    /// Found, and not yet expected by a line.
    found: VecDeque<Finding>,
    /// Rules that must not be broken.
    kept: Vec<String>,
    broken: BTreeSet<String>,
}

impl Run {
    fn line(&mut self, line: &str, outcome: &mut Outcome) -> Result<(), String> {
        if line.is_empty() || line.starts_with('#') {
            return Ok(());
        }
        if let Some(expected) = line.strip_prefix("! ") {
            return self.expect(expected, outcome);
        }
        if let Some(finding) = self.found.front() {
            return Err(format!("before this was found: {}", show(finding)));
        }
        if line.starts_with("== ") {
            self.tracker.finish();
            self.collect();
            if let Some(finding) = self.found.front() {
                return Err(format!("at the end was found: {}", show(finding)));
            }
            for rule in &self.kept {
                if self.broken.contains(rule) {
                    return Err(format!("{rule} is broken"));
                }
            }
            outcome.kept.extend(self.kept.drain(..));
            return Ok(());
        }
        if let Some(rules) = line.strip_prefix("~ ") {
            self.kept
                .extend(rules.split_whitespace().map(str::to_owned));
            return Ok(());
        }
        if let Some(time) = line.strip_prefix('+') {
            self.milliseconds += parse_milliseconds(time)?;
            return Ok(());
        }
        if line == "end" {
            self.tracker.finish();
        } else {
            let at = line.find([' ', '>', '<', '?']).ok_or("not a line")?;
            let (name, rest) = line.split_at(at);
            let side = match &rest[..1] {
                ">" => Some(Side::Client),
                "<" => Some(Side::Server),
                _ => None,
            };
            let is_packet = &rest[..1] != " ";
            self.happens(name, side, is_packet, rest[1..].trim_start())?;
        }
        self.collect();
        Ok(())
    }

    fn collect(&mut self) {
        while let Some(finding) = self.tracker.next_finding() {
            self.broken.insert(format!("{:?}", finding.rule));
            self.found.push_back(finding);
        }
    }

    fn happens(
        &mut self,
        name: &str,
        side: Option<Side>,
        is_packet: bool,
        what: &str,
    ) -> Result<(), String> {
        let next = self.connections.len() as u64;
        let (stream, version) = *self
            .connections
            .entry(name.to_owned())
            .or_insert((next, Version::V311));
        self.frame += u64::from(is_packet);
        let at = At {
            stream,
            frame: self.frame,
            time: Some(self.milliseconds * 1_000_000),
            server: 1,
        };
        if !is_packet {
            match what {
                "captured" => self.tracker.captured(at),
                "opens" => self.tracker.opened(at, None),
                "over" => self.tracker.over(at),
                "lost" => self.tracker.lost(at, None),
                "v31" => self.set_version(name, Version::V31),
                "v311" => self.set_version(name, Version::V311),
                "v5" => self.set_version(name, Version::V5),
                _ => return Err(format!("what is {what}?")),
            }
            return Ok(());
        }
        let fault = match what {
            "lost" => {
                self.tracker.lost(at, side);
                return Ok(());
            }
            "ends" => {
                self.tracker.ended(at, side);
                return Ok(());
            }
            "resets" => {
                self.tracker.broken_off(at, side);
                return Ok(());
            }
            "websocket mask" => Some(WebSocketFault::Mask),
            "websocket frame" => Some(WebSocketFault::Frame),
            "websocket fragment" => Some(WebSocketFault::Fragment),
            "websocket control" => Some(WebSocketFault::Control),
            "websocket text" => Some(WebSocketFault::NotBinary),
            "websocket other offer" => Some(WebSocketFault::NotOffered),
            "websocket other answer" => Some(WebSocketFault::NotAnswered),
            _ => None,
        };
        if let (Some(from), Some(fault)) = (side, fault) {
            self.tracker.websocket(at, from, fault);
            return Ok(());
        }
        let bytes = match what.strip_prefix("hex ") {
            Some(digits) => hex::decode(digits.replace(' ', "")).map_err(|e| e.to_string())?,
            None => {
                let id = name.trim_end_matches(|c: char| c.is_ascii_digit());
                packet_text::parse(what, id, &mut version.clone())?
            }
        };
        let version = connect_version(&bytes).unwrap_or(version);
        self.set_version(name, version);
        let context = Context {
            version,
            from: side,
        };
        self.tracker.packet(&Input {
            at,
            bytes: &bytes,
            announced_len: FixedHeader::parse(&bytes)
                .ok()
                .flatten()
                .map_or(bytes.len(), |header| header.packet_len().max(bytes.len())),
            context,
        });
        Ok(())
    }

    fn set_version(&mut self, name: &str, version: Version) {
        if let Some(connection) = self.connections.get_mut(name) {
            connection.1 = version;
        }
    }

    /// `RULE SEVERITY FRAMES [ID ...]`
    fn expect(&mut self, expected: &str, outcome: &mut Outcome) -> Result<(), String> {
        let finding = self.found.pop_front().ok_or("nothing was found")?;
        let found = show(&finding);
        let words: Vec<&str> = expected.split_whitespace().collect();
        let [rule, severity, frames, ids @ ..] = words.as_slice() else {
            return Err("the line is too short".into());
        };
        let is_as_expected = *rule == format!("{:?}", finding.rule)
            && *severity == finding.severity.as_str()
            && *frames == show_frames(&finding)
            && ids.iter().all(|id| {
                finding
                    .ids
                    .iter()
                    .any(|found| *found == *id || found.ends_with(&format!("section {id}")))
            });
        if !is_as_expected {
            return Err(format!("found: {found}"));
        }
        outcome.broken.insert((*rule).to_owned());
        for id in &finding.ids {
            // Only what the scenario says itself is a proof.
            if ids
                .iter()
                .any(|said| said == id || id.ends_with(&format!("section {said}")))
            {
                outcome.cited.insert((finding.version, (*id).to_owned()));
            }
        }
        Ok(())
    }
}

fn show_frames(finding: &Finding) -> String {
    let frames: Vec<String> = finding.frames.iter().map(u64::to_string).collect();
    frames.join(",")
}

fn show(finding: &Finding) -> String {
    format!(
        "{:?} {} {} {}: {}",
        finding.rule,
        finding.severity,
        show_frames(finding),
        finding.ids.join(" "),
        finding.message
    )
}

fn parse_milliseconds(text: &str) -> Result<i64, String> {
    let (number, unit) = match text.strip_suffix("ms") {
        Some(number) => (number, 1),
        None => (text.strip_suffix('s').ok_or("no unit")?, 1000),
    };
    let number: i64 = number.parse().map_err(|_| "not a number")?;
    Ok(number * unit)
}
