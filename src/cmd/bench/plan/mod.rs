//! What to do, checked: from the flags to a [`Plan`] without impossible combinations.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;
use std::time::Duration;

use super::pace::{Pace, Schedule};
use super::stamp;
use crate::cli;
use crate::client::{Options, TopicName};
use crate::cmd::connect::{self, ConnectPlan, Session};
use crate::cmd::publish::parse_qos;
use crate::cmd::{Failure, duration};
use crate::mqtt::QoS;
use crate::mqtt::topic::{self, Quoted};
use crate::mqtt::varint;

const DEFAULT_TOPIC: &str = "midge/bench/{run}/{client}";
const DEFAULT_DURATION: Duration = Duration::from_secs(10);
const DEFAULT_INFLIGHT: u16 = 20;

/// Three days: what fits a stamp is a little more.
const MAX_DURATION: Duration = Duration::from_secs(3 * 86_400);

/// Bytes of a PUBLISH beside topic and payload: their lengths, packet id, no properties.
const PUBLISH_OVERHEAD: u64 = 5;

/// A run, checked.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) connect: ConnectPlan,
    /// The random name of the run.
    pub(super) run: u32,
    pub(super) publishers: u32,
    pub(super) subscribers: u32,
    pub(super) idle: u32,
    /// Messages per second, all publishers together; `None`: as fast as they are taken.
    pub(super) rate: Option<f64>,
    /// Client ids begin with it.
    client_prefix: String,
    /// Bytes of a payload.
    pub(super) size: usize,
    pub(super) count: Option<u64>,
    /// How long to publish behind the warm-up; `None`: until the count is reached.
    pub(super) duration: Option<Duration>,
    pub(super) warmup: Duration,
    /// With `{client}` in it, if each publisher has its own; `{run}` is filled in.
    pub(super) topic: String,
    /// What the subscribers ask for.
    pub(super) filter: String,
    pub(super) qos: QoS,
    /// QoS 1 and 2 messages in flight per publisher.
    pub(super) inflight: u16,
    /// Longest silence to wait for messages on their way.
    pub(super) drain: Duration,
    pub(super) json: bool,
    pub(super) progress: bool,
}

impl Plan {
    /// Checks the flags.
    ///
    /// # Errors
    /// Wrong usage.
    pub(super) fn new(args: &cli::Bench) -> Result<Plan, Failure> {
        let mut connect = ConnectPlan::new(&args.connection, Session::default(), connect::env)?;
        let qos = parse_qos("-q", args.qos)?;
        let run = random();
        let template = args.topic.clone().or_else(|| connect.topic.take());
        check_counts(args, template.is_some())?;
        let topic = template
            .unwrap_or_else(|| DEFAULT_TOPIC.to_owned())
            .replace("{run}", &run_name(run));
        let plan = Plan {
            run,
            // With up to seven digits behind it within the 23 characters that every 3.1 server
            // takes.
            client_prefix: match &args.connection.id {
                Some(id) => id.clone(),
                None => format!("midge-{}", run_name(run)),
            },
            publishers: args.publishers,
            subscribers: args.subscribers,
            idle: args.idle,
            rate: args.rate.as_deref().map(parse_rate).transpose()?,
            size: args.size as usize,
            count: args.count,
            duration: parse_duration(args)?,
            warmup: parse_time("--warmup", &args.warmup)?,
            filter: filter(&topic),
            topic,
            qos,
            inflight: inflight(args, qos)?,
            drain: match (&args.drain, qos) {
                (Some(text), _) => parse_time("--drain", text)?,
                (None, QoS::AtMostOnce) => Duration::from_secs(1),
                (None, QoS::AtLeastOnce | QoS::ExactlyOnce) => Duration::from_secs(5),
            },
            json: args.json,
            progress: !args.no_progress,
            connect,
        };
        plan.check_topics()?;
        plan.check_client_ids()?;
        Ok(plan)
    }

    /// The run's name as it stands in topics and client ids.
    pub(super) fn run_name(&self) -> String {
        run_name(self.run)
    }

    /// All connections.
    pub(super) fn connections(&self) -> usize {
        [self.publishers, self.subscribers, self.idle]
            .iter()
            .map(|&n| n as usize)
            .sum()
    }

    /// How the connection with this number in this role (`p`, `s`, `i`) presents itself.
    pub(super) fn options(&self, role: char, number: u32) -> Options {
        let mut options = self.connect.options.clone();
        let mut connect = (*options.connect).clone();
        connect.client_id = self.client_id(role, number);
        options.connect = Arc::new(connect);
        options
    }

    fn client_id(&self, role: char, number: u32) -> String {
        format!("{}-{role}{number}", self.client_prefix)
    }

