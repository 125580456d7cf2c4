//! What a user sees: text trees, lines, JSON lines, tables, progress, colour.
//!
//! Everything here turns values into text; nothing here opens sockets or knows what the protocol
//! wants. What came from the network is escaped before it reaches a terminal ([`text`]).

mod annotated;
pub mod base64;
pub mod bench;
pub mod colour;
pub mod event;
pub mod exchange;
pub mod finding;
pub mod flow;
pub mod format;
pub mod hole;
pub mod json;
pub mod line;
pub mod nearest;
pub mod payload;
pub mod progress;
pub mod replay;
pub mod sn;
pub mod stats;
pub mod summary;
mod table;
pub mod terminal;
pub mod text;
pub mod time;
pub mod tree;

use std::net::SocketAddr;

use crate::mqtt::decode::Recorder;
use crate::mqtt::{Side, Version};
use finding::Finding;
use time::Time;

/// A decoded packet with what is known about where it came from: the input of every view.
#[derive(Debug, Clone, Copy)]
pub struct Decoded<'a> {
    /// Where it came from.
    pub origin: Origin,
    /// The packet's bytes, fixed header included.
    pub bytes: &'a [u8],
    /// What the decoder found in them.
    pub record: &'a Recorder<'a>,
    /// The topic that a Topic Alias stood for at that moment, in that direction, if the packet has
    /// none of its own.
    pub topic_resolved: Option<&'a str>,
    /// The Client Identifier of the connection, if it was seen.
    pub client: Option<&'a str>,
    /// What lint found in it, alone or with others. Then `record` has no violations.
    pub findings: &'a [Finding],
}

/// Where a packet came from, and how it was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Origin {
    /// Where it came from.
    pub place: Place,
    /// What the packet was read as.
    pub version: Version,
    /// How the version is known: `connect`, `inferred`, `given`, `default`.
    pub version_from: &'static str,
}

/// Where in a capture something stands; nothing of it is known for hex text. Keys as in the JSON
/// lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Place {
    /// Capture frame, from 1, that holds the packet's last byte.
    pub frame: Option<u64>,
    /// When that frame was captured.
    pub time: Option<Time>,
    /// Number of the TCP connection, or of the UDP peer pair, from 0.
    pub stream: Option<u64>,
    /// Sender and receiver.
    pub endpoints: Option<(SocketAddr, SocketAddr)>,
    /// Which side sent it.
    pub from: Option<Side>,
    /// `tcp`, `tls`, `ws`, `wss`, `udp`.
    pub transport: Option<&'static str>,
}
