//! From records to the view that was asked for.

use std::io::Write;

use super::super::{Exit, Failure, note};
use super::lint::Lint;
use super::select::Select;
use super::stats::Stats;
use super::{Plan, Stop, View};
use crate::capture::pick::{Pick, TooManyPieces};
use crate::capture::{Location, Record};
use crate::mqtt::Packet;
use crate::mqtt::decode::{Context, Strict, decode};
use crate::output::finding::{self, Finding};
use crate::output::hole::{self, Hole};
use crate::output::payload::Rules;
use crate::output::summary::{self, Summary};
use crate::output::{
    Decoded, Origin, Place, flow, json, line, sn, stats, terminal, time::Time, tree,
};

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
    /// What looks for faults, if they are wanted.
    lint: Option<Lint>,
    /// Packets themselves are not wanted.
    only_findings: bool,
    /// What is counted beside it.
    stats: Option<Stats>,
    is_plain_count: bool,
    select: &'o Select,
    selects_all: bool,
    /// When the first packet came.
    start: Option<Time>,
    /// What `--write` wants.
    pick: Option<Pick>,
}

fn too_many(error: TooManyPieces) -> Stop {
    Failure::new(Exit::Io, format!("--write: {error}")).into()
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
            lines: line::Lines::new(style),
            flow: flow::Flow::new(style),
            json: json::PacketLines::new(json::Options {
                show_secrets: plan.show_secrets,
                raw: plan.raw,
            }),
            out,
            flush_each: false,
            is_first: true,
            summary: plan.summary.then(Summary::default),
            stats: plan.stats.then(Stats::default),
            is_plain_count: plan.select.is_everything() && plan.write.is_none() && !plan.stats,
            select: &plan.select,
            selects_all: plan.select.is_everything(),
            start: None,
            pick: plan.write.as_ref().map(|_| Pick::default()),
            lint: plan.lint.map(Lint::new),
            only_findings: plan.lint.is_some() && matches!(plan.view, None | Some(View::Json)),
        }
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
        let Place { from, time, .. } = origin.place;
        let version = origin.version;
        summary.packet(
            bytes.first().copied().unwrap_or_default(),
            version,
            from,
            bytes.len(),
        );
        if let Some(time) = time {
            summary.moment(time);
        }
        match decode(bytes, Context { version, from }, &mut Strict) {
            Ok(Packet::Publish(publish)) => summary.payload_bytes += publish.payload.len() as u64,
            Ok(_) => {}
            Err(_) => summary.broken += 1,
        }
        true
    }

    /// The counts, if they are all that is wanted.
    pub(super) fn summary(&mut self) -> Option<&mut Summary> {
        self.summary.as_mut()
    }

    /// A record of a capture, before it is shown: shows what lint finds by it.
    pub(super) fn lint(&mut self, record: &Record) -> Result<(), Stop> {
        if let Some(lint) = &mut self.lint {
            lint.record(record);
        }
        self.findings()
    }

    /// A packet of a text, before it is shown: shows what lint finds by it.
    pub(super) fn lint_packet(&mut self, origin: &Origin, bytes: &[u8]) -> Result<(), Stop> {
        if let Some(lint) = &mut self.lint {
            lint.packet(bytes, origin.version, origin.place.from);
        }
        self.findings()
    }

    /// Whether nothing but findings is wanted.
    pub(super) fn only_findings(&self) -> bool {
        self.only_findings
    }

    fn findings(&mut self) -> Result<(), Stop> {
        while let Some((found, place)) = self.lint.as_mut().and_then(Lint::next_finding) {
            self.finding(&Finding {
                place,
                version: found.version.as_str(),
                ids: &found.ids,
                severity: found.severity,
                message: &found.message,
                frames: &found.frames,
                bytes: found.place,
            })?;
        }
        Ok(())
    }

    fn finding(&mut self, found: &Finding<'_>) -> Result<(), Stop> {
        let mut out = &mut *self.out;
        match self.view {
            View::Json => finding::write_json(&mut out, found)?,
            _ => finding::write_line(&mut out, &mut self.lines, found, None)?,
        }
        self.end_of_record()
    }

    /// What the frames to write are found by.
    pub(super) fn take_pick(&mut self) -> Option<Pick> {
        self.pick.take()
    }

    /// Shows what is only known at the end of the input called `name`: counts, or the verdict.
    pub(super) fn finish(mut self, name: &str) -> Result<Exit, Stop> {
        if let Some(lint) = &mut self.lint {
            lint.finish();
            self.findings()?;
        }
        if let Some(lint) = &self.lint {
            self.out.flush()?;
            note(format_args!("{name}: {lint}"));
            return Ok(match lint.is_clean() {
                true => Exit::Done,
                false => Exit::Verdict,
            });
        }
        let mut out = self.out;
        let Some(summary) = self.summary else {
            self.flow.finish(&mut out)?;
            return Ok(Exit::Done);
        };
        match self.view {
            View::Json => summary::write_json(&mut out, &summary)?,
            _ => summary::write_table(&mut out, &summary)?,
        }
        if let Some(stats) = self.stats {
            let report = stats.report();
            match self.view {
                View::Json => json::write_line(&mut out, &report)?,
                _ => stats::write_table(&mut out, &report)?,
            }
        }
        Ok(Exit::Done)
    }

    pub(super) fn packet(
        &mut self,
        decoded: &Decoded<'_>,
        at: Option<&Location>,
    ) -> Result<(), Stop> {
        let is_wanted = self.selects_all || self.select.wants_packet(decoded, self.start);
        if let (Some(pick), Some(at)) = (&mut self.pick, at) {
            pick.see(at, decoded.bytes.len() as u64, is_wanted)
                .map_err(too_many)?;
        }
        if let Some(stats) = &mut self.stats {
            stats.packet(decoded, is_wanted);
        }
        if is_wanted && self.add(&decoded.origin, decoded.bytes) {
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
                };
                match self.view {
                    View::Hex => tree::write_hex(&mut out, decoded, options, self.style)?,
                    _ => tree::write(&mut out, decoded, options)?,
                }
            }
        }
        self.end_of_record()
    }

    /// What is wrong with an MQTT-SN message.
    fn lint_message(&mut self, decoded: &sn::Decoded<'_>) -> Result<(), Stop> {
        for violation in &decoded.record.violations {
            let severity = violation.severity();
            if self.lint.as_mut().is_some_and(|lint| lint.count(severity)) {
                self.finding(&Finding {
                    place: decoded.place,
                    version: "1.2",
                    ids: violation.citations(),
                    severity,
                    message: &violation.to_string(),
                    frames: decoded.place.frame.as_slice(),
                    bytes: Some((violation.offset, violation.len)),
                })?;
            }
        }
        Ok(())
    }

    pub(super) fn message(&mut self, decoded: &sn::Decoded<'_>, at: &Location) -> Result<(), Stop> {
        let is_wanted = self.selects_all || self.select.wants_message(decoded, self.start);
        if let Some(pick) = &mut self.pick {
            pick.see(at, decoded.bytes.len() as u64, is_wanted)
                .map_err(too_many)?;
        }
        if !is_wanted {
            return Ok(());
        }
        if let Some(summary) = &mut self.summary {
            summary.sn_messages += 1;
            return Ok(());
        }
        if self.lint.is_some() {
            self.lint_message(decoded)?;
        }
        if self.only_findings {
            return Ok(());
        }
        let mut out = &mut *self.out;
        match self.view {
            View::Json => {
                let options = json::Options {
                    show_secrets: self.show_secrets,
                    raw: self.raw,
                };
                sn::json::write(&mut out, decoded, options)?;
            }
            View::Nothing => {}
            View::Flow => self.flow.message(&mut out, decoded)?,
            View::Lines => sn::line::write(&mut out, &mut self.lines, decoded)?,
            View::Tree | View::Hex => {
                if !self.is_first {
                    writeln!(out)?;
                }
                let payloads = Some(self.payloads);
                match self.view {
                    View::Hex => sn::tree::write_hex(&mut out, decoded, payloads, self.style)?,
                    _ => sn::tree::write(&mut out, decoded, payloads)?,
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
        if let Some(pick) = &mut self.pick {
            let (hole::Kind::Gap { lost: len, .. } | hole::Kind::Skipped { len, .. }) = hole.kind;
            // The capture has frames of what was skipped, and none of a gap.
            let has_frames = matches!(hole.kind, hole::Kind::Skipped { .. });
            pick.see(at, len, is_wanted && has_frames)
                .map_err(too_many)?;
        }
        if !is_wanted {
            return Ok(());
        }
        if let Some(summary) = &mut self.summary {
            match hole.kind {
                hole::Kind::Gap { lost, .. } => {
                    summary.gaps += 1;
                    summary.lost += lost;
                }
                hole::Kind::Skipped { len, .. } => summary.skipped += len,
            }
            return Ok(());
        }
        if self.only_findings {
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
