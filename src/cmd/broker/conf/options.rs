//! The options of mosquitto.conf, and what each sets.

use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use super::super::limits::LEAST_MEMORY;
use super::Met;
use super::settings::{Listener, Settings};
use super::value::{expiration, first_word, flag, number, versions};
use crate::mqtt::QoS;
use crate::mqtt::topic::{self, Quoted};

/// Highest number of an `int` in mosquitto.
const INT: i64 = i32::MAX as i64;

/// What an option takes and does.
enum Does {
    /// true or false
    Flag(fn(&mut Settings, bool)),
    /// A number in this range.
    Number(RangeInclusive<i64>, fn(&mut Settings, i64)),
    /// The rest of the line.
    Text(fn(&mut Settings, &str)),
    /// The same, as a path.
    Path(fn(&mut Settings, PathBuf)),
    /// The same, with a grammar of its own.
    Parse(fn(&mut Settings, &str) -> Result<(), String>),
    /// The files of a folder.
    Include,
    /// It changes nothing here, for this reason.
    Nothing(
        #[cfg_attr(
            not(test),
            expect(dead_code, reason = "the list in the help is made of it, and compared")
        )]
        &'static str,
    ),
    /// midge has not got it, for this reason.
    NotHad(&'static str),
}

use Does::{Flag, Include, NotHad, Nothing, Number, Parse, Path, Text};

/// Does what a line says.
pub(super) fn meet(settings: &mut Settings, name: &str, value: &str) -> Result<Met, String> {
    let row = TABLE
        .iter()
        .find(|(known, _)| match known.strip_suffix('*') {
            Some(beginning) => name.starts_with(beginning),
            None => *known == name,
        });
    let Some((_, does)) = row else {
        return Err(format!("{} is no option of mosquitto", Quoted(name)));
    };
    if let NotHad(why) = does {
        return Err(format!(
            "midge has no {name}: {why}; without this line the rest can be used"
        ));
    }
    if value.is_empty() && !matches!(does, Nothing(_)) {
        return Err(format!("{name} wants a value"));
    }
    let set = match does {
        Flag(set) => flag(value).map(|value| set(settings, value)),
        Number(range, set) => number(value, range).map(|value| set(settings, value)),
        Text(set) => {
            set(settings, value);
            Ok(())
        }
        Path(set) => {
            set(settings, value.into());
            Ok(())
        }
        Parse(set) => set(settings, value),
        Include => return Ok(Met::Include(value.into())),
        Nothing(_) | NotHad(_) => Ok(()),
    };
    set.map_err(|what| format!("{name} {what}"))?;
    Ok(Met::Done)
}

