//! Flags of `midge capture-replay`.

use std::path::PathBuf;

use clap::Args;

use super::{Connection, Reconnect, Selection};

/// Play what clients did in a capture again, as real clients, at the captured times.
///
/// Every captured connection becomes a connection of its own: its CONNECT, its subscriptions, its
/// messages and its end, by DISCONNECT or without a word, which sends its will. Packet identifiers,
/// acknowledgements and pings are new, and answer what the broker really sends.
#[derive(Debug, Clone, Args)]
#[command(
    mut_arg("protocol_version", |arg| arg
        .default_value(CaptureReplay::AS_CAPTURED)
        .help("MQTT version of every connection: 5, 311 or 31, or captured for each as it was")),
    mut_arg("id", |arg| arg
        .help("What client identifiers begin with, in front of - and the captured one, or the \
               number of the connection where there is none")),
    mut_arg("username", |arg| arg
        .help("User name of every connection, in place of the captured one")),
    mut_arg("password", |arg| arg
        .help("Password of every connection with a user name, given or captured; where other \
               people use this machine, too, better by MIDGE_PASSWORD, --password-file or \
               --ask-password")),
    mut_arg("keepalive", |arg| arg
        .help("Keep Alive in seconds of connections whose CONNECT was not captured; 0 turns it \
               off")),
    mut_arg("topic", |arg| arg
        .value_name("FILTER or s#REGEX#TEXT#")
        .help("Only what is about topics that match; or, as s#REGEX#TEXT#, what topics become; \
               repeatable")
        .long_help("Only what is about topics that match; repeatable. Messages, and requests with \
               such a filter. Written as s#REGEX#TEXT#, which is no topic filter, it says what \
               topics and filters become instead: s#^prod/#test/#; $1 in the text is what the \
               first group has matched.")),
    mut_arg("type", |arg| arg
        .help("Only packets of these types, with commas: CONNECT,PUBLISH; repeatable")),
)]
pub struct CaptureReplay {
    /// A pcap or pcapng file, also gzip or zstd, or JSON lines of decode --json, sub --json or
    /// broker --record; - for stdin.
    #[arg(value_name = "FILE")]
    pub file: String,

