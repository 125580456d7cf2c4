//! SIGHUP: the files that say who may do what, and those of TLS, are read again.

use std::sync::Arc;

use tokio::sync::mpsc;

use super::access::{self, AccessPlan};
use super::hangup::{Hangup, Hangups};
use super::listening::tls_options;
use super::plan::TlsPlan;
use crate::broker::access::Access;
use crate::broker::{Config, Extras, Listener, StoreError, TlsServer, Watch, serve_with};
use crate::cmd::{Failure, note};

/// Runs a broker, and reads files again for it.
pub(super) async fn serve(
    listeners: Vec<Listener>,
    config: Config,
    extras: Extras,
    watch: impl Watch + 'static,
    reload: Reload,
    shutdown: impl Future<Output = ()>,
) -> Result<(), StoreError> {
    let (renew, renewed) = mpsc::channel(1);
    let extras = Extras {
        access: Some(renewed),
        ..extras
    };
    tokio::select! {
        served = serve_with(listeners, config, extras, watch, shutdown) => served,
        () = reload.run(renew) => Ok(()),
    }
}

/// What to read again.
pub(super) struct Reload {
    access: Vec<AccessPlan>,
    tls: Vec<(TlsServer, TlsPlan)>,
    hangups: Hangups,
}

impl Reload {
    /// # Errors
    /// If the system does not give the signal.
    pub(super) fn new(
        access: Vec<AccessPlan>,
        tls: Vec<(TlsServer, TlsPlan)>,
    ) -> Result<Reload, Failure> {
        Ok(Reload {
            access,
            tls,
            hangups: Hangups::new()?,
        })
    }

    /// Whether there is anything to read again.
    pub(super) fn has_files(&self) -> bool {
        !self.tls.is_empty() || self.access.iter().any(AccessPlan::has_files)
    }

    /// Reads everything whenever SIGHUP comes. What is wrong is said, and then nothing changes.
    async fn run(mut self, to: mpsc::Sender<Vec<Arc<Access>>>) {
        loop {
            if self.hangups.next().await == Hangup::Gone {
                continue;
            }
            if !self.has_files() {
                note("there are no users, access rules and certificates to read again");
                continue;
            }
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
