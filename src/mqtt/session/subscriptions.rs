//! What a client is subscribed to, as far as it was seen.

use rustc_hash::{FxHashMap, FxHashSet};

use super::super::packet::{Subscribe, SubscriptionOptions};
use super::super::property::PropertyId;
use super::super::qos::QoS;
use super::super::topic;
use super::At;

/// Subscriptions of one session that are remembered, those that have ended included; with more it
/// is not known any longer what the client is subscribed to.
const MAX_SUBSCRIPTIONS: usize = 1024;

/// Bytes of their filters.
const MAX_BYTES: usize = 256 * 1024;

/// Retained messages per subscription that are remembered.
const MAX_RETAINED: usize = 256;

/// How far a subscription has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// SUBACK has not come.
    Asked,
    /// SUBACK granted it.
    Granted,
    /// SUBACK refused it.
    Refused,
    /// Unsubscribed from, or replaced. Messages may still be on their way.
    Ended,
}

/// A topic filter and what was agreed on.
#[derive(Debug, Clone)]
pub(super) struct Subscription {
    /// As sent.
    filter: String,
    pub(super) options: SubscriptionOptions,
    /// Subscription Identifier.
    pub(super) id: Option<u32>,
    /// What is granted at most: what was asked for until SUBACK comes.
    pub(super) qos: QoS,
    pub(super) state: State,
    /// The frame of the SUBSCRIBE; `None` if that was on an earlier connection.
    pub(super) asked: Option<u64>,
    /// The frame of the SUBACK.
    pub(super) granted: Option<u64>,
    /// The frame of the UNSUBSCRIBE that ends it.
    unsubscribing: Option<u64>,
    /// Where UNSUBACK said that it has ended.
    pub(super) unsubscribed: Option<At>,
    /// Topics, hashed, of which a message with RETAIN came since the SUBSCRIBE.
    retained: FxHashSet<u64>,
    /// Not all of them are known.
    retained_in_part: bool,
}

impl Subscription {
    /// The filter that messages are matched with.
    fn plain_filter(&self) -> &str {
        // 3.1.1 servers know `$share` too, as an extension.
        match topic::parse_shared(&self.filter) {
            Ok(Some(shared)) => shared.filter,
            _ => &self.filter,
        }
    }

    pub(super) fn is_shared(&self) -> bool {
        topic::is_shared(&self.filter)
    }

    /// Notes that a message with RETAIN came; says whether it certainly is not the first one of
    /// this topic since the SUBSCRIBE.
    pub(super) fn retained_again(&mut self, topic_hash: u64) -> bool {
        if self.retained.len() >= MAX_RETAINED {
            self.retained_in_part = true;
            self.retained.clear();
        }
        let is_again = !self.retained.insert(topic_hash);
        is_again && !self.retained_in_part
    }
}

/// A SUBSCRIBE or UNSUBSCRIBE that waits for its answer.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    /// The frame of the request.
    pub(super) frame: u64,
    pub(super) filters: Vec<AskedFilter>,
}

#[derive(Debug, Clone)]
pub(super) struct AskedFilter {
    pub(super) filter: String,
    pub(super) qos: QoS,
    /// UNSUBSCRIBE: whether the client was subscribed to it; `None` if not known.
    pub(super) existed: Option<bool>,
}

/// The subscriptions of a session.
#[derive(Debug, Clone, Default)]
pub(super) struct Subscriptions {
    list: Vec<Subscription>,
    bytes: usize,
    asked: FxHashMap<u16, Asked>,
    /// All that the session has are in the list.
    is_whole: bool,
}

impl Subscriptions {
    /// The session is new.
    pub(super) fn is_new(&mut self) {
        self.is_whole = true;
    }

    /// Whether every subscription is known.
    pub(super) fn is_whole(&self) -> bool {
        self.is_whole
    }

    /// A SUBSCRIBE may have gone unseen.
    pub(super) fn forget_asked(&mut self) {
        self.is_whole = false;
        self.asked.clear();
    }

    /// A SUBACK may have gone unseen.
    pub(super) fn forget_granted(&mut self) {
        self.asked.clear();
    }

    /// Forgets everything.
    pub(super) fn drop_memory(&mut self) {
        *self = Subscriptions::default();
    }

    /// Bytes that it takes, about.
    pub(super) fn weight(&self) -> usize {
        let each = size_of::<Subscription>() + 64;
        2 * self.bytes + self.list.len() * each + self.asked.len() * each
    }

    /// The connection is over, the session is not.
    pub(super) fn into_past(mut self) -> Subscriptions {
        self.asked.clear();
        for subscription in &mut self.list {
            subscription.asked = None;
            subscription.granted = Some(0);
            subscription.unsubscribing = None;
            subscription.unsubscribed = None;
            // What was queued for the client may be one of them.
            subscription.retained_in_part = true;
        }
        self
    }

