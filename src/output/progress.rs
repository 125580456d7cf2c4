//! Progress of long work, on stderr: a bar on a terminal, plain lines elsewhere.

use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::bench::{grouped, time_text};

/// Steps of a whole bar.
const STEPS: u64 = 1000;

/// Between two looks at a bar.
const BAR_INTERVAL: Duration = Duration::from_millis(200);

/// Between two plain lines.
const LINE_INTERVAL: Duration = Duration::from_secs(1);

/// What is shown, and where.
#[derive(Debug)]
pub enum Progress {
    /// On a terminal.
    Bar(ProgressBar),
    /// In a file or pipe.
    Lines,
    /// Nothing.
    Off,
}

/// How a load test stands.
#[derive(Debug, Clone, Copy)]
pub struct Load<'a> {
    /// `connecting`, `warming up`, `measuring`, `draining`.
    pub phase: &'a str,
    /// How much is done, 0 to 1.
    pub done: f64,
    /// Since the start.
    pub elapsed: Duration,
    /// Connections made.
    pub connected: u64,
    /// Sent per second lately.
    pub sent_per_s: f64,
    /// Received per second lately.
    pub received_per_s: f64,
    /// 99th percentile of the latency so far, µs.
    pub p99_us: Option<f64>,
    /// Messages refused.
    pub errors: u64,
}

impl Progress {
    /// A bar if stderr is a terminal, lines if not; nothing if nobody wants it.
    pub fn new(wanted: bool) -> Progress {
        if !wanted {
            return Progress::Off;
        }
        if !io::stderr().is_terminal() {
            return Progress::Lines;
        }
        let bar = ProgressBar::with_draw_target(Some(STEPS), ProgressDrawTarget::stderr());
        // The template is fixed and right; a plain bar would do as well.
        if let Ok(style) = ProgressStyle::with_template("{bar:10} {wide_msg}") {
            bar.set_style(style.progress_chars("=> "));
        }
        Progress::Bar(bar)
    }

    /// How often to show something.
    pub fn interval(&self) -> Duration {
        match self {
            Progress::Bar(_) => BAR_INTERVAL,
            Progress::Lines | Progress::Off => LINE_INTERVAL,
        }
    }

    /// Shows how the test stands.
    pub fn show(&self, load: &Load<'_>) {
        match self {
            Progress::Bar(bar) => {
                bar.set_position((load.done.clamp(0.0, 1.0) * STEPS as f64) as u64);
                bar.set_message(line(load));
            }
            Progress::Lines => {
                // Progress that nobody can read is no reason to stop.
                let _ = writeln!(io::stderr(), "{}", line(load));
            }
            Progress::Off => {}
        }
    }

    /// Removes the bar.
    pub fn clear(&self) {
        if let Progress::Bar(bar) = self {
            bar.finish_and_clear();
        }
    }
}

/// What matters most comes first: a narrow terminal cuts the rest.
fn line(load: &Load<'_>) -> String {
    let p99 = match load.p99_us {
        Some(us) => format!(", p99 {}", time_text(us)),
        None => String::new(),
    };
    let errors = match load.errors {
        0 => String::new(),
        n => format!(", {n} refused"),
    };
    format!(
        "{:>4} s {}: {}/s sent, {}/s received{p99}{errors}, {} connected",
        load.elapsed.as_secs(),
        load.phase,
        grouped(load.sent_per_s, 0),
        grouped(load.received_per_s, 0),
        load.connected,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_all_that_matters() {
        let load = Load {
            phase: "measuring",
            done: 0.5,
            elapsed: Duration::from_millis(3400),
            connected: 12,
            sent_per_s: 1234.4,
            received_per_s: 0.0,
            p99_us: Some(1500.0),
            errors: 2,
        };
        assert_eq!(
            line(&load),
            "   3 s measuring: 1,234/s sent, 0/s received, p99 1.50 ms, 2 refused, 12 connected"
        );
    }
}
