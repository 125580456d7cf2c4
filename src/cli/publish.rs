//! Flags of `midge pub`. Names are mosquitto_pub's.

use std::path::PathBuf;

use clap::Args;

use super::{Connection, Reconnect, Session};

/// Publish messages.
#[derive(Debug, Clone, Args)]
pub struct Publish {
    /// Topic to publish to; the one in the URL if there is none.
    #[arg(short, long, value_name = "TOPIC")]
    pub topic: Option<String>,

    /// The message.
    #[arg(short, long, value_name = "TEXT", allow_hyphen_values = true)]
    pub message: Option<String>,

    /// Send a file as one message.
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

    /// Give up after this time, with exit code 27: seconds, or with a unit as in 500ms, 10s, 2m. It
    /// counts from when -f or -s is read.
    #[arg(short = 'W', long, value_name = "TIME")]
    pub timeout: Option<String>,

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
            topic: None,
            message: None,
            file: None,
            stdin_file: false,
            stdin_line: false,
            null_message: false,
            qos: 0,
            retain: false,
            repeat: 1,
            repeat_delay: "0".to_owned(),
            timeout: None,
            connection: Connection::default(),
            session: Session::default(),
            reconnect: Reconnect::default(),
        }
    }
}
