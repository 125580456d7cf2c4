//! The tokio shell: sockets, the clock, and one task per connection around the one [`Core`], all
//! on one thread and without a channel between them. `hub` is what they share, `connection` one of
//! them.

mod connection;
mod hub;

use std::future::poll_fn;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::{LocalSet, spawn_local};

use self::connection::{Member, run};
use self::hub::Hub;
use super::access::Access;
use super::core::{Config, Core, Peer};
use super::faults::FaultPlan;
use super::store::{Store, StoreError};
use super::watch::Watch;
use crate::net::listen::{Arrival, Listener};

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
    /// What whoever runs the broker wants of it while it runs.
    pub orders: Option<mpsc::Receiver<Order>>,
    /// What the broker goes on with: nothing is acknowledged before it is in there.
    pub store: Option<Store>,
}

/// Something that a running broker is to do.
#[derive(Debug)]
pub enum Order {
    /// Take these in the place of those before, see [`Core::set_access`].
    Access(Vec<Arc<Access>>),
    /// Take the limits of this, see [`Core::set_limits`].
    Limits(Box<Config>),
    /// Publish this line under `$SYS/broker/`, see [`Core::tell`].
    Tell(&'static str, String),
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
        orders,
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
                () = obey(&hub, orders) => {}
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

async fn obey(hub: &Hub, mut orders: Option<mpsc::Receiver<Order>>) {
    while let Some(orders) = &mut orders
        && let Some(order) = orders.recv().await
    {
        hub.step(|core, now| match order {
            Order::Access(access) => core.set_access(now, access),
            Order::Limits(config) => core.set_limits(&config),
            Order::Tell(name, line) => core.tell(now, name, &line),
        });
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
    let mut is_accepting = true;
    loop {
        let arrival = match listener.accept().await {
            Ok(arrival) => {
                is_accepting = true;
                arrival
            }
            Err(error) => {
                if std::mem::replace(&mut is_accepting, false) {
                    hub.watch.borrow_mut().not_accepting(number, &error);
                }
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

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;
    use crate::broker::core::ConnectionId;

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
