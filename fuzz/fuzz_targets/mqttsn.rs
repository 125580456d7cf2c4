//! One datagram as MQTT-SN: both sinks, every side, and every view.
#![no_main]

use libfuzzer_sys::fuzz_target;
use midge::mqtt::Side;
use midge::mqtt::decode::Strict;
use midge::mqtt::rule::Severity;
use midge::mqttsn::decode::{Recorder, decode};
use midge::mqttsn::topics::Topics;
use midge::output::payload::Rules;
use midge::output::{Place, json, line, sn};

fuzz_target!(|bytes: &[u8]| {
    let mut topics = Topics::default();
    for from in [None, Some(Side::Client), Some(Side::Server)] {
        let mut record = Recorder::default();
        let recorded = decode(bytes, from, &mut record);
        let strict = decode(bytes, from, &mut Strict);
        let has_error = record
            .violations
            .iter()
            .any(|v| v.severity() == Severity::Error);
        assert_eq!(strict.is_err(), has_error);
        if let Ok(envelope) = strict {
            assert_eq!(Ok(envelope), recorded);
            topics.resolve(&envelope.message, from);
        }
        let decoded = sn::Decoded {
            place: Place {
                from,
                ..Place::default()
            },
            bytes,
            record: &record,
            topic_resolved: None,
        };
        let mut out = Vec::new();
        sn::json::write(&mut out, &decoded, json::Options::default(), &Rules::default()).expect("memory");
        sn::tree::write(&mut out, &decoded, None, line::Style::default()).expect("memory");
        sn::line::write(&mut out, &mut line::Lines::new(line::Style::default()), &decoded).expect("memory");
    }
});
