//! Rules in mosquitto's form:
//!
//! ```text
//! topic read news/#              for clients without user name, until the first 'user'
//! user ann
//! topic readwrite ann/#          read, write, readwrite or deny; readwrite if left out
//! topic deny ann/secret          goes before everything that grants
//! pattern write stats/%c/%u      for every client
//! ```
//!
//! What no line grants is denied.

use std::collections::HashMap;

use super::filter::{Pattern, covers, has_wildcard, overlap};
use super::{Client, FileError};
use crate::mqtt::topic::{self, Quoted};

/// The rules of a file.
#[derive(Debug, Clone, Default)]
pub struct Acl {
    anonymous: List,
    users: HashMap<Box<str>, List>,
    patterns: List,
    /// Whether a subscription that no line lets any message through is refused. mosquitto grants
    /// it, and delivers nothing.
    refuses_subscriptions: bool,
}

/// Lines that go together.
#[derive(Debug, Clone, Default)]
struct List {
    denials: Vec<Pattern>,
    grants: Vec<Grant>,
}

#[derive(Debug, Clone)]
struct Grant {
    filter: Pattern,
    read: bool,
    write: bool,
}

/// What a line says of its topic.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Deny,
    Grant { read: bool, write: bool },
}

impl Acl {
    /// Reads a file.
    ///
    /// # Errors
    /// The first line that is wrong.
    pub fn parse(text: &str) -> Result<Acl, FileError> {
        let mut acl = Acl {
            refuses_subscriptions: true,
            ..Acl::default()
        };
        let mut user: Option<Box<str>> = None;
        for (number, line) in (1..).zip(text.lines()) {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let fail = |what| FileError { line: number, what };
            let (word, rest) = line.split_once([' ', '\t']).unwrap_or((line, ""));
            let rest = rest.trim_start();
            match word {
                "user" if rest.is_empty() => {
                    return Err(fail("a name is missing; a line is 'user NAME'".to_owned()));
                }
                "user" => {
                    acl.users.entry(rest.into()).or_default();
                    user = Some(rest.into());
                }
                "topic" | "pattern" => {
                    let (kind, filter) = kind_and_filter(word, rest).map_err(fail)?;
                    let list = match (word, &user) {
                        ("pattern", _) => &mut acl.patterns,
                        (_, None) => &mut acl.anonymous,
                        (_, Some(user)) => acl.users.entry(user.clone()).or_default(),
                    };
                    // In a topic line %c and %u are what they look like.
                    let filter = match word {
                        "pattern" => Pattern::new(filter),
                        _ => Pattern::literal(filter),
                    };
                    match kind {
                        Kind::Deny => list.denials.push(filter),
                        Kind::Grant { read, write } => list.grants.push(Grant {
                            filter,
                            read,
                            write,
                        }),
                    }
                }
                _ => {
                    return Err(fail(format!(
                        "{} is not known; a line begins with user, topic, pattern or #",
                        Quoted(word)
                    )));
                }
            }
        }
        Ok(acl)
    }

    /// Grants every subscription, as mosquitto does: what may not be read does not arrive.
    #[must_use]
    pub fn granting_subscriptions(mut self) -> Acl {
        self.refuses_subscriptions = false;
        self
    }

    pub(super) fn may_publish(&self, client: &Client<'_>, topic: &str) -> bool {
        self.grants(client, topic, |grant| grant.write)
    }

    pub(super) fn may_receive(&self, client: &Client<'_>, topic: &str) -> bool {
        self.grants(client, topic, |grant| grant.read)
    }

    /// Whether there is anything behind the filter that the client may read.
    pub(super) fn may_subscribe(&self, client: &Client<'_>, filter: &str) -> bool {
        if !self.refuses_subscriptions {
            return true;
        }
        let is_denied = |rule: &str| covers(rule, filter);
        let is_granted = |grant: &Grant, rule: &str| grant.read && overlap(rule, filter);
        self.decide(client, is_denied, is_granted)
    }

    fn grants(&self, client: &Client<'_>, name: &str, access: impl Fn(&Grant) -> bool) -> bool {
        let is_denied = |rule: &str| topic::matches(rule, name);
        let is_granted = |grant: &Grant, rule: &str| access(grant) && topic::matches(rule, name);
        self.decide(client, is_denied, is_granted)
    }

    /// The client's own lines first, then the patterns; in each what denies first.
    fn decide(
        &self,
        client: &Client<'_>,
        is_denied: impl Fn(&str) -> bool,
        is_granted: impl Fn(&Grant, &str) -> bool,
    ) -> bool {
        let own = match client.username {
            Some(name) => self.users.get(name),
            None => Some(&self.anonymous),
        };
        // A client that is called "+" must not widen what a pattern says.
        let is_wild = has_wildcard(client.client_id) || client.username.is_some_and(has_wildcard);
        let patterns = Some(&self.patterns).filter(|_| !is_wild);
        for list in own.into_iter().chain(patterns) {
            let with = |pattern: &Pattern, check: &dyn Fn(&str) -> bool| {
                pattern.of(client).is_some_and(|filter| check(&filter))
            };
            if list.denials.iter().any(|rule| with(rule, &is_denied)) {
                return false;
            }
            let grants =
                |grant: &Grant| with(&grant.filter, &|filter: &str| is_granted(grant, filter));
            if list.grants.iter().any(grants) {
                return true;
            }
        }
        false
    }
}

