//! rumqttc's 5.0 client.

use std::time::Duration;

use bytes::Bytes;
use rumqttc::NetworkOptions;
use rumqttc::Outgoing;
use rumqttc::v5::mqttbytes::QoS as TheirQoS;
use rumqttc::v5::mqttbytes::v5::{
    ConnAck, ConnectProperties, ConnectReturnCode, Filter, LastWill, Packet, PubAckReason,
    PubRecReason, Publish, PublishProperties, RetainForwardRule, SubscribeReasonCode,
};
use rumqttc::v5::{AsyncClient, ConnectionError, Event, EventLoop, MqttOptions, StateError};

use super::event_loop::{Ended, Happened};
use super::options::{check_options, credentials, in_flight, unsupported, whole_seconds};
use super::{NAME, REQUESTS};
use super::{connected, refusal, topic};
use crate::client::error::{ConnectError, PublishError};
use crate::client::event::{Connected, ServerLimits};
use crate::client::message::{Message, Publication};
use crate::client::options::ConnectOptions;
use crate::mqtt::packet::SubscriptionOptions;
use crate::mqtt::property::Value;
use crate::mqtt::{
    PacketType, Properties, PropertiesBuf, PropertyId, QoS, ReasonCode, Version, varint,
};

/// Keep Alives under this make rumqttc panic.
const MIN_KEEP_ALIVE: u16 = 5;

pub(super) fn client(
    connect: &ConnectOptions,
    host: &str,
    port: u16,
    timeout: Duration,
) -> Result<(AsyncClient, EventLoop), ConnectError> {
    check_options(connect)?;
    if connect.keep_alive < MIN_KEEP_ALIVE {
        return Err(unsupported("a keep alive under 5 s in MQTT 5.0"));
    }
    let mut options = MqttOptions::new(connect.client_id.clone(), host, port);
    options
        .set_keep_alive(Duration::from_secs(u64::from(connect.keep_alive)))
        .set_clean_start(connect.clean_start)
        .set_connection_timeout(whole_seconds(timeout))
        .set_outgoing_inflight_upper_limit(in_flight(connect));
    let mut network = NetworkOptions::new();
    network.set_tcp_nodelay(true);
    options.set_network_options(network);
    if let Some((username, password)) = credentials(connect)? {
        options.set_credentials(username, password);
    }
    if let Some(will) = &connect.will {
        let topic = will.topic.as_str();
        let payload = will.payload.to_vec();
        options.set_last_will(LastWill::new(
            topic,
            payload,
            qos(will.qos),
            will.retain,
            None,
        ));
    }
    options.set_connect_properties(connect_properties(connect.properties.as_properties())?);
    Ok(AsyncClient::new(options, REQUESTS))
}

/// What a step of its event loop means; `None` for what does not matter here.
pub(super) fn happened(
    step: Result<Event, ConnectionError>,
    connect: &ConnectOptions,
) -> Option<Happened> {
    match step {
        Ok(Event::Incoming(Packet::ConnAck(connack))) => {
            Some(Happened::Connected(Box::new(accepted(connect, &connack))))
        }
        Ok(event) => translate(event),
        Err(error) => Some(Happened::Ended(ended(error))),
    }
}

/// Whether there was room.
pub(super) fn publish(
    client: &AsyncClient,
    publication: &Publication,
) -> Result<bool, PublishError> {
    let topic = publication.topic.as_str();
    let payload = publication.payload.to_vec();
    let (qos, retain) = (qos(publication.qos), publication.retain);
    let properties = publication.properties.as_properties();
    let sent = match properties.is_empty() {
        true => client.try_publish(topic, qos, retain, payload),
        false => {
            let properties = publish_properties(properties)?;
            client.try_publish_with_properties(topic, qos, retain, payload, properties)
        }
    };
    Ok(sent.is_ok())
}

/// Whether there was room.
pub(super) fn subscribe(client: &AsyncClient, filters: &[(&str, SubscriptionOptions)]) -> bool {
    let filters = filters.iter().map(|(filter, options)| Filter {
        path: (*filter).to_owned(),
        qos: qos(options.qos),
        nolocal: options.no_local,
        preserve_retain: options.retain_as_published,
        retain_forward_rule: match options.retain_handling {
            0 => RetainForwardRule::OnEverySubscribe,
            1 => RetainForwardRule::OnNewSubscribe,
            _ => RetainForwardRule::Never,
        },
    });
    client.try_subscribe_many(filters).is_ok()
}

