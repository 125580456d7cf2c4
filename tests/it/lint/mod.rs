//! What lint finds: the scenarios of `tests/lint`, the statements of `tests/spec`, the real
//! captures. What the lines of a scenario mean is in `tests/lint/README.md`.

mod captures;
mod command;
pub(crate) mod coverage;
mod random;
mod scenario;

use std::collections::BTreeSet;
use std::fmt::Write;

use midge::mqtt::rule::Rule;

use scenario::{Outcome, run_all};

fn outcome() -> Outcome {
    run_all()
}

#[test]
fn every_scenario_gives_the_findings_that_it_lists() {
    let outcome = outcome();
    assert!(outcome.scenarios > 60, "only {}", outcome.scenarios);
    assert!(outcome.failures.is_empty(), "\n{}", outcome.failures);
}

/// A rule that only the tracker finds has a scenario that comes near to breaking it and does not;
/// for those of single packets the corpus has hundreds of right packets.
#[test]
fn every_rule_is_broken_by_something_and_kept_by_something_like_it() {
    let outcome = outcome();
    let in_packets = coverage::rules_of_corpus();
    let mut missing = String::new();
    for &rule in Rule::ALL {
        let name = format!("{rule:?}");
        // What a capture cut off is no fault of the sender, and no finding.
        if in_packets.contains(&name) || rule == Rule::Incomplete {
            continue;
        }
        if !outcome.broken.contains(&name) {
            writeln!(missing, "{name} is never broken").unwrap();
        }
        if !outcome.kept.contains(&name) {
            writeln!(missing, "{name} has no near miss").unwrap();
        }
    }
    let all: BTreeSet<String> = Rule::ALL.iter().map(|rule| format!("{rule:?}")).collect();
    for name in outcome.kept.difference(&all) {
        writeln!(missing, "{name} is no rule").unwrap();
    }
    assert!(missing.is_empty(), "\n{missing}");
}
