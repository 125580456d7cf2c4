//! IPv4, IPv6 and the TCP and UDP headers in them.

use std::net::{IpAddr, SocketAddr};

use etherparse::{
    IpAuthHeaderSlice, IpNumber, Ipv4HeaderSlice, Ipv6FragmentHeaderSlice, Ipv6HeaderSlice,
    Ipv6RawExtHeaderSlice, TcpSlice, UdpHeaderSlice,
};

use super::link::Skip;

/// An IP packet, or a piece of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IpPacket<'a> {
    /// Sender.
    pub src: IpAddr,
    /// Receiver.
    pub dst: IpAddr,
    /// What the payload begins with, a number of IANA's "Protocol Numbers". Extension headers are
    /// passed, if the payload is not a piece.
    pub protocol: u8,
    /// The payload as far as it was captured, without link layer padding.
    pub payload: &'a [u8],
    /// Payload bytes that were sent and that the capture's snapshot length cut off.
    pub missing: usize,
    /// Set if this is not all of the packet.
    pub fragment: Option<Fragment>,
}

/// Where a piece belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fragment {
    /// Identification: all pieces of a packet have the same.
    pub id: u32,
    /// Where the piece begins in the payload of the packet, in bytes.
    pub offset: usize,
    /// Whether there are pieces behind it.
    pub more: bool,
}

/// A TCP segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment<'a> {
    /// Sender.
    pub src: SocketAddr,
    /// Receiver.
    pub dst: SocketAddr,
    /// Sequence number of the first payload byte, or of the SYN.
    pub seq: u32,
    /// Acknowledgment number, if the ACK flag is set.
    pub ack: Option<u32>,
    /// Flag SYN.
    pub syn: bool,
    /// Flag FIN.
    pub fin: bool,
    /// Flag RST.
    pub rst: bool,
    /// The payload as far as it was captured, without link layer padding.
    pub payload: &'a [u8],
    /// Payload bytes that were sent and that the capture's snapshot length cut off.
    pub missing: usize,
}

/// A UDP datagram.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Datagram<'a> {
    /// Sender.
    pub src: SocketAddr,
    /// Receiver.
    pub dst: SocketAddr,
    /// The payload as far as it was captured.
    pub payload: &'a [u8],
    /// Payload bytes that were sent and not captured.
    pub missing: usize,
}

/// What an IP packet carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Transport<'a> {
    /// TCP.
    Tcp(Segment<'a>),
    /// UDP.
    Udp(Datagram<'a>),
}

/// Reads the IP header and what extends it. `bytes` may be longer (Ethernet padding) or shorter
/// (snapshot length) than the packet says it is; `cut` is how many bytes the snapshot length took
/// from the end of the frame.
///
/// A length of 0 is written by hosts that leave the cutting of large segments to their network
/// card, and in jumbograms: the packet is as long as the frame then.
///
/// # Errors
/// Why it is no packet.
pub fn packet(bytes: &[u8], cut: usize) -> Result<IpPacket<'_>, Skip> {
    match bytes.first().map(|byte| byte >> 4) {
        Some(4) => ipv4(bytes, cut),
        Some(6) => ipv6(bytes, cut),
        Some(_) => Err(Skip::NotIp),
        None => Err(Skip::Damaged),
    }
}

fn ipv4(bytes: &[u8], cut: usize) -> Result<IpPacket<'_>, Skip> {
    let header = Ipv4HeaderSlice::from_slice(bytes).map_err(|_| Skip::Damaged)?;
    let rest = bytes.get(header.slice().len()..).ok_or(Skip::Damaged)?;
    let (payload, missing) = match usize::from(header.total_len()) {
        0 => (rest, cut),
        total => {
            let said = total.checked_sub(header.slice().len());
            within(rest, said.ok_or(Skip::Damaged)?)
        }
    };
    let mut packet = IpPacket {
        src: header.source_addr().into(),
        dst: header.destination_addr().into(),
        protocol: header.protocol().0,
        payload,
        missing,
        fragment: header.is_fragmenting_payload().then(|| Fragment {
            id: header.identification().into(),
            offset: usize::from(header.fragments_offset().value()) * 8,
            more: header.more_fragments(),
        }),
    };
    packet.pass_extensions()?;
    Ok(packet)
}

