//! Where MQTT begins in bytes of which nothing else is known.
//!
//! A true packet boundary shows by what follows it: packets that chain, each with legal type,
//! flags, length and layout. Every packet adds evidence, counted roughly in bits, by how unlikely
//! its form is in other traffic; segment borders add some, because senders write whole packets.

use crate::mqtt::{PacketType, Side, Version, frame::FixedHeader, infer};

/// Evidence that convinces in a stream that is known or expected to be MQTT.
pub const EXPECTED: u32 = 20;

/// Evidence that convinces on any port.
pub const ANYWHERE: u32 = 60;

/// Evidence after which a chain is not followed further.
const PLENTY: u32 = 100;

/// Added to what is asked for where no segment begins.
const INSIDE_SEGMENT: u32 = 10;

/// Whether a stream begins with a CONNECT.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opening {
    /// It does.
    Connect,
    /// It does not.
    Other,
    /// More bytes will tell.
    Unclear,
}

/// Looks for a CONNECT at the front of `bytes`. `expected`: any protocol name of letters will do,
/// for a wrong one is worth showing.
pub fn opening(bytes: &[u8], expected: bool) -> Opening {
    if bytes.first().is_some_and(|byte1| byte1 >> 4 != 1) {
        return Opening::Other;
    }
    let header = match FixedHeader::parse(bytes) {
        Ok(Some(header)) => header,
        Ok(None) => return Opening::Unclear,
        Err(_) => return Opening::Other,
    };
    let body = bytes.get(header.len..).unwrap_or_default();
    // Name, level, flags, keep alive, client id: nothing legal is shorter. The rest is bounded by
    // five fields of 64 KiB and properties.
    if !(10..1 << 20).contains(&header.remaining_length) {
        return Opening::Other;
    }
    let [h, l, rest @ ..] = body else {
        return Opening::Unclear;
    };
    let len = usize::from(u16::from_be_bytes([*h, *l]));
    let known: &[&[u8]] = &[b"MQTT", b"MQIsdp", b"MQIpdp"];
    let name = rest.get(..len).unwrap_or(rest);
    let plausible = if expected {
        (2..=23).contains(&len) && name.iter().all(u8::is_ascii_alphabetic)
    } else {
        known
            .iter()
            .any(|known| known.len() == len && known.starts_with(name))
    };
    match (plausible, name.len() < len) {
        (false, _) => Opening::Other,
        (true, true) => Opening::Unclear,
        (true, false) => Opening::Connect,
    }
}

/// What packets at some place say about that place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Chain {
    /// No packet begins here.
    Refuted,
    /// Packets may begin here.
    Possible {
        /// How unlikely that is by chance, in bits.
        evidence: u32,
        /// Whole packets seen.
        packets: u32,
        /// Bytes up to the end of the last packet, or of what is known of it, are inside `bytes`.
        complete: bool,
    },
}

/// Follows packets from offset `at` to the end of `bytes`. `segments`: offsets in `bytes` at which
/// a TCP segment begins, ascending.
pub fn chain(bytes: &[u8], at: usize, segments: &[usize]) -> Chain {
    let begins_segment = |at: usize| segments.binary_search(&at).is_ok();
    let mut evidence = if begins_segment(at) { 4 } else { 0 };
    let mut packets = 0;
    let mut side = None;
    let mut rest = bytes.get(at..).unwrap_or_default();
    let mut before: &[u8] = &[];
    while !rest.is_empty() {
        let header = match FixedHeader::parse(rest) {
            Ok(Some(header)) => header,
            Ok(None) if rest.first().is_some_and(|byte1| legal_byte1(*byte1)) => break,
            _ => return Chain::Refuted,
        };
        let sender = sender(header.packet_type());
        if side.is_some() && sender.is_some() && side != sender {
            return Chain::Refuted;
        }
        side = side.or(sender);
        let len = header.packet_len();
        let Some((packet, behind)) = rest.split_at_checked(len) else {
            if !prefix_fits(rest) {
                return Chain::Refuted;
            }
            return Chain::Possible {
                evidence,
                packets,
                complete: false,
            };
        };
        if !fits_any(packet) {
            return Chain::Refuted;
        }
        packets += 1;
        // A short pattern that repeats is common: zeros under a mask, for one.
        if packet.len() > 4 || packet != before {
            evidence += weight(packet);
        }
        before = packet;
        rest = behind;
        if behind.is_empty() || begins_segment(bytes.len() - behind.len()) {
            evidence += 8;
        }
        if evidence >= PLENTY {
            break;
        }
    }
    Chain::Possible {
        evidence,
        packets,
        complete: rest.is_empty(),
    }
}

