//! `--scenario FILE`: flags for all groups of clients, and `[[group]]`s with theirs.

use std::path::Path;

use toml::de::DeValue;

use crate::cli::Bench;
use crate::cli::settings::{Flag, Layer};
use crate::cmd::Failure;
use crate::cmd::flags_file::{self, FlagsFile};

/// Flags that are about the run, not about some of its clients.
const OF_RUN: [&str; 19] = [
    "duration",
    "warmup",
    "drain",
    "connect_rate",
    "ramp_up",
    "workers",
    "embedded",
    "json",
    "no_progress",
    "quiet",
    "debug",
    "start_at",
    "out",
    "html",
    "plot",
    "metrics",
    "assert",
    "compare",
    "tolerance",
];

/// The flags of one group of clients, and what they came from.
#[derive(Debug)]
pub(super) struct Typed {
    pub(super) name: Option<String>,
    pub(super) flags: Bench,
    /// Of the file, each with its place.
    settings: Layer,
    /// Where the group begins in the file.
    origin: Option<String>,
}

impl Typed {
    /// The flags alone.
    pub(super) fn without_file(flags: &Bench) -> Typed {
        Typed {
            name: None,
            flags: flags.clone(),
            settings: Layer::new(),
            origin: None,
        }
    }

    /// A sentence about one of the flags, with the place in the file that set it, or at least with
    /// that of the group.
    pub(super) fn blame(&self, failure: Failure) -> Failure {
        let names = |id: &str| format!("--{}", id.replace('_', "-"));
        let is_about = |id: &str| {
            let name = names(id);
            let at = failure.message.find(&name);
            at.is_some_and(|at| {
                let behind = failure.message.get(at + name.len()..).unwrap_or_default();
                !behind.starts_with(|c: char| c == '-' || c.is_ascii_alphanumeric())
            })
        };
        let set = self.settings.iter().find(|setting| is_about(setting.id()));
        match set
            .map(|setting| setting.origin())
            .or(self.origin.as_deref())
        {
            Some(origin) => Failure::new(failure.exit, format!("{origin}: {}", failure.message)),
            None => failure,
        }
    }
}

/// What the file and the typed flags come to: first the run's flags, then the groups', of which
/// there is at least one.
///
/// # Errors
/// A file that cannot be read, or is wrong: with line and column.
pub(super) fn read(path: &Path, typed: &Bench) -> Result<(Typed, Vec<Typed>), Failure> {
    let text = flags_file::read(path)?;
    let shown = path.display().to_string();
    let file = FlagsFile {
        text: &text,
        path: &shown,
    };
    parse(file, typed)
}

