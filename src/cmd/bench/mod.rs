//! `midge bench`: publishers and subscribers against a broker, rates, latencies and losses.
//!
//! | file | what it is |
//! |---|---|
//! | `plan` | the flags, checked |
//! | `ports` | where connections start, if they are many |
//! | `run` | the conductor: connect, publish, wait for what is on its way, leave |
//! | `stillness` | whether anything moves |
//! | `limits` | what the system has to give |
//! | `suspicion` | who kept the load from being what was asked for |
//! | `shared` | what all threads share: phase, clock, counts to look at |
//! | `worker`, `stage` | one of the threads, and what its connections share |
//! | `publisher`, `subscriber`, `idle` | the connections |
//! | `source` | what is published |
//! | `pace`, `dues` | when each message should be sent, and should have been |
//! | `alarm`, `wheel` | waiting for that time |
//! | `stamp` | what tells one message from another |
//! | `delivery`, `ranges`, `unanswered`, `stats` | the counting |
//! | `live`, `metrics` | figures over HTTP while it runs |
//! | `account` | what became of the messages |
//! | `report` | figures to the result |
//! | `result` | what becomes of it |
//!
//! The connections are spread over threads that share nothing but what everybody may read, so that
//! no message waits for a lock.

mod account;
pub(super) mod alarm;
mod delivery;
mod dues;
mod idle;
mod limits;
mod live;
#[cfg(test)]
mod memory_tests;
mod metrics;
mod pace;
mod plan;
mod ports;
mod publisher;
mod ranges;
mod report;
mod result;
mod run;
mod shared;
mod source;
mod stage;
mod stamp;
mod stats;
mod stillness;
mod subscriber;
mod suspicion;
mod unanswered;
mod wheel;
mod worker;

use self::plan::{Plan, Shard};
use self::result::Wishes;
use self::run::Run;
use super::embedded::Embedded;
use super::{Exit, Failure, connect};
use crate::cli;
use crate::client::{Address, Target};
use crate::output::bench::Outcome;

/// What the broker of `--embedded` is told: how much may wait for a slow subscriber.
const EMBEDDED: [&str; 4] = [
    "--max-queued-messages",
    "4000000000",
    "--max-queued-bytes",
    "1000000000",
];

/// Runs the subcommand.
///
/// # Errors
/// One sentence and an exit code; what was measured until then is printed.
pub fn run(args: &cli::Bench) -> Result<Exit, Failure> {
    if let Some(command) = &args.other {
        return result::run_command(command);
    }
    let mut plan = Plan::new(args, None)?;
    let embedded = match plan.embedded {
        true => {
            // It is to lose nothing, however slow those who listen are.
            let broker = Embedded::start(EMBEDDED)?;
            let address = broker.address();
            let target = Target::new(Address::Tcp {
                host: address.ip().to_string(),
                port: address.port(),
            });
            plan = Plan::new(args, Some(&target))?;
            Some(broker)
        }
        false => None,
    };
    limits::prepare(&plan)?;
    ports::choose(&mut plan);
    let is_whole = plan.shard == Shard::WHOLE;
    let wishes = Wishes::new(&plan.result, &[&report::asked(&plan)], is_whole)?;
    let exit = connect::runtime()?.block_on(work(plan, wishes))?;
    if let Some(broker) = embedded {
        broker.end()?;
    }
    Ok(exit)
}

async fn work(plan: Plan, wishes: Wishes) -> Result<Exit, Failure> {
    let mut run = Run::new(plan)?;
    run.open()?;
    if let Some(exit) = run.wait_until_ready().await? {
        return Ok(exit);
    }
    if let Some(exit) = run.wait_for_start().await? {
        return Ok(exit);
    }
    let mut ended = run.measure().await;
    run.drain(&mut ended).await;
    let outcome = run.close(&ended)?;
    let is_well = wishes.fulfil(&outcome)?;
    exit(ended, &outcome, is_well)
}

/// How the publishing came to its end.
#[derive(Debug)]
enum Ended {
    /// The time was over.
    Time,
    /// Everything was sent.
    Count,
    /// Somebody had enough.
    Signal(Exit),
    /// A connection was lost.
    Failed(Failure),
}

/// A lost connection before everything else: it explains that. A run that somebody ended has no
/// verdict, whatever there is to say of it.
fn exit(ended: Ended, outcome: &Outcome, is_well: bool) -> Result<Exit, Failure> {
    let verdict = match ended {
        Ended::Failed(failure) => return Err(failure),
        Ended::Time | Ended::Count => None,
        Ended::Signal(exit) => Some(exit),
    };
    result::exit(verdict, outcome, is_well)
}
