//! The conductor of a run: connect, publish, wait for what is on its way, leave.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, SystemTime};

use tokio::sync::mpsc;
use tokio::time::{Instant, Interval, MissedTickBehavior};

use super::limits::Machine;
use super::live::Live;
use super::plan::{Plan, Shard};
use super::shared::{Phase, Shared, Told, nanos};
use super::stats::Stats;
use super::stillness::Stillness;
use super::suspicion::{self, Facts};
use super::{Ended, limits, report, worker};
use crate::cmd::signals::Signals;
use crate::cmd::{Exit, Failure};
use crate::output::bench::{self, Outcome, Row};
use crate::output::progress::{Load, Progress};

/// How often a run is looked at where nobody has news.
const LOOK: Duration = Duration::from_millis(20);

/// See the [module](self).
pub(super) struct Run {
    shared: Arc<Shared>,
    told: mpsc::UnboundedReceiver<Told>,
    workers: Vec<JoinHandle<Result<Stats, Failure>>>,
    signals: Signals,
    progress: Progress,
    look: Interval,
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

impl Shown {
    /// What has come back.
    fn answers(self) -> u64 {
        let all = self.received.saturating_add(self.acknowledged);
        all.saturating_add(self.refused)
    }
}

/// What the conductor hears of.
enum News {
    /// Somebody has enough.
    Signal(Exit),
    /// A connection is lost, or was not made.
    Failed(Failure),
    /// Something may have changed.
    Other,
}

impl Run {
    /// Before the first connection.
    ///
    /// # Errors
    /// Wrong usage: no address for --metrics; or what the system refuses.
    pub(super) fn new(plan: Plan) -> Result<Run, Failure> {
        let progress = Progress::new(plan.progress);
        let every = |time| {
            let mut interval = tokio::time::interval(time);
            interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
            interval
        };
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
            look: every(LOOK),
            tick: every(progress.interval()),
            progress,
            shown: (Instant::now(), Shown::default()),
            seconds: BTreeMap::new(),
            facts: Facts::default(),
            cpu: (0, None),
        })
    }

    /// Begins to open every connection.
    ///
    /// # Errors
    /// If the system gives no thread.
    pub(super) fn open(&mut self) -> Result<(), Failure> {
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

    /// Waits for what comes next; to be looked at at least every [`LOOK`].
    async fn news(&mut self, phase: &str) -> News {
        tokio::select! {
            biased;
            exit = self.signals.recv() => News::Signal(exit),
            Some(told) = self.told.recv() => match self.handle(told) {
                Some(failure) => News::Failed(failure),
                None => News::Other,
            },
            () = self.shared.news.notified() => News::Other,
            _ = self.tick.tick() => {
                self.show(phase);
                News::Other
            }
            _ = self.look.tick() => News::Other,
        }
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

    /// What ends a run before it has begun.
    fn ends(&mut self, news: News) -> Result<Option<Exit>, Failure> {
        match news {
            News::Other => return Ok(None),
            News::Signal(_) | News::Failed(_) => self.progress.clear(),
        }
        match news {
            News::Failed(failure) => Err(failure),
            News::Signal(exit) => Ok(Some(exit)),
            News::Other => Ok(None),
        }
    }

    /// Waits until everybody is connected and subscribed; `Some` if somebody had enough.
    ///
    /// # Errors
    /// If a connection could not be made.
    pub(super) async fn wait_until_ready(&mut self) -> Result<Option<Exit>, Failure> {
        let connections = self.shared.plan.connections() as u64;
        // The first tick is at once, and there is nothing to show.
        self.tick.reset();
        while self.shared.sum(|own| &own.ready) < connections {
            let news = self.news("connecting").await;
            if let Some(exit) = self.ends(news)? {
                return Ok(Some(exit));
            }
        }
        Ok(None)
    }

    /// Lets the publishers publish, when it is time for that; `Some` if somebody had enough before.
    ///
    /// # Errors
    /// If a connection was lost meanwhile.
    pub(super) async fn wait_for_start(&mut self) -> Result<Option<Exit>, Failure> {
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
                let news = tokio::select! {
                    biased;
                    () = &mut time => break,
                    news = self.news("waiting") => news,
                };
                if let Some(exit) = self.ends(news)? {
                    return Ok(Some(exit));
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
    pub(super) async fn measure(&mut self) -> Ended {
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
        let mut stillness = Stillness::new(self.looked(), Instant::now());
        let mut silence = Stillness::new(self.looked().answers(), Instant::now());
        let ended = loop {
            let news = tokio::select! {
                biased;
                news = self.news("measuring") => news,
                () = &mut over => break Ended::Time,
            };
            match news {
                News::Signal(exit) => break Ended::Signal(exit),
                News::Failed(failure) => break Ended::Failed(failure),
                News::Other => {}
            }
            // The end of the time ends them, too.
            let has_sent = count.is_some_and(|count| shared.sum(|own| &own.sent) >= count);
            if has_sent && shared.sum(|own| &own.sent_all) == publishers {
                break Ended::Count;
            }
            if shared.now() < shared.warmup() {
                // Of the warm-up nothing is counted.
                stillness = Stillness::new(self.looked(), Instant::now());
                silence = Stillness::new(self.looked().answers(), Instant::now());
                continue;
            }
            let (looked, now) = (self.looked(), Instant::now());
            let lasts = stillness.look(looked, now);
            silence.look(looked.answers(), now);
            // A broker that has stopped would hold it for ever.
            if count.is_some() && plan.duration.is_none() && lasts > plan.stall() {
                break Ended::Time;
            }
        };
        shared.stop();
        let (looked, now) = (self.looked(), Instant::now());
        self.facts.still_at_end = stillness.look(looked, now);
        self.facts.still = stillness.longest();
        if looked.answers() > 0 {
            self.facts.silent_at_end = silence.look(looked.answers(), now);
            self.facts.silent = silence.longest();
        }
        if let (Some(then), Some(now)) = (self.cpu.1, Machine::now()) {
            self.facts.machine = now.share_since(then);
        }
        ended
    }

    /// Waits for what is on its way: until all is there, or nothing came for a while.
    pub(super) async fn drain(&mut self, ended: &mut Ended) {
        if matches!(ended, Ended::Failed(_)) {
            return;
        }
        let shared = self.shared.clone();
        let plan = &shared.plan;
        let publishers = plan.publishers_here();
        // What others send to the subscribers here is not known.
        let has_others = plan.shard != Shard::WHOLE
            && plan.groups.iter().any(|group| group.subscribers.count > 0);
        let mut stillness = Stillness::new(self.looked(), Instant::now());
        loop {
            let is_finished = shared.sum(|own| &own.finished) == publishers;
            let expected = shared.sum(|own| &own.expected);
            let received = shared.sum(|own| &own.received);
            // What was refused may come all the same: then it is not what is still on its way.
            let unsure = shared.sum(|own| &own.unsure);
            let is_all = received >= expected + unsure || unsure == 0 && received >= expected;
            if is_finished && !has_others && is_all {
                return;
            }
            match self.news("draining").await {
                // The second one means it.
                News::Signal(exit) => {
                    *ended = Ended::Signal(exit);
                    return;
                }
                News::Failed(failure) => {
                    *ended = Ended::Failed(failure);
                    return;
                }
                News::Other => {}
            }
            if stillness.look(self.looked(), Instant::now()) >= plan.drain {
                return;
            }
        }
    }

    /// Lets everybody leave, and puts together what was found.
    ///
    /// # Errors
    /// If a worker could not go on.
    pub(super) fn close(&mut self, ended: &Ended) -> Result<Outcome, Failure> {
        self.progress.clear();
        let shared = self.shared.clone();
        let closed = shared.now();
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
        let mut outcome = report::outcome(&shared, ended, closed, &all, seconds);
        let still = suspicion::stood_still(&shared.plan, &self.facts);
        for part in &mut outcome.parts {
            part.still_ns = still.map_or(0, nanos);
            self.facts.add_waits(&all, part.sending_ns);
        }
        let measured = &mut outcome.measured;
        measured.cpu_ns = limits::process_cpu().saturating_sub(self.cpu.0);
        measured.peak_memory_bytes = limits::peak_memory();
        suspicion::suspect(&shared.plan, &self.facts, measured);
        Ok(outcome)
    }

    fn looked(&self) -> Shown {
        let shared = &self.shared;
        Shown {
            sent: shared.sum(|own| &own.sent),
            received: shared.sum(|own| &own.received) + shared.sum(|own| &own.foreign),
            acknowledged: shared.sum(|own| &own.acknowledged),
            refused: shared.sum(|own| &own.refused),
        }
    }

    fn show(&mut self, phase: &str) {
        let shared = &self.shared;
        let plan = &shared.plan;
        let looked = self.looked();
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
