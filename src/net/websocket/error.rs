//! Why the upgrade from HTTP to WebSocket fails.

use std::io;

use tokio_tungstenite::tungstenite::Error;
use tokio_tungstenite::tungstenite::error::{CapacityError, ProtocolError, SubProtocolError};
use tokio_tungstenite::tungstenite::http::header::LOCATION;

use crate::net::TlsError;
use crate::net::error::brief;

/// What HTTP cannot carry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WebSocketSetupError {
    /// Not a path.
    #[error("'{}' is not a path: it starts with a slash and has no spaces", .0.escape_debug())]
    Path(String),
    /// Not a header; the value, which may be a secret, is not shown.
    #[error("the header '{}' has characters that HTTP does not allow", .0.escape_debug())]
    Header(String),
}

/// Why the upgrade fails.
#[derive(Debug, thiserror::Error)]
pub enum WebSocketError {
    /// A host that HTTP cannot carry.
    #[error("'{}' cannot stand in an HTTP request", .0.escape_debug())]
    Host(String),
    /// The server answers, and not with 101.
    #[error("the server answers {status}{}{}", .reason.as_ref().map(|r| format!(" {r}")).unwrap_or_default(), to(.location))]
    Status {
        /// 200 to 999.
        status: u16,
        /// What the status means, if it is a known one.
        reason: Option<&'static str>,
        /// Where it sends us.
        location: Option<String>,
    },
    /// The server has not chosen the subprotocol that was asked for (`[MQTT-6.0.0-4]`).
    #[error("the server {0} the subprotocol mqtt: there is no MQTT at this path")]
    Subprotocol(&'static str),
    /// The server answers something that is no HTTP.
    #[error("this port does not answer with HTTP")]
    NotHttp,
    /// The server answers 101 with something wrong in it.
    #[error("the server's WebSocket handshake is wrong: {0}")]
    Handshake(String),
    /// The server hung up instead of an answer.
    #[error(
        "the server closed the connection without an answer: maybe this port is not for WebSocket"
    )]
    Closed,
    /// TLS, which carries it, has failed since its handshake.
    #[error(transparent)]
    Tls(TlsError),
    /// The connection broke.
    #[error("the connection broke during the WebSocket handshake: {}", brief(.0))]
    Io(io::Error),
}

impl WebSocketError {
    /// See [`DialError::is_lasting`](crate::net::DialError::is_lasting). A gateway answers with 5xx
    /// while the broker behind it is away.
    pub(in crate::net) fn is_lasting(&self) -> bool {
        match self {
            WebSocketError::Status { status, .. } => !matches!(status, 429 | 500..),
            WebSocketError::Tls(error) => error.is_lasting(),
            WebSocketError::Closed | WebSocketError::Io(_) => false,
            WebSocketError::Host(_)
            | WebSocketError::Subprotocol(_)
            | WebSocketError::NotHttp
            | WebSocketError::Handshake(_) => true,
        }
    }

    /// Whether the server has said nothing at all.
    pub(in crate::net) fn is_silence(&self) -> bool {
        matches!(self, WebSocketError::Closed)
    }

    pub(super) fn new(error: Error) -> WebSocketError {
        match error {
            Error::Http(response) => WebSocketError::Status {
                status: response.status().as_u16(),
                reason: response.status().canonical_reason(),
                location: response
                    .headers()
                    .get(LOCATION)
                    .and_then(|to| to.to_str().ok())
                    .map(str::to_owned),
            },
            Error::Protocol(ProtocolError::SecWebSocketSubProtocolError(error)) => {
                WebSocketError::Subprotocol(match error {
                    SubProtocolError::NoSubProtocol => "does not choose",
                    _ => "chooses another than",
                })
            }
            Error::Protocol(ProtocolError::HttparseError(_))
            | Error::Capacity(CapacityError::TooManyHeaders) => WebSocketError::NotHttp,
            Error::Protocol(ProtocolError::HandshakeIncomplete)
            | Error::ConnectionClosed
            | Error::AlreadyClosed => WebSocketError::Closed,
            Error::Io(error) => match TlsError::from_io(error) {
                Ok(error) => WebSocketError::Tls(error),
                Err(error) => match error.kind() {
                    io::ErrorKind::UnexpectedEof
                    | io::ErrorKind::ConnectionReset
                    | io::ErrorKind::BrokenPipe => WebSocketError::Closed,
                    _ => WebSocketError::Io(error),
                },
            },
            error => WebSocketError::Handshake(error.to_string()),
        }
    }
}

fn to(location: &Option<String>) -> String {
    match location {
        Some(location) => format!(", and names '{}'", location.escape_debug()),
        None => String::new(),
    }
}
