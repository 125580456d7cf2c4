//! `midge pub`: publishes, and ends when the broker has acknowledged everything.

mod lines;
mod source;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

pub(super) use self::source::Source;
use super::connect::{self, ConnectPlan};
use super::signals::Signals;
use super::{Exit, Failure, duration, mosquitto, note};
use crate::cli;
use crate::client::{Engine, Event, Lost, Publication, PublishError, TopicName};
use crate::mqtt::topic::Quoted;
use crate::mqtt::{PacketType, QoS, ReasonCode};

/// Bytes that are collected before they are sent, where more are to come.
const BATCH: usize = 64 * 1024;

/// What to publish, checked.
#[derive(Debug)]
struct Plan {
    connect: ConnectPlan,
    topic: TopicName,
    qos: QoS,
    retain: bool,
    source: Source,
    repeat: u64,
    repeat_delay: Duration,
    wait: Option<Duration>,
    quiet: bool,
}

impl Plan {
    fn new(args: &cli::Publish) -> Result<Plan, Failure> {
        let mut connect =
            ConnectPlan::for_client(&args.connection, &args.session, &args.reconnect)?;
        let is_midge = connect.program == cli::Program::Midge;
        Arc::make_mut(&mut connect.options.connect).topic_aliases = is_midge;
        let topic = args
            .topic
            .clone()
            .or_else(|| connect.topic.take())
            .ok_or_else(|| Failure::usage("no topic to publish to: give -t"))?;
        let topic = TopicName::new(topic.clone()).map_err(|error| {
            Failure::usage(format!(
                "{} is not a topic to publish to: {error}",
                Quoted(&topic)
            ))
        })?;
        let source = Source::new(args)?;
        if matches!(source, Source::Lines) && args.repeat != 1 {
            return Err(Failure::usage("--repeat has no meaning with -l"));
        }
        Ok(Plan {
            connect,
            topic,
            qos: parse_qos("-q", args.qos)?,
            retain: args.retain,
            source,
            quiet: args.session.quiet,
            repeat: args.repeat,
            repeat_delay: duration::parse("--repeat-delay", &args.repeat_delay)?,
            wait: match &args.timeout {
                Some(text) => Some(duration::parse("-W", text)?),
                None => None,
            },
        })
    }
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
    // Input first: a file that cannot be read needs no connection.
    let payload = plan.source.read()?;
    if plan.connect.program != cli::Program::Midge {
        mosquitto::check_stdin(matches!(plan.source, Source::Stdin), payload.as_deref())?;
    }
    // One message is out before anybody could interrupt it.
    let mut signals = match payload.is_none() || plan.repeat > 1 {
        true => Some(Signals::new()?),
        false => None,
    };
    let stop = async {
        let signal = async {
            match &mut signals {
                Some(signals) => signals.recv().await,
                None => std::future::pending().await,
            }
        };
        let time_over = async {
            match plan.wait {
                Some(wait) => tokio::time::sleep(wait).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            exit = signal => exit,
            () = time_over => Exit::TimeOver,
        }
    };
    let mut stop = std::pin::pin!(stop);
    let client = tokio::select! {
        biased;
        exit = &mut stop => return Ok(exit),
        client = plan.connect.connect() => client?,
    };
    let mut run = Run {
        plan: &plan,
        client,
        sent: 0,
        acknowledged: 0,
        refused: 0,
        first_refusal: None,
    };
    let result = tokio::select! {
        biased;
        exit = &mut stop => Ok(exit),
        result = run.work(payload) => result.map(|()| Exit::Done),
    };
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

/// A connection and what it has sent.
struct Run<'p> {
    plan: &'p Plan,
    client: Engine,
    sent: u64,
    acknowledged: u64,
    refused: u64,
    first_refusal: Option<(ReasonCode, Option<String>)>,
}

impl Run<'_> {
    /// Sends everything and waits for every acknowledgement. `payload` is the one message, or
    /// `None` if stdin has one per line.
    async fn work(&mut self, payload: Option<Bytes>) -> Result<(), Failure> {
        match payload {
            Some(payload) => self.send_repeatedly(&payload).await?,
            None => self.send_lines().await?,
        }
        while self.client.in_flight() > 0 {
            self.handle_next_event().await?;
        }
        self.flush().await
    }

    async fn send_repeatedly(&mut self, payload: &Bytes) -> Result<(), Failure> {
        let delay = self.plan.repeat_delay;
        for i in 0..self.plan.repeat {
            if i > 0 && !delay.is_zero() {
                let mut pause = std::pin::pin!(tokio::time::sleep(delay));
                loop {
                    tokio::select! {
                        () = &mut pause => break,
                        event = self.client.next_event() => self.handle(event)?,
                    }
                }
            }
            self.send(payload.clone()).await?;
        }
        Ok(())
    }

    async fn send_lines(&mut self) -> Result<(), Failure> {
        let mut chunks = lines::read();
        loop {
            tokio::select! {
                biased;
                chunk = chunks.recv() => match chunk {
                    Some(chunk) => {
                        let chunk = chunk?;
                        for line in lines::split(&chunk) {
                            self.send(line).await?;
                        }
                    }
                    None => return Ok(()),
                },
                event = self.client.next_event() => self.handle(event)?,
            }
        }
    }

