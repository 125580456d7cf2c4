//! One connection and its session, without sockets and without a clock.
//!
//! Bytes that came go in by [`handle_bytes`](Protocol::handle_bytes), commands append to
//! [`output`](Protocol::output), and what happened comes out of
//! [`poll_event`](Protocol::poll_event). Time is a parameter: whoever drives this calls
//! [`handle_timeout`](Protocol::handle_timeout) at [`poll_timeout`](Protocol::poll_timeout).
//!
//! Packets are decoded when an event is asked for, not when their bytes come. So a QoS 1 or 2
//! message is acknowledged only if the caller has it, and a slow caller holds bytes, not messages.
//!
//! The session (unacknowledged messages, received QoS 2 ids) stays in here between two
//! connections: [`connect`](Protocol::connect) again, and the CONNACK decides what is sent again.

mod aliases;
mod auth;
mod command;
mod receive;
mod session;
mod subscriptions;
mod timer;
mod visit;

#[cfg(test)]
mod lasting_tests;
#[cfg(test)]
mod random_tests;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{Buf, BytesMut};

use self::aliases::Aliases;
use self::auth::Auth;
pub(super) use self::auth::authentication_data;
use self::session::Session;
use self::timer::{KeepAlive, Patience};
pub use self::visit::Visited;
use super::error::{Lost, ProtocolError};
use super::event::{Event, ServerLimits, Token};
use super::message::TopicName;
use super::options::ConnectOptions;
use super::trace::Trace;
use crate::mqtt::frame::Framer;
use crate::mqtt::packet::Packet;
use crate::mqtt::{Version, encode};

/// Output buffers of more bytes are given back when the connection has nothing to do. One that has
/// sent no message and acknowledged none gives every buffer back: of many thousand that are idle, each
/// byte counts.
const IDLE_BUFFER: usize = 64 * 1024;

/// The state machine. See the [module](self).
#[derive(Debug)]
pub struct Protocol {
    options: Arc<ConnectOptions>,
    phase: Phase,
    session: Session,
    limits: ServerLimits,
    /// The name of the session where it is not that of the options: Assigned Client Identifier, or
    /// what the caller has set.
    client_id: Option<Arc<str>>,
    framer: Framer,
    /// Whether the framer's buffer is a piece of the caller's read buffer.
    borrows_read_buffer: bool,
    output: BytesMut,
    /// Whether messages or their acknowledgements were in the output: there will be more.
    is_in_use: bool,
    events: VecDeque<Event>,
    /// What the server's Topic Aliases stand for, from alias 1 on; `None` not yet given.
    aliases: Vec<Option<TopicName>>,
    /// Those that this client gives, where that is wanted and the server takes some.
    own_aliases: Option<Box<Aliases>>,
    keep_alive: KeepAlive,
    /// `None`: without limit.
    patience: Option<Box<Patience>>,
    auth: Auth,
    trace: Option<Arc<dyn Trace>>,
    next_token: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// No connection: not yet, or not any more.
    Closed,
    /// CONNECT is in the output; CONNACK has to come until then.
    Connecting {
        until: Instant,
        timeout: Duration,
        clean_start: bool,
    },
    /// CONNACK has come.
    Connected,
}

impl Protocol {
    /// No connection, an empty session.
    pub fn new(options: Arc<ConnectOptions>) -> Protocol {
        Protocol {
            session: Session::new(&options),
            framer: Framer::new(options.maximum_packet_size()),
            options,
            phase: Phase::Closed,
            limits: ServerLimits::NONE,
            client_id: None,
            borrows_read_buffer: false,
            output: BytesMut::new(),
            is_in_use: false,
            events: VecDeque::new(),
            aliases: Vec::new(),
            own_aliases: None,
            keep_alive: KeepAlive::default(),
            patience: None,
            auth: Auth::default(),
            trace: None,
            next_token: 0,
        }
    }

    /// Shows every packet from now on.
    pub fn set_trace(&mut self, trace: Option<Arc<dyn Trace>>) {
        self.trace = trace;
    }

    /// Takes this Client Identifier in place of that of the options, which many connections may
    /// share.
    pub fn set_client_id(&mut self, client_id: Arc<str>) {
        self.client_id = Some(client_id);
    }

    /// What CONNECT says.
    pub fn options(&self) -> &ConnectOptions {
        &self.options
    }

    /// Whether CONNACK has come and the connection is not over.
    pub fn is_connected(&self) -> bool {
        self.phase == Phase::Connected
    }

    /// What the server takes; before CONNACK everything.
    pub fn limits(&self) -> &ServerLimits {
        &self.limits
    }

    /// QoS 1 and 2 messages that can be published now.
    pub fn quota(&self) -> u16 {
        match self.phase {
            Phase::Connected => self.session.quota(),
            Phase::Closed | Phase::Connecting { .. } => 0,
        }
    }

    /// QoS 2 messages that were delivered, and which the server still has to release.
    pub fn unreleased(&self) -> usize {
        self.session.incoming.unreleased()
    }

    /// Their packet identifiers, in no order.
    pub fn unreleased_ids(&self) -> impl Iterator<Item = u16> {
        self.session.incoming.unreleased_ids()
    }

