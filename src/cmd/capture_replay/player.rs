//! One session of the replay: a connection of its own, and what it publishes.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use hdrhistogram::Histogram;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use super::reader::Room;
use crate::client::{Engine, Event, Lost, Publication, PublishError, Says};
use crate::cmd::connect::ConnectPlan;
use crate::cmd::{Exit, Failure};
use crate::mqtt::topic::Quoted;
use crate::mqtt::{Properties, QoS, ReasonCode, Version};

/// Bytes that are collected before they are sent, where more are to come.
const BATCH: usize = 64 * 1024;

/// A message to publish now.
#[derive(Debug)]
pub(super) struct Job {
    /// The message.
    pub(super) publication: Publication,
    /// When it should have been sent; `None` where nobody asks.
    pub(super) due: Option<Instant>,
    /// Given back when the message is sent or dropped.
    pub(super) room: Room,
}

/// What a player tells.
#[derive(Debug)]
pub(super) enum News {
    /// Its connection is open.
    Connected,
    /// It has left: everything was sent and acknowledged, or the replay was ended, which may have
    /// been before it `was_connected`.
    Left { was_connected: bool },
    /// It has failed; `was_connected` or never.
    Failed {
        failure: Failure,
        was_connected: bool,
    },
}

/// What all players count together.
#[derive(Debug)]
pub(super) struct Tally {
    /// Messages handed to a connection.
    pub(super) sent: u64,
    /// Those of them with QoS 1 or 2.
    pub(super) awaited: u64,
    /// Those of these that the server has taken.
    pub(super) acknowledged: u64,
    /// Those of these that the server has refused.
    pub(super) refused_by_server: u64,
    /// Messages that were not sent, since the server had said that it would not take them.
    pub(super) over_limits: u64,
    /// Both, by reason.
    pub(super) refused: BTreeMap<ReasonCode, u64>,
    /// The first of them, in words.
    pub(super) first_refusal: Option<Failure>,
    /// Properties that the target's version does not have.
    pub(super) properties_dropped: u64,
    /// Microseconds from when a message was due until it was sent.
    pub(super) lateness: Histogram<u64>,
}

impl Tally {
    /// Nothing yet.
    ///
    /// # Errors
    /// Never with these numbers.
    pub(super) fn new() -> Result<Tally, Failure> {
        // From a microsecond to a day, three digits.
        let lateness = Histogram::new_with_bounds(1, 86_400_000_000, 3)
            .map_err(|error| Failure::new(Exit::Io, format!("no histogram: {error}")))?;
        Ok(Tally {
            sent: 0,
            awaited: 0,
            acknowledged: 0,
            refused_by_server: 0,
            over_limits: 0,
            refused: BTreeMap::new(),
            first_refusal: None,
            properties_dropped: 0,
            lateness,
        })
    }

    fn sent(&mut self, qos: QoS, late: Option<Duration>) {
        self.sent += 1;
        if qos > QoS::AtMostOnce {
            self.awaited += 1;
        }
        if let Some(late) = late {
            let late = u64::try_from(late.as_micros()).unwrap_or(u64::MAX);
            self.lateness.saturating_record(late);
        }
    }

    fn refused(&mut self, reason: ReasonCode, sentence: impl FnOnce() -> String) {
        *self.refused.entry(reason).or_default() += 1;
        self.first_refusal
            .get_or_insert_with(|| Failure::new(Exit::Refused(reason), sentence()));
    }
}

/// A session that is played.
#[derive(Debug)]
pub(super) struct Player {
    /// How to connect, with the session's own client identifier and version.
    pub(super) connect: ConnectPlan,
    /// Whom it plays.
    pub(super) client: SocketAddr,
    /// What to publish; it leaves when there is nothing more to come.
    pub(super) jobs: mpsc::UnboundedReceiver<Job>,
    /// Leave at once when this becomes true.
    pub(super) stop: watch::Receiver<bool>,
    /// Where to tell.
    pub(super) news: mpsc::UnboundedSender<News>,
    /// Where to count.
    pub(super) tally: Rc<RefCell<Tally>>,
}

impl Player {
    /// Plays the session to its end.
    pub(super) async fn play(mut self) {
        let news = self.session().await;
        // If nobody listens any more, the replay is over.
        let _ = self.news.send(news);
    }

