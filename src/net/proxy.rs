//! SOCKS5 (RFC 1928) with user name and password (RFC 1929). The proxy resolves the broker's name
//! (`socks5h`).

use std::fmt;

use tokio::net::TcpStream;
use tokio_socks::Error;
use tokio_socks::tcp::Socks5Stream;

use super::error::brief;

/// A SOCKS5 proxy.
#[derive(Clone, PartialEq, Eq)]
pub struct Proxy {
    /// A name, or an IPv4 or IPv6 address without brackets.
    pub host: String,
    /// 1 to 65535; 1080 by custom.
    pub port: u16,
    /// User name and password, 1 to 255 bytes each.
    pub login: Option<(String, String)>,
}

/// Why a proxy does not connect us.
#[derive(Debug, thiserror::Error)]
#[error("the proxy {proxy} {reason}")]
pub struct ProxyError {
    /// `host:port`.
    pub proxy: String,
    /// What it says.
    pub reason: ProxyReason,
}

/// What a proxy says.
#[derive(Debug, thiserror::Error)]
pub enum ProxyReason {
    /// The proxy itself is not reached.
    #[error("is not reached: {0}")]
    Unreached(Box<super::DialError>),
    /// It has no place for us without a name, or does not take passwords.
    #[error("wants a login that was not given, or of a kind that midge does not have")]
    LoginWanted,
    /// Name or password are wrong.
    #[error("does not accept the user name and password")]
    LoginRefused,
    /// Its rules are against it.
    #[error("does not allow this connection")]
    NotAllowed,
    /// It cannot reach the broker's network.
    #[error("says: network unreachable")]
    NetworkUnreachable,
    /// It cannot reach the broker, or does not know its name.
    #[error("says: host unreachable")]
    HostUnreachable,
    /// The broker's port is closed.
    #[error("says: connection refused")]
    Refused,
    /// It took too many steps.
    #[error("says: time to live expired")]
    TtlExpired,
    /// It says only that it did not work.
    #[error("says: general failure")]
    Failure,
    /// It does not do CONNECT, or not with names.
    #[error("says: {0} not supported")]
    NotSupported(&'static str),
    /// It does not speak SOCKS5.
    #[error("does not speak SOCKS5")]
    NotSocks,
    /// The connection to it broke.
    #[error("broke the connection: {}", brief(.0))]
    Io(std::io::Error),
    /// A user name or password that does not fit into the protocol.
    #[error("cannot be told this login: {0}")]
    BadLogin(String),
}

impl ProxyReason {
    /// See [`DialError::is_lasting`](super::DialError::is_lasting).
    pub(super) fn is_lasting(&self) -> bool {
        match self {
            ProxyReason::Unreached(error) => error.is_lasting(),
            ProxyReason::LoginWanted
            | ProxyReason::LoginRefused
            | ProxyReason::NotAllowed
            | ProxyReason::NotSupported(_)
            | ProxyReason::NotSocks
            | ProxyReason::BadLogin(_) => true,
            _ => false,
        }
    }
}

impl Proxy {
    /// Asks for a connection.
    pub(super) async fn connect(
        &self,
        stream: TcpStream,
        host: &str,
        port: u16,
    ) -> Result<TcpStream, ProxyError> {
        let target = (host, port);
        let connected = match &self.login {
            None => Socks5Stream::connect_with_socket(stream, target).await,
            Some((name, password)) => {
                Socks5Stream::connect_with_password_and_socket(stream, target, name, password).await
            }
        };
        connected
            .map(Socks5Stream::into_inner)
            .map_err(|error| self.error(reason(error)))
    }

    /// What this proxy says, with its name.
    pub(super) fn error(&self, reason: ProxyReason) -> ProxyError {
        ProxyError {
            proxy: self.to_string(),
            reason,
        }
    }
}

fn reason(error: Error) -> ProxyReason {
    match error {
        Error::NoAcceptableAuthMethods | Error::AuthorizationRequired => ProxyReason::LoginWanted,
        Error::PasswordAuthFailure(_) => ProxyReason::LoginRefused,
        Error::ConnectionNotAllowedByRuleset => ProxyReason::NotAllowed,
        Error::NetworkUnreachable => ProxyReason::NetworkUnreachable,
        Error::HostUnreachable => ProxyReason::HostUnreachable,
        Error::ConnectionRefused => ProxyReason::Refused,
        Error::TtlExpired => ProxyReason::TtlExpired,
        Error::GeneralSocksServerFailure | Error::UnknownError => ProxyReason::Failure,
        Error::CommandNotSupported => ProxyReason::NotSupported("command"),
        Error::AddressTypeNotSupported => ProxyReason::NotSupported("address type"),
        Error::Io(error) => ProxyReason::Io(error),
        Error::InvalidAuthValues(what) | Error::InvalidTargetAddress(what) => {
            ProxyReason::BadLogin(what.to_owned())
        }
        _ => ProxyReason::NotSocks,
    }
}

/// `host:port`, without the login.
impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host.contains(':') {
            true => write!(f, "[{}]:{}", self.host, self.port),
            false => write!(f, "{}:{}", self.host, self.port),
        }
    }
}

/// Without the password.
impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proxy")
            .field("host", &self.host)
            .field("port", &self.port)
            .field("user", &self.login.as_ref().map(|(name, _)| name))
            .finish_non_exhaustive()
    }
}
