//! SIGHUP, and the two things that it says: read your files again, or your terminal is gone.

use std::io::{self, IsTerminal};

use super::internal;
use crate::cmd::Failure;

/// What SIGHUP says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hangup {
    /// Somebody has sent it.
    Reload,
    /// The terminal that midge was started at is closed.
    Gone,
}

/// The signal; from now on it does not end midge by itself.
pub(super) struct Hangups {
    #[cfg(unix)]
    signal: tokio::signal::unix::Signal,
    had_terminal: bool,
}

fn has_terminal() -> bool {
    io::stdin().is_terminal() || io::stdout().is_terminal() || io::stderr().is_terminal()
}

#[cfg(unix)]
impl Hangups {
    /// To be called within a runtime.
    ///
    /// # Errors
    /// If the system does not give the signal.
    pub(super) fn new() -> Result<Hangups, Failure> {
        use tokio::signal::unix::{SignalKind, signal};
        let signal = signal(SignalKind::hangup())
            .map_err(|error| internal("cannot wait for SIGHUP", &error))?;
        Ok(Hangups {
            signal,
            had_terminal: has_terminal(),
        })
    }

    /// Waits for the next one.
    pub(super) async fn next(&mut self) -> Hangup {
        if self.signal.recv().await.is_none() {
            std::future::pending::<()>().await;
        }
        // A terminal that is closed is none any more.
        match self.had_terminal && !has_terminal() {
            true => Hangup::Gone,
            false => Hangup::Reload,
        }
    }
}

#[cfg(not(unix))]
impl Hangups {
    /// Nothing to do ahead.
    ///
    /// # Errors
    /// None.
    pub(super) fn new() -> Result<Hangups, Failure> {
        Ok(Hangups {
            had_terminal: has_terminal(),
        })
    }

    /// There is no such signal.
    pub(super) async fn next(&mut self) -> Hangup {
        std::future::pending().await
    }
}

impl Hangups {
    /// Waits until the terminal is gone.
    pub(super) async fn gone(&mut self) {
        while self.next().await != Hangup::Gone {}
    }
}
