//! What is bad enough to be shown, as the views take it.

use super::verdict::Counts;
use crate::mqtt::decode::Recorder;
use crate::mqtt::rule::{Rule, Severity};
use crate::mqtt::session;
use crate::mqttsn;
use crate::output::Place;
use crate::output::finding::Finding;

/// What was found in one packet, or at once.
#[derive(Debug)]
pub(in super::super) struct Sifted {
    threshold: Severity,
    /// What is as bad as the threshold or worse.
    pub(in super::super) findings: Vec<Finding>,
    /// All of it.
    pub(in super::super) counts: Counts,
}

impl Sifted {
    pub(in super::super) fn new(threshold: Severity) -> Sifted {
        Sifted {
            threshold,
            findings: Vec::new(),
            counts: Counts::default(),
        }
    }

    /// Takes what a packet alone shows out of its record; `frame` is the number of the packet if it
    /// has no frame.
    pub(in super::super) fn packet(&mut self, record: &mut Recorder<'_>, place: Place, frame: u64) {
        for violation in std::mem::take(&mut record.violations) {
            // What a capture cut off is no fault of the sender.
            if violation.rule == Rule::Incomplete {
                continue;
            }
            self.add(violation.severity(), || Finding {
                place,
                version: violation.version.as_str(),
                ids: violation.citations().collect(),
                severity: violation.severity(),
                message: violation.to_string(),
                frames: vec![frame],
                bytes: Some((violation.offset, violation.len)),
                reason: Some(violation.reason()),
            });
        }
    }

    /// The same for a message of MQTT-SN.
    pub(in super::super) fn message(
        &mut self,
        record: &mut mqttsn::decode::Recorder<'_>,
        place: Place,
    ) {
        for violation in std::mem::take(&mut record.violations) {
            self.add(violation.severity(), || Finding {
                place,
                version: mqttsn::VERSION,
                ids: violation.citations().to_vec(),
                severity: violation.severity(),
                message: violation.to_string(),
                frames: place.frame.into_iter().collect(),
                bytes: Some((violation.offset, violation.len)),
                reason: None,
            });
        }
    }

    /// What several packets show, at `place`.
    pub(in super::super) fn between(&mut self, finding: session::Finding, place: Place) {
        self.add(finding.severity, || Finding {
            place,
            version: finding.version.as_str(),
            ids: finding.ids,
            severity: finding.severity,
            message: finding.message,
            frames: finding.frames,
            bytes: finding.place,
            reason: Some(finding.rule.row().reason),
        });
    }

    fn add(&mut self, severity: Severity, finding: impl FnOnce() -> Finding) {
        self.counts.add(severity);
        if severity >= self.threshold {
            self.findings.push(finding());
        }
    }
}
