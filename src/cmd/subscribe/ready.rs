//! `--ready-file` and `--ready-fd`: tell a script that all subscriptions are acknowledged.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

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
            remove(path)
                .map_err(|error| failure(format!("cannot remove {}: {error}", path.display())))?;
        }
        let descriptor = match args.ready_fd {
            None => None,
            Some(number) => Some(open(number).map_err(|error| {
                failure(format!("cannot write to descriptor {number}: {error}"))
            })?),
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
        // As a shell does it with >: a FIFO or a device stays what it is.
        fs::write(&path, LINE)
            .map_err(|error| failure(format!("cannot write {}: {error}", path.display())))
    }
}

/// Removes a file; whatever else has the name may have a reader or a purpose.
fn remove(path: &Path) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_file() => fs::remove_file(path),
        Ok(metadata) if metadata.is_dir() => Err(io::Error::other("it is a directory")),
        Ok(_) => Ok(()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

/// Our own copy of an open descriptor: with its place in the file, and of any kind.
#[cfg(target_os = "linux")]
fn open(number: u32) -> io::Result<File> {
    use rustix::process::{PidfdFlags, PidfdGetfdFlags, getpid, pidfd_getfd, pidfd_open};

    let copied = i32::try_from(number)
        .map_err(|_| rustix::io::Errno::BADF)
        .and_then(|number| {
            let own = pidfd_open(getpid(), PidfdFlags::empty())?;
            pidfd_getfd(own, number, PidfdGetfdFlags::empty())
        });
    match copied {
        Ok(descriptor) => Ok(File::from(descriptor)),
        Err(rustix::io::Errno::BADF) => Err(rustix::io::Errno::BADF.into()),
        // An old kernel, or a container that may not: opened once more.
        Err(_) => open_again(number),
    }
}

/// There opening it makes a copy.
#[cfg(not(target_os = "linux"))]
fn open(number: u32) -> io::Result<File> {
    open_again(number)
}

fn open_again(number: u32) -> io::Result<File> {
    let path = format!("/dev/fd/{number}");
    OpenOptions::new().append(true).open(path)
}

fn failure(message: String) -> Failure {
    Failure::new(Exit::Io, message)
}
