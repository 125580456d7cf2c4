//! A result beside an earlier one.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};

use serde::Serialize;

use super::figure::{Better, Figure};
use super::outcome::{Asked, Group, Outcome};
use super::report::{moment, round};
use crate::output::colour;

/// Two results side by side.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Comparison {
    /// When the earlier one began: RFC 3339, UTC.
    pub began: String,
    /// Parts of 100 that a figure may be worse.
    pub tolerance_percent: f64,
    /// What was not asked for alike.
    pub differences: Vec<Difference>,
    /// Each figure that both or one of them has.
    pub figures: Vec<Compared>,
}

/// Something that was not asked for alike.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// What: a flag without its dashes.
    pub parameter: String,
    /// The earlier value, if there is one.
    pub then: Option<String>,
    /// The new value, if there is one.
    pub now: Option<String>,
}

/// One figure.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Compared {
    /// Its name.
    #[serde(serialize_with = "name")]
    pub figure: Figure,
    /// The earlier value: per second, ns, bytes, parts of 100, or a count.
    pub then: Option<f64>,
    /// The new value.
    pub now: Option<f64>,
    /// From the earlier to the new one; none from 0 to something, or if one is missing.
    pub change_percent: Option<f64>,
    /// What to think of it.
    pub verdict: Verdict,
}

/// What to think of a difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Better by more than the tolerance.
    Better,
    /// Within the tolerance.
    Same,
    /// Worse by more than the tolerance.
    Worse,
    /// One of them is missing, or too little was measured to tell it from chance.
    NotJudged,
}

fn name<S: serde::Serializer>(figure: &Figure, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&figure.name())
}

impl Comparison {
    /// Compares every figure. `tolerance`: parts of 100.
    pub fn new(then: &Outcome, now: &Outcome, tolerance: f64) -> Comparison {
        let figures = Figure::compared().into_iter();
        Comparison {
            began: moment(then.began_ns()),
            tolerance_percent: tolerance,
            differences: differences(then, now),
            figures: figures
                .filter_map(|figure| Compared::new(figure, then, now, tolerance))
                .collect(),
        }
    }

    /// The figures that are worse by more than the tolerance.
    pub fn worse(&self) -> impl Iterator<Item = &Compared> {
        let is_worse = |compared: &&Compared| compared.verdict == Verdict::Worse;
        self.figures.iter().filter(is_worse)
    }

    /// The table, in 80 columns.
    pub(super) fn push(&self, out: &mut String) -> fmt::Result {
        writeln!(
            out,
            "\ncompared with the run of {}, tolerance {} %",
            self.began, self.tolerance_percent
        )?;
        for difference in &self.differences {
            writeln!(out, "  other parameters: {difference}")?;
        }
        let heading = format!(
            "{:<25}{:>14}{:>14}{:>12}",
            "figure", "then", "now", "change"
        );
        writeln!(out, "{}", colour::bold(&heading))?;
        for compared in &self.figures {
            let figure = compared.figure;
            let shown = |value: Option<f64>| value.map_or("-".to_owned(), |v| figure.show(v));
            let verdict = match compared.verdict {
                Verdict::Better => "  better",
                Verdict::Same => "",
                Verdict::Worse => "  WORSE",
                Verdict::NotJudged => "  not judged",
            };
            writeln!(
                out,
                "{:<25}{:>14}{:>14}{:>12}{verdict}",
                figure.name(),
                shown(compared.then),
                shown(compared.now),
                compared.change(),
            )?;
        }
        Ok(())
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |value: &Option<String>| match value {
            Some(value) => value.escape_debug().to_string(),
            None => "not given".to_owned(),
        };
        write!(
            f,
            "{} was {}, is {}",
            self.parameter.escape_debug(),
            shown(&self.then),
            shown(&self.now)
        )
    }
}

impl Compared {
    fn new(figure: Figure, then: &Outcome, now: &Outcome, tolerance: f64) -> Option<Compared> {
        let values = (figure.value(then), figure.value(now));
        let verdict = match values {
            (None, None) => return None,
            _ if figure.repeats(then) && figure.repeats(now) => return None,
            (Some(a), Some(b)) if figure.is_meaningful(then) && figure.is_meaningful(now) => {
                judge(figure.better(), a, b, tolerance)
            }
            _ => Verdict::NotJudged,
        };
        let change = match values {
            (Some(a), Some(b)) if a == b => Some(0.0),
            (Some(a), Some(b)) if a > 0.0 => Some(round((b - a) / a * 100.0)),
            _ => None,
        };
        Some(Compared {
            figure,
            then: values.0,
            now: values.1,
            change_percent: change,
            verdict,
        })
    }

