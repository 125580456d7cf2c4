//! Times of captured packets.

use std::fmt;

use jiff::Timestamp;

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

#[cfg(test)]
mod tests {
    use super::*;

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
