//! Figures of a running test for Prometheus, in its text format 0.0.4.
//!
//! Names follow Prometheus' rules: seconds and bytes, `_total` behind counters. They are never
//! renamed, only added to.

use std::fmt::{Display, Write as _};

use super::series::class_end;
use super::{Coarsened, Counts, Measured};

/// What the format calls itself.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Upper bounds of the histograms' buckets: these powers of two of ns, 66 µs to 17 s. The classes of
/// [`Coarsened`] end there, so that every bucket is exact.
const BOUNDS: std::ops::RangeInclusive<u32> = 16..=34;

/// How the test stands, beside what was measured so far.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Now<'a> {
    /// The run's name.
    pub run: &'a str,
    /// `host:port`.
    pub broker: &'a str,
    /// Connections that are open.
    pub connected: u64,
    /// Messages sent per second, lately.
    pub sent_per_s: f64,
    /// Messages that came per second, lately.
    pub received_per_s: f64,
    /// Since the measurement began.
    pub elapsed_s: f64,
}

/// All figures: of `measured` the counts, refusals and errors, and how long acknowledgements and
/// deliveries took.
pub fn exposition(
    now: &Now<'_>,
    measured: &Measured,
    ack: &Coarsened,
    delivery: &Coarsened,
) -> String {
    let mut out = Exposition(String::new());
    out.info(now);
    let totals = measured.totals();
    for (name, help, count) in counters(&totals) {
        out.family(name, "counter", help);
        out.sample(name, "", &[], count);
    }
    out.refusals(measured);
    // Not a counter: what is on its way is among them.
    let lost = totals.expected.saturating_sub(totals.received);
    for (name, help, value) in [
        (
            "midge_bench_lost_messages",
            "Messages that should have come and have not, so far; those on their way are among them.",
            lost as f64,
        ),
        (
            "midge_bench_connected_clients",
            "Connections that are open.",
            now.connected as f64,
        ),
        (
            "midge_bench_sent_messages_per_second",
            "Messages sent per second, lately.",
            now.sent_per_s,
        ),
        (
            "midge_bench_received_messages_per_second",
            "Messages that came per second, lately.",
            now.received_per_s,
        ),
        (
            "midge_bench_elapsed_seconds",
            "Since the measurement began.",
            now.elapsed_s,
        ),
    ] {
        out.family(name, "gauge", help);
        out.sample(name, "", &[], value);
    }
    for (name, help, times) in [
        (
            "midge_bench_ack_duration_seconds",
            "From when a message should have been sent to its PUBACK or PUBCOMP.",
            ack,
        ),
        (
            "midge_bench_delivery_duration_seconds",
            "From when a message should have been sent to its arrival.",
            delivery,
        ),
    ] {
        out.histogram(name, help, times);
    }
    out.0
}

fn counters(totals: &Counts) -> [(&'static str, &'static str, u64); 9] {
    [
        (
            "midge_bench_sent_messages_total",
            "Messages sent.",
            totals.sent,
        ),
        (
            "midge_bench_sent_bytes_total",
            "Payload bytes sent.",
            totals.sent_bytes,
        ),
        (
            "midge_bench_not_sent_messages_total",
            "Messages that were due and not sent.",
            totals.not_sent,
        ),
        (
            "midge_bench_acknowledged_messages_total",
            "Messages of QoS 1 and 2 whose exchange has ended well.",
            totals.acknowledged,
        ),
        (
            "midge_bench_received_messages_total",
            "Different messages that came.",
            totals.received,
        ),
        (
            "midge_bench_received_bytes_total",
            "Payload bytes of those.",
            totals.received_bytes,
        ),
        (
            "midge_bench_duplicated_messages_total",
            "Arrivals of what had come before.",
            totals.duplicated,
        ),
        (
            "midge_bench_reordered_messages_total",
            "First arrivals behind a later message of the same publisher.",
            totals.reordered,
        ),
        (
            "midge_bench_foreign_messages_total",
            "Arrivals of what this run did not send.",
            totals.foreign,
        ),
    ]
}

/// The text as it grows.
struct Exposition(String);

impl Exposition {
    fn info(&mut self, now: &Now<'_>) {
        let name = "midge_bench_info";
        self.family(name, "gauge", "What runs; always 1.");
        let labels = [
            ("version", env!("CARGO_PKG_VERSION")),
            ("run", now.run),
            ("broker", now.broker),
        ];
        self.sample(name, "", &labels, 1);
    }