    /// Where a publisher publishes.
    ///
    /// # Errors
    /// Wrong usage: no Topic Name comes out of the template.
    pub(super) fn publish_topic(&self, publisher: u32) -> Result<TopicName, Failure> {
        let name = self.topic.replace("{client}", &publisher.to_string());
        TopicName::new(name).map_err(|error| {
            Failure::usage(format!(
                "{} is not a topic to publish to: {error}",
                Quoted(&self.topic)
            ))
        })
    }

    /// A publisher's times.
    pub(super) fn pace(&self, publisher: u32) -> Pace {
        match self.rate {
            None => Pace::Closed,
            Some(rate) => Pace::Open(Schedule::new(rate, publisher, self.publishers)),
        }
    }

    /// A publisher's share of the count.
    pub(super) fn share(&self, publisher: u32) -> Option<u64> {
        let publishers = u64::from(self.publishers.max(1));
        self.count
            .map(|count| count / publishers + u64::from(u64::from(publisher) < count % publishers))
    }

    fn check_topics(&self) -> Result<(), Failure> {
        if self.topic.starts_with("$share/") {
            return Err(Failure::usage(
                "a shared subscription ($share/...) is not a topic to publish to",
            ));
        }
        // The last publisher has the longest topic.
        let longest = self.publish_topic(self.publishers.saturating_sub(1))?;
        let packet = self.size as u64 + longest.as_bytes().len() as u64 + PUBLISH_OVERHEAD;
        if packet > u64::from(varint::MAX) {
            return Err(Failure::usage(format!(
                "--size {} is more than an MQTT packet takes: {} bytes, its topic included",
                self.size,
                varint::MAX
            )));
        }
        topic::check_filter(&self.filter).map_err(|error| {
            Failure::usage(format!(
                "{} is not a topic filter: {error}",
                Quoted(&self.filter)
            ))
        })
    }

    fn check_client_ids(&self) -> Result<(), Failure> {
        let longest = self.client_id('p', u32::MAX).len();
        if longest > usize::from(u16::MAX) {
            return Err(Failure::usage(
                "the client id (-i) leaves no room for the number of the connection: 65535 bytes is the limit",
            ));
        }
        Ok(())
    }
}

fn check_counts(args: &cli::Bench, has_topic: bool) -> Result<(), Failure> {
    let refuse = |sentence: &str| Err(Failure::usage(sentence));
    if args.publishers == 0 {
        if args.subscribers == 0 && args.idle == 0 {
            return refuse("nothing to do: no publishers, no subscribers, no idle connections");
        }
        if args.rate.is_some() || args.count.is_some() {
            return refuse("--rate and --count want a publisher, and --publishers is 0");
        }
        if args.subscribers > 0 && !has_topic {
            return refuse(
                "subscribers without publishers want a topic to listen on: give --topic",
            );
        }
    }
    if args.publishers > stamp::MAX_PUBLISHERS {
        return Err(Failure::usage(format!(
            "--publishers takes at most {}",
            stamp::MAX_PUBLISHERS
        )));
    }
    if args.count.is_some_and(|count| count == 0) {
        return refuse("--count takes 1 or more");
    }
    if args.count.is_some_and(|count| count > stamp::MAX_MESSAGES) {
        return Err(Failure::usage(format!(
            "--count takes at most {}",
            stamp::MAX_MESSAGES
        )));
    }
    if args.publishers > 0 && args.subscribers > 0 && (args.size as usize) < stamp::LEN {
        return Err(Failure::usage(format!(
            "--size {} is too small: run, publisher, number and time of a message take {} bytes of its payload (without subscribers any size will do)",
            args.size,
            stamp::LEN
        )));
    }
    Ok(())
}

fn inflight(args: &cli::Bench, qos: QoS) -> Result<u16, Failure> {
    match (args.inflight, qos) {
        (Some(0), _) => Err(Failure::usage("--inflight takes 1 to 65535")),
        (Some(_), QoS::AtMostOnce) => Err(Failure::usage(
            "--inflight wants acknowledgements, and QoS 0 has none: give -q 1 or -q 2",
        )),
        (Some(inflight), _) => Ok(inflight),
        (None, _) if args.rate.is_some() => Ok(u16::MAX),
        (None, _) => Ok(DEFAULT_INFLIGHT),
    }
}

fn parse_duration(args: &cli::Bench) -> Result<Option<Duration>, Failure> {
    match (&args.duration, args.count) {
        (Some(text), _) => match parse_time("--duration", text)? {
            Duration::ZERO => Err(Failure::usage("--duration takes more than 0")),
            time => Ok(Some(time)),
        },
        (None, Some(_)) => Ok(None),
        (None, None) => Ok(Some(DEFAULT_DURATION)),
    }
}

fn parse_time(flag: &str, text: &str) -> Result<Duration, Failure> {
    let time = duration::parse(flag, text)?;
    match time > MAX_DURATION {
        true => Err(Failure::usage(format!("{flag} takes at most 3d"))),
        false => Ok(time),
    }
}

