//! The options of mosquitto.conf, and what each sets.

use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use super::Met;
use super::settings::{Listener, LogTarget, LogTypes, Settings};
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
    /// It changes nothing here: what it is about does not exist, or is so in any case.
    Nothing,
    /// midge has not got it.
    NotHad,
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
    if let NotHad = does {
        return Err(format!(
            "midge has no {name}; without this line the rest can be used"
        ));
    }
    if value.is_empty() && !matches!(does, Nothing) {
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
        Nothing | NotHad => Ok(()),
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
        Path(|s, path| s.security().acl_file = Some(path)),
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
    // Every change is kept at once.
    ("autosave_interval", Nothing),
    ("autosave_on_changes", Nothing),
    (
        "bind_address",
        Text(|s, text| {
            s.has_default_listener = true;
            s.reaches_out = true;
            s.default_listener.host = Some(text.to_owned());
        }),
    ),
    (
        "cafile",
        Path(|s, path| s.listener().tls.ca_file = Some(path)),
    ),
    (
        "capath",
        Path(|s, path| s.listener().tls.ca_path = Some(path)),
    ),
    (
        "certfile",
        Path(|s, path| s.listener().tls.cert_file = Some(path)),
    ),
    (
        "check_retain_source",
        Flag(|s, on| s.config.check_retain_source = on),
    ),
    (
        "clientid_prefixes",
        Text(|s, text| s.config.client_id_prefix = Some(text.into())),
    ),
    ("connection_messages", Nothing),
    (
        "crlfile",
        Path(|s, path| s.listener().tls.crl_file = Some(path)),
    ),
    ("include_dir", Include),
    (
        "keyfile",
        Path(|s, path| s.listener().tls.key_file = Some(path)),
    ),
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
    ("log_dest", Parse(log_dest)),
    ("log_facility", Nothing),
    ("log_timestamp", Nothing),
    ("log_timestamp_format", Nothing),
    ("log_type", Parse(log_type)),
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
            // Below 20 bytes not even a CONNECT has room.
            s.config.max_packet_size = match number(text, &(0..=INT))? {
                0 => MAX_PACKET,
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
        Path(|s, path| s.security().password_file = Some(path)),
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
        Flag(|s, on| s.listener().tls.require_certificate = on),
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
            s.listener().tls.only_1_3 = match first_word(text) {
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
        Flag(|s, on| s.listener().tls.identity_as_username = on),
    ),
    (
        "use_subject_as_username",
        Flag(|s, on| s.listener().tls.subject_as_username = on),
    ),
    (
        "use_username_as_clientid",
        Flag(|s, on| s.listener().username_as_client_id = on),
    ),
    // midge stays who it is called by.
    ("user", Nothing),
    ("websockets_headers_size", Nothing),
    ("websockets_log_level", Nothing),
    // Bridges.
    ("address", NotHad),
    ("addresses", NotHad),
    ("bridge_*", NotHad),
    ("cleansession", NotHad),
    ("clientid", NotHad),
    ("connection", NotHad),
    ("idle_timeout", NotHad),
    ("keepalive_interval", NotHad),
    ("local_*", NotHad),
    ("notification_topic", NotHad),
    ("notifications", NotHad),
    ("notifications_local_only", NotHad),
    ("password", NotHad),
    ("remote_*", NotHad),
    ("restart_timeout", NotHad),
    ("round_robin", NotHad),
    ("start_type", NotHad),
    ("threshold", NotHad),
    ("topic", NotHad),
    ("try_private", NotHad),
    ("username", NotHad),
    // Plugins.
    ("auth_opt_*", NotHad),
    ("auth_plugin*", NotHad),
    ("global_plugin", NotHad),
    ("plugin*", NotHad),
    // What is done in other ways, or not at all.
    ("bind_interface", NotHad),
    ("ciphers", NotHad),
    ("ciphers_tls1.3", NotHad),
    ("dhparamfile", NotHad),
    ("enable_control_api", NotHad),
    ("enable_proxy_protocol*", NotHad),
    ("global_max_clients", NotHad),
    ("global_max_connections", NotHad),
    ("http_dir", NotHad),
    ("memory_limit", NotHad),
    ("packet_*", NotHad),
    ("proxy_protocol_*", NotHad),
    ("psk_file", NotHad),
    ("psk_hint", NotHad),
    ("retain_expiry_interval", NotHad),
    ("tls_engine*", NotHad),
    ("tls_keyform", NotHad),
    ("websockets_origin", NotHad),
];

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

fn log_dest(settings: &mut Settings, text: &str) -> Result<(), String> {
    let target = match text.split_once([' ', '\t']) {
        Some(("file", path)) => LogTarget::File(path.trim().into()),
        _ => match first_word(text) {
            "stdout" => LogTarget::Stdout,
            "stderr" => LogTarget::Stderr,
            "none" => LogTarget::Nowhere,
            // Others than those who run a test read there.
            "syslog" | "topic" | "dlt" | "android" => return Ok(()),
            "file" => return Err("file wants the name of the file".to_owned()),
            other => {
                return Err(format!(
                    "is {}, and is none, stdout, stderr or file NAME",
                    Quoted(other)
                ));
            }
        },
    };
    settings.log_to.push(target);
    Ok(())
}

fn log_type(settings: &mut Settings, text: &str) -> Result<(), String> {
    let types = settings.log_types.get_or_insert(LogTypes::NONE);
    match first_word(text) {
        "all" => *types = LogTypes::ALL,
        "none" => *types = LogTypes::NONE,
        "debug" => types.debug = true,
        "notice" => types.notice = true,
        "subscribe" => types.subscribe = true,
        "unsubscribe" => types.unsubscribe = true,
        "information" => types.information = true,
        // Errors are always said, and there is no line of the other kinds.
        "error" | "warning" | "websockets" | "internal" => {}
        other => return Err(format!("is {}, and that is none", Quoted(other))),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

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
