//! What the players of a replay have together: counts, what waits for answers, the comparison.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::Duration;

use hdrhistogram::Histogram;
use rustc_hash::FxHashMap;
use tokio::time::Instant;

use super::ledger::{Bell, Ledger};
use super::part::Part;
use super::show::Show;
use super::step::Number;
use super::verify::{Verified, Verify};
use crate::client::Token;
use crate::client::native::Client;
use crate::cmd::{Exit, Failure};
use crate::mqtt::{QoS, ReasonCode};

/// See the [module](self).
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) tally: RefCell<Tally>,
    pub(super) ledger: RefCell<Ledger>,
    pub(super) bell: Bell,
    /// `None`: nobody asks.
    pub(super) verify: Option<RefCell<Verify>>,
    /// What of the capture is played; `None`: all of it.
    pub(super) part: Option<RefCell<Part>>,
    /// Where messages that come are shown, if they are.
    pub(super) show: Option<RefCell<Show>>,
    parked: RefCell<FxHashMap<String, Parked>>,
}

/// A client between two connections, which has messages that are not acknowledged.
#[derive(Debug)]
pub(super) struct Parked {
    pub(super) client: Client,
    pub(super) waiting: FxHashMap<Token, Number>,
}

impl Shared {
    /// With nothing counted yet.
    ///
    /// # Errors
    /// Never with these numbers.
    pub(super) fn new(verify: bool, is_part: bool, show: Option<Show>) -> Result<Shared, Failure> {
        Ok(Shared {
            tally: RefCell::new(Tally::new()?),
            ledger: RefCell::default(),
            bell: Bell::default(),
            verify: verify.then(|| RefCell::new(Verify::new(is_part))),
            part: is_part.then(RefCell::default),
            show: show.map(RefCell::new),
            parked: RefCell::default(),
        })
    }

    /// The broker has answered.
    pub(super) fn answered(&self, number: Number) {
        self.ledger.borrow_mut().answered(number);
        self.bell.ring();
    }

    /// A session has given its sign.
    pub(super) fn settled(&self, session: u64) {
        self.ledger.borrow_mut().settled(session);
        self.bell.ring();
    }

    /// Keeps a client until it connects again.
    pub(super) fn park(&self, name: String, parked: Parked) {
        self.parked.borrow_mut().insert(name, parked);
    }

    /// Takes it out.
    pub(super) fn unpark(&self, name: &str) -> Option<Parked> {
        self.parked.borrow_mut().remove(name)
    }

    /// A new round: nobody of the last one comes back.
    pub(super) fn start_round(&self) {
        self.parked.borrow_mut().clear();
        *self.ledger.borrow_mut() = Ledger::default();
        if let Some(part) = &self.part {
            *part.borrow_mut() = Part::default();
        }
    }

    /// What the comparison of this round has come to, if there is one.
    pub(super) fn verified(&self) -> Option<Verified> {
        let verify = self.verify.as_ref()?;
        let verify = verify.replace(Verify::new(self.part.is_some()));
        let part = self.part.as_ref().map(RefCell::borrow);
        Some(verify.finish(part.as_deref()))
    }
}

/// What all players count together.
#[derive(Debug)]
pub(super) struct Tally {
    /// Messages handed to a connection.
    pub(super) sent: u64,
    /// When the last of them was, about.
    pub(super) last_sent: Option<Instant>,
    /// Those of them with QoS 1 or 2.
    pub(super) awaited: u64,
    /// Those of these that the server has taken.
    pub(super) acknowledged: u64,
    /// Those of these that the server has refused.
    pub(super) refused_by_server: u64,
    /// Messages that were not sent, since the server had said that it would not take them.
    pub(super) over_limits: u64,
    /// Both, by reason.
    pub(super) refused: BTreeMap<ReasonCode, u64>,
    /// The first of them, in words.
    pub(super) first_refusal: Option<Failure>,
    /// Requests that the server said it would not take.
    pub(super) not_asked: u64,
    /// Messages that the server sent.
    pub(super) received: u64,
    /// Properties that the target's version does not have.
    pub(super) properties_dropped: u64,
    /// Messages sent at a lower QoS, since the server has none as high.
    pub(super) qos_lowered: u64,
    /// Messages sent without RETAIN, since the server has none.
    pub(super) retain_dropped: u64,
    /// Wills that were made what the server takes.
    pub(super) wills_adapted: u64,
    /// Messages that waited for the server's Receive Maximum.
    pub(super) quota_waits: u64,
    /// Connections that were made anew.
    pub(super) reconnects: u64,
    /// Answers that were no longer waited for.
    pub(super) given_up: u64,
    /// Microseconds from when a message was due until it was sent.
    pub(super) lateness: Histogram<u64>,
}

impl Tally {
    fn new() -> Result<Tally, Failure> {
        // From a microsecond to a day, three digits.
        let lateness = Histogram::new_with_bounds(1, 86_400_000_000, 3)
            .map_err(|error| Failure::new(Exit::Io, format!("no histogram: {error}")))?;
        Ok(Tally {
            sent: 0,
            last_sent: None,
            awaited: 0,
            acknowledged: 0,
            refused_by_server: 0,
            over_limits: 0,
            refused: BTreeMap::new(),
            first_refusal: None,
            not_asked: 0,
            received: 0,
            properties_dropped: 0,
            qos_lowered: 0,
            retain_dropped: 0,
            wills_adapted: 0,
            quota_waits: 0,
            reconnects: 0,
            given_up: 0,
            lateness,
        })
    }

    /// A message is handed to a connection, so much later than planned; the last one for now, if
    /// `is_last`.
    pub(super) fn sent(&mut self, qos: QoS, late: Option<Duration>, is_last: bool) {
        self.sent += 1;
        if is_last || self.sent.is_multiple_of(64) {
            self.last_sent = Some(Instant::now());
        }
        if qos > QoS::AtMostOnce {
            self.awaited += 1;
        }
        if let Some(late) = late {
            let late = u64::try_from(late.as_micros()).unwrap_or(u64::MAX);
            self.lateness.saturating_record(late);
        }
    }

    /// A message is refused.
    pub(super) fn refused(&mut self, reason: ReasonCode, sentence: impl FnOnce() -> String) {
        *self.refused.entry(reason).or_default() += 1;
        self.first_refusal(Exit::Refused(reason), sentence);
    }

    /// The first refusal is the one that is told.
    pub(super) fn first_refusal(&mut self, exit: Exit, sentence: impl FnOnce() -> String) {
        self.first_refusal
            .get_or_insert_with(|| Failure::new(exit, sentence()));
    }
}
