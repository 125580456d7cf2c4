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
//! | `ledger` | what the broker still has to answer before the next one |
//! | `player` | one session at the broker |
//! | `verify` | the broker's answers beside the captured ones |
//! | `tap` | the recording of the replay |

mod conductor;
mod delivery;
mod input;
mod ledger;
mod lines;
mod plan;
mod player;
mod reader;
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
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use self::conductor::Outcome;
use self::plan::Plan;
use self::reader::Counts;
use self::schedule::Clock;
use self::shared::{Shared, Tally};
use self::show::Show;
use self::source::{Inferred, Mode};
use self::step::Action;
use self::tap::Taps;
use super::connect;
use super::embedded::Embedded;
use super::signals::Signals;
use super::{Exit, Failure, note};
use crate::cli;
use crate::client::Address;
use crate::mqtt::Side;
use crate::output::replay::{self as summary, Difference, Lateness, Played, Summary, Verdict};

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
    if plan.may_play_deliveries && is_of_subscribers(&plan) {
        note(format_args!(
            "{}: no client publishes in it: what servers delivered is played",
            plan.input.name()
        ));
        plan.play_deliveries();
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
}

impl Total {
    fn add(&mut self, mut outcome: Outcome) {
        self.counts.found.add(&outcome.counts.found);
        self.counts.skips = outcome.counts.skips;
        self.counts.stats = outcome.counts.stats;
        let total = &mut self.outcome;
        total.duration += outcome.duration;
        total.failures.append(&mut outcome.failures);
        total.failed += outcome.failed;
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
    let shared = Rc::new(Shared::new(plan.verify, show)?);
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
            if let Some(verify) = &shared.verify {
                let (differences, more, compared) = verify.take().finish();
                let verdict = total.verdict.get_or_insert_default();
                verdict.compared += compared;
                verdict.differences += differences.len() as u64 + more;
                show_differences(plan, &differences)?;
            }
            let outcome = &total.outcome;
            if outcome.signal.is_some() || outcome.is_broken_off || outcome.damage.is_some() {
                break;
            }
        }
        Ok::<(), Failure>(())
    })?;
    let recorded = taps.map_or(Ok(()), Taps::finish);
    let tally = shared.tally.borrow();
    finish(plan, total, &tally).and_then(|exit| recorded.map(|()| exit))
}

