//! Whoever looks on: the log, the recordings and what is counted.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::rc::Rc;

use super::log::SharedLog;
use super::ready::Ready;
use super::record::Recording;
use super::tally::Tally;
use crate::broker::faults::Fault;
use crate::broker::{ConnectionId, Event, HandshakeError, Peer, Watch};
use crate::cmd::clock::now;
use crate::mqtt::Side;

/// Tells the log and the tally of events, and the recordings of bytes.
pub(super) struct Watcher {
    pub(super) log: SharedLog,
    recordings: Vec<Recording>,
    ready: Rc<Ready>,
    tally: Rc<Tally>,
}

impl Watcher {
    pub(super) fn new(
        log: SharedLog,
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

impl Watcher {
    fn data(&mut self, connection: ConnectionId, from: Side, bytes: &[u8]) {
        if self.recordings.is_empty() {
            return;
        }
        // All of them tell the same.
        let time = now();
        for recording in &mut self.recordings {
            recording.data(time, connection, from, bytes);
        }
    }
}

impl Watch for Watcher {
    fn event(&mut self, event: &Event) {
        self.tally.event(event);
        self.log.borrow_mut().event(event);
    }

    fn opened(&mut self, connection: ConnectionId, peer: &Peer) {
        let port = self
            .ready
            .address(peer.listener)
            .map(|address| address.port());
        let url = self.ready.url(peer.listener);
        self.log.borrow_mut().opened(connection, peer, url, port);
        if self.recordings.is_empty() {
            return;
        }
        let server = self.ready.address(peer.listener);
        let client = peer.address.unwrap_or_else(|| stand_in(connection));
        let time = now();
        for recording in &mut self.recordings {
            recording.open(time, connection, client, server.unwrap_or(STAND_IN_SERVER));
        }
    }

    fn refused(&mut self, listener: usize, from: Option<SocketAddr>, why: &HandshakeError) {
        let (url, address) = (self.ready.url(listener), self.ready.address(listener));
        let port = address.map(|address| address.port());
        self.log.borrow_mut().refused(url, port, from, why);
    }

    fn not_accepting(&mut self, listener: usize, why: &io::Error) {
        let url = self.ready.url(listener);
        self.log.borrow_mut().not_accepting(format_args!(
            "cannot take connections at {url}: {why}; if it is for want of open files, raise \
             `ulimit -n`"
        ));
    }

    fn fault(&mut self, fault: &Fault) {
        self.log.borrow_mut().fault(fault);
    }

    fn received(&mut self, connection: ConnectionId, bytes: &[u8]) {
        self.data(connection, Side::Client, bytes);
    }

    fn sent(&mut self, connection: ConnectionId, bytes: &[u8]) {
        self.data(connection, Side::Server, bytes);
    }

    fn closed(&mut self, connection: ConnectionId, by: Side) {
        if self.recordings.is_empty() {
            return;
        }
        let time = now();
        for recording in &mut self.recordings {
            recording.close(time, connection, by);
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
