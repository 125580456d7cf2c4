//! The map of the house in `src/lib.rs`, held to: which room may use which, which crate stands in
//! which room, and who may print.

use std::fs;
use std::path::{Path, PathBuf};

/// A room, and the rooms that it may use.
const ARROWS: &[(&str, &[&str])] = &[
    ("main", &["cli", "cmd"]),
    ("lib", &[]),
    ("cli", &[]),
    (
        "cmd",
        &[
            "cli", "client", "broker", "capture", "output", "mqtt", "mqttsn",
        ],
    ),
    ("client", &["mqtt", "net"]),
    ("broker", &["mqtt", "net"]),
    ("capture", &["mqtt", "mqttsn"]),
    ("output", &["mqtt", "mqttsn"]),
    ("net", &[]),
    ("mqttsn", &["mqtt"]),
    ("mqtt", &[]),
];

/// Crates that may be named in these rooms only.
const CRATES: &[(&str, &[&str])] = &[
    ("clap", &["cli"]),
    ("pcap_parser", &["capture"]),
    ("etherparse", &["capture"]),
    ("colored", &["output"]),
    ("indicatif", &["output"]),
    ("terminal_size", &["output"]),
    ("jiff", &["output"]),
    ("serde", &["output"]),
    ("rumqttc", &["client"]),
    ("tokio", &["net", "client", "broker", "cmd"]),
    ("rustix", &["cmd", "output"]),
    ("toml", &["cmd"]),
    ("tokio_rustls", &["net"]),
    ("rustls_native_certs", &["net"]),
    ("tokio_tungstenite", &["net"]),
    ("futures_util", &["net"]),
    ("tokio_socks", &["net"]),
    ("rcgen", &["net"]),
];

/// Rooms that leave printing to others.
const SILENT: &[&str] = &[
    "mqtt", "mqttsn", "net", "client", "broker", "capture", "cli",
];

/// Things that a pure room has no business with.
const IMPURE: &[&str] = &["net", "time", "fs", "io", "thread", "env", "process", "*"];

struct Source {
    path: PathBuf,
    room: String,
    /// How many modules deep the file's own module is.
    depth: usize,
    /// The code without comments and without its tests.
    code: String,
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut folders = vec![root.clone()];
    let mut sources = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let inner = path.strip_prefix(&root).unwrap().with_extension("");
            let mut modules: Vec<_> = inner
                .iter()
                .map(|part| part.to_str().unwrap().to_owned())
                .collect();
            let room = modules[0].clone();
            if modules.last().is_some_and(|last| last == "mod") {
                modules.pop();
            }
            let text = fs::read_to_string(&path).unwrap();
            sources.push(Source {
                room,
                depth: modules.len(),
                code: without_tests(&text)
                    .lines()
                    .map(|line| line.split("//").next().unwrap_or_default())
                    .collect::<Vec<_>>()
                    .join("\n"),
                path,
            });
        }
    }
    assert!(sources.len() > 30, "the sources were not found");
    sources
}

/// The code without the items that are compiled for tests only. As rustfmt writes them: one line
/// with a semicolon, or everything up to a brace at the start of a line.
fn without_tests(text: &str) -> String {
    let mut kept = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if line != "#[cfg(test)]" {
            kept.push(line);
            continue;
        }
        let first = lines.next().unwrap_or_default();
        if !first.ends_with(';') {
            lines.by_ref().find(|line| *line == "}");
        }
    }
    kept.join("\n")
}

/// The names that follow `prefix` in the code, also inside of `prefix{a, b}`.
fn names_after<'c>(code: &'c str, prefix: &str) -> Vec<&'c str> {
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    let mut names = Vec::new();
    for (at, _) in code.match_indices(prefix) {
        if code[..at].ends_with(is_name) {
            continue;
        }
        let rest = &code[at + prefix.len()..];
        match rest.strip_prefix('{') {
            Some(list) => {
                // Only names at the top level of the braces are rooms.
                let mut depth = 0;
                let mut item_start = 0;
                for (i, c) in list.char_indices() {
                    match c {
                        '{' => depth += 1,
                        '}' if depth == 0 => {
                            names.push(list[item_start..i].trim());
                            break;
                        }
                        '}' => depth -= 1,
                        ',' if depth == 0 => {
                            names.push(list[item_start..i].trim());
                            item_start = i + 1;
                        }
                        _ => {}
                    }
                }
            }
            None => names.push(rest),
        }
    }
    names
        .into_iter()
        .map(|name| match name.starts_with('*') {
            true => "*",
            false => name.split(|c: char| !is_name(c)).next().unwrap_or_default(),
        })
        .filter(|name| !name.is_empty())
        .collect()
}

