//! Flags of `midge broker`.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::broker_access::{Access, BrokerCommand};
use super::broker_limits::Limits;

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

    /// A configuration file of mosquitto. Its options are taken word by word; one that midge has
    /// not got ends with exit code 2 and the number of its line. Where it says nothing of its own,
    /// mosquitto's defaults count: with a listener, anonymous clients are not let in.
    #[arg(
        short,
        long,
        value_name = "FILE",
        conflicts_with_all = [
            "bind", "listen", "tls_auto", "cafile", "cert", "key", "password_file",
            "allow_anonymous", "acl_file", "limits"
        ]
    )]
    pub config: Option<PathBuf>,

    /// Where and how the broker listens.
    #[command(flatten)]
    pub listeners: Listeners,

    /// Who may connect, and what they may do.
    #[command(flatten)]
    pub access: Access,

    /// What the broker takes and keeps.
    #[command(flatten)]
    pub limits: Limits,

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

    /// What makes a run a test.
    #[command(flatten)]
    pub ci: Ci,

    /// What goes wrong on purpose.
    #[command(flatten)]
    pub faults: Faults,

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

/// What makes a run a test.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Tests")]
pub struct Ci {
    /// End after a time as in 30s; after 'idle 5s', in which no client has connected, left,
    /// subscribed or published; after 'N messages' or 'N disconnects'; at the 'end of stdin', which
    /// comes when whoever started the broker ends. May be given more than once: what comes first
    /// counts. A command is ended with SIGTERM, and its exit code says so.
    #[arg(long, value_name = "WHEN")]
    pub exit_after: Vec<String>,

    /// Messages that clients must have published in the end, as in 'sensors/# >= 3' or
    /// 'alarm == 0'; wills count. If not: a line on stderr, and exit code 5 unless the command
    /// has failed itself. May be given more than once.
    #[arg(long, value_name = "FILTER COMPARISON NUMBER")]
    pub expect: Vec<String>,

    /// A payload that a client must have published in the end, as in 'status=online'. May be
    /// given more than once.
    #[arg(long, value_name = "FILTER=PAYLOAD")]
    pub expect_payload: Vec<String>,

    /// Keep what crosses the wire, without TLS and WebSocket, in this file: as a capture (pcapng)
    /// that decode, capture-replay and Wireshark read, or in a file called .jsonl as the lines of
    /// decode --json. May be given more than once.
    #[arg(long, value_name = "FILE")]
    pub record: Vec<PathBuf>,
}

/// What goes wrong on purpose.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Faults")]
pub struct Faults {
    /// Something that goes wrong, as in 'on=puback client=dev-* nth=3 do=drop'. May be given more
    /// than once: each counts all packets that fit it, and of several that would strike one, the
    /// first does.
    ///
    /// Which packets: on=TYPE, a packet type or any; dir=in from the client, dir=out to it;
    /// client=PATTERN of client identifiers with * and ?; topic=FILTER of PUBLISH, SUBSCRIBE and
    /// UNSUBSCRIBE. Of these, counted over all clients: nth=N that one, every=N each of them,
    /// count=N no more than so many, p=0.1 so many of them by chance.
    ///
    /// What becomes of them: do=drop; do=delay TIME, with all that is behind; do=duplicate;
    /// do=corrupt, one bit; do=cut BYTES, and the connection breaks behind them; do=close;
    /// do=disconnect CODE; do=refuse CODE, an answer with that code instead; do=stall, nothing
    /// comes any more in that direction; do=reorder N, behind so many others.
    #[arg(
        long,
        value_name = "RULE",
        help = "Something that goes wrong, as in 'on=puback client=dev-* nth=3 do=drop'; see --help"
    )]
    pub fault: Vec<String>,

    /// How long each packet is on its way, in each direction, as in 80ms or 80ms+-20ms.
    #[arg(long, value_name = "TIME[+-TIME]")]
    pub latency: Option<String>,

    /// Bytes a second of each connection, in each direction, as in 50KB/s.
    #[arg(long, value_name = "RATE")]
    pub slow: Option<String>,

    /// Where chance begins: the same number, and packets in the same order, give the same faults.
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    pub seed: u64,
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
Linked or copied under the name mosquitto, midge takes that program's arguments (-c, -p, -v, -q, -d, -t)
and writes its log.
  midge broker --port 0 -- sh -c 'midge pub -r -t hello -m world && midge sub -t hello -C 1'
  midge broker --listen mqtts://127.0.0.1:0 --tls-auto certs -- \\
    sh -c 'midge pub --cafile \"$MQTT_CAFILE\" -t hello -m world'";
