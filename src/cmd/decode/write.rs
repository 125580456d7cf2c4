//! `--write`: the frames of what was selected, on a second way through the file.

use std::fs::File;
use std::io::{self, BufWriter};
use std::path::Path;

use super::super::{Exit, Failure, note};
use crate::capture::FrameReader;
use crate::capture::copy::FrameWriter;
use crate::capture::pick::Pick;

/// Copies the frames of `capture` that `pick` wants to a new file.
pub(super) fn write(capture: &str, pick: &mut Pick, target: &str) -> Result<(), Failure> {
    let failed = |what: String| Failure::new(Exit::Io, what);
    let cannot_read = |error: io::Error| failed(format!("cannot read {capture}: {error}"));
    let cannot_write = |error: io::Error| failed(format!("cannot write {target}: {error}"));
    let mut reader = FrameReader::new(File::open(capture).map_err(cannot_read)?);
    let out = BufWriter::new(File::create(target).map_err(cannot_write)?);
    let mut writer = FrameWriter::new(out).map_err(cannot_write)?;
    // What is damaged at the end of the file has been said on the first way.
    while let Ok(Some(frame)) = reader.next_frame() {
        if pick.wants(&frame) {
            writer.frame(&frame).map_err(cannot_write)?;
        }
    }
    writer.flush().map_err(cannot_write)?;
    note(format_args!(
        "{target}: {} of {} frames",
        writer.frames(),
        reader.frames()
    ));
    Ok(())
}

/// Refuses a target that would destroy the capture, and a capture that cannot be read twice.
pub(super) fn check(capture: &str, target: &str) -> Result<(), Failure> {
    let is_file = Path::new(capture).is_file();
    if !is_file {
        return Err(Failure::usage(
            "--write reads the capture twice, and so it must be a file",
        ));
    }
    let same = |path: &str| Path::new(path).canonicalize().ok();
    match (same(capture), same(target)) {
        (Some(capture), Some(target)) if capture == target => Err(Failure::usage(
            "--write cannot write to the capture that it reads",
        )),
        _ => Ok(()),
    }
}
