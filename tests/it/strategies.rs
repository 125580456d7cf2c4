//! Random packets: every type, every version, every property where it may stand.

use midge::mqtt::packet::{
    Ack, AckKind, Codes, ConnAck, Connect, FiltersBuf, Packet, Publish, Reason, Subscribe,
    SubscriptionOptions, Will,
};
use midge::mqtt::property::{self, Kind, Range, Value, WILL};
use midge::mqtt::reason::{self, ReasonCode};
use midge::mqtt::{PacketType, PropertiesBuf, QoS, Side, Version};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

/// A packet that owns its parts, since [`Packet`] only borrows.
#[derive(Debug, Clone)]
pub(crate) struct Owned {
    pub(crate) version: Version,
    pub(crate) from: Side,
    parts: Parts,
}

#[derive(Debug, Clone)]
enum Parts {
    Connect {
        clean_start: bool,
        keep_alive: u16,
        properties: PropertiesBuf,
        client_id: String,
        will: Option<(QoS, bool, PropertiesBuf, String, Vec<u8>)>,
        username: Option<String>,
        password: Option<Vec<u8>>,
    },
    ConnAck(bool, u8, PropertiesBuf),
    Publish {
        dup: bool,
        qos: QoS,
        retain: bool,
        topic: String,
        packet_id: u16,
        properties: PropertiesBuf,
        payload: Vec<u8>,
    },
    Ack(AckKind, u16, ReasonCode, PropertiesBuf),
    Subscribe(u16, PropertiesBuf, FiltersBuf),
    Unsubscribe(u16, PropertiesBuf, FiltersBuf),
    SubAck(u16, PropertiesBuf, Vec<u8>),
    UnsubAck(u16, PropertiesBuf, Vec<u8>),
    PingReq,
    PingResp,
    Disconnect(ReasonCode, PropertiesBuf),
    Auth(ReasonCode, PropertiesBuf),
}

impl Owned {
    pub(crate) fn packet(&self) -> Packet<'_> {
        match &self.parts {
            Parts::Connect {
                clean_start,
                keep_alive,
                properties,
                client_id,
                will,
                username,
                password,
            } => Packet::Connect(Connect {
                version: self.version,
                bridge: false,
                clean_start: *clean_start,
                keep_alive: *keep_alive,
                properties: properties.as_properties(),
                client_id,
                will: will
                    .as_ref()
                    .map(|(qos, retain, properties, topic, payload)| Will {
                        qos: *qos,
                        retain: *retain,
                        properties: properties.as_properties(),
                        topic,
                        payload,
                    }),
                username: username.as_deref(),
                password: password.as_deref(),
            }),
            Parts::ConnAck(session_present, code, properties) => Packet::ConnAck(ConnAck {
                session_present: *session_present,
                code: *code,
                properties: properties.as_properties(),
            }),
            Parts::Publish {
                dup,
                qos,
                retain,
                topic,
                packet_id,
                properties,
                payload,
            } => Packet::Publish(Publish {
                dup: *dup,
                qos: *qos,
                retain: *retain,
                topic,
                packet_id: *packet_id,
                properties: properties.as_properties(),
                payload,
            }),
            Parts::Ack(kind, packet_id, reason, properties) => Packet::Ack(Ack {
                kind: *kind,
                packet_id: *packet_id,
                reason: *reason,
                properties: properties.as_properties(),
            }),
            Parts::Subscribe(packet_id, properties, filters) => Packet::Subscribe(Subscribe {
                packet_id: *packet_id,
                properties: properties.as_properties(),
                filters: filters.with_options(),
            }),
            Parts::Unsubscribe(packet_id, properties, filters) => Packet::Unsubscribe(Subscribe {
                packet_id: *packet_id,
                properties: properties.as_properties(),
                filters: filters.without_options(),
            }),
            Parts::SubAck(packet_id, properties, codes) => Packet::SubAck(Codes {
                packet_id: *packet_id,
                properties: properties.as_properties(),
                codes,
            }),
            Parts::UnsubAck(packet_id, properties, codes) => Packet::UnsubAck(Codes {
                packet_id: *packet_id,
                properties: properties.as_properties(),
                codes,
            }),
            Parts::PingReq => Packet::PingReq,
            Parts::PingResp => Packet::PingResp,
            Parts::Disconnect(reason, properties) => Packet::Disconnect(Reason {
                reason: *reason,
                properties: properties.as_properties(),
            }),
            Parts::Auth(reason, properties) => Packet::Auth(Reason {
                reason: *reason,
                properties: properties.as_properties(),
            }),
        }
    }
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof!["[a-zA-Z0-9 äß€😀]{0,12}", "[ -~]{0,200}"]
}