    /// Sends one message, as soon as the broker takes it.
    async fn send(&mut self, payload: Bytes) -> Result<(), Failure> {
        let plan = self.plan;
        let mut publication = Publication::new(plan.topic.clone(), payload, plan.qos);
        // mosquitto_pub sends the message as an ordinary one.
        let refuses_retain = plan.connect.program != cli::Program::Midge
            && !self.client.connected().limits.retain_available;
        publication.retain = plan.retain && !refuses_retain;
        publication
            .properties
            .clone_from(plan.connect.packets.of(PacketType::PUBLISH));
        loop {
            match self.client.publish(publication) {
                Ok(_) => break,
                Err(PublishError::QuotaFull(back)) => {
                    publication = *back;
                    // One message for each acknowledgement. Waiting for several would meet brokers
                    // without TCP_NODELAY (mosquitto): their next PUBACK waits for our TCP ACK,
                    // which the system delays by 40 ms where no data goes back with it.
                    if let Some(event) = self.client.wait_for_room().await.transpose() {
                        self.handle(event)?;
                    }
                }
                // `next_event` knows why.
                Err(PublishError::NotConnected(back)) => {
                    publication = *back;
                    self.handle_next_event().await?;
                }
                Err(error) if plan.connect.program != cli::Program::Midge => {
                    return Err(mosquitto::strerror(&error));
                }
                Err(error) => return Err(publish_failure(&error, &plan.topic)),
            }
        }
        self.sent += 1;
        if plan.qos == QoS::AtMostOnce {
            plan.connect
                .debug(format_args!("published to {}", Quoted(plan.topic.as_str())));
        }
        if self.client.unsent() >= BATCH {
            self.flush().await?;
        }
        Ok(())
    }

    async fn flush(&mut self) -> Result<(), Failure> {
        while self.client.flush().await.is_err() {
            // Ends with the reason, or goes on with another connection.
            self.handle_next_event().await?;
        }
        Ok(())
    }

    async fn handle_next_event(&mut self) -> Result<(), Failure> {
        let event = self.client.next_event().await;
        self.handle(event)
    }

    fn handle(&mut self, event: Result<Event, Lost>) -> Result<(), Failure> {
        match event {
            Ok(Event::Published { token, reason, .. })
                if reason.is_error() && self.plan.connect.program != cli::Program::Midge =>
            {
                if !self.plan.quiet {
                    mosquitto::say(&mosquitto::publish_warning(token.0, reason));
                }
                Ok(())
            }
            Ok(Event::Published {
                reason,
                reason_string,
                ..
            }) => {
                self.plan
                    .connect
                    .debug(format_args!("acknowledged: {reason}"));
                if reason.is_error() {
                    self.refused += 1;
                    self.first_refusal.get_or_insert((reason, reason_string));
                } else {
                    self.acknowledged += 1;
                }
                Ok(())
            }
            Ok(event) => {
                self.plan.connect.tell(&event);
                let is_lost = matches!(event, Event::Retrying { .. });
                if is_lost && self.plan.qos == QoS::AtMostOnce && self.client.unsent() > 0 {
                    note("messages of QoS 0 that were on their way are lost");
                }
                Ok(())
            }
            Err(lost) => Err(self.lost(&lost)),
        }
    }

    /// Everything was sent and answered: did the broker take it?
    fn verdict(&self) -> Result<(), Failure> {
        let Some((reason, reason_string)) = &self.first_refusal else {
            return Ok(());
        };
        let topic = Quoted(self.plan.topic.as_str());
        let says = match reason_string {
            Some(text) => format!(", it says '{}'", text.escape_debug()),
            None => String::new(),
        };
        let what = match (self.refused, self.sent) {
            (_, 1) => format!("the message to {topic}: {reason}"),
            (1, all) => format!("1 of {all} messages to {topic}: {reason}"),
            (n, all) => format!("{n} of {all} messages to {topic}, the first with {reason}"),
        };
        Err(Failure::new(
            Exit::Refused(*reason),
            format!("the broker refused {what}{says}"),
        ))
    }

    /// The time is over before everything was answered.
    fn unanswered(&self) -> Failure {
        Failure::new(
            Exit::TimeOver,
            format!(
                "{} of {} messages were not acknowledged in time",
                self.sent - self.acknowledged - self.refused,
                self.sent
            ),
        )
    }

    fn lost(&self, lost: &Lost) -> Failure {
        let mut failure = self.plan.connect.lost_failure(lost);
        let is_midge = self.plan.connect.program == cli::Program::Midge;
        if self.plan.qos > QoS::AtMostOnce && is_midge {
            failure.message.push_str(&format!(
                " ({} of {} messages were acknowledged)",
                self.acknowledged, self.sent
            ));
        }
        failure
    }
}

/// The sentence and the exit code for a message that cannot be sent.
pub(super) fn publish_failure(error: &PublishError, topic: &TopicName) -> Failure {
    let exit = error.reason().map_or(Exit::Usage, Exit::Refused);
    let topic = Quoted(topic.as_str());
    Failure::new(exit, format!("cannot publish to {topic}: {error}"))
}