    /// The difference for people.
    pub fn change(&self) -> String {
        match (self.change_percent, self.then, self.now) {
            (Some(percent), ..) if percent.abs() >= 1000.0 => format!("{percent:+.0} %"),
            (Some(0.0), ..) => "=".to_owned(),
            (Some(percent), ..) => format!("{percent:+.1} %"),
            (None, Some(_), Some(_)) => "from 0".to_owned(),
            (None, ..) => String::new(),
        }
    }
}

/// What is 0 gets worse with any more of what should be less.
fn judge(better: Better, then: f64, now: f64, tolerance: f64) -> Verdict {
    let margin = then * tolerance / 100.0;
    let rise = match better {
        Better::More => now - then,
        Better::Less => then - now,
        Better::Neither => return Verdict::NotJudged,
    };
    match rise {
        rise if rise > margin => Verdict::Better,
        rise if rise < -margin => Verdict::Worse,
        _ => Verdict::Same,
    }
}

fn differences(then: &Outcome, now: &Outcome) -> Vec<Difference> {
    let (then, now) = (parameters(then), parameters(now));
    let names = then.keys().chain(now.keys());
    let mut names: Vec<&String> = names.collect();
    names.sort_unstable();
    names.dedup();
    let differences = names.into_iter().filter_map(|name| {
        let (then, now) = (then.get(name), now.get(name));
        (then != now).then(|| Difference {
            parameter: name.clone(),
            then: then.cloned(),
            now: now.cloned(),
        })
    });
    differences.collect()
}

/// Every parameter by its name. Those of groups have the group's name in front; of several runs
/// all values.
fn parameters(outcome: &Outcome) -> BTreeMap<String, String> {
    let mut all = BTreeMap::<String, String>::new();
    let mut put = |name: String, value: String| {
        all.entry(name)
            .and_modify(|values| {
                if *values != value {
                    let _ = write!(values, ", {value}");
                }
            })
            .or_insert(value);
    };
    let runs = outcome.parts.chunk_by(|a, b| a.run == b.run);
    for part in runs.filter_map(|parts| parts.first()) {
        let Asked {
            broker,
            version,
            engine,
            warmup_ns,
            duration_ns,
            count,
            groups,
            // It follows from the groups.
            unheard: _,
            more,
        } = &part.asked;
        put("broker".to_owned(), broker.clone());
        put("mqtt-version".to_owned(), version.clone());
        put("engine".to_owned(), engine.clone());
        put("warmup".to_owned(), seconds(*warmup_ns));
        if let Some(duration_ns) = duration_ns {
            put("duration".to_owned(), seconds(*duration_ns));
        }
        if let Some(count) = count {
            put("count".to_owned(), count.to_string());
        }
        for (name, value) in more {
            put(name.clone(), value.clone());
        }
        for (number, group) in groups.iter().enumerate() {
            let prefix = match (&group.name, number) {
                (Some(name), _) => format!("{name}."),
                (None, 0) => String::new(),
                (None, number) => format!("{number}."),
            };
            for (name, value) in of_group(group, &part.run) {
                put(format!("{prefix}{name}"), value);
            }
        }
    }
    all
}

fn of_group(group: &Group, run: &str) -> Vec<(String, String)> {
    let Group {
        name: _,
        publishers,
        subscribers,
        idle,
        qos,
        topic,
        size_bytes,
        rate_per_s,
        inflight,
        more,
    } = group;
    let mut all = vec![
        ("publishers", Some(publishers.to_string())),
        ("subscribers", Some(subscribers.to_string())),
        ("idle", Some(idle.to_string())),
        ("qos", Some(qos.to_string())),
        // The name of the run is no difference.
        (
            "topic",
            Some(match run.is_empty() {
                true => topic.clone(),
                false => topic.replace(run, "{run}"),
            }),
        ),
        ("size", size_bytes.map(|size| size.to_string())),
        ("rate", rate_per_s.map(|rate| rate.to_string())),
        ("inflight", inflight.map(|inflight| inflight.to_string())),
    ];
    let more = more
        .iter()
        .map(|(name, value)| (name.clone(), value.clone()));
    all.retain(|(_, value)| value.as_deref().is_some_and(|value| !value.is_empty()));
    let own = all
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?)));
    own.chain(more).collect()
}

