//! MQTT over WebSocket (RFC 6455), by tungstenite.
//!
//! | file | what it is |
//! |---|---|
//! | here | [`WebSocket`]: what to ask a server for, and the handshake |
//! | `server` | the handshake with a client |
//! | `error` | why the handshake fails |
//! | `stream` | the bytes |

mod error;
mod server;
mod stream;

pub use error::{WebSocketError, WebSocketSetupError};
pub use server::WebSocketServerError;
pub(super) use server::accept;
pub(super) use stream::WebSocketStream;

use tokio_tungstenite::client_async_with_config;
use tokio_tungstenite::tungstenite::handshake::client::{Request, generate_key};
use tokio_tungstenite::tungstenite::http::header::{
    CONNECTION, HOST, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use tokio_tungstenite::tungstenite::http::uri::PathAndQuery;
use tokio_tungstenite::tungstenite::http::{HeaderMap, HeaderName, HeaderValue, Uri};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

use super::Stream;

/// The subprotocol of every version of MQTT (5.0, 6, `[MQTT-6.0.0-3]`).
const PROTOCOL: &str = "mqtt";

/// The largest frame and message that is taken, in bytes: more than the largest MQTT packet.
const MAX_MESSAGE: usize = 260 * 1024 * 1024;

/// Bytes to read at once, which each connection holds.
const READ_SIZE: usize = 16 * 1024;

/// Bytes to collect before writing, if nobody flushes.
const WRITE_SIZE: usize = 16 * 1024;

/// `read` bytes at once, and messages of up to `max_message` bytes.
fn config(read: usize, max_message: usize) -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(read)
        .write_buffer_size(WRITE_SIZE)
        .max_write_buffer_size(2 * (WRITE_SIZE + stream::MAX_FRAME))
        .max_message_size(Some(max_message))
        .max_frame_size(Some(max_message))
}

/// What to ask an HTTP server for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebSocket {
    path: PathAndQuery,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl WebSocket {
    /// `path` with its query, from the slash on; `headers` as names and values, in place of those
    /// of the same name that would be sent.
    ///
    /// # Errors
    /// A path or a header that HTTP cannot carry.
    pub fn new(path: &str, headers: &[(&str, &str)]) -> Result<WebSocket, WebSocketSetupError> {
        let no_path = || WebSocketSetupError::Path(path.to_owned());
        if !path.starts_with('/') {
            return Err(no_path());
        }
        let mut checked = Vec::with_capacity(headers.len());
        for (name, value) in headers {
            let wrong = || WebSocketSetupError::Header((*name).to_owned());
            let key = HeaderName::from_bytes(name.as_bytes()).map_err(|_| wrong())?;
            checked.push((key, HeaderValue::from_str(value).map_err(|_| wrong())?));
        }
        Ok(WebSocket {
            path: path.parse().map_err(|_| no_path())?,
            headers: checked,
        })
    }

    /// The path with its query.
    pub(super) fn path(&self) -> &str {
        self.path.as_str()
    }

    /// Does the handshake; `authority` is the host with its port.
    pub(super) async fn connect(
        &self,
        authority: &str,
        secure: bool,
        stream: Stream,
    ) -> Result<WebSocketStream, WebSocketError> {
        let request = self.request(authority, secure)?;
        let config = config(READ_SIZE, MAX_MESSAGE);
        match client_async_with_config(request, stream, Some(config)).await {
            Ok((framed, _)) => Ok(WebSocketStream::new(framed, "server")),
            Err(error) => Err(WebSocketError::new(error)),
        }
    }

    /// RFC 6455, 4.1.
    fn request(&self, authority: &str, secure: bool) -> Result<Request, WebSocketError> {
        let bad_host = || WebSocketError::Host(authority.to_owned());
        let uri = Uri::builder()
            .scheme(if secure { "wss" } else { "ws" })
            .authority(authority)
            .path_and_query(self.path.clone())
            .build()
            .map_err(|_| bad_host())?;
        let mut headers = HeaderMap::new();
        let host = HeaderValue::from_str(authority).map_err(|_| bad_host())?;
        let key = HeaderValue::from_str(&generate_key()).map_err(|_| bad_host())?;
        headers.insert(HOST, host);
        headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
        headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
        headers.insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
        headers.insert(SEC_WEBSOCKET_KEY, key);
        headers.insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(PROTOCOL));
        let own = headers.clone();
        for (name, value) in &self.headers {
            match own.contains_key(name) {
                true => drop(headers.insert(name, value.clone())),
                false => drop(headers.append(name, value.clone())),
            }
        }
        let mut request = Request::new(());
        *request.uri_mut() = uri;
        *request.headers_mut() = headers;
        Ok(request)
    }
}
