//! Flags that say which packets of a capture are wanted.

use clap::{Args, ValueEnum};

/// Which packets of a capture.
#[derive(Debug, Clone, Default, Args)]
pub struct Selection {
    /// Only packets of these types, with commas: PUBLISH,PUBACK; repeatable.
    #[arg(long, value_name = "TYPE", help_heading = "Selection")]
    pub r#type: Vec<String>,

    /// Only packets to and from the client with this identifier; repeatable.
    #[arg(long, value_name = "ID", help_heading = "Selection")]
    pub client: Vec<String>,

    /// Only what is about topics that match; repeatable.
    ///
    /// Messages and wills on such topics, and requests with such a filter. Topic aliases are
    /// resolved. A diagram and statistics have the acknowledgements of these packets as well.
    #[arg(long, value_name = "FILTER", help_heading = "Selection")]
    pub topic: Vec<String>,

    /// Only these connections, by number: 0, 2-5, 7-, and u0 of UDP alone; repeatable.
    #[arg(long, value_name = "N", help_heading = "Selection")]
    pub stream: Vec<String>,

    /// Only packets that these frames completed: 4, 10-20, 30-; repeatable.
    #[arg(long, value_name = "N", help_heading = "Selection")]
    pub frame: Vec<String>,

    /// Only what this side sent; of packets without a capture, who sent them.
    #[arg(long, value_name = "SIDE", value_enum, help_heading = "Selection")]
    pub from: Option<From>,

    /// Only packets with this reason code: 0x87, 135, not-authorized, or error; repeatable.
    #[arg(long, value_name = "CODE", help_heading = "Selection")]
    pub reason: Vec<String>,

    /// Only from then on: 2026-11-21T10:00:00Z, or 5s, 1m30s after the first packet.
    ///
    /// A date and time without a zone is one in this time zone, as --time clock shows it; a date
    /// alone is its midnight.
    #[arg(
        long,
        value_name = "TIME",
        allow_hyphen_values = true,
        help_heading = "Selection"
    )]
    pub since: Option<String>,

    /// Only up to then.
    #[arg(
        long,
        value_name = "TIME",
        allow_hyphen_values = true,
        help_heading = "Selection"
    )]
    pub until: Option<String>,

    /// Only packets that break a rule.
    #[arg(long, help_heading = "Selection")]
    pub violations_only: bool,
}

/// The sender of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum From {
    /// The end that sends CONNECT.
    Client,
    /// The broker.
    Server,
}