#[test]
fn no_arrow_that_the_picture_does_not_have() {
    let rooms: Vec<_> = ARROWS.iter().map(|(room, _)| *room).collect();
    for source in sources() {
        let (_, allowed) = ARROWS
            .iter()
            .find(|(room, _)| *room == source.room)
            .unwrap_or_else(|| panic!("{} stands in no room", source.path.display()));
        let own_crate = if source.room == "main" {
            "midge::"
        } else {
            "crate::"
        };
        for name in names_after(&source.code, own_crate) {
            assert!(
                name != "*",
                "{} takes all of the crate",
                source.path.display()
            );
            assert!(
                name == source.room || allowed.contains(&name) || !rooms.contains(&name),
                "{}: {} may not use {name}",
                source.path.display(),
                source.room
            );
        }
        // A way around the names: climbing up to the root.
        let climb = "super::".repeat(source.depth);
        assert!(
            source.depth == 0 || !source.code.contains(&climb),
            "{} climbs to the root of the crate",
            source.path.display()
        );
    }
}

#[test]
fn each_crate_in_its_room() {
    for source in sources() {
        for (name, rooms) in CRATES {
            let used = !names_after(&source.code, &format!("{name}::")).is_empty()
                || source.code.contains(&format!("use {name};"));
            assert!(
                !used || rooms.contains(&source.room.as_str()),
                "{}: {name} belongs in {rooms:?}",
                source.path.display()
            );
        }
    }
}

#[test]
fn only_cmd_and_main_print() {
    for source in sources() {
        if SILENT.contains(&source.room.as_str()) {
            for print in ["println!", "print!", "dbg!"] {
                assert!(
                    !source.code.contains(print),
                    "{} prints",
                    source.path.display()
                );
            }
        }
    }
}

#[test]
fn the_protocol_is_pure() {
    for source in sources() {
        let is_core = source.path.components().any(|part| {
            ["core", "faults", "access"].contains(&&*part.as_os_str().to_string_lossy())
        });
        let is_protocol = ["mqtt", "mqttsn"].contains(&source.room.as_str());
        if is_protocol || (source.room == "broker" && is_core) {
            // A duration is a number, not a clock.
            let mut code = source.code.replace("std::time::Duration", "");
            // An address is one, too, and no socket.
            for address in ["SocketAddr", "IpAddr", "{IpAddr, Ipv4Addr, Ipv6Addr}"] {
                code = code.replace(&format!("std::net::{address}"), "");
            }
            for name in names_after(&code, "std::") {
                assert!(
                    !IMPURE.contains(&name),
                    "{} uses std::{name}",
                    source.path.display()
                );
            }
            assert!(
                !code.contains("tokio"),
                "{} uses tokio",
                source.path.display()
            );
        }
    }
}

#[test]
fn the_reader_of_use_lines_sees_through_braces() {
    let code = "use crate::{mqtt::{Packet, QoS}, net};\nuse crate::client::Client;\nuse crate::*;";
    assert_eq!(names_after(code, "crate::"), ["mqtt", "net", "client", "*"]);
    let code = "use std::{collections::{VecDeque}, io::{self, Read}};";
    assert_eq!(names_after(code, "std::"), ["collections", "io"]);
}

#[test]
fn only_what_is_for_tests_goes_unread() {
    let code = "a\n#[cfg(test)]\nmod random;\nb\n#[cfg(test)]\nmod tests {\n    }\n}\nc";
    assert_eq!(without_tests(code), "a\nb\nc");
}
