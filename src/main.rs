//! The binary: reads the command line, runs the subcommand, ends with its exit code.

use std::process::ExitCode;

use midge::cli::{self, Command};
use midge::cmd::{self, Exit, Failure};

fn main() -> ExitCode {
    let mut words = std::env::args_os();
    if let Some(program) = words.next().and_then(|name| cmd::mosquitto::program(&name)) {
        return ExitCode::from(cmd::mosquitto::run(program, words));
    }
    if std::env::args_os()
        .next()
        .is_some_and(|name| cmd::mosquitto::is_broker(&name))
    {
        return ExitCode::from(cmd::mosquitto::run_broker(words));
    }
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
    let quiet = match &cli.command {
        Command::Publish(args) => args.session.quiet,
        Command::Subscribe(args) => args.session.quiet,
        Command::Request(args) => args.session.quiet,
        _ => false,
    };
    if quiet {
        cmd::be_silent();
    }
    match &cli.command {
        Command::Broker(args) => cmd::broker::run(args),
        Command::Publish(args) => cmd::publish::run(args),
        Command::Subscribe(args) => cmd::subscribe::run(args),
        Command::Request(args) => cmd::request::run(args),
        Command::Bench(args) => cmd::bench::run(args),
        Command::Decode(args) => cmd::decode::run(args),
        Command::CaptureReplay(args) => cmd::capture_replay::run(args),
    }
}
