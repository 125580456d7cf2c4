//! The figures of a result by their names: what assertions ask for and comparisons compare.

use std::borrow::Cow;

use super::numbers::{bytes_text, grouped, percent_text, time_text};
use super::outcome::{Asked, Counts, Group, Latencies, Outcome};
use super::report::us;
use super::times::Times;

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

/// A figure that is one number.
struct Simple {
    name: &'static str,
    unit: Unit,
    better: Better,
    needs: Needs,
    value: fn(&Outcome) -> f64,
    /// What it can be a share of.
    whole: Option<fn(&Counts) -> u64>,
}

/// What a run must have for a figure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Needs {
    Nothing,
    Publishers,
    Subscribers,
    Acks,
    /// Acknowledgements of this QoS.
    AcksOf(u8),
    Rate,
}

/// A distribution of times.
struct Distribution {
    name: &'static str,
    needs: Needs,
    find: Find,
    is_uncorrected: bool,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Statistic {
    Count,
    Min,
    Mean,
    /// Parts of 100.
    Percentile(f64),
    Max,
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

macro_rules! count {
    ($name:ident, $better:ident, $needs:ident, $whole:expr) => {
        Simple {
            name: stringify!($name),
            unit: Unit::Count,
            better: Better::$better,
            needs: Needs::$needs,
            value: |o| o.measured.totals().$name as f64,
            whole: $whole,
        }
    };
}

const fn simple(
    name: &'static str,
    unit: Unit,
    better: Better,
    needs: Needs,
    value: fn(&Outcome) -> f64,
) -> Simple {
    Simple {
        name,
        unit,
        better,
        needs,
        value,
        whole: None,
    }
}

static SIMPLE: [Simple; 28] = [
    simple(
        "rate",
        Unit::PerSecond,
        Better::More,
        Needs::Publishers,
        |o| per_second(o.measured.totals().sent, o.sending_ns()),
    ),
    simple(
        "received_rate",
        Unit::PerSecond,
        Better::More,
        Needs::Subscribers,
        |o| per_second(o.measured.totals().received, o.receiving_ns()),
    ),
    simple(
        "acknowledged_rate",
        Unit::PerSecond,
        Better::More,
        Needs::Acks,
        |o| per_second(o.measured.totals().acknowledged, o.receiving_ns()),
    ),
    simple(
        "sent_bytes_rate",
        Unit::BytesPerSecond,
        Better::More,
        Needs::Publishers,
        |o| per_second(o.measured.totals().sent_bytes, o.sending_ns()),
    ),
    simple(
        "received_bytes_rate",
        Unit::BytesPerSecond,
        Better::More,
        Needs::Subscribers,
        |o| per_second(o.measured.totals().received_bytes, o.receiving_ns()),
    ),
    // How much of the load that was asked for was offered.
    simple("offered", Unit::Percent, Better::More, Needs::Rate, |o| {
        let totals = o.measured.totals();
        percent(
            totals.sent,
            totals.sent.saturating_add(totals.not_sent),
            100.0,
        )
    }),
    count!(sent, Neither, Publishers, None),
    count!(
        not_sent,
        Less,
        Publishers,
        Some(|c| c.sent.saturating_add(c.not_sent))
    ),
    count!(acknowledged, Neither, Acks, Some(|c| c.sent)),
    count!(unacknowledged, Less, Acks, Some(|c| c.sent)),
    count!(refused, Less, Acks, Some(|c| c.sent)),
    count!(expected, Neither, Subscribers, None),
    count!(received, Neither, Subscribers, Some(|c| c.expected)),
    count!(lost, Less, Subscribers, Some(|c| c.expected)),
    count!(duplicated, Less, Subscribers, Some(|c| c.expected)),
    count!(reordered, Less, Subscribers, Some(|c| c.expected)),
    count!(foreign, Neither, Subscribers, None),
    count!(retained, Neither, Subscribers, None),
    simple(
        "sent_bytes",
        Unit::Bytes,
        Better::Neither,
        Needs::Publishers,
        |o| o.measured.totals().sent_bytes as f64,
    ),
    simple(
        "received_bytes",
        Unit::Bytes,
        Better::Neither,
        Needs::Subscribers,
        |o| o.measured.totals().received_bytes as f64,
    ),
    simple(
        "connections",
        Unit::Count,
        Better::Neither,
        Needs::Nothing,
        |o| o.measured.connections as f64,
    ),
    simple("errors", Unit::Count, Better::Less, Needs::Nothing, |o| {
        o.measured.troubles() as f64
    }),
    simple(
        "duration",
        Unit::Time,
        Better::Neither,
        Needs::Nothing,
        |o| o.sending_ns() as f64,
    ),
    simple("cpu", Unit::Time, Better::Neither, Needs::Nothing, |o| {
        o.measured.cpu_ns as f64
    }),
    simple(
        "cpu_per_message",
        Unit::Time,
        Better::Less,
        Needs::Nothing,
        |o| {
            let totals = o.measured.totals();
            let messages = totals.sent.saturating_add(totals.received);
            match o.measured.cpu_ns {
                // Not known.
                0 => f64::NAN,
                ns => ns as f64 / messages as f64,
            }
        },
    ),
    simple(
        "cpu_use",
        Unit::Percent,
        Better::Neither,
        Needs::Nothing,
        |o| percent(o.measured.cpu_ns, o.receiving_ns(), 0.0),
    ),
    simple("memory", Unit::Bytes, Better::Less, Needs::Nothing, |o| {
        match o.measured.peak_memory_bytes {
            // Not known.
            0 => f64::NAN,
            bytes => bytes as f64,
        }
    }),
    simple(
        "limits",
        Unit::Count,
        Better::Neither,
        Needs::Nothing,
        |o| o.measured.limits.len() as f64,
    ),
];

/// Where the times are.
type Find = for<'l> fn(&'l Latencies) -> Cow<'l, Times>;

const fn distribution(name: &'static str, needs: Needs, find: Find) -> Distribution {
    Distribution {
        name,
        needs,
        find,
        is_uncorrected: false,
    }
}

const fn uncorrected(name: &'static str, needs: Needs, find: Find) -> Distribution {
    Distribution {
        is_uncorrected: true,
        ..distribution(name, needs, find)
    }
}

static DISTRIBUTIONS: [Distribution; 11] = [
    distribution("connect", Needs::Nothing, |l| {
        Cow::Borrowed(&l.connect.corrected)
    }),
    uncorrected("connect_uncorrected", Needs::Nothing, |l| {
        Cow::Borrowed(&l.connect.uncorrected)
    }),
    distribution("ack", Needs::Acks, |l| Cow::Owned(l.ack().corrected)),
    uncorrected("ack_uncorrected", Needs::Acks, |l| {
        Cow::Owned(l.ack().uncorrected)
    }),
    distribution("ack_qos1", Needs::AcksOf(1), |l| {
        Cow::Borrowed(&l.ack_qos1.corrected)
    }),
    uncorrected("ack_qos1_uncorrected", Needs::AcksOf(1), |l| {
        Cow::Borrowed(&l.ack_qos1.uncorrected)
    }),
    distribution("ack_qos2", Needs::AcksOf(2), |l| {
        Cow::Borrowed(&l.ack_qos2.corrected)
    }),
    uncorrected("ack_qos2_uncorrected", Needs::AcksOf(2), |l| {
        Cow::Borrowed(&l.ack_qos2.uncorrected)
    }),
    distribution("e2e", Needs::Subscribers, |l| {
        Cow::Borrowed(&l.e2e.corrected)
    }),
    uncorrected("e2e_uncorrected", Needs::Subscribers, |l| {
        Cow::Borrowed(&l.e2e.uncorrected)
    }),
    distribution("lateness", Needs::Rate, |l| Cow::Borrowed(&l.lateness)),
];

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
        Err(unknown(name))
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
            Needs::Subscribers if !has(|group| group.subscribers > 0) => Some("nobody subscribes"),
            Needs::Acks if !has_acks_of(1) && !has_acks_of(2) => {
                Some("messages of QoS 0 are not acknowledged")
            }
            Needs::AcksOf(1) if !has_acks_of(1) => Some("nobody publishes with QoS 1"),
            Needs::AcksOf(2) if !has_acks_of(2) => Some("nobody publishes with QoS 2"),
            Needs::Rate if !has_rate => Some("there is no --rate"),
            Needs::Acks | Needs::AcksOf(_) | Needs::Subscribers
                if is_uncorrected && has_publishers && !has_rate =>
            {
                Some("without --rate there is nothing to correct")
            }
            _ => None,
        }
    }

    /// Its value in this result; `None` if that has none.
    pub fn value(&self, outcome: &Outcome) -> Option<f64> {
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

impl Distribution {
    fn times<'o>(&self, outcome: &'o Outcome) -> Cow<'o, Times> {
        (self.find)(&outcome.measured.latencies)
    }
}

