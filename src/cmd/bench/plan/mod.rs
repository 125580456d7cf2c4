//! What to do, checked: from the flags, and a scenario file, to a [`Plan`] without impossible
//! combinations.
//!
//! | file | what it is |
//! |---|---|
//! | `group` | clients that do the same; a run is one group or several |
//! | `flags`, `of_run` | single flags of a group, and of the run |
//! | `scenario` | groups from a file |
//! | `topics`, `template` | where they publish, and texts with places to fill in |
//! | `sizes`, `random` | sizes of payloads |
//! | `churn` | when connections leave for a while |
//! | `shard` | which part of the run is for this process, and when it begins |

mod churn;
mod flags;
mod group;
mod of_run;
mod random;
mod scenario;
mod shard;
mod sizes;
mod template;
#[cfg(test)]
mod tests;
mod topics;

use std::time::{Duration, SystemTime};

pub(super) use self::churn::ROLES;
pub(super) use self::group::{Group, Numbers, Payload};
pub(super) use self::random::Random;
pub(super) use self::shard::Shard;
pub(super) use self::template::Values;
pub(super) use self::topics::Topics;

use self::group::Next;
use self::of_run::{
    MAX_DURATION, connect_rate, parse_duration, parse_time, per_second, run_id, run_name, workers,
};
use self::scenario::Typed;
use self::topics::Hears;
use super::stamp;
use crate::cli;
use crate::client::Target;
use crate::cmd::Failure;
use crate::mqtt::QoS;

/// How many times `--drain` nothing may move while there is more to send.
const STALL: u32 = 10;

/// A run, checked.
#[derive(Debug)]
pub(super) struct Plan {
    /// The name of the run.
    pub(super) run: u32,
    /// At least one.
    pub(super) groups: Vec<Group>,
    /// Which clients are in this process.
    pub(super) shard: Shard,
    /// When to begin; `None`: when every connection is there.
    pub(super) start_at: Option<SystemTime>,
    /// Who hears whom: for each group, whether its subscribers hear the publisher with this number.
    heard: Vec<Vec<bool>>,
    /// How long to publish behind the warm-up; `None`: until the count is reached.
    pub(super) duration: Option<Duration>,
    pub(super) warmup: Duration,
    /// Longest silence to wait for messages on their way.
    pub(super) drain: Duration,
    /// Connections to open per second, in all shards together; `None`: as fast as they are taken.
    pub(super) connect_rate: Option<f64>,
    pub(super) workers: usize,
    pub(super) progress: bool,
    /// Whether a broker of our own is the target.
    pub(super) embedded: bool,
    /// Where to serve the figures while it runs.
    pub(super) metrics: Option<String>,
    /// What becomes of the result.
    pub(super) result: cli::BenchResult,
}

/// What all groups of a run have in common.
#[derive(Debug, Clone)]
struct Run {
    id: u32,
    /// In place of what the flags say.
    target: Option<Target>,
}

impl Run {
    /// As it stands in topics and client ids.
    fn name(&self) -> String {
        run_name(self.id)
    }
}

impl Plan {
    /// Checks the flags. `target` takes the place of the broker that they name.
    ///
    /// # Errors
    /// Wrong usage, or a file that cannot be read.
    pub(super) fn new(args: &cli::Bench, target: Option<&Target>) -> Result<Plan, Failure> {
        let (of_run, typed) = match &args.scenario {
            Some(path) => scenario::read(path, args)?,
            None => (Typed::without_file(args), vec![Typed::without_file(args)]),
        };
        let plan = Plan::of(&of_run.flags, &typed, target);
        plan.map_err(|failure| match &args.scenario {
            Some(path) if !failure.message.starts_with(&path.display().to_string()) => {
                of_run.blame(failure)
            }
            _ => failure,
        })
    }

