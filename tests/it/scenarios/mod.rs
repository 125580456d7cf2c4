//! Runs `tests/scenarios/*.txt`: on the broker's core with virtual time, and over sockets on the
//! served broker. What the lines mean is in `tests/scenarios/README.md`.

mod access;
mod conformance;
mod in_core;
mod over_sockets;
pub(crate) mod packet_text;
mod packets;
mod random;
mod run;
mod script;

use midge::broker::Config;

use in_core::InCore;
use over_sockets::OverSockets;
use run::{Place, run};
use script::Scenario;

#[test]
fn every_scenario_runs_as_written() {
    run_all(&script::all(), |config| InCore::new(config, usize::MAX));
}

/// TCP may cut anywhere: the same must happen when every byte comes alone.
#[test]
fn every_scenario_runs_the_same_byte_by_byte() {
    run_all(&script::all(), |config| InCore::new(config, 1));
}

#[test]
fn every_scenario_runs_the_same_over_sockets() {
    let mut scenarios = script::all();
    scenarios.retain(|scenario| scenario.core_only.is_none());
    run_all(&scenarios, OverSockets::new);
}

fn run_all<P: Place>(scenarios: &[Scenario], start: impl Fn(Config) -> P) {
    assert!(scenarios.len() > 50, "only {}", scenarios.len());
    let failures: Vec<String> = scenarios
        .iter()
        .filter_map(|scenario| run(scenario, &start).err())
        .collect();
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
}
