//! What a captured connection has said so far.

use rustc_hash::{FxHashMap, FxHashSet};

use crate::cmd::capture_replay::delivery::Delivery;
use crate::cmd::capture_replay::step::{Number, Opening};
use crate::mqtt::ReasonCode;
use crate::mqtt::alias::Aliases;

/// What waits for its answer, by packet identifier.
pub(super) type Outstanding = FxHashMap<u16, Number>;

/// A captured connection.
#[derive(Debug, Default)]
pub(super) struct Stream {
    /// The session that plays it, while it does.
    pub(super) live: Option<Live>,
    /// Whether there was a CONNECT.
    pub(super) has_connected: bool,
    /// The CONNECT, until something is to be played behind it.
    pub(super) held: Option<Box<Opening>>,
    /// The Client Identifier in CONNECT.
    pub(super) captured_id: Option<String>,
    /// Whether the server may keep the session.
    pub(super) persists: bool,
    /// Whether the connection has ended, or the session on it.
    pub(super) is_over: bool,
    /// The CONNECT that has no answer.
    pub(super) connect: Option<Number>,
    /// What the client has not got an answer to.
    pub(super) outstanding: Outstanding,
    /// Packet identifiers of messages that an earlier connection of the client has left open.
    pub(super) resent: FxHashSet<u16>,
    /// Codes of PUBREC other than success.
    pub(super) accepted: FxHashMap<u16, ReasonCode>,
    /// Filters that the client has subscribed to.
    pub(super) filters: Vec<String>,
    /// Topic Aliases of the side that is played.
    pub(super) aliases: Aliases,
    /// Those of the server, where clients are played.
    pub(super) server_aliases: Aliases,
    /// The code of the server's DISCONNECT.
    pub(super) farewell: Option<ReasonCode>,
    /// QoS 2 messages to the client that the server has not released.
    pub(super) unreleased: FxHashSet<u16>,
    /// Whether these are all of them.
    pub(super) loses_releases: bool,
    /// The Keep Alive in use, in seconds; 0 is none.
    pub(super) keep_alive: u16,
    /// Whether the client has sent something that is not played.
    pub(super) is_incomplete: bool,
    /// Whether somebody takes the client over who is not played.
    pub(super) is_taken_over: bool,
    /// Filters that the client has from earlier connections, and those that are not played.
    pub(super) filters_before: Vec<String>,
    pub(super) not_played: Vec<String>,
    /// What the client was sent before something is played on it.
    pub(super) early: Vec<Delivery>,
    /// When the client has sent something last.
    pub(super) last_of_client: Option<i64>,
    pub(super) last_time: Option<i64>,
}

/// The session that plays a connection.
#[derive(Debug)]
pub(super) struct Live {
    pub(super) session: u64,
    pub(super) is_made_up: bool,
}

impl Stream {
    /// Packets are lost, of the side that is played or of the other: what they said about aliases and
    /// identifiers is not known any more, and a wrong topic is worse than none.
    pub(super) fn forget(&mut self, is_played: bool) {
        match is_played {
            true => {
                self.outstanding.clear();
                self.aliases = Aliases::default();
            }
            false => {
                self.server_aliases = Aliases::default();
                self.loses_releases = true;
            }
        }
    }

    /// Whether the client was silent until the server's patience was over (`[MQTT-3.1.2-22]`: one
    /// and a half times the Keep Alive).
    pub(super) fn is_timed_out(&self) -> bool {
        let silent = match (self.last_time, self.last_of_client) {
            (Some(now), Some(last)) => now.saturating_sub(last),
            _ => 0,
        };
        self.keep_alive > 0 && silent >= i64::from(self.keep_alive) * 1_400_000_000
    }
}
