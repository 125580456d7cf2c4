//! `--ready-file` and `--ready-fd`: tell a script that all subscriptions are acknowledged.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::PathBuf;

use crate::cli;
use crate::cmd::{Exit, Failure};

/// Whom to tell.
#[derive(Debug)]
pub(super) struct Ready {
    file: Option<PathBuf>,
    descriptor: Option<File>,
}

impl Ready {
    /// Removes a file that an earlier run left, so that nobody takes it for ours, and opens the
    /// descriptor.
    ///
    /// # Errors
    /// If one of them cannot be written.
    pub(super) fn new(args: &cli::Subscribe) -> Result<Ready, Failure> {
        if let Some(path) = &args.ready_file {
            match fs::remove_file(path) {
                Err(error) if error.kind() != ErrorKind::NotFound => {
                    let path = path.display();
                    return Err(failure(format!("cannot remove {path}: {error}")));
                }
                _ => {}
            }
        }
        let descriptor = match args.ready_fd {
            None => None,
            Some(number) => {
                let opened = OpenOptions::new()
                    .append(true)
                    .open(format!("/dev/fd/{number}"));
                Some(opened.map_err(|error| {
                    failure(format!("cannot write to descriptor {number}: {error}"))
                })?)
            }
        };
        Ok(Ready {
            file: args.ready_file.clone(),
            descriptor,
        })
    }

    /// Tells it, once.
    ///
    /// # Errors
    /// If it cannot be written.
    pub(super) fn tell(&mut self) -> Result<(), Failure> {
        const LINE: &[u8] = b"ready\n";
        if let Some(mut descriptor) = self.descriptor.take() {
            match descriptor.write_all(LINE) {
                // Nobody waits any more.
                Err(error) if error.kind() != ErrorKind::BrokenPipe => {
                    return Err(failure(format!("cannot write to --ready-fd: {error}")));
                }
                _ => {}
            }
        }
        let Some(path) = self.file.take() else {
            return Ok(());
        };
        fs::write(&path, LINE)
            .map_err(|error| failure(format!("cannot write {}: {error}", path.display())))
    }
}

fn failure(message: String) -> Failure {
    Failure::new(Exit::Io, message)
}