fn connect_properties(properties: Properties<'_>) -> Result<ConnectProperties, ConnectError> {
    let mut theirs = ConnectProperties::new();
    // Without this rumqttc takes packets up to 10 KiB only.
    theirs.max_packet_size = Some(varint::MAX);
    for property in properties {
        let number = property.value.number();
        let short = number.and_then(|n| u16::try_from(n).ok());
        match property.id {
            PropertyId::SESSION_EXPIRY_INTERVAL => theirs.session_expiry_interval = number,
            PropertyId::RECEIVE_MAXIMUM => theirs.receive_maximum = short,
            PropertyId::MAXIMUM_PACKET_SIZE => theirs.max_packet_size = number,
            PropertyId::TOPIC_ALIAS_MAXIMUM => theirs.topic_alias_max = short,
            id => return Err(unsupported(&format!("the property {id} of CONNECT"))),
        }
    }
    Ok(theirs)
}

fn publish_properties(properties: Properties<'_>) -> Result<PublishProperties, PublishError> {
    let mut theirs = PublishProperties::default();
    for property in properties {
        let number = property.value.number();
        let text = || {
            let bytes = property.value.bytes().unwrap_or_default();
            Some(String::from_utf8_lossy(bytes).into_owned())
        };
        match (property.id, property.value) {
            (PropertyId::PAYLOAD_FORMAT_INDICATOR, _) => {
                theirs.payload_format_indicator = number.and_then(|n| u8::try_from(n).ok());
            }
            (PropertyId::MESSAGE_EXPIRY_INTERVAL, _) => theirs.message_expiry_interval = number,
            (PropertyId::CONTENT_TYPE, _) => theirs.content_type = text(),
            (PropertyId::RESPONSE_TOPIC, _) => theirs.response_topic = text(),
            (PropertyId::CORRELATION_DATA, Value::Binary(bytes)) => {
                theirs.correlation_data = Some(Bytes::copy_from_slice(bytes));
            }
            (PropertyId::USER_PROPERTY, Value::Pair(name, value)) => {
                let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
                theirs.user_properties.push((text(name), text(value)));
            }
            (id, _) => {
                return Err(PublishError::Unsupported {
                    engine: NAME,
                    what: format!("the property {id} of PUBLISH"),
                });
            }
        }
    }
    Ok(theirs)
}

fn accepted(connect: &ConnectOptions, connack: &ConnAck) -> Connected {
    let mut limits = ServerLimits::NONE;
    let mut accepted = connected(connect, connack.session_present, limits);
    if let Some(properties) = &connack.properties {
        limits.receive_maximum = properties.receive_max.unwrap_or(u16::MAX);
        limits.maximum_packet_size = properties.max_packet_size;
        limits.maximum_qos = properties
            .max_qos
            .and_then(QoS::from_u8)
            .unwrap_or(QoS::ExactlyOnce);
        limits.retain_available = properties.retain_available != Some(0);
        limits.topic_alias_maximum = properties.topic_alias_max.unwrap_or(0);
        if let Some(id) = &properties.assigned_client_identifier {
            accepted.client_id = id.as_str().into();
        }
        if let Some(seconds) = properties.server_keep_alive {
            accepted.keep_alive = seconds;
        }
    }
    accepted.limits = limits;
    accepted
}

fn translate(event: Event) -> Option<Happened> {
    Some(match event {
        Event::Incoming(packet) => match packet {
            Packet::Publish(publish) => Happened::Message(Box::new(message(publish)?)),
            Packet::PubAck(ack) => {
                let text = ack.properties.and_then(|p| p.reason_string);
                Happened::PubAck(ack.pkid, (puback_reason(ack.reason), text))
            }
            Packet::PubRec(ack) => {
                let text = ack.properties.and_then(|p| p.reason_string);
                Happened::PubRec(ack.pkid, (pubrec_reason(ack.reason), text))
            }
            Packet::PubRel(ack) => Happened::PubRel(ack.pkid),
            Packet::PubComp(ack) => Happened::PubComp(ack.pkid),
            Packet::SubAck(ack) => {
                let text = ack.properties.and_then(|p| p.reason_string);
                let codes = ack.return_codes.iter().map(suback_reason);
                Happened::SubAck(ack.pkid, codes.collect(), text)
            }
            _ => return None,
        },
        Event::Outgoing(Outgoing::Publish(id)) => Happened::SentPublish(id),
        Event::Outgoing(Outgoing::Subscribe(id)) => Happened::SentSubscribe(id),
        Event::Outgoing(Outgoing::Disconnect) => Happened::SentDisconnect,
        Event::Outgoing(_) => return None,
    })
}

