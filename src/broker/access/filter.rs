//! What filters say of each other, and clients in them.

use std::borrow::Cow;

use super::Client;

/// A filter in which `%c` and `%u` may stand for client identifier and user name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pattern {
    text: Box<str>,
    has_client_id: bool,
    has_username: bool,
}

impl Pattern {
    pub(super) fn new(text: &str) -> Pattern {
        Pattern {
            text: text.into(),
            has_client_id: text.contains("%c"),
            has_username: text.contains("%u"),
        }
    }

    /// A filter in which they stand for themselves.
    pub(super) fn literal(text: &str) -> Pattern {
        Pattern {
            text: text.into(),
            has_client_id: false,
            has_username: false,
        }
    }

    /// The filter for a client; none for one without user name where that is asked for.
    pub(super) fn of<'p>(&'p self, client: &Client<'_>) -> Option<Cow<'p, str>> {
        if !self.has_client_id && !self.has_username {
            return Some(Cow::Borrowed(&self.text));
        }
        // In one go: what stands in a client's name is not looked at again.
        let mut filter = String::with_capacity(self.text.len() + client.client_id.len());
        let mut rest: &str = &self.text;
        while let Some(at) = rest.find('%') {
            let (before, from) = rest.split_at(at);
            filter.push_str(before);
            rest = if let Some(after) = from.strip_prefix("%c") {
                filter.push_str(client.client_id);
                after
            } else if let Some(after) = from.strip_prefix("%u") {
                filter.push_str(client.username?);
                after
            } else {
                filter.push('%');
                &from[1..]
            };
        }
        filter.push_str(rest);
        Some(Cow::Owned(filter))
    }

    /// Whether what this client is called would become a wildcard.
    pub(super) fn is_widened_by(&self, client: &Client<'_>) -> bool {
        self.has_client_id && has_wildcard(client.client_id)
            || self.has_username && client.username.is_some_and(has_wildcard)
    }
}

pub(super) fn has_wildcard(name: &str) -> bool {
    name.contains(['+', '#'])
}

/// Whether every topic name that `inner` matches is matched by `outer`, too.
pub(super) fn covers(outer: &str, inner: &str) -> bool {
    if is_wild(outer) && inner.starts_with('$') {
        return false;
    }
    let (mut outer, mut inner) = (outer.split('/'), inner.split('/'));
    loop {
        match (outer.next(), inner.next()) {
            // '#' is the parent level, too.
            (Some("#"), _) | (None, None) => return true,
            (Some("+"), Some(level)) if level != "#" => {}
            (Some(one), Some(other)) if one == other => {}
            _ => return false,
        }
    }
}

/// Whether there can be a topic name that both match.
pub(super) fn overlap(one: &str, other: &str) -> bool {
    if is_wild(one) && other.starts_with('$') || is_wild(other) && one.starts_with('$') {
        return false;
    }
    let (mut one, mut other) = (one.split('/'), other.split('/'));
    loop {
        match (one.next(), other.next()) {
            (Some("#"), _) | (_, Some("#")) | (None, None) => return true,
            (Some("+"), Some(_)) | (Some(_), Some("+")) => {}
            (Some(one), Some(other)) if one == other => {}
            _ => return false,
        }
    }
}

fn is_wild(filter: &str) -> bool {
    filter.starts_with(['+', '#'])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mqtt::topic;
    use proptest::prelude::*;

    #[test]
    fn clients_in_patterns() {
        let client = Client {
            username: Some("ann%c"),
            client_id: "one",
            address: None,
        };
        let of = |text: &str| Pattern::new(text).of(&client).map(Cow::into_owned);
        assert_eq!(of("a/b"), Some("a/b".to_owned()));
        assert_eq!(of("%c/%u/100%/%"), Some("one/ann%c/100%/%".to_owned()));
        let anonymous = Client {
            username: None,
            ..client
        };
        assert_eq!(Pattern::new("a/%u").of(&anonymous), None);
        assert_eq!(Pattern::new("a/%c").of(&anonymous).unwrap(), "a/one");
    }

    #[test]
    fn covering() {
        for (outer, inner, covered) in [
            ("#", "a/b", true),
            ("#", "#", true),
            ("#", "$SYS/#", false),
            ("a/#", "a", true),
            ("a/#", "a/#", true),
            ("a/#", "a/+/b", true),
            ("a/+", "a/b", true),
            ("a/+", "a/+", true),
            ("a/+", "a/#", false),
            ("a/+", "a", false),
            ("a/b", "a/+", false),
            ("a/b", "#", false),
            ("+/b", "a/b", true),
            ("+/b", "$a/b", false),
        ] {
            assert_eq!(covers(outer, inner), covered, "{outer} {inner}");
        }
    }

    fn filter() -> impl Strategy<Value = String> {
        let level = prop_oneof![Just("a"), Just("b"), Just(""), Just("+")];
        (proptest::collection::vec(level, 1..4), any::<bool>()).prop_map(|(mut levels, hash)| {
            if hash {
                levels.push("#");
            }
            levels.join("/")
        })
    }

    proptest! {
        /// By what the one matcher says of names.
        #[test]
        fn names_agree(
            one in filter(),
            other in filter(),
            name in "[ab$]?(/[ab]?){0,4}",
        ) {
            prop_assume!(!name.is_empty());
            let (by_one, by_other) = (topic::matches(&one, &name), topic::matches(&other, &name));
            if by_one && by_other {
                prop_assert!(overlap(&one, &other));
            }
            if covers(&one, &other) && by_other {
                prop_assert!(by_one);
            }
        }
    }
}
