//! Where MQTT begins in bytes of which nothing else is known.
//!
//! A true packet boundary shows by what follows it: packets that chain, each with legal type,
//! flags, length and layout. Every packet adds evidence, counted roughly in bits, by how unlikely
//! its form is in other traffic; segment borders add some, because senders write whole packets.

use crate::mqtt::{PacketType, ReasonCode, Side, Version, frame::FixedHeader, infer};

mod search;

pub use search::Search;

/// Evidence of a boundary that convinces in a stream that is known to be MQTT.
pub const KNOWN: u32 = 20;

/// Evidence that convinces on the port of MQTT.
pub const EXPECTED: u32 = 36;

/// Evidence that convinces on any port.
pub const ANYWHERE: u32 = 60;

/// Evidence after which a chain is not followed further.
const PLENTY: u32 = 100;

/// The same packet of two bytes so often in one segment is no packet: nobody pings like that, but
/// numbers in other protocols look like it.
const MAX_SAME: u32 = 16;

/// The same acknowledgment so often in a row is none. One PUBACK after the other may be for the
/// same packet id, if a client has only one.
const MAX_SAME_ACKS: u32 = 4;

/// Bytes of a topic that is not all there that are looked at.
const TOPIC_LOOKED_AT: usize = 256;

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
    let mut work = usize::MAX;
    chain_within(bytes, at, segments, &mut work)
}

/// The same, which takes what it looks at from `work` and stops when that is used up.
fn chain_within(bytes: &[u8], at: usize, segments: &[usize], work: &mut usize) -> Chain {
    let begins_segment = |at: usize| segments.binary_search(&at).is_ok();
    let mut evidence = if begins_segment(at) { 4 } else { 0 };
    let mut packets = 0;
    let mut side = None;
    let mut before: &[u8] = &[];
    let mut same = 0;
    let mut topic: &[u8] = &[];
    let mut rest = bytes.get(at..).unwrap_or_default();
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
        if !has_room_for_topic(rest, header) {
            return Chain::Refuted;
        }
        let len = header.packet_len();
        let Some((packet, behind)) = rest.split_at_checked(len) else {
            if !prefix_fits(rest) {
                return Chain::Refuted;
            }
            if packets > 0 {
                evidence += topic_weight(rest, &mut topic);
            }
            return Chain::Possible {
                evidence,
                packets,
                complete: false,
            };
        };
        *work = work.saturating_sub(looked_at(packet));
        if *work == 0 || !fits_any(packet) || !has_known_reasons(packet, header) {
            return Chain::Refuted;
        }
        packets += 1;
        let is_new = match packet_type(packet) {
            // Nobody acknowledges the same thing twice in a row.
            PacketType::PUBLISH | PacketType::PINGREQ | PacketType::PINGRESP => {
                packet != before || begins_segment(bytes.len() - rest.len())
            }
            _ => packet != before,
        };
        if is_new {
            same = 0;
            evidence += weight(packet) + topic_weight(packet, &mut topic);
        } else {
            // What comes again says little.
            same += 1;
            let most = match packet_type(packet) {
                PacketType::PUBLISH | PacketType::PUBACK => u32::MAX,
                PacketType::PINGREQ | PacketType::PINGRESP => MAX_SAME,
                _ => MAX_SAME_ACKS,
            };
            if same > most {
                return Chain::Refuted;
            }
            // A short pattern that repeats is common: zeros under a mask, for one.
            evidence += u32::from(packet.len() > 4);
        }
        before = packet;
        rest = behind;
        if is_new && (behind.is_empty() || begins_segment(bytes.len() - behind.len())) {
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

/// Whether a topic's length, if it is there, is within its packet: cheap, and the end of most that
/// looks like a PUBLISH.
fn has_room_for_topic(bytes: &[u8], header: FixedHeader) -> bool {
    match (header.packet_type(), bytes.get(header.len..)) {
        (PacketType::PUBLISH, Some([h, l, ..])) => {
            u32::from(u16::from_be_bytes([*h, *l])) + 2 <= header.remaining_length
        }
        _ => true,
    }
}

/// Bytes of a packet that are looked at to know whether it fits, about: the payload of a PUBLISH
/// is not among them.
fn looked_at(packet: &[u8]) -> usize {
    match packet {
        [byte1, ..] if byte1 >> 4 == PacketType::PUBLISH.0 => packet.len().min(1 << 12),
        _ => packet.len(),
    }
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
            let topic = topic.get(..TOPIC_LOOKED_AT).unwrap_or(topic);
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

fn packet_type(packet: &[u8]) -> PacketType {
    PacketType::from_byte1(packet.first().copied().unwrap_or_default())
}

/// Whether the reason codes of a packet that fits are those of its type.
fn has_known_reasons(packet: &[u8], header: FixedHeader) -> bool {
    let kind = header.packet_type();
    let body = packet.get(header.len..).unwrap_or_default();
    let reason = match kind {
        PacketType::PUBACK | PacketType::PUBREC | PacketType::PUBREL | PacketType::PUBCOMP => {
            body.get(2)
        }
        PacketType::DISCONNECT | PacketType::AUTH => body.first(),
        PacketType::SUBACK | PacketType::UNSUBACK => body.last().filter(|_| body.len() > 2),
        _ => None,
    };
    reason.is_none_or(|reason| ReasonCode(*reason).is_allowed_in(kind, None))
}

/// What a topic name adds: letters where there might be anything, and more if it is the topic of
/// the PUBLISH before.
fn topic_weight<'a>(packet: &'a [u8], before: &mut &'a [u8]) -> u32 {
    let Some(topic) = topic(packet) else {
        return 0;
    };
    let is_letter = |byte: &u8| matches!(byte, b' '..=b'~');
    let letters = topic.iter().take(20).take_while(|byte| is_letter(byte));
    let letters = letters.count() as u32;
    match std::mem::replace(before, topic) == topic && !topic.is_empty() {
        true => letters + 16,
        false => letters,
    }
}

/// The topic name of a PUBLISH, if it is all there.
fn topic(packet: &[u8]) -> Option<&[u8]> {
    let header = FixedHeader::parse(packet).ok().flatten()?;
    if header.packet_type() != PacketType::PUBLISH {
        return None;
    }
    let (len, rest) = packet.get(header.len..)?.split_first_chunk::<2>()?;
    rest.get(..usize::from(u16::from_be_bytes(*len)))
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
    fn a_chain_of_both_sides_is_none() {
        assert_eq!(chain(&[0xc0, 0, 0xd0, 0], 0, &[0]), Chain::Refuted);
    }
}
