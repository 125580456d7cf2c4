//! `midge bench merge` and `midge bench show`: results from files.

use std::path::PathBuf;

use super::{Wishes, exit, saved};
use crate::cli;
use crate::cmd::{Exit, Failure, note};
use crate::output::bench::{Ended, Outcome};

/// Runs one of them.
///
/// # Errors
/// A file that cannot be read or is no result; results that have messages in common; what a run
/// with this result would have ended with.
pub(in crate::cmd::bench) fn run(command: &cli::BenchCommand) -> Result<Exit, Failure> {
    let (files, args) = match command {
        cli::BenchCommand::Merge(args) => (&args.files, &args.result),
        cli::BenchCommand::Show(args) => (&vec![args.file.clone()], &args.result),
    };
    let outcome = merge(files)?;
    let is_whole = outcome.missing_shards().is_empty();
    let wishes = Wishes::new(args, &Vec::from_iter(outcome.asked()), is_whole)?;
    let is_well = wishes.fulfil(&outcome)?;
    if outcome.ended_by() == Ended::Error {
        let error = outcome.error().unwrap_or_default();
        return Err(Failure::new(
            Exit::ConnectionLost,
            format!("a run ended early: {error}"),
        ));
    }
    let interrupted = match outcome.ended_by() {
        Ended::Interrupt => Some(Exit::Interrupted),
        Ended::Terminate => Some(Exit::Terminated),
        Ended::Count | Ended::Time | Ended::Error => None,
    };
    exit(interrupted, &outcome, is_well)
}

fn merge(files: &[PathBuf]) -> Result<Outcome, Failure> {
    let mut sum = Outcome::default();
    // Which file a shard came from.
    let mut before: Vec<(&PathBuf, Outcome)> = Vec::new();
    for path in files {
        let outcome = saved::read(path)?;
        if sum.merge(&outcome).is_err() {
            for (other, mut own) in before {
                if let Err(overlap) = own.merge(&outcome) {
                    return Err(Failure::usage(format!(
                        "{} and {} cannot be added: {overlap}",
                        saved::shown(other),
                        saved::shown(path)
                    )));
                }
            }
            return Err(Failure::usage(format!(
                "{} cannot be added to the others",
                saved::shown(path)
            )));
        }
        before.push((path, outcome));
    }
    say(&sum);
    Ok(sum)
}

/// What is to be known of the sum.
fn say(sum: &Outcome) {
    let runs: Vec<&str> = sum
        .parts
        .chunk_by(|a, b| a.run == b.run)
        .filter_map(|parts| Some(parts.first()?.run.as_str()))
        .collect();
    if runs.len() > 1 {
        note(format_args!(
            "these are {} different runs: {}",
            runs.len(),
            runs.join(", ").escape_debug()
        ));
    }
    for (run, missing, of) in sum.missing_shards() {
        let numbers: Vec<String> = missing.iter().map(u32::to_string).collect();
        note(format_args!(
            "of the {of} shards of run {} there is no {}",
            run.escape_debug(),
            numbers.join(", ")
        ));
    }
    for parts in sum.parts.chunk_by(|a, b| a.run == b.run) {
        let Some(first) = parts.first() else { continue };
        if parts.iter().any(|part| part.asked != first.asked) {
            note(format_args!(
                "the shards of run {} were not asked for the same",
                first.run.escape_debug()
            ));
        }
    }
}