fn topic() -> impl Strategy<Value = String> {
    "[a-z0-9ü]{1,6}(/[a-z]{0,5}){0,4}"
}

fn filter() -> impl Strategy<Value = String> {
    prop_oneof![
        "([a-z]{0,4}|\\+)(/([a-z]{0,4}|\\+)){0,3}/#",
        "[a-z]{1,4}(/([a-z]{0,4}|\\+)){0,3}",
        Just("#".to_owned()),
        Just("+".to_owned()),
    ]
}

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![vec(any::<u8>(), 0..20), vec(any::<u8>(), 0..300)]
}

fn qos() -> impl Strategy<Value = QoS> {
    select(QoS::ALL.to_vec())
}

/// A value that a property may have, not yet bound to its identifier.
#[derive(Debug, Clone)]
enum AnyValue {
    Number(u32),
    Text(String),
    Binary(Vec<u8>),
    Pair(String, String),
}

fn value(row: &property::Row) -> BoxedStrategy<AnyValue> {
    let low = u32::from(row.range == Range::NonZero);
    let number = |high| (low..=high).prop_map(AnyValue::Number).boxed();
    match (row.kind, row.range) {
        (_, Range::Flag) => number(1),
        (_, Range::TopicName) => topic().prop_map(AnyValue::Text).boxed(),
        (Kind::Byte, _) => number(255),
        (Kind::U16, _) => number(65_535),
        (Kind::U32, _) => number(u32::MAX),
        (Kind::VarInt, _) => number(268_435_455),
        (Kind::Str, _) => text().prop_map(AnyValue::Text).boxed(),
        (Kind::Binary, _) => bytes().prop_map(AnyValue::Binary).boxed(),
        (Kind::Pair, _) => (text(), text())
            .prop_map(|(n, v)| AnyValue::Pair(n, v))
            .boxed(),
    }
}

/// Properties that `packet` may carry when `from` sends it: a subset in any order, user
/// properties repeated.
fn properties(packet: PacketType, version: Version, from: Side) -> BoxedStrategy<PropertiesBuf> {
    if version != Version::V5 {
        return Just(PropertiesBuf::new()).boxed();
    }
    let forbidden = match (packet, from) {
        (PacketType::PUBLISH, Side::Client) => Some(property::PropertyId::SUBSCRIPTION_IDENTIFIER),
        (PacketType::DISCONNECT, Side::Server) => {
            Some(property::PropertyId::SESSION_EXPIRY_INTERVAL)
        }
        _ => None,
    };
    let rows: Vec<_> = property::TABLE
        .iter()
        .filter(|row| row.is_allowed_in(packet) && Some(row.id) != forbidden)
        .collect();
    let each: Vec<_> = rows
        .iter()
        .map(|row| {
            let many = if row.may_repeat_in(packet) {
                0..4
            } else {
                0..2
            };
            let id = row.id;
            let kind = row.kind;
            vec(value(row).prop_map(move |value| (id, kind, value)), many)
        })
        .collect();
    each.prop_map(|lists| lists.concat())
        .prop_shuffle()
        .prop_map(move |mut list| {
            repair(&mut list, packet);
            let mut properties = PropertiesBuf::new();
            for (id, kind, value) in &list {
                let value = match (kind, value) {
                    (Kind::Byte, AnyValue::Number(n)) => Value::Byte(*n as u8),
                    (Kind::U16, AnyValue::Number(n)) => Value::U16(*n as u16),
                    (Kind::U32, AnyValue::Number(n)) => Value::U32(*n),
                    (Kind::VarInt, AnyValue::Number(n)) => Value::VarInt(*n),
                    (_, AnyValue::Text(text)) => Value::Str(text.as_bytes()),
                    (_, AnyValue::Binary(bytes)) => Value::Binary(bytes),
                    (_, AnyValue::Pair(name, value)) => {
                        Value::Pair(name.as_bytes(), value.as_bytes())
                    }
                    other => unreachable!("{other:?}"),
                };
                properties.push(*id, value).unwrap();
            }
            properties
        })
        .boxed()
}