/// The broker's address in a recording.
fn server(plan: &Plan) -> SocketAddr {
    let target = &plan.connect.options.target;
    let port = match &target.address {
        Address::Tcp { port, .. } => *port,
        _ => 1883,
    };
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

/// Whether no client does anything but subscribe, and servers deliver something.
fn is_of_subscribers(plan: &Plan) -> bool {
    let Ok(mut source) = plan.input.open(&plan.settings, Inferred::default(), 0) else {
        return false;
    };
    // What is wrong with it is said when it is played.
    while let Ok(Some(step)) = source.next_step() {
        let publishes = match &step.action {
            Action::Publish(_) => true,
            Action::Open(opening) => opening.connect.will.is_some(),
            _ => false,
        };
        if publishes {
            return false;
        }
    }
    source.found().others > 0
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
    let damage = loop {
        match source.next_step() {
            Ok(Some(step)) => {
                clock.start_at(step.time.into_iter());
                let is_message = matches!(step.action, Action::Publish(_));
                longest = longest.max(clock.due(step.time, is_message));
            }
            Ok(None) => break None,
            Err(failure) => break Some(failure),
        }
    };
    let counts = Counts::of(&source);
    check_found(plan, &counts, damage.as_ref())?;
    let mut summary = summarize(plan, &counts, None);
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

/// Shows how it went, and makes it an exit code.
fn finish(plan: &Plan, total: Total, tally: &Tally) -> Result<Exit, Failure> {
    let Total {
        counts,
        outcome,
        verdict,
        ..
    } = total;
    if outcome.signal.is_none() && !outcome.is_broken_off {
        check_found(plan, &counts, outcome.damage.as_ref())?;
    }
    let found = &counts.found;
    let played = Played {
        sent: tally.sent,
        acknowledged: tally.acknowledged,
        unacknowledged: tally
            .awaited
            .saturating_sub(tally.acknowledged + tally.refused_by_server),
        refused: tally.refused.iter().map(|(&r, &n)| (r, n)).collect(),
        not_sent: found
            .messages
            .saturating_sub(tally.sent + tally.over_limits),
        failed: outcome.failed,
        refused_as_captured: outcome.refused_as_captured,
        received: tally.received,
        properties_dropped: tally.properties_dropped,
        adaptations: adaptations(&counts, tally),
        duration: outcome.duration,
        lateness: lateness(plan, tally),
        verdict,
    };
    show(plan, &summarize(plan, &counts, Some(played)))?;
    // What is worst is said last, and is the exit code. Refusals are what a comparison is about.
    let is_compared =
        |failure: &&Failure| verdict.is_some() && matches!(failure.exit, Exit::Refused(_));
    let refusals = tally.first_refusal.iter();
    let mut failures: Vec<Failure> = refusals.filter(|f| !is_compared(f)).cloned().collect();
    if let Some(failure) = outcome.damage {
        failures.push(damaged(failure, "was played"));
    }
    let failed = outcome.failures.iter().rev();
    failures.extend(failed.filter(|f| !is_compared(f)).cloned());
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
        (None, None) if verdict.is_some_and(|verdict| verdict.differences > 0) => Ok(Exit::Verdict),
        (None, None) => Ok(Exit::Done),
    }
}

/// What was done otherwise than captured.
fn adaptations(counts: &Counts, tally: &Tally) -> Vec<(&'static str, u64)> {
    [
        ("authentication_dropped", counts.found.auth),
        ("aliases_expanded_or_made_anew", counts.found.aliased),
        ("qos_lowered", tally.qos_lowered),
        ("retain_dropped", tally.retain_dropped),
        ("too_large", tally.over_limits),
        ("requests_too_large", tally.not_asked),
        ("waited_for_receive_maximum", tally.quota_waits),
        ("reconnects", tally.reconnects),
        ("answers_given_up", tally.given_up),
    ]
    .into_iter()
    .filter(|&(_, count)| count > 0)
    .collect()
}

/// A capture in which there is nothing to play is a mistake.
fn check_found(plan: &Plan, counts: &Counts, damage: Option<&Failure>) -> Result<(), Failure> {
    let found = &counts.found;
    let (is_empty, what) = match plan.settings.mode {
        Mode::Sessions => (found.clients == 0, "no client of MQTT"),
        Mode::Messages(Side::Client) => (found.messages == 0, "no PUBLISH of a client"),
        Mode::Messages(Side::Server) => (found.messages == 0, "no PUBLISH of a server"),
    };
    if !is_empty {
        return Ok(());
    }
    let stats = &counts.stats;
    let name = plan.input.name();
    let mut message = match damage {
        Some(failure) if stats.frames == 0 => {
            return Err(Failure::new(
                Exit::Io,
                format!("{failure}; nothing was played"),
            ));
        }
        Some(failure) => format!("{failure}; "),
        None => format!("{name}: "),
    };
    message.push_str(&format!(
        "there is {what} to play in {} frames with {} TCP connections, {} of them with MQTT",
        stats.frames, stats.streams, stats.mqtt_streams
    ));
    if found.others > 0 {
        message.push_str(match plan.settings.mode {
            Mode::Messages(Side::Server) => "; clients publish in it: leave out --deliveries",
            _ => "; --deliveries plays what servers delivered",
        });
    }
    if plan.settings.select.is_some() {
        message.push_str("; only what is selected counts");
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

fn damaged(failure: Failure, what_came_before: &str) -> Failure {
    let message = format!("{failure}; what came before it {what_came_before}");
    Failure::new(failure.exit, message)
}

fn summarize(plan: &Plan, counts: &Counts, played: Option<Played>) -> Summary {
    let target = played
        .is_some()
        .then(|| plan.connect.options.target.to_string());
    Summary {
        file: plan.input.name().to_owned(),
        target,
        speed: plan.speed.clone(),
        found: counts.found,
        skips: counts.skips,
        planned: None,
        played,
    }
}

fn lateness(plan: &Plan, tally: &Tally) -> Option<Lateness> {
    if plan.pace.is_max() || tally.lateness.is_empty() {
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

fn show_differences(plan: &Plan, differences: &[Difference]) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    let written = differences
        .iter()
        .try_for_each(|difference| match plan.json {
            true => summary::write_difference_json(&mut out, difference),
            false => summary::write_difference_text(&mut out, difference),
        });
    check_written(written)
}

/// Writes the summary; whether anybody reads it does not matter.
fn show(plan: &Plan, summary: &Summary) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    check_written(match plan.json {
        true => summary::write_json(&mut out, summary),
        false => summary::write_text(&mut out, summary),
    })
}

fn check_written(written: io::Result<()>) -> Result<(), Failure> {
    match written {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Failure::new(
            Exit::Io,
            format!("cannot write to stdout: {error}"),
        )),
        _ => Ok(()),
    }
}
