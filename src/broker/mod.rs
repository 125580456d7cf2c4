//! The broker: [`core`] decides, [`serve`] moves the bytes.
//!
//! Here belong sessions, subscriptions, retained messages, wills, and the tokio shell around
//! them. Flag parsing and printing do not.

pub mod core;
mod outbox;
mod shell;
mod watch;

pub use self::core::{Config, ConnectionId, Event, EventKind, Peer};
pub use crate::net::listen::{ListenError, Listener};
pub use shell::serve;
pub use watch::Watch;
