//! From captured MQTT-SN messages to the view.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::Stop;
use super::captured::place;
use super::connections::named;
use super::show::Show;
use crate::capture::CapturedMessage;
use crate::mqttsn::decode::{Recorder, decode};
use crate::mqttsn::topics::Topics;
use crate::mqttsn::{Message, Predefined};
use crate::output::sn;

/// Clients of which the topic ids are kept; beyond it all are forgotten, for an id without a name
/// is better than memory that grows with the capture.
const MAX_CLIENTS: usize = 4096;

/// What the messages so far say about those to come.
#[derive(Debug)]
pub(super) struct Messages {
    /// Topic ids by peer pair, and by the node behind a forwarder.
    topics: FxHashMap<(u64, Vec<u8>), Topics>,
    /// ClientIds by the same.
    clients: FxHashMap<(u64, Vec<u8>), String>,
    predefined: Arc<Predefined>,
}

impl Messages {
    /// With the names that predefined ids have.
    pub(super) fn new(predefined: Arc<Predefined>) -> Messages {
        Messages {
            topics: FxHashMap::default(),
            clients: FxHashMap::default(),
            predefined,
        }
    }

    /// Decodes and shows a message.
    pub(super) fn show(
        &mut self,
        message: &CapturedMessage,
        show: &mut Show<'_>,
    ) -> Result<(), Stop> {
        let mut record = Recorder::default();
        // What is wrong stands in the record.
        let decoded = decode(&message.bytes, message.at.from, &mut record);
        if self.topics.len() >= MAX_CLIENTS {
            self.topics.clear();
            self.clients.clear();
        }
        let envelope = decoded.ok();
        let forwarder = envelope.as_ref().and_then(|envelope| envelope.forwarder);
        let node = forwarder.map_or(Vec::new(), |f| f.wireless_node_id.to_vec());
        let key = (message.at.stream, node);
        if let Some(Message::Connect { client_id, .. }) = envelope.as_ref().map(|e| &e.message) {
            self.clients
                .extend(named(client_id).map(|name| (key.clone(), name)));
        }
        let client = self.clients.get(&key).map(String::as_str);
        let topic_resolved = envelope.and_then(|envelope| {
            let topics = self.topics.entry(key);
            let topics = topics.or_insert_with(|| Topics::new(Arc::clone(&self.predefined)));
            topics.resolve(&envelope.message, message.at.from)
        });
        let place = place(&message.at);
        let found = show.is_linting().then(|| {
            let mut found = show.sifted();
            found.message(&mut record, place);
            found
        });
        show.begin(place.time);
        show.message(
            &sn::Decoded {
                place,
                bytes: &message.bytes,
                record: &record,
                topic_resolved,
                client,
                findings: found.as_ref().map_or(&[], |found| &found.findings),
            },
            &message.at,
            found.as_ref().map(|found| found.counts),
        )
    }
}
