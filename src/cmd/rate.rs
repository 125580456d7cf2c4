//! Rates as people type them: `100/s`, `10/m`, `1k/s`, `5/h`. A bare number is per second.

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
    let (count, unit) = text.split_once('/').unwrap_or((text, "s"));
    let seconds = match unit {
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        _ => return Err(wrong()),
    };
    let (digits, scale) = match count.strip_suffix(['k', 'K']) {
        Some(digits) => (digits, 1e3),
        None => match count.strip_suffix('M') {
            Some(digits) => (digits, 1e6),
            None => (count, 1.0),
        },
    };
    if !digits.bytes().all(|c| c.is_ascii_digit() || c == b'.') {
        return Err(wrong());
    }
    let count = digits.parse::<f64>().map_err(|_| wrong())? * scale;
    Duration::try_from_secs_f64(seconds / count)
        .ok()
        .filter(|interval| !interval.is_zero())
        .ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

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
