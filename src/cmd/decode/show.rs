//! From records to the view that was asked for.

use std::collections::BTreeSet;
use std::io::Write;

use super::super::{Exit, Failure, note};
use super::lint::{Counts, Sifted, Verdict};
use super::needs::listed;
use super::select::Select;
use super::stats::Stats;
use super::{Plan, Stop, View, totals, write};
use crate::capture::pick::{Pick, Role, TooManyPieces};
use crate::capture::{Location, Turn};
use crate::mqtt::rule::Severity;
use crate::mqtt::session;
use crate::output::finding::{self, Finding};
use crate::output::hole::{self, Hole};
use crate::output::payload::Rules;
use crate::output::summary::Summary;
use crate::output::{Decoded, Origin, Place, flow, json, line, sn, terminal, time::Time, tree};

/// The view, and where it goes.
pub(super) struct Show<'o> {
    view: View,
    show_secrets: bool,
    raw: bool,
    payloads: &'o Rules,
    style: line::Style,
    lines: line::Lines,
    flow: flow::Flow,
    json: json::PacketLines,
    out: &'o mut dyn Write,
    /// Let each packet out at once, since the next may be long in coming.
    pub(super) flush_each: bool,
    is_first: bool,
    /// What is counted, if nothing else is wanted.
    summary: Option<Summary>,
    /// What is counted beside it.
    stats: Option<Stats>,
    is_plain_count: bool,
    select: &'o Select,
    selects_all: bool,
    /// When the first packet came.
    start: Option<Time>,
    /// What `--write` wants.
    pick: Option<Pick>,
    /// What lint says, if it is asked.
    verdict: Option<Verdict>,
    /// What lint finds is shown without the packets.
    findings_alone: bool,
    /// Frames of packets that are asked for, or numbers of packets in a text.
    asked_for: BTreeSet<u64>,
    /// Packets of a text so far.
    packets: u64,
    /// Something came, and was left out or not.
    has_seen: bool,
    has_matched: bool,
}

/// Frames that are remembered because they were asked for: what is found later is shown if it
/// concerns one of them.
const MAX_ASKED_FOR: usize = 1 << 16;

fn too_many(error: TooManyPieces) -> Stop {
    Failure::new(Exit::Io, format!("--write: {error}")).into()
}

/// What findings are about is written, too.
fn want_frames(pick: &mut Pick, findings: &[Finding]) {
    for frame in findings.iter().flat_map(|finding| &finding.frames) {
        pick.want_frame(*frame);
    }
}

