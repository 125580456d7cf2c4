//! The command line: clap definitions and nothing else.
//!
//! Help, man pages and completions are generated from here; `tests/it/generated.rs` compares the
//! committed ones. What was typed is turned into a validated plan in [`cmd`](crate::cmd).

mod bench;
mod bench_result;
mod broker;
mod broker_access;
mod broker_limits;
mod capture_replay;
mod connection;
mod decode;
mod not_text;
mod option_file;
mod publish;
mod receive;
mod reconnect;
mod request;
mod scenario;
mod selection;
mod session;
pub mod settings;
mod subscribe;
mod transport;

pub use bench::Bench;
pub use bench_result::{BenchCommand, BenchMerge, BenchResult, BenchShow};
pub use broker::{Broker, Ci, Faults, Listeners, LogFormat};
pub use broker_access::{Access, BrokerCommand, HashKind, NoMatch, Passwd};
pub use broker_limits::Limits;
pub use capture_replay::CaptureReplay;
pub use connection::{Connection, Program};
pub use decode::{Color, Decode, InputFormat, Severity, Times};
pub use not_text::NotText;
pub use option_file::OptionFileError;
pub use publish::Publish;
pub use receive::Receive;
pub use reconnect::Reconnect;
pub use request::Request;
pub use selection::{From, Selection};
pub use session::Session;
pub use subscribe::Subscribe;
pub use transport::Transport;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};

/// MQTT from a shell.
#[derive(Debug, Parser)]
#[command(
    name = "midge",
    version,
    about = "MQTT from a shell: publish, subscribe, decode, load-test, replay, serve",
    arg_required_else_help = true,
    subcommand_required = true
)]
pub struct Cli {
    /// What may stand in front of the subcommand.
    #[command(flatten)]
    pub front: Front,

    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What may stand in front of the subcommand; it is moved behind it before it is read.
#[derive(Debug, Args)]
pub struct Front {
    /// As behind the subcommand: the profile with the connection flags.
    #[arg(long, value_name = "NAME")]
    pub profile: Option<String>,

    /// As behind the subcommand: the file with the profiles.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
#[expect(
    missing_docs,
    reason = "the doc of each struct is its help text, and one on the variant would replace it"
)]
pub enum Command {
    #[command(name = "pub")]
    Publish(Box<Publish>),
    #[command(name = "sub")]
    Subscribe(Box<Subscribe>),
    #[command(name = "rr")]
    Request(Box<Request>),
    Bench(Box<Bench>),
    Decode(Box<Decode>),
    #[command(visible_alias = "replay")]
    CaptureReplay(Box<CaptureReplay>),
    Broker(Box<Broker>),
}

/// The exit code contract, shown below every help text.
pub const EXIT_CODES: &str = "\
Exit codes:
  0    what was asked was done
  1    a file, stdin/stdout or internal error
  2    wrong usage
  3    could not connect
  4    connection lost before the work was done
  5    it ran, but the verdict is no
  27   the time given with -W is over
  128+ the broker refused: the MQTT 5 reason code
  130, 143  interrupted by SIGINT, SIGTERM";

/// Shown below the exit codes of pub, sub and rr.
const OTHER_NAME: &str = "\
Linked or copied under the names mosquitto_pub, mosquitto_sub and
mosquitto_rr, midge is these programs: their options, option files, messages
and exit codes. It does not have --psk, --psk-identity, --tls-engine,
--tls-engine-kpass-sha1, --keyform engine and --tls-version before tlsv1.2:
they end with exit code 2. Of TLS it has the ciphers of today, certificates
of X.509 version 3 with a subjectAltName, and keys that are not encrypted.";

/// What stands below the long help of a subcommand.
fn after_long_help(name: &str) -> String {
    match name {
        "pub" | "sub" | "rr" => format!("{EXIT_CODES}\n\n{OTHER_NAME}"),
        "broker" => {
            use broker::{BROKER_HELP, MOSQUITTO_CONF};
            format!("{BROKER_HELP}\n\n{MOSQUITTO_CONF}\n{EXIT_CODES}")
        }
        _ => EXIT_CODES.to_owned(),
    }
}

type Augment = fn(clap::Command) -> clap::Command;

/// Each subcommand's name, its other name, and its flags, as in [`Command`].
const SUBCOMMANDS: [(&str, Option<&str>, Augment); 7] = [
    ("pub", None, Publish::augment_args),
    ("sub", None, Subscribe::augment_args),
    ("rr", None, Request::augment_args),
    ("bench", None, Bench::augment_args),
    ("decode", None, Decode::augment_args),
    (
        "capture-replay",
        Some("replay"),
        CaptureReplay::augment_args,
    ),
    ("broker", None, Broker::augment_args),
];

