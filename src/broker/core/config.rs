//! What can be set.

use std::sync::Arc;
use std::time::Duration;

use super::auth::Authenticator;

/// Limits and manners of a broker. The defaults announce what mosquitto 2.1 announces.
#[derive(Debug, Clone)]
pub struct Config {
    /// Largest packet taken, in bytes with its fixed header.
    pub max_packet_size: usize,
    /// QoS 1 and 2 messages that a 5.0 client may have unacknowledged, 1 to 65535.
    pub receive_maximum: u16,
    /// Highest Topic Alias taken from a 5.0 client; 0: none.
    pub topic_alias_maximum: u16,
    /// Topic Aliases that are used towards a 5.0 client which takes as many; 0: none.
    pub max_outgoing_topic_aliases: u16,
    /// Longest Keep Alive in seconds. A 5.0 client that asks for more, or for none, is told this
    /// one; others are refused, as mosquitto does it. 0: any, and none at all.
    pub max_keepalive: u16,
    /// Who knows authentication methods (5.0, 4.12); without it all are refused.
    pub authenticator: Option<Arc<dyn Authenticator>>,
    /// QoS 1 and 2 messages that may be unacknowledged towards a client, 1 to 65535; a 5.0
    /// client's own Receive Maximum may lower it.
    pub max_inflight: u16,
    /// QoS 1 and 2 messages that wait per session, beside those in flight. What comes when the
    /// queue is full is dropped.
    pub max_queued_messages: usize,
    /// Bytes of topic and payload that wait per session.
    pub max_queued_bytes: usize,
    /// Bytes that wait for a connection's network. Above it QoS 0 messages are dropped and
    /// others stay queued; a peer that lets twice as much pile up is cut off.
    pub max_output: usize,
    /// Levels that a topic filter may have.
    pub max_filter_levels: usize,
    /// How long a peer may take to send its CONNECT.
    pub connect_timeout: Duration,
    /// How often values below `$SYS` are sent to those who subscribe to them; 0: there are none.
    pub sys_interval: Duration,
    /// Whether [`Action::Log`](super::Action::Log) is wanted.
    pub events: bool,
}

impl Config {
    /// What a client that asks for this Keep Alive gets.
    pub(super) fn granted_keep_alive(&self, wanted: u16) -> u16 {
        match (self.max_keepalive, wanted) {
            (0, _) => wanted,
            (most, 0) => most,
            (most, _) => wanted.min(most),
        }
    }
}

impl Default for Config {
    fn default() -> Config {
        Config {
            max_packet_size: 2_000_000,
            receive_maximum: 20,
            topic_alias_maximum: 10,
            max_outgoing_topic_aliases: 10,
            max_keepalive: 0,
            authenticator: None,
            max_inflight: 1_000,
            max_queued_messages: 100_000,
            max_queued_bytes: 64 << 20,
            max_output: 8 << 20,
            max_filter_levels: 200,
            connect_timeout: Duration::from_secs(10),
            sys_interval: Duration::from_secs(10),
            events: false,
        }
    }
}
