//! Flags about the session and the client itself, of pub, sub and rr. Names are mosquitto's.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Args;

/// What the client is at the broker, beyond its name.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Session", args_override_self = true)]
pub struct Session {
    /// Read flags from this file, one a line as in "-q 1", in front of those that are given here;
    /// # begins a comment.
    #[arg(short, long, value_name = "FILE", help_heading = "Options")]
    pub options: Option<PathBuf>,

    /// Client Identifier: this, and the number of the process.
    #[arg(short = 'I', long, value_name = "PREFIX", conflicts_with = "id")]
    pub id_prefix: Option<String>,

    /// Keep the session at the broker when the connection ends; wants -i.
    #[arg(short = 'c', long)]
    pub disable_clean_session: bool,

    /// Seconds that the session outlives the connection, or a number with a unit as in 500ms, 10s,
    /// 2m; "infinite" or a negative number: for ever. MQTT 5.0; wants -i.
    #[arg(short = 'x', long, value_name = "TIME", allow_negative_numbers = true)]
    pub session_expiry_interval: Option<String>,

    /// Messages of QoS 1 and 2 that may be on their way at once, if the broker takes as many
    /// [default: as many as it takes; pub: at most 4000].
    #[arg(short = 'M', long, value_name = "COUNT")]
    pub max_inflight: Option<u16>,

    /// Say nothing on stderr about what went wrong; the exit code tells.
    #[arg(long, conflicts_with = "debug")]
    pub quiet: bool,

    /// Topic of the message that the broker sends if this client is lost.
    #[arg(long, value_name = "TOPIC")]
    pub will_topic: Option<String>,

    /// Payload of that message [default: none].
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    pub will_payload: Option<OsString>,

    /// QoS of that message: 0, 1 or 2.
    #[arg(long, value_name = "QOS", default_value_t = 0)]
    pub will_qos: u8,

    /// Retain that message.
    #[arg(long)]
    pub will_retain: bool,

    /// A property of MQTT 5.0 in one kind of packet; may be given more than once.
    #[arg(
        short = 'D',
        long,
        value_names = ["PACKET", "PROPERTY", "VALUE"],
        num_args = 3..=4,
        allow_negative_numbers = true,
        long_help = "A property of MQTT 5.0 in one kind of packet: PACKET is connect, publish, \
            subscribe, unsubscribe, disconnect, auth or will; PROPERTY is as the standard calls it, \
            e.g. content-type; user-property takes a name and a value. May be given more than once."
    )]
    pub property: Vec<OsString>,
}
