//! `--until` and `--until-json`: what a payload has to be to end the work.

use regex::bytes::Regex;
use serde_json::Value;

use crate::cmd::Failure;
use crate::cmd::comparison::Comparison;

/// What is waited for.
#[derive(Debug)]
pub(super) enum Condition {
    /// The payload matches.
    Matches(Regex),
    /// The payload is JSON in which this holds.
    Json(JsonCondition),
}

/// A value in JSON, compared with another one.
#[derive(Debug, PartialEq)]
pub(super) struct JsonCondition {
    path: Vec<Step>,
    /// `None`: it is there.
    wanted: Option<(Comparison, Value)>,
}

#[derive(Debug, PartialEq, Eq)]
enum Step {
    Key(String),
    Index(usize),
}

impl Condition {
    /// --until.
    ///
    /// # Errors
    /// Wrong usage.
    pub(super) fn regex(text: &str) -> Result<Condition, Failure> {
        Regex::new(text).map(Condition::Matches).map_err(|error| {
            let error = error.to_string();
            // The last line says what is wrong, those before draw it.
            let what = error.lines().last().unwrap_or_default();
            let what = what.trim_start_matches("error: ");
            let text = text.escape_debug();
            Failure::usage(format!(
                "'{text}' (--until) is no regular expression: {what}"
            ))
        })
    }

    /// --until-json.
    ///
    /// # Errors
    /// Wrong usage.
    pub(super) fn json(text: &str) -> Result<Condition, Failure> {
        JsonCondition::parse(text)
            .map(Condition::Json)
            .map_err(|what| {
                let text = text.escape_debug();
                Failure::usage(format!("'{text}' (--until-json) is no condition: {what}"))
            })
    }

    /// Whether this is the payload that is waited for.
    pub(super) fn holds(&self, payload: &[u8]) -> bool {
        match self {
            Condition::Matches(regex) => regex.is_match(payload),
            Condition::Json(condition) => {
                serde_json::from_slice(payload).is_ok_and(|value| condition.holds(&value))
            }
        }
    }
}

impl JsonCondition {
    fn parse(text: &str) -> Result<JsonCondition, String> {
        let (mut path, mut rest) = (Vec::new(), text.trim_start());
        rest = rest.strip_prefix('$').unwrap_or(rest);
        loop {
            rest = rest.trim_start();
            let is_end = rest.is_empty() || rest.starts_with(['=', '!', '<', '>']);
            if is_end {
                break;
            }
            rest = step(&mut path, rest)?;
        }
        if path.is_empty() && !text.trim_start().starts_with('$') {
            return Err("it has no path".to_owned());
        }
        if rest.is_empty() {
            return Ok(JsonCondition { path, wanted: None });
        }
        let Some((comparison, value)) = Comparison::begin(rest) else {
            return Err(format!("a comparison is {}", Comparison::NAMES));
        };
        let value = value.trim();
        if value.is_empty() {
            return Err("it has nothing to compare with".to_owned());
        }
        let value = serde_json::from_str(value).unwrap_or_else(|_| Value::String(value.to_owned()));
        Ok(JsonCondition {
            path,
            wanted: Some((comparison, value)),
        })
    }

    fn holds(&self, value: &Value) -> bool {
        let found = self
            .path
            .iter()
            .try_fold(value, |value, step| match (step, value) {
                (Step::Key(key), Value::Object(entries)) => entries.get(key),
                (Step::Index(index), Value::Array(elements)) => elements.get(*index),
                _ => None,
            });
        match (found, &self.wanted) {
            (None, _) => false,
            (Some(_), None) => true,
            (Some(found), Some((comparison, wanted))) => compare(found, *comparison, wanted),
        }
    }
}

