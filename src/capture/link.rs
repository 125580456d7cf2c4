//! Link layers: where the IP packet begins in a frame.

/// Why a frame gives nothing. Counted, never an error: a capture is full of other traffic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Skip {
    /// A link type that midge does not read.
    UnknownLink,
    /// ARP, LLDP and the like.
    NotIp,
    /// Neither TCP nor UDP.
    NotTcpOrUdp,
    /// A piece of an IP packet of which other pieces are missing so far.
    Fragment,
    /// Headers that are cut or contradict themselves.
    Damaged,
}

/// A LINKTYPE_ value of <https://www.tcpdump.org/linktypes.html>.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct LinkType(pub u16);

impl LinkType {
    /// BSD loopback, address family in the byte order of the capturing host.
    pub const NULL: LinkType = LinkType(0);
    /// Ethernet.
    pub const ETHERNET: LinkType = LinkType(1);
    /// IPv4 or IPv6 without a link header.
    pub const RAW: LinkType = LinkType(101);
    /// PPP, with or without the framing of HDLC.
    pub const PPP: LinkType = LinkType(9);
    /// PPP in the framing of HDLC.
    pub const PPP_HDLC: LinkType = LinkType(50);
    /// OpenBSD loopback, address family in network byte order.
    pub const LOOP: LinkType = LinkType(108);
    /// Linux "cooked" capture.
    pub const LINUX_SLL: LinkType = LinkType(113);
    /// IPv4 without a link header.
    pub const IPV4: LinkType = LinkType(228);
    /// IPv6 without a link header.
    pub const IPV6: LinkType = LinkType(229);
    /// What macOS writes for its interface `pktap`: a header that tells the link type behind it.
    pub const PKTAP: LinkType = LinkType(258);
    /// Linux "cooked" capture, second version.
    pub const LINUX_SLL2: LinkType = LinkType(276);
}

/// The IP packet in a frame, with whatever padding follows it.
///
/// # Errors
/// Why there is none.
pub fn ip_packet(link: LinkType, frame: &[u8]) -> Result<&[u8], Skip> {
    match link {
        LinkType::ETHERNET => ethernet(frame),
        // The address family is not worth a table of the systems' numbers: the version in the
        // first byte of the packet says the same, and the IP layer looks at it.
        LinkType::NULL | LinkType::LOOP => raw(tail(frame, 4)?),
        LinkType::RAW | LinkType::IPV4 | LinkType::IPV6 => raw(frame),
        // DLT_RAW of BSD and OpenBSD, written into files as they are by some tools.
        LinkType(12 | 14) => raw(frame),
        LinkType::LINUX_SLL => ether_payload(field(frame, 14)?, tail(frame, 16)?),
        LinkType::LINUX_SLL2 => ether_payload(field(frame, 0)?, tail(frame, 20)?),
        LinkType::PPP | LinkType::PPP_HDLC => match frame {
            // RFC 1662 section 3.1: address and control.
            [0xff, 0x03, rest @ ..] => ppp(rest),
            _ => ppp(frame),
        },
        LinkType::PKTAP => {
            let Some(&[len, _, inner, ..]) = frame.as_chunks().0.first_chunk::<4>() else {
                return Err(Skip::Damaged);
            };
            let inner = u32::from_le_bytes(inner);
            let rest = tail(frame, u32::from_le_bytes(len) as usize)?;
            match u16::try_from(inner).map(LinkType) {
                Ok(LinkType::PKTAP) => Err(Skip::Damaged),
                Ok(link) => ip_packet(link, rest),
                Err(_) => Err(Skip::UnknownLink),
            }
        }
        _ => Err(Skip::UnknownLink),
    }
}

/// Also what tunnels carry, see [`tunnel`](super::tunnel).
pub(super) fn ethernet(frame: &[u8]) -> Result<&[u8], Skip> {
    ether_payload(field(frame, 12)?, tail(frame, 14)?)
}

/// Follows VLAN tags (802.1Q, 802.1ad, and the older numbers of stacked tags), MPLS labels, PPPoE
/// and LLC/SNAP.
fn ether_payload(mut ether_type: u16, mut rest: &[u8]) -> Result<&[u8], Skip> {
    loop {
        match ether_type {
            0x0800 | 0x86dd => return Ok(rest),
            0x8100 | 0x88a8 | 0x9100 | 0x9200 => {
                ether_type = field(rest, 2)?;
                rest = tail(rest, 4)?;
            }
            // RFC 3032 section 2.1: the lowest bit of the third byte marks the last label.
            0x8847 | 0x8848 => {
                let is_last = field(rest, 2)? & 0x0100 != 0;
                rest = tail(rest, 4)?;
                if is_last {
                    return raw(rest);
                }
            }
            // RFC 2516 section 4: version and type, code, session, length.
            0x8864 => return ppp(tail(rest, 6)?),
            // A length, or the 4 that Linux writes for "802.2": LLC with a SNAP header (RFC 1042).
            0..0x0600 => match rest {
                [0xaa, 0xaa, 3, 0, 0, 0, ..] => {
                    ether_type = field(rest, 6)?;
                    rest = tail(rest, 8)?;
                    if ether_type < 0x0600 {
                        return Err(Skip::NotIp);
                    }
                }
                _ => return Err(Skip::NotIp),
            },
            _ => return Err(Skip::NotIp),
        }
    }
}