/// What a distribution of times has, for sentences.
const STATISTICS: &str =
    "it has min, mean, p50, p90, p95, p99, p99.9, p99.99 or any other percentile, max and count";

impl Statistic {
    fn parse(name: &str) -> Option<Statistic> {
        Some(match name {
            "count" => Statistic::Count,
            "min" => Statistic::Min,
            "mean" => Statistic::Mean,
            "max" => Statistic::Max,
            _ => {
                let digits = name.strip_prefix('p')?;
                let is_number = digits.starts_with(|c: char| c.is_ascii_digit())
                    && digits.bytes().all(|c| c.is_ascii_digit() || c == b'.');
                let parts: f64 = digits.parse().ok().filter(|_| is_number)?;
                Statistic::Percentile(Some(parts).filter(|parts| *parts <= 100.0)?)
            }
        })
    }

    fn name(self) -> String {
        match self {
            Statistic::Count => "count".to_owned(),
            Statistic::Min => "min".to_owned(),
            Statistic::Mean => "mean".to_owned(),
            Statistic::Percentile(parts) => format!("p{parts}"),
            Statistic::Max => "max".to_owned(),
        }
    }

    fn of(self, times: &Times) -> Option<f64> {
        Some(match self {
            Statistic::Count => times.count() as f64,
            Statistic::Min => times.min()? as f64,
            Statistic::Mean => times.mean()?,
            // 99.9 / 100 is a little more than 0.999, and could be the next time.
            Statistic::Percentile(parts) => times.quantile((parts * 1e6).round() / 1e8)? as f64,
            Statistic::Max => times.max()? as f64,
        })
    }
}

