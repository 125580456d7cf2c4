//! A connection that publishes.

use std::rc::Rc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::sync::watch;

use super::alarm::Alarm;
use super::pace::Pace;
use super::shared::{Phase, nanos};
use super::source::Source;
use super::stage::{Place, Stage};
use super::stamp::Stamp;
use super::stats;
use super::unanswered::{Times, Unanswered};
use crate::client::{Engine, Event, Lost, PublishError, Token, Visitor};
use crate::cmd::publish::publish_failure;
use crate::cmd::{Exit, Failure};
use crate::mqtt::packet::Publish;
use crate::mqtt::{PacketType, QoS, ReasonCode, Version};

/// Bytes that are collected before they are sent, where more are due.
const BATCH: usize = 64 * 1024;

/// Messages after which the clock is read again.
const BURST: u32 = 32;

/// How long a publisher that is about to leave for a while waits for its acknowledgements.
const FAREWELL: Duration = Duration::from_secs(5);

/// Connects, publishes until the end, and leaves when everybody does.
///
/// # Errors
/// If there is no connection or not any more, or if the broker takes no such messages.
pub(super) async fn run(stage: Rc<Stage>, place: Place) -> Result<(), Failure> {
    let group = stage.group(place);
    let Some(topics) = &group.topics else {
        return Ok(());
    };
    let source = Source::new(group, topics, stage.shared.plan.run, place.number)?;
    let mut client = Box::pin(stage.connect(place)).await?;
    stage.set_ready();
    stage.wait_for(place, &mut client, Phase::Running).await?;
    let index = {
        let mut stats = stage.stats.borrow_mut();
        stats.publishers.push(stats::Publisher {
            group: place.group,
            number: place.number,
            ..stats::Publisher::default()
        });
        stats.publishers.len() - 1
    };
    let now = stage.now();
    let mut publisher = Publisher {
        phase: stage.shared.watch(),
        alarm: Alarm::new(stage.alarms.clone()),
        place,
        client: Some(client),
        pace: group.pace(place.number),
        left: group.share(place.number),
        leave_at: group
            .reconnect_every
            .map(|every| now.saturating_add(nanos(stage.first_leave(place, every)))),
        fan_out: stage.shared.plan.fan_out(place.number),
        warmup_sequence: 0,
        sequence: 0,
        batch: Batch::default(),
        ledger: Ledger {
            index,
            qos: group.qos,
            version: group.connect.version(),
            is_paced: group.rate.is_some(),
            fan_out: stage.shared.plan.fan_out(place.number),
            unanswered: Unanswered::default(),
            now: None,
            stage: &stage,
        },
        source,
        stage: &stage,
    };
    publisher.publish().await?;
    publisher.count_unsent();
    stage.counters().sent_all.add(1);
    stage.shared.news.notify_one();
    publisher.wait_for_acks().await?;
    stage.counters().finished.add(1);
    stage.shared.news.notify_one();
    if let Some(mut client) = publisher.client.take() {
        stage.wait_for(place, &mut client, Phase::Closing).await?;
        Box::pin(stage.leave(client)).await;
    }
    Ok(())
}

struct Publisher<'s> {
    stage: &'s Stage,
    place: Place,
    phase: watch::Receiver<Phase>,
    alarm: Alarm,
    /// None while it is away, or if it could not come back before the end.
    client: Option<Engine>,
    source: Source,
    pace: Pace,
    /// Messages of the measurement that are still to be sent.
    left: Option<u64>,
    /// When to leave for a while.
    leave_at: Option<u64>,
    /// How often each message should arrive.
    fan_out: u64,
    warmup_sequence: u64,
    sequence: u64,
    batch: Batch,
    ledger: Ledger<'s>,
}

/// Messages that are handed over and not counted.
#[derive(Debug, Default)]
struct Batch {
    count: u64,
    bytes: u64,
    /// When the last of them was handed over.
    now: u64,
}

/// What is known of messages that are on their way.
struct Ledger<'s> {
    stage: &'s Stage,
    /// Of the publisher in the figures of its worker.
    index: usize,
    qos: QoS,
    version: Version,
    /// Whether it has times to keep.
    is_paced: bool,
    fan_out: u64,
    unanswered: Unanswered,
    /// When what is looked at now came; read when the first of it is.
    now: Option<u64>,
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
    /// It is time to leave for a while.
    Leave,
    /// That was all.
    End,
}

