//! How bad it is, all in all.

use std::fmt;

use super::super::super::Exit;
use crate::mqtt::rule::Severity;

/// Counts what is wrong, and says whether that is too much.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Verdict {
    /// What is less bad is neither shown nor a reason to fail.
    pub(in super::super) threshold: Severity,
    counts: Counts,
}

/// Findings by severity.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in super::super) struct Counts {
    errors: u64,
    warnings: u64,
    infos: u64,
}

impl Counts {
    /// One more.
    pub(in super::super) fn add(&mut self, severity: Severity) {
        *match severity {
            Severity::Error => &mut self.errors,
            Severity::Warning => &mut self.warnings,
            Severity::Info => &mut self.infos,
        } += 1;
    }

    /// Those at least as bad.
    fn from(self, threshold: Severity) -> u64 {
        match threshold {
            Severity::Error => self.errors,
            Severity::Warning => self.errors + self.warnings,
            Severity::Info => self.errors + self.warnings + self.infos,
        }
    }
}

impl Verdict {
    pub(in super::super) fn new(threshold: Severity) -> Verdict {
        Verdict {
            threshold,
            counts: Counts::default(),
        }
    }

    /// Counts what was found in something that was asked for.
    pub(in super::super) fn add(&mut self, found: Counts) {
        self.counts.errors += found.errors;
        self.counts.warnings += found.warnings;
        self.counts.infos += found.infos;
    }

    /// Whether nothing was found, however small.
    pub(in super::super) fn is_clean(&self) -> bool {
        self.counts == Counts::default()
    }

    /// What the program ends with.
    pub(in super::super) fn exit(&self) -> Exit {
        match self.counts.from(self.threshold) {
            0 => Exit::Done,
            _ => Exit::Verdict,
        }
    }
}

/// `2 errors, 1 warning, 0 infos`, and how to see what was not shown.
impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Counts {
            errors,
            warnings,
            infos,
        } = self.counts;
        let all = self.counts.from(Severity::Info);
        if all == 0 {
            return f.write_str("nothing is wrong");
        }
        let number = |count: u64, what: &str| {
            let s = if count == 1 { "" } else { "s" };
            format!("{count} {what}{s}")
        };
        write!(
            f,
            "{}, {}, {}",
            number(errors, "error"),
            number(warnings, "warning"),
            number(infos, "info")
        )?;
        if all > self.counts.from(self.threshold) {
            f.write_str(" (--lint=info shows all)")?;
        }
        Ok(())
    }
}
