//! Flags of `midge pub`. Names are mosquitto_pub's.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Args;

use super::{Connection, Reconnect, Session};

/// Publish messages.
#[derive(Debug, Clone, Args)]
pub struct Publish {
    /// Topic to publish to; the one in the URL if there is none. May be given more than once: every
    /// message goes to each.
    #[arg(short, long, value_name = "TOPIC")]
    pub topic: Vec<String>,

    /// The message.
    #[arg(short, long, value_name = "TEXT", allow_hyphen_values = true)]
    pub message: Option<OsString>,

    /// Send a file as one message; with --json-lines or --lines-with-topic, its lines.
    #[arg(short, long, value_name = "FILE")]
    pub file: Option<PathBuf>,

    /// Send all of stdin as one message.
    #[arg(short, long)]
    pub stdin_file: bool,

    /// Send each line of stdin as a message, as soon as it is there.
    #[arg(short = 'l', long)]
    pub stdin_line: bool,

    /// Send a message without payload; with -r it removes the retained message.
    #[arg(short, long)]
    pub null_message: bool,

    /// Send a message for each line of stdin or of -f: a JSON object as sub --json prints it.
    #[arg(
        long,
        conflicts_with = "lines_with_topic",
        long_help = "Send a message for each line of stdin or of -f: a JSON object as sub --json \
            prints it, with topic, payload or payload_hex, qos, retain and properties. What a line \
            says wins over -t, -q, -r and -D publish, which are for lines that do not say it. Other \
            keys are passed over, and so are the properties topic_alias and \
            subscription_identifier, which mean nothing on another connection. A line that is no \
            such object ends it, when everything before it is sent."
    )]
    pub json_lines: bool,

    /// Send a message for each line of stdin or of -f: topic, tab, payload.
    #[arg(long)]
    pub lines_with_topic: bool,

    /// Turn the payload into this form before it is sent: hex or base64 (of any bytes), or, from
    /// JSON, json (checked, without white space), cbor or msgpack.
    #[arg(long, value_name = "FORM")]
    pub encode: Option<String>,

    /// Read the payload as this form, and send what it stands for: the bytes of hex or base64, or
    /// the JSON of json, cbor or msgpack. Comes before --encode.
    #[arg(long, value_name = "FORM")]
    pub decode: Option<String>,

    /// Quality of Service: 0, 1 or 2.
    #[arg(short, long, value_name = "QOS", default_value_t = 0)]
    pub qos: u8,

    /// Ask the broker to keep the message for later subscribers.
    #[arg(short, long)]
    pub retain: bool,

    /// Send the message of -m, -f, -s or -n this many times.
    #[arg(long, value_name = "COUNT", default_value_t = 1)]
    pub repeat: u64,

    /// Time between repeats: seconds, or with a unit as in 500ms, 10s, 2m.
    #[arg(long, value_name = "TIME", default_value = "0")]
    pub repeat_delay: String,

    /// Send at most so many messages in a time, at equal distances: 100/s, 10/m, 1k/s.
    #[arg(long, value_name = "RATE", conflicts_with = "repeat_delay")]
    pub rate: Option<String>,

    /// Give up after this time, with exit code 27: seconds, or with a unit as in 500ms, 10s, 2m. It
    /// counts from when -f or -s is read.
    #[arg(short = 'W', long, value_name = "TIME")]
    pub timeout: Option<String>,

    /// Show no progress on a terminal when it takes longer than a second.
    #[arg(long)]
    pub no_progress: bool,

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

impl Default for Publish {
    /// What no flag at all means.
    fn default() -> Publish {
        Publish {
            topic: Vec::new(),
            message: None,
            file: None,
            stdin_file: false,
            stdin_line: false,
            null_message: false,
            json_lines: false,
            lines_with_topic: false,
            encode: None,
            decode: None,
            qos: 0,
            retain: false,
            repeat: 1,
            repeat_delay: "0".to_owned(),
            rate: None,
            timeout: None,
            no_progress: false,
            connection: Connection::default(),
            session: Session::default(),
            reconnect: Reconnect::default(),
        }
    }
}
