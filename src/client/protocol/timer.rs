//! Keep Alive (3.1.2.10) and the wait for CONNACK.

use std::time::{Duration, Instant};

use super::super::error::Lost;
use super::{Phase, Protocol};
use crate::mqtt::packet::Packet;

/// The least time that a PINGRESP gets, for Keep Alives of a few seconds on slow ways.
const MIN_PATIENCE: Duration = Duration::from_secs(5);

/// What was sent and received when.
#[derive(Debug, Default)]
pub(super) struct KeepAlive {
    /// `None`: turned off.
    interval: Option<Duration>,
    last_sent: Option<Instant>,
    last_received: Option<Instant>,
    /// A PINGREQ that has no PINGRESP yet.
    pinged: Option<Instant>,
}

impl KeepAlive {
    /// For a connection that is being opened.
    pub(super) fn new(now: Instant, seconds: u16) -> KeepAlive {
        KeepAlive {
            interval: (seconds > 0).then(|| Duration::from_secs(u64::from(seconds))),
            last_sent: Some(now),
            last_received: Some(now),
            pinged: None,
        }
    }

    /// Server Keep Alive wins over what CONNECT said (`[MQTT-3.1.2-21]`).
    pub(super) fn set_interval(&mut self, seconds: u16) {
        self.interval = (seconds > 0).then(|| Duration::from_secs(u64::from(seconds)));
    }

    pub(super) fn handle_sent(&mut self, now: Instant) {
        self.last_sent = Some(now);
    }

    pub(super) fn handle_received(&mut self, now: Instant) {
        self.last_received = Some(now);
    }

    pub(super) fn handle_pingresp(&mut self) {
        self.pinged = None;
    }

    fn patience(interval: Duration) -> Duration {
        interval.max(MIN_PATIENCE)
    }

    fn timeout(&self) -> Option<Instant> {
        let interval = self.interval?;
        match self.pinged {
            // Anything that comes shows that the server lives: PINGRESP may stand behind a large
            // packet.
            Some(pinged) => {
                let alive = self.last_received.map_or(pinged, |last| last.max(pinged));
                Some(alive + KeepAlive::patience(interval))
            }
            None => Some(self.last_sent? + interval),
        }
    }
}

impl Protocol {
    /// When [`handle_timeout`](Self::handle_timeout) wants to be called; `None`: never.
    pub fn poll_timeout(&self) -> Option<Instant> {
        match self.phase {
            Phase::Closed => None,
            Phase::Connecting { until, .. } => Some(until),
            Phase::Connected => self.keep_alive.timeout(),
        }
    }

    /// The time has come, or not: sends PINGREQ if nothing was sent for the Keep Alive
    /// (`[MQTT-3.1.2-20]`), gives up a server that does not answer.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.poll_timeout().is_none_or(|at| now < at) {
            return;
        }
        match (self.phase, self.keep_alive.interval) {
            (Phase::Connecting { timeout, .. }, _) => self.close(Lost::NoConnAck(timeout)),
            (Phase::Connected, Some(interval)) if self.keep_alive.pinged.is_some() => {
                self.close(Lost::KeepAlive(KeepAlive::patience(interval)));
            }
            (Phase::Connected, Some(_)) => {
                // A packet of two bytes always fits.
                let _ = self.send(&Packet::PingReq);
                self.keep_alive.pinged = Some(now);
            }
            (Phase::Connected, None) | (Phase::Closed, _) => {}
        }
    }
}
