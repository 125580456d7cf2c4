//! The axes of the plots: values to places, and the ticks that people can read.
//!
//! Nothing here knows whether pixels or characters are drawn.

use super::{grouped, time_text};

/// An axis. A place on it is 0 (where it begins) to 1 (where it ends).
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Scale {
    /// Each step is as wide as the next: counts, rates, seconds. From 0 to this.
    Linear(f64),
    /// Each factor is as wide as the next: times in ns, from and to.
    Log(f64, f64),
    /// Quantiles; each nine is as wide as the next. To as many nines as this.
    Nines(f64),
}

/// What stands beside an axis.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Tick {
    /// 0 to 1.
    pub(super) place: f64,
    pub(super) label: String,
}

/// The nines that are shown at most: more say nothing about a network.
const MOST_NINES: f64 = 6.0;

/// Steps of an axis of seconds.
const TIME_STEPS: [f64; 15] = [
    0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0,
];

impl Scale {
    /// For counts and rates up to `most`: ends at a round number.
    pub(super) fn counts(most: f64) -> Scale {
        if !(most.is_finite() && most > 0.0) {
            return Scale::Linear(1.0);
        }
        let step = round_step(most / 4.0);
        Scale::Linear((most / step).ceil() * step)
    }

    /// For seconds of a run.
    pub(super) fn seconds(most: f64) -> Scale {
        Scale::Linear(if most > 0.0 { most } else { 1.0 })
    }

    /// For times in ns: begins and ends at 1, 2 or 5 of some unit, and has room for both.
    pub(super) fn times(least: u64, most: u64) -> Scale {
        let least = least.max(1) as f64;
        let (low, high) = (below(least), above((most as f64).max(least)));
        match high > low * 1.5 {
            true => Scale::Log(low, high),
            // Of all that are alike, one more step.
            false => Scale::Log(low, above(low * 1.01)),
        }
    }

    /// For quantiles of so many times: those that one of them can decide.
    pub(super) fn nines(count: u64) -> Scale {
        let nines = (count.max(1) as f64).log10();
        Scale::Nines(nines.clamp(1.0, MOST_NINES))
    }

    /// Where a value stands, 0 to 1; what is outside stands at the end.
    pub(super) fn place(self, value: f64) -> f64 {
        let place = match self {
            Scale::Linear(end) => value / end,
            Scale::Log(low, high) => (value.max(low) / low).ln() / (high / low).ln(),
            Scale::Nines(nines) => -(1.0 - value).max(1e-9).log10() / nines,
        };
        if place.is_nan() {
            return 0.0;
        }
        place.clamp(0.0, 1.0)
    }

    /// What stands at a place.
    pub(super) fn value(self, place: f64) -> f64 {
        match self {
            Scale::Linear(end) => place * end,
            Scale::Log(low, high) => low * (high / low).powf(place),
            Scale::Nines(nines) => 1.0 - 10f64.powf(-place * nines),
        }
    }

    /// Round numbers with their unit, for counts and rates; at most about `room` of them.
    pub(super) fn count_ticks(self, room: usize) -> Vec<Tick> {
        let Scale::Linear(end) = self else {
            return Vec::new();
        };
        let step = round_step(end / room.max(1) as f64);
        self.steps(end, step, short)
    }

    /// Moments of the run; at most about `room` of them.
    pub(super) fn second_ticks(self, room: usize) -> Vec<Tick> {
        let Scale::Linear(end) = self else {
            return Vec::new();
        };
        let least = end / room.max(1) as f64;
        let hours = (least / 3600.0).ceil() * 3600.0;
        // A run is a little longer than it was to be.
        let step = TIME_STEPS.into_iter().find(|step| *step >= least * 0.9);
        self.steps(end, step.unwrap_or(hours), |seconds| moment(seconds, end))
    }

    /// Times in 1, 2 and 5 of their units, or fewer; at most about `room` of them.
    pub(super) fn time_ticks(self, room: usize) -> Vec<Tick> {
        let Scale::Log(low, high) = self else {
            return Vec::new();
        };
        let all: Vec<f64> = from_below(low)
            .take_while(|ns| *ns <= high * 1.001)
            .collect();
        let is_whole = |ns: f64| (ns.log10() - ns.log10().round()).abs() < 1e-6;
        let decades = all.iter().filter(|ns| is_whole(**ns)).count();
        let every = decades.div_ceil(room.max(1)).max(1);
        let mut decade = 0;
        let kept = all.iter().copied().filter(|ns| {
            if all.len() <= room {
                return true;
            }
            decade += usize::from(is_whole(*ns));
            is_whole(*ns) && (decade - 1).is_multiple_of(every)
        });
        let ticks: Vec<Tick> = kept.map(|ns| self.tick(ns, time(ns))).collect();
        match ticks.len() {
            // Too little between two decades: where it begins and ends.
            0 | 1 => [low, high].map(|ns| self.tick(ns, time(ns))).into(),
            _ => ticks,
        }
    }

