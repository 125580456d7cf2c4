//! Requests that wait for an answer, messages on their way, and how long both took.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher, RandomState};

use hdrhistogram::Histogram;
use rustc_hash::FxHashMap;

use crate::output::exchange::{Exchange, Part, Role, Step};
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

/// The kinds of delay with the packets that end them, in the order of the report.
const KINDS: [(&str, &str); 8] = [
    ("CONNECT to CONNACK", "CONNACK"),
    ("REGISTER to REGACK", "REGACK"),
    ("PUBLISH to PUBACK", "PUBACK"),
    ("PUBLISH to PUBCOMP", "PUBCOMP"),
    ("SUBSCRIBE to SUBACK", "SUBACK"),
    ("UNSUBSCRIBE to UNSUBACK", "UNSUBACK"),
    ("PINGREQ to PINGRESP", "PINGRESP"),
    ("publisher to subscriber", ""),
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
    /// Takes a delay that ended with the packet called `end`.
    fn record(&mut self, end: &str, nanoseconds: i128) {
        // Clocks may step back.
        let delay = u64::try_from(nanoseconds.max(0)).unwrap_or(MAX_DELAY);
        let mut slots = KINDS.iter().zip(&mut self.kinds);
        let Some((_, slot)) = slots.find(|((_, of), _)| *of == end) else {
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
        self.record("", nanoseconds);
    }

    pub(super) fn report(&self) -> Vec<Delay> {
        let kinds = KINDS.iter().zip(&self.kinds);
        kinds
            .filter_map(|((name, _), kind)| {
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

/// A connection: whether it is one of UDP, which have numbers of their own, and its number.
pub(super) type Stream = (bool, u64);

/// A request that waits for its answer.
#[derive(Debug, Clone, Copy)]
struct Request {
    sent: Option<Time>,
    qos: u8,
}

/// The requests that have no answer yet.
#[derive(Debug, Default)]
pub(super) struct Open {
    requests: FxHashMap<(Stream, Exchange), Request>,
}

impl Open {
    /// Takes a packet that may begin an exchange; says whether it is a PUBLISH of one that is open
    /// already.
    pub(super) fn request(&mut self, stream: Stream, step: Step, now: Option<Time>) -> bool {
        let Some(Role {
            exchange,
            part: Part::Begins,
            ..
        }) = step.role()
        else {
            return false;
        };
        let key = (stream, exchange);
        if self.requests.contains_key(&key) {
            return exchange.request == "PUBLISH";
        }
        if self.requests.len() < MAX_OPEN {
            let (sent, qos) = (now, step.qos);
            self.requests.insert(key, Request { sent, qos });
        }
        false
    }

    /// Takes what may be the last packet of an exchange.
    pub(super) fn answer(
        &mut self,
        stream: Stream,
        step: Step,
        now: Option<Time>,
        delays: &mut Delays,
    ) {
        let Some(role) = step.role().filter(|role| role.part == Part::Ends) else {
            return;
        };
        let key = (stream, role.exchange);
        let is_its = |request: &Request| role.fits(request.qos);
        if !self.requests.get(&key).is_some_and(is_its) {
            return;
        }
        // A refusal with PUBREC ends no whole exchange.
        if let Some(request) = self.requests.remove(&key)
            && let (Some(sent), Some(now)) = (request.sent, now)
            && step.name != "PUBREC"
            && !(step.is_refused && step.name == "PUBCOMP")
        {
            delays.record(step.name, now.since(sent));
        }
    }

    /// What was never answered.
    pub(super) fn left(&self) -> impl Iterator<Item = &(Stream, Exchange)> {
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
