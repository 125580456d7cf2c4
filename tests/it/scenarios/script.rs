//! The files of `tests/scenarios`, read.

use std::collections::BTreeSet;

use crate::files;

/// A statement: `3.1.1` or `5.0`, and its id.
pub(crate) type Statement = (String, String);

/// A heading and the lines below it.
#[derive(Debug, Clone)]
pub(crate) struct Scenario {
    pub(crate) file: String,
    pub(crate) heading: String,
    /// The statements that it proves.
    pub(crate) proves: BTreeSet<Statement>,
    /// Why it cannot run over sockets.
    pub(crate) core_only: Option<String>,
    /// Numbered, without blank ones and comments.
    pub(crate) lines: Vec<(usize, String)>,
}

/// Every scenario of `tests/scenarios`.
pub(crate) fn all() -> Vec<Scenario> {
    let mut scenarios = Vec::new();
    for path in files::of("scenarios", &["txt"]) {
        let text = std::fs::read_to_string(&path).unwrap();
        parse(files::name(&path), &text, &mut scenarios);
    }
    scenarios
}

fn parse(file: &str, text: &str, scenarios: &mut Vec<Scenario>) {
    let first = scenarios.len();
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim();
        if let Some(heading) = line.strip_prefix("== ") {
            scenarios.push(Scenario {
                file: file.to_owned(),
                heading: heading.to_owned(),
                proves: BTreeSet::new(),
                core_only: None,
                lines: Vec::new(),
            });
            continue;
        }
        if line.is_empty() || line == "#" || line.starts_with("# ") {
            continue;
        }
        assert!(scenarios.len() > first, "{file}:{number}: before a heading");
        let Some(scenario) = scenarios.last_mut() else {
            continue;
        };
        if let Some(what) = line.strip_prefix("proves ") {
            let (version, ids) = what.split_once(' ').unwrap_or((what, ""));
            let ids = ids.split_whitespace();
            let ids = ids.map(|id| (version.to_owned(), id.to_owned()));
            scenario.proves.extend(ids);
        } else if let Some(why) = line.strip_prefix("core only: ") {
            scenario.core_only = Some(why.to_owned());
        } else {
            scenario.lines.push((number, line.to_owned()));
        }
    }
}
