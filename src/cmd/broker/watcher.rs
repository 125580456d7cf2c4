//! Whoever looks on: the log, the recordings and what is counted.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::rc::Rc;

use super::log::Log;
use super::ready::Ready;
use super::record::Recording;
use super::tally::Tally;
use crate::broker::{ConnectionId, Event, HandshakeError, Peer, Watch};
use crate::mqtt::Side;

/// Tells the log and the tally of events, and the recordings of bytes.
pub(super) struct Watcher {
    pub(super) log: Log,
    recordings: Vec<Recording>,
    ready: Rc<Ready>,
    tally: Rc<Tally>,
}

impl Watcher {
    pub(super) fn new(
        log: Log,
        recordings: Vec<Recording>,
        ready: Rc<Ready>,
        tally: Rc<Tally>,
    ) -> Watcher {
        Watcher {
            log,
            recordings,
            ready,
            tally,
        }
    }
}

impl Watch for Watcher {
    fn event(&mut self, event: &Event) {
        self.tally.event(event);
        self.log.event(event);
    }

    fn opened(&mut self, connection: ConnectionId, peer: &Peer) {
        self.log
            .opened(connection, peer, self.ready.url(peer.listener));
        if self.recordings.is_empty() {
            return;
        }
        let server = self.ready.address(peer.listener);
        let client = peer.address.unwrap_or_else(|| stand_in(connection));
        for recording in &mut self.recordings {
            recording.open(connection, client, server.unwrap_or(STAND_IN_SERVER));
        }
    }

    fn refused(&mut self, listener: usize, from: Option<SocketAddr>, why: &HandshakeError) {
        self.log.refused(self.ready.url(listener), from, why);
    }

    fn received(&mut self, connection: ConnectionId, bytes: &[u8]) {
        for recording in &mut self.recordings {
            recording.data(connection, Side::Client, bytes);
        }
    }

    fn sent(&mut self, connection: ConnectionId, bytes: &[u8]) {
        for recording in &mut self.recordings {
            recording.data(connection, Side::Server, bytes);
        }
    }

    fn closed(&mut self, connection: ConnectionId) {
        for recording in &mut self.recordings {
            recording.close(connection);
        }
    }
}

/// Stands for a unix socket in a recording: an address for documentation (RFC 5737), which no peer
/// has.
const STAND_IN_SERVER: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)), 1883);

/// Stands for a client of a unix socket; those that are there at the same time differ.
fn stand_in(connection: ConnectionId) -> SocketAddr {
    // Ports 1024 to 65535 of a few addresses.
    const PORTS: u64 = 64_512;
    let host = u8::try_from(connection.0 / PORTS % 250).unwrap_or(0);
    let port = u16::try_from(1024 + connection.0 % PORTS).unwrap_or(u16::MAX);
    SocketAddr::from((Ipv4Addr::new(192, 0, 2, 2 + host), port))
}