fn per_second(count: u64, ns: u64) -> f64 {
    count as f64 / (ns as f64 / 1e9)
}

fn percent(part: u64, whole: u64, of_nothing: f64) -> f64 {
    match whole {
        0 => of_nothing,
        whole => part as f64 * 100.0 / whole as f64,
    }
}

/// There is no such figure: the nearest one if one is near, else all.
fn unknown(name: &str) -> String {
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

impl std::fmt::Debug for Simple {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

impl PartialEq for Simple {
    fn eq(&self, other: &Simple) -> bool {
        self.name == other.name
    }
}

impl std::fmt::Debug for Distribution {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

impl PartialEq for Distribution {
    fn eq(&self, other: &Distribution) -> bool {
        self.name == other.name
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Measured, Part};
    use super::*;

    fn outcome(group: Group) -> Outcome {
        let mut measured = Measured::default();
        let counts = &mut measured.qos[usize::from(group.qos)];
        counts.sent = 1000;
        counts.sent_bytes = 64_000;
        counts.not_sent = 250;
        counts.expected = 1000;
        counts.received = 990;
        counts.lost = 10;
        measured.cpu_ns = 1_990_000;
        measured.errors.insert("connection lost".to_owned(), 3);
        measured.refuse("PUBACK", 0x97, "Quota exceeded", 4);
        for ms in 1..=1000 {
            measured.latencies.e2e.corrected.record(ms * 1_000_000);
        }
        Outcome {
            parts: vec![Part {
                sending_ns: 2_000_000_000,
                receiving_ns: 3_000_000_000,
                asked: Asked {
                    groups: vec![group],
                    ..Asked::default()
                },
                ..Part::default()
            }],
            measured,
        }
    }

    fn both() -> Group {
        Group {
            publishers: 1,
            subscribers: 1,
            qos: 1,
            rate_per_s: Some(625.0),
            ..Group::default()
        }
    }

    fn value(outcome: &Outcome, name: &str) -> Option<f64> {
        Figure::parse(name).unwrap().value(outcome)
    }

    #[test]
    fn figures_are_what_their_names_say() {
        let outcome = outcome(both());
        for (name, expected) in [
            ("rate", 500.0),
            ("received_rate", 330.0),
            ("sent_bytes_rate", 32_000.0),
            ("offered", 80.0),
            ("not_sent.share", 20.0),
            ("lost", 10.0),
            ("lost.share", 1.0),
            ("received.share", 99.0),
            ("errors", 7.0),
            ("duration", 2e9),
            ("cpu_per_message", 1000.0),
            ("e2e.count", 1000.0),
        ] {
            assert_eq!(value(&outcome, name), Some(expected), "{name}");
        }
        for (name, ms) in [
            ("e2e.min", 1.0),
            ("e2e.p50", 500.0),
            ("e2e.p99.9", 999.0),
            ("e2e.p75", 750.0),
            ("e2e.max", 1000.0),
        ] {
            let read = value(&outcome, name).unwrap() / 1e6;
            assert!((read / ms - 1.0).abs() < 0.001, "{name}: {read}");
        }
        for absent in ["memory", "ack.p99", "lateness.max", "e2e_uncorrected.p50"] {
            assert_eq!(value(&outcome, absent), None, "{absent}");
        }
    }

    #[test]
    fn what_no_run_of_that_kind_has_is_known_before() {
        let lacks = |name: &str, group: &Group| {
            let asked = Asked {
                groups: vec![group.clone()],
                ..Asked::default()
            };
            Figure::parse(name).unwrap().lacks(&[&asked])
        };
        let alone = Group {
            subscribers: 0,
            qos: 0,
            rate_per_s: None,
            ..both()
        };
        for (name, why) in [
            ("e2e.p99", "nobody subscribes"),
            ("lost", "nobody subscribes"),
            ("ack.p99", "messages of QoS 0 are not acknowledged"),
            ("ack_qos2.p99", "nobody publishes with QoS 2"),
            ("lateness.p99", "there is no --rate"),
        ] {
            assert_eq!(lacks(name, &alone), Some(why), "{name}");
        }
        for name in [
            "e2e.p99",
            "e2e_uncorrected.p99",
            "ack.p99",
            "ack_qos1.max",
            "lateness.max",
        ] {
            assert_eq!(lacks(name, &both()), None, "{name}");
        }
        let unpaced = Group {
            rate_per_s: None,
            ..both()
        };
        let why = "without --rate there is nothing to correct";
        assert_eq!(lacks("e2e_uncorrected.p99", &unpaced), Some(why));
    }

    #[test]
    fn every_name_is_read_as_it_is_written() {
        let compared = Figure::compared();
        let mut names: Vec<String> = compared.iter().map(Figure::name).collect();
        names.extend(SIMPLE.iter().map(|simple| simple.name.to_owned()));
        for name in names {
            assert_eq!(Figure::parse(&name).unwrap().name(), name);
        }
    }

    #[test]
    fn what_is_unknown_has_a_neighbour() {
        for (name, neighbour) in [
            ("losst", "did you mean lost?"),
            ("e2.p99", "did you mean e2e.p99?"),
            ("e2e", "did you mean e2e.p99?"),
            ("akc.max", "did you mean ack.max?"),
            ("lost.sahre", "did you mean lost?"),
            ("temperature", "there are rate, received_rate, "),
            ("", "there are "),
        ] {
            let sentence = Figure::parse(name).unwrap_err();
            assert!(sentence.contains(neighbour), "{name}: {sentence}");
        }
        for bad in [
            "e2e.p101",
            "e2e.p",
            "e2e.pinf",
            "e2e.p9_9",
            "e2e.p1e1",
            "e2e.median",
        ] {
            let sentence = Figure::parse(bad).unwrap_err();
            assert!(
                sentence.contains("it has min, mean, p50"),
                "{bad}: {sentence}"
            );
        }
    }

    #[test]
    fn a_percentile_wants_enough_above_it() {
        let outcome = outcome(both());
        for (name, is_meaningful) in [
            ("e2e.p50", true),
            ("e2e.p90", true),
            ("e2e.p99", false),
            ("e2e.max", false),
            ("e2e.mean", true),
            ("lost.share", true),
        ] {
            let figure = Figure::parse(name).unwrap();
            assert_eq!(figure.is_meaningful(&outcome), is_meaningful, "{name}");
        }
    }

    #[test]
    fn values_have_their_units() {
        for (name, value, text) in [
            ("lost", 1234.0, "1,234"),
            ("rate", 51234.5, "51,234/s"),
            ("rate", 0.5, "0.5/s"),
            ("e2e.p99", 12_345_678.0, "12.35 ms"),
            ("cpu_per_message", 93.25, "93.2 ns"),
            ("lost.share", 0.004, "4.0e-3 %"),
            ("offered", 99.987, "99.99 %"),
            ("memory", 12_300_000.0, "12.3 MB"),
        ] {
            assert_eq!(Figure::parse(name).unwrap().show(value), text);
        }
    }
}
