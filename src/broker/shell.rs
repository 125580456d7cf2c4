//! The tokio shell: sockets, the clock, and one task per connection around the one [`Core`], all
//! on one thread and without a channel between them.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use rustc_hash::FxHashMap;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::sync::Notify;
use tokio::task::{LocalSet, spawn_local};
use tokio::time::Instant;

use super::core::{Action, Config, ConnectionId, Core, Input, Peer, Time};
use super::outbox::Outbox;
use super::watch::Watch;
use crate::net::listen::{Arrival, Listener};

/// How much is read at a time. One buffer serves all connections.
const READ: usize = 64 << 10;
/// Reads of one connection before the others get their turn.
const READS_PER_TURN: usize = 4;
/// How long a connection that is being closed may take for what was sent last.
const LINGER: Duration = Duration::from_secs(2);
/// How long a broker that is asked to end goes on with what clients have sent before.
const SETTLE: Duration = Duration::from_millis(200);
/// Enough for the system to tell what is there already.
const SETTLE_TURN: Duration = Duration::from_millis(1);
/// How long to wait when nothing can be accepted, e.g. for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Runs a broker on `listeners` until `shutdown` is ready and what clients have sent by then is
/// handled, then takes leave of every client.
/// `watch` is told what happens.
///
/// Needs a tokio runtime with I/O and time, and keeps to the thread it is polled on.
pub async fn serve(
    listeners: Vec<Listener>,
    config: Config,
    watch: impl Watch + 'static,
    shutdown: impl Future<Output = ()>,
) {
    let hub = Rc::new(Hub::new(config, Box::new(watch)));
    LocalSet::new()
        .run_until(async {
            tokio::select! {
                () = accept_all(&hub, &listeners) => {}
                () = keep_time(&hub) => {}
                () = async { shutdown.await; settle(&hub).await } => {}
            }
            drop(listeners);
            hub.step(Core::shut_down);
            let all_ended = async {
                while hub.connections.get() > 0 {
                    hub.connection_ended.notified().await;
                }
            };
            // Those that do not read are cut off when the tasks are dropped.
            let _ = tokio::time::timeout(LINGER, all_ended).await;
        })
        .await;
}

async fn accept_all(hub: &Rc<Hub>, listeners: &[Listener]) {
    let mut accepting: Vec<_> = (0..)
        .zip(listeners)
        .map(|(number, listener)| Box::pin(accept(hub, number, listener)))
        .collect();
    poll_fn(|cx| {
        for accepting in &mut accepting {
            // None of them is ever over.
            let _ = accepting.as_mut().poll(cx);
        }
        Poll::Pending
    })
    .await
}

