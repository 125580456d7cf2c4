//! The values of the flags, checked.

use super::super::super::{Failure, duration, reason_code};
use super::{Moment, Reason};
use crate::mqtt::{PacketType, Version, topic};
use crate::mqttsn::MessageType;
use crate::output::time::Time;

/// Names of types, with commas, in any case.
pub(super) fn types(words: &[String]) -> Result<Vec<&'static str>, Failure> {
    let mqtt = (0..16).map(|number| PacketType(number).name(Version::V5));
    let mqttsn = MessageType::ALL.iter().map(|of| of.name());
    let known: Vec<&'static str> = mqtt.chain(mqttsn).collect();
    let words = words.iter().flat_map(|word| word.split(','));
    words
        .map(|word| {
            let found = known
                .iter()
                .find(|name| name.eq_ignore_ascii_case(word.trim()));
            found.copied().ok_or_else(|| {
                Failure::usage(format!(
                    "--type takes packet types as in CONNECT or PUBLISH, not '{}'",
                    word.escape_debug()
                ))
            })
        })
        .collect()
}

pub(super) fn topics(filters: &[String]) -> Result<Vec<String>, Failure> {
    for filter in filters {
        topic::check_filter(filter).map_err(|error| {
            Failure::usage(format!("--topic '{}': {error}", filter.escape_debug()))
        })?;
    }
    Ok(filters.to_vec())
}

/// Numbers, names of the standard with any signs between their words, and `error`.
pub(super) fn reasons(words: &[String]) -> Result<Vec<Reason>, Failure> {
    let words = words.iter().flat_map(|word| word.split(','));
    words
        .map(|word| {
            let word = word.trim();
            code(word).ok_or_else(|| {
                Failure::usage(format!(
                    "--reason takes codes as in 0x87, 135, not-authorized or error, not '{}'",
                    word.escape_debug()
                ))
            })
        })
        .collect()
}

fn code(word: &str) -> Option<Reason> {
    match word.eq_ignore_ascii_case("error") {
        true => Some(Reason::Error),
        false => reason_code::parse(word).map(|code| Reason::Code(code.0)),
    }
}

/// A date and time, or a time since the first packet.
pub(super) fn moment(flag: &str, word: Option<&str>) -> Result<Option<Moment>, Failure> {
    let Some(word) = word else {
        return Ok(None);
    };
    if let Some(time) = Time::parse(word).or_else(|| Time::parse_local(word)) {
        return Ok(Some(Moment::At(time.nanoseconds)));
    }
    let shown = word.escape_debug();
    let fail = |what: String| Err(Failure::usage(what));
    if word.starts_with('-') {
        return fail(format!(
            "{flag} counts from the first packet, and nothing is before it: '{shown}'"
        ));
    }
    let is_year = word.len() == 4 && matches!(word.parse(), Ok(1970..2100));
    if is_year {
        return fail(format!(
            "{flag} {shown}: a year alone is no time; write {shown}-01-01, or {shown}s for seconds \
             after the first packet"
        ));
    }
    match duration::parse(flag, word.strip_prefix('+').unwrap_or(word)) {
        Ok(span) => Ok(Some(Moment::After(span.as_nanos() as i128))),
        Err(_) => fail(format!(
            "{flag} takes a date and time as in 2026-11-21T10:00:00Z (without Z, of this time \
             zone), or a time since the first packet as in 5, 500ms or 1m30s, not '{shown}'"
        )),
    }
}

/// Numbers of ports.
pub(in super::super) fn ports(flag: &str, words: &[String]) -> Result<Vec<u16>, Failure> {
    let words = words.iter().flat_map(|word| word.split(','));
    words
        .map(|word| {
            let port = word.trim().parse().ok().filter(|port| *port > 0);
            port.ok_or_else(|| {
                Failure::usage(format!(
                    "{flag} takes ports, numbers from 1 to 65535, not '{}'",
                    word.escape_debug()
                ))
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    #[test]
    fn types_by_name() {
        let found = types(&words(&["publish,PUBACK", "Register"])).unwrap();
        assert_eq!(found, ["PUBLISH", "PUBACK", "REGISTER"]);
        assert!(types(&words(&["pub"])).is_err() && types(&words(&[""])).is_err());
    }

    #[test]
    fn reasons_by_number_and_name() {
        let found = reasons(&words(&[
            "0x87,135",
            "Not authorized",
            "error",
            "granted-qos-0",
        ]));
        let code = Reason::Code(0x87);
        assert_eq!(
            found.unwrap(),
            [code, code, code, Reason::Error, Reason::Code(0)]
        );
        for bad in ["", "256", "0x100", "nonsense"] {
            assert!(reasons(&words(&[bad])).is_err(), "{bad}");
        }
    }

    #[test]
    fn moments_are_dates_or_spans() {
        let parse = |word| moment("--since", Some(word));
        assert_eq!(parse("2s"), Ok(Some(Moment::After(2_000_000_000))));
        assert_eq!(parse("+0.5"), Ok(Some(Moment::After(500_000_000))));
        assert_eq!(
            parse("1970-01-01T01:00:01+01:00"),
            Ok(Some(Moment::At(1_000_000_000)))
        );
        assert_eq!(parse("1m30s"), Ok(Some(Moment::After(90_000_000_000))));
        assert_eq!(parse("3600"), Ok(Some(Moment::After(3_600_000_000_000))));
        assert_eq!(parse("2026s"), Ok(Some(Moment::After(2_026_000_000_000))));
        assert!(matches!(parse("2026-11-21"), Ok(Some(Moment::At(_)))));
        assert!(matches!(parse("2026-11-21 10:00"), Ok(Some(Moment::At(_)))));
        for (bad, sentence) in [
            (
                "2026",
                "--since 2026: a year alone is no time; write 2026-01-01, or 2026s for seconds \
                 after the first packet",
            ),
            (
                "-5s",
                "--since counts from the first packet, and nothing is before it: '-5s'",
            ),
            (
                "yesterday",
                "--since takes a date and time as in 2026-11-21T10:00:00Z (without Z, of this time \
                 zone), or a time since the first packet as in 5, 500ms or 1m30s, not 'yesterday'",
            ),
        ] {
            assert_eq!(parse(bad), Err(Failure::usage(sentence)), "{bad}");
        }
        assert_eq!(moment("--since", None), Ok(None));
    }
}
