//! The tokio shell: sockets, the clock, and one task per connection around the one [`Core`], all
//! on one thread and without a channel between them.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use rustc_hash::FxHashMap;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::sync::{Notify, mpsc};
use tokio::task::{LocalSet, spawn_local};
use tokio::time::Instant;

use super::access::Access;
use super::core::{Action, Config, ConnectionId, Core, Input, Peer, Time};
use super::faults::{Act, FaultPlan, Faults};
use super::keeper::Keeper;
use super::outbox::Outbox;
use super::store::{Store, StoreError};
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
    let served = serve_with(listeners, config, Extras::default(), watch, shutdown).await;
    debug_assert!(served.is_ok(), "nothing can fail without a store");
}

/// What a broker need not have.
#[derive(Debug, Default)]
pub struct Extras {
    /// Packets lost, late, changed and so on.
    pub faults: FaultPlan,
    /// Access, one for each listener, that takes the place of that before whenever it comes.
    pub access: Option<mpsc::Receiver<Vec<Arc<Access>>>>,
    /// What the broker goes on with: nothing is acknowledged before it is in there.
    pub store: Option<Store>,
}

/// The same as [`serve`], with more.
///
/// # Errors
/// If the store is damaged, or can no longer be written; without a store never.
pub async fn serve_with(
    listeners: Vec<Listener>,
    config: Config,
    extras: Extras,
    watch: impl Watch + 'static,
    shutdown: impl Future<Output = ()>,
) -> Result<(), StoreError> {
    let Extras {
        faults,
        access,
        store,
    } = extras;
    let hub = Rc::new(Hub::new(config, faults, store, Box::new(watch))?);
    LocalSet::new()
        .run_until(async {
            // One future for the whole time: a batch on its way to the store is not to be given up.
            let mut keeping = pin!(keep_stored(&hub));
            tokio::select! {
                () = accept_all(&hub, &listeners) => {}
                () = keep_time(&hub) => {}
                failed = &mut keeping => return failed,
                () = renew(&hub, access) => {}
                () = async { shutdown.await; settle(&hub).await } => {}
            }
            drop(listeners);
            hub.step(Core::shut_down);
            let all_ended = async {
                while hub.connections.get() > 0 {
                    hub.connection_ended.notified().await;
                }
            };
            let leaving = async {
                tokio::select! {
                    () = all_ended => {}
                    // What is on its way still takes its time.
                    () = keep_time(&hub) => {}
                }
            };
            let last = async {
                // Those that do not read are cut off when the tasks are dropped.
                let _ = tokio::time::timeout(LINGER, leaving).await;
                if let Some(keeper) = &hub.keeper {
                    keeper.all_stored(&hub.core).await;
                }
            };
            tokio::select! {
                failed = &mut keeping => failed,
                () = last => Ok(()),
            }
        })
        .await
}

/// Stores what changes, as soon as it does. Never over without an error.
async fn keep_stored(hub: &Hub) -> Result<(), StoreError> {
    let Some(keeper) = &hub.keeper else {
        return std::future::pending().await;
    };
    loop {
        keeper.wanted().await;
        let ready = keeper.keep(&hub.core).await?;
        let now = hub.started.elapsed();
        for action in ready {
            hub.perform(now, action);
        }
        if hub.faults.is_some() {
            // What they make of that.
            hub.step(|_, _| {});
        }
    }
}

async fn renew(hub: &Hub, mut access: Option<mpsc::Receiver<Vec<Arc<Access>>>>) {
    while let Some(access) = &mut access
        && let Some(access) = access.recv().await
    {
        hub.step(|core, _| core.set_access(access));
    }
    std::future::pending().await
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
        let next = hub.poll_timeout(&hub.core.borrow());
        hub.timer_set.set(next);
        let changed = hub.timer_changed.notified();
        match next {
            Some(at) => {
                // Ready either way: the deadline has come, or there is an earlier one.
                let _ = tokio::time::timeout_at(hub.started + at, changed).await;
            }
            None => changed.await,
        }
        hub.step(|core, now| {
            core.handle_timeout(now);
            if let Some(faults) = &hub.faults {
                faults.borrow_mut().handle_timeout(now);
            }
        });
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
            let on_its_way = (hub.faults.as_ref()).is_some_and(|f| f.borrow().has_any_input());
            quiet_turns = match hub.inputs.get() == before && !on_its_way {
                true => quiet_turns + 1,
                false => 0,
            };
        }
    };
    // Who never stops sending does not keep the broker.
    let patience = if hub.faults.is_some() { LINGER } else { SETTLE };
    let _ = tokio::time::timeout(patience, is_quiet).await;
}

