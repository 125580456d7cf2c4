//! IP packets in IP packets: IP in IP, GRE and VXLAN.
//!
//! What belongs here: where the inner packet begins. What does not: encryption. A capture on the
//! way of a tunnel has nothing else, and mirrors in clouds send VXLAN.

use etherparse::IpNumber;

use super::{
    ip::IpPacket,
    link::{self, Skip},
};

/// Tunnels within tunnels that are followed.
pub const MAX_DEPTH: usize = 4;

/// The UDP port of VXLAN (RFC 7348 section 5).
const VXLAN_PORT: [u8; 2] = 4789_u16.to_be_bytes();

/// The IP packet within a whole packet, and how many bytes are missing at its end; `Ok(None)` if
/// it is no tunnel.
///
/// # Errors
/// Why there is no IP packet in a tunnel.
pub fn inner<'a>(packet: &IpPacket<'a>) -> Result<Option<(&'a [u8], usize)>, Skip> {
    let bytes = match IpNumber(packet.protocol) {
        // RFC 2003, RFC 4213.
        IpNumber::IPV4 | IpNumber::IPV6 => Some(packet.payload),
        IpNumber::GRE => Some(gre(packet.payload)?),
        IpNumber::UDP => vxlan(packet.payload),
        _ => None,
    };
    Ok(bytes.map(|bytes| (bytes, packet.missing)))
}

/// RFC 2784 section 2.1 and RFC 2890 section 2: flags, version, type, then checksum, key and
/// sequence number of four bytes each, as the flags say.
fn gre(bytes: &[u8]) -> Result<&[u8], Skip> {
    let &[flags, version, t0, t1, ref rest @ ..] = bytes else {
        return Err(Skip::Damaged);
    };
    if version & 7 != 0 {
        return Err(Skip::NotIp);
    }
    let fields = [0x80, 0x20, 0x10].map(|flag| usize::from(flags & flag != 0) * 4);
    let rest = rest
        .get(fields.iter().sum::<usize>()..)
        .ok_or(Skip::Damaged)?;
    match u16::from_be_bytes([t0, t1]) {
        0x0800 | 0x86dd => Ok(rest),
        // Transparent Ethernet bridging.
        0x6558 => link::ethernet(rest),
        _ => Err(Skip::NotIp),
    }
}

/// UDP header, then RFC 7348 section 5: flags with the bit of the network number, reserved bits
/// that are 0, the network number, 8 reserved bits, and an Ethernet frame.
fn vxlan(bytes: &[u8]) -> Option<&[u8]> {
    match bytes {
        [
            _,
            _,
            p0,
            p1,
            _,
            _,
            _,
            _,
            0x08,
            0,
            0,
            0,
            _,
            _,
            _,
            0,
            frame @ ..,
        ] if [*p0, *p1] == VXLAN_PORT => {
            // Datagrams of others may look like that; they are what they were then.
            link::ethernet(frame).ok()
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests;
