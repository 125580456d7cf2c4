//! Opening a connection: from a [`Target`] to a [`Stream`].

use std::future::Future;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::time::Duration;

use domain::resolv::StubResolver;
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout, timeout_at};

use super::error::Step;
use super::ports::{LocalPorts, bound_socket};
use super::proxy::ProxyReason;
use super::srv;
use super::target::Address;
use super::{DialError, Foreign, Stream, Target, Tls, WebSocketError};

/// How long the question may take whether a port speaks TLS.
const PROBE_TIMEOUT: Duration = Duration::from_secs(2);

impl Target {
    /// The addresses behind the name; none of a unix socket and of a domain's SRV records.
    ///
    /// Blocks while the system resolves a name that is neither an address nor `localhost`.
    ///
    /// # Errors
    /// [`DialError::Resolve`].
    pub fn resolve(&self) -> Result<Vec<SocketAddr>, DialError> {
        match &self.address {
            Address::Tcp { host, port } => match known_addresses(host, *port) {
                Some(addresses) => Ok(addresses),
                None => lookup(host, *port),
            },
            Address::Srv(_) => Ok(Vec::new()),
            #[cfg(unix)]
            Address::Unix(_) => Ok(Vec::new()),
        }
    }

    /// Opens the connection with all its layers, within `timeout` in all.
    ///
    /// # Errors
    /// Every [`DialError`].
    pub async fn connect(&self, timeout: Duration) -> Result<Stream, DialError> {
        let limit = Limit::new(timeout);
        let stream = self.open(limit).await?;
        match self.tls.is_none() && self.websocket.is_none() {
            true => Ok(stream),
            // In a box: most connections do without what this future holds.
            false => match Box::pin(self.wrap(stream, limit)).await {
                Err(DialError::WebSocket(error)) if error.is_silence() => {
                    Err(match Box::pin(self.diagnose()).await {
                        Some(foreign) => foreign.into(),
                        None => error.into(),
                    })
                }
                result => result,
            },
        }
    }

    /// After a plain connection has ended without an answer: whether the port speaks TLS. That a
    /// server which awaits TLS should say so is nowhere written, and many hang up without a word.
    pub async fn diagnose(&self) -> Option<Foreign> {
        if self.tls.is_some() || !matches!(self.address, Address::Tcp { .. }) {
            return None;
        }
        let limit = Limit::new(PROBE_TIMEOUT);
        let stream = self.open(limit).await.ok()?;
        let speaks_tls = timeout_at(limit.end, Tls::is_spoken_by(stream)).await;
        speaks_tls.is_ok_and(|yes| yes).then_some(Foreign::Tls)
    }

    /// The way there.
    async fn open(&self, limit: Limit) -> Result<Stream, DialError> {
        let (host, port) = match &self.address {
            Address::Tcp { host, port } => (host.as_str(), *port),
            Address::Srv(domain) => return Box::pin(self.open_srv(domain, limit)).await,
            #[cfg(unix)]
            Address::Unix(path) => return connect_unix(path, limit).await,
        };
        let Some(proxy) = &self.proxy else {
            return Ok(Stream::Tcp(self.open_tcp(host, port, limit).await?));
        };
        let stream = Box::pin(self.open_tcp(&proxy.host, proxy.port, limit))
            .await
            .map_err(|error| proxy.error(ProxyReason::Unreached(Box::new(error))))?;
        let connected = limit.step(Step::Proxy, proxy.connect(stream, host, port));
        Ok(Stream::Tcp(Box::pin(connected).await??))
    }

    /// The first host of the SRV records that takes the connection.
    async fn open_srv(&self, domain: &str, limit: Limit) -> Result<Stream, DialError> {
        let resolver = StubResolver::new();
        let lookup = srv::lookup(&resolver, domain, self.tls.is_some());
        let mut failed = None;
        for (host, port) in limit.step(Step::Srv, lookup).await?? {
            match self.open_tcp(&host, port, limit).await {
                Ok(stream) => return Ok(Stream::Tcp(stream)),
                Err(error) => failed = Some(error),
            }
        }
        // There is at least one host.
        Err(failed.unwrap_or(DialError::ResolveTimeout {
            host: domain.to_owned(),
            after: limit.timeout,
        }))
    }

    async fn open_tcp(&self, host: &str, port: u16, limit: Limit) -> Result<TcpStream, DialError> {
        let addresses = resolve(host, port, limit).await?;
        let ports = self.ports.as_deref();
        match &self.bind {
            None => connect_tcp(&addresses, None, ports, limit).await,
            Some(local) => {
                let local = resolve(local, 0, limit).await?;
                // A name may have an address of each family.
                let fits = local
                    .iter()
                    .find(|l| addresses.iter().any(|a| a.is_ipv4() == l.is_ipv4()));
                let local = fits.or(local.first()).map(SocketAddr::ip);
                connect_tcp(&addresses, local, ports, limit).await
            }
        }
    }

    /// The layers on an open connection.
    async fn wrap(&self, mut stream: Stream, limit: Limit) -> Result<Stream, DialError> {
        if let Some(tls) = &self.tls {
            let name = match &self.address {
                Address::Tcp { host, .. } | Address::Srv(host) => host,
                #[cfg(unix)]
                Address::Unix(_) => "localhost",
            };
            let stream_in = tls.connect(name, stream);
            let secure = limit.step(Step::Tls, stream_in).await?.map_err(Box::new)?;
            stream = Stream::Tls(Box::new(secure));
        }
        if let Some(websocket) = &self.websocket {
            let host = match &self.address {
                Address::Tcp { .. } | Address::Srv(_) => self.address.to_string(),
                #[cfg(unix)]
                Address::Unix(_) => "localhost".to_owned(),
            };
            let stream_in = websocket.connect(&host, self.tls.is_some(), stream);
            let framed = limit.step(Step::WebSocket, stream_in).await?;
            let framed = framed.map_err(|error| match error {
                // What TLS 1.3 says of our certificate comes only now.
                WebSocketError::Tls(error) => DialError::from(Box::new(error)),
                error => DialError::from(Box::new(error)),
            })?;
            stream = Stream::WebSocket(Box::new(framed));
        }
        Ok(stream)
    }
}

