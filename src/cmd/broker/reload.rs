//! SIGHUP: the files that say who may do what, and those of TLS, are read again.

use std::sync::Arc;

use tokio::sync::mpsc;

use super::access::{self, AccessPlan};
use super::listening::tls_options;
use super::plan::TlsPlan;
use crate::broker::access::Access;
use crate::broker::faults::FaultPlan;
use crate::broker::{Config, Extras, Listener, TlsServer, Watch, serve_with};
use crate::cmd::{Failure, note};

/// Runs a broker, and reads files again for it.
pub(super) async fn serve(
    listeners: Vec<Listener>,
    config: Config,
    faults: FaultPlan,
    watch: impl Watch + 'static,
    reload: Option<Reload>,
    shutdown: impl Future<Output = ()>,
) {
    let (renew, renewed) = mpsc::channel(1);
    let extras = Extras {
        faults,
        access: Some(renewed),
    };
    let reloading = async {
        match reload {
            Some(reload) => reload.run(renew).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        () = serve_with(listeners, config, extras, watch, shutdown) => {}
        () = reloading => {}
    }
}

/// What to read again.
pub(super) struct Reload {
    access: Vec<AccessPlan>,
    tls: Vec<(TlsServer, TlsPlan)>,
    hangup: Hangup,
}

impl Reload {
    /// None if there is nothing to read: then SIGHUP ends the broker, as it does other programs.
    ///
    /// # Errors
    /// If the system does not give the signal.
    pub(super) fn new(
        access: Vec<AccessPlan>,
        tls: Vec<(TlsServer, TlsPlan)>,
    ) -> Result<Option<Reload>, Failure> {
        if tls.is_empty() && !access.iter().any(AccessPlan::has_files) {
            return Ok(None);
        }
        Ok(Some(Reload {
            access,
            tls,
            hangup: Hangup::new()?,
        }))
    }

    /// Reads everything whenever SIGHUP comes. What is wrong is said, and then nothing changes.
    async fn run(mut self, to: mpsc::Sender<Vec<Arc<Access>>>) {
        loop {
            self.hangup.recv().await;
            let mut is_good = true;
            match access::load(&self.access) {
                Ok(access) => {
                    // The broker has ended otherwise.
                    let _ = to.send(access).await;
                }
                Err(failure) => {
                    is_good = false;
                    note(format_args!("{failure}; what was read before stays"));
                }
            }
            for (server, plan) in &self.tls {
                if let Err(error) = server.reload(&tls_options(plan)) {
                    is_good = false;
                    note(format_args!("TLS: {error}; what was read before stays"));
                }
            }
            if is_good {
                note("users, access rules and certificates are read again");
            }
        }
    }
}

/// The signal.
struct Hangup {
    #[cfg(unix)]
    signal: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Hangup {
    /// To be called within a runtime.
    fn new() -> Result<Hangup, Failure> {
        use tokio::signal::unix::{SignalKind, signal};
        let signal = signal(SignalKind::hangup())
            .map_err(|error| super::internal("cannot wait for SIGHUP", &error))?;
        Ok(Hangup { signal })
    }

    async fn recv(&mut self) {
        if self.signal.recv().await.is_none() {
            std::future::pending::<()>().await;
        }
    }
}

#[cfg(not(unix))]
impl Hangup {
    fn new() -> Result<Hangup, Failure> {
        Ok(Hangup {})
    }

    async fn recv(&mut self) {
        std::future::pending().await
    }
}
