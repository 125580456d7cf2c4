//! Bytes that are whole frames, with the headers of IP before what TCP carries: what `tcpdump -X`
//! prints and Wireshark copies of a frame. They become a capture, which knows the rest.

use super::begin_with_packet;
use crate::capture::link::LinkType;

/// Where the IP header begins, and what stands before it: the place and value of its EtherType.
const LAYOUTS: &[(LinkType, usize, Option<usize>)] = &[
    (LinkType::RAW, 0, None),
    (LinkType::ETHERNET, 14, Some(12)),
    (LinkType::LINUX_SLL, 16, Some(14)),
    (LinkType::LINUX_SLL2, 20, Some(0)),
    (LinkType::NULL, 4, None),
];

/// A capture of the frames that end at `ends`, or of the one that all bytes are, and their number;
/// `None` if they are no frames, or could be packets of MQTT.
pub(super) fn capture(bytes: &[u8], ends: &[usize]) -> Option<(Vec<u8>, usize)> {
    if begin_with_packet(bytes) {
        return None;
    }
    let ends = if ends.is_empty() {
        &[bytes.len()]
    } else {
        ends
    };
    let mut start = 0;
    let frames: Vec<&[u8]> = ends
        .iter()
        .map(|&end| {
            let frame = bytes.get(start..end).unwrap_or_default();
            start = end;
            frame
        })
        .collect();
    // Of a capture as text, some frames may be of something else: ARP, or cut.
    let fitting = |(_, ip, ether_type): &&(LinkType, usize, Option<usize>)| {
        let of_ip = frames.iter().filter(|frame| is_ip(frame, *ip, *ether_type));
        2 * of_ip.count() > frames.len()
    };
    let (link, ..) = LAYOUTS.iter().find(fitting)?;
    Some((pcapng(*link, &frames), frames.len()))
}

/// Whether TCP or UDP over IP begins at `ip`, and its length is what there is, or more: the end may
/// be cut, as it is of most that is copied. Nothing else is as unlikely to be by chance.
fn is_ip(frame: &[u8], ip: usize, ether_type: Option<usize>) -> bool {
    let number = |at: usize| match frame.get(at..at + 2) {
        Some(&[high, low]) => Some(u16::from_be_bytes([high, low])),
        _ => None,
    };
    let says = ether_type.map(number);
    let (len, protocol, expected) = match frame.get(ip).map(|byte| byte >> 4) {
        Some(4) => (number(ip + 2).map(usize::from), frame.get(ip + 9), 0x0800),
        Some(6) => {
            let payload = number(ip + 4).map(|len| usize::from(len) + 40);
            (payload, frame.get(ip + 6), 0x86dd)
        }
        _ => return false,
    };
    let there = frame.len() - ip;
    // Ethernet fills small frames up to 60 bytes.
    let fits = len.is_some_and(|len| len >= there || frame.len() <= 60);
    // IP's header, and the ports and more behind it.
    let fits = fits && there >= 28;
    fits && matches!(protocol, Some(6 | 17)) && says.is_none_or(|value| value == Some(expected))
}

/// A pcapng file of frames without times: a section header, an interface, simple packet blocks.
fn pcapng(link: LinkType, frames: &[&[u8]]) -> Vec<u8> {
    let mut file = Vec::new();
    let mut block = |kind: u32, body: &[u8]| {
        let padded = body.len().next_multiple_of(4);
        // A text is at most a few MiB long.
        let len = (padded as u32 + 12).to_le_bytes();
        file.extend_from_slice(&kind.to_le_bytes());
        file.extend_from_slice(&len);
        file.extend_from_slice(body);
        file.resize(file.len() + padded - body.len(), 0);
        file.extend_from_slice(&len);
    };
    let mut section = 0x1a2b_3c4d_u32.to_le_bytes().to_vec();
    section.extend_from_slice(&[1, 0, 0, 0]);
    section.extend_from_slice(&[0xff; 8]);
    block(0x0a0d_0d0a, &section);
    let [low, high] = link.0.to_le_bytes();
    block(1, &[low, high, 0, 0, 0, 0, 0, 0]);
    for frame in frames {
        let mut body = (frame.len() as u32).to_le_bytes().to_vec();
        body.extend_from_slice(frame);
        block(3, &body);
    }
    file
}
