//! The QoS 1 and 2 flows (4.3), Packet Identifiers (2.2.1), flow control (5.0, 4.9) and resending
//! after a reconnect (4.4). The broker's sessions and the client both use it.
//!
//! Pure state: no bytes, no clock. What a message is, is the caller's affair.

mod window;

use std::collections::VecDeque;

use rustc_hash::FxHashSet;

use self::window::Window;
use super::qos::QoS;
use super::reason::ReasonCode;

/// Receive Maximum when the other side names none (5.0, 3.1.2.11.3).
pub const DEFAULT_RECEIVE_MAXIMUM: u16 = u16::MAX;

/// The sender's half: messages that wait for their acknowledgement, oldest first.
#[derive(Debug)]
pub struct Outgoing<M> {
    in_flight: Window<InFlight<M>>,
    /// Ids in the order in which the messages were first sent; acknowledged ones are skipped.
    order: VecDeque<(u16, u64)>,
    /// How many of `order` are acknowledged: none of them stands in front.
    order_closed: usize,
    /// After a reconnect: what has still to be sent again, in the order in which it goes out.
    again: VecDeque<(u16, u64)>,
    /// How many of `again` are not acknowledged meanwhile.
    again_open: usize,
    /// Ids of SUBSCRIBE and UNSUBSCRIBE, which share the space of PUBLISH.
    requests: FxHashSet<u16>,
    last_id: u16,
    next_serial: u64,
    receive_maximum: u16,
}

#[derive(Debug)]
struct InFlight<M> {
    serial: u64,
    /// Not yet sent on this connection.
    again: bool,
    stage: Stage<M>,
}

#[derive(Debug)]
enum Stage<M> {
    /// PUBLISH at QoS 1 is out.
    SentQos1(M),
    /// PUBLISH at QoS 2 is out.
    SentQos2(M),
    /// PUBREL is out; the message itself is never sent again (`[MQTT-4.3.3-6]`).
    Released,
}

/// What a PUBREC means for the sender.
#[derive(Debug, PartialEq, Eq)]
pub enum PubRec<M> {
    /// The receiver owns the message now: answer with PUBREL (`[MQTT-4.3.3-4]`).
    Release(M),
    /// A repeat: PUBREL again.
    ReleaseAgain,
    /// The receiver refused it: the exchange is over (`[MQTT-4.4.0-2]`).
    Refused(M),
    /// No QoS 2 message has this id: PUBREL with 0x92 in 5.0.
    Unknown,
}

/// What to send again after a reconnect (`[MQTT-4.4.0-1]`).
#[derive(Debug, PartialEq, Eq)]
pub enum Resend<'m, M> {
    /// PUBLISH with DUP 1 and its old id (`[MQTT-3.3.1-1]`).
    Publish(u16, QoS, &'m M),
    /// PUBREL with its old id.
    PubRel(u16),
}

/// What has to be kept of a message in flight so that a process that is started anew can go on.
#[derive(Debug, PartialEq, Eq)]
pub enum Kept<M> {
    /// PUBLISH is out, at QoS 1 or 2.
    Sent(QoS, M),
    /// PUBREL is out.
    Released,
}

impl<M> Outgoing<M> {
    /// No message in flight; at most `receive_maximum` may be.
    pub fn new(receive_maximum: u16) -> Outgoing<M> {
        Outgoing {
            in_flight: Window::new(),
            order: VecDeque::new(),
            order_closed: 0,
            again: VecDeque::new(),
            again_open: 0,
            requests: FxHashSet::default(),
            last_id: 0,
            next_serial: 0,
            receive_maximum,
        }
    }

    /// How many new QoS 1 and 2 messages may be sent now (`[MQTT-4.9.0-2]`). None as long as
    /// something has to be sent again, which comes first (`[MQTT-4.6.0-1]`).
    pub fn quota(&self) -> u16 {
        if self.again_open > 0 {
            return 0;
        }
        let used = u16::try_from(self.in_flight.len()).unwrap_or(u16::MAX);
        self.receive_maximum.saturating_sub(used)
    }

