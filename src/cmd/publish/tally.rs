//! What became of the messages: sent, acknowledged, refused.

use rustc_hash::FxHashMap;

use crate::client::{Says, Token, TopicName};
use crate::cmd::{Exit, Failure};
use crate::mqtt::topic::Quoted;
use crate::mqtt::{QoS, ReasonCode};

/// Counts messages.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) sent: u64,
    /// Those of QoS 1 and 2.
    asked: u64,
    acknowledged: u64,
    refused: u64,
    first_refusal: Option<Refusal>,
    /// Where messages went that are not answered yet: as many as may be in flight. Not kept if all
    /// go to one topic.
    topics: Option<FxHashMap<Token, TopicName>>,
    /// The topic that all messages go to.
    one_topic: Option<TopicName>,
}

#[derive(Debug)]
struct Refusal {
    reason: ReasonCode,
    reason_string: Option<String>,
    topic: Option<TopicName>,
}

impl Tally {
    /// `topic` is where all messages go, if it is one.
    pub(super) fn new(topic: Option<TopicName>) -> Tally {
        Tally {
            topics: topic.is_none().then(FxHashMap::default),
            one_topic: topic,
            ..Tally::default()
        }
    }

    #[inline]
    pub(super) fn sent(&mut self, token: Token, topic: &TopicName, qos: QoS) {
        self.sent += 1;
        if qos == QoS::AtMostOnce {
            return;
        }
        self.asked += 1;
        if let Some(topics) = &mut self.topics {
            topics.insert(token, topic.clone());
        }
    }

    #[inline]
    pub(super) fn answered(
        &mut self,
        token: Token,
        reason: ReasonCode,
        reason_string: Option<String>,
    ) {
        let topic = match &mut self.topics {
            Some(topics) => topics.remove(&token),
            None => None,
        };
        if !reason.is_error() {
            self.acknowledged += 1;
            return;
        }
        self.refused += 1;
        if self.first_refusal.is_none() {
            self.first_refusal = Some(Refusal {
                reason,
                reason_string,
                topic: topic.or_else(|| self.one_topic.clone()),
            });
        }
    }

    /// Whether a message of QoS 0 was sent.
    pub(super) fn has_unanswerable(&self) -> bool {
        self.asked < self.sent
    }

    /// Everything was sent and answered: did the broker take it?
    pub(super) fn verdict(&self) -> Result<(), Failure> {
        let Some(refusal) = &self.first_refusal else {
            return Ok(());
        };
        let says = Says(refusal.reason_string.as_deref());
        let topic = refusal.topic.as_ref().map_or("", TopicName::as_str);
        let (topic, reason) = (Quoted(topic), refusal.reason);
        let what = match (self.refused, self.sent, &self.topics) {
            (_, 1, _) => format!("the message to {topic}: {reason}"),
            (1, all, None) => format!("1 of {all} messages to {topic}: {reason}"),
            (n, all, None) => format!("{n} of {all} messages to {topic}, the first with {reason}"),
            (1, all, Some(_)) => format!("1 of {all} messages, the one to {topic}: {reason}"),
            (n, all, Some(_)) => {
                format!("{n} of {all} messages, the first of them to {topic}: {reason}")
            }
        };
        Err(Failure::new(
            Exit::Refused(refusal.reason),
            format!("the broker refused {what}{says}"),
        ))
    }

    /// The time is over before everything was answered.
    pub(super) fn unanswered(&self) -> Failure {
        let open = self.asked - self.acknowledged - self.refused;
        let sent = self.sent;
        Failure::new(
            Exit::TimeOver,
            format!("{open} of {sent} messages were not acknowledged in time"),
        )
    }

    /// For a sentence about a connection that is lost: nothing if nothing was to be acknowledged.
    pub(super) fn acknowledged_of_sent(&self) -> String {
        match self.asked {
            0 => String::new(),
            asked => format!(
                " ({} of {asked} messages were acknowledged)",
                self.acknowledged
            ),
        }
    }

    /// For a sentence about input that ends the work: what went before it.
    pub(super) fn before(&self) -> String {
        match (self.sent, self.asked) {
            (0, _) => String::new(),
            (1, 0) => " (1 message before it was sent)".to_owned(),
            (sent, 0) => format!(" ({sent} messages before it were sent)"),
            (sent, _) => format!(
                " ({} of {sent} messages before it were acknowledged)",
                self.acknowledged
            ),
        }
    }
}
