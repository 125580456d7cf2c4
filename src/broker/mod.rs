//! The broker: [`core`] decides, [`serve`] moves the bytes.
//!
//! Here belong sessions, subscriptions, retained messages, wills, and the tokio shell around
//! them. Flag parsing and printing do not.

pub mod core;
mod keeper;
mod outbox;
mod shell;
pub mod store;
mod watch;

pub use self::core::{Config, ConnectionId, Event, EventKind, Peer};
pub use crate::net::listen::{ListenError, Listener};
pub use shell::serve;
pub use store::{Store, StoreError};
pub use watch::Watch;
