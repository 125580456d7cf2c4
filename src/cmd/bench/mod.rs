//! `midge bench`: publishers and subscribers against a broker, rates, latencies and losses.
//!
//! | file | what it is |
//! |---|---|
//! | `plan` | the flags, checked |
//! | `stage` | what all connections share: phase, clock, figures |
//! | `publisher`, `subscriber` | the connections |
//! | `pace` | when each message should be sent |
//! | `alarm` | waiting for that time |
//! | `stamp` | what tells one message from another |
//! | `delivery`, `stats` | the counting |
//! | `report` | figures to the result |
//! | `result` | what becomes of it |
//!
//! Everything runs on one thread, so nothing needs a lock. This file conducts: connect, publish,
//! wait for what is on its way, leave.

mod alarm;
mod delivery;
mod pace;
mod plan;
mod publisher;
mod report;
mod result;
mod stage;
mod stamp;
mod stats;
mod subscriber;

use std::rc::Rc;
use std::time::Duration;

use tokio::task::{JoinError, JoinSet, LocalSet};
use tokio::time::{Instant, Interval, MissedTickBehavior};

use self::plan::Plan;
use self::result::Wishes;
use self::stage::{Phase, Stage};
use self::stats::Totals;
use super::connect;
use super::signals::Signals;
use super::{Exit, Failure};
use crate::cli;
use crate::output::bench::{self, Outcome};
use crate::output::progress::{Load, Progress};

/// Runs the subcommand.
///
/// # Errors
/// One sentence and an exit code; what was measured until then is printed.
pub fn run(args: &cli::Bench) -> Result<Exit, Failure> {
    if let Some(command) = &args.other {
        return result::run_command(command);
    }
    let plan = Plan::new(args)?;
    let wishes = Wishes::new(&args.result, &[&report::asked(&plan)], true)?;
    let runtime = connect::runtime()?;
    LocalSet::new().block_on(&runtime, work(plan, wishes))
}

