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
        if let Some(number) = number.filter(|_| is_alone && unit != 0)
            && (number * unit - i128::from(captured)).abs() < NEAR
        {
            let moved = number + (i128::from(now) - i128::from(captured)).div_euclid(unit);
            let moved = format!("{moved:0digits$}");
            if moved.len() == digits {
                let changed = changed.get_or_insert_with(|| payload.to_vec());
                if let Some(place) = changed.get_mut(at..at + digits) {
                    place.copy_from_slice(moved.as_bytes());
                }
            }
        }
        at += digits;
    }
    changed.map_or_else(|| payload.clone(), Bytes::from)
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
            // A fraction stays.
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
}