    /// QoS 1 and 2 messages whose exchange has not ended, those that wait for their turn included.
    pub fn in_flight(&self) -> usize {
        self.session.in_flight()
    }

    /// Bytes to send, in order. Report what was sent to [`consume_output`](Self::consume_output).
    pub fn output(&self) -> &[u8] {
        &self.output
    }

    /// The first `len` bytes of the output were sent.
    pub fn consume_output(&mut self, now: Instant, len: usize) {
        let len = len.min(self.output.len());
        match len == self.output.len() {
            // From its beginning again.
            true => self.output.clear(),
            false => self.output.advance(len),
        }
        self.keep_alive.handle_sent(now);
        self.handle_sent(now);
    }

    /// The network takes no more bytes now.
    pub fn handle_blocked(&mut self, now: Instant) {
        if let Some(patience) = &mut self.patience {
            patience.handle_blocked(now);
        }
    }

    /// Bytes came. Takes the buffer over without a copy where nothing was left from before.
    pub fn handle_bytes(&mut self, now: Instant, bytes: BytesMut) {
        self.keep_alive.handle_received(now);
        if let Some(patience) = &mut self.patience {
            patience.handle_received(now);
        }
        if self.framer.pending().is_empty() {
            *self.framer.buffer_mut() = bytes;
            self.borrows_read_buffer = true;
        } else {
            self.framer.feed(&bytes);
        }
    }

    /// Bytes that came and are not decoded yet.
    pub fn unread(&self) -> usize {
        self.framer.pending().len()
    }

    /// Drops what came and is not decoded.
    pub fn discard_input(&mut self) {
        *self.framer.buffer_mut() = BytesMut::new();
    }

    /// The server closed the connection. Call when [`poll_event`](Self::poll_event) has nothing
    /// more to give.
    pub fn handle_eof(&mut self) {
        let pending = self.framer.pending().len();
        self.close(Lost::Closed { pending });
    }

    /// Reading or writing failed.
    pub fn handle_io_error(&mut self, error: io::Error) {
        self.close(Lost::Io(error));
    }

    /// The next thing that happened; `None` if more bytes are needed.
    pub fn poll_event(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.events.pop_front() {
                return Some(event);
            }
            if self.phase == Phase::Closed {
                return None;
            }
            match self.framer.next_packet() {
                Ok(Some(packet)) => match self.handle_packet(&packet) {
                    Ok(Some(event)) => return Some(event),
                    Ok(None) => {}
                    Err(error) => self.fail(error),
                },
                Ok(None) => {
                    self.own_pending();
                    if let Some(error) = self.find_something_else() {
                        self.fail(error);
                        continue;
                    }
                    if let Some(patience) = &mut self.patience {
                        patience.handle_drained(self.framer.pending().len());
                    }
                    return None;
                }
                Err(error) => self.fail(error.into()),
            }
        }
    }

    /// Gives memory back that an idle connection does not need.
    pub fn release_buffers(&mut self) {
        let keep = if self.is_in_use { IDLE_BUFFER } else { 0 };
        if self.output.is_empty() && self.output.capacity() > keep {
            self.output = BytesMut::new();
        }
        if self.events.is_empty() {
            self.events = VecDeque::new();
        }
        if self.framer.pending().is_empty() {
            *self.framer.buffer_mut() = BytesMut::new();
        }
    }

    /// Before CONNACK, the first byte tells what cannot become one: nobody has to wait for the rest
    /// of a packet that a line of text seems to announce.
    fn find_something_else(&self) -> Option<ProtocolError> {
        let begin = self.framer.pending();
        match (self.phase, begin.first()) {
            (Phase::Connecting { .. }, Some(&byte1)) if !matches!(byte1, 0x20 | 0xf0) => {
                let begin = begin.get(..8).unwrap_or(begin);
                Some(ProtocolError::NotMqtt(begin.to_vec()))
            }
            _ => None,
        }
    }

    /// A packet that is not whole must not hold the read buffer, which all connections share.
    fn own_pending(&mut self) {
        if self.borrows_read_buffer {
            let buffer = self.framer.buffer_mut();
            *buffer = BytesMut::from(&buffer[..]);
            self.borrows_read_buffer = false;
        }
    }

    fn version(&self) -> Version {
        self.options.version
    }

    fn token(&mut self) -> Token {
        self.next_token += 1;
        Token(self.next_token)
    }

    /// Appends a packet whose fields are known to fit.
    fn send(&mut self, packet: &Packet<'_>) -> Result<(), encode::EncodeError> {
        encode::encode(packet, self.options.version, &mut self.output)?;
        if let Some(trace) = &self.trace {
            trace.sent(packet);
        }
        Ok(())
    }

    /// The server broke the protocol: say so, where the version can, and end the connection.
    fn fail(&mut self, error: ProtocolError) {
        if self.is_connected() && self.version() == Version::V5 {
            let reason = crate::mqtt::packet::Reason::new(error.reason());
            // A packet of four bytes always fits.
            let _ = self.send(&Packet::Disconnect(reason));
        }
        self.close(error.into());
    }

    fn close(&mut self, lost: Lost) {
        if self.phase != Phase::Closed {
            self.phase = Phase::Closed;
            self.events.push_back(Event::Closed(lost));
        }
    }
}
