//! A client that keeps to the standard: what it has to remember, and the bytes it sends.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use midge::broker::core::ConnectionId;
use midge::mqtt::decode::{Context, Strict, decode};
use midge::mqtt::encode::encode;
use midge::mqtt::frame::Framer;
use midge::mqtt::packet::{
    self, Ack, AckKind, FiltersBuf, Publish, Reason, Subscribe, SubscriptionOptions,
};
use midge::mqtt::property::Value;
use midge::mqtt::{Packet, Properties, PropertiesBuf, PropertyId, QoS, ReasonCode, Side, Version};

use super::model::{Arrived, Expected, Model, Will};

/// A packet that has come and is not yet read.
#[derive(Debug)]
pub(crate) enum Came {
    ConnAck,
    /// Number of the copy.
    Publish(usize, u16, QoS),
    PubAck(u16),
    PubRec(u16, ReasonCode),
    PubRel(u16),
    PubComp(u16),
    Other,
}

/// What a client publishes.
#[derive(Debug, Clone)]
pub(crate) struct Message {
    pub(crate) topic: &'static str,
    pub(crate) payload: String,
    /// The payload where it is not empty: unlike that of any other.
    pub(crate) mark: String,
    pub(crate) qos: QoS,
    pub(crate) retain: bool,
    pub(crate) expiry: Option<u32>,
}

/// How a client connects.
#[derive(Debug)]
pub(crate) struct Connect {
    pub(crate) version: Version,
    pub(crate) clean_start: bool,
    pub(crate) expiry: u32,
    pub(crate) receive_maximum: Option<u16>,
    pub(crate) aliases: u16,
    pub(crate) will: Option<Will>,
}

/// A message that the broker has not acknowledged.
#[derive(Debug)]
struct Open {
    packet_id: u16,
    message: Message,
    /// PUBREC has come.
    received: bool,
}

pub(crate) struct Client {
    connection: Option<(ConnectionId, Version)>,
    framer: Framer,
    unread: VecDeque<Came>,
    replies: Vec<(AckKind, u16)>,
    /// QoS 2 ids of the broker between PUBREC and PUBREL.
    unreleased: BTreeSet<u16>,
    open: Vec<Open>,
    alias_maximum: u16,
    aliases: BTreeMap<u16, String>,
    own_aliases: BTreeMap<u16, &'static str>,
}

impl Client {
    pub(crate) fn new(framer: Framer) -> Client {
        Client {
            connection: None,
            framer,
            unread: VecDeque::new(),
            replies: Vec::new(),
            unreleased: BTreeSet::new(),
            open: Vec::new(),
            alias_maximum: 0,
            aliases: BTreeMap::new(),
            own_aliases: BTreeMap::new(),
        }
    }

    pub(crate) fn connection(&self) -> Option<ConnectionId> {
        self.connection.map(|(id, _)| id)
    }

    pub(crate) fn version(&self) -> Option<Version> {
        self.connection.map(|(_, version)| version)
    }

    pub(crate) fn open(&self) -> usize {
        self.open.len()
    }

    pub(crate) fn has_unread(&self) -> bool {
        !self.unread.is_empty()
    }

    pub(crate) fn owes(&self) -> bool {
        !self.replies.is_empty()
    }

    pub(crate) fn take(&mut self) -> Option<Came> {
        self.unread.pop_front()
    }

    pub(crate) fn lose_connection(&mut self) {
        self.connection = None;
        self.unread.clear();
        self.replies.clear();
    }

