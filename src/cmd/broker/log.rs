//! What the broker does, line by line on stderr.

use std::io;
use std::net::SocketAddr;

use super::ready::Ready;
use crate::broker::{ConnectionId, Event, EventKind, HandshakeError, Peer};
use crate::cli::LogFormat;
use crate::output::event::{Field, Value, write_json_now, write_text_now};

/// Writes events as `--log` asks.
pub(super) struct Log(LogFormat);

impl Log {
    pub(super) fn new(format: LogFormat) -> Log {
        Log(format)
    }

    pub(super) fn is_on(&self) -> bool {
        self.0 != LogFormat::Off
    }

    pub(super) fn event(&mut self, event: &Event) {
        match event.kind {
            // [`opened`](Self::opened) knows more; a line for each message would be too much.
            EventKind::Opened | EventKind::Published { .. } => {}
            _ => self.write(|write| write(&fields(event)), || event.to_string()),
        }
    }

    /// A connection came to the listener with this URL.
    pub(super) fn opened(&mut self, connection: ConnectionId, peer: &Peer, listener: &str) {
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
        match self.0 {
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
        EventKind::Opened | EventKind::Published { .. } | EventKind::SessionEnded => {}
        EventKind::Connected {
            version,
            session_present,
            keep_alive,
        } => fields.extend([
            ("version", Value::Text(version.as_str())),
            ("session_present", Value::Flag(*session_present)),
            ("keep_alive", Value::Number((*keep_alive).into())),
        ]),
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
