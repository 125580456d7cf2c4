//! Why no connection was made: one sentence for each reason, without the name of the target, which
//! whoever shows it knows.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use super::foreign::Foreign;
use super::proxy::ProxyError;
use super::tls::TlsError;
use super::websocket::WebSocketError;

/// Why no connection was made.
#[derive(Debug, thiserror::Error)]
pub enum DialError {
    /// The name has no address, or nobody could say.
    #[error("the name {host} could not be resolved: {}", brief(.source))]
    Resolve {
        /// The name.
        host: String,
        /// What the resolver says.
        source: io::Error,
    },
    /// Nobody has said in time what address the name has.
    #[error("the name {host} was not resolved within {} s", .after.as_secs_f64())]
    ResolveTimeout {
        /// The name.
        host: String,
        /// How long was waited.
        after: Duration,
    },
    /// A domain has no SRV records for MQTT, or nobody could say.
    #[error("no host from the SRV records of {name}: {what}")]
    Srv {
        /// Service and domain.
        name: String,
        /// Why not.
        what: String,
    },
    /// No address took the connection; `source` is what the last one said.
    #[error("{} (tried {})", brief(.source), Addresses(.tried))]
    Connect {
        /// Every address, in the order they were tried.
        tried: Vec<SocketAddr>,
        /// What the last one said.
        source: io::Error,
    },
    /// No address answered in time.
    #[error("no answer within {} s (tried {})", .after.as_secs_f64(), Addresses(.tried))]
    Timeout {
        /// Every address, in the order they were tried.
        tried: Vec<SocketAddr>,
        /// How long was waited.
        after: Duration,
    },
    /// The system does not let us come from this address.
    #[error("a connection cannot start at the local address {address}: {}", brief(.source))]
    Bind {
        /// The local address.
        address: IpAddr,
        /// What the system says.
        source: io::Error,
    },
    /// Target and local address are of different families.
    #[error("the local address {local} cannot reach {}", Addresses(.tried))]
    Family {
        /// The local address.
        local: IpAddr,
        /// Every address of the target.
        tried: Vec<SocketAddr>,
    },
    /// The unix socket did not take the connection.
    #[error("{}", brief(.source))]
    Unix {
        /// The socket.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The proxy is reached, and does not connect us.
    #[error(transparent)]
    Proxy(#[from] ProxyError),
    /// The connection is open, and TLS fails.
    #[error(transparent)]
    Tls(#[from] Box<TlsError>),
    /// The connection is open, and the upgrade to WebSocket fails.
    #[error(transparent)]
    WebSocket(#[from] Box<WebSocketError>),
    /// Who answers speaks something else.
    #[error(transparent)]
    Foreign(#[from] Foreign),
    /// One of the steps beside opening a TCP connection got no answer in time.
    #[error("{}{step} got no answer within {} s", if *.step == Step::Srv { "" } else { "the connection is open, but " }, .after.as_secs_f64())]
    Slow {
        /// Which step.
        step: Step,
        /// How long was waited in all.
        after: Duration,
    },
}

impl DialError {
    /// Whether another try would meet the same unless somebody changes something: a certificate, a
    /// password of the proxy, another protocol at the port. Nothing is listening yet, or no answer
    /// in time, may pass by itself.
    pub fn is_lasting(&self) -> bool {
        match self {
            DialError::Resolve { .. }
            | DialError::Srv { .. }
            | DialError::ResolveTimeout { .. }
            | DialError::Connect { .. }
            | DialError::Timeout { .. }
            | DialError::Unix { .. }
            | DialError::Slow { .. } => false,
            DialError::Bind { .. } | DialError::Family { .. } | DialError::Foreign(_) => true,
            DialError::Proxy(error) => error.reason.is_lasting(),
            DialError::Tls(error) => error.is_lasting(),
            DialError::WebSocket(error) => error.is_lasting(),
        }
    }
}

/// What is before or behind opening a TCP connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The search for SRV records.
    Srv,
    /// SOCKS5.
    Proxy,
    /// The TLS handshake.
    Tls,
    /// The HTTP request for WebSocket.
    WebSocket,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Step::Srv => "the search for SRV records",
            Step::Proxy => "the request to the proxy",
            Step::Tls => "the TLS handshake",
            Step::WebSocket => "the WebSocket handshake",
        })
    }
}

/// Addresses with commas between.
pub(super) struct Addresses<'a>(pub(super) &'a [SocketAddr]);

impl fmt::Display for Addresses<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, address) in self.0.iter().enumerate() {
            let comma = if i == 0 { "" } else { ", " };
            write!(f, "{comma}{address}")?;
        }
        Ok(())
    }
}

/// The message of an I/O error without its `(os error 111)`.
pub(super) fn brief(error: &io::Error) -> String {
    let text = error.to_string();
    match text.split_once(" (os error") {
        Some((message, _)) => message.to_owned(),
        None => text,
    }
}
