//! What a step waits for, so that clients do what they do when the broker has done what it had done
//! by then in the capture.

use std::collections::BTreeSet;
use std::time::Duration;

use rustc_hash::FxHashSet;
use tokio::time::Instant;

use super::{Actor, Conductor};
use crate::client::ConnectOptions;
use crate::cmd::capture_replay::player::Job;
use crate::cmd::capture_replay::step::{Action, Leave};
use crate::cmd::note;
use crate::mqtt::topic::Quoted;
use crate::mqtt::{PropertyId, ReasonCode};
use crate::output::text::count;

/// How long an answer is waited for that the capture has, and the broker does not give.
const PATIENCE: Duration = Duration::from_secs(2);

/// How long a will is waited for that comes after a delay (5.0, 3.1.3.2.2).
const LONGEST_DELAY: Duration = Duration::from_secs(60);

/// How often it is told that something did not come.
const TOLD: u32 = 10;

/// What a step waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Gate {
    /// Nothing.
    Open,
    /// That requests other than messages are answered.
    Message,
    /// That everything is, and that the session has got its messages.
    Leave,
    /// That everything is, and that all sessions have got theirs.
    Request,
}

impl Gate {
    pub(super) fn of(action: &Action) -> Gate {
        match action {
            Action::Answered(_) | Action::Rest(_) => Gate::Open,
            Action::Publish(_) => Gate::Message,
            Action::Leave(..) => Gate::Leave,
            Action::Open(_) | Action::Subscribe(_) | Action::Unsubscribe(_) => Gate::Request,
        }
    }
}

/// How long something has been waited for, and will be.
#[derive(Debug)]
pub(super) struct Waiting {
    since: Option<Instant>,
    until: Option<Instant>,
    /// Sessions that were sent less than in the capture, as far as that is known.
    behind: BTreeSet<u64>,
    /// Sessions with a shared subscription: who of them gets what is the broker's choice, so they
    /// have what they were sent together. And what those were to get and got that are over.
    shared: FxHashSet<u64>,
    shared_over: (u64, u64),
    /// How long what others were sent is waited for: half as long each time that it did not come,
    /// so that a broker which delivers nothing does not hold up everybody for ever.
    for_others: Duration,
    /// When the last will is out that a session has left behind.
    wills_out: Option<Instant>,
    told: u32,
}

impl Waiting {
    pub(super) fn new() -> Waiting {
        Waiting {
            since: None,
            until: None,
            behind: BTreeSet::new(),
            shared: FxHashSet::default(),
            shared_over: (0, 0),
            for_others: PATIENCE,
            wills_out: None,
            told: 0,
        }
    }

    /// When it is over, if something is waited for.
    pub(super) fn until(&self) -> Option<Instant> {
        self.until
    }

    /// A session has a shared subscription.
    pub(super) fn shares(&mut self, session: u64) {
        self.shared.insert(session);
    }

    /// A session that was to get so many messages, and got so many, is over.
    pub(super) fn is_over(&mut self, session: u64, expected: u64, received: u64) {
        if self.shared.remove(&session) {
            self.shared_over.0 += expected;
            self.shared_over.1 += received;
        }
    }

    /// A session is to get a message.
    pub(super) fn expects(&mut self, session: u64) {
        self.behind.insert(session);
    }
}

/// How long the will of a client waits once its connection is over, if it has one that does.
pub(super) fn will_delay(connect: &ConnectOptions) -> Option<Duration> {
    let will = connect.will.as_ref()?;
    let seconds = |properties: &crate::mqtt::PropertiesBuf, id| {
        properties.as_properties().number(id).unwrap_or_default()
    };
    // The end of the session does not wait (`[MQTT-3.1.3-9]`).
    let delay = seconds(&will.properties, PropertyId::WILL_DELAY_INTERVAL);
    let expiry = seconds(&connect.properties, PropertyId::SESSION_EXPIRY_INTERVAL);
    let delay = Duration::from_secs(u64::from(delay.min(expiry)));
    (!delay.is_zero()).then(|| delay.min(LONGEST_DELAY))
}

impl Actor {
    /// Waits no longer for messages: how many.
    fn need_not(&mut self) -> u64 {
        let missing = self.expected.saturating_sub(self.received.get());
        self.expected -= missing;
        missing
    }
}

