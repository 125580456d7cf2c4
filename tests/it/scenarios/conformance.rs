//! Every statement that binds a server: which scenario proves it, or why none can.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;
use std::path::Path;

use midge::mqtt::Side;

use super::script::{Statement, all};
use crate::corpus::{Verdict, entries};
use crate::lint::coverage::table;

/// The two tables of statements.
const TABLES: [(&str, &str); 2] = [("3.1.1", "mqtt311.tsv"), ("5.0", "mqtt5.tsv")];

/// What the scenarios prove, with the first that does.
fn proved() -> BTreeMap<Statement, String> {
    let mut proved = BTreeMap::new();
    for scenario in all() {
        for statement in scenario.proves {
            let place = format!("{}: {}", scenario.file, scenario.heading);
            proved.entry(statement).or_insert(place);
        }
    }
    proved
}

/// What packets of clients in the corpus break. `packets` sends
/// them all to a broker.
fn broken_in_corpus() -> BTreeSet<Statement> {
    let mut broken = BTreeSet::new();
    for entry in entries() {
        if entry.from == Side::Client && entry.verdict == Verdict::Error {
            for violation in entry.violates {
                let version = entry.version.to_string();
                let ids = violation.ids.into_iter();
                broken.extend(ids.map(|id| (version.clone(), id)));
            }
        }
    }
    broken
}

/// The text of all integration tests.
fn test_sources() -> String {
    let mut text = String::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ext| ext == "rs") {
                text += &fs::read_to_string(path).unwrap();
            }
        }
    }
    text
}

/// One entry for each statement: nothing is left out, and nothing is excused that is proved.
#[test]
fn every_statement_that_binds_a_server_is_proved_or_it_is_said_why_not() {
    let proved = proved();
    let in_corpus = broken_in_corpus();
    let excused: BTreeMap<Statement, String> = table("server.tsv")
        .into_iter()
        .map(|row| ((row[0].clone(), row[1].clone()), row[2].clone()))
        .collect();
    let mut known = BTreeSet::new();
    let mut problems = String::new();
    let mut counts = [0; 3];
    for (version, file) in TABLES {
        for row in table(file) {
            let (id, text, binds) = (&row[0], &row[1], &row[2]);
            let statement = (version.to_owned(), id.clone());
            known.insert(statement.clone());
            if binds == "client" {
                continue;
            }
            let is_proved = proved.contains_key(&statement);
            let is_excused = excused.contains_key(&statement);
            match (is_proved, in_corpus.contains(&statement), is_excused) {
                (true, _, false) => counts[0] += 1,
                (false, true, false) => counts[1] += 1,
                (false, false, true) => counts[2] += 1,
                (false, false, false) => writeln!(problems, "{version} {id}: {text}").unwrap(),
                (_, _, true) => {
                    writeln!(
                        problems,
                        "{version} {id} is proved, and server.tsv says not"
                    )
                    .unwrap();
                }
            }
        }
    }
    for (statement, place) in &proved {
        if !known.contains(statement) {
            writeln!(problems, "{statement:?} does not exist ({place})").unwrap();
        }
    }
    let tests = test_sources();
    for (statement, why) in &excused {
        if !known.contains(statement) {
            writeln!(problems, "{statement:?} of server.tsv does not exist").unwrap();
        }
        // What is in backticks is a test that shows it.
        for name in why.split('`').skip(1).step_by(2) {
            if !tests.contains(&format!("fn {name}(")) {
                writeln!(problems, "{statement:?}: there is no test {name}").unwrap();
            }
        }
    }
    assert!(problems.is_empty(), "\n{problems}");
    let [by_scenario, by_packet, excused] = counts;
    println!("{by_scenario} by scenarios, {by_packet} by packets, {excused} for a reason");
}
