//! One session of the replay: a connection of its own, and what is done over it.

mod hearing;
mod opening;
mod publishing;

use std::cell::Cell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use rustc_hash::FxHashMap;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use super::reader::Room;
use super::shared::{Parked, Shared};
use super::step::{self, Leave, Number, Request};
use crate::client::native::Client;
use crate::client::{RequestError, Token};
use crate::cmd::connect::ConnectPlan;
use crate::cmd::{Exit, Failure};
use crate::mqtt::{Properties, PropertiesBuf, ReasonCode, Version};
use crate::output::replay::Seen;

/// Bytes that are collected before they are sent, where more are to come.
const BATCH: usize = 64 * 1024;

/// How long an acknowledgement is waited for before a farewell.
const PATIENCE: Duration = Duration::from_secs(2);

/// Something to do now.
#[derive(Debug)]
pub(super) enum Job {
    /// Publish.
    Publish {
        message: step::Message,
        /// When it should have been sent; `None` where nobody asks.
        due: Option<Instant>,
        /// Given back when the message is sent or dropped.
        room: Room,
    },
    /// Subscribe.
    Subscribe(Box<Request>),
    /// Unsubscribe.
    Unsubscribe(Box<Request>),
    /// Give a sign when everything so far has arrived.
    Settle,
    /// End the connection, with so many QoS 2 messages to the client that the server had not
    /// released. Nothing comes behind it.
    Leave(Leave, usize),
}

/// What a player tells.
#[derive(Debug)]
pub(super) struct News {
    pub(super) session: u64,
    pub(super) what: What,
}

/// What became of a session.
#[derive(Debug)]
pub(super) enum What {
    /// Its connection is open.
    Connected,
    /// It has left, as it was to, or because the replay was ended, which may have been before it
    /// `was_connected`.
    Left {
        was_connected: bool,
        /// Topics of the QoS 2 messages that the server has not released.
        unreleased: Vec<String>,
    },
    /// It has failed; `was_connected` or never. `said` is the code of the server's DISCONNECT.
    Failed {
        failure: Failure,
        was_connected: bool,
        said: Option<ReasonCode>,
    },
}

/// A session that is played.
#[derive(Debug)]
pub(super) struct Player {
    pub(super) session: u64,
    /// Of the CONNECT.
    pub(super) number: Number,
    /// How to connect, with the session's own name and version.
    pub(super) connect: ConnectPlan,
    /// Whom it plays.
    pub(super) client: SocketAddr,
    /// What to do; it leaves when there is nothing more to come.
    pub(super) jobs: mpsc::UnboundedReceiver<Job>,
    /// Leave at once when this becomes true.
    pub(super) stop: watch::Receiver<bool>,
    /// Where to tell.
    pub(super) news: mpsc::UnboundedSender<News>,
    /// What all players have together.
    pub(super) shared: Rc<Shared>,
    /// Messages that came.
    pub(super) received: Rc<Cell<u64>>,
    /// The requests that wait for an answer.
    pub(super) waiting: FxHashMap<Token, Number>,
    /// Whether a sign is asked for.
    pub(super) is_settling: bool,
    /// Whether it has published at QoS 0 without a sign since.
    pub(super) is_unsettled: bool,
    /// Topics of QoS 2 messages, by packet identifier, where answers are compared.
    pub(super) unreleased: FxHashMap<u16, String>,
}

impl Player {
    /// Plays the session to its end.
    pub(super) async fn play(mut self) {
        let what = self.session().await;
        self.tell(what);
    }

    fn tell(&self, what: What) {
        // If nobody listens any more, the replay is over.
        let session = self.session;
        let _ = self.news.send(News { session, what });
    }

    async fn session(&mut self) -> What {
        let mut stop = self.stop.clone();
        let mut stop = std::pin::pin!(stop.wait_for(|&stop| stop));
        let client = tokio::select! {
            biased;
            _ = &mut stop => return What::Left { was_connected: false, unreleased: Vec::new() },
            client = self.open() => client,
        };
        let mut client = match client {
            Ok(client) => client,
            Err(failure) => {
                if let Exit::Refused(reason) = failure.exit {
                    self.answered(self.number, || Seen::Connected(reason, Some(false)));
                }
                return self.failed(failure, false, None);
            }
        };
        let session_present = client.connected().session_present;
        self.answered(self.number, || {
            Seen::Connected(ReasonCode::SUCCESS, Some(session_present))
        });
        self.tell(What::Connected);
        let result = tokio::select! {
            biased;
            _ = &mut stop => Ok(None),
            result = self.work(&mut client) => result,
        };
        let leave = match result {
            Ok(leave) => leave,
            Err((failure, said)) => return self.failed(failure, true, said),
        };
        let left = match leave {
            None => {
                let none = Properties::EMPTY;
                client.disconnect(ReasonCode::SUCCESS, none).await
            }
            Some(Leave::Unseen) => {
                let none = Properties::EMPTY;
                client.disconnect_and_wait(ReasonCode::SUCCESS, none).await
            }
            Some(Leave::Disconnect(reason, properties)) => {
                let properties = properties.as_properties();
                client.disconnect_and_wait(reason, properties).await
            }
            // Whether the server has taken the last bytes is not asked of one who is cut off.
            Some(Leave::Cut | Leave::ByServer(_)) => {
                let _ = client.hang_up().await;
                Ok(())
            }
        };
        let unreleased = client.unreleased_ids();
        let unreleased = unreleased.filter_map(|id| self.unreleased.remove(&id));
        let unreleased = unreleased.collect();
        if client.in_flight() > 0 || client.unreleased() > 0 {
            let name = client.connected().client_id.to_string();
            let waiting = std::mem::take(&mut self.waiting);
            self.shared.park(name, Parked { client, waiting });
        }
        match left {
            Ok(()) => What::Left {
                was_connected: true,
                unreleased,
            },
            Err(lost) => {
                let failure = self.connect.lost_failure(&lost);
                self.failed(failure, true, None)
            }
        }
    }