    fn of(flags: &cli::Bench, typed: &[Typed], target: Option<&Target>) -> Result<Plan, Failure> {
        let shard = match &flags.shard {
            Some(text) => Shard::parse(text)?,
            None => Shard::WHOLE,
        };
        let run = Run {
            id: run_id(flags, typed, shard)?,
            target: target.cloned(),
        };
        let has_several = typed.len() > 1;
        let mut next = Next::default();
        let mut groups = Vec::new();
        for (index, typed) in typed.iter().enumerate() {
            let name = typed.name.clone();
            let index = has_several.then_some(index);
            let group = Group::new(&typed.flags, name, index, &run, &mut next);
            groups.push(group.map_err(|failure| typed.blame(failure))?);
        }
        let heard = hearing(&groups)?;
        for (group, typed) in groups.iter_mut().zip(typed) {
            let numbers = group.publishers;
            let is_heard = heard.iter().any(|heard| {
                let first = numbers.first as usize;
                let own = heard.get(first..first + numbers.count as usize);
                own.is_some_and(|own| own.contains(&true))
            });
            group
                .stamp(is_heard)
                .map_err(|failure| typed.blame(failure))?;
        }
        check_shares(&groups)?;
        let connections: u64 = groups.iter().map(Group::connections).sum();
        let mut publishing = groups.iter().filter(|group| group.publishers.count > 0);
        let has_count =
            publishing.clone().next().is_some() && publishing.all(|group| group.count.is_some());
        let needs_ack = groups.iter().any(|group| group.qos > QoS::AtMostOnce);
        let plan = Plan {
            run: run.id,
            shard,
            start_at: match &flags.start_at {
                Some(text) => Some(shard::parse_start(text, SystemTime::now())?),
                None => None,
            },
            heard,
            duration: parse_duration(flags, has_count)?,
            warmup: match &flags.warmup {
                Some(text) => parse_time("--warmup", text)?,
                None => Duration::ZERO,
            },
            drain: match &flags.drain {
                Some(text) => parse_time("--drain", text)?,
                None if needs_ack => Duration::from_secs(5),
                None => Duration::from_secs(1),
            },
            connect_rate: connect_rate(flags, connections)?,
            workers: workers(flags)?,
            progress: !flags.no_progress && !flags.session.quiet,
            embedded: flags.embedded,
            metrics: flags.metrics.clone(),
            result: flags.result.clone(),
            groups,
        };
        plan.check()?;
        Ok(Plan {
            workers: plan.workers.min(plan.connections()).max(1),
            ..plan
        })
    }

    /// The run's name as it stands in topics and client ids.
    pub(super) fn run_name(&self) -> String {
        run_name(self.run)
    }

    /// All connections of this process.
    pub(super) fn connections(&self) -> usize {
        let here = |numbers: Numbers| self.shard.count(numbers.first, numbers.count) as usize;
        let groups = self.groups.iter();
        groups
            .map(|group| here(group.publishers) + here(group.subscribers) + here(group.idle))
            .sum()
    }

    /// Publishers of this process.
    pub(super) fn publishers_here(&self) -> u64 {
        let numbers = self.groups.iter().map(|group| group.publishers);
        numbers
            .map(|numbers| u64::from(self.shard.count(numbers.first, numbers.count)))
            .sum()
    }

    /// How long nothing may move in a run that its count ends.
    pub(super) fn stall(&self) -> Duration {
        let pauses = self.pause().saturating_mul(2);
        pauses.saturating_add(self.drain.saturating_mul(STALL))
    }

    /// The longest time that a rate leaves between two messages.
    pub(super) fn pause(&self) -> Duration {
        let rates = self.groups.iter().filter_map(|group| group.rate);
        let pause = rates.fold(0.0, |longest: f64, rate| longest.max(1.0 / rate));
        Duration::try_from_secs_f64(pause).unwrap_or(Duration::MAX)
    }

    /// Messages that they send until they are done; `None` if only the time ends them.
    pub(super) fn count_here(&self) -> Option<u64> {
        let here = self.groups.iter().flat_map(|group| {
            let Numbers { first, count } = group.publishers;
            let numbers = first..first.saturating_add(count);
            let here = numbers.filter(|number| self.shard.has(*number));
            here.map(|number| group.share(number))
        });
        here.sum()
    }

    /// All publishers of the run.
    pub(super) fn publishers(&self) -> u32 {
        let ends = self.groups.iter().map(|group| {
            let numbers = group.publishers;
            numbers.first.saturating_add(numbers.count)
        });
        ends.max().unwrap_or(0)
    }

