//! What of a capture is played where only a part of it is selected: what clients were sent depends on
//! the rest as well, and only what comes of the part is awaited and compared.

use rustc_hash::{FxHashMap, FxHashSet};

use super::delivery::Delivery;
use crate::mqtt::topic;

/// Messages that are remembered; what comes of others is not compared.
const MAX_MESSAGES: usize = 1 << 20;

/// Filters of a session that are remembered and not played; with more, nothing is compared.
const MAX_FILTERS: usize = 10_000;

/// Something that is not played, or was before.
#[derive(Debug)]
pub(super) enum Rest {
    /// A message, by [`content`](super::delivery::content), is not played.
    Message(u64),
    /// The filters of a session from earlier connections: those that are played...
    Filters {
        played: Vec<String>,
        /// ...and those that are not, or with which it unsubscribes.
        not_played: Vec<String>,
    },
    /// Somebody else subscribes to these, and is not played.
    Others(Vec<String>),
}

/// What is played, and what is not, so far.
#[derive(Debug, Default)]
pub(super) struct Part {
    messages: FxHashSet<u64>,
    other_messages: FxHashSet<u64>,
    filters: FxHashMap<u64, Filters>,
    /// Shared subscriptions that have members who are not played.
    other_shares: FxHashSet<String>,
}

#[derive(Debug, Default)]
struct Filters {
    played: Vec<String>,
    not_played: Vec<String>,
}

impl Part {
    /// A message is played, or a will may go out.
    pub(super) fn published(&mut self, content: u64) {
        if self.messages.len() < MAX_MESSAGES {
            self.messages.insert(content);
        }
    }

    /// A session subscribes.
    pub(super) fn subscribed<'f>(&mut self, session: u64, filters: impl Iterator<Item = &'f str>) {
        let own = self.filters.entry(session).or_default();
        own.played.extend(filters.map(str::to_owned));
    }

    /// What is not played.
    pub(super) fn rest(&mut self, session: u64, rest: Rest) {
        match rest {
            Rest::Message(content) => {
                if self.other_messages.len() < MAX_MESSAGES {
                    self.other_messages.insert(content);
                } else {
                    self.messages.remove(&content);
                }
            }
            Rest::Filters {
                mut played,
                mut not_played,
            } => {
                let own = self.filters.entry(session).or_default();
                own.played.append(&mut played);
                own.not_played.append(&mut not_played);
                if own.not_played.len() > MAX_FILTERS {
                    own.not_played = vec!["#".to_owned()];
                }
            }
            Rest::Others(filters) => {
                let shares = filters.into_iter();
                let shares = shares.filter(|f| matches!(topic::parse_shared(f), Ok(Some(_))));
                if self.other_shares.len() < MAX_MESSAGES {
                    self.other_shares.extend(shares);
                }
            }
        }
    }

    /// Whether a message to this session comes of what is played alone.
    pub(super) fn has(&self, session: u64, delivery: &Delivery) -> bool {
        let Some(filters) = self.filters.get(&session) else {
            return false;
        };
        let others = filters.played.iter();
        let others = others.filter(|filter| self.other_shares.contains(*filter));
        self.has_message(delivery)
            && any_matches(filters.played.iter(), &delivery.topic)
            && !any_matches(filters.not_played.iter(), &delivery.topic)
            && !any_matches(others, &delivery.topic)
    }

    /// Whether a message that comes to this session now may be one of those.
    pub(super) fn may_have(&self, session: u64, delivery: &Delivery) -> bool {
        let filters = self.filters.get(&session);
        let is_asked_for =
            filters.is_some_and(|own| any_matches(own.played.iter(), &delivery.topic));
        is_asked_for && self.messages.contains(&delivery.content)
    }

    /// The same of a message to the members of a shared subscription.
    pub(super) fn has_shared(&self, share: &str, delivery: &Delivery) -> bool {
        self.has_message(delivery) && !self.other_shares.contains(share)
    }

    fn has_message(&self, delivery: &Delivery) -> bool {
        self.messages.contains(&delivery.content)
            && !self.other_messages.contains(&delivery.content)
    }
}

fn any_matches<'f>(mut filters: impl Iterator<Item = &'f String>, name: &str) -> bool {
    filters.any(|filter| {
        let plain = match topic::parse_shared(filter) {
            Ok(Some(shared)) => shared.filter,
            _ => filter,
        };
        topic::matches(plain, name)
    })
}

#[cfg(test)]
mod tests {
    use super::super::delivery::content;
    use super::*;
    use crate::mqtt::packet::Publish;
    use crate::mqtt::{Properties, QoS, Version};
    use crate::output::replay::At;

    fn delivery(topic: &str, payload: &[u8]) -> Delivery {
        let publish = Publish {
            dup: false,
            qos: QoS::AtMostOnce,
            retain: false,
            topic,
            packet_id: 0,
            properties: Properties::EMPTY,
            payload,
        };
        Delivery::new(topic, publish.qos, &publish, Version::V5, At::default())
    }

    #[test]
    fn what_comes_of_the_part_alone() {
        let mut part = Part::default();
        let (mine, both, theirs) = (
            delivery("a/1", b"m"),
            delivery("a/1", b"b"),
            delivery("a/1", b"t"),
        );
        part.published(content("a/1", b"m"));
        part.published(content("a/1", b"b"));
        part.rest(0, Rest::Message(both.content));
        part.rest(0, Rest::Message(theirs.content));
        // Nobody has subscribed.
        assert!(!part.has(7, &mine));
        part.subscribed(7, ["a/+"].into_iter());
        assert!(part.has(7, &mine));
        assert!(!part.has(7, &both) && !part.has(7, &theirs));
        let rest = Rest::Filters {
            played: Vec::new(),
            not_played: vec!["a/#".to_owned()],
        };
        part.rest(7, rest);
        assert!(!part.has(7, &mine));
        let rest = Rest::Filters {
            played: vec!["a/1".to_owned()],
            not_played: Vec::new(),
        };
        part.rest(8, rest);
        assert!(part.has(8, &mine));
    }

    #[test]
    fn members_of_a_group_that_are_not_played_may_get_it() {
        let mut part = Part::default();
        let mine = delivery("a", b"m");
        part.published(mine.content);
        part.subscribed(1, ["$share/g/a"].into_iter());
        assert!(part.has(1, &mine) && part.has_shared("$share/g/a", &mine));
        part.rest(2, Rest::Others(vec!["$share/g/a".to_owned()]));
        assert!(!part.has(1, &mine) && !part.has_shared("$share/g/a", &mine));
    }
}
