//! One packet: both sinks, every version and side, and every view.
//!
//! Holds: no panic; the fast sink refuses exactly what the recording sink finds an error in;
//! a packet that is decoded and encoded again decodes to the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use midge::mqtt::decode::{Context, Recorder, Strict, connect_version, decode};
use midge::mqtt::encode::encode;
use midge::mqtt::rule::Severity;
use midge::mqtt::{Side, Version};
use midge::output::{Decoded, Origin, Place, json, line, tree};

fuzz_target!(|bytes: &[u8]| {
    let Some((&choice, bytes)) = bytes.split_first() else {
        return;
    };
    let version = Version::ALL[usize::from(choice % 3)];
    let from = [None, Some(Side::Client), Some(Side::Server)][usize::from(choice / 3 % 3)];
    let context = Context { version, from };
    let mut record = Recorder::default();
    let recorded = decode(bytes, context, &mut record);
    let strict = decode(bytes, context, &mut Strict);
    let has_error = record
        .violations
        .iter()
        .any(|v| v.severity() == Severity::Error);
    assert_eq!(strict.is_err(), has_error);
    if let Ok(packet) = strict {
        assert_eq!(Ok(packet), recorded);
        let version = connect_version(bytes).unwrap_or(version);
        let mut again = Vec::new();
        encode(&packet, version, &mut again).expect("it came from a packet");
        let context = Context { version, from };
        assert_eq!(decode(&again, context, &mut Strict), Ok(packet));
    }
    let decoded = Decoded {
        origin: Origin {
            place: Place {
                from,
                ..Place::default()
            },
            version,
            version_from: "given",
        },
        bytes,
        record: &record,
        topic_resolved: None,
    };
    let mut out = Vec::new();
    json::write_packet(&mut out, &decoded, json::Options::default()).expect("memory");
    tree::write(&mut out, &decoded, tree::Options::default()).expect("memory");
    line::write(&mut out, &decoded).expect("memory");
});
