//! A connection that has come, and the handshakes of its layers.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::time::timeout;

use super::{Identity, ListenOptions};
use crate::net::websocket;
use crate::net::{Stream, TlsServerError, WebSocketServerError};

/// A connection whose handshakes are still to come.
#[derive(Debug)]
pub struct Arrival {
    stream: Stream,
    peer: Option<SocketAddr>,
    options: ListenOptions,
}

/// A connection that is ready.
#[derive(Debug)]
pub struct Arrived {
    /// Its bytes.
    pub stream: Stream,
    /// Who the client's certificate says it is, if that is wanted and it has one.
    pub identity: Option<String>,
}

/// Why a connection does not become ready.
#[derive(Debug, thiserror::Error)]
pub enum HandshakeError {
    /// It takes too long.
    #[error("the handshake was not done after {}", Seconds(*.0))]
    Timeout(Duration),
    /// That of TLS.
    #[error(transparent)]
    Tls(#[from] TlsServerError),
    /// That of WebSocket.
    #[error(transparent)]
    WebSocket(#[from] WebSocketServerError),
}

struct Seconds(Duration);

impl std::fmt::Display for Seconds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} s", self.0.as_secs_f64())
    }
}

impl Arrival {
    pub(super) fn new(
        stream: Stream,
        peer: Option<SocketAddr>,
        options: &ListenOptions,
    ) -> Arrival {
        Arrival {
            stream,
            peer,
            options: options.clone(),
        }
    }

    /// Where it comes from; from a unix socket, nowhere.
    pub fn peer(&self) -> Option<SocketAddr> {
        self.peer
    }

    /// The stream, if it has no layers and so is ready.
    ///
    /// # Errors
    /// The arrival as it was, if it has.
    pub fn into_plain(self) -> Result<Stream, Box<Arrival>> {
        match self.options.tls.is_none() && self.options.websocket.is_none() {
            true => Ok(self.stream),
            false => Err(Box::new(self)),
        }
    }

    /// Does the handshakes, within `patience` in all.
    ///
    /// # Errors
    /// [`HandshakeError`].
    pub async fn handshake(self, patience: Duration) -> Result<Arrived, HandshakeError> {
        match timeout(patience, self.wrap()).await {
            Ok(result) => result,
            Err(_) => Err(HandshakeError::Timeout(patience)),
        }
    }

    async fn wrap(self) -> Result<Arrived, HandshakeError> {
        let mut stream = self.stream;
        let mut identity = None;
        if let Some(tls) = &self.options.tls {
            let secure = tls.accept(stream).await?;
            identity = match self.options.identity {
                Identity::Unused => None,
                Identity::CommonName => secure.subject().and_then(|subject| subject.common_name),
                Identity::Subject => secure.subject().map(|subject| subject.name),
            };
            stream = Stream::TlsServer(Box::new(secure));
        }
        if let Some(max_message) = self.options.websocket {
            let framed = websocket::accept(stream, max_message).await?;
            stream = Stream::WebSocket(Box::new(framed));
        }
        Ok(Arrived { stream, identity })
    }
}