/// By name; `*` is any end of it.
const TABLE: &[(&str, Does)] = &[
    (
        "accept_protocol_versions",
        Parse(|s, text| {
            s.listener().versions = versions(text)?;
            Ok(())
        }),
    ),
    (
        "acl_file",
        Path(|s, path| {
            let file = s.file(path);
            s.security().acl_file = Some(file);
        }),
    ),
    (
        "allow_anonymous",
        Flag(|s, on| s.security().allow_anonymous = Some(on)),
    ),
    (
        "allow_duplicate_messages",
        Flag(|s, on| s.config.allow_duplicates = on),
    ),
    (
        "allow_zero_length_clientid",
        Flag(|s, on| s.security().allow_zero_length_clientid = on),
    ),
    (
        "auto_id_prefix",
        Text(|s, text| s.security().auto_id_prefix = text.to_owned()),
    ),
    ("autosave_interval", Nothing(AT_ONCE)),
    ("autosave_on_changes", Nothing(AT_ONCE)),
    (
        "bind_address",
        Text(|s, text| {
            s.has_default_listener = true;
            s.reaches_out = true;
            s.default_listener.host = Some(text.to_owned());
        }),
    ),
    ("cafile", Path(|s, path| s.tls().ca_file = Some(path))),
    ("capath", Path(|s, path| s.tls().ca_path = Some(path))),
    ("certfile", Path(|s, path| s.tls().cert_file = Some(path))),
    (
        "check_retain_source",
        Flag(|s, on| s.config.check_retain_source = on),
    ),
    (
        "clientid_prefixes",
        Text(|s, text| s.config.client_id_prefix = Some(text.into())),
    ),
    ("connection_messages", Flag(|s, on| s.log.connections = on)),
    ("crlfile", Path(|s, path| s.tls().crl_file = Some(path))),
    ("include_dir", Include),
    ("keyfile", Path(|s, path| s.tls().key_file = Some(path))),
    ("listener", Parse(listener)),
    (
        "listener_allow_anonymous",
        Flag(|s, on| s.listener().allow_anonymous = Some(on)),
    ),
    (
        "listener_auto_id_prefix",
        Text(|s, text| {
            s.listener().auto_id_prefix = Some(text.to_owned());
        }),
    ),
    ("log_dest", Parse(|s, text| s.log.add_target(text))),
    ("log_facility", Nothing("there is no syslog")),
    ("log_timestamp", Flag(|s, on| s.log.timestamp = on)),
    (
        "log_timestamp_format",
        Text(|s, text| s.log.timestamp_format = Some(text.to_owned())),
    ),
    ("log_type", Parse(|s, text| s.log.add_type(text))),
    (
        "max_connections",
        Number(-1..=INT, |s, most| {
            s.listener().max_connections = usize::try_from(most).ok();
        }),
    ),
    (
        "max_inflight_bytes",
        Number(0..=INT, |s, most| {
            s.config.max_inflight_bytes = unlimited(most);
        }),
    ),
    // It is what the broker announces, too.
    (
        "max_inflight_messages",
        Number(0..=65535, |s, most| {
            let most = u16::try_from(most).ok().filter(|&most| most > 0);
            s.config.max_inflight = most.unwrap_or(u16::MAX);
            s.config.receive_maximum = s.config.max_inflight;
        }),
    ),
    (
        "max_keepalive",
        Number(0..=65535, |s, most| {
            s.config.max_keep_alive = u16::try_from(most).ok().filter(|&most| most > 0);
        }),
    ),
    (
        "max_packet_size",
        Parse(|s, text| {
            s.config.max_packet_size = match number(text, &(0..=INT))? {
                0 => MAX_PACKET,
                // Not even a CONNECT has room.
                1..=19 => return Err("is less than 20 bytes".to_owned()),
                most => unlimited(most).min(MAX_PACKET),
            };
            Ok(())
        }),
    ),
    ("max_qos", Number(0..=2, max_qos)),
    (
        "max_queued_bytes",
        Number(0..=INT, |s, most| {
            s.config.max_queued_bytes = unlimited(most);
        }),
    ),
    (
        "max_queued_messages",
        Number(0..=INT, |s, most| {
            s.config.max_queued_messages = unlimited(most);
        }),
    ),
    (
        "max_topic_alias",
        Number(0..=65535, |s, most| {
            s.listener().max_topic_alias = u16::try_from(most).ok();
        }),
    ),
    (
        "max_topic_alias_broker",
        Number(0..=65535, |s, most| {
            s.listener().max_topic_alias_broker = u16::try_from(most).ok();
        }),
    ),
    ("maximum_qos", Number(0..=2, max_qos)),
    (
        "memory_limit",
        Parse(|s, text| {
            s.config.max_memory = match number(text, &(0..=i64::MAX))? {
                0 => usize::MAX,
                most => unlimited(most),
            };
            match s.config.max_memory < LEAST_MEMORY {
                true => Err(format!("is less than {LEAST_MEMORY} bytes")),
                false => Ok(()),
            }
        }),
    ),
    (
        "message_size_limit",
        Number(0..=268_435_455, |s, most| {
            s.config.max_payload = unlimited(most);
        }),
    ),
    (
        "mount_point",
        Parse(|s, text| {
            topic::check_name(text).map_err(|error| format!("is {}: {error}", Quoted(text)))?;
            s.listener().mount_point = Some(text.to_owned());
            Ok(())
        }),
    ),
    (
        "password_file",
        Path(|s, path| {
            let file = s.file(path);
            s.security().password_file = Some(file);
        }),
    ),
    ("per_listener_settings", Flag(|s, on| s.per_listener = on)),
    ("persistence", Flag(|s, on| s.persistence = on)),
    (
        "persistence_file",
        Path(|s, path| s.persistence_file = path),
    ),
    (
        "persistence_location",
        Path(|s, path| s.persistence_location = path),
    ),
    (
        "persistent_client_expiration",
        Parse(|s, text| {
            s.config.max_session_expiry = Some(expiration(text)?);
            Ok(())
        }),
    ),
    ("pid_file", Path(|s, path| s.pid_file = Some(path))),
    (
        "port",
        Number(0..=65535, |s, port| {
            s.has_default_listener = true;
            s.reaches_out = true;
            s.default_listener.port = u16::try_from(port).unwrap_or_default();
        }),
    ),
    (
        "protocol",
        Parse(|s, text| {
            s.listener().websockets = match first_word(text) {
                "mqtt" => false,
                "websockets" => true,
                other => return Err(format!("is {}, and is mqtt or websockets", Quoted(other))),
            };
            Ok(())
        }),
    ),
    (
        "queue_qos0_messages",
        Flag(|s, on| s.config.queue_qos0 = on),
    ),
    (
        "require_certificate",
        Flag(|s, on| s.tls().require_certificate = on),
    ),
    // Its name once was.
    ("retained_persistence", Flag(|s, on| s.persistence = on)),
    (
        "retry_interval",
        Nothing("mosquitto has it no more, either"),
    ),
    (
        "retain_available",
        Flag(|s, on| s.config.retain_available = on),
    ),
    ("set_tcp_nodelay", Flag(|s, on| s.no_delay = on)),
    (
        "socket_domain",
        Parse(|s, text| {
            s.listener().ipv6 = match first_word(text) {
                "ipv4" => Some(false),
                "ipv6" => Some(true),
                other => return Err(format!("is {}, and is ipv4 or ipv6", Quoted(other))),
            };
            Ok(())
        }),
    ),
    (
        "sys_interval",
        Number(0..=65535, |s, seconds| {
            let seconds = u64::try_from(seconds).ok().filter(|&seconds| seconds > 0);
            s.config.sys_interval = seconds.map(Duration::from_secs);
        }),
    ),
    (
        "tls_version",
        Parse(|s, text| {
            s.tls().only_1_3 = match first_word(text) {
                "tlsv1.3" => true,
                "tlsv1.2" => false,
                other => return Err(format!("is {}, and is tlsv1.2 or tlsv1.3", Quoted(other))),
            };
            Ok(())
        }),
    ),
    (
        "upgrade_outgoing_qos",
        Flag(|s, on| s.config.upgrade_qos = on),
    ),
    (
        "use_identity_as_username",
        Flag(|s, on| s.tls().identity_as_username = on),
    ),
    (
        "use_subject_as_username",
        Flag(|s, on| s.tls().subject_as_username = on),
    ),
    (
        "use_username_as_clientid",
        Flag(|s, on| s.listener().username_as_client_id = on),
    ),
    // midge stays who it is called by, and says so where that is root.
    ("user", Text(|s, text| s.user = Some(text.to_owned()))),
    (
        "websockets_headers_size",
        Nothing("headers may be as long as the library takes them"),
    ),
    (
        "websockets_log_level",
        Nothing("WebSocket has no log of its own"),
    ),
    // Bridges.
    ("address", NotHad(BRIDGE)),
    ("addresses", NotHad(BRIDGE)),
    ("bridge_*", NotHad(BRIDGE)),
    ("cleansession", NotHad(BRIDGE)),
    ("clientid", NotHad(BRIDGE)),
    ("connection", NotHad(BRIDGE)),
    ("idle_timeout", NotHad(BRIDGE)),
    ("keepalive_interval", NotHad(BRIDGE)),
    ("local_*", NotHad(BRIDGE)),
    ("notification_topic", NotHad(BRIDGE)),
    ("notifications", NotHad(BRIDGE)),
    ("notifications_local_only", NotHad(BRIDGE)),
    ("password", NotHad(BRIDGE)),
    ("remote_*", NotHad(BRIDGE)),
    ("restart_timeout", NotHad(BRIDGE)),
    ("round_robin", NotHad(BRIDGE)),
    ("start_type", NotHad(BRIDGE)),
    ("threshold", NotHad(BRIDGE)),
    ("topic", NotHad(BRIDGE)),
    ("try_private", NotHad(BRIDGE)),
    ("username", NotHad(BRIDGE)),
    // Plugins.
    ("auth_opt_*", NotHad(PLUGIN)),
    ("auth_plugin*", NotHad(PLUGIN)),
    ("global_plugin", NotHad(PLUGIN)),
    ("plugin*", NotHad(PLUGIN)),
    // What is done in other ways, or not at all.
    (
        "bind_interface",
        NotHad("an address of the interface does it, with bind_address or listener PORT ADDRESS"),
    ),
    (
        "ciphers",
        NotHad("the cipher suites are those of today, always"),
    ),
    (
        "ciphers_tls1.3",
        NotHad("the cipher suites are those of today, always"),
    ),
    (
        "dhparamfile",
        NotHad("keys are agreed on with elliptic curves only"),
    ),
    ("enable_control_api", NotHad("there is no control API")),
    ("enable_proxy_protocol*", NotHad("PROXY is not spoken")),
    (
        "global_max_clients",
        NotHad("max_connections of each listener is there"),
    ),
    (
        "global_max_connections",
        NotHad("max_connections of each listener is there"),
    ),
    ("http_dir", NotHad("it is no web server")),
    ("packet_*", NotHad("max_packet_size is there")),
    ("proxy_protocol_*", NotHad("PROXY is not spoken")),
    ("psk_file", NotHad("TLS is with certificates only")),
    ("psk_hint", NotHad("TLS is with certificates only")),
    (
        "retain_expiry_interval",
        NotHad("retained messages live as long as their publisher says"),
    ),
    ("tls_engine*", NotHad("keys come from files only")),
    ("tls_keyform", NotHad("keys come from files only")),
    ("websockets_origin", NotHad("every origin is taken")),
];

