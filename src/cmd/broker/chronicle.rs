//! The log that a configuration file of mosquitto asks for, in mosquitto's words, since scripts
//! look for them.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::Path;

use tokio::sync::mpsc;

use super::conf::{LogSettings, LogTarget, LogType, LogTypes};
use super::packet_lines::{self, Talk};
use super::plan::{Endpoint, Family, ListenerPlan, Protocol};
use crate::broker::{ConnectionId, Event, EventKind, Order, Peer};
use crate::cmd::{Exit, Failure};
use crate::mqtt::{ReasonCode, Version};
use crate::output::format::strftime_now;
use crate::output::text::Safe;

/// Which mosquitto it is like.
const RELEASE: &str = crate::cmd::mosquitto::RELEASE;

/// Where lines go, and which.
pub(super) struct Chronicle {
    targets: Vec<Target>,
    types: LogTypes,
    /// Whether clients that come and go make lines.
    connections: bool,
    /// In front of a line, in the words of strftime.
    stamp: Option<String>,
    clients: HashMap<ConnectionId, Client>,
    /// Takes lines for subscribers.
    orders: Option<mpsc::Sender<Order>>,
    settings: LogSettings,
}

enum Target {
    Stdout,
    Stderr,
    File(File),
    Topic,
}

/// Somebody who is connected.
#[derive(Default)]
struct Client {
    address: Option<SocketAddr>,
    talk: Talk,
}

impl Chronicle {
    /// # Errors
    /// If a file cannot be opened.
    pub(super) fn new(settings: &LogSettings, types: LogTypes) -> Result<Chronicle, Failure> {
        let mut chronicle = Chronicle {
            targets: Vec::new(),
            types,
            connections: true,
            stamp: None,
            clients: HashMap::new(),
            orders: None,
            settings: LogSettings::default(),
        };
        chronicle.renew(settings, types)?;
        Ok(chronicle)
    }

    /// Goes on as these say, with files that are opened anew: others may have moved them.
    ///
    /// # Errors
    /// If a file cannot be opened; then nothing changes.
    pub(super) fn renew(&mut self, settings: &LogSettings, types: LogTypes) -> Result<(), Failure> {
        let mut targets = Vec::new();
        for target in &settings.to {
            targets.push(match target {
                LogTarget::Stdout => Target::Stdout,
                LogTarget::Stderr => Target::Stderr,
                LogTarget::Topic => Target::Topic,
                LogTarget::Nowhere => continue,
                LogTarget::File(path) => Target::File(open(path)?),
            });
        }
        self.targets = targets;
        self.types = types;
        self.connections = settings.connections;
        let format = settings.timestamp_format.as_deref().unwrap_or("%s");
        self.stamp = settings.timestamp.then(|| format!("{format}: "));
        self.settings = settings.clone();
        Ok(())
    }

    /// Whether it is as these say.
    pub(super) fn is_as(&self, settings: &LogSettings, types: LogTypes) -> bool {
        self.settings == *settings && self.types == types
    }

    /// SIGHUP has come: opens the files anew, and says so.
    ///
    /// # Errors
    /// If a file cannot be opened; then nothing changes.
    pub(super) fn reload(&mut self) -> Result<(), Failure> {
        let settings = self.settings.clone();
        let renewed = self.renew(&settings, self.types);
        self.information("Reloading config.");
        renewed
    }

    /// Lines for subscribers go this way.
    pub(super) fn tell_through(&mut self, orders: mpsc::Sender<Order>) {
        self.orders = Some(orders);
    }

    /// Whether it has lines for packets.
    pub(super) fn wants_packets(&self) -> bool {
        self.types.has(LogType::Debug) && !self.targets.is_empty()
    }

    /// Before it listens. `config`: the file, if there is one.
    pub(super) fn starting(
        &mut self,
        config: Option<&str>,
        is_local_only: bool,
        listeners: &[ListenerPlan],
    ) {
        self.information(&format!("mosquitto version {RELEASE} starting"));
        self.information(&match config {
            Some(path) => format!("Config loaded from {path}."),
            None => "Using default config.".to_owned(),
        });
        if is_local_only {
            for line in [
                "Starting in local only mode. Connections will only be possible from clients \
                 running on this machine.",
                "Create a configuration file which defines a listener to allow remote access.",
                "For more details see https://mosquitto.org/documentation/authentication-methods/",
            ] {
                self.information(line);
            }
        }
        for listener in listeners {
            self.information(&opening(listener));
        }
    }

