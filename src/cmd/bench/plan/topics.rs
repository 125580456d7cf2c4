//! Where a group publishes, and who hears it.

use super::random::Random;
use super::template::{Place, Template, Values};
use crate::client::TopicName;
use crate::cmd::Failure;
use crate::mqtt::topic::{self, Quoted};

/// Topics of a client that are made once and kept.
const KEPT: u32 = 1024;

/// Stands for a number that changes; in no topic that one could type by chance.
const CHANGING: char = '\u{1}';

/// The topics of a group's publishers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::cmd::bench) struct Topics {
    template: Template,
    /// Of each client.
    per_client: u32,
}

/// What a filter has of a publisher's topics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::cmd::bench) enum Hears {
    /// All.
    All,
    /// Some: who publishes how much of it cannot be known.
    Some,
    /// None.
    None,
}

impl Topics {
    /// Reads a template.
    ///
    /// # Errors
    /// Wrong usage: it gives no Topic Names, or has no place for several.
    pub(in crate::cmd::bench) fn parse(
        text: &str,
        per_client: u32,
        clients: u32,
    ) -> Result<Topics, Failure> {
        let template = Template::parse("--topic", text, |place| {
            matches!(place, Place::Client | Place::Topic | Place::Random(_))
        })?;
        if let Some(name) = template.unknown() {
            return Err(Failure::usage(format!(
                "--topic: {{{name}}} stands for nothing in {}; there are {{client}}, {{n}}, \
                 {{rand:N}} and {{run}}",
                Quoted(text)
            )));
        }
        if per_client == 0 {
            return Err(Failure::usage("--topics-per-client takes 1 or more"));
        }
        let has_number = template.places().any(|place| place == Place::Topic);
        if per_client > 1 && !has_number {
            return Err(Failure::usage(format!(
                "--topics-per-client {per_client} wants a {{n}} in the topic, and {} has none",
                Quoted(text)
            )));
        }
        let topics = Topics {
            template,
            per_client,
        };
        // The last client has the longest names.
        let last = clients.saturating_sub(1);
        topics.name(last, per_client - 1, &mut Random::new(0, 0))?;
        Ok(topics)
    }

    /// Of each client.
    pub(in crate::cmd::bench) fn per_client(&self) -> u32 {
        self.per_client
    }

    /// How many of a client's topics can be made once and kept; `None` if each message has another.
    pub(in crate::cmd::bench) fn kept(&self) -> Option<u32> {
        let is_random = |place| matches!(place, Place::Random(_));
        let changes = self.template.places().any(is_random);
        (!changes && self.per_client <= KEPT).then_some(self.per_client)
    }

    /// A topic of a client.
    ///
    /// # Errors
    /// Wrong usage: it is no Topic Name.
    pub(in crate::cmd::bench) fn name(
        &self,
        client: u32,
        number: u32,
        random: &mut Random,
    ) -> Result<TopicName, Failure> {
        let values = Values {
            client,
            topic: number,
            ..Values::default()
        };
        let mut bytes = Vec::new();
        self.template.fill(&values, random, &mut bytes);
        // Made of texts.
        let text = String::from_utf8(bytes).unwrap_or_default();
        TopicName::new(text).map_err(|error| {
            Failure::usage(format!(
                "{} is not a topic to publish to: {error}",
                Quoted(&self.to_string())
            ))
        })
    }

    /// The longest topic, in bytes.
    pub(in crate::cmd::bench) fn max_len(&self) -> usize {
        self.template.max_len()
    }

    /// What hears all of them: `+` in place of a level that differs.
    pub(in crate::cmd::bench) fn filter(&self) -> String {
        let text = self.template.with(|_| CHANGING.to_string());
        let levels = text.split('/').map(|level| match level {
            level if level.contains(CHANGING) => "+",
            level => level,
        });
        levels.collect::<Vec<_>>().join("/")
    }

    /// What a filter has of a client's topics.
    pub(in crate::cmd::bench) fn heard_by(&self, filter: &str, client: u32) -> Hears {
        let topic = self.template.with(|place| match place {
            Place::Client => client.to_string(),
            Place::Topic if self.per_client == 1 => "0".to_owned(),
            _ => CHANGING.to_string(),
        });
        // `[MQTT-4.7.2-1]`.
        if topic.starts_with('$') && filter.starts_with(['+', '#']) {
            return Hears::None;
        }
        let mut levels = topic.split('/');
        let mut hears = Hears::All;
        for wanted in filter.split('/') {
            match (wanted, levels.next()) {
                ("#", _) => return hears,
                ("+", Some(_)) => {}
                (wanted, Some(level)) if level.contains(CHANGING) => {
                    let [start, end] =
                        [level.split(CHANGING).next(), level.rsplit(CHANGING).next()]
                            .map(Option::unwrap_or_default);
                    if !wanted.starts_with(start) || !wanted.ends_with(end) {
                        return Hears::None;
                    }
                    hears = Hears::Some;
                }
                (wanted, Some(level)) if wanted == level => {}
                _ => return Hears::None,
            }
        }
        match levels.next() {
            None => hears,
            Some(_) => Hears::None,
        }
    }
}

