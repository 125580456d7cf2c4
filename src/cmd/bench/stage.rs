//! What all connections of one worker share: its figures, its timer, and how connections are opened.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;

use super::alarm::Alarms;
use super::plan::{Group, Plan};
use super::shared::{Counters, Phase, Shared, Told, nanos};
use super::stats::Stats;
use crate::client::{ConnectError, Engine, Lost, Visitor};
use crate::cmd::{Exit, Failure};
use crate::mqtt::{Properties, ReasonCode};

/// Connections that are opened at the same time, by all workers: enough to hide the way to the broker, few enough
/// for its listen queue.
const OPENING: usize = 64;

/// Before another try of a connection that was refused while others go on.
const PAUSE: Duration = Duration::from_millis(500);

/// See the [module](self). Held by every connection; all of them live on one thread.
#[derive(Debug)]
pub(super) struct Stage {
    pub(super) shared: Arc<Shared>,
    pub(super) stats: RefCell<Stats>,
    pub(super) alarms: Rc<Alarms>,
    worker: usize,
    opening: Semaphore,
    /// Those who wait for another phase.
    waiting: RefCell<Vec<Waker>>,
    /// How often they were told.
    rounds: Cell<u64>,
}

/// Who a connection is in the run.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    /// Index of its group.
    pub(super) group: usize,
    /// `p`, `s` or `i`.
    pub(super) role: char,
    /// Among all of its role.
    pub(super) number: u32,
    /// Among all connections of the run: when it is opened.
    pub(super) turn: u64,
}

impl Stage {
    /// Before the first connection.
    ///
    /// # Errors
    /// If the system gives no timer.
    pub(super) fn new(shared: Arc<Shared>, worker: usize) -> Result<Stage, Failure> {
        let alarms =
            Alarms::new().map_err(|error| Failure::new(Exit::Io, format!("no timer: {error}")))?;
        let opening = opening_at_once(&shared.plan);
        Ok(Stage {
            shared,
            stats: RefCell::default(),
            alarms: Rc::new(alarms),
            worker,
            opening: Semaphore::new(opening),
            waiting: RefCell::default(),
            rounds: Cell::new(0),
        })
    }

    /// The group of a connection.
    pub(super) fn group(&self, place: Place) -> &Group {
        self.shared.plan.group(place.group)
    }

    /// Connections that this worker opens at the same time.
    pub(super) fn opening_at_once(&self) -> usize {
        opening_at_once(&self.shared.plan)
    }

    /// What this worker shows the others.
    pub(super) fn counters(&self) -> &Counters {
        // There is one for each worker.
        self.shared
            .counters
            .get(self.worker)
            .unwrap_or(&self.shared.counters[0])
    }

    /// ns since the start of the run.
    #[inline]
    pub(super) fn now(&self) -> u64 {
        self.shared.now()
    }

    /// Where the run stands.
    #[inline]
    pub(super) fn phase(&self) -> Phase {
        self.shared.phase()
    }

    /// One more connection can begin.
    pub(super) fn set_ready(&self) {
        self.counters().ready.add(1);
        self.shared.news.notify_one();
    }

    /// Hands the second over that is over.
    pub(super) fn turn(&self, now: u64) {
        let Some(measured) = now.checked_sub(self.shared.warmup()) else {
            return;
        };
        let connected = self.counters().connected.get();
        let second = self.stats.borrow_mut().turn(measured, connected);
        self.tell(second);
    }

    /// Hands the last second over.
    pub(super) fn end(&self) {
        let connected = self.counters().connected.get();
        let second = self.stats.borrow_mut().end(connected);
        self.tell(Some(second));
    }

    fn tell(&self, second: Option<(u64, crate::output::bench::Row)>) {
        if let Some((number, row)) = second {
            // Whoever listens may be gone.
            let _ = self.shared.tell.send(Told::Second(number, Box::new(row)));
            if self.shared.plan.metrics.is_some() {
                let counts = Box::new(self.stats.borrow().counts());
                let _ = self.shared.tell.send(Told::Counts(self.worker, counts));
            }
        }
    }

    /// Opens a connection when its turn has come.
    ///
    /// # Errors
    /// One sentence with the address.
    pub(super) async fn connect(&self, place: Place) -> Result<Engine, Failure> {
        let due = self.shared.plan.connect_rate.map(|rate| {
            let behind = Duration::try_from_secs_f64(place.turn as f64 / rate);
            self.shared.opening + behind.unwrap_or_default()
        });
        if let Some(due) = due {
            tokio::time::sleep_until(due.into()).await;
        }
        // Never closed.
        let _permit = self.opening.acquire().await;
        let engine = self.open(place, due).await;
        engine.map_err(|error| self.group(place).connect.connect_failure(&error))
    }

    /// Opens a connection; `due` is when that should have been.
    async fn open(&self, place: Place, due: Option<Instant>) -> Result<Engine, ConnectError> {
        let group = self.group(place);
        let start = Instant::now();
        let (options, name) = group.options(place.role, place.number);
        // In a box that goes away: what a connection needs while it is opened is far more than what
        // it needs later.
        let engine = Engine::connect_as(group.connect.engine, options, Some(name));
        let engine = Box::pin(engine).await?;
        self.handle_connected(start, due);
        let client_id = &engine.connected().client_id;
        group
            .connect
            .debug(format_args!("connected as '{}'", client_id.escape_debug()));
        Ok(engine)
    }

