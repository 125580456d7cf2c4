//! Accepting byte streams: what opens them is in `connect`.
//!
//! | file | what it is |
//! |---|---|
//! | here | [`Listener`]: where, through which layers, and what comes |
//! | `endpoint` | [`Endpoint`]: where a listener is, as people and clients write it |
//! | `handshake` | [`Arrival`]: a connection whose layers are still to come |
//! | `unix` | a unix socket and its file |

mod endpoint;
mod handshake;
#[cfg(unix)]
mod unix;

use std::io;
use std::net::SocketAddr;
#[cfg(unix)]
use std::path::Path;

use tokio::net::TcpListener;

pub use self::endpoint::{Endpoint, Place};
pub use self::handshake::{Arrival, Arrived, HandshakeError};
#[cfg(unix)]
use self::unix::UnixSocket;
use super::{Stream, TlsServer};

/// Why nothing can listen there.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}: {source}")]
pub struct ListenError {
    /// As asked for.
    pub address: String,
    /// What the system says.
    pub source: io::Error,
}

/// What the bytes of a listener's connections are wrapped in, and the like.
#[derive(Debug, Clone)]
pub struct ListenOptions {
    /// TLS, if it is used.
    pub tls: Option<TlsServer>,
    /// What of a client's certificate says who it is.
    pub identity: Identity,
    /// WebSocket inside of TLS, if it is used: the largest message that is taken, in bytes.
    pub websocket: Option<usize>,
    /// Whether small packets are sent at once, instead of waiting for the acknowledgement of the
    /// one before.
    pub no_delay: bool,
}

/// What of a client's certificate says who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Identity {
    /// Nothing.
    #[default]
    Unused,
    /// The Common Name.
    CommonName,
    /// The whole subject, as in `CN=a,O=b`.
    Subject,
}

impl Default for ListenOptions {
    /// Plain, and without waiting.
    fn default() -> ListenOptions {
        ListenOptions {
            tls: None,
            identity: Identity::Unused,
            websocket: None,
            no_delay: true,
        }
    }
}

/// A listening socket.
#[derive(Debug)]
pub struct Listener {
    socket: Socket,
    endpoint: Endpoint,
    options: ListenOptions,
}

#[derive(Debug)]
enum Socket {
    Tcp(TcpListener),
    #[cfg(unix)]
    Unix(UnixSocket),
}

impl Listener {
    /// Listens on `host`, a name or an address, and `port`; port 0 takes a free one.
    ///
    /// # Errors
    /// If the name does not resolve, the port is in use, or the system refuses.
    pub async fn bind(host: &str, port: u16) -> Result<Listener, ListenError> {
        let fail = |source| ListenError {
            address: match host.contains(':') {
                true => format!("[{host}]:{port}"),
                false => format!("{host}:{port}"),
            },
            source,
        };
        let socket = TcpListener::bind((host, port)).await.map_err(fail)?;
        let address = socket.local_addr().map_err(fail)?;
        Ok(Listener::plain(Socket::Tcp(socket), Place::Tcp(address)))
    }

    /// As [`bind`](Self::bind), at an address of IPv6 or at one of IPv4 only.
    ///
    /// # Errors
    /// The same, and if the name has no such address.
    pub async fn bind_family(host: &str, port: u16, v6: bool) -> Result<Listener, ListenError> {
        let addresses = match tokio::net::lookup_host((host, port)).await {
            Ok(addresses) => addresses,
            Err(source) => {
                let address = format!("{host}:{port}");
                return Err(ListenError { address, source });
            }
        };
        match addresses
            .into_iter()
            .find(|address| address.is_ipv6() == v6)
        {
            Some(address) => Listener::bind(&address.ip().to_string(), port).await,
            None => Err(ListenError {
                address: format!("{host}:{port}"),
                source: io::ErrorKind::AddrNotAvailable.into(),
            }),
        }
    }

    /// Listens on a unix socket. A file that no broker answers at any more is replaced; ours is
    /// removed in the end.
    ///
    /// # Errors
    /// If there is another file, somebody listens there, or the system refuses.
    #[cfg(unix)]
    pub async fn bind_unix(path: &Path) -> Result<Listener, ListenError> {
        let socket = UnixSocket::bind(path).await.map_err(|source| ListenError {
            address: path.display().to_string(),
            source,
        })?;
        // Those who connect may be in another folder.
        let place = Place::Unix(std::path::absolute(path).unwrap_or_else(|_| path.to_owned()));
        Ok(Listener::plain(Socket::Unix(socket), place))
    }

    fn plain(socket: Socket, place: Place) -> Listener {
        Listener {
            socket,
            endpoint: Endpoint {
                place,
                tls: false,
                websocket: false,
            },
            options: ListenOptions::default(),
        }
    }

    /// The same with these options.
    #[must_use]
    pub fn with(mut self, options: ListenOptions) -> Listener {
        self.endpoint.tls = options.tls.is_some();
        self.endpoint.websocket = options.websocket.is_some();
        self.options = options;
        self
    }

    /// Where it listens, with the port that was taken.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// The address, with the port that was taken; a unix socket has none.
    pub fn address(&self) -> Option<SocketAddr> {
        match self.endpoint.place {
            Place::Tcp(address) => Some(address),
            #[cfg(unix)]
            Place::Unix(_) => None,
        }
    }

    /// The next connection. Its handshakes are still to come, so
    /// that nobody waits for them here.
    ///
    /// # Errors
    /// What the system says, e.g. that no file descriptor is free; the listener stays usable.
    pub async fn accept(&self) -> io::Result<Arrival> {
        let (stream, peer) = match &self.socket {
            Socket::Tcp(socket) => {
                let (stream, peer) = socket.accept().await?;
                // If the system refuses, e.g. since the peer has gone, the connection says so itself.
                let _ = stream.set_nodelay(self.options.no_delay);
                // Over a socket for both families IPv4 comes in IPv6 clothes.
                let peer = SocketAddr::new(peer.ip().to_canonical(), peer.port());
                (Stream::Tcp(stream), Some(peer))
            }
            #[cfg(unix)]
            Socket::Unix(socket) => (Stream::Unix(socket.accept().await?), None),
        };
        Ok(Arrival::new(stream, peer, &self.options))
    }
}
