//! What the tasks of a broker share, and how the core's wishes are done.

use std::cell::{Cell, RefCell, RefMut};
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use rustc_hash::FxHashMap;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::broker::core::{Action, Config, ConnectionId, Core, Input, Time};
use crate::broker::faults::{Act, FaultPlan, Faults};
use crate::broker::keeper::Keeper;
use crate::broker::outbox::Outbox;
use crate::broker::store::{Store, StoreError};
use crate::broker::watch::Watch;

/// How much is read at a time. One buffer serves all connections.
const READ: usize = 64 << 10;

/// What all tasks share.
pub(super) struct Hub {
    pub(super) core: RefCell<Core>,
    pub(super) keeper: Option<Keeper>,
    /// What stands between the core and the network, if anything does.
    pub(super) faults: Option<RefCell<Faults>>,
    pub(super) outboxes: RefCell<FxHashMap<ConnectionId, Rc<Outbox>>>,
    pub(super) watch: RefCell<Box<dyn Watch>>,
    /// Empty until somebody connects.
    read_buffer: RefCell<Box<[u8]>>,
    pub(super) started: Instant,
    /// How long TLS and WebSocket may take.
    pub(super) handshake_timeout: Duration,
    pub(super) next_connection: Cell<u64>,
    /// The deadline that `keep_time` waits for.
    pub(super) timer_set: Cell<Option<Time>>,
    pub(super) timer_changed: Notify,
    /// How many inputs the core has had.
    pub(super) inputs: Cell<u64>,
    pub(super) connections: Cell<usize>,
    pub(super) connection_ended: Notify,
}

impl Hub {
    pub(super) fn new(
        config: Config,
        faults: FaultPlan,
        mut store: Option<Store>,
        watch: Box<dyn Watch>,
    ) -> Result<Hub, StoreError> {
        let faults = (!faults.is_empty())
            .then(|| RefCell::new(Faults::new(faults, config.max_packet_size, config.events)));
        let handshake_timeout = config.connect_timeout;
        let core = match &mut store {
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
            read_buffer: RefCell::default(),
            started: Instant::now(),
            timer_set: Cell::new(None),
            timer_changed: Notify::new(),
            inputs: Cell::new(0),
            connections: Cell::new(0),
            connection_ended: Notify::new(),
        })
    }

    /// Has the core do something, then does what it asks for.
    pub(super) fn step(&self, act: impl FnOnce(&mut Core, Time)) {
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
    pub(super) fn perform(&self, now: Time, action: Action) {
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

    /// Where what comes is put while the core looks at it.
    pub(super) fn read_buffer(&self) -> RefMut<'_, [u8]> {
        let mut buffer = self.read_buffer.borrow_mut();
        if buffer.is_empty() {
            *buffer = vec![0; READ].into();
        }
        RefMut::map(buffer, |buffer| &mut **buffer)
    }

    /// When something is to be done.
    pub(super) fn poll_timeout(&self, core: &Core) -> Option<Time> {
        let faults = self.faults.as_ref();
        let of_faults = faults.and_then(|faults| faults.borrow().poll_timeout());
        core.poll_timeout().into_iter().chain(of_faults).min()
    }
}
