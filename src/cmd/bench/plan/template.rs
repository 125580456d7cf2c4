//! Texts with places to fill in: `{client}`, `{n}`, `{seq}`, `{time}`, `{rand:N}`. What is in braces
//! and none of these stays as it is.

use super::random::Random;
use crate::cmd::Failure;

/// A text, cut at its places.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::cmd::bench) struct Template {
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Place(Place),
}

/// A place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::cmd::bench) enum Place {
    /// The number of the publisher in its group.
    Client,
    /// The number of the topic, of those of a client.
    Topic,
    /// The number of the message.
    Sequence,
    /// When it is sent, since 1970, in units of so many ns.
    Time(u64),
    /// A number below this.
    Random(u64),
}

/// What stands in the places.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::cmd::bench) struct Values {
    pub(in crate::cmd::bench) client: u32,
    pub(in crate::cmd::bench) topic: u32,
    pub(in crate::cmd::bench) sequence: u64,
    /// ns since 1970.
    pub(in crate::cmd::bench) time: u64,
}

const PLACES: [(&str, Place); 8] = [
    ("client", Place::Client),
    ("n", Place::Topic),
    ("seq", Place::Sequence),
    ("time", Place::Time(1_000_000)),
    ("time:s", Place::Time(1_000_000_000)),
    ("time:ms", Place::Time(1_000_000)),
    ("time:us", Place::Time(1_000)),
    ("time:ns", Place::Time(1)),
];

impl Template {
    /// Reads a text; places that `allowed` does not want stay as they are.
    ///
    /// # Errors
    /// Wrong usage: `{rand:N}` without a number above 0. `flag` is for the sentence.
    pub(in crate::cmd::bench) fn parse(
        flag: &str,
        text: &str,
        allowed: fn(Place) -> bool,
    ) -> Result<Template, Failure> {
        let mut parts = Vec::new();
        let mut plain = String::new();
        let mut rest = text;
        while let Some((before, behind)) = rest.split_once('{') {
            plain.push_str(before);
            let place = match behind.split_once('}') {
                Some((name, after)) => place(flag, name)?.map(|place| (place, after)),
                None => None,
            };
            match place.filter(|(place, _)| allowed(*place)) {
                Some((place, after)) => {
                    if !plain.is_empty() {
                        parts.push(Part::Text(std::mem::take(&mut plain)));
                    }
                    parts.push(Part::Place(place));
                    rest = after;
                }
                None => {
                    plain.push('{');
                    rest = behind;
                }
            }
        }
        plain.push_str(rest);
        if !plain.is_empty() {
            parts.push(Part::Text(plain));
        }
        Ok(Template { parts })
    }

    /// The places, in their order.
    pub(in crate::cmd::bench) fn places(&self) -> impl Iterator<Item = Place> {
        self.parts.iter().filter_map(|part| match part {
            Part::Text(_) => None,
            Part::Place(place) => Some(*place),
        })
    }

