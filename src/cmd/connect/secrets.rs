//! Passwords that do not stand on the command line.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use bytes::Bytes;

use super::super::typed_bytes::bytes_of;
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
        return bytes_of("-P", secret).map(|bytes| Some(Bytes::copy_from_slice(bytes)));
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
    hidden("--ask-password", &prompt).map(Bytes::from)
}

/// Asks on the terminal without showing what is typed; `who` asks.
///
/// # Errors
/// No terminal, or Ctrl-C.
pub(in crate::cmd) fn hidden(who: &str, prompt: &str) -> Result<Vec<u8>, Failure> {
    match terminal::ask(prompt) {
        Ok(Some(typed)) => Ok(typed),
        Ok(None) => Err(Failure::new(
            Exit::Interrupted,
            "interrupted before there was a password",
        )),
        Err(error) => Err(Failure::new(
            Exit::Io,
            format!("{who} cannot ask on the terminal: {error}"),
        )),
    }
}

#[cfg(unix)]
mod terminal {
    use std::fs::File;
    use std::io::{self, Read, Write};

    use rustix::termios::{
        LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr,
    };

    use super::MAX_LEN;

    /// What Ctrl-C sends where it is no signal.
    const CTRL_C: u8 = 0x03;

    /// Reads a line that is not shown; `None` if Ctrl-C is typed.
    pub(super) fn ask(prompt: &str) -> io::Result<Option<Vec<u8>>> {
        let mut terminal = File::options().read(true).write(true).open("/dev/tty")?;
        let before = tcgetattr(&terminal)?;
        let mut hidden = before.clone();
        // A signal would end the process while nothing is shown of what is typed after it: Ctrl-C
        // becomes an end of the line.
        hidden.local_modes -= LocalModes::ECHO | LocalModes::ISIG;
        hidden.special_codes[SpecialCodeIndex::VEOL] = CTRL_C;
        tcsetattr(&terminal, OptionalActions::Flush, &hidden)?;
        let line = prompt_and_read(&mut terminal, prompt);
        restore(&terminal, &before)?;
        let mut line = line?;
        let _ = terminal.write_all(b"\n");
        if line.contains(&CTRL_C) {
            return Ok(None);
        }
        if line.pop_if(|last| *last == b'\n').is_none() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(Some(line))
    }

    fn prompt_and_read(terminal: &mut File, prompt: &str) -> io::Result<Vec<u8>> {
        terminal.write_all(prompt.as_bytes())?;
        // One reading gives one line, whatever ended it.
        let mut line = vec![0; MAX_LEN + 1];
        let len = terminal.read(&mut line)?;
        line.truncate(len);
        Ok(line)
    }

    fn restore(terminal: &File, before: &Termios) -> io::Result<()> {
        Ok(tcsetattr(terminal, OptionalActions::Flush, before)?)
    }
}

#[cfg(not(unix))]
mod terminal {
    use std::io;

    pub(super) fn ask(_: &str) -> io::Result<Option<Vec<u8>>> {
        Err(io::Error::new(
            io::ErrorKind::Unsupported,
            "this system has no way to hide what is typed; use --password-file",
        ))
    }
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
