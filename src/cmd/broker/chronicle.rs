//! The log that a configuration file of mosquitto asks for, in mosquitto's words, since scripts
//! look for them.

use std::collections::HashMap;
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::time::{SystemTime, UNIX_EPOCH};

use super::conf::{LogTarget, LogTypes};
use super::plan::{Endpoint, Family, ListenerPlan, Protocol};
use crate::broker::{ConnectionId, Event, EventKind, Peer};
use crate::cmd::{Exit, Failure};
use crate::mqtt::{ReasonCode, Version};
use crate::output::text::Safe;

/// Which mosquitto it is like.
const RELEASE: &str = crate::cmd::mosquitto::RELEASE;

/// Where lines go, and which.
pub(super) struct Chronicle {
    targets: Vec<Box<dyn Write>>,
    types: LogTypes,
    /// Of connections that are open.
    addresses: HashMap<ConnectionId, Option<SocketAddr>>,
}

impl Chronicle {
    /// # Errors
    /// If a file cannot be opened.
    pub(super) fn new(to: &[LogTarget], types: LogTypes) -> Result<Chronicle, Failure> {
        let mut targets: Vec<Box<dyn Write>> = Vec::new();
        for target in to {
            targets.push(match target {
                LogTarget::Stdout => Box::new(io::stdout()),
                LogTarget::Stderr => Box::new(io::stderr()),
                LogTarget::Nowhere => continue,
                LogTarget::File(path) => {
                    let file = OpenOptions::new().create(true).append(true).open(path);
                    Box::new(file.map_err(|error| {
                        let path = path.display().to_string();
                        let what = format!("cannot write log file {}: {error}", Safe(&path));
                        Failure::new(Exit::Io, what)
                    })?)
                }
            });
        }
        Ok(Chronicle {
            targets,
            types,
            addresses: HashMap::new(),
        })
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
        self.addresses.insert(connection, peer.address);
        let from = host(peer.address);
        self.notice(&match (peer.address, port) {
            (Some(address), Some(port)) => {
                format!(
                    "New connection from {from}:{} on port {port}.",
                    address.port()
                )
            }
            _ => format!("New connection from {from}."),
        });
    }

    pub(super) fn event(&mut self, event: &Event) {
        let id = Safe(event.client_id.as_deref().unwrap_or("<unknown>"));
        match &event.kind {
            EventKind::Connected {
                version,
                keep_alive,
                clean_start,
                username,
                ..
            } => {
                let address = event
                    .connection
                    .and_then(|connection| *self.addresses.get(&connection)?);
                let from = match address {
                    Some(address) => format!("{}:{}", host(Some(address)), address.port()),
                    None => host(None),
                };
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
                self.notice(&format!(
                    "New client connected from {from} as {id} (p{version}, c{clean}, \
                     k{keep_alive}{user})."
                ));
            }
            EventKind::Closed { reason, why } => {
                if let Some(connection) = event.connection {
                    self.addresses.remove(&connection);
                }
                let line = match *reason {
                    ReasonCode::SUCCESS => format!("Client {id} disconnected."),
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
                self.notice(&line);
            }
            EventKind::Subscribed { filter, code } if self.types.subscribe => {
                self.line(&format!("{id} {} {}", code.0, Safe(filter)));
            }
            EventKind::Unsubscribed { filter, .. } if self.types.unsubscribe => {
                self.line(&format!("{id} {}", Safe(filter)));
            }
            EventKind::Dropped { topic } if self.types.notice => {
                self.line(&format!(
                    "Outgoing messages are being dropped for client {id} ({}).",
                    Safe(topic)
                ));
            }
            EventKind::PublishRefused { topic, .. } if self.types.debug => {
                self.line(&format!("Denied PUBLISH from {id} ('{}')", Safe(topic)));
            }
            _ => {}
        }
    }

    fn information(&mut self, text: &str) {
        if self.types.information {
            self.line(text);
        }
    }

    fn notice(&mut self, text: &str) {
        if self.types.notice {
            self.line(text);
        }
    }

    /// Where nobody reads any more there is nobody to tell.
    fn line(&mut self, text: &str) {
        let line = format!("{}: {text}\n", seconds());
        for target in &mut self.targets {
            let _ = target
                .write_all(line.as_bytes())
                .and_then(|()| target.flush());
        }
    }
}

/// The end of the broker.
impl Drop for Chronicle {
    fn drop(&mut self) {
        self.information(&format!("mosquitto version {RELEASE} terminating"));
    }
}

/// Since 1970.
fn seconds() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.map_or(0, |now| now.as_secs())
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
