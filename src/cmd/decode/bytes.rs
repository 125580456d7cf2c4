//! Bytes of packets in a row, without a capture around them: cut apart, decoded, shown.

use std::cmp::Ordering;
use std::fmt::Display;
use std::net::Ipv4Addr;

use bytes::Bytes;

use super::aliases::AliasesOf;
use super::connections::Connections;
use super::lint::{Judged, Lint};
use super::show::Show;
use super::{Plan, Stop};
use crate::capture::{CapturedPacket, Location, VersionFrom};
use crate::mqtt::decode::{
    Context, Recorder, Strict, connect_version, decode as decode_packet, old_refusal,
};
use crate::mqtt::frame::FixedHeader;
use crate::mqtt::{PacketType, Side, Version};
use crate::output::{Decoded, Origin, Place};

/// Why the bytes could not be read to their end.
#[derive(Debug)]
pub(super) enum Broken {
    /// The last packet is not whole, or what it was written in could not be read any further.
    Cut(String),
    /// A fixed header breaks the standard in such a way that nobody knows where the packet ends.
    Malformed(String),
}

/// Decodes and shows packets; `error` is why the bytes end where they do.
pub(super) fn decode(
    name: &str,
    bytes: &[u8],
    error: Option<String>,
    plan: &Plan,
    show: &mut Show<'_>,
) -> Result<Option<Broken>, Stop> {
    let mut problem = error.map(|error| Broken::Cut(format!("{name}: {error}")));
    let packets = split(bytes);
    let (mut version, mut version_from) = choose_version(&packets, plan);
    let mut connections = Connections::default();
    let mut aliases = AliasesOf::default();
    let mut lint = Lint::new();
    let mut offset = 0;
    for (i, &packet) in packets.iter().enumerate() {
        if let (None, Some(named)) = (plan.version, connect_version(packet)) {
            (version, version_from) = (named, "connect");
        }
        let from = plan.from.or(connect_version(packet).map(|_| Side::Client));
        // CONNECT was the packet before it: its answer.
        let is_answer = version_from == "connect"
            && version == Version::V5
            && i.checked_sub(1)
                .and_then(|before| packets.get(before))
                .is_some_and(|before| connect_version(before).is_some());
        let (version, version_from) = match is_answer && old_refusal(packet).is_some() {
            true => (Version::V311, "inferred"),
            false => (version, version_from),
        };
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
            let sender = match show.is_linting() {
                true => from.or_else(|| only_sender(packet, version)),
                false => from,
            };
            let context = Context {
                version,
                from: sender,
            };
            // What is wrong stands in the record.
            let decoded = decode_packet(packet, context, &mut record);
            let found = show.is_linting().then(|| {
                let mut found = show.sifted();
                found.packet(&mut record, origin.place, i as u64 + 1);
                for finding in lint.packet(packet, context) {
                    let from = finding.from;
                    found.between(
                        finding,
                        Place {
                            from,
                            ..Place::default()
                        },
                    );
                }
                found
            });
            let captured = as_captured(packet, version, from);
            let topic_resolved = aliases.resolve(&captured, &decoded);
            let client = connections.see(0, decoded.as_ref().ok());
            let decoded = Decoded {
                origin,
                bytes: packet,
                record: &record,
                topic_resolved,
                client,
                findings: found.as_ref().map_or(&[], |found| &found.findings),
            };
            show.packet(&decoded, None, found.as_ref().map(|found| found.counts))?;
            show_findings(&mut lint, show, connections.client(0))?;
        }
        if i + 1 == packets.len() && problem.is_none() {
            problem = cut(packet, |what| {
                format!("{name}: {what} (packet at byte {offset})")
            });
        }
        offset += packet.len();
    }
    lint.finish();
    show_findings(&mut lint, show, connections.client(0))?;
    Ok(problem)
}

/// The side that alone may send a packet.
fn only_sender(packet: &[u8], version: Version) -> Option<Side> {
    PacketType::from_byte1(*packet.first()?).only_sender(version)
}

/// Shows what lint found between packets.
fn show_findings(lint: &mut Lint, show: &mut Show<'_>, client: Option<&str>) -> Result<(), Stop> {
    while let Some(judged) = lint.next() {
        if let Judged::Finding(finding, place) = judged {
            show.found(finding, place, client)?;
        }
    }
    Ok(())
}

/// The packet as if a capture had it: topic aliases are known by who sent them, so that each side
/// has an address.
fn as_captured(packet: &[u8], version: Version, from: Option<Side>) -> CapturedPacket {
    let header = FixedHeader::parse(packet).ok().flatten();
    let (src, dst) = match from {
        None => (0, 3),
        Some(Side::Client) => (1, 2),
        Some(Side::Server) => (2, 1),
    };
    CapturedPacket {
        at: Location {
            frame: 0,
            time: None,
            stream: 0,
            src: (Ipv4Addr::UNSPECIFIED, src).into(),
            dst: (Ipv4Addr::UNSPECIFIED, dst).into(),
            from,
            transport: "tcp",
        },
        version,
        version_from: VersionFrom::Default,
        bytes: Bytes::copy_from_slice(packet),
        announced_len: header.map_or(packet.len(), FixedHeader::packet_len),
    }
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

/// What is missing at the end of the last packet; `sentence` says where that is.
fn cut(packet: &[u8], sentence: impl Fn(&dyn Display) -> String) -> Option<Broken> {
    match FixedHeader::parse(packet) {
        Ok(Some(header)) if header.packet_len() > packet.len() => {
            Some(Broken::Cut(sentence(&format_args!(
                "the packet is cut: remaining length says {}, {} there",
                header.remaining_length,
                match packet.len() - header.len {
                    1 => "1 byte is".to_owned(),
                    there => format!("{there} bytes are"),
                }
            ))))
        }
        Ok(None) => Some(Broken::Cut(sentence(
            &"the packet is cut inside of its fixed header",
        ))),
        Ok(Some(_)) => None,
        Err(error) => Some(Broken::Malformed(sentence(&error))),
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