/// A place where packets may begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Candidate {
    /// Offset in the bytes searched.
    pub at: usize,
    /// See [`Chain::Possible`].
    pub evidence: u32,
    /// Whether the evidence is as much as was asked for.
    pub convincing: bool,
}

/// The first place in `bytes` with at least `needed` evidence; failing that, the best one among
/// the segment starts. `last`: no more bytes will come.
pub fn search(bytes: &[u8], segments: &[usize], needed: u32, last: bool) -> Option<Candidate> {
    let mut best: Option<Candidate> = None;
    // A large packet may have begun here, and what looks like packets may be its payload.
    let mut unresolved = false;
    for (at, &byte1) in bytes.iter().enumerate() {
        if !legal_byte1(byte1) {
            continue;
        }
        let Chain::Possible {
            evidence,
            packets,
            complete,
        } = chain(bytes, at, segments)
        else {
            continue;
        };
        let begins_segment = segments.binary_search(&at).is_ok();
        // At the very end one packet that ends there exactly is all that can be had.
        let to_the_end = last && complete;
        let needed = match (begins_segment || to_the_end, unresolved && !last) {
            (_, true) => needed.max(ANYWHERE),
            (true, false) => needed,
            (false, false) => needed + INSIDE_SEGMENT,
        };
        if evidence >= needed && (begins_segment || to_the_end || packets >= 2) {
            return Some(Candidate {
                at,
                evidence,
                convincing: true,
            });
        }
        if begins_segment {
            unresolved |= !complete && packets == 0;
            if packets > 0 && best.is_none_or(|best| evidence > best.evidence) {
                best = Some(Candidate {
                    at,
                    evidence,
                    convincing: false,
                });
            }
        }
    }
    best
}

/// Whether a whole packet has the form of some version.
pub fn fits_any(packet: &[u8]) -> bool {
    infer::fits(packet, Version::V311, None) || infer::fits(packet, Version::V5, None)
}

/// Whether `bytes`, less than the packet they begin, can be the front of one.
pub fn prefix_fits(bytes: &[u8]) -> bool {
    let Ok(header) = FixedHeader::parse(bytes) else {
        return false;
    };
    let Some(header) = header else {
        return bytes.first().is_none_or(|byte1| legal_byte1(*byte1));
    };
    if !legal_byte1(header.byte1) {
        return false;
    }
    let remaining = header.remaining_length as usize;
    // Reasons and user properties may be long, but nobody sends a megabyte of them.
    let (min, max) = match header.packet_type() {
        PacketType::PINGREQ | PacketType::PINGRESP => (0, 0),
        PacketType::PUBLISH => (2, usize::MAX),
        PacketType::CONNECT => (10, 1 << 20),
        PacketType::SUBSCRIBE | PacketType::UNSUBSCRIBE => (5, 1 << 20),
        PacketType::SUBACK => (3, 1 << 18),
        PacketType::DISCONNECT | PacketType::AUTH => (0, 1 << 17),
        _ => (2, 1 << 17),
    };
    if !(min..=max).contains(&remaining) {
        return false;
    }
    let body = bytes.get(header.len..).unwrap_or_default();
    match (header.packet_type(), body) {
        (PacketType::PUBLISH, [h, l, rest @ ..]) => {
            let len = usize::from(u16::from_be_bytes([*h, *l]));
            let topic = rest.get(..len).unwrap_or(rest);
            len + 2 <= remaining && is_topic_prefix(topic)
        }
        (
            PacketType::PUBACK
            | PacketType::PUBREC
            | PacketType::PUBREL
            | PacketType::PUBCOMP
            | PacketType::SUBSCRIBE
            | PacketType::SUBACK
            | PacketType::UNSUBSCRIBE
            | PacketType::UNSUBACK,
            [h, l, ..],
        ) => *h != 0 || *l != 0,
        (PacketType::CONNECT, _) => opening(bytes, false) != Opening::Other,
        _ => true,
    }
}

