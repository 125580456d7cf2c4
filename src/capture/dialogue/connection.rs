//! What all that follow a connection must know of it.

use std::{net::SocketAddr, sync::Arc};

use crate::capture::{
    follower::{End, Pair},
    packets::Options,
};

/// A connection, as far as all that follow it must know.
#[derive(Debug, Clone)]
pub(in crate::capture) struct Connection {
    /// Numbered from 0 in the order of first frames.
    pub(in crate::capture) stream: u64,
    /// The sender and the receiver of its first frame.
    pub(in crate::capture) addrs: Pair<SocketAddr>,
    /// What carries the bytes: `tcp`, `tls`, `ws` or `wss`.
    pub(in crate::capture) transport: &'static str,
    /// Something says that it is MQTT: a sub-protocol that was agreed on.
    pub(in crate::capture) is_announced: bool,
    pub(in crate::capture) options: Arc<Options>,
}

impl Connection {
    /// Whether one of its ports is among `ports`.
    pub(in crate::capture) fn has_port_of(&self, ports: &[u16]) -> bool {
        ports.contains(&self.addrs.first.port()) || ports.contains(&self.addrs.second.port())
    }

    /// The sender and the receiver of what `end` sends.
    pub(in crate::capture) fn ends(&self, end: End) -> (SocketAddr, SocketAddr) {
        (*self.addrs.get(end), *self.addrs.get(end.other()))
    }
}
