//! The replay itself: hands each step to the player of its session when it is due, and, if the order
//! of the capture is to be kept, when the broker has answered what it had answered by then.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use rustc_hash::{FxHashMap, FxHashSet};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use super::Plan;
use super::player::{Job, News, Player, What};
use super::reader::{Batch, Counts, Room};
use super::rewrite;
use super::schedule::{Clock, Queue};
use super::shared::Shared;
use super::step::{Action, Answer, Leave, Number, Opening, Request, Step};
use super::tap::Taps;
use super::verify::{Reply, about};
use crate::cmd::bench::alarm::{Alarm, Alarms};
use crate::cmd::clock::now;
use crate::cmd::connect::ConnectPlan;
use crate::cmd::signals::Signals;
use crate::cmd::{Exit, Failure};
use crate::mqtt::{PropertyId, ReasonCode, Version};
use crate::output::progress::Transfer;

/// How long before its first message a session connects that does nothing but publish.
const CONNECT_AHEAD: Duration = Duration::from_secs(1);

/// How long an answer is waited for that the capture has, and the broker does not give.
const PATIENCE: Duration = Duration::from_secs(2);

/// A sleep is never longer than this.
const LONGEST_SLEEP: Duration = Duration::from_secs(86_400);

/// Between two looks at how far it is.
const LOOK: Duration = Duration::from_millis(200);

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
    /// The first connections that failed.
    pub(super) failures: Vec<Failure>,
    /// How many failed.
    pub(super) failed: u64,
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
        server_ends: FxHashMap::default(),
        refused: FxHashMap::default(),
        openings: 0,
        connecting: 0,
        connected: 0,
        blocked_since: None,
        news,
        stopped,
        outcome: Outcome::default(),
    };
    let mut progress = Transfer::new(plan.shows_progress, None);
    let mut look = tokio::time::interval(LOOK);
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
                progress.show(0, shared.tally.borrow().sent);
            }
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
    /// Connections that it is the server's turn to end, with the code that it gave in the capture.
    server_ends: FxHashMap<u64, Option<ReasonCode>>,
    /// Connections that the broker has refused, until it is known the same way; and those that it
    /// refused in the capture.
    refused: FxHashMap<u64, Refused>,
    /// Connections that are still to be opened.
    openings: usize,
    connecting: usize,
    connected: usize,
    /// Since when the next step waits for answers.
    blocked_since: Option<Instant>,
    news: mpsc::UnboundedSender<News>,
    stopped: watch::Receiver<bool>,
    outcome: Outcome,
}

/// A step at its time.
struct Planned {
    session: u64,
    /// When it was captured.
    time: Option<i64>,
    action: Action,
    room: Room,
}

/// A session that is played.
struct Actor {
    jobs: mpsc::UnboundedSender<Job>,
    /// Messages that it was sent in the capture by now, and those that it was sent now.
    expected: u64,
    received: Rc<Cell<u64>>,
    is_unsettled: bool,
}

struct Lost {
    failure: Failure,
    said: Option<ReasonCode>,
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

    /// Whether the broker has answered everything that it had answered by now in the capture. If it
    /// takes too long, it need not.
    fn may_go(&mut self, session: u64, gate: Gate) -> bool {
        let may = match gate {
            Gate::Open => true,
            Gate::Message => self.shared.ledger.borrow().may_publish(),
            Gate::Connect => self.shared.ledger.borrow().may_control(),
            Gate::Request => {
                self.settle_others(session);
                self.shared.ledger.borrow().may_control() && self.has_all(session)
            }
        };
        if may {
            self.blocked_since = None;
            return true;
        }
        let since = *self.blocked_since.get_or_insert_with(Instant::now);
        if since.elapsed() < PATIENCE {
            self.shared.bell.want();
            return false;
        }
        self.blocked_since = None;
        let mut given_up = 0;
        if !self.shared.ledger.borrow().may_control() {
            given_up += self.shared.ledger.borrow_mut().give_up();
        }
        if let Some(actor) = self.actors.get_mut(&session) {
            given_up += actor.expected.saturating_sub(actor.received.get());
            actor.expected = actor.expected.min(actor.received.get());
        }
        self.shared.tally.borrow_mut().given_up += given_up;
        true
    }

    /// Whether a session was sent what it had been sent by now in the capture.
    fn has_all(&self, session: u64) -> bool {
        let actor = self.actors.get(&session);
        actor.is_none_or(|actor| actor.received.get() >= actor.expected)
    }

