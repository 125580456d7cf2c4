//! `midge decode`: packets from text, as bytes or in a capture, shown as a tree, as lines or as
//! JSON.

mod aliases;
mod bytes;
mod captured;
mod connections;
mod input;
mod key_log;
mod lint;
mod messages;
mod needs;
mod order;
mod reading;
mod select;
mod selector;
mod show;
mod stats;
mod text;
mod totals;
mod transcript;
mod unpack;
mod write;

use std::io::{self, BufWriter, Cursor, Read, Write};
use std::path::Path;
use std::sync::Arc;

use super::{Exit, Failure, note, version};
use crate::cli;
use crate::mqtt::rule::Severity;
use crate::mqtt::{Side, Version};
use crate::mqttsn::Predefined;
use crate::output::colour;
use crate::output::payload::{Decoder, Rules};
use crate::output::time::Times;
use bytes::Broken;
use input::Input;
pub(super) use key_log::check as check_key_log;
use needs::Needs;
pub(super) use reading::Records;
use select::Select;
pub(super) use select::Select as Selection;
pub(super) use selector::Selector;
use show::Show;
pub(super) use transcript::transcribe;
pub(super) use unpack::{Unpacked, unless_capture};

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
    times: Times,
    summary: bool,
    lint: Option<Severity>,
    stats: bool,
    show_secrets: bool,
    raw: bool,
    payloads: Rules,
    select: Select,
    write: Option<String>,
    needs: Needs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum View {
    Tree,
    Hex,
    Lines,
    Flow,
    Json,
    /// `--write` alone.
    Nothing,
}

impl Plan {
    fn new(args: &cli::Decode) -> Result<Plan, Failure> {
        if args.json && args.time.is_some() {
            let what = "--time is for lines and diagrams: JSON has all times in UTC";
            return Err(Failure::usage(what));
        }
        let others = [
            (args.hex, "--hex"),
            (args.flow, "--flow"),
            (args.summary, "--summary"),
            (args.stats, "--stats"),
        ];
        if let (false, Some((_, view))) =
            (args.payload.is_empty(), others.iter().find(|(is, _)| *is))
        {
            return Err(Failure::usage(format!(
                "--payload is for --tree, --lines and --json, and {view} does not show what is in \
                 a payload"
            )));
        }
        let ports = select::ports("--port", &args.port)?;
        let not_ports = select::ports("--not-port", &args.not_port)?;
        if let Some(port) = ports.iter().find(|port| not_ports.contains(port)) {
            return Err(Failure::usage(format!(
                "--port {port} and --not-port {port} exclude each other"
            )));
        }
        Ok(Plan {
            version: args
                .mqtt_version
                .as_deref()
                .map(version::parse)
                .transpose()?,
            from: args.selection.from.map(|side| match side {
                cli::From::Client => Side::Client,
                cli::From::Server => Side::Server,
            }),
            ports,
            not_ports,
            key_log: args.keylog.clone(),
            sn_topics: match &args.sn_topics {
                Some(file) => Arc::new(sn_topics(file)?),
                None => Arc::default(),
            },
            view: if args.json {
                Some(View::Json)
            } else if args.tree {
                Some(View::Tree)
            } else if args.hex {
                Some(View::Hex)
            } else if args.flow {
                Some(View::Flow)
            } else if args.lines {
                Some(View::Lines)
            } else if args.write.is_some() {
                Some(View::Nothing)
            } else {
                None
            },
            times: match args.time {
                None | Some(cli::Times::Relative) => Times::Relative,
                Some(cli::Times::Delta) => Times::Delta,
                Some(cli::Times::Clock) => Times::Clock,
                Some(cli::Times::Utc) => Times::Utc,
            },
            summary: args.summary || args.stats,
            stats: args.stats,
            lint: args.lint.map(|severity| match severity {
                cli::Severity::Error => Severity::Error,
                cli::Severity::Warning => Severity::Warning,
                cli::Severity::Info => Severity::Info,
            }),
            show_secrets: args.show_secrets,
            raw: args.raw,
            payloads: payload_rules(&args.payload)?,
            select: Select::new(&args.selection)?,
            write: args.write.clone(),
            needs: Needs::of(args),
        })
    }
}

/// Reads each `FILTER=DECODER`; a filter may have an equals sign, a decoder has none.
fn payload_rules(words: &[String]) -> Result<Rules, Failure> {
    let mut rules = Rules::default();
    for word in words {
        let fail = |what: String| {
            let shown = word.escape_debug();
            Failure::usage(format!("--payload '{shown}': {what}"))
        };
        let (filter, name) = word
            .rsplit_once('=')
            .ok_or_else(|| fail("it takes FILTER=DECODER".into()))?;
        let decoder = Decoder::named(name).ok_or_else(|| {
            let names: Vec<&str> = Decoder::ALL.iter().map(|(name, _)| *name).collect();
            fail(format!("the decoders are {}", names.join(", ")))
        })?;
        rules.add(filter, decoder).map_err(|error| match filter {
            "" => fail("a topic filter comes before the '='; '#' is for all topics".into()),
            _ => fail(format!("of the filter, {error}")),
        })?;
    }
    Ok(rules)
}

