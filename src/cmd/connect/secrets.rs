//! Passwords that do not stand on the command line.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use bytes::Bytes;

use super::super::{Exit, Failure, note};
use crate::cli;

/// Bytes of a password, at most (3.1.3.6).
const MAX_LEN: usize = u16::MAX as usize;

/// -P, the first line of --password-file, or what is typed for --ask-password.
///
/// # Errors
/// A file that cannot be read, or no terminal.
pub(super) fn password(args: &cli::Connection) -> Result<Option<Bytes>, Failure> {
    if let Some(secret) = &args.password {
        return Ok(Some(Bytes::from(secret.clone())));
    }
    if let Some(path) = &args.password_file {
        return first_line(path).map(Some);
    }
    if args.ask_password {
        return ask(args.username.as_deref()).map(Some);
    }
    Ok(None)
}

fn first_line(path: &Path) -> Result<Bytes, Failure> {
    let shown = path.display();
    let failure = |why: &str| Failure::new(Exit::Io, format!("cannot read {shown}: {why}"));
    let file = File::open(path).map_err(|error| failure(&error.to_string()))?;
    let mut line = Vec::new();
    // One more than fits, and a line end.
    BufReader::new(file.take(MAX_LEN as u64 + 3))
        .read_until(b'\n', &mut line)
        .map_err(|error| failure(&error.to_string()))?;
    let line = line.strip_suffix(b"\n").unwrap_or(&line);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    if line.len() > MAX_LEN {
        let what = format!("the password is longer than {MAX_LEN} bytes");
        return Err(failure(&what));
    }
    warn_if_readable(path);
    Ok(Bytes::copy_from_slice(line))
}

fn ask(username: Option<&str>) -> Result<Bytes, Failure> {
    let prompt = match username {
        Some(name) => format!("Password for {}: ", name.escape_debug()),
        None => "Password: ".to_owned(),
    };
    let typed = rpassword::prompt_password(prompt).map_err(|error| {
        Failure::new(
            Exit::Io,
            format!("--ask-password found no terminal to ask on: {error}"),
        )
    })?;
    Ok(Bytes::from(typed))
}

/// Says on stderr that others may read a file with a password.
#[cfg(unix)]
pub(super) fn warn_if_readable(path: &Path) {
    use std::os::unix::fs::MetadataExt;
    let mode = path.metadata().map_or(0, |metadata| metadata.mode());
    if mode & 0o044 != 0 {
        note(format_args!(
            "others can read {}, which holds a password: chmod 600 would keep it to you",
            path.display()
        ));
    }
}

/// Permissions are another matter here.
#[cfg(not(unix))]
pub(super) fn warn_if_readable(_: &Path) {}
