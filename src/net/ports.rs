//! Local ports for those who open very many connections.
//!
//! Linux looks for a free port at every second one first. When most of those are in use toward the
//! same server, each new connection looks at thousands, which takes longer than all else: from about
//! 13,000 connections on, where ports are 32768 to 60999. From there on they are chosen here, in turn,
//! of the others. Not before: while a port is chosen by its number, the system gives it to nobody,
//! whatever server he wants.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::atomic::{AtomicU32, Ordering};

use tokio::net::{TcpSocket, TcpStream};

use super::DialError;

/// The system's choice as long as it is quick, in percent of the ports: they are halves.
const QUICK: u32 = 42;

/// Where connections start.
#[derive(Debug)]
pub struct LocalPorts {
    first: u16,
    count: u16,
    /// How many were taken.
    taken: AtomicU32,
    /// Where among the ports to begin.
    begin: u32,
}

impl LocalPorts {
    /// For a system with so many ports, beginning anywhere among them, so that two programs seldom
    /// try the same.
    pub fn new(first: u16, count: u16, begin: u32) -> LocalPorts {
        LocalPorts {
            first,
            count: count.min(u16::MAX - first),
            taken: AtomicU32::new(0),
            begin,
        }
    }

    /// `None`: the system's choice.
    fn take(&self) -> Option<u16> {
        let taken = self.taken.fetch_add(1, Ordering::Relaxed);
        let own = taken.checked_sub(u32::from(self.count) * QUICK / 100)?;
        // The system begins with the first port, and goes on with the third.
        let pairs = u32::from(self.count / 2);
        let pair = self.begin.wrapping_add(own).checked_rem(pairs)?;
        // Below the count, which fits.
        Some(self.first + 2 * pair as u16 + 1)
    }

    /// Connects from the next port that is free toward this address; `None` if the choice is left to
    /// the system.
    pub(super) async fn connect(
        &self,
        local: Option<IpAddr>,
        address: SocketAddr,
    ) -> Result<Option<io::Result<TcpStream>>, DialError> {
        let local = local.unwrap_or(match address {
            SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
            SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
        });
        for _ in 0..self.count / 2 {
            let Some(port) = self.take() else {
                return Ok(None);
            };
            // On the same machine it would be connected with itself.
            if port == address.port() {
                continue;
            }
            let socket = match bound_socket(local, port) {
                Ok(socket) => socket,
                Err(DialError::Bind { source, .. }) if source.kind() == ErrorKind::AddrInUse => {
                    continue;
                }
                Err(error) => return Err(error),
            };
            match socket.connect(address).await {
                // In use toward this address, or not long ago.
                Err(error) if error.kind() == ErrorKind::AddrNotAvailable => {}
                connected => return Ok(Some(connected)),
            }
        }
        Ok(None)
    }
}

/// A socket that starts at this local address; port 0 leaves that to the system.
pub(super) fn bound_socket(address: IpAddr, port: u16) -> Result<TcpSocket, DialError> {
    let socket = match address {
        IpAddr::V4(_) => TcpSocket::new_v4(),
        IpAddr::V6(_) => TcpSocket::new_v6(),
    };
    socket
        .and_then(|socket| {
            // A port may have connections to several servers.
            if port > 0 {
                socket.set_reuseaddr(true)?;
            }
            socket.bind(SocketAddr::new(address, port))?;
            Ok(socket)
        })
        .map_err(|source| DialError::Bind { address, source })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Past the system's share.
    fn own(first: u16, count: u16, begin: u32) -> LocalPorts {
        let ports = LocalPorts::new(first, count, begin);
        while ports.taken.load(Ordering::Relaxed) < u32::from(ports.count) * QUICK / 100 {
            assert_eq!(ports.take(), None);
        }
        ports
    }

    #[test]
    fn ports_take_turns() {
        let ports = own(40_000, 6, 7);
        let taken: Vec<_> = (0..4).map_while(|_| ports.take()).collect();
        assert_eq!(taken, [40_003, 40_005, 40_001, 40_003]);
        assert_eq!(own(40_000, 1, 7).take(), None);
        let last = own(u16::MAX - 2, u16::MAX, u32::MAX);
        assert_eq!(last.take(), Some(u16::MAX - 1));
    }

    /// Linux only: elsewhere the ports of a system may be others.
    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn one_that_is_taken_is_passed_over() {
        let server = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let other = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let (address, taken) = (server.local_addr().unwrap(), other.local_addr().unwrap());
        let first = taken.port().min(u16::MAX - 100) - 1;
        let ports = own(first, 100, 0);
        let mut open = Vec::new();
        for _ in 0..3 {
            let stream = ports.connect(None, address).await.unwrap();
            open.push(stream.unwrap().unwrap());
        }
        let mut froms: Vec<_> = open
            .iter()
            .map(|s| s.local_addr().unwrap().port())
            .collect();
        assert!(froms.iter().all(|port| (first..first + 100).contains(port)));
        assert!(!froms.contains(&taken.port()));
        froms.dedup();
        assert_eq!(froms.len(), 3);
        // An address of another machine (RFC 5737).
        let elsewhere = Some("192.0.2.1".parse().unwrap());
        let error = ports.connect(elsewhere, address).await.unwrap_err();
        assert!(matches!(error, DialError::Bind { .. }), "{error}");
        // One for each connection to the same server, and no more.
        let one = own(froms[0] - 1, 2, 0);
        assert!(one.connect(None, address).await.unwrap().is_none());
    }
}