/// Authentication Data needs a Method in CONNECT, and AUTH always needs one.
fn repair(list: &mut Vec<(property::PropertyId, Kind, AnyValue)>, packet: PacketType) {
    use property::PropertyId;
    let has = |list: &Vec<(PropertyId, Kind, AnyValue)>, wanted| list.iter().any(|p| p.0 == wanted);
    let needs_method = packet == PacketType::AUTH
        || (packet == PacketType::CONNECT && has(list, PropertyId::AUTHENTICATION_DATA));
    if needs_method && !has(list, PropertyId::AUTHENTICATION_METHOD) {
        list.push((
            PropertyId::AUTHENTICATION_METHOD,
            Kind::Str,
            AnyValue::Text("m".into()),
        ));
    }
}

fn codes(packet: PacketType, version: Version, from: Side) -> BoxedStrategy<ReasonCode> {
    if version != Version::V5 {
        return Just(ReasonCode::SUCCESS).boxed();
    }
    let allowed: Vec<_> = reason::TABLE
        .iter()
        .map(|row| row.code)
        .filter(|code| code.is_allowed_in(packet, Some(from)))
        .collect();
    select(allowed).boxed()
}

fn connect(version: Version) -> BoxedStrategy<Parts> {
    let will = (
        qos(),
        any::<bool>(),
        properties(WILL, version, Side::Client),
        topic(),
        bytes(),
    );
    let client_id = match version {
        Version::V31 => "[a-z]{1,23}".boxed(),
        Version::V311 | Version::V5 => text().boxed(),
    };
    (
        any::<bool>(),
        any::<u16>(),
        properties(PacketType::CONNECT, version, Side::Client),
        client_id,
        proptest::option::of(will),
        proptest::option::of(text()),
        proptest::option::of(bytes()),
    )
        .prop_map(
            move |(clean, keep_alive, properties, client_id, will, username, password)| {
                Parts::Connect {
                    clean_start: clean || client_id.is_empty(),
                    keep_alive,
                    properties,
                    client_id,
                    will,
                    // Before 5.0 a password needs a user name (3.1.1 `[MQTT-3.1.2-22]`).
                    password: password.filter(|_| username.is_some() || version == Version::V5),
                    username,
                }
            },
        )
        .boxed()
}

fn publish(version: Version, from: Side) -> BoxedStrategy<Parts> {
    (
        any::<bool>(),
        qos(),
        any::<bool>(),
        topic(),
        1..=u16::MAX,
        properties(PacketType::PUBLISH, version, from),
        bytes(),
    )
        .prop_map(
            |(dup, qos, retain, topic, packet_id, properties, payload)| Parts::Publish {
                dup: dup && qos != QoS::AtMostOnce,
                qos,
                retain,
                topic,
                packet_id: if qos == QoS::AtMostOnce { 0 } else { packet_id },
                properties,
                payload,
            },
        )
        .boxed()
}

fn subscribe(version: Version) -> BoxedStrategy<Parts> {
    let options = (qos(), any::<bool>(), any::<bool>(), 0u8..3).prop_map(
        move |(qos, no_local, retain_as_published, retain_handling)| match version {
            Version::V5 => SubscriptionOptions {
                qos,
                no_local,
                retain_as_published,
                retain_handling,
            },
            Version::V31 | Version::V311 => SubscriptionOptions::at(qos),
        },
    );
    (
        1..=u16::MAX,
        properties(PacketType::SUBSCRIBE, version, Side::Client),
        vec((filter(), options), 1..5),
    )
        .prop_map(move |(id, properties, filters)| {
            let filters = filters
                .iter()
                .map(|(filter, options)| (filter.as_str(), *options));
            Parts::Subscribe(
                id,
                properties,
                FiltersBuf::subscribe(filters, version).unwrap(),
            )
        })
        .boxed()
}

