//! The subscription tree: which sessions want a topic. One node per level of a filter, so that
//! a search costs by the depth of the topic and not by the number of subscriptions.

use std::cell::Cell;
use std::collections::HashMap;

use super::SessionId;
use crate::mqtt::packet::SubscriptionOptions;
use crate::mqtt::topic::Shared;

/// A session's interest in the topics of one filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Subscriber {
    /// Whose.
    pub session: SessionId,
    /// As granted.
    pub options: SubscriptionOptions,
    /// Subscription Identifier; 0: none.
    pub identifier: u32,
}

/// The members of one shared subscription, of whom one gets each message (5.0, 4.8.2).
#[derive(Debug)]
pub struct Group {
    share_name: Box<str>,
    members: Vec<Subscriber>,
    next: Cell<usize>,
}

impl Group {
    /// Whose turn it is: the next member in the round that `is_online`, or else just the next.
    pub fn choose(&self, is_online: impl Fn(SessionId) -> bool) -> Option<&Subscriber> {
        let count = self.members.len();
        let start = self.next.get();
        let order = (0..count).map(|i| (start + i) % count);
        let at = order
            .clone()
            .find(|&at| self.members.get(at).is_some_and(|m| is_online(m.session)))
            .or_else(|| order.clone().next())?;
        self.next.set((at + 1) % count);
        self.members.get(at)
    }
}

