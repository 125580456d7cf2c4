//! Numbers as C's library reads them: from the front, as far as there are digits.

/// `atoi`: "3x" is 3, "x" is 0. What does not fit is the closest that does.
pub(super) fn integer(text: &str) -> i64 {
    let text = text.trim_start();
    let (sign, digits) = match text.strip_prefix(['-', '+']) {
        Some(rest) if text.starts_with('-') => (-1, rest),
        Some(rest) => (1, rest),
        None => (1, text),
    };
    let digits = digits.bytes().take_while(u8::is_ascii_digit);
    digits.fold(0, |number: i64, digit| {
        number
            .saturating_mul(10)
            .saturating_add(sign * i64::from(digit - b'0'))
    })
}

/// `atof`, without exponents: "0.5s" is 0.5, "x" is 0.
pub(super) fn float(text: &str) -> f64 {
    let text = text.trim_start();
    let sign = usize::from(text.starts_with(['-', '+']));
    let rest = text.get(sign..).unwrap_or_default();
    let len = rest
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(rest.len());
    let number = text.get(..sign + len).unwrap_or_default();
    number.parse().unwrap_or(0.0)
}

/// A whole word as C's `strtoll` reads it with base 0: decimal, `0x..` or `0..`.
pub(super) fn whole(text: &str) -> Option<i128> {
    let (negative, digits) = match text.strip_prefix(['-', '+']) {
        Some(rest) => (text.starts_with('-'), rest),
        None => (false, text),
    };
    let (base, digits) = match digits.strip_prefix("0x").or(digits.strip_prefix("0X")) {
        Some(rest) => (16, rest),
        None if digits.len() > 1 && digits.starts_with('0') => (8, digits),
        None => (10, digits),
    };
    if digits.is_empty() || !digits.chars().all(|c| c.is_digit(base)) {
        return None;
    }
    // Longer than any that is in range.
    let number = i128::from_str_radix(digits, base).unwrap_or(i128::MAX);
    Some(if negative { -number } else { number })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_c_reads_them() {
        for (text, number) in [
            ("3", 3),
            ("3x", 3),
            ("x", 0),
            ("", 0),
            (" -7 ", -7),
            ("+2", 2),
        ] {
            assert_eq!(integer(text), number, "{text}");
        }
        assert_eq!(integer(&"9".repeat(40)), i64::MAX);
        assert_eq!(integer(&format!("-{}", "9".repeat(40))), i64::MIN);
        for (text, number) in [
            ("0.5", 0.5),
            ("2s", 2.0),
            ("x", 0.0),
            ("-1", -1.0),
            (".5", 0.5),
        ] {
            assert!((float(text) - number).abs() < f64::EPSILON, "{text}");
        }
        for (text, number) in [
            ("12", Some(12)),
            ("0x10", Some(16)),
            ("010", Some(8)),
            ("-1", Some(-1)),
            ("0", Some(0)),
            ("12x", None),
            ("", None),
            ("-", None),
            ("0x", None),
        ] {
            assert_eq!(whole(text), number, "{text}");
        }
    }
}
