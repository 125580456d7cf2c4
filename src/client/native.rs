//! The native engine: [`Protocol`] on a tokio socket.
//!
//! One owner polls it; there is no task and no channel behind it. Commands only fill a buffer;
//! [`flush`](Client::flush) and [`next_event`](Client::next_event) move bytes. An idle connection
//! holds no read buffer: reading goes through one buffer per thread.
//!
//! A connection that is lost is made anew where the options say so ([`Retry`](super::Retry)): the
//! session continues, and the events tell of it.

mod authentication;
mod redial;

use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWrite};
use tokio::time::Sleep;

use self::redial::Redial;
use super::authentication::Exchange;
use super::error::{ConnectError, Lost, PublishError, RequestError};
use super::event::{Connected, Event, FallenBack, Token};
use super::message::Publication;
use super::options::Options;
use super::protocol::Protocol;
use super::retry::Backoff;
use crate::mqtt::packet::SubscriptionOptions;
use crate::mqtt::{Properties, QoS, ReasonCode, Version};
use crate::net::{DialError, Foreign, Stream, TlsError};

/// Bytes that one reading takes at most.
const READ_SIZE: usize = 64 * 1024;

/// The read buffer is replaced when less than this is left of it.
const READ_MINIMUM: usize = 16 * 1024;

/// Bytes that [`Client::flush`] takes in while the server does not read on.
const READ_AHEAD: usize = 4 * 1024 * 1024;

/// How long the last bytes may take when a connection is closed.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

thread_local! {
    /// Where every connection of the thread reads into. Pieces are split off and shared with the
    /// messages in them; once those are dropped, their room is used again.
    static READ_BUFFER: RefCell<BytesMut> = RefCell::new(BytesMut::new());
}

/// A connection to a broker.
#[derive(Debug)]
pub struct Client {
    options: Options,
    protocol: Protocol,
    stream: Option<Stream>,
    /// Armed for [`Protocol::poll_timeout`], or for an earlier time that has moved since.
    timer: Option<Pin<Box<Sleep>>>,
    connected: Connected,
    /// Whether there ever was a connection: before that there is nothing to make anew.
    was_connected: bool,
    backoff: Backoff,
    redial: Redial,
    /// The enhanced authentication that goes on.
    exchange: Option<Box<dyn Exchange>>,
    answer: Answer,
    /// Whether messages of QoS 1 or 2 came: their acknowledgements have to get through.
    has_acknowledged: bool,
}

/// What the first bytes from the server look like.
#[derive(Debug)]
enum Answer {
    /// None has come.
    None,
    Mqtt,
    Foreign(Foreign),
}

