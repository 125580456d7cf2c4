//! Opening a connection: from a [`Target`] to a [`Stream`].

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout, timeout_at};

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
    /// Nobody has said in time what address the name has.
    #[error("the name {host} was not resolved within {} s", .after.as_secs_f64())]
    ResolveTimeout {
        /// The name.
        host: String,
        /// How long was waited.
        after: Duration,
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
    /// Blocks while the system resolves a name that is neither an address nor `localhost`.
    ///
    /// # Errors
    /// [`DialError::Resolve`].
    pub fn resolve(&self) -> Result<Vec<SocketAddr>, DialError> {
        match self.known_addresses() {
            Some(addresses) => Ok(addresses),
            None => lookup(self.host(), self.port()),
        }
    }

    /// Opens the connection, within `timeout` in all.
    ///
    /// # Errors
    /// Every [`DialError`].
    pub async fn connect(&self, timeout: Duration) -> Result<Stream, DialError> {
        let start = Instant::now();
        let addresses = match self.known_addresses() {
            Some(addresses) => addresses,
            None => {
                let (host, port) = (self.host().to_owned(), self.port());
                let slow = || DialError::ResolveTimeout {
                    host: self.host().to_owned(),
                    after: timeout,
                };
                within(timeout, move || lookup(&host, port))
                    .await
                    .unwrap_or_else(|| Err(slow()))?
            }
        };
        connect_tcp(&addresses, timeout, start + timeout).await
    }

    /// The addresses of what needs no resolver.
    fn known_addresses(&self) -> Option<Vec<SocketAddr>> {
        let (host, port) = (self.host(), self.port());
        if let Ok(ip) = host.parse::<IpAddr>() {
            return Some(vec![SocketAddr::new(ip, port)]);
        }
        // RFC 6761, 6.3: always the loopback addresses. IPv6 first, as the system's resolver does.
        host.eq_ignore_ascii_case("localhost").then(|| {
            vec![
                SocketAddr::new(Ipv6Addr::LOCALHOST.into(), port),
                SocketAddr::new(Ipv4Addr::LOCALHOST.into(), port),
            ]
        })
    }

    fn host(&self) -> &str {
        let Target::Tcp { host, .. } = self;
        host
    }

    fn port(&self) -> u16 {
        let Target::Tcp { port, .. } = self;
        *port
    }
}

/// Asks the system's resolver, which may take its time.
fn lookup(host: &str, port: u16) -> Result<Vec<SocketAddr>, DialError> {
    let fail = |source| DialError::Resolve {
        host: host.to_owned(),
        source,
    };
    let addresses: Vec<_> = (host, port).to_socket_addrs().map_err(fail)?.collect();
    match addresses.is_empty() {
        true => Err(fail(io::Error::other("it has no address"))),
        false => Ok(addresses),
    }
}

/// Runs what blocks without blocking this thread, whose signals and timers go on; `None` if it
/// takes too long.
///
/// In a thread of its own and not in the runtime's pool, which would wait for it at the end.
async fn within<T: Send + 'static>(
    patience: Duration,
    work: impl FnOnce() -> T + Send + 'static,
) -> Option<T> {
    let (tell, told) = oneshot::channel();
    let name = std::thread::Builder::new().name("resolver".to_owned());
    // Without a thread there is no answer, which is what the time-out says. Nobody may be waiting
    // for the answer any more.
    name.spawn(move || drop(tell.send(work()))).ok()?;
    timeout(patience, told).await.ok()?.ok()
}

/// Tries the addresses one after the other; a silent one takes its share of the time, not all.
async fn connect_tcp(
    addresses: &[SocketAddr],
    timeout: Duration,
    end: Instant,
) -> Result<Stream, DialError> {
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
        let patience = Duration::from_secs(5);
        let error = connect_tcp(&[address, address], patience, Instant::now() + patience)
            .await
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("Connection refused (tried {address}, {address})")
        );
    }

    #[tokio::test]
    async fn a_resolver_that_hangs_does_not_hang_the_rest() {
        let (end, wait) = std::sync::mpsc::channel::<()>();
        let hangs = move || wait.recv();
        assert_eq!(within(Duration::from_millis(1), hangs).await, None);
        drop(end);
        assert_eq!(within(Duration::from_secs(60), || 7).await, Some(7));
    }
}
