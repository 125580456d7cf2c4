//! What can be set.

use std::sync::Arc;
use std::time::Duration;

use super::auth::Authenticator;
use super::{Core, ListenerConfig};
use crate::mqtt::Version;
use crate::mqtt::packet::Connect;

/// Limits and manners of a broker. The defaults announce what mosquitto 2.1 announces.
#[derive(Debug, Clone)]
pub struct Config {
    /// One for each listener, by [`Peer::listener`](super::Peer::listener); where there is none,
    /// the default.
    pub listeners: Vec<ListenerConfig>,
    /// Largest packet taken, in bytes with its fixed header.
    pub max_packet_size: usize,
    /// QoS 1 and 2 messages that a 5.0 client may have unacknowledged, 1 to 65535.
    pub receive_maximum: u16,
    /// Highest Topic Alias taken from a 5.0 client; 0: none.
    pub topic_alias_maximum: u16,
    /// Topic Aliases that are used towards a 5.0 client which takes as many; 0: none.
    pub max_outgoing_topic_aliases: u16,
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
    /// Bytes of topic and payload that may be unacknowledged towards a client; one message is sent
    /// whatever its size.
    pub max_inflight_bytes: usize,
    /// Largest payload of a PUBLISH. A larger one is acknowledged (5.0: 0x83) and dropped.
    pub max_payload: usize,
    /// Whether messages can be retained. If not, a PUBLISH with RETAIN ends the connection.
    pub retain_available: bool,
    /// Whether a retained message is sent only as long as its publisher may publish it.
    pub check_retain_source: bool,
    /// Whether QoS 0 messages wait for clients that are away.
    pub queue_qos0: bool,
    /// Longest life of a session without connection; `None`: as the client wishes.
    pub max_session_expiry: Option<Duration>,
    /// Longest Keep Alive of a 5.0 client, in seconds; one that wants a longer one, or none, is
    /// told this one.
    pub max_keep_alive: Option<u16>,
    /// How often the topics under `$SYS` are published; `None`: never.
    pub sys_interval: Option<Duration>,
    /// Beginning that every client identifier must have.
    pub client_id_prefix: Option<Arc<str>>,
    /// Whether messages go out with the QoS of the subscription though they came with a lower one.
    pub upgrade_qos: bool,
    /// Whether each of a client's overlapping subscriptions gets a copy of its own.
    pub allow_duplicates: bool,
    /// Bytes that wait for a connection's network. Above it QoS 0 messages are dropped and
    /// others stay queued; a peer that lets twice as much pile up is cut off.
    pub max_output: usize,
    /// Bytes that sessions, messages and connections may take together, by estimate; the process
    /// needs some more for itself. What there is no room for is refused or cut off.
    pub max_memory: usize,
    /// Levels that a topic filter may have.
    pub max_filter_levels: usize,
    /// How long a peer may take to send its CONNECT.
    pub connect_timeout: Duration,
    /// Whether [`Action::Log`](super::Action::Log) is wanted.
    pub events: bool,
    /// Whether it is wanted for every packet, too: [`EventKind::Packet`](super::EventKind::Packet).
    pub packets: bool,
    /// Whether it is wanted for every message, too:
    /// [`EventKind::Published`](super::EventKind::Published).
    pub messages: bool,
}

impl Core {
    /// New limits for a running broker, from a configuration with the same listeners: all but
    /// those that clients know from their CONNACK, the mount points, and what memory there is.
    pub fn set_limits(&mut self, new: &Config) {
        self.config.take_limits(new);
        self.output.tell_packets(new.packets);
    }
}

impl Config {
    pub(super) fn alias_maximum(&self, listener: &ListenerConfig) -> u16 {
        listener
            .topic_alias_maximum
            .unwrap_or(self.topic_alias_maximum)
    }

    pub(super) fn outgoing_topic_aliases(&self, listener: &ListenerConfig) -> u16 {
        listener
            .topic_alias_maximum_out
            .unwrap_or(self.max_outgoing_topic_aliases)
    }

    /// Takes over what no client has been told in its CONNACK, or counts for the next one only.
    fn take_limits(&mut self, new: &Config) {
        self.receive_maximum = new.receive_maximum;
        self.max_inflight = new.max_inflight;
        self.max_queued_messages = new.max_queued_messages;
        self.max_queued_bytes = new.max_queued_bytes;
        self.max_inflight_bytes = new.max_inflight_bytes;
        self.max_payload = new.max_payload;
        self.check_retain_source = new.check_retain_source;
        self.queue_qos0 = new.queue_qos0;
        self.max_session_expiry = new.max_session_expiry;
        self.max_keep_alive = new.max_keep_alive;
        self.client_id_prefix.clone_from(&new.client_id_prefix);
        self.upgrade_qos = new.upgrade_qos;
        for (listener, new) in self.listeners.iter_mut().zip(&new.listeners) {
            listener.versions = new.versions;
            listener.max_connections = new.max_connections;
            listener.auto_id_prefix.clone_from(&new.auto_id_prefix);
            listener.empty_client_id = new.empty_client_id;
            listener.username_as_client_id = new.username_as_client_id;
        }
    }

    /// The Keep Alive that counts, in seconds; 0: off. Only 5.0 has a way to change it.
    pub(super) fn limited_keep_alive(&self, connect: &Connect<'_>) -> u16 {
        let wanted = connect.keep_alive;
        match self.max_keep_alive {
            Some(most) if connect.version == Version::V5 && (wanted == 0 || wanted > most) => most,
            _ => wanted,
        }
    }

    /// A Session Expiry Interval in seconds, as far as it is granted.
    pub(super) fn limited_expiry(&self, wanted: u32) -> u32 {
        let most = self.max_session_expiry.map(|most| most.as_secs());
        most.and_then(|most| u32::try_from(most).ok())
            .map_or(wanted, |most| wanted.min(most))
    }
}

impl Default for Config {
    fn default() -> Config {
        Config {
            listeners: Vec::new(),
            max_packet_size: 2_000_000,
            receive_maximum: 20,
            topic_alias_maximum: 10,
            max_outgoing_topic_aliases: 10,
            authenticator: None,
            max_inflight: 1_000,
            max_queued_messages: 100_000,
            max_queued_bytes: 64 << 20,
            max_inflight_bytes: usize::MAX,
            max_payload: usize::MAX,
            retain_available: true,
            check_retain_source: true,
            queue_qos0: false,
            max_session_expiry: None,
            max_keep_alive: None,
            sys_interval: Some(Duration::from_secs(10)),
            client_id_prefix: None,
            upgrade_qos: false,
            allow_duplicates: false,
            max_output: 8 << 20,
            max_memory: 1 << 30,
            max_filter_levels: 200,
            connect_timeout: Duration::from_secs(10),
            events: false,
            packets: false,
            messages: false,
        }
    }
}
