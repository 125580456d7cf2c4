//! Sentences for people, on stderr.

use std::fmt::Display;
use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};

/// Set by --quiet, once and at the start.
static IS_SILENT: AtomicBool = AtomicBool::new(false);

/// Writes `midge: MESSAGE` as a line, in one go: others may write to the same stderr. Where that is
/// gone there is nobody to tell, and that must not end the work as a panic in `eprintln!` would.
pub fn note(message: impl Display) {
    if !is_silent() {
        let line = format!("midge: {message}\n");
        let _ = io::stderr().lock().write_all(line.as_bytes());
    }
}

/// Whether nothing is to be said.
pub(super) fn is_silent() -> bool {
    IS_SILENT.load(Ordering::Relaxed)
}

/// No more sentences from this process.
pub fn be_silent() {
    IS_SILENT.store(true, Ordering::Relaxed);
}