/// Messages per second: `1000`, `0.5`, `50k`, `1.5M`.
fn parse_rate(text: &str) -> Result<f64, Failure> {
    let text = text.trim_end_matches("/s");
    let (number, scale) = match text.strip_suffix(['k', 'K']) {
        Some(number) => (number, 1e3),
        None => match text.strip_suffix('M') {
            Some(number) => (number, 1e6),
            None => (text, 1.0),
        },
    };
    let rate = number.parse::<f64>().map(|number| number * scale);
    match rate {
        // From one message in three days to one each ns.
        Ok(rate) if (1.0 / MAX_DURATION.as_secs_f64()..=1e9).contains(&rate) => Ok(rate),
        _ => Err(Failure::usage(format!(
            "--rate takes messages per second as in 1000, 0.5, 50k or 1.5M, not '{}'",
            text.escape_debug()
        ))),
    }
}

/// What receives every publisher's messages: `+` in place of a level with `{client}`.
fn filter(topic: &str) -> String {
    let levels = topic.split('/').map(|level| match level {
        level if level.contains("{client}") => "+",
        level => level,
    });
    levels.collect::<Vec<_>>().join("/")
}

fn run_name(run: u32) -> String {
    format!("{run:08x}")
}

/// The standard library seeds its hashers from the system's random numbers.
fn random() -> u32 {
    let mut hasher = RandomState::new().build_hasher();
    hasher.write_u32(std::process::id());
    hasher.finish() as u32
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    fn plan(args: &str) -> Result<Plan, Failure> {
        let words = ["midge", "bench"]
            .into_iter()
            .chain(args.split_whitespace());
        match cli::Cli::try_parse_from(words).unwrap().command {
            cli::Command::Bench(args) => Plan::new(&args),
            _ => unreachable!("the word is bench"),
        }
    }

    #[test]
    fn defaults() {
        let plan = plan("").unwrap();
        assert_eq!((plan.publishers, plan.subscribers, plan.idle), (1, 1, 0));
        assert_eq!(plan.duration, Some(Duration::from_secs(10)));
        assert_eq!(plan.inflight, 20);
        let run = plan.run_name();
        assert_eq!(plan.filter, format!("midge/bench/{run}/+"));
        assert_eq!(
            plan.publish_topic(7).unwrap().as_str(),
            format!("midge/bench/{run}/7")
        );
    }

    #[test]
    fn a_count_alone_has_no_time() {
        assert_eq!(plan("--count 7").unwrap().duration, None);
        let both = plan("--count 7 --duration 2").unwrap();
        assert_eq!(both.duration, Some(Duration::from_secs(2)));
    }

    #[test]
    fn the_count_is_shared_out() {
        let plan = plan("--count 11 --publishers 4").unwrap();
        let shares = [0, 1, 2, 3].map(|publisher| plan.share(publisher));
        assert_eq!(shares, [Some(3), Some(3), Some(3), Some(2)]);
    }

    #[test]
    fn a_level_with_the_client_becomes_a_wildcard() {
        for (topic, expected) in [
            ("a/b", "a/b"),
            ("a/{client}", "a/+"),
            ("a/x{client}y/b", "a/+/b"),
            ("{client}", "+"),
        ] {
            assert_eq!(filter(topic), expected);
        }
    }

    #[test]
    fn rates() {
        for (text, rate) in [
            ("1000", 1000.0),
            ("0.5", 0.5),
            ("50k", 5e4),
            ("1.5M/s", 1.5e6),
        ] {
            assert_eq!(parse_rate(text), Ok(rate), "{text}");
        }
        for bad in ["", "0", "-1", "k", "1x", "inf", "NaN", "1e300"] {
            assert!(parse_rate(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn impossible_combinations_are_one_sentence() {
        for (args, part) in [
            ("--publishers 0 --subscribers 0", "nothing to do"),
            ("--publishers 0 --rate 5 --topic a", "--publishers is 0"),
            ("--publishers 0 --count 5 --topic a", "--publishers is 0"),
            ("--publishers 0", "give --topic"),
            ("--size 17", "take 18 bytes"),
            ("--size 268435455", "more than an MQTT packet takes"),
            ("--count 0", "--count takes 1 or more"),
            ("--duration 0", "--duration takes more than 0"),
            ("--duration 4d", "--duration takes at most 3d"),
            ("-q 3", "QoS of 0, 1 or 2"),
            ("-q 2 --inflight 0", "--inflight takes 1 to 65535"),
            ("--inflight 5", "QoS 0 has none"),
            ("--topic a/#", "not a topic to publish to"),
            ("--topic $share/a/b", "shared subscription"),
            ("--publishers 16777217", "--publishers takes at most"),
        ] {
            let failure = plan(args).unwrap_err();
            assert_eq!(failure.exit.code(), 2, "{args}");
            assert!(failure.message.contains(part), "{args}: {failure}");
        }
    }

    #[test]
    fn without_subscribers_any_size_will_do() {
        assert_eq!(plan("--subscribers 0 --size 0").unwrap().size, 0);
    }
}