    /// Asks all other sessions that have published without an answer for a sign that it arrived.
    fn settle_others(&mut self, session: u64) {
        let unsettled = std::mem::take(&mut self.unsettled);
        for other in unsettled {
            if other == session {
                self.unsettled.push(other);
                continue;
            }
            if let Some(actor) = self.actors.get_mut(&other) {
                actor.is_unsettled = false;
                if actor.jobs.send(Job::Settle).is_ok() {
                    self.shared.ledger.borrow_mut().settle();
                }
            }
        }
    }

    /// When there is something to do next.
    fn wake(&self) -> Option<Instant> {
        let now = Instant::now();
        let latest = now + LONGEST_SLEEP;
        if let Some(since) = self.blocked_since {
            return Some(since + PATIENCE);
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
                    let room = batch.room.clone().filter(|_| is_message);
                    let planned = Planned {
                        session,
                        time,
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

    fn perform(&mut self, planned: Planned, due: Option<Instant>) {
        let Planned {
            session,
            time,
            action,
            room,
        } = planned;
        match action {
            Action::Open(opening) => self.open(session, *opening),
            Action::Answered(answer) => self.answered(session, answer),
            Action::Leave(leave) => self.leave(session, leave),
            Action::Publish(mut message) => {
                if !self.is_there(session) {
                    return;
                }
                if let Some(number) = message.number {
                    let what = match message.publication.qos {
                        crate::mqtt::QoS::ExactlyOnce => "PUBREC",
                        _ => "PUBACK",
                    };
                    self.sent(session, number, false, what, || {
                        about(std::iter::once(message.publication.topic.as_str()))
                    });
                } else if self.plan.is_causal
                    && let Some(actor) = self.actors.get_mut(&session)
                    && !actor.is_unsettled
                {
                    actor.is_unsettled = true;
                    self.unsettled.push(session);
                }
                if let Some(verify) = &self.shared.verify {
                    let publication = &message.publication;
                    let topic = publication.topic.as_str();
                    let mut verify = verify.borrow_mut();
                    verify.published(session, topic, &publication.payload);
                }
                if self.plan.shifts_times
                    && let Some(captured) = time
                {
                    let payload = &mut message.publication.payload;
                    *payload = rewrite::shift(payload, captured, now().nanos);
                }
                self.hand(session, Job::Publish { message, due, room });
            }
            Action::Subscribe(request) => {
                if self.is_there(session) {
                    self.request(session, &request, "SUBACK");
                    self.hand(session, Job::Subscribe(request));
                }
            }
            Action::Unsubscribe(request) => {
                if self.is_there(session) {
                    self.request(session, &request, "UNSUBACK");
                    self.hand(session, Job::Unsubscribe(request));
                }
            }
        }
    }

    fn request(&mut self, session: u64, request: &Request, what: &'static str) {
        let filters = || request.filters.iter().map(|(filter, _)| filter.as_str());
        self.sent(session, request.number, true, what, || about(filters()));
        if what == "SUBACK"
            && let Some(verify) = &self.shared.verify
        {
            verify.borrow_mut().subscribed(session, filters());
        }
    }

    fn sent(
        &self,
        session: u64,
        number: Number,
        is_control: bool,
        what: &'static str,
        of: impl FnOnce() -> String,
    ) {
        if self.plan.is_causal {
            self.shared
                .ledger
                .borrow_mut()
                .sent(number, session, is_control);
        }
        if let Some(verify) = &self.shared.verify {
            verify.borrow_mut().sent(session, number, what, Some(of()));
        }
    }

    /// Whether the session can do what it did. One whose connection the broker has ended cannot,
    /// and that is a failure.
    fn is_there(&mut self, session: u64) -> bool {
        if let Some(lost) = self.lost.remove(&session) {
            self.ended_otherwise(session, None, lost.said);
            self.fail(lost.failure);
        }
        self.actors.contains_key(&session)
    }

    fn hand(&self, session: u64, job: Job) {
        if let Some(actor) = self.actors.get(&session) {
            // One that has failed takes nothing: a message counts as not sent.
            let _ = actor.jobs.send(job);
        }
    }

    fn leave(&mut self, session: u64, leave: Leave) {
        let captured = match &leave {
            Leave::ByServer(said) => Some(*said),
            _ => None,
        };
        if let Some(lost) = self.lost.remove(&session) {
            self.ended_otherwise(session, captured.flatten(), lost.said);
            if captured.is_none() {
                self.fail(lost.failure);
            }
            return;
        }
        let Some(actor) = self.actors.remove(&session) else {
            return;
        };
        if let Some(said) = captured {
            self.server_ends.insert(session, said);
        }
        if self.plan.is_causal {
            let number = LEAVES | session;
            let mut ledger = self.shared.ledger.borrow_mut();
            ledger.sent(number, session, true);
            ledger.must(number);
        }
        let _ = actor.jobs.send(Job::Leave(leave));
    }

    fn ended_otherwise(
        &self,
        session: u64,
        captured: Option<ReasonCode>,
        said: Option<ReasonCode>,
    ) {
        if let Some(verify) = &self.shared.verify {
            verify.borrow_mut().ended(session, captured, said);
        }
    }

    /// The capture has an answer.
    fn answered(&mut self, session: u64, answer: Answer) {
        let verify = self.shared.verify.as_ref();
        let (number, reply) = match answer {
            Answer::Delivered(delivery) => {
                if let Some(actor) = self.actors.get_mut(&session) {
                    actor.expected += 1;
                }
                if let (Some(verify), Some(delivery)) = (verify, delivery) {
                    verify.borrow_mut().captured_delivery(session, *delivery);
                }
                return;
            }
            Answer::Owed(number) => {
                if self.plan.is_causal {
                    self.shared.ledger.borrow_mut().must(number);
                }
                return;
            }
            Answer::Connected {
                number,
                reason,
                session_present,
            } => {
                if reason.is_error() {
                    self.refused.entry(session).or_default().as_captured = true;
                }
                (number, Reply::Connected(reason, session_present))
            }
            Answer::Subscribed { number, reasons } | Answer::Unsubscribed { number, reasons } => {
                (number, Reply::Codes(reasons))
            }
            Answer::Published { number, reason } => (number, Reply::Published(reason)),
        };
        if self.plan.is_causal {
            self.shared.ledger.borrow_mut().must(number);
        }
        if let Some(verify) = verify {
            verify.borrow_mut().captured(number, reply);
        }
    }

    /// `Break` if there is no use in going on.
    fn handle_news(&mut self, news: News) -> ControlFlow<()> {
        let News { session, what } = news;
        let (failure, was_connected, said) = match what {
            What::Connected => {
                self.connecting -= 1;
                self.connected += 1;
                return ControlFlow::Continue(());
            }
            What::Left { was_connected } => {
                if let Some(captured) = self.server_ends.remove(&session) {
                    self.ended_otherwise(session, captured, None);
                }
                self.over(session, was_connected);
                return ControlFlow::Continue(());
            }
            What::Failed {
                failure,
                was_connected,
                said,
            } => (failure, was_connected, said),
        };
        let has_left = !self.actors.contains_key(&session);
        self.over(session, was_connected);
        if !was_connected && matches!(failure.exit, Exit::Refused(_)) {
            self.refused.entry(session).or_default().now = Some(failure);
            let is_over = self.is_alone() && self.ended && self.openings == 0;
            return match is_over && self.steps.is_empty() {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            };
        }
        if was_connected && self.plan.is_sessions {
            // Its turn to end may have come already: then the server was to end it.
            match has_left {
                true => self.ended_in_time(session, failure, said),
                false if self.taken_over.remove(&session) => {}
                false => {
                    self.lost.insert(session, Lost { failure, said });
                }
            }
            return ControlFlow::Continue(());
        }
        // No broker for one is no broker for the others.
        let is_over = failure.exit == Exit::NoConnection || self.is_alone();
        self.fail(failure);
        match is_over {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    }

    /// A connection has failed while it was about to end.
    fn ended_in_time(&mut self, session: u64, failure: Failure, said: Option<ReasonCode>) {
        match self.server_ends.remove(&session) {
            Some(captured) => self.ended_otherwise(session, captured, said),
            None => self.fail(failure),
        }
    }

    fn is_alone(&self) -> bool {
        self.connecting + self.connected == 0
    }

    fn fail(&mut self, failure: Failure) {
        self.outcome.failed += 1;
        if self.outcome.failures.len() < FAILURES_SHOWN {
            self.outcome.failures.push(failure);
        }
    }

    fn over(&mut self, session: u64, was_connected: bool) {
        match was_connected {
            true => self.connected -= 1,
            false => self.connecting -= 1,
        }
        self.actors.remove(&session);
        if let Some(taps) = self.taps {
            taps.close(session);
        }
        self.shared.ledger.borrow_mut().session_over(session);
        self.shared.bell.ring();
    }

    fn open(&mut self, session: u64, opening: Opening) {
        self.openings = self.openings.saturating_sub(1);
        let (sender, jobs) = mpsc::unbounded_channel();
        let received = Rc::new(Cell::new(0));
        let (number, client) = (opening.number, opening.client);
        let connect = self.connect_plan(session, opening);
        if let Some(verify) = &self.shared.verify {
            let name = &connect.options.connect.client_id;
            verify.borrow_mut().open(session, name);
        }
        self.sent(session, number, true, "CONNACK", String::new);
        let name = connect.options.connect.client_id.clone();
        // A client without a name gets one of its own from the server.
        if !name.is_empty()
            && let Some(before) = self.names.insert(name, session)
            && self.actors.contains_key(&before)
        {
            self.taken_over.insert(before);
        }
        let player = Player {
            session,
            number,
            connect,
            client,
            jobs,
            stop: self.stopped.clone(),
            news: self.news.clone(),
            shared: Rc::clone(self.shared),
            received: Rc::clone(&received),
            waiting: FxHashMap::default(),
            is_settling: false,
        };
        tokio::task::spawn_local(player.play());
        self.actors.insert(
            session,
            Actor {
                jobs: sender,
                expected: 0,
                received,
                is_unsettled: false,
            },
        );
        self.connecting += 1;
    }

    /// How a session connects: as captured, but for what the user wants otherwise.
    fn connect_plan(&self, session: u64, opening: Opening) -> ConnectPlan {
        let mut plan = self.plan.connect.clone();
        let given = Arc::clone(&plan.options.connect);
        let mut connect = opening.connect;
        let captured_version = connect.version;
        connect.version = self.plan.version.unwrap_or(connect.version);
        connect.answer_timeout = given.answer_timeout;
        if given.username.is_some() {
            connect.username.clone_from(&given.username);
        }
        if given.password.is_some() {
            connect.password.clone_from(&given.password);
        }
        // What only 5.0 can say.
        if connect.version < Version::V5 {
            if connect.username.is_none() {
                connect.password = None;
            }
            let will = connect.will.iter_mut().map(|will| &mut will.properties);
            for properties in will.chain([&mut connect.properties]) {
                let dropped = properties.as_properties().iter().count() as u64;
                self.shared.tally.borrow_mut().properties_dropped += dropped;
                *properties = crate::mqtt::PropertiesBuf::new();
            }
            // The name is the server's to give in a clean session only (`[MQTT-3.1.3-7]`).
            let needs_name = connect.version == Version::V31 || !connect.clean_start;
            if connect.client_id.is_empty() && needs_name {
                connect.client_id = format!("{}{session:04x}", self.plan.made_up);
            }
        } else if captured_version < Version::V5
            && !connect.clean_start
            && connect.properties.as_properties().is_empty()
        {
            // Before 5.0 it meant a session that is kept.
            let forever = crate::mqtt::property::Value::U32(u32::MAX);
            let expiry = PropertyId::SESSION_EXPIRY_INTERVAL;
            let _ = connect.properties.push(expiry, forever);
        }
        if let Some(taps) = self.taps {
            plan.options.trace = Some(taps.open(session, connect.version));
        }
        plan.options.connect = Arc::new(connect);
        // A connection that is made anew begins as this one did.
        plan.options.plain = true;
        plan
    }

    fn finish(mut self) -> Outcome {
        if let Some(start) = self.start {
            self.outcome.duration = start.elapsed();
        }
        for (session, lost) in std::mem::take(&mut self.lost) {
            self.ended_otherwise(session, None, lost.said);
            self.fail(lost.failure);
        }
        let mut refused: Vec<_> = self.refused.drain().collect();
        refused.sort_unstable_by_key(|(session, _)| *session);
        for (_, refused) in refused {
            match refused {
                Refused {
                    now: Some(_),
                    as_captured: true,
                } => self.outcome.refused_as_captured += 1,
                Refused {
                    now: Some(failure), ..
                } => self.fail(failure),
                _ => {}
            }
        }
        self.outcome
    }
}

/// What a step waits for.
#[derive(Debug, Clone, Copy)]
enum Gate {
    /// Nothing.
    Open,
    /// That requests other than messages are answered.
    Message,
    /// That everything is.
    Connect,
    /// And that the session has got its messages.
    Request,
}

impl Gate {
    fn of(action: &Action) -> Gate {
        match action {
            Action::Answered(_) => Gate::Open,
            Action::Publish(_) => Gate::Message,
            Action::Open(_) => Gate::Connect,
            Action::Subscribe(_) | Action::Unsubscribe(_) | Action::Leave(_) => Gate::Request,
        }
    }
}
