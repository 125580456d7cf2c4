//! The server's side of the upgrade (RFC 6455, 4.2).

use std::io;

use tokio::io::AsyncWriteExt;
use tokio_tungstenite::tungstenite::Error;
use tokio_tungstenite::tungstenite::error::{CapacityError, ProtocolError};
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::http::header::{CONTENT_TYPE, SEC_WEBSOCKET_PROTOCOL};
use tokio_tungstenite::tungstenite::http::{HeaderValue, StatusCode};
use tokio_tungstenite::tungstenite::protocol::Role;
use tokio_tungstenite::{WebSocketStream as Framed, accept_hdr_async_with_config};

use super::{PROTOCOL, WebSocketStream, config};
use crate::net::Stream;
use crate::net::error::brief;

/// Bytes to read at once, which each connection holds: less than a client's, for a server has many.
const READ_SIZE: usize = 4 * 1024;

/// The subprotocol of clients that speak 3.1, older than the standard's.
const PROTOCOL_V31: &str = "mqttv3.1";

/// The answer to HTTP that is no handshake of ours, such as a browser's or a health check's
/// (RFC 9110, 15.5.22; RFC 6455, 4.4).
const NO_WEBSOCKET: &str = "HTTP/1.1 426 Upgrade Required\r\n\
    Upgrade: websocket\r\n\
    Connection: Upgrade, close\r\n\
    Sec-WebSocket-Version: 13\r\n\
    Content-Type: text/plain\r\n\r\n\
    This is an MQTT broker: connect with WebSocket and its subprotocol mqtt.\n";

/// Why a client's upgrade from HTTP fails.
#[derive(Debug, thiserror::Error)]
pub enum WebSocketServerError {
    /// The client does not offer MQTT (`[MQTT-6.0.0-3]`).
    #[error("the client does not offer the WebSocket subprotocol mqtt")]
    Subprotocol,
    /// What the client sends is no HTTP.
    #[error("the client does not speak HTTP")]
    NotHttp,
    /// It is HTTP, and no WebSocket.
    #[error("the client's WebSocket handshake is wrong: {0}")]
    Handshake(String),
    /// The client hung up.
    #[error("the client closed the connection during the WebSocket handshake")]
    Closed,
    /// The connection broke.
    #[error("the connection broke during the WebSocket handshake: {}", brief(.0))]
    Io(io::Error),
}

/// Does the handshake with a client at whatever path, which may take for ever. Messages may have
/// `max_message` bytes.
pub(in crate::net) async fn accept(
    stream: Stream,
    max_message: usize,
) -> Result<WebSocketStream, WebSocketServerError> {
    let mut stream = stream;
    let config = Some(config(READ_SIZE, max_message));
    // Lent, since an answer is still owed where it fails; nothing is read beyond the request.
    match accept_hdr_async_with_config(&mut stream, answer, config).await {
        Ok(_) => {
            let framed = Framed::from_raw_socket(stream, Role::Server, config).await;
            Ok(WebSocketStream::new(framed, "client"))
        }
        Err(error) => {
            let error = WebSocketServerError::new(error);
            if matches!(error, WebSocketServerError::Handshake(_)) {
                // It may be gone already.
                let _ = stream.write_all(NO_WEBSOCKET.as_bytes()).await;
                let _ = stream.shutdown().await;
            }
            Err(error)
        }
    }
}

/// Chooses the subprotocol (`[MQTT-6.0.0-4]`).
#[expect(clippy::result_large_err, reason = "so tungstenite wants it")]
fn answer(request: &Request, mut response: Response) -> Result<Response, ErrorResponse> {
    let offers = request.headers().get_all(SEC_WEBSOCKET_PROTOCOL);
    let mut offers = offers
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim);
    let chosen =
        offers.find_map(|offer| [PROTOCOL, PROTOCOL_V31].into_iter().find(|p| *p == offer));
    match chosen {
        Some(protocol) => {
            let protocol = HeaderValue::from_static(protocol);
            response
                .headers_mut()
                .insert(SEC_WEBSOCKET_PROTOCOL, protocol);
            Ok(response)
        }
        None => {
            let sentence = "This is an MQTT broker: offer the WebSocket subprotocol mqtt.\n";
            let mut refusal = ErrorResponse::new(Some(sentence.to_owned()));
            *refusal.status_mut() = StatusCode::BAD_REQUEST;
            let plain = HeaderValue::from_static("text/plain");
            refusal.headers_mut().insert(CONTENT_TYPE, plain);
            Err(refusal)
        }
    }
}

/// What is wrong with a request.
fn fault(error: &Error) -> String {
    let sentence = match error {
        Error::AttackAttempt => "it is longer than is taken, or comes in too many pieces",
        Error::Protocol(ProtocolError::WrongHttpMethod) => "its method is not GET",
        Error::Protocol(ProtocolError::WrongHttpVersion) => "it is older than HTTP/1.1",
        Error::Protocol(ProtocolError::MissingConnectionUpgradeHeader) => {
            "it has no header 'Connection: Upgrade'"
        }
        Error::Protocol(ProtocolError::MissingUpgradeWebSocketHeader) => {
            "it has no header 'Upgrade: websocket'"
        }
        Error::Protocol(ProtocolError::MissingSecWebSocketVersionHeader) => {
            "it has no header 'Sec-WebSocket-Version: 13'"
        }
        Error::Protocol(
            ProtocolError::MissingSecWebSocketKey | ProtocolError::InvalidSecWebSocketKey,
        ) => "it has no good header Sec-WebSocket-Key",
        Error::Protocol(ProtocolError::JunkAfterRequest) => "something stands behind it",
        Error::Capacity(CapacityError::TooManyHeaders) => "it has too many headers",
        error => return error.to_string().replace('"', "'"),
    };
    sentence.to_owned()
}

impl WebSocketServerError {
    fn new(error: Error) -> WebSocketServerError {
        match error {
            // Our own refusal.
            Error::Http(_) => WebSocketServerError::Subprotocol,
            Error::Protocol(ProtocolError::HttparseError(_)) => WebSocketServerError::NotHttp,
            Error::Protocol(ProtocolError::HandshakeIncomplete)
            | Error::ConnectionClosed
            | Error::AlreadyClosed => WebSocketServerError::Closed,
            Error::Io(error) => match error.kind() {
                io::ErrorKind::UnexpectedEof
                | io::ErrorKind::ConnectionReset
                | io::ErrorKind::BrokenPipe => WebSocketServerError::Closed,
                _ => WebSocketServerError::Io(error),
            },
            error => WebSocketServerError::Handshake(fault(&error)),
        }
    }
}
