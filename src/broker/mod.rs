//! The broker: [`core`] decides, [`serve`] moves the bytes.
//!
//! [`access`] says who may do what; [`faults`] is what a test may do to packets on their way.
//!
//! Here belong sessions, subscriptions, retained messages, wills, and the tokio shell around
//! them. Flag parsing and printing do not.

pub mod access;
pub mod core;
pub mod faults;
mod keeper;
mod outbox;
mod shell;
pub mod store;
mod watch;

pub use self::core::{Config, ConnectionId, Event, EventKind, ListenerConfig, Peer, Versions};
pub use crate::net::listen::{
    Endpoint, HandshakeError, Identity, ListenError, ListenOptions, Listener, Place,
};
pub use crate::net::{
    Throwaway, ThrowawayError, TlsServer, TlsServerOptions, TlsSetupError, TlsVersion,
};
pub use shell::{Extras, Order, serve, serve_with};
pub use store::{Store, StoreError};
pub use watch::Watch;
