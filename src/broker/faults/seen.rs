//! What the packets of a connection say about it.

use std::rc::Rc;

use crate::mqtt::alias::Aliases;
use crate::mqtt::decode::{Context, Strict, decode};
use crate::mqtt::{Packet, PacketType, PropertyId, Side, Version};

/// Known of a connection.
#[derive(Debug)]
pub(super) struct Seen {
    /// 3.1.1 before CONNECT.
    pub(super) version: Version,
    /// Empty before CONNECT, and where the broker has made one and the version does not tell.
    pub(super) client_id: Rc<str>,
    client_aliases: Aliases,
    server_aliases: Aliases,
}

impl Default for Seen {
    fn default() -> Seen {
        Seen {
            version: Version::V311,
            client_id: Rc::from(""),
            client_aliases: Aliases::default(),
            server_aliases: Aliases::default(),
        }
    }
}

impl Seen {
    /// Looks at a packet.
    pub(super) fn see(&mut self, bytes: &[u8], from: Side) {
        let packet_type = bytes.first().map(|&byte| PacketType::from_byte1(byte));
        if !matches!(packet_type, Some(PacketType::CONNECT | PacketType::CONNACK)) {
            return;
        }
        match self.decode(bytes, from) {
            Some(Packet::Connect(connect)) => {
                let (version, client_id) = (connect.version, Rc::from(connect.client_id));
                self.version = version;
                self.client_id = client_id;
            }
            Some(Packet::ConnAck(connack)) => {
                let assigned = PropertyId::ASSIGNED_CLIENT_IDENTIFIER;
                let assigned = connack.properties.text(assigned).map(Rc::from);
                if let Some(assigned) = assigned {
                    self.client_id = assigned;
                }
            }
            _ => {}
        }
    }

    /// The topic of a PUBLISH, which an alias may stand for, or the filters of a SUBSCRIBE or
    /// UNSUBSCRIBE.
    pub(super) fn topics(&mut self, bytes: &[u8], from: Side) -> Vec<String> {
        let context = self.context(from);
        match decode(bytes, context, &mut Strict) {
            Ok(Packet::Publish(publish)) => {
                let alias = publish.properties.number(PropertyId::TOPIC_ALIAS);
                let alias = alias.and_then(|alias| u16::try_from(alias).ok());
                let aliases = match from {
                    Side::Client => &mut self.client_aliases,
                    Side::Server => &mut self.server_aliases,
                };
                let topic = match alias {
                    Some(alias) => aliases.resolve(publish.topic, alias),
                    None => Some(publish.topic),
                };
                topic.into_iter().map(str::to_owned).collect()
            }
            Ok(Packet::Subscribe(packet) | Packet::Unsubscribe(packet)) => packet
                .filters
                .iter()
                .map(|(filter, _)| filter.to_owned())
                .collect(),
            _ => Vec::new(),
        }
    }

    pub(super) fn decode<'b>(&self, bytes: &'b [u8], from: Side) -> Option<Packet<'b>> {
        decode(bytes, self.context(from), &mut Strict).ok()
    }

    fn context(&self, from: Side) -> Context {
        Context {
            version: self.version,
            from: Some(from),
        }
    }
}
