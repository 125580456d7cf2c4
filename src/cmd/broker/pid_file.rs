//! `pid_file`: the number of the process, for as long as it runs.

use std::fs;
use std::path::PathBuf;

use crate::cmd::{Exit, Failure};
use crate::output::text::Safe;

/// A file that is removed at the end.
pub(super) struct PidFile(PathBuf);

impl PidFile {
    /// # Errors
    /// If it cannot be written.
    pub(super) fn write(path: PathBuf) -> Result<PidFile, Failure> {
        match fs::write(&path, std::process::id().to_string()) {
            Ok(()) => Ok(PidFile(path)),
            Err(error) => {
                let path = path.display().to_string();
                let what = format!("cannot write pid_file {}: {error}", Safe(&path));
                Err(Failure::new(Exit::Io, what))
            }
        }
    }
}

impl Drop for PidFile {
    fn drop(&mut self) {
        // Somebody else has removed it: then it is gone as well.
        let _ = fs::remove_file(&self.0);
    }
}
