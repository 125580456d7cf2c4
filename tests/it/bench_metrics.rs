//! `bench --metrics`: what a scraper gets while it runs, read as Prometheus reads it.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use crate::program::{midge, run};
use crate::test_broker::TestBroker;

/// More than any step needs.
const PATIENCE: Duration = Duration::from_secs(20);

/// A bench that runs until it is dropped.
struct Bench {
    child: Child,
    address: String,
}

impl Bench {
    fn start(broker: &TestBroker, args: &[&str]) -> Bench {
        let port = broker.address.port().to_string();
        let mut command = midge(&["bench", "-h", "127.0.0.1", "-p", &port, "--no-progress"]);
        command.args(["--metrics", "127.0.0.1:0"]).args(args);
        command.stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        stderr.read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("midge: metrics at http://");
        let address = address.and_then(|rest| rest.strip_suffix("/metrics"));
        let address = address.unwrap_or_else(|| panic!("{line}")).to_owned();
        Bench { child, address }
    }

    fn scrape(&self) -> Metrics {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let request = format!("GET /metrics HTTP/1.1\r\nHost: {}\r\n\r\n", self.address);
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
        assert!(head.contains("\r\nContent-Type: text/plain; version=0.0.4;"));
        assert!(head.contains(&format!("\r\nContent-Length: {}\r\n", body.len())));
        Metrics::read(body)
    }

    /// Scrapes until this holds.
    fn until(&self, holds: impl Fn(&Metrics) -> bool) -> Metrics {
        let start = Instant::now();
        loop {
            let metrics = self.scrape();
            if holds(&metrics) {
                return metrics;
            }
            assert!(start.elapsed() < PATIENCE, "{metrics:?}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The exposition format 0.0.4, read strictly.
#[derive(Debug, Default)]
struct Metrics {
    /// The type of each family.
    kinds: BTreeMap<String, String>,
    /// Samples by their name and labels, as they stand there.
    samples: BTreeMap<String, f64>,
}

impl Metrics {
    fn read(text: &str) -> Metrics {
        let mut metrics = Metrics::default();
        let mut helped = BTreeSet::new();
        let mut family = String::new();
        assert!(text.ends_with('\n'));
        for line in text.lines() {
            if let Some(rest) = line.strip_prefix("# HELP ") {
                let (name, help) = rest.split_once(' ').unwrap();
                assert!(!help.is_empty() && helped.insert(name.to_owned()), "{line}");
            } else if let Some(rest) = line.strip_prefix("# TYPE ") {
                let (name, kind) = rest.split_once(' ').unwrap();
                assert!(["counter", "gauge", "histogram"].contains(&kind), "{line}");
                assert!(helped.contains(name), "{line}");
                assert_eq!(name.ends_with("_total"), kind == "counter", "{line}");
                let before = metrics.kinds.insert(name.to_owned(), kind.to_owned());
                assert_eq!(before, None, "{line}");
                name.clone_into(&mut family);
            } else {
                let (sample, value) = line.rsplit_once(' ').unwrap();
                let value: f64 = value.parse().unwrap_or_else(|_| panic!("{line}"));
                let name = sample.split('{').next().unwrap();
                let is_word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
                assert!(name.chars().all(is_word), "{line}");
                // Samples stand below their family.
                let behind = name
                    .strip_prefix(&family)
                    .unwrap_or_else(|| panic!("{line}"));
                let allowed: &[&str] = match metrics.kinds[&family].as_str() {
                    "histogram" => &["_bucket", "_sum", "_count"],
                    _ => &[""],
                };
                assert!(allowed.contains(&behind), "{line}");
                assert!(value >= 0.0 && value.is_finite(), "{line}");
                assert_eq!(
                    metrics.samples.insert(sample.to_owned(), value),
                    None,
                    "{line}"
                );
            }
        }
        for (name, kind) in &metrics.kinds {
            if kind == "histogram" {
                metrics.check_histogram(name, text);
            }
        }
        metrics
    }

    /// Buckets rise, and the last one has all.
    fn check_histogram(&self, name: &str, text: &str) {
        let prefix = format!("{name}_bucket{{le=\"");
        let buckets = text.lines().filter_map(|line| {
            let (bound, count) = line.strip_prefix(&prefix)?.split_once("\"} ")?;
            let bound = match bound {
                "+Inf" => f64::INFINITY,
                bound => bound.parse().unwrap(),
            };
            Some((bound, count.parse::<u64>().unwrap()))
        });
        let buckets: Vec<(f64, u64)> = buckets.collect();
        assert!(buckets.len() >= 10, "{name}");
        assert!(
            buckets.is_sorted_by(|a, b| a.0 < b.0 && a.1 <= b.1),
            "{buckets:?}"
        );
        let (bound, count) = buckets[buckets.len() - 1];
        assert_eq!(
            (bound, count as f64),
            (f64::INFINITY, self[&format!("{name}_count")])
        );
        assert!(self.samples.contains_key(&format!("{name}_sum")));
    }
}

impl std::ops::Index<&str> for Metrics {
    type Output = f64;

    fn index(&self, sample: &str) -> &f64 {
        self.samples
            .get(sample)
            .unwrap_or_else(|| panic!("no {sample} in {:#?}", self.samples))
    }
}

#[test]
fn figures_rise_while_it_runs() {
    let broker = TestBroker::start();
    let args = "-q 1 --rate 400 --publishers 2 --subscribers 2 --idle 3 --duration 60s";
    let bench = Bench::start(&broker, &args.split(' ').collect::<Vec<_>>());
    // There from the start, and complete: a scraper must not take them for gone.
    let names = [
        "midge_bench_sent_messages_total",
        "midge_bench_acknowledged_messages_total",
        "midge_bench_received_messages_total",
    ];
    let first = bench.until(|metrics| names.iter().all(|name| metrics[name] > 0.0));
    assert_eq!(first["midge_bench_connected_clients"], 7.0);
    let second = bench.until(|metrics| metrics[names[0]] > first[names[0]]);
    for (name, kind) in &second.kinds {
        if kind == "counter" && second.samples.contains_key(name) {
            assert!(second[name] >= first[name], "{name}");
        }
    }
    let sent = second["midge_bench_sent_messages_total"];
    assert_eq!(second["midge_bench_sent_bytes_total"], sent * 64.0);
    let received = second["midge_bench_received_messages_total"];
    assert_eq!(second["midge_bench_received_bytes_total"], received * 64.0);
    let rate = second["midge_bench_sent_messages_per_second"];
    assert!((200.0..600.0).contains(&rate), "{rate}");
    for kind in ["ack", "delivery"] {
        let name = format!("midge_bench_{kind}_duration_seconds");
        let (count, sum) = (
            second[&format!("{name}_count")],
            second[&format!("{name}_sum")],
        );
        assert!(
            count > 0.0 && sum > 0.0 && sum / count < 1.0,
            "{kind}: {sum} / {count}"
        );
    }
    assert!(
        second
            .samples
            .keys()
            .any(|sample| sample.starts_with("midge_bench_info{"))
    );
}

#[test]
fn an_address_that_is_none_ends_it_before_it_begins() {
    let ended = run(&["bench", "-p", "1", "--metrics", "9464"]);
    assert_eq!(ended.code(), 2, "{}", ended.stderr);
    assert!(
        ended
            .stderr
            .contains("--metrics takes an address and a port"),
        "{}",
        ended.stderr
    );
}
