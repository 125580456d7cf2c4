//! What becomes of a result: printed, written, held to what was asserted, compared.
//!
//! | file | what it is |
//! |---|---|
//! | `assertion` | `--assert` |
//! | `saved` | `--out`, and reading it back |
//! | `merge` | `midge bench merge` and `midge bench show` |
//! | `verdict` | the exit code |

mod assertion;
mod merge;
mod saved;
mod verdict;

use std::io::{self, Write};
use std::path::PathBuf;

use self::assertion::Assertion;
pub(super) use self::merge::run as run_command;
pub(super) use self::verdict::exit;
use crate::cli;
use crate::cmd::whole_file::WholeFile;
use crate::cmd::{Exit, Failure, note};
use crate::output::bench::{
    self, Asked, Asserted, Check, Comparison, Outcome, Plain, Report, Verdict,
};
use crate::output::terminal;

/// The largest tolerance that says anything.
const MAX_TOLERANCE: f64 = 1e6;

/// What is to become of a result, checked before there is one.
#[derive(Debug)]
pub(super) struct Wishes {
    json: bool,
    out: Option<(PathBuf, WholeFile)>,
    html: Option<(PathBuf, WholeFile)>,
    plot: bool,
    assertions: Vec<Assertion>,
    baseline: Option<Baseline>,
}

/// The result to compare with.
#[derive(Debug)]
struct Baseline {
    path: PathBuf,
    outcome: Outcome,
    /// Parts of 100.
    tolerance: f64,
}

impl Wishes {
    /// Checks the flags for a run that asks for this; `is_whole`: no shard alone.
    ///
    /// # Errors
    /// Wrong usage; a file that cannot be read, or could not be written.
    pub(super) fn new(
        args: &cli::BenchResult,
        asked: &[&Asked],
        is_whole: bool,
    ) -> Result<Wishes, Failure> {
        let assertions: Vec<Assertion> = args
            .asserts
            .iter()
            .map(|text| Assertion::parse(text))
            .collect::<Result<_, _>>()?;
        for assertion in &assertions {
            assertion.check(asked, is_whole)?;
        }
        let tolerance = parse_tolerance(&args.tolerance)?;
        let baseline = match &args.compare {
            Some(path) => Some(Baseline {
                path: path.clone(),
                outcome: saved::read(path)?,
                tolerance,
            }),
            None => None,
        };
        let place = |flag: &str, path: &Option<PathBuf>| -> Result<_, Failure> {
            Ok(match path {
                Some(path) if path.as_os_str() == "-" => {
                    return Err(Failure::usage(format!(
                        "{flag} takes a file, not '-': stdout has the summary, or the result as \
                         --json"
                    )));
                }
                Some(path) => Some((path.clone(), saved::begin(path)?)),
                None => None,
            })
        };
        Ok(Wishes {
            json: args.json,
            out: place("--out", &args.out)?,
            html: place("--html", &args.html)?,
            plot: args.plot,
            assertions,
            baseline,
        })
    }

