//! What all connections of a run share: the plan, the phase, the clock, the figures.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::sync::{Notify, Semaphore, watch};

use super::alarm::Alarms;
use super::plan::Plan;
use super::stats::Stats;
use crate::client::{Engine, Lost};
use crate::cmd::{Exit, Failure};
use crate::mqtt::{Properties, ReasonCode};

/// Connections that are opened at the same time: enough to hide the way to the broker, few enough
/// for its listen queue.
const OPENING: usize = 64;

/// Where a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Phase {
    /// Connections are opened, subscriptions made.
    Connecting,
    /// Publishers publish.
    Running,
    /// They have stopped; what is on its way may still come.
    Draining,
    /// Everybody leaves.
    Closing,
}

/// See the [module](self). Held by every connection; all of them live on one thread.
#[derive(Debug)]
pub(super) struct Stage {
    pub(super) plan: Plan,
    pub(super) stats: RefCell<Stats>,
    pub(super) alarms: Rc<Alarms>,
    phase: watch::Sender<Phase>,
    start: Cell<Instant>,
    /// Nothing is to be sent from then on, in ns since the start.
    end: Cell<u64>,
    /// Connections that can begin.
    ready: Cell<usize>,
    /// Publishers that have nothing more to send.
    sent: Cell<u32>,
    /// Those of them that have every acknowledgement.
    finished: Cell<u32>,
    /// Told when `ready`, `sent`, `finished`, or the figures of a draining run change.
    pub(super) news: Notify,
    opening: Semaphore,
}

impl Stage {
    /// Before the first connection.
    ///
    /// # Errors
    /// If the system gives no timer.
    pub(super) fn new(plan: Plan) -> Result<Stage, Failure> {
        let alarms =
            Alarms::new().map_err(|error| Failure::new(Exit::Io, format!("no timer: {error}")))?;
        Ok(Stage {
            stats: RefCell::new(Stats::new(plan.publishers, plan.subscribers, plan.qos)),
            plan,
            alarms: Rc::new(alarms),
            phase: watch::Sender::new(Phase::Connecting),
            start: Cell::new(Instant::now()),
            end: Cell::new(u64::MAX),
            ready: Cell::new(0),
            sent: Cell::new(0),
            finished: Cell::new(0),
            news: Notify::new(),
            opening: Semaphore::new(OPENING),
        })
    }

    /// Where the run stands.
    pub(super) fn phase(&self) -> Phase {
        *self.phase.borrow()
    }

    /// To wait for a phase.
    pub(super) fn watch(&self) -> watch::Receiver<Phase> {
        self.phase.subscribe()
    }

    /// Now the publishers may begin.
    pub(super) fn start(&self) {
        self.start.set(Instant::now());
        if let Some(duration) = self.plan.duration {
            self.end.set(nanos(self.plan.warmup + duration));
        }
        self.phase.send_replace(Phase::Running);
    }

    /// Nothing more is to be sent.
    pub(super) fn stop(&self) {
        self.end.set(self.end.get().min(self.now()));
        self.phase.send_replace(Phase::Draining);
    }

    /// Everybody has to leave.
    pub(super) fn close(&self) {
        self.phase.send_replace(Phase::Closing);
    }

    /// ns since the start of the run.
    pub(super) fn now(&self) -> u64 {
        nanos(self.start.get().elapsed())
    }

    /// That time as the system's clock has it.
    pub(super) fn instant(&self, time: u64) -> Instant {
        self.start.get() + Duration::from_nanos(time)
    }

    /// When the measurement begins: what should have been sent before is warm-up.
    pub(super) fn warmup(&self) -> u64 {
        nanos(self.plan.warmup)
    }

    /// When the run ends or ended, without the draining; [`u64::MAX`] if nobody knows.
    pub(super) fn end(&self) -> u64 {
        self.end.get()
    }

    /// Connections that can begin.
    pub(super) fn ready(&self) -> usize {
        self.ready.get()
    }

    /// One more can begin.
    pub(super) fn set_ready(&self) {
        self.ready.set(self.ready.get() + 1);
        self.news.notify_one();
    }

    /// Whether the publishers have sent all that was asked for. The end of the time is none of it.
    pub(super) fn is_count_reached(&self) -> bool {
        let has_left = |sent| self.plan.count.is_none_or(|count| sent < count);
        self.sent.get() == self.plan.publishers && !has_left(self.stats.borrow().totals().sent)
    }

    /// One more publisher has nothing more to send.
    pub(super) fn set_sent(&self) {
        self.sent.set(self.sent.get() + 1);
        self.news.notify_one();
    }

    /// Whether every publisher has sent everything and has every acknowledgement.
    pub(super) fn is_finished(&self) -> bool {
        self.finished.get() == self.plan.publishers
    }

    /// One more publisher has.
    pub(super) fn set_finished(&self) {
        self.finished.set(self.finished.get() + 1);
        self.news.notify_one();
    }

    /// Opens a connection: `role` and `number` make its client id.
    ///
    /// # Errors
    /// One sentence with the address.
    pub(super) async fn connect(&self, role: char, number: u32) -> Result<Engine, Failure> {
        let plan = &self.plan;
        // Never closed.
        let _permit = self.opening.acquire().await;
        let start = Instant::now();
        let engine = Engine::connect(plan.connect.engine, plan.options(role, number))
            .await
            .map_err(|error| plan.connect.connect_failure(&error))?;
        let time = nanos(start.elapsed());
        let client_id = &engine.connected().client_id;
        plan.connect
            .debug(format_args!("connected as '{}'", client_id.escape_debug()));
        self.stats.borrow_mut().connect.record(time);
        Ok(engine)
    }

    /// Keeps a connection alive until the phase has come.
    ///
    /// # Errors
    /// If the connection is lost.
    pub(super) async fn wait_for(&self, client: &mut Engine, phase: Phase) -> Result<(), Failure> {
        let mut watch = self.watch();
        loop {
            tokio::select! {
                biased;
                // The sender is in `self`.
                _ = watch.wait_for(|now| *now >= phase) => return Ok(()),
                event = client.next_event() => {
                    event.map_err(|lost| self.lost(&lost))?;
                }
            }
        }
    }

    /// The sentence and the exit code for a lost connection.
    pub(super) fn lost(&self, lost: &Lost) -> Failure {
        self.plan.connect.lost_failure(lost)
    }
}

/// Connects, does nothing, and leaves at the end.
///
/// # Errors
/// If there is no connection, or not any more.
pub(super) async fn idle(stage: Rc<Stage>, number: u32) -> Result<(), Failure> {
    let mut client = stage.connect('i', number).await?;
    stage.set_ready();
    stage.wait_for(&mut client, Phase::Closing).await?;
    leave(client).await;
    Ok(())
}

/// Ends a connection. Everything is counted by now, so a broker that takes no farewell changes
/// nothing.
pub(super) async fn leave(mut client: Engine) {
    let _ = client
        .disconnect(ReasonCode::SUCCESS, Properties::EMPTY)
        .await;
}

/// ns, as far as they fit: 584 years.
pub(super) fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
