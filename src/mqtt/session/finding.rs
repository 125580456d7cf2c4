//! A finding, and how it is made.

use std::collections::VecDeque;

use super::super::rule::{Rule, Severity, Violation};
use super::super::version::{Side, Version};
use super::At;

/// Something that is wrong, in one packet or between packets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Which rule is broken.
    pub rule: Rule,
    /// The version of the connection.
    pub version: Version,
    /// How bad it is: as the rule says, or less where something speaks for the sender.
    pub severity: Severity,
    /// The statements that are broken, most direct first.
    pub ids: Vec<&'static str>,
    /// Where it showed.
    pub at: At,
    /// Who broke the rule, or sent the packet that shows it, if that is known.
    pub from: Option<Side>,
    /// The frames concerned, ascending; the last is usually that of `at`.
    pub frames: Vec<u64>,
    /// First offending byte and offending bytes, if one packet is at fault.
    pub place: Option<(u32, u32)>,
    /// What was there and what the standard wants: one sentence without a full stop.
    pub message: String,
}

impl Finding {
    /// What a single packet shows.
    pub(super) fn of_packet(violation: &Violation, at: At, from: Option<Side>) -> Finding {
        Finding {
            rule: violation.rule,
            version: violation.version,
            severity: violation.severity(),
            ids: violation.citations().collect(),
            at,
            from,
            frames: vec![at.frame],
            place: Some((violation.offset, violation.len)),
            message: violation.to_string(),
        }
    }
}

/// Takes the findings that one packet, or the end of a connection, gives rise to.
#[derive(Debug)]
pub(super) struct Report<'o> {
    pub(super) at: At,
    pub(super) version: Version,
    from: Option<Side>,
    out: &'o mut VecDeque<Finding>,
}

impl<'o> Report<'o> {
    pub(super) fn new(
        at: At,
        version: Version,
        from: Option<Side>,
        out: &'o mut VecDeque<Finding>,
    ) -> Report<'o> {
        Report {
            at,
            version,
            from,
            out,
        }
    }

    pub(super) fn is_v5(&self) -> bool {
        self.version == Version::V5
    }

    /// Adds a finding on the packet in hand; `earlier` are other frames that it concerns.
    pub(super) fn add(&mut self, rule: Rule, earlier: &[u64], message: impl Into<String>) {
        self.add_as(rule, rule.row().severity, &[], earlier, message.into());
    }

    /// The same, where statements of more detail than the rule's come first.
    pub(super) fn add_citing(
        &mut self,
        rule: Rule,
        ids: &[&'static str],
        earlier: &[u64],
        message: impl Into<String>,
    ) {
        self.add_as(rule, rule.row().severity, ids, earlier, message.into());
    }

    /// For findings of which `by` is at fault, whoever sent the packet.
    pub(super) fn of(&mut self, by: Side) -> Report<'_> {
        Report {
            at: self.at,
            version: self.version,
            from: Some(by),
            out: self.out,
        }
    }

    /// The same with another severity.
    pub(super) fn add_as(
        &mut self,
        rule: Rule,
        severity: Severity,
        ids: &[&'static str],
        earlier: &[u64],
        message: String,
    ) {
        if !rule.exists_in(self.version) {
            return;
        }
        let mut frames = earlier.to_vec();
        frames.push(self.at.frame);
        frames.sort_unstable();
        frames.dedup();
        let mut all: Vec<&'static str> = ids.to_vec();
        for &id in rule.citations(self.version) {
            if !all.contains(&id) {
                all.push(id);
            }
        }
        self.out.push_back(Finding {
            rule,
            version: self.version,
            severity,
            ids: all,
            at: self.at,
            from: self.from,
            frames,
            place: None,
            message,
        });
    }

    /// Adds a finding about something earlier: `frame` alone is what it concerns, and `from` is who
    /// is at fault.
    pub(super) fn add_past(
        &mut self,
        rule: Rule,
        severity: Severity,
        from: Side,
        frame: u64,
        message: String,
    ) {
        self.add_between(rule, severity, from, vec![frame], message);
    }

    /// The same about several packets; their frames ascend.
    pub(super) fn add_between(
        &mut self,
        rule: Rule,
        severity: Severity,
        from: Side,
        frames: Vec<u64>,
        message: String,
    ) {
        if !rule.exists_in(self.version) {
            return;
        }
        self.out.push_back(Finding {
            rule,
            version: self.version,
            severity,
            ids: rule.citations(self.version).to_vec(),
            at: self.at,
            from: Some(from),
            frames,
            place: None,
            message,
        });
    }
}