fn ipv6(bytes: &[u8], cut: usize) -> Result<IpPacket<'_>, Skip> {
    let header = Ipv6HeaderSlice::from_slice(bytes).map_err(|_| Skip::Damaged)?;
    let rest = bytes.get(header.slice().len()..).ok_or(Skip::Damaged)?;
    let (payload, missing) = match usize::from(header.payload_length()) {
        0 => (rest, cut),
        said => within(rest, said),
    };
    let mut packet = IpPacket {
        src: header.source_addr().into(),
        dst: header.destination_addr().into(),
        protocol: header.next_header().0,
        payload,
        missing,
        fragment: None,
    };
    packet.pass_extensions()?;
    Ok(packet)
}

/// The first `said` bytes, and how many of them are not there.
fn within(bytes: &[u8], said: usize) -> (&[u8], usize) {
    match bytes.get(..said) {
        Some(payload) => (payload, 0),
        None => (bytes, said - bytes.len()),
    }
}

impl<'a> IpPacket<'a> {
    /// Goes to the first header that is none of IP's own (RFC 8200 section 4), or to a piece.
    pub(super) fn pass_extensions(&mut self) -> Result<(), Skip> {
        while self.fragment.is_none() {
            let (next, len) = match IpNumber(self.protocol) {
                IpNumber::IPV6_HEADER_HOP_BY_HOP
                | IpNumber::IPV6_ROUTE_HEADER
                | IpNumber::IPV6_DESTINATION_OPTIONS
                | IpNumber::MOBILITY_HEADER
                | IpNumber::HIP
                | IpNumber::SHIM6 => {
                    let header = Ipv6RawExtHeaderSlice::from_slice(self.payload)
                        .map_err(|_| Skip::Damaged)?;
                    (header.next_header(), header.slice().len())
                }
                IpNumber::AUTHENTICATION_HEADER => {
                    let header =
                        IpAuthHeaderSlice::from_slice(self.payload).map_err(|_| Skip::Damaged)?;
                    (header.next_header(), header.slice().len())
                }
                IpNumber::IPV6_FRAGMENTATION_HEADER => {
                    let header = Ipv6FragmentHeaderSlice::from_slice(self.payload)
                        .map_err(|_| Skip::Damaged)?;
                    // A packet of one piece is whole (RFC 6946).
                    if header.is_fragmenting_payload() {
                        self.fragment = Some(Fragment {
                            id: header.identification(),
                            offset: usize::from(header.fragment_offset().value()) * 8,
                            more: header.more_fragments(),
                        });
                    }
                    (header.next_header(), header.slice().len())
                }
                _ => return Ok(()),
            };
            self.protocol = next.0;
            self.payload = self.payload.get(len..).ok_or(Skip::Damaged)?;
        }
        Ok(())
    }
}

/// Reads the TCP or UDP header of a packet that is whole.
///
/// # Errors
/// Why it gives neither a segment nor a datagram.
pub fn transport<'a>(packet: &IpPacket<'a>) -> Result<Transport<'a>, Skip> {
    let &IpPacket {
        src, dst, missing, ..
    } = packet;
    if packet.fragment.is_some() {
        return Err(Skip::Fragment);
    }
    match IpNumber(packet.protocol) {
        IpNumber::TCP => {
            let tcp = TcpSlice::from_slice(packet.payload).map_err(|_| Skip::Damaged)?;
            Ok(Transport::Tcp(Segment {
                src: SocketAddr::new(src, tcp.source_port()),
                dst: SocketAddr::new(dst, tcp.destination_port()),
                seq: tcp.sequence_number(),
                ack: tcp.ack().then(|| tcp.acknowledgment_number()),
                syn: tcp.syn(),
                fin: tcp.fin(),
                rst: tcp.rst(),
                payload: tcp.payload(),
                missing,
            }))
        }
        IpNumber::UDP => {
            let bytes = packet.payload;
            let udp = UdpHeaderSlice::from_slice(bytes).map_err(|_| Skip::Damaged)?;
            // A length of 0 is legal in jumbograms only; there the IP layer's length counts.
            let (end, missing) = match usize::from(udp.length()) {
                0 => (bytes.len(), missing),
                said => (said.min(bytes.len()), said.saturating_sub(bytes.len())),
            };
            Ok(Transport::Udp(Datagram {
                src: SocketAddr::new(src, udp.source_port()),
                dst: SocketAddr::new(dst, udp.destination_port()),
                payload: bytes.get(8..end).ok_or(Skip::Damaged)?,
                missing,
            }))
        }
        _ => Err(Skip::NotTcpOrUdp),
    }
}

#[cfg(test)]
mod tests;