/// As it was typed.
impl std::fmt::Display for Topics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.template.with(|place| match place {
            Place::Client => "{client}".to_owned(),
            Place::Topic => "{n}".to_owned(),
            Place::Random(bound) => format!("{{rand:{bound}}}"),
            Place::Sequence | Place::Time(_) => String::new(),
        }))
    }
}

/// A filter, and the name under which it is shared, if it is: `$share/NAME/FILTER`.
///
/// # Errors
/// Wrong usage: no filter, or a name that cannot be.
pub(in crate::cmd::bench) fn shared(text: &str) -> Result<(Option<String>, String), Failure> {
    if !topic::is_shared(text) {
        return Ok((None, text.to_owned()));
    }
    match topic::parse_shared(text) {
        Ok(Some(shared)) => Ok((Some(shared.share_name.to_owned()), shared.filter.to_owned())),
        Ok(None) => Ok((None, text.to_owned())),
        Err(error) => Err(not_a_filter(text, error)),
    }
}

fn not_a_filter(text: &str, error: topic::TopicError) -> Failure {
    Failure::usage(format!("{} is not a topic filter: {error}", Quoted(text)))
}

/// What SUBSCRIBE asks for.
///
/// # Errors
/// Wrong usage.
pub(in crate::cmd::bench) fn subscription(
    share: Option<&str>,
    filter: &str,
) -> Result<String, Failure> {
    let asked = match share {
        None => filter.to_owned(),
        Some(name) if name.is_empty() || name.contains(['/', '+', '#']) => {
            return Err(Failure::usage(format!(
                "--share takes a name without /, + and #, not {}",
                Quoted(name)
            )));
        }
        Some(name) => format!("$share/{name}/{filter}"),
    };
    match topic::parse_shared(&asked) {
        Ok(_) => Ok(asked),
        Err(error) => Err(not_a_filter(&asked, error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn topics(text: &str, per_client: u32) -> Topics {
        Topics::parse(text, per_client, 10).unwrap()
    }

    #[test]
    fn a_level_that_differs_becomes_a_wildcard() {
        for (text, expected) in [
            ("a/b", "a/b"),
            ("a/{client}", "a/+"),
            ("a/x{client}y/b", "a/+/b"),
            ("{client}", "+"),
            ("a/{n}/{rand:5}-{client}", "a/+/+"),
        ] {
            assert_eq!(topics(text, 1).filter(), expected);
            assert_eq!(topics(text, 1).heard_by(expected, 3), Hears::All);
        }
    }

    #[test]
    fn who_hears_what() {
        for (text, per_client, filter, hears) in [
            ("a/{client}", 1, "a/3", Hears::All),
            ("a/{client}", 1, "a/4", Hears::None),
            ("a/{client}", 1, "#", Hears::All),
            ("a/{client}", 1, "a/+/#", Hears::All),
            ("a/{client}", 1, "a", Hears::None),
            ("a", 1, "a/#", Hears::All),
            ("a", 1, "a/+", Hears::None),
            ("$a/{client}", 1, "#", Hears::None),
            ("a/{n}", 5, "a/3", Hears::Some),
            ("a/{n}", 5, "a/+", Hears::All),
            ("a/x{n}", 5, "a/y3", Hears::None),
            ("a/{rand:5}", 1, "a/3", Hears::Some),
        ] {
            let heard = topics(text, per_client).heard_by(filter, 3);
            assert_eq!(heard, hears, "{text} {filter}");
        }
    }

    #[test]
    fn names_are_filled_in() {
        let topics = topics("a/{client}/{n}", 3);
        let name = topics.name(7, 2, &mut Random::new(0, 0)).unwrap();
        assert_eq!(name.as_str(), "a/7/2");
        assert_eq!(topics.to_string(), "a/{client}/{n}");
    }

    #[test]
    fn shared_subscriptions() {
        let shared = |text| shared(text).map_err(|failure| failure.message);
        assert_eq!(shared("a/b"), Ok((None, "a/b".to_owned())));
        assert_eq!(
            shared("$share/g/a/b"),
            Ok((Some("g".to_owned()), "a/b".to_owned()))
        );
        assert!(shared("$share/g").is_err());
        assert_eq!(subscription(Some("g"), "a/+").unwrap(), "$share/g/a/+");
        assert!(subscription(Some("a+"), "a").is_err());
    }
}
