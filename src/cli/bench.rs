//! Flags of `midge bench`.

use clap::Args;

use super::Connection;
use super::bench_result::{BenchCommand, BenchResult};

/// Load a broker, and measure rates, latencies and losses.
///
/// Every subscriber receives the messages of every publisher. Without --rate each publisher sends
/// as fast as the broker takes it; with --rate messages are sent at fixed times, and latencies
/// count from those times, so that a broker that stalls cannot hide it.
#[derive(Debug, Clone, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    subcommand_help_heading = "Other work"
)]
pub struct Bench {
    /// Connections that publish.
    #[arg(long, value_name = "COUNT", default_value_t = 1)]
    pub publishers: u32,

    /// Connections that subscribe and count what comes.
    #[arg(long, value_name = "COUNT", default_value_t = 1)]
    pub subscribers: u32,

    /// Connections that only stay open.
    #[arg(long, value_name = "COUNT", default_value_t = 0)]
    pub idle: u32,

    /// Messages per second, all publishers together; k and M stand for thousand and million
    /// [default: as fast as the broker takes them].
    #[arg(long, value_name = "RATE")]
    pub rate: Option<String>,

    /// Bytes of each message's payload. With subscribers at least 18: what tells one message from
    /// another stands there.
    #[arg(long, value_name = "BYTES", default_value_t = 64)]
    pub size: u32,

    /// End after this many messages, all publishers together.
    #[arg(long, value_name = "COUNT")]
    pub count: Option<u64>,

    /// How long to publish, warm-up not included: seconds, or with a unit as in 500ms, 10s, 2m
    /// [default: 10s, or until --count is reached].
    #[arg(long, value_name = "TIME")]
    pub duration: Option<String>,

    /// How long to publish before anything is counted.
    #[arg(long, value_name = "TIME", default_value = "0")]
    pub warmup: String,

    /// Topic to publish to. {run} stands for a name of this run, {client} for the publisher's
    /// number; the subscribers put + in place of a level with {client} [default:
    /// midge/bench/{run}/{client}].
    #[arg(short, long, value_name = "TOPIC")]
    pub topic: Option<String>,

    /// Quality of Service of messages and subscriptions: 0, 1 or 2.
    #[arg(short, long, value_name = "QOS", default_value_t = 0)]
    pub qos: u8,

    /// Messages of QoS 1 and 2 that each publisher may have unacknowledged [default: 20; with
    /// --rate as many as the broker takes].
    #[arg(long, value_name = "COUNT")]
    pub inflight: Option<u16>,

    /// How long to wait at the end for messages that are still on their way, counted from the last
    /// one that came [default: 1s with QoS 0, else 5s].
    #[arg(long, value_name = "TIME")]
    pub drain: Option<String>,

    /// Show no progress on stderr.
    #[arg(long)]
    pub no_progress: bool,

    /// Serve the figures to Prometheus while it runs: at this address, as in 127.0.0.1:9464.
    #[arg(
        long,
        value_name = "ADDRESS",
        long_help = "Serve the figures so far to Prometheus while it runs, as http://ADDRESS/metrics, \
            brought up to date every second. ADDRESS is as in 127.0.0.1:9464, [::1]:9464 or \
            0.0.0.0:9464; with port 0 it is a free one. Where it is, is said on stderr."
    )]
    pub metrics: Option<String>,

    /// What becomes of the result.
    #[command(flatten)]
    pub result: BenchResult,

    /// How to reach the broker.
    #[command(flatten)]
    pub connection: Connection,

    /// Something else than a run.
    #[command(subcommand)]
    pub other: Option<BenchCommand>,
}
