//! Numbers for people.

/// A time in µs with the unit that leaves one to three digits before the point.
pub(in crate::output) fn time_text(us: f64) -> String {
    match us {
        us if us < 0.9995 => format!("{:.0} ns", us * 1e3),
        us if us < 999.95 => format!("{us:.1} µs"),
        us if us < 99_995.0 => format!("{:.2} ms", us / 1e3),
        us if us < 999_950.0 => format!("{:.1} ms", us / 1e3),
        us => format!("{:.2} s", us / 1e6),
    }
}

/// Parts of 100. What is not nothing does not look like it.
pub(super) fn percent_text(percent: f64) -> String {
    match percent {
        p if p > 0.0 && p < 0.01 => format!("{p:.1e} %"),
        p => format!("{p:.2} %"),
    }
}

/// Bytes with the unit that leaves one to three digits before the point.
pub(super) fn bytes_text(bytes: f64) -> String {
    match bytes {
        b if b < 999.5 => format!("{b:.0} B"),
        b if b < 999_950.0 => format!("{:.1} kB", b / 1e3),
        b if b < 999_950_000.0 => format!("{:.1} MB", b / 1e6),
        b => format!("{:.1} GB", b / 1e9),
    }
}

/// A rate that was asked for, with three digits at least.
pub(super) fn rate_text(per_second: f64) -> String {
    let decimals = match per_second {
        rate if rate.fract() == 0.0 => 0,
        // The digits behind the first one that is not 0.
        rate if rate < 10.0 => (2.0 - rate.log10().floor()).clamp(2.0, 9.0) as usize,
        _ => 0,
    };
    grouped(per_second, decimals)
}

/// `1 byte`, `2 bytes`.
pub(super) fn several(count: u64, what: &str) -> String {
    let s = if count == 1 { "" } else { "s" };
    format!("{} {what}{s}", grouped(count as f64, 0))
}

/// With a comma between groups of three digits.
pub(in crate::output) fn grouped(number: f64, decimals: usize) -> String {
    let text = format!("{number:.decimals$}");
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let mut grouped = String::new();
    for (i, digit) in whole.chars().enumerate() {
        if i > 0 && (whole.len() - i).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    if !fraction.is_empty() {
        grouped.push('.');
        grouped.push_str(fraction);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped() {
        for (number, decimals, text) in [
            (0.0, 0, "0"),
            (999.0, 0, "999"),
            (1000.0, 0, "1,000"),
            (1_234_567.0, 0, "1,234,567"),
            (99.96, 1, "100.0"),
            (12345.67, 1, "12,345.7"),
        ] {
            assert_eq!(grouped(number, decimals), text);
        }
    }

    #[test]
    fn rates_have_digits_that_say_something() {
        for (per_second, text) in [
            (1_000.0, "1,000"),
            (1_234.5, "1,234"),
            (5.0, "5"),
            (1.0 / 3.0, "0.333"),
            (1.0 / 60.0, "0.0167"),
            (2.5, "2.50"),
        ] {
            assert_eq!(rate_text(per_second), text);
        }
        assert_eq!(several(1, "byte"), "1 byte");
        assert_eq!(several(2_000, "byte"), "2,000 bytes");
    }

    #[test]
    fn times_have_a_fitting_unit() {
        for (us, text) in [
            (0.0, "0 ns"),
            (0.25, "250 ns"),
            (0.9999, "1.0 µs"),
            (999.9, "999.9 µs"),
            (999.99, "1.00 ms"),
            (12_345.0, "12.35 ms"),
            (999_999.0, "1.00 s"),
            (61_000_000.0, "61.00 s"),
        ] {
            assert_eq!(time_text(us), text);
        }
    }
}
