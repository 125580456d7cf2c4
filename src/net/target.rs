//! Where a connection goes, and through which layers.

use std::fmt;
#[cfg(unix)]
use std::path::PathBuf;
use std::sync::Arc;

use super::ports::LocalPorts;
use super::proxy::Proxy;
use super::tls::Tls;
use super::websocket::WebSocket;

/// Where a connection goes, and through which layers. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Target {
    /// The broker.
    pub address: Address,
    /// The local address or its name that a connection starts at; the system's choice without.
    pub bind: Option<String>,
    /// Who chooses local ports; the system without.
    pub ports: Option<Arc<LocalPorts>>,
    /// The way there; unused for a unix socket.
    pub proxy: Option<Arc<Proxy>>,
    /// TLS, if it is used.
    pub tls: Option<Tls>,
    /// WebSocket, if it is used, inside of TLS.
    pub websocket: Option<Arc<WebSocket>>,
}

/// Where a broker listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// A TCP port.
    Tcp {
        /// A name, or an IPv4 or IPv6 address without brackets.
        host: String,
        /// 1 to 65535.
        port: u16,
    },
    /// Wherever the SRV records of a domain say (RFC 2782), for `mqtt`, or with TLS for
    /// `secure-mqtt`. A certificate has to be for the domain: what DNS says proves nothing.
    Srv(String),
    /// A unix socket.
    #[cfg(unix)]
    Unix(PathBuf),
}

impl Target {
    /// Nothing but the address: plain text on a direct way.
    pub fn new(address: Address) -> Target {
        Target {
            address,
            bind: None,
            ports: None,
            proxy: None,
            tls: None,
            websocket: None,
        }
    }

    /// Whether the bytes go over a direct TCP connection as they are.
    pub fn is_plain_tcp(&self) -> bool {
        matches!(self.address, Address::Tcp { .. } | Address::Srv(_))
            && self.bind.is_none()
            && self.proxy.is_none()
            && self.tls.is_none()
            && self.websocket.is_none()
    }
}

/// `host:port`, IPv6 addresses in brackets; the path of a unix socket.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Address::Tcp { host, port } if host.contains(':') => write!(f, "[{host}]:{port}"),
            Address::Tcp { host, port } => write!(f, "{host}:{port}"),
            Address::Srv(domain) => f.write_str(domain),
            #[cfg(unix)]
            Address::Unix(path) => write!(f, "{}", path.display()),
        }
    }
}

/// The address, with the layers that a user has asked for: `host:port`, `mqtts://host:port`,
/// `ws://host:port/path`, `wss://host:port/path`.
impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.websocket, &self.tls) {
            (Some(websocket), None) => write!(f, "ws://{}{}", self.address, websocket.path()),
            (Some(websocket), Some(_)) => write!(f, "wss://{}{}", self.address, websocket.path()),
            (None, Some(_)) => write!(f, "mqtts://{}", self.address),
            (None, None) => write!(f, "{}", self.address),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tcp(host: &str) -> Target {
        Target::new(Address::Tcp {
            host: host.to_owned(),
            port: 1883,
        })
    }

    #[test]
    fn a_target_is_shown_as_people_write_it() {
        assert_eq!(tcp("example.org").to_string(), "example.org:1883");
        assert_eq!(tcp("::1").to_string(), "[::1]:1883");
        let mut target = tcp("h");
        target.websocket = Some(Arc::new(WebSocket::new("/mqtt", &[]).unwrap()));
        assert_eq!(target.to_string(), "ws://h:1883/mqtt");
    }
}
