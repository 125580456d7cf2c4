//! Several results as one.

use std::collections::BTreeMap;

use super::outcome::{Asked, Measured, Outcome, Part};

/// Two results that cannot be added: they may have messages in common.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.sentence())]
pub struct Overlap {
    run: String,
    /// Index and number of shards of either.
    shards: [Option<(u32, u32)>; 2],
    /// They are different shards, but of different loads.
    is_apart: bool,
}

impl Overlap {
    fn of(a: &Part, b: &Part) -> Option<Overlap> {
        if a.run != b.run {
            return None;
        }
        let is_apart = match (a.shard, b.shard) {
            (Some(a), Some(b)) => a.of == b.of && a.index != b.index,
            _ => false,
        };
        let is_other_load = !is_same_load(&a.asked, &b.asked);
        (!is_apart || is_other_load).then(|| Overlap {
            run: a.run.clone(),
            shards: [a, b].map(|part| part.shard.map(|shard| (shard.index, shard.of))),
            is_apart,
        })
    }

    fn sentence(&self) -> String {
        let name = |shard: Option<(u32, u32)>| match shard {
            Some((index, of)) => format!("shard {index}/{of}"),
            None => "the whole".to_owned(),
        };
        let run = self.run.escape_debug();
        match self.shards {
            [a, b] if self.is_apart => format!(
                "{} and {} of run {run} were asked for different loads",
                name(a),
                name(b)
            ),
            [None, None] => format!("run {run} is in both"),
            [a, b] if a == b => format!("{} of run {run} is in both", name(a)),
            [a, b] => format!("one has {} of run {run}, the other {}", name(a), name(b)),
        }
    }
}

/// Whether shards of these have the same clients and messages to divide among them. Where the broker
/// is may differ, and what it allows.
fn is_same_load(a: &Asked, b: &Asked) -> bool {
    let load = |asked: &Asked| {
        let mut groups = asked.groups.clone();
        for group in &mut groups {
            group.inflight = None;
        }
        (asked.count, asked.warmup_ns, asked.duration_ns, groups)
    };
    load(a) == load(b)
}

impl Outcome {
    /// Adds another result, exactly: counts and histograms add, the seconds of the series by the
    /// time of day.
    ///
    /// # Errors
    /// If both have the same shard, or the same run, or shards that divide a run differently or were
    /// asked for different loads; then nothing is added.
    pub fn merge(&mut self, other: &Outcome) -> Result<(), Overlap> {
        let pairs = self.parts.iter();
        let mut overlaps = pairs.flat_map(|own| other.parts.iter().map(move |part| (own, part)));
        if let Some(overlap) = overlaps.find_map(|(own, part)| Overlap::of(own, part)) {
            return Err(overlap);
        }
        let before = [self.group_offsets(), other.group_offsets()];
        self.parts.extend_from_slice(&other.parts);
        self.sort_parts();
        let after = self.group_offsets();
        let [own, others] = before.map(|before| Moved::new(&before, &after));
        own.apply(&mut self.measured);
        let mut measured = other.measured.clone();
        others.apply(&mut measured);
        self.measured.add(&measured);
        let has_shards = self.parts.iter().any(|part| part.shard.is_some());
        if has_shards && self.missing_shards().is_empty() {
            self.measured.settle();
        }
        Ok(())
    }

    /// Where each run's groups begin in [`groups`](Self::groups), and how many they are.
    fn group_offsets(&self) -> BTreeMap<String, (u32, u32)> {
        let mut next = 0u32;
        let runs = self.parts.chunk_by(|a, b| a.run == b.run);
        let offsets = runs.filter_map(|parts| {
            let first = parts.first()?;
            let count = u32::try_from(first.asked.groups.len()).unwrap_or(u32::MAX);
            let offset = next;
            next = next.saturating_add(count);
            Some((first.run.clone(), (offset, count)))
        });
        offsets.collect()
    }

    /// In the order that [`asked`](Self::asked) counts on.
    pub(super) fn sort_parts(&mut self) {
        let key = |part: &Part| (part.run.clone(), part.shard, part.began_ns);
        self.parts.sort_by_key(key);
    }

    /// Shards of one of its runs that it has two of, or that do not divide it alike.
    pub(super) fn overlap(&self) -> Option<Overlap> {
        let pairs = self.parts.windows(2);
        pairs
            .filter_map(|pair| pair.first().zip(pair.last()))
            .find_map(|(a, b)| Overlap::of(a, b))
    }

    /// Shards that are not in it: the run, which ones, and of how many.
    pub fn missing_shards(&self) -> Vec<(&str, Vec<u32>, u32)> {
        let runs = self.parts.chunk_by(|a, b| a.run == b.run);
        let missing = runs.filter_map(|parts| {
            let first = parts.first()?;
            let of = first.shard?.of;
            let has = |index: u32| {
                let mut shards = parts.iter().filter_map(|part| part.shard);
                shards.any(|shard| shard.index == index)
            };
            // No more than can be told.
            let missing: Vec<u32> = (0..of).filter(|&index| !has(index)).take(10).collect();
            (!missing.is_empty()).then_some((first.run.as_str(), missing, of))
        });
        missing.collect()
    }
}