    /// p0, p50, p90, p99 and so on.
    pub(super) fn quantile_ticks(self) -> Vec<Tick> {
        let Scale::Nines(nines) = self else {
            return Vec::new();
        };
        let mut ticks = vec![self.tick(0.5, "p50".to_owned())];
        for nine in 1..=MOST_NINES as i32 {
            if f64::from(nine) <= nines + 1e-9 {
                let share = 1.0 - 10f64.powi(-nine);
                let decimals = (nine - 2).max(0) as usize;
                ticks.push(self.tick(share, format!("p{:.decimals$}", share * 100.0)));
            }
        }
        ticks
    }

    fn tick(self, value: f64, label: String) -> Tick {
        Tick {
            place: self.place(value),
            label,
        }
    }

    fn steps(self, end: f64, step: f64, label: impl Fn(f64) -> String) -> Vec<Tick> {
        let count = (end / step + 1e-6).floor().min(1000.0) as u32;
        let values = (0..=count).map(|i| f64::from(i) * step);
        values.map(|value| self.tick(value, label(value))).collect()
    }
}

/// 1, 2 or 5 of some power of ten, at least `least`.
fn round_step(least: f64) -> f64 {
    let power = 10f64.powf(least.max(f64::MIN_POSITIVE).log10().floor());
    let steps = [1.0, 2.0, 5.0, 10.0].into_iter();
    let fitting = steps
        .map(|step| step * power)
        .find(|s| *s >= least * 0.9999);
    fitting.unwrap_or(least)
}

/// 1, 2 and 5 of every unit, from the last that is not above `least`.
fn from_below(least: f64) -> impl Iterator<Item = f64> {
    let power = least.max(1.0).log10().floor().max(0.0) as i32;
    let all = (power..=13).flat_map(|power| [1.0, 2.0, 5.0].map(|step| step * 10f64.powi(power)));
    let mut all = all.peekable();
    let mut first = 1.0;
    while let Some(next) = all.next_if(|next| *next <= least * 1.0001) {
        first = next;
    }
    std::iter::once(first).chain(all)
}

fn below(ns: f64) -> f64 {
    from_below(ns).next().unwrap_or(1.0)
}

fn above(ns: f64) -> f64 {
    from_below(ns).find(|step| *step >= ns).unwrap_or(ns)
}

/// A time in ns as people say it; round ones without empty decimals.
pub(super) fn time(ns: f64) -> String {
    for (unit, scale) in [("s", 1e9), ("ms", 1e6), ("µs", 1e3), ("ns", 1.0)] {
        let count = ns / scale;
        if count > 0.9999 {
            return match (count - count.round()).abs() < 1e-3 {
                true => format!("{} {unit}", grouped(count, 0)),
                false => time_text(ns / 1e3),
            };
        }
    }
    "0".to_owned()
}

/// A count in as few characters as it takes: `850`, `10k`, `1.5M`, as --rate takes it.
pub(super) fn short(count: f64) -> String {
    let (count, unit) = match count {
        count if count >= 999_999.5 => (count / 1e6, "M"),
        count if count >= 999.95 => (count / 1e3, "k"),
        count => (count, ""),
    };
    let text = match count {
        count if count < 10.0 => format!("{count:.2}"),
        count if count < 100.0 => format!("{count:.1}"),
        count => format!("{count:.0}"),
    };
    let text = match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.'),
        false => &text,
    };
    format!("{text}{unit}")
}

