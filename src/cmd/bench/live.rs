//! What a scraper sees of a run that goes on: what the workers hand over once a second, added up.

use std::time::{Duration, Instant};

use super::metrics::Metrics;
use super::shared::{Phase, Shared};
use crate::cmd::{Failure, note};
use crate::output::bench::{Coarsened, Measured, Now, Row, exposition};

/// Between two texts: a little less than between two looks, which are not exact.
const INTERVAL: Duration = Duration::from_millis(900);

/// The figures so far, and where they are served.
#[derive(Debug)]
pub(super) struct Live {
    metrics: Metrics,
    /// What each worker has counted.
    workers: Vec<Measured>,
    ack: Coarsened,
    delivery: Coarsened,
    /// When the last text was made, and what had been sent and received then.
    published: Option<(Instant, u64, u64)>,
}

impl Live {
    /// Serves them at this address, and says where.
    ///
    /// # Errors
    /// Wrong usage if it is none; else what the system says.
    pub(super) fn start(address: &str, shared: &Shared) -> Result<Live, Failure> {
        let metrics = Metrics::start(address)?;
        let mut live = Live {
            metrics,
            workers: vec![Measured::default(); shared.plan.workers],
            ack: Coarsened::default(),
            delivery: Coarsened::default(),
            published: None,
        };
        live.publish(shared);
        // Who reads this may come at once.
        let address = live.metrics.address();
        note(format_args!("metrics at http://{address}/metrics"));
        Ok(live)
    }

    /// A worker's second is over.
    pub(super) fn handle_second(&mut self, row: &Row) {
        self.ack.add(&row.ack);
        self.delivery.add(&row.e2e);
    }

    /// All that a worker has counted.
    pub(super) fn handle_counts(&mut self, worker: usize, counts: Measured) {
        if let Some(own) = self.workers.get_mut(worker) {
            *own = counts;
        }
    }

    /// Makes a new text, if it is time for one.
    pub(super) fn publish(&mut self, shared: &Shared) {
        let now = Instant::now();
        let (sent, received) = (shared.sum(|own| &own.sent), shared.sum(|own| &own.received));
        let (then, sent_then, received_then) = self.published.unwrap_or((now, sent, received));
        let passed = now.saturating_duration_since(then);
        if self.published.is_some() && passed < INTERVAL {
            return;
        }
        let rate = |count: u64, then: u64| match passed.as_secs_f64() {
            0.0 => 0.0,
            seconds => count.saturating_sub(then) as f64 / seconds,
        };
        let mut measured = Measured::default();
        for own in &self.workers {
            measured.add(own);
        }
        // What should have come is known to all workers together, and later than what they handed
        // over: what is missing now is taken as missing then.
        let missing = shared.sum(|own| &own.expected).saturating_sub(received);
        if let Some(counts) = measured.qos.first_mut() {
            counts.expected = counts.received.saturating_add(missing);
        }
        let asked = super::report::asked(&shared.plan);
        let elapsed = match shared.phase() >= Phase::Running {
            true => shared.now().saturating_sub(shared.warmup()),
            false => 0,
        };
        let text = exposition(
            &Now {
                run: &shared.plan.run_name(),
                broker: &asked.broker,
                connected: shared.sum(|own| &own.connected),
                sent_per_s: rate(sent, sent_then),
                received_per_s: rate(received, received_then),
                elapsed_s: elapsed as f64 / 1e9,
            },
            &measured,
            &self.ack,
            &self.delivery,
        );
        self.metrics.publish(text);
        self.published = Some((now, sent, received));
    }
}