    /// The messages that may have to be sent again, in no order.
    pub fn messages(&self) -> impl Iterator<Item = &M> {
        self.in_flight
            .values()
            .filter_map(|in_flight| match &in_flight.stage {
                Stage::SentQos1(message) | Stage::SentQos2(message) => Some(message),
                Stage::Released => None,
            })
    }

    /// How many messages are unacknowledged.
    pub fn in_flight(&self) -> usize {
        self.in_flight.len()
    }

    /// Takes an id for a QoS 1 or 2 message that is now sent with DUP 0, and keeps the message
    /// until it is acknowledged. Gives it back if the quota is used up or every id is taken.
    ///
    /// QoS 0 has neither id nor acknowledgement and must not come here: it is given back too.
    pub fn publish(&mut self, qos: QoS, message: M) -> Result<u16, M> {
        if self.quota() == 0 {
            return Err(message);
        }
        let Some(id) = self.free_id() else {
            return Err(message);
        };
        let stage = match qos {
            QoS::AtMostOnce => return Err(message),
            QoS::AtLeastOnce => Stage::SentQos1(message),
            QoS::ExactlyOnce => Stage::SentQos2(message),
        };
        self.insert(id, stage);
        Ok(id)
    }

    /// [`publish`](Self::publish) for those who make the message only if there is room for it.
    #[inline]
    pub fn publish_with(&mut self, qos: QoS, message: impl FnOnce() -> M) -> Option<u16> {
        if self.quota() == 0 {
            return None;
        }
        let id = self.free_id()?;
        match qos {
            QoS::AtMostOnce => return None,
            QoS::AtLeastOnce => self.insert(id, Stage::SentQos1(message())),
            QoS::ExactlyOnce => self.insert(id, Stage::SentQos2(message())),
        }
        Some(id)
    }

    #[inline]
    fn insert(&mut self, id: u16, stage: Stage<M>) {
        let serial = self.next_serial;
        self.next_serial += 1;
        self.last_id = id;
        let again = false;
        self.in_flight.insert(
            id,
            InFlight {
                serial,
                again,
                stage,
            },
        );
        self.order.push_back((id, serial));
    }

    /// Puts back what was in flight in an earlier process, to be called in the order of the first
    /// sending and before [`resume`](Self::resume).
    ///
    /// QoS 0 is never in flight and is not taken.
    pub fn restore(&mut self, id: u16, kept: Kept<M>) {
        let stage = match kept {
            Kept::Sent(QoS::AtMostOnce, _) => return,
            Kept::Sent(QoS::AtLeastOnce, message) => Stage::SentQos1(message),
            Kept::Sent(QoS::ExactlyOnce, message) => Stage::SentQos2(message),
            Kept::Released => Stage::Released,
        };
        self.insert(id, stage);
    }

    /// Takes an id for a SUBSCRIBE or UNSUBSCRIBE; `None` if every id is taken.
    pub fn request(&mut self) -> Option<u16> {
        let id = self.free_id()?;
        self.last_id = id;
        self.requests.insert(id);
        Some(id)
    }

    /// A SUBACK or UNSUBACK came: whether it answers a request.
    pub fn handle_request_ack(&mut self, id: u16) -> bool {
        self.requests.remove(&id)
    }

    /// A PUBACK came: the message it ends, or `None` if no QoS 1 message has this id.
    pub fn handle_puback(&mut self, id: u16) -> Option<M> {
        if !matches!(self.in_flight.get(id)?.stage, Stage::SentQos1(_)) {
            return None;
        }
        match self.remove(id)?.stage {
            Stage::SentQos1(message) => Some(message),
            Stage::SentQos2(_) | Stage::Released => None,
        }
    }

    /// [`handle_puback`](Self::handle_puback) for those who want only a part of the message, which
    /// does not move then.
    #[inline]
    pub fn handle_puback_of<P>(&mut self, id: u16, part: impl FnOnce(&M) -> P) -> Option<P> {
        let entry = self.in_flight.get(id)?;
        let Stage::SentQos1(message) = &entry.stage else {
            return None;
        };
        let (part, serial, again) = (part(message), entry.serial, entry.again);
        self.in_flight.clear(id);
        self.handle_removed(id, serial, again);
        Some(part)
    }

