//! Local ports that are chosen here, in turn, and not by the system.
//!
//! Linux looks for a free port at the even ones first. When most of those are in use toward the same
//! server, each new connection looks at thousands, which takes longer than all else: from about
//! 13,000 connections on, where ports are 32768 to 60999.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::atomic::{AtomicU32, Ordering};

use tokio::net::{TcpSocket, TcpStream};

use super::DialError;

/// Ports that connections start at.
#[derive(Debug)]
pub struct LocalPorts {
    first: u16,
    count: u16,
    next: AtomicU32,
}

impl LocalPorts {
    /// These, beginning anywhere among them, so that two programs seldom try the same.
    pub fn new(first: u16, count: u16, begin: u32) -> LocalPorts {
        let count = count.clamp(1, u16::MAX - first.min(u16::MAX - 1));
        LocalPorts {
            first,
            count,
            next: AtomicU32::new(begin % u32::from(count)),
        }
    }

    fn take(&self) -> u16 {
        let number = self.next.fetch_add(1, Ordering::Relaxed) % u32::from(self.count);
        // Below the count, which fits.
        self.first + number as u16
    }

    /// Connects from the next port that is free toward this address; `None` if there is none.
    pub(super) async fn connect(
        &self,
        local: Option<IpAddr>,
        address: SocketAddr,
    ) -> Result<Option<io::Result<TcpStream>>, DialError> {
        let local = local.unwrap_or(match address {
            SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
            SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
        });
        for _ in 0..self.count {
            let port = self.take();
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

    #[test]
    fn ports_take_turns() {
        let ports = LocalPorts::new(40_000, 3, 7);
        let taken: Vec<_> = (0..4).map(|_| ports.take()).collect();
        assert_eq!(taken, [40_001, 40_002, 40_000, 40_001]);
        let last = LocalPorts::new(u16::MAX, u16::MAX, 5);
        assert_eq!((last.take(), last.take()), (u16::MAX, u16::MAX));
    }

    /// Linux only: elsewhere the ports of a system may be others.
    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn one_that_is_taken_is_passed_over() {
        let server = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let other = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let (address, taken) = (server.local_addr().unwrap(), other.local_addr().unwrap());
        let first = taken.port().min(u16::MAX - 50);
        let ports = LocalPorts::new(first, 50, u32::from(taken.port() - first));
        let mut open = Vec::new();
        for _ in 0..3 {
            let stream = ports.connect(None, address).await.unwrap();
            open.push(stream.unwrap().unwrap());
        }
        let mut froms: Vec<_> = open
            .iter()
            .map(|s| s.local_addr().unwrap().port())
            .collect();
        assert!(froms.iter().all(|port| (first..first + 50).contains(port)));
        assert!(!froms.contains(&taken.port()));
        froms.dedup();
        assert_eq!(froms.len(), 3);
        // An address of another machine (RFC 5737).
        let elsewhere = Some("192.0.2.1".parse().unwrap());
        let error = ports.connect(elsewhere, address).await.unwrap_err();
        assert!(matches!(error, DialError::Bind { .. }), "{error}");
        // One for each connection to the same server, and no more.
        let one = LocalPorts::new(froms[0], 1, 0);
        assert!(one.connect(None, address).await.unwrap().is_none());
    }
}
