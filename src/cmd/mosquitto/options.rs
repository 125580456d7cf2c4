//! The one table of their options.

use std::ffi::OsStr;
use std::path::PathBuf;

use super::typed::{Source, Typed};
use super::{Stop, format, number, url};
use crate::cli::Program;
use crate::mqtt::{Version, topic};

/// The programs that have an option.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Of {
    All,
    Pub,
    Sub,
    /// pub and rr.
    Senders,
    /// sub and rr.
    Receivers,
    Rr,
}

impl Of {
    pub(super) fn includes(self, program: Program) -> bool {
        let (publishes, subscribes) = match program {
            Program::Midge => (false, false),
            Program::MosquittoPub => (true, false),
            Program::MosquittoSub => (false, true),
            Program::MosquittoRr => (true, true),
        };
        match self {
            Of::All => publishes || subscribes,
            Of::Pub => publishes && !subscribes,
            Of::Sub => subscribes && !publishes,
            Of::Senders => publishes,
            Of::Receivers => subscribes,
            Of::Rr => publishes && subscribes,
        }
    }
}

/// What an option does.
#[derive(Clone, Copy)]
pub(super) enum Does {
    /// It stands alone.
    Flag(fn(&mut Typed) -> Result<(), Stop>),
    /// It takes the next word; the text is what they say is not given if there is none.
    Value(&'static str, fn(&mut Typed, &OsStr) -> Result<(), Stop>),
    /// -D: three or four words.
    Property,
    Help,
    Version,
    /// midge does not have it. The text as in [`Does::Value`]; empty: it stands alone.
    NotHad(&'static str),
}

/// An option.
pub(super) struct Row {
    /// `-t`, or empty.
    pub(super) short: &'static str,
    /// `--topic`, or empty.
    pub(super) long: &'static str,
    pub(super) of: Of,
    pub(super) does: Does,
}

impl Row {
    /// How they call it in a message: by its short name.
    pub(super) fn name(&self) -> &'static str {
        match self.short {
            "" | "-V" => self.long,
            short => short,
        }
    }
}

const fn row(short: &'static str, long: &'static str, of: Of, does: Does) -> Row {
    Row {
        short,
        long,
        of,
        does,
    }
}

use Does::{Flag, NotHad, Property, Value};

/// Every option of the three programs at 2.1.2.
pub(super) const TABLE: &[Row] = &[
    row(
        "-A",
        "",
        Of::All,
        Value("no address specified", |t, v| {
            t.connection.transport.bind_address = Some(text(v));
            Ok(())
        }),
    ),
    row(
        "-c",
        "--disable-clean-session",
        Of::All,
        Flag(|t| {
            t.session.disable_clean_session = true;
            Ok(())
        }),
    ),
    row(
        "-C",
        "",
        Of::Sub,
        Value("no count specified", |t, v| {
            let count = number::integer(&text(v));
            t.count = Some(at_least_1(count, || {
                format!("Error: Invalid message count \"{count}\".\n")
            })?);
            Ok(())
        }),
    ),
    row(
        "-d",
        "--debug",
        Of::All,
        Flag(|t| {
            t.connection.debug = true;
            Ok(())
        }),
    ),
    row("-D", "--property", Of::All, Property),
    row(
        "-e",
        "",
        Of::Rr,
        Value("no response topic specified", |t, v| {
            let name = utf8(v, "-e")?;
            if topic::has_wildcard(&name) {
                return wrong(format!(
                    "Error: Invalid response topic '{name}', does it contain '+' or '#'?"
                ));
            }
            t.response_topic = Some(name);
            Ok(())
        }),
    ),
    row(
        "-E",
        "",
        Of::Sub,
        Flag(|t| {
            t.exit_after_subscribing = true;
            Ok(())
        }),
    ),
    row(
        "-f",
        "--file",
        Of::Senders,
        Value("no file specified", |t, v| {
            set_source(t, Source::File(PathBuf::from(v)))
        }),
    ),
    row(
        "-F",
        "",
        Of::Receivers,
        Value("no format specified", |t, v| {
            let text = text(v);
            format::check(&text)?;
            t.format = Some(text);
            Ok(())
        }),
    ),
    row(
        "-h",
        "--host",
        Of::All,
        Value("no host specified", |t, v| {
            t.connection.host = Some(text(v));
            Ok(())
        }),
    ),
    row(
        "-i",
        "--id",
        Of::All,
        Value("no id specified", |t, v| {
            if t.session.id_prefix.is_some() {
                return wrong("Error: -i and -I argument cannot be used together.\n");
            }
            t.connection.id = Some(text(v));
            Ok(())
        }),
    ),
    row(
        "-I",
        "--id-prefix",
        Of::All,
        Value("no id prefix specified", |t, v| {
            if t.connection.id.is_some() {
                return wrong("Error: -i and -I argument cannot be used together.\n");
            }
            t.session.id_prefix = Some(text(v));
            Ok(())
        }),
    ),
    row(
        "-k",
        "--keepalive",
        Of::All,
        Value("no keepalive specified", |t, v| {
            t.connection.keepalive = match u16::try_from(number::integer(&text(v))) {
                Ok(seconds @ 5..) => seconds,
                _ => {
                    return wrong(
                        "Error: Invalid keepalive given, it must be between 5 and 65535 inclusive.\n",
                    );
                }
            };
            Ok(())
        }),
    ),
    row(
        "-L",
        "--url",
        Of::All,
        Value("no URL specified", |t, v| url::read(t, &text(v))),
    ),
    row(
        "-l",
        "--stdin-line",
        Of::Pub,
        Flag(|t| set_source(t, Source::Lines)),
    ),
    row(
        "-m",
        "--message",
        Of::Senders,
        Value("no message specified", |t, v| {
            set_source(t, Source::Message(text(v)))
        }),
    ),
    row(
        "-M",
        "",
        Of::All,
        Value("max_inflight not specified", |t, v| {
            let count = at_least_1(number::integer(&text(v)), || {
                "Error: Maximum inflight messages must be greater than 0.\n".to_owned()
            })?;
            t.session.max_inflight = Some(u16::try_from(count).unwrap_or(u16::MAX));
            Ok(())
        }),
    ),
    row(
        "-n",
        "--null-message",
        Of::Senders,
        Flag(|t| set_source(t, Source::Null)),
    ),
    row(
        "-N",
        "",
        Of::Receivers,
        Flag(|t| {
            t.no_eol = true;
            Ok(())
        }),
    ),
    row(
        "-o",
        "",
        Of::All,
        Value("no options file specified", |t, v| {
            if t.options_file.replace(PathBuf::from(v)).is_some() {
                return wrong("Error: Duplicate -o argument given.\n");
            }
            Ok(())
        }),
    ),
    row(
        "-p",
        "--port",
        Of::All,
        Value("no port specified", |t, v| {
            let port = number::integer(&text(v));
            match u16::try_from(port) {
                Ok(port) => t.connection.port = Some(port),
                Err(_) => return wrong(format!("Error: Invalid port given: {port}")),
            }
            Ok(())
        }),
    ),
    row(
        "-P",
        "--pw",
        Of::All,
        Value("no password specified", |t, v| {
            t.connection.password = Some(text(v));
            Ok(())
        }),
    ),
    row(
        "-q",
        "--qos",
        Of::All,
        Value("no QoS specified", |t, v| {
            let qos = number::integer(&text(v));
            match u8::try_from(qos) {
                Ok(qos @ 0..=2) => t.qos = qos,
                _ => return wrong(format!("Error: Invalid QoS given: {qos}")),
            }
            Ok(())
        }),
    ),
    row(
        "-r",
        "--retain",
        Of::Pub,
        Flag(|t| {
            t.retain = true;
            Ok(())
        }),
    ),
    row(
        "-R",
        "",
        Of::Receivers,
        Flag(|t| {
            t.no_retained = true;
            Ok(())
        }),
    ),
    row(
        "-s",
        "--stdin-file",
        Of::Senders,
        Flag(|t| set_source(t, Source::Stdin)),
    ),
    row(
        "-S",
        "",
        Of::All,
        Flag(|t| {
            t.connection.srv = true;
            Ok(())
        }),
    ),
    row(
        "-t",
        "--topic",
        Of::All,
        Value("no topic specified", |t, v| {
            let topic = utf8(v, "-t")?;
            add_topic(t, topic)
        }),
    ),
    row(
        "-T",
        "--filter-out",
        Of::Sub,
        Value("no topic filter specified", |t, v| {
            let filter = utf8(v, "-T")?;
            if bad_filter(&filter) {
                return wrong(format!(
                    "Error: Invalid filter topic '{filter}', are all '+' and '#' wildcards correct?"
                ));
            }
            t.filter_out.push(filter);
            Ok(())
        }),
    ),
    row(
        "-u",
        "--username",
        Of::All,
        Value("no username specified", |t, v| {
            t.connection.username = Some(text(v));
            Ok(())
        }),
    ),
    row(
        "-U",
        "--unsubscribe",
        Of::Sub,
        Value("no unsubscribe topic specified", |t, v| {
            let filter = utf8(v, "-U")?;
            if bad_filter(&filter) {
                return wrong(format!(
                    "Error: Invalid unsubscribe topic '{filter}', are all '+' and '#' wildcards correct?"
                ));
            }
            t.unsubscribe.push(filter);
            Ok(())
        }),
    ),
    row(
        "-v",
        "--verbose",
        Of::Receivers,
        Flag(|t| {
            t.verbose = true;
            Ok(())
        }),
    ),
    row(
        "-V",
        "--protocol-version",
        Of::All,
        Value("no version specified", |t, v| {
            t.version = match text(v).as_str() {
                "mqttv31" | "31" => Version::V31,
                "mqttv311" | "311" => Version::V311,
                "mqttv5" | "5" => Version::V5,
                _ => return wrong("Error: Invalid protocol version argument given.\n"),
            };
            Ok(())
        }),
    ),
    row(
        "-w",
        "--watch",
        Of::Sub,
        Flag(|t| {
            t.watch = true;
            Ok(())
        }),
    ),
    row(
        "-W",
        "",
        Of::Receivers,
        Value("no timeout specified", |t, v| {
            let seconds = number::integer(&text(v));
            t.timeout = Some(at_least_1(seconds, || {
                format!("Error: Invalid timeout \"{seconds}\".\n")
            })?);
            Ok(())
        }),
    ),
    row(
        "-x",
        "",
        Of::All,
        Value("no session expiry interval specified", |t, v| {
            t.expiry = Some(expiry(&text(v))?);
            t.version = Version::V5;
            Ok(())
        }),
    ),
    row(
        "",
        "--cafile",
        Of::All,
        Value("no file specified", |t, v| {
            t.connection.transport.cafile = Some(PathBuf::from(v));
            Ok(())
        }),
    ),
    row(
        "",
        "--capath",
        Of::All,
        Value("no directory specified", |t, v| {
            t.connection.transport.capath = Some(PathBuf::from(v));
            Ok(())
        }),
    ),
    row(
        "",
        "--cert",
        Of::All,
        Value("no file specified", |t, v| {
            t.connection.transport.cert = Some(PathBuf::from(v));
            Ok(())
        }),
    ),
    row(
        "",
        "--ciphers",
        Of::All,
        Value("no ciphers specified", |t, v| {
            t.connection.transport.ciphers = Some(text(v));
            Ok(())
        }),
    ),
    row("", "--help", Of::All, Does::Help),
    row(
        "",
        "--insecure",
        Of::All,
        Flag(|t| {
            t.connection.transport.insecure = true;
            Ok(())
        }),
    ),
    row(
        "",
        "--key",
        Of::All,
        Value("no file specified", |t, v| {
            t.connection.transport.key = Some(PathBuf::from(v));
            Ok(())
        }),
    ),
    row(
        "",
        "--keyform",
        Of::All,
        Value("no keyform specified", |t, v| {
            t.keyform = Some(text(v));
            Ok(())
        }),
    ),
    row(
        "",
        "--latency",
        Of::Rr,
        Flag(|t| {
            t.latency = true;
            Ok(())
        }),
    ),
    row(
        "",
        "--message-rate",
        Of::Sub,
        Flag(|t| {
            t.message_rate = true;
            Ok(())
        }),
    ),
    row(
        "",
        "--no-tls",
        Of::All,
        Flag(|t| {
            t.connection.transport.no_tls = true;
            Ok(())
        }),
    ),
    row(
        "",
        "--nodelay",
        Of::All,
        Flag(|t| {
            t.connection.transport.nodelay = true;
            Ok(())
        }),
    ),
    row(
        "",
        "--pretty",
        Of::Receivers,
        Flag(|t| {
            t.pretty = true;
            Ok(())
        }),
    ),
    row(
        "",
        "--proxy",
        Of::All,
        Value("no proxy url specified", |t, v| {
            url::read_proxy(t, &text(v))
        }),
    ),
    row("", "--psk", Of::All, NotHad("no key specified")),
    row(
        "",
        "--psk-identity",
        Of::All,
        NotHad("no identity specified"),
    ),
    row(
        "",
        "--quiet",
        Of::All,
        Flag(|t| {
            t.session.quiet = true;
            Ok(())
        }),
    ),
    row(
        "",
        "--random-filter",
        Of::Sub,
        Value("no chance specified", |t, v| {
            let chance = number::float(&text(v));
            if !(0.1..=1000.0).contains(&chance) {
                return wrong("Error: --random-filter chance must be between 0.1-100.0\n");
            }
            t.random_filter = Some(chance.min(100.0));
            Ok(())
        }),
    ),
    row(
        "",
        "--remove-retained",
        Of::Sub,
        Flag(|t| {
            t.remove_retained = true;
            Ok(())
        }),
    ),
    row(
        "",
        "--repeat",
        Of::Pub,
        Value("no count specified", |t, v| {
            t.repeat = at_least_1(number::integer(&text(v)), || {
                "Error: --repeat argument must be >0.\n".to_owned()
            })?;
            Ok(())
        }),
    ),
    row(
        "",
        "--repeat-delay",
        Of::Pub,
        Value("no time specified", |t, v| {
            let seconds = number::float(&text(v));
            if seconds < 0.0 {
                return wrong("Error: --repeat-delay argument must be >=0.0.\n");
            }
            t.repeat_delay = seconds;
            Ok(())
        }),
    ),
    row(
        "",
        "--retain-as-published",
        Of::Receivers,
        Flag(|t| {
            t.retain_as_published = true;
            Ok(())
        }),
    ),
    row(
        "",
        "--retain-handling",
        Of::Receivers,
        Value("no option specified", |t, v| {
            let when = text(v);
            if !["always", "new", "never"].contains(&when.as_str()) {
                return wrong(format!(
                    "Error: Unknown value '{when}' for --retain-handling.\n"
                ));
            }
            t.retain_handling = Some(when);
            Ok(())
        }),
    ),
    row(
        "",
        "--retained-only",
        Of::Sub,
        Flag(|t| {
            t.retained_only = true;
            Ok(())
        }),
    ),
    row(
        "",
        "--tls-alpn",
        Of::All,
        Value("no protocol specified", |t, v| {
            t.connection.transport.tls_alpn = Some(text(v));
            Ok(())
        }),
    ),
    row(
        "",
        "--tls-engine",
        Of::All,
        NotHad("no engine_id specified"),
    ),
    row(
        "",
        "--tls-engine-kpass-sha1",
        Of::All,
        NotHad("no kpass sha1 specified"),
    ),
    row(
        "",
        "--tls-keylog",
        Of::All,
        Value("no file specified", |t, v| {
            t.connection.transport.tls_keylog = Some(PathBuf::from(v));
            Ok(())
        }),
    ),
    row(
        "",
        "--tls-use-os-certs",
        Of::All,
        Flag(|t| {
            t.connection.transport.tls_use_os_certs = true;
            Ok(())
        }),
    ),
    row(
        "",
        "--tls-version",
        Of::All,
        Value("no version specified", |t, v| {
            t.connection.transport.tls_version = Some(text(v));
            Ok(())
        }),
    ),
    row(
        "",
        "--unix",
        Of::All,
        Value("no socket path specified", |t, v| {
            t.connection.transport.unix = Some(PathBuf::from(v));
            Ok(())
        }),
    ),
    row("", "--version", Of::All, Does::Version),
    row(
        "",
        "--will-payload",
        Of::All,
        Value("no will payload specified", |t, v| {
            t.session.will_payload = Some(text(v));
            Ok(())
        }),
    ),
    row(
        "",
        "--will-qos",
        Of::All,
        Value("no will QoS specified", |t, v| {
            let qos = number::integer(&text(v));
            match u8::try_from(qos) {
                Ok(qos @ 0..=2) => t.session.will_qos = qos,
                _ => return wrong(format!("Error: Invalid will QoS {qos}.\n")),
            }
            Ok(())
        }),
    ),
    row(
        "",
        "--will-retain",
        Of::All,
        Flag(|t| {
            t.session.will_retain = true;
            Ok(())
        }),
    ),
    row(
        "",
        "--will-topic",
        Of::All,
        Value("no will topic specified", |t, v| {
            let name = utf8(v, "--will-topic")?;
            if topic::has_wildcard(&name) {
                return wrong(format!(
                    "Error: Invalid will topic '{name}', does it contain '+' or '#'?"
                ));
            }
            t.session.will_topic = Some(name);
            Ok(())
        }),
    ),
    row(
        "",
        "--ws",
        Of::All,
        Flag(|t| {
            t.connection.transport.ws = true;
            Ok(())
        }),
    ),
];

/// A topic of -t or of a URL.
pub(super) fn add_topic(typed: &mut Typed, topic: String) -> Result<(), Stop> {
    match typed.program {
        Program::MosquittoSub if bad_filter(&topic) => wrong(format!(
            "Error: Invalid subscription topic '{topic}', are all '+' and '#' wildcards correct?"
        )),
        Program::MosquittoSub => {
            typed.topics.push(topic);
            Ok(())
        }
        _ if topic::has_wildcard(&topic) => wrong(format!(
            "Error: Invalid publish topic '{topic}', does it contain '+' or '#'?"
        )),
        _ => {
            typed.topics = vec![topic];
            Ok(())
        }
    }
}

/// Wildcards in wrong places, or a length that no packet has. They look at nothing else.
fn bad_filter(filter: &str) -> bool {
    !filter.is_empty() && topic::check_filter(filter).is_err()
}

fn set_source(typed: &mut Typed, source: Source) -> Result<(), Stop> {
    if typed.source.is_some() {
        return wrong("Error: Only one type of message can be sent at once.\n");
    }
    typed.source = Some(source);
    Ok(())
}

fn expiry(word: &str) -> Result<u32, Stop> {
    if word == "∞" {
        return Ok(u32::MAX);
    }
    match number::whole(word) {
        None => Err(Stop::Wrong(
            "Error: session-expiry-interval not a number.\n".to_owned(),
        )),
        Some(-1) => Ok(u32::MAX),
        Some(seconds) => u32::try_from(seconds)
            .map_err(|_| Stop::Wrong("Error: session-expiry-interval out of range.\n".to_owned())),
    }
}

fn at_least_1(number: i64, text: impl Fn() -> String) -> Result<u64, Stop> {
    match u64::try_from(number) {
        Ok(number @ 1..) => Ok(number),
        _ => Err(Stop::Wrong(text())),
    }
}

fn wrong<T>(text: impl Into<String>) -> Result<T, Stop> {
    Err(Stop::Wrong(text.into()))
}

/// A word where it does not matter what is not UTF-8 in it.
fn text(word: &OsStr) -> String {
    word.to_string_lossy().into_owned()
}

/// A word that has to be UTF-8, as they see it: without control characters and non-characters.
fn utf8(word: &OsStr, name: &str) -> Result<String, Stop> {
    let fits = |c: char| !c.is_control() && !is_noncharacter(c);
    match word.to_str().filter(|text| text.chars().all(fits)) {
        Some(text) => Ok(text.to_owned()),
        None => wrong(format!("Error: Malformed UTF-8 in {name} argument.\n")),
    }
}

fn is_noncharacter(c: char) -> bool {
    let code = u32::from(c);
    (0xfdd0..=0xfdef).contains(&code) || code & 0xfffe == 0xfffe
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli;

    #[test]
    fn every_option_is_a_flag_of_the_subcommand() {
        let midge = cli::command();
        for (program, subcommand) in [
            (Program::MosquittoPub, "pub"),
            (Program::MosquittoSub, "sub"),
            (Program::MosquittoRr, "rr"),
        ] {
            let command = midge.find_subcommand(subcommand).unwrap();
            for row in TABLE.iter().filter(|row| row.of.includes(program)) {
                // PEM is what midge reads; --version is that of midge itself.
                let is_theirs_alone = matches!(row.does, NotHad(_) | Does::Version)
                    || matches!(row.long, "--keyform");
                if is_theirs_alone {
                    continue;
                }
                let short = row
                    .short
                    .strip_prefix('-')
                    .and_then(|name| name.chars().next());
                let long = row.long.strip_prefix("--");
                let found = command.get_arguments().any(|arg| {
                    (short.is_none() || arg.get_short() == short)
                        && (long.is_none() || arg.get_long() == long)
                });
                assert!(found, "{subcommand} {} {}", row.short, row.long);
            }
        }
    }

    #[test]
    fn names_are_there_once_in_a_program() {
        for program in [
            Program::MosquittoPub,
            Program::MosquittoSub,
            Program::MosquittoRr,
        ] {
            let rows = TABLE.iter().filter(|row| row.of.includes(program));
            let mut names: Vec<_> = rows
                .flat_map(|row| [row.short, row.long])
                .filter(|name| !name.is_empty())
                .collect();
            names.sort_unstable();
            let count = names.len();
            names.dedup();
            assert_eq!(names.len(), count, "{program:?}");
        }
    }
}
