//! Flags of those that receive and print messages, `midge sub` and `midge rr`. Names are
//! mosquitto_sub's.

use clap::Args;

/// How to receive and to print.
#[derive(Debug, Clone, Default, Args)]
pub struct Receive {
    /// Leave out retained messages.
    #[arg(short = 'R', long)]
    pub no_retained: bool,

    /// Keep the retain flag that a message was published with. MQTT 5.0.
    #[arg(long)]
    pub retain_as_published: bool,

    /// When the broker sends retained messages: always, new (if the subscription is) or never. MQTT
    /// 5.0.
    #[arg(long, value_name = "WHEN", value_parser = ["always", "new", "never"], hide_possible_values = true)]
    pub retain_handling: Option<String>,

    /// Print the topic before each payload.
    #[arg(short, long)]
    pub verbose: bool,

    /// Print no line end behind each message.
    #[arg(short = 'N', long)]
    pub no_eol: bool,

    /// How to print each message, as in '%I %t %p'.
    #[arg(
        short = 'F',
        long,
        value_name = "FORMAT",
        allow_hyphen_values = true,
        conflicts_with = "json",
        long_help = "How to print each message, with mosquitto_sub's specifiers: %t topic, %p payload, \
            %x and %X payload in hex (%:x with a character between the bytes), %f and %d payload as a \
            float of 4 or 8 bytes, %l its length, %q QoS, %r retain, %m packet id, %A topic alias, %C \
            content type, %D correlation data, %E message expiry, %F payload format, %P user properties, \
            %R response topic, %S subscription id, %I time as ISO 8601, %U as Unix time, %j JSON, %J JSON \
            with the payload as JSON, %% a percent sign; with -, 0, width and .precision as in \
            %-20.20t; @X what strftime(3) has as %X, @N nanoseconds, @@; \\\\ \\0 \\a \\e \\n \\r \\t \\v."
    )]
    pub format: Option<String>,

    /// Print JSON (-F %j and %J, --decode) with a line for each value.
    #[arg(long)]
    pub pretty: bool,

    /// Print one JSON object per message.
    #[arg(long, conflicts_with_all = ["verbose", "no_eol", "pretty"])]
    pub json: bool,
}