    fn refusals(&mut self, measured: &Measured) {
        let name = "midge_bench_refusals_total";
        self.family(name, "counter", "What the broker refused, by reason.");
        for refusals in &measured.refusals {
            let code = format!("0x{:02x}", refusals.reason_code);
            let labels = [
                ("packet", refusals.packet.as_str()),
                ("reason_code", &code),
                ("reason", &refusals.reason),
            ];
            self.sample(name, "", &labels, refusals.count);
        }
        let name = "midge_bench_errors_total";
        self.family(name, "counter", "What went wrong without a reason code.");
        for (what, count) in &measured.errors {
            self.sample(name, "", &[("error", what)], count);
        }
    }

    fn histogram(&mut self, name: &str, help: &str, times: &Coarsened) {
        self.family(name, "histogram", help);
        let mut classes = times.counts.iter().copied().peekable();
        let (mut count, mut sum) = (0u64, 0.0);
        let mut add = |(from, more): (u64, u64)| {
            count = count.saturating_add(more);
            // As if all stood in the middle of their class.
            sum += (from as f64 + class_end(from) as f64) / 2.0 * more as f64;
            count
        };
        let mut below = 0;
        for power in BOUNDS {
            let bound = 1u64 << power;
            while let Some(class) = classes.next_if(|(from, _)| *from < bound) {
                below = add(class);
            }
            let bound = (bound as f64 / 1e9).to_string();
            self.sample(name, "_bucket", &[("le", &bound)], below);
        }
        for class in classes {
            below = add(class);
        }
        self.sample(name, "_bucket", &[("le", "+Inf")], below);
        self.sample(name, "_sum", &[], sum / 1e9);
        self.sample(name, "_count", &[], below);
    }

    fn family(&mut self, name: &str, kind: &str, help: &str) {
        // Writing to a String does not fail.
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn sample(&mut self, name: &str, behind: &str, labels: &[(&str, &str)], value: impl Display) {
        let _ = write!(self.0, "{name}{behind}");
        for (i, (label, value)) in labels.iter().enumerate() {
            let before = if i == 0 { '{' } else { ',' };
            let _ = write!(self.0, "{before}{label}=\"{}\"", escaped(value));
        }
        let end = if labels.is_empty() { "" } else { "}" };
        let _ = writeln!(self.0, "{end} {value}");
    }
}

/// A label's value: the format asks for these three to be escaped.
fn escaped(value: &str) -> String {
    let value = value.replace('\\', "\\\\").replace('"', "\\\"");
    value.replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::bench::Coarse;

    fn text(measured: &Measured, delivery: &Coarsened) -> String {
        let now = Now {
            run: "4f1a",
            broker: "a\"b\\c\nd",
            connected: 3,
            sent_per_s: 12.5,
            received_per_s: 0.0,
            elapsed_s: 2.0,
        };
        exposition(&now, measured, &Coarsened::default(), delivery)
    }

    #[test]
    fn labels_are_escaped() {
        let text = text(&Measured::default(), &Coarsened::default());
        assert!(text.contains(r#"broker="a\"b\\c\nd"} 1"#), "{text}");
    }

    #[test]
    fn buckets_count_all_up_to_their_bound() {
        let mut times = Coarse::new();
        times.record_n(65_535, 2);
        times.record_n(65_536, 3);
        times.record_n(30_000_000_000, 1);
        let text = text(
            &Measured::default(),
            &Coarsened::new(&times, 30_000_000_000),
        );
        for line in [
            r#"_bucket{le="0.000065536"} 2"#,
            r#"_bucket{le="0.000131072"} 5"#,
            r#"_bucket{le="17.179869184"} 5"#,
            r#"_bucket{le="+Inf"} 6"#,
            "_count 6",
        ] {
            let line = format!("midge_bench_delivery_duration_seconds{line}\n");
            assert!(text.contains(&line), "{line}: {text}");
        }
        let sum = text
            .lines()
            .find_map(|line| line.strip_prefix("midge_bench_delivery_duration_seconds_sum "));
        let sum: f64 = sum.unwrap().parse().unwrap();
        assert!((29.0..31.0).contains(&sum), "{sum}");
    }

    #[test]
    fn refusals_are_told_by_reason() {
        let mut measured = Measured::default();
        measured.refuse("PUBACK", 0x97, "Quota exceeded", 4);
        measured.errors.insert("connection lost".to_owned(), 1);
        let text = text(&measured, &Coarsened::default());
        for line in [
            "midge_bench_refusals_total{packet=\"PUBACK\",reason_code=\"0x97\",reason=\"Quota exceeded\"} 4",
            "midge_bench_errors_total{error=\"connection lost\"} 1",
            "midge_bench_connected_clients 3",
            "midge_bench_sent_messages_per_second 12.5",
        ] {
            assert!(text.contains(line), "{line}: {text}");
        }
    }
}
