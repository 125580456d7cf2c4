//! Requests that wait for an answer, messages on their way, and how long both took.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher, RandomState};

use hdrhistogram::Histogram;
use rustc_hash::FxHashMap;

use crate::mqtt::{PacketType, Side};
use crate::output::stats::Delay;
use crate::output::time::Time;

/// Requests that are open at once; further ones are not timed.
const MAX_OPEN: usize = 1 << 18;
/// Messages whose delivery may still come.
const MAX_MESSAGES: usize = 1 << 16;
/// For so many nanoseconds.
const MAX_WAY: i128 = 60_000_000_000;
/// Longer delays count as this: an hour.
const MAX_DELAY: u64 = 3_600_000_000_000;

/// The kinds of delay, in the order of the report.
const KINDS: [&str; 7] = [
    "CONNECT to CONNACK",
    "PUBLISH to PUBACK",
    "PUBLISH to PUBCOMP",
    "SUBSCRIBE to SUBACK",
    "UNSUBSCRIBE to UNSUBACK",
    "PINGREQ to PINGRESP",
    "publisher to subscriber",
];

/// What is known of each kind of which there was one.
#[derive(Debug, Default)]
pub(super) struct Delays {
    kinds: [Option<Kind>; KINDS.len()],
}

/// Shortest and longest as they were, and what lies between to three digits.
#[derive(Debug)]
struct Kind {
    min: u64,
    max: u64,
    all: Histogram<u64>,
}

impl Delays {
    fn record(&mut self, kind: usize, nanoseconds: i128) {
        // Clocks may step back.
        let delay = u64::try_from(nanoseconds.max(0)).unwrap_or(MAX_DELAY);
        let Some(slot) = self.kinds.get_mut(kind) else {
            return;
        };
        if slot.is_none() {
            let all = Histogram::new_with_bounds(1, MAX_DELAY, 3).ok();
            *slot = all.map(|all| Kind {
                min: u64::MAX,
                max: 0,
                all,
            });
        }
        if let Some(kind) = slot {
            kind.min = kind.min.min(delay);
            kind.max = kind.max.max(delay);
            kind.all.saturating_record(delay);
        }
    }

    pub(super) fn delivered(&mut self, nanoseconds: i128) {
        self.record(KINDS.len() - 1, nanoseconds);
    }

    pub(super) fn report(&self) -> Vec<Delay> {
        let kinds = KINDS.iter().zip(&self.kinds);
        kinds
            .filter_map(|(name, kind)| {
                let Kind { min, max, all } = kind.as_ref()?;
                let at = |quantile| all.value_at_quantile(quantile).clamp(*min, *max);
                Some(Delay {
                    delay: name,
                    count: all.len(),
                    min_ns: *min,
                    p50_ns: at(0.5),
                    p90_ns: at(0.9),
                    p99_ns: at(0.99),
                    max_ns: *max,
                })
            })
            .collect()
    }
}

/// A packet of an exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Request {
    pub(super) stream: u64,
    pub(super) from: Side,
    pub(super) packet_type: PacketType,
    pub(super) packet_id: u16,
}

/// The requests that have no answer yet, and when they were sent.
#[derive(Debug, Default)]
pub(super) struct Open {
    requests: FxHashMap<Request, Option<Time>>,
}

impl Open {
    /// Whether something must answer a packet.
    pub(super) fn is_request(packet_type: PacketType, qos: u8) -> bool {
        match packet_type {
            PacketType::PUBLISH => qos > 0,
            PacketType::CONNECT
            | PacketType::SUBSCRIBE
            | PacketType::UNSUBSCRIBE
            | PacketType::PINGREQ => true,
            _ => false,
        }
    }

    /// Takes a request; says whether the same is open already.
    pub(super) fn request(&mut self, request: Request, now: Option<Time>) -> bool {
        if self.requests.contains_key(&request) {
            return request.packet_type == PacketType::PUBLISH;
        }
        if self.requests.len() < MAX_OPEN {
            self.requests.insert(request, now);
        }
        false
    }

    /// Takes what may be the last packet of an exchange.
    pub(super) fn answer(
        &mut self,
        answer: Request,
        is_refused: bool,
        now: Option<Time>,
        delays: &mut Delays,
    ) {
        use PacketType as P;
        let (of, kind) = match answer.packet_type {
            P::CONNACK => (P::CONNECT, 0),
            P::PUBACK => (P::PUBLISH, 1),
            P::PUBCOMP => (P::PUBLISH, 2),
            P::PUBREC if is_refused => (P::PUBLISH, 2),
            P::SUBACK => (P::SUBSCRIBE, 3),
            P::UNSUBACK => (P::UNSUBSCRIBE, 4),
            P::PINGRESP => (P::PINGREQ, 5),
            _ => return,
        };
        let request = Request {
            from: answer.from.other(),
            packet_type: of,
            ..answer
        };
        let sent = self.requests.remove(&request);
        if let (Some(Some(sent)), Some(now), false) = (sent, now, is_refused && kind == 2) {
            delays.record(kind, now.since(sent));
        }
    }

    /// What was never answered.
    pub(super) fn left(&self) -> impl Iterator<Item = &Request> {
        self.requests.keys()
    }
}

/// Messages that publishers sent a short time ago, by topic and payload. Where the same is sent
/// again, the last one counts.
#[derive(Debug, Default)]
pub(super) struct Messages {
    hasher: RandomState,
    sent: HashMap<u64, Time>,
    order: VecDeque<(u64, Time)>,
}

impl Messages {
    pub(super) fn published(&mut self, topic: &str, payload: &[u8], now: Time) {
        let key = self.hasher.hash_one((topic, payload));
        self.sent.insert(key, now);
        self.order.push_back((key, now));
        while let Some((key, sent)) = self.order.front().copied() {
            if self.order.len() <= MAX_MESSAGES && now.since(sent) <= MAX_WAY {
                break;
            }
            self.order.pop_front();
            // Unless the same was sent again since.
            if self.sent.get(&key) == Some(&sent) {
                self.sent.remove(&key);
            }
        }
    }

    /// When a message was sent that a subscriber gets now.
    pub(super) fn sent(&self, topic: &str, payload: &[u8], now: Time) -> Option<Time> {
        let key = self.hasher.hash_one((topic, payload));
        let sent = *self.sent.get(&key)?;
        (now.since(sent) <= MAX_WAY).then_some(sent)
    }
}
