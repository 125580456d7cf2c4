//! The replay itself: hands each step to the player of its session when it is due, and, if the order
//! of the capture is to be kept, when the broker has answered what it had answered by then.

mod ending;
mod gate;
mod opening;
mod performing;

use std::cell::Cell;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::ops::ControlFlow;
use std::rc::Rc;
use std::time::Duration;

use rustc_hash::{FxHashMap, FxHashSet};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use self::gate::{Gate, Waiting};
use super::Plan;
use super::player::{Job, News};
use super::reader::{Batch, Counts, Room};
use super::schedule::{Clock, Queue};
use super::shared::Shared;
use super::step::{Action, Number, Opening, Step};
use super::tap::Taps;
use crate::cmd::bench::alarm::{Alarm, Alarms};
use crate::cmd::signals::Signals;
use crate::cmd::{Exit, Failure, note};
use crate::mqtt::ReasonCode;
use crate::output::progress::Transfer;
use crate::output::replay::{At, End};
use crate::output::text::count;

/// How long before its first message a session connects that does nothing but publish.
const CONNECT_AHEAD: Duration = Duration::from_secs(1);

/// A sleep is never longer than this.
const LONGEST_SLEEP: Duration = Duration::from_secs(86_400);

/// Between two looks at how far it is.
const LOOK: Duration = Duration::from_millis(200);

/// Between two lines about it, where there is no terminal.
const LINES: Duration = Duration::from_secs(10);

/// Failures that are kept to be shown; the others are counted.
const FAILURES_SHOWN: usize = 10;

/// Numbers of the ends of sessions begin here.
const LEAVES: Number = 1 << 63;

/// How it went.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    /// What was read.
    pub(super) counts: Counts,
    /// From the start to the last acknowledgement.
    pub(super) duration: Duration,
    /// From the start until the last message was handed to its connection.
    pub(super) sending: Duration,
    /// The first connections that failed.
    pub(super) failures: Vec<Failure>,
    /// How many failed.
    pub(super) failed: u64,
    /// Clients whose CONNECT was made up, the first of them.
    pub(super) made_up: Vec<SocketAddr>,
    /// Connections with the password that the user has given.
    pub(super) passwords: u64,
    /// Connections that the broker refused, as it did in the capture.
    pub(super) refused_as_captured: u64,
    /// What is wrong with the capture.
    pub(super) damage: Option<Failure>,
    /// The signal that ended it.
    pub(super) signal: Option<Exit>,
    /// Whether there was no use in going on.
    pub(super) is_broken_off: bool,
}

