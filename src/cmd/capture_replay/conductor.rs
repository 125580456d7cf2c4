//! The replay itself: hands each step to the player of its session when it is due.

use std::cell::RefCell;
use std::ops::ControlFlow;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use rustc_hash::FxHashMap;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use super::Plan;
use super::player::{Job, News, Player, Tally};
use super::reader::{Batch, Counts, Room};
use super::schedule::{Clock, Queue};
use super::source::{Action, Captured, Step};
use super::speed::Speed;
use crate::capture::CaptureError;
use crate::client::Publication;
use crate::cmd::connect::ConnectPlan;
use crate::cmd::signals::Signals;
use crate::cmd::{Exit, Failure};

/// How long before its first message a session connects.
const CONNECT_AHEAD: Duration = Duration::from_secs(1);

/// A sleep is never longer than this.
const LONGEST_SLEEP: Duration = Duration::from_secs(86_400);

/// Failures that are kept to be shown; the others are counted.
const FAILURES_SHOWN: usize = 10;

/// How it went.
#[derive(Debug)]
pub(super) struct Outcome {
    /// What was read.
    pub(super) counts: Counts,
    /// What the players have counted.
    pub(super) tally: Rc<RefCell<Tally>>,
    /// From the start to the last acknowledgement.
    pub(super) duration: Duration,
    /// The first connections that failed.
    pub(super) failures: Vec<Failure>,
    /// How many failed.
    pub(super) failed: u64,
    /// What is wrong with the capture.
    pub(super) damage: Option<CaptureError>,
    /// The signal that ended it.
    pub(super) signal: Option<Exit>,
}

/// Plays what comes out of `batches`. To be called within a [`LocalSet`](tokio::task::LocalSet).
///
/// # Errors
/// If there is no way to be told of signals. Everything else is in the outcome.
pub(super) async fn conduct(
    plan: &Plan,
    mut batches: mpsc::UnboundedReceiver<Batch>,
) -> Result<Outcome, Failure> {
    let mut signals = Signals::new()?;
    let (news, mut heard) = mpsc::unbounded_channel();
    let (stop, stopped) = watch::channel(false);
    let mut conductor = Conductor {
        plan,
        clock: Clock::new(plan.speed),
        opens: Queue::new(),
        steps: Queue::new(),
        start: None,
        ended: false,
        players: FxHashMap::default(),
        connecting: 0,
        connected: 0,
        news,
        stopped,
        outcome: Outcome {
            counts: Counts::default(),
            tally: Rc::new(RefCell::new(Tally::new()?)),
            duration: Duration::ZERO,
            failures: Vec::new(),
            failed: 0,
            damage: None,
            signal: None,
        },
    };
    while conductor.advance().is_continue() {
        let wake = conductor.wake();
        let sleep = async {
            match wake {
                Some(at) => tokio::time::sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            exit = signals.recv() => {
                conductor.outcome.signal = Some(exit);
                break;
            }
            Some(news) = heard.recv() => {
                if conductor.handle_news(news).is_break() {
                    break;
                }
            }
            batch = batches.recv(), if !conductor.ended => {
                let counts = conductor.outcome.counts;
                conductor.handle_batch(batch.unwrap_or_else(|| Batch::broken_off(counts)));
            }
            () = sleep => {}
        }
    }
    // Whoever is still there leaves now; a connection takes two seconds at most for that.
    let _ = stop.send(true);
    while conductor.connecting + conductor.connected > 0
        && let Some(news) = heard.recv().await
    {
        let _ = conductor.handle_news(news);
    }
    if let Some(start) = conductor.start {
        conductor.outcome.duration = start.elapsed();
    }
    Ok(conductor.outcome)
}

struct Conductor<'p> {
    plan: &'p Plan,
    clock: Clock,
    /// Sessions to open, each a little ahead of its time.
    opens: Queue<(u64, Captured)>,
    /// What sessions do then, with the room it takes until it is done.
    steps: Queue<(u64, Option<Publication>, Room)>,
    /// When the first message is due; not before the first sessions are connected.
    start: Option<Instant>,
    /// Whether the capture is read to its end.
    ended: bool,
    players: FxHashMap<u64, mpsc::UnboundedSender<Job>>,
    connecting: usize,
    connected: usize,
    news: mpsc::UnboundedSender<News>,
    stopped: watch::Receiver<bool>,
    outcome: Outcome,
}

