//! `--help` and `--version`.

use std::fmt::Write as _;
use std::io::{self, Write};

use super::name;
use super::options::{Does, TABLE};
use crate::cli::Program;

/// The release of mosquitto whose arguments these are.
pub(in crate::cmd) const RELEASE: &str = "2.1.2";

pub(super) fn version(program: Program) {
    print(&format!("{}\n", version_line(program)));
}

fn version_line(program: Program) -> String {
    let midge = env!("CARGO_PKG_VERSION");
    format!(
        "{} version {RELEASE} running on midge {midge}.",
        name(program)
    )
}

/// The options, from the table.
pub(super) fn help(program: Program) {
    let name = name(program);
    let (work, usual, subcommand) = match program {
        Program::MosquittoSub => (
            "subscribes to topics and prints the messages that come",
            "{-t topic ... | -L URL} [option ...]",
            "sub",
        ),
        Program::MosquittoRr => (
            "publishes a request and prints the response to it",
            "{-t topic | -L URL} -e response-topic {-f file | -m message | -n | -s} [option ...]",
            "rr",
        ),
        Program::MosquittoPub | Program::Midge => (
            "publishes messages",
            "{-t topic | -L URL} {-f file | -l | -m message | -n | -s} [option ...]",
            "pub",
        ),
    };
    let mut text = format!(
        "{name} {work}.\n{}\n\nUsage: {name} {usual}\n\nOptions:\n",
        version_line(program)
    );
    for row in TABLE.iter().filter(|row| row.of.includes(program)) {
        let names = match (row.short, row.long) {
            ("", long) => format!("    {long}"),
            (short, "") => short.to_owned(),
            (short, long) => format!("{short}, {long}"),
        };
        let value = match row.does {
            Does::Text(missing, _)
            | Does::Bytes(missing, _)
            | Does::Path(missing, _)
            | Does::Value(missing, _) => missing
                .trim_start_matches("no ")
                .split(" specified")
                .next()
                .and_then(|noun| noun.split(" not").next())
                .unwrap_or_default()
                .replace(' ', "-"),
            Does::Property => "packet property value".to_owned(),
            Does::NotHad(_) => "(not available)".to_owned(),
            Does::Flag(_) | Does::Act(_) | Does::Help | Does::Version => String::new(),
        };
        let _ = writeln!(text, "  {}", format!("{names} {value}").trim_end());
    }
    let _ = writeln!(text, "\nWhat they mean: midge {subcommand} --help");
    print(&text);
}

fn print(text: &str) {
    let _ = io::stdout().lock().write_all(text.as_bytes());
}