impl Conductor<'_> {
    /// Whether the broker has done everything that it had done by now in the capture. If it takes
    /// too long, it need not.
    pub(super) fn may_go(&mut self, session: u64, gate: Gate) -> bool {
        let (is_answered, is_delivered) = match gate {
            Gate::Open => (true, true),
            Gate::Message => (self.shared.ledger.borrow().may_publish(), true),
            Gate::Leave | Gate::Request => {
                if gate == Gate::Leave || self.actors.contains_key(&session) {
                    self.settle_others(session);
                }
                let is_answered = self.shared.ledger.borrow().may_control();
                (is_answered, self.has_all(session))
            }
        };
        let are_others = gate != Gate::Request || !is_delivered || self.have_all();
        if is_answered && is_delivered && are_others {
            (self.waiting.since, self.waiting.until) = (None, None);
            return true;
        }
        let now = Instant::now();
        let since = *self.waiting.since.get_or_insert(now);
        let patience = match is_answered && is_delivered {
            true => self.waiting.for_others,
            false => PATIENCE,
        };
        let mut until = since + patience;
        if is_answered && let Some(out) = self.waiting.wills_out {
            until = until.max(out + PATIENCE);
        }
        self.waiting.until = Some(until);
        if now < until {
            self.shared.bell.want();
            return false;
        }
        (self.waiting.since, self.waiting.until) = (None, None);
        let answers = match is_answered {
            true => 0,
            false => self.shared.ledger.borrow_mut().give_up(),
        };
        let mut messages = self.need_not(session);
        if gate == Gate::Request {
            let behind = std::mem::take(&mut self.waiting.behind);
            messages += behind
                .into_iter()
                .map(|one| self.need_not(one))
                .sum::<u64>();
            if is_answered && is_delivered {
                self.waiting.for_others /= 2;
            }
        }
        self.shared.tally.borrow_mut().given_up += answers + messages;
        self.tell_given_up(session, answers, messages, now.duration_since(since));
        true
    }

    fn tell_given_up(&mut self, session: u64, answers: u64, messages: u64, waited: Duration) {
        self.waiting.told += 1;
        if self.waiting.told > TOLD || answers + messages == 0 {
            return;
        }
        let actor = self.actors.get(&session);
        let who = actor.map_or_else(
            || "the next client".to_owned(),
            |actor| Quoted(&actor.client).to_string(),
        );
        let mut what = Vec::new();
        if answers > 0 {
            what.push(count(answers, "answer"));
        }
        if messages > 0 {
            what.push(count(messages, "message"));
        }
        note(format_args!(
            "{who} has waited {:.1} s in vain for what the broker had sent by then in the capture: \
             {}",
            waited.as_secs_f64(),
            what.join(" and ")
        ));
    }

    /// Waits no longer for messages to a session, or to all members of a shared subscription if it
    /// is one: how many.
    fn need_not(&mut self, session: u64) -> u64 {
        if !self.waiting.shared.contains(&session) {
            let actor = self.actors.get_mut(&session);
            return actor.map_or(0, Actor::need_not);
        }
        let (expected, received) = self.shared();
        for member in &self.waiting.shared {
            if let Some(actor) = self.actors.get_mut(member) {
                actor.need_not();
            }
        }
        self.waiting.shared_over.0 = self.waiting.shared_over.1;
        expected.saturating_sub(received)
    }

    /// What the members of shared subscriptions were sent by now in the capture, and now.
    fn shared(&self) -> (u64, u64) {
        let members = self.waiting.shared.iter();
        let members = members.filter_map(|session| self.actors.get(session));
        let (expected, received) = self.waiting.shared_over;
        members.fold((expected, received), |(expected, received), actor| {
            (expected + actor.expected, received + actor.received.get())
        })
    }

    /// Whether a session was sent what it had been sent by now in the capture.
    fn has_all(&self, session: u64) -> bool {
        if self.waiting.shared.contains(&session) {
            let (expected, received) = self.shared();
            return received >= expected;
        }
        let actor = self.actors.get(&session);
        actor.is_none_or(|actor| actor.received.get() >= actor.expected)
    }

    /// Whether all sessions were.
    fn have_all(&mut self) -> bool {
        while let Some(&session) = self.waiting.behind.first() {
            if !self.has_all(session) {
                return false;
            }
            self.waiting.behind.pop_first();
        }
        true
    }

    /// A session ends in this way: its will may be on its way.
    pub(super) fn await_will(&mut self, delay: Option<Duration>, leave: &Leave) {
        let is_sent = match leave {
            Leave::Disconnect(reason, _) => *reason == ReasonCode::DISCONNECT_WITH_WILL,
            Leave::Cut | Leave::ByServer(_) => true,
            Leave::Unseen => false,
        };
        if let Some(delay) = delay.filter(|_| is_sent) {
            self.waiting.wills_out = self.waiting.wills_out.max(Some(Instant::now() + delay));
        }
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
                    self.shared.ledger.borrow_mut().settle(other);
                }
            }
        }
    }
}