    /// The session goes on: `past` is what was known of it.
    pub(super) fn resume(&mut self, past: Subscriptions) {
        let now = std::mem::replace(self, past);
        self.bytes += now.bytes;
        self.list.extend(now.list);
        self.asked = now.asked;
    }

    /// SUBSCRIBE.
    pub(super) fn subscribe(&mut self, subscribe: &Subscribe<'_>, frame: u64) {
        let id = subscribe
            .properties
            .number(PropertyId::SUBSCRIPTION_IDENTIFIER);
        let mut filters = Vec::new();
        for (filter, options) in subscribe.filters.iter() {
            for old in &mut self.list {
                if old.filter == filter && old.state != State::Refused {
                    old.state = State::Ended;
                }
            }
            self.bytes += filter.len();
            self.list.push(Subscription {
                filter: filter.to_owned(),
                options,
                id,
                qos: options.qos,
                state: State::Asked,
                asked: Some(frame),
                granted: None,
                unsubscribing: None,
                unsubscribed: None,
                retained: FxHashSet::default(),
                retained_in_part: false,
            });
            filters.push(AskedFilter {
                filter: filter.to_owned(),
                qos: options.qos,
                existed: None,
            });
            self.bound();
        }
        self.asked
            .insert(subscribe.packet_id, Asked { frame, filters });
        self.bound();
    }

    /// UNSUBSCRIBE. What it ends may still be delivered.
    pub(super) fn unsubscribe(&mut self, unsubscribe: &Subscribe<'_>, frame: u64) {
        let mut filters = Vec::new();
        for (filter, _) in unsubscribe.filters.iter() {
            let mut existed = self.is_whole.then_some(false);
            for old in &mut self.list {
                if old.filter == filter {
                    match old.state {
                        State::Granted => existed = Some(true),
                        State::Asked => existed = None,
                        State::Ended | State::Refused => continue,
                    }
                    old.state = State::Ended;
                }
            }
            for ended in &mut self.list {
                if ended.filter == filter && ended.state == State::Ended {
                    ended.unsubscribing = Some(frame);
                    ended.unsubscribed = None;
                }
            }
            filters.push(AskedFilter {
                filter: filter.to_owned(),
                qos: QoS::AtMostOnce,
                existed,
            });
        }
        self.asked
            .insert(unsubscribe.packet_id, Asked { frame, filters });
        self.bound();
    }

    /// The request that an answer is for.
    pub(super) fn answered(&mut self, packet_id: u16) -> Option<Asked> {
        self.asked.remove(&packet_id)
    }

    /// SUBACK said `code` of a filter that was asked for in `asked`.
    pub(super) fn grant(&mut self, filter: &str, asked: u64, code: u8, frame: u64) {
        let of_request = |s: &&mut Subscription| s.filter == filter && s.asked == Some(asked);
        for subscription in self.list.iter_mut().filter(of_request) {
            match QoS::from_u8(code) {
                Some(qos) => {
                    subscription.qos = qos;
                    subscription.granted = Some(frame);
                    if subscription.state == State::Asked {
                        subscription.state = State::Granted;
                    }
                }
                None => subscription.state = State::Refused,
            }
        }
    }

    /// UNSUBACK, at `at`, said that the UNSUBSCRIBE of the frame `asked` has ended a subscription.
    pub(super) fn unsubscribed(&mut self, filter: &str, asked: u64, at: At) {
        for ended in &mut self.list {
            if ended.filter == filter && ended.unsubscribing == Some(asked) {
                ended.unsubscribed = Some(at);
            }
        }
    }

    /// Whether a filter would match a topic that begins with `$`, if wildcards did.
    pub(super) fn would_match(&self, topic: &str) -> bool {
        let Some(rest) = topic.strip_prefix('$') else {
            return false;
        };
        let plain = format!("x{rest}");
        self.list.iter().any(|s| {
            let filter = s.plain_filter();
            s.state != State::Refused
                && filter.starts_with(['+', '#'])
                && topic::matches(filter, &plain)
        })
    }

    /// Those that match a topic, refused ones not.
    pub(super) fn matching(&mut self, topic: &str) -> Vec<&mut Subscription> {
        self.list
            .iter_mut()
            .filter(|s| s.state != State::Refused && topic::matches(s.plain_filter(), topic))
            .collect()
    }

    fn bound(&mut self) {
        let is_full = |s: &Subscriptions| s.list.len() > MAX_SUBSCRIPTIONS || s.bytes > MAX_BYTES;
        if is_full(self) {
            self.list
                .retain(|s| !matches!(s.state, State::Ended | State::Refused));
            self.bytes = self.list.iter().map(|s| s.filter.len()).sum();
        }
        if is_full(self) || self.asked.len() > MAX_SUBSCRIPTIONS {
            self.drop_memory();
        }
    }
}
