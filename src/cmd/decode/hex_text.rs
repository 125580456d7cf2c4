//! Hex text: pairs of digits, with anything between them that people put there.

use std::cmp::Ordering;

use super::super::{Exit, Failure};
use super::show::Show;
use super::{Plan, Stop, hex_dump};
use crate::mqtt::decode::{Context, Recorder, Strict, connect_version, decode as decode_packet};
use crate::mqtt::frame::FixedHeader;
use crate::mqtt::{Side, Version};
use crate::output::{Origin, Place};

/// The bytes of a hex text, up to the first place that cannot be read.
#[derive(Debug, PartialEq, Eq)]
struct Parsed {
    bytes: Vec<u8>,
    error: Option<String>,
}

const fn is_separator(c: char) -> bool {
    c.is_ascii_whitespace() || matches!(c, ':' | ',' | ';' | '-' | '_')
}

/// Whether a word is meant as hex: it has digits, and nothing that hex text never has.
pub(super) fn looks_like_hex(word: &str) -> bool {
    let digits = word.trim_start_matches("0x");
    digits.contains(|c: char| c.is_ascii_hexdigit())
        && word
            .chars()
            .all(|c| c.is_ascii_hexdigit() || is_separator(c) || matches!(c, 'x' | 'X'))
}

fn parse(text: &str) -> Parsed {
    let mut bytes = Vec::new();
    for (line_index, line) in text.lines().enumerate() {
        let mut rest = line;
        loop {
            rest = rest.trim_start_matches(is_separator);
            if rest.is_empty() {
                break;
            }
            let (word, after) = rest.split_at(rest.find(is_separator).unwrap_or(rest.len()));
            let digits = word
                .strip_prefix("0x")
                .or(word.strip_prefix("0X"))
                .unwrap_or(word);
            // What pairs there are before the place that cannot be read still count.
            let (pairs, problem) = match digits.find(|c: char| !c.is_ascii_hexdigit()) {
                Some(at) => {
                    let wrong = digits.get(at..).and_then(|wrong| wrong.chars().next());
                    let wrong = wrong.unwrap_or_default().escape_debug();
                    (at / 2, Some((at, format!("'{wrong}' is not a hex digit"))))
                }
                None if digits.len() % 2 == 1 => (
                    digits.len() / 2,
                    Some((0, format!("{} hex digits, an odd number,", digits.len()))),
                ),
                None => (digits.len() / 2, None),
            };
            bytes.extend(
                hex::decode(digits.get(..2 * pairs).unwrap_or_default()).unwrap_or_default(),
            );
            if let Some((at, what)) = problem {
                let column = line.len() - rest.len() + word.len() - digits.len() + at + 1;
                let error = format!(
                    "{what} at line {}, column {column} (byte {} of the packets)",
                    line_index + 1,
                    bytes.len()
                );
                return Parsed {
                    bytes,
                    error: Some(error),
                };
            }
            rest = after;
        }
    }
    Parsed { bytes, error: None }
}

/// Decodes and shows the packets of a hex text.
pub(super) fn decode(name: &str, text: &str, plan: &Plan, show: &mut Show<'_>) -> Result<(), Stop> {
    let dump = hex_dump::digits_of(text);
    let Parsed { bytes, error } = parse(dump.as_deref().unwrap_or(text));
    let mut problem = error.map(|error| format!("{name}: {error}"));
    let packets = split(&bytes);
    let (mut version, mut version_from) = choose_version(&packets, plan);
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
            let _ = decode_packet(packet, Context { version, from }, &mut record);
            show.packet(origin, packet, &record, None)?;
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

    fn bytes(text: &str) -> Vec<u8> {
        let parsed = parse(text);
        assert_eq!(parsed.error, None, "{text}");
        parsed.bytes
    }

    #[test]
    fn the_ways_people_write_hex() {
        for text in [
            "10 0f 00 04",
            "100f0004",
            "0x10, 0x0f, 0x00,0x04",
            "10:0F:00:04",
            "100f\n0004\n",
        ] {
            assert_eq!(bytes(text), [0x10, 0x0f, 0x00, 0x04], "{text}");
        }
    }

    #[test]
    fn damage_is_located_and_what_came_before_is_kept() {
        let parsed = parse("c000\nd0 0g");
        assert_eq!(parsed.bytes, [0xc0, 0x00, 0xd0]);
        assert_eq!(
            parsed.error.as_deref(),
            Some("'g' is not a hex digit at line 2, column 5 (byte 3 of the packets)")
        );
        // The pairs in the same word count too, and nothing reaches the terminal unescaped.
        let parsed = parse("c000, d000c0\u{1b}[31m");
        assert_eq!(parsed.bytes, [0xc0, 0x00, 0xd0, 0x00, 0xc0]);
        assert_eq!(
            parsed.error.as_deref(),
            Some("'\\u{1b}' is not a hex digit at line 1, column 13 (byte 5 of the packets)")
        );
        let parsed = parse("c00");
        assert_eq!(parsed.bytes, [0xc0]);
        assert_eq!(
            parsed.error.as_deref(),
            Some("3 hex digits, an odd number, at line 1, column 1 (byte 1 of the packets)")
        );
    }

    #[test]
    fn words_that_are_no_hex() {
        assert!(looks_like_hex("c000") && looks_like_hex("0xc0") && looks_like_hex("c0:00"));
        assert!(!looks_like_hex("capture.pcap") && !looks_like_hex("0x") && !looks_like_hex("-"));
    }

    #[test]
    fn packets_in_a_row_are_cut_apart() {
        assert_eq!(split(&[0xc0, 0, 0xd0, 0]), [&[0xc0, 0][..], &[0xd0, 0]]);
        assert_eq!(split(&[0xc0, 0, 0x30]), [&[0xc0, 0][..], &[0x30]]);
    }
}