impl Publisher<'_> {
    async fn publish(&mut self) -> Result<(), Failure> {
        loop {
            let pause = match self.send_due() {
                Ok(pause) => pause,
                Err(Broken::Lost) => return Err(self.lost().await),
                Err(Broken::Failed(failure)) => return Err(failure),
            };
            self.count_batch();
            if pause == Pause::End || self.stage.phase() >= Phase::Draining {
                return Ok(());
            }
            let Some(client) = self.client.as_mut() else {
                return Ok(());
            };
            if client.unsent() > 0 {
                let flushed = tokio::select! {
                    biased;
                    flushed = client.flush() => flushed,
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
                Pause::Window => {
                    let Some(client) = self.client.as_mut() else {
                        return Ok(());
                    };
                    let room = async {
                        match client {
                            // It has room for messages of which no event tells.
                            Engine::Rumqttc(client) => client.wait_for_room().await,
                            client => client.next_visited(&mut self.ledger).await,
                        }
                    };
                    let event = tokio::select! {
                        biased;
                        event = room => Some(event),
                        () = stopped(&mut self.phase) => None,
                    };
                    if let Some(event) = event {
                        self.handle_events(event)?;
                    }
                }
                Pause::Until(time) => {
                    let Some(client) = self.client.as_mut() else {
                        return Ok(());
                    };
                    let at = self.stage.shared.instant(time);
                    let event = tokio::select! {
                        biased;
                        event = client.next_visited(&mut self.ledger) => Some(event),
                        rang = self.alarm.wait_until(at) => {
                            rang.map_err(timer_failure)?;
                            None
                        }
                        () = stopped(&mut self.phase) => None,
                    };
                    if let Some(event) = event {
                        self.handle_events(event)?;
                    }
                }
                Pause::Leave => Box::pin(self.leave_for_a_while()).await?,
            }
        }
    }

    /// Hands over what is due now.
    fn send_due(&mut self) -> Result<Pause, Broken> {
        let stage = self.stage;
        let shared = &*stage.shared;
        let group = stage.group(self.place);
        let Some(client) = &mut self.client else {
            return Ok(Pause::End);
        };
        let window = usize::from(group.inflight);
        let needs_ack = group.qos > QoS::AtMostOnce;
        let warmup = shared.warmup();
        let end = shared.end();
        let wants_time = self.source.wants_time(group);
        let mut now = stage.now();
        let mut burst = 0;
        loop {
            let time = match &self.pace {
                Pace::Closed => now,
                Pace::Open(schedule) => schedule.next_at(),
            };
            if self.left == Some(0) || time >= end {
                return Ok(Pause::End);
            }
            if self.leave_at.is_some_and(|at| at <= now) {
                return Ok(Pause::Leave);
            }
            if time > now {
                let at = self.leave_at.map_or(time, |leave| leave.min(time));
                return Ok(Pause::Until(at));
            }
            if client.unsent() >= BATCH {
                return Ok(Pause::Batch);
            }
            if needs_ack && (client.in_flight() >= window || client.quota() == 0) {
                return Ok(Pause::Window);
            }
            let is_measured = time >= warmup;
            let stamp = Stamp {
                run: shared.plan.run,
                publisher: self.place.number,
                sequence: match is_measured {
                    true => self.sequence,
                    false => self.warmup_sequence,
                },
                time,
                lateness: now - time,
            };
            if wants_time && self.batch.count == 0 {
                self.source.rehearse(group, stamp);
            }
            let clock = if wants_time { time_of_day() } else { 0 };
            let (token, bytes) = match self.source.send(client, group, stamp, clock) {
                Ok(sent) => sent,
                Err(PublishError::QuotaFull(_)) => return Ok(Pause::Window),
                Err(PublishError::NotConnected(_)) => return Err(Broken::Lost),
                Err(error) => {
                    let topics = group.topics.as_ref();
                    let topic = topics.map(ToString::to_string).unwrap_or_default();
                    return Err(Broken::Failed(publish_failure(&error, &topic)));
                }
            };
            if let Pace::Open(schedule) = &mut self.pace {
                schedule.advance();
            }
            if is_measured {
                self.sequence += 1;
                if let Some(left) = &mut self.left {
                    *left = left.saturating_sub(1);
                }
                if needs_ack {
                    let times = Times {
                        due: time,
                        sent: now,
                    };
                    self.ledger.unanswered.insert(token, times);
                }
                if self.ledger.is_paced {
                    let mut stats = stage.stats.borrow_mut();
                    stats.measured.latencies.lateness.record(now - time);
                }
                self.batch.count += 1;
                self.batch.bytes += bytes as u64;
                self.batch.now = now;
            } else {
                self.warmup_sequence += 1;
            }
            burst += 1;
            if burst == BURST {
                burst = 0;
                now = stage.now();
            }
        }
    }

    /// Counts what was handed over.
    fn count_batch(&mut self) {
        let Batch { count, bytes, now } = std::mem::take(&mut self.batch);
        if count == 0 {
            return;
        }
        self.stage.turn(now);
        let counters = self.stage.counters();
        // Expected first: whoever sees that all was sent has to see what should come of it.
        counters.expected.add(count * self.fan_out);
        counters.sent.add(count);
        let mut stats = self.stage.stats.borrow_mut();
        stats.handle_sent(self.ledger.index, count, bytes, now);
    }

    /// What should have been sent before the end and was not, because the broker took nothing.
    fn count_unsent(&mut self) {
        let Pace::Open(schedule) = &self.pace else {
            return;
        };
        // Without an end there is a count, and only an end stops a publisher before it.
        let (start, end) = (self.stage.shared.warmup(), self.stage.shared.end());
        let due = schedule.due_before(end) - schedule.due_before(start.min(end));
        let not_sent = due.min(self.left.unwrap_or(u64::MAX));
        let mut stats = self.stage.stats.borrow_mut();
        if let Some(figures) = stats.publishers.get_mut(self.ledger.index) {
            figures.not_sent = not_sent;
        }
    }

    /// Sends what is left and waits for its acknowledgements, until everybody leaves.
    async fn wait_for_acks(&mut self) -> Result<(), Failure> {
        let mut phase = self.stage.shared.watch();
        loop {
            let Some(client) = &mut self.client else {
                return Ok(());
            };
            if client.unsent() == 0 && client.in_flight() == 0 {
                return Ok(());
            }
            let closing = phase.wait_for(|phase| *phase == Phase::Closing);
            if client.in_flight() == 0 {
                let flushed = tokio::select! {
                    biased;
                    flushed = client.flush() => flushed,
                    _ = closing => return Ok(()),
                };
                if flushed.is_err() {
                    return Err(self.lost().await);
                }
                continue;
            }
            let event = tokio::select! {
                biased;
                event = client.next_visited(&mut self.ledger) => event,
                _ = closing => return Ok(()),
            };
            self.handle_events(event)?;
            self.stage.shared.news.notify_one();
        }
    }

    /// Waits for what is on its way, leaves, and comes back.
    async fn leave_for_a_while(&mut self) -> Result<(), Failure> {
        let group = self.stage.group(self.place);
        let over = tokio::time::Instant::now() + FAREWELL;
        while let Some(client) = &mut self.client
            && client.in_flight() > 0
        {
            let event = tokio::select! {
                biased;
                event = client.next_visited(&mut self.ledger) => event,
                () = stopped(&mut self.phase) => return Ok(()),
                // Its session would have kept the message, or it is lost.
                () = tokio::time::sleep_until(over) => break,
            };
            self.handle_events(event)?;
        }
        if let Some(client) = self.client.take() {
            let back = self.stage.come_back(self.place, client);
            self.client = back.await?;
        }
        if let Some(every) = group.reconnect_every {
            self.leave_at = self.leave_at.map(|at| at.saturating_add(nanos(every)));
        }
        Ok(())
    }

    fn handle_buffered(&mut self) -> Result<(), Failure> {
        let Some(client) = &mut self.client else {
            return Ok(());
        };
        match client.buffered_visited(&mut self.ledger) {
            Some(event) => self.handle_events(event),
            None => Ok(()),
        }
    }

    /// Handles this one and all that came with it.
    fn handle_events(&mut self, first: Result<Option<Event>, Lost>) -> Result<(), Failure> {
        let mut next = Some(first);
        while let Some(event) = next {
            let event = event.map_err(|lost| self.stage.lost(self.place, &lost))?;
            if let Some(event) = event {
                crate::client::visit::visit(event, &mut self.ledger);
            }
            next = match &mut self.client {
                Some(client) => client.buffered_visited(&mut self.ledger),
                None => None,
            };
        }
        if let Some(now) = self.ledger.now.take() {
            self.stage.turn(now);
        }
        Ok(())
    }

    /// The connection is over: why.
    async fn lost(&mut self) -> Failure {
        loop {
            let Some(client) = &mut self.client else {
                return self.stage.lost(self.place, &Lost::NotConnected);
            };
            if let Err(lost) = client.next_visited(&mut self.ledger).await {
                return self.stage.lost(self.place, &lost);
            }
        }
    }
}

