//! `midge bench`: publishers and subscribers against a broker, rates, latencies and losses.
//!
//! | file | what it is |
//! |---|---|
//! | `plan` | the flags, checked |
//! | `ports` | where connections start, if they are many |
//! | `limits` | what the system has to give, and whether that was too little |
//! | `shared` | what all threads share: phase, clock, counts to look at |
//! | `worker`, `stage` | one of the threads, and what its connections share |
//! | `publisher`, `subscriber`, `idle` | the connections |
//! | `source` | what is published |
//! | `pace` | when each message should be sent |
//! | `alarm`, `wheel` | waiting for that time |
//! | `stamp` | what tells one message from another |
//! | `delivery`, `unanswered`, `stats` | the counting |
//! | `live`, `metrics` | figures over HTTP while it runs |
//! | `report` | figures to the result |
//! | `result` | what becomes of it |
//!
//! The connections are spread over threads that share nothing but what everybody may read, so that
//! no message waits for a lock. This file conducts: connect, publish, wait for what is on its way,
//! leave.

pub(super) mod alarm;
mod delivery;
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
mod report;
mod result;
mod shared;
mod source;
mod stage;
mod stamp;
mod stats;
mod subscriber;
mod unanswered;
mod wheel;
mod worker;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, SystemTime};

use tokio::sync::mpsc;
use tokio::time::{Instant, Interval, MissedTickBehavior};

use self::limits::{Facts, Machine};
use self::live::Live;
use self::plan::{Plan, Shard};
use self::result::Wishes;
use self::shared::{Phase, Shared, Told};
use self::stats::Stats;
use super::embedded::Embedded;
use super::signals::Signals;
use super::{Exit, Failure, connect};
use crate::cli;
use crate::client::{Address, Target};
use crate::output::bench::{self, Outcome, Row};
use crate::output::progress::{Load, Progress};

/// How often a draining run is looked at where nobody has news.
const LOOK: Duration = Duration::from_millis(20);

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

/// The conductor.
struct Run {
    shared: Arc<Shared>,
    told: mpsc::UnboundedReceiver<Told>,
    workers: Vec<JoinHandle<Result<Stats, Failure>>>,
    signals: Signals,
    progress: Progress,
    tick: Interval,
    /// What was shown last, and when.
    shown: (Instant, Shown),
    /// The seconds that are over.
    seconds: BTreeMap<u64, Row>,
    facts: Facts,
    /// Where somebody looks on.
    live: Option<Live>,
    /// CPU time of midge, and of the machine, when the measurement began.
    cpu: (u64, Option<Machine>),
}

/// What is shown while a run goes on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Shown {
    sent: u64,
    received: u64,
    acknowledged: u64,
    refused: u64,
}

impl Run {
    fn new(plan: Plan) -> Result<Run, Failure> {
        let progress = Progress::new(plan.progress);
        let mut tick = tokio::time::interval(progress.interval());
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (tell, told) = mpsc::unbounded_channel();
        let shared = Arc::new(Shared::new(plan, tell));
        let live = match &shared.plan.metrics {
            Some(address) => Some(Live::start(address, &shared)?),
            None => None,
        };
        Ok(Run {
            signals: Signals::new()?,
            shared,
            live,
            told,
            workers: Vec::new(),
            progress,
            tick,
            shown: (Instant::now(), Shown::default()),
            seconds: BTreeMap::new(),
            facts: Facts::default(),
            cpu: (0, None),
        })
    }

    /// Begins to open every connection.
    fn open(&mut self) -> Result<(), Failure> {
        for index in 0..self.shared.plan.workers {
            let shared = self.shared.clone();
            let worker = thread::Builder::new()
                .name(format!("bench-{index}"))
                .spawn(move || worker::run(shared, index))
                .map_err(|error| Failure::new(Exit::Io, format!("no thread: {error}")))?;
            self.workers.push(worker);
        }
        Ok(())
    }

    /// What a worker says: a failure, or nothing that ends the run.
    fn handle(&mut self, told: Told) -> Option<Failure> {
        match told {
            Told::Failed(failure) => return Some(failure),
            Told::Second(number, row) => {
                self.seconds.entry(number).or_default().add(&row);
                if let Some(live) = &mut self.live {
                    live.handle_second(&row);
                }
            }
            Told::Counts(worker, counts) => {
                if let Some(live) = &mut self.live {
                    live.handle_counts(worker, *counts);
                }
            }
        }
        None
    }

