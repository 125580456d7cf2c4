//! What clients do in a run, read from bytes: any bytes are a run, and small changes of them are
//! small changes of it.

use midge::mqtt::{QoS, Version};

/// How many clients there are.
pub(crate) const CLIENTS: usize = 4;

/// Long ones, where a Topic Alias pays, and one that wildcards in the first level pass by.
pub(crate) const TOPICS: [&str; 5] = ["a", "a/b", "b", "a/longer/topic", "$x/a/longer"];

/// Overlapping, and some shared.
pub(crate) const FILTERS: [&str; 10] = [
    "a",
    "a/b",
    "#",
    "+/b",
    "a/#",
    "a/+/topic",
    "$x/#",
    "+",
    "$share/g/a/#",
    "$share/h/#",
];

/// Filters that are not shared. A client is in one group only: of two copies with the same
/// content nobody could tell for which group they came.
const PLAIN: usize = 8;

/// One step of a run.
#[derive(Debug, Clone)]
pub(crate) enum Op {
    Connect {
        client: usize,
        version: Version,
        clean_start: bool,
        /// Session Expiry Interval, 5.0 only.
        expiry: u32,
        receive_maximum: Option<u16>,
        aliases: u16,
        will: Option<WillOp>,
    },
    Subscribe {
        client: usize,
        filter: usize,
        qos: QoS,
        no_local: bool,
        retain_as_published: bool,
        retain_handling: u8,
        with_identifier: bool,
    },
    Unsubscribe {
        client: usize,
        filter: usize,
    },
    Publish {
        client: usize,
        topic: usize,
        qos: QoS,
        retain: bool,
        is_empty: bool,
        expiry: Option<u32>,
        alias: Option<u16>,
    },
    /// The client reads so many packets of those that have come.
    Read {
        client: usize,
        count: usize,
    },
    /// The client sends one of the acknowledgements that it owes.
    Answer {
        client: usize,
        which: usize,
        refuses: bool,
    },
    /// The connection breaks; what the client has not read is lost.
    Cut {
        client: usize,
    },
    /// DISCONNECT, with or without the will.
    Leave {
        client: usize,
        with_will: bool,
        expiry: Option<u32>,
    },
    Wait {
        seconds: u64,
    },
}

/// The will of a CONNECT.
#[derive(Debug, Clone)]
pub(crate) struct WillOp {
    pub(crate) topic: usize,
    pub(crate) qos: QoS,
    pub(crate) retain: bool,
    /// Will Delay Interval, 5.0 only.
    pub(crate) delay: u32,
}

/// Decisions, one byte each; 0 when there are no more.
pub(crate) struct Dice<'b>(pub(crate) &'b [u8]);

impl Dice<'_> {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn byte(&mut self) -> u8 {
        match self.0.split_first() {
            Some((&byte, rest)) => {
                self.0 = rest;
                byte
            }
            None => 0,
        }
    }

    pub(crate) fn below(&mut self, n: usize) -> usize {
        usize::from(self.byte()) % n
    }

    fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == n - 1
    }

    fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }

    fn qos(&mut self) -> QoS {
        self.pick(&[QoS::ExactlyOnce, QoS::AtLeastOnce, QoS::AtMostOnce])
    }

    fn filter(&mut self, client: usize) -> usize {
        match self.below(PLAIN + 2) {
            plain if plain < PLAIN => plain,
            _ => PLAIN + client / 2,
        }
    }

    pub(crate) fn op(&mut self) -> Op {
        let kind = self.below(32);
        let client = self.below(CLIENTS);
        match kind {
            0..=4 => Op::Read {
                client,
                count: 1 + self.below(8),
            },
            5..=8 => Op::Subscribe {
                client,
                filter: self.filter(client),
                qos: self.qos(),
                no_local: self.one_in(4),
                retain_as_published: self.one_in(3),
                retain_handling: self.pick(&[0, 1, 2]),
                with_identifier: self.one_in(2),
            },
            9 => Op::Unsubscribe {
                client,
                filter: self.filter(client),
            },
            10..=16 => Op::Publish {
                client,
                topic: self.below(TOPICS.len()),
                qos: self.qos(),
                retain: self.one_in(4),
                is_empty: self.one_in(6),
                expiry: self.pick(&[None, None, None, Some(4), Some(30)]),
                alias: self.pick(&[None, None, Some(1), Some(2)]),
            },
            17..=21 => Op::Connect {
                client,
                version: self.pick(&[Version::V5, Version::V5, Version::V311]),
                clean_start: self.one_in(4),
                expiry: self.pick(&[u32::MAX, 100, 7, 0]),
                receive_maximum: self.pick(&[None, Some(1), Some(2)]),
                aliases: self.pick(&[0, 1, 100]),
                will: self.one_in(3).then(|| WillOp {
                    topic: self.below(TOPICS.len()),
                    qos: self.qos(),
                    retain: self.one_in(3),
                    delay: self.pick(&[0, 3, 50]),
                }),
            },
            22..=27 => Op::Answer {
                client,
                which: self.below(8),
                refuses: self.one_in(9),
            },
            28 | 29 => Op::Cut { client },
            30 => Op::Leave {
                client,
                with_will: self.one_in(3),
                expiry: self.pick(&[None, Some(0), Some(5)]),
            },
            _ => Op::Wait {
                seconds: self.pick(&[1, 3, 10, 60]),
            },
        }
    }
}