    /// The QoS at which the message with this id waits for its first answer, if one does.
    pub fn unanswered(&self, id: u16) -> Option<QoS> {
        match self.in_flight.get(id)?.stage {
            Stage::SentQos1(_) => Some(QoS::AtLeastOnce),
            Stage::SentQos2(_) => Some(QoS::ExactlyOnce),
            Stage::Released => None,
        }
    }

    /// A PUBREC came.
    pub fn handle_pubrec(&mut self, id: u16, reason: ReasonCode) -> PubRec<M> {
        let Some(entry) = self.in_flight.get_mut(id) else {
            return PubRec::Unknown;
        };
        match std::mem::replace(&mut entry.stage, Stage::Released) {
            Stage::SentQos2(message) if reason.is_error() => {
                self.remove(id);
                PubRec::Refused(message)
            }
            Stage::SentQos2(message) => PubRec::Release(message),
            Stage::Released => PubRec::ReleaseAgain,
            stage @ Stage::SentQos1(_) => {
                entry.stage = stage;
                PubRec::Unknown
            }
        }
    }

    /// A PUBCOMP came: whether it ends a QoS 2 exchange.
    pub fn handle_pubcomp(&mut self, id: u16) -> bool {
        let waits = matches!(
            self.in_flight.get(id),
            Some(InFlight {
                stage: Stage::Released,
                ..
            })
        );
        if waits {
            self.remove(id);
        }
        waits
    }

    /// The connection is back with its session: open requests are forgotten, since their packets
    /// are not sent again, and the peer's Receive Maximum counts anew.
    ///
    /// Send what [`next_resend`](Self::next_resend) gives before anything else.
    pub fn resume(&mut self, receive_maximum: u16) {
        self.requests.clear();
        self.receive_maximum = receive_maximum;
        self.again.clear();
        let mut publishes = Vec::new();
        for &(id, serial) in &self.order {
            if let Some(entry) = self.in_flight.get_mut(id)
                && entry.serial == serial
            {
                entry.again = true;
                match entry.stage {
                    Stage::Released => self.again.push_back((id, serial)),
                    Stage::SentQos1(_) | Stage::SentQos2(_) => publishes.push((id, serial)),
                }
            }
        }
        self.again.extend(publishes);
        self.again_open = self.again.len();
    }

    /// What to send again next: PUBRELs first, since they make room at the receiver, then messages,
    /// each in the order of the first sending (`[MQTT-4.6.0-1]`, `[MQTT-4.6.0-4]`). `None` if that is all, or if the Receive Maximum of the new
    /// connection leaves no room now (`[MQTT-3.3.4-7]`, `[MQTT-3.3.4-9]`): then ask again after
    /// an acknowledgement.
    pub fn next_resend(&mut self) -> Option<Resend<'_, M>> {
        let id = loop {
            let &(id, serial) = self.again.front()?;
            if self.in_flight.get(id).is_some_and(|e| e.serial == serial) {
                break id;
            }
            // Acknowledged all the same.
            self.again.pop_front();
        };
        let sent = self.in_flight.len() - self.again_open;
        let entry = self.in_flight.get_mut(id)?;
        // A full window delays nothing but PUBLISH (`[MQTT-3.3.4-8]`, `[MQTT-3.3.4-10]`).
        let is_publish = !matches!(entry.stage, Stage::Released);
        if is_publish && sent >= usize::from(self.receive_maximum) {
            return None;
        }
        self.again.pop_front();
        self.again_open -= 1;
        entry.again = false;
        Some(entry.resend(id))
    }

    /// Everything that is unacknowledged, in the order of the first sending.
    pub fn resend(&self) -> impl Iterator<Item = Resend<'_, M>> {
        self.order.iter().filter_map(|&(id, serial)| {
            let entry = self.in_flight.get(id).filter(|e| e.serial == serial)?;
            Some(entry.resend(id))
        })
    }

    fn remove(&mut self, id: u16) -> Option<InFlight<M>> {
        let entry = self.in_flight.remove(id)?;
        self.handle_removed(id, entry.serial, entry.again);
        Some(entry)
    }

    /// A message is not in flight any more.
    #[inline]
    fn handle_removed(&mut self, id: u16, serial: u64, again: bool) {
        if again {
            self.again_open -= 1;
        }
        // Acknowledgements mostly come in order. Where the oldest message hangs while others pass,
        // a sweep keeps the queue in proportion to what is open.
        let is_open =
            |&(id, serial): &(u16, u64)| self.in_flight.get(id).is_some_and(|e| e.serial == serial);
        if self.order.front() != Some(&(id, serial)) {
            self.order_closed += 1;
        } else {
            self.order.pop_front();
            while self.order_closed > 0 && self.order.front().is_some_and(|front| !is_open(front)) {
                self.order.pop_front();
                self.order_closed -= 1;
            }
        }
        if self.order.len() > 2 * self.in_flight.len() + 64 {
            self.order.retain(is_open);
            self.order_closed = 0;
        }
    }

    /// The next id that nothing uses, after the last one given out (`[MQTT-2.2.1-3]`), and that
    /// finds room in the table.
    #[inline]
    fn free_id(&mut self) -> Option<u16> {
        loop {
            let mut id = self.last_id;
            for _ in 0..u16::MAX {
                id = if id == u16::MAX { 1 } else { id + 1 };
                if self.requests.contains(&id) {
                    continue;
                }
                // Few ids of many are passed over; of few, the table should have more.
                if self.in_flight.has_room(id)
                    || self.in_flight.is_crowded()
                        && self.in_flight.grow()
                        && self.in_flight.has_room(id)
                {
                    return Some(id);
                }
            }
            // Every id is taken, or the requests have those that would find room.
            if !self.in_flight.grow() {
                return None;
            }
        }
    }
}