/// The protocol number may be compressed to one byte, which is odd (RFC 1661 section 6.5).
fn ppp(bytes: &[u8]) -> Result<&[u8], Skip> {
    match bytes {
        [0, 0x21 | 0x57, rest @ ..] | [0x21 | 0x57, rest @ ..] => Ok(rest),
        [] => Err(Skip::Damaged),
        _ => Err(Skip::NotIp),
    }
}

fn raw(packet: &[u8]) -> Result<&[u8], Skip> {
    match packet.first().map(|byte| byte >> 4) {
        Some(4 | 6) => Ok(packet),
        Some(_) => Err(Skip::NotIp),
        None => Err(Skip::Damaged),
    }
}

fn field(bytes: &[u8], at: usize) -> Result<u16, Skip> {
    match bytes.get(at..at + 2) {
        Some(&[high, low]) => Ok(u16::from_be_bytes([high, low])),
        _ => Err(Skip::Damaged),
    }
}

fn tail(bytes: &[u8], from: usize) -> Result<&[u8], Skip> {
    bytes.get(from..).ok_or(Skip::Damaged)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_link_layer_ends_where_ip_begins() {
        let ip = [0x45, 0, 0, 20];
        let with = |head: &[u8]| [head, &ip[..]].concat();
        let mac = [0; 12];
        for (link, frame) in [
            (LinkType::ETHERNET, with(&[&mac[..], &[8, 0]].concat())),
            (
                LinkType::ETHERNET,
                with(&[&mac[..], &[0x88, 0xa8, 0, 7, 0x81, 0, 0, 9, 8, 0]].concat()),
            ),
            (
                LinkType::ETHERNET, // PPPoE
                with(&[&mac[..], &[0x88, 0x64, 0x11, 0, 0, 1, 0, 22, 0, 0x21]].concat()),
            ),
            (
                LinkType::ETHERNET, // two MPLS labels
                with(&[&mac[..], &[0x88, 0x47, 0, 1, 0, 64, 0, 2, 1, 64]].concat()),
            ),
            (
                LinkType::ETHERNET, // 802.3 with LLC and SNAP
                with(&[&mac[..], &[0, 28, 0xaa, 0xaa, 3, 0, 0, 0, 8, 0]].concat()),
            ),
            (LinkType::PPP, with(&[0, 0x21])),
            (LinkType::PPP_HDLC, with(&[0xff, 3, 0x21])),
            (
                LinkType::PKTAP,
                with(
                    &[
                        &[16, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 9, 9, 9, 9],
                        &mac[..],
                        &[8, 0],
                    ]
                    .concat(),
                ),
            ),
            (LinkType::NULL, with(&[2, 0, 0, 0])),
            (LinkType::LOOP, with(&[0, 0, 0, 2])),
            (LinkType::RAW, with(&[])),
            (
                LinkType::LINUX_SLL,
                with(&[0, 0, 3, 4, 0, 6, 0, 0, 0, 0, 0, 0, 0, 0, 8, 0]),
            ),
            (
                LinkType::LINUX_SLL2,
                with(&[8, 0, 0, 0, 0, 0, 0, 1, 3, 4, 0, 6, 0, 0, 0, 0, 0, 0, 0, 0]),
            ),
        ] {
            assert_eq!(ip_packet(link, &frame), Ok(&ip[..]), "{link:?}");
            for cut in 0..frame.len() - ip.len() {
                assert!(
                    ip_packet(link, &frame[..cut]).is_err(),
                    "{link:?} cut at {cut}"
                );
            }
        }
    }

    #[test]
    fn other_traffic_is_named() {
        let mut arp = [0; 60];
        arp[12] = 0x08;
        arp[13] = 0x06;
        assert_eq!(ip_packet(LinkType::ETHERNET, &arp), Err(Skip::NotIp));
        assert_eq!(ip_packet(LinkType(105), &arp), Err(Skip::UnknownLink));
    }
}
