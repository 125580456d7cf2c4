//! Flags of `midge broker`.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::broker_access::{Access, BrokerCommand};

/// Run a throwaway MQTT broker, alone or around a command.
#[derive(Debug, Clone, Args)]
#[command(after_help = BROKER_HELP, args_conflicts_with_subcommands = true, subcommand_help_heading = "Other work")]
pub struct Broker {
    /// Port to listen on; 0 takes a free one [default: 1883, with TLS 8883].
    #[arg(short, long, value_name = "PORT")]
    pub port: Option<u16>,

    /// Address or host name to listen on. Think of --password-file before you listen
    /// beyond this machine [default: 127.0.0.1].
    #[arg(long, value_name = "ADDRESS")]
    pub bind: Option<String>,

    /// Where and how the broker listens.
    #[command(flatten)]
    pub listeners: Listeners,

    /// Who may connect, and what they may do.
    #[command(flatten)]
    pub access: Access,

    /// Largest packet taken, in bytes with its fixed header.
    #[arg(
        long,
        value_name = "BYTES",
        default_value_t = 2_000_000,
        value_parser = clap::value_parser!(u32).range(1..=268_435_460)
    )]
    pub max_packet_size: u32,

    /// What sessions, messages and connections may take together, as in 500MB or 1GiB. What there
    /// is no room for is refused; the process itself takes some MB more.
    #[arg(long, value_name = "SIZE", default_value = "1GiB")]
    pub max_memory: String,

    /// Keep sessions, subscriptions, retained and waiting messages in this file, and begin with
    /// what is in it. What a client has an acknowledgement for is in the file, whenever the broker
    /// is killed.
    #[arg(long, value_name = "FILE")]
    pub persist: Option<PathBuf>,

    /// Acknowledge only what the disk has (fsync): then it outlives a failure of the machine, too,
    /// and takes longer.
    #[arg(long, requires = "persist")]
    pub persist_sync: bool,

    /// What happens, on stderr: connections, refusals, subscriptions.
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = LogFormat::Off)]
    pub log: LogFormat,

    /// Keep what crosses the wire in this file (pcapng); decode, capture-replay and Wireshark read
    /// it.
    #[arg(long, value_name = "FILE")]
    pub record: Option<PathBuf>,

    /// What else there is to do.
    #[command(subcommand)]
    pub other: Option<BrokerCommand>,

    /// Command to run against the broker. The broker lives as long as the command, and its exit
    /// code is midge's.
    #[arg(last = true, value_name = "CMD")]
    pub command: Vec<OsString>,
}

/// Where and how a broker listens.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Listeners")]
pub struct Listeners {
    /// Listen here, in place of --port and --bind: mqtt://HOST:PORT, or the same with mqtts, ws or
    /// wss, or unix:PATH. May be given more than once; HOST * is every address.
    #[arg(long, value_name = "URL", conflicts_with_all = ["port", "bind"])]
    pub listen: Vec<String>,

    /// Make certificates in this folder for this run: an authority (ca.pem), the server's for
    /// localhost, this host's name and the addresses listened on (server.pem, server.key), and a
    /// client's (client.pem, client.key).
    #[arg(long, value_name = "FOLDER", conflicts_with_all = ["cafile", "cert", "key"])]
    pub tls_auto: Option<PathBuf>,

    /// Certificates of the authorities that clients' certificates, or the broker's own, are signed
    /// by (PEM).
    #[arg(long, value_name = "FILE")]
    pub cafile: Option<PathBuf>,

    /// The broker's certificate, with its chain (PEM).
    #[arg(long, value_name = "FILE", requires = "key")]
    pub cert: Option<PathBuf>,

    /// Key of the broker's certificate, not encrypted (PEM).
    #[arg(long, value_name = "FILE", requires = "cert")]
    pub key: Option<PathBuf>,

    /// Take only clients with a certificate that an authority of --cafile, or that of --tls-auto,
    /// has signed.
    #[arg(long)]
    pub require_certificate: bool,

    /// Take the Common Name of a client's certificate for its user name; passwords are not asked
    /// for.
    #[arg(long, requires = "require_certificate")]
    pub use_identity_as_username: bool,

    /// The same with the whole subject, as in CN=a,O=b,C=c.
    #[arg(
        long,
        requires = "require_certificate",
        conflicts_with = "use_identity_as_username"
    )]
    pub use_subject_as_username: bool,

    /// Certificates of clients that are revoked (PEM). SIGHUP reads it again, and the other files
    /// of TLS.
    #[arg(long, value_name = "FILE", requires = "require_certificate")]
    pub crlfile: Option<PathBuf>,
}

/// How events are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// One line per event, for people.
    Text,
    /// One JSON object per line.
    Json,
    /// Nothing.
    Off,
}

const BROKER_HELP: &str = "\
Once it listens, the broker prints one JSON line:
  {\"event\":\"ready\",\"host\":\"127.0.0.1\",\"port\":1883,\"url\":\"mqtt://127.0.0.1:1883\",
   \"listeners\":[{\"url\":\"mqtt://127.0.0.1:1883\",\"host\":\"127.0.0.1\",\"port\":1883}]}
host, port and url are the first listener's; with --tls-auto there are cafile, client_cert and
client_key, too. With a command the line is not printed; the command finds midge on its PATH, and
in its environment, as far as they are there:
  MQTT_URL, MQTT_HOST, MQTT_PORT  the first listener
  MQTT_TLS_URL, MQTT_WS_URL, MQTT_WSS_URL, MQTT_UNIX_URL  the first listener of each kind
  MQTT_CAFILE  what to trust for TLS
  MQTT_CLIENT_CERT, MQTT_CLIENT_KEY  a client's certificate, from --tls-auto
  midge broker --port 0 -- sh -c 'midge pub -r -t hello -m world && midge sub -t hello -C 1'
  midge broker --listen mqtts://127.0.0.1:0 --tls-auto certs -- \\
    sh -c 'midge pub --cafile \"$MQTT_CAFILE\" -t hello -m world'";
