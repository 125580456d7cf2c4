//! What each packet is checked for, by its type.

use std::hash::{Hash, Hasher};

use rustc_hash::FxHasher;

use super::Connection;
use crate::mqtt::PropertyId;
use crate::mqtt::packet::{AckKind, Packet, Publish};
use crate::mqtt::qos::QoS;
use crate::mqtt::reason::ReasonCode;
use crate::mqtt::rule::Rule;
use crate::mqtt::session::delivery::{Message, Recipient};
use crate::mqtt::session::finding::Report;
use crate::mqtt::session::limits::Limits;
use crate::mqtt::session::outbox::Request;
use crate::mqtt::session::traffic::{Carried, Published};
use crate::mqtt::session::{At, Server, requests};
use crate::mqtt::version::Side;

impl Connection {
    pub(super) fn of_client(
        &mut self,
        packet: &Packet<'_>,
        has_faults: bool,
        server: &mut Server,
        report: &mut Report<'_>,
    ) {
        match packet {
            Packet::Connect(connect) => {
                self.handshake.connect(connect, has_faults, report.at);
                self.keep_alive.set(connect.keep_alive);
                if report.is_v5() {
                    self.client.limits = Some(Limits::of(connect.properties));
                }
                if connect.clean_start {
                    self.is_new();
                }
            }
            Packet::Publish(publish) => {
                if let Some(offer) = self.handshake.offer().filter(|_| report.is_v5()) {
                    offer.check_publish(publish, report);
                }
                let half = &mut self.client;
                let receiver = self.server.limits.as_ref();
                let whole = half.is_whole;
                let topic = half
                    .aliases
                    .resolve(Side::Client, publish, whole, receiver, report);
                let digest = digest(topic.unwrap_or_default(), publish.payload);
                if let (Some(topic), false) = (topic, publish.dup) {
                    let At { frame, stream, .. } = report.at;
                    server.traffic.published(
                        digest_of(topic),
                        Published {
                            digest,
                            frame,
                            time: report.at.time,
                            stream,
                            retain: publish.retain,
                            qos: publish.qos,
                            carried: report.is_v5().then(|| Carried::of(publish)),
                            number: 0,
                        },
                    );
                }
                if publish.qos != QoS::AtMostOnce {
                    half.outbox.publish(publish, digest, receiver, report);
                }
            }
            Packet::Ack(ack) => match ack.kind {
                AckKind::PubRel => self.client.outbox.release(ack, report),
                _ => self.server.outbox.answer(ack, report),
            },
            Packet::Subscribe(subscribe) => {
                if let Some(offer) = self.handshake.offer().filter(|_| report.is_v5()) {
                    offer.check_subscribe(subscribe, report);
                }
                let id = subscribe.packet_id;
                self.client.outbox.request(Request::Subscribe, id, report);
                self.subscriptions.subscribe(subscribe, report.at.frame);
            }
            Packet::Unsubscribe(unsubscribe) => {
                let id = unsubscribe.packet_id;
                self.client.outbox.request(Request::Unsubscribe, id, report);
                self.subscriptions.unsubscribe(unsubscribe, report.at.frame);
            }
            Packet::PingReq => self.pings.asked(report.at),
            Packet::Disconnect(body) => {
                self.has_failed |= body.reason.is_error();
                self.handshake.disconnect(Side::Client, body, report);
            }
            Packet::Auth(body) => self.handshake.auth(Side::Client, body, report),
            // In the wrong direction.
            Packet::ConnAck(_) | Packet::SubAck(_) | Packet::UnsubAck(_) | Packet::PingResp => {}
        }
    }

    pub(super) fn of_server(
        &mut self,
        packet: &Packet<'_>,
        server: &mut Server,
        report: &mut Report<'_>,
    ) -> bool {
        if report.is_v5() {
            self.handshake.check_problem_information(packet, report);
        }
        match packet {
            Packet::ConnAck(connack) => {
                let is_first = self.handshake.offer().is_none();
                self.handshake.connack(connack, report);
                if report.is_v5() {
                    self.server.limits = Some(Limits::of(connack.properties));
                    let id = PropertyId::SERVER_KEEP_ALIVE;
                    if let Some(seconds) = connack.properties.number(id) {
                        let seconds = u16::try_from(seconds).unwrap_or(u16::MAX);
                        self.keep_alive.set_by_server(seconds);
                    }
                }
                return is_first && self.handshake.is_accepted();
            }
            Packet::Publish(publish) => self.delivered(publish, server, report),
            Packet::Ack(ack) => match ack.kind {
                AckKind::PubRel => self.server.outbox.release(ack, report),
                _ => self.client.outbox.answer(ack, report),
            },
            Packet::SubAck(codes) => {
                let (request, id) = (Request::Subscribe, codes.packet_id);
                if self.client.outbox.answer_request(request, id, report)
                    && let Some(asked) = self.subscriptions.answered(id)
                {
                    requests::suback(&asked, codes, &mut self.subscriptions, report);
                }
            }
            Packet::UnsubAck(codes) => {
                let (request, id) = (Request::Unsubscribe, codes.packet_id);
                if self.client.outbox.answer_request(request, id, report)
                    && let Some(asked) = self.subscriptions.answered(id)
                {
                    requests::unsuback(&asked, codes, &mut self.subscriptions, report);
                }
            }
            Packet::PingResp => self.pings.answered(self.client.is_whole, report),
            Packet::Disconnect(body) => {
                self.has_failed |= body.reason.is_error();
                self.told_why(body.reason, report);
                self.handshake.disconnect(Side::Server, body, report);
            }
            Packet::Auth(body) => self.handshake.auth(Side::Server, body, report),
            // In the wrong direction.
            Packet::Connect(_)
            | Packet::Subscribe(_)
            | Packet::Unsubscribe(_)
            | Packet::PingReq => {}
        }
        false
    }

    /// The server says why it ends the connection.
    fn told_why(&self, reason: ReasonCode, report: &mut Report<'_>) {
        if let Some(since) = self.taken_over_since()
            && reason != ReasonCode::SESSION_TAKEN_OVER
        {
            report.add(
                Rule::TakenOverSilently,
                &[since.frame],
                format!(
                    "DISCONNECT with {reason} to a client whose connection was taken over: that is \
                     0x8e"
                ),
            );
        }
    }

    fn delivered(&mut self, publish: &Publish<'_>, server: &mut Server, report: &mut Report<'_>) {
        let half = &mut self.server;
        let receiver = self.client.limits.as_ref();
        let whole = half.is_whole;
        let topic = half
            .aliases
            .resolve(Side::Server, publish, whole, receiver, report);
        let digest = digest(topic.unwrap_or_default(), publish.payload);
        if let Some(topic) = topic {
            let message = Message {
                publish,
                topic,
                topic_hash: digest_of(topic),
                digest,
            };
            let to = Recipient {
                is_bridge: self.handshake.is_bridge(),
                has_backlog: half.outbox.has_backlog(),
            };
            let traffic = &server.traffic;
            self.deliveries
                .check(&message, &mut self.subscriptions, traffic, to, report);
        }
        if publish.qos != QoS::AtMostOnce {
            half.outbox.publish(publish, digest, receiver, report);
        }
    }
}

/// A number for a topic.
fn digest_of(topic: &str) -> u64 {
    let mut hasher = FxHasher::default();
    topic.hash(&mut hasher);
    hasher.finish()
}

/// A number for a message: the same for the same content.
fn digest(topic: &str, payload: &[u8]) -> u64 {
    let mut hasher = FxHasher::default();
    topic.hash(&mut hasher);
    payload.hash(&mut hasher);
    hasher.finish()
}
