//! What each side says that it takes, and whether the other keeps to it: sizes, topic aliases, and
//! what CONNACK rules out. 5.0 only; before, nobody announces anything.

use rustc_hash::FxHashMap;

use super::super::packet::{Packet, Publish, Subscribe};
use super::super::packet_type::PacketType;
use super::super::property::{Properties, PropertyId};
use super::super::qos::QoS;
use super::super::rule::Rule;
use super::super::topic;
use super::super::version::Side;
use super::finding::Report;

/// Bytes of topics that aliases of one side may stand for, before they are no longer remembered.
const MAX_ALIAS_BYTES: usize = 64 * 1024;

/// What one side takes, from its CONNECT or CONNACK.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Limits {
    pub(super) receive_maximum: u16,
    pub(super) maximum_packet_size: Option<u32>,
    pub(super) topic_alias_maximum: u16,
}

impl Limits {
    pub(super) fn of(properties: Properties<'_>) -> Limits {
        let u16_of = |id| {
            properties
                .number(id)
                .and_then(|number| u16::try_from(number).ok())
        };
        Limits {
            receive_maximum: u16_of(PropertyId::RECEIVE_MAXIMUM).unwrap_or(u16::MAX),
            maximum_packet_size: properties.number(PropertyId::MAXIMUM_PACKET_SIZE),
            topic_alias_maximum: u16_of(PropertyId::TOPIC_ALIAS_MAXIMUM).unwrap_or(0),
        }
    }
}

/// What a CONNACK says that the server does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Offer {
    pub(super) maximum_qos: u8,
    pub(super) retain: bool,
    wildcards: bool,
    subscription_ids: bool,
    shared: bool,
    /// The frame of the CONNACK.
    pub(super) frame: u64,
}

impl Offer {
    pub(super) fn of(properties: Properties<'_>, frame: u64) -> Offer {
        let flag = |id| properties.number(id) != Some(0);
        Offer {
            maximum_qos: match properties.number(PropertyId::MAXIMUM_QOS) {
                Some(0) => 0,
                Some(1) => 1,
                _ => 2,
            },
            retain: flag(PropertyId::RETAIN_AVAILABLE),
            wildcards: flag(PropertyId::WILDCARD_SUBSCRIPTION_AVAILABLE),
            subscription_ids: flag(PropertyId::SUBSCRIPTION_IDENTIFIER_AVAILABLE),
            shared: flag(PropertyId::SHARED_SUBSCRIPTION_AVAILABLE),
            frame,
        }
    }

    /// A PUBLISH of the client.
    pub(super) fn check_publish(&self, publish: &Publish<'_>, report: &mut Report<'_>) {
        if publish.qos.as_u8() > self.maximum_qos {
            report.add(
                Rule::QosNotSupported,
                &[self.frame],
                format!(
                    "PUBLISH with QoS {} to a server whose CONNACK said maximum QoS {}",
                    publish.qos, self.maximum_qos
                ),
            );
        }
        if publish.retain && !self.retain {
            report.add(
                Rule::RetainNotSupported,
                &[self.frame],
                "PUBLISH with RETAIN to a server whose CONNACK said that retain is not available",
            );
        }
    }

    /// A SUBSCRIBE.
    pub(super) fn check_subscribe(&self, subscribe: &Subscribe<'_>, report: &mut Report<'_>) {
        let id = PropertyId::SUBSCRIPTION_IDENTIFIER;
        if !self.subscription_ids && subscribe.properties.get(id).is_some() {
            report.add(
                Rule::SubscriptionIdNotSupported,
                &[self.frame],
                "SUBSCRIBE with a subscription identifier to a server whose CONNACK said that they \
                 are not available",
            );
        }
        for (filter, _) in subscribe.filters.iter() {
            if !self.wildcards && topic::has_wildcard(filter) {
                report.add(
                    Rule::WildcardNotSupported,
                    &[self.frame],
                    format!(
                        "SUBSCRIBE to {} at a server whose CONNACK said that wildcards are not \
                         available",
                        topic::Quoted(filter)
                    ),
                );
            }
            if !self.shared && topic::is_shared(filter) {
                report.add(
                    Rule::SharedNotSupported,
                    &[self.frame],
                    format!(
                        "SUBSCRIBE to {} at a server whose CONNACK said that shared subscriptions \
                         are not available",
                        topic::Quoted(filter)
                    ),
                );
            }
        }
    }
}

/// Whether a packet of `from` is larger than the other side takes.
pub(super) fn check_size(
    from: Side,
    packet_type: PacketType,
    packet: Option<&Packet<'_>>,
    len: usize,
    receiver: &Limits,
    report: &mut Report<'_>,
) {
    let Some(maximum) = receiver.maximum_packet_size else {
        return;
    };
    if len as u64 <= u64::from(maximum) {
        return;
    }
    let rule = match from {
        Side::Client => Rule::PacketTooLarge,
        Side::Server => Rule::ServerPacketTooLarge,
    };
    let mut ids = Vec::new();
    let mut advice = "";
    if let Some(list) = packet.and_then(properties_of) {
        let (reason, user) = optional_text(packet_type);
        for (id, property) in [
            (reason, PropertyId::REASON_STRING),
            (user, PropertyId::USER_PROPERTY),
        ] {
            if let Some(id) = id
                && list.get(property).is_some()
            {
                ids.push(id);
                advice = "; its reason string and user properties must be left out then";
            }
        }
    }
    report.add_citing(
        rule,
        &ids,
        &[],
        format!(
            "{packet_type} of {len} bytes, and the {} takes {maximum} at most{advice}",
            from.other()
        ),
    );
}

