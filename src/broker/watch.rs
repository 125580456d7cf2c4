//! Looking on: what the shell tells whoever runs it.

use std::net::SocketAddr;

use super::core::{ConnectionId, Event};

/// Told of what happens, in the order in which it happens. Nothing that it does changes the
/// broker; what it does not care for it need not implement.
pub trait Watch {
    /// The core did something. Only with [`Config::events`](super::Config::events).
    fn event(&mut self, _event: &Event) {}

    /// A peer connected from `client` to `server`.
    fn opened(&mut self, _connection: ConnectionId, _client: SocketAddr, _server: SocketAddr) {}

    /// Bytes came.
    fn received(&mut self, _connection: ConnectionId, _bytes: &[u8]) {}

    /// Bytes left for the network.
    fn sent(&mut self, _connection: ConnectionId, _bytes: &[u8]) {}

    /// The connection is over.
    fn closed(&mut self, _connection: ConnectionId) {}
}

/// Nobody looks on.
impl Watch for () {}
