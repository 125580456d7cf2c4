//! Flags of `midge broker`.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// Run a throwaway MQTT broker, alone or around a command.
#[derive(Debug, Clone, Args)]
#[command(after_help = BROKER_HELP)]
pub struct Broker {
    /// Port to listen on; 0 takes a free one.
    #[arg(short, long, value_name = "PORT", default_value_t = 1883)]
    pub port: u16,

    /// Address or host name to listen on. There is no access control yet: think before you
    /// listen beyond this machine.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1")]
    pub bind: String,

    /// Largest packet taken, in bytes with its fixed header.
    #[arg(
        long,
        value_name = "BYTES",
        default_value_t = 2_000_000,
        value_parser = clap::value_parser!(u32).range(1..=268_435_460)
    )]
    pub max_packet_size: u32,

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

    /// Command to run against the broker. The broker lives as long as the command, and its exit
    /// code is midge's.
    #[arg(last = true, value_name = "CMD")]
    pub command: Vec<OsString>,
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
  {\"event\":\"ready\",\"host\":\"127.0.0.1\",\"port\":1883,\"url\":\"mqtt://127.0.0.1:1883\"}
With a command the line is not printed; the command finds MQTT_URL, MQTT_HOST and MQTT_PORT in
its environment and midge on its PATH:
  midge broker --port 0 -- sh -c 'midge pub -r -t hello -m world && midge sub -t hello -C 1'";
