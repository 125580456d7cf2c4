//! The corpus judges the decoder, the encoder and the JSON.

use midge::mqtt::decode::{Context, Recorder, Strict, decode};
use midge::mqtt::encode::encode;
use midge::mqtt::rule::{Rule, Severity, Violation};
use midge::output::{Decoded, Origin, Place, json};
use serde_json::Value;

use crate::corpus::{Entry, Verdict, Violates, entries};

fn context(entry: &Entry) -> Context {
    Context {
        version: entry.version,
        from: Some(entry.from),
    }
}

/// Runs `check` on every entry and shows all that fail, not only the first.
fn check_all(check: impl Fn(&Entry) -> Result<(), String>) {
    let entries = entries();
    assert!(entries.len() > 2000, "the corpus was not found");
    let failures: Vec<_> = entries
        .iter()
        .filter_map(|entry| {
            check(entry)
                .err()
                .map(|why| format!("{}: {why}", entry.name))
        })
        .collect();
    assert!(
        failures.is_empty(),
        "{} of {} entries:\n{}",
        failures.len(),
        entries.len(),
        failures.join("\n")
    );
}

fn is_meant(found: &Violation, expected: &Violates) -> bool {
    let cites = expected.ids.is_empty()
        || found
            .citations()
            .any(|id| expected.ids.iter().any(|wanted| wanted == id));
    cites
        && expected.offset.is_none_or(|offset| offset == found.offset)
        && expected.len.is_none_or(|len| len == found.len)
        && expected.code.is_none_or(|code| code == found.reason().0)
}

fn describe(violation: &Violation) -> String {
    let ids: Vec<_> = violation.citations().collect();
    format!(
        "{} {:?} @{}+{} {}",
        violation.severity(),
        ids,
        violation.offset,
        violation.len,
        violation.reason()
    )
}

#[test]
fn the_recording_sink_finds_every_violation_and_no_other() {
    check_all(|entry| {
        let mut record = Recorder::default();
        let result = decode(&entry.bytes, context(entry), &mut record);
        let worst = record.violations.iter().map(Violation::severity).max();
        let found: Vec<_> = record.violations.iter().map(describe).collect();
        let verdict_holds = match entry.verdict {
            Verdict::Ok => worst.is_none() && result.is_ok(),
            Verdict::Warning => worst.is_some_and(|worst| worst < Severity::Error),
            Verdict::Error => worst == Some(Severity::Error),
        };
        if !verdict_holds {
            return Err(format!("verdict {:?}, found {found:?}", entry.verdict));
        }
        for expected in &entry.violates {
            if !record.violations.iter().any(|v| is_meant(v, expected)) {
                return Err(format!("wants {expected:?}, found {found:?}"));
            }
        }
        match record
            .violations
            .iter()
            .find(|v| !entry.violates.iter().any(|e| is_meant(v, e)))
        {
            Some(extra) => Err(format!("does not want {}", describe(extra))),
            None => Ok(()),
        }
    });
}

/// A capture that stops too early is no fault of the sender.
#[test]
fn a_packet_that_is_cut_breaks_no_other_rule() {
    check_all(|entry| {
        if entry.verdict != Verdict::Ok {
            return Ok(());
        }
        for cut in 1..entry.bytes.len().min(300) {
            let mut record = Recorder::default();
            let _ = decode(&entry.bytes[..cut], context(entry), &mut record);
            let rules: Vec<_> = record.violations.iter().map(|v| v.rule).collect();
            if rules != [Rule::Incomplete] {
                return Err(format!("cut at {cut}: {rules:?}"));
            }
        }
        Ok(())
    });
}

#[test]
fn the_fast_sink_says_the_same() {
    check_all(|entry| {
        let refused = decode(&entry.bytes, context(entry), &mut Strict).is_err();
        match refused == (entry.verdict == Verdict::Error) {
            true => Ok(()),
            false => Err(format!("verdict {:?}, refused: {refused}", entry.verdict)),
        }
    });
}

#[test]
fn what_is_right_encodes_to_the_same_bytes() {
    check_all(|entry| {
        if !entry.reencodes {
            return Ok(());
        }
        let packet =
            decode(&entry.bytes, context(entry), &mut Strict).map_err(|v| v.to_string())?;
        let mut bytes = Vec::new();
        encode(&packet, entry.version, &mut bytes).map_err(|error| error.to_string())?;
        match bytes == entry.bytes {
            true => Ok(()),
            false => Err(format!("encoded to {}", hex::encode(bytes))),
        }
    });
}

#[test]
fn the_json_is_as_written() {
    // The corpus leaves out what follows from its other lines.
    const LEFT_OUT: [&str; 9] = [
        "protocol",
        "version",
        "version_from",
        "from",
        "byte1",
        "remaining_length",
        "remaining_length_hex",
        "payload_len",
        "violations",
    ];
    check_all(|entry| {
        let Some(expected) = &entry.json else {
            return Ok(());
        };
        let mut record = Recorder::default();
        let _ = decode(&entry.bytes, context(entry), &mut record);
        let decoded = Decoded {
            origin: Origin {
                place: Place {
                    from: Some(entry.from),
                    ..Place::default()
                },
                version: entry.version,
                version_from: "given",
            },
            bytes: &entry.bytes,
            record: &record,
            topic_resolved: None,
            client: None,
            findings: &[],
        };
        let mut line = Vec::new();
        json::write_packet(&mut line, &decoded, json::Options::default()).unwrap();
        let mut written: Value = serde_json::from_slice(&line).unwrap();
        let object = written.as_object_mut().unwrap();
        object.retain(|key, _| !LEFT_OUT.contains(&key.as_str()));
        match written == *expected {
            true => Ok(()),
            false => Err(format!("\n  wants  {expected}\n  writes {written}")),
        }
    });
}