    pub(super) fn running(&mut self) {
        self.information(&format!("mosquitto version {RELEASE} running"));
    }

    pub(super) fn opened(&mut self, connection: ConnectionId, peer: &Peer, port: Option<u16>) {
        let client = Client {
            address: peer.address,
            talk: Talk::default(),
        };
        self.clients.insert(connection, client);
        self.came(peer.address, port);
    }

    /// A connection has not got as far as MQTT.
    pub(super) fn refused(&mut self, from: Option<SocketAddr>, port: Option<u16>, why: &str) {
        self.came(from, port);
        let from = host(from);
        let why = Safe(why);
        self.line(
            LogType::Error,
            &format!("Client connection from {from} failed: {why}."),
        );
    }

    fn came(&mut self, from: Option<SocketAddr>, port: Option<u16>) {
        let ip = host(from);
        self.connection(&match (from, port) {
            (Some(address), Some(port)) => {
                let its = address.port();
                format!("New connection from {ip}:{its} on port {port}.")
            }
            _ => format!("New connection from {ip}."),
        });
    }

    pub(super) fn event(&mut self, event: &Event) {
        let id = event.client_id.as_deref().filter(|id| !id.is_empty());
        let id = Safe(id.unwrap_or("<unknown>"));
        let client = event
            .connection
            .and_then(|connection| self.clients.get_mut(&connection));
        match &event.kind {
            EventKind::Connected {
                version,
                keep_alive,
                clean_start,
                username,
                ..
            } => {
                let from = match client.as_ref().and_then(|client| client.address) {
                    Some(address) => format!("{}:{}", host(Some(address)), address.port()),
                    None => host(None),
                };
                let will = client.and_then(|client| client.talk.take_will());
                let version = match version {
                    Version::V31 => 1,
                    Version::V311 => 2,
                    Version::V5 => 5,
                };
                let user = match username {
                    Some(name) => format!(", u'{}'", Safe(name)),
                    None => String::new(),
                };
                let clean = u8::from(*clean_start);
                self.connection(&format!(
                    "New client connected from {from} as {id} (p{version}, c{clean}, \
                     k{keep_alive}{user})."
                ));
                self.debug(will.into_iter().flatten());
            }
            EventKind::Closed { reason, why } => {
                if let Some(connection) = event.connection {
                    self.clients.remove(&connection);
                }
                let line = match *reason {
                    // With 0x04 it wants its will sent.
                    ReasonCode::SUCCESS | ReasonCode::DISCONNECT_WITH_WILL => {
                        format!("Client {id} disconnected.")
                    }
                    ReasonCode::KEEP_ALIVE_TIMEOUT => {
                        format!("Client {id} has exceeded timeout, disconnecting.")
                    }
                    ReasonCode::NOT_AUTHORIZED => {
                        format!("Client {id} disconnected, not authorised.")
                    }
                    ReasonCode::SESSION_TAKEN_OVER => {
                        format!("Client {id} already connected, closing old connection.")
                    }
                    _ => format!("Client {id} disconnected: {}.", Safe(why)),
                };
                self.connection(&line);
            }
            EventKind::Packet {
                from,
                version,
                bytes,
            } => {
                let Some(client) = client else { return };
                // As mosquitto calls those who have not said who they are.
                let id = match event.client_id.as_deref().filter(|id| !id.is_empty()) {
                    Some(id) => Safe(id).to_string(),
                    None => host(client.address),
                };
                let lines = packet_lines::of(&mut client.talk, *from, *version, bytes, &id);
                self.debug(lines);
            }
            EventKind::Subscribed { filter, code } => {
                let line = format!("{id} {} {}", code.0, Safe(filter));
                self.line(LogType::Subscribe, &line);
            }
            EventKind::Unsubscribed { filter, .. } => {
                self.line(LogType::Unsubscribe, &format!("{id} {}", Safe(filter)));
            }
            EventKind::Dropped { topic } => {
                let what = "Outgoing messages are being dropped for client";
                let line = format!("{what} {id} ({}).", Safe(topic));
                // Its own lines, to one who is too slow for them, would have no end.
                let is_own = topic.starts_with(LOG_TOPIC);
                self.write(LogType::Notice, &line, is_own);
            }
            EventKind::PublishRefused { topic, .. } => {
                let publish = client.map(|client| client.talk.last_publish());
                let shown = publish.filter(|publish| !publish.is_empty());
                let line = match shown {
                    Some(shown) => format!("Denied PUBLISH from {id} {shown}"),
                    None => format!("Denied PUBLISH from {id} ('{}')", Safe(topic)),
                };
                self.debug([line]);
            }
            EventKind::WillRefused { topic, .. } => {
                self.debug([format!("Denied will from {id} ('{}')", Safe(topic))]);
            }
            _ => {}
        }
    }

