//! Flags of every subcommand that connects to a broker. Names are mosquitto's.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{ArgAction, Args};

use super::Transport;

/// How to reach a broker and who to be there.
///
/// Each long name is also a key of a profile and, behind `MIDGE_`, a variable: see
/// [`settings`](super::settings).
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Connection", disable_help_flag = true)]
pub struct Connection {
    /// Host name or address of the broker [env: MQTT_HOST] [default: localhost].
    #[arg(short = 'h', long, value_name = "HOST")]
    pub host: Option<String>,

    /// Port of the broker [env: MQTT_PORT] [default: 1883, and 8883 with TLS].
    #[arg(short, long, value_name = "PORT")]
    pub port: Option<u16>,

    /// Find host and port by the SRV records of the domain given with -h: _mqtt._tcp, or with TLS
    /// _secure-mqtt._tcp. A certificate has to be for that domain.
    #[arg(short = 'S', long)]
    pub srv: bool,

    /// Everything in one URL.
    #[arg(
        short = 'L',
        long,
        value_name = "URL",
        help = "Everything in one: mqtt://[USER[:PASSWORD]@]HOST[:PORT][/TOPIC], or the same with \
                mqtts://, ws:// or wss:// (whose path is in --ws-path), or unix://PATH [env: \
                MQTT_URL, where neither host, port nor --unix is given]"
    )]
    pub url: Option<String>,

    /// Client Identifier [default: midge- and random characters].
    #[arg(short, long, value_name = "ID")]
    pub id: Option<String>,

    /// User name.
    #[arg(short, long, value_name = "NAME")]
    pub username: Option<String>,

    /// Password. Everybody on this machine can see it in the list of processes: the three ways
    /// below keep it to you.
    #[arg(
        short = 'P',
        long = "pw",
        visible_alias = "password",
        value_name = "PASSWORD",
        help = "Password; where other people use this machine, too, better by MIDGE_PASSWORD, \
                --password-file or --ask-password"
    )]
    pub password: Option<OsString>,

    /// Password: the first line of this file.
    #[arg(long, value_name = "FILE", conflicts_with = "password")]
    pub password_file: Option<PathBuf>,

    /// Ask for the password on the terminal.
    #[arg(long, conflicts_with_all = ["password", "password_file"])]
    pub ask_password: bool,

    /// MQTT version: 5, 311 or 31 (mqttv5, mqttv311, mqttv31; 5.0, 3.1.1, 3.1) [default: 5; pub and
    /// sub go on with 311 where the broker refuses 5].
    #[arg(short = 'V', long, value_name = "VERSION")]
    pub protocol_version: Option<String>,

    /// Keep Alive in seconds; 0 turns it off.
    #[arg(short, long, value_name = "SECONDS", default_value_t = 60)]
    pub keepalive: u16,

    /// Longest time from the first packet to the broker's CONNACK: seconds, or with a unit as in
    /// 500ms, 10s, 2m.
    #[arg(long, value_name = "TIME", default_value = "30")]
    pub connect_timeout: String,

    /// Which client does the work: native, or rumqttc (3.1.1 and 5.0) to tell midge's faults from
    /// the broker's.
    #[arg(long, value_name = "ENGINE", default_value = "native")]
    pub engine: String,

    /// Say on stderr what is sent and received.
    #[arg(short, long)]
    pub debug: bool,

    /// Under whose name the program runs; no flag.
    #[arg(skip)]
    pub program: Program,

    /// What carries the bytes.
    #[command(flatten)]
    pub transport: Transport,

    /// Take what is not given here from this profile.
    #[arg(
        long,
        value_name = "NAME",
        help_heading = "Profile",
        help = "Take connection flags that are not given from this profile; also in front of the \
                subcommand [env: MIDGE_PROFILE]",
        long_help = "Take connection flags that are not given from this profile: the table \
            [profiles.NAME] of the file of --config, with their long names as keys, as in \
            host = \"broker\", port = 8883, tls-use-os-certs = true, password-file = \"FILE\"; \
            file names are those of the current folder. Also in front of the subcommand. For each of these flags there is a variable, too: MIDGE_ \
            and its long name, as in MIDGE_HOST, MIDGE_PASSWORD and MIDGE_TLS_ALPN. A flag wins \
            over a variable, a variable over a profile, and a profile over MQTT_URL, MQTT_HOST and \
            MQTT_PORT; an address (--host, --port, --url, --unix) replaces one of another kind. \
            [env: MIDGE_PROFILE]"
    )]
    pub profile: Option<String>,

    /// The file with the profiles [default: midge/config.toml in $XDG_CONFIG_HOME or in
    /// $HOME/.config] [env: MIDGE_CONFIG].
    #[arg(long, value_name = "FILE", help_heading = "Profile")]
    pub config: Option<PathBuf>,

    /// Print help.
    #[arg(long, action = ArgAction::Help, help_heading = "Options")]
    pub help: Option<bool>,
}

/// Under whose name the program runs, and whose words and exit codes it has therefore.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Program {
    /// Its own.
    #[default]
    Midge,
    /// mosquitto_pub.
    MosquittoPub,
    /// mosquitto_sub.
    MosquittoSub,
    /// mosquitto_rr.
    MosquittoRr,
}

impl Default for Connection {
    /// What no flag at all means.
    fn default() -> Connection {
        Connection {
            host: None,
            port: None,
            srv: false,
            url: None,
            id: None,
            username: None,
            password: None,
            password_file: None,
            ask_password: false,
            protocol_version: None,
            keepalive: 60,
            connect_timeout: "30".to_owned(),
            engine: "native".to_owned(),
            debug: false,
            program: Program::Midge,
            transport: Transport::default(),
            profile: None,
            config: None,
            help: None,
        }
    }
}

#[cfg(test)]
impl Connection {
    /// What these words on a command line mean.
    pub(crate) fn from_words(words: &str) -> Connection {
        use clap::FromArgMatches;
        let command = Connection::augment_args(clap::Command::new("test"));
        let words = std::iter::once("test").chain(words.split_whitespace());
        let matches = command.try_get_matches_from(words).unwrap();
        Connection::from_arg_matches(&matches).unwrap()
    }
}
