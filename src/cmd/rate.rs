//! Rates as people type them: `100/s`, `10/m`, `1k/s`, `5/h`. A bare number is per second. Of bytes:
//! `50KB/s`, `1.5MB/s`, `64KiB/s`.

use std::num::NonZeroU64;
use std::time::Duration;

use super::Failure;

/// The time from one to the next.
///
/// # Errors
/// Wrong usage: not a number, zero, more than one each nanosecond, or with an unknown unit.
pub(super) fn parse_interval(flag: &str, text: &str) -> Result<Duration, Failure> {
    let wrong = || {
        Failure::usage(format!(
            "{flag} takes a rate as in 100/s, 10/m, 1k/s or 5/h, not '{}'",
            text.escape_debug()
        ))
    };
    let (count, seconds) = parts(text).ok_or_else(wrong)?;
    Duration::try_from_secs_f64(seconds / count)
        .ok()
        .filter(|interval| !interval.is_zero())
        .ok_or_else(wrong)
}

/// How many a second.
pub(super) fn per_second(text: &str) -> Option<f64> {
    parts(text).map(|(count, seconds)| count / seconds)
}

/// How many in how many seconds.
fn parts(text: &str) -> Option<(f64, f64)> {
    let (count, unit) = text.split_once('/').unwrap_or((text, "s"));
    let seconds = match unit {
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        _ => return None,
    };
    Some((scaled(count)?, seconds))
}

/// A number of things: `500`, `0.5`, `10k`, `1.5M`.
pub(super) fn scaled(text: &str) -> Option<f64> {
    let (digits, scale) = match text.strip_suffix(['k', 'K']) {
        Some(digits) => (digits, 1e3),
        None => match text.strip_suffix('M') {
            Some(digits) => (digits, 1e6),
            None => (text, 1.0),
        },
    };
    let is_number = digits.bytes().all(|c| c.is_ascii_digit() || c == b'.');
    let number = digits.parse::<f64>().ok().filter(|_| is_number)?;
    Some(number * scale)
}

/// Bytes a second.
///
/// # Errors
/// Wrong usage: not a number, less than one, or with an unknown unit.
pub(super) fn parse_bytes(flag: &str, text: &str) -> Result<NonZeroU64, Failure> {
    let wrong = || {
        Failure::usage(format!(
            "{flag} takes bytes a second as in 50KB/s, 1.5MB/s, 64KiB/s or 900B/s, not '{}'",
            text.escape_debug()
        ))
    };
    let size = text.strip_suffix("/s").unwrap_or(text);
    let unit = size.find(|c: char| !c.is_ascii_digit() && c != '.');
    let (digits, unit) = size.split_at(unit.unwrap_or(size.len()));
    let scale = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 1.0,
        "k" | "kb" => 1e3,
        "m" | "mb" => 1e6,
        "g" | "gb" => 1e9,
        "kib" => 1024.0,
        "mib" => 1024.0 * 1024.0,
        "gib" => 1024.0 * 1024.0 * 1024.0,
        _ => return Err(wrong()),
    };
    let bytes = digits.parse::<f64>().map_err(|_| wrong())? * scale;
    // Saturates; a network that fast is not slow.
    NonZeroU64::new(bytes as u64).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_a_second() {
        for (text, bytes) in [
            ("50KB/s", 50_000),
            ("50kb", 50_000),
            ("1.5MB/s", 1_500_000),
            ("64KiB/s", 65_536),
            ("900B/s", 900),
            ("1", 1),
        ] {
            let bytes = NonZeroU64::new(bytes).unwrap();
            assert_eq!(parse_bytes("--slow", text), Ok(bytes), "{text}");
        }
        for bad in [
            "", "0", "0.5", "KB/s", "-1", "5 KB/s", "5KB/m", "5x", "inf", "1e3",
        ] {
            assert!(parse_bytes("--slow", bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn rates() {
        for (text, nanoseconds) in [
            ("100/s", 10_000_000),
            ("100", 10_000_000),
            ("10/m", 6_000_000_000),
            ("1k/s", 1_000_000),
            ("0.5/s", 2_000_000_000),
            ("4/h", 900_000_000_000),
            ("2M/s", 500),
        ] {
            let interval = Duration::from_nanos(nanoseconds);
            assert_eq!(parse_interval("--rate", text), Ok(interval), "{text}");
        }
        for bad in [
            "", "0", "0/s", "-1/s", "1/d", "k/s", "1/", "/s", "inf", "1e3", "1G/s",
        ] {
            assert!(parse_interval("--rate", bad).is_err(), "{bad}");
        }
    }
}