    async fn session(&mut self) -> News {
        let mut stop = self.stop.clone();
        let mut stop = std::pin::pin!(stop.wait_for(|&stop| stop));
        let client = tokio::select! {
            biased;
            _ = &mut stop => return News::Left { was_connected: false },
            client = self.connect.connect() => client,
        };
        let mut client = match client {
            Ok(client) => client,
            Err(failure) => return self.failed(failure, false),
        };
        let _ = self.news.send(News::Connected);
        let result = tokio::select! {
            biased;
            _ = &mut stop => Ok(()),
            result = self.work(&mut client) => result,
        };
        let left = client
            .disconnect(ReasonCode::SUCCESS, Properties::EMPTY)
            .await;
        match result.and_then(|()| left.map_err(|lost| self.connect.lost_failure(&lost))) {
            Ok(()) => News::Left {
                was_connected: true,
            },
            Err(failure) => self.failed(failure, true),
        }
    }

    fn failed(&self, mut failure: Failure, was_connected: bool) -> News {
        failure
            .message
            .push_str(&format!(" (playing the client at {})", self.client));
        News::Failed {
            failure,
            was_connected,
        }
    }

    async fn work(&mut self, client: &mut Engine) -> Result<(), Failure> {
        loop {
            tokio::select! {
                biased;
                job = self.jobs.recv() => match job {
                    Some(job) => self.publish(client, job).await?,
                    None => break,
                },
                event = client.next_event() => self.handle(event)?,
            }
        }
        while client.in_flight() > 0 {
            let event = client.next_event().await;
            self.handle(event)?;
        }
        self.flush(client).await
    }

    /// Sends one message, as soon as the server takes it.
    async fn publish(&mut self, client: &mut Engine, job: Job) -> Result<(), Failure> {
        let Job {
            mut publication,
            due,
            room,
        } = job;
        let qos = publication.qos;
        if self.connect.version() < Version::V5 {
            let properties = publication.properties.as_properties().iter().count() as u64;
            self.tally.borrow_mut().properties_dropped += properties;
        }
        let topic = publication.topic.clone();
        loop {
            match client.publish(publication) {
                Ok(_) => break,
                Err(PublishError::QuotaFull(back) | PublishError::NotConnected(back)) => {
                    publication = *back;
                    // Room for it, or why there is no connection.
                    if let Some(event) = client.wait_for_room().await.transpose() {
                        self.handle(event)?;
                    }
                }
                Err(error) => {
                    let sentence =
                        || format!("cannot publish to {}: {error}", Quoted(topic.as_str()));
                    let Some(reason) = over_limit(&error) else {
                        return Err(Failure::new(Exit::Usage, sentence()));
                    };
                    let mut tally = self.tally.borrow_mut();
                    tally.over_limits += 1;
                    tally.refused(reason, sentence);
                    return Ok(());
                }
            }
        }
        let late = due.map(|due| Instant::now().saturating_duration_since(due));
        self.tally.borrow_mut().sent(qos, late);
        drop(room);
        if client.unsent() >= BATCH {
            self.flush(client).await?;
        }
        Ok(())
    }

    async fn flush(&mut self, client: &mut Engine) -> Result<(), Failure> {
        if client.flush().await.is_err() {
            // Ends with the reason, since the connection is over.
            loop {
                let event = client.next_event().await;
                self.handle(event)?;
            }
        }
        Ok(())
    }

    fn handle(&mut self, event: Result<Event, Lost>) -> Result<(), Failure> {
        match event {
            Ok(Event::Published {
                reason,
                reason_string,
                ..
            }) => {
                let mut tally = self.tally.borrow_mut();
                if reason.is_error() {
                    tally.refused_by_server += 1;
                    tally.refused(reason, || {
                        let says = Says(reason_string.as_deref());
                        format!("the broker refused a message: {reason}{says}")
                    });
                } else {
                    tally.acknowledged += 1;
                }
                Ok(())
            }
            Ok(_) => Ok(()),
            Err(lost) => Err(self.connect.lost_failure(&lost)),
        }
    }
}

/// What the server would answer, had it not said before that it takes no such message.
fn over_limit(error: &PublishError) -> Option<ReasonCode> {
    match error {
        PublishError::TooLarge { .. } => Some(ReasonCode::PACKET_TOO_LARGE),
        PublishError::QosNotSupported { .. } => Some(ReasonCode::QOS_NOT_SUPPORTED),
        PublishError::RetainNotSupported => Some(ReasonCode::RETAIN_NOT_SUPPORTED),
        _ => None,
    }
}
