//! What waits until the store has what it promises: all actions of the core, in their order.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;

use tokio::sync::Notify;

use super::core::{Action, Change, Core};
use super::store::{Store, StoreError};

/// The store of a broker, and the actions that it holds back. Many steps of the core make one
/// batch: those of one turn of the event loop, and those that come while a batch is written.
#[derive(Debug)]
pub(super) struct Keeper {
    /// Away while it writes.
    store: RefCell<Option<Store>>,
    held: RefCell<VecDeque<Action>>,
    is_writing: Cell<bool>,
    is_wanted: Notify,
    has_kept: Notify,
}

impl Keeper {
    pub(super) fn new(store: Store) -> Keeper {
        Keeper {
            store: RefCell::new(Some(store)),
            held: RefCell::default(),
            is_writing: Cell::new(false),
            is_wanted: Notify::new(),
            has_kept: Notify::new(),
        }
    }

    /// Holds back the actions that are ready, if they or any before them have to wait; false if
    /// they may be done.
    pub(super) fn hold(&self, core: &mut Core) -> bool {
        if self.is_idle(core) {
            return false;
        }
        let mut held = self.held.borrow_mut();
        while let Some(action) = core.poll_action() {
            held.push_back(action);
        }
        self.is_wanted.notify_one();
        true
    }

    fn is_idle(&self, core: &Core) -> bool {
        core.is_stored() && self.held.borrow().is_empty() && !self.is_writing.get()
    }

    /// Waits until all that has happened is in the store.
    pub(super) async fn all_stored(&self, core: &RefCell<Core>) {
        while !self.is_idle(&core.borrow()) {
            self.is_wanted.notify_one();
            self.has_kept.notified().await;
        }
    }

    /// Waits for something to write.
    pub(super) async fn wanted(&self) {
        self.is_wanted.notified().await;
    }

    /// Writes what has changed, then gives the actions that have waited for it.
    pub(super) async fn keep(&self, core: &RefCell<Core>) -> Result<VecDeque<Action>, StoreError> {
        let changes = core.borrow_mut().take_changes();
        let ready = self.held.take();
        if !changes.is_empty() {
            self.is_writing.set(true);
            let written = self.write(changes).await;
            self.is_writing.set(false);
            written?;
        }
        self.has_kept.notify_one();
        Ok(ready)
    }

    /// On a thread where it keeps nobody waiting.
    async fn write(&self, changes: Vec<Change>) -> Result<(), StoreError> {
        let Some(mut store) = self.store.take() else {
            return Ok(());
        };
        let written = tokio::task::spawn_blocking(move || {
            let written = store.commit(&changes);
            (store, written)
        });
        match written.await {
            Ok((store, written)) => {
                self.store.replace(Some(store));
                written
            }
            Err(panicked) => std::panic::resume_unwind(panicked.into_panic()),
        }
    }
}