    /// Waits until everybody is connected and subscribed; `Some` if somebody had enough.
    async fn wait_until_ready(&mut self) -> Result<Option<Exit>, Failure> {
        let shared = self.shared.clone();
        let connections = shared.plan.connections() as u64;
        // The first tick is at once, and there is nothing to show.
        self.tick.reset();
        while shared.sum(|own| &own.ready) < connections {
            tokio::select! {
                biased;
                exit = self.signals.recv() => {
                    self.progress.clear();
                    return Ok(Some(exit));
                }
                Some(told) = self.told.recv() => {
                    if let Some(failure) = self.handle(told) {
                        self.progress.clear();
                        return Err(failure);
                    }
                }
                () = shared.news.notified() => {}
                _ = self.tick.tick() => self.show("connecting"),
            }
        }
        Ok(None)
    }

    /// Lets the publishers publish, when it is time for that; `Some` if somebody had enough before.
    async fn wait_for_start(&mut self) -> Result<Option<Exit>, Failure> {
        let shared = self.shared.clone();
        let mut start = std::time::Instant::now();
        if let Some(at) = shared.plan.start_at {
            match at.duration_since(SystemTime::now()) {
                Ok(left) => start += left,
                Err(error) => {
                    self.facts.late_start = Some(error.duration());
                    start = start.checked_sub(error.duration()).unwrap_or(start);
                }
            }
            let mut time = std::pin::pin!(tokio::time::sleep_until(start.into()));
            loop {
                tokio::select! {
                    biased;
                    exit = self.signals.recv() => {
                        self.progress.clear();
                        return Ok(Some(exit));
                    }
                    Some(told) = self.told.recv() => {
                        if let Some(failure) = self.handle(told) {
                            self.progress.clear();
                            return Err(failure);
                        }
                    }
                    () = &mut time => break,
                    _ = self.tick.tick() => self.show("waiting"),
                }
            }
        }
        self.cpu = (limits::process_cpu(), Machine::now());
        shared.start(start);
        self.shown = (Instant::now(), Shown::default());
        self.tick.reset();
        Ok(None)
    }

    /// Waits until everything is sent, or the time is over.
    async fn measure(&mut self) -> Ended {
        let shared = self.shared.clone();
        let plan = &shared.plan;
        let publishers = plan.publishers_here();
        let count = plan.count_here().filter(|_| publishers > 0);
        let over = async {
            match plan.duration {
                Some(_) => tokio::time::sleep_until(shared.instant(shared.end()).into()).await,
                None => std::future::pending().await,
            }
        };
        let mut over = std::pin::pin!(over);
        let stall = plan.stall();
        let mut moved = (Instant::now(), self.look());
        let ended = loop {
            tokio::select! {
                biased;
                exit = self.signals.recv() => break Ended::Signal(exit),
                Some(told) = self.told.recv() => {
                    if let Some(failure) = self.handle(told) {
                        break Ended::Failed(failure);
                    }
                }
                () = &mut over => break Ended::Time,
                () = shared.news.notified() => {
                    // The end of the time ends them, too.
                    let has_sent = count.is_some_and(|count| shared.sum(|own| &own.sent) >= count);
                    if has_sent && shared.sum(|own| &own.sent_all) == publishers {
                        break Ended::Count;
                    }
                }
                _ = self.tick.tick() => self.show("measuring"),
            }
            let now = self.look();
            if now != moved.1 {
                moved = (Instant::now(), now);
            } else if count.is_some() && moved.0.elapsed() > stall {
                // A broker that has stopped would hold it for ever.
                break Ended::Time;
            }
        };
        shared.stop();
        if let (Some(then), Some(now)) = (self.cpu.1, Machine::now()) {
            self.facts.machine = now.share_since(then);
        }
        ended
    }

