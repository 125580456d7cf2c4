//! Moving bytes: reading, writing, the timer, and the end of a connection.

use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWrite};

use super::super::error::Lost;
use super::redial::Redial;
use super::{Answer, Client, now};
use crate::mqtt::{Properties, ReasonCode};
use crate::net::Foreign;

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

impl Client {
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
        self.close(self.has_acknowledged).await
    }

    /// As [`disconnect`](Self::disconnect), and waits in any case for the server to hang up, which
    /// shows that it knows.
    ///
    /// # Errors
    /// If the last bytes could not be sent.
    pub async fn disconnect_and_wait(
        &mut self,
        reason: ReasonCode,
        properties: Properties<'_>,
    ) -> Result<(), Lost> {
        self.has_acknowledged = true;
        self.disconnect(reason, properties).await
    }

    /// Closes without DISCONNECT, so that the server sends the will, and waits up to two seconds for
    /// it to hang up, too.
    ///
    /// # Errors
    /// If the last bytes could not be sent.
    pub async fn hang_up(&mut self) -> Result<(), Lost> {
        self.close(true).await
    }

    async fn close(&mut self, waits: bool) -> Result<(), Lost> {
        self.timer = None;
        self.redial = Redial::Idle;
        let close = poll_fn(|cx| {
            let written = self.poll_write(cx);
            if let (Poll::Ready(Ok(())), Some(stream)) = (&written, &mut self.stream) {
                let shut = ready!(Pin::new(stream).poll_shutdown(cx));
                if shut.is_err() || !waits {
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

    /// Sends what there is.
    pub(super) fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
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
    pub(super) fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
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
    pub(super) fn poll_timer(&mut self, cx: &mut Context<'_>) -> Poll<()> {
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
