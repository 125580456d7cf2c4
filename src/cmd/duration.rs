//! Times as people type them: `5`, `0.5`, `500ms`, `10s`, `2m`, `1m30s`, `1h`; also `250us` and
//! `800ns`. A bare number is seconds.

use std::time::Duration;

use super::Failure;

/// Reads a time; `flag` is named in the sentence if it is none.
///
/// # Errors
/// Wrong usage: not a number, negative, or with an unknown unit.
pub fn parse(flag: &str, text: &str) -> Result<Duration, Failure> {
    sum(text).ok_or_else(|| {
        Failure::usage(format!(
            "{flag} takes a time as in 5, 0.5, 500ms, 10s, 2m or 1h, not '{}'",
            text.escape_debug()
        ))
    })
}

/// The sum of the parts of `1m30s`; of a number without a unit there is only one.
fn sum(text: &str) -> Option<Duration> {
    let mut sum = Duration::ZERO;
    let mut rest = text;
    loop {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.');
        let (number, after) = rest.split_at(digits.unwrap_or(rest.len()));
        let unit = after.find(|c: char| c.is_ascii_digit() || c == '.');
        let (unit, next) = after.split_at(unit.unwrap_or(after.len()));
        let scale = match unit {
            "" if rest.len() == text.len() => 1.0,
            "s" => 1.0,
            "ms" => 0.001,
            "us" | "µs" => 0.000_001,
            "ns" => 0.000_000_001,
            "m" => 60.0,
            "h" => 3600.0,
            "d" => 86400.0,
            _ => return None,
        };
        let seconds = number.parse::<f64>().ok()? * scale;
        sum = sum.checked_add(Duration::try_from_secs_f64(seconds).ok()?)?;
        if next.is_empty() {
            return Some(sum);
        }
        rest = next;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times() {
        for (text, milliseconds) in [
            ("5", 5_000),
            ("0.25", 250),
            ("500ms", 500),
            ("10s", 10_000),
            ("1.5m", 90_000),
            ("1h", 3_600_000),
            ("1d", 86_400_000),
            ("1m30s", 90_000),
            ("1h0.5m250ms", 3_630_250),
            ("0", 0),
            ("2000us", 2),
            ("3000µs", 3),
            ("4000000ns", 4),
        ] {
            assert_eq!(
                parse("-W", text),
                Ok(Duration::from_millis(milliseconds)),
                "{text}"
            );
        }
        for bad in [
            "", "s", "-1", "5 s", "5x", "1.2.3", "1m30", "30 1m", "1m 30s", "1mm", "1e400", "inf",
            "NaN",
        ] {
            assert!(parse("-W", bad).is_err(), "{bad}");
        }
    }
}
