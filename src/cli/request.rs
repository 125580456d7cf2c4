//! Flags of `midge rr`. Names are mosquitto_rr's.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Args;

use super::{Connection, Receive, Reconnect, Session};

/// Publish a request, and print the response to it.
#[derive(Debug, Clone, Default, Args)]
pub struct Request {
    /// Topic to publish the request to; the one in the URL if there is none.
    #[arg(short, long, value_name = "TOPIC")]
    pub topic: Option<String>,

    /// Topic that the response comes to.
    #[arg(
        short = 'e',
        value_name = "TOPIC",
        help = "Topic that the response comes to [default with MQTT 5.0: a random one, below what \
                the broker names as response information if -D connect \
                request-response-information 1 asks it to]"
    )]
    pub response_topic: Option<String>,

    /// The request.
    #[arg(short, long, value_name = "TEXT", allow_hyphen_values = true)]
    pub message: Option<OsString>,

    /// Send a file as the request.
    #[arg(short, long, value_name = "FILE")]
    pub file: Option<PathBuf>,

    /// Send all of stdin as the request.
    #[arg(short, long)]
    pub stdin_file: bool,

    /// Send a request without payload.
    #[arg(short, long)]
    pub null_message: bool,

    /// Quality of Service of the request, and the highest of the response: 0, 1 or 2.
    #[arg(short, long, value_name = "QOS", default_value_t = 0)]
    pub qos: u8,

    /// Give up after this time, with exit code 27: seconds, or with a unit as in 500ms, 10s, 2m.
    #[arg(short = 'W', long, value_name = "TIME")]
    pub timeout: Option<String>,

    /// Print on stderr how long the response took, from the sending of the request.
    #[arg(long)]
    pub latency: bool,

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
