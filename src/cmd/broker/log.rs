//! What the broker does, line by line on stderr.

use std::io;
use std::net::SocketAddr;

use super::chronicle::Chronicle;
use super::ready::Ready;
use crate::broker::faults::Fault;
use crate::broker::{ConnectionId, Event, EventKind, HandshakeError, Peer};
use crate::cli::LogFormat;
use crate::mqtt::Version;
use crate::mqtt::topic::Quoted;
use crate::output::event::{Field, Value, write_json_now, write_text_now};

/// Writes events as `--log` asks.
pub(super) struct Log {
    format: LogFormat,
    chronicle: Option<Chronicle>,
}

impl Log {
    pub(super) fn new(format: LogFormat) -> Log {
        Log {
            format,
            chronicle: None,
        }
    }

    /// The same, and what mosquitto would write.
    pub(super) fn with(self, chronicle: Chronicle) -> Log {
        Log {
            chronicle: Some(chronicle),
            ..self
        }
    }

    pub(super) fn is_on(&self) -> bool {
        self.format != LogFormat::Off || self.chronicle.is_some()
    }

    pub(super) fn event(&mut self, event: &Event) {
        if let Some(chronicle) = &mut self.chronicle {
            chronicle.event(event);
        }
        match event.kind {
            // [`opened`](Self::opened) knows more; a line for each message would be too much.
            EventKind::Opened | EventKind::Published { .. } => {}
            _ => self.write(|write| write(&fields(event)), || event.to_string()),
        }
    }

    /// A connection came to the listener with this URL.
    pub(super) fn opened(
        &mut self,
        connection: ConnectionId,
        peer: &Peer,
        listener: &str,
        port: Option<u16>,
    ) {
        if let Some(chronicle) = &mut self.chronicle {
            chronicle.opened(connection, peer, port);
        }
        let from = from(peer.address);
        self.write(
            |write| {
                let mut fields = vec![
                    ("event", Value::Text("opened")),
                    ("connection", Value::Number(connection.0)),
                    ("from", Value::Text(&from)),
                    ("listener", Value::Text(listener)),
                ];
                let identity = peer.identity.as_deref();
                fields.extend(identity.map(|name| ("identity", Value::Text(name))));
                write(&fields);
            },
            || {
                format!(
                    "connection {} opened from {from} at {listener}",
                    connection.0
                )
            },
        );
    }

    /// A connection to the listener with this URL has not got as far as MQTT.
    pub(super) fn refused(
        &mut self,
        listener: &str,
        address: Option<SocketAddr>,
        why: &HandshakeError,
    ) {
        let (from, why) = (from(address), why.to_string());
        self.write(
            |write| {
                write(&[
                    ("event", Value::Text("handshake_failed")),
                    ("from", Value::Text(&from)),
                    ("listener", Value::Text(listener)),
                    ("why", Value::Text(&why)),
                ]);
            },
            || {
                format!(
                    "handshake with {from} at {listener} failed: {}",
                    why.escape_debug()
                )
            },
        );
    }

    /// A rule struck a packet.
    pub(super) fn fault(&mut self, fault: &Fault) {
        let number = fault.rule + 1;
        let deed = fault.deed.name();
        let packet = fault.packet_type.name(Version::V5);
        let from = fault.from.as_str();
        self.write(
            |write| {
                write(&[
                    ("event", Value::Text("fault")),
                    ("connection", Value::Number(fault.connection.0)),
                    ("client_id", Value::Text(&fault.client_id)),
                    ("rule", Value::Number(number as u64)),
                    ("type", Value::Text(packet)),
                    ("from", Value::Text(from)),
                    ("do", Value::Text(deed)),
                ]);
            },
            || {
                let client_id = Quoted(&fault.client_id);
                format!("{client_id} fault {number}: {deed} {packet} from {from}")
            },
        );
    }

    /// Everything is ready, for those who know that from mosquitto's log.
    pub(super) fn running(&mut self) {
        if let Some(chronicle) = &mut self.chronicle {
            chronicle.running();
        }
    }

    /// Where the broker listens, for when stdout belongs to somebody else.
    pub(super) fn ready(&mut self, ready: &Ready) {
        self.write(
            |write| ready.with_fields(write),
            || format!("ready at {}", ready.urls()),
        );
    }

    /// `fields` calls what it gets.
    fn write(
        &mut self,
        fields: impl FnOnce(&mut dyn FnMut(&[Field<'_>])),
        text: impl FnOnce() -> String,
    ) {
        let mut stderr = io::stderr().lock();
        // Where stderr is gone there is nobody to tell.
        match self.format {
            LogFormat::Off => {}
            LogFormat::Text => drop(write_text_now(&mut stderr, &text())),
            LogFormat::Json => fields(&mut |fields| drop(write_json_now(&mut stderr, fields))),
        }
    }
}

fn from(address: Option<SocketAddr>) -> String {
    match address {
        Some(address) => address.to_string(),
        None => "unix".to_owned(),
    }
}

fn fields(event: &Event) -> Vec<Field<'_>> {
    let mut fields = vec![("event", Value::Text(event.kind.name()))];
    if let Some(connection) = event.connection {
        fields.push(("connection", Value::Number(connection.0)));
    }
    if let Some(client_id) = &event.client_id {
        fields.push(("client_id", Value::Text(client_id)));
    }
    match &event.kind {
        EventKind::PublishRefused { topic, code } => {
            fields.push(("topic", Value::Text(topic)));
            fields.push(("reason_code", Value::Number(code.0.into())));
        }
        EventKind::Opened
        | EventKind::Published { .. }
        | EventKind::SessionEnded
        | EventKind::MemoryEnough => {}
        EventKind::MemoryShort { used, limit } => fields.extend([
            (
                "used",
                Value::Number(u64::try_from(*used).unwrap_or(u64::MAX)),
            ),
            (
                "limit",
                Value::Number(u64::try_from(*limit).unwrap_or(u64::MAX)),
            ),
        ]),
        EventKind::Connected {
            version,
            session_present,
            keep_alive,
            username,
            ..
        } => {
            fields.extend([
                ("version", Value::Text(version.as_str())),
                ("session_present", Value::Flag(*session_present)),
                ("keep_alive", Value::Number((*keep_alive).into())),
            ]);
            let username = username.as_deref();
            fields.extend(username.map(|name| ("username", Value::Text(name))));
        }
        EventKind::Closed { reason, why } => fields.extend([
            ("reason_code", Value::Number(reason.0.into())),
            ("why", Value::Text(why)),
        ]),
        EventKind::Subscribed { filter, code } | EventKind::Unsubscribed { filter, code } => fields
            .extend([
                ("filter", Value::Text(filter)),
                ("reason_code", Value::Number(code.0.into())),
            ]),
        EventKind::WillPublished { topic } | EventKind::Dropped { topic } => {
            fields.push(("topic", Value::Text(topic)));
        }
    }
    fields
}
