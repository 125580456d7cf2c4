//! What to say of a name that is none.

use super::statistic::Statistic;
use super::table::{DISTRIBUTIONS, SIMPLE};
use crate::output::nearest::nearest;

/// There is no such figure: the nearest one if one is near, else all.
pub(super) fn unknown(name: &str) -> String {
    let shown = name.escape_debug();
    let (first, last) = name.split_once('.').unwrap_or((name, ""));
    let simple = SIMPLE.iter().map(|simple| simple.name);
    let times = DISTRIBUTIONS.iter().map(|of| of.name);
    let is_time = |known| DISTRIBUTIONS.iter().any(|of| of.name == known);
    let suggestion = match nearest(first, simple.chain(times)) {
        Some(known) if is_time(known) => {
            let statistic = Statistic::parse(last).unwrap_or(Statistic::Percentile(99.0));
            format!("did you mean {known}.{}?", statistic.name())
        }
        Some(known) => format!("did you mean {known}?"),
        None => format!("there are {}", names()),
    };
    format!("'{shown}' is no figure of a result; {suggestion}")
}

/// All names, for sentences.
fn names() -> String {
    let simple: Vec<&str> = SIMPLE.iter().map(|simple| simple.name).collect();
    let times: Vec<&str> = DISTRIBUTIONS.iter().map(|of| of.name).collect();
    format!(
        "{}; and times: {}, each with .min, .mean, .p50 (any percentile), .max, .count",
        simple.join(", "),
        times.join(", ")
    )
}