    pub(crate) fn connect(&mut self, number: usize, id: ConnectionId, how: &Connect) -> Vec<u8> {
        self.lose_connection();
        self.connection = Some((id, how.version));
        self.framer = Framer::new(usize::MAX);
        self.aliases.clear();
        self.own_aliases.clear();
        self.alias_maximum = 0;
        let is_v5 = how.version == Version::V5;
        let mut properties = PropertiesBuf::new();
        let mut will_properties = PropertiesBuf::new();
        if is_v5 {
            self.alias_maximum = how.aliases;
            let expiry = Value::U32(how.expiry);
            properties
                .push(PropertyId::SESSION_EXPIRY_INTERVAL, expiry)
                .unwrap();
            let aliases = Value::U16(how.aliases);
            properties
                .push(PropertyId::TOPIC_ALIAS_MAXIMUM, aliases)
                .unwrap();
            if let Some(max) = how.receive_maximum {
                properties
                    .push(PropertyId::RECEIVE_MAXIMUM, Value::U16(max))
                    .unwrap();
            }
            if let Some(will) = &how.will {
                let delay = Value::U32(will.delay);
                will_properties
                    .push(PropertyId::WILL_DELAY_INTERVAL, delay)
                    .unwrap();
            }
        }
        let connect = packet::Connect {
            version: how.version,
            bridge: false,
            clean_start: how.clean_start,
            keep_alive: 0,
            properties: properties.as_properties(),
            client_id: &format!("c{number}"),
            will: how.will.as_ref().map(|will| packet::Will {
                qos: will.qos,
                retain: will.retain,
                properties: will_properties.as_properties(),
                topic: will.topic,
                payload: will.payload.as_bytes(),
            }),
            username: None,
            password: None,
        };
        bytes(how.version, &Packet::Connect(connect))
    }

    /// CONNACK has come: what is sent again (`[MQTT-4.4.0-1]`).
    pub(crate) fn resume(&mut self, resumed: bool) -> Vec<(Message, u16, Vec<u8>)> {
        if !resumed {
            self.unreleased.clear();
            self.open.clear();
        }
        let version = self.version().unwrap_or(Version::V311);
        let mut again = Vec::new();
        for open in &mut self.open {
            match open.received {
                true => self.replies.push((AckKind::PubRel, open.packet_id)),
                false => {
                    // Marked, since at QoS 1 it is one more message.
                    open.message.mark.push('r');
                    open.message.payload = open.message.mark.clone();
                    let bytes = publish(version, &open.message, open.packet_id, true, None);
                    again.push((open.message.clone(), open.packet_id, bytes));
                }
            }
        }
        again
    }

    /// A new message, with its packet id.
    pub(crate) fn publish(&mut self, message: &Message, alias: Option<u16>) -> (u16, Vec<u8>) {
        let version = self.version().unwrap_or(Version::V311);
        let packet_id = match message.qos {
            QoS::AtMostOnce => 0,
            _ => {
                let is_free = |id: &u16| !self.open.iter().any(|open| open.packet_id == *id);
                let packet_id = (1..).find(is_free).unwrap_or(1);
                self.open.push(Open {
                    packet_id,
                    message: message.clone(),
                    received: false,
                });
                packet_id
            }
        };
        let alias = alias.map(|alias| {
            let known = self.own_aliases.insert(alias, message.topic) == Some(message.topic);
            (alias, known)
        });
        (
            packet_id,
            publish(version, message, packet_id, false, alias),
        )
    }

    /// Bytes from the broker; the model says whether they are right.
    pub(crate) fn feed(
        &mut self,
        number: usize,
        bytes: &[u8],
        model: &mut Model,
    ) -> Result<(), String> {
        let version = self.version().ok_or("no connection")?;
        self.framer.feed(bytes);
        while let Some(bytes) = self.framer.next_packet().map_err(|e| e.to_string())? {
            let context = Context {
                version,
                from: Some(Side::Server),
            };
            let packet = decode(&bytes, context, &mut Strict).map_err(|v| v.to_string())?;
            let came = self.judge(number, &packet, model)?;
            self.unread.push_back(came);
        }
        Ok(())
    }

