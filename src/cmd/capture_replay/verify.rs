//! `--verify`: what the broker answers beside what it answered in the capture.

mod lists;

use std::fmt;

use rustc_hash::FxHashMap;

use self::lists::{Pool, Topic};
use super::delivery::{Delivery, content};
use super::step::Number;
use crate::mqtt::ReasonCode;
use crate::mqtt::topic::{self, Quoted};
use crate::output::replay::Difference;

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
    differences: Vec<Difference>,
    /// Those that are not in `differences`.
    more: u64,
    compared: u64,
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Reply {
    /// CONNACK: the code, and Session Present.
    Connected(ReasonCode, bool),
    /// SUBACK and UNSUBACK: a code for each filter.
    Codes(Vec<ReasonCode>),
    /// The end of a QoS 1 or 2 exchange.
    Published(ReasonCode),
}

/// A client as it was, and as it is.
#[derive(Debug, Default)]
struct Session {
    client: String,
    topics: FxHashMap<String, Topic>,
    /// Its filters, and the shared ones among them.
    filters: Vec<String>,
    shares: Vec<(String, String)>,
}

/// A request and its two answers.
#[derive(Debug)]
struct Pair {
    session: u64,
    what: &'static str,
    of: Option<String>,
    captured: Option<Reply>,
    replayed: Option<Reply>,
}

impl Verify {
    /// A session begins, of this client.
    pub(super) fn open(&mut self, session: u64, client: &str) {
        self.sessions.entry(session).or_default().client = client.to_owned();
    }

    /// A request goes out: `what` will answer it, `of` what it is about.
    pub(super) fn sent(
        &mut self,
        session: u64,
        number: Number,
        what: &'static str,
        of: Option<String>,
    ) {
        self.open.insert(
            number,
            Pair {
                session,
                what,
                of,
                captured: None,
                replayed: None,
            },
        );
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
    pub(super) fn captured(&mut self, number: Number, reply: Reply) {
        if let Some(pair) = self.open.get_mut(&number) {
            pair.captured = Some(reply);
            self.compare(number);
        }
    }

    /// What the broker says now.
    pub(super) fn replayed(&mut self, number: Number, reply: Reply) {
        if let Some(pair) = self.open.get_mut(&number) {
            pair.replayed = Some(reply);
            self.compare(number);
        }
    }

    fn compare(&mut self, number: Number) {
        let Some(Pair {
            captured: Some(captured),
            replayed: Some(replayed),
            ..
        }) = self.open.get(&number)
        else {
            return;
        };
        let is_same = captured == replayed;
        self.compared += 1;
        let Some(pair) = self.open.remove(&number).filter(|_| !is_same) else {
            return;
        };
        self.differ(
            pair.session,
            pair.what,
            pair.of,
            pair.captured.map(|reply| reply.to_string()),
            pair.replayed.map(|reply| reply.to_string()),
        );
    }

    /// A message that the capture has.
    pub(super) fn captured_delivery(&mut self, session: u64, delivery: Delivery) {
        self.delivery(session, delivery, false);
    }

    /// A message that came now.
    pub(super) fn replayed_delivery(&mut self, session: u64, delivery: Delivery) {
        self.delivery(session, delivery, true);
    }

    fn delivery(&mut self, number: u64, delivery: Delivery, is_now: bool) {
        let session = self.sessions.entry(number).or_default();
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
        let first = self.publishers.get(&delivery.topic);
        let publisher = self.others.get(&delivery.content).or(first).copied();
        let topic = match session.topics.get_mut(&delivery.topic) {
            Some(topic) => topic,
            None => session.topics.entry(delivery.topic.clone()).or_default(),
        };
        let found = topic.push(publisher, delivery, is_now);
        self.compared += found.same;
        if !found.differences.is_empty() {
            self.deliveries_differ(number, found.differences);
        }
    }

    fn deliveries_differ(&mut self, session: u64, differences: Vec<lists::Unequal>) {
        for unequal in differences {
            let (topic, captured, replayed) = unequal.shown();
            self.differ(session, "PUBLISH", Some(topic), captured, replayed);
        }
    }

    /// How the server ended the connection: with DISCONNECT and a code, or not at all.
    pub(super) fn ended(
        &mut self,
        session: u64,
        captured: Option<ReasonCode>,
        replayed: Option<ReasonCode>,
    ) {
        self.compared += u64::from(captured.is_some());
        if captured != replayed {
            let shown = |code: Option<ReasonCode>| code.map(|code| code.to_string());
            self.differ(
                session,
                "DISCONNECT",
                None,
                shown(captured),
                shown(replayed),
            );
        }
    }

    fn differ(
        &mut self,
        session: u64,
        what: &'static str,
        of: Option<String>,
        captured: Option<String>,
        replayed: Option<String>,
    ) {
        if self.differences.len() >= MAX_SHOWN {
            self.more += 1;
            return;
        }
        let client = self.sessions.get(&session);
        self.differences.push(Difference {
            session,
            client: client.map_or_else(String::new, |session| session.client.clone()),
            what,
            of,
            captured,
            replayed,
        });
    }

    /// Everything has come that will: what was found, how many were not kept, and how many answers
    /// and messages were compared.
    pub(super) fn finish(mut self) -> (Vec<Difference>, u64, u64) {
        let mut open: Vec<(Number, Pair)> = self.open.drain().collect();
        open.sort_unstable_by_key(|(number, _)| *number);
        for (_, pair) in open {
            // What the capture has no answer to may have one.
            if let Some(captured) = pair.captured {
                self.compared += 1;
                let captured = Some(captured.to_string());
                self.differ(pair.session, pair.what, pair.of, captured, None);
            }
        }
        let mut sessions: Vec<u64> = self.sessions.keys().copied().collect();
        sessions.sort_unstable();
        for number in sessions {
            let Some(session) = self.sessions.get_mut(&number) else {
                continue;
            };
            let mut topics: Vec<(String, Topic)> = session.topics.drain().collect();
            topics.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
            for (_, topic) in topics {
                let found = topic.finish();
                self.compared += found.same;
                self.deliveries_differ(number, found.differences);
            }
        }
        let mut pools: Vec<(String, Pool)> = self.pools.drain().collect();
        pools.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
        for (share, pool) in pools {
            for unequal in pool.finish() {
                let (topic, captured, replayed) = unequal.shown();
                self.differences.push(Difference {
                    session: u64::MAX,
                    client: share.clone(),
                    what: "PUBLISH",
                    of: Some(topic),
                    captured,
                    replayed,
                });
            }
        }
        (self.differences, self.more, self.compared)
    }
}

/// What a request with these filters is about.
pub(super) fn about<'f>(filters: impl Iterator<Item = &'f str>) -> String {
    let filters: Vec<String> = filters.map(|filter| Quoted(filter).to_string()).collect();
    filters.join(", ")
}

impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reply::Connected(reason, true) => write!(f, "{reason}, session present"),
            Reply::Connected(reason, false) | Reply::Published(reason) => write!(f, "{reason}"),
            Reply::Codes(codes) => {
                for (i, code) in codes.iter().enumerate() {
                    let comma = if i > 0 { ", " } else { "" };
                    write!(f, "{comma}0x{:02x}", code.0)?;
                }
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mqtt::packet::Publish;
    use crate::mqtt::{Properties, QoS};

    fn delivery(topic: &str, payload: &str) -> Delivery {
        let publish = Publish {
            dup: false,
            qos: QoS::AtLeastOnce,
            retain: false,
            topic,
            packet_id: 1,
            properties: Properties::EMPTY,
            payload: payload.as_bytes(),
        };
        Delivery::new(topic, publish.qos, &publish)
    }

    /// What differs: of what, as captured, and as replayed.
    fn found(verify: Verify) -> Vec<(&'static str, Option<String>, Option<String>)> {
        let (differences, 0, _) = verify.finish() else {
            panic!("all are kept");
        };
        let found = differences.into_iter();
        found.map(|d| (d.what, d.captured, d.replayed)).collect()
    }

    #[test]
    fn answers_are_compared_whichever_comes_first() {
        let mut verify = Verify::default();
        verify.open(0, "a");
        for number in 0..4 {
            verify.sent(0, number, "PUBACK", None);
        }
        let ok = Reply::Published(ReasonCode::SUCCESS);
        verify.captured(0, ok.clone());
        verify.replayed(0, ok.clone());
        verify.replayed(1, Reply::Published(ReasonCode::NOT_AUTHORIZED));
        verify.captured(1, ok.clone());
        verify.captured(2, ok.clone());
        // The capture does not have it.
        verify.replayed(3, ok);
        let success = Some("0x00 Success".to_owned());
        assert_eq!(
            found(verify),
            [
                (
                    "PUBACK",
                    success.clone(),
                    Some("0x87 Not authorized".to_owned())
                ),
                ("PUBACK", success, None),
            ]
        );
    }

    #[test]
    fn members_of_a_group_are_one() {
        let mut verify = Verify::default();
        for session in [0, 1] {
            verify.open(session, "a");
            verify.subscribed(session, ["$share/g/t/#"].into_iter());
        }
        verify.captured_delivery(0, delivery("t/1", "x"));
        verify.captured_delivery(1, delivery("t/2", "y"));
        verify.captured_delivery(1, delivery("t/2", "z"));
        verify.replayed_delivery(0, delivery("t/2", "y"));
        verify.replayed_delivery(1, delivery("t/1", "x"));
        let shown = Some("QoS 1, 1 bytes: 'z'".to_owned());
        assert_eq!(found(verify), [("PUBLISH", shown, None)]);
    }
}