/// Reads the names of predefined topic ids.
pub(super) fn sn_topics(file: &str) -> Result<Predefined, Failure> {
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
    // `--lint error FILE` is what many type; clap takes the severity for an input.
    let severity = |word: &&String| matches!(word.as_str(), "error" | "warning" | "info");
    if args.lint.is_some()
        && let Some(word) = args.input.iter().find(severity)
        && !Path::new(word).exists()
    {
        return Err(Failure::usage(format!(
            "--lint takes its severity with an equals sign: --lint={word}"
        )));
    }
    let input = Input::open(&args.input, args.input_format)?;
    let mut out = BufWriter::with_capacity(1 << 16, io::stdout().lock());
    let result = match input {
        Input::Text { name, text } => decode_text(&name, &text, args.input_format, &plan, &mut out),
        Input::Packets { name, bytes } => decode_packets(&name, &bytes, None, &plan, &mut out),
        Input::Capture { name, reader, live } => {
            decode_capture(&name, reader, None, live, &plan, &mut out)
        }
    };
    match (result, out.flush().map_err(Stop::from)) {
        (Err(Stop::Failure(failure)), _) | (Ok(_), Err(Stop::Failure(failure))) => Err(failure),
        (Ok(exit), _) => Ok(exit),
        _ => Ok(Exit::Done),
    }
}

/// A text is packets, or frames that are a capture.
fn decode_text(
    name: &str,
    text: &str,
    format: Option<cli::InputFormat>,
    plan: &Plan,
    out: &mut dyn Write,
) -> Result<Exit, Stop> {
    let content = text::read(text, format);
    if let Some(left_out) = content.note {
        note(format_args!("{name}: {left_out}"));
    }
    match content.capture {
        Some((file, frames)) => {
            plan.needs.refuse_frames_without_times(name)?;
            let what = match frames {
                1 => "a frame".into(),
                _ => format!("{frames} frames"),
            };
            note(format_args!(
                "{name}: {what} with IP headers, read as a capture without times"
            ));
            let again = write::Again::Bytes(file.clone());
            let shown = decode_capture(
                name,
                Box::new(Cursor::new(file)),
                Some(again),
                false,
                plan,
                out,
            )?;
            match content.error {
                None => Ok(shown),
                Some(error) => Err(Failure::new(Exit::Io, format!("{name}: {error}")).into()),
            }
        }
        None => decode_packets(name, &content.bytes, content.error, plan, out),
    }
}

fn decode_packets(
    name: &str,
    bytes: &[u8],
    error: Option<String>,
    plan: &Plan,
    out: &mut dyn Write,
) -> Result<Exit, Stop> {
    plan.needs.refuse_packets(name)?;
    let mut show = Show::new(plan, View::Tree, out);
    let broken = bytes::decode(name, bytes, error, plan, &mut show)?;
    let end = show.finish(name, broken.is_none())?;
    match (broken, end) {
        (None, end) => Ok(end),
        // That is what lint has found.
        (Some(Broken::Malformed(_)), Exit::Verdict) => Ok(Exit::Verdict),
        (Some(Broken::Malformed(what) | Broken::Cut(what)), _) => {
            Err(Failure::new(Exit::Io, what).into())
        }
    }
}

/// `again`: the same capture once more, if it is neither a file nor comes from a pipe.
fn decode_capture(
    name: &str,
    reader: Box<dyn Read>,
    again: Option<write::Again>,
    live: bool,
    plan: &Plan,
    out: &mut dyn Write,
) -> Result<Exit, Stop> {
    if let Some(log) = &plan.key_log {
        key_log::check(log)?;
    }
    let (reader, again) = match &plan.write {
        Some(target) => {
            let shown = plan.view.filter(|_| !plan.summary && plan.lint.is_none());
            write::check(name, target, shown)?;
            match again {
                Some(again) => (reader, Some(again)),
                None => {
                    let (reader, again) = write::twice(name, reader)?;
                    (reader, Some(again))
                }
            }
        }
        None => (reader, None),
    };
    let mut show = Show::new(plan, View::Lines, out);
    show.flush_each = live;
    let result = captured::decode(name, reader, plan, &mut show);
    let pick = show.take_pick();
    // What was counted before something failed is worth as much as what was shown.
    let end = show.finish(name, result.is_ok());
    let written = match (pick, &plan.write, again) {
        (Some(mut pick), Some(target), Some(again)) => {
            write::write(name, again, &mut pick, target, out)
        }
        _ => Ok(()),
    };
    let end = result.and(end)?;
    written.map_err(Stop::from)?;
    Ok(end)
}
