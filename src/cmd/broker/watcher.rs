//! Whoever looks on: the log and the recording.

use std::net::SocketAddr;

use super::log::Log;
use super::record::Recording;
use crate::broker::{ConnectionId, Event, Watch};
use crate::mqtt::Side;

/// Tells the log of events and the recording of bytes.
pub(super) struct Watcher {
    pub(super) log: Log,
    recording: Option<Recording>,
}

impl Watcher {
    pub(super) fn new(log: Log, recording: Option<Recording>) -> Watcher {
        Watcher { log, recording }
    }
}

impl Watch for Watcher {
    fn event(&mut self, event: &Event) {
        self.log.event(event);
    }

    fn opened(&mut self, connection: ConnectionId, client: SocketAddr, server: SocketAddr) {
        if let Some(recording) = &mut self.recording {
            recording.open(connection, client, server);
        }
    }

    fn received(&mut self, connection: ConnectionId, bytes: &[u8]) {
        if let Some(recording) = &mut self.recording {
            recording.data(connection, Side::Client, bytes);
        }
    }

    fn sent(&mut self, connection: ConnectionId, bytes: &[u8]) {
        if let Some(recording) = &mut self.recording {
            recording.data(connection, Side::Server, bytes);
        }
    }

    fn closed(&mut self, connection: ConnectionId) {
        if let Some(recording) = &mut self.recording {
            recording.close(connection);
        }
    }
}
