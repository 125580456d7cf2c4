//! The time a message came at, where the reader is, as strftime(3) writes it in the C locale.

use std::fmt::Write as _;
use std::io::Write as _;

use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

use crate::output::time::Time;

/// The time of now, where the reader is, by a format of strftime(3) in the C locale.
pub fn strftime_now(format: &str) -> String {
    let mut clock = Clock {
        nanoseconds: Timestamp::now().as_nanosecond(),
        local: None,
    };
    let mut out = Vec::new();
    let mut chars = format.chars();
    while let Some(c) = chars.next() {
        match c {
            '%' => clock.push(&mut out, chars.next().unwrap_or('%')),
            c => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// Looks the time zone up when it is asked for, and then keeps it for the message.
#[derive(Debug)]
pub(super) struct Clock {
    nanoseconds: i128,
    local: Option<Zoned>,
}

impl Clock {
    pub(super) fn new(time: Option<Time>) -> Clock {
        Clock {
            nanoseconds: time.map_or(0, |time| time.nanoseconds),
            local: None,
        }
    }

    fn local(&mut self) -> &Zoned {
        let nanoseconds = self.nanoseconds;
        self.local.get_or_insert_with(|| {
            // A clock that is thousands of years off says nothing anyway.
            let time = Timestamp::from_nanosecond(nanoseconds).unwrap_or_default();
            time.to_zoned(TimeZone::system())
        })
    }

    /// Nanoseconds of the second.
    fn fraction(&self) -> i128 {
        self.nanoseconds.rem_euclid(1_000_000_000)
    }

    /// `2016-08-10T09:47:38+0100`.
    pub(super) fn push_iso_8601(&mut self, out: &mut Vec<u8>) {
        self.format(out, "%Y-%m-%dT%H:%M:%S%z");
    }

    /// The same with microseconds.
    pub(super) fn push_iso_8601_micros(&mut self, out: &mut Vec<u8>) {
        self.format(out, "%Y-%m-%dT%H:%M:%S.");
        // Writing to a Vec does not fail.
        let _ = write!(out, "{:06}", self.fraction() / 1000);
        self.format(out, "%z");
    }

    /// Seconds since 1970 with nanoseconds.
    pub(super) fn push_unix(&self, out: &mut Vec<u8>) {
        let seconds = self.nanoseconds.div_euclid(1_000_000_000);
        let _ = write!(out, "{seconds}.{:09}", self.fraction());
    }

    /// What `@` with this character stands for; `@N` are nanoseconds.
    pub(super) fn push(&mut self, out: &mut Vec<u8>, what: char) {
        let format = match what {
            'N' => {
                let _ = write!(out, "{:09}", self.fraction());
                return;
            }
            // The forms that hang on the locale, of which there is one.
            'c' => "%a %b %e %H:%M:%S %Y",
            'x' | 'D' => "%m/%d/%y",
            'X' | 'T' => "%H:%M:%S",
            'r' => "%I:%M:%S %p",
            'R' => "%H:%M",
            'F' => "%Y-%m-%d",
            'h' => "%b",
            'a' => "%a",
            'A' => "%A",
            'b' => "%b",
            'B' => "%B",
            'C' => "%C",
            'd' => "%d",
            'e' => "%e",
            'G' => "%G",
            'g' => "%g",
            'H' => "%H",
            'I' => "%I",
            'j' => "%j",
            'k' => "%k",
            'l' => "%l",
            'm' => "%m",
            'M' => "%M",
            'p' => "%p",
            'P' => "%P",
            's' => "%s",
            'S' => "%S",
            'u' => "%u",
            'U' => "%U",
            'V' => "%V",
            'w' => "%w",
            'W' => "%W",
            'y' => "%y",
            'Y' => "%Y",
            'z' => "%z",
            'Z' => "%Z",
            'n' => "\n",
            't' => "\t",
            '%' => "%%",
            other => {
                // As the C library leaves what it does not know.
                let _ = write!(out, "%{other}");
                return;
            }
        };
        self.format(out, format);
    }

    fn format(&mut self, out: &mut Vec<u8>, format: &str) {
        let mut text = String::new();
        // All formats are ours, and every one of them is known.
        let _ = write!(text, "{}", self.local().strftime(format));
        out.extend_from_slice(text.as_bytes());
    }
}
