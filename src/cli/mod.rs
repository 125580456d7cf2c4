//! The command line: clap definitions and nothing else.
//!
//! Help, man pages and completions are generated from here; `tests/it/generated.rs` compares the
//! committed ones. What was typed is turned into a validated plan in [`cmd`](crate::cmd).

mod bench;
mod broker;
mod capture_replay;
mod connection;
mod decode;
mod publish;
mod reconnect;
mod subscribe;
mod transport;

pub use bench::Bench;
pub use broker::{Broker, LogFormat};
pub use capture_replay::CaptureReplay;
pub use connection::Connection;
pub use decode::{Color, Decode, From, InputFormat, Severity, Times};
pub use publish::Publish;
pub use reconnect::Reconnect;
pub use subscribe::Subscribe;
pub use transport::Transport;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

/// MQTT from a shell.
#[derive(Debug, Parser)]
#[command(
    name = "midge",
    version,
    about = "MQTT from a shell: publish, subscribe, load-test, decode, replay, and a throwaway broker",
    arg_required_else_help = true,
    subcommand_required = true
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
#[expect(
    missing_docs,
    reason = "the doc of each struct is its help text, and one on the variant would replace it"
)]
pub enum Command {
    #[command(name = "pub")]
    Publish(Publish),
    #[command(name = "sub")]
    Subscribe(Subscribe),
    Bench(Bench),
    Decode(Decode),
    #[command(visible_alias = "replay")]
    CaptureReplay(CaptureReplay),
    Broker(Broker),
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

/// Reads the process's arguments. Wrong usage, `--help` and `--version` end the process here.
pub fn parse() -> Cli {
    Cli::from_arg_matches(&command().get_matches()).unwrap_or_else(|error| error.exit())
}

/// The whole command, also for the generators of man pages and completions.
pub fn command() -> clap::Command {
    Cli::command()
        .after_help(EXIT_CODES)
        .mut_subcommands(|subcommand| subcommand.after_long_help(EXIT_CODES))
}
