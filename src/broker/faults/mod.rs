//! Faults by rule, delay and a slow network: what happens to packets between the core and the
//! network, without sockets and clocks.
//!
//! Bytes of a connection go in, from either side, and come out as `Act`s: later, twice, changed,
//! or not at all. Everything is decided by the rules, by numbers drawn from a seed, and by the
//! order in which packets come; so the same seed and the same order give the same run.
//!
//! | file | what it is |
//! |---|---|
//! | here | [`FaultPlan`]: what is asked for; `Act`: what to do |
//! | `rule` | [`Rule`]: which packets, and what becomes of them |
//! | `engine` | `Faults`: the packets of all connections on their way |
//! | `lane` | one direction of one connection: what waits there, and until when |
//! | `answer` | answers that the core has not given |
//! | `seen` | what the packets of a connection say about it |
//! | `random` | numbers from a seed |

mod answer;
mod engine;
mod lane;
mod random;
mod rule;
mod seen;
#[cfg(test)]
mod tests;

use std::num::NonZeroU64;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;

use super::core::ConnectionId;
use crate::mqtt::{PacketType, Side};

pub use answer::can_refuse;
pub(super) use engine::Faults;
pub use rule::{Deed, Rule, When};

/// What is asked for. The default is a perfect network.
#[derive(Debug, Clone, Default)]
pub struct FaultPlan {
    /// Each counts all packets that fit it; of several that would strike one, the first does.
    pub rules: Vec<Rule>,
    /// Where all that is random begins.
    pub seed: u64,
    /// How long each packet is on its way, in each direction.
    pub latency: Option<Latency>,
    /// Bytes a second of each connection, in each direction.
    pub rate: Option<NonZeroU64>,
}

/// How long packets are on their way; they do not overtake each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Latency {
    /// In the middle.
    pub mean: Duration,
    /// So much more or less, any of it as likely.
    pub jitter: Duration,
}

impl FaultPlan {
    /// Whether nothing is asked for.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty() && self.latency.is_none() && self.rate.is_none()
    }
}

/// What to do now.
#[derive(Debug, Clone)]
pub(super) enum Act {
    /// The core gets these bytes.
    Input(ConnectionId, Bytes),
    /// The network gets these bytes.
    Send(ConnectionId, Bytes),
    /// So many bytes that the core has sent will never leave.
    Unsent(ConnectionId, usize),
    /// Everything is sent: close, as the core has asked for.
    Close(ConnectionId),
    /// Break the connection, once what was sent has left.
    Break(ConnectionId),
    /// This connection's network may be read again.
    Resume(ConnectionId),
    /// Tell whoever watches.
    Tell(Fault),
}

/// A rule has struck.
#[derive(Debug, Clone)]
pub struct Fault {
    /// Where.
    pub connection: ConnectionId,
    /// Whose; empty before CONNECT.
    pub client_id: Rc<str>,
    /// Which rule, from 0.
    pub rule: usize,
    /// What it has struck.
    pub packet_type: PacketType,
    /// Who has sent that.
    pub from: Side,
    /// What becomes of it.
    pub deed: Deed,
}
