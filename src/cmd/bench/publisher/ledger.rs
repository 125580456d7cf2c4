//! Messages that wait for their acknowledgement.

use super::super::stage::Stage;
use super::super::unanswered::Unanswered;
use crate::client::{Token, Visitor};
use crate::mqtt::packet::Publish;
use crate::mqtt::{PacketType, QoS, ReasonCode, Version};

/// What is known of messages that are on their way.
pub(super) struct Ledger<'s> {
    pub(super) stage: &'s Stage,
    /// Of the publisher in the figures of its worker.
    pub(super) index: usize,
    pub(super) qos: QoS,
    pub(super) version: Version,
    /// Whether it has times to keep.
    pub(super) is_paced: bool,
    pub(super) fan_out: u64,
    pub(super) unanswered: Unanswered,
    /// When what is looked at now came; read when the first of it is.
    pub(super) now: Option<u64>,
}

impl Ledger<'_> {
    /// Nothing more is awaited: what has no answer has waited until now.
    pub(super) fn give_up(&mut self) {
        let now = self.stage.now();
        let mut stats = self.stage.stats.borrow_mut();
        for times in self.unanswered.take_all() {
            stats.handle_unanswered(self.qos, times, now, self.is_paced);
        }
    }
}

impl Visitor for Ledger<'_> {
    fn message(&mut self, _: &Publish<'_>) {}

    #[inline]
    fn published(&mut self, token: Token, reason: ReasonCode) {
        let stage = self.stage;
        let now = *self.now.get_or_insert_with(|| stage.now());
        let Some(times) = self.unanswered.remove(token) else {
            return;
        };
        let counters = stage.counters();
        let mut stats = stage.stats.borrow_mut();
        if reason.is_error() {
            let packet = match self.qos {
                QoS::ExactlyOnce => PacketType::PUBREC,
                QoS::AtMostOnce | QoS::AtLeastOnce => PacketType::PUBACK,
            };
            stats.handle_refusal(self.index, times.number, packet, self.version, reason);
            counters.refused.add(1);
            counters.errors.add(1);
            counters.expected.sub(self.fan_out);
            counters.unsure.add(self.fan_out);
        } else {
            let uncorrected = self.is_paced.then(|| now.saturating_sub(times.sent));
            let latency = now.saturating_sub(times.due);
            stats.handle_ack(self.index, self.qos, latency, uncorrected);
            counters.acknowledged.add(1);
        }
    }
}
