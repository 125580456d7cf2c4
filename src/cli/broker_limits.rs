//! Flags of `midge broker`: what it takes and keeps.

use clap::Args;

/// What the broker takes and keeps.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Limits")]
pub struct Limits {
    /// Largest packet taken, in bytes with its fixed header.
    #[arg(
        long,
        value_name = "BYTES",
        default_value_t = 2_000_000,
        value_parser = clap::value_parser!(u32).range(20..=268_435_460)
    )]
    pub max_packet_size: u32,

    /// Largest payload taken; a message with a larger one is dropped, and acknowledged: to 5.0
    /// clients with the reason code 0x83 [default: what the largest packet has room for].
    #[arg(long, value_name = "BYTES")]
    pub message_size_limit: Option<u32>,

    /// Highest QoS taken from clients and granted to them.
    #[arg(long, value_name = "QOS", value_parser = clap::value_parser!(u8).range(0..=2))]
    pub max_qos: Option<u8>,

    /// QoS 1 and 2 messages that may be unacknowledged, in each direction and per client
    /// [default: 20 from a client, 1000 to a client].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub max_inflight_messages: Option<u16>,

    /// QoS 1 and 2 messages that wait per client beside those [default: 100000].
    #[arg(long, value_name = "N")]
    pub max_queued_messages: Option<u32>,

    /// Bytes of topic and payload that wait per client [default: 64 MiB].
    #[arg(long, value_name = "BYTES")]
    pub max_queued_bytes: Option<u32>,

    /// Connections at a time, at each listener [default: any number].
    #[arg(long, value_name = "N")]
    pub max_connections: Option<u32>,

    /// Longest Keep Alive of MQTT 5.0 clients, in seconds.
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u16).range(1..))]
    pub max_keepalive: Option<u16>,

    /// Highest Topic Alias taken from MQTT 5.0 clients; 0: none [default: 10].
    #[arg(long, value_name = "N")]
    pub max_topic_alias: Option<u16>,

    /// Longest life of a session without a connection, e.g. 10m.
    #[arg(long, value_name = "DURATION")]
    pub persistent_client_expiration: Option<String>,

    /// Refuse retained messages.
    #[arg(long)]
    pub no_retain: bool,

    /// What stands before every topic, unseen by the clients.
    #[arg(long, value_name = "PREFIX")]
    pub mount_point: Option<String>,
}