async fn work(plan: Plan, wishes: Wishes) -> Result<Exit, Failure> {
    let mut run = Run::new(plan)?;
    run.open();
    if let Some(exit) = run.wait_until_ready().await? {
        return Ok(exit);
    }
    let mut ended = run.measure().await;
    run.drain(&mut ended).await;
    run.close().await;
    let totals = run.stage.stats.borrow().totals();
    let outcome = report::outcome(&run.stage, &ended, &totals);
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

/// The conductor.
struct Run {
    stage: Rc<Stage>,
    workers: JoinSet<Result<(), Failure>>,
    signals: Signals,
    progress: Progress,
    tick: Interval,
    /// What was shown last, and when.
    shown: (Instant, Totals),
}

impl Run {
    fn new(plan: Plan) -> Result<Run, Failure> {
        let progress = Progress::new(plan.progress);
        let mut tick = tokio::time::interval(progress.interval());
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Ok(Run {
            signals: Signals::new()?,
            stage: Rc::new(Stage::new(plan)?),
            workers: JoinSet::new(),
            progress,
            tick,
            shown: (Instant::now(), Totals::default()),
        })
    }

    /// Begins to open every connection. Subscribers first: most of them are there when the last
    /// publisher is.
    fn open(&mut self) {
        let plan = &self.stage.plan;
        for number in 0..plan.subscribers {
            let worker = subscriber::run(self.stage.clone(), number);
            self.workers.spawn_local(worker);
        }
        for number in 0..plan.idle {
            let worker = stage::idle(self.stage.clone(), number);
            self.workers.spawn_local(worker);
        }
        for number in 0..plan.publishers {
            let worker = publisher::run(self.stage.clone(), number);
            self.workers.spawn_local(worker);
        }
        if plan.rate.is_some() {
            let alarms = self.stage.alarms.clone();
            self.workers.spawn_local(async move {
                let failed = alarms.run().await;
                failed.map_err(|error| Failure::new(Exit::Io, format!("the timer fails: {error}")))
            });
        }
    }

    /// Waits until everybody is connected and subscribed; `Some` if somebody had enough.
    async fn wait_until_ready(&mut self) -> Result<Option<Exit>, Failure> {
        let stage = self.stage.clone();
        // The first tick is at once, and there is nothing to show.
        self.tick.reset();
        while stage.ready() < stage.plan.connections() {
            tokio::select! {
                biased;
                exit = self.signals.recv() => {
                    self.progress.clear();
                    return Ok(Some(exit));
                }
                Some(ended) = self.workers.join_next() => {
                    if let Some(failure) = failure(ended) {
                        self.progress.clear();
                        return Err(failure);
                    }
                }
                () = stage.news.notified() => {}
                _ = self.tick.tick() => self.show("connecting"),
            }
        }
        Ok(None)
    }

    /// Lets the publishers publish.
    async fn measure(&mut self) -> Ended {
        let stage = self.stage.clone();
        stage.start();
        self.shown = (Instant::now(), Totals::default());
        self.tick.reset();
        let over = async {
            match stage.plan.duration {
                Some(_) => tokio::time::sleep_until(stage.instant(stage.end()).into()).await,
                None => std::future::pending().await,
            }
        };
        let mut over = std::pin::pin!(over);
        let ended = loop {
            tokio::select! {
                biased;
                exit = self.signals.recv() => break Ended::Signal(exit),
                Some(ended) = self.workers.join_next() => {
                    if let Some(failure) = failure(ended) {
                        break Ended::Failed(failure);
                    }
                }
                () = &mut over => break Ended::Time,
                () = stage.news.notified() => {
                    if stage.is_count_reached() {
                        break Ended::Count;
                    }
                }
                _ = self.tick.tick() => self.show("measuring"),
            }
        };
        stage.stop();
        ended
    }

    /// Waits for what is on its way: until all is there, or nothing came for a while.
    async fn drain(&mut self, ended: &mut Ended) {
        if matches!(ended, Ended::Failed(_)) {
            return;
        }
        let stage = self.stage.clone();
        let silence = stage.plan.drain;
        let mut last = stage.stats.borrow().totals();
        let mut patience = std::pin::pin!(tokio::time::sleep(silence));
        while !(stage.is_finished() && last.received >= last.expected) {
            tokio::select! {
                biased;
                // The second one means it.
                exit = self.signals.recv() => {
                    *ended = Ended::Signal(exit);
                    return;
                }
                Some(joined) = self.workers.join_next() => {
                    if let Some(failure) = failure(joined) {
                        *ended = Ended::Failed(failure);
                        return;
                    }
                }
                () = stage.news.notified() => {
                    let totals = stage.stats.borrow().totals();
                    if totals != last {
                        patience.as_mut().reset(Instant::now() + silence);
                        last = totals;
                    }
                }
                () = &mut patience => return,
                _ = self.tick.tick() => self.show("draining"),
            }
        }
    }

    /// Lets everybody leave.
    async fn close(&mut self) {
        self.progress.clear();
        self.stage.close();
        // The task of the alarms never ends.
        let others = usize::from(self.stage.plan.rate.is_some());
        while self.workers.len() > others {
            // What goes wrong now is of no consequence.
            let _ = self.workers.join_next().await;
        }
    }

    fn show(&mut self, phase: &str) {
        let stage = &self.stage;
        let stats = stage.stats.borrow();
        let totals = stats.totals();
        let now = Instant::now();
        let (before, last) = &self.shown;
        let seconds = now.saturating_duration_since(*before).as_secs_f64();
        let rate = |now: u64, last: u64| now.saturating_sub(last) as f64 / seconds.max(1e-3);
        let latencies = match stats.delivered.is_empty() {
            true => &stats.acknowledged,
            false => &stats.delivered,
        };
        let is_running = stage.phase() >= Phase::Running;
        let elapsed = match is_running {
            true => Duration::from_nanos(stage.now()),
            false => Duration::ZERO,
        };
        let is_warming_up = is_running && elapsed < stage.plan.warmup;
        self.progress.show(&Load {
            phase: if is_warming_up { "warming up" } else { phase },
            done: match (stage.plan.duration, stage.plan.count) {
                (_, Some(count)) => totals.sent as f64 / count as f64,
                (Some(duration), None) => {
                    elapsed.as_secs_f64() / (stage.plan.warmup + duration).as_secs_f64()
                }
                (None, None) => 0.0,
            },
            elapsed,
            connected: stats.connect.count(),
            sent_per_s: rate(totals.sent, last.sent),
            received_per_s: rate(totals.received, last.received),
            p99_us: latencies.quantile(0.99).map(|ns| bench::us(ns as f64)),
            errors: totals.refused,
        });
        drop(stats);
        self.shown = (now, totals);
    }
}

/// Why a connection's task ended, if it should not have.
fn failure(ended: Result<Result<(), Failure>, JoinError>) -> Option<Failure> {
    match ended {
        Ok(result) => result.err(),
        Err(error) => Some(Failure::new(Exit::Io, format!("internal error: {error}"))),
    }
}

/// A lost connection before everything else: it explains that.
fn exit(ended: Ended, outcome: &Outcome, is_well: bool) -> Result<Exit, Failure> {
    if let Ended::Failed(failure) = ended {
        return Err(failure);
    }
    result::verdict(outcome)?;
    match ended {
        _ if !is_well => Ok(Exit::Verdict),
        Ended::Signal(exit) => Ok(exit),
        _ => Ok(Exit::Done),
    }
}