    fn judge(
        &mut self,
        number: usize,
        packet: &Packet<'_>,
        model: &mut Model,
    ) -> Result<Came, String> {
        let (expected, came) = match packet {
            Packet::Publish(publish) => {
                let arrived = self.arrived(publish)?;
                let instance = model
                    .publish_came(number, &arrived)
                    .map_err(|e| format!("{e}: {arrived:?}"))?;
                return Ok(Came::Publish(instance, publish.packet_id, publish.qos));
            }
            Packet::Ack(ack) => {
                let id = ack.packet_id;
                match ack.kind {
                    AckKind::PubRel => {
                        if ack.reason.is_error() {
                            return Err("PUBREL of what is not known".into());
                        }
                        model.pubrel_came(number, id)?;
                        return Ok(Came::PubRel(id));
                    }
                    AckKind::PubAck => (Expected::PubAck(id, ack.reason), Came::PubAck(id)),
                    AckKind::PubRec => (
                        Expected::PubRec(id, ack.reason),
                        Came::PubRec(id, ack.reason),
                    ),
                    AckKind::PubComp => (Expected::PubComp(id), Came::PubComp(id)),
                }
            }
            Packet::ConnAck(connack) if connack.code == 0 => {
                (Expected::ConnAck(connack.session_present), Came::ConnAck)
            }
            Packet::SubAck(codes) if codes.codes.len() == 1 => (
                Expected::SubAck(codes.packet_id, codes.codes[0]),
                Came::Other,
            ),
            Packet::UnsubAck(codes) => (Expected::UnsubAck(codes.packet_id), Came::Other),
            other => return Err(format!("{other:?}")),
        };
        model.came(number, &expected)?;
        Ok(came)
    }

    fn arrived(&mut self, publish: &Publish<'_>) -> Result<Arrived, String> {
        let number = |id| publish.properties.number(id);
        let topic = match number(PropertyId::TOPIC_ALIAS) {
            None => publish.topic.to_owned(),
            Some(alias) => {
                let alias = alias as u16;
                if alias > self.alias_maximum {
                    return Err("the alias is above the maximum".into());
                }
                if !publish.topic.is_empty() {
                    self.aliases.insert(alias, publish.topic.to_owned());
                }
                self.aliases.get(&alias).cloned().ok_or("unknown alias")?
            }
        };
        let identifiers = publish
            .properties
            .iter()
            .filter(|p| p.id == PropertyId::SUBSCRIPTION_IDENTIFIER)
            .filter_map(|p| p.value.number())
            .collect();
        Ok(Arrived {
            topic,
            payload: String::from_utf8_lossy(publish.payload).into_owned(),
            qos: publish.qos,
            retain: publish.retain,
            dup: publish.dup,
            packet_id: publish.packet_id,
            identifiers,
            expiry: number(PropertyId::MESSAGE_EXPIRY_INTERVAL),
        })
    }

    /// Reads a packet; the copy that goes to the application, if it is one.
    pub(crate) fn read(&mut self) -> Option<(usize, QoS)> {
        match self.unread.pop_front()? {
            Came::Publish(instance, packet_id, qos) => match qos {
                QoS::AtMostOnce => Some((instance, qos)),
                QoS::AtLeastOnce => {
                    self.replies.push((AckKind::PubAck, packet_id));
                    Some((instance, qos))
                }
                QoS::ExactlyOnce => {
                    self.replies.push((AckKind::PubRec, packet_id));
                    self.unreleased.insert(packet_id).then_some((instance, qos))
                }
            },
            Came::PubAck(id) | Came::PubComp(id) => {
                self.open.retain(|open| open.packet_id != id);
                None
            }
            Came::PubRec(id, reason) if reason.is_error() => {
                self.open.retain(|open| open.packet_id != id);
                None
            }
            Came::PubRec(id, _) => {
                if let Some(open) = self.open.iter_mut().find(|open| open.packet_id == id) {
                    open.received = true;
                }
                self.replies.push((AckKind::PubRel, id));
                None
            }
            Came::PubRel(id) => {
                self.unreleased.remove(&id);
                self.replies.push((AckKind::PubComp, id));
                None
            }
            Came::ConnAck | Came::Other => None,
        }
    }

