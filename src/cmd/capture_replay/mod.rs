//! `midge capture-replay`: publishes again what clients published in a capture, or what servers
//! delivered.
//!
//! ```text
//! reader (a thread)  ->  source: records to steps  ->  conductor: each at its time  ->  players
//! ```

mod conductor;
mod player;
mod reader;
mod schedule;
mod source;
mod speed;

use std::hash::{BuildHasher, Hasher, RandomState};
use std::io;
use std::time::Duration;

use self::conductor::Outcome;
use self::player::Tally;
use self::reader::{Counts, Input, Reading};
use self::speed::Speed;
use super::connect::{self, ConnectPlan, Session};
use super::{Exit, Failure, note, version};
use crate::capture::CaptureError;
use crate::cli;
use crate::client::Address;
use crate::mqtt::{Side, Version};
use crate::output::replay::{self as summary, Lateness, Played, Summary};

/// What to replay, and how, checked.
#[derive(Debug)]
struct Plan {
    file: String,
    /// Whose PUBLISH packets to play, if that was said.
    from: Option<Side>,
    connect: ConnectPlan,
    /// What every client identifier begins with.
    client_id: String,
    /// The version of every session, instead of the captured one.
    version: Option<Version>,
    speed: Speed,
    yes: bool,
    dry_run: bool,
    json: bool,
}

impl Plan {
    fn new(args: &cli::CaptureReplay) -> Result<Plan, Failure> {
        let mut connection = args.connection.clone();
        let version = match connection.protocol_version.as_deref() {
            None | Some(cli::CaptureReplay::AS_CAPTURED) => None,
            Some(text) => Some(version::parse(text)?),
        };
        if version.is_none() {
            connection.protocol_version = None;
        }
        let connect = ConnectPlan::new(&connection, Session::default(), connect::env)?;
        if connect.topic.is_some() && args.connection.url.is_some() {
            return Err(Failure::usage(
                "the topics come from the capture: give -L without one",
            ));
        }
        let options = &connect.options.connect;
        if version.is_none() && options.password.is_some() && options.username.is_none() {
            return Err(Failure::usage(
                "a password without a user name is not possible before MQTT 5.0: \
                 give -u too, or -V 5",
            ));
        }
        Ok(Plan {
            file: args.file.clone(),
            from: args.deliveries.then_some(Side::Server),
            client_id: match &args.connection.id {
                Some(id) => format!("{id}-"),
                None => random_client_id(),
            },
            connect,
            version,
            speed: Speed::parse(&args.speed)?,
            yes: args.yes,
            dry_run: args.dry_run,
            json: args.json,
        })
    }

    /// A capture from production must not reach production by a forgotten flag.
    fn check_target(&self) -> Result<(), Failure> {
        if self.yes || self.dry_run {
            return Ok(());
        }
        let target = &self.connect.options.target;
        if target.proxy.is_some() || matches!(target.address, Address::Srv(_)) {
            return Err(Failure::usage(format!(
                "who answers for {target} is known only behind a proxy (--proxy) or in SRV records \
                 (-S): give --yes to play the capture there, or --dry-run to see what would be \
                 played"
            )));
        }
        let addresses = target
            .resolve()
            .map_err(|error| self.connect.connect_failure(&error.into()))?;
        match addresses
            .iter()
            .find(|address| !address.ip().to_canonical().is_loopback())
        {
            None => Ok(()),
            Some(address) => Err(Failure::usage(format!(
                "{target} is not on this machine ({}): give --yes to play the capture there, \
                 or --dry-run to see what would be played",
                address.ip()
            ))),
        }
    }
}

/// Runs the subcommand.
///
/// # Errors
/// One sentence and an exit code; what could be played has been played by then.
pub fn run(args: &cli::CaptureReplay) -> Result<Exit, Failure> {
    let plan = Plan::new(args)?;
    plan.check_target()?;
    let input = Input::open(&plan.file, plan.from)?;
    let name = input.name.clone();
    if plan.dry_run {
        return dry_run(&plan, &name, input);
    }
    let runtime = connect::runtime()?;
    let players = tokio::task::LocalSet::new();
    let outcome = players.block_on(&runtime, async {
        conductor::conduct(&plan, reader::read(input)?).await
    })?;
    finish(&plan, &name, outcome)
}

fn dry_run(plan: &Plan, name: &str, input: Input) -> Result<Exit, Failure> {
    let mut source = Reading::new(input);
    let damage = loop {
        match source.next_step() {
            Ok(Some(_)) => {}
            Ok(None) => break None,
            Err(error) => break Some(error),
        }
    };
    let counts = source.counts();
    check_messages(plan.from, name, &counts, damage.as_ref())?;
    show(plan, &summarize(plan, name, &counts, None))?;
    match damage {
        Some(error) => Err(damaged(name, &error, "was counted")),
        None => Ok(Exit::Done),
    }
}

