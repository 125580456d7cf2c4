//! From records to the view that was asked for.

use std::io::Write;

use super::super::{Exit, note};
use super::lint::Lint;
use super::{Plan, Stop, View};
use crate::capture::Record;
use crate::mqtt::Packet;
use crate::mqtt::decode::{Context, Recorder, Strict, decode};
use crate::output::finding::{self, Finding};
use crate::output::hole::{self, Hole};
use crate::output::summary::{self, Summary};
use crate::output::{Decoded, Origin, Place, json, line, sn, tree};

/// The view, and where it goes.
pub(super) struct Show<'o> {
    view: View,
    show_secrets: bool,
    raw: bool,
    lines: line::Lines,
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
}

impl<'o> Show<'o> {
    pub(super) fn new(plan: &Plan, default: View, out: &'o mut dyn Write) -> Show<'o> {
        Show {
            view: plan.view.unwrap_or(default),
            show_secrets: plan.show_secrets,
            raw: plan.raw,
            lines: line::Lines::default(),
            json: json::PacketLines::new(json::Options {
                show_secrets: plan.show_secrets,
                raw: plan.raw,
            }),
            out,
            flush_each: false,
            is_first: true,
            summary: plan.summary.then(Summary::default),
            lint: plan.lint.map(Lint::new),
            only_findings: plan.lint.is_some() && matches!(plan.view, None | Some(View::Json)),
        }
    }

    /// Counts a packet, if counting is all that is wanted; says whether it is.
    pub(super) fn count(&mut self, origin: &Origin, bytes: &[u8]) -> bool {
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
            View::Tree | View::Lines => finding::write_line(&mut out, found)?,
        }
        self.end_of_record()
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
        let Some(summary) = self.summary else {
            return Ok(Exit::Done);
        };
        let mut out = self.out;
        match self.view {
            View::Json => summary::write_json(&mut out, &summary)?,
            View::Tree | View::Lines => summary::write_table(&mut out, &summary)?,
        }
        Ok(Exit::Done)
    }

    pub(super) fn packet<'a>(
        &mut self,
        origin: Origin,
        bytes: &'a [u8],
        record: &'a Recorder<'a>,
        topic_resolved: Option<&'a str>,
    ) -> Result<(), Stop> {
        let decoded = Decoded {
            origin,
            bytes,
            record,
            topic_resolved,
        };
        let mut out = &mut *self.out;
        match self.view {
            View::Json => self.json.write(&mut out, &decoded)?,
            View::Lines => self.lines.packet(&mut out, &decoded)?,
            View::Tree => {
                if !self.is_first {
                    writeln!(out)?;
                }
                let options = tree::Options {
                    show_secrets: self.show_secrets,
                };
                tree::write(&mut out, &decoded, options)?;
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

    pub(super) fn message(&mut self, decoded: &sn::Decoded<'_>) -> Result<(), Stop> {
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
            View::Lines => sn::line::write(&mut out, decoded)?,
            View::Tree => {
                if !self.is_first {
                    writeln!(out)?;
                }
                sn::tree::write(&mut out, decoded)?;
            }
        }
        self.end_of_record()
    }

    pub(super) fn hole(&mut self, hole: &Hole) -> Result<(), Stop> {
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
            View::Lines => hole::write_line(&mut out, hole)?,
            View::Tree => {
                if !self.is_first {
                    writeln!(out)?;
                }
                hole::write_line(&mut out, hole)?;
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
