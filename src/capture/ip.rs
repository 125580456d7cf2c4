//! IPv4, IPv6 and the TCP and UDP headers in them.

use std::net::SocketAddr;

use etherparse::{IpNumber, LaxIpSlice, TcpSlice, UdpHeaderSlice};

use super::link::Skip;

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

/// Reads the headers of an IP packet. `packet` may be longer (Ethernet padding) or shorter
/// (snapshot length) than the packet says it is.
///
/// # Errors
/// Why it gives neither a segment nor a datagram.
pub fn transport(packet: &[u8]) -> Result<Transport<'_>, Skip> {
    let (ip, _stopped) = LaxIpSlice::from_slice(packet).map_err(|_| Skip::Damaged)?;
    if ip.is_fragmenting_payload() {
        return Err(Skip::Fragment);
    }
    let payload = ip.payload();
    let missing = if payload.incomplete {
        let total = match &ip {
            LaxIpSlice::Ipv4(v4) => usize::from(v4.header().total_len()),
            LaxIpSlice::Ipv6(v6) => 40 + usize::from(v6.header().payload_length()),
        };
        total.saturating_sub(packet.len())
    } else {
        0
    };
    let src = ip.source_addr();
    let dst = ip.destination_addr();
    match payload.ip_number {
        IpNumber::TCP => {
            let tcp = TcpSlice::from_slice(payload.payload).map_err(|_| Skip::Damaged)?;
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
            let bytes = payload.payload;
            let udp = UdpHeaderSlice::from_slice(bytes).map_err(|_| Skip::Damaged)?;
            // A length of 0 is legal in jumbograms only; there the IP layer's length counts.
            let said = usize::from(udp.length());
            let end = match said {
                0 => bytes.len(),
                _ => said.min(bytes.len()),
            };
            Ok(Transport::Udp(Datagram {
                src: SocketAddr::new(src, udp.source_port()),
                dst: SocketAddr::new(dst, udp.destination_port()),
                payload: bytes.get(8..end).ok_or(Skip::Damaged)?,
                missing: said.saturating_sub(bytes.len()),
            }))
        }
        _ => Err(Skip::NotTcpOrUdp),
    }
}

#[cfg(test)]
mod tests {
    use etherparse::PacketBuilder;

    use super::*;

    fn ipv4(payload: &[u8]) -> Vec<u8> {
        let builder = PacketBuilder::ipv4([10, 0, 0, 1], [10, 0, 0, 2], 64)
            .tcp(40_000, 1883, 7, 1000)
            .ack(9);
        let mut bytes = Vec::new();
        builder.write(&mut bytes, payload).unwrap();
        bytes
    }

    fn segment(bytes: &[u8]) -> Segment<'_> {
        match transport(bytes) {
            Ok(Transport::Tcp(segment)) => segment,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn padding_is_not_payload() {
        let mut bytes = ipv4(b"");
        bytes.resize(46, 0);
        let read = segment(&bytes);
        assert_eq!((read.payload, read.missing), (&b""[..], 0));
        assert_eq!((read.seq, read.ack), (7, Some(9)));
        assert_eq!(read.src.to_string(), "10.0.0.1:40000");
    }

    #[test]
    fn a_snapshot_length_leaves_missing_bytes() {
        let bytes = ipv4(b"0123456789");
        let read = segment(&bytes[..bytes.len() - 4]);
        assert_eq!((read.payload, read.missing), (&b"012345"[..], 4));
    }

    #[test]
    fn ipv6_extension_headers_are_passed() {
        let mut tcp = ipv4(b"ab").split_off(20);
        let mut bytes = vec![0x60, 0, 0, 0];
        bytes.extend_from_slice(&u16::try_from(16 + tcp.len()).unwrap().to_be_bytes());
        bytes.extend_from_slice(&[0, 64]); // next header: hop-by-hop options
        bytes.extend_from_slice(&[0x20; 32]);
        bytes.extend_from_slice(&[60, 0, 1, 4, 0, 0, 0, 0]); // then destination options
        bytes.extend_from_slice(&[6, 0, 1, 4, 0, 0, 0, 0]); // then TCP
        bytes.append(&mut tcp);
        assert_eq!(segment(&bytes).payload, b"ab");
    }

    #[test]
    fn fragments_are_named() {
        let mut bytes = ipv4(b"abcdefgh");
        bytes[6] = 0x20; // more fragments
        assert_eq!(transport(&bytes), Err(Skip::Fragment));
    }
}
