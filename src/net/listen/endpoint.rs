//! Where a listener is.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
#[cfg(unix)]
use std::path::PathBuf;

/// A place, and what the bytes there are wrapped in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// Where.
    pub place: Place,
    /// In TLS.
    pub tls: bool,
    /// In WebSocket.
    pub websocket: bool,
}

/// Where something can be connected to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A TCP port.
    Tcp(SocketAddr),
    /// A unix socket.
    #[cfg(unix)]
    Unix(PathBuf),
}

impl Endpoint {
    /// `mqtt`, `mqtts`, `ws`, `wss`, or `unix`, which has no TLS.
    pub fn scheme(&self) -> &'static str {
        match (&self.place, self.websocket, self.tls) {
            #[cfg(unix)]
            (Place::Unix(_), false, _) => "unix",
            #[cfg(unix)]
            (Place::Unix(_), true, _) => "ws+unix",
            (Place::Tcp(_), false, false) => "mqtt",
            (Place::Tcp(_), false, true) => "mqtts",
            (Place::Tcp(_), true, false) => "ws",
            (Place::Tcp(_), true, true) => "wss",
        }
    }

    /// Where clients on this machine reach it; a unix socket has none.
    pub fn reachable(&self) -> Option<SocketAddr> {
        match &self.place {
            Place::Tcp(address) => Some(match address.ip() {
                // Listening everywhere is no address to connect to.
                IpAddr::V4(ip) if ip.is_unspecified() => {
                    (Ipv4Addr::LOCALHOST, address.port()).into()
                }
                IpAddr::V6(ip) if ip.is_unspecified() => {
                    (Ipv6Addr::LOCALHOST, address.port()).into()
                }
                _ => *address,
            }),
            #[cfg(unix)]
            Place::Unix(_) => None,
        }
    }

    /// Whether only this machine reaches it.
    pub fn is_local(&self) -> bool {
        match &self.place {
            Place::Tcp(address) => address.ip().is_loopback(),
            #[cfg(unix)]
            Place::Unix(_) => true,
        }
    }
}

/// `host:port`, IPv6 addresses in brackets; the path of a unix socket.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Tcp(address) => write!(f, "{address}"),
            #[cfg(unix)]
            Place::Unix(path) => write!(f, "{}", path.display()),
        }
    }
}

/// The URL that a client on this machine connects to.
impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = self.scheme();
        match &self.place {
            Place::Tcp(address) => {
                // WebSocket is taken at any path, and clients take what stands there for a topic.
                write!(f, "{scheme}://{}", self.reachable().unwrap_or(*address))
            }
            #[cfg(unix)]
            Place::Unix(path) => write!(f, "{scheme}://{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls() {
        for (address, tls, websocket, url) in [
            ("127.0.0.1:1883", false, false, "mqtt://127.0.0.1:1883"),
            ("0.0.0.0:8883", true, false, "mqtts://127.0.0.1:8883"),
            ("[::]:80", false, true, "ws://[::1]:80"),
            ("192.0.2.1:443", true, true, "wss://192.0.2.1:443"),
        ] {
            let endpoint = Endpoint {
                place: Place::Tcp(address.parse().unwrap()),
                tls,
                websocket,
            };
            assert_eq!(endpoint.to_string(), url);
        }
    }
}
