//! Times in payloads, moved to those of the replay.

use bytes::Bytes;

/// A number counts as a time if it is this near to the captured one.
const NEAR: i128 = 86_400 * 1_000_000_000;

/// Moves each whole number of seconds, ms, µs or ns since 1970 that is within a day of `captured`
/// to as far from `now`; both in ns since 1970. Its length stays, so JSON stays JSON.
pub(in crate::cmd::capture_replay) fn shift(payload: &Bytes, captured: i64, now: i64) -> Bytes {
    let mut changed: Option<Vec<u8>> = None;
    let mut at = 0;
    while let Some(rest) = payload.get(at..).filter(|rest| !rest.is_empty()) {
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if digits == 0 {
            at += 1;
            continue;
        }
        // What belongs to a word or to a longer number is no time.
        let before = at.checked_sub(1).and_then(|at| payload.get(at));
        let is_alone = before.is_none_or(|byte| !is_part_of_word(*byte));
        let unit = match digits {
            10 => 1_000_000_000,
            13 => 1_000_000,
            16 => 1000,
            19 => 1,
            _ => 0,
        };
        let number = rest.get(..digits).and_then(|digits| {
            let text = std::str::from_utf8(digits).ok()?;
            text.parse::<i128>().ok()
        });
        let (part, part_unit) = fraction(rest.get(digits..).unwrap_or_default(), unit);
        let len = digits + part.map_or(0, |(_, len)| len);
        if let Some(number) = number.filter(|_| is_alone && unit != 0)
            && (number * unit - i128::from(captured)).abs() < NEAR
        {
            let nanos = number * unit + part.map_or(0, |(number, _)| number * part_unit);
            let moved = nanos + i128::from(now) - i128::from(captured);
            let mut text = format!("{:0digits$}", moved.div_euclid(unit));
            if let Some((_, len)) = part {
                let width = len - 1;
                let rest = moved.rem_euclid(unit) / part_unit;
                text.push_str(&format!(".{rest:0width$}"));
            }
            if text.len() == len {
                let changed = changed.get_or_insert_with(|| payload.to_vec());
                if let Some(place) = changed.get_mut(at..at + len) {
                    place.copy_from_slice(text.as_bytes());
                }
            }
        }
        at += len;
    }
    changed.map_or_else(|| payload.clone(), Bytes::from)
}

/// What stands behind the dot of a number whose unit is so many ns: in which unit, how many, and how
/// long it is with its dot; as far as it is no smaller than a nanosecond.
fn fraction(rest: &[u8], unit: i128) -> (Option<(i128, usize)>, i128) {
    let Some((b'.', rest)) = rest.split_first() else {
        return (None, 1);
    };
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let scale = u32::try_from(digits)
        .ok()
        .and_then(|digits| 10i128.checked_pow(digits));
    let number = rest
        .get(..digits)
        .and_then(|digits| std::str::from_utf8(digits).ok()?.parse::<i128>().ok());
    match (number, scale) {
        (Some(number), Some(scale)) if unit % scale == 0 => {
            (Some((number, digits + 1)), unit / scale)
        }
        _ => (None, 1),
    }
}

fn is_part_of_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_near_the_captured_time_move() {
        let second = 1_000_000_000;
        let (captured, now) = (1_700_000_000 * second, 1_800_000_000 * second);
        for (payload, moved) in [
            ("1700000001", "1800000001"),
            (
                r#"{"t":1699999999500,"v":7}"#,
                r#"{"t":1799999999500,"v":7}"#,
            ),
            (
                "1700000000000001 1700000000000000002",
                "1800000000000001 1800000000000000002",
            ),
            ("1700000000.25", "1800000000.25"),
            // Another time, a word, another length.
            ("1500000000", "1500000000"),
            ("id-1700000000", "id-1700000000"),
            ("17000000000", "17000000000"),
            ("", ""),
        ] {
            assert_eq!(
                shift(&Bytes::from(payload), captured, now),
                moved,
                "{payload}"
            );
        }
    }

    /// From half a second after a full one to a tenth after one.
    #[test]
    fn fractions_move_too() {
        let second = 1_000_000_000;
        let captured = 1_700_000_000 * second + second / 2;
        let now = 1_800_000_000 * second + second / 10;
        for (payload, moved) in [
            ("1700000000.500000", "1800000000.100000"),
            ("[1700000000.25]", "[1799999999.85]"),
            ("1700000000500.125", "1800000000100.125"),
            // More than a nanosecond: as many full seconds.
            ("1700000000.5000000000", "1799999999.5000000000"),
            ("1700000000.", "1799999999."),
        ] {
            assert_eq!(
                shift(&Bytes::from(payload), captured, now),
                moved,
                "{payload}"
            );
        }
    }
}