/// What all tasks share.
struct Hub {
    core: RefCell<Core>,
    keeper: Option<Keeper>,
    /// What stands between the core and the network, if anything does.
    faults: Option<RefCell<Faults>>,
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
    fn new(
        config: Config,
        faults: FaultPlan,
        store: Option<Store>,
        watch: Box<dyn Watch>,
    ) -> Result<Hub, StoreError> {
        let faults = (!faults.is_empty())
            .then(|| RefCell::new(Faults::new(faults, config.max_packet_size, config.events)));
        let handshake_timeout = config.connect_timeout;
        let core = match &store {
            Some(store) => store.restore(config, Time::ZERO)?,
            None => Core::new(config),
        };
        Ok(Hub {
            faults,
            handshake_timeout,
            next_connection: Cell::new(0),
            core: RefCell::new(core),
            keeper: store.map(Keeper::new),
            outboxes: RefCell::default(),
            watch: RefCell::new(watch),
            read_buffer: RefCell::new(vec![0; READ].into()),
            started: Instant::now(),
            timer_set: Cell::new(None),
            timer_changed: Notify::new(),
            inputs: Cell::new(0),
            connections: Cell::new(0),
            connection_ended: Notify::new(),
        })
    }

    /// Has the core do something, then does what it asks for.
    fn step(&self, act: impl FnOnce(&mut Core, Time)) {
        let mut core = self.core.borrow_mut();
        let now = self.started.elapsed();
        act(&mut core, now);
        self.perform_all(&mut core, now);
        let next = self.poll_timeout(&core);
        if next.is_some_and(|next| self.timer_set.get().is_none_or(|set| next < set)) {
            self.timer_set.set(next);
            self.timer_changed.notify_one();
        }
    }

    /// Does what the core asks for, unless that has to wait for the store, and what faults ask for.
    fn perform_all(&self, core: &mut Core, now: Time) {
        loop {
            let keeper = self.keeper.as_ref();
            if !keeper.is_some_and(|keeper| keeper.hold(core)) {
                while let Some(action) = core.poll_action() {
                    self.perform(now, action);
                }
            }
            let Some(faults) = &self.faults else {
                break;
            };
            let act = faults.borrow_mut().poll_act();
            match act {
                None => break,
                Some(act) => self.perform_fault(core, now, act),
            }
        }
    }

    /// Does what the core asks for, as far as faults let it.
    fn perform(&self, now: Time, action: Action) {
        match (action, &self.faults) {
            (Action::Log(event), _) => self.watch.borrow_mut().event(&event),
            (Action::Send { connection, bytes }, None) => self.send(connection, bytes),
            (Action::Close { connection }, None) => self.close(connection),
            (Action::Send { connection, bytes }, Some(faults)) => {
                faults.borrow_mut().sent(now, connection, bytes);
            }
            (Action::Close { connection }, Some(faults)) => {
                faults.borrow_mut().core_closed(now, connection);
            }
        }
    }

    fn perform_fault(&self, core: &mut Core, now: Time, act: Act) {
        match act {
            Act::Input(connection, bytes) => {
                core.handle(now, connection, Input::Bytes(&bytes));
            }
            Act::Send(connection, bytes) => self.send(connection, bytes),
            Act::Unsent(connection, len) => {
                core.handle(now, connection, Input::Written(len));
            }
            Act::Close(connection) => self.close(connection),
            Act::Break(connection) => {
                core.handle(now, connection, Input::Closed);
                self.close(connection);
            }
            Act::Resume(connection) => {
                if let Some(outbox) = self.outboxes.borrow().get(&connection) {
                    outbox.wake();
                }
            }
            Act::Tell(fault) => self.watch.borrow_mut().fault(&fault),
        }
    }

    fn send(&self, connection: ConnectionId, bytes: Bytes) {
        if let Some(outbox) = self.outboxes.borrow().get(&connection)
            && outbox.push(bytes)
        {
            outbox.wake();
        }
    }

    fn close(&self, connection: ConnectionId) {
        if let Some(outbox) = self.outboxes.borrow_mut().remove(&connection) {
            outbox.close();
            outbox.wake();
        }
    }

    /// When something is to be done.
    fn poll_timeout(&self, core: &Core) -> Option<Time> {
        let faults = self.faults.as_ref();
        let of_faults = faults.and_then(|faults| faults.borrow().poll_timeout());
        core.poll_timeout().into_iter().chain(of_faults).min()
    }
}

/// A connection's place in the hub, given up when it is dropped, by a panic too.
struct Member {
    hub: Rc<Hub>,
    id: ConnectionId,
    outbox: Rc<Outbox>,
    /// Whether something is written and may not have left.
    unflushed: Cell<bool>,
    /// Whether the peer sends no more.
    is_ended: Cell<bool>,
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
            is_ended: Cell::new(false),
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
