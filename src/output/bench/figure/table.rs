//! Which figures there are, and where in a result they stand.

use std::borrow::Cow;

use super::{Better, Unit};
use crate::output::bench::counts::Counts;
use crate::output::bench::latencies::Latencies;
use crate::output::bench::outcome::Outcome;
use crate::output::bench::times::Times;

/// A figure that is one number.
pub(super) struct Simple {
    pub(super) name: &'static str,
    pub(super) unit: Unit,
    pub(super) better: Better,
    pub(super) needs: Needs,
    pub(super) value: fn(&Outcome) -> f64,
    /// What it can be a share of.
    pub(super) whole: Option<fn(&Counts) -> u64>,
}

/// What a run must have for a figure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Needs {
    Nothing,
    Publishers,
    Subscribers,
    /// Subscribers that hear publishers.
    Deliveries,
    /// Publishers or subscribers.
    Messages,
    /// A time at which connections are to be opened.
    ConnectRate,
    Acks,
    /// Acknowledgements of this QoS.
    AcksOf(u8),
    Rate,
}

/// A distribution of times.
pub(super) struct Distribution {
    pub(super) name: &'static str,
    pub(super) needs: Needs,
    find: Find,
    pub(super) is_uncorrected: bool,
}

impl Distribution {
    /// Whether it is about midge, and not about the broker: how late messages were sent.
    pub(super) fn is_of_midge(&self) -> bool {
        self.needs == Needs::Rate
    }

    /// Its times in a result.
    pub(super) fn times<'o>(&self, outcome: &'o Outcome) -> Cow<'o, Times> {
        (self.find)(&outcome.measured.latencies)
    }
}

macro_rules! count {
    ($name:ident, $better:ident, $needs:ident, $whole:expr) => {
        Simple {
            name: stringify!($name),
            unit: Unit::Count,
            better: Better::$better,
            needs: Needs::$needs,
            value: |o| o.measured.totals().$name as f64,
            whole: $whole,
        }
    };
}

const fn simple(
    name: &'static str,
    unit: Unit,
    better: Better,
    needs: Needs,
    value: fn(&Outcome) -> f64,
) -> Simple {
    Simple {
        name,
        unit,
        better,
        needs,
        value,
        whole: None,
    }
}

/// The figures that are one number, in the order to show them.
pub(super) static SIMPLE: [Simple; 31] = [
    simple(
        "rate",
        Unit::PerSecond,
        Better::More,
        Needs::Publishers,
        |o| per_second(o.measured.totals().sent, o.sending_ns()),
    ),
    simple(
        "received_rate",
        Unit::PerSecond,
        Better::More,
        Needs::Deliveries,
        |o| per_second(o.measured.totals().received, o.receiving_ns()),
    ),
    simple(
        "acknowledged_rate",
        Unit::PerSecond,
        Better::More,
        Needs::Acks,
        |o| per_second(o.measured.totals().acknowledged, o.receiving_ns()),
    ),
    simple(
        "sent_bytes_rate",
        Unit::BytesPerSecond,
        Better::More,
        Needs::Publishers,
        |o| per_second(o.measured.totals().sent_bytes, o.sending_ns()),
    ),
    simple(
        "received_bytes_rate",
        Unit::BytesPerSecond,
        Better::More,
        Needs::Deliveries,
        |o| per_second(o.measured.totals().received_bytes, o.receiving_ns()),
    ),
    simple(
        "foreign_rate",
        Unit::PerSecond,
        Better::Neither,
        Needs::Subscribers,
        |o| per_second(o.measured.totals().foreign, o.receiving_ns()),
    ),
    simple(
        "foreign_bytes_rate",
        Unit::BytesPerSecond,
        Better::Neither,
        Needs::Subscribers,
        |o| per_second(o.measured.totals().foreign_bytes, o.receiving_ns()),
    ),
    // How much of the load that was asked for was offered.
    simple("offered", Unit::Percent, Better::More, Needs::Rate, |o| {
        let totals = o.measured.totals();
        percent(totals.offered, totals.due, f64::NAN)
    }),
    count!(sent, Neither, Publishers, None),
    count!(
        not_sent,
        Less,
        Publishers,
        Some(|c| c.sent.saturating_add(c.not_sent))
    ),
    count!(acknowledged, Neither, Acks, Some(|c| c.sent)),
    count!(unacknowledged, Less, Acks, Some(|c| c.sent)),
    count!(refused, Less, Acks, Some(|c| c.sent)),
    count!(expected, Neither, Deliveries, None),
    count!(received, Neither, Deliveries, Some(|c| c.expected)),
    count!(refused_received, Less, Deliveries, None),
    count!(lost, Less, Deliveries, Some(|c| c.expected)),
    count!(duplicated, Less, Deliveries, Some(|c| c.received)),
    count!(reordered, Less, Deliveries, Some(|c| c.received)),
    count!(foreign, Neither, Subscribers, None),
    count!(retained, Neither, Subscribers, None),
    simple(
        "sent_bytes",
        Unit::Bytes,
        Better::Neither,
        Needs::Publishers,
        |o| o.measured.totals().sent_bytes as f64,
    ),
    simple(
        "received_bytes",
        Unit::Bytes,
        Better::Neither,
        Needs::Deliveries,
        |o| o.measured.totals().received_bytes as f64,
    ),
    simple(
        "connections",
        Unit::Count,
        Better::Neither,
        Needs::Nothing,
        |o| o.measured.connections as f64,
    ),
    simple("errors", Unit::Count, Better::Less, Needs::Nothing, |o| {
        o.measured.troubles() as f64
    }),
    simple(
        "duration",
        Unit::Time,
        Better::Neither,
        Needs::Nothing,
        |o| o.sending_ns() as f64,
    ),
    simple("cpu", Unit::Time, Better::Neither, Needs::Nothing, |o| {
        o.measured.cpu_ns as f64
    }),
    simple(
        "cpu_per_message",
        Unit::Time,
        Better::Neither,
        Needs::Messages,
        |o| {
            let totals = o.measured.totals();
            let messages = totals.sent.saturating_add(totals.received);
            match o.measured.cpu_ns {
                // Not known.
                0 => f64::NAN,
                ns => ns as f64 / messages as f64,
            }
        },
    ),
    simple(
        "cpu_use",
        Unit::Percent,
        Better::Neither,
        Needs::Nothing,
        |o| percent(o.measured.cpu_ns, o.receiving_ns(), 0.0),
    ),
    simple(
        "memory",
        Unit::Bytes,
        Better::Neither,
        Needs::Nothing,
        |o| {
            match o.measured.peak_memory_bytes {
                // Not known.
                0 => f64::NAN,
                bytes => bytes as f64,
            }
        },
    ),
    simple(
        "limits",
        Unit::Count,
        Better::Neither,
        Needs::Nothing,
        |o| o.measured.limits.len() as f64,
    ),
];