/// How long everything together may take.
#[derive(Debug, Clone, Copy)]
struct Limit {
    timeout: Duration,
    end: Instant,
}

impl Limit {
    fn new(timeout: Duration) -> Limit {
        let end = Instant::now() + timeout;
        Limit { timeout, end }
    }

    async fn step<T>(self, step: Step, work: impl Future<Output = T>) -> Result<T, DialError> {
        let after = self.timeout;
        timeout_at(self.end, work)
            .await
            .map_err(|_| DialError::Slow { step, after })
    }
}

async fn resolve(host: &str, port: u16, limit: Limit) -> Result<Vec<SocketAddr>, DialError> {
    if let Some(addresses) = known_addresses(host, port) {
        return Ok(addresses);
    }
    let name = host.to_owned();
    let left = limit.end.saturating_duration_since(Instant::now());
    within(left, move || lookup(&name, port))
        .await
        .unwrap_or_else(|| {
            Err(DialError::ResolveTimeout {
                host: host.to_owned(),
                after: limit.timeout,
            })
        })
}

/// The addresses of what needs no resolver.
fn known_addresses(host: &str, port: u16) -> Option<Vec<SocketAddr>> {
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
    local: Option<IpAddr>,
    ports: Option<&LocalPorts>,
    limit: Limit,
) -> Result<TcpStream, DialError> {
    let reachable: Vec<_> = addresses
        .iter()
        .filter(|address| local.is_none_or(|local| local.is_ipv4() == address.is_ipv4()))
        .collect();
    if let (Some(local), true) = (local, reachable.is_empty()) {
        let tried = addresses.to_vec();
        return Err(DialError::Family { local, tried });
    }
    let mut refused = None;
    for (i, &&address) in reachable.iter().enumerate() {
        let left = u32::try_from(reachable.len() - i).unwrap_or(u32::MAX);
        let now = Instant::now();
        let until = now + limit.end.saturating_duration_since(now) / left;
        let attempt = async {
            if let Some(ports) = ports
                && let Some(connected) = ports.connect(local, address).await?
            {
                return Ok(connected);
            }
            match local {
                None => Ok(TcpStream::connect(address).await),
                Some(local) => Ok(bound_socket(local, 0)?.connect(address).await),
            }
        };
        match timeout_at(until, attempt).await {
            Ok(Ok(Ok(stream))) => {
                // Packets leave as whole buffers: waiting for more could only delay them. If the
                // system refuses, the connection works all the same.
                let _ = stream.set_nodelay(true);
                return Ok(stream);
            }
            Ok(Ok(Err(source))) => refused = Some(source),
            Ok(Err(error)) => return Err(error),
            Err(_) => {}
        }
    }
    let tried = reachable.into_iter().copied().collect();
    Err(match refused {
        Some(source) => DialError::Connect { tried, source },
        None => DialError::Timeout {
            tried,
            after: limit.timeout,
        },
    })
}

#[cfg(unix)]
async fn connect_unix(path: &std::path::Path, limit: Limit) -> Result<Stream, DialError> {
    let fail = |source| DialError::Unix {
        path: path.to_owned(),
        source,
    };
    match timeout_at(limit.end, tokio::net::UnixStream::connect(path)).await {
        Ok(Ok(stream)) => Ok(Stream::Unix(stream)),
        Ok(Err(source)) => Err(fail(source)),
        Err(_) => Err(fail(io::ErrorKind::TimedOut.into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tcp(host: &str, port: u16) -> Target {
        Target::new(Address::Tcp {
            host: host.to_owned(),
            port,
        })
    }

    /// A port that was free a moment ago, on an address that nothing listens on.
    fn closed_port() -> u16 {
        std::net::TcpListener::bind("127.0.0.1:0")
            .and_then(|l| l.local_addr())
            .unwrap()
            .port()
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

    #[tokio::test]
    async fn a_refusal_names_every_address() {
        let address = SocketAddr::from(([127, 0, 0, 1], closed_port()));
        let limit = Limit::new(Duration::from_secs(5));
        let error = connect_tcp(&[address, address], None, None, limit)
            .await
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("Connection refused (tried {address}, {address})")
        );
    }

    // Elsewhere 127.0.0.9 is no local address.
    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn a_connection_starts_at_the_address_asked_for() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let mut target = tcp("localhost", listener.local_addr().unwrap().port());
        target.bind = Some("127.0.0.9".to_owned());
        let _stream = target.connect(Duration::from_secs(5)).await.unwrap();
        let (_, from) = listener.accept().unwrap();
        assert_eq!(from.ip(), IpAddr::from([127, 0, 0, 9]));
    }

    #[tokio::test]
    async fn a_local_address_that_does_not_work_is_named() {
        let mut target = tcp("127.0.0.1", closed_port());
        // RFC 5737: an address that no machine has.
        target.bind = Some("192.0.2.1".to_owned());
        let error = target.connect(Duration::from_secs(5)).await.unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("a connection cannot start at the local address 192.0.2.1: "),
            "{error}"
        );
        target.bind = Some("::1".to_owned());
        let error = target.connect(Duration::from_secs(5)).await.unwrap_err();
        assert!(matches!(error, DialError::Family { .. }), "{error}");
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
