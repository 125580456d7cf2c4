//! Flags of `midge capture-replay`.

use clap::Args;

use super::Connection;

/// Publish again what clients published in a capture, at the captured times.
///
/// Every captured connection that publishes becomes a connection of its own, in the version it was
/// captured in. Packet identifiers and acknowledgements are new; topics, payloads, QoS, RETAIN and
/// properties are as captured, with topic names in place of topic aliases.
#[derive(Debug, Clone, Args)]
#[command(
    mut_arg("protocol_version", |arg| arg
        .default_value(CaptureReplay::AS_CAPTURED)
        .help("MQTT version of every connection: 5, 311 or 31, or captured for each as it was")),
    mut_arg("id", |arg| arg
        .help("What client identifiers begin with; - and the number of the connection follow \
               [default: midge-replay- and random characters]")),
)]
pub struct CaptureReplay {
    /// A pcap or pcapng file, or - for stdin.
    #[arg(value_name = "FILE")]
    pub file: String,

    /// How many times as fast as captured, as in 10 or 0.5; max for no waiting at all.
    #[arg(long, value_name = "FACTOR", default_value = "1")]
    pub speed: String,

    /// Play what servers delivered, not what clients published; so it is in any case with a file in
    /// which no client publishes, as sub --record makes it.
    #[arg(long)]
    pub deliveries: bool,

    /// Play to a broker that is not on this machine.
    #[arg(short = 'y', long)]
    pub yes: bool,

    /// Say what would be played, and connect to nothing.
    #[arg(long)]
    pub dry_run: bool,

    /// The summary as a JSON object.
    #[arg(long)]
    pub json: bool,

    /// How to reach the broker.
    #[command(flatten)]
    pub connection: Connection,
}

impl CaptureReplay {
    /// The protocol version that stands for each connection's own.
    pub const AS_CAPTURED: &str = "captured";
}