    /// How many times as fast as captured, as in 10 or 0.5; max for no waiting at all.
    #[arg(
        long,
        value_name = "FACTOR",
        default_value = "1",
        help_heading = "Time and order"
    )]
    pub speed: String,

    /// Messages of all connections at this rate, as in 1000/s, in place of the captured times.
    #[arg(
        long,
        value_name = "RATE",
        conflicts_with = "speed",
        help_heading = "Time and order"
    )]
    pub rate: Option<String>,

    /// Pauses in which nothing was captured take this time at most, as in 5s.
    #[arg(long, value_name = "TIME", help_heading = "Time and order")]
    pub max_gap: Option<String>,

    /// Play it so many times, or forever; from the second time on with -2, -3 behind client
    /// identifiers, unless --client-id says {loop}.
    #[arg(
        long = "loop",
        value_name = "N",
        default_value = "1",
        help_heading = "Time and order"
    )]
    pub loops: String,

    /// Wait with what a client does until the broker has answered what it had answered by then in
    /// the capture; so it is unless --no-causal is given.
    #[arg(long, overrides_with = "no_causal", help_heading = "Time and order")]
    pub causal: bool,

    /// Everything at its time, whatever the broker has answered.
    #[arg(long, help_heading = "Time and order")]
    pub no_causal: bool,

    /// Only messages of clients, each over a connection that does nothing else.
    #[arg(long, conflicts_with_all = ["deliveries", "verify", "infer_subscriptions"], help_heading = "What to play")]
    pub publishers_only: bool,

    /// Play what servers delivered, not what clients did; so it is in any case with a file in which
    /// no client does anything but subscribe, as sub --record makes it, and with lines of sub --json
    /// on stdin.
    #[arg(long, conflicts_with_all = ["verify", "infer_subscriptions"], help_heading = "What to play")]
    pub deliveries: bool,

    /// Where a CONNECT was not captured, subscribe to the topics that the client was sent messages
    /// on. Reads the file twice.
    #[arg(long, help_heading = "What to play")]
    pub infer_subscriptions: bool,

    /// Decrypt TLS with the secrets in this key log (SSLKEYLOGFILE format).
    #[arg(long, value_name = "FILE", help_heading = "What to play")]
    pub keylog: Option<String>,

    /// Names of predefined MQTT-SN topic ids: lines "ID NAME", or "CLIENT:ID NAME".
    #[arg(long, value_name = "FILE", help_heading = "What to play")]
    pub sn_topics: Option<String>,

    /// Which packets.
    #[command(flatten)]
    pub selection: Selection,

    /// Client identifiers, as in 'replay-{id}-{loop}': {id} is the captured one, n in braces the
    /// number of the connection, {loop} counts from 1.
    #[arg(
        long,
        value_name = "TEMPLATE",
        conflicts_with = "id",
        help_heading = "Changes"
    )]
    pub client_id: Option<String>,

    /// Publish, and subscribe, at this QoS at most.
    #[arg(long, value_name = "QOS", value_parser = clap::value_parser!(u8).range(0..=2), help_heading = "Changes")]
    pub max_qos: Option<u8>,

    /// Publish without RETAIN, wills too.
    #[arg(long, conflicts_with = "verify", help_heading = "Changes")]
    pub strip_retain: bool,

    /// Move times in payloads to those of the replay: numbers of seconds, ms, µs or ns since 1970
    /// within a day of the captured time.
    #[arg(long, conflicts_with = "verify", help_heading = "Changes")]
    pub shift_times: bool,

    /// Play into a broker of midge's own that is started for it, and print what clients are sent.
    #[arg(long, conflicts_with_all = ["host", "port", "url", "unix", "srv"], help_heading = "Target")]
    pub embedded: bool,

    /// Play to a broker that is not on this machine; on a terminal it is asked for.
    #[arg(short = 'y', long, help_heading = "Target")]
    pub yes: bool,

    /// Say what would be played, and connect to nothing.
    #[arg(long, conflicts_with = "verify", help_heading = "Target")]
    pub dry_run: bool,

    /// Compare what the broker answers with what was captured; exit 5 if something differs, or if
    /// there was nothing to compare.
    ///
    /// CONNACK and session present, granted QoS, reason codes, how the server ends connections, and
    /// what each client was sent: the same messages, in the same order of each publisher, QoS and
    /// topic, QoS 2 up to PUBREL. Packet identifiers, topic aliases and client identifiers that the
    /// server gives may differ, and with -V what the other version cannot say. Of a selection only
    /// what comes of the selected packets is compared. Each difference is a line, or with --json an
    /// object: record, kind (answer, missing, extra, changed, order, release, end), type, session,
    /// client, frame and time in the capture, topic or filters, differs, captured and now, which
    /// have the keys of decode --json, or are null.
    #[arg(long, help_heading = "Result")]
    pub verify: bool,

    /// Record the replay: a capture (pcapng), or in a file called .jsonl the lines of decode --json.
    ///
    /// The capture has the port of the broker. Where that is not 1883, tshark has to be told:
    /// -d tcp.port==PORT,mqtt.
    #[arg(long, value_name = "FILE", help_heading = "Result")]
    pub out: Option<PathBuf>,

    /// The summary as a JSON object.
    #[arg(long, help_heading = "Result")]
    pub json: bool,

    /// How to reach the broker.
    #[command(flatten)]
    pub connection: Connection,

    /// What to do when it goes away.
    #[command(flatten)]
    pub reconnect: Reconnect,
}

impl CaptureReplay {
    /// The protocol version that stands for each connection's own.
    pub const AS_CAPTURED: &str = "captured";
}