/// Why nothing can be sent.
enum Broken {
    Lost,
    Failed(Failure),
}

impl Visitor for Ledger<'_> {
    fn message(&mut self, _: &Publish<'_>) {}

    #[inline]
    fn published(&mut self, token: Token, reason: ReasonCode) {
        let stage = self.stage;
        let now = *self.now.get_or_insert_with(|| stage.now());
        let Some(times) = self.unanswered.remove(token) else {
            return;
        };
        let counters = stage.counters();
        let mut stats = stage.stats.borrow_mut();
        if reason.is_error() {
            let packet = match self.qos {
                QoS::ExactlyOnce => PacketType::PUBREC,
                QoS::AtMostOnce | QoS::AtLeastOnce => PacketType::PUBACK,
            };
            stats.handle_refusal(self.index, packet, self.version, reason);
            counters.refused.add(1);
            counters.errors.add(1);
            counters.expected.sub(self.fan_out);
        } else {
            let uncorrected = self.is_paced.then(|| now.saturating_sub(times.sent));
            let latency = now.saturating_sub(times.due);
            stats.handle_ack(self.index, self.qos, latency, uncorrected);
            counters.acknowledged.add(1);
        }
    }
}

/// ns since 1970.
fn time_of_day() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, nanos)
}

/// Waits until nothing more is to be sent.
async fn stopped(phase: &mut watch::Receiver<Phase>) {
    // The sender is in what is shared.
    let _ = phase.wait_for(|phase| *phase >= Phase::Draining).await;
}

fn timer_failure(error: std::io::Error) -> Failure {
    Failure::new(Exit::Io, format!("the timer fails: {error}"))
}
