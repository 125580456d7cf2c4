//! What becomes of names, topics and payloads on the way from the capture to the broker.

mod times;

use std::borrow::Cow;

use regex::Regex;

use crate::cli;
use crate::cmd::Failure;
use crate::mqtt::QoS;
use crate::mqtt::topic;
pub(super) use times::shift;

/// Checked changes.
#[derive(Debug)]
pub(super) struct Rewrite {
    topics: Vec<(Regex, String)>,
    names: Names,
    /// The highest QoS.
    pub(super) max_qos: QoS,
    /// No RETAIN.
    pub(super) strip_retain: bool,
    /// Times in payloads become those of the replay.
    pub(super) shift_times: bool,
}

/// How client identifiers are made.
#[derive(Debug)]
enum Names {
    /// As captured, and behind this where the capture has none.
    Captured(String),
    /// Behind this.
    Prefix(String),
    Template(String),
}

impl Rewrite {
    /// Takes out of `args` what is a change. `made_up` stands in front of names that the capture
    /// does not have.
    ///
    /// # Errors
    /// Wrong usage.
    pub(super) fn new(args: &mut cli::CaptureReplay, made_up: String) -> Result<Rewrite, Failure> {
        let mut topics = Vec::new();
        let mut filters = Vec::new();
        for word in std::mem::take(&mut args.selection.topic) {
            match word.strip_prefix("s#") {
                Some(rule) => topics.push(substitution(&word, rule)?),
                None => filters.push(word),
            }
        }
        args.selection.topic = filters;
        let names = match (&args.client_id, &args.connection.id) {
            (Some(template), _) => {
                check_template(template)?;
                Names::Template(template.clone())
            }
            (None, Some(prefix)) => Names::Prefix(prefix.clone()),
            (None, None) => Names::Captured(made_up),
        };
        Ok(Rewrite {
            topics,
            names,
            max_qos: args
                .max_qos
                .and_then(QoS::from_u8)
                .unwrap_or(QoS::ExactlyOnce),
            strip_retain: args.strip_retain,
            shift_times: args.shift_times,
        })
    }

    /// A Client Identifier: for the captured one, if there is one, of the connection `number`, in
    /// the round `round` from 1.
    pub(super) fn client_id(&self, captured: Option<&str>, number: u64, round: u64) -> String {
        let own = || format!("{number:04x}");
        let again = match round {
            0 | 1 => String::new(),
            round => format!("-{round}"),
        };
        let known = captured.filter(|id| !id.is_empty());
        match (&self.names, known) {
            (Names::Captured(_), Some(id)) => format!("{id}{again}"),
            // The server makes one up, as it did.
            (Names::Captured(_), None) if captured.is_some() => String::new(),
            (Names::Captured(made_up), None) => format!("{made_up}{number:04x}{again}"),
            (Names::Prefix(prefix), id) => {
                let id = id.map_or_else(own, str::to_owned);
                format!("{prefix}-{id}{again}")
            }
            (Names::Template(template), id) => {
                let id = id.map_or_else(own, str::to_owned);
                let name = template
                    .replace("{n}", &number.to_string())
                    .replace("{loop}", &round.to_string())
                    .replace("{id}", &id);
                match template.contains("{loop}") {
                    true => name,
                    false => name + &again,
                }
            }
        }
    }

    /// Whether topics change.
    pub(super) fn changes_topics(&self) -> bool {
        !self.topics.is_empty()
    }

    /// What becomes of a topic name.
    pub(super) fn topic<'t>(&self, name: &'t str) -> Cow<'t, str> {
        let mut name = Cow::Borrowed(name);
        for (regex, text) in &self.topics {
            if let Cow::Owned(changed) = regex.replace_all(&name, text.as_str()) {
                name = Cow::Owned(changed);
            }
        }
        name
    }

    /// What becomes of a topic filter; of a shared one, the name of the group stays.
    pub(super) fn filter(&self, filter: &str) -> String {
        match topic::parse_shared(filter) {
            Ok(Some(shared)) => {
                let head = filter.len().saturating_sub(shared.filter.len());
                let head = filter.get(..head).unwrap_or_default();
                format!("{head}{}", self.topic(shared.filter))
            }
            _ => self.topic(filter).into_owned(),
        }
    }

    /// What becomes of a QoS.
    pub(super) fn qos(&self, qos: QoS) -> QoS {
        qos.min(self.max_qos)
    }
}

