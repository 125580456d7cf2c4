//! One connection: its place in the hub, and its bytes both ways.

use std::cell::Cell;
use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};

use super::LINGER;
use super::hub::Hub;
use crate::broker::core::{ConnectionId, Core, Input, Peer};
use crate::broker::outbox::Outbox;
use crate::mqtt::Side;

/// Reads of one connection before the others get their turn.
const READS_PER_TURN: usize = 4;

/// A connection's place in the hub, given up when it is dropped, by a panic too.
pub(super) struct Member {
    hub: Rc<Hub>,
    id: ConnectionId,
    outbox: Rc<Outbox>,
    /// Whether something is written and may not have left.
    unflushed: Cell<bool>,
    /// Whether the peer sends no more.
    is_ended: Cell<bool>,
    /// Who ends the connection.
    ended_by: Cell<Side>,
}

impl Member {
    pub(super) fn join(hub: Rc<Hub>, peer: &Peer) -> Member {
        let id = ConnectionId(hub.next_connection.get());
        hub.next_connection.set(id.0 + 1);
        hub.watch.borrow_mut().opened(id, peer);
        let outbox = Rc::new(Outbox::default());
        hub.outboxes.borrow_mut().insert(id, outbox.clone());
        hub.connections.set(hub.connections.get() + 1);
        let member = Member {
            hub,
            id,
            outbox,
            unflushed: Cell::new(false),
            is_ended: Cell::new(false),
            ended_by: Cell::new(Side::Client),
        };
        member.input(Input::Opened(peer));
        member
    }

    fn sent(&self, bytes: &[u8]) {
        self.hub.watch.borrow_mut().sent(self.id, bytes);
    }

    fn input(&self, input: Input<'_>) {
        self.hub.inputs.set(self.hub.inputs.get() + 1);
        let (hub, id) = (&self.hub, self.id);
        let Some(faults) = &hub.faults else {
            return hub.step(|core, now| core.handle(now, id, input));
        };
        match input {
            Input::Opened(_) => faults.borrow_mut().opened(id),
            Input::Bytes(bytes) => {
                return hub.step(|_, now| faults.borrow_mut().received(now, id, bytes));
            }
            Input::Written(len) => {
                let len = faults.borrow_mut().written(id, len);
                return hub.step(|core, now| core.handle(now, id, Input::Written(len)));
            }
            Input::Closed => faults.borrow_mut().closed(id),
        }
        hub.step(|core, now| core.handle(now, id, input));
    }

    /// The peer sends no more; whether everything that it has sent is with the core.
    fn is_over(&self) -> bool {
        let Some(faults) = &self.hub.faults else {
            return true;
        };
        if !self.is_ended.replace(true) {
            let id = self.id;
            let ended = |_: &mut Core, now| faults.borrow_mut().ended(now, id);
            self.hub.step(ended);
        }
        !faults.borrow().has_input(self.id)
    }

    /// Whether more of what the peer sends can be taken now; if not, it is woken.
    fn takes_input(&self) -> bool {
        let faults = self.hub.faults.as_ref();
        faults.is_none_or(|faults| faults.borrow_mut().takes_input(self.id))
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.input(Input::Closed);
        self.hub
            .watch
            .borrow_mut()
            .closed(self.id, self.ended_by.get());
        self.hub.outboxes.borrow_mut().remove(&self.id);
        self.hub.connections.set(self.hub.connections.get() - 1);
        self.hub.connection_ended.notify_one();
    }
}

/// Moves the bytes of one connection until it ends.
pub(super) async fn run(member: Member, mut stream: impl AsyncRead + AsyncWrite + Unpin) {
    let ended = poll_fn(|cx| poll_connection(&member, &mut stream, cx)).await;
    if let Ended::Closing = ended {
        member.ended_by.set(Side::Server);
        // Shutting down the sending side only, and reading on: closing with unread input would
        // make the system throw away what the peer has not fetched, such as DISCONNECT.
        let last_words = async {
            while let Some(chunk) = member.outbox.take_chunk() {
                stream.write_all(&chunk).await?;
                member.sent(&chunk);
            }
            stream.shutdown().await?;
            let mut unread = [0; 1024];
            while stream.read(&mut unread).await? > 0 {}
            std::io::Result::Ok(())
        };
        // Time over or an error: the connection is given up either way.
        let _ = tokio::time::timeout(LINGER, last_words).await;
    }
}

enum Ended {
    /// The peer is gone.
    Gone,
    /// The core wants to close.
    Closing,
}

