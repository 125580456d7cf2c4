//! What must hold for any packet and for any bytes.

use midge::mqtt::decode::{Context, Recorder, Strict, decode};
use midge::mqtt::encode::encode;
use midge::mqtt::frame::{Framer, MAX_PACKET_SIZE};
use midge::mqtt::rule::Severity;
use midge::mqtt::{Side, Version};
use midge::output::{Decoded, Origin, Place, flow, json, line, tree};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use crate::corpus::entries;
use crate::strategies::packet;

fn encoded(packet: &crate::strategies::Owned) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode(&packet.packet(), packet.version, &mut bytes).unwrap();
    bytes
}

/// Decodes with both sinks, renders every view, and holds them to what they promise.
fn examine(bytes: &[u8], context: Context) -> Result<(), TestCaseError> {
    let mut record = Recorder::default();
    let recorded = decode(bytes, context, &mut record);
    let strict = decode(bytes, context, &mut Strict);
    let has_error = record
        .violations
        .iter()
        .any(|v| v.severity() == Severity::Error);
    prop_assert_eq!(
        strict.is_err(),
        has_error,
        "the two sinks disagree: {:?}",
        record.violations
    );
    if let (Ok(fast), Ok(slow)) = (&strict, &recorded) {
        prop_assert_eq!(fast, slow);
    }
    for field in &record.fields {
        prop_assert!(field.start <= field.end && field.end <= bytes.len());
    }
    for violation in &record.violations {
        prop_assert!((violation.offset + violation.len) as usize <= bytes.len());
    }
    let decoded = Decoded {
        origin: Origin {
            place: Place {
                from: context.from,
                ..Place::default()
            },
            version: context.version,
            version_from: "given",
        },
        bytes,
        record: &record,
        topic_resolved: None,
        findings: &[],
        // As it comes from the wire.
        client: std::str::from_utf8(bytes).ok(),
    };
    let mut out = Vec::new();
    json::write_packet(&mut out, &decoded, json::Options::default()).unwrap();
    prop_assert!(serde_json::from_slice::<serde_json::Value>(&out).is_ok());
    out.clear();
    tree::write(&mut out, &decoded, tree::Options::default()).unwrap();
    let style = line::Style {
        width: Some(80),
        ..line::Style::default()
    };
    tree::write_hex(
        &mut out,
        &decoded,
        tree::Options::default(),
        line::Style::default(),
    )
    .unwrap();
    tree::write_hex(&mut out, &decoded, tree::Options::default(), style).unwrap();
    line::write(&mut out, &decoded).unwrap();
    line::Lines::new(style).packet(&mut out, &decoded).unwrap();
    for style in [line::Style::default(), style] {
        let mut flow = flow::Flow::new(style);
        flow.packet(&mut out, &decoded, true).unwrap();
        flow.packet(&mut out, &decoded, false).unwrap();
        flow.finish(&mut out).unwrap();
    }
    // Nothing from the wire reaches the terminal raw; colours are off in tests.
    let text = String::from_utf8(out).unwrap();
    prop_assert!(
        !text.contains(|c: char| c.is_control() && c != '\n'),
        "{:?}",
        text
    );
    Ok(())
}

proptest! {
    #[test]
    fn any_packet_comes_back_the_same(packet in packet()) {
        let bytes = encoded(&packet);
        let context = Context { version: packet.version, from: Some(packet.from) };
        let decoded = decode(&bytes, context, &mut Strict)
            .map_err(|v| TestCaseError::fail(v.to_string()))?;
        prop_assert_eq!(decoded, packet.packet());
    }

    #[test]
    fn any_split_of_a_stream_gives_the_same_packets(
        packets in vec(packet(), 0..8),
        cuts in vec(any::<Index>(), 0..20),
    ) {
        let expected: Vec<Vec<u8>> = packets.iter().map(encoded).collect();
        let stream = expected.concat();
        let mut cuts: Vec<_> = cuts.iter().map(|cut| cut.index(stream.len() + 1)).collect();
        cuts.extend([0, stream.len()]);
        cuts.sort_unstable();
        let mut framer = Framer::new(MAX_PACKET_SIZE);
        let mut found = Vec::new();
        for pair in cuts.windows(2) {
            framer.feed(&stream[pair[0]..pair[1]]);
            while let Some(packet) = framer.next_packet().unwrap() {
                found.push(packet.to_vec());
            }
        }
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn any_bytes_are_examined_without_panic(
        bytes in vec(any::<u8>(), 0..80),
        version in select(Version::ALL.to_vec()),
        from in select(vec![None, Some(Side::Client), Some(Side::Server)]),
    ) {
        examine(&bytes, Context { version, from })?;
    }

    #[test]
    fn any_damage_to_a_packet_is_examined_without_panic(
        packet in packet(),
        damage in vec((any::<Index>(), any::<u8>()), 1..4),
        keep in any::<Index>(),
    ) {
        let mut bytes = encoded(&packet);
        for (at, byte) in damage {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        let context = Context { version: packet.version, from: Some(packet.from) };
        examine(&bytes, context)?;
        examine(&bytes[..keep.index(bytes.len())], context)?;
    }
}

#[test]
fn every_packet_of_the_corpus_cut_anywhere_is_examined_without_panic() {
    for entry in entries() {
        let context = Context {
            version: entry.version,
            from: Some(entry.from),
        };
        for cut in 0..=entry.bytes.len().min(200) {
            examine(&entry.bytes[..cut], context).unwrap();
        }
    }
}
