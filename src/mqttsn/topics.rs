//! What topic ids stand for, as REGISTER, REGACK, SUBSCRIBE and SUBACK tell (6.5, 6.9, 6.10).
//!
//! An id is good for one client and its gateway only, so there is one [`Topics`] for each pair. A
//! client behind a forwarder is a client of its own.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::message::{Ack, Message, Topic};
use super::{Predefined, ReturnCode, TopicIdType};
use crate::mqtt::Side;

/// Bytes of names that are kept for a pair; beyond it everything is forgotten, since an id without
/// a name is better than much memory.
const MAX_BYTES: usize = 1 << 20;

/// Requests that may wait for their answer. A client has one of each kind (6.5, 6.9).
const MAX_WAITING: usize = 8;

/// The topic ids of one client and its gateway.
#[derive(Debug, Default)]
pub struct Topics {
    /// What both sides know beforehand.
    predefined: Arc<Predefined>,
    client_id: Option<String>,
    session: Session,
}

/// What they have told each other.
#[derive(Debug, Default)]
struct Session {
    names: FxHashMap<u16, String>,
    bytes: usize,
    /// Names in REGISTER of the client, by message id.
    registers: FxHashMap<u16, String>,
    /// Names in SUBSCRIBE, by message id.
    subscribes: FxHashMap<u16, String>,
    /// Topic ids in REGISTER of the gateway, by message id.
    told: FxHashMap<u16, u16>,
}

impl Topics {
    /// With names that both sides know beforehand.
    pub fn new(predefined: Arc<Predefined>) -> Topics {
        Topics {
            predefined,
            ..Topics::default()
        }
    }

    /// Takes a message in, and returns the name that its topic id stands for at that moment.
    pub fn resolve(&mut self, message: &Message<'_>, from: Option<Side>) -> Option<&str> {
        match *message {
            Message::Connect {
                flags, client_id, ..
            } => {
                self.client_id = Some(client_id.to_owned());
                if flags.clean_session() {
                    self.session = Session::default();
                }
                None
            }
            Message::Publish {
                flags, topic_id, ..
            } if flags.topic_id_type() == TopicIdType::Predefined => self.predefined(topic_id),
            Message::Subscribe {
                topic: Topic::Predefined(topic_id),
                ..
            }
            | Message::Unsubscribe {
                topic: Topic::Predefined(topic_id),
                ..
            } => self.predefined(topic_id),
            _ => self.session.resolve(message, from),
        }
    }

    fn predefined(&self, topic_id: u16) -> Option<&str> {
        self.predefined.name(self.client_id.as_deref(), topic_id)
    }
}

impl Session {
    fn resolve(&mut self, message: &Message<'_>, from: Option<Side>) -> Option<&str> {
        match *message {
            Message::Register {
                topic_id: 0,
                msg_id,
                topic_name,
            } => {
                wait(&mut self.registers, msg_id, topic_name.to_owned());
                None
            }
            Message::Register {
                topic_id,
                msg_id,
                topic_name,
            } => {
                wait(&mut self.told, msg_id, topic_id);
                self.learn(topic_id, topic_name.to_owned());
                None
            }
            Message::RegAck(ack) => self.regack(ack, from),
            Message::Subscribe {
                flags,
                msg_id,
                topic: Topic::Name(name),
            } if flags.topic_id_type() == TopicIdType::Normal => {
                wait(&mut self.subscribes, msg_id, name.to_owned());
                None
            }
            Message::SubAck { ack, .. } => {
                let name = self.subscribes.remove(&ack.msg_id)?;
                self.accept(ack, name)
            }
            Message::Publish {
                flags, topic_id, ..
            } if flags.topic_id_type() == TopicIdType::Normal => self.get(topic_id),
            // Which type of topic id it answers is not said: a short name reads as a high number.
            Message::PubAck(ack) => self.get(ack.topic_id),
            _ => None,
        }
    }

    fn regack(&mut self, ack: Ack, from: Option<Side>) -> Option<&str> {
        let answers_gateway =
            from != Some(Side::Server) && self.told.get(&ack.msg_id) == Some(&ack.topic_id);
        if answers_gateway {
            self.told.remove(&ack.msg_id);
            if ack.return_code != ReturnCode::ACCEPTED {
                // The same as unsubscribing from that name (6.10).
                self.forget(ack.topic_id);
            }
            return self.get(ack.topic_id);
        }
        if from == Some(Side::Client) {
            return None;
        }
        let name = self.registers.remove(&ack.msg_id)?;
        self.accept(ack, name)
    }

    fn accept(&mut self, ack: Ack, name: String) -> Option<&str> {
        if ack.return_code != ReturnCode::ACCEPTED || matches!(ack.topic_id, 0 | 0xffff) {
            return None;
        }
        self.learn(ack.topic_id, name);
        self.get(ack.topic_id)
    }

    fn get(&self, topic_id: u16) -> Option<&str> {
        self.names.get(&topic_id).map(String::as_str)
    }

