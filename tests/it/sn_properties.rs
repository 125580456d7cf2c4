//! What must hold for any datagram that is read as MQTT-SN.

use midge::mqtt::Side;
use midge::mqtt::decode::Strict;
use midge::mqtt::rule::Severity;
use midge::mqttsn::MessageType;
use midge::mqttsn::decode::{Recorder, decode};
use midge::mqttsn::topics::Topics;
use midge::output::line::{Lines, Style};
use midge::output::payload::Rules;
use midge::output::{Place, json as mqtt_json, sn};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

fn decoded<'a>(bytes: &'a [u8], record: &'a Recorder<'a>) -> sn::Decoded<'a> {
    sn::Decoded {
        place: Place::default(),
        bytes,
        record,
        topic_resolved: None,
        client: None,
        findings: &[],
    }
}

/// The JSON object of a datagram.
pub(crate) fn json(bytes: &[u8], record: &Recorder<'_>) -> serde_json::Value {
    let mut out = Vec::new();
    let options = mqtt_json::Options::default();
    sn::json::write(
        &mut out,
        &decoded(bytes, record),
        options,
        &Rules::default(),
    )
    .unwrap();
    serde_json::from_slice(&out).unwrap()
}

/// Decodes with both sinks, renders every view, and holds them to what they promise.
fn examine(bytes: &[u8], from: Option<Side>) -> Result<(), TestCaseError> {
    let mut record = Recorder::default();
    let recorded = decode(bytes, from, &mut record);
    let strict = decode(bytes, from, &mut Strict);
    let is_error = |v: &midge::mqttsn::rule::Violation| v.severity() == Severity::Error;
    prop_assert_eq!(
        strict.is_err(),
        record.violations.iter().any(is_error),
        "the two sinks disagree: {:?}",
        record.violations
    );
    if let (Ok(fast), Ok(slow)) = (&strict, &recorded) {
        prop_assert_eq!(fast, slow);
    }
    // Fields follow each other, without a gap.
    let mut end = 0;
    for field in &record.fields {
        prop_assert_eq!(field.start, end);
        prop_assert!(field.start <= field.end && field.end <= bytes.len());
        end = field.end;
    }
    for violation in &record.violations {
        prop_assert!((violation.offset + violation.len) as usize <= bytes.len());
    }
    json(bytes, &record);
    let mut out = Vec::new();
    sn::tree::write(&mut out, &decoded(bytes, &record), None, Style::default()).unwrap();
    sn::line::write(&mut out, &mut Lines::default(), &decoded(bytes, &record)).unwrap();
    let text = String::from_utf8(out).unwrap();
    prop_assert!(
        !text.contains(|c: char| c.is_control() && c != '\n'),
        "{:?}",
        text
    );
    Ok(())
}

fn side() -> impl Strategy<Value = Option<Side>> {
    select(vec![None, Some(Side::Client), Some(Side::Server)])
}

/// A message with a header that fits, so that the bytes behind it are looked at.
fn message() -> impl Strategy<Value = Vec<u8>> {
    let kind = select(MessageType::ALL.to_vec());
    (kind, vec(any::<u8>(), 0..30), any::<bool>()).prop_map(|(kind, rest, is_long)| {
        let len = rest.len() as u8 + if is_long { 4 } else { 2 };
        let header = match is_long {
            true => vec![1, 0, len, kind.0],
            false => vec![len, kind.0],
        };
        [header, rest].concat()
    })
}

proptest! {
    #[test]
    fn any_bytes_are_examined_without_panic(bytes in vec(any::<u8>(), 0..80), from in side()) {
        examine(&bytes, from)?;
    }

    #[test]
    fn any_message_is_examined_without_panic(
        first in message(),
        second in message(),
        cut in 0..60usize,
        from in side(),
    ) {
        examine(&first, from)?;
        let mut both = [first, second].concat();
        examine(&both, from)?;
        both.truncate(cut);
        examine(&both, from)?;
    }

    #[test]
    fn topic_ids_survive_anything(messages in vec((message(), side()), 0..60)) {
        let mut topics = Topics::default();
        for (bytes, from) in &messages {
            if let Ok(envelope) = decode(bytes, *from, &mut Recorder::default()) {
                topics.resolve(&envelope.message, *from);
            }
        }
    }
}