    /// The group with this index.
    pub(super) fn group(&self, index: usize) -> &Group {
        // Indices come from the list itself, which is not empty.
        self.groups.get(index).unwrap_or(&self.groups[0])
    }

    /// Whether the subscribers of a group hear a publisher.
    pub(super) fn hears(&self, group: usize, publisher: u32) -> bool {
        let heard = self.heard.get(group);
        heard.is_some_and(|heard| heard.get(publisher as usize) == Some(&true))
    }

    /// Whether there are publishers and subscribers, and none of these hears any of those.
    pub(super) fn is_unheard(&self) -> bool {
        let has = |is: fn(&Group) -> bool| self.groups.iter().any(is);
        has(|group| group.publishers.count > 0)
            && has(|group| group.subscribers.count > 0)
            && !self.heard.iter().flatten().any(|hears| *hears)
    }

    /// Whether a publisher has times to keep.
    #[inline]
    pub(super) fn is_paced(&self, publisher: u32) -> bool {
        self.groups.iter().any(|group| {
            let at = publisher.wrapping_sub(group.publishers.first);
            at < group.publishers.count && group.rate.is_some()
        })
    }

    /// How often each message of a publisher should arrive, in all shards together.
    pub(super) fn fan_out(&self, publisher: u32) -> u64 {
        let groups = self.groups.iter().enumerate();
        groups
            .filter(|(index, _)| self.hears(*index, publisher))
            .map(|(_, group)| match group.is_shared {
                true => u64::from(group.subscribers.count.min(1)),
                false => u64::from(group.subscribers.count),
            })
            .sum()
    }

    fn check(&self) -> Result<(), Failure> {
        let Some(duration) = self.duration else {
            return match self.publishers_here() {
                0 => Err(Failure::usage(
                    "--shard: no publisher is in this shard, so that --count does not end it: give \
                     --duration, or make fewer shards",
                )),
                _ => Ok(()),
            };
        };
        let time = (self.warmup + duration).as_secs_f64();
        for group in &self.groups {
            let each = group.rate.unwrap_or(0.0) / f64::from(group.publishers.count.max(1));
            if each * time > stamp::MAX_MESSAGES as f64 {
                return Err(Failure::usage(format!(
                    "--rate for this --duration makes {:.0} messages of each publisher, and {} is the limit",
                    each * time,
                    stamp::MAX_MESSAGES
                )));
            }
        }
        if self.warmup + duration > MAX_DURATION {
            return Err(Failure::usage(
                "--duration and --warmup take at most 3d together",
            ));
        }
        Ok(())
    }
}

/// Who hears whom; see [`Plan::heard`].
fn hearing(groups: &[Group]) -> Result<Vec<Vec<bool>>, Failure> {
    let mut all = Vec::new();
    for subscribing in groups {
        let mut heard = Vec::new();
        for publishing in groups {
            for client in 0..publishing.publishers.count {
                let hears = match subscribing.subscribers.count {
                    0 => Hears::None,
                    _ => subscribing.hears(publishing, client),
                };
                if hears == Hears::Some {
                    return Err(Failure::usage(format!(
                        "'{}' hears only some of what {} send, so that nobody could tell what is lost",
                        subscribing.filter.escape_debug(),
                        publishing.title()
                    )));
                }
                heard.push(hears == Hears::All);
            }
        }
        all.push(heard);
    }
    Ok(all)
}

/// Two groups with one shared subscription would get some of the messages each.
fn check_shares(groups: &[Group]) -> Result<(), Failure> {
    for (index, group) in groups.iter().enumerate() {
        let is_same =
            |other: &Group| other.subscribers.count > 0 && other.subscription == group.subscription;
        let mut before = groups.iter().take(index);
        if group.is_shared && group.subscribers.count > 0 && before.any(is_same) {
            return Err(Failure::usage(format!(
                "two groups share the subscription '{}': make them one group, or give --share another name",
                group.subscription.escape_debug()
            )));
        }
    }
    Ok(())
}
