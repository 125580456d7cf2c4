//! What those who want to connect have to know.

use std::ffi::OsString;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::PathBuf;

use tokio::process::Command;

use super::internal;
use crate::broker::{Endpoint, Listener, Throwaway};
use crate::cmd::Failure;
use crate::output::event::{Field, Value, write_json};

/// Where the broker listens, and the files for TLS.
pub(super) struct Ready {
    listeners: Vec<Place>,
    /// What to trust.
    ca: Option<PathBuf>,
    /// A client's certificate and its key.
    client: Option<(PathBuf, PathBuf)>,
}

/// Where clients on this machine reach a listener.
struct Place {
    scheme: &'static str,
    /// A unix socket has none.
    address: Option<SocketAddr>,
    host_and_port: Option<(String, u16)>,
    url: String,
}

impl Place {
    fn new(endpoint: &Endpoint) -> Place {
        let address = endpoint.reachable();
        Place {
            scheme: endpoint.scheme(),
            address,
            host_and_port: address.map(|address| (address.ip().to_string(), address.port())),
            url: endpoint.to_string(),
        }
    }

    fn fields(&self) -> Vec<Field<'_>> {
        let mut fields = Vec::new();
        if let Some((host, port)) = &self.host_and_port {
            fields.push(("host", Value::Text(host)));
            fields.push(("port", Value::Number((*port).into())));
        }
        fields.push(("url", Value::Text(&self.url)));
        fields
    }
}

impl Ready {
    pub(super) fn new(
        listeners: &[Listener],
        ca: Option<PathBuf>,
        made: Option<&Throwaway>,
    ) -> Ready {
        Ready {
            listeners: listeners
                .iter()
                .map(|listener| Place::new(listener.endpoint()))
                .collect(),
            ca,
            client: made.map(|made| (made.client_certificate.clone(), made.client_key.clone())),
        }
    }

    /// The URL of a listener.
    pub(super) fn url(&self, listener: usize) -> &str {
        self.listeners
            .get(listener)
            .map_or("nowhere", |place| &place.url)
    }

    /// Where a listener is reached; a unix socket has no address.
    pub(super) fn address(&self, listener: usize) -> Option<SocketAddr> {
        self.listeners.get(listener)?.address
    }

    /// All URLs.
    pub(super) fn urls(&self) -> String {
        let urls: Vec<&str> = self.listeners.iter().map(|place| &*place.url).collect();
        urls.join(", ")
    }

    /// Calls `write` with the fields of the event.
    pub(super) fn with_fields<T>(&self, write: impl FnOnce(&[Field<'_>]) -> T) -> T {
        let mut fields = vec![("event", Value::Text("ready"))];
        let listeners: Vec<_> = self.listeners.iter().map(Place::fields).collect();
        fields.extend(listeners.first().into_iter().flatten());
        fields.push(("listeners", Value::Objects(&listeners)));
        let shown = |path: &PathBuf| path.display().to_string();
        let ca = self.ca.as_ref().map(shown);
        let client = self.client.as_ref();
        let certificate = client.map(|(certificate, _)| shown(certificate));
        let key = client.map(|(_, key)| shown(key));
        for (name, path) in [
            ("cafile", &ca),
            ("client_cert", &certificate),
            ("client_key", &key),
        ] {
            fields.extend(path.as_ref().map(|path| (name, Value::Text(path))));
        }
        write(&fields)
    }

    /// Prints the event.
    pub(super) fn print(&self) -> Result<(), Failure> {
        let mut stdout = io::stdout().lock();
        let written = self.with_fields(|fields| write_json(&mut stdout, fields));
        match written.and_then(|()| stdout.flush()) {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                Err(internal("cannot write to stdout", &error))
            }
            // Nobody reads it: no reason not to serve.
            _ => Ok(()),
        }
    }

    /// Puts it into the environment of a command. What there is not is taken out, since it would
    /// be of another broker.
    pub(super) fn put_into(&self, command: &mut Command) {
        let first = self.listeners.first();
        let host_and_port = first.and_then(|place| place.host_and_port.as_ref());
        let of_kind = |scheme: &str| {
            let place = self.listeners.iter().find(|place| place.scheme == scheme);
            place.map(|place| OsString::from(&place.url))
        };
        // The command may run elsewhere.
        let path = |path: &PathBuf| {
            let absolute = std::path::absolute(path).unwrap_or_else(|_| path.clone());
            absolute.into_os_string()
        };
        let client = self.client.as_ref();
        for (name, value) in [
            ("MQTT_URL", first.map(|place| OsString::from(&place.url))),
            ("MQTT_HOST", host_and_port.map(|(host, _)| host.into())),
            (
                "MQTT_PORT",
                host_and_port.map(|(_, port)| port.to_string().into()),
            ),
            ("MQTT_TLS_URL", of_kind("mqtts")),
            ("MQTT_WS_URL", of_kind("ws")),
            ("MQTT_WSS_URL", of_kind("wss")),
            ("MQTT_UNIX_URL", of_kind("unix")),
            ("MQTT_CAFILE", self.ca.as_ref().map(path)),
            ("MQTT_CLIENT_CERT", client.map(|(file, _)| path(file))),
            ("MQTT_CLIENT_KEY", client.map(|(_, file)| path(file))),
        ] {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
    }
}
