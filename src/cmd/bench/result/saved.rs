//! Results in files.

use std::fs;
use std::io::{self, BufWriter};
use std::path::Path;

use crate::cmd::whole_file::{Readers, WholeFile};
use crate::cmd::{Exit, Failure};
use crate::output::bench::{self, Outcome};
use crate::output::text::Safe;

/// Reads a result that `--out` has written.
///
/// # Errors
/// If there is no such file; wrong usage if it is something else.
pub(super) fn read(path: &Path) -> Result<Outcome, Failure> {
    let bytes = fs::read(path)
        .map_err(|error| Failure::new(Exit::Io, format!("cannot read {}: {error}", shown(path))))?;
    bench::read_file(&bytes)
        .map_err(|error| Failure::usage(format!("{}: {}", shown(path), Safe(&error.to_string()))))
}

/// A place for a result, checked before there is one.
///
/// # Errors
/// If it could not be written there.
pub(super) fn begin(path: &Path) -> Result<WholeFile, Failure> {
    WholeFile::begin(path, Readers::Usual).map_err(|error| cannot_write(path, &error))
}

/// Puts it in its place with what `write` writes.
///
/// # Errors
/// If it cannot be written.
pub(super) fn finish(
    file: WholeFile,
    path: &Path,
    write: impl FnOnce(&mut BufWriter<&mut fs::File>) -> io::Result<()>,
) -> Result<(), Failure> {
    file.finish(write)
        .map_err(|error| cannot_write(path, &error))
}

fn cannot_write(path: &Path, error: &io::Error) -> Failure {
    Failure::new(Exit::Io, format!("cannot write {}: {error}", shown(path)))
}

/// A path for sentences.
pub(super) fn shown(path: &Path) -> String {
    Safe(&path.display().to_string()).to_string()
}
