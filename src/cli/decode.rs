//! `midge decode`.

use clap::{Args, ValueEnum};

/// Decode MQTT packets from hex text or a capture file.
///
/// Hex is shown as a tree, a capture as one line per packet.
#[derive(Debug, Clone, Args)]
pub struct Decode {
    /// Hex text, a file (hex text, pcap or pcapng), or - for stdin [default: stdin].
    ///
    /// A name of an existing file is that file; anything else must be hex: pairs of digits, with
    /// or without spaces, colons, commas or 0x. Several arguments are read as one text.
    #[arg(value_name = "INPUT", allow_hyphen_values = false)]
    pub input: Vec<String>,

    /// One JSON object per packet.
    #[arg(long, group = "view")]
    pub json: bool,

    /// Every field with its bytes and bits.
    #[arg(long, group = "view")]
    pub tree: bool,

    /// One line per packet.
    #[arg(long, group = "view")]
    pub lines: bool,

    /// Only count: packets by type, version and sender, bytes, gaps. With --json as one object.
    #[arg(long, conflicts_with_all = ["tree", "lines", "raw"])]
    pub summary: bool,

    /// Check the packets against the standard and show only what is wrong, alone or between packets;
    /// exit 5 if something is as bad as this or worse [default: warning].
    ///
    /// With --lines or --tree packets are shown too, and what is wrong between them.
    #[arg(
        long,
        value_name = "SEVERITY",
        value_enum,
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "warning",
        conflicts_with_all = ["summary", "raw"]
    )]
    pub lint: Option<Severity>,

    /// Read what follows CONNECT as this version, whatever it says: 5, 311 or 31.
    #[arg(long, value_name = "VERSION")]
    pub mqtt_version: Option<String>,

    /// Who sent the packets of a hex text.
    #[arg(long, value_name = "SIDE", value_enum)]
    pub from: Option<From>,

    /// Take connections with this port as MQTT, whatever they look like; repeatable.
    #[arg(long, value_name = "PORT")]
    pub port: Vec<u16>,

    /// Leave connections with this port out; repeatable.
    #[arg(long, value_name = "PORT")]
    pub not_port: Vec<u16>,

    /// Names of predefined MQTT-SN topic ids: lines "ID NAME", or "CLIENT:ID NAME".
    #[arg(long, value_name = "FILE")]
    pub sn_topics: Option<String>,

    /// Decrypt TLS with the secrets in this key log (SSLKEYLOGFILE format).
    ///
    /// It may still be growing. Secrets that a pcapng file holds are used without it.
    #[arg(long, value_name = "FILE")]
    pub keylog: Option<String>,

    /// Show passwords instead of their length.
    #[arg(long)]
    pub show_secrets: bool,

    /// Add the whole packet as raw_hex to the JSON, passwords included.
    #[arg(long, requires = "json")]
    pub raw: bool,

    /// When to use colour.
    #[arg(long, value_name = "WHEN", value_enum, default_value = "auto")]
    pub color: Color,
}

/// The sender of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum From {
    /// The end that sends CONNECT.
    Client,
    /// The broker.
    Server,
}

/// How bad something is that lint finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Severity {
    /// Breaks the standard; a receiver closes the connection.
    Error,
    /// Unwise, or unclear in the standard, or not certain.
    Warning,
    /// Worth knowing; nothing is broken.
    Info,
}

/// When to use colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal, unless NO_COLOR is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}
