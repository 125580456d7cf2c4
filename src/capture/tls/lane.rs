//! The keys of one direction, and the sequence number that the next record has.

use super::{
    cipher::{Cipher, Opened},
    handshake::Messages,
    records::Record,
    secrets::Secrets,
    session::{Keys, Session, Step},
};
use crate::{capture::record::Place, mqtt::Side};

/// Sequence numbers that are tried after a loss: first a few with all keys, then many.
const WINDOWS: [(u64, u64); 2] = [(0, 64), (65, 1 << 16)];

/// Bytes that may be opened in vain, at first and for each byte that comes: a capture that is made
/// to cost time must not.
const FIRST_CREDIT: u64 = 64 << 20;
const CREDIT_PER_BYTE: u64 = 16;

/// What opening even the shortest record costs, in bytes.
const MIN_COST: u64 = 256;

/// How much may be tried, in all connections together.
#[derive(Debug, Default)]
pub(in crate::capture) struct Budget {
    seen: u64,
    spent: u64,
}

impl Budget {
    fn see(&mut self, bytes: u64) {
        self.seen = self.seen.saturating_add(bytes);
    }

    fn spend(&mut self, bytes: u64) {
        self.spent = self.spent.saturating_add(bytes.max(MIN_COST));
    }

    fn is_spent(&self) -> bool {
        self.spent > FIRST_CREDIT.saturating_add(self.seen.saturating_mul(CREDIT_PER_BYTE))
    }
}

#[derive(Debug)]
pub(super) struct Lane {
    side: Side,
    /// The keys in use; `None` if the first record of `step` is still to come. Boxed, since they are
    /// large and most connections of a large capture are over.
    keys: Option<Box<Keys>>,
    /// The step that the next record belongs to, or one behind it; `None` while nothing is sealed.
    pub(super) step: Option<Step>,
    seq: u64,
    pub(super) messages: Messages,
    /// Bytes lost since the last record that was opened, and where.
    lost: Option<(u64, Place)>,
    /// Bytes lost before it that application data was in.
    untold: Option<(u64, Place)>,
    /// Records that were opened.
    pub(super) opened: u64,
    /// Records that should have been and were not, since the last one that was.
    pub(super) failed: u64,
}

/// What became of a record.
#[derive(Debug)]
pub(super) enum Outcome {
    Opened(Opened),
    /// There are no keys for it.
    NoKeys,
    /// It is of no use, as was to be expected.
    Passed,
    /// It is not what the keys are for.
    Failed,
}

impl Lane {
    pub(super) fn new(side: Side) -> Lane {
        Lane {
            side,
            keys: None,
            step: None,
            seq: 0,
            messages: Messages::default(),
            lost: None,
            untold: None,
            opened: 0,
            failed: 0,
        }
    }

    /// Whether bytes are missing since the last record that was opened.
    pub(super) fn is_lossy(&self) -> bool {
        self.lost.is_some()
    }

    /// Bytes are missing.
    pub(super) fn lose(&mut self, bytes: u64, place: Place) {
        self.lost = join(self.lost, Some((bytes, place)));
    }

    /// What is lost in front of the application data that comes now.
    pub(super) fn take_untold(&mut self) -> Option<(u64, Place)> {
        self.untold.take()
    }

    /// What is still lost at the end.
    pub(super) fn take_all_untold(&mut self) -> Option<(u64, Place)> {
        join(self.untold.take(), self.lost.take())
    }

    /// What comes now is sealed with other keys.
    pub(super) fn enter(&mut self, step: Step, session: &Session) {
        let next = match (&self.keys, step) {
            (Some(keys), Step::Updated) => session.updated(keys),
            _ => None,
        };
        self.keys = next.map(Box::new);
        self.step = Some(step);
        self.seq = 0;
        // What told that the keys change was not lost.
        self.lost = None;
    }