impl Client {
    /// Opens a connection and waits for CONNACK.
    ///
    /// # Errors
    /// [`ConnectError`], after at most the time-out of the options, and two seconds in which it is
    /// found out why a server hung up.
    pub async fn connect(options: Options) -> Result<Client, ConnectError> {
        let mut client = Client {
            protocol: Protocol::new(options.connect.clone()),
            connected: Connected {
                version: options.connect.version,
                fallen_back: None,
                session_present: false,
                client_id: String::new(),
                keep_alive: 0,
                limits: super::ServerLimits::NONE,
                properties: crate::mqtt::PropertiesBuf::new(),
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
        client.protocol.set_trace(client.options.trace.clone());
        let clean_start = client.options.connect.clean_start;
        let Err(error) = client.open(clean_start).await else {
            return Ok(client);
        };
        let why = client.fall_back(error)?;
        let mut connect = (*client.options.connect).clone();
        connect.version = Version::V311;
        client.options.connect = Arc::new(connect);
        client.protocol = Protocol::new(client.options.connect.clone());
        client.protocol.set_trace(client.options.trace.clone());
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
    fn start(
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

    /// What the CONNACK said.
    pub fn connected(&self) -> &Connected {
        &self.connected
    }

    /// See [`Protocol::quota`].
    pub fn quota(&self) -> u16 {
        self.protocol.quota()
    }

    /// See [`Protocol::in_flight`].
    pub fn in_flight(&self) -> usize {
        self.protocol.in_flight()
    }

    fn unreleased(&self) -> usize {
        self.protocol.unreleased()
    }

    /// Bytes that wait to be sent.
    pub fn unsent(&self) -> usize {
        self.protocol.output().len()
    }

    /// See [`Protocol::publish`].
    ///
    /// # Errors
    /// [`PublishError`].
    pub fn publish(&mut self, publication: Publication) -> Result<Token, PublishError> {
        self.protocol.publish(publication)
    }

    /// See [`Protocol::subscribe`].
    ///
    /// # Errors
    /// [`RequestError`].
    pub fn subscribe<'f>(
        &mut self,
        filters: impl IntoIterator<Item = (&'f str, SubscriptionOptions)>,
        properties: Properties<'_>,
    ) -> Result<Token, RequestError> {
        self.protocol.subscribe(filters, properties)
    }

    /// See [`Protocol::unsubscribe`].
    ///
    /// # Errors
    /// [`RequestError`].
    pub fn unsubscribe<'f>(
        &mut self,
        filters: impl IntoIterator<Item = &'f str>,
        properties: Properties<'_>,
    ) -> Result<Token, RequestError> {
        self.protocol.unsubscribe(filters, properties)
    }

    /// See [`Protocol::ping`].
    ///
    /// # Errors
    /// [`RequestError`].
    pub fn ping(&mut self) -> Result<(), RequestError> {
        self.protocol.ping(now())
    }

    /// An event that needs no reading or writing: whatever is left of the bytes that came last.
    pub fn buffered_event(&mut self) -> Option<Result<Event, Lost>> {
        loop {
            let event = self.protocol.poll_event()?;
            if let Some(event) = self.pass(event) {
                return Some(event);
            }
        }
    }

    /// The next event; sends, receives and keeps the connection alive while it waits. Nothing is
    /// lost if the future is dropped.
    ///
    /// # Errors
    /// When the connection is over, and [`Lost::NotConnected`] from then on.
    pub async fn next_event(&mut self) -> Result<Event, Lost> {
        poll_fn(|cx| self.poll_event(cx)).await
    }

    /// [`next_event`](Self::next_event) for those who poll many connections from one task.
    ///
    /// # Errors
    /// As [`next_event`](Self::next_event).
    pub fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Result<Event, Lost>> {
        loop {
            if let Some(event) = self.protocol.poll_event() {
                match self.pass(event) {
                    Some(event) => return Poll::Ready(event),
                    None => continue,
                }
            }
            if self.stream.is_none() {
                match ready!(self.poll_redial(cx)) {
                    Some(event) => return Poll::Ready(event),
                    None => continue,
                }
            }
            // A server that hangs up says why in what it sent before, so a failed writing does not
            // end the connection before everything is read.
            let written = self.poll_write(cx);
            match self.poll_read(cx) {
                Poll::Ready(Ok(0)) => {
                    self.protocol.handle_eof();
                    continue;
                }
                Poll::Ready(Ok(_)) => continue,
                Poll::Ready(Err(error)) => {
                    self.protocol.handle_io_error(error);
                    continue;
                }
                Poll::Pending => {}
            }
            if let Poll::Ready(Err(error)) = written {
                self.protocol.handle_io_error(error);
                continue;
            }
            if self.poll_timer(cx).is_pending() {
                self.protocol.release_buffers();
                return Poll::Pending;
            }
        }
    }

    /// Waits until the server has released every QoS 2 message, or the connection is over. What
    /// else comes meanwhile is dropped.
    pub async fn wait_for_releases(&mut self) {
        poll_fn(|cx| {
            loop {
                if self.unreleased() == 0 {
                    return Poll::Ready(());
                }
                match self.poll_event(cx) {
                    Poll::Ready(Ok(_)) => {}
                    Poll::Ready(Err(_)) => return Poll::Ready(()),
                    Poll::Pending if self.unreleased() == 0 => return Poll::Ready(()),
                    Poll::Pending => return Poll::Pending,
                }
            }
        })
        .await;
    }

    /// Waits until everything is handed to the system. Nothing is lost if the future is dropped.
    ///
    /// # Errors
    /// When the connection breaks. Why, and what the server said before, comes from
    /// [`next_event`](Self::next_event).
    pub async fn flush(&mut self) -> Result<(), Lost> {
        poll_fn(|cx| self.poll_flush(cx)).await
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Lost>> {
        loop {
            if self.protocol.output().is_empty() {
                return Poll::Ready(Ok(()));
            }
            if self.stream.is_none() {
                return Poll::Ready(Err(Lost::NotConnected));
            }
            match self.poll_write(cx) {
                Poll::Ready(Ok(())) => return Poll::Ready(Ok(())),
                Poll::Ready(Err(error)) => return Poll::Ready(Err(Lost::Io(error))),
                Poll::Pending => {}
            }
            // A server may stop reading until what it sends is read.
            if self.protocol.unread() < READ_AHEAD {
                match self.poll_read(cx) {
                    Poll::Ready(Ok(0)) => {
                        let error = io::Error::from(io::ErrorKind::ConnectionReset);
                        return Poll::Ready(Err(Lost::Io(error)));
                    }
                    Poll::Ready(Ok(_)) => continue,
                    Poll::Ready(Err(error)) => return Poll::Ready(Err(Lost::Io(error))),
                    Poll::Pending => {}
                }
            }
            if self.poll_timer(cx).is_pending() {
                return Poll::Pending;
            }
            if !self.protocol.is_connected() {
                // The timer has ended it. `next_event` gives what came before that, then the reason.
                return Poll::Ready(Err(Lost::NotConnected));
            }
        }
    }

    /// Sends DISCONNECT, then closes. A server that does not take the last bytes is left after two
    /// seconds: [`flush`](Self::flush) first what matters. Where messages were acknowledged, waits as
    /// long at most for the server to hang up (`[MQTT-3.14.4-3]`): one that sends the next message
    /// to a closed socket sees that fail, and may not read our last acknowledgements.
    ///
    /// # Errors
    /// If the last bytes could not be sent.
    pub async fn disconnect(
        &mut self,
        reason: ReasonCode,
        properties: Properties<'_>,
    ) -> Result<(), Lost> {
        if self.protocol.disconnect(reason, properties).is_err() {
            // Properties that do not fit: leave without them.
            let _ = self.protocol.disconnect(reason, Properties::EMPTY);
        }
        self.timer = None;
        self.redial = Redial::Idle;
        let close = poll_fn(|cx| {
            let written = self.poll_write(cx);
            if let (Poll::Ready(Ok(())), Some(stream)) = (&written, &mut self.stream) {
                let shut = ready!(Pin::new(stream).poll_shutdown(cx));
                if shut.is_err() || !self.has_acknowledged {
                    return Poll::Ready(shut);
                }
                while let Ok(1..) = ready!(self.poll_read(cx)) {
                    self.protocol.discard_input();
                }
                return Poll::Ready(Ok(()));
            }
            // Take in and drop what still comes: closing with unread bytes would reset the
            // connection and could cost the server our last packets.
            while let Poll::Ready(Ok(1..)) = self.poll_read(cx) {
                self.protocol.discard_input();
            }
            written
        });
        let closed = match tokio::time::timeout(CLOSE_TIMEOUT, close).await {
            Ok(closed) => closed.map_err(Lost::Io),
            Err(_) => Err(Lost::Io(io::ErrorKind::TimedOut.into())),
        };
        poll_fn(|cx| {
            while let Poll::Ready(Ok(1..)) = self.poll_read(cx) {
                self.protocol.discard_input();
            }
            Poll::Ready(())
        })
        .await;
        self.stream = None;
        closed
    }

    /// What the caller gets to see of an event.
    fn pass(&mut self, event: Event) -> Option<Result<Event, Lost>> {
        match event {
            Event::Auth { reason, data } => self.pass_auth(reason, data),
            Event::Closed(lost) => {
                // What the protocol still wants to say, a DISCONNECT with its reason, goes out if
                // the socket takes it at once.
                let mut cx = Context::from_waker(std::task::Waker::noop());
                let _ = self.poll_write(&mut cx);
                self.stream = None;
                self.timer = None;
                Some(self.handle_setback(lost))
            }
            Event::Connected(connected) => {
                if !self.finish_authentication(&connected) {
                    return None;
                }
                self.was_connected = true;
                self.backoff.handle_connected(now());
                self.connected = connected.clone();
                Some(Ok(Event::Connected(connected)))
            }
            event => {
                self.has_acknowledged |=
                    matches!(&event, Event::Message(message) if message.qos > QoS::AtMostOnce);
                self.backoff.handle_progress(now);
                Some(Ok(event))
            }
        }
    }

    /// Sends what there is.
    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Some(stream) = &mut self.stream else {
            return Poll::Ready(Ok(()));
        };
        while !self.protocol.output().is_empty() {
            match Pin::new(&mut *stream).poll_write(cx, self.protocol.output()) {
                Poll::Ready(Ok(0)) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Poll::Ready(Ok(len)) => self.protocol.consume_output(now(), len),
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => {
                    self.protocol.handle_blocked(now());
                    return Poll::Pending;
                }
            }
        }
        Pin::new(stream).poll_flush(cx)
    }

    /// Reads once: the number of bytes, 0 at the end of the stream.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let Some(stream) = &mut self.stream else {
            return Poll::Ready(Ok(0));
        };
        READ_BUFFER.with_borrow_mut(|buffer| {
            if buffer.capacity() - buffer.len() < READ_MINIMUM {
                buffer.reserve(READ_SIZE);
            }
            let read = pin!(stream.read_buf(buffer)).poll(cx);
            if let Poll::Ready(Ok(1..)) = read {
                if let Answer::None = self.answer {
                    self.answer = Foreign::recognize(buffer).map_or(Answer::Mqtt, Answer::Foreign);
                }
                if let Answer::Foreign(foreign) = self.answer {
                    // As packets its bytes mean nothing, and could be awaited for ever.
                    buffer.clear();
                    self.protocol.handle_io_error(io::Error::other(foreign));
                    return read;
                }
                self.protocol.handle_bytes(now(), buffer.split());
            }
            read
        })
    }

    /// Ready when the protocol had something to do.
    fn poll_timer(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(at) = self.protocol.poll_timeout() else {
            return Poll::Pending;
        };
        let timer = self
            .timer
            .get_or_insert_with(|| Box::pin(tokio::time::sleep_until(at.into())));
        // The time moves with every sending; the timer follows when it has fired, or when the time
        // has come closer.
        if timer.deadline().into_std() > at {
            timer.as_mut().reset(at.into());
        }
        while timer.as_mut().poll(cx).is_ready() {
            let now = now();
            if now >= at {
                self.protocol.handle_timeout(now);
                self.timer = None;
                return Poll::Ready(());
            }
            timer.as_mut().reset(at.into());
        }
        Poll::Pending
    }
}

/// The runtime's clock, which tests can pause.
fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}
