//! MQTT-SN: what its clients publish, as MQTT.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::{Mode, Source};
use crate::capture::CapturedMessage;
use crate::client::{ConnectOptions, Publication, TopicName};
use crate::cmd::capture_replay::step::{Action, Leave, Opening};
use crate::mqtt::decode::Strict;
use crate::mqtt::{QoS, Side, Version};
use crate::mqttsn::decode::decode;
use crate::mqttsn::topics::Topics;
use crate::mqttsn::{Message, Predefined, TopicIdType};

/// Clients of which the topic ids are kept; beyond it all are forgotten.
const MAX_CLIENTS: usize = 4096;

/// A peer pair, and the node behind a forwarder.
type Key = (u64, Vec<u8>);

/// The clients of gateways.
#[derive(Debug)]
pub(super) struct SnClients {
    clients: FxHashMap<Key, SnClient>,
    predefined: Arc<Predefined>,
}

#[derive(Debug)]
struct SnClient {
    topics: Topics,
    id: Option<String>,
    session: Option<u64>,
    last_time: Option<i64>,
}

impl SnClients {
    /// With the names that predefined ids have.
    pub(super) fn new(predefined: Arc<Predefined>) -> SnClients {
        SnClients {
            clients: FxHashMap::default(),
            predefined,
        }
    }
}

impl Source {
    pub(super) fn sn_message(&mut self, message: &CapturedMessage) {
        self.stands_at(&message.at);
        // A selection of packets of MQTT leaves these out.
        if self.selector.is_some() {
            return;
        }
        let played = match self.settings.mode {
            Mode::Messages(side) => side,
            Mode::Sessions => Side::Client,
        };
        let Ok(envelope) = decode(&message.bytes, message.at.from, &mut Strict) else {
            self.skips.malformed += u64::from(message.at.from != Some(Side::Server));
            return;
        };
        if self.sn.clients.len() >= MAX_CLIENTS {
            self.sn_finish();
        }
        let node = envelope.forwarder.map(|f| f.wireless_node_id.to_vec());
        let key = (message.at.stream, node.unwrap_or_default());
        let predefined = &self.sn.predefined;
        let client = self.sn.clients.entry(key.clone());
        let client = client.or_insert_with(|| SnClient {
            topics: Topics::new(Arc::clone(predefined)),
            id: None,
            session: None,
            last_time: None,
        });
        client.last_time = client.last_time.max(self.last_time);
        let topic = client.topics.resolve(&envelope.message, message.at.from);
        let topic = topic.map(str::to_owned);
        let is_of_server = message.at.from == Some(Side::Server);
        if is_of_server != (played == Side::Server) {
            let is_message = matches!(envelope.message, Message::Publish { .. });
            self.found.others += u64::from(is_message && is_of_server);
            if let Message::Connect { .. } | Message::Disconnect { duration: None } =
                envelope.message
            {
                self.sn_leave(&key, Leave::Unseen);
            }
            return;
        }
        match envelope.message {
            Message::Connect { client_id, .. } => {
                let id = client_id.to_owned();
                self.sn_leave(&key, Leave::Cut);
                if let Some(client) = self.sn.clients.get_mut(&key) {
                    client.id = Some(id);
                }
            }
            Message::Disconnect { duration: None } => {
                self.sn_leave(&key, Leave::Unseen);
            }
            Message::Publish {
                flags,
                topic_id,
                data,
                ..
            } => {
                if flags.dup() {
                    self.skips.duplicates += 1;
                    return;
                }
                let short = topic_id.to_be_bytes();
                let topic = match flags.topic_id_type() {
                    TopicIdType::Short => std::str::from_utf8(&short).ok().map(str::to_owned),
                    _ => topic,
                };
                let Some(topic) = topic else {
                    self.skips.no_topic += 1;
                    return;
                };
                let rewrite = &self.settings.rewrite;
                let Ok(topic) = TopicName::new(rewrite.topic(&topic)) else {
                    self.skips.bad_topic += 1;
                    return;
                };
                // -1: nobody answers.
                let qos = rewrite.qos(flags.qos().unwrap_or(QoS::AtMostOnce));
                let payload = message.bytes.slice_ref(data);
                let mut publication = Publication::new(topic, payload, qos);
                publication.retain = flags.retain() && !rewrite.strip_retain;
                let (session, time) = self.sn_live(message, &key);
                let number = (qos > QoS::AtMostOnce).then(|| {
                    self.next_number += 1;
                    self.next_number - 1
                });
                self.message(session, time, number, publication, false);
            }
            _ => {}
        }
    }

    /// The session that plays this client: opened now, if it is not.
    fn sn_live(&mut self, message: &CapturedMessage, key: &Key) -> (u64, Option<i64>) {
        let session = self.next_session;
        let Some(client) = self.sn.clients.get_mut(key) else {
            return (session, self.last_time);
        };
        if let Some(session) = client.session {
            return (session, client.last_time);
        }
        let is_messages = self.settings.mode != Mode::Sessions;
        let number = self.next_number;
        self.next_session += 1;
        self.next_number += 1;
        self.found.clients += 1;
        self.found.sn_clients += 1;
        client.session = Some(session);
        let captured = client.id.as_deref().filter(|_| !is_messages);
        let name = (self.settings.rewrite).client_id(captured, session, self.round);
        let mut connect = ConnectOptions::new(Version::V311, name);
        connect.keep_alive = self.settings.keep_alive;
        let time = client.last_time;
        let opening = Opening {
            number,
            client: match message.at.from {
                Some(Side::Server) => message.at.dst,
                _ => message.at.src,
            },
            connect,
            is_made_up: true,
            is_ahead: is_messages,
        };
        self.push(session, time, Action::Open(Box::new(opening)));
        (session, time)
    }

    fn sn_leave(&mut self, key: &Key, leave: Leave) {
        let Some(client) = self.sn.clients.get_mut(key) else {
            return;
        };
        if let Some(session) = client.session.take() {
            let time = client.last_time;
            self.push(session, time, Action::Leave(leave, usize::MAX));
        }
    }

    /// Whoever is still there leaves.
    pub(super) fn sn_finish(&mut self) {
        let mut open: Vec<(Option<u64>, Key)> = self
            .sn
            .clients
            .iter()
            .map(|(key, client)| (client.session, key.clone()))
            .collect();
        open.sort_unstable();
        for (_, key) in open {
            self.sn_leave(&key, Leave::Unseen);
        }
        self.sn.clients.clear();
    }
}