const AT_ONCE: &str = "every change is kept at once";
const BRIDGE: &str = "it is no bridge";
const PLUGIN: &str = "it loads no plugins";

/// Any option's name.
#[cfg(test)]
pub(super) fn name(at: usize) -> &'static str {
    TABLE[at % TABLE.len()].0
}

/// Bytes that a packet can have (5.0, 2.1.4).
const MAX_PACKET: usize = 268_435_460;

/// 0 is no limit.
fn unlimited(most: i64) -> usize {
    match usize::try_from(most) {
        Ok(0) | Err(_) => usize::MAX,
        Ok(most) => most,
    }
}

fn max_qos(settings: &mut Settings, most: i64) {
    let most = u8::try_from(most).ok().and_then(QoS::from_u8);
    settings.listener().max_qos = most.unwrap_or(QoS::ExactlyOnce);
}

/// `PORT [ADDRESS]`, or `0 PATH` for a unix socket.
fn listener(settings: &mut Settings, text: &str) -> Result<(), String> {
    let port = number(text, &(0..=65535))?;
    let place = text.split_once([' ', '\t']).map(|(_, place)| place.trim());
    let place = place.filter(|place| !place.is_empty() && !place.starts_with('#'));
    let is_path = |place: &&str| port == 0 && place.contains(['/', '\\']);
    settings.reaches_out = true;
    settings.listeners.push(Listener {
        port: u16::try_from(port).unwrap_or_default(),
        unix_path: place.filter(is_path).map(PathBuf::from),
        host: place
            .filter(|place| !is_path(place))
            .map(|place| first_word(place).to_owned()),
        ..Listener::default()
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;

    /// What the help says of configuration files: all of the table, by what becomes of an option.
    fn list() -> String {
        let mut taken: Vec<&str> = Vec::new();
        // By reason, in the order of the table.
        let mut idle: Vec<(&str, Vec<&str>)> = Vec::new();
        let mut refused: Vec<(&str, Vec<&str>)> = Vec::new();
        for (name, does) in TABLE {
            let (groups, why) = match does {
                Nothing(why) => (&mut idle, why),
                NotHad(why) => (&mut refused, why),
                _ => {
                    taken.push(name);
                    continue;
                }
            };
            match groups.iter_mut().find(|(known, _)| known == why) {
                Some((_, names)) => names.push(name),
                None => groups.push((why, vec![name])),
            }
        }
        taken.sort_unstable();
        let mut text = "Configuration files of mosquitto:\n\
                        With -c these options do what they do in mosquitto (but user: as root, midge stays root):\n"
            .to_owned();
        wrap(&mut text, &taken.join(", "));
        text.push_str("These are taken, and change nothing:\n");
        for (why, names) in idle {
            wrap(&mut text, &format!("{}: {why}", names.join(", ")));
        }
        text.push_str("These end with exit code 2 and the number of their line:\n");
        for (why, names) in refused {
            wrap(&mut text, &format!("{}: {why}", names.join(", ")));
        }
        text.push_str(
            "log_dest is none, stdout, stderr, topic or file NAME; tls_version tlsv1.2 or tlsv1.3;\n\
             protocol mqtt or websockets. The log is in mosquitto's words, with packets where\n\
             log_type has debug.\n",
        );
        text
    }

    /// Lines of at most 72 characters; the first is indented by two, and the others by four.
    fn wrap(text: &mut String, words: &str) {
        let mut line = " ".to_owned();
        for word in words.split(' ') {
            if line.len() + 1 + word.len() > 72 {
                let _ = writeln!(text, "{line}");
                line = "   ".to_owned();
            }
            let _ = write!(line, " {word}");
        }
        let _ = writeln!(text, "{line}");
    }

    #[test]
    fn the_help_lists_every_option() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/cli/mosquitto_conf.txt");
        if std::env::var_os("MIDGE_BLESS").is_some() {
            std::fs::write(path, list()).unwrap();
        }
        let committed = std::fs::read_to_string(path).unwrap_or_default();
        assert!(
            committed == list(),
            "{path} is not what the table says; run: MIDGE_BLESS=1 cargo test --lib conf::options \
             && MIDGE_BLESS=1 cargo test generated"
        );
    }

    #[test]
    fn no_option_hides_another() {
        for (at, (name, _)) in TABLE.iter().enumerate() {
            let name = name.trim_end_matches('*');
            let found = TABLE.iter().position(|(known, _)| {
                known
                    .strip_suffix('*')
                    .map_or(*known == name, |beginning| name.starts_with(beginning))
            });
            assert_eq!(found, Some(at), "{name}");
        }
    }
}
