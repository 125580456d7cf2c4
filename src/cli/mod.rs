//! The command line: clap definitions and nothing else.
//!
//! Help, man pages and completions are generated from here; `tests/it/generated.rs` compares the
//! committed ones. What was typed is turned into a validated plan in [`cmd`](crate::cmd).

mod bench;
mod connection;
mod decode;
mod publish;
mod subscribe;

pub use bench::Bench;
pub use connection::Connection;
pub use decode::{Color, Decode, From};
pub use publish::Publish;
pub use subscribe::Subscribe;

use clap::{CommandFactory, Parser, Subcommand};

/// MQTT from a shell.
#[derive(Debug, Parser)]
#[command(
    name = "midge",
    version,
    about = "MQTT from a shell: publish, subscribe, load-test, decode, replay, and a throwaway broker",
    arg_required_else_help = true,
    subcommand_required = true,
    after_help = EXIT_CODES,
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Publish messages.
    #[command(name = "pub")]
    Publish(Publish),
    /// Subscribe and print what comes.
    #[command(name = "sub")]
    Subscribe(Subscribe),
    /// Load a broker, and measure rates, latencies and losses.
    Bench(Bench),
    /// Decode packets from hex text or a capture.
    Decode(Decode),
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

/// The whole command, for the generators of man pages and completions.
pub fn command() -> clap::Command {
    Cli::command()
}
