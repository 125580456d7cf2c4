//! midge under the names `mosquitto_pub`, `mosquitto_sub` and `mosquitto_rr`: their arguments,
//! option files, messages and exit codes. The work is that of `pub`, `sub` and `rr`.
//!
//! | file | what it is |
//! |---|---|
//! | `broker` | the same for the broker, `mosquitto` |
//! | `options` | the table of their options, and what each sets |
//! | `typed` | what the command line and the option file have set |
//! | `parse` | their grammar |
//! | `check` | what must fit together when everything is read |
//! | `property`, `url`, `format`, `number` | the values that have a grammar of their own |
//! | `words` | what they say when something fails |
//! | `trace` | `-d` |
//! | `usage` | `--help` and `--version` |
//!
//! The texts are theirs, since scripts look for them; they are the ones of 2.1.2, and of 2.0.11
//! where those two agree.

mod broker;
mod check;
mod format;
mod number;
mod options;
mod parse;
mod property;
mod trace;
mod typed;
mod url;
mod usage;
mod words;

use std::ffi::{OsStr, OsString};
use std::io::{self, Write};
use std::path::Path;

use super::{Exit, Failure, note, publish, request, subscribe};
use crate::cli::Program;
use crate::client::Engine;
use crate::mqtt::{PacketType, ReasonCode, Version};

pub use self::broker::{is_broker, run_broker};
pub(super) use self::trace::{in_brackets, trace};
pub(super) use self::usage::RELEASE;
pub(super) use self::words::{connect_failure, lost_failure, publish_warning, strerror, unshown};

/// The program that goes by this name (`argv[0]`), if it is one of mosquitto's.
pub fn program(name: &OsStr) -> Option<Program> {
    match stem(name)? {
        "mosquitto_pub" => Some(Program::MosquittoPub),
        "mosquitto_sub" => Some(Program::MosquittoSub),
        "mosquitto_rr" => Some(Program::MosquittoRr),
        _ => None,
    }
}

/// A program's name without its folder and `.exe`.
fn stem(name: &OsStr) -> Option<&str> {
    // Both, so that a Windows path is one wherever it is looked at.
    let name = Path::new(name).file_name()?.to_str()?;
    Some(
        match name
            .len()
            .checked_sub(4)
            .and_then(|at| name.split_at_checked(at))
        {
            Some((stem, end)) if end.eq_ignore_ascii_case(".exe") => stem,
            _ => name,
        },
    )
}

/// Its name.
pub(super) fn name(program: Program) -> &'static str {
    match program {
        Program::Midge => "midge",
        Program::MosquittoPub => "mosquitto_pub",
        Program::MosquittoSub => "mosquitto_sub",
        Program::MosquittoRr => "mosquitto_rr",
    }
}

/// Runs a program: the exit code.
pub fn run(program: Program, words: impl Iterator<Item = OsString>) -> u8 {
    let typed = match parse::parse(program, words, super::connect::env) {
        Ok(typed) => typed,
        Err(stop) => return stop.tell(program),
    };
    let quiet = typed.session.quiet;
    if quiet {
        super::be_silent();
    }
    let result = match program {
        Program::MosquittoSub => subscribe::run(&typed.into_subscribe()),
        Program::MosquittoRr => request::run(&typed.into_request()),
        Program::MosquittoPub | Program::Midge => publish::run(&typed.into_publish()),
    };
    let failure = match result {
        Ok(Exit::TimeOver) => Failure::new(Exit::TimeOver, "Timed out"),
        // The others do not handle signals.
        Ok(Exit::Interrupted | Exit::Terminated) if program == Program::MosquittoSub => return 0,
        Ok(exit) => return exit.code(),
        Err(failure) => failure,
    };
    let (code, text) = match failure.exit {
        Exit::Theirs(code) => (code, failure.message),
        Exit::TimeOver => (failure.exit.code(), "Timed out".to_owned()),
        _ => (1, format!("Error: {}.", failure.message)),
    };
    if !quiet && !text.is_empty() {
        say(&text);
    }
    code
}

/// They take an empty stdin for a mistake.
pub(super) fn check_stdin(is_stdin: bool, payload: Option<&[u8]>) -> Result<(), Failure> {
    match payload {
        Some([]) if is_stdin => Err(Failure::new(
            Exit::Theirs(1),
            "Error: Zero length input.\nError loading input from stdin.",
        )),
        _ => Ok(()),
    }
}

/// mosquitto_sub goes on as long as it has one subscription.
pub(super) fn check_granted(reasons: &[ReasonCode]) -> Result<(), Failure> {
    match reasons.iter().all(|reason| reason.is_error()) {
        true => Err(Failure::new(
            Exit::Theirs(0),
            "All subscription requests were denied.",
        )),
        false => Ok(()),
    }
}

/// mosquitto_sub is stopped before CONNACK.
pub(super) fn not_in_yet() -> Failure {
    Failure::new(Exit::Theirs(255), "")
}

/// mosquitto_rr ends without its subscription.
pub(super) fn denied(reason: ReasonCode) -> Failure {
    let name = reason.name(PacketType::SUBACK, Version::V5);
    Failure::new(Exit::Theirs(0), name.unwrap_or("Unknown reason"))
}

/// They print a message of QoS 2 when the broker releases it, so that they leave after that.
pub(super) async fn wait_for_releases(client: &mut Engine) {
    client.wait_for_releases().await;
    let _ = client.flush().await;
}

/// What DISCONNECT says: whoever is stopped asks for the will.
pub(super) fn farewell(exit: Exit) -> ReasonCode {
    match exit {
        Exit::TimeOver | Exit::Interrupted | Exit::Terminated => ReasonCode::DISCONNECT_WITH_WILL,
        _ => ReasonCode::SUCCESS,
    }
}

/// Writes a line, or several, on stderr.
pub(super) fn say(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// The same about what does not end the work, unless --quiet was given.
pub(super) fn warn(text: &str) {
    if !note::is_silent() {
        say(text);
    }
}

/// Why the arguments do not lead to any work.
#[derive(Debug, PartialEq, Eq)]
enum Stop {
    /// `--help`.
    Help,
    /// `--version`.
    Version,
    /// This on stderr, and where to find help.
    Wrong(String),
    /// This on stderr, and the help.
    Lost(String),
    /// This on stderr.
    Failed(String),
    /// Something that midge does not have.
    NotHad(String),
}

impl Stop {
    /// Says it: the exit code.
    fn tell(&self, program: Program) -> u8 {
        match self {
            Stop::Help => usage::help(program),
            Stop::Version => usage::version(program),
            Stop::Wrong(text) => {
                say(&format!(
                    "{text}\n\nUse '{} --help' to see usage.",
                    name(program)
                ));
            }
            Stop::Lost(text) => {
                say(text);
                usage::help(program);
            }
            Stop::Failed(text) => say(text),
            Stop::NotHad(text) => {
                say(text);
                return Exit::Usage.code();
            }
        }
        1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for (name, found) in [
            ("mosquitto_pub", Some(Program::MosquittoPub)),
            ("/usr/bin/mosquitto_sub", Some(Program::MosquittoSub)),
            ("./mosquitto_rr.exe", Some(Program::MosquittoRr)),
            ("mosquitto_rr.EXE", Some(Program::MosquittoRr)),
            ("midge", None),
            ("mosquitto", None),
            ("mosquitto_pub.sh", None),
            ("", None),
        ] {
            assert_eq!(program(OsStr::new(name)), found, "{name}");
        }
    }
}
