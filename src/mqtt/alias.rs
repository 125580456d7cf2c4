//! Topic Aliases of one direction of one connection (5.0, 3.3.2.3.4).

use rustc_hash::FxHashMap;

/// The topics that a sender's aliases stand for at this moment. They never outlive their
/// connection (`[MQTT-3.3.2-7]`).
#[derive(Debug, Default)]
pub struct Aliases {
    topics: FxHashMap<u16, String>,
}

impl Aliases {
    /// The topic of a PUBLISH that carries `alias`: its own, which the alias stands for from now
    /// on, or the one that the alias stands for. `None` if that was never said.
    ///
    /// Whether `alias` is within the receiver's maximum is for the caller to check.
    pub fn resolve<'s>(&'s mut self, topic: &'s str, alias: u16) -> Option<&'s str> {
        if topic.is_empty() {
            return self.topics.get(&alias).map(String::as_str);
        }
        let known = self.topics.entry(alias).or_default();
        topic.clone_into(known);
        Some(topic)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alias_stands_for_what_was_said_last() {
        let mut aliases = Aliases::default();
        assert_eq!(aliases.resolve("", 1), None);
        assert_eq!(aliases.resolve("a", 1), Some("a"));
        assert_eq!(aliases.resolve("b", 2), Some("b"));
        assert_eq!(aliases.resolve("", 1), Some("a"));
        assert_eq!(aliases.resolve("c", 1), Some("c"));
        assert_eq!(aliases.resolve("", 1), Some("c"));
        assert_eq!(aliases.resolve("", 2), Some("b"));
    }
}