fn message(publish: Publish) -> Option<Message> {
    let mut properties = PropertiesBuf::new();
    if let Some(theirs) = &publish.properties {
        // Each was read from a packet, so each fits.
        let mut push = |id, value: Option<Value<'_>>| {
            if let Some(value) = value {
                let _ = properties.push(id, value);
            }
        };
        push(
            PropertyId::PAYLOAD_FORMAT_INDICATOR,
            theirs.payload_format_indicator.map(Value::Byte),
        );
        push(
            PropertyId::MESSAGE_EXPIRY_INTERVAL,
            theirs.message_expiry_interval.map(Value::U32),
        );
        let text = |text: &Option<String>| text.as_deref().map(str::as_bytes).map(<[u8]>::to_vec);
        let content_type = text(&theirs.content_type);
        let response_topic = text(&theirs.response_topic);
        push(
            PropertyId::CONTENT_TYPE,
            content_type.as_deref().map(Value::Str),
        );
        push(
            PropertyId::RESPONSE_TOPIC,
            response_topic.as_deref().map(Value::Str),
        );
        push(
            PropertyId::CORRELATION_DATA,
            theirs.correlation_data.as_deref().map(Value::Binary),
        );
        for &id in &theirs.subscription_identifiers {
            let id = u32::try_from(id).ok().map(Value::VarInt);
            push(PropertyId::SUBSCRIPTION_IDENTIFIER, id);
        }
        for (name, value) in &theirs.user_properties {
            let pair = Value::Pair(name.as_bytes(), value.as_bytes());
            push(PropertyId::USER_PROPERTY, Some(pair));
        }
    }
    Some(Message {
        topic: topic(publish.topic)?,
        payload: publish.payload,
        qos: QoS::from_u8(publish.qos as u8)?,
        retain: publish.retain,
        dup: publish.dup,
        packet_id: publish.pkid,
        properties,
    })
}

fn ended(error: ConnectionError) -> Ended {
    match error {
        ConnectionError::ConnectionRefused(code)
        | ConnectionError::MqttState(StateError::ConnFail { reason: code }) => {
            let reason = connack_reason(code);
            Ended::Refused(refusal(PacketType::CONNACK, Version::V5, reason.0, reason))
        }
        ConnectionError::MqttState(StateError::ServerDisconnect {
            reason_code,
            reason_string,
        }) => {
            let code = reason_code as u8;
            let reason = ReasonCode(code);
            let mut refusal = refusal(PacketType::DISCONNECT, Version::V5, code, reason);
            refusal.reason_string = reason_string;
            Ended::Disconnected(refusal)
        }
        ConnectionError::Io(error) | ConnectionError::MqttState(StateError::Io(error)) => {
            Ended::Io(error)
        }
        ConnectionError::MqttState(StateError::ConnectionAborted) => {
            Ended::Io(std::io::ErrorKind::ConnectionAborted.into())
        }
        ConnectionError::Timeout(_) => Ended::Timeout,
        ConnectionError::MqttState(StateError::Deserialization(error)) => {
            Ended::Other(error.to_string())
        }
        ConnectionError::MqttState(error) => Ended::Other(error.to_string()),
        other => Ended::Other(other.to_string()),
    }
}

fn qos(qos: QoS) -> TheirQoS {
    match qos {
        QoS::AtMostOnce => TheirQoS::AtMostOnce,
        QoS::AtLeastOnce => TheirQoS::AtLeastOnce,
        QoS::ExactlyOnce => TheirQoS::ExactlyOnce,
    }
}