    fn failed(&self, mut failure: Failure, was_connected: bool, said: Option<ReasonCode>) -> What {
        failure
            .message
            .push_str(&format!(" (playing the client at {})", self.client));
        What::Failed {
            failure,
            was_connected,
            said,
        }
    }

    /// Does what there is to do until the session is to end: how.
    async fn work(&mut self, client: &mut Client) -> Result<Option<Leave>, Ended> {
        let mut unreleased = usize::MAX;
        let leave = loop {
            tokio::select! {
                biased;
                job = self.jobs.recv() => match job {
                    Some(Job::Leave(leave, most)) => {
                        unreleased = most;
                        break Some(leave);
                    }
                    Some(job) => self.job(client, job).await?,
                    None => break None,
                },
                event = client.next_event() => self.handle(event)?,
            }
        };
        match &leave {
            Some(Leave::ByServer(_)) => {
                // It is the server's turn.
                let end = async {
                    loop {
                        let event = client.next_event().await;
                        self.handle(event)?;
                    }
                };
                match tokio::time::timeout(PATIENCE, end).await {
                    Ok(ended) => return ended,
                    Err(_) => return Ok(leave),
                }
            }
            Some(Leave::Cut) => {}
            Some(Leave::Disconnect(..) | Leave::Unseen) => {
                let rest = self.finish_exchanges(client);
                if let Ok(ended) = tokio::time::timeout(PATIENCE, rest).await {
                    ended?;
                }
            }
            None => self.finish_exchanges(client).await?,
        }
        if self.shared.verify.is_some() && leave.is_some() {
            let rest = self.hear_all(client, unreleased);
            if let Ok(ended) = tokio::time::timeout(PATIENCE, rest).await {
                ended?;
            }
        }
        self.flush(client).await?;
        Ok(leave)
    }

    /// Waits until the server has released all QoS 2 messages but so many, and given a sign that it
    /// has taken what it does not acknowledge: it may answer to that by ending the connection.
    async fn hear_all(&mut self, client: &mut Client, unreleased: usize) -> Result<(), Ended> {
        while let Some(event) = client.next_event_before_release(unreleased).await {
            self.handle(event)?;
        }
        if std::mem::take(&mut self.is_unsettled) && client.ping().is_ok() {
            self.is_settling = true;
            while self.is_settling {
                let event = client.next_event().await;
                self.handle(event)?;
            }
        }
        Ok(())
    }

    async fn finish_exchanges(&mut self, client: &mut Client) -> Result<(), Ended> {
        while client.in_flight() > 0 {
            let event = client.next_event().await;
            self.handle(event)?;
        }
        Ok(())
    }

    async fn job(&mut self, client: &mut Client, job: Job) -> Result<(), Ended> {
        match job {
            Job::Publish { message, due, room } => self.publish(client, message, due, room).await,
            Job::Subscribe(request) => {
                let filters = request
                    .filters
                    .iter()
                    .map(|(f, options)| (f.as_str(), *options));
                let properties = self.properties(&request.properties);
                let asked = client.subscribe(filters, properties);
                self.asked(request.number, asked)
            }
            Job::Unsubscribe(request) => {
                let filters = request.filters.iter().map(|(filter, _)| filter.as_str());
                let properties = self.properties(&request.properties);
                let asked = client.unsubscribe(filters, properties);
                self.asked(request.number, asked)
            }
            Job::Settle => {
                self.is_settling = client.ping().is_ok();
                if !self.is_settling {
                    self.shared.settled(self.session);
                }
                Ok(())
            }
            // It is looked for where jobs come from.
            Job::Leave(..) => Ok(()),
        }
    }

    fn properties<'p>(&self, captured: &'p PropertiesBuf) -> Properties<'p> {
        if self.connect.version() == Version::V5 {
            return captured.as_properties();
        }
        let dropped = captured.as_properties().iter().count() as u64;
        self.shared.tally.borrow_mut().properties_dropped += dropped;
        Properties::EMPTY
    }

    fn asked(&mut self, number: Number, asked: Result<Token, RequestError>) -> Result<(), Ended> {
        match asked {
            Ok(token) => {
                self.waiting.insert(token, number);
            }
            // Why there is no connection comes as an event.
            Err(RequestError::NotConnected) => {}
            Err(error) => {
                let mut tally = self.shared.tally.borrow_mut();
                tally.not_asked += 1;
                let sentence = || format!("cannot subscribe or unsubscribe: {error}");
                tally.first_refusal(Exit::Refused(ReasonCode::PACKET_TOO_LARGE), sentence);
                drop(tally);
                self.shared.answered(number);
            }
        }
        Ok(())
    }

    async fn flush(&mut self, client: &mut Client) -> Result<(), Ended> {
        if client.flush().await.is_err() {
            // Ends with the reason, since the connection is over, or goes on where it is made anew.
            let event = client.next_event().await;
            self.handle(event)?;
        }
        Ok(())
    }
}

/// Why a connection is over, and the code of the server's DISCONNECT.
type Ended = (Failure, Option<ReasonCode>);
