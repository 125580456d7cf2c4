//! The second engine: the rumqttc package, an implementation that shares nothing with ours.
//!
//! It is here to tell whose fault it is when something does not work, and stays as its authors
//! made it. Its event loop runs in a task, since dropping its `poll` half-way may lose a packet.
//!
//! What rumqttc 0.25 cannot do is refused with a sentence: MQTT 3.1; a Keep Alive under 5 s in
//! 5.0; passwords that are not text; most properties. What it does differently: it delivers QoS 2
//! repeats twice (left out here), it does not tie a message to its acknowledgement (done here, by
//! the order in which it reports what it sends), and its packet ids stop at 100, since it
//! allocates for the highest one.

mod event_loop;
mod options;
mod v311;
mod v5;

use std::collections::{HashMap, HashSet, VecDeque};
use std::io;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use self::event_loop::{Ended, EventLoop, Happened};
pub(super) use self::options::unsupported;
use super::error::{ConnectError, Lost, PublishError, Refusal, RequestError};
use super::event::{Connected, Event, ServerLimits, Token};
use super::message::{Publication, TopicName};
use super::options::{ConnectOptions, Options};
use super::retry::Retry;
use crate::mqtt::packet::SubscriptionOptions;
use crate::mqtt::{PacketType, Properties, PropertiesBuf, QoS, ReasonCode, Version};
use crate::net::{Address, DialError};

/// Its name in error sentences.
const NAME: &str = "rumqttc";

/// Requests that wait for its event loop at most.
const REQUESTS: usize = 100;

/// Events that wait for the caller at most.
const EVENTS: usize = 100;

/// How long a farewell may take.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// A connection to a broker.
#[derive(Debug)]
pub struct Client {
    requests: Requests,
    happened: mpsc::Receiver<Happened>,
    event_loop: JoinHandle<()>,
    events: VecDeque<Event>,
    connected: Connected,
    next_token: u64,
    /// Messages that its event loop has not reported as sent, in order.
    unsent: VecDeque<(Token, QoS)>,
    /// Subscriptions that its event loop has not reported as sent, in order.
    unsent_requests: VecDeque<Token>,
    in_flight: HashMap<u16, (Token, Reason)>,
    open_requests: HashMap<u16, Token>,
    /// QoS 2 ids between PUBLISH and PUBREL.
    received: HashSet<u16>,
    over: bool,
}

#[derive(Debug)]
enum Requests {
    V311(::rumqttc::AsyncClient),
    V5(::rumqttc::v5::AsyncClient),
}

/// A reason code with its text.
type Reason = (ReasonCode, Option<String>);

/// What this engine has no way to ask for.
pub(super) fn cannot(what: &str) -> RequestError {
    RequestError::Unsupported {
        engine: NAME,
        what: what.to_owned(),
    }
}

impl Client {
    /// Opens a connection and waits for CONNACK.
    ///
    /// # Errors
    /// [`ConnectError`]; [`ConnectError::Unsupported`] names what rumqttc cannot do.
    pub async fn connect(options: Options) -> Result<Client, ConnectError> {
        if options.retry != Retry::Never {
            return Err(unsupported("another try for a lost connection"));
        }
        if options.authentication.is_some() {
            return Err(unsupported("enhanced authentication"));
        }
        let connect = &options.connect;
        let (sender, happened) = mpsc::channel(EVENTS);
        if !options.target.is_plain_tcp() {
            let what = "more than plain TCP without proxy and local address (-A, --bind)";
            return Err(unsupported(what));
        }
        let (host, port) = match &options.target.address {
            Address::Tcp { host, port } if host.contains(':') => (format!("[{host}]"), *port),
            Address::Tcp { host, port } => (host.clone(), *port),
            Address::Srv(_) => return Err(unsupported("SRV records (-S)")),
            #[cfg(unix)]
            Address::Unix(_) => return Err(unsupported("unix sockets")),
        };
        let (requests, event_loop) = match connect.version {
            Version::V31 => return Err(unsupported("MQTT 3.1")),
            Version::V311 => {
                let (client, event_loop) = v311::client(connect, &host, port, options.timeout)?;
                (
                    Requests::V311(client),
                    EventLoop::V311(Box::new(event_loop)),
                )
            }
            Version::V5 => {
                let (client, event_loop) = v5::client(connect, &host, port, options.timeout)?;
                (Requests::V5(client), EventLoop::V5(Box::new(event_loop)))
            }
        };
        let mut client = Client {
            requests,
            happened,
            event_loop: tokio::spawn(event_loop.run(sender, connect.clone())),
            events: VecDeque::new(),
            connected: connected(connect, false, ServerLimits::NONE),
            next_token: 0,
            unsent: VecDeque::new(),
            unsent_requests: VecDeque::new(),
            in_flight: HashMap::new(),
            open_requests: HashMap::new(),
            received: HashSet::new(),
            over: false,
        };
        let first = tokio::time::timeout(options.timeout, client.happened.recv()).await;
        match first {
            Ok(Some(Happened::Connected(connected))) => {
                client.connected = *connected;
                Ok(client)
            }
            Ok(Some(Happened::Ended(ended))) => Err(match ended {
                Ended::Refused(refusal) => ConnectError::Refused(refusal),
                Ended::Disconnected(refusal) => ConnectError::Lost(Lost::Disconnected(refusal)),
                Ended::Io(source) => ConnectError::Dial(DialError::Connect {
                    tried: options.target.resolve()?,
                    source,
                }),
                Ended::Timeout => ConnectError::Timeout(options.timeout),
                Ended::Other(text) => ConnectError::Lost(Lost::Engine(text)),
            }),
            Ok(_) => Err(ConnectError::Lost(Lost::NotConnected)),
            Err(_) => Err(ConnectError::Timeout(options.timeout)),
        }
    }

