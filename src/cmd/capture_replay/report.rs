//! How it went: the summary, and the exit code.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use super::Total;
use super::conductor::Outcome;
use super::plan::Plan;
use super::reader::Counts;
use super::shared::Tally;
use super::source::Mode;
use crate::cmd::{Exit, Failure, note};
use crate::mqtt::Side;
use crate::output::replay::{self as summary, Difference, Lateness, Played, Summary, Verdict};
use crate::output::text::count;

/// Clients whose CONNECT was made up that are named.
pub(super) const MADE_UP_SHOWN: usize = 20;

/// Shows how it went, and makes it an exit code.
pub(super) fn finish(plan: &Plan, total: Total, tally: &Tally) -> Result<Exit, Failure> {
    let Total {
        counts,
        outcome,
        verdict,
        again,
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
        adaptations: adaptations(tally),
        duration: outcome.duration,
        sending: outcome.sending,
        lateness: lateness(plan, tally),
        verdict,
    };
    show(
        plan,
        &summarize(plan, &counts, &outcome.made_up, Some(played)),
    )?;
    hint(plan, &outcome, verdict, again);
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
        (None, failure) if verdict.is_some_and(|verdict| verdict.differences > 0) => {
            failure.iter().for_each(note);
            Ok(Exit::Verdict)
        }
        (None, Some(failure)) => Err(failure),
        (None, None) if verdict.is_some_and(|verdict| verdict.compared == 0) => {
            let why = match counts.found.sn_clients {
                0 => "the capture has no answer to what is played",
                _ => "what gateways answer to clients of MQTT-SN is not compared",
            };
            let what = format!("nothing could be verified: {why}");
            Err(Failure::new(Exit::Verdict, what))
        }
        (None, None) => Ok(Exit::Done),
    }
}

/// What may be the reason of what was found.
fn hint(plan: &Plan, outcome: &Outcome, verdict: Option<Verdict>, again: u64) {
    let has_password = plan.connect.options.connect.password.is_some();
    if has_password && outcome.passwords == 0 && !outcome.is_broken_off {
        note("the password is given to nobody: no client has a user name (-u gives one)");
    }
    if again > 0 {
        note(
            "from the second round on the broker has what the first one has left: retained \
             messages, and sessions that it keeps",
        );
    }
    let differs = verdict.is_some_and(|verdict| verdict.differences > 0);
    if differs && !plan.is_causal && plan.pace.is_max() {
        note(
            "with --no-causal and --speed max clients do not wait for what was before in the \
             capture: differences may come from that",
        );
    }
}

/// What was done otherwise than captured, because of the target.
fn adaptations(tally: &Tally) -> Vec<(&'static str, u64)> {
    let all = [
        ("qos_lowered", tally.qos_lowered),
        ("retain_dropped", tally.retain_dropped),
        ("wills_adapted", tally.wills_adapted),
        ("too_large", tally.over_limits),
        ("requests_too_large", tally.not_asked),
        ("waited_for_receive_maximum", tally.quota_waits),
        ("reconnects", tally.reconnects),
        ("answers_given_up", tally.given_up),
    ];
    summary::not_zero(all).collect()
}

/// A capture in which there is nothing to play is a mistake.
pub(super) fn check_found(
    plan: &Plan,
    counts: &Counts,
    damage: Option<&Failure>,
) -> Result<(), Failure> {
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
        "there is {what} to play in {} with {}, {} of them with MQTT",
        count(stats.frames, "frame"),
        count(stats.streams, "TCP connection"),
        stats.mqtt_streams
    ));
    if found.others > 0 {
        message.push_str(match plan.settings.mode {
            Mode::Messages(Side::Server) => "; clients publish in it: leave out --deliveries",
            _ if plan.verify => "; without --verify what servers delivered is played",
            _ => "; --deliveries plays what servers delivered",
        });
    }
    if plan.settings.select.is_some() {
        message.push_str("; only what is selected counts");
    }
    let skipped = summary::listed(counts.skips.iter());
    if !skipped.is_empty() {
        message.push_str(&format!(" (skipped: {skipped})"));
    }
    Err(Failure::new(Exit::Io, message))
}

pub(super) fn damaged(failure: Failure, what_came_before: &str) -> Failure {
    let message = format!("{failure}; what came before it {what_came_before}");
    Failure::new(failure.exit, message)
}

pub(super) fn summarize(
    plan: &Plan,
    counts: &Counts,
    made_up: &[SocketAddr],
    played: Option<Played>,
) -> Summary {
    let target = played
        .is_some()
        .then(|| plan.connect.options.target.to_string());
    Summary {
        file: plan.input.name().to_owned(),
        target,
        speed: plan.speed.clone(),
        rate: plan.rate.clone(),
        found: counts.found,
        made_up: made_up.iter().map(SocketAddr::to_string).collect(),
        skips: counts.skips,
        rounds: plan.rounds,
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

pub(super) fn show_differences(plan: &Plan, differences: &[Difference]) -> Result<(), Failure> {
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
pub(super) fn show(plan: &Plan, summary: &Summary) -> Result<(), Failure> {
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