    fn handle_connected(&self, start: Instant, due: Option<Instant>) {
        let now = Instant::now();
        let since = |start| nanos(now.saturating_duration_since(start));
        let mut stats = self.stats.borrow_mut();
        let connect = &mut stats.measured.latencies.connect;
        connect.corrected.record(since(due.unwrap_or(start)));
        if due.is_some() {
            connect.uncorrected.record(since(start));
        }
        stats.measured.connections += 1;
        self.counters().connected.add(1);
    }

    /// Leaves, and comes back at once: as whom it was if its session is kept. A broker that refuses
    /// is asked again. `None`: the run has ended meanwhile.
    ///
    /// # Errors
    /// If there is no connection any more.
    pub(super) async fn come_back(
        &self,
        place: Place,
        mut engine: Engine,
    ) -> Result<Option<Engine>, Failure> {
        let mut watch = self.shared.watch();
        let is_kept = !self.group(place).connect.options.connect.clean_start;
        let farewell = engine.disconnect(ReasonCode::SUCCESS, Properties::EMPTY);
        // A broker that takes no farewell gets none.
        let _ = Box::pin(farewell).await;
        self.counters().connected.sub(1);
        loop {
            let start = Instant::now();
            let again = async {
                match is_kept {
                    true => {
                        Box::pin(engine.reconnect()).await?;
                        self.handle_connected(start, None);
                        Ok(None)
                    }
                    false => self.open(place, None).await.map(Some),
                }
            };
            let error = match again.await {
                Ok(None) => return Ok(Some(engine)),
                Ok(Some(new)) => return Ok(Some(new)),
                Err(error) => error,
            };
            let connect = &self.group(place).connect;
            let (ConnectError::Refused(refusal) | ConnectError::Lost(Lost::Disconnected(refusal))) =
                &error
            else {
                let mut failure = connect.connect_failure(&error);
                // It was there before.
                if failure.exit == Exit::NoConnection {
                    failure.exit = Exit::ConnectionLost;
                }
                return Err(failure);
            };
            self.stats
                .borrow_mut()
                .refuse(refusal.packet, refusal.version, refusal.reason);
            self.counters().errors.add(1);
            tokio::select! {
                biased;
                _ = watch.wait_for(|phase| *phase >= Phase::Draining) => return Ok(None),
                () = tokio::time::sleep(PAUSE) => {}
            }
        }
    }

    /// When a connection leaves for the first time after it can begin: connections take turns.
    pub(super) fn first_leave(&self, place: Place, every: Duration) -> Duration {
        let Place {
            group,
            role,
            number,
            ..
        } = place;
        every.mul_f64(self.shared.plan.first_leave(group, role, number))
    }

    /// Keeps a connection alive until the phase has come.
    ///
    /// # Errors
    /// If the connection is lost.
    pub(super) async fn wait_for(
        &self,
        place: Place,
        client: &mut Engine,
        phase: Phase,
    ) -> Result<(), Failure> {
        let mut round = None;
        poll_fn(|cx| self.poll_wait_for(cx, place, client, phase, &mut round)).await
    }

    /// The same for those who poll; `round` is `None` at first, and is not to be changed.
    pub(super) fn poll_wait_for(
        &self,
        cx: &mut Context<'_>,
        place: Place,
        client: &mut Engine,
        phase: Phase,
        round: &mut Option<u64>,
    ) -> Poll<Result<(), Failure>> {
        // Many thousand connections may wait here, each for one waker.
        loop {
            if self.phase() >= phase {
                return Poll::Ready(Ok(()));
            }
            let now = self.rounds.get();
            if round.replace(now) != Some(now) {
                self.waiting.borrow_mut().push(cx.waker().clone());
            }
            match client.poll_visited(cx, &mut Nobody) {
                Poll::Ready(Ok(_)) => {}
                Poll::Ready(Err(lost)) => return Poll::Ready(Err(self.lost(place, &lost))),
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    /// Tells those who wait that there is another phase. Each of them waits again if it is not the
    /// one that it waits for.
    pub(super) fn wake(&self) {
        self.rounds.set(self.rounds.get() + 1);
        for waker in self.waiting.take() {
            waker.wake();
        }
    }

    /// The sentence and the exit code for a lost connection.
    pub(super) fn lost(&self, place: Place, lost: &Lost) -> Failure {
        let mut stats = self.stats.borrow_mut();
        match lost {
            Lost::Disconnected(refusal) if refusal.reason.is_error() => {
                stats.refuse(refusal.packet, refusal.version, refusal.reason);
            }
            _ => stats.fail("connection lost"),
        }
        self.counters().errors.add(1);
        self.counters().connected.sub(1);
        self.group(place).connect.lost_failure(lost)
    }

    /// Ends a connection. Everything is counted by now, so a broker that takes no farewell changes
    /// nothing.
    pub(super) async fn leave(&self, mut client: Engine) {
        let _ = client
            .disconnect(ReasonCode::SUCCESS, Properties::EMPTY)
            .await;
    }
}

fn opening_at_once(plan: &Plan) -> usize {
    OPENING.div_ceil(plan.workers.max(1))
}

/// Who awaits no message.
pub(super) struct Nobody;

impl Visitor for Nobody {
    fn message(&mut self, _: &crate::mqtt::packet::Publish<'_>) {}

    fn published(&mut self, _: crate::client::Token, _: ReasonCode) {}
}
