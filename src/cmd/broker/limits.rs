//! The flags of limits.

use crate::broker::{Config, ListenerConfig};
use crate::cli;
use crate::cmd::{Failure, duration, size};
use crate::mqtt::QoS;
use crate::mqtt::topic::{self, Quoted};

/// Bytes of memory below which not even a few clients have room.
pub(super) const LEAST_MEMORY: usize = 1_000_000;

/// `--max-memory`
///
/// # Errors
/// No size, or too small a one.
pub(super) fn memory(text: Option<&str>) -> Result<Option<usize>, Failure> {
    let Some(text) = text else { return Ok(None) };
    match size::parse("--max-memory", text)? {
        bytes if bytes < LEAST_MEMORY => Err(Failure::usage(format!(
            "--max-memory is {}, and clients have no room in less than 1MB",
            Quoted(text)
        ))),
        bytes => Ok(Some(bytes)),
    }
}

/// Settings for so many listeners.
///
/// # Errors
/// A value that cannot be.
pub(super) fn config(flags: &cli::Limits, listeners: usize) -> Result<Config, Failure> {
    let default = Config::default();
    let size = |limit: u32| usize::try_from(limit).unwrap_or(usize::MAX);
    let expiry = flags.persistent_client_expiration.as_deref();
    let mount_point = flags.mount_point.as_deref();
    if let Some(mount_point) = mount_point {
        topic::check_name(mount_point).map_err(|error| {
            let mount_point = Quoted(mount_point);
            Failure::usage(format!("--mount-point {mount_point}: {error}"))
        })?;
    }
    let listener = ListenerConfig {
        max_connections: flags.max_connections.map(size),
        max_qos: flags
            .max_qos
            .and_then(QoS::from_u8)
            .unwrap_or(QoS::ExactlyOnce),
        mount_point: mount_point.map(Into::into),
        ..ListenerConfig::default()
    };
    Ok(Config {
        listeners: vec![listener; listeners],
        max_packet_size: size(flags.max_packet_size),
        max_payload: flags.message_size_limit.map_or(default.max_payload, size),
        receive_maximum: flags
            .max_inflight_messages
            .unwrap_or(default.receive_maximum),
        max_inflight: flags.max_inflight_messages.unwrap_or(default.max_inflight),
        max_queued_messages: flags
            .max_queued_messages
            .map_or(default.max_queued_messages, size),
        max_queued_bytes: flags
            .max_queued_bytes
            .map_or(default.max_queued_bytes, size),
        max_keep_alive: flags.max_keepalive,
        topic_alias_maximum: flags.max_topic_alias.unwrap_or(default.topic_alias_maximum),
        max_session_expiry: expiry
            .map(|text| duration::parse("--persistent-client-expiration", text))
            .transpose()?,
        retain_available: !flags.no_retain,
        ..default
    })
}
