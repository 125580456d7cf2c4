//! rumqttc's 3.1.1 client.

use std::time::Duration;

use bytes::Bytes;
use rumqttc::{
    AsyncClient, ConnectReturnCode, ConnectionError, Event, EventLoop, LastWill, MqttOptions,
    NetworkOptions, Outgoing, Packet, StateError, SubscribeFilter, SubscribeReasonCode,
};

use super::REQUESTS;
use super::event_loop::{Ended, Happened};
use super::options::{check_options, credentials, in_flight, whole_seconds};
use super::{connected, refusal, topic};
use crate::client::error::ConnectError;
use crate::client::event::ServerLimits;
use crate::client::message::{Message, Publication};
use crate::client::options::ConnectOptions;
use crate::mqtt::frame::MAX_PACKET_SIZE;
use crate::mqtt::packet::SubscriptionOptions;
use crate::mqtt::{PacketType, PropertiesBuf, QoS, ReasonCode, Version};

pub(super) fn client(
    connect: &ConnectOptions,
    host: &str,
    port: u16,
    timeout: Duration,
) -> Result<(AsyncClient, EventLoop), ConnectError> {
    check_options(connect)?;
    let mut options = MqttOptions::new(connect.client_id.clone(), host, port);
    options
        .set_keep_alive(Duration::from_secs(u64::from(connect.keep_alive)))
        .set_clean_session(connect.clean_start)
        .set_max_packet_size(MAX_PACKET_SIZE, MAX_PACKET_SIZE)
        .set_inflight(in_flight(connect));
    if let Some((username, password)) = credentials(connect)? {
        options.set_credentials(username, password);
    }
    if let Some(will) = &connect.will {
        let topic = will.topic.as_str();
        let payload = will.payload.to_vec();
        options.set_last_will(LastWill::new(topic, payload, qos(will.qos), will.retain));
    }
    let (client, mut event_loop) = AsyncClient::new(options, REQUESTS);
    let mut network = NetworkOptions::new();
    network.set_tcp_nodelay(true);
    network.set_connection_timeout(whole_seconds(timeout));
    event_loop.set_network_options(network);
    Ok((client, event_loop))
}

/// What a step of its event loop means; `None` for what does not matter here.
pub(super) fn happened(
    step: Result<Event, ConnectionError>,
    connect: &ConnectOptions,
) -> Option<Happened> {
    match step {
        Ok(Event::Incoming(Packet::ConnAck(connack))) => {
            let present = connack.session_present;
            let connected = connected(connect, present, ServerLimits::NONE);
            Some(Happened::Connected(Box::new(connected)))
        }
        Ok(event) => translate(event),
        Err(error) => Some(Happened::Ended(ended(error))),
    }
}

/// Whether there was room.
pub(super) fn publish(client: &AsyncClient, publication: &Publication) -> bool {
    let topic = publication.topic.as_str();
    let payload = publication.payload.to_vec();
    client
        .try_publish(topic, qos(publication.qos), publication.retain, payload)
        .is_ok()
}

/// Whether there was room.
pub(super) fn subscribe(client: &AsyncClient, filters: &[(&str, SubscriptionOptions)]) -> bool {
    let filters = filters
        .iter()
        .map(|(filter, options)| SubscribeFilter::new((*filter).to_owned(), qos(options.qos)));
    client.try_subscribe_many(filters).is_ok()
}

fn translate(event: Event) -> Option<Happened> {
    let success = || (ReasonCode::SUCCESS, None);
    Some(match event {
        Event::Incoming(packet) => match packet {
            Packet::Publish(publish) => Happened::Message(Box::new(Message {
                topic: topic(Bytes::from(publish.topic))?,
                payload: publish.payload,
                qos: QoS::from_u8(publish.qos as u8)?,
                retain: publish.retain,
                dup: publish.dup,
                packet_id: publish.pkid,
                properties: PropertiesBuf::new(),
            })),
            Packet::PubAck(ack) => Happened::PubAck(ack.pkid, success()),
            Packet::PubRec(ack) => Happened::PubRec(ack.pkid, success()),
            Packet::PubRel(ack) => Happened::PubRel(ack.pkid),
            Packet::PubComp(ack) => Happened::PubComp(ack.pkid),
            Packet::SubAck(ack) => {
                let codes = ack.return_codes.iter().map(|code| match code {
                    SubscribeReasonCode::Success(qos) => ReasonCode(*qos as u8),
                    SubscribeReasonCode::Failure => ReasonCode::UNSPECIFIED_ERROR,
                });
                Happened::SubAck(ack.pkid, codes.collect(), None)
            }
            _ => return None,
        },
        Event::Outgoing(Outgoing::Publish(id)) => Happened::SentPublish(id),
        Event::Outgoing(Outgoing::Subscribe(id)) => Happened::SentSubscribe(id),
        Event::Outgoing(Outgoing::Disconnect) => Happened::SentDisconnect,
        Event::Outgoing(_) => return None,
    })
}

fn ended(error: ConnectionError) -> Ended {
    match error {
        ConnectionError::ConnectionRefused(code) => {
            let code = match code {
                ConnectReturnCode::Success => 0,
                ConnectReturnCode::RefusedProtocolVersion => 1,
                ConnectReturnCode::BadClientId => 2,
                ConnectReturnCode::ServiceUnavailable => 3,
                ConnectReturnCode::BadUserNamePassword => 4,
                ConnectReturnCode::NotAuthorized => 5,
            };
            let reason = ReasonCode::from_return_code(code);
            Ended::Refused(refusal(PacketType::CONNACK, Version::V311, code, reason))
        }
        ConnectionError::Io(error) | ConnectionError::MqttState(StateError::Io(error)) => {
            Ended::Io(error)
        }
        ConnectionError::NetworkTimeout => Ended::Timeout,
        ConnectionError::MqttState(StateError::Deserialization(error)) => {
            Ended::Other(error.to_string())
        }
        ConnectionError::MqttState(error) => Ended::Other(error.to_string()),
        other => Ended::Other(other.to_string()),
    }
}

fn qos(qos: QoS) -> rumqttc::QoS {
    match qos {
        QoS::AtMostOnce => rumqttc::QoS::AtMostOnce,
        QoS::AtLeastOnce => rumqttc::QoS::AtLeastOnce,
        QoS::ExactlyOnce => rumqttc::QoS::ExactlyOnce,
    }
}
