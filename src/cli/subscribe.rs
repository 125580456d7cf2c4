//! Flags of `midge sub`. Names are mosquitto_sub's.

use std::path::PathBuf;

use clap::Args;

use super::{Connection, Receive, Reconnect, Session};

/// Subscribe, and print the messages that come.
#[derive(Debug, Clone, Default, Args)]
pub struct Subscribe {
    /// Topic filter to subscribe to; may be given more than once. The topic of the URL if there is
    /// none.
    #[arg(short, long, value_name = "FILTER")]
    pub topic: Vec<String>,

    /// Leave out messages whose topic matches this filter; may be given more than once.
    #[arg(short = 'T', long, value_name = "FILTER")]
    pub filter_out: Vec<String>,

    /// Topic filter to unsubscribe from, after the subscribing; may be given more than once.
    #[arg(short = 'U', long, value_name = "FILTER")]
    pub unsubscribe: Vec<String>,

    /// Highest Quality of Service to receive at: 0, 1 or 2.
    #[arg(short, long, value_name = "QOS", default_value_t = 0)]
    pub qos: u8,

    /// End after this many messages. With 5.0 and a session that is kept the broker is asked not to
    /// send more at a time, so that the others stay there as they are.
    #[arg(short = 'C', long, value_name = "COUNT")]
    pub count: Option<u64>,

    /// End after this time, with exit code 27: seconds, or with a unit as in 500ms, 10s, 2m.
    #[arg(short = 'W', long, value_name = "TIME")]
    pub timeout: Option<String>,

    /// End when no message has come for this time, with exit code 0.
    #[arg(long, value_name = "TIME")]
    pub idle: Option<String>,

    /// End with the first message whose payload matches; exit code 5 if the end comes without one.
    #[arg(
        long,
        value_name = "REGEX",
        long_help = "End with the first message whose payload matches this regular expression \
            (the syntax of Rust's regex; ^ and $ are the ends of the payload). Exit code 0 then; 5 if \
            -C, -W or --idle ends it before."
    )]
    pub until: Option<String>,

    /// End with the first message whose payload is JSON with such a value, as in a.b==1.
    #[arg(
        long,
        value_name = "CONDITION",
        conflicts_with = "until",
        long_help = "End with the first message whose payload is JSON that fulfils this condition: \
            PATH==VALUE, or with !=, <, <=, > or >=, or only PATH: it is there. A path is as in \
            a.b[0].c or [\"a.b\"].c, and $ is the whole. A value is JSON, or else a string; a value of \
            another kind than what is there is neither equal, less nor greater. Exit codes as with \
            --until."
    )]
    pub until_json: Option<String>,

    /// End when all subscriptions are acknowledged, without a message.
    #[arg(short = 'E', long)]
    pub subscribe_only: bool,

    /// Write this file when all subscriptions are acknowledged. One that is there is removed first.
    #[arg(long, value_name = "FILE")]
    pub ready_file: Option<PathBuf>,

    /// Write the line "ready" to this open file descriptor when all subscriptions are acknowledged.
    #[arg(long, value_name = "FD")]
    pub ready_fd: Option<u32>,

    /// Print retained messages only, and end with the first other one.
    #[arg(long, conflicts_with = "no_retained")]
    pub retained_only: bool,

    /// Print retained messages only, and end when all have come.
    #[arg(
        long,
        conflicts_with_all = ["no_retained", "retained_only", "retain_as_published"],
        long_help = "Print retained messages only, and end when all have come: when the broker has \
            answered a PINGREQ that follows its SUBACK, and then has sent no retained message for 300 \
            ms. Other messages are left out and end nothing."
    )]
    pub retained: bool,

    /// Clear every retained message that comes and that -T lets through, also with -R.
    #[arg(long)]
    pub remove_retained: bool,

    /// Leave out what this client publishes itself, as a bridge wants it. MQTT 5.0.
    #[arg(long)]
    pub no_local: bool,

    /// Let through this percentage of the messages, by chance: 0.1 to 100.
    #[arg(long, value_name = "PERCENT")]
    pub random_filter: Option<f64>,

    /// Show payloads as hex or base64 text, or as the JSON that is in them: json, cbor or msgpack.
    #[arg(
        long,
        value_name = "FORM",
        value_parser = ["hex", "base64", "json", "cbor", "msgpack"],
        hide_possible_values = true,
        conflicts_with = "json",
        long_help = "Show payloads as text: hex and base64 are for any bytes; json, cbor and msgpack \
            want such a payload and show it as JSON on one line, or indented with --pretty. Bytes \
            inside of CBOR and MessagePack become base64url without padding. A payload that is something \
            else is named on stderr and left out, though -C counts it, and the exit code is 5 in the end."
    )]
    pub decode: Option<String>,

    /// Give every topic a line of its own on the terminal, which shows its last message.
    #[arg(short, long, conflicts_with = "json")]
    pub watch: bool,

    /// Print every second how many messages have come in it, and no message.
    #[arg(long, conflicts_with_all = ["json", "format", "verbose", "watch", "decode"])]
    pub message_rate: bool,

    /// Show on stderr, if it is a terminal, how many messages come.
    #[arg(long)]
    pub rate_line: bool,

    /// Run a command for each message, with the payload on its stdin.
    #[arg(
        long,
        value_name = "COMMAND",
        long_help = "Run a command for each message, with the payload on its stdin and MIDGE_TOPIC, \
            MIDGE_QOS and MIDGE_RETAIN (0 or 1) in its environment. The command is split into words as a \
            shell does it, quotes included, but no shell runs: {topic}, {qos} and {retain} in a word \
            become part of that word whatever is in them. For a pipe write sh -c '... \"$MIDGE_TOPIC\"'. \
            Messages are not printed, unless -v, -F or --json is given. They count as received when they \
            have come, whatever the command does; if commands fail, the exit code is 5 in the end."
    )]
    pub exec: Option<String>,

    /// Commands of --exec that run at once; with 1 in the order of the messages [default: 1].
    #[arg(long, value_name = "COUNT", requires = "exec")]
    pub exec_jobs: Option<u16>,

    /// Write each payload to a file of its own in this directory.
    #[arg(
        long,
        value_name = "DIR",
        long_help = "Write each payload to a file of its own in this directory, which is made if it is \
            not there: 000001-TOPIC, and so on behind the highest number that is there, with _ for \
            everything in the topic that is not a letter, a digit, '.', '-' or '_'. Messages are not \
            printed, unless -v, -F or --json is given."
    )]
    pub output_dir: Option<PathBuf>,

    /// Record what is received as a pcapng file, for decode and capture-replay.
    #[arg(
        long,
        value_name = "FILE",
        long_help = "Record what is received as a pcapng file that decode, capture-replay and others read: \
            one connection without its password, made up around the packets that came. One that is \
            there is overwritten."
    )]
    pub record: Option<PathBuf>,

    /// How to receive and to print.
    #[command(flatten)]
    pub receive: Receive,

    /// How to reach the broker.
    #[command(flatten)]
    pub connection: Connection,

    /// What to be there.
    #[command(flatten)]
    pub session: Session,

    /// What to do when it goes away.
    #[command(flatten)]
    pub reconnect: Reconnect,
}