/// The statements that forbid a Reason String and User Properties in a packet that is too large
/// with them.
fn optional_text(packet_type: PacketType) -> (Option<&'static str>, Option<&'static str>) {
    let (reason, user) = match packet_type {
        PacketType::CONNACK => ("MQTT-3.2.2-19", "MQTT-3.2.2-20"),
        PacketType::PUBACK => ("MQTT-3.4.2-2", "MQTT-3.4.2-3"),
        PacketType::PUBREC => ("MQTT-3.5.2-2", "MQTT-3.5.2-3"),
        PacketType::PUBREL => ("MQTT-3.6.2-2", "MQTT-3.6.2-3"),
        PacketType::PUBCOMP => ("MQTT-3.7.2-2", "MQTT-3.7.2-3"),
        PacketType::SUBACK => ("MQTT-3.9.2-1", "MQTT-3.9.2-2"),
        PacketType::UNSUBACK => ("MQTT-3.11.2-1", "MQTT-3.11.2-2"),
        PacketType::DISCONNECT => ("MQTT-3.14.2-3", "MQTT-3.14.2-4"),
        PacketType::AUTH => ("MQTT-3.15.2-2", "MQTT-3.15.2-3"),
        _ => return (None, None),
    };
    (Some(reason), Some(user))
}

/// The property list of a packet that has one; not that of the will.
pub(super) fn properties_of<'a>(packet: &Packet<'a>) -> Option<Properties<'a>> {
    match packet {
        Packet::Connect(connect) => Some(connect.properties),
        Packet::ConnAck(connack) => Some(connack.properties),
        Packet::Publish(publish) => Some(publish.properties),
        Packet::Ack(ack) => Some(ack.properties),
        Packet::Subscribe(request) | Packet::Unsubscribe(request) => Some(request.properties),
        Packet::SubAck(codes) | Packet::UnsubAck(codes) => Some(codes.properties),
        Packet::Disconnect(body) | Packet::Auth(body) => Some(body.properties),
        Packet::PingReq | Packet::PingResp => None,
    }
}

/// The Topic Aliases that one side uses.
#[derive(Debug, Default)]
pub(super) struct AliasUse {
    topics: FxHashMap<u16, String>,
    bytes: usize,
    /// An alias may have been given a topic without being seen.
    in_part: bool,
}

impl AliasUse {
    /// Some PUBLISH was not seen: what each alias stands for is unknown.
    pub(super) fn forget(&mut self) {
        *self = AliasUse {
            in_part: true,
            ..AliasUse::default()
        };
    }

    /// Bytes that it takes, about.
    pub(super) fn weight(&self) -> usize {
        self.bytes + self.topics.len() * 48
    }

    /// The topic of a PUBLISH of `from`, an alias resolved; `None` if it is not known. `whole`:
    /// every packet of this side was seen. `receiver`: what the other side takes, if known.
    pub(super) fn resolve<'t>(
        &'t mut self,
        from: Side,
        publish: &Publish<'t>,
        whole: bool,
        receiver: Option<&Limits>,
        report: &mut Report<'_>,
    ) -> Option<&'t str> {
        let alias = publish.properties.number(PropertyId::TOPIC_ALIAS);
        let own = (!publish.topic.is_empty()).then_some(publish.topic);
        let Some(alias) = alias.and_then(|alias| u16::try_from(alias).ok()) else {
            return own;
        };
        if let Some(limits) = receiver
            && alias > limits.topic_alias_maximum
        {
            let maximum = limits.topic_alias_maximum;
            let rule = match (from, maximum) {
                (Side::Client, 0) => Rule::TopicAliasUnwanted,
                (Side::Client, _) => Rule::TopicAliasTooHigh,
                (Side::Server, 0) => Rule::ServerTopicAliasUnwanted,
                (Side::Server, _) => Rule::ServerTopicAliasTooHigh,
            };
            report.add(
                rule,
                &[],
                match maximum {
                    0 => format!(
                        "PUBLISH with topic alias {alias}, and the {} takes none",
                        from.other()
                    ),
                    _ => format!(
                        "PUBLISH with topic alias {alias}, and the {} takes 1 to {maximum}",
                        from.other()
                    ),
                },
            );
        }
        if own.is_some() {
            self.define(alias, publish.topic);
            return own;
        }
        match self.topics.get(&alias) {
            Some(topic) => Some(topic),
            None => {
                // Alias 0 is reported with the packet.
                if alias != 0 && whole && !self.in_part {
                    report.add(
                        Rule::TopicAliasUnknown,
                        &[],
                        format!(
                            "PUBLISH with an empty topic name and topic alias {alias}, which the \
                             {from} has given no topic on this connection"
                        ),
                    );
                }
                None
            }
        }
    }

    fn define(&mut self, alias: u16, topic: &str) {
        self.bytes += topic.len();
        if let Some(old) = self.topics.insert(alias, topic.to_owned()) {
            self.bytes = self.bytes.saturating_sub(old.len());
        }
        if self.bytes > MAX_ALIAS_BYTES {
            self.forget();
        }
    }
}

/// Whether a QoS is more than `granted` allows.
pub(super) fn is_above(qos: QoS, granted: QoS) -> bool {
    qos.as_u8() > granted.as_u8()
}
