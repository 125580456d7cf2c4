//! Sizes as people type them: `500MB`, `1GiB`, `64k`. A bare number is bytes.

use super::Failure;

/// Units of bytes. Those of one letter are what most programs take them for.
const UNITS: [(&str, u64); 11] = [
    ("", 1),
    ("B", 1),
    ("KB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("K", 1 << 10),
    ("KIB", 1 << 10),
    ("M", 1 << 20),
    ("MIB", 1 << 20),
    ("G", 1 << 30),
    ("GIB", 1 << 30),
];

/// Bytes, at least one.
///
/// # Errors
/// Wrong usage: not a number, zero, more than memory can have, or with an unknown unit.
pub(super) fn parse(flag: &str, text: &str) -> Result<usize, Failure> {
    let wrong = || {
        Failure::usage(format!(
            "{flag} takes a size as in 500MB, 64KiB or 1GiB, not '{}'",
            text.escape_debug()
        ))
    };
    let end = text.find(|c: char| !c.is_ascii_digit());
    let (digits, unit) = text.split_at(end.unwrap_or(text.len()));
    let unit = unit.trim_start().to_ascii_uppercase();
    let (_, scale) = UNITS
        .iter()
        .find(|(name, _)| *name == unit)
        .ok_or_else(wrong)?;
    let count: u64 = digits.parse().map_err(|_| wrong())?;
    count
        .checked_mul(*scale)
        .and_then(|bytes| usize::try_from(bytes).ok())
        .filter(|&bytes| bytes > 0)
        .ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        for (text, bytes) in [
            ("1", 1),
            ("500MB", 500_000_000),
            ("64k", 65_536),
            ("64 KiB", 65_536),
            ("1GiB", 1_073_741_824),
            ("2g", 2_147_483_648),
        ] {
            assert_eq!(parse("--max-memory", text), Ok(bytes), "{text}");
        }
        for bad in ["", "0", "MB", "-1", "1.5GB", "1TB", "99999999999GiB"] {
            assert!(parse("--max-memory", bad).is_err(), "{bad}");
        }
    }
}
