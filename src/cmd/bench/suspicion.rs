//! Is it the broker, or is it midge? What kept the load from being what was asked for.

use std::time::Duration;

use super::plan::Plan;
use super::stats::{Stats, Waits};
use crate::output::bench::{Limit, Measured};

/// A thread that is at work for this share of the time is the limit.
const BUSY: f64 = 0.9;

/// The same of the whole machine.
const ALL_BUSY: f64 = 0.95;

/// A message that leaves so late was not sent when it should have been.
const LATE: Duration = Duration::from_millis(10);

/// Where nothing moves for so long, and for twice the pause that the rate makes, something stands
/// in the way.
const STILL: Duration = Duration::from_secs(1);

/// Who waited for something for less than this, in percent of the time, was held up by something else.
const WAITED: f64 = 5.0;

/// What a run has to say for itself.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Facts {
    /// The largest share of the time that a worker was at work, 0 to 1.
    pub(super) busiest: f64,
    /// The share of the time that the machine's cores were at work, if it is known.
    pub(super) machine: Option<f64>,
    /// How long after `--start-at` the last connection was there.
    pub(super) late_start: Option<Duration>,
    /// The longest time in which nothing moved.
    pub(super) still: Duration,
    /// How long nothing had moved at the end.
    pub(super) still_at_end: Duration,
    /// The longest time in which nothing came back, whatever was sent: the system takes much for a
    /// broker that takes nothing. None if nothing ever came back.
    pub(super) silent: Duration,
    /// The same at the end.
    pub(super) silent_at_end: Duration,
    /// What publishers with a rate waited for, and how long they were at it, all together.
    pub(super) waits: Waits,
    pub(super) paced_ns: u64,
}

impl Facts {
    /// What all publishers waited for within `time`, in ns.
    pub(super) fn add_waits(&mut self, all: &[Stats], time: u64) {
        for publisher in all.iter().flat_map(|stats| &stats.publishers) {
            if publisher.dues.is_some() {
                self.waits.add(&publisher.waits);
                self.paced_ns = self.paced_ns.saturating_add(time);
            }
        }
    }
}

/// Whether nothing had moved for longer when the run ended than it should, and how long.
pub(super) fn stood_still(plan: &Plan, facts: &Facts) -> Option<Duration> {
    let time = facts.still_at_end.max(facts.silent_at_end);
    let is_long = time >= patience(plan) && plan.publishers_here() > 0;
    is_long.then_some(time)
}

fn patience(plan: &Plan) -> Duration {
    STILL.saturating_add(plan.pause().saturating_mul(2))
}

/// What limited a run.
pub(super) fn suspect(plan: &Plan, facts: &Facts, measured: &mut Measured) {
    let mut say = |what: &str, sentence: String| {
        measured.limits.insert(Limit {
            what: what.to_owned(),
            sentence,
        });
    };
    let is_busy = facts.busiest >= BUSY;
    if is_busy && plan.publishers() > 0 {
        say(
            "cpu",
            format!(
                "a thread of midge was at work for {:.0} % of the time: use more cores (--workers), or more machines (--shard)",
                facts.busiest * 100.0
            ),
        );
    } else if let Some(machine) = facts.machine.filter(|share| *share >= ALL_BUSY) {
        say(
            "cpu",
            format!(
                "the cores of this machine were at work for {:.0} % of the time: run midge on another machine than the broker",
                machine * 100.0
            ),
        );
    }
    if plan.publishers_here() > 0 && !is_busy {
        let stops = [
            (
                facts.still,
                facts.still_at_end,
                "moved",
                "taken, acknowledged",
            ),
            (
                facts.silent,
                facts.silent_at_end,
                "came back",
                "acknowledged",
            ),
        ];
        let long = stops.iter().find(|(time, ..)| *time >= patience(plan));
        if let Some((time, at_end, what, became)) = long {
            let end = if at_end >= time {
                ", until the end"
            } else {
                ""
            };
            say(
                "broker",
                format!(
                    "nothing {what} for {:.1} s{end}: no message was {became} or delivered",
                    time.as_secs_f64()
                ),
            );
        }
    }
    if let Some(late) = facts.late_start.filter(|late| *late >= LATE) {
        say(
            "start",
            format!(
                "the last connection was there {:.1} s behind --start-at: let it begin later",
                late.as_secs_f64()
            ),
        );
    }
    if let Some(how) = late(measured) {
        let (what, why) = match is_busy {
            true => ("pace", "midge was too busy to keep the rate".to_owned()),
            false => hold_up(facts),
        };
        measured.limits.insert(Limit {
            what: what.to_owned(),
            sentence: format!("{how}: {why}"),
        });
    }
}

/// How the load was not what was asked for, if it was not.
fn late(measured: &Measured) -> Option<String> {
    let mut clauses = Vec::new();
    match measured.totals().not_sent {
        0 => {}
        1 => clauses.push("1 message that was due was not sent".to_owned()),
        many => clauses.push(format!("{many} messages that were due were not sent")),
    }
    let late = measured.latencies.lateness.quantile(0.99).unwrap_or(0);
    let late = Duration::from_nanos(late);
    if late >= LATE {
        let ms = late.as_secs_f64() * 1e3;
        clauses.push(format!("one in 100 was more than {ms:.1} ms late"));
    }
    (!clauses.is_empty()).then(|| clauses.join(", and "))
}