/// Reads the process's arguments, and the option file that they name. Wrong usage, `--help` and
/// `--version` end the process here.
///
/// `more` is asked for what is set elsewhere: see [`settings`].
///
/// Where the first word names a subcommand, the flags of the others are not built: they would take
/// longer than publishing a message does.
///
/// # Errors
/// Those of `more`, and of the option file; a word that is not text.
pub fn parse<E>(
    more: impl FnOnce(&settings::Wanted<'_>) -> Result<Vec<settings::Layer>, E>,
) -> Result<Cli, E>
where
    E: std::convert::From<OptionFileError>
        + std::convert::From<settings::SettingError>
        + std::convert::From<NotText>,
{
    let mut words = settings::move_behind(std::env::args_os().collect());
    let mut command = command_of(&words);
    let mut matches = matches_of(&mut command, &words)?;
    if let Some(path) = option_file::of(&matches) {
        insert(&mut words, option_file::read(path)?);
        matches = matches_of(&mut command, &words)?;
    }
    if let Some((name, given)) = matches.subcommand()
        && let Some(subcommand) = command.find_subcommand(name)
    {
        let wanted = settings::Wanted::new(subcommand, given);
        let layers = more(&wanted)?;
        if !layers.is_empty() {
            insert(&mut words, settings::words(wanted, layers)?);
            matches = matches_of(&mut command, &words)?;
        }
    }
    let mut cli = Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    if let Command::Bench(bench) = &mut cli.command {
        bench.words = words.split_off(words.len().min(2));
    }
    // Once in a process, and giving back its many small pieces would take as long as connecting.
    std::mem::forget((command, matches));
    Ok(cli)
}

fn matches_of(
    command: &mut clap::Command,
    words: &[OsString],
) -> Result<clap::ArgMatches, NotText> {
    let error = match command.try_get_matches_from_mut(words) {
        Ok(matches) => return Ok(matches),
        Err(error) => error,
    };
    match NotText::find(command, words, &error) {
        Some(error) => Err(error),
        None => error.exit(),
    }
}

/// Puts words behind the subcommand's name, in front of what was typed.
fn insert(words: &mut Vec<OsString>, more: Vec<OsString>) {
    let behind = words.len().min(2);
    words.splice(behind..behind, more);
}

/// What these words, the program's name first, are for.
fn command_of(words: &[OsString]) -> clap::Command {
    let first = words.get(1);
    let is_first = |name: &str| first.is_some_and(|word| word == name);
    SUBCOMMANDS
        .iter()
        .find(|(name, alias, _)| is_first(name) || alias.is_some_and(is_first))
        .map_or_else(command, |(name, alias, augment)| {
            let subcommand = clap::Command::new(*name).visible_aliases(*alias);
            Front::augment_args(clap::Command::new("midge"))
                .subcommand(augment(subcommand).after_long_help(after_long_help(name)))
        })
}

/// The whole command, also for the generators of man pages and completions.
pub fn command() -> clap::Command {
    Cli::command()
        .after_help(EXIT_CODES)
        .mut_subcommands(|subcommand| {
            let text = after_long_help(subcommand.get_name());
            subcommand.after_long_help(text)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The programs of mosquitto build these structs without clap.
    #[test]
    fn defaults_are_what_no_flag_means() {
        fn typed<A: clap::Args + std::fmt::Debug>() -> String {
            let matches = A::augment_args(clap::Command::new("x")).get_matches_from(["x"]);
            format!("{:?}", A::from_arg_matches(&matches).unwrap())
        }
        assert_eq!(typed::<Publish>(), format!("{:?}", Publish::default()));
        assert_eq!(typed::<Subscribe>(), format!("{:?}", Subscribe::default()));
        assert_eq!(typed::<Request>(), format!("{:?}", Request::default()));
    }

    #[test]
    fn one_subcommand_is_what_it_is_among_all() {
        let mut all = command();
        assert_eq!(all.get_subcommands().count(), SUBCOMMANDS.len());
        for (name, alias, augment) in SUBCOMMANDS {
            let among_all = all.find_subcommand_mut(name).expect("it is there");
            let aliases: Vec<&str> = among_all.get_all_aliases().collect();
            assert_eq!(aliases, Vec::from_iter(alias), "{name}");
            let mut alone =
                augment(clap::Command::new(name)).after_long_help(after_long_help(name));
            let help = |command: &mut clap::Command| command.render_long_help().to_string();
            assert_eq!(help(&mut alone), help(among_all), "{name}");
        }
    }
}
