//! `midge decode`.

use clap::{Args, ValueEnum};

use super::Selection;

/// Decode MQTT packets from a capture file, or from any text that holds their bytes.
///
/// Text is shown as a tree, a capture as one line per packet.
#[derive(Debug, Clone, Default, Args)]
pub struct Decode {
    /// Text, a file (text, packets, pcap or pcapng, also gzip or zstd), or - for stdin [default: stdin].
    ///
    /// A name of an existing file is that file; anything else must be text. Several arguments are
    /// read as one text. It may be hex digits with or without spaces, colons, commas or 0x; arrays
    /// as in C; strings with escapes; base64; and dumps as of xxd, hexdump, od, tcpdump -X and
    /// tshark -x, whose frames may have IP headers. A file may also have the packets as they are.
    /// A capture is shown as it comes; anything else when all of it has been read, at most 64 MiB.
    #[arg(value_name = "INPUT", allow_hyphen_values = false)]
    pub input: Vec<String>,

    /// Take the input as this, whatever it looks like.
    #[arg(long = "input", value_name = "FORMAT", value_enum)]
    pub input_format: Option<InputFormat>,

    /// One JSON object per packet.
    ///
    /// Keys come in a fixed order, are absent where they do not apply, and never change their name:
    /// frame, time, stream, src, dst, from, transport, protocol, version, type, ..., as README lists
    /// them. MQTT-SN has the same keys where the field is the same thing, and of its own msg_type,
    /// forwarder, length, length_hex, topic_id, topic_id_type, protocol_id, will_flag, gw_id,
    /// gw_add_hex, duration and radius.
    #[arg(long, group = "view")]
    pub json: bool,

    /// Every field with its bytes and bits.
    #[arg(long, group = "view")]
    pub tree: bool,

    /// Every byte beside the field that it belongs to.
    #[arg(long, group = "view")]
    pub hex: bool,

    /// One line per packet.
    #[arg(long, group = "view")]
    pub lines: bool,

    /// A sequence diagram of each connection, with its handshakes and how long they took.
    ///
    /// A diagram is written when its connection ends with DISCONNECT, and the others at the end, in
    /// the order of their numbers, those of MQTT-SN (u0, u1, ...) behind those of TCP. One with more
    /// than 2,000 rows comes in parts, and so does what follows DISCONNECT.
    #[arg(long, group = "view")]
    pub flow: bool,

    /// Times in front of lines and in diagrams [default: relative].
    ///
    /// JSON has all times in UTC.
    #[arg(long, value_name = "HOW", value_enum)]
    pub time: Option<Times>,

    /// How to read payloads on topics that match; repeatable, the first match counts.
    ///
    /// DECODER is one of json, text, hex, base64, cbor, msgpack, gzip and sparkplug. Without it, a
    /// payload is shown by its content type, or as JSON or text if it is that, or as hex. In lines
    /// it is cut short; in JSON it is payload_decoded, or payload_problem if it is something else.
    /// --hex, --flow and counts do not show what is in a payload, and refuse this.
    #[arg(long, value_name = "FILTER=DECODER")]
    pub payload: Vec<String>,

    /// Only count: packets by type, version and sender, bytes, gaps. With --json as one object.
    #[arg(long, conflicts_with_all = ["tree", "hex", "lines", "flow", "raw"])]
    pub summary: bool,

    /// Check the packets, each alone and all together, against the standard; exit 5 if something is
    /// as bad as this or worse [default: warning].
    ///
    /// Input that cannot be read to its end, such as a packet that is cut, is exit 1, whatever was
    /// found before; a malformed packet is a finding.
    ///
    /// Only what is wrong is shown, or with a view the packets and what is wrong with them; with
    /// --violations-only as well, those packets. A selection holds for what is found, too. Packets
    /// wait for earlier ones that come late: of a capture that is growing, for 256 frames or 10 s.
    #[arg(
        long,
        value_name = "SEVERITY",
        value_enum,
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "warning"
    )]
    pub lint: Option<Severity>,

    /// Count more: by connection and by topic, with rates and delays. With --json as two objects.
    ///
    /// At most 10,000 connections and topics have a row of their own; tables show 20 of them.
    /// Messages are followed from publisher to subscriber by topic and payload.
    #[arg(long, conflicts_with_all = ["tree", "hex", "lines", "flow", "raw", "summary"])]
    pub stats: bool,

    /// Read what follows CONNECT as this version, whatever it says: 5, 311 or 31.
    #[arg(long, value_name = "VERSION")]
    pub mqtt_version: Option<String>,

    /// Which packets.
    #[command(flatten)]
    pub selection: Selection,

    /// Write the frames of what is selected to a pcapng file, as they are; - is stdout.
    ///
    /// Nothing is shown unless a view is asked for. What is needed to read them comes along: frames
    /// that open a connection, CONNECT and CONNACK, what names topic ids and sets Topic Aliases,
    /// the whole of a connection in TLS or WebSocket, the secrets that a pcapng file has, and the
    /// frames that a finding is about. Of a capture that is not a file, a copy is kept in the
    /// folder for temporary files until it has ended.
    #[arg(long, value_name = "FILE", help_heading = "Selection")]
    pub write: Option<String>,

    /// Take connections with this port as MQTT, whatever they look like; repeatable.
    #[arg(long, value_name = "PORT")]
    pub port: Vec<String>,

    /// Leave connections with this port out; repeatable.
    #[arg(long, value_name = "PORT")]
    pub not_port: Vec<String>,

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

/// How the bytes of packets are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum InputFormat {
    /// Pairs of hex digits.
    Hex,
    /// Numbers in an array, as in C: decimal, or hex with 0x.
    Array,
    /// A string with escapes such as \x10 or \020.
    Escaped,
    /// Lines of an offset and bytes in hex.
    Dump,
    /// Base64.
    Base64,
    /// The packets as they are.
    Binary,
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

/// How lines show times.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Times {
    /// Seconds since the first packet.
    Relative,
    /// Seconds since the line before.
    Delta,
    /// Time of day, in this time zone.
    Clock,
    /// Date and time in UTC.
    Utc,
}

/// When to use colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Color {
    /// On a terminal, unless NO_COLOR is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}
