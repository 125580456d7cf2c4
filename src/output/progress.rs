//! Progress of long work, on stderr: a bar on a terminal, plain lines elsewhere; of messages that
//! are sent, a bar or nothing.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::bench::{grouped, time_text};
use super::terminal::{is_unicode, spell};

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
    /// Refusals and whatever else went wrong.
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
        let line = || spell(&line(load), is_unicode()).into_owned();
        match self {
            Progress::Bar(bar) => {
                bar.set_position((load.done.clamp(0.0, 1.0) * STEPS as f64) as u64);
                bar.set_message(line());
            }
            Progress::Lines => {
                // Progress that nobody can read is no reason to stop.
                let _ = writeln!(io::stderr(), "{}", line());
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

/// How many messages are sent, for those who wait: shown on a terminal, after a second.
#[derive(Debug)]
pub struct Transfer {
    start: Instant,
    /// When to look again; `None` if there is nobody to show it to.
    next: Option<Instant>,
    /// What all of it is, in any unit, if that is known.
    total: Option<u64>,
    bar: Option<ProgressBar>,
}

/// Before anything is shown.
const TRANSFER_DELAY: Duration = Duration::from_secs(1);

impl Transfer {
    /// Begins now. `total` is what all of it is, in any unit.
    pub fn new(wanted: bool, total: Option<u64>) -> Transfer {
        let start = Instant::now();
        let is_seen = wanted && io::stderr().is_terminal();
        Transfer {
            start,
            next: is_seen.then(|| start + TRANSFER_DELAY),
            total: total.filter(|total| *total > 0),
            bar: None,
        }
    }

    /// Whether it is worth telling how it stands.
    pub fn is_on(&self) -> bool {
        self.next.is_some()
    }

    /// Shows how it stands, if it is time to: what is done, in the unit of the total, and messages.
    pub fn show(&mut self, done: u64, messages: u64) {
        let now = Instant::now();
        match self.next {
            Some(next) if next <= now => self.next = Some(now + BAR_INTERVAL),
            _ => return,
        }
        let total = self.total;
        let bar = self.bar.get_or_insert_with(|| {
            let target = ProgressDrawTarget::stderr();
            let bar = ProgressBar::with_draw_target(total, target);
            let template = match total {
                Some(_) => "{bar:20} {percent:>3} % {wide_msg}",
                None => "{wide_msg}",
            };
            if let Ok(style) = ProgressStyle::with_template(template) {
                bar.set_style(style.progress_chars("=> "));
            }
            bar
        });
        bar.set_position(done);
        bar.set_message(sent(messages, now - self.start));
    }

    /// Removes the bar.
    pub fn clear(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}

fn sent(messages: u64, elapsed: Duration) -> String {
    let per_s = messages as f64 / elapsed.as_secs_f64().max(0.001);
    let seconds = elapsed.as_secs();
    let messages = grouped(messages as f64, 0);
    format!(
        "{messages} messages in {seconds} s, {}/s",
        grouped(per_s, 0)
    )
}

/// What matters most comes first: a narrow terminal cuts the rest. In 80 columns there is room for
/// all of it, beside the bar.
fn line(load: &Load<'_>) -> String {
    let mut line = format!("{:>4} s", load.elapsed.as_secs());
    if load.phase != "measuring" {
        line.push(' ');
        line.push_str(load.phase);
    }
    if load.errors > 0 {
        let errors = grouped(load.errors as f64, 0);
        line.push_str(&format!(
            ", {errors} error{}",
            if load.errors == 1 { "" } else { "s" }
        ));
    }
    let rates = (grouped(load.sent_per_s, 0), grouped(load.received_per_s, 0));
    line.push_str(&format!(", sent {}/s, received {}/s", rates.0, rates.1));
    if let Some(us) = load.p99_us {
        line.push_str(&format!(", p99 {}", time_text(us)));
    }
    line.push_str(&format!(
        ", {} connected",
        grouped(load.connected as f64, 0)
    ));
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sent_is_counted() {
        let line = sent(12_500, Duration::from_millis(2_500));
        assert_eq!(line, "12,500 messages in 2 s, 5,000/s");
    }

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
            "   3 s, 2 errors, sent 1,234/s, received 0/s, p99 1.50 ms, 12 connected"
        );
        let draining = Load {
            phase: "draining",
            errors: 0,
            p99_us: None,
            ..load
        };
        assert_eq!(
            line(&draining),
            "   3 s draining, sent 1,234/s, received 0/s, 12 connected"
        );
    }
}
