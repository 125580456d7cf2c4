//! Messages that clients sent to one server: to judge what comes out at the other end.

use rustc_hash::FxHashMap;

use super::super::qos::QoS;

/// Topics that are remembered; beyond it all are forgotten.
const MAX_TOPICS: usize = 8192;

/// Messages per topic.
pub(super) const MAX_MESSAGES: usize = 8;

/// The last messages of each topic.
#[derive(Debug, Default)]
pub(super) struct Traffic {
    topics: FxHashMap<u64, Vec<Published>>,
    next: u64,
}

/// A message on its way to the server.
#[derive(Debug, Clone, Copy)]
pub(super) struct Published {
    /// Of topic and payload.
    pub(super) digest: u64,
    pub(super) frame: u64,
    pub(super) retain: bool,
    pub(super) qos: QoS,
    /// The publisher's connection.
    pub(super) stream: u64,
    /// Counts messages of the server.
    pub(super) number: u64,
}

impl Traffic {
    /// A PUBLISH of a client; repeats do not count.
    pub(super) fn published(
        &mut self,
        topic_hash: u64,
        digest: u64,
        frame: u64,
        stream: u64,
        retain: bool,
        qos: QoS,
    ) {
        if self.topics.len() >= MAX_TOPICS && !self.topics.contains_key(&topic_hash) {
            self.topics.clear();
        }
        let last = self.topics.entry(topic_hash).or_default();
        let number = self.next;
        self.next += 1;
        if last.len() >= MAX_MESSAGES {
            last.remove(0);
        }
        last.push(Published {
            digest,
            frame,
            retain,
            qos,
            stream,
            number,
        });
    }

    /// Bytes that it takes, about.
    pub(super) fn weight(&self) -> usize {
        self.topics.len() * (MAX_MESSAGES * size_of::<Published>() + 48)
    }

    /// The messages with this content, oldest first.
    pub(super) fn of(&self, topic_hash: u64, digest: u64) -> impl Iterator<Item = &Published> {
        let messages = self.topics.get(&topic_hash).map_or(&[][..], Vec::as_slice);
        messages.iter().filter(move |m| m.digest == digest)
    }
}