    /// What the CONNACK said.
    pub fn connected(&self) -> &Connected {
        &self.connected
    }

    /// QoS 1 and 2 messages whose exchange has not ended.
    pub fn in_flight(&self) -> usize {
        let unsent = self.unsent.iter().filter(|(_, qos)| *qos > QoS::AtMostOnce);
        self.in_flight.len() + unsent.count()
    }

    /// Publishes. Full means that its queue is.
    ///
    /// # Errors
    /// [`PublishError`].
    pub fn publish(&mut self, publication: Publication) -> Result<Token, PublishError> {
        if self.over {
            return Err(PublishError::NotConnected(Box::new(publication)));
        }
        let Connected {
            limits, version, ..
        } = &self.connected;
        limits.check(&publication, *version)?;
        if self.unsent.len() + self.unsent_requests.len() >= REQUESTS {
            return Err(PublishError::QuotaFull(Box::new(publication)));
        }
        let sent = match &self.requests {
            Requests::V311(client) => v311::publish(client, &publication),
            Requests::V5(client) => v5::publish(client, &publication)?,
        };
        if !sent {
            return Err(PublishError::QuotaFull(Box::new(publication)));
        }
        let token = self.token();
        self.unsent.push_back((token, publication.qos));
        Ok(token)
    }

    /// Subscribes.
    ///
    /// # Errors
    /// [`RequestError`].
    pub fn subscribe<'f>(
        &mut self,
        filters: impl IntoIterator<Item = (&'f str, SubscriptionOptions)>,
        properties: Properties<'_>,
    ) -> Result<Token, RequestError> {
        if self.over {
            return Err(RequestError::NotConnected);
        }
        if !properties.is_empty() {
            return Err(cannot("properties of SUBSCRIBE"));
        }
        let filters: Vec<_> = filters.into_iter().collect();
        if filters.is_empty() {
            return Err(RequestError::NoFilter);
        }
        let sent = match &self.requests {
            Requests::V311(client) => v311::subscribe(client, &filters),
            Requests::V5(client) => v5::subscribe(client, &filters),
        };
        if !sent {
            return Err(RequestError::NoPacketId);
        }
        let token = self.token();
        self.unsent_requests.push_back(token);
        Ok(token)
    }

    /// An event that is there already.
    pub fn buffered_event(&mut self) -> Option<Result<Event, Lost>> {
        loop {
            if let Some(event) = self.events.pop_front() {
                return Some(Ok(event));
            }
            let happened = self.happened.try_recv().ok()?;
            if let Err(lost) = self.handle(happened) {
                return Some(Err(lost));
            }
        }
    }

    /// The next event. Nothing is lost if the future is dropped.
    ///
    /// # Errors
    /// When the connection is over, and [`Lost::NotConnected`] from then on.
    pub async fn next_event(&mut self) -> Result<Event, Lost> {
        loop {
            if let Some(event) = self.events.pop_front() {
                return Ok(event);
            }
            let happened = self.happened.recv().await.ok_or(Lost::NotConnected)?;
            self.handle(happened)?;
        }
    }

    /// Waits for an event, or for its event loop to take something out of its queue: that is no
    /// event, and with QoS 0 none follows.
    ///
    /// # Errors
    /// When the connection is over.
    pub async fn wait_for_room(&mut self) -> Result<Option<Event>, Lost> {
        if self.events.is_empty() {
            let happened = self.happened.recv().await.ok_or(Lost::NotConnected)?;
            self.handle(happened)?;
        }
        Ok(self.events.pop_front())
    }

    /// Waits until its event loop has sent everything.
    ///
    /// # Errors
    /// When the connection is over.
    pub async fn flush(&mut self) -> Result<(), Lost> {
        while !self.unsent.is_empty() || !self.unsent_requests.is_empty() {
            let happened = self.happened.recv().await.ok_or(Lost::NotConnected)?;
            self.handle(happened)?;
        }
        Ok(())
    }