/// A match for a topic.
#[derive(Debug, Clone, Copy)]
pub enum Found<'t> {
    /// This session gets the message.
    Plain(&'t Subscriber),
    /// One of these does.
    Shared(&'t Group),
}

/// Every subscription of every session.
#[derive(Debug, Default)]
pub struct Subscriptions {
    root: Node,
    levels: usize,
    count: usize,
    shared: usize,
    of_sys: usize,
}

#[derive(Debug, Default)]
struct Node {
    /// Level names come from the network, so the hash is the keyed one.
    children: HashMap<Box<str>, Node>,
    /// What `+` at the next level leads to.
    plus: Option<Box<Node>>,
    /// Filters that end with this level.
    here: Subscribers,
    /// Filters that end with `#` behind this level.
    below: Subscribers,
}

#[derive(Debug, Default)]
struct Subscribers {
    plain: Vec<Subscriber>,
    groups: Vec<Group>,
}

impl Subscriptions {
    /// Adds a subscription, or replaces the one that this session has with the same filter and
    /// share name (`[MQTT-3.8.4-3]`). Whether it is new. `filter` is without `$share/NAME/`.
    pub fn insert(
        &mut self,
        filter: &str,
        share_name: Option<&str>,
        subscriber: Subscriber,
    ) -> bool {
        let is_new = self.insert_in_tree(filter, share_name, subscriber);
        self.count += usize::from(is_new);
        self.shared += usize::from(is_new && share_name.is_some());
        self.of_sys += usize::from(is_new && is_of_sys(filter));
        is_new
    }

    fn insert_in_tree(
        &mut self,
        filter: &str,
        share_name: Option<&str>,
        subscriber: Subscriber,
    ) -> bool {
        let list = self.root.subscribers_mut(filter, &mut self.levels);
        let list = match share_name {
            None => &mut list.plain,
            Some(name) => {
                let at = list.groups.iter().position(|g| *g.share_name == *name);
                let at = at.unwrap_or_else(|| {
                    list.groups.push(Group {
                        share_name: name.into(),
                        members: Vec::new(),
                        next: Cell::new(0),
                    });
                    list.groups.len() - 1
                });
                &mut list.groups[at].members
            }
        };
        match list.iter_mut().find(|s| s.session == subscriber.session) {
            Some(old) => {
                *old = subscriber;
                false
            }
            None => {
                list.push(subscriber);
                true
            }
        }
    }

    /// Removes a subscription (`[MQTT-3.10.4-1]`); whether there was one.
    pub fn remove(&mut self, filter: &str, share_name: Option<&str>, session: SessionId) -> bool {
        let levels = &mut self.levels;
        let existed = self.root.remove(filter, share_name, session, levels);
        self.count -= usize::from(existed);
        self.shared -= usize::from(existed && share_name.is_some());
        self.of_sys -= usize::from(existed && is_of_sys(filter));
        existed
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.count
    }

    /// How many of them are shared.
    pub fn shared(&self) -> usize {
        self.shared
    }

    /// How many of them are for topics that begin with `$SYS`.
    pub fn of_sys(&self) -> usize {
        self.of_sys
    }

    /// Levels that the filters have, each counted once where they share it: what the tree grows by.
    pub fn levels(&self) -> usize {
        self.levels
    }

    /// Calls `found` with every subscription that matches a Topic Name; with overlapping filters
    /// more than once for a session.
    pub fn find<'t>(&'t self, topic: &str, found: &mut impl FnMut(Found<'t>)) {
        // A wildcard in the first level does not match a name that begins with `$`
        // ([MQTT-4.7.2-1]).
        let wildcards = !topic.starts_with('$');
        self.root.find(Some(topic), wildcards, found);
    }
}

/// Splits a filter as sent into the share name and the filter to match with. `$share` is
/// honoured for every version: 3.1.1 does not know it, and its clients use it all the same.
pub fn split_shared(filter: &str) -> (Option<&str>, &str) {
    match crate::mqtt::topic::parse_shared(filter) {
        Ok(Some(Shared { share_name, filter })) => (Some(share_name), filter),
        Ok(None) | Err(_) => (None, filter),
    }
}

fn is_of_sys(filter: &str) -> bool {
    filter.starts_with("$SYS")
}

/// The first level, and the rest if there is one.
fn split_level(topic: &str) -> (&str, Option<&str>) {
    match topic.split_once('/') {
        Some((level, rest)) => (level, Some(rest)),
        None => (topic, None),
    }
}

impl Node {
    fn subscribers_mut(&mut self, filter: &str, levels: &mut usize) -> &mut Subscribers {
        let mut node = self;
        for level in filter.split('/') {
            node = match level {
                "#" => return &mut node.below,
                "+" => node.plus.get_or_insert_with(|| {
                    *levels += 1;
                    Box::default()
                }),
                name => node.children.entry(name.into()).or_insert_with(|| {
                    *levels += 1;
                    Node::default()
                }),
            };
        }
        &mut node.here
    }

    fn remove(
        &mut self,
        filter: &str,
        share_name: Option<&str>,
        session: SessionId,
        levels: &mut usize,
    ) -> bool {
        let (level, rest) = split_level(filter);
        if level == "#" {
            return self.below.remove(share_name, session);
        }
        let child = match level {
            "+" => self.plus.as_deref_mut(),
            name => self.children.get_mut(name),
        };
        let Some(child) = child else {
            return false;
        };
        let removed = match rest {
            Some(rest) => child.remove(rest, share_name, session, levels),
            None => child.here.remove(share_name, session),
        };
        if child.is_empty() {
            *levels -= 1;
            match level {
                "+" => self.plus = None,
                name => drop(self.children.remove(name)),
            }
        }
        removed
    }

    /// `rest` is what follows the levels that led here; `None` at the end of the topic.
    fn find<'t>(&'t self, rest: Option<&str>, wildcards: bool, found: &mut impl FnMut(Found<'t>)) {
        // "sport/#" also matches "sport", so this comes before the end is looked at.
        if wildcards {
            self.below.each(found);
        }
        let Some(rest) = rest else {
            return self.here.each(found);
        };
        let (level, rest) = split_level(rest);
        if let Some(child) = self.children.get(level) {
            child.find(rest, true, found);
        }
        if wildcards && let Some(child) = &self.plus {
            child.find(rest, true, found);
        }
    }

    fn is_empty(&self) -> bool {
        self.children.is_empty()
            && self.plus.is_none()
            && self.here.is_empty()
            && self.below.is_empty()
    }
}

impl Subscribers {
    fn remove(&mut self, share_name: Option<&str>, session: SessionId) -> bool {
        let Some(name) = share_name else {
            return remove_session(&mut self.plain, session);
        };
        let Some(at) = self.groups.iter().position(|g| *g.share_name == *name) else {
            return false;
        };
        let group = &mut self.groups[at];
        let removed = remove_session(&mut group.members, session);
        if group.members.is_empty() {
            self.groups.remove(at);
        }
        removed
    }

    fn each<'t>(&'t self, found: &mut impl FnMut(Found<'t>)) {
        for subscriber in &self.plain {
            found(Found::Plain(subscriber));
        }
        for group in &self.groups {
            found(Found::Shared(group));
        }
    }

    fn is_empty(&self) -> bool {
        self.plain.is_empty() && self.groups.is_empty()
    }
}

fn remove_session(list: &mut Vec<Subscriber>, session: SessionId) -> bool {
    match list.iter().position(|s| s.session == session) {
        Some(at) => {
            list.remove(at);
            true
        }
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;
    use crate::mqtt::topic::{check_filter, matches};

    fn subscriber(session: u64) -> Subscriber {
        Subscriber {
            session: SessionId(session),
            options: SubscriptionOptions::default(),
            identifier: 0,
        }
    }

    fn search(tree: &Subscriptions, topic: &str) -> Vec<u64> {
        let mut sessions = Vec::new();
        tree.find(topic, &mut |found| match found {
            Found::Plain(subscriber) => sessions.push(subscriber.session.0),
            Found::Shared(group) => {
                sessions.extend(group.choose(|_| true).map(|s| s.session.0));
            }
        });
        sessions
    }

    #[test]
    fn members_of_a_group_take_turns_and_those_online_go_first() {
        let mut tree = Subscriptions::default();
        for session in 1..=3 {
            assert!(tree.insert("a/+", Some("g"), subscriber(session)));
        }
        let turns: Vec<_> = (0..4).flat_map(|_| search(&tree, "a/b")).collect();
        assert_eq!(turns, [1, 2, 3, 1]);
        let mut chosen = Vec::new();
        for _ in 0..3 {
            tree.find("a/b", &mut |found| {
                if let Found::Shared(group) = found {
                    chosen.extend(group.choose(|s| s.0 != 2).map(|s| s.session.0));
                }
            });
        }
        assert_eq!(chosen, [3, 1, 3]);
        assert!(tree.remove("a/+", Some("g"), SessionId(1)));
        assert!(!tree.remove("a/+", Some("g"), SessionId(1)));
        assert!(!tree.remove("a/+", None, SessionId(2)));
    }

    #[test]
    fn the_same_filter_replaces() {
        let mut tree = Subscriptions::default();
        assert!(tree.insert("a", None, subscriber(1)));
        assert!(!tree.insert("a", None, subscriber(1)));
        assert_eq!(search(&tree, "a"), [1]);
    }

    /// Few level names, empty ones, `$` and wildcards, so that matches are common.
    fn level() -> impl Strategy<Value = &'static str> {
        prop::sample::select(vec!["a", "b", "", "$x", "ab"])
    }

    fn topic() -> impl Strategy<Value = String> {
        prop::collection::vec(level(), 1..5).prop_map(|levels| levels.join("/"))
    }

    fn filter() -> impl Strategy<Value = String> {
        let level = prop_oneof![3 => level(), 2 => Just("+")];
        (prop::collection::vec(level, 0..5), any::<bool>()).prop_map(|(mut levels, hash)| {
            if hash {
                levels.push("#");
            }
            levels.join("/")
        })
    }

    proptest! {
        /// The tree finds exactly the filters that the one definition of matching takes, before
        /// and after some are removed, and it is empty when all are gone.
        #[test]
        fn the_tree_agrees_with_the_definition(
            filters in prop::collection::vec(filter(), 1..12),
            topics in prop::collection::vec(topic(), 1..12),
            removed in prop::collection::vec(any::<bool>(), 12),
        ) {
            let filters: BTreeSet<_> = filters
                .into_iter()
                .filter(|f| check_filter(f).is_ok())
                .collect();
            let mut filters: Vec<_> = filters.into_iter().zip(1..).collect();
            let mut tree = Subscriptions::default();
            for (filter, session) in &filters {
                tree.insert(filter, None, subscriber(*session));
            }
            for round in 0..2 {
                for topic in topics.iter().filter(|t| !t.is_empty()) {
                    let mut found = search(&tree, topic);
                    found.sort_unstable();
                    let expected: Vec<u64> = filters
                        .iter()
                        .filter(|(filter, _)| matches(filter, topic))
                        .map(|(_, session)| *session)
                        .collect();
                    prop_assert_eq!(found, expected, "topic {:?} in round {}", topic, round);
                }
                filters.retain(|(filter, session)| {
                    let keep = !removed[*session as usize - 1];
                    assert!(keep || tree.remove(filter, None, SessionId(*session)));
                    keep
                });
            }
            for (filter, session) in &filters {
                assert!(tree.remove(filter, None, SessionId(*session)));
            }
            prop_assert!(tree.root.is_empty());
            prop_assert_eq!(tree.levels(), 0);
        }
    }
}
