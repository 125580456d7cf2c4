//! The native engine: [`Protocol`] on a tokio socket.
//!
//! One owner polls it; there is no task and no channel behind it. Commands only fill a buffer;
//! [`flush`](Client::flush) and [`next_event`](Client::next_event) move bytes. An idle connection
//! holds no read buffer: reading goes through one buffer per thread.
//!
//! A connection that is lost is made anew where the options say so ([`Retry`](super::Retry)): the
//! session continues, and the events tell of it.

mod authentication;
mod moving;
mod opening;
mod redial;

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use tokio::time::Sleep;

use self::redial::Redial;
use super::authentication::Exchange;
use super::error::{Lost, PublishError, RequestError};
use super::event::{Connected, Event, Token};
use super::message::Publication;
use super::options::Options;
use super::prepared::Prepared;
use super::protocol::Protocol;
use super::retry::Backoff;
use super::visit::{Visitor, visit};
use crate::mqtt::packet::SubscriptionOptions;
use crate::mqtt::{Properties, QoS};
use crate::net::{Foreign, Stream};

/// A connection to a broker.
#[derive(Debug)]
pub struct Client {
    options: Arc<Options>,
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

    /// See [`Protocol::give_aliases`].
    pub fn give_aliases(&mut self) {
        self.protocol.give_aliases();
    }

    /// See [`Protocol::unreleased`].
    pub fn unreleased(&self) -> usize {
        self.protocol.unreleased()
    }

    /// See [`Protocol::unreleased_ids`].
    pub fn unreleased_ids(&self) -> impl Iterator<Item = u16> {
        self.protocol.unreleased_ids()
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

    /// See [`Protocol::publish_prepared`].
    ///
    /// # Errors
    /// [`PublishError`].
    pub fn publish_prepared(
        &mut self,
        prepared: &Prepared,
        patch: &[u8],
    ) -> Result<Token, PublishError> {
        self.protocol.publish_prepared(prepared, patch)
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

    /// [`next_event`](Self::next_event), but messages and acknowledgements are shown to `visitor`
    /// as they are decoded. `None`: some were shown, and nothing else is there now.
    ///
    /// # Errors
    /// As [`next_event`](Self::next_event).
    pub async fn next_visited(&mut self, visitor: &mut dyn Visitor) -> Result<Option<Event>, Lost> {
        poll_fn(|cx| self.poll_visited(cx, visitor)).await
    }

    /// [`next_visited`](Self::next_visited) for those who poll.
    ///
    /// # Errors
    /// As [`next_event`](Self::next_event).
    pub fn poll_visited(
        &mut self,
        cx: &mut Context<'_>,
        visitor: &mut dyn Visitor,
    ) -> Poll<Result<Option<Event>, Lost>> {
        if let Some(event) = self.buffered_visited(visitor) {
            return Poll::Ready(event);
        }
        loop {
            match ready!(self.poll_event_or_bytes(cx)) {
                Some(event) => {
                    return Poll::Ready(event.map(|event| visit(event, visitor)));
                }
                None => {
                    if let Some(event) = self.buffered_visited(visitor) {
                        return Poll::Ready(event);
                    }
                }
            }
        }
    }

    /// What [`next_visited`](Self::next_visited) has without reading or writing.
    pub fn buffered_visited(
        &mut self,
        visitor: &mut dyn Visitor,
    ) -> Option<Result<Option<Event>, Lost>> {
        let visited = self.protocol.visit(visitor);
        if visited.packets > 0 {
            self.has_acknowledged |= visited.has_acknowledged;
            self.backoff.handle_progress(now);
        }
        match self.buffered_event() {
            Some(event) => Some(event.map(|event| visit(event, visitor))),
            None if visited.packets > 0 => Some(Ok(None)),
            None => None,
        }
    }

    /// [`next_event`](Self::next_event) for those who poll many connections from one task.
    ///
    /// # Errors
    /// As [`next_event`](Self::next_event).
    pub fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Result<Event, Lost>> {
        loop {
            if let Some(event) = ready!(self.poll_event_or_bytes(cx)) {
                return Poll::Ready(event);
            }
        }
    }

    /// The next event; `None` if bytes came that may hold one.
    fn poll_event_or_bytes(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Event, Lost>>> {
        loop {
            if let Some(event) = self.protocol.poll_event() {
                match self.pass(event) {
                    Some(event) => return Poll::Ready(Some(event)),
                    None => continue,
                }
            }
            if self.stream.is_none() {
                match ready!(self.poll_redial(cx)) {
                    Some(event) => return Poll::Ready(Some(event)),
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
                Poll::Ready(Ok(_)) => return Poll::Ready(None),
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

    /// The next event; `None` as soon as the server has released all QoS 2 messages but `most`.
    pub async fn next_event_before_release(&mut self, most: usize) -> Option<Result<Event, Lost>> {
        poll_fn(|cx| {
            if self.unreleased() <= most {
                return Poll::Ready(None);
            }
            match self.poll_event(cx) {
                Poll::Ready(event) => Poll::Ready(Some(event)),
                Poll::Pending if self.unreleased() <= most => Poll::Ready(None),
                Poll::Pending => Poll::Pending,
            }
        })
        .await
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
}

/// The runtime's clock, which tests can pause.
fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}
