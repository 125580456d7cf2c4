//! Predefined topic ids: numbers whose topic names client and gateway know beforehand (6.5.1 and
//! the TopicIdType 1 of 5.3.4), as a text file says them.
//!
//! One `ID NAME` per line; `CLIENT:ID NAME` where it is so for one client only. Lines that are
//! empty or begin with `#` are comments.

use rustc_hash::FxHashMap;

/// The names of predefined topic ids.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Predefined {
    of_all: FxHashMap<u16, String>,
    of_one: FxHashMap<(String, u16), String>,
}

/// What is wrong with a line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {problem}")]
pub struct LineError {
    /// Its number, from 1.
    pub line: usize,
    problem: Problem,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
enum Problem {
    #[error("{0:?} is no topic id: a number from 1 to 65534")]
    Id(String),
    #[error("the topic name is missing: a line has an id and a name")]
    NoName,
    #[error("{0:?} is no topic name, for it has a wildcard")]
    Wildcard(String),
    #[error("topic id {0} has a name already")]
    Twice(u16),
}

impl Predefined {
    /// Reads the text of a file.
    ///
    /// # Errors
    /// The first line that is wrong.
    pub fn parse(text: &str) -> Result<Predefined, LineError> {
        let mut predefined = Predefined::default();
        for (i, line) in text.lines().enumerate() {
            let line = line.trim();
            if !line.is_empty() && !line.starts_with('#') {
                predefined.add(line).map_err(|problem| LineError {
                    line: i + 1,
                    problem,
                })?;
            }
        }
        Ok(predefined)
    }

    fn add(&mut self, line: &str) -> Result<(), Problem> {
        let (id, name) = line
            .split_once(char::is_whitespace)
            .ok_or(Problem::NoName)?;
        let name = name.trim_start();
        if name.contains(['+', '#']) {
            return Err(Problem::Wildcard(name.to_owned()));
        }
        let (client, number) = match id.rsplit_once(':') {
            Some((client, number)) => (Some(client), number),
            None => (None, id),
        };
        // 0x0000 and 0xffff are reserved (5.3.11).
        let number = match number.parse() {
            Ok(number @ 1..=0xfffe) => number,
            _ => return Err(Problem::Id(number.to_owned())),
        };
        let before = match client {
            Some(client) => self
                .of_one
                .insert((client.to_owned(), number), name.to_owned()),
            None => self.of_all.insert(number, name.to_owned()),
        };
        before.map_or(Ok(()), |_| Err(Problem::Twice(number)))
    }

    /// The name that `id` has for the client with this id, if that is known.
    pub fn name(&self, client_id: Option<&str>, id: u16) -> Option<&str> {
        client_id
            .filter(|_| !self.of_one.is_empty())
            .and_then(|client| self.of_one.get(&(client.to_owned(), id)))
            .or_else(|| self.of_all.get(&id))
            .map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_have_names() {
        let text =
            "# plant\n1 plant/state\n\n  7\tplant/with space \r\ndev-9:7 other\na:b:8 last\n";
        let predefined = Predefined::parse(text).unwrap();
        for (client, id, name) in [
            (None, 1, Some("plant/state")),
            (None, 7, Some("plant/with space")),
            (Some("dev-1"), 7, Some("plant/with space")),
            (Some("dev-9"), 7, Some("other")),
            (Some("dev-9"), 1, Some("plant/state")),
            (Some("a:b"), 8, Some("last")),
            (None, 8, None),
        ] {
            assert_eq!(predefined.name(client, id), name, "{client:?} {id}");
        }
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        for (text, message) in [
            (
                "1 a\nx b\n",
                "line 2: \"x\" is no topic id: a number from 1 to 65534",
            ),
            (
                "0 a",
                "line 1: \"0\" is no topic id: a number from 1 to 65534",
            ),
            (
                "65535 a",
                "line 1: \"65535\" is no topic id: a number from 1 to 65534",
            ),
            (
                "#\n\n5",
                "line 3: the topic name is missing: a line has an id and a name",
            ),
            (
                "5 a/#",
                "line 1: \"a/#\" is no topic name, for it has a wildcard",
            ),
            ("5 a\n5 b", "line 2: topic id 5 has a name already"),
        ] {
            let error = Predefined::parse(text).unwrap_err();
            assert_eq!(error.to_string(), message);
        }
    }
}
