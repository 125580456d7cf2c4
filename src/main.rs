//! The binary: reads the command line, runs the subcommand, ends with its exit code.

use std::process::ExitCode;

use midge::cli::{self, Command};
use midge::cmd::{self, Exit, Failure};

fn main() -> ExitCode {
    match run() {
        Ok(exit) => ExitCode::from(exit.code()),
        Err(failure) => {
            cmd::note(&failure);
            ExitCode::from(failure.exit.code())
        }
    }
}

fn run() -> Result<Exit, Failure> {
    let cli = cli::parse(cmd::connect::settings)?;
    match &cli.command {
        Command::Broker(args) => cmd::broker::run(args),
        Command::Publish(args) => cmd::publish::run(args),
        Command::Subscribe(args) => cmd::subscribe::run(args),
        Command::Bench(args) => cmd::bench::run(args),
        Command::Decode(args) => cmd::decode::run(args),
        Command::CaptureReplay(args) => cmd::capture_replay::run(args),
    }
}
