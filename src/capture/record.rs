//! What comes out of a capture.

use std::net::SocketAddr;

use bytes::Bytes;

use super::tls::{CipherSuite, TlsVersion};
use crate::mqtt::session::WebSocketFault;
use crate::mqtt::{Side, Version};

/// When a frame was captured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp {
    /// Nanoseconds since 1970-01-01 00:00 UTC.
    pub nanos: i64,
    /// Decimal digits of a second that the capture really has: 6 or 9, 0 to 9 in pcapng.
    pub digits: u8,
}

/// Where something was captured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Place {
    /// Number of the frame in the file, from 1.
    pub frame: u64,
    /// When it was captured; simple packet blocks of pcapng have no time.
    pub time: Option<Timestamp>,
}

/// Where in a capture something was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Location {
    /// The frame, from 1.
    pub frame: u64,
    /// When that frame was captured.
    pub time: Option<Timestamp>,
    /// TCP connection, numbered from 0 in the order of first frames.
    pub stream: u64,
    /// Sender.
    pub src: SocketAddr,
    /// Receiver.
    pub dst: SocketAddr,
    /// The sender's part in the connection, if known.
    pub from: Option<Side>,
    /// What carried the bytes: `tcp`, `tls`, `ws`, `wss` or `udp`.
    pub transport: &'static str,
}

/// One thing found in a stream. Those of one stream come in the order of its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Record {
    /// A packet, whole or cut.
    Packet(CapturedPacket),
    /// An MQTT-SN message.
    Message(CapturedMessage),
    /// Bytes that the capture does not have.
    Gap(Gap),
    /// Bytes that the capture has and that belong to no packet.
    Skipped(Skipped),
    /// A connection begins or ends; only if [`Options::turns`](super::Options::turns) asks for it.
    Turn(Turn),
    /// A TLS connection that cannot be read; at most one for each connection.
    Sealed(Sealed),
}

impl Record {
    /// Where it was found.
    pub fn at(&self) -> &Location {
        match self {
            Record::Packet(packet) => &packet.at,
            Record::Message(message) => &message.at,
            Record::Gap(gap) => &gap.at,
            Record::Skipped(skipped) => &skipped.at,
            Record::Sealed(sealed) => &sealed.at,
            Record::Turn(turn) => &turn.at,
        }
    }
}

/// How the version of a packet is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum VersionFrom {
    /// The CONNECT of the connection said it.
    Connect,
    /// The packets have what only this version allows.
    Inferred,
    /// The caller said it.
    Given,
    /// Nothing said it.
    Default,
}

impl VersionFrom {
    /// `connect`, `inferred`, `given` or `default`.
    pub const fn as_str(self) -> &'static str {
        match self {
            VersionFrom::Connect => "connect",
            VersionFrom::Inferred => "inferred",
            VersionFrom::Given => "given",
            VersionFrom::Default => "default",
        }
    }
}

/// A packet as it went over the wire.
///
/// Its frame is the one that holds its last byte: the first of them, if that byte was captured more
/// than once. So frames go back within one direction of a stream where segments came out of order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CapturedPacket {
    /// Where it was found; the frame is the one that holds its last byte.
    pub at: Location,
    /// The version to decode it with.
    pub version: Version,
    /// How that is known.
    pub version_from: VersionFrom,
    /// The packet from its fixed header on; the first part of it if it is cut.
    pub bytes: Bytes,
    /// Length that the fixed header announces, fixed header included.
    pub announced_len: usize,
}

impl CapturedPacket {
    /// Whether the capture has less of the packet than its fixed header announces.
    pub fn is_cut(&self) -> bool {
        self.bytes.len() < self.announced_len
    }
}

/// A UDP datagram with an MQTT-SN message, and with a forwarder encapsulation if there is one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CapturedMessage {
    /// Where it was found. The stream is a UDP peer pair, numbered from 0 in the order of first
    /// frames; TCP connections have numbers of their own, so that these do not depend on what else
    /// was captured. A gateway is a server.
    pub at: Location,
    /// The datagram; the first part of it if the capture cut it.
    pub bytes: Bytes,
}

