//! Connection flags that are set elsewhere: in variables and profiles.
//!
//! There is one list of them, the definition of the flags themselves. What is set elsewhere becomes
//! words in front of those that were typed, unless these say otherwise. Reading variables and files
//! is for others.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Args as _};

use super::{Connection, Reconnect, Session, Transport};

/// Who one is at the broker, of the flags about the session; the others belong to one run.
const OF_SESSION: [&str; 3] = [
    "id_prefix",
    "disable_clean_session",
    "session_expiry_interval",
];

/// Where a broker is.
const OF_PLACE: [&str; 4] = ["host", "port", "srv", "url"];

/// A connection flag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flag {
    id: String,
    /// Its long names, without dashes.
    pub names: Vec<String>,
    /// What it takes.
    pub takes: Takes,
}

/// What a flag takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Takes {
    /// Nothing: it is there or not.
    Nothing,
    /// One value.
    One,
    /// A value each time it is there.
    Many,
    /// Several words each time it is there.
    Words,
}

/// Every connection flag, of any subcommand.
pub fn flags() -> Vec<Flag> {
    let command = definition();
    let flags = command.get_arguments().filter(|arg| {
        // How to find the others.
        !["help", "profile", "config"].contains(&arg.get_id().as_str())
    });
    flags.filter_map(Flag::of).collect()
}

/// The flags that say where a broker is, or what carries the bytes to it.
pub fn place_flags() -> Vec<Flag> {
    let transport = Transport::augment_args(clap::Command::new("transport"));
    let carries = |flag: &Flag| {
        transport
            .get_arguments()
            .any(|arg| *arg.get_id() == flag.id)
    };
    let mut flags = flags();
    flags.retain(|flag| OF_PLACE.contains(&&*flag.id) || carries(flag));
    flags
}

fn definition() -> clap::Command {
    let command = Connection::augment_args(clap::Command::new("settings").no_binary_name(true));
    let session = Session::augment_args(clap::Command::new("session"));
    let of_session = session
        .get_arguments()
        .filter(|arg| OF_SESSION.contains(&arg.get_id().as_str()));
    Reconnect::augment_args(command.args(of_session))
}

impl Flag {
    pub(super) fn of(arg: &Arg) -> Option<Flag> {
        let mut names = vec![arg.get_long()?.to_owned()];
        names.extend(
            arg.get_all_aliases()
                .into_iter()
                .flatten()
                .map(str::to_owned),
        );
        Some(Flag {
            id: arg.get_id().to_string(),
            names,
            takes: match arg.get_action() {
                ArgAction::SetTrue => Takes::Nothing,
                ArgAction::Append if arg.get_num_args().is_some_and(|n| n.min_values() > 1) => {
                    Takes::Words
                }
                ArgAction::Append => Takes::Many,
                _ => Takes::One,
            },
        })
    }

    /// The flag set to these values; to none if it takes none. `origin` is for sentences.
    pub fn set(&self, values: Vec<String>, origin: String) -> Setting {
        Setting {
            id: self.id.clone(),
            words: match (self.takes, self.names.first()) {
                (_, None) => Vec::new(),
                (Takes::Nothing, Some(name)) => vec![format!("--{name}")],
                (_, Some(name)) => values
                    .iter()
                    .map(|value| format!("--{name}={value}"))
                    .collect(),
            },
            origin,
        }
    }

    /// The flag with each of these lists of words.
    pub fn set_lists(&self, lists: Vec<Vec<String>>, origin: String) -> Setting {
        let name = self.names.first().map(|name| format!("--{name}"));
        let words = lists
            .into_iter()
            .flat_map(|list| name.clone().into_iter().chain(list));
        Setting {
            id: self.id.clone(),
            words: words.collect(),
            origin,
        }
    }
}

/// A flag that is set elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    id: String,
    words: Vec<String>,
    origin: String,
}

impl Setting {
    /// Its long name, with underscores.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Where it is set.
    pub fn origin(&self) -> &str {
        &self.origin
    }
}

/// Settings of one place.
pub type Layer = Vec<Setting>;

/// A value that its flag does not take.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{origin}: {what}")]
pub struct SettingError {
    origin: String,
    what: String,
}