/// Plays what comes out of `batches`. To be called within a [`LocalSet`](tokio::task::LocalSet).
///
/// # Errors
/// If there is no way to be told of the time. Everything else is in the outcome.
pub(super) async fn conduct(
    plan: &Plan,
    shared: &Rc<Shared>,
    taps: Option<&Taps>,
    signals: &mut Signals,
    mut batches: mpsc::UnboundedReceiver<Batch>,
) -> Result<Outcome, Failure> {
    let (news, mut heard) = mpsc::unbounded_channel();
    let (stop, stopped) = watch::channel(false);
    let no_timer = |error| Failure::new(Exit::Io, format!("no timer: {error}"));
    let alarms = Rc::new(Alarms::new().map_err(no_timer)?);
    let mut alarm = Alarm::new(Rc::clone(&alarms));
    let mut ringing = std::pin::pin!(alarms.run());
    let mut conductor = Conductor {
        plan,
        shared,
        taps,
        clock: Clock::new(plan.pace),
        opens: Queue::new(),
        steps: Queue::new(),
        start: None,
        ended: false,
        actors: FxHashMap::default(),
        unsettled: Vec::new(),
        lost: BTreeMap::new(),
        names: FxHashMap::default(),
        taken_over: FxHashSet::default(),
        ends: FxHashMap::default(),
        refused: FxHashMap::default(),
        sent_before: shared.tally.borrow().sent,
        openings: 0,
        connecting: 0,
        connected: 0,
        waiting: Waiting::new(),
        news,
        stopped,
        outcome: Outcome::default(),
    };
    let mut progress = Transfer::new(plan.shows_progress, None);
    let mut look = tokio::time::interval(LOOK);
    let mut lines = tokio::time::interval_at(Instant::now() + LINES, LINES);
    while conductor.advance().is_continue() {
        let wake = conductor.wake();
        let sleep = async {
            match wake {
                Some(at) => alarm.wait_until(at.into_std()).await,
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
                    conductor.outcome.is_broken_off = true;
                    break;
                }
            }
            batch = batches.recv(), if !conductor.ended => {
                let counts = conductor.outcome.counts;
                conductor.handle_batch(batch.unwrap_or_else(|| Batch::broken_off(counts)));
            }
            () = shared.bell.rung() => {}
            ended = &mut ringing => {
                ended.map_err(no_timer)?;
            }
            slept = sleep => slept.map_err(no_timer)?,
            _ = look.tick(), if progress.is_on() => {
                let sent = shared.tally.borrow().sent - conductor.sent_before;
                if conductor.ended {
                    progress.of(conductor.outcome.counts.found.messages);
                }
                progress.show(sent, sent);
            }
            _ = lines.tick(), if plan.shows_progress && !progress.is_on() => conductor.tell(),
        }
    }
    progress.clear();
    // Whoever is still there leaves now; a connection takes two seconds at most for that.
    let _ = stop.send(true);
    while conductor.connecting + conductor.connected > 0
        && let Some(news) = heard.recv().await
    {
        let _ = conductor.handle_news(news);
    }
    Ok(conductor.finish())
}

struct Conductor<'p> {
    plan: &'p Plan,
    shared: &'p Rc<Shared>,
    taps: Option<&'p Taps>,
    clock: Clock,
    /// Sessions to open, each a little ahead of its time.
    opens: Queue<(u64, Box<Opening>)>,
    /// What sessions do, with the room it takes until it is done.
    steps: Queue<Planned>,
    /// When the first step is due; not before the first sessions that are ahead are connected.
    start: Option<Instant>,
    /// Whether the capture is read to its end.
    ended: bool,
    actors: FxHashMap<u64, Actor>,
    /// Sessions that have published at QoS 0, and have not given a sign since.
    unsettled: Vec<u64>,
    /// Connections that the broker has ended, until it is known whether it did so in the capture.
    lost: BTreeMap<u64, Lost>,
    /// The sessions of clients that are there, by name.
    names: FxHashMap<String, u64>,
    /// Those that another one of the same name has taken over: the server ends them.
    taken_over: FxHashSet<u64>,
    /// Connections that are ending, each with how it did in the capture.
    ends: FxHashMap<u64, CapturedEnd>,
    /// Connections that the broker has refused, until it is known the same way; and those that it
    /// refused in the capture.
    refused: FxHashMap<u64, Refused>,
    /// Messages of earlier rounds.
    sent_before: u64,
    /// Connections that are still to be opened.
    openings: usize,
    connecting: usize,
    connected: usize,
    /// What the next step waits for.
    waiting: Waiting,
    news: mpsc::UnboundedSender<News>,
    stopped: watch::Receiver<bool>,
    outcome: Outcome,
}

/// A step at its time.
struct Planned {
    session: u64,
    /// When it was captured, and where it stands.
    time: Option<i64>,
    at: At,
    action: Action,
    room: Room,
}

/// A session that is played.
struct Actor {
    client: String,
    jobs: mpsc::UnboundedSender<Job>,
    /// Messages that it was sent in the capture by now, and those that it was sent now.
    expected: u64,
    received: Rc<Cell<u64>>,
    is_unsettled: bool,
    will_delay: Option<Duration>,
}

struct Lost {
    failure: Failure,
    said: Option<ReasonCode>,
    /// Another one of the same name has taken it over, as is right.
    is_taken_over: bool,
}

