//! The figures of a result by their names: what assertions ask for and comparisons compare.

mod statistic;
mod suggest;
mod table;
#[cfg(test)]
mod tests;

use self::statistic::{STATISTICS, Statistic};
use self::table::{DISTRIBUTIONS, Distribution, Needs, SIMPLE, Simple};
use super::numbers::{bytes_text, grouped, percent_text, time_text};
use super::outcome::{Asked, Group, Outcome};
use super::report::us;

/// What a figure counts in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Things.
    Count,
    /// Things per second.
    PerSecond,
    /// Bytes.
    Bytes,
    /// Bytes per second.
    BytesPerSecond,
    /// ns.
    Time,
    /// Parts of 100.
    Percent,
}

/// Which way a figure gets better.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Better {
    /// More is better.
    More,
    /// Less is better.
    Less,
    /// It depends on what was asked for.
    Neither,
}

/// One figure of a result.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Figure(What);

#[derive(Debug, Clone, Copy, PartialEq)]
enum What {
    Simple(&'static Simple),
    Share(&'static Simple),
    Time(&'static Distribution, Statistic),
}

/// The percentiles that are shown; any other can be asked for.
const PERCENTILES: [(&str, f64); 6] = [
    ("p50", 50.0),
    ("p90", 90.0),
    ("p95", 95.0),
    ("p99", 99.0),
    ("p99.9", 99.9),
    ("p99.99", 99.99),
];

/// Samples that must lie above a percentile before it says more than chance does.
const SAMPLES_ABOVE: f64 = 100.0;

impl Figure {
    /// The figure of this name.
    ///
    /// # Errors
    /// One sentence: there is none; it names the nearest, or all.
    pub fn parse(name: &str) -> Result<Figure, String> {
        if let Some(simple) = SIMPLE.iter().find(|simple| simple.name == name) {
            return Ok(Figure(What::Simple(simple)));
        }
        // The percentiles have points of their own.
        if let Some((first, last)) = name.split_once('.') {
            if let Some(of) = DISTRIBUTIONS.iter().find(|of| of.name == first) {
                return match Statistic::parse(last) {
                    Some(statistic) => Ok(Figure(What::Time(of, statistic))),
                    None => Err(format!(
                        "'{}' is nothing that {first} has: {STATISTICS}",
                        last.escape_debug()
                    )),
                };
            }
            let found = SIMPLE.iter().find(|simple| simple.name == first);
            if let Some(simple) = found.filter(|s| last == "share" && s.whole.is_some()) {
                return Ok(Figure(What::Share(simple)));
            }
        }
        Err(suggest::unknown(name))
    }

    /// What all names begin with, up to the first point.
    pub fn first_names() -> impl Iterator<Item = &'static str> {
        let simple = SIMPLE.iter().map(|simple| simple.name);
        simple.chain(DISTRIBUTIONS.iter().map(|of| of.name))
    }

    /// Every figure that results are compared by, in the order to show them.
    pub fn compared() -> Vec<Figure> {
        let simple = SIMPLE
            .iter()
            .filter(|simple| simple.better != Better::Neither)
            .map(|simple| match simple.whole {
                // Runs of different lengths compare by shares only.
                Some(_) => Figure(What::Share(simple)),
                None => Figure(What::Simple(simple)),
            });
        let times = DISTRIBUTIONS.iter().flat_map(|of| {
            let percentiles = PERCENTILES.map(|(_, parts)| Statistic::Percentile(parts));
            [Statistic::Min, Statistic::Mean]
                .into_iter()
                .chain(percentiles)
                .chain([Statistic::Max])
                .map(move |statistic| Figure(What::Time(of, statistic)))
        });
        simple.chain(times).collect()
    }

    /// As it is typed.
    pub fn name(&self) -> String {
        match self.0 {
            What::Simple(simple) => simple.name.to_owned(),
            What::Share(simple) => format!("{}.share", simple.name),
            What::Time(of, statistic) => format!("{}.{}", of.name, statistic.name()),
        }
    }

    /// What it counts in.
    pub fn unit(&self) -> Unit {
        match self.0 {
            What::Simple(simple) => simple.unit,
            What::Share(_) => Unit::Percent,
            What::Time(_, Statistic::Count) => Unit::Count,
            What::Time(..) => Unit::Time,
        }
    }

    /// Which way it gets better.
    pub fn better(&self) -> Better {
        match self.0 {
            What::Simple(simple) => simple.better,
            // More of what was acknowledged or received is better only where it is a share.
            What::Share(simple) if simple.better == Better::Neither => Better::More,
            What::Share(simple) => simple.better,
            What::Time(of, _) if of.is_of_midge() => Better::Neither,
            What::Time(_, Statistic::Count) => Better::Neither,
            What::Time(..) => Better::Less,
        }
    }

    /// The same as a share of what there could be, if it is a count of which there is one.
    pub fn share(&self) -> Option<Figure> {
        match self.0 {
            What::Simple(simple) => simple.whole.map(|_| Figure(What::Share(simple))),
            What::Share(_) | What::Time(..) => None,
        }
    }

    /// Why no run that asks for this has the figure; `None`: it can have it.
    pub fn lacks(&self, asked: &[&Asked]) -> Option<&'static str> {
        let groups = || asked.iter().flat_map(|asked| &asked.groups);
        let has = |is: fn(&Group) -> bool| groups().any(is);
        let has_publishers = has(|group| group.publishers > 0);
        let has_subscribers = has(|group| group.subscribers > 0);
        let has_rate = has(|group| group.publishers > 0 && group.rate_per_s.is_some());
        let (needs, is_uncorrected) = match self.0 {
            What::Simple(simple) | What::Share(simple) => (simple.needs, false),
            What::Time(of, _) => (of.needs, of.is_uncorrected),
        };
        let has_acks_of = |qos| {
            let mut groups = groups();
            groups.any(|group| group.publishers > 0 && group.qos == qos)
        };
        match needs {
            Needs::Publishers | Needs::Acks | Needs::AcksOf(_) if !has_publishers => {
                Some("nobody publishes")
            }
            Needs::Subscribers | Needs::Deliveries if !has_subscribers => Some("nobody subscribes"),
            Needs::Deliveries if !asked.iter().any(|asked| asked.delivers()) => {
                Some("nobody here publishes what the subscribers hear")
            }
            Needs::Messages if !has_publishers && !has_subscribers => {
                Some("nobody publishes or subscribes")
            }
            Needs::ConnectRate if !asked.iter().any(|asked| asked.has_connect_rate()) => {
                Some("without --connect-rate or --ramp-up there is nothing to correct")
            }
            Needs::Acks if !has_acks_of(1) && !has_acks_of(2) => {
                Some("messages of QoS 0 are not acknowledged")
            }
            Needs::AcksOf(1) if !has_acks_of(1) => Some("nobody publishes with QoS 1"),
            Needs::AcksOf(2) if !has_acks_of(2) => Some("nobody publishes with QoS 2"),
            Needs::Rate if !has_rate => Some("there is no --rate"),
            Needs::Acks | Needs::AcksOf(_) | Needs::Deliveries if is_uncorrected && !has_rate => {
                Some("without --rate there is nothing to correct")
            }
            _ => None,
        }
    }

    /// Whether it is known only of a whole run: a shard does not know what the others sent.
    pub fn wants_all_shards(&self) -> bool {
        match self.0 {
            What::Simple(simple) => ["expected", "lost"].contains(&simple.name),
            What::Share(simple) => ["received", "lost"].contains(&simple.name),
            What::Time(..) => false,
        }
    }

    /// Its value in this result; `None` if that has none.
    pub fn value(&self, outcome: &Outcome) -> Option<f64> {
        if self.wants_all_shards() && !outcome.missing_shards().is_empty() {
            return None;
        }
        if self.lacks(&Vec::from_iter(outcome.asked())).is_some() {
            return None;
        }
        let value = match self.0 {
            What::Simple(simple) => (simple.value)(outcome),
            What::Share(simple) => {
                let whole = simple.whole?(&outcome.measured.totals());
                // Nothing of nothing is no share.
                (simple.value)(outcome) * 100.0 / whole as f64
            }
            What::Time(of, statistic) => statistic.of(&of.times(outcome))?,
        };
        value.is_finite().then_some(value)
    }

    /// Whether it only repeats another one in this result: that of a single QoS where there is no
    /// other one.
    pub fn repeats(&self, outcome: &Outcome) -> bool {
        let mut levels: Vec<u8> = outcome.groups().map(|group| group.qos).collect();
        levels.retain(|&qos| qos > 0);
        levels.dedup();
        matches!(self.0, What::Time(of, _) if matches!(of.needs, Needs::AcksOf(_)))
            && levels.len() < 2
    }

    /// Whether enough was measured to judge by this figure: 100 times above a percentile; the
    /// shortest and the longest time are chance.
    pub fn is_meaningful(&self, outcome: &Outcome) -> bool {
        match self.0 {
            What::Simple(_) | What::Share(_) => true,
            What::Time(_, Statistic::Min | Statistic::Max) => false,
            What::Time(of, Statistic::Percentile(parts)) => {
                let count = of.times(outcome).count() as f64;
                // A little less, for what 100 - 99.9 is not.
                count * (100.0 - parts) / 100.0 >= SAMPLES_ABOVE - 1e-6
            }
            What::Time(of, Statistic::Count | Statistic::Mean) => {
                of.times(outcome).count() as f64 >= SAMPLES_ABOVE
            }
        }
    }

    /// A value of this figure for people.
    pub fn show(&self, value: f64) -> String {
        match self.unit() {
            Unit::Count => grouped(value, decimals(value, 0)),
            Unit::PerSecond => format!("{}/s", grouped(value, decimals(value, 1))),
            Unit::Bytes => bytes_text(value),
            Unit::BytesPerSecond => format!("{}/s", bytes_text(value)),
            Unit::Time if value < 1_000.0 => format!("{} ns", grouped(value, decimals(value, 1))),
            Unit::Time => time_text(us(value)),
            Unit::Percent => percent_text(value),
        }
    }
}

/// None for whole numbers and large ones.
fn decimals(value: f64, wanted: usize) -> usize {
    match value.fract() == 0.0 || value >= 100.0 {
        true => 0,
        false => wanted.max(1),
    }
}
