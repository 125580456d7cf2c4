//! What both versions of rumqttc take of the options, and what they cannot do.

use std::time::Duration;

use super::super::error::ConnectError;
use super::super::options::ConnectOptions;
use super::NAME;

/// Unacknowledged messages at most, if the user has no other wish.
const IN_FLIGHT: u16 = 100;

/// User name and password in rumqttc's form.
pub(super) fn credentials(
    connect: &ConnectOptions,
) -> Result<Option<(String, String)>, ConnectError> {
    let password = match &connect.password {
        None => "",
        Some(bytes) => {
            std::str::from_utf8(bytes).map_err(|_| unsupported("a password that is not UTF-8"))?
        }
    };
    match &connect.username {
        Some(username) => Ok(Some((username.clone(), password.to_owned()))),
        None if connect.password.is_some() => Err(unsupported("a password without user name")),
        None => Ok(None),
    }
}

/// Unacknowledged messages at most.
pub(super) fn in_flight(connect: &ConnectOptions) -> u16 {
    connect.max_inflight.unwrap_or(IN_FLIGHT)
}

/// What no version of rumqttc can do.
pub(super) fn check_options(connect: &ConnectOptions) -> Result<(), ConnectError> {
    if connect.client_id.is_empty() && !connect.clean_start {
        return Err(unsupported("a kept session without client id"));
    }
    if connect
        .will
        .as_ref()
        .is_some_and(|will| !will.properties.as_properties().is_empty())
    {
        return Err(unsupported("properties of a will"));
    }
    Ok(())
}

pub(in crate::client) fn unsupported(what: &str) -> ConnectError {
    ConnectError::Unsupported {
        engine: NAME,
        what: what.to_owned(),
    }
}

/// rumqttc's time-outs have whole seconds; ours, which is exact, comes first.
pub(super) fn whole_seconds(timeout: Duration) -> u64 {
    timeout.as_secs().saturating_add(1)
}
