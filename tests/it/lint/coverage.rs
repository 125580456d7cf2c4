//! The statements of the standard that traffic can break: each is found, or it is said why not.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;
use std::path::Path;

use midge::mqtt::Version;
use midge::mqtt::decode::{Context, Recorder, decode};
use midge::mqtt::rule::Violation;

use super::scenario::run_all;
use crate::corpus::entries;

pub(crate) fn table(name: &str) -> Vec<Vec<String>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/spec");
    let text = fs::read_to_string(path.join(name)).unwrap();
    text.lines()
        .skip(1)
        .filter(|line| !line.is_empty())
        .map(|line| line.split('\t').map(str::to_owned).collect())
        .collect()
}

/// What is wrong with each packet of the corpus.
fn violations_of_corpus() -> Vec<Violation> {
    let mut violations = Vec::new();
    for entry in entries() {
        let mut record = Recorder::default();
        let context = Context {
            version: entry.version,
            from: Some(entry.from),
        };
        let _ = decode(&entry.bytes, context, &mut record);
        violations.extend(record.violations);
    }
    violations
}

/// The names of the rules that packets of the corpus break.
pub(super) fn rules_of_corpus() -> BTreeSet<String> {
    let violations = violations_of_corpus();
    violations.iter().map(|v| format!("{:?}", v.rule)).collect()
}

/// What the findings on the corpus and the scenarios cite.
fn cited() -> BTreeSet<(Version, String)> {
    let mut cited = run_all().cited;
    for violation in violations_of_corpus() {
        let version = violation.version;
        cited.extend(violation.citations().map(|id| (version, id.to_owned())));
    }
    cited
}

/// Why a statement cannot be seen, by version and statement.
fn unseen() -> BTreeMap<(String, String), String> {
    table("unseen.tsv")
        .into_iter()
        .map(|row| ((row[0].clone(), row[1].clone()), row[2].clone()))
        .collect()
}

#[test]
fn every_statement_that_shows_on_the_wire_is_found() {
    let cited = cited();
    let unseen = unseen();
    let mut problems = String::new();
    let mut seen = 0;
    for (version, file, count) in [
        (Version::V311, "mqtt311.tsv", 141),
        (Version::V5, "mqtt5.tsv", 251),
    ] {
        let rows = table(file);
        assert_eq!(rows.len(), count, "{file}");
        for row in rows {
            let (id, statement, testable) = (&row[0], &row[1], &row[3]);
            let shows = ["wire-visible by one packet", "by a packet sequence"];
            let is_found = cited.contains(&(version, id.clone()));
            let why = unseen.get(&(version.to_string(), id.clone()));
            match (shows.contains(&testable.as_str()), is_found, why) {
                (true, true, None) => seen += 1,
                (_, true, Some(_)) => {
                    writeln!(problems, "{version} {id} is found, and unseen.tsv says not").unwrap();
                }
                (true, false, None) => {
                    writeln!(problems, "{version} {id}: {statement}").unwrap();
                }
                _ => {}
            }
        }
    }
    for (version, id) in unseen.keys() {
        let known = ["mqtt311.tsv", "mqtt5.tsv"]
            .iter()
            .any(|file| table(file).iter().any(|row| row[0] == *id));
        let is_section = id.starts_with("section ");
        assert!(known || is_section, "{version} {id} does not exist");
    }
    assert!(problems.is_empty(), "\n{problems}");
    assert!(seen > 150, "{seen}");
}

/// Conditions that are errors without having a number.
#[test]
fn every_error_without_a_number_is_found() {
    let cited = cited();
    let unseen = unseen();
    let rows = table("unnumbered_errors.tsv");
    assert_eq!(rows.len(), 76);
    let mut problems = String::new();
    for row in rows {
        let (version, section, condition) = (&row[0], &row[1], &row[2]);
        let known = match version.as_str() {
            "3.1.1" => Version::V311,
            _ => Version::V5,
        };
        let id = format!("MQTT {version} section {section}");
        let why = unseen.get(&(version.clone(), format!("section {section}")));
        if !cited.contains(&(known, id)) && why.is_none() {
            writeln!(problems, "{version} {section}: {condition}").unwrap();
        }
    }
    assert!(problems.is_empty(), "\n{problems}");
}