fn server(version: Version) -> BoxedStrategy<Parts> {
    let from = Side::Server;
    let suback_codes = match version {
        Version::V5 => codes(PacketType::SUBACK, version, from)
            .prop_map(|code| code.0)
            .boxed(),
        Version::V311 => select(vec![0u8, 1, 2, 0x80]).boxed(),
        Version::V31 => (0u8..3).boxed(),
    };
    let connack_code = match version {
        Version::V5 => codes(PacketType::CONNACK, version, from)
            .prop_map(|code| code.0)
            .boxed(),
        Version::V31 | Version::V311 => (0u8..=5).boxed(),
    };
    let unsuback_codes = match version {
        Version::V5 => vec(
            codes(PacketType::UNSUBACK, version, from).prop_map(|c| c.0),
            1..5,
        )
        .boxed(),
        Version::V31 | Version::V311 => Just(Vec::new()).boxed(),
    };
    prop_oneof![
        (
            any::<bool>(),
            connack_code,
            properties(PacketType::CONNACK, version, from)
        )
            .prop_map(move |(present, code, properties)| {
                Parts::ConnAck(
                    present && code == 0 && version != Version::V31,
                    code,
                    properties,
                )
            }),
        (
            1..=u16::MAX,
            properties(PacketType::SUBACK, version, from),
            vec(suback_codes, 1..5)
        )
            .prop_map(|(id, properties, codes)| Parts::SubAck(id, properties, codes)),
        (
            1..=u16::MAX,
            properties(PacketType::UNSUBACK, version, from),
            unsuback_codes
        )
            .prop_map(|(id, properties, codes)| Parts::UnsubAck(id, properties, codes)),
        Just(Parts::PingResp),
    ]
    .boxed()
}

fn client(version: Version) -> BoxedStrategy<Parts> {
    prop_oneof![
        connect(version),
        subscribe(version),
        (
            1..=u16::MAX,
            properties(PacketType::UNSUBSCRIBE, version, Side::Client),
            vec(filter(), 1..5)
        )
            .prop_map(|(id, properties, filters)| {
                let filters = filters.iter().map(String::as_str);
                Parts::Unsubscribe(id, properties, FiltersBuf::unsubscribe(filters).unwrap())
            }),
        Just(Parts::PingReq),
    ]
    .boxed()
}

fn both(version: Version, from: Side) -> BoxedStrategy<Parts> {
    let ack = select(vec![
        AckKind::PubAck,
        AckKind::PubRec,
        AckKind::PubRel,
        AckKind::PubComp,
    ])
    .prop_flat_map(move |kind| {
        let packet = kind.packet_type();
        (
            Just(kind),
            1..=u16::MAX,
            codes(packet, version, from),
            properties(packet, version, from),
        )
    })
    .prop_map(|(kind, id, reason, properties)| Parts::Ack(kind, id, reason, properties));
    let mut choices = vec![publish(version, from), ack.boxed()];
    if version == Version::V5 || from == Side::Client {
        let packet = PacketType::DISCONNECT;
        choices.push(
            (
                codes(packet, version, from),
                properties(packet, version, from),
            )
                .prop_map(|(reason, properties)| Parts::Disconnect(reason, properties))
                .boxed(),
        );
    }
    if version == Version::V5 {
        let packet = PacketType::AUTH;
        choices.push(
            (
                codes(packet, version, from),
                properties(packet, version, from),
            )
                .prop_map(|(reason, properties)| Parts::Auth(reason, properties))
                .boxed(),
        );
    }
    proptest::strategy::Union::new(choices).boxed()
}

/// Any packet that breaks no rule.
pub(crate) fn packet() -> impl Strategy<Value = Owned> {
    (
        select(Version::ALL.to_vec()),
        select(vec![Side::Client, Side::Server]),
    )
        .prop_flat_map(|(version, from)| {
            let own = match from {
                Side::Client => client(version),
                Side::Server => server(version),
            };
            prop_oneof![own, both(version, from)].prop_map(move |parts| Owned {
                version,
                from,
                parts,
            })
        })
}
