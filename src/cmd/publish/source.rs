//! Where the payloads of `midge pub` come from.

use std::io::{self, Read};
use std::path::PathBuf;

use bytes::Bytes;

use crate::cli;
use crate::cmd::{Exit, Failure};

/// Exactly one of -m, -f, -s, -l and -n.
#[derive(Debug)]
pub(super) enum Source {
    /// One message, from the command line; without payload with -n.
    Message(Bytes),
    /// One message: a file.
    File(PathBuf),
    /// One message: all of stdin.
    Stdin,
    /// Messages: lines of stdin.
    Lines,
}

impl Source {
    pub(super) fn new(args: &cli::Publish) -> Result<Source, Failure> {
        let mut sources = Vec::new();
        if let Some(text) = &args.message {
            sources.push(Source::Message(Bytes::copy_from_slice(text.as_bytes())));
        }
        if let Some(path) = &args.file {
            sources.push(Source::File(path.clone()));
        }
        if args.stdin_file {
            sources.push(Source::Stdin);
        }
        if args.stdin_line {
            sources.push(Source::Lines);
        }
        if args.null_message {
            sources.push(Source::Message(Bytes::new()));
        }
        match (sources.pop(), sources.is_empty()) {
            (Some(source), true) => Ok(source),
            (None, _) => Err(Failure::usage(
                "no message to publish: give one of -m, -f, -s, -l and -n",
            )),
            (Some(_), false) => Err(Failure::usage(
                "more than one message source: give only one of -m, -f, -s, -l and -n",
            )),
        }
    }

    /// The one message; `None` if the messages are lines of stdin.
    pub(super) fn read(&self) -> Result<Option<Bytes>, Failure> {
        match self {
            Source::Message(payload) => Ok(Some(payload.clone())),
            Source::File(path) => match std::fs::read(path) {
                Ok(payload) => Ok(Some(payload.into())),
                Err(error) => Err(Failure::new(
                    Exit::Io,
                    format!("cannot read {}: {error}", path.display()),
                )),
            },
            Source::Stdin => {
                let mut payload = Vec::new();
                io::stdin()
                    .lock()
                    .read_to_end(&mut payload)
                    .map_err(|error| stdin_failure(&error))?;
                Ok(Some(payload.into()))
            }
            Source::Lines => Ok(None),
        }
    }
}

/// Stdin cannot be read.
pub(super) fn stdin_failure(error: &io::Error) -> Failure {
    Failure::new(Exit::Io, format!("cannot read stdin: {error}"))
}