/// Bytes that were sent and are not in the capture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gap {
    /// Where it is; the frame has the first byte behind the hole, or told of the hole.
    pub at: Location,
    /// How many bytes.
    pub lost: u64,
    /// The frame in which the next true packet boundary was found, if one was.
    pub resynced_at_frame: Option<u64>,
}

/// The begin or the end of a connection that carries MQTT.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Turn {
    /// Where it is; who ends the connection is the sender.
    pub at: Location,
    /// What happens.
    pub kind: TurnKind,
}

/// What can happen to a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TurnKind {
    /// The capture has what the sender sends from the first byte on. It comes before every packet
    /// of the sender.
    Opened,
    /// The sender has sent everything: FIN.
    Finished,
    /// The sender has broken the connection off: RST.
    Reset,
    /// The receiver has acknowledged bytes of the sender that have not come so far: they are lost,
    /// or the capture has the frames in another order than they were sent.
    Acknowledged,
    /// What was acknowledged before it came comes now, in this frame.
    Late,
    /// The receiver has acknowledged bytes of the sender that are lost, which no gap tells.
    Lost,
    /// The sender did what WebSocket, or MQTT over it, does not allow; each thing is told once.
    WebSocket(WebSocketFault),
    /// Nothing more of the connection will come, whether it ended or the capture did.
    Over,
}

/// Why bytes belong to no packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SkipReason {
    /// The capture starts inside of a packet.
    MidStream,
    /// Between a gap and the next true packet boundary.
    AfterGap,
    /// The rest, behind a gap, of a packet that was reported as cut.
    RestOfCutPacket,
    /// The rest of a packet that is larger than the limit and was reported as cut.
    OverLimit,
    /// A fixed header that is not all there.
    CutHeader,
    /// What a proxy put in front of the connection, to say for whom it is.
    ProxyHeader,
    /// A WebSocket frame that is not binary, in a direction that has sent binary ones.
    NotBinary,
    /// Not MQTT: an impossible remaining length, or bytes that make no packets.
    NotMqtt,
}

impl SkipReason {
    /// Whether no packet can be missing for it.
    pub(crate) const fn is_harmless(self) -> bool {
        matches!(self, SkipReason::NotBinary)
    }

    /// The reason in words.
    pub const fn as_str(self) -> &'static str {
        match self {
            SkipReason::MidStream => "the capture starts inside of a packet",
            SkipReason::AfterGap => "no packet boundary after a gap",
            SkipReason::RestOfCutPacket => "the rest of a packet that a gap cut",
            SkipReason::OverLimit => "the rest of a packet that is over the size limit",
            SkipReason::CutHeader => "a fixed header that is cut",
            SkipReason::ProxyHeader => "a PROXY protocol header",
            SkipReason::NotBinary => "a WebSocket text frame",
            SkipReason::NotMqtt => "not MQTT",
        }
    }
}

/// Bytes in a stream that belong to no packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    /// Where they are; the frame has the first of them.
    pub at: Location,
    /// How many bytes.
    pub len: u64,
    /// Why.
    pub reason: SkipReason,
}

/// Why a TLS connection, or a part of it, cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SealReason {
    /// Its secrets are neither in the key log nor in the capture.
    NoKeys,
    /// Records do not authenticate with the secrets that are there for it.
    KeysDoNotFit,
    /// The hellos, by which secrets are found, are not in the capture.
    NoHandshake,
    /// Only AES-GCM and ChaCha20-Poly1305 are read, and nothing that TLS has compressed.
    UnsupportedSuite,
    /// Only TLS 1.2 and 1.3 are read.
    UnsupportedVersion,
}

/// A TLS connection that cannot be read, or not all of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    /// The frame with the first that cannot be read. The sender is the client, if it is known.
    pub at: Location,
    /// The version that the server chose, if that was seen.
    pub version: Option<TlsVersion>,
    /// The cipher suite that the server chose, if that was seen.
    pub suite: Option<CipherSuite>,
    /// The host name that the client asked for; letters, digits, `-`, `.` and `_` only.
    pub server_name: Option<String>,
    /// Why.
    pub reason: SealReason,
}
