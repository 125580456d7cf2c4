//! Where the payloads of `midge pub` come from.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use bytes::Bytes;

use super::line::Form;
use super::lines::LineInput;
use crate::cli;
use crate::cmd::typed_bytes::bytes_of;
use crate::cmd::{Exit, Failure};
use crate::mqtt::varint;

/// Exactly one of -m, -f, -s, -l and -n, or lines in another form.
#[derive(Debug)]
pub(super) enum Source {
    /// One message, from the command line.
    Message(Bytes),
    /// One message without payload.
    Null,
    /// One message: a file.
    File(PathBuf),
    /// One message: all of stdin.
    Stdin,
    /// Messages: lines of a file, or of stdin.
    Lines(Form, Option<PathBuf>),
}

/// What a source has.
#[derive(Debug)]
pub(super) enum Input {
    /// The one message.
    Payload(Bytes),
    /// Lines, each a message.
    Lines(Form, LineInput),
}

impl Source {
    pub(super) fn new(args: &cli::Publish) -> Result<Source, Failure> {
        let form = match (args.json_lines, args.lines_with_topic) {
            (true, _) => Some(("--json-lines", Form::Json)),
            (_, true) => Some(("--lines-with-topic", Form::Topic)),
            _ => None,
        };
        if let Some((flag, form)) = form {
            if args.message.is_some() || args.stdin_file || args.null_message {
                return Err(Failure::usage(format!(
                    "{flag} reads messages from stdin or from -f: give none of -m, -s and -n"
                )));
            }
            return Ok(Source::Lines(form, args.file.clone()));
        }
        let mut sources = Vec::new();
        if let Some(text) = &args.message {
            sources.push(Source::Message(Bytes::copy_from_slice(bytes_of(
                "-m", text,
            )?)));
        }
        if let Some(path) = &args.file {
            sources.push(Source::File(path.clone()));
        }
        if args.stdin_file {
            sources.push(Source::Stdin);
        }
        if args.stdin_line {
            sources.push(Source::Lines(Form::Payload, None));
        }
        if args.null_message {
            sources.push(Source::Null);
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

    /// Whether every message brings its topic.
    pub(super) fn has_topics(&self) -> bool {
        matches!(self, Source::Lines(Form::Topic, _))
    }

    /// Reads the one message, or opens what has the lines.
    pub(super) fn open(&self) -> Result<Input, Failure> {
        Ok(match self {
            Source::Message(payload) => Input::Payload(payload.clone()),
            Source::Null => Input::Payload(Bytes::new()),
            Source::File(path) => Input::Payload(read_file(path)?),
            Source::Stdin => Input::Payload(read_stdin()?),
            Source::Lines(form, None) => Input::Lines(*form, LineInput::stdin()),
            Source::Lines(form, Some(path)) => {
                let input = File::open(path).map(|file| LineInput::file(path, file));
                Input::Lines(*form, input.map_err(|error| file_failure(path, &error))?)
            }
        })
    }
}

/// A file as one message.
pub(in crate::cmd) fn read_file(path: &Path) -> Result<Bytes, Failure> {
    let payload = File::open(path).and_then(read_payload);
    payload.map_err(|error| file_failure(path, &error))
}

/// All of stdin as one message.
pub(in crate::cmd) fn read_stdin() -> Result<Bytes, Failure> {
    read_payload(io::stdin().lock()).map_err(|error| read_failure("stdin", &error))
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

fn file_failure(path: &Path, error: &io::Error) -> Failure {
    read_failure(&path.display().to_string(), error)
}

/// Something cannot be read.
pub(super) fn read_failure(name: &str, error: &io::Error) -> Failure {
    Failure::new(Exit::Io, format!("cannot read {name}: {error}"))
}
