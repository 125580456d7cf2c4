//! Messages that are due are handed over, as many as may be.

use std::time::{SystemTime, UNIX_EPOCH};

use super::super::dues::Dues;
use super::super::pace::Pace;
use super::super::shared::nanos;
use super::super::stamp::Stamp;
use super::super::unanswered::Times;
use super::{Ledger, Publisher};
use crate::client::PublishError;
use crate::cmd::Failure;
use crate::cmd::publish::publish_failure;
use crate::mqtt::QoS;

/// Bytes that are collected before they are sent, where more are due.
const BATCH: usize = 64 * 1024;

/// Messages after which the clock is read again.
const BURST: u32 = 32;

/// Why no more messages are sent now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pause {
    /// Enough is collected to be sent.
    Batch,
    /// An acknowledgement has to come first.
    Window,
    /// The next one is due then.
    Until(u64),
    /// It is time to leave for a while.
    Leave,
    /// That was all.
    End,
}

/// Why nothing can be sent.
pub(super) enum Broken {
    Lost,
    Failed(Failure),
}

/// Messages that are handed over and not counted.
#[derive(Debug, Default)]
pub(super) struct Batch {
    count: u64,
    bytes: u64,
    /// Those of them that were sent when no message was due any more.
    late: u64,
    /// When the last of them was handed over.
    now: u64,
}

impl Publisher<'_> {
    /// Hands over what is due now.
    pub(super) fn send_due(&mut self) -> Result<Pause, Broken> {
        let stage = self.stage;
        let shared = &*stage.shared;
        let group = stage.group(self.place);
        let Some(client) = &mut self.client else {
            return Ok(Pause::End);
        };
        let window = usize::from(group.inflight);
        let needs_ack = group.qos > QoS::AtMostOnce;
        let warmup = shared.warmup();
        let end = shared.end();
        let wants_time = self.source.wants_time(group);
        let mut now = stage.now();
        let mut burst = 0;
        loop {
            let time = match &self.pace {
                Pace::Closed => now,
                Pace::Open(schedule) => schedule.next_at(),
            };
            if self.left == Some(0) || time >= end {
                return Ok(Pause::End);
            }
            if self.leave_at.is_some_and(|at| at <= now) {
                return Ok(Pause::Leave);
            }
            if time > now {
                let at = self.leave_at.map_or(time, |leave| leave.min(time));
                return Ok(Pause::Until(at));
            }
            if client.unsent() >= BATCH {
                return Ok(Pause::Batch);
            }
            if needs_ack && (client.in_flight() >= window || client.quota() == 0) {
                return Ok(Pause::Window);
            }
            let is_measured = time >= warmup;
            let stamp = Stamp {
                run: shared.plan.run,
                publisher: self.place.number,
                sequence: match is_measured {
                    true => self.sequence,
                    false => self.warmup_sequence,
                },
                time,
                lateness: now - time,
            };
            if wants_time && self.batch.count == 0 {
                self.source.rehearse(group, stamp);
            }
            let clock = if wants_time { time_of_day() } else { 0 };
            let (token, bytes) = match self.source.send(client, group, stamp, clock) {
                Ok(sent) => sent,
                Err(PublishError::QuotaFull(_)) => return Ok(Pause::Window),
                Err(PublishError::NotConnected(_)) => return Err(Broken::Lost),
                Err(error) => {
                    let topics = group.topics.as_ref();
                    let topic = topics.map(ToString::to_string).unwrap_or_default();
                    return Err(Broken::Failed(publish_failure(&error, &topic)));
                }
            };
            if let Pace::Open(schedule) = &mut self.pace {
                schedule.advance();
            }
            if is_measured {
                self.sequence += 1;
                if let Some(left) = &mut self.left {
                    *left = left.saturating_sub(1);
                }
                if needs_ack {
                    let times = Times {
                        due: time,
                        sent: now,
                        number: stamp.sequence,
                    };
                    self.ledger.unanswered.insert(token, times);
                }
                if self.ledger.is_paced {
                    let mut stats = stage.stats.borrow_mut();
                    stats.measured.latencies.lateness.record(now - time);
                }
                self.batch.count += 1;
                self.batch.bytes += bytes as u64;
                self.batch.late += u64::from(now >= self.due_until);
                self.batch.now = now;
            } else {
                self.warmup_sequence += 1;
            }
            burst += 1;
            if burst == BURST {
                burst = 0;
                now = stage.now();
            }
        }
    }

    /// Counts what was handed over.
    pub(super) fn count_batch(&mut self) {
        let Batch {
            count,
            bytes,
            late,
            now,
        } = std::mem::take(&mut self.batch);
        if count == 0 {
            return;
        }
        self.stage.turn(now);
        let counters = self.stage.counters();
        // Expected first: whoever sees that all was sent has to see what should come of it.
        counters.expected.add(count * self.ledger.fan_out);
        counters.sent.add(count);
        let mut stats = self.stage.stats.borrow_mut();
        stats.handle_sent(self.ledger.index, count, bytes, now);
        if let Some(figures) = stats.publishers.get_mut(self.ledger.index) {
            figures.sent_late += late;
        }
    }

    /// Notes when the messages that are measured are due.
    pub(super) fn note_dues(&mut self) {
        let start = self.stage.shared.warmup();
        let Some(dues) = self.dues_from(start) else {
            return;
        };
        if let Some(left) = self.left {
            self.due_until = dues.at(left);
        }
        let mut stats = self.stage.stats.borrow_mut();
        if let Some(figures) = stats.publishers.get_mut(self.ledger.index) {
            figures.dues = Some(dues);
        }
    }

    /// What should have been sent before the end and was not, because the broker took nothing.
    pub(super) fn count_unsent(&mut self) {
        // Without an end there is a count, and only an end stops a publisher before it.
        let (start, end) = (self.stage.shared.warmup(), self.stage.shared.end());
        let (Some(dues), Pace::Open(schedule)) = (self.dues_from(start.min(end)), &self.pace)
        else {
            return;
        };
        let due = schedule.due_before(end) - schedule.due_before(start.min(end));
        let not_sent = due.min(self.left.unwrap_or(u64::MAX));
        let mut stats = self.stage.stats.borrow_mut();
        let Ledger {
            index,
            qos,
            fan_out,
            ..
        } = self.ledger;
        stats.handle_unsent(index, qos, fan_out, (dues, not_sent), end);
    }

    /// When the messages that are still to be sent are due that are due then or later; `None`: it
    /// has no times to keep.
    fn dues_from(&self, time: u64) -> Option<Dues> {
        let group = self.stage.group(self.place);
        let (Some(rate), Pace::Open(schedule)) = (group.rate, &self.pace) else {
            return None;
        };
        let next = Dues {
            first: schedule.next_at(),
            interval: f64::from(group.publishers.count) * 1e9 / rate,
        };
        let first = next.at(schedule.due_before(time));
        Some(Dues { first, ..next })
    }
}

/// ns since 1970.
fn time_of_day() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, nanos)
}