/// A moment of a run that takes `end` seconds.
pub(super) fn moment(seconds: f64, end: f64) -> String {
    match end {
        end if end > 7200.0 => format!("{} h", short(seconds / 3600.0)),
        end if end > 120.0 => {
            let whole = seconds.round() as u64;
            format!("{}:{:02}", whole / 60, whole % 60)
        }
        _ => format!("{} s", short(seconds)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(ticks: &[Tick]) -> Vec<&str> {
        ticks.iter().map(|tick| tick.label.as_str()).collect()
    }

    #[test]
    fn counts_end_at_a_round_number() {
        for (most, end) in [
            (0.0, 1.0),
            (f64::NAN, 1.0),
            (1.0, 1.0),
            (7.0, 8.0),
            (99.0, 100.0),
            (10_400.0, 15_000.0),
            (123_456.0, 150_000.0),
        ] {
            assert_eq!(Scale::counts(most), Scale::Linear(end), "{most}");
        }
        let ticks = Scale::counts(10_400.0).count_ticks(4);
        assert_eq!(labels(&ticks), ["0", "5k", "10k", "15k"]);
        let places: Vec<f64> = ticks.iter().map(|tick| tick.place).collect();
        assert_eq!(places, [0.0, 1.0 / 3.0, 2.0 / 3.0, 1.0]);
    }

    #[test]
    fn times_begin_and_end_at_a_step() {
        for (least, most, low, high) in [
            (130_000, 9_000_000, 1e5, 1e7),
            (1_000, 1_000, 1e3, 2e3),
            (0, 0, 1.0, 2.0),
            (2_000, 5_000, 2e3, 5e3),
            (3_000, 1_300_000_000, 2e3, 2e9),
        ] {
            assert_eq!(Scale::times(least, most), Scale::Log(low, high), "{least}");
        }
    }

    #[test]
    fn times_have_as_many_ticks_as_fit() {
        let scale = Scale::times(130_000, 9_000_000);
        let seven = "100 µs,200 µs,500 µs,1 ms,2 ms,5 ms,10 ms";
        assert_eq!(labels(&scale.time_ticks(7)).join(","), seven);
        assert_eq!(labels(&scale.time_ticks(6)), ["100 µs", "1 ms", "10 ms"]);
        assert_eq!(labels(&scale.time_ticks(2)), ["100 µs", "10 ms"]);
        // No two decades: the ends.
        let narrow = Scale::times(210_000, 490_000);
        assert_eq!(labels(&narrow.time_ticks(1)), ["200 µs", "500 µs"]);
    }

    #[test]
    fn seconds_have_their_own_steps() {
        let ticks = |seconds| Scale::seconds(seconds).second_ticks(6);
        assert_eq!(labels(&ticks(10.0)).join(","), "0 s,2 s,4 s,6 s,8 s,10 s");
        assert_eq!(
            labels(&ticks(2.5)).join(","),
            "0 s,0.5 s,1 s,1.5 s,2 s,2.5 s"
        );
        assert_eq!(
            labels(&ticks(600.0)).join(","),
            "0:00,2:00,4:00,6:00,8:00,10:00"
        );
        assert_eq!(
            labels(&ticks(86_400.0)).join(","),
            "0 h,4 h,8 h,12 h,16 h,20 h,24 h"
        );
        assert_eq!(ticks(0.0).len(), 6);
        let a_little_longer = Scale::seconds(8.003).second_ticks(4);
        assert_eq!(labels(&a_little_longer).join(","), "0 s,2 s,4 s,6 s,8 s");
    }

    #[test]
    fn each_nine_has_the_same_room() {
        let scale = Scale::nines(10_000);
        let ticks = scale.quantile_ticks();
        assert_eq!(labels(&ticks).join(","), "p50,p90,p99,p99.9,p99.99");
        let places = [0.0, 0.9, 0.99, 0.999, 0.9999].map(|share| scale.place(share));
        for (place, expected) in places.into_iter().zip([0.0, 0.25, 0.5, 0.75, 1.0]) {
            assert!((place - expected).abs() < 1e-6, "{place}");
            assert!((scale.place(scale.value(expected)) - expected).abs() < 1e-6);
        }
        assert_eq!(
            labels(&Scale::nines(1).quantile_ticks()).join(","),
            "p50,p90"
        );
        assert_eq!(Scale::nines(u64::MAX), Scale::Nines(6.0));
    }

    #[test]
    fn counts_are_short() {
        for (count, text) in [
            (0.0, "0"),
            (0.5, "0.5"),
            (850.0, "850"),
            (999.96, "1k"),
            (1_234.0, "1.23k"),
            (10_000.0, "10k"),
            (123_456.0, "123k"),
            (1_500_000.0, "1.5M"),
        ] {
            assert_eq!(short(count), text);
        }
    }
}