    /// Takes one of the acknowledgements that are due.
    pub(crate) fn answer(
        &mut self,
        which: usize,
        refuses: bool,
    ) -> Option<(AckKind, u16, ReasonCode)> {
        if self.replies.is_empty() {
            return None;
        }
        let (reply, packet_id) = self.replies.remove(which % self.replies.len());
        let reason = match reply {
            AckKind::PubAck | AckKind::PubRec if refuses => ReasonCode::UNSPECIFIED_ERROR,
            _ => ReasonCode::SUCCESS,
        };
        if reply == AckKind::PubRec && refuses {
            self.unreleased.remove(&packet_id);
        }
        Some((reply, packet_id, reason))
    }
}

pub(crate) fn subscribe(
    version: Version,
    filter: &str,
    options: SubscriptionOptions,
    identifier: Option<u32>,
) -> Vec<u8> {
    let filters = FiltersBuf::subscribe([(filter, options)], version).unwrap();
    let mut properties = PropertiesBuf::new();
    if let Some(id) = identifier {
        let id = Value::VarInt(id);
        properties
            .push(PropertyId::SUBSCRIPTION_IDENTIFIER, id)
            .unwrap();
    }
    let subscribe = Subscribe {
        packet_id: 7,
        properties: properties.as_properties(),
        filters: filters.with_options(),
    };
    bytes(version, &Packet::Subscribe(subscribe))
}

pub(crate) fn unsubscribe(version: Version, filter: &str) -> Vec<u8> {
    let filters = FiltersBuf::unsubscribe([filter]).unwrap();
    let unsubscribe = Subscribe {
        packet_id: 8,
        properties: Properties::EMPTY,
        filters: filters.without_options(),
    };
    bytes(version, &Packet::Unsubscribe(unsubscribe))
}

/// `alias`: whether the broker knows its topic.
pub(crate) fn publish(
    version: Version,
    message: &Message,
    packet_id: u16,
    dup: bool,
    alias: Option<(u16, bool)>,
) -> Vec<u8> {
    let mut properties = PropertiesBuf::new();
    if version == Version::V5 {
        if let Some(expiry) = message.expiry {
            let expiry = Value::U32(expiry);
            properties
                .push(PropertyId::MESSAGE_EXPIRY_INTERVAL, expiry)
                .unwrap();
        }
        if let Some((alias, _)) = alias {
            properties
                .push(PropertyId::TOPIC_ALIAS, Value::U16(alias))
                .unwrap();
        }
    }
    let publish = Publish {
        dup: dup && message.qos > QoS::AtMostOnce,
        qos: message.qos,
        retain: message.retain,
        topic: match alias {
            Some((_, true)) => "",
            _ => message.topic,
        },
        packet_id,
        properties: properties.as_properties(),
        payload: message.payload.as_bytes(),
    };
    bytes(version, &Packet::Publish(publish))
}

pub(crate) fn ack(version: Version, kind: AckKind, packet_id: u16, reason: ReasonCode) -> Vec<u8> {
    bytes(version, &Packet::Ack(Ack::new(kind, packet_id, reason)))
}

pub(crate) fn disconnect(version: Version, with_will: bool, expiry: Option<u32>) -> Vec<u8> {
    let mut properties = PropertiesBuf::new();
    if let Some(expiry) = expiry {
        let expiry = Value::U32(expiry);
        properties
            .push(PropertyId::SESSION_EXPIRY_INTERVAL, expiry)
            .unwrap();
    }
    let reason = Reason {
        reason: ReasonCode(if with_will { 4 } else { 0 }),
        properties: properties.as_properties(),
    };
    bytes(version, &Packet::Disconnect(reason))
}

fn bytes(version: Version, packet: &Packet<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode(packet, version, &mut bytes).unwrap();
    bytes
}