impl SettingError {
    /// What clap says, on one line.
    pub(super) fn new(origin: &str, error: &clap::Error) -> SettingError {
        let text = error.to_string();
        let first = text.lines().next().unwrap_or_default();
        SettingError {
            origin: origin.to_owned(),
            what: first.trim_start_matches("error: ").to_owned(),
        }
    }
}

/// What a subcommand wants to know of other places.
#[derive(Debug)]
pub struct Wanted<'m> {
    /// Whether it connects at all.
    pub connects: bool,
    /// --profile.
    pub profile: Option<&'m str>,
    /// --config.
    pub config: Option<&'m Path>,
    subcommand: &'m clap::Command,
    matches: &'m ArgMatches,
}

impl<'m> Wanted<'m> {
    /// Of a subcommand and its matches. (What arguments there are cannot be asked of the matches.)
    pub(super) fn new(subcommand: &'m clap::Command, matches: &'m ArgMatches) -> Wanted<'m> {
        let text = |id| matches.try_get_one::<String>(id).ok().flatten();
        let path = |id| matches.try_get_one::<PathBuf>(id).ok().flatten();
        Wanted {
            // 'broker passwd' and 'bench merge' do not, and take no flags in front of them.
            connects: has(subcommand, "profile") && matches.subcommand_name().is_none(),
            profile: text("profile").map(String::as_str),
            config: path("config").map(PathBuf::as_path),
            subcommand,
            matches,
        }
    }
}

fn has(command: &clap::Command, id: &str) -> bool {
    command.get_arguments().any(|arg| arg.get_id() == id)
}

/// Flags, each with those that overrule it.
pub(super) type Overruled = &'static [(&'static str, &'static [&'static str])];

/// What one flag says, another one need not be asked for elsewhere: each with those that overrule
/// it, beside itself.
pub(super) const OVERRULED_BY: Overruled = &[
    ("url", &["host", "port", "unix"]),
    ("unix", &["host", "port", "url"]),
    ("host", &["url", "unix"]),
    ("port", &["url", "unix"]),
    ("id", &["id_prefix"]),
    ("id_prefix", &["id"]),
    ("password", &["password_file", "ask_password"]),
    ("password_file", &["password", "ask_password"]),
    ("ask_password", &["password", "password_file"]),
    ("cafile", &["no_tls"]),
    ("capath", &["no_tls"]),
    ("tls_use_os_certs", &["no_tls"]),
    ("cert", &["no_tls"]),
    ("key", &["no_tls"]),
    ("insecure", &["no_tls"]),
    ("tls_version", &["no_tls"]),
    ("ciphers", &["no_tls"]),
    ("tls_alpn", &["no_tls"]),
    ("tls_keylog", &["no_tls"]),
];

/// The words for layers, of which the first wins over the next.
///
/// # Errors
/// A value that its flag does not take.
pub(super) fn words(wanted: Wanted<'_>, layers: Vec<Layer>) -> Result<Vec<OsString>, SettingError> {
    words_of(&definition(), &wanted, layers, &[OVERRULED_BY])
}

/// The same for flags with this definition, and more that overrule each other.
pub(super) fn words_of(
    definition: &clap::Command,
    wanted: &Wanted<'_>,
    layers: Vec<Layer>,
    overruled: &[Overruled],
) -> Result<Vec<OsString>, SettingError> {
    let typed = |id: &&str| wanted.matches.value_source(id) == Some(ValueSource::CommandLine);
    let given = wanted.matches.ids().map(|id| id.as_str()).filter(typed);
    let mut given: BTreeSet<String> = given.map(str::to_owned).collect();
    let mut words = Vec::new();
    for layer in layers {
        let mut new = BTreeSet::new();
        for setting in layer {
            let id = setting.id.as_str();
            let of = overruled.iter().copied().flatten();
            let mut others = of.filter(|(of, _)| *of == id).flat_map(|(_, by)| by.iter());
            if !has(wanted.subcommand, id) {
                continue;
            }
            if given.contains(id) || others.any(|other| given.contains(*other)) {
                continue;
            }
            check(definition, &setting)?;
            new.insert(setting.id);
            words.extend(setting.words.into_iter().map(OsString::from));
        }
        given.append(&mut new);
    }
    Ok(words)
}

/// Whether the flag takes it.
fn check(definition: &clap::Command, setting: &Setting) -> Result<(), SettingError> {
    let checked = definition.clone().try_get_matches_from(&setting.words);
    checked
        .map(drop)
        .map_err(|error| SettingError::new(&setting.origin, &error))
}