/// Who held the publishers up: a word, and a clause.
fn hold_up(facts: &Facts) -> (&'static str, String) {
    let Waits {
        window: (window_ns, window),
        maximum: (maximum_ns, maximum),
        socket: socket_ns,
    } = facts.waits;
    let share = |ns: u64| ns as f64 * 100.0 / facts.paced_ns.max(1) as f64;
    let most = window_ns.max(maximum_ns).max(socket_ns);
    match most {
        ns if share(ns) < WAITED => (
            "pace",
            "hardly ever was a window or a socket full, so the machine let midge wait, or connections were away or slow to come back".to_owned(),
        ),
        ns if ns == window_ns => (
            "window",
            format!(
                "the window of {window} (--inflight) was full for {:.0} % of the time",
                share(ns)
            ),
        ),
        ns if ns == maximum_ns => (
            "broker",
            format!(
                "the window of {maximum} (the broker's Receive Maximum, or what packet ids there are) was full for {:.0} % of the time",
                share(ns)
            ),
        ),
        ns => (
            "broker",
            format!("the broker read no more for {:.0} % of the time", share(ns)),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli;

    fn limits(args: &str, facts: Facts, change: impl FnOnce(&mut Measured)) -> Vec<String> {
        let plan = Plan::new(&cli::Bench::from_words(args), None).unwrap();
        let mut measured = Measured::default();
        change(&mut measured);
        suspect(&plan, &facts, &mut measured);
        measured
            .limits
            .into_iter()
            .map(|limit| limit.what)
            .collect()
    }

    #[test]
    fn who_is_to_blame() {
        let late = |measured: &mut Measured| measured.latencies.lateness.record(20_000_000);
        let busy = Facts {
            busiest: 0.95,
            ..Facts::default()
        };
        let calm = Facts::default();
        let none: [&str; 0] = [];
        assert_eq!(limits("", calm, |_| ()), none);
        assert_eq!(limits("", busy, |_| ()), ["cpu"]);
        assert_eq!(limits("--rate 5", busy, late), ["cpu", "pace"]);
        assert_eq!(limits("--rate 5", calm, late), ["pace"]);
        let waits = |waits| Facts {
            waits,
            paced_ns: 100,
            ..Facts::default()
        };
        let window = waits(Waits {
            window: (80, 9),
            socket: 20,
            ..Waits::default()
        });
        let args = "--rate 5 -q 1 --inflight 9";
        assert_eq!(limits(args, window, late), ["window"]);
        let maximum = waits(Waits {
            maximum: (80, 20),
            ..Waits::default()
        });
        assert_eq!(limits("--rate 5 -q 1", maximum, late), ["broker"]);
        let socket = waits(Waits {
            socket: 10,
            ..Waits::default()
        });
        assert_eq!(limits("--rate 5", socket, late), ["broker"]);
        let hardly = waits(Waits {
            socket: 4,
            ..Waits::default()
        });
        assert_eq!(limits("--rate 5", hardly, late), ["pace"]);
        let machine = Facts {
            machine: Some(0.99),
            ..Facts::default()
        };
        assert_eq!(limits("", machine, |_| ()), ["cpu"]);
        let late_start = Facts {
            late_start: Some(Duration::from_secs(1)),
            ..Facts::default()
        };
        assert_eq!(limits("", late_start, |_| ()), ["start"]);
    }

    #[test]
    fn nothing_moves() {
        let still = |still, still_at_end| Facts {
            still: Duration::from_millis(still),
            still_at_end: Duration::from_millis(still_at_end),
            ..Facts::default()
        };
        let none: [&str; 0] = [];
        assert_eq!(limits("", still(900, 900), |_| ()), none);
        assert_eq!(limits("", still(1100, 0), |_| ()), ["broker"]);
        let silent = Facts {
            silent: Duration::from_millis(1500),
            silent_at_end: Duration::from_millis(1500),
            ..still(100, 100)
        };
        assert_eq!(limits("--rate 300", silent, |_| ()), ["broker"]);
        // One message in 5 s is no standstill.
        let args = "--rate 0.2";
        assert_eq!(limits(args, still(10_900, 0), |_| ()), none);
        assert_eq!(limits(args, still(11_000, 0), |_| ()), ["broker"]);
        let alone = "--publishers 0 -t a";
        assert_eq!(limits(alone, still(9000, 9000), |_| ()), none);
        let plan = |args| Plan::new(&cli::Bench::from_words(args), None).unwrap();
        let end = |args, facts| stood_still(&plan(args), &facts).is_some();
        assert!(!end("", still(9000, 500)) && end("", still(9000, 2000)));
        assert!(!end(alone, still(9000, 2000)));
    }

    #[test]
    fn a_sentence_says_only_what_is() {
        let said = |not_sent, ms: u64| {
            let mut measured = Measured::default();
            measured.qos[0].not_sent = not_sent;
            measured.latencies.lateness.record(ms * 1_000_000);
            super::late(&measured)
        };
        assert_eq!(said(0, 2), None);
        let one = "1 message that was due was not sent";
        assert_eq!(said(1, 2).as_deref(), Some(one));
        let late = said(0, 20).unwrap();
        assert!(
            late.starts_with("one in 100 was more than 20.0 ms late"),
            "{late}"
        );
        let both = said(5, 20).unwrap();
        assert!(
            both.starts_with("5 messages that were due were not sent, and one in"),
            "{both}"
        );
    }
}