/// How a connection ended in the capture, where that stands, and how many QoS 2 messages to the
/// client were not released by then.
#[derive(Debug, Clone, Copy)]
struct CapturedEnd {
    end: Option<End>,
    at: At,
    unreleased: usize,
}

#[derive(Default)]
struct Refused {
    now: Option<Failure>,
    as_captured: bool,
}

impl Conductor<'_> {
    /// Does what is due; `Break` when everything is done.
    fn advance(&mut self) -> ControlFlow<()> {
        let mut elapsed = self.start.map_or(Duration::ZERO, |start| start.elapsed());
        while let Some((_, (session, opening))) = self.opens.pop_due(elapsed) {
            self.open(session, *opening);
        }
        if self.start.is_none() && self.connecting == 0 && !self.steps.is_empty() {
            self.start = Some(Instant::now());
            elapsed = Duration::ZERO;
        }
        if let Some(start) = self.start {
            while let Some(next) = self.steps.peek_due(elapsed) {
                if self.plan.is_causal {
                    let (session, gate) = (next.session, Gate::of(&next.action));
                    if !self.may_go(session, gate) {
                        break;
                    }
                }
                let Some((due, planned)) = self.steps.pop_due(elapsed) else {
                    break;
                };
                let due = match self.plan.pace.is_max() {
                    false => start.checked_add(due),
                    true => None,
                };
                self.perform(planned, due);
            }
            self.skip_what_nobody_does();
        }
        if self.ended && self.opens.is_empty() && self.steps.is_empty() {
            // Nothing more to come: they leave when they have done their work.
            self.actors.clear();
            if self.connecting + self.connected == 0 {
                return ControlFlow::Break(());
            }
        }
        ControlFlow::Continue(())
    }

    /// Where nobody is there any more, nobody waits for the time of what the others did.
    fn skip_what_nobody_does(&mut self) {
        while self.plan.is_sessions
            && self.is_alone()
            && let Some(next) = self.steps.peek_due(Duration::MAX)
            && !matches!(next.action, Action::Open(_))
            && let Some((_, planned)) = self.steps.pop_due(Duration::MAX)
        {
            self.perform(planned, None);
        }
    }

    /// Says how far it is.
    fn tell(&self) {
        let tally = self.shared.tally.borrow();
        let elapsed = self.start.map_or(Duration::ZERO, |start| start.elapsed());
        let messages = self.outcome.counts.found.messages;
        // What is read ahead is not all there is.
        let least = if self.ended { "" } else { "at least " };
        note(format_args!(
            "{} s: {} of {least}{} sent, {} received, {}",
            elapsed.as_secs(),
            tally.sent - self.sent_before,
            count(messages, "message"),
            tally.received,
            count(self.connected as u64, "connection")
        ));
    }

    /// When there is something to do next.
    fn wake(&self) -> Option<Instant> {
        let now = Instant::now();
        let latest = now + LONGEST_SLEEP;
        if let Some(until) = self.waiting.until() {
            return Some(until);
        }
        let next = match (self.opens.next_due(), self.steps.next_due()) {
            (Some(open), Some(step)) => open.min(step),
            (open, step) => open.or(step)?,
        };
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
                at,
                action,
            } = step;
            let is_message = matches!(action, Action::Publish(_));
            let due = self.clock.due(time, is_message);
            match action {
                Action::Open(opening) if opening.is_ahead => {
                    self.openings += 1;
                    let ahead = due.saturating_sub(CONNECT_AHEAD);
                    self.opens.push(ahead, (session, opening));
                }
                action => {
                    self.openings += usize::from(matches!(action, Action::Open(_)));
                    let room = batch.room.clone();
                    let planned = Planned {
                        session,
                        time,
                        at,
                        action,
                        room,
                    };
                    self.steps.push(due, planned);
                }
            }
        }
        if let Some(end) = batch.end {
            self.ended = true;
            self.outcome.damage = end.err();
        }
    }
}
