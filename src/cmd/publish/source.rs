//! Where the payloads of `midge pub` come from.

use std::fs::File;
use std::io::{self, Read};
use std::path::PathBuf;

use bytes::Bytes;

use crate::cli;
use crate::cmd::{Exit, Failure};
use crate::mqtt::varint;

/// Exactly one of -m, -f, -s, -l and -n.
#[derive(Debug)]
pub(in crate::cmd) enum Source {
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
    /// Of the flags of rr, which has no -l.
    pub(in crate::cmd) fn of_request(args: &cli::Request) -> Result<Source, Failure> {
        Source::new(&cli::Publish {
            message: args.message.clone(),
            file: args.file.clone(),
            stdin_file: args.stdin_file,
            null_message: args.null_message,
            ..cli::Publish::default()
        })
    }

    pub(in crate::cmd) fn is_stdin(&self) -> bool {
        matches!(self, Source::Stdin)
    }

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
    pub(in crate::cmd) fn read(&self) -> Result<Option<Bytes>, Failure> {
        match self {
            Source::Message(payload) => Ok(Some(payload.clone())),
            Source::File(path) => {
                let name = path.display();
                let file = File::open(path).and_then(read_payload);
                let payload = file.map_err(|error| {
                    Failure::new(Exit::Io, format!("cannot read {name}: {error}"))
                })?;
                Ok(Some(payload))
            }
            Source::Stdin => {
                let payload = read_payload(io::stdin().lock());
                Ok(Some(payload.map_err(|error| stdin_failure(&error))?))
            }
            Source::Lines => Ok(None),
        }
    }
}

/// Everything, unless that is more than any MQTT packet can hold: the input may have no end.
fn read_payload(input: impl Read) -> io::Result<Bytes> {
    let mut payload = Vec::new();
    input
        .take(u64::from(varint::MAX) + 1)
        .read_to_end(&mut payload)?;
    if payload.len() > varint::MAX as usize {
        return Err(io::Error::other(format!(
            "it is larger than an MQTT packet can be, {} bytes",
            varint::MAX
        )));
    }
    Ok(payload.into())
}

/// Stdin cannot be read.
pub(super) fn stdin_failure(error: &io::Error) -> Failure {
    Failure::new(Exit::Io, format!("cannot read stdin: {error}"))
}
