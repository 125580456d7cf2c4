//! Flags of `midge sub`. Names are mosquitto_sub's.

use clap::Args;

use super::{Connection, Reconnect, Session};

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

    /// Highest Quality of Service to receive at: 0, 1 or 2.
    #[arg(short, long, value_name = "QOS", default_value_t = 0)]
    pub qos: u8,

    /// End after this many messages.
    #[arg(short = 'C', long, value_name = "COUNT")]
    pub count: Option<u64>,

    /// End after this time, with exit code 27: seconds, or with a unit as in 500ms, 10s, 2m.
    #[arg(short = 'W', long, value_name = "TIME")]
    pub timeout: Option<String>,

    /// Leave out retained messages.
    #[arg(short = 'R', long)]
    pub no_retained: bool,

    /// Print retained messages only, and end with the first other one.
    #[arg(long, conflicts_with = "no_retained")]
    pub retained_only: bool,

    /// Print the topic before each payload.
    #[arg(short, long)]
    pub verbose: bool,

    /// Print no line end behind each message.
    #[arg(short = 'N', long)]
    pub no_eol: bool,

    /// Print one JSON object per message.
    #[arg(long, conflicts_with_all = ["verbose", "no_eol"])]
    pub json: bool,

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
