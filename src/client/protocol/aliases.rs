//! Topic Aliases that the client gives (5.0, 3.3.2.3.4): topics that come again are shortened.
//!
//! An alias costs three bytes, in the PUBLISH that gives it too. So a topic gets one when it comes
//! for the second time, and pays from the third on.

use std::collections::VecDeque;

use rustc_hash::FxHashMap;

use super::super::message::TopicName;
use crate::mqtt::property::Value;
use crate::mqtt::{Properties, PropertiesBuf, PropertyId};

/// Topics of fewer bytes are not worth an alias.
const SHORTEST: usize = 5;

/// Aliases given at most, whatever the server takes.
const MAXIMUM: u16 = 256;

/// Topics that are remembered to have come once.
const CANDIDATES: usize = 32;

/// The aliases of one connection (`[MQTT-3.3.2-7]`).
#[derive(Debug, Default)]
pub(super) struct Aliases {
    maximum: u16,
    given: FxHashMap<TopicName, u16>,
    candidates: VecDeque<TopicName>,
    /// The last one that was used, which is mostly the next one too.
    last: Option<(TopicName, u16)>,
    /// Its property, alone.
    alone: PropertiesBuf,
}

/// How a topic goes out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// As it is.
    Plain,
    /// With an alias for the next time.
    Give(u16),
    /// The alias in its place.
    Alias(u16),
}

impl Aliases {
    /// For a server that takes aliases up to `maximum`.
    pub(super) fn new(maximum: u16) -> Aliases {
        Aliases {
            maximum: maximum.min(MAXIMUM),
            ..Aliases::default()
        }
    }

    /// How this topic goes out now. `Give` counts only once [`given`](Self::given) is told.
    pub(super) fn form(&mut self, topic: &TopicName) -> Form {
        if self.maximum == 0 || topic.as_bytes().len() < SHORTEST {
            return Form::Plain;
        }
        if let Some((last, alias)) = &self.last
            && last == topic
        {
            return Form::Alias(*alias);
        }
        if let Some(&alias) = self.given.get(topic) {
            self.last = Some((topic.clone(), alias));
            return Form::Alias(alias);
        }
        let next = self.given.len() as u16 + 1;
        if next > self.maximum {
            return Form::Plain;
        }
        if self.candidates.contains(topic) {
            return Form::Give(next);
        }
        if self.candidates.len() == CANDIDATES {
            self.candidates.pop_front();
        }
        self.candidates.push_back(topic.clone());
        Form::Plain
    }

    /// The server learns the alias.
    pub(super) fn given(&mut self, topic: &TopicName, alias: u16) {
        self.candidates.retain(|candidate| candidate != topic);
        self.given.insert(topic.clone(), alias);
        self.last = Some((topic.clone(), alias));
    }

    /// The properties of a PUBLISH with an alias added.
    pub(super) fn with_alias(&mut self, properties: Properties<'_>, alias: u16) -> Properties<'_> {
        if !properties.is_empty()
            || self.alone.as_properties().number(PropertyId::TOPIC_ALIAS) != Some(alias.into())
            || self.alone.as_properties().as_bytes().len() != 3
        {
            self.alone = properties.to_buf();
            // A number of two bytes always fits.
            let _ = self.alone.push(PropertyId::TOPIC_ALIAS, Value::U16(alias));
        }
        self.alone.as_properties()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn topic(name: &str) -> TopicName {
        TopicName::new(name).unwrap()
    }

    #[test]
    fn the_second_time_gives_and_the_third_saves() {
        let mut aliases = Aliases::new(1);
        let (long, other) = (topic("a/long/topic"), topic("another/topic"));
        assert_eq!(aliases.form(&long), Form::Plain);
        assert_eq!(aliases.form(&long), Form::Give(1));
        // Not sent, so not given.
        assert_eq!(aliases.form(&long), Form::Give(1));
        aliases.given(&long, 1);
        assert_eq!(aliases.form(&long), Form::Alias(1));
        for _ in 0..3 {
            assert_eq!(aliases.form(&other), Form::Plain, "there is one alias");
        }
        assert_eq!(aliases.form(&long), Form::Alias(1));
    }

    #[test]
    fn no_alias_for_short_topics_or_without_leave() {
        let mut aliases = Aliases::new(0);
        let mut with_leave = Aliases::new(10);
        for _ in 0..3 {
            assert_eq!(aliases.form(&topic("a/long/topic")), Form::Plain);
            assert_eq!(with_leave.form(&topic("abcd")), Form::Plain);
        }
    }

    #[test]
    fn many_topics_that_come_once_take_no_room() {
        let mut aliases = Aliases::new(u16::MAX);
        for i in 0..100_000 {
            assert_eq!(aliases.form(&topic(&format!("devices/{i}"))), Form::Plain);
        }
        assert_eq!(aliases.candidates.len(), CANDIDATES);
        assert!(aliases.given.is_empty());
    }

    #[test]
    fn the_alias_stands_behind_the_properties() {
        let mut aliases = Aliases::new(9);
        let mut own = PropertiesBuf::new();
        own.push(PropertyId::CONTENT_TYPE, Value::Str(b"x"))
            .unwrap();
        for _ in 0..2 {
            let alone = aliases.with_alias(Properties::EMPTY, 2);
            assert_eq!(alone.as_bytes(), b"\x23\x00\x02");
            let behind = aliases.with_alias(own.as_properties(), 2);
            assert_eq!(behind.as_bytes(), b"\x03\x00\x01x\x23\x00\x02");
        }
    }
}
