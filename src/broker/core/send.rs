//! Messages that wait, on their way through a client's Receive Maximum and its network.

use super::connection::Connection;
use super::deliver::session_and_connection;
use super::journal::Journal;
use super::memory::{Level, MODEST_WINDOW};
use super::output::Output;
use super::session::{Outbound, Session};
use super::{Config, Core, SessionId, Time};
use crate::mqtt::flow::Resend;
use crate::mqtt::packet::{Ack, AckKind, Publish};
use crate::mqtt::{Packet, QoS, ReasonCode};

impl Core {
    /// Sends what waits for as long as the client's quota and its network take it: after a
    /// reconnect first what is unacknowledged, in its order (`[MQTT-4.4.0-1]`), then queued
    /// messages. To be called whenever an acknowledgement or writing has made room.
    pub(super) fn pump(&mut self, now: Time, session: SessionId) {
        let Some((session, connection)) =
            session_and_connection(&mut self.sessions, &mut self.connections, session)
        else {
            return;
        };
        let mut dropped = Vec::new();
        while !connection.is_congested(&self.config)
            && let Some(resend) = session.outgoing.next_resend()
        {
            dropped.extend(send_again(&mut self.output, now, connection, &resend));
        }
        session.forget(&mut self.journal, dropped);
        while may_send(&self.config, session, connection)
            && let Some(outbound) = session.dequeue()
        {
            self.journal.dequeued(session, &outbound);
            let way = (&mut self.output, &mut self.journal);
            send_new(way, now, session, connection, outbound);
        }
        session.recharge();
    }
}

/// Whether a QoS 1 or 2 message may go out now (`[MQTT-4.9.0-2]`).
pub(super) fn may_send(config: &Config, session: &Session, connection: &Connection) -> bool {
    session.outgoing.quota() > 0
        && (session.outgoing.in_flight() < MODEST_WINDOW || !session.charge.is(Level::Half))
        && !connection.is_congested(config)
        && (config.max_inflight_bytes == usize::MAX
            || session.outgoing.in_flight() == 0
            || session.in_flight_bytes() < config.max_inflight_bytes)
}

/// Sends a QoS 1 or 2 message for the first time, unless it has expired (`[MQTT-3.3.2-5]`) or is
/// too large for the client (`[MQTT-3.1.2-25]`): then it counts as delivered.
pub(super) fn send_new(
    (output, journal): (&mut Output, &mut Journal),
    now: Time,
    session: &mut Session,
    connection: &mut Connection,
    outbound: Outbound,
) {
    if outbound.message.is_expired(now) || !fits(now, connection, &outbound) {
        return;
    }
    if outbound.qos == QoS::AtMostOnce {
        send_publish(output, now, connection, &outbound, 0, false);
        return;
    }
    // [MQTT-2.2.1-4]; the caller has looked at the quota.
    if let Ok(packet_id) = session.outgoing.publish(outbound.qos, outbound.clone()) {
        journal.sent(session, packet_id, &outbound);
        send_publish(output, now, connection, &outbound, packet_id, false);
    }
}

/// Gives back the message that is too large for the new connection's Maximum Packet Size.
fn send_again(
    output: &mut Output,
    now: Time,
    connection: &mut Connection,
    resend: &Resend<'_, Outbound>,
) -> Option<(u16, QoS)> {
    match *resend {
        Resend::Publish(packet_id, qos, outbound) => {
            let sent = send_publish(output, now, connection, outbound, packet_id, true);
            (!sent).then_some((packet_id, qos))
        }
        Resend::PubRel(packet_id) => {
            let ack = Ack::new(AckKind::PubRel, packet_id, ReasonCode::SUCCESS);
            output.send_packet(connection, &Packet::Ack(ack));
            None
        }
    }
}

/// Whether the client takes a packet of that size.
fn send_publish(
    output: &mut Output,
    now: Time,
    connection: &mut Connection,
    outbound: &Outbound,
    packet_id: u16,
    dup: bool,
) -> bool {
    let properties = outbound.message.properties(now, &outbound.subscription_ids);
    let publish = outbound.packet(connection, packet_id, dup, properties.as_properties());
    output.send_publish(connection, publish)
}

fn fits(now: Time, connection: &Connection, outbound: &Outbound) -> bool {
    if connection.max_packet_size == usize::MAX {
        return true;
    }
    let properties = outbound.message.properties(now, &outbound.subscription_ids);
    let publish = outbound.packet(connection, 1, false, properties.as_properties());
    crate::mqtt::encode::publish_len(&publish, connection.version) <= connection.max_packet_size
}

impl Outbound {
    fn packet<'a>(
        &'a self,
        connection: &Connection,
        packet_id: u16,
        dup: bool,
        properties: crate::mqtt::Properties<'a>,
    ) -> Publish<'a> {
        Publish {
            dup,
            qos: self.qos,
            retain: self.retain,
            topic: connection.unmounted(&self.message.topic),
            packet_id,
            properties,
            payload: &self.message.payload,
        }
    }
}