/// Shows how it went, and makes it an exit code.
fn finish(plan: &Plan, name: &str, outcome: Outcome) -> Result<Exit, Failure> {
    let counts = &outcome.counts;
    if outcome.signal.is_none() {
        check_messages(plan.from, name, counts, outcome.damage.as_ref())?;
    }
    let tally = outcome.tally.borrow();
    let played = Played {
        sent: tally.sent,
        acknowledged: tally.acknowledged,
        unacknowledged: tally.awaited - tally.acknowledged - tally.refused_by_server,
        refused: tally.refused.iter().map(|(&r, &n)| (r, n)).collect(),
        not_sent: counts.messages - tally.sent - tally.over_limits,
        failed: outcome.failed,
        properties_dropped: tally.properties_dropped,
        duration: outcome.duration,
        lateness: lateness(plan, &tally),
    };
    show(plan, &summarize(plan, name, counts, Some(played)))?;
    // What is worst is said last, and is the exit code.
    let mut failures: Vec<Failure> = tally.first_refusal.iter().cloned().collect();
    if let Some(error) = &outcome.damage {
        failures.push(damaged(name, error, "was played"));
    }
    failures.extend(outcome.failures.iter().rev().cloned());
    let last = match outcome.signal {
        Some(_) => None,
        None => failures.pop(),
    };
    for failure in failures {
        note(&failure);
    }
    match (outcome.signal, last) {
        (Some(exit), _) => Ok(exit),
        (None, Some(failure)) => Err(failure),
        (None, None) => Ok(Exit::Done),
    }
}

/// A capture in which there is nothing to play is a mistake.
fn check_messages(
    from: Option<Side>,
    name: &str,
    counts: &Counts,
    damage: Option<&CaptureError>,
) -> Result<(), Failure> {
    if counts.messages > 0 {
        return Ok(());
    }
    let stats = &counts.stats;
    let mut message = format!("{name}: ");
    if let Some(error) = damage {
        message.push_str(&format!("{error}; "));
        if stats.frames == 0 {
            message.push_str("nothing was played");
            return Err(Failure::new(Exit::Io, message));
        }
    }
    message.push_str(&format!(
        "there is no PUBLISH {} to play in {} frames with {} TCP connections, {} of them with MQTT",
        match from {
            Some(Side::Server) => "of a server",
            _ => "of a client",
        },
        stats.frames,
        stats.streams,
        stats.mqtt_streams
    ));
    if counts.others > 0 {
        message.push_str(match from {
            Some(Side::Server) => "; clients publish in it: leave out --deliveries",
            _ => "; --deliveries plays what servers delivered",
        });
    }
    let skipped: Vec<_> = counts
        .skips
        .iter()
        .map(|(what, count)| format!("{} {count}", what.replace('_', " ")))
        .collect();
    if !skipped.is_empty() {
        message.push_str(&format!(" (skipped: {})", skipped.join(", ")));
    }
    Err(Failure::new(Exit::Io, message))
}

fn damaged(name: &str, error: &CaptureError, what_came_before: &str) -> Failure {
    Failure::new(
        Exit::Io,
        format!("{name}: {error}; what came before it {what_came_before}"),
    )
}

fn summarize(plan: &Plan, name: &str, counts: &Counts, played: Option<Played>) -> Summary {
    let target = (!plan.dry_run).then(|| plan.connect.options.target.to_string());
    Summary {
        file: name.to_owned(),
        target,
        speed: plan.speed.to_string(),
        clients: counts.sessions,
        messages: counts.messages,
        skips: counts.skips,
        captured: counts.captured,
        played,
    }
}

fn lateness(plan: &Plan, tally: &Tally) -> Option<Lateness> {
    if plan.speed == Speed::Max || tally.lateness.is_empty() {
        return None;
    }
    let at = |quantile| Duration::from_micros(tally.lateness.value_at_quantile(quantile));
    Some(Lateness {
        p50: at(0.5),
        p90: at(0.9),
        p99: at(0.99),
        p999: at(0.999),
        max: Duration::from_micros(tally.lateness.max()),
    })
}

/// Writes the summary; whether anybody reads it does not matter.
fn show(plan: &Plan, summary: &Summary) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    let written = match plan.json {
        true => summary::write_json(&mut out, summary),
        false => summary::write_text(&mut out, summary),
    };
    match written {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Failure::new(
            Exit::Io,
            format!("cannot write to stdout: {error}"),
        )),
        _ => Ok(()),
    }
}

/// With the number of a session in four hex digits: the 23 characters that every 3.1 server takes.
fn random_client_id() -> String {
    // The standard library seeds its hashers from the system's random numbers.
    let mut hasher = RandomState::new().build_hasher();
    hasher.write_u32(std::process::id());
    format!("midge-replay-{:06x}", hasher.finish() & 0xff_ffff)
}