    /// Sends DISCONNECT, which has no reason in rumqttc, then closes.
    ///
    /// # Errors
    /// If it could not be sent.
    pub async fn disconnect(&mut self) -> Result<(), Lost> {
        if self.over {
            return Ok(());
        }
        let farewell = async {
            let asked = match &self.requests {
                Requests::V311(client) => client.disconnect().await.is_ok(),
                Requests::V5(client) => client.disconnect().await.is_ok(),
            };
            if !asked {
                return Err(Lost::NotConnected);
            }
            while let Some(happened) = self.happened.recv().await {
                match happened {
                    Happened::SentDisconnect => return Ok(()),
                    Happened::Ended(_) => break,
                    _ => {}
                }
            }
            Err(Lost::NotConnected)
        };
        let left = tokio::time::timeout(CLOSE_TIMEOUT, farewell).await;
        self.over = true;
        self.event_loop.abort();
        left.unwrap_or_else(|_| Err(Lost::Io(io::ErrorKind::TimedOut.into())))
    }

    fn token(&mut self) -> Token {
        self.next_token += 1;
        Token(self.next_token)
    }

    fn handle(&mut self, happened: Happened) -> Result<(), Lost> {
        match happened {
            Happened::Connected(_) | Happened::SentDisconnect => {}
            Happened::Message(message) => {
                if message.qos < QoS::ExactlyOnce || self.received.insert(message.packet_id) {
                    self.events.push_back(Event::Message(*message));
                }
            }
            Happened::SentPublish(id) => {
                if let Some((token, _)) = self.unsent.pop_front()
                    && id != 0
                {
                    let reason = (ReasonCode::SUCCESS, None);
                    self.in_flight.insert(id, (token, reason));
                }
            }
            Happened::SentSubscribe(id) => {
                if let Some(token) = self.unsent_requests.pop_front() {
                    self.open_requests.insert(id, token);
                }
            }
            Happened::PubAck(id, reason) => {
                if let Some((token, _)) = self.in_flight.remove(&id) {
                    self.push_published(token, reason);
                }
            }
            Happened::PubRec(id, reason) if reason.0.is_error() => {
                if let Some((token, _)) = self.in_flight.remove(&id) {
                    self.push_published(token, reason);
                }
            }
            Happened::PubRec(id, reason) => {
                if let Some(entry) = self.in_flight.get_mut(&id) {
                    entry.1 = reason;
                }
            }
            Happened::PubRel(id) => {
                self.received.remove(&id);
            }
            Happened::PubComp(id) => {
                if let Some((token, reason)) = self.in_flight.remove(&id) {
                    self.push_published(token, reason);
                }
            }
            Happened::SubAck(id, reasons, reason_string) => {
                if let Some(token) = self.open_requests.remove(&id) {
                    self.events.push_back(Event::Subscribed {
                        token,
                        reasons,
                        reason_string,
                    });
                }
            }
            Happened::Ended(ended) => {
                self.over = true;
                return Err(match ended {
                    Ended::Refused(refusal) => Lost::Refused(refusal),
                    Ended::Disconnected(refusal) => Lost::Disconnected(refusal),
                    Ended::Io(error) if error.kind() == io::ErrorKind::ConnectionAborted => {
                        Lost::Closed { pending: 0 }
                    }
                    Ended::Io(error) => Lost::Io(error),
                    Ended::Timeout => Lost::Engine("no answer in time".to_owned()),
                    Ended::Other(text) => Lost::Engine(text),
                });
            }
        }
        Ok(())
    }

    fn push_published(&mut self, token: Token, (reason, reason_string): Reason) {
        self.events.push_back(Event::Published {
            token,
            reason,
            reason_string,
        });
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.event_loop.abort();
    }
}

fn connected(connect: &ConnectOptions, session_present: bool, limits: ServerLimits) -> Connected {
    Connected {
        version: connect.version,
        fallen_back: None,
        session_present,
        client_id: connect.client_id.as_str().into(),
        keep_alive: connect.keep_alive,
        limits,
        properties: PropertiesBuf::new(),
    }
}

fn refusal(packet: PacketType, version: Version, code: u8, reason: ReasonCode) -> Box<Refusal> {
    Box::new(Refusal {
        packet,
        version,
        code,
        reason,
        reason_string: None,
        server_reference: None,
    })
}

/// A topic that rumqttc has read; `None` if it is no UTF-8, which rumqttc does not check in 5.0.
fn topic(bytes: Bytes) -> Option<TopicName> {
    std::str::from_utf8(&bytes).ok()?;
    Some(TopicName::from_checked(bytes))
}