fn connack_reason(code: ConnectReturnCode) -> ReasonCode {
    use ConnectReturnCode as C;
    match code {
        C::Success => ReasonCode::SUCCESS,
        // The codes of 3.1.1, which a server that does not know 5.0 answers with.
        C::RefusedProtocolVersion | C::UnsupportedProtocolVersion => {
            ReasonCode::UNSUPPORTED_PROTOCOL_VERSION
        }
        C::BadClientId | C::ClientIdentifierNotValid => ReasonCode::CLIENT_IDENTIFIER_NOT_VALID,
        C::ServiceUnavailable | C::ServerUnavailable => ReasonCode::SERVER_UNAVAILABLE,
        C::UnspecifiedError => ReasonCode::UNSPECIFIED_ERROR,
        C::MalformedPacket => ReasonCode::MALFORMED_PACKET,
        C::ProtocolError => ReasonCode::PROTOCOL_ERROR,
        C::ImplementationSpecificError => ReasonCode::IMPLEMENTATION_SPECIFIC_ERROR,
        C::BadUserNamePassword => ReasonCode::BAD_USER_NAME_OR_PASSWORD,
        C::NotAuthorized => ReasonCode::NOT_AUTHORIZED,
        C::ServerBusy => ReasonCode::SERVER_BUSY,
        C::Banned => ReasonCode::BANNED,
        C::BadAuthenticationMethod => ReasonCode::BAD_AUTHENTICATION_METHOD,
        C::TopicNameInvalid => ReasonCode::TOPIC_NAME_INVALID,
        C::PacketTooLarge => ReasonCode::PACKET_TOO_LARGE,
        C::QuotaExceeded => ReasonCode::QUOTA_EXCEEDED,
        C::PayloadFormatInvalid => ReasonCode::PAYLOAD_FORMAT_INVALID,
        C::RetainNotSupported => ReasonCode::RETAIN_NOT_SUPPORTED,
        C::QoSNotSupported => ReasonCode::QOS_NOT_SUPPORTED,
        C::UseAnotherServer => ReasonCode::USE_ANOTHER_SERVER,
        C::ServerMoved => ReasonCode::SERVER_MOVED,
        C::ConnectionRateExceeded => ReasonCode::CONNECTION_RATE_EXCEEDED,
    }
}

fn puback_reason(reason: PubAckReason) -> ReasonCode {
    use PubAckReason as R;
    match reason {
        R::Success => ReasonCode::SUCCESS,
        R::NoMatchingSubscribers => ReasonCode::NO_MATCHING_SUBSCRIBERS,
        R::UnspecifiedError => ReasonCode::UNSPECIFIED_ERROR,
        R::ImplementationSpecificError => ReasonCode::IMPLEMENTATION_SPECIFIC_ERROR,
        R::NotAuthorized => ReasonCode::NOT_AUTHORIZED,
        R::TopicNameInvalid => ReasonCode::TOPIC_NAME_INVALID,
        R::PacketIdentifierInUse => ReasonCode::PACKET_IDENTIFIER_IN_USE,
        R::QuotaExceeded => ReasonCode::QUOTA_EXCEEDED,
        R::PayloadFormatInvalid => ReasonCode::PAYLOAD_FORMAT_INVALID,
    }
}

fn pubrec_reason(reason: PubRecReason) -> ReasonCode {
    use PubRecReason as R;
    match reason {
        R::Success => ReasonCode::SUCCESS,
        R::NoMatchingSubscribers => ReasonCode::NO_MATCHING_SUBSCRIBERS,
        R::UnspecifiedError => ReasonCode::UNSPECIFIED_ERROR,
        R::ImplementationSpecificError => ReasonCode::IMPLEMENTATION_SPECIFIC_ERROR,
        R::NotAuthorized => ReasonCode::NOT_AUTHORIZED,
        R::TopicNameInvalid => ReasonCode::TOPIC_NAME_INVALID,
        R::PacketIdentifierInUse => ReasonCode::PACKET_IDENTIFIER_IN_USE,
        R::QuotaExceeded => ReasonCode::QUOTA_EXCEEDED,
        R::PayloadFormatInvalid => ReasonCode::PAYLOAD_FORMAT_INVALID,
    }
}

fn suback_reason(reason: &SubscribeReasonCode) -> ReasonCode {
    use SubscribeReasonCode as R;
    match reason {
        R::Success(qos) => ReasonCode(*qos as u8),
        R::Failure | R::Unspecified => ReasonCode::UNSPECIFIED_ERROR,
        R::ImplementationSpecific => ReasonCode::IMPLEMENTATION_SPECIFIC_ERROR,
        R::NotAuthorized => ReasonCode::NOT_AUTHORIZED,
        R::TopicFilterInvalid => ReasonCode::TOPIC_FILTER_INVALID,
        R::PkidInUse => ReasonCode::PACKET_IDENTIFIER_IN_USE,
        R::QuotaExceeded => ReasonCode::QUOTA_EXCEEDED,
        R::SharedSubscriptionsNotSupported => ReasonCode::SHARED_SUBSCRIPTIONS_NOT_SUPPORTED,
        R::SubscriptionIdNotSupported => ReasonCode::SUBSCRIPTION_IDENTIFIERS_NOT_SUPPORTED,
        R::WildcardSubscriptionsNotSupported => ReasonCode::WILDCARD_SUBSCRIPTIONS_NOT_SUPPORTED,
    }
}
