//! Values that have a grammar; errors are the end of a sentence that begins with the option.

use std::ops::RangeInclusive;
use std::time::Duration;

use crate::broker::Versions;
use crate::mqtt::topic::Quoted;

pub(super) fn flag(text: &str) -> Result<bool, String> {
    match first_word(text) {
        "true" | "1" => Ok(true),
        "false" | "0" => Ok(false),
        other => Err(format!("is {}, and is true or false", Quoted(other))),
    }
}

pub(super) fn number(text: &str, range: &RangeInclusive<i64>) -> Result<i64, String> {
    let word = first_word(text);
    word.parse()
        .ok()
        .filter(|number| range.contains(number))
        .ok_or_else(|| {
            let (least, most) = (range.start(), range.end());
            format!("is {}, and is {least} to {most}", Quoted(word))
        })
}

/// A number and s, h, d, w, m or y; months have 30 days and years 365, as in mosquitto.
pub(super) fn expiration(text: &str) -> Result<Duration, String> {
    const HOUR: u64 = 3600;
    const DAY: u64 = 24 * HOUR;
    let word = first_word(text);
    let unit = match word.chars().last() {
        Some('s') => 1,
        Some('h') => HOUR,
        Some('d') => DAY,
        Some('w') => 7 * DAY,
        Some('m') => 30 * DAY,
        Some('y') => 365 * DAY,
        _ => 0,
    };
    word.get(..word.len().saturating_sub(1))
        .and_then(|number| number.parse::<u64>().ok())
        .and_then(|number| number.checked_mul(unit))
        .filter(|&seconds| seconds > 0)
        .map(Duration::from_secs)
        .ok_or_else(|| {
            format!(
                "is {}, and is a number with s, h, d, w, m or y behind it, as 14d",
                Quoted(word)
            )
        })
}

/// `3, 4` and the like: 3 is 3.1, 4 is 3.1.1.
pub(super) fn versions(text: &str) -> Result<Versions, String> {
    let mut versions = Versions {
        v31: false,
        v311: false,
        v5: false,
    };
    for word in text.split([',', ' ', '\t']).filter(|word| !word.is_empty()) {
        match word {
            "3" => versions.v31 = true,
            "4" => versions.v311 = true,
            "5" => versions.v5 = true,
            other => {
                return Err(format!(
                    "has {}, and its numbers are 3 (for 3.1), 4 (for 3.1.1) and 5",
                    Quoted(other)
                ));
            }
        }
    }
    Ok(versions)
}

/// Behind a number or a word there may be more, which does not count.
pub(super) fn first_word(text: &str) -> &str {
    text.split([' ', '\t']).next().unwrap_or_default()
}