/// What stands behind `topic` and `pattern`. Without a second word the first is the filter,
/// whatever it is called.
fn kind_and_filter<'a>(word: &str, rest: &'a str) -> Result<(Kind, &'a str), String> {
    let (kind, filter) = match rest.split_once([' ', '\t']) {
        None => (None, rest),
        Some((kind, filter)) => (Some(kind), filter.trim_start()),
    };
    let kind = match kind {
        None | Some("readwrite") => Kind::Grant {
            read: true,
            write: true,
        },
        Some("read") => Kind::Grant {
            read: true,
            write: false,
        },
        Some("write") => Kind::Grant {
            read: false,
            write: true,
        },
        Some("deny") => Kind::Deny,
        Some(other) => {
            return Err(format!(
                "{} is no access; it is read, write, readwrite or deny, and needed before a \
                 filter with a space",
                Quoted(other)
            ));
        }
    };
    if filter.is_empty() {
        return Err(format!(
            "a filter is missing; a line is '{word} [read|write|readwrite|deny] FILTER'"
        ));
    }
    match topic::check_filter(filter) {
        Ok(()) => Ok((kind, filter)),
        Err(error) => Err(format!("filter {}: {error}", Quoted(filter))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "\
# anonymous
topic read news/#
topic hall
user ann
topic ann/#
topic deny ann/secret/#
topic write in box/+
user bob
user ann
topic read news/#
pattern readwrite dev/%c/%u
pattern deny dev/locked/#
";

    fn client<'a>(username: Option<&'a str>, client_id: &'a str) -> Client<'a> {
        Client {
            username,
            client_id,
            address: None,
        }
    }

    #[test]
    fn decisions() {
        let acl = Acl::parse(FILE).unwrap();
        let (ann, bob) = (client(Some("ann"), "c1"), client(Some("bob"), "c2"));
        let nobody = client(None, "c3");
        for (who, topic, read, write) in [
            (&nobody, "news/today", true, false),
            (&nobody, "hall", true, true),
            (&nobody, "ann/x", false, false),
            (&nobody, "dev/c3/", false, false),
            (&ann, "ann/x", true, true),
            (&ann, "ann", true, true),
            (&ann, "ann/secret", false, false),
            (&ann, "ann/secret/x", false, false),
            (&ann, "in box/1", false, true),
            (&ann, "news/today", true, false),
            (&ann, "hall", false, false),
            (&ann, "dev/c1/ann", true, true),
            (&ann, "dev/c2/ann", false, false),
            (&bob, "news/today", false, false),
            (&bob, "dev/c2/bob", true, true),
            (&client(Some("eve"), "c4"), "dev/c4/eve", true, true),
            (
                &client(Some("eve"), "locked"),
                "dev/locked/eve",
                false,
                false,
            ),
            // A wildcard for a name.
            (&client(Some("eve"), "+"), "dev/c1/eve", false, false),
            (&client(Some("#"), "c1"), "dev/c1/x", false, false),
        ] {
            assert_eq!(acl.may_receive(who, topic), read, "{who:?} reads {topic}");
            assert_eq!(acl.may_publish(who, topic), write, "{who:?} writes {topic}");
        }
    }

    #[test]
    fn wildcards_do_not_reach_dollar_topics() {
        let acl = Acl::parse("topic read #\n").unwrap();
        let nobody = client(None, "c");
        assert!(acl.may_receive(&nobody, "a"));
        assert!(!acl.may_receive(&nobody, "$SYS/broker/uptime"));
    }

    #[test]
    fn subscriptions() {
        let acl = Acl::parse(FILE).unwrap();
        let ann = client(Some("ann"), "c1");
        for (filter, granted) in [
            ("ann/x", true),
            ("#", true),
            ("+/+", true),
            ("ann/secret/#", false),
            ("in box/1", false),
            ("hall", false),
            ("news/today", true),
            ("dev/+/ann", true),
            ("dev/locked/ann", false),
        ] {
            assert_eq!(acl.may_subscribe(&ann, filter), granted, "{filter}");
        }
        assert!(acl.granting_subscriptions().may_subscribe(&ann, "hall"));
    }

    #[test]
    fn errors_name_the_line() {
        for (line, what) in [
            ("user", "a name is missing"),
            ("topic", "a filter is missing"),
            ("topic read", ""),
            ("topic reed a/b", "'reed' is no access"),
            ("topic read a/#/b", "filter 'a/#/b': '#' must be the last"),
            ("pattern read a+", "filter 'a+'"),
            ("topics read a", "'topics' is not known"),
        ] {
            let parsed = Acl::parse(&format!("topic a\n\n{line}\n"));
            match what {
                // A topic of that name.
                "" => assert!(parsed.is_ok(), "{line}"),
                what => {
                    let error = parsed.unwrap_err();
                    assert_eq!(error.line, 3);
                    assert!(error.what.contains(what), "{error}");
                }
            }
        }
    }
}
