//! What README shows is what midge prints.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::program::{Running, midge};
use crate::test_broker::TestBroker;

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

/// The commands of a section, with what they print, in order.
fn one_liners(section: &str) -> Vec<(String, String)> {
    let readme =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap();
    let (_, section) = readme.split_once(section).unwrap();
    let (_, block) = section.split_once("```console\n").unwrap();
    let (block, _) = block.split_once("```").unwrap();
    format!("\n{}", block.trim_end())
        .split("\n$ ")
        .skip(1)
        .map(|sample| sample.split_once('\n').unwrap_or((sample, "")))
        .map(|(command, output)| (command.to_owned(), output.to_owned()))
        .collect()
}

/// Runs a command in a shell that finds midge, and compares.
#[cfg(unix)]
fn check_one_liner(command: &str, shown: &str, dir: &Path, variables: &[(&str, &str)]) {
    let bin = Path::new(env!("CARGO_BIN_EXE_midge")).parent().unwrap();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let paths = std::iter::once(bin.to_owned()).chain(std::env::split_paths(&path));
    let mut shell = Command::new("sh");
    shell
        .args(["-c", command])
        .current_dir(dir)
        .env("PATH", std::env::join_paths(paths).unwrap())
        .env_remove("MQTT_URL")
        .env_remove("MQTT_HOST")
        .env_remove("MQTT_PORT")
        .envs(variables.iter().copied());
    let ended = Running::start(shell).wait();
    // An exit code that is asked for comes after what midge says.
    let (said, code) = match ended.text().rsplit_once('\n') {
        Some((said, "")) if command.ends_with("; echo $?") => match said.rsplit_once('\n') {
            Some((said, code)) => (format!("{said}\n"), code),
            None => (String::new(), said),
        },
        _ => (ended.text().to_owned(), ""),
    };
    let printed = format!("{said}{}{code}", ended.stderr);
    assert_eq!(printed.trim_end(), shown, "{command}");
}

/// Each has a broker of its own.
#[cfg(unix)]
#[test]
fn brokers_do_what_readme_says() {
    let one_liners = one_liners("## A throwaway broker in CI");
    assert!(one_liners.len() >= 7, "{one_liners:?}");
    let dir = tempfile::tempdir().unwrap();
    for (command, shown) in one_liners {
        check_one_liner(&command, &shown, dir.path(), &[]);
    }
}

/// Each runs with a broker that knows what those before it have left there.
#[cfg(unix)]
#[test]
fn one_liners_do_what_readme_says() {
    let one_liners = one_liners("## Publish and subscribe from a shell");
    assert!(one_liners.len() >= 10, "{one_liners:?}");
    let broker = TestBroker::start();
    let dir = tempfile::tempdir().unwrap();
    let config = tempfile::tempdir().unwrap();
    // Under a name of mosquitto's there are no variables, but a file of options.
    let port = broker.address.port();
    fs::write(
        config.path().join("mosquitto_sub"),
        format!("-h 127.0.0.1\n-p {port}\n"),
    )
    .unwrap();
    let port = port.to_string();
    let config = config.path().to_str().unwrap();
    let variables = [
        ("XDG_CONFIG_HOME", config),
        ("MQTT_HOST", "127.0.0.1"),
        ("MQTT_PORT", &port),
    ];
    for (command, shown) in one_liners {
        check_one_liner(&command, &shown, dir.path(), &variables);
    }
}