/// Reads what follows `s#`.
fn substitution(word: &str, rule: &str) -> Result<(Regex, String), Failure> {
    let wrong = |what: &str| {
        let word = word.escape_debug();
        Failure::usage(format!(
            "--topic '{word}': {what}; it takes s#REGEX#TEXT#, as in s#^prod/#test/#, or a topic \
             filter"
        ))
    };
    let mut parts = rule.split('#');
    let (Some(regex), Some(text), Some(""), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(wrong("there are not three # in it"));
    };
    let regex = Regex::new(regex).map_err(|_| wrong("its first part is no regular expression"))?;
    Ok((regex, text.to_owned()))
}

fn check_template(template: &str) -> Result<(), Failure> {
    let shown = template.escape_debug();
    let mut rest = template;
    while let Some(at) = rest.find('{') {
        rest = rest.get(at..).unwrap_or_default();
        let known = ["{id}", "{n}", "{loop}"];
        let Some(name) = known.iter().find(|name| rest.starts_with(**name)) else {
            return Err(Failure::usage(format!(
                "--client-id '{shown}': in braces stand id, n and loop only"
            )));
        };
        rest = rest.get(name.len()..).unwrap_or_default();
    }
    match template.contains("{id}") || template.contains("{n}") {
        true => Ok(()),
        false => Err(Failure::usage(format!(
            "--client-id '{shown}' is the same for all clients, and they would take each other \
             over: put {{id}} or {{n}} into it"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Rewrite {
        /// No changes; names that are made up begin with `made-`.
        pub(in crate::cmd::capture_replay) fn none() -> Rewrite {
            Rewrite {
                topics: Vec::new(),
                names: Names::Captured("made-".to_owned()),
                max_qos: QoS::ExactlyOnce,
                strip_retain: false,
                shift_times: false,
            }
        }
    }

    fn rewrite(change: impl FnOnce(&mut Rewrite)) -> Rewrite {
        let mut rewrite = Rewrite::none();
        change(&mut rewrite);
        rewrite
    }

    #[test]
    fn names_of_clients() {
        let template = |text: &str| Names::Template(text.to_owned());
        for (names, captured, round, name) in [
            (Names::Captured("x-".into()), Some("a"), 1, "a"),
            (Names::Captured("x-".into()), Some("a"), 3, "a-3"),
            (Names::Captured("x-".into()), Some(""), 2, ""),
            (Names::Captured("x-".into()), None, 1, "x-0010"),
            (Names::Prefix("p".into()), Some("a"), 1, "p-a"),
            (Names::Prefix("p".into()), None, 2, "p-0010-2"),
            (template("r-{id}-{loop}"), Some("a"), 2, "r-a-2"),
            (template("r-{n}"), Some("a"), 2, "r-16-2"),
            (template("{id}"), Some("{n}"), 1, "{n}"),
        ] {
            let rewrite = rewrite(|rewrite| rewrite.names = names);
            assert_eq!(rewrite.client_id(captured, 16, round), name);
        }
        for bad in ["x", "{loop}", "{id}{", "{ID}"] {
            assert!(check_template(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn topics_and_filters() {
        let rule = substitution("", "^prod/(.*)#test/$1/x#").unwrap();
        let rewrite = rewrite(|rewrite| rewrite.topics.push(rule));
        assert_eq!(rewrite.topic("prod/a"), "test/a/x");
        assert_eq!(rewrite.topic("other/prod/a"), "other/prod/a");
        assert_eq!(rewrite.filter("$share/g/prod/+"), "$share/g/test/+/x");
        for bad in ["", "a", "a#b", "a#b#c", "a#b##", "(#b#"] {
            assert!(substitution("", bad).is_err(), "{bad}");
        }
    }
}
