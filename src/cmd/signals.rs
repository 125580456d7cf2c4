//! The signals that end a subcommand before its work is done.

use std::time::Duration;

use super::{Exit, Failure};

/// SIGINT and SIGTERM; Ctrl-C where there are no signals.
#[derive(Debug)]
pub(super) struct Signals {
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
}

impl Signals {
    /// Waits for a signal, or for the end of a time: the exit code for what comes first.
    pub(super) async fn recv_within(&mut self, wait: Option<Duration>) -> Exit {
        tokio::select! {
            exit = self.recv() => exit,
            exit = time_over(wait) => exit,
        }
    }
}

/// Waits for the end of a time.
pub(super) async fn time_over(wait: Option<Duration>) -> Exit {
    match wait {
        Some(wait) => tokio::time::sleep(wait).await,
        None => std::future::pending().await,
    }
    Exit::TimeOver
}

#[cfg(unix)]
impl Signals {
    /// Takes the signals over from now on. To be called within a runtime.
    ///
    /// # Errors
    /// If the system does not give them.
    pub(super) fn new() -> Result<Signals, Failure> {
        use tokio::signal::unix::{SignalKind, signal};
        let failure = |error| Failure::new(Exit::Io, format!("cannot wait for signals: {error}"));
        Ok(Signals {
            interrupt: signal(SignalKind::interrupt()).map_err(failure)?,
            terminate: signal(SignalKind::terminate()).map_err(failure)?,
        })
    }

    /// Waits for a signal: the exit code for it.
    pub(super) async fn recv(&mut self) -> Exit {
        tokio::select! {
            _ = self.interrupt.recv() => Exit::Interrupted,
            _ = self.terminate.recv() => Exit::Terminated,
        }
    }
}

#[cfg(not(unix))]
impl Signals {
    /// Nothing to do ahead.
    ///
    /// # Errors
    /// None.
    pub(super) fn new() -> Result<Signals, Failure> {
        Ok(Signals {})
    }

    /// Waits for Ctrl-C: the exit code for it.
    pub(super) async fn recv(&mut self) -> Exit {
        match tokio::signal::ctrl_c().await {
            Ok(()) => Exit::Interrupted,
            // Without a way to be told, there is nothing to wait for.
            Err(_) => std::future::pending().await,
        }
    }
}
