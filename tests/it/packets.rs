//! Packets that several tests send.

use midge::mqtt::packet::Connect;
use midge::mqtt::{Packet, Properties, Version};

/// A 5.0 client that asks for nothing more than to be let in.
pub(crate) fn connect(id: &str) -> Packet<'_> {
    Packet::Connect(Connect {
        version: Version::V5,
        bridge: false,
        clean_start: true,
        keep_alive: 0,
        properties: Properties::EMPTY,
        client_id: id,
        will: None,
        username: None,
        password: None,
    })
}