impl<'o> Show<'o> {
    pub(super) fn new(plan: &'o Plan, default: View, out: &'o mut dyn Write) -> Show<'o> {
        let style = line::Style {
            times: plan.times,
            width: terminal::width(),
        };
        Show {
            view: plan.view.unwrap_or(default),
            show_secrets: plan.show_secrets,
            raw: plan.raw,
            payloads: &plan.payloads,
            style,
            lines: line::Lines::new(style).with_payloads(plan.payloads.clone()),
            flow: flow::Flow::new(style),
            json: json::PacketLines::new(json::Options {
                show_secrets: plan.show_secrets,
                raw: plan.raw,
            })
            .with_payloads(plan.payloads.clone()),
            out,
            flush_each: false,
            is_first: true,
            summary: plan.summary.then(Summary::default),
            stats: plan.stats.then(Stats::default),
            is_plain_count: plan.select.is_everything()
                && plan.write.is_none()
                && !plan.stats
                && plan.lint.is_none(),
            select: &plan.select,
            selects_all: plan.select.is_everything(),
            start: None,
            pick: plan.write.as_ref().map(|_| Pick::new(plan.lint.is_some())),
            verdict: plan.lint.map(Verdict::new),
            findings_alone: plan.lint.is_some()
                && (plan.summary || matches!(plan.view, None | Some(View::Nothing))),
            asked_for: BTreeSet::new(),
            packets: 0,
            has_seen: false,
            has_matched: false,
        }
    }

    /// Takes note of what the selection does with something.
    fn saw(&mut self, is_asked_for: bool, is_wanted: bool) {
        self.has_seen = true;
        self.has_matched |= is_wanted || (is_asked_for && self.verdict.is_some());
    }

    /// Relative times begin here, unless something came before.
    pub(super) fn begin(&mut self, start: Option<Time>) {
        self.start = self.start.or(start);
        if let Some(start) = start {
            self.lines.begin(start);
            self.flow.begin(start);
        }
    }

    /// Counts a packet, if counting all of them is all that is wanted; says whether it is.
    pub(super) fn count(&mut self, origin: &Origin, bytes: &[u8]) -> bool {
        self.is_plain_count && self.add(origin, bytes)
    }

    fn add(&mut self, origin: &Origin, bytes: &[u8]) -> bool {
        let Some(summary) = &mut self.summary else {
            return false;
        };
        totals::add(summary, origin, bytes);
        true
    }

    /// The counts, if they are all that is wanted.
    pub(super) fn summary(&mut self) -> Option<&mut Summary> {
        self.summary.as_mut()
    }

    /// Whether lint is asked.
    pub(super) fn is_linting(&self) -> bool {
        self.verdict.is_some()
    }

    /// What lint finds is put into this.
    pub(super) fn sifted(&self) -> Sifted {
        let threshold = self.verdict.map(|verdict| verdict.threshold);
        Sifted::new(threshold.unwrap_or(Severity::Error))
    }

    /// Shows what lint found that belongs to no packet that is coming.
    pub(super) fn found(
        &mut self,
        finding: session::Finding,
        place: Place,
        client: Option<&str>,
    ) -> Result<(), Stop> {
        let concerns = |frame: &u64| self.asked_for.contains(frame);
        let is_wanted = self.selects_all
            || self.select.asks_for_place(&place, client, self.start)
            || finding.frames.iter().any(concerns);
        if !is_wanted {
            return Ok(());
        }
        self.saw(true, true);
        let mut found = self.sifted();
        found.between(finding, place);
        if let Some(verdict) = &mut self.verdict {
            verdict.add(found.counts);
        }
        if let Some(pick) = &mut self.pick {
            want_frames(pick, &found.findings);
        }
        for finding in &found.findings {
            self.finding(finding, client)?;
        }
        Ok(())
    }

    fn finding(&mut self, finding: &Finding, client: Option<&str>) -> Result<(), Stop> {
        let mut out = &mut *self.out;
        match self.view {
            View::Json => finding::write_json(&mut out, finding)?,
            _ if self.findings_alone => {
                finding::write_line(&mut out, &mut self.lines, finding, client)?;
            }
            View::Flow => self.flow.finding(&mut out, finding, client)?,
            View::Nothing | View::Lines => {
                finding::write_line(&mut out, &mut self.lines, finding, client)?;
            }
            View::Tree | View::Hex => {
                if !self.is_first {
                    writeln!(out)?;
                }
                finding::write_line(&mut out, &mut self.lines, finding, client)?;
            }
        }
        self.end_of_record()
    }

    /// What the frames to write are found by.
    pub(super) fn take_pick(&mut self) -> Option<Pick> {
        self.pick.take()
    }

    /// Shows what is only known at the end of the input called `name`, and says what to end with.
    /// `is_whole`: all of it could be read.
    pub(super) fn finish(mut self, name: &str, is_whole: bool) -> Result<Exit, Stop> {
        let mut out = self.out;
        match self.summary {
            None => self.flow.finish(&mut out)?,
            Some(summary) => {
                let is_json = self.view == View::Json;
                totals::write(&mut out, &summary, self.stats, is_json, self.style.width)?;
            }
        }
        out.flush()?;
        if !self.selects_all && self.has_seen && !self.has_matched {
            let flags: Vec<&str> = self.select.flags().collect();
            note(format_args!("{name}: nothing matches {}", listed(&flags)));
            return Ok(Exit::Done);
        }
        let Some(verdict) = self.verdict else {
            return Ok(Exit::Done);
        };
        // Who has not seen all of it cannot say that nothing is wrong.
        if !is_whole && verdict.is_clean() {
            return Ok(Exit::Done);
        }
        let scope = match verdict.exit() {
            Exit::Done if self.select.may_hide_violations() => ", only what is selected",
            _ => "",
        };
        note(format_args!("{name}{scope}: {verdict}"));
        Ok(verdict.exit())
    }

    /// Shows a packet. `found`: how much lint found, if it is asked.
    pub(super) fn packet(
        &mut self,
        decoded: &Decoded<'_>,
        at: Option<&Location>,
        found: Option<Counts>,
    ) -> Result<(), Stop> {
        let is_asked_for = self.selects_all || self.select.asks_for_packet(decoded, self.start);
        let is_faulty = !(decoded.record.violations.is_empty() && decoded.findings.is_empty());
        let is_wanted = is_asked_for && (is_faulty || !self.select.wants_violations_only());
        self.saw(is_asked_for, is_wanted);
        if let Some(found) = found {
            self.packets += 1;
            if is_asked_for {
                self.judge(found, at.map_or(self.packets, |at| at.frame));
            }
        }
        if let (Some(pick), Some(at)) = (&mut self.pick, at) {
            let len = decoded.bytes.len() as u64;
            pick.see(at, len, write::role(decoded), is_wanted)
                .map_err(too_many)?;
            if is_wanted {
                want_frames(pick, decoded.findings);
            }
        }
        if let Some(stats) = &mut self.stats {
            stats.packet(decoded, is_wanted);
        }
        if self.findings_alone && is_wanted {
            for finding in decoded.findings {
                self.finding(finding, decoded.client)?;
            }
        }
        if is_wanted && self.add(&decoded.origin, decoded.bytes) {
            return Ok(());
        }
        if self.findings_alone {
            return Ok(());
        }
        let mut out = &mut *self.out;
        if self.view == View::Flow {
            self.flow.packet(&mut out, decoded, is_wanted)?;
            return self.end_of_record();
        }
        if !is_wanted {
            return Ok(());
        }
        match self.view {
            View::Json => self.json.write(&mut out, decoded)?,
            View::Nothing | View::Flow => {}
            View::Lines => self.lines.packet(&mut out, decoded)?,
            View::Tree | View::Hex => {
                if !self.is_first {
                    writeln!(out)?;
                }
                let options = tree::Options {
                    show_secrets: self.show_secrets,
                    payloads: Some(self.payloads),
                    width: self.style.width,
                };
                match self.view {
                    View::Hex => tree::write_hex(&mut out, decoded, options, self.style)?,
                    _ => tree::write(&mut out, decoded, options)?,
                }
            }
        }
        self.end_of_record()
    }

    /// Counts how a connection ends.
    pub(super) fn turn(&mut self, turn: &Turn) {
        if let Some(stats) = &mut self.stats {
            stats.turn(turn);
        }
    }

    /// Takes note of what lint found in something that is asked for.
    #[cold]
    fn judge(&mut self, counts: Counts, frame: u64) {
        let Some(verdict) = &mut self.verdict else {
            return;
        };
        verdict.add(counts);
        if !self.selects_all {
            self.asked_for.insert(frame);
            if self.asked_for.len() > MAX_ASKED_FOR {
                self.asked_for.pop_first();
            }
        }
    }

    /// Shows a message of MQTT-SN; `found` as for a packet.
    pub(super) fn message(
        &mut self,
        decoded: &sn::Decoded<'_>,
        at: &Location,
        found: Option<Counts>,
    ) -> Result<(), Stop> {
        let is_asked_for = self.selects_all || self.select.asks_for_message(decoded, self.start);
        let is_faulty = !(decoded.record.violations.is_empty() && decoded.findings.is_empty());
        let is_wanted = is_asked_for && (is_faulty || !self.select.wants_violations_only());
        self.saw(is_asked_for, is_wanted);
        if let Some(found) = found
            && is_asked_for
        {
            self.judge(found, at.frame);
        }
        if let Some(pick) = &mut self.pick {
            let len = decoded.bytes.len() as u64;
            pick.see(at, len, write::role_of_message(decoded.bytes), is_wanted)
                .map_err(too_many)?;
        }
        if let Some(stats) = &mut self.stats {
            stats.message(decoded, is_wanted);
        }
        if self.findings_alone && is_wanted {
            for finding in decoded.findings {
                self.finding(finding, decoded.client)?;
            }
        }
        if let Some(summary) = &mut self.summary {
            if is_wanted {
                summary.message(decoded);
            }
            return Ok(());
        }
        if self.findings_alone {
            return Ok(());
        }
        let mut out = &mut *self.out;
        if self.view == View::Flow {
            self.flow.message(&mut out, decoded, is_wanted)?;
            return self.end_of_record();
        }
        if !is_wanted {
            return Ok(());
        }
        match self.view {
            View::Json => {
                let options = json::Options {
                    show_secrets: self.show_secrets,
                    raw: self.raw,
                };
                sn::json::write(&mut out, decoded, options, self.payloads)?;
            }
            View::Nothing | View::Flow => {}
            View::Lines => sn::line::write(&mut out, &mut self.lines, decoded)?,
            View::Tree | View::Hex => {
                if !self.is_first {
                    writeln!(out)?;
                }
                let payloads = Some(self.payloads);
                match self.view {
                    View::Hex => sn::tree::write_hex(&mut out, decoded, payloads, self.style)?,
                    _ => sn::tree::write(&mut out, decoded, payloads, self.style)?,
                }
            }
        }
        self.end_of_record()
    }

    pub(super) fn hole(
        &mut self,
        hole: &Hole,
        client: Option<&str>,
        at: &Location,
    ) -> Result<(), Stop> {
        let is_wanted = self.selects_all || self.select.wants_hole(hole, client, self.start);
        self.saw(is_wanted, is_wanted);
        if let Some(pick) = &mut self.pick {
            let (hole::Kind::Gap { lost: len, .. } | hole::Kind::Skipped { len, .. }) = hole.kind;
            // The capture has frames of what was skipped, and none of a gap.
            let has_frames = matches!(hole.kind, hole::Kind::Skipped { .. });
            pick.see(at, len, Role::Plain, is_wanted && has_frames)
                .map_err(too_many)?;
        }
        if !is_wanted {
            return Ok(());
        }
        if let Some(summary) = &mut self.summary {
            totals::miss(summary, hole);
            return Ok(());
        }
        if self.findings_alone {
            return Ok(());
        }
        let mut out = &mut *self.out;
        match self.view {
            View::Json => hole::write_json(&mut out, hole)?,
            View::Nothing => {}
            View::Flow => self.flow.hole(&mut out, hole, client)?,
            View::Lines => hole::write_line(&mut out, &mut self.lines, hole, client)?,
            View::Tree | View::Hex => {
                if !self.is_first {
                    writeln!(out)?;
                }
                hole::write_line(&mut out, &mut self.lines, hole, client)?;
            }
        }
        self.end_of_record()
    }

    fn end_of_record(&mut self) -> Result<(), Stop> {
        self.is_first = false;
        if self.flush_each {
            self.out.flush()?;
        }
        Ok(())
    }
}
