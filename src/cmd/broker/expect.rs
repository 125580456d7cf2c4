//! `--expect` and `--expect-payload`: what clients must have published by the end.

use super::super::{Failure, note};
use crate::cmd::comparison::Comparison;
use crate::mqtt::topic::{self, Quoted};

/// How much of a payload is shown, in bytes.
const SHOWN: usize = 100;

/// All expectations, and what has been seen for each.
#[derive(Debug, Default)]
pub(super) struct Expectations(Vec<Expectation>);

#[derive(Debug)]
struct Expectation {
    filter: String,
    wanted: Wanted,
    /// Messages that match the filter.
    messages: u64,
}

#[derive(Debug)]
enum Wanted {
    /// So many messages; with the words that were typed.
    Count(Comparison, u64, String),
    /// One with this payload.
    Payload {
        payload: String,
        seen: bool,
        /// What came last, cut where it is too long to be shown.
        last: Vec<u8>,
    },
}

impl Expectations {
    /// Reads what was typed.
    ///
    /// # Errors
    /// Wrong usage.
    pub(super) fn new(counts: &[String], payloads: &[String]) -> Result<Expectations, Failure> {
        let counts = counts.iter().map(|text| count(text));
        let payloads = payloads.iter().map(|text| payload(text));
        counts
            .chain(payloads)
            .collect::<Result<_, _>>()
            .map(Expectations)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A client has published something.
    pub(super) fn published(&mut self, name: &str, payload: &[u8]) {
        for expectation in &mut self.0 {
            if topic::matches(&expectation.filter, name) {
                expectation.messages += 1;
                if let Wanted::Payload {
                    payload: wanted,
                    seen,
                    last,
                } = &mut expectation.wanted
                {
                    *seen |= wanted.as_bytes() == payload;
                    last.clear();
                    last.extend_from_slice(payload.get(..=SHOWN).unwrap_or(payload));
                }
            }
        }
    }

    /// Says what was not met, a line each; whether all was.
    pub(super) fn check(&self) -> bool {
        let failed: Vec<_> = self.0.iter().filter_map(Expectation::failure).collect();
        for failure in &failed {
            note(failure);
        }
        failed.is_empty()
    }
}

impl Expectation {
    /// What is wrong, if something is.
    fn failure(&self) -> Option<String> {
        let messages = match self.messages {
            0 => "no message".to_owned(),
            1 => "1 message".to_owned(),
            messages => format!("{messages} messages"),
        };
        match &self.wanted {
            Wanted::Count(comparison, number, text) => {
                let is_met = comparison.holds(Some(self.messages.cmp(number)));
                let text = text.escape_debug();
                (!is_met).then(|| format!("expected '{text}', and clients published {messages}"))
            }
            Wanted::Payload { seen: true, .. } => None,
            Wanted::Payload { payload, last, .. } => {
                let wanted = payload.escape_debug();
                let on = Quoted(&self.filter);
                Some(match self.messages {
                    0 => format!("expected '{wanted}' on {on}, and clients published no message"),
                    _ => {
                        let last = shown(last);
                        format!("expected '{wanted}' on {on}, and of {messages} the last is {last}")
                    }
                })
            }
        }
    }
}

/// As text, or as hex where it is none.
fn shown(payload: &[u8]) -> String {
    let (cut, dots) = match payload.get(..SHOWN) {
        Some(cut) if payload.len() > SHOWN => (cut, "..."),
        _ => (payload, ""),
    };
    let text = match std::str::from_utf8(cut) {
        Ok(text) => Some(text),
        // The end may be in the middle of a character.
        Err(error) if !dots.is_empty() && error.error_len().is_none() => cut
            .get(..error.valid_up_to())
            .and_then(|valid| std::str::from_utf8(valid).ok()),
        Err(_) => None,
    };
    match text {
        Some(text) => format!("'{}'{dots}", text.escape_debug()),
        None => format!("{}{dots} (hex)", hex::encode(cut)),
    }
}

/// `FILTER COMPARISON NUMBER`, read from its end, for a filter may have nearly anything in it.
fn count(text: &str) -> Result<Expectation, Failure> {
    let wrong = |what: &str| {
        let text = text.escape_debug();
        Failure::usage(format!(
            "--expect takes FILTER, a comparison ({}) and a number, as in 'sensors/# >= 3', not \
             '{text}': {what}",
            Comparison::NAMES
        ))
    };
    let text = text.trim();
    let front = text.trim_end_matches(|c: char| c.is_ascii_digit());
    let number = text.get(front.len()..).unwrap_or_default();
    if number.is_empty() {
        return Err(wrong("it does not end with a number"));
    }
    let number = number
        .parse()
        .map_err(|_| wrong("the number is too large"))?;
    let (filter, comparison) = Comparison::end(front.trim_end())
        .ok_or_else(|| wrong("there is no comparison in front of the number"))?;
    // A slip rather than a topic.
    if filter.ends_with(['=', '!', '<', '>']) {
        return Err(wrong("there are too many signs in front of the number"));
    }
    let filter = filter.trim_end();
    topic::check_filter(filter).map_err(|error| wrong(&format!("of the filter, {error}")))?;
    Ok(Expectation {
        filter: filter.to_owned(),
        wanted: Wanted::Count(comparison, number, text.to_owned()),
        messages: 0,
    })
}

/// `FILTER=PAYLOAD`; a payload may have an equals sign.
fn payload(text: &str) -> Result<Expectation, Failure> {
    let wrong = |what: &str| {
        let text = text.escape_debug();
        Failure::usage(format!(
            "--expect-payload takes FILTER=PAYLOAD, as in 'status=online', not '{text}': {what}"
        ))
    };
    let (filter, payload) = text
        .split_once('=')
        .ok_or_else(|| wrong("there is no '='"))?;
    topic::check_filter(filter).map_err(|error| wrong(&format!("of the filter, {error}")))?;
    Ok(Expectation {
        filter: filter.to_owned(),
        wanted: Wanted::Payload {
            payload: payload.to_owned(),
            seen: false,
            last: Vec::new(),
        },
        messages: 0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failures(counts: &[&str], payloads: &[&str], published: &[(&str, &[u8])]) -> Vec<String> {
        let owned = |texts: &[&str]| {
            texts
                .iter()
                .map(|&text| text.into())
                .collect::<Vec<String>>()
        };
        let mut expectations = Expectations::new(&owned(counts), &owned(payloads)).unwrap();
        for (topic, payload) in published {
            expectations.published(topic, payload);
        }
        let failures = expectations.0.iter().filter_map(Expectation::failure);
        failures.collect()
    }

    #[test]
    fn every_comparison() {
        let published = [("a/b", &b""[..]), ("a/c", b""), ("$a", b"")];
        for (expect, is_met) in [
            ("# == 2", true),
            ("# == 3", false),
            ("#!=2", false),
            ("a/+ != 3", true),
            ("a/b<2", true),
            ("a/b < 1", false),
            ("a/b<=1", true),
            ("a/#<=1", false),
            ("$a > 0", true),
            ("$a > 1", false),
            ("a/b >= 1", true),
            ("none>=1", false),
            ("  none  ==  0  ", true),
            // Names as the standard allows them.
            ("a == b == 0", true),
        ] {
            let failures = failures(&[expect], &[], &published);
            assert_eq!(failures.is_empty(), is_met, "{expect}: {failures:?}");
        }
    }

    #[test]
    fn what_is_not_met_is_one_sentence() {
        let long = [b'x'; 200];
        let published = [
            ("a", &b"1"[..]),
            ("a", b"\xff"),
            ("b", b"x\ny"),
            ("long", &long),
        ];
        assert_eq!(
            failures(
                &["a >= 3", "c == 1", "b == 0"],
                &["a=1", "a=2", "b=z=1", "c=x", "+=x\ny", "long=y"],
                &published
            ),
            [
                "expected 'a >= 3', and clients published 2 messages".to_owned(),
                "expected 'c == 1', and clients published no message".to_owned(),
                "expected 'b == 0', and clients published 1 message".to_owned(),
                "expected '2' on 'a', and of 2 messages the last is ff (hex)".to_owned(),
                "expected 'z=1' on 'b', and of 1 message the last is 'x\\ny'".to_owned(),
                "expected 'x' on 'c', and clients published no message".to_owned(),
                format!(
                    "expected 'y' on 'long', and of 1 message the last is '{}'...",
                    "x".repeat(100)
                ),
            ]
        );
    }

    #[test]
    fn broken_expressions() {
        let message = |text: &str| count(text).unwrap_err().message;
        for (text, what) in [
            ("", "it does not end with a number"),
            ("a", "it does not end with a number"),
            ("a == x", "it does not end with a number"),
            ("a == -1", "there is no comparison in front of the number"),
            ("a = 1", "there is no comparison in front of the number"),
            ("1", "there is no comparison in front of the number"),
            ("a =!= 0", "there are too many signs in front of the number"),
            ("a=== 0", "there are too many signs in front of the number"),
            ("a == 99999999999999999999", "the number is too large"),
        ] {
            let start = "--expect takes FILTER, a comparison (==, !=, <, <=, > or >=) and a number, \
                         as in 'sensors/# >= 3', not '";
            assert_eq!(message(text), format!("{start}{text}': {what}"));
        }
        for text in ["== 1", "a/#/b == 1"] {
            assert!(message(text).contains("of the filter, "), "{text}");
        }
        for text in ["a", "=x", "a#=x"] {
            let message = payload(text).unwrap_err().message;
            assert!(message.starts_with("--expect-payload takes FILTER=PAYLOAD"));
        }
    }
}
