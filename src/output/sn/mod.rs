//! MQTT-SN messages: the same three views as for MQTT packets, in the same style.

pub mod json;
pub mod line;
pub mod tree;

use super::Place;
use super::finding::Finding;
use crate::mqtt::PacketType;
use crate::mqtt::property::Value;
use crate::mqttsn::decode::{Field, Header, Recorder};
use crate::mqttsn::{Flags, MessageType};

/// A decoded message with what is known about where it came from: the input of every view.
#[derive(Debug, Clone, Copy)]
pub struct Decoded<'a> {
    /// Where it came from.
    pub place: Place,
    /// The datagram.
    pub bytes: &'a [u8],
    /// What the decoder found in it.
    pub record: &'a Recorder<'a>,
    /// The topic name that the topic id stood for at that moment.
    pub topic_resolved: Option<&'a str>,
    /// The ClientId of the sender or the receiver, if it was seen.
    pub client: Option<&'a str>,
    /// What lint found in it. Then `record` has no violations.
    pub findings: &'a [Finding],
}

impl<'a> Decoded<'a> {
    /// What a PUBLISH brings; `None` if it is another message, or cut.
    pub fn publish(&self) -> Option<Publish<'a>> {
        let flags = self.flags()?;
        let find = |field| {
            let mut fields = self.record.fields.iter();
            let record = fields.find(|record| record.field == field)?;
            record.value.bytes()
        };
        let short = find(Field::ShortTopic).and_then(|name| std::str::from_utf8(name).ok());
        (self.message_type() == Some(MessageType::PUBLISH)).then(|| Publish {
            topic: self.topic_resolved.or(short),
            data: find(Field::Data).unwrap_or_default(),
            dup: flags.dup(),
            retain: flags.retain(),
        })
    }

    /// The header of the message, behind a forwarder encapsulation, and where it stands.
    fn header(&self) -> Option<(usize, Header)> {
        Header::of_message(self.bytes)
    }

    /// The type; `None` if the header is cut.
    pub fn message_type(&self) -> Option<MessageType> {
        self.header().map(|(_, header)| header.message_type)
    }

    /// The name of the message's type.
    pub fn name(&self) -> &'static str {
        self.message_type().map_or("RESERVED", MessageType::name)
    }

    fn flags(&self) -> Option<Flags> {
        self.record
            .fields
            .iter()
            .find_map(|record| match (record.field, record.value) {
                (Field::Flags, Value::Byte(flags)) => Some(Flags(flags)),
                _ => None,
            })
    }

    /// Whether the message has these flags, and its type uses them.
    fn flags_used(&self, mask: u8) -> Option<Flags> {
        let used = Flags::used_by(self.message_type()?);
        self.flags().filter(|_| used & mask != 0)
    }
}

/// What PUBLISH brings.
#[derive(Debug, Clone, Copy)]
pub struct Publish<'a> {
    /// The topic name, if it is known.
    pub topic: Option<&'a str>,
    /// The payload.
    pub data: &'a [u8],
    /// The DUP flag.
    pub dup: bool,
    /// The Retain flag.
    pub retain: bool,
}

/// The packet type of MQTT whose colour a message has.
const fn family(message_type: MessageType) -> PacketType {
    match message_type {
        MessageType::CONNECT
        | MessageType::CONNACK
        | MessageType::WILLTOPICREQ
        | MessageType::WILLTOPIC
        | MessageType::WILLMSGREQ
        | MessageType::WILLMSG
        | MessageType::WILLTOPICUPD
        | MessageType::WILLTOPICRESP
        | MessageType::WILLMSGUPD
        | MessageType::WILLMSGRESP => PacketType::CONNECT,
        MessageType::PUBLISH => PacketType::PUBLISH,
        MessageType::PUBACK | MessageType::PUBREC | MessageType::PUBREL | MessageType::PUBCOMP => {
            PacketType::PUBACK
        }
        MessageType::REGISTER
        | MessageType::REGACK
        | MessageType::SUBSCRIBE
        | MessageType::SUBACK
        | MessageType::UNSUBSCRIBE
        | MessageType::UNSUBACK => PacketType::SUBSCRIBE,
        MessageType::ADVERTISE
        | MessageType::SEARCHGW
        | MessageType::GWINFO
        | MessageType::PINGREQ
        | MessageType::PINGRESP => PacketType::PINGREQ,
        MessageType::DISCONNECT => PacketType::DISCONNECT,
        _ => PacketType::RESERVED,
    }
}