impl<M> InFlight<M> {
    fn resend(&self, id: u16) -> Resend<'_, M> {
        match &self.stage {
            Stage::SentQos1(message) => Resend::Publish(id, QoS::AtLeastOnce, message),
            Stage::SentQos2(message) => Resend::Publish(id, QoS::ExactlyOnce, message),
            Stage::Released => Resend::PubRel(id),
        }
    }
}

/// What to do with a PUBLISH that came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Received {
    /// A new message: deliver it, and acknowledge it if its QoS is above 0.
    Deliver,
    /// A QoS 2 message that was delivered before: PUBREC again, nothing else (`[MQTT-4.3.3-10]`).
    Duplicate,
    /// The sender ignores the Receive Maximum: DISCONNECT 0x93 (5.0, 3.3.4).
    QuotaExceeded,
}

/// The receiver's half: QoS 2 messages that wait for PUBREL, and the quota of QoS 1 and 2.
#[derive(Debug)]
pub struct Incoming {
    /// QoS 2 ids between PUBREC and PUBREL.
    received: FxHashSet<u16>,
    /// QoS 1 messages that were delivered and not yet acknowledged.
    unacknowledged: u16,
    receive_maximum: u16,
}

impl Incoming {
    /// Nothing received; the sender may have `receive_maximum` messages open.
    pub fn new(receive_maximum: u16) -> Incoming {
        Incoming {
            received: FxHashSet::default(),
            unacknowledged: 0,
            receive_maximum,
        }
    }

    /// A PUBLISH came.
    pub fn handle_publish(&mut self, qos: QoS, id: u16) -> Received {
        match qos {
            QoS::AtMostOnce => return Received::Deliver,
            QoS::ExactlyOnce if self.received.contains(&id) => return Received::Duplicate,
            QoS::AtLeastOnce | QoS::ExactlyOnce => {}
        }
        if self.received.len() + usize::from(self.unacknowledged)
            >= usize::from(self.receive_maximum)
        {
            return Received::QuotaExceeded;
        }
        match qos {
            QoS::AtMostOnce => {}
            QoS::AtLeastOnce => self.unacknowledged += 1,
            QoS::ExactlyOnce => {
                self.received.insert(id);
            }
        }
        Received::Deliver
    }

    /// PUBACK was sent for a message that [`handle_publish`](Self::handle_publish) let through.
    pub fn acknowledge(&mut self) {
        self.unacknowledged = self.unacknowledged.saturating_sub(1);
    }

    /// PUBREC with an error was sent: the id is free again (`[MQTT-4.3.3-9]`).
    pub fn refuse(&mut self, id: u16) {
        self.received.remove(&id);
    }

