//! The pure core as the place of a scenario: time is a number.

use std::collections::BTreeMap;
use std::time::Duration;

use midge::broker::Config;
use midge::broker::core::{Action, ConnectionId, Core, Input, Peer};

use super::run::{Came, Place};

pub(super) struct InCore {
    core: Core,
    /// How many bytes come at a time.
    chunk: usize,
    now: Duration,
    next_connection: u64,
    /// Bytes that wait for clients that do not read.
    stalled: BTreeMap<u64, usize>,
    came: Vec<(u64, Came)>,
}

impl InCore {
    pub(super) fn new(config: Config, chunk: usize) -> InCore {
        InCore {
            core: Core::new(config),
            chunk,
            now: Duration::from_secs(1_000),
            next_connection: 0,
            stalled: BTreeMap::new(),
            came: Vec::new(),
        }
    }

    fn handle(&mut self, connection: u64, input: Input<'_>) {
        self.core.handle(self.now, ConnectionId(connection), input);
        self.drain();
    }

    fn drain(&mut self) {
        while let Some(action) = self.core.poll_action() {
            match action {
                Action::Send { connection, bytes } => {
                    let len = bytes.len();
                    self.came.push((connection.0, Came::Bytes(bytes)));
                    match self.stalled.get_mut(&connection.0) {
                        Some(waiting) => *waiting += len,
                        None => self.core.handle(self.now, connection, Input::Written(len)),
                    }
                }
                Action::Close { connection } => self.came.push((connection.0, Came::Closed)),
                Action::Log(_) => {}
            }
        }
    }
}

impl Place for InCore {
    fn open(&mut self) -> u64 {
        let connection = self.next_connection;
        self.next_connection += 1;
        self.handle(connection, Input::Opened(&Peer::default()));
        connection
    }

    fn send(&mut self, connection: u64, bytes: &[u8]) {
        for chunk in bytes.chunks(self.chunk) {
            self.handle(connection, Input::Bytes(chunk));
        }
    }

    fn close(&mut self, connection: u64) {
        self.handle(connection, Input::Closed);
    }

    fn stall(&mut self, connection: u64) -> Result<(), String> {
        self.stalled.insert(connection, 0);
        Ok(())
    }

    fn unstall(&mut self, connection: u64) {
        let waiting = self.stalled.remove(&connection).unwrap_or(0);
        self.handle(connection, Input::Written(waiting));
    }

    fn pass_time(&mut self, by: Duration) {
        let target = self.now + by;
        while let Some(at) = self.core.poll_timeout().filter(|&at| at <= target) {
            self.now = self.now.max(at);
            self.core.handle_timeout(self.now);
            self.drain();
        }
        self.now = target;
    }

    fn set_access(&mut self, config: &Config) {
        let access = config.listeners.iter().map(|l| l.access.clone());
        self.core.set_access(self.now, access.collect());
        self.drain();
    }

    fn come(&mut self) -> Vec<(u64, Came)> {
        std::mem::take(&mut self.came)
    }
}
