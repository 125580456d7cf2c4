//! Who is at the other end of a connection, as far as the connection itself shows it.

use std::net::SocketAddr;
use std::rc::Rc;

/// What is known of a peer before its CONNECT.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Peer {
    /// Its address; a unix socket has none.
    pub address: Option<SocketAddr>,
    /// The user name that its certificate stands for; none without a certificate, or where the
    /// listener does not make user names of them.
    pub identity: Option<Rc<str>>,
    /// Which of the listeners it came through, from 0.
    pub listener: usize,
}
