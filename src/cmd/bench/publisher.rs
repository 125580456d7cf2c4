//! A connection that publishes.

use std::rc::Rc;

use bytes::{Bytes, BytesMut};
use rustc_hash::FxHashMap;
use tokio::sync::watch;

use super::alarm::Alarm;
use super::pace::Pace;
use super::stage::{Phase, Stage, leave};
use super::stamp::Stamp;
use crate::client::{Engine, Event, Lost, Publication, PublishError, Token, TopicName};
use crate::cmd::publish::publish_failure;
use crate::cmd::{Exit, Failure};
use crate::mqtt::QoS;

/// Bytes that are collected before they are sent, where more are due.
const BATCH: usize = 16 * 1024;

/// Bytes of payloads that are allocated at once.
const PAYLOADS: usize = 64 * 1024;

/// Messages after which the clock is read again.
const BURST: u32 = 32;

/// Connects, publishes until the end, and leaves when everybody does.
///
/// # Errors
/// If there is no connection or not any more, or if the broker takes no such messages.
pub(super) async fn run(stage: Rc<Stage>, number: u32) -> Result<(), Failure> {
    let topic = stage.plan.publish_topic(number)?;
    let mut client = stage.connect('p', number).await?;
    stage.set_ready();
    stage.wait_for(&mut client, Phase::Running).await?;
    let mut publisher = Publisher {
        phase: stage.watch(),
        alarm: Alarm::new(stage.alarms.clone()),
        stage: stage.clone(),
        number,
        client,
        topic,
        payloads: BytesMut::new(),
        pace: stage.plan.pace(number),
        left: stage.plan.share(number),
        warmup_sequence: 0,
        sequence: 0,
        unanswered: FxHashMap::default(),
    };
    publisher.publish().await?;
    publisher.count_unsent();
    stage.set_sent();
    publisher.wait_for_acks().await?;
    stage.set_finished();
    let mut client = publisher.client;
    stage.wait_for(&mut client, Phase::Closing).await?;
    leave(client).await;
    Ok(())
}

struct Publisher {
    stage: Rc<Stage>,
    phase: watch::Receiver<Phase>,
    alarm: Alarm,
    number: u32,
    client: Engine,
    topic: TopicName,
    /// Payloads are pieces of it, so that not each of them is an allocation.
    payloads: BytesMut,
    pace: Pace,
    /// Messages of the measurement that are still to be sent.
    left: Option<u64>,
    warmup_sequence: u64,
    sequence: u64,
    /// When the measured messages without acknowledgement should have been sent.
    unanswered: FxHashMap<Token, u64>,
}

/// Why no more messages are sent now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pause {
    /// Enough is collected to be sent.
    Batch,
    /// An acknowledgement has to come first.
    Window,
    /// The next one is due then.
    Until(u64),
    /// That was all.
    End,
}

impl Publisher {
    async fn publish(&mut self) -> Result<(), Failure> {
        loop {
            let pause = self.send_due().await?;
            if pause == Pause::End || self.stage.phase() >= Phase::Draining {
                return Ok(());
            }
            if self.client.unsent() > 0 {
                let flushed = tokio::select! {
                    biased;
                    flushed = self.client.flush() => flushed,
                    // A broker that reads nothing must not keep the run from ending.
                    () = stopped(&mut self.phase) => Ok(()),
                };
                if flushed.is_err() {
                    return Err(self.lost().await);
                }
            }
            match pause {
                Pause::Batch | Pause::End => {
                    self.handle_buffered()?;
                    tokio::task::yield_now().await;
                }
                Pause::Window => tokio::select! {
                    biased;
                    room = self.client.wait_for_room() => {
                        if let Some(event) = room.transpose() {
                            self.handle_events(event)?;
                        }
                    }
                    () = stopped(&mut self.phase) => {}
                },
                Pause::Until(time) => {
                    let at = self.stage.instant(time);
                    tokio::select! {
                        biased;
                        event = self.client.next_event() => self.handle_events(event)?,
                        rang = self.alarm.wait_until(at) => rang.map_err(timer_failure)?,
                        () = stopped(&mut self.phase) => {}
                    }
                }
            }
        }
    }

    /// Hands over what is due now.
    async fn send_due(&mut self) -> Result<Pause, Failure> {
        let stage = self.stage.clone();
        let window = usize::from(stage.plan.inflight);
        let mut now = stage.now();
        let mut burst = 0;
        loop {
            let time = match &self.pace {
                Pace::Closed => now,
                Pace::Open(schedule) => schedule.next_at(),
            };
            if self.left == Some(0) || time >= stage.end() {
                return Ok(Pause::End);
            }
            if time > now {
                return Ok(Pause::Until(time));
            }
            if self.client.unsent() >= BATCH {
                return Ok(Pause::Batch);
            }
            if stage.plan.qos > QoS::AtMostOnce && self.client.in_flight() >= window {
                return Ok(Pause::Window);
            }
            if !self.send(time, now).await? {
                return Ok(Pause::Window);
            }
            burst += 1;
            if burst == BURST {
                burst = 0;
                now = stage.now();
            }
        }
    }

