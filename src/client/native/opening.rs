//! How a connection comes about: the transport, CONNECT, its answer, and why there is none.

use std::sync::Arc;
use std::time::Instant;

use super::super::ServerLimits;
use super::super::error::{ConnectError, Lost};
use super::super::event::{Connected, Event, FallenBack};
use super::super::options::Options;
use super::super::protocol::Protocol;
use super::super::retry::Backoff;
use super::redial::Redial;
use super::{Answer, Client, now};
use crate::mqtt::{PropertiesBuf, ReasonCode, Version};
use crate::net::{DialError, Stream, TlsError};

impl Client {
    /// Opens a connection and waits for CONNACK.
    ///
    /// # Errors
    /// [`ConnectError`], after at most the time-out of the options, and two seconds in which it is
    /// found out why a server hung up.
    pub async fn connect(options: Options) -> Result<Client, ConnectError> {
        Client::connect_as(Arc::new(options), None).await
    }

    /// The same with options that many connections share, which have but a Client Identifier of
    /// their own.
    ///
    /// # Errors
    /// As [`connect`](Self::connect).
    pub async fn connect_as(
        options: Arc<Options>,
        client_id: Option<Arc<str>>,
    ) -> Result<Client, ConnectError> {
        Client::connect_with(options, client_id, None).await
    }

    /// The same with the unacknowledged messages and the received QoS 2 identifiers that an earlier
    /// client has left, for who knows that it is the same client of the broker. They count if the
    /// broker has the session.
    ///
    /// # Errors
    /// As [`connect`](Self::connect).
    pub async fn connect_after(options: Options, before: Client) -> Result<Client, ConnectError> {
        Client::connect_with(Arc::new(options), None, Some(before.protocol)).await
    }

    async fn connect_with(
        options: Arc<Options>,
        client_id: Option<Arc<str>>,
        before: Option<Protocol>,
    ) -> Result<Client, ConnectError> {
        let mut client = Client {
            protocol: protocol(&options, client_id.as_ref()),
            connected: Connected {
                version: options.connect.version,
                fallen_back: None,
                session_present: false,
                client_id: Arc::default(),
                keep_alive: 0,
                limits: ServerLimits::NONE,
                properties: PropertiesBuf::new(),
            },
            stream: None,
            timer: None,
            was_connected: false,
            backoff: Backoff::new(options.retry),
            redial: Redial::Idle,
            exchange: None,
            answer: Answer::None,
            has_acknowledged: false,
            options,
        };
        if let Some(before) = before {
            client.protocol.continue_session(before);
        }
        let clean_start = client.options.connect.clean_start;
        let Err(error) = client.open(clean_start).await else {
            return Ok(client);
        };
        let why = client.fall_back(error)?;
        let mut connect = (*client.options.connect).clone();
        connect.version = Version::V311;
        Arc::make_mut(&mut client.options).connect = Arc::new(connect);
        client.protocol = protocol(&client.options, client_id.as_ref());
        match (client.open(clean_start).await, why) {
            (Ok(()), why) => client.connected.fallen_back = Some(why),
            // It hangs up whatever it is told, or is gone.
            (Err(error), FallenBack::HungUp) if !matches!(error, ConnectError::Refused(_)) => {
                return Err(ConnectError::Lost(Lost::Closed { pending: 0 }));
            }
            (Err(error), _) => return Err(error),
        }
        Ok(client)
    }

    /// Whether a server that gave this to 5.0 is asked for 3.1.1. Some that have never heard of 5.0
    /// find the properties in CONNECT malformed, and hang up.
    fn fall_back(&self, error: ConnectError) -> Result<FallenBack, ConnectError> {
        let may = self.options.fall_back
            && self.options.connect.version == Version::V5
            && self.options.authentication.is_none();
        match error {
            ConnectError::Refused(refusal)
                if may && refusal.reason == ReasonCode::UNSUPPORTED_PROTOCOL_VERSION =>
            {
                Ok(FallenBack::Refused(refusal))
            }
            ConnectError::Lost(Lost::Closed { pending: 0 }) if may => Ok(FallenBack::HungUp),
            error => Err(error),
        }
    }

    /// Opens a new connection in place of one that is lost, and continues the session: what was not
    /// acknowledged is sent again.
    ///
    /// # Errors
    /// As [`connect`](Self::connect); the session stays for another try.
    pub async fn reconnect(&mut self) -> Result<(), ConnectError> {
        self.open(false).await
    }

    async fn open(&mut self, clean_start: bool) -> Result<(), ConnectError> {
        self.stream = None;
        self.redial = Redial::Idle;
        self.was_connected = false;
        let timeout = self.options.timeout;
        let start = now();
        let stream = self.options.target.connect(timeout).await?;
        self.start(stream, start, clean_start)?;
        match self.next_event().await {
            Ok(Event::Connected(_)) => Ok(()),
            // Nothing else can come first.
            Ok(_) => Err(ConnectError::Lost(Lost::NotConnected)),
            Err(lost) => Err(self.explain(lost).await),
        }
    }

    /// Why there was no CONNACK.
    async fn explain(&self, lost: Lost) -> ConnectError {
        let lost = match lost {
            Lost::NoConnAck(_) => return ConnectError::Timeout(self.options.timeout),
            Lost::Refused(refusal) => return ConnectError::Refused(refusal),
            Lost::Io(error) => match TlsError::from_io(error) {
                Ok(error) => return DialError::from(Box::new(error)).into(),
                Err(error) => Lost::Io(error),
            },
            lost => lost,
        };
        let foreign = match (&self.answer, &lost) {
            (Answer::Foreign(foreign), _) => Some(*foreign),
            (Answer::None, Lost::Closed { .. } | Lost::Io(_)) if !self.options.plain => {
                Box::pin(self.options.target.diagnose()).await
            }
            _ => None,
        };
        match (foreign, lost) {
            (Some(foreign), _) => DialError::from(foreign).into(),
            (None, Lost::Protocol(error)) => ConnectError::Protocol(error),
            (None, lost) => ConnectError::Lost(lost),
        }
    }

    /// A transport is open, which took since `start`: CONNECT.
    pub(super) fn start(
        &mut self,
        stream: Stream,
        start: Instant,
        clean_start: bool,
    ) -> Result<(), ConnectError> {
        self.timer = None;
        self.answer = Answer::None;
        let now = now();
        let timeout = self.options.timeout;
        let left = timeout.saturating_sub(now.saturating_duration_since(start));
        self.begin_authentication();
        self.protocol.connect(now, left, clean_start)?;
        self.stream = Some(stream);
        Ok(())
    }
}

/// One that knows what these options say.
fn protocol(options: &Options, client_id: Option<&Arc<str>>) -> Protocol {
    let mut protocol = Protocol::new(options.connect.clone());
    protocol.set_trace(options.trace.clone());
    if let Some(client_id) = client_id {
        protocol.set_client_id(client_id.clone());
    }
    protocol
}