    /// Puts back an id that an earlier process has sent PUBREC for.
    pub fn restore(&mut self, id: u16) {
        self.received.insert(id);
    }

    /// Whether this id is between PUBREC and PUBREL.
    pub fn is_unreleased(&self, id: u16) -> bool {
        self.received.contains(&id)
    }

    /// The ids between PUBREC and PUBREL, in no order.
    pub fn unreleased_ids(&self) -> impl Iterator<Item = u16> {
        self.received.iter().copied()
    }

    /// A PUBREL came: whether its id was open. Answer with PUBCOMP in any case
    /// (`[MQTT-4.3.3-11]`), with 0x92 in 5.0 if it was not.
    pub fn handle_pubrel(&mut self, id: u16) -> bool {
        self.received.remove(&id)
    }

    /// QoS 2 messages between PUBREC and PUBREL.
    pub fn unreleased(&self) -> usize {
        self.received.len()
    }

    /// The connection is back with its session: QoS 2 ids stay, open QoS 1 messages will be sent
    /// again.
    pub fn resume(&mut self, receive_maximum: u16) {
        self.unacknowledged = 0;
        self.receive_maximum = receive_maximum;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn qos_1_ends_with_puback_only() {
        let mut out = Outgoing::new(10);
        let id = out.publish(QoS::AtLeastOnce, 'a').unwrap();
        assert_eq!(out.handle_pubrec(id, ReasonCode::SUCCESS), PubRec::Unknown);
        assert!(!out.handle_pubcomp(id));
        assert_eq!(out.handle_puback(id), Some('a'));
        assert_eq!(out.handle_puback(id), None);
    }

    #[test]
    fn qos_2_goes_through_its_four_packets() {
        let mut out = Outgoing::new(10);
        let id = out.publish(QoS::ExactlyOnce, 'a').unwrap();
        assert_eq!(out.handle_puback(id), None);
        assert_eq!(
            out.handle_pubrec(id, ReasonCode::SUCCESS),
            PubRec::Release('a')
        );
        assert_eq!(
            out.handle_pubrec(id, ReasonCode::SUCCESS),
            PubRec::ReleaseAgain
        );
        assert_eq!(out.in_flight(), 1);
        assert!(out.handle_pubcomp(id));
        assert_eq!(out.in_flight(), 0);
    }

    #[test]
    fn a_refused_qos_2_message_frees_its_id_and_quota() {
        let mut out = Outgoing::new(1);
        let id = out.publish(QoS::ExactlyOnce, 'a').unwrap();
        assert_eq!(out.publish(QoS::AtLeastOnce, 'b'), Err('b'));
        assert_eq!(
            out.handle_pubrec(id, ReasonCode::QUOTA_EXCEEDED),
            PubRec::Refused('a')
        );
        assert_eq!(out.quota(), 1);
    }

    #[test]
    fn resend_keeps_the_order_and_forgets_what_is_acknowledged() {
        let mut out = Outgoing::new(10);
        let a = out.publish(QoS::AtLeastOnce, 'a').unwrap();
        let b = out.publish(QoS::ExactlyOnce, 'b').unwrap();
        let c = out.publish(QoS::AtLeastOnce, 'c').unwrap();
        let d = out.publish(QoS::ExactlyOnce, 'd').unwrap();
        out.handle_puback(a);
        out.handle_pubrec(b, ReasonCode::SUCCESS);
        out.resume(10);
        assert_eq!(
            out.resend().collect::<Vec<_>>(),
            [
                Resend::PubRel(b),
                Resend::Publish(c, QoS::AtLeastOnce, &'c'),
                Resend::Publish(d, QoS::ExactlyOnce, &'d'),
            ]
        );
    }

    #[test]
    fn a_smaller_receive_maximum_binds_what_is_sent_again() {
        let mut out = Outgoing::new(10);
        let a = out.publish(QoS::ExactlyOnce, 'a').unwrap();
        let b = out.publish(QoS::AtLeastOnce, 'b').unwrap();
        let c = out.publish(QoS::AtLeastOnce, 'c').unwrap();
        let d = out.publish(QoS::AtLeastOnce, 'd').unwrap();
        out.handle_pubrec(a, ReasonCode::SUCCESS);
        out.resume(2);
        assert_eq!(out.next_resend(), Some(Resend::PubRel(a)));
        assert_eq!(
            out.next_resend(),
            Some(Resend::Publish(b, QoS::AtLeastOnce, &'b'))
        );
        assert_eq!(out.next_resend(), None);
        assert_eq!(out.publish(QoS::AtLeastOnce, 'e'), Err('e'));
        // A late acknowledgement of the old connection's sending.
        assert_eq!(out.handle_puback(c), Some('c'));
        assert_eq!(out.next_resend(), None);
        assert!(out.handle_pubcomp(a));
        assert_eq!(
            out.next_resend(),
            Some(Resend::Publish(d, QoS::AtLeastOnce, &'d'))
        );
        assert_eq!(out.next_resend(), None);
        assert_eq!(out.quota(), 0);
        assert_eq!(out.handle_puback(b), Some('b'));
        assert_eq!(out.quota(), 1);
        // A further reconnect begins anew.
        out.resume(2);
        assert_eq!(
            out.next_resend(),
            Some(Resend::Publish(d, QoS::AtLeastOnce, &'d'))
        );
    }

    #[test]
    fn a_message_that_hangs_does_not_grow_the_queue() {
        let mut out = Outgoing::new(10);
        out.publish(QoS::AtLeastOnce, ()).unwrap();
        for _ in 0..10_000 {
            let id = out.publish(QoS::AtLeastOnce, ()).unwrap();
            out.handle_puback(id).unwrap();
        }
        assert!(out.order.len() < 100);
        assert_eq!(out.resend().count(), 1);
    }

    #[test]
    fn ids_wrap_past_those_in_use_and_never_reach_zero() {
        let mut out = Outgoing::new(u16::MAX);
        let first = out.publish(QoS::AtLeastOnce, ()).unwrap();
        let request = out.request().unwrap();
        for _ in 0..u16::MAX - 2 {
            let id = out.publish(QoS::AtLeastOnce, ()).unwrap();
            assert_ne!(id, 0);
            assert_eq!(out.handle_puback(id), Some(()));
        }
        let next = out.publish(QoS::AtLeastOnce, ()).unwrap();
        assert!(next != first && next != request && next != 0);
    }

    #[test]
    fn when_every_id_is_taken_the_message_comes_back() {
        let mut out = Outgoing::new(u16::MAX);
        for _ in 0..u16::MAX {
            out.publish(QoS::AtLeastOnce, ()).unwrap();
        }
        assert_eq!(out.publish(QoS::AtLeastOnce, ()), Err(()));
        assert_eq!(out.request(), None);
    }

    #[test]
    fn a_qos_2_repeat_is_not_delivered_twice_until_released() {
        let mut incoming = Incoming::new(10);
        assert_eq!(
            incoming.handle_publish(QoS::ExactlyOnce, 5),
            Received::Deliver
        );
        assert_eq!(
            incoming.handle_publish(QoS::ExactlyOnce, 5),
            Received::Duplicate
        );
        incoming.resume(10);
        assert_eq!(
            incoming.handle_publish(QoS::ExactlyOnce, 5),
            Received::Duplicate
        );
        assert!(incoming.handle_pubrel(5));
        assert!(!incoming.handle_pubrel(5));
        assert_eq!(
            incoming.handle_publish(QoS::ExactlyOnce, 5),
            Received::Deliver
        );
    }

    #[test]
    fn the_receive_maximum_binds_qos_1_and_2_together() {
        let mut incoming = Incoming::new(2);
        assert_eq!(
            incoming.handle_publish(QoS::AtLeastOnce, 1),
            Received::Deliver
        );
        assert_eq!(
            incoming.handle_publish(QoS::ExactlyOnce, 2),
            Received::Deliver
        );
        assert_eq!(
            incoming.handle_publish(QoS::AtLeastOnce, 3),
            Received::QuotaExceeded
        );
        assert_eq!(
            incoming.handle_publish(QoS::AtMostOnce, 0),
            Received::Deliver
        );
        incoming.acknowledge();
        assert_eq!(
            incoming.handle_publish(QoS::AtLeastOnce, 3),
            Received::Deliver
        );
    }
}
