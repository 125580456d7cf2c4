//! A session: what a client finds again when it comes back (4.1).

use std::collections::{HashSet, VecDeque};
use std::rc::Rc;
use std::time::Duration;

use super::journal::Journal;
use super::memory::{Charge, Level, MODEST_QUEUE, Memory, SESSION};
use super::message::Message;
use super::permission::Who;
use super::will::Will;
use super::{Config, ConnectionId, Time};
use crate::mqtt::flow::{Incoming, Outgoing, PubRec};
use crate::mqtt::{QoS, ReasonCode};

/// Seconds that mean "for ever" (5.0, 3.1.2.11.2).
pub(super) const NEVER_EXPIRES: u32 = u32::MAX;

/// A session inside the broker; a number is never used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(pub(super) u64);

#[derive(Debug)]
pub(super) struct Session {
    pub(super) id: SessionId,
    pub(super) client_id: Rc<str>,
    pub(super) who: Who,
    pub(super) connection: Option<ConnectionId>,
    /// Filters as sent, `$share/NAME/` included; the rest is in the subscription tree.
    pub(super) filters: HashSet<Box<str>>,
    pub(super) outgoing: Outgoing<Outbound>,
    pub(super) incoming: Incoming,
    queue: VecDeque<Outbound>,
    queued_bytes: usize,
    /// Session Expiry Interval in seconds; before 5.0, 0 with Clean Session and
    /// [`NEVER_EXPIRES`] without.
    pub(super) expiry_interval: u32,
    /// When the session ends, while it has no connection.
    pub(super) ends_at: Option<Time>,
    /// A will that waits for its delay.
    pub(super) delayed_will: Option<(Time, Will)>,
    /// The deadline that is set, see [`Timers`](super::timers::Timers).
    pub(super) timer: Option<Time>,
    /// The last message routed here and its place in the list of deliveries: how a second
    /// matching subscription finds the copy it shares.
    pub(super) route_mark: (u64, usize),
    /// Whether the [`Journal`](super::journal::Journal) notes what happens to it.
    pub(super) is_kept: bool,
    /// Of its subscriptions, in memory.
    pub(super) filter_bytes: usize,
    pub(super) charge: Charge,
}

/// A message with all that its copy for one client needs.
#[derive(Debug, Clone)]
pub(super) struct Outbound {
    pub(super) message: Rc<Message>,
    pub(super) qos: QoS,
    pub(super) retain: bool,
    pub(super) subscription_ids: Box<[u32]>,
    /// Its place among the copies for this client, see [`Journal`](super::journal::Journal).
    pub(super) number: u64,
}

impl Session {
    pub(super) fn new(
        id: SessionId,
        client_id: Rc<str>,
        config: &Config,
        memory: &Rc<Memory>,
    ) -> Session {
        Session {
            id,
            client_id,
            who: Who::default(),
            connection: None,
            filters: HashSet::new(),
            outgoing: Outgoing::new(config.max_inflight),
            incoming: Incoming::new(u16::MAX),
            queue: VecDeque::new(),
            queued_bytes: 0,
            expiry_interval: 0,
            ends_at: None,
            delayed_will: None,
            timer: None,
            route_mark: (0, 0),
            is_kept: false,
            filter_bytes: 0,
            charge: Charge::new(memory, SESSION),
        }
    }

    /// When a session that loses its connection now ends; `None`: never.
    pub(super) fn end_after(&self, now: Time) -> Option<Time> {
        (self.expiry_interval != NEVER_EXPIRES)
            .then(|| now + Duration::from_secs(self.expiry_interval.into()))
    }

    /// The earlier of the two things that a session without connection waits for.
    pub(super) fn deadline(&self) -> Option<Time> {
        let will_at = self.delayed_will.as_ref().map(|(at, _)| *at);
        match (will_at, self.ends_at) {
            (Some(will), Some(end)) => Some(will.min(end)),
            (will, end) => will.or(end),
        }
    }

    /// Adds to the queue unless it is full; whether it was added.
    pub(super) fn enqueue(
        &mut self,
        config: &Config,
        journal: &mut Journal,
        outbound: Outbound,
    ) -> bool {
        let len = outbound.message.len();
        if self.queue.len() >= config.max_queued_messages
            || self.queued_bytes + len > config.max_queued_bytes
            || self.charge.is(Level::Half) && self.queued_bytes > MODEST_QUEUE
            || self.charge.is(Level::Full)
        {
            return false;
        }
        journal.queued(self, &outbound);
        self.put_back(outbound);
        true
    }

    /// Adds to the queue what was in it before.
    pub(super) fn put_back(&mut self, outbound: Outbound) {
        self.queued_bytes += outbound.message.len();
        self.queue.push_back(outbound);
    }

    pub(super) fn dequeue(&mut self) -> Option<Outbound> {
        let outbound = self.queue.pop_front()?;
        self.queued_bytes -= outbound.message.len();
        Some(outbound)
    }

    /// Treats messages that cannot be sent again as if they had been delivered
    /// (`[MQTT-3.1.2-25]`).
    pub(super) fn forget(
        &mut self,
        journal: &mut Journal,
        messages: impl IntoIterator<Item = (u16, QoS)>,
    ) {
        for (packet_id, qos) in messages {
            let outbound = match qos {
                QoS::AtMostOnce => None,
                QoS::AtLeastOnce => self.outgoing.handle_puback(packet_id),
                QoS::ExactlyOnce => {
                    let refused = ReasonCode::PACKET_TOO_LARGE;
                    match self.outgoing.handle_pubrec(packet_id, refused) {
                        PubRec::Refused(outbound) => Some(outbound),
                        PubRec::Release(_) | PubRec::ReleaseAgain | PubRec::Unknown => None,
                    }
                }
            };
            if let Some(outbound) = outbound {
                journal.acknowledged(self, packet_id, &outbound);
            }
        }
    }

    /// Messages that are queued or unacknowledged, and bytes of those queued.
    pub(super) fn waiting(&self) -> (usize, usize) {
        let messages = self.queue.len() + self.outgoing.in_flight();
        (messages, self.queued_bytes)
    }

    /// What waits, in its order.
    pub(super) fn queued(&self) -> impl Iterator<Item = &Outbound> {
        self.queue.iter()
    }

    /// Bytes of topic and payload of what is unacknowledged.
    pub(super) fn in_flight_bytes(&self) -> usize {
        let messages = self.outgoing.messages();
        messages.map(|outbound| outbound.message.len()).sum()
    }

    pub(super) fn queued_len(&self) -> usize {
        self.queue.len()
    }

    pub(super) fn has_queued(&self) -> bool {
        !self.queue.is_empty()
    }
}