    /// Waits for what is on its way: until all is there, or nothing came for a while.
    async fn drain(&mut self, ended: &mut Ended) {
        if matches!(ended, Ended::Failed(_)) {
            return;
        }
        let shared = self.shared.clone();
        let plan = &shared.plan;
        let publishers = plan.publishers_here();
        // What others send to the subscribers here is not known.
        let has_others = plan.shard != Shard::WHOLE
            && plan.groups.iter().any(|group| group.subscribers.count > 0);
        let silence = plan.drain;
        let mut last = self.look();
        let mut patience = std::pin::pin!(tokio::time::sleep(silence));
        let mut look = tokio::time::interval(LOOK);
        loop {
            let is_finished = shared.sum(|own| &own.finished) == publishers;
            let expected = shared.sum(|own| &own.expected);
            if is_finished && !has_others && shared.sum(|own| &own.received) >= expected {
                return;
            }
            tokio::select! {
                biased;
                // The second one means it.
                exit = self.signals.recv() => {
                    *ended = Ended::Signal(exit);
                    return;
                }
                Some(told) = self.told.recv() => {
                    if let Some(failure) = self.handle(told) {
                        *ended = Ended::Failed(failure);
                        return;
                    }
                }
                () = shared.news.notified() => {}
                _ = look.tick() => {}
                () = &mut patience => return,
                _ = self.tick.tick() => self.show("draining"),
            }
            let now = self.look();
            if now != last {
                patience.as_mut().reset(Instant::now() + silence);
                last = now;
            }
        }
    }

    /// Lets everybody leave, and puts together what was found.
    fn close(&mut self, ended: &Ended) -> Result<Outcome, Failure> {
        self.progress.clear();
        let shared = self.shared.clone();
        shared.close();
        let mut all = Vec::new();
        for worker in self.workers.drain(..) {
            match worker.join() {
                Ok(stats) => all.push(stats?),
                Err(_) => {
                    let sentence = "internal error: a worker panicked";
                    return Err(Failure::new(Exit::Io, sentence));
                }
            }
        }
        // What goes wrong now is of no consequence.
        while let Ok(told) = self.told.try_recv() {
            let _ = self.handle(told);
        }
        let busy = all.iter().map(|stats| match stats.busy {
            (_, 0) => 0.0,
            (cpu, time) => cpu as f64 / time as f64,
        });
        self.facts.busiest = busy.fold(0.0, f64::max);
        let seconds = std::mem::take(&mut self.seconds);
        let mut outcome = report::outcome(&shared, ended, &all, seconds);
        let measured = &mut outcome.measured;
        measured.cpu_ns = limits::process_cpu().saturating_sub(self.cpu.0);
        measured.peak_memory_bytes = limits::peak_memory();
        limits::suspect(&shared.plan, &self.facts, measured);
        Ok(outcome)
    }

    fn look(&self) -> Shown {
        let shared = &self.shared;
        Shown {
            sent: shared.sum(|own| &own.sent),
            received: shared.sum(|own| &own.received),
            acknowledged: shared.sum(|own| &own.acknowledged),
            refused: shared.sum(|own| &own.refused),
        }
    }

    fn show(&mut self, phase: &str) {
        let shared = &self.shared;
        let plan = &shared.plan;
        let looked = self.look();
        let now = Instant::now();
        let (before, last) = &self.shown;
        let seconds = now.saturating_duration_since(*before).as_secs_f64();
        let rate = |now: u64, last: u64| now.saturating_sub(last) as f64 / seconds.max(1e-3);
        let is_running = shared.phase() >= Phase::Running;
        let elapsed = match is_running {
            true => Duration::from_nanos(shared.now()),
            false => Duration::ZERO,
        };
        let is_warming_up = is_running && elapsed < plan.warmup;
        // Of the last second that is whole.
        let lately = self.seconds.values().next_back().map(Row::latency);
        let count = plan.count_here();
        self.progress.show(&Load {
            phase: if is_warming_up { "warming up" } else { phase },
            done: match (plan.duration, count) {
                (_, Some(count)) => looked.sent as f64 / count.max(1) as f64,
                (Some(duration), None) => {
                    elapsed.as_secs_f64() / (plan.warmup + duration).as_secs_f64()
                }
                (None, None) => 0.0,
            },
            elapsed,
            connected: shared.sum(|own| &own.connected),
            sent_per_s: rate(looked.sent, last.sent),
            received_per_s: rate(looked.received, last.received),
            p99_us: lately
                .and_then(|latency| latency.quantile(0.99))
                .map(|ns| bench::us(ns as f64)),
            errors: shared.sum(|own| &own.errors),
        });
        self.shown = (now, looked);
        if let Some(live) = &mut self.live {
            live.publish(&self.shared);
        }
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