/// Reads a step of a path; gives what is behind it.
fn step<'t>(path: &mut Vec<Step>, text: &'t str) -> Result<&'t str, String> {
    if let Some(inside) = text.strip_prefix('[') {
        if inside.starts_with('"') {
            let mut values = serde_json::Deserializer::from_str(inside).into_iter::<String>();
            let Some(Ok(key)) = values.next() else {
                return Err("a string in it does not end".to_owned());
            };
            let rest = inside.get(values.byte_offset()..).unwrap_or_default();
            path.push(Step::Key(key));
            return rest.strip_prefix(']').ok_or_else(unclosed);
        }
        let (index, rest) = inside.split_once(']').ok_or_else(unclosed)?;
        let index = index.trim().parse().map_err(|_| {
            let index = index.escape_debug();
            format!("'{index}' is no index")
        })?;
        path.push(Step::Index(index));
        return Ok(rest);
    }
    let text = match text.strip_prefix('.') {
        Some(rest) => rest,
        None if path.is_empty() => text,
        None => return Err("a '.' or '[' is missing in the path".to_owned()),
    };
    let end = text.find(['.', '[', '=', '!', '<', '>']);
    let (key, rest) = text.split_at(end.unwrap_or(text.len()));
    let key = key.trim_end();
    if key.is_empty() {
        return Err("a name in the path is empty".to_owned());
    }
    path.push(Step::Key(key.to_owned()));
    Ok(rest)
}

fn unclosed() -> String {
    "a '[' is not closed".to_owned()
}

fn compare(found: &Value, comparison: Comparison, wanted: &Value) -> bool {
    use std::cmp::Ordering;
    let order = match (found, wanted) {
        (Value::Number(a), Value::Number(b)) => match (a.as_i128(), b.as_i128()) {
            (Some(a), Some(b)) => Some(a.cmp(&b)),
            _ => match (a.as_f64(), b.as_f64()) {
                (Some(a), Some(b)) => a.partial_cmp(&b),
                _ => None,
            },
        },
        (Value::String(a), Value::String(b)) => Some(a.cmp(b)),
        (a, b) if a == b => Some(Ordering::Equal),
        _ => None,
    };
    comparison.holds(order)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_in_json() {
        let payload = br#"{"a":{"b":[10,"x",null]},"t":21.5,"ok":true,"a.b":"=="}"#;
        for (condition, holds) in [
            ("t==21.5", true),
            ("t == 21.50", true),
            ("t!=21.5", false),
            ("t>21", true),
            ("t<21.5", false),
            ("t<=21.5", true),
            ("t>=22", false),
            ("a.b[0]==10", true),
            ("$.a.b[0]>9", true),
            ("a.b[1]==x", true),
            ("a.b[1]==\"x\"", true),
            ("a.b[1]<y", true),
            ("a.b[2]==null", true),
            ("a.b[2]", true),
            ("a.b[3]", false),
            ("a.b==[10,\"x\",null]", true),
            ("a[\"b\"][0]==10", true),
            ("[\"a.b\"]==\"==\"", true),
            ("ok==true", true),
            ("ok==\"true\"", false),
            ("ok!=7", true),
            ("t<x", false),
            // What is not there is not different, either.
            ("no!=1", false),
            ("$", true),
            ("$==1", false),
        ] {
            let parsed = Condition::json(condition).unwrap();
            assert_eq!(parsed.holds(payload), holds, "{condition}");
        }
        assert!(!Condition::json("t").unwrap().holds(b"no json"));
    }

    #[test]
    fn wrong_conditions_are_one_sentence() {
        for (condition, sentence) in [
            ("", "it has no path"),
            ("==1", "it has no path"),
            ("a==", "it has nothing to compare with"),
            ("a=1", "a comparison is ==, !=, <, <=, > or >="),
            ("a..b", "a name in the path is empty"),
            ("a[x]", "'x' is no index"),
            ("a[1", "a '[' is not closed"),
            ("a[\"b", "a string in it does not end"),
            ("a[0]b", "a '.' or '[' is missing in the path"),
        ] {
            let message = Condition::json(condition).unwrap_err().message;
            let expected = format!(
                "'{}' (--until-json) is no condition: {sentence}",
                condition.escape_debug()
            );
            assert_eq!(message, expected);
        }
        let message = Condition::regex("a(").unwrap_err().message;
        assert_eq!(
            message,
            "'a(' (--until) is no regular expression: unclosed group"
        );
    }

    #[test]
    fn any_bytes_can_match() {
        let condition = Condition::regex("^ok|err.*[0-9]$").unwrap();
        for (payload, holds) in [
            (&b"ok \xff"[..], true),
            (b"not ok", false),
            ("err \u{fc} 7".as_bytes(), true),
        ] {
            assert_eq!(condition.holds(payload), holds);
        }
    }
}
