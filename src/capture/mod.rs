//! From the bytes of a capture file to MQTT packets, each with its frame, time, direction,
//! endpoints and stream.
//!
//! ```text
//! file (pcap, pcapng)  ->  link  ->  ip  ->  tcp (reassembly)  ->  dialogue (MQTT)  ->  packets
//!  (gzip, zstd)              (defrag, tunnel)
//!                                                              ->  tls  ->  dialogue
//!                                       ->  udp (MQTT-SN)                          ->  messages
//! ```
//!
//! A connection's bytes may be MQTT, or WebSocket with MQTT in it: readings that compete.
//!
//! Everything streams: memory is bounded, whatever the size of the file. Nothing here prints, and
//! nothing here knows what a packet means beyond what is needed to find its boundaries.
//!
//! The entry is [`Packets`]: give it a reader, pull [`Record`]s.

mod contest;
pub mod copy;
pub mod defrag;
pub mod detect;
mod dialogue;
pub mod error;
pub mod file;
pub mod follower;
pub mod ip;
pub mod link;
pub mod packets;
pub mod pick;
pub mod record;
mod tape;
pub mod tcp;
mod tls;
pub mod tunnel;
mod udp;
mod websocket;
pub mod write;

pub use error::CaptureError;
pub use file::{Frame, FrameReader, is_capture, other_format};
pub use packets::{Options, Packets, Stats, Waiting};
pub use record::{
    CapturedMessage, CapturedPacket, Gap, Location, Place, Record, SealReason, Sealed, SkipReason,
    Skipped, Timestamp, Turn, TurnKind, VersionFrom,
};
pub use tls::{CipherSuite, TlsVersion};
pub use write::{CaptureWriter, WrittenStream};
