//! What carries the bytes to a broker: flags of every subcommand that connects. Names are
//! mosquitto's; `--ws-path` and `--ws-header` are ours.

use std::path::PathBuf;

use clap::Args;

/// What carries the bytes.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Transport")]
pub struct Transport {
    /// Local address, or its name, that the connection starts at.
    #[arg(short = 'A', long, value_name = "ADDRESS")]
    pub bind_address: Option<String>,

    /// Connect to a unix socket, in place of host and port.
    #[arg(long, value_name = "PATH")]
    pub unix: Option<PathBuf>,

    /// Go through a SOCKS5 proxy, which also resolves the broker's name.
    #[arg(
        long,
        value_name = "URL",
        help = "Go through a SOCKS5 proxy, which also resolves the broker's name: \
                socks5h://[USER:PASSWORD@]HOST[:PORT]"
    )]
    pub proxy: Option<String>,

    /// Send small packets at once; midge always does.
    #[arg(long)]
    pub nodelay: bool,

    /// Use WebSocket.
    #[arg(long)]
    pub ws: bool,

    /// Path of the WebSocket, with its query [default: /mqtt].
    #[arg(long, value_name = "PATH")]
    pub ws_path: Option<String>,

    /// A header for the WebSocket's HTTP request; may be given more than once.
    #[arg(long = "ws-header", value_name = "NAME: VALUE")]
    pub ws_headers: Vec<String>,

    /// Use TLS, and trust the certificates in this file (PEM).
    #[arg(long, value_name = "FILE", help_heading = "TLS")]
    pub cafile: Option<PathBuf>,

    /// Use TLS, and trust the certificates in the files of this folder (PEM).
    #[arg(long, value_name = "FOLDER", help_heading = "TLS")]
    pub capath: Option<PathBuf>,

    /// Use TLS, and trust what the system trusts; so it is with mqtts:// and wss:// and on port
    /// 8883 if neither --cafile nor --capath is given.
    #[arg(long, help_heading = "TLS")]
    pub tls_use_os_certs: bool,

    /// No TLS on port 8883.
    #[arg(long, help_heading = "TLS")]
    pub no_tls: bool,

    /// Client certificate, with its chain (PEM).
    #[arg(long, value_name = "FILE", help_heading = "TLS")]
    pub cert: Option<PathBuf>,

    /// Key of the client certificate, not encrypted (PEM).
    #[arg(long, value_name = "FILE", help_heading = "TLS")]
    pub key: Option<PathBuf>,

    /// Accept a certificate of the broker that is for another name. Who signed it and until when it
    /// holds is checked all the same.
    #[arg(long, help_heading = "TLS")]
    pub insecure: bool,

    /// The one TLS version to use: tlsv1.2 or tlsv1.3 [default: either].
    #[arg(long, value_name = "VERSION", help_heading = "TLS")]
    pub tls_version: Option<String>,

    /// Cipher suites to offer, by OpenSSL's names with colons between.
    #[arg(long, value_name = "LIST", help_heading = "TLS")]
    pub ciphers: Option<String>,

    /// Protocol to offer by ALPN, e.g. mqtt.
    #[arg(long, value_name = "PROTOCOL", help_heading = "TLS")]
    pub tls_alpn: Option<String>,

    /// Append the secrets of the connection to this file, for decode --keylog and for Wireshark.
    #[arg(long, value_name = "FILE", help_heading = "TLS")]
    pub tls_keylog: Option<PathBuf>,
}
