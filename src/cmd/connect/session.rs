//! What `pub`, `sub` and `rr` are at the broker: the session, the will and the properties.

use std::sync::Arc;

use bytes::Bytes;

use super::super::publish::parse_qos;
use super::super::typed_bytes::bytes_of;
use super::super::{Failure, duration, mosquitto, version};
use super::properties::{self, PacketProperties};
use super::{ConnectPlan, Session, authentication, env};
use crate::cli;
use crate::client::{EngineKind, TopicName, Will};
use crate::mqtt::property::{Value, WILL};
use crate::mqtt::topic::Quoted;
use crate::mqtt::{PacketType, PropertyId, Version};

/// Messages that mosquitto's clients have on their way at once.
const THEIR_INFLIGHT: u16 = 20;

/// Session Expiry Interval of a session that never ends (5.0, 3.1.2.11.2).
const FOR_EVER: u32 = u32::MAX;

impl ConnectPlan {
    /// Checks the flags of a client for people and scripts.
    ///
    /// # Errors
    /// Wrong usage.
    pub fn for_client(
        connection: &cli::Connection,
        flags: &cli::Session,
        reconnect: &cli::Reconnect,
    ) -> Result<ConnectPlan, Failure> {
        let packets = PacketProperties::parse(&flags.property)?;
        let version = version::parse_flag(connection.protocol_version.as_deref())?;
        if version < Version::V5 && !packets.is_empty() {
            return Err(Failure::usage(format!(
                "properties (-D) do not exist in MQTT {version}: leave them out, or use -V 5"
            )));
        }
        let session = session(flags, &packets, version)?;
        let mut connection = connection.clone();
        if let Some(prefix) = &flags.id_prefix {
            connection.id = Some(format!("{prefix}{}", std::process::id()));
        }
        let mut plan = ConnectPlan::new(&connection, session, env)?;
        let connect = Arc::make_mut(&mut plan.options.connect);
        // mosquitto's programs send what is given, and answer nothing.
        let authentication = match connection.program {
            cli::Program::Midge => authentication::authentication(&packets)?,
            _ => None,
        };
        for property in packets.of(PacketType::CONNECT).as_properties() {
            match property.id {
                id if authentication.is_some() && authentication::brings(id) => Ok(()),
                // `session` has seen it.
                PropertyId::SESSION_EXPIRY_INTERVAL => Ok(()),
                id => connect.properties.push(id, property.value),
            }
            .map_err(|error| Failure::usage(format!("-D connect: {error}")))?;
        }
        connect.max_inflight = match flags.max_inflight {
            Some(0) => return Err(Failure::usage("-M takes 1 or more")),
            None if connection.program != cli::Program::Midge => Some(THEIR_INFLIGHT),
            count => count,
        };
        connect.will = will(flags, &packets, connection.program == cli::Program::Midge)?;
        plan.options.authentication = authentication;
        plan.options.plain = connection.program != cli::Program::Midge;
        if connection.debug && connection.program != cli::Program::Midge {
            plan.options.trace = Some(mosquitto::trace(connection.program));
        }
        plan.endure(&connection, reconnect, session)?;
        for property in packets.of(PacketType::DISCONNECT).as_properties() {
            properties::set(&mut plan.farewell, property.id, property.value);
        }
        if plan.engine == EngineKind::Rumqttc
            && !packets
                .of(PacketType::DISCONNECT)
                .as_properties()
                .is_empty()
        {
            return Err(Failure::usage(
                "the engine rumqttc cannot do properties of DISCONNECT (-D disconnect)",
            ));
        }
        // What the user has put into a packet of 5.0 has no place in 3.1.1.
        plan.options.fall_back &= packets.is_empty();
        plan.packets = packets;
        Ok(plan)
    }
}

/// -c and -x.
fn session(
    flags: &cli::Session,
    packets: &PacketProperties,
    version: Version,
) -> Result<Session, Failure> {
    let connect = packets.of(PacketType::CONNECT).as_properties();
    let expiry = match flags.session_expiry_interval.as_deref() {
        None => connect.number(PropertyId::SESSION_EXPIRY_INTERVAL),
        Some("infinite" | "∞") => Some(FOR_EVER),
        Some(text) if text.starts_with('-') => Some(FOR_EVER),
        Some(text) => {
            let seconds = duration::parse("-x", text)?.as_secs();
            Some(u32::try_from(seconds).unwrap_or(FOR_EVER))
        }
    };
    Ok(Session {
        keep: flags.disable_clean_session,
        // In 5.0 a session ends with its connection unless it is told otherwise: -c alone means
        // what it means in 3.1.1.
        expiry: match expiry {
            None if flags.disable_clean_session && version == Version::V5 => Some(FOR_EVER),
            expiry => expiry,
        },
    })
}

/// --will-topic and what belongs to it.
fn will(
    flags: &cli::Session,
    packets: &PacketProperties,
    is_midge: bool,
) -> Result<Option<Will>, Failure> {
    let properties = packets.of(WILL);
    let Some(topic) = &flags.will_topic else {
        let orphan = [
            (flags.will_payload.is_some(), "--will-payload"),
            (flags.will_qos != 0 && is_midge, "--will-qos"),
            (flags.will_retain, "--will-retain"),
            (
                !properties.as_properties().is_empty() && is_midge,
                "-D will",
            ),
        ];
        return match orphan.into_iter().find(|(given, _)| *given) {
            None => Ok(None),
            Some((_, flag)) => Err(Failure::usage(format!(
                "{flag} is about a will, and there is none: give --will-topic, too"
            ))),
        };
    };
    Ok(Some(Will {
        topic: TopicName::new(topic.clone()).map_err(|error| {
            Failure::usage(format!(
                "{} (--will-topic) is not a topic to publish to: {error}",
                Quoted(topic)
            ))
        })?,
        payload: match &flags.will_payload {
            Some(payload) => Bytes::copy_from_slice(bytes_of("--will-payload", payload)?),
            None => Bytes::new(),
        },
        qos: parse_qos("--will-qos", flags.will_qos)?,
        retain: flags.will_retain,
        properties: properties.clone(),
    }))
}

/// See [`properties::set`], for a number.
pub(super) fn set_expiry(list: &mut crate::mqtt::PropertiesBuf, seconds: u32) {
    properties::set(
        list,
        PropertyId::SESSION_EXPIRY_INTERVAL,
        Value::U32(seconds),
    );
}
