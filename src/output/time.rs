//! Times of captured packets.

use std::fmt::{self, Write as _};

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

/// A moment, with as many fractional digits as its source has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Time {
    /// Nanoseconds since 1970-01-01 UTC.
    pub nanoseconds: i128,
    /// Digits behind the second that mean something, 0 to 9.
    pub digits: u8,
}

/// RFC 3339 in UTC: `2026-11-21T10:01:27.399975Z`.
impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match Timestamp::from_nanosecond(self.nanoseconds) {
            Ok(time) => write!(f, "{time:.*}", usize::from(self.digits.min(9))),
            // Outside the years that RFC 3339 can write.
            Err(_) => write!(f, "{} ns", self.nanoseconds),
        }
    }
}

/// How the lines show times.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Times {
    /// Seconds since the first packet.
    #[default]
    Relative,
    /// Seconds since the line before.
    Delta,
    /// Time of day, where the reader is.
    Clock,
    /// Date and time in UTC.
    Utc,
}

impl Times {
    /// Appends `time`, in a column wide enough for nearly all; relative times begin at `start`, the
    /// line before was at `last`.
    pub fn push(self, out: &mut String, time: Time, start: Time, last: Time) {
        match self {
            Times::Relative => push_seconds(out, time.since(start), time.digits),
            Times::Delta => push_seconds(out, time.since(last), time.digits),
            Times::Utc => push(out, time),
            Times::Clock => match Timestamp::from_nanosecond(time.nanoseconds) {
                Ok(moment) => {
                    let digits = usize::from(time.digits.min(9));
                    let local = moment.to_zoned(TimeZone::system()).time();
                    push(out, format_args!("{local:.digits$}"));
                }
                Err(_) => push(out, time),
            },
        }
    }
}

fn push(out: &mut String, what: impl fmt::Display) {
    // Writing to a String does not fail.
    let _ = write!(out, "{what}");
}

impl Time {
    /// Reads RFC 3339, with `Z` or an offset.
    pub fn parse(text: &str) -> Option<Time> {
        let time: Timestamp = text.parse().ok()?;
        Some(Time {
            nanoseconds: time.as_nanosecond(),
            digits: 9,
        })
    }

    /// Reads a date and time of the time zone `zone`, or a date, which is its first moment.
    pub fn parse_in(text: &str, zone: TimeZone) -> Option<Time> {
        let local: DateTime = text.parse().ok()?;
        let time = local.to_zoned(zone).ok()?.timestamp();
        Some(Time {
            nanoseconds: time.as_nanosecond(),
            digits: 9,
        })
    }

    /// The same, in the time zone of the reader.
    pub fn parse_local(text: &str) -> Option<Time> {
        Time::parse_in(text, TimeZone::system())
    }

    /// Nanoseconds since `start`; negative if that is later, as it can be in a capture.
    pub const fn since(self, start: Time) -> i128 {
        self.nanoseconds - start.nanoseconds
    }
}

/// Seconds of which at most `SECONDS` digits are before the point, and a sign.
fn push_seconds(out: &mut String, nanoseconds: i128, digits: u8) {
    const SECONDS: usize = 5;
    let digits = u32::from(digits.min(9));
    let sign = if nanoseconds < 0 { "-" } else { "" };
    let nanoseconds = nanoseconds.unsigned_abs();
    let (seconds, fraction) = (nanoseconds / 1_000_000_000, nanoseconds % 1_000_000_000);
    let mut buffer = itoa::Buffer::new();
    let shown = buffer.format(seconds);
    let padding = SECONDS.saturating_sub(shown.len() + sign.len());
    out.extend(std::iter::repeat_n(' ', padding));
    out.push_str(sign);
    out.push_str(shown);
    if digits > 0 {
        out.push('.');
        let fraction = fraction / 10u128.pow(9 - digits);
        let shown = buffer.format(fraction);
        out.extend(std::iter::repeat_n(
            '0',
            (digits as usize).saturating_sub(shown.len()),
        ));
        out.push_str(shown);
    }
}

/// A span of time for people: `12 µs`, `3.4 ms`, `2.000 s`, `1 h 02 min`.
pub fn span(nanoseconds: i128) -> String {
    let sign = if nanoseconds < 0 { "-" } else { "" };
    let n = nanoseconds.unsigned_abs();
    match n {
        0..1_000 => format!("{sign}{n} ns"),
        1_000..1_000_000 => format!("{sign}{} µs", n / 1_000),
        1_000_000..1_000_000_000 => format!("{sign}{:.1} ms", n as f64 / 1e6),
        1_000_000_000..120_000_000_000 => format!("{sign}{:.3} s", n as f64 / 1e9),
        _ => {
            let minutes = n / 60_000_000_000;
            match minutes / 60 {
                0 => format!("{sign}{minutes} min {:02} s", n / 1_000_000_000 % 60),
                hours => format!("{sign}{hours} h {:02} min", minutes % 60),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(nanoseconds: i128) -> Time {
        Time {
            nanoseconds,
            digits: 6,
        }
    }

    #[test]
    fn relative_times_have_the_digits_of_the_source() {
        for (nanoseconds, digits, expected) in [
            (0, 6, "    0.000000"),
            (1_000_134_999, 6, "    1.000134"),
            (-1_500_000_000, 3, "   -1.500"),
            (12_345_678_000_000_001, 9, "12345678.000000001"),
            (61_000_000_000, 0, "   61"),
        ] {
            let mut out = String::new();
            push_seconds(&mut out, nanoseconds, digits);
            assert_eq!(out, expected);
        }
        let mut out = String::new();
        Times::Delta.push(&mut out, at(5_000), at(0), at(2_000));
        assert_eq!(out, "    0.000003");
    }

    #[test]
    fn dates_are_those_of_a_time_zone() {
        let east = || TimeZone::fixed(jiff::tz::offset(2));
        for (text, seconds) in [
            ("1970-01-01T02:00:01", 1),
            ("1970-01-01 03:00", 3600),
            ("1970-01-02", 22 * 3600),
        ] {
            let time = Time::parse_in(text, east()).map(|time| time.nanoseconds);
            assert_eq!(time, Some(seconds * 1_000_000_000), "{text}");
        }
        for bad in ["1970", "01:00:00", "1970-13-01", "tomorrow", ""] {
            assert_eq!(Time::parse_in(bad, east()), None, "{bad}");
        }
    }

    #[test]
    fn spans() {
        for (nanoseconds, expected) in [
            (999, "999 ns"),
            (1_999, "1 µs"),
            (3_400_000, "3.4 ms"),
            (-2_000_000_000, "-2.000 s"),
            (125_000_000_000, "2 min 05 s"),
            (3_720_000_000_000, "1 h 02 min"),
        ] {
            assert_eq!(span(nanoseconds), expected);
        }
    }

    #[test]
    fn precision_follows_the_source() {
        let nanoseconds = 1_461_170_590_509_491_000;
        for (digits, expected) in [
            (6, "2016-04-20T16:43:10.509491Z"),
            (9, "2016-04-20T16:43:10.509491000Z"),
            (0, "2016-04-20T16:43:10Z"),
        ] {
            assert_eq!(
                Time {
                    nanoseconds,
                    digits
                }
                .to_string(),
                expected
            );
        }
    }
}