fn parse(file: FlagsFile<'_>, typed: &Bench) -> Result<(Typed, Vec<Typed>), Failure> {
    let flags = Bench::scenario_flags();
    let table = file.parse()?;
    let mut for_all = Layer::new();
    let mut tables = None;
    for (key, value) in table.get_ref() {
        match (key.get_ref().as_ref(), value.get_ref()) {
            ("group", DeValue::Array(array)) => tables = Some(array),
            ("group", _) => {
                return Err(file.wrong(key.span().start, "groups are written as [[group]]"));
            }
            _ => for_all.extend(file.setting(key, value, &flags, "a scenario")?),
        }
    }
    let merge = |layers: Vec<Layer>, origin: &str| {
        typed
            .with(layers, origin)
            .map_err(|error| Failure::usage(error.to_string()))
    };
    let run = Typed {
        name: None,
        flags: merge(vec![for_all.clone()], file.path)?,
        settings: for_all.clone(),
        origin: Some(file.path.to_owned()),
    };
    let of_group: Vec<Flag> = flags
        .into_iter()
        .filter(|flag| {
            !OF_RUN.contains(
                &flag
                    .names
                    .first()
                    .map_or("", |n| n)
                    .replace('-', "_")
                    .as_str(),
            )
        })
        .collect();
    let mut groups = Vec::new();
    for group in tables.into_iter().flatten() {
        let at = group.span().start;
        let DeValue::Table(table) = group.get_ref() else {
            return Err(file.wrong(at, "groups are written as [[group]]"));
        };
        let mut name = None;
        let mut layer = Layer::new();
        for (key, value) in table {
            match (key.get_ref().as_ref(), value.get_ref()) {
                ("name", DeValue::String(text)) => name = Some(text.to_string()),
                ("name", _) => {
                    return Err(file.wrong(value.span().start, "name takes a text"));
                }
                _ => layer.extend(file.setting(key, value, &of_group, "a group")?),
            }
        }
        let origin = file.place(at);
        let flags = merge(vec![layer.clone(), for_all.clone()], &origin)?;
        layer.extend(for_all.iter().cloned());
        groups.push(Typed {
            name,
            flags,
            settings: layer,
            origin: Some(origin),
        });
    }
    if groups.is_empty() {
        groups.push(Typed {
            name: None,
            flags: run.flags.clone(),
            settings: for_all,
            origin: run.origin.clone(),
        });
    }
    Ok((run, groups))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scenario(text: &str, typed: &str) -> Result<(Typed, Vec<Typed>), String> {
        let path = "s.toml";
        let typed = Bench::from_words(typed);
        parse(FlagsFile { text, path }, &typed).map_err(|failure| failure.message)
    }

    const TWO: &str = "duration = \"3s\"\nqos = 1\nhost = \"h\"\n\
        [[group]]\nname = \"fast\"\nrate = \"10k/s\"\npublishers = 5\n\
        property = [[\"publish\", \"content-type\", \"text/plain\"]]\n\
        [[group]]\nqos = 2\nretain = true\nsize = \"16..64\"\nrate-per-client = 0.5\n";

    #[test]
    fn groups_have_their_flags_and_those_of_all() {
        let (run, groups) = scenario(TWO, "--publishers 7 -t a/b").unwrap();
        assert_eq!(run.flags.duration.as_deref(), Some("3s"));
        let [fast, other] = &groups[..] else {
            panic!("{groups:?}")
        };
        assert_eq!(fast.name.as_deref(), Some("fast"));
        assert_eq!(other.name, None);
        for group in &groups {
            assert_eq!(group.flags.connection.host.as_deref(), Some("h"));
            // Flags win.
            assert_eq!(group.flags.publishers, Some(7));
            assert_eq!(group.flags.topic.as_deref(), Some("a/b"));
        }
        assert_eq!((fast.flags.qos, other.flags.qos), (Some(1), Some(2)));
        assert_eq!((fast.flags.retain, other.flags.retain), (false, true));
        assert_eq!(fast.flags.rate.as_deref(), Some("10k/s"));
        assert_eq!(other.flags.rate_per_client.as_deref(), Some("0.5"));
        assert_eq!(other.flags.size.as_deref(), Some("16..64"));
        let property = ["publish", "content-type", "text/plain"];
        assert_eq!(fast.flags.session.property, property);
    }

    #[test]
    fn a_flag_wins_over_its_rivals_in_the_file() {
        let (_, groups) = scenario(TWO, "--rate 5").unwrap();
        assert_eq!(groups[1].flags.rate.as_deref(), Some("5"));
        assert_eq!(groups[1].flags.rate_per_client, None);
    }

    #[test]
    fn without_groups_the_file_is_one() {
        let (_, groups) = scenario("publishers = 3\n", "").unwrap();
        assert_eq!(groups.len(), 1);
        assert_eq!(groups[0].flags.publishers, Some(3));
    }

    #[test]
    fn what_is_wrong_has_a_line_and_a_column() {
        for (text, sentence) in [
            ("qos = \n", "s.toml, line 1, column 7: "),
            (
                "\nqso = 1\n",
                "s.toml, line 2, column 1: 'qso' is no key of a scenario; did you mean qos?",
            ),
            (
                "speed = 1\n",
                "s.toml, line 1, column 1: 'speed' is no key of a scenario; there are publishers, ",
            ),
            (
                "qos = [1]\n",
                "s.toml, line 1, column 7: qos takes a text or a number",
            ),
            (
                "group = 1\n",
                "s.toml, line 1, column 1: groups are written as [[group]]",
            ),
            (
                "[[group]]\n  qos = true\n",
                "s.toml, line 2, column 9: qos takes a text or a number",
            ),
            (
                "[[group]]\nduration = 1\n",
                "s.toml, line 2, column 1: 'duration' is no key of a group; ",
            ),
            (
                "qos = 300\n",
                "s.toml, line 1, column 7: invalid value '300' for '--qos <QOS>'",
            ),
            (
                "property = \"a\"\n",
                "s.toml, line 1, column 12: property takes an array of arrays of texts",
            ),
            (
                "[[group]]\nname = 1\n",
                "s.toml, line 2, column 8: name takes a text",
            ),
            (
                "[[group]]\nrate = 1\nrate-per-client = 2\n",
                "s.toml, line 1, column 1: the argument ",
            ),
        ] {
            let error = scenario(text, "").unwrap_err();
            assert!(error.starts_with(sentence), "{text}: {error}");
        }
    }

    #[test]
    fn a_sentence_gets_the_place_that_it_is_about() {
        let (_, groups) = scenario(TWO, "").unwrap();
        let blamed = |sentence: &str| groups[0].blame(Failure::usage(sentence)).message;
        for (sentence, place) in [
            ("--rate takes", "s.toml, line 6, column 8: --rate takes"),
            ("--qos", "s.toml, line 2, column 7: --qos"),
            ("--size", "s.toml, line 4, column 1: --size"),
            (
                "what --rate-per-client",
                "s.toml, line 4, column 1: what --rate-per-client",
            ),
        ] {
            assert_eq!(blamed(sentence), place);
        }
    }
}