    /// Prints and writes the result, and says what it should have been and is not: a line on
    /// stderr each. Whether there is nothing to say.
    ///
    /// # Errors
    /// If it cannot be written.
    pub(super) fn fulfil(self, outcome: &Outcome) -> Result<bool, Failure> {
        let comparison = self.baseline.as_ref().map(|baseline| {
            let comparison = Comparison::new(&baseline.outcome, outcome, baseline.tolerance);
            (&baseline.path, comparison)
        });
        // What takes most to get again comes first; and one of them is better than none.
        let kept = match self.out {
            Some((path, file)) => saved::finish(file, &path, |out| bench::write_file(out, outcome)),
            None => Ok(()),
        };
        let compared = comparison.as_ref().map(|(_, comparison)| comparison);
        let shown = match self.html {
            Some((path, file)) => {
                let checks = self.assertions.iter().map(|a| a.check_of(outcome));
                let checks: Vec<Check> = checks.collect();
                saved::finish(file, &path, |out| {
                    bench::write_html(out, outcome, &checks, compared)
                })
            }
            None => Ok(()),
        };
        print(outcome, compared, &self.assertions, self.json)?;
        if self.plot {
            draw(outcome)?;
        }
        kept?;
        shown?;
        let mut is_well = true;
        for miss in self.assertions.iter().filter_map(|a| a.miss(outcome)) {
            is_well = false;
            note(miss);
        }
        if let Some((path, comparison)) = comparison {
            let path = saved::shown(path);
            for difference in &comparison.differences {
                note(format_args!(
                    "{path} was made with other parameters: {difference}"
                ));
            }
            for worse in comparison.worse() {
                is_well = false;
                let shown = |value: Option<f64>| worse.figure.show(value.unwrap_or(0.0));
                note(format_args!(
                    "{} is worse than in {path}: {}, was {} ({}, tolerance {} %)",
                    worse.figure.name(),
                    shown(worse.now),
                    shown(worse.then),
                    worse.change(),
                    comparison.tolerance_percent
                ));
            }
            let judged = |verdict| verdict != Verdict::NotJudged;
            if !comparison
                .figures
                .iter()
                .any(|figure| judged(figure.verdict))
            {
                note(format_args!("{path} has no figure to judge this result by"));
            }
        }
        Ok(is_well)
    }
}

/// Parts of 100: `10`, `2.5%`.
fn parse_tolerance(text: &str) -> Result<f64, Failure> {
    let digits = text.strip_suffix('%').unwrap_or(text).trim_end();
    let is_number = digits.bytes().all(|c| c.is_ascii_digit() || c == b'.');
    match digits.parse::<f64>() {
        Ok(tolerance) if is_number && tolerance <= MAX_TOLERANCE => Ok(tolerance),
        _ => Err(Failure::usage(format!(
            "--tolerance takes parts of 100 as in 10, 2.5 or 5%, not '{}'",
            text.escape_debug()
        ))),
    }
}

fn print(
    outcome: &Outcome,
    comparison: Option<&Comparison>,
    assertions: &[Assertion],
    json: bool,
) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    let written = match json {
        true => {
            let mut report = Report::new(outcome);
            report.asserted = assertions.iter().map(|a| asserted(a, outcome)).collect();
            report.compared = comparison.cloned();
            bench::write_json(&mut stdout, &report)
        }
        false => bench::write_text(&mut stdout, outcome, comparison, terminal::is_unicode()),
    };
    printed(written.and_then(|()| stdout.flush()))
}

fn draw(outcome: &Outcome) -> Result<(), Failure> {
    let plain = Plain {
        width: terminal::width(),
        unicode: terminal::is_unicode(),
    };
    let mut stdout = io::stdout().lock();
    let written = writeln!(stdout).and_then(|()| bench::write_plot(&mut stdout, outcome, plain));
    printed(written.and_then(|()| stdout.flush()))
}

fn printed(written: io::Result<()>) -> Result<(), Failure> {
    match written {
        Ok(()) => Ok(()),
        // Nobody wants to read it; the exit code still counts.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        Err(error) => Err(Failure::new(
            Exit::Io,
            format!("cannot write to stdout: {error}"),
        )),
    }
}

fn asserted(assertion: &Assertion, outcome: &Outcome) -> Asserted {
    let judged = assertion.judge(outcome);
    Asserted {
        assertion: assertion.text.clone(),
        value: judged.map(|(value, _)| value),
        holds: judged.is_some_and(|(_, holds)| holds),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tolerances() {
        for (text, tolerance) in [("10", 10.0), ("2.5%", 2.5), ("0", 0.0), ("5 %", 5.0)] {
            assert_eq!(parse_tolerance(text), Ok(tolerance), "{text}");
        }
        for bad in ["", "%", "-1", "ten", "inf", "1e3", "10%%", "99999999"] {
            assert!(parse_tolerance(bad).is_err(), "{bad}");
        }
    }
}