fn is_topic_prefix(topic: &[u8]) -> bool {
    let readable = match std::str::from_utf8(topic) {
        Ok(_) => true,
        // Cut in the middle of a character.
        Err(error) => error.error_len().is_none(),
    };
    readable
        && !topic
            .iter()
            .any(|byte| matches!(byte, b'+' | b'#' | ..=0x1f | 0x7f))
}

/// Whether a packet can begin with this byte.
pub fn legal_byte1(byte1: u8) -> bool {
    let kind = PacketType::from_byte1(byte1);
    match kind.fixed_flags() {
        Some(flags) => byte1 & 0x0f == flags,
        None => kind == PacketType::PUBLISH && byte1 & 6 != 6 && byte1 & 0b1110 != 0b1000,
    }
}

/// The only side that sends packets of this type, in any version.
pub fn sender(kind: PacketType) -> Option<Side> {
    match (
        kind.may_be_sent_by(Side::Client, Version::V5),
        kind.may_be_sent_by(Side::Server, Version::V5),
    ) {
        (true, false) => Some(Side::Client),
        (false, true) => Some(Side::Server),
        _ => None,
    }
}

/// How unlikely the form of a packet that fits is by chance, in bits.
fn weight(packet: &[u8]) -> u32 {
    match (packet.first().map_or(0, |byte1| byte1 >> 4), packet.len()) {
        (1, _) => 40,
        (2, _) => 20,
        (3, 0..=6) => 8,
        (3, _) => 12,
        (_, 0..=2) => 8,
        (4..=7, _) => 12,
        _ => 16,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connect_is_seen_from_its_first_bytes() {
        let connect = b"\x10\x0d\x00\x04MQTT\x04\x02\x00\x3c\x00\x01a";
        for cut in 0..8 {
            assert_eq!(opening(&connect[..cut], false), Opening::Unclear, "{cut}");
        }
        assert_eq!(opening(&connect[..8], false), Opening::Connect);
        assert_eq!(opening(connect, false), Opening::Connect);
    }

    #[test]
    fn other_protocols_do_not_begin_with_a_connect() {
        for other in [
            &b"GET / HTTP/1.1\r\n"[..],
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
            b"SSH-2.0-OpenSSH_9.2\r\n",
            b"\x10\x0d\x00\x04HTTP\x04\x02\x00\x3c\x00\x01a",
            b"\x10\xff\xff\xff\xff\xff",
        ] {
            assert_eq!(opening(other, false), Opening::Other, "{other:?}");
        }
    }

    #[test]
    fn the_boundary_behind_half_a_packet() {
        let mut bytes = b"of a payload that began before".to_vec();
        let boundary = bytes.len();
        bytes.extend_from_slice(b"\x30\x08\x00\x03a/bxyz\x32\x0a\x00\x03a/b\x00\x07xyz\xc0\x00");
        let found = search(&bytes, &[0], EXPECTED, false).unwrap();
        assert_eq!((found.at, found.convincing), (boundary, true));
    }

    #[test]
    fn text_has_no_boundary() {
        let text = b"0123456789 The quick brown fox, \x00\x00 and so on. \x30\x05 \xc0\x00 tail";
        assert_eq!(search(text, &[0], EXPECTED, true), None);
    }

    #[test]
    fn a_chain_of_both_sides_is_none() {
        assert_eq!(chain(&[0xc0, 0, 0xd0, 0], 0, &[0]), Chain::Refuted);
    }
}