/// Where the times are.
type Find = for<'l> fn(&'l Latencies) -> Cow<'l, Times>;

const fn distribution(name: &'static str, needs: Needs, find: Find) -> Distribution {
    Distribution {
        name,
        needs,
        find,
        is_uncorrected: false,
    }
}

const fn uncorrected(name: &'static str, needs: Needs, find: Find) -> Distribution {
    Distribution {
        is_uncorrected: true,
        ..distribution(name, needs, find)
    }
}

/// The distributions of times, likewise.
pub(super) static DISTRIBUTIONS: [Distribution; 11] = [
    distribution("connect", Needs::Nothing, |l| {
        Cow::Borrowed(&l.connect.corrected)
    }),
    uncorrected("connect_uncorrected", Needs::ConnectRate, |l| {
        Cow::Borrowed(&l.connect.uncorrected)
    }),
    distribution("ack", Needs::Acks, |l| Cow::Owned(l.ack().corrected)),
    uncorrected("ack_uncorrected", Needs::Acks, |l| {
        Cow::Owned(l.ack().uncorrected)
    }),
    distribution("ack_qos1", Needs::AcksOf(1), |l| {
        Cow::Borrowed(&l.ack_qos1.corrected)
    }),
    uncorrected("ack_qos1_uncorrected", Needs::AcksOf(1), |l| {
        Cow::Borrowed(&l.ack_qos1.uncorrected)
    }),
    distribution("ack_qos2", Needs::AcksOf(2), |l| {
        Cow::Borrowed(&l.ack_qos2.corrected)
    }),
    uncorrected("ack_qos2_uncorrected", Needs::AcksOf(2), |l| {
        Cow::Borrowed(&l.ack_qos2.uncorrected)
    }),
    distribution("e2e", Needs::Deliveries, |l| {
        Cow::Borrowed(&l.e2e.corrected)
    }),
    uncorrected("e2e_uncorrected", Needs::Deliveries, |l| {
        Cow::Borrowed(&l.e2e.uncorrected)
    }),
    distribution("lateness", Needs::Rate, |l| Cow::Borrowed(&l.lateness)),
];

fn per_second(count: u64, ns: u64) -> f64 {
    count as f64 / (ns as f64 / 1e9)
}

fn percent(part: u64, whole: u64, of_nothing: f64) -> f64 {
    match whole {
        0 => of_nothing,
        whole => part as f64 * 100.0 / whole as f64,
    }
}

impl std::fmt::Debug for Simple {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

impl PartialEq for Simple {
    fn eq(&self, other: &Simple) -> bool {
        self.name == other.name
    }
}

impl std::fmt::Debug for Distribution {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

impl PartialEq for Distribution {
    fn eq(&self, other: &Distribution) -> bool {
        self.name == other.name
    }
}
