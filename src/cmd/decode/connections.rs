//! Whose a connection is.

use rustc_hash::FxHashMap;

use crate::mqtt::{Packet, PropertyId};

/// Connections that are remembered. Of more, those that began first are forgotten: a client without
/// its name is better than memory that grows with the capture.
const MAX_CONNECTIONS: usize = 1 << 16;

/// Bytes of a client's name: the standard promises 23, servers take some hundreds.
const MAX_NAME: usize = 1024;

/// The clients of connections, by the numbers of these.
#[derive(Debug, Default)]
pub(super) struct Connections {
    clients: FxHashMap<u64, String>,
    /// The highest number so far.
    newest: u64,
}

impl Connections {
    /// Takes note of a packet, and says whose connection it belongs to: as CONNECT says, or as the
    /// server called the client. `decoded` is `None` if the packet cannot be read.
    pub(super) fn see(&mut self, stream: u64, decoded: Option<&Packet<'_>>) -> Option<&str> {
        let name = match decoded {
            Some(Packet::Connect(connect)) => {
                self.clients.remove(&stream);
                named(connect.client_id)
            }
            Some(Packet::ConnAck(connack)) => {
                let assigned = PropertyId::ASSIGNED_CLIENT_IDENTIFIER;
                connack.properties.text(assigned).and_then(named)
            }
            _ => None,
        };
        if let Some(name) = name {
            self.make_room(stream);
            self.clients.insert(stream, name);
        }
        self.client(stream)
    }

    /// The client of a connection.
    pub(super) fn client(&self, stream: u64) -> Option<&str> {
        self.clients.get(&stream).map(String::as_str)
    }

    fn make_room(&mut self, stream: u64) {
        self.newest = self.newest.max(stream);
        if self.clients.len() >= MAX_CONNECTIONS {
            let oldest = self.newest.saturating_sub(MAX_CONNECTIONS as u64 / 2);
            self.clients.retain(|stream, _| *stream >= oldest);
        }
    }
}

/// A client's name, unless it has none yet, or one that is too long to remember.
pub(super) fn named(client: &str) -> Option<String> {
    (1..=MAX_NAME)
        .contains(&client.len())
        .then(|| client.to_owned())
}