    pub(super) fn information(&mut self, text: &str) {
        self.line(LogType::Information, text);
    }

    pub(super) fn warning(&mut self, text: &str) {
        self.line(LogType::Warning, &format!("Warning: {text}."));
    }

    pub(super) fn error(&mut self, text: &str) {
        self.line(LogType::Error, &format!("Error: {text}."));
    }

    /// Somebody comes or goes.
    fn connection(&mut self, text: &str) {
        if self.connections {
            self.line(LogType::Notice, text);
        }
    }

    fn debug(&mut self, lines: impl IntoIterator<Item = String>) {
        for line in lines {
            self.line(LogType::Debug, &line);
        }
    }

    fn line(&mut self, kind: LogType, text: &str) {
        // mosquitto has no topic for these, either: each would make another.
        self.write(kind, text, kind == LogType::Debug);
    }

    /// Where nobody reads any more there is nobody to tell.
    fn write(&mut self, kind: LogType, text: &str, is_private: bool) {
        if !self.types.has(kind) || self.targets.is_empty() {
            return;
        }
        let stamp = self.stamp.as_deref().map(strftime_now);
        let line = format!("{}{text}", stamp.unwrap_or_default());
        for target in &mut self.targets {
            let out: &mut dyn Write = match target {
                Target::Stdout => &mut io::stdout(),
                Target::Stderr => &mut io::stderr(),
                Target::File(file) => file,
                Target::Topic => {
                    if let Some(orders) = self.orders.as_ref().filter(|_| !is_private) {
                        // More than is there to be taken is lost.
                        let _ = orders.try_send(Order::Tell(name(kind), line.clone()));
                    }
                    continue;
                }
            };
            let _ = out
                .write_all(format!("{line}\n").as_bytes())
                .and_then(|()| out.flush());
        }
    }
}

/// Where subscribers find the log.
const LOG_TOPIC: &str = "$SYS/broker/log/";

/// The rest of the topic behind `$SYS/broker/`.
const fn name(kind: LogType) -> &'static str {
    match kind {
        LogType::Error => "log/E",
        LogType::Warning => "log/W",
        LogType::Notice => "log/N",
        LogType::Information => "log/I",
        LogType::Debug => "log/D",
        LogType::Subscribe => "log/M/subscribe",
        LogType::Unsubscribe => "log/M/unsubscribe",
    }
}

fn open(path: &Path) -> Result<File, Failure> {
    let file = OpenOptions::new().create(true).append(true).open(path);
    file.map_err(|error| {
        let path = path.display().to_string();
        let what = format!("cannot write log file {}: {error}", Safe(&path));
        Failure::new(Exit::Io, what)
    })
}

/// The end of the broker.
impl Drop for Chronicle {
    fn drop(&mut self) {
        self.information(&format!("mosquitto version {RELEASE} terminating"));
    }
}

fn opening(listener: &ListenerPlan) -> String {
    match &listener.endpoint {
        Endpoint::Unix(path) => {
            format!("Opening unix listen socket on path {}.", path.display())
        }
        Endpoint::Tcp { host, port, family } => {
            let is_v6 =
                *family == Some(Family::V6) || host.as_ref().is_some_and(|host| host.contains(':'));
            let kind = match (listener.protocol, is_v6) {
                (Protocol::WebSocket, _) => "websockets",
                (Protocol::Mqtt, true) => "ipv6",
                (Protocol::Mqtt, false) => "ipv4",
            };
            format!("Opening {kind} listen socket on port {port}.")
        }
    }
}

/// Without brackets, as mosquitto writes it.
fn host(address: Option<SocketAddr>) -> String {
    match address {
        Some(address) => address.ip().to_string(),
        None => "unix-socket".to_owned(),
    }
}
