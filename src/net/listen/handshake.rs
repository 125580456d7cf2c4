//! A connection that has come, and the handshakes of its layers.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::time::timeout;

use super::Layers;
use crate::net::websocket;
use crate::net::{Stream, Subject, TlsServerError, WebSocketServerError};

/// A connection whose handshakes are still to come.
#[derive(Debug)]
pub struct Arrival {
    stream: Stream,
    peer: Option<SocketAddr>,
    layers: Layers,
}

/// A connection that is ready.
#[derive(Debug)]
pub struct Arrived {
    /// Its bytes.
    pub stream: Stream,
    /// Whom the client's certificate is about, if it was asked for one.
    pub subject: Option<Subject>,
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
    pub(super) fn new(stream: Stream, peer: Option<SocketAddr>, layers: &Layers) -> Arrival {
        Arrival {
            stream,
            peer,
            layers: layers.clone(),
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
        match self.layers.tls.is_none() && self.layers.websocket.is_none() {
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
        let mut subject = None;
        if let Some(tls) = &self.layers.tls {
            let secure = tls.accept(stream).await?;
            subject = secure.subject();
            stream = Stream::TlsServer(Box::new(secure));
        }
        if let Some(max_message) = self.layers.websocket {
            let framed = websocket::accept(stream, max_message).await?;
            stream = Stream::WebSocket(Box::new(framed));
        }
        Ok(Arrived { stream, subject })
    }
}