    /// Opens a record; its content is what `scratch` begins with then.
    pub(super) fn open(
        &mut self,
        record: &Record,
        session: &Session,
        secrets: &Secrets,
        budget: &mut Budget,
        scratch: &mut Vec<u8>,
    ) -> Outcome {
        let Some(step) = self.step else {
            return Outcome::NoKeys;
        };
        budget.see(record.header.record_len() as u64);
        let mut nexts = Vec::new();
        for (i, window) in WINDOWS.into_iter().enumerate() {
            if let Some(keys) = &self.keys
                && let Some(found) =
                    self.search(&keys.cipher, self.seq, window, record, budget, scratch)
            {
                return self.accept(step, None, found);
            }
            if i == 0 {
                nexts = self.nexts(step, session, secrets);
            }
            for n in 0..nexts.len() {
                if let Some(keys) = nexts.get(n)
                    && let Some(found) =
                        self.search(&keys.cipher, 0, window, record, budget, scratch)
                {
                    let keys = nexts.swap_remove(n);
                    return self.accept(keys.step, Some(keys), found);
                }
            }
        }
        let has_keys = self.keys.is_some() || !nexts.is_empty();
        if !has_keys {
            return Outcome::NoKeys;
        }
        let is_unreadable = |step| !session.has_secret(step, self.side, secrets);
        let passes = match step {
            Step::Early => is_unreadable(Step::Early) || is_unreadable(Step::Handshake),
            Step::Handshake => is_unreadable(Step::Handshake),
            _ => false,
        };
        if passes
            && self
                .keys
                .as_ref()
                .is_none_or(|keys| keys.step == Step::Early)
        {
            return Outcome::Passed;
        }
        self.failed += 1;
        Outcome::Failed
    }

    /// The keys that may be the right ones if those in use are not.
    fn nexts(&self, step: Step, session: &Session, secrets: &Secrets) -> Vec<Keys> {
        let of = |next: &Step| match (*next, &self.keys) {
            (Step::Updated, Some(keys)) => session.updated(keys),
            (Step::Updated, None) => None,
            (next, _) => session.keys(next, self.side, secrets),
        };
        let following = following(step, self.keys.is_some());
        following.iter().filter_map(of).collect()
    }

    /// Tries sequence numbers behind `first`: itself, or as many of the window as may have been
    /// lost.
    fn search(
        &self,
        cipher: &Cipher,
        first: u64,
        (from, to): (u64, u64),
        record: &Record,
        budget: &mut Budget,
        scratch: &mut Vec<u8>,
    ) -> Option<(u64, Opened)> {
        let most = self
            .lost
            .map_or(0, |(lost, _)| lost / cipher.min_record() + 1);
        for tried in from..=to.min(most) {
            let seq = first.checked_add(tried)?;
            if let Some(opened) = cipher.open(seq, record.header, &record.body, scratch) {
                return Some((seq, opened));
            }
            budget.spend(record.header.record_len() as u64);
            // The most likely ones cost little.
            if budget.is_spent() && tried >= 4 {
                break;
            }
        }
        None
    }

    fn accept(&mut self, step: Step, keys: Option<Keys>, (seq, opened): (u64, Opened)) -> Outcome {
        // The sequence number tells exactly how many records are missing. The first one with the
        // keys of TLS 1.2 is Finished.
        let missing = match (&keys, step) {
            (None, _) => seq - self.seq,
            (Some(_), Step::Tls12) => seq.saturating_sub(1),
            (Some(_), Step::Updated) => 1,
            (Some(_), _) => seq,
        };
        let matters = match step {
            Step::Handshake => self.step == Some(Step::Early),
            _ => missing > 0,
        };
        let lost = self.lost.take().filter(|_| matters);
        self.untold = join(self.untold, lost);
        if let Some(keys) = keys {
            self.step = Some(step);
            self.keys = Some(Box::new(keys));
        }
        self.seq = seq + 1;
        self.failed = 0;
        self.opened += 1;
        Outcome::Opened(opened)
    }
}

/// Both losses as one, at the place of the first.
fn join(first: Option<(u64, Place)>, second: Option<(u64, Place)>) -> Option<(u64, Place)> {
    match (first, second) {
        (Some((a, place)), Some((b, _))) => Some((a.saturating_add(b), place)),
        (first, second) => first.or(second),
    }
}

/// The steps whose keys may be the right ones if those in use are not.
fn following(step: Step, is_begun: bool) -> &'static [Step] {
    match (step, is_begun) {
        (Step::Tls12, false) => &[Step::Tls12],
        (Step::Tls12, true) => &[],
        (Step::Early, false) => &[Step::Early, Step::Handshake, Step::Application],
        (Step::Early, true) => &[Step::Handshake, Step::Application],
        (Step::Handshake, false) => &[Step::Handshake, Step::Application],
        (Step::Handshake, true) => &[Step::Application],
        (Step::Application, false) => &[Step::Application],
        (Step::Application | Step::Updated, _) => &[Step::Updated],
    }
}
