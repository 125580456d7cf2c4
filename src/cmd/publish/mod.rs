//! `midge pub`: publishes, and ends when the broker has acknowledged everything.

mod line;
mod lines;
mod pace;
mod payload;
mod run;
mod source;
mod tally;

use std::sync::Arc;
use std::time::Duration;

use self::line::LineReader;
use self::pace::Pace;
use self::payload::Codings;
use self::run::{Run, Work};
use self::source::{Input, Source};
pub(super) use self::source::{read_file, read_stdin};
use super::connect::{self, ConnectPlan};
use super::signals::{Signals, time_over};
use super::{Exit, Failure, duration, mosquitto, rate};
use crate::cli;
use crate::client::{PublishError, TopicName};
use crate::mqtt::topic::Quoted;
use crate::mqtt::{QoS, ReasonCode};

/// Messages of QoS 1 and 2 on their way at once, without -M: enough for a far broker, and few
/// enough to stay in the processor's cache, which halves the time of each.
const MAX_INFLIGHT: u16 = 4000;

/// The same where QoS 2 may be among them and the broker says nothing of what it takes: some keep
/// few messages that are not released (mosquitto 100, or less), and hang up on more.
const MAX_UNRELEASED: u16 = 20;

/// What to publish, checked.
#[derive(Debug)]
struct Plan {
    connect: ConnectPlan,
    /// For messages that name none themselves.
    topics: Vec<TopicName>,
    qos: QoS,
    retain: bool,
    source: Source,
    codings: Codings,
    repeat: u64,
    repeat_delay: Duration,
    pace: Option<Pace>,
    wait: Option<Duration>,
    progress: bool,
}

impl Plan {
    fn new(args: &cli::Publish) -> Result<Plan, Failure> {
        let mut connect =
            ConnectPlan::for_client(&args.connection, &args.session, &args.reconnect)?;
        let options = Arc::make_mut(&mut connect.options.connect);
        if connect.program == cli::Program::Midge {
            options.topic_aliases = true;
            let may_be_qos_2 = args.qos == 2 || args.json_lines;
            if options.max_inflight.is_none() && may_be_qos_2 {
                options.max_inflight_unannounced = Some(MAX_UNRELEASED);
            }
            options.max_inflight.get_or_insert(MAX_INFLIGHT);
        }
        let source = Source::new(args)?;
        let is_midge = connect.program == cli::Program::Midge;
        if matches!(source, Source::Lines(..)) && args.repeat != 1 && is_midge {
            return Err(Failure::usage("--repeat has no meaning with lines"));
        }
        Ok(Plan {
            topics: topics(args, &source, connect.topic.take())?,
            connect,
            qos: parse_qos("-q", args.qos)?,
            retain: args.retain,
            source,
            codings: Codings::new(args)?,
            repeat: args.repeat,
            repeat_delay: duration::parse("--repeat-delay", &args.repeat_delay)?,
            pace: match &args.rate {
                Some(text) => Some(Pace::new(rate::parse_interval("--rate", text)?)),
                None => None,
            },
            wait: match &args.timeout {
                Some(text) => Some(duration::parse("-W", text)?),
                None => None,
            },
            progress: !args.no_progress && !args.connection.debug,
        })
    }

    fn is_midge(&self) -> bool {
        self.connect.program == cli::Program::Midge
    }

    /// Whether messages go to more than one topic.
    fn has_many_topics(&self) -> bool {
        self.topics.len() != 1
            || matches!(self.source, Source::Lines(form, _) if form != line::Form::Payload)
    }

    /// What there is to do. Read before there is a connection: a file that cannot be read needs
    /// none.
    fn work(&self) -> Result<Work, Failure> {
        Ok(match self.source.open()? {
            Input::Payload(payload) => {
                if !self.is_midge() {
                    let is_stdin = matches!(self.source, Source::Stdin);
                    mosquitto::check_stdin(is_stdin, Some(&payload))?;
                }
                let exit = match &self.source {
                    Source::Message(_) => Exit::Usage,
                    _ => Exit::Io,
                };
                Work::Repeat(match &self.source {
                    Source::Null => payload,
                    _ => self
                        .codings
                        .apply(payload)
                        .map_err(|error| Failure::new(exit, error.to_string()))?,
                })
            }
            Input::Lines(form, input) => {
                let reader = LineReader::new(form, self.codings, input.name.clone());
                Work::Lines(reader, input)
            }
        })
    }
}

/// -t, or the topic of the URL.
fn topics(
    args: &cli::Publish,
    source: &Source,
    of_url: Option<String>,
) -> Result<Vec<TopicName>, Failure> {
    if source.has_topics() {
        return match args.topic.is_empty() {
            true => Ok(Vec::new()),
            false => Err(Failure::usage(
                "with --lines-with-topic every line has its topic: leave -t out",
            )),
        };
    }
    let given = match (args.topic.is_empty(), of_url) {
        (true, Some(topic)) => vec![topic],
        _ => args.topic.clone(),
    };
    if given.is_empty() && !args.json_lines {
        return Err(Failure::usage("no topic to publish to: give -t"));
    }
    let check = |topic: String| {
        TopicName::new(topic.clone()).map_err(|error| {
            Failure::usage(format!(
                "{} is not a topic to publish to: {error}",
                Quoted(&topic)
            ))
        })
    };
    given.into_iter().map(check).collect()
}

/// The QoS behind -q, or another flag.
///
/// # Errors
/// Wrong usage.
pub(super) fn parse_qos(flag: &str, level: u8) -> Result<QoS, Failure> {
    QoS::from_u8(level)
        .ok_or_else(|| Failure::usage(format!("{flag} takes a QoS of 0, 1 or 2, not {level}")))
}

/// Runs the subcommand.
///
/// # Errors
/// One sentence and an exit code.
pub fn run(args: &cli::Publish) -> Result<Exit, Failure> {
    let plan = Plan::new(args)?;
    connect::runtime()?.block_on(publish(plan))
}

async fn publish(plan: Plan) -> Result<Exit, Failure> {
    let work = plan.work()?;
    // One message is out before anybody could interrupt it.
    let mut signals = match matches!(work, Work::Lines(..)) || plan.repeat > 1 {
        true => Some(Signals::new()?),
        false => None,
    };
    let stop = async {
        match &mut signals {
            Some(signals) => signals.recv_within(plan.wait).await,
            None => time_over(plan.wait).await,
        }
    };
    let mut stop = std::pin::pin!(stop);
    let client = tokio::select! {
        biased;
        exit = &mut stop => return Ok(exit),
        client = plan.connect.connect() => client?,
    };
    let mut run = Run::new(&plan, client, &work);
    let result = tokio::select! {
        biased;
        exit = &mut stop => Ok(exit),
        result = run.work(work) => result.map(|()| Exit::Done),
    };
    run.end_progress();
    let left = run
        .client
        .disconnect(ReasonCode::SUCCESS, plan.connect.farewell.as_properties())
        .await;
    let exit = result?;
    match exit {
        Exit::Done => {
            run.verdict()?;
            left.map_err(|lost| run.lost(&lost))?;
        }
        Exit::TimeOver if run.client.in_flight() > 0 => return Err(run.unanswered()),
        _ => {}
    }
    Ok(exit)
}

/// The sentence and the exit code for a message that cannot be sent.
pub(super) fn publish_failure(error: &PublishError, topic: &str) -> Failure {
    let exit = error.reason().map_or(Exit::Usage, Exit::Refused);
    let topic = Quoted(topic);
    Failure::new(exit, format!("cannot publish to {topic}: {error}"))
}
