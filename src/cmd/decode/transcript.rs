//! A capture as JSON lines while it grows, for whoever makes it.

use std::io::{BufWriter, Read, Write};

use super::{Plan, Show, Stop, View, captured};
use crate::cli;
use crate::cmd::Failure;

/// Reads a capture to its end and writes what `decode --json` shows of it, each line as soon as it
/// is there. Streams with one of these TCP ports are MQTT, whatever they begin with.
///
/// # Errors
/// What is wrong with the capture, or with `out`, whose name is `name`.
pub(in crate::cmd) fn transcribe(
    name: &str,
    capture: Box<dyn Read>,
    ports: Vec<u16>,
    out: impl Write,
) -> Result<(), Failure> {
    let plan = Plan {
        ports,
        ..Plan::new(&cli::Decode {
            json: true,
            ..cli::Decode::default()
        })?
    };
    let mut out = BufWriter::new(out);
    let mut show = Show::new(&plan, View::Json, &mut out);
    show.flush_each = true;
    match captured::read(name, capture, &plan, &mut show) {
        Ok(_) | Err(Stop::ClosedPipe) => Ok(()),
        Err(Stop::Failure(failure)) => Err(Failure::new(
            failure.exit,
            failure.message.replace("stdout", name),
        )),
    }
}
