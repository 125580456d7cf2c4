//! `midge capture-replay`: plays again what clients did in a capture.
//!
//! ```text
//! reader (a thread)  ->  source: records to steps  ->  conductor: each at its time  ->  players
//! ```
//!
//! | file | what it is |
//! |---|---|
//! | `plan` | what was typed, checked |
//! | `input`, `lines` | the file, opened: a capture, or JSON lines |
//! | `source` | records to steps |
//! | `rewrite` | what becomes of names, topics and payloads |
//! | `schedule`, `speed` | when each step is due |
//! | `part` | what of the capture is played, where only some is selected |
//! | `ledger` | what the broker still has to answer before the next one |
//! | `player` | one session at the broker |
//! | `verify` | the broker's answers beside the captured ones |
//! | `report` | the summary and the exit code |
//! | `tap` | the recording of the replay |

mod conductor;
mod delivery;
mod input;
mod ledger;
mod lines;
mod part;
mod plan;
mod player;
mod reader;
mod report;
mod rewrite;
mod schedule;
mod shared;
mod show;
mod source;
mod speed;
mod step;
mod tap;
mod verify;

use std::io::{self, BufRead, IsTerminal, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use self::conductor::Outcome;
use self::plan::Plan;
use self::reader::Counts;
use self::report::{
    MADE_UP_SHOWN, check_found, damaged, finish, show, show_differences, summarize,
};
use self::schedule::Clock;
use self::shared::Shared;
use self::show::Show;
use self::source::Inferred;
use self::step::Action;
use self::tap::Taps;
use super::connect;
use super::embedded::Embedded;
use super::signals::Signals;
use super::{Exit, Failure, note};
use crate::cli;
use crate::client::Address;
use crate::output::replay::{self as summary, Summary, Verdict};

/// The port of MQTT.
const MQTT: u16 = 1883;

/// Runs the subcommand.
///
/// # Errors
/// One sentence and an exit code; what could be played has been played by then.
pub fn run(args: &cli::CaptureReplay) -> Result<Exit, Failure> {
    let mut plan = Plan::new(args)?;
    let doubt = plan.doubt()?;
    if let Some(why) = &doubt
        && !can_ask(&plan)
    {
        return Err(Failure::usage(format!(
            "{why}: give --yes to play the capture there, or --dry-run to see what would be played"
        )));
    }
    plan.input.check()?;
    if is_of_subscribers(&mut plan)? {
        let name = plan.input.name();
        match plan.verify {
            false => {
                note(format_args!(
                    "{name}: no client publishes in it: what servers delivered is played"
                ));
                plan.play_deliveries();
            }
            true => note(format_args!(
                "{name}: no client publishes in it, and what servers delivered comes only if the \
                 broker has it: without --verify it is played"
            )),
        }
    }
    if plan.verify && plan.settings.select.is_some() {
        note(
            "only a part of the capture is played: of what clients were sent, the messages of this \
             part to its subscriptions are compared",
        );
    }
    let inferred = infer(&plan)?;
    if plan.dry_run {
        return dry_run(&plan, inferred);
    }
    if let Some(why) = &doubt {
        ask(&plan, why, inferred.clone())?;
    }
    let embedded = match plan.embedded {
        true => Some(Embedded::start(std::iter::empty::<&str>())?),
        false => None,
    };
    if let Some(embedded) = &embedded {
        let address = embedded.address();
        plan.connect.options.target.address = Address::Tcp {
            host: address.ip().to_string(),
            port: address.port(),
        };
    }
    let played = play(&plan, inferred);
    // What the replay has to say comes first.
    let ended = embedded.map_or(Ok(()), Embedded::end);
    played.and_then(|exit| ended.map(|()| exit))
}

/// What was played in all rounds.
#[derive(Default)]
struct Total {
    counts: Counts,
    outcome: Outcome,
    verdict: Option<Verdict>,
    /// Differences from the second round on.
    again: u64,
}

impl Total {
    fn add(&mut self, mut outcome: Outcome) {
        self.counts.found.add(&outcome.counts.found);
        self.counts.skips = outcome.counts.skips;
        self.counts.stats = outcome.counts.stats;
        let total = &mut self.outcome;
        total.duration += outcome.duration;
        total.sending += outcome.sending;
        total.failures.append(&mut outcome.failures);
        total.failed += outcome.failed;
        if total.made_up.is_empty() {
            total.made_up = outcome.made_up;
        }
        total.passwords += outcome.passwords;
        total.refused_as_captured += outcome.refused_as_captured;
        total.damage = total.damage.take().or(outcome.damage);
        total.signal = outcome.signal;
        total.is_broken_off = outcome.is_broken_off;
    }
}

fn play(plan: &Plan, inferred: Inferred) -> Result<Exit, Failure> {
    let taps = match &plan.out {
        Some(path) => Some(Taps::create(path, server(plan))?),
        None => None,
    };
    let show = plan.embedded.then(|| Show::new(plan.json));
    let is_part = plan.settings.select.is_some() && plan.is_sessions;
    let shared = Rc::new(Shared::new(plan.verify, is_part, show)?);
    let runtime = connect::runtime()?;
    let players = tokio::task::LocalSet::new();
    let mut total = Total::default();
    players.block_on(&runtime, async {
        let mut signals = Signals::new()?;
        let mut round = 0;
        while plan.rounds.is_none_or(|rounds| round < rounds) {
            round += 1;
            let (input, settings) = (plan.input.clone(), Arc::clone(&plan.settings));
            let known = inferred.clone();
            let open = move || input.open(&settings, known, round);
            let batches = reader::read(open, plan.input.is_live())?;
            shared.start_round();
            let outcome =
                conductor::conduct(plan, &shared, taps.as_ref(), &mut signals, batches).await?;
            total.add(outcome);
            if let Some(verified) = shared.verified() {
                let verdict = total.verdict.get_or_insert_default();
                if round > 1 {
                    total.again += verified.found;
                }
                verdict.compared += verified.compared;
                verdict.differences += verified.found;
                show_differences(plan, &verified.differences)?;
            }
            let outcome = &total.outcome;
            if outcome.signal.is_some() || outcome.is_broken_off || outcome.damage.is_some() {
                break;
            }
        }
        Ok::<(), Failure>(())
    })?;
    let recorded = taps.map_or(Ok(()), Taps::finish);
    if let (Some(path), Ok(())) = (&plan.out, &recorded) {
        tell_port(path, server(plan).port());
    }
    let tally = shared.tally.borrow();
    finish(plan, total, &tally).and_then(|exit| recorded.map(|()| exit))
}

/// Other programs know MQTT by its port.
fn tell_port(path: &Path, port: u16) {
    let is_lines = path.extension().is_some_and(|ext| ext != "pcapng");
    if port != MQTT && !is_lines {
        note(format_args!(
            "{}: to read it, tshark has to be told its port: tshark -d tcp.port=={port},mqtt",
            path.display()
        ));
    }
}

/// The broker's address in a recording.
fn server(plan: &Plan) -> SocketAddr {
    let target = &plan.connect.options.target;
    let port = match &target.address {
        Address::Tcp { port, .. } => *port,
        _ => MQTT,
    };
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

/// Whether no client does anything but subscribe, and servers deliver something; where it is played
/// as it is, that is not asked.
fn is_of_subscribers(plan: &mut Plan) -> Result<bool, Failure> {
    if !plan.may_be_of_subscribers {
        return Ok(false);
    }
    if plan.input.is_live() {
        return plan.input.look_at_stdin();
    }
    let Ok(mut source) = plan.input.open(&plan.settings, Inferred::default(), 0) else {
        return Ok(false);
    };
    // What is wrong with it is said when it is played.
    while let Ok(Some(step)) = source.next_step() {
        let publishes = match &step.action {
            Action::Publish(_) => true,
            Action::Open(opening) => opening.connect.will.is_some(),
            _ => false,
        };
        if publishes {
            return Ok(false);
        }
    }
    Ok(source.found().others > 0)
}

/// The subscriptions that were not captured, if they are wanted.
fn infer(plan: &Plan) -> Result<Inferred, Failure> {
    if !plan.settings.infers {
        return Ok(Inferred::default());
    }
    let mut source = plan.input.open(&plan.settings, Inferred::default(), 0)?;
    // What is wrong with it is said when it is played.
    while let Ok(Some(_)) = source.next_step() {}
    Ok(source.take_inferred())
}

/// Reads all of it, and says what would be played.
fn survey(plan: &Plan, inferred: Inferred) -> Result<(Summary, Option<Failure>), Failure> {
    let mut source = plan.input.open(&plan.settings, inferred, 1)?;
    let mut clock = Clock::new(plan.pace);
    let mut longest = Duration::ZERO;
    let mut made_up = Vec::new();
    let damage = loop {
        match source.next_step() {
            Ok(Some(step)) => {
                clock.start_at(step.time.into_iter());
                if let Action::Open(opening) = &step.action
                    && opening.is_made_up
                    && plan.is_sessions
                    && made_up.len() < MADE_UP_SHOWN
                    && !made_up.contains(&opening.client)
                {
                    made_up.push(opening.client);
                }
                let is_message = matches!(step.action, Action::Publish(_));
                longest = longest.max(clock.due(step.time, is_message));
            }
            Ok(None) => break None,
            Err(failure) => break Some(failure),
        }
    };
    let counts = Counts::of(&source);
    check_found(plan, &counts, damage.as_ref())?;
    let mut summary = summarize(plan, &counts, &made_up, None);
    summary.planned = Some(longest);
    Ok((summary, damage))
}

fn dry_run(plan: &Plan, inferred: Inferred) -> Result<Exit, Failure> {
    let (summary, damage) = survey(plan, inferred)?;
    show(plan, &summary)?;
    match damage {
        Some(failure) => Err(damaged(failure, "was counted")),
        None => Ok(Exit::Done),
    }
}

/// Whether somebody can be asked, and the capture can be read for that.
fn can_ask(plan: &Plan) -> bool {
    !plan.input.is_live() && !plan.json && io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Shows the plan, and goes on only if somebody says so.
fn ask(plan: &Plan, why: &str, inferred: Inferred) -> Result<(), Failure> {
    let (summary, _) = survey(plan, inferred)?;
    let mut out = io::stderr().lock();
    let mut answer = String::new();
    let asked = summary::write_text(&mut out, &summary)
        .and_then(|()| write!(out, "{why}. Play it there? [y/N] "))
        .and_then(|()| out.flush())
        .and_then(|()| io::stdin().lock().read_line(&mut answer));
    match asked {
        Ok(_) if matches!(answer.trim(), "y" | "Y" | "yes") => Ok(()),
        _ => Err(Failure::usage("nothing was played")),
    }
}
