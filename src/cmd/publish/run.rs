//! Sending: every message as soon as the broker takes it and the rate allows it.

use std::time::{Duration, Instant};

use bytes::Bytes;

use super::line::{LineReader, Message};
use super::lines::{self, LineInput};
use super::pace::Pace;
use super::tally::Tally;
use super::{Plan, publish_failure};
use crate::client::{Engine, Event, Lost, Publication, PublishError, TopicName};
use crate::cmd::{Failure, mosquitto, note};
use crate::mqtt::topic::Quoted;
use crate::mqtt::{PacketType, PropertiesBuf, QoS, Version};
use crate::output::progress::Transfer;

/// Bytes that are collected before they are sent, where more are to come.
const BATCH: usize = 64 * 1024;

/// Input that keeps us waiting for longer has nothing to send, and no time to make up for.
const INPUT_PAUSE: Duration = Duration::from_millis(100);

/// This part of the messages on their way makes a batch,
const MANY_SHARE: usize = 8;

/// if it is so many at least,
const MANY: usize = 64;

/// and if it does not take longer than this to make room for them.
const ROOM_PAUSE: Duration = Duration::from_millis(1);

/// What there is to send.
#[derive(Debug)]
pub(super) enum Work {
    /// One payload, as often as the plan says.
    Repeat(Bytes),
    /// A message for each line.
    Lines(LineReader, LineInput),
}

/// Why sending stopped.
#[derive(Debug)]
enum Stop {
    /// A message cannot be sent, or read; what went before it is on its way.
    Message(Failure),
    /// Nothing more can be done.
    Over(Failure),
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Stop {
        Stop::Over(failure)
    }
}

/// A connection and what it has sent.
pub(super) struct Run<'p> {
    plan: &'p Plan,
    pub(super) client: Engine,
    tally: Tally,
    pace: Option<Pace>,
    /// Of -D; what a message brings itself replaces them.
    properties: &'p PropertiesBuf,
    /// Said once.
    has_told_of_properties: bool,
    progress: Transfer,
    /// Bytes of the input, or messages, that are done.
    done: u64,
}