fn poll_connection(
    member: &Member,
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    cx: &mut Context<'_>,
) -> Poll<Ended> {
    member.outbox.set_waker(cx.waker());
    for _ in 0..READS_PER_TURN {
        if member.outbox.is_closing() {
            return Poll::Ready(Ended::Closing);
        }
        if let Poll::Ready(Err(_)) = poll_write_all(member, stream, cx) {
            return Poll::Ready(Ended::Gone);
        }
        if member.is_ended.get() || !member.takes_input() {
            return match member.is_ended.get() && member.is_over() {
                true => Poll::Ready(Ended::Gone),
                false => Poll::Pending,
            };
        }
        if !ready!(poll_read(member, stream, cx)) && member.is_over() {
            return Poll::Ready(Ended::Gone);
        }
    }
    cx.waker().wake_by_ref();
    Poll::Pending
}

/// Writes what waits, as far as the network takes it.
fn poll_write_all(
    member: &Member,
    stream: &mut (impl AsyncWrite + Unpin),
    cx: &mut Context<'_>,
) -> Poll<std::io::Result<()>> {
    while let Some(chunk) = member.outbox.take_chunk() {
        let written = match Pin::new(&mut *stream).poll_write(cx, &chunk) {
            Poll::Ready(Ok(0)) => return Poll::Ready(Err(std::io::ErrorKind::WriteZero.into())),
            Poll::Ready(Ok(written)) => written,
            Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
            Poll::Pending => {
                member.outbox.put_back(chunk, 0);
                return Poll::Pending;
            }
        };
        member.sent(chunk.get(..written).unwrap_or_default());
        member.outbox.put_back(chunk, written);
        member.unflushed.set(true);
        member.input(Input::Written(written));
    }
    // TLS and WebSocket keep something back.
    if member.unflushed.get() {
        ready!(Pin::new(stream).poll_flush(cx))?;
        member.unflushed.set(false);
    }
    Poll::Ready(Ok(()))
}

/// Reads once and hands the bytes to the core; false if the peer is gone.
fn poll_read(
    member: &Member,
    stream: &mut (impl AsyncRead + Unpin),
    cx: &mut Context<'_>,
) -> Poll<bool> {
    let mut buffer = member.hub.read_buffer();
    let mut buffer = ReadBuf::new(&mut buffer);
    Poll::Ready(match ready!(Pin::new(stream).poll_read(cx, &mut buffer)) {
        Ok(()) if !buffer.filled().is_empty() => {
            member
                .hub
                .watch
                .borrow_mut()
                .received(member.id, buffer.filled());
            member.input(Input::Bytes(buffer.filled()));
            true
        }
        Ok(()) | Err(_) => false,
    })
}

#[cfg(test)]
mod tests {
    use tokio::task::LocalSet;

    use super::*;
    use crate::broker::core::Config;
    use crate::broker::faults::FaultPlan;

    /// Panics as soon as it is read.
    struct Broken;

    impl AsyncRead for Broken {
        fn poll_read(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
            _: &mut ReadBuf<'_>,
        ) -> Poll<std::io::Result<()>> {
            panic!("as asked")
        }
    }

    impl AsyncWrite for Broken {
        fn poll_write(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
            bytes: &[u8],
        ) -> Poll<std::io::Result<usize>> {
            Poll::Ready(Ok(bytes.len()))
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    #[tokio::test]
    async fn a_panic_ends_its_own_connection_only() {
        let hub = Hub::new(Config::default(), FaultPlan::default(), None, Box::new(()));
        let hub = Rc::new(hub.unwrap());
        let tasks = LocalSet::new();
        let broken = tasks.spawn_local(run(Member::join(hub.clone(), &Peer::default()), Broken));
        let (mut client, server) = tokio::io::duplex(1024);
        tasks.spawn_local(run(Member::join(hub.clone(), &Peer::default()), server));
        let other = async {
            assert!(broken.await.unwrap_err().is_panic());
            assert_eq!(hub.connections.get(), 1);
            // CONNECT 3.1.1, client "a"; CONNACK 0.
            let connect = [
                0x10, 13, 0, 4, b'M', b'Q', b'T', b'T', 4, 2, 0, 0, 0, 1, b'a',
            ];
            client.write_all(&connect).await.unwrap();
            let mut connack = [0; 4];
            client.read_exact(&mut connack).await.unwrap();
            assert_eq!(connack, [0x20, 2, 0, 0]);
        };
        tasks.run_until(other).await;
    }
}
