//! Flags of every subcommand that connects to a broker. Names are mosquitto's.

use clap::Args;

/// How to reach a broker and who to be there.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Connection")]
pub struct Connection {
    /// Host name or address of the broker.
    #[arg(
        short = 'h',
        long,
        value_name = "HOST",
        env = "MQTT_HOST",
        default_value = "localhost"
    )]
    pub host: String,

    /// Port of the broker [default: 1883].
    #[arg(short, long, value_name = "PORT", env = "MQTT_PORT")]
    pub port: Option<u16>,

    /// Client Identifier [default: a random one].
    #[arg(short, long, value_name = "ID")]
    pub id: Option<String>,

    /// User name.
    #[arg(short, long, value_name = "NAME")]
    pub username: Option<String>,

    /// Password.
    #[arg(short = 'P', long = "pw", value_name = "PASSWORD")]
    pub password: Option<String>,

    /// MQTT version: 5, 311 or 31 (mqttv5, mqttv311, mqttv31; 5.0, 3.1.1, 3.1).
    #[arg(short = 'V', long, value_name = "VERSION", default_value = "5")]
    pub protocol_version: String,

    /// Keep Alive in seconds; 0 turns it off.
    #[arg(short, long, value_name = "SECONDS", default_value_t = 60)]
    pub keepalive: u16,
}
