//! `--verify`: what the broker answers beside what it answered in the capture.

mod answers;
mod lists;

use rustc_hash::FxHashMap;

use self::answers::{Terms, is_same, is_same_end};
use self::lists::{Pool, Topic, Unequal};
use super::delivery::{Delivery, content};
use super::part::Part;
use super::step::Number;
use crate::mqtt::{Version, topic};
use crate::output::replay::{At, Difference, End, Kind, Of, Seen};

/// Differences that are shown; more are counted.
const MAX_SHOWN: usize = 10_000;

/// Messages of other publishers than the first on their topic that are told apart.
const MAX_OTHERS: usize = 1 << 20;

/// The comparison.
#[derive(Debug, Default)]
pub(super) struct Verify {
    sessions: FxHashMap<u64, Session>,
    /// What the members of a shared subscription were sent together: who gets what is the broker's
    /// choice (5.0, 4.8.2).
    pools: FxHashMap<String, Pool>,
    open: FxHashMap<Number, Pair>,
    /// Who published first on a topic.
    publishers: FxHashMap<String, u64>,
    /// Who else published what, by [`Delivery::content`].
    others: FxHashMap<u64, u64>,
    /// Whether only a part of the capture is played.
    is_part: bool,
    differences: Vec<Difference>,
    /// Those that are not in `differences`.
    more: u64,
    compared: u64,
}

/// What a comparison has come to.
#[derive(Debug)]
pub(super) struct Verified {
    /// The differences, the first of them.
    pub(super) differences: Vec<Difference>,
    /// How many there are.
    pub(super) found: u64,
    /// Answers, messages and ends that were compared, those that differ included.
    pub(super) compared: u64,
}

/// A client as it was, and as it is.
#[derive(Debug, Default)]
struct Session {
    client: String,
    /// Whether it speaks another version now.
    is_other_version: bool,
    /// Whether the capture has anything of what the server sent it. Else nobody knows what that was.
    is_answered: bool,
    topics: FxHashMap<String, Topic>,
    /// Its filters, and the shared ones among them.
    filters: Vec<String>,
    shares: Vec<(String, String)>,
}

/// A request and its two answers.
#[derive(Debug)]
struct Pair {
    session: u64,
    packet: &'static str,
    of: Of,
    captured: Option<(Seen, At)>,
    now: Option<Seen>,
}

impl Verify {
    /// Of the whole capture, or a part of it.
    pub(super) fn new(is_part: bool) -> Verify {
        Verify {
            is_part,
            ..Verify::default()
        }
    }

    /// A session begins, of this client, with the captured version and that of the replay.
    pub(super) fn open(&mut self, session: u64, client: &str, was: Version, is: Version) {
        let session = self.sessions.entry(session).or_default();
        session.client = client.to_owned();
        session.is_other_version = was != is;
    }

    /// A request goes out: `packet` will answer it, `of` what it is about.
    pub(super) fn sent(&mut self, session: u64, number: Number, packet: &'static str, of: Of) {
        let pair = Pair {
            session,
            packet,
            of,
            captured: None,
            now: None,
        };
        self.open.insert(number, pair);
    }