/// Takes what comes to the listener of this number.
async fn accept(hub: &Rc<Hub>, number: usize, listener: &Listener) {
    loop {
        let arrival = match listener.accept().await {
            Ok(arrival) => arrival,
            Err(_) => {
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let peer = Peer {
            address: arrival.peer(),
            identity: None,
            listener: number,
        };
        // A panic ends its own task only, and Member's drop tells the core.
        match arrival.into_plain() {
            Ok(stream) => spawn_local(run(Member::join(hub.clone(), &peer), stream)),
            Err(arrival) => spawn_local(greet(hub.clone(), peer, arrival)),
        };
    }
}

/// Does the handshakes of a connection, then what [`run`] does.
async fn greet(hub: Rc<Hub>, mut peer: Peer, arrival: Box<Arrival>) {
    let patience = hub.handshake_timeout;
    // In a box, since most of a connection's life does without what it holds.
    match Box::pin(arrival.handshake(patience)).await {
        Ok(arrived) => {
            peer.identity = arrived.identity.map(Rc::from);
            run(Member::join(hub, &peer), arrived.stream).await;
        }
        Err(error) => {
            let mut watch = hub.watch.borrow_mut();
            watch.refused(peer.listener, peer.address, &error);
        }
    }
}

/// Calls the core when its next deadline has come.
async fn keep_time(hub: &Hub) {
    loop {
        let next = hub.core.borrow().poll_timeout();
        hub.timer_set.set(next);
        let changed = hub.timer_changed.notified();
        match next {
            Some(at) => {
                // Ready either way: the deadline has come, or there is an earlier one.
                let _ = tokio::time::timeout_at(hub.started + at, changed).await;
            }
            None => changed.await,
        }
        hub.step(Core::handle_timeout);
    }
}

/// Waits until nothing comes any more: the last client may have ended before its last packets are
/// read.
async fn settle(hub: &Hub) {
    let is_quiet = async {
        // Two, since a turn may be over before the tasks that it has woken have run.
        let mut quiet_turns = 0;
        while quiet_turns < 2 {
            let before = hub.inputs.get();
            tokio::time::sleep(SETTLE_TURN).await;
            quiet_turns = match hub.inputs.get() == before {
                true => quiet_turns + 1,
                false => 0,
            };
        }
    };
    // Who never stops sending does not keep the broker.
    let _ = tokio::time::timeout(SETTLE, is_quiet).await;
}

/// What all tasks share.
struct Hub {
    core: RefCell<Core>,
    outboxes: RefCell<FxHashMap<ConnectionId, Rc<Outbox>>>,
    watch: RefCell<Box<dyn Watch>>,
    read_buffer: RefCell<Box<[u8]>>,
    started: Instant,
    /// How long TLS and WebSocket may take.
    handshake_timeout: Duration,
    next_connection: Cell<u64>,
    /// The deadline that [`keep_time`] waits for.
    timer_set: Cell<Option<Time>>,
    timer_changed: Notify,
    /// How many inputs the core has had.
    inputs: Cell<u64>,
    connections: Cell<usize>,
    connection_ended: Notify,
}

impl Hub {
    fn new(config: Config, watch: Box<dyn Watch>) -> Hub {
        Hub {
            handshake_timeout: config.connect_timeout,
            next_connection: Cell::new(0),
            core: RefCell::new(Core::new(config)),
            outboxes: RefCell::default(),
            watch: RefCell::new(watch),
            read_buffer: RefCell::new(vec![0; READ].into()),
            started: Instant::now(),
            timer_set: Cell::new(None),
            timer_changed: Notify::new(),
            inputs: Cell::new(0),
            connections: Cell::new(0),
            connection_ended: Notify::new(),
        }
    }

    /// Has the core do something, then does what it asks for.
    fn step(&self, act: impl FnOnce(&mut Core, Time)) {
        let mut core = self.core.borrow_mut();
        act(&mut core, self.started.elapsed());
        while let Some(action) = core.poll_action() {
            match action {
                Action::Send { connection, bytes } => {
                    if let Some(outbox) = self.outboxes.borrow().get(&connection)
                        && outbox.push(bytes)
                    {
                        outbox.wake();
                    }
                }
                Action::Close { connection } => {
                    if let Some(outbox) = self.outboxes.borrow_mut().remove(&connection) {
                        outbox.close();
                        outbox.wake();
                    }
                }
                Action::Log(event) => self.watch.borrow_mut().event(&event),
            }
        }
        let next = core.poll_timeout();
        if next.is_some_and(|next| self.timer_set.get().is_none_or(|set| next < set)) {
            self.timer_set.set(next);
            self.timer_changed.notify_one();
        }
    }
}

/// A connection's place in the hub, given up when it is dropped, by a panic too.
struct Member {
    hub: Rc<Hub>,
    id: ConnectionId,
    outbox: Rc<Outbox>,
    /// Whether something is written and may not have left.
    unflushed: Cell<bool>,
}

impl Member {
    fn join(hub: Rc<Hub>, peer: &Peer) -> Member {
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
        };
        member.input(Input::Opened(peer));
        member
    }

    fn sent(&self, bytes: &[u8]) {
        self.hub.watch.borrow_mut().sent(self.id, bytes);
    }

    fn input(&self, input: Input<'_>) {
        self.hub.inputs.set(self.hub.inputs.get() + 1);
        self.hub.step(|core, now| core.handle(now, self.id, input));
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.input(Input::Closed);
        self.hub.watch.borrow_mut().closed(self.id);
        self.hub.outboxes.borrow_mut().remove(&self.id);
        self.hub.connections.set(self.hub.connections.get() - 1);
        self.hub.connection_ended.notify_one();
    }
}

/// Moves the bytes of one connection until it ends.
async fn run(member: Member, mut stream: impl AsyncRead + AsyncWrite + Unpin) {
    let ended = poll_fn(|cx| poll_connection(&member, &mut stream, cx)).await;
    if let Ended::Closing = ended {
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
        if !ready!(poll_read(member, stream, cx)) {
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
    let mut buffer = member.hub.read_buffer.borrow_mut();
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
    use super::*;

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
        let hub = Rc::new(Hub::new(Config::default(), Box::new(())));
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

    /// Keeps what clients sent.
    struct Received(Rc<RefCell<Vec<u8>>>);

    impl Watch for Received {
        fn received(&mut self, _: ConnectionId, bytes: &[u8]) {
            self.0.borrow_mut().extend_from_slice(bytes);
        }
    }

    #[tokio::test]
    async fn what_was_sent_before_the_end_is_read() {
        // CONNECT 3.1.1, client "a"; PUBLISH "x" to "t"; DISCONNECT.
        let sent = b"\x10\x0d\x00\x04MQTT\x04\x02\x00\x00\x00\x01a\x30\x04\x00\x01tx\xe0\x00";
        let listener = Listener::bind("127.0.0.1", 0).await.unwrap();
        let address = listener.address().unwrap();
        let received = Rc::new(RefCell::new(Vec::new()));
        // The broker's thread does nothing else until the client is gone.
        let client_comes_and_goes = async {
            let mut client = std::net::TcpStream::connect(address).unwrap();
            std::io::Write::write_all(&mut client, sent).unwrap();
        };
        let watch = Received(received.clone());
        serve(
            vec![listener],
            Config::default(),
            watch,
            client_comes_and_goes,
        )
        .await;
        assert_eq!(*received.borrow(), sent);
    }
}