    fn learn(&mut self, topic_id: u16, name: String) {
        self.forget(topic_id);
        self.bytes += name.len();
        if self.bytes > MAX_BYTES {
            self.names.clear();
            self.bytes = name.len();
        }
        self.names.insert(topic_id, name);
    }

    fn forget(&mut self, topic_id: u16) {
        if let Some(name) = self.names.remove(&topic_id) {
            self.bytes -= name.len();
        }
    }
}

fn wait<T>(waiting: &mut FxHashMap<u16, T>, msg_id: u16, value: T) {
    if waiting.len() >= MAX_WAITING {
        waiting.clear();
    }
    waiting.insert(msg_id, value);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mqtt::decode::Strict;
    use crate::mqttsn::decode::decode;

    const CLIENT: Option<Side> = Some(Side::Client);
    const GATEWAY: Option<Side> = Some(Side::Server);

    /// What the last message's topic id stands for.
    fn after(messages: &[(Option<Side>, &[u8])]) -> Option<String> {
        let mut topics = Topics::default();
        let mut last = None;
        for (from, bytes) in messages {
            let envelope = decode(bytes, None, &mut Strict).unwrap();
            last = topics.resolve(&envelope.message, *from).map(str::to_owned);
        }
        last
    }

    const REGISTER: &[u8] = b"\x07\x0a\x00\x00\x00\x05t";
    const REGACK: &[u8] = b"\x07\x0b\x00\x09\x00\x05\x00";
    const PUBLISH: &[u8] = b"\x08\x0c\x00\x00\x09\x00\x00x";

    #[test]
    fn an_accepted_register_names_an_id() {
        for (client, gateway) in [(CLIENT, GATEWAY), (None, None)] {
            let talk = [(client, REGISTER), (gateway, REGACK), (client, PUBLISH)];
            assert_eq!(after(&talk).as_deref(), Some("t"));
        }
        let refused = &b"\x07\x0b\x00\x09\x00\x05\x02"[..];
        let talk = [(CLIENT, REGISTER), (GATEWAY, refused), (CLIENT, PUBLISH)];
        assert_eq!(after(&talk), None);
        let other = &b"\x07\x0b\x00\x09\x00\x06\x00"[..];
        let talk = [(CLIENT, REGISTER), (GATEWAY, other), (CLIENT, PUBLISH)];
        assert_eq!(after(&talk), None, "an answer to another message");
    }

    #[test]
    fn the_gateway_names_an_id_until_the_client_rejects_it() {
        let register = &b"\x07\x0a\x00\x09\x00\x05t"[..];
        let talk = [(GATEWAY, register), (CLIENT, REGACK), (GATEWAY, PUBLISH)];
        assert_eq!(after(&talk).as_deref(), Some("t"));
        let refused = &b"\x07\x0b\x00\x09\x00\x05\x03"[..];
        let talk = [(GATEWAY, register), (CLIENT, refused), (GATEWAY, PUBLISH)];
        assert_eq!(after(&talk), None);
    }

    #[test]
    fn an_accepted_subscribe_names_an_id() {
        let subscribe = &b"\x06\x12\x20\x00\x05t"[..];
        let suback = &b"\x08\x13\x20\x00\x09\x00\x05\x00"[..];
        let talk = [(CLIENT, subscribe), (GATEWAY, suback), (GATEWAY, PUBLISH)];
        assert_eq!(after(&talk).as_deref(), Some("t"));
    }

    #[test]
    fn predefined_ids_outlive_sessions() {
        let predefined = Arc::new(Predefined::parse("9 all\nc:9 only c\n").unwrap());
        let mut topics = Topics::new(predefined);
        let mut name = |from, bytes: &[u8]| {
            let envelope = decode(bytes, None, &mut Strict).unwrap();
            let name = topics.resolve(&envelope.message, from);
            name.map(str::to_owned)
        };
        let publish = &b"\x08\x0c\x01\x00\x09\x00\x00x"[..];
        let subscribe = &b"\x07\x12\x21\x00\x05\x00\x09"[..];
        assert_eq!(name(CLIENT, publish).as_deref(), Some("all"));
        assert_eq!(name(CLIENT, subscribe).as_deref(), Some("all"));
        assert_eq!(name(CLIENT, b"\x07\x04\x04\x01\x00\x14c"), None);
        assert_eq!(name(GATEWAY, publish).as_deref(), Some("only c"));
        assert_eq!(name(CLIENT, b"\x08\x0c\x01\x00\x0a\x00\x00x"), None);
        assert_eq!(name(CLIENT, PUBLISH), None, "a normal id");
    }

    #[test]
    fn other_ids_and_other_sessions_have_no_name() {
        let predefined = &b"\x08\x0c\x01\x00\x09\x00\x00x"[..];
        let talk = [(CLIENT, REGISTER), (GATEWAY, REGACK), (CLIENT, predefined)];
        assert_eq!(after(&talk), None);
        let connect = &b"\x07\x04\x04\x01\x00\x14c"[..];
        let talk = [
            (CLIENT, REGISTER),
            (GATEWAY, REGACK),
            (CLIENT, connect),
            (CLIENT, PUBLISH),
        ];
        assert_eq!(after(&talk), None);
    }
}