impl Conductor<'_> {
    /// Does what is due; `Break` when everything is done.
    fn advance(&mut self) -> ControlFlow<()> {
        let elapsed = self.start.map_or(Duration::ZERO, |start| start.elapsed());
        while let Some((_, (session, captured))) = self.opens.pop_due(elapsed) {
            self.open(session, captured);
        }
        if self.start.is_none() && self.connecting == 0 && !self.steps.is_empty() {
            self.start = Some(Instant::now());
        }
        if let Some(start) = self.start {
            while let Some((due, (session, publication, room))) = self.steps.pop_due(elapsed) {
                let due = match self.plan.speed {
                    Speed::Factor(_) => start.checked_add(due),
                    Speed::Max => None,
                };
                self.dispatch(session, publication, due, room);
            }
        }
        if self.ended && self.opens.is_empty() && self.steps.is_empty() {
            // Nothing more to come: they leave when they have done their work.
            self.players.clear();
            if self.connecting + self.connected == 0 {
                return ControlFlow::Break(());
            }
        }
        ControlFlow::Continue(())
    }

    /// When there is something to do next.
    fn wake(&self) -> Option<Instant> {
        let next = match (self.opens.next_due(), self.steps.next_due()) {
            (Some(open), Some(step)) => open.min(step),
            (open, step) => open.or(step)?,
        };
        let latest = Instant::now() + LONGEST_SLEEP;
        Some(
            self.start?
                .checked_add(next)
                .map_or(latest, |at| at.min(latest)),
        )
    }

    fn handle_batch(&mut self, batch: Batch) {
        self.outcome.counts = batch.counts;
        self.clock
            .start_at(batch.steps.iter().filter_map(|step| step.time));
        for step in batch.steps {
            let Step {
                session,
                time,
                action,
            } = step;
            let due = self.clock.due(time);
            match action {
                Action::Open(captured) => {
                    let ahead = due.saturating_sub(CONNECT_AHEAD);
                    self.opens.push(ahead, (session, captured));
                }
                Action::Publish(publication) => {
                    let step = (session, Some(publication), batch.room.clone());
                    self.steps.push(due, step);
                }
                Action::Leave => self.steps.push(due, (session, None, None)),
            }
        }
        if let Some(end) = batch.end {
            self.ended = true;
            self.outcome.damage = end.err();
        }
    }

    /// `Break` if there is no use in going on.
    fn handle_news(&mut self, news: News) -> ControlFlow<()> {
        let failure = match news {
            News::Connected => {
                self.connecting -= 1;
                self.connected += 1;
                return ControlFlow::Continue(());
            }
            News::Left { was_connected } => {
                self.count_out(was_connected);
                return ControlFlow::Continue(());
            }
            News::Failed {
                failure,
                was_connected,
            } => {
                self.count_out(was_connected);
                failure
            }
        };
        let is_alone = self.connecting + self.connected == 0;
        let is_over = match failure.exit {
            // No broker for one is no broker for the others.
            Exit::NoConnection => true,
            Exit::ConnectionLost => is_alone,
            // The broker has something against this one.
            _ => is_alone && self.ended && self.opens.is_empty(),
        };
        self.outcome.failed += 1;
        if self.outcome.failures.len() < FAILURES_SHOWN {
            self.outcome.failures.push(failure);
        }
        match is_over {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    }

    fn count_out(&mut self, was_connected: bool) {
        match was_connected {
            true => self.connected -= 1,
            false => self.connecting -= 1,
        }
    }

    fn open(&mut self, session: u64, captured: Captured) {
        let (sender, jobs) = mpsc::unbounded_channel();
        let player = Player {
            connect: self.connect_plan(session, captured),
            client: captured.client,
            jobs,
            stop: self.stopped.clone(),
            news: self.news.clone(),
            tally: Rc::clone(&self.outcome.tally),
        };
        tokio::task::spawn_local(player.play());
        self.players.insert(session, sender);
        self.connecting += 1;
    }

    fn connect_plan(&self, session: u64, captured: Captured) -> ConnectPlan {
        let mut plan = self.plan.connect.clone();
        let connect = Arc::make_mut(&mut plan.options.connect);
        connect.client_id = format!("{}{session:04x}", self.plan.client_id);
        connect.version = self.plan.version.unwrap_or(captured.version);
        plan
    }

    fn dispatch(
        &mut self,
        session: u64,
        publication: Option<Publication>,
        due: Option<Instant>,
        room: Room,
    ) {
        let Some(publication) = publication else {
            self.players.remove(&session);
            return;
        };
        if let Some(player) = self.players.get(&session) {
            // One that has failed takes nothing: the message counts as not sent.
            let _ = player.send(Job {
                publication,
                due,
                room,
            });
        }
    }
}
