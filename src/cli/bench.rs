//! Flags of `midge bench`.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Args;

use super::bench_result::{BenchCommand, BenchResult};
use super::{Connection, Session};

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
    /// Connections that publish [default: 1].
    #[arg(long, value_name = "COUNT")]
    pub publishers: Option<u32>,

    /// Connections that subscribe and count what comes [default: 1].
    #[arg(long, value_name = "COUNT")]
    pub subscribers: Option<u32>,

    /// Connections that only stay open [default: 0].
    #[arg(long, value_name = "COUNT")]
    pub idle: Option<u32>,

    /// Messages per second, all publishers together: 1000, 50k/s, 1.5M/s, 10/m [default: as fast as
    /// the broker takes them].
    #[arg(long, value_name = "RATE", conflicts_with = "rate_per_client")]
    pub rate: Option<String>,

    /// Messages per second of each publisher, in place of --rate.
    #[arg(long, value_name = "RATE")]
    pub rate_per_client: Option<String>,

    /// Bytes of a payload, with subscribers at least 21, where it is told what message it is: a
    /// number, a range, or several with weights [default: 64].
    #[arg(
        long,
        value_name = "BYTES",
        long_help = "Bytes of each message's payload: a number as in 64 or 4KiB, a range as in \
            16..1024, of which every size is as likely, or several with weights, as in \
            64:90,4096:10 or 16..64:9,1MB:1. With subscribers at least 21: what tells one message \
            from another stands there. These bytes are checked when they come, those behind them \
            are not. [default: 64]"
    )]
    pub size: Option<String>,

    // In help, clap takes n in braces for a line break: hence the words for it.
    /// Publish this text; {client}, {seq}, {time} and {rand:N} in it are filled in.
    #[arg(
        long,
        value_name = "TEMPLATE",
        allow_hyphen_values = true,
        conflicts_with_all = ["size", "payload_file"],
        long_help = "Publish this text, in which {client} stands for the publisher's number, n in \
            braces for its topic's, {seq} for the message's, {rand:N} for a random number below N, and \
            {time} for when it is sent, in ms since 1970 ({time:s}, {time:us} and {time:ns} in other \
            units). Other braces stay as they are. With subscribers, 21 bytes that tell one message \
            from another stand in front of it; what is behind them is not compared when it comes."
    )]
    pub payload: Option<String>,

    /// Publish what is in this file; with subscribers, 21 bytes that tell one message from another
    /// stand in front of it.
    #[arg(long, value_name = "FILE", conflicts_with = "size")]
    pub payload_file: Option<PathBuf>,

    /// End after this many messages, all publishers together.
    #[arg(long, value_name = "COUNT")]
    pub count: Option<u64>,

    /// How long to publish, warm-up not included: seconds, or with a unit as in 500ms, 10s, 2m
    /// [default: 10s, or until --count is reached].
    #[arg(long, value_name = "TIME")]
    pub duration: Option<String>,

    /// How long to publish before anything is counted [default: 0].
    #[arg(long, value_name = "TIME")]
    pub warmup: Option<String>,

    /// Topic to publish to; {client}, n in braces, {rand:N} and {run} in it are filled in.
    #[arg(
        short,
        long,
        value_name = "TOPIC",
        long_help = "Topic to publish to, in which {client} stands for the publisher's number, n in \
            braces for the numbers below --topics-per-client in turn, {rand:N} for a random number \
            below N, and {run} for a name of this run. Subscribers put + in place of a level with any \
            of them but {run}. Without publishers it may be a filter, and $share/NAME/FILTER is always \
            what the subscribers ask for. [default: midge/bench/{run}/{client}, and behind it the \
            topic's number where there are several topics per client]"
    )]
    pub topic: Option<String>,

    /// Topics of each publisher, used in turn: n in braces in the topic [default: 1].
    #[arg(long, value_name = "COUNT")]
    pub topics_per_client: Option<u32>,

    /// Share the subscription under this name: each message goes to one of the subscribers.
    #[arg(long, value_name = "NAME")]
    pub share: Option<String>,

    /// Quality of Service of messages and subscriptions: 0, 1 or 2 [default: 0].
    #[arg(short, long, value_name = "QOS")]
    pub qos: Option<u8>,

    /// Ask the broker to keep the messages for later subscribers.
    #[arg(short, long)]
    pub retain: bool,

    /// Messages of QoS 1 and 2 that each publisher may have unacknowledged, as -M [default: 20; with
    /// a rate as many as the broker takes].
    #[arg(long, value_name = "COUNT", conflicts_with = "max_inflight")]
    pub inflight: Option<u16>,

    /// Each connection leaves and comes back after this time, in turn: seconds, or with a unit as in
    /// 500ms, 10s, 2m. Subscribers want sessions that are kept (-c, -i).
    #[arg(long, value_name = "TIME")]
    pub reconnect_every: Option<String>,

    /// Connections opened per second, all together: 1000, 10k/s [default: as fast as the broker
    /// takes them].
    #[arg(long, value_name = "RATE", conflicts_with = "ramp_up")]
    pub connect_rate: Option<String>,

    /// The time in which connections are opened, at equal distances.
    #[arg(long, value_name = "TIME")]
    pub ramp_up: Option<String>,

    /// A local address, or its name, that connections start at; with several they take turns, and
    /// there are as many ports for each.
    #[arg(
        long,
        value_name = "ADDRESS",
        value_delimiter = ',',
        conflicts_with = "bind_address"
    )]
    pub bind: Vec<String>,

    /// How long to wait at the end for messages that are still on their way, counted from the last
    /// one that came [default: 1s with QoS 0, else 5s]. A run with --count and no --duration also
    /// ends if nothing moves for ten times as long.
    #[arg(long, value_name = "TIME")]
    pub drain: Option<String>,

    /// Take what is not given here from this file, which may have several groups of clients.
    #[arg(
        long,
        value_name = "FILE",
        help_heading = "Scenario",
        long_help = "Take what is not given here from this TOML file. Its keys are the long names of \
            these flags, as in rate = \"10k/s\" or retain = true, and one in front of every [[group]] \
            is for all. Each [[group]] is a group of clients of its own, with a name and whatever \
            differs; all run at the same time. Flags and variables win over the file, in every group."
    )]
    pub scenario: Option<PathBuf>,

    /// Be part I of N, from 0: of the clients, the messages and the rate. Every part is given the
    /// same flags but for I, and all begin at --start-at.
    #[arg(
        long,
        value_name = "I/N",
        help_heading = "Scenario",
        requires = "start_at"
    )]
    pub shard: Option<String>,

    /// When to begin to publish: as in 2026-01-31T12:00:00Z, in seconds since 1970, or +5s from now.
    /// Connections are opened before.
    #[arg(long, value_name = "TIME", help_heading = "Scenario")]
    pub start_at: Option<String>,

    /// The run's name, 8 hexadecimal digits: where parts of one run cannot tell it from their flags
    /// [default: a random one, and of parts one made of their flags].
    #[arg(long, value_name = "HEX", help_heading = "Scenario")]
    pub run: Option<String>,

    /// Threads that do the work [default: one for each core, and no more than connections].
    #[arg(long, value_name = "COUNT")]
    pub workers: Option<usize>,

    /// Start a broker of midge's own as a second process, and load that.
    #[arg(
        long,
        conflicts_with_all = [
            "host", "port", "srv", "url", "unix", "proxy", "ws", "ws_path", "ws_headers", "cafile",
            "capath", "tls_use_os_certs", "cert", "key", "insecure", "tls_version", "ciphers",
            "tls_alpn", "tls_keylog",
        ]
    )]
    pub embedded: bool,

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

    /// What to be there.
    #[command(flatten)]
    pub session: Session,

    /// Something else than a run.
    #[command(subcommand)]
    pub other: Option<BenchCommand>,

    /// The words that all this was read from, behind the subcommand's name.
    #[arg(skip)]
    pub words: Vec<OsString>,
}
