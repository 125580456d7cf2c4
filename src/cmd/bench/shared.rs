//! What all threads of a run share: the plan, the phase, the clock, and counts for those who look on.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, mpsc, watch};

use super::plan::Plan;
use crate::cmd::Failure;
use crate::output::bench::{Measured, Row};

/// Where a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Phase {
    /// Connections are opened, subscriptions made.
    Connecting,
    /// Publishers publish.
    Running,
    /// They have stopped; what is on its way may still come.
    Draining,
    /// Everybody leaves.
    Closing,
}

/// See the [module](self).
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) plan: Plan,
    phase: watch::Sender<Phase>,
    /// The same, for those who look at it often.
    phase_now: AtomicU8,
    /// When connections begin to be opened.
    pub(super) opening: Instant,
    start: OnceLock<Instant>,
    /// Nothing is to be sent from then on, in ns since the start.
    end: AtomicU64,
    /// By worker.
    pub(super) counters: Vec<Counters>,
    /// Told when `ready`, `sent_all`, `finished`, or the counts of a draining run change.
    pub(super) news: Notify,
    /// What workers have to say, once in a while.
    pub(super) tell: mpsc::UnboundedSender<Told>,
}

/// What a worker says.
#[derive(Debug)]
pub(super) enum Told {
    /// A connection is lost, or was not made.
    Failed(Failure),
    /// What was counted within this second of the measurement.
    Second(u64, Box<Row>),
    /// All that this worker has counted, without times: where somebody looks on.
    Counts(usize, Box<Measured>),
}

/// What one worker has counted so far, for others to see. Only the worker writes, so that nobody
/// waits for anybody.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(super) struct Counters {
    /// Connections that are open.
    pub(super) connected: Count,
    /// Connections that can begin.
    pub(super) ready: Count,
    /// Publishers that have nothing more to send.
    pub(super) sent_all: Count,
    /// Those of them that have every acknowledgement.
    pub(super) finished: Count,
    /// Messages of the measurement.
    pub(super) sent: Count,
    pub(super) acknowledged: Count,
    pub(super) refused: Count,
    /// First arrivals.
    pub(super) received: Count,
    /// Arrivals that there should be for what was sent and not refused.
    pub(super) expected: Count,
    /// Arrivals of messages that the broker had refused, if it gives them to subscribers anyway:
    /// nobody knows before the end.
    pub(super) unsure: Count,
    /// Arrivals of what this run did not send.
    pub(super) foreign: Count,
    /// Refusals and errors of every kind.
    pub(super) errors: Count,
}

/// A count that one thread writes and any may read.
#[derive(Debug, Default)]
pub(super) struct Count(AtomicU64);

impl Count {
    #[inline]
    pub(super) fn add(&self, more: u64) {
        self.set(self.get().wrapping_add(more));
    }

    pub(super) fn sub(&self, less: u64) {
        self.set(self.get().saturating_sub(less));
    }

    fn set(&self, value: u64) {
        self.0.store(value, Ordering::Release);
    }

    #[inline]
    pub(super) fn get(&self) -> u64 {
        self.0.load(Ordering::Acquire)
    }
}

impl Shared {
    /// Before the first connection.
    pub(super) fn new(plan: Plan, tell: mpsc::UnboundedSender<Told>) -> Shared {
        Shared {
            counters: (0..plan.workers).map(|_| Counters::default()).collect(),
            plan,
            phase: watch::Sender::new(Phase::Connecting),
            phase_now: AtomicU8::new(0),
            opening: Instant::now(),
            start: OnceLock::new(),
            end: AtomicU64::new(u64::MAX),
            news: Notify::new(),
            tell,
        }
    }

    /// Where the run stands.
    #[inline]
    pub(super) fn phase(&self) -> Phase {
        match self.phase_now.load(Ordering::Acquire) {
            0 => Phase::Connecting,
            1 => Phase::Running,
            2 => Phase::Draining,
            _ => Phase::Closing,
        }
    }

    fn set_phase(&self, phase: Phase) {
        self.phase_now.store(phase as u8, Ordering::Release);
        self.phase.send_replace(phase);
    }

    /// To wait for a phase.
    pub(super) fn watch(&self) -> watch::Receiver<Phase> {
        self.phase.subscribe()
    }

    /// The publishers begin then.
    pub(super) fn start(&self, at: Instant) {
        let _ = self.start.set(at);
        if let Some(duration) = self.plan.duration {
            let end = nanos(self.plan.warmup + duration);
            self.end.store(end, Ordering::Release);
        }
        self.set_phase(Phase::Running);
    }

    /// Nothing more is to be sent.
    pub(super) fn stop(&self) {
        self.end.fetch_min(self.now(), Ordering::AcqRel);
        self.set_phase(Phase::Draining);
    }

    /// Everybody has to leave.
    pub(super) fn close(&self) {
        self.set_phase(Phase::Closing);
    }

    /// ns since the start of the run; 0 before.
    #[inline]
    pub(super) fn now(&self) -> u64 {
        self.start.get().map_or(0, |start| {
            nanos(Instant::now().saturating_duration_since(*start))
        })
    }

    /// That time as the system's clock has it.
    pub(super) fn instant(&self, time: u64) -> Instant {
        let start = self.start.get().copied().unwrap_or(self.opening);
        start + Duration::from_nanos(time)
    }

    /// When the measurement begins: what should have been sent before is warm-up.
    pub(super) fn warmup(&self) -> u64 {
        nanos(self.plan.warmup)
    }

    /// When the run ends or ended, without the draining; [`u64::MAX`] if nobody knows.
    #[inline]
    pub(super) fn end(&self) -> u64 {
        self.end.load(Ordering::Acquire)
    }

    /// One count of all workers together.
    pub(super) fn sum(&self, which: impl Fn(&Counters) -> &Count) -> u64 {
        self.counters.iter().map(|own| which(own).get()).sum()
    }
}

/// ns, as far as they fit: 584 years.
pub(super) fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