/// Moves --profile and --config from in front of the subcommand to behind it, where they are read.
pub(super) fn move_behind(mut words: Vec<OsString>) -> Vec<OsString> {
    let mut at = 1;
    while let Some(word) = words.get(at).and_then(|word| word.to_str()) {
        at += match word {
            "--profile" | "--config" => 2,
            _ if word.starts_with("--profile=") || word.starts_with("--config=") => 1,
            _ => break,
        };
    }
    // Behind them a subcommand is to follow.
    if at > 1
        && words
            .get(at)
            .is_some_and(|word| !word.to_string_lossy().starts_with('-'))
    {
        words.get_mut(1..=at).unwrap_or_default().rotate_right(1);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_in_front_moves_behind() {
        for (typed, read) in [
            ("midge sub -t a", "midge sub -t a"),
            ("midge --profile p sub -t a", "midge sub --profile p -t a"),
            (
                "midge --config=c --profile p sub -t a",
                "midge sub --config=c --profile p -t a",
            ),
            ("midge --profile p --help", "midge --profile p --help"),
            ("midge --profile p", "midge --profile p"),
            ("midge --profile", "midge --profile"),
        ] {
            let words = typed.split(' ').map(OsString::from).collect();
            let moved = move_behind(words);
            let read: Vec<_> = read.split(' ').map(OsString::from).collect();
            assert_eq!(moved, read);
        }
    }

    fn merged(typed: &str, layers: &[&[(&str, &str)]]) -> Result<String, String> {
        let command = Connection::augment_args(clap::Command::new("test"));
        let matches = command
            .clone()
            .try_get_matches_from(std::iter::once("test").chain(typed.split_whitespace()))
            .unwrap();
        let flags = flags();
        let set = |(name, value): &(&str, &str)| {
            let flag = flags
                .iter()
                .find(|flag| flag.names.iter().any(|n| n == name));
            flag.unwrap()
                .set(vec![(*value).to_owned()], "here".to_owned())
        };
        let layers = layers.iter().map(|layer| layer.iter().map(set).collect());
        let words = words(Wanted::new(&command, &matches), layers.collect());
        let words = words.map_err(|error| error.to_string())?;
        let words: Vec<_> = words.iter().map(|word| word.to_string_lossy()).collect();
        Ok(words.join(" "))
    }

    #[test]
    fn the_first_place_wins() {
        for (typed, first, second, words) in [
            ("", ("host", "a"), ("host", "b"), "--host=a"),
            ("", ("host", "a"), ("port", "1"), "--host=a --port=1"),
            ("-h c", ("host", "a"), ("port", "1"), "--port=1"),
            ("-L mqtt://c", ("host", "a"), ("port", "1"), ""),
            ("-p 2", ("url", "mqtt://a"), ("host", "b"), "--host=b"),
            ("", ("url", "mqtt://a"), ("host", "b"), "--url=mqtt://a"),
            ("", ("password", "a"), ("password-file", "b"), "--pw=a"),
            (
                "--ask-password",
                ("pw", "a"),
                ("username", "b"),
                "--username=b",
            ),
            (
                "",
                ("ws", ""),
                ("ws-header", "a: b"),
                "--ws --ws-header=a: b",
            ),
            ("--no-tls", ("cafile", "a"), ("id", "b"), "--id=b"),
        ] {
            let merged = merged(typed, &[&[first], &[second]]);
            assert_eq!(merged.as_deref(), Ok(words), "{typed} {first:?} {second:?}");
        }
    }

    #[test]
    fn a_value_that_the_flag_does_not_take() {
        assert_eq!(
            merged("", &[&[("port", "http")]]),
            Err(
                "here: invalid value 'http' for '--port <PORT>': invalid digit found in string"
                    .to_owned()
            )
        );
    }

    #[test]
    fn every_flag_has_a_name_of_its_own() {
        let flags = flags();
        assert!(flags.len() > 25, "{flags:?}");
        let names: Vec<_> = flags.iter().flat_map(|flag| &flag.names).collect();
        let different: BTreeSet<_> = names.iter().collect();
        assert_eq!(names.len(), different.len());
        for (id, others) in OVERRULED_BY {
            for id in [id].into_iter().chain(*others) {
                assert!(flags.iter().any(|flag| flag.id == *id), "{id}");
            }
        }
    }
}
