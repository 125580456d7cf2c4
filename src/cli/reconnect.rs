//! Flags of the subcommands that stay with a broker through its troubles.

use clap::Args;

/// What to do when the broker goes away or says nothing.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Connection")]
pub struct Reconnect {
    /// How long to try again, with growing pauses, when there is no connection or it is lost: a time
    /// as in 30s or 2m, forever, or none. What is not acknowledged is sent again. A refusal that
    /// will not go away, such as a wrong password, ends it at once. Before MQTT 5.0 a broker keeps a
    /// session only if it is told by -c: without, QoS 2 may come twice where a connection is lost.
    #[arg(long, value_name = "TIME", default_value = "none")]
    pub retry: String,

    /// Give a broker up that owes an acknowledgement, or the rest of a packet, and sends none for
    /// this time, although it may answer pings: seconds, or with a unit as in 500ms, 10s, 2m; 0
    /// waits for ever. The engine rumqttc has no such limit.
    #[arg(long, value_name = "TIME", default_value = "60")]
    pub answer_timeout: String,
}

impl Default for Reconnect {
    /// What no flag at all means.
    fn default() -> Reconnect {
        Reconnect {
            retry: "none".to_owned(),
            answer_timeout: "60".to_owned(),
        }
    }
}
