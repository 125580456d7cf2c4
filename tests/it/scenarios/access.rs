//! Settings of a scenario's broker that concern its listener: limits, users, rules.

use std::sync::Arc;
use std::time::Duration;

use midge::broker::access::{Access, Algorithm, Hash, NoMatch, Rules, SALT_LEN, Users};
use midge::broker::{Config, Versions};
use midge::mqtt::QoS;

/// `max_qos=1`: whether there is such a setting.
pub(super) fn set(config: &mut Config, name: &str, value: &str) -> Result<bool, String> {
    let number = || value.parse::<usize>().map_err(|_| "not a number");
    let on = || Ok::<_, String>(number()? != 0);
    if config.listeners.is_empty() {
        config.listeners.push(Default::default());
    }
    let listener = &mut config.listeners[0];
    match name {
        "max_inflight_bytes" => config.max_inflight_bytes = number()?,
        "max_payload" => config.max_payload = number()?,
        "retain_available" => config.retain_available = on()?,
        "check_retain_source" => config.check_retain_source = on()?,
        "queue_qos0" => config.queue_qos0 = on()?,
        "max_session_expiry" => {
            config.max_session_expiry = Some(Duration::from_secs(number()? as u64));
        }
        "client_id_prefix" => config.client_id_prefix = Some(value.into()),
        "max_keep_alive" => config.max_keep_alive = Some(number()? as u16),
        "upgrade_qos" => config.upgrade_qos = on()?,
        "allow_duplicates" => config.allow_duplicates = on()?,
        "max_connections" => listener.max_connections = Some(number()?),
        "max_qos" => listener.max_qos = QoS::from_u8(number()? as u8).ok_or("no QoS")?,
        "listener_topic_alias_maximum" => listener.topic_alias_maximum = Some(number()? as u16),
        "mount_point" => listener.mount_point = Some(value.into()),
        "auto_id_prefix" => listener.auto_id_prefix = value.into(),
        "empty_client_id" => listener.empty_client_id = on()?,
        "username_as_client_id" => listener.username_as_client_id = on()?,
        "versions" => {
            listener.versions = Versions {
                v31: value.contains('3'),
                v311: value.contains('4'),
                v5: value.contains('5'),
            }
        }
        "anonymous" => {
            let anonymous = on()?;
            access(config, |access| access.anonymous = anonymous);
        }
        // Everybody's password is his name.
        "users" => {
            let line = |name: &str| {
                let hash = Hash::new(name.as_bytes(), Algorithm::Sha512, [0; SALT_LEN]);
                format!("{name}:{hash}\n")
            };
            let text: String = value.split(',').map(line).collect();
            let users = Users::parse(&text).map_err(|error| error.to_string())?;
            access(config, |access| access.users = Some(users));
        }
        _ => return Ok(false),
    }
    Ok(true)
}

/// `acl topic read a/#; user ann; topic b` and `table 1,,$all,,3,#; 0,,$all,,3,b`.
pub(super) fn set_rules(config: &mut Config, text: &str) -> Result<(), String> {
    let (form, lines) = text.split_once(' ').ok_or("no rules")?;
    let head = match form {
        "table" => "allow,ipaddr,username,clientid,access,topic\n",
        _ => "",
    };
    let text = format!("{head}{}\n", lines.replace("; ", "\n"));
    let no_match = (form == "table").then_some(NoMatch::Deny);
    let rules = Rules::parse(&text, no_match).map_err(|error| error.to_string())?;
    if config.listeners.is_empty() {
        config.listeners.push(Default::default());
    }
    access(config, |access| access.rules = Some(rules));
    Ok(())
}

fn access(config: &mut Config, change: impl FnOnce(&mut Access)) {
    change(Arc::make_mut(&mut config.listeners[0].access));
}
