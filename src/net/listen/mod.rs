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

/// What the bytes of a listener's connections are wrapped in.
#[derive(Debug, Clone, Default)]
pub struct Layers {
    /// TLS, if it is used.
    pub tls: Option<TlsServer>,
    /// WebSocket inside of it, if it is used: the largest message that is taken, in bytes.
    pub websocket: Option<usize>,
}

/// A listening socket.
#[derive(Debug)]
pub struct Listener {
    socket: Socket,
    endpoint: Endpoint,
    layers: Layers,
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

    /// Listens on a unix socket. A file that no broker answers at any more is replaced; ours is
    /// removed in the end.
    ///
    /// # Errors
    /// If there is another file, somebody listens there, or the system refuses.
    #[cfg(unix)]
    pub async fn bind_unix(path: &Path) -> Result<Listener, ListenError> {
        let socket = UnixSocket::bind(path)
            .await
            .map_err(|source| ListenError {
                address: path.display().to_string(),
                source,
            })?;
        let place = Place::Unix(path.to_owned());
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
            layers: Layers::default(),
        }
    }

    /// The same with these layers.
    #[must_use]
    pub fn with(mut self, layers: Layers) -> Listener {
        self.endpoint.tls = layers.tls.is_some();
        self.endpoint.websocket = layers.websocket.is_some();
        self.layers = layers;
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

    /// The next connection, with small packets sent at once. Its handshakes are still to come, so
    /// that nobody waits for them here.
    ///
    /// # Errors
    /// What the system says, e.g. that no file descriptor is free; the listener stays usable.
    pub async fn accept(&self) -> io::Result<Arrival> {
        let (stream, peer) = match &self.socket {
            Socket::Tcp(socket) => {
                let (stream, peer) = socket.accept().await?;
                // Without it a small packet may wait for the acknowledgement of the one before. If
                // the system refuses, e.g. since the peer has gone, the connection says so itself.
                let _ = stream.set_nodelay(true);
                (Stream::Tcp(stream), Some(peer))
            }
            #[cfg(unix)]
            Socket::Unix(socket) => (Stream::Unix(socket.accept().await?), None),
        };
        Ok(Arrival::new(stream, peer, &self.layers))
    }
}
