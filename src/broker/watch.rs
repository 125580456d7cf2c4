//! Looking on: what the shell tells whoever runs it.

use std::io;
use std::net::SocketAddr;

use super::core::{ConnectionId, Event, Peer};
use super::faults::Fault;
use crate::mqtt::Side;
use crate::net::listen::HandshakeError;

/// Told of what happens, in the order in which it happens. Nothing that it does changes the
/// broker; what it does not care for it need not implement.
pub trait Watch {
    /// The core did something. Only with [`Config::events`](super::Config::events).
    fn event(&mut self, _event: &Event) {}

    /// A peer connected.
    fn opened(&mut self, _connection: ConnectionId, _peer: &Peer) {}

    /// A peer from this address came to this listener, and its TLS or WebSocket handshake failed.
    fn refused(&mut self, _listener: usize, _from: Option<SocketAddr>, _why: &HandshakeError) {}

    /// This listener can take no connections, e.g. for want of file descriptors. Told once, until
    /// one is taken again.
    fn not_accepting(&mut self, _listener: usize, _why: &io::Error) {}

    /// A rule struck a packet. Only with [`Config::events`](super::Config::events).
    fn fault(&mut self, _fault: &Fault) {}

    /// Bytes came.
    fn received(&mut self, _connection: ConnectionId, _bytes: &[u8]) {}

    /// Bytes left for the network.
    fn sent(&mut self, _connection: ConnectionId, _bytes: &[u8]) {}

    /// The connection is over: the client has left, or the broker has ended it.
    fn closed(&mut self, _connection: ConnectionId, _by: Side) {}
}

/// Nobody looks on.
impl Watch for () {}
