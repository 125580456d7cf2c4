//! Bytes of packets in a row, without a capture around them: cut apart, decoded, shown.

use std::cmp::Ordering;
use std::net::{Ipv4Addr, SocketAddr};

use super::super::{Exit, Failure};
use super::connections::Connections;
use super::show::Show;
use super::{Plan, Stop};
use crate::mqtt::decode::{Context, Recorder, Strict, connect_version, decode as decode_packet};
use crate::mqtt::frame::FixedHeader;
use crate::mqtt::{Side, Version};
use crate::output::{Decoded, Origin, Place};

/// Decodes and shows packets; `error` is why the bytes end where they do.
pub(super) fn decode(
    name: &str,
    bytes: &[u8],
    error: Option<String>,
    plan: &Plan,
    show: &mut Show<'_>,
) -> Result<(), Stop> {
    let mut problem = error.map(|error| format!("{name}: {error}"));
    let packets = split(bytes);
    let (mut version, mut version_from) = choose_version(&packets, plan);
    let mut connections = Connections::default();
    let mut offset = 0;
    for (i, &packet) in packets.iter().enumerate() {
        if let (None, Some(named)) = (plan.version, connect_version(packet)) {
            (version, version_from) = (named, "connect");
        }
        let from = plan.from.or(connect_version(packet).map(|_| Side::Client));
        let origin = Origin {
            place: Place {
                from,
                ..Place::default()
            },
            version,
            version_from,
        };
        if !show.count(&origin, packet) {
            let mut record = Recorder::default();
            // What is wrong stands in the record.
            let decoded = decode_packet(packet, Context { version, from }, &mut record).ok();
            let known = connections.see(0, sender(from), decoded.as_ref());
            let decoded = Decoded {
                origin,
                bytes: packet,
                record: &record,
                topic_resolved: known.topic,
                client: known.client,
            };
            show.packet(&decoded, None)?;
        }
        if i + 1 == packets.len() && problem.is_none() {
            problem = cut(packet).map(|what| format!("{name}: {what} (packet at byte {offset})"));
        }
        offset += packet.len();
    }
    match problem {
        Some(message) => Err(Failure::new(Exit::Io, message).into()),
        None => Ok(()),
    }
}

/// An address for each side, since topic aliases are known by their sender.
fn sender(from: Option<Side>) -> SocketAddr {
    let port = match from {
        None => 0,
        Some(Side::Client) => 1,
        Some(Side::Server) => 2,
    };
    (Ipv4Addr::UNSPECIFIED, port).into()
}

/// Cuts the bytes at packet boundaries. What cannot be cut any further is the last piece.
fn split(mut bytes: &[u8]) -> Vec<&[u8]> {
    let mut packets = Vec::new();
    while !bytes.is_empty() {
        let len = match FixedHeader::parse(bytes) {
            Ok(Some(header)) => header.packet_len().min(bytes.len()),
            _ => bytes.len(),
        };
        let (packet, rest) = bytes.split_at(len);
        packets.push(packet);
        bytes = rest;
    }
    packets
}

/// What is missing at the end of the last packet.
fn cut(packet: &[u8]) -> Option<String> {
    match FixedHeader::parse(packet) {
        Ok(Some(header)) if header.packet_len() > packet.len() => Some(format!(
            "the packet is cut: remaining length says {}, {} bytes are there",
            header.remaining_length,
            packet.len() - header.len
        )),
        Ok(None) => Some("the packet is cut inside of its fixed header".into()),
        Ok(Some(_)) => None,
        Err(error) => Some(error.to_string()),
    }
}

/// The version to read packets before the first CONNECT with: as given, or the only one in which
/// all packets are right.
fn choose_version(packets: &[&[u8]], plan: &Plan) -> (Version, &'static str) {
    if let Some(version) = plan.version {
        return (version, "given");
    }
    let faults_as = |version| {
        let context = Context {
            version,
            from: plan.from,
        };
        let is_wrong = |packet: &&&[u8]| decode_packet(packet, context, &mut Strict).is_err();
        packets.iter().filter(is_wrong).count()
    };
    match faults_as(Version::V311).cmp(&faults_as(Version::V5)) {
        Ordering::Less => (Version::V311, "inferred"),
        Ordering::Greater => (Version::V5, "inferred"),
        Ordering::Equal => (Version::default(), "default"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_in_a_row_are_cut_apart() {
        assert_eq!(split(&[0xc0, 0, 0xd0, 0]), [&[0xc0, 0][..], &[0xd0, 0]]);
        assert_eq!(split(&[0xc0, 0, 0x30]), [&[0xc0, 0][..], &[0x30]]);
    }
}
