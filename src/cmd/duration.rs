//! Times as people type them: `5`, `0.5`, `500ms`, `10s`, `2m`, `1h`. A bare number is seconds.

use std::time::Duration;

use super::Failure;

/// Reads a time; `flag` is named in the sentence if it is none.
///
/// # Errors
/// Wrong usage: not a number, negative, or with an unknown unit.
pub fn parse(flag: &str, text: &str) -> Result<Duration, Failure> {
    let digits = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let scale = match unit {
        "" | "s" => 1.0,
        "ms" => 0.001,
        "m" => 60.0,
        "h" => 3600.0,
        "d" => 86400.0,
        _ => f64::NAN,
    };
    number
        .parse::<f64>()
        .ok()
        .and_then(|number| Duration::try_from_secs_f64(number * scale).ok())
        .ok_or_else(|| {
            Failure::usage(format!(
                "{flag} takes a time as in 5, 0.5, 500ms, 10s, 2m or 1h, not '{}'",
                text.escape_debug()
            ))
        })
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
            ("0", 0),
        ] {
            assert_eq!(
                parse("-W", text),
                Ok(Duration::from_millis(milliseconds)),
                "{text}"
            );
        }
        for bad in ["", "s", "-1", "5 s", "5x", "1.2.3", "1e400", "inf", "NaN"] {
            assert!(parse("-W", bad).is_err(), "{bad}");
        }
    }
}
