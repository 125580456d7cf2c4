//! Opening a connection: from a [`Target`] to a [`Stream`].

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};

use super::Stream;

/// Where a connection goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// Plain TCP.
    Tcp {
        /// A name, or an IPv4 or IPv6 address without brackets.
        host: String,
        /// 1 to 65535.
        port: u16,
    },
}

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
}

impl Target {
    /// The addresses behind the name.
    ///
    /// Blocks while the system resolves a name that is neither an address nor `localhost`: for one
    /// connection that costs less than a thread, and many connections resolve once.
    ///
    /// # Errors
    /// [`DialError::Resolve`].
    pub fn resolve(&self) -> Result<Vec<SocketAddr>, DialError> {
        let Target::Tcp { host, port } = self;
        if let Ok(ip) = host.parse::<IpAddr>() {
            return Ok(vec![SocketAddr::new(ip, *port)]);
        }
        // RFC 6761, 6.3: always the loopback addresses. IPv6 first, as the system's resolver does.
        if host.eq_ignore_ascii_case("localhost") {
            return Ok(vec![
                SocketAddr::new(Ipv6Addr::LOCALHOST.into(), *port),
                SocketAddr::new(Ipv4Addr::LOCALHOST.into(), *port),
            ]);
        }
        let resolve_error = |source| DialError::Resolve {
            host: host.clone(),
            source,
        };
        let addresses: Vec<_> = (host.as_str(), *port)
            .to_socket_addrs()
            .map_err(resolve_error)?
            .collect();
        if addresses.is_empty() {
            return Err(resolve_error(io::Error::other("it has no address")));
        }
        Ok(addresses)
    }

    /// Opens the connection, within `timeout` in all (name resolution excepted, which has the
    /// time-outs of the system's resolver).
    ///
    /// # Errors
    /// Every [`DialError`].
    pub async fn connect(&self, timeout: Duration) -> Result<Stream, DialError> {
        connect_tcp(&self.resolve()?, timeout).await
    }
}

/// Tries the addresses one after the other; a silent one takes its share of the time, not all.
async fn connect_tcp(addresses: &[SocketAddr], timeout: Duration) -> Result<Stream, DialError> {
    let end = Instant::now() + timeout;
    let mut refused = None;
    for (i, address) in addresses.iter().enumerate() {
        let left = u32::try_from(addresses.len() - i).unwrap_or(u32::MAX);
        let now = Instant::now();
        let until = now + end.saturating_duration_since(now) / left;
        match timeout_at(until, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => {
                // Packets leave as whole buffers: waiting for more could only delay them. If the
                // system refuses, the connection works all the same.
                let _ = stream.set_nodelay(true);
                return Ok(Stream::Tcp(stream));
            }
            Ok(Err(source)) => refused = Some(source),
            Err(_) => {}
        }
    }
    let tried = addresses.to_vec();
    Err(match refused {
        Some(source) => DialError::Connect { tried, source },
        None => DialError::Timeout {
            tried,
            after: timeout,
        },
    })
}

/// `host:port`, IPv6 addresses in brackets.
impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Target::Tcp { host, port } if host.contains(':') => write!(f, "[{host}]:{port}"),
            Target::Tcp { host, port } => write!(f, "{host}:{port}"),
        }
    }
}

struct Addresses<'a>(&'a [SocketAddr]);

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
fn brief(error: &io::Error) -> String {
    let text = error.to_string();
    match text.split_once(" (os error") {
        Some((message, _)) => message.to_owned(),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tcp(host: &str, port: u16) -> Target {
        Target::Tcp {
            host: host.to_owned(),
            port,
        }
    }

    #[test]
    fn addresses_and_localhost_need_no_resolver() {
        assert_eq!(
            tcp("192.0.2.1", 7).resolve().unwrap(),
            ["192.0.2.1:7".parse().unwrap()]
        );
        assert_eq!(
            tcp("2001:db8::1", 7).resolve().unwrap(),
            ["[2001:db8::1]:7".parse().unwrap()]
        );
        assert_eq!(
            tcp("LocalHost", 7).resolve().unwrap(),
            ["[::1]:7".parse().unwrap(), "127.0.0.1:7".parse().unwrap()]
        );
    }

    #[test]
    fn a_target_is_shown_as_people_write_it() {
        assert_eq!(tcp("example.org", 1883).to_string(), "example.org:1883");
        assert_eq!(tcp("::1", 1883).to_string(), "[::1]:1883");
    }

    #[tokio::test]
    async fn a_refusal_names_every_address() {
        // A port that was free a moment ago, on an address that nothing listens on.
        let port = std::net::TcpListener::bind("127.0.0.1:0")
            .and_then(|l| l.local_addr())
            .unwrap()
            .port();
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let error = connect_tcp(&[address, address], Duration::from_secs(5))
            .await
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("Connection refused (tried {address}, {address})")
        );
    }
}