/// Groups that have other numbers beside those of more runs: first number, how many, how far.
struct Moved(Vec<(u32, u32, u32)>);

impl Moved {
    fn new(before: &BTreeMap<String, (u32, u32)>, after: &BTreeMap<String, (u32, u32)>) -> Moved {
        let moved = before.iter().filter_map(|(run, &(first, count))| {
            let (now, _) = after.get(run)?;
            Some((first, count, now.saturating_sub(first)))
        });
        Moved(moved.collect())
    }

    fn apply(&self, measured: &mut Measured) {
        for subscriber in &mut measured.subscribers {
            let group = subscriber.group;
            let of = |(first, count, _): &&(u32, u32, u32)| {
                (*first..first.saturating_add(*count)).contains(&group)
            };
            if let Some((_, _, by)) = self.0.iter().find(of) {
                subscriber.group = group.saturating_add(*by);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{Coarse, Coarsened, Group, Limit, Row, Series, Shard, Subscriber};
    use super::super::{read_file, write_file};
    use super::*;

    /// Something that happens in a run.
    #[derive(Debug, Clone)]
    enum Happening {
        Sent { qos: usize, lateness: u64 },
        Acked { qos: usize, second: i64, ns: u64 },
        Arrived { qos: usize, second: i64, ns: u64 },
        Connected { ns: u64 },
        Refused { code: u8 },
        Failed { what: u8 },
        Limited { what: u8 },
    }

    fn happenings() -> impl Strategy<Value = Vec<Happening>> {
        let (qos, second, ns) = (|| 0..3usize, || 0..5i64, || 0..2_000_000_000u64);
        let one = prop_oneof![
            (qos(), ns()).prop_map(|(qos, lateness)| Happening::Sent { qos, lateness }),
            (1..3usize, second(), ns()).prop_map(|(qos, second, ns)| Happening::Acked {
                qos,
                second,
                ns
            }),
            (qos(), second(), ns()).prop_map(|(qos, second, ns)| Happening::Arrived {
                qos,
                second,
                ns
            }),
            ns().prop_map(|ns| Happening::Connected { ns }),
            (0x80..0x84u8).prop_map(|code| Happening::Refused { code }),
            (0..3u8).prop_map(|what| Happening::Failed { what }),
            (0..3u8).prop_map(|what| Happening::Limited { what }),
        ];
        prop::collection::vec(one, 0..120)
    }

    /// As an engine would count them.
    fn measure<'h>(happenings: impl Iterator<Item = &'h Happening>) -> Measured {
        let mut measured = Measured::default();
        let mut seconds: std::collections::BTreeMap<i64, [(Coarse, u64); 2]> = Default::default();
        for happening in happenings {
            match *happening {
                Happening::Sent { qos, lateness } => {
                    measured.qos[qos].sent += 1;
                    measured.qos[qos].sent_bytes += 64;
                    measured.latencies.lateness.record(lateness);
                    measured.cpu_ns += 93;
                }
                Happening::Acked { qos, second, ns } => {
                    measured.qos[qos].acknowledged += 1;
                    let pair = match qos {
                        1 => &mut measured.latencies.ack_qos1,
                        _ => &mut measured.latencies.ack_qos2,
                    };
                    pair.corrected.record(ns);
                    pair.uncorrected.record(ns / 2);
                    let [(ack, max), _] = seconds.entry(second).or_default();
                    ack.record(ns);
                    *max = ns.max(*max);
                    measured.series.rows.entry(second).or_default().acknowledged += 1;
                }
                Happening::Arrived { qos, second, ns } => {
                    measured.qos[qos].received += 1;
                    measured.latencies.e2e.corrected.record(ns);
                    let [_, (e2e, max)] = seconds.entry(second).or_default();
                    e2e.record(ns);
                    *max = ns.max(*max);
                    measured.series.rows.entry(second).or_default().received += 1;
                }
                Happening::Connected { ns } => {
                    measured.connections += 1;
                    measured.latencies.connect.corrected.record(ns);
                }
                Happening::Refused { code } => measured.refuse("PUBACK", code, "no", 1),
                Happening::Failed { what } => {
                    *measured.errors.entry(what.to_string()).or_default() += 1;
                }
                Happening::Limited { what } => {
                    measured.limits.insert(Limit {
                        what: what.to_string(),
                        sentence: String::new(),
                    });
                }
            }
        }
        for (second, [ack, e2e]) in seconds {
            let row: &mut Row = measured.series.rows.entry(second).or_default();
            row.ack = Coarsened::new(&ack.0, ack.1);
            row.e2e = Coarsened::new(&e2e.0, e2e.1);
        }
        measured
    }

    fn part(run: &str, shard: Option<(u32, u32)>) -> Part {
        Part {
            run: run.to_owned(),
            shard: shard.map(|(index, of)| Shard { index, of }),
            ..Part::default()
        }
    }

    fn outcome(run: &str, shard: Option<(u32, u32)>) -> Outcome {
        Outcome {
            parts: vec![part(run, shard)],
            measured: Measured::default(),
        }
    }

    proptest! {
        /// Whoever measured what, and in whatever order the parts are merged.
        #[test]
        fn parts_are_the_whole(
            happenings in happenings(),
            owners in prop::collection::vec(0..4usize, 120),
            order in Just([0usize, 1, 2, 3]).prop_shuffle(),
        ) {
            let whole = measure(happenings.iter());
            let of = |owner: usize| {
                let own = happenings.iter().zip(&owners).filter(move |(_, o)| **o == owner);
                Outcome {
                    parts: vec![part("r", Some((owner as u32, 4)))],
                    measured: measure(own.map(|(happening, _)| happening)),
                }
            };
            let mut merged = Outcome::default();
            for owner in order {
                merged.merge(&of(owner)).unwrap();
            }
            prop_assert_eq!(&merged.measured, &whole);
            let indexes: Vec<u32> =
                merged.parts.iter().filter_map(|p| Some(p.shard?.index)).collect();
            prop_assert_eq!(indexes, [0, 1, 2, 3]);
            prop_assert_eq!(merged.missing_shards(), []);
            let mut file = Vec::new();
            write_file(&mut file, &merged).unwrap();
            prop_assert_eq!(read_file(&file).unwrap(), merged);
        }
    }

    #[test]
    fn what_is_in_both_is_refused() {
        for (a, b, sentence) in [
            (("r", None), ("r", None), "run r is in both"),
            (
                ("r", Some((2, 4))),
                ("r", Some((2, 4))),
                "shard 2/4 of run r is in both",
            ),
            (
                ("r", Some((1, 4))),
                ("r", Some((0, 2))),
                "one has shard 1/4 of run r, the other shard 0/2",
            ),
            (
                ("r", None),
                ("r", Some((1, 2))),
                "one has the whole of run r, the other shard 1/2",
            ),
        ] {
            let mut own = outcome(a.0, a.1);
            let before = own.clone();
            let overlap = own.merge(&outcome(b.0, b.1)).unwrap_err();
            assert_eq!(overlap.to_string(), sentence);
            assert_eq!(own, before);
        }
        let mut own = outcome("r", Some((1, 4)));
        own.merge(&outcome("s", Some((1, 4)))).unwrap();
        own.merge(&outcome("r", Some((3, 4)))).unwrap();
        assert_eq!(
            own.merge(&own.clone()).unwrap_err().to_string(),
            "shard 1/4 of run r is in both"
        );
        assert_eq!(
            own.missing_shards(),
            [("r", vec![0, 2], 4), ("s", vec![0, 2, 3], 4)]
        );
    }

    #[test]
    fn spans_reach_from_the_first_to_the_last() {
        let mut early = outcome("a", None);
        early.parts[0].began_ns = 10_000_000_000;
        early.parts[0].sending_ns = 5_000_000_000;
        early.parts[0].receiving_ns = 5_000_000_001;
        let mut late = outcome("b", None);
        late.parts[0].began_ns = 12_000_000_000;
        late.parts[0].sending_ns = 4_000_000_000;
        early.merge(&late).unwrap();
        assert_eq!(early.began_ns(), 10_000_000_000);
        assert_eq!(early.sending_ns(), 6_000_000_000);
        assert_eq!(early.receiving_ns(), 5_000_000_001);
        assert_eq!(Series::first_second(early.began_ns()), 10);
    }

    /// A subscriber of one run is none of another, and the same in all shards of its own.
    #[test]
    fn subscribers_are_those_of_their_runs() {
        let with = |run: &str, shard, groups: usize, subscribers: &[(u32, u32, u64)]| {
            let mut outcome = outcome(run, shard);
            outcome.parts[0].asked.groups = vec![Group::default(); groups];
            let subscriber = |&(group, number, received): &(u32, u32, u64)| Subscriber {
                group,
                number,
                expected: 10,
                received,
                ..Subscriber::default()
            };
            outcome.measured.subscribers = subscribers.iter().map(subscriber).collect();
            outcome
        };
        let parts = [
            with("b", Some((0, 2)), 2, &[(0, 0, 3), (1, 1, 0)]),
            with("a", None, 1, &[(0, 0, 10)]),
            with("c", None, 1, &[(0, 1, 9)]),
            with("b", Some((1, 2)), 2, &[(0, 0, 0), (1, 1, 20)]),
        ];
        for order in [[0, 1, 2, 3], [3, 2, 1, 0], [1, 3, 0, 2]] {
            let mut sum = Outcome::default();
            for at in order {
                sum.merge(&parts[at]).unwrap();
            }
            let all = sum.measured.subscribers.iter();
            let all: Vec<_> = all
                .map(|s| (s.group, s.number, s.received, s.lost))
                .collect();
            // Group 0 is of run a, 1 and 2 are of b, 3 is of c.
            let expected = [(0, 0, 10, 0), (1, 0, 3, 17), (2, 1, 20, 0), (3, 1, 9, 1)];
            assert_eq!(all, expected, "{order:?}");
            assert_eq!(sum.groups().count(), 4);
        }
    }
}
