//! What the drawings show of a result, whether they are drawn on a page or in a terminal.

use super::bins::{Bin, bins, rows};
use super::scale::moment;
use super::{Ended, Outcome, Times};

/// A result, made ready for drawing.
#[derive(Debug)]
pub(super) struct Picture {
    /// The run over time; at least one piece.
    pub(super) bins: Vec<Bin>,
    /// Messages per second that were asked for, all publishers together; none if some of them were
    /// to be as fast as possible.
    pub(super) target: Option<f64>,
    /// Seconds in which messages were sent.
    pub(super) sending: f64,
    pub(super) has_sent: bool,
    pub(super) has_acks: bool,
    pub(super) has_received: bool,
    /// Corrected and uncorrected, ack and delivery, as far as there are any.
    pub(super) curves: Vec<Curve>,
    /// None if nothing was timed.
    pub(super) heat: Option<Heat>,
}

/// The distribution of one latency.
#[derive(Debug)]
pub(super) struct Curve {
    /// `ack` or `delivery`.
    pub(super) kind: &'static str,
    /// Whether it counts from when messages should have been sent.
    pub(super) is_corrected: bool,
    pub(super) times: Times,
}

/// What the heat map says.
#[derive(Debug)]
pub(super) struct Heat {
    /// `delivery` or `acknowledgement`: the end of what was timed.
    pub(super) kind: &'static str,
    /// The shortest and the longest time, ns.
    pub(super) range: (u64, u64),
    /// Rows for each doubling of the time.
    per_doubling: u32,
    /// The most in one cell, per second.
    pub(super) most: f64,
}

impl Picture {
    /// `room`: pieces of time that fit. `upright`: rows of the heat map that fit.
    pub(super) fn new(outcome: &Outcome, room: usize, upright: u32) -> Picture {
        let bins = bins(outcome, room);
        let totals = outcome.measured.totals();
        let heat = Heat::new(&bins, totals.received > 0, upright);
        Picture {
            target: outcome.target_rate_per_s(),
            sending: outcome.sending_ns() as f64 / 1e9,
            has_sent: outcome.groups().any(|group| group.publishers > 0),
            has_acks: outcome.acknowledges(),
            has_received: outcome.groups().any(|group| group.subscribers > 0),
            curves: curves(outcome),
            heat,
            bins,
        }
    }

    /// How long the run was.
    pub(super) fn seconds(&self) -> f64 {
        self.bins.last().map_or(0.0, |bin| bin.to)
    }

    /// When a piece of the run was: where it begins, and where it ends if it is not one second.
    pub(super) fn moment(&self, bin: &Bin) -> String {
        let end = self.seconds();
        let from = moment(bin.from, end);
        match bin.to - bin.from > 1.5 {
            true => format!("{from} – {}", moment(bin.to, end)),
            false => from,
        }
    }

    /// Whether something went wrong.
    pub(super) fn has_errors(&self) -> bool {
        self.bins.iter().any(|bin| bin.errors > 0)
    }
}

fn curves(outcome: &Outcome) -> Vec<Curve> {
    let latencies = &outcome.measured.latencies;
    let mut curves = Vec::new();
    for (kind, pair) in [
        ("ack", latencies.ack()),
        ("delivery", latencies.e2e.clone()),
    ] {
        for (is_corrected, times) in [(true, pair.corrected), (false, pair.uncorrected)] {
            if !times.is_empty() {
                curves.push(Curve {
                    kind,
                    is_corrected,
                    times,
                });
            }
        }
    }
    curves
}

impl Curve {
    /// As tables and tool tips name it.
    pub(super) fn name(&self) -> String {
        match self.is_corrected {
            true => self.kind.to_owned(),
            false => format!("{} uncorrected", self.kind),
        }
    }

    /// The time in ns that this share of them does not exceed.
    pub(super) fn at(&self, share: f64) -> f64 {
        self.times.quantile(share).unwrap_or(0) as f64
    }

    /// The shortest and the longest of all of them, ns.
    pub(super) fn range(curves: &[Curve]) -> (u64, u64) {
        let least = curves.iter().filter_map(|curve| curve.times.min()).min();
        let most = curves.iter().filter_map(|curve| curve.times.max()).max();
        (least.unwrap_or(0), most.unwrap_or(0))
    }
}

impl Heat {
    fn new(bins: &[Bin], is_delivery: bool, upright: u32) -> Option<Heat> {
        let times = bins.iter().map(|bin| &bin.latency);
        let firsts = times
            .clone()
            .filter_map(|times| Some(times.counts.first()?.0));
        let range = (firsts.min()?, times.map(|times| times.max_ns).max()?);
        let doublings = range.1.max(1).ilog2() - range.0.max(1).min(range.1.max(1)).ilog2() + 1;
        let fitting = [4, 2].into_iter().find(|rows| doublings * rows <= upright);
        let mut heat = Heat {
            kind: if is_delivery {
                "delivery"
            } else {
                "acknowledgement"
            },
            range,
            per_doubling: fitting.unwrap_or(1),
            most: 0.0,
        };
        let cells = bins.iter().flat_map(|bin| heat.cells(bin));
        heat.most = cells.map(|cell| cell.2).fold(0.0, f64::max);
        Some(heat)
    }

    /// The cells of a piece of the run that are not empty: from where to where (ns), and how many
    /// each second.
    pub(super) fn cells(&self, bin: &Bin) -> Vec<(u64, u64, f64)> {
        let seconds = (bin.to - bin.from).max(1e-3);
        let rows = rows(&bin.latency, self.per_doubling).into_iter();
        rows.map(|(low, high, count)| (low, high, count as f64 / seconds))
            .collect()
    }

    /// Which of so many shades a cell has: by its square root, so that the few slow ones are seen
    /// beside the many fast ones.
    pub(super) fn shade(&self, count: f64, shades: usize) -> usize {
        let share = (count / self.most).max(0.0).sqrt();
        let shade = (share * shades as f64) as usize;
        shade.min(shades.saturating_sub(1))
    }
}

/// How a run ended, in a few words.
pub(super) fn ending(ended: Ended) -> &'static str {
    match ended {
        Ended::Time => "the time was over",
        Ended::Count => "everything was sent",
        Ended::Interrupt => "interrupted",
        Ended::Terminate => "terminated",
        Ended::Error => "ended by an error",
    }
}
