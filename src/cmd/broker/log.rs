//! What the broker does, line by line on stderr.

use std::cell::RefCell;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;

use tokio::sync::mpsc;

use super::chronicle::Chronicle;
use super::conf::{LogSettings, LogTypes};
use super::ready::Ready;
use crate::broker::faults::Fault;
use crate::broker::{ConnectionId, Event, EventKind, HandshakeError, Order, Peer};
use crate::cli::LogFormat;
use crate::cmd::{Failure, note};
use crate::mqtt::Version;
use crate::mqtt::topic::Quoted;
use crate::output::event::{Field, Value, write_json_now, write_text_now};
use crate::output::text::Safe;

/// The one log, for those who have something to say.
pub(super) type SharedLog = Rc<RefCell<Log>>;

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

    /// Goes on as a configuration says now; what it has never asked for it may ask for then.
    ///
    /// # Errors
    /// If a file cannot be opened; then nothing changes.
    pub(super) fn renew(&mut self, settings: &LogSettings, types: LogTypes) -> Result<(), Failure> {
        match &mut self.chronicle {
            Some(chronicle) if chronicle.is_as(settings, types) => Ok(()),
            Some(chronicle) => chronicle.renew(settings, types),
            None if settings.to.is_empty() => Ok(()),
            None => {
                self.chronicle = Some(Chronicle::new(settings, types)?);
                Ok(())
            }
        }
    }

    /// Lines for subscribers go this way.
    pub(super) fn tell_through(&mut self, orders: mpsc::Sender<Order>) {
        if let Some(chronicle) = &mut self.chronicle {
            chronicle.tell_through(orders);
        }
    }

    /// Whether it has lines for packets.
    pub(super) fn wants_packets(&self) -> bool {
        let chronicle = self.chronicle.as_ref();
        chronicle.is_some_and(Chronicle::wants_packets)
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
            EventKind::Opened | EventKind::Published { .. } | EventKind::Packet { .. } => {}
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
        port: Option<u16>,
        address: Option<SocketAddr>,
        why: &HandshakeError,
    ) {
        let (from, why) = (from(address), why.to_string());
        if let Some(chronicle) = &mut self.chronicle {
            chronicle.refused(address, port, &why);
        }
        self.write(
            |write| {
                write(&[
                    ("event", Value::Text("handshake_failed")),
                    ("from", Value::Text(&from)),
                    ("listener", Value::Text(listener)),
                    ("why", Value::Text(&why)),
                ]);
            },
            || format!("handshake with {from} at {listener} failed: {}", Safe(&why)),
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

    /// SIGHUP has come.
    ///
    /// # Errors
    /// If a file cannot be opened anew; then the log goes on as before.
    pub(super) fn reload(&mut self) -> Result<(), Failure> {
        match &mut self.chronicle {
            Some(chronicle) => chronicle.reload(),
            None => Ok(()),
        }
    }

    /// Everything that SIGHUP has read again is good.
    pub(super) fn reloaded(&mut self) {
        let what = "what SIGHUP reads is read again";
        match self.is_on() {
            true => self.write(
                |write| write(&[("event", Value::Text("reloaded"))]),
                || what.to_owned(),
            ),
            false => note(what),
        }
    }

    /// Something of it is not.
    pub(super) fn not_reloaded(&mut self, why: impl fmt::Display) {
        self.error("reload_failed", &why.to_string());
    }

    /// There is nothing that SIGHUP could read again.
    pub(super) fn nothing_to_reload(&mut self) {
        let why = "there are no users, access rules and certificates to read again";
        if let Some(chronicle) = &mut self.chronicle {
            // As mosquitto does, which has no file to read, either.
            chronicle.information("Reloading config.");
        }
        self.say("nothing_to_reload", why);
    }

    /// A listener takes no connections.
    pub(super) fn not_accepting(&mut self, why: impl fmt::Display) {
        self.error("not_accepting", &why.to_string());
    }

    fn error(&mut self, event: &'static str, why: &str) {
        if let Some(chronicle) = &mut self.chronicle {
            chronicle.error(why);
        }
        self.say(event, why);
    }

    /// Something to think about.
    pub(super) fn warning(&mut self, what: impl fmt::Display) {
        let what = what.to_string();
        if let Some(chronicle) = &mut self.chronicle {
            chronicle.warning(&what);
        }
        match self.format {
            LogFormat::Json => self.say("warning", &what),
            LogFormat::Text | LogFormat::Off => self.say("warning", &format!("warning: {what}")),
        }
    }

    /// A sentence about the broker itself; without a log to stderr.
    fn say(&mut self, event: &'static str, what: &str) {
        match self.is_on() {
            true => self.write(
                |write| write(&[("event", Value::Text(event)), ("why", Value::Text(what))]),
                || what.to_owned(),
            ),
            false => note(what),
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
        EventKind::PublishRefused { topic, code } | EventKind::WillRefused { topic, code } => {
            fields.push(("topic", Value::Text(topic)));
            fields.push(("reason_code", Value::Number(code.0.into())));
        }
        EventKind::Opened
        | EventKind::Published { .. }
        | EventKind::Packet { .. }
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
