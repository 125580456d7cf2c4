//! What earlier packets of a connection say about those to come: whose it is, and its topic aliases.

use std::net::SocketAddr;

use rustc_hash::FxHashMap;

use crate::mqtt::alias::Aliases;
use crate::mqtt::{Packet, PropertyId};

/// Connections that are remembered. Of more, those that began first are forgotten: a client without
/// its name is better than memory that grows with the capture.
const MAX_CONNECTIONS: usize = 1 << 16;

/// Bytes of a client's name: the standard promises 23, servers take some hundreds.
const MAX_NAME: usize = 1024;

/// Every connection, by its number.
#[derive(Debug, Default)]
pub(super) struct Connections {
    of: FxHashMap<u64, Connection>,
}

#[derive(Debug, Default)]
struct Connection {
    /// Client Identifier: from CONNECT, or as the server assigned it.
    client: Option<String>,
    /// Who was the first to use a Topic Alias.
    first: Option<SocketAddr>,
    /// The Topic Aliases of that sender, and of the other one.
    aliases: (Aliases, Aliases),
}

/// What is known about a packet beside its bytes.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Known<'c> {
    /// The Client Identifier of its connection.
    pub(super) client: Option<&'c str>,
    /// The topic that its alias stands for, if it has none of its own.
    pub(super) topic: Option<&'c str>,
}

impl Connections {
    /// Takes note of a packet, and says what is known about it. `decoded` is `None` if it cannot be
    /// read.
    pub(super) fn see<'c>(
        &'c mut self,
        stream: u64,
        src: SocketAddr,
        decoded: Option<&Packet<'c>>,
    ) -> Known<'c> {
        if self.of.len() >= MAX_CONNECTIONS {
            let oldest = stream.saturating_sub(MAX_CONNECTIONS as u64 / 2);
            self.of.retain(|stream, _| *stream >= oldest);
        }
        let connection = self.of.entry(stream).or_default();
        let topic = match decoded {
            Some(Packet::Connect(connect)) => {
                connection.forget_aliases();
                connection.client = named(connect.client_id);
                None
            }
            Some(Packet::ConnAck(connack)) => {
                let assigned = connack
                    .properties
                    .text(PropertyId::ASSIGNED_CLIENT_IDENTIFIER);
                if let Some(client) = assigned.and_then(named) {
                    connection.client = Some(client);
                }
                None
            }
            Some(Packet::Disconnect(_)) => {
                connection.forget_aliases();
                None
            }
            Some(Packet::Publish(publish)) => publish
                .properties
                .number(PropertyId::TOPIC_ALIAS)
                .and_then(|alias| u16::try_from(alias).ok())
                .and_then(|alias| {
                    let is_first = *connection.first.get_or_insert(src) == src;
                    let aliases = match is_first {
                        true => &mut connection.aliases.0,
                        false => &mut connection.aliases.1,
                    };
                    let topic = aliases.resolve(publish.topic, alias);
                    topic.filter(|_| publish.topic.is_empty())
                }),
            _ => None,
        };
        Known {
            client: connection.client.as_deref(),
            topic,
        }
    }

    /// The client of a connection.
    pub(super) fn client(&self, stream: u64) -> Option<&str> {
        self.of.get(&stream)?.client.as_deref()
    }
}

impl Connection {
    /// Aliases never outlive their connection (`[MQTT-3.3.2-7]`).
    fn forget_aliases(&mut self) {
        self.first = None;
        self.aliases = Default::default();
    }
}

/// A client's name, unless it has none yet, or one that is too long to remember.
fn named(client: &str) -> Option<String> {
    (1..=MAX_NAME)
        .contains(&client.len())
        .then(|| client.to_owned())
}
