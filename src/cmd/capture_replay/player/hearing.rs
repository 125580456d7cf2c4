//! What a session hears from the server.

use super::{Ended, Player};
use crate::client::{Event, Lost, Message, Says};
use crate::cmd::capture_replay::delivery::Delivery;
use crate::cmd::capture_replay::shared::Shared;
use crate::cmd::capture_replay::step::Number;
use crate::mqtt::QoS;
use crate::output::replay::{At, Seen};

impl Player {
    /// The broker has answered; `reply` where that is compared.
    pub(super) fn answered(&self, number: Number, reply: impl FnOnce() -> Seen) {
        if let Some(verify) = &self.shared.verify {
            verify.borrow_mut().replayed(number, reply());
        }
        self.shared.answered(number);
    }

    /// A message came, for the first time.
    fn received(&mut self, message: &Message) {
        let Shared { verify, part, .. } = &*self.shared;
        let delivery = (verify.is_some() || part.is_some()).then(|| {
            let (publish, version) = (message.as_packet(), self.connect.version());
            Delivery::new(publish.topic, publish.qos, &publish, version, At::default())
        });
        if let (Some(part), Some(delivery)) = (part, &delivery)
            && !part.borrow().may_have(self.session, delivery)
        {
            return;
        }
        self.received.set(self.received.get() + 1);
        self.shared.bell.ring();
        if let (Some(verify), Some(delivery)) = (verify, delivery) {
            if message.qos == QoS::ExactlyOnce {
                let topic = delivery.topic.clone();
                self.unreleased.insert(message.packet_id, topic);
            }
            let mut verify = verify.borrow_mut();
            verify.replayed_delivery(self.session, delivery);
        }
    }

    pub(super) fn handle(&mut self, event: Result<Event, Lost>) -> Result<(), Ended> {
        match event {
            Ok(Event::Published {
                token,
                reason,
                reason_string,
            }) => {
                if let Some(number) = self.waiting.remove(&token) {
                    self.answered(number, || Seen::Acknowledged(reason));
                }
                let mut tally = self.shared.tally.borrow_mut();
                if reason.is_error() {
                    tally.refused_by_server += 1;
                    tally.refused(reason, || {
                        let says = Says(reason_string.as_deref());
                        format!("the broker refused a message: {reason}{says}")
                    });
                } else {
                    tally.acknowledged += 1;
                }
            }
            Ok(
                Event::Subscribed { token, reasons, .. } | Event::Unsubscribed { token, reasons },
            ) => {
                if let Some(number) = self.waiting.remove(&token) {
                    self.answered(number, || Seen::Codes(reasons));
                }
            }
            Ok(Event::Message(message)) => {
                let mut tally = self.shared.tally.borrow_mut();
                tally.received += 1;
                drop(tally);
                // DUP: it came before, and was counted.
                if !message.dup {
                    self.received(&message);
                }
                if let Some(show) = &self.shared.show {
                    let version = self.connect.version();
                    let client = &self.connect.options.connect.client_id;
                    show.borrow_mut().message(client, version, &message);
                }
            }
            Ok(Event::Pong) => {
                self.is_unsettled = false;
                if std::mem::take(&mut self.is_settling) {
                    self.shared.settled(self.session);
                }
            }
            Ok(event @ (Event::Retrying { .. } | Event::Connected(_))) => {
                if let Event::Connected(_) = &event {
                    self.shared.tally.borrow_mut().reconnects += 1;
                }
                if std::mem::take(&mut self.is_settling) {
                    self.shared.settled(self.session);
                }
                self.connect.tell(&event);
            }
            Ok(_) => {}
            Err(lost) => {
                let said = match &lost {
                    Lost::Disconnected(refusal) => Some(refusal.reason),
                    _ => None,
                };
                return Err((self.connect.lost_failure(&lost), said));
            }
        }
        Ok(())
    }
}