    /// The filters of a SUBSCRIBE.
    pub(super) fn subscribed<'f>(&mut self, session: u64, filters: impl Iterator<Item = &'f str>) {
        let session = self.sessions.entry(session).or_default();
        for filter in filters {
            match topic::parse_shared(filter) {
                Ok(Some(shared)) => {
                    let share = (filter.to_owned(), shared.filter.to_owned());
                    session.shares.push(share);
                }
                _ => session.filters.push(filter.to_owned()),
            }
        }
    }

    /// A message goes out.
    pub(super) fn published(&mut self, session: u64, topic: &str, payload: &[u8]) {
        match self.publishers.get(topic) {
            Some(first) if *first == session => {}
            Some(_) if self.others.len() < MAX_OTHERS => {
                // The same from several is of the first of them.
                let others = self.others.entry(content(topic, payload));
                others.or_insert(session);
            }
            Some(_) => {}
            None => {
                self.publishers.insert(topic.to_owned(), session);
            }
        }
    }

    /// What the capture has.
    pub(super) fn captured(&mut self, number: Number, seen: Seen, at: At) {
        if let Some(pair) = self.open.get_mut(&number) {
            pair.captured = Some((seen, at));
            if let Some(session) = self.sessions.get_mut(&pair.session) {
                session.is_answered = true;
            }
            self.compare(number);
        }
    }

    /// What the broker says now.
    pub(super) fn replayed(&mut self, number: Number, seen: Seen) {
        if let Some(pair) = self.open.get_mut(&number) {
            pair.now = Some(seen);
            self.compare(number);
        }
    }

    fn compare(&mut self, number: Number) {
        let Some(Pair {
            session,
            captured: Some((captured, _)),
            now: Some(now),
            ..
        }) = self.open.get(&number)
        else {
            return;
        };
        let is_same = is_same(captured, now, self.terms(*session));
        if let Some(pair) = self.open.remove(&number) {
            match is_same {
                true => self.compared += 1,
                false => self.answer_differs(pair),
            }
        }
    }

    fn terms(&self, session: u64) -> Terms {
        let session = self.sessions.get(&session);
        Terms {
            is_other_version: session.is_some_and(|session| session.is_other_version),
            is_part: self.is_part,
        }
    }

    fn answer_differs(&mut self, pair: Pair) {
        let (captured, at) = pair.captured.unzip();
        // Of an exchange that came to its end, PUBREC said the code and PUBCOMP was the end.
        let was_accepted =
            matches!(&captured, Some(Seen::Acknowledged(reason)) if !reason.is_error());
        let packet = match pair.packet {
            "PUBREC" if pair.now.is_none() && was_accepted => "PUBCOMP",
            packet => packet,
        };
        self.differ(Difference {
            kind: Kind::Answer,
            packet: Some(packet),
            session: Some(pair.session),
            client: String::new(),
            of: pair.of,
            captured,
            now: pair.now,
            at: at.unwrap_or_default(),
        });
    }

    /// A message that the capture has.
    pub(super) fn captured_delivery(&mut self, session: u64, delivery: Delivery) {
        self.delivery(session, delivery, false);
    }

    /// A message that came now.
    pub(super) fn replayed_delivery(&mut self, session: u64, delivery: Delivery) {
        self.delivery(session, delivery, true);
    }

    fn delivery(&mut self, number: u64, mut delivery: Delivery, is_now: bool) {
        let session = self.sessions.entry(number).or_default();
        session.is_answered |= !is_now;
        if session.is_other_version {
            delivery.message.drop_properties();
        }
        let matches = |filter: &str| topic::matches(filter, &delivery.topic);
        let share = match session.shares.is_empty() || session.filters.iter().any(|f| matches(f)) {
            true => None,
            false => session.shares.iter().find(|(_, filter)| matches(filter)),
        };
        if let Some((share, _)) = share {
            let pool = self.pools.entry(share.clone()).or_default();
            self.compared += u64::from(pool.push(delivery, is_now));
            return;
        }
        let publisher = match delivery.message.is_retained() {
            // Sent since somebody subscribes, whenever that was published.
            true => None,
            false => {
                let first = self.publishers.get(&delivery.topic);
                self.others.get(&delivery.content).or(first).copied()
            }
        };
        let topic = match session.topics.get_mut(&delivery.topic) {
            Some(topic) => topic,
            None => session.topics.entry(delivery.topic.clone()).or_default(),
        };
        let found = topic.push(publisher, delivery, is_now);
        self.compared += found.same;
        for unequal in found.differences {
            self.delivery_differs(Some(number), String::new(), unequal);
        }
    }

    fn delivery_differs(&mut self, session: Option<u64>, share: String, unequal: Unequal) {
        let (kind, captured, now) = match unequal {
            Unequal::Missing(was) => (Kind::Missing, Some(was), None),
            Unequal::Extra(is) => (Kind::Extra, None, Some(is)),
            Unequal::Moved(was, is) => (Kind::Order, Some(was), Some(is)),
            Unequal::Changed(was, is) => (Kind::Changed, Some(was), Some(is)),
        };
        let one = captured.as_ref().or(now.as_ref());
        let of = one.map_or(Of::Connection, |one| Of::Topic(one.topic.clone()));
        let at = captured.as_ref().map_or_else(At::default, |was| was.at);
        let seen = |delivery: Delivery| Seen::Message(Box::new(delivery.message));
        self.differ(Difference {
            kind,
            packet: Some("PUBLISH"),
            session,
            client: share,
            of,
            captured: captured.map(seen),
            now: now.map(seen),
            at,
        });
    }

    /// How the connection ended at `at`; `None`: it had not, or has not by now.
    pub(super) fn ended(&mut self, session: u64, captured: Option<End>, now: Option<End>, at: At) {
        if is_same_end(captured, now, self.terms(session)) {
            self.compared += 1;
            return;
        }
        self.differ(Difference {
            kind: Kind::End,
            packet: None,
            session: Some(session),
            client: String::new(),
            of: Of::Connection,
            captured: captured.map(Seen::Ended),
            now: now.map(Seen::Ended),
            at,
        });
    }

    /// The connection ended with so many QoS 2 messages to the client that the server had not
    /// released, and now with these. Which of the captured packets is missing is not known.
    pub(super) fn unreleased(&mut self, session: u64, captured: usize, now: Vec<String>) {
        for topic in now.into_iter().skip(captured) {
            self.differ(Difference {
                kind: Kind::Release,
                packet: Some("PUBREL"),
                session: Some(session),
                client: String::new(),
                of: Of::Topic(topic),
                captured: Some(Seen::Released),
                now: None,
                at: At::default(),
            });
        }
    }

    /// Counts a difference, with the name of its client if it has a session.
    fn differ(&mut self, mut difference: Difference) {
        self.compared += 1;
        if self.differences.len() >= MAX_SHOWN {
            self.more += 1;
            return;
        }
        let session = difference.session.and_then(|n| self.sessions.get(&n));
        if let Some(session) = session {
            difference.client.clone_from(&session.client);
        }
        self.differences.push(difference);
    }

    /// Everything has come that will. `part` is what of the capture is played.
    pub(super) fn finish(mut self, part: Option<&Part>) -> Verified {
        let mut open: Vec<(Number, Pair)> = self.open.drain().collect();
        open.sort_unstable_by_key(|(number, _)| *number);
        for (_, pair) in open {
            // What the capture has no answer to may have one.
            if pair.captured.is_some() {
                self.answer_differs(pair);
            }
        }
        let mut sessions: Vec<u64> = self.sessions.keys().copied().collect();
        sessions.sort_unstable();
        for number in sessions {
            let Some(session) = self.sessions.get_mut(&number) else {
                continue;
            };
            if !session.is_answered {
                continue;
            }
            let mut topics: Vec<(String, Topic)> = session.topics.drain().collect();
            topics.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
            for (_, topic) in topics {
                let is_played = |one: &Delivery| part.is_none_or(|part| part.has(number, one));
                let found = topic.finish(is_played);
                self.compared += found.same;
                for unequal in found.differences {
                    self.delivery_differs(Some(number), String::new(), unequal);
                }
            }
        }
        let mut pools: Vec<(String, Pool)> = self.pools.drain().collect();
        pools.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
        for (share, pool) in pools {
            let is_played = |one: &Delivery| part.is_none_or(|part| part.has_shared(&share, one));
            for unequal in pool.finish(is_played) {
                self.delivery_differs(None, share.clone(), unequal);
            }
        }
        Verified {
            found: self.differences.len() as u64 + self.more,
            differences: self.differences,
            compared: self.compared,
        }
    }
}

#[cfg(test)]
mod tests;
