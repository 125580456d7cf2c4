//! Sentences for people, on stderr.

use std::fmt::Display;
use std::io::{self, Write};

/// Writes `midge: MESSAGE` as a line. Where stderr is gone there is nobody to tell, and that must
/// not end the work as a panic in `eprintln!` would.
pub fn note(message: impl Display) {
    let _ = writeln!(io::stderr().lock(), "midge: {message}");
}