impl<'p> Run<'p> {
    pub(super) fn new(plan: &'p Plan, client: Engine, work: &Work) -> Run<'p> {
        let (wanted, total) = match work {
            Work::Repeat(_) => (true, Some(plan.repeat)),
            Work::Lines(_, input) => (!input.is_terminal, input.len),
        };
        let one_topic = match plan.has_many_topics() {
            true => None,
            false => plan.topics.first().cloned(),
        };
        Run {
            plan,
            client,
            tally: Tally::new(one_topic),
            pace: plan.pace,
            properties: plan.connect.packets.of(PacketType::PUBLISH),
            has_told_of_properties: false,
            progress: Transfer::new(plan.progress && wanted, total),
            done: 0,
        }
    }

    /// Sends everything and waits for every acknowledgement.
    pub(super) async fn work(&mut self, work: Work) -> Result<(), Failure> {
        let sent = match work {
            Work::Repeat(payload) => self.send_repeatedly(payload).await,
            Work::Lines(reader, input) => self.send_lines(reader, input).await,
        };
        let stopped = match sent {
            Ok(()) => None,
            Err(Stop::Message(failure)) => Some(failure),
            Err(Stop::Over(failure)) => return Err(failure),
        };
        if let Err(failure) = self.settle().await {
            // The first reason is not to be forgotten over the second.
            if let Some(stopped) = stopped {
                note(stopped);
            }
            return Err(failure);
        }
        match stopped {
            None => Ok(()),
            Some(failure) if !self.plan.is_midge() => Err(failure),
            Some(mut failure) => {
                failure.message.push_str(&self.tally.before());
                Err(failure)
            }
        }
    }

    /// Waits until everything is sent and answered.
    async fn settle(&mut self) -> Result<(), Failure> {
        while self.client.in_flight() > 0 {
            self.handle_next_event().await?;
        }
        self.flush().await
    }

    async fn send_repeatedly(&mut self, payload: Bytes) -> Result<(), Stop> {
        let delay = self.plan.repeat_delay;
        for i in 0..self.plan.repeat {
            if i > 0 && !delay.is_zero() {
                self.wait_until(Instant::now().checked_add(delay)).await?;
            }
            let message = Message {
                payload: payload.clone(),
                ..Message::default()
            };
            self.send(message).await?;
            self.done += 1;
        }
        Ok(())
    }

    async fn send_lines(&mut self, mut reader: LineReader, input: LineInput) -> Result<(), Stop> {
        let mut chunks = input.read();
        let mut since = Instant::now();
        loop {
            tokio::select! {
                biased;
                chunk = chunks.recv() => {
                    let Some(chunk) = chunk else { return Ok(()) };
                    let chunk = chunk.map_err(Stop::Message)?;
                    self.skip_pause(since);
                    for line in lines::split(&chunk) {
                        let len = line.len() as u64 + 1;
                        if let Some(message) = reader.read(line).map_err(Stop::Message)? {
                            if message.topic.is_none() && self.plan.topics.is_empty() {
                                let what = "it has no topic, and there is no -t";
                                return Err(Stop::Message(reader.wrong(what)));
                            }
                            self.send(message).await?;
                        }
                        self.done += len;
                    }
                    self.show_progress();
                    since = Instant::now();
                }
                event = self.client.next_event() => self.handle(event)?,
            }
        }
    }

    /// Input has come for which it was waited since then.
    fn skip_pause(&mut self, since: Instant) {
        if let Some(pace) = &mut self.pace
            && since.elapsed() > INPUT_PAUSE
        {
            pace.skip_to(Instant::now());
        }
    }

    /// Sends one message to its topic, or to every topic of the plan.
    async fn send(&mut self, message: Message) -> Result<(), Stop> {
        let plan = self.plan;
        let Message {
            topic,
            payload,
            qos,
            retain,
            properties,
        } = message;
        let topics = match &topic {
            Some(topic) => std::slice::from_ref(topic),
            None => plan.topics.as_slice(),
        };
        if properties.is_some() {
            self.tell_of_properties();
        }
        // mosquitto_pub sends the message as an ordinary one.
        let can_retain = plan.is_midge() || self.client.connected().limits.retain_available;
        for topic in topics {
            self.publish(Publication {
                topic: topic.clone(),
                payload: payload.clone(),
                qos: qos.unwrap_or(plan.qos),
                retain: retain.unwrap_or(plan.retain) && can_retain,
                properties: properties.as_ref().unwrap_or(self.properties).clone(),
            })
            .await?;
        }
        Ok(())
    }

    /// Waits until there is room for a message; where many are on their way, for several.
    ///
    /// With few on their way there is one message for each acknowledgement: waiting for more would
    /// meet brokers without TCP_NODELAY (mosquitto), whose next PUBACK waits for our TCP ACK, which
    /// the system delays by 40 ms where no data goes back with it.
    async fn wait_for_room(&mut self) -> Result<(), Stop> {
        if let Some(event) = self.client.wait_for_room().await.transpose() {
            self.handle(event)?;
        }
        let enough = self.client.in_flight() / MANY_SHARE;
        if enough < MANY {
            return Ok(());
        }
        // A broker that gets them one by one has to wake up for each.
        let mut pause = std::pin::pin!(tokio::time::sleep(ROOM_PAUSE));
        let before = self.client.in_flight();
        while before.saturating_sub(self.client.in_flight()) < enough {
            tokio::select! {
                biased;
                event = self.client.next_event() => self.handle(event)?,
                () = &mut pause => break,
            }
        }
        Ok(())
    }

    /// Publishes as soon as it is time and the broker takes it.
    async fn publish(&mut self, mut publication: Publication) -> Result<(), Stop> {
        if let Some(pace) = &mut self.pace {
            let due = pace.next_due(Instant::now());
            self.wait_until(Some(due)).await?;
        }
        let (topic, qos) = (publication.topic.clone(), publication.qos);
        let token = loop {
            match self.client.publish(publication) {
                Ok(token) => break token,
                Err(PublishError::QuotaFull(back)) => {
                    publication = *back;
                    self.wait_for_room().await?;
                }
                // `next_event` knows why.
                Err(PublishError::NotConnected(back)) => {
                    publication = *back;
                    self.handle_next_event().await?;
                }
                Err(error) if !self.plan.is_midge() => {
                    return Err(Stop::Message(mosquitto::strerror(&error)));
                }
                Err(error) => return Err(Stop::Message(publish_failure(&error, topic.as_str()))),
            }
        };
        self.tally.sent(token, &topic, qos);
        if qos == QoS::AtMostOnce {
            self.tell_sent(&topic);
        }
        if self.client.unsent() >= BATCH {
            self.flush().await?;
            self.show_progress();
        }
        Ok(())
    }

    fn tell_sent(&self, topic: &TopicName) {
        self.plan
            .connect
            .debug(format_args!("published to {}", Quoted(topic.as_str())));
    }

    /// A message has properties: they go nowhere before 5.0.
    fn tell_of_properties(&mut self) {
        let version = self.client.connected().version;
        if version < Version::V5 && !self.has_told_of_properties {
            self.has_told_of_properties = true;
            note(format_args!(
                "MQTT {version} has no properties: those of the messages are left out"
            ));
        }
    }

    /// Goes on with everything else until then.
    async fn wait_until(&mut self, due: Option<Instant>) -> Result<(), Failure> {
        let Some(due) = due.filter(|due| *due > Instant::now()) else {
            return Ok(());
        };
        self.show_progress();
        let mut pause = std::pin::pin!(tokio::time::sleep_until(due.into()));
        loop {
            tokio::select! {
                () = &mut pause => return Ok(()),
                event = self.client.next_event() => self.handle(event)?,
            }
        }
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
                if reason.is_error() && !self.plan.is_midge() =>
            {
                mosquitto::warn(&mosquitto::publish_warning(token.0, reason));
                Ok(())
            }
            Ok(Event::Published {
                token,
                reason,
                reason_string,
            }) => {
                self.plan
                    .connect
                    .debug(format_args!("acknowledged: {reason}"));
                self.tally.answered(token, reason, reason_string);
                Ok(())
            }
            Ok(event) => {
                self.plan.connect.tell(&event);
                let is_lost = matches!(event, Event::Retrying { .. });
                if is_lost && self.tally.has_unanswerable() && self.client.unsent() > 0 {
                    note("messages of QoS 0 that were on their way are lost");
                }
                Ok(())
            }
            Err(lost) => Err(self.lost(&lost)),
        }
    }

    fn show_progress(&mut self) {
        if self.progress.is_on() {
            self.progress.show(self.done, self.tally.sent);
        }
    }

    pub(super) fn end_progress(&mut self) {
        self.progress.clear();
    }

    /// See [`Tally::verdict`].
    pub(super) fn verdict(&self) -> Result<(), Failure> {
        self.tally.verdict()
    }

    /// See [`Tally::unanswered`].
    pub(super) fn unanswered(&self) -> Failure {
        self.tally.unanswered()
    }

    pub(super) fn lost(&self, lost: &Lost) -> Failure {
        let mut failure = self.plan.connect.lost_failure(lost);
        if self.plan.is_midge() {
            failure.message.push_str(&self.tally.acknowledged_of_sent());
        }
        failure
    }
}