    /// What looks like a place, and stays as it is.
    pub(in crate::cmd::bench) fn unknown(&self) -> Option<&str> {
        let texts = self.parts.iter().filter_map(|part| match part {
            Part::Text(text) => Some(text),
            Part::Place(_) => None,
        });
        let mut words = texts.flat_map(|text| text.split('{').skip(1));
        words.find_map(|word| {
            let (name, _) = word.split_once('}')?;
            let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, ':' | '_' | '-');
            (name.starts_with(|c: char| c.is_ascii_alphabetic()) && name.chars().all(is_name))
                .then_some(name)
        })
    }

    /// Appends the text with its places filled in.
    pub(in crate::cmd::bench) fn fill(
        &self,
        values: &Values,
        random: &mut Random,
        out: &mut Vec<u8>,
    ) {
        let mut digits = itoa::Buffer::new();
        for part in &self.parts {
            let number = match part {
                Part::Text(text) => {
                    out.extend_from_slice(text.as_bytes());
                    continue;
                }
                Part::Place(Place::Client) => u64::from(values.client),
                Part::Place(Place::Topic) => u64::from(values.topic),
                Part::Place(Place::Sequence) => values.sequence,
                Part::Place(Place::Time(unit)) => values.time / unit,
                Part::Place(Place::Random(bound)) => random.below(*bound),
            };
            out.extend_from_slice(digits.format(number).as_bytes());
        }
    }

    /// The text with `replace` of each place in it.
    pub(in crate::cmd::bench) fn with(&self, mut replace: impl FnMut(Place) -> String) -> String {
        let parts = self.parts.iter().map(|part| match part {
            Part::Text(text) => text.clone(),
            Part::Place(place) => replace(*place),
        });
        parts.collect()
    }

    /// The longest that it can become, in bytes.
    pub(in crate::cmd::bench) fn max_len(&self) -> usize {
        let parts = self.parts.iter().map(|part| match part {
            Part::Text(text) => text.len(),
            Part::Place(Place::Client | Place::Topic) => 10,
            Part::Place(Place::Sequence | Place::Time(_) | Place::Random(_)) => 20,
        });
        parts.sum()
    }
}

fn place(flag: &str, name: &str) -> Result<Option<Place>, Failure> {
    if let Some(bound) = name.strip_prefix("rand:") {
        return match bound.parse() {
            Ok(bound @ 1..) => Ok(Some(Place::Random(bound))),
            _ => Err(Failure::usage(format!(
                "{flag}: {{rand:N}} takes a number from 1 on, not '{}'",
                bound.escape_debug()
            ))),
        };
    }
    let known = PLACES.iter().find(|(known, _)| *known == name);
    Ok(known.map(|(_, place)| *place))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fill(text: &str) -> String {
        let template = Template::parse("-t", text, |_| true).unwrap();
        let values = Values {
            client: 3,
            topic: 4,
            sequence: 5,
            time: 1_700_000_000_123_456_789,
        };
        let mut out = Vec::new();
        template.fill(&values, &mut Random::new(0, 0), &mut out);
        assert!(out.len() <= template.max_len());
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn places_are_filled_in() {
        for (text, filled) in [
            ("", ""),
            ("plain", "plain"),
            ("{client}/{n}/{seq}", "3/4/5"),
            ("{\"a\":{seq},\"b\":{other}}", "{\"a\":5,\"b\":{other}}"),
            ("{{seq}}", "{5}"),
            ("{rand:1}{rand:1}", "00"),
            (
                "{time:s} {time:ms} {time:us} {time:ns}",
                "1700000000 1700000000123 1700000000123456 1700000000123456789",
            ),
            ("{time}", "1700000000123"),
            ("{client", "{client"),
        ] {
            assert_eq!(fill(text), filled, "{text}");
        }
    }

    #[test]
    fn what_is_not_allowed_stays() {
        let template =
            Template::parse("-t", "{client}{seq}", |place| place == Place::Client).unwrap();
        assert_eq!(template.places().collect::<Vec<_>>(), [Place::Client]);
        assert_eq!(template.with(|_| "+".to_owned()), "+{seq}");
    }

    #[test]
    fn a_misspelt_place_is_found() {
        for (text, unknown) in [
            ("{clinet}/{n}", Some("clinet")),
            ("{n} {time:h}", Some("time:h")),
            ("{{seq}} {\"a\":{seq},\"b\":{\"c\":1}} {} {1} { n}", None),
            ("{seq", None),
        ] {
            let template = Template::parse("-t", text, |_| true).unwrap();
            assert_eq!(template.unknown(), unknown, "{text}");
        }
    }

    #[test]
    fn a_random_number_wants_a_bound() {
        for bad in ["{rand:}", "{rand:0}", "{rand:-1}", "{rand:x}"] {
            assert!(Template::parse("-t", bad, |_| true).is_err(), "{bad}");
        }
    }
}
