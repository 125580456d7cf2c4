//! `midge decode`: packets from hex text or a capture, shown as a tree, as lines or as JSON.

mod aliases;
mod captured;
mod hex_dump;
mod hex_text;
mod input;
mod lint;
mod messages;
mod show;

use std::io::{self, BufWriter, Write};
use std::sync::Arc;

use super::{Exit, Failure, version};
use crate::cli;
use crate::mqtt::rule::Severity;
use crate::mqtt::{Side, Version};
use crate::mqttsn::Predefined;
use crate::output::colour;
use input::Input;
use show::Show;

/// What to decode and how to show it, checked.
#[derive(Debug)]
struct Plan {
    version: Option<Version>,
    from: Option<Side>,
    ports: Vec<u16>,
    not_ports: Vec<u16>,
    key_log: Option<String>,
    sn_topics: Arc<Predefined>,
    view: Option<View>,
    summary: bool,
    lint: Option<Severity>,
    show_secrets: bool,
    raw: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum View {
    Tree,
    Lines,
    Json,
}

impl Plan {
    fn new(args: &cli::Decode) -> Result<Plan, Failure> {
        Ok(Plan {
            version: args
                .mqtt_version
                .as_deref()
                .map(version::parse)
                .transpose()?,
            from: args.from.map(|side| match side {
                cli::From::Client => Side::Client,
                cli::From::Server => Side::Server,
            }),
            ports: args.port.clone(),
            not_ports: args.not_port.clone(),
            key_log: args.keylog.clone(),
            sn_topics: match &args.sn_topics {
                Some(file) => Arc::new(sn_topics(file)?),
                None => Arc::default(),
            },
            view: if args.json {
                Some(View::Json)
            } else if args.tree {
                Some(View::Tree)
            } else if args.lines {
                Some(View::Lines)
            } else {
                None
            },
            summary: args.summary,
            lint: args.lint.map(|severity| match severity {
                cli::Severity::Error => Severity::Error,
                cli::Severity::Warning => Severity::Warning,
                cli::Severity::Info => Severity::Info,
            }),
            show_secrets: args.show_secrets,
            raw: args.raw,
        })
    }
}

/// Reads the names of predefined topic ids.
fn sn_topics(file: &str) -> Result<Predefined, Failure> {
    let failed = |what: &dyn std::fmt::Display| {
        Failure::new(Exit::Io, format!("cannot read the topics {file}: {what}"))
    };
    let text = std::fs::read_to_string(file).map_err(|error| failed(&error))?;
    Predefined::parse(&text).map_err(|error| failed(&error))
}

/// Why decoding stopped: a failure to report, or nobody reads the output any more.
#[derive(Debug)]
enum Stop {
    Failure(Failure),
    ClosedPipe,
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Stop {
        Stop::Failure(failure)
    }
}

/// Errors of stdout; those of the input are made into a [`Failure`] where their name is known.
impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Stop {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Stop::ClosedPipe,
            _ => Stop::Failure(Failure::new(
                Exit::Io,
                format!("cannot write to stdout: {error}"),
            )),
        }
    }
}

/// Runs the subcommand.
///
/// # Errors
/// If the input cannot be read or is damaged; what could be read has been shown by then.
pub fn run(args: &cli::Decode) -> Result<Exit, Failure> {
    let plan = Plan::new(args)?;
    match args.color {
        cli::Color::Auto => {}
        cli::Color::Always => colour::force(true),
        cli::Color::Never => colour::force(false),
    }
    let input = Input::open(&args.input)?;
    let mut out = BufWriter::with_capacity(1 << 16, io::stdout().lock());
    let result = match input {
        Input::Hex { name, text } => {
            let mut show = Show::new(&plan, View::Tree, &mut out);
            let result = hex_text::decode(&name, &text, &plan, &mut show);
            let end = show.finish(&name);
            result.and(end)
        }
        Input::Capture { name, reader, live } => {
            let mut show = Show::new(&plan, View::Lines, &mut out);
            show.flush_each = live;
            let result = captured::decode(&name, reader, &plan, &mut show);
            // What was counted before something failed is worth as much as what was shown.
            let end = show.finish(&name);
            result.and(end)
        }
    };
    match (result, out.flush().map_err(Stop::from)) {
        (Err(Stop::Failure(failure)), _) | (Ok(_), Err(Stop::Failure(failure))) => Err(failure),
        (Ok(exit), _) => Ok(exit),
        _ => Ok(Exit::Done),
    }
}
