//! What to say of a name that is none.

use super::statistic::Statistic;
use super::table::{DISTRIBUTIONS, SIMPLE};

/// There is no such figure: the nearest one if one is near, else all.
pub(super) fn unknown(name: &str) -> String {
    let shown = name.escape_debug();
    let (first, last) = name.split_once('.').unwrap_or((name, ""));
    let simple = SIMPLE.iter().map(|simple| simple.name);
    let times = DISTRIBUTIONS.iter().map(|of| of.name);
    let near = simple
        .chain(times)
        .map(|known| (distance(first, known), known))
        .min_by_key(|(distance, _)| *distance);
    let is_time = |known| DISTRIBUTIONS.iter().any(|of| of.name == known);
    let suggestion = match near {
        Some((0..=2, known)) if is_time(known) => {
            let statistic = Statistic::parse(last).unwrap_or(Statistic::Percentile(99.0));
            format!("did you mean {known}.{}?", statistic.name())
        }
        Some((0..=2, known)) => format!("did you mean {known}?"),
        _ => format!("there are {}", names()),
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

/// How many letters have to be put in, left out or changed.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, a) in a.chars().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        for (cell, b) in row.iter_mut().skip(1).zip(&b) {
            let best = (*cell + 1)
                .min(left + 1)
                .min(diagonal + usize::from(a != *b));
            diagonal = std::mem::replace(cell, best);
            left = best;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or(0)
}
