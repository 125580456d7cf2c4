//! How many messages come: `--rate-line` on stderr, `--message-rate` on stdout.

use std::io::{self, IsTerminal, Write};
use std::time::Instant;

/// Counts, and shows a line that stays where it is.
#[derive(Debug)]
pub(super) struct Rate {
    shows_line: bool,
    start: Instant,
    total: u64,
    bytes: u64,
    /// What the last tick has seen.
    last: (Instant, u64, u64),
    is_shown: bool,
}

impl Rate {
    /// The line is for terminals only.
    pub(super) fn new(line: bool) -> Rate {
        let now = Instant::now();
        Rate {
            shows_line: line && io::stderr().is_terminal(),
            start: now,
            total: 0,
            bytes: 0,
            last: (now, 0, 0),
            is_shown: false,
        }
    }

    /// Whether there is a line to show.
    pub(super) fn shows_line(&self) -> bool {
        self.shows_line
    }

    /// A message came.
    pub(super) fn count(&mut self, bytes: usize) {
        self.total += 1;
        self.bytes += bytes as u64;
    }

    /// Takes the line away, for something else to be written.
    pub(super) fn clear(&mut self) {
        if std::mem::take(&mut self.is_shown) {
            let _ = write!(io::stderr().lock(), "\r\x1b[K");
        }
    }

    /// A second is over: shows the line; gives the messages since the last time.
    pub(super) fn tick(&mut self) -> u64 {
        let now = Instant::now();
        let (at, total, bytes) = self.last;
        let messages = self.total - total;
        if self.shows_line {
            let seconds = now.duration_since(at).as_secs_f64().max(0.001);
            let line = line(
                self.total,
                messages as f64 / seconds,
                (self.bytes - bytes) as f64 / seconds,
                now.duration_since(self.start).as_secs(),
            );
            // Where stderr is gone there is nobody to tell.
            let _ = write!(io::stderr().lock(), "\r\x1b[K{line}");
            self.is_shown = true;
        }
        self.last = (now, self.total, self.bytes);
        messages
    }
}

fn line(total: u64, rate: f64, bytes: f64, seconds: u64) -> String {
    let (bytes, unit) = match bytes {
        ..1e3 => (bytes, "B/s"),
        ..1e6 => (bytes / 1e3, "kB/s"),
        _ => (bytes / 1e6, "MB/s"),
    };
    let (minutes, seconds) = (seconds / 60, seconds % 60);
    format!("{total} messages, {rate:.0}/s, {bytes:.1} {unit}, {minutes}:{seconds:02}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_for_people() {
        assert_eq!(line(7, 3.4, 999.0, 61), "7 messages, 3/s, 999.0 B/s, 1:01");
        assert_eq!(line(0, 0.0, 1.5e6, 0), "0 messages, 0/s, 1.5 MB/s, 0:00");
    }
}
