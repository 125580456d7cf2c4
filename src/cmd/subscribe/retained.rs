//! `--retained`: when have all retained messages come?
//!
//! No packet says so. A broker sends them when it handles the SUBSCRIBE, and most do so before they
//! handle the next packet: then the answer to a PINGREQ that follows the SUBACK stands behind them
//! all. Some look them up meanwhile, and with QoS 1 and 2 they stop where the Receive Maximum is
//! reached. So the end is when that answer has come and then no retained message for a while.

use std::time::Duration;

use tokio::time::Instant;

/// How long no retained message comes.
const QUIET: Duration = Duration::from_millis(300);

/// How long, where there is no answer to wait for.
const LONG_QUIET: Duration = Duration::from_secs(1);

/// How far the waiting is.
#[derive(Debug, Default)]
pub(super) enum Barrier {
    /// Something else has to happen first.
    #[default]
    Closed,
    /// The end, unless a retained message comes.
    Quiet { until: Instant, length: Duration },
}

impl Barrier {
    /// The answer has come.
    pub(super) fn open(&mut self) {
        self.open_for(QUIET);
    }

    /// There will be no answer.
    pub(super) fn open_unasked(&mut self) {
        self.open_for(LONG_QUIET);
    }

    fn open_for(&mut self, length: Duration) {
        *self = Barrier::Quiet {
            until: Instant::now() + length,
            length,
        };
    }

    /// The connection is lost.
    pub(super) fn close(&mut self) {
        *self = Barrier::Closed;
    }

    /// A retained message came.
    pub(super) fn extend(&mut self) {
        if let Barrier::Quiet { until, length } = self {
            *until = Instant::now() + *length;
        }
    }

    /// When all have come.
    pub(super) fn end(&self) -> Option<Instant> {
        match self {
            Barrier::Closed => None,
            Barrier::Quiet { until, .. } => Some(*until),
        }
    }
}
