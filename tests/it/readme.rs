//! What README says that `decode` prints is what it prints.

use std::fs;
use std::path::Path;

use crate::program::{Running, midge};

/// The commands of README that show what they print, with that.
fn samples() -> Vec<(String, String)> {
    let readme =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap();
    let mut samples = Vec::new();
    for block in readme.split("```console\n").skip(1) {
        let (block, _) = block.split_once("```").unwrap();
        for sample in format!("\n{block}").split("\n$ ").skip(1) {
            let (command, output) = sample.split_once('\n').unwrap_or((sample, ""));
            if command.starts_with("midge decode ") && !output.trim().is_empty() {
                samples.push((command.to_owned(), output.to_owned()));
            }
        }
    }
    samples
}

/// Everything that a command printed, and its exit code if README asks for that.
fn printed(command: &str) -> String {
    let (command, asks_code) = match command.strip_suffix("; echo $?") {
        Some(command) => (command, true),
        None => (command, false),
    };
    let args: Vec<&str> = command
        .split_whitespace()
        .skip(1)
        .map(|word| match word {
            "capture.pcap" => "tests/captures/mosq20_v5_ip6.pcap",
            word => word.trim_matches('\''),
        })
        .collect();
    let mut midge = midge(&args);
    midge.current_dir(env!("CARGO_MANIFEST_DIR"));
    let ended = Running::start(midge).wait();
    let code = match asks_code {
        true => format!("{}\n", ended.code()),
        false => String::new(),
    };
    format!("{}{}{code}", ended.text(), ended.stderr)
}

#[test]
fn what_readme_shows_is_what_decode_prints() {
    let samples = samples();
    assert!(samples.len() >= 5, "{samples:?}");
    for (command, shown) in samples {
        let printed = printed(&command);
        // What is left out is shown as a line of its own.
        let mut rest = printed.as_str();
        for (i, part) in shown.trim_end().split("…\n").enumerate() {
            let part = part.trim_end_matches('…').trim_end();
            let at = rest.find(part);
            assert!(
                at.is_some_and(|at| i > 0 || at == 0),
                "{command} prints\n{printed}\nand README says\n{shown}"
            );
            rest = &rest[at.unwrap() + part.len()..];
        }
        if !shown.trim_end().ends_with('…') {
            assert_eq!(rest.trim_end(), "", "{command} prints more");
        }
    }
}