fn seconds(ns: u64) -> String {
    format!("{} s", ns as f64 / 1e9)
}

#[cfg(test)]
mod tests {
    use super::super::{Measured, Part};
    use super::*;

    fn outcome(run: &str, sent: u64, lost: u64, ms: u64, times: u64) -> Outcome {
        let mut measured = Measured::default();
        measured.qos[0].sent = sent;
        measured.qos[0].expected = sent;
        measured.qos[0].received = sent - lost;
        measured.qos[0].lost = lost;
        measured
            .latencies
            .e2e
            .corrected
            .record_n(ms * 1_000_000, times);
        Outcome {
            parts: vec![Part {
                run: run.to_owned(),
                sending_ns: 1_000_000_000,
                receiving_ns: 1_000_000_000,
                asked: Asked {
                    groups: vec![Group {
                        publishers: 1,
                        subscribers: 1,
                        topic: format!("midge/bench/{run}/x"),
                        ..Group::default()
                    }],
                    ..Asked::default()
                },
                ..Part::default()
            }],
            measured,
        }
    }

    fn verdict(comparison: &Comparison, name: &str) -> (Verdict, String) {
        let mut figures = comparison.figures.iter();
        let found = figures
            .find(|compared| compared.figure.name() == name)
            .unwrap();
        (found.verdict, found.change())
    }

    #[test]
    fn each_figure_has_its_own_way_to_be_worse() {
        let then = outcome("aaaa", 1000, 10, 100, 100_000);
        let now = outcome("bbbb", 800, 8, 115, 100_000);
        let comparison = Comparison::new(&then, &now, 10.0);
        for (name, expected) in [
            ("rate", (Verdict::Worse, "-20.0 %")),
            ("e2e.p50", (Verdict::Worse, "+15.0 %")),
            ("e2e.p99.9", (Verdict::Worse, "+15.0 %")),
            // 10 above it are not enough, and the longest is chance.
            ("e2e.p99.99", (Verdict::NotJudged, "+15.0 %")),
            ("e2e.max", (Verdict::NotJudged, "+15.0 %")),
            ("lost.share", (Verdict::Same, "=")),
            ("duplicated.share", (Verdict::Same, "=")),
        ] {
            let (found, change) = verdict(&comparison, name);
            let change = match change.split_once('.') {
                // Three digits of a histogram.
                Some((whole, _)) if name.starts_with("e2e") => format!("{whole}.0 %"),
                _ => change,
            };
            assert_eq!((found, change.as_str()), expected, "{name}");
        }
        let back = Comparison::new(&now, &then, 10.0);
        assert_eq!(verdict(&back, "rate").0, Verdict::Better);
        assert_eq!(verdict(&back, "e2e.p50").0, Verdict::Better);
        let patient = Comparison::new(&then, &now, 25.0);
        assert_eq!(patient.worse().count(), 0);
    }

    #[test]
    fn a_first_loss_is_worse_than_none() {
        let comparison = Comparison::new(
            &outcome("a", 1000, 0, 1, 1000),
            &outcome("b", 1000, 1, 1, 1000),
            50.0,
        );
        let worse: Vec<String> = comparison.worse().map(|c| c.figure.name()).collect();
        assert_eq!(worse, ["lost.share"]);
        assert_eq!(verdict(&comparison, "lost.share").1, "from 0");
    }

    #[test]
    fn other_parameters_are_said() {
        let then = outcome("aaaa", 1000, 0, 1, 1000);
        let mut now = outcome("bbbb", 1000, 0, 1, 1000);
        assert_eq!(Comparison::new(&then, &now, 10.0).differences, []);
        let group = &mut now.parts[0].asked.groups[0];
        group.publishers = 2;
        group.rate_per_s = Some(500.0);
        let comparison = Comparison::new(&then, &now, 10.0);
        let sentences: Vec<String> = comparison
            .differences
            .iter()
            .map(Difference::to_string)
            .collect();
        assert_eq!(
            sentences,
            ["publishers was 1, is 2", "rate was not given, is 500"]
        );
    }
}
