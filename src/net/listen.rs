//! Accepting byte streams: what opens them is in `connect`.

use std::io;
use std::net::SocketAddr;

use tokio::net::TcpListener;

use super::Stream;

/// Why nothing can listen there.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}: {source}")]
pub struct ListenError {
    /// As asked for.
    pub address: String,
    /// What the system says.
    pub source: io::Error,
}

/// A listening TCP socket.
#[derive(Debug)]
pub struct Listener {
    socket: TcpListener,
    address: SocketAddr,
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
        Ok(Listener { socket, address })
    }

    /// Where it listens, with the port that was taken.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The next connection, with small packets sent at once.
    ///
    /// # Errors
    /// What the system says, e.g. that no file descriptor is free; the listener stays usable.
    pub async fn accept(&self) -> io::Result<(Stream, SocketAddr)> {
        let (stream, peer) = self.socket.accept().await?;
        // Without it a small packet may wait for the acknowledgement of the one before. If the system
        // refuses, e.g. since the peer has gone, the connection says so itself.
        let _ = stream.set_nodelay(true);
        Ok((Stream::Tcp(stream), peer))
    }
}