    /// Hands over one message that should be sent at `time`; `false` if the broker takes none now.
    async fn send(&mut self, time: u64, now: u64) -> Result<bool, Failure> {
        let is_measured = time >= self.stage.warmup();
        let sequence = match is_measured {
            true => self.sequence,
            false => self.warmup_sequence,
        };
        let payload = self.payload(Stamp {
            run: self.stage.plan.run,
            publisher: self.number,
            sequence,
            time,
        });
        let qos = self.stage.plan.qos;
        let publication = Publication::new(self.topic.clone(), payload, qos);
        let token = match self.client.publish(publication) {
            Ok(token) => token,
            Err(PublishError::QuotaFull(_)) => return Ok(false),
            Err(PublishError::NotConnected(_)) => return Err(self.lost().await),
            Err(error) => return Err(publish_failure(&error, &self.topic)),
        };
        if let Pace::Open(schedule) = &mut self.pace {
            schedule.advance();
        }
        if !is_measured {
            self.warmup_sequence += 1;
            return Ok(true);
        }
        self.sequence += 1;
        self.left = self.left.map(|left| left.saturating_sub(1));
        if qos > QoS::AtMostOnce {
            self.unanswered.insert(token, time);
        }
        let mut stats = self.stage.stats.borrow_mut();
        stats.last_sent = now;
        if matches!(self.pace, Pace::Open(_)) {
            stats.lateness.record(now.saturating_sub(time));
        }
        if let Some(figures) = stats.publishers.get_mut(self.number as usize) {
            figures.sent += 1;
        }
        Ok(true)
    }

    /// The stamp, as far as it fits, and zeros.
    fn payload(&mut self, stamp: Stamp) -> Bytes {
        let size = self.stage.plan.size;
        if self.payloads.capacity() < size {
            self.payloads.reserve(size.max(PAYLOADS));
        }
        let stamp = stamp.to_bytes();
        self.payloads
            .extend_from_slice(stamp.get(..size).unwrap_or(&stamp));
        self.payloads.resize(size, 0);
        self.payloads.split().freeze()
    }

    /// What should have been sent before the end and was not, because the broker took nothing.
    fn count_unsent(&mut self) {
        let Pace::Open(schedule) = &self.pace else {
            return;
        };
        // Without an end there is a count, and only an end stops a publisher before it.
        let (start, end) = (self.stage.warmup(), self.stage.end());
        let due = schedule.due_before(end) - schedule.due_before(start.min(end));
        let not_sent = due.min(self.left.unwrap_or(u64::MAX));
        let mut stats = self.stage.stats.borrow_mut();
        if let Some(figures) = stats.publishers.get_mut(self.number as usize) {
            figures.not_sent = not_sent;
        }
    }

    /// Sends what is left and waits for its acknowledgements, until everybody leaves.
    async fn wait_for_acks(&mut self) -> Result<(), Failure> {
        let mut phase = self.stage.watch();
        loop {
            if self.client.unsent() == 0 && self.client.in_flight() == 0 {
                return Ok(());
            }
            let closing = phase.wait_for(|phase| *phase == Phase::Closing);
            if self.client.in_flight() == 0 {
                let flushed = tokio::select! {
                    biased;
                    flushed = self.client.flush() => flushed,
                    _ = closing => return Ok(()),
                };
                if flushed.is_err() {
                    return Err(self.lost().await);
                }
                continue;
            }
            tokio::select! {
                biased;
                event = self.client.next_event() => self.handle_events(event)?,
                _ = closing => return Ok(()),
            }
            self.stage.news.notify_one();
        }
    }

    fn handle_buffered(&mut self) -> Result<(), Failure> {
        match self.client.buffered_event() {
            Some(event) => self.handle_events(event),
            None => Ok(()),
        }
    }

    /// Handles this one and all that came with it.
    fn handle_events(&mut self, first: Result<Event, Lost>) -> Result<(), Failure> {
        let now = self.stage.now();
        let mut next = Some(first);
        while let Some(event) = next {
            let event = event.map_err(|lost| self.stage.lost(&lost))?;
            if let Event::Published { token, reason, .. } = event
                && let Some(time) = self.unanswered.remove(&token)
            {
                let latency = now.saturating_sub(time);
                let mut stats = self.stage.stats.borrow_mut();
                stats.handle_ack(self.number, reason, latency);
            }
            next = self.client.buffered_event();
        }
        Ok(())
    }

    /// The connection is over: why.
    async fn lost(&mut self) -> Failure {
        loop {
            if let Err(lost) = self.client.next_event().await {
                return self.stage.lost(&lost);
            }
        }
    }
}

/// Waits until nothing more is to be sent.
async fn stopped(phase: &mut watch::Receiver<Phase>) {
    // The sender is in the stage.
    let _ = phase.wait_for(|phase| *phase >= Phase::Draining).await;
}

fn timer_failure(error: std::io::Error) -> Failure {
    Failure::new(Exit::Io, format!("the timer fails: {error}"))
}
