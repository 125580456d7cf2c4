//! Keep Alive (3.1.2.10), the wait for CONNACK, and how long the server may owe an answer.

use std::time::{Duration, Instant};

use super::super::error::{Lost, RequestError};
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
    /// PINGRESPs that come until the one the caller waits for, that included.
    until_pong: u8,
}

impl KeepAlive {
    /// For a connection that is being opened.
    pub(super) fn new(now: Instant, seconds: u16) -> KeepAlive {
        KeepAlive {
            interval: (seconds > 0).then(|| Duration::from_secs(u64::from(seconds))),
            last_sent: Some(now),
            last_received: Some(now),
            pinged: None,
            until_pong: 0,
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

    /// Whether it is the one that the caller waits for.
    pub(super) fn handle_pingresp(&mut self) -> bool {
        self.pinged = None;
        let was_awaited = self.until_pong == 1;
        self.until_pong = self.until_pong.saturating_sub(1);
        was_awaited
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

/// How long the server may stand still although it answers pings, or although there are none.
#[derive(Debug)]
pub(super) struct Patience {
    limit: Duration,
    /// Since when it owes an acknowledgement: the later of our sending and its last one.
    owes_since: Option<Instant>,
    /// Since when it takes no byte.
    blocked_since: Option<Instant>,
    last_received: Option<Instant>,
    /// Bytes of a packet that is not whole, when nothing else is left to decode. `None`: what has
    /// come is not decoded, and may hold what is waited for.
    partial: Option<usize>,
}

impl Patience {
    /// For a connection that is being opened.
    pub(super) fn new(limit: Duration) -> Patience {
        Patience {
            limit,
            owes_since: None,
            blocked_since: None,
            last_received: None,
            partial: None,
        }
    }

    pub(super) fn handle_received(&mut self, now: Instant) {
        self.last_received = Some(now);
        self.partial = None;
    }

    /// Everything that came is decoded, but for `partial` bytes.
    pub(super) fn handle_drained(&mut self, partial: usize) {
        self.partial = Some(partial);
    }

    pub(super) fn handle_blocked(&mut self, now: Instant) {
        self.blocked_since.get_or_insert(now);
    }

    /// What the server is late with, and since when it will be.
    fn next(&self) -> Option<(Instant, Lost)> {
        let limit = self.limit;
        let blocked = self.blocked_since.map(|at| (at, Lost::Blocked(limit)));
        let (stalled, owed) = match self.partial {
            None => (None, None),
            Some(0) => (None, self.owes_since),
            Some(_) => (self.last_received, self.owes_since),
        };
        let stalled = stalled.map(|at| {
            let pending = self.partial.unwrap_or(0);
            let after = limit;
            (at, Lost::Stalled { pending, after })
        });
        let owed = owed.map(|at| (at, Lost::NoAnswer(limit)));
        let first = [blocked, stalled, owed]
            .into_iter()
            .flatten()
            .min_by_key(|(at, _)| *at);
        first.map(|(at, lost)| (at + limit, lost))
    }
}

impl Protocol {
    /// Bytes have left.
    pub(super) fn handle_sent(&mut self, now: Instant) {
        let is_owed = self.patience.is_some() && self.is_owed();
        if let Some(patience) = &mut self.patience {
            patience.blocked_since = None;
            if is_owed {
                patience.owes_since.get_or_insert(now);
            }
        }
    }

    /// An acknowledgement has come, with the bytes that came last.
    pub(super) fn handle_answer(&mut self) {
        let is_owed = self.patience.is_some() && self.is_owed();
        if let Some(patience) = &mut self.patience {
            patience.owes_since = patience.last_received.filter(|_| is_owed);
        }
    }

    fn late(&self) -> Option<(Instant, Lost)> {
        self.patience.as_ref()?.next()
    }

    fn is_owed(&self) -> bool {
        self.session.in_flight() > 0
            || self.session.is_asking()
            || self.auth.is_waiting()
            || self.keep_alive.until_pong > 0
    }

    /// Sends PINGREQ whatever the Keep Alive says; one [`Event::Pong`](super::super::Event::Pong)
    /// follows, unless the connection is lost before.
    ///
    /// # Errors
    /// [`RequestError::NotConnected`].
    pub fn ping(&mut self, now: Instant) -> Result<(), RequestError> {
        if !self.is_connected() {
            return Err(RequestError::NotConnected);
        }
        self.send(&Packet::PingReq)?;
        // Answers come in the order of the requests.
        let is_pinged = self.keep_alive.pinged.replace(now).is_some();
        self.keep_alive.until_pong = 1 + u8::from(is_pinged);
        Ok(())
    }

    /// When [`handle_timeout`](Self::handle_timeout) wants to be called; `None`: never.
    pub fn poll_timeout(&self) -> Option<Instant> {
        match self.phase {
            Phase::Closed => None,
            Phase::Connecting { until, .. } => Some(until),
            Phase::Connected => {
                let late = self.late().map(|(at, _)| at);
                let times = [self.keep_alive.timeout(), late];
                times.into_iter().flatten().min()
            }
        }
    }

    /// The time has come, or not: sends PINGREQ if nothing was sent for the Keep Alive
    /// (`[MQTT-3.1.2-20]`), gives up a server that does not answer.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.poll_timeout().is_none_or(|at| now < at) {
            return;
        }
        if self.is_connected()
            && let Some((_, late)) = self.late().filter(|(at, _)| *at <= now)
        {
            self.close(late);
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
